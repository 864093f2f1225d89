//! String functions, patterns, formatting and json. The string functions of fixed types have their table beside their
//! kernels; here are those that take anything.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use lis_functions::{
    bytes, encodings, formatting, identifiers, json, patterns,
    strings::{self as k, Definition, Kind},
};
use lis_lake::types::{Category, ColumnType, PgType};

use super::{FunctionRow, Make, build, kernel, other_type};
use crate::{
    build::{apply, apply_on_null, call},
    error::{SqlError, SqlErrorKind},
    resolve::select::Formal::{self, Any, AnyElement, Foreign, Is},
    types::{
        Binding, Typed,
        casts::{canonical_text, to_text},
    },
};

use PgType::{
    Bool, Bytea, Date, Float4, Float8, Int4, Int8, Interval, Json, Jsonb, Name, Numeric, Text, Timestamp,
    Timestamptz,
};

const TEXT: ColumnType = ColumnType::plain(Text);
const TEXT_ARRAY: PgType = PgType::Array(&PgType::Text);

fn formal(kind: Kind) -> Formal {
    Is(match kind {
        Kind::Text => Text,
        Kind::Int4 => Int4,
        Kind::Int8 => Int8,
        Kind::Bool => Bool,
        Kind::Bytea => Bytea,
        Kind::TextArray => TEXT_ARRAY,
    })
}

/// The argument lists that the tables of kernels have, as ours: rows are static.
fn formals(kinds: &[Kind]) -> Option<&'static [Formal]> {
    const T: Formal = Is(Text);
    const I: Formal = Is(Int4);
    const LISTS: &[&[Formal]] = &[
        &[],
        &[T],
        &[T, T],
        &[T, T, T],
        &[T, T, T, T],
        &[T, I],
        &[T, I, I],
        &[T, T, I],
        &[T, T, I, I],
        &[T, I, T],
        &[T, T, T, I],
        &[T, T, T, I, I],
        &[T, T, T, I, I, T],
        &[T, T, I, T],
        &[T, T, I, I, T],
        &[T, T, I, I, T, I],
        &[T, T, I, I, I],
        &[T, T, I, I, I, T],
        &[T, T, I, I, I, T, I],
        &[I],
        &[Is(Int8)],
        &[Is(Bytea)],
        &[Is(Bytea), T],
        &[Is(Bytea), I],
        &[Is(Bytea), I, I],
        &[Is(Bytea), Is(Bytea)],
    ];
    let wanted: Vec<Formal> = kinds.iter().map(|kind| formal(*kind)).collect();
    LISTS.iter().copied().find(|list| *list == wanted.as_slice())
}

/// `quote_ident`: which words are reserved is knowledge of this crate.
fn quote_ident(
    arguments: &lis_functions::scalar::Arguments<'_>,
) -> Result<arrow::array::ArrayRef, lis_functions::error::FunctionError> {
    lis_functions::kernels::map_text::<(lis_functions::kernels::Text,)>(arguments, |(text,), out| {
        out.push_str(&crate::keywords::quote_identifier(text));
        Ok(())
    })
}

/// `format`, whose `%I` needs the reserved words.
fn format_kernel(
    arguments: &lis_functions::scalar::Arguments<'_>,
) -> Result<arrow::array::ArrayRef, lis_functions::error::FunctionError> {
    formatting::format(arguments, crate::keywords::quote_identifier)
}

/// `format(template, VARIADIC array)`.
pub(crate) fn format_array_kernel(
    arguments: &lis_functions::scalar::Arguments<'_>,
) -> Result<arrow::array::ArrayRef, lis_functions::error::FunctionError> {
    formatting::format_array(arguments, crate::keywords::quote_identifier)
}

fn defined_in(table: &'static [Definition], name: &str) -> impl Iterator<Item = FunctionRow> {
    table.iter().filter(move |row| row.name == name && name != "quote_ident").filter_map(|row| {
        Some(FunctionRow::new(
            row.name,
            formals(row.arguments)?,
            formal(row.result),
            Make::Function(row.make),
        ))
    })
}

/// The rows of the tables beside the kernels.
pub(super) fn defined(name: &str) -> Vec<FunctionRow> {
    defined_in(k::STRINGS, name).chain(defined_in(patterns::PATTERNS, name)).collect()
}

/// Arguments of any type as text.
fn texts(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Vec<Typed>, SqlError> {
    arguments
        .into_iter()
        .map(|argument| {
            let position = argument.position;
            // In concat a boolean is t or f, as its output function writes it.
            if argument.pg_type() == Bool {
                let kernel = lis_functions::arrays::value_to_text;
                let zone = crate::operators::zone(binding);
                return apply("bool_out", kernel, vec![argument, zone], TEXT, DataType::Utf8View);
            }
            Ok(canonical_text(crate::types::casts::output_text(binding, argument, position)?))
        })
        .collect()
}

fn text_call(
    binding: &Binding<'_>,
    make: fn() -> Arc<ScalarUDF>,
    arguments: Vec<Typed>,
) -> Result<Typed, SqlError> {
    let arguments = texts(binding, arguments)?;
    call(&make(), arguments, TEXT)
}

/// A value as json: what `to_json` makes of it.
pub(crate) fn as_json(binding: &Binding<'_>, value: Typed) -> Result<Typed, SqlError> {
    let position = value.position;
    let column_type = ColumnType::plain(Json);
    match value.pg_type() {
        Json | Jsonb => Ok(Typed { column_type, origin: None, ..value }),
        PgType::Record => crate::types::records::to_json(binding, value),
        Bool => {
            let text = to_text(binding, value, position)?;
            Ok(Typed { column_type, ..text })
        }
        PgType::Float4 | PgType::Float8 => {
            let text = to_text(binding, value, position)?;
            apply("json_float", json::float, vec![text], column_type, DataType::Utf8View)
        }
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Numeric => {
            let text = to_text(binding, value, position)?;
            Ok(Typed { column_type, ..text })
        }
        PgType::Array(_) => {
            let parts = ColumnType::plain(PgType::Array(&PgType::Json));
            let parts = crate::types::casts::each_element(value, parts, |part| as_json(binding, part))?;
            apply("array_to_json", json::array_to_json, vec![parts], column_type, DataType::Utf8View)
        }
        PgType::Date => {
            let text = crate::types::casts::iso_text(binding, value, position)?;
            apply("json_quote", json::quote, vec![text], column_type, DataType::Utf8View)
        }
        PgType::Timestamp | PgType::Timestamptz => {
            let text = crate::types::casts::iso_text(binding, value, position)?;
            apply("json_quote_timestamp", json::quote_timestamp, vec![text], column_type, DataType::Utf8View)
        }
        _ => {
            let text = canonical_text(crate::types::casts::output_text(binding, value, position)?);
            apply("json_quote", json::quote, vec![text], column_type, DataType::Utf8View)
        }
    }
}

/// The key of a member.
pub(crate) fn key_text(binding: &Binding<'_>, key: Typed) -> Result<Typed, SqlError> {
    let position = key.position;
    match key.pg_type() {
        PgType::Array(_) | PgType::Record | Json | Jsonb => {
            let message = "key value must be scalar, not array, composite, or json";
            Err(SqlError::new(SqlErrorKind::InvalidParameterValue, message))
        }
        Bool => Ok(canonical_text(to_text(binding, key, position)?)),
        _ => Ok(canonical_text(crate::types::casts::output_text(binding, key, position)?)),
    }
}

fn json_object(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut parts = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.into_iter().enumerate() {
        parts.push(if index % 2 == 0 { key_text(binding, argument)? } else { as_json(binding, argument)? });
    }
    apply_on_null("json_build_object", json::build_object, parts, ColumnType::plain(Json), DataType::Utf8View)
}

fn json_array(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let parts =
        arguments.into_iter().map(|argument| as_json(binding, argument)).collect::<Result<Vec<_>, _>>()?;
    apply_on_null("json_build_array", json::build_array, parts, ColumnType::plain(Json), DataType::Utf8View)
}

pub(crate) fn to_jsonb(json_value: Typed) -> Result<Typed, SqlError> {
    apply("jsonb", json::json_to_jsonb, vec![json_value], ColumnType::plain(Jsonb), DataType::Utf8View)
}

/// `format`: nulls are seen, `%s` of null is empty and `%L` of it is NULL.
fn format(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let arguments = texts(binding, arguments)?;
    apply_on_null("format", format_kernel, arguments, TEXT, DataType::Utf8View)
}

fn with_zone(
    function: &'static str,
    kernel_of: lis_functions::scalar::Kernel,
    result: PgType,
    binding: &Binding<'_>,
    mut arguments: Vec<Typed>,
) -> Result<Typed, SqlError> {
    arguments.push(crate::operators::zone(binding));
    apply(function, kernel_of, arguments, ColumnType::plain(result), ColumnType::plain(result).to_arrow())
}

/// A constant has the digits after the point that it is written with, and 16 where `V` divides; a column has those of its
/// template.
fn to_number(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    use datafusion::common::ScalarValue::Utf8View;
    let numeric = ColumnType::plain(Numeric);
    let (value, template) =
        (arguments.first().and_then(Typed::value), arguments.get(1).and_then(Typed::value));
    let scale = match (value, template) {
        (Some(Utf8View(Some(value))), Some(Utf8View(Some(template)))) => {
            let number = formatting::number_of(value, template)
                .map_err(|error| crate::types::statement_error(error, None))?;
            let least = if template.contains(['V', 'v']) { 16 } else { 0 };
            number.map_or(0, |(_, scale)| scale.max(least))
        }
        (_, Some(Utf8View(Some(template)))) => {
            let after = template.split_once(['.', 'D', 'd', 'V', 'v']).map_or("", |(_, after)| after);
            i32::try_from(after.chars().filter(|one| matches!(one, '9' | '0')).count()).unwrap_or(10)
        }
        _ => 10,
    };
    apply("to_number", formatting::to_number, arguments, numeric, crate::operators::decimal(38, scale))
}

/// Normal is what is composed, if nothing else is said.
fn with_default_form(mut arguments: Vec<Typed>) -> Vec<Typed> {
    let form = datafusion::common::ScalarValue::Utf8View(Some("NFC".to_owned()));
    arguments.push(Typed::constant(form, TEXT));
    arguments
}

fn only(mut arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    arguments
        .pop()
        .ok_or_else(|| SqlError::new(crate::error::SqlErrorKind::Internal, "an argument is missing"))
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    build("concat", &[Any], Is(Text), |binding, arguments| text_call(binding, k::concat, arguments))
        .variadic(),
    build("concat_ws", &[Is(Text), Any], Is(Text), |binding, arguments| {
        text_call(binding, k::concat_ws, arguments)
    })
    .variadic(),
    kernel("quote_ident", &[Is(Text)], Is(Text), "quote_ident", quote_ident),
    build("quote_literal", &[AnyElement], Is(Text), |binding, arguments| {
        text_call(binding, k::quote_literal, arguments)
    }),
    build("quote_nullable", &[AnyElement], Is(Text), |binding, arguments| {
        text_call(binding, k::quote_nullable, arguments)
    }),
    FunctionRow::new(
        "length",
        &[Is(PgType::Bpchar)],
        Is(Int4),
        Make::Build(|_, arguments| {
            let text = only(arguments)?;
            let kernel = lis_functions::casts::strip_blanks;
            let text = apply("text", kernel, vec![text], TEXT, DataType::Utf8View)?;
            call(&k::length(), vec![text], ColumnType::plain(Int4))
        }),
    ),
    kernel("substring", &[Is(Bytea), Is(Int4), Is(Int4)], Is(Bytea), "bytea_substr", bytes::substring),
    kernel("substr", &[Is(Bytea), Is(Int4), Is(Int4)], Is(Bytea), "bytea_substr", bytes::substring),
    kernel("substring", &[Is(Bytea), Is(Int4)], Is(Bytea), "bytea_substr_from", bytes::substring_from),
    kernel("substr", &[Is(Bytea), Is(Int4)], Is(Bytea), "bytea_substr_from", bytes::substring_from),
    kernel("get_byte", &[Is(Bytea), Is(Int4)], Is(Int4), "get_byte", bytes::get_byte),
    kernel("set_byte", &[Is(Bytea), Is(Int4), Is(Int4)], Is(Bytea), "set_byte", bytes::set_byte),
    kernel("get_bit", &[Is(Bytea), Is(Int8)], Is(Int4), "get_bit", bytes::get_bit),
    kernel("set_bit", &[Is(Bytea), Is(Int8), Is(Int4)], Is(Bytea), "set_bit", bytes::set_bit),
    kernel("like", &[Is(Bytea), Is(Bytea)], Is(PgType::Bool), "bytealike", bytes::like),
    kernel("notlike", &[Is(Bytea), Is(Bytea)], Is(PgType::Bool), "byteanlike", bytes::not_like),
    kernel("parse_ident", &[Is(Text)], Is(TEXT_ARRAY), "parse_ident", identifiers::parse_ident),
    kernel(
        "parse_ident",
        &[Is(Text), Is(PgType::Bool)],
        Is(TEXT_ARRAY),
        "parse_ident_strict",
        identifiers::parse_ident_strict,
    ),
    kernel("pg_size_bytes", &[Is(Text)], Is(Int8), "pg_size_bytes", identifiers::size_bytes),
    other_type("bit_count", &[Foreign(Category::User)]),
    other_type("get_bit", &[Foreign(Category::User), Is(Int4)]),
    other_type("set_bit", &[Foreign(Category::User), Is(Int4), Is(Int4)]),
    kernel("bit_count", &[Is(Bytea)], Is(Int8), "bytea_bit_count", bytes::bit_count),
    kernel("bit_length", &[Is(Bytea)], Is(Int4), "bytea_bit_length", bytes::bit_length),
    kernel("btrim", &[Is(Bytea), Is(Bytea)], Is(Bytea), "bytea_btrim", bytes::btrim),
    kernel("ltrim", &[Is(Bytea), Is(Bytea)], Is(Bytea), "bytea_ltrim", bytes::ltrim),
    kernel("rtrim", &[Is(Bytea), Is(Bytea)], Is(Bytea), "bytea_rtrim", bytes::rtrim),
    kernel("position", &[Is(Bytea), Is(Bytea)], Is(Int4), "bytea_position", bytes::position),
    kernel("overlay", &[Is(Bytea), Is(Bytea), Is(Int4)], Is(Bytea), "bytea_overlay", bytes::overlay),
    kernel(
        "overlay",
        &[Is(Bytea), Is(Bytea), Is(Int4), Is(Int4)],
        Is(Bytea),
        "bytea_overlay_length",
        bytes::overlay_length,
    ),
    kernel("unistr", &[Is(Text)], Is(Text), "unistr", k::unistr),
    kernel("normalize", &[Is(Text), Is(Text)], Is(Text), "normalize", k::normalize),
    build("normalize", &[Is(Text)], Is(Text), |_, arguments| {
        let arguments = with_default_form(arguments);
        apply("normalize", k::normalize, arguments, TEXT, DataType::Utf8View)
    }),
    kernel("is_normalized", &[Is(Text), Is(Text)], Is(PgType::Bool), "is_normalized", k::is_normalized),
    build("is_normalized", &[Is(Text)], Is(PgType::Bool), |_, arguments| {
        let arguments = with_default_form(arguments);
        apply(
            "is_normalized",
            k::is_normalized,
            arguments,
            ColumnType::plain(PgType::Bool),
            DataType::Boolean,
        )
    }),
    build("format", &[Is(Text)], Is(Text), format),
    build("format", &[Is(Text), Any], Is(Text), format).variadic(),
    kernel("convert", &[Is(Bytea), Is(Name), Is(Name)], Is(Bytea), "pg_convert", encodings::convert),
    kernel("convert_from", &[Is(Bytea), Is(Name)], Is(Text), "pg_convert_from", encodings::convert_from),
    kernel("convert_to", &[Is(Text), Is(Name)], Is(Bytea), "pg_convert_to", encodings::convert_to),
    kernel("length", &[Is(Bytea), Is(Name)], Is(Int4), "length_in_encoding", encodings::length),
    kernel("encode", &[Is(Bytea), Is(Text)], Is(Text), "encode", bytes::encode),
    kernel("decode", &[Is(Text), Is(Text)], Is(Bytea), "decode", bytes::decode),
    build("octet_length", &[Is(PgType::Bpchar)], Is(Int4), |_, arguments| {
        let arguments = arguments.into_iter().map(canonical_text).collect();
        call(&k::octet_length(), arguments, ColumnType::plain(Int4))
    }),
    kernel(
        "to_char",
        &[Is(Timestamp), Is(Text)],
        Is(Text),
        "timestamp_to_char",
        formatting::to_char_timestamp,
    ),
    build("to_char", &[Is(Timestamptz), Is(Text)], Is(Text), |binding, arguments| {
        with_zone("timestamptz_to_char", formatting::to_char_timestamptz, Text, binding, arguments)
    }),
    kernel("to_char", &[Is(Interval), Is(Text)], Is(Text), "interval_to_char", formatting::to_char_interval),
    kernel("to_char", &[Is(Numeric), Is(Text)], Is(Text), "numeric_to_char", formatting::to_char_numeric),
    build("to_char", &[Is(Int4), Is(Text)], Is(Text), |binding, arguments| {
        let mut arguments = arguments.into_iter();
        let wide =
            arguments.next().map(|value| crate::types::casts::coerce_to(binding, value, Int8)).transpose()?;
        let arguments = wide.into_iter().chain(arguments).collect();
        apply("int8_to_char", formatting::to_char_int8, arguments, TEXT, DataType::Utf8View)
    }),
    kernel("to_char", &[Is(Int8), Is(Text)], Is(Text), "int8_to_char", formatting::to_char_int8),
    kernel("to_char", &[Is(Float4), Is(Text)], Is(Text), "float4_to_char", formatting::to_char_float4),
    kernel("to_char", &[Is(Float8), Is(Text)], Is(Text), "float8_to_char", formatting::to_char_float8),
    kernel("to_date", &[Is(Text), Is(Text)], Is(Date), "to_date", formatting::to_date),
    build("to_timestamp", &[Is(Text), Is(Text)], Is(Timestamptz), |binding, arguments| {
        with_zone("to_timestamp", formatting::to_timestamp, Timestamptz, binding, arguments)
    }),
    build("to_number", &[Is(Text), Is(Text)], Is(Numeric), to_number),
    kernel("json_array_length", &[Is(Json)], Is(Int4), "json_array_length", json::array_length),
    kernel("jsonb_array_length", &[Is(Jsonb)], Is(Int4), "jsonb_array_length", json::array_length),
    kernel("json_typeof", &[Is(Json)], Is(Text), "json_typeof", json::type_of),
    kernel("jsonb_typeof", &[Is(Jsonb)], Is(Text), "jsonb_typeof", json::type_of),
    build("to_json", &[AnyElement], Is(Json), |binding, arguments| as_json(binding, only(arguments)?)),
    build("to_jsonb", &[AnyElement], Is(Jsonb), |binding, arguments| {
        to_jsonb(as_json(binding, only(arguments)?)?)
    }),
    build("array_to_json", &[Formal::AnyArray], Is(Json), |binding, arguments| {
        as_json(binding, only(arguments)?)
    }),
    build("json_build_object", &[], Is(Json), json_object),
    build("json_build_object", &[Any], Is(Json), json_object).variadic(),
    build("json_build_array", &[], Is(Json), json_array),
    build("json_build_array", &[Any], Is(Json), json_array).variadic(),
    build("jsonb_build_object", &[], Is(Jsonb), |binding, arguments| {
        to_jsonb(json_object(binding, arguments)?)
    }),
    build("jsonb_build_object", &[Any], Is(Jsonb), |binding, arguments| {
        to_jsonb(json_object(binding, arguments)?)
    })
    .variadic(),
    build("jsonb_build_array", &[], Is(Jsonb), |binding, arguments| {
        to_jsonb(json_array(binding, arguments)?)
    }),
    build("jsonb_build_array", &[Any], Is(Jsonb), |binding, arguments| {
        to_jsonb(json_array(binding, arguments)?)
    })
    .variadic(),
];

//! Functions of `json` and `jsonb`: what edits them, takes them apart and puts them together. The kernels work on text;
//! see `lis_functions::json` for the two forms.

use arrow::datatypes::{DataType, Field, Fields};
use lis_functions::{json as k, scalar::Kernel, sets};
use lis_lake::types::{ColumnType, PgType, list, record_field};
use std::sync::Arc;

use super::{FunctionRow, Make, build, kernel};
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    resolve::{
        ResolvedSet, SetColumn,
        arrays::array,
        select::Formal::{self, AnyArray, Is},
    },
    types::{Binding, Derived, Typed},
};

use PgType::{Bool, Int4, Json, Jsonb, Record, Text};

const TEXTS: PgType = PgType::Array(&PgType::Text);

/// `jsonb_set` and `jsonb_insert`: the kernel takes target, new value, flag, path.
fn edited(name: &'static str, kernel: Kernel, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let Ok([target, path, new, flag]) = <[Typed; 4]>::try_from(arguments) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let column_type = ColumnType::plain(Jsonb);
    apply(name, kernel, vec![target, new, flag, path], column_type, DataType::Utf8View)
}

/// `json_extract_path(json, VARIADIC path)`.
fn extracted(
    binding: &Binding<'_>,
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    result: PgType,
) -> Result<Typed, SqlError> {
    let mut arguments = arguments.into_iter();
    let Some(value) = arguments.next() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let path = array(binding, arguments.collect(), None)?;
    apply(name, kernel, vec![value, path], ColumnType::plain(result), DataType::Utf8View)
}

/// A set of keys and values.
fn pairs(
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    value: PgType,
) -> Result<ResolvedSet, SqlError> {
    let columns: Vec<SetColumn> = [("key", Text), ("value", value)]
        .into_iter()
        .map(|(name, pg_type)| SetColumn {
            name: name.to_owned(),
            column_type: ColumnType::plain(pg_type),
            arrow_type: DataType::Utf8View,
            collation: Derived::default(),
        })
        .collect();
    let fields: Fields = columns
        .iter()
        .map(|column| record_field(&column.name, column.column_type, column.arrow_type.clone()))
        .collect();
    let arrow_type = DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true)));
    let made = apply_on_null(name, kernel, arguments, ColumnType::plain(Record), arrow_type)?;
    Ok(ResolvedSet { list: made.expr, columns, record: true })
}

fn elements(
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    element: PgType,
    column: &str,
) -> Result<ResolvedSet, SqlError> {
    let column_type = ColumnType::plain(element);
    let made = apply(name, kernel, arguments, column_type, list(DataType::Utf8View))?;
    super::sets::one_column(column, made, column_type)
}

const fn set(
    name: &'static str,
    arguments: &'static [Formal],
    result: PgType,
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedSet, SqlError>,
) -> FunctionRow {
    FunctionRow::new(name, arguments, Is(result), Make::Set(make))
}

/// `json_object` of texts.
fn object_of_texts(arguments: Vec<Typed>, binary: bool) -> Result<Typed, SqlError> {
    let name = if arguments.len() == 1 { "json_object" } else { "json_object_two_arg" };
    let kernel: Kernel =
        if arguments.len() == 1 { k::build::object_of_texts } else { k::build::object_of_two };
    let made = apply(name, kernel, arguments, ColumnType::plain(Json), DataType::Utf8View)?;
    if binary { to_jsonb(made) } else { Ok(made) }
}

fn to_jsonb(value: Typed) -> Result<Typed, SqlError> {
    apply("jsonb", k::json_to_jsonb, vec![value], ColumnType::plain(Jsonb), DataType::Utf8View)
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    build("jsonb_set", &[Is(Jsonb), Is(TEXTS), Is(Jsonb), Is(Bool)], Is(Jsonb), |_, arguments| {
        edited("jsonb_set", k::edit::set, arguments)
    })
    .named(&["jsonb_in", "path", "replacement", "create_if_missing"], 3)
    .defaults(&["true"]),
    build("jsonb_insert", &[Is(Jsonb), Is(TEXTS), Is(Jsonb), Is(Bool)], Is(Jsonb), |_, arguments| {
        edited("jsonb_insert", k::edit::insert, arguments)
    })
    .named(&["jsonb_in", "path", "replacement", "insert_after"], 3)
    .defaults(&["false"]),
    build(
        "jsonb_set_lax",
        &[Is(Jsonb), Is(TEXTS), Is(Jsonb), Is(Bool), Is(Text)],
        Is(Jsonb),
        |_, arguments| {
            let column_type = ColumnType::plain(Jsonb);
            apply_on_null("jsonb_set_lax", k::edit::set_lax, arguments, column_type, DataType::Utf8View)
        },
    )
    .named(&["jsonb_in", "path", "replacement", "create_if_missing", "null_value_treatment"], 3)
    .defaults(&["true", "use_json_null"]),
    kernel("json_strip_nulls", &[Is(Json)], Is(Json), "json_strip_nulls", k::edit::strip_nulls),
    kernel("jsonb_strip_nulls", &[Is(Jsonb)], Is(Jsonb), "jsonb_strip_nulls", k::edit::strip_nulls_binary),
    kernel("jsonb_pretty", &[Is(Jsonb)], Is(Text), "jsonb_pretty", k::edit::pretty),
    kernel("jsonb_concat", &[Is(Jsonb), Is(Jsonb)], Is(Jsonb), "jsonb_concat", k::edit::concat),
    kernel("jsonb_delete", &[Is(Jsonb), Is(Text)], Is(Jsonb), "jsonb_delete", k::edit::delete_key),
    kernel("jsonb_delete", &[Is(Jsonb), Is(Int4)], Is(Jsonb), "jsonb_delete_idx", k::edit::delete_element),
    kernel(
        "jsonb_delete_path",
        &[Is(Jsonb), Is(TEXTS)],
        Is(Jsonb),
        "jsonb_delete_path",
        k::edit::delete_path,
    ),
    kernel("jsonb_contains", &[Is(Jsonb), Is(Jsonb)], Is(Bool), "jsonb_contains", k::jsonb_contains),
    build("jsonb_contained", &[Is(Jsonb), Is(Jsonb)], Is(Bool), |_, mut arguments| {
        arguments.reverse();
        apply("jsonb_contains", k::jsonb_contains, arguments, ColumnType::plain(Bool), DataType::Boolean)
    }),
    kernel("jsonb_exists", &[Is(Jsonb), Is(Text)], Is(Bool), "jsonb_exists", k::jsonb_exists),
    kernel("jsonb_exists_any", &[Is(Jsonb), Is(TEXTS)], Is(Bool), "jsonb_exists_any", k::jsonb_exists_any),
    kernel("jsonb_exists_all", &[Is(Jsonb), Is(TEXTS)], Is(Bool), "jsonb_exists_all", k::jsonb_exists_all),
    build("json_extract_path", &[Is(Json), Is(Text)], Is(Json), |binding, arguments| {
        extracted(binding, "json_extract_path", k::get_path, arguments, Json)
    })
    .variadic(),
    build("json_extract_path_text", &[Is(Json), Is(Text)], Is(Text), |binding, arguments| {
        extracted(binding, "json_extract_path_text", k::get_path_text, arguments, Text)
    })
    .variadic(),
    build("jsonb_extract_path", &[Is(Jsonb), Is(Text)], Is(Jsonb), |binding, arguments| {
        extracted(binding, "jsonb_extract_path", k::get_path, arguments, Jsonb)
    })
    .variadic(),
    build("jsonb_extract_path_text", &[Is(Jsonb), Is(Text)], Is(Text), |binding, arguments| {
        extracted(binding, "jsonb_extract_path_text", k::get_path_text, arguments, Text)
    })
    .variadic(),
    build("json_object", &[Is(TEXTS)], Is(Json), |_, arguments| object_of_texts(arguments, false)).shapes(),
    build("json_object", &[Is(TEXTS), Is(TEXTS)], Is(Json), |_, arguments| object_of_texts(arguments, false))
        .shapes(),
    build("jsonb_object", &[Is(TEXTS)], Is(Jsonb), |_, arguments| object_of_texts(arguments, true)).shapes(),
    build("jsonb_object", &[Is(TEXTS), Is(TEXTS)], Is(Jsonb), |_, arguments| {
        object_of_texts(arguments, true)
    })
    .shapes(),
    build("array_to_json", &[AnyArray, Is(Bool)], Is(Json), |binding, arguments| {
        pretty(binding, arguments, "array_to_json_pretty", k::build::array_lines)
    }),
    build("row_to_json", &[Is(Record)], Is(Json), |binding, mut arguments| {
        let record = arguments.pop();
        let record = record.ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an argument is missing"))?;
        super::strings::as_json(binding, record)
    }),
    build("row_to_json", &[Is(Record), Is(Bool)], Is(Json), |binding, arguments| {
        pretty(binding, arguments, "row_to_json_pretty", k::build::object_lines)
    }),
    set("json_each", &[Is(Json)], Record, |_, arguments| {
        pairs("json_each", sets::json_each, arguments, Json)
    }),
    set("jsonb_each", &[Is(Jsonb)], Record, |_, arguments| {
        pairs("jsonb_each", sets::jsonb_each, arguments, Jsonb)
    }),
    set("json_each_text", &[Is(Json)], Record, |_, arguments| {
        pairs("json_each_text", sets::json_each_text, arguments, Text)
    }),
    set("jsonb_each_text", &[Is(Jsonb)], Record, |_, arguments| {
        pairs("jsonb_each_text", sets::jsonb_each_text, arguments, Text)
    }),
    set("json_array_elements", &[Is(Json)], Json, |_, arguments| {
        elements("json_array_elements", sets::json_elements, arguments, Json, "value")
    }),
    set("jsonb_array_elements", &[Is(Jsonb)], Jsonb, |_, arguments| {
        elements("jsonb_array_elements", sets::jsonb_elements, arguments, Jsonb, "value")
    }),
    set("json_array_elements_text", &[Is(Json)], Text, |_, arguments| {
        elements("json_array_elements_text", sets::json_elements_text, arguments, Text, "value")
    }),
    set("jsonb_array_elements_text", &[Is(Jsonb)], Text, |_, arguments| {
        elements("jsonb_array_elements_text", sets::jsonb_elements_text, arguments, Text, "value")
    }),
    set("json_object_keys", &[Is(Json)], Text, |_, arguments| {
        elements("json_object_keys", sets::json_keys, arguments, Text, "json_object_keys")
    }),
    set("jsonb_object_keys", &[Is(Jsonb)], Text, |_, arguments| {
        elements("jsonb_object_keys", sets::jsonb_keys, arguments, Text, "jsonb_object_keys")
    }),
];

/// `array_to_json(array, pretty)`, `row_to_json(record, pretty)`.
fn pretty(
    binding: &Binding<'_>,
    arguments: Vec<Typed>,
    name: &'static str,
    kernel: Kernel,
) -> Result<Typed, SqlError> {
    let Ok([value, wanted]) = <[Typed; 2]>::try_from(arguments) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let json = super::strings::as_json(binding, value)?;
    apply(name, kernel, vec![json, wanted], ColumnType::plain(Json), DataType::Utf8View)
}

//! `f(a, VARIADIC array)`: what is given as one array instead of as arguments. The number of elements is a row's own, so
//! each of the functions that take any number of arguments has a form here that takes a list.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{arrays as kernels, json::build};
use lis_lake::types::{ColumnType, PgType, list};

use super::{FunctionCall, arrays::items, function_error, operator};
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    functions::strings,
    types::{Binding, CastContext, Typed, casts, coerce},
};

const TEXTS: ColumnType = ColumnType::plain(PgType::Array(&PgType::Text));

/// The call, if there is such a function and its last argument is an array.
pub(super) fn call(
    binding: &Binding<'_>,
    call: &FunctionCall,
    mut arguments: Vec<Typed>,
) -> Result<Typed, SqlError> {
    use PgType::{Int4, Json, Jsonb, Text};
    let actual: Vec<PgType> = arguments.iter().map(Typed::pg_type).collect();
    let missing = || function_error(SqlErrorKind::UndefinedFunction, call, &actual);
    let Some(array) = arguments.pop() else { return Err(missing()) };
    let fixed = arguments.len();
    let text = |typed: Typed| coerce(binding, typed, ColumnType::plain(Text), CastContext::Implicit, None);
    let plain = ColumnType::plain;
    match (call.name.as_str(), fixed) {
        ("concat", 0) => {
            let empty = Typed::constant(ScalarValue::Utf8View(Some(String::new())), plain(Text));
            joined(binding, any_array(array)?, empty)
        }
        ("concat_ws", 1) => {
            let delimiter = text(first(arguments)?)?;
            joined(binding, any_array(array)?, delimiter)
        }
        ("format", 1) => {
            let template = casts::canonical_text(text(first(arguments)?)?);
            let values = texts(binding, any_array(array)?)?;
            let kernel = strings::format_array_kernel;
            apply_on_null("format_array", kernel, vec![template, values], plain(Text), DataType::Utf8View)
        }
        ("num_nulls" | "num_nonnulls", 0) => {
            let (name, kernel): (_, lis_functions::scalar::Kernel) = if call.name == "num_nulls" {
                ("num_nulls", kernels::num_nulls)
            } else {
                ("num_nonnulls", kernels::num_nonnulls)
            };
            apply(name, kernel, vec![any_array(array)?], plain(Int4), DataType::Int32)
        }
        ("json_build_array" | "jsonb_build_array", 0) => {
            let values = as_json(binding, any_array(array)?)?;
            let between = Typed::constant(ScalarValue::Utf8View(Some(", ".to_owned())), plain(Text));
            let kernel = lis_functions::json::array_of_elements;
            let made =
                apply("json_array_of", kernel, vec![values, between], plain(Json), DataType::Utf8View)?;
            if call.name == "jsonb_build_array" { strings::to_jsonb(made) } else { Ok(made) }
        }
        ("json_build_object" | "jsonb_build_object", 0) => {
            let array = any_array(array)?;
            let keys = texts(binding, array.clone())?;
            let values = as_json(binding, array)?;
            let kernel = build::object_of;
            let made =
                apply("json_build_object_of", kernel, vec![keys, values], plain(Json), DataType::Utf8View)?;
            if call.name == "jsonb_build_object" { strings::to_jsonb(made) } else { Ok(made) }
        }
        (name @ ("json_extract_path" | "jsonb_extract_path"), 1)
        | (name @ ("json_extract_path_text" | "jsonb_extract_path_text"), 1) => {
            let json = if name.starts_with("jsonb") { Jsonb } else { Json };
            let value = coerce(binding, first(arguments)?, plain(json), CastContext::Implicit, None)?;
            let path = coerce(binding, array, TEXTS, CastContext::Implicit, None)?;
            let symbol = if name.ends_with("_text") { "#>>" } else { "#>" };
            operator(binding, None, symbol, Some(value), path, call.position)
        }
        _ => Err(missing()),
    }
}

/// What stands behind VARIADIC, as a list.
fn any_array(typed: Typed) -> Result<Typed, SqlError> {
    if typed.value().is_some_and(ScalarValue::is_null) && typed.is_unknown() {
        return Ok(Typed::null(TEXTS));
    }
    if typed.pg_type().element().is_none() {
        let message = "VARIADIC argument must be an array";
        return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(typed.position));
    }
    items(typed)
}

fn first(arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    arguments
        .into_iter()
        .next()
        .ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an argument is missing"))
}

/// The elements with a delimiter between them, without the nulls.
fn joined(binding: &Binding<'_>, array: Typed, delimiter: Typed) -> Result<Typed, SqlError> {
    let text = ColumnType::plain(PgType::Text);
    let arguments =
        vec![array, casts::canonical_text(delimiter), Typed::null(text), crate::operators::styles(binding)];
    apply_on_null("array_to_string", kernels::array_to_string, arguments, text, DataType::Utf8View)
}

/// The elements as their output functions write them.
fn texts(binding: &Binding<'_>, array: Typed) -> Result<Typed, SqlError> {
    let arguments = vec![array, crate::operators::styles(binding)];
    apply("array_out", kernels::elements_to_text, arguments, TEXTS, list(DataType::Utf8View))
}

/// The elements as json.
fn as_json(binding: &Binding<'_>, array: Typed) -> Result<Typed, SqlError> {
    let result = ColumnType::plain(PgType::Array(&PgType::Json));
    casts::each_element(array, result, |element| strings::as_json(binding, element))
}

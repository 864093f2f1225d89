//! Operators of `json` and `jsonb`.

use lis_functions::json;
use lis_lake::types::{ColumnType, PgType};

use super::{OperatorRow, is};
use crate::{build::apply, functions::json_paths::without_words};

macro_rules! row {
    ($name:literal, $json:ident, $right:expr, $result:ident, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$json)),
            right: is($right),
            result: is(PgType::$result),
            build: |_, _, operands| {
                let column_type = ColumnType::plain(PgType::$result);
                apply($function, $kernel, operands, column_type, column_type.to_arrow())
            },
        }
    };
}

macro_rules! path {
    ($name:literal, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::Jsonb)),
            right: is(PgType::Jsonpath),
            result: is(PgType::Bool),
            build: |_, _, operands| {
                let column_type = ColumnType::plain(PgType::Bool);
                let arguments = without_words(operands);
                apply($function, $kernel, arguments, column_type, column_type.to_arrow())
            },
        }
    };
}

const TEXTS: PgType = PgType::Array(&PgType::Text);

/// The rows.
pub(super) const ROWS: &[OperatorRow] = &[
    row!("->", Json, PgType::Text, Json, "json_object_field", json::get_member),
    row!("->", Json, PgType::Int4, Json, "json_array_element", json::get_element),
    row!("->>", Json, PgType::Text, Text, "json_object_field_text", json::get_member_text),
    row!("->>", Json, PgType::Int4, Text, "json_array_element_text", json::get_element_text),
    row!("#>", Json, TEXTS, Json, "json_extract_path", json::get_path),
    row!("#>>", Json, TEXTS, Text, "json_extract_path_text", json::get_path_text),
    row!("->", Jsonb, PgType::Text, Jsonb, "jsonb_object_field", json::get_member),
    row!("->", Jsonb, PgType::Int4, Jsonb, "jsonb_array_element", json::get_element_of_scalar),
    row!("->>", Jsonb, PgType::Text, Text, "jsonb_object_field_text", json::get_member_text),
    row!("->>", Jsonb, PgType::Int4, Text, "jsonb_array_element_text", json::get_element_of_scalar_text),
    row!("#>", Jsonb, TEXTS, Jsonb, "jsonb_extract_path", json::get_path),
    row!("#>>", Jsonb, TEXTS, Text, "jsonb_extract_path_text", json::get_path_text),
    row!("@>", Jsonb, PgType::Jsonb, Bool, "jsonb_contains", json::jsonb_contains),
    OperatorRow {
        name: "<@",
        left: Some(is(PgType::Jsonb)),
        right: is(PgType::Jsonb),
        result: is(PgType::Bool),
        build: |_, _, mut operands| {
            operands.reverse();
            let column_type = ColumnType::plain(PgType::Bool);
            apply("jsonb_contains", json::jsonb_contains, operands, column_type, column_type.to_arrow())
        },
    },
    path!("@?", "jsonb_path_exists_opr", json::path::kernels::exists),
    path!("@@", "jsonb_path_match_opr", json::path::kernels::matches),
    row!("?", Jsonb, PgType::Text, Bool, "jsonb_exists", json::jsonb_exists),
    row!("?|", Jsonb, TEXTS, Bool, "jsonb_exists_any", json::jsonb_exists_any),
    row!("?&", Jsonb, TEXTS, Bool, "jsonb_exists_all", json::jsonb_exists_all),
    row!("||", Jsonb, PgType::Jsonb, Jsonb, "jsonb_concat", json::edit::concat),
    row!("-", Jsonb, PgType::Text, Jsonb, "jsonb_delete", json::edit::delete_key),
    row!("-", Jsonb, PgType::Int4, Jsonb, "jsonb_delete_idx", json::edit::delete_element),
    row!("-", Jsonb, TEXTS, Jsonb, "jsonb_delete_array", json::edit::delete_keys),
    row!("#-", Jsonb, TEXTS, Jsonb, "jsonb_delete_path", json::edit::delete_path),
];

//! Functions over `jsonpath`. The kernels (`lis_functions::json::path`) take everything; what is left out has defaults.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{json::path::kernels as k, scalar::Kernel};
use lis_lake::types::{ColumnType, PgType, list};

use super::{FunctionRow, Make, build, sets::one_column};
use crate::{
    build::apply,
    error::SqlError,
    operators::zone,
    resolve::{
        ResolvedSet,
        select::Formal::{self, Is},
    },
    types::{Binding, Typed, casts::session_offset},
};

use PgType::{Bool, Jsonb, Jsonpath};

const ARGUMENTS: &[Formal] = &[Is(Jsonb), Is(Jsonpath), Is(Jsonb), Is(Bool)];
const NAMES: &[&str] = &["target", "path", "vars", "silent"];

/// What an operator has no words for: no variables, and errors that are no errors.
pub(crate) fn without_words(mut operands: Vec<Typed>) -> Vec<Typed> {
    let variables = ScalarValue::Utf8View(Some("{}".to_owned()));
    operands.push(Typed::constant(variables, ColumnType::plain(Jsonb)));
    operands.push(Typed::constant(ScalarValue::Boolean(Some(true)), ColumnType::plain(Bool)));
    operands
}

/// What a function that may use the session's zone is told of it.
fn with_zone(binding: &Binding<'_>, mut arguments: Vec<Typed>) -> Vec<Typed> {
    arguments.push(zone(binding));
    arguments.push(session_offset(binding));
    arguments
}

fn called(
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    result: PgType,
) -> Result<Typed, SqlError> {
    let column_type = ColumnType::plain(result);
    apply(name, kernel, arguments, column_type, column_type.to_arrow())
}

fn items(name: &'static str, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let column_type = ColumnType::plain(Jsonb);
    let made = apply(name, k::query, arguments, column_type, list(DataType::Utf8View))?;
    one_column(name, made, column_type)
}

const fn words(row: FunctionRow) -> FunctionRow {
    row.named(NAMES, 2).defaults(&["{}", "false"])
}

/// The form without a zone, the form with one, and the operator's function.
macro_rules! scalar {
    ($name:literal, $kernel:path, $result:ident) => {
        words(build($name, ARGUMENTS, Is($result), |_, arguments| called($name, $kernel, arguments, $result)))
    };
    ($name:literal, $kernel:path, $result:ident, zone) => {
        words(build($name, ARGUMENTS, Is($result), |binding, arguments| {
            called($name, $kernel, with_zone(binding, arguments), $result)
        }))
    };
    ($name:literal, $kernel:path, $result:ident, operator) => {
        build($name, &[Is(Jsonb), Is(Jsonpath)], Is($result), |_, arguments| {
            called($name, $kernel, without_words(arguments), $result)
        })
    };
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    scalar!("jsonb_path_exists", k::exists, Bool),
    scalar!("jsonb_path_exists_tz", k::exists, Bool, zone),
    scalar!("jsonb_path_exists_opr", k::exists, Bool, operator),
    scalar!("jsonb_path_match", k::matches, Bool),
    scalar!("jsonb_path_match_tz", k::matches, Bool, zone),
    scalar!("jsonb_path_match_opr", k::matches, Bool, operator),
    scalar!("jsonb_path_query_array", k::query_array, Jsonb),
    scalar!("jsonb_path_query_array_tz", k::query_array, Jsonb, zone),
    scalar!("jsonb_path_query_first", k::query_first, Jsonb),
    scalar!("jsonb_path_query_first_tz", k::query_first, Jsonb, zone),
    words(FunctionRow::new(
        "jsonb_path_query",
        ARGUMENTS,
        Is(Jsonb),
        Make::Set(|_, arguments| items("jsonb_path_query", arguments)),
    )),
    words(FunctionRow::new(
        "jsonb_path_query_tz",
        ARGUMENTS,
        Is(Jsonb),
        Make::Set(|binding, arguments| items("jsonb_path_query_tz", with_zone(binding, arguments))),
    )),
];

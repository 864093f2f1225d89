//! Window functions: DataFusion's own, with PostgreSQL's types.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    functions_window as f,
    logical_expr::{Expr, WindowFunctionDefinition, WindowUDF},
};
use lis_lake::types::{ColumnType, PgType};
use std::sync::Arc;

use super::{FunctionRow, Make};
use crate::{
    error::{SqlError, SqlErrorKind},
    resolve::{
        ResolvedWindow,
        select::Formal::{self, AnyCompatible, AnyElement, Is},
    },
    types::{Binding, Derived, Typed, casts::widen, collation::derived, common_type},
};

use PgType::{Float8, Int4, Int8};

const fn window(
    name: &'static str,
    arguments: &'static [Formal],
    result: Formal,
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedWindow, SqlError>,
) -> FunctionRow {
    FunctionRow::new(name, arguments, result, Make::Window(make))
}

/// A function that gives a number of DataFusion's choosing.
fn number(
    function: Arc<WindowUDF>,
    arguments: Vec<Expr>,
    gives: DataType,
    result: PgType,
) -> Result<ResolvedWindow, SqlError> {
    let result = ColumnType::plain(result);
    let wanted = result.to_arrow();
    let cast = (gives != wanted).then_some(wanted);
    Ok(ResolvedWindow {
        function: WindowFunctionDefinition::WindowUDF(function),
        arguments,
        result,
        arrow_type: gives,
        cast,
        finish: None,
        collation: Derived::default(),
    })
}

/// A function that gives one of its argument's values.
fn value(function: Arc<WindowUDF>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    let Some(first) = arguments.first() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let (result, arrow_type) = (first.column_type, first.arrow_type.clone());
    let collation = derived(&arguments)?.of_type(result.pg_type);
    Ok(ResolvedWindow {
        function: WindowFunctionDefinition::WindowUDF(function),
        arguments: arguments.into_iter().map(|argument| argument.expr).collect(),
        result,
        arrow_type,
        cast: None,
        finish: None,
        collation,
    })
}

/// DataFusion wants its offsets as 64-bit constants.
fn with_wide_offset(mut arguments: Vec<Typed>) -> Result<Vec<Typed>, SqlError> {
    if arguments.len() > 1 {
        let offset = arguments.remove(1);
        if offset.value().is_none() {
            return Err(SqlError::new(
                SqlErrorKind::FeatureNotSupported,
                "an offset that is not constant is not supported",
            )
            .at(offset.position));
        }
        arguments.insert(1, widen(offset, ColumnType::plain(Int8), DataType::Int64));
    }
    Ok(arguments)
}

fn shifted(
    binding: &Binding<'_>,
    function: Arc<WindowUDF>,
    arguments: Vec<Typed>,
) -> Result<ResolvedWindow, SqlError> {
    let mut arguments = with_wide_offset(arguments)?;
    if arguments.len() == 3 {
        let default = arguments.remove(2);
        if default.value().is_none() {
            return Err(SqlError::new(
                SqlErrorKind::FeatureNotSupported,
                "a default that is not constant is not supported",
            )
            .at(default.position));
        }
        let first = arguments.remove(0);
        let mut both = vec![first, default];
        common_type(binding, &mut both, "lag")?;
        let default = both.pop();
        let first = both.pop();
        let mut rebuilt: Vec<Typed> = first.into_iter().chain(arguments).collect();
        rebuilt.extend(default);
        arguments = rebuilt;
    }
    value(function, arguments)
}

fn lag(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    shifted(binding, f::lead_lag::lag_udwf(), arguments)
}

fn lead(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    shifted(binding, f::lead_lag::lead_udwf(), arguments)
}

/// Refuses a last argument that is a constant and not greater than zero, or null, of which no number is known.
fn check_positive(arguments: &[Typed], kind: SqlErrorKind, name: &str) -> Result<(), SqlError> {
    let value = arguments.last().and_then(Typed::value);
    match value {
        Some(value) if value.is_null() => {
            let message = format!("a null argument of {name} is not supported");
            Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message))
        }
        Some(ScalarValue::Int32(Some(..=0)) | ScalarValue::Int64(Some(..=0))) => {
            Err(SqlError::new(kind, format!("argument of {name} must be greater than zero")))
        }
        _ => Ok(()),
    }
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    window("row_number", &[], Is(Int8), |_, _| {
        number(f::row_number::row_number_udwf(), Vec::new(), DataType::UInt64, Int8)
    }),
    window("rank", &[], Is(Int8), |_, _| number(f::rank::rank_udwf(), Vec::new(), DataType::UInt64, Int8)),
    window("dense_rank", &[], Is(Int8), |_, _| {
        number(f::rank::dense_rank_udwf(), Vec::new(), DataType::UInt64, Int8)
    }),
    window("percent_rank", &[], Is(Float8), |_, _| {
        number(f::rank::percent_rank_udwf(), Vec::new(), DataType::Float64, Float8)
    }),
    window("cume_dist", &[], Is(Float8), |_, _| {
        number(f::cume_dist::cume_dist_udwf(), Vec::new(), DataType::Float64, Float8)
    }),
    window("ntile", &[Is(Int4)], Is(Int4), |_, arguments| {
        check_positive(&arguments, SqlErrorKind::InvalidArgumentForNtile, "ntile")?;
        let arguments = arguments
            .into_iter()
            .map(|argument| widen(argument, ColumnType::plain(Int8), DataType::Int64).expr)
            .collect();
        number(f::ntile::ntile_udwf(), arguments, DataType::UInt64, Int4)
    }),
    window("lag", &[AnyElement], AnyElement, lag),
    window("lag", &[AnyElement, Is(Int4)], AnyElement, lag),
    window("lag", &[AnyCompatible, Is(Int4), AnyCompatible], AnyCompatible, lag),
    window("lead", &[AnyElement], AnyElement, lead),
    window("lead", &[AnyElement, Is(Int4)], AnyElement, lead),
    window("lead", &[AnyCompatible, Is(Int4), AnyCompatible], AnyCompatible, lead),
    window("first_value", &[AnyElement], AnyElement, |_, arguments| {
        value(f::nth_value::first_value_udwf(), arguments)
    }),
    window("last_value", &[AnyElement], AnyElement, |_, arguments| {
        value(f::nth_value::last_value_udwf(), arguments)
    }),
    window("nth_value", &[AnyElement, Is(Int4)], AnyElement, |_, arguments| {
        check_positive(&arguments, SqlErrorKind::InvalidArgumentForNthValue, "nth_value")?;
        value(f::nth_value::nth_value_udwf(), with_wide_offset(arguments)?)
    }),
];

//! Window functions: DataFusion's own, with PostgreSQL's types, and ours for what differs from row to row.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    functions_window as f,
    logical_expr::{Expr, WindowFunctionDefinition, WindowUDF},
};
use lis_functions::windows::{Over, Place, Shape, over_partition};
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

/// One of ours, over a partition.
fn over(over: Over, arguments: Vec<Typed>, result: ColumnType, arrow_type: DataType) -> ResolvedWindow {
    ResolvedWindow {
        function: WindowFunctionDefinition::WindowUDF(over_partition(over, arrow_type.clone())),
        arguments: arguments.into_iter().map(|argument| argument.expr).collect(),
        result,
        arrow_type,
        cast: None,
        finish: None,
        collation: Derived::default(),
    }
}

/// The same that gives one of its first argument's values.
fn value_over(how: Over, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    let Some(first) = arguments.first() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let (result, arrow_type) = (first.column_type, first.arrow_type.clone());
    let collation = derived(&arguments)?.of_type(result.pg_type);
    Ok(ResolvedWindow { collation, ..over(how, arguments, result, arrow_type) })
}

/// An offset as a 64-bit integer.
fn wide(offset: Typed) -> Typed {
    widen(offset, ColumnType::plain(Int8), DataType::Int64)
}

fn is_constant(argument: &Typed) -> bool {
    argument.value().is_some_and(|value| !value.is_null())
}

/// `lag` and `lead`: the engine's own where offset and default are constants.
fn shifted(
    binding: &Binding<'_>,
    function: Arc<WindowUDF>,
    ours: Over,
    arguments: Vec<Typed>,
) -> Result<ResolvedWindow, SqlError> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let offset = arguments.next().map(wide);
    let mut rebuilt = vec![first];
    if let Some(default) = arguments.next() {
        rebuilt.push(default);
        let common = common_type(binding, &mut rebuilt, "lag")?;
        if let Some(first) = rebuilt.first_mut() {
            first.column_type = common.column_type;
        }
    }
    let constant = offset.iter().chain(rebuilt.get(1)).all(|argument| argument.value().is_some())
        && offset.iter().all(is_constant);
    if let Some(offset) = offset {
        rebuilt.insert(1, offset);
    }
    if constant { value(function, rebuilt) } else { value_over(ours, rebuilt) }
}

fn lag(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    shifted(binding, f::lead_lag::lag_udwf(), Over::Lag, arguments)
}

fn lead(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    shifted(binding, f::lead_lag::lead_udwf(), Over::Lead, arguments)
}

fn ntile(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    check_positive(&arguments, SqlErrorKind::InvalidArgumentForNtile, "ntile")?;
    let constant = arguments.iter().all(is_constant);
    let arguments: Vec<Typed> = arguments.into_iter().map(wide).collect();
    if !constant {
        return Ok(over(Over::Tiles, arguments, ColumnType::plain(Int4), DataType::Int32));
    }
    let arguments = arguments.into_iter().map(|argument| argument.expr).collect();
    number(f::ntile::ntile_udwf(), arguments, DataType::UInt64, Int4)
}

fn nth_value(_: &Binding<'_>, mut arguments: Vec<Typed>) -> Result<ResolvedWindow, SqlError> {
    check_positive(&arguments, SqlErrorKind::InvalidArgumentForNthValue, "nth_value")?;
    let constant = arguments.last().is_some_and(is_constant);
    if let Some(number) = arguments.pop() {
        arguments.push(wide(number));
    }
    if constant {
        return value(f::nth_value::nth_value_udwf(), arguments);
    }
    value_over(Over::Value(Place::Nth, Shape::PLAIN), arguments)
}

/// The same function over a frame of a shape that the engine has not, with the offsets that are computed. Functions that
/// do not look at the frame stay as they are. The FILTER of an aggregate becomes an argument.
pub(crate) fn over_shape(
    window: ResolvedWindow,
    shape: Shape,
    filter: Option<Box<Expr>>,
    offsets: Vec<Expr>,
) -> ResolvedWindow {
    let over = match &window.function {
        WindowFunctionDefinition::AggregateUDF(function) => {
            Over::Aggregate { function: Arc::clone(function), filtered: filter.is_some(), shape }
        }
        WindowFunctionDefinition::WindowUDF(function) => match function.name() {
            "first_value" => Over::Value(Place::First, shape),
            "last_value" => Over::Value(Place::Last, shape),
            "nth_value" | "nth_value_of" => Over::Value(Place::Nth, shape),
            _ => return window,
        },
    };
    let function = WindowFunctionDefinition::WindowUDF(over_partition(over, window.arrow_type.clone()));
    let mut arguments = window.arguments;
    arguments.extend(filter.map(|filter| *filter));
    arguments.extend(offsets);
    ResolvedWindow { function, arguments, ..window }
}

/// Refuses a last argument that is a constant and not greater than zero.
fn check_positive(arguments: &[Typed], kind: SqlErrorKind, name: &str) -> Result<(), SqlError> {
    match arguments.last().and_then(Typed::value) {
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
    window("ntile", &[Is(Int4)], Is(Int4), ntile),
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
    window("nth_value", &[AnyElement, Is(Int4)], AnyElement, nth_value),
];

//! Which operator or function a call means, by PostgreSQL's rules ("Type Conversion", 10.2 and 10.3), and the DataFusion
//! expression for it. The rows to choose from are in `operators.rs` and `functions.rs`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{AggregateUDF, Expr, WindowFunctionDefinition};
use lis_lake::types::ColumnType;

use crate::{
    error::{SqlError, SqlErrorKind},
    types::{Binding, Typed},
};

/// A call of a function as it is written. Special syntax is a call too: `EXTRACT(f FROM x)` is `extract('f', x)`,
/// `x AT TIME ZONE z` is `timezone(z, x)`, `POSITION(a IN b)` is `position(b, a)`, `TRIM(BOTH c FROM x)` is `btrim(x, c)`
/// (`ltrim`, `rtrim`), `SUBSTRING(x FROM a FOR b)` is `substring(x, a, b)`, `OVERLAY(x PLACING y FROM a FOR b)` is
/// `overlay(x, y, a, b)`; `COALESCE`, `NULLIF`, `GREATEST`, `LEAST` and `CURRENT_DATE` and its like go by their names.
#[derive(Debug, Clone)]
pub struct FunctionCall {
    /// The schema, if it is written.
    pub schema: Option<String>,
    /// The function's name, folded.
    pub name: String,
    /// Arguments in order.
    pub arguments: Vec<Argument>,
    /// `f(*)`.
    pub star: bool,
    /// `f(DISTINCT …)`: only said here for errors and for aggregates that need to know.
    pub distinct: bool,
    /// `f(VARIADIC array)`.
    pub variadic: bool,
    /// The types and expressions of `WITHIN GROUP (ORDER BY …)`; empty without it.
    pub within_group: Vec<Typed>,
    /// Whether an `OVER` follows: only then window functions are looked for.
    pub over: bool,
    /// Where the name stands.
    pub position: Option<usize>,
}

/// One argument.
#[derive(Debug, Clone)]
pub struct Argument {
    /// `name => value`, folded.
    pub name: Option<String>,
    /// The value.
    pub value: Typed,
}

/// What a call turned out to be.
#[derive(Debug, Clone)]
pub enum ResolvedFunction {
    /// An expression.
    Scalar(Typed),
    /// An aggregate. The caller adds DISTINCT, FILTER and ORDER BY, or makes a window function of it.
    Aggregate(ResolvedAggregate),
    /// A window function.
    Window(ResolvedWindow),
    /// A function that returns a set.
    Set(ResolvedSet),
}

/// An aggregate function and its arguments.
#[derive(Debug, Clone)]
pub struct ResolvedAggregate {
    /// The implementation.
    pub function: Arc<AggregateUDF>,
    /// Its arguments, coerced.
    pub arguments: Vec<Expr>,
    /// For an ordered-set aggregate: the coerced `WITHIN GROUP` expressions, in order. The caller puts its own
    /// directions to them.
    pub within_group: Vec<Expr>,
    /// The result's type.
    pub result: ColumnType,
    /// The result's Arrow type.
    pub arrow_type: DataType,
}

/// A window function and its arguments.
#[derive(Debug, Clone)]
pub struct ResolvedWindow {
    /// The implementation.
    pub function: WindowFunctionDefinition,
    /// Its arguments, coerced.
    pub arguments: Vec<Expr>,
    /// The result's type.
    pub result: ColumnType,
    /// What DataFusion's function gives; `cast` says what to make of it.
    pub arrow_type: DataType,
    /// If set, the call's result must be cast to this Arrow type to be `result` (`ntile` gives UInt64).
    pub cast: Option<DataType>,
}

/// A set-returning function: an expression that gives the whole set as a list, to be unnested.
#[derive(Debug, Clone)]
pub struct ResolvedSet {
    /// A list. Its elements are the values of the one column, or structs of the columns. A null list is an empty set.
    pub list: Expr,
    /// The columns: name, type, Arrow type.
    pub columns: Vec<SetColumn>,
    /// Whether the elements are structs, one field per column; otherwise there is one column.
    pub record: bool,
}

/// A column of a set-returning function.
#[derive(Debug, Clone)]
pub struct SetColumn {
    /// Its name: the function's name where PostgreSQL's definition has none.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// Its Arrow type.
    pub arrow_type: DataType,
}

/// `left op right`, or `op right`. `schema` is that of `OPERATOR(schema.op)`. Names as PostgreSQL has them: `=`, `<>`
/// (`!=` is the same), `~~` for LIKE, `!~~`, `~~*`, `!~~*`, `||`, `->`, `@>`, …
pub fn operator(
    binding: &Binding<'_>,
    schema: Option<&str>,
    name: &str,
    left: Option<Typed>,
    right: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, schema, left, right);
    Err(SqlError::new(SqlErrorKind::UndefinedFunction, format!("operator does not exist: {name}"))
        .at(position))
}

/// `left op ANY (array)` and, with `all`, `left op ALL (array)`.
pub fn operator_over_array(
    binding: &Binding<'_>,
    name: &str,
    left: Typed,
    array: Typed,
    all: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = all;
    operator(binding, None, name, Some(left), array, position)
}

/// `value IN (list)` and, with `negated`, `NOT IN`.
pub fn in_list(
    binding: &Binding<'_>,
    value: Typed,
    list: Vec<Typed>,
    negated: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, value, list, negated);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "IN is not supported yet").at(position))
}

/// `left IS [NOT] DISTINCT FROM right`.
pub fn distinct_from(
    binding: &Binding<'_>,
    left: Typed,
    right: Typed,
    negated: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, left, right, negated);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "IS DISTINCT FROM is not supported yet")
        .at(position))
}

/// `ARRAY[…]`.
pub fn array(
    binding: &Binding<'_>,
    elements: Vec<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, elements);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "ARRAY is not supported yet").at(position))
}

/// `array[index]`.
pub fn subscript(
    binding: &Binding<'_>,
    array: Typed,
    index: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, array, index);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "subscripts are not supported yet").at(position))
}

/// `array[lower:upper]`, either bound may be left out.
pub fn slice(
    binding: &Binding<'_>,
    array: Typed,
    lower: Option<Typed>,
    upper: Option<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, array, lower, upper);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "array slices are not supported yet").at(position))
}

/// `CASE WHEN condition THEN result … ELSE otherwise END`. For `CASE x WHEN v` the caller makes `x = v` first. The
/// conditions are coerced to boolean, the results to their common type.
pub fn case(
    binding: &Binding<'_>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let _ = (binding, branches, otherwise);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "CASE is not supported yet").at(position))
}

/// A call of a function.
pub fn function(binding: &Binding<'_>, call: FunctionCall) -> Result<ResolvedFunction, SqlError> {
    let _ = binding;
    Err(SqlError::new(SqlErrorKind::UndefinedFunction, format!("function {}() does not exist", call.name))
        .at(call.position))
}

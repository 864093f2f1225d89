//! Which operator or function a call means, by PostgreSQL's rules ("Type Conversion", 10.2 and 10.3), and the DataFusion
//! expression for it. The rows to choose from are in `operators.rs` and `functions.rs`.

pub(crate) mod arrays;
pub(crate) mod conditional;
mod facts;
pub(crate) mod select;
#[cfg(test)]
mod tests;
mod variadic;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{
        AggregateUDF, BinaryExpr, Case, Expr, Operator, WindowFunctionDefinition, expr::InList, lit,
    },
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};

pub use self::arrays::{Subscript, array, assigned, operator_over_array, subscripts};
use self::select::{Candidate, Choice, Formal, Generic, choose, generic};
use crate::{
    error::{SqlError, SqlErrorKind},
    functions::{self, FunctionRow, Make},
    operators::{self, OperatorRow, align, canonical_name, compare},
    types::{
        Binding, CastContext, CommonType, Derived, Typed,
        casts::coerce_to,
        coerce, coerce_to_boolean, common_type,
        ordering::{equality_key, is_keyed, order_key},
        settle_unknown, type_name,
    },
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
    /// The Arrow type of the call itself.
    pub arrow_type: DataType,
    /// What makes the result of what the call gives, where that is something else: MAX of text under a collation of
    /// ICU's is the text of the largest key.
    pub finish: Option<Finish>,
    /// How the result is ordered, if it is text.
    pub collation: Derived,
}

/// See [`ResolvedAggregate::finish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The text that a key was made of.
    TextOfKey,
    /// The texts that a list of keys was made of, as an array.
    TextsOfKeys,
    /// These texts, joined.
    JoinedTextsOfKeys {
        /// What goes between them.
        delimiter: String,
    },
    /// A list whose elements have an equality of their own, without repetitions and in order.
    DistinctValues {
        /// Whether they are `jsonb`.
        are_jsonb: bool,
        /// From the largest.
        descending: bool,
        /// Nulls before all others.
        nulls_first: bool,
    },
    /// A list of integers, as their exclusive or.
    ExclusiveOr,
    /// Arrays, as one of one dimension more.
    StackedArrays,
    /// Texts of json values, as one array.
    JsonArray {
        /// Whether on lines of their own: arrays and records are.
        lines: bool,
    },
    /// Texts of members, as one object.
    JsonObject,
}

impl Finish {
    /// The result, given the column that stands for the call.
    pub(crate) fn apply(self, call: Typed, result: ColumnType) -> Result<Typed, SqlError> {
        use lis_functions::{collation, json};
        let text = |value: &str| {
            Typed::constant(ScalarValue::Utf8View(Some(value.to_owned())), ColumnType::plain(PgType::Text))
        };
        let (json_name, object_name) = match result.pg_type {
            PgType::Jsonb => ("jsonb_agg_final", "jsonb_object_agg_final"),
            _ => ("json_agg_final", "json_object_agg_final"),
        };
        let stacked = self == Self::StackedArrays;
        let chosen = matches!(self, Self::DistinctValues { .. }).then(|| call.arrow_type.clone());
        // Of a list of arrays that is what each of them is.
        let call_type = match &call.arrow_type {
            DataType::List(array) => array.data_type().clone(),
            other => other.clone(),
        };
        let (name, kernel, arguments): (_, lis_functions::scalar::Kernel, _) = match self {
            Self::StackedArrays => ("array_stack", lis_functions::arrays::dimensions::stack_list, vec![call]),
            Self::DistinctValues { are_jsonb, descending, nulls_first } => {
                let flag = |value: bool| {
                    Typed::constant(ScalarValue::Boolean(Some(value)), ColumnType::plain(PgType::Bool))
                };
                let arguments = vec![call, flag(descending), flag(nulls_first)];
                if are_jsonb {
                    ("distinct_jsonb", lis_functions::arrays::distinct_in_order::<true>, arguments)
                } else {
                    ("distinct_values", lis_functions::arrays::distinct_in_order::<false>, arguments)
                }
            }
            Self::ExclusiveOr => {
                ("exclusive_or", lis_functions::arrays::exclusive_or::exclusive_or, vec![call])
            }
            Self::TextOfKey => ("collation_text", collation::text_of_key, vec![call]),
            Self::TextsOfKeys => ("collation_texts", collation::texts_of_keys, vec![call]),
            Self::JoinedTextsOfKeys { delimiter } => {
                ("collation_joined_texts", collation::joined_texts_of_keys, vec![call, text(&delimiter)])
            }
            Self::JsonArray { lines } => {
                let between = if lines { ", \n " } else { ", " };
                (json_name, json::array_of_elements, vec![call, text(between)])
            }
            Self::JsonObject => (object_name, json::object_of_members, vec![call]),
        };
        let arrow_type = match chosen {
            Some(same) => same,
            None if stacked => call_type,
            None => result.to_arrow(),
        };
        let finished = crate::build::apply(name, kernel, arguments, result, arrow_type)?;
        match result.pg_type {
            PgType::Jsonb => {
                crate::build::apply("jsonb", json::json_to_jsonb, vec![finished], result, DataType::Utf8View)
            }
            _ => Ok(finished),
        }
    }
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
    /// See [`ResolvedAggregate::finish`].
    pub finish: Option<Finish>,
    /// How the result is ordered, if it is text.
    pub collation: Derived,
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
    /// How it is ordered, if it is text.
    pub collation: Derived,
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
    let operands: Vec<Typed> = left.into_iter().chain([right]).collect();
    let row = operator_row(schema, name, &types_of(&operands), position)?;
    let operands = coerce_arguments(binding, &row, operands)?;
    let mut done = (row.build)(binding, &row, operands).map_err(|error| error.at_call(position))?;
    debug_assert!(
        !matches!(row.result, Formal::Is(result) if result != done.pg_type()),
        "{name} must give what its row says"
    );
    done.position = position.or(done.position);
    Ok(done)
}

fn types_of(operands: &[Typed]) -> Vec<PgType> {
    operands.iter().map(Typed::pg_type).collect()
}

/// The row that an operator over operands of these types means.
pub(crate) fn operator_row(
    schema: Option<&str>,
    name: &str,
    actual: &[PgType],
    position: Option<usize>,
) -> Result<OperatorRow, SqlError> {
    let missing = || operator_error(SqlErrorKind::UndefinedFunction, name, actual, position);
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return Err(missing());
    }
    let candidates = operators::candidates(canonical_name(name), actual.len() == 1);
    // One unknown operand is first taken to be of the other's type.
    if let [left, right] = actual {
        let assumed = match (*left, *right) {
            (PgType::Unknown, known) | (known, PgType::Unknown) if known != PgType::Unknown => Some(known),
            _ => None,
        };
        if let Some(assumed) = assumed {
            let polymorphic = |formal: Formal| {
                assumed.element().is_some() && matches!(formal, Formal::AnyArray | Formal::AnyCompatibleArray)
            };
            let exact = candidates.iter().find(|row| {
                row.left.is_some_and(|left| left == Formal::Is(assumed) || polymorphic(left))
                    && (row.right == Formal::Is(assumed) || polymorphic(row.right))
            });
            if let Some(row) = exact {
                return Ok(*row);
            }
        }
    }
    match choose(&candidates, actual) {
        Choice::One(row) => Ok(row),
        Choice::None => Err(missing()),
        Choice::Several => Err(operator_error(SqlErrorKind::AmbiguousFunction, name, actual, position)),
    }
}

fn operator_error(kind: SqlErrorKind, name: &str, actual: &[PgType], position: Option<usize>) -> SqlError {
    let shown = match actual {
        [right] => format!("{name} {}", type_name(*right)),
        [left, right] => format!("{} {name} {}", type_name(*left), type_name(*right)),
        _ => name.to_owned(),
    };
    let error = if kind == SqlErrorKind::AmbiguousFunction {
        SqlError::new(kind, format!("operator is not unique: {shown}")).with_hint(
            "Could not choose a best candidate operator. You might need to add explicit type casts.",
        )
    } else {
        SqlError::new(kind, format!("operator does not exist: {shown}")).with_hint(match actual {
            [_] => {
                "No operator matches the given name and argument type. You might need to add an explicit type cast."
            }
            _ => {
                "No operator matches the given name and argument types. You might need to add explicit type casts."
            }
        })
    };
    error.at(position)
}

/// Gives arguments the types that a row wants.
fn coerce_arguments<C: Candidate>(
    binding: &Binding<'_>,
    candidate: &C,
    arguments: Vec<Typed>,
) -> Result<Vec<Typed>, SqlError> {
    let actual: Vec<PgType> = arguments.iter().map(Typed::pg_type).collect();
    let generic = generic(candidate, &actual).unwrap_or(Generic { element: None, compatible: None });
    let count = arguments.len();
    arguments
        .into_iter()
        .enumerate()
        .map(|(index, argument)| match generic.resolve(candidate.formal(index, count)) {
            // What a function of any array is given may count from 0.
            Some(_)
                if matches!(argument.pg_type(), PgType::Int2Vector | PgType::OidVector)
                    && matches!(candidate.formal(index, count), Formal::AnyArray) =>
            {
                Ok(argument)
            }
            Some(wanted) => {
                let coerced = coerce_to(binding, argument, wanted)?;
                // A function of one array type takes its elements in one dimension.
                match candidate.formal(index, count) {
                    Formal::Is(PgType::Array(_)) if !candidate.takes_shapes() => arrays::to_plain(coerced),
                    _ => Ok(coerced),
                }
            }
            None => settle_unknown(binding, argument),
        })
        .collect()
}

/// `value IN (list)` and, with `negated`, `NOT IN`.
pub fn in_list(
    binding: &Binding<'_>,
    value: Typed,
    list: Vec<Typed>,
    negated: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let boolean =
        |expr: Expr| Typed::new(expr, ColumnType::plain(PgType::Bool), DataType::Boolean).at(position);
    let mut several: Vec<Typed> = std::iter::once(value.clone()).chain(list.iter().cloned()).collect();
    if let Ok(common) = crate::types::select_common(&several, "IN") {
        for one in &mut several {
            *one = coerce_to(binding, one.clone(), common)?;
        }
        let wanted = several.remove(0);
        let mut items = Vec::with_capacity(several.len());
        let by_key = equality_key(&wanted)?.is_some();
        for item in several.iter().filter(|_| !by_key) {
            let (left, right) = align(binding, wanted.clone(), item.clone())?;
            if left.expr != wanted.expr || right.arrow_type != wanted.arrow_type {
                break;
            }
            items.push(right);
        }
        if items.len() == several.len() {
            let items = members(items);
            return Ok(boolean(Expr::InList(InList::new(Box::new(wanted.expr), items, negated))));
        }
    }
    // One by one, as PostgreSQL does where there is no common type.
    let mut chain: Option<Expr> = None;
    for item in list {
        let name = if negated { "<>" } else { "=" };
        let one = operator(binding, None, name, Some(value.clone()), item, position)?.expr;
        chain = Some(match chain {
            None => one,
            Some(before) => Expr::BinaryExpr(BinaryExpr {
                left: Box::new(before),
                op: if negated { Operator::And } else { Operator::Or },
                right: Box::new(one),
            }),
        });
    }
    Ok(boolean(chain.unwrap_or_else(|| lit(negated))))
}

/// The items of an IN list for the engine, which keeps the two zeros of a float apart: whoever asks for one asks for both.
fn members(items: Vec<Typed>) -> Vec<Expr> {
    let mut members = Vec::with_capacity(items.len());
    for item in items {
        let other_zero = match item.value() {
            Some(ScalarValue::Float32(Some(value))) if *value == 0.0 => Some(lit(-*value)),
            Some(ScalarValue::Float64(Some(value))) if *value == 0.0 => Some(lit(-*value)),
            _ => None,
        };
        members.push(item.expr);
        members.extend(other_zero);
    }
    members
}

/// `left IS [NOT] DISTINCT FROM right`.
pub fn distinct_from(
    binding: &Binding<'_>,
    left: Typed,
    right: Typed,
    negated: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let operands = vec![left, right];
    let row = operator_row(None, "=", &types_of(&operands), position)?;
    let mut operands = coerce_arguments(binding, &row, operands)?.into_iter();
    let (Some(left), Some(right)) = (operands.next(), operands.next()) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "a comparison has two operands").at(position));
    };
    let operator = if negated { Operator::IsNotDistinctFrom } else { Operator::IsDistinctFrom };
    compare(binding, operator, left, right).map(|done| done.at(position)).map_err(|error| error.at(position))
}

/// `CASE WHEN condition THEN result … ELSE otherwise END`. For `CASE x WHEN v` the caller makes `x = v` first. The
/// conditions are coerced to boolean, the results to their common type.
pub fn case(
    binding: &Binding<'_>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let (conditions, results): (Vec<Typed>, Vec<Typed>) = branches.into_iter().unzip();
    // PostgreSQL looks at ELSE first.
    let otherwise = otherwise.unwrap_or_else(|| crate::types::null_literal(position));
    let mut several: Vec<Typed> = std::iter::once(otherwise).chain(results).collect();
    let common = common_type(binding, &mut several, "CASE")?;
    let otherwise = several.remove(0);
    let mut when_then_expr = Vec::with_capacity(several.len());
    for (condition, result) in conditions.into_iter().zip(several) {
        let condition = coerce_to_boolean(binding, condition, "CASE/WHEN")?;
        when_then_expr.push((Box::new(condition.expr), Box::new(result.expr)));
    }
    let expr = Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(otherwise.expr)) });
    Ok(common.typed(expr).at(position))
}

/// A call of a function.
pub fn function(binding: &Binding<'_>, call: FunctionCall) -> Result<ResolvedFunction, SqlError> {
    let position = call.position;
    let in_catalog = call.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
    if call.schema.is_none()
        && let Some(special) = special(binding, &call)?
    {
        return Ok(ResolvedFunction::Scalar(special.at(position)));
    }
    if call.star {
        return star(&call);
    }
    if let Some(schema) = &call.schema
        && !in_catalog
        && !matches!(schema.as_str(), "information_schema" | "lis")
        && !binding.catalog.has_schema(&Identifier::exact(schema))
    {
        let message = format!("schema \"{schema}\" does not exist");
        return Err(SqlError::new(SqlErrorKind::InvalidSchemaName, message).at(position));
    }
    if call.schema.as_deref() == Some("lis") && call.name == "my_administrations" && call.arguments.len() < 2
    {
        let arguments: Vec<Typed> = call.arguments.into_iter().map(|argument| argument.value).collect();
        return functions::session::my_administrations(binding, &arguments)
            .map(|done| ResolvedFunction::Scalar(done.at(position)))
            .map_err(|error| error.at(position));
    }
    let mut arguments: Vec<Typed> = call.arguments.iter().map(|argument| argument.value.clone()).collect();
    arguments.extend(call.within_group.iter().cloned());
    let actual: Vec<PgType> = arguments.iter().map(Typed::pg_type).collect();
    let names: Vec<Option<&str>> = call.arguments.iter().map(|argument| argument.name.as_deref()).collect();
    if call.variadic && in_catalog {
        let found = variadic::call(binding, &call, arguments).map_err(|error| error.at_call(position))?;
        return Ok(ResolvedFunction::Scalar(found.at(position)));
    }
    let rows: Vec<FunctionRow> = if in_catalog || call.schema.as_deref() == Some("information_schema") {
        functions::candidates(&call.name)
            .into_iter()
            .filter(|row| call.over || !row.is_window())
            .filter(|row| row.is_ordered_set() != call.within_group.is_empty())
            .filter_map(|row| row.for_call(&names, actual.len()))
            .collect()
    } else {
        Vec::new()
    };
    if names.iter().any(Option::is_some) {
        return named(binding, &call, &rows, arguments);
    }
    match choose(&rows, &actual) {
        Choice::One(row) => return finish(binding, &call, &row, arguments),
        Choice::Several => return Err(function_error(SqlErrorKind::AmbiguousFunction, &call, &actual)),
        Choice::None => {}
    }
    if let Some(found) = catalog_function(binding, &call, &arguments, &actual)? {
        return Ok(ResolvedFunction::Scalar(found.at(position)));
    }
    // A type's name with one argument is a cast.
    if in_catalog
        && let [argument] = arguments.as_slice()
        && let Some(target) = PgType::SCALARS.iter().find(|scalar| scalar.facts().name == call.name)
        && *target != PgType::Unknown
    {
        let done =
            coerce(binding, argument.clone(), ColumnType::plain(*target), CastContext::Explicit, position);
        if let Ok(done) = done {
            return Ok(ResolvedFunction::Scalar(done.at(position)));
        }
        if argument.is_unknown() {
            return done.map(ResolvedFunction::Scalar);
        }
    }
    if in_catalog && call.name == "count" && actual.is_empty() {
        let message = "count(*) must be used to call a parameterless aggregate function";
        return Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position));
    }
    if in_catalog && !call.over && functions::candidates(&call.name).iter().any(FunctionRow::is_window) {
        let message = format!("window function {} requires an OVER clause", call.name);
        return Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position));
    }
    Err(function_error(SqlErrorKind::UndefinedFunction, &call, &actual))
}

fn function_error(kind: SqlErrorKind, call: &FunctionCall, actual: &[PgType]) -> SqlError {
    let types: Vec<String> = call
        .arguments
        .iter()
        .map(|argument| argument.name.as_deref())
        .chain(std::iter::repeat(None))
        .zip(actual)
        .map(|(name, pg_type)| match name {
            Some(name) => format!("{name} => {}", type_name(*pg_type)),
            None => type_name(*pg_type),
        })
        .collect();
    let name = match &call.schema {
        Some(schema) => format!("{schema}.{}", call.name),
        None => call.name.clone(),
    };
    let shown = format!("{name}({})", types.join(", "));
    let error = if kind == SqlErrorKind::AmbiguousFunction {
        SqlError::new(kind, format!("function {shown} is not unique")).with_hint(
            "Could not choose a best candidate function. You might need to add explicit type casts.",
        )
    } else {
        SqlError::new(kind, format!("function {shown} does not exist")).with_hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        )
    };
    error.at(call.position)
}

/// `f(*)`: only `count`.
fn star(call: &FunctionCall) -> Result<ResolvedFunction, SqlError> {
    if call.name == "count" {
        return Ok(ResolvedFunction::Aggregate(functions::aggregates::count_rows()));
    }
    // It is a call without arguments, and of a function that there is.
    if !functions::candidates(&call.name).iter().any(|row| row.arguments.is_empty()) {
        return Err(function_error(SqlErrorKind::UndefinedFunction, call, &[]));
    }
    Err(SqlError::new(
        SqlErrorKind::WrongObjectType,
        format!("{}(*) specified, but {} is not an aggregate function", call.name, call.name),
    )
    .at(call.position))
}

/// Names that are syntax in PostgreSQL.
fn special(binding: &Binding<'_>, call: &FunctionCall) -> Result<Option<Typed>, SqlError> {
    let mut values: Vec<Typed> = call.arguments.iter().map(|argument| argument.value.clone()).collect();
    let position = call.position;
    match (call.name.as_str(), values.len()) {
        ("coalesce", 1..) => {
            let common = common_type(binding, &mut values, "COALESCE")?;
            let arguments = values.into_iter().map(|value| value.expr).collect();
            let expr =
                conditional::coalesce(arguments, &common.arrow_type).map_err(|error| error.at(position))?;
            Ok(Some(common.typed(expr)))
        }
        ("pg_typeof", 1) => {
            let oid = values.first().map_or(PgType::Unknown, Typed::pg_type).oid().get();
            Ok(Some(Typed::constant(ScalarValue::UInt32(Some(oid)), ColumnType::plain(PgType::Regtype))))
        }
        ("pg_collation_for", 1) => values.first().map(facts::collation_for).transpose(),
        ("pg_column_size", 1) => values.pop().map(facts::column_size).transpose(),
        ("nullif", 2) => {
            let right = values.remove(1);
            let left = values.remove(0);
            let of_right = right.pg_type();
            // The result is the left operand as the comparison sees it.
            let row = operator_row(None, "=", &[left.pg_type(), right.pg_type()], position)?;
            let mut operands = coerce_arguments(binding, &row, vec![left.clone(), right])?.into_iter();
            let (Some(compared), Some(right)) = (operands.next(), operands.next()) else {
                return Err(SqlError::new(SqlErrorKind::Internal, "NULLIF has two operands"));
            };
            // Operators between a number and a wider one of its kind, and between dates and times, take both as they
            // are; `varchar` has none of its own.
            let converted = matches!(
                (left.pg_type(), of_right),
                (PgType::Unknown | PgType::Varchar, _)
                    | (PgType::Bpchar, PgType::Text | PgType::Varchar)
                    | (
                        PgType::Int2 | PgType::Int4 | PgType::Int8,
                        PgType::Numeric | PgType::Float4 | PgType::Float8,
                    )
                    | (PgType::Numeric, PgType::Float4 | PgType::Float8)
            );
            let result = if converted { compared.clone() } else { left };
            let equal = compare(binding, Operator::Eq, compared, right)?;
            let null = Typed {
                expr: lit(ScalarValue::try_from(&result.arrow_type).unwrap_or(ScalarValue::Null)),
                ..result.clone()
            };
            let expr = conditional::null_if(equal.expr, null.expr, result.expr, &result.arrow_type)
                .map_err(|error| error.at(position))?;
            Ok(Some(Typed::new(expr, result.column_type, result.arrow_type).collated(result.collation)))
        }
        ("greatest" | "least", 1..) => {
            let what = call.name.to_uppercase();
            let common = common_type(binding, &mut values, &what)?;
            let keyed =
                values.first().is_some_and(|value| is_keyed(&value.clone().collated(common.collation)));
            if keyed {
                return extreme_of_keyed(values, common, call.name == "greatest").map(Some);
            }
            let arguments: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
            let function = if call.name == "greatest" {
                datafusion::functions::core::greatest()
            } else {
                datafusion::functions::core::least()
            };
            Ok(Some(Typed::new(function.call(arguments), common.column_type, common.arrow_type)))
        }
        _ => Ok(None),
    }
}

/// GREATEST and LEAST of what is ordered by keys: the first of the largest (smallest) values that are not null.
fn extreme_of_keyed(values: Vec<Typed>, common: CommonType, greatest: bool) -> Result<Typed, SqlError> {
    let operator = if greatest { Operator::GtEq } else { Operator::LtEq };
    let mut best: Option<Typed> = None;
    for value in values {
        let value = value.collated(common.collation);
        best = Some(match best {
            None => value,
            Some(best) => {
                let better = Expr::BinaryExpr(BinaryExpr {
                    left: Box::new(order_key(best.clone())?.expr),
                    op: operator,
                    right: Box::new(order_key(value.clone())?.expr),
                });
                let keep = better.or(value.expr.clone().is_null());
                let expr = Expr::Case(Case {
                    expr: None,
                    when_then_expr: vec![(Box::new(keep), Box::new(best.expr.clone()))],
                    else_expr: Some(Box::new(value.expr.clone())),
                });
                Typed { expr, ..value }
            }
        });
    }
    let best = best.ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "nothing to choose from"))?;
    Ok(common.typed(best.expr))
}

/// A call with names: the rows have their arguments in order already, the values have not.
fn named(
    binding: &Binding<'_>,
    call: &FunctionCall,
    rows: &[FunctionRow],
    arguments: Vec<Typed>,
) -> Result<ResolvedFunction, SqlError> {
    let actual: Vec<PgType> = arguments.iter().map(Typed::pg_type).collect();
    for row in rows {
        let mut placed: Vec<Option<Typed>> = vec![None; row.arguments.len()];
        let mut sound = true;
        for (index, (argument, value)) in call.arguments.iter().zip(&arguments).enumerate() {
            let at = match &argument.name {
                None => Some(index),
                Some(name) => row.names.iter().position(|known| known == name),
            };
            match at.and_then(|at| placed.get_mut(at)) {
                Some(slot @ None) => *slot = Some(value.clone()),
                _ => sound = false,
            }
        }
        if !sound {
            continue;
        }
        let mut values = Vec::with_capacity(placed.len());
        for (index, slot) in placed.into_iter().enumerate() {
            match slot.map_or_else(|| row.default(binding, index), |value| Ok(Some(value)))? {
                Some(value) => values.push(value),
                None => sound = false,
            }
        }
        let fits = values.iter().zip(row.arguments).all(|(value, formal)| match formal {
            Formal::Is(wanted) => {
                crate::types::casts::can_coerce(value.pg_type(), *wanted, CastContext::Implicit)
            }
            _ => true,
        });
        if sound && fits {
            return finish(binding, call, row, values);
        }
    }
    Err(function_error(SqlErrorKind::UndefinedFunction, call, &actual))
}

fn finish(
    binding: &Binding<'_>,
    call: &FunctionCall,
    row: &FunctionRow,
    arguments: Vec<Typed>,
) -> Result<ResolvedFunction, SqlError> {
    let position = call.position;
    let actual: Vec<PgType> = arguments.iter().map(Typed::pg_type).collect();
    let generic = generic(row, &actual).unwrap_or(Generic { element: None, compatible: None });
    let polymorphic = |index: usize| {
        let formal = Candidate::formal(row, index, actual.len());
        matches!(formal, Formal::AnyElement | Formal::AnyNonArray | Formal::AnyArray)
    };
    if generic.element.is_none() && (0..actual.len()).any(polymorphic) {
        let message = "could not determine polymorphic type because input has type unknown";
        return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message));
    }
    let mut arguments = coerce_arguments(binding, row, arguments)?;
    for index in arguments.len()..row.arguments.len() {
        arguments.extend(row.default(binding, index)?);
    }
    if (call.distinct || call.over) && !row.is_aggregate() && !row.is_window() {
        let (kind, message) = if call.over {
            (
                SqlErrorKind::WrongObjectType,
                format!(
                    "OVER specified, but {} is not a window function nor an aggregate function",
                    call.name
                ),
            )
        } else {
            (
                SqlErrorKind::WrongObjectType,
                format!("DISTINCT specified, but {} is not an aggregate function", call.name),
            )
        };
        return Err(SqlError::new(kind, message).at(position));
    }
    let located = |error: SqlError| error.at_call(position);
    Ok(match row.make {
        Make::Aggregate(make) => {
            // Values that are equal are counted once, however they are written.
            if call.distinct
                && call.name == "count"
                && let [only] = arguments.as_mut_slice()
                && let Some(key) = equality_key(only)?
            {
                *only = key;
            }
            let mut aggregate = make(binding, arguments).map_err(located)?;
            if !call.within_group.is_empty() {
                // An ordered-set aggregate is given what it orders by as its last arguments, and ordered by it.
                let ordered = aggregate.arguments.len().saturating_sub(call.within_group.len());
                aggregate.within_group = aggregate.arguments.iter().skip(ordered).cloned().collect();
            }
            ResolvedFunction::Aggregate(aggregate)
        }
        Make::Window(make) => ResolvedFunction::Window(make(binding, arguments).map_err(located)?),
        Make::Set(make) => ResolvedFunction::Set(make(binding, arguments).map_err(located)?),
        Make::Build(make) => {
            ResolvedFunction::Scalar(make(binding, arguments).map_err(located)?.at(position))
        }
        Make::Function(make) => {
            let result = generic.resolve(row.result).unwrap_or(PgType::Text);
            let arguments = arguments.into_iter().map(crate::types::casts::canonical_text).collect();
            let done = crate::build::call(&make(), arguments, ColumnType::plain(result)).map_err(located)?;
            ResolvedFunction::Scalar(done.at(position))
        }
        Make::Kernel { name, kernel, strict } => {
            let result = generic.resolve(row.result).unwrap_or(PgType::Text);
            let column_type = ColumnType::plain(result);
            let build = if strict { crate::build::apply } else { crate::build::apply_on_null };
            let done =
                build(name, kernel, arguments, column_type, column_type.to_arrow()).map_err(located)?;
            ResolvedFunction::Scalar(done.at(position))
        }
    })
}

/// A row made of a catalogue's function.
#[derive(Clone)]
struct CatalogRow(crate::catalog::CatalogFunction);

impl Candidate for CatalogRow {
    fn formal(&self, index: usize, _: usize) -> Formal {
        self.0.arguments.get(index).map_or(Formal::Any, |pg_type| Formal::Is(*pg_type))
    }
}

fn catalog_function(
    binding: &Binding<'_>,
    call: &FunctionCall,
    arguments: &[Typed],
    actual: &[PgType],
) -> Result<Option<Typed>, SqlError> {
    let schema = call.schema.as_deref().map(Identifier::exact);
    let found = binding.catalog.functions(schema.as_ref(), &Identifier::exact(&call.name));
    let rows: Vec<CatalogRow> = found
        .into_iter()
        .filter(|function| function.arguments.len() == actual.len())
        .map(CatalogRow)
        .collect();
    match choose(&rows, actual) {
        Choice::None => Ok(None),
        Choice::Several => Err(function_error(SqlErrorKind::AmbiguousFunction, call, actual)),
        Choice::One(row) => {
            let arguments = coerce_arguments(binding, &row, arguments.to_vec())?
                .into_iter()
                .map(crate::types::casts::canonical_text)
                .collect();
            let result = ColumnType::plain(row.0.result);
            crate::build::call(&row.0.implementation, arguments, result)
                .map(Some)
                .map_err(|error| error.at_call(call.position))
        }
    }
}

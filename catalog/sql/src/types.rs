//! How an expression gets its PostgreSQL type: literals, casts and the common type of several expressions
//! (PostgreSQL's "Type Conversion", sections 10.1 to 10.5, except operators and functions, which are in `resolve.rs`).
//!
//! Every expression that leaves here has exactly the Arrow type that [`Typed::arrow_type`] says, so that DataFusion's
//! type coercion finds nothing to change.

pub(crate) mod casts;
pub(crate) mod collation;
mod elementwise;
pub(crate) mod intervals;
mod names;
pub(crate) mod ordering;
pub(crate) mod records;
pub(crate) mod shown;
pub(crate) mod values;

use std::{cell::RefCell, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Expr, expr::Placeholder, lit},
};
use lis_functions::{
    arrays::shape,
    error::{FunctionError, FunctionErrorKind},
    text_input::parse_decimal,
};
use lis_lake::types::{ColumnType, PgType};

use crate::{
    catalog::Catalog,
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    output::Origin,
};

pub use self::{
    casts::{can_assign, cast_context, type_name},
    collation::{Collation, Derived, is_collatable},
    intervals::interval_type_name,
    values::parse_text,
};

/// An expression while it is bound: DataFusion's expression and what PostgreSQL says of it.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// PostgreSQL's type and modifier. `numeric` has a modifier only where PostgreSQL has one.
    pub column_type: ColumnType,
    /// The Arrow type of `expr`: for `numeric` the precision and scale that it really has.
    pub arrow_type: DataType,
    /// How it is ordered, if it is text.
    pub collation: Derived,
    /// The table column that it is, where it is nothing but one.
    pub origin: Option<Origin>,
    /// Where it stands in the statement's text: characters from 1.
    pub position: Option<usize>,
}

impl Typed {
    /// An expression that is not a column of a table.
    pub fn new(expr: Expr, column_type: ColumnType, arrow_type: DataType) -> Self {
        Self { expr, column_type, arrow_type, collation: Derived::default(), origin: None, position: None }
    }

    /// An expression of the type's canonical Arrow type.
    pub fn canonical(expr: Expr, column_type: ColumnType) -> Self {
        Self::new(expr, column_type, column_type.to_arrow())
    }

    /// A constant.
    pub fn constant(value: ScalarValue, column_type: ColumnType) -> Self {
        let arrow_type = value.data_type();
        Self::new(lit(value), column_type, arrow_type)
    }

    /// A null of a type.
    pub fn null(column_type: ColumnType) -> Self {
        let arrow_type = column_type.to_arrow();
        let value = ScalarValue::try_from(&arrow_type).unwrap_or(ScalarValue::Null);
        Self::new(lit(value), column_type, arrow_type)
    }

    /// Says where it stands.
    #[must_use]
    pub fn at(mut self, position: Option<usize>) -> Self {
        self.position = self.position.or(position);
        self
    }

    /// Says how it is ordered.
    #[must_use]
    pub fn collated(self, collation: Derived) -> Self {
        Self { collation: collation.of_type(self.column_type.pg_type), ..self }
    }

    /// The PostgreSQL type.
    pub fn pg_type(&self) -> PgType {
        self.column_type.pg_type
    }

    /// Whether nothing has given it a type yet: a string literal, NULL or an undeclared parameter.
    pub fn is_unknown(&self) -> bool {
        self.column_type.pg_type == PgType::Unknown
    }

    /// The value, if it is a constant.
    pub fn value(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }
}

/// What the binder carries while it types expressions.
#[derive(Debug)]
pub struct Binding<'a> {
    /// Relations and functions by name.
    pub catalog: &'a dyn Catalog,
    /// The constants of the statement.
    pub context: &'a BindContext,
    /// The parameters as far as their types are known.
    pub parameters: &'a Parameters,
}

/// The types of `$1`, `$2`, …: declared by the client, or given by the first place that needs one.
#[derive(Debug, Default)]
pub struct Parameters {
    types: RefCell<Vec<Option<PgType>>>,
}

impl Parameters {
    /// Starts with what the client declared.
    pub fn new(declared: &[Option<PgType>]) -> Self {
        Self {
            types: RefCell::new(
                declared.iter().map(|declared| declared.filter(|one| *one != PgType::Unknown)).collect(),
            ),
        }
    }

    /// The type of parameter `number` (from 1), if it is known. Notes that the parameter exists.
    pub fn get(&self, number: usize) -> Option<PgType> {
        let mut types = self.types.borrow_mut();
        if types.len() < number {
            types.resize(number, None);
        }
        number.checked_sub(1).and_then(|index| types.get(index).copied().flatten())
    }

    /// Gives parameter `number` (from 1) its type. `Err` has the type that another place gave it before.
    pub fn set(&self, number: usize, pg_type: PgType) -> Result<(), PgType> {
        match self.get(number) {
            Some(known) if known != pg_type => Err(known),
            Some(_) => Ok(()),
            None => {
                let mut types = self.types.borrow_mut();
                if let Some(slot) = number.checked_sub(1).and_then(|index| types.get_mut(index)) {
                    *slot = Some(pg_type);
                }
                Ok(())
            }
        }
    }

    /// All of them; `None` has no type yet (42P18 if the statement ends so).
    pub fn types(&self) -> Vec<Option<PgType>> {
        self.types.borrow().clone()
    }
}

/// What a cast is for, from the narrowest: PostgreSQL's `castcontext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    /// An argument, an operand, a set operation.
    Implicit,
    /// INSERT, UPDATE, COPY.
    Assignment,
    /// `CAST`, `::`.
    Explicit,
}

/// `42` is `integer`, `bigint` or `numeric` by its size; `1.5` and `1e3` are `numeric` of their own scale.
pub fn number_literal(text: &str, position: Option<usize>) -> Result<Typed, SqlError> {
    let typed = if let Ok(small) = text.parse::<i32>() {
        Typed::constant(ScalarValue::Int32(Some(small)), ColumnType::plain(PgType::Int4))
    } else if let Ok(large) = text.parse::<i64>() {
        Typed::constant(ScalarValue::Int64(Some(large)), ColumnType::plain(PgType::Int8))
    } else {
        let decimal = parse_decimal(text).map_err(|error| statement_error(error, position))?;
        Typed::constant(values::decimal_value(decimal), ColumnType::plain(PgType::Numeric))
    };
    Ok(typed.at(position))
}

/// `'text'`: of no type until something gives it one.
pub fn string_literal(text: &str, position: Option<usize>) -> Typed {
    Typed::constant(ScalarValue::Utf8View(Some(text.to_owned())), ColumnType::plain(PgType::Unknown))
        .at(position)
}

/// `NULL`.
pub fn null_literal(position: Option<usize>) -> Typed {
    Typed::constant(ScalarValue::Utf8View(None), ColumnType::plain(PgType::Unknown)).at(position)
}

/// `TRUE`, `FALSE`.
pub fn boolean_literal(value: bool, position: Option<usize>) -> Typed {
    Typed::constant(ScalarValue::Boolean(Some(value)), ColumnType::plain(PgType::Bool)).at(position)
}

/// `$number`: a constant of its type if its value is known, else a placeholder that gets its type where it is used.
pub fn parameter(binding: &Binding<'_>, number: usize, position: Option<usize>) -> Result<Typed, SqlError> {
    if number == 0 {
        return Err(SqlError::new(SqlErrorKind::UndefinedParameter, "there is no parameter $0").at(position));
    }
    let Some(known) = binding.parameters.get(number) else {
        let expr = Expr::Placeholder(Placeholder::new_with_field(format!("${number}"), None));
        return Ok(Typed::new(expr, ColumnType::plain(PgType::Unknown), DataType::Utf8View).at(position));
    };
    let value = number.checked_sub(1).and_then(|index| binding.context.parameter_values.get(index));
    let typed = match value {
        Some(value) if value.is_null() => Typed::null(ColumnType::plain(known)),
        Some(value) => Typed::constant(value.clone(), ColumnType::plain(known)),
        None => placeholder(number, known),
    };
    Ok(typed.at(position))
}

/// A parameter whose type is known and whose value is not.
fn placeholder(number: usize, pg_type: PgType) -> Typed {
    let column_type = ColumnType::plain(pg_type);
    let field = Field::new(format!("${number}"), column_type.to_arrow(), true);
    let expr = Expr::Placeholder(Placeholder::new_with_field(format!("${number}"), Some(Arc::new(field))));
    Typed::canonical(expr, column_type)
}

/// Casts an expression to a type: 42846 if there is no such cast in the context, 22P02 and its like if it is a literal
/// that is no value of the type.
pub fn coerce(
    binding: &Binding<'_>,
    typed: Typed,
    target: ColumnType,
    context: CastContext,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    casts::coerce(binding, typed, target, context, position)
}

/// Coerces to boolean, as WHERE, AND and the like need it; `what` is for the message.
pub fn coerce_to_boolean(binding: &Binding<'_>, typed: Typed, what: &str) -> Result<Typed, SqlError> {
    let position = typed.position;
    if typed.pg_type() == PgType::Bool {
        return Ok(typed);
    }
    if typed.is_unknown() {
        return coerce(binding, typed, ColumnType::plain(PgType::Bool), CastContext::Implicit, position);
    }
    Err(SqlError::new(
        SqlErrorKind::DatatypeMismatch,
        format!("argument of {what} must be type boolean, not type {}", typed.pg_type().facts().sql_name),
    )
    .at(position))
}

/// Gives a string literal or NULL that nothing has given a type the type `text`, as the end of a SELECT list does.
pub fn settle_unknown(binding: &Binding<'_>, typed: Typed) -> Result<Typed, SqlError> {
    if typed.is_unknown() {
        let position = typed.position;
        return coerce(binding, typed, ColumnType::plain(PgType::Text), CastContext::Implicit, position);
    }
    Ok(typed)
}

/// The type that several expressions get together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommonType {
    /// Type and modifier.
    pub column_type: ColumnType,
    /// The Arrow type that all of them then have.
    pub arrow_type: DataType,
    /// How the result is ordered, if it is text.
    pub collation: Derived,
}

impl CommonType {
    /// An expression of this type.
    pub(crate) fn typed(self, expr: Expr) -> Typed {
        Typed { collation: self.collation, ..Typed::new(expr, self.column_type, self.arrow_type) }
    }
}

/// Finds the common type of several expressions (`select_common_type`) and coerces each to it. `what` is for messages:
/// `CASE`, `UNION`, `VALUES`, `ARRAY`, `COALESCE`, …
pub fn common_type(binding: &Binding<'_>, several: &mut [Typed], what: &str) -> Result<CommonType, SqlError> {
    let target = select_common(several, what)?;
    let first = several.first().map(|one| one.column_type);
    let same_modifier =
        first.filter(|first| first.pg_type == target && several.iter().all(|one| one.column_type == *first));
    let column_type = same_modifier.unwrap_or(ColumnType::plain(target));
    for one in several.iter_mut() {
        let position = one.position;
        let coerced = coerce(binding, one.clone(), column_type, CastContext::Implicit, position)?;
        *one = casts::canonical_text(coerced);
    }
    let shown = shown::of_several(several);
    // The elements of an array are constants where they were.
    let arrow_type = unify(several, column_type, what != "ARRAY")?;
    let column_type = if column_type.typmod < 0 { column_type.shown(shown) } else { column_type };
    let collation = collation::derived(several)?.of_type(column_type.pg_type);
    Ok(CommonType { column_type, arrow_type, collation })
}

/// The common type alone.
pub(crate) fn select_common(several: &[Typed], what: &str) -> Result<PgType, SqlError> {
    let mut chosen = PgType::Unknown;
    for one in several {
        let next = one.pg_type();
        if next == PgType::Unknown || next == chosen {
            continue;
        }
        if chosen == PgType::Unknown {
            chosen = next;
            continue;
        }
        if chosen.facts().category != next.facts().category {
            return Err(SqlError::new(
                SqlErrorKind::DatatypeMismatch,
                format!("{what} types {} and {} cannot be matched", type_name(chosen), type_name(next)),
            )
            .at(one.position));
        }
        if !chosen.facts().preferred
            && casts::can_coerce(chosen, next, CastContext::Implicit)
            && !casts::can_coerce(next, chosen, CastContext::Implicit)
        {
            chosen = next;
        }
    }
    Ok(if chosen == PgType::Unknown { PgType::Text } else { chosen })
}

/// Brings expressions of one PostgreSQL type to one Arrow type: for `numeric` the largest scale among them, where constants
/// may be left as they were written (`digits.rs` tells by that what they show).
fn unify(several: &mut [Typed], column_type: ColumnType, as_written: bool) -> Result<DataType, SqlError> {
    let is_null = |one: &Typed| one.value().is_some_and(ScalarValue::is_null);
    let arrow_type = if column_type.pg_type == PgType::Numeric {
        let (mut whole, mut scale) = (0, 0);
        for one in several.iter().filter(|one| !is_null(one)) {
            if let DataType::Decimal128(precision, own) = one.arrow_type {
                whole = whole.max(i32::from(precision) - i32::from(own));
                scale = scale.max(own);
            }
        }
        if several.iter().all(is_null) {
            column_type.to_arrow()
        } else {
            let precision = u8::try_from((whole + i32::from(scale)).clamp(1, 38)).unwrap_or(38);
            DataType::Decimal128(precision, scale)
        }
    } else if holds_structure(column_type.pg_type) {
        // Records and arrays have no one Arrow type: it is that of the values, which must agree.
        let mut found = several.iter().filter(|one| !is_null(one)).map(|one| &one.arrow_type);
        match found.next().cloned() {
            None => column_type.to_arrow(),
            Some(first) => {
                if let Some(other) = several.iter().find(|one| !is_null(one) && one.arrow_type != first) {
                    match same_arrays(several) {
                        Some(common) => common,
                        None => {
                            return Err(SqlError::new(
                                SqlErrorKind::FeatureNotSupported,
                                format!(
                                    "values of type {} of different shapes are not supported here",
                                    type_name(column_type.pg_type)
                                ),
                            )
                            .at(other.position));
                        }
                    }
                } else {
                    first
                }
            }
        }
    } else {
        column_type.to_arrow()
    };
    for one in several.iter_mut() {
        if one.arrow_type == arrow_type {
            continue;
        }
        let position = one.position;
        *one = match (&arrow_type, is_null(one)) {
            (_, true) => Typed {
                expr: lit(ScalarValue::try_from(&arrow_type).unwrap_or(ScalarValue::Null)),
                arrow_type: arrow_type.clone(),
                ..one.clone()
            },
            (DataType::Decimal128(_, scale), _)
                if as_written && casts::scale_of_constant(one).is_some_and(|own| own < *scale) =>
            {
                Typed {
                    expr: datafusion::logical_expr::cast(one.expr.clone(), arrow_type.clone()),
                    arrow_type: arrow_type.clone(),
                    ..one.clone()
                }
            }
            (DataType::Decimal128(precision, scale), _) => casts::rescale(one.clone(), *precision, *scale)?,
            (wanted, _) if shape::is_shaped(wanted) => {
                let shaped = crate::resolve::arrays::to_shaped(one.clone())?;
                casts::widen(shaped, column_type, arrow_type.clone())
            }
            _ => casts::widen(one.clone(), column_type, arrow_type.clone()),
        };
        one.position = position;
    }
    Ok(arrow_type)
}

/// Whether values of a type may have several Arrow types.
fn holds_structure(pg_type: PgType) -> bool {
    matches!(pg_type, PgType::Record | PgType::Array(_))
}

/// The type that arrays of several forms, or of `numeric` of several scales, can be brought to.
fn same_arrays(several: &[Typed]) -> Option<DataType> {
    let several: Vec<&Typed> =
        several.iter().filter(|one| !one.value().is_some_and(ScalarValue::is_null)).collect();
    let elements =
        several.iter().map(|one| shape::element_type(&one.arrow_type)).collect::<Option<Vec<_>>>()?;
    let first = (*elements.first()?).clone();
    let shaped = several.iter().any(|one| shape::is_shaped(&one.arrow_type));
    let element = if elements.iter().all(|element| **element == first) {
        first
    } else {
        let (mut whole, mut scale) = (0, 0);
        for element in elements {
            let DataType::Decimal128(precision, own) = element else { return None };
            whole = whole.max(i32::from(*precision) - i32::from(*own));
            scale = scale.max(*own);
        }
        let precision = u8::try_from((whole + i32::from(scale)).clamp(1, 38)).unwrap_or(38);
        DataType::Decimal128(precision, scale)
    };
    Some(if shaped { shape::shaped_type(element) } else { lis_lake::types::list(element) })
}

/// The type that a name in SQL stands for, with its modifier.
pub fn type_by_name(
    data_type: &sqlparser::ast::DataType,
    position: Option<usize>,
) -> Result<ColumnType, SqlError> {
    names::type_by_name(data_type, position)
}

/// A function's error as a statement's: for what is computed while a statement is bound.
pub fn statement_error(error: FunctionError, position: Option<usize>) -> SqlError {
    use FunctionErrorKind as F;
    use SqlErrorKind as S;
    let kind = match error.kind {
        F::InvalidTextRepresentation => S::InvalidTextRepresentation,
        F::NumericValueOutOfRange => S::NumericValueOutOfRange,
        F::DivisionByZero => S::DivisionByZero,
        F::InvalidDatetimeFormat => S::InvalidDatetimeFormat,
        F::DatetimeFieldOverflow => S::DatetimeFieldOverflow,
        F::StringDataRightTruncation => S::StringDataRightTruncation,
        F::CharacterNotInRepertoire => S::CharacterNotInRepertoire,
        F::CardinalityViolation => S::CardinalityViolation,
        F::DatatypeMismatch => S::DatatypeMismatch,
        F::UndefinedFunction => S::UndefinedFunction,
        F::FeatureNotSupported => S::FeatureNotSupported,
        F::Internal => S::Internal,
        F::InvalidParameterValue => S::InvalidParameterValue,
        other => S::Value(other),
    };
    let mut statement = SqlError::new(kind, error.message).at(position);
    statement.detail = error.detail;
    statement.hint = error.hint;
    statement
}

//! Array constructors, subscripts, slices, `ANY` and `ALL`.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList, lit},
};
use lis_functions::{arrays as kernels, scalar::Kernel};
use lis_lake::types::{Category, ColumnType, PgType, list};

use super::operator;
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    operators::align,
    types::{
        Binding, CastContext, Typed,
        casts::{can_coerce, coerce_to, widen},
        coerce, common_type,
        ordering::is_keyed,
        string_literal, type_name,
    },
};

const BOOLEAN: ColumnType = ColumnType::plain(PgType::Bool);

/// `ARRAY[…]`. An empty one is of no type until something gives it one.
pub fn array(
    binding: &Binding<'_>,
    mut elements: Vec<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    if elements.is_empty() {
        return Ok(string_literal("{}", position));
    }
    let common = common_type(binding, &mut elements, "ARRAY")?;
    let Some(array) = common.column_type.pg_type.array() else {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("arrays of {} are not supported", type_name(common.column_type.pg_type)),
        )
        .at(position));
    };
    let arrow_type = list(common.arrow_type);
    apply_on_null("make_array", kernels::make_array, elements, ColumnType::plain(array), arrow_type)
        .map(|done| done.at(position))
}

/// Brings two arrays of `numeric`, or an array and an element, to one scale; anything else is left as it is.
pub(crate) fn same_elements(left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    let element = |typed: &Typed| match &typed.arrow_type {
        DataType::List(field) => field.data_type().clone(),
        other => other.clone(),
    };
    let (one, two) = (element(&left), element(&right));
    let (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) = (&one, &two) else {
        return Ok((left, right));
    };
    if one == two {
        return Ok((left, right));
    }
    let scale = (*s1).max(*s2);
    let whole = (i32::from(*p1) - i32::from(*s1)).max(i32::from(*p2) - i32::from(*s2));
    let precision = u8::try_from((whole + i32::from(scale)).clamp(1, 38)).unwrap_or(38);
    let bring = |typed: Typed| -> Result<Typed, SqlError> {
        if matches!(typed.arrow_type, DataType::List(_)) {
            let column_type = typed.column_type;
            return Ok(widen(typed, column_type, list(DataType::Decimal128(precision, scale))));
        }
        crate::types::casts::rescale(typed, precision, scale)
    };
    Ok((bring(left)?, bring(right)?))
}

/// The lower bound of an array: the vector types count from 0.
pub(crate) fn lower_bound(array: PgType) -> Typed {
    let bound = i32::from(!matches!(array, PgType::Int2Vector | PgType::OidVector));
    Typed::constant(ScalarValue::Int32(Some(bound)), ColumnType::plain(PgType::Int4))
}

fn subscripted(array: &Typed, position: Option<usize>) -> Result<(PgType, DataType), SqlError> {
    match (array.pg_type().element(), &array.arrow_type) {
        (Some(element), DataType::List(field)) => Ok((element, field.data_type().clone())),
        _ => Err(SqlError::new(
            SqlErrorKind::DatatypeMismatch,
            format!(
                "cannot subscript type {} because it does not support subscripting",
                type_name(array.pg_type())
            ),
        )
        .at(position)),
    }
}

fn index_of(binding: &Binding<'_>, index: Typed, position: Option<usize>) -> Result<Typed, SqlError> {
    let is_integer = matches!(
        index.pg_type(),
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Numeric | PgType::Unknown
    );
    if !is_integer {
        return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, "array subscript must have type integer")
            .at(index.position.or(position)));
    }
    coerce(binding, index, ColumnType::plain(PgType::Int4), CastContext::Assignment, position)
}

/// `array[index]`.
pub fn subscript(
    binding: &Binding<'_>,
    array: Typed,
    index: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    if array.pg_type() == PgType::Jsonb {
        // A name or a number, whichever the text is: what `#>` does with one step.
        let step = coerce(binding, index, ColumnType::plain(PgType::Text), CastContext::Explicit, position)?;
        let path = self::array(binding, vec![step], position)?;
        return operator(binding, None, "#>", Some(array), path, position);
    }
    let (element, arrow_type) = subscripted(&array, position)?;
    let bound = lower_bound(array.pg_type());
    let index = index_of(binding, index, position)?;
    let result = ColumnType { pg_type: element, typmod: array.column_type.typmod };
    apply("array_subscript", kernels::subscript, vec![array, index, bound], result, arrow_type)
        .map(|done| done.at(position))
}

/// `array[lower:upper]`, either bound may be left out.
pub fn slice(
    binding: &Binding<'_>,
    array: Typed,
    lower: Option<Typed>,
    upper: Option<Typed>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    subscripted(&array, position)?;
    let missing = || Typed::null(ColumnType::plain(PgType::Int4));
    let bound = lower_bound(array.pg_type());
    let limit = |limit: Option<Typed>| match limit {
        Some(limit) => index_of(binding, limit, position),
        None => Ok(missing()),
    };
    let (lower, upper) = (limit(lower)?, limit(upper)?);
    let element = array.pg_type().element().and_then(PgType::array);
    let column_type = ColumnType::plain(element.unwrap_or(array.pg_type()));
    let arrow_type = array.arrow_type.clone();
    apply_on_null("array_slice", kernels::slice, vec![array, lower, upper, bound], column_type, arrow_type)
        .map(|done| done.at(position))
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
    let name = if name == "!=" { "<>" } else { name };
    let array = if array.is_unknown() {
        let element = if left.is_unknown() { PgType::Text } else { left.pg_type() };
        let wanted = match element {
            PgType::Varchar => PgType::Text.array(),
            other => other.array(),
        };
        let wanted = wanted.ok_or_else(|| not_an_array(position))?;
        coerce(binding, array, ColumnType::plain(wanted), CastContext::Implicit, position)?
    } else {
        array
    };
    let Some(element) = array.pg_type().element() else { return Err(not_an_array(position)) };
    if let Some(elements) = array.value().and_then(kernels::constant_elements) {
        let elements = elements.into_iter().map(|value| Typed::constant(value, ColumnType::plain(element)));
        return over_constants(binding, name, left, elements.collect(), all, position);
    }
    if let Some(value) = array.value()
        && value.is_null()
    {
        return Ok(Typed::null(BOOLEAN).at(position));
    }
    let kernel: (&'static str, Kernel) = match (name, all) {
        ("=", false) => ("equals_any", kernels::equals_any),
        ("<>", false) => ("differs_any", kernels::differs_any),
        ("<", false) => ("less_any", kernels::less_any),
        ("<=", false) => ("at_most_any", kernels::at_most_any),
        (">", false) => ("greater_any", kernels::greater_any),
        (">=", false) => ("at_least_any", kernels::at_least_any),
        ("=", true) => ("equals_all", kernels::equals_all),
        ("<>", true) => ("differs_all", kernels::differs_all),
        ("<", true) => ("less_all", kernels::less_all),
        ("<=", true) => ("at_most_all", kernels::at_most_all),
        (">", true) => ("greater_all", kernels::greater_all),
        (">=", true) => ("at_least_all", kernels::at_least_all),
        _ => {
            return Err(SqlError::new(
                SqlErrorKind::FeatureNotSupported,
                format!("operator {name} over an array that is not constant is not supported"),
            )
            .at(position));
        }
    };
    let (left, array) = one_element_type(binding, name, left, array, element, position)?;
    // The kernels compare as Arrow does, which is not the order of text of a collation of ICU's, nor of intervals.
    let collation = crate::types::collation::derived(&[left.clone(), array.clone()])?;
    let text = left.pg_type().facts().category == Category::String;
    if is_keyed(&left.clone().collated(collation)) && !(text && matches!(name, "=" | "<>")) {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("operator {name} over an array of this type that is not constant is not supported"),
        )
        .at(position));
    }
    apply_on_null(kernel.0, kernel.1, vec![left, array], BOOLEAN, DataType::Boolean)
        .map(|done| done.at(position))
}

fn not_an_array(position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::WrongObjectType, "op ANY/ALL (array) requires array on right side")
        .at(position)
}

/// Gives the left operand and the array's elements one type.
fn one_element_type(
    binding: &Binding<'_>,
    name: &str,
    left: Typed,
    array: Typed,
    element: PgType,
    position: Option<usize>,
) -> Result<(Typed, Typed), SqlError> {
    let element_arrow = match &array.arrow_type {
        DataType::List(field) => field.data_type().clone(),
        other => other.clone(),
    };
    let target = if can_coerce(left.pg_type(), element, CastContext::Implicit) {
        element
    } else if can_coerce(element, left.pg_type(), CastContext::Implicit) {
        left.pg_type()
    } else {
        // Only for its message.
        let stand_in = Typed::null(ColumnType::plain(element));
        operator(binding, None, name, Some(left.clone()), stand_in, position)?;
        element
    };
    if target == element {
        let left = coerce_to(binding, left, target)?;
        if left.arrow_type == element_arrow {
            return Ok((left, array));
        }
        let column_type = array.column_type;
        let wanted = list(left.arrow_type.clone());
        return Ok((left, widen(array, column_type, wanted)));
    }
    let Some(wanted) = target.array() else { return Err(not_an_array(position)) };
    let array = coerce(binding, array, ColumnType::plain(wanted), CastContext::Implicit, position)?;
    let column_type = array.column_type;
    let arrow_type = list(left.arrow_type.clone());
    Ok((left, widen(array, column_type, arrow_type)))
}

fn over_constants(
    binding: &Binding<'_>,
    name: &str,
    left: Typed,
    elements: Vec<Typed>,
    all: bool,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let boolean = |expr: Expr| Typed::new(expr, BOOLEAN, DataType::Boolean).at(position);
    if elements.is_empty() {
        return Ok(boolean(lit(all)));
    }
    // `= ANY` and `<> ALL` are IN and NOT IN, which prune.
    if matches!((name, all), ("=", false) | ("<>", true)) {
        let mut items = Vec::with_capacity(elements.len());
        let mut wanted: Option<Typed> = None;
        for element in &elements {
            let operands = vec![left.clone(), element.clone()];
            let row = super::operator_row(None, "=", &operands, position)?;
            let mut operands = super::coerce_arguments(binding, &row, operands)?.into_iter();
            let (Some(one), Some(other)) = (operands.next(), operands.next()) else { break };
            let (one, other) = align(binding, one, other)?;
            if one.arrow_type != other.arrow_type
                || wanted.as_ref().is_some_and(|wanted| wanted.expr != one.expr)
            {
                break;
            }
            wanted.get_or_insert(one);
            items.push(other.expr);
        }
        if let Some(wanted) = wanted.filter(|_| items.len() == elements.len()) {
            return Ok(boolean(Expr::InList(InList::new(Box::new(wanted.expr), items, all))));
        }
    }
    let mut chain: Option<Expr> = None;
    for element in elements {
        let one = operator(binding, None, name, Some(left.clone()), element, position)?.expr;
        chain = Some(match chain {
            None => one,
            Some(before) => Expr::BinaryExpr(BinaryExpr {
                left: Box::new(before),
                op: if all { Operator::And } else { Operator::Or },
                right: Box::new(one),
            }),
        });
    }
    Ok(boolean(chain.unwrap_or_else(|| lit(all))))
}

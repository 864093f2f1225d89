//! Array constructors, subscripts, slices, `ANY` and `ALL`.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList, lit},
};
use lis_functions::{
    arrays::{self as kernels, assignment, dimensions, shape},
    scalar::Kernel,
};
use lis_lake::types::{Category, ColumnType, PgType, list};

use super::operator;
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    operators::align,
    types::{
        Binding, CastContext, Typed,
        casts::{can_coerce, coerce_to, each_element, widen},
        coerce, common_type,
        ordering::{equality_key, is_keyed, order_key, without_blanks},
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
    if matches!(common.column_type.pg_type, PgType::Array(_)) {
        let column_type = ColumnType::plain(common.column_type.pg_type);
        let element = shape::element_type(&common.arrow_type).cloned().unwrap_or(DataType::Null);
        let stacked = shape::shaped_type(element);
        return apply_on_null("array_of_arrays", dimensions::stack, elements, column_type, stacked)
            .map(|done| done.at(position));
    }
    let Some(array) = common.column_type.pg_type.array() else {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("arrays of {} are not supported", type_name(common.column_type.pg_type)),
        )
        .at(position));
    };
    let arrow_type = list(common.arrow_type);
    let column_type = ColumnType::plain(array).shown(common.column_type.shown);
    apply_on_null("make_array", kernels::make_array, elements, column_type, arrow_type)
        .map(|done| done.at(position))
}

/// An array of the form that has a shape ([`lis_functions::arrays::shape`]).
pub(crate) fn to_shaped(typed: Typed) -> Result<Typed, SqlError> {
    if shape::is_shaped(&typed.arrow_type) {
        return Ok(typed);
    }
    let Some(element) = shape::element_type(&typed.arrow_type).cloned() else { return Ok(typed) };
    let column_type = typed.column_type;
    apply("array_shape", dimensions::to_shaped, vec![typed], column_type, shape::shaped_type(element))
}

/// An array of the form that tables hold; 0A000 when a value is none.
pub(crate) fn to_plain(typed: Typed) -> Result<Typed, SqlError> {
    as_list(typed, "array_plain", dimensions::to_plain)
}

/// An array's elements as a list, whatever its dimensions.
pub(crate) fn items(typed: Typed) -> Result<Typed, SqlError> {
    as_list(typed, "array_items", dimensions::items)
}

fn as_list(typed: Typed, name: &'static str, kernel: Kernel) -> Result<Typed, SqlError> {
    match shape::element_type(&typed.arrow_type).cloned() {
        Some(element) if shape::is_shaped(&typed.arrow_type) => {
            let column_type = typed.column_type;
            apply(name, kernel, vec![typed], column_type, list(element))
        }
        _ => Ok(typed),
    }
}

/// Brings two arrays to one form.
pub(crate) fn same_form(left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    if shape::is_shaped(&left.arrow_type) || shape::is_shaped(&right.arrow_type) {
        return Ok((to_shaped(left)?, to_shaped(right)?));
    }
    Ok((left, right))
}

/// Brings two arrays of `numeric`, or an array and an element, to one scale; anything else is left as it is.
pub(crate) fn same_elements(left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    let element = |typed: &Typed| shape::element_type(&typed.arrow_type).unwrap_or(&typed.arrow_type).clone();
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
        if shape::element_type(&typed.arrow_type).is_some() {
            let column_type = typed.column_type;
            let wanted = shape::with_element(&typed.arrow_type, DataType::Decimal128(precision, scale));
            return Ok(widen(typed, column_type, wanted));
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
    match (array.pg_type().element(), shape::element_type(&array.arrow_type)) {
        (Some(element), Some(arrow_type)) => Ok((element, arrow_type.clone())),
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

/// One step of a chain of subscripts.
#[derive(Debug, Clone)]
pub enum Subscript {
    /// `[index]`
    Index(Box<Typed>),
    /// `[lower:upper]`: either bound may be left out.
    Slice(Option<Box<Typed>>, Option<Box<Typed>>),
}

/// `array[index]…`, `array[lower:upper]…`: as many steps as stand together are one subscript of several dimensions. If one
/// of them is a slice all are: `[n]` is then `[1:n]`.
pub fn subscripts(
    binding: &Binding<'_>,
    array: Typed,
    steps: Vec<Subscript>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    if array.pg_type() == PgType::Jsonb {
        return jsonb_subscripts(binding, array, steps, position);
    }
    let (element, arrow_type) = subscripted(&array, position)?;
    let bound = lower_bound(array.pg_type());
    let result = array.column_type.with_type(element);
    let plain = !shape::is_shaped(&array.arrow_type);
    let sliced = steps.iter().any(|step| matches!(step, Subscript::Slice(..)));
    if !sliced {
        let mut indices = steps
            .into_iter()
            .filter_map(|step| if let Subscript::Index(index) = step { Some(index) } else { None })
            .map(|index| index_of(binding, *index, position))
            .collect::<Result<Vec<_>, _>>()?;
        let done = match (plain, indices.pop()) {
            (true, Some(index)) if indices.is_empty() => {
                let arguments = vec![array, index, bound];
                apply("array_subscript", kernels::subscript, arguments, result, arrow_type)
            }
            (_, last) => {
                let arguments = std::iter::once(array).chain(indices).chain(last).collect();
                apply("array_subscripts", dimensions::subscripts, arguments, result, arrow_type)
            }
        };
        return done.map(|done| done.at(position));
    }
    // A bound that is left out is beyond every array.
    let limit =
        |value: i32| Typed::constant(ScalarValue::Int32(Some(value)), ColumnType::plain(PgType::Int4));
    let mut limits = Vec::with_capacity(2 * steps.len());
    for step in steps {
        let (lower, upper) = match step {
            Subscript::Index(index) => (Some(Box::new(limit(1))), Some(index)),
            Subscript::Slice(lower, upper) => (lower, upper),
        };
        for (given, missing) in [(lower, i32::MIN), (upper, i32::MAX)] {
            limits.push(match given {
                Some(given) => index_of(binding, *given, position)?,
                None => limit(missing),
            });
        }
    }
    let column_type = ColumnType::plain(element.array().unwrap_or(array.pg_type()));
    let arrow_type = array.arrow_type.clone();
    let several = limits.len() > 2;
    let mut arguments = vec![array];
    arguments.append(&mut limits);
    let done = if plain && !several {
        arguments.push(bound);
        apply_on_null("array_slice", kernels::slice, arguments, column_type, arrow_type)
    } else {
        apply_on_null("array_slices", dimensions::slices, arguments, column_type, arrow_type)
    };
    done.map(|done| done.at(position))
}

/// The array that a column holds with something else in one element or slice of it: `SET a[1] = …`.
pub fn assigned(
    binding: &Binding<'_>,
    array: Typed,
    step: Subscript,
    value: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let limit =
        |value: i32| Typed::constant(ScalarValue::Int32(Some(value)), ColumnType::plain(PgType::Int4));
    let (column_type, arrow_type) = (array.column_type, array.arrow_type.clone());
    let (name, kernel, mut arguments): (_, Kernel, _) = match step {
        Subscript::Index(index) => {
            let index = index_of(binding, *index, position)?;
            ("array_with_element", assignment::assign_element as Kernel, vec![array, index])
        }
        Subscript::Slice(lower, upper) => {
            let bound = |bound: Option<Box<Typed>>, missing: i32| match bound {
                Some(bound) => index_of(binding, *bound, position),
                None => Ok(limit(missing)),
            };
            let (lower, upper) = (bound(lower, i32::MIN)?, bound(upper, i32::MAX)?);
            ("array_with_slice", assignment::assign_slice as Kernel, vec![array, lower, upper])
        }
    };
    arguments.push(value);
    apply_on_null(name, kernel, arguments, column_type, arrow_type)
}

/// A name or a number, whichever the text is: what `#>` does with its steps.
fn jsonb_subscripts(
    binding: &Binding<'_>,
    value: Typed,
    steps: Vec<Subscript>,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let mut path = Vec::with_capacity(steps.len());
    for step in steps {
        let index = match step {
            Subscript::Index(index) => index,
            Subscript::Slice(lower, upper) => {
                let message = "jsonb subscript does not support slices";
                // PostgreSQL points at the upper bound, if there is one.
                let bound = upper.or(lower).and_then(|bound| bound.position);
                return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(bound.or(position)));
            }
        };
        let pg_type = index.pg_type();
        let fits = |wanted: PgType| can_coerce(pg_type, wanted, CastContext::Implicit);
        if !fits(PgType::Int4) && !fits(PgType::Text) {
            let message = format!("subscript type {} is not supported", type_name(pg_type));
            return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message)
                .with_hint("jsonb subscript must be coercible to either integer or text.")
                .at(index.position.or(position)));
        }
        path.push(coerce(binding, *index, ColumnType::plain(PgType::Text), CastContext::Explicit, position)?);
    }
    let path = self::array(binding, path, position)?;
    operator(binding, None, "#>", Some(value), path, position)
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
    let array = items(array)?;
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
    // The kernels compare as Arrow does, which is not the order of text of a collation of ICU's, nor of intervals: there
    // they are given keys.
    let collation = crate::types::collation::derived(&[left.clone(), array.clone()])?;
    let text = left.pg_type().facts().category == Category::String;
    let (left, array) = if left.pg_type() == PgType::Bpchar {
        let texts = ColumnType::plain(PgType::Array(&PgType::Text));
        (without_blanks(left)?, each_element(array, texts, without_blanks)?)
    } else {
        (left, array)
    };
    let (left, array) =
        if is_keyed(&left.clone().collated(collation)) && !(text && matches!(name, "=" | "<>")) {
            let keys = ColumnType::plain(PgType::Array(&PgType::Bytea));
            let array = each_element(array, keys, |element| order_key(element.collated(collation)))?;
            (order_key(left.collated(collation))?, array)
        } else {
            (left, array)
        };
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
    let element_arrow = shape::element_type(&array.arrow_type).unwrap_or(&array.arrow_type).clone();
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
    if matches!((name, all), ("=", false) | ("<>", true)) && equality_key(&left)?.is_none() {
        let mut items = Vec::with_capacity(elements.len());
        let mut wanted: Option<Typed> = None;
        for element in &elements {
            let operands = vec![left.clone(), element.clone()];
            let row = super::operator_row(None, "=", &super::types_of(&operands), position)?;
            let mut operands = super::coerce_arguments(binding, &row, operands)?.into_iter();
            let (Some(one), Some(other)) = (operands.next(), operands.next()) else { break };
            let (one, other) = align(binding, one, other)?;
            if one.arrow_type != other.arrow_type
                || wanted.as_ref().is_some_and(|wanted| wanted.expr != one.expr)
            {
                break;
            }
            wanted.get_or_insert(one);
            items.push(other);
        }
        if let Some(wanted) = wanted.filter(|_| items.len() == elements.len()) {
            let items = super::members(items);
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

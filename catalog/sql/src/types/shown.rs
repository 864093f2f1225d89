//! How many digits the values of a `numeric` expression show (`lis_lake::types::Shown`): what CASE, COALESCE and VALUES
//! make of several, what arithmetic does, and the text of a value. What is not said here shows its column's scale.

use arrow::{
    array::ArrayRef,
    datatypes::{DataType, Decimal128Type},
};
use datafusion::common::ScalarValue;
use lis_functions::{
    error::FunctionError,
    kernels::{Int8, Numeric, map, map_written, scale_of},
    scalar::Arguments,
    text_input::rescale,
    text_output::write_numeric_at,
};
use lis_lake::types::{ColumnType, NUMERIC_SCALE_DEFAULT, PgType, Shown, ShownRule};

use super::Typed;
use crate::{build::apply, error::SqlError};

/// The text of a `numeric`, with the digits that each value shows.
pub(crate) fn to_text(typed: Typed) -> Result<Typed, SqlError> {
    let code = code_of(&typed);
    apply("numeric_out", shown_text, vec![typed, code], ColumnType::plain(PgType::Text), DataType::Utf8View)
}

fn code_of(typed: &Typed) -> Typed {
    let code = ScalarValue::Int64(Some(typed.column_type.shown.code()));
    Typed::constant(code, ColumnType::plain(PgType::Int8))
}

/// An operand of arithmetic: PostgreSQL reckons with the digits that a quotient shows, not with those beyond.
pub(crate) fn operand(typed: Typed) -> Result<Typed, SqlError> {
    if !is_quotient(&typed) {
        return Ok(typed);
    }
    let (code, column_type, arrow_type) = (code_of(&typed), typed.column_type, typed.arrow_type.clone());
    apply("numeric_shown", shown_value, vec![typed, code], column_type, arrow_type)
}

fn shown_value(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric, Int8), Decimal128Type>(arguments, |(value, code)| {
        let digits = Shown::from_code(code).digits(value, scale);
        let fewer = rescale(value, scale.into(), digits.min(scale).into());
        Ok(fewer.and_then(|fewer| rescale(fewer, digits.min(scale).into(), scale.into())).unwrap_or(value))
    })
}

/// A value for a column that holds so many digits after the point and has declared none: more are refused, since
/// PostgreSQL would keep them.
pub(crate) fn without_loss(typed: Typed, scale: i8) -> Result<Typed, SqlError> {
    if !matches!(typed.arrow_type, DataType::Decimal128(_, found) if found > scale) {
        return Ok(typed);
    }
    let kept = Typed::constant(ScalarValue::Int64(Some(scale.into())), ColumnType::plain(PgType::Int8));
    let (column_type, arrow_type) = (typed.column_type, typed.arrow_type.clone());
    apply("numeric_kept", kept_value, vec![typed, kept], column_type, arrow_type)
}

fn kept_value(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric, Int8), Decimal128Type>(arguments, |(value, kept)| {
        let fewer = rescale(value, scale.into(), i32::try_from(kept).unwrap_or(0));
        let back = fewer.and_then(|fewer| rescale(fewer, i32::try_from(kept).unwrap_or(0), scale.into()));
        if back == Some(value) {
            return Ok(value);
        }
        Err(FunctionError::not_supported(format!(
            "a column that a query made holds {kept} digits after the point, and a value has more"
        ))
        .with_hint("Declare the column's type with the digits that it needs."))
    })
}

fn shown_text(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let scale = scale_of(arguments, 0)?;
    map_written::<(Numeric, Int8)>(arguments, |(value, code), out| {
        write_numeric_at(value, scale, Shown::from_code(code).digits(value, scale), out);
    })
}

/// What several expressions of a common type show together, before they are brought to one scale.
pub(crate) fn of_several(several: &[Typed]) -> Shown {
    let mut constants = Vec::new();
    let mut others: Vec<(i8, Shown)> = Vec::new();
    for one in several {
        match (one.value(), &one.arrow_type) {
            (Some(value), _) if value.is_null() => {}
            (Some(ScalarValue::Decimal128(Some(value), _, scale)), _) => constants.push((*value, *scale)),
            (Some(ScalarValue::Int32(Some(value))), _) => constants.push(((*value).into(), 0)),
            (Some(ScalarValue::Int64(Some(value))), _) => constants.push(((*value).into(), 0)),
            (_, DataType::Decimal128(_, scale)) => others.push((*scale, one.column_type.shown)),
            _ => return Shown::default(),
        }
    }
    // What shows no zeros at its end, and whole numbers, show together what each of them needs.
    let whole = Shown::needed(0);
    let has_fractions =
        constants.iter().any(|(_, scale)| *scale > 0) || others.iter().any(|(_, shown)| *shown == whole);
    if !others.is_empty()
        && has_fractions
        && others.iter().all(|(scale, shown)| *shown == whole || (*scale == 0 && shown.is_column()))
        && constants.iter().all(|(value, scale)| whole.digits(*value, *scale) == *scale)
    {
        return whole;
    }
    let scales = constants.iter().map(|(_, scale)| *scale).chain(others.iter().map(|(scale, _)| *scale));
    let Some(scale) = scales.clone().max() else { return Shown::default() };
    let (first, rest) = match others.split_first() {
        Some((first, rest)) => (first, rest),
        None => {
            let needed = Shown::needed(scales.min().map_or(0, i32::from));
            let are_written_so =
                constants.iter().all(|(value, scale)| needed.digits(*value, *scale) == *scale);
            return if are_written_so { needed } else { Shown::default() };
        }
    };
    let is_first = |(own, shown): &(i8, Shown)| *own == first.0 && shown.rule == first.1.rule;
    if first.0 != scale || !rest.iter().all(is_first) {
        return Shown::default();
    }
    let written = constants.iter().find(|(value, own)| *value == 0 && *own != scale);
    let zero = others.iter().find_map(|(_, shown)| shown.zero);
    Shown { rule: first.1.rule, zero: zero.or(written.and_then(|(_, own)| u8::try_from(*own).ok())) }
}

/// What a sum shows.
pub(crate) fn of_sum(left: &Typed, right: &Typed) -> Shown {
    of_signed_sum(left, right, 1)
}

/// What a difference shows.
pub(crate) fn of_difference(left: &Typed, right: &Typed) -> Shown {
    of_signed_sum(left, right, -1)
}

fn of_signed_sum(left: &Typed, right: &Typed, sign: i32) -> Shown {
    if let Some(shown) = of_open(left, right) {
        return shown;
    }
    // A whole number changes no digit behind the point.
    let is_whole = |one: &Typed| scale(one) == 0 && one.column_type.shown.is_column();
    let shows_needed = |one: &Typed| one.column_type.shown == Shown::needed(0);
    if (is_whole(left) && shows_needed(right)) || (shows_needed(left) && is_whole(right)) {
        return Shown::needed(0);
    }
    match (is_quotient(left), is_quotient(right)) {
        (true, true) => left.column_type.shown.plus(0, None),
        (true, false) => left.column_type.shown.plus(scale(right), whole(right).map(|added| sign * added)),
        // What a quotient is taken from is not looked through.
        (false, true) if sign < 0 => right.column_type.shown.plus(scale(left), None),
        (false, true) => right.column_type.shown.plus(scale(left), whole(left)),
        (false, false) => Shown::default(),
    }
}

/// What a product shows.
pub(crate) fn of_product(left: &Typed, right: &Typed) -> Shown {
    if let Some(shown) = of_open(left, right) {
        return shown;
    }
    match (is_quotient(left), is_quotient(right)) {
        (true, false) => left.column_type.shown.times(scale(right), whole(right)),
        (false, true) => right.column_type.shown.times(scale(left), whole(left)),
        _ => Shown::default(),
    }
}

/// What a quotient shows; that of constants has PostgreSQL's scale already.
pub(crate) fn of_quotient(left: &Typed, right: &Typed) -> Shown {
    if left.value().is_some() && right.value().is_some() {
        return Shown::default();
    }
    let least = |one: &Typed| if is_quotient(one) || is_open(one) { 0 } else { scale(one) };
    Shown::quotient(least(left).max(least(right)))
}

/// What a value without its sign shows, and any function that keeps the digits of its operand.
pub(crate) fn of_same(operand: &Typed) -> Shown {
    operand.column_type.shown
}

/// What `+`, `-` and `*` show where the digits of an operand are not known: as many as the result needs.
fn of_open(left: &Typed, right: &Typed) -> Option<Shown> {
    match (is_open(left), is_open(right)) {
        (true, true) => Some(Shown::needed(0)),
        (true, false) if !is_quotient(right) => Some(Shown::needed(scale(right))),
        (false, true) if !is_quotient(left) => Some(Shown::needed(scale(left))),
        _ => None,
    }
}

/// Whether nobody said how many digits the values have: a text cast to `numeric`, a column declared without a scale.
pub(crate) fn is_open(typed: &Typed) -> bool {
    matches!(typed.column_type.shown.rule, ShownRule::Needed { .. })
        && scale(typed) >= i32::from(NUMERIC_SCALE_DEFAULT)
}

/// Whether an expression shows what a quotient does.
pub(crate) fn is_quotient(typed: &Typed) -> bool {
    matches!(typed.column_type.shown.rule, ShownRule::Quotient { .. })
}

/// The value, if it is a constant without a fraction.
fn whole(typed: &Typed) -> Option<i32> {
    let Some(ScalarValue::Decimal128(Some(value), _, scale)) = typed.value() else { return None };
    let one = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
    (value % one == 0).then(|| i32::try_from(value / one).ok()).flatten()
}

fn scale(typed: &Typed) -> i32 {
    match typed.arrow_type {
        DataType::Decimal128(_, scale) => i32::from(scale),
        _ => 0,
    }
}

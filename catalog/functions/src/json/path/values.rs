//! What a path's evaluation computes with: parts of json values as they are, and what the methods and operators make.

use std::{cmp::Ordering, rc::Rc};

use arrow::datatypes::i256;

use super::{Arithmetic, datetime::Datetime, printer::write_decimal};
use crate::{
    error::FunctionError,
    json::{Json, write_string},
    numbers::{divide_decimal, fit},
    text_input::{Decimal, divide_rounding, parse_decimal, power_of_ten},
};

/// `null`, where it is no part of a value.
pub(super) static NULL: Json<'static> = Json::Null;

/// An item of a sequence.
#[derive(Debug, Clone)]
pub(super) enum Value<'j> {
    /// A part of the json value, of the variables, or a constant of the path.
    Json(&'j Json<'j>),
    Bool(bool),
    Number(Decimal),
    Text(&'j str),
    Datetime(Datetime),
    /// What `.keyvalue()` gives.
    Entry(Rc<Entry<'j>>),
}

/// The object of a member of another one.
#[derive(Debug)]
pub(super) struct Entry<'j> {
    pub(super) id: i64,
    pub(super) key: &'j str,
    pub(super) value: Value<'j>,
}

impl<'j> Value<'j> {
    pub(super) const fn null() -> Self {
        Self::Json(&NULL)
    }

    /// The elements of an array.
    pub(super) fn elements(&self) -> Option<&'j [Json<'j>]> {
        match self {
            Self::Json(Json::Array(elements)) => Some(elements),
            _ => None,
        }
    }

    /// The members of an object, in the order of `jsonb`.
    pub(super) fn members(&self) -> Option<Vec<(&'j str, Value<'j>)>> {
        match self {
            Self::Json(Json::Object(members)) => {
                Some(members.iter().map(|(key, value)| (key.as_str(), Value::Json(value))).collect())
            }
            Self::Entry(entry) => Some(vec![
                ("id", Value::Number(Decimal { unscaled: entry.id.into(), scale: 0 })),
                ("key", Value::Text(entry.key)),
                ("value", entry.value.clone()),
            ]),
            _ => None,
        }
    }

    /// A member of an object; no object, nothing.
    pub(super) fn member(&self, name: &str) -> Option<Value<'j>> {
        match self {
            Self::Json(Json::Object(members)) => {
                members.iter().find(|(key, _)| key == name).map(|(_, value)| Value::Json(value))
            }
            Self::Entry(_) => {
                self.members()?.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Json(Json::Object(_)) | Self::Entry(_))
    }

    /// What is in an array or an object.
    pub(super) fn children(&self) -> Option<Vec<Value<'j>>> {
        match self.elements() {
            Some(elements) => Some(elements.iter().map(Value::Json).collect()),
            None => self.members().map(|members| members.into_iter().map(|(_, value)| value).collect()),
        }
    }

    pub(super) fn text(&self) -> Option<&'j str> {
        match self {
            Self::Json(Json::String(text)) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Json(Json::Number(_)))
    }

    /// The number; 22003 if it has more digits than we keep.
    pub(super) fn number(&self) -> Result<Option<Decimal>, FunctionError> {
        match self {
            Self::Number(number) => Ok(Some(*number)),
            Self::Json(Json::Number(text)) => parse_decimal(text).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) | Self::Json(Json::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Json(Json::Null))
    }

    /// What `.type()` says.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Json(Json::Null) => "null",
            Self::Json(Json::Bool(_)) | Self::Bool(_) => "boolean",
            Self::Json(Json::Number(_)) | Self::Number(_) => "number",
            Self::Json(Json::String(_)) | Self::Text(_) => "string",
            Self::Json(Json::Array(_)) => "array",
            Self::Json(Json::Object(_)) | Self::Entry(_) => "object",
            Self::Datetime(datetime) => datetime.type_name(),
        }
    }

    /// Writes it as `jsonb`.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Json(json) => write_json(json, out),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => write_decimal(*number, out),
            Self::Text(text) => write_string(text, out),
            Self::Datetime(datetime) => {
                out.push('"');
                datetime.write(out);
                out.push('"');
            }
            Self::Entry(entry) => {
                out.push_str(&format!("{{\"id\": {}, \"key\": ", entry.id));
                write_string(entry.key, out);
                out.push_str(", \"value\": ");
                entry.value.write(out);
                out.push('}');
            }
        }
    }
}

/// A value whose members are in order and whose numbers are in their normal form already.
fn write_json(json: &Json<'_>, out: &mut String) {
    let comma = |index: usize, out: &mut String| {
        if index > 0 {
            out.push_str(", ");
        }
    };
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(text) => out.push_str(text),
        Json::String(text) => write_string(text, out),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                comma(index, out);
                write_json(element, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                comma(index, out);
                write_string(key, out);
                out.push_str(": ");
                write_json(value, out);
            }
            out.push('}');
        }
    }
}

/// The significant digits that a quotient has at least.
const QUOTIENT_DIGITS_MIN: i32 = 16;
/// The decimal digits of one digit of PostgreSQL's `numeric`.
const GROUP: i32 = 4;

/// A number's first digit in base 10,000, and its weight.
fn first_group(number: Decimal) -> (i32, i128) {
    let Some(log) = number.unscaled.unsigned_abs().checked_ilog10() else { return (0, 0) };
    let exponent = i32::try_from(log).unwrap_or(0) - i32::from(number.scale);
    let weight = exponent.div_euclid(GROUP);
    // The value without what stands after the group.
    let below = weight * GROUP + i32::from(number.scale);
    let value = number.unscaled.abs();
    let shift = |digits: i32| u32::try_from(digits).ok().and_then(power_of_ten);
    let digit = match shift(below) {
        Some(power) => value / power,
        None => shift(-below).map_or(value, |power| value * power),
    };
    (weight, digit)
}

/// How many digits after the point a quotient has (PostgreSQL's `select_div_scale`).
fn quotient_scale(left: Decimal, right: Decimal) -> i8 {
    let ((left_weight, left_digit), (right_weight, right_digit)) = (first_group(left), first_group(right));
    let weight = left_weight - right_weight - i32::from(left_digit <= right_digit);
    let scale = (QUOTIENT_DIGITS_MIN - weight * GROUP).max(left.scale.into()).max(right.scale.into());
    i8::try_from(scale.clamp(0, 38)).unwrap_or(38)
}

/// Both numbers at the larger scale.
fn aligned(left: Decimal, right: Decimal) -> Option<(i128, i128, i8)> {
    let scale = left.scale.max(right.scale);
    let at = |number: Decimal| fit(number.unscaled, number.scale.into(), scale.into());
    Some((at(left)?, at(right)?, scale))
}

/// `left operator right`, each with the digits that PostgreSQL gives it.
pub(super) fn calculate(
    operator: Arithmetic,
    left: Decimal,
    right: Decimal,
) -> Result<Decimal, FunctionError> {
    if matches!(operator, Arithmetic::Divide | Arithmetic::Modulo) && right.unscaled == 0 {
        return Err(FunctionError::division_by_zero());
    }
    let number = |unscaled: i128, scale: i8| fit(unscaled, 0, 0).map(|unscaled| Decimal { unscaled, scale });
    let result = match operator {
        Arithmetic::Add => {
            aligned(left, right).and_then(|(left, right, scale)| number(left.checked_add(right)?, scale))
        }
        Arithmetic::Subtract => {
            aligned(left, right).and_then(|(left, right, scale)| number(left.checked_sub(right)?, scale))
        }
        Arithmetic::Modulo => {
            aligned(left, right).and_then(|(left, right, scale)| number(left % right, scale))
        }
        Arithmetic::Multiply => {
            let scale = left.scale.saturating_add(right.scale);
            match left.unscaled.checked_mul(right.unscaled) {
                Some(product) if scale <= 38 => number(product, scale),
                _ => None,
            }
        }
        Arithmetic::Divide => {
            let scale = quotient_scale(left, right);
            divide_decimal(left.unscaled, left.scale, right.unscaled, right.scale, scale)
                .and_then(|unscaled| number(unscaled, scale))
        }
    };
    result.ok_or_else(FunctionError::numeric_overflow)
}

/// The whole number at or below a number, or above.
pub(super) fn rounded(number: Decimal, up: bool) -> Decimal {
    let power = u32::try_from(number.scale).ok().and_then(power_of_ten).unwrap_or(i128::MAX);
    let (whole, rest) = (number.unscaled.div_euclid(power), number.unscaled.rem_euclid(power));
    Decimal { unscaled: whole + i128::from(up && rest != 0), scale: 0 }
}

/// A number without its fraction.
pub(super) fn truncated(number: Decimal) -> i128 {
    let power = u32::try_from(number.scale).ok().and_then(power_of_ten).unwrap_or(i128::MAX);
    number.unscaled / power
}

/// A time's microseconds with so many digits.
pub(super) fn rounded_to(microseconds: i64, digits: u32) -> i64 {
    let step = i128::from(10_i64.pow(6_u32.saturating_sub(digits)));
    i64::try_from(divide_rounding(microseconds.into(), step) * step).unwrap_or(microseconds)
}

pub(super) fn compare_numbers(left: Decimal, right: Decimal) -> Ordering {
    let scale = left.scale.max(right.scale);
    let wide = |number: Decimal| {
        let digits = u32::try_from(scale - number.scale).unwrap_or(0);
        i256::from_i128(number.unscaled).wrapping_mul(i256::from_i128(10).wrapping_pow(digits))
    };
    wide(left).cmp(&wide(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calculated(left: &str, operator: Arithmetic, right: &str) -> String {
        let number = |text: &str| parse_decimal(text).unwrap();
        let mut out = String::new();
        write_decimal(calculate(operator, number(left), number(right)).unwrap(), &mut out);
        out
    }

    /// Each expectation is PostgreSQL's.
    #[test]
    fn numbers_have_the_digits_that_postgresql_gives_them() {
        assert_eq!(calculated("1", Arithmetic::Divide, "3"), "0.33333333333333333333");
        assert_eq!(calculated("10", Arithmetic::Divide, "4"), "2.5000000000000000");
        assert_eq!(calculated("1000000", Arithmetic::Divide, "7"), "142857.142857142857");
        assert_eq!(calculated("0.00001", Arithmetic::Divide, "3"), "0.000003333333333333333333");
        assert_eq!(calculated("1.5", Arithmetic::Multiply, "2.25"), "3.375");
        assert_eq!(calculated("-7", Arithmetic::Modulo, "3"), "-1");
        assert_eq!(calculated("1", Arithmetic::Subtract, "1.00"), "0.00");
    }

    #[test]
    fn numbers_are_rounded() {
        let number = |text: &str| parse_decimal(text).unwrap();
        assert_eq!(rounded(number("-1.5"), false).unscaled, -2);
        assert_eq!(rounded(number("-1.5"), true).unscaled, -1);
        assert_eq!(rounded(number("2.0"), true).unscaled, 2);
        assert_eq!(truncated(number("-0.5")), 0);
        assert_eq!(rounded_to(1_789_000, 1), 1_800_000);
    }
}

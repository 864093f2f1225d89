//! `numeric`: exact in 38 digits, 22003 beyond them. Where operands are too wide for 128 bits on the way, 256 are used.

use arrow::{
    array::ArrayRef,
    datatypes::{Decimal128Type, i256},
};

use super::{
    checked::{combine, convert_freely},
    floats::bad_bucket,
};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Int4, Int8, Numeric, map, result_scale, scale_of},
    logarithms,
    scalar::Arguments,
    text_input::{NUMERIC_MAX, divide_rounding, power_of_ten, rescale},
};

type Done = Result<ArrayRef, FunctionError>;

/// A value at another scale, within 38 digits.
pub fn fit(value: i128, from: i32, to: i32) -> Option<i128> {
    rescale(value, from, to)
}

fn wide_power(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// Division of wide numbers, rounded half away from zero, if it fits.
pub(crate) fn wide_divide_rounding(value: i256, divisor: i256) -> Option<i128> {
    let quotient = value.checked_div(divisor)?;
    let remainder = value.checked_rem(divisor)?.checked_abs()?;
    let divisor_size = divisor.checked_abs()?;
    let up = remainder >= divisor_size.checked_sub(remainder)?;
    let away = if value.is_negative() == divisor.is_negative() { i256::ONE } else { i256::MINUS_ONE };
    let rounded = if up { quotient.checked_add(away)? } else { quotient };
    within(rounded.to_i128()?)
}

fn within(value: i128) -> Option<i128> {
    (value.unsigned_abs() <= NUMERIC_MAX.unsigned_abs()).then_some(value)
}

/// `a + b` or, with `sign` -1, `a - b`, both first brought to the result's scale.
fn numeric_sum(arguments: &Arguments<'_>, sign: i128) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    let factor = |index: usize| -> Result<i128, FunctionError> {
        let own = scale_of(arguments, index)?;
        u32::try_from(i32::from(scale) - i32::from(own))
            .ok()
            .and_then(power_of_ten)
            .ok_or_else(|| FunctionError::internal("a sum has a smaller scale than its operand"))
    };
    let (left, right) = (factor(0)?, factor(1)?);
    let overflow = |_: i128, _: i128| Some(FunctionError::numeric_overflow());
    if precision < 38 {
        // The result's precision was made for the operands': nothing can overflow. A multiplication by one is not for
        // nothing in 128 bits.
        let signed = right * sign;
        return match (left, signed) {
            (_, 1) => combine::<Decimal128Type>(
                arguments,
                |a, b| (a.wrapping_mul(left).wrapping_add(b), false),
                overflow,
            ),
            (_, -1) => combine::<Decimal128Type>(
                arguments,
                |a, b| (a.wrapping_mul(left).wrapping_sub(b), false),
                overflow,
            ),
            (1, _) => combine::<Decimal128Type>(
                arguments,
                |a, b| (a.wrapping_add(b.wrapping_mul(signed)), false),
                overflow,
            ),
            _ => combine::<Decimal128Type>(
                arguments,
                |a, b| (a.wrapping_mul(left).wrapping_add(b.wrapping_mul(signed)), false),
                overflow,
            ),
        };
    }
    combine::<Decimal128Type>(
        arguments,
        |a, b| {
            let sum = a
                .checked_mul(left)
                .and_then(|a| Some((a, b.checked_mul(right)?.checked_mul(sign)?)))
                .and_then(|(a, b)| a.checked_add(b))
                .and_then(within);
            (sum.unwrap_or_default(), sum.is_none())
        },
        overflow,
    )
}

/// `numeric + numeric`
pub fn numeric_add(arguments: &Arguments<'_>) -> Done {
    numeric_sum(arguments, 1)
}

/// `numeric - numeric`
pub fn numeric_subtract(arguments: &Arguments<'_>) -> Done {
    numeric_sum(arguments, -1)
}

/// `numeric * numeric`, rounded if the result's scale is smaller than the sum of the scales.
pub fn numeric_multiply(arguments: &Arguments<'_>) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    let excess = i32::from(scale_of(arguments, 0)?) + i32::from(scale_of(arguments, 1)?) - i32::from(scale);
    let overflow = |_: i128, _: i128| Some(FunctionError::numeric_overflow());
    if excess <= 0 {
        if precision < 38 {
            return combine::<Decimal128Type>(arguments, |a, b| (a.wrapping_mul(b), false), overflow);
        }
        return combine::<Decimal128Type>(
            arguments,
            |a, b| {
                let product = a.checked_mul(b).and_then(within);
                (product.unwrap_or_default(), product.is_none())
            },
            overflow,
        );
    }
    let excess = excess.unsigned_abs();
    let narrow = power_of_ten(excess);
    let wide = wide_power(excess).ok_or_else(FunctionError::numeric_overflow)?;
    combine::<Decimal128Type>(
        arguments,
        |a, b| {
            let product = match (a.checked_mul(b), narrow) {
                (Some(product), Some(divisor)) => within(divide_rounding(product, divisor)),
                _ => i256::from_i128(a)
                    .checked_mul(i256::from_i128(b))
                    .and_then(|product| wide_divide_rounding(product, wide)),
            };
            (product.unwrap_or_default(), product.is_none())
        },
        overflow,
    )
}

/// One quotient at a scale, rounded half away from zero.
pub fn divide_decimal(a: i128, a_scale: i8, b: i128, b_scale: i8, scale: i8) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let shift = i32::from(scale) - i32::from(a_scale) + i32::from(b_scale);
    if shift < 0 {
        let divisor = power_of_ten(shift.unsigned_abs()).and_then(|power| b.checked_mul(power));
        return match divisor {
            Some(divisor) => wide_divide_rounding(i256::from_i128(a), i256::from_i128(divisor)),
            None => wide_divide_rounding(
                i256::from_i128(a),
                i256::from_i128(b).checked_mul(wide_power(shift.unsigned_abs())?)?,
            ),
        };
    }
    let shift = shift.unsigned_abs();
    if let Some(dividend) = power_of_ten(shift).and_then(|power| a.checked_mul(power)) {
        let (quotient, remainder) = (dividend / b, (dividend % b).unsigned_abs());
        let up = remainder >= b.unsigned_abs() - remainder;
        let away = if (dividend < 0) == (b < 0) { 1 } else { -1 };
        return within(if up { quotient + away } else { quotient });
    }
    let dividend = i256::from_i128(a).checked_mul(wide_power(shift)?)?;
    wide_divide_rounding(dividend, i256::from_i128(b))
}

/// `numeric / numeric` at the result's scale.
pub fn numeric_divide(arguments: &Arguments<'_>) -> Done {
    let (_, scale) = result_scale(arguments)?;
    let (left, right) = (scale_of(arguments, 0)?, scale_of(arguments, 1)?);
    combine::<Decimal128Type>(
        arguments,
        |a, b| {
            let quotient = divide_decimal(a, left, b, right, scale);
            (quotient.unwrap_or_default(), quotient.is_none())
        },
        |_, b| {
            Some(if b == 0 { FunctionError::division_by_zero() } else { FunctionError::numeric_overflow() })
        },
    )
}

/// Both operands at the result's scale, wide if they must be.
fn at_one_scale(arguments: &Arguments<'_>, compute: impl Fn(i256, i256) -> Option<i256>) -> Done {
    let (_, scale) = result_scale(arguments)?;
    let factor = |index: usize| -> Result<i256, FunctionError> {
        let own = scale_of(arguments, index)?;
        u32::try_from(i32::from(scale) - i32::from(own))
            .ok()
            .and_then(wide_power)
            .ok_or_else(|| FunctionError::internal("a result has a smaller scale than its operand"))
    };
    let (left, right) = (factor(0)?, factor(1)?);
    map::<(Numeric, Numeric), Numeric>(arguments, |(a, b)| {
        if b == 0 {
            return Err(FunctionError::division_by_zero());
        }
        let (a, b) = (i256::from_i128(a).checked_mul(left), i256::from_i128(b).checked_mul(right));
        a.zip(b)
            .and_then(|(a, b)| compute(a, b))
            .and_then(i256::to_i128)
            .and_then(within)
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `numeric % numeric`
pub fn numeric_modulo(arguments: &Arguments<'_>) -> Done {
    at_one_scale(arguments, i256::checked_rem)
}

/// `div(numeric, numeric)`: the whole quotient, truncated. The result's scale is 0.
pub fn numeric_div(arguments: &Arguments<'_>) -> Done {
    let (left, right) = (scale_of(arguments, 0)?, scale_of(arguments, 1)?);
    let scale = left.max(right);
    let factor = |own: i8| {
        u32::try_from(i32::from(scale) - i32::from(own))
            .ok()
            .and_then(wide_power)
            .ok_or_else(FunctionError::numeric_overflow)
    };
    let (left, right) = (factor(left)?, factor(right)?);
    map::<(Numeric, Numeric), Numeric>(arguments, |(a, b)| {
        if b == 0 {
            return Err(FunctionError::division_by_zero());
        }
        i256::from_i128(a)
            .checked_mul(left)
            .and_then(|a| a.checked_div(i256::from_i128(b).checked_mul(right)?))
            .and_then(i256::to_i128)
            .and_then(within)
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// Unary `-`
pub fn numeric_negate(arguments: &Arguments<'_>) -> Done {
    convert_freely::<Decimal128Type>(arguments, |value| -value)
}

/// `abs`, `@`
pub fn numeric_abs(arguments: &Arguments<'_>) -> Done {
    convert_freely::<Decimal128Type>(arguments, |value| value.abs())
}

/// The sign: -1, 0 or 1 at scale 0.
pub fn numeric_sign(arguments: &Arguments<'_>) -> Done {
    map::<(Numeric,), Numeric>(arguments, |(value,)| Ok(value.signum()))
}

/// What a decimal is divided by to get its whole part; none for a scale of 0 or less.
fn unit_of(arguments: &Arguments<'_>) -> Result<i128, FunctionError> {
    let scale = scale_of(arguments, 0)?;
    u32::try_from(scale).ok().and_then(power_of_ten).ok_or_else(FunctionError::numeric_overflow)
}

/// `ceil`: the result's scale is 0.
pub fn numeric_ceil(arguments: &Arguments<'_>) -> Done {
    let unit = unit_of(arguments)?;
    map::<(Numeric,), Numeric>(arguments, |(value,)| Ok(-(-value).div_euclid(unit)))
}

/// `floor`: the result's scale is 0.
pub fn numeric_floor(arguments: &Arguments<'_>) -> Done {
    let unit = unit_of(arguments)?;
    map::<(Numeric,), Numeric>(arguments, |(value,)| Ok(value.div_euclid(unit)))
}

/// Rounds (or, with `truncate`, cuts) a value at `digits` after the point and gives it at `to`.
pub(super) fn round_at(value: i128, from: i32, digits: i32, to: i32, truncate: bool) -> Option<i128> {
    let digits = digits.clamp(-40, 40);
    let rounded = if digits >= from {
        return rescale(value, from, to);
    } else {
        match u32::try_from(from - digits).ok().and_then(power_of_ten) {
            None => 0,
            Some(divisor) if truncate => value / divisor,
            Some(divisor) => divide_rounding(value, divisor),
        }
    };
    rescale(rounded, digits, to)
}

/// `round(numeric, integer)`: the result's scale is the constant's, or the argument's own.
pub fn numeric_round(arguments: &Arguments<'_>) -> Done {
    let (from, (_, to)) = (i32::from(scale_of(arguments, 0)?), result_scale(arguments)?);
    map::<(Numeric, Int4), Numeric>(arguments, |(value, digits)| {
        round_at(value, from, digits, i32::from(to), false).ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `trunc(numeric, integer)`
pub fn numeric_trunc(arguments: &Arguments<'_>) -> Done {
    let (from, (_, to)) = (i32::from(scale_of(arguments, 0)?), result_scale(arguments)?);
    map::<(Numeric, Int4), Numeric>(arguments, |(value, digits)| {
        round_at(value, from, digits, i32::from(to), true).ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `sqrt(numeric)`: exact, by whole square roots of wide numbers.
pub fn numeric_sqrt(arguments: &Arguments<'_>) -> Done {
    let from = scale_of(arguments, 0)?;
    let (_, scale) = result_scale(arguments)?;
    map::<(Numeric,), Numeric>(arguments, |(value,)| {
        if value < 0 {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidArgumentForPowerFunction,
                "cannot take square root of a negative number",
            ));
        }
        square_root(value, from, scale).ok_or_else(FunctionError::numeric_overflow)
    })
}

pub(super) fn square_root(value: i128, from: i8, scale: i8) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    // sqrt(v / 10^f) * 10^s = sqrt(v * 10^(2s - f)); one digit more to round.
    let shift = 2 * (i32::from(scale) + 1) - i32::from(from);
    let wide = match u32::try_from(shift) {
        Ok(shift) => i256::from_i128(value).checked_mul(wide_power(shift)?)?,
        Err(_) => i256::from_i128(value).checked_div(wide_power(shift.unsigned_abs())?)?,
    };
    within(divide_rounding(wide_square_root(wide)?.to_i128()?, 10))
}

/// The whole square root of a positive number, by Newton's method from above.
fn wide_square_root(value: i256) -> Option<i256> {
    if value == i256::ZERO {
        return Some(i256::ZERO);
    }
    let bits = 256 - value.leading_zeros();
    let mut root = i256::ONE.checked_shl(bits.div_ceil(2))?;
    loop {
        let next = root.checked_add(value.checked_div(root)?)?.checked_div(i256::from_i128(2))?;
        if next >= root {
            return Some(root);
        }
        root = next;
    }
}

/// `numerator / denominator / 10^shift` at a scale, rounded.
pub fn wide_ratio(numerator: i256, denominator: i256, shift: i32, scale: i32) -> Option<i128> {
    match u32::try_from(scale - shift) {
        Ok(up) => match numerator.checked_mul(wide_power(up)?) {
            Some(numerator) => wide_divide_rounding(numerator, denominator),
            // Digits that do not fit are divided out first.
            None => numerator.checked_div(denominator)?.checked_mul(wide_power(up)?)?.to_i128(),
        },
        Err(_) => {
            let down = wide_power((scale - shift).unsigned_abs())?;
            wide_divide_rounding(numerator, denominator.checked_mul(down)?)
        }
    }
}

/// The square root of `numerator / denominator / 10^shift` at a scale, rounded.
pub fn square_root_of_ratio(numerator: i256, denominator: i256, shift: i32, scale: i32) -> Option<i128> {
    let up = u32::try_from((2 * (scale + 1) - shift).max(0)).ok()?;
    let down = u32::try_from((shift - 2 * (scale + 1)).max(0)).ok()?;
    // As many of the digits before the division as fit, the others after it.
    let mut before = up;
    let scaled = loop {
        match wide_power(before).and_then(|power| numerator.checked_mul(power)) {
            Some(scaled) => break scaled,
            None => before = before.checked_sub(1)?,
        }
    };
    let ratio = scaled
        .checked_div(denominator.checked_mul(wide_power(down)?)?)?
        .checked_mul(wide_power(up - before)?)?;
    within(divide_rounding(wide_square_root(ratio)?.to_i128()?, 10))
}

trait CheckedShl: Sized {
    fn checked_shl(self, bits: u32) -> Option<Self>;
}

impl CheckedShl for i256 {
    fn checked_shl(self, bits: u32) -> Option<Self> {
        i256::from_i128(2).checked_pow(bits).and_then(|power| self.checked_mul(power))
    }
}

/// 2201E for what has no logarithm.
fn has_logarithm(value: i128) -> Result<i128, FunctionError> {
    let message = match value.signum() {
        0 => "cannot take logarithm of zero",
        -1 => "cannot take logarithm of a negative number",
        _ => return Ok(value),
    };
    Err(FunctionError::new(FunctionErrorKind::InvalidArgumentForLogarithm, message))
}

/// A fixed-point computation on one `numeric`.
fn inexact(
    arguments: &Arguments<'_>,
    compute: impl Fn(i128, i8) -> Result<Option<i256>, FunctionError>,
) -> Done {
    let from = scale_of(arguments, 0)?;
    let (_, scale) = result_scale(arguments)?;
    map::<(Numeric,), Numeric>(arguments, |(value,)| {
        compute(value, from)?
            .and_then(|value| logarithms::to_decimal(value, scale))
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `ln(numeric)`
pub fn numeric_ln(arguments: &Arguments<'_>) -> Done {
    inexact(arguments, |value, scale| Ok(logarithms::ln(has_logarithm(value)?, scale)))
}

/// `log(numeric)`
pub fn numeric_log10(arguments: &Arguments<'_>) -> Done {
    inexact(arguments, |value, scale| {
        Ok(logarithms::ln(has_logarithm(value)?, scale).and_then(logarithms::to_log10))
    })
}

/// `exp(numeric)`
pub fn numeric_exp(arguments: &Arguments<'_>) -> Done {
    inexact(arguments, |value, scale| Ok(logarithms::from_decimal(value, scale).and_then(logarithms::exp)))
}

/// `log(base, numeric)`
pub fn numeric_log(arguments: &Arguments<'_>) -> Done {
    let (base_scale, value_scale) = (scale_of(arguments, 0)?, scale_of(arguments, 1)?);
    let (_, scale) = result_scale(arguments)?;
    map::<(Numeric, Numeric), Numeric>(arguments, |(base, value)| {
        let base = logarithms::ln(has_logarithm(base)?, base_scale);
        let value = logarithms::ln(has_logarithm(value)?, value_scale);
        if base == Some(i256::ZERO) {
            return Err(FunctionError::division_by_zero());
        }
        value
            .zip(base)
            .and_then(|(value, base)| logarithms::ratio(value, base))
            .and_then(|value| logarithms::to_decimal(value, scale))
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `power(numeric, numeric)`, `^`: exact for whole exponents that stay within 38 digits.
pub fn numeric_power(arguments: &Arguments<'_>) -> Done {
    let (base_scale, exponent_scale) = (scale_of(arguments, 0)?, scale_of(arguments, 1)?);
    let (_, scale) = result_scale(arguments)?;
    let refused =
        |message: &str| Err(FunctionError::new(FunctionErrorKind::InvalidArgumentForPowerFunction, message));
    map::<(Numeric, Numeric), Numeric>(arguments, |(base, exponent)| {
        if let Some(exact) = whole_power(base, base_scale, exponent, exponent_scale, scale) {
            return Ok(exact);
        }
        let unit = u32::try_from(exponent_scale).ok().and_then(power_of_ten).unwrap_or(1);
        let is_whole = exponent % unit == 0;
        match base.signum() {
            0 if exponent < 0 => return refused("zero raised to a negative power is undefined"),
            0 => return Ok(0),
            -1 if !is_whole => {
                return refused("a negative number raised to a non-integer power yields a complex result");
            }
            _ => {}
        }
        let power = logarithms::ln(base.abs(), base_scale)
            .zip(logarithms::from_decimal(exponent, exponent_scale))
            .and_then(|(ln, exponent)| logarithms::product(ln, exponent))
            .and_then(logarithms::exp)
            .and_then(|value| logarithms::to_decimal(value, scale))
            .ok_or_else(FunctionError::numeric_overflow)?;
        let is_negative = base < 0 && (exponent / unit) % 2 != 0;
        Ok(if is_negative { -power } else { power })
    })
}

fn whole_power(base: i128, base_scale: i8, exponent: i128, exponent_scale: i8, scale: i8) -> Option<i128> {
    let unit = power_of_ten(u32::try_from(exponent_scale).ok()?)?;
    if exponent % unit != 0 {
        return None;
    }
    let exponent = u32::try_from(exponent / unit).ok()?;
    let value = base.checked_pow(exponent)?;
    let value_scale = i32::from(base_scale).checked_mul(i32::try_from(exponent).ok()?)?;
    rescale(value, value_scale, i32::from(scale))
}

/// `factorial(bigint)`
pub fn factorial(arguments: &Arguments<'_>) -> Done {
    map::<(Int8,), Numeric>(arguments, |(value,)| {
        if value < 0 {
            return Err(FunctionError::new(
                FunctionErrorKind::NumericValueOutOfRange,
                "factorial of a negative number is undefined",
            ));
        }
        (1..=i128::from(value))
            .try_fold(1_i128, i128::checked_mul)
            .and_then(within)
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `scale(numeric)`: of the column, which is all that its values have.
pub fn numeric_scale(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric,), Int4>(arguments, |_| Ok(scale.into()))
}

/// `min_scale(numeric)`
pub fn numeric_min_scale(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric,), Int4>(arguments, |(value,)| {
        let (mut value, mut scale) = (value, i32::from(scale));
        while scale > 0 && value % 10 == 0 {
            value /= 10;
            scale -= 1;
        }
        Ok(scale)
    })
}

/// Two arguments, brought to the result's scale.
fn at_result_scale(arguments: &Arguments<'_>) -> Result<(i32, i32, i32), FunctionError> {
    let (_, to) = result_scale(arguments)?;
    Ok((i32::from(scale_of(arguments, 0)?), i32::from(scale_of(arguments, 1)?), i32::from(to)))
}

fn divisor_of(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `gcd(numeric, numeric)`
pub fn numeric_gcd(arguments: &Arguments<'_>) -> Done {
    let (one, two, to) = at_result_scale(arguments)?;
    map::<(Numeric, Numeric), Numeric>(arguments, |(a, b)| {
        let (a, b) = fit(a, one, to).zip(fit(b, two, to)).ok_or_else(FunctionError::numeric_overflow)?;
        Ok(divisor_of(a, b))
    })
}

/// `lcm(numeric, numeric)`
pub fn numeric_lcm(arguments: &Arguments<'_>) -> Done {
    let (one, two, to) = at_result_scale(arguments)?;
    map::<(Numeric, Numeric), Numeric>(arguments, |(a, b)| {
        let (a, b) = fit(a, one, to).zip(fit(b, two, to)).ok_or_else(FunctionError::numeric_overflow)?;
        if a == 0 || b == 0 {
            return Ok(0);
        }
        (a / divisor_of(a, b))
            .checked_mul(b)
            .map(i128::abs)
            .and_then(within)
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `width_bucket(numeric, low, high, count)`, exactly.
pub fn numeric_width_bucket(arguments: &Arguments<'_>) -> Done {
    let scales = [scale_of(arguments, 0)?, scale_of(arguments, 1)?, scale_of(arguments, 2)?];
    let to = i32::from(scales.into_iter().max().unwrap_or(0));
    let [one, two, three] = scales.map(i32::from);
    map::<(Numeric, Numeric, Numeric, Int4), Int4>(arguments, |(value, low, high, count)| {
        if count <= 0 {
            return Err(bad_bucket("count must be greater than zero"));
        }
        let wide = |value: i128, from: i32| {
            let power = u32::try_from(to - from).ok().and_then(wide_power)?;
            i256::from_i128(value).checked_mul(power)
        };
        let values = wide(value, one).zip(wide(low, two)).zip(wide(high, three));
        let ((value, low), high) = values.ok_or_else(FunctionError::numeric_overflow)?;
        if low == high {
            return Err(bad_bucket("lower bound cannot equal upper bound"));
        }
        let (below, above) =
            if low < high { (value < low, value >= high) } else { (value > low, value <= high) };
        if below {
            return Ok(0);
        }
        if above {
            return count.checked_add(1).ok_or_else(|| FunctionError::out_of_range("integer"));
        }
        let bucket = value
            .checked_sub(low)
            .and_then(|distance| distance.checked_mul(i256::from_i128(count.into())))
            .zip(high.checked_sub(low))
            .and_then(|(distance, width)| distance.checked_div(width))
            .and_then(i256::to_i128)
            .and_then(|bucket| i32::try_from(bucket).ok())
            .ok_or_else(FunctionError::numeric_overflow)?;
        Ok(bucket + 1)
    })
}

//! Arithmetic: integers that raise 22003 instead of wrapping, floats that raise on overflow, `numeric` exact in 38
//! digits. Integer loops collect overflow in a flag, so that they stay vectorised.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, PrimitiveArray},
    buffer::ScalarBuffer,
    datatypes::{
        ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, i256,
    },
};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Float8, Int2, Int4, Int8, Numeric, map, result_scale, scale_of},
    logarithms,
    scalar::Arguments,
    text_input::{NUMERIC_MAX, divide_rounding, power_of_ten, rescale},
};

type Done = Result<ArrayRef, FunctionError>;

/// Combines two columns value by value. `combine` may be called on the values under nulls, so it reports trouble by
/// its flag, which only counts where nothing is null.
fn combine<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    combine: impl Fn(T::Native, T::Native) -> (T::Native, bool),
    trouble: impl Fn(T::Native, T::Native) -> FunctionError,
) -> Done {
    let left = arguments.array(0)?.as_primitive_opt::<T>().ok_or_else(|| unexpected(arguments, 0))?;
    let right = arguments.array(1)?.as_primitive_opt::<T>().ok_or_else(|| unexpected(arguments, 1))?;
    let nulls = arguments.nulls();
    let mut failed = false;
    let mut values = Vec::with_capacity(arguments.rows);
    match (arguments.is_constant(0), arguments.is_constant(1)) {
        (false, false) => {
            values.extend(left.values().iter().zip(right.values()).map(|(left, right)| {
                let (value, overflow) = combine(*left, *right);
                failed |= overflow;
                value
            }));
        }
        (false, true) => {
            let right = right.value(0);
            values.extend(left.values().iter().map(|left| {
                let (value, overflow) = combine(*left, right);
                failed |= overflow;
                value
            }));
        }
        (true, false) => {
            let left = left.value(0);
            values.extend(right.values().iter().map(|right| {
                let (value, overflow) = combine(left, *right);
                failed |= overflow;
                value
            }));
        }
        (true, true) => {
            let (value, overflow) = combine(left.value(0), right.value(0));
            failed = overflow;
            values.resize(arguments.rows, value);
        }
    }
    if failed {
        // Rare: find the first row that really failed.
        for row in 0..arguments.rows {
            let at = |array: &PrimitiveArray<T>, constant: bool| array.value(if constant { 0 } else { row });
            let (one, two) = (at(left, arguments.is_constant(0)), at(right, arguments.is_constant(1)));
            if !nulls.is_null(row) && combine(one, two).1 {
                return Err(trouble(one, two));
            }
        }
    }
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls.into_buffer(arguments.rows))?;
    Ok(Arc::new(array.with_data_type(arguments.result.clone())))
}

fn unexpected(arguments: &Arguments<'_>, index: usize) -> FunctionError {
    let found = arguments.array(index).map(|array| array.data_type().to_string()).unwrap_or_default();
    FunctionError::internal(format!("argument {index} has the unexpected type {found}"))
}

macro_rules! integer_arithmetic {
    ($($add:ident $subtract:ident $multiply:ident $divide:ident $modulo:ident $negate:ident $abs:ident $type:ty, $name:literal;)*) => {
        $(
        /// `+`
        pub fn $add(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_add(b), |_, _| FunctionError::out_of_range($name))
        }
        /// `-`
        pub fn $subtract(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_sub(b), |_, _| FunctionError::out_of_range($name))
        }
        /// `*`
        pub fn $multiply(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_mul(b), |_, _| FunctionError::out_of_range($name))
        }
        /// `/`: truncates.
        pub fn $divide(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| match a.checked_div(b) {
                    Some(value) => (value, false),
                    None => (0, true),
                },
                |_, b| if b == 0 { FunctionError::division_by_zero() } else { FunctionError::out_of_range($name) },
            )
        }
        /// `%`: the sign of the dividend.
        pub fn $modulo(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| if b == 0 { (0, true) } else { (a.wrapping_rem(b), false) },
                |_, _| FunctionError::division_by_zero(),
            )
        }
        /// Unary `-`
        pub fn $negate(arguments: &Arguments<'_>) -> Done {
            map::<($type,), $type>(arguments, |(value,)| {
                value.checked_neg().ok_or_else(|| FunctionError::out_of_range($name))
            })
        }
        /// `abs`, `@`
        pub fn $abs(arguments: &Arguments<'_>) -> Done {
            map::<($type,), $type>(arguments, |(value,)| {
                value.checked_abs().ok_or_else(|| FunctionError::out_of_range($name))
            })
        }
        )*
    };
}
integer_arithmetic! {
    int2_add int2_subtract int2_multiply int2_divide int2_modulo int2_negate int2_abs Int16Type, "smallint";
    int4_add int4_subtract int4_multiply int4_divide int4_modulo int4_negate int4_abs Int32Type, "integer";
    int8_add int8_subtract int8_multiply int8_divide int8_modulo int8_negate int8_abs Int64Type, "bigint";
}

macro_rules! bitwise {
    ($($and:ident $or:ident $xor:ident $not:ident $left:ident $right:ident $type:ty, $bits:literal;)*) => {
        $(
        /// `&`
        pub fn $and(arguments: &Arguments<'_>) -> Done {
            map::<($type, $type), $type>(arguments, |(a, b)| Ok(a & b))
        }
        /// `|`
        pub fn $or(arguments: &Arguments<'_>) -> Done {
            map::<($type, $type), $type>(arguments, |(a, b)| Ok(a | b))
        }
        /// `#`
        pub fn $xor(arguments: &Arguments<'_>) -> Done {
            map::<($type, $type), $type>(arguments, |(a, b)| Ok(a ^ b))
        }
        /// `~`
        pub fn $not(arguments: &Arguments<'_>) -> Done {
            map::<($type,), $type>(arguments, |(a,)| Ok(!a))
        }
        /// `<<`: the count goes round at the type's width, as on PostgreSQL's usual machines.
        pub fn $left(arguments: &Arguments<'_>) -> Done {
            map::<($type, Int4), $type>(arguments, |(a, by)| Ok(a.wrapping_shl(by.rem_euclid($bits).unsigned_abs())))
        }
        /// `>>`
        pub fn $right(arguments: &Arguments<'_>) -> Done {
            map::<($type, Int4), $type>(arguments, |(a, by)| Ok(a.wrapping_shr(by.rem_euclid($bits).unsigned_abs())))
        }
        )*
    };
}
bitwise! {
    int2_and int2_or int2_xor int2_not int2_shift_left int2_shift_right Int2, 16;
    int4_and int4_or int4_xor int4_not int4_shift_left int4_shift_right Int4, 32;
    int8_and int8_or int8_xor int8_not int8_shift_left int8_shift_right Int8, 64;
}

fn float_trouble(kind: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, format!("value out of range: {kind}"))
}

macro_rules! float_arithmetic {
    ($($add:ident $subtract:ident $multiply:ident $divide:ident $negate:ident $abs:ident $type:ty;)*) => {
        $(
        /// `+`
        pub fn $add(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| { let c = a + b; (c, c.is_infinite() && a.is_finite() && b.is_finite()) },
                |_, _| float_trouble("overflow"),
            )
        }
        /// `-`
        pub fn $subtract(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| { let c = a - b; (c, c.is_infinite() && a.is_finite() && b.is_finite()) },
                |_, _| float_trouble("overflow"),
            )
        }
        /// `*`
        pub fn $multiply(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| {
                    let c = a * b;
                    let overflow = c.is_infinite() && a.is_finite() && b.is_finite();
                    (c, overflow || (c == 0.0 && a != 0.0 && b != 0.0))
                },
                |a, b| float_trouble(if (a * b) == 0.0 { "underflow" } else { "overflow" }),
            )
        }
        /// `/`
        pub fn $divide(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                |a, b| {
                    let c = a / b;
                    let overflow = c.is_infinite() && a.is_finite();
                    let underflow = c == 0.0 && a != 0.0 && b.is_finite();
                    (c, (b == 0.0 && !a.is_nan()) || overflow || underflow)
                },
                |a, b| {
                    if b == 0.0 {
                        FunctionError::division_by_zero()
                    } else {
                        float_trouble(if (a / b) == 0.0 { "underflow" } else { "overflow" })
                    }
                },
            )
        }
        /// Unary `-`
        pub fn $negate(arguments: &Arguments<'_>) -> Done {
            map::<($type,), $type>(arguments, |(value,)| Ok(-value))
        }
        /// `abs`, `@`
        pub fn $abs(arguments: &Arguments<'_>) -> Done {
            map::<($type,), $type>(arguments, |(value,)| Ok(value.abs()))
        }
        )*
    };
}
float_arithmetic! {
    float4_add float4_subtract float4_multiply float4_divide float4_negate float4_abs Float32Type;
    float8_add float8_subtract float8_multiply float8_divide float8_negate float8_abs Float64Type;
}

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
    let overflow = |_: i128, _: i128| FunctionError::numeric_overflow();
    if precision < 38 {
        // The result's precision was made for the operands': nothing can overflow.
        return combine::<Decimal128Type>(
            arguments,
            |a, b| (a.wrapping_mul(left).wrapping_add(b.wrapping_mul(right).wrapping_mul(sign)), false),
            overflow,
        );
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
    let overflow = |_: i128, _: i128| FunctionError::numeric_overflow();
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
        |_, b| if b == 0 { FunctionError::division_by_zero() } else { FunctionError::numeric_overflow() },
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
    map::<(Numeric,), Numeric>(arguments, |(value,)| Ok(-value))
}

/// `abs`, `@`
pub fn numeric_abs(arguments: &Arguments<'_>) -> Done {
    map::<(Numeric,), Numeric>(arguments, |(value,)| Ok(value.abs()))
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
fn round_at(value: i128, from: i32, digits: i32, to: i32, truncate: bool) -> Option<i128> {
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

macro_rules! float_functions {
    ($($(#[$doc:meta])* $name:ident: |$value:ident| $compute:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            map::<(Float8,), Float8>(arguments, |($value,)| $compute)
        })*
    };
}

fn logarithm_argument(value: f64) -> Result<f64, FunctionError> {
    let message = if value == 0.0 {
        "cannot take logarithm of zero"
    } else if value < 0.0 {
        "cannot take logarithm of a negative number"
    } else {
        return Ok(value);
    };
    Err(FunctionError::new(FunctionErrorKind::InvalidArgumentForLogarithm, message))
}

fn within_unit(value: f64) -> Result<f64, FunctionError> {
    if value.is_nan() || (-1.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(out_of_domain())
}

fn out_of_domain() -> FunctionError {
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, "input is out of range")
}

fn not_infinite(value: f64) -> Result<f64, FunctionError> {
    if value.is_infinite() { Err(out_of_domain()) } else { Ok(value) }
}

fn no_overflow(argument: f64, result: f64) -> Result<f64, FunctionError> {
    if result.is_infinite() && argument.is_finite() { Err(float_trouble("overflow")) } else { Ok(result) }
}

float_functions! {
    /// `sqrt`
    float8_sqrt: |value| if value < 0.0 {
        Err(FunctionError::new(
            FunctionErrorKind::InvalidArgumentForPowerFunction,
            "cannot take square root of a negative number",
        ))
    } else {
        Ok(value.sqrt())
    };
    /// `cbrt`
    float8_cbrt: |value| Ok(value.cbrt());
    /// `exp`
    float8_exp: |value| {
        let result = value.exp();
        if result == 0.0 && value.is_finite() { Err(float_trouble("underflow")) } else { no_overflow(value, result) }
    };
    /// `ln`
    float8_ln: |value| Ok(logarithm_argument(value)?.ln());
    /// `log`, `log10`
    float8_log10: |value| Ok(logarithm_argument(value)?.log10());
    /// `ceil`
    float8_ceil: |value| Ok(value.ceil());
    /// `floor`
    float8_floor: |value| Ok(value.floor());
    /// `round`: half to even
    float8_round: |value| Ok(value.round_ties_even());
    /// `trunc`
    float8_trunc: |value| Ok(value.trunc());
    /// `sign`
    float8_sign: |value| Ok(if value > 0.0 { 1.0 } else if value < 0.0 { -1.0 } else { 0.0 });
    /// `sin`
    float8_sin: |value| Ok(not_infinite(value)?.sin());
    /// `cos`
    float8_cos: |value| Ok(not_infinite(value)?.cos());
    /// `tan`
    float8_tan: |value| Ok(not_infinite(value)?.tan());
    /// `cot`
    float8_cot: |value| Ok(1.0 / not_infinite(value)?.tan());
    /// `asin`
    float8_asin: |value| Ok(within_unit(value)?.asin());
    /// `acos`
    float8_acos: |value| Ok(within_unit(value)?.acos());
    /// `atan`
    float8_atan: |value| Ok(value.atan());
    /// `sinh`
    float8_sinh: |value| Ok(value.sinh());
    /// `cosh`
    float8_cosh: |value| Ok(value.cosh());
    /// `tanh`
    float8_tanh: |value| Ok(value.tanh());
    /// `asinh`
    float8_asinh: |value| Ok(value.asinh());
    /// `acosh`
    float8_acosh: |value| if value < 1.0 { Err(out_of_domain()) } else { Ok(value.acosh()) };
    /// `atanh`
    float8_atanh: |value| Ok(within_unit(value)?.atanh());
    /// `degrees`
    float8_degrees: |value| no_overflow(value, value / (std::f64::consts::PI / 180.0));
    /// `radians`
    float8_radians: |value| Ok(value * (std::f64::consts::PI / 180.0));
}

/// `atan2`
pub fn float8_atan2(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8), Float8>(arguments, |(y, x)| Ok(y.atan2(x)))
}

/// `power`, `^`
pub fn float8_power(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8), Float8>(arguments, |(base, exponent)| power(base, exponent))
}

fn power(base: f64, exponent: f64) -> Result<f64, FunctionError> {
    if base == 0.0 && exponent < 0.0 {
        return Err(FunctionError::new(
            FunctionErrorKind::InvalidArgumentForPowerFunction,
            "zero raised to a negative power is undefined",
        ));
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(FunctionError::new(
            FunctionErrorKind::InvalidArgumentForPowerFunction,
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    let result = base.powf(exponent);
    let finite = base.is_finite() && exponent.is_finite();
    if finite && result.is_infinite() {
        return Err(float_trouble("overflow"));
    }
    if finite && result == 0.0 && base != 0.0 {
        return Err(float_trouble("underflow"));
    }
    Ok(result)
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

fn square_root(value: i128, from: i8, scale: i8) -> Option<i128> {
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

/// `gcd(integer, integer)`
pub fn int4_gcd(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4), Int4>(arguments, |(a, b)| {
        i32::try_from(gcd(a.into(), b.into())).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

/// `gcd(bigint, bigint)`
pub fn int8_gcd(arguments: &Arguments<'_>) -> Done {
    map::<(Int8, Int8), Int8>(arguments, |(a, b)| {
        i64::try_from(gcd(a.into(), b.into())).map_err(|_| FunctionError::out_of_range("bigint"))
    })
}

/// `lcm(integer, integer)`
pub fn int4_lcm(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4), Int4>(arguments, |(a, b)| {
        i32::try_from(lcm(a.into(), b.into())).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

/// `lcm(bigint, bigint)`
pub fn int8_lcm(arguments: &Arguments<'_>) -> Done {
    map::<(Int8, Int8), Int8>(arguments, |(a, b)| {
        i64::try_from(lcm(a.into(), b.into())).map_err(|_| FunctionError::out_of_range("bigint"))
    })
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i128, b: i128) -> i128 {
    if a == 0 || b == 0 { 0 } else { (a / gcd(a, b) * b).abs() }
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

/// `width_bucket(double precision, …)`
#[expect(clippy::cast_possible_truncation, reason = "a bucket lies between 0 and count + 1")]
pub fn float8_width_bucket(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8, Float8, Int4), Int4>(arguments, |(value, low, high, count)| {
        let bad = |message: &str| Err(FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, message));
        if count <= 0 {
            return bad("count must be greater than zero");
        }
        if value.is_nan() || low.is_nan() || high.is_nan() {
            return bad("operand, lower bound, and upper bound cannot be NaN");
        }
        if low == high {
            return bad("lower bound cannot equal upper bound");
        }
        let (below, above) =
            if low < high { (value < low, value >= high) } else { (value > low, value <= high) };
        if below {
            return Ok(0);
        }
        if above {
            return count.checked_add(1).ok_or_else(|| FunctionError::out_of_range("integer"));
        }
        let bucket = (f64::from(count) * ((value - low) / (high - low))).floor() as i32;
        Ok(bucket.min(count - 1) + 1)
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

/// `random()`
pub fn random(arguments: &Arguments<'_>) -> Done {
    let values = (0..arguments.rows).map(|_| random_unit()).collect::<Vec<f64>>();
    Ok(Arc::new(PrimitiveArray::<Float64Type>::from(values)))
}

/// A number in [0, 1) from the standard library's seeded hasher: not for secrets, as PostgreSQL's `random` is not.
fn random_unit() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    thread_local! {
        static STATE: std::cell::Cell<(u64, u64)> = {
            let seed = RandomState::new().build_hasher().finish();
            std::cell::Cell::new((seed | 1, seed.rotate_left(32) | 1))
        };
    }
    let bits = STATE.with(|state| {
        // xorshift128+
        let (mut a, b) = state.get();
        a ^= a << 23;
        let next = a ^ b ^ (a >> 17) ^ (b >> 26);
        state.set((b, next));
        next.wrapping_add(b)
    });
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let unit = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Array, Decimal128Array, Int32Array},
        datatypes::DataType,
    };
    use datafusion::{common::ScalarValue, logical_expr::ColumnarValue};

    use super::*;

    fn call(
        kernel: crate::scalar::Kernel,
        values: Vec<ColumnarValue>,
        rows: usize,
        result: &DataType,
    ) -> Result<ArrayRef, FunctionErrorKind> {
        let arguments = Arguments::new(values, rows, result).unwrap();
        kernel(&arguments).map_err(|error| error.kind)
    }

    #[test]
    fn integers_overflow_only_where_nothing_is_null() {
        let column =
            |values: Vec<Option<i32>>| ColumnarValue::Array(Arc::new(Int32Array::from(values)) as ArrayRef);
        let one = ColumnarValue::Scalar(ScalarValue::Int32(Some(1)));
        let fine =
            call(int4_add, vec![column(vec![Some(1), None]), one.clone()], 2, &DataType::Int32).unwrap();
        assert_eq!(fine.as_primitive::<Int32Type>().value(0), 2);
        assert!(fine.is_null(1));
        assert_eq!(
            call(int4_add, vec![column(vec![Some(i32::MAX)]), one], 1, &DataType::Int32),
            Err(FunctionErrorKind::NumericValueOutOfRange)
        );
        let zero = ColumnarValue::Scalar(ScalarValue::Int32(Some(0)));
        assert_eq!(
            call(int4_divide, vec![column(vec![Some(1)]), zero], 1, &DataType::Int32),
            Err(FunctionErrorKind::DivisionByZero)
        );
    }

    #[test]
    fn decimals_divide_and_round() {
        assert_eq!(divide_decimal(1, 0, 3, 0, 16), Some(3_333_333_333_333_333));
        assert_eq!(divide_decimal(2, 0, -3, 0, 4), Some(-6667));
        assert_eq!(
            divide_decimal(10_i128.pow(37), 0, 1, 0, 1),
            Some(10_i128.pow(38) - 0).filter(|v| *v <= NUMERIC_MAX)
        );
        assert_eq!(divide_decimal(150, 2, 5, 1, 2), Some(300));
        assert_eq!(square_root(2, 0, 15), Some(1_414_213_562_373_095));
        assert_eq!(square_root(400, 2, 0), Some(2));
        assert_eq!(round_at(12_345, 2, 1, 1, false), Some(1235));
        assert_eq!(round_at(12_345, 2, -1, 0, false), Some(120));
        assert_eq!(round_at(-155, 1, 0, 0, true), Some(-15));
        let column = ColumnarValue::Array(Arc::new(
            Decimal128Array::from(vec![150_i128]).with_precision_and_scale(5, 2).unwrap(),
        ));
        let product =
            call(numeric_multiply, vec![column.clone(), column], 1, &DataType::Decimal128(38, 3)).unwrap();
        assert_eq!(product.as_primitive::<Decimal128Type>().value(0), 2250);
    }
}

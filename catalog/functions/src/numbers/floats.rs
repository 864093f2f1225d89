//! Floats: overflow and underflow raise 22003, division by zero 22012, and functions have PostgreSQL's domains.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, PrimitiveArray},
    datatypes::{Float32Type, Float64Type},
};

use super::{
    checked::{Float, combine_floats, combine_slowly, combine_with, convert, convert_freely, convert_slowly},
    degrees, hyperbolic, rounding,
};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Float8, Int4, map},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

fn float_trouble(kind: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, format!("value out of range: {kind}"))
}

/// The trouble of an infinite result of operands that could have given a finite one.
fn overflow(result: f64, finite: bool) -> Option<FunctionError> {
    (result.is_infinite() && finite).then(float_overflow)
}

fn float_underflow() -> FunctionError {
    float_trouble("underflow")
}

/// 22003 of a result that is too large for its type.
pub fn float_overflow() -> FunctionError {
    float_trouble("overflow")
}

macro_rules! float_arithmetic {
    ($($add:ident $subtract:ident $multiply:ident $divide:ident $negate:ident $abs:ident $one_zero:ident $type:ty;)*) => {
        $(
        /// `+`
        pub fn $add(arguments: &Arguments<'_>) -> Done {
            combine_floats::<$type>(
                arguments,
                |a, b| a + b,
                |_, _, c| c.is_not_finite(),
                |a, b| overflow((a + b).into(), a.is_finite() && b.is_finite()),
            )
        }
        /// `-`
        pub fn $subtract(arguments: &Arguments<'_>) -> Done {
            combine_floats::<$type>(
                arguments,
                |a, b| a - b,
                |_, _, c| c.is_not_finite(),
                |a, b| overflow((a - b).into(), a.is_finite() && b.is_finite()),
            )
        }
        /// `*`
        pub fn $multiply(arguments: &Arguments<'_>) -> Done {
            combine_floats::<$type>(
                arguments,
                |a, b| a * b,
                |a, b, c| c.is_not_finite() | ((c == 0.0) & (a != 0.0) & (b != 0.0)),
                |a, b| {
                    let c = a * b;
                    let underflow = c == 0.0 && a != 0.0 && b != 0.0;
                    overflow(c.into(), a.is_finite() && b.is_finite()).or_else(|| underflow.then(float_underflow))
                },
            )
        }
        /// `/`
        pub fn $divide(arguments: &Arguments<'_>) -> Done {
            combine_floats::<$type>(
                arguments,
                |a, b| a / b,
                |a, _, c| c.is_not_finite() | ((c == 0.0) & (a != 0.0)),
                |a, b| {
                    if b == 0.0 {
                        return (!a.is_nan()).then(FunctionError::division_by_zero);
                    }
                    let c = a / b;
                    let underflow = c == 0.0 && a != 0.0 && b.is_finite();
                    overflow(c.into(), a.is_finite()).or_else(|| underflow.then(float_underflow))
                },
            )
        }
        /// Unary `-`
        pub fn $negate(arguments: &Arguments<'_>) -> Done {
            convert_freely::<$type>(arguments, |value| if value.is_nan() { value } else { -value })
        }
        /// `abs`, `@`
        pub fn $abs(arguments: &Arguments<'_>) -> Done {
            convert_freely::<$type>(arguments, |value| value.abs())
        }
        /// A value in which both zeros are the positive one.
        pub fn $one_zero(arguments: &Arguments<'_>) -> Done {
            convert_freely::<$type>(arguments, |value| value + 0.0)
        }
        )*
    };
}

float_arithmetic! {
    float4_add float4_subtract float4_multiply float4_divide float4_negate float4_abs float4_one_zero Float32Type;
    float8_add float8_subtract float8_multiply float8_divide float8_negate float8_abs float8_one_zero Float64Type;
}

/// Functions as what they compute, what results tell of an error (see [`convert_slowly`]) and what makes an argument one.
macro_rules! float_functions {
    ($($(#[$doc:meta])* $name:ident: |$value:ident| $compute:expr, $unusual:expr, $trouble:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            convert_slowly::<Float64Type>(arguments, |$value| $compute, $unusual, $trouble)
        })*
    };
}

fn is_nan(result: f64) -> u64 {
    u64::from(result.is_nan())
}

fn is_not_finite(result: f64) -> u64 {
    u64::from(!result.is_finite())
}

fn is_not_finite_or_zero(result: f64) -> u64 {
    is_not_finite(result) + u64::from(result == 0.0)
}

fn never(_: f64) -> u64 {
    0
}

/// Of what has no trouble.
fn sound(_: f64) -> Option<FunctionError> {
    None
}

fn no_logarithm(value: f64) -> Option<FunctionError> {
    let message = if value == 0.0 {
        "cannot take logarithm of zero"
    } else if value < 0.0 {
        "cannot take logarithm of a negative number"
    } else {
        return None;
    };
    Some(FunctionError::new(FunctionErrorKind::InvalidArgumentForLogarithm, message))
}

fn is_within_unit(value: f64) -> bool {
    value.is_nan() || (-1.0..=1.0).contains(&value)
}

fn beyond_unit(value: f64) -> Option<FunctionError> {
    (!is_within_unit(value)).then(out_of_domain)
}

fn out_of_domain() -> FunctionError {
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, "input is out of range")
}

fn infinite(value: f64) -> Option<FunctionError> {
    value.is_infinite().then(out_of_domain)
}

/// Functions that cannot fail and take no longer than to tell nulls apart: what stands under nulls is computed too.
macro_rules! float_mappings {
    ($($(#[$doc:meta])* $name:ident: |$value:ident| $compute:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            let (values, _) = arguments.typed::<PrimitiveArray<Float64Type>>(0)?;
            Ok(Arc::new(values.unary::<_, Float64Type>(|$value| $compute)))
        })*
    };
}

float_mappings! {
    /// `ceil`
    float8_ceil: |value| rounding::up(value);
    /// `floor`
    float8_floor: |value| rounding::down(value);
    /// `round`: half to even
    float8_round: |value| rounding::to_nearest(value);
    /// `trunc`
    float8_trunc: |value| rounding::towards_zero(value);
    /// `sign`
    float8_sign: |value| if value > 0.0 { 1.0 } else if value < 0.0 { -1.0 } else { 0.0 };
    /// `radians`
    float8_radians: |value| value * (std::f64::consts::PI / 180.0);
}

/// `sqrt`
pub fn float8_sqrt(arguments: &Arguments<'_>) -> Done {
    convert::<Float64Type>(
        arguments,
        |value| (value.sqrt(), value < 0.0),
        |value| {
            let message = "cannot take square root of a negative number";
            let error = || FunctionError::new(FunctionErrorKind::InvalidArgumentForPowerFunction, message);
            (value < 0.0).then(error)
        },
    )
}

float_functions! {
    /// `exp`
    float8_exp: |value| value.exp(), is_not_finite_or_zero, |value| {
        let result = value.exp();
        let underflow = result == 0.0 && value.is_finite();
        overflow(result, value.is_finite()).or_else(|| underflow.then(float_underflow))
    };
    /// `ln`
    float8_ln: |value| value.ln(), is_not_finite, no_logarithm;
    /// `log`, `log10`
    float8_log10: |value| value.log10(), is_not_finite, no_logarithm;
    /// `cbrt`
    float8_cbrt: |value| value.cbrt(), never, sound;
    /// `sin`
    float8_sin: |value| value.sin(), is_nan, infinite;
    /// `cos`
    float8_cos: |value| value.cos(), is_nan, infinite;
    /// `tan`
    float8_tan: |value| value.tan(), is_nan, infinite;
    /// `cot`
    float8_cot: |value| 1.0 / value.tan(), is_nan, infinite;
    /// `asin`
    float8_asin: |value| value.asin(), is_nan, beyond_unit;
    /// `acos`
    float8_acos: |value| value.acos(), is_nan, beyond_unit;
    /// `atan`
    float8_atan: |value| value.atan(), never, sound;
    /// `sinh`
    float8_sinh: |value| value.sinh(), never, sound;
    /// `cosh`
    float8_cosh: |value| value.cosh(), never, sound;
    /// `tanh`
    float8_tanh: |value| value.tanh(), never, sound;
    /// `asinh`
    float8_asinh: |value| hyperbolic::asinh(value), never, sound;
    /// `acosh`
    float8_acosh: |value| if value < 1.0 { f64::NAN } else { hyperbolic::acosh(value) }, is_nan, |value| {
        (value < 1.0).then(out_of_domain)
    };
    /// `atanh`
    float8_atanh: |value| {
        if is_within_unit(value) { hyperbolic::atanh(value) } else { f64::NAN }
    }, is_nan, beyond_unit;
    /// `sind`
    float8_sind: |value| if value.is_infinite() { f64::NAN } else { degrees::sin(value) }, is_nan, infinite;
    /// `cosd`
    float8_cosd: |value| if value.is_infinite() { f64::NAN } else { degrees::cos(value) }, is_nan, infinite;
    /// `tand`
    float8_tand: |value| if value.is_infinite() { f64::NAN } else { degrees::tan(value) }, is_nan, infinite;
    /// `cotd`
    float8_cotd: |value| if value.is_infinite() { f64::NAN } else { degrees::cot(value) }, is_nan, infinite;
    /// `asind`
    float8_asind: |value| {
        if is_within_unit(value) { degrees::asin(value) } else { f64::NAN }
    }, is_nan, beyond_unit;
    /// `acosd`
    float8_acosd: |value| {
        if is_within_unit(value) { degrees::acos(value) } else { f64::NAN }
    }, is_nan, beyond_unit;
    /// `atand`
    float8_atand: |value| degrees::atan(value), never, sound;
}

/// `degrees`
pub fn float8_degrees(arguments: &Arguments<'_>) -> Done {
    combine_with::<Float64Type>(
        arguments,
        std::f64::consts::PI / 180.0,
        |value, degree| value / degree,
        |_, _, degrees| degrees.is_not_finite(),
        |value, degree| overflow(value / degree, value.is_finite()),
    )
}

/// `atan2`
pub fn float8_atan2(arguments: &Arguments<'_>) -> Done {
    combine_slowly::<Float64Type>(arguments, f64::atan2, never, |_, _| None)
}

/// `atan2d`
pub fn float8_atan2d(arguments: &Arguments<'_>) -> Done {
    combine_slowly::<Float64Type>(arguments, degrees::atan2, never, |_, _| None)
}

/// `power`, `^`
pub fn float8_power(arguments: &Arguments<'_>) -> Done {
    combine_slowly::<Float64Type>(arguments, f64::powf, is_not_finite_or_zero, |base, exponent| {
        power(base, exponent).err()
    })
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
        return Err(float_overflow());
    }
    if finite && result == 0.0 && base != 0.0 {
        return Err(float_underflow());
    }
    Ok(result)
}

/// 2201G
pub(super) fn bad_bucket(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::InvalidArgumentForWidthBucket, message)
}

/// `width_bucket(double precision, …)`
#[expect(clippy::cast_possible_truncation, reason = "a bucket lies between 0 and count + 1")]
pub fn float8_width_bucket(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8, Float8, Int4), Int4>(arguments, |(value, low, high, count)| {
        let bad = |message: &str| Err(bad_bucket(message));
        if count <= 0 {
            return bad("count must be greater than zero");
        }
        if value.is_nan() || low.is_nan() || high.is_nan() {
            return bad("operand, lower bound, and upper bound cannot be NaN");
        }
        if low.is_infinite() || high.is_infinite() {
            return bad("lower and upper bounds must be finite");
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

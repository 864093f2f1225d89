//! Floats: overflow and underflow raise 22003, division by zero 22012, and functions have PostgreSQL's domains.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, PrimitiveArray},
    datatypes::{Float32Type, Float64Type},
};

use super::{combine, degrees, hyperbolic};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Float8, Int4, map},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

fn float_trouble(kind: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, format!("value out of range: {kind}"))
}

/// 22003 of a result that is too large for its type.
pub fn float_overflow() -> FunctionError {
    float_trouble("overflow")
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

/// Functions that cannot fail: what stands under nulls is computed too.
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
    /// `cbrt`
    float8_cbrt: |value| value.cbrt();
    /// `ceil`
    float8_ceil: |value| value.ceil();
    /// `floor`
    float8_floor: |value| value.floor();
    /// `round`: half to even
    float8_round: |value| value.round_ties_even();
    /// `trunc`
    float8_trunc: |value| value.trunc();
    /// `sign`
    float8_sign: |value| if value > 0.0 { 1.0 } else if value < 0.0 { -1.0 } else { 0.0 };
    /// `atan`
    float8_atan: |value| value.atan();
    /// `radians`
    float8_radians: |value| value * (std::f64::consts::PI / 180.0);
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
    /// `exp`
    float8_exp: |value| {
        let result = value.exp();
        if result == 0.0 && value.is_finite() { Err(float_trouble("underflow")) } else { no_overflow(value, result) }
    };
    /// `ln`
    float8_ln: |value| Ok(logarithm_argument(value)?.ln());
    /// `log`, `log10`
    float8_log10: |value| Ok(logarithm_argument(value)?.log10());
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
    /// `sinh`
    float8_sinh: |value| Ok(value.sinh());
    /// `cosh`
    float8_cosh: |value| Ok(value.cosh());
    /// `tanh`
    float8_tanh: |value| Ok(value.tanh());
    /// `asinh`
    float8_asinh: |value| Ok(hyperbolic::asinh(value));
    /// `acosh`
    float8_acosh: |value| if value < 1.0 { Err(out_of_domain()) } else { Ok(hyperbolic::acosh(value)) };
    /// `atanh`
    float8_atanh: |value| Ok(hyperbolic::atanh(within_unit(value)?));
    /// `sind`
    float8_sind: |value| Ok(degrees::sin(not_infinite(value)?));
    /// `cosd`
    float8_cosd: |value| Ok(degrees::cos(not_infinite(value)?));
    /// `tand`
    float8_tand: |value| Ok(degrees::tan(not_infinite(value)?));
    /// `cotd`
    float8_cotd: |value| Ok(degrees::cot(not_infinite(value)?));
    /// `asind`
    float8_asind: |value| Ok(degrees::asin(within_unit(value)?));
    /// `acosd`
    float8_acosd: |value| Ok(degrees::acos(within_unit(value)?));
    /// `atand`
    float8_atand: |value| Ok(degrees::atan(value));
    /// `degrees`
    float8_degrees: |value| no_overflow(value, value / (std::f64::consts::PI / 180.0));
}

/// `atan2`
pub fn float8_atan2(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8), Float8>(arguments, |(y, x)| Ok(y.atan2(x)))
}

/// `atan2d`
pub fn float8_atan2d(arguments: &Arguments<'_>) -> Done {
    map::<(Float8, Float8), Float8>(arguments, |(y, x)| Ok(degrees::atan2(y, x)))
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

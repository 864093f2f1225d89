//! The inverse hyperbolic functions, by formulas that lose no digits: near zero through `ln_1p`, for large values without
//! squaring them. What the C library's give but, rarely, for the last digit.

use std::f64::consts::LN_2;

/// From here on adding 1 to the square changes nothing.
const LARGE: f64 = 268_435_456.0;

/// Inverse hyperbolic sine.
#[inline]
pub(super) fn asinh(value: f64) -> f64 {
    let size = value.abs();
    if !size.is_finite() || size < 1.0 / LARGE {
        return value;
    }
    let result = if size > LARGE {
        size.ln() + LN_2
    } else if size > 2.0 {
        (2.0 * size + 1.0 / ((value * value + 1.0).sqrt() + size)).ln()
    } else {
        let square = value * value;
        (size + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    result.copysign(value)
}

/// Inverse hyperbolic cosine of a value from 1 on.
#[inline]
pub(super) fn acosh(value: f64) -> f64 {
    if value >= LARGE {
        value.ln() + LN_2
    } else if value > 2.0 {
        (2.0 * value - 1.0 / (value + (value * value - 1.0).sqrt())).ln()
    } else {
        let above = value - 1.0;
        (above + (2.0 * above + above * above).sqrt()).ln_1p()
    }
}

/// Inverse hyperbolic tangent of a value from -1 to 1.
#[inline]
pub(super) fn atanh(value: f64) -> f64 {
    let size = value.abs();
    if size < 1.0 / LARGE {
        return value;
    }
    let result = if size < 0.5 {
        let double = size + size;
        0.5 * (double + double * size / (1.0 - size)).ln_1p()
    } else {
        0.5 * ((size + size) / (1.0 - size)).ln_1p()
    };
    result.copysign(value)
}

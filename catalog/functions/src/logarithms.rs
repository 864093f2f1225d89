//! `ln`, `log`, `exp` and `power` of `numeric`, in fixed point with 30 digits after the point, of which at least 20 are
//! right. A computation in floats would have 15.

use arrow::datatypes::i256;

/// Digits after the point of every intermediate value.
const DIGITS: u32 = 30;
/// ln 2 and ln 10 at that scale.
const LN_2: i128 = 693_147_180_559_945_309_417_232_121_458;
const LN_10: i128 = 2_302_585_092_994_045_684_017_991_454_684;

fn wide(value: i128) -> i256 {
    i256::from_i128(value)
}

fn power_of_ten(exponent: u32) -> Option<i256> {
    wide(10).checked_pow(exponent)
}

fn one() -> i256 {
    wide(10_i128.pow(DIGITS))
}

fn multiply(a: i256, b: i256) -> Option<i256> {
    a.checked_mul(b)?.checked_div(one())
}

fn divide(a: i256, b: i256) -> Option<i256> {
    a.checked_mul(one())?.checked_div(b)
}

fn power_of_two(exponent: i32) -> Option<i256> {
    wide(2).checked_pow(exponent.unsigned_abs())
}

/// ln of `value / 10^scale`, which is positive.
pub(crate) fn ln(value: i128, scale: i8) -> Option<i256> {
    let approximate = crate::casts::numeric_as_float(value, scale);
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a number of 38 digits")]
    let exponent = approximate.log2().round() as i32;
    // value / 10^scale = mantissa * 2^exponent, the mantissa near 1.
    let (mut numerator, mut denominator) = (wide(value), power_of_ten(u32::try_from(scale).ok()?)?);
    if exponent < 0 {
        numerator = numerator.checked_mul(power_of_two(exponent)?)?;
    } else {
        denominator = denominator.checked_mul(power_of_two(exponent)?)?;
    }
    let mantissa = numerator.checked_mul(one())?.checked_div(denominator)?;
    // ln m = 2 artanh((m - 1) / (m + 1)), whose series goes by at least 1.5 digits a term.
    let ratio = divide(mantissa.checked_sub(one())?, mantissa.checked_add(one())?)?;
    let square = multiply(ratio, ratio)?;
    let (mut sum, mut term, mut odd) = (i256::ZERO, ratio, 1_i128);
    while term != i256::ZERO {
        sum = sum.checked_add(term.checked_div(wide(odd))?)?;
        term = multiply(term, square)?;
        odd += 2;
    }
    sum.checked_mul(wide(2))?.checked_add(wide(LN_2).checked_mul(wide(i128::from(exponent)))?)
}

/// e to a power.
pub(crate) fn exp(power: i256) -> Option<i256> {
    let half = wide(LN_2 / 2);
    let shifted = if power.is_negative() { power.checked_sub(half)? } else { power.checked_add(half)? };
    let exponent = i32::try_from(shifted.checked_div(wide(LN_2))?.to_i128()?).ok()?;
    let rest = power.checked_sub(wide(LN_2).checked_mul(wide(i128::from(exponent)))?)?;
    let (mut sum, mut term, mut count) = (one(), one(), 1_i128);
    loop {
        term = multiply(term, rest)?.checked_div(wide(count))?;
        if term == i256::ZERO {
            break;
        }
        sum = sum.checked_add(term)?;
        count += 1;
    }
    match exponent {
        ..-200 => Some(i256::ZERO),
        -200..0 => sum.checked_div(power_of_two(exponent)?),
        0..=200 => sum.checked_mul(power_of_two(exponent)?),
        _ => None,
    }
}

/// The quotient of two such values.
pub(crate) fn ratio(a: i256, b: i256) -> Option<i256> {
    divide(a, b)
}

/// log10 from ln.
pub(crate) fn to_log10(ln: i256) -> Option<i256> {
    divide(ln, wide(LN_10))
}

/// A decimal in this form.
pub(crate) fn from_decimal(value: i128, scale: i8) -> Option<i256> {
    let digits = i32::try_from(DIGITS).ok()? - i32::from(scale);
    match u32::try_from(digits) {
        Ok(up) => wide(value).checked_mul(power_of_ten(up)?),
        Err(_) => wide(value).checked_div(power_of_ten(digits.unsigned_abs())?),
    }
}

/// The product of two such values.
pub(crate) fn product(a: i256, b: i256) -> Option<i256> {
    multiply(a, b)
}

/// Back to a decimal, rounded.
pub(crate) fn to_decimal(value: i256, scale: i8) -> Option<i128> {
    let down = u32::try_from(i32::try_from(DIGITS).ok()? - i32::from(scale)).ok()?;
    crate::numbers::wide_divide_rounding(value, power_of_ten(down)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_digits() {
        let shown = |value: Option<i256>| to_decimal(value.unwrap(), 20).unwrap();
        assert_eq!(shown(ln(2, 0)), 69_314_718_055_994_530_942);
        assert_eq!(shown(ln(10, 0)), 230_258_509_299_404_568_402);
        assert_eq!(shown(ln(5, 1)), -69_314_718_055_994_530_942);
        assert_eq!(shown(exp(one())), 271_828_182_845_904_523_536);
        assert_eq!(shown(exp(wide(-1).checked_mul(one()).unwrap())), 36_787_944_117_144_232_160);
        assert_eq!(shown(to_log10(ln(1000, 0).unwrap())), 300_000_000_000_000_000_000);
        // 2 ^ 0.5
        let half = from_decimal(5, 1).unwrap();
        assert_eq!(shown(exp(product(half, ln(2, 0).unwrap()).unwrap())), 141_421_356_237_309_504_880);
    }
}

//! Text as values, as PostgreSQL's input functions read it with `DateStyle` ISO, MDY: the same liberties, the same
//! refusals, the same messages. Plain functions: unknown literals, casts from text, parameters in text format, COPY and
//! the loaders all come here.
//!
//! Dates and times are in [`dates`], intervals in [`intervals`], arrays in [`arrays`].

pub mod arrays;
pub mod dates;
pub mod intervals;

pub use arrays::{ArrayText, parse_array};
pub use dates::{
    DateOrder, parse_date, parse_date_in, parse_time, parse_timestamp, parse_timestamp_in, parse_timestamptz,
    parse_timestamptz_in, parse_timetz, parse_zone,
};
pub use intervals::{Interval, parse_interval, parse_interval_in};

use crate::error::{FunctionError, FunctionErrorKind};

/// The whitespace of C's `isspace`, which input functions skip at both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}

/// `boolean`: `true`, `yes`, `on`, `1` and their prefixes, and the opposites.
pub fn parse_bool(text: &str) -> Result<bool, FunctionError> {
    let word = trim(text).to_ascii_lowercase();
    let is_prefix = |of: &str, at_least: usize| word.len() >= at_least && of.starts_with(word.as_str());
    if word == "1" || is_prefix("true", 1) || is_prefix("yes", 1) || word == "on" {
        Ok(true)
    } else if word == "0" || is_prefix("false", 1) || is_prefix("no", 1) || is_prefix("off", 2) {
        Ok(false)
    } else {
        Err(FunctionError::invalid_input("boolean", text))
    }
}

fn parse_integer(text: &str, type_name: &str, minimum: i64, maximum: i64) -> Result<i64, FunctionError> {
    let trimmed = trim(text);
    let (negative, digits) = match trimmed.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FunctionError::invalid_input(type_name, text));
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        value = value
            .checked_mul(10)
            .and_then(|value| if negative { value.checked_sub(digit) } else { value.checked_add(digit) })
            .ok_or_else(|| FunctionError::value_out_of_range(type_name, text))?;
    }
    if value < minimum || value > maximum {
        return Err(FunctionError::value_out_of_range(type_name, text));
    }
    Ok(value)
}

/// `smallint`.
pub fn parse_int2(text: &str) -> Result<i16, FunctionError> {
    let value = parse_integer(text, "smallint", i16::MIN.into(), i16::MAX.into())?;
    i16::try_from(value).map_err(|_| FunctionError::value_out_of_range("smallint", text))
}

/// `integer`.
pub fn parse_int4(text: &str) -> Result<i32, FunctionError> {
    let value = parse_integer(text, "integer", i32::MIN.into(), i32::MAX.into())?;
    i32::try_from(value).map_err(|_| FunctionError::value_out_of_range("integer", text))
}

/// `bigint`.
pub fn parse_int8(text: &str) -> Result<i64, FunctionError> {
    parse_integer(text, "bigint", i64::MIN, i64::MAX)
}

/// `oid`: a negative number counts from the top, as in PostgreSQL.
pub fn parse_oid(text: &str) -> Result<u32, FunctionError> {
    let value = parse_integer(text, "oid", i32::MIN.into(), u32::MAX.into())?;
    let wrapped = if value < 0 { value + (1 << 32) } else { value };
    u32::try_from(wrapped).map_err(|_| FunctionError::value_out_of_range("oid", text))
}

/// `double precision`.
pub fn parse_float8(text: &str) -> Result<f64, FunctionError> {
    let trimmed = trim(text);
    let value: f64 = match trimmed.parse() {
        Ok(value) => value,
        Err(_) => parse_hexadecimal(trimmed)
            .ok_or_else(|| FunctionError::invalid_input("double precision", text))?,
    };
    check_float(trimmed, value.is_infinite(), value == 0.0, "double precision")?;
    Ok(if value.is_nan() { f64::NAN } else { value })
}

/// `real`.
pub fn parse_float4(text: &str) -> Result<f32, FunctionError> {
    let trimmed = trim(text);
    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest float4 is the point")]
    let value: f32 = match trimmed.parse() {
        Ok(value) => value,
        Err(_) => {
            parse_hexadecimal(trimmed).ok_or_else(|| FunctionError::invalid_input("real", text))? as f32
        }
    };
    check_float(trimmed, value.is_infinite(), value == 0.0, "real")?;
    Ok(if value.is_nan() { f32::NAN } else { value })
}

/// `0x1A`, `0x1.8p3`: the C library reads them, and so does PostgreSQL. At most 13 hexadecimal digits, which are exact.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let rest = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"))?;
    let (digits, exponent) = rest.split_once(['p', 'P']).unwrap_or((rest, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 13 || !all.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mantissa = i64::from_str_radix(&all, 16).ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(4 * places)?;
    #[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
    let value = mantissa as f64 * 2_f64.powi(exponent);
    Some(sign * value)
}

fn check_float(text: &str, is_infinite: bool, is_zero: bool, type_name: &str) -> Result<(), FunctionError> {
    let overflowed = is_infinite && text.bytes().any(|byte| byte.is_ascii_digit());
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let underflowed = is_zero && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if overflowed || underflowed {
        return Err(FunctionError::new(
            FunctionErrorKind::NumericValueOutOfRange,
            format!("\"{text}\" is out of range for type {type_name}"),
        ));
    }
    Ok(())
}

/// A decimal number with the scale that it is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The value times 10^`scale`.
    pub unscaled: i128,
    /// Digits after the point, 0 to 38.
    pub scale: i8,
}

/// 10 to a power that fits.
pub fn power_of_ten(exponent: u32) -> Option<i128> {
    const POWERS: [i128; 39] = {
        let mut powers = [1; 39];
        let mut exponent = 1;
        while exponent < powers.len() {
            powers[exponent] = powers[exponent - 1] * 10;
            exponent += 1;
        }
        powers
    };
    POWERS.get(usize::try_from(exponent).ok()?).copied()
}

/// The largest number of digits, all nines.
pub const NUMERIC_MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// `numeric` as it is written: `1.50` keeps its scale of 2. More than 38 digits before the point are 22003; more after
/// it than fit are rounded.
pub fn parse_decimal(text: &str) -> Result<Decimal, FunctionError> {
    let trimmed = trim(text);
    let invalid = || FunctionError::invalid_input("numeric", text);
    let (negative, rest) = match trimmed.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if rest.eq_ignore_ascii_case(b"nan")
        || rest.eq_ignore_ascii_case(b"infinity")
        || rest.eq_ignore_ascii_case(b"inf")
    {
        return Err(FunctionError::not_supported("numeric NaN and infinity are not supported"));
    }
    let mut unscaled = 0_i128;
    let mut scale = 0_i32;
    let mut any_digit = false;
    let mut seen_point = false;
    let mut dropped: Option<u8> = None;
    let mut dropped_whole = 0_i32;
    let mut bytes = rest.iter().enumerate();
    let mut exponent_at = None;
    for (index, byte) in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                any_digit = true;
                let digit = byte - b'0';
                let longer = if dropped.is_some() {
                    None
                } else {
                    unscaled
                        .checked_mul(10)
                        .and_then(|value| value.checked_add(i128::from(digit)))
                        .filter(|value| *value <= NUMERIC_MAX)
                };
                match longer {
                    Some(value) => {
                        unscaled = value;
                        scale += i32::from(seen_point);
                    }
                    None => {
                        dropped.get_or_insert(digit);
                        dropped_whole += i32::from(!seen_point);
                    }
                }
            }
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' if any_digit => {
                exponent_at = Some(index + 1);
                break;
            }
            _ => return Err(invalid()),
        }
    }
    if !any_digit {
        return Err(invalid());
    }
    if let Some(at) = exponent_at {
        let exponent = std::str::from_utf8(rest.get(at..).unwrap_or_default()).map_err(|_| invalid())?;
        let exponent: i32 = exponent.parse().map_err(|_| invalid())?;
        scale = scale.checked_sub(exponent).ok_or_else(FunctionError::numeric_overflow)?;
    }
    scale = scale.checked_sub(dropped_whole).ok_or_else(FunctionError::numeric_overflow)?;
    if dropped.is_some_and(|digit| digit >= 5) {
        unscaled += 1;
    }
    if scale < 0 {
        if unscaled != 0 {
            unscaled = u32::try_from(-scale)
                .ok()
                .and_then(power_of_ten)
                .and_then(|factor| unscaled.checked_mul(factor))
                .filter(|value| *value <= NUMERIC_MAX)
                .ok_or_else(FunctionError::numeric_overflow)?;
        }
        scale = 0;
    }
    if scale > 38 {
        unscaled = rescale(unscaled, scale, 38).ok_or_else(FunctionError::numeric_overflow)?;
        scale = 38;
    }
    let scale = i8::try_from(scale).map_err(|_| FunctionError::numeric_overflow())?;
    Ok(Decimal { unscaled: if negative { -unscaled } else { unscaled }, scale })
}

/// A value at another scale, rounded half away from zero. `None` if it does not fit in 38 digits.
pub fn rescale(unscaled: i128, from: i32, to: i32) -> Option<i128> {
    let result = if to == from {
        unscaled
    } else if to > from {
        if unscaled == 0 {
            return Some(0);
        }
        unscaled.checked_mul(power_of_ten(u32::try_from(to - from).ok()?)?)?
    } else {
        match u32::try_from(from - to).ok().and_then(power_of_ten) {
            None => 0,
            Some(divisor) => divide_rounding(unscaled, divisor),
        }
    };
    (result.unsigned_abs() <= NUMERIC_MAX.unsigned_abs()).then_some(result)
}

/// Division by a positive number, rounded half away from zero.
pub fn divide_rounding(value: i128, divisor: i128) -> i128 {
    // There is an instruction for 64 bits.
    if let (Ok(value), Ok(divisor)) = (i64::try_from(value), i64::try_from(divisor)) {
        let (quotient, remainder) = (value / divisor, (value % divisor).unsigned_abs());
        let up = remainder >= divisor.unsigned_abs() - remainder;
        return i128::from(quotient) + if up { i128::from(value.signum()) } else { 0 };
    }
    let quotient = value / divisor;
    let remainder = value % divisor;
    if remainder.unsigned_abs() >= divisor.unsigned_abs() - remainder.unsigned_abs() {
        quotient + value.signum()
    } else {
        quotient
    }
}

/// `numeric(precision, scale)`: rounds half away from zero, 22003 if it does not fit.
pub fn parse_numeric(text: &str, precision: u8, scale: i8) -> Result<i128, FunctionError> {
    let decimal = parse_decimal(text)?;
    fit_numeric(decimal.unscaled, decimal.scale, precision, scale)
}

/// Gives a value the precision and scale of a column.
pub fn fit_numeric(unscaled: i128, from: i8, precision: u8, scale: i8) -> Result<i128, FunctionError> {
    let overflow = || numeric_field_overflow(precision, scale);
    let value = rescale(unscaled, i32::from(from), i32::from(scale)).ok_or_else(overflow)?;
    let limit = power_of_ten(u32::from(precision)).unwrap_or(i128::MAX);
    if value.unsigned_abs() >= limit.unsigned_abs() {
        return Err(overflow());
    }
    Ok(value)
}

/// 22003 as PostgreSQL words it for a column of limited precision.
pub fn numeric_field_overflow(precision: u8, scale: i8) -> FunctionError {
    let exponent = i32::from(precision) - i32::from(scale);
    let limit = if exponent == 0 { "1".to_owned() } else { format!("10^{exponent}") };
    FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, "numeric field overflow").with_detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
    ))
}

/// `uuid`: hex digits in groups of four, with hyphens between any of them, perhaps in braces.
pub fn parse_uuid(text: &str) -> Result<[u8; 16], FunctionError> {
    let invalid = || FunctionError::invalid_input("uuid", text);
    let mut rest = text.as_bytes();
    let braces = rest.first() == Some(&b'{');
    if braces {
        rest = rest.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or_else(invalid)?;
    }
    let mut value = [0_u8; 16];
    for (index, byte) in value.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return Err(invalid()) };
        *byte = hex_digit(*high).ok_or_else(invalid)? << 4 | hex_digit(*low).ok_or_else(invalid)?;
        rest = after;
        if index % 2 == 1 && index < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    if rest.is_empty() { Ok(value) } else { Err(invalid()) }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// `bytea`: `\x` and hex digits, or the older escape format.
pub fn parse_bytea(text: &str) -> Result<Vec<u8>, FunctionError> {
    let bytes = text.as_bytes();
    if let Some(hex) = bytes.strip_prefix(b"\\x") {
        return parse_hex(hex);
    }
    parse_escaped(bytes)
}

/// Bytes as they are, but for `\\` and octal `\ooo`.
pub fn parse_escaped(bytes: &[u8]) -> Result<Vec<u8>, FunctionError> {
    let mut value = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        if *first != b'\\' {
            value.push(*first);
            rest = after;
        } else if let [b'\\', after @ ..] = after {
            value.push(b'\\');
            rest = after;
        } else if let [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..] = after {
            value.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
            rest = after;
        } else {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidTextRepresentation,
                "invalid input syntax for type bytea",
            ));
        }
    }
    Ok(value)
}

/// Hex digits, white space allowed between bytes.
pub fn parse_hex(hex: &[u8]) -> Result<Vec<u8>, FunctionError> {
    let mut value = Vec::with_capacity(hex.len() / 2);
    let mut rest = hex;
    while let [first, after @ ..] = rest {
        if first.is_ascii_whitespace() {
            rest = after;
            continue;
        }
        let digit = |byte: u8| {
            hex_digit(byte).ok_or_else(|| {
                FunctionError::invalid_parameter(format!(
                    "invalid hexadecimal digit: \"{}\"",
                    char::from(byte)
                ))
            })
        };
        let high = digit(*first)?;
        let [second, after @ ..] = after else {
            return Err(FunctionError::invalid_parameter("invalid hexadecimal data: odd number of digits"));
        };
        value.push(high << 4 | digit(*second)?);
        rest = after;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for text in ["t", "TRUE", " tr ", "y", "yes", "on", "1"] {
            assert_eq!(parse_bool(text), Ok(true), "{text}");
        }
        for text in ["f", "fal", "n", "no", "of", "off", "0"] {
            assert_eq!(parse_bool(text), Ok(false), "{text}");
        }
        for text in ["", "o", "2", "truee"] {
            assert!(parse_bool(text).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_know_their_limits() {
        assert_eq!(parse_int4(" -2147483648 "), Ok(i32::MIN));
        assert_eq!(
            parse_int4("2147483648").unwrap_err().message,
            "value \"2147483648\" is out of range for type integer"
        );
        assert_eq!(parse_int4("1x").unwrap_err().message, "invalid input syntax for type integer: \"1x\"");
        assert_eq!(parse_int8("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse_oid("-1"), Ok(u32::MAX));
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (text, unscaled, scale) in [
            ("1.50", 150, 2),
            ("-.5", -5, 1),
            ("5.", 5, 0),
            ("1e3", 1000, 0),
            ("1.5e-3", 15, 4),
            ("0e50", 0, 0),
        ] {
            assert_eq!(parse_decimal(text), Ok(Decimal { unscaled, scale }), "{text}");
        }
        for text in ["", ".", "1.2.3", "e5", "1e", "--1"] {
            assert!(parse_decimal(text).is_err(), "{text}");
        }
        assert_eq!(parse_numeric("2.345", 5, 2), Ok(235));
        assert_eq!(parse_numeric("-2.345", 5, 2), Ok(-235));
        assert_eq!(parse_numeric("1000", 5, 2).unwrap_err().kind, FunctionErrorKind::NumericValueOutOfRange);
        assert_eq!(parse_decimal("1e38").unwrap_err().kind, FunctionErrorKind::NumericValueOutOfRange);
    }

    #[test]
    fn floats_do_not_overflow_silently() {
        assert_eq!(parse_float8(" 1e5 "), Ok(1e5));
        assert!(parse_float8("nan").unwrap().is_nan());
        assert_eq!(parse_float8("-Infinity"), Ok(f64::NEG_INFINITY));
        assert_eq!(parse_float8("1e400").unwrap_err().kind, FunctionErrorKind::NumericValueOutOfRange);
        assert_eq!(parse_float4("1e-50").unwrap_err().kind, FunctionErrorKind::NumericValueOutOfRange);
    }

    #[test]
    fn bytes() {
        assert_eq!(parse_bytea("\\x00fF"), Ok(vec![0, 255]));
        assert_eq!(parse_bytea("a\\000\\\\"), Ok(vec![b'a', 0, b'\\']));
        assert!(parse_bytea("\\x0").is_err());
        let uuid = parse_uuid("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}").unwrap();
        assert_eq!(uuid[0], 0xa0);
        assert!(parse_uuid("a0eebc99").is_err());
    }
}

//! Numbers as Swedish systems write them: decimal comma or point, thousands separators, the minus in front or behind.

use crate::rules::{Broken, Rule};

/// Digits that surely fit into `u64`.
const FAST_DIGITS_MAX: usize = 18;
/// The longest number as text that is looked at.
const NUMBER_BYTES_MAX: usize = 128;
/// Digits of the largest `numeric`.
const DIGITS_MAX: usize = 38;
/// U+2212, the typographic minus.
const MINUS_SIGN: &[u8] = "\u{2212}".as_bytes();

/// What stands between groups of three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thousands {
    /// Nothing.
    #[default]
    None,
    /// A blank, a no-break blank or a narrow no-break blank.
    Blank,
    /// This sign; ASCII.
    Sign(u8),
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFormat {
    /// The decimal sign; ASCII.
    pub decimal: u8,
    /// What stands between groups of three digits.
    pub thousands: Thousands,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self { decimal: b',', thousands: Thousands::None }
    }
}

fn no_number() -> Broken {
    Broken::new(Rule::Type, "not a number")
}

/// A number as its unscaled value in a `numeric(precision, scale)`.
#[inline]
pub(crate) fn decimal(text: &str, format: NumberFormat, precision: u8, scale: u8) -> Result<i128, Broken> {
    if let Some((negative, digits, decimals)) = fast(text.as_bytes(), format.decimal)
        && decimals <= usize::from(scale)
    {
        let scale_up = u32::from(scale) - u32::try_from(decimals).unwrap_or(0);
        // At most 18 digits times 10^38 may overflow; then the slow way says so.
        if let Some(unscaled) =
            10_i128.checked_pow(scale_up).and_then(|factor| factor.checked_mul(digits.into()))
        {
            return in_precision(if negative { -unscaled } else { unscaled }, precision, scale);
        }
    }
    slow_decimal(text, format, precision, scale)
}

/// Sign, digits without the decimal sign, and decimals of a number in the plain form `-123,45`.
#[inline]
fn fast(bytes: &[u8], decimal: u8) -> Option<(bool, u64, usize)> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > FAST_DIGITS_MAX {
        return None;
    }
    let mut value = 0_u64;
    let mut decimals_from = digits.len();
    for (place, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + u64::from(digit);
        } else if *byte == decimal && decimals_from == digits.len() && place > 0 && place + 1 < digits.len() {
            decimals_from = place + 1;
        } else {
            return None;
        }
    }
    Some((negative, value, digits.len() - decimals_from))
}

fn in_precision(unscaled: i128, precision: u8, scale: u8) -> Result<i128, Broken> {
    let limit = 10_u128.pow(u32::from(precision.min(38)));
    if unscaled.unsigned_abs() < limit {
        Ok(unscaled)
    } else {
        Err(Broken::new(Rule::Type, format!("out of range for numeric({precision},{scale})")))
    }
}

/// A number's parts, ASCII only: sign, digits before and after the decimal sign, exponent.
struct Parts {
    negative: bool,
    digits: [u8; NUMBER_BYTES_MAX],
    whole: usize,
    all: usize,
}

impl Parts {
    fn whole(&self) -> &[u8] {
        &self.digits[..self.whole]
    }

    fn decimals(&self) -> &[u8] {
        &self.digits[self.whole..self.all]
    }

    fn read(text: &str, format: NumberFormat) -> Option<Self> {
        if text.len() > NUMBER_BYTES_MAX {
            return None;
        }
        let mut bytes = super::text::trimmed(text).as_bytes();
        let mut negative = false;
        if let Some(rest) = bytes.strip_prefix(b"-").or_else(|| bytes.strip_prefix(MINUS_SIGN)) {
            negative = true;
            bytes = rest;
        } else if let Some(rest) = bytes.strip_prefix(b"+") {
            bytes = rest;
        } else if let Some(rest) = bytes.strip_suffix(b"-").or_else(|| bytes.strip_suffix(MINUS_SIGN)) {
            negative = true;
            bytes = rest;
        }
        let bytes = super::text::trimmed(std::str::from_utf8(bytes).ok()?).as_bytes();
        let (whole_text, decimal_text) = match bytes.iter().rposition(|byte| *byte == format.decimal) {
            Some(place) => (&bytes[..place], Some(&bytes[place + 1..])),
            None => (bytes, None),
        };
        let mut parts = Self { negative, digits: [0; NUMBER_BYTES_MAX], whole: 0, all: 0 };
        parts.read_whole(whole_text, format.thousands)?;
        parts.all = parts.whole;
        for byte in decimal_text.unwrap_or_default() {
            parts.push(*byte)?;
        }
        let has_decimals = decimal_text.is_none_or(|decimals| !decimals.is_empty());
        (parts.whole > 0 && has_decimals).then_some(parts)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.digits.get_mut(self.all)? = byte.is_ascii_digit().then_some(byte)?;
        self.all += 1;
        Some(())
    }

    /// Digits in groups of three, the first of one to three; or no groups at all.
    fn read_whole(&mut self, text: &[u8], thousands: Thousands) -> Option<()> {
        let mut rest = text;
        let mut group = 0;
        let mut grouped = false;
        while let Some((first, after)) = rest.split_first() {
            if first.is_ascii_digit() {
                self.push(*first)?;
                group += 1;
                rest = after;
                continue;
            }
            let length = separator_length(rest, thousands)?;
            if group == 0 || group > 3 || (grouped && group != 3) {
                return None;
            }
            grouped = true;
            group = 0;
            rest = rest.get(length..)?;
        }
        if grouped && group != 3 {
            return None;
        }
        self.whole = self.all;
        Some(())
    }
}

fn separator_length(rest: &[u8], thousands: Thousands) -> Option<usize> {
    match thousands {
        Thousands::None => None,
        Thousands::Sign(sign) => (rest.first() == Some(&sign)).then_some(1),
        Thousands::Blank => [" ", "\u{a0}", "\u{202f}"]
            .iter()
            .find(|blank| rest.starts_with(blank.as_bytes()))
            .map(|blank| blank.len()),
    }
}

fn slow_decimal(text: &str, format: NumberFormat, precision: u8, scale: u8) -> Result<i128, Broken> {
    let parts = Parts::read(text, format).ok_or_else(no_number)?;
    let scale_digits = usize::from(scale);
    let (kept, dropped) = parts.decimals().split_at(scale_digits.min(parts.decimals().len()));
    if dropped.iter().any(|digit| *digit != b'0') {
        let message =
            if scale == 0 { "not a whole number".to_owned() } else { format!("more than {scale} decimals") };
        return Err(Broken::new(Rule::Type, message));
    }
    let zeros = scale_digits - kept.len();
    let leading = parts.whole().iter().take_while(|digit| **digit == b'0').count();
    if parts.whole().len() - leading + scale_digits > DIGITS_MAX {
        return in_precision(i128::MAX, precision, scale);
    }
    let unscaled = parts
        .whole()
        .iter()
        .chain(kept)
        .copied()
        .chain(std::iter::repeat_n(b'0', zeros))
        .fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    in_precision(if parts.negative { -unscaled } else { unscaled }, precision, scale)
}

/// A whole number.
#[inline]
pub(crate) fn whole<T: TryFrom<i128>>(
    text: &str,
    format: NumberFormat,
    type_name: &str,
) -> Result<T, Broken> {
    let out_of_range = || Broken::new(Rule::Type, format!("out of range for {type_name}"));
    let value = match fast(text.as_bytes(), format.decimal) {
        Some((negative, digits, 0)) => i128::from(digits) * if negative { -1 } else { 1 },
        _ => slow_decimal(text, format, 38, 0).map_err(|broken| {
            if broken.message.starts_with("out of range") { out_of_range() } else { broken }
        })?,
    };
    T::try_from(value).map_err(|_| out_of_range())
}

/// A floating-point number; the only kind that may have an exponent.
pub(crate) fn real(text: &str, format: NumberFormat) -> Result<f64, Broken> {
    let exponent_at = text.find(['e', 'E']);
    let (mantissa, exponent) = match exponent_at {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let parts = Parts::read(mantissa, format).ok_or_else(no_number)?;
    let mut plain = String::with_capacity(parts.all + 8);
    if parts.negative {
        plain.push('-');
    }
    plain.extend(parts.whole().iter().copied().map(char::from));
    plain.push('.');
    plain.extend(parts.decimals().iter().copied().map(char::from));
    if let Some(exponent) = exponent {
        plain.push('e');
        plain.push_str(exponent);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(Broken::new(Rule::Type, "out of range for double precision")),
        Err(_) => Err(no_number()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: NumberFormat = NumberFormat { decimal: b',', thousands: Thousands::None };
    const BLANK: NumberFormat = NumberFormat { decimal: b',', thousands: Thousands::Blank };
    const DOT: NumberFormat = NumberFormat { decimal: b',', thousands: Thousands::Sign(b'.') };
    const POINT: NumberFormat = NumberFormat { decimal: b'.', thousands: Thousands::None };

    #[test]
    fn good() {
        for (text, format, expected) in [
            ("9632,00", COMMA, 963_200),
            ("-12 500,00", BLANK, -1_250_000),
            ("3 484 248", BLANK, 348_424_800),
            (" -1 362 250 ", BLANK, -136_225_000),
            ("1\u{a0}234,5", BLANK, 123_450),
            ("1\u{202f}234", BLANK, 123_400),
            ("1234,5", BLANK, 123_450),
            ("1.234.567,89", DOT, 123_456_789),
            ("123,45-", COMMA, -12_345),
            ("\u{2212}1,00", COMMA, -100),
            ("- 1 250", BLANK, -125_000),
            ("+7", COMMA, 700),
            ("-1000.000", POINT, -100_000),
            ("51500,0", COMMA, 5_150_000),
            ("007", COMMA, 700),
            ("0", COMMA, 0),
            ("-0,00", COMMA, 0),
            ("9999999999999,99", COMMA, 999_999_999_999_999),
            ("00000000000000000000000000000000000000000000001", COMMA, 100),
        ] {
            assert_eq!(decimal(text, format, 15, 2), Ok(expected), "{text:?}");
        }
        let large = "123456789012345678901234567890,12345678";
        assert_eq!(decimal(large, COMMA, 38, 8), Ok(12_345_678_901_234_567_890_123_456_789_012_345_678));
    }

    #[test]
    fn bad() {
        for (text, format) in [
            ("", COMMA),
            ("-", COMMA),
            ("abc", COMMA),
            ("12a", COMMA),
            ("1,", COMMA),
            (",5", COMMA),
            ("1,2,3", COMMA),
            ("1.5", COMMA),
            ("1 234", COMMA),
            ("12 34", BLANK),
            ("1 2345", BLANK),
            ("1234 567", BLANK),
            (" 1  234", BLANK),
            ("1.23,4", DOT),
            ("--1", COMMA),
            ("-1-", COMMA),
            ("1e5", COMMA),
            ("1,234", COMMA),
            ("12345678901234,00", COMMA),
            ("١", COMMA),
            ("71100 Personalrepresentation", BLANK),
        ] {
            assert_eq!(
                decimal(text, format, 15, 2).map_err(|broken| broken.rule),
                Err(Rule::Type),
                "{text:?}"
            );
        }
        assert!(decimal(&"9".repeat(200), COMMA, 38, 0).is_err());
        assert!(decimal(&"9".repeat(39), COMMA, 38, 0).is_err());
        assert!(decimal(&"9".repeat(38), COMMA, 38, 0).is_ok());
        assert_eq!(
            decimal("1,005", COMMA, 15, 2).map_err(|broken| broken.message),
            Err("more than 2 decimals".into())
        );
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(whole::<i16>("-32768", COMMA, "smallint"), Ok(i16::MIN));
        assert_eq!(whole::<i32>("12,00", COMMA, "integer"), Ok(12));
        assert_eq!(whole::<i64>("9223372036854775807", COMMA, "bigint"), Ok(i64::MAX));
        assert_eq!(
            whole::<i16>("32768", COMMA, "smallint").map_err(|broken| broken.message),
            Err("out of range for smallint".to_owned())
        );
        assert!(
            whole::<i32>("1,5", COMMA, "integer").is_err_and(|broken| broken.message == "not a whole number")
        );
        assert!(whole::<i64>("9223372036854775808", COMMA, "bigint").is_err());
    }

    #[test]
    fn reals() {
        assert_eq!(real("-1 234,5", BLANK), Ok(-1234.5));
        assert_eq!(real("1.5E+05", POINT), Ok(150_000.0));
        for bad in ["NaN", "inf", "1e", "1e999", "", "0x10"] {
            assert!(real(bad, POINT).is_err(), "{bad}");
        }
    }
}

//! Numbers with units, as settings have them: `64MB`, `1.5h`, `8kB`. Read as PostgreSQL's `parse_int` and `parse_real` read
//! them, and shown as its SHOW does: in the largest unit that holds the number whole.

use super::values::invalid;
use crate::error::{Condition, Result, ServerError};

/// In what a setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing but a number.
    Plain,
    Kilobytes,
    /// Blocks of 8 kB.
    Blocks,
    Milliseconds,
}

impl Unit {
    /// As `pg_settings.unit` names it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Kilobytes => Some("kB"),
            Self::Blocks => Some("8kB"),
            Self::Milliseconds => Some("ms"),
        }
    }

    /// The units that a value may be written in, the largest first, with how many of this one each is.
    fn written(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Plain => &[],
            Self::Kilobytes => &[
                ("TB", 1_073_741_824.0),
                ("GB", 1_048_576.0),
                ("MB", 1024.0),
                ("kB", 1.0),
                ("B", 1.0 / 1024.0),
            ],
            Self::Blocks => &[
                ("TB", 134_217_728.0),
                ("GB", 131_072.0),
                ("MB", 128.0),
                ("kB", 0.125),
                ("B", 0.125 / 1024.0),
            ],
            Self::Milliseconds => &[
                ("d", 86_400_000.0),
                ("h", 3_600_000.0),
                ("min", 60_000.0),
                ("s", 1000.0),
                ("ms", 1.0),
                ("us", 0.001),
            ],
        }
    }

    fn hint(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Kilobytes | Self::Blocks => {
                Some("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
            }
            Self::Milliseconds => {
                Some("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
            }
        }
    }
}

/// A whole number in its setting's unit.
pub(super) fn parse_whole(name: &str, unit: Unit, bounds: (i32, i32), value: &str) -> Result<i32> {
    let number = parse(name, unit, value)?.round_ties_even();
    if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number) {
        return Err(invalid(name, value).with_hint("Value exceeds integer range."));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within int4, as was just looked at")]
    let number = number as i32;
    if (bounds.0..=bounds.1).contains(&number) {
        return Ok(number);
    }
    Err(out_of_range(name, unit, &number.to_string(), (&bounds.0.to_string(), &bounds.1.to_string())))
}

/// A number with a fraction in its setting's unit.
pub(super) fn parse_real(name: &str, unit: Unit, bounds: (f64, f64), value: &str) -> Result<f64> {
    let number = parse(name, unit, value)?;
    if (bounds.0..=bounds.1).contains(&number) {
        return Ok(number);
    }
    Err(out_of_range(name, unit, &general(number), (&general(bounds.0), &general(bounds.1))))
}

fn out_of_range(name: &str, unit: Unit, number: &str, (least, most): (&str, &str)) -> ServerError {
    let unit = unit.name().map(|unit| format!(" {unit}")).unwrap_or_default();
    ServerError::new(
        Condition::InvalidParameterValue,
        format!("{number}{unit} is outside the valid range for parameter \"{name}\" ({least} .. {most})"),
    )
}

fn parse(name: &str, unit: Unit, value: &str) -> Result<f64> {
    let text = value.trim();
    let (number, rest) = leading_number(text).ok_or_else(|| invalid(name, value))?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok(number);
    }
    let units = unit.written();
    let Some(at) = units.iter().position(|(written, _)| *written == rest) else {
        let error = invalid(name, value);
        return Err(match unit.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        });
    };
    let converted = number * units[at].1;
    // A fraction of a unit counts in whole ones of the next smaller unit.
    Ok(match units.get(at + 1) {
        Some((_, smaller)) => (converted / smaller).round_ties_even() * smaller,
        None => converted,
    })
}

/// The number that a text begins with, decimal or `0x…`, and what follows it.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let end = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = u32::from_str_radix(&digits[..end], 16).ok()?;
        return Some((sign * f64::from(number), &digits[end..]));
    }
    let digits = |text: &str| text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let mut end = digits(unsigned);
    if let Some(fraction) = unsigned[end..].strip_prefix('.') {
        end += 1 + digits(fraction);
    }
    if let Some(exponent) = unsigned[end..].strip_prefix(['e', 'E']) {
        let signed = exponent.len() - exponent.strip_prefix(['-', '+']).unwrap_or(exponent).len();
        let length = digits(&exponent[signed..]);
        if length > 0 {
            end += 1 + signed + length;
        }
    }
    let number: f64 = unsigned[..end].parse().ok()?;
    number.is_finite().then_some((sign * number, &unsigned[end..]))
}

/// A whole number as SHOW writes it.
pub(super) fn show_whole(unit: Unit, number: i32) -> String {
    show(unit, f64::from(number)).unwrap_or_else(|| number.to_string())
}

/// A number with a fraction as SHOW writes it.
pub(super) fn show_real(unit: Unit, number: f64) -> String {
    show(unit, number).unwrap_or_else(|| general(number))
}

fn show(unit: Unit, number: f64) -> Option<String> {
    if number <= 0.0 {
        return None;
    }
    let whole = |(_, factor): &&(&str, f64)| *factor <= 1.0 || number % factor == 0.0;
    let (written, factor) = unit.written().iter().find(whole)?;
    Some(format!("{}{written}", general(number / factor)))
}

/// C's `%g`: six significant digits, without zeros at the end. Whole numbers are written out.
pub(super) fn general(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX) {
        return format!("{number:.0}");
    }
    let scientific = format!("{number:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let strip = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        return strip(&format!("{number:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", strip(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_shown_with_units() {
        let shown =
            |unit, value: &str| parse_whole("p", unit, (0, i32::MAX), value).map(|it| show_whole(unit, it));
        for (unit, value, expected) in [
            (Unit::Kilobytes, "64MB", "64MB"),
            (Unit::Kilobytes, "65536", "64MB"),
            (Unit::Kilobytes, "1.5 GB", "1536MB"),
            (Unit::Kilobytes, "100 kB", "100kB"),
            (Unit::Kilobytes, "2048B", "2kB"),
            (Unit::Blocks, "4GB", "4GB"),
            (Unit::Blocks, "3", "24kB"),
            (Unit::Milliseconds, "90s", "90s"),
            (Unit::Milliseconds, "1.5min", "90s"),
            (Unit::Milliseconds, "2500us", "2ms"),
            (Unit::Milliseconds, "0", "0"),
            (Unit::Plain, "0x10", "16"),
            (Unit::Plain, "1e2", "100"),
            (Unit::Plain, " 7 ", "7"),
        ] {
            assert_eq!(shown(unit, value).unwrap(), expected, "{value}");
        }
        for (unit, value) in [
            (Unit::Kilobytes, "abc"),
            (Unit::Kilobytes, "1mb"),
            (Unit::Plain, "1kB"),
            (Unit::Plain, ""),
            (Unit::Plain, "3000000000"),
            (Unit::Milliseconds, "-1"),
        ] {
            assert!(shown(unit, value).is_err(), "{value}");
        }
    }

    #[test]
    fn fractions_are_written_as_c_writes_them() {
        for (number, expected) in [
            (1.1, "1.1"),
            (0.0025, "0.0025"),
            (1e-5, "1e-05"),
            (f64::MAX, "1.79769e+308"),
            (100.0, "100"),
            (0.1 + 0.2, "0.3"),
        ] {
            assert_eq!(general(number), expected);
        }
    }
}

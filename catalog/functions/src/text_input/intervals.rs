//! Intervals from text: `1 year 2 mons`, `3 days 04:05:06`, `P1Y2M3DT4H`, `1-2`, `@ 1 minute ago`.

use super::{dates::fraction_to_micro, trim};
use crate::text_output::IntervalStyle;
use crate::{
    calendar::{DAY, HOUR, MINUTE, SECOND},
    error::{FunctionError, FunctionErrorKind},
};

/// Months, days and microseconds, each with a sign of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

/// 22008 as PostgreSQL words it.
pub fn interval_out_of_range() -> FunctionError {
    FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, "interval out of range")
}

/// `interval`. `default_unit` is that of a number without one: `second` unless the type says otherwise
/// (`interval '1' year`).
pub fn parse_interval(text: &str, default_unit: Option<&str>) -> Result<Interval, FunctionError> {
    parse_interval_in(text, default_unit, IntervalStyle::Postgres)
}

/// `interval` under an `IntervalStyle`: under `sql_standard` a leading minus holds for every field, if no other field
/// has a sign.
pub fn parse_interval_in(
    text: &str,
    default_unit: Option<&str>,
    style: IntervalStyle,
) -> Result<Interval, FunctionError> {
    let invalid = || {
        FunctionError::new(
            FunctionErrorKind::InvalidDatetimeFormat,
            format!("invalid input syntax for type interval: \"{text}\""),
        )
    };
    let out_of_range = || {
        FunctionError::new(
            FunctionErrorKind::IntervalFieldOverflow,
            format!("interval field value out of range: \"{text}\""),
        )
    };
    let trimmed = trim(text);
    let mut sum = Sum::default();
    if let Some(iso) = trimmed.strip_prefix('P') {
        return read_iso(iso, &mut sum)
            .ok_or_else(invalid)?
            .and_then(|()| sum.finish())
            .ok_or_else(out_of_range);
    }
    let words = trimmed.to_ascii_lowercase();
    let mut words: Vec<&str> = words.split_ascii_whitespace().collect();
    if words.first() == Some(&"@") {
        words.remove(0);
    }
    let ago = words.last() == Some(&"ago");
    if ago {
        words.pop();
    }
    // A sign may stand apart from its number.
    let joined = join_signs(&words);
    let mut words: Vec<&str> = joined.iter().map(String::as_str).collect();
    if words.is_empty() {
        return Err(invalid());
    }
    let one_sign = style == IntervalStyle::SqlStandard
        && words.first().is_some_and(|word| word.starts_with('-'))
        && !words.iter().skip(1).any(|word| word.starts_with(['+', '-']));
    if one_sign && let Some(first) = words.first_mut() {
        *first = first.trim_start_matches('-');
    }
    let ago = ago != one_sign;
    let mut seen = 0;
    let mut index = 0;
    while let Some(word) = words.get(index).copied() {
        index += 1;
        let split = word
            .char_indices()
            .find(|(at, character)| {
                !(character.is_ascii_digit()
                    || matches!(character, '.' | ':')
                    || (*at == 0 && matches!(character, '+' | '-')))
            })
            .map_or(word.len(), |(at, _)| at);
        let (value, rest) = word.split_at(split);
        if value.is_empty() {
            return Err(invalid());
        }
        let done = if value.contains(':') {
            if !rest.is_empty() || !is_first(CLOCK, &mut seen) {
                return Err(invalid());
            }
            let minutes_first = default_unit == Some("second_of_minute");
            sum.clock(value, minutes_first).ok_or_else(|| clock_error(value, text))?
        } else if let Some(months) = rest.strip_prefix('-') {
            // SQL's year-month: `1-2`.
            let negative = value.starts_with('-');
            let years: i64 = value.parse().map_err(|_| invalid())?;
            let months: i64 = months.parse().map_err(|_| invalid())?;
            if months >= 12 {
                return Err(out_of_range());
            }
            if !is_first(&["month"], &mut seen) {
                return Err(invalid());
            }
            years.checked_mul(12).and_then(|years| {
                sum.add("month", if negative { years - months } else { years + months }, 0.0)
            })
        } else {
            let unit = if !rest.is_empty() {
                rest
            } else {
                match words
                    .get(index)
                    .copied()
                    .filter(|next| next.starts_with(|first: char| first.is_ascii_alphabetic()))
                {
                    Some(unit) => {
                        index += 1;
                        unit
                    }
                    None if words.get(index).is_some_and(|next| next.contains(':')) => "day",
                    None => match default_unit {
                        None | Some("second_of_minute") => "second",
                        Some(unit) => unit,
                    },
                }
            };
            let (whole, fraction) = read_number(value).ok_or_else(invalid)?;
            let unit = unit_by_name(unit).ok_or_else(invalid)?;
            // A fraction of a second is of its parts too.
            let units = if unit == "second" && fraction != 0.0 { SECONDS } else { &[unit] };
            if !is_first(units, &mut seen) {
                return Err(invalid());
            }
            sum.add(unit, whole, fraction)
        };
        done.ok_or_else(out_of_range)?;
    }
    if ago {
        sum = Sum { months: -sum.months, days: -sum.days, microseconds: -sum.microseconds };
    }
    sum.finish().ok_or_else(out_of_range)
}

/// The units, by their bits in what has been seen.
const UNITS: [&str; 11] = [
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "decade",
    "century",
];
const SECONDS: &[&str] = &["microsecond", "millisecond", "second"];
const CLOCK: &[&str] = &["microsecond", "millisecond", "second", "minute", "hour"];

/// Whether none of these units has been seen before: no unit stands twice in an interval.
fn is_first(units: &[&str], seen: &mut u16) -> bool {
    let bit = |unit: &&str| 1_u16 << UNITS.iter().position(|known| known == unit).unwrap_or(UNITS.len());
    let bits = units.iter().map(bit).fold(0, |bits, bit| bits | bit);
    let first = *seen & bits == 0;
    *seen |= bits;
    first
}

/// The words with each sign that stands alone put before the number that follows.
fn join_signs(words: &[&str]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        match joined.last_mut() {
            Some(sign) if matches!(sign.as_str(), "+" | "-") => sign.push_str(word),
            _ => joined.push((*word).to_owned()),
        }
    }
    joined
}

/// A clock whose fields are numbers but too large is out of range, anything else is no interval.
fn clock_error(clock: &str, text: &str) -> FunctionError {
    if clock
        .trim_start_matches(['+', '-'])
        .split([':', '.'])
        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return FunctionError::new(
            FunctionErrorKind::IntervalFieldOverflow,
            format!("interval field value out of range: \"{text}\""),
        );
    }
    FunctionError::new(
        FunctionErrorKind::InvalidDatetimeFormat,
        format!("invalid input syntax for type interval: \"{text}\""),
    )
}

/// Wide sums, narrowed at the end.
#[derive(Debug, Default)]
struct Sum {
    months: i64,
    days: i64,
    microseconds: i64,
}

impl Sum {
    fn finish(self) -> Option<Interval> {
        Some(Interval {
            months: i32::try_from(self.months).ok()?,
            days: i32::try_from(self.days).ok()?,
            microseconds: self.microseconds,
        })
    }

    /// Adds `whole + fraction` units. A fraction goes down to the next smaller units, a month being 30 days.
    fn add(&mut self, unit: &str, whole: i64, fraction: f64) -> Option<()> {
        let months_per = |months: i64| -> Option<(i64, i64)> { Some((whole.checked_mul(months)?, months)) };
        match unit {
            "microsecond" => self.add_micro(whole, fraction, 1),
            "millisecond" => self.add_micro(whole, fraction, 1000),
            "second" => self.add_micro(whole, fraction, SECOND),
            "minute" => self.add_micro(whole, fraction, MINUTE),
            "hour" => self.add_micro(whole, fraction, HOUR),
            "day" => {
                self.days = self.days.checked_add(whole)?;
                self.add_micro(0, fraction, DAY)
            }
            "week" => {
                self.days = self.days.checked_add(whole.checked_mul(7)?)?;
                self.add_days(fraction * 7.0)
            }
            "month" => {
                self.months = self.months.checked_add(whole)?;
                self.add_days(fraction * 30.0)
            }
            _ => {
                let (months, per) = months_per(match unit {
                    "year" => 12,
                    "decade" => 120,
                    "century" => 1200,
                    "millennium" => 12_000,
                    _ => return None,
                })?;
                self.months = self.months.checked_add(months)?;
                self.months = self.months.checked_add(round(fraction * small(per))?)?;
                Some(())
            }
        }
    }

    fn add_days(&mut self, days: f64) -> Option<()> {
        self.days = self.days.checked_add(round(days.trunc())?)?;
        self.add_micro(0, days - days.trunc(), DAY)
    }

    fn add_micro(&mut self, whole: i64, fraction: f64, unit: i64) -> Option<()> {
        let micro = whole.checked_mul(unit)?.checked_add(round(fraction * small(unit))?)?;
        self.microseconds = self.microseconds.checked_add(micro)?;
        Some(())
    }

    /// `HH:MM[:SS[.ffffff]]`: outer `None` for a wrong form, inner for overflow.
    fn clock(&mut self, text: &str, minutes_first: bool) -> Option<Option<()>> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let parts: Vec<i64> = whole.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let (hours, minutes, seconds) = match parts.as_slice() {
            // With a fraction two parts are minutes and seconds.
            [minutes, seconds] if text.contains('.') || minutes_first => (0, *minutes, *seconds),
            [hours, minutes] => (*hours, *minutes, 0),
            [hours, minutes, seconds] => (*hours, *minutes, *seconds),
            _ => return None,
        };
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || minutes >= 60 || seconds > 60 {
            return None;
        }
        let micro = hours.checked_mul(HOUR).and_then(|hours| {
            hours.checked_add(minutes * MINUTE + seconds * SECOND + fraction_to_micro(fraction.as_bytes()))
        });
        let sum =
            micro.and_then(|micro| self.microseconds.checked_add(if negative { -micro } else { micro }));
        Some(sum.map(|sum| self.microseconds = sum))
    }
}

#[expect(clippy::cast_precision_loss, reason = "units are far below 2^53")]
fn small(unit: i64) -> f64 {
    unit as f64
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within 64 bits first")]
fn round(value: f64) -> Option<i64> {
    (value.abs() < 9e18).then(|| value.round_ties_even() as i64)
}

/// `-1.5` as `(-1, -0.5)`.
fn read_number(text: &str) -> Option<(i64, f64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let whole = match whole {
        "" | "+" | "-" if !fraction.is_empty() => 0,
        _ => whole.parse().ok()?,
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    Some((whole, if negative { -fraction } else { fraction }))
}

fn unit_by_name(name: &str) -> Option<&'static str> {
    Some(match name.trim_end_matches(',') {
        "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds" | "microsecon" => {
            "microsecond"
        }
        "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds" | "millisecon" => {
            "millisecond"
        }
        "s" | "sec" | "secs" | "second" | "seconds" => "second",
        "m" | "min" | "mins" | "minute" | "minutes" => "minute",
        "h" | "hr" | "hrs" | "hour" | "hours" => "hour",
        "d" | "day" | "days" => "day",
        "w" | "week" | "weeks" => "week",
        "mon" | "mons" | "month" | "months" => "month",
        "y" | "yr" | "yrs" | "year" | "years" => "year",
        "dec" | "decs" | "decade" | "decades" => "decade",
        "c" | "cent" | "century" | "centuries" => "century",
        "mil" | "mils" | "millennia" | "millennium" => "millennium",
        _ => return None,
    })
}

/// ISO 8601's form after the `P`: outer `None` for a wrong form, inner for overflow.
fn read_iso(text: &str, sum: &mut Sum) -> Option<Option<()>> {
    if let Some(done) = read_iso_alternative(text, sum) {
        return done;
    }
    let mut in_time = false;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time {
                return None;
            }
            in_time = true;
            rest = after;
            continue;
        }
        let length = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (value, after) = rest.split_at(length);
        let (letter, after) = after.split_at(1);
        let unit = match (in_time, letter) {
            (false, "Y") => "year",
            (false, "M") => "month",
            (false, "W") => "week",
            (false, "D") => "day",
            (true, "H") => "hour",
            (true, "M") => "minute",
            (true, "S") => "second",
            _ => return None,
        };
        let (whole, fraction) = read_number(value)?;
        if sum.add(unit, whole, fraction).is_none() {
            return Some(None);
        }
        rest = after;
    }
    Some(Some(()))
}

/// `0001-02-03T04:05:06` after the `P`; `None` if it is not of that form.
fn read_iso_alternative(text: &str, sum: &mut Sum) -> Option<Option<Option<()>>> {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let parts: Vec<&str> = date.split('-').collect();
    let [years, months, days] = parts.as_slice() else { return None };
    let number = |text: &str| -> Option<i64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (years, months, days) = (number(years)?, number(months)?, number(days)?);
    let added = sum.add("year", years, 0.0).and_then(|()| sum.add("month", months, 0.0));
    let added = added.and_then(|()| sum.add("day", days, 0.0));
    if time.is_empty() || added.is_none() {
        return Some(Some(added));
    }
    Some(sum.clock(time, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_in_many_forms() {
        let cases: [(&str, (i32, i32, i64)); 18] = [
            ("1 year 2 mons 3 days 04:05:06", (14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND)),
            ("1 day", (0, 1, 0)),
            ("-1 day 02:00", (0, -1, 2 * HOUR)),
            ("1.5 days", (0, 1, 12 * HOUR)),
            ("1.5 months", (1, 15, 0)),
            ("1.5 years", (18, 0, 0)),
            ("2 weeks", (0, 14, 0)),
            ("@ 1 minute ago", (0, 0, -MINUTE)),
            ("10", (0, 0, 10 * SECOND)),
            ("1-2", (14, 0, 0)),
            ("3 4:05", (0, 3, 4 * HOUR + 5 * MINUTE)),
            ("P1Y2M3DT4H5M6S", (14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND)),
            ("PT0.5S", (0, 0, SECOND / 2)),
            ("1h", (0, 0, HOUR)),
            ("1.000001 s", (0, 0, SECOND + 1)),
            ("-00:00:01", (0, 0, -SECOND)),
            ("1 century", (1200, 0, 0)),
            ("500 ms", (0, 0, SECOND / 2)),
        ];
        for (text, (months, days, microseconds)) in cases {
            assert_eq!(parse_interval(text, None), Ok(Interval { months, days, microseconds }), "{text}");
        }
        assert_eq!(parse_interval("3", Some("month")).map(|interval| interval.months), Ok(3));
        for text in ["", "x", "1 foo", "1 day x", "P", "99999999999 years"] {
            assert!(parse_interval(text, None).is_err(), "{text}");
        }
    }
}

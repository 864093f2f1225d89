//! Dates, times and timestamps from text. ISO 8601 has a fast road; everything else goes through fields as in
//! PostgreSQL's `ParseDateTime`/`DecodeDateTime` with the order month, day, year.
//!
//! The words `now`, `today`, `tomorrow` and `yesterday` are the caller's business: they need a clock.

use chrono_tz::Tz;

use super::trim;
use crate::{
    calendar::{self, DAY, HOUR, MINUTE, SECOND},
    error::{FunctionError, FunctionErrorKind},
};

/// The order of the numbers of a date that does not begin with its year: the second word of `DateStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// Month, day, year.
    #[default]
    Mdy,
    /// Day, month, year.
    Dmy,
    /// Year, month, day.
    Ymd,
}

/// `date`: days since 1970-01-01.
pub fn parse_date(text: &str) -> Result<i32, FunctionError> {
    parse_date_in(text, DateOrder::Mdy)
}

/// `date`, its numbers in this order.
pub fn parse_date_in(text: &str, order: DateOrder) -> Result<i32, FunctionError> {
    if let Some(days) = iso_date(text.as_bytes()) {
        return calendar::checked_date(days);
    }
    if let Some(positive) = infinity(text) {
        return Ok(if positive { calendar::DATE_INFINITY } else { calendar::DATE_MINUS_INFINITY });
    }
    let fields = Fields::read(text, "date")?;
    calendar::checked_date(fields.days(text, "date", order)?)
}

/// Whether the text is `infinity` (`true`) or `-infinity`.
fn infinity(text: &str) -> Option<bool> {
    match trim(text).to_ascii_lowercase().as_str() {
        "infinity" => Some(true),
        "-infinity" => Some(false),
        _ => None,
    }
}

fn infinite_timestamp(text: &str) -> Option<i64> {
    infinity(text).map(|positive| {
        if positive { calendar::TIMESTAMP_INFINITY } else { calendar::TIMESTAMP_MINUS_INFINITY }
    })
}

/// `timestamp`: microseconds since 1970-01-01. A zone in the text is read and ignored, as in PostgreSQL.
pub fn parse_timestamp(text: &str) -> Result<i64, FunctionError> {
    parse_timestamp_in(text, DateOrder::Mdy)
}

/// `timestamp`, its numbers in this order.
pub fn parse_timestamp_in(text: &str, order: DateOrder) -> Result<i64, FunctionError> {
    if let Some((days, time)) = iso_timestamp(text.as_bytes()) {
        return calendar::join_timestamp(days, time);
    }
    if let Some(infinite) = infinite_timestamp(text) {
        return Ok(infinite);
    }
    let fields = Fields::read(text, "timestamp")?;
    calendar::join_timestamp(fields.days(text, "timestamp", order)?, fields.time.unwrap_or(0))
}

/// `timestamptz`: microseconds since 1970-01-01 UTC. Without a zone in the text it is local to `zone`.
pub fn parse_timestamptz(text: &str, zone: Tz) -> Result<i64, FunctionError> {
    parse_timestamptz_in(text, zone, DateOrder::Mdy)
}

/// `timestamptz`, its numbers in this order.
pub fn parse_timestamptz_in(text: &str, zone: Tz, order: DateOrder) -> Result<i64, FunctionError> {
    if let Some((days, time)) = iso_timestamp(text.as_bytes()) {
        return calendar::local_to_utc(zone, calendar::join_timestamp(days, time)?);
    }
    if let Some(infinite) = infinite_timestamp(text) {
        return Ok(infinite);
    }
    let type_name = "timestamp with time zone";
    let fields = Fields::read(text, type_name)?;
    let local = calendar::join_timestamp(fields.days(text, type_name, order)?, fields.time.unwrap_or(0))?;
    match fields.zone {
        None => calendar::local_to_utc(zone, local),
        Some(Zone::Offset(seconds)) => {
            local.checked_sub(seconds * SECOND).ok_or_else(calendar::timestamp_out_of_range)
        }
        Some(Zone::Named(named)) => calendar::local_to_utc(named, local),
    }
}

/// `time`: microseconds since midnight; `24:00:00` is allowed.
pub fn parse_time(text: &str) -> Result<i64, FunctionError> {
    let type_name = "time";
    let fields = read_clock(text, type_name)?;
    fields.time.ok_or_else(|| invalid(text, type_name))
}

/// The fields of a time, which may be written without colons where no date can be meant: `040506`, `0405`.
fn read_clock(text: &str, type_name: &str) -> Result<Fields, FunctionError> {
    let bare = trim(text);
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let (clock, rest) = bare.split_at(digits);
    let follows = |signs: &[char]| rest.is_empty() || rest.starts_with(signs);
    let compact = match digits {
        6 => follows(&['.', ' ', '+', '-']),
        4 => follows(&[' ', '+']),
        _ => false,
    };
    if !compact {
        return Fields::read(text, type_name);
    }
    let parts: Vec<&str> = (0..digits / 2).filter_map(|part| clock.get(part * 2..part * 2 + 2)).collect();
    Fields::read(&format!("{}{rest}", parts.join(":")), type_name).map_err(|error| {
        if error.kind == FunctionErrorKind::DatetimeFieldOverflow {
            out_of_range(text)
        } else {
            invalid(text, type_name)
        }
    })
}

/// `timetz`: microseconds since midnight and seconds east of UTC; `None` if the text names no zone.
pub fn parse_timetz(text: &str) -> Result<(i64, Option<i64>), FunctionError> {
    let type_name = "time with time zone";
    let fields = read_clock(text, type_name)?;
    let time = fields.time.ok_or_else(|| invalid(text, type_name))?;
    let offset = match fields.zone {
        None => None,
        Some(Zone::Offset(seconds)) => Some(seconds),
        Some(Zone::Named(zone)) => {
            // A zone that changes its offset needs a date.
            let days = match fields.days(text, type_name, DateOrder::Mdy) {
                Ok(days) => days,
                Err(_) if calendar::offset_at(zone, 0) == calendar::offset_at(zone, 182 * DAY) => 0,
                Err(error) => return Err(error),
            };
            let moment = calendar::local_to_utc(zone, days * DAY + time)?;
            Some(calendar::offset_at(zone, moment))
        }
    };
    Ok((time, offset))
}

/// What a zone's text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Offset(i64),
    /// A zone of the IANA database.
    Named(Tz),
}

/// A zone as `AT TIME ZONE` and `SET TIME ZONE` name it: an IANA name, an abbreviation, or an offset. A bare offset in
/// these places is POSIX's, so `+01` and `UTC+1` are an hour *west* of Greenwich.
pub fn parse_zone(text: &str) -> Option<Zone> {
    let name = trim(text);
    if let Some(seconds) = calendar::abbreviation_offset(name) {
        return Some(Zone::Offset(seconds));
    }
    if let Some(zone) = calendar::zone_by_name(name) {
        return Some(Zone::Named(zone));
    }
    let at = name.find(['+', '-'])?;
    let (prefix, offset) = name.split_at(at);
    if !prefix.chars().all(|character| character.is_ascii_alphabetic()) {
        return None;
    }
    read_offset(offset).map(|seconds| Zone::Offset(-seconds))
}

fn invalid(text: &str, type_name: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::InvalidDatetimeFormat,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

fn out_of_range(text: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::DatetimeFieldOverflow,
        format!("date/time field value out of range: \"{text}\""),
    )
}

/// Of a month or day that no date has: PostgreSQL thinks of the other order first.
fn out_of_calendar(text: &str) -> FunctionError {
    out_of_range(text).with_hint("Perhaps you need a different \"datestyle\" setting.")
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// `YYYY-MM-DD` and nothing else.
fn iso_date(bytes: &[u8]) -> Option<i64> {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = bytes else { return None };
    let (year, month, day) = (number(&[*a, *b, *c, *d])?, number(&[*e, *f])?, number(&[*g, *h])?);
    let valid = year > 0
        && (1..=12).contains(&month)
        && day >= 1
        && (day <= 28 || day <= calendar::days_in_month(year, month));
    valid.then(|| calendar::days_from_civil(year, month, day))
}

/// `YYYY-MM-DD`, perhaps with ` HH:MM:SS` and a fraction, and nothing else.
fn iso_timestamp(bytes: &[u8]) -> Option<(i64, i64)> {
    let (date, rest) = bytes.split_at_checked(10)?;
    let days = iso_date(date)?;
    let [b' ' | b'T', a, b, b':', c, d, b':', e, f, fraction @ ..] = rest else {
        return rest.is_empty().then_some((days, 0));
    };
    let (hour, minute, second) = (number(&[*a, *b])?, number(&[*c, *d])?, number(&[*e, *f])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micro = match fraction {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 6 => {
            let missing = u32::try_from(6 - digits.len()).ok()?;
            number(digits)? * 10_i64.pow(missing)
        }
        _ => return None,
    };
    Some((days, hour * HOUR + minute * MINUTE + second * SECOND + micro))
}

/// A number of the date part, and whether it was a month's name.
#[derive(Debug, Clone, Copy)]
struct DateNumber {
    value: i64,
    digits: usize,
    is_month_name: bool,
}

#[derive(Debug, Default)]
struct Fields {
    numbers: Vec<DateNumber>,
    days: Option<i64>,
    time: Option<i64>,
    zone: Option<Zone>,
    before_christ: bool,
}

impl Fields {
    fn read(text: &str, type_name: &str) -> Result<Self, FunctionError> {
        let bytes = text.as_bytes();
        let mut fields = Self::default();
        let mut at = 0;
        let mut pending_hour: Option<usize> = None;
        let mut after_t = false;
        let bad = || invalid(text, type_name);
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            if byte.is_ascii_digit() {
                while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
                let digits = bytes.get(start..at).unwrap_or_default();
                match bytes.get(at) {
                    Some(b':') => {
                        while bytes
                            .get(at)
                            .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
                        {
                            at += 1;
                        }
                        let clock = bytes.get(start..at).unwrap_or_default();
                        let time = read_time(clock).ok_or_else(bad)?.ok_or_else(|| out_of_range(text))?;
                        if fields.time.replace(time).is_some() {
                            return Err(bad());
                        }
                    }
                    Some(delimiter @ (b'-' | b'/' | b'.'))
                        if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
                            && !(*delimiter == b'-'
                                && fields.time.is_some()
                                && fields.numbers.len() >= 3)
                            // `20011227 040506-08`: the time is written without colons.
                            && !(*delimiter == b'-'
                                && (fields.numbers.len() >= 3 || fields.days.is_some())
                                && matches!(digits.len(), 4 | 6))
                            && !(*delimiter == b'.' && after_t) =>
                    {
                        while bytes
                            .get(at)
                            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == delimiter)
                            && !(matches!(bytes.get(at), Some(b'T' | b't'))
                                && bytes.get(at - 1).is_some_and(u8::is_ascii_digit))
                        {
                            at += 1;
                        }
                        let parts = bytes.get(start..at).unwrap_or_default();
                        for part in parts.split(|byte| byte == delimiter) {
                            fields.push_part(part).ok_or_else(bad)?;
                        }
                    }
                    _ => fields.number_alone(digits, &mut after_t, &mut pending_hour).ok_or_else(bad)?,
                }
            } else if byte.is_ascii_alphabetic() {
                while bytes
                    .get(at)
                    .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_'))
                {
                    at += 1;
                }
                let word = text.get(start..at).unwrap_or_default();
                // `Jan-08-1999`: the name of a month, then a delimiter.
                if matches!(bytes.get(at), Some(b'-')) && month_by_name(word).is_some() {
                    at += 1;
                }
                at += fields
                    .word(word, bytes.get(at..).unwrap_or_default(), &mut after_t, &mut pending_hour)
                    .ok_or_else(|| special_or(word, bad()))?;
            } else if matches!(byte, b'+' | b'-') {
                at += 1;
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b':') {
                    at += 1;
                }
                let offset = text.get(start..at).unwrap_or_default();
                if fields.time.is_none() && !fields.numbers.is_empty() && fields.numbers.len() < 3 {
                    // `08-Jan -1999` and the like: the sign is a delimiter.
                    fields.push_part(offset.trim_start_matches(['+', '-']).as_bytes()).ok_or_else(bad)?;
                } else {
                    let seconds = read_offset(offset).ok_or_else(|| {
                        let digits = offset.trim_start_matches(['+', '-']).len();
                        if (1..=8).contains(&digits) { displacement(text) } else { bad() }
                    })?;
                    fields.zone = Some(Zone::Offset(seconds));
                }
            } else if byte.is_ascii_whitespace() || byte == b',' {
                at += 1;
            } else {
                return Err(bad());
            }
        }
        let empty = fields.numbers.is_empty() && fields.days.is_none() && fields.time.is_none();
        if empty || pending_hour.is_some_and(|count| fields.numbers.len() < count) {
            return Err(bad());
        }
        Ok(fields)
    }

    fn push_part(&mut self, part: &[u8]) -> Option<()> {
        if part.first()?.is_ascii_alphabetic() {
            let month = month_by_name(std::str::from_utf8(part).ok()?)?;
            self.numbers.push(DateNumber { value: month, digits: 0, is_month_name: true });
        } else {
            self.numbers.push(DateNumber { value: number(part)?, digits: part.len(), is_month_name: false });
        }
        Some(())
    }

    /// A number that stands alone: a compact date or time, or a part of a date in words.
    fn number_alone(
        &mut self,
        digits: &[u8],
        after_t: &mut bool,
        pending_hour: &mut Option<usize>,
    ) -> Option<()> {
        let has_date = self.numbers.len() >= 3 || self.days.is_some();
        if (*after_t || has_date)
            && self.time.is_none()
            && matches!(digits.len(), 2 | 4 | 6)
            && (*after_t || digits.len() != 2)
        {
            let hour = number(digits.get(..2)?)?;
            let minute = digits.get(2..4).map_or(Some(0), number)?;
            let second = digits.get(4..6).map_or(Some(0), number)?;
            *after_t = false;
            self.time = Some(clock(hour, minute, second, 0)?);
            return Some(());
        }
        if !has_date && self.numbers.is_empty() && matches!(digits.len(), 6 | 8) {
            let year_digits = digits.len() - 4;
            for range in [0..year_digits, year_digits..year_digits + 2, year_digits + 2..digits.len()] {
                let part = digits.get(range)?;
                self.numbers.push(DateNumber {
                    value: number(part)?,
                    digits: part.len(),
                    is_month_name: false,
                });
            }
            // Year first: keep it recognisable even with two digits.
            if year_digits == 2 {
                let year = self.numbers.first_mut()?;
                year.value = two_digit_year(year.value);
                year.digits = 4;
            }
            return Some(());
        }
        *pending_hour = Some(self.numbers.len() + 1);
        self.push_part(digits)
    }

    /// A word; gives how many more bytes it took.
    fn word(
        &mut self,
        word: &str,
        rest: &[u8],
        after_t: &mut bool,
        pending_hour: &mut Option<usize>,
    ) -> Option<usize> {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "t" => {
                *after_t = true;
                return Some(0);
            }
            "at" | "on" | "th" | "st" | "nd" | "rd" => return Some(0),
            "epoch" => {
                self.days = Some(0);
                self.time = Some(0);
                self.zone = Some(Zone::Offset(0));
                return Some(0);
            }
            "allballs" => {
                self.time = Some(0);
                return Some(0);
            }
            "ad" => return Some(0),
            "bc" => {
                self.before_christ = true;
                return Some(0);
            }
            "am" | "pm" => {
                if self.time.is_none() {
                    // `10 AM`: the number before was an hour.
                    let hour = self.numbers.pop()?;
                    *pending_hour = None;
                    self.time = Some(clock(hour.value, 0, 0, 0)?);
                }
                let time = self.time?;
                let hours = time / HOUR;
                if hours > 12 {
                    return None;
                }
                self.time = Some(match (lower.as_str(), hours) {
                    ("am", 12) => time - 12 * HOUR,
                    ("pm", 0..=11) => time + 12 * HOUR,
                    _ => time,
                });
                return Some(0);
            }
            "j" | "jd" | "julian" => {
                let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.days = Some(number(rest.get(..length)?)? + calendar::DATE_MIN);
                return Some(length);
            }
            _ => {}
        }
        if let Some(month) = month_by_name(&lower) {
            self.numbers.push(DateNumber { value: month, digits: 0, is_month_name: true });
            return Some(0);
        }
        if is_day_name(&lower) {
            return Some(0);
        }
        if let Some(seconds) = calendar::abbreviation_offset(word) {
            // `UTC+2` is POSIX's: two hours west.
            if matches!(rest.first(), Some(b'+' | b'-')) {
                let length = 1 + rest
                    .iter()
                    .skip(1)
                    .take_while(|byte| byte.is_ascii_digit() || **byte == b':')
                    .count();
                let offset = std::str::from_utf8(rest.get(..length)?).ok().and_then(read_offset)?;
                self.zone = Some(Zone::Offset(-offset));
                return Some(length);
            }
            self.zone = Some(Zone::Offset(seconds));
            return Some(0);
        }
        // Names such as `Etc/GMT+5` go on with a sign and digits.
        if word.contains('/') {
            let length = rest
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_'))
                .count();
            let longer = format!("{word}{}", std::str::from_utf8(rest.get(..length)?).ok()?);
            if let Some(zone) = calendar::zone_by_name(&longer) {
                self.zone = Some(Zone::Named(zone));
                return Some(length);
            }
        }
        self.zone = Some(Zone::Named(calendar::zone_by_name(word)?));
        Some(0)
    }

    fn days(&self, text: &str, type_name: &str, order: DateOrder) -> Result<i64, FunctionError> {
        if let Some(days) = self.days {
            return Ok(days);
        }
        let (mut year, month, day, year_digits) = match self.numbers.as_slice() {
            // Year and day of the year.
            [year, day] if year.digits >= 3 && day.digits == 3 => {
                let last = if calendar::is_leap_year(year.value) { 366 } else { 365 };
                if !(1..=last).contains(&day.value) {
                    return Err(out_of_range(text));
                }
                return Ok(calendar::days_from_civil(year.value, 1, 1) + day.value - 1);
            }
            [a, b, c] => {
                let (year, month, day) = if a.is_month_name {
                    if b.digits >= 3 { (b, a, c) } else { (c, a, b) }
                } else if b.is_month_name {
                    if a.digits >= 3 || (order == DateOrder::Ymd && c.digits < 3) {
                        (a, b, c)
                    } else {
                        (c, b, a)
                    }
                } else if c.is_month_name {
                    if a.digits >= 3 { (a, c, b) } else { (b, c, a) }
                } else if a.digits >= 3 {
                    (a, b, c)
                } else {
                    match order {
                        DateOrder::Mdy => (c, a, b),
                        DateOrder::Dmy => (c, b, a),
                        DateOrder::Ymd => (a, b, c),
                    }
                };
                (year.value, month.value, day.value, year.digits)
            }
            some => return Err(self.incomplete(some, text, type_name, order)),
        };
        if self.before_christ {
            if year <= 0 {
                return Err(out_of_range(text));
            }
            year = 1 - year;
        } else if year_digits <= 2 {
            year = two_digit_year(year);
        } else if year == 0 {
            return Err(out_of_range(text));
        }
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(out_of_calendar(text));
        }
        if day > calendar::days_in_month(year, month) {
            return Err(out_of_range(text));
        }
        if !(-4713..=5_874_897).contains(&year) {
            return Err(if type_name == "date" {
                calendar::date_out_of_range_of(text)
            } else {
                out_of_range(text)
            });
        }
        Ok(calendar::days_from_civil(year, month, day))
    }
}

impl Fields {
    /// A date that lacks a part: the fields that it has are judged first.
    fn incomplete(
        &self,
        numbers: &[DateNumber],
        text: &str,
        type_name: &str,
        order: DateOrder,
    ) -> FunctionError {
        let wrong = match numbers {
            [one] if !one.is_month_name && one.digits < 3 => match order {
                DateOrder::Mdy => !(1..=12).contains(&one.value),
                DateOrder::Dmy => !(1..=31).contains(&one.value),
                DateOrder::Ymd => false,
            },
            _ => false,
        };
        if wrong { out_of_calendar(text) } else { invalid(text, type_name) }
    }
}

/// 22009 as PostgreSQL words it.
fn displacement(text: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::InvalidTimeZoneDisplacement,
        format!("time zone displacement out of range: \"{text}\""),
    )
}

/// A word with a slash can only be a zone's name.
fn special_or(word: &str, otherwise: FunctionError) -> FunctionError {
    if word.contains('/') {
        return FunctionError::invalid_parameter(format!(
            "time zone \"{}\" not recognized",
            word.to_ascii_lowercase()
        ));
    }
    otherwise
}

fn two_digit_year(year: i64) -> i64 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// `HH:MM[:SS[.ffffff]]`: outer `None` for a wrong form, inner for a field out of range.
fn read_time(bytes: &[u8]) -> Option<Option<i64>> {
    let (whole, fraction) = match bytes.iter().position(|byte| *byte == b'.') {
        Some(point) => (bytes.get(..point)?, bytes.get(point + 1..)?),
        None => (bytes, &b""[..]),
    };
    let mut parts = whole.split(|byte| *byte == b':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(clock(hour, minute, second, fraction_to_micro(fraction)))
}

/// Digits after a decimal point as microseconds, rounded.
pub(super) fn fraction_to_micro(digits: &[u8]) -> i64 {
    let mut value = 0;
    for index in 0..6 {
        value = value * 10 + digits.get(index).map_or(0, |byte| i64::from(byte - b'0'));
    }
    value + i64::from(digits.get(6).is_some_and(|byte| *byte >= b'5'))
}

fn clock(hour: i64, minute: i64, second: i64, micro: i64) -> Option<i64> {
    let time = hour * HOUR + minute * MINUTE + second * SECOND + micro;
    (hour <= 24 && minute < 60 && second <= 60 && time <= DAY).then_some(time)
}

/// `+01`, `-0530`, `+05:30`, `+01:12:12` in seconds.
fn read_offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes, seconds) = if digits.contains(&b':') {
        let mut parts = digits.split(|byte| *byte == b':');
        let hours = number(parts.next()?)?;
        let minutes = number(parts.next()?)?;
        (hours, minutes, parts.next().map_or(Some(0), number)?)
    } else {
        match digits.len() {
            1 | 2 => (number(digits)?, 0, 0),
            3 | 4 => {
                let (hours, minutes) = digits.split_at(digits.len() - 2);
                (number(hours)?, number(minutes)?, 0)
            }
            6 => (number(digits.get(..2)?)?, number(digits.get(2..4)?)?, number(digits.get(4..6)?)?),
            _ => return None,
        }
    };
    (hours <= 15 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

/// The number of a month by its name or the first three letters of it (`sept` too).
pub fn month_by_name(name: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = name.to_ascii_lowercase();
    let index = MONTHS
        .iter()
        .position(|month| *month == lower || (lower.len() == 3 && month.starts_with(lower.as_str())))
        .or_else(|| (lower == "sept").then_some(8))?;
    i64::try_from(index).ok().map(|index| index + 1)
}

fn is_day_name(lower: &str) -> bool {
    matches!(
        lower,
        "mon"
            | "monday"
            | "tue"
            | "tues"
            | "tuesday"
            | "wed"
            | "weds"
            | "wednesday"
            | "thu"
            | "thur"
            | "thurs"
            | "thursday"
            | "fri"
            | "friday"
            | "sat"
            | "saturday"
            | "sun"
            | "sunday"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text_output::{write_date, write_timestamp};

    fn date(text: &str) -> Result<String, FunctionErrorKind> {
        parse_date(text)
            .map(|days| {
                let mut out = Vec::new();
                write_date(days, &mut out);
                String::from_utf8(out).unwrap()
            })
            .map_err(|error| error.kind)
    }

    fn moment(result: Result<i64, FunctionError>) -> Result<String, FunctionErrorKind> {
        result
            .map(|timestamp| {
                let mut out = Vec::new();
                write_timestamp(timestamp, &mut out);
                String::from_utf8(out).unwrap()
            })
            .map_err(|error| error.kind)
    }

    #[test]
    fn dates_in_many_forms() {
        for (text, expected) in [
            ("1999-01-08", "1999-01-08"),
            (" 1999-1-8 ", "1999-01-08"),
            ("January 8, 1999", "1999-01-08"),
            ("1/8/1999", "1999-01-08"),
            ("1/8/99", "1999-01-08"),
            ("1999-Jan-08", "1999-01-08"),
            ("Jan-08-1999", "1999-01-08"),
            ("08-Jan-1999", "1999-01-08"),
            ("8 Jan 1999", "1999-01-08"),
            ("19990108", "1999-01-08"),
            ("990108", "1999-01-08"),
            ("1999.008", "1999-01-08"),
            ("J2451187", "1999-01-08"),
            ("1999-01-08 04:05:06", "1999-01-08"),
            ("January 8, 99 BC", "0099-01-08 BC"),
            ("2024-02-29", "2024-02-29"),
            ("Mon 23 November 2026", "2026-11-23"),
        ] {
            assert_eq!(date(text).as_deref(), Ok(expected), "{text}");
        }
        use FunctionErrorKind as K;
        for (text, kind) in [
            ("2023-02-29", K::DatetimeFieldOverflow),
            ("2026-13-01", K::DatetimeFieldOverflow),
            ("abc", K::InvalidDatetimeFormat),
            ("", K::InvalidDatetimeFormat),
            ("2026-11", K::InvalidDatetimeFormat),
            ("12:00", K::InvalidDatetimeFormat),
        ] {
            assert_eq!(date(text), Err(kind), "{text}");
        }
    }

    #[test]
    fn timestamps_and_zones() {
        for (text, expected) in [
            ("2026-11-23", "2026-11-23 00:00:00"),
            ("2026-11-23T10:11:12.5", "2026-11-23 10:11:12.5"),
            ("2026-11-23T10:11:12.5Z", "2026-11-23 10:11:12.5"),
            ("2026-11-23 10:11", "2026-11-23 10:11:00"),
            ("20261123T101112", "2026-11-23 10:11:12"),
            ("2026-11-23 10:11:12 PM", "2026-11-23 22:11:12"),
            ("2026-11-23 24:00:00", "2026-11-24 00:00:00"),
            ("Nov 23 10:11:12 2026", "2026-11-23 10:11:12"),
            ("epoch", "1970-01-01 00:00:00"),
        ] {
            assert_eq!(moment(parse_timestamp(text)).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("2026-07-01 12:00:00", "2026-07-01 10:00:00"),
            ("2026-07-01 12:00:00+00", "2026-07-01 12:00:00"),
            ("2026-07-01 12:00:00-0530", "2026-07-01 17:30:00"),
            ("2026-07-01T12:00:00+01:30", "2026-07-01 10:30:00"),
            ("2026-07-01 12:00 America/New_York", "2026-07-01 16:00:00"),
            ("2026-07-01 12:00 CET", "2026-07-01 11:00:00"),
        ] {
            assert_eq!(
                moment(parse_timestamptz(text, Tz::Europe__Stockholm)).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("04:05"), Ok(4 * HOUR + 5 * MINUTE));
        assert_eq!(parse_time("04:05 PM"), Ok(16 * HOUR + 5 * MINUTE));
        assert_eq!(parse_time("24:00"), Ok(DAY));
        assert!(parse_time("25:00").is_err());
        assert_eq!(parse_timetz("04:05+02"), Ok((4 * HOUR + 5 * MINUTE, Some(7200))));
    }
}

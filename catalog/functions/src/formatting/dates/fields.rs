//! The fields that `to_date` and `to_timestamp` find in a text, and the moment that they make.

use chrono_tz::Tz;

use super::{DAYS, Keyword, MONTHS, ROMAN};
use crate::{
    calendar::{self, SECOND},
    dates::iso_day_of_week,
    error::{FunctionError, FunctionErrorKind},
};

/// How a template counts days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convention {
    Gregorian,
    /// Years, weeks and days of ISO 8601.
    WeekDate,
}

/// What a text gave by a template.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    convention: Option<Convention>,
    year: Option<i64>,
    iso_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    iso_week: Option<i64>,
    week: Option<i64>,
    week_of_month: Option<i64>,
    iso_day: Option<i64>,
    julian: Option<i64>,
    century: Option<i64>,
    hour: i64,
    /// The hour is of 12, and the half of the day.
    twelve: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    /// In microseconds.
    millisecond: i64,
    microsecond: i64,
    seconds_of_day: Option<i64>,
    before_christ: bool,
    offset_sign: i64,
    offset: Option<i64>,
}

const OUT_OF_RANGE: &str = "date/time field value out of range";

fn out_of_range(text: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, format!("{OUT_OF_RANGE}: \"{text}\""))
}

/// The error of one field, as one of the text that it was found in.
pub fn of_whole_text(error: FunctionError, text: &str) -> FunctionError {
    if error.message.starts_with(OUT_OF_RANGE) { out_of_range(text) } else { error }
}

fn invalid(value: &str, keyword: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::InvalidDatetimeFormat,
        format!("invalid value \"{value}\" for \"{keyword}\""),
    )
}

impl Fields {
    /// A template counts in years and months or in weeks of ISO 8601, not in both.
    fn convene(&mut self, keyword: Keyword) -> Result<(), FunctionError> {
        use Keyword as K;
        let convention = match keyword {
            K::IsoYear(_) | K::IsoWeek | K::IsoDayOfWeek | K::IsoDayOfYear => Convention::WeekDate,
            K::Year(_)
            | K::YearComma
            | K::MonthName(_)
            | K::MonthShort(_)
            | K::Month
            | K::RomanMonth(_)
            | K::DayOfYear
            | K::Day
            | K::DayOfWeek
            | K::WeekOfMonth
            | K::WeekOfYear => Convention::Gregorian,
            _ => return Ok(()),
        };
        if *self.convention.get_or_insert(convention) == convention {
            return Ok(());
        }
        Err(FunctionError::new(
            FunctionErrorKind::InvalidDatetimeFormat,
            "invalid combination of date conventions",
        )
        .with_hint("Do not mix Gregorian and ISO week date conventions in a formatting template."))
    }

    pub(super) fn take<'t>(
        &mut self,
        keyword: Keyword,
        text: &'t str,
        open: bool,
    ) -> Result<&'t str, FunctionError> {
        use Keyword as K;
        self.convene(keyword)?;
        match keyword {
            K::Meridiem { dots, .. } => {
                let length = if dots { 4 } else { 2 };
                let word = text.get(..length).unwrap_or(text);
                self.afternoon = match word.to_ascii_lowercase().replace('.', "").as_str() {
                    "am" => Some(false),
                    "pm" => Some(true),
                    _ => return Err(invalid(word, "AM")),
                };
                return Ok(&text[word.len()..]);
            }
            K::Era { dots, .. } => {
                let length = if dots { 4 } else { 2 };
                let word = text.get(..length).unwrap_or(text);
                self.before_christ = match word.to_ascii_lowercase().replace('.', "").as_str() {
                    "bc" => true,
                    "ad" => false,
                    _ => return Err(invalid(word, "BC")),
                };
                return Ok(&text[word.len()..]);
            }
            K::MonthName(_) | K::MonthShort(_) => {
                let (index, rest) = one_of(&MONTHS, text, matches!(keyword, K::MonthShort(_)))
                    .ok_or_else(|| invalid(word_of(text), "MONTH"))?;
                self.month = Some(index + 1);
                return Ok(rest);
            }
            K::DayName(_) | K::DayShort(_) => {
                let (_, rest) = one_of(&DAYS, text, matches!(keyword, K::DayShort(_)))
                    .ok_or_else(|| invalid(word_of(text), "DAY"))?;
                return Ok(rest);
            }
            K::RomanMonth(_) => {
                let word = word_of(text);
                let index = ROMAN.iter().position(|roman| roman.eq_ignore_ascii_case(word));
                let index = index.ok_or_else(|| invalid(word, "RM"))?;
                self.month = i64::try_from(index + 1).ok();
                return Ok(&text[word.len()..]);
            }
            K::ZoneName(_) | K::Offset => {
                return Err(FunctionError::new(
                    FunctionErrorKind::FeatureNotSupported,
                    "formatting field \"TZ\" is only supported in to_char",
                ));
            }
            K::ZoneHours => {
                let (sign, digits) = match text.strip_prefix('-') {
                    Some(digits) => (-1, digits),
                    None => (1, text.strip_prefix('+').unwrap_or(text)),
                };
                let (hours, _, rest) = number(digits, if open { None } else { Some(2) }, keyword)?;
                self.offset_sign = sign;
                self.offset = Some(sign * hours * 3600);
                return Ok(rest);
            }
            _ => {}
        }
        let (value, digits, rest) = number(text, if open { None } else { Some(keyword.width()) }, keyword)?;
        let digits_text = text;
        match keyword {
            K::Hour12 => (self.hour, self.twelve) = (value, true),
            K::Hour24 => self.hour = value,
            K::Minute => self.minute = value,
            K::Second => self.second = value,
            K::Millisecond | K::Microsecond | K::Fraction(_) => {
                let most = if keyword == K::Millisecond { 3 } else { 6 };
                if digits > most {
                    return Err(out_of_range(text));
                }
                let shown = digits;
                let kept: i64 = digits_text.get(..shown).and_then(|kept| kept.parse().ok()).unwrap_or(0);
                let kept = kept * 10_i64.pow(u32::try_from(6 - shown).unwrap_or(0));
                // The two add up.
                match keyword {
                    K::Millisecond => self.millisecond = kept,
                    _ => self.microsecond = kept,
                }
            }
            K::SecondsOfDay => self.seconds_of_day = Some(value),
            K::Year(wanted) => self.year = Some(complete_year(value, wanted, digits)),
            K::IsoYear(wanted) => self.iso_year = Some(complete_year(value, wanted, digits)),
            K::YearComma => {
                let rest = rest.strip_prefix(',').unwrap_or(rest);
                let (thousands, _, rest) = number(rest, Some(3), keyword)?;
                self.year = Some(value * 1000 + thousands);
                return Ok(rest);
            }
            // Zero is no month and no day: as if it were not given.
            K::Month => self.month = Some(value).filter(|month| *month != 0),
            K::Day => self.day = Some(value).filter(|day| *day != 0),
            K::DayOfYear => self.day_of_year = Some(value).filter(|day| *day != 0),
            K::IsoDayOfYear => {
                (self.iso_week, self.iso_day) = (Some((value - 1) / 7 + 1), Some((value - 1) % 7 + 1));
            }
            K::DayOfWeek => {}
            K::IsoDayOfWeek => self.iso_day = Some(value),
            K::WeekOfMonth => self.week_of_month = Some(value).filter(|week| *week != 0),
            K::WeekOfYear => self.week = Some(value),
            K::IsoWeek => self.iso_week = Some(value),
            K::Century => self.century = Some(value),
            K::Julian => self.julian = Some(value),
            K::Quarter => {}
            K::ZoneMinutes => {
                let hours = self.offset.unwrap_or(0);
                self.offset = Some(hours + self.offset_sign.max(-1) * value * 60);
            }
            K::Meridiem { .. }
            | K::Era { .. }
            | K::MonthName(_)
            | K::MonthShort(_)
            | K::DayName(_)
            | K::DayShort(_)
            | K::RomanMonth(_)
            | K::ZoneName(_)
            | K::ZoneHours
            | K::Offset => {}
        }
        Ok(rest)
    }

    pub(super) fn days(&self) -> Result<i64, FunctionError> {
        if let Some(julian) = self.julian {
            return Ok(julian - 2_440_588);
        }
        if let (Some(year), Some(week)) = (self.iso_year, self.iso_week) {
            if !(1..=53).contains(&week) {
                return Err(out_of_range(&week.to_string()));
            }
            let fourth = calendar::days_from_civil(year, 1, 4);
            let monday = fourth - (iso_day_of_week(fourth) - 1);
            return Ok(monday + (week - 1) * 7 + self.iso_day.unwrap_or(1) - 1);
        }
        let mut year = match (self.year, self.century) {
            (Some(year), _) => year,
            (None, Some(century)) => (century - 1) * 100 + 1,
            // PostgreSQL's year 0 of an absent year is 1 BC.
            (None, None) => 0,
        };
        if self.before_christ && self.year.is_some() {
            year = 1 - year;
        } else if self.year.is_some_and(|year| year < 0) {
            year += 1;
        }
        if let Some(day) = self.day_of_year {
            let length = if calendar::is_leap_year(year) { 366 } else { 365 };
            if !(1..=length).contains(&day) {
                return Err(out_of_range(&day.to_string()));
            }
            return Ok(calendar::days_from_civil(year, 1, 1) + day - 1);
        }
        if let Some(week) = self.week {
            return Ok(calendar::days_from_civil(year, 1, 1) + (week - 1) * 7);
        }
        let first_of_week = self.week_of_month.map(|week| (week - 1) * 7 + 1);
        let (month, day) = (self.month.unwrap_or(1), first_of_week.or(self.day).unwrap_or(1));
        if !(1..=12).contains(&month) || day < 1 || day > calendar::days_in_month(year, month) {
            return Err(out_of_range(&format!("{year:04}-{month:02}-{day:02}")));
        }
        Ok(calendar::days_from_civil(year, month, day))
    }

    /// The date, for `to_date`.
    pub fn into_date(self) -> Result<i32, FunctionError> {
        calendar::checked_date(self.days()?)
    }

    /// The timestamp, for `to_timestamp`; a zone in the text comes before the session's.
    pub fn into_timestamp(self, zone: Tz) -> Result<i64, FunctionError> {
        let local = calendar::join_timestamp(self.days()?, self.time_of_day()?)?;
        match self.offset {
            Some(offset) => Ok(local - offset * SECOND),
            None => calendar::local_to_utc(zone, local),
        }
    }

    /// The hour of 24.
    fn hour_of_day(&self) -> Result<i64, FunctionError> {
        let hour = self.hour;
        if self.twelve && !(1..=12).contains(&hour) {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidDatetimeFormat,
                format!("hour \"{hour}\" is invalid for the 12-hour clock"),
            )
            .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
        }
        Ok(match self.afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            None if self.twelve && hour == 12 => 0,
            _ => hour,
        })
    }

    /// Microseconds since midnight.
    pub(super) fn time_of_day(&self) -> Result<i64, FunctionError> {
        let hour = self.hour_of_day()?;
        let seconds = self.seconds_of_day.unwrap_or(hour * 3600 + self.minute * 60 + self.second);
        if hour > 23 || self.minute > 59 || self.second > 59 || !(0..86_400).contains(&seconds) {
            return Err(out_of_range(&format!("{hour:02}:{:02}:{:02}", self.minute, self.second)));
        }
        Ok(seconds * SECOND + self.millisecond + self.microsecond)
    }

    /// Seconds east of UTC, if the text has a zone.
    pub(super) fn offset(&self) -> Option<i64> {
        self.offset
    }
}

/// Years of one to three digits, where the template wants so few, are the nearest to 2020
/// (`adjust_partial_year_to_2020`).
fn complete_year(year: i64, wanted: usize, digits: usize) -> i64 {
    match year {
        _ if wanted >= 4 || digits >= 4 => year,
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

/// What helps where fields have no fixed width.
const FILL_HINT: &str = "If your source string is not fixed-width, try using the \"FM\" modifier.";

/// A number of just so many characters, or as long as it is; its value, its length and what follows.
fn number(text: &str, width: Option<usize>, keyword: Keyword) -> Result<(i64, usize, &str), FunctionError> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let wide = width.unwrap_or(usize::MAX).saturating_sub(sign);
    let digits = text.bytes().skip(sign).take(wide).take_while(u8::is_ascii_digit).count();
    let name = keyword.name();
    let end = sign + digits;
    if let Some(width) = width {
        if text.len() < width {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidDatetimeFormat,
                format!("source string too short for \"{name}\" formatting field"),
            )
            .with_detail(format!("Field requires {width} characters, but only {} remain.", text.len()))
            .with_hint(FILL_HINT));
        }
        if digits > 0 && end < width {
            let detail = format!("Field requires {width} characters, but only {end} could be parsed.");
            return Err(invalid(text.get(..width).unwrap_or(text), name)
                .with_detail(detail)
                .with_hint(FILL_HINT));
        }
    }
    if digits == 0 {
        let shown: String = text.chars().take(keyword.width()).collect();
        return Err(invalid(&shown, name).with_detail("Value must be an integer."));
    }
    let value = text[..end].parse::<i32>().map_err(|_| {
        let message = format!("value for \"{name}\" in source string is out of range");
        FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, message)
            .with_detail("Value must be in the range -2147483648 to 2147483647.")
    })?;
    Ok((value.into(), end, &text[end..]))
}

fn word_of(text: &str) -> &str {
    let end = text.find(|one: char| !one.is_alphabetic()).unwrap_or(text.len());
    &text[..end]
}

/// Which name the text begins with, in any case.
fn one_of<'t>(names: &[&str], text: &'t str, short: bool) -> Option<(i64, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if short { &name[..3] } else { name };
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (i64::try_from(index).unwrap_or(0), &text[name.len()..]))
    })
}

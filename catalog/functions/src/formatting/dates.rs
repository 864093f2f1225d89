//! Templates of dates and times: `to_char(now(), 'YYYY-MM-DD')`, `to_date`, `to_timestamp`. Keywords are PostgreSQL's
//! (`formatting.c`): the case of a textual keyword is the case of what it writes, `FM` before one drops its padding,
//! `TH` after one adds an ordinal. `TZH`, `OF` and `TZ` write the zone that the moment was asked for in.

mod fields;
mod standard;

use arrow::datatypes::IntervalMonthDayNano;
use chrono_tz::Tz;

pub use self::{
    fields::{Fields, of_whole_text},
    standard::Standard,
};

use crate::{
    calendar::{self, HOUR, MINUTE, SECOND},
    dates::{interval_parts, iso_day_of_week, iso_week},
    error::{FunctionError, FunctionErrorKind},
};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
/// The width of the longest month's and day's name: what is padded to.
const NAME_WIDTH: usize = 9;

/// A moment in its parts; an interval's parts stand in the same places.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    microsecond: i64,
    /// Days since 1970; absent for intervals.
    days: Option<i64>,
    /// Seconds east of UTC and the zone's abbreviation, where there is a zone.
    zone: Option<(i64, String)>,
}

impl Moment {
    /// A timestamp without time zone, in microseconds since 1970.
    pub fn of_timestamp(timestamp: i64) -> Self {
        let (days, time) = calendar::split_timestamp(timestamp);
        let (year, month, day) = calendar::civil_from_days(days);
        Self {
            year,
            month,
            day,
            hour: time / HOUR,
            minute: time % HOUR / MINUTE,
            second: time % MINUTE / SECOND,
            microsecond: time % SECOND,
            days: Some(days),
            zone: None,
        }
    }

    /// A timestamp with time zone, shown in a zone.
    pub fn in_zone(timestamp: i64, zone: Tz) -> Self {
        let offset = calendar::offset_at(zone, timestamp);
        let (abbreviation, _) = calendar::abbreviation_at(zone, timestamp);
        let local = Self::of_timestamp(calendar::utc_to_local(zone, timestamp));
        Self { zone: Some((offset, abbreviation)), ..local }
    }

    /// An interval.
    pub fn of_interval(interval: IntervalMonthDayNano) -> Self {
        let parts = interval_parts(interval);
        let time = parts.microseconds;
        Self {
            year: i64::from(parts.months) / 12,
            month: i64::from(parts.months) % 12,
            day: parts.days.into(),
            hour: time / HOUR,
            minute: time % HOUR / MINUTE,
            second: time % MINUTE / SECOND,
            microsecond: time % SECOND,
            days: None,
            zone: None,
        }
    }

    /// The year as people write it: there is no year 0.
    fn shown_year(&self) -> i64 {
        if self.year <= 0 && self.days.is_some() { 1 - self.year } else { self.year }
    }
}

/// How a textual keyword is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Capital,
    Lower,
}

/// A keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Fraction(u32),
    SecondsOfDay,
    Meridiem {
        case: Case,
        dots: bool,
    },
    YearComma,
    /// The last so many digits of the year.
    Year(usize),
    IsoYear(usize),
    Era {
        case: Case,
        dots: bool,
    },
    MonthName(Case),
    MonthShort(Case),
    Month,
    DayName(Case),
    DayShort(Case),
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    RomanMonth(Case),
    ZoneName(Case),
    ZoneHours,
    ZoneMinutes,
    Offset,
}

/// Longer keywords before their prefixes.
const KEYWORDS: &[(&str, Keyword)] = {
    use Case::{Capital, Lower, Upper};
    use Keyword as K;
    &[
        ("A.D.", K::Era { case: Upper, dots: true }),
        ("a.d.", K::Era { case: Lower, dots: true }),
        ("B.C.", K::Era { case: Upper, dots: true }),
        ("b.c.", K::Era { case: Lower, dots: true }),
        ("A.M.", K::Meridiem { case: Upper, dots: true }),
        ("a.m.", K::Meridiem { case: Lower, dots: true }),
        ("P.M.", K::Meridiem { case: Upper, dots: true }),
        ("p.m.", K::Meridiem { case: Lower, dots: true }),
        ("AD", K::Era { case: Upper, dots: false }),
        ("ad", K::Era { case: Lower, dots: false }),
        ("BC", K::Era { case: Upper, dots: false }),
        ("bc", K::Era { case: Lower, dots: false }),
        ("AM", K::Meridiem { case: Upper, dots: false }),
        ("am", K::Meridiem { case: Lower, dots: false }),
        ("PM", K::Meridiem { case: Upper, dots: false }),
        ("pm", K::Meridiem { case: Lower, dots: false }),
        ("MONTH", K::MonthName(Upper)),
        ("Month", K::MonthName(Capital)),
        ("month", K::MonthName(Lower)),
        ("MON", K::MonthShort(Upper)),
        ("Mon", K::MonthShort(Capital)),
        ("mon", K::MonthShort(Lower)),
        ("DAY", K::DayName(Upper)),
        ("Day", K::DayName(Capital)),
        ("day", K::DayName(Lower)),
        ("DY", K::DayShort(Upper)),
        ("Dy", K::DayShort(Capital)),
        ("dy", K::DayShort(Lower)),
        ("HH24", K::Hour24),
        ("hh24", K::Hour24),
        ("HH12", K::Hour12),
        ("hh12", K::Hour12),
        ("HH", K::Hour12),
        ("hh", K::Hour12),
        ("MI", K::Minute),
        ("mi", K::Minute),
        ("SSSSS", K::SecondsOfDay),
        ("sssss", K::SecondsOfDay),
        ("SSSS", K::SecondsOfDay),
        ("ssss", K::SecondsOfDay),
        ("SS", K::Second),
        ("ss", K::Second),
        ("MS", K::Millisecond),
        ("ms", K::Millisecond),
        ("US", K::Microsecond),
        ("us", K::Microsecond),
        ("FF1", K::Fraction(1)),
        ("FF2", K::Fraction(2)),
        ("FF3", K::Fraction(3)),
        ("FF4", K::Fraction(4)),
        ("FF5", K::Fraction(5)),
        ("FF6", K::Fraction(6)),
        ("ff1", K::Fraction(1)),
        ("ff2", K::Fraction(2)),
        ("ff3", K::Fraction(3)),
        ("ff4", K::Fraction(4)),
        ("ff5", K::Fraction(5)),
        ("ff6", K::Fraction(6)),
        ("Y,YYY", K::YearComma),
        ("y,yyy", K::YearComma),
        ("YYYY", K::Year(4)),
        ("yyyy", K::Year(4)),
        ("YYY", K::Year(3)),
        ("yyy", K::Year(3)),
        ("YY", K::Year(2)),
        ("yy", K::Year(2)),
        ("Y", K::Year(1)),
        ("y", K::Year(1)),
        ("IYYY", K::IsoYear(4)),
        ("iyyy", K::IsoYear(4)),
        ("IYY", K::IsoYear(3)),
        ("iyy", K::IsoYear(3)),
        ("IY", K::IsoYear(2)),
        ("iy", K::IsoYear(2)),
        ("IDDD", K::IsoDayOfYear),
        ("iddd", K::IsoDayOfYear),
        ("ID", K::IsoDayOfWeek),
        ("id", K::IsoDayOfWeek),
        ("IW", K::IsoWeek),
        ("iw", K::IsoWeek),
        ("I", K::IsoYear(1)),
        ("i", K::IsoYear(1)),
        ("MM", K::Month),
        ("mm", K::Month),
        ("DDD", K::DayOfYear),
        ("ddd", K::DayOfYear),
        ("DD", K::Day),
        ("dd", K::Day),
        ("D", K::DayOfWeek),
        ("d", K::DayOfWeek),
        ("WW", K::WeekOfYear),
        ("ww", K::WeekOfYear),
        ("W", K::WeekOfMonth),
        ("w", K::WeekOfMonth),
        ("CC", K::Century),
        ("cc", K::Century),
        ("J", K::Julian),
        ("j", K::Julian),
        ("Q", K::Quarter),
        ("q", K::Quarter),
        ("RM", K::RomanMonth(Upper)),
        ("rm", K::RomanMonth(Lower)),
        ("TZH", K::ZoneHours),
        ("tzh", K::ZoneHours),
        ("TZM", K::ZoneMinutes),
        ("tzm", K::ZoneMinutes),
        ("TZ", K::ZoneName(Upper)),
        ("tz", K::ZoneName(Lower)),
        ("OF", K::Offset),
        ("of", K::Offset),
    ]
};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Keyword {
        keyword: Keyword,
        fill: bool,
        ordinal: Option<Case>,
    },
    Literal(char),
    /// A character of a quoted text.
    Quoted(char),
}

/// A template that has been read.
#[derive(Debug, Clone)]
pub struct DateTemplate {
    items: Vec<Item>,
}

impl DateTemplate {
    /// Reads a template. What is no keyword is written as it is.
    pub fn read(text: &str) -> Result<Self, FunctionError> {
        let mut items = Vec::new();
        let mut rest = text;
        let (mut fill, mut translated) = (false, false);
        while let Some(one) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
                fill = true;
                rest = after;
                continue;
            }
            if let Some(after) = ["TM", "tm", "FX", "fx"].iter().find_map(|prefix| rest.strip_prefix(prefix))
            {
                translated |= rest.starts_with(['T', 't']);
                rest = after;
                continue;
            }
            if let Some((name, keyword)) = KEYWORDS.iter().find(|(name, _)| rest.starts_with(name)) {
                rest = &rest[name.len()..];
                let ordinal = if let Some(after) = rest.strip_prefix("TH") {
                    rest = after;
                    Some(Case::Upper)
                } else if let Some(after) = rest.strip_prefix("th") {
                    rest = after;
                    Some(Case::Lower)
                } else {
                    None
                };
                // Names in the session's language are not padded.
                let is_name = matches!(keyword, Keyword::MonthName(_) | Keyword::DayName(_));
                items.push(Item::Keyword { keyword: *keyword, fill: fill || translated && is_name, ordinal });
                (fill, translated) = (false, false);
                continue;
            }
            match one {
                '"' => {
                    let mut characters = rest[1..].char_indices();
                    let mut end = rest.len();
                    while let Some((at, inner)) = characters.next() {
                        match inner {
                            '"' => {
                                end = at + 2;
                                break;
                            }
                            '\\' => items.extend(characters.next().map(|(_, escaped)| Item::Quoted(escaped))),
                            other => items.push(Item::Quoted(other)),
                        }
                    }
                    rest = &rest[end..];
                }
                '\\' if rest[1..].starts_with('"') => {
                    items.push(Item::Quoted('"'));
                    rest = &rest[2..];
                }
                other => {
                    items.push(Item::Literal(other));
                    rest = &rest[other.len_utf8()..];
                }
            }
        }
        Ok(Self { items })
    }

    /// Writes a moment; nothing, which is null, by an empty template.
    pub fn write(&self, moment: &Moment, out: &mut String) -> Result<Option<()>, FunctionError> {
        if self.items.is_empty() {
            return Ok(None);
        }
        for item in &self.items {
            match item {
                Item::Literal(one) | Item::Quoted(one) => out.push(*one),
                Item::Keyword { keyword, fill, ordinal } => {
                    let begin = out.len();
                    write_keyword(*keyword, *fill, moment, out)?;
                    if let Some(case) = ordinal {
                        let suffix = ordinal_suffix(&out[begin..]);
                        out.push_str(&cased(suffix, *case));
                    }
                }
            }
        }
        Ok(Some(()))
    }

    /// Reads a text by the template, as far as the text goes. A separator of the template matches one separator of the
    /// text, or none; another character takes one of the text, unless blanks were passed over in its stead.
    pub fn parse(&self, text: &str) -> Result<Fields, FunctionError> {
        let mut fields = Fields::default();
        let mut rest = text;
        let mut skipped = 0_i32;
        let skip_blanks = |rest: &mut &str, skipped: &mut i32| {
            let after = rest.trim_start();
            *skipped += i32::try_from(rest.len() - after.len()).unwrap_or(0);
            *rest = after;
        };
        for (index, item) in self.items.iter().enumerate() {
            if rest.is_empty() {
                break;
            }
            if index == 0 || matches!(item, Item::Keyword { .. }) {
                skip_blanks(&mut rest, &mut skipped);
            }
            let Some(first) = rest.chars().next() else { break };
            match item {
                Item::Literal(one) if one.is_whitespace() || is_separator(*one) => {
                    skipped -= 1;
                    if first.is_whitespace() || is_separator(first) {
                        rest = &rest[first.len_utf8()..];
                        skipped += 1;
                    }
                }
                Item::Literal(_) | Item::Quoted(_) => {
                    if skipped > 0 {
                        skipped -= 1;
                    } else {
                        rest = &rest[first.len_utf8()..];
                    }
                }
                Item::Keyword { keyword, fill, ordinal } => {
                    let open = *fill || ordinal.is_some() || self.ends_number(index);
                    rest = fields.take(*keyword, rest, open)?;
                    if ordinal.is_some() {
                        let mut after = rest.chars();
                        after.by_ref().take(2).for_each(drop);
                        rest = after.as_str();
                    }
                    skipped = 0;
                    skip_blanks(&mut rest, &mut skipped);
                }
            }
        }
        Ok(fields)
    }

    /// Whether what follows an item in the template cannot begin with a digit: then a number is as long as it is.
    fn ends_number(&self, index: usize) -> bool {
        match self.items.get(index + 1) {
            None => true,
            Some(Item::Keyword { keyword, .. }) => !keyword.is_number(),
            Some(Item::Literal(one) | Item::Quoted(one)) => !one.is_ascii_digit(),
        }
    }
}

/// What stands between fields.
fn is_separator(one: char) -> bool {
    one.is_ascii_punctuation()
}

impl Keyword {
    /// The name that it goes by.
    fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }

    fn is_number(self) -> bool {
        !matches!(
            self,
            Self::Meridiem { .. }
                | Self::Era { .. }
                | Self::MonthName(_)
                | Self::MonthShort(_)
                | Self::DayName(_)
                | Self::DayShort(_)
                | Self::RomanMonth(_)
                | Self::ZoneName(_)
                | Self::Offset
                | Self::ZoneHours
        )
    }

    /// How many digits a number has at most when another number follows at once.
    fn width(self) -> usize {
        match self {
            Self::Year(digits) | Self::IsoYear(digits) => digits,
            Self::DayOfYear | Self::IsoDayOfYear | Self::Millisecond => 3,
            Self::Microsecond => 6,
            Self::Fraction(digits) => usize::try_from(digits).unwrap_or(6),
            Self::SecondsOfDay => 5,
            Self::Julian => 7,
            Self::Quarter | Self::DayOfWeek | Self::IsoDayOfWeek | Self::WeekOfMonth => 1,
            _ => 2,
        }
    }
}

fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Upper => text.to_ascii_uppercase(),
        Case::Lower => text.to_ascii_lowercase(),
        Case::Capital => text.to_owned(),
    }
}

fn ordinal_suffix(number: &str) -> &'static str {
    let bytes = number.as_bytes();
    let tens = bytes.len().checked_sub(2).map(|index| bytes[index]);
    match (tens, bytes.last()) {
        (Some(b'1'), _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    }
}

fn no_interval(keyword: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::InvalidDatetimeFormat,
        format!("invalid format specification for an interval value: {keyword}"),
    )
    .with_detail("Intervals are not tied to specific calendar dates.")
}

fn write_keyword(
    keyword: Keyword,
    fill: bool,
    moment: &Moment,
    out: &mut String,
) -> Result<(), FunctionError> {
    use Keyword as K;
    let number = |value: i64, width: usize, out: &mut String| {
        if fill {
            out.push_str(&value.to_string());
        } else {
            let width = width + usize::from(value < 0);
            out.push_str(&format!("{value:0width$}"));
        }
    };
    let name = |text: &str, case: Case, width: usize, out: &mut String| {
        let text = cased(text, case);
        if fill { out.push_str(&text) } else { out.push_str(&format!("{text:<width$}")) }
    };
    let days = |keyword: &str| moment.days.ok_or_else(|| no_interval(keyword));
    let month_index = usize::try_from(moment.month - 1).ok().filter(|index| *index < 12);
    let last_digits = |year: i64, digits: usize| match digits {
        4 => year,
        _ => year % 10_i64.pow(u32::try_from(digits).unwrap_or(1)),
    };
    match keyword {
        K::Hour12 => number(if moment.hour % 12 == 0 { 12 } else { moment.hour % 12 }, 2, out),
        K::Hour24 => number(moment.hour, 2, out),
        K::Minute => number(moment.minute, 2, out),
        K::Second => number(moment.second, 2, out),
        K::Millisecond => out.push_str(&format!("{:03}", moment.microsecond / 1000)),
        K::Microsecond => out.push_str(&format!("{:06}", moment.microsecond)),
        K::Fraction(digits) => {
            let text = format!("{:06}", moment.microsecond);
            out.push_str(&text[..usize::try_from(digits).unwrap_or(6)]);
        }
        K::SecondsOfDay => number(moment.hour * 3600 + moment.minute * 60 + moment.second, 1, out),
        K::Meridiem { case, dots } => {
            let text = match (moment.hour % 24 >= 12, dots) {
                (true, true) => "P.M.",
                (true, false) => "PM",
                (false, true) => "A.M.",
                (false, false) => "AM",
            };
            out.push_str(&cased(text, case));
        }
        K::YearComma => {
            let year = moment.shown_year();
            out.push_str(&format!("{},{:03}", year / 1000, year % 1000));
        }
        K::Year(digits) => number(last_digits(moment.shown_year(), digits), digits, out),
        K::IsoYear(digits) => {
            let (year, _) = iso_week(days("IYYY")?);
            let year = if year <= 0 { 1 - year } else { year };
            number(last_digits(year, digits), digits, out);
        }
        K::Era { case, dots } => {
            days("BC")?;
            let text = match (moment.year <= 0, dots) {
                (true, true) => "B.C.",
                (true, false) => "BC",
                (false, true) => "A.D.",
                (false, false) => "AD",
            };
            out.push_str(&cased(text, case));
        }
        K::MonthName(case) => {
            days("MONTH")?;
            name(month_index.map_or("", |index| MONTHS[index]), case, NAME_WIDTH, out);
        }
        K::MonthShort(case) => {
            days("MON")?;
            out.push_str(&cased(month_index.map_or("", |index| &MONTHS[index][..3]), case));
        }
        K::Month => number(moment.month, 2, out),
        K::DayName(case) => name(DAYS[weekday(days("DAY")?)], case, NAME_WIDTH, out),
        K::DayShort(case) => out.push_str(&cased(&DAYS[weekday(days("DY")?)][..3], case)),
        K::DayOfYear => {
            number(day_of_year(moment), 3, out);
        }
        K::IsoDayOfYear => {
            let days = days("IDDD")?;
            let (_, week) = iso_week(days);
            number((week - 1) * 7 + iso_day_of_week(days), 3, out);
        }
        // The sign counts, unlike in the other fields.
        K::Day => number(moment.day, if moment.day < 0 { 1 } else { 2 }, out),
        K::DayOfWeek => number(i64::try_from(weekday(days("D")?)).unwrap_or(0) + 1, 1, out),
        K::IsoDayOfWeek => number(iso_day_of_week(days("ID")?), 1, out),
        K::WeekOfMonth => number((moment.day - 1) / 7 + 1, 1, out),
        K::WeekOfYear => {
            number((day_of_year(moment) - 1) / 7 + 1, 2, out);
        }
        K::IsoWeek => number(iso_week(days("IW")?).1, 2, out),
        K::Century => {
            let century = match (moment.days, moment.year) {
                (None, year) => year / 100,
                (Some(_), year @ 1..) => (year + 99) / 100,
                (Some(_), year) => year / 100 - 1,
            };
            number(century, 2, out);
        }
        // The Julian day of 1970-01-01 is 2440588.
        K::Julian => out.push_str(&(days("J")? + 2_440_588).to_string()),
        K::Quarter => {
            if moment.month > 0 {
                out.push_str(&((moment.month - 1) / 3 + 1).to_string());
            }
        }
        K::RomanMonth(case) => name(month_index.map_or("", |index| ROMAN[index]), case, 4, out),
        K::ZoneName(case) => {
            days("TZ")?;
            if let Some((_, abbreviation)) = &moment.zone {
                out.push_str(&cased(abbreviation, case));
            }
        }
        K::ZoneHours => {
            days("TZH")?;
            let offset = moment.zone.as_ref().map_or(0, |(offset, _)| *offset);
            out.push_str(&format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600));
        }
        K::ZoneMinutes => {
            days("TZM")?;
            let offset = moment.zone.as_ref().map_or(0, |(offset, _)| *offset);
            out.push_str(&format!("{:02}", offset.abs() % 3600 / 60));
        }
        K::Offset => {
            days("OF")?;
            let offset = moment.zone.as_ref().map_or(0, |(offset, _)| *offset);
            out.push_str(&format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600));
            if offset % 3600 != 0 {
                out.push_str(&format!(":{:02}", offset.abs() % 3600 / 60));
            }
        }
    }
    Ok(())
}

/// 0 is Sunday.
/// The day of the year; an interval counts years and months as 30 days each month.
fn day_of_year(moment: &Moment) -> i64 {
    match moment.days {
        Some(days) => days - calendar::days_from_civil(moment.year, 1, 1) + 1,
        None => (moment.year * 12 + moment.month) * 30 + moment.day,
    }
}

fn weekday(days: i64) -> usize {
    usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{DateTemplate, Moment};

    /// 2024-02-09 14:05:06.789; each expectation is what PostgreSQL 15 answers.
    #[test]
    fn moments_by_template() {
        let moment = Moment::of_timestamp(1_707_487_506_789_000);
        let cases = [
            ("YYYY-MM-DD HH24:MI:SS.MS", "2024-02-09 14:05:06.789"),
            ("HH12:MI AM", "02:05 PM"),
            ("Day, DD Month YYYY", "Friday   , 09 February  2024"),
            ("FMDay, FMDD FMMonth YYYY", "Friday, 9 February 2024"),
            ("DY MON YY Q WW IW IYYY D ID DDD J", "FRI FEB 24 1 06 06 2024 6 5 040 2460350"),
            ("\"kl\" HH24", "kl 14"),
            ("DDth", "09th"),
            ("RM CC W SSSS US", "II   21 2 50706 789000"),
            ("YYYYMM", "202402"),
            ("Y,YYY B.C.", "2,024 A.D."),
        ];
        for (template, expected) in cases {
            let mut out = String::new();
            DateTemplate::read(template).expect(template).write(&moment, &mut out).expect(template);
            assert_eq!(out, expected, "{template}");
        }
    }

    #[test]
    fn texts_by_template() {
        let date = |text: &str, template: &str| {
            DateTemplate::read(template).expect(template).parse(text).and_then(super::Fields::into_date)
        };
        let feb_9 = 19762;
        for (text, template) in [
            ("2024-02-09", "YYYY-MM-DD"),
            ("09.02.24", "DD.MM.YY"),
            ("20240209", "YYYYMMDD"),
            ("9 February 2024", "DD Month YYYY"),
            ("9-feb-2024", "DD-Mon-YYYY"),
            ("2024 040", "YYYY DDD"),
            ("2024-06-5", "IYYY-IW-ID"),
        ] {
            assert_eq!(date(text, template), Ok(feb_9), "{text} by {template}");
        }
        assert!(date("abc", "YYYY").is_err());
        assert!(date("2023-02-29", "YYYY-MM-DD").is_err());
        let zone = chrono_tz::Europe::Stockholm;
        let template = DateTemplate::read("YYYY-MM-DD HH12:MI:SS PM").expect("template");
        let moment = template.parse("2024-02-09 02:05:06 PM").and_then(|fields| fields.into_timestamp(zone));
        assert_eq!(moment, Ok((1_707_487_506 - 3600) * 1_000_000));
    }
}

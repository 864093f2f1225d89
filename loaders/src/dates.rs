//! Dates and times as source systems write them, by formats such as `DD.MM.YYYY`. Used for values and for the business
//! date in a file's name. The formats are explained in `docs/add-a-source.md`.

use chrono::{Datelike, NaiveDate};

/// Two-digit years below this are of this century, as in PostgreSQL.
const CENTURY_PIVOT: i32 = 70;
/// Microseconds in a second.
const SECOND_US: i64 = 1_000_000;
/// Microseconds in a day.
pub(crate) const DAY_US: i64 = 86_400 * SECOND_US;
/// Days from the first day that `chrono` counts to 1970-01-01.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Year4,
    Year2,
    Month2,
    Month,
    Day2,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    Literal(u8),
}

const TOKENS: &[(&str, Token)] = &[
    ("YYYY", Token::Year4),
    ("YY", Token::Year2),
    ("MM", Token::Month2),
    ("MI", Token::Minute),
    ("M", Token::Month),
    ("DD", Token::Day2),
    ("D", Token::Day),
    ("HH24", Token::Hour),
    ("HH", Token::Hour),
    ("SS", Token::Second),
    ("F", Token::Fraction),
];

/// A format of dates, such as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    text: String,
    tokens: Vec<Token>,
}

/// What a [`DateFormat`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since 1970-01-01.
    pub(crate) days: i32,
    /// Microseconds since midnight; 0 if the format has no time.
    pub(crate) time_us: i64,
}

impl DateFormat {
    /// Reads a format, or says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            if let Some((name, token)) = TOKENS.iter().find(|(name, _)| rest.starts_with(name)) {
                tokens.push(*token);
                rest = &rest[name.len()..];
            } else if first.is_ascii() && (!first.is_ascii_alphanumeric() || first == b'T') {
                tokens.push(Token::Literal(first));
                rest = &rest[1..];
            } else {
                return Err(format!(
                    "date format \"{text}\": nothing is known by \"{}\"",
                    rest.chars().next().unwrap_or_default()
                ));
            }
        }
        let has = |wanted: &[Token]| tokens.iter().filter(|token| wanted.contains(token)).count();
        if has(&[Token::Year4, Token::Year2]) != 1 || has(&[Token::Month2, Token::Month]) != 1 {
            return Err(format!(
                "date format \"{text}\" needs one year (YYYY or YY) and one month (MM or M)"
            ));
        }
        if has(&[Token::Day2, Token::Day]) > 1 {
            return Err(format!("date format \"{text}\" has two days"));
        }
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The format as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether dates of this format have no day, so that one stands for a whole month.
    pub fn is_month(&self) -> bool {
        !self.tokens.iter().any(|token| matches!(token, Token::Day2 | Token::Day))
    }

    /// A regular expression for a text of this form.
    pub(crate) fn regex(&self) -> String {
        self.tokens
            .iter()
            .map(|token| match token {
                Token::Year4 => r"\d{4}".to_owned(),
                Token::Month | Token::Day => r"\d{1,2}".to_owned(),
                Token::Fraction => r"\d{1,6}".to_owned(),
                Token::Literal(byte) => regex::escape(&char::from(*byte).to_string()),
                Token::Year2 | Token::Month2 | Token::Day2 | Token::Hour | Token::Minute | Token::Second => {
                    r"\d{2}".to_owned()
                }
            })
            .collect()
    }

    /// The moment that the whole text stands for, if it has this form and exists.
    pub(crate) fn parse(&self, text: &[u8]) -> Option<Moment> {
        let mut rest = text;
        let (mut year, mut month, mut day) = (0, 0, None);
        let (mut hour, mut minute, mut second, mut fraction_us) = (0, 0, 0, 0_i64);
        for token in &self.tokens {
            match token {
                Token::Year4 => year = digits(&mut rest, 4, 4)?,
                Token::Year2 => {
                    let short = digits(&mut rest, 2, 2)?;
                    year = short + if short < CENTURY_PIVOT { 2000 } else { 1900 };
                }
                Token::Month2 => month = digits(&mut rest, 2, 2)?,
                Token::Month => month = digits(&mut rest, 1, 2)?,
                Token::Day2 => day = Some(digits(&mut rest, 2, 2)?),
                Token::Day => day = Some(digits(&mut rest, 1, 2)?),
                Token::Hour => hour = digits(&mut rest, 2, 2)?,
                Token::Minute => minute = digits(&mut rest, 2, 2)?,
                Token::Second => second = digits(&mut rest, 2, 2)?,
                Token::Fraction => fraction_us = fraction(&mut rest)?,
                Token::Literal(byte) => {
                    let (first, after) = rest.split_first()?;
                    if first != byte {
                        return None;
                    }
                    rest = after;
                }
            }
        }
        if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = match day {
            Some(day) => days_of(year, month, day)?,
            None => last_day(year, month)?,
        };
        Some(Moment { days, time_us: time_us(hour, minute, second) + fraction_us })
    }

    /// The date that the whole text stands for.
    pub(crate) fn parse_date(&self, text: &str) -> Option<NaiveDate> {
        date_of_days(self.parse(text.as_bytes())?.days)
    }
}

fn time_us(hour: i32, minute: i32, second: i32) -> i64 {
    (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * SECOND_US
}

/// Days since 1970-01-01 of a date that exists. A year is 1 to 9999.
fn days_of(year: i32, month: i32, day: i32) -> Option<i32> {
    if year < 1 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    Some(date.num_days_from_ce() - EPOCH_DAYS_FROM_CE)
}

fn last_day(year: i32, month: i32) -> Option<i32> {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(year, month, 1)?;
    days_of(next_year, next_month, 1).map(|days| days - 1)
}

/// Days since 1970-01-01 as a date.
pub(crate) fn date_of_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)
}

/// A date as days since 1970-01-01.
pub(crate) fn days_of_date(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS_FROM_CE
}

/// Between `least` and `most` digits from the front.
fn digits(rest: &mut &[u8], least: usize, most: usize) -> Option<i32> {
    let count = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if count < least {
        return None;
    }
    let (number, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(number.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
}

/// One to six digits after the point of a second, as microseconds.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=6).contains(&count) {
        return None;
    }
    let number = digits(rest, count, count)?;
    Some(i64::from(number) * 10_i64.pow(6 - u32::try_from(count).ok()?))
}

/// `HH:MI[:SS[.F]]`: microseconds since midnight.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    let mut rest = text;
    let time = take_time(&mut rest)?;
    rest.is_empty().then_some(time)
}

fn take_time(rest: &mut &[u8]) -> Option<i64> {
    let hour = digits(rest, 1, 2)?;
    literal(rest, b':')?;
    let minute = digits(rest, 2, 2)?;
    let (mut second, mut fraction_us) = (0, 0);
    if literal(rest, b':').is_some() {
        second = digits(rest, 2, 2)?;
        if literal(rest, b'.').is_some() || literal(rest, b',').is_some() {
            fraction_us = fraction(rest)?;
        }
    }
    (hour < 24 && minute < 60 && second < 60).then(|| time_us(hour, minute, second) + fraction_us)
}

fn literal(rest: &mut &[u8], byte: u8) -> Option<()> {
    let (first, after) = rest.split_first()?;
    (*first == byte).then(|| *rest = after)
}

/// `YYYY-MM-DD[( |T)HH:MI[:SS[.F]]]`, and with `zone` an offset (`Z`, `+02`, `+0200`, `+02:00`) that must follow:
/// microseconds since 1970 (UTC, with `zone`).
pub(crate) fn parse_timestamp(text: &[u8], zone: bool) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4, 4)?;
    literal(&mut rest, b'-')?;
    let month = digits(&mut rest, 2, 2)?;
    literal(&mut rest, b'-')?;
    let days = days_of(year, month, digits(&mut rest, 2, 2)?)?;
    let mut time = 0;
    if literal(&mut rest, b' ').or_else(|| literal(&mut rest, b'T')).is_some() {
        time = take_time(&mut rest)?;
    }
    let mut offset_us = 0;
    if zone {
        offset_us = take_offset(&mut rest)?;
    }
    rest.is_empty().then(|| i64::from(days) * DAY_US + time - offset_us)
}

fn take_offset(rest: &mut &[u8]) -> Option<i64> {
    literal(rest, b' ');
    if literal(rest, b'Z').is_some() {
        return Some(0);
    }
    let sign = if literal(rest, b'-').is_some() {
        -1
    } else {
        literal(rest, b'+')?;
        1
    };
    let hour = digits(rest, 2, 2)?;
    literal(rest, b':');
    let minute = if rest.is_empty() { 0 } else { digits(rest, 2, 2)? };
    (hour <= 15 && minute < 60).then(|| sign * time_us(hour, minute, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str) -> Option<String> {
        DateFormat::new(format).unwrap().parse_date(text).map(|date| date.to_string())
    }

    #[test]
    fn usual_forms() {
        for (format, text, date) in [
            ("YYYY-MM-DD", "2026-02-28", "2026-02-28"),
            ("YYYYMMDD", "20240229", "2024-02-29"),
            ("DD.MM.YYYY", "01.12.2026", "2026-12-01"),
            ("D/M YYYY", "1/2 2026", "2026-02-01"),
            ("D/M YYYY", "31/12 2026", "2026-12-31"),
            ("YYMMDD", "690101", "2069-01-01"),
            ("YYMMDD", "700101", "1970-01-01"),
            ("YYYYMM", "202402", "2024-02-29"),
            ("YYYY-MM", "2016-12", "2016-12-31"),
            ("YYYY-MM-DDTHH:MI:SS", "2026-01-02T03:04:05", "2026-01-02"),
        ] {
            assert_eq!(read(format, text).as_deref(), Some(date), "{format} {text}");
        }
    }

    #[test]
    fn not_dates() {
        for (format, text) in [
            ("YYYY-MM-DD", "2026-02-29"),
            ("YYYY-MM-DD", "2026-2-1"),
            ("YYYY-MM-DD", "2026-01-01 "),
            ("YYYY-MM-DD", "0000-01-01"),
            ("YYYYMM", "202613"),
            ("YYYYMM", "202600"),
            ("D/M YYYY", "1/13 2026"),
            ("YYYYMMDD", "2026١٢٠١"),
            ("YYYY-MM-DD HH:MI", "2026-01-01 24:00"),
        ] {
            assert_eq!(read(format, text), None, "{format} {text}");
        }
    }

    #[test]
    fn formats_refused() {
        for bad in ["", "YYYY", "MM-DD", "YYYY-MM-DD-DD", "yyyy-mm-dd", "YYYY-MM-DDx", "YYYYÅMM"] {
            assert!(DateFormat::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn timestamps() {
        let second = |text: &str, zone| parse_timestamp(text.as_bytes(), zone).map(|us| us / SECOND_US);
        assert_eq!(second("1970-01-02", false), Some(86_400));
        assert_eq!(second("1970-01-01 00:01", false), Some(60));
        assert_eq!(parse_timestamp(b"1970-01-01T00:00:00.25", false), Some(250_000));
        assert_eq!(second("1970-01-01 01:00:00+01", true), Some(0));
        assert_eq!(second("1969-12-31 22:30:00-0130", true), Some(0));
        assert_eq!(second("1970-01-01T00:00:00Z", true), Some(0));
        assert_eq!(second("1970-01-01 00:00:00", true), None);
        assert_eq!(second("1970-01-01 00:00:00+01", false), None);
        assert_eq!(parse_time(b"23:59:59.999999"), Some(DAY_US - 1));
        assert_eq!(parse_time(b"7:05"), Some(25_500 * SECOND_US));
        assert_eq!(parse_time(b"24:00"), None);
    }
}

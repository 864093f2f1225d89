//! Templates as the SQL standard has them, for `jsonpath`: separators are few and must be met, and the whole text is
//! read. What the text gives is typed by the template's fields.

use super::{DateTemplate, Fields, Item, Keyword, of_whole_text};
use crate::error::{FunctionError, FunctionErrorKind};

/// What may stand between fields.
const SEPARATORS: &str = "-./,':; ";
/// The largest offset of a zone, in seconds.
const OFFSET_MAX: i64 = 15 * 3600 + 59 * 60 + 59;

/// What a text gave by a template: each part only if the template has fields of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standard {
    /// Days since 1970.
    pub days: Option<i64>,
    /// Microseconds since midnight.
    pub time: Option<i64>,
    /// Seconds east of UTC.
    pub offset: Option<i64>,
    /// The digits of the fraction, where the template says how many.
    pub digits: Option<u32>,
}

fn invalid(message: impl Into<String>) -> FunctionError {
    FunctionError::new(FunctionErrorKind::InvalidDatetimeFormat, message)
}

/// Of what a field is.
enum Part {
    Date,
    Time,
    Zone,
}

impl Keyword {
    fn part(self) -> Part {
        match self {
            Self::Hour12
            | Self::Hour24
            | Self::Minute
            | Self::Second
            | Self::Millisecond
            | Self::Microsecond
            | Self::Fraction(_)
            | Self::SecondsOfDay
            | Self::Meridiem { .. } => Part::Time,
            Self::ZoneName(_) | Self::ZoneHours | Self::ZoneMinutes | Self::Offset => Part::Zone,
            Self::YearComma
            | Self::Year(_)
            | Self::IsoYear(_)
            | Self::Era { .. }
            | Self::MonthName(_)
            | Self::MonthShort(_)
            | Self::Month
            | Self::DayName(_)
            | Self::DayShort(_)
            | Self::DayOfYear
            | Self::IsoDayOfYear
            | Self::Day
            | Self::DayOfWeek
            | Self::IsoDayOfWeek
            | Self::WeekOfMonth
            | Self::WeekOfYear
            | Self::IsoWeek
            | Self::Century
            | Self::Julian
            | Self::Quarter
            | Self::RomanMonth(_) => Part::Date,
        }
    }
}

impl DateTemplate {
    /// Reads a template of the standard.
    pub fn read_standard(text: &str) -> Result<Self, FunctionError> {
        let template = Self::read(text)?;
        for item in &template.items {
            if let Item::Literal(one) = item
                && !SEPARATORS.contains(*one)
            {
                return Err(invalid(format!("invalid datetime format separator: \"{one}\"")));
            }
        }
        Ok(template)
    }

    /// Reads a text by a template of the standard.
    pub fn parse_standard(&self, text: &str) -> Result<Standard, FunctionError> {
        let of_text = |error: FunctionError| of_whole_text(error, text);
        let mut fields = Fields::default();
        let mut rest = text;
        let (mut dated, mut timed, mut zoned, mut digits) = (false, false, false, None);
        for (index, item) in self.items.iter().enumerate() {
            let Some(first) = rest.chars().next() else {
                return Err(invalid("input string is too short for datetime format"));
            };
            match item {
                Item::Literal(one) | Item::Quoted(one) if *one == first => rest = &rest[first.len_utf8()..],
                Item::Literal(one) => return Err(invalid(format!("unmatched format separator \"{one}\""))),
                Item::Quoted(one) => return Err(invalid(format!("unmatched format character \"{one}\""))),
                Item::Keyword { keyword, fill, ordinal } => {
                    // A blank is a sign of a zone's hours, which cannot be negative then.
                    let after = rest.trim_start();
                    if *keyword == Keyword::ZoneHours && after.len() < rest.len() && after.starts_with('-') {
                        return Err(displacement(text));
                    }
                    let open = *fill || ordinal.is_some() || self.ends_number(index);
                    rest = fields.take(*keyword, after, open).map_err(of_text)?;
                    match keyword.part() {
                        Part::Date => dated = true,
                        Part::Time => timed = true,
                        Part::Zone => zoned = true,
                    }
                    if let Keyword::Fraction(wanted) = keyword {
                        digits = Some(*wanted);
                    }
                }
            }
        }
        if !self.items.is_empty() && !rest.trim_start().is_empty() {
            return Err(invalid("trailing characters remain in input string after datetime format"));
        }
        let offset = fields.offset();
        if offset.is_some_and(|offset| offset.abs() > OFFSET_MAX) {
            return Err(displacement(text));
        }
        Ok(Standard {
            days: dated.then(|| fields.days()).transpose().map_err(of_text)?,
            time: timed.then(|| fields.time_of_day()).transpose().map_err(of_text)?,
            offset: zoned.then_some(offset.unwrap_or(0)),
            digits,
        })
    }
}

fn displacement(text: &str) -> FunctionError {
    let message = format!("time zone displacement out of range: \"{text}\"");
    FunctionError::new(FunctionErrorKind::InvalidTimeZoneDisplacement, message)
}

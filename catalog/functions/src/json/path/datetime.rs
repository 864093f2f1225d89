//! Moments in paths: what `.datetime()` makes of a text, how they compare and how they are written. A value with a zone
//! keeps the offset that it was written with.

use std::cmp::Ordering;

use chrono_tz::Tz;

use super::values::rounded_to;
use crate::{
    calendar::{self, SECOND},
    error::{FunctionError, FunctionErrorKind},
    formatting::dates::{DateTemplate, Standard},
    text_output,
};

/// A moment. Times are microseconds since midnight or since 1970, offsets seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Datetime {
    Date(i32),
    Time(i64),
    Timetz {
        time: i64,
        offset: i64,
    },
    Timestamp(i64),
    /// The time is in UTC.
    Timestamptz {
        time: i64,
        offset: i64,
    },
}

/// What `.datetime()` without a template tries, in this order.
const TEMPLATES: [&str; 19] = [
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM",
    "HH24:MI:SS.USTZH",
    "HH24:MI:SS.US",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd HH24:MI:SS.USTZH",
    "yyyy-mm-dd HH24:MI:SS.US",
    "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS.US",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS",
];

/// `.datetime()`
pub(super) fn parse(text: &str) -> Result<Datetime, FunctionError> {
    let found = TEMPLATES.iter().find_map(|template| parse_by(text, template).ok());
    found.ok_or_else(|| {
        FunctionError::new(
            FunctionErrorKind::InvalidArgumentForSqlJsonDatetimeFunction,
            format!("datetime format is not recognized: \"{text}\""),
        )
        .with_hint("Use a datetime template argument to specify the input data format.")
    })
}

/// `.datetime(template)`
pub(super) fn parse_by(text: &str, template: &str) -> Result<Datetime, FunctionError> {
    let invalid = |message: &str| FunctionError::new(FunctionErrorKind::InvalidDatetimeFormat, message);
    let Standard { days, time, offset, digits } =
        DateTemplate::read_standard(template)?.parse_standard(text)?;
    let time = time.map(|time| digits.map_or(time, |digits| rounded_to(time, digits)));
    match (days, time, offset) {
        (Some(days), None, None) => Ok(Datetime::Date(calendar::checked_date(days)?)),
        (None, Some(time), None) => Ok(Datetime::Time(time)),
        (None, Some(time), Some(offset)) => Ok(Datetime::Timetz { time, offset }),
        (Some(days), Some(time), None) => Ok(Datetime::Timestamp(calendar::join_timestamp(days, time)?)),
        (Some(days), Some(time), Some(offset)) => {
            let time = calendar::join_timestamp(days, time)? - offset * SECOND;
            Ok(Datetime::Timestamptz { time, offset })
        }
        (Some(_), None, Some(_)) => Err(invalid("datetime format is zoned but not timed")),
        (None, None, _) => Err(invalid("datetime format is not dated and not timed")),
    }
}

impl Datetime {
    pub(super) const fn type_name(self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Time(_) => "time without time zone",
            Self::Timetz { .. } => "time with time zone",
            Self::Timestamp(_) => "timestamp without time zone",
            Self::Timestamptz { .. } => "timestamp with time zone",
        }
    }

    /// Writes it as json has it: ISO 8601.
    pub(super) fn write(self, out: &mut String) {
        let mut text = Vec::new();
        let offset = match self {
            Self::Date(days) => {
                text_output::write_date(days, &mut text);
                None
            }
            Self::Time(time) => {
                text_output::write_time(time, &mut text);
                None
            }
            Self::Timetz { time, offset } => {
                text_output::write_time(time, &mut text);
                Some(offset)
            }
            Self::Timestamp(time) => {
                text_output::write_timestamp(time, &mut text);
                None
            }
            Self::Timestamptz { time, offset } => {
                text_output::write_timestamp(time + offset * SECOND, &mut text);
                Some(offset)
            }
        };
        let text = String::from_utf8_lossy(&text);
        let (text, era) = match text.strip_suffix(" BC") {
            Some(text) => (text, " BC"),
            None => (text.as_ref(), ""),
        };
        out.push_str(&text.replacen(' ', "T", 1));
        if let Some(offset) = offset {
            let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.abs());
            out.push_str(&format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60));
        }
        out.push_str(era);
    }

    /// How it compares; nothing if the two are of different worlds. What has no zone can be compared with what has one
    /// only where a zone may be used: `zone`, at the moment `now` for times of no day.
    pub(super) fn compare(self, other: Self, zone: Option<Zone>) -> Result<Option<Ordering>, FunctionError> {
        use Datetime as D;
        Ok(match (self, other) {
            (D::Date(left), D::Date(right)) => Some(left.cmp(&right)),
            (D::Time(left), D::Time(right)) => Some(left.cmp(&right)),
            (D::Timestamp(left), D::Timestamp(right)) => Some(left.cmp(&right)),
            (D::Timestamptz { time: left, .. }, D::Timestamptz { time: right, .. }) => Some(left.cmp(&right)),
            (D::Date(days), D::Timestamp(right)) => Some(calendar::start_of_date(days)?.cmp(&right)),
            (D::Timestamp(left), D::Date(days)) => Some(left.cmp(&calendar::start_of_date(days)?)),
            (D::Timetz { .. } | D::Time(_), D::Timetz { .. }) | (D::Timetz { .. }, D::Time(_)) => {
                Some(self.day_time(zone)?.cmp(&other.day_time(zone)?))
            }
            (D::Date(_) | D::Timestamp(_), D::Timestamptz { .. })
            | (D::Timestamptz { .. }, D::Date(_) | D::Timestamp(_)) => {
                Some(self.moment(zone)?.cmp(&other.moment(zone)?))
            }
            (D::Date(_) | D::Timestamp(_) | D::Timestamptz { .. }, D::Time(_) | D::Timetz { .. })
            | (D::Time(_) | D::Timetz { .. }, D::Date(_) | D::Timestamp(_) | D::Timestamptz { .. }) => None,
        })
    }

    /// The key of a time with zone: the time in UTC, and of equal ones the zone to the west last.
    fn day_time(self, zone: Option<Zone>) -> Result<(i64, i64), FunctionError> {
        let (time, offset) = match self {
            Self::Timetz { time, offset } => (time, offset),
            Self::Time(time) => (time, wanted(zone, "time", "timetz")?.offset),
            _ => (0, 0),
        };
        Ok((time - offset * SECOND, -offset))
    }

    fn moment(self, zone: Option<Zone>) -> Result<i64, FunctionError> {
        match self {
            Self::Timestamptz { time, .. } => Ok(time),
            Self::Timestamp(time) => {
                calendar::local_to_utc(wanted(zone, "timestamp", "timestamptz")?.zone, time)
            }
            Self::Date(days) => {
                let zone = wanted(zone, "date", "timestamptz")?.zone;
                calendar::local_to_utc(zone, calendar::start_of_date(days)?)
            }
            Self::Time(_) | Self::Timetz { .. } => Err(FunctionError::internal("a time is no moment")),
        }
    }
}

/// The session's zone, and its offset now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zone {
    pub(super) zone: Tz,
    pub(super) offset: i64,
}

/// 0A000 where no zone may be used.
fn wanted(zone: Option<Zone>, from: &str, to: &str) -> Result<Zone, FunctionError> {
    zone.ok_or_else(|| {
        FunctionError::not_supported(format!(
            "cannot convert value from {from} to {to} without time zone usage"
        ))
        .with_hint("Use *_tz() function for time zone support.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_moments() {
        let written = |text: &str| {
            let mut out = String::new();
            parse(text).unwrap().write(&mut out);
            out
        };
        for (text, expected) in [
            ("2017-3-1", "2017-03-01"),
            ("2017-03-10 12:34:56 +3", "2017-03-10T12:34:56+03:00"),
            ("2017-03-10T12:34:56.5-03:30", "2017-03-10T12:34:56.5-03:30"),
            ("12:34:56+05:20", "12:34:56+05:20"),
            ("-0044-03-10", "0044-03-10 BC"),
        ] {
            assert_eq!(written(text), expected);
        }
        for text in ["", "bogus", "12:34", "24:00:00", "2017-02-30", "2017-03-10 12:34:56Z", "12:34:56+19"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_is_used_only_where_it_may_be() {
        let moment = |text: &str| parse(text).unwrap();
        let zone = Some(Zone { zone: chrono_tz::Europe::Stockholm, offset: 3600 });
        let (date, with_zone) = (moment("2017-03-10"), moment("2017-03-09T23:00:00+00"));
        assert_eq!(date.compare(with_zone, zone), Ok(Some(Ordering::Equal)));
        assert!(date.compare(with_zone, None).is_err());
        assert_eq!(date.compare(moment("12:00:00"), None), Ok(None));
        assert_eq!(moment("12:34:00").compare(moment("12:34:00+01"), zone), Ok(Some(Ordering::Equal)));
        assert_eq!(
            moment("12:34:00+01").compare(moment("11:34:00+00"), None),
            Ok(Some(Ordering::Less)),
            "of one moment the zone to the west is the larger"
        );
    }
}

//! The fields of dates, times and intervals: `extract`, `date_part` and `date_trunc`.

use arrow::array::ArrayRef;

use super::{interval_native, interval_parts};
use crate::{
    calendar::{self, DAY, HOUR, MINUTE, SECOND},
    casts::zone_argument,
    error::{FunctionError, FunctionErrorKind},
    kernels::{Date, Interval, Numeric, Text, Time, Timestamp, Uuid, map, map_nullable},
    scalar::Arguments,
    text_input::Interval as Parts,
};

type Done = Result<ArrayRef, FunctionError>;

/// The fields of `extract` and `date_part`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `microseconds`
    Microseconds,
    /// `milliseconds`
    Milliseconds,
    /// `second`
    Second,
    /// `minute`
    Minute,
    /// `hour`
    Hour,
    /// `day`
    Day,
    /// `week`
    Week,
    /// `month`
    Month,
    /// `quarter`
    Quarter,
    /// `year`
    Year,
    /// `decade`
    Decade,
    /// `century`
    Century,
    /// `millennium`
    Millennium,
    /// `dow`
    DayOfWeek,
    /// `isodow`
    IsoDayOfWeek,
    /// `isoyear`
    IsoYear,
    /// `doy`
    DayOfYear,
    /// `epoch`
    Epoch,
    /// `julian`
    Julian,
    /// `timezone`
    Timezone,
    /// `timezone_hour`
    TimezoneHour,
    /// `timezone_minute`
    TimezoneMinute,
}

impl Field {
    /// The field of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" | "usecond" | "useconds" => {
                Self::Microseconds
            }
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "msecond" | "mseconds" => {
                Self::Milliseconds
            }
            "second" | "seconds" | "sec" | "secs" | "s" => Self::Second,
            "minute" | "minutes" | "min" | "mins" | "m" => Self::Minute,
            "hour" | "hours" | "hr" | "hrs" | "h" => Self::Hour,
            "day" | "days" | "d" => Self::Day,
            "week" | "weeks" | "w" => Self::Week,
            "month" | "months" | "mon" | "mons" => Self::Month,
            "quarter" | "qtr" => Self::Quarter,
            "year" | "years" | "yr" | "yrs" | "y" => Self::Year,
            "decade" | "decades" | "dec" | "decs" => Self::Decade,
            "century" | "centuries" | "cent" | "c" => Self::Century,
            "millennium" | "millennia" | "mil" | "mils" => Self::Millennium,
            "dow" => Self::DayOfWeek,
            "isodow" => Self::IsoDayOfWeek,
            "isoyear" => Self::IsoYear,
            "doy" => Self::DayOfYear,
            "epoch" => Self::Epoch,
            "julian" => Self::Julian,
            "timezone" => Self::Timezone,
            "timezone_hour" => Self::TimezoneHour,
            "timezone_minute" => Self::TimezoneMinute,
            _ => return None,
        })
    }

    /// Digits after the point that `extract` gives.
    pub fn scale(self) -> i8 {
        match self {
            Self::Second | Self::Epoch => 6,
            Self::Milliseconds => 3,
            Self::Julian => 20,
            _ => 0,
        }
    }
}

/// ISO year and week of a day.
pub fn iso_week(days: i64) -> (i64, i64) {
    // The week belongs to the year that its Thursday lies in.
    let thursday = days - iso_day_of_week(days) + 4;
    let (year, _, _) = calendar::civil_from_days(thursday);
    (year, (thursday - calendar::days_from_civil(year, 1, 1)) / 7 + 1)
}

/// 1 for Monday to 7 for Sunday.
pub fn iso_day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

fn shown_year(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

fn century_like(year: i64, length: i64) -> i64 {
    if year > 0 { (year + length - 1) / length } else { -((length - year) / length) }
}

/// A field of a local timestamp, unscaled at [`Field::scale`]; `None` if timestamps have no such field.
pub(super) fn field_of(field: Field, timestamp: i64) -> Option<i128> {
    let (days, time) = calendar::split_timestamp(timestamp);
    let (year, month, day) = calendar::civil_from_days(days);
    Some(i128::from(match field {
        Field::Microseconds | Field::Milliseconds | Field::Second => time % MINUTE,
        Field::Minute => time / MINUTE % 60,
        Field::Hour => time / HOUR,
        Field::Day => day,
        Field::Week => iso_week(days).1,
        Field::Month => month,
        Field::Quarter => (month + 2) / 3,
        Field::Year => shown_year(year),
        Field::Decade => year.div_euclid(10),
        Field::Century => century_like(year, 100),
        Field::Millennium => century_like(year, 1000),
        Field::DayOfWeek => iso_day_of_week(days) % 7,
        Field::IsoDayOfWeek => iso_day_of_week(days),
        Field::IsoYear => shown_year(iso_week(days).0),
        Field::DayOfYear => days - calendar::days_from_civil(year, 1, 1) + 1,
        Field::Epoch => timestamp,
        Field::Julian => {
            let whole = i128::from(days - calendar::DATE_MIN) * 10_i128.pow(20);
            return Some(whole + i128::from(time) * 10_i128.pow(20) / i128::from(DAY));
        }
        Field::Timezone | Field::TimezoneHour | Field::TimezoneMinute => return None,
    }))
}

fn unknown_field(name: &str, type_name: &str) -> FunctionError {
    match Field::by_name(name) {
        Some(_) => FunctionError::new(
            FunctionErrorKind::FeatureNotSupported,
            format!("unit \"{}\" not supported for type {type_name}", name.to_ascii_lowercase()),
        ),
        None => FunctionError::invalid_parameter(format!(
            "unit \"{}\" not recognized for type {type_name}",
            name.to_ascii_lowercase()
        )),
    }
}

/// The field that the constant first argument names.
fn constant_field(arguments: &Arguments<'_>, type_name: &str) -> Result<(String, Field), FunctionError> {
    let (names, _) = arguments.typed::<arrow::array::StringViewArray>(0)?;
    let name = names.iter().next().flatten().unwrap_or_default().to_owned();
    let field = Field::by_name(&name).ok_or_else(|| unknown_field(&name, type_name))?;
    Ok((name, field))
}

/// `extract(field, timestamp)`
pub fn extract_timestamp(arguments: &Arguments<'_>) -> Done {
    let type_name = "timestamp without time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    map_nullable::<(Text, Timestamp), Numeric>(arguments, |(_, timestamp)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return field_of_infinity(field);
        }
        field_of(field, timestamp).map(Some).ok_or_else(|| unknown_field(&name, type_name))
    })
}

/// `extract(field, timestamptz)`, zone
pub fn extract_timestamptz(arguments: &Arguments<'_>) -> Done {
    let type_name = "timestamp with time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    let zone = zone_argument(arguments, 2)?;
    map_nullable::<(Text, Timestamp), Numeric>(arguments, |(_, timestamp)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return field_of_infinity(field);
        }
        let offset = calendar::offset_at(zone, timestamp);
        Ok(Some(match field {
            Field::Epoch => i128::from(timestamp),
            Field::Timezone => i128::from(offset),
            Field::TimezoneHour => i128::from(offset / 3600),
            Field::TimezoneMinute => i128::from(offset / 60 % 60),
            _ => field_of(field, timestamp.saturating_add(offset * SECOND))
                .ok_or_else(|| unknown_field(&name, type_name))?,
        }))
    })
}

/// What `extract` gives of an infinite date: null for what goes round, and infinity, which `numeric` does not have
/// here, for what grows.
fn field_of_infinity(field: Field) -> Result<Option<i128>, FunctionError> {
    match field {
        Field::Year
        | Field::IsoYear
        | Field::Decade
        | Field::Century
        | Field::Millennium
        | Field::Julian
        | Field::Epoch => Err(FunctionError::not_supported("numeric NaN and infinity are not supported")),
        _ => Ok(None),
    }
}

/// `extract(field, date)`
pub fn extract_date(arguments: &Arguments<'_>) -> Done {
    let type_name = "date";
    let (name, field) = constant_field(arguments, type_name)?;
    let refused = matches!(
        field,
        Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour
    );
    map_nullable::<(Text, Date), Numeric>(arguments, |(_, date)| {
        if refused {
            return Err(unknown_field(&name, type_name));
        }
        if calendar::is_infinite_date(date) {
            return field_of_infinity(field);
        }
        let days = i64::from(date);
        match field {
            // Whole numbers, and dates may lie beyond what a timestamp holds.
            Field::Epoch => Ok(Some(i128::from(days) * 86_400)),
            Field::Julian => Ok(Some(i128::from(days - calendar::DATE_MIN))),
            _ => field_of(field, days.saturating_mul(DAY))
                .map(Some)
                .ok_or_else(|| unknown_field(&name, type_name)),
        }
    })
}

/// `extract(field, time)`
pub fn extract_time(arguments: &Arguments<'_>) -> Done {
    let type_name = "time without time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    map::<(Text, Time), Numeric>(arguments, |(_, time)| match field {
        Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
            field_of(field, time).ok_or_else(|| unknown_field(&name, type_name))
        }
        Field::Epoch => Ok(time.into()),
        _ => Err(unknown_field(&name, type_name)),
    })
}

/// `extract(field, timetz)`
pub fn extract_timetz(arguments: &Arguments<'_>) -> Done {
    let type_name = "time with time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    map::<(Text, Uuid), Numeric>(arguments, |(_, value)| {
        let (time, offset) = crate::timetz::decode(value);
        match field {
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
                field_of(field, time).ok_or_else(|| unknown_field(&name, type_name))
            }
            Field::Epoch => Ok((time - offset * SECOND).into()),
            Field::Timezone => Ok(offset.into()),
            Field::TimezoneHour => Ok((offset / 3600).into()),
            Field::TimezoneMinute => Ok((offset / 60 % 60).into()),
            _ => Err(unknown_field(&name, type_name)),
        }
    })
}

/// `extract(field, interval)`
pub fn extract_interval(arguments: &Arguments<'_>) -> Done {
    let type_name = "interval";
    let (name, field) = constant_field(arguments, type_name)?;
    map::<(Text, Interval), Numeric>(arguments, |(_, value)| {
        let parts = interval_parts(value);
        let (years, months) = (i64::from(parts.months / 12), i64::from(parts.months % 12));
        let time = parts.microseconds;
        Ok(match field {
            Field::Microseconds | Field::Milliseconds | Field::Second => i128::from(time % MINUTE),
            Field::Minute => i128::from(time / MINUTE % 60),
            Field::Hour => i128::from(time / HOUR),
            Field::Day => i128::from(parts.days),
            Field::Month => i128::from(months),
            Field::Quarter => i128::from(months / 3 + 1),
            Field::Year => i128::from(years),
            Field::Decade => i128::from(years / 10),
            Field::Century => i128::from(years / 100),
            Field::Millennium => i128::from(years / 1000),
            Field::Epoch => {
                // A year is 365.25 days here, a month of the rest 30.
                let days = i128::from(years) * 36_525 + i128::from(months * 30 + i64::from(parts.days)) * 100;
                days * i128::from(DAY / 100) + i128::from(time)
            }
            _ => return Err(unknown_field(&name, type_name)),
        })
    })
}

/// Where a unit begins: `None` if `date_trunc` does not know it.
pub(super) fn truncate(field: Field, timestamp: i64) -> Option<i64> {
    let (days, time) = calendar::split_timestamp(timestamp);
    let (year, month, _) = calendar::civil_from_days(days);
    let start_of = |year: i64, month: i64| calendar::days_from_civil(year, month, 1);
    let to = |unit: i64| Some(days * DAY + time / unit * unit);
    let days = match field {
        Field::Microseconds => return Some(timestamp),
        Field::Milliseconds => return to(1000),
        Field::Second => return to(SECOND),
        Field::Minute => return to(MINUTE),
        Field::Hour => return to(HOUR),
        Field::Day => days,
        Field::Week => days - iso_day_of_week(days) + 1,
        Field::Month => start_of(year, month),
        Field::Quarter => start_of(year, (month - 1) / 3 * 3 + 1),
        Field::Year => start_of(year, 1),
        Field::Decade => start_of(year.div_euclid(10) * 10, 1),
        Field::Century => start_of((year - 1).div_euclid(100) * 100 + 1, 1),
        Field::Millennium => start_of((year - 1).div_euclid(1000) * 1000 + 1, 1),
        _ => return None,
    };
    days.checked_mul(DAY)
}

fn constant_or_row_field(name: &str, type_name: &str) -> Result<Field, FunctionError> {
    Field::by_name(name).ok_or_else(|| unknown_field(name, type_name))
}

/// `date_trunc(unit, timestamp)`
pub fn date_trunc(arguments: &Arguments<'_>) -> Done {
    let type_name = "timestamp without time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    if truncate(field, 0).is_none() {
        return Err(unknown_field(&name, type_name));
    }
    map::<(Text, Timestamp), Timestamp>(arguments, |(_, timestamp)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(timestamp);
        }
        truncate(field, timestamp).ok_or_else(calendar::timestamp_out_of_range)
    })
}

/// `date_trunc(unit, timestamptz)`, zone
pub fn date_trunc_in_zone(arguments: &Arguments<'_>) -> Done {
    let type_name = "timestamp with time zone";
    let (name, field) = constant_field(arguments, type_name)?;
    if truncate(field, 0).is_none() {
        return Err(unknown_field(&name, type_name));
    }
    let zone = zone_argument(arguments, 2)?;
    let fine = matches!(
        field,
        Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour
    );
    map::<(Text, Timestamp), Timestamp>(arguments, |(_, timestamp)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(timestamp);
        }
        let offset = calendar::offset_at(zone, timestamp) * SECOND;
        let local = timestamp.saturating_add(offset);
        let start = truncate(field, local).ok_or_else(calendar::timestamp_out_of_range)?;
        // Within an hour the offset stays: the hour that is there twice is not mixed up.
        if fine { Ok(start - offset) } else { calendar::local_to_utc(zone, start) }
    })
}

/// `date_trunc(unit, interval)`
pub fn date_trunc_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Text, Interval), Interval>(arguments, |(name, value)| {
        let field = constant_or_row_field(name, "interval")?;
        let parts = interval_parts(value);
        let years = |length: i32| Parts {
            months: parts.months / (12 * length) * 12 * length,
            days: 0,
            microseconds: 0,
        };
        let time = |unit: i64| Parts { microseconds: parts.microseconds / unit * unit, ..parts };
        interval_native(match field {
            Field::Microseconds => parts,
            Field::Milliseconds => time(1000),
            Field::Second => time(SECOND),
            Field::Minute => time(MINUTE),
            Field::Hour => time(HOUR),
            Field::Day => Parts { microseconds: 0, ..parts },
            Field::Month => Parts { days: 0, microseconds: 0, ..parts },
            Field::Quarter => Parts { months: parts.months / 3 * 3, days: 0, microseconds: 0 },
            Field::Year => years(1),
            Field::Decade => years(10),
            Field::Century => years(100),
            Field::Millennium => years(1000),
            _ => return Err(unknown_field(name, "interval")),
        })
    })
}

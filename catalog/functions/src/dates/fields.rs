//! The fields of dates, times and intervals: `extract`, `date_part` and `date_trunc`.

use arrow::array::{ArrayRef, PrimitiveArray};

use super::{
    Zones, interval_native, interval_parts,
    plain::{plain_column, plain_starts},
    to_local, to_utc, zone_of,
};
use crate::{
    calendar::{self, DAY, HOUR, MINUTE, SECOND},
    casts::zone_argument,
    error::{FunctionError, FunctionErrorKind},
    kernels::{
        Date, Int4, Interval, Numeric, Read, Text, Time, Timestamp, Uuid, map, map_nullable, primitive,
        result_scale,
    },
    scalar::Arguments,
    text_input::{Interval as Parts, intervals::interval_out_of_range},
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

pub(super) fn shown_year(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

fn century_like(year: i64, length: i64) -> i64 {
    if year > 0 { (year + length - 1) / length } else { -((length - year) / length) }
}

/// A field of a local timestamp, unscaled at [`Field::scale`]; `None` if timestamps have no such field.
pub(super) fn field_of(field: Field, timestamp: i64) -> Option<i128> {
    let (days, time) = calendar::split_timestamp(timestamp);
    field_of_parts(field, days, time)
}

/// As [`field_of`]: a date may lie beyond what a timestamp holds.
fn field_of_parts(field: Field, days: i64, time: i64) -> Option<i128> {
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
        Field::Epoch => return Some(i128::from(days) * i128::from(DAY) + i128::from(time)),
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

/// A text argument that is the same in all rows.
pub(super) fn constant_text<'a>(arguments: &'a Arguments<'_>, index: usize) -> Option<&'a str> {
    let (texts, _) = arguments.typed::<arrow::array::StringViewArray>(index).ok()?;
    texts.iter().next().flatten().filter(|_| arguments.is_constant(index))
}

/// Writes a field of each row: the first argument names it, `value` gives it unscaled at [`Field::scale`], says that the
/// type has none, or that this value has none (null). A field that is not constant differs from row to row, and so does
/// its scale.
fn extract<T: Read>(
    arguments: &Arguments<'_>,
    type_name: &str,
    value: impl Fn(Field, T::Value<'_>) -> Result<Option<Option<i128>>, FunctionError>,
) -> Done {
    let (_, to) = result_scale(arguments)?;
    let mut last: Option<(String, Field)> = None;
    let constant = constant_text(arguments, 0).and_then(Field::by_name);
    map_nullable::<(Text, T), Numeric>(arguments, |(name, of)| {
        let field = match (constant, &last) {
            (Some(field), _) => field,
            (None, Some((known, field))) if known == name => *field,
            _ => {
                let field = Field::by_name(name).ok_or_else(|| unknown_field(name, type_name))?;
                last = Some((name.to_owned(), field));
                field
            }
        };
        let Some(value) = value(field, of)?.ok_or_else(|| unknown_field(name, type_name))? else {
            return Ok(None);
        };
        crate::numbers::fit(value, i32::from(field.scale()), i32::from(to))
            .map(Some)
            .ok_or_else(FunctionError::numeric_overflow)
    })
}

/// `extract(field, timestamp)`
pub fn extract_timestamp(arguments: &Arguments<'_>) -> Done {
    if let Some(done) = plain_column::<Timestamp>(arguments, calendar::split_timestamp) {
        return done;
    }
    extract::<Timestamp>(arguments, "timestamp without time zone", |field, timestamp| {
        if calendar::is_infinite_timestamp(timestamp) {
            return field_of_infinity(field);
        }
        Ok(field_of(field, timestamp).map(Some))
    })
}

/// `extract(field, timestamptz)`, zone
pub fn extract_timestamptz(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 2)?;
    let local = |timestamp: i64| {
        calendar::split_timestamp(timestamp.saturating_add(calendar::offset_at(zone, timestamp) * SECOND))
    };
    if let Some(done) = plain_column::<Timestamp>(arguments, local) {
        return done;
    }
    extract::<Timestamp>(arguments, "timestamp with time zone", |field, timestamp| {
        if calendar::is_infinite_timestamp(timestamp) {
            return field_of_infinity(field);
        }
        let offset = calendar::offset_at(zone, timestamp);
        let value = match field {
            Field::Epoch => Some(i128::from(timestamp)),
            Field::Timezone => Some(i128::from(offset)),
            Field::TimezoneHour => Some(i128::from(offset / 3600)),
            Field::TimezoneMinute => Some(i128::from(offset / 60 % 60)),
            _ => field_of(field, timestamp.saturating_add(offset * SECOND)),
        };
        Ok(value.map(Some))
    })
}

/// What `extract` gives of an infinite date: null for what goes round, and infinity, which `numeric` does not have
/// here, for what grows.
fn field_of_infinity(field: Field) -> Result<Option<Option<i128>>, FunctionError> {
    match field {
        Field::Year
        | Field::IsoYear
        | Field::Decade
        | Field::Century
        | Field::Millennium
        | Field::Julian
        | Field::Epoch => Err(FunctionError::not_supported("numeric NaN and infinity are not supported")),
        _ => Ok(Some(None)),
    }
}

/// `extract(field, date)`
pub fn extract_date(arguments: &Arguments<'_>) -> Done {
    let of_time = |field: Field| {
        matches!(
            field,
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour
        )
    };
    let field = constant_text(arguments, 0).and_then(Field::by_name);
    if !field.is_some_and(of_time)
        && let Some(done) = plain_column::<Date>(arguments, |days| (days.into(), 0))
    {
        return done;
    }
    extract::<Date>(arguments, "date", |field, date| {
        if of_time(field) {
            return Ok(None);
        }
        if calendar::is_infinite_date(date) {
            return field_of_infinity(field);
        }
        Ok(field_of_parts(field, date.into(), 0).map(Some))
    })
}

/// `extract(field, time)`
pub fn extract_time(arguments: &Arguments<'_>) -> Done {
    extract::<Time>(arguments, "time without time zone", |field, time| {
        let value = match field {
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
                field_of(field, time)
            }
            Field::Epoch => Some(time.into()),
            _ => None,
        };
        Ok(value.map(Some))
    })
}

/// `extract(field, timetz)`
pub fn extract_timetz(arguments: &Arguments<'_>) -> Done {
    extract::<Uuid>(arguments, "time with time zone", |field, value| {
        let (time, offset) = crate::timetz::decode(value);
        let value = match field {
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
                field_of(field, time)
            }
            Field::Epoch => Some((time - offset * SECOND).into()),
            Field::Timezone => Some(offset.into()),
            Field::TimezoneHour => Some((offset / 3600).into()),
            Field::TimezoneMinute => Some((offset / 60 % 60).into()),
            _ => None,
        };
        Ok(value.map(Some))
    })
}

/// `extract(field, interval)`
pub fn extract_interval(arguments: &Arguments<'_>) -> Done {
    extract::<Interval>(arguments, "interval", |field, value| {
        let parts = interval_parts(value);
        let (years, months) = (i64::from(parts.months / 12), i64::from(parts.months % 12));
        let time = parts.microseconds;
        Ok(Some(Some(match field {
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
            _ => return Ok(None),
        })))
    })
}

/// Where a unit of whole days begins.
pub(super) fn first_day(unit: Field, days: i64) -> Option<i64> {
    let civil = || calendar::civil_from_days(days);
    let start_of = |year: i64, month: i64| calendar::days_from_civil(year, month, 1);
    Some(match unit {
        Field::Day => days,
        Field::Week => days - iso_day_of_week(days) + 1,
        Field::Month => days - civil().2 + 1,
        Field::Quarter => {
            let (year, month, _) = civil();
            start_of(year, (month - 1) / 3 * 3 + 1)
        }
        Field::Year => start_of(civil().0, 1),
        Field::Decade => start_of(civil().0.div_euclid(10) * 10, 1),
        Field::Century => start_of((civil().0 - 1).div_euclid(100) * 100 + 1, 1),
        Field::Millennium => start_of((civil().0 - 1).div_euclid(1000) * 1000 + 1, 1),
        _ => return None,
    })
}

/// Where a unit begins: `None` if `date_trunc` does not know it.
pub(super) fn truncate(field: Field, timestamp: i64) -> Option<i64> {
    let (days, time) = calendar::split_timestamp(timestamp);
    let to = |unit: i64| Some(days * DAY + time / unit * unit);
    let days = match field {
        Field::Microseconds => return Some(timestamp),
        Field::Milliseconds => return to(1000),
        Field::Second => return to(SECOND),
        Field::Minute => return to(MINUTE),
        Field::Hour => return to(HOUR),
        unit => first_day(unit, days)?,
    };
    days.checked_mul(DAY)
}

/// The unit of each row, of which one row's is mostly the last row's.
struct Units {
    type_name: &'static str,
    last: Option<(String, Field)>,
    /// The unit of all rows.
    constant: Option<Field>,
}

impl Units {
    fn of(arguments: &Arguments<'_>, type_name: &'static str) -> Self {
        let mut units = Self { type_name, last: None, constant: None };
        units.constant = constant_text(arguments, 0).and_then(|name| units.get(name).ok());
        units
    }

    fn get(&mut self, name: &str) -> Result<Field, FunctionError> {
        if let Some(field) = self.constant {
            return Ok(field);
        }
        if let Some((last, field)) = &self.last
            && last == name
        {
            return Ok(*field);
        }
        let field = match Field::by_name(name) {
            // These are no units of `date_trunc`; what is one and begins nowhere is refused by it.
            Some(
                Field::DayOfWeek
                | Field::IsoDayOfWeek
                | Field::IsoYear
                | Field::DayOfYear
                | Field::Epoch
                | Field::Julian,
            )
            | None => {
                let (name, type_name) = (name.to_ascii_lowercase(), self.type_name);
                let message = format!("unit \"{name}\" not recognized for type {type_name}");
                return Err(FunctionError::invalid_parameter(message));
            }
            Some(field) if truncate(field, 0).is_none() => return Err(unknown_field(name, self.type_name)),
            Some(field) => field,
        };
        self.last = Some((name.to_owned(), field));
        Ok(field)
    }
}

fn start_of_unit(field: Field, timestamp: i64) -> Result<i64, FunctionError> {
    truncate(field, timestamp)
        .filter(|start| *start >= calendar::TIMESTAMP_MIN)
        .ok_or_else(calendar::timestamp_out_of_range)
}

/// `date_trunc(unit, timestamp)`
pub fn date_trunc(arguments: &Arguments<'_>) -> Done {
    let mut units = Units::of(arguments, "timestamp without time zone");
    let (values, step) = arguments.typed::<PrimitiveArray<Timestamp>>(1)?;
    if step > 0
        && let Some(unit) = units.constant
        && let Some(starts) = plain_starts(values.values(), unit)
    {
        return primitive::<Timestamp>(starts, arguments.nulls().into_buffer(arguments.rows), arguments);
    }
    map::<(Text, Timestamp), Timestamp>(arguments, |(name, timestamp)| {
        // Infinity has no units, and PostgreSQL does not look at the one that is asked for.
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(timestamp);
        }
        start_of_unit(units.get(name)?, timestamp)
    })
}

/// `date_trunc(unit, timestamptz)`, zone
pub fn date_trunc_in_zone(arguments: &Arguments<'_>) -> Done {
    let mut units = Units::of(arguments, "timestamp with time zone");
    let mut zones = Zones::of(arguments, 2, zone_of);
    map::<(Text, Timestamp, Text), Timestamp>(arguments, |(name, timestamp, zone)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(timestamp);
        }
        let (field, zone) = (units.get(name)?, zones.get(zone)?);
        let local = to_local(zone, timestamp)?;
        let start = start_of_unit(field, local)?;
        let fine = matches!(
            field,
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour
        );
        // Within an hour the offset stays: the hour that is there twice is not mixed up.
        if fine { Ok(start - (local - timestamp)) } else { to_utc(zone, start) }
    })
}

/// An interval, the smallest field that it keeps, and the digits of its seconds: what a type's modifier does.
pub fn interval_scale(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Text, Int4), Interval>(arguments, |(value, smallest, digits)| {
        let parts = interval_parts(value);
        let within = |unit: i64| parts.microseconds - parts.microseconds % unit;
        let mut kept = match Field::by_name(smallest) {
            Some(Field::Year) => Parts { months: parts.months / 12 * 12, days: 0, microseconds: 0 },
            Some(Field::Month) => Parts { days: 0, microseconds: 0, ..parts },
            Some(Field::Day) => Parts { microseconds: 0, ..parts },
            Some(Field::Hour) => Parts { microseconds: within(HOUR), ..parts },
            Some(Field::Minute) => Parts { microseconds: within(MINUTE), ..parts },
            _ => parts,
        };
        let unit = u32::try_from(6 - digits).ok().map_or(1, |places| 10_i64.pow(places));
        if unit > 1 {
            let half = if kept.microseconds < 0 { -unit / 2 } else { unit / 2 };
            let rounded = kept.microseconds.checked_add(half).ok_or_else(interval_out_of_range)?;
            kept.microseconds = rounded - rounded % unit;
        }
        interval_native(kept)
    })
}

/// `date_trunc(unit, interval)`
pub fn date_trunc_interval(arguments: &Arguments<'_>) -> Done {
    let mut units = Units::of(arguments, "interval");
    map::<(Text, Interval), Interval>(arguments, |(name, value)| {
        let field = units.get(name)?;
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

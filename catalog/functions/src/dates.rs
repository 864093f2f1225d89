//! Dates, times, timestamps and intervals: arithmetic, `age`, `make_date` and their kin. `extract` and `date_trunc` are in
//! `dates/fields.rs`.

mod fields;
mod plain;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use arrow::{
    array::{ArrayRef, TimestampMicrosecondArray},
    datatypes::IntervalMonthDayNano,
};

pub use self::fields::*;
use crate::{
    calendar::{self, DAY, HOUR, MINUTE, SECOND},
    casts::zone_argument,
    error::{FunctionError, FunctionErrorKind},
    kernels::{Date, Float8, Int4, Interval, Numeric, Text, Time, Timestamp, map, map_bool},
    scalar::Arguments,
    text_input::{
        Interval as Parts,
        dates::{Zone, parse_zone},
        intervals::interval_out_of_range,
    },
};

type Done = Result<ArrayRef, FunctionError>;

/// Arrow's interval (nanoseconds) as PostgreSQL's parts (microseconds).
pub fn interval_parts(value: IntervalMonthDayNano) -> Parts {
    Parts { months: value.months, days: value.days, microseconds: value.nanoseconds / 1000 }
}

/// PostgreSQL's parts as Arrow's interval. Times beyond 292 years do not fit (22008).
pub fn interval_native(parts: Parts) -> Result<IntervalMonthDayNano, FunctionError> {
    let nanoseconds = parts.microseconds.checked_mul(1000).ok_or_else(interval_out_of_range)?;
    Ok(IntervalMonthDayNano { months: parts.months, days: parts.days, nanoseconds })
}

fn move_date(date: i32, days: i64) -> Result<i32, FunctionError> {
    if calendar::is_infinite_date(date) { Ok(date) } else { calendar::checked_date(i64::from(date) + days) }
}

/// `date + integer`
pub fn date_add_days(arguments: &Arguments<'_>) -> Done {
    map::<(Date, Int4), Date>(arguments, |(date, days)| move_date(date, days.into()))
}

/// `date - integer`
pub fn date_subtract_days(arguments: &Arguments<'_>) -> Done {
    map::<(Date, Int4), Date>(arguments, |(date, days)| move_date(date, -i64::from(days)))
}

/// `date - date`: days.
pub fn date_difference(arguments: &Arguments<'_>) -> Done {
    map::<(Date, Date), Int4>(arguments, |(a, b)| {
        if calendar::is_infinite_date(a) || calendar::is_infinite_date(b) {
            return Err(FunctionError::new(
                FunctionErrorKind::DatetimeFieldOverflow,
                "cannot subtract infinite dates",
            ));
        }
        a.checked_sub(b).ok_or_else(|| FunctionError::out_of_range("integer"))
    })
}

/// `date + time`
pub fn date_add_time(arguments: &Arguments<'_>) -> Done {
    map::<(Date, Time), Timestamp>(arguments, |(date, time)| {
        let midnight = calendar::start_of_date(date)?;
        if calendar::is_infinite_timestamp(midnight) {
            Ok(midnight)
        } else {
            calendar::join_timestamp(date.into(), time)
        }
    })
}

/// Adds months (the day cut to the month's length), then days, then time.
pub fn add_interval(timestamp: i64, parts: Parts, sign: i64) -> Result<i64, FunctionError> {
    if calendar::is_infinite_timestamp(timestamp) {
        return Ok(timestamp);
    }
    let (mut days, time) = calendar::split_timestamp(timestamp);
    if parts.months != 0 {
        let (year, month, day) = calendar::civil_from_days(days);
        let months = year * 12 + month - 1 + sign * i64::from(parts.months);
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        days = calendar::days_from_civil(year, month, day.min(calendar::days_in_month(year, month)));
    }
    let moved = calendar::join_timestamp(days + sign * i64::from(parts.days), time)?;
    parts
        .microseconds
        .checked_mul(sign)
        .and_then(|micro| moved.checked_add(micro))
        .filter(|moved| (calendar::TIMESTAMP_MIN..calendar::TIMESTAMP_END).contains(moved))
        .ok_or_else(calendar::timestamp_out_of_range)
}

/// As [`add_interval`], months and days being those of a zone.
pub fn add_interval_in_zone(
    timestamp: i64,
    parts: Parts,
    sign: i64,
    zone: chrono_tz::Tz,
) -> Result<i64, FunctionError> {
    let mut moved = timestamp;
    if parts.months != 0 || parts.days != 0 {
        let local = calendar::utc_to_local(zone, timestamp);
        let calendar_part = Parts { microseconds: 0, ..parts };
        moved = calendar::local_to_utc(zone, add_interval(local, calendar_part, sign)?)?;
    }
    add_interval(moved, Parts { months: 0, days: 0, microseconds: parts.microseconds }, sign)
}

/// `timestamp + interval`
pub fn timestamp_add_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp, Interval), Timestamp>(arguments, |(timestamp, interval)| {
        add_interval(timestamp, interval_parts(interval), 1)
    })
}

/// `timestamp - interval`
pub fn timestamp_subtract_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp, Interval), Timestamp>(arguments, |(timestamp, interval)| {
        add_interval(timestamp, interval_parts(interval), -1)
    })
}

/// `timestamptz + interval`, zone
pub fn timestamptz_add_interval(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 2)?;
    map::<(Timestamp, Interval), Timestamp>(arguments, |(timestamp, interval)| {
        add_interval_in_zone(timestamp, interval_parts(interval), 1, zone)
    })
}

/// `timestamptz - interval`, zone
pub fn timestamptz_subtract_interval(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 2)?;
    map::<(Timestamp, Interval), Timestamp>(arguments, |(timestamp, interval)| {
        add_interval_in_zone(timestamp, interval_parts(interval), -1, zone)
    })
}

/// `timestamp - timestamp`: days and time (`timestamptz` too).
pub fn timestamp_difference(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp, Timestamp), Interval>(arguments, |(a, b)| {
        if calendar::is_infinite_timestamp(a) || calendar::is_infinite_timestamp(b) {
            return Err(FunctionError::new(
                FunctionErrorKind::DatetimeFieldOverflow,
                "cannot subtract infinite timestamps",
            ));
        }
        let difference = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
        interval_native(justify_hours_of(Parts { months: 0, days: 0, microseconds: difference })?)
    })
}

/// `time + interval`
pub fn time_add_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Time, Interval), Time>(arguments, |(time, interval)| {
        Ok((time + interval_parts(interval).microseconds % DAY).rem_euclid(DAY))
    })
}

/// `time - interval`
pub fn time_subtract_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Time, Interval), Time>(arguments, |(time, interval)| {
        Ok((time - interval_parts(interval).microseconds % DAY).rem_euclid(DAY))
    })
}

/// `time - time`
pub fn time_difference(arguments: &Arguments<'_>) -> Done {
    map::<(Time, Time), Interval>(arguments, |(a, b)| {
        interval_native(Parts { months: 0, days: 0, microseconds: a - b })
    })
}

/// The sum, or the difference, of the parts; nothing where one overflows.
pub(crate) fn combine_intervals(
    a: IntervalMonthDayNano,
    b: IntervalMonthDayNano,
    negate: bool,
) -> Option<IntervalMonthDayNano> {
    Some(if negate {
        IntervalMonthDayNano {
            months: a.months.checked_sub(b.months)?,
            days: a.days.checked_sub(b.days)?,
            nanoseconds: a.nanoseconds.checked_sub(b.nanoseconds)?,
        }
    } else {
        IntervalMonthDayNano {
            months: a.months.checked_add(b.months)?,
            days: a.days.checked_add(b.days)?,
            nanoseconds: a.nanoseconds.checked_add(b.nanoseconds)?,
        }
    })
}

/// `interval + interval`
pub fn interval_add(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Interval), Interval>(arguments, |(a, b)| {
        combine_intervals(a, b, false).ok_or_else(interval_out_of_range)
    })
}

/// `interval - interval`
pub fn interval_subtract(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Interval), Interval>(arguments, |(a, b)| {
        combine_intervals(a, b, true).ok_or_else(interval_out_of_range)
    })
}

/// Unary `-`
pub fn interval_negate(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Interval>(arguments, |(value,)| {
        combine_intervals(IntervalMonthDayNano::default(), value, true).ok_or_else(interval_out_of_range)
    })
}

/// `interval * double precision`: fractions go down, a month being 30 days.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "each part is checked to be in range before it is cut"
)]
pub fn scale_interval(parts: Parts, factor: f64) -> Result<Parts, FunctionError> {
    let whole = |value: f64| -> Result<i32, FunctionError> {
        let cut = value.trunc();
        if cut.abs() <= f64::from(i32::MAX) { Ok(cut as i32) } else { Err(interval_out_of_range()) }
    };
    let to_micro = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let (months_wanted, days_wanted) = (f64::from(parts.months) * factor, f64::from(parts.days) * factor);
    let (months, mut days) = (whole(months_wanted)?, whole(days_wanted)?);
    let month_rest = to_micro((months_wanted - f64::from(months)) * 30.0);
    let mut seconds = to_micro((days_wanted - f64::from(days) + month_rest - month_rest.trunc()) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        days += whole(seconds / 86_400.0)?;
        seconds -= (seconds / 86_400.0).trunc() * 86_400.0;
    }
    days = days.checked_add(whole(month_rest)?).ok_or_else(interval_out_of_range)?;
    let micro = (parts.microseconds as f64 * factor + seconds * 1e6).round_ties_even();
    if !micro.is_finite() || micro.abs() >= 9.2e18 {
        return Err(interval_out_of_range());
    }
    Ok(Parts { months, days, microseconds: micro as i64 })
}

/// `interval * double precision`
pub fn interval_multiply(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Float8), Interval>(arguments, |(value, factor)| {
        interval_native(scale_interval(interval_parts(value), factor)?)
    })
}

/// `interval / double precision`
pub fn interval_divide(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Float8), Interval>(arguments, |(value, divisor)| {
        if divisor == 0.0 {
            return Err(FunctionError::division_by_zero());
        }
        interval_native(scale_interval(interval_parts(value), 1.0 / divisor)?)
    })
}

/// What an interval is worth when it is compared: microseconds, a month being 30 days and a day 24 hours.
pub fn interval_value(parts: Parts) -> i128 {
    (i128::from(parts.months) * 30 + i128::from(parts.days)) * i128::from(DAY)
        + i128::from(parts.microseconds)
}

/// `interval` as a number to compare by: DataFusion compares the parts one by one, PostgreSQL their sum.
pub fn interval_to_comparable(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Numeric>(arguments, |(value,)| Ok(interval_value(interval_parts(value))))
}

fn justify_hours_of(parts: Parts) -> Result<Parts, FunctionError> {
    let days = i32::try_from(parts.microseconds / DAY).map_err(|_| interval_out_of_range())?;
    let mut result = Parts {
        months: parts.months,
        days: parts.days.checked_add(days).ok_or_else(interval_out_of_range)?,
        microseconds: parts.microseconds % DAY,
    };
    if result.days > 0 && result.microseconds < 0 {
        result.microseconds += DAY;
        result.days -= 1;
    } else if result.days < 0 && result.microseconds > 0 {
        result.microseconds -= DAY;
        result.days += 1;
    }
    Ok(result)
}

fn justify_days_of(parts: Parts) -> Result<Parts, FunctionError> {
    let mut result = Parts {
        months: parts.months.checked_add(parts.days / 30).ok_or_else(interval_out_of_range)?,
        days: parts.days % 30,
        microseconds: parts.microseconds,
    };
    if result.months > 0 && result.days < 0 {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && result.days > 0 {
        result.days -= 30;
        result.months += 1;
    }
    Ok(result)
}

fn justify_interval_of(parts: Parts) -> Result<Parts, FunctionError> {
    let (mut months, mut days, mut time) =
        (i64::from(parts.months), i64::from(parts.days), parts.microseconds);
    days += time / DAY;
    time %= DAY;
    months += days / 30;
    days %= 30;
    if months > 0 && (days < 0 || (days == 0 && time < 0)) {
        days += 30;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && time > 0)) {
        days -= 30;
        months += 1;
    }
    if days > 0 && time < 0 {
        time += DAY;
        days -= 1;
    } else if days < 0 && time > 0 {
        time -= DAY;
        days += 1;
    }
    Ok(Parts {
        months: i32::try_from(months).map_err(|_| interval_out_of_range())?,
        days: i32::try_from(days).map_err(|_| interval_out_of_range())?,
        microseconds: time,
    })
}

/// `justify_hours`
pub fn justify_hours(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Interval>(arguments, |(value,)| {
        interval_native(justify_hours_of(interval_parts(value))?)
    })
}

/// `justify_days`
pub fn justify_days(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Interval>(arguments, |(value,)| {
        interval_native(justify_days_of(interval_parts(value))?)
    })
}

/// `justify_interval`
pub fn justify_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Interval>(arguments, |(value,)| {
        interval_native(justify_interval_of(interval_parts(value))?)
    })
}

/// `isfinite(date)`
pub fn is_finite_date(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Date,)>(arguments, |(date,)| Ok(!calendar::is_infinite_date(date)))
}

/// `isfinite(timestamp)`, of `timestamptz` too
pub fn is_finite_timestamp(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Timestamp,)>(arguments, |(timestamp,)| Ok(!calendar::is_infinite_timestamp(timestamp)))
}

/// `age(timestamp, timestamp)`: years, months and days as a person counts them.
pub fn age(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp, Timestamp), Interval>(arguments, |(a, b)| interval_native(age_of(a, b)?))
}

/// `age(timestamptz, timestamptz)`, zone
pub fn age_in_zone(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 2)?;
    map::<(Timestamp, Timestamp), Interval>(arguments, |(a, b)| {
        interval_native(age_of(calendar::utc_to_local(zone, a), calendar::utc_to_local(zone, b))?)
    })
}

fn age_of(a: i64, b: i64) -> Result<Parts, FunctionError> {
    if calendar::is_infinite_timestamp(a) || calendar::is_infinite_timestamp(b) {
        return Err(calendar::timestamp_out_of_range());
    }
    let negative = a < b;
    let (late, early) = if negative { (b, a) } else { (a, b) };
    let ((late_days, late_time), (early_days, early_time)) =
        (calendar::split_timestamp(late), calendar::split_timestamp(early));
    let (late_year, late_month, late_day) = calendar::civil_from_days(late_days);
    let (early_year, early_month, early_day) = calendar::civil_from_days(early_days);
    let mut time = late_time - early_time;
    let mut days = late_day - early_day;
    let mut months = (late_year - early_year) * 12 + late_month - early_month;
    if time < 0 {
        time += DAY;
        days -= 1;
    }
    if days < 0 {
        days += calendar::days_in_month(early_year, early_month);
        months -= 1;
    }
    let sign = if negative { -1 } else { 1 };
    Ok(Parts {
        months: i32::try_from(months * sign).map_err(|_| interval_out_of_range())?,
        days: i32::try_from(days * sign).map_err(|_| interval_out_of_range())?,
        microseconds: time * sign,
    })
}

/// `date_bin(stride, source, origin)`
pub fn date_bin(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Timestamp, Timestamp), Timestamp>(arguments, |(stride, source, origin)| {
        if calendar::is_infinite_timestamp(source) {
            return Ok(source);
        }
        if calendar::is_infinite_timestamp(origin) {
            return Err(FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, "origin out of range"));
        }
        let parts = interval_parts(stride);
        if parts.months != 0 {
            return Err(FunctionError::not_supported(
                "timestamps cannot be binned into intervals containing months or years",
            ));
        }
        let stride = i64::from(parts.days) * DAY + parts.microseconds;
        if stride <= 0 {
            return Err(FunctionError::new(
                FunctionErrorKind::DatetimeFieldOverflow,
                "stride must be greater than zero",
            ));
        }
        let distance = source.checked_sub(origin).ok_or_else(interval_out_of_range)?;
        Ok(origin + distance.div_euclid(stride) * stride)
    })
}

fn checked_day(year: i32, month: i32, day: i32) -> Result<i64, FunctionError> {
    const SHORTEST_MONTH: i64 = 28;
    let bad = || {
        FunctionError::new(
            FunctionErrorKind::DatetimeFieldOverflow,
            format!("date field value out of range: {year}-{month:02}-{day:02}"),
        )
    };
    if year == 0 {
        return Err(bad());
    }
    let astronomical = if year < 0 { i64::from(year) + 1 } else { i64::from(year) };
    let (month, day) = (i64::from(month), i64::from(day));
    let valid = (1..=12).contains(&month)
        && day >= 1
        && (day <= SHORTEST_MONTH || day <= calendar::days_in_month(astronomical, month));
    if valid { Ok(calendar::days_from_civil(astronomical, month, day)) } else { Err(bad()) }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds are below 61")]
fn checked_time(hour: i32, minute: i32, second: f64) -> Result<i64, FunctionError> {
    let valid = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&second);
    let time = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + (second * 1e6).round_ties_even() as i64;
    if !valid || time > DAY {
        return Err(FunctionError::new(
            FunctionErrorKind::DatetimeFieldOverflow,
            format!("time field value out of range: {hour}:{minute:02}:{second:02}"),
        ));
    }
    Ok(time)
}

/// `make_date`
pub fn make_date(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4, Int4), Date>(arguments, |(year, month, day)| {
        calendar::checked_date(checked_day(year, month, day)?)
    })
}

/// `make_time`
pub fn make_time(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4, Float8), Time>(arguments, |(hour, minute, second)| checked_time(hour, minute, second))
}

/// `make_timestamp`
pub fn make_timestamp(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4, Int4, Int4, Int4, Float8), Timestamp>(
        arguments,
        |(year, month, day, hour, minute, second)| {
            calendar::join_timestamp(checked_day(year, month, day)?, checked_time(hour, minute, second)?)
        },
    )
}

/// `make_timestamptz`, zone
pub fn make_timestamptz(arguments: &Arguments<'_>) -> Done {
    let mut zones = Zones::of(arguments, 6, iso_zone_of);
    map::<(Int4, Int4, Int4, Int4, Int4, Float8, Text), Timestamp>(
        arguments,
        |(year, month, day, hour, minute, second, zone)| {
            let local = calendar::join_timestamp(
                checked_day(year, month, day)?,
                checked_time(hour, minute, second)?,
            )?;
            to_utc(zones.get(zone)?, local)
        },
    )
}

/// `make_interval(years, months, weeks, days, hours, mins, secs)`
#[expect(clippy::cast_possible_truncation, reason = "checked to be within 64 bits")]
pub fn make_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4, Int4, Int4, Int4, Int4, Float8), Interval>(
        arguments,
        |(years, months, weeks, days, hours, minutes, seconds)| {
            let micro = (seconds * 1e6).round_ties_even();
            if !micro.is_finite() || micro.abs() >= 9e18 {
                return Err(interval_out_of_range());
            }
            let parts = Parts {
                months: years
                    .checked_mul(12)
                    .and_then(|years| years.checked_add(months))
                    .ok_or_else(interval_out_of_range)?,
                days: weeks
                    .checked_mul(7)
                    .and_then(|weeks| weeks.checked_add(days))
                    .ok_or_else(interval_out_of_range)?,
                microseconds: (micro as i64)
                    .checked_add(i64::from(hours) * HOUR + i64::from(minutes) * MINUTE)
                    .ok_or_else(interval_out_of_range)?,
            };
            interval_native(parts)
        },
    )
}

fn zone_of(name: &str) -> Result<Zone, FunctionError> {
    parse_zone(name)
        .ok_or_else(|| FunctionError::invalid_parameter(format!("time zone \"{name}\" not recognized")))
}

/// A zone as `make_timestamptz` takes it: an offset is ISO's, east of Greenwich, and must have a sign.
fn iso_zone_of(name: &str) -> Result<Zone, FunctionError> {
    let name = name.trim();
    if name.starts_with(|one: char| one.is_ascii_digit()) {
        let message = format!("invalid input syntax for type numeric time zone: \"{name}\"");
        return Err(FunctionError::invalid_parameter(message));
    }
    Ok(match zone_of(name)? {
        Zone::Offset(seconds) if name.starts_with(['+', '-']) => Zone::Offset(-seconds),
        other => other,
    })
}

/// The zones that a column names, of which one row's is mostly the last row's.
struct Zones {
    parse: fn(&str) -> Result<Zone, FunctionError>,
    last: Option<(String, Zone)>,
    /// The zone of all rows.
    constant: Option<Zone>,
}

impl Zones {
    /// Of the text argument `index`.
    fn of(arguments: &Arguments<'_>, index: usize, parse: fn(&str) -> Result<Zone, FunctionError>) -> Self {
        let constant = fields::constant_text(arguments, index).and_then(|name| parse(name).ok());
        Self { parse, last: None, constant }
    }

    fn get(&mut self, name: &str) -> Result<Zone, FunctionError> {
        if let Some(zone) = self.constant {
            return Ok(zone);
        }
        if let Some((last, zone)) = &self.last
            && last == name
        {
            return Ok(*zone);
        }
        let zone = (self.parse)(name)?;
        self.last = Some((name.to_owned(), zone));
        Ok(zone)
    }
}

fn checked_timestamp(timestamp: Option<i64>) -> Result<i64, FunctionError> {
    timestamp
        .filter(|timestamp| (calendar::TIMESTAMP_MIN..calendar::TIMESTAMP_END).contains(timestamp))
        .ok_or_else(calendar::timestamp_out_of_range)
}

fn to_utc(zone: Zone, local: i64) -> Result<i64, FunctionError> {
    match zone {
        Zone::Named(zone) => calendar::local_to_utc(zone, local),
        Zone::Offset(_) if calendar::is_infinite_timestamp(local) => Ok(local),
        Zone::Offset(seconds) => checked_timestamp(local.checked_sub(seconds * SECOND)),
    }
}

fn to_local(zone: Zone, timestamp: i64) -> Result<i64, FunctionError> {
    match zone {
        Zone::Named(zone) => Ok(calendar::utc_to_local(zone, timestamp)),
        Zone::Offset(_) if calendar::is_infinite_timestamp(timestamp) => Ok(timestamp),
        Zone::Offset(seconds) => checked_timestamp(timestamp.checked_add(seconds * SECOND)),
    }
}

/// `timestamp AT TIME ZONE zone`: `timezone(zone, timestamp)`
pub fn timestamp_at_zone(arguments: &Arguments<'_>) -> Done {
    let mut zones = Zones::of(arguments, 0, zone_of);
    map::<(Text, Timestamp), Timestamp>(arguments, |(zone, local)| {
        if calendar::is_infinite_timestamp(local) { Ok(local) } else { to_utc(zones.get(zone)?, local) }
    })
}

/// `timestamptz AT TIME ZONE zone`
pub fn timestamptz_at_zone(arguments: &Arguments<'_>) -> Done {
    let mut zones = Zones::of(arguments, 0, zone_of);
    map::<(Text, Timestamp), Timestamp>(arguments, |(zone, timestamp)| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(timestamp);
        }
        to_local(zones.get(zone)?, timestamp)
    })
}

/// An interval as an offset from Greenwich.
fn interval_zone(value: IntervalMonthDayNano) -> Result<Zone, FunctionError> {
    let parts = interval_parts(value);
    if parts.months != 0 || parts.days != 0 {
        let mut shown = Vec::new();
        crate::text_output::write_interval(parts.months, parts.days, parts.microseconds, &mut shown);
        let message = format!(
            "interval time zone \"{}\" must not include months or days",
            String::from_utf8_lossy(&shown)
        );
        return Err(FunctionError::invalid_parameter(message));
    }
    Ok(Zone::Offset(parts.microseconds / SECOND))
}

/// `timestamp AT TIME ZONE interval`
pub fn timestamp_at_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Timestamp), Timestamp>(arguments, |(zone, local)| to_utc(interval_zone(zone)?, local))
}

/// `timestamptz AT TIME ZONE interval`
pub fn timestamptz_at_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Timestamp), Timestamp>(arguments, |(zone, timestamp)| {
        to_local(interval_zone(zone)?, timestamp)
    })
}

/// `(s1, e1) OVERLAPS (s2, e2)`: half-open periods, either end first. A null end is not known: the other end may decide.
fn periods_overlap<T: Copy + Ord>(one: (Option<T>, Option<T>), two: (Option<T>, Option<T>)) -> Option<bool> {
    /// Start and end in order; a null at the end, if there is one.
    fn ordered<T: Copy + Ord>((start, end): (Option<T>, Option<T>)) -> Option<(T, Option<T>)> {
        match (start, end) {
            (Some(start), Some(end)) => Some((start.min(end), Some(start.max(end)))),
            (Some(one), None) | (None, Some(one)) => Some((one, None)),
            (None, None) => None,
        }
    }
    let ((start_one, end_one), (start_two, end_two)) = (ordered(one)?, ordered(two)?);
    match start_one.cmp(&start_two) {
        std::cmp::Ordering::Equal => end_one.and(end_two).map(|_| true),
        std::cmp::Ordering::Greater => match end_two {
            Some(end) if start_one < end => Some(true),
            Some(_) => end_one.map(|_| false),
            None => None,
        },
        std::cmp::Ordering::Less => match end_one {
            Some(end) if start_two < end => Some(true),
            Some(_) => end_two.map(|_| false),
            None => None,
        },
    }
}

/// `overlaps` over four dates, times or timestamps of one type. It sees its nulls.
pub fn overlaps(arguments: &Arguments<'_>) -> Done {
    let columns = (0..4)
        .map(|index| {
            let values =
                arrow::compute::cast(&arguments.full_array(index)?, &arrow::datatypes::DataType::Int64)?;
            Ok(values)
        })
        .collect::<Result<Vec<_>, FunctionError>>()?;
    let at = |index: usize, row: usize| -> Option<i64> {
        use arrow::array::{Array, AsArray};
        let column = columns.get(index)?.as_primitive::<arrow::datatypes::Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let values: arrow::array::BooleanArray = (0..arguments.rows)
        .map(|row| periods_overlap((at(0, row), at(1, row)), (at(2, row), at(3, row))))
        .collect();
    Ok(std::sync::Arc::new(values))
}

/// `clock_timestamp()`: the time at which rows are computed, a batch at a time.
pub fn clock_timestamp(arguments: &Arguments<'_>) -> Done {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Ok(Arc::new(TimestampMicrosecondArray::from_value(micros, arguments.rows).with_timezone("UTC")))
}

#[cfg(test)]
mod tests {
    use super::{
        fields::{field_of, truncate},
        *,
    };
    use crate::text_input::{parse_interval, parse_timestamp};
    use crate::text_output::{write_interval, write_timestamp};

    fn shown(parts: Parts) -> String {
        let mut out = Vec::new();
        write_interval(parts.months, parts.days, parts.microseconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn moment(timestamp: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(timestamp, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn months_end_with_the_month() {
        let start = parse_timestamp("2024-01-31 12:00").unwrap();
        let add = |text: &str| moment(add_interval(start, parse_interval(text, None).unwrap(), 1).unwrap());
        assert_eq!(add("1 month"), "2024-02-29 12:00:00");
        assert_eq!(add("-2 months"), "2023-11-30 12:00:00");
        assert_eq!(add("1 month 1 day 1 hour"), "2024-03-01 13:00:00");
    }

    #[test]
    fn ages() {
        let age = |a: &str, b: &str| {
            shown(age_of(parse_timestamp(a).unwrap(), parse_timestamp(b).unwrap()).unwrap())
        };
        assert_eq!(age("2001-04-10", "1957-06-13"), "43 years 9 mons 27 days");
        assert_eq!(age("1957-06-13", "2001-04-10"), "-43 years -9 mons -27 days");
        assert_eq!(age("2026-03-01", "2026-02-28 12:00"), "12:00:00");
        assert_eq!(age("1999-12-31 23:59", "2024-02-29 12:34"), "-24 years -1 mons -28 days -12:35:00");
    }

    #[test]
    fn periods_overlap_with_unknown_ends() {
        let period = |start: i64, end: i64| (Some(start), Some(end));
        assert_eq!(periods_overlap(period(1, 3), period(2, 5)), Some(true));
        assert_eq!(periods_overlap(period(3, 1), period(3, 5)), Some(false));
        assert_eq!(periods_overlap(period(1, 1), period(1, 1)), Some(true));
        assert_eq!(periods_overlap((Some(1), None), period(2, 5)), None);
        assert_eq!(periods_overlap((Some(4), None), period(2, 5)), Some(true));
        assert_eq!(periods_overlap((None, None), period(2, 5)), None);
    }

    #[test]
    fn intervals_scale_and_justify() {
        let parts = |text: &str| parse_interval(text, None).unwrap();
        assert_eq!(shown(scale_interval(parts("1 month"), 0.5).unwrap()), "15 days");
        assert_eq!(shown(scale_interval(parts("1 day"), 1.5).unwrap()), "1 day 12:00:00");
        assert_eq!(shown(scale_interval(parts("1 year 2 mons"), 2.0).unwrap()), "2 years 4 mons");
        assert_eq!(shown(justify_interval_of(parts("1 mon -1 hour")).unwrap()), "29 days 23:00:00");
        assert_eq!(shown(justify_hours_of(parts("27 hours")).unwrap()), "1 day 03:00:00");
        assert_eq!(interval_value(parts("1 month")), interval_value(parts("30 days")));
    }

    #[test]
    fn fields() {
        let timestamp = parse_timestamp("2026-11-23 13:14:15.5").unwrap();
        for (name, expected) in [
            ("year", 2026),
            ("quarter", 4),
            ("week", 48),
            ("dow", 1),
            ("doy", 327),
            ("second", 15_500_000),
            ("milliseconds", 15_500_000),
            ("century", 21),
            ("isoyear", 2026),
        ] {
            assert_eq!(field_of(Field::by_name(name).unwrap(), timestamp), Some(expected), "{name}");
        }
        assert_eq!(iso_week(calendar::days_from_civil(2021, 1, 3)), (2020, 53));
        let truncated = |name: &str| moment(truncate(Field::by_name(name).unwrap(), timestamp).unwrap());
        assert_eq!(truncated("week"), "2026-11-23 00:00:00");
        assert_eq!(truncated("quarter"), "2026-10-01 00:00:00");
        assert_eq!(truncated("century"), "2001-01-01 00:00:00");
        assert_eq!(truncated("minute"), "2026-11-23 13:14:00");
    }
}

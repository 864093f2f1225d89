//! `time with time zone`: a time of day and an offset. Held in 12 bytes whose order is PostgreSQL's (the moment in UTC,
//! then the zone, the more easterly first), so that sorting, comparing, grouping and joining need nothing else.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder};

use crate::{
    calendar::{self, DAY, SECOND},
    casts::{round_micro, zone_argument},
    dates::interval_parts,
    error::FunctionError,
    kernels::{Date, Int4, Interval, ReadRow, Text, Time, Timestamp, Uuid, map, map_text},
    scalar::Arguments,
    text_input as input, text_output as output,
};

type Done = Result<ArrayRef, FunctionError>;

/// How many bytes a value has.
pub const WIDTH: i32 = 12;

/// A value from microseconds since midnight and seconds east of UTC.
#[expect(clippy::cast_possible_truncation, reason = "an offset is below a day")]
pub fn encode(time: i64, offset: i64) -> [u8; 12] {
    let moment = (time - offset * SECOND).cast_unsigned() ^ (1 << 63);
    let west = (-offset as i32).cast_unsigned() ^ (1 << 31);
    let mut value = [0; 12];
    let (first, last) = value.split_at_mut(8);
    first.copy_from_slice(&moment.to_be_bytes());
    last.copy_from_slice(&west.to_be_bytes());
    value
}

/// Microseconds since midnight and seconds east of UTC.
pub fn decode(value: &[u8]) -> (i64, i64) {
    let Some((first, last)) = value.split_first_chunk::<8>() else { return (0, 0) };
    let Some((last, _)) = last.split_first_chunk::<4>() else { return (0, 0) };
    let moment = (u64::from_be_bytes(*first) ^ (1 << 63)).cast_signed();
    let offset = -i64::from((u32::from_be_bytes(*last) ^ (1 << 31)).cast_signed());
    (moment + offset * SECOND, offset)
}

/// From text; `offset` holds where the text names no zone.
pub fn parse(text: &str, offset: i64) -> Result<[u8; 12], FunctionError> {
    let (time, own) = input::parse_timetz(text)?;
    Ok(encode(time, own.unwrap_or(offset)))
}

fn each<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<[u8; 12], FunctionError>,
) -> Done {
    each_nullable::<I>(arguments, |values| compute(values).map(Some))
}

fn each_nullable<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<Option<[u8; 12]>, FunctionError>,
) -> Done {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = FixedSizeBinaryBuilder::with_capacity(arguments.rows, WIDTH);
    for row in 0..arguments.rows {
        let value = if nulls.is_null(row) { None } else { compute(I::read(&columns, row))? };
        match value {
            Some(value) => builder.append_value(value)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// text, offset of the session → `timetz`
pub fn from_text(arguments: &Arguments<'_>) -> Done {
    each::<(Text, Int4)>(arguments, |(text, offset)| parse(text, offset.into()))
}

/// `timetz` → text
pub fn to_text(arguments: &Arguments<'_>) -> Done {
    let mut bytes = Vec::new();
    map_text::<(Uuid,)>(arguments, |(value,), out| {
        bytes.clear();
        let (time, offset) = decode(value);
        output::write_timetz(time, offset, &mut bytes);
        out.push_str(
            std::str::from_utf8(&bytes).map_err(|error| FunctionError::internal(error.to_string()))?,
        );
        Ok(())
    })
}

/// `time`, offset of the session → `timetz`
pub fn from_time(arguments: &Arguments<'_>) -> Done {
    each::<(Time, Int4)>(arguments, |(time, offset)| Ok(encode(time, offset.into())))
}

/// `timetz` → `time`
pub fn to_time(arguments: &Arguments<'_>) -> Done {
    map::<(Uuid,), Time>(arguments, |(value,)| Ok(decode(value).0))
}

/// `timestamptz`, zone → `timetz`; infinity has no time of day.
pub fn from_timestamptz(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    each_nullable::<(Timestamp,)>(arguments, |(value,)| {
        if calendar::is_infinite_timestamp(value) {
            return Ok(None);
        }
        let offset = calendar::offset_at(zone, value);
        Ok(Some(encode((value + offset * SECOND).rem_euclid(DAY), offset)))
    })
}

fn moved(value: &[u8], by: i64) -> [u8; 12] {
    let (time, offset) = decode(value);
    encode(time.wrapping_add(by).rem_euclid(DAY), offset)
}

/// `timetz + interval`
pub fn add(arguments: &Arguments<'_>) -> Done {
    each::<(Uuid, Interval)>(arguments, |(value, by)| Ok(moved(value, interval_parts(by).microseconds)))
}

/// `timetz - interval`
pub fn subtract(arguments: &Arguments<'_>) -> Done {
    each::<(Uuid, Interval)>(arguments, |(value, by)| {
        Ok(moved(value, interval_parts(by).microseconds.wrapping_neg()))
    })
}

/// `date + timetz` → `timestamptz`
pub fn on_date(arguments: &Arguments<'_>) -> Done {
    map::<(Date, Uuid), Timestamp>(arguments, |(date, value)| {
        let (time, offset) = decode(value);
        if calendar::is_infinite_date(date) {
            return calendar::start_of_date(date);
        }
        calendar::join_timestamp(date.into(), time)?
            .checked_sub(offset * SECOND)
            .ok_or_else(calendar::timestamp_out_of_range)
    })
}

fn at_offset(value: &[u8], offset: i64) -> [u8; 12] {
    let (time, own) = decode(value);
    encode((time + (offset - own) * SECOND).rem_euclid(DAY), offset)
}

/// `timezone(zone, timetz)`: zone, value, now as a `timestamptz`
pub fn at_zone(arguments: &Arguments<'_>) -> Done {
    each::<(Text, Uuid, Timestamp)>(arguments, |(zone, value, now)| {
        let offset = match input::parse_zone(zone) {
            Some(input::dates::Zone::Offset(seconds)) => seconds,
            Some(input::dates::Zone::Named(zone)) => calendar::offset_at(zone, now),
            None => {
                return Err(FunctionError::invalid_parameter(format!("time zone \"{zone}\" not recognized")));
            }
        };
        Ok(at_offset(value, offset))
    })
}

/// The offset that an interval stands for in `AT TIME ZONE`.
pub fn offset_of_interval(interval: arrow::datatypes::IntervalMonthDayNano) -> Result<i64, FunctionError> {
    let parts = interval_parts(interval);
    if parts.months != 0 || parts.days != 0 {
        let mut text = Vec::new();
        output::write_interval(parts.months, parts.days, parts.microseconds, &mut text);
        return Err(FunctionError::invalid_parameter(format!(
            "interval time zone \"{}\" must not include months or days",
            String::from_utf8_lossy(&text)
        )));
    }
    Ok(parts.microseconds / SECOND)
}

/// `timezone(interval, timetz)`
pub fn at_interval(arguments: &Arguments<'_>) -> Done {
    each::<(Interval, Uuid)>(arguments, |(interval, value)| {
        Ok(at_offset(value, offset_of_interval(interval)?))
    })
}

/// `timezone(interval, timestamp)` → `timestamptz`
pub fn timestamp_at_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Timestamp), Timestamp>(arguments, |(interval, value)| {
        if calendar::is_infinite_timestamp(value) {
            return Ok(value);
        }
        value.checked_sub(offset_of_interval(interval)? * SECOND).ok_or_else(calendar::timestamp_out_of_range)
    })
}

/// `timezone(interval, timestamptz)` → `timestamp`
pub fn timestamptz_at_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Interval, Timestamp), Timestamp>(arguments, |(interval, value)| {
        if calendar::is_infinite_timestamp(value) {
            return Ok(value);
        }
        value.checked_add(offset_of_interval(interval)? * SECOND).ok_or_else(calendar::timestamp_out_of_range)
    })
}

/// `timetz(p)`
pub fn round(arguments: &Arguments<'_>) -> Done {
    each::<(Uuid, Int4)>(arguments, |(value, decimals)| {
        let (time, offset) = decode(value);
        Ok(encode(round_micro(time, decimals), offset))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered_by_the_moment_and_then_the_zone() {
        let at = |text: &str| parse(text, 0).unwrap();
        let ordered = ["11:00+02", "12:00+02", "11:00+01", "10:00+00", "09:00-01", "10:00:00.000001+00"];
        for pair in ordered.windows(2) {
            assert!(at(pair[0]) < at(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(decode(&at("12:00:01-03:30")), (12 * 3600 * SECOND + SECOND, -12_600));
    }
}

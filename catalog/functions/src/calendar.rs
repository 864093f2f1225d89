//! Days, microseconds and time zones as plain numbers: the proleptic Gregorian calendar from 4713 BC on, as PostgreSQL
//! has it. Dates are days since 1970-01-01, timestamps microseconds since then.

mod merged;

use chrono::{NaiveDateTime, Offset, TimeZone};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use crate::error::{FunctionError, FunctionErrorKind};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;
/// The first date: 4713-11-24 BC, Julian day 0.
pub const DATE_MIN: i64 = -2_440_588;
/// The first date that is too late for PostgreSQL's `date`: 5874898-01-01.
pub const DATE_END: i64 = 2_145_042_906;
/// The first moment that is too late for a timestamp: in January 294247, since we count from 1970 and not from 2000.
pub const TIMESTAMP_END: i64 = i64::MAX;
/// The first timestamp: 4713-11-24 BC.
pub const TIMESTAMP_MIN: i64 = DATE_MIN * DAY;

/// `infinity` of `date`.
pub const DATE_INFINITY: i32 = i32::MAX;
/// `-infinity` of `date`.
pub const DATE_MINUS_INFINITY: i32 = i32::MIN;
/// `infinity` of `timestamp` and `timestamptz`.
pub const TIMESTAMP_INFINITY: i64 = i64::MAX;
/// `-infinity` of `timestamp` and `timestamptz`.
pub const TIMESTAMP_MINUS_INFINITY: i64 = i64::MIN;

/// Whether a date is `infinity` or `-infinity`.
pub const fn is_infinite_date(days: i32) -> bool {
    matches!(days, DATE_INFINITY | DATE_MINUS_INFINITY)
}

/// Whether a timestamp is `infinity` or `-infinity`.
pub const fn is_infinite_timestamp(timestamp: i64) -> bool {
    matches!(timestamp, TIMESTAMP_INFINITY | TIMESTAMP_MINUS_INFINITY)
}

/// Year (astronomical: 0 is 1 BC), month and day of a number of days since 1970-01-01.
#[inline]
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Years that begin in March, and centuries of them counted from so long ago that nothing is negative.
    const ERAS: i64 = 20_000;
    let quarters = 4 * (days + 719_468 + ERAS * 146_097).cast_unsigned() + 3;
    let century = quarters / 146_097;
    let day_of_century = quarters % 146_097 / 4;
    // A year has 1461 quarters of a day; the product divides by that, and leaves the day of the year below.
    let years = 2_939_745 * (4 * day_of_century + 3);
    let day_of_year = (years & 0xffff_ffff) / (4 * 2_939_745);
    // The same for months, of 153 days in every five.
    let months = 2141 * day_of_year + 197_913;
    let day = (months & 0xffff) / 2141 + 1;
    let next_year = day_of_year >= 306;
    let month = (months >> 16) - if next_year { 12 } else { 0 };
    let year = 100 * century + (years >> 32) + u64::from(next_year);
    (year.cast_signed() - ERAS * 400, month.cast_signed(), day.cast_signed())
}

/// The inverse of [`civil_from_days`]; the day may lie outside the month.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Whether an (astronomical) year has a 29th of February.
pub fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days of a month, 1 to 12.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days and microseconds within the day of a timestamp.
#[inline]
pub fn split_timestamp(timestamp: i64) -> (i64, i64) {
    (timestamp.div_euclid(DAY), timestamp.rem_euclid(DAY))
}

/// A timestamp from days and microseconds within the day, checked against PostgreSQL's range.
pub fn join_timestamp(days: i64, time: i64) -> Result<i64, FunctionError> {
    days.checked_mul(DAY)
        .and_then(|start| start.checked_add(time))
        .filter(|timestamp| (TIMESTAMP_MIN..TIMESTAMP_END).contains(timestamp))
        .ok_or_else(timestamp_out_of_range)
}

/// Midnight of a date; infinity stays infinity.
pub fn start_of_date(date: i32) -> Result<i64, FunctionError> {
    match date {
        DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        DATE_MINUS_INFINITY => Ok(TIMESTAMP_MINUS_INFINITY),
        finite => join_timestamp(i64::from(finite), 0),
    }
}

/// The date of a timestamp; infinity stays infinity.
pub fn date_of(timestamp: i64) -> Result<i32, FunctionError> {
    match timestamp {
        TIMESTAMP_INFINITY => Ok(DATE_INFINITY),
        TIMESTAMP_MINUS_INFINITY => Ok(DATE_MINUS_INFINITY),
        finite => checked_date(split_timestamp(finite).0),
    }
}

/// 22008 as PostgreSQL words it.
pub fn timestamp_out_of_range() -> FunctionError {
    FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, "timestamp out of range")
}

/// 22008 as PostgreSQL words it.
pub fn date_out_of_range() -> FunctionError {
    FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, "date out of range")
}

/// 22008 for a date given as text.
pub fn date_out_of_range_of(text: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::DatetimeFieldOverflow, format!("date out of range: \"{text}\""))
}

/// A number of days as a date, checked.
pub fn checked_date(days: i64) -> Result<i32, FunctionError> {
    if !(DATE_MIN..DATE_END).contains(&days) {
        return Err(date_out_of_range());
    }
    i32::try_from(days).map_err(|_| date_out_of_range())
}

/// The zone with this name: IANA names in any case, `UTC`, `Z`, the abbreviations that PostgreSQL knows and people use
/// here, and fixed offsets in ISO form as text input reads them are left to the caller.
pub fn zone_by_name(name: &str) -> Option<Tz> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    // `<+03>-03`: a fixed offset as SET TIME ZONE 3 names it.
    if let Some(hours) = name.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|parts| parts.0) {
        let hours: i32 = hours.parse().ok()?;
        let sign = if hours > 0 { '-' } else { '+' };
        return format!("Etc/GMT{sign}{}", hours.abs()).parse().ok();
    }
    chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied()
}

/// The offset in seconds of an abbreviation such as `CET`; PostgreSQL's default set, the part that is in use.
pub fn abbreviation_offset(name: &str) -> Option<i64> {
    let minutes = match name.to_ascii_uppercase().as_str() {
        "UTC" | "GMT" | "Z" | "ZULU" | "UT" | "UCT" | "WET" | "AZOST" | "EGST" => 0,
        "CET" | "MEZ" | "MET" | "BST" | "WEST" | "WETDST" => 60,
        "CEST" | "MESZ" | "MEST" | "EET" | "SAST" | "IST" | "METDST" | "CETDST" | "BDST" => 120,
        "EEST" | "EETDST" | "EAT" | "FET" | "IDT" | "MSK" => 180,
        "IRT" => 210,
        "MSD" | "MUT" => 240,
        "AFT" => 270,
        "PKT" | "TJT" | "UZT" => 300,
        "NPT" => 345,
        "ALMT" | "BDT" | "BTT" | "PKST" | "KGST" | "UZST" => 360,
        "MMT" => 390,
        "ICT" | "ALMST" => 420,
        "HKT" | "AWST" | "MYT" | "PHT" | "CCT" => 480,
        "JST" | "KST" | "JAYT" | "AWSST" => 540,
        "ACST" | "CAST" => 570,
        "AEST" | "KDT" => 600,
        "ACDT" | "CADT" | "SADT" | "ACSST" => 630,
        "AEDT" | "AESST" => 660,
        "NZT" | "NZST" => 720,
        "NZDT" => 780,
        "AZOT" | "EGT" | "FNST" | "WAT" => -60,
        "FNT" | "WGST" | "BRST" | "PMDT" | "UYST" => -120,
        "NDT" => -150,
        "ADT" | "BRT" | "BRA" | "CLST" | "GFT" | "PMST" | "PYST" | "UYT" => -180,
        "NST" | "NFT" => -210,
        "EDT" | "AST" | "AMT" | "BOT" => -240,
        "EST" | "CDT" | "ACT" | "COT" | "PET" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" => -540,
        "HST" => -600,
        _ => return None,
    };
    Some(minutes * 60)
}

/// The offset in seconds east of UTC of a zone at a moment (microseconds since 1970 UTC).
pub fn offset_at(zone: Tz, timestamp: i64) -> i64 {
    if zone == Tz::UTC {
        return 0;
    }
    if let Some((offset, _)) = merged::at(zone, timestamp.div_euclid(SECOND)) {
        return offset;
    }
    match naive(within_tables(timestamp)) {
        Some(moment) => i64::from(zone.offset_from_utc_datetime(&moment).fix().local_minus_utc()),
        None => 0,
    }
}

/// The tables of zones end with the year 2099: a later moment counts as the same moment of a year before that has the
/// same calendar.
fn within_tables(timestamp: i64) -> i64 {
    let (days, time) = split_timestamp(timestamp);
    let (year, ..) = civil_from_days(days);
    if year < 2100 {
        return timestamp;
    }
    let first = |year: i64| days_from_civil(year, 1, 1);
    let same = (2060..2100).find(|other| {
        is_leap_year(*other) == is_leap_year(year) && first(*other).rem_euclid(7) == first(year).rem_euclid(7)
    });
    match same {
        Some(other) => (days - first(year) + first(other)) * DAY + time,
        None => timestamp,
    }
}

/// The abbreviation of a zone at a moment (`CET`), and whether daylight saving time applies.
pub fn abbreviation_at(zone: Tz, timestamp: i64) -> (String, bool) {
    if let Some((_, name)) = merged::at(zone, timestamp.div_euclid(SECOND)) {
        return (name.to_owned(), name == "CEST");
    }
    match naive(within_tables(timestamp)) {
        Some(moment) => {
            let offset = zone.offset_from_utc_datetime(&moment);
            let name = match offset.abbreviation() {
                Some(name) => name.to_owned(),
                None => numbered(offset.fix().local_minus_utc()),
            };
            (name, offset.dst_offset() != chrono::TimeDelta::zero())
        }
        None => (String::new(), false),
    }
}

/// What stands for the abbreviation of a zone that has none: its offset, `-03` or `+0530`.
fn numbered(seconds: i32) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    match minutes % 60 {
        0 => format!("{sign}{:02}", minutes / 60),
        rest => format!("{sign}{:02}{rest:02}", minutes / 60),
    }
}

/// The moment (microseconds since 1970 UTC) of a local time. In a gap the offset before it holds, in an overlap the one
/// after it, as in PostgreSQL.
pub fn local_to_utc(zone: Tz, local: i64) -> Result<i64, FunctionError> {
    if zone == Tz::UTC || is_infinite_timestamp(local) {
        return Ok(local);
    }
    let moved = |offset: i64| {
        local
            .checked_sub(offset * SECOND)
            .filter(|utc| *utc >= TIMESTAMP_MIN)
            .ok_or_else(timestamp_out_of_range)
    };
    if let Some(offset) = merged::of_local(zone, local.div_euclid(SECOND)) {
        return moved(offset);
    }
    let Some(moment) = naive(within_tables(local)) else { return Err(timestamp_out_of_range()) };
    let offset = match zone.offset_from_local_datetime(&moment) {
        chrono::LocalResult::Single(offset) => offset,
        chrono::LocalResult::Ambiguous(_, late) => late,
        chrono::LocalResult::None => {
            // A gap is at most a day (the date line); look before it.
            let before = moment - chrono::TimeDelta::hours(25);
            zone.offset_from_local_datetime(&before).latest().ok_or_else(timestamp_out_of_range)?
        }
    };
    moved(i64::from(offset.fix().local_minus_utc()))
}

/// The local time in a zone of a moment.
pub fn utc_to_local(zone: Tz, timestamp: i64) -> i64 {
    if is_infinite_timestamp(timestamp) {
        return timestamp;
    }
    timestamp.saturating_add(offset_at(zone, timestamp) * SECOND)
}

fn naive(timestamp: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(timestamp).map(|moment| moment.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        for (days, civil) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (DATE_MIN, (-4713, 11, 24)),
            (-719_528, (0, 1, 1)),
        ] {
            assert_eq!(civil_from_days(days), civil);
            assert_eq!(days_from_civil(civil.0, civil.1, civil.2), days);
        }
        let all_of_some_centuries = -800_000..800_000;
        let seldom = (DATE_MIN..DATE_END).step_by(99_991).chain([DATE_END - 1]);
        for days in all_of_some_centuries.chain(seldom) {
            let (year, month, day) = civil_from_days(days);
            assert!((1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day), "{days}");
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn a_zone_has_its_gaps_and_overlaps() {
        let stockholm = zone_by_name("europe/stockholm").unwrap();
        let at = |day: i64, hour: i64, minute: i64| day * DAY + hour * HOUR + minute * MINUTE;
        // 2026-03-29 02:30 does not exist; 2026-10-25 02:30 is there twice.
        let spring = days_from_civil(2026, 3, 29);
        assert_eq!(local_to_utc(stockholm, at(spring, 2, 30)).unwrap(), at(spring, 1, 30));
        let autumn = days_from_civil(2026, 10, 25);
        assert_eq!(local_to_utc(stockholm, at(autumn, 2, 30)).unwrap(), at(autumn, 1, 30));
        assert_eq!(utc_to_local(stockholm, at(spring, 1, 30)), at(spring, 3, 30));
        // Sweden had no summer time in 1945, and its own time before 1900.
        let july = days_from_civil(1945, 7, 1);
        assert_eq!(offset_at(stockholm, at(july, 0, 0)), 3600);
        assert_eq!(local_to_utc(stockholm, at(july, 0, 0)).unwrap(), at(july, -1, 0));
        assert_eq!(offset_at(stockholm, at(days_from_civil(1890, 1, 1), 0, 0)), 3614);
        assert_eq!(abbreviation_at(stockholm, at(days_from_civil(1850, 1, 1), 0, 0)).0, "LMT");
        // The rules go on where the tables end.
        for year in [2100, 2150, 9999, 294_000] {
            let july = days_from_civil(year, 7, 1);
            assert_eq!(offset_at(stockholm, at(july, 0, 0)), 7200, "{year}");
            assert_eq!(offset_at(stockholm, at(july + 180, 0, 0)), 3600, "{year}");
        }
    }
}

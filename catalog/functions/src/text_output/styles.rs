//! The other styles of dates and intervals: `DateStyle` SQL, Postgres and German, `IntervalStyle` postgres_verbose,
//! sql_standard and iso_8601. ISO and postgres, which nearly everybody has, are in the parent and take no detour.

use chrono_tz::Tz;

use super::{
    write_date, write_integer, write_interval, write_pair, write_time, write_timestamp, write_timestamptz,
};
use crate::{
    calendar::{self, HOUR, MINUTE, SECOND},
    text_input::DateOrder,
};

/// How dates are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateLayout {
    /// `2024-02-29`
    #[default]
    Iso,
    /// `02/29/2024`
    Sql,
    /// `Thu Feb 29 10:00:00 2024`
    Postgres,
    /// `29.02.2024`
    German,
}

/// How intervals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntervalStyle {
    /// `1 year 2 mons -3 days +04:05:06`
    #[default]
    Postgres,
    /// `@ 1 year 2 mons -3 days 4 hours`
    PostgresVerbose,
    /// `+1-2 -3 +4:05:06`
    SqlStandard,
    /// `P1Y2M-3DT4H5M6S`
    Iso8601,
}

impl IntervalStyle {
    /// The style of this name.
    pub fn by_name(name: &str) -> Self {
        match name {
            "postgres_verbose" => Self::PostgresVerbose,
            "sql_standard" => Self::SqlStandard,
            "iso_8601" => Self::Iso8601,
            _ => Self::Postgres,
        }
    }
}

/// What a session's settings say about the text of dates, times and intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Styles {
    /// `TimeZone`
    pub zone: Tz,
    /// The layout of `DateStyle`
    pub layout: DateLayout,
    /// The order of `DateStyle`
    pub order: DateOrder,
    /// `IntervalStyle`
    pub interval: IntervalStyle,
}

impl Styles {
    /// ISO dates and postgres intervals.
    pub fn plain(zone: Tz) -> Self {
        Self { zone, layout: DateLayout::Iso, order: DateOrder::Mdy, interval: IntervalStyle::Postgres }
    }

    /// From the settings as SHOW writes them.
    pub fn from_settings(zone: Tz, date_style: &str, interval_style: &str) -> Self {
        let (layout, order) = date_style.split_once(", ").unwrap_or((date_style, "MDY"));
        Self {
            zone,
            layout: match layout {
                "SQL" => DateLayout::Sql,
                "Postgres" => DateLayout::Postgres,
                "German" => DateLayout::German,
                _ => DateLayout::Iso,
            },
            order: match order {
                "DMY" => DateOrder::Dmy,
                "YMD" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
            interval: IntervalStyle::by_name(interval_style),
        }
    }

    /// Whether values are written as the parent's plain functions write them.
    pub fn is_plain(&self) -> bool {
        self.layout == DateLayout::Iso && self.interval == IntervalStyle::Postgres
    }

    /// A `date`.
    pub fn write_date(&self, days: i32, out: &mut Vec<u8>) {
        if self.layout == DateLayout::Iso || calendar::is_infinite_date(days) {
            return write_date(days, out);
        }
        let before_christ = self.write_day(i64::from(days), out);
        super::write_era(before_christ, out);
    }

    /// Day, month and year as the layout has them; whether the year is before Christ.
    fn write_day(&self, days: i64, out: &mut Vec<u8>) -> bool {
        let (year, month, day) = calendar::civil_from_days(days);
        let (month, day) = (month.unsigned_abs(), day.unsigned_abs());
        let shown = if year > 0 { year } else { 1 - year };
        let separator = match self.layout {
            DateLayout::Sql => b'/',
            DateLayout::German => b'.',
            DateLayout::Postgres | DateLayout::Iso => b'-',
        };
        let day_first = self.layout == DateLayout::German || self.order == DateOrder::Dmy;
        let (first, second) = if day_first { (day, month) } else { (month, day) };
        write_pair(first, out);
        out.push(separator);
        write_pair(second, out);
        out.push(separator);
        write_year(shown, out);
        year <= 0
    }

    /// A `timestamp`.
    pub fn write_timestamp(&self, timestamp: i64, out: &mut Vec<u8>) {
        if self.layout == DateLayout::Iso || calendar::is_infinite_timestamp(timestamp) {
            return write_timestamp(timestamp, out);
        }
        let before_christ = self.write_moment(timestamp, None, out);
        super::write_era(before_christ, out);
    }

    /// A `timestamptz`.
    pub fn write_timestamptz(&self, timestamp: i64, out: &mut Vec<u8>) {
        if self.layout == DateLayout::Iso || calendar::is_infinite_timestamp(timestamp) {
            return write_timestamptz(timestamp, self.zone, out);
        }
        let offset = calendar::offset_at(self.zone, timestamp);
        let (zone_name, _) = calendar::abbreviation_at(self.zone, timestamp);
        let before_christ =
            self.write_moment(timestamp.saturating_add(offset * SECOND), Some(&zone_name), out);
        super::write_era(before_christ, out);
    }

    fn write_moment(&self, local: i64, zone_name: Option<&str>, out: &mut Vec<u8>) -> bool {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (days, time) = calendar::split_timestamp(local);
        let before_christ = if self.layout == DateLayout::Postgres {
            let (year, month, day) = calendar::civil_from_days(days);
            let name = |names: &[&'static str], index: i64| {
                usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
            };
            let month = name(&MONTHS, month - 1);
            out.extend_from_slice(name(&DAYS, days.rem_euclid(7)).as_bytes());
            out.push(b' ');
            if self.order == DateOrder::Dmy {
                write_pair(day.unsigned_abs(), out);
                out.push(b' ');
                out.extend_from_slice(month.as_bytes());
            } else {
                out.extend_from_slice(month.as_bytes());
                out.push(b' ');
                write_pair(day.unsigned_abs(), out);
            }
            out.push(b' ');
            write_time(time, out);
            out.push(b' ');
            write_year(if year > 0 { year } else { 1 - year }, out);
            year <= 0
        } else {
            let before_christ = self.write_day(days, out);
            out.push(b' ');
            write_time(time, out);
            before_christ
        };
        if let Some(zone_name) = zone_name {
            out.push(b' ');
            out.extend_from_slice(zone_name.as_bytes());
        }
        before_christ
    }

    /// An `interval`.
    pub fn write_interval(&self, months: i32, days: i32, microseconds: i64, out: &mut Vec<u8>) {
        match self.interval {
            IntervalStyle::Postgres => write_interval(months, days, microseconds, out),
            IntervalStyle::PostgresVerbose => write_verbose(Parts::of(months, days, microseconds), out),
            IntervalStyle::SqlStandard => write_sql(Parts::of(months, days, microseconds), out),
            IntervalStyle::Iso8601 => write_iso(Parts::of(months, days, microseconds), out),
        }
    }
}

fn write_year(year: i64, out: &mut Vec<u8>) {
    if year < 10_000 {
        write_pair(year.unsigned_abs() / 100, out);
        write_pair(year.unsigned_abs() % 100, out);
    } else {
        write_integer(year, out);
    }
}

/// An interval's fields, each with its sign.
#[derive(Debug, Clone, Copy)]
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    /// Microseconds below a minute.
    micro: i64,
}

impl Parts {
    fn of(months: i32, days: i32, microseconds: i64) -> Self {
        Self {
            years: i64::from(months / 12),
            months: i64::from(months % 12),
            days: i64::from(days),
            hours: microseconds / HOUR,
            minutes: microseconds % HOUR / MINUTE,
            micro: microseconds % MINUTE,
        }
    }

    fn all(&self) -> [i64; 6] {
        [self.years, self.months, self.days, self.hours, self.minutes, self.micro]
    }

    fn negated(&self) -> Self {
        Self {
            years: -self.years,
            months: -self.months,
            days: -self.days,
            hours: -self.hours,
            minutes: -self.minutes,
            micro: -self.micro,
        }
    }
}

/// Seconds with what fraction there is, without a sign.
fn write_seconds(micro: i64, padded: bool, out: &mut Vec<u8>) {
    let micro = micro.unsigned_abs();
    let seconds = micro / SECOND.unsigned_abs();
    if padded {
        write_pair(seconds, out);
    } else {
        super::write_unsigned(seconds, out);
    }
    super::write_fraction(micro % SECOND.unsigned_abs(), out);
}

fn write_verbose(parts: Parts, out: &mut Vec<u8>) {
    out.push(b'@');
    let mut zero = true;
    let mut before = false;
    let units = ["year", "mon", "day", "hour", "min"];
    for (value, unit) in parts.all().into_iter().zip(units) {
        if value == 0 {
            continue;
        }
        let shown = if zero {
            before = value < 0;
            value.abs()
        } else if before {
            -value
        } else {
            value
        };
        zero = false;
        out.push(b' ');
        write_integer(shown, out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if shown != 1 {
            out.push(b's');
        }
    }
    if parts.micro != 0 {
        out.push(b' ');
        if parts.micro < 0 {
            if zero {
                before = true;
            } else if !before {
                out.push(b'-');
            }
        } else if before {
            out.push(b'-');
        }
        write_seconds(parts.micro, false, out);
        out.extend_from_slice(if parts.micro.abs() == SECOND { b" sec" } else { b" secs" });
        zero = false;
    }
    if zero {
        out.extend_from_slice(b" 0");
    }
    if before {
        out.extend_from_slice(b" ago");
    }
}

fn write_clock(parts: &Parts, out: &mut Vec<u8>) {
    super::write_unsigned(parts.hours.unsigned_abs(), out);
    out.push(b':');
    write_pair(parts.minutes.unsigned_abs(), out);
    out.push(b':');
    write_seconds(parts.micro, true, out);
}

fn write_sql(parts: Parts, out: &mut Vec<u8>) {
    let negative = parts.all().iter().any(|value| *value < 0);
    let positive = parts.all().iter().any(|value| *value > 0);
    let year_month = parts.years != 0 || parts.months != 0;
    let day_time = parts.days != 0 || parts.hours != 0 || parts.minutes != 0 || parts.micro != 0;
    let standard = !(negative && positive || year_month && day_time);
    let sign = |negative: bool| if negative { b'-' } else { b'+' };
    let mut parts = parts;
    if negative && standard {
        out.push(b'-');
        parts = parts.negated();
    }
    let year_and_month = |parts: &Parts, out: &mut Vec<u8>| {
        super::write_unsigned(parts.years.unsigned_abs(), out);
        out.push(b'-');
        super::write_unsigned(parts.months.unsigned_abs(), out);
    };
    if !negative && !positive {
        out.push(b'0');
    } else if !standard {
        out.push(sign(parts.years < 0 || parts.months < 0));
        year_and_month(&parts, out);
        out.push(b' ');
        out.push(sign(parts.days < 0));
        super::write_unsigned(parts.days.unsigned_abs(), out);
        out.push(b' ');
        out.push(sign(parts.hours < 0 || parts.minutes < 0 || parts.micro < 0));
        write_clock(&parts, out);
    } else if year_month {
        year_and_month(&parts, out);
    } else if parts.days != 0 {
        write_integer(parts.days, out);
        out.push(b' ');
        write_clock(&parts, out);
    } else {
        write_clock(&parts, out);
    }
}

fn write_iso(parts: Parts, out: &mut Vec<u8>) {
    out.push(b'P');
    if parts.all().iter().all(|value| *value == 0) {
        out.extend_from_slice(b"T0S");
        return;
    }
    let part = |value: i64, unit: u8, out: &mut Vec<u8>| {
        if value != 0 {
            write_integer(value, out);
            out.push(unit);
        }
    };
    part(parts.years, b'Y', out);
    part(parts.months, b'M', out);
    part(parts.days, b'D', out);
    if parts.hours != 0 || parts.minutes != 0 || parts.micro != 0 {
        out.push(b'T');
    }
    part(parts.hours, b'H', out);
    part(parts.minutes, b'M', out);
    if parts.micro != 0 {
        if parts.micro < 0 {
            out.push(b'-');
        }
        write_seconds(parts.micro, false, out);
        out.push(b'S');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(style: IntervalStyle, months: i32, days: i32, microseconds: i64) -> String {
        let mut out = Vec::new();
        let styles = Styles { interval: style, ..Styles::plain(Tz::UTC) };
        styles.write_interval(months, days, microseconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn intervals() {
        use IntervalStyle as S;
        assert_eq!(interval(S::PostgresVerbose, -12, 0, 0), "@ 1 year ago");
        assert_eq!(interval(S::PostgresVerbose, 1, -1, 0), "@ 1 mon -1 days");
        assert_eq!(interval(S::PostgresVerbose, 0, 0, 0), "@ 0");
        assert_eq!(interval(S::PostgresVerbose, 0, 0, -1_500_000), "@ 1.5 secs ago");
        assert_eq!(interval(S::SqlStandard, 14, 3, 4 * HOUR), "+1-2 +3 +4:00:00");
        assert_eq!(interval(S::SqlStandard, -14, 0, 0), "-1-2");
        assert_eq!(interval(S::SqlStandard, 0, 3, HOUR), "3 1:00:00");
        assert_eq!(interval(S::Iso8601, 14, -3, 90 * SECOND), "P1Y2M-3DT1M30S");
        assert_eq!(interval(S::Iso8601, 0, 0, 0), "PT0S");
    }

    #[test]
    fn dates() {
        let day = |style: &str| {
            let styles = Styles::from_settings(Tz::Europe__Stockholm, style, "postgres");
            let mut out = Vec::new();
            styles.write_date(19_754, &mut out);
            out.push(b'|');
            styles.write_timestamptz(19_754 * calendar::DAY, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(day("SQL, DMY"), "01/02/2024|01/02/2024 01:00:00 CET");
        assert_eq!(day("German, DMY"), "01.02.2024|01.02.2024 01:00:00 CET");
        assert_eq!(day("Postgres, MDY"), "02-01-2024|Thu Feb 01 01:00:00 2024 CET");
        assert_eq!(day("ISO, MDY"), "2024-02-01|2024-02-01 01:00:00+01");
    }
}

//! When a schedule comes next by the clock on the wall, which jumps twice a year. The reader of cron expressions knows
//! no library of times by itself; this is chrono's for it.

use std::cmp::Ordering;

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::{Europe::Stockholm, Tz};
use croner::{CivilDateTime, CronDateTime, Resolution, Weekday, errors::CronError};

use crate::config::Schedule;

/// A time in the zone that people set schedules in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WallClock {
    time: DateTime<Tz>,
    civil: CivilDateTime,
}

impl WallClock {
    fn of(time: DateTime<Tz>) -> Option<Self> {
        let local = time.naive_local();
        let civil = CivilDateTime::from_ymd_hms_opt(
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
        )?;
        Some(Self { time, civil })
    }
}

/// When the schedule comes after a time; `None` if it never does.
pub(super) fn next(schedule: &Schedule, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let now = WallClock::of(after.with_timezone(&Stockholm))?;
    let next = schedule.cron().find_next_occurrence(&now, false).ok()?;
    Some(next.time.with_timezone(&Utc))
}

/// What the clock on the wall shows, in microseconds since it showed 1970.
pub(super) fn local_us(now: DateTime<Utc>) -> i64 {
    now.with_timezone(&Stockholm).naive_local().and_utc().timestamp_micros()
}

impl CronDateTime for WallClock {
    fn to_civil(&self) -> CivilDateTime {
        self.civil
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.time.weekday().num_days_from_sunday())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let naive = naive(civil).ok_or(CronError::InvalidDate)?;
        Ok(match self.time.timezone().from_local_datetime(&naive) {
            LocalResult::Single(time) => Resolution::Single(Self { time, civil }),
            LocalResult::Ambiguous(earlier, later) => {
                Resolution::Ambiguous(Self { time: earlier, civil }, Self { time: later, civil })
            }
            LocalResult::None => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        Self::of(self.time.checked_add_signed(TimeDelta::try_seconds(seconds)?)?)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time)
    }
}

fn naive(civil: CivilDateTime) -> Option<NaiveDateTime> {
    let date = NaiveDate::from_ymd_opt(civil.year(), civil.month(), civil.day())?;
    date.and_hms_opt(civil.hour(), civil.minute(), civil.second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn next_after(schedule: &str, after: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lis.toml");
        std::fs::write(&path, format!("[maintenance]\nschedule = \"{schedule}\"\n")).unwrap();
        let schedule = Config::read(&path, None).unwrap().maintenance.schedule.unwrap();
        let after: DateTime<Utc> = after.parse().unwrap();
        next(&schedule, after).unwrap().to_rfc3339()
    }

    #[test]
    fn the_clock_on_the_wall_counts() {
        assert_eq!(next_after("30 5 * * *", "2026-01-10T12:00:00Z"), "2026-01-11T04:30:00+00:00");
        assert_eq!(next_after("30 5 * * *", "2026-07-10T12:00:00Z"), "2026-07-11T03:30:00+00:00");
        assert_eq!(next_after("0 5 * * MON", "2026-11-23T12:00:00Z"), "2026-11-30T04:00:00+00:00");
    }
}

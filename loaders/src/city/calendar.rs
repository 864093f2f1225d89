//! The periods: two years of twelve months and a closing thirteenth each.

use chrono::{Datelike, NaiveDate};

/// The first year with figures.
pub(crate) const FIRST_YEAR: i32 = 2024;
/// The last year with figures.
pub(crate) const LAST_YEAR: i32 = 2025;
/// The period in which two districts have become one.
pub(crate) const MERGER: Period = Period { year: 2025, number: 7 };

const MONTHS: [&str; 13] = [
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
    "bokslut",
];

/// An accounting period: a month, or 13, in which a year is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Period {
    pub(crate) year: i32,
    pub(crate) number: u32,
}

impl Period {
    /// Every period of the city in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (FIRST_YEAR..=LAST_YEAR).flat_map(|year| (1..=13).map(move |number| Self { year, number }))
    }

    /// `202403`, as the accounting system writes it.
    pub(crate) fn code(self) -> i64 {
        i64::from(self.year) * 100 + i64::from(self.number)
    }

    pub(crate) fn is_closing(self) -> bool {
        self.number == 13
    }

    /// The month that it lies in: December for the thirteenth.
    pub(crate) fn month(self) -> u32 {
        self.number.min(12)
    }

    pub(crate) fn tertial(self) -> u32 {
        (self.month() - 1) / 4 + 1
    }

    pub(crate) fn quarter(self) -> u32 {
        (self.month() - 1) / 3 + 1
    }

    pub(crate) fn name(self) -> String {
        let month = MONTHS.get(self.number as usize - 1).copied().unwrap_or_default();
        format!("{month} {}", self.year)
    }

    pub(crate) fn first_day(self) -> NaiveDate {
        let day = if self.is_closing() { 31 } else { 1 };
        NaiveDate::from_ymd_opt(self.year, self.month(), day).unwrap_or_default()
    }

    pub(crate) fn last_day(self) -> NaiveDate {
        let (year, month) =
            if self.month() == 12 { (self.year + 1, 1) } else { (self.year, self.month() + 1) };
        NaiveDate::from_ymd_opt(year, month, 1).and_then(|day| day.pred_opt()).unwrap_or_default()
    }

    /// When the extract is delivered, which is the batch's business date: the month's last day, and for the
    /// thirteenth the 20th of January of the year after.
    pub(crate) fn delivered(self) -> NaiveDate {
        if self.is_closing() {
            NaiveDate::from_ymd_opt(self.year + 1, 1, 20).unwrap_or_default()
        } else {
            self.last_day()
        }
    }

    /// How many days it has.
    pub(crate) fn days(self) -> u32 {
        if self.is_closing() { 1 } else { self.last_day().day() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_thirteen_periods() {
        let periods: Vec<Period> = Period::all().collect();
        assert_eq!(periods.len(), 26);
        assert_eq!(periods[12].code(), 202_413);
        assert_eq!(periods[12].name(), "bokslut 2024");
        assert_eq!(periods[1].last_day().to_string(), "2024-02-29");
        assert_eq!(periods[12].delivered().to_string(), "2025-01-20");
        let mut dates: Vec<NaiveDate> = periods.iter().map(|period| period.delivered()).collect();
        dates.sort();
        dates.dedup();
        assert_eq!(dates.len(), 26, "every delivery has a business date of its own");
        assert!(periods.iter().all(|period| period.first_day() <= period.last_day()));
    }
}

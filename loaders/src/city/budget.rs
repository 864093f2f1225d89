//! What every account was given, and what it came to: the figures behind the files.
//!
//! Amounts are in öre and signed as in a ledger: cost is positive, income negative. They depend on the seed only,
//! never on `--scale`, so that every scale tells the same story with fewer or more rows.

use super::{
    calendar::{FIRST_YEAR, LAST_YEAR, Period},
    chart::{self, Line},
    organisation::{OVERSPENDER, PAYROLL_MISSING, Profile, Unit},
    rng::{Rng, share},
};

/// Öre in a thousand kronor: what a budget is written in.
const THOUSAND_KRONOR: i64 = 100_000;

/// The three ways in which money moves, each with vouchers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Class 5.
    Payroll,
    /// Classes 4, 6 and 7.
    Purchases,
    /// Class 3.
    Income,
}

impl Stream {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Payroll, Self::Purchases, Self::Income];

    /// The budget lines of a profile, with shares in thousandths of [`Stream::part_of_cost`].
    pub(crate) fn lines(self, profile: Profile) -> &'static [Line] {
        match self {
            Self::Payroll => &chart::WAGES,
            Self::Purchases => chart::other_costs(profile),
            Self::Income => chart::incomes(profile),
        }
    }

    /// The stream's sum in thousandths of the administration's cost, with its sign.
    fn part_of_cost(self, profile: Profile) -> i64 {
        match self {
            Self::Payroll => chart::wage_share(profile),
            Self::Purchases => 1000 - chart::wage_share(profile),
            Self::Income => -1000,
        }
    }

    /// How far a month may lie from its budget, in thousandths.
    fn noise(self) -> i64 {
        match self {
            Self::Payroll => 8,
            Self::Purchases => 35,
            Self::Income => 40,
        }
    }
}

/// What one account of one board of one administration has in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) board: &'static str,
    pub(crate) account: &'static str,
    /// In öre.
    pub(crate) amount: i64,
}

/// The budget of a month: nothing in the thirteenth, or when the administration does not exist.
pub(crate) fn budget(unit: &'static Unit, stream: Stream, period: Period) -> Vec<Figure> {
    if period.is_closing() || !unit.exists_in(period) {
        return Vec::new();
    }
    // Prices and wages rise by 3.2 % to the second year.
    let index = if period.year == FIRST_YEAR { 1000 } else { 1032 };
    let cost = unit.cost_mkr * 100_000_000 * index / 1000;
    let whole = share(cost, stream.part_of_cost(unit.profile), 1000);
    let mut figures = Vec::new();
    for (board, board_share) in unit.boards {
        for (account, line_share, season) in stream.lines(unit.profile) {
            let year = share(share(whole, *board_share, 1000), *line_share, 1000);
            let weights = season.weights();
            let weight = weights.get(period.number as usize - 1).copied().unwrap_or(0);
            let amount = share(year, weight, weights.iter().sum()) / THOUSAND_KRONOR * THOUSAND_KRONOR;
            figures.push(Figure { board, account, amount });
        }
    }
    figures
}

/// What is booked in a month. The thirteenth period has its own vouchers (see `ledger.rs`).
pub(crate) fn outcome(seed: u64, unit: &'static Unit, stream: Stream, period: Period) -> Vec<Figure> {
    if stream == Stream::Payroll && PAYROLL_MISSING == (unit.code, period) {
        return Vec::new();
    }
    planned_outcome(seed, unit, stream, period)
}

/// What would be booked if nothing were missing.
pub(crate) fn planned_outcome(seed: u64, unit: &'static Unit, stream: Stream, period: Period) -> Vec<Figure> {
    let mut habits = Rng::new(seed, &[2, unit.number()]);
    let habit = habits.between(-9, 9);
    let mut figures = budget(unit, stream, period);
    for figure in &mut figures {
        let account = figure.account.parse().unwrap_or(0);
        let stream_of_draws = [3, unit.number(), period.code().unsigned_abs(), account];
        let mut rng = Rng::new(seed, &stream_of_draws);
        let noise = rng.between(-stream.noise(), stream.noise());
        let thousandths = 1000
            + habit
            + noise
            + weather(figure.account, period)
            + overspending(unit, figure.account, period);
        // Whole kronor in the budget, öre in the books.
        figure.amount = share(figure.amount, thousandths, 1000) + rng.between(-4_999, 4_999);
    }
    figures
}

/// The first winter is mild, the second is not.
fn weather(account: &str, period: Period) -> i64 {
    let is_winter = matches!(period.number, 1..=3 | 11 | 12);
    match account {
        "62100" | "70100" if is_winter && period.year == FIRST_YEAR => -50,
        "62100" | "70100" if is_winter => 60,
        _ => 0,
    }
}

/// The district that overspends: a little in the first year, more and more in the second, on placements of
/// children, on hourly wages and on places in homes for the elderly.
fn overspending(unit: &Unit, account: &str, period: Period) -> i64 {
    if unit.code != OVERSPENDER {
        return 0;
    }
    let month = i64::from(period.month());
    match (account, period.year) {
        ("46100" | "46400" | "50200", FIRST_YEAR) => 25,
        ("46100", LAST_YEAR) => 60 + 16 * month,
        ("46400", LAST_YEAR) => 90 + 48 * month,
        ("50200", LAST_YEAR) => 100 + 20 * month,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::organisation::UNITS;

    fn year_sum(figures: impl Fn(&'static Unit, Stream, Period) -> Vec<Figure>, streams: &[Stream]) -> i64 {
        let mut sum = 0;
        for period in Period::all().filter(|period| period.year == LAST_YEAR) {
            for unit in &UNITS {
                for stream in streams {
                    sum += figures(unit, *stream, period).iter().map(|figure| figure.amount).sum::<i64>();
                }
            }
        }
        sum
    }

    #[test]
    fn wages_are_about_half_of_the_cost() {
        let wages = year_sum(budget, &[Stream::Payroll]);
        let cost = year_sum(budget, &[Stream::Payroll, Stream::Purchases]);
        assert!((450..550).contains(&(wages * 1000 / cost)), "{} thousandths", wages * 1000 / cost);
        let income = year_sum(budget, &[Stream::Income]);
        assert!(income < 0 && -income < cost / 3);
    }

    #[test]
    fn the_outcome_follows_the_budget() {
        let given = year_sum(budget, &Stream::ALL);
        let booked = year_sum(|unit, stream, period| outcome(1, unit, stream, period), &Stream::ALL);
        let apart = (booked - given).abs() * 1000 / given;
        assert!(apart < 25, "{apart} thousandths");
    }

    #[test]
    fn the_planted_district_overspends() {
        let over = |code: &str| {
            let unit = UNITS.iter().find(|unit| unit.code == code).unwrap();
            let (mut given, mut booked) = (0, 0);
            for period in Period::all().filter(|period| period.year == LAST_YEAR) {
                for stream in Stream::ALL {
                    given += budget(unit, stream, period).iter().map(|figure| figure.amount).sum::<i64>();
                    booked +=
                        outcome(1, unit, stream, period).iter().map(|figure| figure.amount).sum::<i64>();
                }
            }
            (booked - given) * 1000 / given
        };
        assert!(over(OVERSPENDER) > 50);
        assert!(over("101").abs() < 20 && over("113").abs() < 20);
    }
}

//! Exempelstad, the fictional city of `lis demo`: extracts as source systems deliver them, the sources' TOML, the
//! tree of administrations, the users and a report.
//!
//! Nothing in it is real, and it says so wherever it shows. Everything follows from a seed: the same seed makes the
//! same bytes on every machine. The scale decides how many ledger lines there are, never what they add up to.
//! `docs/exempelstad.md` tells people what is in it; this is the order to read the code in:
//!
//! - `organisation`: who there is; `calendar`: the periods; `chart`: the accounts and what each kind of
//!   administration spends on them
//! - `budget`: the figures per account and month, and what was planted in them
//! - `ledger`: the figures as vouchers, with the dirt of a real extract
//! - `files`: dimensions, budget and the sources; `setup`: users, administrations, grants, the report
//! - `rng`: draws that never change

mod budget;
mod calendar;
mod chart;
mod files;
mod ledger;
mod organisation;
mod rng;
mod setup;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;

use self::{
    calendar::{FIRST_YEAR, LAST_YEAR, Period},
    organisation::{DELIVERED_TWICE, UNITS},
    rng::share,
};

/// About how many ledger lines there are at scale 1.
const LINES_AT_SCALE_ONE: f64 = 1_000_000.0;
/// The largest scale: a thousand million lines.
const SCALE_MAX: f64 = 1000.0;
/// The administration whose file came twice.
const CAME_TWICE: &str = "104";

/// How big the city is to be, and which one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CityOptions {
    /// 1 is about a million ledger lines.
    pub scale: f64,
    /// Another seed makes other amounts.
    pub seed: u64,
}

impl Default for CityOptions {
    fn default() -> Self {
        Self { scale: 0.1, seed: 1 }
    }
}

/// What was made, and what is to be done with it, in this order: load [`City::deliveries`], make
/// [`City::administrations`] and [`City::users`], run [`City::statements`].
#[derive(Debug, Clone)]
pub struct City {
    /// In the order in which they are to be loaded.
    pub deliveries: Vec<Delivery>,
    /// The tree, parents first.
    pub administrations: Vec<Administration>,
    /// The users beside `lis_admin`.
    pub users: Vec<User>,
    /// SQL that `lis_admin` runs once after the loads and after the users were made; one statement each.
    pub statements: Vec<String>,
    /// Lines of the ledger's files, good and bad, headers not counted; the refused delivery's not either.
    pub ledger_lines: u64,
    /// Of them, lines that are bad on purpose.
    pub bad_lines: u64,
}

/// One delivery of one source: what becomes a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The source's name: `DIR/sources.d/<source>.toml`.
    pub source: String,
    /// The batch's business date.
    pub date: NaiveDate,
    /// The batch's number for that date.
    pub sequence: u32,
    /// Its files, in `DIR/inbox/<source>/`.
    pub files: Vec<PathBuf>,
    /// Whether the loader is meant to refuse it: the delivery that came twice.
    pub refused: bool,
}

/// A node in the tree of administrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    /// Three digits; its role is `adm_<code>`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whose members belong to it too.
    pub parent: Option<String>,
}

/// A user who logs in with a password that the server makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// Codes of the administrations that the user belongs to.
    pub administrations: Vec<String>,
}

/// Why no city was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CityError {
    /// The scale is not a number that a city can have.
    #[error("a scale must be greater than 0 and at most {SCALE_MAX}, not {0}")]
    Scale(f64),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Writes the city's sources to `dir/sources.d` and its extracts to `dir/inbox/<source>`.
///
/// Files with the same names are overwritten; others are left alone.
///
/// # Errors
/// When the scale is not between 0 and 1000, or a file cannot be written.
pub fn generate(dir: &Path, options: CityOptions) -> Result<City, CityError> {
    let lines_wanted = lines_wanted(options.scale)?;
    for (name, toml) in [
        ("organisation", files::ORGANISATION_TOML),
        ("budget", files::BUDGET_TOML),
        ("agresso", files::AGRESSO_TOML),
    ] {
        write(&dir.join("sources.d"), &format!("{name}.toml"), toml.as_bytes())?;
    }
    let mut deliveries = vec![organisation(dir)?];
    for year in FIRST_YEAR..=LAST_YEAR {
        let date = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        let name = format!("budget_{date}.csv");
        let file = write(&dir.join("inbox/budget"), &name, &files::budget_of_year(year))?;
        deliveries.push(delivery("budget", date, vec![file]));
    }
    let (mut ledger_lines, mut bad_lines) = (0, 0);
    for period in Period::all() {
        let inbox = dir.join("inbox/agresso");
        let date = period.delivered();
        let mut paths = Vec::new();
        let mut twice = None;
        for unit in UNITS.iter().filter(|unit| unit.exists_in(period)) {
            let extract = ledger::extract(options.seed, unit, period, lines_of(unit, lines_wanted));
            ledger_lines += extract.lines;
            bad_lines += extract.bad_lines;
            let bytes = files::latin1(&extract.text);
            let day = date.format("%Y%m%d");
            paths.push(write(&inbox, &format!("agresso_{}_{day}.txt", unit.code), &bytes)?);
            if unit.code == CAME_TWICE && period == DELIVERED_TWICE {
                twice = Some(write(&inbox, &format!("agresso_{}_{day}_2.txt", unit.code), &bytes)?);
            }
        }
        deliveries.push(delivery("agresso", date, paths));
        if let Some(path) = twice {
            deliveries.push(Delivery { sequence: 2, refused: true, ..delivery("agresso", date, vec![path]) });
        }
    }
    Ok(City {
        deliveries,
        administrations: setup::administrations(),
        users: setup::users(),
        statements: setup::statements(),
        ledger_lines,
        bad_lines,
    })
}

/// The dimensions, delivered the day before the first period ends.
fn organisation(dir: &Path) -> Result<Delivery, CityError> {
    let date = Period { year: FIRST_YEAR, number: 1 }.first_day();
    let inbox = dir.join("inbox/organisation");
    let paths = vec![
        write(&inbox, &format!("forvaltning_{date}.csv"), &files::administrations())?,
        write(&inbox, &format!("namnd_{date}.txt"), &files::boards())?,
        write(&inbox, &format!("konto_{date}.txt"), &files::accounts())?,
        write(&inbox, &format!("kalender_{date}.txt"), &files::calendar())?,
    ];
    Ok(delivery("organisation", date, paths))
}

fn delivery(source: &str, date: NaiveDate, files: Vec<PathBuf>) -> Delivery {
    Delivery { source: source.to_owned(), date, sequence: 1, files, refused: false }
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, CityError> {
    let path = dir.join(name);
    let written = fs::create_dir_all(dir).and_then(|()| fs::write(&path, bytes));
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(CityError::Write { path, source }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and SCALE_MAX times LINES_AT_SCALE_ONE, which a u64 holds"
)]
fn lines_wanted(scale: f64) -> Result<u64, CityError> {
    if scale > 0.0 && scale <= SCALE_MAX {
        Ok((scale * LINES_AT_SCALE_ONE).round() as u64)
    } else {
        Err(CityError::Scale(scale))
    }
}

/// About how many lines an administration's month has: in the proportion of its money.
fn lines_of(unit: &organisation::Unit, lines_wanted: u64) -> u64 {
    let months = 24;
    let whole: i64 = UNITS.iter().map(|unit| weight(unit) * i64::from(months_of(unit))).sum();
    let lines = i64::try_from(lines_wanted).unwrap_or(i64::MAX);
    share(lines * months, weight(unit), whole * months).unsigned_abs()
}

/// Small administrations have more lines for their money than large ones.
fn weight(unit: &organisation::Unit) -> i64 {
    (unit.cost_mkr * 100).isqrt() + unit.cost_mkr / 10
}

fn months_of(unit: &organisation::Unit) -> u32 {
    let months = Period::all().filter(|period| !period.is_closing() && unit.exists_in(*period)).count();
    u32::try_from(months).unwrap_or(24)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that goes away with the test.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("lis-city-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_city() {
        let (one, other, third) = (Dir::new("one"), Dir::new("other"), Dir::new("third"));
        let options = CityOptions { scale: 0.01, seed: 5 };
        let city = generate(&one.0, options).unwrap();
        generate(&other.0, options).unwrap();
        generate(&third.0, CityOptions { seed: 6, ..options }).unwrap();
        let mut differing = 0;
        for path in city.deliveries.iter().flat_map(|delivery| &delivery.files) {
            let name = path.strip_prefix(&one.0).unwrap();
            assert_eq!(fs::read(path).unwrap(), fs::read(other.0.join(name)).unwrap(), "{}", name.display());
            differing += usize::from(fs::read(path).unwrap() != fs::read(third.0.join(name)).unwrap());
        }
        assert!(differing > 700, "{differing} files differ with the seed");
    }

    #[test]
    fn the_scale_is_the_number_of_lines() {
        let dir = Dir::new("scale");
        for (scale, least, most) in [(0.01, 8_000, 16_000), (0.1, 85_000, 120_000)] {
            let city = generate(&dir.0, CityOptions { scale, seed: 1 }).unwrap();
            assert!((least..most).contains(&city.ledger_lines), "{scale}: {}", city.ledger_lines);
            let per_thousand = city.bad_lines * 1000 / city.ledger_lines;
            assert!((7..13).contains(&per_thousand), "{scale}: {per_thousand} in a thousand are bad");
        }
        assert!(matches!(generate(&dir.0, CityOptions { scale: 0.0, seed: 1 }), Err(CityError::Scale(_))));
    }

    #[test]
    fn one_delivery_came_twice() {
        let dir = Dir::new("twice");
        let city = generate(&dir.0, CityOptions { scale: 0.01, seed: 1 }).unwrap();
        let refused: Vec<&Delivery> = city.deliveries.iter().filter(|delivery| delivery.refused).collect();
        assert_eq!(refused.len(), 1);
        let first =
            city.deliveries.iter().find(|it| it.source == "agresso" && it.date == refused[0].date).unwrap();
        let name = format!("agresso_{CAME_TWICE}_20250331.txt");
        let original = first.files.iter().find(|path| path.ends_with(&name)).unwrap();
        assert_eq!(fs::read(original).unwrap(), fs::read(&refused[0].files[0]).unwrap());
    }
}

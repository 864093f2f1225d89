//! Who there is in Exempelstad: administrations, their boards and what each costs in a year.
//!
//! Everything here is invented. The districts have names that no real city's districts have, since deficits under
//! a real name would be believed. Boards and administrations are not one to one: two districts share a board, two
//! offices serve a second board beside their own, and in the middle of 2025 two districts become a new one.

use super::calendar::{FIRST_YEAR, LAST_YEAR, MERGER, Period};

/// What an administration does, which decides what its money goes to and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A district: preschools, care of the elderly, social services.
    District,
    /// Schools.
    School,
    /// Social services and labour market.
    Social,
    /// Streets, property, land, cemeteries.
    Technical,
    /// Culture and sports.
    Leisure,
    /// An office: mostly people at desks.
    Office,
}

/// An administration (förvaltning).
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) profile: Profile,
    /// Cost in 2024, in millions of kronor.
    pub(crate) cost_mkr: i64,
    /// Its boards, and the share of its money in thousandths.
    pub(crate) boards: &'static [(&'static str, i64)],
    /// The administration that it became part of at the merger.
    pub(crate) successor: Option<&'static str>,
    /// Whether it began at the merger.
    pub(crate) began_at_merger: bool,
}

impl Unit {
    /// The code as a number, for the random streams.
    pub(crate) fn number(&self) -> u64 {
        self.code.parse().unwrap_or(0)
    }

    /// Whether it keeps books in this period.
    pub(crate) fn exists_in(&self, period: Period) -> bool {
        if self.successor.is_some() {
            period < MERGER
        } else if self.began_at_merger {
            period >= MERGER
        } else {
            true
        }
    }

    /// "Stadsdel" or "fackförvaltning", as the dimension says.
    pub(crate) fn kind(&self) -> &'static str {
        if self.profile == Profile::District { "stadsdel" } else { "fackförvaltning" }
    }

    /// The group in the tree of administrations.
    pub(crate) fn parent(&self) -> &'static str {
        match (self.successor, self.profile) {
            (Some(successor), _) => successor,
            (None, Profile::District) => DISTRICTS,
            (None, _) => SPECIALISED,
        }
    }

    /// First and last day, where the books of the two years know one.
    pub(crate) fn valid(&self) -> (String, String) {
        let from = if self.began_at_merger {
            MERGER.first_day()
        } else {
            Period { year: FIRST_YEAR, number: 1 }.first_day()
        };
        let to = self
            .successor
            .and_then(|_| MERGER.first_day().pred_opt())
            .map(|day| day.to_string())
            .unwrap_or_default();
        (from.to_string(), to)
    }
}

/// A board (nämnd).
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
}

/// The root of the tree of administrations.
pub(crate) const CITY: &str = "000";
/// The group of all districts.
pub(crate) const DISTRICTS: &str = "100";
/// The group of all specialised administrations.
pub(crate) const SPECIALISED: &str = "200";
/// The groups: code, name, parent.
pub(crate) const GROUPS: [(&str, &str, Option<&str>); 3] = [
    (CITY, "Exempelstads kommun", None),
    (DISTRICTS, "Stadsdelsförvaltningarna", Some(CITY)),
    (SPECIALISED, "Fackförvaltningarna", Some(CITY)),
];

/// The district that spends more than it has.
pub(crate) const OVERSPENDER: &str = "107";
/// The administration whose payroll is missing, and the period.
pub(crate) const PAYROLL_MISSING: (&str, Period) = ("212", Period { year: LAST_YEAR, number: 10 });
/// The period whose delivery came twice.
pub(crate) const DELIVERED_TWICE: Period = Period { year: LAST_YEAR, number: 3 };

const fn unit(
    code: &'static str,
    name: &'static str,
    profile: Profile,
    cost_mkr: i64,
    boards: &'static [(&'static str, i64)],
) -> Unit {
    Unit { code, name, profile, cost_mkr, boards, successor: None, began_at_merger: false }
}

use Profile::{District, Leisure, Office, School, Social, Technical};

/// Every administration: fourteen districts, the one that two of them became, sixteen specialised.
pub(crate) static UNITS: [Unit; 31] = [
    unit("101", "Norrlunda-Åby stadsdelsförvaltning", District, 1240, &[("51", 1000)]),
    unit("102", "Tallmossens stadsdelsförvaltning", District, 980, &[("52", 1000)]),
    unit("103", "Kvarnhagen-Ekdals stadsdelsförvaltning", District, 1610, &[("53", 1000)]),
    unit("104", "Solhöjdens stadsdelsförvaltning", District, 870, &[("54", 1000)]),
    unit("105", "Frostviks stadsdelsförvaltning", District, 760, &[("55", 1000)]),
    unit("106", "Björkänga stadsdelsförvaltning", District, 1120, &[("56", 1000)]),
    unit("107", "Stenbrottets stadsdelsförvaltning", District, 1330, &[("57", 1000)]),
    Unit {
        successor: Some("115"),
        ..unit("108", "Ängslunda stadsdelsförvaltning", District, 690, &[("58", 1000)])
    },
    Unit {
        successor: Some("115"),
        ..unit("109", "Mårdby stadsdelsförvaltning", District, 540, &[("59", 1000)])
    },
    unit("110", "Västerhamra stadsdelsförvaltning", District, 1450, &[("60", 1000)]),
    unit("111", "Gläntan-Mossdals stadsdelsförvaltning", District, 820, &[("61", 1000)]),
    unit("112", "Sjöhagens stadsdelsförvaltning", District, 610, &[("61", 1000)]),
    unit("113", "Östergärde stadsdelsförvaltning", District, 1080, &[("62", 1000)]),
    unit("114", "Ringmurens stadsdelsförvaltning", District, 930, &[("63", 1000)]),
    Unit {
        began_at_merger: true,
        ..unit("115", "Ängslunda-Mårdby stadsdelsförvaltning", District, 1230, &[("64", 1000)])
    },
    unit("201", "Stadsledningskontoret", Office, 640, &[("01", 1000)]),
    unit("202", "Utbildningsförvaltningen", School, 6850, &[("02", 1000)]),
    unit("203", "Socialförvaltningen", Social, 1720, &[("03", 1000)]),
    unit("204", "Äldreförvaltningen", Social, 310, &[("04", 1000)]),
    unit("205", "Arbetsmarknadsförvaltningen", Social, 790, &[("05", 1000)]),
    unit("206", "Trafikkontoret", Technical, 1380, &[("06", 720), ("07", 280)]),
    unit("207", "Exploateringskontoret", Technical, 420, &[("08", 1000)]),
    unit("208", "Fastighetskontoret", Technical, 960, &[("09", 830), ("12", 170)]),
    unit("209", "Stadsbyggnadskontoret", Office, 330, &[("10", 1000)]),
    unit("210", "Miljöförvaltningen", Office, 190, &[("11", 1000)]),
    unit("211", "Idrottsförvaltningen", Leisure, 520, &[("12", 1000)]),
    unit("212", "Kulturförvaltningen", Leisure, 740, &[("13", 1000)]),
    unit("213", "Serviceförvaltningen", Office, 450, &[("14", 1000)]),
    unit("214", "Kyrkogårdsförvaltningen", Technical, 160, &[("15", 1000)]),
    unit("215", "Överförmyndarförvaltningen", Office, 75, &[("16", 1000)]),
    unit("216", "Valkansliet", Office, 18, &[("17", 1000)]),
];

const fn board(code: &'static str, name: &'static str) -> Board {
    Board { code, name }
}

/// Every board.
pub(crate) static BOARDS: [Board; 31] = [
    board("01", "Kommunstyrelsen"),
    board("02", "Utbildningsnämnden"),
    board("03", "Socialnämnden"),
    board("04", "Äldrenämnden"),
    board("05", "Arbetsmarknadsnämnden"),
    board("06", "Trafiknämnden"),
    board("07", "Renhållningsnämnden"),
    board("08", "Exploateringsnämnden"),
    board("09", "Fastighetsnämnden"),
    board("10", "Stadsbyggnadsnämnden"),
    board("11", "Miljö- och hälsoskyddsnämnden"),
    board("12", "Idrottsnämnden"),
    board("13", "Kulturnämnden"),
    board("14", "Servicenämnden"),
    board("15", "Kyrkogårdsnämnden"),
    board("16", "Överförmyndarnämnden"),
    board("17", "Valnämnden"),
    board("51", "Norrlunda-Åby stadsdelsnämnd"),
    board("52", "Tallmossens stadsdelsnämnd"),
    board("53", "Kvarnhagen-Ekdals stadsdelsnämnd"),
    board("54", "Solhöjdens stadsdelsnämnd"),
    board("55", "Frostviks stadsdelsnämnd"),
    board("56", "Björkänga stadsdelsnämnd"),
    board("57", "Stenbrottets stadsdelsnämnd"),
    board("58", "Ängslunda stadsdelsnämnd"),
    board("59", "Mårdby stadsdelsnämnd"),
    board("60", "Västerhamra stadsdelsnämnd"),
    board("61", "Gläntan-Mossdals och Sjöhagens stadsdelsnämnd"),
    board("62", "Östergärde stadsdelsnämnd"),
    board("63", "Ringmurens stadsdelsnämnd"),
    board("64", "Ängslunda-Mårdby stadsdelsnämnd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organisation_holds_together() {
        for unit in &UNITS {
            assert_eq!(unit.code.len(), 3);
            assert_eq!(unit.boards.iter().map(|(_, share)| share).sum::<i64>(), 1000, "{}", unit.code);
            for (code, _) in unit.boards {
                assert!(BOARDS.iter().any(|board| board.code == *code), "board {code}");
            }
        }
        let districts = UNITS.iter().filter(|unit| unit.profile == District);
        let in_year_one =
            districts.filter(|unit| unit.exists_in(Period { year: FIRST_YEAR, number: 1 })).count();
        assert_eq!(in_year_one, 14);
        let later = Period { year: LAST_YEAR, number: 13 };
        assert_eq!(UNITS.iter().filter(|unit| unit.profile == District && unit.exists_in(later)).count(), 13);
        let merged: i64 =
            UNITS.iter().filter(|unit| unit.successor.is_some()).map(|unit| unit.cost_mkr).sum();
        assert_eq!(UNITS.iter().find(|unit| unit.began_at_merger).map(|unit| unit.cost_mkr), Some(merged));
    }
}

//! The chart of accounts, in the manner of Kommun-Bas: class 3 income, 4 purchases and grants, 5 wages, 6–7 other
//! costs. (In the private sector's BAS wages are class 7; mixing the two up is a classic.)
//!
//! Accounts have five digits: class, group, Kommun-Bas's three, and two of the city's own.

use super::organisation::Profile;

/// What an account is for, as the reports ask: the closing account is left out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountKind {
    /// Tillgång.
    Asset,
    /// Skuld, eget kapital.
    Liability,
    /// Intäkt.
    Income,
    /// Kostnad.
    Cost,
    /// Årets resultat: what closes the year.
    Result,
}

impl AccountKind {
    /// The letter in the dimension.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Asset => "T",
            Self::Liability => "S",
            Self::Income => "I",
            Self::Cost => "K",
            Self::Result => "R",
        }
    }
}

/// An account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: AccountKind,
}

const fn account(code: &'static str, name: &'static str, kind: AccountKind) -> Account {
    Account { code, name, kind }
}

use AccountKind::{Asset, Cost, Income, Liability, Result};

pub(crate) const FIXED_ASSETS_WORN: &str = "12190";
pub(crate) const RECEIVABLES: &str = "15100";
pub(crate) const INPUT_VAT: &str = "16410";
pub(crate) const BANK: &str = "19100";
pub(crate) const EQUITY_RESULT: &str = "20100";
pub(crate) const PAYABLES: &str = "25100";
pub(crate) const WAGE_TAX: &str = "27100";
pub(crate) const SOCIAL_CHARGES_OWED: &str = "27300";
pub(crate) const WAGES_OWED: &str = "28200";
pub(crate) const HOLIDAY_DEBT: &str = "29100";
pub(crate) const DEPRECIATION: &str = "79100";
pub(crate) const YEAR_RESULT: &str = "89900";

/// Every account.
pub(crate) static ACCOUNTS: [Account; 58] = [
    account("12100", "Maskiner och inventarier", Asset),
    account(FIXED_ASSETS_WORN, "Ackumulerade avskrivningar inventarier", Asset),
    account(RECEIVABLES, "Kundfordringar", Asset),
    account(INPUT_VAT, "Ingående mervärdesskatt", Asset),
    account("17100", "Förutbetalda kostnader", Asset),
    account(BANK, "Bank, koncernkonto", Asset),
    account(EQUITY_RESULT, "Eget kapital, årets resultat", Liability),
    account(PAYABLES, "Leverantörsskulder", Liability),
    account(WAGE_TAX, "Personalens skatter", Liability),
    account(SOCIAL_CHARGES_OWED, "Upplupna sociala avgifter", Liability),
    account(WAGES_OWED, "Löneskulder", Liability),
    account(HOLIDAY_DEBT, "Upplupna semesterlöner", Liability),
    account("29900", "Övriga upplupna kostnader", Liability),
    account("30100", "Försäljningsintäkter", Income),
    account("31100", "Barnomsorgsavgifter", Income),
    account("31200", "Avgifter äldreomsorg", Income),
    account("31700", "Parkerings- och markavgifter", Income),
    account("31900", "Övriga taxor och avgifter", Income),
    account("34100", "Hyror och arrenden", Income),
    account("35100", "Statsbidrag", Income),
    account("35800", "Övriga bidrag", Income),
    account("36200", "Försäljning av verksamhet", Income),
    account("40100", "Anläggningsmaterial", Cost),
    account("40200", "Underhållsmaterial", Cost),
    account("45100", "Ekonomiskt bistånd", Cost),
    account("45200", "Bidrag till föreningar", Cost),
    account("46100", "Köp av äldreboende", Cost),
    account("46200", "Köp av hemtjänst", Cost),
    account("46300", "Köp av förskola", Cost),
    account("46400", "Köp av placeringar, barn och unga", Cost),
    account("46500", "Köp av skolplatser", Cost),
    account("46900", "Köp av övrig verksamhet", Cost),
    account("50100", "Löner, månadsavlönade", Cost),
    account("50200", "Löner, timavlönade", Cost),
    account("50900", "Semesterlöner, förändring", Cost),
    account("51100", "Sjuklöner", Cost),
    account("55100", "Kostnadsersättningar", Cost),
    account("56100", "Arbetsgivaravgifter", Cost),
    account("57100", "Pensionskostnader", Cost),
    account("60100", "Lokalhyror", Cost),
    account("61500", "Reparation och underhåll av lokaler", Cost),
    account("61900", "Städning", Cost),
    account("62100", "El och värme", Cost),
    account("64100", "Förbrukningsinventarier", Cost),
    account("64400", "Livsmedel", Cost),
    account("64600", "Läromedel", Cost),
    account("65100", "Kontorsmaterial", Cost),
    account("68100", "Telefoni och datakommunikation", Cost),
    account("69100", "Transporter, skolskjuts och färdtjänst", Cost),
    account("70100", "Snöröjning och gatudrift", Cost),
    account("71100", "Kurser och konferenser", Cost),
    account("73300", "Larm och bevakning", Cost),
    account("74100", "Konsulttjänster", Cost),
    account("75100", "It-tjänster", Cost),
    account("76100", "Tidningar och facklitteratur", Cost),
    account("78100", "Kapitalkostnad, intern ränta", Cost),
    account(DEPRECIATION, "Avskrivningar", Cost),
    account(YEAR_RESULT, "Årets resultat", Result),
];

/// How a thing's cost or income is spread over the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Season {
    /// The same every month.
    Even,
    /// Little in July.
    Terms,
    /// Most of it while it is cold.
    Winter,
    /// Most of it in the summer.
    Summer,
    /// Much in December, when budgets must be used up.
    YearEnd,
}

impl Season {
    /// The weights of the twelve months.
    pub(crate) fn weights(self) -> [i64; 12] {
        match self {
            Self::Even => [100; 12],
            Self::Terms => [103, 104, 106, 104, 106, 98, 62, 84, 108, 109, 108, 108],
            Self::Winter => [168, 160, 138, 96, 64, 46, 40, 44, 66, 96, 130, 152],
            Self::Summer => [60, 62, 74, 98, 126, 148, 150, 140, 112, 92, 72, 66],
            Self::YearEnd => [70, 80, 92, 92, 98, 96, 56, 82, 104, 112, 128, 190],
        }
    }
}

/// A line of an administration's annual budget: account, share of its total cost in thousandths, season.
pub(crate) type Line = (&'static str, i64, Season);

use Season::{Even, Summer, Terms, Winter, YearEnd};

/// Class 5 as parts of the class, in thousandths.
pub(crate) const WAGES: [Line; 7] = [
    ("50100", 585, Even),
    ("50200", 62, Summer),
    ("50900", 8, Even),
    ("51100", 14, Winter),
    ("55100", 6, Even),
    ("56100", 215, Even),
    ("57100", 110, Even),
];

/// The share of wages in a profile's cost, in thousandths.
pub(crate) fn wage_share(profile: Profile) -> i64 {
    match profile {
        Profile::District => 520,
        Profile::School => 560,
        Profile::Social => 440,
        Profile::Technical => 260,
        Profile::Leisure => 430,
        Profile::Office => 600,
    }
}

/// Costs beside wages, in thousandths of what wages leave.
pub(crate) fn other_costs(profile: Profile) -> &'static [Line] {
    match profile {
        Profile::District => &[
            ("46100", 250, Even),
            ("46200", 150, Even),
            ("46300", 120, Terms),
            ("46400", 110, Even),
            ("45100", 105, Even),
            ("60100", 130, Even),
            ("61900", 25, Even),
            ("64100", 20, YearEnd),
            ("64400", 40, Terms),
            ("68100", 15, Even),
            ("75100", 20, Even),
            ("79100", 15, Even),
        ],
        Profile::School => &[
            ("46500", 390, Terms),
            ("60100", 300, Even),
            ("64400", 90, Terms),
            ("64600", 60, Terms),
            ("64100", 40, YearEnd),
            ("69100", 50, Terms),
            ("75100", 40, Even),
            ("79100", 30, Even),
        ],
        Profile::Social => &[
            ("46400", 420, Even),
            ("46900", 190, Even),
            ("45100", 130, Even),
            ("45200", 60, YearEnd),
            ("60100", 110, Even),
            ("74100", 40, YearEnd),
            ("75100", 35, Even),
            ("71100", 15, Terms),
        ],
        Profile::Technical => &[
            ("40100", 90, Summer),
            ("40200", 120, Summer),
            ("61500", 150, Summer),
            ("62100", 130, Winter),
            ("70100", 200, Winter),
            ("74100", 90, YearEnd),
            ("78100", 80, Even),
            ("79100", 140, Even),
        ],
        Profile::Leisure => &[
            ("60100", 380, Even),
            ("45200", 180, YearEnd),
            ("62100", 110, Winter),
            ("61500", 90, Summer),
            ("76100", 60, Even),
            ("73300", 40, Even),
            ("74100", 60, YearEnd),
            ("79100", 80, Even),
        ],
        Profile::Office => &[
            ("60100", 220, Even),
            ("74100", 280, YearEnd),
            ("75100", 260, Even),
            ("65100", 40, Even),
            ("68100", 60, Even),
            ("71100", 50, Terms),
            ("76100", 20, Even),
            ("79100", 70, Even),
        ],
    }
}

/// Income, in thousandths of the total cost.
pub(crate) fn incomes(profile: Profile) -> &'static [Line] {
    match profile {
        Profile::District => &[
            ("31100", 38, Terms),
            ("31200", 30, Even),
            ("35100", 48, Even),
            ("36200", 24, Even),
            ("34100", 10, Even),
        ],
        Profile::School => &[("35100", 52, Terms), ("36200", 60, Terms), ("31900", 8, Terms)],
        Profile::Social => &[("35100", 120, Even), ("35800", 30, YearEnd), ("31900", 12, Even)],
        Profile::Technical => &[("31700", 280, Summer), ("34100", 260, Even), ("30100", 30, Even)],
        Profile::Leisure => &[("30100", 60, Even), ("34100", 55, Terms), ("35800", 40, YearEnd)],
        Profile::Office => &[("36200", 210, Even), ("31900", 60, Even)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_is_whole_and_known() {
        let known = |code: &str| ACCOUNTS.iter().any(|account| account.code == code);
        assert_eq!(WAGES.iter().map(|line| line.1).sum::<i64>(), 1000);
        for profile in [
            Profile::District,
            Profile::School,
            Profile::Social,
            Profile::Technical,
            Profile::Leisure,
            Profile::Office,
        ] {
            assert_eq!(other_costs(profile).iter().map(|line| line.1).sum::<i64>(), 1000, "{profile:?}");
            for line in WAGES.iter().chain(other_costs(profile)).chain(incomes(profile)) {
                assert!(known(line.0), "{}", line.0);
            }
        }
        assert!(ACCOUNTS.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn seasons_are_about_twelve_hundred() {
        for season in [Even, Terms, Winter, Summer, YearEnd] {
            let sum: i64 = season.weights().iter().sum();
            assert!((1190..=1210).contains(&sum), "{season:?} {sum}");
        }
    }
}

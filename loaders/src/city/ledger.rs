//! The ledger extract: one file per administration and period, as an Agresso client delivers it.
//!
//! Every voucher balances. Amounts are written the way such extracts really are: decimal comma, blanks or no-break
//! blanks between thousands in some rows, the minus behind in others, trailing blanks, `NULL` and `SAKNAS` for
//! nothing, names cut off at 25 characters. About one row in a hundred is bad on purpose; bad rows come in addition
//! to the vouchers, so that what is let in still balances.

use super::{
    budget::{Figure, Stream, outcome, planned_outcome},
    calendar::Period,
    chart,
    organisation::{PAYROLL_MISSING, Unit},
    rng::{Rng, share},
};

/// The names of the columns.
const HEADER: &str = "FÖRVALTNING;NÄMND;VERTYP;VERNR;RAD;PERIOD;BOKF.DATUM;KONTO;ANSVAR;VERKSAMHET;PROJEKT;MOTPART;\
                      LEVERANTÖR;TEXT;BELOPP\r\n";

/// Invented suppliers; long names are cut off in the extract.
const SUPPLIERS: [&str; 24] = [
    "Ahlmarks Kontor AB",
    "Björnberga Omsorg AB",
    "Byggarna i Exempelstad Ekonomisk förening",
    "Däldernas El & Värme AB",
    "Ekhöjdens Måltider AB",
    "Exempelbostäder AB",
    "Femkantens Larm AB",
    "Fiktiva Fastigheter i Norr KB",
    "Förskolan Fyrklövern ek. för.",
    "Grönkulla Äldrevård AB",
    "Hallonets Städ HB",
    "Idétorgets Konsulter AB",
    "Järnladans Maskin AB",
    "Kvarnbäckens Läromedel AB",
    "Lövhagens Hemtjänst AB",
    "Månljusets Transport AB",
    "Nätstugan Data AB",
    "Påhittade Papper AB",
    "Rönnbergets HVB AB",
    "Snö & Grus i Mellanlandet AB",
    "Tänkta Tjänster AB",
    "Utsiktens Utbildning AB",
    "Vallmons Bemanning AB",
    "Åkerskolan Stiftelse",
];

/// The longest supplier name that the extract has room for.
const SUPPLIER_CHARACTERS: usize = 25;

/// One line of a voucher.
struct Row {
    board: &'static str,
    account: &'static str,
    amount: i64,
}

/// The text of one administration's file for a period and the number of lines in it.
pub(crate) struct Extract {
    pub(crate) text: String,
    /// Lines after the header, good and bad.
    pub(crate) lines: u64,
    /// Of them, lines that are bad on purpose.
    pub(crate) bad_lines: u64,
}

/// Writes one file. `lines_wanted` is about how many lines it is to have.
pub(crate) fn extract(seed: u64, unit: &'static Unit, period: Period, lines_wanted: u64) -> Extract {
    let mut writer = Writer::new(seed, unit, period);
    if period.is_closing() {
        writer.closing_entries(seed);
    } else {
        // A stream's share of the lines, and how many of ten of its lines are not counter lines.
        for (stream, lines_share, booked_of_ten) in
            [(Stream::Payroll, 37, 7), (Stream::Purchases, 57, 5), (Stream::Income, 19, 6)]
        {
            let booked_lines = lines_wanted * lines_share / 100 * booked_of_ten / 10;
            let pieces = writer.pieces(&outcome(seed, unit, stream, period), booked_lines);
            writer.vouchers(stream, pieces);
        }
    }
    if closes(unit, period) {
        writer.close_the_year(seed);
    }
    Extract { text: writer.text, lines: writer.lines, bad_lines: writer.bad_lines }
}

/// Whether this is the period in which the administration's year is closed: the thirteenth, or its last one ever.
fn closes(unit: &Unit, period: Period) -> bool {
    if period.is_closing() {
        return true;
    }
    let next = Period { year: period.year, number: period.number + 1 };
    !unit.exists_in(next)
}

struct Writer {
    unit: &'static Unit,
    period: Period,
    rng: Rng,
    text: String,
    lines: u64,
    bad_lines: u64,
    voucher: i64,
    bad_kind: u64,
    line: String,
}

impl Writer {
    fn new(seed: u64, unit: &'static Unit, period: Period) -> Self {
        let mut rng = Rng::new(seed, &[4, unit.number(), period.code().unsigned_abs()]);
        let bad_kind = rng.below(BAD_KINDS);
        Self {
            unit,
            period,
            rng,
            text: HEADER.to_owned(),
            lines: 0,
            bad_lines: 0,
            voucher: 0,
            bad_kind,
            line: String::new(),
        }
    }

    /// Cuts the period's figures into about `wanted` bookings. With fewer bookings than accounts, small accounts are
    /// booked on the board's largest: sums per board hold at every scale.
    fn pieces(&mut self, figures: &[Figure], wanted: u64) -> Vec<Row> {
        let mut rows = Vec::new();
        for (board, board_share) in self.unit.boards {
            let mut kept: Vec<Figure> =
                figures.iter().filter(|figure| figure.board == *board).copied().collect();
            kept.sort_by_key(|figure| std::cmp::Reverse(figure.amount.abs()));
            let wanted = wanted * board_share.unsigned_abs() / 1000;
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).max(1);
            let left_out: i64 = kept.iter().skip(wanted).map(|figure| figure.amount).sum();
            kept.truncate(wanted);
            if let Some(largest) = kept.first_mut() {
                largest.amount += left_out;
            }
            let total: i64 = kept.iter().map(|figure| figure.amount).sum();
            let spare = i64::try_from(wanted - kept.len().min(wanted)).unwrap_or(0);
            for figure in &kept {
                let pieces = 1 + usize::try_from(share(spare, figure.amount, total)).unwrap_or(0);
                let amounts = self.rng.split(figure.amount, pieces);
                rows.extend(amounts.into_iter().map(|amount| Row { board, account: figure.account, amount }));
            }
        }
        rows
    }

    /// Books the pieces in vouchers, each with the lines on the balance accounts that make it balance.
    fn vouchers(&mut self, stream: Stream, pieces: Vec<Row>) {
        let mut pieces = pieces.into_iter().peekable();
        while let Some(first) = pieces.next() {
            let longest = match stream {
                Stream::Payroll => 8,
                Stream::Purchases => self.rng.between(1, 3),
                Stream::Income => self.rng.between(1, 2),
            };
            let (board, kind) = (first.board, voucher_type(stream, first.account));
            let mut rows = vec![first];
            while i64::try_from(rows.len()).is_ok_and(|length| length < longest) {
                let fits = |next: &Row| next.board == board && voucher_type(stream, next.account) == kind;
                match pieces.next_if(fits) {
                    Some(next) => rows.push(next),
                    None => break,
                }
            }
            self.counter_lines(kind, &mut rows);
            let day =
                if stream == Stream::Payroll { 25 } else { self.rng.between(1, self.period.days().into()) };
            self.book(kind, day, rows);
        }
    }

    /// Appends the lines that bring a voucher's sum to zero.
    fn counter_lines(&mut self, kind: &str, rows: &mut Vec<Row>) {
        let Some(board) = rows.first().map(|row| row.board) else { return };
        let sum: i64 = rows.iter().map(|row| row.amount).sum();
        let charges: i64 = rows
            .iter()
            .filter(|row| row.account.starts_with("56") || row.account.starts_with("57"))
            .map(|row| row.amount)
            .sum();
        let counters: Vec<(&'static str, i64)> = match kind {
            PAYROLL => {
                let tax = share(sum - charges, 285, 1000);
                vec![
                    (chart::SOCIAL_CHARGES_OWED, -charges),
                    (chart::WAGE_TAX, -tax),
                    (chart::WAGES_OWED, charges + tax - sum),
                ]
            }
            INVOICE_IN => {
                let vat = if self.rng.chance(700) { share(sum, 250, 1000) } else { 0 };
                vec![(chart::INPUT_VAT, vat), (chart::PAYABLES, -sum - vat)]
            }
            INVOICE_OUT => vec![(chart::RECEIVABLES, -sum)],
            DEPRECIATION => vec![(chart::FIXED_ASSETS_WORN, -sum)],
            _ => vec![(chart::BANK, -sum)],
        };
        let counters = counters.into_iter().filter(|(_, amount)| *amount != 0);
        rows.extend(counters.map(|(account, amount)| Row { board, account, amount }));
    }

    /// The thirteenth period: holiday pay owed, a last depreciation, and the payroll that was missing.
    fn closing_entries(&mut self, seed: u64) {
        for row in closing_figures(seed, self.unit, self.period) {
            let (kind, counter) = match row.account {
                chart::DEPRECIATION => (DEPRECIATION, chart::FIXED_ASSETS_WORN),
                "50900" => (JOURNAL, chart::HOLIDAY_DEBT),
                _ => (JOURNAL, chart::WAGES_OWED),
            };
            let counter = Row { board: row.board, account: counter, amount: -row.amount };
            self.book(
                kind,
                1,
                vec![Row { board: row.board, account: row.account, amount: row.amount }, counter],
            );
        }
    }

    /// Moves the year's result of every board to its equity, so that classes 3 to 8 sum to zero.
    fn close_the_year(&mut self, seed: u64) {
        for (board, _) in self.unit.boards {
            let mut result = 0;
            for period in
                Period::all().filter(|period| period.year == self.period.year && *period <= self.period)
            {
                for stream in Stream::ALL {
                    result += sum_of(&outcome(seed, self.unit, stream, period), board);
                }
                if period.is_closing() {
                    result += sum_of(&closing_figures(seed, self.unit, period), board);
                }
            }
            let day = self.period.days().into();
            let rows = vec![
                Row { board, account: chart::YEAR_RESULT, amount: -result },
                Row { board, account: chart::EQUITY_RESULT, amount: result },
            ];
            self.book(JOURNAL, day, rows);
        }
    }

    /// Writes a voucher, and now and then a bad line after it.
    fn book(&mut self, kind: &'static str, day: i64, rows: Vec<Row>) {
        self.voucher += 1;
        let number = self.period.code() * 1_000_000 + self.voucher;
        let first = self.period.first_day();
        let date = first.checked_add_days(chrono::Days::new((day - 1).unsigned_abs())).unwrap_or(first);
        let supplier = self.rng.pick(&SUPPLIERS);
        let text = self.describe(kind);
        let cost_centre = self.rng.between(1, 9) * 100 + self.rng.between(0, 9) * 10;
        for (index, row) in rows.iter().enumerate() {
            let fields = [
                self.unit.code.to_owned(),
                row.board.to_owned(),
                kind.to_owned(),
                number.to_string(),
                (index + 1).to_string(),
                self.period.code().to_string(),
                date.to_string(),
                row.account.to_owned(),
                format!("{}{}{cost_centre:03}", row.board, self.unit.code),
                activity(row.account).to_owned(),
                self.project(row.account),
                self.counterpart(kind),
                self.supplier(kind, supplier),
                self.padded(&text),
                self.amount(row.amount),
            ];
            self.write_line(&fields);
            if self.rng.chance(10) {
                self.write_bad_line(&fields);
            }
        }
    }

    fn write_line(&mut self, fields: &[String]) {
        self.line.clear();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.line.push(';');
            }
            self.line.push_str(field);
        }
        self.line.push_str("\r\n");
        self.text.push_str(&self.line);
        self.lines += 1;
    }

    /// A line with a fault that a loader has to find. The kinds take turns, so that each occurs at every scale. The
    /// number is one that no voucher has, except in the line that is there twice.
    fn write_bad_line(&mut self, good: &[String]) {
        let kind = self.bad_kind % BAD_KINDS;
        self.bad_kind += 1;
        self.bad_lines += 1;
        let mut fields = good.to_vec();
        let mut change = |index: usize, value: &str| {
            if let Some(field) = fields.get_mut(index) {
                value.clone_into(field);
            }
        };
        change(
            VOUCHER_NUMBER,
            &(self.period.code() * 1_000_000 + 900_000 + self.bad_lines.cast_signed()).to_string(),
        );
        match kind {
            0 => change(AMOUNT, "1 2A4,50"),
            1 => change(AMOUNT, "SAKNAS"),
            2 => change(AMOUNT, "99,999"),
            3 => change(DATE, &format!("{}-02-30", self.period.year)),
            4 => change(ACCOUNT, "99999"),
            5 => change(ACCOUNT, "   "),
            6 => change(PERIOD, &format!("{}14", self.period.year)),
            7 => change(KIND, "XX"),
            8 => change(BOARD, "98"),
            9 => change(LINE_NUMBER, "ett"),
            10 => fields.truncate(AMOUNT),
            _ => fields = good.to_vec(),
        }
        self.write_line(&fields);
    }

    fn describe(&mut self, kind: &str) -> String {
        match kind {
            PAYROLL => format!("Lön {}", self.period.name()),
            INVOICE_IN => format!("Faktura {}", self.rng.between(100_000, 999_999)),
            INVOICE_OUT => format!("Kundfaktura {}", self.rng.between(40_000, 99_999)),
            DEPRECIATION => format!("Avskrivning {}", self.period.name()),
            PAYMENT => format!("Utbetalning {}", self.period.name()),
            _ => format!("Bokslut {}", self.period.year),
        }
    }

    fn padded(&mut self, text: &str) -> String {
        if self.rng.chance(150) { format!("{text}   ") } else { text.to_owned() }
    }

    fn project(&mut self, account: &str) -> String {
        let has_one = !account.starts_with(['1', '2', '5']) && self.rng.chance(120);
        if has_one {
            return format!("P{:05}", self.rng.between(1, 400));
        }
        if self.rng.chance(200) { "NULL".to_owned() } else { String::new() }
    }

    fn counterpart(&mut self, kind: &str) -> String {
        if matches!(kind, INVOICE_IN | INVOICE_OUT) && self.rng.chance(80) {
            let units = &super::organisation::UNITS;
            let index = usize::try_from(self.rng.below(units.len() as u64)).unwrap_or(0);
            return units.get(index).map(|unit| unit.code.to_owned()).unwrap_or_default();
        }
        if self.rng.chance(100) { "NULL".to_owned() } else { String::new() }
    }

    fn supplier(&mut self, kind: &str, name: &str) -> String {
        if kind != INVOICE_IN {
            return String::new();
        }
        if self.rng.chance(15) {
            return "SAKNAS".to_owned();
        }
        let cut: String = name.chars().take(SUPPLIER_CHARACTERS).collect();
        self.padded(&cut)
    }

    /// The same number in one of the ways in which extracts write it.
    fn amount(&mut self, amount: i64) -> String {
        let kronor = (amount / 100).unsigned_abs();
        let ore = (amount % 100).unsigned_abs();
        let way = self.rng.below(100);
        let whole = match way {
            0..=69 => kronor.to_string(),
            70..=84 => grouped(kronor, ' '),
            _ => grouped(kronor, '\u{a0}'),
        };
        match (amount < 0, way % 10 == 3) {
            (true, true) => format!("{whole},{ore:02}-"),
            (true, false) => format!("-{whole},{ore:02}"),
            (false, _) => format!("{whole},{ore:02}"),
        }
    }
}

const BAD_KINDS: u64 = 12;
const BOARD: usize = 1;
const KIND: usize = 2;
const VOUCHER_NUMBER: usize = 3;
const LINE_NUMBER: usize = 4;
const PERIOD: usize = 5;
const DATE: usize = 6;
const ACCOUNT: usize = 7;
const AMOUNT: usize = 14;

const PAYROLL: &str = "LÖ";
const INVOICE_IN: &str = "LF";
const INVOICE_OUT: &str = "KF";
const DEPRECIATION: &str = "AV";
const PAYMENT: &str = "UB";
const JOURNAL: &str = "BO";

fn voucher_type(stream: Stream, account: &str) -> &'static str {
    match (stream, account) {
        (Stream::Payroll, _) => PAYROLL,
        (Stream::Income, _) => INVOICE_OUT,
        (Stream::Purchases, chart::DEPRECIATION) => DEPRECIATION,
        (Stream::Purchases, "45100" | "78100") => PAYMENT,
        (Stream::Purchases, _) => INVOICE_IN,
    }
}

/// What is booked in the thirteenth period beside the year's result.
fn closing_figures(seed: u64, unit: &'static Unit, period: Period) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (board, board_share) in unit.boards {
        let mut rng = Rng::new(seed, &[5, unit.number(), period.code().unsigned_abs()]);
        let cost = share(unit.cost_mkr * 100_000_000, *board_share, 1000);
        figures.push(Figure { board, account: "50900", amount: share(cost, rng.between(-12, 22), 10_000) });
        figures.push(Figure {
            board,
            account: chart::DEPRECIATION,
            amount: share(cost, rng.between(2, 9), 10_000),
        });
    }
    let (unit_without_payroll, missing) = PAYROLL_MISSING;
    if unit.code == unit_without_payroll && period.year == missing.year {
        figures.extend(planned_outcome(seed, unit, Stream::Payroll, missing));
    }
    figures
}

fn sum_of(figures: &[Figure], board: &str) -> i64 {
    figures.iter().filter(|figure| figure.board == board).map(|figure| figure.amount).sum()
}

/// The activity (verksamhet) that an account is mostly used for.
fn activity(account: &str) -> &'static str {
    match account.get(..2).unwrap_or_default() {
        "31" | "46" => "520",
        "45" => "570",
        "35" | "36" => "410",
        "50" | "51" | "55" | "56" | "57" => "400",
        "60" | "61" | "62" => "820",
        "64" => "440",
        "70" => "250",
        _ => "910",
    }
}

/// `1234567` as `1 234 567`.
pub(crate) fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::city::organisation::UNITS;

    fn parse_amount(text: &str) -> Option<i64> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ' | '\u{a0}'));
        let (_, ore) = text.trim_end_matches('-').split_once(',')?;
        (plain && ore.len() == 2).then_some(())?;
        let amount: i64 = digits.parse().ok()?;
        Some(if text.contains('-') { -amount } else { amount })
    }

    /// The good lines of a file as (voucher, account, board, amount).
    fn good_lines(extract: &Extract) -> Vec<(String, String, String, i64)> {
        let mut seen = std::collections::HashSet::new();
        let mut lines = Vec::new();
        for line in extract.text.lines().skip(1) {
            let fields: Vec<&str> = line.split(';').collect();
            if fields.len() != 15 || fields[VOUCHER_NUMBER].get(6..7) == Some("9") {
                continue;
            }
            if seen.insert((fields[VOUCHER_NUMBER].to_owned(), fields[LINE_NUMBER].to_owned())) {
                let amount = parse_amount(fields[AMOUNT]).expect("a good amount");
                lines.push((
                    fields[VOUCHER_NUMBER].to_owned(),
                    fields[ACCOUNT].to_owned(),
                    fields[BOARD].to_owned(),
                    amount,
                ));
            }
        }
        lines
    }

    fn unit(code: &str) -> &'static Unit {
        UNITS.iter().find(|unit| unit.code == code).unwrap()
    }

    #[test]
    fn every_voucher_balances() {
        for (code, lines_wanted) in [("101", 9), ("206", 400), ("216", 20)] {
            for period in Period::all() {
                let extract = extract(1, unit(code), period, lines_wanted);
                let mut sums: HashMap<String, i64> = HashMap::new();
                for (voucher, _, _, amount) in good_lines(&extract) {
                    *sums.entry(voucher).or_default() += amount;
                }
                assert!(!sums.is_empty());
                assert!(sums.values().all(|sum| *sum == 0), "{code} {period:?}");
            }
        }
    }

    #[test]
    fn a_year_is_closed_and_scale_does_not_change_the_sums() {
        let result = |lines_wanted| {
            let mut boards: HashMap<String, i64> = HashMap::new();
            let mut costs = 0;
            for period in Period::all().filter(|period| period.year == 2024) {
                for (_, account, board, amount) in good_lines(&extract(1, unit("206"), period, lines_wanted))
                {
                    if !account.starts_with(['1', '2']) {
                        *boards.entry(board).or_default() += amount;
                    }
                    if account.starts_with(['4', '5', '6', '7']) {
                        costs += amount;
                    }
                }
            }
            assert!(boards.values().all(|sum| *sum == 0), "{boards:?}");
            costs
        };
        let costs = result(15);
        assert!(costs > 100_000_000_000);
        assert_eq!(costs, result(700));
    }

    #[test]
    fn the_payroll_is_missing_and_comes_at_the_end_of_the_year() {
        let (code, period) = PAYROLL_MISSING;
        let wages = |period| -> i64 {
            let lines = good_lines(&extract(1, unit(code), period, 200));
            lines.iter().filter(|(_, account, _, _)| account == "50100").map(|line| line.3).sum()
        };
        assert_eq!(wages(period), 0);
        assert!(wages(Period { year: period.year, number: period.number - 1 }) > 1_000_000_000);
        assert!(wages(Period { year: period.year, number: 13 }) > 1_000_000_000);
    }

    #[test]
    fn about_one_line_in_a_hundred_is_bad() {
        let extract = extract(1, unit("202"), Period { year: 2024, number: 5 }, 20_000);
        assert!((17_000..24_000).contains(&extract.lines), "{}", extract.lines);
        let per_thousand = extract.bad_lines * 1000 / extract.lines;
        assert!((7..13).contains(&per_thousand), "{per_thousand}");
    }
}

//! What lies in the inboxes: the small files (dimensions, budget) as text in each system's own manner, and the
//! TOML of the three sources.

use super::{
    budget::{Stream, budget},
    calendar::Period,
    chart::ACCOUNTS,
    organisation::{BOARDS, UNITS, Unit},
};

/// `sources.d/organisation.toml`: the dimensions, replaced whole by every delivery.
pub(crate) const ORGANISATION_TOML: &str = include_str!("sources/organisation.toml");
/// `sources.d/budget.toml`: one file a year.
pub(crate) const BUDGET_TOML: &str = include_str!("sources/budget.toml");
/// `sources.d/agresso.toml`: the ledger, one file per administration and period.
pub(crate) const AGRESSO_TOML: &str = include_str!("sources/agresso.toml");

/// Administrations: UTF-8 with a byte order mark, as a spreadsheet saves it.
pub(crate) fn administrations() -> Vec<u8> {
    let mut text = String::from("\u{feff}kod;namn;slag;efterföljare;giltig från;giltig till\r\n");
    for unit in &UNITS {
        let (from, to) = unit.valid();
        let fields = [unit.code, unit.name, unit.kind(), unit.successor.unwrap_or_default(), &from, &to];
        push_line(&mut text, ';', &fields);
    }
    text.into_bytes()
}

/// Boards: ISO-8859-1, LF.
pub(crate) fn boards() -> Vec<u8> {
    let mut text = String::from("nämnd;namn\n");
    for board in &BOARDS {
        text.push_str(&format!("{};{}\n", board.code, board.name));
    }
    latin1(&text)
}

/// The chart of accounts: a mainframe's code page 437, tabs.
pub(crate) fn accounts() -> Vec<u8> {
    let mut text = String::from("KONTO\tBENÄMNING\tTYP\r\n");
    for account in &ACCOUNTS {
        push_line(&mut text, '\t', &[account.code, account.name, account.kind.letter()]);
    }
    cp437(&text)
}

/// The calendar: UTF-16, as "Unicode text" from a spreadsheet.
pub(crate) fn calendar() -> Vec<u8> {
    let mut text =
        String::from("\u{feff}period\tår\tmånad\tkvartal\ttertial\tnamn\tförsta dag\tsista dag\tbokslut\r\n");
    for period in Period::all() {
        let fields = [
            period.code().to_string(),
            period.year.to_string(),
            period.number.to_string(),
            period.quarter().to_string(),
            period.tertial().to_string(),
            period.name(),
            period.first_day().to_string(),
            period.last_day().to_string(),
            if period.is_closing() { "J" } else { "N" }.to_owned(),
        ];
        push_line(&mut text, '\t', &fields.each_ref().map(String::as_str));
    }
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A year's budget in thousands of kronor would lose nothing, but the system writes kronor with blanks.
pub(crate) fn budget_of_year(year: i32) -> Vec<u8> {
    let mut text = String::from("FÖRVALTNING;NÄMND;KONTO;PERIOD;BELOPP\r\n");
    for unit in &UNITS {
        for period in Period::all().filter(|period| period.year == year) {
            for stream in Stream::ALL {
                push_budget(&mut text, unit, stream, period);
            }
        }
    }
    latin1(&text)
}

fn push_budget(text: &mut String, unit: &'static Unit, stream: Stream, period: Period) {
    for figure in budget(unit, stream, period) {
        let sign = if figure.amount < 0 { "-" } else { "" };
        let kronor = super::ledger::grouped((figure.amount / 100).unsigned_abs(), ' ');
        let line =
            format!("{};{};{};{};{sign}{kronor}\r\n", unit.code, figure.board, figure.account, period.code());
        text.push_str(&line);
    }
}

fn push_line(text: &mut String, delimiter: char, fields: &[&str]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            text.push(delimiter);
        }
        text.push_str(field);
    }
    text.push_str("\r\n");
}

/// ISO-8859-1, which windows-1252 agrees with for every character that the city uses.
pub(crate) fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

fn cp437(text: &str) -> Vec<u8> {
    let byte = |character: char| match character {
        'å' => 0x86,
        'ä' => 0x84,
        'ö' => 0x94,
        'Å' => 0x8F,
        'Ä' => 0x8E,
        'Ö' => 0x99,
        'é' => 0x82,
        _ => u8::try_from(character).ok().filter(u8::is_ascii).unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_byte() {
        assert!(
            !boards().contains(&b'?') && !accounts().contains(&b'?') && !budget_of_year(2025).contains(&b'?')
        );
        assert!(accounts().windows(2).any(|pair| pair == [0x8E, b'M']), "Ä of BENÄMNING");
    }

    #[test]
    fn the_merged_districts_have_half_a_budget() {
        let text: String = budget_of_year(2025).iter().map(|byte| char::from(*byte)).collect();
        let periods = |code: &str| {
            let lines = text.lines().filter(|line| line.starts_with(code));
            let mut periods: Vec<String> =
                lines.map(|line| line.split(';').nth(3).unwrap().to_owned()).collect();
            periods.dedup();
            periods.sort();
            periods.dedup();
            periods.len()
        };
        assert_eq!((periods("101;"), periods("108;"), periods("115;")), (12, 6, 6));
    }
}

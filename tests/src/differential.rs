//! One statement, two servers, one answer: names, type numbers and modifiers, values as text and as binary, order where
//! the statement asks for one, tags, the transaction's state, notices; and of errors the SQLSTATE, the position, the
//! message, its detail and its hint. The statements are data (`corpus/*.sql`, one to a line or several lines, ending with
//! `;` at a line's end), and a comment line before a statement can say how it is run or what is agreed to differ:
//!
//! * `-- parameters: a | b` – the statement is prepared and run with these parameters, as text (`null` is NULL); the
//!   types that the servers infer for them must be the same.
//! * `-- differs: reason` – the answers, or the errors, differ. It fails when they do not: then the line is out of date.
//!   XX000 is never an answer.
//! * `-- refused: reason` – the reference answers, and LIS refuses with 0A000 or 42883.
//! * `-- words: reason` – both refuse with the same SQLSTATE; message, detail, hint or position differ.
//!
//! Without a top-level ORDER BY, rows are compared as a multiset.

use std::fmt::Write as _;

use anyhow::Result;

use crate::raw::{Column, RawConnection, Response, Row, ServerError};

/// What the corpus says of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// Both give the same.
    Agree,
    /// An agreed difference, with its reason.
    Differ(String),
    /// Refused by LIS, with the reason.
    Refused(String),
    /// Both refuse with one SQLSTATE and other words, with the reason.
    Words(String),
}

/// A statement of the corpus.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its text, without the semicolon.
    pub sql: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The parameters that it is run with; `None`: it is run by itself.
    pub parameters: Option<Vec<Option<String>>>,
    /// What is expected.
    pub expectation: Expectation,
}

/// How a statement compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As the corpus expects.
    AsExpected,
    /// Not so: what differs, for a person.
    Unexpected(String),
}

/// Reads a file of the corpus.
pub fn parse_corpus(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut expectation = Expectation::Agree;
    let mut parameters = None;
    let (mut sql, mut begin) = (String::new(), 0);
    for (index, line) in text.lines().enumerate() {
        if sql.is_empty() {
            if line.trim().is_empty() {
                continue;
            }
            if let Some(reason) = line.strip_prefix("-- differs:") {
                expectation = Expectation::Differ(reason.trim().to_owned());
                continue;
            }
            if let Some(reason) = line.strip_prefix("-- refused:") {
                expectation = Expectation::Refused(reason.trim().to_owned());
                continue;
            }
            if let Some(reason) = line.strip_prefix("-- words:") {
                expectation = Expectation::Words(reason.trim().to_owned());
                continue;
            }
            if let Some(values) = line.strip_prefix("-- parameters:") {
                parameters = Some(values.split('|').map(parameter).collect());
                continue;
            }
            if line.starts_with("--") {
                continue;
            }
            begin = index + 1;
        } else {
            sql.push('\n');
        }
        sql.push_str(line);
        if let Some(whole) = sql.strip_suffix(';') {
            let expectation = std::mem::replace(&mut expectation, Expectation::Agree);
            let parameters = parameters.take();
            statements.push(Statement { sql: whole.to_owned(), line: begin, parameters, expectation });
            sql.clear();
        }
    }
    statements
}

fn parameter(written: &str) -> Option<String> {
    let value = written.trim();
    (value != "null").then(|| value.to_owned())
}

/// Runs a statement on both and compares.
pub fn compare(
    statement: &Statement,
    lis: &mut RawConnection,
    reference: &mut RawConnection,
) -> Result<Verdict> {
    let ordered = has_order(&statement.sql);
    let ours = run(statement, lis, false)?;
    let theirs = run(statement, reference, false)?;
    if let Some(error) = ours.error.as_ref().filter(|error| error.sqlstate() == "XX000") {
        return Ok(Verdict::Unexpected(format!("XX000: {}", error.message())));
    }
    let mut difference = describe(&ours, &theirs, ordered, true);
    let words = if difference.is_none() { wording(&ours, &theirs) } else { None };
    if difference.is_none() && lis.status != reference.status {
        let (ours, theirs) = (char::from(lis.status), char::from(reference.status));
        difference = Some(format!("transaction {ours}, not {theirs}"));
    }
    if difference.is_none() && words.is_none() {
        difference = noticed(&lis.notices, &reference.notices);
    }
    if difference.is_none() && ours.error.is_none() && ours.columns.is_some() {
        let ours = run(statement, lis, true)?.with_one_nan();
        let theirs = run(statement, reference, true)?.with_one_nan();
        difference = describe(&ours, &theirs, ordered, false).map(|text| format!("binary: {text}"));
    }
    Ok(match (&statement.expectation, difference.or_else(|| words.clone())) {
        (Expectation::Agree, None) => Verdict::AsExpected,
        (Expectation::Agree, Some(difference)) => Verdict::Unexpected(difference),
        (Expectation::Differ(_), Some(_)) => Verdict::AsExpected,
        (Expectation::Differ(reason), None) => Verdict::Unexpected(format!("no longer differs: {reason}")),
        (Expectation::Words(_), Some(_)) if words.is_some() => Verdict::AsExpected,
        (Expectation::Words(_), Some(difference)) => Verdict::Unexpected(difference),
        (Expectation::Words(reason), None) => Verdict::Unexpected(format!("no longer differs: {reason}")),
        (Expectation::Refused(reason), _) => match ours.error.as_ref().map(|error| error.sqlstate()) {
            Some("0A000" | "42883") => Verdict::AsExpected,
            other => Verdict::Unexpected(format!("not refused ({other:?}): {reason}")),
        },
    })
}

fn run(statement: &Statement, connection: &mut RawConnection, binary: bool) -> Result<Response> {
    match &statement.parameters {
        Some(parameters) => {
            let parameters: Vec<Option<&str>> = parameters.iter().map(Option::as_deref).collect();
            connection.extended(&statement.sql, &parameters, binary)
        }
        None if binary => connection.extended(&statement.sql, &[], true),
        None => Ok(connection.simple(&statement.sql)?.pop().unwrap_or_default()),
    }
}

/// What two errors of one SQLSTATE say differently.
fn wording(ours: &Response, theirs: &Response) -> Option<String> {
    let (Some(ours), Some(theirs)) = (&ours.error, &theirs.error) else { return None };
    let fields = [('M', "message"), ('P', "position"), ('D', "detail"), ('H', "hint")];
    let differences: Vec<String> = fields
        .iter()
        .filter(|(letter, _)| ours.field(*letter) != theirs.field(*letter))
        .map(|(letter, name)| {
            let field = |error: &ServerError| error.field(*letter).unwrap_or("none").to_owned();
            format!("{name} {:?}, not {:?}", field(ours), field(theirs))
        })
        .collect();
    (!differences.is_empty()).then(|| differences.join("; "))
}

/// What the servers remark differently.
fn noticed(ours: &[ServerError], theirs: &[ServerError]) -> Option<String> {
    let said = |notices: &[ServerError]| {
        notices
            .iter()
            .map(|notice| {
                format!("{} {} {}", notice.field('V').unwrap_or(""), notice.sqlstate(), notice.message())
            })
            .collect::<Vec<_>>()
    };
    let (ours, theirs) = (said(ours), said(theirs));
    (ours != theirs).then(|| format!("notices {ours:?}, not {theirs:?}"))
}

/// Whether the statement fixes the order of its rows: an ORDER BY outside parentheses.
fn has_order(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    let (mut depth, mut quoted) = (0_i32, false);
    lower.char_indices().any(|(index, character)| {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            'o' if !quoted && depth == 0 => return lower[index..].starts_with("order by"),
            _ => {}
        }
        false
    })
}

fn describe(ours: &Response, theirs: &Response, ordered: bool, text: bool) -> Option<String> {
    match (&ours.error, &theirs.error) {
        (Some(ours), Some(theirs)) => {
            return (ours.sqlstate() != theirs.sqlstate()).then(|| {
                format!(
                    "{} {:?}, not {} {:?}",
                    ours.sqlstate(),
                    ours.message(),
                    theirs.sqlstate(),
                    theirs.message()
                )
            });
        }
        (Some(ours), None) => return Some(format!("error {} {}", ours.sqlstate(), ours.message())),
        (None, Some(theirs)) => {
            return Some(format!("no error, not {} {}", theirs.sqlstate(), theirs.message()));
        }
        (None, None) => {}
    }
    if ours.parameters != theirs.parameters {
        return Some(format!("parameters {:?}, not {:?}", ours.parameters, theirs.parameters));
    }
    let empty = Vec::new();
    let (our_columns, their_columns) =
        (ours.columns.as_ref().unwrap_or(&empty), theirs.columns.as_ref().unwrap_or(&empty));
    if our_columns.iter().map(shape).ne(their_columns.iter().map(shape)) {
        return Some(format!("columns {}, not {}", shapes(our_columns), shapes(their_columns)));
    }
    let (mut our_rows, mut their_rows) = (ours.rows.clone(), theirs.rows.clone());
    if !ordered {
        our_rows.sort();
        their_rows.sort();
    }
    if our_rows != their_rows {
        return Some(format!("rows {}, not {}", show(&our_rows, text), show(&their_rows, text)));
    }
    (ours.tag != theirs.tag).then(|| format!("tag {:?}, not {:?}", ours.tag, theirs.tag))
}

fn shape(column: &Column) -> (&str, u32, i32) {
    (&column.name, column.type_oid, column.typmod)
}

fn shapes(columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        let _infallible = write!(text, "{}:{}:{} ", column.name, column.type_oid, column.typmod);
    }
    text
}

fn show(rows: &[Row], text: bool) -> String {
    let mut out = String::new();
    for row in rows.iter().take(12) {
        out.push('[');
        for value in row {
            match value {
                None => out.push_str("NULL, "),
                Some(bytes) if text => {
                    let _infallible = write!(out, "{}, ", String::from_utf8_lossy(bytes));
                }
                Some(bytes) => {
                    let _infallible = write!(out, "{bytes:02x?}, ");
                }
            }
        }
        out.push(']');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Expectation, has_order, parse_corpus};

    #[test]
    fn statements_lines_and_expectations() {
        let corpus = parse_corpus("-- a note\nselect 1;\n\n-- differs: scale\nselect\n  2;\n");
        assert_eq!(corpus.len(), 2);
        assert_eq!((corpus[0].sql.as_str(), corpus[0].line), ("select 1", 2));
        assert_eq!((corpus[1].sql.as_str(), corpus[1].line), ("select\n  2", 5));
        assert_eq!(corpus[1].expectation, Expectation::Differ("scale".into()));
        let corpus = parse_corpus("-- parameters: a b | null\nselect $1, $2;\nselect 3;\n");
        assert_eq!(corpus[0].parameters, Some(vec![Some("a b".to_owned()), None]));
        assert_eq!(corpus[1].parameters, None);
    }

    #[test]
    fn order_counts_outside_parentheses_and_quotes() {
        assert!(has_order("select 1 order by 1"));
        assert!(!has_order("select sum(a order by b) from t"));
        assert!(!has_order("select 'order by'"));
    }
}

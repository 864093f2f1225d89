//! Files of SQL with the answers that are expected, in the manner of sqllogictest, spoken by several users.
//!
//! ```text
//! # a comment
//! statement ok
//! CREATE TABLE t (a integer)
//!
//! user chef_101                    the records that follow are this user's, on a connection of its own
//!
//! statement error (42501) permission denied
//! SELECT * FROM t
//!
//! query
//! SELECT a, b FROM t ORDER BY a
//! ----
//! 1  NULL
//! ```
//!
//! `query` compares rows in order, `query rowsort` after sorting both; values are separated by two blanks, NULL is
//! `NULL`, and an empty text is `(empty)`. The text behind the SQLSTATE must occur in the message. A file begins as
//! `lis_admin` on an empty warehouse; a user other than that logs in with the password `prov`, so `CREATE ROLE anna
//! LOGIN PASSWORD 'prov'` makes one. With `LIS_SLT_REFILL=1` the expected rows are written anew: read the difference
//! before you commit it.

use std::{collections::HashMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{
    raw::RawConnection,
    server::{TestServer, text_rows},
};

/// The password of the users that files make.
const PASSWORD: &str = "prov";
/// What stands between two values of a row.
const BETWEEN: &str = "  ";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Success,
    Error { sqlstate: String, text: String },
    Rows { sorted: bool, rows: Vec<String> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Record {
    /// A comment or an empty line, kept for refilling.
    Text(String),
    User(String),
    Statement {
        line: usize,
        head: String,
        sql: String,
        expected: Expected,
    },
}

/// Runs a file against a server of its own.
pub fn run_file(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let mut records = parse(&text)?;
    let server = TestServer::start()?;
    let mut failures = String::new();
    let count = run(&server, &mut records, &mut failures)?;
    if std::env::var_os("LIS_SLT_REFILL").is_some() {
        fs::write(path, write(&records))?;
    } else if !failures.is_empty() {
        bail!("{}\n{failures}", path.display());
    }
    if count == 0 {
        bail!("{} has no statement", path.display());
    }
    Ok(())
}

fn run(server: &TestServer, records: &mut [Record], failures: &mut String) -> Result<usize> {
    let mut connections: HashMap<String, RawConnection> = HashMap::new();
    let mut user = "lis_admin".to_owned();
    let mut count = 0;
    for record in records {
        match record {
            Record::Text(_) => {}
            Record::User(name) => user.clone_from(name),
            Record::Statement { line, sql, expected, .. } => {
                count += 1;
                if !connections.contains_key(&user) {
                    let target =
                        if user == "lis_admin" { server.admin()? } else { server.target(&user, PASSWORD) };
                    let connection =
                        RawConnection::open(&target).with_context(|| format!("line {line}: {user}"))?;
                    connections.insert(user.clone(), connection);
                }
                let Some(connection) = connections.get_mut(&user) else { bail!("no connection of {user}") };
                if let Err(difference) = check(connection, sql, expected) {
                    writeln!(failures, "line {line}, as {user}: {sql}\n{difference:#}\n")?;
                }
            }
        }
    }
    Ok(count)
}

/// Runs one record. Rows that differ are put into `expected`, for refilling.
fn check(connection: &mut RawConnection, sql: &str, expected: &mut Expected) -> Result<()> {
    let responses = connection.simple(sql)?;
    let error = responses.iter().find_map(|response| response.error.as_ref());
    match (expected, error) {
        (Expected::Success, None) => Ok(()),
        (Expected::Error { sqlstate, text }, Some(error)) => {
            let fits = error.sqlstate() == sqlstate && error.message().contains(text.as_str());
            if fits {
                Ok(())
            } else {
                bail!("expected {sqlstate} {text}\ngot      {} {}", error.sqlstate(), error.message())
            }
        }
        (Expected::Error { sqlstate, .. }, None) => bail!("expected {sqlstate}, got {responses:?}"),
        (_, Some(error)) => bail!("{} {}", error.sqlstate(), error.message()),
        (Expected::Rows { sorted, rows }, None) => {
            let response = responses.last().context("no response")?;
            let mut got: Vec<String> = text_rows(response).iter().map(|row| written(row)).collect();
            if *sorted {
                got.sort();
                rows.sort();
            }
            if got == *rows {
                return Ok(());
            }
            let wanted = std::mem::replace(rows, got.clone());
            bail!("expected\n  {}\ngot\n  {}", wanted.join("\n  "), got.join("\n  "))
        }
    }
}

fn written(row: &[String]) -> String {
    let values: Vec<&str> =
        row.iter().map(|value| if value.is_empty() { "(empty)" } else { value }).collect();
    values.join(BETWEEN)
}

fn parse(text: &str) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let head = line.trim();
        if head.is_empty() || head.starts_with('#') {
            records.push(Record::Text(line.to_owned()));
            continue;
        }
        if let Some(name) = head.strip_prefix("user ") {
            records.push(Record::User(name.trim().to_owned()));
            continue;
        }
        let mut sql = Vec::new();
        let mut has_rows = false;
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            if line.trim() == "----" {
                has_rows = true;
                break;
            }
            sql.push(line);
        }
        let mut rows = Vec::new();
        while has_rows && let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            rows.push(line.trim_end().to_owned());
        }
        let expected = match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["statement", "ok"] => Expected::Success,
            ["statement", "error", sqlstate, text @ ..] if sqlstate.len() == 7 => Expected::Error {
                sqlstate: sqlstate.trim_matches(['(', ')']).to_owned(),
                text: text.join(" "),
            },
            ["query"] => Expected::Rows { sorted: false, rows },
            ["query", "rowsort"] => Expected::Rows { sorted: true, rows },
            _ => bail!("line {}: {head}", index + 1),
        };
        if sql.is_empty() || has_rows != matches!(expected, Expected::Rows { .. }) {
            bail!("line {}: {head} without SQL, without ----, or with one too much", index + 1);
        }
        records.push(Record::Statement {
            line: index + 1,
            head: head.to_owned(),
            sql: sql.join("\n"),
            expected,
        });
    }
    Ok(records)
}

fn write(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        match record {
            Record::Text(line) => text.push_str(line),
            Record::User(name) => {
                text.push_str("user ");
                text.push_str(name);
            }
            Record::Statement { head, sql, expected, .. } => {
                text.push_str(head);
                text.push('\n');
                text.push_str(sql);
                if let Expected::Rows { rows, .. } = expected {
                    text.push_str("\n----");
                    for row in rows {
                        text.push('\n');
                        text.push_str(row);
                    }
                }
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# about\nstatement ok\nCREATE TABLE t (a integer)\n\nuser anna\n\n\
                        statement error (42501) permission denied\nSELECT *\nFROM t\n\n\
                        query rowsort\nSELECT 1\n----\n1  NULL\n2  x\n\nquery\nSELECT 2\n----\n";

    #[test]
    fn a_file_is_read_and_written_alike() {
        let records = parse(FILE).unwrap();
        assert_eq!(write(&records), FILE);
        let denied = Expected::Error { sqlstate: "42501".into(), text: "permission denied".into() };
        let sql = "SELECT *\nFROM t".to_owned();
        let head = "statement error (42501) permission denied".to_owned();
        assert!(records.contains(&Record::Statement { line: 7, head, sql, expected: denied }));
        let rows = vec!["1  NULL".to_owned(), "2  x".to_owned()];
        assert!(records.iter().any(|record| matches!(
            record,
            Record::Statement { expected: Expected::Rows { sorted: true, rows: found }, .. } if *found == rows
        )));
    }

    #[test]
    fn what_is_not_a_record_is_refused() {
        assert!(parse("statement maybe\nSELECT 1\n").is_err());
        assert!(parse("query\nSELECT 1\n").is_err());
        assert!(parse("statement ok\n").is_err());
    }
}

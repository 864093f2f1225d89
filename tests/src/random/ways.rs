//! The ways in which a query can be asked: as text, as a prepared statement with parameters that answers in binary, or by
//! a cursor in pieces. The answers are the same.

use anyhow::Result;

use super::{Outcome, Query, compare::judged};
use crate::raw::{RawConnection, Response};

/// How a query is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As text.
    Simple,
    /// Parse, Bind and Execute, with parameters for some of the constants and binary results.
    Binary,
    /// DECLARE, and FETCH until the end.
    Cursor,
}

/// Constants of which parameters are made, with their types.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("date '2024-02-29'", "date", "2024-02-29"),
    ("date '1999-12-31'", "date", "1999-12-31"),
    ("timestamp '2024-01-01 12:30:00'", "timestamp", "2024-01-01 12:30:00"),
    ("timestamptz '2024-10-27 02:30:00+02'", "timestamptz", "2024-10-27 02:30:00+02"),
    ("interval '36:00:00'", "interval", "36:00:00"),
    ("4294967296", "bigint", "4294967296"),
    ("10.25", "numeric", "10.25"),
    ("'zzz'", "text", "zzz"),
    ("array[3,1,2]", "integer[]", "{3,1,2}"),
    ("'2'::jsonb", "jsonb", "2"),
    ("'ab'::character(4)", "character(4)", "ab"),
];

impl Way {
    /// The way for a seed: mostly as text.
    pub fn of(seed: u64) -> Self {
        match seed % 8 {
            3 => Self::Binary,
            6 => Self::Cursor,
            _ => Self::Simple,
        }
    }
}

/// Runs a query on both in one of the ways.
pub fn compare_by(
    way: Way,
    query: &Query,
    lis: &mut RawConnection,
    reference: &mut RawConnection,
) -> Result<Outcome> {
    let sql = query.sql();
    let theirs = asked(way, &sql, reference)?;
    if let Some(refused) = judged(&theirs) {
        return Ok(refused);
    }
    let ours = asked(way, &sql, lis)?;
    Ok(super::compare::judge(query, &ours, &theirs))
}

fn asked(way: Way, sql: &str, connection: &mut RawConnection) -> Result<Response> {
    match way {
        Way::Simple => Ok(connection.simple(sql)?.pop().unwrap_or_default()),
        Way::Binary => {
            let mut text = sql.to_owned();
            let mut values = Vec::new();
            for (constant, kind, value) in PARAMETERS.iter().filter(|(constant, ..)| sql.contains(constant)) {
                values.push(Some(*value));
                text = text.replace(constant, &format!("${}::{kind}", values.len()));
            }
            let mut response = connection.extended(&text, &values, true)?;
            // The description of a statement cannot know.
            response.columns.iter_mut().flatten().for_each(|column| column.format = 1);
            Ok(response.with_one_nan())
        }
        Way::Cursor => fetched(sql, connection),
    }
}

/// The rows of a cursor.
fn fetched(sql: &str, connection: &mut RawConnection) -> Result<Response> {
    connection.must("begin")?;
    let mut whole =
        connection.simple(&format!("declare bit no scroll cursor for {sql}"))?.pop().unwrap_or_default();
    for fetch in ["fetch 2 from bit", "fetch bit", "fetch forward 3 from bit", "fetch all from bit"] {
        if whole.error.is_some() {
            break;
        }
        let piece = connection.simple(fetch)?.pop().unwrap_or_default();
        whole.rows.extend(piece.rows);
        whole.columns = piece.columns.or(whole.columns);
        whole.error = piece.error;
    }
    connection.must("rollback")?;
    Ok(whole)
}

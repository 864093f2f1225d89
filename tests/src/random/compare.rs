//! One random query on both servers.

use anyhow::Result;

use super::Query;
use crate::raw::{RawConnection, Response, Row};

/// Types whose values are compared as numbers: PostgreSQL's numerics have a scale per value, ours one per column.
const NUMERIC_OID: u32 = 1700;

/// `integer[]`
const INTEGERS_OID: u32 = 1007;

/// The SQLSTATE of a null where none may be, which does not depend on the order of evaluation.
const NOT_NULL: &str = "23502";

/// How the answers compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The same rows.
    Same,
    /// Both give an error that rows can cause.
    BothFailed,
    /// LIS does not have something that the query uses: what it says.
    Refused(String),
    /// They differ: how.
    Differs(String),
}

/// Runs a query on both.
pub fn compare(query: &Query, lis: &mut RawConnection, reference: &mut RawConnection) -> Result<Outcome> {
    compare_over(query, lis, reference, "slump")
}

/// As [`compare`], where the reference has the tables in a schema of another name.
pub fn compare_over(
    query: &Query,
    lis: &mut RawConnection,
    reference: &mut RawConnection,
    schema: &str,
) -> Result<Outcome> {
    let sql = query.sql();
    let theirs = reference.simple(&sql.replace("slump.", &format!("{schema}.")))?.pop().unwrap_or_default();
    if let Some(refused) = judged(&theirs) {
        return Ok(refused);
    }
    let ours = lis.simple(&sql)?.pop().unwrap_or_default();
    Ok(judge(query, &ours, &theirs))
}

/// That the reference refuses a query: the generator made something that is none. It should not, but that is not LIS's
/// fault.
pub(super) fn judged(theirs: &Response) -> Option<Outcome> {
    let error = theirs.error.as_ref()?;
    let caused_by_rows =
        error.sqlstate().starts_with("22") || ["21000", NOT_NULL].contains(&error.sqlstate());
    (!caused_by_rows)
        .then(|| Outcome::Refused(format!("the reference: {} {}", error.sqlstate(), error.message())))
}

pub(super) fn judge(query: &Query, ours: &Response, theirs: &Response) -> Outcome {
    match (&ours.error, &theirs.error) {
        (Some(error), _) if error.sqlstate() == "0A000" => Outcome::Refused(error.message().to_owned()),
        (Some(ours), Some(theirs)) if ours.sqlstate() == theirs.sqlstate() => Outcome::BothFailed,
        // Which rows an expression is evaluated for, and in which order, is not promised.
        (Some(ours), Some(theirs))
            if ours.sqlstate().starts_with("22") && theirs.sqlstate().starts_with("22") =>
        {
            Outcome::BothFailed
        }
        (Some(ours), _) => Outcome::Differs(format!("error {} {}", ours.sqlstate(), ours.message())),
        (None, Some(theirs)) if theirs.sqlstate() == NOT_NULL => {
            Outcome::Differs(format!("no error {NOT_NULL} {}", theirs.message()))
        }
        (None, Some(_)) => Outcome::BothFailed,
        (None, None) => rows(query, ours, theirs),
    }
}

fn rows(query: &Query, ours: &Response, theirs: &Response) -> Outcome {
    let types = |response: &Response| {
        response.columns.iter().flatten().map(|column| column.type_oid).collect::<Vec<_>>()
    };
    let (our_types, their_types) = (types(ours), types(theirs));
    if our_types != their_types {
        return Outcome::Differs(format!("types {our_types:?}, not {their_types:?}"));
    }
    let binary = ours.columns.iter().flatten().any(|column| column.format == 1);
    let text = |rows: &[Row]| {
        let mut rows: Vec<String> = rows.iter().map(|row| line(row, &our_types, binary)).collect();
        if !query.ordered {
            rows.sort();
        }
        rows
    };
    let (our_rows, their_rows) = (text(&ours.rows), text(&theirs.rows));
    if our_rows == their_rows {
        return Outcome::Same;
    }
    let only = |of: &[String], not: &[String]| {
        of.iter().filter(|row| !not.contains(row)).take(4).cloned().collect::<Vec<_>>().join(" ")
    };
    Outcome::Differs(format!(
        "{} rows, not {}; only here: {}; only there: {}",
        our_rows.len(),
        their_rows.len(),
        only(&our_rows, &their_rows),
        only(&their_rows, &our_rows)
    ))
}

fn line(row: &Row, types: &[u32], binary: bool) -> String {
    let values: Vec<String> = row
        .iter()
        .zip(types)
        .map(|(value, type_oid)| match value {
            None => "NULL".to_owned(),
            Some(value) if binary => {
                // The scale stands in the fourth of a numeric's numbers. In an array the second says whether there is a
                // bitmap of nulls, which PostgreSQL keeps when the nulls are gone.
                let passed_over = match *type_oid {
                    NUMERIC_OID => 6..8,
                    INTEGERS_OID => 4..8,
                    _ => 0..0,
                };
                let bytes = value.iter().enumerate().filter(|(place, _)| !passed_over.contains(place));
                bytes.map(|(_, byte)| format!("{byte:02x}")).collect()
            }
            Some(value) => {
                let text = String::from_utf8_lossy(value).into_owned();
                if *type_oid == NUMERIC_OID { without_zeros(text) } else { format!("'{text}'") }
            }
        })
        .collect();
    format!("[{}]", values.join(", "))
}

fn without_zeros(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_zeros;

    #[test]
    fn a_scale_is_no_difference() {
        assert_eq!(without_zeros("1.500".into()), "1.5");
        assert_eq!(without_zeros("100".into()), "100");
        assert_eq!(without_zeros("0.00".into()), "0");
    }
}

//! Runs calls on both servers. The reference answers each call by itself. LIS answers many in one statement where the
//! reference gave values (constants side by side, a column of rows), and by itself what the reference refused and what a
//! common statement failed on.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    answers::{Answer, ask},
    calls::{self, Call},
    compare::{Verdict, verdict},
    signatures::Signature,
};
use crate::raw::RawConnection;

/// How many constant calls go into one SELECT list.
const CALLS_PER_STATEMENT: usize = 16;

/// A call, and what came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which of the ways it was made.
    pub path: &'static str,
    /// The call.
    pub text: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What LIS said.
    pub ours: String,
    /// What PostgreSQL said.
    pub theirs: String,
}

/// Runs the calls of one signature.
pub fn signature(
    signature: &Signature,
    calls: &[Call],
    lis: &mut RawConnection,
    reference: &mut RawConnection,
) -> Result<Vec<Outcome>> {
    // The two ways of a call have one expectation: PostgreSQL is asked once.
    let mut statements: Vec<String> = calls
        .iter()
        .map(|call| call.statement.clone().unwrap_or_else(|| format!("SELECT {}", call.text)))
        .collect();
    statements.sort();
    statements.dedup();
    let expected: BTreeMap<String, Answer> =
        statements.iter().cloned().zip(ask(reference, &statements)?).collect();
    let expectation = |call: &Call| -> Answer {
        let statement = call.statement.clone().unwrap_or_else(|| format!("SELECT {}", call.text));
        expected.get(&statement).cloned().unwrap_or(Answer::Rows {
            types: vec![],
            text: vec![],
            binary: vec![],
        })
    };
    let theirs: Vec<Answer> = calls.iter().map(expectation).collect();
    let mut ours: Vec<Option<Answer>> = vec![None; calls.len()];
    for path in ["constant", "column"] {
        let together: Vec<usize> = (0..calls.len())
            .filter(|index| {
                calls[*index].statement.is_none()
                    && calls[*index].path == path
                    && theirs[*index].sqlstate().is_none()
            })
            .collect();
        let size = if path == "column" { usize::MAX } else { CALLS_PER_STATEMENT };
        let mut waiting = groups(signature, calls, &theirs, &together, path, size);
        while let Some(group) = waiting.pop() {
            let statement = if path == "column" {
                column_statement(signature, calls, &group)
            } else {
                let list: Vec<&str> = group.iter().map(|index| calls[*index].text.as_str()).collect();
                format!("SELECT {}", list.join(", "))
            };
            match ask(lis, &[statement])?.pop() {
                Some(answer @ Answer::Rows { .. }) => {
                    for (place, index) in group.iter().enumerate() {
                        let (row, column) = if path == "column" { (place, 0) } else { (0, place) };
                        ours[*index] = Some(answer.cell(row, column));
                    }
                }
                // One of them fails: what does not shall still be computed together.
                _ if group.len() > 1 => {
                    let (one, two) = group.split_at(group.len() / 2);
                    waiting.extend([one.to_vec(), two.to_vec()]);
                }
                _ => {}
            }
        }
    }
    let alone: Vec<usize> = (0..calls.len()).filter(|index| ours[*index].is_none()).collect();
    let statements: Vec<String> = alone
        .iter()
        .map(|index| match (&calls[*index].statement, calls[*index].path) {
            (Some(statement), _) => statement.clone(),
            (None, "column") => column_statement(signature, calls, &[*index, *index]),
            (None, _) => format!("SELECT {}", calls[*index].text),
        })
        .collect();
    for (index, answer) in alone.iter().zip(ask(lis, &statements)?) {
        let cell = calls[*index].statement.is_none();
        ours[*index] = Some(if cell { answer.cell(0, 0) } else { answer });
    }
    Ok(calls
        .iter()
        .zip(ours)
        .zip(theirs)
        .map(|((call, ours), theirs)| {
            let ours = ours.unwrap_or(Answer::Rows { types: vec![], text: vec![], binary: vec![] });
            // Groups come in no order.
            let is_grouped = call.path == "grouped";
            let (ours, theirs) = if is_grouped { (ours.sorted(), theirs.sorted()) } else { (ours, theirs) };
            Outcome {
                path: call.path,
                text: call.text.clone(),
                verdict: verdict(signature, call.path, &ours, &theirs),
                ours: ours.show(),
                theirs: theirs.show(),
            }
        })
        .collect())
}

/// Splits calls that go into one statement. The rows of a column have one scale where the result shows it.
fn groups(
    signature: &Signature,
    calls: &[Call],
    theirs: &[Answer],
    indexes: &[usize],
    path: &str,
    size: usize,
) -> Vec<Vec<usize>> {
    if path != "column" {
        return indexes.chunks(size).map(<[usize]>::to_vec).collect();
    }
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for index in indexes {
        let shows_scale =
            !matches!(&theirs[*index], Answer::Rows { types, .. } if types.as_slice() == [1700]);
        let scales = calls[*index]
            .values
            .iter()
            .zip(&signature.arguments)
            .map(|(value, typname)| match value {
                Some(value) if shows_scale && (typname == "numeric" || typname == "_numeric") => {
                    value.split_once('.').map_or(0, |(_, fraction)| fraction.len())
                }
                _ => 0,
            })
            .collect();
        groups.entry(scales).or_default().push(*index);
    }
    groups.into_values().collect()
}

/// `SELECT f(c0, c1) FROM (VALUES …) ORDER BY n`: one row per call.
fn column_statement(signature: &Signature, calls: &[Call], indexes: &[usize]) -> String {
    let rows: Vec<Vec<Option<String>>> = indexes.iter().map(|index| calls[*index].values.clone()).collect();
    let names: Vec<String> = (0..signature.arguments.len()).map(|index| format!("c{index}")).collect();
    format!(
        "SELECT {} FROM {} ORDER BY n",
        calls::expression(signature, &names),
        calls::table(&signature.arguments, &rows)
    )
}

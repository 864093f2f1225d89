//! Rejects: the rows of a delivery that were refused, each with its place, the rule that it broke and its raw text.
//!
//! They are kept in the metadata database, not in the lake: they are written in the same transaction as the ledger, also
//! for a batch that fails and makes no snapshot, and no grant on a lake table can open them. They hold raw lines of all
//! administrations, so `lis.rejects` shows them to superusers and the source's own role only (`relations.rs`).
//!
//! A batch keeps at most [`REJECTS_KEPT_MAX`] of them. One with more is never published, so a published batch has them all.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    cleanse::{CleansedRows, Problem, bad_row_text},
    config::TableSpec,
    formats::rows::RowPlace,
    report::RejectCount,
    rules::Rule,
    text::cut,
};

/// Rejects of one batch that are kept. A batch with more fails.
pub const REJECTS_KEPT_MAX: usize = 200_000;
/// Bytes of a raw row that are kept.
pub const RAW_BYTES_MAX: usize = 8 * 1024;

/// A row that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) table: Arc<str>,
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
    pub(crate) column: Option<String>,
    pub(crate) rule: Rule,
    pub(crate) message: String,
    pub(crate) value: Option<String>,
    pub(crate) raw: String,
}

/// Rejects of one kind: the table, the rule and the column.
type Kind = (Arc<str>, Rule, Option<String>);

/// The rejects of one batch: all are counted, the first are kept.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    pub(crate) kept: Vec<Reject>,
    count: u64,
    by_kind: BTreeMap<Kind, (u64, String)>,
}

impl Rejects {
    /// All of them, also those not kept.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether some are not kept.
    pub(crate) fn overflowed(&self) -> bool {
        self.count > self.kept.len() as u64
    }

    fn add(&mut self, reject: Reject) {
        self.count += 1;
        let kind = (Arc::clone(&reject.table), reject.rule, reject.column.clone());
        let (count, _) = self
            .by_kind
            .entry(kind)
            .or_insert_with(|| (0, format!("{}:{}: {}", reject.file, reject.line, reject.message)));
        *count += 1;
        if self.kept.len() < REJECTS_KEPT_MAX {
            self.kept.push(reject);
        }
    }

    /// Takes another's, behind these.
    pub(crate) fn append(&mut self, other: Self) {
        let room = REJECTS_KEPT_MAX.saturating_sub(self.kept.len());
        self.count += other.count;
        self.kept.extend(other.kept.into_iter().take(room));
        for (kind, (count, example)) in other.by_kind {
            self.by_kind.entry(kind).or_insert((0, example)).0 += count;
        }
    }

    /// By kind, for the report; the most frequent first.
    pub(crate) fn counts(&self) -> Vec<RejectCount> {
        let mut counts: Vec<RejectCount> = self
            .by_kind
            .iter()
            .map(|((table, rule, column), (count, example))| RejectCount {
                table: table.to_string(),
                rule: *rule,
                column: column.clone(),
                count: *count,
                example: example.clone(),
            })
            .collect();
        counts.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        counts
    }

    /// Adds the bad rows of a block, in the order of their lines: one reject per row, whatever number of rules it breaks.
    /// `problems` are in the order of rows.
    pub(crate) fn add_block(
        &mut self,
        table: &TableSpec,
        name: &Arc<str>,
        file: &Arc<str>,
        rows: &CleansedRows,
    ) {
        let raw_of = |place: RowPlace| cut(rows.raw.get(place.raw), RAW_BYTES_MAX).to_owned();
        let mut rejects: Vec<Reject> = rows
            .raw
            .bad
            .iter()
            .map(|bad| Reject {
                table: Arc::clone(name),
                file: Arc::clone(file),
                line: rows.raw.line(bad.place),
                column: None,
                rule: bad.broken.rule,
                message: bad.broken.message.clone(),
                value: None,
                raw: cut(bad_row_text(&rows.raw, bad), RAW_BYTES_MAX).to_owned(),
            })
            .collect();
        for problems in rows.problems.chunk_by(|one, other| one.row == other.row) {
            let Some((first, others)) = problems.split_first() else { continue };
            let Some(place) = rows.raw.rows.get(first.row) else { continue };
            rejects.push(Reject {
                table: Arc::clone(name),
                file: Arc::clone(file),
                line: rows.raw.line(*place),
                column: column_name(table, first),
                rule: first.broken.rule,
                message: message(table, first, others),
                value: first.value.clone(),
                raw: raw_of(*place),
            });
        }
        rejects.sort_by_key(|reject| reject.line);
        rejects.into_iter().for_each(|reject| self.add(reject));
    }
}

fn column_name(table: &TableSpec, problem: &Problem) -> Option<String> {
    let column = table.columns.get(problem.column?)?;
    Some(column.name.as_str().to_owned())
}

/// The first problem, and after it the others of the same row in short.
fn message(table: &TableSpec, first: &Problem, others: &[Problem]) -> String {
    let mut message = first.broken.message.clone();
    for other in others {
        let column = column_name(table, other);
        message.push_str("; also ");
        if let Some(column) = column {
            message.push_str(&column);
            message.push_str(": ");
        }
        message.push_str(&other.broken.message);
    }
    message
}

//! What a load tells: how it goes ([`Progress`]) and what came of it ([`LoadReport`]). The command line shows both; nothing
//! is printed here.

use std::{fmt::Debug, time::Duration};

use lis_lake::ids::{BatchId, SnapshotId};

use crate::{batch::BatchKey, rules::Rule};

/// What came of a load.
#[derive(Debug, Clone, Default)]
pub struct LoadReport {
    /// The source.
    pub source: String,
    /// Its batches in the order in which they were loaded.
    pub batches: Vec<BatchReport>,
    /// Files in the source's directory that no table claims.
    pub unclaimed: Vec<String>,
}

impl LoadReport {
    /// Whether every batch is in the warehouse now (or, in a dry run, would be).
    pub fn is_success(&self) -> bool {
        self.batches.iter().all(|batch| match batch.outcome {
            BatchOutcome::Published { .. }
            | BatchOutcome::AlreadyLoaded { .. }
            | BatchOutcome::WouldPublish => true,
            BatchOutcome::Refused { .. } | BatchOutcome::Failed { .. } => false,
        })
    }
}

/// What came of a batch.
#[derive(Debug, Clone)]
pub struct BatchReport {
    /// Its key.
    pub key: BatchKey,
    /// Its number in the ledger; `None` if it was not entered (dry run, already loaded, refused).
    pub number: Option<BatchId>,
    /// Published or not, and why.
    pub outcome: BatchOutcome,
    /// Per table, in the order in which they were loaded.
    pub tables: Vec<TableReport>,
    /// What was rejected, by table, rule and column.
    pub rejects: Vec<RejectCount>,
    /// What people should look at though the batch did not fail.
    pub warnings: Vec<String>,
    /// The batch whose place it takes.
    pub corrects: Option<BatchId>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// Readers see it from this snapshot on.
    Published {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// The same delivery was published before: nothing was done.
    AlreadyLoaded {
        /// As this batch.
        batch: BatchId,
    },
    /// Another delivery was published under the same key: nothing was done.
    Refused {
        /// The batch that stands.
        batch: BatchId,
    },
    /// Nothing was published. The ledger and the rejects have the details.
    Failed {
        /// Why.
        reason: String,
    },
    /// A dry run of a batch that would be published.
    WouldPublish,
}

/// What a batch did to a table.
#[derive(Debug, Clone, Default)]
pub struct TableReport {
    /// Its name.
    pub table: String,
    /// Files that fed it.
    pub files: usize,
    /// Rows that were read.
    pub rows_in: u64,
    /// Rows that were written.
    pub rows_written: u64,
    /// Rows that were rejected.
    pub rows_rejected: u64,
}

/// Rejects of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectCount {
    /// The table.
    pub table: String,
    /// The rule.
    pub rule: Rule,
    /// The column, if the rule is about one.
    pub column: Option<String>,
    /// Rows.
    pub count: u64,
    /// The first of them: `file:line: message`.
    pub example: String,
}

/// Something that happens during a load.
#[derive(Debug)]
pub enum LoadEvent<'a> {
    /// A batch begins.
    BatchBegan {
        /// Its key.
        key: &'a BatchKey,
        /// Its number in the ledger.
        number: Option<BatchId>,
        /// Its files.
        files: usize,
        /// Their size.
        bytes: u64,
    },
    /// A table of the batch begins.
    TableBegan {
        /// Its name.
        table: &'a str,
    },
    /// A part of a file was read and judged.
    Read {
        /// Bytes since the last event.
        bytes: u64,
        /// Rows since the last event.
        rows: u64,
        /// Those of them that were rejected.
        rejected: u64,
    },
    /// A batch ended.
    BatchEnded {
        /// What came of it.
        report: &'a BatchReport,
    },
}

/// Hears how a load goes. Called from the load's task: must not block.
pub trait Progress: Send + Sync + Debug {
    /// Something happened.
    fn event(&self, event: &LoadEvent<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn event(&self, _event: &LoadEvent<'_>) {}
}

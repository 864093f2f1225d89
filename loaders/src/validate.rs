//! Validation: which rows may be published. Judges what cannot be judged by one value: references to other tables, keys within
//! the delivery and against the rows that stay. Good rows go into data files beside the live data, which no reader
//! sees; bad ones into the rejects. At the end every row that came in has gone one of the two ways, counted by different hands:
//! rows in by the format, rejects here, rows written by the lake.
//!
//! - `validate/keys.rs`: keys of any columns, compared byte for byte.
//! - `validate/existing.rs`: rows that the lake has already.
//! - `validate/table.rs`: one table of a batch.
//!
//! Existing rows are compared after the delivery has been read: its smallest and largest keys prune nearly every file, and
//! memory grows with the delivery, not with the table. If a key exists already, which is rare, the delivery is
//! read once more with those keys known.

pub(crate) mod existing;
mod keys;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lis_lake::{
    data_file::StagedFile,
    error::LakeError,
    hooks::{TableChecks, TableSecurity},
    ids::FileId,
    lake::Lake,
    metadata::CommitPart,
    staged::StagedChanges,
};

use crate::{
    batch::Batch,
    cleanse::Cleansed,
    config::{LoadMode, TableSpec},
    error::LoadError,
    read::FileSum,
    rejects::{REJECTS_KEPT_MAX, Rejects},
    report::{Progress, TableReport},
    target::Target,
};
use existing::Existing;

/// What a load works with.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) lake: Arc<Lake>,
    pub(crate) existing: Existing,
    pub(crate) security: Arc<dyn TableSecurity>,
    pub(crate) checks: Arc<dyn TableChecks>,
    pub(crate) progress: Arc<dyn Progress>,
}

/// The state of a batch that may be published: its rows are in data files that no snapshot shows yet.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) outcome: Judgement,
    pub(crate) changes: StagedChanges,
    pub(crate) parts: Vec<Box<dyn CommitPart>>,
}

/// What judging a batch has found.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) tables: Vec<LoadedTable>,
    pub(crate) rejects: Rejects,
    pub(crate) files: BTreeMap<String, FileSum>,
    pub(crate) warnings: Vec<String>,
}

/// A table of a judged batch.
#[derive(Debug)]
pub(crate) struct LoadedTable {
    pub(crate) spec: Arc<TableSpec>,
    pub(crate) target: Target,
    pub(crate) files: Vec<StagedFile>,
    /// Files that the new ones take the place of, with [`LoadMode::ReplaceBy`].
    pub(crate) removed: BTreeSet<FileId>,
    pub(crate) report: TableReport,
}

/// What came of judging.
pub(crate) enum Verdict {
    /// It may be published.
    Good(Box<Batch<Validated>>),
    /// It may not, and why.
    Bad(Box<Judgement>, String),
}

impl Judgement {
    /// The reports of the tables; of a batch that is not published, without rows written.
    pub(crate) fn reports(&self, published: bool) -> Vec<TableReport> {
        self.tables
            .iter()
            .map(|table| TableReport {
                rows_written: if published { table.report.rows_written } else { 0 },
                ..table.report.clone()
            })
            .collect()
    }

    /// Why the batch must not be published, if it must not.
    fn failure(&self) -> Option<String> {
        if self.rejects.overflowed() {
            return Some(format!(
                "{} rows were rejected; a batch with more than {REJECTS_KEPT_MAX} is never published",
                self.rejects.count()
            ));
        }
        self.tables.iter().find_map(|table| {
            let TableReport { table: name, rows_in, rows_written, rows_rejected, .. } = &table.report;
            let limit = table.spec.rejects_max;
            if share(*rows_rejected, *rows_in) > limit {
                return Some(format!(
                    "{name}: {rows_rejected} of {rows_in} rows were rejected ({:.2} %), at most {:.2} % may be",
                    share(*rows_rejected, *rows_in) * 100.0,
                    limit * 100.0
                ));
            }
            (table.spec.mode == LoadMode::Replace && *rows_written == 0)
                .then(|| format!("{name}: the delivery has no rows, and would empty the table"))
        })
    }
}

/// A share of rows. Counts are exact in `f64` up to 2^53.
fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than f64's digits")]
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    share
}

/// Judges a batch over the newest snapshot, with what is staged over it already: a correction is judged without the batch
/// that it corrects.
pub(crate) async fn validate(
    batch: Batch<Cleansed>,
    changes: StagedChanges,
    environment: &Environment,
) -> Result<Verdict, LoadError> {
    let header = batch.header.clone();
    let mut judging = table::Judging {
        environment,
        header: &header,
        cleansed: &batch.state,
        changes,
        rejects: Rejects::default(),
    };
    let mut tables = Vec::new();
    let mut failed = None;
    for (number, spec) in header.spec.tables.iter().enumerate() {
        if let Some(files) = batch.state.files_of(number) {
            match judging.load_table(spec, files).await {
                Ok(table) => tables.push(table),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    let table::Judging { changes, rejects, .. } = judging;
    let learnt = &batch.state.learnt;
    let judgement = Judgement { tables, rejects, files: learnt.sums(), warnings: learnt.warnings() };
    match failed {
        None => {}
        // The delivery is at fault, so its batch fails, and what was rejected until here is kept.
        Some(error @ (LoadError::File { .. } | LoadError::Target { .. })) => {
            return Ok(Verdict::Bad(Box::new(judgement), error.to_string()));
        }
        Some(error) => return Err(error),
    }
    if let Some(reason) = judgement.failure() {
        return Ok(Verdict::Bad(Box::new(judgement), reason));
    }
    let validated = secure(judgement, changes, environment)?;
    Ok(Verdict::Good(Box::new(batch.with(|_| validated))))
}

/// Secures the tables with an administration column. The files were laid over the snapshot while judging, so that
/// later tables could refer to their rows.
fn secure(
    judgement: Judgement,
    changes: StagedChanges,
    environment: &Environment,
) -> Result<Validated, LoadError> {
    let mut parts = Vec::new();
    for table in &judgement.tables {
        if let Some(administration) = &table.spec.administration
            && let Some(column) = table.target.table_column(&table.spec, administration.column)
        {
            parts.extend(environment.security.secure(&table.target.table, column, &administration.area)?);
        }
    }
    Ok(Validated { outcome: judgement, changes, parts })
}

/// Lays a table's new files over the snapshot.
pub(crate) fn lay_over(changes: &mut StagedChanges, table: &LoadedTable) -> Result<(), LakeError> {
    let id = table.target.table.id;
    match &table.spec.mode {
        LoadMode::Append => changes.append_files(id, table.files.clone()),
        LoadMode::Replace => changes.replace_files(id, table.files.clone()),
        LoadMode::ReplaceBy(_) => changes.rewrite_files(id, &table.removed, table.files.clone()),
    }
}

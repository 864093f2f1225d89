//! Taking out what one commit brought, wherever it stands in history: the state becomes what it would be had the commit not
//! been, in one new snapshot. What was before stays readable as every past state does.
//!
//! - The rows that **came with** the commit go. Rows know what they came with (`row_lineage.rs`), so it makes no
//!   difference whether they have been compacted, rewritten or updated since; a row that was deleted since is gone already.
//!   Files that hold nothing else are left out, others are rewritten without those rows.
//! - The rows that the commit **replaced** (a load with `mode = "replace"`) come back, from the files that it ended. They are
//!   found by their numbers: what stood in an ended file and not in a file of the commit was replaced.
//!
//! When rows come back that something later has replaced again, there would be two versions of the same. The rule that
//! keeps from it: a commit that replaced rows can be undone while *all* rows that it put in their place are still there. A
//! later replacement of the same slice, or a DELETE in it, has taken some of them away; then what was replaced would have
//! been taken away too, in part, and nobody can say which part. That is refused ([`LakeError::NotUndoable`]), and says
//! what is in the way. A commit that only added rows can always be undone.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use arrow::{
    array::{Array as _, AsArray as _, BooleanArray, PrimitiveArray, RecordBatch},
    datatypes::Int64Type,
};
use datafusion::execution::SessionState;
use futures::StreamExt as _;

use crate::{
    data_file::DataFile,
    error::LakeError,
    ids::{FileId, RelationId, SnapshotId},
    lake::Lake,
    metadata::MetadataRead,
    moved_rows::MovedRows,
    snapshot::Snapshot,
    staged::StagedChanges,
    table::{Relation, Table},
};

/// What an undo does to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoneTable {
    /// The table.
    pub table: RelationId,
    /// Rows that go.
    pub rows_removed: u64,
    /// Rows that come back.
    pub rows_restored: u64,
}

/// Something that later commits did to the rows of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// The table.
    pub table: RelationId,
    /// The commit that touched its files.
    pub snapshot: SnapshotId,
}

impl Lake {
    /// Stages the undo of the commit `undone`. Rows that came with one of `without` do not come back: they have been
    /// undone themselves. Commit it with the staged changes that it was laid over; another commit that touches the same
    /// files meanwhile is a [`LakeError::Conflict`], and all of it must be done again.
    pub async fn stage_undo(
        self: &Arc<Self>,
        state: &SessionState,
        staged: &mut StagedChanges,
        undone: SnapshotId,
        without: &BTreeSet<SnapshotId>,
    ) -> Result<Vec<UndoneTable>, LakeError> {
        let replaced_in = tables_with_ended_files(&mut *self.metadata().read().await?, undone).await?;
        // Another process may erase rows from past states and remove their files; a lease keeps those being read.
        let mut leases = Vec::new();
        let past = if replaced_in.is_empty() {
            None
        } else {
            let before = SnapshotId::new(undone.get() - 1);
            for id in [before, undone] {
                leases.push(self.lease(id, "undo", UNDO_LEASE).await.map_err(expired)?);
            }
            self.forget_past();
            Some((self.past_state(before).await?, self.past_state(undone).await?))
        };
        let snapshot = staged.snapshot();
        let tables: Vec<Arc<Table>> =
            snapshot.relations().filter_map(Relation::as_table).map(Arc::clone).collect();
        let mut done = Vec::new();
        for table in tables {
            let files: Vec<Arc<DataFile>> =
                table.files.iter().filter(|file| file.may_hold_rows_of(undone)).cloned().collect();
            let replaced = match &past {
                Some((before, then)) if replaced_in.contains(&table.id) => {
                    Some(Replaced::of(&table, before, then))
                }
                _ => None,
            };
            if files.is_empty() && replaced.is_none() {
                continue;
            }
            let undo = TableUndo { lake: self, state, table: &table, undone, without };
            if let Some(result) = undo.stage(staged, &files, replaced).await? {
                done.push(result);
            }
        }
        for lease in leases {
            lease.release().await?;
        }
        Ok(done)
    }

    async fn past_state(&self, id: SnapshotId) -> Result<Arc<Snapshot>, LakeError> {
        self.snapshot_at(id).await.map_err(expired)
    }

    /// The later commits that replaced, changed or deleted rows of a commit, oldest first. Commits that only moved rows
    /// to other files are left out.
    pub async fn dependents(&self, of: SnapshotId) -> Result<Vec<Dependent>, LakeError> {
        let sql = "SELECT DISTINCT f.table_id, f.end_snapshot FROM ducklake_data_file f \
                   LEFT JOIN lis_data_file l USING (data_file_id) \
                   LEFT JOIN ducklake_snapshot_changes c ON c.snapshot_id = f.end_snapshot \
                   WHERE f.end_snapshot > ?1 \
                   AND ?1 BETWEEN coalesce(l.snapshot_min, f.begin_snapshot) AND coalesce(l.snapshot_max, f.begin_snapshot) \
                   AND instr(',' || coalesce(c.changes_made, '') || ',', ',compacted_table:' || f.table_id || ',') = 0 \
                   ORDER BY f.end_snapshot, f.table_id";
        let rows = self.metadata().read().await?.query(sql, &[of.get().into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(Dependent {
                    table: RelationId::new(row.integer(0)?),
                    snapshot: SnapshotId::new(row.integer(1)?),
                })
            })
            .collect()
    }
}

/// How long an undo may read the past that it brings back.
const UNDO_LEASE: Duration = Duration::from_secs(6 * 3600);

fn expired(error: LakeError) -> LakeError {
    match error {
        LakeError::NoSnapshot(_) => {
            LakeError::NotUndoable { detail: "The rows that it replaced have expired.".to_owned() }
        }
        other => other,
    }
}

/// The tables of which a commit took files away.
async fn tables_with_ended_files(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<BTreeSet<RelationId>, LakeError> {
    let sql = "SELECT DISTINCT table_id FROM ducklake_data_file WHERE end_snapshot = ?";
    let rows = read.query(sql, &[at.get().into()]).await?;
    rows.iter().map(|row| row.integer(0).map(RelationId::new)).collect()
}

/// The files of a table on both sides of the commit.
struct Replaced {
    /// Those that it ended.
    ended: Vec<Arc<DataFile>>,
    /// Those that it brought.
    brought: Vec<Arc<DataFile>>,
}

impl Replaced {
    fn of(table: &Table, before: &Snapshot, then: &Snapshot) -> Self {
        let files = |snapshot: &Snapshot| -> Vec<Arc<DataFile>> {
            let found = snapshot.relation(table.id).and_then(Relation::as_table);
            found.map(|found| found.files.for_columns().iter().cloned().collect()).unwrap_or_default()
        };
        let (before, then) = (files(before), files(then));
        let ids = |files: &[Arc<DataFile>]| files.iter().map(|file| file.id).collect::<BTreeSet<FileId>>();
        let (old, new) = (ids(&before), ids(&then));
        Self {
            ended: before.into_iter().filter(|file| !new.contains(&file.id)).collect(),
            brought: then.into_iter().filter(|file| !old.contains(&file.id)).collect(),
        }
    }
}

struct TableUndo<'a> {
    lake: &'a Arc<Lake>,
    state: &'a SessionState,
    table: &'a Arc<Table>,
    undone: SnapshotId,
    without: &'a BTreeSet<SnapshotId>,
}

impl TableUndo<'_> {
    async fn stage(
        &self,
        staged: &mut StagedChanges,
        files: &[Arc<DataFile>],
        replaced: Option<Replaced>,
    ) -> Result<Option<UndoneTable>, LakeError> {
        let mut moved = MovedRows::new(self.lake, self.state, self.table);
        let mut removed = BTreeSet::new();
        let mut rows_removed = 0;
        for file in files {
            let gone = self.move_others(file, &mut moved).await?;
            if gone > 0 {
                rows_removed += gone;
                removed.insert(file.id);
            }
        }
        let mut rows_restored = 0;
        if let Some(replaced) = replaced {
            let mut brought = 0;
            for file in &replaced.brought {
                brought += self.rows_of_undone(file, &mut moved).await?;
            }
            if rows_removed != brought {
                return Err(LakeError::NotUndoable {
                    detail: format!(
                        "It replaced rows of {}, and of the {brought} rows that it put in their place {rows_removed} are \
                         left: later changes have replaced or deleted the others.",
                        self.table.name
                    ),
                });
            }
            rows_restored = self.restore(&replaced, &mut moved).await?;
        }
        if removed.is_empty() && rows_restored == 0 {
            return Ok(None);
        }
        staged.rewrite_files(self.table.id, &removed, moved.finish().await?)?;
        Ok(Some(UndoneTable { table: self.table.id, rows_removed, rows_restored }))
    }

    /// Writes the rows of a file that did not come with the commit to a new one. How many did; if none, nothing is
    /// written.
    async fn move_others(&self, file: &Arc<DataFile>, moved: &mut MovedRows<'_>) -> Result<u64, LakeError> {
        let only_undone = match file.row_snapshots {
            None => file.checksum.is_some(),
            Some(snapshots) => snapshots.bounds(file.begin_snapshot) == (self.undone, self.undone),
        };
        if only_undone {
            return Ok(file.record_count);
        }
        let gone = self.rows_of_undone(file, moved).await?;
        if gone == 0 {
            return Ok(0);
        }
        let mut rows = moved.rows(file, None).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(LakeError::Engine)?;
            let stay = self.mask(&batch, |snapshot, _| snapshot != Some(self.undone.get()));
            moved.write(&batch, &stay).await?;
        }
        Ok(gone)
    }

    async fn rows_of_undone(
        &self,
        file: &Arc<DataFile>,
        moved: &mut MovedRows<'_>,
    ) -> Result<u64, LakeError> {
        if !file.may_hold_rows_of(self.undone) {
            return Ok(0);
        }
        let mut rows = moved.rows(file, None).await?;
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(LakeError::Engine)?;
            let of_undone = self.mask(&batch, |snapshot, _| snapshot == Some(self.undone.get()));
            count += of_undone.true_count() as u64;
        }
        Ok(count)
    }

    /// Writes the replaced rows again, but for those that have been undone themselves.
    async fn restore(&self, replaced: &Replaced, moved: &mut MovedRows<'_>) -> Result<u64, LakeError> {
        let mut kept: HashSet<i64> = HashSet::new();
        for file in replaced.brought.iter().filter(|file| file.row_snapshots.is_some()) {
            let mut rows = moved.rows(file, None).await?;
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(LakeError::Engine)?;
                let (snapshots, numbers) = self.lineage(&batch);
                let (Some(snapshots), Some(numbers)) = (snapshots, numbers) else { continue };
                for (snapshot, number) in snapshots.iter().zip(numbers) {
                    kept.extend(number.filter(|_| snapshot != Some(self.undone.get())));
                }
            }
        }
        let mut restored = 0;
        for file in &replaced.ended {
            let mut rows = moved.rows(file, None).await?;
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(LakeError::Engine)?;
                let back = self.mask(&batch, |snapshot, number| {
                    let undone = snapshot.is_some_and(|id| self.without.contains(&SnapshotId::new(id)));
                    !undone && !number.is_some_and(|number| kept.contains(&number))
                });
                restored += back.true_count() as u64;
                moved.write(&batch, &back).await?;
            }
        }
        Ok(restored)
    }

    fn lineage<'b>(
        &self,
        batch: &'b RecordBatch,
    ) -> (Option<&'b PrimitiveArray<Int64Type>>, Option<&'b PrimitiveArray<Int64Type>>) {
        let own = self.table.columns.len();
        let column = |position: usize| batch.columns().get(position)?.as_primitive_opt::<Int64Type>();
        (column(own), column(own + 1))
    }

    fn mask(&self, batch: &RecordBatch, judge: impl Fn(Option<i64>, Option<i64>) -> bool) -> BooleanArray {
        let (snapshots, numbers) = self.lineage(batch);
        let at = |column: Option<&PrimitiveArray<Int64Type>>, row: usize| {
            column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
        };
        (0..batch.num_rows()).map(|row| Some(judge(at(snapshots, row), at(numbers, row)))).collect()
    }
}

#[cfg(test)]
mod tests;

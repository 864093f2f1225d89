//! Taking a batch out again, and what later batches made of it. The lake knows which rows came with a commit
//! (`lis_lake::undo`); the ledger knows which commit a batch was. Both change in one commit, so a batch is undone
//! altogether or not at all.
//!
//! The batch stays in the ledger as it was published, with its counts and rejects, and says when and by whom it was
//! undone; its key is free for another delivery. A **correction** is that delivery in the same commit: readers go from
//! the wrong figures to the right ones without a moment between.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use datafusion::execution::SessionState;
use lis_lake::{
    error::LakeError,
    hooks::SnapshotFloor,
    ids::{BatchId, SnapshotId},
    lake::{CommitInfo, Lake},
    metadata::{CommitContext, CommitPart, Metadata, MetadataRead, MetadataTx, Value},
    names::Identifier,
    undo::UndoneTable,
};

use crate::{error::LoadError, ledger::now_us, load, night::last_complete_night_of};

/// How often a commit is tried that another one got in the way of.
const TRIES_MAX: u32 = 5;

/// A published batch, as undo needs to know it.
#[derive(Debug, Clone)]
pub struct PublishedBatch {
    /// Its number.
    pub batch: BatchId,
    /// Its source.
    pub source: String,
    /// Whose members may undo it.
    pub role: Option<Identifier>,
    /// The commit that published it; `None` if it never was.
    pub snapshot: Option<SnapshotId>,
    /// Whether it has been undone since.
    pub is_undone: bool,
}

/// What an undo did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It was undone before: nothing was done.
    Already,
    /// The tables that changed, by name.
    Now {
        /// Name, rows removed, rows restored.
        tables: Vec<(String, u64, u64)>,
    },
}

/// A batch of the ledger; an error if there is none of this number.
pub async fn find_batch(metadata: &dyn Metadata, batch: BatchId) -> Result<PublishedBatch, LoadError> {
    let sql = "SELECT source, s.role, state, snapshot_id, undone_us FROM lis_batch b \
               JOIN lis_source s ON s.name = b.source WHERE batch_id = ?";
    let rows = metadata.read().await?.query(sql, &[batch.get().into()]).await?;
    let row = rows.first().ok_or(LoadError::NoBatch { batch })?;
    let is_published = row.text(2)? == "published";
    Ok(PublishedBatch {
        batch,
        source: row.text(0)?.to_owned(),
        role: row.text_opt(1)?.map(Identifier::exact),
        snapshot: row.integer_opt(3)?.filter(|_| is_published).map(SnapshotId::new),
        is_undone: row.integer_opt(4)?.is_some(),
    })
}

/// Takes a batch out of all its tables in one new snapshot. `state` reads and sorts.
pub async fn undo_batch(
    lake: &Arc<Lake>,
    state: &SessionState,
    batch: BatchId,
    author: &str,
) -> Result<Undone, LoadError> {
    let source = find_batch(&**lake.metadata(), batch).await?.source;
    // A load of the source may be correcting this very batch.
    let _lock = load::lock(lake.directory(), &source)?;
    let mut tries = 1;
    loop {
        let found = find_batch(&**lake.metadata(), batch).await?;
        if found.is_undone {
            return Ok(Undone::Already);
        }
        let snapshot = found.snapshot.ok_or(LoadError::NotPublished { batch })?;
        let mut staged = lake.stage(lake.snapshot().await?);
        let without = undone_snapshots(&**lake.metadata()).await?;
        let tables = lake
            .stage_undo(state, &mut staged, snapshot, &without)
            .await
            .map_err(|error| not_undoable(batch, error))?;
        let tables = names(&staged.snapshot(), tables);
        let part = UndoPart { batch, author: author.to_owned(), corrected_by: None };
        let info = CommitInfo {
            author: author.to_owned(),
            message: format!("undo batch {batch}"),
            ..CommitInfo::default()
        };
        match lake.commit(staged, vec![Box::new(part)], info).await {
            Ok(_) => return Ok(Undone::Now { tables }),
            Err(LakeError::Conflict { .. }) if tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn not_undoable(batch: BatchId, error: LakeError) -> LoadError {
    match error {
        LakeError::NotUndoable { detail } => LoadError::NotUndoable { batch, detail },
        error => error.into(),
    }
}

fn names(snapshot: &lis_lake::snapshot::Snapshot, tables: Vec<UndoneTable>) -> Vec<(String, u64, u64)> {
    tables
        .into_iter()
        .map(|table| {
            let relation = snapshot.relation(table.table);
            let name = relation.and_then(|relation| snapshot.qualified_name(relation));
            (name.map_or_else(String::new, |name| name.to_string()), table.rows_removed, table.rows_restored)
        })
        .collect()
}

/// The commits of batches that have been undone.
pub(crate) async fn undone_snapshots(metadata: &dyn Metadata) -> Result<BTreeSet<SnapshotId>, LakeError> {
    let sql = "SELECT snapshot_id FROM lis_batch WHERE state = 'published' AND undone_us IS NOT NULL";
    let rows = metadata.read().await?.query(sql, &[]).await?;
    rows.iter().map(|row| row.integer(0).map(SnapshotId::new)).collect()
}

/// The ledger's part of the commit that takes a batch out.
#[derive(Debug, Clone)]
pub(crate) struct UndoPart {
    pub(crate) batch: BatchId,
    pub(crate) author: String,
    pub(crate) corrected_by: Option<BatchId>,
}

#[async_trait]
impl CommitPart for UndoPart {
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError> {
        let changed = tx
            .execute(
                "UPDATE lis_batch SET undone_us = ?, undone_by = ?, undone_snapshot_id = ?, corrected_by = ? \
                 WHERE batch_id = ? AND state = 'published' AND undone_us IS NULL",
                &[
                    Value::Integer(context.committed_at_us),
                    self.author.as_str().into(),
                    Value::Integer(context.snapshot_id.get()),
                    self.corrected_by.map(BatchId::get).into(),
                    Value::Integer(self.batch.get()),
                ],
            )
            .await?;
        if changed == 1 {
            Ok(())
        } else {
            Err(LakeError::Conflict { object: format!("batch {}", self.batch) })
        }
    }
}

/// What the ledger needs of the past: the states before and with each batch that replaced rows, for as long as it may
/// be undone, and the last complete night, which reports read.
#[derive(Debug, Clone, Copy)]
pub struct LedgerFloor {
    /// How long after its publication a batch that replaced rows can be undone.
    pub undoable: Duration,
}

#[async_trait]
impl SnapshotFloor for LedgerFloor {
    async fn needed(&self, read: &mut dyn MetadataRead) -> Result<BTreeSet<SnapshotId>, LakeError> {
        let since = now_us().saturating_sub(i64::try_from(self.undoable.as_micros()).unwrap_or(i64::MAX));
        let sql = "SELECT snapshot_id FROM lis_batch b WHERE state = 'published' AND undone_us IS NULL \
                   AND ended_us >= ? \
                   AND EXISTS (SELECT 1 FROM ducklake_data_file f WHERE f.end_snapshot = b.snapshot_id)";
        let mut needed = BTreeSet::new();
        for row in read.query(sql, &[since.into()]).await? {
            let with = row.integer(0)?;
            needed.extend([SnapshotId::new(with - 1), SnapshotId::new(with)]);
        }
        needed.extend(last_complete_night_of(read).await?);
        Ok(needed)
    }
}

/// Whether a load is running anywhere: it writes files that nothing refers to yet. And the number of the newest batch:
/// if it is the same later, no load has begun meanwhile.
pub async fn running_loads(metadata: &dyn Metadata) -> Result<(bool, i64), LakeError> {
    let sql = "SELECT count(*) FILTER (WHERE state = 'running'), coalesce(max(batch_id), 0) FROM lis_batch";
    let rows = metadata.read().await?.query(sql, &[]).await?;
    rows.first().map_or(Ok((false, 0)), |row| Ok((row.integer(0)? > 0, row.integer(1)?)))
}

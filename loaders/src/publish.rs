//! Publishing: one commit for the files of all tables, the ledger, the rejects and the security of new tables. Takes
//! nothing but a validated batch. A crash before the commit leaves data files that no snapshot shows, which
//! maintenance removes; after it, everything is there and a rerun finds the batch in the ledger.

use std::{collections::BTreeSet, sync::Arc};

use lis_lake::{
    error::LakeError,
    ids::{BatchId, FileId, SnapshotId},
    lake::{CommitInfo, Lake},
    metadata::CommitPart,
    snapshot::Snapshot,
    staged::StagedChanges,
    table::Relation,
};

use crate::{
    batch::Batch,
    error::LoadError,
    ledger::{Entry, PublishPart},
    load::LoadRequest,
    read::delivery_checksum,
    undo::{self, UndoPart},
    validate::{Environment, LoadedTable, Validated, existing::Existing, lay_over},
};

/// How often a commit is tried that another one got in the way of.
const TRIES_MAX: u32 = 5;

/// What was published.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) snapshot: Arc<Snapshot>,
}

/// A part of the commit that can be handed over again when the commit must be tried again.
#[derive(Debug, Clone)]
struct SharedPart(Arc<dyn CommitPart>);

#[async_trait::async_trait]
impl CommitPart for SharedPart {
    async fn apply(
        &self,
        tx: &mut dyn lis_lake::metadata::MetadataTx,
        context: &lis_lake::metadata::CommitContext,
    ) -> Result<(), LakeError> {
        self.0.apply(tx, context).await
    }
}

/// The batch whose place another takes, in one commit.
#[derive(Debug, Clone)]
pub(crate) struct Correction {
    lake: Arc<Lake>,
    existing: Existing,
    batch: BatchId,
    snapshot: SnapshotId,
    without: BTreeSet<SnapshotId>,
}

impl Correction {
    /// Of a published batch.
    pub(crate) async fn of(
        request: &LoadRequest,
        environment: &Environment,
        batch: BatchId,
    ) -> Result<Self, LoadError> {
        let metadata = request.lake.metadata();
        let found = undo::find_batch(&**metadata, batch).await?;
        Ok(Self {
            lake: Arc::clone(&request.lake),
            existing: environment.existing.clone(),
            batch,
            snapshot: found.snapshot.ok_or(LoadError::NotPublished { batch })?,
            without: undo::undone_snapshots(&**metadata).await?,
        })
    }

    /// The newest snapshot without the batch.
    pub(crate) async fn stage(&self) -> Result<StagedChanges, LoadError> {
        let mut staged = self.lake.stage(self.lake.snapshot().await?);
        let state = self.existing.state();
        let undone = self.lake.stage_undo(state, &mut staged, self.snapshot, &self.without).await;
        undone.map_err(|error| undo::not_undoable(self.batch, error))?;
        Ok(staged)
    }
}

/// Publishes a batch. In a task of its own, so that giving up waiting for it does not stop it half-way.
pub(crate) async fn publish(
    batch: Batch<Validated>,
    number: BatchId,
    lake: &Arc<Lake>,
    author: &str,
    correction: Option<Correction>,
) -> Result<Published, LoadError> {
    let lake = Arc::clone(lake);
    let author = author.to_owned();
    tokio::spawn(async move { commit(batch, number, &lake, author, correction).await }).await?
}

async fn commit(
    batch: Batch<Validated>,
    number: BatchId,
    lake: &Arc<Lake>,
    author: String,
    correction: Option<Correction>,
) -> Result<Published, LoadError> {
    let Batch { header, state: Validated { outcome, mut changes, parts } } = batch;
    let tables = outcome.reports(true);
    let entry = Entry {
        batch: number,
        tables,
        checksum: delivery_checksum(&outcome.files),
        files: outcome.files,
        rejects: outcome.rejects,
    };
    let mut shared: Vec<SharedPart> = parts.into_iter().map(|part| SharedPart(Arc::from(part))).collect();
    let mut message = format!("load {}", header.key);
    if let Some(Correction { batch, .. }) = &correction {
        message = format!("{message}, correcting batch {batch}");
        // Before the other, so that the key is free.
        let part = UndoPart { batch: *batch, author: author.clone(), corrected_by: Some(number) };
        shared.push(SharedPart(Arc::new(part)));
    }
    shared.push(SharedPart(Arc::new(PublishPart(entry))));
    let info = CommitInfo { author, message, batch: Some(number), ..CommitInfo::default() };
    let mut tries = 1;
    loop {
        let parts = shared.iter().map(|part| Box::new(part.clone()) as Box<dyn CommitPart>).collect();
        match lake.commit(changes, parts, info.clone()).await {
            Ok(snapshot) => return Ok(Published { snapshot }),
            Err(error @ LakeError::Conflict { .. }) if tries < TRIES_MAX => {
                tries += 1;
                changes = over_newest(lake, &outcome.tables, correction.as_ref()).await?.ok_or(error)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same files over the newest snapshot; `None` if a table is not there any more or was not yet, or is another one now,
/// or if the files that hold the rows to be replaced are others now.
async fn over_newest(
    lake: &Arc<Lake>,
    tables: &[LoadedTable],
    correction: Option<&Correction>,
) -> Result<Option<StagedChanges>, LoadError> {
    let newest = lake.snapshot().await?;
    let unchanged = tables.iter().all(|table| {
        let now = newest.relation_named(&table.spec.name);
        now.and_then(Relation::as_table).is_some_and(|now| {
            let then = &table.target.table;
            let there = |id: &FileId| now.files.iter().any(|file| file.id == *id);
            now.id == then.id
                && now.columns == then.columns
                && now.constraints == then.constraints
                // Files that it rewrites were replaced: the load is done again.
                && table.removed.iter().all(there)
        })
    });
    if !unchanged {
        return Ok(None);
    }
    let mut changes = match correction {
        Some(correction) => correction.stage().await?,
        None => lake.stage(newest),
    };
    for table in tables {
        lay_over(&mut changes, table)?;
    }
    Ok(Some(changes))
}

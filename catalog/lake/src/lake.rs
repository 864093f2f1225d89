//! A lake: one metadata database and one directory of Parquet files. Opening, snapshots and their cache, staging and
//! committing. Cheap to share: everything is behind an [`Arc`].

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Mutex;

use crate::{
    allocator::IdAllocator,
    commit::Difference,
    data_file::DataFile,
    error::LakeError,
    files::{TableWriter, WriterOptions},
    format,
    ids::{BatchId, FileId, Oid, RelationId, SchemaId, SnapshotId},
    metadata::{CommitContext, CommitPart, Component, Metadata, sqlite::SqliteMetadata},
    orphans::{self, UnfinishedFiles},
    pins::Presences,
    rewriting::Rewriting,
    snapshot::{Snapshot, SnapshotInfo},
    staged::StagedChanges,
    table::Table,
    time_travel::Composed,
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
    /// How long the commit may wait for other writers; `None` is the metadata database's own limit.
    pub wait_max: Option<Duration>,
}

/// Snapshots of the past that are kept for the next who asks.
const PAST_SNAPSHOTS_MAX: usize = 16;

/// An open lake.
#[derive(Debug)]
pub struct Lake {
    directory: PathBuf,
    metadata: Arc<dyn Metadata>,
    allocator: Arc<IdAllocator>,
    newest: RwLock<Option<Newest>>,
    /// Held while the newest snapshot is read, so that many who find it outdated read it once.
    loading: Mutex<()>,
    past: RwLock<Vec<Arc<Snapshot>>>,
    /// Past states in today's definitions, for the next who asks.
    pub(crate) composed: std::sync::Mutex<Vec<Composed>>,
    /// What this process has read and may still hold.
    pub(crate) presences: Presences,
    /// Held by whoever reads a snapshot until it has entered itself there.
    pub(crate) entering: tokio::sync::RwLock<()>,
    /// Tables that are about to be rewritten.
    pub(crate) rewriting: Arc<Rewriting>,
    /// Files that writers of this process have not finished, which are therefore no orphans.
    pub(crate) unfinished: Arc<UnfinishedFiles>,
}

/// The newest snapshot and the change counter at which it was the newest.
#[derive(Debug, Clone)]
struct Newest {
    counter: i64,
    snapshot: Arc<Snapshot>,
}

impl Lake {
    /// Makes a lake in `directory`: the metadata database (mode 0600) and the data's directory. `components` are the
    /// other crates' tables; the lake's own come first. A directory in which this was interrupted before it made any
    /// table is taken up again.
    pub async fn create(directory: &Path, components: &[Component]) -> Result<Arc<Self>, LakeError> {
        let file = directory.join(CATALOG_FILE);
        let data = directory.join(DATA_DIRECTORY);
        // Whoever can read the files can read around row security.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&data);
        made.map_err(|error| LakeError::io(&data, error))?;
        let metadata = SqliteMetadata::create(&file).await?;
        if !metadata.is_empty().await? {
            return Err(LakeError::AlreadyExists { path: directory.to_owned() });
        }
        let lake = Self::with_metadata(directory, Arc::new(metadata), components).await?;
        let mut tx = lake.metadata.write().await?;
        if format::data_path(&mut *tx).await?.is_some() {
            return Err(LakeError::AlreadyExists { path: directory.to_owned() });
        }
        format::initialise(&mut *tx, &lake.data_path()?, now_us()).await?;
        tx.commit().await?;
        sync_directory(directory)?;
        Ok(lake)
    }

    /// Opens the lake in `directory` and brings its tables up to date.
    pub async fn open(directory: &Path, components: &[Component]) -> Result<Arc<Self>, LakeError> {
        let file = directory.join(CATALOG_FILE);
        let metadata = match SqliteMetadata::open(&file).await {
            Err(LakeError::NotFound { .. }) => {
                return Err(LakeError::NotFound { path: directory.to_owned() });
            }
            opened => opened?,
        };
        let lake = Self::with_metadata(directory, Arc::new(metadata), components).await?;
        let data = directory.join(DATA_DIRECTORY);
        std::fs::read_dir(&data).map_err(|error| LakeError::io(&data, error))?;
        let found = format::data_path(&mut *lake.metadata.read().await?).await?;
        let found =
            found.ok_or_else(|| LakeError::damaged(format!("{} was never finished", file.display())))?;
        let now = lake.data_path()?;
        if found != now {
            let mut tx = lake.metadata.write().await?;
            format::set_data_path(&mut *tx, &now).await?;
            tx.commit().await?;
        }
        Ok(lake)
    }

    async fn with_metadata(
        directory: &Path,
        metadata: Arc<dyn Metadata>,
        components: &[Component],
    ) -> Result<Arc<Self>, LakeError> {
        let all: Vec<Component> =
            std::iter::once(format::COMPONENT).chain(components.iter().copied()).collect();
        metadata.migrate(&all).await?;
        let directory = directory.canonicalize().map_err(|error| LakeError::io(directory, error))?;
        Ok(Arc::new(Self {
            directory,
            allocator: Arc::new(IdAllocator::new(Arc::clone(&metadata))),
            metadata,
            newest: RwLock::new(None),
            loading: Mutex::new(()),
            past: RwLock::new(Vec::new()),
            composed: std::sync::Mutex::default(),
            presences: Presences::default(),
            entering: tokio::sync::RwLock::new(()),
            rewriting: Arc::default(),
            unfinished: Arc::default(),
        }))
    }

    /// The warehouse's directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The data's directory, absolute: tables' paths are below it.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join(DATA_DIRECTORY)
    }

    fn data_path(&self) -> Result<String, LakeError> {
        let path = self.data_directory();
        let text = path.to_str().ok_or_else(|| LakeError::Missing { path: path.clone() })?;
        Ok(format!("{text}/"))
    }

    /// The metadata database.
    pub fn metadata(&self) -> &Arc<dyn Metadata> {
        &self.metadata
    }

    /// The newest snapshot. Cheap while nothing has changed: asks the metadata database's change counter.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, LakeError> {
        let counter = self.metadata.change_counter().await?;
        if let Some(newest) = self.newest_at(counter) {
            return Ok(newest);
        }
        let _loading = self.loading.lock().await;
        // The counter is asked before the state is read, so that the state is never older than its counter says.
        let counter = self.metadata.change_counter().await?;
        if let Some(newest) = self.newest_at(counter) {
            return Ok(newest);
        }
        let _entering = self.entering.read().await;
        let mut read = self.metadata.read().await?;
        let head = format::head(&mut *read).await?;
        let snapshot = format::load(&mut *read, head, self.newest_known().as_ref()).await?;
        self.presences.enter(&snapshot);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Newest { counter, snapshot: Arc::clone(&snapshot) });
        Ok(snapshot)
    }

    fn newest_at(&self, counter: i64) -> Option<Arc<Snapshot>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().filter(|newest| newest.counter == counter).map(|newest| Arc::clone(&newest.snapshot))
    }

    pub(crate) fn newest_known(&self) -> Option<Arc<Snapshot>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map(|newest| Arc::clone(&newest.snapshot))
    }

    /// The snapshot with this number. Owners are today's.
    pub async fn snapshot_at(&self, id: SnapshotId) -> Result<Arc<Snapshot>, LakeError> {
        let newest = self.snapshot().await?;
        if newest.id() == id {
            return Ok(newest);
        }
        let kept = |past: &[Arc<Snapshot>]| past.iter().find(|past| past.id() == id).cloned();
        if let Some(found) = kept(&self.past.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let _entering = self.entering.read().await;
        let mut read = self.metadata.read().await?;
        let head = format::head_at(&mut *read, id).await?;
        let snapshot = format::load(&mut *read, head, None).await?;
        self.presences.enter(&snapshot);
        let mut past = self.past.write().unwrap_or_else(PoisonError::into_inner);
        if past.len() >= PAST_SNAPSHOTS_MAX {
            past.remove(0);
        }
        past.push(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The past snapshots that are kept for the next who asks.
    pub(crate) fn past_snapshots(&self) -> std::sync::RwLockWriteGuard<'_, Vec<Arc<Snapshot>>> {
        self.past.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every snapshot with who made it and what for, oldest first.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, LakeError> {
        format::history(&mut *self.metadata.read().await?).await
    }

    /// Begins to stage changes over a snapshot.
    pub fn stage(&self, base: Arc<Snapshot>) -> StagedChanges {
        StagedChanges::new(base, Arc::clone(&self.allocator))
    }

    /// A number for a schema that is no part of a commit: a session's temporary one.
    pub async fn allocate_schema_id(&self) -> Result<SchemaId, LakeError> {
        Ok(SchemaId::new(self.allocator.next().await?))
    }

    /// A number among PostgreSQL's for an object that another crate keeps (a role, a policy): shares the space of
    /// schemas and relations, so that no two objects have one number.
    pub async fn allocate_oid(&self) -> Result<Oid, LakeError> {
        Ok(RelationId::new(self.allocator.next().await?).oid())
    }

    /// Commits staged changes and other crates' parts in one metadata transaction: all or nothing. Answers with the
    /// newest snapshot. [`LakeError::Conflict`] if another commit has changed what `changes` builds on.
    ///
    /// A new snapshot is made when something is staged or a batch is named; otherwise only the parts are applied and
    /// their context has the newest snapshot's number. Parts are applied after the lake's own rows are written and can
    /// read them. A caller that stops waiting does not learn whether the commit happened.
    pub async fn commit(
        &self,
        changes: StagedChanges,
        parts: Vec<Box<dyn CommitPart>>,
        info: CommitInfo,
    ) -> Result<Arc<Snapshot>, LakeError> {
        let outcome = changes.outcome.snapshot;
        let mut difference = Difference::between(&changes.base, &outcome);
        for change in &mut difference.files {
            change.moved = changes.outcome.moved.contains(&change.table.id);
        }
        let mut tx = match info.wait_max {
            None => self.metadata.write().await?,
            Some(wait_max) => tokio::time::timeout(wait_max, self.metadata.write())
                .await
                .map_err(|_elapsed| LakeError::WaitedTooLong)??,
        };
        let head = format::head(&mut *tx).await?;
        let context = if difference.is_empty() && info.batch.is_none() {
            CommitContext { snapshot_id: head.id, committed_at_us: now_us() }
        } else {
            let current = if head.id == changes.base.id() {
                Arc::clone(&changes.base)
            } else {
                format::load(&mut *tx, head, self.newest_known().as_ref()).await?
            };
            difference.check(&changes.base, &current, &changes.outcome.replaced)?;
            Difference::check_relied_on(&changes.base, &current, &changes.outcome.relied_on)?;
            format::write(&mut *tx, head, &difference, &outcome, &info, now_us()).await?
        };
        for part in &parts {
            part.apply(&mut *tx, &context).await?;
        }
        // Other programs reach the files of a table that has changed its schema through the new schema's directory.
        for (before, after) in &difference.altered {
            if before.schema_id() != after.schema_id()
                && let Some(schema) = outcome.schema(after.schema_id())
            {
                let directory = self.data_directory().join(&schema.path);
                let made = std::fs::create_dir_all(&directory);
                made.map_err(|error| LakeError::io(&directory, error))?;
            }
        }
        for file in difference.files.iter().flat_map(|change| &change.added) {
            if let Some(guard) = &file.guard {
                guard.keep();
            }
        }
        tx.commit().await?;
        self.snapshot().await
    }

    /// Looks up the checksums of files' blocks; every file knows afterwards whether it has any.
    pub(crate) async fn load_block_checksums(&self, files: &[&Arc<DataFile>]) -> Result<(), LakeError> {
        let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
        let mut found = format::block_checksums(&mut *self.metadata.read().await?, &ids).await?;
        for file in files {
            let checksums = found.remove(&file.id).map(Arc::new);
            // Another reader may have been first, with the same.
            file.blocks.get_or_init(|| checksums);
        }
        Ok(())
    }

    /// Begins to write rows for a table (which may be only staged).
    pub async fn writer(
        self: &Arc<Self>,
        table: &Table,
        options: WriterOptions,
    ) -> Result<TableWriter, LakeError> {
        TableWriter::begin(Arc::clone(self), table, options)
    }

    /// Closes the metadata database, with everything in its main file. For the end of a program; the lake cannot be
    /// used afterwards.
    pub async fn close(&self) -> Result<(), LakeError> {
        self.metadata.close().await
    }

    /// Removes data files that no snapshot refers to and that are older than `grace`, and directories that this leaves
    /// empty. Files that this process is writing are kept whatever their age. Returns the files' paths.
    pub async fn remove_orphans(&self, grace: Duration) -> Result<Vec<PathBuf>, LakeError> {
        let orphans = self.orphans(grace).await?;
        self.remove_files(orphans).await
    }

    /// The files that [`Lake::remove_orphans`] would try.
    pub async fn orphans(&self, grace: Duration) -> Result<Vec<PathBuf>, LakeError> {
        let root = self.data_directory();
        let unfinished = Arc::clone(&self.unfinished);
        blocking(move || orphans::candidates(&root, grace, &unfinished)).await
    }

    /// Removes those of the files that no snapshot refers to now. A file must have been listed before whatever refers to
    /// it could be committed: one that is committed meanwhile is then found referred to.
    pub async fn remove_files(&self, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, LakeError> {
        let root = self.data_directory();
        let referred = format::referred_files(&mut *self.metadata.read().await?).await?;
        blocking(move || orphans::remove(&root, files, &referred)).await
    }
}

/// Runs work on files off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
) -> Result<T, LakeError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LakeError::Stopped)?
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), LakeError> {
    let synced = std::fs::File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|error| LakeError::io(path, error))
}

pub(crate) fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

#[cfg(test)]
mod tests;

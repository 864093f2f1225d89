//! Who reads which snapshot. Expiry and the removal of files ask here: a snapshot that somebody reads stays, with its
//! files.
//!
//! Within a process nothing has to be said: a snapshot knows how many hold it or something laid over it (a transaction,
//! a statement, a cursor that is still open). Other processes say it with a lease in the metadata database and a locked
//! file of its name, which the operating system frees when the process was killed: the lease ends with it.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    error::LakeError,
    ids::SnapshotId,
    lake::{Lake, now_us},
    metadata::{Metadata, MetadataRead},
    snapshot::Snapshot,
};

/// The longest that a lease lasts without being taken anew.
const LEASE_SECONDS_MAX: u64 = 24 * 3600;

/// What a snapshot and everything that is laid over it have in common.
#[derive(Debug)]
pub(crate) struct Presence {
    id: SnapshotId,
}

impl Presence {
    pub(crate) fn of(id: SnapshotId) -> Arc<Self> {
        Arc::new(Self { id })
    }
}

/// The snapshots that this process has read and that may still be held.
#[derive(Debug, Default)]
pub(crate) struct Presences(Mutex<Vec<Weak<Presence>>>);

impl Presences {
    /// A snapshot was read from the metadata database.
    pub(crate) fn enter(&self, snapshot: &Snapshot) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|presence| presence.strong_count() > 0);
        all.push(Arc::downgrade(snapshot.presence()));
    }

    /// The snapshots that somebody holds, among them what this process keeps for the next reader.
    pub(crate) fn held(&self) -> BTreeSet<SnapshotId> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).map(|presence| presence.id).collect()
    }
}

/// The lock files of leases and of whoever else works on a warehouse, within its directory.
const LOCKS_DIRECTORY: &str = "locks";

fn lock_path(directory: &Path, lease: &str) -> PathBuf {
    directory.join(LOCKS_DIRECTORY).join(format!("lease-{lease}.lock"))
}

/// Whether the process that took a lease is alive: it keeps the lease's file locked.
fn is_alive(path: &Path) -> bool {
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Ok(())) => false,
        Ok(Err(_)) => true,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Keeps a snapshot from expiry for a process that reads it for long and is not the server: a load, a backup. Give it
/// back with [`Lease::release`]; one that is only dropped runs out.
#[derive(Debug)]
pub struct Lease {
    id: String,
    snapshot: SnapshotId,
    metadata: Arc<dyn Metadata>,
    /// Removed when the lease ends.
    path: PathBuf,
    /// Locked for as long as the process lives.
    _file: File,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the file of a lease stays");
        }
    }
}

impl Lease {
    /// The snapshot.
    pub fn snapshot(&self) -> SnapshotId {
        self.snapshot
    }

    /// Prolongs the lease, from now.
    pub async fn renew(&self, duration: Duration) -> Result<(), LakeError> {
        let mut tx = self.metadata.write().await?;
        let sql = "UPDATE lis_snapshot_lease SET until_us = ? WHERE lease_id = ?";
        tx.execute(sql, &[until(duration).into(), self.id.as_str().into()]).await?;
        tx.commit().await
    }

    /// Gives the snapshot free.
    pub async fn release(self) -> Result<(), LakeError> {
        let mut tx = self.metadata.write().await?;
        tx.execute("DELETE FROM lis_snapshot_lease WHERE lease_id = ?", &[self.id.as_str().into()]).await?;
        tx.commit().await
    }
}

fn until(duration: Duration) -> i64 {
    let seconds = duration.as_secs().min(LEASE_SECONDS_MAX);
    now_us().saturating_add(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000))
}

impl Lake {
    /// Leases a snapshot: it does not expire before the lease ends, whatever process removes snapshots. `purpose` is for
    /// the operator who wonders. An error if it has expired already.
    pub async fn lease(
        &self,
        snapshot: SnapshotId,
        purpose: &str,
        duration: Duration,
    ) -> Result<Lease, LakeError> {
        let id = Uuid::now_v7().hyphenated().to_string();
        let path = lock_path(self.directory(), &id);
        let failed = |error| LakeError::io(&path, error);
        std::fs::create_dir_all(self.directory().join(LOCKS_DIRECTORY)).map_err(failed)?;
        let file = File::create_new(&path).map_err(failed)?;
        file.try_lock().map_err(|error| LakeError::io(&path, error.into()))?;
        let mut tx = self.metadata().write().await?;
        tx.execute("DELETE FROM lis_snapshot_lease WHERE until_us <= ?", &[now_us().into()]).await?;
        let found = tx
            .execute(
                "INSERT INTO lis_snapshot_lease(lease_id, snapshot_id, purpose, until_us) \
                 SELECT ?, snapshot_id, ?, ? FROM ducklake_snapshot WHERE snapshot_id = ?",
                &[id.as_str().into(), purpose.into(), until(duration).into(), snapshot.get().into()],
            )
            .await?;
        let lease = Lease { id, snapshot, metadata: Arc::clone(self.metadata()), path, _file: file };
        if found == 0 {
            return Err(LakeError::NoSnapshot(snapshot));
        }
        tx.commit().await?;
        Ok(lease)
    }

    /// The newest snapshot, leased: what it shows stays on the disk until the lease ends.
    pub async fn lease_newest(
        &self,
        purpose: &str,
        duration: Duration,
    ) -> Result<(Arc<Snapshot>, Lease), LakeError> {
        loop {
            let lease = match self.lease(self.snapshot().await?.id(), purpose, duration).await {
                // It has ceased to be the newest and expired since it was read.
                Err(LakeError::NoSnapshot(_)) => continue,
                leased => leased?,
            };
            // Read after the lease was written, so that whoever removes files has seen the lease.
            let newest = self.snapshot().await?;
            if newest.id() == lease.snapshot() {
                return Ok((newest, lease));
            }
            lease.release().await?;
        }
    }

    /// The snapshots that processes have leased. What has run out, or whose process is gone, is nobody's.
    pub(crate) async fn leased(
        &self,
        read: &mut dyn MetadataRead,
    ) -> Result<BTreeSet<SnapshotId>, LakeError> {
        let sql = "SELECT snapshot_id, lease_id FROM lis_snapshot_lease WHERE until_us > ?";
        let mut leased = BTreeSet::new();
        for row in read.query(sql, &[now_us().into()]).await? {
            if is_alive(&lock_path(self.directory(), row.text(1)?)) {
                leased.insert(SnapshotId::new(row.integer(0)?));
            }
        }
        Ok(leased)
    }
}

//! Who reads which snapshot. Expiry and the removal of files ask here: a snapshot that somebody reads stays, with its
//! files.
//!
//! Within a process nothing has to be said: a snapshot knows how many hold it or something laid over it (a transaction,
//! a statement, a cursor that is still open). Other processes say it with a lease in the metadata database, which ends
//! by itself when its process was killed.

use std::{
    collections::BTreeSet,
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

/// The snapshots that other processes have leased. What has run out is nobody's.
pub(crate) async fn leased(read: &mut dyn MetadataRead, now: i64) -> Result<BTreeSet<SnapshotId>, LakeError> {
    let sql = "SELECT snapshot_id FROM lis_snapshot_lease WHERE until_us > ?";
    let rows = read.query(sql, &[now.into()]).await?;
    rows.iter().map(|row| row.integer(0).map(SnapshotId::new)).collect()
}

/// Keeps a snapshot from expiry for a process that reads it for long and is not the server: a load, a backup. Give it
/// back with [`Lease::release`]; one that is only dropped runs out.
#[derive(Debug)]
pub struct Lease {
    id: String,
    snapshot: SnapshotId,
    metadata: Arc<dyn Metadata>,
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
        let mut tx = self.metadata().write().await?;
        tx.execute("DELETE FROM lis_snapshot_lease WHERE until_us <= ?", &[now_us().into()]).await?;
        let found = tx
            .execute(
                "INSERT INTO lis_snapshot_lease(lease_id, snapshot_id, purpose, until_us) \
                 SELECT ?, snapshot_id, ?, ? FROM ducklake_snapshot WHERE snapshot_id = ?",
                &[id.as_str().into(), purpose.into(), until(duration).into(), snapshot.get().into()],
            )
            .await?;
        if found == 0 {
            return Err(LakeError::NoSnapshot(snapshot));
        }
        tx.commit().await?;
        Ok(Lease { id, snapshot, metadata: Arc::clone(self.metadata()) })
    }
}

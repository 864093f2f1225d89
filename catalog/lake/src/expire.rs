//! Forgetting the past: snapshots that are old enough and that nobody needs, and then the files that only they showed.
//!
//! Nothing is removed in the commit that forgets it. Files are scheduled for deletion there (DuckLake's own table for
//! it), and removed when they have been scheduled for longer than a grace period; a crash in between leaves files that the
//! next run removes.
//!
//! What stays, whatever its age: the newest snapshot, those with a name, those that somebody reads in this process or
//! has leased in another (`pins.rs`), and those that other crates need ([`SnapshotFloor`]): a batch that replaced rows
//! can only be undone while the state before it exists. A snapshot's age is counted from when it ceased to be the
//! newest: a state that held for a year until yesterday is a day old.

use std::{collections::BTreeSet, io::ErrorKind, path::PathBuf, sync::PoisonError, time::Duration};

use crate::{
    error::LakeError,
    format,
    hooks::SnapshotFloor,
    ids::SnapshotId,
    lake::{Lake, blocking, now_us},
    metadata::{MetadataRead, MetadataTx, Value},
};

/// What an expiry has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Snapshots that were forgotten.
    pub snapshots: u64,
    /// Files that are scheduled for deletion since.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Numbers in one statement.
const NUMBERS_PER_STATEMENT: usize = 500;

impl Lake {
    /// Forgets the snapshots that have not been the newest for longer than `age`, but for those that stay.
    pub async fn expire_snapshots(
        &self,
        age: Duration,
        floor: &dyn SnapshotFloor,
    ) -> Result<Expired, LakeError> {
        self.forget_past();
        let mut tx = self.metadata().write().await?;
        let head = format::head(&mut *tx).await?;
        // Asked with the catalogue locked: whoever takes up a snapshot from now on finds it gone.
        let mut stay = self.presences.held();
        stay.insert(head.id);
        stay.extend(self.leased(&mut *tx).await?);
        stay.extend(named(&mut *tx).await?);
        stay.extend(floor.needed(&mut *tx).await?);
        let until = now_us().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let old = superseded(&mut *tx, until).await?;
        let expired: Vec<SnapshotId> = old.into_iter().filter(|id| !stay.contains(id)).collect();
        for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
            delete(&mut *tx, table, "snapshot_id", expired.iter().map(|id| id.get())).await?;
        }
        let (files, bytes) = schedule_unseen(&mut *tx).await?;
        tx.commit().await?;
        Ok(Expired { snapshots: u64::try_from(expired.len()).unwrap_or(u64::MAX), files, bytes })
    }

    /// Removes the files that have been scheduled for deletion for longer than `grace`. Returns their paths.
    pub async fn remove_scheduled(&self, grace: Duration) -> Result<Vec<PathBuf>, LakeError> {
        let mut removed = self.remove_erased().await?;
        let mut read = self.metadata().read().await?;
        let mut held = self.presences.held();
        held.extend(self.leased(&mut *read).await?);
        // A snapshot that was taken up while it expired: its reader may still open any of its files.
        for id in held {
            if matches!(format::head_at(&mut *read, id).await, Err(LakeError::NoSnapshot(_))) {
                return Ok(removed);
            }
        }
        let until = now_us().saturating_sub(i64::try_from(grace.as_micros()).unwrap_or(i64::MAX));
        let sql = "SELECT path FROM ducklake_files_scheduled_for_deletion \
                   WHERE path_is_relative = 1 AND schedule_start <= ? \
                   AND path NOT IN (SELECT path FROM lis_erased_file)";
        let rows = read.query(sql, &[format::time_text(until).into()]).await?;
        drop(read);
        let paths = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        removed.extend(self.remove_for_good(paths).await?);
        Ok(removed)
    }

    /// Removes the files that were erased from past states, but for those that somebody reads: whoever took up one of
    /// those states before still has the file in its plan. Returns their paths.
    pub(crate) async fn remove_erased(&self) -> Result<Vec<PathBuf>, LakeError> {
        self.forget_past();
        // Whoever is just taking up a state has said so afterwards.
        drop(self.entering.write().await);
        let mut read = self.metadata().read().await?;
        let mut held = self.presences.held();
        held.extend(self.leased(&mut *read).await?);
        let sql = "SELECT path, begin_snapshot, end_snapshot FROM lis_erased_file";
        let rows = read.query(sql, &[]).await?;
        drop(read);
        let mut paths = Vec::new();
        for row in &rows {
            let (begin, end) = (SnapshotId::new(row.integer(1)?), SnapshotId::new(row.integer(2)?));
            if begin >= end || held.range(begin..end).next().is_none() {
                paths.push(row.text(0)?.to_owned());
            }
        }
        self.remove_for_good(paths).await
    }

    /// Removes files that are scheduled for deletion, and then says so in the catalogue.
    async fn remove_for_good(&self, paths: Vec<String>) -> Result<Vec<PathBuf>, LakeError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let root = self.data_directory();
        let gone = paths.clone();
        let removed = blocking(move || {
            let mut removed = Vec::with_capacity(gone.len());
            for path in gone {
                let path = root.join(path);
                match std::fs::remove_file(&path) {
                    Ok(()) => removed.push(path),
                    // An earlier run removed it and was stopped before it could say so.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(LakeError::io(path, error)),
                }
            }
            Ok(removed)
        })
        .await?;
        let mut tx = self.metadata().write().await?;
        for path in paths {
            for table in ["ducklake_files_scheduled_for_deletion", "lis_erased_file"] {
                tx.execute(&format!("DELETE FROM {table} WHERE path = ?"), &[path.as_str().into()]).await?;
            }
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// Lets go of the past states that this process keeps for the next reader, so that only readers hold any.
    pub(crate) fn forget_past(&self) {
        self.past_snapshots().clear();
        self.composed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn named(read: &mut dyn MetadataRead) -> Result<Vec<SnapshotId>, LakeError> {
    let rows = read.query("SELECT snapshot_id FROM lis_snapshot_name", &[]).await?;
    rows.iter().map(|row| row.integer(0).map(SnapshotId::new)).collect()
}

/// The snapshots that another one had succeeded at a time.
async fn superseded(read: &mut dyn MetadataRead, until_us: i64) -> Result<Vec<SnapshotId>, LakeError> {
    let sql = "SELECT snapshot_id FROM \
               (SELECT snapshot_id, lead(snapshot_time) OVER (ORDER BY snapshot_id) AS ended FROM ducklake_snapshot) \
               WHERE ended <= ?";
    let rows = read.query(sql, &[format::time_text(until_us).into()]).await?;
    rows.iter().map(|row| row.integer(0).map(SnapshotId::new)).collect()
}

/// Forgets the files that no snapshot shows any more. How many, and their bytes.
async fn schedule_unseen(tx: &mut dyn MetadataTx) -> Result<(u64, u64), LakeError> {
    let sql = "SELECT data_file_id FROM ducklake_data_file f WHERE end_snapshot IS NOT NULL AND NOT EXISTS \
               (SELECT 1 FROM ducklake_snapshot s WHERE s.snapshot_id >= f.begin_snapshot \
               AND s.snapshot_id < f.end_snapshot)";
    let rows = tx.query(sql, &[]).await?;
    let unseen = rows.iter().map(|row| row.integer(0)).collect::<Result<Vec<_>, _>>()?;
    schedule(tx, &unseen).await
}

/// Forgets files by number and schedules them for deletion.
pub(crate) async fn schedule(tx: &mut dyn MetadataTx, files: &[i64]) -> Result<(u64, u64), LakeError> {
    let (mut count, mut bytes) = (0, 0);
    for numbers in files.chunks(NUMBERS_PER_STATEMENT) {
        for (id, path, size) in format::paths_of_files(tx, numbers).await? {
            tx.execute(
                "INSERT INTO ducklake_files_scheduled_for_deletion(data_file_id, path, path_is_relative, schedule_start) \
                 VALUES (?, ?, 1, ?)",
                &[id.into(), path.into(), format::time_text(now_us()).into()],
            )
            .await?;
            count += 1;
            bytes += size;
        }
    }
    for table in ["ducklake_file_column_stats", "lis_file_blocks", "lis_data_file", "ducklake_data_file"] {
        delete(tx, table, "data_file_id", files.iter().copied()).await?;
    }
    Ok((count, bytes))
}

async fn delete(
    tx: &mut dyn MetadataTx,
    table: &str,
    key: &str,
    numbers: impl Iterator<Item = i64>,
) -> Result<(), LakeError> {
    let numbers: Vec<i64> = numbers.collect();
    for numbers in numbers.chunks(NUMBERS_PER_STATEMENT) {
        let places = vec!["?"; numbers.len()].join(", ");
        let values: Vec<Value> = numbers.iter().map(|number| (*number).into()).collect();
        tx.execute(&format!("DELETE FROM {table} WHERE {key} IN ({places})"), &values).await?;
    }
    Ok(())
}

/// Nothing more is needed than what the lake itself knows of.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFloor;

#[async_trait::async_trait]
impl SnapshotFloor for NoFloor {
    async fn needed(&self, _: &mut dyn MetadataRead) -> Result<BTreeSet<SnapshotId>, LakeError> {
        Ok(BTreeSet::new())
    }
}

#[cfg(test)]
mod tests;

//! Taking rows out of past states: files that were live once are replaced, in the very snapshots that show them, by files
//! without some of their rows. Only retention does that (`retention.rs`). The live table is never touched by it, so that
//! nobody's newest snapshot changes; the commit is a snapshot of its own that says who did it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Head, load,
    write::{FileLife, Writer},
};
use crate::{
    data_file::DataFile,
    error::LakeError,
    expire::schedule,
    ids::{RelationId, SnapshotId},
    lake::CommitInfo,
    metadata::{CommitContext, MetadataRead, MetadataTx},
};

/// A file that only past snapshots show.
#[derive(Debug, Clone)]
pub(crate) struct PastFile {
    pub(crate) file: Arc<DataFile>,
    /// The first snapshot that does not show it any more.
    pub(crate) end: SnapshotId,
    order: i64,
}

/// A past file and what takes its place.
#[derive(Debug)]
pub(crate) struct Erasure {
    pub(crate) old: PastFile,
    pub(crate) new: Vec<Arc<DataFile>>,
}

/// A table's past files, whether the table is still there or not.
pub(crate) async fn past_files(
    read: &mut dyn MetadataRead,
    table: RelationId,
) -> Result<Vec<PastFile>, LakeError> {
    let condition = "t.table_id = ? AND t.end_snapshot IS NOT NULL";
    let found = load::data_files(read, condition, &[table.get().into()]).await?;
    let past = found.into_iter().filter_map(|found| {
        Some(PastFile { file: Arc::new(found.file), end: found.end?, order: found.order })
    });
    Ok(past.collect())
}

/// The snapshots with which a table's columns changed, in order.
pub(crate) async fn table_versions(
    read: &mut dyn MetadataRead,
    table: RelationId,
) -> Result<BTreeSet<SnapshotId>, LakeError> {
    let sql = "SELECT begin_snapshot FROM ducklake_column WHERE table_id = ?1 \
               UNION SELECT end_snapshot FROM ducklake_column WHERE table_id = ?1 AND end_snapshot IS NOT NULL";
    let rows = read.query(sql, &[table.get().into()]).await?;
    rows.iter().map(|row| row.integer(0).map(SnapshotId::new)).collect()
}

/// Writes the erasures whose old file is still where it was, as the snapshot after `head`, and schedules the old files
/// for deletion. `None` if there is nothing left of them to do.
pub(crate) async fn write_erasure(
    tx: &mut dyn MetadataTx,
    head: Head,
    table: RelationId,
    erasures: &[Erasure],
    info: &CommitInfo,
    now_us: i64,
) -> Result<Option<CommitContext>, LakeError> {
    let mut still = Vec::new();
    for erasure in erasures {
        let sql = "SELECT 1 FROM ducklake_data_file \
                   WHERE data_file_id = ? AND begin_snapshot = ? AND end_snapshot = ?";
        let PastFile { file, end, .. } = &erasure.old;
        let key = [file.id.get().into(), file.begin_snapshot.get().into(), end.get().into()];
        if !tx.query(sql, &key).await?.is_empty() {
            still.push(erasure);
        }
    }
    if still.is_empty() {
        return Ok(None);
    }
    let mut writer = Writer::begin(tx, head, false).await?;
    writer.changes.push(format!("compacted_table:{table}"));
    for Erasure { old, new } in still {
        let (begin, id) = (old.file.begin_snapshot, old.file.id.get());
        for (_, path, _) in super::paths_of_files(writer.tx, &[id]).await? {
            writer
                .tx
                .execute(
                    "INSERT OR IGNORE INTO lis_erased_file(path, begin_snapshot, end_snapshot) VALUES (?, ?, ?)",
                    &[path.into(), begin.get().into(), old.end.get().into()],
                )
                .await?;
        }
        schedule(writer.tx, &[id]).await?;
        for file in new {
            let life = FileLife {
                begin,
                end: Some(old.end),
                order: Some(old.order),
                row_id_start: old.file.row_id_start,
            };
            writer.put_file(table.get(), file, life).await?;
        }
    }
    writer.finish(head, info, now_us).await.map(Some)
}

/// Forgets what is kept of a dropped table beside its definition, if no snapshot shows rows of it. Whether it was so.
pub(crate) async fn forget_table(tx: &mut dyn MetadataTx, table: RelationId) -> Result<bool, LakeError> {
    let id = [table.get().into()];
    for rows in ["ducklake_table_column_stats", "ducklake_table_stats"] {
        tx.execute(&format!("DELETE FROM {rows} WHERE table_id = ?"), &id).await?;
    }
    Ok(tx.query("SELECT 1 FROM ducklake_data_file WHERE table_id = ? LIMIT 1", &id).await?.is_empty())
}

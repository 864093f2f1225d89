//! The batch ledger in the metadata database: which deliveries were begun, published or failed. It is also the checkpoint
//! of every source: a delivery is published in the same transaction that says so here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lis_lake::{
    error::LakeError,
    ids::BatchId,
    metadata::{CommitContext, CommitPart, Component, Metadata, MetadataTx, Migration, Value},
};

use crate::{
    batch::BatchKey,
    config::LoadSpec,
    read::FileSum,
    rejects::{Reject, Rejects},
    report::TableReport,
};

/// The loaders' tables in the metadata database.
pub const COMPONENT: Component = Component {
    name: "loaders",
    migrations: &[
        Migration { version: 1, sql: include_str!("../migrations/0001_ledger.sql") },
        Migration { version: 2, sql: include_str!("../migrations/0002_undo.sql") },
    ],
};

/// Rejects that are written with one statement.
const REJECTS_PER_STATEMENT: usize = 500;

/// What the ledger keeps of a batch when it ends.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) batch: BatchId,
    pub(crate) tables: Vec<TableReport>,
    pub(crate) files: BTreeMap<String, FileSum>,
    pub(crate) checksum: String,
    pub(crate) rejects: Rejects,
}

impl Entry {
    fn total(&self, count: impl Fn(&TableReport) -> u64) -> Value {
        number(self.tables.iter().map(count).sum())
    }
}

/// SQLite's integers are signed; counts stay far below that.
fn number(count: u64) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Now, in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// The batch that was published under a key, with the checksum of its delivery.
pub(crate) async fn published(
    metadata: &dyn Metadata,
    key: &BatchKey,
) -> Result<Option<(BatchId, String)>, LakeError> {
    let mut read = metadata.read().await?;
    let rows = read
        .query(
            "SELECT batch_id, checksum FROM lis_batch \
             WHERE source = ? AND business_date = ? AND sequence = ? AND state = 'published' AND undone_us IS NULL",
            &key_values(key),
        )
        .await?;
    rows.first().map(|row| Ok((BatchId::new(row.integer(0)?), row.text(1)?.to_owned()))).transpose()
}

fn key_values(key: &BatchKey) -> [Value; 3] {
    [
        Value::Text(key.source.clone()),
        Value::Text(key.business_date.to_string()),
        Value::Integer(key.sequence.into()),
    ]
}

/// Enters the source, and closes what an earlier load of it left open. The caller holds the source's lock, so no
/// load is behind a batch that is still `running`.
pub(crate) async fn enter_source(metadata: &dyn Metadata, spec: &LoadSpec) -> Result<(), LakeError> {
    let now = now_us();
    let mut tx = metadata.write().await?;
    tx.execute(
        "INSERT INTO lis_source (name, comment, role, first_loaded_us, last_loaded_us) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (name) DO UPDATE SET comment = excluded.comment, role = excluded.role, \
         last_loaded_us = excluded.last_loaded_us",
        &[
            Value::Text(spec.name.clone()),
            spec.comment.as_deref().into(),
            spec.role.as_ref().map(|role| role.as_str()).into(),
            Value::Integer(now),
            Value::Integer(now),
        ],
    )
    .await?;
    tx.execute(
        "UPDATE lis_batch SET state = 'failed', ended_us = ?, \
         message = 'the load ended before the batch was published; load again' \
         WHERE source = ? AND state = 'running'",
        &[Value::Integer(now), Value::Text(spec.name.clone())],
    )
    .await?;
    tx.commit().await
}

/// Enters a batch as running and gives it its number.
pub(crate) async fn begin(
    metadata: &dyn Metadata,
    key: &BatchKey,
    author: &str,
) -> Result<BatchId, LakeError> {
    let [source, business_date, sequence] = key_values(key);
    let mut tx = metadata.write().await?;
    let rows = tx
        .query(
            "INSERT INTO lis_batch (source, business_date, sequence, state, author, began_us) \
             VALUES (?, ?, ?, 'running', ?, ?) RETURNING batch_id",
            &[source, business_date, sequence, author.into(), Value::Integer(now_us())],
        )
        .await?;
    let number = match rows.first() {
        Some(row) => row.integer(0)?,
        None => return Err(LakeError::damaged("the ledger gave a new batch no number")),
    };
    tx.commit().await?;
    Ok(BatchId::new(number))
}

/// Ends a batch that is not published: its counts, its rejects and why.
pub(crate) async fn fail(metadata: &dyn Metadata, entry: &Entry, reason: &str) -> Result<(), LakeError> {
    let mut tx = metadata.write().await?;
    tx.execute(
        "UPDATE lis_batch SET state = 'failed', ended_us = ?, rows_in = ?, rows_rejected = ?, checksum = ?, \
         message = ? WHERE batch_id = ?",
        &[
            Value::Integer(now_us()),
            entry.total(|table| table.rows_in),
            entry.total(|table| table.rows_rejected),
            Value::Text(entry.checksum.clone()),
            Value::Text(reason.to_owned()),
            Value::Integer(entry.batch.get()),
        ],
    )
    .await?;
    write_details(&mut *tx, entry).await?;
    tx.commit().await
}

/// The ledger's part of the commit that publishes a batch.
#[derive(Debug)]
pub(crate) struct PublishPart(pub(crate) Entry);

#[async_trait]
impl CommitPart for PublishPart {
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError> {
        let entry = &self.0;
        let changed = tx
            .execute(
                "UPDATE lis_batch SET state = 'published', ended_us = ?, snapshot_id = ?, rows_in = ?, \
                 rows_written = ?, rows_rejected = ?, checksum = ?, message = NULL \
                 WHERE batch_id = ? AND state = 'running'",
                &[
                    Value::Integer(context.committed_at_us),
                    Value::Integer(context.snapshot_id.get()),
                    entry.total(|table| table.rows_in),
                    entry.total(|table| table.rows_written),
                    entry.total(|table| table.rows_rejected),
                    Value::Text(entry.checksum.clone()),
                    Value::Integer(entry.batch.get()),
                ],
            )
            .await?;
        if changed != 1 {
            return Err(LakeError::Conflict { object: format!("batch {}", entry.batch) });
        }
        write_details(tx, entry).await
    }
}

async fn write_details(tx: &mut dyn MetadataTx, entry: &Entry) -> Result<(), LakeError> {
    let batch = Value::Integer(entry.batch.get());
    for table in &entry.tables {
        tx.execute(
            "INSERT INTO lis_batch_table (batch_id, table_name, rows_in, rows_written, rows_rejected) \
             VALUES (?, ?, ?, ?, ?)",
            &[
                batch.clone(),
                Value::Text(table.table.clone()),
                number(table.rows_in),
                number(table.rows_written),
                number(table.rows_rejected),
            ],
        )
        .await?;
    }
    let files: Vec<serde_json::Value> =
        entry.files.iter().map(|(name, sum)| serde_json::json!([name, sum.bytes, sum.checksum])).collect();
    tx.execute(
        "INSERT INTO lis_batch_file (batch_id, name, bytes, checksum) \
         SELECT ?, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
        &[batch.clone(), Value::Text(serde_json::Value::Array(files).to_string())],
    )
    .await?;
    let mut first = 0_u64;
    for rejects in entry.rejects.kept.chunks(REJECTS_PER_STATEMENT) {
        let rows: Vec<serde_json::Value> = rejects.iter().map(reject_values).collect();
        tx.execute(
            "INSERT INTO lis_reject (batch_id, position, table_name, file, line, column_name, rule, message, value, raw) \
             SELECT ?, ? + key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7 FROM json_each(?)",
            &[batch.clone(), number(first), Value::Text(serde_json::Value::Array(rows).to_string())],
        )
        .await?;
        first += rejects.len() as u64;
    }
    Ok(())
}

fn reject_values(reject: &Reject) -> serde_json::Value {
    // SQLite's text functions stop at a character 0, which PostgreSQL's text cannot have either.
    let visible = |text: &str| text.replace('\0', "\\0");
    serde_json::json!([
        &*reject.table,
        &*reject.file,
        reject.line,
        reject.column,
        reject.rule.name(),
        visible(&reject.message),
        reject.value.as_deref().map(visible),
        visible(&reject.raw),
    ])
}

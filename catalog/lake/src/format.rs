//! The DuckLake format 1.0: the only place that names its tables, reads their rows and writes them. Loading a snapshot
//! is in [`mod@load`], writing a commit in [`mod@write`].
//!
//! The rule of the format: a row holds from `begin_snapshot` to before `end_snapshot`. What the format has no place for
//! (owners, PostgreSQL's types, keys) stands in side tables `lis_…`. What the format allows and we do not read (delete
//! files, inlined rows, encryption, mapped or partial files) is refused when it is found.

mod erase;
mod load;
mod refresh;
mod write;

pub(crate) use erase::{Erasure, PastFile, forget_table, past_files, table_versions, write_erasure};
pub(crate) use load::{StoredFile, block_checksums, history, load, referred_files, stored_files, table_at};
pub(crate) use write::write;

use chrono::{DateTime, NaiveDateTime, Utc};
use uuid::Uuid;

use crate::{
    error::LakeError,
    ids::SnapshotId,
    metadata::{Component, MetadataRead, MetadataTx, Migration, Value},
    types::{ColumnType, PgType},
};

/// The version of the format that is written, and the only one that is read.
pub(crate) const VERSION: &str = "1.0";

/// The lake's own tables.
pub(crate) const COMPONENT: Component = Component {
    name: "lake",
    migrations: &[
        Migration { version: 1, sql: include_str!("../migrations/0001_ducklake.sql") },
        Migration { version: 2, sql: include_str!("../migrations/0002_side_tables.sql") },
        Migration { version: 3, sql: include_str!("../migrations/0003_row_snapshots.sql") },
        Migration { version: 4, sql: include_str!("../migrations/0004_checksums.sql") },
        Migration { version: 6, sql: include_str!("../migrations/0006_time_and_maintenance.sql") },
        Migration { version: 7, sql: include_str!("../migrations/0007_definitions.sql") },
        Migration { version: 8, sql: include_str!("../migrations/0008_retention.sql") },
    ],
};

/// The newest snapshot's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) id: SnapshotId,
    pub(crate) committed_at_us: i64,
    pub(crate) schema_version: i64,
    pub(crate) next_catalog_id: i64,
    pub(crate) next_file_id: i64,
}

/// Writes the rows of an empty lake: the settings and the first snapshot.
pub(crate) async fn initialise(
    tx: &mut dyn MetadataTx,
    data_path: &str,
    now_us: i64,
) -> Result<(), LakeError> {
    let created_by = format!("LIS {}", env!("CARGO_PKG_VERSION"));
    let settings =
        [("version", VERSION), ("created_by", &created_by), ("data_path", data_path), ("encrypted", "false")];
    for (key, value) in settings {
        tx.execute("INSERT INTO ducklake_metadata(key, value) VALUES (?, ?)", &[key.into(), value.into()])
            .await?;
    }
    tx.execute(
        "INSERT INTO ducklake_snapshot(snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id) \
         VALUES (0, ?, 0, 0, 0)",
        &[time_text(now_us).into()],
    )
    .await?;
    tx.execute("INSERT INTO ducklake_snapshot_changes(snapshot_id, changes_made) VALUES (0, '')", &[])
        .await?;
    tx.execute("INSERT INTO ducklake_schema_versions(begin_snapshot, schema_version) VALUES (0, 0)", &[])
        .await?;
    Ok(())
}

/// Whether [`initialise`] has run, and with a version that this program reads. Tells the data path.
pub(crate) async fn data_path(read: &mut dyn MetadataRead) -> Result<Option<String>, LakeError> {
    let rows = read
        .query("SELECT key, value FROM ducklake_metadata WHERE scope IS NULL AND key IN ('version', 'data_path')", &[])
        .await?;
    let mut data_path = None;
    for row in &rows {
        match (row.text(0)?, row.text(1)?) {
            ("version", VERSION) => {}
            ("version", found) => {
                return Err(LakeError::Newer {
                    component: "format".to_owned(),
                    found: found.to_owned(),
                    known: VERSION.to_owned(),
                });
            }
            (_, value) => data_path = Some(value.to_owned()),
        }
    }
    Ok(data_path)
}

/// Writes where the data is now, for programs that read the lake by itself.
pub(crate) async fn set_data_path(tx: &mut dyn MetadataTx, data_path: &str) -> Result<(), LakeError> {
    tx.execute(
        "UPDATE ducklake_metadata SET value = ? WHERE scope IS NULL AND key = 'data_path'",
        &[data_path.into()],
    )
    .await?;
    Ok(())
}

/// The newest snapshot.
pub(crate) async fn head(read: &mut dyn MetadataRead) -> Result<Head, LakeError> {
    head_where(read, "1 = 1 ORDER BY snapshot_id DESC LIMIT 1", &[])
        .await?
        .ok_or_else(|| LakeError::damaged("the catalogue has no snapshot"))
}

/// One snapshot.
pub(crate) async fn head_at(read: &mut dyn MetadataRead, id: SnapshotId) -> Result<Head, LakeError> {
    head_where(read, "snapshot_id = ?", &[id.get().into()]).await?.ok_or(LakeError::NoSnapshot(id))
}

async fn head_where(
    read: &mut dyn MetadataRead,
    condition: &str,
    arguments: &[Value],
) -> Result<Option<Head>, LakeError> {
    let sql = format!(
        "SELECT snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id \
         FROM ducklake_snapshot WHERE {condition}"
    );
    let rows = read.query(&sql, arguments).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Head {
        id: SnapshotId::new(row.integer(0)?),
        committed_at_us: parse_time(row.text(1)?)?,
        schema_version: row.integer(2)?,
        next_catalog_id: row.integer(3)?,
        next_file_id: row.integer(4)?,
    }))
}

/// Sets numbers aside for schemas and relations; answers with the first.
pub(crate) async fn reserve_catalog_ids(tx: &mut dyn MetadataTx, count: i64) -> Result<i64, LakeError> {
    let first = next_catalog_id(tx).await?;
    tx.execute("UPDATE lis_counter SET next_value = ? WHERE name = 'catalog_id'", &[(first + count).into()])
        .await?;
    Ok(first)
}

/// The first number that no schema, relation or key has or may get.
async fn next_catalog_id(tx: &mut dyn MetadataTx) -> Result<i64, LakeError> {
    let rows = tx
        .query(
            "SELECT max((SELECT next_catalog_id FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1), \
             (SELECT next_value FROM lis_counter WHERE name = 'catalog_id'))",
            &[],
        )
        .await?;
    rows.first()
        .map_or_else(|| Err(LakeError::damaged("the catalogue has no counters")), |row| row.integer(0))
}

/// Files by number: each with its path below the lake's root and its bytes.
pub(crate) async fn paths_of_files(
    read: &mut dyn MetadataRead,
    files: &[i64],
) -> Result<Vec<(i64, String, u64)>, LakeError> {
    let places = vec!["?"; files.len()].join(", ");
    let sql = format!(
        "SELECT DISTINCT f.data_file_id, s.path, t.path, f.path, f.file_size_bytes FROM ducklake_data_file f \
         JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id) \
         WHERE f.data_file_id IN ({places})"
    );
    let numbers: Vec<Value> = files.iter().map(|number| (*number).into()).collect();
    let rows = read.query(&sql, &numbers).await?;
    rows.iter()
        .map(|row| {
            let path = load::joined_path(row.text(1)?, row.text(2)?) + row.text(3)?;
            let bytes = u64::try_from(row.integer_opt(4)?.unwrap_or(0)).unwrap_or(0);
            Ok((row.integer(0)?, path, bytes))
        })
        .collect()
}

/// A type as DuckLake names it. An array is a `list` with a child column of this name.
fn type_name(column_type: ColumnType) -> String {
    match column_type.pg_type {
        PgType::Bool => "boolean",
        PgType::Bytea => "blob",
        PgType::Int2 => "int16",
        PgType::Int4 => "int32",
        PgType::Int8 => "int64",
        PgType::Float4 => "float32",
        PgType::Float8 => "float64",
        PgType::Date => "date",
        PgType::Time => "time",
        PgType::Timestamp => "timestamp",
        PgType::Timestamptz => "timestamptz",
        PgType::Uuid => "uuid",
        PgType::Json | PgType::Jsonb => "json",
        PgType::Array(_) => "list",
        PgType::Numeric => {
            use arrow::datatypes::DataType;
            return match column_type.to_arrow() {
                DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
                _ => "decimal(38,10)".to_owned(),
            };
        }
        // Text and everything that cannot be stored, which a table never has.
        _ => "varchar",
    }
    .to_owned()
}

/// A type of ours by the name in the side table.
fn parse_type(name: &str) -> Result<PgType, LakeError> {
    let scalar = |name: &str| PgType::SCALARS.iter().copied().find(|scalar| scalar.name() == name);
    let pg_type = match name.strip_prefix('_') {
        Some(element) => scalar(element).and_then(PgType::array),
        None => scalar(name),
    };
    pg_type.ok_or_else(|| LakeError::damaged(format!("unknown type \"{name}\"")))
}

/// The type of a column that another program made.
fn foreign_type(name: &str, place: &str) -> Result<ColumnType, LakeError> {
    let plain = |pg_type| Ok(ColumnType::plain(pg_type));
    match name {
        "boolean" => plain(PgType::Bool),
        "blob" => plain(PgType::Bytea),
        "int16" => plain(PgType::Int2),
        "int32" => plain(PgType::Int4),
        "int64" => plain(PgType::Int8),
        "float32" => plain(PgType::Float4),
        "float64" => plain(PgType::Float8),
        "date" => plain(PgType::Date),
        "time" => plain(PgType::Time),
        "timestamp" => plain(PgType::Timestamp),
        "timestamptz" => plain(PgType::Timestamptz),
        "uuid" => plain(PgType::Uuid),
        "json" => plain(PgType::Json),
        "varchar" => plain(PgType::Text),
        _ => {
            let inner = name.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
            let parts = inner.and_then(|inner| inner.split_once(','));
            let decimal = parts.and_then(|(precision, scale)| {
                Some(ColumnType::numeric(precision.trim().parse().ok()?, scale.trim().parse().ok()?))
            });
            decimal.ok_or_else(|| LakeError::UnsupportedFeature {
                feature: "a column type that has no PostgreSQL equivalent here",
                place: format!("{place}: {name}"),
            })
        }
    }
}

/// A time as DuckDB writes `TIMESTAMPTZ` as text: `2026-11-23 04:57:04.786149+00`.
pub(crate) fn time_text(microseconds: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_micros(microseconds).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}

fn parse_time(text: &str) -> Result<i64, LakeError> {
    let parse = || {
        let utc = text.strip_suffix("+00").or_else(|| text.strip_suffix("+00:00"))?;
        NaiveDateTime::parse_from_str(utc, "%Y-%m-%d %H:%M:%S%.f").ok()
    };
    let parsed = parse().map(|time| time.and_utc().timestamp_micros());
    // DuckDB writes the zone of its session.
    let parsed = parsed.or_else(|| {
        let padded = format!("{text}:00");
        DateTime::parse_from_str(&padded, "%Y-%m-%d %H:%M:%S%.f%:z").ok().map(|time| time.timestamp_micros())
    });
    parsed.ok_or_else(|| LakeError::damaged(format!("\"{text}\" is not a time")))
}

fn new_uuid() -> Value {
    Value::Text(Uuid::now_v7().hyphenated().to_string())
}

/// A name as DuckLake quotes it in the list of changes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

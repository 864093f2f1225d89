//! Reading a snapshot. With an earlier snapshot at hand only what has changed since is read: files by the snapshots that
//! began or ended them, definitions only when the schema version moved. So a night's thousandth batch costs what the
//! first did.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use super::{Head, foreign_type, parse_type};
use crate::{
    data_file::{DataFile, FileStatistics, TableFiles},
    error::LakeError,
    files::blocks::BlockChecksums,
    ids::{BatchId, ColumnId, FileId, Oid, RelationId, SchemaId, SnapshotId},
    metadata::{MetadataRead, MetadataRow, Value},
    names::Identifier,
    row_lineage::RowSnapshots,
    snapshot::{Snapshot, SnapshotInfo},
    statistics,
    table::{
        Collation, Column, Constraint, ConstraintKind, MaterializedView, Relation, Schema, Table, View,
        ViewRead,
    },
    types::{ColumnType, with_stored_modifier},
};

/// Reads the snapshot that `head` is about. `earlier` is any snapshot of the same lake.
pub(crate) async fn load(
    read: &mut dyn MetadataRead,
    head: Head,
    earlier: Option<&Arc<Snapshot>>,
) -> Result<Arc<Snapshot>, LakeError> {
    let earlier = earlier.filter(|earlier| earlier.id() <= head.id);
    if let Some(earlier) = earlier
        && earlier.id() == head.id
    {
        return Ok(Arc::clone(earlier));
    }
    // What ended since a snapshot that has expired may be forgotten altogether: then everything is read anew.
    let earlier = match earlier {
        Some(earlier) => super::head_at(read, earlier.id()).await.is_ok().then_some(earlier),
        None => None,
    };
    let since = earlier.map_or(SnapshotId::new(-1), |earlier| earlier.id());
    let mut snapshot = match earlier {
        Some(earlier) if earlier.schema_version() == head.schema_version => {
            Snapshot::clone(earlier).at(head.id, head.committed_at_us)
        }
        _ => definitions(read, head, earlier).await?,
    };
    files(read, head.id, since, &mut snapshot).await?;
    Ok(Arc::new(snapshot))
}

/// Every snapshot, oldest first.
pub(crate) async fn history(read: &mut dyn MetadataRead) -> Result<Vec<SnapshotInfo>, LakeError> {
    let rows = read
        .query(
            "SELECT s.snapshot_id, s.snapshot_time, c.changes_made, c.author, c.commit_message, c.commit_extra_info \
             FROM ducklake_snapshot s LEFT JOIN ducklake_snapshot_changes c USING (snapshot_id) ORDER BY 1",
            &[],
        )
        .await?;
    let line = |row: &MetadataRow| -> Result<SnapshotInfo, LakeError> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let extra = row.text_opt(5)?.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        Ok(SnapshotInfo {
            id: SnapshotId::new(row.integer(0)?),
            committed_at_us: super::parse_time(row.text(1)?)?,
            changes: row.text_opt(2)?.unwrap_or_default().to_owned(),
            author: owned(row.text_opt(3)?),
            message: owned(row.text_opt(4)?),
            batch: extra.and_then(|extra| extra.get("lis_batch")?.as_i64()).map(BatchId::new),
        })
    };
    rows.iter().map(line).collect()
}

/// The paths, below the lake's root, of every file that any snapshot refers to or that waits to be deleted.
pub(crate) async fn referred_files(read: &mut dyn MetadataRead) -> Result<HashSet<String>, LakeError> {
    let sql = "SELECT DISTINCT s.path, t.path, f.path FROM ducklake_data_file f \
               JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id) \
               UNION SELECT '', '', path FROM ducklake_files_scheduled_for_deletion";
    let rows = read.query(sql, &[]).await?;
    rows.iter().map(|row| Ok(joined_path(row.text(0)?, row.text(1)?) + row.text(2)?)).collect()
}

/// A table's directory below the lake's root. That of a table which has changed its schema is written as one beside its
/// schema's: `../other-1/t-2/`.
pub(crate) fn joined_path(schema: &str, table: &str) -> String {
    match table.strip_prefix("../") {
        Some(beside) => beside.to_owned(),
        None => format!("{schema}{table}"),
    }
}

/// A data file as it lies on disk.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    /// Below the lake's root.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// SHA-256, if this program wrote it.
    pub(crate) checksum: Option<String>,
}

/// Every file that any snapshot refers to, of one table or of all.
pub(crate) async fn stored_files(
    read: &mut dyn MetadataRead,
    table: Option<RelationId>,
) -> Result<Vec<StoredFile>, LakeError> {
    let sql = "SELECT s.path, t.path, f.path, f.file_size_bytes, c.checksum \
               FROM ducklake_data_file f LEFT JOIN lis_data_file c USING (data_file_id) \
               JOIN ducklake_table t USING (table_id) JOIN ducklake_schema s USING (schema_id) \
               WHERE ?1 IS NULL OR f.table_id = ?1 GROUP BY f.data_file_id";
    let line = |row: &MetadataRow| -> Result<StoredFile, LakeError> {
        let bytes = row.integer(3)?;
        Ok(StoredFile {
            path: joined_path(row.text(0)?, row.text(1)?) + row.text(2)?,
            bytes: u64::try_from(bytes)
                .map_err(|_| LakeError::damaged(format!("a data file of {bytes} bytes")))?,
            checksum: row.text_opt(4)?.map(str::to_owned),
        })
    };
    read.query(sql, &[table.map(RelationId::get).into()]).await?.iter().map(line).collect()
}

/// A condition that a row of alias `t` holds in the snapshot `?1`.
const HOLDS: &str = "t.begin_snapshot <= ?1 AND (t.end_snapshot IS NULL OR t.end_snapshot > ?1)";

/// Schemas, tables without the files that came since `earlier`, and views.
async fn definitions(
    read: &mut dyn MetadataRead,
    head: Head,
    earlier: Option<&Arc<Snapshot>>,
) -> Result<Snapshot, LakeError> {
    let at = [head.id.get().into()];
    let owners: HashMap<i64, Oid> = read
        .query("SELECT object_id, owner FROM lis_owner", &[])
        .await?
        .iter()
        .map(|row| Ok((row.integer(0)?, owner(row.integer(1)?)?)))
        .collect::<Result<_, LakeError>>()?;
    let owner_of = |id: i64| owners.get(&id).copied().unwrap_or(Oid::ADMINISTRATOR);
    let sql = format!("SELECT object_id, value FROM ducklake_tag t WHERE key = 'comment' AND {HOLDS}");
    let mut comments = HashMap::new();
    for row in read.query(&sql, &at).await? {
        comments.insert(row.integer(0)?, row.text_opt(1)?.map(str::to_owned));
    }
    let comment_of = |id: i64| comments.get(&id).cloned().flatten();

    let sql = format!(
        "SELECT t.schema_id, coalesce(n.name, t.schema_name), t.path, t.path_is_relative FROM ducklake_schema t \
             LEFT JOIN lis_schema_name n ON n.schema_id = t.schema_id AND n.begin_snapshot <= ?1 \
             AND n.end_snapshot > ?1 WHERE {HOLDS}"
    );
    let mut schemas = BTreeMap::new();
    for row in read.query(&sql, &at).await? {
        let id = row.integer(0)?;
        let path = relative(&row, 2, 3, "a schema's path outside the lake")?;
        schemas.insert(
            id,
            Arc::new(Schema {
                id: SchemaId::new(id),
                name: Identifier::exact(row.text(1)?),
                owner: owner_of(id),
                comment: comment_of(id),
                path,
                temporary: false,
            }),
        );
    }
    let mut columns = columns(read, head.id).await?;
    let mut constraints = constraints(read, head.id).await?;
    let mut sort_orders = sort_orders(read, head.id).await?;
    let mut materialized = materialized_views(read, head.id).await?;
    let mut next_column_ids = HashMap::new();
    for row in
        read.query("SELECT table_id, max(column_id) + 1 FROM ducklake_column GROUP BY table_id", &[]).await?
    {
        next_column_ids.insert(row.integer(0)?, row.integer(1)?);
    }
    let sql = format!(
        "SELECT table_id, schema_id, table_name, path, path_is_relative FROM ducklake_table t WHERE {HOLDS}"
    );
    let mut relations = Vec::new();
    for row in read.query(&sql, &at).await? {
        let (id, schema_id) = (row.integer(0)?, row.integer(1)?);
        let schema = schemas.get(&schema_id);
        let schema = schema.ok_or_else(|| LakeError::damaged(format!("table {id} has no schema")))?;
        let columns = columns.remove(&id).unwrap_or_default();
        let names = sort_orders.remove(&id).unwrap_or_default();
        let mut table = Table {
            id: RelationId::new(id),
            schema_id: SchemaId::new(schema_id),
            name: Identifier::exact(row.text(2)?),
            owner: owner_of(id),
            comment: comment_of(id),
            constraints: constraints.remove(&id).unwrap_or_default(),
            sort_order: Vec::new(),
            next_column_id: next_column_ids.get(&id).copied().unwrap_or(1),
            path: joined_path(&schema.path, &relative(&row, 3, 4, "a table's path outside the lake")?),
            materialized: materialized.remove(&id).map(Arc::new),
            columns,
            files: Arc::new(TableFiles::default()),
        };
        table.sort_order =
            names.iter().map_while(|name| table.column_named(name)).map(|column| column.id).collect();
        let before = earlier.and_then(|earlier| earlier.relation(table.id)).and_then(Relation::as_table);
        if let Some(before) = before {
            table.files = if before.columns == table.columns {
                Arc::clone(&before.files)
            } else {
                Arc::new(before.files.for_columns())
            };
        }
        relations.push(Relation::Table(Arc::new(table)));
    }
    let sql = format!(
        "SELECT t.view_id, t.schema_id, t.view_name, t.sql, v.security_invoker, v.columns, v.reads \
         FROM ducklake_view t \
         LEFT JOIN lis_view v ON v.view_id = t.view_id AND v.begin_snapshot = t.begin_snapshot WHERE {HOLDS}"
    );
    let mut column_comments = column_comments(read, head.id).await?;
    for row in read.query(&sql, &at).await? {
        let id = row.integer(0)?;
        // A view of another program has no columns that we know; it is in that program's SQL.
        let Some(json) = row.text_opt(5)? else { continue };
        let mut view = View {
            id: RelationId::new(id),
            schema_id: SchemaId::new(row.integer(1)?),
            name: Identifier::exact(row.text(2)?),
            owner: owner_of(id),
            comment: comment_of(id),
            definition: row.text(3)?.to_owned(),
            columns: view_columns(json)?,
            reads: row.text_opt(6)?.map(view_reads).transpose()?,
            security_invoker: row.boolean(4)?,
        };
        for column in &mut view.columns {
            column.comment = column_comments.remove(&(id, column.id.get()));
        }
        relations.push(Relation::View(Arc::new(view)));
    }
    refuse_unsupported(read, head.id).await?;
    Ok(Snapshot::new(head.id, head.committed_at_us, schemas.into_values(), relations)
        .with_schema_version(head.schema_version))
}

async fn columns(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<HashMap<i64, Vec<Column>>, LakeError> {
    let mut comments = column_comments(read, at).await?;
    let sql = format!(
        "SELECT t.table_id, t.column_id, t.column_name, t.column_type, t.nulls_allowed, t.initial_default, \
         c.type_name, c.typmod, c.collation_name, c.physical_name, c.default_expression \
         FROM ducklake_column t LEFT JOIN lis_column c USING (table_id, column_id, begin_snapshot) \
         WHERE t.parent_column IS NULL AND {HOLDS} ORDER BY t.table_id, t.column_order"
    );
    let mut columns: HashMap<i64, Vec<Column>> = HashMap::new();
    for row in read.query(&sql, &[at.get().into()]).await? {
        let (table_id, column_id) = (row.integer(0)?, row.integer(1)?);
        let name = row.text(2)?;
        let place = format!("table {table_id}, column \"{name}\"");
        let column_type = match row.text_opt(6)? {
            Some(type_name) => with_stored_modifier(parse_type(type_name)?, row.integer(7)?, row.text(3)?),
            None => foreign_type(row.text(3)?, &place)?,
        };
        let initial_default = match row.text_opt(5)?.filter(|initial| *initial != "NULL") {
            Some(text) => {
                let value = statistics::initial_default_value(text, &column_type.to_arrow());
                // Another program's default may be written in a way that is not ours.
                let ours = row.text_opt(6)?.is_some();
                Some(value.filter(|_| ours).ok_or_else(|| LakeError::UnsupportedFeature {
                    feature: "a column with an initial default",
                    place,
                })?)
            }
            None => None,
        };
        let collation = if row.text_opt(8)? == Some("sv") { Collation::Swedish } else { Collation::C };
        columns.entry(table_id).or_default().push(Column {
            id: ColumnId::new(column_id),
            name: Identifier::exact(name),
            physical_name: row.text_opt(9)?.unwrap_or(name).to_owned(),
            column_type,
            not_null: !row.boolean(4)?,
            collation,
            default: row.text_opt(10)?.map(str::to_owned),
            initial_default,
            comment: comments.remove(&(table_id, column_id)),
        });
    }
    Ok(columns)
}

async fn column_comments(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<HashMap<(i64, i64), String>, LakeError> {
    let sql = format!(
        "SELECT table_id, column_id, value FROM ducklake_column_tag t \
         WHERE key = 'comment' AND value IS NOT NULL AND {HOLDS}"
    );
    let mut comments = HashMap::new();
    for row in read.query(&sql, &[at.get().into()]).await? {
        comments.insert((row.integer(0)?, row.integer(1)?), row.text(2)?.to_owned());
    }
    Ok(comments)
}

async fn constraints(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<HashMap<i64, Vec<Constraint>>, LakeError> {
    let sql = format!(
        "SELECT table_id, constraint_id, name, kind, columns, references_table, references_columns, \
         expression FROM lis_constraint t WHERE {HOLDS} ORDER BY constraint_id"
    );
    let mut constraints: HashMap<i64, Vec<Constraint>> = HashMap::new();
    for row in read.query(&sql, &[at.get().into()]).await? {
        let kind = match row.text(3)? {
            "primary key" => ConstraintKind::PrimaryKey,
            "unique" => ConstraintKind::Unique,
            "check" => ConstraintKind::Check { expression: row.text(7)?.to_owned() },
            _ => ConstraintKind::ForeignKey {
                references: RelationId::new(row.integer(5)?),
                referenced_columns: column_list(row.text(6)?)?,
            },
        };
        constraints.entry(row.integer(0)?).or_default().push(Constraint {
            oid: SchemaId::new(row.integer(1)?).oid(),
            name: Identifier::exact(row.text(2)?),
            kind,
            columns: column_list(row.text(4)?)?,
        });
    }
    Ok(constraints)
}

async fn materialized_views(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<HashMap<i64, MaterializedView>, LakeError> {
    let sql =
        format!("SELECT table_id, definition, reads, populated FROM lis_materialized_view t WHERE {HOLDS}");
    let mut views = HashMap::new();
    for row in read.query(&sql, &[at.get().into()]).await? {
        let view = MaterializedView {
            definition: row.text(1)?.to_owned(),
            reads: view_reads(row.text(2)?)?,
            populated: row.boolean(3)?,
        };
        views.insert(row.integer(0)?, view);
    }
    Ok(views)
}

fn view_reads(json: &str) -> Result<Arc<[ViewRead]>, LakeError> {
    serde_json::from_str::<Vec<ViewRead>>(json)
        .map(Arc::from)
        .map_err(|error| LakeError::damaged(format!("what a view reads: {error}")))
}

/// The columns' names in order, up to the first expression that is not a plain ascending column.
async fn sort_orders(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
) -> Result<HashMap<i64, Vec<Identifier>>, LakeError> {
    let sql = format!(
        "SELECT t.table_id, e.expression FROM ducklake_sort_info t JOIN ducklake_sort_expression e USING (sort_id) \
         WHERE e.sort_direction = 'ASC' AND {HOLDS} ORDER BY t.table_id, e.sort_key_index"
    );
    let mut orders: HashMap<i64, Vec<Identifier>> = HashMap::new();
    for row in read.query(&sql, &[at.get().into()]).await? {
        let quoted = row.text(1)?;
        let name = quoted.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = name.map_or_else(|| quoted.to_owned(), |name| name.replace("\"\"", "\""));
        orders.entry(row.integer(0)?).or_default().push(Identifier::exact(&name));
    }
    Ok(orders)
}

/// Applies to `snapshot` the files that began and ended after `since`.
async fn files(
    read: &mut dyn MetadataRead,
    at: SnapshotId,
    since: SnapshotId,
    snapshot: &mut Snapshot,
) -> Result<(), LakeError> {
    let range = [at.get().into(), since.get().into()];
    let mut ended: HashMap<i64, BTreeSet<FileId>> = HashMap::new();
    if since.get() >= 0 {
        let sql = "SELECT table_id, data_file_id FROM ducklake_data_file \
                   WHERE end_snapshot > ?2 AND end_snapshot <= ?1 AND begin_snapshot <= ?2";
        for row in read.query(sql, &range).await? {
            ended.entry(row.integer(0)?).or_default().insert(FileId::new(row.integer(1)?));
        }
    }
    let mut begun: HashMap<i64, Vec<Arc<DataFile>>> = HashMap::new();
    let condition = format!("t.begin_snapshot > ?2 AND {HOLDS}");
    for found in data_files(read, &condition, &range).await? {
        begun.entry(found.table_id).or_default().push(Arc::new(found.file));
    }
    let changed: BTreeSet<i64> = ended.keys().chain(begun.keys()).copied().collect();
    for id in changed {
        // Files of a dropped table.
        let Some(Relation::Table(table)) = snapshot.relation(RelationId::new(id)) else { continue };
        let mut table = Table::clone(table);
        let kept = ended
            .remove(&id)
            .map_or_else(|| Arc::clone(&table.files), |ended| Arc::new(table.files.without(&ended)));
        table.files = Arc::new(kept.with(begun.remove(&id).unwrap_or_default()));
        snapshot.put_relation(Relation::Table(Arc::new(table)));
    }
    Ok(())
}

/// A file of a table, and where it stands in history.
pub(super) struct FoundFile {
    pub(super) table_id: i64,
    pub(super) file: DataFile,
    /// The first snapshot that does not show it any more.
    pub(super) end: Option<SnapshotId>,
    pub(super) order: i64,
}

/// The files of which a condition on `ducklake_data_file t` is true, in order.
pub(super) async fn data_files(
    read: &mut dyn MetadataRead,
    condition: &str,
    arguments: &[Value],
) -> Result<Vec<FoundFile>, LakeError> {
    let sql = format!(
        "SELECT t.table_id, t.data_file_id, t.path, t.path_is_relative, t.record_count, t.file_size_bytes, \
         t.footer_size, t.begin_snapshot, t.row_id_start, c.checksum, t.file_format, t.encryption_key, \
         t.mapping_id, t.partial_max, c.snapshot_min, c.snapshot_max, c.statistics, c.column_bound, \
         t.end_snapshot, coalesce(t.file_order, t.data_file_id) \
         FROM ducklake_data_file t LEFT JOIN lis_data_file c USING (data_file_id) \
         WHERE {condition} ORDER BY t.table_id, t.file_order, t.data_file_id"
    );
    let rows = read.query(&sql, arguments).await?;
    let all_kept = rows.iter().all(|row| matches!(row.0.get(16), Some(Value::Text(_))));
    let mut foreign =
        if all_kept { HashMap::new() } else { foreign_statistics(read, condition, arguments).await? };
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let kept = row.text_opt(16)?.map(str::to_owned).or_else(|| foreign.remove(&row.integer(1).ok()?));
        let statistics = kept.map_or_else(
            || FileStatistics::Columns(Vec::new()),
            |text| FileStatistics::Stored(text.into_boxed_str()),
        );
        found.push(FoundFile {
            table_id: row.integer(0)?,
            file: data_file(&row, statistics)?,
            end: row.integer_opt(18)?.map(SnapshotId::new),
            order: row.integer(19)?,
        });
    }
    Ok(found)
}

/// A table as it was defined in a snapshot, which may have expired since; without files. `None` if there was none.
pub(crate) async fn table_at(
    read: &mut dyn MetadataRead,
    id: RelationId,
    at: SnapshotId,
) -> Result<Option<Arc<Table>>, LakeError> {
    let head = Head { id: at, committed_at_us: 0, schema_version: 0, next_catalog_id: 0, next_file_id: 0 };
    let then = definitions(read, head, None).await?;
    Ok(then.relation(id).and_then(Relation::as_table).map(Arc::clone))
}

fn data_file(row: &MetadataRow, statistics: FileStatistics) -> Result<DataFile, LakeError> {
    let path = row.text(2)?.to_owned();
    let refused = if !row.boolean(3)? {
        Some("a data file outside the lake")
    } else if row.text(10)? != "parquet" {
        Some("a data file that is not Parquet")
    } else if row.text_opt(11)?.is_some() {
        Some("an encrypted data file")
    } else if row.integer_opt(12)?.is_some() {
        Some("a data file with mapped columns")
    } else if row.integer_opt(13)?.is_some() {
        Some("a data file that holds several snapshots")
    } else {
        None
    };
    if let Some(feature) = refused {
        return Err(LakeError::UnsupportedFeature { feature, place: path });
    }
    let positive = |column: usize| -> Result<u64, LakeError> {
        let number = row.integer_opt(column)?.unwrap_or(0);
        u64::try_from(number).map_err(|_| LakeError::damaged(format!("data file {path}: {number}")))
    };
    Ok(DataFile {
        id: FileId::new(row.integer(1)?),
        record_count: positive(4)?,
        file_size_bytes: positive(5)?,
        footer_size_bytes: positive(6)?,
        begin_snapshot: SnapshotId::new(row.integer(7)?),
        row_id_start: row.integer_opt(8)?.unwrap_or(0),
        checksum: row.text_opt(9)?.map(str::to_owned),
        row_snapshots: row.integer_opt(14)?.zip(row.integer_opt(15)?).map(|(least, greatest)| RowSnapshots {
            range: Some((SnapshotId::new(least), SnapshotId::new(greatest))),
            with_own: false,
        }),
        column_bound: row.integer_opt(17)?,
        path,
        statistics,
        typed: OnceLock::new(),
        blocks: OnceLock::new(),
        guard: None,
    })
}

/// The checksums of the blocks of those of the files that have them.
pub(crate) async fn block_checksums(
    read: &mut dyn MetadataRead,
    files: &[FileId],
) -> Result<HashMap<FileId, BlockChecksums>, LakeError> {
    let sql = "SELECT data_file_id, block_bytes, checksums FROM lis_file_blocks \
               WHERE data_file_id IN (SELECT value FROM json_each(?))";
    let numbers = serde_json::to_string(&files.iter().map(|id| id.get()).collect::<Vec<_>>());
    let mut found = HashMap::new();
    for row in read.query(sql, &[numbers.map_err(LakeError::part)?.into()]).await? {
        let id = row.integer(0)?;
        let checksums = match row.0.get(2) {
            Some(Value::Blob(bytes)) => BlockChecksums::from_bytes(row.integer(1)?, bytes),
            _ => None,
        };
        let checksums =
            checksums.ok_or_else(|| LakeError::damaged(format!("checksums of data file {id}")))?;
        found.insert(FileId::new(id), checksums);
    }
    Ok(found)
}

/// The statistics of new files for which `super::write` did not keep them together: of those that another program
/// wrote. One row of JSON a file: a row for each column would cost ten times as much to fetch.
async fn foreign_statistics(
    read: &mut dyn MetadataRead,
    condition: &str,
    arguments: &[Value],
) -> Result<HashMap<i64, String>, LakeError> {
    // CROSS JOIN keeps the order of the tables: otherwise the statistics of every file there ever was are looked through.
    let sql = format!(
        "SELECT t.data_file_id, json_group_array(json_array(s.column_id, s.column_size_bytes, s.value_count, \
         s.null_count, s.min_value, s.max_value, s.contains_nan)) \
         FROM ducklake_data_file t LEFT JOIN lis_data_file c USING (data_file_id) \
         CROSS JOIN ducklake_file_column_stats s ON s.data_file_id = t.data_file_id \
         WHERE {condition} AND c.statistics IS NULL GROUP BY t.data_file_id"
    );
    let rows = read.query(&sql, arguments).await?;
    rows.iter().map(|row| Ok((row.integer(0)?, row.text(1)?.to_owned()))).collect()
}

/// Rows that only a program which reads all of the format would see.
async fn refuse_unsupported(read: &mut dyn MetadataRead, at: SnapshotId) -> Result<(), LakeError> {
    let sql = format!("SELECT path FROM ducklake_delete_file t WHERE {HOLDS} LIMIT 1");
    if let Some(row) = read.query(&sql, &[at.get().into()]).await?.first() {
        let place = row.text(0)?.to_owned();
        return Err(LakeError::UnsupportedFeature { feature: "a file of deleted rows", place });
    }
    let sql = "SELECT table_name FROM ducklake_inlined_data_tables LIMIT 1";
    if let Some(row) = read.query(sql, &[]).await?.first() {
        let place = row.text(0)?.to_owned();
        return Err(LakeError::UnsupportedFeature { feature: "rows kept in the catalogue", place });
    }
    Ok(())
}

fn relative(
    row: &MetadataRow,
    path: usize,
    is_relative: usize,
    feature: &'static str,
) -> Result<String, LakeError> {
    let path = row.text(path)?;
    if row.boolean(is_relative)? {
        Ok(path.to_owned())
    } else {
        Err(LakeError::UnsupportedFeature { feature, place: path.to_owned() })
    }
}

fn owner(number: i64) -> Result<Oid, LakeError> {
    u32::try_from(number).map(Oid::new).map_err(|_| LakeError::damaged(format!("owner {number}")))
}

fn column_list(text: &str) -> Result<Vec<ColumnId>, LakeError> {
    text.split(',')
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().map(ColumnId::new))
        .collect::<Result<_, _>>()
        .map_err(|_| LakeError::damaged(format!("\"{text}\" is not a list of columns")))
}

fn view_columns(json: &str) -> Result<Vec<Column>, LakeError> {
    let lines: Vec<(String, String, i32, String)> = serde_json::from_str(json)
        .map_err(|error| LakeError::damaged(format!("columns of a view: {error}")))?;
    let column = |(number, (name, type_name, typmod, collation)): (i64, (String, String, i32, String))| {
        Ok(Column {
            id: ColumnId::new(number),
            name: Identifier::exact(&name),
            physical_name: String::new(),
            column_type: ColumnType::new(parse_type(&type_name)?, typmod),
            not_null: false,
            collation: if collation == "sv" { Collation::Swedish } else { Collation::C },
            default: None,
            initial_default: None,
            comment: None,
        })
    };
    (1..).zip(lines).map(column).collect()
}

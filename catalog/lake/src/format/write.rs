//! Writing a commit: one snapshot row, the rows that begin and end with it, and what changed in DuckLake's words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Head, new_uuid, next_catalog_id, quoted, time_text, type_name};
use crate::{
    commit::{Difference, FileChange},
    data_file::{ColumnStatistics, DataFile},
    error::LakeError,
    ids::{ColumnId, SnapshotId},
    lake::CommitInfo,
    metadata::{CommitContext, MetadataTx, Value},
    snapshot::Snapshot,
    statistics,
    table::{
        Collation, Column, Constraint, ConstraintKind, MaterializedView, Relation, Schema, Table, View,
        ViewRead,
    },
    types::{ColumnType, PgType, stored_modifier},
};

/// Writes `difference` as the snapshot after `head`. Names in the list of changes are looked up in `outcome`.
pub(crate) async fn write(
    tx: &mut dyn MetadataTx,
    head: Head,
    difference: &Difference,
    outcome: &Snapshot,
    info: &CommitInfo,
    now_us: i64,
) -> Result<CommitContext, LakeError> {
    let mut writer = Writer::begin(tx, head, difference.has_definitions()).await?;
    writer.definitions(difference, outcome).await?;
    for change in &difference.files {
        writer.files(change).await?;
    }
    writer.finish(head, info, now_us).await
}

pub(super) struct Writer<'a> {
    pub(super) tx: &'a mut dyn MetadataTx,
    id: SnapshotId,
    schema_version: i64,
    schema_version_written: bool,
    next_catalog_id: i64,
    next_file_id: i64,
    pub(super) changes: Vec<String>,
}

/// Which snapshots show a file, and its place among the table's.
pub(super) struct FileLife {
    pub(super) begin: SnapshotId,
    pub(super) end: Option<SnapshotId>,
    /// In the order of the files' numbers if not said.
    pub(super) order: Option<i64>,
    pub(super) row_id_start: i64,
}

impl<'a> Writer<'a> {
    /// Begins the snapshot after `head`.
    pub(super) async fn begin(
        tx: &'a mut dyn MetadataTx,
        head: Head,
        with_definitions: bool,
    ) -> Result<Self, LakeError> {
        Ok(Self {
            id: SnapshotId::new(head.id.get() + 1),
            schema_version: head.schema_version + i64::from(with_definitions),
            schema_version_written: false,
            next_catalog_id: next_catalog_id(&mut *tx).await?.max(head.next_catalog_id),
            next_file_id: head.next_file_id,
            changes: Vec::new(),
            tx,
        })
    }

    /// Writes the snapshot itself.
    pub(super) async fn finish(
        self,
        head: Head,
        info: &CommitInfo,
        now_us: i64,
    ) -> Result<CommitContext, LakeError> {
        // A clock that was set back must not make a snapshot older than the one before it.
        let committed_at_us = now_us.max(head.committed_at_us + 1);
        let Self { tx, id, schema_version, next_catalog_id, next_file_id, changes, .. } = self;
        tx.execute(
            "INSERT INTO ducklake_snapshot(snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id) \
             VALUES (?, ?, ?, ?, ?)",
            &[
                id.get().into(),
                time_text(committed_at_us).into(),
                schema_version.into(),
                next_catalog_id.into(),
                next_file_id.into(),
            ],
        )
        .await?;
        let extra = info.batch.map(|batch| format!("{{\"lis_batch\":{batch}}}"));
        tx.execute(
            "INSERT INTO ducklake_snapshot_changes(snapshot_id, changes_made, author, commit_message, commit_extra_info) \
             VALUES (?, ?, ?, ?, ?)",
            &[
                id.get().into(),
                changes.join(",").into(),
                info.author.as_str().into(),
                info.message.as_str().into(),
                extra.into(),
            ],
        )
        .await?;
        tx.execute(
            "UPDATE lis_counter SET next_value = max(next_value, ?) WHERE name = 'catalog_id'",
            &[next_catalog_id.into()],
        )
        .await?;
        Ok(CommitContext { snapshot_id: id, committed_at_us })
    }
}

impl Writer<'_> {
    async fn definitions(&mut self, difference: &Difference, outcome: &Snapshot) -> Result<(), LakeError> {
        // What goes comes first, so that its name is free for what comes.
        for relation in &difference.dropped {
            match relation {
                Relation::Table(table) => self.drop_table(table).await?,
                Relation::View(view) => self.drop_view(view).await?,
            }
        }
        for schema in &difference.schemas_dropped {
            self.end("ducklake_schema", "schema_id", schema.id.get()).await?;
            self.end("ducklake_tag", "object_id", schema.id.get()).await?;
            self.changes.push(format!("dropped_schema:{}", schema.id));
        }
        for schema in &difference.schemas_created {
            self.create_schema(schema).await?;
        }
        for (before, after) in &difference.schemas_altered {
            self.alter_schema(before, after).await?;
        }
        for relation in &difference.created {
            let schema = outcome.schema(relation.schema_id()).map_or("", |schema| schema.name.as_str());
            let name = format!("{}.{}", quoted(schema), quoted(relation.name().as_str()));
            match relation {
                Relation::Table(table) => {
                    self.create_table(table, &schema_path(outcome, table)).await?;
                    self.changes.push(format!("created_table:{name}"));
                }
                Relation::View(view) => {
                    self.put_view(view).await?;
                    self.owner(view.id.get(), view.owner.get()).await?;
                    self.changes.push(format!("created_view:{name}"));
                }
            }
            self.tag(relation.id().get(), None, relation.comment()).await?;
        }
        for (before, after) in &difference.altered {
            match (before, after) {
                (Relation::Table(before), Relation::Table(after)) => {
                    self.alter_table(before, after, &schema_path(outcome, after)).await?;
                }
                (Relation::View(before), Relation::View(after)) => self.alter_view(before, after).await?,
                // Numbers are not given twice, so a table never becomes a view.
                _ => return Err(LakeError::damaged(format!("relation {} changed its kind", before.id()))),
            }
        }
        if difference.has_definitions() && !self.schema_version_written {
            self.schema_version_of(None).await?;
        }
        Ok(())
    }

    async fn create_schema(&mut self, schema: &Schema) -> Result<(), LakeError> {
        self.tx
            .execute(
                "INSERT INTO ducklake_schema(schema_id, schema_uuid, begin_snapshot, schema_name, path, \
                 path_is_relative) VALUES (?, ?, ?, ?, ?, 1)",
                &[
                    schema.id.get().into(),
                    new_uuid(),
                    self.id.get().into(),
                    schema.name.as_str().into(),
                    schema.path.as_str().into(),
                ],
            )
            .await?;
        self.owner(schema.id.get(), schema.owner.get()).await?;
        self.tag(schema.id.get(), None, schema.comment.as_deref()).await?;
        self.changes.push(format!("created_schema:{}", quoted(schema.name.as_str())));
        Ok(())
    }

    /// The format has one row for a schema's whole life: the name of before is kept beside, for old snapshots.
    async fn alter_schema(&mut self, before: &Schema, after: &Schema) -> Result<(), LakeError> {
        let id = after.id.get();
        if before.name != after.name {
            self.tx
                .execute(
                    "INSERT INTO lis_schema_name(schema_id, begin_snapshot, end_snapshot, name) VALUES (?1, \
                     coalesce((SELECT max(end_snapshot) FROM lis_schema_name WHERE schema_id = ?1), \
                     (SELECT begin_snapshot FROM ducklake_schema WHERE schema_id = ?1)), ?2, ?3)",
                    &[id.into(), self.id.get().into(), before.name.as_str().into()],
                )
                .await?;
            self.tx
                .execute(
                    "UPDATE ducklake_schema SET schema_name = ? WHERE schema_id = ?",
                    &[after.name.as_str().into(), id.into()],
                )
                .await?;
        }
        self.owner(id, after.owner.get()).await?;
        if before.comment != after.comment {
            self.retag(id, None, after.comment.as_deref()).await?;
        }
        Ok(())
    }

    async fn create_table(&mut self, table: &Table, schema_path: &str) -> Result<(), LakeError> {
        self.put_table(table, new_uuid(), schema_path).await?;
        self.put_materialized(table).await?;
        self.owner(table.id.get(), table.owner.get()).await?;
        for (order, column) in (1..).zip(&table.columns) {
            self.put_column(table, column, order).await?;
            self.tag(table.id.get(), Some(column.id), column.comment.as_deref()).await?;
        }
        for constraint in &table.constraints {
            self.put_constraint(table, constraint).await?;
        }
        self.put_sort_order(table).await?;
        self.schema_version_of(Some(table)).await
    }

    async fn alter_table(
        &mut self,
        before: &Table,
        after: &Table,
        schema_path: &str,
    ) -> Result<(), LakeError> {
        let id = after.id.get();
        if before.materialized != after.materialized {
            self.end("lis_materialized_view", "table_id", id).await?;
            self.put_materialized(after).await?;
        }
        if before.name != after.name || before.schema_id != after.schema_id {
            let uuid = self
                .tx
                .query(
                    "SELECT table_uuid FROM ducklake_table WHERE table_id = ? AND end_snapshot IS NULL",
                    &[id.into()],
                )
                .await?;
            let uuid = uuid.first().and_then(|row| row.0.first().cloned()).unwrap_or_else(new_uuid);
            self.end("ducklake_table", "table_id", id).await?;
            self.put_table(after, uuid, schema_path).await?;
        }
        self.owner(id, after.owner.get()).await?;
        if before.comment != after.comment {
            self.retag(id, None, after.comment.as_deref()).await?;
        }
        for old in &before.columns {
            if after.column(old.id).is_none() {
                self.end_column(id, old.id).await?;
                self.retag(id, Some(old.id), None).await?;
            }
        }
        for (order, column) in (1..).zip(&after.columns) {
            let old = before.column(column.id);
            if old.and_then(|old| old.comment.as_ref()) != column.comment.as_ref() {
                self.retag(id, Some(column.id), column.comment.as_deref()).await?;
            }
            let uncommented = |column: &Column| Column { comment: None, ..column.clone() };
            if old.map(uncommented) != Some(uncommented(column)) {
                if old.is_some() {
                    self.end_column(id, column.id).await?;
                }
                self.put_column(after, column, order).await?;
            }
        }
        for constraint in &before.constraints {
            if !after.constraints.contains(constraint) {
                self.tx
                    .execute(
                        "UPDATE lis_constraint SET end_snapshot = ? \
                         WHERE table_id = ? AND name = ? AND end_snapshot IS NULL",
                        &[self.id.get().into(), id.into(), constraint.name.as_str().into()],
                    )
                    .await?;
            }
        }
        for constraint in &after.constraints {
            if !before.constraints.contains(constraint) {
                self.put_constraint(after, constraint).await?;
            }
        }
        let names = |table: &Table| -> Vec<_> {
            table.sort_order.iter().filter_map(|id| Some(table.column(*id)?.name.clone())).collect()
        };
        if names(before) != names(after) {
            self.end("ducklake_sort_info", "table_id", id).await?;
            self.put_sort_order(after).await?;
        }
        self.changes.push(format!("altered_table:{id}"));
        self.schema_version_of(Some(after)).await
    }

    async fn alter_view(&mut self, before: &View, after: &View) -> Result<(), LakeError> {
        let id = after.id.get();
        let bare = |view: &View| {
            let mut view = View { comment: None, owner: crate::ids::Oid::INVALID, ..view.clone() };
            view.columns.iter_mut().for_each(|column| column.comment = None);
            view
        };
        if bare(before) != bare(after) {
            self.end("ducklake_view", "view_id", id).await?;
            self.put_view(after).await?;
        }
        self.owner(id, after.owner.get()).await?;
        if before.comment != after.comment {
            self.retag(id, None, after.comment.as_deref()).await?;
        }
        let comment_of = |view: &View, id: ColumnId| {
            view.columns.iter().find(|column| column.id == id).and_then(|column| column.comment.clone())
        };
        let columns: BTreeSet<_> =
            before.columns.iter().chain(&after.columns).map(|column| column.id).collect();
        for column in columns {
            let comment = comment_of(after, column);
            if comment_of(before, column) != comment {
                self.retag(id, Some(column), comment.as_deref()).await?;
            }
        }
        self.changes.push(format!("altered_view:{id}"));
        Ok(())
    }

    async fn drop_table(&mut self, table: &Table) -> Result<(), LakeError> {
        let id = table.id.get();
        for rows in [
            "ducklake_table",
            "ducklake_partition_info",
            "ducklake_column",
            "ducklake_column_tag",
            "ducklake_data_file",
            "ducklake_delete_file",
            "ducklake_sort_info",
            "lis_constraint",
            "lis_materialized_view",
        ] {
            self.end(rows, "table_id", id).await?;
        }
        self.end("ducklake_tag", "object_id", id).await?;
        self.changes.push(format!("dropped_table:{id}"));
        Ok(())
    }

    async fn drop_view(&mut self, view: &View) -> Result<(), LakeError> {
        self.end("ducklake_view", "view_id", view.id.get()).await?;
        self.end("ducklake_tag", "object_id", view.id.get()).await?;
        self.end("ducklake_column_tag", "table_id", view.id.get()).await?;
        self.changes.push(format!("dropped_view:{}", view.id));
        Ok(())
    }

    async fn put_table(&mut self, table: &Table, uuid: Value, schema_path: &str) -> Result<(), LakeError> {
        let path = relative_path(schema_path, &table.path);
        self.tx
            .execute(
                "INSERT INTO ducklake_table(table_id, table_uuid, begin_snapshot, schema_id, table_name, path, \
                 path_is_relative) VALUES (?, ?, ?, ?, ?, ?, 1)",
                &[
                    table.id.get().into(),
                    uuid,
                    self.id.get().into(),
                    table.schema_id.get().into(),
                    table.name.as_str().into(),
                    path.into(),
                ],
            )
            .await?;
        Ok(())
    }

    async fn put_materialized(&mut self, table: &Table) -> Result<(), LakeError> {
        let Some(materialized) = table.materialized.as_deref() else { return Ok(()) };
        let MaterializedView { definition, reads, populated } = materialized;
        self.tx
            .execute(
                "INSERT INTO lis_materialized_view(table_id, begin_snapshot, definition, reads, populated) \
                 VALUES (?, ?, ?, ?, ?)",
                &[
                    table.id.get().into(),
                    self.id.get().into(),
                    definition.as_str().into(),
                    reads_text(reads)?.into(),
                    (*populated).into(),
                ],
            )
            .await?;
        Ok(())
    }

    async fn put_column(&mut self, table: &Table, column: &Column, order: i64) -> Result<(), LakeError> {
        let (table_id, column_id) = (table.id.get(), column.id.get());
        self.duck_column(
            table_id,
            column_id,
            order,
            column.name.as_str(),
            column.column_type,
            column.not_null,
            None,
            column.initial_default.as_ref().and_then(statistics::initial_default_text),
        )
        .await?;
        if let PgType::Array(element) = column.column_type.pg_type {
            let element = column.column_type.with_type(*element);
            let parent = Some(column_id);
            self.duck_column(table_id, column_id + 1, order, "element", element, false, parent, None).await?;
        }
        self.tx
            .execute(
                "INSERT INTO lis_column(table_id, column_id, begin_snapshot, type_name, typmod, collation_name, \
                 physical_name, default_expression) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                &[
                    table_id.into(),
                    column_id.into(),
                    self.id.get().into(),
                    column.column_type.pg_type.name().into(),
                    stored_modifier(column.column_type).into(),
                    collation_name(column.collation).into(),
                    column.physical_name.as_str().into(),
                    column.default.clone().into(),
                ],
            )
            .await?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns of one row")]
    async fn duck_column(
        &mut self,
        table_id: i64,
        column_id: i64,
        order: i64,
        name: &str,
        column_type: ColumnType,
        not_null: bool,
        parent: Option<i64>,
        initial_default: Option<String>,
    ) -> Result<(), LakeError> {
        self.tx
            .execute(
                "INSERT INTO ducklake_column(column_id, begin_snapshot, table_id, column_order, column_name, \
                 column_type, nulls_allowed, parent_column, initial_default) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                &[
                    column_id.into(),
                    self.id.get().into(),
                    table_id.into(),
                    order.into(),
                    name.into(),
                    type_name(column_type).into(),
                    (!not_null).into(),
                    parent.into(),
                    initial_default.into(),
                ],
            )
            .await?;
        Ok(())
    }

    async fn end_column(&mut self, table_id: i64, column_id: ColumnId) -> Result<(), LakeError> {
        self.tx
            .execute(
                "UPDATE ducklake_column SET end_snapshot = ? \
                 WHERE table_id = ? AND (column_id = ? OR parent_column = ?) AND end_snapshot IS NULL",
                &[self.id.get().into(), table_id.into(), column_id.get().into(), column_id.get().into()],
            )
            .await?;
        Ok(())
    }

    async fn put_constraint(&mut self, table: &Table, constraint: &Constraint) -> Result<(), LakeError> {
        let (kind, references, referenced, expression) = match &constraint.kind {
            ConstraintKind::PrimaryKey => ("primary key", None, None, None),
            ConstraintKind::Unique => ("unique", None, None, None),
            ConstraintKind::ForeignKey { references, referenced_columns } => {
                ("foreign key", Some(references.get()), Some(column_list(referenced_columns)), None)
            }
            ConstraintKind::Check { expression } => ("check", None, None, Some(expression.clone())),
        };
        let number = i64::from(constraint.oid.get()) - i64::from(crate::ids::Oid::FIRST_NORMAL);
        self.tx
            .execute(
                "INSERT INTO lis_constraint(constraint_id, table_id, begin_snapshot, name, kind, columns, \
                 references_table, references_columns, expression) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                &[
                    number.into(),
                    table.id.get().into(),
                    self.id.get().into(),
                    constraint.name.as_str().into(),
                    kind.into(),
                    column_list(&constraint.columns).into(),
                    references.into(),
                    referenced.into(),
                    expression.into(),
                ],
            )
            .await?;
        Ok(())
    }

    async fn put_sort_order(&mut self, table: &Table) -> Result<(), LakeError> {
        if table.sort_order.is_empty() {
            return Ok(());
        }
        let sort_id = self.next_catalog_id;
        self.next_catalog_id += 1;
        self.tx
            .execute(
                "INSERT INTO ducklake_sort_info(sort_id, table_id, begin_snapshot) VALUES (?, ?, ?)",
                &[sort_id.into(), table.id.get().into(), self.id.get().into()],
            )
            .await?;
        for (index, column) in (0_i64..).zip(&table.sort_order) {
            let Some(column) = table.column(*column) else { continue };
            self.tx
                .execute(
                    "INSERT INTO ducklake_sort_expression(sort_id, table_id, sort_key_index, expression, dialect, \
                     sort_direction, null_order) VALUES (?, ?, ?, ?, 'duckdb', 'ASC', 'NULLS_LAST')",
                    &[sort_id.into(), table.id.get().into(), index.into(), quoted(column.name.as_str()).into()],
                )
                .await?;
        }
        Ok(())
    }

    async fn put_view(&mut self, view: &View) -> Result<(), LakeError> {
        self.tx
            .execute(
                "INSERT INTO ducklake_view(view_id, view_uuid, begin_snapshot, schema_id, view_name, dialect, sql, \
                 column_aliases) VALUES (?, ?, ?, ?, ?, 'lis', ?, '')",
                &[
                    view.id.get().into(),
                    new_uuid(),
                    self.id.get().into(),
                    view.schema_id.get().into(),
                    view.name.as_str().into(),
                    view.definition.as_str().into(),
                ],
            )
            .await?;
        let columns: Vec<_> = view
            .columns
            .iter()
            .map(|column| {
                (
                    column.name.as_str(),
                    column.column_type.pg_type.name(),
                    column.column_type.typmod,
                    collation_name(column.collation),
                )
            })
            .collect();
        let columns = serde_json::to_string(&columns).map_err(LakeError::part)?;
        let reads = match &view.reads {
            Some(reads) => Some(reads_text(reads)?),
            None => None,
        };
        self.tx
            .execute(
                "INSERT INTO lis_view(view_id, begin_snapshot, security_invoker, columns, reads) \
                 VALUES (?, ?, ?, ?, ?)",
                &[
                    view.id.get().into(),
                    self.id.get().into(),
                    view.security_invoker.into(),
                    columns.into(),
                    reads.into(),
                ],
            )
            .await?;
        for column in &view.columns {
            self.tag(view.id.get(), Some(column.id), column.comment.as_deref()).await?;
        }
        Ok(())
    }

    async fn files(&mut self, change: &FileChange) -> Result<(), LakeError> {
        let table_id = change.table.id.get();
        for removed in &change.removed {
            self.tx
                .execute(
                    "UPDATE ducklake_data_file SET end_snapshot = ? WHERE data_file_id = ?",
                    &[self.id.get().into(), removed.id.get().into()],
                )
                .await?;
        }
        let totals = self
            .tx
            .query("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = ?", &[table_id.into()])
            .await?;
        let mut next_row_id = totals.first().map_or(Ok(0), |row| row.integer(0))?;
        for file in &change.added {
            let life = FileLife { begin: self.id, end: None, order: None, row_id_start: next_row_id };
            self.put_file(table_id, file, life).await?;
            next_row_id += signed(file.record_count);
        }
        let sum = |files: &[std::sync::Arc<DataFile>], of: fn(&DataFile) -> u64| -> i64 {
            signed(files.iter().map(|file| of(file)).sum())
        };
        let rows =
            sum(&change.added, |file| file.record_count) - sum(&change.removed, |file| file.record_count);
        let bytes = sum(&change.added, |file| file.file_size_bytes)
            - sum(&change.removed, |file| file.file_size_bytes);
        self.tx
            .execute(
                "INSERT INTO ducklake_table_stats(table_id, record_count, next_row_id, file_size_bytes) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (table_id) DO UPDATE SET record_count = record_count + ?2, \
                 next_row_id = ?3, file_size_bytes = file_size_bytes + ?4",
                &[table_id.into(), rows.into(), next_row_id.into(), bytes.into()],
            )
            .await?;
        self.table_column_statistics(change).await?;
        if change.moved {
            self.changes.push(format!("compacted_table:{table_id}"));
            return Ok(());
        }
        if !change.added.is_empty() {
            self.changes.push(format!("inserted_into_table:{table_id}"));
        }
        if !change.removed.is_empty() {
            self.changes.push(format!("deleted_from_table:{table_id}"));
        }
        Ok(())
    }

    pub(super) async fn put_file(
        &mut self,
        table_id: i64,
        file: &DataFile,
        life: FileLife,
    ) -> Result<(), LakeError> {
        let file_id = self.next_file_id;
        self.next_file_id += 1;
        self.tx
            .execute(
                "INSERT INTO ducklake_data_file(data_file_id, table_id, begin_snapshot, end_snapshot, file_order, path, \
                 path_is_relative, file_format, record_count, file_size_bytes, footer_size, row_id_start) \
                 VALUES (?, ?, ?, ?, ?, ?, 1, 'parquet', ?, ?, ?, ?)",
                &[
                    file_id.into(),
                    table_id.into(),
                    life.begin.get().into(),
                    life.end.map(SnapshotId::get).into(),
                    life.order.unwrap_or(file_id).into(),
                    file.path.as_str().into(),
                    signed(file.record_count).into(),
                    signed(file.file_size_bytes).into(),
                    signed(file.footer_size_bytes).into(),
                    life.row_id_start.into(),
                ],
            )
            .await?;
        if let Some(checksum) = &file.checksum {
            let (least, greatest) = file.row_snapshots.map(|snapshots| snapshots.bounds(life.begin)).unzip();
            self.tx
                .execute(
                    "INSERT INTO lis_data_file(data_file_id, checksum, snapshot_min, snapshot_max, statistics, \
                     column_bound) \
                     VALUES (?, ?, ?, ?, ?, ?)",
                    &[
                        file_id.into(),
                        checksum.as_str().into(),
                        least.map(SnapshotId::get).into(),
                        greatest.map(SnapshotId::get).into(),
                        file.statistics.to_json().map_err(LakeError::part)?.into(),
                        file.column_bound.into(),
                    ],
                )
                .await?;
        }
        if let Some(Some(blocks)) = file.blocks.get() {
            self.tx
                .execute(
                    "INSERT INTO lis_file_blocks(data_file_id, block_bytes, checksums) VALUES (?, ?, ?)",
                    &[
                        file_id.into(),
                        signed(blocks.block_bytes() as u64).into(),
                        Value::Blob(blocks.to_bytes()),
                    ],
                )
                .await?;
        }
        for column in file.statistics.columns().unwrap_or_default().iter() {
            self.tx
                .execute(
                    "INSERT INTO ducklake_file_column_stats(data_file_id, table_id, column_id, column_size_bytes, \
                     value_count, null_count, min_value, max_value, contains_nan) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    &[
                        file_id.into(),
                        table_id.into(),
                        column.column_id.get().into(),
                        column.size_bytes.into(),
                        column.value_count.into(),
                        column.null_count.into(),
                        column.min.clone().into(),
                        column.max.clone().into(),
                        column.contains_nan.into(),
                    ],
                )
                .await?;
        }
        Ok(())
    }

    /// Bounds over the whole table: widened by what is added, begun anew when everything was replaced, and otherwise
    /// left as they are by what is removed.
    async fn table_column_statistics(&mut self, change: &FileChange) -> Result<(), LakeError> {
        let table_id = change.table.id.get();
        let mut totals: BTreeMap<i64, ColumnStatistics> = BTreeMap::new();
        if change.remain {
            let rows = self
                .tx
                .query(
                    "SELECT column_id, contains_null, contains_nan, min_value, max_value \
                     FROM ducklake_table_column_stats WHERE table_id = ?",
                    &[table_id.into()],
                )
                .await?;
            for row in rows {
                let owned = |text: Option<&str>| text.map(str::to_owned);
                let (min, max) = (owned(row.text_opt(3)?), owned(row.text_opt(4)?));
                let column_id = row.integer(0)?;
                totals.insert(
                    column_id,
                    ColumnStatistics {
                        column_id: ColumnId::new(column_id),
                        size_bytes: None,
                        // Without bounds there was nothing to bound, or nothing may be said: both stay so.
                        value_count: None,
                        null_count: row.integer_opt(1)?,
                        min,
                        max,
                        contains_nan: row.integer_opt(2)?.map(|nan| nan != 0),
                    },
                );
            }
        }
        for file in &change.added {
            for statistics in file.statistics.columns().unwrap_or_default().iter() {
                let Some(column) = change.table.column(statistics.column_id) else { continue };
                totals
                    .entry(statistics.column_id.get())
                    .and_modify(|total| statistics::widen(total, statistics, column))
                    .or_insert_with(|| statistics.clone());
            }
        }
        if !change.remain {
            self.tx
                .execute("DELETE FROM ducklake_table_column_stats WHERE table_id = ?", &[table_id.into()])
                .await?;
        }
        for total in totals.values() {
            self.tx
                .execute(
                    "INSERT INTO ducklake_table_column_stats(table_id, column_id, contains_null, contains_nan, \
                     min_value, max_value) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (table_id, column_id) DO UPDATE SET \
                     contains_null = excluded.contains_null, contains_nan = excluded.contains_nan, \
                     min_value = excluded.min_value, max_value = excluded.max_value",
                    &[
                        table_id.into(),
                        total.column_id.get().into(),
                        total.null_count.map(|nulls| nulls > 0).into(),
                        total.contains_nan.into(),
                        total.min.clone().into(),
                        total.max.clone().into(),
                    ],
                )
                .await?;
        }
        Ok(())
    }

    async fn owner(&mut self, object: i64, owner: u32) -> Result<(), LakeError> {
        self.tx
            .execute(
                "INSERT INTO lis_owner(object_id, owner) VALUES (?1, ?2) \
                 ON CONFLICT (object_id) DO UPDATE SET owner = ?2",
                &[object.into(), i64::from(owner).into()],
            )
            .await?;
        Ok(())
    }

    /// Writes a comment on an object, or on a column of it.
    async fn tag(
        &mut self,
        object: i64,
        column: Option<ColumnId>,
        comment: Option<&str>,
    ) -> Result<(), LakeError> {
        let Some(comment) = comment else { return Ok(()) };
        match column {
            None => {
                let arguments = [object.into(), self.id.get().into(), comment.into()];
                let sql = "INSERT INTO ducklake_tag(object_id, begin_snapshot, key, value) \
                           VALUES (?, ?, 'comment', ?)";
                self.tx.execute(sql, &arguments).await?;
            }
            Some(column) => {
                let arguments = [object.into(), column.get().into(), self.id.get().into(), comment.into()];
                let sql = "INSERT INTO ducklake_column_tag(table_id, column_id, begin_snapshot, key, value) \
                           VALUES (?, ?, ?, 'comment', ?)";
                self.tx.execute(sql, &arguments).await?;
            }
        }
        Ok(())
    }

    async fn retag(
        &mut self,
        object: i64,
        column: Option<ColumnId>,
        comment: Option<&str>,
    ) -> Result<(), LakeError> {
        match column {
            None => {
                let sql = "UPDATE ducklake_tag SET end_snapshot = ? \
                           WHERE object_id = ? AND key = 'comment' AND end_snapshot IS NULL";
                self.tx.execute(sql, &[self.id.get().into(), object.into()]).await?;
            }
            Some(column) => {
                let sql = "UPDATE ducklake_column_tag SET end_snapshot = ? \
                           WHERE table_id = ? AND column_id = ? AND key = 'comment' AND end_snapshot IS NULL";
                self.tx.execute(sql, &[self.id.get().into(), object.into(), column.get().into()]).await?;
            }
        }
        self.tag(object, column, comment).await
    }

    async fn end(&mut self, rows: &str, key: &str, id: i64) -> Result<(), LakeError> {
        let sql = format!("UPDATE {rows} SET end_snapshot = ? WHERE {key} = ? AND end_snapshot IS NULL");
        self.tx.execute(&sql, &[self.id.get().into(), id.into()]).await?;
        Ok(())
    }

    async fn schema_version_of(&mut self, table: Option<&Table>) -> Result<(), LakeError> {
        self.schema_version_written = true;
        self.tx
            .execute(
                "INSERT INTO ducklake_schema_versions(begin_snapshot, schema_version, table_id) VALUES (?, ?, ?)",
                &[self.id.get().into(), self.schema_version.into(), table.map(|table| table.id.get()).into()],
            )
            .await?;
        Ok(())
    }
}

fn schema_path(snapshot: &Snapshot, table: &Table) -> String {
    snapshot.schema(table.schema_id).map_or_else(String::new, |schema| schema.path.clone())
}

/// A table's directory as seen from its schema's: that of a table that came from another schema is beside it.
fn relative_path(schema_path: &str, table_path: &str) -> String {
    match table_path.strip_prefix(schema_path) {
        Some(below) => below.to_owned(),
        None => format!("../{table_path}"),
    }
}

fn reads_text(reads: &[ViewRead]) -> Result<String, LakeError> {
    serde_json::to_string(reads).map_err(LakeError::part)
}

const fn collation_name(collation: Collation) -> &'static str {
    match collation {
        Collation::C => "C",
        Collation::Swedish => "sv",
    }
}

fn column_list(columns: &[ColumnId]) -> String {
    columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Counts of rows and bytes, which are far below the limit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

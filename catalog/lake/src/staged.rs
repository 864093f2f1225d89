//! Staged changes: what a writing transaction has done so far, laid over the snapshot that it began with. The
//! transaction reads the result ([`StagedChanges::snapshot`]), nobody else sees it, and [`crate::lake::Lake::commit`]
//! makes it a snapshot.
//!
//! Only the outcome is kept, not the list of steps: a commit writes the difference between the base and the outcome, so
//! a table that was made and dropped again leaves nothing, and rolling back to a savepoint is taking back an older
//! outcome. Numbers of schemas and relations are final from the start (grants and policies staged beside refer to
//! them); numbers of files are negative until the commit.

mod alter;

pub use alter::{can_be_initial_default, widens};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use datafusion::common::ScalarValue;

use crate::{
    allocator::IdAllocator,
    data_file::{DataFile, StagedFile, TableFiles},
    error::LakeError,
    ids::{ColumnId, FileId, Oid, RelationId, SchemaId, SnapshotId},
    names::{Identifier, QualifiedName},
    row_lineage,
    snapshot::Snapshot,
    table::{
        Collation, Column, Constraint, ConstraintKind, MaterializedView, Relation, Schema, Table, View,
        ViewRead,
    },
    types::{ColumnType, PgType},
};

/// Columns of a table (PostgreSQL's `MaxHeapAttributeNumber`).
pub const TABLE_COLUMNS_MAX: usize = 1600;

/// A schema to be made.
#[derive(Debug, Clone)]
pub struct NewSchema {
    /// Its name.
    pub name: Identifier,
    /// The role that owns it.
    pub owner: Oid,
    /// COMMENT ON SCHEMA.
    pub comment: Option<String>,
}

/// A column to be made.
#[derive(Debug, Clone)]
pub struct NewColumn {
    /// Its name.
    pub name: Identifier,
    /// Its type and modifier.
    pub column_type: ColumnType,
    /// NOT NULL.
    pub not_null: bool,
    /// How text is ordered.
    pub collation: Collation,
    /// DEFAULT, as SQL text.
    pub default: Option<String>,
    /// What rows that are there already have in it; of the column's canonical type. `None` is null.
    pub initial_default: Option<ScalarValue>,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
}

impl NewColumn {
    /// A nullable column with nothing but a name and a type.
    pub fn new(name: Identifier, column_type: ColumnType) -> Self {
        Self {
            name,
            column_type,
            not_null: false,
            collation: Collation::C,
            default: None,
            initial_default: None,
            comment: None,
        }
    }
}

/// A key or check to be made, by columns' names.
#[derive(Debug, Clone)]
pub struct NewConstraint {
    /// Its name; `None` makes one as PostgreSQL does (`t_pkey`, `t_a_key`, `t_a_fkey`).
    pub name: Option<Identifier>,
    /// What it says.
    pub kind: NewConstraintKind,
    /// Its columns, in key order; of a check, those that it names.
    pub columns: Vec<Identifier>,
}

/// The kinds of [`NewConstraint`].
#[derive(Debug, Clone)]
pub enum NewConstraintKind {
    /// PRIMARY KEY: makes its columns NOT NULL.
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// FOREIGN KEY
    ForeignKey {
        /// The table referred to.
        references: RelationId,
        /// Its columns in key order; empty stands for its primary key.
        referenced_columns: Vec<Identifier>,
    },
    /// CHECK
    Check {
        /// SQL text over the table's columns.
        expression: String,
    },
}

/// A table to be made.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its schema.
    pub schema_id: SchemaId,
    /// Its name.
    pub name: Identifier,
    /// The role that owns it.
    pub owner: Oid,
    /// COMMENT ON TABLE.
    pub comment: Option<String>,
    /// Its columns in order.
    pub columns: Vec<NewColumn>,
    /// Its keys and checks.
    pub constraints: Vec<NewConstraint>,
    /// The query behind it, if it is to be a materialized view.
    pub materialized: Option<MaterializedView>,
    /// The columns by which its files are sorted.
    pub sort_order: Vec<Identifier>,
}

/// A view to be made.
#[derive(Debug, Clone)]
pub struct NewView {
    /// Its schema.
    pub schema_id: SchemaId,
    /// Its name.
    pub name: Identifier,
    /// The role that owns it.
    pub owner: Oid,
    /// COMMENT ON VIEW.
    pub comment: Option<String>,
    /// The query, as SQL text with every relation's name written with its schema.
    pub definition: String,
    /// Its columns: names and types of the query's output.
    pub columns: Vec<NewColumn>,
    /// What the text refers to.
    pub reads: Option<Arc<[ViewRead]>>,
    /// See [`View::security_invoker`].
    pub security_invoker: bool,
}

/// What COMMENT ON is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentTarget {
    /// A schema.
    Schema(SchemaId),
    /// A table or view.
    Relation(RelationId),
    /// A column of a table or view.
    Column(RelationId, ColumnId),
}

/// A savepoint in [`StagedChanges`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// The outcome so far.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Tables all of whose rows were replaced, or looked at by what the outcome promises of them (NOT NULL, CHECK,
    /// that a key is free): the commit then conflicts with rows that somebody else added.
    pub(crate) replaced: BTreeSet<RelationId>,
    /// Tables that must be as they are in the base when the outcome is committed.
    pub(crate) relied_on: BTreeSet<RelationId>,
    /// Tables whose rows were only moved to other files.
    pub(crate) moved: BTreeSet<RelationId>,
    pub(crate) changed: bool,
}

/// Changes laid over a base snapshot. Made by [`crate::lake::Lake::stage`].
#[derive(Debug, Clone)]
pub struct StagedChanges {
    pub(crate) base: Arc<Snapshot>,
    pub(crate) outcome: Outcome,
    marks: Vec<Outcome>,
    allocator: Arc<IdAllocator>,
    next_staged_file: i64,
    temporary_bytes_max: u64,
}

impl StagedChanges {
    pub(crate) fn new(base: Arc<Snapshot>, allocator: Arc<IdAllocator>) -> Self {
        let outcome = Outcome {
            snapshot: Arc::clone(&base),
            replaced: BTreeSet::new(),
            relied_on: BTreeSet::new(),
            moved: BTreeSet::new(),
            changed: false,
        };
        let next_staged_file = first_number(&base);
        Self { base, outcome, marks: Vec::new(), allocator, next_staged_file, temporary_bytes_max: u64::MAX }
    }

    /// Whether nothing has been changed.
    pub fn is_empty(&self) -> bool {
        !self.outcome.changed
    }

    /// The snapshot that the changes are laid over.
    pub fn base(&self) -> &Arc<Snapshot> {
        &self.base
    }

    /// The base with the changes.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.outcome.snapshot)
    }

    /// Whether a commit would write anything: changes of temporary relations alone are the session's.
    pub fn is_lasting(&self) -> bool {
        self.outcome.changed
            && !crate::commit::Difference::between(&self.base, &self.outcome.snapshot).is_empty()
    }

    /// Bounds the bytes of all rows of the session's temporary tables.
    pub fn limit_temporary(&mut self, bytes: u64) {
        self.temporary_bytes_max = bytes;
    }

    /// Lays a session's temporary schema over the snapshot, if it is not there.
    pub fn put_temporary_schema(&mut self, schema: &Arc<Schema>) {
        if self.outcome.snapshot.schema(schema.id).is_none() {
            self.change(|snapshot| snapshot.put_schema(Arc::clone(schema)));
        }
    }

    fn check_temporary(&self, id: RelationId) -> Result<(), LakeError> {
        let snapshot = &self.outcome.snapshot;
        let Some(relation) = snapshot.relation(id).filter(|relation| snapshot.is_temporary(relation)) else {
            return Ok(());
        };
        let tables = snapshot
            .relations()
            .filter(|other| other.schema_id() == relation.schema_id())
            .filter_map(Relation::as_table);
        let bytes: u64 = tables.map(|table| table.files.size_bytes()).sum();
        if bytes > self.temporary_bytes_max {
            return Err(LakeError::TemporaryFull { bytes_max: self.temporary_bytes_max });
        }
        Ok(())
    }

    /// Remembers the present state.
    pub fn savepoint(&mut self) -> Mark {
        self.marks.push(self.outcome.clone());
        Mark(self.marks.len() - 1)
    }

    /// Goes back to a savepoint, which stays; those made after it are forgotten. A mark that was released or rolled
    /// over is ignored. Files staged since stay on disk for maintenance to remove.
    pub fn rollback_to(&mut self, mark: Mark) {
        if let Some(outcome) = self.marks.get(mark.0) {
            self.outcome = outcome.clone();
            self.marks.truncate(mark.0 + 1);
        }
    }

    /// Forgets a savepoint and those made after it; the changes stay.
    pub fn release(&mut self, mark: Mark) {
        self.marks.truncate(mark.0);
    }

    /// Numbers of schemas and relations that the base has and the outcome has not: what grants, policies and other
    /// crates' rows about them must go with.
    pub fn dropped(&self) -> Vec<Oid> {
        let outcome = &self.outcome.snapshot;
        let base = &self.base;
        let schemas =
            base.schemas().filter(|schema| !schema.temporary && outcome.schema(schema.id).is_none());
        let relations = base
            .relations()
            .filter(|relation| !base.is_temporary(relation) && outcome.relation(relation.id()).is_none());
        schemas.map(|schema| schema.id.oid()).chain(relations.map(|relation| relation.id().oid())).collect()
    }

    /// Numbers of schemas and relations that the outcome has and the base has not.
    pub fn created(&self) -> Vec<Oid> {
        let (base, outcome) = (&self.base, &self.outcome.snapshot);
        let schemas =
            outcome.schemas().filter(|schema| !schema.temporary && base.schema(schema.id).is_none());
        let relations = outcome
            .relations()
            .filter(|relation| !outcome.is_temporary(relation) && base.relation(relation.id()).is_none());
        schemas.map(|schema| schema.id.oid()).chain(relations.map(|relation| relation.id().oid())).collect()
    }

    /// CREATE SCHEMA.
    pub async fn create_schema(&mut self, new: NewSchema) -> Result<Arc<Schema>, LakeError> {
        if self.outcome.snapshot.schema_named(&new.name).is_some() {
            return Err(LakeError::Duplicate { kind: "schema", name: new.name.as_str().to_owned() });
        }
        let id = SchemaId::new(self.allocator.next().await?);
        let schema = Arc::new(Schema {
            id,
            path: directory_name(&new.name, id.get()),
            name: new.name,
            owner: new.owner,
            comment: new.comment,
            temporary: false,
        });
        self.change(|snapshot| snapshot.put_schema(Arc::clone(&schema)));
        Ok(schema)
    }

    /// DROP SCHEMA of an empty one.
    pub fn drop_schema(&mut self, id: SchemaId) -> Result<(), LakeError> {
        let snapshot = &self.outcome.snapshot;
        let schema = self.schema(id)?;
        if let Some(relation) = snapshot.relations().find(|relation| relation.schema_id() == id) {
            return Err(LakeError::SchemaNotEmpty {
                schema: schema.name.as_str().to_owned(),
                example: QualifiedName { schema: schema.name.clone(), name: relation.name().clone() },
            });
        }
        self.change(|snapshot| snapshot.remove_schema(id));
        Ok(())
    }

    /// Changes a schema's name, owner or comment.
    pub fn alter_schema(&mut self, schema: Schema) -> Result<Arc<Schema>, LakeError> {
        self.schema(schema.id)?;
        if self.outcome.snapshot.schema_named(&schema.name).is_some_and(|other| other.id != schema.id) {
            return Err(LakeError::Duplicate { kind: "schema", name: schema.name.as_str().to_owned() });
        }
        let schema = Arc::new(schema);
        self.change(|snapshot| snapshot.put_schema(Arc::clone(&schema)));
        Ok(schema)
    }

    /// CREATE TABLE.
    pub async fn create_table(&mut self, new: NewTable) -> Result<Arc<Table>, LakeError> {
        self.schema(new.schema_id)?;
        self.name_is_free(new.schema_id, &new.name)?;
        if new.columns.len() > TABLE_COLUMNS_MAX {
            return Err(LakeError::Shape {
                relation: new.name.as_str().to_owned(),
                detail: format!("tables can have at most {TABLE_COLUMNS_MAX} columns"),
            });
        }
        let id = RelationId::new(self.allocator.next().await?);
        let mut table = Table {
            id,
            schema_id: new.schema_id,
            path: format!("{}{}", self.schema(new.schema_id)?.path, directory_name(&new.name, id.get())),
            name: new.name,
            owner: new.owner,
            comment: new.comment,
            columns: Vec::with_capacity(new.columns.len()),
            constraints: Vec::new(),
            sort_order: Vec::new(),
            next_column_id: 1,
            materialized: new.materialized.map(Arc::new),
            files: Arc::new(TableFiles::default()),
        };
        for column in new.columns {
            push_column(&mut table, column, true)?;
        }
        table.sort_order = column_ids(&table, &new.sort_order)?;
        for constraint in new.constraints {
            self.push_constraint(&mut table, constraint).await?;
        }
        let table = Arc::new(table);
        self.change(|snapshot| snapshot.put_relation(Relation::Table(Arc::clone(&table))));
        Ok(table)
    }

    /// CREATE VIEW.
    pub async fn create_view(&mut self, new: NewView) -> Result<Arc<View>, LakeError> {
        self.schema(new.schema_id)?;
        self.name_is_free(new.schema_id, &new.name)?;
        let id = RelationId::new(self.allocator.next().await?);
        self.put_view(id, new)
    }

    /// CREATE OR REPLACE VIEW of one that exists: its number and owner stay.
    pub fn replace_view(&mut self, id: RelationId, new: NewView) -> Result<Arc<View>, LakeError> {
        let owner = self.view(id)?.owner;
        self.put_view(id, NewView { owner, ..new })
    }

    /// DROP TABLE or DROP VIEW. Keys of other tables that refer to the table go with it.
    pub fn drop_relation(&mut self, id: RelationId) -> Result<(), LakeError> {
        self.relation(id)?;
        let referring: Vec<_> = self
            .outcome
            .snapshot
            .relations()
            .filter_map(Relation::as_table)
            .filter(|table| table.id != id && table.constraints.iter().any(|key| refers_to(key, id)))
            .cloned()
            .collect();
        for table in referring {
            let mut altered = Table::clone(&table);
            altered.constraints.retain(|key| !refers_to(key, id));
            self.put_table(altered);
        }
        self.change(|snapshot| snapshot.remove_relation(id));
        self.outcome.replaced.remove(&id);
        Ok(())
    }

    /// COMMENT ON; `None` takes the comment away.
    pub fn comment(&mut self, target: CommentTarget, comment: Option<String>) -> Result<(), LakeError> {
        match target {
            CommentTarget::Schema(id) => {
                let schema = Schema { comment, ..Schema::clone(&*self.schema(id)?) };
                self.alter_schema(schema)?;
            }
            CommentTarget::Relation(id) => match self.relation(id)? {
                Relation::Table(table) => {
                    self.put_table(Table { comment, ..Table::clone(&table) });
                }
                Relation::View(view) => {
                    let view = Arc::new(View { comment, ..View::clone(&view) });
                    self.change(|snapshot| snapshot.put_relation(Relation::View(view)));
                }
            },
            CommentTarget::Column(id, column_id) => match self.relation(id)? {
                Relation::Table(table) => {
                    let mut table = Table::clone(&table);
                    find_column(&mut table.columns, column_id)?.comment = comment;
                    self.put_table(table);
                }
                Relation::View(view) => {
                    let mut view = View::clone(&view);
                    find_column(&mut view.columns, column_id)?.comment = comment;
                    self.change(|snapshot| snapshot.put_relation(Relation::View(Arc::new(view))));
                }
            },
        }
        Ok(())
    }

    /// Adds rows: files that a writer finished for this table.
    pub fn append_files(
        &mut self,
        id: RelationId,
        files: impl IntoIterator<Item = StagedFile>,
    ) -> Result<(), LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        let added = self.number(files);
        if added.is_empty() {
            return Ok(());
        }
        table.files = Arc::new(table.files.with(added));
        self.put_table(table);
        self.check_temporary(id)
    }

    /// Replaces every row of the table. The commit conflicts with any other change of the table's rows.
    pub fn replace_files(
        &mut self,
        id: RelationId,
        files: impl IntoIterator<Item = StagedFile>,
    ) -> Result<(), LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        table.files = Arc::new(TableFiles::new(self.number(files)));
        self.put_table(table);
        self.outcome.replaced.insert(id);
        self.check_temporary(id)
    }

    /// What the transaction adds is right only as long as nobody else adds rows or takes any away: its commit then
    /// conflicts.
    pub fn look_at_rows(&mut self, id: RelationId) {
        self.outcome.replaced.insert(id);
    }

    /// The transaction relies on a table being as its base has it, though it need not change it: the commit conflicts if
    /// somebody else has changed its rows or its definition since.
    pub fn rely_on(&mut self, id: RelationId) {
        self.outcome.relied_on.insert(id);
    }

    /// Replaces some files by others (DELETE and UPDATE rewrite what they touch). The commit conflicts with another
    /// that replaced one of the same files.
    pub fn rewrite_files(
        &mut self,
        id: RelationId,
        removed: &BTreeSet<FileId>,
        added: impl IntoIterator<Item = StagedFile>,
    ) -> Result<(), LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        if let Some(unknown) = removed.iter().find(|id| !table.files.iter().any(|file| file.id == **id)) {
            return Err(LakeError::Unknown { kind: "data file", name: unknown.to_string() });
        }
        let added = self.number(added);
        table.files = Arc::new(table.files.without(removed).with(added));
        self.put_table(table);
        self.check_temporary(id)
    }

    /// Replaces some files by others with the same rows.
    pub(crate) fn compact_files(
        &mut self,
        id: RelationId,
        removed: &BTreeSet<FileId>,
        added: impl IntoIterator<Item = StagedFile>,
    ) -> Result<(), LakeError> {
        self.rewrite_files(id, removed, added)?;
        self.outcome.moved.insert(id);
        Ok(())
    }

    fn number(&mut self, files: impl IntoIterator<Item = StagedFile>) -> Vec<Arc<DataFile>> {
        files
            .into_iter()
            .map(|staged| {
                let id = self.next_staged_file;
                self.next_staged_file -= 1;
                Arc::new(DataFile {
                    id: FileId::new(id),
                    path: staged.file.path.clone(),
                    record_count: staged.file.record_count,
                    file_size_bytes: staged.file.file_size_bytes,
                    footer_size_bytes: staged.file.footer_size_bytes,
                    begin_snapshot: SnapshotId::new(self.base.id().get() + 1),
                    row_id_start: 0,
                    checksum: staged.file.checksum.clone(),
                    row_snapshots: staged.file.row_snapshots,
                    column_bound: staged.file.column_bound,
                    statistics: staged.file.statistics.clone(),
                    typed: OnceLock::new(),
                    blocks: staged.file.blocks.clone(),
                    guard: staged.file.guard.clone(),
                })
            })
            .collect()
    }

    fn change(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let snapshot = Arc::make_mut(&mut self.outcome.snapshot);
        change(snapshot);
        snapshot.mark_staged();
        self.outcome.changed = true;
    }

    fn put_table(&mut self, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.change(|snapshot| snapshot.put_relation(Relation::Table(Arc::clone(&table))));
        table
    }

    fn put_view(&mut self, id: RelationId, new: NewView) -> Result<Arc<View>, LakeError> {
        let mut names = BTreeMap::new();
        let mut columns = Vec::with_capacity(new.columns.len());
        for (number, column) in (1..).zip(new.columns) {
            if names.insert(column.name.clone(), ()).is_some() {
                return Err(LakeError::Duplicate { kind: "column", name: column.name.as_str().to_owned() });
            }
            columns.push(Column {
                id: ColumnId::new(number),
                physical_name: String::new(),
                name: column.name,
                column_type: column.column_type,
                not_null: false,
                collation: column.collation,
                default: None,
                initial_default: None,
                comment: column.comment,
            });
        }
        let view = Arc::new(View {
            id,
            schema_id: new.schema_id,
            name: new.name,
            owner: new.owner,
            comment: new.comment,
            definition: new.definition,
            columns,
            reads: new.reads,
            security_invoker: new.security_invoker,
        });
        self.change(|snapshot| snapshot.put_relation(Relation::View(Arc::clone(&view))));
        Ok(view)
    }

    async fn push_constraint(&self, table: &mut Table, new: NewConstraint) -> Result<(), LakeError> {
        let columns = column_ids(table, &new.columns)?;
        let name = new.name.unwrap_or_else(|| constraint_name(table, &new.kind, &new.columns));
        if table.constraints.iter().any(|constraint| constraint.name == name) {
            return Err(LakeError::Duplicate { kind: "constraint", name: name.as_str().to_owned() });
        }
        let kind = match new.kind {
            NewConstraintKind::PrimaryKey => {
                if table.constraints.iter().any(|key| key.kind == ConstraintKind::PrimaryKey) {
                    return Err(LakeError::Duplicate {
                        kind: "primary key of relation",
                        name: table.name.as_str().to_owned(),
                    });
                }
                for column in &columns {
                    find_column(&mut table.columns, *column)?.not_null = true;
                }
                ConstraintKind::PrimaryKey
            }
            NewConstraintKind::Unique => ConstraintKind::Unique,
            NewConstraintKind::ForeignKey { references, referenced_columns } => {
                let referenced =
                    if references == table.id { Arc::new(table.clone()) } else { self.table(references)? };
                let referenced_columns = if referenced_columns.is_empty() {
                    let key =
                        referenced.constraints.iter().find(|key| key.kind == ConstraintKind::PrimaryKey);
                    key.map(|key| key.columns.clone()).ok_or_else(|| LakeError::Unknown {
                        kind: "primary key of relation",
                        name: referenced.name.as_str().to_owned(),
                    })?
                } else {
                    column_ids(&referenced, &referenced_columns)?
                };
                ConstraintKind::ForeignKey { references, referenced_columns }
            }
            NewConstraintKind::Check { expression } => ConstraintKind::Check { expression },
        };
        let oid = SchemaId::new(self.allocator.next().await?).oid();
        table.constraints.push(Constraint { oid, name, kind, columns });
        Ok(())
    }

    fn schema(&self, id: SchemaId) -> Result<Arc<Schema>, LakeError> {
        let schema = self.outcome.snapshot.schema(id).cloned();
        schema.ok_or_else(|| LakeError::Unknown { kind: "schema", name: id.to_string() })
    }

    fn relation(&self, id: RelationId) -> Result<Relation, LakeError> {
        let relation = self.outcome.snapshot.relation(id).cloned();
        relation.ok_or_else(|| LakeError::Unknown { kind: "relation", name: id.to_string() })
    }

    fn table(&self, id: RelationId) -> Result<Arc<Table>, LakeError> {
        match self.relation(id)? {
            Relation::Table(table) => Ok(table),
            Relation::View(view) => {
                Err(LakeError::Unknown { kind: "table", name: view.name.as_str().to_owned() })
            }
        }
    }

    fn view(&self, id: RelationId) -> Result<Arc<View>, LakeError> {
        match self.relation(id)? {
            Relation::View(view) => Ok(view),
            Relation::Table(table) => {
                Err(LakeError::Unknown { kind: "view", name: table.name.as_str().to_owned() })
            }
        }
    }

    fn name_is_free(&self, schema: SchemaId, name: &Identifier) -> Result<(), LakeError> {
        match self.outcome.snapshot.relation_in(schema, name) {
            None => Ok(()),
            Some(_) => Err(LakeError::Duplicate { kind: "relation", name: name.as_str().to_owned() }),
        }
    }
}

/// A directory's name: readable, harmless on any file system, and never used twice.
fn directory_name(name: &Identifier, id: i64) -> String {
    const CHARACTERS_MAX: usize = 40;
    let readable: String = name
        .as_str()
        .chars()
        .take(CHARACTERS_MAX)
        .map(|character| if character.is_ascii_alphanumeric() || character == '_' { character } else { '_' })
        .collect();
    format!("{readable}-{id}/")
}

fn refers_to(constraint: &Constraint, id: RelationId) -> bool {
    matches!(constraint.kind, ConstraintKind::ForeignKey { references, .. } if references == id)
}

fn find_column(columns: &mut [Column], id: ColumnId) -> Result<&mut Column, LakeError> {
    columns
        .iter_mut()
        .find(|column| column.id == id)
        .ok_or_else(|| LakeError::Unknown { kind: "column", name: id.to_string() })
}

fn column_ids(table: &Table, names: &[Identifier]) -> Result<Vec<ColumnId>, LakeError> {
    names
        .iter()
        .map(|name| {
            table
                .column_named(name)
                .map(|column| column.id)
                .ok_or_else(|| LakeError::Unknown { kind: "column", name: name.as_str().to_owned() })
        })
        .collect()
}

/// The names of the columns that rows carry when they are moved.
fn refuse_reserved(name: &Identifier) -> Result<(), LakeError> {
    if row_lineage::is_reserved(name.as_str()) {
        return Err(LakeError::ReservedColumn { name: name.as_str().to_owned() });
    }
    Ok(())
}

fn push_column(table: &mut Table, new: NewColumn, first_version: bool) -> Result<(), LakeError> {
    refuse_reserved(&new.name)?;
    if table.column_named(&new.name).is_some() {
        return Err(LakeError::Duplicate { kind: "column", name: new.name.as_str().to_owned() });
    }
    let negative_scale = new.column_type.precision_scale().is_some_and(|(_, scale)| scale < 0);
    if !new.column_type.pg_type.can_be_stored() || negative_scale {
        return Err(LakeError::UnsupportedType { type_name: new.column_type.pg_type.name() });
    }
    let id = table.next_column_id;
    // An array takes one number more, for its elements.
    table.next_column_id += if matches!(new.column_type.pg_type, PgType::Array(_)) { 2 } else { 1 };
    let taken =
        |name: &str| table.columns.iter().any(|column| column.physical_name.eq_ignore_ascii_case(name));
    // A later column may repeat the name of one that was renamed or dropped and is still in old files.
    let physical_name = if first_version && !taken(new.name.as_str()) {
        new.name.as_str().to_owned()
    } else {
        format!("{}_{id}", new.name.as_str())
    };
    table.columns.push(Column {
        id: ColumnId::new(id),
        name: new.name,
        physical_name,
        column_type: new.column_type,
        not_null: new.not_null,
        collation: new.collation,
        default: new.default,
        initial_default: new.initial_default,
        comment: new.comment,
    });
    Ok(())
}

/// The name that PostgreSQL would choose (`ChooseIndexName`, `ChooseConstraintName`), with a number if it is taken.
fn constraint_name(table: &Table, kind: &NewConstraintKind, columns: &[Identifier]) -> Identifier {
    let columns: Vec<_> = columns.iter().map(Identifier::as_str).collect();
    let (middle, label) = match kind {
        NewConstraintKind::PrimaryKey => (String::new(), "pkey"),
        NewConstraintKind::Unique => (format!("_{}", columns.join("_")), "key"),
        NewConstraintKind::ForeignKey { .. } => (format!("_{}", columns.join("_")), "fkey"),
        NewConstraintKind::Check { .. } => match columns.as_slice() {
            [only] => (format!("_{only}"), "check"),
            _ => (String::new(), "check"),
        },
    };
    let mut name = Identifier::exact(&format!("{}{middle}_{label}", table.name.as_str()));
    let mut number = 0;
    while table.constraints.iter().any(|constraint| constraint.name == name) {
        number += 1;
        name = Identifier::exact(&format!("{}{middle}_{label}{number}", table.name.as_str()));
    }
    name
}

/// The first number for files that are not in the lake yet. A session's temporary tables keep such files from one
/// transaction to the next, so it must not be theirs.
fn first_number(base: &Snapshot) -> i64 {
    let temporary = base.relations().filter(|relation| base.is_temporary(relation));
    let files = temporary.filter_map(|relation| relation.as_table()).flat_map(|table| table.files.iter());
    files.map(|file| file.id.get()).min().map_or(-1, |least| least.min(0) - 1)
}

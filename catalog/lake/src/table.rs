//! What a schema, a table, a view and a column are: plain immutable data, as one snapshot has it.

use std::sync::Arc;

use crate::{
    ids::{ColumnId, FileId, Oid, RelationId, SchemaId, SnapshotId},
    names::Identifier,
    types::ColumnType,
};

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its number.
    pub id: SchemaId,
    /// Its name.
    pub name: Identifier,
    /// The role that owns it: opaque here.
    pub owner: Oid,
    /// COMMENT ON SCHEMA.
    pub comment: Option<String>,
}

/// How a text column's values are ordered and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collation {
    /// Bytewise: codes and keys.
    C,
    /// Swedish, through ICU: names.
    Swedish,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its number: Parquet field id and `attnum`.
    pub id: ColumnId,
    /// Its name now.
    pub name: Identifier,
    /// Its name inside every Parquet file of the table, fixed when the column was made.
    pub physical_name: String,
    /// Its type and modifier.
    pub column_type: ColumnType,
    /// NOT NULL.
    pub not_null: bool,
    /// How text is ordered; `C` for what is not text.
    pub collation: Collation,
    /// DEFAULT, as SQL text.
    pub default: Option<String>,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
}

/// A primary key, unique or foreign key: shown to clients and used by loads, not enforced on ad hoc DML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its number among PostgreSQL's clients.
    pub oid: Oid,
    /// Its name.
    pub name: Identifier,
    /// What it says.
    pub kind: ConstraintKind,
    /// Its columns, in key order.
    pub columns: Vec<ColumnId>,
}

/// The kinds of [`Constraint`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    /// PRIMARY KEY
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// FOREIGN KEY
    ForeignKey {
        /// The table referred to.
        references: RelationId,
        /// Its columns, in key order.
        referenced_columns: Vec<ColumnId>,
    },
}

/// Smallest and largest value of a column in a file, as DuckLake writes them: text to be cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStatistics {
    /// The column.
    pub column_id: ColumnId,
    /// Values that are not null, if known.
    pub value_count: Option<i64>,
    /// Nulls, if known.
    pub null_count: Option<i64>,
    /// The smallest value.
    pub min: Option<String>,
    /// The largest value.
    pub max: Option<String>,
    /// Whether a floating-point column holds NaN.
    pub contains_nan: Option<bool>,
}

/// A Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its number.
    pub id: FileId,
    /// Its path, relative to the table's directory.
    pub path: String,
    /// Rows.
    pub record_count: u64,
    /// Bytes.
    pub file_size_bytes: u64,
    /// Bytes of the Parquet footer.
    pub footer_size_bytes: u64,
    /// The first snapshot that shows it.
    pub begin_snapshot: SnapshotId,
    /// DuckLake's `row_id_start`.
    pub row_id_start: i64,
    /// Per column.
    pub statistics: Vec<ColumnStatistics>,
}

/// A table as one snapshot has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its number.
    pub id: RelationId,
    /// Its schema.
    pub schema_id: SchemaId,
    /// Its name.
    pub name: Identifier,
    /// The role that owns it: opaque here.
    pub owner: Oid,
    /// COMMENT ON TABLE.
    pub comment: Option<String>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its keys.
    pub constraints: Vec<Constraint>,
    /// The columns by which files are sorted: administration first, then time, on secured tables.
    pub sort_order: Vec<ColumnId>,
    /// The table's directory below the lake's root, ending in `/`.
    pub path: String,
    /// Its data.
    pub files: Arc<Vec<DataFile>>,
}

/// A view as one snapshot has it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its number.
    pub id: RelationId,
    /// Its schema.
    pub schema_id: SchemaId,
    /// Its name.
    pub name: Identifier,
    /// The role that owns it: opaque here.
    pub owner: Oid,
    /// COMMENT ON VIEW.
    pub comment: Option<String>,
    /// The query, as SQL text with every relation's name written with its schema.
    pub definition: String,
    /// Its columns: names and types as they were when the view was made.
    pub columns: Vec<Column>,
    /// Whether the asker's rights apply to what the view reads. True unless `security_invoker = false` was written out.
    pub security_invoker: bool,
}

/// A table or a view.
#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    /// A table.
    Table(Arc<Table>),
    /// A view.
    View(Arc<View>),
}

impl Relation {
    /// Its number.
    pub fn id(&self) -> RelationId {
        match self {
            Self::Table(table) => table.id,
            Self::View(view) => view.id,
        }
    }

    /// Its schema.
    pub fn schema_id(&self) -> SchemaId {
        match self {
            Self::Table(table) => table.schema_id,
            Self::View(view) => view.schema_id,
        }
    }

    /// Its name.
    pub fn name(&self) -> &Identifier {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
        }
    }

    /// The role that owns it.
    pub fn owner(&self) -> Oid {
        match self {
            Self::Table(table) => table.owner,
            Self::View(view) => view.owner,
        }
    }

    /// Its columns in order.
    pub fn columns(&self) -> &[Column] {
        match self {
            Self::Table(table) => &table.columns,
            Self::View(view) => &view.columns,
        }
    }

    /// Its comment.
    pub fn comment(&self) -> Option<&str> {
        match self {
            Self::Table(table) => table.comment.as_deref(),
            Self::View(view) => view.comment.as_deref(),
        }
    }
}

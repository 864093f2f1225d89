//! What a schema, a table, a view and a column are: plain immutable data, as one snapshot has it.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use serde::{Deserialize, Serialize};

use crate::{
    data_file::TableFiles,
    ids::{ColumnId, Oid, RelationId, SchemaId},
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
    /// Its directory below the lake's root, ending in `/`; fixed when it was made.
    pub path: String,
    /// Whether it holds one session's temporary relations: it is in that session's snapshots only, and no commit writes
    /// anything of it.
    pub temporary: bool,
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
    /// What rows have in it that were there before the column was ([`crate::data_file::DataFile::lacks`]); of the
    /// column's canonical type. `None` is null.
    pub initial_default: Option<ScalarValue>,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
}

/// A primary key, unique or foreign key is shown to clients and used by loads, and not enforced on ad hoc DML; a CHECK
/// holds for every row.
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
    /// CHECK: the constraint's columns are those that the expression names.
    Check {
        /// SQL text over the table's columns.
        expression: String,
    },
}

/// A relation that a view's text names, by number: so the view keeps its meaning whatever becomes of names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRead {
    /// The schema as the text has it.
    pub schema: String,
    /// The name as the text has it.
    pub name: String,
    /// The relation.
    pub relation: u32,
    /// The columns that it had when the view was made: number, name as the text has it, and whether the text uses it.
    pub columns: Vec<(i64, String, bool)>,
}

/// What makes a table a materialized view.
#[derive(Debug, Clone, PartialEq)]
pub struct MaterializedView {
    /// The query, as SQL text with every relation's name written with its schema.
    pub definition: String,
    /// What the text refers to.
    pub reads: Arc<[ViewRead]>,
    /// Whether it has been filled: WITH NO DATA says no.
    pub populated: bool,
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
    /// Its keys and checks.
    pub constraints: Vec<Constraint>,
    /// The columns by which files are sorted: administration first, then time, on secured tables.
    pub sort_order: Vec<ColumnId>,
    /// The first column number that no column of the table ever had.
    pub next_column_id: i64,
    /// The table's directory below the lake's root, ending in `/`; of a temporary table, an absolute path.
    pub path: String,
    /// The query behind it, if it is a materialized view.
    pub materialized: Option<Arc<MaterializedView>>,
    /// Its data.
    pub files: Arc<TableFiles>,
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
    /// What the text refers to; `None` in a view that was made before this was kept, which goes by names.
    pub reads: Option<Arc<[ViewRead]>>,
    /// Whether the asker's rights apply to what the view reads. True unless `security_invoker = false` was written out.
    pub security_invoker: bool,
}

impl Table {
    /// A column by number.
    pub fn column(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// A column by name.
    pub fn column_named(&self, name: &Identifier) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Whether the two differ in nothing but their data.
    pub fn same_definition(&self, other: &Self) -> bool {
        let Self {
            id,
            schema_id,
            name,
            owner,
            comment,
            columns,
            constraints,
            sort_order,
            next_column_id,
            path,
            materialized,
            files: _,
        } = self;
        *id == other.id
            && *schema_id == other.schema_id
            && *name == other.name
            && *owner == other.owner
            && *comment == other.comment
            && *columns == other.columns
            && *constraints == other.constraints
            && *sort_order == other.sort_order
            && *next_column_id == other.next_column_id
            && *path == other.path
            && *materialized == other.materialized
    }
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
    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&Arc<Table>> {
        match self {
            Self::Table(table) => Some(table),
            Self::View(_) => None,
        }
    }

    /// What its text refers to, if it is a view or a materialized view.
    pub fn reads(&self) -> &[ViewRead] {
        match self {
            Self::Table(table) => table.materialized.as_ref().map_or(&[], |view| &view.reads),
            Self::View(view) => view.reads.as_deref().unwrap_or_default(),
        }
    }

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

    /// Whether rights, policies and masks that were written for the other definition mean the same on this one: they
    /// speak of the owner and, by name, of columns. What was only added or dropped since does not touch them.
    pub fn is_judged_as(&self, other: &Self) -> bool {
        let same_view = match (self, other) {
            (Self::Table(_), Self::Table(_)) => true,
            (Self::View(view), Self::View(other)) => {
                view.definition == other.definition
                    && view.reads == other.reads
                    && view.security_invoker == other.security_invoker
            }
            (Self::Table(_), Self::View(_)) | (Self::View(_), Self::Table(_)) => false,
        };
        let same_columns = self.columns().iter().all(|column| {
            let mut akin = other.columns().iter().filter(|o| o.id == column.id || o.name == column.name);
            akin.all(|o| o.id == column.id && o.name == column.name && o.column_type == column.column_type)
        });
        same_view && same_columns && self.owner() == other.owner()
    }

    /// Its comment.
    pub fn comment(&self) -> Option<&str> {
        match self {
            Self::Table(table) => table.comment.as_deref(),
            Self::View(view) => view.comment.as_deref(),
        }
    }
}

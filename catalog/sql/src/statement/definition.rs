//! What statements about schemas, tables and views say beyond a name.

use lis_lake::{names::Identifier, types::ColumnType};

use super::{ColumnDefinition, ObjectName, RoleName, TableConstraint};

/// The kind of relation that a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// TABLE
    Table,
    /// VIEW
    View,
    /// MATERIALIZED VIEW
    MaterializedView,
}

impl RelationKind {
    /// As messages have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
        }
    }
}

/// ON COMMIT, of a temporary table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnCommit {
    /// PRESERVE ROWS
    #[default]
    PreserveRows,
    /// DELETE ROWS
    DeleteRows,
    /// DROP
    Drop,
}

/// LIKE in CREATE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLike {
    /// The relation whose columns are taken.
    pub source: ObjectName,
    /// How many columns were written before it.
    pub after: usize,
    /// INCLUDING DEFAULTS
    pub defaults: bool,
    /// INCLUDING CONSTRAINTS
    pub constraints: bool,
    /// INCLUDING INDEXES: keys
    pub indexes: bool,
    /// INCLUDING COMMENTS
    pub comments: bool,
}

/// ALTER SCHEMA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterSchemaAction {
    /// RENAME TO
    RenameTo(Identifier),
    /// OWNER TO
    OwnerTo(RoleName),
}

/// One action of ALTER TABLE, ALTER VIEW or ALTER MATERIALIZED VIEW.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterAction {
    /// ADD \[COLUMN\]
    AddColumn {
        /// The column.
        column: Box<ColumnDefinition>,
        /// Its constraints that have a name or are checks.
        constraints: Vec<TableConstraint>,
        /// IF NOT EXISTS
        if_not_exists: bool,
    },
    /// DROP \[COLUMN\]
    DropColumn {
        /// The column.
        column: Identifier,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// ALTER \[COLUMN\] … \[SET DATA\] TYPE
    SetType {
        /// The column.
        column: Identifier,
        /// The new type.
        column_type: ColumnType,
        /// COLLATE
        collation: Option<Identifier>,
        /// USING, as SQL text.
        using: Option<String>,
    },
    /// ALTER \[COLUMN\] … SET DEFAULT or DROP DEFAULT (`None`)
    SetDefault {
        /// The column.
        column: Identifier,
        /// SQL text.
        default: Option<String>,
    },
    /// ALTER \[COLUMN\] … SET NOT NULL or DROP NOT NULL
    SetNotNull {
        /// The column.
        column: Identifier,
        /// SET?
        not_null: bool,
    },
    /// ADD \[CONSTRAINT\]
    AddConstraint(TableConstraint),
    /// DROP CONSTRAINT
    DropConstraint {
        /// The constraint.
        name: Identifier,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// RENAME \[COLUMN\]
    RenameColumn {
        /// Its name now.
        from: Identifier,
        /// Its name then.
        to: Identifier,
    },
    /// RENAME CONSTRAINT
    RenameConstraint {
        /// Its name now.
        from: Identifier,
        /// Its name then.
        to: Identifier,
    },
    /// RENAME TO
    RenameTo(Identifier),
    /// SET SCHEMA
    SetSchema(Identifier),
    /// OWNER TO
    OwnerTo(RoleName),
    /// SET (security_invoker = …) of a view; RESET is true, since that is the default here.
    SetSecurityInvoker(bool),
}

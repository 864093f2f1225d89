//! INSERT, UPDATE, DELETE and MERGE as they were written. sqlparser's own trees of them lack what PostgreSQL has (DO
//! NOTHING, OVERRIDING, `ONLY`) and have much that it lacks, so these are ours; their expressions and queries are
//! sqlparser's. `parse/modification.rs` reads them, `bind/modify/` binds them.

use std::collections::BTreeMap;

use sqlparser::ast;

/// A statement that changes rows.
#[derive(Debug, Clone)]
pub struct Modification {
    /// WITH before it.
    pub with: Option<ast::With>,
    /// The queries of WITH that change rows themselves, by their number there, where an empty query stands for each.
    pub modifying: BTreeMap<usize, Modification>,
    /// What it does.
    pub kind: ModificationKind,
}

/// The kinds of [`Modification`].
#[derive(Debug, Clone)]
pub enum ModificationKind {
    /// INSERT
    Insert(Box<Insert>),
    /// UPDATE
    Update(Box<Update>),
    /// DELETE
    Delete(Box<Delete>),
    /// MERGE
    Merge(Box<Merge>),
    /// A query after a WITH that changes rows.
    Query(Box<ast::Query>),
}

/// The table that is changed, and its alias.
#[derive(Debug, Clone)]
pub struct Target {
    /// The table.
    pub name: ast::ObjectName,
    /// AS
    pub alias: Option<ast::Ident>,
}

/// INSERT
#[derive(Debug, Clone)]
pub struct Insert {
    /// INTO
    pub target: Target,
    /// The columns that get values; empty is all of them.
    pub columns: Vec<AssignedColumn>,
    /// VALUES or a query; `None` is DEFAULT VALUES.
    pub source: Option<Box<ast::Query>>,
    /// ON CONFLICT
    pub on_conflict: Option<OnConflict>,
    /// RETURNING
    pub returning: Vec<ast::SelectItem>,
}

/// ON CONFLICT
#[derive(Debug, Clone)]
pub struct OnConflict {
    /// With what.
    pub target: ConflictTarget,
    /// DO
    pub action: ConflictAction,
}

/// What a row can be in conflict with.
#[derive(Debug, Clone)]
pub enum ConflictTarget {
    /// Any key.
    Any,
    /// ON CONSTRAINT
    Constraint(ast::Ident),
    /// The key of these columns.
    Columns {
        /// The columns, or what else is written.
        items: Vec<ast::Expr>,
        /// WHERE, of a partial index.
        condition: Option<Box<ast::Expr>>,
    },
}

/// What becomes of the row that is there.
#[derive(Debug, Clone)]
pub enum ConflictAction {
    /// DO NOTHING
    Nothing,
    /// DO UPDATE
    Update {
        /// SET
        assignments: Vec<Assignment>,
        /// WHERE
        condition: Option<Box<ast::Expr>>,
    },
}

/// A column that gets a value, or the part of it that does.
#[derive(Debug, Clone)]
pub struct AssignedColumn {
    /// Its name.
    pub name: ast::Ident,
    /// `[1]`, `[1:2]`
    pub subscripts: Vec<ast::Subscript>,
}

/// `a = 1`, `(a, b) = (1, 2)`, `(a, b) = (SELECT …)`
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The columns.
    pub columns: Vec<AssignedColumn>,
    /// Whether the columns stand in parentheses.
    pub several: bool,
    /// What they get.
    pub value: ast::Expr,
}

/// UPDATE
#[derive(Debug, Clone)]
pub struct Update {
    /// The table.
    pub target: Target,
    /// SET
    pub assignments: Vec<Assignment>,
    /// FROM
    pub from: Vec<ast::TableWithJoins>,
    /// WHERE
    pub selection: Option<ast::Expr>,
    /// RETURNING
    pub returning: Vec<ast::SelectItem>,
}

/// DELETE
#[derive(Debug, Clone)]
pub struct Delete {
    /// FROM
    pub target: Target,
    /// USING
    pub using: Vec<ast::TableWithJoins>,
    /// WHERE
    pub selection: Option<ast::Expr>,
    /// RETURNING
    pub returning: Vec<ast::SelectItem>,
}

/// MERGE
#[derive(Debug, Clone)]
pub struct Merge {
    /// INTO
    pub target: Target,
    /// USING
    pub source: ast::TableWithJoins,
    /// ON
    pub condition: ast::Expr,
    /// WHEN …, in order
    pub clauses: Vec<MergeClause>,
}

/// WHEN \[NOT\] MATCHED \[AND condition\] THEN action
#[derive(Debug, Clone)]
pub struct MergeClause {
    /// MATCHED rather than NOT MATCHED
    pub matched: bool,
    /// AND
    pub condition: Option<ast::Expr>,
    /// THEN
    pub action: MergeAction,
}

/// What a WHEN clause does.
#[derive(Debug, Clone)]
pub enum MergeAction {
    /// UPDATE SET
    Update(Vec<Assignment>),
    /// DELETE
    Delete,
    /// INSERT
    Insert {
        /// The columns that get values; empty is all of them.
        columns: Vec<AssignedColumn>,
        /// VALUES; `None` is DEFAULT VALUES.
        values: Option<Vec<ast::Expr>>,
    },
    /// DO NOTHING
    Nothing,
}

impl Modification {
    /// The command's name.
    pub fn name(&self) -> &'static str {
        match self.kind {
            ModificationKind::Insert(_) => "INSERT",
            ModificationKind::Update(_) => "UPDATE",
            ModificationKind::Delete(_) => "DELETE",
            ModificationKind::Merge(_) => "MERGE",
            ModificationKind::Query(_) => "SELECT",
        }
    }

    /// Whether it gives rows.
    pub fn returns_rows(&self) -> bool {
        match &self.kind {
            ModificationKind::Insert(insert) => !insert.returning.is_empty(),
            ModificationKind::Update(update) => !update.returning.is_empty(),
            ModificationKind::Delete(delete) => !delete.returning.is_empty(),
            ModificationKind::Merge(_) => false,
            ModificationKind::Query(_) => true,
        }
    }
}

//! What a bound query gives beside its plan: PostgreSQL's names, types, typmods and the origin of each column. The
//! plan's own column names are internal and unique; these are what the client sees, duplicates and all.

use datafusion::logical_expr::LogicalPlan;
use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};

/// A query ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundQuery {
    /// DataFusion's plan. Its output columns correspond to `outputs` one by one.
    pub plan: LogicalPlan,
    /// The output columns.
    pub outputs: Vec<OutputColumn>,
    /// The types of `$1`, `$2`, …, as declared or as found.
    pub parameters: Vec<PgType>,
    /// Views that were expanded, outermost first: the asker needs SELECT on each.
    pub views: Vec<Oid>,
    /// What the query depends on.
    pub dependencies: Vec<Dependency>,
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name that the client sees: `?column?` where PostgreSQL says so.
    pub name: String,
    /// Type and modifier.
    pub column_type: ColumnType,
    /// The table column that it is, where it is nothing but one.
    pub origin: Option<Origin>,
}

/// A column of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The relation.
    pub relation: Oid,
    /// `attnum`.
    pub column: i16,
}

/// Something that must exist for the query to keep its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// A table or view as a whole.
    Relation(Oid),
    /// A column.
    Column(Origin),
}

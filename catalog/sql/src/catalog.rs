//! What exists, as the binder sees it: relations and functions by name. `pg_catalog` implements it over a snapshot and
//! the registry of system relations; tests implement it over a list.

use std::{fmt::Debug, sync::Arc};

use datafusion::logical_expr::{ScalarUDF, TableSource};
use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    table::{Collation, ViewRead},
    types::{ColumnType, PgType},
};

/// Names to things. Immutable for the life of a binding; called often, so cheap.
pub trait Catalog: Send + Sync + Debug {
    /// For a crate that knows the implementation, to make the same catalogue for somebody else's rights.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }

    /// The relation with this name.
    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation>;

    /// The relation with this number.
    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation>;

    /// Whether there is such a schema.
    fn has_schema(&self, name: &Identifier) -> bool;

    /// Whether the user may look for names in a schema, which is asked before anything is told of them; one that is not
    /// there is no secret.
    fn may_use_schema(&self, _name: &Identifier) -> bool {
        true
    }

    /// Whether the user has any right to a relation. Without one nothing is told of it: neither its columns nor their types
    /// nor how many they are.
    fn may_see(&self, _relation: Oid) -> bool {
        true
    }

    /// Functions of this name that need to know the session or the catalogue (`pg_table_is_visible`,
    /// `has_table_privilege`, `format_type`, …). The binder's own table of functions is asked first.
    fn functions(&self, schema: Option<&Identifier>, name: &Identifier) -> Vec<CatalogFunction>;

    /// Names near this one, for hints. Only what the user may know of.
    fn similar_relation(&self, _name: &Identifier) -> Option<QualifiedName> {
        None
    }
}

/// A relation as the binder needs it.
#[derive(Debug, Clone)]
pub struct CatalogRelation {
    /// Its number.
    pub oid: Oid,
    /// Its name.
    pub name: QualifiedName,
    /// Its columns in order.
    pub columns: Vec<CatalogColumn>,
    /// `attnum` of its primary key's columns; empty without one.
    pub primary_key: Vec<i16>,
    /// Its keys, the primary one too.
    pub unique_keys: Vec<UniqueKey>,
    /// What it is.
    pub source: RelationSource,
}

/// A declared key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The constraint's name.
    pub name: Identifier,
    /// `attnum` of its columns.
    pub columns: Vec<i16>,
}

/// A column of a relation.
#[derive(Debug, Clone)]
pub struct CatalogColumn {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub column_type: ColumnType,
    /// `attnum`.
    pub number: i16,
    /// How text is ordered.
    pub collation: Collation,
    /// Whether it is never null.
    pub not_null: bool,
    /// DEFAULT, as SQL text.
    pub default: Option<String>,
    /// A hidden (system) column such as `tableoid`: found by name, not by `*`.
    pub hidden: bool,
}

/// What a relation is.
#[derive(Clone)]
pub enum RelationSource {
    /// Something to scan: a table of the lake or a system relation. Its Arrow schema has the relation's columns in
    /// order, under the columns' names, with canonical types.
    Scan(Arc<dyn TableSource>),
    /// A query. The binder expands it.
    View {
        /// SQL text with every relation's name written with its schema.
        definition: String,
        /// What its names mean; `None` goes by the names.
        reads: Option<Arc<[ViewRead]>>,
        /// See [`lis_lake::table::View::security_invoker`].
        security_invoker: bool,
        /// The owner.
        owner: Oid,
    },
}

/// A function that the catalogue supplies, bound to the session that it was asked for.
#[derive(Debug, Clone)]
pub struct CatalogFunction {
    /// Arguments' types.
    pub arguments: Vec<PgType>,
    /// Result type.
    pub result: PgType,
    /// The implementation: canonical Arrow types in and out.
    pub implementation: Arc<ScalarUDF>,
    /// Whether it can fail or tell on a value: see `operators.rs`.
    pub leakproof: bool,
}

impl Debug for RelationSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scan(_) => formatter.write_str("Scan"),
            Self::View { definition, .. } => {
                formatter.debug_struct("View").field("definition", definition).finish()
            }
        }
    }
}

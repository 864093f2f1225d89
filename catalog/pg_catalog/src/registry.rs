//! The registry of system relations and functions: each is registered by the crate that knows it, takes a viewer, and
//! returns only what that viewer may see. Filled once at start; immutable afterwards.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Formatter},
    sync::Arc,
};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::common::Result;
use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    snapshot::Snapshot,
    table::Schema,
};
use lis_sql::{catalog::CatalogFunction, context::BindContext};

use crate::{
    namespaces,
    rows::Rows,
    shapes::{self, Shape},
};

/// Who looks, and what they may know. Security implements it over a principal; nothing here decides a right.
pub trait Viewer: Send + Sync + Debug {
    /// The current role.
    fn user(&self) -> Oid;
    /// Whether the viewer sees everything (a superuser).
    fn is_superuser(&self) -> bool;
    /// Whether the viewer may know that a table or view of the lake exists: has any privilege on it.
    fn may_see_relation(&self, relation: Oid) -> bool;
    /// Whether the viewer may know that a schema exists: USAGE on it.
    fn may_see_schema(&self, schema: Oid) -> bool;
    /// Whether the viewer may know of a schema of the lake: a system schema, its session's own temporary one, or one
    /// that it has USAGE on.
    fn sees_schema(&self, schema: &Schema) -> bool {
        namespaces::is_system_schema(schema)
            || self.is_superuser()
            || schema.temporary
            || self.may_see_schema(schema.id.oid())
    }
    /// Whether the viewer may look for names in a schema; one that is not there is no secret.
    fn may_use_schema(&self, snapshot: &Snapshot, name: &Identifier) -> bool {
        snapshot.schema_named(name).is_none_or(|schema| self.sees_schema(schema))
    }
    /// `has_table_privilege`: `role` of `None` is the viewer; `privilege` as PostgreSQL spells it (`SELECT`,
    /// `INSERT WITH GRANT OPTION`), in any case. `None` if there is no such role or privilege.
    fn has_table_privilege(&self, role: Option<&Identifier>, relation: Oid, privilege: &str) -> Option<bool>;
    /// `has_schema_privilege`.
    fn has_schema_privilege(&self, role: Option<&Identifier>, schema: Oid, privilege: &str) -> Option<bool>;
    /// `pg_has_role`: membership of the viewer (or `role`) in another role. `privilege`: `MEMBER`, `USAGE`, `SET`.
    fn has_role(&self, role: Option<&Identifier>, of: &Identifier, privilege: &str) -> Option<bool>;
    /// `pg_get_userbyid`.
    fn role_name(&self, role: Oid) -> Option<Identifier>;
    /// The number of a role by name.
    fn role_oid(&self, role: &Identifier) -> Option<Oid>;
    /// `pg_class.relacl` of a relation in PostgreSQL's text form (`anna=r/lis_admin`), or `None` for the default.
    fn relation_acl(&self, relation: Oid) -> Option<Vec<String>>;
    /// `pg_namespace.nspacl`.
    fn schema_acl(&self, schema: Oid) -> Option<Vec<String>>;
    /// `pg_class.relrowsecurity` and `relforcerowsecurity`.
    fn row_security(&self, relation: Oid) -> (bool, bool);
    /// For the crate that implements the trait, to get back at its own type.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// What a system relation's rows are made from.
#[derive(Debug, Clone)]
pub struct ViewContext {
    /// The snapshot of the statement.
    pub snapshot: Arc<Snapshot>,
    /// Who asks.
    pub viewer: Arc<dyn Viewer>,
    /// The session's facts.
    pub bind: Arc<BindContext>,
    /// Every system relation, so that `pg_class` can list them all.
    pub registry: Arc<Registry>,
}

/// A system relation: `pg_class`, `lis.batches`, …
#[async_trait]
pub trait SystemRelation: Send + Sync + Debug {
    /// Its name, number and columns.
    fn shape(&self) -> &'static Shape;
    /// Its rows, as this viewer may see them; canonical Arrow types, one array per column.
    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch>;
}

/// Adds a relation's rows, as this viewer may see them.
pub type Fill = Box<dyn Fn(&ViewContext, &mut Rows) -> Result<()> + Send + Sync>;

/// A relation whose rows are at hand.
struct Filled {
    shape: &'static Shape,
    fill: Fill,
}

impl Debug for Filled {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Filled").field(&self.shape.name).finish()
    }
}

#[async_trait]
impl SystemRelation for Filled {
    fn shape(&self) -> &'static Shape {
        self.shape
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let mut rows = Rows::new(self.shape);
        (self.fill)(context, &mut rows)?;
        rows.into_batch()
    }
}

/// Functions that a crate supplies, made for one session.
pub trait FunctionSet: Send + Sync + Debug {
    /// The functions named `name` (lower case) in `schema` (`pg_catalog`, `lis`), for this viewer.
    fn functions(&self, schema: &str, name: &str, context: &ViewContext) -> Vec<CatalogFunction>;
}

/// Every system relation and function set.
#[derive(Debug, Default)]
pub struct Registry {
    relations: BTreeMap<QualifiedName, Arc<dyn SystemRelation>>,
    functions: Vec<Arc<dyn FunctionSet>>,
}

impl Registry {
    /// Adds a relation. The later of two with one name wins.
    pub fn register(&mut self, relation: Arc<dyn SystemRelation>) {
        let shape = relation.shape();
        self.relations.insert(QualifiedName::new(shape.schema, shape.name), relation);
    }

    /// Adds a relation whose rows are at hand when they are asked for.
    pub fn register_filled(&mut self, shape: &'static Shape, fill: Fill) {
        self.register(Arc::new(Filled { shape, fill }));
    }

    /// Adds the rows of one of PostgreSQL's relations.
    pub fn fill(&mut self, schema: &str, name: &str, fill: Fill) {
        match shapes::shape(schema, name) {
            Some(shape) => self.register_filled(shape, fill),
            None => tracing::error!(schema, name, "a system relation has no shape"),
        }
    }

    /// Adds functions.
    pub fn register_functions(&mut self, functions: Arc<dyn FunctionSet>) {
        self.functions.push(functions);
    }

    /// Every relation, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<dyn SystemRelation>> {
        self.relations.values()
    }

    /// Every relation's shape, by name.
    pub fn shapes(&self) -> impl Iterator<Item = &'static Shape> {
        self.relations().map(|relation| relation.shape())
    }

    /// A relation by name.
    pub fn relation(&self, name: &QualifiedName) -> Option<&Arc<dyn SystemRelation>> {
        self.relations.get(name)
    }

    /// Every function set.
    pub fn functions(&self) -> &[Arc<dyn FunctionSet>] {
        &self.functions
    }
}

//! One state of the catalogue, immutable: what a transaction reads from its first statement to its last. A writing
//! transaction lays its staged changes over it ([`Snapshot::overlay`] in `commit.rs`) and reads the result.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ids::{Oid, RelationId, SchemaId, SnapshotId},
    names::{Identifier, QualifiedName},
    table::{Relation, Schema},
};

/// Every schema and relation at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    id: SnapshotId,
    committed_at_us: i64,
    schemas: BTreeMap<SchemaId, Arc<Schema>>,
    relations: BTreeMap<RelationId, Relation>,
    by_name: BTreeMap<(SchemaId, Identifier), RelationId>,
}

impl Snapshot {
    /// Puts a snapshot together from its parts.
    pub fn new(
        id: SnapshotId,
        committed_at_us: i64,
        schemas: impl IntoIterator<Item = Arc<Schema>>,
        relations: impl IntoIterator<Item = Relation>,
    ) -> Self {
        let relations: BTreeMap<_, _> =
            relations.into_iter().map(|relation| (relation.id(), relation)).collect();
        let by_name = relations
            .values()
            .map(|relation| ((relation.schema_id(), relation.name().clone()), relation.id()))
            .collect();
        Self {
            id,
            committed_at_us,
            schemas: schemas.into_iter().map(|schema| (schema.id, schema)).collect(),
            relations,
            by_name,
        }
    }

    /// Its number; of an overlay, the base's.
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// When it was committed, in microseconds since 1970 UTC.
    pub fn committed_at_us(&self) -> i64 {
        self.committed_at_us
    }

    /// Every schema.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// Every table and view.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// A schema by number.
    pub fn schema(&self, id: SchemaId) -> Option<&Arc<Schema>> {
        self.schemas.get(&id)
    }

    /// A schema by name.
    pub fn schema_named(&self, name: &Identifier) -> Option<&Arc<Schema>> {
        self.schemas.values().find(|schema| schema.name == *name)
    }

    /// A table or view by number.
    pub fn relation(&self, id: RelationId) -> Option<&Relation> {
        self.relations.get(&id)
    }

    /// A table or view by PostgreSQL's number.
    pub fn relation_by_oid(&self, oid: Oid) -> Option<&Relation> {
        let number = oid.get().checked_sub(Oid::FIRST_NORMAL)?;
        self.relations.get(&RelationId::new(i64::from(number)))
    }

    /// A table or view by name.
    pub fn relation_named(&self, name: &QualifiedName) -> Option<&Relation> {
        let schema = self.schema_named(&name.schema)?;
        self.relation(*self.by_name.get(&(schema.id, name.name.clone()))?)
    }

    /// A relation's full name.
    pub fn qualified_name(&self, relation: &Relation) -> Option<QualifiedName> {
        let schema = self.schema(relation.schema_id())?;
        Some(QualifiedName { schema: schema.name.clone(), name: relation.name().clone() })
    }
}

//! One state of the catalogue, immutable: what a transaction reads from its first statement to its last. A writing
//! transaction lays its staged changes over it ([`crate::staged::StagedChanges`]) and reads the result.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    ids::{BatchId, Oid, RelationId, SchemaId, SnapshotId},
    names::{Identifier, QualifiedName},
    pins::Presence,
    table::{Relation, Schema},
};

/// A line of the lake's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its number.
    pub id: SnapshotId,
    /// When it was committed, in microseconds since 1970 UTC.
    pub committed_at_us: i64,
    /// What it changed, in DuckLake's words (`inserted_into_table:5`).
    pub changes: String,
    /// Who made it.
    pub author: Option<String>,
    /// What for.
    pub message: Option<String>,
    /// The batch that it published, if it did.
    pub batch: Option<BatchId>,
}

/// The name by which every session calls its own temporary schema.
pub const TEMPORARY_SCHEMA: &str = "pg_temp";

/// Every schema and relation at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    id: SnapshotId,
    committed_at_us: i64,
    schema_version: i64,
    schemas: BTreeMap<SchemaId, Arc<Schema>>,
    relations: BTreeMap<RelationId, Relation>,
    by_name: BTreeMap<(SchemaId, Identifier), RelationId>,
    /// See [`Snapshot::is_redefined`].
    redefined: BTreeSet<RelationId>,
    /// Shared with everything that is laid over this: tells that somebody reads it.
    presence: Arc<Presence>,
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
            schema_version: 0,
            schemas: schemas.into_iter().map(|schema| (schema.id, schema)).collect(),
            relations,
            by_name,
            redefined: BTreeSet::new(),
            presence: Presence::of(id),
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

    /// A number that grows with every change of a definition: what is made from definitions alone may be kept by it.
    /// Negative in an overlay, where nothing may be kept.
    pub fn schema_version(&self) -> i64 {
        self.schema_version
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

    /// A schema by name. `pg_temp` is the session's own temporary schema, if it has one.
    pub fn schema_named(&self, name: &Identifier) -> Option<&Arc<Schema>> {
        if name.as_str() == TEMPORARY_SCHEMA {
            return self.temporary_schema();
        }
        self.schemas.values().find(|schema| schema.name == *name)
    }

    /// The schema of the session's temporary relations, if it has any.
    pub fn temporary_schema(&self) -> Option<&Arc<Schema>> {
        self.schemas.values().find(|schema| schema.temporary)
    }

    /// Whether a relation is one of the session's temporary ones.
    pub fn is_temporary(&self, relation: &Relation) -> bool {
        self.schema(relation.schema_id()).is_some_and(|schema| schema.temporary)
    }

    /// This snapshot with a session's temporary schema and relations over it.
    #[must_use]
    pub fn with_temporary(&self, schema: Arc<Schema>, relations: impl IntoIterator<Item = Relation>) -> Self {
        let mut with = self.clone();
        with.put_schema(schema);
        for relation in relations {
            with.put_relation(relation);
        }
        with.mark_staged();
        with
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

    /// A table or view by its schema and name.
    pub fn relation_in(&self, schema: SchemaId, name: &Identifier) -> Option<&Relation> {
        self.relation(*self.by_name.get(&(schema, name.clone()))?)
    }

    /// A table or view by name.
    pub fn relation_named(&self, name: &QualifiedName) -> Option<&Relation> {
        let schema = self.schema_named(&name.schema)?;
        self.relation(*self.by_name.get(&(schema.id, name.name.clone()))?)
    }

    /// The first table or view of a name in schemas that are searched in order.
    pub fn relation_on_path(&self, path: &[Identifier], name: &Identifier) -> Option<&Relation> {
        path.iter().find_map(|schema| {
            self.relation_named(&QualifiedName { schema: schema.clone(), name: name.clone() })
        })
    }

    /// A relation's full name.
    pub fn qualified_name(&self, relation: &Relation) -> Option<QualifiedName> {
        let schema = self.schema(relation.schema_id())?;
        Some(QualifiedName { schema: schema.name.clone(), name: relation.name().clone() })
    }

    /// The relations of this snapshot that today's rights cannot be applied to, since they are defined otherwise today
    /// or are gone.
    pub fn redefined_by(&self, today: &Self) -> BTreeSet<RelationId> {
        let same_schema = |id: SchemaId| {
            let (then, now) = (self.schema(id), today.schema(id));
            then.zip(now).is_some_and(|(then, now)| then.owner == now.owner)
        };
        let same = |then: &Relation| {
            let now = today.relation(then.id());
            same_schema(then.schema_id()) && now.is_some_and(|now| then.is_judged_as(now))
        };
        self.relations().filter(|then| !same(then)).map(Relation::id).collect()
    }

    /// This snapshot, which knows that some of its relations are not as they are today.
    #[must_use]
    pub fn with_redefined(&self, redefined: BTreeSet<RelationId>) -> Self {
        Self { redefined, ..self.clone() }
    }

    /// What [`Snapshot::with_redefined`] was told.
    pub fn redefined(&self) -> &BTreeSet<RelationId> {
        &self.redefined
    }

    /// Whether the relation has been redefined since by others: then the rights of today do not speak of it.
    pub fn is_redefined(&self, id: RelationId) -> bool {
        self.redefined.contains(&id)
    }

    pub(crate) fn with_schema_version(self, schema_version: i64) -> Self {
        Self { schema_version, ..self }
    }

    pub(crate) fn mark_staged(&mut self) {
        self.schema_version = -1;
    }

    pub(crate) fn at(self, id: SnapshotId, committed_at_us: i64) -> Self {
        Self { id, committed_at_us, presence: Presence::of(id), ..self }
    }

    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    pub(crate) fn put_schema(&mut self, schema: Arc<Schema>) {
        self.schemas.insert(schema.id, schema);
    }

    pub(crate) fn remove_schema(&mut self, id: SchemaId) {
        self.schemas.remove(&id);
    }

    pub(crate) fn put_relation(&mut self, relation: Relation) {
        let id = relation.id();
        let key = (relation.schema_id(), relation.name().clone());
        if let Some(old) = self.relations.insert(id, relation) {
            let old_key = (old.schema_id(), old.name().clone());
            if old_key != key {
                self.by_name.remove(&old_key);
            }
        }
        self.by_name.insert(key, id);
    }

    pub(crate) fn remove_relation(&mut self, id: RelationId) {
        if let Some(old) = self.relations.remove(&id) {
            self.by_name.remove(&(old.schema_id(), old.name().clone()));
        }
    }
}

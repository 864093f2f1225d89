//! From staged changes to a snapshot: what differs between a transaction's base and its outcome, and whether the lake
//! has meanwhile moved in a way that the outcome cannot be laid over.
//!
//! Two commits conflict when they change one object: both its definition, or one its definition and the other its rows,
//! or both remove one file, or one replaces all rows of a table to which the other adds. Appends never conflict.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    data_file::DataFile,
    error::LakeError,
    ids::{FileId, Oid, RelationId},
    snapshot::Snapshot,
    table::{ConstraintKind, Relation, Schema, Table},
};

/// What differs between two snapshots.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) schemas_created: Vec<Arc<Schema>>,
    pub(crate) schemas_altered: Vec<(Arc<Schema>, Arc<Schema>)>,
    pub(crate) schemas_dropped: Vec<Arc<Schema>>,
    pub(crate) created: Vec<Relation>,
    pub(crate) altered: Vec<(Relation, Relation)>,
    pub(crate) dropped: Vec<Relation>,
    pub(crate) files: Vec<FileChange>,
}

/// The change of a table's rows.
#[derive(Debug)]
pub(crate) struct FileChange {
    /// The table as it comes out.
    pub(crate) table: Arc<Table>,
    pub(crate) added: Vec<Arc<DataFile>>,
    pub(crate) removed: Vec<Arc<DataFile>>,
    /// Whether any file of before is left.
    pub(crate) remain: bool,
    /// Whether the rows are the same, in other files.
    pub(crate) moved: bool,
}

impl Difference {
    pub(crate) fn between(base: &Snapshot, outcome: &Snapshot) -> Self {
        let mut difference = Self::default();
        for schema in outcome.schemas().filter(|schema| !schema.temporary) {
            match base.schema(schema.id) {
                None => difference.schemas_created.push(Arc::clone(schema)),
                Some(before) if before != schema => {
                    difference.schemas_altered.push((Arc::clone(before), Arc::clone(schema)));
                }
                Some(_) => {}
            }
        }
        difference.schemas_dropped = base
            .schemas()
            .filter(|schema| !schema.temporary && outcome.schema(schema.id).is_none())
            .cloned()
            .collect();
        difference.dropped = base
            .relations()
            .filter(|relation| !base.is_temporary(relation) && outcome.relation(relation.id()).is_none())
            .cloned()
            .collect();
        for after in outcome.relations().filter(|relation| !outcome.is_temporary(relation)) {
            match (base.relation(after.id()), after) {
                (None, after) => {
                    difference.created.push(after.clone());
                    if let Relation::Table(table) = after {
                        difference.push_files(&[], table);
                    }
                }
                (Some(Relation::Table(before)), Relation::Table(table)) => {
                    if Arc::ptr_eq(before, table) {
                        continue;
                    }
                    if !before.same_definition(table) {
                        difference.altered.push((Relation::Table(Arc::clone(before)), after.clone()));
                    }
                    difference.push_files(&before.files, table);
                }
                (Some(before), after) => {
                    if before != after {
                        difference.altered.push((before.clone(), after.clone()));
                    }
                }
            }
        }
        difference
    }

    fn push_files(&mut self, before: &[Arc<DataFile>], table: &Arc<Table>) {
        let ids = |files: &[Arc<DataFile>]| files.iter().map(|file| file.id).collect::<BTreeSet<FileId>>();
        let (old, new) = (ids(before), ids(&table.files));
        if old == new {
            return;
        }
        self.files.push(FileChange {
            added: table.files.iter().filter(|file| !old.contains(&file.id)).cloned().collect(),
            removed: before.iter().filter(|file| !new.contains(&file.id)).cloned().collect(),
            remain: old.intersection(&new).next().is_some(),
            moved: false,
            table: Arc::clone(table),
        });
    }

    /// Whether anything but rows changes.
    pub(crate) fn has_definitions(&self) -> bool {
        !(self.schemas_created.is_empty()
            && self.schemas_altered.is_empty()
            && self.schemas_dropped.is_empty()
            && self.created.is_empty()
            && self.altered.is_empty()
            && self.dropped.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.has_definitions() && self.files.is_empty()
    }

    /// Whether the tables that the transaction relied on are still what they were.
    pub(crate) fn check_relied_on(
        base: &Snapshot,
        current: &Snapshot,
        relied_on: &BTreeSet<RelationId>,
    ) -> Result<(), LakeError> {
        for relation in relied_on.iter().filter_map(|id| base.relation(*id)) {
            same_definition(base, current, relation)?;
            if let (Some(before), Some(now)) =
                (relation.as_table(), current.relation(relation.id()).and_then(Relation::as_table))
                && before.files != now.files
            {
                return Err(conflict(format!("table {}", before.name)));
            }
        }
        Ok(())
    }

    /// Whether the difference can be laid over `current`, which came after `base`. `replaced` are the tables all of
    /// whose rows were replaced or looked at.
    pub(crate) fn check(
        &mut self,
        base: &Snapshot,
        current: &Snapshot,
        replaced: &BTreeSet<RelationId>,
    ) -> Result<(), LakeError> {
        // A name that is given up in the same commit is free.
        let goes = |other: &Arc<Schema>| {
            self.schemas_dropped.iter().any(|schema| schema.id == other.id)
                || self
                    .schemas_altered
                    .iter()
                    .any(|(before, after)| before.id == other.id && before.name != after.name)
        };
        let is_taken = |name| current.schema_named(name).is_some_and(|other| !goes(other));
        for schema in &self.schemas_created {
            if is_taken(&schema.name) {
                return Err(conflict(format!("schema {}", schema.name)));
            }
        }
        for (before, after) in &self.schemas_altered {
            let same = current.schema(before.id) == Some(before);
            let taken = before.name != after.name && is_taken(&after.name);
            if !same || taken {
                return Err(conflict(format!("schema {}", before.name)));
            }
        }
        for schema in &self.schemas_dropped {
            let dropped = |id| self.dropped.iter().any(|relation| relation.id() == id);
            let left = current.relations().any(|left| left.schema_id() == schema.id && !dropped(left.id()));
            if current.schema(schema.id).is_none() || left {
                return Err(conflict(format!("schema {}", schema.name)));
            }
        }
        for relation in &self.dropped {
            same_definition(base, current, relation)?;
        }
        for relation in &self.created {
            self.place_is_free(current, relation)?;
            refers_to_the_same(base, current, &[], relation)?;
        }
        for (before, after) in &self.altered {
            same_definition(base, current, before)?;
            refers_to_the_same(base, current, &referred(before), after)?;
            if let (Some(Relation::Table(before)), Some(Relation::Table(now))) =
                (base.relation(before.id()), current.relation(before.id()))
                && replaced.contains(&before.id)
                && before.files != now.files
            {
                return Err(conflict(format!("table {}", before.name)));
            }
            if before.name() != after.name() || before.schema_id() != after.schema_id() {
                self.place_is_free(current, after)?;
            }
        }
        for change in &mut self.files {
            let Some(before) = base.relation(change.table.id) else { continue };
            same_definition(base, current, before)?;
            let (Relation::Table(before), Some(Relation::Table(now))) =
                (before, current.relation(change.table.id))
            else {
                continue;
            };
            let there: BTreeSet<FileId> = now.files.iter().map(|file| file.id).collect();
            let gone = change.removed.iter().any(|file| !there.contains(&file.id));
            if gone || replaced.contains(&change.table.id) && before.files != now.files {
                return Err(conflict(format!("table {}", before.name)));
            }
            let removed: BTreeSet<FileId> = change.removed.iter().map(|file| file.id).collect();
            change.remain = there.difference(&removed).next().is_some();
        }
        Ok(())
    }

    fn place_is_free(&self, current: &Snapshot, relation: &Relation) -> Result<(), LakeError> {
        let id = relation.schema_id();
        let has_schema = current.schema(id).is_some() || self.schemas_created.iter().any(|new| new.id == id);
        let other = current.relation_in(id, relation.name());
        let goes = |id| {
            self.dropped.iter().any(|relation| relation.id() == id)
                || self.altered.iter().any(|(before, _)| before.id() == id)
        };
        if !has_schema || other.is_some_and(|other| !goes(other.id())) {
            return Err(conflict(format!("relation {}", relation.name())));
        }
        Ok(())
    }
}

/// A relation must still be what it was in the base, its rows apart.
/// The relations that a definition names: what a view's query reads, what foreign keys refer to.
fn referred(relation: &Relation) -> Vec<RelationId> {
    let constraints = relation.as_table().map(|table| table.constraints.as_slice()).unwrap_or_default();
    let keys = constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(*references),
        _ => None,
    });
    let reads = relation.reads().iter().filter_map(|read| {
        read.relation.checked_sub(Oid::FIRST_NORMAL).map(|number| RelationId::new(i64::from(number)))
    });
    keys.chain(reads).collect()
}

/// Whether the relations that a definition newly names are still what they were when it was made. Those of the same
/// transaction are not in its base.
fn refers_to_the_same(
    base: &Snapshot,
    current: &Snapshot,
    before: &[RelationId],
    relation: &Relation,
) -> Result<(), LakeError> {
    for named in referred(relation).into_iter().filter(|id| !before.contains(id)) {
        if let Some(named) = base.relation(named) {
            same_definition(base, current, named)?;
        }
    }
    Ok(())
}

fn same_definition(base: &Snapshot, current: &Snapshot, relation: &Relation) -> Result<(), LakeError> {
    let same = match (base.relation(relation.id()), current.relation(relation.id())) {
        (Some(Relation::Table(before)), Some(Relation::Table(now))) => {
            Arc::ptr_eq(before, now) || before.same_definition(now)
        }
        (Some(before), Some(now)) => before == now,
        _ => false,
    };
    if same { Ok(()) } else { Err(conflict(format!("relation {}", relation.name()))) }
}

fn conflict(object: String) -> LakeError {
    LakeError::Conflict { object }
}

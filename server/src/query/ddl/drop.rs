//! DROP, and what depends on what: an object that others need goes only with them.

use std::sync::Arc;

use lis_lake::{
    ids::{ColumnId, Oid, RelationId, SchemaId},
    names::Identifier,
    table::{Column, Constraint, ConstraintKind, Relation, Schema, Table},
};
use lis_security::privileges;
use lis_sql::statement::{ObjectName, RelationKind};

use super::{Ddl, SYSTEM_COLUMNS, find_relation, kind_of, no_column, shown_name};
use crate::error::{Condition, Result, ServerError};

impl Ddl<'_> {
    pub(super) async fn drop_relations(
        &mut self,
        kind: RelationKind,
        names: &[ObjectName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let mut dropping = Vec::new();
        for name in names {
            let Some(relation) = find_relation(&self.request, name)? else {
                if if_exists {
                    let message =
                        format!("{} \"{}\" does not exist, skipping", kind.name(), name.name.as_str());
                    self.notice(message)?;
                    continue;
                }
                return Err(ServerError::new(
                    Condition::UndefinedTable,
                    format!("{} \"{}\" does not exist", kind.name(), name.name.as_str()),
                ));
            };
            let found = kind_of(relation);
            if found != kind {
                return Err(ServerError::new(
                    Condition::WrongObjectType,
                    format!("\"{}\" is not a {}", name.name.as_str(), kind.name()),
                )
                .with_hint(format!(
                    "Use DROP {} to remove a {}.",
                    found.name().to_uppercase(),
                    found.name()
                )));
            }
            let id = relation.id();
            self.request
                .judge(&self.server, |context| privileges::require_relation_owner(context, id.oid(), true))?;
            if !dropping.contains(&id) {
                dropping.push(id);
            }
        }
        self.drop_with_schemas(&[], &dropping, cascade).await
    }

    /// Drops schemas and relations with what depends on them, or says what does.
    pub(super) async fn drop_with_schemas(
        &mut self,
        schemas: &[Arc<Schema>],
        relations: &[RelationId],
        cascade: bool,
    ) -> Result<()> {
        let roots: Vec<Object> = if schemas.is_empty() {
            relations.iter().map(|id| Object::Relation(*id)).collect()
        } else {
            schemas.iter().map(|schema| Object::Schema(schema.id)).collect()
        };
        let dependents = self.dependents(&roots);
        self.decide(&roots, &dependents, cascade)?;
        let staged = self.staged().await?;
        for object in roots.iter().chain(dependents.iter().map(|(object, _)| object)) {
            match object {
                Object::Relation(id) => staged.drop_relation(*id)?,
                Object::Constraint(table, constraint) => {
                    // Its table may have gone before it.
                    if staged.snapshot().relation(*table).is_some() {
                        staged.drop_constraint(*table, *constraint)?;
                    }
                }
                Object::Schema(_) | Object::Column(..) => {}
            }
        }
        self.see_staged().await
    }

    /// Refuses a change of the column that a table's retention rule goes by.
    pub(super) async fn refuse_if_ruled(&self, table: &Table, column: ColumnId, what: &str) -> Result<()> {
        let rules = self.server.lake.retention_rules().await?;
        if !rules.iter().any(|rule| rule.table == table.id && rule.column == column) {
            return Ok(());
        }
        Err(ServerError::new(
            Condition::DependentObjectsStillExist,
            format!("cannot {what} because the table's retention rule depends on it"),
        )
        .with_hint("Drop the rule first, with CALL lis.drop_retention."))
    }

    /// DROP COLUMN.
    pub(super) async fn drop_column(
        &mut self,
        table: &Arc<Table>,
        name: &Identifier,
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let Some(column) = table.column_named(name) else {
            if SYSTEM_COLUMNS.contains(&name.as_str()) {
                let message = format!("cannot drop system column \"{}\"", name.as_str());
                return Err(ServerError::not_supported(message));
            }
            if if_exists {
                return self.notice(format!(
                    "column \"{}\" of relation \"{}\" does not exist, skipping",
                    name.as_str(),
                    table.name.as_str()
                ));
            }
            return Err(no_column(name, &table.name));
        };
        let root = Object::Column(table.id, column.id);
        if let Some(policy) = self.request.rights.policies_naming(table.id.oid(), name).first() {
            return Err(ServerError::new(
                Condition::DependentObjectsStillExist,
                format!("cannot drop {} because other objects depend on it", self.described(root)),
            )
            .with_detail(format!(
                "policy {} on table {} depends on {}",
                policy.as_str(),
                shown_name(&self.request, &Relation::Table(Arc::clone(table))),
                self.described(root)
            ))
            .with_hint("Drop the policy first."));
        }
        self.refuse_if_ruled(table, column.id, &format!("drop {}", self.described(root))).await?;
        let dependents = self.dependents(&[root]);
        self.decide(&[root], &dependents, cascade)?;
        let (id, column) = (table.id, column.id);
        let staged = self.staged().await?;
        for (object, _) in &dependents {
            match object {
                Object::Relation(id) => staged.drop_relation(*id)?,
                Object::Constraint(table, constraint) => {
                    if staged.snapshot().relation(*table).is_some() {
                        staged.drop_constraint(*table, *constraint)?;
                    }
                }
                Object::Schema(_) | Object::Column(..) => {}
            }
        }
        staged.drop_column(id, column)?;
        Ok(())
    }

    /// Before a key is dropped: the foreign keys that refer to it.
    pub(super) async fn drop_references_to(
        &mut self,
        table: &Arc<Table>,
        constraint: &Constraint,
        cascade: bool,
    ) -> Result<()> {
        if !matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique) {
            return Ok(());
        }
        let root = Object::Constraint(table.id, constraint.oid);
        let dependents = self.dependents(&[root]);
        self.decide(&[root], &dependents, cascade)?;
        let staged = self.staged().await?;
        for (object, _) in dependents {
            if let Object::Constraint(table, constraint) = object {
                staged.drop_constraint(table, constraint)?;
            }
        }
        Ok(())
    }

    /// ALTER TYPE is refused for a column that others were made by.
    pub(super) fn refuse_if_typed_elsewhere(&self, table: &Table, column: &Column) -> Result<()> {
        for (object, _) in self.dependents(&[Object::Column(table.id, column.id)]) {
            if let Object::Relation(id) = object
                && let Some(view) = self.request.snapshot.relation(id)
            {
                return Err(ServerError::not_supported(
                    "cannot alter type of a column used by a view or rule",
                )
                .with_detail(format!(
                    "rule _RETURN on {} {} depends on column \"{}\"",
                    kind_of(view).name(),
                    shown_name(&self.request, view),
                    column.name.as_str()
                )));
            }
        }
        if let Some(policy) = self.request.rights.policies_naming(table.id.oid(), &column.name).first() {
            return Err(ServerError::not_supported(
                "cannot alter type of a column used in a policy definition",
            )
            .with_detail(format!(
                "policy {} on table {} depends on column \"{}\"",
                policy.as_str(),
                table.name.as_str(),
                column.name.as_str()
            )));
        }
        Ok(())
    }

    /// What depends on objects, each with one that it depends on, followed by what depends on it. A key goes with its
    /// table and is not told of beside it. As PostgreSQL does, the newest are looked at first and told of last.
    fn dependents(&self, roots: &[Object]) -> Vec<(Object, Object)> {
        let (mut found, mut seen) = (Vec::new(), roots.to_vec());
        for root in roots.iter().rev() {
            self.add_dependents(*root, &mut seen, &mut found);
        }
        found.reverse();
        let goes = |relation: RelationId| {
            let object = Object::Relation(relation);
            roots.contains(&object) || found.iter().any(|(other, _)| *other == object)
        };
        let told = |(object, _): &(Object, Object)| match object {
            Object::Constraint(table, _) => !goes(*table),
            Object::Schema(_) | Object::Relation(_) | Object::Column(..) => true,
        };
        found.iter().copied().filter(told).collect()
    }

    /// Adds what depends on an object, each behind its own dependents.
    fn add_dependents(&self, on: Object, seen: &mut Vec<Object>, found: &mut Vec<(Object, Object)>) {
        let mut add = |object: Object| {
            if !seen.contains(&object) {
                seen.push(object);
                self.add_dependents(object, seen, found);
                found.push((object, on));
            }
        };
        let relations: Vec<&Relation> = self.request.snapshot.relations().collect();
        for relation in relations.into_iter().rev() {
            if let Relation::Table(table) = relation {
                for constraint in table.constraints.iter().rev() {
                    if self.needs(table, constraint, on) {
                        add(Object::Constraint(table.id, constraint.oid));
                    }
                }
            }
            let depends = match on {
                Object::Schema(schema) => relation.schema_id() == schema,
                Object::Relation(id) => relation.reads().iter().any(|read| read.relation == id.oid().get()),
                Object::Column(id, column) => relation.reads().iter().any(|read| {
                    let mut columns = read.columns.iter();
                    read.relation == id.oid().get()
                        && columns.any(|(number, _, used)| *number == column.get() && *used)
                }),
                Object::Constraint(..) => false,
            };
            if depends {
                add(Object::Relation(relation.id()));
            }
        }
    }

    /// Whether a foreign key of another table needs an object.
    fn needs(&self, table: &Table, constraint: &Constraint, on: Object) -> bool {
        let ConstraintKind::ForeignKey { references, referenced_columns } = &constraint.kind else {
            return false;
        };
        match on {
            Object::Schema(_) => false,
            Object::Relation(id) => *references == id && table.id != id,
            Object::Column(id, column) => {
                // One whose own column goes goes with it.
                let own = table.id == id && constraint.columns.contains(&column);
                *references == id && !own && referenced_columns.contains(&column)
            }
            Object::Constraint(id, key) => {
                let Some(Relation::Table(other)) = self.request.snapshot.relation(id) else { return false };
                // The reference is to the primary key, or else to the first unique key over the columns.
                let fits = |other: &&Constraint| {
                    other.columns.len() == referenced_columns.len()
                        && other.columns.iter().all(|column| referenced_columns.contains(column))
                };
                let keys = other.constraints.iter().filter(fits);
                let unique = keys.clone().find(|other| other.kind == ConstraintKind::Unique);
                let meant =
                    keys.into_iter().find(|other| other.kind == ConstraintKind::PrimaryKey).or(unique);
                *references == id && meant.is_some_and(|meant| meant.oid == key)
            }
        }
    }

    /// Refuses to drop what others depend on, or says what goes with it. Of what the user may not know of only the number
    /// is told.
    fn decide(&mut self, roots: &[Object], dependents: &[(Object, Object)], cascade: bool) -> Result<()> {
        if dependents.is_empty() {
            return Ok(());
        }
        let viewer = self.request.rights.viewer(&self.request.principal, Arc::clone(&self.request.snapshot));
        let known = |object: &Object| match object {
            Object::Schema(_) => true,
            Object::Relation(id) | Object::Column(id, _) | Object::Constraint(id, _) => {
                viewer.may_see_relation(id.oid())
            }
        };
        let (shown, hidden): (Vec<_>, Vec<_>) = dependents.iter().partition(|(object, _)| known(object));
        let others = match hidden.len() {
            0 => None,
            count => Some(count),
        };
        if cascade {
            let lines: Vec<String> = shown
                .iter()
                .map(|(object, _)| format!("drop cascades to {}", self.described(*object)))
                .collect();
            return match (lines.as_slice(), others) {
                ([only], None) => self.notice(only.clone()),
                _ => {
                    let message = format!("drop cascades to {} other objects", dependents.len());
                    let mut report = crate::wire::error::Report::notice(message);
                    report.detail = (!lines.is_empty()).then(|| lines.join("\n"));
                    self.session.notice(&report)
                }
            };
        }
        let message = match roots {
            [only] => {
                format!("cannot drop {} because other objects depend on it", self.described(*only))
            }
            _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
        };
        let mut lines: Vec<String> = shown
            .iter()
            .map(|(object, on)| format!("{} depends on {}", self.described(*object), self.needed(*on)))
            .collect();
        lines.extend(others.map(|count| format!("{count} objects that you may not see depend on it")));
        Err(ServerError::new(Condition::DependentObjectsStillExist, message)
            .with_detail(lines.join("\n"))
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too."))
    }

    /// The same as something that is needed: of a key its index, which is called as the key is.
    fn needed(&self, object: Object) -> String {
        let Object::Constraint(id, oid) = object else { return self.described(object) };
        let Some(relation) = self.request.snapshot.relation(id) else { return self.described(object) };
        let key = relation.as_table().and_then(|table| table.constraints.iter().find(|key| key.oid == oid));
        let key = key.map_or("", |key| key.name.as_str());
        let table = shown_name(&self.request, relation);
        match table.rsplit_once('.') {
            Some((schema, _)) => format!("index {schema}.{key}"),
            None => format!("index {key}"),
        }
    }

    fn described(&self, object: Object) -> String {
        let snapshot = &self.request.snapshot;
        let relation = |id: RelationId| match snapshot.relation(id) {
            Some(relation) => (kind_of(relation).name(), shown_name(&self.request, relation)),
            None => ("relation", id.to_string()),
        };
        match object {
            Object::Schema(id) => {
                format!("schema {}", snapshot.schema(id).map_or("", |schema| schema.name.as_str()))
            }
            Object::Relation(id) => {
                let (kind, name) = relation(id);
                format!("{kind} {name}")
            }
            Object::Column(id, column) => {
                let (kind, name) = relation(id);
                let column = snapshot
                    .relation(id)
                    .and_then(|relation| relation.columns().iter().find(|other| other.id == column));
                format!("column {} of {kind} {name}", column.map_or("", |column| column.name.as_str()))
            }
            Object::Constraint(id, oid) => {
                let (kind, name) = relation(id);
                let constraint = snapshot
                    .relation(id)
                    .and_then(Relation::as_table)
                    .and_then(|table| table.constraints.iter().find(|constraint| constraint.oid == oid));
                let constraint_name = constraint.map_or("", |constraint| constraint.name.as_str());
                format!("constraint {constraint_name} on {kind} {name}")
            }
        }
    }
}

/// Something that others can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Schema(SchemaId),
    Relation(RelationId),
    Column(RelationId, ColumnId),
    Constraint(RelationId, Oid),
}

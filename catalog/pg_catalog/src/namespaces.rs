//! Schemas and their numbers, and what a viewer may know of. Every relation here that lists things lists them through
//! these functions, so that what is hidden is hidden everywhere.

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    table::{Constraint, ConstraintKind, Relation, Schema, Table},
};

use crate::{registry::ViewContext, shapes::Shape};

/// `pg_catalog`
pub(crate) const PG_CATALOG: &str = "pg_catalog";
/// `information_schema`
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";

/// Schemas that every PostgreSQL has, with their numbers, and `lis`, should the lake not hold it.
const SYSTEM_NAMESPACES: &[(&str, u32)] = &[(PG_CATALOG, 11), (INFORMATION_SCHEMA, 13207), ("lis", 13208)];

/// A schema as `pg_namespace` has it.
pub(crate) struct Namespace {
    pub(crate) oid: Oid,
    pub(crate) name: Identifier,
    pub(crate) owner: Oid,
    pub(crate) comment: Option<String>,
    /// Whether it is one of the lake's.
    pub(crate) stored: bool,
}

/// Every schema that the viewer may know of.
pub(crate) fn visible_namespaces(context: &ViewContext) -> Vec<Namespace> {
    let mut namespaces: Vec<Namespace> = SYSTEM_NAMESPACES
        .iter()
        .map(|(name, oid)| Namespace {
            oid: Oid::new(*oid),
            name: Identifier::exact(name),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            stored: false,
        })
        .filter(|namespace| context.snapshot.schema_named(&namespace.name).is_none())
        .collect();
    namespaces.extend(context.snapshot.schemas().filter(|schema| context.viewer.sees_schema(schema)).map(
        |schema| Namespace {
            oid: schema.id.oid(),
            name: schema.name.clone(),
            owner: schema.owner,
            comment: schema.comment.clone(),
            stored: true,
        },
    ));
    namespaces
}

/// Whether a schema is everybody's to know: it has system relations.
pub(crate) fn is_system_schema(schema: &Schema) -> bool {
    SYSTEM_NAMESPACES.iter().any(|(name, _)| schema.name.as_str() == *name)
}

/// The number of a schema, whether or not the viewer may know of it: for names that a statement wrote out.
pub(crate) fn namespace_oid(context: &ViewContext, name: &Identifier) -> Option<Oid> {
    if let Some(schema) = context.snapshot.schema_named(name) {
        return Some(schema.id.oid());
    }
    let (_, oid) = SYSTEM_NAMESPACES.iter().find(|(system, _)| name.as_str() == *system)?;
    Some(Oid::new(*oid))
}

/// The name of a schema that the viewer may know of.
pub(crate) fn namespace_name(context: &ViewContext, oid: Oid) -> Option<Identifier> {
    visible_namespaces(context)
        .into_iter()
        .find(|namespace| namespace.oid == oid)
        .map(|namespace| namespace.name)
}

/// Every table and view of the lake that the viewer may know of.
pub(crate) fn visible_relations(context: &ViewContext) -> impl Iterator<Item = (&Arc<Schema>, &Relation)> {
    context.snapshot.relations().filter_map(|relation| {
        let schema = context.snapshot.schema(relation.schema_id())?;
        may_see(context, schema, relation).then_some((schema, relation))
    })
}

fn may_see(context: &ViewContext, schema: &Schema, relation: &Relation) -> bool {
    context.viewer.is_superuser()
        || (context.viewer.sees_schema(schema) && context.viewer.may_see_relation(relation.id().oid()))
}

/// Every table of the lake that the viewer may know of.
pub(crate) fn visible_tables(context: &ViewContext) -> impl Iterator<Item = (&Arc<Schema>, &Arc<Table>)> {
    visible_relations(context).filter_map(|(schema, relation)| match relation {
        Relation::Table(table) => Some((schema, table)),
        Relation::View(_) => None,
    })
}

/// A table or view of the lake by number, if the viewer may know of it.
pub(crate) fn visible_relation(context: &ViewContext, oid: Oid) -> Option<(&Arc<Schema>, &Relation)> {
    let relation = context.snapshot.relation_by_oid(oid)?;
    let schema = context.snapshot.schema(relation.schema_id())?;
    may_see(context, schema, relation).then_some((schema, relation))
}

/// A system relation by number.
pub(crate) fn system_relation(context: &ViewContext, oid: Oid) -> Option<&'static Shape> {
    context.registry.shapes().find(|shape| shape.oid == oid)
}

/// A constraint of a table that the viewer may know of. A foreign key to what the viewer may not know of is left out.
pub(crate) fn visible_constraints(
    context: &ViewContext,
) -> impl Iterator<Item = (&Arc<Schema>, &Arc<Table>, &Constraint)> {
    visible_tables(context).flat_map(move |(schema, table)| {
        table
            .constraints
            .iter()
            .filter(move |constraint| match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => {
                    visible_relation(context, references.oid()).is_some()
                }
                ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Check { .. } => true,
            })
            .map(move |constraint| (schema, table, constraint))
    })
}

/// The number of the index that stands for a key: the constraint's own with one bit set, so that it is as stable.
pub(crate) fn index_oid(constraint: &Constraint) -> Oid {
    Oid::new(constraint.oid.get() | 0x4000_0000)
}

/// The number of a column's default: the table's and the column's in one.
pub(crate) fn default_oid(relation: Oid, column: i16) -> Oid {
    let column = u32::from(column.unsigned_abs()) & 0x7ff;
    Oid::new(0x2000_0000 | ((relation.get() << 11) & 0x1fff_f800) | column)
}

/// The number of a view's rule: the view's own with one bit set.
pub(crate) fn rule_oid(view: Oid) -> Oid {
    Oid::new(view.get() | 0x8000_0000)
}

/// Whether a key has an index.
pub(crate) fn has_index(constraint: &Constraint) -> bool {
    match constraint.kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique => true,
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => false,
    }
}

/// Whether a name without schema finds this relation, and not one of the same name earlier in the search path.
pub(crate) fn is_found_without_schema(context: &ViewContext, name: &QualifiedName) -> bool {
    let exists = |schema: &Identifier| {
        let candidate = QualifiedName { schema: schema.clone(), name: name.name.clone() };
        context.registry.relation(&candidate).is_some()
            || context.snapshot.relation_named(&candidate).is_some()
    };
    let pg_catalog = Identifier::exact(PG_CATALOG);
    let found =
        std::iter::once(&pg_catalog).chain(&context.bind.search_path).find(|schema| exists(schema)).cloned();
    found.is_some_and(|schema| schema == name.schema)
}

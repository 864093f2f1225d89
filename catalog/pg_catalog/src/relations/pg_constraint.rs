//! `pg_constraint`: primary keys, unique and foreign keys of tables, which are shown and not enforced on ad hoc changes,
//! and checks, which are.

use lis_lake::{
    ids::{ColumnId, Oid, RelationId},
    table::{Constraint, ConstraintKind, Relation},
};

use crate::{
    namespaces::{has_index, index_oid, visible_constraints},
    registry::ViewContext,
    rows::{Cell, Rows},
};

/// `pg_catalog.=` over the key's columns: PostgreSQL names an operator for each; `=` of integers stands for all.
const EQUAL: i64 = 96;

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for (schema, table, constraint) in visible_constraints(context) {
        let numbers = |columns: &[ColumnId]| columns.iter().map(|column| column.get()).collect::<Vec<i64>>();
        let (index, referenced, referenced_columns) = match &constraint.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique => {
                (index_oid(constraint), Oid::INVALID, None)
            }
            ConstraintKind::ForeignKey { references, referenced_columns } => (
                referenced_key(context, *references, referenced_columns).map_or(Oid::INVALID, index_oid),
                references.oid(),
                Some(numbers(referenced_columns)),
            ),
            ConstraintKind::Check { .. } => (Oid::INVALID, Oid::INVALID, None),
        };
        let expression = match &constraint.kind {
            ConstraintKind::Check { expression } => Some(expression.as_str()),
            _ => None,
        };
        let equal = referenced_columns.as_ref().map(|columns| vec![EQUAL; columns.len()]);
        let action = if referenced_columns.is_some() { "a" } else { " " };
        rows.add([
            ("oid", constraint.oid.into()),
            ("conname", (&constraint.name).into()),
            ("connamespace", schema.id.oid().into()),
            ("contype", kind_letter(&constraint.kind).into()),
            ("convalidated", true.into()),
            ("conrelid", table.id.oid().into()),
            ("conindid", index.into()),
            ("confrelid", referenced.into()),
            ("confupdtype", action.into()),
            ("confdeltype", action.into()),
            ("confmatchtype", if referenced_columns.is_some() { "s" } else { " " }.into()),
            ("conislocal", true.into()),
            ("connoinherit", expression.is_none().into()),
            ("conbin", expression.into()),
            ("conkey", numbers(&constraint.columns).into()),
            ("confkey", Cell::from(referenced_columns)),
            ("conpfeqop", Cell::from(equal.clone())),
            ("conppeqop", Cell::from(equal.clone())),
            ("conffeqop", Cell::from(equal)),
        ]);
    }
}

/// `contype`
pub(crate) fn kind_letter(kind: &ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey => "p",
        ConstraintKind::Unique => "u",
        ConstraintKind::ForeignKey { .. } => "f",
        ConstraintKind::Check { .. } => "c",
    }
}

/// The key of the other table that a foreign key refers to.
pub(crate) fn referenced_key<'c>(
    context: &'c ViewContext,
    references: RelationId,
    columns: &[ColumnId],
) -> Option<&'c Constraint> {
    let Some(Relation::Table(table)) = context.snapshot.relation(references) else { return None };
    table.constraints.iter().filter(|constraint| has_index(constraint)).find(|constraint| {
        constraint.columns.len() == columns.len()
            && columns.iter().all(|column| constraint.columns.contains(column))
    })
}

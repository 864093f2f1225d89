//! What constraints, views and arrays are made of: `check_constraints`, `constraint_table_usage`, `view_table_usage`,
//! `view_column_usage`, `element_types`. As in PostgreSQL the first four show the objects of roles that the viewer has.

use lis_lake::{
    ids::Oid,
    table::{ConstraintKind, Relation, Schema, View, ViewRead},
    types::PgType,
};

use super::{database, is_owner};
use crate::{
    format_type::format_type,
    functions::definitions,
    namespaces::{visible_constraints, visible_relation, visible_relations, visible_tables},
    registry::ViewContext,
    rows::{Cell, Rows},
    session_catalog::attribute_number,
};

pub(in crate::relations) fn check_constraints(context: &ViewContext, rows: &mut Rows) {
    let mut add = |schema: &Schema, name: Cell, clause: String| {
        rows.add([
            ("constraint_catalog", database(context)),
            ("constraint_schema", (&schema.name).into()),
            ("constraint_name", name),
            ("check_clause", clause.into()),
        ]);
    };
    for (schema, table, constraint) in visible_constraints(context) {
        if let ConstraintKind::Check { expression } = &constraint.kind
            && is_owner(context, table.owner)
        {
            add(schema, (&constraint.name).into(), definitions::check_clause(table, expression));
        }
    }
    for (schema, table) in visible_tables(context).filter(|(_, table)| is_owner(context, table.owner)) {
        for column in table.columns.iter().filter(|column| column.not_null) {
            let name =
                format!("{}_{}_{}_not_null", schema.id.oid(), table.id.oid(), attribute_number(column));
            add(schema, name.into(), format!("{} IS NOT NULL", column.name.as_str()));
        }
    }
}

/// The table that a key is of; of a foreign key, the other.
pub(in crate::relations) fn constraint_table_usage(context: &ViewContext, rows: &mut Rows) {
    for (schema, table, constraint) in visible_constraints(context) {
        let (of_schema, of_table) = match &constraint.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique => (schema, table),
            ConstraintKind::ForeignKey { references, .. } => {
                match visible_relation(context, references.oid()) {
                    Some((other_schema, Relation::Table(other))) => (other_schema, other),
                    _ => continue,
                }
            }
            ConstraintKind::Check { .. } => continue,
        };
        if is_owner(context, of_table.owner) {
            rows.add([
                ("table_catalog", database(context)),
                ("table_schema", (&of_schema.name).into()),
                ("table_name", (&of_table.name).into()),
                ("constraint_catalog", database(context)),
                ("constraint_schema", (&schema.name).into()),
                ("constraint_name", (&constraint.name).into()),
            ]);
        }
    }
}

/// What each view reads of relations that the viewer owns, each relation once.
fn reads(context: &ViewContext, mut add: impl FnMut(&Schema, &View, &Schema, &Relation, &[&ViewRead])) {
    for (schema, relation) in visible_relations(context) {
        let Relation::View(view) = relation else { continue };
        let reads = view.reads.as_deref().unwrap_or_default();
        let mut known: Vec<u32> = Vec::new();
        for read in reads {
            if known.contains(&read.relation) {
                continue;
            }
            known.push(read.relation);
            let Some((of_schema, of)) = visible_relation(context, Oid::new(read.relation)) else { continue };
            let owner = match of {
                Relation::Table(table) => table.owner,
                Relation::View(view) => view.owner,
            };
            if is_owner(context, owner) {
                let all: Vec<&ViewRead> =
                    reads.iter().filter(|other| other.relation == read.relation).collect();
                add(schema, view, of_schema, of, &all);
            }
        }
    }
}

pub(in crate::relations) fn view_table_usage(context: &ViewContext, rows: &mut Rows) {
    reads(context, |schema, view, of_schema, of, _| {
        rows.add([
            ("view_catalog", database(context)),
            ("view_schema", (&schema.name).into()),
            ("view_name", (&view.name).into()),
            ("table_catalog", database(context)),
            ("table_schema", (&of_schema.name).into()),
            ("table_name", of.name().into()),
        ]);
    });
}

pub(in crate::relations) fn view_column_usage(context: &ViewContext, rows: &mut Rows) {
    reads(context, |schema, view, of_schema, of, reads| {
        let used = |number: i64| {
            reads.iter().any(|read| read.columns.iter().any(|(of, _, used)| *of == number && *used))
        };
        for column in of.columns().iter().filter(|column| used(column.id.get())) {
            rows.add([
                ("view_catalog", database(context)),
                ("view_schema", (&schema.name).into()),
                ("view_name", (&view.name).into()),
                ("table_catalog", database(context)),
                ("table_schema", (&of_schema.name).into()),
                ("table_name", of.name().into()),
                ("column_name", (&column.name).into()),
            ]);
        }
    });
}

/// The elements of columns that are arrays.
pub(in crate::relations) fn element_types(context: &ViewContext, rows: &mut Rows) {
    let mut add = |schema: Cell, relation: Cell, number: i16, pg_type: PgType| {
        let Some(element) = pg_type.element() else { return };
        rows.add([
            ("object_catalog", database(context)),
            ("object_schema", schema),
            ("object_name", relation),
            ("object_type", "TABLE".into()),
            ("collection_type_identifier", number.to_string().into()),
            ("data_type", format_type(element.oid(), None).into()),
            ("udt_catalog", database(context)),
            ("udt_schema", "pg_catalog".into()),
            ("udt_name", element.name().into()),
            ("dtd_identifier", format!("a{number}").into()),
        ]);
    };
    for relation in context.registry.shapes() {
        for (column, number) in relation.columns.iter().zip(1..) {
            add(relation.schema.into(), relation.name.into(), number, column.column_type.pg_type);
        }
    }
    for (schema, relation) in visible_relations(context) {
        for column in relation.columns() {
            let number = attribute_number(column);
            add((&schema.name).into(), relation.name().into(), number, column.column_type.pg_type);
        }
    }
}

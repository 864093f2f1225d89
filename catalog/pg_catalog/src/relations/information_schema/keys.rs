//! Keys: `table_constraints`, `key_column_usage`, `referential_constraints`, `constraint_column_usage`.

use std::sync::Arc;

use lis_lake::{
    ids::ColumnId,
    table::{ConstraintKind, Relation, Schema, Table},
};

use super::{database, yes_or_no};
use crate::{
    namespaces::{visible_constraints, visible_relation, visible_tables},
    registry::ViewContext,
    relations::pg_constraint::referenced_key,
    rows::{Cell, Rows},
    session_catalog::attribute_number,
};

pub(in crate::relations) fn table_constraints(context: &ViewContext, rows: &mut Rows) {
    let mut add = |schema: &Schema, table: &Table, name: Cell, kind: &str| {
        rows.add([
            ("constraint_catalog", database(context)),
            ("constraint_schema", (&schema.name).into()),
            ("constraint_name", name),
            ("table_catalog", database(context)),
            ("table_schema", (&schema.name).into()),
            ("table_name", (&table.name).into()),
            ("constraint_type", kind.into()),
            ("is_deferrable", yes_or_no(false)),
            ("initially_deferred", yes_or_no(false)),
            ("enforced", yes_or_no(true)),
            ("nulls_distinct", if kind == "UNIQUE" { yes_or_no(true) } else { Cell::Null }),
        ]);
    };
    for (schema, table, constraint) in visible_constraints(context) {
        let kind = match constraint.kind {
            ConstraintKind::PrimaryKey => "PRIMARY KEY",
            ConstraintKind::Unique => "UNIQUE",
            ConstraintKind::ForeignKey { .. } => "FOREIGN KEY",
            ConstraintKind::Check { .. } => "CHECK",
        };
        add(schema, table, (&constraint.name).into(), kind);
    }
    // The standard has NOT NULL as a check; PostgreSQL makes up these names for it.
    for (schema, table) in visible_tables(context) {
        for column in table.columns.iter().filter(|column| column.not_null) {
            let name =
                format!("{}_{}_{}_not_null", schema.id.oid(), table.id.oid(), attribute_number(column));
            add(schema, table, name.into(), "CHECK");
        }
    }
}

fn column_name(table: &Table, id: ColumnId) -> Cell {
    table.columns.iter().find(|column| column.id == id).map(|column| column.name.as_str()).into()
}

pub(in crate::relations) fn key_column_usage(context: &ViewContext, rows: &mut Rows) {
    let keys = visible_constraints(context)
        .filter(|(.., constraint)| !matches!(constraint.kind, ConstraintKind::Check { .. }));
    for (schema, table, constraint) in keys {
        for (position, id) in (0..).zip(&constraint.columns) {
            let in_unique = match &constraint.kind {
                ConstraintKind::ForeignKey { references, referenced_columns } => {
                    position_in_key(context, *references, referenced_columns, position)
                }
                ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Check { .. } => None,
            };
            rows.add([
                ("constraint_catalog", database(context)),
                ("constraint_schema", (&schema.name).into()),
                ("constraint_name", (&constraint.name).into()),
                ("table_catalog", database(context)),
                ("table_schema", (&schema.name).into()),
                ("table_name", (&table.name).into()),
                ("column_name", column_name(table, *id)),
                ("ordinal_position", (i64::try_from(position).unwrap_or_default() + 1).into()),
                ("position_in_unique_constraint", in_unique.into()),
            ]);
        }
    }
}

/// Which column of the other table's key a foreign key's column refers to, counted from 1.
fn position_in_key(
    context: &ViewContext,
    references: lis_lake::ids::RelationId,
    columns: &[ColumnId],
    position: usize,
) -> Option<i64> {
    let referenced = columns.get(position)?;
    let key = referenced_key(context, references, columns)?;
    let index = key.columns.iter().position(|column| column == referenced)?;
    i64::try_from(index + 1).ok()
}

pub(in crate::relations) fn referential_constraints(context: &ViewContext, rows: &mut Rows) {
    for (schema, _, constraint) in visible_constraints(context) {
        if let ConstraintKind::ForeignKey { references, referenced_columns } = &constraint.kind {
            let key = referenced_key(context, *references, referenced_columns);
            let other =
                visible_relation(context, references.oid()).map(|(schema, _): (&Arc<Schema>, _)| schema);
            rows.add([
                ("constraint_catalog", database(context)),
                ("constraint_schema", (&schema.name).into()),
                ("constraint_name", (&constraint.name).into()),
                ("unique_constraint_catalog", if key.is_some() { database(context) } else { Cell::Null }),
                ("unique_constraint_schema", key.and(other).map(|schema| schema.name.as_str()).into()),
                ("unique_constraint_name", key.map(|key| key.name.as_str()).into()),
                ("match_option", "NONE".into()),
                ("update_rule", "NO ACTION".into()),
                ("delete_rule", "NO ACTION".into()),
            ]);
        }
    }
}

/// The columns that a constraint is about: of a foreign key, the other table's.
pub(in crate::relations) fn constraint_column_usage(context: &ViewContext, rows: &mut Rows) {
    for (schema, table, constraint) in visible_constraints(context) {
        let (table_schema, of_table, columns) = match &constraint.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Check { .. } => {
                (schema, table, &constraint.columns)
            }
            ConstraintKind::ForeignKey { references, referenced_columns } => {
                match visible_relation(context, references.oid()) {
                    Some((other_schema, Relation::Table(other))) => (other_schema, other, referenced_columns),
                    _ => continue,
                }
            }
        };
        for id in columns {
            rows.add([
                ("table_catalog", database(context)),
                ("table_schema", (&table_schema.name).into()),
                ("table_name", (&of_table.name).into()),
                ("column_name", column_name(of_table, *id)),
                ("constraint_catalog", database(context)),
                ("constraint_schema", (&schema.name).into()),
                ("constraint_name", (&constraint.name).into()),
            ]);
        }
    }
}

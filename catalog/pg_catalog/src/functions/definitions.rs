//! Definitions as SQL text: indexes, constraints, views, defaults.

use lis_lake::{
    ids::{ColumnId, Oid},
    names::{Identifier, QualifiedName},
    table::{Column, Constraint, ConstraintKind, Relation, Schema, Table, View, ViewRead},
};
use lis_sql::{deparse, error::SqlError, keywords::quote_identifier, stored_text};

use super::{integer, names, oid, text};
use crate::{
    format_type::format_type,
    namespaces::{has_index, index_oid, is_found_without_schema, visible_constraints, visible_relation},
    registry::ViewContext,
    relations::pg_proc,
    rows::Cell,
};

type Answer = Result<Cell, SqlError>;

/// `pg_get_expr(expression, relation [, pretty])`: what is stored is the SQL text itself. It is shown as PostgreSQL shows
/// it if the viewer may know of the relation's columns, and else as it was given.
pub(super) fn expression(context: &ViewContext, cells: &[Cell]) -> Answer {
    let written = text(cells, 0);
    let shown = visible_relation(context, oid(cells, 1))
        .and_then(|(_, relation)| deparse::over_columns(written, relation.columns(), None, pretty(cells, 2)));
    Ok(shown.unwrap_or_else(|| written.to_owned()).into())
}

fn column_names(table: &Table, columns: &[ColumnId]) -> Vec<String> {
    columns
        .iter()
        .filter_map(|id| table.columns.iter().find(|column| column.id == *id))
        .map(|column| quote_identifier(column.name.as_str()))
        .collect()
}

/// `CREATE UNIQUE INDEX …`, as `pg_indexes` shows it.
pub(crate) fn index(schema: &Schema, table: &Table, constraint: &Constraint) -> String {
    let name =
        format!("{}.{}", quote_identifier(schema.name.as_str()), quote_identifier(table.name.as_str()));
    index_on(constraint, table, &name)
}

fn index_on(constraint: &Constraint, table: &Table, name: &str) -> String {
    format!(
        "CREATE UNIQUE INDEX {} ON {name} USING btree ({})",
        quote_identifier(constraint.name.as_str()),
        column_names(table, &constraint.columns).join(", ")
    )
}

/// What information_schema shows of a table's check.
pub(crate) fn check_clause(table: &Table, expression: &str) -> String {
    let shown = deparse::over_columns(expression, &table.columns, None, false);
    format!("({})", shown.unwrap_or_else(|| format!("({expression})")))
}

/// Whether a definition is asked for in the form that people read.
fn pretty(cells: &[Cell], index: usize) -> bool {
    cells.get(index) == Some(&Cell::Bool(true))
}

/// A view's text, as PostgreSQL lays it out: indented by a space and with a semicolon.
pub(crate) fn view(context: &ViewContext, view: &View, pretty: bool) -> String {
    let reads = view.reads.as_deref().unwrap_or_default();
    query(context, &view.definition, reads, &view.columns, pretty)
}

/// A stored query's text in the same form, under the names of now: as PostgreSQL would write it, where the viewer may know
/// of everything that it reads, and else as it was written.
pub(crate) fn query(
    context: &ViewContext,
    definition: &str,
    reads: &[ViewRead],
    columns: &[Column],
    pretty: bool,
) -> String {
    let text = stored_text::as_of_now(definition, reads, |relation| {
        let relation = context.snapshot.relation_by_oid(Oid::new(relation))?;
        let columns = relation.columns().iter().map(|column| (column.id.get(), column.name.clone()));
        Some((context.snapshot.qualified_name(relation)?, columns.collect()))
    });
    let read = |schema: &Identifier, name: &Identifier| {
        let name = QualifiedName { schema: schema.clone(), name: name.clone() };
        let (_, relation) = visible_relation(context, context.snapshot.relation_named(&name)?.id().oid())?;
        let columns = relation.columns().iter().map(|column| (column.name.clone(), column.column_type));
        let shown = if is_found_without_schema(context, &name) {
            quote_identifier(name.name.as_str())
        } else {
            names::qualified(&name)
        };
        Some(deparse::Read { name: shown, columns: columns.collect() })
    };
    let names: Vec<&Identifier> = columns.iter().map(|column| &column.name).collect();
    match deparse::query(&text, &read, &names, pretty) {
        Some(shown) => format!("{shown};"),
        None => format!(" {};", text.trim_end().trim_end_matches(';')),
    }
}

/// `pg_get_indexdef(index [, column, pretty])`: column 0 is the whole.
pub(super) fn index_definition(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    let found = visible_constraints(context)
        .filter(|(.., constraint)| has_index(constraint))
        .find(|(.., constraint)| index_oid(constraint) == number);
    let Some((schema, table, constraint)) = found else { return Ok(Cell::Null) };
    Ok(match usize::try_from(integer(cells, 1)) {
        Ok(0) if pretty(cells, 2) => {
            index_on(constraint, table, &shortest_name(context, schema, table)).into()
        }
        Ok(0) => index(schema, table, constraint).into(),
        Ok(column) => {
            column_names(table, &constraint.columns).into_iter().nth(column - 1).unwrap_or_default().into()
        }
        Err(_) => Cell::Text(String::new()),
    })
}

/// `pg_get_constraintdef(constraint [, pretty])`
pub(super) fn constraint_definition(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    let Some((_, table, constraint)) =
        visible_constraints(context).find(|(.., constraint)| constraint.oid == number)
    else {
        return Ok(Cell::Null);
    };
    let columns = column_names(table, &constraint.columns).join(", ");
    Ok(match &constraint.kind {
        ConstraintKind::PrimaryKey => format!("PRIMARY KEY ({columns})"),
        ConstraintKind::Unique => format!("UNIQUE ({columns})"),
        ConstraintKind::Check { expression } if pretty(cells, 1) => {
            let shown = deparse::over_columns(expression, &table.columns, None, true);
            format!("CHECK ({})", shown.as_deref().unwrap_or(expression))
        }
        ConstraintKind::Check { expression } => format!("CHECK {}", check_clause(table, expression)),
        ConstraintKind::ForeignKey { references, referenced_columns } => {
            match visible_relation(context, references.oid()) {
                Some((schema, Relation::Table(other))) => format!(
                    "FOREIGN KEY ({columns}) REFERENCES {}({})",
                    shortest_name(context, schema, other),
                    column_names(other, referenced_columns).join(", ")
                ),
                _ => return Ok(Cell::Null),
            }
        }
    }
    .into())
}

/// A table's name, with its schema only where it needs it.
fn shortest_name(context: &ViewContext, schema: &Schema, table: &Table) -> String {
    let name = QualifiedName { schema: schema.name.clone(), name: table.name.clone() };
    if is_found_without_schema(context, &name) {
        quote_identifier(table.name.as_str())
    } else {
        names::qualified(&name)
    }
}

/// `pg_get_viewdef(view [, …])`
pub(super) fn view_definition(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = match &cells[0] {
        Cell::Text(_) => names::relation_argument(context, &cells[0])?,
        _ => oid(cells, 0),
    };
    // A number of columns to wrap at asks for the pretty form too.
    let pretty = pretty(cells, 1) || matches!(cells.get(1), Some(Cell::Integer(_)));
    Ok(match visible_relation(context, number) {
        Some((_, Relation::View(found))) => view(context, found, pretty).into(),
        Some((_, Relation::Table(table))) => table
            .materialized
            .as_ref()
            .map(|found| query(context, &found.definition, &found.reads, &table.columns, pretty))
            .into(),
        _ => Cell::Null,
    })
}

/// `pg_get_serial_sequence`: there are no sequences, but the table must exist.
pub(super) fn serial_sequence(context: &ViewContext, cells: &[Cell]) -> Answer {
    names::relation_argument(context, &cells[0])?;
    Ok(Cell::Null)
}

/// `pg_get_function_result`
pub(super) fn function_result(_: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    let found = pg_proc::procedures().iter().find(|procedure| procedure.oid == number);
    Ok(found.map(|procedure| format_type(procedure.result, None)).into())
}

/// `pg_get_function_arguments`
pub(super) fn function_arguments(_: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    let found = pg_proc::procedures().iter().find(|procedure| procedure.oid == number);
    Ok(found
        .map(|procedure| {
            let types = procedure
                .arguments
                .iter()
                .map(|argument| format_type(u32::try_from(*argument).map_or(Oid::INVALID, Oid::new), None));
            types.collect::<Vec<_>>().join(", ")
        })
        .into())
}

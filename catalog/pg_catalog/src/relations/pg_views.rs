//! PostgreSQL's own views over its tables: `pg_tables`, `pg_views`, `pg_indexes`, `pg_stat_user_tables`.

use lis_lake::{ids::Oid, table::Relation};

use super::pg_class;
use crate::{
    functions::definitions,
    namespaces::{has_index, visible_constraints, visible_relations, visible_tables},
    registry::ViewContext,
    rows::{Cell, Rows},
};

pub(super) fn tables(context: &ViewContext, rows: &mut Rows) {
    for relation in context.registry.shapes().filter(|relation| !relation.is_view) {
        rows.add([
            ("schemaname", relation.schema.into()),
            ("tablename", relation.name.into()),
            ("tableowner", role_name(context, Oid::ADMINISTRATOR)),
            ("hasindexes", false.into()),
            ("hasrules", false.into()),
            ("hastriggers", false.into()),
            ("rowsecurity", false.into()),
        ]);
    }
    for (schema, table) in visible_tables(context).filter(|(_, table)| table.materialized.is_none()) {
        rows.add([
            ("schemaname", (&schema.name).into()),
            ("tablename", (&table.name).into()),
            ("tableowner", role_name(context, table.owner)),
            ("hasindexes", table.constraints.iter().any(has_index).into()),
            ("hasrules", false.into()),
            ("hastriggers", pg_class::has_foreign_key(context, table).into()),
            ("rowsecurity", context.viewer.row_security(table.id.oid()).0.into()),
        ]);
    }
}

pub(super) fn views(context: &ViewContext, rows: &mut Rows) {
    for relation in context.registry.shapes().filter(|relation| relation.is_view) {
        rows.add([
            ("schemaname", relation.schema.into()),
            ("viewname", relation.name.into()),
            ("viewowner", role_name(context, Oid::ADMINISTRATOR)),
        ]);
    }
    for (schema, relation) in visible_relations(context) {
        if let Relation::View(view) = relation {
            rows.add([
                ("schemaname", (&schema.name).into()),
                ("viewname", (&view.name).into()),
                ("viewowner", role_name(context, view.owner)),
                ("definition", definitions::view(context, view, false).into()),
            ]);
        }
    }
}

pub(super) fn materialized_views(context: &ViewContext, rows: &mut Rows) {
    for (schema, table) in visible_tables(context) {
        if let Some(view) = &table.materialized {
            rows.add([
                ("schemaname", (&schema.name).into()),
                ("matviewname", (&table.name).into()),
                ("matviewowner", role_name(context, table.owner)),
                ("hasindexes", false.into()),
                ("ispopulated", view.populated.into()),
                (
                    "definition",
                    definitions::query(context, &view.definition, &view.reads, &table.columns, false).into(),
                ),
            ]);
        }
    }
}

pub(super) fn indexes(context: &ViewContext, rows: &mut Rows) {
    for (schema, table, constraint) in
        visible_constraints(context).filter(|(.., constraint)| has_index(constraint))
    {
        rows.add([
            ("schemaname", (&schema.name).into()),
            ("tablename", (&table.name).into()),
            ("indexname", (&constraint.name).into()),
            ("indexdef", definitions::index(schema, table, constraint).into()),
        ]);
    }
}

/// The counters are null, for nothing is counted; the number of live rows only where `pg_class` tells it too.
pub(super) fn stat_user_tables(context: &ViewContext, rows: &mut Rows) {
    for (schema, table) in visible_tables(context) {
        #[expect(clippy::cast_possible_truncation, reason = "a count below 2^32")]
        let live = pg_class::tuples(context, table).map(|tuples| tuples as i64);
        rows.add([
            ("relid", table.id.oid().into()),
            ("schemaname", (&schema.name).into()),
            ("relname", (&table.name).into()),
            ("n_live_tup", live.into()),
        ]);
    }
}

/// The counters are null, for nothing is counted.
pub(super) fn statio_user_tables(context: &ViewContext, rows: &mut Rows) {
    for (schema, table) in visible_tables(context) {
        rows.add([
            ("relid", table.id.oid().into()),
            ("schemaname", (&schema.name).into()),
            ("relname", (&table.name).into()),
        ]);
    }
}

/// `pg_get_userbyid`
pub(crate) fn role_name(context: &ViewContext, role: Oid) -> Cell {
    context.viewer.role_name(role).map_or_else(
        || Cell::Text(format!("unknown (OID={role})")),
        |name| Cell::Text(name.as_str().to_owned()),
    )
}

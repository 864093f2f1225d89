//! The relations that this crate knows: PostgreSQL's shapes, each with the function that fills it, or with none where
//! LIS has no such objects.

pub(crate) mod information_schema;
mod operator_families;
mod pg_aggregate;
mod pg_attrdef;
mod pg_attribute;
mod pg_cast;
mod pg_class;
mod pg_constraint;
pub(crate) mod pg_database;
mod pg_depend;
mod pg_description;
mod pg_index;
mod pg_namespace;
mod pg_operator;
pub(crate) mod pg_proc;
pub(crate) mod pg_type;
mod pg_views;
mod retention;
pub(crate) mod small;
mod snapshots;

use std::sync::Arc;

use lis_lake::lake::Lake;

use crate::{
    functions::CatalogFunctions,
    registry::{Registry, ViewContext},
    rows::Rows,
    shapes::shapes,
};

/// Adds a relation's rows.
type Fill = fn(&ViewContext, &mut Rows);

/// Relations with rows.
const FILLED: &[(&str, Fill)] = &[
    ("pg_class", pg_class::fill),
    ("pg_namespace", pg_namespace::fill),
    ("pg_attribute", pg_attribute::fill),
    ("pg_attrdef", pg_attrdef::fill),
    ("pg_type", pg_type::fill),
    ("pg_proc", pg_proc::fill),
    ("pg_operator", pg_operator::fill),
    ("pg_aggregate", pg_aggregate::fill),
    ("pg_opfamily", operator_families::families),
    ("pg_opclass", operator_families::classes),
    ("pg_amop", operator_families::operators),
    ("pg_depend", pg_depend::depend),
    ("pg_rewrite", pg_depend::rewrite),
    ("pg_matviews", pg_views::materialized_views),
    ("pg_description", pg_description::fill),
    ("pg_index", pg_index::fill),
    ("pg_constraint", pg_constraint::fill),
    ("pg_database", pg_database::fill),
    ("pg_tables", pg_views::tables),
    ("pg_views", pg_views::views),
    ("pg_indexes", pg_views::indexes),
    ("pg_stat_user_tables", pg_views::stat_user_tables),
    ("pg_statio_user_tables", pg_views::statio_user_tables),
    ("pg_am", small::access_methods),
    ("pg_cast", pg_cast::fill),
    ("pg_tablespace", small::tablespaces),
    ("pg_collation", small::collations),
    ("pg_language", small::languages),
    ("information_schema_catalog_name", information_schema::catalog_name),
    ("schemata", information_schema::schemata),
    ("tables", information_schema::tables),
    ("columns", information_schema::columns),
    ("views", information_schema::views),
    ("table_constraints", information_schema::table_constraints),
    ("key_column_usage", information_schema::key_column_usage),
    ("referential_constraints", information_schema::referential_constraints),
    ("constraint_column_usage", information_schema::constraint_column_usage),
    ("constraint_table_usage", information_schema::constraint_table_usage),
    ("check_constraints", information_schema::check_constraints),
    ("view_table_usage", information_schema::view_table_usage),
    ("view_column_usage", information_schema::view_column_usage),
    ("element_types", information_schema::element_types),
    ("table_privileges", information_schema::table_privileges),
    ("role_table_grants", information_schema::role_table_grants),
    ("column_privileges", information_schema::column_privileges),
    ("role_column_grants", information_schema::role_column_grants),
    ("character_sets", information_schema::character_sets),
    ("sql_implementation_info", information_schema::sql_implementation_info),
    ("sql_sizing", information_schema::sql_sizing),
];

/// Relations whose rows other crates know; they register them, with the columns of `shapes.rs`.
const OF_OTHER_CRATES: &[&str] = &[
    "administrable_role_authorizations",
    "applicable_roles",
    "enabled_roles",
    "pg_auth_members",
    "pg_authid",
    "pg_cursors",
    "pg_db_role_setting",
    "pg_group",
    "pg_policies",
    "pg_policy",
    "pg_prepared_statements",
    "pg_roles",
    "pg_settings",
    "pg_stat_activity",
    "pg_user",
];

/// Registers PostgreSQL's system relations and catalogue functions. Comes first: what other crates register wins.
pub fn builtin(registry: &mut Registry) {
    for shape in shapes() {
        if !OF_OTHER_CRATES.contains(&shape.name) {
            let fill = FILLED.iter().find(|(name, _)| *name == shape.name).map(|(_, fill)| *fill);
            registry.register_filled(
                shape,
                Box::new(move |context, rows| {
                    if let Some(fill) = fill {
                        fill(context, rows);
                    }
                    Ok(())
                }),
            );
        }
    }
    registry.register_functions(Arc::new(CatalogFunctions));
}

/// Registers `lis.snapshots`, which reads the lake's metadata.
pub fn register_snapshots(registry: &mut Registry, lake: Arc<Lake>) {
    registry.register(Arc::new(snapshots::Snapshots::new(Arc::clone(&lake))));
    registry.register(Arc::new(snapshots::NamedSnapshots::new(Arc::clone(&lake))));
    registry.register(Arc::new(retention::Retention::new(lake)));
}

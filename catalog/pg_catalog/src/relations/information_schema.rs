//! `information_schema`: the same facts as `pg_catalog`, in the standard's words. Privileges are in `privileges.rs`, keys in
//! `keys.rs`, what checks and views are made of in `usage.rs`.

mod keys;
mod privileges;
mod usage;

pub(super) use keys::{
    constraint_column_usage, key_column_usage, referential_constraints, table_constraints,
};
use lis_lake::{
    ids::Oid,
    names::Identifier,
    table::{Collation, Relation},
    types::{ColumnType, PgType},
};
pub(super) use privileges::{column_privileges, role_column_grants, role_table_grants, table_privileges};

pub(super) use usage::{
    check_constraints, constraint_table_usage, element_types, view_column_usage, view_table_usage,
};

use super::{pg_attrdef::default_text, pg_views::role_name};
use crate::{
    format_type::format_type,
    functions::definitions,
    namespaces::{visible_namespaces, visible_relations},
    registry::ViewContext,
    rows::{Cell, Rows},
    session_catalog::attribute_number,
};

/// The longest character in UTF-8, in bytes.
const CHARACTER_BYTES_MAX: i64 = 4;
/// What PostgreSQL says of text without a limit.
const TEXT_BYTES_MAX: i64 = 1 << 30;

pub(super) fn catalog_name(context: &ViewContext, rows: &mut Rows) {
    rows.add([("catalog_name", database(context))]);
}

/// `current_database()`
fn database(context: &ViewContext) -> Cell {
    context.bind.database.as_str().into()
}

fn yes_or_no(yes: bool) -> Cell {
    if yes { "YES" } else { "NO" }.into()
}

pub(super) fn schemata(context: &ViewContext, rows: &mut Rows) {
    for namespace in visible_namespaces(context) {
        rows.add([
            ("catalog_name", database(context)),
            ("schema_name", (&namespace.name).into()),
            ("schema_owner", role_name(context, namespace.owner)),
        ]);
    }
}

pub(super) fn tables(context: &ViewContext, rows: &mut Rows) {
    let mut add = |schema: Cell, name: Cell, kind: &str, insertable: bool| {
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", schema),
            ("table_name", name),
            ("table_type", kind.into()),
            ("is_insertable_into", yes_or_no(insertable)),
            ("is_typed", yes_or_no(false)),
        ]);
    };
    for relation in context.registry.shapes() {
        let kind = if relation.is_view { "VIEW" } else { "BASE TABLE" };
        add(relation.schema.into(), relation.name.into(), kind, false);
    }
    for (schema, relation) in visible_relations(context) {
        let kind = match relation {
            // The standard does not know materialized views, and neither does PostgreSQL here.
            Relation::Table(table) if table.materialized.is_some() => continue,
            Relation::Table(_) if schema.temporary => "LOCAL TEMPORARY",
            Relation::Table(_) => "BASE TABLE",
            Relation::View(_) => "VIEW",
        };
        add((&schema.name).into(), relation.name().into(), kind, kind != "VIEW");
    }
}

/// A column as `columns` shows it.
#[derive(Debug)]
struct ColumnFacts<'c> {
    schema: Cell,
    table: Cell,
    name: Cell,
    number: i16,
    column_type: ColumnType,
    not_null: bool,
    default: Option<&'c str>,
    collation: Collation,
    updatable: bool,
}

pub(super) fn columns(context: &ViewContext, rows: &mut Rows) {
    for relation in context.registry.shapes() {
        for (column, number) in relation.columns.iter().zip(1..) {
            add_column(
                context,
                rows,
                ColumnFacts {
                    schema: relation.schema.into(),
                    table: relation.name.into(),
                    name: column.name.into(),
                    number,
                    column_type: column.column_type,
                    not_null: column.not_null,
                    default: None,
                    collation: Collation::C,
                    updatable: false,
                },
            );
        }
    }
    for (schema, relation) in visible_relations(context) {
        for column in relation.columns() {
            add_column(
                context,
                rows,
                ColumnFacts {
                    schema: (&schema.name).into(),
                    table: relation.name().into(),
                    name: (&column.name).into(),
                    number: attribute_number(column),
                    column_type: column.column_type,
                    not_null: column.not_null,
                    default: column.default.as_deref(),
                    collation: column.collation,
                    updatable: matches!(relation, Relation::Table(_)),
                },
            );
        }
    }
}

fn add_column(context: &ViewContext, rows: &mut Rows, column: ColumnFacts<'_>) {
    let ColumnType { pg_type, typmod, .. } = column.column_type;
    let data_type = match pg_type {
        PgType::Array(_) => "ARRAY".to_owned(),
        scalar => format_type(scalar.oid(), None),
    };
    let length = column.column_type.length().and_then(|length| i64::try_from(length).ok());
    let octets = octet_length(column.column_type);
    let (precision, radix, scale) = numeric_facts(column.column_type);
    let collation = match (pg_type, column.collation) {
        (_, Collation::Swedish) => Some("sv-x-icu"),
        (PgType::Name, _) => Some("C"),
        _ => None,
    };
    rows.add([
        ("table_catalog", database(context)),
        ("table_schema", column.schema),
        ("table_name", column.table),
        ("column_name", column.name),
        ("ordinal_position", column.number.into()),
        ("column_default", column.default.map(|default| default_text(default, column.column_type)).into()),
        ("is_nullable", yes_or_no(!column.not_null)),
        ("data_type", data_type.into()),
        ("character_maximum_length", length.into()),
        ("character_octet_length", octets.into()),
        ("numeric_precision", precision.into()),
        ("numeric_precision_radix", radix.into()),
        ("numeric_scale", scale.into()),
        ("datetime_precision", datetime_precision(pg_type, typmod).into()),
        ("collation_catalog", if collation.is_some() { database(context) } else { Cell::Null }),
        ("collation_schema", collation.map(|_| "pg_catalog").into()),
        ("collation_name", collation.into()),
        ("udt_catalog", database(context)),
        ("udt_schema", "pg_catalog".into()),
        ("udt_name", pg_type.name().into()),
        ("dtd_identifier", column.number.to_string().into()),
        ("is_self_referencing", yes_or_no(false)),
        ("is_identity", yes_or_no(false)),
        ("identity_cycle", yes_or_no(false)),
        ("is_generated", "NEVER".into()),
        ("is_updatable", yes_or_no(column.updatable)),
    ]);
}

/// PostgreSQL's `_pg_char_octet_length`.
pub(crate) fn octet_length(column_type: ColumnType) -> Option<i64> {
    match column_type.pg_type {
        PgType::Text | PgType::Bpchar | PgType::Varchar => {
            let length = column_type.length().and_then(|length| i64::try_from(length).ok());
            Some(length.map_or(TEXT_BYTES_MAX, |length| length * CHARACTER_BYTES_MAX))
        }
        _ => None,
    }
}

/// Precision, its radix, and scale: PostgreSQL's `_pg_numeric_precision` and its relatives.
pub(crate) fn numeric_facts(column_type: ColumnType) -> (Option<i64>, Option<i64>, Option<i64>) {
    match column_type.pg_type {
        PgType::Int2 => (Some(16), Some(2), Some(0)),
        PgType::Int4 => (Some(32), Some(2), Some(0)),
        PgType::Int8 => (Some(64), Some(2), Some(0)),
        PgType::Float4 => (Some(24), Some(2), None),
        PgType::Float8 => (Some(53), Some(2), None),
        PgType::Numeric => match column_type.precision_scale() {
            Some((precision, scale)) => (Some(i64::from(precision)), Some(10), Some(i64::from(scale))),
            None => (None, Some(10), None),
        },
        _ => (None, None, None),
    }
}

/// PostgreSQL's `_pg_datetime_precision`.
pub(crate) fn datetime_precision(pg_type: PgType, typmod: i32) -> Option<i64> {
    match pg_type {
        PgType::Date => Some(0),
        PgType::Time | PgType::Timetz | PgType::Timestamp | PgType::Timestamptz => {
            Some(if typmod < 0 { 6 } else { i64::from(typmod) })
        }
        PgType::Interval => {
            Some(if typmod < 0 || typmod & 0xffff == 0xffff { 6 } else { i64::from(typmod & 0xffff) })
        }
        _ => None,
    }
}

pub(super) fn views(context: &ViewContext, rows: &mut Rows) {
    let mut add = |schema: Cell, name: Cell, definition: Cell| {
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", schema),
            ("table_name", name),
            ("view_definition", definition),
            ("check_option", "NONE".into()),
            ("is_updatable", yes_or_no(false)),
            ("is_insertable_into", yes_or_no(false)),
            ("is_trigger_updatable", yes_or_no(false)),
            ("is_trigger_deletable", yes_or_no(false)),
            ("is_trigger_insertable_into", yes_or_no(false)),
        ]);
    };
    for relation in context.registry.shapes().filter(|relation| relation.is_view) {
        add(relation.schema.into(), relation.name.into(), Cell::Null);
    }
    for (schema, relation) in visible_relations(context) {
        if let Relation::View(view) = relation {
            // The standard shows the text to the owner only.
            let owned = is_owner(context, view.owner);
            let definition = owned.then(|| definitions::view(context, view, false));
            add((&schema.name).into(), (&view.name).into(), definition.into());
        }
    }
}

/// Whether the viewer has the rights of an owner.
fn is_owner(context: &ViewContext, owner: Oid) -> bool {
    context.viewer.is_superuser()
        || context
            .viewer
            .role_name(owner)
            .is_some_and(|name: Identifier| context.viewer.has_role(None, &name, "USAGE") == Some(true))
}

pub(super) fn character_sets(context: &ViewContext, rows: &mut Rows) {
    rows.add([
        ("character_set_name", "UTF8".into()),
        ("character_repertoire", "UCS".into()),
        ("form_of_use", "UTF8".into()),
        ("default_collate_catalog", database(context)),
        ("default_collate_schema", "pg_catalog".into()),
        ("default_collate_name", "C".into()),
    ]);
}

pub(super) fn sql_implementation_info(_: &ViewContext, rows: &mut Rows) {
    let facts = [
        ("10003", "CATALOG NAME", None, Some("Y"), None),
        ("10004", "COLLATING SEQUENCE", None, Some("C"), None),
        ("23", "CURSOR COMMIT BEHAVIOR", Some(1), None, Some("close cursors and retain prepared statements")),
        ("2", "DATA SOURCE NAME", None, Some(""), None),
        ("17", "DBMS NAME", None, Some("PostgreSQL"), None),
        ("18", "DBMS VERSION", None, Some("15.18.0000"), None),
        (
            "26",
            "DEFAULT TRANSACTION ISOLATION",
            Some(4),
            None,
            Some("REPEATABLE READ; a transaction reads one snapshot"),
        ),
        ("28", "IDENTIFIER CASE", Some(3), None, Some("stored in mixed case - case sensitive")),
        ("85", "NULL COLLATION", Some(0), None, Some("nulls higher than non-nulls")),
        ("13", "SERVER NAME", None, Some(""), None),
        ("94", "SPECIAL CHARACTERS", None, Some(""), Some("all non-ASCII characters allowed")),
        ("46", "TRANSACTION CAPABLE", Some(2), None, Some("both DML and DDL")),
    ];
    for (id, name, integer, character, comments) in facts {
        rows.add([
            ("implementation_info_id", id.into()),
            ("implementation_info_name", name.into()),
            ("integer_value", integer.into()),
            ("character_value", character.into()),
            ("comments", comments.into()),
        ]);
    }
}

pub(super) fn sql_sizing(_: &ViewContext, rows: &mut Rows) {
    let name_bytes = i64::try_from(lis_lake::names::IDENTIFIER_BYTES_MAX).ok();
    let facts: [(i64, &str, Option<i64>); 23] = [
        (34, "MAXIMUM CATALOG NAME LENGTH", name_bytes),
        (30, "MAXIMUM COLUMN NAME LENGTH", name_bytes),
        (97, "MAXIMUM COLUMNS IN GROUP BY", Some(0)),
        (99, "MAXIMUM COLUMNS IN ORDER BY", Some(0)),
        (100, "MAXIMUM COLUMNS IN SELECT", Some(1664)),
        (101, "MAXIMUM COLUMNS IN TABLE", Some(1600)),
        (1, "MAXIMUM CONCURRENT ACTIVITIES", Some(0)),
        (31, "MAXIMUM CURSOR NAME LENGTH", name_bytes),
        (0, "MAXIMUM DRIVER CONNECTIONS", None),
        (10005, "MAXIMUM IDENTIFIER LENGTH", name_bytes),
        (32, "MAXIMUM SCHEMA NAME LENGTH", name_bytes),
        (20000, "MAXIMUM STATEMENT OCTETS", Some(0)),
        (20001, "MAXIMUM STATEMENT OCTETS DATA", Some(0)),
        (20002, "MAXIMUM STATEMENT OCTETS SCHEMA", Some(0)),
        (35, "MAXIMUM TABLE NAME LENGTH", name_bytes),
        (106, "MAXIMUM TABLES IN SELECT", Some(0)),
        (107, "MAXIMUM USER NAME LENGTH", name_bytes),
        (25000, "MAXIMUM CURRENT DEFAULT TRANSFORM GROUP LENGTH", None),
        (25001, "MAXIMUM CURRENT TRANSFORM GROUP LENGTH", None),
        (25002, "MAXIMUM CURRENT PATH LENGTH", Some(0)),
        (25003, "MAXIMUM CURRENT ROLE LENGTH", None),
        (25004, "MAXIMUM SESSION USER LENGTH", name_bytes),
        (25005, "MAXIMUM SYSTEM USER LENGTH", name_bytes),
    ];
    for (id, name, value) in facts {
        rows.add([("sizing_id", id.into()), ("sizing_name", name.into()), ("supported_value", value.into())]);
    }
}

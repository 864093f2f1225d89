//! `pg_class`: tables, views, the indexes that stand for keys, and every system relation.
//!
//! `reltuples` is told only of a table that has no row security and that the viewer may read whole: a count is a
//! statement about rows.

use lis_lake::{
    ids::Oid,
    names::Identifier,
    table::{ConstraintKind, Relation, Table},
};

use crate::{
    namespaces::{has_index, index_oid, namespace_oid, visible_constraints, visible_relations},
    registry::ViewContext,
    rows::{Cell, Rows},
};

/// `heap`
const HEAP: Oid = Oid::new(2);
/// `btree`
const BTREE: Oid = Oid::new(403);

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for relation in context.registry.shapes() {
        let Some(namespace) = namespace_oid(context, &Identifier::exact(relation.schema)) else { continue };
        add(
            rows,
            &Entry {
                oid: relation.oid,
                name: relation.name,
                namespace,
                owner: Oid::ADMINISTRATOR,
                kind: if relation.is_view { "v" } else { "r" },
                columns: relation.columns.len(),
                acl: Some(vec!["=r/lis_admin".to_owned()]),
                ..Entry::NOTHING
            },
        );
    }
    for (schema, relation) in visible_relations(context) {
        let oid = relation.id().oid();
        let table = match relation {
            Relation::Table(table) => Some(table),
            Relation::View(_) => None,
        };
        let materialized = table.and_then(|table| table.materialized.as_deref());
        add(
            rows,
            &Entry {
                oid,
                name: relation.name().as_str(),
                namespace: schema.id.oid(),
                owner: relation.owner(),
                kind: match (table, materialized) {
                    (None, _) => "v",
                    (Some(_), Some(_)) => "m",
                    (Some(_), None) => "r",
                },
                columns: relation.columns().len(),
                tuples: table.and_then(|table| tuples(context, table)),
                checks: table.map_or(0, |table| checks(table)),
                temporary: schema.temporary,
                populated: materialized.is_none_or(|view| view.populated),
                has_index: table.is_some_and(|table| table.constraints.iter().any(has_index)),
                has_triggers: table.is_some_and(|table| has_foreign_key(context, table)),
                row_security: context.viewer.row_security(oid),
                acl: context.viewer.relation_acl(oid),
                options: match relation {
                    Relation::View(view) if !view.security_invoker => {
                        Some(vec!["security_invoker=false".to_owned()])
                    }
                    _ => None,
                },
            },
        );
    }
    for (schema, table, constraint) in
        visible_constraints(context).filter(|(.., constraint)| has_index(constraint))
    {
        add(
            rows,
            &Entry {
                oid: index_oid(constraint),
                name: constraint.name.as_str(),
                namespace: schema.id.oid(),
                owner: table.owner,
                kind: "i",
                columns: constraint.columns.len(),
                tuples: tuples(context, table),
                ..Entry::NOTHING
            },
        );
    }
}

/// What a row says beyond what is the same for all.
struct Entry<'e> {
    oid: Oid,
    name: &'e str,
    namespace: Oid,
    owner: Oid,
    kind: &'e str,
    columns: usize,
    tuples: Option<f64>,
    checks: usize,
    temporary: bool,
    populated: bool,
    has_index: bool,
    has_triggers: bool,
    row_security: (bool, bool),
    acl: Option<Vec<String>>,
    options: Option<Vec<String>>,
}

impl Entry<'_> {
    const NOTHING: Self = Entry {
        oid: Oid::INVALID,
        name: "",
        namespace: Oid::INVALID,
        owner: Oid::INVALID,
        kind: "",
        columns: 0,
        tuples: None,
        checks: 0,
        temporary: false,
        populated: true,
        has_index: false,
        has_triggers: false,
        row_security: (false, false),
        acl: None,
        options: None,
    };
}

fn add(rows: &mut Rows, entry: &Entry<'_>) {
    let access_method = match entry.kind {
        "r" | "m" => HEAP,
        "i" => BTREE,
        _ => Oid::INVALID,
    };
    rows.add([
        ("oid", entry.oid.into()),
        ("relname", entry.name.into()),
        ("relnamespace", entry.namespace.into()),
        ("relowner", entry.owner.into()),
        ("relam", access_method.into()),
        ("reltuples", Cell::Float(entry.tuples.unwrap_or(-1.0))),
        ("relhasindex", entry.has_index.into()),
        ("relpersistence", if entry.temporary { "t" } else { "p" }.into()),
        ("relchecks", i64::try_from(entry.checks).unwrap_or_default().into()),
        ("relkind", entry.kind.into()),
        ("relnatts", i64::try_from(entry.columns).unwrap_or_default().into()),
        ("relhasrules", matches!(entry.kind, "v" | "m").into()),
        ("relhastriggers", entry.has_triggers.into()),
        ("relrowsecurity", entry.row_security.0.into()),
        ("relforcerowsecurity", entry.row_security.1.into()),
        ("relispopulated", entry.populated.into()),
        ("relreplident", if matches!(entry.kind, "r" | "m") { "d" } else { "n" }.into()),
        ("relacl", entry.acl.clone().into()),
        ("reloptions", entry.options.clone().into()),
    ]);
}

fn checks(table: &Table) -> usize {
    table
        .constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }))
        .count()
}

/// The number of rows, where it is no secret.
pub(crate) fn tuples(context: &ViewContext, table: &Table) -> Option<f64> {
    let oid = table.id.oid();
    let secured = context.viewer.row_security(oid).0;
    let readable = context.viewer.has_table_privilege(None, oid, "SELECT") == Some(true);
    if secured || !readable {
        return None;
    }
    let count: u64 = table.files.iter().map(|file| file.record_count).sum();
    Some(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}

/// PostgreSQL keeps foreign keys by triggers on both tables, and psql looks for keys only where there are some.
pub(super) fn has_foreign_key(context: &ViewContext, table: &Table) -> bool {
    visible_constraints(context).any(|(_, referencing, constraint)| match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => {
            referencing.id == table.id || *references == table.id
        }
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Check { .. } => false,
    })
}

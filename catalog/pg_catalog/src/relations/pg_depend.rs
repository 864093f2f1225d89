//! `pg_depend` and `pg_rewrite`: what views, constraints and defaults need. As in PostgreSQL a view depends on what it
//! reads through its rule. Both ends of a row are known to the viewer; of other objects there is none.

use lis_lake::{
    ids::Oid,
    table::{ConstraintKind, Relation},
};

use crate::{
    namespaces::{default_oid, rule_oid, visible_constraints, visible_relation, visible_relations},
    registry::ViewContext,
    rows::Rows,
    session_catalog::attribute_number,
};

/// `pg_class`
const CLASSES: Oid = Oid::new(1259);
/// `pg_constraint`
const CONSTRAINTS: Oid = Oid::new(2606);
/// `pg_attrdef`
const DEFAULTS: Oid = Oid::new(2604);
/// `pg_rewrite`
const RULES: Oid = Oid::new(2618);
/// `pg_namespace`
const NAMESPACES: Oid = Oid::new(2615);

pub(super) fn depend(context: &ViewContext, rows: &mut Rows) {
    let mut add = |object: (Oid, Oid, i64), on: (Oid, Oid, i64), kind: &str| {
        rows.add([
            ("classid", object.0.into()),
            ("objid", object.1.into()),
            ("objsubid", object.2.into()),
            ("refclassid", on.0.into()),
            ("refobjid", on.1.into()),
            ("refobjsubid", on.2.into()),
            ("deptype", kind.into()),
        ]);
    };
    for (schema, relation) in visible_relations(context) {
        let oid = relation.id().oid();
        add((CLASSES, oid, 0), (NAMESPACES, schema.id.oid(), 0), "n");
        if has_rule(relation) {
            let rule = (RULES, rule_oid(oid), 0);
            add(rule, (CLASSES, oid, 0), "i");
            for read in relation.reads() {
                let of = Oid::new(read.relation);
                if visible_relation(context, of).is_none() {
                    continue;
                }
                let used: Vec<i64> =
                    read.columns.iter().filter(|(.., used)| *used).map(|(number, ..)| *number).collect();
                if used.is_empty() {
                    add(rule, (CLASSES, of, 0), "n");
                }
                for number in used {
                    add(rule, (CLASSES, of, number), "n");
                }
            }
        }
        if matches!(relation, Relation::Table(_)) {
            for column in relation.columns().iter().filter(|column| column.default.is_some()) {
                let number = attribute_number(column);
                add((DEFAULTS, default_oid(oid, number), 0), (CLASSES, oid, i64::from(number)), "a");
            }
        }
    }
    for (_, table, constraint) in visible_constraints(context) {
        let object = (CONSTRAINTS, constraint.oid, 0);
        for column in &constraint.columns {
            add(object, (CLASSES, table.id.oid(), column.get()), "a");
        }
        if let ConstraintKind::ForeignKey { references, referenced_columns } = &constraint.kind {
            for column in referenced_columns {
                add(object, (CLASSES, references.oid(), column.get()), "n");
            }
        }
    }
}

pub(super) fn rewrite(context: &ViewContext, rows: &mut Rows) {
    for (_, relation) in visible_relations(context).filter(|(_, relation)| has_rule(relation)) {
        let oid = relation.id().oid();
        rows.add([
            ("oid", rule_oid(oid).into()),
            ("rulename", "_RETURN".into()),
            ("ev_class", oid.into()),
            ("ev_type", "1".into()),
            ("ev_enabled", "O".into()),
            ("is_instead", true.into()),
            ("ev_qual", "<>".into()),
            ("ev_action", "<>".into()),
        ]);
    }
}

fn has_rule(relation: &Relation) -> bool {
    match relation {
        Relation::View(_) => true,
        Relation::Table(table) => table.materialized.is_some(),
    }
}

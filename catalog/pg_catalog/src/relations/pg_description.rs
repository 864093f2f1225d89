//! `pg_description`: comments on schemas, tables, views and columns.

use lis_lake::ids::Oid;

use crate::{
    namespaces::{visible_namespaces, visible_relations},
    registry::ViewContext,
    rows::Rows,
    session_catalog::attribute_number,
};

/// `pg_class`
const CLASS: Oid = Oid::new(1259);
/// `pg_namespace`
const NAMESPACE: Oid = Oid::new(2615);

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    let mut add = |object: Oid, class: Oid, part: i16, comment: &str| {
        rows.add([
            ("objoid", object.into()),
            ("classoid", class.into()),
            ("objsubid", part.into()),
            ("description", comment.into()),
        ]);
    };
    for namespace in visible_namespaces(context) {
        if let Some(comment) = &namespace.comment {
            add(namespace.oid, NAMESPACE, 0, comment);
        }
    }
    for (_, relation) in visible_relations(context) {
        let oid = relation.id().oid();
        if let Some(comment) = relation.comment() {
            add(oid, CLASS, 0, comment);
        }
        for column in relation.columns() {
            if let Some(comment) = &column.comment {
                add(oid, CLASS, attribute_number(column), comment);
            }
        }
    }
}

//! `pg_attrdef`: columns' defaults. `adbin` holds the SQL text, which `pg_get_expr` gives back.

use crate::{
    namespaces::{default_oid, visible_relations},
    registry::ViewContext,
    rows::Rows,
    session_catalog::attribute_number,
};

pub(super) fn fill(context: &ViewContext, rows: &mut Rows<'_>) {
    for (_, relation) in visible_relations(context) {
        for column in relation.columns() {
            if let Some(default) = &column.default {
                let (oid, number) = (relation.id().oid(), attribute_number(column));
                rows.add([
                    ("oid", default_oid(oid, number).into()),
                    ("adrelid", oid.into()),
                    ("adnum", number.into()),
                    ("adbin", default.as_str().into()),
                ]);
            }
        }
    }
}

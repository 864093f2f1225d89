//! `pg_attribute`: the columns of everything in `pg_class`, indexes included.

use lis_functions::collation::Locale;
use lis_lake::{
    ids::Oid,
    table::{Collation, Column},
    types::ColumnType,
};

use super::{
    pg_type::{self, TypeRow},
    small,
};
use crate::{
    namespaces::{has_index, index_oid, visible_constraints, visible_relations},
    registry::ViewContext,
    rows::Rows,
    session_catalog::attribute_number,
};

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for relation in context.registry.shapes() {
        for (column, number) in relation.columns.iter().zip(1..) {
            add(
                rows,
                &Attribute {
                    relation: relation.oid,
                    name: column.name,
                    column_type: column.column_type,
                    number,
                    not_null: column.not_null,
                    has_default: false,
                    collation: None,
                },
            );
        }
    }
    for (_, relation) in visible_relations(context) {
        for column in relation.columns() {
            add(rows, &attribute(relation.id().oid(), column, attribute_number(column)));
        }
    }
    for (_, table, constraint) in
        visible_constraints(context).filter(|(.., constraint)| has_index(constraint))
    {
        for (id, number) in constraint.columns.iter().zip(1..) {
            if let Some(column) = table.columns.iter().find(|column| column.id == *id) {
                let of_table = attribute(index_oid(constraint), column, number);
                add(rows, &Attribute { not_null: false, has_default: false, ..of_table });
            }
        }
    }
}

struct Attribute<'a> {
    relation: Oid,
    name: &'a str,
    column_type: ColumnType,
    number: i16,
    not_null: bool,
    has_default: bool,
    collation: Option<Oid>,
}

fn attribute(relation: Oid, column: &Column, number: i16) -> Attribute<'_> {
    Attribute {
        relation,
        name: column.name.as_str(),
        column_type: column.column_type,
        number,
        not_null: column.not_null,
        has_default: column.default.is_some(),
        collation: match column.collation {
            Collation::C => None,
            Collation::Swedish => Some(small::icu_collation(Locale::SWEDISH)),
        },
    }
}

fn add(rows: &mut Rows, attribute: &Attribute<'_>) {
    let pg_type = attribute.column_type.pg_type;
    let Some(TypeRow { length, by_value, align, storage, collation, .. }) = pg_type::row(pg_type.oid())
    else {
        return;
    };
    rows.add([
        ("attrelid", attribute.relation.into()),
        ("attname", attribute.name.into()),
        ("atttypid", pg_type.oid().into()),
        ("attstattarget", (-1).into()),
        ("attlen", (*length).into()),
        ("attnum", attribute.number.into()),
        ("attndims", i32::from(pg_type.name().starts_with('_')).into()),
        ("attcacheoff", (-1).into()),
        ("atttypmod", attribute.column_type.typmod.into()),
        ("attbyval", (*by_value).into()),
        ("attalign", (*align).into()),
        ("attstorage", (*storage).into()),
        ("attnotnull", attribute.not_null.into()),
        ("atthasdef", attribute.has_default.into()),
        ("attislocal", true.into()),
        ("attcollation", attribute.collation.unwrap_or(*collation).into()),
    ]);
}

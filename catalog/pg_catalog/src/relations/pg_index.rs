//! `pg_index`: a primary key or a unique constraint has an index in PostgreSQL, and clients find keys through it.

use crate::{
    namespaces::{has_index, index_oid, visible_constraints},
    registry::ViewContext,
    rows::Rows,
};
use lis_lake::{ids::Oid, table::ConstraintKind};

use super::pg_type;

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for (_, table, constraint) in
        visible_constraints(context).filter(|(.., constraint)| has_index(constraint))
    {
        let columns: Vec<i64> = constraint.columns.iter().map(|column| column.get()).collect();
        let collations = constraint
            .columns
            .iter()
            .filter_map(|id| table.columns.iter().find(|column| column.id == *id))
            .map(|column| {
                pg_type::row(column.column_type.pg_type.oid()).map_or(Oid::INVALID, |row| row.collation)
            })
            .map(|collation| i64::from(collation.get()))
            .collect::<Vec<_>>();
        let count = i64::try_from(columns.len()).unwrap_or_default();
        rows.add([
            ("indexrelid", index_oid(constraint).into()),
            ("indrelid", table.id.oid().into()),
            ("indnatts", count.into()),
            ("indnkeyatts", count.into()),
            ("indisunique", true.into()),
            ("indisprimary", (constraint.kind == ConstraintKind::PrimaryKey).into()),
            ("indimmediate", true.into()),
            ("indisvalid", true.into()),
            ("indisready", true.into()),
            ("indislive", true.into()),
            ("indoption", vec![0; columns.len()].into()),
            ("indclass", vec![0; columns.len()].into()),
            ("indcollation", collations.into()),
            ("indkey", columns.into()),
        ]);
    }
}

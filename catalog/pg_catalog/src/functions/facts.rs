//! Answers that are the same for every argument, and sizes.

use lis_lake::table::{Relation, Table};
use lis_sql::error::SqlError;

use super::oid;
use crate::{
    namespaces::{visible_relation, visible_tables},
    registry::ViewContext,
    rows::Cell,
};

type Answer = Result<Cell, SqlError>;

/// There is no such thing here.
pub(super) fn none(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Null)
}

pub(super) fn no(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Bool(false))
}

pub(super) fn zero(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Integer(0))
}

pub(super) fn no_oid(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Integer(0))
}

/// `void` is shown as the empty string.
pub(super) fn void(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Text(String::new()))
}

/// `txid_current`: the snapshot that is read, since a reader has no number of its own.
pub(super) fn transaction(context: &ViewContext, _: &[Cell]) -> Answer {
    Ok(Cell::Integer(context.snapshot.id().get()))
}

/// The bytes of a table's files; null where they are a secret: of a table with row security, or one that the viewer may
/// not read.
pub(super) fn relation_size(context: &ViewContext, cells: &[Cell]) -> Answer {
    let size = match visible_relation(context, oid(cells, 0)) {
        Some((_, Relation::Table(table))) => table_size(context, table),
        Some((_, Relation::View(_))) => Some(0),
        None if oid(cells, 0).get() < lis_lake::ids::Oid::FIRST_NORMAL => Some(0),
        None => None,
    };
    Ok(size.into())
}

fn table_size(context: &ViewContext, table: &Table) -> Option<i64> {
    let oid = table.id.oid();
    let secured = context.viewer.row_security(oid).0;
    let readable = context.viewer.has_table_privilege(None, oid, "SELECT") == Some(true);
    if secured || !readable {
        return None;
    }
    i64::try_from(table.files.iter().map(|file| file.file_size_bytes).sum::<u64>()).ok()
}

/// `pg_tablespace_location`: the tablespaces are where the lake is.
pub(super) fn no_place(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok("".into())
}

/// The bytes of everything, for superusers only: it grows with hidden rows.
pub(super) fn database_size(context: &ViewContext, _: &[Cell]) -> Answer {
    if !context.viewer.is_superuser() {
        return Ok(Cell::Null);
    }
    let bytes: u64 = visible_tables(context)
        .flat_map(|(_, table)| table.files.iter())
        .map(|file| file.file_size_bytes)
        .sum();
    Ok(i64::try_from(bytes).ok().into())
}

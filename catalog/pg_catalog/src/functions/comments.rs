//! `obj_description`, `col_description`.

use lis_sql::error::SqlError;

use super::{integer, oid, text};
use crate::{
    namespaces::{visible_namespaces, visible_relation},
    registry::ViewContext,
    rows::Cell,
    session_catalog::attribute_number,
};

/// `obj_description(oid [, catalogue])`
pub(super) fn object(context: &ViewContext, cells: &[Cell]) -> Result<Cell, SqlError> {
    let object = oid(cells, 0);
    let relation =
        || visible_relation(context, object).and_then(|(_, relation)| relation.comment().map(str::to_owned));
    let namespace = || {
        visible_namespaces(context)
            .into_iter()
            .find(|namespace| namespace.oid == object)
            .and_then(|namespace| namespace.comment)
    };
    let comment = match text(cells, 1) {
        "pg_class" => relation(),
        "pg_namespace" => namespace(),
        "" => relation().or_else(namespace),
        _ => None,
    };
    Ok(comment.into())
}

/// `col_description(table, column)`
pub(super) fn column(context: &ViewContext, cells: &[Cell]) -> Result<Cell, SqlError> {
    let number = integer(cells, 1);
    let comment = visible_relation(context, oid(cells, 0)).and_then(|(_, relation)| {
        relation
            .columns()
            .iter()
            .find(|column| i64::from(attribute_number(column)) == number)?
            .comment
            .clone()
    });
    Ok(comment.into())
}

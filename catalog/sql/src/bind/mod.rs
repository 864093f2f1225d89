//! Syntax trees to bound plans.

use datafusion::logical_expr::Expr;
use lis_lake::ids::Oid;
use sqlparser::ast;

use crate::{
    catalog::{Catalog, CatalogRelation},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    output::BoundQuery,
};

/// An INSERT ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundInsert {
    /// The table.
    pub relation: Oid,
    /// The rows: one column for each of the table's columns, in the table's order and of its canonical Arrow types.
    pub query: BoundQuery,
    /// `attnum` of the columns that the statement gives values for.
    pub columns: Vec<i16>,
}

/// Binds a query. `text` is the statement's text, which positions refer to.
pub fn bind_query(
    query: &ast::Query,
    text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundQuery, SqlError> {
    let _ = (query, text, catalog, context);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "queries are not supported yet"))
}

/// Binds a boolean expression over one relation's columns: a policy's predicate, a CHECK constraint. Its columns are
/// unqualified and have the relation's names.
pub fn bind_predicate(
    sql: &str,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    let _ = (relation, catalog, context);
    crate::parse::parse_expression(sql)?;
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "predicates are not supported yet"))
}

/// Binds an INSERT … VALUES or SELECT. Columns that are not mentioned get their default, which is null.
pub fn bind_insert(
    insert: &ast::Insert,
    text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundInsert, SqlError> {
    let _ = (insert, text, catalog, context);
    Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "INSERT is not supported yet"))
}

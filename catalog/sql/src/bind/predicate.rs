//! A predicate over one relation: a policy's USING and WITH CHECK, a CHECK constraint.

use std::rc::Rc;

use datafusion::{common::Column, logical_expr::Expr};
use sqlparser::ast::Spanned;

use super::{
    Binder, Shared,
    place::{Clause, Place},
};
use crate::{
    catalog::{Catalog, CatalogRelation},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    expression_text::has_subquery,
    names::{Namespace, Scope, ScopeColumn, ScopeTable, Whole},
    output::Origin,
    parse::parse_expression,
    types::{Binding, Derived, Parameters, coerce_to_boolean},
};

/// Binds a policy's predicate: a boolean expression over one relation's columns. Its columns are
/// unqualified and have the relation's names. Subqueries may not refer to the relation's columns.
pub fn bind_predicate(
    sql: &str,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    bind_condition(sql, relation, Clause::Predicate, "POLICY", catalog, context)
}

/// Binds the expression of a CHECK constraint, in the same way; it has no subqueries.
pub fn bind_check(
    sql: &str,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    if has_subquery(sql)? {
        let message = "cannot use subquery in check constraint";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
    }
    bind_condition(sql, relation, Clause::Check, "CHECK", catalog, context)
}

/// Binds WHERE of COPY FROM, in which there are no subqueries.
pub fn bind_copy_condition(
    sql: &str,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    bind_condition(sql, relation, Clause::CopyWhere, "WHERE", catalog, context)
}

fn bind_condition(
    sql: &str,
    relation: &CatalogRelation,
    clause: Clause,
    what: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    let expr = parse_expression(sql)?;
    let parameters = Parameters::new(&[]);
    let shared = Shared::default();
    let binder = Binder::new(sql, Binding { catalog, context, parameters: &parameters }, &shared);
    let mut columns = Vec::new();
    let mut hidden = Vec::new();
    for column in &relation.columns {
        let own = Rc::new(ScopeColumn {
            name: column.name.clone(),
            expr: Expr::Column(Column::new_unqualified(column.name.as_str())),
            column_type: column.column_type,
            arrow_type: arrow_type_of(relation, column.name.as_str())
                .unwrap_or_else(|| column.column_type.to_arrow()),
            collation: Derived::of_lake(column.collation),
            origin: Some(Origin { relation: relation.oid, column: column.number }),
        });
        if column.hidden { hidden.push(own) } else { columns.push(own) }
    }
    let namespace = Namespace::of(ScopeTable {
        schema: Some(relation.name.schema.clone()),
        name: relation.name.name.clone(),
        relation: None,
        key: Vec::new(),
        columns,
        hidden,
        whole: Whole::default(),
    });
    let place =
        Place { scope: Scope::new(&namespace, None), ctes: None, clause, calls: None, attachments: None };
    let typed = binder.expression(&expr, place)?;
    if let Some(number) = parameters.types().len().checked_sub(1) {
        let message = format!("there is no parameter ${}", number + 1);
        let position = binder.position(expr.span());
        return Err(SqlError::new(SqlErrorKind::UndefinedParameter, message).at(position));
    }
    Ok(coerce_to_boolean(&binder.binding, typed, what)?.expr)
}

fn arrow_type_of(relation: &CatalogRelation, column: &str) -> Option<arrow::datatypes::DataType> {
    match &relation.source {
        crate::catalog::RelationSource::Scan(source) => {
            source.schema().field_with_name(column).ok().map(|field| field.data_type().clone())
        }
        crate::catalog::RelationSource::View { .. } => None,
    }
}

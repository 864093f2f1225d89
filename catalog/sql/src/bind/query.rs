//! A whole query: WITH, the body, ORDER BY, LIMIT.

use std::collections::BTreeMap;

use recursive::recursive;
use sqlparser::ast;

use super::{Binder, Bound, BoundColumn, Surroundings, Unknowns, not_postgresql, project};
use crate::{
    error::{SqlError, SqlErrorKind},
    parse::not_at_the_top,
    types::settle_unknown,
};

impl Binder<'_> {
    /// Binds a query.
    #[recursive]
    pub(crate) fn query(
        &self,
        query: &ast::Query,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        if query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(not_postgresql("for", None));
        }
        match &query.with {
            None => self.query_body(query, surroundings, unknowns),
            Some(with) => self.with_ctes(with, &BTreeMap::new(), surroundings, |surroundings| {
                self.query_body(query, surroundings, unknowns)
            }),
        }
    }

    fn query_body(
        &self,
        query: &ast::Query,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        for lock in &query.locks {
            self.lock(lock, &query.body, surroundings)?;
        }
        let mut body = query.body.as_ref();
        // Parentheses around a bare body mean nothing: its ORDER BY is the one that follows.
        while let ast::SetExpr::Query(inner) = body {
            let bare = inner.with.is_none()
                && inner.order_by.is_none()
                && inner.limit_clause.is_none()
                && inner.fetch.is_none()
                && inner.locks.is_empty();
            if !bare {
                break;
            }
            body = &inner.body;
        }
        let order_by = query.order_by.as_ref();
        let bound = match body {
            ast::SetExpr::Select(select) => {
                self.select(select, order_by, query.locks.first(), surroundings, unknowns)?
            }
            other => {
                let set_operation = matches!(other, ast::SetExpr::SetOperation { .. });
                let bound = self.set_expression(other, surroundings, unknowns)?;
                self.order_outputs(bound, order_by, set_operation, surroundings)?
            }
        };
        let plan = self.limited(bound.plan, query, surroundings)?;
        Ok(Bound { plan, columns: bound.columns })
    }

    /// Binds an arm of a set operation, or what stands in place of a SELECT.
    #[recursive]
    pub(crate) fn set_expression(
        &self,
        body: &ast::SetExpr,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        match body {
            ast::SetExpr::Select(select) => self.select(select, None, None, surroundings, unknowns),
            ast::SetExpr::Query(query) => self.query(query, surroundings, unknowns),
            ast::SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.set_operation(left, *op, *set_quantifier, right, surroundings, unknowns)
            }
            ast::SetExpr::Values(values) => self.values(values, surroundings, unknowns),
            // The parser is never shown TABLE in place of a query.
            ast::SetExpr::Table(_) => Err(not_postgresql("table", None)),
            ast::SetExpr::Insert(_)
            | ast::SetExpr::Update(_)
            | ast::SetExpr::Delete(_)
            | ast::SetExpr::Merge(_) => Err(not_at_the_top()),
        }
    }

    /// Gives output columns that have no type yet the type `text`.
    pub(crate) fn settle_outputs(&self, bound: Bound) -> Result<Bound, SqlError> {
        if bound.columns.iter().all(|column| column.unknown.is_none()) {
            return Ok(bound);
        }
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for column in bound.columns {
            let typed = settle_unknown(&self.binding, column.typed())?;
            let output = self.fresh_column(&column.name);
            exprs.push(typed.expr.alias(&output.name));
            columns.push(BoundColumn {
                column: output,
                column_type: typed.column_type,
                arrow_type: typed.arrow_type,
                unknown: None,
                ..column
            });
        }
        Ok(Bound { plan: project(bound.plan, exprs)?, columns })
    }
}

/// A query that must have one column.
pub(crate) fn only_column(bound: &Bound, position: Option<usize>) -> Result<&BoundColumn, SqlError> {
    match bound.columns.as_slice() {
        [only] => Ok(only),
        _ => {
            Err(SqlError::new(SqlErrorKind::SyntaxError, "subquery must return only one column").at(position))
        }
    }
}

//! What a recursive WITH query may look like: where its second term may refer to itself. The engine runs more than
//! PostgreSQL allows, and what PostgreSQL refuses can grow without end.

use std::cell::Cell;

use lis_lake::names::Identifier;
use sqlparser::ast;

use super::Binder;
use crate::{
    error::{SqlError, SqlErrorKind},
    names::identifier,
};

/// Where in the term a reference stands.
#[derive(Debug, Clone, Copy)]
enum Within {
    FirstTerm,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

impl Within {
    fn message(self, name: &Identifier) -> String {
        let place = match self {
            Self::FirstTerm => "its non-recursive term",
            Self::Subquery => "a subquery",
            Self::OuterJoin => "an outer join",
            Self::Intersect => "INTERSECT",
            Self::Except => "EXCEPT",
        };
        format!("recursive reference to query \"{}\" must not appear within {place}", name.as_str())
    }
}

impl Binder<'_> {
    /// Checks both terms of a recursive query.
    pub(crate) fn check_recursion(
        &self,
        first: &ast::SetExpr,
        second: &ast::SetExpr,
        name: &Identifier,
    ) -> Result<(), SqlError> {
        let check = Check { binder: self, name, references: Cell::new(0) };
        check.body(first, Some(Within::FirstTerm))?;
        check.body(second, None)
    }
}

/// The walk: `within` is the reason why a reference would be wrong here, if it would.
struct Check<'c, 'b> {
    binder: &'c Binder<'b>,
    name: &'c Identifier,
    /// How many references there are in the second term.
    references: Cell<usize>,
}

impl Check<'_, '_> {
    fn query(&self, query: &ast::Query, within: Option<Within>) -> Result<(), SqlError> {
        let hidden = query
            .with
            .iter()
            .flat_map(|with| &with.cte_tables)
            .any(|cte| identifier(&cte.alias.name) == *self.name);
        if hidden {
            return Ok(());
        }
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.query(&cte.query, within)?;
        }
        self.body(&query.body, within)
    }

    fn body(&self, body: &ast::SetExpr, within: Option<Within>) -> Result<(), SqlError> {
        match body {
            ast::SetExpr::Select(select) => {
                for item in &select.from {
                    self.joined(item, within)?;
                }
                let inside = within.or(Some(Within::Subquery));
                let conditions = select.selection.iter().chain(&select.having);
                let items = select.projection.iter().filter_map(|item| match item {
                    ast::SelectItem::UnnamedExpr(expr) | ast::SelectItem::ExprWithAlias { expr, .. } => {
                        Some(expr)
                    }
                    _ => None,
                });
                for expr in conditions.chain(items) {
                    self.expression(expr, inside)?;
                }
                Ok(())
            }
            ast::SetExpr::Query(query) => self.query(query, within),
            ast::SetExpr::SetOperation { op, left, right, .. } => match op {
                ast::SetOperator::Intersect => {
                    self.body(left, within.or(Some(Within::Intersect)))?;
                    self.body(right, within.or(Some(Within::Intersect)))
                }
                ast::SetOperator::Except => {
                    self.body(left, within)?;
                    self.body(right, within.or(Some(Within::Except)))
                }
                _ => {
                    self.body(left, within)?;
                    self.body(right, within)
                }
            },
            _ => Ok(()),
        }
    }

    fn joined(&self, item: &ast::TableWithJoins, within: Option<Within>) -> Result<(), SqlError> {
        use ast::JoinOperator as J;
        let outer = within.or(Some(Within::OuterJoin));
        // What is at the left of a join is everything before it.
        let nullable_left = item
            .joins
            .iter()
            .any(|join| matches!(join.join_operator, J::Right(_) | J::RightOuter(_) | J::FullOuter(_)));
        self.factor(&item.relation, if nullable_left { outer } else { within })?;
        for join in &item.joins {
            let nullable =
                matches!(join.join_operator, J::Left(_) | J::LeftOuter(_) | J::FullOuter(_)) || nullable_left;
            self.factor(&join.relation, if nullable { outer } else { within })?;
        }
        Ok(())
    }

    fn factor(&self, factor: &ast::TableFactor, within: Option<Within>) -> Result<(), SqlError> {
        match factor {
            ast::TableFactor::Table { name, args: None, .. } => match (name.0.as_slice(), within) {
                ([ast::ObjectNamePart::Identifier(only)], Some(within)) if identifier(only) == *self.name => {
                    let message = within.message(self.name);
                    let position = self.binder.position(only.span);
                    Err(SqlError::new(SqlErrorKind::InvalidRecursion, message).at(position))
                }
                ([ast::ObjectNamePart::Identifier(only)], None) if identifier(only) == *self.name => {
                    self.references.set(self.references.get() + 1);
                    if self.references.get() == 1 {
                        return Ok(());
                    }
                    let message = format!(
                        "recursive reference to query \"{}\" must not appear more than once",
                        self.name.as_str()
                    );
                    let position = self.binder.position(only.span);
                    Err(SqlError::new(SqlErrorKind::InvalidRecursion, message).at(position))
                }
                _ => Ok(()),
            },
            ast::TableFactor::Derived { subquery, .. } => self.query(subquery, within),
            ast::TableFactor::NestedJoin { table_with_joins, .. } => self.joined(table_with_joins, within),
            _ => Ok(()),
        }
    }

    /// The subqueries that an expression's plain forms have.
    fn expression(&self, expr: &ast::Expr, within: Option<Within>) -> Result<(), SqlError> {
        use ast::Expr as E;
        match expr {
            E::Subquery(query) | E::Exists { subquery: query, .. } => self.query(query, within),
            E::InSubquery { expr, subquery, .. } => {
                self.expression(expr, within)?;
                self.query(subquery, within)
            }
            E::BinaryOp { left, right, .. } | E::AnyOp { left, right, .. } | E::AllOp { left, right, .. } => {
                self.expression(left, within)?;
                self.expression(right, within)
            }
            E::UnaryOp { expr, .. } | E::Nested(expr) | E::Cast { expr, .. } => self.expression(expr, within),
            _ => Ok(()),
        }
    }
}

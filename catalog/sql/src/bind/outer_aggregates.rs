//! Aggregates that belong to an enclosing query: those in a subquery whose arguments are of columns further out only. They
//! are bound again where those columns are, and the subquery refers to the result as to any column from outside.

use std::{cell::Cell, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Column,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan},
};
use sqlparser::ast;

use super::{
    Binder,
    calls::Marks,
    decorrelate::visit_outer_references,
    place::{Place, SeenFrom},
};
use crate::{
    error::{SqlError, SqlErrorKind},
    types::Typed,
};

impl Binder<'_> {
    /// How many levels up an aggregate over these expressions belongs: to the innermost query that one of their columns is
    /// of; without any column, to its own.
    pub(crate) fn aggregate_level<'e>(
        &self,
        parts: impl Iterator<Item = &'e Expr>,
        marks: &Marks,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<usize, SqlError> {
        let innermost: Cell<Option<usize>> = Cell::new(None);
        // Where an aggregate stands that this one is around.
        let nested: Cell<Option<Option<usize>>> = Cell::new(None);
        let column = |column: &Column| match place.scope.level_of(column) {
            Some(level) => innermost.set(Some(innermost.get().map_or(level, |known| known.min(level)))),
            // What an aggregate gives, of this query or of one around it; or what is joined for a subquery.
            None => nested.set(nested.get().or_else(|| place_of_aggregate(column, place))),
        };
        let subquery = |plan: &LogicalPlan| {
            visit_outer_references(plan, &mut |reference| {
                column(reference);
                TreeNodeRecursion::Continue
            });
        };
        for part in parts {
            // The closure does not fail.
            let _visited = part.apply(|node| {
                match node {
                    Expr::Column(reference) | Expr::OuterReferenceColumn(_, reference) => column(reference),
                    Expr::ScalarSubquery(inner) => subquery(&inner.subquery),
                    Expr::Exists(inner) => subquery(&inner.subquery.subquery),
                    Expr::InSubquery(inner) => subquery(&inner.subquery.subquery),
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        if let Some(attachments) = place.attachments {
            attachments.visit_since(marks.attachments, &column);
        }
        if let Some(inner) = nested.get() {
            let message = "aggregate function calls cannot be nested";
            return Err(SqlError::new(SqlErrorKind::GroupingError, message).at(inner.or(position)));
        }
        Ok(innermost.get().unwrap_or(0))
    }

    /// Binds a call in the query so many levels up from where it is written.
    pub(crate) fn outer_call(
        &self,
        call: &ast::Function,
        level: usize,
        what: &str,
        marks: &Marks,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        // Nothing of what has been bound here remains.
        if let Some(attachments) = place.attachments {
            attachments.truncate(marks.attachments);
        }
        if let Some(calls) = place.calls {
            calls.references.borrow_mut().truncate(marks.references);
        }
        let scope = place.scope.ancestor(level);
        let Some((scope, aggregating)) = scope.and_then(|scope| Some((scope, scope.aggregating?))) else {
            let message = format!("{what} are not allowed in FROM clause of their own query level");
            return Err(SqlError::new(SqlErrorKind::GroupingError, message).at(position));
        };
        let outer = Place {
            scope,
            ctes: place.ctes,
            clause: aggregating.clause,
            calls: aggregating.calls,
            attachments: aggregating.attachments,
        };
        self.call_seen_from(call, SeenFrom::Subquery, outer)
    }
}

/// If a column stands for an aggregate, here or further out: where that is written.
fn place_of_aggregate(column: &Column, place: Place<'_>) -> Option<Option<usize>> {
    let outer = (1..).map_while(|level| place.scope.ancestor(level)).map(|scope| scope.aggregating?.calls);
    std::iter::once(place.calls).chain(outer).flatten().find_map(|calls| {
        calls.aggregates.borrow().iter().find(|call| call.column == *column).map(|call| call.position)
    })
}

impl SeenFrom {
    /// A column that stands for a call.
    pub(crate) fn column(self, column: Column, arrow_type: &DataType) -> Expr {
        match self {
            Self::Here => Expr::Column(column),
            Self::Subquery => {
                let field = Arc::new(Field::new(&column.name, arrow_type.clone(), true));
                Expr::OuterReferenceColumn(field, column)
            }
        }
    }
}

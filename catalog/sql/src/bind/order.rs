//! ORDER BY, LIMIT and OFFSET. Nulls sort as in PostgreSQL: last when ascending, first when descending.

use std::sync::Arc;

use arrow::{
    datatypes::Schema,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use datafusion::{
    common::{DFSchema, ScalarValue},
    execution::context::ExecutionProps,
    logical_expr::{
        ColumnarValue, Expr, Limit, LogicalPlan, Sort, expr::Sort as SortExpr, lit,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::create_physical_expr,
};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings,
    expressions::{Clause, Place},
    not_postgresql, plan_error, unsupported,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, identifier},
    types::{CastContext, Typed, coerce},
};

/// A sort key with PostgreSQL's defaults.
pub(crate) fn sort_of(expr: Expr, options: &ast::OrderByOptions) -> SortExpr {
    let ascending = options.asc.unwrap_or(true);
    SortExpr { expr, asc: ascending, nulls_first: options.nulls_first.unwrap_or(!ascending) }
}

/// The value of an expression without columns. A parameter whose value is not known is null.
pub(crate) fn constant(typed: &Typed) -> Result<ScalarValue, SqlError> {
    if let Some(value) = typed.value() {
        return Ok(value.clone());
    }
    let internal = |error| plan_error(error);
    let schema = DFSchema::empty();
    let physical = create_physical_expr(
        &typed.expr,
        &schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(internal)?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .map_err(|error| plan_error(error.into()))?;
    match physical.evaluate(&row).map_err(internal)? {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0).map_err(internal),
    }
}

/// Sorts a plan.
pub(crate) fn sorted(plan: LogicalPlan, keys: Vec<SortExpr>) -> LogicalPlan {
    LogicalPlan::Sort(Sort { expr: keys, input: Arc::new(plan), fetch: None })
}

/// The items of an ORDER BY clause.
pub(crate) fn order_items(order_by: Option<&ast::OrderBy>) -> Result<&[ast::OrderByExpr], SqlError> {
    let Some(order_by) = order_by else { return Ok(&[]) };
    match &order_by.kind {
        ast::OrderByKind::Expressions(items) if order_by.interpolate.is_none() => Ok(items),
        _ => Err(not_postgresql("ALL", None)),
    }
}

impl Binder<'_> {
    /// The output column that an item names by its ordinal; `None` if the item is no integer.
    pub(crate) fn ordinal(
        &self,
        item: &ast::Expr,
        columns: usize,
        clause: &str,
    ) -> Result<Option<usize>, SqlError> {
        let ast::Expr::Value(value) = item else { return Ok(None) };
        let position = self.position(value.span);
        let ast::Value::Number(text, false) = &value.value else {
            return match value.value {
                ast::Value::Null | ast::Value::Placeholder(_) => Ok(None),
                _ => {
                    let message = format!("non-integer constant in {clause}");
                    Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position))
                }
            };
        };
        let text = text.to_string();
        let Ok(number) = text.parse::<usize>() else {
            let message = format!("non-integer constant in {clause}");
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        };
        if number == 0 || number > columns {
            let message = format!("{clause} position {number} is not in select list");
            return Err(SqlError::new(SqlErrorKind::InvalidColumnReference, message).at(position));
        }
        Ok(Some(number - 1))
    }

    /// Sorts a set operation or VALUES: only its output columns can be named.
    pub(crate) fn order_outputs(
        &self,
        bound: Bound,
        order_by: Option<&ast::OrderBy>,
        set_operation: bool,
        surroundings: Surroundings<'_>,
    ) -> Result<Bound, SqlError> {
        let items = order_items(order_by)?;
        if items.is_empty() {
            return Ok(bound);
        }
        let mut keys = Vec::new();
        for item in items {
            let typed = if let Some(index) = self.ordinal(&item.expr, bound.columns.len(), "ORDER BY")? {
                column_at(&bound.columns, index)?
            } else if let ast::Expr::Identifier(ident) = &item.expr {
                let name = identifier(ident);
                let mut named = bound.columns.iter().filter(|column| column.name == name.as_str());
                match (named.next(), named.next()) {
                    (Some(only), None) => only.typed(),
                    (Some(_), Some(_)) => {
                        let message = format!("ORDER BY \"{}\" is ambiguous", name.as_str());
                        let position = self.position(ident.span);
                        return Err(SqlError::new(SqlErrorKind::AmbiguousColumn, message).at(position));
                    }
                    _ => {
                        let message = format!("column \"{}\" does not exist", name.as_str());
                        let position = self.position(ident.span);
                        return Err(SqlError::new(SqlErrorKind::UndefinedColumn, message).at(position));
                    }
                }
            } else if set_operation {
                return Err(SqlError::new(
                    SqlErrorKind::FeatureNotSupported,
                    "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
                )
                .with_detail("Only result column names can be used, not expressions or functions.")
                .with_hint(
                    "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                )
                .at(self.start_of(&item.expr)));
            } else {
                let namespace = namespace_of(&bound.columns);
                let place = Place {
                    scope: Scope::new(&namespace, surroundings.outer),
                    ctes: surroundings.ctes,
                    clause: Clause::OrderBy,
                    calls: None,
                    attachments: None,
                };
                self.expression(&item.expr, place)?
            };
            keys.push(sort_of(typed.expr, &item.options));
        }
        Ok(Bound { plan: sorted(bound.plan, keys), columns: bound.columns })
    }

    /// LIMIT, OFFSET and FETCH FIRST.
    pub(crate) fn limited(
        &self,
        plan: LogicalPlan,
        query: &ast::Query,
        surroundings: Surroundings<'_>,
    ) -> Result<LogicalPlan, SqlError> {
        let (mut limit, mut offset) = (None, None);
        match &query.limit_clause {
            None => {}
            Some(ast::LimitClause::LimitOffset { limit: rows, offset: skip, limit_by }) => {
                if !limit_by.is_empty() {
                    return Err(not_postgresql("by", None));
                }
                limit = rows.as_ref();
                offset = skip.as_ref().map(|skip| &skip.value);
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset: skip, .. }) => {
                return Err(SqlError::new(SqlErrorKind::SyntaxError, "LIMIT #,# syntax is not supported")
                    .with_hint("Use separate LIMIT and OFFSET clauses.")
                    .at(self.start_of(skip)));
            }
        }
        let one = ast::Expr::value(ast::Value::Number("1".to_owned(), false));
        if let Some(fetch) = &query.fetch {
            if fetch.with_ties || fetch.percent {
                return Err(unsupported("WITH TIES and PERCENT", None));
            }
            if limit.is_some() {
                return Err(SqlError::new(SqlErrorKind::SyntaxError, "multiple LIMIT clauses not allowed"));
            }
            limit = Some(fetch.quantity.as_ref().unwrap_or(&one));
        }
        let fetch = match limit {
            Some(limit) => self.row_count(limit, Clause::Limit, surroundings)?,
            None => None,
        };
        let skip = match offset {
            Some(offset) => self.row_count(offset, Clause::Offset, surroundings)?,
            None => None,
        };
        if fetch.is_none() && skip.is_none() {
            return Ok(plan);
        }
        Ok(LogicalPlan::Limit(Limit {
            skip: skip.map(|rows| Box::new(lit(rows))),
            fetch: fetch.map(|rows| Box::new(lit(rows))),
            input: Arc::new(plan),
        }))
    }

    /// A number of rows; null and ALL are no limit.
    fn row_count(
        &self,
        expr: &ast::Expr,
        clause: Clause,
        surroundings: Surroundings<'_>,
    ) -> Result<Option<i64>, SqlError> {
        let position = self.start_of(expr);
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, surroundings.outer),
            ctes: surroundings.ctes,
            clause,
            calls: None,
            attachments: None,
        };
        let typed = self.expression(expr, place)?;
        if typed.expr.contains_outer() || contains_subquery(&typed.expr) {
            let message = format!("{} that is not a constant is not supported", clause.name());
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        let target = ColumnType::plain(PgType::Int8);
        let typed = coerce(&self.binding, typed, target, CastContext::Implicit, position)?;
        if matches!(typed.expr, Expr::Placeholder(_)) || has_placeholder(&typed.expr) {
            return Ok(None);
        }
        match constant(&typed).map_err(|error| error.at(position))? {
            ScalarValue::Int64(Some(rows)) if rows < 0 => Err(match clause {
                Clause::Offset => SqlError::new(
                    SqlErrorKind::InvalidRowCountInResultOffsetClause,
                    "OFFSET must not be negative",
                ),
                _ => SqlError::new(SqlErrorKind::InvalidRowCountInLimitClause, "LIMIT must not be negative"),
            }),
            ScalarValue::Int64(rows) => Ok(rows),
            _ => Ok(None),
        }
    }
}

fn has_placeholder(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|node| Ok(matches!(node, Expr::Placeholder(_)))).unwrap_or(false)
}

fn contains_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|node| Ok(matches!(node, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
        .unwrap_or(false)
}

fn column_at(columns: &[BoundColumn], index: usize) -> Result<Typed, SqlError> {
    columns
        .get(index)
        .map(BoundColumn::typed)
        .ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an ordinal beyond the output columns"))
}

/// The output columns as a scope of their own.
pub(crate) fn namespace_of(columns: &[BoundColumn]) -> Namespace {
    use std::rc::Rc;

    use lis_lake::names::Identifier;

    use crate::names::ScopeColumn;
    Namespace {
        tables: Vec::new(),
        columns: columns
            .iter()
            .map(|column| {
                Rc::new(ScopeColumn {
                    name: Identifier::exact(&column.name),
                    expr: Expr::Column(column.column.clone()),
                    column_type: column.column_type,
                    arrow_type: column.arrow_type.clone(),
                    origin: column.origin,
                })
            })
            .collect(),
    }
}

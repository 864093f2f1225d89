//! ORDER BY, LIMIT and OFFSET. Nulls sort as in PostgreSQL: last when ascending, first when descending.

use std::sync::Arc;

use arrow::{
    datatypes::{DataType, Schema},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use datafusion::{
    common::{Column, DFSchema, ScalarValue},
    execution::context::ExecutionProps,
    logical_expr::{
        ColumnarValue, Expr, Limit, LogicalPlan, Sort, cast, expr::Sort as SortExpr, lit,
        physical_planning_context::PhysicalPlanningContext,
    },
    optimizer::simplify_expressions::{ExprSimplifier, SimplifyContext},
    physical_expr::create_physical_expr,
};
use lis_functions::row_counts::checked;
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings, all_columns,
    attachments::Attachments,
    calls::Call,
    filter, not_postgresql,
    place::{Clause, Place},
    plan_error, project,
    set_operations::{rank, row_number},
    windows::windowed,
};
use crate::{
    dialect::marks::{TIES, is_mark_name},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, identifier},
    types::{CastContext, Typed, coerce, ordering::order_key},
};

/// A sort key with PostgreSQL's defaults.
pub(crate) fn sort_of(expr: Expr, options: &ast::OrderByOptions) -> SortExpr {
    let ascending = options.asc.unwrap_or(true);
    SortExpr { expr, asc: ascending, nulls_first: options.nulls_first.unwrap_or(!ascending) }
}

/// The value of an expression without columns. A parameter whose value is not known is null.
pub fn constant(typed: &Typed) -> Result<ScalarValue, SqlError> {
    match typed.value() {
        Some(value) => Ok(value.clone()),
        None => constant_value(&typed.expr),
    }
}

/// The same of an expression by itself.
pub(crate) fn constant_value(expr: &Expr) -> Result<ScalarValue, SqlError> {
    let internal = |error| plan_error(error);
    let schema = Arc::new(DFSchema::empty());
    // COALESCE can be evaluated only when it has become CASE.
    let context = SimplifyContext::builder().with_schema(Arc::clone(&schema)).build();
    let simplified = ExprSimplifier::new(context).simplify(expr.clone()).map_err(internal)?;
    let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
    let physical = create_physical_expr(&simplified, &schema, &properties, &context).map_err(internal)?;
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
        // A minus before a number belongs to the constant.
        if let ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } = item
            && let ast::Expr::Value(value) = expr.as_ref()
            && let ast::Value::Number(text, false) = &value.value
        {
            let position = self.position(value.span).map(|position| position - 1);
            let error = if text.to_string().bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!("{clause} position -{text} is not in select list");
                SqlError::new(SqlErrorKind::InvalidColumnReference, message)
            } else {
                let message = format!("non-integer constant in {clause}");
                SqlError::new(SqlErrorKind::SyntaxError, message)
            };
            return Err(error.at(position));
        }
        let ast::Expr::Value(value) = item else { return Ok(None) };
        let position = self.position(value.span);
        let ast::Value::Number(text, false) = &value.value else {
            return match value.value {
                ast::Value::Placeholder(_) => Ok(None),
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
            keys.push(sort_of(order_key(typed)?.expr, &item.options));
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
                let position = self.start_of(skip).and_then(|skip| self.find_backwards(skip, "limit"));
                return Err(SqlError::new(SqlErrorKind::SyntaxError, "LIMIT #,# syntax is not supported")
                    .with_hint("Use separate LIMIT and OFFSET clauses.")
                    .at(position));
            }
        }
        if query.fetch.is_some() {
            return Err(not_postgresql("fetch", None));
        }
        let ties = limit.and_then(tied);
        let limit = ties.or(limit);
        if ties.is_some() && query.order_by.is_none() {
            let message = "WITH TIES cannot be specified without ORDER BY clause";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message));
        }
        let attachments = Attachments::default();
        let count = |expr: Option<&ast::Expr>, clause: Clause| {
            expr.map_or(Ok(RowCount::All), |expr| {
                self.row_count(expr, clause, query, surroundings, &attachments)
            })
        };
        let fetch = count(limit, Clause::Limit)?;
        if ties.is_some_and(is_null) {
            let message = "row count cannot be null in FETCH FIRST ... WITH TIES clause";
            return Err(SqlError::new(SqlErrorKind::InvalidRowCountInLimitClause, message));
        }
        let skip = count(offset, Clause::Offset)?;
        let constant = |count: &RowCount| match count {
            RowCount::All => Some(None),
            RowCount::Constant(rows) => Some(Some(*rows)),
            RowCount::Computed(_) => None,
        };
        match (constant(&skip), constant(&fetch)) {
            (Some(None), Some(None)) => Ok(plan),
            (Some(skip), Some(fetch)) if ties.is_none() || fetch.is_none_or(|rows| rows == 0) => {
                Ok(LogicalPlan::Limit(Limit {
                    skip: skip.map(|rows| Box::new(lit(rows))),
                    fetch: fetch.map(|rows| Box::new(lit(rows))),
                    input: Arc::new(plan),
                }))
            }
            _ => self.counted(plan, skip, fetch, ties.is_some(), &attachments),
        }
    }

    /// Limits by numbering the rows: where the engine's limit, which takes constants, cannot say it.
    fn counted(
        &self,
        plan: LogicalPlan,
        skip: RowCount,
        fetch: RowCount,
        ties: bool,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        match plan {
            // The sort may have keys that the projection over it drops.
            LogicalPlan::Projection(projection) if below_is_sort(&projection.input) => {
                let input =
                    self.counted(projection.input.as_ref().clone(), skip, fetch, ties, attachments)?;
                project(input, projection.expr)
            }
            LogicalPlan::Sort(sort) => {
                let keys = sort.expr.clone();
                let input = sort.input.as_ref().clone();
                let numbered = self.by_number(input, &keys, skip, fetch, ties, attachments)?;
                let columns = all_columns(&sort.input);
                project(sorted(numbered, keys), columns)
            }
            other => {
                let columns = all_columns(&other);
                project(self.by_number(other, &[], skip, fetch, ties, attachments)?, columns)
            }
        }
    }

    fn by_number(
        &self,
        plan: LogicalPlan,
        keys: &[SortExpr],
        skip: RowCount,
        fetch: RowCount,
        ties: bool,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        let plan = self.attached(plan, attachments)?;
        let number = self.fresh_column("row_number");
        let place = self.fresh_column("rank");
        let mut calls = vec![Call {
            expr: row_number(Vec::new(), keys.to_vec()),
            column: number.clone(),
            position: None,
        }];
        if ties {
            calls.push(Call { expr: rank(keys.to_vec()), column: place.clone(), position: None });
        }
        let plan = windowed(plan, calls)?;
        let as_count = |column: Column| cast(Expr::Column(column), DataType::Int64);
        let skipped = skip.or_nothing();
        let mut condition = as_count(number.clone()).gt(skipped.clone());
        match fetch {
            RowCount::All => {}
            fetch => {
                let rows = fetch.expr();
                let place = as_count(if ties { place } else { number });
                condition = condition.and(rows.clone().is_null().or(place.lt_eq(skipped + rows)));
            }
        }
        filter(plan, condition)
    }

    /// What is wrong with a LIMIT whose names are none: if they are columns of FROM, that.
    fn of_variables(
        &self,
        error: SqlError,
        expr: &ast::Expr,
        query: &ast::Query,
        place: Place<'_>,
    ) -> SqlError {
        let ast::SetExpr::Select(select) = query.body.as_ref() else { return error };
        if error.kind != SqlErrorKind::UndefinedColumn {
            return error;
        }
        let surroundings = Surroundings { outer: place.scope.parent, ctes: place.ctes };
        let Ok(from) = self.sources(&select.from, surroundings) else { return error };
        let place = Place { scope: Scope::new(&from.namespace, place.scope.parent), ..place };
        match self.expression(expr, place) {
            Ok(_) => {
                let message = format!("argument of {} must not contain variables", place.clause.name());
                SqlError::new(SqlErrorKind::InvalidColumnReference, message).at(error.position)
            }
            Err(other) if other.kind != SqlErrorKind::UndefinedColumn => other,
            Err(_) => error,
        }
    }

    /// A number of rows; null and ALL are no limit.
    fn row_count(
        &self,
        expr: &ast::Expr,
        clause: Clause,
        query: &ast::Query,
        surroundings: Surroundings<'_>,
        attachments: &Attachments,
    ) -> Result<RowCount, SqlError> {
        let position = self.start_of(expr);
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, surroundings.outer),
            ctes: surroundings.ctes,
            clause,
            calls: None,
            attachments: Some(attachments),
        };
        let typed =
            self.expression(expr, place).map_err(|error| self.of_variables(error, expr, query, place))?;
        let target = ColumnType::plain(PgType::Int8);
        let actual = typed.pg_type();
        let typed =
            coerce(&self.binding, typed, target, CastContext::Assignment, position).map_err(|error| {
                if error.kind != SqlErrorKind::CannotCoerce {
                    return error;
                }
                let message = format!(
                    "argument of {} must be type bigint, not type {}",
                    clause.name(),
                    crate::types::type_name(actual)
                );
                SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(position)
            })?;
        if has_placeholder(&typed.expr) {
            return Ok(RowCount::All);
        }
        if typed.expr.contains_outer()
            || contains_subquery(&typed.expr)
            || !typed.expr.column_refs().is_empty()
        {
            return Ok(RowCount::Computed(checked(clause == Clause::Offset, typed.expr)));
        }
        match constant(&typed).map_err(|error| error.at(position))? {
            ScalarValue::Int64(Some(rows)) if rows < 0 => Err(match clause {
                Clause::Offset => SqlError::new(
                    SqlErrorKind::InvalidRowCountInResultOffsetClause,
                    "OFFSET must not be negative",
                ),
                _ => SqlError::new(SqlErrorKind::InvalidRowCountInLimitClause, "LIMIT must not be negative"),
            }),
            ScalarValue::Int64(Some(rows)) => Ok(RowCount::Constant(rows)),
            _ => Ok(RowCount::All),
        }
    }
}

/// How many rows LIMIT or OFFSET says.
#[derive(Debug)]
enum RowCount {
    /// It is not written, null, or a parameter without a value yet.
    All,
    Constant(i64),
    /// Known only when the query runs.
    Computed(Expr),
}

impl RowCount {
    fn expr(self) -> Expr {
        match self {
            Self::All => lit(ScalarValue::Int64(None)),
            Self::Constant(rows) => lit(rows),
            Self::Computed(expr) => expr,
        }
    }

    /// As a number of rows to skip.
    fn or_nothing(self) -> Expr {
        match self {
            Self::All => lit(0_i64),
            Self::Constant(rows) => lit(rows),
            Self::Computed(expr) => datafusion::functions::core::expr_fn::coalesce(vec![expr, lit(0_i64)]),
        }
    }
}

/// Whether NULL is written.
fn is_null(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Nested(inner) => is_null(inner),
        ast::Expr::Value(value) => value.value == ast::Value::Null,
        _ => false,
    }
}

/// The number in a LIMIT that is marked as FETCH … WITH TIES.
fn tied(limit: &ast::Expr) -> Option<&ast::Expr> {
    let ast::Expr::Function(call) = limit else { return None };
    let ast::FunctionArguments::List(list) = &call.args else { return None };
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(rows))] if is_mark_name(&call.name, TIES) => {
            Some(rows)
        }
        _ => None,
    }
}

/// Whether a query's own sort is at the top of a plan, under projections.
fn below_is_sort(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Projection(projection) => below_is_sort(&projection.input),
        _ => false,
    }
}

/// Whether an expression waits for a parameter's value.
pub(crate) fn has_placeholder(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|node| Ok(matches!(node, Expr::Placeholder(_)))).unwrap_or(false)
}

/// Whether an expression has a subquery in it that the engine plans.
pub(crate) fn contains_subquery(expr: &Expr) -> bool {
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
                    collation: column.collation,
                    origin: column.origin,
                })
            })
            .collect(),
    }
}

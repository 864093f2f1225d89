//! Subqueries in expressions. Four roads, cheapest first:
//!
//! - A subquery without outer references is a plain `ScalarSubquery`.
//! - `EXISTS` and `IN` that are conditions of WHERE or HAVING by themselves: DataFusion's own decorrelation makes joins
//!   of them ([`natively_planned`] says which).
//! - Other EXISTS, IN, ANY and ALL become marks, and values that equalities relate to the outside become groups, where
//!   the references to the outside can be taken out of the subquery: see [`attachments`](super::attachments).
//! - Everything else becomes a query of one value for each row, which [`decorrelate`](super::decorrelate) joins to the
//!   outer plan.

use std::{collections::BTreeSet, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Column, ExprSchema, ScalarValue, Spans,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    functions::core::expr_fn::coalesce,
    functions_aggregate::{count::count_udaf, first_last::first_value_udaf},
    logical_expr::{
        Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, Limit, LogicalPlan, Operator, Projection, Sort,
        Subquery,
        expr::{AggregateFunction, AggregateFunctionParams, Exists, InSubquery, Sort as SortExpr},
        lit,
        utils::split_conjunction,
        when,
    },
};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast::{self, Spanned};

use super::{
    Binder, Bound, BoundColumn, Surroundings, Unknowns, all_columns,
    attachments::{Attachment, Attachments},
    decorrelate::{as_filter, default_of, has_outer, is_correlated, visit_outer_references},
    expressions::row,
    filter,
    place::{Aggregating, Clause, Place},
    plan_error, project,
    pull_up::{Need, PulledUp, equalities},
    query::only_column,
    single_value::{self, single_value},
    unsupported,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    names::Scope,
    operators::is_leakproof,
    resolve::{self, FunctionCall, ResolvedFunction},
    types::Typed,
};

/// How a left operand is compared with the rows of a subquery.
#[derive(Debug, Clone, Copy)]
struct Quantifier<'q> {
    operator: &'q str,
    all: bool,
    negated: bool,
}

impl Binder<'_> {
    fn subquery(&self, query: &ast::Query, place: Place<'_>, unknowns: Unknowns) -> Result<Bound, SqlError> {
        if place.clause == Clause::CopyWhere {
            let message = "cannot use subquery in COPY FROM WHERE condition";
            let error = SqlError::new(SqlErrorKind::FeatureNotSupported, message);
            return Err(error.at(self.opening_of(query)));
        }
        let Place { clause, calls, attachments, .. } = place;
        let aggregating = Some(Aggregating { clause, calls, attachments });
        let scope = Scope { aggregating, ..place.scope };
        self.query(query, Surroundings { outer: Some(&scope), ctes: place.ctes }, unknowns)
    }

    /// `(SELECT …)` as a value.
    pub(crate) fn scalar_subquery(&self, query: &ast::Query, place: Place<'_>) -> Result<Typed, SqlError> {
        let bound = self.subquery(query, place, Unknowns::AsText)?;
        let column = only_column(&bound, self.opening_of(query))?.clone();
        self.scalar(bound.plan, &column, place)
    }

    /// `(a, b) op (SELECT …)`: a row with the one row of a subquery.
    pub(crate) fn row_with_subquery(
        &self,
        operator: &str,
        lefts: &[ast::Expr],
        query: &ast::Query,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let lefts = lefts.iter().map(|left| self.expression(left, place)).collect::<Result<Vec<_>, _>>()?;
        let rights = self.row_subquery(query, place)?;
        if rights.len() != lefts.len() {
            let few = if rights.len() < lefts.len() { "few" } else { "many" };
            let message = format!("subquery has too {few} columns");
            return Err(SqlError::new(crate::error::SqlErrorKind::SyntaxError, message).at(position));
        }
        self.compare_pairs(operator, lefts.into_iter().zip(rights).collect(), position)
    }

    /// The value of a query of one column, which must have at most one row.
    fn scalar(&self, plan: LogicalPlan, column: &BoundColumn, place: Place<'_>) -> Result<Typed, SqlError> {
        let value = column.typed();
        if is_correlated(&plan)
            && let Some(expr) = self.grouped_value(&plan, column, place)?
        {
            return Ok(Typed::new(expr, value.column_type, value.arrow_type).collated(value.collation));
        }
        let plan = if at_most_one_row(&plan) { plan } else { self.single(plan, column)? };
        let expr = self.value_of(plan, place)?;
        Ok(Typed::new(expr, value.column_type, value.arrow_type).collated(value.collation))
    }

    /// `(SELECT a, b, …)` as a row's values. Each is a subquery of its own, since an expression has one value.
    pub(crate) fn row_subquery(&self, query: &ast::Query, place: Place<'_>) -> Result<Vec<Typed>, SqlError> {
        let mut values = Vec::new();
        loop {
            let Bound { plan, columns } = self.subquery(query, place, Unknowns::AsText)?;
            let Some(column) = columns.get(values.len()) else { return Ok(values) };
            let plan = project(plan, vec![Expr::Column(column.column.clone())])?;
            values.push(self.scalar(plan, column, place)?);
            if values.len() == columns.len() {
                return Ok(values);
            }
        }
    }

    /// The value of a subquery that only equalities relate to the outside: its rows are grouped by what equals the outer
    /// expressions, and each outer row finds its group. What is computed of a group's aggregates is computed at the place
    /// of the subquery, so that it cannot fail for a group that no row asks for. `None` if the subquery is of another
    /// kind.
    fn grouped_value(
        &self,
        plan: &LogicalPlan,
        column: &BoundColumn,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        let Some(attachments) = place.attachments else { return Ok(None) };
        let mut exprs = vec![Expr::Column(column.column.clone())];
        let mut node = plan;
        while let LogicalPlan::Projection(projection) = node {
            let mut inner = Vec::with_capacity(exprs.len());
            for expr in exprs {
                inner.push(over_input(expr, &projection.schema.columns(), &projection.expr)?);
            }
            exprs = inner;
            node = &projection.input;
        }
        let aggregate = match node {
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Some(aggregate),
            _ if at_most_one_row(plan) => return Ok(None),
            _ => None,
        };
        let (input, calls) = match aggregate {
            Some(aggregate) => (aggregate.input.as_ref(), aggregate.aggr_expr.clone()),
            None => {
                let value = self.fresh_column(&column.name);
                let rows = self.fresh_column("rows");
                // Any number of rows: the value is the first's, and a second one is an error where it is asked for.
                let calls = vec![
                    first(Expr::Column(column.column.clone())).alias(&value.name),
                    count(None).alias(&rows.name),
                ];
                exprs = vec![single_value::one_row_only(Expr::Column(value), Expr::Column(rows))];
                (plan, calls)
            }
        };
        // What stands at the place may not refer to the outside as such, and nothing may fail for a group too many.
        if exprs.iter().any(|expr| has_outer(expr) || has_subquery(expr) || expr.is_volatile())
            || !calls.iter().all(cannot_fail)
        {
            return Ok(None);
        }
        let Some(PulledUp { plan: input, conditions }) = self.pull_up(input, Need::Rows)? else {
            return Ok(None);
        };
        let Some(on) = equalities(&conditions) else { return Ok(None) };
        let mut keys = Vec::new();
        let mut groups = Vec::new();
        for (outer, inner) in on {
            let outer_type = outer.get_type(&datafusion::common::DFSchema::empty()).map_err(plan_error)?;
            let inner_type = inner.get_type(input.schema()).map_err(plan_error)?;
            // Two zeros are equal and two groups.
            if outer_type != inner_type || inner_type.is_floating() {
                return Ok(None);
            }
            let key = self.fresh_column("key");
            groups.push(inner.alias(&key.name));
            keys.push((outer, Expr::Column(key)));
        }
        let input = if groups.iter().all(|group| matches!(group.clone().unalias(), Expr::Column(_))) {
            input
        } else {
            let mut shown = all_columns(&input);
            shown.extend(groups.iter().cloned());
            groups = keys.iter().map(|(_, key)| key.clone()).collect();
            project(input, shown)?
        };
        // Grouped by the columns under their own names: only so the engine lets the outer rows' keys, which it learns
        // while it runs, go below.
        let mut own: Vec<Expr> = Vec::new();
        for group in &groups {
            let group = group.clone().unalias();
            if !own.contains(&group) {
                own.push(group);
            }
        }
        let count = own.len();
        let grouped = Aggregate::try_new(Arc::new(input), own, calls.clone())
            .map(LogicalPlan::Aggregate)
            .map_err(plan_error)?;
        let mut found = Vec::new();
        let names: Vec<Column> = grouped.schema().columns().into_iter().skip(count).collect();
        let shown = groups.into_iter().chain(names.iter().cloned().map(Expr::Column));
        let grouped = project(grouped, shown.collect())?;
        for (call, name) in calls.iter().zip(&names) {
            let field = grouped.schema().field_from_column(name).map_err(plan_error)?;
            let value = Expr::Column(name.clone());
            found.push(match default_of(call, field.data_type())? {
                None => value,
                Some(default) => coalesce(vec![value, lit(default)]),
            });
        }
        let columns = aggregate.map_or_else(|| names.clone(), |aggregate| aggregate.schema.columns());
        let [expr] =
            <[Expr; 1]>::try_from(exprs).map_err(|_| unsupported("a subquery of several columns", None))?;
        let expr = over_input(expr, &columns, &found)?;
        attachments.push(Attachment::Groups { query: grouped, on: keys });
        Ok(Some(expr))
    }

    /// The one value of a query, which must have at most one row.
    fn single(&self, plan: LogicalPlan, column: &BoundColumn) -> Result<LogicalPlan, SqlError> {
        let call = Expr::AggregateFunction(AggregateFunction {
            func: single_value(),
            params: AggregateFunctionParams {
                args: vec![Expr::Column(column.column.clone())],
                distinct: false,
                filter: None,
                order_by: Vec::new(),
                null_treatment: None,
            },
        });
        let value = self.fresh_column(&column.name);
        aggregate(plan, vec![call.alias(&value.name)])
    }

    /// The value of a plan of one column and at most one row, as an expression of the place.
    fn value_of(&self, plan: LogicalPlan, place: Place<'_>) -> Result<Expr, SqlError> {
        if !is_correlated(&plan) {
            // Without a row the value is null. The engine takes it for what the plan's column is, and that can become
            // narrower than it is here when the plan is optimised.
            let sure = always_one_row(&plan);
            let never_null = plan.schema().fields().iter().all(|field| !field.is_nullable());
            let value = Expr::ScalarSubquery(subquery_of(plan, Vec::new()));
            return Ok(if never_null || !sure { single_value::nullable(value) } else { value });
        }
        let native = matches!(place.clause, Clause::Where | Clause::Having);
        if native
            && let Some(references) = immediate_references(&plan, place)
            && natively_planned(&plan, true)
        {
            return Ok(Expr::ScalarSubquery(subquery_of(plan, references)));
        }
        let attachments = attachments_of(place)?;
        let columns = plan.schema().columns();
        let [column] = columns.as_slice() else {
            return Err(unsupported("a subquery of several columns", None));
        };
        // The value's name must be the plan's own, without a qualifier.
        let value = self.fresh_column("subquery");
        let query = project(plan.clone(), vec![Expr::Column(column.clone()).alias(&value.name)])?;
        attachments.push(Attachment::Value { query });
        Ok(Expr::Column(value))
    }

    /// Whether a query has a row for which a condition holds, as an expression of the place. `None` if the query refers to
    /// the outside in a way that no mark is possible, or there is nowhere to attach.
    fn mark(
        &self,
        plan: &LogicalPlan,
        need: Need,
        condition: Option<Expr>,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        let Some(attachments) = place.attachments else { return Ok(None) };
        let Some(PulledUp { plan: query, mut conditions }) = self.pull_up(plan, need)? else {
            return Ok(None);
        };
        conditions.extend(condition);
        let Some(condition) = conditions.into_iter().reduce(Expr::and) else { return Ok(None) };
        let mark = self.fresh_column("exists");
        attachments.push(Attachment::Mark { query, condition, mark: mark.clone() });
        Ok(Some(Expr::Column(mark)))
    }

    /// `EXISTS (…)` that is not a condition by itself.
    pub(crate) fn exists(
        &self,
        query: &ast::Query,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let bound = self.subquery(query, place, Unknowns::AsText)?;
        let expr = self.existence(bound, negated, place)?;
        Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)))
    }

    /// Whether a subquery has rows.
    fn existence(&self, bound: Bound, negated: bool, place: Place<'_>) -> Result<Expr, SqlError> {
        let correlated = is_correlated(&bound.plan);
        if correlated && let Some(mark) = self.mark(&bound.plan, Need::Existence, None, place)? {
            return Ok(if negated { Expr::Not(Box::new(mark)) } else { mark });
        }
        let rows = if correlated {
            bound.plan
        } else {
            // One row is enough to know.
            LogicalPlan::Limit(Limit {
                skip: None,
                fetch: Some(Box::new(lit(1_i64))),
                input: Arc::new(bound.plan),
            })
        };
        let counted = self.fresh_column("count");
        let plan = aggregate(rows, vec![count(None).alias(&counted.name)])?;
        let found = self.fresh_column("exists");
        let some = Expr::Column(counted).gt(lit(0_i64));
        let plan = project(plan, vec![some.alias(&found.name)])?;
        let expr = self.value_of(plan, place)?;
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    /// `x IN (SELECT …)` that is not a condition by itself.
    pub(crate) fn in_subquery(
        &self,
        value: &ast::Expr,
        query: &ast::Query,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let quantifier = Quantifier { operator: "=", all: false, negated };
        self.compared_with_rows(value, query, quantifier, place)
    }

    /// `x op ANY (SELECT …)`, `x op ALL (SELECT …)`.
    pub(crate) fn quantified_subquery(
        &self,
        left: &ast::Expr,
        operator: &str,
        query: &ast::Query,
        all: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        self.compared_with_rows(left, query, Quantifier { operator, all, negated: false }, place)
    }

    fn compared_with_rows(
        &self,
        value: &ast::Expr,
        query: &ast::Query,
        quantifier: Quantifier<'_>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let position = self.start_of(value);
        let lefts = self.operands(value, place)?;
        let bound = self.subquery(query, place, Unknowns::Keep)?;
        if bound.columns.len() != lefts.len() {
            let word = if quantifier.operator == "=" && !quantifier.all { "in" } else { quantifier.operator };
            let position = self.position_after(value.span(), word).or(position);
            let few = if bound.columns.len() < lefts.len() { "few" } else { "many" };
            return Err(SqlError::new(
                crate::error::SqlErrorKind::SyntaxError,
                format!("subquery has too {few} columns"),
            )
            .at(position));
        }
        if quantifier.operator == "="
            && !quantifier.all
            && !is_correlated(&bound.plan)
            && let ([left], [column]) = (lefts.as_slice(), bound.columns.as_slice())
            && let Some(matched) = self.matched(left, column, &bound, position, place)?
        {
            let expr = if quantifier.negated { Expr::Not(Box::new(matched)) } else { matched };
            return Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(position));
        }
        // Each operand that is not constant becomes a column of the outer plan, to which the subquery can refer.
        let mut pairs = Vec::new();
        for (left, column) in lefts.into_iter().zip(&bound.columns) {
            let constant =
                left.expr.column_refs().is_empty() && !left.expr.contains_outer() && left.is_unknown();
            let outer = if constant || left.value().is_some() {
                left
            } else {
                let own = self.fresh_column("operand");
                let field = Arc::new(Field::new(&own.name, left.arrow_type.clone(), true));
                attachments_of(place)?
                    .push(Attachment::Operand { expr: left.expr.clone(), column: own.clone() });
                Typed { expr: Expr::OuterReferenceColumn(field, own), ..left }
            };
            pairs.push((outer, column.typed()));
        }
        let test = self.compare_pairs(quantifier.operator, pairs, position)?.expr;
        let (deciding, value_if_decided) =
            if quantifier.all { (Expr::Not(Box::new(test.clone())), false) } else { (test.clone(), true) };
        let typed = |verdict: Expr| {
            let expr = if quantifier.negated { Expr::Not(Box::new(verdict)) } else { verdict };
            Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(position)
        };
        if (is_correlated(&bound.plan) || has_outer(&test))
            && !has_subquery(&test)
            && let Some(decided) = self.mark(&bound.plan, Need::Values, Some(deciding.clone()), place)?
        {
            let unsure = Expr::IsNull(Box::new(test));
            let Some(unsure) = self.mark(&bound.plan, Need::Values, Some(unsure), place)? else {
                return Err(SqlError::new(SqlErrorKind::Internal, "a mark that is possible only once"));
            };
            let verdict = when(decided, lit(value_if_decided))
                .when(unsure, lit(ScalarValue::Boolean(None)))
                .otherwise(lit(!value_if_decided))
                .map_err(plan_error)?;
            return Ok(typed(verdict));
        }
        let decided = self.fresh_column("decided");
        let unsure = self.fresh_column("unsure");
        let counts = vec![
            count(Some(deciding)).alias(&decided.name),
            count(Some(Expr::IsNull(Box::new(test)))).alias(&unsure.name),
        ];
        let plan = aggregate(bound.plan, counts)?;
        let some = |column: Column| Expr::Column(column).gt(lit(0_i64));
        let verdict = when(some(decided), lit(value_if_decided))
            .when(some(unsure), lit(ScalarValue::Boolean(None)))
            .otherwise(lit(!value_if_decided))
            .map_err(plan_error)?;
        let found = self.fresh_column("verdict");
        let plan = project(plan, vec![verdict.alias(&found.name)])?;
        Ok(typed(self.value_of(plan, place)?))
    }

    /// `x IN (SELECT c …)` without correlation: the outer plan joined to the different values of `c`. Whether the answer is
    /// unknown where nothing matches is the same for all rows, but for those where `x` is null. `None` if `=` is more
    /// than an equality of two values here, or there is nowhere to attach.
    fn matched(
        &self,
        left: &Typed,
        column: &BoundColumn,
        bound: &Bound,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        let Some(attachments) = place.attachments else { return Ok(None) };
        let test = resolve::operator(&self.binding, None, "=", Some(left.clone()), column.typed(), position)?;
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = test.expr else {
            return Ok(None);
        };
        if left.column_refs().is_empty() || right.column_refs().is_empty() {
            return Ok(None);
        }
        let operand = self.fresh_column("operand");
        let value = self.fresh_column(&column.name);
        let values = project(bound.plan.clone(), vec![(*right).alias(&value.name)])?;
        let value = Expr::Column(value);
        // 0: no rows; 1: rows, none of them null; 2: a null among them.
        let (rows, known) = (self.fresh_column("rows"), self.fresh_column("known"));
        let counts = vec![
            count(None).alias(&rows.name),
            count(Some(Expr::IsNotNull(Box::new(value.clone())))).alias(&known.name),
        ];
        let counted = aggregate(values.clone(), counts)?;
        let state = when(Expr::Column(rows.clone()).eq(lit(0_i64)), lit(0_i64))
            .when(Expr::Column(known).lt(Expr::Column(rows)), lit(2_i64))
            .otherwise(lit(1_i64))
            .map_err(plan_error)?;
        let state_name = self.fresh("state");
        let state =
            Expr::ScalarSubquery(subquery_of(project(counted, vec![state.alias(state_name)])?, Vec::new()));
        let known_values = filter(values, Expr::IsNotNull(Box::new(value.clone())))?;
        let query = LogicalPlan::Distinct(Distinct::All(Arc::new(known_values)));
        let Expr::Column(key) = value.clone() else { return Ok(None) };
        attachments.push(Attachment::Operand { expr: *left, column: operand.clone() });
        attachments.push(Attachment::Match { operand: operand.clone(), query, key });
        let null_operand = Expr::IsNull(Box::new(Expr::Column(operand)));
        let unknown = state.clone().eq(lit(2_i64)).or(state.eq(lit(1_i64)).and(null_operand));
        when(Expr::IsNotNull(Box::new(value)), lit(true))
            .when(unknown, lit(ScalarValue::Boolean(None)))
            .otherwise(lit(false))
            .map(Some)
            .map_err(plan_error)
    }

    fn operands(&self, value: &ast::Expr, place: Place<'_>) -> Result<Vec<Typed>, SqlError> {
        match row(value) {
            Some(fields) => fields.iter().map(|field| self.expression(field, place)).collect(),
            None => Ok(vec![self.expression(value, place)?]),
        }
    }

    /// A condition of WHERE or HAVING by itself: EXISTS, IN and their negations where DataFusion plans them as joins.
    /// `None` if the condition is anything else.
    pub(crate) fn native_condition(
        &self,
        condition: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        match condition {
            ast::Expr::Nested(inner) => self.native_condition(inner, place),
            ast::Expr::Exists { subquery, negated } => self.native_exists(subquery, *negated, place),
            ast::Expr::InSubquery { expr, subquery, negated } => {
                self.native_in(expr, subquery, *negated, place)
            }
            ast::Expr::AnyOp { left, compare_op: ast::BinaryOperator::Eq, right, .. } => {
                match right.as_ref() {
                    ast::Expr::Subquery(query) => self.native_in(left, query, false, place),
                    _ => Ok(None),
                }
            }
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => match expr.as_ref() {
                ast::Expr::Exists { subquery, negated } => self.native_exists(subquery, !negated, place),
                ast::Expr::InSubquery { expr, subquery, negated } => {
                    self.native_in(expr, subquery, !negated, place)
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn native_exists(
        &self,
        query: &ast::Query,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        let bound = self.subquery(query, place, Unknowns::AsText)?;
        let native = is_correlated(&bound.plan) && natively_planned(&bound.plan, false);
        match immediate_references(&bound.plan, place).filter(|_| native) {
            Some(references) => {
                let subquery = subquery_of(bound.plan, references);
                Ok(Some(Expr::Exists(Exists { subquery, negated })))
            }
            // The subquery is not bound again: inside one another that would take twice as long with every further one.
            None => self.existence(bound, negated, place).map(Some),
        }
    }

    fn native_in(
        &self,
        value: &ast::Expr,
        query: &ast::Query,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Option<Expr>, SqlError> {
        if row(value).is_some() {
            return Ok(None);
        }
        let left = self.expression(value, place)?;
        let bound = self.subquery(query, place, Unknowns::Keep)?;
        let column = only_column(&bound, self.start_of(value))?;
        let correlated = is_correlated(&bound.plan);
        // NOT IN must be unknown where a null is among the rows; DataFusion knows that only without correlation.
        if correlated && (negated || !natively_planned(&bound.plan, false)) {
            return Ok(None);
        }
        let Some(references) = immediate_references(&bound.plan, place) else { return Ok(None) };
        // A constant would be compared below the join, where the nulls among the rows no longer count; and what is computed
        // can turn out to be one when the plan is optimised.
        if left.expr.contains_outer() || (negated && !is_column(&left.expr)) {
            return Ok(None);
        }
        let position = self.position_after(sqlparser::ast::Spanned::span(value), "in");
        let test = resolve::operator(&self.binding, None, "=", Some(left), column.typed(), position)?;
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = test.expr else {
            return Ok(None);
        };
        let plan = match right.as_ref() {
            // The engine asks for an expression of each column, which rows that are written out have not.
            Expr::Column(own)
                if bound.plan.schema().has_column(own) && !matches!(bound.plan, LogicalPlan::Values(_)) =>
            {
                bound.plan
            }
            _ => {
                let output = self.fresh_column(&column.name);
                project(bound.plan, vec![(*right).alias(&output.name)])?
            }
        };
        let subquery = subquery_of(plan, references);
        Ok(Some(Expr::InSubquery(InSubquery::new(left, subquery, negated))))
    }

    /// `ARRAY(SELECT …)`.
    pub(crate) fn array_subquery(&self, query: &ast::Query, place: Place<'_>) -> Result<Typed, SqlError> {
        let bound = self.subquery(query, place, Unknowns::AsText)?;
        let column = only_column(&bound, None)?;
        let typmod = column.column_type.typmod;
        let call = FunctionCall {
            schema: Some("pg_catalog".to_owned()),
            name: "array_agg".to_owned(),
            arguments: vec![super::calls::positional(column.typed())],
            star: false,
            distinct: false,
            variadic: false,
            within_group: Vec::new(),
            over: false,
            position: None,
        };
        let ResolvedFunction::Aggregate(resolved) = resolve::function(&self.binding, call)? else {
            return Err(unsupported("ARRAY(SELECT …)", None));
        };
        let (mut input, arguments, mut order_by) = ordered_input(bound.plan, resolved.arguments)?;
        if order_by.is_empty()
            && is_correlated(&input)
            && let Some(lifted) = self.lifted_order(&input)?
        {
            (input, order_by) = (lifted.plan, lifted.keys);
        }
        let expr = Expr::AggregateFunction(AggregateFunction {
            func: resolved.function,
            params: AggregateFunctionParams {
                args: arguments,
                distinct: false,
                filter: None,
                order_by,
                null_treatment: None,
            },
        });
        let collected = self.fresh_column("array");
        let plan = aggregate(input, vec![expr.alias(&collected.name)])?;
        let value = self.value_of(plan, place)?;
        // No rows are an empty array here, not null.
        let empty = match &resolved.arrow_type {
            DataType::List(element) => {
                ScalarValue::List(ScalarValue::new_list_nullable(&[], element.data_type()))
            }
            _ => return Err(unsupported("ARRAY(SELECT …) of this type", None)),
        };
        let expr = crate::resolve::conditional::coalesce(vec![value, lit(empty)], &resolved.arrow_type)?;
        let column_type = ColumnType::new(resolved.result.pg_type, typmod);
        let collected = Typed::new(expr, column_type, resolved.arrow_type);
        let array = match resolved.finish {
            Some(finish) => finish.apply(collected, column_type)?,
            None => collected,
        };
        Ok(array.collated(resolved.collation))
    }

    /// Correlated subqueries that were left to DataFusion, attached after all: for expressions that move into a node where
    /// DataFusion has no road for them (an aggregate's argument, a window).
    pub(crate) fn without_native(&self, expr: Expr, attachments: &Attachments) -> Result<Expr, SqlError> {
        self.attaching(expr, attachments, |subquery| !subquery.outer_ref_columns.is_empty())
    }

    /// All subqueries of one value attached: for a condition of an outer join.
    pub(crate) fn with_values(&self, expr: Expr, attachments: &Attachments) -> Result<Expr, SqlError> {
        self.attaching(expr, attachments, |_| true)
    }

    fn attaching(
        &self,
        expr: Expr,
        attachments: &Attachments,
        which: impl Fn(&Subquery) -> bool,
    ) -> Result<Expr, SqlError> {
        let mut failed = None;
        let transformed = expr.transform(|node| match node {
            Expr::ScalarSubquery(subquery) if which(&subquery) => {
                let value = self.fresh_column("subquery");
                let columns = subquery.subquery.schema().columns();
                let exprs =
                    columns.into_iter().map(|column| Expr::Column(column).alias(&value.name)).collect();
                match project(subquery.subquery.as_ref().clone(), exprs) {
                    Ok(query) => attachments.push(Attachment::Value { query }),
                    Err(error) => failed = Some(error),
                }
                Ok(Transformed::yes(Expr::Column(value)))
            }
            other => Ok(Transformed::no(other)),
        });
        match failed {
            Some(error) => Err(error),
            None => transformed.map(|result| result.data).map_err(plan_error),
        }
    }
}

/// The input of ORDER BY and its keys, so that an aggregate can order for itself; what an aggregate reads is followed
/// down through projections.
fn ordered_input(
    plan: LogicalPlan,
    arguments: Vec<Expr>,
) -> Result<(LogicalPlan, Vec<Expr>, Vec<SortExpr>), SqlError> {
    match &plan {
        LogicalPlan::Sort(Sort { expr, input, fetch: None }) => {
            return Ok((input.as_ref().clone(), arguments, expr.clone()));
        }
        // Above the sort, a SELECT only leaves out columns that it sorted by.
        LogicalPlan::Projection(Projection { expr, input, .. })
            if expr.iter().all(|one| matches!(one, Expr::Column(_)))
                && matches!(input.as_ref(), LogicalPlan::Sort(_)) =>
        {
            return ordered_input(input.as_ref().clone(), arguments);
        }
        _ => {}
    }
    Ok((plan, arguments, Vec::new()))
}

/// Whether an expression is a column, of whatever type it is read as.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Cast(cast) => is_column(&cast.expr),
        _ => false,
    }
}

/// Where subqueries of the place are attached.
fn attachments_of<'s>(place: Place<'s>) -> Result<&'s Attachments, SqlError> {
    let construct = || format!("a correlated subquery in {}", place.clause.name());
    place.attachments.ok_or_else(|| unsupported(&construct(), None))
}

/// An expression over a projection's columns as one over its input: `exprs` are what the columns are.
fn over_input(expr: Expr, columns: &[Column], exprs: &[Expr]) -> Result<Expr, SqlError> {
    expr.transform(|node| {
        Ok(match node {
            Expr::Column(column) => match columns.iter().position(|known| *known == column) {
                Some(index) => match exprs.get(index) {
                    Some(expr) => Transformed::yes(expr.clone().unalias()),
                    None => Transformed::no(Expr::Column(column)),
                },
                None => Transformed::no(Expr::Column(column)),
            },
            other => Transformed::no(other),
        })
    })
    .map(|transformed| transformed.data)
    .map_err(plan_error)
}

/// Whether an aggregate's arguments and conditions cannot fail, whatever the rows.
fn cannot_fail(call: &Expr) -> bool {
    let Expr::AggregateFunction(function) = call.clone().unalias() else { return false };
    let params = &function.params;
    function.func.name() != single_value::NAME
        && params.args.iter().all(is_leakproof)
        && params.filter.iter().all(|filter| is_leakproof(filter))
        && params.order_by.iter().all(|sort| is_leakproof(&sort.expr))
}

pub(crate) fn first(value: Expr) -> Expr {
    Expr::AggregateFunction(AggregateFunction {
        func: first_value_udaf(),
        params: AggregateFunctionParams {
            args: vec![value],
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            null_treatment: None,
        },
    })
}

fn aggregate(plan: LogicalPlan, calls: Vec<Expr>) -> Result<LogicalPlan, SqlError> {
    Aggregate::try_new(Arc::new(plan), Vec::new(), calls).map(LogicalPlan::Aggregate).map_err(plan_error)
}

fn count(filter: Option<Expr>) -> Expr {
    Expr::AggregateFunction(AggregateFunction {
        func: count_udaf(),
        params: AggregateFunctionParams {
            args: vec![lit(1_i64)],
            distinct: false,
            filter: filter.map(Box::new),
            order_by: Vec::new(),
            null_treatment: None,
        },
    })
}

fn subquery_of(plan: LogicalPlan, outer_ref_columns: Vec<Expr>) -> Subquery {
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Spans::new() }
}

/// The plan's outer references, if all of them are to the query around it and not further out.
fn immediate_references(plan: &LogicalPlan, place: Place<'_>) -> Option<Vec<Expr>> {
    let own = |column: &Column| {
        let namespace = place.scope.namespace;
        namespace
            .columns
            .iter()
            .chain(namespace.tables.iter().flat_map(|table| table.columns.iter().chain(&table.hidden)))
            .any(|visible| matches!(&visible.expr, Expr::Column(known) if known == column))
    };
    let mut all = true;
    visit_outer_references(plan, &mut |column| {
        if own(column) {
            TreeNodeRecursion::Continue
        } else {
            all = false;
            TreeNodeRecursion::Stop
        }
    });
    all.then(|| plan.all_out_ref_exprs())
}

/// Whether DataFusion's decorrelation makes a join of the plan: outer references occur only in the predicates of one
/// filter, and under an aggregation only as equalities of an outer column with an inner expression.
fn natively_planned(plan: &LogicalPlan, aggregated: bool) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            !expr.iter().any(has_outer) && natively_planned(input, aggregated)
        }
        LogicalPlan::SubqueryAlias(alias) => natively_planned(&alias.input, aggregated),
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) if aggregated => {
            group_expr.is_empty() && !aggr_expr.iter().any(has_outer) && plain_filter(input, true)
        }
        other => !aggregated && plain_filter(other, false),
    }
}

fn plain_filter(plan: &LogicalPlan, equalities_only: bool) -> bool {
    let Some(node) = as_filter(plan) else { return false };
    if is_correlated(&node.input) || !names_are_unique(&node.predicate) {
        return false;
    }
    split_conjunction(&node.predicate).into_iter().filter(|predicate| has_outer(predicate)).all(|predicate| {
        if has_subquery(predicate) {
            return false;
        }
        if !equalities_only {
            return true;
        }
        match predicate {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                (is_outer_column(left) && !has_outer(right) && !right.column_refs().is_empty())
                    || (is_outer_column(right) && !has_outer(left) && !left.column_refs().is_empty())
            }
            _ => false,
        }
    })
}

/// Whether the columns that the correlated parts of a predicate have inside are of different names: the engine puts them
/// under one alias and finds them by their names.
fn names_are_unique(predicate: &Expr) -> bool {
    let correlated = split_conjunction(predicate).into_iter().filter(|part| has_outer(part));
    let columns: BTreeSet<&Column> = correlated.flat_map(Expr::column_refs).collect();
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.len() == columns.len()
}

fn is_outer_column(expr: &Expr) -> bool {
    matches!(expr, Expr::OuterReferenceColumn(..))
}

pub(crate) fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|node| Ok(matches!(node, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
        .unwrap_or(true)
}

/// Whether a plan is known to have one row.
fn always_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => always_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => always_one_row(&alias.input),
        _ => false,
    }
}

/// Whether a plan is known to have at most one row.
fn at_most_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => at_most_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => at_most_one_row(&alias.input),
        LogicalPlan::Filter(filter) => at_most_one_row(&filter.input),
        LogicalPlan::Sort(sort) => at_most_one_row(&sort.input),
        LogicalPlan::Limit(limit) => match limit.fetch.as_deref() {
            Some(Expr::Literal(ScalarValue::Int64(Some(rows)), _)) if *rows <= 1 => true,
            _ => at_most_one_row(&limit.input),
        },
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Values(values) => values.values.len() <= 1,
        _ => false,
    }
}

/// The predicates of a filter over a plan, put on one by one: conditions that DataFusion makes joins of stay apart.
pub(crate) fn filtered(plan: LogicalPlan, predicates: Vec<Expr>) -> Result<LogicalPlan, SqlError> {
    if predicates.is_empty() {
        return Ok(plan);
    }
    filter(plan, super::expressions::balanced(predicates, Operator::And))
}

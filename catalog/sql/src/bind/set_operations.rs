//! UNION, INTERSECT and EXCEPT, with PostgreSQL's types: resolved pair by pair, from left to right.

use std::sync::Arc;

use datafusion::{
    common::{Column, NullEquality, ScalarValue},
    functions_window::{nth_value::first_value_udwf, rank::rank_udwf, row_number::row_number_udwf},
    logical_expr::{
        Distinct, Expr, Join, JoinConstraint, JoinType, LogicalPlan, Union, WindowFrame, WindowFrameBound,
        WindowFrameUnits, WindowFunctionDefinition,
        expr::{WindowFunction, WindowFunctionParams},
        lit,
    },
};
use lis_lake::types::PgType;
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings, Unknowns, all_columns, calls::Call, filter, not_postgresql,
    plan_error, project, windows::windowed,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    types::{
        Typed, common_type,
        ordering::{check_equality, equality_key, partition_key},
        shown,
    },
};

impl Binder<'_> {
    /// Binds a set operation.
    pub(crate) fn set_operation(
        &self,
        left: &ast::SetExpr,
        op: ast::SetOperator,
        quantifier: ast::SetQuantifier,
        right: &ast::SetExpr,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        let all = match quantifier {
            ast::SetQuantifier::All => true,
            ast::SetQuantifier::Distinct | ast::SetQuantifier::None => false,
            _ => return Err(not_postgresql("by", None)),
        };
        if let ast::SetExpr::Select(select) = right
            && let Some(into) = &select.into
        {
            let message = "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT";
            return Err(self.misplaced_into(into, message));
        }
        let left = self.set_expression(left, surroundings, Unknowns::Keep)?;
        let right = self.set_expression(right, surroundings, Unknowns::Keep)?;
        let name = match op {
            ast::SetOperator::Union => "UNION",
            ast::SetOperator::Intersect => "INTERSECT",
            ast::SetOperator::Except => "EXCEPT",
            ast::SetOperator::Minus => return Err(not_postgresql("minus", None)),
        };
        if left.columns.len() != right.columns.len() {
            let position = right.columns.first().and_then(|column| column.position);
            let message = format!("each {name} query must have the same number of columns");
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        let (left, right) = self.aligned(left, right, name, all, unknowns)?;
        let without_equality = |column: &&super::BoundColumn| {
            matches!(column.column_type.pg_type, PgType::Json | PgType::Jsonpath)
        };
        if let (false, Some(json)) = (all, left.columns.iter().find(without_equality)) {
            let name = json.column_type.pg_type.facts().name;
            let message = format!("could not identify an equality operator for type {name}");
            return Err(SqlError::new(SqlErrorKind::UndefinedFunction, message).at(json.position));
        }
        match op {
            ast::SetOperator::Union => {
                let union = united(left.plan, right.plan, all)?;
                let plan = if all { union } else { self.distinct_rows(union, &left.columns)? };
                Ok(Bound { plan, columns: left.columns })
            }
            ast::SetOperator::Intersect => self.matching(left, right, JoinType::LeftSemi, all),
            ast::SetOperator::Except | ast::SetOperator::Minus => {
                self.matching(left, right, JoinType::LeftAnti, all)
            }
        }
    }

    /// Both arms with columns of the same types (and of the same names, as DataFusion's union wants them).
    fn aligned(
        &self,
        left: Bound,
        right: Bound,
        name: &str,
        all: bool,
        unknowns: Unknowns,
    ) -> Result<(Bound, Bound), SqlError> {
        // The columns of a union are its own, so one more arm may take their names; where a type changes, a cast does.
        let kept = inputs_of_union(&left.plan).is_some();
        let mut columns = Vec::with_capacity(left.columns.len());
        let mut left_exprs = Vec::with_capacity(left.columns.len());
        let mut right_exprs = Vec::with_capacity(left.columns.len());
        for (left_column, right_column) in left.columns.iter().zip(&right.columns) {
            let mut pair = [left_column.typed(), right_column.typed()];
            let both_unknown = pair.iter().all(|typed| typed.is_unknown());
            let same_origin = pair[0].origin.is_some() && pair[0].origin == pair[1].origin;
            let written = [constant_of(&left, left_column), constant_of(&right, right_column)];
            let mut common = common_type(&self.binding, &mut pair, name)?;
            if common.column_type.pg_type == PgType::Numeric && common.column_type.typmod < 0 {
                let [left, right] = &pair;
                let [left_constant, right_constant] = written;
                common.column_type.shown = shown::of_several(&[
                    left_constant.unwrap_or_else(|| left.clone()),
                    right_constant.unwrap_or_else(|| right.clone()),
                ]);
            }
            if !all {
                check_equality(&pair[0])?;
            }
            let [left_typed, right_typed] = pair;
            let output = match &left_typed.expr {
                Expr::Column(column) if kept => column.clone(),
                _ => self.fresh_column(&left_column.name),
            };
            left_exprs.push(match left_typed.expr {
                Expr::Column(column) if column == output => Expr::Column(column),
                expr => expr.alias(&output.name),
            });
            right_exprs.push(right_typed.expr.alias(&output.name));
            // Two arms of which neither has a type are text, unless a surrounding set operation says otherwise; that
            // needs the constants, which are not one constant any more.
            let unknown = match unknowns {
                Unknowns::Keep if both_unknown && is_null(left_column) && is_null(right_column) => {
                    left_column.unknown.clone()
                }
                _ => None,
            };
            columns.push(BoundColumn {
                name: left_column.name.clone(),
                column: output,
                column_type: common.column_type,
                arrow_type: common.arrow_type,
                collation: common.collation.of_column(),
                origin: left_column.origin.filter(|_| same_origin),
                unknown,
                position: left_column.position,
            });
        }
        let plan =
            if left_exprs == all_columns(&left.plan) { left.plan } else { project(left.plan, left_exprs)? };
        let left = Bound { plan, columns: columns.clone() };
        let right = Bound { plan: project(right.plan, right_exprs)?, columns };
        Ok((left, right))
    }

    /// INTERSECT and EXCEPT: a semi or anti join in which nulls are equal. With ALL, rows that are equal are numbered on
    /// both sides, so that each matches one.
    fn matching(&self, left: Bound, right: Bound, join_type: JoinType, all: bool) -> Result<Bound, SqlError> {
        let left_names: Vec<Column> = left.columns.iter().map(|column| column.column.clone()).collect();
        let key_of = |column: &BoundColumn, name: &Column| -> Result<Expr, SqlError> {
            let typed = Typed { expr: Expr::Column(name.clone()), ..column.typed() };
            Ok(partition_key(typed)?.expr)
        };
        let keys_of = |names: &[Column]| {
            left.columns
                .iter()
                .zip(names)
                .map(|(column, name)| key_of(column, name))
                .collect::<Result<Vec<_>, _>>()
        };
        // The right side's columns have the left side's names: give them their own.
        let right_names: Vec<Column> =
            left_names.iter().map(|column| self.fresh_column(&column.name)).collect();
        let renamed = left_names
            .iter()
            .zip(&right_names)
            .map(|(from, to)| Expr::Column(from.clone()).alias(&to.name))
            .collect();
        let mut right_plan = project(right.plan, renamed)?;
        let mut left_plan = left.plan;
        let (mut left_keys, mut right_keys) = (keys_of(&left_names)?, keys_of(&right_names)?);
        if all {
            let (plan, number) = self.numbered(left_plan, left_keys.clone())?;
            left_plan = plan;
            left_keys.push(Expr::Column(number));
            let (plan, number) = self.numbered(right_plan, right_keys.clone())?;
            right_plan = plan;
            right_keys.push(Expr::Column(number));
        } else {
            left_plan = self.distinct_rows(left_plan, &left.columns)?;
        }
        let on = left_keys.into_iter().zip(right_keys).collect();
        let join = Join::try_new(
            Arc::new(left_plan),
            Arc::new(right_plan),
            on,
            None,
            join_type,
            JoinConstraint::On,
            NullEquality::NullEqualsNull,
            false,
        )
        .map(LogicalPlan::Join)
        .map_err(plan_error)?;
        let plan =
            if all { project(join, left_names.into_iter().map(Expr::Column).collect())? } else { join };
        Ok(Bound { plan, columns: left.columns })
    }

    /// One of the rows that are equal. Where values can be equal and differ, it is the first of those with one key.
    pub(crate) fn distinct_rows(
        &self,
        plan: LogicalPlan,
        columns: &[BoundColumn],
    ) -> Result<LogicalPlan, SqlError> {
        let mut keys = Vec::with_capacity(columns.len());
        let mut by_key = false;
        for column in columns {
            let typed = column.typed();
            by_key |= equality_key(&typed)?.is_some();
            keys.push(partition_key(typed)?.expr);
        }
        if !by_key {
            return Ok(LogicalPlan::Distinct(Distinct::All(Arc::new(plan))));
        }
        let shown = all_columns(&plan);
        let (plan, number) = self.numbered(plan, keys)?;
        project(filter(plan, Expr::Column(number).eq(lit(1_u64)))?, shown)
    }

    /// The plan with a column that numbers equal rows.
    fn numbered(&self, plan: LogicalPlan, keys: Vec<Expr>) -> Result<(LogicalPlan, Column), SqlError> {
        let number = self.fresh_column("row_number");
        let window = row_number(keys, Vec::new());
        let plan = windowed(plan, vec![Call { expr: window, column: number.clone(), position: None }])?;
        Ok((plan, number))
    }
}

/// The arms of a plan that is a union, with or without its equal rows.
fn inputs_of_union(plan: &LogicalPlan) -> Option<&Union> {
    match plan {
        LogicalPlan::Union(union) => Some(union),
        LogicalPlan::Distinct(Distinct::All(input)) => match input.as_ref() {
            LogicalPlan::Union(union) => Some(union),
            _ => None,
        },
        _ => None,
    }
}

/// Both plans' rows. `a UNION b UNION c` is one union of three, not two unions of two: a plan of a thousand arms must not
/// be a thousand deep. Where equal rows go in the end (`all` is false), they need not go before.
fn united(left: LogicalPlan, right: LogicalPlan, all: bool) -> Result<LogicalPlan, SqlError> {
    let arms = match &left {
        LogicalPlan::Distinct(_) if all => None,
        _ => inputs_of_union(&left).map(|union| union.inputs.clone()),
    };
    let right = Arc::new(right);
    let mut union = Union::try_new(vec![Arc::new(left), Arc::clone(&right)]).map_err(plan_error)?;
    if let Some(mut arms) = arms {
        arms.push(right);
        union.inputs = arms;
    }
    Ok(LogicalPlan::Union(union))
}

fn is_null(column: &BoundColumn) -> bool {
    column.unknown.as_ref().and_then(|typed| typed.value()).is_some_and(|value| value.is_null())
}

/// `row_number() OVER (PARTITION BY … ORDER BY …)`.
pub(crate) fn row_number(
    partition_by: Vec<Expr>,
    order_by: Vec<datafusion::logical_expr::expr::Sort>,
) -> Expr {
    numbering(WindowFunctionDefinition::WindowUDF(row_number_udwf()), partition_by, order_by)
}

/// `rank() OVER (ORDER BY …)`.
pub(crate) fn rank(order_by: Vec<datafusion::logical_expr::expr::Sort>) -> Expr {
    numbering(WindowFunctionDefinition::WindowUDF(rank_udwf()), Vec::new(), order_by)
}

/// `first_value(value) OVER (PARTITION BY …)`.
pub(crate) fn first_of_partition(value: Expr, partition_by: Vec<Expr>) -> Expr {
    let fun = WindowFunctionDefinition::WindowUDF(first_value_udwf());
    over_rows(fun, vec![value], partition_by, Vec::new())
}

fn numbering(
    fun: WindowFunctionDefinition,
    partition_by: Vec<Expr>,
    order_by: Vec<datafusion::logical_expr::expr::Sort>,
) -> Expr {
    over_rows(fun, Vec::new(), partition_by, order_by)
}

fn over_rows(
    fun: WindowFunctionDefinition,
    args: Vec<Expr>,
    partition_by: Vec<Expr>,
    order_by: Vec<datafusion::logical_expr::expr::Sort>,
) -> Expr {
    // Numbers ask for no frame; one of rows takes keys of any type.
    let window_frame = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow,
    );
    Expr::from(WindowFunction {
        fun,
        params: WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    })
}

/// The constant that an arm's column is, if it is one.
fn constant_of(bound: &Bound, column: &BoundColumn) -> Option<Typed> {
    let LogicalPlan::Projection(projection) = &bound.plan else { return None };
    let found = projection.expr.iter().find_map(|expr| match expr {
        Expr::Alias(alias) if alias.name == column.column.name => Some(alias.expr.as_ref()),
        _ => None,
    })?;
    match found {
        Expr::Literal(value, _) => Some(Typed::constant(value.clone(), column.column_type)),
        _ => None,
    }
}

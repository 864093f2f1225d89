//! Correlated predicates taken out of a subquery. Most subqueries refer to the outside only in conditions; without those
//! they are plain plans, and the conditions can stand in the join that puts both together. That is far cheaper than the
//! general way of [`decorrelate`](super::decorrelate), and the engine finds the keys of the join by itself.

use std::sync::Arc;

use datafusion::{
    common::{
        Column,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        BinaryExpr, Distinct, Expr, Filter, Join, JoinType, LogicalPlan, Operator, SubqueryAlias,
        utils::split_conjunction,
    },
};
use recursive::recursive;

use super::{
    Binder, all_columns,
    decorrelate::{has_outer, is_correlated},
    plan_error, project,
    subqueries::{filtered, has_subquery},
};
use crate::error::SqlError;

/// A plan without the conditions that refer to the outside.
#[derive(Debug)]
pub(crate) struct PulledUp {
    /// It has the columns that it had, and after or between them those that the conditions need.
    pub(crate) plan: LogicalPlan,
    /// The conditions, over the plan's columns; the outside stands in them as outer references.
    pub(crate) conditions: Vec<Expr>,
}

/// What the rows of a subquery are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Whether there is one (EXISTS): neither columns nor repetitions matter.
    Existence,
    /// Which values there are (IN): repetitions do not matter.
    Values,
    /// All of them.
    Rows,
}

impl Binder<'_> {
    /// Takes the correlated conditions out of a plan; `None` where the outside is referred to in another way.
    #[recursive]
    pub(crate) fn pull_up(&self, plan: &LogicalPlan, need: Need) -> Result<Option<PulledUp>, SqlError> {
        if !is_correlated(plan) {
            return Ok(Some(PulledUp { plan: plan.clone(), conditions: Vec::new() }));
        }
        match plan {
            LogicalPlan::Filter(node) => self.pull_up_filter(node, need),
            LogicalPlan::Projection(node) if need == Need::Existence => self.pull_up(&node.input, need),
            LogicalPlan::Projection(node) => {
                if node.expr.iter().any(has_outer) {
                    return Ok(None);
                }
                let Some(below) = self.pull_up(&node.input, need)? else { return Ok(None) };
                self.shown(below, node.expr.clone(), project).map(Some)
            }
            LogicalPlan::SubqueryAlias(node) if need == Need::Existence => self.pull_up(&node.input, need),
            LogicalPlan::SubqueryAlias(node) => {
                let Some(below) = self.pull_up(&node.input, need)? else { return Ok(None) };
                let shown = all_columns(&node.input);
                let PulledUp { plan, conditions } = self.shown(below, shown, project)?;
                let alias = node.alias.clone();
                let inner = plan.schema().columns();
                let plan = SubqueryAlias::try_new(Arc::new(plan), alias.clone())
                    .map(LogicalPlan::SubqueryAlias)
                    .map_err(plan_error)?;
                let renamed: Vec<(Column, Column)> = inner.into_iter().zip(plan.schema().columns()).collect();
                let conditions = renamed_all(conditions, &renamed)?;
                Ok(Some(PulledUp { plan, conditions }))
            }
            // The order of a subquery's rows means nothing to what is around it.
            LogicalPlan::Sort(node) if node.fetch.is_none() => self.pull_up(&node.input, need),
            LogicalPlan::Distinct(Distinct::All(input)) if need != Need::Rows => self.pull_up(input, need),
            LogicalPlan::Join(node) => self.pull_up_join(node, need),
            _ => Ok(None),
        }
    }

    fn pull_up_filter(&self, node: &Filter, need: Need) -> Result<Option<PulledUp>, SqlError> {
        // The predicate needs the columns of what is below.
        let need = if need == Need::Existence { Need::Values } else { need };
        let Some(below) = self.pull_up(&node.input, need)? else { return Ok(None) };
        let (correlated, own): (Vec<Expr>, Vec<Expr>) =
            split_conjunction(&node.predicate).into_iter().cloned().partition(has_outer);
        if correlated.iter().any(|condition| has_subquery(condition) || condition.is_volatile()) {
            return Ok(None);
        }
        let mut conditions = below.conditions;
        conditions.extend(correlated);
        Ok(Some(PulledUp { plan: filtered(below.plan, own)?, conditions }))
    }

    fn pull_up_join(&self, node: &Join, need: Need) -> Result<Option<PulledUp>, SqlError> {
        let both = node.join_type == JoinType::Inner;
        let left_only = matches!(
            node.join_type,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
        );
        if !both && !left_only {
            return Ok(None);
        }
        // Columns at either side may be needed by the join itself.
        let need = if need == Need::Existence { Need::Values } else { need };
        let (on_outer, on) = node
            .on
            .iter()
            .cloned()
            .partition::<Vec<_>, _>(|(left, right)| has_outer(left) || has_outer(right));
        let (filter_outer, filter) = node
            .filter
            .iter()
            .flat_map(|filter| split_conjunction(filter).into_iter().cloned())
            .partition::<Vec<Expr>, _>(has_outer);
        if filter_outer.iter().any(|condition| has_subquery(condition) || condition.is_volatile()) {
            return Ok(None);
        }
        if left_only && (!on_outer.is_empty() || !filter_outer.is_empty() || is_correlated(&node.right)) {
            return Ok(None);
        }
        let Some(left) = self.pull_up(&node.left, need)? else { return Ok(None) };
        let Some(right) = self.pull_up(&node.right, need)? else { return Ok(None) };
        let mut conditions = left.conditions;
        conditions.extend(right.conditions);
        conditions.extend(filter_outer);
        conditions.extend(on_outer.into_iter().map(|(left, right)| left.eq(right)));
        let filter = filter.into_iter().reduce(Expr::and);
        let plan = Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            on,
            filter,
            node.join_type,
            node.join_constraint,
            node.null_equality,
            node.null_aware,
        )
        .map(LogicalPlan::Join)
        .map_err(plan_error)?;
        Ok(Some(PulledUp { plan, conditions }))
    }

    /// A projection over a plan with conditions: the columns that they need are shown too, under names of their own.
    fn shown(
        &self,
        below: PulledUp,
        mut exprs: Vec<Expr>,
        project: impl Fn(LogicalPlan, Vec<Expr>) -> Result<LogicalPlan, SqlError>,
    ) -> Result<PulledUp, SqlError> {
        let mut renamed: Vec<(Column, Column)> = Vec::new();
        for condition in &below.conditions {
            for column in condition.column_refs() {
                if !renamed.iter().any(|(known, _)| known == column) {
                    renamed.push((column.clone(), self.fresh_column(&column.name)));
                }
            }
        }
        renamed.sort();
        exprs.extend(renamed.iter().map(|(column, shown)| Expr::Column(column.clone()).alias(&shown.name)));
        let conditions = renamed_all(below.conditions, &renamed)?;
        Ok(PulledUp { plan: project(below.plan, exprs)?, conditions })
    }
}

/// Conditions that are all equalities of something outside with something inside: the pairs.
pub(crate) fn equalities(conditions: &[Expr]) -> Option<Vec<(Expr, Expr)>> {
    conditions
        .iter()
        .map(|condition| {
            let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
                return None;
            };
            let outside = |expr: &Expr| has_outer(expr) && expr.column_refs().is_empty();
            let inside = |expr: &Expr| !has_outer(expr) && !expr.column_refs().is_empty();
            if outside(left) && inside(right) {
                Some((left.as_ref().clone(), right.as_ref().clone()))
            } else if outside(right) && inside(left) {
                Some((right.as_ref().clone(), left.as_ref().clone()))
            } else {
                None
            }
        })
        .collect()
}

fn renamed_all(exprs: Vec<Expr>, renamed: &[(Column, Column)]) -> Result<Vec<Expr>, SqlError> {
    exprs
        .into_iter()
        .map(|expr| {
            expr.transform(|node| {
                Ok(match node {
                    Expr::Column(column) => match renamed.iter().find(|(known, _)| *known == column) {
                        Some((_, shown)) => Transformed::yes(Expr::Column(shown.clone())),
                        None => Transformed::no(Expr::Column(column)),
                    },
                    other => Transformed::no(other),
                })
            })
            .map(|transformed| transformed.data)
            .map_err(plan_error)
        })
        .collect()
}

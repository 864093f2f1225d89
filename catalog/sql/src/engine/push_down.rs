//! The engine's rule that pushes filters down, kept from two things that change what a query means:
//!
//! - A predicate that can fail is not copied to the other side of a join. From `a.x = l.nr` the engine infers for every
//!   predicate over `a.x` the same one over `l.nr`, so `1/(a.x - 5) > 0` would fail for a 5 in `l` that no row of `a` has.
//!   (PostgreSQL infers constants only.) To its own side it goes, as in PostgreSQL.
//! - A predicate without columns (`$1 = 2`, a scalar subquery, `random() < 0.5`) stays above an aggregation that gives a row
//!   for no rows.
//!
//! Each is done by taking such predicates out before the engine's rule sees the node, and putting them back after.

use std::sync::Arc;

use datafusion::{
    common::{Result, tree_node::Transformed},
    logical_expr::{
        Expr, Filter, Join, JoinType, LogicalPlan,
        utils::{conjunction, split_conjunction},
    },
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule, push_down_filter::PushDownFilter},
};

use crate::operators::cannot_fail;

/// The engine's `PushDownFilter` with more care.
#[derive(Debug, Default)]
pub struct PushDownFilters(PushDownFilter);

impl OptimizerRule for PushDownFilters {
    fn name(&self) -> &'static str {
        "push_down_filter"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Filter(filter) => match filter.input.as_ref() {
                LogicalPlan::Join(_) => self.over_join(filter, config),
                // The engine makes one filter of two and looks at what is below that, which may be one of these.
                LogicalPlan::Filter(below) => {
                    let mut predicates: Vec<&Expr> = split_conjunction(&below.predicate);
                    for predicate in split_conjunction(&filter.predicate) {
                        if !predicates.contains(&predicate) {
                            predicates.push(predicate);
                        }
                    }
                    let Some(predicate) = conjunction(predicates.into_iter().cloned()) else {
                        return self.0.rewrite(LogicalPlan::Filter(filter), config);
                    };
                    let both = Filter::try_new(predicate, Arc::clone(&below.input))?;
                    let rewritten = self.rewrite(LogicalPlan::Filter(both), config)?;
                    Ok(Transformed::yes(rewritten.data))
                }
                LogicalPlan::Aggregate(aggregate)
                    if aggregate.group_expr.is_empty()
                        || matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) =>
                {
                    let (kept, rest) = apart(&filter.predicate, |expr| expr.column_refs().is_empty());
                    self.without(filter, kept, rest, config)
                }
                _ => self.0.rewrite(LogicalPlan::Filter(filter), config),
            },
            LogicalPlan::Join(join) => self.join(join, config),
            other => self.0.rewrite(other, config),
        }
    }
}

impl PushDownFilters {
    /// The engine's rule for a filter of `rest`, and `kept` above what comes of it.
    fn without(
        &self,
        filter: Filter,
        kept: Vec<Expr>,
        rest: Vec<Expr>,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let Some(kept) = conjunction(kept) else {
            return self.0.rewrite(LogicalPlan::Filter(filter), config);
        };
        let Some(rest) = conjunction(rest) else {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        };
        let below = LogicalPlan::Filter(Filter::try_new(rest, filter.input)?);
        self.0.rewrite(below, config)?.transform_data(|plan| {
            Filter::try_new(kept, Arc::new(plan)).map(|filter| Transformed::yes(LogicalPlan::Filter(filter)))
        })
    }

    /// A filter over a join: predicates that can fail go to the side whose columns they have, if all rows of that side
    /// are looked at anyway, and stay where they are otherwise.
    fn over_join(&self, filter: Filter, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let (fallible, mut rest) = apart(&filter.predicate, |expr| !cannot_fail(expr) || expr.is_volatile());
        if fallible.is_empty() {
            return self.0.rewrite(LogicalPlan::Filter(filter), config);
        }
        let LogicalPlan::Join(join) = filter.input.as_ref() else {
            return self.0.rewrite(LogicalPlan::Filter(filter), config);
        };
        use JoinType as J;
        let (left_kept, right_kept) = match join.join_type {
            J::Inner => (true, true),
            J::Left | J::LeftSemi | J::LeftAnti | J::LeftMark => (true, false),
            J::Right | J::RightSemi | J::RightAnti | J::RightMark => (false, true),
            J::Full => (false, false),
        };
        let (mut left, mut right, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for predicate in fallible {
            let columns = predicate.column_refs();
            let within = |side: &LogicalPlan| {
                !columns.is_empty() && columns.iter().all(|column| side.schema().has_column(column))
            };
            if predicate.is_volatile() {
                kept.push(predicate);
            } else if left_kept && within(&join.left) {
                left.push(predicate);
            } else if right_kept && within(&join.right) {
                right.push(predicate);
            } else if join.join_type == J::Inner && !columns.is_empty() {
                // It becomes the join's own condition. A filter above the join would not do: the engine's physical
                // rule that pushes filters tells columns of the same name apart by nothing.
                rest.push(predicate);
            } else {
                kept.push(predicate);
            }
        }
        if left.is_empty() && right.is_empty() {
            return self.without(filter, kept, rest, config);
        }
        let join = Join { left: over(left, &join.left)?, right: over(right, &join.right)?, ..join.clone() };
        let mut plan = LogicalPlan::Join(join);
        if let Some(rest) = conjunction(rest) {
            let below = LogicalPlan::Filter(Filter::try_new(rest, Arc::new(plan))?);
            plan = self.0.rewrite(below, config)?.data;
        }
        if let Some(kept) = conjunction(kept) {
            plan = LogicalPlan::Filter(Filter::try_new(kept, Arc::new(plan))?);
        }
        Ok(Transformed::yes(plan))
    }

    /// A join whose own condition can fail: the engine sees the rest of the condition.
    fn join(&self, join: Join, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let (fallible, rest) = match &join.filter {
            Some(filter) => apart(filter, |expr| !cannot_fail(expr)),
            None => (Vec::new(), Vec::new()),
        };
        if fallible.is_empty() {
            return self.0.rewrite(LogicalPlan::Join(join), config);
        }
        let whole = join.clone();
        let bare = Join { filter: conjunction(rest), ..join };
        let rewritten = self.0.rewrite(LogicalPlan::Join(bare), config)?;
        match rewritten.data {
            LogicalPlan::Join(mut join) => {
                join.filter = conjunction(join.filter.into_iter().chain(fallible));
                Ok(Transformed::new(LogicalPlan::Join(join), rewritten.transformed, rewritten.tnr))
            }
            _ => Ok(Transformed::no(LogicalPlan::Join(whole))),
        }
    }
}

/// The conjuncts that a test holds for, and the others.
fn apart(predicate: &Expr, test: impl Fn(&Expr) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    split_conjunction(predicate).into_iter().cloned().partition(test)
}

fn over(predicates: Vec<Expr>, plan: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    match conjunction(predicates) {
        None => Ok(Arc::clone(plan)),
        Some(predicate) => {
            Filter::try_new(predicate, Arc::clone(plan)).map(|filter| Arc::new(LogicalPlan::Filter(filter)))
        }
    }
}

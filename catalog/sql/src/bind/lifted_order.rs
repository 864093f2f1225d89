//! The order in which the rows of a subquery in FROM come, for an aggregate that shows it: `array_agg(x)` over
//! `(SELECT x FROM t WHERE … ORDER BY y)`. The engine drops a sort that nothing above asks for, and one in a correlated
//! subquery does not survive its way into a join; so the aggregate sorts for itself.

use std::sync::Arc;

use datafusion::{
    common::Column,
    logical_expr::{
        Expr, LogicalPlan, Sort, SubqueryAlias,
        expr::{AggregateFunction, Sort as SortExpr},
    },
};
use recursive::recursive;

use super::{Binder, all_columns, calls::Call, filter, plan_error, project};
use crate::{engine::collects, error::SqlError, functions::aggregates::sorting};

/// A plan without its sort, and the keys of that as columns of it.
pub(super) struct Lifted {
    pub(super) plan: LogicalPlan,
    pub(super) keys: Vec<SortExpr>,
}

impl Binder<'_> {
    /// The order of a plan's rows, if they come from a sort.
    #[recursive]
    pub(super) fn lifted_order(&self, plan: &LogicalPlan) -> Result<Option<Lifted>, SqlError> {
        Ok(match plan {
            LogicalPlan::Sort(Sort { expr, input, fetch: None }) => {
                let mut exprs = all_columns(input);
                let mut keys = Vec::with_capacity(expr.len());
                for key in expr {
                    let column = self.fresh_column("key");
                    exprs.push(key.expr.clone().alias(&column.name));
                    keys.push(SortExpr { expr: Expr::Column(column), ..key.clone() });
                }
                Some(Lifted { plan: project(input.as_ref().clone(), exprs)?, keys })
            }
            LogicalPlan::Projection(node) => match self.lifted_order(&node.input)? {
                Some(below) => {
                    let mut exprs = node.expr.clone();
                    exprs.extend(below.keys.iter().map(|key| key.expr.clone()));
                    Some(Lifted { plan: project(below.plan, exprs)?, keys: below.keys })
                }
                None => None,
            },
            LogicalPlan::Filter(node) => match self.lifted_order(&node.input)? {
                Some(below) => {
                    Some(Lifted { plan: filter(below.plan, node.predicate.clone())?, keys: below.keys })
                }
                None => None,
            },
            LogicalPlan::SubqueryAlias(node) => match self.lifted_order(&node.input)? {
                Some(below) => {
                    let plan = SubqueryAlias::try_new(Arc::new(below.plan), node.alias.clone())
                        .map(LogicalPlan::SubqueryAlias)
                        .map_err(plan_error)?;
                    let of_alias = |key: SortExpr| match key.expr {
                        Expr::Column(column) => {
                            let column = Column::new(Some(node.alias.clone()), column.name);
                            SortExpr { expr: Expr::Column(column), ..key }
                        }
                        _ => key,
                    };
                    Some(Lifted { plan, keys: below.keys.into_iter().map(of_alias).collect() })
                }
                None => None,
            },
            _ => None,
        })
    }

    /// Gives the order of a plan's rows to the calls that show it.
    pub(super) fn with_order_shown(
        &self,
        plan: LogicalPlan,
        calls: &mut [Call],
    ) -> Result<LogicalPlan, SqlError> {
        if !calls.iter_mut().any(|call| showing(&mut call.expr).is_some()) {
            return Ok(plan);
        }
        let Some(Lifted { plan, keys }) = self.lifted_order(&plan)? else { return Ok(plan) };
        for call in calls {
            let Some(function) = showing(&mut call.expr) else { continue };
            match sorting(function.func.name(), None, &keys, false) {
                Some((sorted, more)) => {
                    function.func = sorted;
                    function.params.args.extend(more);
                }
                None => function.params.order_by.clone_from(&keys),
            }
        }
        Ok(plan)
    }
}

/// An aggregate whose result shows the order of its rows, which nobody has said.
fn showing(expr: &mut Expr) -> Option<&mut AggregateFunction> {
    match expr {
        Expr::AggregateFunction(function)
            if function.params.order_by.is_empty()
                && !function.params.distinct
                && collects(function.func.name()) =>
        {
            Some(function)
        }
        _ => None,
    }
}

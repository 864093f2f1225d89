//! Optimising plans of many subqueries. Before and after its rules the engine checks a plan, and for every subquery all
//! those inside it, and for each of these again: with every further level of nesting that takes twice as long. Nothing
//! that is bound here fails the checks, so where there are many subqueries the rules run without them.

use datafusion::{
    catalog::Session,
    common::{Result, tree_node::TreeNodeRecursion},
    execution::SessionState,
    logical_expr::LogicalPlan,
    optimizer::{ApplyOrder, OptimizerConfig},
};

/// How many subqueries the engine may check.
const CHECKED_MAX: usize = 6;

/// The optimised plan.
pub(super) fn optimised(plan: &LogicalPlan, session: &dyn Session) -> Result<LogicalPlan> {
    match session.as_any().downcast_ref::<SessionState>() {
        Some(state) if count(plan)? > CHECKED_MAX => unchecked(plan.clone(), state),
        _ => session.optimize(plan),
    }
}

fn count(plan: &LogicalPlan) -> Result<usize> {
    let mut count = 0;
    plan.apply_with_subqueries(|node| {
        count += usize::from(matches!(node, LogicalPlan::Subquery(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(count)
}

/// The engine's rules, as often as the engine runs them.
fn unchecked(mut plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let options = OptimizerConfig::options(state);
    for rule in &state.analyzer().rules {
        plan = rule.analyze(plan, &options)?;
    }
    for _ in 0..options.optimizer.max_passes {
        let mut changed = false;
        for rule in state.optimizers() {
            let rewritten = match rule.apply_order() {
                None => rule.rewrite(plan, state)?,
                Some(ApplyOrder::TopDown) => {
                    plan.transform_down_with_subqueries(|node| rule.rewrite(node, state))?
                }
                Some(ApplyOrder::BottomUp) => {
                    plan.transform_up_with_subqueries(|node| rule.rewrite(node, state))?
                }
            };
            changed |= rewritten.transformed;
            plan = rewritten.data;
        }
        if !changed {
            break;
        }
    }
    Ok(plan)
}

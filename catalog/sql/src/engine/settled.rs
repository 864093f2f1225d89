//! Long chains of LIS's own functions (`a || b || c …`, `x + 1 + 1 …`) stand aside while the engine's type coercion runs.
//! They are bound with the types that they have, so there is nothing to coerce; but the engine asks at each call what
//! types its arguments have, of each argument anew and down to the columns, which takes the cube of the chain's length.
//!
//! A chain is replaced by a placeholder (`stand_ins`) and put back afterwards.

use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan},
};
use lis_functions::scalar::Scalar;

use super::stand_ins::StandIns;

/// Chains of fewer calls are quicker done than replaced.
const LONG: usize = 16;

/// What `analyze` makes of a plan, in which long chains are as they were.
pub(super) fn aside(
    plan: LogicalPlan,
    analyze: impl FnOnce(LogicalPlan) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    if !has_long(&plan)? {
        return analyze(plan);
    }
    let mut chains = StandIns::default();
    let plan = take(&mut chains, plan)?;
    let given = analyze(plan)?.transform_up_with_subqueries(|node| chains.give_back(node))?;
    Ok(given.data)
}

/// Whether a plan or a subquery of it has a long chain.
fn has_long(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if !matches!(part, Expr::ScalarFunction(_)) {
                    return Ok(TreeNodeRecursion::Continue);
                }
                found |= is_long(part);
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Jump })
            })
        })
    })?;
    Ok(found)
}

/// Takes the chains out of a plan and its subqueries.
fn take(chains: &mut StandIns, plan: LogicalPlan) -> Result<LogicalPlan> {
    let taken = plan.transform_down_with_subqueries(|node| {
        node.map_expressions(|expr| {
            expr.transform_down(|part| {
                let Expr::ScalarFunction(call) = &part else { return Ok(Transformed::no(part)) };
                if is_long(&part)
                    && let Ok(result) = call.func.return_type(&[])
                {
                    return Ok(Transformed::new(
                        chains.stand_in(part, result),
                        true,
                        TreeNodeRecursion::Jump,
                    ));
                }
                // What a call is named after may be how deep it is: within one, nothing is replaced.
                Ok(Transformed::new(part, false, TreeNodeRecursion::Jump))
            })
        })
    })?;
    Ok(taken.data)
}

/// Whether an expression consists of calls of own functions only, over columns and constants, and of many of them.
fn is_long(expr: &Expr) -> bool {
    let mut calls = 0;
    let own = |part: &Expr| match part {
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) => true,
        Expr::ScalarFunction(call) => call.func.inner().is::<Scalar>(),
        _ => false,
    };
    let exists = expr.exists(|part| {
        calls += usize::from(matches!(part, Expr::ScalarFunction(_)));
        Ok(!own(part))
    });
    calls >= LONG && exists.is_ok_and(|other| !other)
}

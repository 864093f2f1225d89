//! Long chains of LIS's own functions (`a || b || c …`, `x + 1 + 1 …`) stand aside while the engine's type coercion runs.
//! They are bound with the types that they have, so there is nothing to coerce; but the engine asks at each call what
//! types its arguments have, of each argument anew and down to the columns, which takes the cube of the chain's length.
//!
//! A chain is replaced by a placeholder that has its name and its type, so that nothing around it can tell, and put back
//! afterwards.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::Field;
use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, expr::Placeholder},
};
use lis_functions::scalar::Scalar;

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
    let mut settled = Settled::default();
    let plan = settled.take(plan)?;
    settled.give_back(analyze(plan)?)
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

/// The chains that were replaced, by the name of what stands for them.
#[derive(Debug, Default)]
struct Settled(HashMap<String, Expr>);

impl Settled {
    /// Takes the chains out of a plan and its subqueries.
    fn take(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let taken = plan.transform_down_with_subqueries(|node| {
            node.map_expressions(|expr| {
                expr.transform_down(|part| {
                    // What a call is named after may be how deep it is: within one, nothing is replaced.
                    let call = matches!(part, Expr::ScalarFunction(_));
                    let goes_on = if call { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue };
                    Ok(match self.stand_in(&part) {
                        Some(stand_in) => Transformed::new(stand_in, true, goes_on),
                        None => Transformed::new(part, false, goes_on),
                    })
                })
            })
        })?;
        Ok(taken.data)
    }

    /// Puts them back.
    fn give_back(self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let given = plan.transform_up_with_subqueries(|node| {
            let given = node.map_expressions(|expr| {
                expr.transform_up(|part| {
                    let chain = match &part {
                        Expr::Placeholder(Placeholder { id, .. }) => self.0.get(id),
                        _ => None,
                    };
                    Ok(chain.cloned().map_or_else(|| Transformed::no(part), Transformed::yes))
                })
            })?;
            if given.transformed { given.map_data(LogicalPlan::recompute_schema) } else { Ok(given) }
        })?;
        Ok(given.data)
    }

    /// What stands for an expression that is a long chain.
    fn stand_in(&mut self, chain: &Expr) -> Option<Expr> {
        let Expr::ScalarFunction(call) = chain else { return None };
        if !is_long(chain) {
            return None;
        }
        let name = chain.schema_name().to_string();
        let result = call.func.return_type(&[]).ok()?;
        self.0.entry(name.clone()).or_insert_with(|| chain.clone());
        let field = Arc::new(Field::new("", result, true));
        Some(Expr::Placeholder(Placeholder::new_with_field(name, Some(field))))
    }
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

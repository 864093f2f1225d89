//! Equalities of what is computed, kept from the engine's equivalences. Of the rows of `WHERE lower(x) = x` the engine
//! takes `lower(x)` and `x` for one expression, sorts by the one and then finds the rows not sorted by the other: a window
//! over `x` fails its own check. So such a conjunct is written as a test of truth, from which nothing is concluded.
//!
//! Equalities of columns and with constants stay: joins, pruning and orderings live on them.

use datafusion::{
    common::{Result, tree_node::Transformed},
    logical_expr::{
        BinaryExpr, Expr, LogicalPlan, Operator,
        utils::{conjunction, split_conjunction_owned},
    },
};

/// The plan with its filters' computed equalities as tests of truth.
pub(super) fn as_tests(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|mut node| {
        let LogicalPlan::Filter(filter) = &mut node else { return Ok(Transformed::no(node)) };
        if !split(&filter.predicate).iter().any(is_computed) {
            return Ok(Transformed::no(node));
        }
        let conjuncts = split(&filter.predicate)
            .into_iter()
            .map(|conjunct| if is_computed(&conjunct) { Expr::IsTrue(Box::new(conjunct)) } else { conjunct });
        if let Some(predicate) = conjunction(conjuncts) {
            filter.predicate = predicate;
        }
        Ok(Transformed::yes(node))
    })
    .map(|transformed| transformed.data)
}

fn split(predicate: &Expr) -> Vec<Expr> {
    split_conjunction_owned(predicate.clone())
}

/// Whether it is an equality of which one side is computed and the other no constant.
fn is_computed(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = expr else { return false };
    let constant = matches!(**left, Expr::Literal(..)) || matches!(**right, Expr::Literal(..));
    let columns = matches!((&**left, &**right), (Expr::Column(_), Expr::Column(_)));
    !constant && !columns
}

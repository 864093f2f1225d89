//! The order of evaluation in AND and OR. The engine evaluates both operands for all rows unless few are left, so
//! `x <> 0 AND 1/x > 0` fails on a zero. PostgreSQL evaluates an operand only if those before it leave it open, and the
//! conjuncts of a condition in the order of their cost: people rely on it.
//!
//! What can fail is put into the branch of a CASE, which the engine evaluates for the rows that come to it. What cannot
//! fail stays as it is. This runs after the optimizer: its rules would undo it.

use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        BinaryExpr, Case, Expr, LogicalPlan, Operator, binary_expr,
        expr_rewriter::NamePreserver,
        lit,
        utils::{conjunction, split_conjunction},
    },
};

use crate::operators::cannot_fail;

/// The plan with its conditions in order of evaluation.
pub fn in_order(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let mut node = node;
        match &mut node {
            LogicalPlan::Filter(filter) => {
                let Some(predicate) = condition(&filter.predicate) else { return Ok(Transformed::no(node)) };
                filter.predicate = predicate;
                return Ok(Transformed::yes(node));
            }
            LogicalPlan::Join(join) => {
                let Some(filter) = join.filter.as_ref().and_then(condition) else {
                    return Ok(Transformed::no(node));
                };
                join.filter = Some(filter);
                return Ok(Transformed::yes(node));
            }
            LogicalPlan::TableScan(_) => return Ok(Transformed::no(node)),
            _ => {}
        }
        let mut concerned = false;
        node.apply_expressions(|expr| {
            concerned |= needs_order(expr)?;
            Ok(if concerned { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !concerned {
            return Ok(Transformed::no(node));
        }
        let names = NamePreserver::new(&node);
        let changed = node.map_expressions(|expr| {
            let name = names.save(&expr);
            expression(expr).map(|changed| changed.update_data(|expr| name.restore(expr)))
        })?;
        if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
    })
    .map(|transformed| transformed.data)
}

/// A condition in order: first what cannot fail, then the rest, cheapest first. `None` if it is so already.
fn condition(predicate: &Expr) -> Option<Expr> {
    let (safe, mut fallible): (Vec<Expr>, Vec<Expr>) =
        split_conjunction(predicate).into_iter().cloned().partition(cannot_fail);
    if fallible.is_empty() {
        return None;
    }
    fallible.sort_by_key(cost);
    let fallible = fallible.into_iter().map(|expr| match expression(expr.clone()) {
        Ok(changed) => changed.data,
        Err(_) => expr,
    });
    let mut conjuncts: Vec<Expr> = conjunction(safe).into_iter().chain(fallible).collect();
    let mut whole = conjuncts.pop()?;
    while let Some(before) = conjuncts.pop() {
        // Null and false are the same to a condition.
        whole = if_then(before, whole, lit(false));
    }
    Some(whole)
}

/// How many operators and functions there are in an expression: what PostgreSQL orders conditions by.
fn cost(expr: &Expr) -> usize {
    let mut count = 0;
    // The closure does not fail.
    let _visited = expr.apply(|node| {
        if !matches!(node, Expr::Column(_) | Expr::Literal(..) | Expr::Alias(_)) {
            count += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    count
}

fn needs_order(expr: &Expr) -> Result<bool> {
    expr.exists(|node| {
        Ok(match node {
            Expr::BinaryExpr(BinaryExpr { op: Operator::And | Operator::Or, right, .. }) => {
                !cannot_fail(right)
            }
            _ => false,
        })
    })
}

/// AND and OR inside an expression, from left to right.
fn expression(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|node| {
        Ok(match node {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right })
                if !cannot_fail(&right) && !left.is_volatile() =>
            {
                let decided = op == Operator::Or;
                let test = binary_expr(left.as_ref().clone(), Operator::IsNotDistinctFrom, lit(decided));
                Transformed::yes(if_then(test, lit(decided), binary_expr(*left, op, *right)))
            }
            other => Transformed::no(other),
        })
    })
}

fn if_then(when: Expr, then: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(when), Box::new(then))],
        else_expr: Some(Box::new(otherwise)),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::{condition, needs_order};

    #[test]
    fn what_cannot_fail_comes_first_and_the_rest_behind_it() {
        let failing = (lit(1_i64) / col("x")).gt(lit(0_i64));
        let ordered = condition(&failing.clone().and(col("x").not_eq(lit(0_i64)))).unwrap();
        assert_eq!(
            ordered.to_string(),
            "CASE WHEN x != Int64(0) THEN Int64(1) / x > Int64(0) ELSE Boolean(false) END"
        );
        assert!(condition(&col("x").gt(lit(1_i64)).and(col("y").is_null())).is_none());
        assert!(needs_order(&col("a").or(failing)).unwrap());
        assert!(!needs_order(&col("a").or(col("b"))).unwrap());
    }
}

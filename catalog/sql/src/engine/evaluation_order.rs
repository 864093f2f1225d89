//! The order of evaluation in AND and OR. The engine evaluates both operands for all rows unless few are left, so
//! `x <> 0 AND 1/x > 0` fails on a zero. PostgreSQL evaluates an operand only if those before it leave it open, and the
//! conjuncts of a condition in the order of their cost: people rely on it.
//!
//! What can fail is put into the branch of a CASE, which the engine evaluates for the rows that come to it. What cannot
//! fail stays as it is. This runs after the optimizer: its rules would undo it.

use datafusion::{
    common::{
        Result, internal_err,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        BinaryExpr, Case, Expr, LogicalPlan, Operator, binary_expr,
        expr_rewriter::NamePreserver,
        lit,
        utils::{conjunction, split_conjunction},
    },
};

use crate::operators::cannot_fail;

/// The largest operand that is written twice, in operators and functions.
const REPEATED_MAX: usize = 100;

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
    let fallible = fallible.into_iter().map(truth);
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

/// AND and OR of a condition from left to right: where null and false are the same, no operand is needed twice.
fn truth(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) if !cannot_fail(&right) => {
            if_then(truth(*left), lit(true), truth(*right))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) if !cannot_fail(&right) => {
            if_then(truth(*left), truth(*right), lit(false))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            binary_expr(truth(*left), op, truth(*right))
        }
        value => match expression(value.clone()) {
            Ok(changed) => changed.data,
            Err(_) => value,
        },
    }
}

/// AND and OR inside an expression, from left to right. Each operand but the last is needed twice, so those of one chain
/// are taken together, and where one is itself long they are left to the engine: such chains in chains would grow without end.
fn expression(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_down(|node| {
        let Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. }) = node else {
            return Ok(Transformed::no(node));
        };
        let mut operands = Vec::new();
        chain(node, op, &mut operands);
        let mut operands = operands
            .into_iter()
            .map(|operand| expression(operand).data())
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .rev();
        let Some(mut whole) = operands.next() else { return internal_err!("a chain has operands") };
        let mut safe = cannot_fail(&whole);
        for operand in operands {
            let fails = !cannot_fail(&operand);
            whole = if safe || operand.is_volatile() || cost(&operand) > REPEATED_MAX {
                binary_expr(operand, op, whole)
            } else {
                let decided = op == Operator::Or;
                let test = binary_expr(operand.clone(), Operator::IsNotDistinctFrom, lit(decided));
                if_then(test, lit(decided), binary_expr(operand, op, whole))
            };
            safe &= !fails;
        }
        Ok(Transformed::new(whole, true, TreeNodeRecursion::Jump))
    })
}

/// The operands of a chain of ANDs, or of ORs, from left to right.
fn chain(expr: Expr, op: Operator, operands: &mut Vec<Expr>) {
    let mut right = Vec::new();
    let mut rest = expr;
    loop {
        match rest {
            Expr::BinaryExpr(binary) if binary.op == op => {
                right.push(*binary.right);
                rest = *binary.left;
            }
            first => {
                operands.push(first);
                break;
            }
        }
    }
    for operand in right.into_iter().rev() {
        match operand {
            Expr::BinaryExpr(binary) if binary.op == op => chain(Expr::BinaryExpr(binary), op, operands),
            other => operands.push(other),
        }
    }
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

    use super::{condition, cost, expression, needs_order};

    #[test]
    fn what_cannot_fail_comes_first_and_the_rest_behind_it() {
        let failing = (lit(1_i64) / col("x")).gt(lit(0_i64));
        let ordered = condition(&failing.clone().and(col("x").not_eq(lit(0_i64)))).unwrap();
        assert_eq!(
            ordered.to_string(),
            "CASE WHEN x != Int64(0) THEN Int64(1) / x > Int64(0) ELSE Boolean(false) END"
        );
        assert!(condition(&col("x").gt(lit(1_i64)).and(col("y").is_null())).is_none());
        assert!(needs_order(&col("a").or(failing.clone())).unwrap());
        assert!(!needs_order(&col("a").or(col("b"))).unwrap());
    }

    #[test]
    fn chains_and_chains_in_chains_do_not_grow_without_end() {
        let failing = || (lit(1_i64) / col("x")).gt(lit(0_i64));
        let mut chain = failing();
        let mut nested = failing();
        for index in 0..200 {
            chain = chain.or(failing());
            nested = if index % 2 == 0 { nested.or(failing()) } else { nested.and(failing()) };
        }
        assert!(cost(&expression(chain.clone()).unwrap().data) < 2_000);
        assert!(cost(&expression(nested.clone()).unwrap().data) < 100_000);
        assert!(cost(&condition(&chain).unwrap()) < 2_000);
        assert!(cost(&condition(&nested).unwrap()) < 2_000);
    }
}

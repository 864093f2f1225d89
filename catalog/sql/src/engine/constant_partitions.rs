//! Constants that windows are partitioned by. They part nothing, and the engine fails where it looks for them in the order
//! of the rows: a constant is no part of an order.

use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, expr_rewriter::NamePreserver},
};

/// The plan with windows partitioned by what can differ.
pub(super) fn without(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Window(window) = &node else { return Ok(Transformed::no(node)) };
        if !window.window_expr.iter().any(has_constant) {
            return Ok(Transformed::no(node));
        }
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let kept = expr.transform_down(|part| match part {
                Expr::WindowFunction(mut function) => {
                    function.params.partition_by.retain(|key| !is_constant(key));
                    Ok(Transformed::new(Expr::WindowFunction(function), true, TreeNodeRecursion::Jump))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(kept.update_data(|expr| name.restore(expr)))
        })?
        .map_data(LogicalPlan::recompute_schema)
    })
    .data()
}

fn has_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => has_constant(&alias.expr),
        Expr::WindowFunction(function) => function.params.partition_by.iter().any(is_constant),
        _ => false,
    }
}

/// Whether an expression is a constant, or a call with constants that the optimizer has left as it is.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(..) => true,
        Expr::Alias(alias) => is_constant(&alias.expr),
        Expr::ScalarFunction(call) => !expr.is_volatile() && call.args.iter().all(is_constant),
        _ => false,
    }
}

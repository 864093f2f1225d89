//! Keys of joins that are the same constant on both sides. They come from keys that could be null when they were made
//! and cannot any more (`a IS NULL = b IS NULL`). They decide nothing, and the engine names computed keys by their text:
//! two of one name make it rename whole sides, where columns of one name then meet.

use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TransformedResult},
    },
    logical_expr::{Expr, LogicalPlan},
};

/// The plan without them.
pub(super) fn without_constants(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::Join(mut join) if join.on.iter().any(constant) => {
            join.on.retain(|pair| !constant(pair));
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

fn constant((left, right): &(Expr, Expr)) -> bool {
    matches!((left, right), (Expr::Literal(left, _), Expr::Literal(right, _)) if !left.is_null() && left == right)
}

//! Keys of joins that the engine does not do well with.
//!
//! - The same constant on both sides. They come from keys that could be null when they were made and cannot any more
//!   (`a IS NULL = b IS NULL`). They decide nothing, and the engine names computed keys by their text: two of one name
//!   make it rename whole sides, where columns of one name then meet.
//! - Structs, which are shaped arrays and records: while it builds a join's table the engine looks for the smallest and the
//!   largest key, and structs are not ordered. Their bytes are.

use datafusion::{
    arrow::datatypes::DataType,
    common::{
        Result,
        tree_node::{Transformed, TransformedResult},
    },
    logical_expr::{Expr, ExprSchemable, Join, LogicalPlan},
};
use lis_functions::{arrays::shape::key_bytes, scalar::Scalar};

/// The plan with keys that are columns of values, or of bytes.
pub(super) fn plain(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::Join(mut join) => {
            let count = join.on.len();
            join.on.retain(|pair| !constant(pair));
            let fewer = join.on.len() < count;
            let bytes = structs_as_bytes(&mut join)?;
            Ok(Transformed::new_transformed(LogicalPlan::Join(join), fewer || bytes))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// Replaces keys that are structs; true if there were some.
fn structs_as_bytes(join: &mut Join) -> Result<bool> {
    let mut found = false;
    for (left, right) in &mut join.on {
        for (key, side) in [(left, &join.left), (right, &join.right)] {
            if matches!(key.get_type(side.schema().as_ref())?, DataType::Struct(_)) {
                *key = Scalar::strict("key_bytes", DataType::Binary, key_bytes).call(vec![key.clone()]);
                found = true;
            }
        }
    }
    Ok(found)
}

fn constant((left, right): &(Expr, Expr)) -> bool {
    matches!((left, right), (Expr::Literal(left, _), Expr::Literal(right, _)) if !left.is_null() && left == right)
}

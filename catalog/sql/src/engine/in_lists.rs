//! IN lists over one and the same left side stand aside while the engine simplifies expressions. It makes one list of two,
//! as if nothing in them could be null: `a IN (1, 2) AND a IN (3)` becomes false, which for a null is null, and
//! `a IN (1, 2) AND a NOT IN (2, NULL)` becomes `a IN (1)`, which is never true.
//!
//! Lists that stand alone are simplified as ever; the rest of the expression is, too.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan},
};

use super::stand_ins::StandIns;

/// The rule that makes one list of two.
const RULE: &str = "simplify_expressions";

/// What a rule makes of a node, in which such lists are as they were.
pub(super) fn aside(
    rule: &str,
    node: LogicalPlan,
    rewrite: impl FnOnce(LogicalPlan) -> Result<Transformed<LogicalPlan>>,
) -> Result<Transformed<LogicalPlan>> {
    if rule != RULE || !has_alike(&node)? {
        return rewrite(node);
    }
    let mut lists = StandIns::default();
    let taken = node.map_expressions(|expr| {
        if !are_alike(&expr)? {
            return Ok(Transformed::no(expr));
        }
        expr.transform_down(|part| match part {
            Expr::InList(_) => {
                Ok(Transformed::new(lists.stand_in(part, DataType::Boolean), true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        })
    })?;
    rewrite(taken.data)?.transform_data(|node| lists.give_back(node))
}

/// Whether an expression of a node has lists with the same left side.
fn has_alike(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found |= are_alike(expr)?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn are_alike(expr: &Expr) -> Result<bool> {
    let mut left_sides = HashSet::new();
    expr.exists(|part| Ok(matches!(part, Expr::InList(list) if !left_sides.insert(list.expr.clone()))))
}

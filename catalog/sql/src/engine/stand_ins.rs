//! Expressions that stand aside while a rule of the engine's runs that has no business with them, or takes them for what
//! they are not. Each is replaced by a placeholder that has its name and its type, so that nothing around it can tell, and
//! is put back afterwards. Knows nothing of what is kept from which rule: `settled` and `in_lists` do.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, LogicalPlan, expr::Placeholder},
};

/// The expressions that were replaced, by the name of what stands for them.
#[derive(Debug, Default)]
pub(super) struct StandIns(HashMap<String, Expr>);

impl StandIns {
    /// What stands for an expression of a type from now on.
    pub(super) fn stand_in(&mut self, expr: Expr, arrow_type: DataType) -> Expr {
        let name = expr.schema_name().to_string();
        self.0.entry(name.clone()).or_insert(expr);
        let field = Arc::new(Field::new("", arrow_type, true));
        Expr::Placeholder(Placeholder::new_with_field(name, Some(field)))
    }

    /// Puts back what was taken out of a node's expressions.
    pub(super) fn give_back(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let given = node.map_expressions(|expr| {
            expr.transform_up(|part| {
                let taken = match &part {
                    Expr::Placeholder(Placeholder { id, .. }) => self.0.get(id),
                    _ => None,
                };
                Ok(taken.cloned().map_or_else(|| Transformed::no(part), Transformed::yes))
            })
        })?;
        if given.transformed { given.map_data(LogicalPlan::recompute_schema) } else { Ok(given) }
    }
}

//! Window functions that are one and the same under several names. Where the engine sees something twice in a node it computes
//! it once below, which of a window function it cannot: no plan could be made. (They may become the same only when their
//! arguments are simplified.) Here each is computed once and gets its other names above.

use std::sync::Arc;

use datafusion::{
    common::{Column, Result, tree_node::Transformed},
    logical_expr::{Expr, LogicalPlan, Projection, Window},
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};

/// The rule, for before common parts are looked for.
#[derive(Debug, Default)]
pub struct EqualWindows;

impl OptimizerRule for EqualWindows {
    fn name(&self) -> &'static str {
        "equal_windows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Window(window) = &plan else { return Ok(Transformed::no(plan)) };
        let mut kept: Vec<(Expr, Column)> = Vec::new();
        let mut shown: Vec<Expr> = window.input.schema().columns().into_iter().map(Expr::Column).collect();
        let own = window.schema.columns().into_iter().skip(shown.len());
        for (expr, column) in window.window_expr.iter().zip(own) {
            let known = kept.iter().find(|(other, _)| unaliased(other) == unaliased(expr));
            let value = match known {
                Some((_, other)) => {
                    Expr::Column(other.clone()).alias_qualified(column.relation.clone(), column.name.clone())
                }
                None => {
                    kept.push((expr.clone(), column.clone()));
                    Expr::Column(column)
                }
            };
            shown.push(value);
        }
        if kept.len() == window.window_expr.len() {
            return Ok(Transformed::no(plan));
        }
        let exprs = kept.into_iter().map(|(expr, _)| expr).collect();
        let once = LogicalPlan::Window(Window::try_new(exprs, Arc::clone(&window.input))?);
        let named = Projection::try_new(shown, Arc::new(once))?;
        Ok(Transformed::yes(LogicalPlan::Projection(named)))
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

//! DataFusion's `EnsureRequirements` drops a sort whose input is sorted already, and hands the sort's limit to what is
//! below. Below can be a limit that leaves rows out first (OFFSET), which has another meaning under a smaller limit, or
//! takes no notice of it; or another sort or a window, whose order will do: then the limit is forgotten. Before the rule
//! runs, the limit of a sort over such a plan is therefore made a node of its own; `LimitPushdown`, which knows offsets,
//! gives it back to the sort afterwards. (See `sort_fences` for what it must not push sorts below.)

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_optimizer::{PhysicalOptimizerRule, ensure_requirements},
    physical_plan::{
        ExecutionPlan,
        limit::GlobalLimitExec,
        sorts::sort::SortExec,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};

use super::sort_fences;

/// The engine's rule of the same name, for plans in which it is right.
#[derive(Debug, Default)]
pub struct EnsureRequirements {
    engine: ensure_requirements::EnsureRequirements,
}

impl PhysicalOptimizerRule for EnsureRequirements {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(sort_fences::fenced).data()?;
        let plan = if decides_rows(&plan)? { plan.transform_up(limit_apart).data()? } else { plan };
        self.engine.optimize(plan, config)
    }

    fn name(&self) -> &str {
        self.engine.name()
    }

    fn schema_check(&self) -> bool {
        self.engine.schema_check()
    }
}

/// Whether there is an OFFSET in the plan, or something that gives or wants rows in an order.
fn decides_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        Ok(node.is::<SortExec>()
            || node.is::<BoundedWindowAggExec>()
            || node.is::<WindowAggExec>()
            || node.downcast_ref::<GlobalLimitExec>().is_some_and(|limit| limit.skip() > 0))
    })
}

/// A sort of some rows over such a plan as a limit over a sort of all.
fn limit_apart(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(Transformed::no(node)) };
    let Some(fetch) = sort.fetch() else { return Ok(Transformed::no(node)) };
    if !decides_rows(sort.input())? {
        return Ok(Transformed::no(node));
    }
    let Some(all) = node.with_fetch(None) else { return Ok(Transformed::no(node)) };
    Ok(Transformed::yes(Arc::new(GlobalLimitExec::new(all, 0, Some(fetch)))))
}

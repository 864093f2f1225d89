//! DataFusion's `EnsureRequirements` drops a sort whose input is sorted already, and hands the sort's limit to what is
//! below. Below can be a limit that leaves rows out first (OFFSET), which has another meaning under a smaller limit, or
//! takes no notice of it; or another sort or a window, whose order will do: then the limit is forgotten. Before the rule
//! runs, the limit of a sort over such a plan is therefore made a node of its own; `LimitPushdown`, which knows offsets,
//! gives it back to the sort afterwards. A sort by what is the same in all rows is taken away. (See `sort_fences` for what it must not push sorts below.)

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions, tree_node::TreeNode},
    physical_optimizer::{PhysicalOptimizerRule, ensure_requirements},
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties,
        limit::GlobalLimitExec,
        sorts::sort::SortExec,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};

use super::{collected_order, hands_on::rewritten, sort_fences};

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
        let mut node_decides = false;
        let changed = rewritten(&plan, ChildrenPropertiesMode::Recompute, &mut |node| {
            node_decides |= decides_rows(node.as_ref());
            if let Some(without) = without_idle_sort(node)? {
                return Ok(Some(without));
            }
            match collected_order::needing_sorts(node)? {
                Some(needing) => Ok(sort_fences::fenced(&needing)?.or(Some(needing))),
                None => sort_fences::fenced(node),
            }
        })?;
        let mut plan = changed.unwrap_or(plan);
        if node_decides {
            let changed = rewritten(&plan, ChildrenPropertiesMode::Recompute, &mut limit_apart)?;
            plan = changed.unwrap_or(plan);
        }
        self.engine.optimize(plan, config)
    }

    fn name(&self) -> &str {
        self.engine.name()
    }

    fn schema_check(&self) -> bool {
        self.engine.schema_check()
    }
}

/// What a sort by what is the same in all rows is over. The engine fails where it asks such a sort for its order.
fn without_idle_sort(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(None) };
    let input = Arc::clone(sort.input());
    if node.output_ordering().is_some() || input.output_partitioning().partition_count() > 1 {
        return Ok(None);
    }
    Ok(Some(match sort.fetch() {
        Some(fetch) => Arc::new(GlobalLimitExec::new(input, 0, Some(fetch))),
        None => input,
    }))
}

/// Whether a node is an OFFSET, or something that gives or wants rows in an order.
fn decides_rows(node: &dyn ExecutionPlan) -> bool {
    node.is::<SortExec>()
        || node.is::<BoundedWindowAggExec>()
        || node.is::<WindowAggExec>()
        || node.downcast_ref::<GlobalLimitExec>().is_some_and(|limit| limit.skip() > 0)
}

/// A sort of some rows over such a plan as a limit over a sort of all.
fn limit_apart(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(None) };
    let Some(fetch) = sort.fetch() else { return Ok(None) };
    if !sort.input().exists(|below| Ok(decides_rows(below.as_ref())))? {
        return Ok(None);
    }
    let Some(all) = node.with_fetch(None) else { return Ok(None) };
    Ok(Some(Arc::new(GlobalLimitExec::new(all, 0, Some(fetch)))))
}

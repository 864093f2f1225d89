//! DataFusion's `AggregateStatistics` answers an aggregation without groups from exact statistics. To find the partial
//! half of a final aggregation it goes down until an aggregation without filters comes: where the partial half has a
//! FILTER it passes it by, finds that of a subquery below, and puts the subquery's values in the place of its own. It
//! is therefore left out for a plan in which a final aggregation's own half has a filter. What is lost is that some such
//! plan reads a table where it need not.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    physical_optimizer::{PhysicalOptimizerRule, aggregate_statistics},
    physical_plan::{
        ExecutionPlan,
        aggregates::{AggregateExec, AggregateInputMode},
    },
};

/// The engine's rule of the same name, where it is right.
#[derive(Debug, Default)]
pub struct AggregateStatistics {
    engine: aggregate_statistics::AggregateStatistics,
}

impl PhysicalOptimizerRule for AggregateStatistics {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut filtered = false;
        plan.apply(|node| {
            filtered |= node.downcast_ref::<AggregateExec>().is_some_and(ends_a_filtered_one);
            Ok(if filtered { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if filtered { Ok(plan) } else { self.engine.optimize(plan, config) }
    }

    fn name(&self) -> &str {
        self.engine.name()
    }

    fn schema_check(&self) -> bool {
        self.engine.schema_check()
    }
}

/// Whether an aggregation takes partial results of one that has a filter: the first aggregation below it.
fn ends_a_filtered_one(aggregate: &AggregateExec) -> bool {
    if aggregate.mode().input_mode() != AggregateInputMode::Partial {
        return false;
    }
    let mut child = aggregate.input();
    loop {
        if let Some(partial) = child.downcast_ref::<AggregateExec>() {
            return partial.filter_expr().iter().any(Option::is_some);
        }
        let [only] = child.children()[..] else { return false };
        child = only;
    }
}

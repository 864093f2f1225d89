//! DataFusion's `LimitAggregation` keeps of the groups only those that a sort's limit will. It looks groups up by equality of
//! their keys, and a NaN equals none: there are several groups of it then, or the query panics. It is left out for a
//! plan that groups by a float.

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions, tree_node::TreeNode},
    physical_optimizer::{PhysicalOptimizerRule, topk_aggregation::TopKAggregation},
    physical_plan::{ExecutionPlan, aggregates::AggregateExec},
};

/// The engine's rule of the same name, where it is right.
#[derive(Debug, Default)]
pub struct LimitAggregation {
    engine: TopKAggregation,
}

impl PhysicalOptimizerRule for LimitAggregation {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let by_float = plan.exists(|node| {
            let Some(aggregate) = node.downcast_ref::<AggregateExec>() else { return Ok(false) };
            let keys = aggregate.group_expr().num_group_exprs();
            Ok(aggregate.schema().fields().iter().take(keys).any(|key| key.data_type().is_floating()))
        })?;
        if by_float { Ok(plan) } else { self.engine.optimize(plan, config) }
    }

    fn name(&self) -> &str {
        self.engine.name()
    }

    fn schema_check(&self) -> bool {
        self.engine.schema_check()
    }
}

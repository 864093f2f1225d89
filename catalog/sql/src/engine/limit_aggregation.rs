//! DataFusion's `LimitAggregation` keeps of the groups only those that a sort's limit will. It looks groups up by equality of
//! their keys, and a NaN equals none: there are several groups of it then, or the query panics. It is left out for a
//! plan that groups by a float.
//!
//! Its `LimitedDistinctAggregation` stops a DISTINCT at a limit, where the rows come in no order. If a later rule has found
//! an order, what runs the aggregation takes the limit for one of sorted rows and fails for want of a direction: there the
//! limit above has to do.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    physical_optimizer::{PhysicalOptimizerRule, topk_aggregation::TopKAggregation},
    physical_plan::{ChildrenPropertiesMode, ExecutionPlan, aggregates::AggregateExec},
};

use super::hands_on::rewritten;

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
        let (mut groups, mut by_float) = (false, false);
        plan.apply(|node| {
            if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
                groups = true;
                let keys = aggregate.group_expr().num_group_exprs();
                let schema = aggregate.schema();
                by_float |= schema.fields().iter().take(keys).any(|key| key.data_type().is_floating());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !groups {
            return Ok(plan);
        }
        let plan = if by_float { plan } else { self.engine.optimize(plan, config)? };
        let changed = rewritten(&plan, ChildrenPropertiesMode::Recompute, &mut |node| {
            let without_direction = node.downcast_ref::<AggregateExec>().filter(|aggregate| {
                aggregate.limit_options().is_some_and(|limit| limit.descending.is_none())
                    && aggregate.aggr_expr().is_empty()
                    && !aggregate.is_unordered_unfiltered_group_by_distinct()
            });
            Ok(without_direction.map(|aggregate| -> Arc<dyn ExecutionPlan> {
                Arc::new(aggregate.with_new_limit_options(None))
            }))
        })?;
        Ok(changed.unwrap_or(plan))
    }

    fn name(&self) -> &str {
        self.engine.name()
    }

    fn schema_check(&self) -> bool {
        self.engine.schema_check()
    }
}

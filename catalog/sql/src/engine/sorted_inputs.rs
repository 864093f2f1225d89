//! DataFusion's `EnsureRequirements` leaves a sort out where the input is sorted already, and a column that is the same in
//! every row sorts any input. What is constant is found anew from each plan, though, and the rules that come after make
//! plans of which it cannot be seen any more (a join that shows only some of its columns): `SanityCheckPlan` then refuses
//! the plan. Here, before it looks, inputs that are not seen to be in the order that they need are sorted, which is right
//! in every plan and costs something only in those.

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_expr::{LexOrdering, LexRequirement},
    physical_optimizer::{PhysicalOptimizerRule, sanity_checker::SanityCheckPlan},
    physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, sorts::sort::SortExec},
};

use super::hands_on::{rewritten, with_inputs};

/// The engine's `SanityCheckPlan`, of plans whose inputs are sorted as they need to be.
#[derive(Debug, Default)]
pub struct SortedInputs(SanityCheckPlan);

impl PhysicalOptimizerRule for SortedInputs {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sorted = rewritten(&plan, ChildrenPropertiesMode::Recompute, &mut with_sorted_inputs)?;
        let plan = sorted.unwrap_or(plan);
        self.0.optimize(plan, config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// A node whose inputs are in the order that it asks for.
fn with_sorted_inputs(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let mut required = node.required_input_ordering().into_iter();
    with_inputs(node, ChildrenPropertiesMode::Recompute, |_, input| {
        let Some(required) = required.next().flatten().map(|required| required.into_single()) else {
            return Ok(None);
        };
        let ordered = input.equivalence_properties().ordering_satisfy_requirement(required.clone())?;
        Ok((!ordered).then(|| sorted(required, input)))
    })
}

/// Each partition of a plan in order.
fn sorted(required: LexRequirement, input: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let partitions = input.output_partitioning().partition_count();
    let sort = SortExec::new(LexOrdering::from(required), Arc::clone(input));
    Arc::new(sort.with_preserve_partitioning(partitions > 1))
}

//! The physical node that what a user wrote may not cross. It passes its input's batches through untouched and keeps
//! every optimiser rule above it from knowing or changing what is below: filters, projections, limits and sorts stay
//! above, orderings and equivalences of the hidden rows are not told, statistics are told as an order of magnitude.
//!
//! One thing goes through: a **dynamic filter** (of a hash join or a top-k) whose inputs are bare columns. It compares a
//! column with constants and cannot fail on a value, so evaluating it on hidden rows tells nothing, and it prunes.
//!
//! [`RemoveBarriers`] takes the nodes out as the very last rule, after which no optimiser runs. It must keep the
//! identity of the nodes above (dynamic filters are shared by reference), hence the care in how children are replaced.
//!
//! Pitfall: [`HandsOn`] refuses what is not said here, and [`ExecutionPlan`]'s defaults were read for DataFusion 55.2. A
//! new method there with a default that lets something through is a new road: `tests/leaks.rs` and the list of rules in `session_state.rs` stand guard.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::{
    common::{Result, Statistics, config::ConfigOptions, stats::Precision},
    physical_expr::{
        EquivalenceProperties, PhysicalExpr,
        expressions::{Column, DynamicFilterPhysicalExpr},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        execution_plan::ChildrenPropertiesMode,
        filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase},
    },
};
use lis_sql::engine::{HandsOn, HandsOnExec, rewritten};

/// See the module.
pub type BarrierExec = HandsOnExec<Barrier>;

/// What is particular about a barrier. What is not said here is refused.
#[derive(Debug, Clone, Copy)]
pub struct Barrier;

impl HandsOn for Barrier {
    const NAME: &'static str = "BarrierExec";

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        // Only the schema, the number of partitions and how the input is driven are told.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_scheduling_type(input.properties().scheduling_type);
        Arc::new(properties)
    }

    /// Orders of magnitude: enough to choose the smaller side of a join, too little to count by, and never exact, so
    /// that no rule answers COUNT, MIN or MAX from them.
    fn statistics(&self, input: &Arc<Statistics>, schema: &Schema) -> Arc<Statistics> {
        let mut told = Statistics::new_unknown(schema);
        told.num_rows = magnitude(&input.num_rows);
        told.total_byte_size = magnitude(&input.total_byte_size);
        Arc::new(told)
    }

    fn filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _phase: FilterPushdownPhase,
        _input: &Arc<dyn ExecutionPlan>,
    ) -> Result<FilterDescription> {
        // Every filter from above is refused; harmless ones go on as this node's own.
        let harmless = filters.iter().filter(|filter| is_harmless(filter)).cloned().collect();
        let child = ChildFilterDescription::all_unsupported(&filters).with_self_filters(harmless);
        Ok(FilterDescription::new().with_child(child))
    }
}

/// Whether evaluating a filter from above on hidden rows can neither fail nor tell: a dynamic filter over bare columns.
fn is_harmless(filter: &Arc<dyn PhysicalExpr>) -> bool {
    filter.downcast_ref::<DynamicFilterPhysicalExpr>().is_some_and(|dynamic| {
        dynamic.children().iter().all(|input| input.downcast_ref::<Column>().is_some())
    })
}

/// The next power of four.
fn magnitude(exact: &Precision<usize>) -> Precision<usize> {
    match exact.get_value() {
        None => Precision::Absent,
        Some(value) => {
            let power = value.max(&1).next_power_of_two();
            let even = power.trailing_zeros().is_multiple_of(2);
            Precision::Inexact(if even { power } else { power.saturating_mul(2) })
        }
    }
}

/// The last physical rule: takes the barriers out.
#[derive(Debug, Default)]
pub struct RemoveBarriers;

impl PhysicalOptimizerRule for RemoveBarriers {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Properties are kept: recomputed, a top-k would be a new dynamic filter that the scan below does not know.
        let without = rewritten(&plan, ChildrenPropertiesMode::Keep, &mut |node| {
            Ok(node.downcast_ref::<BarrierExec>().map(|barrier| Arc::clone(barrier.input())))
        })?;
        Ok(without.unwrap_or(plan))
    }

    fn name(&self) -> &'static str {
        "RemoveBarriers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_counts_are_told_as_orders_of_magnitude() {
        let told = |value| magnitude(&Precision::Exact(value));
        assert_eq!(told(0), Precision::Inexact(1));
        assert_eq!(told(2), Precision::Inexact(4));
        assert_eq!(told(5), Precision::Inexact(16));
        assert_eq!(told(1_000_000), Precision::Inexact(1 << 20));
        assert_eq!(magnitude(&Precision::Absent), Precision::Absent);
    }
}

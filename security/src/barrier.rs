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
//! Pitfall: every default of [`ExecutionPlan`] was read for DataFusion 55.2. A new method there with a default that lets
//! something through is a new road: `tests/leaks.rs` and the list of rules in `session_state.rs` stand guard.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result, Statistics, config::ConfigOptions, internal_err, stats::Precision,
        tree_node::TreeNodeRecursion,
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, PhysicalExpr,
        expressions::{Column, DynamicFilterPhysicalExpr},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions},
        filter_pushdown::{
            ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
            FilterPushdownPropagation,
        },
        statistics::{ChildStats, StatisticsArgs},
    },
};
use lis_sql::engine::taken_out;

/// See the module.
#[derive(Debug)]
pub struct BarrierExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl BarrierExec {
    /// Puts a barrier over a plan.
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        // Only the schema, the number of partitions and how the input is driven are told.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_scheduling_type(input.properties().scheduling_type);
        Self { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BarrierExec")
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &'static str {
        "BarrierExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // The filter below asks for it itself.
        vec![false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("a barrier has one input");
        };
        Ok(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                Arc::new(Self { input, properties: Arc::clone(&self.properties) })
            }
            ChildrenPropertiesMode::Recompute => Arc::new(Self::new(input)),
        })
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    /// Orders of magnitude: enough to choose the smaller side of a join, too little to count by, and never exact, so
    /// that no rule answers COUNT, MIN or MAX from them.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _arguments: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut told = Statistics::new_unknown(&self.schema());
        if let Some(input) = inputs.first() {
            told.num_rows = magnitude(&input.num_rows);
            told.total_byte_size = magnitude(&input.total_byte_size);
        }
        Ok(Arc::new(told))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        // Every filter from above is refused; harmless ones go on as this node's own.
        let harmless = parent_filters.iter().filter(|filter| is_harmless(filter)).cloned().collect();
        let child = ChildFilterDescription::all_unsupported(&parent_filters).with_self_filters(harmless);
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::all_unsupported(child_pushdown_result))
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
        let within = |node: &Arc<dyn ExecutionPlan>| {
            node.downcast_ref::<BarrierExec>().map(|barrier| Arc::clone(&barrier.input))
        };
        Ok(taken_out(&plan, &within)?.unwrap_or(plan))
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

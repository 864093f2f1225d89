//! Two places that DataFusion's `EnsureRequirements` pushes sorts below, where these mean something else:
//!
//! - A union. DataFusion knows of its column that is a constant in each input, but another in another, and takes it for
//!   sorted in every partition. It forgets that where partitions are merged, but not what it drew from it: that the rest of
//!   an order is an order of the whole, that partitions sorted by the rest alone can share a top-k's bound, that interleaved
//!   inputs keep the constant. Then rows come in a wrong order, or not at all.
//! - An OFFSET without a LIMIT: other rows would be left out.
//!
//! A third place is an aggregation by several grouping sets: what is equal or constant in its rows is so no more where it
//! is null in some of the groups, but DataFusion goes on concluding from it that rows are sorted.
//!
//! Here a node stands over each, which sorts do not pass, and which tells nothing of such constants.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result, Statistics,
        config::ConfigOptions,
        internal_err,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr, equivalence::AcrossPartitions},
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
        PlanProperties, ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateMode},
        execution_plan::CardinalityEffect,
        filter_pushdown::{
            ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
        },
        limit::GlobalLimitExec,
        statistics::{ChildStats, StatisticsArgs},
        union::UnionExec,
    },
};

/// A union in which a column is one constant here and another there, or an OFFSET, under a fence.
pub(super) fn fenced(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let leaves_out = node
        .downcast_ref::<GlobalLimitExec>()
        .is_some_and(|limit| limit.skip() > 0 && limit.fetch().is_none());
    if leaves_out {
        return Ok(Transformed::yes(Arc::new(SortFenceExec::new(node, Tells::Everything))));
    }
    let has_several_sets = node.downcast_ref::<AggregateExec>().is_some_and(|aggregate| {
        let ends = !matches!(aggregate.mode(), AggregateMode::Partial | AggregateMode::PartialReduce);
        // The sets are known where grouping begins; where it ends there is their number among the groups.
        ends && of_several_sets(aggregate)
    });
    if has_several_sets {
        return Ok(Transformed::yes(Arc::new(SortFenceExec::new(node, Tells::Nothing))));
    }
    let differs = node.is::<UnionExec>()
        && node
            .equivalence_properties()
            .constants()
            .iter()
            .any(|constant| constant.across_partitions == AcrossPartitions::Heterogeneous);
    if differs {
        Ok(Transformed::yes(Arc::new(SortFenceExec::new(node, Tells::Equalities))))
    } else {
        Ok(Transformed::no(node))
    }
}

/// Whether an aggregation, or the one below of which it is the last step, groups by several sets.
fn of_several_sets(aggregate: &AggregateExec) -> bool {
    if aggregate.group_expr().has_grouping_set() {
        return true;
    }
    let mut below = aggregate.input();
    loop {
        if let Some(first) = below.downcast_ref::<AggregateExec>() {
            return matches!(aggregate.mode(), AggregateMode::Final | AggregateMode::FinalPartitioned)
                && first.group_expr().has_grouping_set();
        }
        match below.children().as_slice() {
            [only] => below = only,
            _ => return false,
        }
    }
}

/// What a fence tells of the rows below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// Their order, and which columns are constant in a partition.
    Everything,
    /// What is equal or constant in all of them.
    Equalities,
    /// Nothing.
    Nothing,
}

/// Rows as they are. No sort goes below.
#[derive(Debug)]
struct SortFenceExec {
    input: Arc<dyn ExecutionPlan>,
    tells: Tells,
    properties: Arc<PlanProperties>,
}

impl SortFenceExec {
    fn new(input: Arc<dyn ExecutionPlan>, tells: Tells) -> Self {
        let known = match tells {
            Tells::Everything => {
                let properties = Arc::clone(input.properties());
                return Self { input, tells, properties };
            }
            Tells::Equalities => {
                let mut known = input.equivalence_properties().clone();
                known.clear_per_partition_constants();
                known.clear_orderings();
                known
            }
            Tells::Nothing => EquivalenceProperties::new(input.schema()),
        };
        let properties = PlanProperties::clone(input.properties()).with_eq_properties(known);
        Self { input, tells, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SortFenceExec {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SortFenceExec")
    }
}

impl ExecutionPlan for SortFenceExec {
    fn name(&self) -> &'static str {
        "SortFenceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // Else sorts would be pushed below.
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
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
            return internal_err!("a fence has one input");
        };
        Ok(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                Arc::new(Self { input, tells: self.tells, properties: Arc::clone(&self.properties) })
            }
            ChildrenPropertiesMode::Recompute => Arc::new(Self::new(input, self.tells)),
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

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _arguments: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [input] => Ok(Arc::clone(input)),
            _ => Ok(Arc::new(Statistics::new_unknown(&self.schema()))),
        }
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(child_pushdown_result))
    }
}

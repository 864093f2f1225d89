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

use std::sync::Arc;

use datafusion::{
    common::Result,
    physical_expr::{EquivalenceProperties, PhysicalExpr, equivalence::AcrossPartitions},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        aggregates::{AggregateExec, AggregateMode},
        filter_pushdown::{ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation},
        limit::GlobalLimitExec,
        union::UnionExec,
    },
};

use super::hands_on::{HandsOn, HandsOnExec};

/// A union in which a column is one constant here and another there, or an OFFSET, under a fence.
pub(super) fn fenced(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let over = |tells| Some(HandsOnExec::over(Arc::clone(node), tells));
    let leaves_out = node
        .downcast_ref::<GlobalLimitExec>()
        .is_some_and(|limit| limit.skip() > 0 && limit.fetch().is_none());
    if leaves_out {
        return over(Tells::Everything);
    }
    let has_several_sets = node.downcast_ref::<AggregateExec>().is_some_and(|aggregate| {
        let ends = !matches!(aggregate.mode(), AggregateMode::Partial | AggregateMode::PartialReduce);
        // The sets are known where grouping begins; where it ends there is their number among the groups.
        ends && of_several_sets(aggregate)
    });
    if has_several_sets {
        return over(Tells::Nothing);
    }
    let differs = node.is::<UnionExec>()
        && node
            .equivalence_properties()
            .constants()
            .iter()
            .any(|constant| constant.across_partitions == AcrossPartitions::Heterogeneous);
    if differs { over(Tells::Equalities) } else { None }
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

/// Rows as they are. No sort goes below; filters and limits do.
impl HandsOn for Tells {
    const NAME: &'static str = "SortFenceExec";
    const PASSES_LIMITS: bool = true;

    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        let known = match self {
            Self::Everything => return Arc::clone(input.properties()),
            Self::Equalities => {
                let mut known = input.equivalence_properties().clone();
                known.clear_per_partition_constants();
                known.clear_orderings();
                known
            }
            Self::Nothing => EquivalenceProperties::new(input.schema()),
        };
        Arc::new(PlanProperties::clone(input.properties()).with_eq_properties(known))
    }

    fn filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _phase: FilterPushdownPhase,
        input: &Arc<dyn ExecutionPlan>,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &[input])
    }

    fn filtered(&self, below: ChildPushdownResult) -> FilterPushdownPropagation<Arc<dyn ExecutionPlan>> {
        FilterPushdownPropagation::if_all(below)
    }
}

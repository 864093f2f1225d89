//! Two places that DataFusion's `EnsureRequirements` pushes sorts below, where these mean something else:
//!
//! - A union. DataFusion knows of its column that is a constant in each input, but another in another, and takes it for
//!   sorted in every partition. It forgets that where partitions are merged, but not what it drew from it: that the rest of
//!   an order is an order of the whole, that partitions sorted by the rest alone can share a top-k's bound, that interleaved
//!   inputs keep the constant. Then rows come in a wrong order, or not at all.
//! - An OFFSET without a LIMIT: other rows would be left out.
//!
//! A third place is an aggregation by several grouping sets: what is equal or constant in its rows is so no more where it
//! is null in some of the groups, but DataFusion goes on concluding from it that rows are sorted. So is an outer join: a
//! column that is constant at the side which may have no row is null where it has none.
//!
//! And what is below a window: DataFusion knows that groups are unique by their keys, counts these wrongly where columns change
//! their places, and takes an order by the window's column for one by all that come after it.
//!
//! And groups by structs (records, shaped arrays) whose rows come sorted by them: DataFusion finds the end of a group by
//! comparing, which it cannot do with these.
//!
//! Here a node stands over each, which sorts do not pass, and which tells nothing of such constants.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::{Constraints, JoinType, Result},
    physical_expr::{EquivalenceProperties, PhysicalExpr, equivalence::AcrossPartitions},
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, InputOrderMode, PlanProperties,
        ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateMode},
        filter_pushdown::{
            ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
        },
        joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
        limit::GlobalLimitExec,
        union::UnionExec,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};

use super::hands_on::{HandsOn, HandsOnExec, with_inputs};

/// A node under a fence if it needs one, or over one if it is a window.
pub(super) fn fenced(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let over = |tells| Ok(Some(HandsOnExec::over(Arc::clone(node), tells)));
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
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>()
        && groups_sorted_structs(aggregate)
    {
        return with_inputs(node, ChildrenPropertiesMode::Recompute, |_, input| {
            Ok(Some(HandsOnExec::over(Arc::clone(input), Tells::Nothing)))
        });
    }
    let windowed = node.is::<BoundedWindowAggExec>() || node.is::<WindowAggExec>();
    if windowed
        && let [input] = node.children().as_slice()
        && input.equivalence_properties().constraints().iter().next().is_some()
    {
        let input = HandsOnExec::over(Arc::clone(input), Tells::NoKeys);
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        return Arc::clone(node).replace_children(vec![input], options).map(Some);
    }
    if adds_nulls_to_constants(node) {
        return over(Tells::Nothing);
    }
    let differs = node.is::<UnionExec>()
        && node
            .equivalence_properties()
            .constants()
            .iter()
            .any(|constant| constant.across_partitions == AcrossPartitions::Heterogeneous);
    if differs { over(Tells::Equalities) } else { Ok(None) }
}

/// Whether a node is an outer join, and something is constant at a side that may have no row.
fn adds_nulls_to_constants(node: &Arc<dyn ExecutionPlan>) -> bool {
    let hash = node.downcast_ref::<HashJoinExec>().map(HashJoinExec::join_type).copied();
    let loops = || node.downcast_ref::<NestedLoopJoinExec>().map(NestedLoopJoinExec::join_type).copied();
    let merge = || node.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    let (left, right) = match hash.or_else(loops).or_else(merge) {
        Some(JoinType::Left) => (false, true),
        Some(JoinType::Right) => (true, false),
        Some(JoinType::Full) => (true, true),
        _ => return false,
    };
    let mut sides = [left, right].into_iter().zip(node.children());
    sides.any(|(may_be_null, side)| may_be_null && !side.equivalence_properties().constants().is_empty())
}

/// Whether an aggregation goes by the order of keys of which one is a struct.
fn groups_sorted_structs(aggregate: &AggregateExec) -> bool {
    let schema = aggregate.schema();
    let mut keys = schema.fields().iter().take(aggregate.group_expr().expr().len());
    !matches!(aggregate.input_order_mode(), InputOrderMode::Linear)
        && keys.any(|key| matches!(key.data_type(), DataType::Struct(_)))
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
    /// All of that, but not which columns are unique.
    NoKeys,
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
            Self::NoKeys => input.equivalence_properties().clone().with_constraints(Constraints::default()),
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

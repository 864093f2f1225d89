//! The order in which rows come, where it shows though nobody asks for it. `array_agg`, `string_agg` and the JSON aggregates
//! without ORDER BY take rows as they come, `row_number() OVER ()` numbers them so, and OFFSET leaves out the first; people
//! see it in PostgreSQL: the rows of a sorted subquery, the steps of a recursive query, the rows of VALUES.
//!
//! - The engine drops a sort of which nobody says that it is needed, even under OFFSET if its keys are not shown there.
//!   While it looks for such sorts, [`needing_sorts`] says so.
//! - It deals rows out to threads, batch by batch, and then no order is left. Below such a node it does not, says the rule
//!   here. (Files that are read in several threads are.)

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_expr::{
        OrderingRequirements,
        aggregate::AggregateFunctionExpr,
        window::{StandardWindowExpr, WindowExpr},
    },
    physical_optimizer::{PhysicalOptimizerRule, output_requirements::OutputRequirementExec},
    physical_plan::{
        ChildrenPropertiesMode, Distribution, ExecutionPlan, Partitioning,
        aggregates::{AggregateExec, AggregateInputMode},
        coalesce_partitions::CoalescePartitionsExec,
        coop::CooperativeExec,
        filter::FilterExec,
        limit::GlobalLimitExec,
        projection::ProjectionExec,
        repartition::RepartitionExec,
        sorts::sort::SortExec,
        unnest::UnnestExec,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};

use super::hands_on::{rewritten, with_inputs};

/// What the aggregates that show an order are made of.
const COLLECTING: &[&str] = &["array_agg", "string_agg_text", "string_agg_bytea"];

/// The rule, for the end of the list.
#[derive(Debug, Default)]
pub struct CollectedOrder;

impl PhysicalOptimizerRule for CollectedOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ordered = rewritten(&plan, ChildrenPropertiesMode::Recompute, &mut |node| {
            if !shows_order(node.as_ref()) {
                return Ok(None);
            }
            with_inputs(node, ChildrenPropertiesMode::Recompute, |_, input| undealt(input))
        })?;
        Ok(ordered.unwrap_or(plan))
    }

    fn name(&self) -> &str {
        "CollectedOrder"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A node that shows its rows' order over sorts that say that they are needed; `None` for any other.
pub(super) fn needing_sorts(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if !shows_order(node.as_ref()) {
        return Ok(None);
    }
    with_inputs(node, ChildrenPropertiesMode::Recompute, |_, input| with_needed_sort(input))
}

/// A plan in which the sort that its rows' order comes from is known to be needed, until the end of the engine's rules that
/// go by it. (A sort of some rows only is never dropped.)
fn with_needed_sort(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let order = OrderingRequirements::from(sort.expr().clone());
        let needed =
            || OutputRequirementExec::new(Arc::clone(plan), Some(order), Distribution::SinglePartition, None);
        return Ok(sort.fetch().is_none().then(|| Arc::new(needed()) as _));
    }
    if plan.children().len() != 1 || plan.is::<AggregateExec>() || has_own_order(plan.as_ref()) {
        return Ok(None);
    }
    with_inputs(plan, ChildrenPropertiesMode::Recompute, |_, input| with_needed_sort(input))
}

/// Whether the order of the rows below shows in what a node gives.
fn shows_order(node: &dyn ExecutionPlan) -> bool {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        let reads_rows = aggregate.mode().input_mode() == AggregateInputMode::Raw;
        return reads_rows && aggregate.aggr_expr().iter().any(|function| takes_as_they_come(function));
    }
    if let Some(limit) = node.downcast_ref::<GlobalLimitExec>() {
        return limit.skip() > 0;
    }
    !has_own_order(node) && windows(node).iter().any(numbers)
}

fn takes_as_they_come(function: &AggregateFunctionExpr) -> bool {
    function.order_bys().is_empty() && collects(function.fun().name())
}

/// Whether an aggregate of this name shows the order of its rows.
pub(crate) fn collects(name: &str) -> bool {
    COLLECTING.contains(&name)
}

/// A window node's functions.
fn windows(node: &dyn ExecutionPlan) -> &[Arc<dyn WindowExpr>] {
    if let Some(window) = node.downcast_ref::<BoundedWindowAggExec>() {
        return window.window_expr();
    }
    node.downcast_ref::<WindowAggExec>().map_or(&[], WindowAggExec::window_expr)
}

/// Whether a node is a window over rows in an order that it asks for.
fn has_own_order(node: &dyn ExecutionPlan) -> bool {
    windows(node).iter().any(|window| !window.order_by().is_empty() || !window.partition_by().is_empty())
}

/// Whether a window function gives something else for rows in another order: not if it is an aggregate of all rows.
fn numbers(window: &Arc<dyn WindowExpr>) -> bool {
    let frame = window.get_window_frame();
    let of_all = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
    window.as_any().is::<StandardWindowExpr>() || !of_all
}

/// A plan whose rows were dealt out, without that.
fn undealt(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        let dealt = matches!(repartition.partitioning(), Partitioning::RoundRobinBatch(_));
        return Ok(dealt.then(|| Arc::clone(repartition.input())));
    }
    let keeps_order = plan.is::<ProjectionExec>()
        || plan.is::<FilterExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<UnnestExec>();
    if !keeps_order {
        return Ok(None);
    }
    with_inputs(plan, ChildrenPropertiesMode::Recompute, |_, input| undealt(input))
}

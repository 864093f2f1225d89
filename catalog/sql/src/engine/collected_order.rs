//! `array_agg`, `string_agg` and the JSON aggregates show the order of their rows. Without ORDER BY that is the order in
//! which rows come, and people see it in PostgreSQL: the steps of a recursive query, the rows of VALUES. The engine deals
//! rows out to threads below an aggregate, batch by batch, and then no order is left. Below one that collects, it does
//! not. (Files that are read in several threads are.)

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_expr::aggregate::AggregateFunctionExpr,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, Partitioning, ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateInputMode},
        coop::CooperativeExec,
        filter::FilterExec,
        projection::ProjectionExec,
        repartition::RepartitionExec,
    },
};

use super::hands_on::rewritten;

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
            let Some(aggregate) = node.downcast_ref::<AggregateExec>() else { return Ok(None) };
            let reads_rows = aggregate.mode().input_mode() == AggregateInputMode::Raw;
            if !reads_rows || !aggregate.aggr_expr().iter().any(|function| shows_order(function)) {
                return Ok(None);
            }
            undealt(aggregate.input())?.map(|input| with_input(node, input)).transpose()
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

fn shows_order(function: &AggregateFunctionExpr) -> bool {
    function.order_bys().is_empty() && collects(function.fun().name())
}

/// Whether an aggregate of this name shows the order of its rows.
pub(crate) fn collects(name: &str) -> bool {
    COLLECTING.contains(&name)
}

/// A plan whose rows were dealt out, without that.
fn undealt(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        let dealt = matches!(repartition.partitioning(), Partitioning::RoundRobinBatch(_));
        return Ok(dealt.then(|| Arc::clone(repartition.input())));
    }
    let hands_on = plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || plan.is::<CooperativeExec>();
    let Some(input) = plan.children().first().copied().filter(|_| hands_on) else { return Ok(None) };
    match undealt(input)? {
        Some(input) => with_input(plan, input).map(Some),
        None => Ok(None),
    }
}

fn with_input(
    node: &Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(node).replace_children(vec![input], options)
}

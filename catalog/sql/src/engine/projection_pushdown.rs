//! The engine's rule that pushes projections down a physical plan, kept from computing what is not asked for. It takes a
//! whole projection below a filter, or below a sort of the first rows only, if what these need is still there: then `y / x`
//! of `SELECT x, y / x … WHERE x <> 0` is computed for rows that the WHERE takes away, and fails.
//!
//! While the rule runs, a node stands over each filter and each such sort that a computing projection could come to. The
//! columns that the projection needs are told to the filter before, as the rule would have done.

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_expr::expressions::{Column, Literal},
    physical_optimizer::{PhysicalOptimizerRule, output_requirements::OutputRequirementExec},
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions,
        coalesce_partitions::CoalescePartitionsExec,
        coop::CooperativeExec,
        filter::FilterExec,
        projection::{ProjectionExec, try_embed_projection},
        repartition::RepartitionExec,
        sorts::{sort::SortExec, sort_preserving_merge::SortPreservingMergeExec},
        union::UnionExec,
    },
};

use super::hands_on::{HandsOn, HandsOnExec, rewritten, with_inputs};

/// The engine's `ProjectionPushdown`, with fences.
#[derive(Debug)]
pub struct ProjectionPushdowns(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for ProjectionPushdowns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(fenced) = fenced(&plan, false)? else { return self.0.optimize(plan, config) };
        let pushed = self.0.optimize(fenced, config)?;
        let without = rewritten(&pushed, ChildrenPropertiesMode::Keep, &mut |node| {
            Ok(node.downcast_ref::<HandsOnExec<Stays>>().map(|fence| Arc::clone(fence.input())))
        })?;
        Ok(without.unwrap_or(pushed))
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// A plan with its fences; `None` if it needs none. `computing`: what is above may come down.
fn fenced(plan: &Arc<dyn ExecutionPlan>, computing: bool) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let computing = computing || computes(projection);
        let inside = with_inputs(plan, ChildrenPropertiesMode::Keep, |_, input| {
            if computing && input.is::<FilterExec>() {
                fenced(input, false)
            } else {
                fenced(input, computing)
            }
        })?;
        if !computing || !projection.input().is::<FilterExec>() {
            return Ok(inside);
        }
        return over_filter(inside.as_ref().unwrap_or(plan));
    }
    let passes = plan.is::<UnionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<OutputRequirementExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>();
    let chooses = plan.is::<FilterExec>() || (passes && plan.fetch().is_some());
    let below = computing && passes && !chooses;
    let inside = with_inputs(plan, ChildrenPropertiesMode::Keep, |_, input| fenced(input, below))?;
    Ok(if computing && chooses { Some(stays(inside.as_ref().unwrap_or(plan))) } else { inside })
}

/// A projection over a filter, with the filter's columns cut to those that it needs, and a fence between them.
fn over_filter(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(projection) = plan.downcast_ref::<ProjectionExec>() else { return Ok(None) };
    let embedded = match projection.input().downcast_ref::<FilterExec>() {
        Some(filter) => try_embed_projection(projection, filter)?,
        None => None,
    };
    // What is told of its columns beside their types is lost where a projection is made anew.
    let embedded = embedded.filter(|embedded| embedded.schema() == plan.schema());
    let over = embedded.as_ref().unwrap_or(plan);
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    match over.downcast_ref::<ProjectionExec>() {
        Some(rest) => Arc::clone(over).replace_children(vec![stays(rest.input())], options).map(Some),
        None => Ok(Some(stays(over))),
    }
}

/// Whether a projection has more than columns and constants.
fn computes(projection: &ProjectionExec) -> bool {
    projection.expr().iter().any(|shown| !shown.expr.is::<Column>() && !shown.expr.is::<Literal>())
}

fn stays(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    HandsOnExec::over(Arc::clone(plan), Stays)
}

/// No projection goes below.
#[derive(Debug, Clone)]
struct Stays;

impl HandsOn for Stays {
    const NAME: &'static str = "ProjectionFence";
    const KEEPS_ORDER: bool = true;
}

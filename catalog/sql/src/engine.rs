//! How bound plans are planned: what LIS adds to DataFusion's optimizer and planner so that a plan keeps PostgreSQL's
//! meaning on the way to its execution.
//!
//! - `push_down`: filters go below joins and aggregates only where that changes nothing, errors included.
//! - `evaluation_order`: in AND and OR, what can fail is evaluated only where what stands before it lets it matter.
//! - `filter_pushdown`: filters go down a physical plan to the columns that they mean.
//! - `projection_pushdown`: the SELECT list is computed for the rows that WHERE and LIMIT leave.
//! - `series`: `generate_series` is a stream, not a list.
//! - `logical_rules`: the engine's logical rules run without checks that never end, and only where there is something to do.
//! - `constant_partitions`: a window is not partitioned by what is the same in all rows.
//! - `aggregate_statistics`: aggregations are answered from statistics only where these are their own.
//! - `computed_equalities`: nothing is concluded from the equality of what is computed.
//! - `equal_windows`: a window function is computed once where it is asked for twice.
//! - `ensure_requirements`: the limit of a sort that is not needed stays where it is when rows are left out below.
//! - `collected_order`: where the order of rows shows, they come in the order that they had.
//! - `guards`: the nodes of `wide_rows` and `yielding_joins` get into the plan.
//! - `hands_on`: what nodes have in common that hand rows on as they are.
//! - `in_lists`: no list is made of two over the same expression, where nulls are forgotten.
//! - `join_keys`: keys that decide nothing are left out, and structs are compared as bytes.
//! - `limit_aggregation`: groups of floats are not looked up by an equality that a NaN has with none.
//! - `sorted_inputs`: what must be sorted is sorted again where the engine has lost sight of why it is.
//! - `settled`: long chains of functions, whose types are settled, are kept from the engine's type coercion.
//! - `shared`: plans that several places read are evaluated once.
//! - `stand_ins`: what stands for expressions that are kept from a rule.
//! - `sort_fences`: no sort goes below a union of other constants, or an OFFSET.
//! - `unique_keys`: groups of groups are unique by all their keys.
//! - `wide_rows`: long arrays and texts are refused before they are copied for each row of a batch.
//! - `yielding_joins`: a join lets others run while it gives rows, so that it can be cancelled.
//!
//! [`Planner`] is the engine's query planner: it takes the optimised plan, and after it no logical rule runs.

mod aggregate_statistics;
mod collected_order;
mod computed_equalities;
mod constant_partitions;
mod ensure_requirements;
mod equal_windows;
mod evaluation_order;
mod filter_pushdown;
mod guards;
mod hands_on;
mod in_lists;
mod join_keys;
mod limit_aggregation;
mod logical_rules;
mod made_values;
mod projection_pushdown;
mod push_down;
mod series;
mod settled;
mod shared;
mod sort_fences;
mod sorted_inputs;
mod stand_ins;
mod unique_keys;
mod wide_rows;
mod yielding_joins;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::Result,
    execution::context::QueryPlanner,
    logical_expr::LogicalPlan,
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
};

pub(crate) use self::collected_order::collects;
use self::series::SeriesPlanner;
pub(crate) use self::shared::{reads_shared, without_shared, without_single};
pub use self::{
    aggregate_statistics::AggregateStatistics,
    collected_order::CollectedOrder,
    ensure_requirements::EnsureRequirements,
    equal_windows::EqualWindows,
    evaluation_order::in_order,
    filter_pushdown::FilterPushdowns,
    guards::Guards,
    hands_on::{Change, HandsOn, HandsOnExec, rewritten},
    limit_aggregation::LimitAggregation,
    projection_pushdown::ProjectionPushdowns,
    push_down::PushDownFilters,
    shared::{SharedPlan, share},
    sorted_inputs::SortedInputs,
    unique_keys::ReplaceDistinct,
};

/// Optimises and plans, as the state's own `create_physical_plan` does, but for long constants: they stay calls.
pub async fn physical_plan(plan: &LogicalPlan, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
    let optimised = lis_functions::scalar::with_short_constants(|| logical_rules::optimised(plan, state))?;
    state.query_planner().create_physical_plan(&optimised, state).await
}

/// Optimised logical plans to physical ones.
#[derive(Debug, Default)]
pub struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        shared::tell_needs(plan)?;
        let plan = join_keys::plain(plan.clone())?;
        let plan = constant_partitions::without(plan)?;
        let plan = series::streamed(computed_equalities::as_tests(in_order(plan)?)?)?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SeriesPlanner)]);
        planner.create_physical_plan(&plan, state).await
    }
}

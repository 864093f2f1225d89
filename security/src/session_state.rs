//! The engine's state with explicit lists of rules. A rule that a new version of the engine adds does not get in
//! unnoticed: the lists are written out, and a test compares them with the engine's own. Each rule was read for whether
//! it can carry something of the user's below a barrier or something of the hidden rows above it:
//!
//! - Logical rules see a secured table as a scan and ask it per predicate (`PushDownFilter`); what they push is judged
//!   there. `PushDownLimit` sets a fetch only where every filter went below, and the secured scan applies it after the
//!   policy. `SimplifyExpressions` evaluates only constants. None reads statistics.
//! - `AggregateStatistics`, `JoinSelection`, `EnsureRequirements` read statistics: the barrier tells orders of magnitude,
//!   never exact ones. `FilterPushdown`, `ProjectionPushdown`, `LimitPushdown`, `PushdownSort`, `EnsureRequirements`'
//!   sort pushing ask each node, and the barrier refuses. `FilterPushdown(Post)` carries dynamic filters: see `barrier.rs`.
//! - `WindowTopN`, `TopKAggregation`, `LimitPushPastWindows`, `LimitedDistinctAggregation`, `HashJoinBuffering`,
//!   `TopKRepartition`, `CombinePartialFinalAggregate`, `OptimizeAggregateOrder` match on nodes that they know and stop
//!   at one that they do not.
//! - Ours, in `lis_sql::engine`, only call the engine's under a condition or with nodes that refuse filters in between,
//!   take away a node that deals rows out (`CollectedOrder`), sort what a node needs sorted (`SortedInputs`), or put nodes
//!   into the plan that hand rows on as they are or refuse rows that are too wide for what is done with them (`Guards`).

use std::sync::Arc;

use datafusion::{
    execution::{SessionState, SessionStateBuilder, runtime_env::RuntimeEnv},
    optimizer::{
        AnalyzerRule, OptimizerRule,
        analyzer::{resolve_grouping_function::ResolveGroupingFunction, type_coercion::TypeCoercion},
    },
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    prelude::SessionConfig,
};
use lis_sql::engine::{
    AggregateStatistics, CollectedOrder, EnsureRequirements, EqualWindows, FilterPushdowns, Guards,
    LimitAggregation, Planner, ProjectionPushdowns, PushDownFilters, ReplaceDistinct, SortedInputs,
};

use crate::barrier::RemoveBarriers;

/// The engine's logical rules that were judged, by name and in order.
const LOGICAL_RULES: &[&str] = &[
    "rewrite_set_comparison",
    "optimize_unions",
    "unions_to_filter",
    "simplify_expressions",
    "replace_distinct_aggregate",
    "eliminate_join",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "decorrelate_lateral_join",
    "extract_equijoin_predicate",
    "eliminate_duplicated_expr",
    "eliminate_filter",
    "eliminate_cross_join",
    "eliminate_limit",
    "propagate_empty_relation",
    "filter_null_join_keys",
    "eliminate_outer_join",
    "push_down_limit",
    "push_down_filter",
    "single_distinct_aggregation_to_group_by",
    "eliminate_group_by_constant",
    "common_sub_expression_eliminate",
    "extract_leaf_expressions",
    "push_down_leaf_projections",
    "optimize_projections",
];
/// The engine's physical rules that were judged, by name and in order.
const PHYSICAL_RULES: &[&str] = &[
    "OutputRequirements",
    "aggregate_statistics",
    "join_selection",
    "LimitedDistinctAggregation",
    "FilterPushdown",
    "WindowTopN",
    "EnsureRequirements",
    "CombinePartialFinalAggregate",
    "OptimizeAggregateOrder",
    "ProjectionPushdown",
    "OutputRequirements",
    "LimitAggregation",
    "LimitPushPastWindows",
    "HashJoinBuffering",
    "LimitPushdown",
    "TopKRepartition",
    "ProjectionPushdown",
    "PushdownSort",
    "EnsureCooperative",
    "FilterPushdown(Post)",
    "SanityCheckPlan",
];

/// Bytes up to which one side of a join is read whole into one table, for the other to be joined without being
/// distributed first. The engine goes by 1 MiB where it knows the bytes, and by 131,072 rows where it does not; we know
/// them, and on a few processors to distribute the large side costs more than to read the small one in one thread.
const JOIN_SIDE_BYTES_MAX: usize = 8 << 20;

/// The state that authorised plans are planned with: one for the whole server, since it holds nothing of a session.
pub fn session_state(runtime: Arc<RuntimeEnv>, mut config: SessionConfig) -> SessionState {
    config.options_mut().optimizer.hash_join_single_partition_threshold = JOIN_SIDE_BYTES_MAX;
    let analyzer: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(ResolveGroupingFunction::new()), Arc::new(TypeCoercion::new())];
    let logical: Vec<Arc<dyn OptimizerRule + Send + Sync>> = datafusion::optimizer::Optimizer::new()
        .rules
        .into_iter()
        .filter(|rule| LOGICAL_RULES.contains(&rule.name()))
        .flat_map(|rule| -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
            match rule.name() {
                // Ours calls the engine's, with predicates that must stay where they are taken out.
                "push_down_filter" => vec![Arc::new(PushDownFilters::default())],
                "replace_distinct_aggregate" => vec![Arc::new(ReplaceDistinct(rule))],
                "common_sub_expression_eliminate" => vec![Arc::new(EqualWindows), rule],
                _ => vec![rule],
            }
        })
        .collect();
    let mut physical: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = PhysicalOptimizer::new()
        .rules
        .into_iter()
        .filter(|rule| PHYSICAL_RULES.contains(&rule.name()))
        .map(|rule| -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
            // Ours call the engine's, where these are right.
            match rule.name() {
                "aggregate_statistics" => Arc::new(AggregateStatistics::default()),
                "LimitAggregation" => Arc::new(LimitAggregation::default()),
                "FilterPushdown" | "FilterPushdown(Post)" => Arc::new(FilterPushdowns(rule)),
                "ProjectionPushdown" => Arc::new(ProjectionPushdowns(rule)),
                "EnsureRequirements" => Arc::new(EnsureRequirements::default()),
                "SanityCheckPlan" => Arc::new(SortedInputs::default()),
                _ => rule,
            }
        })
        .collect();
    physical.push(Arc::new(CollectedOrder));
    physical.push(Arc::new(Guards));
    physical.push(Arc::new(RemoveBarriers));
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_analyzer_rules(analyzer)
        .with_optimizer_rules(logical)
        .with_physical_optimizer_rules(physical)
        .with_query_planner(Arc::new(Planner))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that this list does not know was added by a new version of the engine: read it, then list it.
    #[test]
    fn every_rule_of_the_engine_was_judged() {
        let logical: Vec<String> =
            datafusion::optimizer::Optimizer::new().rules.iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(logical, LOGICAL_RULES);
        let physical: Vec<String> =
            PhysicalOptimizer::new().rules.iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(physical, PHYSICAL_RULES);
        let state = session_state(Arc::default(), SessionConfig::new());
        assert_eq!(
            state.physical_optimizers().last().map(|rule| rule.name().to_owned()),
            Some("RemoveBarriers".to_owned())
        );
    }
}

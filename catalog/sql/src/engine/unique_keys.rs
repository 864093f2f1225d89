//! What is unique in the groups of groups. The engine knows that an aggregation's groups are unique by their keys; it keeps
//! that in mind through a join, and of an aggregation above, by these keys and others, it concludes that the first alone
//! determine every column and are unique. Then it leaves out keys of GROUP BY and ORDER BY, or a DISTINCT, or a join.
//!
//! Before a rule that relies on it, what is known of such an aggregation becomes what is true: all its keys together are
//! unique.

use std::sync::Arc;

use datafusion::{
    common::{
        Dependency, FunctionalDependence, FunctionalDependencies, Result,
        tree_node::{Transformed, TransformedResult, TreeNodeRecursion},
    },
    logical_expr::{Aggregate, Distinct, Expr, LogicalPlan},
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};

/// The rules that go by what is unique, as read in DataFusion 55.2.
const RELYING: &[&str] =
    &["replace_distinct_aggregate", "eliminate_join", "eliminate_duplicated_expr", "optimize_projections"];

/// Whether a rule goes by what is unique.
pub(super) fn is_relied_on_by(rule: &str) -> bool {
    RELYING.contains(&rule)
}

/// The plan with what is true; `None` if it is so already.
pub(super) fn corrected(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let mut wrong = false;
    plan.apply_with_subqueries(|node| {
        wrong |= matches!(node, LogicalPlan::Aggregate(aggregate) if is_wrong(aggregate));
        Ok(if wrong { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !wrong {
        return Ok(None);
    }
    plan.clone()
        .transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) if is_wrong(&aggregate) => {
                known(aggregate).map(Transformed::yes)
            }
            LogicalPlan::Aggregate(_) => Ok(Transformed::no(node)),
            // What it knows, it knows from below.
            other => other.recompute_schema().map(Transformed::yes),
        })
        .data()
        .map(Some)
}

/// The engine's `ReplaceDistinctWithAggregate`. It makes aggregations below before it asks what is unique above.
#[derive(Debug)]
pub struct ReplaceDistinct(pub Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for ReplaceDistinct {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let plan = match plan {
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let corrected = corrected(&input)?.map(Arc::new);
                LogicalPlan::Distinct(Distinct::All(corrected.unwrap_or(input)))
            }
            other => other,
        };
        self.0.rewrite(plan, config)
    }
}

/// How many columns are keys; `None` for several grouping sets.
fn keys(aggregate: &Aggregate) -> Option<usize> {
    match aggregate.group_expr.as_slice() {
        [Expr::GroupingSet(_)] => None,
        keys => Some(keys.len()),
    }
}

/// Whether something less than all keys is said to determine the rest.
fn is_wrong(aggregate: &Aggregate) -> bool {
    let count = keys(aggregate).unwrap_or(usize::MAX);
    aggregate.schema.functional_dependencies().iter().any(|known| known.source_indices.len() < count)
}

fn known(mut aggregate: Aggregate) -> Result<LogicalPlan> {
    let mut all = FunctionalDependencies::empty();
    if let Some(count) = keys(&aggregate) {
        let columns = (0..aggregate.schema.fields().len()).collect();
        let key = FunctionalDependence::new((0..count).collect(), columns, true);
        all = FunctionalDependencies::new(vec![key.with_mode(Dependency::Single)]);
    }
    let schema = aggregate.schema.as_ref().clone().with_functional_dependencies(all)?;
    aggregate.schema = Arc::new(schema);
    Ok(LogicalPlan::Aggregate(aggregate))
}

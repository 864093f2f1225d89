//! The engine's analyzer and logical rules over a bound plan: in the engine's order, as often as the engine runs them,
//! and with the same plan at the end, but with less ado. Queries are often short and their plans long, and then planning
//! is a good part of what they cost.
//!
//! - Nothing is checked before, between and after. Nothing that is bound here fails the checks, and the engine checks
//!   for every subquery all those inside it, and for each of these again: with every level of nesting that takes twice
//!   as long.
//! - A rule that begins at nodes of which the plan has none is left out ([`BEGINS_AT`]).

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use datafusion::{
    catalog::Session,
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::SessionState,
    logical_expr::{
        Aggregate, Distinct, Expr, ExpressionPlacement, Filter, Join, Limit, LogicalPlan, Projection, Sort,
        Subquery, SubqueryAlias, Union, Unnest, Window,
    },
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};

use lis_functions::interrupt;

use super::{in_lists, settled, unique_keys};

/// What there is in a plan, as a set of bits.
type Kinds = u16;

const AGGREGATE: Kinds = 1;
const DISTINCT: Kinds = 1 << 1;
const EMPTY: Kinds = 1 << 2;
const FILTER: Kinds = 1 << 3;
const JOIN: Kinds = 1 << 4;
const LIMIT: Kinds = 1 << 5;
const SORT: Kinds = 1 << 6;
const UNION: Kinds = 1 << 7;
const SUBQUERY: Kinds = 1 << 8;
/// A comparison with ANY or ALL of a subquery, as the engine writes it.
const SET_COMPARISON: Kinds = 1 << 9;
/// A field of a record, which may be taken where the record is read.
const LEAF: Kinds = 1 << 10;
const WINDOW: Kinds = 1 << 12;
/// In every plan.
const ANYTHING: Kinds = 1 << 11;

/// Rules that do nothing in a plan that has none of these, as read in DataFusion 55.2. Others always run.
const BEGINS_AT: &[(&str, Kinds)] = &[
    ("rewrite_set_comparison", SET_COMPARISON),
    ("optimize_unions", UNION),
    ("unions_to_filter", DISTINCT),
    ("replace_distinct_aggregate", DISTINCT),
    ("eliminate_join", JOIN),
    ("decorrelate_predicate_subquery", SUBQUERY),
    ("scalar_subquery_to_join", SUBQUERY),
    ("decorrelate_lateral_join", SUBQUERY),
    ("extract_equijoin_predicate", JOIN),
    ("eliminate_duplicated_expr", AGGREGATE | SORT),
    ("eliminate_filter", FILTER),
    ("eliminate_cross_join", JOIN),
    ("eliminate_limit", LIMIT),
    ("propagate_empty_relation", EMPTY),
    ("filter_null_join_keys", JOIN),
    ("eliminate_outer_join", FILTER),
    ("push_down_limit", LIMIT),
    ("single_distinct_aggregation_to_group_by", AGGREGATE),
    ("eliminate_group_by_constant", AGGREGATE),
    ("equal_windows", WINDOW),
    ("extract_leaf_expressions", LEAF),
    ("push_down_leaf_projections", LEAF),
];

/// The optimised plan.
pub(super) fn optimised(plan: &LogicalPlan, session: &dyn Session) -> Result<LogicalPlan> {
    match session.as_any().downcast_ref::<SessionState>() {
        Some(state) if !matches!(plan, LogicalPlan::Explain(_)) => ruled(plan.clone(), state),
        _ => session.optimize(plan),
    }
}

fn ruled(mut plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let options = OptimizerConfig::options(state);
    let analyzed =
        |plan| state.analyzer().rules.iter().try_fold(plan, |plan, rule| rule.analyze(plan, &options));
    plan = settled::aside(plan, analyzed)?;
    let rules: Vec<_> = state.optimizers().iter().map(|rule| (rule, begins_at(rule.name()))).collect();
    let hashing = RandomState::new();
    let mut before = None;
    for _ in 0..options.optimizer.max_passes {
        let mut kinds = kinds(&plan);
        let mut changed = false;
        for (rule, begins_at) in &rules {
            if kinds & begins_at == 0 {
                continue;
            }
            if kinds & AGGREGATE != 0
                && unique_keys::is_relied_on_by(rule.name())
                && let Some(corrected) = unique_keys::corrected(&plan)?
            {
                plan = corrected;
            }
            if applied(rule.as_ref(), &mut plan, kinds, state)? {
                changed = true;
                kinds = self::kinds(&plan);
            }
        }
        // Some rules say that they have changed what they have made anew.
        let hash = hashing.hash_one(&plan);
        if !changed || before.replace(hash) == Some(hash) {
            break;
        }
    }
    Ok(plan)
}

fn begins_at(rule: &str) -> Kinds {
    BEGINS_AT.iter().find(|(name, _)| *name == rule).map_or(ANYTHING, |(_, kinds)| *kinds)
}

/// Applies a rule; true if it says that it has changed the plan, which is undefined after an error.
fn applied(
    rule: &dyn OptimizerRule,
    plan: &mut LogicalPlan,
    kinds: Kinds,
    state: &SessionState,
) -> Result<bool> {
    let Some(order) = rule.apply_order() else {
        let rewritten = at_node(rule, std::mem::take(plan), state)?;
        *plan = rewritten.data;
        return Ok(rewritten.transformed);
    };
    if kinds & SUBQUERY == 0 {
        return in_place(rule, plan, order, state);
    }
    let whole = std::mem::take(plan);
    let rewritten = match order {
        ApplyOrder::TopDown => whole.transform_down_with_subqueries(|node| at_node(rule, node, state))?,
        ApplyOrder::BottomUp => whole.transform_up_with_subqueries(|node| at_node(rule, node, state))?,
    };
    *plan = rewritten.data;
    Ok(rewritten.transformed)
}

/// What a rule makes of a node, unless the statement is not wanted any more: large plans are long in the making.
fn at_node(
    rule: &dyn OptimizerRule,
    node: LogicalPlan,
    state: &SessionState,
) -> Result<Transformed<LogicalPlan>> {
    interrupt::check()?;
    in_lists::aside(rule.name(), node, |node| rule.rewrite(node, state))
}

/// Applies a rule to the nodes of a plan without subqueries.
fn in_place(
    rule: &dyn OptimizerRule,
    plan: &mut LogicalPlan,
    order: ApplyOrder,
    state: &SessionState,
) -> Result<bool> {
    let mut changed = false;
    if order == ApplyOrder::TopDown {
        let rewritten = at_node(rule, std::mem::take(plan), state)?;
        *plan = rewritten.data;
        changed = rewritten.transformed;
        if rewritten.tnr == TreeNodeRecursion::Stop {
            return Ok(changed);
        }
    }
    let mut other_columns = false;
    let mut inside = |input: &mut Arc<LogicalPlan>| -> Result<bool> {
        let input = Arc::make_mut(input);
        let schema = Arc::clone(input.schema());
        let changed = in_place(rule, input, order, state)?;
        other_columns |= changed && schema != *input.schema();
        Ok(changed)
    };
    match plan {
        LogicalPlan::Projection(Projection { input, .. })
        | LogicalPlan::Filter(Filter { input, .. })
        | LogicalPlan::Window(Window { input, .. })
        | LogicalPlan::Aggregate(Aggregate { input, .. })
        | LogicalPlan::Sort(Sort { input, .. })
        | LogicalPlan::Limit(Limit { input, .. })
        | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. })
        | LogicalPlan::Subquery(Subquery { subquery: input, .. })
        | LogicalPlan::Distinct(Distinct::All(input))
        | LogicalPlan::Unnest(Unnest { input, .. }) => changed |= inside(input)?,
        LogicalPlan::Join(Join { left, right, .. }) => {
            changed |= inside(left)?;
            changed |= inside(right)?;
        }
        LogicalPlan::Union(Union { inputs, .. }) => {
            for input in inputs {
                changed |= inside(input)?;
            }
        }
        LogicalPlan::TableScan(_) | LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {}
        _ => {
            let rewritten = std::mem::take(plan).map_children(|input| {
                let mut input = Arc::new(input);
                let changed = inside(&mut input)?;
                Ok(Transformed::new_transformed(Arc::unwrap_or_clone(input), changed))
            })?;
            *plan = rewritten.data;
            changed |= rewritten.transformed;
        }
    }
    if other_columns {
        // Before a rule goes by the places of columns.
        *plan = std::mem::take(plan).recompute_schema()?;
    }
    if order == ApplyOrder::BottomUp {
        let rewritten = at_node(rule, std::mem::take(plan), state)?;
        *plan = rewritten.data;
        changed |= rewritten.transformed;
    }
    Ok(changed)
}

/// What there is in a plan and its subqueries.
fn kinds(plan: &LogicalPlan) -> Kinds {
    let mut kinds = ANYTHING;
    kinds |= match plan {
        LogicalPlan::Aggregate(_) => AGGREGATE,
        LogicalPlan::Distinct(_) => DISTINCT,
        LogicalPlan::EmptyRelation(_) => EMPTY,
        LogicalPlan::Filter(_) => FILTER,
        LogicalPlan::Join(_) => JOIN,
        LogicalPlan::Limit(_) => LIMIT,
        LogicalPlan::Sort(_) => SORT,
        LogicalPlan::Union(_) => UNION,
        LogicalPlan::Subquery(_) => SUBQUERY,
        LogicalPlan::Window(_) => WINDOW,
        _ => 0,
    };
    // The closures do not fail.
    let _visited = plan.apply_expressions(|expr| {
        expr.apply(|part| {
            kinds |= match part {
                Expr::Exists(exists) => SUBQUERY | self::kinds(&exists.subquery.subquery),
                Expr::InSubquery(within) => SUBQUERY | self::kinds(&within.subquery.subquery),
                Expr::ScalarSubquery(scalar) => SUBQUERY | self::kinds(&scalar.subquery),
                Expr::SetComparison(set) => SUBQUERY | SET_COMPARISON | self::kinds(&set.subquery.subquery),
                Expr::ScalarFunction(_) if part.placement() == ExpressionPlacement::MoveTowardsLeafNodes => {
                    LEAF
                }
                _ => 0,
            };
            Ok(TreeNodeRecursion::Continue)
        })
    });
    plan.inputs().into_iter().fold(kinds, |kinds, input| kinds | self::kinds(input))
}

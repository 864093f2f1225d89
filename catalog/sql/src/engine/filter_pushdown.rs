//! The engine's rules that push filters down a physical plan, kept from taking one column for another. They find a column
//! in a child by its name, and a physical plan's columns have no table in their names: above a join of `a(id)` and `b(id)`
//! a filter on `b.id`, a hash join's dynamic one say, would reach the scan of `a` and leave out its rows.
//!
//! While such a rule runs, a node stands at every place where a name does not say which column is meant. It refuses the
//! filters that use the name. There is such a place where
//!
//! - a node has two columns of one name,
//! - a union's input has the name elsewhere than the union,
//! - an aggregation groups by something else than the column of its input that has the group's name,
//! - a semi join's other side has a column of that name that is not its key.
//!
//! Pitfall: every node of the engine that lets filters through was read for DataFusion 55.2 (`gather_filters_for_pushdown`).

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use arrow::datatypes::Schema;
use datafusion::{
    common::{JoinType, Result, config::ConfigOptions},
    physical_expr::{PhysicalExpr, expressions::Column, utils::collect_columns},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan,
        aggregates::AggregateExec,
        filter_pushdown::{
            ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
            FilterPushdownPropagation,
        },
        joins::HashJoinExec,
        union::UnionExec,
    },
};

use super::hands_on::{HandsOn, HandsOnExec, rewritten, with_inputs};

/// A rule of the engine that pushes filters down, with fences around it.
#[derive(Debug)]
pub struct FilterPushdowns(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for FilterPushdowns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(fenced) = rewritten(&plan, ChildrenPropertiesMode::Keep, &mut fenced)? else {
            return self.0.optimize(plan, config);
        };
        let pushed = self.0.optimize(fenced, config)?;
        let without = rewritten(&pushed, ChildrenPropertiesMode::Keep, &mut |node| {
            Ok(node.downcast_ref::<HandsOnExec<Refuses>>().map(|fence| Arc::clone(fence.input())))
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

/// A node with fences over its inputs where they are needed; `None` if they are not.
fn fenced(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    with_inputs(node, ChildrenPropertiesMode::Keep, |index, input| {
        let names = misleading(node, index, input);
        Ok((!names.is_empty()).then(|| HandsOnExec::over(Arc::clone(input), Refuses(names))))
    })
}

/// The names that may not say which column of a child is meant.
fn misleading(
    parent: &Arc<dyn ExecutionPlan>,
    index: usize,
    child: &Arc<dyn ExecutionPlan>,
) -> BTreeSet<String> {
    let schema = child.schema();
    let mut names = repeated(&schema);
    if parent.is::<UnionExec>() {
        let own = parent.schema();
        names.extend(own.fields().iter().enumerate().filter_map(|(position, field)| {
            let elsewhere = schema.index_of(field.name()).is_ok_and(|found| found != position);
            elsewhere.then(|| field.name().clone())
        }));
    } else if let Some(aggregate) = parent.downcast_ref::<AggregateExec>() {
        for (expr, name) in aggregate.group_expr().expr() {
            let same = expr.downcast_ref::<Column>().is_some_and(|column| column.name() == name);
            if !same {
                names.insert(name.clone());
            }
        }
    } else if let Some(join) = parent.downcast_ref::<HashJoinExec>() {
        let name_of =
            |key: &Arc<dyn PhysicalExpr>| key.downcast_ref::<Column>().map(|column| column.name().to_owned());
        // Of each key, its name at the side whose rows come out, and its name here.
        let keys: Vec<(Option<String>, Option<String>)> = match (join.join_type(), index) {
            (JoinType::LeftSemi, 1) => {
                join.on().iter().map(|(left, right)| (name_of(left), name_of(right))).collect()
            }
            (JoinType::RightSemi, 0) => {
                join.on().iter().map(|(left, right)| (name_of(right), name_of(left))).collect()
            }
            _ => Vec::new(),
        };
        for (outer, inner) in &keys {
            if outer != inner {
                names.extend(outer.iter().cloned());
            }
        }
    }
    names
}

/// The names that several columns have.
fn repeated(schema: &Schema) -> BTreeSet<String> {
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned()).collect()
}

/// Refuses filters that use one of these names.
#[derive(Debug, Clone)]
struct Refuses(BTreeSet<String>);

impl Refuses {
    /// The numbers of the columns whose names say which they are.
    fn certain(&self, schema: &Schema) -> HashSet<usize> {
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(_, field)| !self.0.contains(field.name())).map(|(index, _)| index).collect()
    }

    /// Whether a filter was not found by names, though it uses one that is refused: by its name a column is the first of
    /// the name.
    fn is_by_number(&self, filter: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
        let mut by_number = false;
        collect_columns(filter).iter().all(|column| {
            let refused = self.0.contains(column.name());
            by_number |= refused;
            !refused || schema.index_of(column.name()).is_ok_and(|first| first < column.index())
        }) && by_number
    }
}

impl HandsOn for Refuses {
    const NAME: &'static str = "Fence";

    fn filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        phase: FilterPushdownPhase,
        input: &Arc<dyn ExecutionPlan>,
    ) -> Result<FilterDescription> {
        let schema = input.schema();
        let certain = self.certain(&schema);
        let mut child = ChildFilterDescription::from_child_with_allowed_indices(&filters, certain, input)?;
        // A join takes a filter's columns by their numbers. To those above, its filter is refused all the same.
        if phase == FilterPushdownPhase::Post && input.is::<HashJoinExec>() {
            let by_number = filters.iter().filter(|filter| self.is_by_number(filter, &schema)).cloned();
            child = child.with_self_filters(by_number.collect());
        }
        Ok(FilterDescription::new().with_child(child))
    }

    fn filtered(&self, below: ChildPushdownResult) -> FilterPushdownPropagation<Arc<dyn ExecutionPlan>> {
        FilterPushdownPropagation::if_all(below)
    }
}

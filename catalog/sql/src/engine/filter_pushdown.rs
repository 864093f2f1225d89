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
    fmt,
    sync::Arc,
};

use arrow::datatypes::Schema;
use datafusion::{
    common::{JoinType, Result, config::ConfigOptions, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{PhysicalExpr, expressions::Column, utils::collect_columns},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        aggregates::AggregateExec,
        execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions},
        filter_pushdown::{
            ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
            FilterPushdownPropagation,
        },
        joins::HashJoinExec,
        union::UnionExec,
    },
};

/// A rule of the engine that pushes filters down, with fences around it.
#[derive(Debug)]
pub struct FilterPushdowns(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for FilterPushdowns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match fenced(&plan)? {
            None => self.0.optimize(plan, config),
            Some(fenced) => {
                let pushed = self.0.optimize(fenced, config)?;
                let within = |node: &Arc<dyn ExecutionPlan>| {
                    node.downcast_ref::<Fence>().map(|fence| Arc::clone(&fence.input))
                };
                Ok(taken_out(&pushed, &within)?.unwrap_or(pushed))
            }
        }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// A plan without some nodes of one input: `within` gives what is under such a node. `None` if there was none. Children
/// are replaced with their parents' properties kept: recomputing would make a top-k a new dynamic filter that the scan
/// below does not know.
pub fn taken_out(
    plan: &Arc<dyn ExecutionPlan>,
    within: &dyn Fn(&Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(input) = within(plan) {
        return Ok(Some(taken_out(&input, within)?.unwrap_or(input)));
    }
    with_children(plan, |_, child| taken_out(child, within))
}

/// A plan with those children replaced that `replace` gives another for; `None` if it gives none.
fn with_children(
    plan: &Arc<dyn ExecutionPlan>,
    replace: impl Fn(usize, &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let mut changed = false;
    let mut children = Vec::with_capacity(plan.children().len());
    for (index, child) in plan.children().into_iter().enumerate() {
        let replaced = replace(index, child)?;
        changed |= replaced.is_some();
        children.push(replaced.unwrap_or_else(|| Arc::clone(child)));
    }
    if !changed {
        return Ok(None);
    }
    Arc::clone(plan)
        .replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep))
        .map(Some)
}

/// A plan with fences where they are needed; `None` if they are nowhere.
fn fenced(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    with_children(plan, |index, child| {
        let inner = fenced(child)?;
        let refused = misleading(plan, index, child);
        if refused.is_empty() {
            return Ok(inner);
        }
        let input = inner.unwrap_or_else(|| Arc::clone(child));
        Ok(Some(Arc::new(Fence { input, refused })))
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
    let mut seen = BTreeSet::new();
    schema
        .fields()
        .iter()
        .filter(|field| !seen.insert(field.name().as_str()))
        .map(|field| field.name().clone())
        .collect()
}

/// Refuses filters that use a name.
#[derive(Debug)]
struct Fence {
    input: Arc<dyn ExecutionPlan>,
    refused: BTreeSet<String>,
}

impl Fence {
    /// The numbers of the columns whose names say which they are.
    fn certain(&self) -> HashSet<usize> {
        let schema = self.input.schema();
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(_, field)| !self.refused.contains(field.name())).map(|(index, _)| index).collect()
    }

    /// Whether a filter was not found by names, though it uses one that is refused: by its name a column is the first of
    /// the name.
    fn is_by_number(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        let schema = self.input.schema();
        let mut by_number = false;
        collect_columns(filter).iter().all(|column| {
            let refused = self.refused.contains(column.name());
            by_number |= refused;
            !refused || schema.index_of(column.name()).is_ok_and(|first| first < column.index())
        }) && by_number
    }
}

impl DisplayAs for Fence {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fence")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &'static str {
        "Fence"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("a fence has one input");
        };
        Ok(Arc::new(Self { input, refused: self.refused.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let mut child = ChildFilterDescription::from_child_with_allowed_indices(
            &parent_filters,
            self.certain(),
            &self.input,
        )?;
        // A join takes a filter's columns by their numbers. To those above, its filter is refused all the same.
        if phase == FilterPushdownPhase::Post && self.input.is::<HashJoinExec>() {
            let by_number = parent_filters.iter().filter(|filter| self.is_by_number(filter)).cloned();
            child = child.with_self_filters(by_number.collect());
        }
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(child_pushdown_result))
    }
}

//! A physical node that hands its input's rows on as they are, and what it is for: to keep the engine's rules from
//! crossing it, or to look at the rows as they pass. [`HandsOn`] says what is particular about one; what it does not say
//! is refused, so that a node that must let nothing through begins with nothing: no filter goes below, no limit, no
//! projection, and nothing is told but the properties that it gives.
//!
//! Beside it [`rewritten`], the walk of rules that put such nodes into a plan or take them out.
//!
//! Pitfall: every default of [`ExecutionPlan`] was read for DataFusion 55.2. A new method there with a default that lets
//! something through is a new road past a barrier.

use std::{fmt, sync::Arc};

use arrow::datatypes::Schema;
use datafusion::{
    common::{Result, Statistics, config::ConfigOptions, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        ReplaceChildrenOptions,
        execution_plan::CardinalityEffect,
        filter_pushdown::{
            ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
            FilterPushdownPropagation,
        },
        statistics::{ChildStats, StatisticsArgs},
    },
};

/// What is particular about a node that hands rows on.
pub trait HandsOn: fmt::Debug + Clone + Send + Sync + 'static {
    /// The node's name.
    const NAME: &'static str;
    /// Whether the rows' order is the input's to the engine too: sorts are pushed below then.
    const KEEPS_ORDER: bool = false;
    /// Whether limits go below, and the engine knows that there are as many rows above.
    const PASSES_LIMITS: bool = false;

    /// What is told of the rows.
    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        Arc::clone(input.properties())
    }

    /// What is told of their number.
    fn statistics(&self, input: &Arc<Statistics>, _schema: &Schema) -> Arc<Statistics> {
        Arc::clone(input)
    }

    /// What becomes of filters from above. Unless it is said, they stay there.
    fn filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _phase: FilterPushdownPhase,
        _input: &Arc<dyn ExecutionPlan>,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::all_unsupported(&filters);
        Ok(FilterDescription::new().with_child(child))
    }

    /// What is said above of filters that went below.
    fn filtered(&self, below: ChildPushdownResult) -> FilterPushdownPropagation<Arc<dyn ExecutionPlan>> {
        FilterPushdownPropagation::all_unsupported(below)
    }

    /// The rows.
    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        input.execute(partition, context)
    }
}

/// The node.
#[derive(Debug)]
pub struct HandsOnExec<K> {
    kind: K,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl<K: HandsOn> HandsOnExec<K> {
    /// Puts the node over a plan.
    pub fn over(input: Arc<dyn ExecutionPlan>, kind: K) -> Arc<dyn ExecutionPlan> {
        let properties = kind.properties(&input);
        Arc::new(Self { kind, input, properties })
    }

    /// The plan below.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }
}

impl<K: HandsOn> DisplayAs for HandsOnExec<K> {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(K::NAME)
    }
}

impl<K: HandsOn> ExecutionPlan for HandsOnExec<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![K::KEEPS_ORDER]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // What is below asks for it itself.
        vec![false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("rows come from one input");
        };
        let kind = self.kind.clone();
        Ok(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                Arc::new(Self { kind, input, properties: Arc::clone(&self.properties) })
            }
            ChildrenPropertiesMode::Recompute => Self::over(input, kind),
        })
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.kind.execute(&self.input, partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _arguments: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [input] => Ok(self.kind.statistics(input, &self.schema())),
            _ => Ok(Arc::new(Statistics::new_unknown(&self.schema()))),
        }
    }

    fn supports_limit_pushdown(&self) -> bool {
        K::PASSES_LIMITS
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        if K::PASSES_LIMITS { CardinalityEffect::Equal } else { CardinalityEffect::Unknown }
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        self.kind.filters(parent_filters, phase, &self.input)
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(self.kind.filtered(child_pushdown_result))
    }
}

/// What a rule makes of a node, whose inputs have been rewritten; `None` is the node as it is.
pub type Change<'a> = &'a mut dyn FnMut(&Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>;

/// A plan rewritten from below, or `None` if nothing was to be changed.
///
/// `Keep` leaves what is above a change as it was but for its inputs. Only then do the engine's nodes keep what others
/// know them by: recomputing makes a top-k a new dynamic filter, of which the scan below does not know. It is for
/// changes that leave the rows and their order as they are. `Recompute` is for others, and for plans in which no
/// dynamic filter has been handed out yet.
pub fn rewritten(
    plan: &Arc<dyn ExecutionPlan>,
    above: ChildrenPropertiesMode,
    change: Change<'_>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let node = with_inputs(plan, above, |_, input| rewritten(input, above, change))?;
    let changed = change(node.as_ref().unwrap_or(plan))?;
    Ok(changed.or(node))
}

/// A node with those inputs replaced that `replace` gives another for; `None` if it gives none.
pub(super) fn with_inputs(
    node: &Arc<dyn ExecutionPlan>,
    properties: ChildrenPropertiesMode,
    mut replace: impl FnMut(usize, &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let children = node.children();
    let mut inputs: Option<Vec<Arc<dyn ExecutionPlan>>> = None;
    for (index, child) in children.iter().enumerate() {
        if let Some(input) = replace(index, child)? {
            inputs.get_or_insert_with(|| children.iter().copied().cloned().collect())[index] = input;
        }
    }
    let options = ReplaceChildrenOptions::new(properties);
    inputs.map(|inputs| Arc::clone(node).replace_children(inputs, options)).transpose()
}

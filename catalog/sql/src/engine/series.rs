//! `generate_series` as a stream. The binder writes a set as a list that is unnested, and the optimizer knows what to do
//! with that. But a series can be as long as it likes: after the optimizer, [`streamed`] puts an operator in the place of
//! a list that is a series alone, and [`SeriesPlanner`] plans it. It makes a batch at a time and stops when nobody reads.

use std::{fmt, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array},
    compute::take,
    datatypes::{DataType, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{
        DFSchemaRef, DataFusionError, NullHandling, Result, internal_err,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{
        ColumnarValue, Expr, Extension, LogicalPlan, Projection, Unnest, UserDefinedLogicalNode,
        UserDefinedLogicalNodeCore, physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        coop::make_cooperative, execution_plan::SchedulingType, stream::RecordBatchStreamAdapter,
    },
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};
use futures::{StreamExt, TryStreamExt as _, stream};
use lis_functions::{
    scalar::Arguments,
    sets::series::{Series, SeriesFunction, SeriesValues},
};

/// The plan with its lone series as streams.
pub(super) fn streamed(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Unnest(unnest) = &node else { return Ok(Transformed::no(node)) };
        Ok(match SeriesPlan::of(unnest)? {
            Some(series) => Transformed::yes(LogicalPlan::Extension(Extension { node: Arc::new(series) })),
            None => Transformed::no(node),
        })
    })
    .map(|transformed| transformed.data)
}

/// The rows of the input, each once for every value of its series. The input has the columns that are kept and behind
/// them the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct SeriesPlan {
    input: LogicalPlan,
    function: SeriesFunction,
    /// The number of the values' column in the schema.
    place: usize,
    /// A row whose series is empty comes once, with a null.
    keep: bool,
    schema: DFSchemaRef,
}

impl PartialOrd for SeriesPlan {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self.function, self.place, self.keep).partial_cmp(&(other.function, other.place, other.keep))
    }
}

impl SeriesPlan {
    /// In the place of a list that is a series; `None` for any other.
    fn of(unnest: &Unnest) -> Result<Option<Self>> {
        let LogicalPlan::Projection(projection) = unnest.input.as_ref() else { return Ok(None) };
        let [(place, _)] = unnest.list_type_columns.as_slice() else { return Ok(None) };
        if !unnest.struct_type_columns.is_empty() || projection.expr.len() != unnest.schema.fields().len() {
            return Ok(None);
        }
        let Some(Expr::ScalarFunction(call)) = projection.expr.get(*place).map(|expr| match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            other => other,
        }) else {
            return Ok(None);
        };
        let Some(function) = SeriesFunction::by_name(call.func.name()) else { return Ok(None) };
        let keep = match unnest.options.null_handling {
            NullHandling::Drop => false,
            NullHandling::PreserveAndExpandEmpty => true,
            _ => return Ok(None),
        };
        let mut exprs = projection.expr.clone();
        exprs.remove(*place);
        let arguments = call.args.iter().enumerate();
        exprs.extend(
            arguments.map(|(index, argument)| argument.clone().alias(format!("series argument {index}"))),
        );
        let input = Projection::try_new(exprs, Arc::clone(&projection.input))?;
        Ok(Some(Self {
            input: LogicalPlan::Projection(input),
            function,
            place: *place,
            keep,
            schema: Arc::clone(&unnest.schema),
        }))
    }
}

impl UserDefinedLogicalNodeCore for SeriesPlan {
    fn name(&self) -> &'static str {
        "Series"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Series: {}", self.function.name())
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[LogicalPlan; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, ..self.clone() }),
            Err(_) => internal_err!("a series has one input"),
        }
    }
}

/// Plans [`streamed`]'s operators.
#[derive(Debug)]
pub(super) struct SeriesPlanner;

#[async_trait]
impl ExtensionPlanner for SeriesPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _state: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(series), [input]) = (node.as_any().downcast_ref::<SeriesPlan>(), inputs) else {
            return Ok(None);
        };
        let schema = Arc::clone(series.schema.inner());
        Ok(Some(Arc::new(SeriesExec::new(
            Arc::clone(input),
            series.function,
            series.place,
            series.keep,
            schema,
        ))))
    }
}

/// See [`SeriesPlan`].
#[derive(Debug)]
struct SeriesExec {
    input: Arc<dyn ExecutionPlan>,
    function: SeriesFunction,
    place: usize,
    keep: bool,
    properties: Arc<PlanProperties>,
}

impl SeriesExec {
    fn new(
        input: Arc<dyn ExecutionPlan>,
        function: SeriesFunction,
        place: usize,
        keep: bool,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self { input, function, place, keep, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SeriesExec {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SeriesExec: {}", self.function.name())
    }
}

impl ExecutionPlan for SeriesExec {
    fn name(&self) -> &'static str {
        "SeriesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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
        match <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) {
            Ok([input]) => {
                Ok(Arc::new(Self::new(input, self.function, self.place, self.keep, self.schema())))
            }
            Err(_) => internal_err!("a series has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let (function, place, keep) = (self.function, self.place, self.keep);
        let (schema, rows_max) = (self.schema(), context.session_config().batch_size());
        let output = Arc::clone(&schema);
        let batches = input
            .map(move |batch| {
                Ok::<_, DataFusionError>(Expansion {
                    kept: batch?,
                    arguments: None,
                    row: 0,
                    series: None,
                    function,
                    place,
                    keep,
                    schema: Arc::clone(&schema),
                    rows_max,
                })
            })
            .map_ok(|expansion| {
                stream::try_unfold(expansion, |mut expansion| async move {
                    Ok(expansion.next()?.map(|batch| (batch, expansion)))
                })
            })
            .try_flatten();
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(output, batches))))
    }
}

/// A batch of the input on its way out.
struct Expansion {
    /// What is kept, and the arguments until they are read.
    kept: RecordBatch,
    arguments: Option<Arguments<'static>>,
    /// The row that is being expanded.
    row: usize,
    series: Option<Series>,
    function: SeriesFunction,
    place: usize,
    keep: bool,
    schema: SchemaRef,
    rows_max: usize,
}

impl Expansion {
    /// The next rows, if there are any.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let rows = self.kept.num_rows();
        let kept_columns = self.schema.fields().len() - 1;
        if self.arguments.is_none() {
            let arguments = self.kept.columns()[kept_columns..].iter().cloned().map(ColumnarValue::Array);
            self.arguments = Some(Arguments::new(arguments.collect(), rows, &DataType::Null)?);
        }
        let Some(arguments) = &self.arguments else { return internal_err!("a series without arguments") };
        let mut values = SeriesValues::new(self.schema.field(self.place).data_type())?;
        let mut origins: Vec<u32> = Vec::new();
        // Rows without a value that come all the same: how many rows came before each.
        let mut empty: Vec<usize> = Vec::new();
        while self.row < rows && origins.len() < self.rows_max {
            let begins = self.series.is_none();
            let mut series = match self.series.take() {
                Some(series) => series,
                None => Series::of_row(self.function, arguments, self.row)?,
            };
            let before = values.len();
            values.take(&mut series, self.rows_max - origins.len())?;
            let mut taken = values.len() - before;
            if begins && taken == 0 && self.keep {
                empty.push(origins.len());
                taken = 1;
            }
            let origin = u32::try_from(self.row).unwrap_or(u32::MAX);
            origins.resize(origins.len() + taken, origin);
            if series.is_over() {
                self.row += 1;
            } else {
                self.series = Some(series);
            }
        }
        if origins.is_empty() {
            return Ok(None);
        }
        let values = with_nulls(values.finish()?, origins.len(), &empty)?;
        let count = origins.len();
        let origins = UInt32Array::from(origins);
        let mut columns: Vec<ArrayRef> = self.kept.columns()[..kept_columns]
            .iter()
            .map(|column| take(column, &origins, None))
            .collect::<Result<_, _>>()?;
        columns.insert(self.place, values);
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }
}

/// Values with nulls at some of `rows` places.
fn with_nulls(values: ArrayRef, rows: usize, nulls: &[usize]) -> Result<ArrayRef> {
    if nulls.is_empty() {
        return Ok(values);
    }
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), rows));
    }
    let (mut places, mut next) = (Vec::with_capacity(rows), 0);
    for row in 0..rows {
        if nulls.binary_search(&row).is_ok() {
            places.push(None);
        } else {
            places.push(Some(next));
            next += 1;
        }
    }
    Ok(take(&values, &UInt32Array::from(places), None)?)
}

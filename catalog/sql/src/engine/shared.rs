//! Plans that several places read and that are evaluated once: WITH queries that are referred to more than once (or are
//! MATERIALIZED), and the outer side of a dependent join that may not be computed twice.
//!
//! The binder marks such a plan by a [`SharedPlan`] over it, the same at every place; for `authorise` it is a plan like
//! any other. [`share`] then makes of every mark a scan of one [`SharedTable`], or nothing at all where only one place
//! is left: then the optimizer sees through. The table's plan is optimised by itself, which is a fence as in PostgreSQL:
//! nothing of the places gets into it but which columns are needed.
//!
//! [`SharedExec`] keeps the batches that any reader has asked for, counted against the query's memory. Whoever needs more
//! drives the plan on, so nobody waits for a reader that does not run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, cte_worktable::CteWorkTable},
    common::{
        Column, DFSchemaRef, DataFusionError, Result, TableReference, internal_err,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    datasource::{TableProvider, TableType, provider_as_source, source_as_provider},
    execution::{
        RecordBatchStream, SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    logical_expr::{Expr, Extension, LogicalPlan, Projection, TableScanBuilder, UserDefinedLogicalNodeCore},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    },
};
use futures::{Stream, StreamExt};
use tokio::sync::OnceCell;

/// The mark of a plan that is evaluated once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub struct SharedPlan {
    /// The same at every place of one plan.
    id: usize,
    /// Whether one place alone is evaluated apart too.
    fence: bool,
    input: LogicalPlan,
}

impl SharedPlan {
    /// Marks a plan.
    pub(crate) fn over(id: usize, fence: bool, input: LogicalPlan) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(Self { id, fence, input }) })
    }

    /// The mark that an extension is.
    pub fn of(extension: &Extension) -> Option<&Self> {
        extension.node.as_ref().as_any().downcast_ref()
    }

    /// The same at every place of one plan.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// The plan.
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }
}

impl UserDefinedLogicalNodeCore for SharedPlan {
    fn name(&self) -> &'static str {
        "Shared"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shared")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[LogicalPlan; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, ..*self }),
            Err(_) => internal_err!("a shared plan has one input"),
        }
    }
}

/// Whether a plan reads a shared one.
pub(crate) fn reads_shared(plan: &LogicalPlan, id: usize) -> Result<bool> {
    let mut reads = false;
    plan.apply_with_subqueries(|node| {
        reads = matches!(node, LogicalPlan::Extension(extension)
            if SharedPlan::of(extension).is_some_and(|shared| shared.id == id));
        Ok(if reads { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(reads)
}

/// A plan with something else at every place of a shared plan: `instead` gives it, with the same columns.
pub(crate) fn without_shared(
    plan: LogicalPlan,
    id: usize,
    instead: impl Fn(&LogicalPlan) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| match &node {
        LogicalPlan::Extension(extension) => match SharedPlan::of(extension) {
            Some(shared) if shared.id == id => {
                Ok(Transformed::new(instead(&shared.input)?, true, TreeNodeRecursion::Jump))
            }
            _ => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })
    .map(|transformed| transformed.data)
}

/// How often each shared plan is read.
fn places(plan: &LogicalPlan) -> Result<BTreeMap<usize, usize>> {
    let mut places = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Extension(extension) = node else { return Ok(TreeNodeRecursion::Continue) };
        let Some(shared) = SharedPlan::of(extension) else { return Ok(TreeNodeRecursion::Continue) };
        let count: &mut usize = places.entry(shared.id).or_default();
        *count += 1;
        // What is inside is there once, however often the plan is read.
        Ok(if *count > 1 { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue })
    })?;
    Ok(places)
}

/// A plan without the marks of plans that one place reads, and that need not be evaluated apart.
pub(crate) fn without_single(plan: LogicalPlan) -> Result<LogicalPlan> {
    let places = places(&plan)?;
    if places.is_empty() {
        return Ok(plan);
    }
    plan.transform_down_with_subqueries(|mut node| {
        let mut changed = false;
        while let LogicalPlan::Extension(extension) = &node
            && let Some(shared) = SharedPlan::of(extension)
            && !shared.fence
            && places.get(&shared.id) == Some(&1)
        {
            node = shared.input.clone();
            changed = true;
        }
        Ok(Transformed::new(node, changed, TreeNodeRecursion::Continue))
    })
    .map(|transformed| transformed.data)
}

/// A plan with scans of shared tables in the place of marks.
pub fn share(plan: LogicalPlan) -> Result<LogicalPlan> {
    let places = places(&plan)?;
    if places.is_empty() {
        return Ok(plan);
    }
    Sharing { places, tables: BTreeMap::new(), scans: 0 }.replaced(plan, false)
}

#[derive(Debug)]
struct Sharing {
    /// How often each plan is read.
    places: BTreeMap<usize, usize>,
    tables: BTreeMap<usize, Arc<SharedTable>>,
    scans: usize,
}

impl Sharing {
    fn replaced(&mut self, plan: LogicalPlan, inside: bool) -> Result<LogicalPlan> {
        plan.transform_down_with_subqueries(|mut node| {
            let mut changed = false;
            while let LogicalPlan::Extension(extension) = &node
                && let Some(shared) = SharedPlan::of(extension)
            {
                let several = self.places.get(&shared.id).is_some_and(|count| *count > 1);
                if (several || shared.fence) && !reads_work_table(&shared.input)? {
                    let scan = self.scan(shared, inside)?;
                    return Ok(Transformed::new(scan, true, TreeNodeRecursion::Jump));
                }
                node = shared.input.clone();
                changed = true;
            }
            Ok(Transformed::new(node, changed, TreeNodeRecursion::Continue))
        })
        .map(|transformed| transformed.data)
    }

    fn scan(&mut self, shared: &SharedPlan, inside: bool) -> Result<LogicalPlan> {
        let columns = shared.input.schema().columns();
        let table = match self.tables.get(&shared.id) {
            Some(table) => Arc::clone(table),
            None => {
                let input = self.replaced(shared.input.clone(), true)?;
                let exprs = columns
                    .iter()
                    .enumerate()
                    .map(|(index, column)| Expr::Column(column.clone()).alias(format!("c{index}")))
                    .collect();
                let plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?);
                let table = Arc::new(SharedTable::new(plan));
                self.tables.insert(shared.id, Arc::clone(&table));
                table
            }
        };
        if inside {
            // The plan that it is inside of is optimised later than others that may read it.
            table.need(None);
        }
        // No two scans of a plan have the same name, nor have their columns: the engine tells columns apart by it.
        self.scans += 1;
        let name = TableReference::bare(format!("shared#{}#{}", shared.id, self.scans));
        let scan = TableScanBuilder::new(name.clone(), provider_as_source(table))
            .build()
            .map(LogicalPlan::TableScan)?;
        let exprs = columns
            .into_iter()
            .enumerate()
            .map(|(index, column)| {
                Expr::Column(Column::new(Some(name.clone()), format!("c{index}")))
                    .alias_qualified(column.relation, column.name)
            })
            .collect();
        Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(scan))?))
    }
}

/// Whether a plan reads the rows of the step before in a recursive query around it: it is another plan in every step.
fn reads_work_table(plan: &LogicalPlan) -> Result<bool> {
    let mut reads = false;
    plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::RecursiveQuery(_)) {
            return Ok(TreeNodeRecursion::Jump);
        }
        if let LogicalPlan::TableScan(scan) = node
            && (source_as_provider(&scan.source)?.as_ref() as &dyn std::any::Any).is::<CteWorkTable>()
        {
            reads = true;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reads)
}

/// Tells the shared tables of an optimised plan which of their columns it reads.
pub(crate) fn tell_needs(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            if let Some(shared) = (provider.as_ref() as &dyn std::any::Any).downcast_ref::<SharedTable>() {
                shared.need(scan.projection.as_deref());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map(drop)
}

/// A plan as a table. Made after authorisation, of an authorised plan.
#[derive(Debug)]
struct SharedTable {
    plan: LogicalPlan,
    schema: SchemaRef,
    needed: Mutex<BTreeSet<usize>>,
    planned: OnceCell<Arc<Rows>>,
}

impl SharedTable {
    fn new(plan: LogicalPlan) -> Self {
        let schema = Arc::clone(plan.schema().inner());
        Self { plan, schema, needed: Mutex::default(), planned: OnceCell::new() }
    }

    /// Notes that some columns are read; `None` is all.
    fn need(&self, columns: Option<&[usize]>) {
        let mut needed = locked(&self.needed);
        match columns {
            Some(columns) => needed.extend(columns),
            None => needed.extend(0..self.schema.fields().len()),
        }
    }

    async fn rows(&self, state: &dyn Session) -> Result<Arc<Rows>> {
        let columns: Vec<usize> = locked(&self.needed).iter().copied().collect();
        let names = self.plan.schema().columns();
        let exprs = columns.iter().filter_map(|index| names.get(*index)).cloned().map(Expr::Column).collect();
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(self.plan.clone()))?);
        let input = super::physical_plan(&plan, state).await?;
        let count = input.output_partitioning().partition_count();
        let partitions = (0..count).map(|_| Mutex::default()).collect();
        Ok(Arc::new(Rows { input, columns, partitions }))
    }
}

#[async_trait]
impl TableProvider for SharedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.need(projection.map(Vec::as_slice));
        let rows = self.planned.get_or_try_init(|| self.rows(state)).await?;
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let places: Option<Vec<usize>> =
            wanted.iter().map(|column| rows.columns.iter().position(|known| known == column)).collect();
        let Some(places) = places else { return internal_err!("a shared plan lacks a column that is read") };
        Ok(Arc::new(SharedExec::new(Arc::clone(rows), places)?))
    }
}

/// The rows of a shared plan, as far as they have been computed.
#[derive(Debug)]
struct Rows {
    input: Arc<dyn ExecutionPlan>,
    /// Which of the plan's columns the input has.
    columns: Vec<usize>,
    partitions: Vec<Mutex<Partition>>,
}

#[derive(Default)]
struct Partition {
    stream: Option<SendableRecordBatchStream>,
    batches: Vec<RecordBatch>,
    reservation: Option<MemoryReservation>,
    ended: Option<Result<(), Arc<DataFusionError>>>,
    readers: Arc<Readers>,
}

impl fmt::Debug for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Partition").field("batches", &self.batches.len()).finish_non_exhaustive()
    }
}

/// Those who wait for a partition.
#[derive(Debug, Default)]
struct Readers(Mutex<Vec<Waker>>);

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *locked(&self.0));
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Partition {
    /// The batch of a number, which is computed if nobody has asked for it yet.
    fn poll_batch(&mut self, number: usize, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        loop {
            if let Some(batch) = self.batches.get(number) {
                return Poll::Ready(Some(Ok(batch.clone())));
            }
            match &self.ended {
                Some(Ok(())) => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(DataFusionError::Shared(Arc::clone(error)))));
                }
                None => {}
            }
            let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
            // Progress wakes every reader: the one that polled last may not be polled again.
            locked(&self.readers.0).push(context.waker().clone());
            let waker = Waker::from(Arc::clone(&self.readers));
            let next = match stream.poll_next_unpin(&mut Context::from_waker(&waker)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            };
            let kept = next.map(|batch| {
                let batch = batch?;
                if let Some(reservation) = &mut self.reservation {
                    reservation.try_grow(batch.get_array_memory_size())?;
                }
                self.batches.push(batch);
                Ok(())
            });
            match kept {
                Some(Ok(())) => {}
                Some(Err(error)) => self.ended = Some(Err(Arc::new(error))),
                None => self.ended = Some(Ok(())),
            }
            if self.ended.is_some() {
                self.stream = None;
            }
            waker.wake();
        }
    }
}

/// One place that reads a shared plan.
#[derive(Debug)]
struct SharedExec {
    rows: Arc<Rows>,
    /// Which of the rows' columns, in order.
    places: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl SharedExec {
    fn new(rows: Arc<Rows>, places: Vec<usize>) -> Result<Self> {
        let schema = Arc::new(rows.input.schema().project(&places)?);
        // What a barrier inside keeps to itself is not told here either: no statistics, no order.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(rows.partitions.len()),
            rows.input.pipeline_behavior(),
            rows.input.boundedness(),
        )
        .with_scheduling_type(rows.input.properties().scheduling_type);
        Ok(Self { rows, places, properties: Arc::new(properties) })
    }
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedExec")
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &'static str {
        "SharedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        // The shared plan is planned already and is nobody's child.
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(shared) = self.rows.partitions.get(partition) else {
            return internal_err!("a shared plan has no partition {partition}");
        };
        {
            let mut shared = locked(shared);
            if shared.stream.is_none() && shared.ended.is_none() {
                let consumer = MemoryConsumer::new("SharedExec");
                shared.reservation = Some(consumer.register(context.memory_pool()));
                shared.stream = Some(self.rows.input.execute(partition, context)?);
            }
        }
        Ok(Box::pin(Reader {
            rows: Arc::clone(&self.rows),
            partition,
            places: self.places.clone(),
            schema: self.schema(),
            next: 0,
        }))
    }
}

#[derive(Debug)]
struct Reader {
    rows: Arc<Rows>,
    partition: usize,
    places: Vec<usize>,
    schema: SchemaRef,
    /// The number of the batch that it reads next.
    next: usize,
}

impl Stream for Reader {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let rows = Arc::clone(&self.rows);
        let Some(partition) = rows.partitions.get(self.partition) else { return Poll::Ready(None) };
        let polled = locked(partition).poll_batch(self.next, context);
        polled.map(|batch| {
            self.next += 1;
            batch.map(|batch| Ok(batch?.project(&self.places)?))
        })
    }
}

impl RecordBatchStream for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

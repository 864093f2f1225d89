//! Rows that are kept until they are read, once or several times: in memory while they are few, in temporary files of
//! the engine's (which have a limit of their own) from then on. RETURNING reads from one what its statement has written,
//! and other parts of a statement what a WITH query has returned.

use std::sync::Arc;

use arrow::{
    datatypes::SchemaRef,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use datafusion::{
    common::Result as EngineResult,
    execution::{SendableRecordBatchStream, SpillFile, TaskContext, runtime_env::RuntimeEnv},
    physical_plan::{
        SpillManager,
        metrics::{ExecutionPlanMetricsSet, SpillMetrics},
        stream::RecordBatchStreamAdapter,
        streaming::PartitionStream,
    },
};
use futures::StreamExt as _;

use crate::error::Result;

/// Bytes of rows that are kept in memory.
const MEMORY_BYTES_MAX: usize = 16 << 20;

/// Rows that are being kept.
pub(crate) struct Spool {
    schema: SchemaRef,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    manager: Arc<SpillManager>,
    files: Vec<Arc<dyn SpillFile>>,
}

impl Spool {
    /// None yet.
    pub(crate) fn new(runtime: Arc<RuntimeEnv>, schema: SchemaRef) -> Self {
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let manager = Arc::new(SpillManager::new(runtime, metrics, Arc::clone(&schema)));
        Self { schema, held: Vec::new(), held_bytes: 0, manager, files: Vec::new() }
    }

    /// Keeps more, of the schema's types.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, batch.columns().to_vec(), &options)?;
        self.held_bytes += batch.get_array_memory_size();
        self.held.push(batch);
        if self.held_bytes <= MEMORY_BYTES_MAX {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        self.files.extend(self.manager.spill_record_batch_and_finish(&held, "rows that are kept")?);
        Ok(())
    }

    /// All of them.
    pub(crate) fn finish(self) -> SpooledRows {
        SpooledRows { schema: self.schema, held: self.held, manager: self.manager, files: self.files }
    }
}

/// Rows that were kept: those of the files, then those in memory.
pub(crate) struct SpooledRows {
    schema: SchemaRef,
    held: Vec<RecordBatch>,
    manager: Arc<SpillManager>,
    files: Vec<Arc<dyn SpillFile>>,
}

impl std::fmt::Debug for SpooledRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SpooledRows").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl PartitionStream for SpooledRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let held = futures::stream::iter(self.held.clone().into_iter().map(EngineResult::Ok));
        let manager = Arc::clone(&self.manager);
        let written = futures::stream::iter(self.files.clone()).flat_map(move |file| {
            match manager.read_spill_as_stream(file, None) {
                Ok(rows) => rows.boxed(),
                Err(error) => futures::stream::iter([Err(error)]).boxed(),
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), written.chain(held)))
    }
}

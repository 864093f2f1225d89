//! Rows of a table that move to other files: read with what they came with (`row_lineage.rs`), picked, and written again
//! with it. What undo and retention have in common.

use std::sync::Arc;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use datafusion::{
    catalog::TableProvider as _,
    execution::SessionState,
    physical_plan::{SendableRecordBatchStream, coalesce_partitions::CoalescePartitionsExec, execute_stream},
};

use crate::{
    data_file::{DataFile, StagedFile, TableFiles},
    error::LakeError,
    files::{TableWriter, WriterOptions},
    lake::Lake,
    provider::LakeTable,
    table::Table,
};

/// Moves rows between files of one version of a table.
#[derive(Debug)]
pub(crate) struct MovedRows<'a> {
    lake: &'a Arc<Lake>,
    state: &'a SessionState,
    table: &'a Arc<Table>,
    writer: Option<TableWriter>,
}

impl<'a> MovedRows<'a> {
    pub(crate) fn new(lake: &'a Arc<Lake>, state: &'a SessionState, table: &'a Arc<Table>) -> Self {
        Self { lake, state, table, writer: None }
    }

    /// The table with these files alone.
    pub(crate) fn table_of(&self, files: Vec<Arc<DataFile>>) -> LakeTable {
        let table = Table { files: Arc::new(TableFiles::new(files)), ..Table::clone(self.table) };
        LakeTable::new(Arc::clone(self.lake), Arc::new(table))
    }

    /// All rows of a file in the table's columns, with their lineage behind them; or only some of these columns.
    pub(crate) async fn rows(
        &mut self,
        file: &Arc<DataFile>,
        columns: Option<&Vec<usize>>,
    ) -> Result<SendableRecordBatchStream, LakeError> {
        let provider = self.table_of(vec![Arc::clone(file)]).with_row_lineage();
        let scan = provider.scan(self.state, columns, &[], None).await.map_err(LakeError::Engine)?;
        let plan = Arc::new(CoalescePartitionsExec::new(scan));
        execute_stream(plan, self.state.task_ctx()).map_err(LakeError::Engine)
    }

    /// Writes those rows of a batch with lineage of which `which` is true.
    pub(crate) async fn write(&mut self, batch: &RecordBatch, which: &BooleanArray) -> Result<(), LakeError> {
        if which.true_count() == 0 {
            return Ok(());
        }
        let picked = if which.true_count() == which.len() {
            batch.clone()
        } else {
            filter_record_batch(batch, which).map_err(|error| LakeError::Engine(error.into()))?
        };
        let open = match self.writer.take() {
            Some(open) => open,
            None => {
                let options = WriterOptions { row_lineage: true, ..WriterOptions::default() };
                self.lake.writer(self.table, options).await?
            }
        };
        self.writer.insert(open).write(picked).await
    }

    /// The files with everything that was written.
    pub(crate) async fn finish(self) -> Result<Vec<StagedFile>, LakeError> {
        match self.writer {
            Some(writer) => writer.finish().await,
            None => Ok(Vec::new()),
        }
    }
}

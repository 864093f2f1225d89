//! Rows that the lake has already: read to compare keys, to find what may be referred to, and to keep what a
//! delivery does not replace.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::{
    catalog::TableProvider,
    error::DataFusionError,
    execution::{SessionState, SessionStateBuilder},
    logical_expr::Expr,
    physical_plan::{SendableRecordBatchStream, execute_stream},
};
use futures::StreamExt;
use lis_lake::{lake::Lake, provider::LakeTable, table::Table};

use crate::error::LoadError;

/// Reads tables of the lake, all rows of them: loaders judge deliveries of every administration.
#[derive(Clone)]
pub(crate) struct Existing {
    lake: Arc<Lake>,
    state: Arc<SessionState>,
}

impl std::fmt::Debug for Existing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Existing").finish_non_exhaustive()
    }
}

impl Existing {
    pub(crate) fn new(lake: Arc<Lake>) -> Self {
        Self { lake, state: Arc::new(SessionStateBuilder::new().with_default_features().build()) }
    }

    /// Streams columns (by position) of the rows that may satisfy `filters`; others may be among them.
    pub(crate) async fn scan(
        &self,
        table: &Arc<Table>,
        columns: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<ExistingRows, LoadError> {
        let provider = LakeTable::new(Arc::clone(&self.lake), Arc::clone(table));
        self.run(table, provider, columns, filters).await
    }

    /// Streams all rows with what they came with, to be written to another file.
    pub(crate) async fn scan_with_lineage(&self, table: &Arc<Table>) -> Result<ExistingRows, LoadError> {
        let provider = LakeTable::new(Arc::clone(&self.lake), Arc::clone(table)).with_row_lineage();
        self.run(table, provider, None, &[]).await
    }

    /// What rows are read with.
    pub(crate) fn state(&self) -> &SessionState {
        &self.state
    }

    async fn run(
        &self,
        table: &Table,
        provider: LakeTable,
        columns: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<ExistingRows, LoadError> {
        let failed = |source| LoadError::Reading { table: table.name.as_str().to_owned(), source };
        let plan = provider.scan(&*self.state, columns, filters, None).await.map_err(failed)?;
        let stream = execute_stream(plan, self.state.task_ctx()).map_err(failed)?;
        Ok(ExistingRows { stream, table: table.name.as_str().to_owned() })
    }
}

/// Rows of a table.
pub(crate) struct ExistingRows {
    stream: SendableRecordBatchStream,
    table: String,
}

impl ExistingRows {
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, LoadError> {
        let next: Option<Result<RecordBatch, DataFusionError>> = self.stream.next().await;
        next.transpose().map_err(|source| LoadError::Reading { table: self.table.clone(), source })
    }
}

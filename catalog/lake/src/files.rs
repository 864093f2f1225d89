//! Writing data files.

use std::sync::Arc;

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};

use crate::{data_file::StagedFile, error::LakeError, lake::Lake, table::Table};

/// How a [`TableWriter`] writes.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Bytes of rows (in Arrow's form) that are sorted at a time; each such run becomes files of its own. Memory used
    /// is about twice this.
    pub run_bytes_max: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { run_bytes_max: 256 << 20 }
    }
}

/// Streams rows into data files beside the live data. Rows are sorted by the table's sort order; statistics are
/// collected; files are durable when [`TableWriter::finish`] returns. A writer that is dropped removes its files.
#[derive(Debug)]
pub struct TableWriter {
    schema: SchemaRef,
}

impl TableWriter {
    pub(crate) async fn begin(
        lake: Arc<Lake>,
        table: &Table,
        options: WriterOptions,
    ) -> Result<Self, LakeError> {
        let _ = (lake, options);
        Ok(Self { schema: crate::provider::table_schema(table) })
    }

    /// The schema that batches must have: the table's columns in order, with canonical types. Text may also come as
    /// `Utf8` or `LargeUtf8`, bytes as `Binary` or `LargeBinary`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows; waits while the writing lags behind.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<(), LakeError> {
        let _ = batch;
        Err(LakeError::Stopped)
    }

    /// Writes what is left, makes everything durable and gives the files to stage. No rows give no files.
    pub async fn finish(self) -> Result<Vec<StagedFile>, LakeError> {
        Err(LakeError::Stopped)
    }
}

//! The change of one table by one statement: which of its rows are touched, and where the new ones go. Parts of a WITH
//! that change the same table share it: of two that change one row, only the first does, as in PostgreSQL.

use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef},
};
use lis_lake::{
    data_file::StagedFile,
    dml::{LINEAGE_COLUMNS, TouchedRows},
    files::{TableWriter, WriterOptions},
    ids::FileId,
    provider::IDENTITY_COLUMNS,
    table::Table,
};

use super::defect;
use crate::{error::Result, server::Server};

/// Bytes of new rows that wait, so that in a table without a sort order they stand behind those that stay, as they do
/// in PostgreSQL. More than this is written as it comes.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// See the module.
pub(super) struct TableChange {
    table: Arc<Table>,
    /// Whether rows that are there may move; otherwise there are only new ones.
    moves: bool,
    touched: TouchedRows,
    writer: TableWriter,
    /// What the writer takes; all columns nullable, since the checks have been made.
    written: SchemaRef,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
}

/// What has become of a table.
pub(super) struct Changed {
    /// Files to be replaced.
    pub(super) replaced: BTreeSet<FileId>,
    /// What replaces them, and new ones.
    pub(super) added: Vec<StagedFile>,
}

impl TableChange {
    pub(super) async fn begin(server: &Arc<Server>, table: &Arc<Table>, moves: bool) -> Result<Self> {
        let writer = if moves {
            server.lake.rewriter(table).await?
        } else {
            server.lake.writer(table, WriterOptions::default()).await?
        };
        let nullable =
            writer.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let written = Arc::new(Schema::new(nullable.collect::<Vec<Field>>()));
        Ok(Self {
            table: Arc::clone(table),
            moves,
            touched: TouchedRows::new(Arc::clone(table)),
            writer,
            written,
            waiting: Vec::new(),
            waiting_bytes: 0,
        })
    }

    /// The table.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// Touches every row of a batch, whose identity stands at `identity`. Which of them were not touched before;
    /// `judge` is told of each.
    pub(super) fn touch(
        &mut self,
        batch: &RecordBatch,
        identity: Option<usize>,
        judge: impl Fn(bool) -> Result<()>,
    ) -> Result<BooleanArray> {
        let places = IDENTITY_COLUMNS.len() - LINEAGE_COLUMNS;
        let at = identity.map(|at| at + LINEAGE_COLUMNS);
        let columns = at.and_then(|at| batch.columns().get(at..at + places)).unwrap_or_default();
        let [files, rows] = columns else { return Err(defect("affected rows without places")) };
        let integers = |column: &arrow::array::ArrayRef| column.as_primitive_opt::<Int64Type>().cloned();
        let (Some(files), Some(rows)) = (integers(files), integers(rows)) else {
            return Err(defect("places of rows that are no numbers"));
        };
        let mut first = Vec::with_capacity(batch.num_rows());
        for (file, row) in files.values().iter().zip(rows.values()) {
            let new = self.touched.touch(*file, *row)?;
            judge(new)?;
            first.push(new);
        }
        Ok(BooleanArray::from(first))
    }

    /// Writes rows of the table's columns. `moved` has, from a column on, the identity of rows that were there before;
    /// new ones have none.
    pub(super) async fn write(
        &mut self,
        rows: &RecordBatch,
        moved: Option<(&RecordBatch, usize)>,
    ) -> Result<()> {
        let rows = self.fit(rows, moved)?;
        if !self.moves {
            return Ok(self.writer.write(rows).await?);
        }
        self.waiting_bytes += rows.get_array_memory_size();
        self.waiting.push(rows);
        if self.waiting_bytes > WAITING_BYTES_MAX {
            self.waiting_bytes = 0;
            for rows in self.waiting.drain(..) {
                self.writer.write(rows).await?;
            }
        }
        Ok(())
    }

    /// Rows as the writer takes them.
    fn fit(&self, rows: &RecordBatch, moved: Option<(&RecordBatch, usize)>) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.written.fields().len());
        for (column, field) in rows.columns().iter().zip(self.written.fields()) {
            columns.push(if column.data_type() == field.data_type() {
                Arc::clone(column)
            } else {
                arrow::compute::cast(column, field.data_type())?
            });
        }
        for index in 0..self.written.fields().len() - columns.len() {
            columns.push(match moved.and_then(|(moved, at)| moved.columns().get(at + index)) {
                Some(column) => Arc::clone(column),
                None => arrow::array::new_null_array(&DataType::Int64, rows.num_rows()),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.written), columns, &options)?)
    }

    /// Writes what is left of the touched files, and then the rows that wait.
    pub(super) async fn finish(self, server: &Server) -> Result<Changed> {
        let Self { touched, mut writer, waiting, .. } = self;
        touched.write_rest(&server.lake, &server.state, &mut writer).await?;
        for batch in waiting {
            writer.write(batch).await?;
        }
        Ok(Changed { replaced: touched.files(), added: writer.finish().await? })
    }
}

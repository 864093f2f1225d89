//! Writing data files: rows stream in, sorted and durable files with statistics come out, in no snapshot until a commit
//! takes them up.
//!
//! A table with a sort order is written in runs: rows are gathered up to [`WriterOptions::run_bytes_max`], sorted in
//! memory and written as one file while the next run is gathered. So memory is bounded by two runs, a delivery of usual
//! size is one sorted file, and a huge one is a few, each of which prunes by itself. A table without a sort order is
//! written in the order of arrival.
//!
//! # The layout, measured
//!
//! `examples/layout.rs`, 1.5 million ledger-like rows sorted by administration and period, two partitions, best of five,
//! on a busy machine (so read the ratios, and small differences as none). *All* adds up every amount by account, *one* does
//! it for one administration of thirty:
//!
//! | pages        | rows of a row group | MiB | all, ms | one, ms |
//! |--------------|---------------------|-----|---------|---------|
//! | uncompressed | 32,768              | 71  | 19      | 11.8    |
//! | uncompressed | 131,072             | 69  | 16      | 3.6     |
//! | uncompressed | 524,288             | 66  | 21      | 3.6     |
//! | uncompressed | 1,048,576           | 65  | 17      | 3.2     |
//! | LZ4          | 131,072             | 36  | 22      | 5.0     |
//! | LZ4          | 524,288             | 32  | 20      | 4.6     |
//! | Snappy       | 131,072             | 38  | 26      | 3.6     |
//! | Zstandard 1  | 131,072             | 28  | 36      | 4.7     |
//! | Zstandard 1  | 1,048,576           | 22  | 32      | 5.1     |
//!
//! Uncompressed pages in row groups of 131,072 are the default: dictionaries already take out what repeats, the page
//! cache then serves them as fast as tables in memory (TPC-H measured alike: 0.08 s against 0.095 s with LZ4 and 0.11 s
//! with Zstandard, geometric mean), and a batch is split evenly over processors. They cost twice the disk of LZ4. Within
//! a row group the page index prunes, so that smaller row groups gain a filtered scan nothing. Columns whose values
//! hardly repeat get no dictionary (`files/dictionary.rs`).

pub(crate) mod blocks;
mod dictionary;
mod encode;
mod guard;
mod sort;
pub(crate) mod verified;

use std::{mem, path::PathBuf, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    compute::cast,
    datatypes::{DataType, SchemaRef},
    record_batch::RecordBatch,
};
use tokio::task::JoinHandle;

pub(crate) use encode::file_schema;
pub(crate) use guard::FileGuard;

use crate::{
    data_file::StagedFile,
    error::LakeError,
    files::encode::{Encoder, Target},
    lake::{Lake, blocking},
    provider::{schema_with_lineage, table_schema},
    table::Table,
};

/// Rows of a row group: see the module's figures.
pub const ROW_GROUP_ROWS: usize = 131_072;
/// Rows after which a file of a table without a sort order is closed and another begun.
pub const FILE_ROWS_MAX: u64 = 8 << 20;
/// Bytes of rows that are handed to the encoder at a time when there is nothing to sort.
const UNSORTED_RUN_BYTES_MAX: usize = 16 << 20;

/// How a [`TableWriter`] writes. The default is the layout that was chosen by measurement.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Bytes of rows (in Arrow's form) that are sorted at a time; each such run becomes a file. Memory used is about
    /// twice this.
    pub run_bytes_max: usize,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// How pages are compressed.
    pub compression: Compression,
    /// Whether rows come with their lineage ([`crate::row_lineage`]): for rows that are moved from other files.
    pub row_lineage: bool,
}

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4 without frames.
    Lz4,
    /// Snappy.
    Snappy,
    /// Zstandard, level 1.
    Zstd,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            run_bytes_max: 256 << 20,
            row_group_rows: ROW_GROUP_ROWS,
            compression: Compression::None,
            row_lineage: false,
        }
    }
}

/// Streams rows into data files beside the live data. Files are durable when [`TableWriter::finish`] returns. A writer
/// that is dropped removes what it wrote, and so does a [`StagedFile`] that is dropped without a commit.
///
/// Not cancellation safe: a call that is given up leaves the writer unusable.
#[derive(Debug)]
pub struct TableWriter {
    target: Arc<Target>,
    schema: SchemaRef,
    not_null: Vec<usize>,
    run_bytes_max: usize,
    run: Vec<RecordBatch>,
    run_bytes: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Box<Encoder>),
    Busy(JoinHandle<Result<Box<Encoder>, LakeError>>),
    Failed,
}

impl TableWriter {
    pub(crate) fn begin(lake: Arc<Lake>, table: &Table, options: WriterOptions) -> Result<Self, LakeError> {
        let directory: PathBuf = lake.data_directory().join(&table.path);
        let target = Arc::new(Target::new(table, directory, &options, Arc::clone(&lake.unfinished))?);
        let not_null = table.columns.iter().enumerate().filter(|(_, column)| column.not_null);
        Ok(Self {
            schema: if options.row_lineage { schema_with_lineage(table) } else { table_schema(table) },
            not_null: not_null.map(|(position, _)| position).collect(),
            run_bytes_max: if target.sort.is_empty() {
                options.run_bytes_max.min(UNSORTED_RUN_BYTES_MAX)
            } else {
                options.run_bytes_max
            },
            run: Vec::new(),
            run_bytes: 0,
            state: State::Idle(Box::new(Encoder::new(Arc::clone(&target)))),
            target,
        })
    }

    /// The schema that batches must have: the table's columns in order, with canonical types, and behind them the rows'
    /// lineage if [`WriterOptions::row_lineage`] says so. Text may also come as
    /// `Utf8` or `LargeUtf8`, bytes as `Binary` or `LargeBinary`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows; waits while the writing lags behind.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.canonical(&batch)?;
        self.run_bytes += batch.columns().iter().map(bytes_of).sum::<usize>();
        self.run.push(batch);
        if self.run_bytes >= self.run_bytes_max { self.hand_over().await } else { Ok(()) }
    }

    /// Writes what is left, makes everything durable and gives the files to stage. No rows give no files.
    pub async fn finish(mut self) -> Result<Vec<StagedFile>, LakeError> {
        if !self.run.is_empty() {
            self.hand_over().await?;
        }
        let encoder = self.idle().await?;
        blocking(move || encoder.finish()).await
    }

    /// Gives the run to the encoder when it has done the one before.
    async fn hand_over(&mut self) -> Result<(), LakeError> {
        let mut encoder = self.idle().await?;
        let run = mem::take(&mut self.run);
        self.run_bytes = 0;
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            encoder.write_run(run)?;
            Ok(encoder)
        }));
        Ok(())
    }

    async fn idle(&mut self) -> Result<Box<Encoder>, LakeError> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Idle(encoder) => Ok(encoder),
            State::Busy(task) => task.await.map_err(|_| LakeError::Stopped)?,
            State::Failed => Err(LakeError::Stopped),
        }
    }

    fn canonical(&self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let shape = |detail| LakeError::Shape { relation: self.target.relation.clone(), detail };
        let fields = self.schema.fields();
        if batch.num_columns() != fields.len() {
            return Err(shape(format!("{} columns instead of {}", batch.num_columns(), fields.len())));
        }
        let mut columns = Vec::with_capacity(fields.len());
        for (array, field) in batch.columns().iter().zip(fields) {
            let array = if array.data_type() == field.data_type() {
                Arc::clone(array)
            } else if may_become(array.data_type(), field.data_type()) {
                cast(array, field.data_type()).map_err(|error| shape(error.to_string()))?
            } else {
                return Err(shape(format!(
                    "column \"{}\" is {} instead of {}",
                    field.name(),
                    array.data_type(),
                    field.data_type()
                )));
            };
            columns.push(compacted(array));
        }
        for position in &self.not_null {
            if columns[*position].logical_null_count() > 0 {
                return Err(LakeError::NullInColumn {
                    relation: self.target.relation.clone(),
                    column: fields[*position].name().clone(),
                });
            }
        }
        RecordBatch::try_new(Arc::clone(&self.target.file_schema), columns)
            .map_err(|error| shape(error.to_string()))
    }
}

/// Whether one type holds the same values as another, canonical one.
fn may_become(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match to {
        _ if *from == T::Null => true,
        T::Utf8View => matches!(from, T::Utf8 | T::LargeUtf8),
        T::BinaryView => matches!(from, T::Binary | T::LargeBinary),
        T::List(to) => matches!(from, T::List(from) | T::LargeList(from)
            if from.data_type() == to.data_type() || may_become(from.data_type(), to.data_type())),
        _ => false,
    }
}

/// Views keep alive the buffers that they look into, however little of them they use.
fn compacted(array: ArrayRef) -> ArrayRef {
    fn wasteful(held: usize, used: usize) -> bool {
        held > 1 << 20 && held / 2 > used
    }
    match array.data_type() {
        DataType::Utf8View => {
            let views = array.as_string_view();
            let held = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
            if wasteful(held, views.total_buffer_bytes_used()) { Arc::new(views.gc()) } else { array }
        }
        DataType::BinaryView => {
            let views = array.as_binary_view();
            let held = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
            if wasteful(held, views.total_buffer_bytes_used()) { Arc::new(views.gc()) } else { array }
        }
        _ => array,
    }
}

/// Bytes that an array stands for; what it shares with others is not counted twice.
fn bytes_of(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => array.len() * 16 + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => array.len() * 16 + array.as_binary_view().total_buffer_bytes_used(),
        data_type => match data_type.primitive_width() {
            Some(width) => array.len() * width,
            None => array.get_array_memory_size(),
        },
    }
}

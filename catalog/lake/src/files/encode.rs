//! From rows to one Parquet file after another. Runs on threads for blocking work.
//!
//! The Parquet schema is written by hand, since Arrow's own would have no UUID and no JSON: every column has its number
//! as field id and its physical name, which is what other readers of the lake go by. Arrow's schema is not embedded:
//! our reader knows the types from the catalogue, and others do not need it.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use arrow::{
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit as ArrowTimeUnit},
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{
        Compression as ParquetCompression, Encoding, LogicalType, Repetition, TimeUnit, Type as PhysicalType,
        ZstdLevel,
    },
    errors::ParquetError,
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr},
    },
    schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Compression, FILE_ROWS_MAX, FileGuard, WriterOptions, blocks::BlockHasher, dictionary, sort};
use crate::{
    data_file::{DataFile, FileStatistics, StagedFile},
    error::LakeError,
    ids::{ColumnId, FileId, SnapshotId},
    lake::{DATA_DIRECTORY, sync_directory},
    metadata::sqlite::hexadecimal,
    orphans::{DATA_FILE_EXTENSION, UnfinishedFiles},
    row_lineage::{self, RowSnapshots},
    statistics::{self, FloatFacts},
    table::{Column, Table},
    types::PgType,
};

/// What is written, and where to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) relation: String,
    pub(super) directory: PathBuf,
    /// Physical names, canonical types.
    pub(super) file_schema: SchemaRef,
    /// Positions of the columns to sort by.
    pub(super) sort: Vec<usize>,
    /// Whether rows come with their lineage, after the table's columns.
    row_lineage: bool,
    columns: Vec<Column>,
    column_bound: i64,
    parquet_schema: TypePtr,
    properties: WriterPropertiesPtr,
    row_group_rows: usize,
    unfinished: Arc<UnfinishedFiles>,
}

impl Target {
    pub(super) fn new(
        table: &Table,
        directory: PathBuf,
        options: &WriterOptions,
        unfinished: Arc<UnfinishedFiles>,
    ) -> Result<Self, LakeError> {
        let columns = table.columns.clone();
        let position = |id: &ColumnId| columns.iter().position(|column| column.id == *id);
        // Arrays have no order in the row format of Arrow's sort that files could be pruned by.
        let sortable = |position: &usize| statistics::has_statistics(columns[*position].column_type.pg_type);
        let sort: Vec<usize> = table.sort_order.iter().filter_map(position).take_while(sortable).collect();
        let failed = |source| LakeError::Parquet { path: directory.clone(), source };
        Ok(Self {
            relation: table.name.as_str().to_owned(),
            file_schema: file_schema(table, options.row_lineage),
            parquet_schema: parquet_schema(&columns, options.row_lineage).map_err(failed)?,
            row_lineage: options.row_lineage,
            properties: Arc::new(properties(options, &columns, &sort).map_err(failed)?),
            row_group_rows: options.row_group_rows,
            directory,
            sort,
            columns,
            column_bound: table.next_column_id,
            unfinished,
        })
    }
}

/// The schema of a table's files: physical names, canonical types; with the rows' lineage behind them if asked for.
pub(crate) fn file_schema(table: &Table, row_lineage: bool) -> SchemaRef {
    let field = |column: &Column| {
        Field::new(column.physical_name.as_str(), column.column_type.to_arrow(), !column.not_null)
    };
    let lineage = row_lineage.then(row_lineage::fields).into_iter().flatten();
    Arc::new(Schema::new(table.columns.iter().map(field).chain(lineage).collect::<Vec<_>>()))
}

/// The Parquet field id of a column, and of an array's elements.
fn field_id_of(column: &Column) -> (Option<i32>, Option<i32>) {
    let id = i32::try_from(column.id.get()).ok();
    (id, id.map(|id| id + 1))
}

fn properties(
    options: &WriterOptions,
    columns: &[Column],
    sort: &[usize],
) -> Result<WriterProperties, ParquetError> {
    let compression = match options.compression {
        Compression::None => ParquetCompression::UNCOMPRESSED,
        Compression::Lz4 => ParquetCompression::LZ4_RAW,
        Compression::Snappy => ParquetCompression::SNAPPY,
        Compression::Zstd => ParquetCompression::ZSTD(ZstdLevel::try_new(1)?),
    };
    let leaf = |position: &usize| SortingColumn {
        // Every column has one leaf, an array too.
        column_idx: i32::try_from(*position).unwrap_or(0),
        descending: false,
        nulls_first: false,
    };
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("LIS {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_sorting_columns((!sort.is_empty()).then(|| sort.iter().map(leaf).collect()));
    for column in columns {
        if FloatFacts::apply_to(&column.column_type.to_arrow()) {
            let path = ColumnPath::new(vec![column.physical_name.clone()]);
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    if options.row_lineage {
        // Numbers that mostly count up, each of them once.
        let path = ColumnPath::new(vec![row_lineage::ROW_ID_COLUMN.to_owned()]);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

fn parquet_schema(columns: &[Column], row_lineage: bool) -> Result<TypePtr, ParquetError> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let (id, element_id) = field_id_of(column);
        let repetition = if column.not_null { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let name = column.physical_name.as_str();
        let data_type = column.column_type.to_arrow();
        fields.push(match (&data_type, column.column_type.pg_type) {
            (DataType::List(element), PgType::Array(pg_type)) => {
                let element =
                    primitive("item", element.data_type(), *pg_type, Repetition::OPTIONAL, element_id)?;
                let list = Type::group_type_builder("list")
                    .with_repetition(Repetition::REPEATED)
                    .with_fields(vec![element])
                    .build()?;
                Arc::new(
                    Type::group_type_builder(name)
                        .with_repetition(repetition)
                        .with_logical_type(Some(LogicalType::List))
                        .with_fields(vec![Arc::new(list)])
                        .with_id(id)
                        .build()?,
                )
            }
            (data_type, pg_type) => primitive(name, data_type, pg_type, repetition, id)?,
        });
    }
    if row_lineage {
        fields.extend(row_lineage::parquet_fields()?);
    }
    Type::group_type_builder("schema").with_fields(fields).build().map(Arc::new)
}

fn primitive(
    name: &str,
    data_type: &DataType,
    pg_type: PgType,
    repetition: Repetition,
    id: Option<i32>,
) -> Result<TypePtr, ParquetError> {
    let unsupported = || ParquetError::NYI(format!("a column of the type {data_type}"));
    let mut length = None;
    let mut decimal = None;
    let (physical, logical) = match data_type {
        DataType::Boolean => (PhysicalType::BOOLEAN, None),
        DataType::Int16 => (PhysicalType::INT32, Some(LogicalType::integer(16, true))),
        DataType::Int32 => (PhysicalType::INT32, None),
        DataType::Int64 => (PhysicalType::INT64, None),
        DataType::Float32 => (PhysicalType::FLOAT, None),
        DataType::Float64 => (PhysicalType::DOUBLE, None),
        DataType::Date32 => (PhysicalType::INT32, Some(LogicalType::Date)),
        DataType::Time64(ArrowTimeUnit::Microsecond) => {
            (PhysicalType::INT64, Some(LogicalType::time(false, TimeUnit::MICROS)))
        }
        DataType::Timestamp(ArrowTimeUnit::Microsecond, zone) => {
            (PhysicalType::INT64, Some(LogicalType::timestamp(zone.is_some(), TimeUnit::MICROS)))
        }
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (i32::from(*precision), i32::from(*scale));
            decimal = Some((precision, scale));
            let physical = match precision {
                ..=9 => PhysicalType::INT32,
                10..=18 => PhysicalType::INT64,
                _ => {
                    length = Some(decimal_bytes(precision));
                    PhysicalType::FIXED_LEN_BYTE_ARRAY
                }
            };
            (physical, Some(LogicalType::decimal(scale, precision)))
        }
        DataType::Utf8View if matches!(pg_type, PgType::Json | PgType::Jsonb) => {
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::Json))
        }
        DataType::Utf8View => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        DataType::BinaryView => (PhysicalType::BYTE_ARRAY, None),
        DataType::FixedSizeBinary(16) => {
            length = Some(16);
            (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid))
        }
        _ => return Err(unsupported()),
    };
    let mut builder = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .with_id(id);
    if let Some(length) = length {
        builder = builder.with_length(length);
    }
    if let Some((precision, scale)) = decimal {
        builder = builder.with_precision(precision).with_scale(scale);
    }
    builder.build().map(Arc::new)
}

/// Bytes that a signed number of so many decimal digits needs; the writer uses the same rule.
fn decimal_bytes(precision: i32) -> i32 {
    (1..=16).find(|bytes| 10_f64.powi(precision) < 2_f64.powi(8 * bytes - 1)).unwrap_or(16)
}

/// Writes runs into files.
#[derive(Debug)]
pub(super) struct Encoder {
    target: Arc<Target>,
    open: Option<OpenFile>,
    done: Vec<StagedFile>,
}

impl Encoder {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, open: None, done: Vec::new() }
    }

    pub(super) fn write_run(&mut self, run: Vec<RecordBatch>) -> Result<(), LakeError> {
        let engine = |error: arrow::error::ArrowError| LakeError::Engine(error.into());
        if self.target.sort.is_empty() {
            for batch in &run {
                self.write(batch)?;
                if self.open.as_ref().is_some_and(|open| open.rows >= FILE_ROWS_MAX) {
                    self.close()?;
                }
            }
            return Ok(());
        }
        let target = Arc::clone(&self.target);
        for chunk in sort::sorted(&target.file_schema, run, &target.sort).map_err(engine)? {
            self.write(&chunk.map_err(engine)?)?;
        }
        self.close()
    }

    /// Closes the last file and makes all names durable.
    pub(super) fn finish(mut self) -> Result<Vec<StagedFile>, LakeError> {
        self.close()?;
        if !self.done.is_empty() {
            // The table's directory and its schema's may be new.
            for directory in self.target.directory.ancestors().take(3) {
                sync_directory(directory)?;
                if directory.ends_with(DATA_DIRECTORY) {
                    break;
                }
            }
        }
        Ok(self.done)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => OpenFile::create(&self.target, batch)?,
        };
        for (column, array) in self.target.columns.iter().zip(batch.columns()) {
            if FloatFacts::apply_to(array.data_type()) {
                open.floats.entry(column.id).or_default().add(array);
            }
        }
        if let Some(snapshots) = &mut open.row_snapshots {
            snapshots.add(batch, self.target.columns.len());
        }
        open.writer.write(batch).map_err(|error| parquet_error(open.guard.path(), error))?;
        open.rows += u64::try_from(batch.num_rows()).unwrap_or(0);
        self.open = Some(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), LakeError> {
        if let Some(open) = self.open.take() {
            self.done.push(open.close(&self.target)?);
        }
        Ok(())
    }
}

struct OpenFile {
    guard: FileGuard,
    name: String,
    writer: ArrowWriter<Hashing>,
    floats: BTreeMap<ColumnId, FloatFacts>,
    row_snapshots: Option<RowSnapshots>,
    rows: u64,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenFile").field("name", &self.name).field("rows", &self.rows).finish()
    }
}

impl OpenFile {
    /// `first`: rows that it will begin with.
    fn create(target: &Target, first: &RecordBatch) -> Result<Self, LakeError> {
        let name = format!("lis-{}.{DATA_FILE_EXTENSION}", Uuid::now_v7());
        let path = target.directory.join(&name);
        // Guarded first, so that maintenance never sees the file without its guard.
        let guard = FileGuard::new(path.clone(), Arc::clone(&target.unfinished));
        let file = create_file(&path).map_err(|error| LakeError::io(&path, error))?;
        let mut properties = WriterProperties::clone(&target.properties).into_builder();
        for (column, values) in target.columns.iter().zip(first.columns()) {
            if dictionary::is_useless(values, target.row_group_rows) {
                let path = ColumnPath::new(vec![column.physical_name.clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(SchemaDescriptor::new(Arc::clone(&target.parquet_schema)));
        let writer =
            ArrowWriter::try_new_with_options(Hashing::new(file), Arc::clone(&target.file_schema), options)
                .map_err(|error| parquet_error(&path, error))?;
        let row_snapshots = target.row_lineage.then(RowSnapshots::default);
        Ok(Self { guard, name, writer, floats: BTreeMap::new(), row_snapshots, rows: 0 })
    }

    fn close(mut self, target: &Target) -> Result<StagedFile, LakeError> {
        let failed = |error| parquet_error(self.guard.path(), error);
        let metadata = self.writer.finish().map_err(failed)?;
        let statistics =
            statistics::from_parquet(&metadata, &target.file_schema, &target.columns, &self.floats)
                .map_err(failed)?;
        // Finishing has flushed what was buffered.
        let sink = self.writer.inner_mut();
        sink.file.sync_all().map_err(|error| LakeError::io(self.guard.path(), error))?;
        // A Parquet file ends in the footer's length and four letters.
        let footer_size_bytes =
            sink.last.first_chunk::<4>().map_or(0, |length| u64::from(u32::from_le_bytes(*length)));
        Ok(StagedFile {
            file: Arc::new(DataFile {
                id: FileId::new(-1),
                path: self.name,
                record_count: self.rows,
                file_size_bytes: sink.bytes,
                footer_size_bytes,
                begin_snapshot: SnapshotId::new(-1),
                row_id_start: 0,
                checksum: Some(hexadecimal(&sink.digest.finalize_reset())),
                row_snapshots: self.row_snapshots,
                statistics: FileStatistics::Columns(statistics),
                column_bound: Some(target.column_bound),
                typed: OnceLock::new(),
                blocks: OnceLock::from(Some(Arc::new(std::mem::take(&mut sink.blocks).finish()))),
                guard: Some(Arc::new(self.guard)),
            }),
        })
    }
}

/// Makes the file and the directories that it needs. Maintenance may remove an empty directory at any time, so it is
/// tried again.
fn create_file(path: &Path) -> io::Result<File> {
    const ATTEMPTS_MAX: usize = 4;
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    for _ in 1..ATTEMPTS_MAX {
        match create() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(directory) = path.parent() {
                    fs::create_dir_all(directory)?;
                }
            }
            done => return done,
        }
    }
    create()
}

/// A file that knows its length, its checksums and its last eight bytes.
struct Hashing {
    file: File,
    digest: Sha256,
    blocks: BlockHasher,
    bytes: u64,
    last: [u8; 8],
}

impl Hashing {
    fn new(file: File) -> Self {
        Self { file, digest: Sha256::new(), blocks: BlockHasher::default(), bytes: 0, last: [0; 8] }
    }
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        let buffer = &buffer[..written];
        self.digest.update(buffer);
        self.blocks.update(buffer);
        self.bytes += u64::try_from(written).unwrap_or(0);
        let new = buffer.len().min(self.last.len());
        self.last.rotate_left(new);
        let start = self.last.len() - new;
        self.last[start..].copy_from_slice(&buffer[buffer.len() - new..]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A failure of the disk comes wrapped in one of Parquet.
fn parquet_error(path: &Path, error: ParquetError) -> LakeError {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => LakeError::io(path, *source),
            Err(source) => {
                LakeError::Parquet { path: path.to_owned(), source: ParquetError::External(source) }
            }
        },
        source => LakeError::Parquet { path: path.to_owned(), source },
    }
}

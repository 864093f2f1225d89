//! A table's Parquet files with their statistics, as one snapshot has them. Files are shared between snapshots: a new
//! snapshot of a table with ten thousand files costs ten thousand pointers, and a file's statistics are turned from text
//! into typed values once ([`DataFile::typed`]).

use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use datafusion::common::Statistics;

use crate::{
    files::{FileGuard, blocks::BlockChecksums},
    ids::{ColumnId, FileId, SnapshotId},
    row_lineage::RowSnapshots,
    statistics::{self, PruningIndex},
    table::Column,
};

/// Smallest and largest value of a column in a file, as DuckLake writes them: text to be cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStatistics {
    /// The column.
    pub column_id: ColumnId,
    /// Bytes of the column in the file, if known.
    pub size_bytes: Option<i64>,
    /// Values that are not null, if known.
    pub value_count: Option<i64>,
    /// Nulls, if known.
    pub null_count: Option<i64>,
    /// A lower bound of the values.
    pub min: Option<String>,
    /// An upper bound of the values.
    pub max: Option<String>,
    /// Whether a floating-point column holds NaN.
    pub contains_nan: Option<bool>,
}

/// The statistics of a file's columns: as the catalogue has them until somebody asks, since a catalogue of ten thousand
/// files is opened by more people than read all of them.
#[derive(Debug, Clone)]
pub enum FileStatistics {
    /// Read already.
    Columns(Vec<ColumnStatistics>),
    /// The JSON of the catalogue: `FileStatistics::to_json`.
    Stored(Box<str>),
}

/// A column's statistics in JSON: a list in the order of the fields of [`ColumnStatistics`].
type StoredColumn<'a> =
    (i64, Option<i64>, Option<i64>, Option<i64>, Option<Cow<'a, str>>, Option<Cow<'a, str>>, Option<i64>);

impl FileStatistics {
    /// The columns that have statistics. None if the catalogue's text cannot be read: nothing is known then, which is
    /// not the same as a file without the column.
    pub fn columns(&self) -> Option<Cow<'_, [ColumnStatistics]>> {
        let text = match self {
            Self::Columns(columns) => return Some(Cow::Borrowed(columns)),
            Self::Stored(text) => text,
        };
        let stored: Vec<StoredColumn<'_>> = match serde_json::from_str(text) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(%error, "statistics in the catalogue cannot be read");
                return None;
            }
        };
        let columns = stored.into_iter().map(|(id, size_bytes, value_count, null_count, min, max, nan)| {
            ColumnStatistics {
                column_id: ColumnId::new(id),
                size_bytes,
                value_count,
                null_count,
                min: min.map(Cow::into_owned),
                max: max.map(Cow::into_owned),
                contains_nan: nan.map(|nan| nan != 0),
            }
        });
        Some(Cow::Owned(columns.collect()))
    }

    /// The statistics as the catalogue keeps them for each file.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let columns = match self {
            Self::Stored(text) => return Ok(text.to_string()),
            Self::Columns(columns) => columns,
        };
        let stored: Vec<StoredColumn<'_>> = columns
            .iter()
            .map(|column| {
                (
                    column.column_id.get(),
                    column.size_bytes,
                    column.value_count,
                    column.null_count,
                    column.min.as_deref().map(Cow::Borrowed),
                    column.max.as_deref().map(Cow::Borrowed),
                    column.contains_nan.map(i64::from),
                )
            })
            .collect();
        serde_json::to_string(&stored)
    }
}

/// A Parquet file of a table.
#[derive(Debug)]
pub struct DataFile {
    /// Its number; negative while it is only staged.
    pub id: FileId,
    /// Its path, relative to the table's directory.
    pub path: String,
    /// Rows.
    pub record_count: u64,
    /// Bytes.
    pub file_size_bytes: u64,
    /// Bytes of the Parquet footer.
    pub footer_size_bytes: u64,
    /// The first snapshot that shows it.
    pub begin_snapshot: SnapshotId,
    /// DuckLake's `row_id_start`.
    pub row_id_start: i64,
    /// SHA-256 of the file's bytes, if this program wrote it.
    pub checksum: Option<String>,
    /// The snapshots that its rows came with, if they carry them. Otherwise all came with `begin_snapshot`.
    pub row_snapshots: Option<RowSnapshots>,
    /// Columns with this number or a greater one came after the file; `None` in a file of another program.
    pub column_bound: Option<i64>,
    /// Per column.
    pub statistics: FileStatistics,
    /// The statistics for the columns of the table that the file was last asked for.
    pub(crate) typed: OnceLock<Arc<Statistics>>,
    /// The checksums of its blocks, or that there are none; unset until they have been looked up.
    pub(crate) blocks: OnceLock<Option<Arc<BlockChecksums>>>,
    /// Removes the file while no snapshot refers to it.
    pub(crate) guard: Option<Arc<FileGuard>>,
}

impl DataFile {
    /// The file's statistics in the order of the table's columns. `columns` are those of the table version that the
    /// file came with: a file is shared only between versions with equal columns ([`TableFiles::for_columns`]).
    pub fn typed(&self, columns: &[Column]) -> &Arc<Statistics> {
        self.typed.get_or_init(|| Arc::new(statistics::file_statistics(self, columns)))
    }

    /// Whether the file is older than the column, whose initial default its rows then have.
    pub fn lacks(&self, column: &Column) -> bool {
        match self.column_bound {
            Some(bound) => column.id.get() >= bound,
            // Another program keeps statistics of what it writes.
            None => {
                let columns = self.statistics.columns();
                columns.is_some_and(|columns| !columns.iter().any(|found| found.column_id == column.id))
            }
        }
    }

    /// The same file, saying that later columns came after it.
    pub(crate) fn with_column_bound(&self, column_bound: Option<i64>) -> Self {
        Self { column_bound, ..self.forget_types() }
    }

    /// The same file without what was derived from a table's columns.
    fn forget_types(&self) -> Self {
        Self {
            id: self.id,
            path: self.path.clone(),
            record_count: self.record_count,
            file_size_bytes: self.file_size_bytes,
            footer_size_bytes: self.footer_size_bytes,
            begin_snapshot: self.begin_snapshot,
            row_id_start: self.row_id_start,
            checksum: self.checksum.clone(),
            row_snapshots: self.row_snapshots,
            column_bound: self.column_bound,
            statistics: self.statistics.clone(),
            typed: OnceLock::new(),
            blocks: self.blocks.clone(),
            guard: self.guard.clone(),
        }
    }
}

/// A file that a [`crate::files::TableWriter`] finished: on disk and durable, but in no snapshot yet.
#[derive(Debug, Clone)]
pub struct StagedFile {
    /// The file; its number is made by the commit.
    pub(crate) file: Arc<DataFile>,
}

impl StagedFile {
    /// Rows.
    pub fn record_count(&self) -> u64 {
        self.file.record_count
    }

    /// Bytes.
    pub fn file_size_bytes(&self) -> u64 {
        self.file.file_size_bytes
    }

    /// Its path, relative to the table's directory.
    pub fn path(&self) -> &str {
        &self.file.path
    }
}

/// Every file of one version of a table, in the order in which they were added.
#[derive(Debug, Default)]
pub struct TableFiles {
    files: Vec<Arc<DataFile>>,
    index: OnceLock<Arc<PruningIndex>>,
    /// The index of the first of these files, from the version of the table before: a night's batch is added to it.
    before: Option<Arc<PruningIndex>>,
}

impl TableFiles {
    /// Files in order.
    pub fn new(files: Vec<Arc<DataFile>>) -> Self {
        Self { files, index: OnceLock::new(), before: None }
    }

    /// These files and more.
    pub fn with(&self, added: impl IntoIterator<Item = Arc<DataFile>>) -> Self {
        Self {
            before: self.index.get().or(self.before.as_ref()).cloned(),
            ..Self::new(self.files.iter().cloned().chain(added).collect())
        }
    }

    /// These files without some.
    pub fn without(&self, removed: &BTreeSet<FileId>) -> Self {
        Self::new(self.files.iter().filter(|file| !removed.contains(&file.id)).cloned().collect())
    }

    /// The same files for a version of the table with other columns.
    pub fn for_columns(&self) -> Self {
        Self::new(self.files.iter().map(|file| Arc::new(file.forget_types())).collect())
    }

    /// Rows in all files.
    pub fn record_count(&self) -> u64 {
        self.files.iter().map(|file| file.record_count).sum()
    }

    /// Bytes in all files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.file_size_bytes).sum()
    }

    /// The statistics of all files by column, for pruning.
    pub(crate) fn index(&self, columns: &[Column]) -> &Arc<PruningIndex> {
        self.index.get_or_init(|| Arc::new(PruningIndex::new(&self.files, columns, self.before.as_deref())))
    }
}

impl Deref for TableFiles {
    type Target = [Arc<DataFile>];

    fn deref(&self) -> &Self::Target {
        &self.files
    }
}

impl PartialEq for TableFiles {
    fn eq(&self, other: &Self) -> bool {
        self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(|(a, b)| Arc::ptr_eq(a, b) || a.id == b.id)
    }
}

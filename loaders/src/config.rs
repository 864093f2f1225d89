//! What a source is: its TOML (`config/raw.rs`), checked (`config/check.rs`) into a [`LoadSpec`]. The rest of the crate
//! sees only the checked form: names resolved to positions, patterns compiled, types parsed. The keys are explained in
//! `docs/add-a-source.md`, which a test reads.

mod check;
mod file_name;
mod place;
mod raw;
mod type_name;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use lis_lake::{
    names::{Identifier, QualifiedName},
    table::Collation,
    types::ColumnType,
};
use regex::Regex;

pub use file_name::{FileNameParts, FilePattern};
pub(crate) use place::nearest;

use crate::{
    cleanse::Reading,
    error::LoadError,
    formats::delimited::DelimitedFormat,
    rules::{Rules, TableReference},
};

/// The directory of sources within a data directory.
pub const SOURCES_DIRECTORY: &str = "sources.d";
/// The share of a table's rows that may be rejected, where a source says nothing.
pub const REJECTS_MAX_DEFAULT: f64 = 0.05;
/// The subject area of a table with an administration column, where a source says nothing: the ordinary areas.
pub const AREA_DEFAULT: &str = "";

/// A source, checked.
#[derive(Debug, Clone)]
pub struct LoadSpec {
    /// Its name, which is also its TOML file's.
    pub name: String,
    /// What it is, for people.
    pub comment: Option<String>,
    /// The role whose members see its batches and rejects.
    pub role: Option<Identifier>,
    /// Where its bytes come from.
    pub origin: OriginSpec,
    /// The tables that it feeds, those that others refer to first.
    pub tables: Vec<Arc<TableSpec>>,
    /// The TOML file.
    pub path: PathBuf,
}

/// Where a source's bytes come from: one variant for each entry of [`crate::registry`].
#[derive(Debug, Clone)]
pub enum OriginSpec {
    /// Files in a directory; relative to the data directory unless absolute.
    Directory(PathBuf),
}

/// A table that a source feeds.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Its name.
    pub name: QualifiedName,
    /// COMMENT ON TABLE.
    pub comment: Option<String>,
    /// The files that feed it.
    pub files: Vec<FilePattern>,
    /// What becomes of the rows that are there.
    pub mode: LoadMode,
    /// How its files are written.
    pub format: DelimitedFormat,
    /// Its columns in order. Positions below are in this list.
    pub columns: Vec<ColumnSpec>,
    /// The primary key.
    pub primary_key: Option<Vec<usize>>,
    /// Further unique keys.
    pub unique: Vec<Vec<usize>>,
    /// References of one or several columns.
    pub foreign_keys: Vec<ForeignKeySpec>,
    /// How files are sorted.
    pub sort: Vec<usize>,
    /// The column with the administration's code.
    pub administration: Option<AdministrationSpec>,
    /// The share of rows that may be rejected.
    pub rejects_max: f64,
    /// Columns of the file that are left out on purpose, in lower case; `*` for any.
    pub ignore_columns: Vec<String>,
}

/// What becomes of the rows that are in the table already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadMode {
    /// They stay.
    Append,
    /// They go.
    Replace,
    /// Those go that equal a delivered row in these columns.
    ReplaceBy(Vec<usize>),
}

/// A column of a table and how its values come to be.
#[derive(Debug, Clone)]
pub struct ColumnSpec {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub column_type: ColumnType,
    /// How text is ordered.
    pub collation: Collation,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
    /// Where the value stands.
    pub origin: ValueOrigin,
    /// How text becomes a value.
    pub reading: Reading,
    /// What the value must be.
    pub rules: Rules,
    /// Whether the column is NOT NULL.
    pub not_null: bool,
}

/// Where a column's value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// Under the first of these names that the header has.
    Header(Vec<String>),
    /// At this position, from 0.
    Position(usize),
    /// The same text in every row.
    Constant(String),
    /// A part of the file's name.
    FilePart(String),
    /// The batch's business date.
    BusinessDate,
    /// The file's name.
    FileName,
    /// The line of the file that the row begins on, from 1.
    LineNumber,
    /// The batch's number.
    BatchNumber,
}

/// A foreign key.
#[derive(Debug, Clone)]
pub struct ForeignKeySpec {
    /// The columns here.
    pub columns: Vec<usize>,
    /// What they refer to.
    pub references: TableReference,
}

/// A table's administration column.
#[derive(Debug, Clone)]
pub struct AdministrationSpec {
    /// The column.
    pub column: usize,
    /// The subject area.
    pub area: String,
}

impl LoadSpec {
    /// The directory that its bytes come from; relative to the data directory unless absolute.
    pub fn origin_path(&self) -> &Path {
        match &self.origin {
            OriginSpec::Directory(path) => path,
        }
    }

    /// Reads and checks a source's TOML file.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path).map_err(|source| LoadError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Checks a source's TOML. `path` gives the source its name and errors their place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LoadError> {
        check::check(path, text)
    }

    /// Reads the source of this name; an unknown one is told the names that there are.
    pub fn named(data_directory: &Path, name: &str) -> Result<Self, LoadError> {
        let directory = data_directory.join(SOURCES_DIRECTORY);
        let files = source_files(&directory)?;
        match files.get(name) {
            Some(path) => Self::read(path),
            None => Err(LoadError::UnknownSource {
                name: name.to_owned(),
                directory,
                known: files.into_keys().collect(),
            }),
        }
    }

    /// Reads every source of a data directory, by name.
    pub fn all(data_directory: &Path) -> Result<Vec<Self>, LoadError> {
        source_files(&data_directory.join(SOURCES_DIRECTORY))?.values().map(|path| Self::read(path)).collect()
    }
}

/// The TOML files of a directory by the names of their sources. No directory means no sources.
fn source_files(directory: &Path) -> Result<BTreeMap<String, PathBuf>, LoadError> {
    let failed = |source| LoadError::Io { action: "list", path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            files.insert(stem.to_owned(), path.clone());
        }
    }
    Ok(files)
}

/// Compiles a pattern that the whole value must match.
fn whole_match(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

//! What can go wrong in the lake. Variants carry names and facts; the server gives them an SQLSTATE. A message says what
//! to do where an operator can do something about it.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use datafusion::error::DataFusionError;

use crate::{ids::SnapshotId, names::QualifiedName};

/// An error of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The metadata database or a file does not hold what it must.
    #[error("damaged catalogue: {detail}; restore it from a backup")]
    Damaged {
        /// What was found where.
        detail: String,
    },
    /// The directory holds no warehouse.
    #[error("no warehouse in {}; make one with \"lis init\" or name another directory", path.display())]
    NotFound {
        /// The directory.
        path: PathBuf,
    },
    /// The directory already holds a warehouse.
    #[error("there is already a warehouse in {}", path.display())]
    AlreadyExists {
        /// The directory.
        path: PathBuf,
    },
    /// A newer program has changed the catalogue.
    #[error(
        "the catalogue was made by a newer version ({component} is at version {found}, this program knows {known}); \
         upgrade the program or restore a backup made before its upgrade"
    )]
    Newer {
        /// Whose tables: a crate, or `format` for the lake's format.
        component: String,
        /// The version found.
        found: String,
        /// The newest version known.
        known: String,
    },
    /// A migration that was applied differs from the one in this program.
    #[error(
        "the catalogue's {component} tables were made by an altered migration {version}; use the program that made \
         the catalogue"
    )]
    AlteredMigration {
        /// Whose tables.
        component: String,
        /// The migration.
        version: i64,
    },
    /// What a commit builds on has been changed by another commit since.
    #[error("could not serialize access due to a concurrent change of {object}")]
    Conflict {
        /// What both changed.
        object: String,
    },
    /// Another writer kept the metadata database locked for longer than the limit.
    #[error("the catalogue was locked by another writer for more than {seconds} s")]
    Busy {
        /// The limit.
        seconds: u64,
    },
    /// Other writers kept a commit waiting for longer than it was allowed to.
    #[error("canceling statement due to lock timeout")]
    WaitedTooLong,
    /// A unique key of a metadata table was violated, for example by the same batch committed twice.
    #[error("duplicate key in the catalogue: {detail}")]
    UniqueViolation {
        /// The key, as the database names it.
        detail: String,
    },
    /// A name is taken.
    #[error("{kind} \"{name}\" already exists")]
    Duplicate {
        /// `schema`, `relation`, `column` or `constraint`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A column's name is one of the format's own.
    #[error("column name \"{name}\" conflicts with a system column name")]
    ReservedColumn {
        /// The name.
        name: String,
    },
    /// There is no such thing in the snapshot.
    #[error("{kind} \"{name}\" does not exist")]
    Unknown {
        /// `schema`, `relation`, `column`, `snapshot`, …
        kind: &'static str,
        /// The name or number.
        name: String,
    },
    /// The schema still holds relations.
    #[error("schema \"{schema}\" is not empty: it holds {example}")]
    SchemaNotEmpty {
        /// The schema.
        schema: String,
        /// One of its relations.
        example: QualifiedName,
    },
    /// A table's column cannot have the type.
    #[error("a column of a table cannot have the type {type_name}")]
    UnsupportedType {
        /// The type as SQL writes it.
        type_name: String,
    },
    /// The lake uses a feature of the format that this program does not read.
    #[error("the lake uses {feature}, which is not supported (found in {place})")]
    UnsupportedFeature {
        /// The feature.
        feature: &'static str,
        /// Where.
        place: String,
    },
    /// A row without a value for a NOT NULL column reached the writer.
    #[error("null value in column \"{column}\" of relation \"{relation}\" violates not-null constraint")]
    NullInColumn {
        /// The table.
        relation: String,
        /// The column.
        column: String,
    },
    /// Rows of another shape than the table's reached the writer.
    #[error("rows do not fit the table \"{relation}\": {detail}")]
    Shape {
        /// The table.
        relation: String,
        /// What differs.
        detail: String,
    },
    /// A session's temporary tables are larger than they may be.
    #[error("temporary tables of one session can have at most {bytes_max} bytes")]
    TemporaryFull {
        /// The limit.
        bytes_max: u64,
    },
    /// The disk is full.
    #[error("no space left on the disk of {}", path.display())]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("permission denied: {}", path.display())]
    PermissionDenied {
        /// The file or directory.
        path: PathBuf,
    },
    /// A file or directory that must be there is not.
    #[error("missing file or directory: {}", path.display())]
    Missing {
        /// The file or directory.
        path: PathBuf,
    },
    /// A data file's bytes are not those that were written.
    #[error("data file {} is damaged: {detail}; restore it from a backup", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What differs.
        detail: String,
    },
    /// A backup cannot be made or brought back as asked.
    #[error("{detail}")]
    Backup {
        /// Why, and what to do.
        detail: String,
    },
    /// Another failure of the operating system.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// A failure of the metadata database that is none of the above.
    #[error("the catalogue's database failed")]
    Database(#[source] sqlx::Error),
    /// A Parquet file could not be written or read.
    #[error("cannot write or read Parquet in {}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// Arrow or DataFusion failed.
    #[error("cannot process rows")]
    Engine(#[source] datafusion::error::DataFusionError),
    /// Another crate's part of a commit failed; nothing was written.
    #[error("{0}")]
    Part(#[source] Box<dyn Error + Send + Sync>),
    /// There is no such snapshot, or it has expired.
    #[error("snapshot {0} does not exist")]
    NoSnapshot(SnapshotId),
    /// A point in time that the lake's history does not have.
    #[error("{what}")]
    NoPointInTime {
        /// What there is not.
        what: String,
    },
    /// A state that was and is no more.
    #[error("{what} has expired")]
    Expired {
        /// Which.
        what: String,
    },
    /// A commit cannot be taken out without guessing.
    #[error("the commit cannot be undone")]
    NotUndoable {
        /// What is in the way, as a sentence.
        detail: String,
    },
    /// A background task was stopped before it had finished.
    #[error("the task was stopped")]
    Stopped,
}

impl LakeError {
    /// The metadata holds something that it must not.
    pub fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged { detail: detail.into() }
    }

    /// Another crate's error within a [`crate::metadata::CommitPart`].
    pub fn part(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Part(source.into())
    }

    /// An error of the lake inside what DataFusion, Arrow, Parquet and the object store wrapped around it.
    pub fn find(error: &DataFusionError) -> Option<&Self> {
        match error {
            DataFusionError::Collection(several) => several.iter().find_map(Self::find),
            DataFusionError::Shared(inner) => Self::find(inner),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Self::find(inner),
            error => {
                let mut cause: Option<&(dyn Error + 'static)> = Some(error);
                while let Some(error) = cause {
                    if let Some(found) = error.downcast_ref() {
                        return Some(found);
                    }
                    cause = error.source();
                }
                None
            }
        }
    }

    /// A failure of the operating system, sorted by what an operator can do about it.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let path = path.into();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::PermissionDenied { path },
            ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }

    /// The same error of another name of the file.
    pub(crate) fn of_file(self, known_as: &Path, path: &Path) -> Self {
        let renamed = |found: PathBuf| if found == known_as { path.to_owned() } else { found };
        match self {
            Self::DamagedFile { path, detail } => Self::DamagedFile { path: renamed(path), detail },
            Self::Io { path, source } => Self::Io { path: renamed(path), source },
            error => error,
        }
    }

    /// The same error once more, if it is one of a file: errors cannot be copied, and those of files are needed twice.
    pub(crate) fn of_a_file_again(&self) -> Option<Self> {
        Some(match self {
            Self::DamagedFile { path, detail } => {
                Self::DamagedFile { path: path.clone(), detail: detail.clone() }
            }
            Self::Missing { path } => Self::Missing { path: path.clone() },
            Self::PermissionDenied { path } => Self::PermissionDenied { path: path.clone() },
            Self::Io { path, source } => Self::Io {
                path: path.clone(),
                source: std::io::Error::new(source.kind(), source.to_string()),
            },
            _ => return None,
        })
    }

    /// Whether the same work may succeed when it is tried again on a newer snapshot.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Busy { .. } | Self::WaitedTooLong)
    }
}

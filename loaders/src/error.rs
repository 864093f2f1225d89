//! What can go wrong in a load. A bad *row* is no error: it is a [reject](crate::rejects). A bad *delivery* is an outcome of
//! its batch, kept in the ledger. What is here stops the whole load: the source's TOML, the machine, the lake.

use std::{io, path::PathBuf};

use chrono::NaiveDate;
use lis_lake::{error::LakeError, ids::BatchId};

/// An error of the loaders.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A source's TOML does not say what it must.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Config {
        /// The TOML file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong, naming the key or value.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// No TOML file has this name.
    #[error("there is no source \"{name}\" in {}", directory.display())]
    UnknownSource {
        /// The name asked for.
        name: String,
        /// Where sources are described.
        directory: PathBuf,
        /// The names there are.
        known: Vec<String>,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `list`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what its source says: the batch that it belongs to fails.
    #[error("{file}:{line}: {message}")]
    File {
        /// The file's name.
        file: String,
        /// From 1.
        line: u64,
        /// What was found.
        message: String,
    },
    /// A given file fits no pattern of the source.
    #[error("no table of source \"{source_name}\" takes the file {}", path.display())]
    UnclaimedFile {
        /// The source.
        source_name: String,
        /// The file.
        path: PathBuf,
        /// The patterns there are.
        patterns: Vec<String>,
    },
    /// A file's name has no business date and none was given.
    #[error("the name of {file} has no business date, and none was given")]
    DateNeeded {
        /// The file's name.
        file: String,
    },
    /// A file's name has a date that does not exist.
    #[error("the name of {file} has the business date \"{text}\", which does not exist")]
    DateInFileName {
        /// The file's name.
        file: String,
        /// What stands in the place of the date.
        text: String,
    },
    /// Nothing to load was found.
    #[error("no file of source \"{source_name}\" in {}", directory.display())]
    NoFiles {
        /// The source.
        source_name: String,
        /// Where was looked.
        directory: PathBuf,
        /// The date asked for.
        date: Option<NaiveDate>,
        /// The dates that are there.
        dates: Vec<NaiveDate>,
    },
    /// Another process loads the same source now.
    #[error("another load of source \"{source_name}\" is running")]
    Busy {
        /// The source.
        source_name: String,
    },
    /// The table in the lake is not what the source describes.
    #[error("table {table}: {message}")]
    Target {
        /// The table.
        table: String,
        /// The difference.
        message: String,
    },
    /// Rows in are not rows written and rejected: a defect of this program, so nothing is published.
    #[error(
        "batch {batch}, table {table}: {rows_in} rows in, but {rows_written} written and {rows_rejected} rejected"
    )]
    Accounting {
        /// The batch.
        batch: BatchId,
        /// The table.
        table: String,
        /// Rows read.
        rows_in: u64,
        /// Rows written.
        rows_written: u64,
        /// Rows rejected.
        rows_rejected: u64,
    },
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// There is no batch of this number.
    #[error("batch {batch} does not exist")]
    NoBatch {
        /// The number.
        batch: BatchId,
    },
    /// A batch that was never published has no rows to take out.
    #[error("batch {batch} was not published")]
    NotPublished {
        /// The batch.
        batch: BatchId,
    },
    /// A batch cannot be taken out without guessing.
    #[error("batch {batch} cannot be undone")]
    NotUndoable {
        /// The batch.
        batch: BatchId,
        /// What is in the way, as a sentence.
        detail: String,
    },
    /// Reading a table of the lake.
    #[error("reading {table}")]
    Reading {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: datafusion::error::DataFusionError,
    },
    /// Arrow refused what the pipeline made: a defect of this program.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A worker of the pipeline died: a defect of this program.
    #[error("a worker of the pipeline ended early")]
    Worker(#[from] tokio::task::JoinError),
}

impl LoadError {
    /// What to do, for people: a sentence, or nothing that the message does not say already.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config { hint, .. } => hint.clone(),
            Self::UnknownSource { name, directory, known } => Some(if known.is_empty() {
                format!("Describe it in {}.", directory.join(format!("{name}.toml")).display())
            } else {
                format!("The sources are {}.", known.join(", "))
            }),
            Self::Io { source, .. } => io_hint(source),
            Self::UnclaimedFile { patterns, .. } => {
                Some(format!("File names are matched with {}.", patterns.join(", ")))
            }
            Self::DateNeeded { .. } => Some("Give the business date with --date YYYY-MM-DD.".to_owned()),
            Self::NoFiles { dates, .. } if !dates.is_empty() => Some(format!(
                "There are files of {}.",
                dates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )),
            Self::NoFiles { directory, .. } => {
                Some(format!("Put the delivery into {} or name its files.", directory.display()))
            }
            Self::Busy { .. } => Some("Wait for it, or end it, and load again.".to_owned()),
            Self::Target { .. } => {
                Some("Change the source's description or the table so that they agree.".to_owned())
            }
            Self::NotUndoable { .. } => Some(
                "See lis.batch_dependents for what was built on it, and undo that first, the latest before the others."
                    .to_owned(),
            ),
            Self::NoBatch { .. } => Some("See the batches in lis.batches.".to_owned()),
            Self::DateInFileName { .. }
            | Self::NotPublished { .. }
            | Self::File { .. }
            | Self::Accounting { .. }
            | Self::Lake(_)
            | Self::Reading { .. }
            | Self::Arrow(_)
            | Self::Worker(_) => None,
        }
    }
}

fn io_hint(error: &io::Error) -> Option<String> {
    Some(
        match error.kind() {
            io::ErrorKind::NotFound => "Make it, or correct the path.",
            io::ErrorKind::PermissionDenied => "Give the user that runs lis the right to read it.",
            io::ErrorKind::StorageFull => "Make room on the disk and load again; nothing was published.",
            _ => return None,
        }
        .to_owned(),
    )
}

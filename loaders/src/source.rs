//! Where bytes come from. A source finds the files of a delivery and streams one; it knows no formats, columns or rules.
//! One source per file in `sources/`; [`crate::registry`] lists them.
//!
//! The *checkpoint* of a source, what it has delivered already, is the batch ledger: it is written in the commit that
//! publishes the data, so the two cannot disagree.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::error::LoadError;

/// A file that a source has found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Its name, without directories: what patterns match, and what rejects show.
    pub name: String,
    /// How the source finds it again; for people too.
    pub location: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A source of bytes.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// The files that are there now, in the order of their names.
    async fn discover(&self) -> Result<Vec<SourceFile>, LoadError>;

    /// The bytes of a file, in pieces of the source's choice. Dropping the stream ends the reading.
    fn fetch(&self, file: &SourceFile) -> BoxStream<'static, Result<Bytes, LoadError>>;
}

//! The metadata database, behind one trait: what a commit, a migration and a reader need of it and nothing more.
//! `metadata/sqlite.rs` is the one implementation; PostgreSQL comes with several nodes. Crates above own tables of their
//! own here (roles, policies, batches) and change them as [`CommitPart`]s in the same transaction as the lake's.

pub mod sqlite;

use std::path::Path;

use async_trait::async_trait;

use crate::{error::LakeError, ids::SnapshotId};

/// A value to or from the metadata database.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// Any whole number; booleans are 0 and 1.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a metadata query; columns by position.
#[derive(Debug, Clone)]
pub struct MetadataRow(pub Vec<Value>);

impl MetadataRow {
    /// A whole number, or an error that says which column is damaged.
    pub fn integer(&self, column: usize) -> Result<i64, LakeError> {
        match self.0.get(column) {
            Some(Value::Integer(value)) => Ok(*value),
            other => Err(LakeError::damaged(format!("column {column}: expected a number, found {other:?}"))),
        }
    }

    /// A whole number or NULL.
    pub fn integer_opt(&self, column: usize) -> Result<Option<i64>, LakeError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    /// Text.
    pub fn text(&self, column: usize) -> Result<&str, LakeError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value),
            other => Err(LakeError::damaged(format!("column {column}: expected text, found {other:?}"))),
        }
    }

    /// Text or NULL.
    pub fn text_opt(&self, column: usize) -> Result<Option<&str>, LakeError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// A boolean, stored as 0 or 1.
    pub fn boolean(&self, column: usize) -> Result<bool, LakeError> {
        self.integer(column).map(|value| value != 0)
    }
}

/// One numbered step of a crate's own tables; applied once, in order, and its checksum is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Grows within a component.
    pub version: i64,
    /// The statements, as a file under the crate's `migrations/`.
    pub sql: &'static str,
}

/// A crate's tables in the metadata database.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    /// The crate: `lake`, `security`, `loaders`.
    pub name: &'static str,
    /// Its migrations, oldest first.
    pub migrations: &'static [Migration],
}

/// Reads one consistent state of the metadata database.
#[async_trait]
pub trait MetadataRead: Send {
    /// Runs a query; `?` stands for an argument.
    async fn query(&mut self, sql: &str, arguments: &[Value]) -> Result<Vec<MetadataRow>, LakeError>;
}

/// A write transaction: nothing is seen by others until [`MetadataTx::commit`], and dropping it undoes it.
#[async_trait]
pub trait MetadataTx: MetadataRead {
    /// Runs a statement and returns the number of rows changed.
    async fn execute(&mut self, sql: &str, arguments: &[Value]) -> Result<u64, LakeError>;
    /// Makes it durable.
    async fn commit(self: Box<Self>) -> Result<(), LakeError>;
}

/// The metadata database.
#[async_trait]
pub trait Metadata: Send + Sync + std::fmt::Debug {
    /// Applies the migrations that are missing. A newer or altered one is refused with what to do.
    async fn migrate(&self, components: &[Component]) -> Result<(), LakeError>;
    /// Begins a read transaction: every query in it sees one state.
    async fn read(&self) -> Result<Box<dyn MetadataRead>, LakeError>;
    /// Begins a write transaction, waiting for another writer's commit with a limit.
    async fn write(&self) -> Result<Box<dyn MetadataTx>, LakeError>;
    /// Puts everything into the database's main file, so that it is whole by itself, and closes it. What is asked
    /// afterwards fails.
    async fn close(&self) -> Result<(), LakeError>;
    /// Writes the database anew and empties its log: nothing that was deleted is left in any file of it. Whoever wants to
    /// commit waits so long.
    async fn scrub(&self) -> Result<(), LakeError>;
    /// Writes everything, as one read transaction sees it, into an empty file, beside readers and writers.
    async fn copy_to(&self, path: &Path) -> Result<(), LakeError>;
    /// A number that changes with every commit, also one by another process. Cheap: asked before every statement.
    async fn change_counter(&self) -> Result<i64, LakeError>;
}

/// What every part of one commit may know.
#[derive(Debug, Clone, Copy)]
pub struct CommitContext {
    /// The snapshot that this commit makes.
    pub snapshot_id: SnapshotId,
    /// When, in microseconds since 1970 UTC.
    pub committed_at_us: i64,
}

/// One part of a commit. The lake's own parts (new tables, files) and other crates' (a policy, a batch's ledger row)
/// are applied in order in one metadata transaction: all of them or none.
#[async_trait]
pub trait CommitPart: Send + Sync + std::fmt::Debug {
    /// Writes the part. An error undoes the whole commit.
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError>;
}

//! What crates that make tables ask of the crate that secures them, so that neither knows the other: loaders and models
//! make tables, the server hands them security's implementation.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use crate::{
    error::LakeError,
    ids::{ColumnId, SnapshotId},
    metadata::{CommitPart, MetadataRead},
    snapshot::Snapshot,
    table::Table,
};

/// What other crates need of the past.
#[async_trait]
pub trait SnapshotFloor: Send + Sync + Debug {
    /// The snapshots that must not expire.
    async fn needed(&self, read: &mut dyn MetadataRead) -> Result<BTreeSet<SnapshotId>, LakeError>;
}

/// Evaluates the CHECK constraints of tables for crates that evaluate no SQL themselves.
#[async_trait]
pub trait TableChecks: Send + Sync + Debug {
    /// The checks of a table of a snapshot, which may be only staged; `None` if it has none.
    async fn checks(
        &self,
        snapshot: Arc<Snapshot>,
        table: &Table,
    ) -> Result<Option<Arc<dyn RowCheck>>, LakeError>;
}

/// The CHECK constraints of one table.
pub trait RowCheck: Send + Sync + Debug {
    /// The rows, of the table's columns in order, that must not be written, in order, and what is wrong with each.
    fn refused(&self, rows: &RecordBatch) -> Result<Vec<(usize, String)>, LakeError>;
}

/// Secures a table by an administration column.
pub trait TableSecurity: Send + Sync + Debug {
    /// The parts that secure `table` by `column`, for subject area `area` (`""`: the ordinary areas). They belong into
    /// the commit that makes the table or adds the column. Nothing to do if it is secured in that way already.
    fn secure(
        &self,
        table: &Table,
        column: ColumnId,
        area: &str,
    ) -> Result<Vec<Box<dyn CommitPart>>, LakeError>;
}

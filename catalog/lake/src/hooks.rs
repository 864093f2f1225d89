//! What crates that make tables ask of the crate that secures them, so that neither knows the other: loaders and models
//! make tables, the server hands them security's implementation.

use std::{collections::BTreeSet, fmt::Debug};

use async_trait::async_trait;

use crate::{
    error::LakeError,
    ids::{ColumnId, SnapshotId},
    metadata::{CommitPart, MetadataRead},
    table::Table,
};

/// What other crates need of the past.
#[async_trait]
pub trait SnapshotFloor: Send + Sync + Debug {
    /// The snapshots that must not expire.
    async fn needed(&self, read: &mut dyn MetadataRead) -> Result<BTreeSet<SnapshotId>, LakeError>;
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

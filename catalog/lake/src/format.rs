//! The DuckLake format: the only place that names its tables.

use crate::{error::LakeError, metadata::MetadataTx};

/// Sets numbers aside; answers with the first.
pub(crate) async fn reserve_catalog_ids(tx: &mut dyn MetadataTx, count: i64) -> Result<i64, LakeError> {
    let _ = (tx, count);
    Err(LakeError::Stopped)
}

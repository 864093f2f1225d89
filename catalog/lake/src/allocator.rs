//! Numbers for schemas, relations and keys, before their commit. They come from DuckLake's counter `next_catalog_id`,
//! which only a commit can move, so blocks are set aside in a counter of our own and every commit writes the larger of
//! the two. A number is never given twice; gaps are harmless.

use std::{ops::Range, sync::Arc};

use tokio::sync::Mutex;

use crate::{error::LakeError, format, metadata::Metadata};

/// Numbers set aside at a time: one small transaction of the metadata database for each.
const BLOCK: i64 = 64;

/// Gives out numbers.
#[derive(Debug)]
pub(crate) struct IdAllocator {
    metadata: Arc<dyn Metadata>,
    block: Mutex<Range<i64>>,
}

impl IdAllocator {
    pub(crate) fn new(metadata: Arc<dyn Metadata>) -> Self {
        Self { metadata, block: Mutex::new(0..0) }
    }

    /// A number that nothing has had.
    pub(crate) async fn next(&self) -> Result<i64, LakeError> {
        let mut block = self.block.lock().await;
        if block.is_empty() {
            let mut tx = self.metadata.write().await?;
            let first = format::reserve_catalog_ids(&mut *tx, BLOCK).await?;
            tx.commit().await?;
            *block = first..first + BLOCK;
        }
        let id = block.start;
        block.start += 1;
        Ok(id)
    }
}

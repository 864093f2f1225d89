//! How another crate runs SQL without knowing the door: loaders' assertions and models go through a [`Runner`] that the
//! server implements with the same pipeline as everyone else's statements.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use lis_lake::snapshot::Snapshot;

/// Why a statement of a [`Runner`] failed: the client-facing message.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RunnerError {
    /// As a client would see it.
    pub message: String,
}

/// Runs SQL as a service principal.
#[async_trait]
pub trait Runner: Send + Sync + std::fmt::Debug {
    /// Runs one query as `role` over a snapshot (possibly with staged changes over it).
    async fn query(
        &self,
        role: &str,
        sql: &str,
        snapshot: Arc<Snapshot>,
    ) -> Result<SendableRecordBatchStream, RunnerError>;
}

//! How the loaders run SQL: the same pipeline as everyone else's statements, as a role of their own.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use lis_lake::snapshot::Snapshot;
use lis_sql::runner::{Runner, RunnerError};

use crate::{error::ServerError, server::Server, wire::error::Report};

/// Runs SQL of loaders.
#[derive(Debug)]
pub(crate) struct ServerRunner {
    _server: Arc<Server>,
}

impl ServerRunner {
    /// For a server.
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { _server: server }
    }
}

fn shown(error: &ServerError) -> RunnerError {
    RunnerError { message: Report::from(error).message }
}

#[async_trait]
impl Runner for ServerRunner {
    async fn query(
        &self,
        role: &str,
        _sql: &str,
        _snapshot: Arc<Snapshot>,
    ) -> Result<SendableRecordBatchStream, RunnerError> {
        Err(shown(&ServerError::not_supported(format!("running SQL as role {role} is not supported"))))
    }
}

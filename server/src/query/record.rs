//! A statement in the audit: a record before its first row, one after its last. A statement that ends early (an error, a
//! cancel, a portal that is closed) has its end recorded when its cursor goes.

use std::sync::Arc;

use lis_security::{Access, AuditEvent, audit::blank_secrets};

use super::Request;
use crate::{
    error::{Result, ServerError},
    server::Server,
    wire::error::Report,
};

/// A statement whose beginning is in the audit and whose end is not.
#[derive(Debug)]
pub(crate) struct StatementRecord {
    server: Arc<Server>,
    number: u64,
    rows: u64,
    outcome: Option<(String, String)>,
}

impl StatementRecord {
    /// Records that a statement begins, and waits until that is durable.
    pub(crate) async fn begin(
        server: &Arc<Server>,
        request: &Request,
        text: &str,
        access: &Access,
    ) -> Result<Self> {
        let audit = server.security.audit();
        let number = audit.next_statement();
        audit
            .record(AuditEvent::StatementBegun {
                backend_pid: request.bind.backend_pid,
                statement: number,
                session_user: request.principal.session_user().as_str().to_owned(),
                current_user: request.principal.current_user().as_str().to_owned(),
                text: blank_secrets(text),
                relations: access.relations.iter().map(|oid| oid.get()).collect(),
                policies: access.policies.iter().map(|oid| oid.get()).collect(),
            })
            .await?;
        Ok(Self { server: Arc::clone(server), number, rows: 0, outcome: None })
    }

    /// Counts rows that were given out.
    pub(crate) fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// Ends with an error.
    pub(crate) fn fail(mut self, error: &ServerError) {
        self.note(error);
    }

    /// Notes the error that the statement will end with.
    pub(crate) fn note(&mut self, error: &ServerError) {
        let report = Report::from(error);
        self.outcome = Some((report.state.code().to_owned(), report.message));
    }
}

impl Drop for StatementRecord {
    fn drop(&mut self) {
        let (sqlstate, error) = self.outcome.take().unzip();
        self.server.record_behind(AuditEvent::StatementEnded {
            statement: self.number,
            rows: self.rows,
            sqlstate,
            error,
        });
    }
}

/// Records a statement that was refused or could not be bound.
pub(crate) async fn refused(
    server: &Arc<Server>,
    request: &Request,
    text: &str,
    error: &ServerError,
) -> Result<()> {
    let record = StatementRecord::begin(server, request, text, &Access::default()).await?;
    record.fail(error);
    Ok(())
}

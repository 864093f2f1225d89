//! `lis.audit`: the newest records, for auditors and superusers. It reads the segment files, so it shows what is
//! written and not what is remembered.

use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::{common::Result, error::DataFusionError};
use lis_lake::types::PgType;
use lis_pg_catalog::{
    registry::{SystemRelation, ViewContext},
    rows::{Cell, Rows},
    shapes::{Shape, column},
};

use super::viewer;
use crate::{
    audit::{AuditEvent, Record, read},
    error::SecurityError,
    roles::AUDITOR,
};

/// The newest records that are shown.
const RECORDS_MAX: usize = 100_000;

static AUDIT: Shape = Shape::of_lis(
    "audit",
    15_907,
    &[
        column("at", PgType::Timestamptz),
        column("event", PgType::Text),
        column("backend_pid", PgType::Int4),
        column("statement", PgType::Int8),
        column("session_user", PgType::Name),
        column("current_user", PgType::Name),
        column("client", PgType::Text),
        column("application", PgType::Text),
        column("text", PgType::Text),
        column("relations", PgType::Text),
        column("policies", PgType::Text),
        column("rows", PgType::Int8),
        column("sqlstate", PgType::Text),
        column("reason", PgType::Text),
    ],
);

/// `lis.audit`.
#[derive(Debug)]
pub(super) struct AuditRecords {
    directory: PathBuf,
}

impl AuditRecords {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }
}

#[async_trait]
impl SystemRelation for AuditRecords {
    fn shape(&self) -> &'static Shape {
        &AUDIT
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        if !viewer.uses(AUDITOR) {
            return Err(DataFusionError::External(Box::new(SecurityError::denied(
                "permission denied for view audit",
            ))));
        }
        let directory = self.directory.clone();
        let records = tokio::task::spawn_blocking(move || read(&directory, RECORDS_MAX))
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut rows = Rows::new(&AUDIT);
        for record in &records {
            add(record, &mut rows);
        }
        rows.into_batch()
    }
}

/// The cells of one record; what an event does not have is null.
#[derive(Default)]
struct Cells<'a> {
    event: &'static str,
    backend_pid: Option<i32>,
    statement: Option<u64>,
    session_user: Option<&'a str>,
    current_user: Option<&'a str>,
    client: Option<&'a str>,
    application: Option<&'a str>,
    text: Option<&'a str>,
    relations: Option<String>,
    policies: Option<String>,
    rows: Option<u64>,
    sqlstate: Option<&'a str>,
    reason: Option<&'a str>,
}

fn add(record: &Record, rows: &mut Rows) {
    let none = Cells::default;
    let cells = match &record.event {
        AuditEvent::SegmentOpened { previous_segment, .. } => {
            Cells { event: "segment_opened", reason: previous_segment.as_deref(), ..none() }
        }
        AuditEvent::ConnectionOpened { backend_pid, user, client, application } => Cells {
            event: "connection_opened",
            backend_pid: Some(*backend_pid),
            session_user: Some(user),
            client: Some(client),
            application: Some(application),
            ..none()
        },
        AuditEvent::ConnectionRefused { user, client, reason } => Cells {
            event: "connection_refused",
            session_user: Some(user),
            client: Some(client),
            reason: Some(reason),
            ..none()
        },
        AuditEvent::ConnectionClosed { backend_pid } => {
            Cells { event: "connection_closed", backend_pid: Some(*backend_pid), ..none() }
        }
        AuditEvent::StatementBegun {
            backend_pid,
            statement,
            session_user,
            current_user,
            text,
            relations,
            policies,
        } => Cells {
            event: "statement_begun",
            backend_pid: Some(*backend_pid),
            statement: Some(*statement),
            session_user: Some(session_user),
            current_user: Some(current_user),
            text: Some(text),
            relations: Some(list(relations)),
            policies: Some(list(policies)),
            ..none()
        },
        AuditEvent::StatementEnded { statement, rows, sqlstate, error } => Cells {
            event: "statement_ended",
            statement: Some(*statement),
            rows: Some(*rows),
            sqlstate: sqlstate.as_deref(),
            reason: error.as_deref(),
            ..none()
        },
    };
    let whole = |number: Option<u64>| Cell::from(number.and_then(|number| i64::try_from(number).ok()));
    rows.add([
        ("at", record.at.timestamp_micros().into()),
        ("event", cells.event.into()),
        ("backend_pid", cells.backend_pid.into()),
        ("statement", whole(cells.statement)),
        ("session_user", cells.session_user.into()),
        ("current_user", cells.current_user.into()),
        ("client", cells.client.into()),
        ("application", cells.application.into()),
        ("text", cells.text.into()),
        ("relations", cells.relations.into()),
        ("policies", cells.policies.into()),
        ("rows", whole(cells.rows)),
        ("sqlstate", cells.sqlstate.into()),
        ("reason", cells.reason.into()),
    ]);
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

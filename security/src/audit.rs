//! The audit: who connected, and who asked what with which policies. Append-only segment files of this process, one
//! record a line, each line with the hash of itself and the line before; a segment begins with the last hash of the
//! segment that was newest then, so that cutting or changing an older one shows ([`verify`]).
//!
//! A statement's *begin* record is written before the first byte of its result and its *end* record after the last: a
//! kill in between leaves the begin record. Records go through one writer thread that takes all that wait in one write
//! ([`Audit::record`] returns when the operating system has them: they survive the process) and syncs them to the disk
//! at most [`SYNC_DELAY`] later. If a record cannot be written, the statement must not run: no audit, no result.

mod blank;
mod segment;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

pub use blank::blank_secrets;
pub use segment::{Record, Verified, read, verify};

use crate::error::{SecurityError, SecurityErrorKind};

/// Records on the disk are at most this far behind.
pub const SYNC_DELAY: Duration = Duration::from_secs(1);
/// Records that may wait for the writer; who comes then waits for a place.
const QUEUE_RECORDS_MAX: usize = 4096;
/// Statement texts are cut here.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What is recorded. Texts must have gone through [`blank_secrets`]; [`Audit::record`] does it for statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A new segment: the segment that was newest and its last hash.
    SegmentOpened {
        /// Its file name; `None` for the first of all.
        previous_segment: Option<String>,
        /// The hash of its last whole record.
        previous_hash: Option<String>,
    },
    /// A connection whose user proved who it is.
    ConnectionOpened {
        /// `pg_backend_pid()`.
        backend_pid: i32,
        /// The user.
        user: String,
        /// The client's address.
        client: String,
        /// `application_name`.
        application: String,
    },
    /// A connection that was refused.
    ConnectionRefused {
        /// The user named.
        user: String,
        /// The client's address.
        client: String,
        /// The true reason, which the client is not told.
        reason: String,
    },
    /// A connection's end.
    ConnectionClosed {
        /// `pg_backend_pid()`.
        backend_pid: i32,
    },
    /// A statement that was authorised, or refused (an end record with an error follows), before the first byte of its
    /// result.
    StatementBegun {
        /// `pg_backend_pid()`.
        backend_pid: i32,
        /// The number that [`AuditEvent::StatementEnded`] repeats.
        statement: u64,
        /// `session_user`.
        session_user: String,
        /// `current_user`.
        current_user: String,
        /// Its text.
        text: String,
        /// Numbers of the tables and views read.
        relations: Vec<u32>,
        /// Numbers of the policies applied.
        policies: Vec<u32>,
    },
    /// A statement's end, after the last byte of its result.
    StatementEnded {
        /// The number.
        statement: u64,
        /// Rows sent or changed.
        rows: u64,
        /// Its SQLSTATE, if it failed.
        sqlstate: Option<String>,
        /// Why it failed: the message, never a detail that holds values.
        error: Option<String>,
    },
}

/// The audit of one process.
#[derive(Debug)]
pub struct Audit {
    directory: PathBuf,
    queue: mpsc::Sender<Entry>,
    statements: AtomicU64,
}

/// A record on its way to the writer.
#[derive(Debug)]
pub(crate) struct Entry {
    line: String,
    written: Option<oneshot::Sender<Result<(), String>>>,
}

impl Audit {
    /// Opens the audit in a directory, which is made. The first segment is made with the first record, so that a process
    /// that records nothing leaves nothing.
    pub async fn open(directory: &Path) -> Result<Self, SecurityError> {
        let (queue, entries) = mpsc::channel(QUEUE_RECORDS_MAX);
        let directory = directory.to_owned();
        let writer = segment::Writer::open(&directory).map_err(failed)?;
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(entries))
            .map_err(failed)?;
        // Numbers go on from the clock, so that they differ between processes and restarts.
        let first = u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or_default();
        Ok(Self { directory, queue, statements: AtomicU64::new(first) })
    }

    /// Where the segments are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The next statement's number.
    pub fn next_statement(&self) -> u64 {
        self.statements.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes an event and waits until it is written. What is said to the client after this has been recorded.
    pub async fn record(&self, event: AuditEvent) -> Result<(), SecurityError> {
        let (written, done) = oneshot::channel();
        self.enqueue(event, Some(written)).await?;
        done.await.map_err(|_| stopped())?.map_err(|error| {
            SecurityError::new(SecurityErrorKind::System, format!("could not write the audit: {error}"))
        })
    }

    /// Hands an event to the writer without waiting for it: for ends and closings. Waits only for a place in the queue.
    pub async fn record_behind(&self, event: AuditEvent) -> Result<(), SecurityError> {
        self.enqueue(event, None).await
    }

    async fn enqueue(
        &self,
        event: AuditEvent,
        written: Option<oneshot::Sender<Result<(), String>>>,
    ) -> Result<(), SecurityError> {
        let line = segment::line(&without_secrets(event)).map_err(failed)?;
        self.queue.send(Entry { line, written }).await.map_err(|_| stopped())
    }
}

fn without_secrets(event: AuditEvent) -> AuditEvent {
    match event {
        AuditEvent::StatementBegun {
            backend_pid,
            statement,
            session_user,
            current_user,
            text,
            relations,
            policies,
        } => {
            let mut text = blank_secrets(&text);
            if text.len() > TEXT_BYTES_MAX {
                let mut end = TEXT_BYTES_MAX;
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text.truncate(end);
                text.push('…');
            }
            AuditEvent::StatementBegun {
                backend_pid,
                statement,
                session_user,
                current_user,
                text,
                relations,
                policies,
            }
        }
        other => other,
    }
}

fn failed(error: impl std::fmt::Display) -> SecurityError {
    SecurityError::new(SecurityErrorKind::System, format!("could not write the audit: {error}"))
}

fn stopped() -> SecurityError {
    SecurityError::new(SecurityErrorKind::System, "could not write the audit: its writer has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(audit: &Audit, text: &str) -> AuditEvent {
        AuditEvent::StatementBegun {
            backend_pid: 1,
            statement: audit.next_statement(),
            session_user: "anna".to_owned(),
            current_user: "anna".to_owned(),
            text: text.to_owned(),
            relations: vec![16400],
            policies: vec![16401],
        }
    }

    #[tokio::test]
    async fn records_are_chained_over_segments_and_changes_show() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let audit = Audit::open(directory.path()).await.unwrap();
            let event = begun(&audit, &format!("alter role anna password 'hemligt{round}'"));
            audit.record(event).await.unwrap();
            audit.record(AuditEvent::ConnectionClosed { backend_pid: 1 }).await.unwrap();
        }
        let verified = verify(directory.path()).unwrap();
        assert_eq!((verified.segments, verified.records), (2, 6));
        let segments = segment::segments(directory.path()).unwrap();
        let text = std::fs::read_to_string(&segments[0]).unwrap();
        assert!(text.contains("alter role") && !text.contains("hemligt"));
        std::fs::write(&segments[0], text.replace("anna", "olle")).unwrap();
        assert!(verify(directory.path()).is_err(), "a changed record");
        let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
        std::fs::write(&segments[0], cut).unwrap();
        assert!(verify(directory.path()).is_err(), "a cut segment");
        std::fs::write(&segments[0], text).unwrap();
        assert!(verify(directory.path()).is_ok());
    }

    #[tokio::test]
    async fn a_torn_last_line_is_what_a_kill_leaves() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::open(directory.path()).await.unwrap();
        audit.record(AuditEvent::ConnectionClosed { backend_pid: 1 }).await.unwrap();
        drop(audit);
        let segments = segment::segments(directory.path()).unwrap();
        let mut text = std::fs::read_to_string(&segments[0]).unwrap();
        text.push_str("0123 {\"torn");
        std::fs::write(&segments[0], text).unwrap();
        assert_eq!(verify(directory.path()).unwrap().records, 2);
    }
}

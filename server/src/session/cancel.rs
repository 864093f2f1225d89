//! Who can be cancelled, and how. A session has a number and a secret; a cancel request (on a connection of its own),
//! `statement_timeout`, the end of the client's connection and the end of the server all end in one token per statement,
//! which planning, execution and streaming watch.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, Ordering},
    },
};

use lis_functions::random::Generator;
use tokio_util::sync::CancellationToken;

use crate::{error::CancelReason, task::locked};

/// The statement that a session is running.
#[derive(Debug, Clone)]
pub(crate) struct StatementToken {
    token: CancellationToken,
    reason: Arc<Mutex<Option<CancelReason>>>,
}

impl StatementToken {
    fn new() -> Self {
        Self { token: CancellationToken::new(), reason: Arc::new(Mutex::new(None)) }
    }

    /// Stops the statement. The first reason stays.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        locked(&self.reason).get_or_insert(reason);
        self.token.cancel();
    }

    /// Waits until the statement is stopped. Cancellation safe.
    pub(crate) async fn cancelled(&self) -> CancelReason {
        self.token.cancelled().await;
        self.reason()
    }

    /// Whether the statement is stopped.
    #[cfg(test)]
    fn is_cancelled(&self) -> Option<CancelReason> {
        self.token.is_cancelled().then(|| self.reason())
    }

    fn reason(&self) -> CancelReason {
        locked(&self.reason).unwrap_or(CancelReason::User)
    }
}

/// The handle of one session: what others may do to it.
#[derive(Debug)]
pub(crate) struct CancelHandle {
    secret: i32,
    current: Mutex<Option<StatementToken>>,
    /// Set when the session must end: the client is gone, or an administrator or the server ends it.
    ended: CancellationToken,
    end_reason: Mutex<Option<CancelReason>>,
    /// What functions of its statement have asked of the session.
    asked: Mutex<Vec<SettingRequest>>,
    /// What its statements draw random numbers from.
    generator: Arc<Generator>,
}

/// A setting that `set_config` is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingRequest {
    /// The setting's name.
    pub(crate) name: String,
    /// Its value, checked.
    pub(crate) value: String,
    /// Only until the transaction ends.
    pub(crate) local: bool,
}

impl CancelHandle {
    /// Cancels the statement that runs, if one does.
    pub(crate) fn cancel_statement(&self, reason: CancelReason) {
        if let Some(token) = locked(&self.current).as_ref() {
            token.cancel(reason);
        }
    }

    /// Ends the session: its statement now, itself as soon as it looks.
    pub(crate) fn end_session(&self, reason: CancelReason) {
        locked(&self.end_reason).get_or_insert(reason);
        self.ended.cancel();
        self.cancel_statement(reason);
    }

    /// Waits until the session must end. Cancellation safe.
    pub(crate) async fn ended(&self) -> CancelReason {
        self.ended.cancelled().await;
        locked(&self.end_reason).unwrap_or(CancelReason::Shutdown)
    }

    /// Asks the session for something that it does when its statement is over, as it is judged
    /// beside what the statement has asked for before, and gives the value. Of several requests for one setting the last counts, so a statement of many rows does
    /// not pile them up (rows have no order: which is the last, nobody can rely on).
    pub(crate) fn ask<E>(
        &self,
        request: impl FnOnce(&[SettingRequest]) -> Result<SettingRequest, E>,
    ) -> Result<String, E> {
        let mut asked = locked(&self.asked);
        let request = request(&asked)?;
        let value = request.value.clone();
        asked.retain(|earlier| {
            earlier.local != request.local || !earlier.name.eq_ignore_ascii_case(&request.name)
        });
        asked.push(request);
        Ok(value)
    }

    /// What was asked, in that order.
    pub(crate) fn take_asked(&self) -> Vec<SettingRequest> {
        std::mem::take(&mut locked(&self.asked))
    }

    /// What the session's statements draw random numbers from.
    pub(crate) fn generator(&self) -> Arc<Generator> {
        Arc::clone(&self.generator)
    }

    /// A statement begins.
    pub(crate) fn begin_statement(&self) -> StatementToken {
        let token = StatementToken::new();
        *locked(&self.current) = Some(token.clone());
        if self.ended.is_cancelled() {
            token.cancel(locked(&self.end_reason).unwrap_or(CancelReason::Shutdown));
        }
        token
    }

    /// The statement is over; a cancel request that comes now finds nothing.
    pub(crate) fn end_statement(&self) {
        *locked(&self.current) = None;
    }
}

/// Every session's handle by its number.
#[derive(Debug, Default)]
pub(crate) struct CancelTable {
    next: AtomicI32,
    handles: Mutex<BTreeMap<i32, Arc<CancelHandle>>>,
}

impl CancelTable {
    /// Adds a session: its number (`pg_backend_pid()`) and secret go to the client.
    pub(crate) fn register(self: &Arc<Self>) -> Registration {
        let secret = rand::random();
        let handle = Arc::new(CancelHandle {
            secret,
            current: Mutex::new(None),
            ended: CancellationToken::new(),
            end_reason: Mutex::new(None),
            asked: Mutex::default(),
            generator: Arc::default(),
        });
        let mut handles = locked(&self.handles);
        let pid = loop {
            // Wraps round after 2^31 sessions; numbers in use are passed over.
            let pid = (self.next.fetch_add(1, Ordering::Relaxed) & i32::MAX).max(1);
            if !handles.contains_key(&pid) {
                break pid;
            }
        };
        handles.insert(pid, Arc::clone(&handle));
        Registration { table: Arc::clone(self), pid, secret, handle }
    }

    /// A cancel request: does nothing, silently, unless the secret fits.
    pub(crate) fn request(&self, pid: i32, secret: i32) {
        let handle = locked(&self.handles).get(&pid).cloned();
        // Secrets are 32 random bits of a protocol message; one comparison of whole words has no useful timing.
        if let Some(handle) = handle.filter(|handle| handle.secret == secret) {
            handle.cancel_statement(CancelReason::User);
        }
    }

    /// The handle of a session by number.
    pub(crate) fn handle(&self, pid: i32) -> Option<Arc<CancelHandle>> {
        locked(&self.handles).get(&pid).cloned()
    }

    /// Ends every session.
    pub(crate) fn end_all(&self) {
        let handles: Vec<_> = locked(&self.handles).values().cloned().collect();
        for handle in handles {
            handle.end_session(CancelReason::Shutdown);
        }
    }
}

/// A session's place in the table; dropping it takes the session out.
#[derive(Debug)]
pub(crate) struct Registration {
    table: Arc<CancelTable>,
    /// The session's number.
    pub(crate) pid: i32,
    /// What a cancel request must know.
    pub(crate) secret: i32,
    /// What others may do to the session.
    pub(crate) handle: Arc<CancelHandle>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        locked(&self.table.handles).remove(&self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_needs_the_secret_and_finds_only_the_running_statement() {
        let table = Arc::new(CancelTable::default());
        let session = table.register();
        let token = session.handle.begin_statement();
        table.request(session.pid, session.secret.wrapping_add(1));
        assert_eq!(token.is_cancelled(), None);
        table.request(session.pid, session.secret);
        assert_eq!(token.cancelled().await, CancelReason::User);
        session.handle.end_statement();
        table.request(session.pid, session.secret);
        assert_eq!(session.handle.begin_statement().is_cancelled(), None);
    }

    #[tokio::test]
    async fn the_end_of_the_session_ends_statements_that_begin_later_too() {
        let table = Arc::new(CancelTable::default());
        let session = table.register();
        session.handle.end_session(CancelReason::Disconnected);
        assert_eq!(session.handle.ended().await, CancelReason::Disconnected);
        assert_eq!(session.handle.begin_statement().is_cancelled(), Some(CancelReason::Disconnected));
        let pid = session.pid;
        drop(session);
        assert!(table.handle(pid).is_none());
    }
}

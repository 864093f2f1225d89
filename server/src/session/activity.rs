//! What others may see of the sessions: `pg_stat_activity`, `pg_prepared_statements`, `pg_cursors`. Each session writes
//! its own entry; the system relations read them all and show each viewer what it may see.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use lis_lake::{ids::Oid, names::Identifier, types::PgType};
use lis_security::Principal;

use super::{NamedCursor, Prepared};
use crate::task::locked;

/// The most bytes of a statement's text that are kept (PostgreSQL's `track_activity_query_size` is 1024).
const QUERY_BYTES_MAX: usize = 4096;

/// `pg_stat_activity.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// `active`
    Active,
    /// `idle`
    Idle,
    /// `idle in transaction`
    IdleInTransaction,
    /// `idle in transaction (aborted)`
    IdleInFailedTransaction,
}

impl State {
    /// As PostgreSQL writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// One row of `pg_prepared_statements`.
#[derive(Debug, Clone)]
pub(crate) struct PreparedEntry {
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    pub(crate) prepared_at: DateTime<Utc>,
    pub(crate) parameters: Vec<PgType>,
    pub(crate) from_sql: bool,
}

/// One row of `pg_cursors`.
#[derive(Debug, Clone)]
pub(crate) struct CursorEntry {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) hold: bool,
    pub(crate) binary: bool,
    pub(crate) scroll: bool,
    pub(crate) declared_at: DateTime<Utc>,
}

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    pub(crate) pid: i32,
    pub(crate) user: Identifier,
    pub(crate) user_oid: Oid,
    pub(crate) database: String,
    pub(crate) application: String,
    pub(crate) peer: SocketAddr,
    pub(crate) encrypted: bool,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) transaction_started_at: Option<DateTime<Utc>>,
    pub(crate) statement_started_at: Option<DateTime<Utc>>,
    pub(crate) state_changed_at: DateTime<Utc>,
    pub(crate) state: State,
    pub(crate) query: String,
    pub(crate) prepared: Vec<PreparedEntry>,
    pub(crate) cursors: Vec<CursorEntry>,
}

type Entry = Arc<Mutex<Activity>>;

/// Every session's entry.
#[derive(Debug, Default)]
pub(crate) struct ActivityTable {
    entries: Mutex<BTreeMap<i32, Entry>>,
}

impl ActivityTable {
    /// Adds a session.
    pub(crate) fn register(
        self: &Arc<Self>,
        pid: i32,
        principal: &Principal,
        database: &str,
        application: &str,
        peer: SocketAddr,
        encrypted: bool,
    ) -> ActivityHandle {
        let now = Utc::now();
        let entry = Arc::new(Mutex::new(Activity {
            pid,
            user: principal.session_user().clone(),
            user_oid: principal.session_oid(),
            database: database.to_owned(),
            application: application.to_owned(),
            peer,
            encrypted,
            started_at: now,
            transaction_started_at: None,
            statement_started_at: None,
            state_changed_at: now,
            state: State::Idle,
            query: String::new(),
            prepared: Vec::new(),
            cursors: Vec::new(),
        }));
        locked(&self.entries).insert(pid, Arc::clone(&entry));
        ActivityHandle { table: Arc::clone(self), pid, entry }
    }

    /// How many sessions a user has.
    pub(crate) fn count_of(&self, user: &Identifier) -> usize {
        self.all().iter().filter(|activity| activity.user == *user).count()
    }

    /// Every session, by number.
    pub(crate) fn all(&self) -> Vec<Activity> {
        let entries: Vec<Entry> = locked(&self.entries).values().cloned().collect();
        entries.iter().map(|entry| locked(entry).clone()).collect()
    }

    /// One session.
    pub(crate) fn of(&self, pid: i32) -> Option<Activity> {
        let entry = locked(&self.entries).get(&pid).cloned()?;
        let activity = locked(&entry).clone();
        Some(activity)
    }
}

/// A session's own entry; dropping it takes the session out.
#[derive(Debug)]
pub(crate) struct ActivityHandle {
    table: Arc<ActivityTable>,
    pid: i32,
    entry: Entry,
}

impl ActivityHandle {
    /// SET ROLE and the like.
    pub(crate) fn set_user(&self, principal: &Principal) {
        let mut activity = locked(&self.entry);
        activity.user = principal.session_user().clone();
        activity.user_oid = principal.session_oid();
    }

    /// `application_name` changed.
    pub(crate) fn set_application(&self, name: &str) {
        name.clone_into(&mut locked(&self.entry).application);
    }

    /// A statement begins. Its text is kept with secrets blanked.
    pub(crate) fn begin(&self, state: State, text: &str, transaction_started_at: DateTime<Utc>) {
        let now = Utc::now();
        let text = if text.len() > QUERY_BYTES_MAX {
            &text[..text.floor_char_boundary(QUERY_BYTES_MAX)]
        } else {
            text
        };
        let text = lis_security::audit::blank_secrets(text);
        let mut activity = locked(&self.entry);
        activity.state = state;
        activity.query = text;
        activity.statement_started_at = Some(now);
        activity.state_changed_at = now;
        activity.transaction_started_at = Some(transaction_started_at);
    }

    /// A statement ended.
    pub(crate) fn end(&self, state: State) {
        let mut activity = locked(&self.entry);
        activity.state = state;
        activity.state_changed_at = Utc::now();
        if state == State::Idle {
            activity.transaction_started_at = None;
        }
    }

    /// Prepared statements changed.
    pub(crate) fn list_prepared(&self, prepared: &BTreeMap<String, Prepared>) {
        let listed = prepared
            .iter()
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, prepared)| PreparedEntry {
                name: name.clone(),
                text: Arc::clone(&prepared.text),
                prepared_at: prepared.prepared_at,
                parameters: prepared.parameters.clone(),
                from_sql: prepared.from_sql,
            })
            .collect();
        locked(&self.entry).prepared = listed;
    }

    /// Cursors changed.
    pub(crate) fn list_cursors(&self, cursors: &BTreeMap<Identifier, NamedCursor>) {
        let listed = cursors
            .iter()
            .map(|(name, cursor)| CursorEntry {
                name: name.as_str().to_owned(),
                text: cursor.text.clone(),
                hold: cursor.hold,
                binary: cursor.binary,
                scroll: cursor.cursor.is_scrollable(),
                declared_at: cursor.declared_at,
            })
            .collect();
        locked(&self.entry).cursors = listed;
    }
}

impl Drop for ActivityHandle {
    fn drop(&mut self) {
        locked(&self.table.entries).remove(&self.pid);
    }
}

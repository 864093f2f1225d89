//! One client's session: who it is, its settings, prepared statements, portals, cursors and transaction. It lives in one
//! task and is never shared; what others may know of it (`pg_stat_activity`) or do to it (cancel) is in handles beside.

pub(crate) mod activity;
pub(crate) mod as_of;
pub(crate) mod cancel;
pub(crate) mod encoding;
pub(crate) mod settings;
pub(crate) mod temporary;
pub(crate) mod transaction;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use lis_lake::{
    names::Identifier,
    snapshot::{Snapshot, TEMPORARY_SCHEMA},
    types::PgType,
};
use lis_security::{Principal, Rights};
use lis_sql::{context::BindContext, statement::ParsedStatement};

use self::{
    activity::{ActivityHandle, State},
    cancel::{Registration, StatementToken},
    settings::Settings,
    transaction::{Block, SessionMark, Transaction},
};
use crate::{
    admission::reserved,
    error::{Condition, Result, ServerError},
    query::{Request, cursor::Cursor, dml},
    server::Server,
    wire::{error::Report, outbox::Outbox, portal::Portal, startup::Login},
};

/// The databases that a client can name: the second is an older system's name for the first.
const DATABASES: [&str; 2] = ["lis", "flis"];

/// Text of all prepared statements of a session together.
const PREPARED_BYTES_MAX: usize = 64 << 20;
/// Values that are bound to all portals of a session together.
const BOUND_BYTES_MAX: usize = 256 << 20;

/// A prepared statement, of Parse or PREPARE.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The statement; `None` is an empty one.
    pub(crate) statement: Option<Arc<ParsedStatement>>,
    /// Its parameters' types: as declared and as found.
    pub(crate) parameters: Vec<PgType>,
    /// Its result's columns; `None` gives no rows.
    pub(crate) outputs: Option<Arc<[lis_sql::output::OutputColumn]>>,
    /// The text as it was prepared.
    pub(crate) text: Arc<str>,
    /// PREPARE (true) or Parse.
    pub(crate) from_sql: bool,
    /// When.
    pub(crate) prepared_at: DateTime<Utc>,
}

/// A cursor of DECLARE.
#[derive(Debug)]
pub(crate) struct NamedCursor {
    /// The rows.
    pub(crate) cursor: Cursor,
    /// WITH HOLD.
    pub(crate) hold: bool,
    /// BINARY.
    pub(crate) binary: bool,
    /// Whether the transaction that declared it is still open.
    pub(crate) uncommitted: bool,
    /// The statement's text.
    pub(crate) text: String,
    /// When.
    pub(crate) declared_at: DateTime<Utc>,
}

/// The settings that a session begins with: the role's, then the start-up packet's. An error refuses the connection.
pub(crate) async fn initial_settings(server: &Server, login: &Login) -> Result<Settings> {
    let mut settings = Settings::new([
        ("port", server.config.listen.port().to_string()),
        ("max_connections", server.config.limits.connections.to_string()),
        ("superuser_reserved_connections", reserved(server.config.limits.connections).to_string()),
        ("ssl", on_off(server.tls.is_some())),
    ]);
    let rights = server.security.rights().await?;
    for (name, value) in rights.settings_of(login.principal.current_oid()) {
        // A role's setting that became invalid must not lock its user out; PostgreSQL warns too.
        if let Err(error) = settings.set_default(&name, &value) {
            let user = login.principal.current_user();
            tracing::warn!(%user, setting = name, %error, "a role's setting is not used");
        }
    }
    settings.set_preset("is_superuser", on_off(rights.is_superuser(login.principal.current_oid())));
    for (name, value) in &login.settings {
        settings.set_default(name, value).map_err(ServerError::fatal)?;
    }
    if !DATABASES.contains(&login.database.as_str()) {
        return Err(ServerError::new(
            Condition::UndefinedDatabase,
            format!("database \"{}\" does not exist", login.database),
        )
        .fatal());
    }
    Ok(settings)
}

/// A session.
pub(crate) struct Session {
    /// The server.
    pub(crate) server: Arc<Server>,
    /// Its number and cancel handle.
    pub(crate) registration: Registration,
    /// Who it is now.
    pub(crate) principal: Principal,
    /// Who it is again after the transaction, and what `is_superuser` said then: SET LOCAL ROLE.
    identity_after: Option<(Principal, String)>,
    /// The database's name as the client gave it.
    pub(crate) database: String,
    /// Settings.
    pub(crate) settings: Settings,
    /// Prepared statements by name; the unnamed one is `""`.
    pub(crate) prepared: BTreeMap<String, Prepared>,
    /// Portals of Bind by name.
    pub(crate) portals: BTreeMap<String, Portal>,
    /// Cursors of DECLARE by name.
    pub(crate) cursors: BTreeMap<Identifier, NamedCursor>,
    /// The transaction.
    pub(crate) transaction: Transaction,
    /// What goes to the client.
    pub(crate) outbox: Outbox,
    /// What others see of it.
    pub(crate) activity: ActivityHandle,
    /// When the statement that runs began.
    pub(crate) statement_started_at: DateTime<Utc>,
    /// The statement that runs can be stopped through this.
    pub(crate) token: StatementToken,
}

impl Session {
    /// Makes a session for a client that has proved who it is.
    pub(crate) fn new(
        server: Arc<Server>,
        registration: Registration,
        login: Login,
        settings: Settings,
        outbox: Outbox,
    ) -> Self {
        let token = registration.handle.begin_statement();
        registration.handle.end_statement();
        let activity = server.activity.register(
            registration.pid,
            &login.principal,
            &login.database,
            &settings.get("application_name"),
            login.peer,
            login.encrypted,
        );
        let temporary_bytes_max = server.config.limits.temporary_bytes;
        Self {
            server,
            registration,
            principal: login.principal,
            identity_after: None,
            database: login.database,
            settings,
            prepared: BTreeMap::new(),
            portals: BTreeMap::new(),
            cursors: BTreeMap::new(),
            transaction: Transaction::idle_with(temporary_bytes_max),
            outbox,
            activity,
            statement_started_at: Utc::now(),
            token,
        }
    }

    /// What a transaction goes back to.
    pub(crate) fn mark(&self) -> SessionMark {
        SessionMark {
            settings: self.settings.mark(),
            principal: self.principal.clone(),
            is_superuser: self.settings.get("is_superuser"),
            identity_after: self.identity_after.clone(),
        }
    }

    fn back_to(&mut self, mark: SessionMark) {
        self.settings.back_to(mark.settings);
        self.identity_after = mark.identity_after;
        self.identify_as_before(&mark.principal, mark.is_superuser);
    }

    /// An identity of before comes back under a new epoch: nothing kept for it in between is taken for its own.
    fn identify_as_before(&mut self, before: &Principal, is_superuser: String) {
        if *before != self.principal {
            let principal = before.with_epoch_after(&self.principal);
            self.activity.set_user(&principal);
            self.principal = principal;
            self.settings.set_preset("is_superuser", is_superuser);
        }
    }

    /// Changes who the session is: SET ROLE, SET SESSION AUTHORIZATION. `local`: until the transaction ends.
    pub(crate) fn assume(&mut self, principal: Principal, rights: &Rights, local: bool) {
        if !local {
            self.identity_after = None;
        } else if self.identity_after.is_none() {
            self.identity_after = Some((self.principal.clone(), self.settings.get("is_superuser")));
        }
        self.activity.set_user(&principal);
        self.settings.set_preset("is_superuser", on_off(rights.is_superuser(principal.current_oid())));
        self.principal = principal;
    }

    /// A statement begins: its clock and its token.
    pub(crate) fn begin_statement(&mut self, text: &str) {
        self.statement_started_at = Utc::now();
        self.token = self.registration.handle.begin_statement();
        self.activity.begin(State::Active, text, self.transaction.started_at());
    }

    /// The message's statements are over.
    pub(crate) fn end_statement(&mut self) {
        self.registration.handle.end_statement();
        let state = match self.transaction.block() {
            Block::None | Block::Implicit => State::Idle,
            Block::Explicit => State::IdleInTransaction,
            Block::Failed => State::IdleInFailedTransaction,
        };
        self.activity.end(state);
    }

    /// The rights of now with the transaction's own changes.
    pub(crate) async fn rights(&self) -> Result<Arc<Rights>> {
        Ok(self.transaction.overlay_rights(self.server.security.rights().await?))
    }

    /// What a statement is bound with, over the transaction's snapshot and the rights of now.
    pub(crate) async fn request(&mut self, parameter_types: Vec<Option<PgType>>) -> Result<Request> {
        let (snapshot, definitions) = self.statement_snapshot().await?;
        // Rights first, then the definitions that they may speak of.
        let rights = self.rights().await?;
        let today = self.server.lake.snapshot().await?;
        if definitions.schema_version() == today.schema_version() {
            return Ok(self.request_over(snapshot, rights, parameter_types));
        }
        let snapshot = Arc::new(snapshot.with_redefined(definitions.redefined_by(&today)));
        Ok(self.request_over(snapshot, rights, parameter_types))
    }

    fn request_over(
        &self,
        snapshot: Arc<Snapshot>,
        rights: Arc<Rights>,
        parameter_types: Vec<Option<PgType>>,
    ) -> Request {
        let user = self.principal.current_user();
        let mut search_path: Vec<Identifier> =
            self.settings.search_path(user.as_str()).iter().map(|name| Identifier::exact(name)).collect();
        // A schema that the user may not use is passed over, as if it were not there.
        let viewer = rights.viewer(&self.principal, Arc::clone(&snapshot));
        search_path.retain(|name| {
            snapshot.schema_named(name).is_none_or(|schema| viewer.may_see_schema(schema.id.oid()))
        });
        // The session's temporary schema comes first, unless the path says where it comes.
        if let Some(temporary) = snapshot.temporary_schema() {
            match search_path.iter_mut().find(|name| name.as_str() == TEMPORARY_SCHEMA) {
                Some(place) => *place = temporary.name.clone(),
                None => search_path.insert(0, temporary.name.clone()),
            }
        }
        let bind = BindContext {
            current_user: user.clone(),
            current_user_oid: self.principal.current_oid(),
            session_user: self.principal.session_user().clone(),
            database: self.database.clone(),
            administrations: rights.administrations(&self.principal),
            search_path,
            time_zone: self.settings.get("TimeZone"),
            transaction_started_at: self.transaction.started_at(),
            // The first statement of a transaction begins with it.
            statement_started_at: self.statement_started_at.max(self.transaction.started_at()),
            settings: self.settings.all(),
            parameter_types,
            parameter_values: Vec::new(),
            backend_pid: self.registration.pid,
        };
        let reliance = Arc::clone(self.transaction.reliance());
        Request { snapshot, rights, principal: self.principal.clone(), bind: Arc::new(bind), reliance }
    }

    /// Refuses a writing statement in a read-only transaction.
    pub(crate) fn check_writable(&self, statement: &str) -> Result<()> {
        if self.settings.flag("transaction_read_only") {
            return Err(ServerError::new(
                Condition::ReadOnlySqlTransaction,
                format!("cannot execute {statement} in a read-only transaction"),
            ));
        }
        self.check_present(statement)
    }

    /// Sends a notice or warning, if the client wants to hear it.
    pub(crate) fn notice(&mut self, report: &Report) -> Result<()> {
        if self.settings.sends(report.level()) { self.outbox.put(&report.to_message()) } else { Ok(()) }
    }

    /// Changes the settings that the statement's functions have asked for. What was to be local to a transaction that is
    /// over is over too.
    fn apply_asked(&mut self) {
        for request in self.registration.handle.take_asked() {
            if (!request.local || self.transaction.is_block())
                && let Err(error) = self.settings.set(&request.name, &request.value, request.local)
            {
                tracing::warn!(name = request.name, %error, "a setting that a statement asked for is refused");
            }
        }
    }

    /// Tells the client of settings that changed.
    pub(crate) fn report_settings(&mut self) -> Result<()> {
        self.apply_asked();
        use pgwire::messages::{PgWireBackendMessage, startup::ParameterStatus};
        for (name, value) in self.settings.unreported() {
            if name == "application_name" {
                self.activity.set_application(&value);
            }
            self.outbox
                .put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.to_owned(), value)))?;
        }
        Ok(())
    }

    /// Begins the implicit transaction of a message, outside a block.
    pub(crate) fn start_implicit(&mut self) {
        if self.transaction.block() == Block::None {
            let mark = self.mark();
            self.transaction.start_implicit(|| mark);
            self.apply_transaction_defaults();
        }
    }

    /// A new transaction takes its characteristics from the `default_transaction_…` settings.
    fn apply_transaction_defaults(&mut self) {
        for (name, default) in [
            ("transaction_isolation", "default_transaction_isolation"),
            ("transaction_read_only", "default_transaction_read_only"),
        ] {
            let value = self.settings.get(default);
            if self.settings.get(name) != value
                && let Err(error) = self.settings.set(name, &value, true)
            {
                tracing::error!(name, %error, "a transaction's default cannot be set");
            }
        }
    }

    /// BEGIN. Whether there was a transaction block already.
    pub(crate) fn begin_transaction(&mut self) -> bool {
        self.start_implicit();
        let mark = self.mark();
        self.transaction.begin(|| mark)
    }

    /// COMMIT, or the end of an implicit transaction. A failed block is rolled back. Whether it was committed.
    ///
    /// Not cancellable: the commit itself runs in a task of its own and is waited for.
    pub(crate) async fn commit(&mut self) -> Result<bool> {
        if self.transaction.block() == Block::Failed {
            self.rollback();
            return Ok(false);
        }
        self.portals.clear();
        let author = self.principal.session_user().as_str().to_owned();
        let serializable = self.settings.get("transaction_isolation") == "serializable";
        let mut ended = self.transaction.take_for_commit(serializable);
        let begin = ended.begin.take();
        let temporary = ended.temporary.take();
        if !self.cursors.is_empty() {
            self.cursors.retain(|_, cursor| cursor.hold);
            for cursor in self.cursors.values_mut() {
                cursor.uncommitted = false;
            }
            self.list_cursors();
        }
        let wait_max = self.settings.duration("lock_timeout");
        let committed = dml::commit(&self.server, ended, author, wait_max).await;
        if let (Ok(()), Some(temporary)) = (&committed, temporary) {
            self.transaction.set_temporary(temporary);
        }
        if let (Err(_), Some(begin)) = (&committed, begin) {
            self.back_to(begin);
        }
        if let Some((before, is_superuser)) = self.identity_after.take() {
            self.identify_as_before(&before, is_superuser);
        }
        self.settings.end_transaction();
        committed.map(|()| true)
    }

    /// ROLLBACK.
    pub(crate) fn rollback(&mut self) {
        self.portals.clear();
        if !self.cursors.is_empty() {
            self.cursors.retain(|_, cursor| cursor.hold && !cursor.uncommitted);
            self.list_cursors();
        }
        if let Some(mark) = self.transaction.take_for_rollback() {
            self.back_to(mark);
        }
        self.settings.end_transaction();
    }

    /// ROLLBACK TO.
    pub(crate) fn rollback_to(&mut self, name: &Identifier) -> Result<()> {
        let mark = self.transaction.rollback_to(name)?;
        self.back_to(mark);
        Ok(())
    }

    /// A statement failed: an explicit block is failed, an implicit one is undone.
    pub(crate) fn statement_failed(&mut self) {
        self.registration.handle.take_asked();
        match self.transaction.block() {
            Block::Implicit => self.rollback(),
            Block::None | Block::Explicit | Block::Failed => self.transaction.fail(),
        }
    }

    /// The end of a message's implicit transaction: committed if it is one.
    pub(crate) async fn finish_implicit(&mut self) -> Result<()> {
        if self.transaction.block() == Block::Implicit {
            self.commit().await?;
        }
        Ok(())
    }

    /// Adds a prepared statement within the session's limit.
    pub(crate) fn add_prepared(&mut self, name: String, prepared: Prepared) -> Result<()> {
        let limit = self.server.config.limits.prepared_statements;
        if self.prepared.len() >= limit && !self.prepared.contains_key(&name) {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("a session can have at most {limit} prepared statements"),
            )
            .with_hint("Deallocate those that are no longer used."));
        }
        let others = self.prepared.iter().filter(|(other, _)| **other != name);
        let bytes = others.map(|(_, prepared)| prepared.text.len()).sum::<usize>() + prepared.text.len();
        if bytes > PREPARED_BYTES_MAX {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("the prepared statements of a session can have at most {PREPARED_BYTES_MAX} bytes"),
            )
            .with_hint("Deallocate those that are no longer used."));
        }
        self.prepared.insert(name, prepared);
        self.list_prepared();
        Ok(())
    }

    /// Refreshes what `pg_prepared_statements` shows.
    pub(crate) fn list_prepared(&self) {
        self.activity.list_prepared(&self.prepared);
    }

    /// Refreshes what `pg_cursors` shows.
    pub(crate) fn list_cursors(&self) {
        self.activity.list_cursors(&self.cursors);
    }

    /// Refuses one portal or cursor too many.
    pub(crate) fn check_portal_limit(&self, values: &[ScalarValue]) -> Result<()> {
        let bound = self.portals.values().map(|portal| portal.values.as_slice()).chain([values]);
        let bytes: usize = bound.flatten().map(ScalarValue::size).sum();
        if bytes > BOUND_BYTES_MAX {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("the portals of a session can hold values of at most {BOUND_BYTES_MAX} bytes"),
            ));
        }
        let limit = self.server.config.limits.portals;
        if self.portals.len() + self.cursors.len() >= limit {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("a session can have at most {limit} open cursors and portals"),
            ));
        }
        Ok(())
    }
}

fn on_off(value: bool) -> String {
    if value { "on" } else { "off" }.to_owned()
}

/// For tests and logs.
pub(crate) fn peer_name(peer: SocketAddr) -> String {
    peer.ip().to_string()
}

//! A session's loop: one message after the other, each to its protocol, and what is true for all of them: errors become
//! messages, a panic costs one statement, an error in the extended protocol skips to Sync, ReadyForQuery tells the true
//! transaction status, and an idle session notices timeouts and the end of the server.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use lis_security::AuditEvent;
use pgwire::messages::{
    PgWireBackendMessage as Message,
    response::ReadyForQuery,
    startup::{BackendKeyData, SecretKey},
};
use tokio::sync::mpsc;

use super::{Inbound, codec::Frontend, error::Report, extended, outbox::Outbox, simple, startup::Login};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    query::panic_message,
    server::Server,
    session::{Session, cancel::Registration, initial_settings, peer_name, transaction::Block},
};

/// A session from its first message to its last.
pub(crate) async fn run(
    server: Arc<Server>,
    registration: Registration,
    login: Login,
    mut inbox: mpsc::Receiver<Inbound>,
    mut outbox: Outbox,
) {
    let settings = match initial_settings(&server, &login).await {
        Ok(settings) => settings,
        Err(error) => {
            let sent = outbox.put(&Report::from(&error).as_fatal().to_message());
            if let (Ok(()), Err(error)) = (sent, outbox.flush().await) {
                tracing::debug!(%error, "the client is gone");
            }
            return;
        }
    };
    let backend_pid = registration.pid;
    let opened = AuditEvent::ConnectionOpened {
        backend_pid,
        user: login.principal.session_user().as_str().to_owned(),
        client: peer_name(login.peer),
        application: settings.get("application_name"),
    };
    let mut session = Session::new(Arc::clone(&server), registration, login, settings, outbox);
    let ended = async {
        server.security.audit().record(opened).await?;
        greet(&mut session).await?;
        serve(&mut session, &mut inbox).await
    };
    if let Err(error) = ended.await {
        let report = Report::from(&error).as_fatal();
        let told = session.outbox.put(&report.to_message());
        let last_word = Duration::from_secs(1);
        // A client that does not read must not keep a session that ends.
        let flushed = tokio::time::timeout(last_word, session.outbox.flush()).await;
        tracing::debug!(
            backend_pid,
            state = report.state.code(),
            told = told.is_ok(),
            flushed = flushed.is_ok(),
            "session ended"
        );
    }
    session.rollback();
    server.record_behind(AuditEvent::ConnectionClosed { backend_pid });
}

async fn greet(session: &mut Session) -> Result<()> {
    session.report_settings()?;
    let key = BackendKeyData::new(session.registration.pid, SecretKey::I32(session.registration.secret));
    session.outbox.put(&Message::BackendKeyData(key))?;
    ready(session).await
}

async fn ready(session: &mut Session) -> Result<()> {
    session.end_statement();
    let status = session.transaction.status();
    session.outbox.put(&Message::ReadyForQuery(ReadyForQuery::new(status)))?;
    session.outbox.flush().await?;
    session.outbox.shrink();
    Ok(())
}

/// What an idle session hears first.
enum Next {
    Message(Inbound),
    Closed,
}

async fn serve(session: &mut Session, inbox: &mut mpsc::Receiver<Inbound>) -> Result<()> {
    // Whether everything up to Sync is skipped.
    let mut skipping = false;
    // Whether messages of the extended protocol came since the last ReadyForQuery: then nobody is idle.
    let mut in_sequence = false;
    loop {
        let frame = match next(session, inbox, in_sequence).await? {
            Next::Closed => return Ok(()),
            Next::Message(Inbound::InvalidLength(length)) => {
                return Err(ServerError::new(
                    Condition::ProtocolViolation,
                    format!("invalid message length: {length}"),
                )
                .with_detail(format!(
                    "A message can have at most {} bytes.",
                    session.server.config.limits.message_bytes
                ))
                .fatal());
            }
            Next::Message(Inbound::Frame(frame)) => frame,
        };
        if skipping && Frontend::is_extended(frame.kind) {
            continue;
        }
        let extended = Frontend::is_extended(frame.kind);
        in_sequence |= extended;
        let encoding = session.settings.encoding();
        let handled = match Frontend::decode(&frame, encoding) {
            Ok(Frontend::Terminate) => return Ok(()),
            Ok(message) => guarded(session, inbox, message).await,
            Err(error) => Err(error),
        };
        drop(frame);
        match handled {
            Ok(done) => {
                if done {
                    skipping = false;
                    in_sequence = false;
                    ready(session).await?;
                }
            }
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                session.statement_failed();
                let report = Report::from(&error);
                session.outbox.put(&report.to_message())?;
                if extended {
                    // Told at once, as in PostgreSQL: Sync may be long in coming.
                    session.outbox.flush().await?;
                    skipping = true;
                } else {
                    in_sequence = false;
                    skipping = false;
                    ready(session).await?;
                }
            }
        }
    }
}

/// Waits for the next message, or for what ends an idle session.
async fn next(session: &Session, inbox: &mut mpsc::Receiver<Inbound>, in_sequence: bool) -> Result<Next> {
    let idle = match session.transaction.block() {
        Block::None => session.settings.duration("idle_session_timeout").map(|limit| {
            (limit, Condition::IdleSessionTimeout, "terminating connection due to idle-session timeout")
        }),
        Block::Implicit => None,
        Block::Explicit | Block::Failed => {
            session.settings.duration("idle_in_transaction_session_timeout").map(|limit| {
                (
                    limit,
                    Condition::IdleInTransactionSessionTimeout,
                    "terminating connection due to idle-in-transaction timeout",
                )
            })
        }
    }
    .filter(|_| !in_sequence);
    let timer = async {
        match idle {
            Some((limit, condition, message)) => {
                tokio::time::sleep(limit).await;
                ServerError::new(condition, message).fatal()
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        reason = session.registration.handle.ended() => Err(ServerError::Cancelled(reason)),
        () = session.server.tasks.draining() => Err(ServerError::Cancelled(CancelReason::Shutdown)),
        error = timer => Err(error),
        inbound = inbox.recv() => Ok(inbound.map_or(Next::Closed, Next::Message)),
    }
}

/// Handles a message; a panic in it becomes an error. Whether ReadyForQuery is due.
async fn guarded(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    message: Frontend,
) -> Result<bool> {
    let handled = AssertUnwindSafe(handle(session, inbox, message)).catch_unwind().await;
    handled.unwrap_or_else(|panic| Err(ServerError::Panicked(panic_message(panic.as_ref()))))
}

async fn handle(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    message: Frontend,
) -> Result<bool> {
    match message {
        Frontend::Query(text) => {
            simple::run(session, inbox, &text).await?;
            Ok(true)
        }
        Frontend::Sync => {
            session.finish_implicit().await?;
            Ok(true)
        }
        Frontend::Flush => {
            session.outbox.flush().await?;
            Ok(false)
        }
        Frontend::FunctionCall => {
            Err(ServerError::not_supported("the function call protocol is not supported"))
        }
        // After a COPY that failed its client may still be sending.
        Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => Ok(false),
        Frontend::Terminate => Ok(false),
        Frontend::Parse { .. }
        | Frontend::Bind { .. }
        | Frontend::Describe(..)
        | Frontend::Execute { .. }
        | Frontend::Close(..) => {
            extended::handle(session, inbox, message).await?;
            session.outbox.flush_if_full().await?;
            Ok(false)
        }
    }
}

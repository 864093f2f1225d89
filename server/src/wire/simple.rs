//! The simple protocol: one message, any number of statements, one transaction round them all unless they say otherwise.
//! The last statement's tag is sent only when the transaction that it ends is committed.

use std::sync::Arc;

use lis_sql::statement::{ParsedStatement, Statement, UtilityStatement};
use pgwire::messages::{
    PgWireBackendMessage,
    response::{CommandComplete, EmptyQueryResponse},
};
use tokio::sync::mpsc;

use super::{
    Inbound, copy,
    encode::OutputOptions,
    portal::{cursor_formats, send_fetch, send_rows},
    types::row_description,
};
use crate::{
    error::Result,
    query::{self, Outcome, RowsTag, utility::ends_failed_transaction},
    session::{Session, transaction::Block},
};

/// Runs a Query message up to, but without, its ReadyForQuery.
pub(crate) async fn run(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    text: &str,
) -> Result<()> {
    // An unnamed statement and portal do not survive a simple query.
    session.prepared.remove("");
    session.portals.remove("");
    session.begin_statement(text);
    let result = statements(session, inbox, text).await;
    if result.is_err() {
        session.statement_failed();
    }
    session.report_settings()?;
    result
}

async fn statements(session: &mut Session, inbox: &mut mpsc::Receiver<Inbound>, text: &str) -> Result<()> {
    let mut statements: Vec<Arc<ParsedStatement>> = lis_sql::parse(text)?.into_iter().map(Arc::new).collect();
    statements.retain(|parsed| !matches!(parsed.statement, Statement::Empty));
    let Some(last) = statements.len().checked_sub(1) else {
        return session.outbox.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
    };
    for (index, parsed) in statements.iter().enumerate() {
        session.start_implicit();
        if last > 0 {
            session.transaction.note_several();
        }
        if !ends_failed_transaction(&parsed.statement) {
            session.transaction.check_usable()?;
        }
        let tag = statement(session, inbox, parsed).await.map_err(|error| error.offset_by(parsed.offset))?;
        if index == last && session.transaction.block() == Block::Implicit {
            session.finish_implicit().await?;
        }
        session.outbox.put(&PgWireBackendMessage::CommandComplete(CommandComplete::new(tag)))?;
        session.report_settings()?;
        session.outbox.flush_if_full().await?;
    }
    Ok(())
}

/// Runs one statement and sends its rows. Its tag.
async fn statement(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    parsed: &Arc<ParsedStatement>,
) -> Result<String> {
    let ends = matches!(
        parsed.statement,
        Statement::Utility(UtilityStatement::Commit { .. } | UtilityStatement::Rollback { .. })
    );
    if ends {
        // A commit is never stopped half-way.
        return finish(session, inbox, parsed).await;
    }
    let token = session.token.clone();
    let timeout = session.settings.duration("statement_timeout");
    query::stoppable(token, timeout, finish(session, inbox, parsed)).await
}

async fn finish(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    parsed: &Arc<ParsedStatement>,
) -> Result<String> {
    match query::start(session, parsed, &[], Vec::new()).await? {
        Outcome::Empty => Ok(String::new()),
        Outcome::Complete(tag) => Ok(tag),
        Outcome::Rows(mut cursor, tag) => {
            let outputs = Arc::clone(cursor.outputs());
            session.outbox.put(&row_description(&outputs, &[]))?;
            let encoder = cursor.encoder(&[], OutputOptions::new(&session.settings));
            let (rows, _) = send_rows(&mut session.outbox, &mut cursor, &encoder, 0).await?;
            Ok(tag.complete(rows))
        }
        Outcome::Fetch(name, direction) => {
            let formats = match session.cursors.get(&name) {
                Some(named) => {
                    let formats = cursor_formats(named);
                    let description = row_description(named.cursor.outputs(), &formats);
                    session.outbox.put(&description)?;
                    formats
                }
                None => Vec::new(),
            };
            let (rows, _) = send_fetch(session, &name, direction, &formats, 0).await?;
            Ok(RowsTag::Fetch.complete(rows))
        }
        Outcome::CopyTo(cursor, options) => copy::send(session, *cursor, &options).await,
        Outcome::CopyFrom(target) => copy::receive(session, inbox, *target).await,
    }
}

//! The extended protocol: Parse, Bind, Describe, Execute, Close, strictly in order. After an error everything up to Sync
//! is skipped; Sync ends the implicit transaction.

use std::sync::Arc;

use lis_lake::{names::Identifier, types::PgType};
use lis_sql::statement::{FetchDirection, Statement, UtilityStatement};
use pgwire::messages::{
    PgWireBackendMessage as Message,
    data::{NoData, ParameterDescription},
    extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended},
    response::{CommandComplete, EmptyQueryResponse},
};
use tokio::sync::mpsc;

use super::{
    Inbound,
    codec::{Frontend, Target},
    copy,
    encode::OutputOptions,
    params,
    portal::{Portal, PortalState, cursor_formats, send_fetch, send_rows},
    types::{Format, client_type, row_description},
};
use crate::{
    error::{Condition, Result, ServerError},
    query::{
        self, Outcome, RowsTag,
        utility::{ends_failed_transaction, no_prepared, prepare},
    },
    session::{Session, transaction::Block},
};

/// Handles one message of the extended protocol other than Sync and Flush.
pub(crate) async fn handle(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    message: Frontend,
) -> Result<()> {
    session.start_implicit();
    match message {
        Frontend::Parse { name, query, parameter_types } => {
            parse(session, name, &query, &parameter_types).await
        }
        Frontend::Bind { portal, statement, parameter_formats, parameters, result_formats } => {
            let bind = BindMessage { portal, statement, parameter_formats, parameters, result_formats };
            self::bind(session, bind).await
        }
        Frontend::Describe(Target::Statement, name) => describe_statement(session, &name),
        Frontend::Describe(Target::Portal, name) => describe_portal(session, &name),
        Frontend::Execute { portal, rows_max } => execute(session, inbox, &portal, rows_max).await,
        Frontend::Close(target, name) => close(session, target, &name),
        Frontend::Query(_)
        | Frontend::Flush
        | Frontend::Sync
        | Frontend::Terminate
        | Frontend::CopyData(_)
        | Frontend::CopyDone
        | Frontend::CopyFail(_)
        | Frontend::FunctionCall => Ok(()),
    }
}

async fn parse(session: &mut Session, name: String, text: &str, oids: &[u32]) -> Result<()> {
    session.begin_statement(text);
    if !name.is_empty() && session.prepared.contains_key(&name) {
        return Err(ServerError::new(
            Condition::DuplicatePreparedStatement,
            format!("prepared statement \"{name}\" already exists"),
        ));
    }
    let declared = oids
        .iter()
        .map(|oid| match *oid {
            0 => Ok(None),
            oid => PgType::from_oid(lis_lake::ids::Oid::new(oid)).map(Some).ok_or_else(|| {
                ServerError::new(Condition::UndefinedObject, format!("type with OID {oid} does not exist"))
            }),
        })
        .collect::<Result<Vec<_>>>()?;
    session.prepared.remove(&name);
    let token = session.token.clone();
    let timeout = session.settings.duration("statement_timeout");
    let prepared = query::stoppable(token, timeout, prepare(session, text, declared, false)).await?;
    session.add_prepared(name, prepared)?;
    session.outbox.put(&Message::ParseComplete(ParseComplete::new()))
}

struct BindMessage {
    portal: String,
    statement: String,
    parameter_formats: Vec<i16>,
    parameters: Vec<Option<bytes::Bytes>>,
    result_formats: Vec<i16>,
}

async fn bind(session: &mut Session, message: BindMessage) -> Result<()> {
    let prepared =
        session.prepared.get(&message.statement).ok_or_else(|| no_prepared(&message.statement))?.clone();
    if !message.portal.is_empty() && session.portals.contains_key(&message.portal) {
        return Err(ServerError::new(
            Condition::DuplicateCursor,
            format!("cursor \"{}\" already exists", message.portal),
        ));
    }
    let wanted = prepared.parameters.len();
    if message.parameters.len() != wanted {
        return Err(ServerError::new(
            Condition::ProtocolViolation,
            format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {wanted}",
                message.parameters.len(),
                message.statement
            ),
        ));
    }
    let ends = prepared.statement.as_ref().is_none_or(|parsed| ends_failed_transaction(&parsed.statement));
    if !ends {
        session.transaction.check_usable()?;
    }
    let parameter_formats = Format::for_each(&message.parameter_formats, wanted, "parameter")?;
    let columns = prepared.outputs.as_ref().map_or(0, |outputs| outputs.len());
    let formats = if columns == 0 {
        Vec::new()
    } else {
        Format::for_each(&message.result_formats, columns, "result column")?
    };
    let mut values = Vec::with_capacity(wanted);
    if wanted > 0 {
        let request = session.request(Vec::new()).await?;
        let encoding = session.settings.encoding();
        let server = Arc::clone(&session.server);
        let parse = |text: &str, pg_type: PgType| request.parse_value(&server, text, pg_type);
        for (index, (value, format)) in message.parameters.iter().zip(parameter_formats).enumerate() {
            let pg_type = prepared.parameters[index];
            values.push(params::decode(value.as_ref(), format, pg_type, index + 1, encoding, &parse)?);
        }
    }
    session.portals.remove(&message.portal);
    session.check_portal_limit(&values)?;
    let portal = Portal {
        statement: prepared.statement,
        types: prepared.parameters,
        values,
        outputs: prepared.outputs,
        formats,
        state: PortalState::Ready,
    };
    session.portals.insert(message.portal, portal);
    session.outbox.put(&Message::BindComplete(BindComplete::new()))
}

fn describe_statement(session: &mut Session, name: &str) -> Result<()> {
    let prepared = session.prepared.get(name).ok_or_else(|| no_prepared(name))?;
    if prepared.outputs.is_some() {
        session.transaction.check_usable()?;
    }
    let types = prepared.parameters.iter().map(|pg_type| client_type(*pg_type).oid().get()).collect();
    let rows = match &prepared.outputs {
        Some(outputs) => row_description(outputs, &[]),
        None => Message::NoData(NoData::new()),
    };
    session.outbox.put(&Message::ParameterDescription(ParameterDescription::new(types)))?;
    session.outbox.put(&rows)
}

fn describe_portal(session: &mut Session, name: &str) -> Result<()> {
    let rows = match session.portals.get(name) {
        Some(Portal { outputs: Some(outputs), formats, .. }) => row_description(outputs, formats),
        Some(Portal { outputs: None, .. }) => Message::NoData(NoData::new()),
        // A cursor is a portal of its name.
        None => {
            let cursor = session.cursors.get(&Identifier::exact(name)).ok_or_else(|| no_portal(name))?;
            row_description(cursor.cursor.outputs(), &cursor_formats(cursor))
        }
    };
    session.outbox.put(&rows)
}

fn no_portal(name: &str) -> ServerError {
    ServerError::new(Condition::InvalidCursorName, format!("portal \"{name}\" does not exist"))
}

fn close(session: &mut Session, target: Target, name: &str) -> Result<()> {
    match target {
        Target::Statement => {
            session.prepared.remove(name);
            session.list_prepared();
        }
        Target::Portal => {
            if session.portals.remove(name).is_none()
                && session.cursors.remove(&Identifier::exact(name)).is_some()
            {
                session.list_cursors();
            }
        }
    }
    session.outbox.put(&Message::CloseComplete(CloseComplete::new()))
}

async fn execute(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    name: &str,
    rows_max: i32,
) -> Result<()> {
    // A negative limit is none, as in PostgreSQL.
    let limit = u64::try_from(rows_max).unwrap_or(0);
    let Some(portal) = session.portals.remove(name) else {
        return execute_cursor(session, name, limit).await;
    };
    let Some(parsed) = portal.statement.clone() else {
        session.portals.insert(name.to_owned(), portal);
        return session.outbox.put(&Message::EmptyQueryResponse(EmptyQueryResponse::new()));
    };
    session.begin_statement(&parsed.text);
    let ends = ends_failed_transaction(&parsed.statement);
    if !ends {
        session.transaction.check_usable()?;
    }
    let uninterrupted = matches!(
        parsed.statement,
        Statement::Utility(UtilityStatement::Commit { .. } | UtilityStatement::Rollback { .. })
    );
    let token = session.token.clone();
    let timeout = session.settings.duration("statement_timeout");
    let work = run_portal(session, inbox, portal, limit);
    let executed = if uninterrupted { work.await } else { query::stoppable(token, timeout, work).await };
    let (portal, tag) = executed.map_err(|error| error.offset_by(parsed.offset))?;
    // The end of a transaction took every portal with it, this one too.
    if session.transaction.block() != Block::None {
        session.portals.insert(name.to_owned(), portal);
    }
    session.report_settings()?;
    session.outbox.put(&match tag {
        Some(tag) => Message::CommandComplete(CommandComplete::new(tag)),
        None => Message::PortalSuspended(PortalSuspended::new()),
    })?;
    session.outbox.flush_if_full().await
}

/// Execute of a cursor's name: the next rows, as FETCH gives them.
async fn execute_cursor(session: &mut Session, name: &str, limit: u64) -> Result<()> {
    let name = Identifier::exact(name);
    let cursor = session.cursors.get(&name).ok_or_else(|| no_portal(name.as_str()))?;
    session.transaction.check_usable()?;
    let (formats, text) = (cursor_formats(cursor), cursor.text.clone());
    session.begin_statement(&text);
    let (token, timeout) = (session.token.clone(), session.settings.duration("statement_timeout"));
    let direction = if limit == 0 { FetchDirection::ForwardAll } else { FetchDirection::Forward(limit) };
    let work = send_fetch(session, &name, direction, &formats, 0);
    let (sent, _) = query::stoppable(token, timeout, work).await?;
    session.outbox.put(&if limit > 0 && sent == limit {
        Message::PortalSuspended(PortalSuspended::new())
    } else {
        Message::CommandComplete(CommandComplete::new(RowsTag::Select.complete(sent)))
    })
}

/// Runs a portal for up to `limit` rows (0 is all). The portal as it is afterwards, and the tag if it is finished.
async fn run_portal(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    mut portal: Portal,
    limit: u64,
) -> Result<(Portal, Option<String>)> {
    if let (PortalState::Ready, Some(parsed)) = (&portal.state, &portal.statement) {
        let parsed = Arc::clone(parsed);
        let values = std::mem::take(&mut portal.values);
        match query::start(session, &parsed, &portal.types, values).await? {
            Outcome::Empty => return Ok((completed(portal), Some(String::new()))),
            Outcome::Complete(tag) => return Ok((completed(portal), Some(tag))),
            Outcome::Rows(cursor, tag) => portal.state = PortalState::Rows(cursor, tag),
            Outcome::CopyTo(cursor, options) => {
                let tag = copy::send(session, *cursor, &options).await?;
                return Ok((completed(portal), Some(tag)));
            }
            Outcome::CopyFrom(target) => {
                let tag = copy::receive(session, inbox, *target).await?;
                return Ok((completed(portal), Some(tag)));
            }
            Outcome::Fetch(name, direction) => {
                let formats = portal.formats.clone();
                let (sent, left) = send_fetch(session, &name, direction, &formats, limit).await?;
                return Ok(match left {
                    Some(left) => {
                        portal.state = PortalState::Fetching(name, left);
                        (portal, None)
                    }
                    None => {
                        portal.state = PortalState::Done(RowsTag::Fetch);
                        (portal, Some(RowsTag::Fetch.complete(sent)))
                    }
                });
            }
        }
    }
    match std::mem::replace(&mut portal.state, PortalState::Completed) {
        PortalState::Rows(mut cursor, tag) => {
            let encoder = cursor.encoder(&portal.formats, OutputOptions::new(&session.settings));
            let (sent, stopped) = send_rows(&mut session.outbox, &mut cursor, &encoder, limit).await?;
            if stopped {
                portal.state = PortalState::Rows(cursor, tag);
                return Ok((portal, None));
            }
            portal.state = PortalState::Done(tag);
            Ok((portal, Some(tag.complete(sent))))
        }
        PortalState::Fetching(name, left) => {
            let formats = portal.formats.clone();
            let direction = FetchDirection::Forward(left);
            let (sent, left) = send_fetch(session, &name, direction, &formats, limit).await?;
            Ok(match left {
                Some(left) => {
                    portal.state = PortalState::Fetching(name, left);
                    (portal, None)
                }
                None => {
                    portal.state = PortalState::Done(RowsTag::Fetch);
                    (portal, Some(RowsTag::Fetch.complete(sent)))
                }
            })
        }
        PortalState::Done(tag) => {
            portal.state = PortalState::Done(tag);
            Ok((portal, Some(tag.complete(0))))
        }
        PortalState::Ready | PortalState::Completed => {
            Err(ServerError::new(Condition::ObjectNotInPrerequisiteState, "portal cannot be run again"))
        }
    }
}

fn completed(mut portal: Portal) -> Portal {
    portal.state = PortalState::Completed;
    portal
}

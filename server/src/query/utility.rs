//! Statements that are not queries. Each arm decides; a new statement stops the build here. Statements about rights are
//! judged by security, statements about objects by `ddl.rs`, statements about the session here.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use lis_lake::{names::Identifier, types::PgType};
use lis_security::Access;
use lis_sql::statement::{
    CopyRows, Explained, FetchDirection, ParsedStatement, RelationKind, Statement, UtilityStatement, Written,
};

use super::{
    Outcome, RowsTag, call, copy, cursor::Seek, ddl, explain, maintain, open, record::StatementRecord,
    settings, truncate,
};
use crate::{
    error::{Condition, Result, ServerError},
    session::{NamedCursor, Prepared, Session},
    wire::error::Report,
};

/// Runs a utility statement.
pub(crate) async fn run(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    utility: &UtilityStatement,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<Outcome> {
    use UtilityStatement as U;
    let tag = match utility {
        U::Begin { read_only, isolation } => begin(session, parsed, *read_only, isolation.as_deref())?,
        U::Commit { chain } => return commit(session, *chain).await.map(Outcome::Complete),
        U::Rollback { chain } => rollback(session, *chain)?,
        U::Savepoint(name) => {
            let mark = session.mark();
            session.transaction.savepoint(name.clone(), mark)?;
            "SAVEPOINT"
        }
        U::Release(name) => {
            session.transaction.release(name)?;
            "RELEASE"
        }
        U::RollbackTo(name) => {
            session.rollback_to(name)?;
            "ROLLBACK"
        }
        U::Set { name, value, local } => {
            settings::set(session, name, value.as_deref(), *local).await?;
            "SET"
        }
        U::SetTransaction { session: characteristics, isolation, read_only } => {
            settings::set_transaction(session, *characteristics, isolation.as_deref(), *read_only)?;
            "SET"
        }
        U::Show(name) => {
            let cursor = settings::show(session, name)?;
            return Ok(Outcome::Rows(Box::new(cursor), RowsTag::Fixed("SHOW")));
        }
        U::Reset(name) => {
            settings::reset(session, name.as_deref()).await?;
            "RESET"
        }
        U::Discard(what) => discard(session, what).await?,
        U::Prepare { name, types, statement } => {
            let types = types.iter().map(|it| Some(it.pg_type)).collect();
            prepare_named(session, name, types, statement, &parsed.text).await?;
            "PREPARE"
        }
        U::Execute { name, arguments } => return execute(session, name, arguments).await,
        U::Deallocate(Some(name)) => {
            if session.prepared.remove(name.as_str()).is_none() {
                return Err(no_prepared(name.as_str()));
            }
            session.list_prepared();
            "DEALLOCATE"
        }
        U::Deallocate(None) => {
            session.prepared.clear();
            session.list_prepared();
            "DEALLOCATE ALL"
        }
        U::Declare { name, scroll, hold, binary, .. } => {
            declare(session, parsed, name, *scroll, *hold, *binary, types, values).await?;
            "DECLARE CURSOR"
        }
        U::Fetch { name, direction } => {
            if !session.cursors.contains_key(name) {
                return Err(no_cursor(name));
            }
            return Ok(Outcome::Fetch(name.clone(), *direction));
        }
        U::Move { name, direction } => {
            let moved = move_cursor(session, name, *direction).await?;
            return Ok(Outcome::Complete(format!("MOVE {moved}")));
        }
        U::Close(Some(name)) => {
            if session.cursors.remove(name).is_none() {
                return Err(no_cursor(name));
            }
            session.list_cursors();
            "CLOSE CURSOR"
        }
        U::Close(None) => {
            session.cursors.clear();
            session.list_cursors();
            "CLOSE CURSOR ALL"
        }
        U::UnlistenAll => "UNLISTEN",
        U::CopyTo { rows: CopyRows::Modification(modification), options } => {
            session.check_writable("COPY")?;
            let request = super::request_with(session, types, values).await?;
            if !modification.returns_rows() {
                return Err(ServerError::not_supported("COPY query must have a RETURNING clause"));
            }
            return match super::modify::run(session, &request, modification, parsed).await? {
                Outcome::Rows(cursor, _) => Ok(Outcome::CopyTo(cursor, options.clone())),
                other => Ok(other),
            };
        }
        U::CopyTo { rows, options } => {
            let request = super::request_with(session, types, values).await?;
            if let CopyRows::Table(name, _) = rows {
                copy::check_source(&request, name)?;
            }
            let cursor = open(&session.server, &request, parsed).await?;
            return Ok(Outcome::CopyTo(Box::new(cursor), options.clone()));
        }
        U::CopyFrom(from) => {
            session.check_writable("COPY FROM")?;
            let target = copy::target(session, parsed, from).await?;
            return Ok(Outcome::CopyFrom(Box::new(target)));
        }
        U::Truncate { tables, cascade } => {
            truncate::truncate(session, parsed, tables, *cascade).await?;
            "TRUNCATE TABLE"
        }
        U::Lock { relations, mode } => {
            truncate::lock(session, relations, mode).await?;
            "LOCK TABLE"
        }
        U::Maintain { work, tables } => maintain::maintain(session, parsed, *work, tables).await?,
        U::DropIndex { names, if_exists } => {
            maintain::drop_indexes(session, names, *if_exists).await?;
            "DROP INDEX"
        }
        U::Call { name, arguments } => {
            if call::is_known(name) {
                call::run(session, parsed, name, arguments).await?;
            } else if !rights(session, parsed, utility, "CALL").await? {
                return Err(call::unknown(name, arguments));
            }
            "CALL"
        }
        U::CreateSchema { .. }
        | U::DropSchema { .. }
        | U::AlterSchema { .. }
        | U::CreateTable { .. }
        | U::CreateTableAs { .. }
        | U::RefreshMaterializedView { .. }
        | U::AlterRelation { .. }
        | U::CreateView { .. }
        | U::DropRelation { .. }
        | U::Comment { .. } => {
            let tag = ddl_tag(utility);
            session.check_writable(tag)?;
            let request = session.request(Vec::new()).await?;
            let record =
                StatementRecord::begin(&session.server, &request, &parsed.text, &Access::default()).await?;
            match ddl::run(session, &request, utility, parsed).await {
                Ok(Some(tag)) => return Ok(Outcome::Complete(tag)),
                Ok(None) => {}
                Err(error) => {
                    record.fail(&error);
                    return Err(error);
                }
            }
            tag
        }
        U::CreateRole { .. } => rights_only(session, parsed, utility, "CREATE ROLE").await?,
        U::AlterRole { .. } | U::AlterRoleSet { .. } => {
            if let U::AlterRoleSet { setting: Some(name), value: Some(value), .. } = utility {
                settings::check_default(session, &name.to_lowercase(), value).await?;
            }
            rights_only(session, parsed, utility, "ALTER ROLE").await?
        }
        U::DropRole { .. } => rights_only(session, parsed, utility, "DROP ROLE").await?,
        U::GrantRole { .. } => rights_only(session, parsed, utility, "GRANT ROLE").await?,
        U::RevokeRole { .. } => rights_only(session, parsed, utility, "REVOKE ROLE").await?,
        U::GrantPrivileges { .. } => rights_only(session, parsed, utility, "GRANT").await?,
        U::RevokePrivileges { .. } => rights_only(session, parsed, utility, "REVOKE").await?,
        U::CreatePolicy { .. } => rights_only(session, parsed, utility, "CREATE POLICY").await?,
        U::DropPolicy { .. } => rights_only(session, parsed, utility, "DROP POLICY").await?,
        U::AlterRowSecurity { .. } => rights_only(session, parsed, utility, "ALTER TABLE").await?,
    };
    Ok(Outcome::Complete(tag.to_owned()))
}

fn ddl_tag(utility: &UtilityStatement) -> &'static str {
    match utility {
        UtilityStatement::CreateSchema { .. } => "CREATE SCHEMA",
        UtilityStatement::DropSchema { .. } => "DROP SCHEMA",
        UtilityStatement::AlterSchema { .. } => "ALTER SCHEMA",
        UtilityStatement::CreateTable { .. } => "CREATE TABLE",
        UtilityStatement::CreateTableAs { kind: RelationKind::MaterializedView, .. } => {
            "CREATE MATERIALIZED VIEW"
        }
        UtilityStatement::CreateTableAs { .. } => "CREATE TABLE AS",
        UtilityStatement::RefreshMaterializedView { .. } => "REFRESH MATERIALIZED VIEW",
        UtilityStatement::AlterRelation { kind, .. } => match kind {
            RelationKind::Table => "ALTER TABLE",
            RelationKind::View => "ALTER VIEW",
            RelationKind::MaterializedView => "ALTER MATERIALIZED VIEW",
        },
        UtilityStatement::CreateView { .. } => "CREATE VIEW",
        UtilityStatement::DropRelation { kind, .. } => match kind {
            RelationKind::Table => "DROP TABLE",
            RelationKind::View => "DROP VIEW",
            RelationKind::MaterializedView => "DROP MATERIALIZED VIEW",
        },
        _ => "COMMENT",
    }
}

/// Has security judge a statement. Whether it was one of security's.
async fn rights(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    utility: &UtilityStatement,
    tag: &str,
) -> Result<bool> {
    session.check_writable(tag)?;
    let request = session.request(Vec::new()).await?;
    let record = StatementRecord::begin(&session.server, &request, &parsed.text, &Access::default()).await?;
    match request.judge(&session.server, |context| lis_security::plan_utility(utility, context)) {
        Ok(Some(changes)) => {
            for notice in &changes.notices {
                session.notice(&Report::notice(notice.clone()))?;
            }
            for warning in &changes.warnings {
                session.notice(&Report::warning(Condition::Warning, warning.clone()))?;
            }
            let server = Arc::clone(&session.server);
            session.transaction.sort_secured(&server.lake, &changes, tag).await?;
            session.transaction.add_security(changes, tag);
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

async fn rights_only(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    utility: &UtilityStatement,
    tag: &'static str,
) -> Result<&'static str> {
    if rights(session, parsed, utility, tag).await? {
        Ok(tag)
    } else {
        Err(ServerError::not_supported(format!("{tag} is not supported")))
    }
}

fn begin(
    session: &mut Session,
    parsed: &ParsedStatement,
    read_only: Option<bool>,
    isolation: Option<&str>,
) -> Result<&'static str> {
    if session.begin_transaction() {
        session.notice(&Report::warning(
            Condition::ActiveSqlTransaction,
            "there is already a transaction in progress",
        ))?;
    }
    settings::set_transaction(session, false, isolation, read_only)?;
    let starts = parsed.text.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("start"));
    Ok(if starts { "START TRANSACTION" } else { "BEGIN" })
}

fn no_transaction(session: &mut Session) -> Result<()> {
    session.notice(&Report::warning(Condition::NoActiveSqlTransaction, "there is no transaction in progress"))
}

async fn commit(session: &mut Session, chain: bool) -> Result<String> {
    use crate::session::transaction::Block;
    let explicit = matches!(session.transaction.block(), Block::Explicit | Block::Failed);
    if !explicit {
        if chain {
            return Err(chain_outside("COMMIT"));
        }
        no_transaction(session)?;
    }
    let committed = session.commit().await?;
    if chain {
        session.begin_transaction();
    }
    Ok(if committed { "COMMIT" } else { "ROLLBACK" }.to_owned())
}

fn rollback(session: &mut Session, chain: bool) -> Result<&'static str> {
    use crate::session::transaction::Block;
    if !matches!(session.transaction.block(), Block::Explicit | Block::Failed) {
        if chain {
            return Err(chain_outside("ROLLBACK"));
        }
        no_transaction(session)?;
    }
    session.rollback();
    if chain {
        session.begin_transaction();
    }
    Ok("ROLLBACK")
}

fn chain_outside(statement: &str) -> ServerError {
    ServerError::new(
        Condition::NoActiveSqlTransaction,
        format!("{statement} AND CHAIN can only be used in transaction blocks"),
    )
}

async fn discard(session: &mut Session, what: &str) -> Result<&'static str> {
    match what {
        "all" => {
            if session.transaction.is_block() {
                return Err(ServerError::new(
                    Condition::ActiveSqlTransaction,
                    "DISCARD ALL cannot run inside a transaction block",
                ));
            }
            session.portals.clear();
            session.cursors.clear();
            session.prepared.clear();
            ddl::discard_temporary(session, "DISCARD ALL").await?;
            settings::set(session, "session_authorization", None, false).await?;
            session.settings.reset_all();
            session.list_prepared();
            session.list_cursors();
            Ok("DISCARD ALL")
        }
        "plans" => Ok("DISCARD PLANS"),
        "sequences" => Ok("DISCARD SEQUENCES"),
        "temp" | "temporary" => {
            ddl::discard_temporary(session, "DISCARD TEMP").await?;
            Ok("DISCARD TEMP")
        }
        other => {
            Err(ServerError::not_supported(format!("DISCARD {} is not supported", other.to_uppercase())))
        }
    }
}

/// Parses and describes a statement for PREPARE and Parse. Rights are checked now, since Describe shows names, and again
/// at every execution.
pub(crate) async fn prepare(
    session: &mut Session,
    text: &str,
    declared: Vec<Option<PgType>>,
    from_sql: bool,
) -> Result<Prepared> {
    let mut statements = lis_sql::parse(text)?;
    statements.retain(|parsed| !matches!(parsed.statement, Statement::Empty));
    if statements.len() > 1 {
        return Err(ServerError::new(
            Condition::SyntaxError,
            "cannot insert multiple commands into a prepared statement",
        ));
    }
    let mut prepared = Prepared {
        statement: None,
        parameters: declared.iter().map(|it| it.unwrap_or(PgType::Text)).collect(),
        outputs: None,
        text: text.into(),
        from_sql,
        prepared_at: chrono::Utc::now(),
    };
    let Some(parsed) = statements.pop() else { return Ok(prepared) };
    let ends_transaction = ends_failed_transaction(&parsed.statement);
    if !ends_transaction {
        session.transaction.check_usable()?;
    }
    let parsed = Arc::new(parsed);
    let described =
        describe(session, &parsed, declared).await.map_err(|error| error.offset_by(parsed.offset))?;
    if let Some(parameters) = described.parameters {
        prepared.parameters = parameters;
    }
    prepared.outputs = described.outputs;
    prepared.statement = Some(parsed);
    Ok(prepared)
}

/// Whether a statement is one that a failed transaction still takes.
pub(crate) fn ends_failed_transaction(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Utility(
            UtilityStatement::Commit { .. }
                | UtilityStatement::Rollback { .. }
                | UtilityStatement::RollbackTo(_)
        )
    )
}

struct Described {
    parameters: Option<Vec<PgType>>,
    outputs: Option<Arc<[lis_sql::output::OutputColumn]>>,
}

async fn describe(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    declared: Vec<Option<PgType>>,
) -> Result<Described> {
    let text = |names: &[&str]| Some(names.iter().map(|name| super::cursor::text_column(name)).collect());
    let outputs = match &parsed.statement {
        Statement::Utility(UtilityStatement::CopyTo {
            rows: CopyRows::Modification(modification), ..
        }) => {
            let request = session.request(declared).await?;
            let (_, parameters) =
                super::modify::authorise(&session.server, &request, modification, &parsed.text).await?;
            return Ok(Described { parameters: Some(parameters), outputs: None });
        }
        Statement::Query(_)
        | Statement::Utility(UtilityStatement::Declare { .. } | UtilityStatement::CopyTo { .. }) => {
            let request = session.request(declared).await?;
            let (query, parameters) = super::authorise(&session.server, &request, parsed).await?;
            let rows = matches!(parsed.statement, Statement::Query(_));
            let outputs = rows.then(|| query.outputs.into());
            return Ok(Described { parameters: Some(parameters), outputs });
        }
        Statement::Modify(modification) => {
            let request = session.request(declared).await?;
            let (authorised, parameters) =
                super::modify::authorise(&session.server, &request, modification, &parsed.text).await?;
            let outputs = authorised.outputs().map(Into::into);
            return Ok(Described { parameters: Some(parameters), outputs });
        }
        Statement::Explain { explained: Explained::Modification(modification), format, .. } => {
            let request = session.request(declared).await?;
            let (_, parameters) =
                super::modify::authorise(&session.server, &request, modification, &parsed.text).await?;
            let outputs = Some(vec![explain::output(*format)].into());
            return Ok(Described { parameters: Some(parameters), outputs });
        }
        Statement::Explain { explained: Explained::Query(_), format, .. } => {
            let request = session.request(declared).await?;
            let (_, parameters) = super::authorise(&session.server, &request, parsed).await?;
            let outputs = Some(vec![explain::output(*format)].into());
            return Ok(Described { parameters: Some(parameters), outputs });
        }
        Statement::Explain { format, .. } => Some(vec![explain::output(*format)].into()),
        Statement::Utility(UtilityStatement::Show(name)) if name == "all" => {
            text(&["name", "setting", "description"])
        }
        Statement::Utility(UtilityStatement::Show(name)) => {
            let (shown, _) = settings::value(session, name)?;
            text(&[&shown])
        }
        Statement::Utility(UtilityStatement::Fetch { name, .. }) => {
            Some(Arc::clone(session.cursors.get(name).ok_or_else(|| no_cursor(name))?.cursor.outputs()))
        }
        Statement::Utility(UtilityStatement::Execute { name, .. }) => {
            session.prepared.get(name.as_str()).ok_or_else(|| no_prepared(name.as_str()))?.outputs.clone()
        }
        Statement::Utility(_) | Statement::Empty => None,
    };
    Ok(Described { parameters: None, outputs })
}

async fn prepare_named(
    session: &mut Session,
    name: &Identifier,
    types: Vec<Option<PgType>>,
    statement: &str,
    text: &str,
) -> Result<()> {
    if session.prepared.contains_key(name.as_str()) {
        return Err(ServerError::new(
            Condition::DuplicatePreparedStatement,
            format!("prepared statement \"{}\" already exists", name.as_str()),
        ));
    }
    let mut prepared = prepare(session, statement, types, true).await?;
    prepared.text = text.into();
    session.add_prepared(name.as_str().to_owned(), prepared)
}

/// EXECUTE: the arguments are expressions; they are computed by a query of their own.
async fn execute(session: &mut Session, name: &Identifier, arguments: &[Written]) -> Result<Outcome> {
    let (statement, types, values) = prepared_call(session, name, arguments).await?;
    match statement {
        Some(parsed) => Box::pin(super::start(session, &parsed, &types, values)).await,
        None => Ok(Outcome::Empty),
    }
}

/// What EXECUTE runs: the statement, and the types and values of its parameters.
pub(super) async fn prepared_call(
    session: &mut Session,
    name: &Identifier,
    arguments: &[Written],
) -> Result<(Option<Arc<ParsedStatement>>, Vec<PgType>, Vec<ScalarValue>)> {
    let prepared = session.prepared.get(name.as_str()).ok_or_else(|| no_prepared(name.as_str()))?.clone();
    if arguments.len() != prepared.parameters.len() {
        return Err(ServerError::new(
            Condition::SyntaxError,
            format!("wrong number of parameters for prepared statement \"{}\"", name.as_str()),
        )
        .with_detail(format!(
            "Expected {} parameters but got {}.",
            prepared.parameters.len(),
            arguments.len()
        )));
    }
    let mut values = Vec::with_capacity(arguments.len());
    if !arguments.is_empty() {
        let mut text = "SELECT ".to_owned();
        // Where each argument begins here, and where in the statement.
        let mut places = Vec::with_capacity(arguments.len());
        for (index, (argument, pg_type)) in arguments.iter().zip(&prepared.parameters).enumerate() {
            text.push_str(if index > 0 { ", CAST((" } else { "CAST((" });
            places.push((text.chars().count() + 1, argument.position));
            text.push_str(&format!("{}) AS {})", argument.text, sql_name(*pg_type)));
        }
        let within = |error| {
            ddl::moved(error, |found| {
                let (start, position) = places.iter().rev().find(|(start, _)| *start <= found)?;
                position.map(|position| position + found - start)
            })
        };
        let parsed = lis_sql::parse(&text)?.pop().ok_or_else(|| no_prepared(name.as_str()))?;
        let request = session.request(Vec::new()).await?;
        let mut cursor = open(&session.server, &request, &Arc::new(parsed)).await.map_err(within)?;
        if let Some(row) = cursor.next(1).await? {
            for column in row.columns() {
                values.push(ScalarValue::try_from_array(column, 0)?);
            }
        }
    }
    Ok((prepared.statement, prepared.parameters, values))
}

/// A type's name in a CAST.
pub(crate) fn sql_name(pg_type: PgType) -> String {
    // `character` by itself would be `character(1)`.
    let name = match pg_type {
        PgType::Bpchar | PgType::Array(PgType::Bpchar) => "bpchar",
        _ => pg_type.facts().sql_name,
    };
    if matches!(pg_type, PgType::Array(_)) { format!("{name}[]") } else { name.to_owned() }
}

/// `26000`
pub(crate) fn no_prepared(name: &str) -> ServerError {
    ServerError::new(
        Condition::InvalidSqlStatementName,
        if name.is_empty() {
            "unnamed prepared statement does not exist".to_owned()
        } else {
            format!("prepared statement \"{name}\" does not exist")
        },
    )
}

/// `34000`
pub(crate) fn no_cursor(name: &Identifier) -> ServerError {
    ServerError::new(Condition::InvalidCursorName, format!("cursor \"{}\" does not exist", name.as_str()))
}

#[expect(clippy::too_many_arguments, reason = "a cursor has that many properties")]
async fn declare(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    name: &Identifier,
    scroll: Option<bool>,
    hold: bool,
    binary: bool,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<()> {
    if !hold && !session.transaction.is_block() {
        return Err(ServerError::new(
            Condition::NoActiveSqlTransaction,
            "DECLARE CURSOR can only be used in transaction blocks",
        ));
    }
    if session.cursors.contains_key(name) {
        return Err(ServerError::new(
            Condition::DuplicateCursor,
            format!("cursor \"{}\" already exists", name.as_str()),
        ));
    }
    session.check_portal_limit(&[])?;
    let request = super::request_with(session, types, values).await?;
    let mut cursor = open(&session.server, &request, parsed).await?;
    if scroll != Some(false) {
        cursor = cursor.scrollable(scroll == Some(true));
    }
    let declared = NamedCursor {
        cursor,
        hold,
        binary,
        uncommitted: true,
        text: parsed.text.clone(),
        declared_at: session.statement_started_at,
    };
    session.cursors.insert(name.clone(), declared);
    session.list_cursors();
    Ok(())
}

async fn move_cursor(session: &mut Session, name: &Identifier, direction: FetchDirection) -> Result<u64> {
    let named = session.cursors.get_mut(name).ok_or_else(|| no_cursor(name))?;
    match named.cursor.seek(direction).await? {
        Seek::Forward(count) => named.cursor.pass(count).await,
        Seek::Rows(batches) => Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum()),
    }
}

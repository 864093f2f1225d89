//! SET, RESET and SHOW. Most settings are the session's own table's (`session/settings.rs`); `role` and
//! `session_authorization` are security's to grant.

use lis_lake::names::Identifier;

use super::cursor::Cursor;
use crate::{
    error::{Condition, Result, ServerError},
    session::{
        Session,
        as_of::{AS_OF, NIGHT},
        settings::{DEFINITIONS, definition},
        transaction::Block,
    },
    wire::error::Report,
};

/// SET name = value; `None` is DEFAULT.
pub(crate) async fn set(session: &mut Session, name: &str, value: Option<&str>, local: bool) -> Result<()> {
    if local && !session.transaction.is_block() {
        session.notice(&Report::warning(
            Condition::NoActiveSqlTransaction,
            "SET LOCAL can only be used in transaction blocks",
        ))?;
    }
    match name {
        "role" => {
            let rights = session.rights().await?;
            let role = value.filter(|value| !value.eq_ignore_ascii_case("none")).map(Identifier::exact);
            let principal = session.principal.set_role(&rights, role.as_ref())?;
            session.assume(principal, &rights, local);
            Ok(())
        }
        "session_authorization" => {
            let rights = session.rights().await?;
            let user = value.filter(|value| !value.eq_ignore_ascii_case("default")).map(Identifier::exact);
            let principal = session.principal.set_session_authorization(&rights, user.as_ref())?;
            session.assume(principal, &rights, local);
            Ok(())
        }
        "transaction_isolation" | "transaction_read_only" => {
            check_before_first_query(session, name, value)?;
            match value {
                Some(value) => session.settings.set(name, value, true),
                None => session.settings.reset(name, true),
            }
        }
        AS_OF => match value.map(str::trim).filter(|value| !value.is_empty()) {
            Some(value) => {
                // A mistake is told now and not with the first query.
                session.resolve_point_in_time(value).await?;
                session.settings.set(name, value, local)
            }
            None => session.settings.set(name, "", local),
        },
        _ => match value {
            Some(value) => session.settings.set(name, value, local),
            None => session.settings.reset(name, local),
        },
    }
}

/// A value that a role's sessions are to begin with: a mistake is told to who makes it, not to who logs in.
pub(crate) async fn check_default(session: &mut Session, name: &str, value: &str) -> Result<()> {
    if matches!(name, "role" | "session_authorization") {
        return Err(ServerError::not_supported(format!("ALTER ROLE … SET {name} is not supported")));
    }
    session.settings.clone().set_default(name, value)?;
    // The first night may be still to come.
    if name == AS_OF && !value.trim().is_empty() && !value.trim().eq_ignore_ascii_case(NIGHT) {
        session.resolve_point_in_time(value.trim()).await?;
    }
    Ok(())
}

/// Whether a setting is more than a value of the session's table: who one is, what the transaction may do and sees.
pub(crate) fn is_more_than_a_value(name: &str) -> bool {
    ["role", "session_authorization", "transaction_isolation", "transaction_read_only", AS_OF]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn check_before_first_query(session: &Session, name: &str, value: Option<&str>) -> Result<()> {
    if !session.transaction.has_run() {
        return Ok(());
    }
    let current = session.settings.show(name)?.1;
    match (name, value) {
        ("transaction_isolation", Some(value)) if !value.eq_ignore_ascii_case(&current) => {
            Err(ServerError::new(
                Condition::ActiveSqlTransaction,
                "SET TRANSACTION ISOLATION LEVEL must be called before any query",
            ))
        }
        ("transaction_read_only", Some("off" | "false")) if current == "on" => Err(ServerError::new(
            Condition::ActiveSqlTransaction,
            "cannot set transaction read-write mode inside a read-only transaction",
        )),
        _ => Ok(()),
    }
}

/// SET TRANSACTION and BEGIN's options; `characteristics` is SET SESSION CHARACTERISTICS.
pub(crate) fn set_transaction(
    session: &mut Session,
    characteristics: bool,
    isolation: Option<&str>,
    read_only: Option<bool>,
) -> Result<()> {
    let read_only = read_only.map(|read_only| if read_only { "on" } else { "off" });
    for (name, default, value) in [
        ("transaction_isolation", "default_transaction_isolation", isolation),
        ("transaction_read_only", "default_transaction_read_only", read_only),
    ] {
        let Some(value) = value else { continue };
        if characteristics {
            session.settings.set(default, value, false)?;
        } else if session.transaction.block() == Block::Implicit {
            session.notice(&Report::warning(
                Condition::NoActiveSqlTransaction,
                "SET TRANSACTION can only be used in transaction blocks",
            ))?;
        } else {
            check_before_first_query(session, name, Some(value))?;
            session.settings.set(name, value, true)?;
        }
    }
    Ok(())
}

/// RESET name; `None` is ALL.
pub(crate) async fn reset(session: &mut Session, name: Option<&str>) -> Result<()> {
    match name {
        None => {
            session.settings.reset_all();
            Ok(())
        }
        Some(name @ ("role" | "session_authorization")) => set(session, name, None, false).await,
        Some(name) => session.settings.reset(name, false),
    }
}

/// A setting's name as SHOW heads its column, and its value.
pub(crate) fn value(session: &Session, name: &str) -> Result<(String, String)> {
    match name {
        "role" => {
            let principal = &session.principal;
            let none = principal.current_oid() == principal.session_oid();
            let shown = if none { "none" } else { principal.current_user().as_str() };
            Ok(("role".to_owned(), shown.to_owned()))
        }
        "session_authorization" => {
            Ok(("session_authorization".to_owned(), session.principal.session_user().as_str().to_owned()))
        }
        _ => session.settings.show(name),
    }
}

/// SHOW.
pub(crate) fn show(session: &Session, name: &str) -> Result<Cursor> {
    if name == "all" {
        let rows = DEFINITIONS
            .iter()
            .map(|it| {
                let shown = session.settings.get(it.name);
                vec![Some(it.name.to_owned()), Some(shown), Some(it.description.to_owned())]
            })
            .collect();
        return Cursor::of_text(&["name", "setting", "description"], rows);
    }
    if !matches!(name, "role" | "session_authorization") && !name.contains('.') {
        definition(name)?;
    }
    let (shown, value) = value(session, name)?;
    Cursor::of_text(&[&shown], vec![vec![Some(value)]])
}

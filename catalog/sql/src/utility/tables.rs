//! TRUNCATE and LOCK: statements about tables as a whole.

use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::{
    error::SqlError,
    statement::{ObjectName, UtilityStatement},
};

/// The modes of LOCK, as PostgreSQL has them.
const LOCK_MODES: &[&[&str]] = &[
    &["access", "share"],
    &["access", "exclusive"],
    &["row", "share"],
    &["row", "exclusive"],
    &["share", "update", "exclusive"],
    &["share", "row", "exclusive"],
    &["share"],
    &["exclusive"],
];

/// After TRUNCATE.
pub(super) fn truncate(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.accept(&["table"]);
    let tables = tokens.list(table)?;
    if tokens.at(&["restart"]) {
        // There are no sequences to restart.
        tokens.expect(&["restart", "identity"])?;
    } else if tokens.at(&["continue"]) {
        tokens.expect(&["continue", "identity"])?;
    }
    let cascade = tokens.accept_one_of(&["cascade", "restrict"]) == Some("cascade");
    Ok(UtilityStatement::Truncate { tables, cascade })
}

/// After LOCK.
pub(super) fn lock(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.accept(&["table"]);
    let relations = tokens.list(table)?;
    let mode = if tokens.accept(&["in"]) {
        let Some(words) = LOCK_MODES.iter().find(|words| tokens.accept(words)) else {
            return Err(tokens.unexpected());
        };
        tokens.expect(&["mode"])?;
        words.join(" ")
    } else {
        "access exclusive".to_owned()
    };
    tokens.accept(&["nowait"]);
    Ok(UtilityStatement::Lock { relations, mode })
}

/// `[ONLY] name [*]`: tables have no children.
fn table(tokens: &mut Tokens<'_>) -> Result<ObjectName, SqlError> {
    let only = tokens.accept(&["only"]);
    let name = tokens.object_name()?;
    if !only {
        tokens.accept_token(&Token::Mul);
    }
    Ok(name)
}

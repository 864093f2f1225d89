//! BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION.

use super::tokens::Tokens;
use crate::{error::SqlError, statement::UtilityStatement};
use sqlparser::tokenizer::Token;

/// ISOLATION LEVEL, READ ONLY.
#[derive(Debug, Default)]
pub(super) struct Modes {
    /// ISOLATION LEVEL, lower case.
    pub(super) isolation: Option<String>,
    /// READ ONLY
    pub(super) read_only: Option<bool>,
}

/// After BEGIN: `[WORK | TRANSACTION] [modes]`.
pub(super) fn begin(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.accept_one_of(&["work", "transaction"]);
    let Modes { isolation, read_only } = if tokens.is_end() { Modes::default() } else { modes(tokens)? };
    Ok(UtilityStatement::Begin { read_only, isolation })
}

/// After START.
pub(super) fn start(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.expect(&["transaction"])?;
    let Modes { isolation, read_only } = if tokens.is_end() { Modes::default() } else { modes(tokens)? };
    Ok(UtilityStatement::Begin { read_only, isolation })
}

/// After COMMIT or END.
pub(super) fn commit(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["prepared"]) {
        return Err(tokens.unsupported("COMMIT PREPARED"));
    }
    tokens.accept_one_of(&["work", "transaction"]);
    Ok(UtilityStatement::Commit { chain: chain(tokens)? })
}

/// After ROLLBACK or ABORT.
pub(super) fn rollback(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["prepared"]) {
        return Err(tokens.unsupported("ROLLBACK PREPARED"));
    }
    tokens.accept_one_of(&["work", "transaction"]);
    if tokens.accept(&["to"]) {
        skip_savepoint_word(tokens);
        return Ok(UtilityStatement::RollbackTo(tokens.identifier()?));
    }
    Ok(UtilityStatement::Rollback { chain: chain(tokens)? })
}

/// After SAVEPOINT.
pub(super) fn savepoint(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    Ok(UtilityStatement::Savepoint(tokens.identifier()?))
}

/// After RELEASE.
pub(super) fn release(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    skip_savepoint_word(tokens);
    Ok(UtilityStatement::Release(tokens.identifier()?))
}

/// SAVEPOINT is optional, and also a good name for a savepoint.
fn skip_savepoint_word(tokens: &mut Tokens<'_>) {
    if tokens.peek_nth(1).is_some() {
        tokens.accept(&["savepoint"]);
    }
}

fn chain(tokens: &mut Tokens<'_>) -> Result<bool, SqlError> {
    if !tokens.accept(&["and"]) {
        return Ok(false);
    }
    let chain = !tokens.accept(&["no"]);
    tokens.expect(&["chain"])?;
    Ok(chain)
}

/// Transaction modes, with or without commas between. DEFERRABLE is read and has no effect: a transaction that reads
/// one snapshot never waits and never fails for another's sake, which is what it asks for.
pub(super) fn modes(tokens: &mut Tokens<'_>) -> Result<Modes, SqlError> {
    let mut modes = Modes::default();
    loop {
        if tokens.accept(&["isolation"]) {
            tokens.expect(&["level"])?;
            modes.isolation = Some(isolation_level(tokens)?);
        } else if tokens.accept(&["read"]) {
            match tokens.accept_one_of(&["only", "write"]) {
                Some(word) => modes.read_only = Some(word == "only"),
                None => return Err(tokens.unexpected()),
            }
        } else {
            tokens.accept(&["not"]);
            tokens.expect(&["deferrable"])?;
        }
        if !tokens.accept_token(&Token::Comma) && tokens.is_end() {
            return Ok(modes);
        }
    }
}

fn isolation_level(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    for level in
        [&["serializable"][..], &["repeatable", "read"], &["read", "committed"], &["read", "uncommitted"]]
    {
        if tokens.accept(level) {
            return Ok(level.join(" "));
        }
    }
    tokens.accept_one_of(&["repeatable", "read"]);
    Err(tokens.unexpected())
}

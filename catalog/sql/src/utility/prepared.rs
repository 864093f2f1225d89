//! PREPARE, EXECUTE, DEALLOCATE.

use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::{error::SqlError, statement::UtilityStatement};

/// After PREPARE.
pub(super) fn prepare(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["transaction"])
        && tokens.peek_nth(1).is_some_and(|token| matches!(token, Token::SingleQuotedString(_)))
    {
        return Err(tokens.unsupported("PREPARE TRANSACTION"));
    }
    let name = tokens.identifier()?;
    let mut types = Vec::new();
    if tokens.accept_token(&Token::LParen) {
        types = tokens.list(Tokens::column_type)?;
        tokens.expect_token(&Token::RParen)?;
    }
    tokens.expect(&["as"])?;
    let preparable = ["select", "with", "values", "table", "insert", "update", "delete", "merge"];
    if !preparable.iter().any(|word| tokens.at(&[word])) && tokens.peek() != Some(&Token::LParen) {
        return Err(tokens.unexpected());
    }
    Ok(UtilityStatement::Prepare { name, types, statement: tokens.rest()? })
}

/// After EXECUTE.
pub(super) fn execute(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = tokens.identifier()?;
    let mut arguments = Vec::new();
    if tokens.accept_token(&Token::LParen) {
        arguments = tokens.list(Tokens::written_expression)?;
        tokens.expect_token(&Token::RParen)?;
    }
    Ok(UtilityStatement::Execute { name, arguments })
}

/// After DEALLOCATE.
pub(super) fn deallocate(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.peek_nth(1).is_some() {
        tokens.accept(&["prepare"]);
    }
    let name = if tokens.accept(&["all"]) { None } else { Some(tokens.identifier()?) };
    Ok(UtilityStatement::Deallocate(name))
}

//! CALL: a procedure with literal arguments.

use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::{error::SqlError, statement::UtilityStatement};

/// After CALL.
pub(super) fn call(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = tokens.object_name()?;
    tokens.expect_token(&Token::LParen)?;
    let mut arguments = Vec::new();
    if !tokens.accept_token(&Token::RParen) {
        arguments = tokens.list(argument)?;
        tokens.expect_token(&Token::RParen)?;
    }
    Ok(UtilityStatement::Call { name, arguments })
}

/// A literal, as text: `'x'`, `-1.5`, `true`, `NULL`, `date '2026-11-22'`, `'2026-11-22'::date`.
fn argument(tokens: &mut Tokens<'_>) -> Result<Option<String>, SqlError> {
    let value = if let Some(number) = tokens.signed_number()? {
        Some(number)
    } else if tokens.peek_string().is_some() {
        Some(tokens.string()?)
    } else if tokens.accept(&["null"]) {
        None
    } else if let Some(word) = tokens.accept_one_of(&["true", "false"]) {
        Some(word.to_owned())
    } else if matches!(tokens.peek_nth(1), Some(Token::SingleQuotedString(_))) && tokens.word().is_some() {
        tokens.advance();
        Some(tokens.string()?)
    } else {
        return Err(match tokens.peek() {
            None | Some(Token::RParen | Token::Comma) => tokens.unexpected(),
            Some(_) => tokens.unsupported("an argument of CALL that is not a literal"),
        });
    };
    while tokens.accept_token(&Token::DoubleColon) {
        tokens.column_type()?;
    }
    match tokens.peek() {
        Some(Token::Comma | Token::RParen) => Ok(value),
        None => Err(tokens.unexpected()),
        Some(_) => Err(tokens.unsupported("an argument of CALL that is not a literal")),
    }
}

//! CREATE and DROP POLICY.

use sqlparser::tokenizer::Token;

use super::{roles, tokens::Tokens};
use crate::{
    error::SqlError,
    statement::{PolicyCommand, UtilityStatement},
};

/// After CREATE POLICY.
pub(super) fn create(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = tokens.identifier()?;
    tokens.expect(&["on"])?;
    let table = tokens.object_name()?;
    let mut permissive = true;
    if tokens.accept(&["as"]) {
        match tokens.accept_one_of(&["permissive", "restrictive"]) {
            Some(word) => permissive = word == "permissive",
            None => return Err(tokens.unexpected()),
        }
    }
    let mut command = PolicyCommand::All;
    if tokens.accept(&["for"]) {
        command = match tokens.accept_one_of(&["all", "select", "insert", "update", "delete"]) {
            Some("all") => PolicyCommand::All,
            Some("select") => PolicyCommand::Select,
            Some("insert") => PolicyCommand::Insert,
            Some("update") => PolicyCommand::Update,
            Some(_) => PolicyCommand::Delete,
            None => return Err(tokens.unexpected()),
        };
    }
    let roles = if tokens.accept(&["to"]) { tokens.list(roles::role)? } else { Vec::new() };
    let using = if tokens.accept(&["using"]) { Some(in_parentheses(tokens)?) } else { None };
    let with_check = if tokens.accept(&["with", "check"]) { Some(in_parentheses(tokens)?) } else { None };
    Ok(UtilityStatement::CreatePolicy { name, table, permissive, command, roles, using, with_check })
}

fn in_parentheses(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    tokens.expect_token(&Token::LParen)?;
    let text = tokens.expression_text()?;
    tokens.expect_token(&Token::RParen)?;
    Ok(text)
}

/// After DROP POLICY.
pub(super) fn drop(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    let name = tokens.identifier()?;
    tokens.expect(&["on"])?;
    let table = tokens.object_name()?;
    // Nothing depends on a policy, so that both say the same.
    tokens.accept_one_of(&["cascade", "restrict"]);
    Ok(UtilityStatement::DropPolicy { name, table, if_exists })
}

//! CREATE and DROP POLICY, ALTER TABLE … ROW LEVEL SECURITY.

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

/// After ALTER TABLE.
pub(super) fn alter_table(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["if", "exists"]) {
        return Err(tokens.unsupported("ALTER TABLE IF EXISTS"));
    }
    // There is no inheritance: a table alone is the table.
    tokens.accept(&["only"]);
    let table = tokens.object_name()?;
    let (mut enable, mut force) = (None, None);
    tokens.list(|tokens| {
        let (words, place, value): (&[&str], _, _) = if tokens.at(&["enable", "row"]) {
            (&["enable"], &mut enable, true)
        } else if tokens.at(&["disable", "row"]) {
            (&["disable"], &mut enable, false)
        } else if tokens.at(&["force"]) {
            (&["force"], &mut force, true)
        } else if tokens.at(&["no", "force"]) {
            (&["no", "force"], &mut force, false)
        } else {
            return Err(match tokens.word() {
                Some(word) if ACTIONS.contains(&word.as_str()) => {
                    tokens.unsupported(&format!("ALTER TABLE … {}", word.to_uppercase()))
                }
                _ => tokens.unexpected(),
            });
        };
        tokens.expect(words)?;
        tokens.expect(&["row", "level", "security"])?;
        *place = Some(value);
        Ok(())
    })?;
    Ok(UtilityStatement::AlterRowSecurity { table, enable, force })
}

/// What PostgreSQL can alter in a table.
const ACTIONS: &[&str] = &[
    "add", "alter", "attach", "cluster", "detach", "disable", "drop", "enable", "inherit", "no", "not", "of",
    "options", "owner", "rename", "replica", "reset", "set", "validate",
];

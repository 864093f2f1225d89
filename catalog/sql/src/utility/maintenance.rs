//! ANALYZE, VACUUM, REINDEX, CLUSTER and DROP INDEX, as tools send them. Their options say how PostgreSQL is to go about
//! it; the ones that change what is done are read, and the others checked by name.

use lis_lake::names::Identifier;
use sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{MaintenanceWork, ObjectName, UtilityStatement},
};

/// After ANALYZE: `[VERBOSE] [(options)] [table [(columns)], …]`.
pub(super) fn analyze(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.peek() == Some(&Token::LParen) {
        options(tokens, "ANALYZE", &["verbose", "skip_locked", "buffer_usage_limit"])?;
    } else {
        tokens.accept(&["verbose"]);
    }
    Ok(UtilityStatement::Maintain { work: MaintenanceWork::Analyze, tables: tables(tokens)? })
}

/// After VACUUM.
pub(super) fn vacuum(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let mut analyze = false;
    if tokens.peek() == Some(&Token::LParen) {
        let known = [
            "full",
            "freeze",
            "verbose",
            "analyze",
            "disable_page_skipping",
            "skip_locked",
            "index_cleanup",
            "process_toast",
            "truncate",
            "parallel",
        ];
        analyze = options(tokens, "VACUUM", &known)?.iter().any(|option| option == "analyze");
    } else {
        for word in ["full", "freeze", "verbose"] {
            tokens.accept(&[word]);
        }
        analyze |= tokens.accept_one_of(&["analyze", "analyse"]).is_some();
    }
    let tables = tables(tokens)?;
    if !analyze && tables.iter().any(|(_, columns)| !columns.is_empty()) {
        let message = "ANALYZE option must be specified when a column list is provided";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
    }
    Ok(UtilityStatement::Maintain { work: MaintenanceWork::Vacuum { analyze }, tables })
}

/// After REINDEX: `[(options)] INDEX | TABLE | SCHEMA | DATABASE | SYSTEM [CONCURRENTLY] name`.
pub(super) fn reindex(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.peek() == Some(&Token::LParen) {
        options(tokens, "REINDEX", &["concurrently", "tablespace", "verbose"])?;
    }
    let Some(kind) = tokens.accept_one_of(&["index", "table", "schema", "database", "system"]) else {
        return Err(tokens.unexpected());
    };
    tokens.accept(&["concurrently"]);
    let name = tokens.object_name()?;
    let (work, tables) = match kind {
        "index" => (MaintenanceWork::ReindexIndex, vec![(name, Vec::new())]),
        "table" => (MaintenanceWork::Reindex, vec![(name, Vec::new())]),
        // All that is there.
        _ => (MaintenanceWork::Reindex, Vec::new()),
    };
    Ok(UtilityStatement::Maintain { work, tables })
}

/// After CLUSTER: `[VERBOSE] [table [USING index]]`.
pub(super) fn cluster(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.peek() == Some(&Token::LParen) {
        options(tokens, "CLUSTER", &["verbose"])?;
    } else {
        tokens.accept(&["verbose"]);
    }
    if tokens.is_end() {
        return Ok(UtilityStatement::Maintain { work: MaintenanceWork::Cluster, tables: Vec::new() });
    }
    let table = tokens.object_name()?;
    let index = if tokens.accept(&["using"]) { vec![tokens.identifier()?] } else { Vec::new() };
    Ok(UtilityStatement::Maintain { work: MaintenanceWork::Cluster, tables: vec![(table, index)] })
}

/// After DROP INDEX.
pub(super) fn drop_index(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.accept(&["concurrently"]);
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(Tokens::object_name)?;
    super::ddl::cascade(tokens);
    Ok(UtilityStatement::DropIndex { names, if_exists })
}

/// The options that are on.
fn options(tokens: &mut Tokens<'_>, statement: &str, known: &[&str]) -> Result<Vec<String>, SqlError> {
    tokens.expect_token(&Token::LParen)?;
    let written = tokens.list(|tokens| {
        let position = tokens.position();
        let name = tokens.label()?;
        let name = if name.as_str() == "analyse" { "analyze" } else { name.as_str() }.to_owned();
        if !known.contains(&name.as_str()) {
            let message = format!("unrecognized {statement} option \"{name}\"");
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        let mut on = true;
        if !matches!(tokens.peek(), Some(Token::Comma | Token::RParen)) {
            let value = match tokens.peek_string() {
                Some(_) => tokens.string()?,
                None => match tokens.number() {
                    Some(number) => number,
                    None => tokens.label()?.as_str().to_owned(),
                },
            };
            on = !matches!(value.to_lowercase().as_str(), "false" | "off" | "0");
        }
        Ok(on.then_some(name))
    })?;
    tokens.expect_token(&Token::RParen)?;
    Ok(written.into_iter().flatten().collect())
}

fn tables(tokens: &mut Tokens<'_>) -> Result<Vec<(ObjectName, Vec<Identifier>)>, SqlError> {
    if tokens.is_end() {
        return Ok(Vec::new());
    }
    tokens.list(|tokens| Ok((tokens.object_name()?, tokens.optional_column_list()?)))
}

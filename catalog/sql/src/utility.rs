//! Utility statements: everything that is not a query or DML, read by a recursive-descent parser of our own over
//! sqlparser's tokens, since sqlparser's own grammar lacks a good part of them (`GRANT role TO role`, MOVE, `FETCH c`).
//! A query, expression or type inside such a statement is read by sqlparser from the same tokens, so that its spans
//! stay those of the statement.
//!
//! `tokens.rs` is the reader; the other files are one family of statements each. What PostgreSQL has and LIS has not is
//! 0A000 and names it; nothing is read and then forgotten, unless a comment there says why it changes nothing.

mod alter;
mod call;
mod copy;
mod cursors;
mod ddl;
mod grants;
mod maintenance;
mod policies;
mod prepared;
mod roles;
mod settings;
mod tables;
pub(crate) mod tokens;
mod transactions;

#[cfg(test)]
mod tests;

use sqlparser::tokenizer::{Token, TokenWithSpan};

pub use self::ddl::recursive_view_text;
use self::tokens::Tokens;
use crate::{
    error::SqlError,
    statement::{RelationKind, UtilityStatement},
};

/// Reads a utility statement. `tokens` are those of one statement without its semicolon (white space and comments may
/// be among them), as tokenised from `text`; positions in errors and names count characters of `text` from 1.
/// `None` is a statement that begins like a query or DML (or EXPLAIN, or nothing), which is sqlparser's to read.
pub fn parse_utility(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<UtilityStatement>, SqlError> {
    let mut tokens = Tokens::new(text, tokens);
    if tokens.is_end() || tokens.peek() == Some(&Token::LParen) {
        return Ok(None);
    }
    let Some(word) = tokens.word() else { return Err(tokens.unexpected()) };
    let statement = match word.as_str() {
        "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge" | "explain" => {
            return Ok(None);
        }
        "create" => create(&mut tokens)?,
        "alter" => alter(&mut tokens)?,
        "drop" => drop(&mut tokens)?,
        "unlisten" => unlisten(&mut tokens)?,
        word => {
            let Some((_, read)) = STATEMENTS.iter().find(|(first, _)| *first == word) else {
                return Err(if UNSUPPORTED.contains(&word) {
                    tokens.unsupported(&word.to_uppercase())
                } else {
                    tokens.unexpected()
                });
            };
            tokens.advance();
            read(&mut tokens)?
        }
    };
    tokens.expect_end()?;
    Ok(Some(statement))
}

type Read = fn(&mut Tokens<'_>) -> Result<UtilityStatement, SqlError>;

/// Statements by their first word.
const STATEMENTS: &[(&str, Read)] = &[
    ("begin", transactions::begin),
    ("start", transactions::start),
    ("commit", transactions::commit),
    ("end", transactions::commit),
    ("rollback", transactions::rollback),
    ("abort", transactions::rollback),
    ("savepoint", transactions::savepoint),
    ("release", transactions::release),
    ("set", settings::set),
    ("show", settings::show),
    ("reset", settings::reset),
    ("discard", settings::discard),
    ("prepare", prepared::prepare),
    ("execute", prepared::execute),
    ("deallocate", prepared::deallocate),
    ("declare", cursors::declare),
    ("fetch", cursors::fetch),
    ("move", cursors::r#move),
    ("close", cursors::close),
    ("copy", copy::copy),
    ("truncate", tables::truncate),
    ("analyze", maintenance::analyze),
    ("analyse", maintenance::analyze),
    ("vacuum", maintenance::vacuum),
    ("reindex", maintenance::reindex),
    ("cluster", maintenance::cluster),
    ("lock", tables::lock),
    ("call", call::call),
    ("comment", ddl::comment),
    ("refresh", ddl::refresh),
    ("grant", grants::grant),
    ("revoke", grants::revoke),
];

/// Statements that PostgreSQL has and LIS has not, by their first word.
const UNSUPPORTED: &[&str] =
    &["checkpoint", "do", "import", "listen", "load", "notify", "reassign", "security"];

/// What else PostgreSQL can create, alter and drop.
const OTHER_OBJECTS: &[&str] = &[
    "access",
    "aggregate",
    "cast",
    "collation",
    "conversion",
    "constraint",
    "database",
    "default",
    "domain",
    "event",
    "extension",
    "foreign",
    "function",
    "global",
    "index",
    "language",
    "large",
    "local",
    "materialized",
    "operator",
    "owned",
    "procedure",
    "publication",
    "recursive",
    "routine",
    "rule",
    "sequence",
    "server",
    "statistics",
    "subscription",
    "system",
    "tablespace",
    "temp",
    "temporary",
    "text",
    "transform",
    "trigger",
    "trusted",
    "type",
    "unique",
    "unlogged",
];

fn create(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.advance();
    let or_replace = tokens.accept(&["or", "replace"]);
    let mark = tokens.mark();
    // GLOBAL and LOCAL say nothing, as in PostgreSQL.
    let scoped = tokens.accept_one_of(&["global", "local"]).is_some();
    let temporary = tokens.accept_one_of(&["temporary", "temp"]).is_some();
    if (temporary || !scoped) && (tokens.at(&["view"]) || tokens.at(&["recursive", "view"])) {
        let recursive = tokens.accept(&["recursive"]);
        tokens.expect(&["view"])?;
        return ddl::create_view(tokens, or_replace, temporary, recursive);
    }
    if temporary && !or_replace && tokens.accept(&["table"]) {
        return ddl::create_table(tokens, true);
    }
    if temporary || scoped {
        tokens.back_to(mark);
    }
    if !or_replace && tokens.accept(&["materialized", "view"]) {
        return ddl::create_materialized_view(tokens);
    }
    if !or_replace && (tokens.at(&["index"]) || tokens.at(&["unique", "index"])) {
        return Err(tokens.unsupported("CREATE INDEX").with_hint(
            "Files are sorted and have statistics, by which queries pass over what they need not read; \
             a key can be declared with ALTER TABLE … ADD PRIMARY KEY or UNIQUE.",
        ));
    }
    if !or_replace {
        match tokens.accept_one_of(&["table", "schema", "policy", "role", "user", "group"]) {
            Some("table") => return ddl::create_table(tokens, false),
            Some("schema") => return ddl::create_schema(tokens),
            Some("policy") => return policies::create(tokens),
            Some(kind) => return roles::create(tokens, kind),
            None => {}
        }
    }
    Err(other_object(tokens, "CREATE"))
}

fn alter(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.advance();
    if tokens.accept(&["materialized", "view"]) {
        return alter::relation(tokens, RelationKind::MaterializedView);
    }
    match tokens.accept_one_of(&["table", "view", "schema", "role", "user", "group"]) {
        Some("table") => alter::relation(tokens, RelationKind::Table),
        Some("view") => alter::relation(tokens, RelationKind::View),
        Some("schema") => alter::schema(tokens),
        Some(kind) => roles::alter(tokens, kind),
        None if tokens.at(&["policy"]) => {
            Err(tokens.unsupported(&format!("ALTER {}", tokens.word().unwrap_or_default().to_uppercase())))
        }
        None => Err(other_object(tokens, "ALTER")),
    }
}

fn drop(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.advance();
    if tokens.accept(&["materialized", "view"]) {
        return ddl::drop_relation(tokens, RelationKind::MaterializedView);
    }
    if tokens.accept(&["index"]) {
        return maintenance::drop_index(tokens);
    }
    match tokens.accept_one_of(&["table", "view", "schema", "policy", "role", "user", "group"]) {
        Some("table") => ddl::drop_relation(tokens, RelationKind::Table),
        Some("view") => ddl::drop_relation(tokens, RelationKind::View),
        Some("schema") => ddl::drop_schema(tokens),
        Some("policy") => policies::drop(tokens),
        Some(_) => roles::drop(tokens),
        None => Err(other_object(tokens, "DROP")),
    }
}

fn other_object(tokens: &Tokens<'_>, verb: &str) -> SqlError {
    match tokens.word() {
        Some(word) if OTHER_OBJECTS.contains(&word.as_str()) => {
            tokens.unsupported(&format!("{verb} {}", word.to_uppercase()))
        }
        _ => tokens.unexpected(),
    }
}

/// Pools send `UNLISTEN *`; there is nothing to listen to, so that nothing is to be undone.
fn unlisten(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.advance();
    if tokens.accept_token(&Token::Mul) {
        return Ok(UtilityStatement::UnlistenAll);
    }
    Err(if tokens.word().is_some() {
        tokens.unsupported("UNLISTEN of a channel")
    } else {
        tokens.unexpected()
    })
}

//! SET, SHOW, RESET, DISCARD. Names of settings are folded here; what they may be set to is the session's knowledge.

use sqlparser::tokenizer::Token;

use super::{tokens::Tokens, transactions};
use crate::{
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
    statement::UtilityStatement,
};

/// Settings whose value is a list of names: each element is quoted as a name where it needs to be (PostgreSQL's
/// `GUC_LIST_QUOTE`), so that `SET search_path = 'a, b'` names one schema.
const NAME_LISTS: &[&str] =
    &["search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"];

/// After SET.
pub(super) fn set(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["constraints"]) && !is_assignment_sign(tokens, 1) {
        return Err(tokens.unsupported("SET CONSTRAINTS"));
    }
    if tokens.at(&["transaction"]) && !is_assignment_sign(tokens, 1) {
        tokens.advance();
        return set_transaction(tokens, false);
    }
    if tokens.accept(&["session", "characteristics"]) {
        tokens.expect(&["as", "transaction"])?;
        return set_transaction(tokens, true);
    }
    // The words of scope are also names of settings: `SET local = 1`.
    let is_scope =
        tokens.word_nth(1).is_some_and(|word| word != "to") && !tokens.at(&["session", "authorization"]);
    let scope = if is_scope { tokens.accept_one_of(&["session", "local"]) } else { None };
    let (name, value) = assignment(tokens)?;
    Ok(UtilityStatement::Set { name, value, local: scope == Some("local") })
}

fn set_transaction(tokens: &mut Tokens<'_>, session: bool) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["snapshot"]) {
        return Err(tokens.unsupported("SET TRANSACTION SNAPSHOT"));
    }
    let transactions::Modes { isolation, read_only } = transactions::modes(tokens)?;
    Ok(UtilityStatement::SetTransaction { session, isolation, read_only })
}

/// `name = value` in all its forms, without SET and scope: also of ALTER ROLE … SET. `None` is DEFAULT.
pub(super) fn assignment(tokens: &mut Tokens<'_>) -> Result<(String, Option<String>), SqlError> {
    if tokens.accept(&["time", "zone"]) {
        return Ok(("timezone".to_owned(), time_zone(tokens)?));
    }
    if tokens.accept(&["session", "authorization"]) {
        let value = if tokens.accept(&["default"]) { None } else { Some(word_or_string(tokens)?) };
        return Ok(("session_authorization".to_owned(), value));
    }
    if tokens.at(&["xml", "option"]) {
        return Err(tokens.unsupported("SET XML OPTION"));
    }
    if let Some(word) = tokens.word()
        && !is_assignment_sign(tokens, 1)
        && !matches!(tokens.peek_nth(1), Some(Token::Period))
    {
        match word.as_str() {
            "names" => {
                tokens.advance();
                let value = if tokens.is_end() || tokens.accept(&["default"]) {
                    None
                } else {
                    Some(tokens.string()?)
                };
                return Ok(("client_encoding".to_owned(), value));
            }
            "role" => {
                tokens.advance();
                return Ok(("role".to_owned(), Some(word_or_string(tokens)?)));
            }
            "schema" => {
                tokens.advance();
                return Ok(("search_path".to_owned(), Some(quote_identifier(&tokens.string()?))));
            }
            "catalog" => {
                return Err(SqlError::new(
                    SqlErrorKind::FeatureNotSupported,
                    "current database cannot be changed",
                )
                .at(tokens.position()));
            }
            _ => {}
        }
    }
    let name = setting_name(tokens)?;
    if !(tokens.accept(&["to"]) || tokens.accept_token(&Token::Eq)) {
        return Err(tokens.unexpected());
    }
    if tokens.accept(&["default"]) {
        return Ok((name, None));
    }
    let quoted = NAME_LISTS.contains(&name.as_str());
    let values = tokens.list(|tokens| {
        let value = value(tokens)?;
        Ok(if quoted { quote_identifier(&value) } else { value })
    })?;
    Ok((name, Some(values.join(", "))))
}

fn is_assignment_sign(tokens: &Tokens<'_>, ahead: usize) -> bool {
    tokens.peek_nth(ahead) == Some(&Token::Eq) || tokens.word_nth(ahead).as_deref() == Some("to")
}

/// A setting's name with its dots, in lower case whether quoted or not: settings have no case.
fn setting_name(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    let mut name = tokens.identifier()?.as_str().to_lowercase();
    while tokens.accept_token(&Token::Period) {
        name.push('.');
        name.push_str(&tokens.identifier()?.as_str().to_lowercase());
    }
    Ok(name)
}

fn value(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    if let Some(number) = tokens.signed_number()? {
        return Ok(number);
    }
    if let Some(word) = tokens.accept_one_of(&["true", "false", "on"]) {
        return Ok(word.to_owned());
    }
    word_or_string(tokens)
}

fn word_or_string(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    match tokens.peek_string() {
        Some(_) => tokens.string(),
        None => Ok(tokens.non_reserved_word()?.as_str().to_owned()),
    }
}

fn time_zone(tokens: &mut Tokens<'_>) -> Result<Option<String>, SqlError> {
    if tokens.accept_one_of(&["default", "local"]).is_some() {
        return Ok(None);
    }
    if let Some(hours) = tokens.signed_number()? {
        return Ok(Some(hours));
    }
    if tokens.accept(&["interval"]) {
        let offset = tokens.string()?;
        if tokens.accept(&["hour"]) && tokens.accept(&["to"]) {
            tokens.expect(&["minute"])?;
        }
        return Ok(Some(format!("INTERVAL '{offset}'")));
    }
    word_or_string(tokens).map(Some)
}

/// After SHOW.
pub(super) fn show(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    Ok(UtilityStatement::Show(match special_name(tokens) {
        Some(name) => name,
        None if tokens.accept(&["all"]) => "all".to_owned(),
        None => setting_name(tokens)?,
    }))
}

/// After RESET.
pub(super) fn reset(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    reset_name(tokens).map(UtilityStatement::Reset)
}

/// What RESET names: `None` is ALL.
pub(super) fn reset_name(tokens: &mut Tokens<'_>) -> Result<Option<String>, SqlError> {
    match special_name(tokens) {
        Some(name) => Ok(Some(name)),
        None if tokens.accept(&["all"]) => Ok(None),
        None => setting_name(tokens).map(Some),
    }
}

/// Settings that SQL has words of its own for.
fn special_name(tokens: &mut Tokens<'_>) -> Option<String> {
    let names: [(&[&str], &str); 3] = [
        (&["time", "zone"], "timezone"),
        (&["transaction", "isolation", "level"], "transaction_isolation"),
        (&["session", "authorization"], "session_authorization"),
    ];
    names.iter().find(|(words, _)| tokens.accept(words)).map(|(_, name)| (*name).to_owned())
}

/// After DISCARD.
pub(super) fn discard(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let what = match tokens.accept_one_of(&["all", "plans", "sequences", "temporary", "temp"]) {
        Some("temporary") => "temp",
        Some(what) => what,
        None => return Err(tokens.unexpected()),
    };
    Ok(UtilityStatement::Discard(what.to_owned()))
}

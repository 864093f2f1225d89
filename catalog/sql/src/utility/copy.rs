//! COPY, with its options in the form of today and in the one before PostgreSQL 9.0, which drivers still send.

use sqlparser::{
    ast::Query,
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Word},
};

use super::tokens::Tokens;
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{CopyFormat, CopyOptions, UtilityStatement},
};

/// After COPY.
pub(super) fn copy(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.accept_token(&Token::LParen) {
        let query = tokens.query()?;
        tokens.expect_token(&Token::RParen)?;
        tokens.expect(&["to"])?;
        endpoint(tokens, "stdout")?;
        return Ok(UtilityStatement::CopyTo { query, options: options(tokens, Options::default())? });
    }
    let mut given = Options::default();
    if tokens.peek_nth(1).is_some_and(|token| matches!(token, Token::Word(_))) && tokens.at(&["binary"]) {
        given.set_format(CopyFormat::Binary, tokens)?;
        tokens.advance();
    }
    let name_mark = tokens.mark();
    let table = tokens.object_name()?;
    let name = tokens.tokens_since(name_mark).to_vec();
    let columns_mark = tokens.mark();
    let columns = tokens.optional_column_list()?;
    let column_tokens = tokens.tokens_since(columns_mark).to_vec();
    match tokens.accept_one_of(&["to", "from"]) {
        Some("to") => {
            let query = query_of_table(tokens, name, &column_tokens)?;
            endpoint(tokens, "stdout")?;
            Ok(UtilityStatement::CopyTo { query, options: options(tokens, given)? })
        }
        Some(_) => {
            endpoint(tokens, "stdin")?;
            Ok(UtilityStatement::CopyFrom { table, columns, options: options(tokens, given)? })
        }
        None => Err(tokens.unexpected()),
    }
}

/// `SELECT columns FROM table`, made of the tokens that name them, so that errors point at those.
fn query_of_table(
    tokens: &Tokens<'_>,
    name: Vec<TokenWithSpan>,
    columns: &[TokenWithSpan],
) -> Result<Box<Query>, SqlError> {
    let Some(span) = name.first().map(|token| token.span) else { return Err(tokens.unexpected()) };
    let word = |value: &str, keyword| TokenWithSpan {
        token: Token::Word(Word { value: value.to_owned(), quote_style: None, keyword }),
        span,
    };
    let mut query = vec![word("SELECT", Keyword::SELECT)];
    match columns {
        [_, inner @ .., _] => query.extend_from_slice(inner),
        _ => query.push(TokenWithSpan { token: Token::Mul, span }),
    }
    query.push(word("FROM", Keyword::FROM));
    query.extend(name);
    Tokens::new(tokens.text(), &query).query()
}

/// STDIN or STDOUT, which PostgreSQL takes for each other; files and programs of the server's machine are not offered.
fn endpoint(tokens: &mut Tokens<'_>, standard: &str) -> Result<(), SqlError> {
    if tokens.accept_one_of(&["stdin", "stdout"]).is_some() {
        return Ok(());
    }
    if tokens.at(&["program"]) || tokens.peek_string().is_some() {
        return Err(tokens
            .unsupported("COPY to or from a file or program of the server")
            .with_hint(format!("Use COPY with {} or psql's \\copy.", standard.to_uppercase())));
    }
    Err(tokens.unexpected())
}

/// What has been said so far.
#[derive(Default)]
struct Options {
    format: Option<CopyFormat>,
    delimiter: Option<char>,
    null: Option<String>,
    header: Option<bool>,
    quote: Option<char>,
    escape: Option<char>,
    encoding: Option<String>,
}

impl Options {
    fn set_format(&mut self, format: CopyFormat, tokens: &Tokens<'_>) -> Result<(), SqlError> {
        set_once(&mut self.format, format, tokens)
    }
}

fn set_once<T>(place: &mut Option<T>, value: T, tokens: &Tokens<'_>) -> Result<(), SqlError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(SqlError::new(SqlErrorKind::SyntaxError, "conflicting or redundant options")
            .at(tokens.position())),
    }
}

fn options(tokens: &mut Tokens<'_>, mut given: Options) -> Result<CopyOptions, SqlError> {
    tokens.accept(&["with"]);
    if tokens.accept_token(&Token::LParen) {
        tokens.list(|tokens| option_of_today(tokens, &mut given))?;
        tokens.expect_token(&Token::RParen)?;
    } else {
        while !tokens.is_end() && !tokens.at(&["where"]) {
            option_of_old(tokens, &mut given)?;
        }
    }
    if tokens.at(&["where"]) {
        return Err(tokens.unsupported("COPY … WHERE"));
    }
    check(given)
}

fn option_of_today(tokens: &mut Tokens<'_>, given: &mut Options) -> Result<(), SqlError> {
    let position = tokens.position();
    let name = tokens.label()?;
    match name.as_str() {
        "format" => {
            let format_position = tokens.position();
            let format = match text(tokens)?.to_lowercase().as_str() {
                "text" => CopyFormat::Text,
                "csv" => CopyFormat::Csv,
                "binary" => CopyFormat::Binary,
                other => {
                    return Err(SqlError::new(
                        SqlErrorKind::InvalidParameterValue,
                        format!("COPY format \"{other}\" not recognized"),
                    )
                    .at(format_position.and(position)));
                }
            };
            set_once(&mut given.format, format, tokens)
        }
        "delimiter" => {
            let value = one_byte(&text(tokens)?, "delimiter")?;
            set_once(&mut given.delimiter, value, tokens)
        }
        "null" => {
            let value = text(tokens)?;
            set_once(&mut given.null, value, tokens)
        }
        "header" => {
            let value = if tokens.at(&["match"]) {
                return Err(tokens.unsupported("COPY HEADER MATCH"));
            } else {
                boolean(tokens, "header")?
            };
            set_once(&mut given.header, value, tokens)
        }
        "quote" => {
            let value = one_byte(&text(tokens)?, "quote")?;
            set_once(&mut given.quote, value, tokens)
        }
        "escape" => {
            let value = one_byte(&text(tokens)?, "escape")?;
            set_once(&mut given.escape, value, tokens)
        }
        "encoding" => {
            let value = text(tokens)?;
            set_once(&mut given.encoding, value, tokens)
        }
        "freeze" | "force_quote" | "force_not_null" | "force_null" => Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("COPY option {} is not supported", name.as_str().to_uppercase()),
        )
        .at(position)),
        other => Err(SqlError::new(SqlErrorKind::SyntaxError, format!("option \"{other}\" not recognized"))
            .at(position)),
    }
}

fn option_of_old(tokens: &mut Tokens<'_>, given: &mut Options) -> Result<(), SqlError> {
    let words = [
        "binary",
        "csv",
        "header",
        "delimiter",
        "null",
        "quote",
        "escape",
        "encoding",
        "freeze",
        "force",
        "using",
    ];
    match words.into_iter().find(|word| tokens.at(&[word])) {
        Some(word @ ("freeze" | "force" | "using")) => {
            Err(tokens.unsupported(&format!("COPY option {}", word.to_uppercase())))
        }
        Some(word) => {
            tokens.advance();
            match word {
                "binary" => return set_once(&mut given.format, CopyFormat::Binary, tokens),
                "csv" => return set_once(&mut given.format, CopyFormat::Csv, tokens),
                "header" => return set_once(&mut given.header, true, tokens),
                _ => {}
            }
            tokens.accept(&["as"]);
            let value = tokens.string()?;
            match word {
                "delimiter" => set_once(&mut given.delimiter, one_byte(&value, word)?, tokens),
                "quote" => set_once(&mut given.quote, one_byte(&value, word)?, tokens),
                "escape" => set_once(&mut given.escape, one_byte(&value, word)?, tokens),
                "null" => set_once(&mut given.null, value, tokens),
                _ => set_once(&mut given.encoding, value, tokens),
            }
        }
        None => Err(tokens.unexpected()),
    }
}

fn text(tokens: &mut Tokens<'_>) -> Result<String, SqlError> {
    match tokens.peek_string() {
        Some(_) => tokens.string(),
        None => Ok(tokens.label()?.as_str().to_owned()),
    }
}

fn boolean(tokens: &mut Tokens<'_>, option: &str) -> Result<bool, SqlError> {
    if matches!(tokens.peek(), Some(Token::Comma | Token::RParen)) {
        return Ok(true);
    }
    let value = match tokens.number() {
        Some(number) => number,
        None => text(tokens)?.to_lowercase(),
    };
    match value.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(SqlError::new(SqlErrorKind::SyntaxError, format!("{option} requires a Boolean value"))),
    }
}

fn one_byte(value: &str, what: &str) -> Result<char, SqlError> {
    let mut characters = value.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) if only.is_ascii() => Ok(only),
        _ => Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("COPY {what} must be a single one-byte character"),
        )),
    }
}

/// What PostgreSQL's `ProcessCopyOptions` refuses of the whole.
fn check(given: Options) -> Result<CopyOptions, SqlError> {
    let refuse = |kind, message: &str| Err(SqlError::new(kind, message));
    let format = given.format.unwrap_or(CopyFormat::Text);
    if format == CopyFormat::Binary {
        for (set, message) in [
            (given.delimiter.is_some(), "cannot specify DELIMITER in BINARY mode"),
            (given.null.is_some(), "cannot specify NULL in BINARY mode"),
            (given.header == Some(true), "cannot specify HEADER in BINARY mode"),
        ] {
            if set {
                return refuse(SqlErrorKind::SyntaxError, message);
            }
        }
    }
    if format != CopyFormat::Csv {
        if given.quote.is_some() {
            return refuse(SqlErrorKind::FeatureNotSupported, "COPY quote available only in CSV mode");
        }
        if given.escape.is_some() {
            return refuse(SqlErrorKind::FeatureNotSupported, "COPY escape available only in CSV mode");
        }
    }
    if let Some(delimiter) = given.delimiter {
        if matches!(delimiter, '\n' | '\r') {
            return refuse(
                SqlErrorKind::InvalidParameterValue,
                "COPY delimiter cannot be newline or carriage return",
            );
        }
        if format == CopyFormat::Text
            && (delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit() || "\\.".contains(delimiter))
        {
            return Err(SqlError::new(
                SqlErrorKind::InvalidParameterValue,
                format!("COPY delimiter cannot be \"{delimiter}\""),
            ));
        }
        if given.quote.unwrap_or('"') == delimiter && format == CopyFormat::Csv {
            return refuse(SqlErrorKind::InvalidParameterValue, "COPY delimiter and quote must be different");
        }
    }
    if given.null.as_ref().is_some_and(|null| null.contains(['\n', '\r'])) {
        return refuse(
            SqlErrorKind::InvalidParameterValue,
            "COPY null representation cannot use newline or carriage return",
        );
    }
    Ok(CopyOptions {
        format,
        delimiter: given.delimiter,
        null: given.null,
        header: given.header.unwrap_or(false),
        quote: given.quote,
        escape: given.escape,
        encoding: given.encoding,
    })
}

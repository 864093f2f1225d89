//! COPY, with its options in the form of today and in the one before PostgreSQL 9.0, which drivers still send.

use sqlparser::{
    ast::Query,
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Word},
};

use super::tokens::Tokens;
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{CopyFormat, CopyFrom, CopyHeader, CopyOptions, CopyRows, UtilityStatement},
};

/// After COPY.
pub(super) fn copy(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.accept_token(&Token::LParen) {
        let rows = match tokens.modification()? {
            Some(modification) => CopyRows::Modification(Box::new(modification)),
            None => CopyRows::Query(tokens.query()?),
        };
        tokens.expect_token(&Token::RParen)?;
        tokens.expect(&["to"])?;
        endpoint(tokens, "stdout")?;
        return Ok(UtilityStatement::CopyTo { rows, options: options_of_to(tokens, Options::default())? });
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
            if let Some((_, twice)) =
                columns.iter().enumerate().find(|(index, name)| columns[..*index].contains(*name))
            {
                let message = format!("column \"{}\" specified more than once", twice.as_str());
                return Err(SqlError::new(SqlErrorKind::DuplicateColumn, message));
            }
            let query = query_of_table(tokens, name, &column_tokens)?;
            endpoint(tokens, "stdout")?;
            let rows = CopyRows::Table(table, query);
            Ok(UtilityStatement::CopyTo { rows, options: options_of_to(tokens, given)? })
        }
        Some(_) => {
            endpoint(tokens, "stdin")?;
            let options = options(tokens, given)?;
            for (set, message) in [(
                options.force_quote_all || !options.force_quote.is_empty(),
                "COPY force quote only available using COPY TO",
            )] {
                if set {
                    return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
                }
            }
            let condition = if tokens.accept(&["where"]) { Some(rest(tokens)?) } else { None };
            Ok(UtilityStatement::CopyFrom(Box::new(CopyFrom { table, columns, options, condition })))
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

/// STDIN or STDOUT, which PostgreSQL takes for each other. Files and programs of the server's machine are for nobody: it
/// is refused in PostgreSQL's words for who may not.
fn endpoint(tokens: &mut Tokens<'_>, standard: &str) -> Result<(), SqlError> {
    if tokens.accept_one_of(&["stdin", "stdout"]).is_some() {
        return Ok(());
    }
    let (role, what) = if tokens.at(&["program"]) {
        ("pg_execute_server_program", "COPY to or from an external program")
    } else if tokens.peek_string().is_none() {
        return Err(tokens.unexpected());
    } else if standard == "stdout" {
        ("pg_write_server_files", "COPY to a file")
    } else {
        ("pg_read_server_files", "COPY from a file")
    };
    let message = format!("must be superuser or have privileges of the {role} role to {what}");
    Err(SqlError::new(SqlErrorKind::InsufficientPrivilege, message)
        .with_hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."))
}

/// What has been said so far.
#[derive(Default)]
struct Options {
    format: Option<CopyFormat>,
    delimiter: Option<char>,
    null: Option<String>,
    header: Option<CopyHeader>,
    quote: Option<char>,
    escape: Option<char>,
    encoding: Option<String>,
    freeze: Option<bool>,
    /// `None` inside is `*`.
    force_quote: Option<Option<Vec<String>>>,
    force_not_null: Option<Vec<String>>,
    force_null: Option<Vec<String>>,
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
    check(given)
}

/// Options of COPY TO, after which nothing comes.
fn options_of_to(tokens: &mut Tokens<'_>, given: Options) -> Result<CopyOptions, SqlError> {
    let options = options(tokens, given)?;
    for (set, message) in [
        (!options.force_not_null.is_empty(), "COPY force not null only available using COPY FROM"),
        (!options.force_null.is_empty(), "COPY force null only available using COPY FROM"),
    ] {
        if set {
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
        }
    }
    if options.header == CopyHeader::Match {
        let message = "cannot use \"match\" with HEADER in COPY TO";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
    }
    if tokens.at(&["where"]) {
        return Err(SqlError::new(SqlErrorKind::SyntaxError, "WHERE clause not allowed with COPY TO")
            .at(tokens.position()));
    }
    Ok(options)
}

/// What is left of the statement: an expression, which the binder reads; and how many characters come before it.
fn rest(tokens: &mut Tokens<'_>) -> Result<(String, usize), SqlError> {
    let Some(begin) = tokens.position() else { return Err(tokens.unexpected()) };
    if tokens.is_end() {
        return Err(tokens.unexpected());
    }
    let text: String = tokens.text().chars().skip(begin - 1).collect();
    while !tokens.is_end() {
        tokens.advance();
    }
    Ok((text, begin - 1))
}

/// `(a, b)`
fn names(tokens: &mut Tokens<'_>) -> Result<Vec<String>, SqlError> {
    Ok(tokens.optional_column_list()?.iter().map(|name| name.as_str().to_owned()).collect())
}

/// `a, b` of the old form.
fn names_without_parentheses(tokens: &mut Tokens<'_>) -> Result<Vec<String>, SqlError> {
    tokens.list(|tokens| Ok(tokens.identifier()?.as_str().to_owned()))
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
            let is_match = tokens.peek_string().is_some_and(|value| value.eq_ignore_ascii_case("match"));
            let value = if is_match {
                tokens.advance();
                CopyHeader::Match
            } else if tokens.accept(&["match"]) {
                CopyHeader::Match
            } else if boolean(tokens, "header")? {
                CopyHeader::Skip
            } else {
                CopyHeader::None
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
        "freeze" => {
            let value = boolean(tokens, "freeze")?;
            set_once(&mut given.freeze, value, tokens)
        }
        "force_quote" => {
            let value = if tokens.accept_token(&Token::Mul) { None } else { Some(names(tokens)?) };
            set_once(&mut given.force_quote, value, tokens)
        }
        "force_not_null" => {
            let value = names(tokens)?;
            set_once(&mut given.force_not_null, value, tokens)
        }
        "force_null" => {
            let value = names(tokens)?;
            set_once(&mut given.force_null, value, tokens)
        }
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
        "delimiters",
    ];
    match words.into_iter().find(|word| tokens.at(&[word])) {
        Some("using" | "delimiters") => {
            tokens.accept(&["using"]);
            tokens.expect(&["delimiters"])?;
            let value = tokens.string()?;
            // The oldest form has its other options after this one.
            tokens.accept(&["with"]);
            set_once(&mut given.delimiter, one_byte(&value, "delimiter")?, tokens)
        }
        Some("freeze") => {
            tokens.advance();
            set_once(&mut given.freeze, true, tokens)
        }
        Some("force") => {
            tokens.advance();
            if tokens.accept(&["quote"]) {
                let value = if tokens.accept_token(&Token::Mul) {
                    None
                } else {
                    Some(names_without_parentheses(tokens)?)
                };
                return set_once(&mut given.force_quote, value, tokens);
            }
            if tokens.accept(&["not", "null"]) {
                let value = names_without_parentheses(tokens)?;
                return set_once(&mut given.force_not_null, value, tokens);
            }
            tokens.expect(&["null"])?;
            let value = names_without_parentheses(tokens)?;
            set_once(&mut given.force_null, value, tokens)
        }
        Some(word) => {
            tokens.advance();
            match word {
                "binary" => return set_once(&mut given.format, CopyFormat::Binary, tokens),
                "csv" => return set_once(&mut given.format, CopyFormat::Csv, tokens),
                "header" => return set_once(&mut given.header, CopyHeader::Skip, tokens),
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
        _ => {
            let or = if option == "header" { " or \"match\"" } else { "" };
            let message = format!("{option} requires a Boolean value{or}");
            Err(SqlError::new(SqlErrorKind::SyntaxError, message))
        }
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
        ] {
            if set {
                return refuse(SqlErrorKind::SyntaxError, message);
            }
        }
        if given.header.is_some_and(|header| header != CopyHeader::None) {
            return refuse(SqlErrorKind::FeatureNotSupported, "cannot specify HEADER in BINARY mode");
        }
    }
    if format != CopyFormat::Csv {
        if given.quote.is_some() {
            return refuse(SqlErrorKind::FeatureNotSupported, "COPY quote available only in CSV mode");
        }
        if given.escape.is_some() {
            return refuse(SqlErrorKind::FeatureNotSupported, "COPY escape available only in CSV mode");
        }
        for (set, message) in [
            (given.force_quote.is_some(), "COPY force quote available only in CSV mode"),
            (given.force_not_null.is_some(), "COPY force not null available only in CSV mode"),
            (given.force_null.is_some(), "COPY force null available only in CSV mode"),
        ] {
            if set {
                return refuse(SqlErrorKind::FeatureNotSupported, message);
            }
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
    }
    if given.null.as_ref().is_some_and(|null| null.contains(['\n', '\r'])) {
        return refuse(
            SqlErrorKind::InvalidParameterValue,
            "COPY null representation cannot use newline or carriage return",
        );
    }
    let csv = format == CopyFormat::Csv;
    let delimiter = given.delimiter.unwrap_or(if csv { ',' } else { '\t' });
    let quote = given.quote.unwrap_or('"');
    if csv && quote == delimiter {
        return refuse(SqlErrorKind::InvalidParameterValue, "COPY delimiter and quote must be different");
    }
    if let Some(null) = given.null.as_ref().filter(|_| format != CopyFormat::Binary) {
        if null.contains(delimiter) {
            let message = "COPY delimiter must not appear in the NULL specification";
            return refuse(SqlErrorKind::FeatureNotSupported, message);
        }
        if csv && null.contains(quote) {
            let message = "CSV quote character must not appear in the NULL specification";
            return refuse(SqlErrorKind::FeatureNotSupported, message);
        }
    }
    Ok(CopyOptions {
        format,
        delimiter: given.delimiter,
        null: given.null,
        header: given.header.unwrap_or_default(),
        quote: given.quote,
        escape: given.escape,
        encoding: given.encoding,
        freeze: given.freeze.unwrap_or(false),
        force_quote_all: given.force_quote == Some(None),
        force_quote: given.force_quote.flatten().unwrap_or_default(),
        force_not_null: given.force_not_null.unwrap_or_default(),
        force_null: given.force_null.unwrap_or_default(),
    })
}

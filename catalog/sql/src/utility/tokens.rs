//! One statement's tokens and a place among them: what every part of the utility parser reads with. Errors are
//! PostgreSQL's (`syntax error at or near "x"`), with the position in characters.

use lis_lake::{names::Identifier, types::ColumnType};
use sqlparser::{
    ast::Query,
    dialect::{Dialect as _, Precedence},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location, Token, TokenWithSpan, Word},
};

use crate::{
    dialect::grammar::Grammar,
    error::{SqlError, SqlErrorKind},
    keywords::{KeywordClass, keyword_class},
    modification::Modification,
    parse::{DIALECT, NESTED_JOINS, embedded_modification},
    statement::{ObjectName, Written},
};

/// How deep a query or expression may nest before it is refused (54001).
const NESTING_MAX: usize = 200;

/// Where a location is in the text: characters from 1.
pub(crate) fn position_of(text: &str, location: Location) -> usize {
    text[..byte_of(text, location)].chars().count() + 1
}

/// Where a location is in the text: bytes from 0.
fn byte_of(text: &str, location: Location) -> usize {
    let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let line_start = match count(location.line) {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1).map_or(text.len(), |(newline, _)| newline + 1),
    };
    text[line_start..]
        .char_indices()
        .nth(count(location.column))
        .map_or(text.len(), |(byte, _)| line_start + byte)
}

/// sqlparser's error as PostgreSQL's: its message ends in `found: x at Line: 1, Column: 8`.
pub(crate) fn parser_error(text: &str, tokens: &[TokenWithSpan], error: &ParserError) -> SqlError {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return SqlError::new(SqlErrorKind::StatementTooComplex, "statement is nested too deeply");
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let location = message.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
    });
    let token = location.and_then(|location| tokens.iter().find(|token| token.span.start == location));
    match (token, location) {
        (Some(token), _) => syntax_error(text, Some(token)),
        (None, Some(location)) => {
            SqlError::new(SqlErrorKind::SyntaxError, "syntax error").at(Some(position_of(text, location)))
        }
        (None, None) => syntax_error(text, None),
    }
}

/// `syntax error at or near "x"`; `None` is the end of the statement.
pub(crate) fn syntax_error(text: &str, token: Option<&TokenWithSpan>) -> SqlError {
    match token.filter(|token| token.token != Token::EOF) {
        Some(token) => {
            let source = &text[byte_of(text, token.span.start)..byte_of(text, token.span.end)];
            SqlError::new(SqlErrorKind::SyntaxError, format!("syntax error at or near \"{source}\""))
                .at(Some(position_of(text, token.span.start)))
        }
        None => SqlError::new(SqlErrorKind::SyntaxError, "syntax error at end of input")
            .at(Some(text.chars().count() + 1)),
    }
}

/// One statement's tokens and the next one to read.
pub(super) struct Tokens<'a> {
    text: &'a str,
    tokens: Vec<TokenWithSpan>,
    next: usize,
}

impl<'a> Tokens<'a> {
    /// Takes the tokens of one statement; white space and comments are left out.
    pub(super) fn new(text: &'a str, tokens: &[TokenWithSpan]) -> Self {
        let tokens = tokens
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
            .cloned()
            .collect();
        Self { text, tokens, next: 0 }
    }

    /// The text that the tokens are of.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The token `ahead` places further on.
    pub(super) fn peek_nth(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.next + ahead).map(|token| &token.token)
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.peek_nth(0)
    }

    /// The word that the token `ahead` places further on is, in lower case, if it is one without quotes.
    pub(super) fn word_nth(&self, ahead: usize) -> Option<String> {
        match self.peek_nth(ahead) {
            Some(Token::Word(Word { value, quote_style: None, .. })) => Some(value.to_ascii_lowercase()),
            _ => None,
        }
    }

    /// The next word in lower case, if it is one without quotes.
    pub(super) fn word(&self) -> Option<String> {
        self.word_nth(0)
    }

    /// Where the next token is: characters from 1.
    pub(super) fn position(&self) -> Option<usize> {
        let location = self.tokens.get(self.next)?.span.start;
        Some(position_of(self.text, location))
    }

    /// Steps over the next token.
    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// Goes back to a place that [`Self::mark`] gave.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.next = mark;
    }

    /// Whether nothing is left.
    pub(super) fn is_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// Whether the next words are these (lower case).
    pub(super) fn at(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.at_nth(ahead, word))
    }

    /// Whether the token `ahead` places further on is this word (lower case).
    fn at_nth(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_nth(ahead), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case(word))
    }

    /// Steps over these words (lower case) if they come next.
    pub(super) fn accept(&mut self, words: &[&str]) -> bool {
        let here = self.at(words);
        if here {
            self.next += words.len();
        }
        here
    }

    /// Steps over one of these words, and says which.
    pub(super) fn accept_one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let word = words.iter().find(|word| self.at(&[word]))?;
        self.advance();
        Some(word)
    }

    /// Steps over these words, which must come.
    pub(super) fn expect(&mut self, words: &[&str]) -> Result<(), SqlError> {
        words.iter().try_for_each(|word| if self.accept(&[word]) { Ok(()) } else { Err(self.unexpected()) })
    }

    /// Steps over a token if it comes next.
    pub(super) fn accept_token(&mut self, token: &Token) -> bool {
        let here = self.peek() == Some(token);
        if here {
            self.advance();
        }
        here
    }

    /// Steps over a token, which must come.
    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.accept_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Nothing may be left.
    pub(super) fn expect_end(&self) -> Result<(), SqlError> {
        if self.is_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The error that the next token is.
    pub(super) fn unexpected(&self) -> SqlError {
        syntax_error(self.text, self.tokens.get(self.next))
    }

    /// The error that something PostgreSQL knows is not supported here (0A000), at the next token.
    pub(super) fn unsupported(&self, what: &str) -> SqlError {
        SqlError::new(SqlErrorKind::FeatureNotSupported, format!("{what} is not supported"))
            .at(self.position())
    }

    /// A name of a table, column, setting or cursor: PostgreSQL's `ColId`.
    pub(super) fn identifier(&mut self) -> Result<Identifier, SqlError> {
        self.name(&[KeywordClass::Unreserved, KeywordClass::ColumnName])
    }

    /// A word that is no reserved keyword: PostgreSQL's `NonReservedWord`.
    pub(super) fn non_reserved_word(&mut self) -> Result<Identifier, SqlError> {
        self.name(&[KeywordClass::Unreserved, KeywordClass::ColumnName, KeywordClass::TypeOrFunction])
    }

    /// Any word at all: PostgreSQL's `ColLabel`.
    pub(super) fn label(&mut self) -> Result<Identifier, SqlError> {
        self.name(&[
            KeywordClass::Unreserved,
            KeywordClass::ColumnName,
            KeywordClass::TypeOrFunction,
            KeywordClass::Reserved,
        ])
    }

    fn name(&mut self, allowed: &[KeywordClass]) -> Result<Identifier, SqlError> {
        let name = match self.peek() {
            Some(Token::Word(Word { value, quote_style: Some('"'), .. })) if value.is_empty() => {
                return Err(SqlError::new(
                    SqlErrorKind::SyntaxError,
                    "zero-length delimited identifier at or near \"\"\"\"",
                )
                .at(self.position()));
            }
            Some(Token::Word(Word { value, quote_style: Some('"'), .. })) => Identifier::exact(value),
            Some(Token::Word(Word { value, quote_style: None, .. })) => {
                let name = Identifier::fold(value);
                match keyword_class(name.as_str()) {
                    Some(class) if !allowed.contains(&class) => return Err(self.unexpected()),
                    _ => name,
                }
            }
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(name)
    }

    /// A relation's name, with or without its schema.
    pub(super) fn object_name(&mut self) -> Result<ObjectName, SqlError> {
        let position = self.position();
        let first = self.identifier()?;
        if !self.accept_token(&Token::Period) {
            return Ok(ObjectName { schema: None, name: first, position });
        }
        let name = self.label()?;
        if self.peek() == Some(&Token::Period) {
            return Err(self.unsupported("a name with a database"));
        }
        Ok(ObjectName { schema: Some(first), name, position })
    }

    /// `(a, b, c)`
    pub(super) fn column_list(&mut self) -> Result<Vec<Identifier>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let columns = self.list(Self::identifier)?;
        self.expect_token(&Token::RParen)?;
        Ok(columns)
    }

    /// `(a, b, c)` or nothing.
    pub(super) fn optional_column_list(&mut self) -> Result<Vec<Identifier>, SqlError> {
        if self.peek() == Some(&Token::LParen) { self.column_list() } else { Ok(Vec::new()) }
    }

    /// One or more things with commas between.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut items = vec![item(self)?];
        while self.accept_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A string constant in any of its forms; pieces on different lines are one, as the standard says.
    pub(super) fn string(&mut self) -> Result<String, SqlError> {
        let Some(mut value) = self.peek_string() else { return Err(self.unexpected()) };
        self.advance();
        while let (Some(Token::SingleQuotedString(more)), Some(before)) =
            (self.peek(), self.tokens.get(self.next - 1))
        {
            if self.tokens[self.next].span.start.line == before.span.end.line {
                break;
            }
            value.push_str(more);
            self.advance();
        }
        Ok(value)
    }

    /// The string constant that comes next, if one does.
    pub(super) fn peek_string(&self) -> Option<String> {
        match self.peek()? {
            Token::SingleQuotedString(value)
            | Token::EscapedStringLiteral(value)
            | Token::UnicodeStringLiteral(value)
            | Token::NationalStringLiteral(value) => Some(value.clone()),
            Token::DollarQuotedString(quoted) => Some(quoted.value.clone()),
            _ => None,
        }
    }

    /// A number without a sign, as it is written.
    pub(super) fn number(&mut self) -> Option<String> {
        let Some(Token::Number(number, _)) = self.peek() else { return None };
        let number = number.clone();
        self.advance();
        Some(number)
    }

    /// A number with or without a sign, as it is written.
    pub(super) fn signed_number(&mut self) -> Result<Option<String>, SqlError> {
        let sign = match self.peek() {
            Some(Token::Minus) => "-",
            Some(Token::Plus) => "",
            _ => return Ok(self.number()),
        };
        self.advance();
        match self.number() {
            Some(number) => Ok(Some(format!("{sign}{number}"))),
            None => Err(self.unexpected()),
        }
    }

    /// A whole number with or without a sign, within 32 bits as everywhere in PostgreSQL's utility statements.
    pub(super) fn signed_integer(&mut self) -> Result<Option<i32>, SqlError> {
        let before = self.next;
        let Some(number) = self.signed_number()? else { return Ok(None) };
        match number.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                self.next = before;
                if matches!(self.peek(), Some(Token::Minus | Token::Plus)) {
                    self.advance();
                }
                Err(self.unexpected())
            }
        }
    }

    /// A query up to the end of the statement or to what cannot belong to it.
    pub(super) fn query(&mut self) -> Result<Box<Query>, SqlError> {
        // sqlparser takes DML for a query too.
        let begins = ["select", "with", "values", "table"].iter().any(|word| self.at(&[word]));
        if !begins && self.peek() != Some(&Token::LParen) {
            return Err(self.unexpected());
        }
        self.parse(Parser::parse_query)
    }

    /// A modification up to the parenthesis that closes around it; `None` if something else begins here.
    pub(super) fn modification(&mut self) -> Result<Option<Modification>, SqlError> {
        let rest = &self.tokens[self.next.min(self.tokens.len())..];
        let Some((modification, read)) = embedded_modification(self.text, rest)? else { return Ok(None) };
        self.next = (self.next + read).min(self.tokens.len());
        Ok(Some(modification))
    }

    /// An expression, as its source text.
    pub(super) fn expression_text(&mut self) -> Result<String, SqlError> {
        let start = self.next;
        self.parse(Parser::parse_expr)?;
        Ok(self.source(start, self.next).to_owned())
    }

    /// An expression, as its source text, and where it stands.
    pub(super) fn written_expression(&mut self) -> Result<Written, SqlError> {
        let position = self.position();
        Ok(Written { text: self.expression_text()?, position })
    }

    /// An expression after DEFAULT, as its source text: PostgreSQL's `b_expr`, which ends where `NOT NULL` begins.
    pub(super) fn default_text(&mut self) -> Result<String, SqlError> {
        let start = self.next;
        self.parse(|parser| parser.parse_subexpr(DIALECT.prec_value(Precedence::Is)))?;
        Ok(self.source(start, self.next).to_owned())
    }

    /// A type's name.
    pub(super) fn column_type(&mut self) -> Result<ColumnType, SqlError> {
        let position = self.position();
        let data_type = self.parse(Parser::parse_data_type)?;
        crate::types::type_by_name(&data_type, position)
    }

    /// Lets sqlparser read from here.
    fn parse<T>(
        &mut self,
        read: impl Fn(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T, SqlError> {
        let rest = &self.tokens[self.next.min(self.tokens.len())..];
        let by = |grammar: &'static Grammar| {
            let mut parser = Parser::new(grammar)
                .with_recursion_limit(NESTING_MAX)
                .with_tokens_with_locations(rest.to_vec());
            read(&mut parser).map(|parsed| (parsed, parser.index()))
        };
        // As of a statement's own query: by the other way of nesting joins where the first reads not all of them.
        let is_left = |count: usize| {
            let next = rest.iter().skip(count).find(|token| !matches!(token.token, Token::Whitespace(_)));
            next.is_some_and(|next| matches!(&next.token, Token::Word(word) if word.keyword == Keyword::ON))
        };
        let read = match by(&DIALECT) {
            Ok((_, count)) if is_left(count) => by(&NESTED_JOINS),
            Ok(read) => Ok(read),
            Err(error) => by(&NESTED_JOINS).map_err(|_| error),
        };
        let (parsed, count) = read.map_err(|error| parser_error(self.text, rest, &error))?;
        // sqlparser counts on beyond the last token when it has looked at the end.
        self.next = (self.next + count).min(self.tokens.len());
        Ok(parsed)
    }

    /// The source text of everything that is left, which must be something.
    pub(super) fn rest(&mut self) -> Result<String, SqlError> {
        if self.is_end() {
            return Err(self.unexpected());
        }
        let start = self.next;
        self.next = self.tokens.len();
        Ok(self.source(start, self.next).to_owned())
    }

    /// The place among the tokens, to be given to [`Self::since`].
    pub(super) fn mark(&self) -> usize {
        self.next
    }

    /// The source text since a place.
    pub(super) fn since(&self, mark: usize) -> &str {
        self.source(mark, self.next)
    }

    /// The tokens since a place.
    pub(super) fn tokens_since(&self, mark: usize) -> &[TokenWithSpan] {
        &self.tokens[mark..self.next]
    }

    fn source(&self, start: usize, end: usize) -> &str {
        match (self.tokens.get(start), self.tokens.get(end.wrapping_sub(1))) {
            (Some(first), Some(last)) if start < end => {
                &self.text[byte_of(self.text, first.span.start)..byte_of(self.text, last.span.end)]
            }
            _ => "",
        }
    }
}

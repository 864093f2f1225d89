//! From text to statements: splits a message at its semicolons, has `utility.rs` read what is no query, and sqlparser
//! (with its PostgreSQL dialect) what is. Syntax errors get PostgreSQL's words and the position of the offending token.
//!
//! Every statement is read from tokens whose lines and columns count from the statement's own beginning, so that all
//! positions, here and in the binder, are characters from 1 in the statement's text.

use sqlparser::{
    ast,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer},
};

use crate::{
    dialect::{adapted, grammar::Grammar},
    error::{SqlError, SqlErrorKind},
    modification::Modification,
    parse::modification::begins_modification,
    positions::TextPositions,
    statement::{ObjectName, OnCommit, ParsedStatement, RelationKind, Statement, UtilityStatement},
    utility::parse_utility,
};

mod explain;
mod lexical;
mod modification;

use self::lexical::lexical_error;
pub(crate) use self::modification::not_at_the_top;

/// How deeply expressions and queries may nest while they are parsed. The parser grows its stack on demand; the limit
/// bounds memory and time, not the stack.
const NESTING_DEPTH_MAX: usize = 500;

/// How many operators may follow each other without a comma or a clause between: each is a level of the syntax tree, and
/// dropping a tree takes stack for every level.
const OPERATORS_MAX: usize = 4_000;

const END_OF_INPUT: &str = "syntax error at end of input";

/// How a text is read.
pub(crate) static DIALECT: Grammar = Grammar { nested_joins: false };

/// For a text that [`DIALECT`] does not read.
pub(crate) static NESTED_JOINS: Grammar = Grammar { nested_joins: true };

/// Reads a message: any number of statements. A message without one gives [`Statement::Empty`] alone.
pub fn parse(text: &str) -> Result<Vec<ParsedStatement>, SqlError> {
    let tokens = tokenize(text)?;
    let mut statements = Vec::new();
    // Where the next piece of text begins: byte offset, characters before it, and its location.
    let mut piece = Piece { bytes: 0, characters: 0, location: Location { line: 1, column: 1 } };
    let mut begun = 0;
    let mut cursor = piece;
    for (index, token) in tokens.iter().enumerate() {
        if token.token == Token::SemiColon {
            cursor = cursor.advanced_to(text, token.span.start);
            piece.statement(text, cursor.bytes, true, &tokens[begun..index], &mut statements)?;
            cursor = cursor.advanced_to(text, token.span.end);
            piece = cursor;
            begun = index + 1;
        }
    }
    piece.statement(text, text.len(), false, &tokens[begun..], &mut statements)?;
    if statements.is_empty() {
        statements.push(ParsedStatement { statement: Statement::Empty, text: String::new(), offset: 0 });
    }
    Ok(statements)
}

/// Reads one query and nothing else: a view's definition.
pub(crate) fn parse_query(text: &str) -> Result<Box<ast::Query>, SqlError> {
    read(text, adapted_tokens(text)?, |reader| {
        let query = reader.query()?;
        reader.end()?;
        Ok(query)
    })
}

/// Reads one expression and nothing else: a policy's predicate, a column's default.
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr, SqlError> {
    read(text, adapted_tokens(text)?, |reader| {
        let expression = reader.parser.parse_expr().map_err(|error| reader.error(&error))?;
        reader.end()?;
        Ok(expression)
    })
}

/// Reads a modification inside another statement, of whose `text` these are the tokens from where it begins, and says how
/// many of them it is. `None`: there is none.
pub(crate) fn embedded_modification(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Result<Option<(Modification, usize)>, SqlError> {
    if !begins_modification(tokens) {
        return Ok(None);
    }
    read(text, tokens.to_vec(), |reader| {
        let modification = reader.modification()?;
        Ok(Some((modification, reader.parser.index())))
    })
}

fn adapted_tokens(text: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let positions = TextPositions::new(text);
    adapted(&tokenize(text)?, |token| positions.of_span(token.span))
}

fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    Tokenizer::new(&DIALECT, text).tokenize_with_location().map_err(|error| {
        lexical_error(text).unwrap_or_else(|| {
            let position = TextPositions::new(text).of(error.location);
            let near: String = text.chars().skip(position.unwrap_or(1) - 1).collect();
            SqlError::new(SqlErrorKind::SyntaxError, format!("syntax error at or near \"{near}\""))
                .at(position)
        })
    })
}

/// A point in a message, in the three units that are needed.
#[derive(Debug, Clone, Copy)]
struct Piece {
    bytes: usize,
    characters: usize,
    location: Location,
}

impl Piece {
    /// The point at a later location.
    fn advanced_to(self, text: &str, location: Location) -> Self {
        let mut point = self;
        for character in text[self.bytes..].chars() {
            if (point.location.line, point.location.column) >= (location.line, location.column) {
                break;
            }
            point.bytes += character.len_utf8();
            point.characters += 1;
            if character == '\n' {
                point.location = Location { line: point.location.line + 1, column: 1 };
            } else {
                point.location.column += 1;
            }
        }
        point
    }

    /// Reads the statement between here and `end`, if there is one.
    fn statement(
        self,
        message: &str,
        end: usize,
        terminated: bool,
        tokens: &[TokenWithSpan],
        statements: &mut Vec<ParsedStatement>,
    ) -> Result<(), SqlError> {
        if tokens.iter().all(|token| matches!(token.token, Token::Whitespace(_) | Token::EOF)) {
            return Ok(());
        }
        let written = &message[self.bytes..end];
        let trimmed = written.trim_start();
        let skipped = &written[..written.len() - trimmed.len()];
        let start = Self { ..self }.skipping(skipped);
        let text = trimmed.trim_end();
        let tokens = rebased(tokens, start.location);
        let positions = TextPositions::new(text);
        let adapted =
            check_depth(&tokens).and_then(|()| adapted(&tokens, |token| positions.of_span(token.span)));
        let statement = adapted.and_then(|tokens| parse_statement(text, tokens)).map_err(|mut error| {
            if error.message == END_OF_INPUT {
                // The end is where the message's text or its semicolon says so.
                error.position = Some(trimmed.chars().count() + 1);
                if terminated {
                    error.message = "syntax error at or near \";\"".to_owned();
                }
            }
            error.position = error.position.map(|position| position + start.characters);
            error
        })?;
        statements.push(ParsedStatement { statement, text: text.to_owned(), offset: start.characters });
        Ok(())
    }

    fn skipping(mut self, skipped: &str) -> Self {
        for character in skipped.chars() {
            self.bytes += character.len_utf8();
            self.characters += 1;
            if character == '\n' {
                self.location = Location { line: self.location.line + 1, column: 1 };
            } else {
                self.location.column += 1;
            }
        }
        self
    }
}

/// Refuses a statement whose syntax tree would be too deep, before there is one.
fn check_depth(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let mut operators = 0;
    // Comparisons between two AND or OR are levels of their own, but do not add up over these.
    let mut comparisons = 0;
    for token in tokens {
        match &token.token {
            Token::Comma => (operators, comparisons) = (0, 0),
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR => (operators, comparisons) = (operators + 1, 0),
                Keyword::NOT | Keyword::IS | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    operators += 1;
                }
                Keyword::SELECT | Keyword::FROM | Keyword::WHERE | Keyword::VALUES => {
                    (operators, comparisons) = (0, 0);
                }
                _ => {}
            },
            Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::LParen
            | Token::RParen
            | Token::Period => {}
            Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => comparisons += 1,
            _ => operators += 1,
        }
        if operators + comparisons > OPERATORS_MAX {
            return Err(SqlError::new(SqlErrorKind::StatementTooComplex, "stack depth limit exceeded"));
        }
    }
    Ok(())
}

/// The tokens with lines and columns counted from `start`.
fn rebased(tokens: &[TokenWithSpan], start: Location) -> Vec<TokenWithSpan> {
    let rebase = |location: Location| {
        if location.line == 0 {
            location
        } else if location.line == start.line {
            Location { line: 1, column: (location.column + 1).saturating_sub(start.column) }
        } else {
            Location { line: (location.line + 1).saturating_sub(start.line), column: location.column }
        }
    };
    tokens
        .iter()
        .filter(|token| token.token != Token::EOF)
        .map(|token| TokenWithSpan {
            token: token.token.clone(),
            span: Span { start: rebase(token.span.start), end: rebase(token.span.end) },
        })
        // White space before the statement's first token has no place in it.
        .skip_while(|token| matches!(&token.token, Token::Whitespace(space) if !is_comment(space)))
        .collect()
}

fn is_comment(space: &sqlparser::tokenizer::Whitespace) -> bool {
    use sqlparser::tokenizer::Whitespace;
    matches!(space, Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
}

fn parse_statement(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Statement, SqlError> {
    if let Some(utility) = parse_utility(text, &tokens)? {
        return Ok(Statement::Utility(utility));
    }
    let modifies = begins_modification(&tokens);
    read(text, tokens, |reader| reader.statement(modifies))
}

/// Reads by one way of nesting joins, and by the other if there are joins that the first cannot read.
fn read<T>(
    text: &str,
    tokens: Vec<TokenWithSpan>,
    what: impl Fn(&mut Reader<'_>) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let is_join =
        |token: &&TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::JOIN);
    let nested = (tokens.iter().filter(is_join).count() > 1).then(|| tokens.clone());
    let error = match what(&mut Reader::new(text, tokens, &DIALECT)) {
        Err(error) if error.kind == SqlErrorKind::SyntaxError => error,
        other => return other,
    };
    match nested {
        Some(tokens) => what(&mut Reader::new(text, tokens, &NESTED_JOINS)).map_err(|_| error),
        None => Err(error),
    }
}

/// SELECT … INTO makes a table; any other query is one.
fn select_into(mut query: Box<ast::Query>, text: &str) -> Result<Statement, SqlError> {
    let mut body = query.body.as_mut();
    // INTO stands in the first SELECT of a set operation.
    while let ast::SetExpr::SetOperation { left, .. } = body {
        body = left.as_mut();
    }
    let ast::SetExpr::Select(select) = body else { return Ok(Statement::Query(query)) };
    let Some(into) = select.into.take() else { return Ok(Statement::Query(query)) };
    let first = into.name.0.first().and_then(ast::ObjectNamePart::as_ident);
    let position = first.and_then(|ident| TextPositions::new(text).of_span(ident.span));
    let unsupported = |what: &str| {
        SqlError::new(SqlErrorKind::FeatureNotSupported, format!("{what} is not supported")).at(position)
    };
    if into.unlogged {
        return Err(unsupported("SELECT INTO UNLOGGED"));
    }
    let parts: Vec<_> =
        into.name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(crate::names::identifier).collect();
    let name = match parts.as_slice() {
        [name] => ObjectName { schema: None, name: name.clone(), position },
        [schema, name] => ObjectName { schema: Some(schema.clone()), name: name.clone(), position },
        _ => return Err(unsupported("a name with a database")),
    };
    Ok(Statement::Utility(UtilityStatement::CreateTableAs {
        kind: RelationKind::Table,
        name,
        temporary: into.temporary.then_some(OnCommit::default()),
        if_not_exists: false,
        columns: Vec::new(),
        query,
        text: text.to_owned(),
        with_data: true,
    }))
}

/// sqlparser's parser with the text that its tokens come from.
struct Reader<'a> {
    parser: Parser<'a>,
    text: &'a str,
    positions: TextPositions,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, tokens: Vec<TokenWithSpan>, grammar: &'a Grammar) -> Self {
        let parser =
            Parser::new(grammar).with_recursion_limit(NESTING_DEPTH_MAX).with_tokens_with_locations(tokens);
        Self { parser, text, positions: TextPositions::new(text) }
    }

    /// One statement that is no utility statement.
    fn statement(&mut self, modifies: bool) -> Result<Statement, SqlError> {
        if modifies {
            let modification = self.modification()?;
            self.end()?;
            return Ok(Statement::Modify(Box::new(modification)));
        }
        let statement = match self.parser.peek_token_ref().token.clone() {
            Token::EOF => Statement::Empty,
            Token::LParen => Statement::Query(self.query()?),
            Token::Word(word) => match word.keyword {
                Keyword::SELECT | Keyword::VALUES | Keyword::TABLE | Keyword::WITH => {
                    select_into(self.query()?, self.text)?
                }
                Keyword::EXPLAIN => self.explain()?,
                _ => return Err(self.near_next()),
            },
            _ => return Err(self.near_next()),
        };
        self.end()?;
        Ok(statement)
    }

    fn query(&mut self) -> Result<Box<ast::Query>, SqlError> {
        self.parser.parse_query().map_err(|error| self.error(&error))
    }

    /// The tokens that are not read yet, without white space.
    fn rest(&self) -> impl Iterator<Item = TokenWithSpan> {
        (0..)
            .map(|ahead| self.parser.peek_nth_token_ref(ahead).clone())
            .take_while(|token| token.token != Token::EOF)
    }

    fn end(&mut self) -> Result<(), SqlError> {
        match self.parser.peek_token_ref().token {
            Token::EOF => Ok(()),
            _ => Err(self.near_next()),
        }
    }

    fn unsupported(&self, construct: &str) -> SqlError {
        let next = self.parser.peek_token();
        SqlError::new(SqlErrorKind::FeatureNotSupported, format!("{construct} is not supported"))
            .at(self.positions.of_span(next.span))
    }

    fn near_next(&self) -> SqlError {
        let next = self.parser.peek_token();
        self.near(&next)
    }

    fn near(&self, token: &TokenWithSpan) -> SqlError {
        // `GROUP` and `ORDER` may stand where they do: it is BY that is missing.
        let begins = [Keyword::GROUP, Keyword::ORDER, Keyword::PARTITION]
            .into_iter()
            .any(|word| is_plain_word(&token.token, word));
        if begins {
            let mut behind =
                self.parser_tokens().skip_while(|other| other.span.start != token.span.start).skip(1);
            match behind.find(|other| !matches!(other.token, Token::Whitespace(_))) {
                Some(next) if is_plain_word(&next.token, Keyword::BY) => {}
                Some(next) => return self.near(&next),
                None => return self.near(&TokenWithSpan::new_eof()),
            }
        }
        match self.positions.of_span(token.span) {
            Some(start) if token.token != Token::EOF => {
                let end = self.positions.of(token.span.end).unwrap_or(start);
                let length = end.saturating_sub(start);
                let written: String = self.text.chars().skip(start - 1).take(length.max(1)).collect();
                let message = format!("syntax error at or near \"{written}\"");
                SqlError::new(SqlErrorKind::SyntaxError, message).at(Some(start))
            }
            _ => SqlError::new(SqlErrorKind::SyntaxError, END_OF_INPUT).at(Some(self.positions.end())),
        }
    }

    /// sqlparser says where only in its message's last words; the token there is what PostgreSQL names.
    fn error(&self, error: &ParserError) -> SqlError {
        match error {
            ParserError::RecursionLimitExceeded => {
                SqlError::new(SqlErrorKind::StatementTooComplex, "stack depth limit exceeded")
            }
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
                match location_in(message).and_then(|location| self.token_at(location)) {
                    Some(token) => self.near(&token),
                    None if message.contains("found: EOF") => self.near(&TokenWithSpan::new_eof()),
                    None => self.near_next(),
                }
            }
        }
    }

    fn token_at(&self, location: Location) -> Option<TokenWithSpan> {
        self.parser_tokens().find(|token| token.span.start == location)
    }

    /// The tokens from the beginning; the parser shows them only relative to where it is.
    fn parser_tokens(&self) -> impl Iterator<Item = TokenWithSpan> {
        tokenize(self.text).unwrap_or_default().into_iter()
    }
}

fn is_plain_word(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

fn location_in(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::Explained;

    fn error(text: &str) -> (SqlErrorKind, String, Option<usize>) {
        let error = parse(text).unwrap_err();
        (error.kind, error.message, error.position)
    }

    #[test]
    fn splits_at_semicolons_and_keeps_comments() {
        let statements = parse(" select 1 ; ; -- nothing\n\n select 'a;b' /* doc */;").unwrap();
        let texts: Vec<_> = statements.iter().map(|parsed| (parsed.text.as_str(), parsed.offset)).collect();
        assert_eq!(texts, [("select 1", 1), ("-- nothing\n\n select 'a;b' /* doc */", 14)]);
        assert!(matches!(parse(" -- only this").unwrap()[0].statement, Statement::Empty));
    }

    #[test]
    fn syntax_errors_name_the_token_and_its_place() {
        use SqlErrorKind::SyntaxError;
        assert_eq!(error("selec 1").1, "syntax error at or near \"selec\"");
        assert_eq!(
            error("select 1; select a from where b"),
            (SyntaxError, "syntax error at or near \"where\"".into(), Some(25))
        );
        assert_eq!(error("select (1"), (SyntaxError, "syntax error at end of input".into(), Some(10)));
        assert_eq!(
            error("select 1\nfrom t t2 t3"),
            (SyntaxError, "syntax error at or near \"t3\"".into(), Some(20))
        );
        assert_eq!(
            error("select 'abc"),
            (SyntaxError, "unterminated quoted string at or near \"'abc\"".into(), Some(8))
        );
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(error(&text).0, SqlErrorKind::StatementTooComplex);
        let text = format!("select 1{}", " + 1".repeat(1_000_000));
        assert_eq!(error(&text).0, SqlErrorKind::StatementTooComplex);
    }

    #[test]
    fn explain_takes_options() {
        let parsed = parse("explain (analyze, costs off) select 1").unwrap();
        assert!(matches!(parsed[0].statement, Statement::Explain { analyze: true, .. }));
        let parsed = parse("explain (select 1)").unwrap();
        assert!(matches!(parsed[0].statement, Statement::Explain { analyze: false, .. }));
        let parsed = parse("explain with a as (select 1) insert into t select * from a").unwrap();
        assert!(matches!(
            parsed[0].statement,
            Statement::Explain { explained: Explained::Modification(_), analyze: false, .. }
        ));
    }
}

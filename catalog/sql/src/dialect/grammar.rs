//! PostgreSQL's grammar as far as sqlparser asks a dialect for it: which words can be names where, and the expressions
//! that begin with something sqlparser reads otherwise.

use std::any::TypeId;

use sqlparser::{
    ast::{Expr, UnaryOperator},
    dialect::{Dialect, PostgreSqlDialect, Precedence},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, Word},
};

use crate::keywords::{KeywordClass, is_bare_label, keyword_class};

const BASE: PostgreSqlDialect = PostgreSqlDialect {};

/// The dialect. `a JOIN b JOIN c ON … ON …` nests without parentheses, which sqlparser reads only when told so, and then
/// misreads `a NATURAL JOIN b JOIN c ON …`: a text is read the common way first and the other way if that fails.
#[derive(Debug)]
pub(crate) struct Grammar {
    pub(crate) nested_joins: bool,
}

/// Reserved words that an expression can begin with.
const EXPRESSION_WORDS: &[Keyword] = &[
    Keyword::ALL,
    Keyword::ANY,
    Keyword::ARRAY,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::COLLATION,
    Keyword::CURRENT_CATALOG,
    Keyword::CURRENT_DATE,
    Keyword::CURRENT_ROLE,
    Keyword::CURRENT_SCHEMA,
    Keyword::CURRENT_TIME,
    Keyword::CURRENT_TIMESTAMP,
    Keyword::CURRENT_USER,
    Keyword::DEFAULT,
    Keyword::DISTINCT,
    Keyword::FALSE,
    Keyword::LOCALTIME,
    Keyword::LOCALTIMESTAMP,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::SESSION_USER,
    Keyword::SOME,
    Keyword::TRUE,
    Keyword::USER,
];

impl Dialect for Grammar {
    /// sqlparser asks by type what a dialect is.
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let token = parser.peek_token_ref();
        match &token.token {
            Token::Minus | Token::Plus => Some(signed(parser)),
            token if other_prefix(token).is_some() => Some(other_prefixed(parser)),
            Token::LParen if is_quantified(parser) && begins_query(parser, parser.index()) => {
                Some(parser.parse_query().map(Expr::Subquery))
            }
            Token::LParen => begins_query(parser, after(parser, parser.index())).then(|| subquery(parser)),
            Token::Word(word) if word.keyword == Keyword::VALUES && is_quantified(parser) => {
                Some(parser.parse_query().map(Expr::Subquery))
            }
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::ROW if parser.peek_nth_token_ref(1).token == Token::LParen => Some(row(parser)),
                Keyword::GROUPING if is_keyword(&parser.peek_nth_token_ref(1).token, Keyword::SETS) => {
                    Some(grouping_sets(parser))
                }
                Keyword::OPERATOR if parser.peek_nth_token_ref(1).token == Token::LParen => {
                    Some(prefix_operator(parser))
                }
                keyword if EXPRESSION_WORDS.contains(&keyword) => None,
                _ => cannot_begin(word, &parser.peek_nth_token_ref(1).token)
                    .then(|| parser.expected("an expression", token.clone())),
            },
            _ => None,
        }
    }

    fn is_column_alias(&self, keyword: &Keyword, _parser: &mut Parser) -> bool {
        is_bare_label(&spelling(*keyword))
    }

    fn is_table_factor_alias(&self, explicit: bool, keyword: &Keyword, _parser: &mut Parser) -> bool {
        // UPDATE t SET and INSERT INTO t VALUES: these words can be aliases only after AS.
        let ends = !explicit && matches!(keyword, Keyword::SET | Keyword::VALUES);
        !ends
            && !matches!(
                keyword_class(&spelling(*keyword)),
                Some(KeywordClass::Reserved | KeywordClass::TypeOrFunction)
            )
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        !self.nested_joins
    }

    /// Read, so that the binder can say what to write instead.
    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        BASE.is_delimited_identifier_start(character)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        BASE.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        BASE.is_identifier_part(character)
    }

    /// `lexical.rs` reads them.
    fn supports_unicode_string_literal(&self) -> bool {
        false
    }

    /// What begins with a reserved word and cannot be read as what the word begins is an error, and no name.
    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        keyword_class(&spelling(keyword)) == Some(KeywordClass::Reserved)
            || BASE.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, character: char) -> bool {
        BASE.is_custom_operator_part(character)
    }

    /// `a IS DISTINCT FROM b AND c`: sqlparser would read `b AND c` behind FROM. And `a::text COLLATE c`: it knows COLLATE
    /// only behind what an expression begins with.
    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        const DISTINCT: &[Keyword] = &[Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        const NOT_DISTINCT: &[Keyword] = &[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        if parser.parse_keyword(Keyword::COLLATE) {
            let collation = parser.parse_object_name(false);
            return Some(
                collation.map(|collation| Expr::Collate { expr: Box::new(left.clone()), collation }),
            );
        }
        let test = if parser.parse_keywords(DISTINCT) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(NOT_DISTINCT) {
            Expr::IsNotDistinctFrom
        } else {
            return None;
        };
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        Some(right.map(|right| test(Box::new(left.clone()), Box::new(right))))
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        BASE.get_next_precedence(parser)
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        BASE.supports_filter_during_aggregation()
    }

    fn supports_group_by_expr(&self) -> bool {
        BASE.supports_group_by_expr()
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        BASE.prec_value(precedence)
    }

    fn allow_extract_custom(&self) -> bool {
        BASE.allow_extract_custom()
    }

    fn allow_extract_single_quotes(&self) -> bool {
        BASE.allow_extract_single_quotes()
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        BASE.supports_bitwise_shift_operators()
    }

    // A name may be any expression in sqlparser's form for JSON_OBJECT: then each argument is read twice, and calls in
    // calls cost two to the power of their depth. PostgreSQL's names are identifiers.
    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn supports_empty_projections(&self) -> bool {
        BASE.supports_empty_projections()
    }

    fn supports_nested_comments(&self) -> bool {
        BASE.supports_nested_comments()
    }

    fn supports_string_escape_constant(&self) -> bool {
        BASE.supports_string_escape_constant()
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        BASE.supports_array_typedef_with_brackets()
    }

    /// For the mark before BETWEEN SYMMETRIC's bound.
    fn supports_geometric_types(&self) -> bool {
        BASE.supports_geometric_types()
    }

    fn supports_notnull_operator(&self) -> bool {
        BASE.supports_notnull_operator()
    }

    fn supports_interval_options(&self) -> bool {
        BASE.supports_interval_options()
    }

    fn supports_insert_table_alias(&self) -> bool {
        BASE.supports_insert_table_alias()
    }

    fn supports_comma_separated_trim(&self) -> bool {
        BASE.supports_comma_separated_trim()
    }
}

/// A keyword as PostgreSQL's list has it.
fn spelling(keyword: Keyword) -> String {
    format!("{keyword:?}").to_ascii_lowercase()
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(Word { keyword: found, quote_style: None, .. }) if *found == keyword)
}

/// Whether a word is reserved so that no expression begins with it.
fn cannot_begin(word: &Word, next: &Token) -> bool {
    match keyword_class(&word.value.to_ascii_lowercase()) {
        Some(KeywordClass::Reserved) => true,
        // A function's name, but no column's.
        Some(KeywordClass::TypeOrFunction) => {
            !matches!(next, Token::LParen | Token::Period | Token::SingleQuotedString(_))
        }
        _ => false,
    }
}

/// Whether the parser stands behind the parenthesis of ANY, SOME or ALL, which it closes itself.
fn is_quantified(parser: &Parser) -> bool {
    let mut before = (0..parser.index()).rev().map(|index| &parser.token_at(index).token);
    let mut significant = before.by_ref().filter(|token| !matches!(token, Token::Whitespace(_)));
    significant.next() == Some(&Token::LParen)
        && significant.next().is_some_and(|word| {
            [Keyword::ANY, Keyword::SOME, Keyword::ALL].into_iter().any(|keyword| is_keyword(word, keyword))
        })
}

/// The place behind the next token that is not white space.
fn after(parser: &Parser, index: usize) -> usize {
    significant(parser, index) + 1
}

/// The place of the first token that is not white space, from a place on.
fn significant(parser: &Parser, mut index: usize) -> usize {
    while matches!(parser.token_at(index).token, Token::Whitespace(_)) {
        index += 1;
    }
    index
}

/// Whether what sqlparser takes for an expression is a query: `VALUES (…`, or one in parentheses with more of it behind
/// them: `(SELECT …) LIMIT 1`, `(SELECT …) UNION …`.
fn begins_query(parser: &Parser, index: usize) -> bool {
    let index = significant(parser, index);
    let token = &parser.token_at(index).token;
    if *token != Token::LParen {
        let next = &parser.token_at(significant(parser, index + 1)).token;
        return is_keyword(token, Keyword::VALUES) && *next == Token::LParen;
    }
    let mut first = index;
    while parser.token_at(first).token == Token::LParen {
        first = significant(parser, first + 1);
    }
    let query = [Keyword::SELECT, Keyword::VALUES, Keyword::WITH];
    if !query.into_iter().any(|keyword| is_keyword(&parser.token_at(first).token, keyword)) {
        return false;
    }
    let mut depth = 0_usize;
    let mut end = index;
    loop {
        match parser.token_at(end).token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => break,
            Token::RParen => depth -= 1,
            Token::EOF => return false,
            _ => {}
        }
        end += 1;
    }
    let next = &parser.token_at(significant(parser, end + 1)).token;
    [
        Keyword::UNION,
        Keyword::INTERSECT,
        Keyword::EXCEPT,
        Keyword::ORDER,
        Keyword::LIMIT,
        Keyword::OFFSET,
        Keyword::FETCH,
        Keyword::FOR,
    ]
    .into_iter()
    .any(|keyword| is_keyword(next, keyword))
}

/// How tightly a sign binds: looser than `.`, `::` and `[]` only (PostgreSQL's table of precedence), so that `-2 ^ 2` is 4.
/// The number is sqlparser's for COLLATE, the next below.
const SIGN_PRECEDENCE: u8 = 120;

fn signed(parser: &mut Parser) -> Result<Expr, ParserError> {
    let op = match parser.next_token().token {
        Token::Minus => UnaryOperator::Minus,
        _ => UnaryOperator::Plus,
    };
    Ok(Expr::UnaryOp { op, expr: Box::new(parser.parse_subexpr(SIGN_PRECEDENCE)?) })
}

fn subquery(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let query = parser.parse_query()?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Subquery(query))
}

/// The prefix operators that are no signs.
fn other_prefix(token: &Token) -> Option<UnaryOperator> {
    Some(match token {
        Token::Tilde => UnaryOperator::BitwiseNot,
        Token::AtSign => UnaryOperator::PGAbs,
        Token::PGSquareRoot => UnaryOperator::PGSquareRoot,
        Token::PGCubeRoot => UnaryOperator::PGCubeRoot,
        Token::DoubleExclamationMark => UnaryOperator::PGPrefixFactorial,
        _ => return None,
    })
}

/// They bind looser than arithmetic, as all of PostgreSQL's "other operators": `@ -3 + 1` is 2.
fn other_prefixed(parser: &mut Parser) -> Result<Expr, ParserError> {
    let sign = parser.next_token();
    let Some(op) = other_prefix(&sign.token) else { return parser.expected("an operator", sign) };
    Ok(Expr::UnaryOp { op, expr: Box::new(parser.parse_subexpr(BASE.prec_value(Precedence::PgOther))?) })
}

/// `OPERATOR(pg_catalog.-) x`
fn prefix_operator(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    while matches!(parser.peek_token_ref().token, Token::Word(_)) {
        parser.next_token();
        parser.expect_token(&Token::Period)?;
    }
    let sign = parser.next_token();
    let op = match &sign.token {
        Token::Minus => UnaryOperator::Minus,
        Token::Plus => UnaryOperator::Plus,
        token => match other_prefix(token) {
            Some(op) => op,
            None => return parser.expected("an operator", sign),
        },
    };
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::UnaryOp { op, expr: Box::new(parser.parse_subexpr(BASE.prec_value(Precedence::PgOther))?) })
}

/// `ROW(…)` is a tuple however many fields it has.
fn row(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let fields = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen)?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Tuple(fields))
}

/// `GROUPING SETS (…)` inside another, where sqlparser expects plain expressions.
fn grouping_sets(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let sets = parser.parse_comma_separated(|parser| {
        if parser.consume_token(&Token::LParen) {
            let set = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen)?;
            parser.expect_token(&Token::RParen)?;
            Ok(set)
        } else {
            Ok(vec![parser.parse_expr()?])
        }
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::GroupingSets(sets))
}

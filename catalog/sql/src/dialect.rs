//! What PostgreSQL's grammar has and sqlparser's lacks. `grammar.rs` answers what sqlparser asks a dialect for;
//! everything else is put into words that sqlparser knows, token by token and before it parses: only forms that have one
//! meaning whatever surrounds them. What has no such words becomes a mark (`marks.rs`), which the binder reads.
//! Positions stay those of the written tokens.

mod clauses;
pub(crate) mod grammar;
mod lexical;
pub(crate) mod marks;
mod sample;
mod search_cycle;

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Whitespace, Word},
};

use crate::error::{SqlError, SqlErrorKind};

/// Types whose name before a string makes a literal of it (`float8 '1'`); the dates and times are sqlparser's already.
const LITERAL_TYPES: &[&str] = &[
    "bool", "bpchar", "bytea", "float4", "float8", "int2", "int4", "int8", "json", "jsonb", "jsonpath",
    "name", "numeric", "oid", "regclass", "regtype", "text", "uuid", "varchar",
];

/// Words that end an expression or a list in FROM: never a relation's name.
const NOT_A_RELATION: &[Keyword] = &[
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::ORDER,
    Keyword::HAVING,
    Keyword::LIMIT,
    Keyword::OFFSET,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::FETCH,
    Keyword::WINDOW,
    Keyword::USING,
    Keyword::FROM,
    Keyword::AND,
    Keyword::OR,
];

/// The tokens of one statement as sqlparser is to see them. `position` gives the place of a token.
pub(crate) fn adapted(
    tokens: &[TokenWithSpan],
    position: impl Fn(&TokenWithSpan) -> Option<usize>,
) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut adapter = Adapter {
        tokens,
        index: 0,
        adapted: Vec::with_capacity(tokens.len()),
        previous: None,
        newline: false,
        comment: false,
        parentheses: Vec::new(),
        brackets: Vec::new(),
        position: &position,
    };
    while adapter.index < tokens.len() {
        adapter.token()?;
    }
    Ok(adapter.adapted)
}

/// What a parenthesis that is open belongs to, where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parenthesis {
    /// `USING (a, b`: only names and commas so far.
    UsingNames,
    /// `substring(`.
    Substring,
    /// `substring(… SIMILAR`.
    SubstringSimilar,
    Other,
}

/// What a bracket that is open begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// `ARRAY[`, or `[` in one.
    Array,
    /// A subscript, or a parenthesis.
    Other,
}

/// The rewriting as far as it has come.
struct Adapter<'t> {
    tokens: &'t [TokenWithSpan],
    /// The next token to be looked at.
    index: usize,
    adapted: Vec<TokenWithSpan>,
    /// The last token that is not white space.
    previous: Option<Token>,
    /// Whether a line ended since.
    newline: bool,
    /// Whether a comment of several lines (or that could have them) stood since.
    comment: bool,
    parentheses: Vec<Parenthesis>,
    /// The brackets and parentheses that are open.
    brackets: Vec<Bracket>,
    position: &'t dyn Fn(&TokenWithSpan) -> Option<usize>,
}

impl<'t> Adapter<'t> {
    /// Takes one written token over, with what belongs to it.
    fn token(&mut self) -> Result<(), SqlError> {
        let Some(token) = self.tokens.get(self.index) else { return Ok(()) };
        if let Token::Whitespace(space) = &token.token {
            self.index += 1;
            self.comment |= matches!(space, Whitespace::MultiLineComment(_));
            self.newline |= matches!(space, Whitespace::Newline | Whitespace::SingleLineComment { .. });
            self.adapted.push(token.clone());
            return Ok(());
        }
        self.check(token)?;
        if self.lexical(token)? {
            return Ok(());
        }
        (self.newline, self.comment) = (false, false);
        if self.clause(token)? || self.literal(token) {
            return Ok(());
        }
        self.index += 1;
        self.push(token, [token.token.clone()]);
        Ok(())
    }

    /// Refuses what sqlparser would accept and PostgreSQL does not.
    fn check(&self, token: &TokenWithSpan) -> Result<(), SqlError> {
        let refused = match &token.token {
            Token::SingleQuotedString(_) => {
                (matches!(self.previous, Some(Token::SingleQuotedString(_))) && !self.continues_string())
                    || (is_keyword(self.previous.as_ref(), Keyword::AS) && self.reads_or_changes_rows())
            }
            // `interval` is no column's name.
            Token::Number(..) => is_keyword(self.previous.as_ref(), Keyword::INTERVAL),
            Token::Word(word) => {
                word.quote_style.is_none()
                    && is_keyword(self.previous.as_ref(), Keyword::FROM)
                    && NOT_A_RELATION.contains(&word.keyword)
            }
            // An array is written with its word, but for the rows of one.
            Token::LBracket => match self.previous.as_ref() {
                Some(Token::LBracket | Token::Comma) => self.brackets.last() != Some(&Bracket::Array),
                previous => !ends_expression(previous) && !is_keyword(previous, Keyword::ARRAY),
            },
            // The escapes of ODBC are the driver's to translate.
            Token::LBrace => true,
            _ => false,
        };
        if refused { Err(self.syntax_error(token)) } else { Ok(()) }
    }

    /// Whether a string here belongs to the one before it: only line ends and comments to the end of a line are between.
    fn continues_string(&self) -> bool {
        self.newline && !self.comment
    }

    /// Whether the statement is a query or changes rows.
    fn reads_or_changes_rows(&self) -> bool {
        ["select", "with", "values", "insert", "update", "delete", "merge"]
            .into_iter()
            .any(|word| self.begins_with(word))
    }

    /// Forms of single operators and literals.
    fn literal(&mut self, token: &'t TokenWithSpan) -> bool {
        let word = unquoted(&token.token);
        let replaced = match word.as_str() {
            "isnull" if ends_expression(self.previous.as_ref()) => {
                vec![Token::make_keyword("IS"), space(), Token::make_keyword("NULL")]
            }
            // There is no such operator, but sqlparser has one.
            "" if token.token == Token::DoubleEq => vec![Token::CustomBinaryOperator("==".to_owned())],
            "" if let Some(separated) = separated_signs(&token.token) => separated,
            "" if let Some(operator) = self.operator_with_sign(token) => {
                self.index += 1;
                vec![Token::CustomBinaryOperator(operator)]
            }
            // The mark is taken off again where BETWEEN is bound.
            "symmetric" if is_keyword(self.previous.as_ref(), Keyword::BETWEEN) => vec![Token::AtDashAt],
            // In a frame sqlparser reads a string as an interval of its own; in parentheses it is any constant.
            "" if self.is_frame_offset(token) => vec![Token::LParen, token.token.clone(), Token::RParen],
            // TRIM(LEADING FROM x) trims spaces.
            "from" if is_trim_side(self.previous.as_ref()) => {
                vec![Token::SingleQuotedString(" ".to_owned()), space(), token.token.clone()]
            }
            // TRIM(FROM x), too.
            "from" if self.begins_trim() => Vec::new(),
            // sqlparser forgets a precision that stands before the string.
            "interval" if self.is_sign(1, &Token::LParen) && self.is_sign(3, &Token::RParen) => {
                match (self.significant(2), self.significant(4)) {
                    (
                        Some((_, TokenWithSpan { token: digits @ Token::Number(..), .. })),
                        Some((next, TokenWithSpan { token: text @ Token::SingleQuotedString(_), .. })),
                    ) => {
                        let (text, digits) = (text.clone(), digits.clone());
                        self.index = next;
                        vec![token.token.clone(), space(), text, Token::LParen, digits, Token::RParen]
                    }
                    _ => return false,
                }
            }
            name if LITERAL_TYPES.contains(&name) && begins_expression(self.previous.as_ref()) => {
                match self.significant(1) {
                    Some((next, TokenWithSpan { token: text @ Token::SingleQuotedString(_), .. })) => {
                        let cast = vec![
                            Token::make_keyword("CAST"),
                            Token::LParen,
                            text.clone(),
                            space(),
                            Token::make_keyword("AS"),
                            space(),
                            token.token.clone(),
                            Token::RParen,
                        ];
                        self.index = next;
                        cast
                    }
                    _ => return false,
                }
            }
            _ => return false,
        };
        self.index += 1;
        self.push(token, replaced);
        true
    }

    /// Whether what was written last is `trim(`.
    fn begins_trim(&self) -> bool {
        let mut before = self.adapted.iter().rev().map(|token| &token.token);
        let mut significant = before.by_ref().filter(|token| !matches!(token, Token::Whitespace(_)));
        significant.next() == Some(&Token::LParen) && is_keyword(significant.next(), Keyword::TRIM)
    }

    /// A sign right behind an operator of these signs belongs to it in PostgreSQL: `2^-1` has an operator `^-`, which
    /// does not exist.
    fn operator_with_sign(&self, token: &TokenWithSpan) -> Option<String> {
        use Token::{Ampersand, Caret, Minus, Mod, Neq, Pipe, Plus, Sharp, StringConcat};
        let operator = match token.token {
            // sqlparser takes `<>` and a sign for one operator, but not this.
            Neq => "!=".to_owned(),
            Caret | Mod | Pipe | Ampersand | Sharp | StringConcat => token.token.to_string(),
            _ => return None,
        };
        let sign = &self.tokens.get(self.index + 1)?.token;
        let belongs = matches!(sign, Minus | Plus) && ends_expression(self.previous.as_ref());
        belongs.then(|| format!("{operator}{sign}"))
    }

    /// Puts tokens in the place of a written one.
    fn push(&mut self, written: &TokenWithSpan, tokens: impl IntoIterator<Item = Token>) {
        let span = written.span;
        for token in tokens {
            if !matches!(token, Token::Whitespace(_)) {
                self.enter_and_leave(&token);
                self.previous = Some(token.clone());
            }
            self.adapted.push(TokenWithSpan { token, span });
        }
    }

    /// Keeps account of parentheses.
    fn enter_and_leave(&mut self, token: &Token) {
        match token {
            Token::LBracket => {
                let begins = match self.previous.as_ref() {
                    Some(Token::LBracket | Token::Comma) => true,
                    previous => is_keyword(previous, Keyword::ARRAY),
                };
                self.brackets.push(if begins { Bracket::Array } else { Bracket::Other });
            }
            Token::LParen => self.brackets.push(Bracket::Other),
            Token::RBracket | Token::RParen => {
                self.brackets.pop();
            }
            _ => {}
        }
        match token {
            Token::LParen => {
                let kind = match self.previous.as_ref() {
                    Some(previous) if is_keyword(Some(previous), Keyword::USING) => Parenthesis::UsingNames,
                    Some(previous) if is_keyword(Some(previous), Keyword::SUBSTRING) => {
                        Parenthesis::Substring
                    }
                    _ => Parenthesis::Other,
                };
                self.parentheses.push(kind);
            }
            Token::RParen => {
                self.parentheses.pop();
            }
            Token::Comma | Token::Period => {}
            Token::Word(word) if word.quote_style.is_some() || !is_query_word(word.keyword) => {}
            _ => {
                if let Some(last @ Parenthesis::UsingNames) = self.parentheses.last_mut() {
                    *last = Parenthesis::Other;
                }
            }
        }
    }

    /// The `count`th token from the current one on that is not white space, and its index; the current one is the 0th.
    fn significant(&self, count: usize) -> Option<(usize, &'t TokenWithSpan)> {
        self.tokens
            .iter()
            .enumerate()
            .skip(self.index)
            .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
            .nth(count)
    }

    /// The word in lower case that stands `count` tokens further on; empty if it is none.
    fn word(&self, count: usize) -> String {
        self.significant(count).map_or_else(String::new, |(_, token)| unquoted(&token.token))
    }

    /// Whether a sign stands `count` tokens further on.
    fn is_sign(&self, count: usize, sign: &Token) -> bool {
        self.significant(count).is_some_and(|(_, token)| token.token == *sign)
    }

    /// Goes on behind the `count`th token from here.
    fn skip_past(&mut self, count: usize) {
        self.index = self.significant(count).map_or(self.tokens.len(), |(index, _)| index + 1);
    }

    fn syntax_error(&self, token: &TokenWithSpan) -> SqlError {
        SqlError::new(SqlErrorKind::SyntaxError, format!("syntax error at or near \"{}\"", token.token))
            .at((self.position)(token))
    }
}

/// A sign behind other operators is one of its own, `x>-1`, where sqlparser sees an operator `>-`.
fn separated_signs(token: &Token) -> Option<Vec<Token>> {
    let Token::CustomBinaryOperator(text) = token else { return None };
    let operator = text.trim_end_matches(['+', '-']);
    if operator.is_empty()
        || operator.len() == text.len()
        || operator.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?'])
    {
        return None;
    }
    let mut tokens = vec![match operator {
        ">" => Token::Gt,
        "<" => Token::Lt,
        ">=" => Token::GtEq,
        "<=" => Token::LtEq,
        "<>" => Token::Neq,
        "=" => Token::Eq,
        "*" => Token::Mul,
        "/" => Token::Div,
        other => Token::CustomBinaryOperator(other.to_owned()),
    }];
    for sign in text.get(operator.len()..)?.chars() {
        // Two minus signs together would be a comment.
        tokens.push(space());
        tokens.push(if sign == '-' { Token::Minus } else { Token::Plus });
    }
    Some(tokens)
}

/// An unquoted word in lower case; empty for anything else.
fn unquoted(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
        _ => String::new(),
    }
}

fn is_query_word(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::SELECT | Keyword::VALUES | Keyword::WITH | Keyword::TABLE)
}

fn space() -> Token {
    Token::Whitespace(Whitespace::Space)
}

fn is_keyword(token: Option<&Token>, keyword: Keyword) -> bool {
    matches!(token, Some(Token::Word(Word { keyword: found, quote_style: None, .. })) if *found == keyword)
}

fn is_trim_side(token: Option<&Token>) -> bool {
    [Keyword::LEADING, Keyword::TRAILING, Keyword::BOTH].into_iter().any(|side| is_keyword(token, side))
}

/// Whether a value may end with this token.
fn ends_expression(token: Option<&Token>) -> bool {
    match token {
        Some(Token::Word(word)) => !matches!(
            word.keyword,
            Keyword::AS | Keyword::SELECT | Keyword::WHERE | Keyword::AND | Keyword::OR
        ),
        Some(
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::RParen
            | Token::RBracket
            | Token::Placeholder(_),
        ) => true,
        _ => false,
    }
}

/// Whether a value may begin after this token, and nothing else that a type's name could be.
fn begins_expression(token: Option<&Token>) -> bool {
    match token {
        Some(Token::Word(word)) => matches!(
            word.keyword,
            Keyword::SELECT
                | Keyword::WHERE
                | Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::BETWEEN
                | Keyword::LIKE
                | Keyword::IN
                | Keyword::ON
                | Keyword::BY
        ),
        Some(
            Token::Comma
            | Token::LParen
            | Token::LBracket
            | Token::Eq
            | Token::Neq
            | Token::Lt
            | Token::Gt
            | Token::LtEq
            | Token::GtEq
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::StringConcat,
        ) => true,
        _ => false,
    }
}

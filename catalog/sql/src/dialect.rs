//! What PostgreSQL's grammar has and sqlparser's lacks, put into words that sqlparser knows, token by token and before it
//! parses: only forms that have one meaning whatever surrounds them. Positions stay those of the written tokens.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Whitespace, Word},
};

use crate::error::{SqlError, SqlErrorKind};

/// Types whose name before a string makes a literal of it (`float8 '1'`); the dates and times are sqlparser's already.
const LITERAL_TYPES: &[&str] = &[
    "bool", "bpchar", "bytea", "float4", "float8", "int2", "int4", "int8", "json", "jsonb", "name",
    "numeric", "oid", "regclass", "regtype", "text", "uuid", "varchar",
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
    let mut adapted: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // The last token that is not white space.
    let mut previous: Option<Token> = None;
    let mut newline = false;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        if let Token::Whitespace(space) = &token.token {
            newline |= matches!(space, Whitespace::Newline | Whitespace::SingleLineComment { .. });
            adapted.push(token.clone());
            continue;
        }
        let refused = match &token.token {
            Token::SingleQuotedString(_) => {
                matches!(previous, Some(Token::SingleQuotedString(_))) && !newline
            }
            Token::Word(word) => {
                word.quote_style.is_none()
                    && is_keyword(previous.as_ref(), Keyword::FROM)
                    && NOT_A_RELATION.contains(&word.keyword)
            }
            _ => false,
        };
        if refused {
            let message = format!("syntax error at or near \"{}\"", token.token);
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position(token)));
        }
        newline = false;
        let span = token.span;
        let word = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
            _ => String::new(),
        };
        let mut replaced = Vec::new();
        if word == "isnull" && ends_expression(previous.as_ref()) {
            replaced = vec![Token::make_keyword("IS"), space(), Token::make_keyword("NULL")];
        } else if word == "symmetric" && is_keyword(previous.as_ref(), Keyword::BETWEEN) {
            // The mark is taken off again where BETWEEN is bound.
            replaced = vec![Token::AtDashAt];
        } else if word == "from" && is_trim_side(previous.as_ref()) {
            // TRIM(LEADING FROM x) trims spaces.
            replaced = vec![Token::SingleQuotedString(" ".to_owned()), space(), token.token.clone()];
        } else if LITERAL_TYPES.contains(&word.as_str()) && begins_expression(previous.as_ref()) {
            let spaces = tokens[index..].iter().take_while(|next| matches!(next.token, Token::Whitespace(_)));
            let next = index + spaces.count();
            if let Some(TokenWithSpan { token: text @ Token::SingleQuotedString(_), .. }) = tokens.get(next) {
                replaced = vec![
                    Token::make_keyword("CAST"),
                    Token::LParen,
                    text.clone(),
                    space(),
                    Token::make_keyword("AS"),
                    space(),
                    token.token.clone(),
                    Token::RParen,
                ];
                index = next + 1;
            }
        }
        if replaced.is_empty() {
            previous = Some(token.token.clone());
            adapted.push(token.clone());
        } else {
            previous = replaced.last().cloned();
            adapted.extend(replaced.into_iter().map(|token| TokenWithSpan { token, span }));
        }
    }
    Ok(adapted)
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

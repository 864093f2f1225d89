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

/// The tokens of one statement as sqlparser is to see them. `position` gives the place of a token.
pub(crate) fn adapted(
    tokens: Vec<TokenWithSpan>,
    position: impl Fn(&TokenWithSpan) -> Option<usize>,
) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut adapted: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // Where the last token that is not white space stands in `adapted`.
    let mut last: Option<usize> = None;
    let mut newline = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let Token::Whitespace(space) = &token.token {
            newline |= matches!(space, Whitespace::Newline | Whitespace::SingleLineComment { .. });
            adapted.push(token);
            continue;
        }
        let previous = last.and_then(|index| adapted.get(index)).map(|previous| &previous.token);
        if matches!(token.token, Token::SingleQuotedString(_))
            && matches!(previous, Some(Token::SingleQuotedString(_)))
            && !newline
        {
            let message = format!("syntax error at or near \"{}\"", token.token);
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position(&token)));
        }
        newline = false;
        let word = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "isnull" if ends_expression(previous) => {
                let span = token.span;
                for word in ["IS", "NULL"] {
                    adapted.push(TokenWithSpan { token: Token::make_keyword(word), span });
                    adapted.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span });
                }
                last = Some(adapted.len() - 2);
                continue;
            }
            // The mark is taken off again where BETWEEN is bound.
            "symmetric" if is_keyword(previous, Keyword::BETWEEN) => {
                last = Some(adapted.len());
                adapted.push(TokenWithSpan { token: Token::AtDashAt, span: token.span });
                continue;
            }
            // TRIM(LEADING FROM x) trims spaces.
            "from" if is_trim_side(previous) => {
                let span = token.span;
                adapted.push(TokenWithSpan { token: Token::SingleQuotedString(" ".to_owned()), span });
                adapted.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span });
            }
            name if LITERAL_TYPES.contains(&name)
                && begins_expression(previous)
                && next_is_string(&mut tokens, &mut adapted, &token) =>
            {
                last = Some(adapted.len() - 1);
                continue;
            }
            _ => {}
        }
        last = Some(adapted.len());
        adapted.push(token);
    }
    Ok(adapted)
}

/// Takes the string after a type's name and writes `CAST('…' AS type)`, if there is one.
fn next_is_string(
    tokens: &mut std::iter::Peekable<std::vec::IntoIter<TokenWithSpan>>,
    adapted: &mut Vec<TokenWithSpan>,
    name: &TokenWithSpan,
) -> bool {
    let mut spaces = 0;
    let mut ahead = tokens.clone();
    while matches!(ahead.peek(), Some(TokenWithSpan { token: Token::Whitespace(_), .. })) {
        ahead.next();
        spaces += 1;
    }
    let Some(TokenWithSpan { token: Token::SingleQuotedString(text), span }) = ahead.next() else {
        return false;
    };
    for _ in 0..=spaces {
        tokens.next();
    }
    let mut push = |token| adapted.push(TokenWithSpan { token, span });
    push(Token::make_keyword("CAST"));
    push(Token::LParen);
    push(Token::SingleQuotedString(text));
    push(Token::Whitespace(Whitespace::Space));
    push(Token::make_keyword("AS"));
    push(Token::Whitespace(Whitespace::Space));
    push(name.token.clone());
    push(Token::RParen);
    true
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

//! Spellings: names and strings with Unicode escapes, names of no length, numbers with letters behind them.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};

use super::{Adapter, is_keyword, unquoted};
use crate::error::{SqlError, SqlErrorKind};

impl Adapter<'_> {
    /// Takes a token over whose spelling sqlparser does not know. `false` if it is none of these.
    pub(super) fn lexical(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        match &token.token {
            Token::Word(word) if word.quote_style.is_some() && word.value.is_empty() => {
                let message = "zero-length delimited identifier at or near \"\"\"\"";
                Err(SqlError::new(SqlErrorKind::SyntaxError, message).at((self.position)(token)))
            }
            Token::Word(_) if unquoted(&token.token) == "u" => self.unicode(token),
            Token::Word(word) if self.is_plain_name(word) => {
                self.index += 1;
                let name = Word {
                    value: word.value.to_lowercase(),
                    quote_style: Some('"'),
                    keyword: Keyword::NoKeyword,
                };
                self.push(token, [Token::Word(name)]);
                Ok(true)
            }
            // Strings on lines of their own are one.
            Token::SingleQuotedString(text) if self.continues_string() && self.continue_string(text) => {
                self.index += 1;
                self.newline = false;
                Ok(true)
            }
            Token::Placeholder(name) => {
                let digits = name.strip_prefix('$').unwrap_or_default();
                let junk = digits.starts_with(|first: char| first.is_ascii_digit())
                    && !digits.bytes().all(|digit| digit.is_ascii_digit());
                if junk {
                    let message = format!("trailing junk after parameter at or near \"{name}\"");
                    return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at((self.position)(token)));
                }
                Ok(false)
            }
            // Not X'1F' but 0x1F.
            Token::HexStringLiteral(digits) if is_number(token, digits) => {
                let message = format!("trailing junk after numeric literal at or near \"0x{digits}\"");
                Err(SqlError::new(SqlErrorKind::SyntaxError, message).at((self.position)(token)))
            }
            Token::Number(digits, false) => {
                // A number must end where a name cannot go on.
                if let Some(TokenWithSpan { token: Token::Word(word), span }) =
                    self.tokens.get(self.index + 1)
                    && word.quote_style.is_none()
                    && span.start == token.span.end
                {
                    let junk = &word.value;
                    let message =
                        format!("trailing junk after numeric literal at or near \"{digits}{junk}\"");
                    return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at((self.position)(token)));
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Whether a word that sqlparser has a meaning for is a mere name here: after a dot, one that is a keyword of other
    /// databases only, or one that means something only before a parenthesis.
    fn is_plain_name(&self, word: &Word) -> bool {
        if word.quote_style.is_some() || word.keyword == Keyword::NoKeyword {
            return false;
        }
        match word.keyword {
            _ if self.previous == Some(Token::Period) => true,
            // COPY … (HEADER match)
            Keyword::MATCH if self.begins_with("copy") => {
                !matches!(&self.previous, Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("header"))
            }
            Keyword::DIV
            | Keyword::MATCH
            | Keyword::MEMBER
            | Keyword::REGEXP
            | Keyword::RLIKE
            | Keyword::TOP
            | Keyword::XOR => !self.begins_with("create") && !self.begins_with("alter"),
            Keyword::CUBE | Keyword::ROLLUP | Keyword::TRIM | Keyword::UNNEST => {
                !self.is_sign(1, &Token::LParen)
            }
            Keyword::EXISTS => {
                // IF EXISTS, IF NOT EXISTS
                let after = |word| is_keyword(self.previous.as_ref(), word);
                !self.is_sign(1, &Token::LParen) && !after(Keyword::IF) && !after(Keyword::NOT)
            }
            _ => false,
        }
    }

    /// Appends to the string that was the last token. `false` if it was none.
    fn continue_string(&mut self, text: &str) -> bool {
        let last = self.adapted.iter_mut().rev().find(|token| !matches!(token.token, Token::Whitespace(_)));
        match last.map(|token| &mut token.token) {
            Some(Token::SingleQuotedString(begun)) => {
                begun.push_str(text);
                true
            }
            // Its escapes mean something in all parts.
            Some(Token::EscapedStringLiteral(begun)) => {
                let written = format!("E'{}'", text.replace('\'', "''"));
                let tokens = Tokenizer::new(&crate::parse::DIALECT, &written).tokenize();
                match tokens.as_deref() {
                    Ok([Token::EscapedStringLiteral(more)]) => begun.push_str(more),
                    _ => begun.push_str(text),
                }
                true
            }
            _ => false,
        }
    }

    /// `U&"…"` and `U&'…'`, which sqlparser splits into three tokens.
    fn unicode(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        let (Some(ampersand), Some(body)) =
            (self.tokens.get(self.index + 1), self.tokens.get(self.index + 2))
        else {
            return Ok(false);
        };
        let (text, quote) = match &body.token {
            Token::Word(Word { value, quote_style: Some('"'), .. }) => (value, '"'),
            Token::SingleQuotedString(text) => (text, '\''),
            _ => return Ok(false),
        };
        let adjacent = ampersand.token == Token::Ampersand
            && ampersand.span.start == token.span.end
            && body.span.start == ampersand.span.end;
        if !adjacent {
            return Ok(false);
        }
        let (escape, end) =
            if self.word(3) == "uescape" { (self.escape_character(4)?, 4) } else { ('\\', 2) };
        // Behind U, & and the quote.
        let begin = (self.position)(token).map(|position| position + 3);
        let value = decoded(text, escape, begin)?;
        self.skip_past(end);
        let decoded = match quote {
            '"' => Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword }),
            _ => Token::SingleQuotedString(value),
        };
        self.push(token, [decoded]);
        Ok(true)
    }

    fn escape_character(&self, count: usize) -> Result<char, SqlError> {
        let written = self.significant(count).map(|(_, token)| token);
        let position = written.and_then(|token| (self.position)(token));
        let error = |message: String| SqlError::new(SqlErrorKind::SyntaxError, message).at(position);
        match written.map(|token| &token.token) {
            Some(Token::SingleQuotedString(text)) => {
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(character), None)
                        if !character.is_ascii_hexdigit()
                            && !matches!(character, '+' | '\'' | '"')
                            && !character.is_whitespace() =>
                    {
                        Ok(character)
                    }
                    _ => Err(error(format!("invalid Unicode escape character at or near \"'{text}'\""))),
                }
            }
            Some(Token::EOF) | None => {
                Err(error("UESCAPE must be followed by a simple string literal at end of input".to_owned()))
            }
            Some(other) => {
                let message =
                    format!("UESCAPE must be followed by a simple string literal at or near \"{other}\"");
                Err(error(message))
            }
        }
    }
}

/// Whether a hexadecimal token is as long as `0x…`, without quotes.
fn is_number(token: &TokenWithSpan, digits: &str) -> bool {
    let length = token.span.end.column.saturating_sub(token.span.start.column);
    u64::try_from(digits.len()).is_ok_and(|digits| length == digits + 2)
}

/// A text with its escapes (`\0061`, `\+000061`, the escape character twice) resolved. `begin` is where it begins.
fn decoded(text: &str, escape: char, begin: Option<usize>) -> Result<String, SqlError> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    // Of a pair that stands for one character, the first half.
    let mut first_half: Option<u16> = None;
    let place = |rest: &str| {
        let read = text.strip_suffix(rest).unwrap_or_default();
        begin.map(|begin| begin + read.chars().count())
    };
    let error = |message: &str, rest: &str| SqlError::new(SqlErrorKind::SyntaxError, message).at(place(rest));
    let no_pair = |rest: &str| error("invalid Unicode surrogate pair", rest);
    while let Some(character) = rest.chars().next() {
        let here = rest;
        rest = &rest[character.len_utf8()..];
        if character != escape || rest.starts_with(escape) {
            if first_half.is_some() {
                return Err(no_pair(here));
            }
            rest = if character == escape { &rest[escape.len_utf8()..] } else { rest };
            decoded.push(character);
            continue;
        }
        let (skip, length) = if rest.starts_with('+') { (1, 6) } else { (0, 4) };
        let digits = rest
            .get(skip..skip + length)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| {
            error("invalid Unicode escape", here).with_hint("Unicode escapes must be \\XXXX or \\+XXXXXX.")
        })?;
        rest = &rest[skip + length..];
        let unit = u16::try_from(code).ok().filter(|unit| (0xD800..=0xDFFF).contains(unit));
        match (first_half.take(), unit) {
            (None, Some(unit)) if unit < 0xDC00 => first_half = Some(unit),
            (Some(first), Some(second)) => {
                decoded.push_str(&String::from_utf16(&[first, second]).map_err(|_| no_pair(here))?);
            }
            (Some(_), None) | (None, Some(_)) => return Err(no_pair(here)),
            (None, None) => match char::from_u32(code) {
                Some(character) if character != '\0' => decoded.push(character),
                _ => return Err(error("invalid Unicode escape value", here)),
            },
        }
    }
    if first_half.is_some() { Err(no_pair(rest)) } else { Ok(decoded) }
}

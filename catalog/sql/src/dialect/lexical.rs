//! Spellings: names and strings with Unicode escapes, names of no length, numbers with letters behind them.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Word},
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
            Token::Word(_) if unquoted(&token.token) == "u" => Ok(self.unicode_name(token)?),
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
            Token::SingleQuotedString(text) if self.newline && self.continue_string(text) => {
                self.index += 1;
                self.newline = false;
                Ok(true)
            }
            Token::UnicodeStringLiteral(text) if self.word(1) == "uescape" => {
                let escape = self.escape_character(2)?;
                let decoded = self.decoded(text, escape, token)?;
                self.skip_past(2);
                self.push(token, [Token::SingleQuotedString(decoded)]);
                Ok(true)
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
            Some(Token::SingleQuotedString(begun) | Token::EscapedStringLiteral(begun)) => {
                begun.push_str(text);
                true
            }
            _ => false,
        }
    }

    /// `U&"…"`, which sqlparser splits into three tokens.
    fn unicode_name(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        let (Some(ampersand), Some(name)) =
            (self.tokens.get(self.index + 1), self.tokens.get(self.index + 2))
        else {
            return Ok(false);
        };
        let Token::Word(word @ Word { quote_style: Some('"'), .. }) = &name.token else { return Ok(false) };
        let adjacent = ampersand.token == Token::Ampersand
            && ampersand.span.start == token.span.end
            && name.span.start == ampersand.span.end;
        if !adjacent {
            return Ok(false);
        }
        let (escape, end) =
            if self.word(3) == "uescape" { (self.escape_character(4)?, 4) } else { ('\\', 2) };
        let value = self.decoded(&word.value, escape, token)?;
        self.skip_past(end);
        self.push(token, [Token::Word(Word { value, ..word.clone() })]);
        Ok(true)
    }

    fn escape_character(&self, count: usize) -> Result<char, SqlError> {
        let written = self.significant(count).map(|(_, token)| token);
        if let Some(TokenWithSpan { token: Token::SingleQuotedString(text), .. }) = written {
            let mut characters = text.chars();
            if let (Some(character), None) = (characters.next(), characters.next())
                && !character.is_ascii_hexdigit()
                && !matches!(character, '+' | '\'' | '"')
                && !character.is_whitespace()
            {
                return Ok(character);
            }
        }
        let error = SqlError::new(SqlErrorKind::SyntaxError, "invalid Unicode escape character");
        Err(error.at(written.and_then(|token| (self.position)(token))))
    }

    /// The text with its escapes (`\0061`, `\+000061`, the escape character twice) resolved.
    fn decoded(&self, text: &str, escape: char, token: &TokenWithSpan) -> Result<String, SqlError> {
        let invalid = || {
            SqlError::new(SqlErrorKind::SyntaxError, "invalid Unicode escape")
                .with_hint("Unicode escapes must be \\XXXX or \\+XXXXXX.")
                .at((self.position)(token))
        };
        let mut units: Vec<u16> = Vec::new();
        let mut decoded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            if character != escape {
                decoded.push(character);
                continue;
            }
            if rest.starts_with(escape) {
                rest = &rest[escape.len_utf8()..];
                decoded.push(escape);
                continue;
            }
            let (skip, length) = if rest.starts_with('+') { (1, 6) } else { (0, 4) };
            let digits = rest.get(skip..skip + length).ok_or_else(invalid)?;
            let code = u32::from_str_radix(digits, 16).map_err(|_| invalid())?;
            rest = &rest[skip + length..];
            // Two escapes may be the halves of one character.
            if let (Ok(unit), 0xD800..=0xDFFF) = (u16::try_from(code), code) {
                units.push(unit);
                if units.len() == 2 {
                    let whole = String::from_utf16(&units).map_err(|_| invalid())?;
                    decoded.push_str(&whole);
                    units.clear();
                }
                continue;
            }
            if !units.is_empty() {
                return Err(invalid());
            }
            decoded.push(char::from_u32(code).ok_or_else(invalid)?);
        }
        if units.is_empty() { Ok(decoded) } else { Err(invalid()) }
    }
}

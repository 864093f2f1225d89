//! The words of a path. They are read when the parser asks for them, so that the first error of a text is the one that
//! is told. A word that stands between characters that mean something is an identifier or a keyword; which, the parser
//! knows by where it stands.

use crate::error::{FunctionError, FunctionErrorKind};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    /// `"text"`
    Text(String),
    /// `$name`, `$"name"`
    Variable(String),
    /// An identifier or a keyword.
    Word(String),
    Number {
        /// Whether it is an integer as it is written.
        whole: bool,
    },
    Symbol(&'static str),
}

/// A token, and what an error at it shows of the text: for what is read in several pieces the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    pub(super) shown: &'t str,
}

impl Token<'_> {
    pub(super) fn is(&self, symbol: &str) -> bool {
        matches!(self.kind, TokenKind::Symbol(own) if own == symbol)
    }

    /// Whether it is a keyword. Those of json are written in small letters.
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        match &self.kind {
            TokenKind::Word(word) if matches!(keyword, "null" | "true" | "false") => word == keyword,
            TokenKind::Word(word) => word.eq_ignore_ascii_case(keyword),
            _ => false,
        }
    }

    pub(super) fn error(&self) -> FunctionError {
        error_at("syntax error", self.shown)
    }
}

/// 42601 at a piece of the text; an empty one is its end.
fn error_at(message: &str, shown: &str) -> FunctionError {
    let place = if shown.is_empty() { "at end".to_owned() } else { format!("at or near \"{shown}\"") };
    FunctionError::new(FunctionErrorKind::SyntaxError, format!("{message} {place} of jsonpath input"))
}

/// Longer symbols before their beginnings.
const SYMBOLS: [&str; 31] = [
    "&&", "||", "**", "<=", "==", "<>", "!=", ">=", "!", "<", ">", "?", "%", "$", ".", "[", "]", "{", "}",
    "(", ")", "|", "&", "=", "@", "#", ",", "*", ":", "-", "+",
];

fn is_special(one: char) -> bool {
    "?%$.[]{}()|&!=<>@#,*:-+/".contains(one)
}

fn is_blank(one: char) -> bool {
    matches!(one, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// A character of a word that is not between quotes.
fn is_plain(one: char) -> bool {
    !is_special(one) && !is_blank(one) && one != '\\' && one != '"'
}

/// The reader of a text.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize) -> &'t str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|one| !wanted(one)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'t>, FunctionError> {
        loop {
            self.skip_while(is_blank);
            let start = self.at;
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Ok(Token { kind: TokenKind::End, shown: "" });
            };
            if rest.starts_with("/*") {
                self.comment()?;
                continue;
            }
            if let Some(token) = self.number()? {
                return Ok(token);
            }
            if first == '"' {
                self.at += 1;
                return self.quoted(TokenKind::Text);
            }
            if first == '$' {
                self.at += 1;
                if self.rest().starts_with('"') {
                    self.at += 1;
                    return self.quoted(TokenKind::Variable);
                }
                let name = self.skip_while(is_plain);
                if !name.is_empty() {
                    return Ok(Token {
                        kind: TokenKind::Variable(name.to_owned()),
                        shown: self.slice(start),
                    });
                }
                return Ok(Token { kind: TokenKind::Symbol("$"), shown: self.slice(start) });
            }
            if is_special(first) {
                let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)).unwrap_or("/");
                self.at += symbol.len();
                return Ok(Token { kind: TokenKind::Symbol(symbol), shown: self.slice(start) });
            }
            if let Some(token) = self.word()? {
                return Ok(token);
            }
        }
    }

    fn comment(&mut self) -> Result<(), FunctionError> {
        match self.rest().find("*/") {
            Some(end) => {
                self.at += end + 2;
                Ok(())
            }
            None => Err(error_at("unexpected end of comment", "")),
        }
    }

    /// A word without quotes. PostgreSQL forgets one that a comment follows at once, and so do we.
    fn word(&mut self) -> Result<Option<Token<'t>>, FunctionError> {
        let mut word = String::new();
        loop {
            word.push_str(self.skip_while(is_plain));
            let rest = self.rest();
            match rest.chars().next() {
                Some('\\') => self.escape(&mut word)?,
                Some(one) if is_blank(one) => {
                    let shown = self.skip_while(is_blank);
                    return Ok(Some(Token { kind: TokenKind::Word(word), shown }));
                }
                _ if rest.starts_with("/*") => {
                    self.comment()?;
                    return Ok(None);
                }
                _ => return Ok(Some(Token { kind: TokenKind::Word(word), shown: "" })),
            }
        }
    }

    fn quoted(&mut self, kind: impl Fn(String) -> TokenKind) -> Result<Token<'t>, FunctionError> {
        let mut text = String::new();
        loop {
            text.push_str(self.skip_while(|one| one != '"' && one != '\\'));
            match self.rest().chars().next() {
                Some('"') => {
                    let shown = &self.rest()[..1];
                    self.at += 1;
                    return Ok(Token { kind: kind(text), shown });
                }
                Some(_) => self.escape(&mut text)?,
                None => return Err(error_at("unexpected end of quoted string", "")),
            }
        }
    }

    /// What a backslash begins.
    fn escape(&mut self, out: &mut String) -> Result<(), FunctionError> {
        let start = self.at;
        let mut after = self.rest().chars();
        after.next();
        let escaped = match after.next() {
            None | Some('\n') => {
                self.at += 1;
                return Err(error_at("unexpected end after backslash", self.slice(start)));
            }
            Some(one) => one,
        };
        match escaped {
            'u' => return self.unicode(out),
            'x' => {
                self.at += 2;
                let digits = self.hex(2);
                if digits.len() < 2 {
                    return Err(error_at("invalid hex character sequence", self.slice(start)));
                }
                let code = u32::from_str_radix(digits, 16).unwrap_or(0);
                out.push(character(code)?);
                return Ok(());
            }
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            other => out.push(other),
        }
        self.at += 1 + escaped.len_utf8();
        Ok(())
    }

    /// At most so many hexadecimal digits.
    fn hex(&mut self, most: usize) -> &'t str {
        let rest = self.rest();
        let length = rest.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
        self.at += length;
        &rest[..length]
    }

    /// `\uXXXX` and `\u{X…}`, several at once: two can be one character.
    fn unicode(&mut self, out: &mut String) -> Result<(), FunctionError> {
        let start = self.at;
        let mut high: Option<u32> = None;
        let surrogate = |detail: &str| {
            FunctionError::new(
                FunctionErrorKind::InvalidTextRepresentation,
                "invalid input syntax for type jsonpath",
            )
            .with_detail(detail)
        };
        while self.rest().starts_with("\\u") {
            self.at += 2;
            let digits = if self.rest().starts_with('{') {
                self.at += 1;
                let digits = self.hex(6);
                if digits.is_empty() || !self.rest().starts_with('}') {
                    return Err(error_at("invalid unicode sequence", self.slice(start)));
                }
                self.at += 1;
                digits
            } else {
                let digits = self.hex(4);
                if digits.len() < 4 {
                    return Err(error_at("invalid unicode sequence", self.slice(start)));
                }
                digits
            };
            let code = u32::from_str_radix(digits, 16).unwrap_or(0);
            match (high, code) {
                (None, 0xd800..0xdc00) => high = Some(code),
                (Some(_), 0xd800..0xdc00) => {
                    return Err(surrogate("Unicode high surrogate must not follow a high surrogate."));
                }
                (Some(first), 0xdc00..0xe000) => {
                    out.push(character(0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00))?);
                    high = None;
                }
                (None, 0xdc00..0xe000) | (Some(_), _) => {
                    return Err(surrogate("Unicode low surrogate must follow a high surrogate."));
                }
                (None, _) => out.push(character(code)?),
            }
        }
        match high {
            Some(_) => Err(surrogate("Unicode low surrogate must follow a high surrogate.")),
            None => Ok(()),
        }
    }

    /// A number, unless a word that begins with digits is longer.
    fn number(&mut self) -> Result<Option<Token<'t>>, FunctionError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            from + bytes.get(from..).unwrap_or_default().iter().take_while(|one| one.is_ascii_digit()).count()
        };
        let integer = match bytes.first() {
            Some(b'0') => Some(1),
            Some(b'1'..=b'9') => Some(digits(1)),
            _ => None,
        };
        let decimal = match integer {
            Some(end) if bytes.get(end) == Some(&b'.') => Some(digits(end + 1)),
            None if bytes.first() == Some(&b'.') && digits(1) > 1 => Some(digits(1)),
            _ => None,
        };
        let Some(mantissa) = decimal.or(integer) else { return Ok(None) };
        let mut failed = None;
        let mut real = None;
        if matches!(bytes.get(mantissa), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(mantissa + 1), Some(b'+' | b'-')));
            let end = digits(mantissa + 1 + sign);
            if end > mantissa + 1 + sign {
                real = Some(end);
            } else if sign > 0 {
                failed = Some(mantissa + 2);
            }
        }
        let end = real.unwrap_or(mantissa);
        let junk = rest[end..].chars().next().filter(|one| is_plain(*one)).map(|one| end + one.len_utf8());
        let word = rest.find(|one| !is_plain(one)).unwrap_or(rest.len());
        let longest = failed.unwrap_or(0).max(junk.unwrap_or(end));
        if word > longest {
            return Ok(None);
        }
        self.at += longest;
        let shown = &rest[..longest];
        if failed == Some(longest) {
            return Err(error_at("invalid numeric literal", shown));
        }
        if junk.is_some() {
            return Err(error_at("trailing junk after numeric literal", shown));
        }
        let whole = decimal.is_none() && real.is_none();
        Ok(Some(Token { kind: TokenKind::Number { whole }, shown }))
    }
}

fn character(code: u32) -> Result<char, FunctionError> {
    if code == 0 {
        return Err(FunctionError::new(
            FunctionErrorKind::UntranslatableCharacter,
            "unsupported Unicode escape sequence",
        )
        .with_detail("\\u0000 cannot be converted to text."));
    }
    char::from_u32(code)
        .ok_or_else(|| FunctionError::new(FunctionErrorKind::SyntaxError, "invalid Unicode code point"))
}

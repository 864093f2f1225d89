//! What is wrong with a text that is no sequence of tokens: which literal, name or comment does not end, or which escape
//! is none; and where it begins, as PostgreSQL says it.

use crate::error::{SqlError, SqlErrorKind};

/// The first such error; `None`: there is none that PostgreSQL has too.
pub(super) fn lexical_error(text: &str) -> Option<SqlError> {
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        let next = characters.get(at + 1);
        let end = match character {
            '-' if next == Some(&'-') => Ok(line_end(&characters, at)),
            '/' if next == Some(&'*') => comment_end(&characters, at).ok_or("unterminated /* comment"),
            '\'' => quoted_end(&characters, at, '\'').ok_or("unterminated quoted string"),
            '"' => quoted_end(&characters, at, '"').ok_or("unterminated quoted identifier"),
            '$' => match dollar_tag(&characters, at) {
                None => Ok(at + 1),
                Some(tag) => dollar_end(&characters, at, tag).ok_or("unterminated dollar-quoted string"),
            },
            'e' | 'E' if next == Some(&'\'') => match escaped_end(&characters, at + 1) {
                Ok(end) => end.ok_or("unterminated quoted string"),
                Err(place) => return Some(invalid_escape(place)),
            },
            'u' | 'U' if next == Some(&'&') => match characters.get(at + 2) {
                Some('\'') => quoted_end(&characters, at + 2, '\'').ok_or("unterminated quoted string"),
                Some('"') => quoted_end(&characters, at + 2, '"').ok_or("unterminated quoted identifier"),
                _ => Ok(at + 1),
            },
            'b' | 'B' if next == Some(&'\'') => {
                quoted_end(&characters, at + 1, '\'').ok_or("unterminated bit string literal")
            }
            'x' | 'X' if next == Some(&'\'') => {
                quoted_end(&characters, at + 1, '\'').ok_or("unterminated hexadecimal string literal")
            }
            first if is_name_part(*first) => Ok(name_end(&characters, at)),
            _ => Ok(at + 1),
        };
        match end {
            Ok(end) => at = end,
            Err(message) => {
                let near: String = characters.iter().skip(at).collect();
                let message = format!("{message} at or near \"{near}\"");
                return Some(SqlError::new(SqlErrorKind::SyntaxError, message).at(Some(at + 1)));
            }
        }
    }
    None
}

fn invalid_escape(place: usize) -> SqlError {
    let kind = SqlErrorKind::Value(lis_functions::error::FunctionErrorKind::InvalidEscapeSequence);
    SqlError::new(kind, "invalid Unicode escape")
        .with_hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.")
        .at(Some(place + 1))
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || !character.is_ascii()
}

fn name_end(characters: &[char], start: usize) -> usize {
    let rest = characters.iter().skip(start);
    start + rest.take_while(|character| is_name_part(**character) || **character == '$').count()
}

fn line_end(characters: &[char], start: usize) -> usize {
    start + characters.iter().skip(start).take_while(|character| **character != '\n').count()
}

/// Comments nest.
fn comment_end(characters: &[char], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match (characters.get(at)?, characters.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// Behind the closing quote; a quote that is doubled closes nothing.
fn quoted_end(characters: &[char], opening: usize, quote: char) -> Option<usize> {
    let mut at = opening + 1;
    loop {
        let found = *characters.get(at)?;
        at += 1;
        if found == quote {
            if characters.get(at) != Some(&quote) {
                return Some(at);
            }
            at += 1;
        }
    }
}

/// The same of a string with backslashes; an error is the place of a Unicode escape that is none.
fn escaped_end(characters: &[char], opening: usize) -> Result<Option<usize>, usize> {
    let mut at = opening + 1;
    loop {
        let Some(found) = characters.get(at) else { return Ok(None) };
        match (found, characters.get(at + 1)) {
            ('\\', Some(letter @ ('u' | 'U'))) => {
                let digits = if *letter == 'u' { 4 } else { 8 };
                let written = characters.iter().skip(at + 2).take(digits);
                if written.filter(|digit| digit.is_ascii_hexdigit()).count() < digits {
                    return Err(at);
                }
                at += 2 + digits;
            }
            ('\\', Some(_)) | ('\'', Some('\'')) => at += 2,
            ('\'', _) => return Ok(Some(at + 1)),
            _ => at += 1,
        }
    }
}

/// The length of `$tag$`, if one begins here.
fn dollar_tag(characters: &[char], start: usize) -> Option<usize> {
    let rest = characters.iter().skip(start + 1);
    let name = rest.take_while(|character| is_name_part(**character)).count();
    let digit = characters.get(start + 1).is_some_and(char::is_ascii_digit);
    (!digit && characters.get(start + 1 + name) == Some(&'$')).then_some(name + 2)
}

fn dollar_end(characters: &[char], start: usize, length: usize) -> Option<usize> {
    let tag = characters.get(start..start + length)?;
    let body = start + length;
    let found = characters.get(body..)?.windows(length).position(|window| window == tag)?;
    Some(body + found + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> (String, Option<usize>) {
        lexical_error(text).map_or((String::new(), None), |error| (error.message, error.position))
    }

    #[test]
    fn what_does_not_end_and_where_it_begins() {
        let error = |message: &str, place: usize| (message.to_owned(), Some(place));
        assert_eq!(
            message("select 'a''b' /* c /* d */"),
            error("unterminated /* comment at or near \"/* c /* d */\"", 15)
        );
        assert_eq!(message("select 'å', 'b"), error("unterminated quoted string at or near \"'b\"", 13));
        assert_eq!(message("select E'\\'"), error("unterminated quoted string at or near \"E'\\'\"", 8));
        assert_eq!(message("select \"a"), error("unterminated quoted identifier at or near \"\"a\"", 8));
        assert_eq!(
            message("select $x$b$y$"),
            error("unterminated dollar-quoted string at or near \"$x$b$y$\"", 8)
        );
        assert_eq!(message("select e'\\u00'"), error("invalid Unicode escape", 10));
        assert_eq!(message("select a$b$, $1, 'x' -- '").1, None);
    }
}

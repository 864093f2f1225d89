//! The text form of arrays: `{1,NULL,"a b"}`.

use crate::error::{FunctionError, FunctionErrorKind};

/// The elements of a one-dimensional array as text, `None` for null. An explicit lower bound of 1 (`[1:2]={…}`) is
/// accepted; more dimensions are refused.
pub fn parse_array(text: &str) -> Result<Vec<Option<String>>, FunctionError> {
    let malformed = |detail: &str| {
        FunctionError::new(
            FunctionErrorKind::InvalidTextRepresentation,
            format!("malformed array literal: \"{text}\""),
        )
        .with_detail(detail)
    };
    let mut body = super::trim(text);
    if body.starts_with('[') {
        let (bounds, after) =
            body.split_once('=').ok_or_else(|| malformed("Missing \"=\" after array dimensions."))?;
        if !bounds.trim().starts_with("[1:") || bounds.matches('[').count() > 1 {
            return Err(FunctionError::not_supported(
                "arrays with other lower bounds than 1 are not supported",
            ));
        }
        body = after.trim_start();
    }
    let inner = body
        .strip_prefix('{')
        .ok_or_else(|| malformed("Array value must start with \"{\" or dimension information."))?;
    let mut elements = Vec::new();
    let mut characters = inner.chars().peekable();
    let mut expect_element = false;
    loop {
        while characters.next_if(|character| character.is_ascii_whitespace()).is_some() {}
        let mut element = String::new();
        let mut quoted = false;
        // The length up to which trailing blanks were quoted or escaped and stay.
        let mut keep = 0;
        loop {
            match characters.next() {
                None => return Err(malformed("Unexpected end of input.")),
                Some('"') => {
                    if quoted || !element.is_empty() {
                        return Err(malformed("Incorrectly quoted array element."));
                    }
                    quoted = true;
                    loop {
                        match characters.next() {
                            None => return Err(malformed("Unexpected end of input.")),
                            Some('"') => break,
                            Some('\\') => element.extend(characters.next()),
                            Some(character) => element.push(character),
                        }
                    }
                    keep = element.len();
                }
                Some('\\') => {
                    element.extend(characters.next());
                    keep = element.len();
                }
                Some('{') => {
                    return Err(FunctionError::not_supported(
                        "arrays of several dimensions are not supported",
                    ));
                }
                Some(end @ (',' | '}')) => {
                    let trimmed = element.trim_end_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).len();
                    element.truncate(trimmed.max(keep));
                    let is_empty = element.is_empty() && !quoted;
                    if is_empty && !(end == '}' && !expect_element && elements.is_empty()) {
                        return Err(malformed(&format!("Unexpected \"{end}\" character.")));
                    }
                    if !is_empty {
                        let is_null = !quoted && keep == 0 && element.eq_ignore_ascii_case("null");
                        elements.push((!is_null).then_some(element));
                    }
                    if end == '}' {
                        if characters.any(|character| !character.is_ascii_whitespace()) {
                            return Err(malformed("Junk after closing right brace."));
                        }
                        return Ok(elements);
                    }
                    expect_element = true;
                    break;
                }
                Some(character) if quoted && !character.is_ascii_whitespace() => {
                    return Err(malformed("Incorrectly quoted array element."));
                }
                Some(_) if quoted => {}
                Some(character) => element.push(character),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse_array("{}"), Ok(vec![]));
        assert_eq!(parse_array(" { 1 , NULL,\"null\" } "), Ok(vec![some("1"), None, some("null")]));
        assert_eq!(parse_array(r#"{"a b","q\"\\",""}"#), Ok(vec![some("a b"), some("q\"\\"), some("")]));
        for text in ["", "1", "{1", "{1}x", "{,}", "{1,}", "{\"a\"b}"] {
            assert!(parse_array(text).is_err(), "{text}");
        }
    }
}

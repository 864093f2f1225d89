//! From a cell to the text that its type reads: trimming, null tokens, extraction, mapping; in this order.

use super::Reading;
use crate::rules::{Broken, Rule};

/// Whether a character is blank in a delivery: also the no-break blanks that word processors and Excel put in.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '\u{a0}' | '\u{202f}' | '\u{2007}')
}

/// Blanks taken from both ends. Most cells have none, which their first and last byte show.
#[inline]
pub(super) fn trimmed(text: &str) -> &str {
    let maybe_blank = |byte: &u8| *byte <= b' ' || !byte.is_ascii();
    let bytes = text.as_bytes();
    if bytes.first().is_some_and(maybe_blank) || bytes.last().is_some_and(maybe_blank) {
        text.trim_matches(is_blank)
    } else {
        text
    }
}

/// The text of a cell's value; `None` for null.
#[inline]
pub(super) fn prepare<'a>(reading: &'a Reading, cell: &'a str) -> Result<Option<&'a str>, Broken> {
    let text = if reading.trim { trimmed(cell) } else { cell };
    if reading.null_empty && text.is_empty() {
        return Ok(None);
    }
    if !reading.null_tokens.is_empty() && reading.null_tokens.iter().any(|token| token == text) {
        return Ok(None);
    }
    let mut text = text;
    if let Some((pattern, written)) = &reading.extract {
        text = match pattern.captures(text) {
            Some(captures) => {
                let group = if captures.len() > 1 { captures.get(1) } else { captures.get(0) };
                match group {
                    Some(found) => found.as_str(),
                    None => return Ok(None),
                }
            }
            None => return Err(Broken::new(Rule::Extract, format!("nothing in it matches {written}"))),
        };
        if reading.null_empty && text.is_empty() {
            return Ok(None);
        }
    }
    if let Some(other) = reading.map.as_ref().and_then(|map| map.get(text)) {
        text = other;
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn reading() -> Reading {
        Reading {
            trim: true,
            null_empty: true,
            null_tokens: vec!["NULL".to_owned(), "-".to_owned()],
            ..Reading::default()
        }
    }

    #[test]
    fn blanks_and_nulls() {
        let reading = reading();
        for (cell, expected) in [
            (" a b\t", Some("a b")),
            ("\u{a0}å\u{202f}", Some("å")),
            ("ö", Some("ö")),
            ("  ", None),
            ("", None),
            (" NULL ", None),
            ("null", Some("null")),
            ("-", None),
        ] {
            assert_eq!(prepare(&reading, cell), Ok(expected), "{cell:?}");
        }
    }

    #[test]
    fn extraction_and_mapping() {
        let pattern = r"^(\S+) ";
        let reading = Reading {
            extract: Some((Regex::new(pattern).unwrap(), pattern.to_owned())),
            map: Some([("BGR".to_owned(), "103".to_owned())].into()),
            ..reading()
        };
        assert_eq!(prepare(&reading, "BGR Grundskolenämnd"), Ok(Some("103")));
        assert_eq!(prepare(&reading, "VSÖ Socialnämnd"), Ok(Some("VSÖ")));
        assert_eq!(prepare(&reading, "BGR").map_err(|broken| broken.rule), Err(Rule::Extract));
    }
}

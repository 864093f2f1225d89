//! Pattern matching (PostgreSQL's section 9.7): LIKE, SIMILAR TO and POSIX regular expressions.
//!
//! LIKE is matched here. Regular expressions are the crate `regex`'s, after a translation of PostgreSQL's syntax; what
//! it cannot express (back references, look-around) and which of several matches at one place is taken is found by a tree
//! of our own.
//!
//! LIKE is here; `patterns/translation.rs` translates, `patterns/expressions.rs` compiles, `patterns/lengths.rs` chooses,
//! `patterns/regexp.rs` has the functions.

mod expressions;
mod lengths;
mod regexp;
mod translation;

use std::sync::Arc;

use arrow::{array::ArrayRef, datatypes::DataType};
use datafusion::logical_expr::ScalarUDF;

pub(crate) use self::expressions::LikeRegex;
pub use self::{expressions::similar_to_escape, regexp::*};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    interrupt,
    kernels::{TextArgument, boolean_rows, text_rows},
    scalar::{Arguments, Scalar},
    strings::{Definition, Kind},
};

/// Functions with fixed types. [`regexp_matches`] gives a set and is not among them.
pub const PATTERNS: &[Definition] = {
    use Kind::{Bool, Int4, Text, TextArray};
    const fn row(
        name: &'static str,
        arguments: &'static [Kind],
        result: Kind,
        make: fn() -> Arc<ScalarUDF>,
    ) -> Definition {
        Definition { name, arguments, result, make }
    }
    &[
        row("like", &[Text, Text], Bool, like),
        row("notlike", &[Text, Text], Bool, not_like),
        row("like_escape", &[Text, Text], Text, like_escape),
        row("similar_to_escape", &[Text], Text, similar_to_escape),
        row("similar_to_escape", &[Text, Text], Text, similar_to_escape),
        row("regexp_like", &[Text, Text], Bool, regexp_like),
        row("regexp_like", &[Text, Text, Text], Bool, regexp_like),
        row("regexp_replace", &[Text, Text, Text], Text, regexp_replace),
        row("regexp_replace", &[Text, Text, Text, Text], Text, regexp_replace),
        row("regexp_match", &[Text, Text], TextArray, regexp_match),
        row("regexp_match", &[Text, Text, Text], TextArray, regexp_match),
        row("regexp_split_to_array", &[Text, Text], TextArray, regexp_split_to_array),
        row("regexp_split_to_array", &[Text, Text, Text], TextArray, regexp_split_to_array),
        row("regexp_count", &[Text, Text], Int4, regexp_count),
        row("regexp_count", &[Text, Text, Int4], Int4, regexp_count),
        row("regexp_count", &[Text, Text, Int4, Text], Int4, regexp_count),
        row("regexp_substr", &[Text, Text], Text, regexp_substr),
        row("regexp_substr", &[Text, Text, Int4], Text, regexp_substr),
        row("regexp_substr", &[Text, Text, Int4, Int4], Text, regexp_substr),
        row("regexp_substr", &[Text, Text, Int4, Int4, Text], Text, regexp_substr),
        row("regexp_substr", &[Text, Text, Int4, Int4, Text, Int4], Text, regexp_substr),
        row("regexp_instr", &[Text, Text], Int4, regexp_instr),
        row("regexp_instr", &[Text, Text, Int4], Int4, regexp_instr),
        row("regexp_instr", &[Text, Text, Int4, Int4], Int4, regexp_instr),
        row("regexp_instr", &[Text, Text, Int4, Int4, Int4], Int4, regexp_instr),
        row("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text], Int4, regexp_instr),
        row("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text, Int4], Int4, regexp_instr),
        row("regexp_replace", &[Text, Text, Text, Int4], Text, regexp_replace_from),
        row("regexp_replace", &[Text, Text, Text, Int4, Int4], Text, regexp_replace_from),
        row("regexp_replace", &[Text, Text, Text, Int4, Int4, Text], Text, regexp_replace_from),
        row("substring", &[Text, Text], Text, substring_regex),
        row("substring", &[Text, Text, Text], Text, substring_similar),
    ]
};

fn like_with(
    name: &'static str,
    kernel: fn(&Arguments<'_>) -> Result<ArrayRef, FunctionError>,
) -> Arc<ScalarUDF> {
    Scalar::strict(name, DataType::Boolean, kernel)
}

/// `text LIKE pattern`, with `\` as the escape.
pub fn like() -> Arc<ScalarUDF> {
    like_with("like", |arguments| like_rows(arguments, false, false))
}

/// `text NOT LIKE pattern`.
pub fn not_like() -> Arc<ScalarUDF> {
    like_with("notlike", |arguments| like_rows(arguments, false, true))
}

/// `text ILIKE pattern`.
pub fn ilike() -> Arc<ScalarUDF> {
    like_with("texticlike", |arguments| like_rows(arguments, true, false))
}

/// `text NOT ILIKE pattern`.
pub fn not_ilike() -> Arc<ScalarUDF> {
    like_with("texticnlike", |arguments| like_rows(arguments, true, true))
}

fn like_rows(arguments: &Arguments<'_>, fold: bool, negated: bool) -> Result<ArrayRef, FunctionError> {
    let (text, pattern) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let prepare = |pattern: &str| LikePattern::new(&if fold { lower(pattern) } else { pattern.to_owned() });
    let constant = arguments.is_constant(1).then(|| prepare(pattern.get(0)));
    let matched = boolean_rows(arguments, |row| {
        let prepared;
        let pattern = match &constant {
            Some(pattern) => pattern,
            None => {
                prepared = prepare(pattern.get(row));
                &prepared
            }
        };
        let text = text.get(row);
        let matched = if fold { pattern.matches(&lower(text))? } else { pattern.matches(text)? };
        Ok(matched != negated)
    })?;
    // A search that was given up has found nothing.
    interrupt::check()?;
    Ok(matched)
}

/// A search in one text asks after so many places whether its result is still wanted.
const PLACES_BETWEEN_CHECKS: usize = 1024;

/// A LIKE pattern: literal runs between wildcards.
#[derive(Debug, PartialEq, Eq)]
struct LikePattern {
    /// The runs between `%`; within one, `None` is `_`.
    segments: Vec<Vec<Option<char>>>,
    /// Segments as plain text, where they hold no `_`.
    literals: Vec<Option<String>>,
    /// The pattern ends in its escape: an error, but only for a text that gets that far.
    dangling: bool,
}

impl LikePattern {
    fn new(pattern: &str) -> Self {
        let mut segments = vec![Vec::new()];
        let mut dangling = false;
        let mut characters = pattern.chars();
        while let Some(one) = characters.next() {
            let item = match one {
                '%' => {
                    segments.push(Vec::new());
                    continue;
                }
                '_' => None,
                '\\' => match characters.next() {
                    Some(escaped) => Some(escaped),
                    None => {
                        dangling = true;
                        break;
                    }
                },
                other => Some(other),
            };
            if let Some(last) = segments.last_mut() {
                last.push(item);
            }
        }
        let literals = segments.iter().map(|segment| segment.iter().copied().collect()).collect();
        Self { segments, literals, dangling }
    }

    fn matches(&self, text: &str) -> Result<bool, FunctionError> {
        let matched = self.matches_segments(text);
        if self.dangling && matched.is_none_or(|matched| matched) {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidEscapeSequence,
                "LIKE pattern must not end with escape character",
            ));
        }
        Ok(matched.unwrap_or(false))
    }

    /// `None` if the text is longer than a pattern that ends in its escape.
    fn matches_segments(&self, text: &str) -> Option<bool> {
        let last = self.segments.len() - 1;
        let mut rest = match self.strip(0, text) {
            Some(rest) => rest,
            None => return Some(false),
        };
        if last == 0 {
            return match (self.dangling, rest.is_empty()) {
                (true, false) => None,
                (true, true) => Some(false),
                (false, at_end) => Some(at_end),
            };
        }
        for index in 1..last {
            match self.find(index, rest) {
                Some(after) => rest = after,
                None => return Some(false),
            }
        }
        Some(self.ends(last, rest))
    }

    fn strip<'a>(&self, index: usize, text: &'a str) -> Option<&'a str> {
        if let Some(literal) = &self.literals[index] {
            return text.strip_prefix(literal.as_str());
        }
        let mut characters = text.chars();
        for wanted in &self.segments[index] {
            let one = characters.next()?;
            if wanted.is_some_and(|wanted| wanted != one) {
                return None;
            }
        }
        Some(characters.as_str())
    }

    fn find<'a>(&self, index: usize, text: &'a str) -> Option<&'a str> {
        if let Some(literal) = &self.literals[index] {
            return text.find(literal.as_str()).map(|at| &text[at + literal.len()..]);
        }
        let mut places = text.char_indices().enumerate().take_while(|(place, _)| {
            place % PLACES_BETWEEN_CHECKS != 0 || *place == 0 || !interrupt::is_raised()
        });
        places.find_map(|(_, (at, _))| self.strip(index, &text[at..]))
    }

    fn ends(&self, index: usize, text: &str) -> bool {
        if let Some(literal) = &self.literals[index] {
            return text.ends_with(literal.as_str());
        }
        let wanted = self.segments[index].len();
        match text.chars().count().checked_sub(wanted) {
            None => false,
            Some(skip) => {
                let start = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
                self.strip(index, &text[start..]).is_some_and(str::is_empty)
            }
        }
    }
}

/// `like_escape(pattern, escape)`: the pattern with `\` as its escape.
pub fn like_escape() -> Arc<ScalarUDF> {
    Scalar::strict("like_escape", DataType::Utf8View, |arguments| {
        let (pattern, escape) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        text_rows(arguments, |row, out| {
            let escape = one_character(escape.get(row))?;
            let mut characters = pattern.get(row).chars();
            while let Some(one) = characters.next() {
                if Some(one) == escape {
                    out.push('\\');
                    out.extend(characters.next());
                } else if one == '\\' {
                    out.push_str("\\\\");
                } else {
                    out.push(one);
                }
            }
            Ok(())
        })
    })
}

fn one_character(escape: &str) -> Result<Option<char>, FunctionError> {
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (one, None) => Ok(one),
        _ => Err(FunctionError::new(FunctionErrorKind::InvalidEscapeSequence, "invalid escape string")
            .with_detail("Escape string must be empty or one character.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_matches_as_postgresql_does() {
        let cases = [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "_b_", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("åäö", "_ä_", true),
            ("abcbc", "%bc", true),
            ("aXbXc", "a%_%c", true),
            ("ac", "a%_%c", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("", "%", true),
            ("", "_", false),
            ("abc", "", false),
            ("abc", "%a_c%", true),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(LikePattern::new(pattern).matches(text), Ok(expected), "{text} LIKE {pattern}");
        }
        assert!(LikePattern::new("abc\\").matches("abcd").is_err());
        assert_eq!(LikePattern::new("xyz\\").matches("abc"), Ok(false));
    }
}

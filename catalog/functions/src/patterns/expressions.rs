//! From PostgreSQL's regular expressions and SIMILAR TO patterns to those of the crate `regex`.

use std::{cell::RefCell, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use regex::{Regex, RegexBuilder};
use regex_syntax::{ast::parse::ParserBuilder, hir::translate::TranslatorBuilder};

use super::{
    lengths::{Span, Tree},
    one_character,
};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{TextArgument, text_rows},
    scalar::Scalar,
};

/// How large a compiled regular expression may be, in bytes.
const REGEX_BYTES_MAX: usize = 4 << 20;
/// How many compiled patterns a thread remembers: a column of patterns is rare, a constant is the rule.
const REGEX_CACHE_ENTRIES: usize = 16;

/// `similar_to_escape(pattern [, escape])`: a SIMILAR TO pattern as a regular expression.
pub fn similar_to_escape() -> Arc<ScalarUDF> {
    Scalar::strict("similar_to_escape", DataType::Utf8View, |arguments| {
        let pattern = TextArgument::of(arguments, 0)?;
        let escape = (arguments.len() > 1).then(|| TextArgument::of(arguments, 1)).transpose()?;
        text_rows(arguments, |row, out| {
            let escape = one_character(escape.as_ref().map_or("\\", |escape| escape.get(row)))?;
            similar_to_regex(pattern.get(row), escape, out);
            Ok(())
        })
    })
}

/// Writes a SIMILAR TO pattern as a regular expression. Two escaped double quotes mark the part that SUBSTRING takes.
pub(super) fn similar_to_regex(pattern: &str, escape: Option<char>, out: &mut String) {
    out.push_str("^(?:");
    let mut characters = pattern.chars();
    let (mut bracket, mut marks) = (false, 0);
    while let Some(one) = characters.next() {
        if Some(one) == escape {
            match characters.next() {
                Some('"') if !bracket => {
                    // Before the first mark as short as may be, between the marks the part that is wanted.
                    out.push_str(if marks == 0 { "){1,1}?(" } else { "){1,1}(?:" });
                    marks += 1;
                }
                Some(escaped) => out.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4]))),
                None => {}
            }
            continue;
        }
        match one {
            '[' => {
                bracket = true;
                out.push('[');
            }
            ']' => {
                bracket = false;
                out.push(']');
            }
            '%' if !bracket => out.push_str(".*"),
            '_' if !bracket => out.push('.'),
            '(' if !bracket => out.push_str("(?:"),
            '\\' | '.' | '^' | '$' if !bracket => {
                out.push('\\');
                out.push(one);
            }
            '\\' => out.push_str("\\\\"),
            other => out.push(other),
        }
    }
    out.push_str(")$");
}

/// Flags of a regular expression function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    fold: bool,
    pub(super) global: bool,
    /// `.` does not match a line break.
    partial: bool,
    /// `^` and `$` match at line breaks.
    anchors: bool,
    expanded: bool,
    literal: bool,
}

impl Flags {
    /// Those of an operator.
    pub(super) fn folding(fold: bool) -> Self {
        Self { fold, ..Self::default() }
    }

    pub(super) fn parse(text: &str) -> Result<Self, FunctionError> {
        let mut flags = Self::default();
        for one in text.chars() {
            match one {
                'i' => flags.fold = true,
                'c' => flags.fold = false,
                'g' => flags.global = true,
                'n' | 'm' => (flags.partial, flags.anchors) = (true, true),
                'p' => (flags.partial, flags.anchors) = (true, false),
                'w' => (flags.partial, flags.anchors) = (false, true),
                's' => (flags.partial, flags.anchors) = (false, false),
                'x' => flags.expanded = true,
                't' => flags.expanded = false,
                'q' => flags.literal = true,
                'e' => {}
                other => {
                    let message = format!("invalid regular expression option: \"{other}\"");
                    return Err(FunctionError::invalid_parameter(message));
                }
            }
        }
        Ok(flags)
    }
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    regex: Regex,
    /// Where `regex` alone might take another match than PostgreSQL.
    lengths: Option<Arc<Tree>>,
}

impl Expression {
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// How many groups the pattern has.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The first match that begins at a byte or later.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Option<Span> {
        let found = self.regex.find_at(text, from)?;
        let end = match &self.lengths {
            Some(lengths) => lengths.end(text, found.start())?,
            None => found.end(),
        };
        Some((found.start(), end))
    }

    /// The same with its groups; the match itself is number 0.
    pub(super) fn groups_at(&self, text: &str, from: usize) -> Option<Vec<Option<Span>>> {
        match &self.lengths {
            Some(lengths) => lengths.groups(text, self.regex.find_at(text, from)?.start()),
            None => {
                let captures = self.regex.captures_at(text, from)?;
                Some(captures.iter().map(|group| group.map(|part| (part.start(), part.end()))).collect())
            }
        }
    }
}

/// A pattern of jsonpath's `like_regex`.
#[derive(Debug, Clone)]
pub(crate) struct LikeRegex(Expression);

impl LikeRegex {
    /// The pattern with options as the functions of regular expressions take them.
    pub(crate) fn compile(pattern: &str, options: &str) -> Result<Self, FunctionError> {
        compiled(pattern, Flags::parse(options)?).map(Self)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

thread_local! {
    static COMPILED: RefCell<Vec<(String, Flags, Expression)>> = const { RefCell::new(Vec::new()) };
}

/// The compiled pattern, from the few that this thread used last.
pub(super) fn compiled(pattern: &str, flags: Flags) -> Result<Expression, FunctionError> {
    COMPILED.with_borrow_mut(|cache| {
        if let Some(index) = cache.iter().position(|(text, with, _)| text == pattern && *with == flags) {
            let entry = cache.remove(index);
            let regex = entry.2.clone();
            cache.push(entry);
            return Ok(regex);
        }
        let regex = compile(pattern, flags)?;
        if cache.len() >= REGEX_CACHE_ENTRIES {
            cache.remove(0);
        }
        cache.push((pattern.to_owned(), flags, regex.clone()));
        Ok(regex)
    })
}

fn compile(pattern: &str, mut flags: Flags) -> Result<Expression, FunctionError> {
    let translated = if flags.literal {
        regex::escape(pattern)
    } else if let Some(literal) = pattern.strip_prefix("***=") {
        regex::escape(literal)
    } else {
        let mut pattern = pattern.strip_prefix("***:").unwrap_or(pattern);
        if let Some((options, rest)) = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')'))
            && !options.is_empty()
            && options.chars().all(|one| one.is_ascii_lowercase())
        {
            let embedded = Flags::parse(options)?;
            flags = Flags { global: flags.global, ..embedded };
            pattern = rest;
        }
        translate(pattern)?
    };
    let regex = RegexBuilder::new(&translated)
        .case_insensitive(flags.fold)
        .dot_matches_new_line(!flags.partial)
        .multi_line(flags.anchors)
        .ignore_whitespace(flags.expanded)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| invalid_regex(&error.to_string()))?;
    let ast = ParserBuilder::new().ignore_whitespace(flags.expanded).build().parse(&translated);
    let ast = ast.map_err(|error| invalid_regex(&error.to_string()))?;
    let mut translator = TranslatorBuilder::new()
        .case_insensitive(flags.fold)
        .dot_matches_new_line(!flags.partial)
        .multi_line(flags.anchors)
        .build();
    let lengths = Tree::of(&translated, &ast, &mut translator).map(Arc::new);
    Ok(Expression { regex, lengths })
}

fn invalid_regex(text: &str) -> FunctionError {
    let reason = if text.contains("unclosed group") || text.contains("unopened group") {
        "parentheses () not balanced"
    } else if text.contains("unclosed character class") {
        "brackets [] not balanced"
    } else if text.contains("repetition") {
        "quantifier operand invalid"
    } else if text.contains("incomplete escape") || text.contains("unrecognized escape") {
        "invalid escape \\ sequence"
    } else if text.contains("size limit") {
        "regular expression is too complex"
    } else if text.contains("invalid character class range") {
        "invalid character range"
    } else {
        "invalid regular expression"
    };
    FunctionError::new(
        FunctionErrorKind::InvalidRegularExpression,
        format!("invalid regular expression: {reason}"),
    )
}

/// PostgreSQL's escapes that `regex` writes otherwise.
fn translate(pattern: &str) -> Result<String, FunctionError> {
    let refused = |what: &str| {
        FunctionError::new(
            FunctionErrorKind::FeatureNotSupported,
            format!("{what} in regular expressions are not supported"),
        )
    };
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let (mut bracket, mut at_start) = (false, false);
    while let Some(one) = characters.next() {
        match one {
            '\\' => match characters.next() {
                Some('m') if !bracket => out.push_str("\\b{start}"),
                Some('M') if !bracket => out.push_str("\\b{end}"),
                Some('y') if !bracket => out.push_str("\\b"),
                Some('Y') if !bracket => out.push_str("\\B"),
                Some('Z') if !bracket => out.push_str("\\z"),
                Some('e') => out.push_str("\\x1B"),
                Some('B') => out.push_str("\\\\"),
                Some('b') => out.push_str("\\x08"),
                Some('1'..='9') if !bracket => {
                    return Err(refused("back references"));
                }
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '[' if !bracket => {
                bracket = true;
                out.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if characters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                at_start = true;
                continue;
            }
            '[' => match characters.peek() {
                Some(':') => {
                    characters.next();
                    let class: String = characters.by_ref().take_while(|inner| *inner != ':').collect();
                    characters.next_if_eq(&']');
                    out.push_str(character_class(&class)?);
                }
                _ => out.push_str("\\["),
            },
            ']' if bracket => {
                bracket = false;
                out.push(']');
            }
            // Inside brackets these are set operators for `regex` and plain characters for PostgreSQL.
            '&' | '~' if bracket => {
                out.push('\\');
                out.push(one);
            }
            '-' if bracket && at_start => out.push_str("\\-"),
            '(' if !bracket => {
                out.push('(');
                if characters.peek() == Some(&'?') {
                    let mut ahead = characters.clone();
                    ahead.next();
                    if matches!(ahead.next(), Some('=' | '!' | '<')) {
                        return Err(refused("look-around constraints"));
                    }
                }
            }
            other => out.push(other),
        }
        at_start = false;
    }
    Ok(out)
}

/// A POSIX class inside brackets. `regex`'s own are ASCII; PostgreSQL's follow the locale's character types.
fn character_class(name: &str) -> Result<&'static str, FunctionError> {
    Ok(match name {
        "alpha" => "\\p{Alphabetic}",
        "alnum" => "\\p{Alphabetic}\\p{Nd}",
        "digit" => "\\p{Nd}",
        "lower" => "\\p{Lowercase}",
        "upper" => "\\p{Uppercase}",
        "space" => "\\s",
        "blank" => " \\t",
        "punct" => "\\p{P}",
        "cntrl" => "\\p{Cc}",
        "xdigit" => "0-9a-fA-F",
        "word" => "\\w",
        "graph" => "!-~",
        "print" => " -~",
        _ => {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidRegularExpression,
                "invalid regular expression: invalid character class",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_are_translated() {
        let cases = [
            ("foo bar", "\\mbar\\M", true),
            ("foobar", "\\mbar", false),
            ("a]b", "[]]", true),
            ("a&&b", "[&]{2}", true),
            ("å1", "^[[:alpha:]][[:digit:]]$", true),
            ("a\nb", "a.b", true),
            ("AB", "(?i)ab", true),
            ("a.c", "***=a.c", true),
        ];
        for (text, pattern, expected) in cases {
            let regex = compile(pattern, Flags::default()).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{text} ~ {pattern}");
        }
        let unbalanced = compile("(", Flags::default()).expect_err("unbalanced");
        assert_eq!(unbalanced.message, "invalid regular expression: parentheses () not balanced");
        assert_eq!(
            compile("(a)\\1", Flags::default()).expect_err("reference").kind,
            FunctionErrorKind::FeatureNotSupported
        );
    }

    #[test]
    fn the_match_is_chosen_by_length() {
        // Pattern, text, match and groups, as PostgreSQL 15 answers.
        let cases: &[(&str, &str, &[&str])] = &[
            ("a|ab|abc", "xabcd", &["abc"]),
            ("a?(ab)?", "ab", &["ab", "ab"]),
            ("(a|ab)(c|bcd)(d*)", "abcd", &["abcd", "ab", "c", "d"]),
            ("a.*?b.*", "abcb xyz", &["ab"]),
            ("a.*b.*?", "abcb xyz", &["abcb xyz"]),
            ("(.*?)(b+)", "aabbb", &["aab", "aa", "b"]),
            ("(?:(a)|b)*", "ab", &["ab", "-"]),
            ("((a|b){2})(c|cd)", "xabcd", &["abcd", "ab", "b", "cd"]),
            ("kr|kronor", "12 kronor", &["kronor"]),
            ("(foo|foobar)(bar)?(.*)", "foobarbar", &["foobarbar", "foobar", "bar", ""]),
            ("([a-z]+?)([0-9]*)", "abc123", &["a", "a", ""]),
            ("(a|b).*?c|abcc", "abcc", &["abcc", "a"]),
            ("(ab?)(bc)?", "abc", &["abc", "a", "bc"]),
            ("(a+|b)*x?", "aabx", &["aabx", "b"]),
            ("x{1,1}?(y*)", "xyy", &["x", ""]),
            ("(a|åä)\\M", "b åä", &["åä", "åä"]),
        ];
        for (pattern, text, expected) in cases {
            let expression = compile(pattern, Flags::default()).expect(pattern);
            let spans = expression.groups_at(text, 0).expect(pattern);
            let shown: Vec<&str> =
                spans.iter().map(|span| span.map_or("-", |(from, to)| &text[from..to])).collect();
            assert_eq!(shown, *expected, "{pattern}");
            assert_eq!(expression.find_at(text, 0), spans[0], "{pattern}");
        }
    }

    #[test]
    fn similar_to_is_anchored() {
        let mut regex = String::new();
        similar_to_regex("a(b|c)+%", Some('\\'), &mut regex);
        let regex = compile(&regex, Flags::default()).expect("compiles");
        assert!(regex.is_match("abcbx"));
        assert!(!regex.is_match("xabc"));
    }
}

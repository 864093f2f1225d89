//! Regular expressions, compiled: with the crate `regex`, and with a tree of our own where that would take another match
//! than PostgreSQL or cannot say what the pattern says.

use std::{cell::RefCell, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use regex::{Regex, RegexBuilder};
use regex_syntax::{ast::parse::ParserBuilder, hir::translate::TranslatorBuilder};

use super::{
    lengths::{Span, Tree},
    one_character,
    translation::{Translation, similar_to_regex, translate},
};
use crate::interrupt;
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
        match self.constrained() {
            Some(_) => self.find_at(text, 0).is_some(),
            None => self.regex.is_match(text),
        }
    }

    /// How many groups the pattern has.
    pub(super) fn groups(&self) -> usize {
        self.constrained().map_or(self.regex.captures_len() - 1, Tree::groups_len)
    }

    /// Where `regex` finds places only that may begin a match.
    fn constrained(&self) -> Option<&Tree> {
        self.lengths.as_deref().filter(|lengths| lengths.is_constrained())
    }

    /// The first place at which `take` finds something, from those that may begin a match.
    fn first_of<R>(&self, text: &str, from: usize, take: impl Fn(usize) -> Option<R>) -> Option<R> {
        let mut from = from;
        while !interrupt::is_raised() {
            let start = self.regex.find_at(text, from)?.start();
            if let Some(found) = take(start) {
                return Some(found);
            }
            from = start + text.get(start..)?.chars().next()?.len_utf8();
        }
        None
    }

    /// The first match that begins at a byte or later.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Option<Span> {
        if let Some(lengths) = self.constrained() {
            return self.first_of(text, from, |start| Some((start, lengths.end(text, start)?)));
        }
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
            Some(lengths) if lengths.is_constrained() => {
                self.first_of(text, from, |start| lengths.groups(text, start))
            }
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
    let Translation { search, tree } = if flags.literal {
        regex::escape(pattern).into()
    } else if let Some(literal) = pattern.strip_prefix("***=") {
        regex::escape(literal).into()
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
        translate(pattern, flags.partial)?
    };
    let regex = RegexBuilder::new(&search)
        .case_insensitive(flags.fold)
        .dot_matches_new_line(!flags.partial)
        .multi_line(flags.anchors)
        .ignore_whitespace(flags.expanded)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| invalid_regex(&error.to_string()))?;
    let ast = ParserBuilder::new().ignore_whitespace(flags.expanded).build().parse(&tree);
    let ast = ast.map_err(|error| invalid_regex(&error.to_string()))?;
    let mut translator = TranslatorBuilder::new()
        .case_insensitive(flags.fold)
        .dot_matches_new_line(!flags.partial)
        .multi_line(flags.anchors)
        .build();
    let lengths = Tree::of(&tree, &ast, &mut translator, flags.fold).map(Arc::new);
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
            ("(b)", "(a)|\\(b\\)", true),
            ("word up", "[[:<:]]up[[:>:]]", true),
            ("a-b", "a[[.-.]]b", true),
            ("a<b", "a\\<b", true),
            ("a{b", "a{b", true),
            ("xay", "(?#comment)a", true),
            ("aA", "(?i)(a)\\1", true),
            ("aA", "(a)\\1", false),
            ("a\nb", "(?n)a[^x]b", false),
        ];
        for (text, pattern, expected) in cases {
            let regex = compile(pattern, Flags::default()).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{text} ~ {pattern}");
        }
        let unbalanced = compile("(", Flags::default()).expect_err("unbalanced");
        assert_eq!(unbalanced.message, "invalid regular expression: parentheses () not balanced");
        let reference = compile("(a\\1)", Flags::default()).expect_err("a reference to an open group");
        assert_eq!(reference.message, "invalid regular expression: invalid backreference number");
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
            // Constraints and references.
            ("(?=f)foo", "xfoo", &["foo"]),
            ("foo(?!bar)", "foobar foobaz", &["foo"]),
            ("(?<=\\$)\\d+(?=(,|\\.))", "7 $12.5", &["12"]),
            ("(?<!a)b.", "ab bc", &["bc"]),
            ("(ab|a)\\1", "xabab", &["abab", "ab"]),
            ("(.)(.)\\2\\1", "xabbay", &["abba", "a", "b"]),
            ("(a*)b\\1", "aaabaa", &["aabaa", "aa"]),
            ("(?:(.)\\1)+", "xaabbc", &["aabb", "b"]),
            ("(.*)(.*)\\1", "abcabc", &["abcabc", "abc", ""]),
            ("^(?=.*\\d)(?=.*[a-z]).{4,}$", "ab12", &["ab12"]),
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

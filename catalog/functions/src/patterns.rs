//! Pattern matching (PostgreSQL's section 9.7): LIKE, SIMILAR TO and POSIX regular expressions.
//!
//! LIKE is matched here. Regular expressions are the crate `regex`'s, after a translation of PostgreSQL's syntax; what
//! it cannot express (back references, look-ahead) is refused. One difference stays: of two alternatives that match at
//! one place PostgreSQL takes the longest, `regex` the first.

use std::{cell::RefCell, sync::Arc};

use arrow::{
    array::{ArrayRef, ListBuilder, StringViewBuilder},
    datatypes::{DataType, Field},
};
use datafusion::logical_expr::ScalarUDF;
use regex::{Regex, RegexBuilder};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    scalar::{Arguments, Scalar},
    strings::{
        Definition, IntegerArgument, Kind, TextArgument, boolean_rows, integer_rows, text_array_builder,
        text_array_type, text_rows,
    },
};

/// How large a compiled regular expression may be, in bytes.
const REGEX_BYTES_MAX: usize = 4 << 20;
/// How many compiled patterns a thread remembers: a column of patterns is rare, a constant is the rule.
const REGEX_CACHE_ENTRIES: usize = 16;

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
        row("regexp_substr", &[Text, Text], Text, regexp_substr),
        row("regexp_instr", &[Text, Text], Int4, regexp_instr),
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
    boolean_rows(arguments, |row| {
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
    })
}

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
        text.char_indices().find_map(|(at, _)| self.strip(index, &text[at..]))
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
fn similar_to_regex(pattern: &str, escape: Option<char>, out: &mut String) {
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
struct Flags {
    fold: bool,
    global: bool,
    /// `.` does not match a line break.
    partial: bool,
    /// `^` and `$` match at line breaks.
    anchors: bool,
    expanded: bool,
    literal: bool,
}

impl Flags {
    fn parse(text: &str) -> Result<Self, FunctionError> {
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

thread_local! {
    static COMPILED: RefCell<Vec<(String, Flags, Regex)>> = const { RefCell::new(Vec::new()) };
}

/// The compiled pattern, from the few that this thread used last.
fn compiled(pattern: &str, flags: Flags) -> Result<Regex, FunctionError> {
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

fn compile(pattern: &str, mut flags: Flags) -> Result<Regex, FunctionError> {
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
    RegexBuilder::new(&translated)
        .case_insensitive(flags.fold)
        .dot_matches_new_line(!flags.partial)
        .multi_line(flags.anchors)
        .ignore_whitespace(flags.expanded)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| invalid_regex(&error))
}

fn invalid_regex(error: &regex::Error) -> FunctionError {
    let text = error.to_string();
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

/// The pattern argument 1, with the flags of argument `flags` if there is one.
struct Patterns<'a> {
    pattern: TextArgument<'a>,
    flags: Option<TextArgument<'a>>,
    fixed: Flags,
}

impl<'a> Patterns<'a> {
    fn of(arguments: &'a Arguments<'_>, flags: Option<usize>, fixed: Flags) -> Result<Self, FunctionError> {
        let flags = flags.filter(|index| *index < arguments.len());
        Ok(Self {
            pattern: TextArgument::of(arguments, 1)?,
            flags: flags.map(|index| TextArgument::of(arguments, index)).transpose()?,
            fixed,
        })
    }

    fn get(&self, row: usize) -> Result<(Regex, Flags), FunctionError> {
        let flags = match &self.flags {
            Some(flags) => Flags::parse(flags.get(row))?,
            None => self.fixed,
        };
        Ok((compiled(self.pattern.get(row), flags)?, flags))
    }
}

fn match_rows(arguments: &Arguments<'_>, fold: bool, negated: bool) -> Result<ArrayRef, FunctionError> {
    let text = TextArgument::of(arguments, 0)?;
    let patterns = Patterns::of(arguments, Some(2), Flags { fold, ..Flags::default() })?;
    let constant = (0..arguments.len()).skip(1).all(|index| arguments.is_constant(index));
    let fixed = if constant && arguments.rows > 0 { Some(patterns.get(0)?.0) } else { None };
    boolean_rows(arguments, |row| {
        let matched = match &fixed {
            Some(regex) => regex.is_match(text.get(row)),
            None => patterns.get(row)?.0.is_match(text.get(row)),
        };
        Ok(matched != negated)
    })
}

/// `text ~ pattern`.
pub fn regex_equal() -> Arc<ScalarUDF> {
    Scalar::strict("textregexeq", DataType::Boolean, |arguments| match_rows(arguments, false, false))
}

/// `text !~ pattern`.
pub fn regex_not_equal() -> Arc<ScalarUDF> {
    Scalar::strict("textregexne", DataType::Boolean, |arguments| match_rows(arguments, false, true))
}

/// `text ~* pattern`.
pub fn regex_equal_folded() -> Arc<ScalarUDF> {
    Scalar::strict("texticregexeq", DataType::Boolean, |arguments| match_rows(arguments, true, false))
}

/// `text !~* pattern`.
pub fn regex_not_equal_folded() -> Arc<ScalarUDF> {
    Scalar::strict("texticregexne", DataType::Boolean, |arguments| match_rows(arguments, true, true))
}

/// `regexp_like(text, pattern [, flags])`.
pub fn regexp_like() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_like", DataType::Boolean, |arguments| match_rows(arguments, false, false))
}

/// `regexp_replace(text, pattern, replacement [, flags])`: `\1` is a group, `\&` the match.
pub fn regexp_replace() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_replace", DataType::Utf8View, |arguments| {
        let (text, replacement) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 2)?);
        let patterns = Patterns::of(arguments, Some(3), Flags::default())?;
        text_rows(arguments, |row, out| {
            let (regex, flags) = patterns.get(row)?;
            let (text, replacement) = (text.get(row), replacement.get(row));
            let mut done = 0;
            for captures in regex.captures_iter(text) {
                let Some(whole) = captures.get(0) else { continue };
                out.push_str(&text[done..whole.start()]);
                write_replacement(replacement, &captures, out);
                done = whole.end();
                if !flags.global {
                    break;
                }
            }
            out.push_str(&text[done..]);
            Ok(())
        })
    })
}

fn write_replacement(replacement: &str, captures: &regex::Captures<'_>, out: &mut String) {
    let mut characters = replacement.chars();
    while let Some(one) = characters.next() {
        if one != '\\' {
            out.push(one);
            continue;
        }
        match characters.next() {
            Some('&') => out.push_str(&captures[0]),
            Some(digit @ '0'..='9') => {
                let group = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(0);
                out.push_str(captures.get(group).map_or("", |found| found.as_str()));
            }
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

/// The groups of a match, or the whole match if the pattern has none.
fn append_groups(captures: &regex::Captures<'_>, values: &mut StringViewBuilder) {
    if captures.len() == 1 {
        values.append_value(&captures[0]);
    }
    for group in 1..captures.len() {
        values.append_option(captures.get(group).map(|found| found.as_str()));
    }
}

/// `regexp_match(text, pattern [, flags])`: null without a match.
pub fn regexp_match() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_match", text_array_type(), |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let patterns = Patterns::of(arguments, Some(2), Flags::default())?;
        let nulls = arguments.nulls();
        let mut builder = text_array_builder();
        for row in 0..arguments.rows {
            if nulls.is_null(row) {
                builder.append_null();
                continue;
            }
            let (regex, flags) = patterns.get(row)?;
            if flags.global {
                return Err(FunctionError::invalid_parameter(
                    "regexp_match() does not support the \"global\" option",
                ));
            }
            match regex.captures(text.get(row)) {
                Some(captures) => {
                    append_groups(&captures, builder.values());
                    builder.append(true);
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// The list of `text[]` that `regexp_matches(text, pattern [, flags])` gives as a set.
pub fn regexp_matches() -> Arc<ScalarUDF> {
    let result = DataType::List(Arc::new(Field::new_list_field(text_array_type(), true)));
    Scalar::strict("regexp_matches", result, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let patterns = Patterns::of(arguments, Some(2), Flags::default())?;
        let nulls = arguments.nulls();
        let field = Field::new_list_field(text_array_type(), true);
        let mut builder = ListBuilder::new(text_array_builder()).with_field(field);
        for row in 0..arguments.rows {
            if nulls.is_null(row) {
                builder.append_null();
                continue;
            }
            let (regex, flags) = patterns.get(row)?;
            let many = if flags.global { usize::MAX } else { 1 };
            for captures in regex.captures_iter(text.get(row)).take(many) {
                append_groups(&captures, builder.values().values());
                builder.values().append(true);
            }
            builder.append(true);
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `regexp_split_to_array(text, pattern [, flags])`: an empty match at the ends or right after a match does not split.
pub fn regexp_split_to_array() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_split_to_array", text_array_type(), |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let patterns = Patterns::of(arguments, Some(2), Flags::default())?;
        let nulls = arguments.nulls();
        let mut builder = text_array_builder();
        for row in 0..arguments.rows {
            if nulls.is_null(row) {
                builder.append_null();
                continue;
            }
            let (regex, _) = patterns.get(row)?;
            let text = text.get(row);
            let mut begin = 0;
            for found in regex.find_iter(text) {
                let empty = found.start() == found.end();
                if empty && (found.start() == 0 || found.end() == text.len() || found.start() == begin) {
                    continue;
                }
                builder.values().append_value(&text[begin..found.start()]);
                begin = found.end();
            }
            builder.values().append_value(&text[begin..]);
            builder.append(true);
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `regexp_count(text, pattern [, start])`.
pub fn regexp_count() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_count", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let patterns = Patterns::of(arguments, None, Flags::default())?;
        let start = (arguments.len() > 2).then(|| IntegerArgument::of(arguments, 2)).transpose()?;
        integer_rows(arguments, |row| {
            let (regex, _) = patterns.get(row)?;
            let text = text.get(row);
            let start = start.as_ref().map_or(1, |start| start.get(row));
            if start < 1 {
                let message = format!("invalid value for parameter \"start\": {start}");
                return Err(FunctionError::invalid_parameter(message));
            }
            let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
            let from = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
            let found = regex.find_iter(&text[from..]).count();
            i32::try_from(found).map_err(|_| FunctionError::out_of_range("integer"))
        })
    })
}

/// `regexp_instr(text, pattern)`: from 1; 0 without a match.
pub fn regexp_instr() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_instr", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let patterns = Patterns::of(arguments, None, Flags::default())?;
        integer_rows(arguments, |row| {
            let text = text.get(row);
            let at =
                patterns.get(row)?.0.find(text).map_or(0, |found| text[..found.start()].chars().count() + 1);
            i32::try_from(at).map_err(|_| FunctionError::out_of_range("integer"))
        })
    })
}

/// Rows of the first match, null without one; `group` takes the first group where the pattern has one.
fn first_match(
    arguments: &Arguments<'_>,
    group: bool,
    regex: impl Fn(usize) -> Result<Regex, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let text = TextArgument::of(arguments, 0)?;
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
            continue;
        }
        let captures = regex(row)?.captures(text.get(row));
        builder.append_option(captures.as_ref().and_then(|captures| {
            let wanted = usize::from(group && captures.len() > 1);
            captures.get(wanted).map(|found| found.as_str())
        }));
    }
    Ok(Arc::new(builder.finish()))
}

/// `regexp_substr(text, pattern)`.
pub fn regexp_substr() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_substr", DataType::Utf8View, |arguments| {
        let patterns = Patterns::of(arguments, None, Flags::default())?;
        first_match(arguments, false, |row| Ok(patterns.get(row)?.0))
    })
}

/// `substring(text, pattern)`: the first group, or the match.
pub fn substring_regex() -> Arc<ScalarUDF> {
    Scalar::strict("substring_regex", DataType::Utf8View, |arguments| {
        let patterns = Patterns::of(arguments, None, Flags::default())?;
        first_match(arguments, true, |row| Ok(patterns.get(row)?.0))
    })
}

/// `substring(text SIMILAR pattern ESCAPE escape)`: the part between the marks.
pub fn substring_similar() -> Arc<ScalarUDF> {
    Scalar::strict("substring_similar", DataType::Utf8View, |arguments| {
        let (pattern, escape) = (TextArgument::of(arguments, 1)?, TextArgument::of(arguments, 2)?);
        first_match(arguments, true, |row| {
            let mut regex = String::new();
            similar_to_regex(pattern.get(row), one_character(escape.get(row))?, &mut regex);
            compiled(&regex, Flags::default())
        })
    })
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
    fn similar_to_is_anchored() {
        let mut regex = String::new();
        similar_to_regex("a(b|c)+%", Some('\\'), &mut regex);
        let regex = compile(&regex, Flags::default()).expect("compiles");
        assert!(regex.is_match("abcbx"));
        assert!(!regex.is_match("xabc"));
    }
}

//! The functions and operators over regular expressions. A search goes on where the last match ended, one character
//! further where it was empty; it always sees the whole text, so that `^` and `\m` know what stands before.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ListArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field},
};
use datafusion::logical_expr::ScalarUDF;

use super::{
    expressions::{Expression, Flags, compiled},
    lengths::Span,
    one_character,
    translation::similar_to_regex,
};
use crate::{
    error::FunctionError,
    interrupt,
    kernels::{
        Int4, IntegerArgument, TextArgument, boolean_rows, primitive_rows, slice_rows_nullable,
        text_array_rows, text_array_type, text_rows,
    },
    results::TextArrays,
    scalar::{Arguments, Scalar},
};

/// From here on it takes long to search a text.
const LONG_TEXT_BYTES: usize = 16 << 10;

/// The pattern argument 1, with the flags of another argument if there is one. What one row compiles the next mostly
/// takes over.
struct Patterns<'a> {
    pattern: TextArgument<'a>,
    flags: Option<TextArgument<'a>>,
    fixed: Flags,
    /// The function that does not take the flag `g`.
    not_global: Option<&'static str>,
    last: Option<(&'a str, &'a str, Expression, Flags)>,
    /// Pattern and flags are the same in all rows.
    is_constant: bool,
}

impl<'a> Patterns<'a> {
    fn of(
        arguments: &'a Arguments<'_>,
        flags: Option<usize>,
        fixed: Flags,
        not_global: Option<&'static str>,
    ) -> Result<Self, FunctionError> {
        let is_constant = arguments.is_constant(1)
            && flags.is_none_or(|index| index >= arguments.len() || arguments.is_constant(index));
        let flags = match flags {
            Some(index) => TextArgument::optional(arguments, index)?,
            None => None,
        };
        let pattern = TextArgument::of(arguments, 1)?;
        Ok(Self { pattern, flags, fixed, not_global, last: None, is_constant })
    }

    fn get(&mut self, row: usize) -> Result<(&Expression, Flags), FunctionError> {
        interrupt::check()?;
        // To compare a pattern with itself costs as much as to match it.
        let known = self.is_constant && self.last.is_some();
        let (pattern, options) = match known {
            true => ("", ""),
            false => (self.pattern.get(row), self.flags.as_ref().map_or("", |flags| flags.get(row))),
        };
        let known = known || matches!(&self.last, Some((of, with, ..)) if *of == pattern && *with == options);
        if !known {
            let flags = if self.flags.is_some() { Flags::parse(options)? } else { self.fixed };
            if let Some(function) = self.not_global.filter(|_| flags.global) {
                let message = format!("{function}() does not support the \"global\" option");
                return Err(FunctionError::invalid_parameter(message));
            }
            self.last = Some((pattern, options, compiled(pattern, flags)?, flags));
        }
        match &self.last {
            Some((_, _, regex, flags)) => Ok((regex, *flags)),
            None => Err(FunctionError::internal("a pattern was not compiled")),
        }
    }
}

/// Where the next search begins: behind a match, one character further if it was empty; nothing beyond the end.
fn after((start, end): Span, text: &str) -> Option<usize> {
    if end > start {
        return Some(end);
    }
    text.get(end..).and_then(|rest| rest.chars().next()).map(|one| end + one.len_utf8())
}

/// The matches from a byte on; none any more once nobody waits for them.
fn matches_from<'r, 't>(
    expression: &'r Expression,
    text: &'t str,
    from: Option<usize>,
) -> impl Iterator<Item = Span> + use<'r, 't> {
    let mut next = from;
    std::iter::from_fn(move || {
        let from = next.filter(|_| !interrupt::is_raised())?;
        let found = expression.find_at(text, from)?;
        next = after(found, text);
        Some(found)
    })
}

/// The matches from a byte on, with their groups; none any more once nobody waits for them.
fn groups_from<'r, 't>(
    expression: &'r Expression,
    text: &'t str,
    from: Option<usize>,
) -> impl Iterator<Item = Vec<Option<Span>>> + use<'r, 't> {
    let mut next = from;
    std::iter::from_fn(move || {
        let from = next.filter(|_| !interrupt::is_raised())?;
        let groups = expression.groups_at(text, from)?;
        next = groups.first().copied().flatten().and_then(|found| after(found, text));
        Some(groups)
    })
}

/// The text of a match or a group.
fn part(text: &str, span: Option<Span>) -> Option<&str> {
    span.and_then(|(start, end)| text.get(start..end))
}

/// The byte at which a search begins that is told a character from 1; nothing if that lies beyond the end.
fn start_byte(text: &str, start: i64) -> Result<Option<usize>, FunctionError> {
    let skip = usize::try_from(at_least("start", start, 1)? - 1).unwrap_or(usize::MAX);
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    Ok(starts.nth(skip))
}

fn at_least(parameter: &str, value: i64, least: i64) -> Result<i64, FunctionError> {
    if value < least {
        let message = format!("invalid value for parameter \"{parameter}\": {value}");
        return Err(FunctionError::invalid_parameter(message));
    }
    Ok(value)
}

fn count_of(value: usize) -> Result<i32, FunctionError> {
    i32::try_from(value).map_err(|_| FunctionError::out_of_range("integer"))
}

fn match_rows(arguments: &Arguments<'_>, fold: bool, negated: bool) -> Result<ArrayRef, FunctionError> {
    let text = TextArgument::of(arguments, 0)?;
    let mut patterns = Patterns::of(arguments, Some(2), Flags::folding(fold), Some("regexp_like"))?;
    let nulls = arguments.nulls();
    if patterns.is_constant
        && let Some(row) = (0..arguments.rows).find(|row| !nulls.is_null(*row))
    {
        let (expression, _) = patterns.get(row)?;
        return boolean_rows(arguments, |row| {
            let text = text.get(row);
            // Of short texts a loop asks often enough.
            if text.len() > LONG_TEXT_BYTES {
                interrupt::check()?;
            }
            Ok(expression.is_match(text) != negated)
        });
    }
    boolean_rows(arguments, |row| Ok(patterns.get(row)?.0.is_match(text.get(row)) != negated))
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
        let flags = TextArgument::optional(arguments, 3)?;
        let mut patterns = Patterns::of(arguments, Some(3), Flags::default(), None)?;
        text_rows(arguments, |row, out| {
            if let Some(digit) = flags.as_ref().and_then(|flags| flags.get(row).chars().next())
                && digit.is_ascii_digit()
            {
                // A literal without a type means the flags here, and who writes 2 means the start.
                return Err(FunctionError::invalid_parameter(format!(
                    "invalid regular expression option: \"{digit}\""
                )));
            }
            let (expression, flags) = patterns.get(row)?;
            let which = if flags.global { 0 } else { 1 };
            replace_matches(expression, text.get(row), Some(0), which, replacement.get(row), out);
            Ok(())
        })
    })
}

/// `regexp_replace(text, pattern, replacement, start [, which [, flags]])`: match number 0 is all of them.
pub fn regexp_replace_from() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_replace_from", DataType::Utf8View, |arguments| {
        let (text, replacement) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 2)?);
        let start = IntegerArgument::of(arguments, 3)?;
        let which = IntegerArgument::optional(arguments, 4)?;
        let mut patterns = Patterns::of(arguments, Some(5), Flags::default(), None)?;
        text_rows(arguments, |row, out| {
            let text = text.get(row);
            let from = start_byte(text, start.get(row))?;
            let which = which.as_ref().map_or(Ok(1), |which| at_least("n", which.get(row), 0))?;
            let (expression, _) = patterns.get(row)?;
            replace_matches(expression, text, from, which, replacement.get(row), out);
            Ok(())
        })
    })
}

/// Writes the text with one match, or all of them (0), replaced.
fn replace_matches(
    expression: &Expression,
    text: &str,
    from: Option<usize>,
    which: i64,
    replacement: &str,
    out: &mut String,
) {
    let mut done = 0;
    let mut replace = |(start, end): Span, groups: &[Option<Span>]| {
        out.push_str(text.get(done..start).unwrap_or_default());
        write_replacement(replacement, text, groups, out);
        done = end;
    };
    let skipped = usize::try_from(which - 1).unwrap_or(0);
    let taken = if which > 0 { 1 } else { usize::MAX };
    if replacement.contains('\\') {
        for groups in groups_from(expression, text, from).skip(skipped).take(taken) {
            if let Some(whole) = groups.first().copied().flatten() {
                replace(whole, &groups);
            }
        }
    } else {
        matches_from(expression, text, from).skip(skipped).take(taken).for_each(|found| replace(found, &[]));
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

fn write_replacement(replacement: &str, text: &str, groups: &[Option<Span>], out: &mut String) {
    let group = |number: usize| part(text, groups.get(number).copied().flatten()).unwrap_or_default();
    let mut characters = replacement.chars();
    while let Some(one) = characters.next() {
        if one != '\\' {
            out.push(one);
            continue;
        }
        match characters.next() {
            Some('&') => out.push_str(group(0)),
            Some(digit @ '0'..='9') => {
                let number = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                out.push_str(number.map_or("", group));
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
fn append_groups(text: &str, groups: &[Option<Span>], arrays: &mut TextArrays) -> Result<(), FunctionError> {
    let from = usize::from(groups.len() > 1);
    groups.iter().skip(from).try_for_each(|group| arrays.push(part(text, *group)))
}

/// `regexp_match(text, pattern [, flags])`: null without a match.
pub fn regexp_match() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_match", text_array_type(), |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut patterns = Patterns::of(arguments, Some(2), Flags::default(), Some("regexp_match"))?;
        text_array_rows(arguments, |row, values| {
            let groups = patterns.get(row)?.0.groups_at(text.get(row), 0);
            if let Some(groups) = &groups {
                append_groups(text.get(row), groups, values)?;
            }
            Ok(groups.is_some())
        })
    })
}

/// The list of `text[]` that `regexp_matches(text, pattern [, flags])` gives as a set.
pub fn regexp_matches() -> Arc<ScalarUDF> {
    let result = DataType::List(Arc::new(Field::new_list_field(text_array_type(), true)));
    Scalar::strict("regexp_matches", result, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut patterns = Patterns::of(arguments, Some(2), Flags::default(), None)?;
        let nulls = arguments.nulls();
        let mut matches = TextArrays::with_capacity(arguments.rows);
        let mut lengths = Vec::with_capacity(arguments.rows);
        for row in 0..arguments.rows {
            let before = matches.len();
            if !nulls.is_null(row) {
                let (expression, flags) = patterns.get(row)?;
                let many = if flags.global { usize::MAX } else { 1 };
                for groups in groups_from(expression, text.get(row), Some(0)).take(many) {
                    append_groups(text.get(row), &groups, &mut matches)?;
                    matches.end(true);
                }
            }
            lengths.push(matches.len() - before);
        }
        let field = Arc::new(Field::new_list_field(text_array_type(), true));
        let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), nulls.into_buffer(arguments.rows));
        Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(matches.finish()?), nulls)?))
    })
}

/// `regexp_split_to_array(text, pattern [, flags])`: an empty match at the ends or right after a match does not split.
pub fn regexp_split_to_array() -> Arc<ScalarUDF> {
    split("regexp_split_to_array", |arguments| split_rows(arguments, "regexp_split_to_array"))
}

/// The array whose elements `regexp_split_to_table` gives.
pub fn regexp_split_to_table() -> Arc<ScalarUDF> {
    split("regexp_split_to_table", |arguments| split_rows(arguments, "regexp_split_to_table"))
}

fn split(
    name: &'static str,
    kernel: fn(&Arguments<'_>) -> Result<ArrayRef, FunctionError>,
) -> Arc<ScalarUDF> {
    Scalar::strict(name, text_array_type(), kernel)
}

fn split_rows(arguments: &Arguments<'_>, name: &'static str) -> Result<ArrayRef, FunctionError> {
    let text = TextArgument::of(arguments, 0)?;
    let mut patterns = Patterns::of(arguments, Some(2), Flags::default(), Some(name))?;
    text_array_rows(arguments, |row, values| {
        let (expression, _) = patterns.get(row)?;
        let text = text.get(row);
        let (mut begin, mut last_end) = (0, 0);
        for (start, end) in matches_from(expression, text, Some(0)) {
            if start < text.len() && end > last_end {
                values.push(text.get(begin..start))?;
                begin = end;
            }
            last_end = end;
        }
        values.push(text.get(begin..))?;
        Ok(true)
    })
}

/// `regexp_count(text, pattern [, start [, flags]])`.
pub fn regexp_count() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_count", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let start = IntegerArgument::optional(arguments, 2)?;
        let mut patterns = Patterns::of(arguments, Some(3), Flags::default(), Some("regexp_count"))?;
        primitive_rows::<Int4>(arguments, |row| {
            let text = text.get(row);
            let from = start_byte(text, start.as_ref().map_or(1, |start| start.get(row)))?;
            let (expression, _) = patterns.get(row)?;
            count_of(matches_from(expression, text, from).count())
        })
    })
}

/// What `regexp_instr` and `regexp_substr` look for: the n-th match from a start, and a group of it.
struct Search<'a> {
    text: TextArgument<'a>,
    start: Option<IntegerArgument<'a>>,
    which: Option<IntegerArgument<'a>>,
    group: Option<IntegerArgument<'a>>,
    patterns: Patterns<'a>,
}

impl<'a> Search<'a> {
    fn of(
        arguments: &'a Arguments<'_>,
        flags: usize,
        group: usize,
        name: &'static str,
    ) -> Result<Self, FunctionError> {
        Ok(Self {
            text: TextArgument::of(arguments, 0)?,
            start: IntegerArgument::optional(arguments, 2)?,
            which: IntegerArgument::optional(arguments, 3)?,
            group: IntegerArgument::optional(arguments, group)?,
            patterns: Patterns::of(arguments, Some(flags), Flags::default(), Some(name))?,
        })
    }

    /// The bytes that are found.
    fn find(&mut self, row: usize) -> Result<Option<(usize, usize)>, FunctionError> {
        let text = self.text.get(row);
        let from = start_byte(text, self.start.as_ref().map_or(1, |start| start.get(row)))?;
        let which = self.which.as_ref().map_or(Ok(1), |which| at_least("n", which.get(row), 1))?;
        let group = self.group.as_ref().map_or(Ok(0), |group| at_least("subexpr", group.get(row), 0))?;
        let (expression, _) = self.patterns.get(row)?;
        let which = usize::try_from(which - 1).unwrap_or(usize::MAX);
        let group = usize::try_from(group).unwrap_or(usize::MAX);
        if group == 0 {
            return Ok(matches_from(expression, text, from).nth(which));
        }
        let found = groups_from(expression, text, from).nth(which);
        Ok(found.and_then(|groups| groups.get(group).copied().flatten()))
    }
}

/// `regexp_instr(text, pattern [, start [, which [, end [, flags [, group]]]]])`: from 1; 0 without a match.
pub fn regexp_instr() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_instr", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let end = IntegerArgument::optional(arguments, 4)?;
        let mut search = Search::of(arguments, 5, 6, "regexp_instr")?;
        primitive_rows::<Int4>(arguments, |row| {
            let end = end.as_ref().map_or(0, |end| end.get(row));
            if !(0..=1).contains(&end) {
                at_least("start", search.start.as_ref().map_or(1, |start| start.get(row)), 1)?;
                at_least("n", search.which.as_ref().map_or(1, |which| which.get(row)), 1)?;
                let message = format!("invalid value for parameter \"endoption\": {end}");
                return Err(FunctionError::invalid_parameter(message));
            }
            let Some((first, last)) = search.find(row)? else { return Ok(0) };
            let before = text.get(row).get(..if end == 1 { last } else { first }).unwrap_or_default();
            count_of(before.chars().count() + 1)
        })
    })
}

/// `regexp_substr(text, pattern [, start [, which [, flags [, group]]]])`.
pub fn regexp_substr() -> Arc<ScalarUDF> {
    Scalar::strict("regexp_substr", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut search = Search::of(arguments, 4, 5, "regexp_substr")?;
        slice_rows_nullable(arguments, |row| {
            Ok(search.find(row)?.and_then(|(first, last)| text.get(row).get(first..last)))
        })
    })
}

/// The first group of the first match where the pattern has one, else the match; null without one.
fn group_of_first<'t>(expression: &Expression, text: &'t str) -> Option<&'t str> {
    if expression.groups() == 0 {
        return part(text, expression.find_at(text, 0));
    }
    part(text, expression.groups_at(text, 0)?.get(1).copied().flatten())
}

/// `substring(text, pattern)`: the first group, or the match.
pub fn substring_regex() -> Arc<ScalarUDF> {
    Scalar::strict("substring_regex", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut patterns = Patterns::of(arguments, None, Flags::default(), None)?;
        slice_rows_nullable(arguments, |row| Ok(group_of_first(patterns.get(row)?.0, text.get(row))))
    })
}

/// `substring(text SIMILAR pattern ESCAPE escape)`: the part between the marks.
pub fn substring_similar() -> Arc<ScalarUDF> {
    Scalar::strict("substring_similar", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let (pattern, escape) = (TextArgument::of(arguments, 1)?, TextArgument::of(arguments, 2)?);
        slice_rows_nullable(arguments, |row| {
            let mut regex = String::new();
            similar_to_regex(pattern.get(row), one_character(escape.get(row))?, &mut regex);
            Ok(group_of_first(&compiled(&regex, Flags::default())?, text.get(row)))
        })
    })
}

//! Trimming, padding, replacing and repeating.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{ArrayRef, StringViewArray},
    datatypes::DataType,
};
use datafusion::logical_expr::ScalarUDF;

use super::{byte_of, characters};
use crate::{
    error::FunctionError,
    kernels::{IntegerArgument, TextArgument, text_rows},
    results::check_length,
    scalar::{Arguments, Scalar, by_datafusion},
};

/// A set of more characters than this is hashed.
const CHARACTERS_MAX: usize = 64;

/// Trims by DataFusion, whose results share the bytes of their texts; it looks at each of the set's characters for each
/// of the text's, so where the set is long the work is done here.
fn trim_rows(
    arguments: &Arguments<'_>,
    by_engine: &Arc<ScalarUDF>,
    trim: for<'a> fn(&'a str, &HashSet<char>) -> &'a str,
) -> Result<ArrayRef, FunctionError> {
    if arguments.len() < 2 {
        return by_datafusion(by_engine, arguments);
    }
    let (sets, _) = arguments.typed::<StringViewArray>(1)?;
    if sets.iter().flatten().all(|set| set.len() <= CHARACTERS_MAX) {
        return by_datafusion(by_engine, arguments);
    }
    let (text, sets) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
    let constant = arguments.is_constant(1).then(|| sets.get(0).chars().collect::<HashSet<char>>());
    text_rows(arguments, |row, out| {
        let of_row = constant.is_none().then(|| sets.get(row).chars().collect());
        if let Some(set) = constant.as_ref().or(of_row.as_ref()) {
            out.push_str(trim(text.get(row), set));
        }
        Ok(())
    })
}

/// `btrim(text [, characters])`.
pub fn btrim() -> Arc<ScalarUDF> {
    Scalar::strict("btrim", DataType::Utf8View, |arguments| {
        trim_rows(arguments, &datafusion::functions::string::btrim(), |text, set| {
            text.trim_matches(|one| set.contains(&one))
        })
    })
}

/// `ltrim(text [, characters])`.
pub fn ltrim() -> Arc<ScalarUDF> {
    Scalar::strict("ltrim", DataType::Utf8View, |arguments| {
        trim_rows(arguments, &datafusion::functions::string::ltrim(), |text, set| {
            text.trim_start_matches(|one| set.contains(&one))
        })
    })
}

/// `rtrim(text [, characters])`.
pub fn rtrim() -> Arc<ScalarUDF> {
    Scalar::strict("rtrim", DataType::Utf8View, |arguments| {
        trim_rows(arguments, &datafusion::functions::string::rtrim(), |text, set| {
            text.trim_end_matches(|one| set.contains(&one))
        })
    })
}

/// Blanks are written sixteen at a time, which is a move where to copy any number is a call, and cut.
fn write_blanks(count: usize, out: &mut String) {
    const BLANKS: &str = "                ";
    let end = out.len() + count;
    while out.len() < end {
        out.push_str(BLANKS);
    }
    out.truncate(end);
}

fn pad_rows(arguments: &Arguments<'_>, before: bool) -> Result<ArrayRef, FunctionError> {
    let (text, length) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
    let fill = (arguments.len() > 2).then(|| TextArgument::of(arguments, 2)).transpose()?;
    text_rows(arguments, |row, out| {
        let text = text.get(row);
        let length = usize::try_from(length.get(row).max(0)).unwrap_or(0);
        check_length(length)?;
        let have = characters(text);
        if length <= have {
            out.push_str(&text[..byte_of(text, length)]);
            return Ok(());
        }
        let fill = fill.as_ref().map_or(" ", |fill| fill.get(row));
        if !before {
            out.push_str(text);
        }
        if fill == " " {
            write_blanks(length - have, out);
        } else if let &[only] = fill.as_bytes() {
            out.extend(std::iter::repeat_n(char::from(only), length - have));
        } else if !fill.is_empty() {
            out.extend(fill.chars().cycle().take(length - have));
        }
        if before {
            out.push_str(text);
        }
        Ok(())
    })
}

/// `lpad(text, length [, fill])`.
pub fn lpad() -> Arc<ScalarUDF> {
    Scalar::strict("lpad", DataType::Utf8View, |arguments| pad_rows(arguments, true))
}

/// `rpad(text, length [, fill])`.
pub fn rpad() -> Arc<ScalarUDF> {
    Scalar::strict("rpad", DataType::Utf8View, |arguments| pad_rows(arguments, false))
}

/// `replace(text, from, to)`: nothing is replaced if `from` is empty.
pub fn replace() -> Arc<ScalarUDF> {
    Scalar::strict("replace", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let (from, to) = (TextArgument::of(arguments, 1)?, TextArgument::of(arguments, 2)?);
        text_rows(arguments, |row, out| {
            let (text, from, to) = (text.get(row), from.get(row), to.get(row));
            if from.is_empty() {
                out.push_str(text);
                return Ok(());
            }
            if let &[only] = from.as_bytes() {
                let mut rest = 0;
                for (place, _) in text.bytes().enumerate().filter(|(_, byte)| *byte == only) {
                    check_length(out.len() + to.len())?;
                    out.push_str(&text[rest..place]);
                    out.push_str(to);
                    rest = place + 1;
                }
                out.push_str(&text[rest..]);
                return Ok(());
            }
            let append = |(index, part): (usize, &str)| {
                if index > 0 {
                    check_length(out.len() + to.len())?;
                    out.push_str(to);
                }
                out.push_str(part);
                Ok(())
            };
            text.split(from).enumerate().try_for_each(append)
        })
    })
}

/// `translate(text, from, to)`: characters of `from` without a partner in `to` disappear.
pub fn translate() -> Arc<ScalarUDF> {
    Scalar::strict("translate", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let (from, to) = (TextArgument::of(arguments, 1)?, TextArgument::of(arguments, 2)?);
        // What becomes of each character of `from`, and of all ASCII characters; made anew only where it changes.
        let mut table: Option<(&str, &str, Translation)> = None;
        text_rows(arguments, |row, out| {
            let (from, to) = (from.get(row), to.get(row));
            let known = table.take().filter(|(last_from, last_to, _)| *last_from == from && *last_to == to);
            let (.., translation) =
                table.insert(known.unwrap_or_else(|| (from, to, Translation::of(from, to))));
            translation.write(text.get(row), out);
            Ok(())
        })
    })
}

/// What `translate` makes of characters.
struct Translation {
    ascii: [Option<char>; 128],
    others: Vec<(char, Option<char>)>,
    /// The first bytes of the characters that become something else.
    begins: [bool; 256],
}

impl Translation {
    fn of(from: &str, to: &str) -> Self {
        let mut ascii = [None; 128];
        (0_u8..).zip(&mut ascii).for_each(|(code, place)| *place = Some(char::from(code)));
        let mut translation = Self { ascii, others: Vec::new(), begins: [false; 256] };
        let mut to = to.chars();
        let pairs: Vec<(char, Option<char>)> = from.chars().map(|one| (one, to.next())).collect();
        // Of a character that is named twice the first counts.
        for (one, becomes) in pairs.into_iter().rev() {
            let mut bytes = [0; 4];
            one.encode_utf8(&mut bytes);
            if let Some(begins) = translation.begins.get_mut(usize::from(bytes[0])) {
                *begins = true;
            }
            match usize::try_from(u32::from(one)).ok().and_then(|code| translation.ascii.get_mut(code)) {
                Some(place) => *place = becomes,
                None => translation.others.insert(0, (one, becomes)),
            }
        }
        translation
    }

    /// Writes a text as it becomes: what stays as it is, is copied as a whole.
    fn write(&self, text: &str, out: &mut String) {
        let begins = |byte: &u8| self.begins.get(usize::from(*byte)).copied().unwrap_or(true);
        let mut rest = text;
        while let Some(changes) = rest.as_bytes().iter().position(begins) {
            let (same, from) = rest.split_at(changes);
            out.push_str(same);
            let mut characters = from.chars();
            out.extend(characters.next().and_then(|one| self.of_character(one)));
            rest = characters.as_str();
        }
        out.push_str(rest);
    }

    fn of_character(&self, one: char) -> Option<char> {
        match usize::try_from(u32::from(one)).ok().and_then(|code| self.ascii.get(code)) {
            Some(becomes) => *becomes,
            None => {
                self.others.iter().find(|(known, _)| *known == one).map_or(Some(one), |(_, becomes)| *becomes)
            }
        }
    }
}

/// `repeat(text, times)`.
pub fn repeat() -> Arc<ScalarUDF> {
    Scalar::strict("repeat", DataType::Utf8View, |arguments| {
        let (text, times) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
        text_rows(arguments, |row, out| {
            let text = text.get(row);
            let times = usize::try_from(times.get(row).max(0)).unwrap_or(0);
            check_length(text.len().saturating_mul(times))?;
            for _ in 0..times {
                out.push_str(text);
            }
            Ok(())
        })
    })
}

//! Upper and lower case, which are Unicode's, as with an ICU or UTF-8 locale: one character stays one character.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::{
    kernels::{TextArgument, text_rows},
    scalar::{Scalar, by_datafusion},
};

/// `upper(text)`.
pub fn upper() -> Arc<ScalarUDF> {
    Scalar::strict("upper", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            map_characters(text.get(row), out, str::make_ascii_uppercase, upper_of);
            Ok(())
        })
    })
}

/// `lower(text)`.
pub fn lower() -> Arc<ScalarUDF> {
    Scalar::strict("lower", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            map_characters(text.get(row), out, str::make_ascii_lowercase, lower_of);
            Ok(())
        })
    })
}

/// Appends the text, its ASCII runs mapped at once, and one by one what stands between them.
fn map_characters(text: &str, out: &mut String, ascii: fn(&mut str), other: fn(char) -> char) {
    let mut rest = text;
    loop {
        let run = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at(run);
        let begin = out.len();
        out.push_str(plain);
        if let Some(written) = out.get_mut(begin..) {
            ascii(written);
        }
        let mut characters = after.chars();
        let Some(one) = characters.next() else { return };
        out.push(other(one));
        rest = characters.as_str();
    }
}

/// One to one as `towupper` does: ß stays ß.
fn upper_of(one: char) -> char {
    if one.is_ascii() { one.to_ascii_uppercase() } else { single(one.to_uppercase(), one) }
}

fn lower_of(one: char) -> char {
    if one.is_ascii() { one.to_ascii_lowercase() } else { single(one.to_lowercase(), one) }
}

fn single(mut mapped: impl ExactSizeIterator<Item = char>, original: char) -> char {
    if mapped.len() == 1 { mapped.next().unwrap_or(original) } else { original }
}

/// `initcap(text)`: words are runs of letters and digits.
pub fn initcap() -> Arc<ScalarUDF> {
    Scalar::strict("initcap", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            let mut inside = false;
            for one in text.get(row).chars() {
                out.push(if inside { lower_of(one) } else { upper_of(one) });
                inside = one.is_alphanumeric();
            }
            Ok(())
        })
    })
}

/// `reverse(text)`.
pub fn reverse() -> Arc<ScalarUDF> {
    Scalar::strict("reverse", DataType::Utf8View, |arguments| {
        by_datafusion(&datafusion::functions::unicode::reverse(), arguments)
    })
}

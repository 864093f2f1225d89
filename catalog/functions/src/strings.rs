//! String functions (PostgreSQL's section 9.4). Lengths and positions count characters, not bytes. All take and give
//! `Utf8View`. Here is the table, and what measures and cuts; case, padding and replacing, splitting and quoting have
//! files of their own.

mod case;
mod codes;
mod filling;
mod parts;
mod quoting;
mod unicode;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringViewArray},
    datatypes::DataType,
};
use datafusion::logical_expr::ScalarUDF;

pub use self::{case::*, codes::*, filling::*, parts::*, quoting::*, unicode::*};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{
        Bytes, Int4, IntegerArgument, TextArgument, boolean_rows, map, primitive, primitive_rows, slice_rows,
        text_rows,
    },
    results::{TextColumn, check_length},
    scalar::{Arguments, Scalar, by_datafusion},
};

type Done = Result<ArrayRef, FunctionError>;

/// The type of an argument or result, as far as this crate knows types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text`
    Text,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `boolean`
    Bool,
    /// `bytea`
    Bytea,
    /// `text[]`
    TextArray,
}

/// A function with fixed types, for the binder's table.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// PostgreSQL's name.
    pub name: &'static str,
    /// The arguments' types.
    pub arguments: &'static [Kind],
    /// The result's type.
    pub result: Kind,
    /// Makes the function.
    pub make: fn() -> Arc<ScalarUDF>,
}

/// Every string function with fixed types. `concat`, `concat_ws` and `format` take any number of arguments and are
/// [`concat()`], [`concat_ws`] and [`crate::formatting::format`].
pub const STRINGS: &[Definition] = {
    use Kind::{Bytea, Int4, Int8, Text, TextArray};
    const fn row(
        name: &'static str,
        arguments: &'static [Kind],
        result: Kind,
        make: fn() -> Arc<ScalarUDF>,
    ) -> Definition {
        Definition { name, arguments, result, make }
    }
    &[
        row("length", &[Text], Int4, length),
        row("char_length", &[Text], Int4, length),
        row("character_length", &[Text], Int4, length),
        row("octet_length", &[Text], Int4, octet_length),
        row("bit_length", &[Text], Int4, bit_length),
        row("length", &[Bytea], Int4, bytea_length),
        row("octet_length", &[Bytea], Int4, bytea_length),
        row("upper", &[Text], Text, upper),
        row("lower", &[Text], Text, lower),
        row("initcap", &[Text], Text, initcap),
        row("reverse", &[Text], Text, reverse),
        row("substring", &[Text, Int4], Text, substring),
        row("substring", &[Text, Int4, Int4], Text, substring),
        row("substr", &[Text, Int4], Text, substring),
        row("substr", &[Text, Int4, Int4], Text, substring),
        row("strpos", &[Text, Text], Int4, strpos),
        row("position", &[Text, Text], Int4, strpos),
        row("overlay", &[Text, Text, Int4], Text, overlay),
        row("overlay", &[Text, Text, Int4, Int4], Text, overlay),
        row("btrim", &[Text], Text, btrim),
        row("btrim", &[Text, Text], Text, btrim),
        row("ltrim", &[Text], Text, ltrim),
        row("ltrim", &[Text, Text], Text, ltrim),
        row("rtrim", &[Text], Text, rtrim),
        row("rtrim", &[Text, Text], Text, rtrim),
        row("lpad", &[Text, Int4], Text, lpad),
        row("lpad", &[Text, Int4, Text], Text, lpad),
        row("rpad", &[Text, Int4], Text, rpad),
        row("rpad", &[Text, Int4, Text], Text, rpad),
        row("replace", &[Text, Text, Text], Text, replace),
        row("translate", &[Text, Text, Text], Text, translate),
        row("repeat", &[Text, Int4], Text, repeat),
        row("split_part", &[Text, Text, Int4], Text, split_part),
        row("left", &[Text, Int4], Text, left),
        row("right", &[Text, Int4], Text, right),
        row("ascii", &[Text], Int4, ascii),
        row("chr", &[Int4], Text, chr),
        row("to_hex", &[Int4], Text, to_hex_int4),
        row("to_hex", &[Int8], Text, to_hex_int8),
        row("starts_with", &[Text, Text], Kind::Bool, starts_with),
        row("quote_ident", &[Text], Text, quote_ident),
        row("quote_literal", &[Text], Text, quote_literal),
        row("quote_nullable", &[Text], Text, quote_nullable),
        row("string_to_array", &[Text, Text], TextArray, string_to_array),
        row("string_to_array", &[Text, Text, Text], TextArray, string_to_array),
        row("textcat", &[Text, Text], Text, textcat),
    ]
};

fn count(length: usize) -> Result<i32, FunctionError> {
    i32::try_from(length).map_err(|_| FunctionError::out_of_range("integer"))
}

/// The byte at which a character begins; the end of the text beyond its last.
fn byte_of(text: &str, character: usize) -> usize {
    if text.is_ascii() {
        return character.min(text.len());
    }
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// A number for each value, of its view: the length in bytes in the low 32 bits, and above them, of a text of up to 12
/// bytes, the bytes themselves. It cannot fail, so that nulls need not be told apart.
fn of_views(arguments: &Arguments<'_>, number: impl Fn(u128, &StringViewArray, usize) -> i32) -> Done {
    let (texts, _) = arguments.typed::<StringViewArray>(0)?;
    let values = texts.views().iter().enumerate().map(|(row, view)| number(*view, texts, row)).collect();
    primitive::<Int4>(values, arguments.nulls().into_buffer(arguments.rows), arguments)
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what is wanted")]
fn bytes_in(view: u128) -> i32 {
    view as i32
}

/// `length(text)`.
pub fn length() -> Arc<ScalarUDF> {
    const INLINE: i32 = 12;
    Scalar::strict("length", DataType::Int32, |arguments| {
        of_views(arguments, |view, texts, row| {
            let length = bytes_in(view);
            if length > INLINE {
                return length - continuations(texts.value(row).as_bytes());
            }
            let word = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
            length - continuations_in(word(view >> 32)) - continuations_in(word(view >> 96))
        })
    })
}

/// How many of eight bytes go on with a character: they begin with the bits 10.
fn continuations_in(word: u64) -> i32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The product sums the ones up in its highest byte.
    let sum = ((word >> 7) & !(word >> 6) & ONES).wrapping_mul(ONES) >> 56;
    i32::try_from(sum).unwrap_or(0)
}

fn continuations(bytes: &[u8]) -> i32 {
    let Some(last_eight) = bytes.last_chunk::<8>() else {
        return bytes.iter().map(|byte| i32::from(byte & 0xc0 == 0x80)).sum();
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let whole = words.iter().map(|word| continuations_in(u64::from_le_bytes(*word))).sum::<i32>();
    // The last eight bytes without those that a word has counted.
    let counted = u32::try_from(64 - 8 * rest.len()).unwrap_or(64);
    whole + continuations_in(u64::from_le_bytes(*last_eight).checked_shr(counted).unwrap_or(0))
}

/// How many characters a text has.
pub(crate) fn characters(text: &str) -> usize {
    text.len().saturating_sub(usize::try_from(continuations(text.as_bytes())).unwrap_or(0))
}

/// `octet_length(text)`.
pub fn octet_length() -> Arc<ScalarUDF> {
    Scalar::strict("octet_length", DataType::Int32, |arguments| {
        of_views(arguments, |view, _, _| bytes_in(view))
    })
}

/// `bit_length(text)`.
pub fn bit_length() -> Arc<ScalarUDF> {
    Scalar::strict("bit_length", DataType::Int32, |arguments| {
        let (texts, _) = arguments.typed::<StringViewArray>(0)?;
        if texts
            .data_buffers()
            .iter()
            .any(|buffer| count(buffer.len()).is_ok_and(|bytes| bytes > i32::MAX / 8))
        {
            let text = TextArgument::of(arguments, 0)?;
            return primitive_rows::<Int4>(arguments, |row| count(text.get(row).len().saturating_mul(8)));
        }
        of_views(arguments, |view, _, _| bytes_in(view) * 8)
    })
}

/// `length(bytea)`.
pub fn bytea_length() -> Arc<ScalarUDF> {
    Scalar::strict("bytea_length", DataType::Int32, |arguments| {
        map::<(Bytes,), Int4>(arguments, |(bytes,)| count(bytes.len()))
    })
}

/// `substring(text, start [, length])`: the start may lie before the text, and then eats of the length.
pub fn substring() -> Arc<ScalarUDF> {
    Scalar::strict("substring", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let start = IntegerArgument::of(arguments, 1)?;
        let length = IntegerArgument::optional(arguments, 2)?;
        // A negative length is an error of its row, which nothing else has.
        if length.as_ref().is_none_or(|length| arguments.is_constant(2) && length.get(0) >= 0) {
            return by_datafusion(&datafusion::functions::unicode::substr(), arguments);
        }
        slice_rows(arguments, |row| {
            let (text, start) = (text.get(row), start.get(row));
            let end = match &length {
                Some(length) => {
                    let length = length.get(row);
                    if length < 0 {
                        return Err(FunctionError::new(
                            FunctionErrorKind::SubstringError,
                            "negative substring length not allowed",
                        ));
                    }
                    start + length
                }
                None => i64::MAX,
            };
            let from = usize::try_from(start.max(1) - 1).unwrap_or(0);
            let to = usize::try_from(end.max(1) - 1).unwrap_or(0);
            if to <= from {
                return Ok("");
            }
            let begin = byte_of(text, from);
            let rest = &text[begin..];
            Ok(&rest[..byte_of(rest, to - from)])
        })
    })
}

/// `strpos(text, part)`: from 1; 0 if it is not there.
pub fn strpos() -> Arc<ScalarUDF> {
    Scalar::strict("strpos", DataType::Int32, |arguments| {
        let (text, part) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        primitive_rows::<Int4>(arguments, |row| {
            let text = text.get(row);
            let part = part.get(row);
            let found = match part.as_bytes() {
                [only] => text.find(char::from(*only)),
                _ => text.find(part),
            };
            match found {
                Some(byte) => count(characters(&text[..byte]) + 1),
                None => Ok(0),
            }
        })
    })
}

/// `overlay(text, new, start [, length])`.
pub fn overlay() -> Arc<ScalarUDF> {
    Scalar::strict("overlay", DataType::Utf8View, |arguments| {
        let (text, new) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let start = IntegerArgument::of(arguments, 2)?;
        let length = (arguments.len() > 3).then(|| IntegerArgument::of(arguments, 3)).transpose()?;
        text_rows(arguments, |row, out| {
            let (text, new, start) = (text.get(row), new.get(row), start.get(row));
            if start <= 0 {
                return Err(FunctionError::new(
                    FunctionErrorKind::SubstringError,
                    "negative substring length not allowed",
                ));
            }
            let length = match &length {
                Some(length) => length.get(row),
                None => i64::try_from(new.chars().count()).unwrap_or(i64::MAX),
            };
            if start + length > i64::from(i32::MAX) {
                return Err(FunctionError::out_of_range("integer"));
            }
            let keep = usize::try_from(start - 1).unwrap_or(0);
            let resume = usize::try_from((start + length - 1).max(0)).unwrap_or(0);
            check_length(text.len().saturating_add(new.len()))?;
            out.push_str(&text[..byte_of(text, keep)]);
            out.push_str(new);
            out.push_str(&text[byte_of(text, resume)..]);
            Ok(())
        })
    })
}

/// `left(text, n)`: a negative `n` leaves that many off the end.
pub fn left() -> Arc<ScalarUDF> {
    Scalar::strict("left", DataType::Utf8View, |arguments| {
        by_datafusion(&datafusion::functions::unicode::left(), arguments)
    })
}

/// `right(text, n)`: a negative `n` leaves that many off the start.
pub fn right() -> Arc<ScalarUDF> {
    Scalar::strict("right", DataType::Utf8View, |arguments| {
        by_datafusion(&datafusion::functions::unicode::right(), arguments)
    })
}

/// `starts_with(text, prefix)` and `^@`.
pub fn starts_with() -> Arc<ScalarUDF> {
    Scalar::strict("starts_with", DataType::Boolean, |arguments| {
        let (text, prefix) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        if arguments.is_constant(1) && !arguments.is_constant(0) {
            let prefix = arrow::array::Scalar::new(Arc::clone(arguments.array(1)?));
            return Ok(Arc::new(arrow::compute::starts_with(arguments.array(0)?, &prefix)?));
        }
        boolean_rows(arguments, |row| Ok(text.get(row).starts_with(prefix.get(row))))
    })
}

/// `text || text`.
pub fn textcat() -> Arc<ScalarUDF> {
    Scalar::strict("textcat", DataType::Utf8View, |arguments| {
        let (left, right) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        text_rows(arguments, |row, out| {
            let (left, right) = (left.get(row), right.get(row));
            check_length(left.len() + right.len())?;
            out.push_str(left);
            out.push_str(right);
            Ok(())
        })
    })
}

/// `concat(…)`: arguments are text already, nulls are left out.
pub fn concat() -> Arc<ScalarUDF> {
    Scalar::called_on_null("concat", DataType::Utf8View, |arguments| {
        let texts = texts_from(arguments, 0)?;
        let mut builder = TextColumn::with_capacity(arguments.rows);
        let mut value = String::new();
        for row in 0..arguments.rows {
            value.clear();
            for text in texts.iter().filter_map(|text| text.get_opt(row)) {
                check_length(value.len() + text.len())?;
                value.push_str(text);
            }
            builder.append_value(&value)?;
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `concat_ws(separator, …)`: null if the separator is.
pub fn concat_ws() -> Arc<ScalarUDF> {
    Scalar::called_on_null("concat_ws", DataType::Utf8View, |arguments| {
        let separator = TextArgument::of(arguments, 0)?;
        let texts = texts_from(arguments, 1)?;
        let mut builder = TextColumn::with_capacity(arguments.rows);
        let mut value = String::new();
        for row in 0..arguments.rows {
            let Some(separator) = separator.get_opt(row) else {
                builder.append_null();
                continue;
            };
            value.clear();
            for (index, text) in texts.iter().filter_map(|text| text.get_opt(row)).enumerate() {
                if index > 0 {
                    value.push_str(separator);
                }
                check_length(value.len() + text.len())?;
                value.push_str(text);
            }
            builder.append_value(&value)?;
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// The text arguments from `first` on.
pub(crate) fn texts_from<'a>(
    arguments: &'a Arguments<'_>,
    first: usize,
) -> Result<Vec<TextArgument<'a>>, FunctionError> {
    (first..arguments.len()).map(|index| TextArgument::of(arguments, index)).collect()
}

#[cfg(test)]
mod tests {
    use datafusion::{
        common::ScalarValue,
        logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
    };

    use arrow::datatypes::Field;

    use super::*;

    /// Calls with constants; text of the result, or the error's message.
    pub(crate) fn call(function: &ScalarUDF, arguments: &[ScalarValue]) -> Result<String, String> {
        let result = function.inner().invoke_with_args(ScalarFunctionArgs {
            args: arguments.iter().cloned().map(ColumnarValue::Scalar).collect(),
            arg_fields: Vec::new(),
            number_rows: 1,
            return_field: Arc::new(Field::new("r", DataType::Utf8View, true)),
            config_options: Arc::default(),
        });
        match result {
            Ok(ColumnarValue::Scalar(value)) => Ok(value.to_string()),
            Ok(ColumnarValue::Array(array)) => Ok(format!("{array:?}")),
            Err(error) => {
                Err(FunctionError::find(&error)
                    .map_or_else(|| error.to_string(), |found| found.message.clone()))
            }
        }
    }

    fn text(value: &str) -> ScalarValue {
        ScalarValue::Utf8View(Some(value.to_owned()))
    }

    fn int(value: i32) -> ScalarValue {
        ScalarValue::Int32(Some(value))
    }

    #[test]
    fn positions_count_characters() {
        let cases: &[(Arc<ScalarUDF>, Vec<ScalarValue>, &str)] = &[
            (length(), vec![text("åäö")], "3"),
            (octet_length(), vec![text("åäö")], "6"),
            (substring(), vec![text("åäöabc"), int(2), int(3)], "äöa"),
            (substring(), vec![text("abcdef"), int(0), int(2)], "a"),
            (substring(), vec![text("abcdef"), int(-5), int(3)], ""),
            (strpos(), vec![text("åäö"), text("ö")], "3"),
            (overlay(), vec![text("abcdef"), text("XX"), int(3)], "abXXef"),
            (overlay(), vec![text("abcdef"), text("XX"), int(3), int(1)], "abXXdef"),
            (left(), vec![text("åäö"), int(-1)], "åä"),
            (right(), vec![text("åäö"), int(2)], "äö"),
            (right(), vec![text("åäö"), int(-2)], "ö"),
            (right(), vec![text("åäö"), int(0)], ""),
            (left(), vec![text("åäö"), int(0)], ""),
            (lpad(), vec![text("a"), int(3), text("xy")], "xya"),
            (rpad(), vec![text("abc"), int(2)], "ab"),
            (split_part(), vec![text("a,b,c"), text(","), int(-1)], "c"),
            (translate(), vec![text("12345"), text("143"), text("ax")], "a2x5"),
            (initcap(), vec![text("hej PÅ dig")], "Hej På Dig"),
            (to_hex_int4(), vec![int(-1)], "ffffffff"),
            (quote_literal(), vec![text("it's")], "'it''s'"),
            (concat(), vec![text("a"), ScalarValue::Utf8View(None), text("b")], "ab"),
        ];
        for (function, arguments, expected) in cases {
            assert_eq!(call(function, arguments).as_deref(), Ok(*expected), "{}", function.name());
        }
    }

    #[test]
    fn errors_are_postgresqls() {
        let cases: &[(Arc<ScalarUDF>, Vec<ScalarValue>, &str)] = &[
            (substring(), vec![text("a"), int(1), int(-1)], "negative substring length not allowed"),
            (chr(), vec![int(0)], "null character not permitted"),
            (split_part(), vec![text("a"), text(","), int(0)], "field position must not be zero"),
            (repeat(), vec![text("ab"), int(i32::MAX)], "requested length too large"),
        ];
        for (function, arguments, expected) in cases {
            assert_eq!(call(function, arguments), Err((*expected).to_owned()), "{}", function.name());
        }
    }
}

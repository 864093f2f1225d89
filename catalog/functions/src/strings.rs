//! String functions (PostgreSQL's section 9.4). Lengths and positions count characters, not bytes. All take and give
//! `Utf8View`. Upper and lower case are Unicode's, as with an ICU or UTF-8 locale.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BinaryViewArray, BinaryViewBuilder, BooleanArray, Int32Array, Int64Array,
        ListBuilder, StringViewArray, StringViewBuilder,
    },
    datatypes::{DataType, Field},
};
use datafusion::logical_expr::ScalarUDF;

use crate::{
    error::{FunctionError, FunctionErrorKind},
    scalar::{Arguments, Scalar},
};

/// The longest text that a function makes: PostgreSQL's limit of 1 GB for one value, less its header.
pub const TEXT_BYTES_MAX: usize = 0x3fff_fff0;

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

/// A text argument, whether it is one value or a column.
pub(crate) struct TextArgument<'a>(&'a StringViewArray, usize);

impl<'a> TextArgument<'a> {
    pub(crate) fn of(arguments: &'a Arguments<'_>, index: usize) -> Result<Self, FunctionError> {
        arguments.typed(index).map(|(array, step)| Self(array, step))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &'a str {
        self.0.value(row * self.1)
    }

    #[inline]
    pub(crate) fn get_opt(&self, row: usize) -> Option<&'a str> {
        let row = row * self.1;
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// An `integer` argument.
pub(crate) struct IntegerArgument<'a>(&'a Int32Array, usize);

impl<'a> IntegerArgument<'a> {
    pub(crate) fn of(arguments: &'a Arguments<'_>, index: usize) -> Result<Self, FunctionError> {
        arguments.typed(index).map(|(array, step)| Self(array, step))
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> i64 {
        i64::from(self.0.value(row * self.1))
    }
}

/// Builds a text column; `write` appends a row's value to an empty string. Rows with a null argument are null.
pub(crate) fn text_rows(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(usize, &mut String) -> Result<(), FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    let mut value = String::new();
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            value.clear();
            write(row, &mut value)?;
            builder.append_value(&value);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Builds a text column of slices of its arguments.
pub(crate) fn slice_rows<'a>(
    arguments: &Arguments<'_>,
    mut slice: impl FnMut(usize) -> Result<&'a str, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(slice(row)?);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Builds an `integer` column.
pub(crate) fn integer_rows(
    arguments: &Arguments<'_>,
    mut value: impl FnMut(usize) -> Result<i32, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let values: Vec<i32> = (0..arguments.rows)
        .map(|row| if nulls.is_null(row) { Ok(0) } else { value(row) })
        .collect::<Result<_, _>>()?;
    Ok(Arc::new(Int32Array::new(values.into(), nulls.into_buffer(arguments.rows))))
}

/// Builds a `boolean` column.
pub(crate) fn boolean_rows(
    arguments: &Arguments<'_>,
    mut value: impl FnMut(usize) -> Result<bool, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let values: Vec<bool> = (0..arguments.rows)
        .map(|row| if nulls.is_null(row) { Ok(false) } else { value(row) })
        .collect::<Result<_, _>>()?;
    Ok(Arc::new(BooleanArray::new(values.into(), nulls.into_buffer(arguments.rows))))
}

/// `text[]`.
pub fn text_array_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true)))
}

/// A builder of `text[]`.
pub(crate) fn text_array_builder() -> ListBuilder<StringViewBuilder> {
    ListBuilder::new(StringViewBuilder::new()).with_field(Field::new_list_field(DataType::Utf8View, true))
}

fn count(length: usize) -> Result<i32, FunctionError> {
    i32::try_from(length).map_err(|_| FunctionError::out_of_range("integer"))
}

fn too_long() -> FunctionError {
    FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, "requested length too large")
}

/// The byte at which a character begins; the end of the text beyond its last.
fn byte_of(text: &str, character: usize) -> usize {
    if text.is_ascii() {
        return character.min(text.len());
    }
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// `length(text)`.
pub fn length() -> Arc<ScalarUDF> {
    Scalar::strict("length", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        integer_rows(arguments, |row| count(text.get(row).chars().count()))
    })
}

/// `octet_length(text)`.
pub fn octet_length() -> Arc<ScalarUDF> {
    Scalar::strict("octet_length", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        integer_rows(arguments, |row| count(text.get(row).len()))
    })
}

/// `bit_length(text)`.
pub fn bit_length() -> Arc<ScalarUDF> {
    Scalar::strict("bit_length", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        integer_rows(arguments, |row| count(text.get(row).len().saturating_mul(8)))
    })
}

/// `length(bytea)`.
pub fn bytea_length() -> Arc<ScalarUDF> {
    Scalar::strict("bytea_length", DataType::Int32, |arguments| {
        let (bytes, step) = arguments.typed::<BinaryViewArray>(0)?;
        integer_rows(arguments, |row| count(bytes.value(row * step).len()))
    })
}

/// `upper(text)`.
pub fn upper() -> Arc<ScalarUDF> {
    Scalar::strict("upper", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            // One to one as towupper does: ß stays ß.
            out.extend(text.get(row).chars().map(|one| single(one.to_uppercase(), one)));
            Ok(())
        })
    })
}

/// `lower(text)`.
pub fn lower() -> Arc<ScalarUDF> {
    Scalar::strict("lower", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            out.extend(text.get(row).chars().map(|one| single(one.to_lowercase(), one)));
            Ok(())
        })
    })
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
                out.push(if inside {
                    single(one.to_lowercase(), one)
                } else {
                    single(one.to_uppercase(), one)
                });
                inside = one.is_alphanumeric();
            }
            Ok(())
        })
    })
}

/// `reverse(text)`.
pub fn reverse() -> Arc<ScalarUDF> {
    Scalar::strict("reverse", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            out.extend(text.get(row).chars().rev());
            Ok(())
        })
    })
}

/// `substring(text, start [, length])`: the start may lie before the text, and then eats of the length.
pub fn substring() -> Arc<ScalarUDF> {
    Scalar::strict("substring", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let start = IntegerArgument::of(arguments, 1)?;
        let length = (arguments.len() > 2).then(|| IntegerArgument::of(arguments, 2)).transpose()?;
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
        integer_rows(arguments, |row| {
            let text = text.get(row);
            match text.find(part.get(row)) {
                Some(byte) => count(text[..byte].chars().count() + 1),
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
            let keep = usize::try_from(start - 1).unwrap_or(0);
            let resume = usize::try_from((start + length - 1).max(0)).unwrap_or(0);
            out.push_str(&text[..byte_of(text, keep)]);
            out.push_str(new);
            out.push_str(&text[byte_of(text, resume)..]);
            Ok(())
        })
    })
}

fn trim(name: &'static str, kernel: fn(&Arguments<'_>) -> Result<ArrayRef, FunctionError>) -> Arc<ScalarUDF> {
    Scalar::strict(name, DataType::Utf8View, kernel)
}

fn trim_rows(arguments: &Arguments<'_>, start: bool, end: bool) -> Result<ArrayRef, FunctionError> {
    let text = TextArgument::of(arguments, 0)?;
    let set = (arguments.len() > 1).then(|| TextArgument::of(arguments, 1)).transpose()?;
    slice_rows(arguments, |row| {
        let set = set.as_ref().map_or(" ", |set| set.get(row));
        let mut text = text.get(row);
        if start {
            text = text.trim_start_matches(|one| set.contains(one));
        }
        if end {
            text = text.trim_end_matches(|one| set.contains(one));
        }
        Ok(text)
    })
}

/// `btrim(text [, characters])`.
pub fn btrim() -> Arc<ScalarUDF> {
    trim("btrim", |arguments| trim_rows(arguments, true, true))
}

/// `ltrim(text [, characters])`.
pub fn ltrim() -> Arc<ScalarUDF> {
    trim("ltrim", |arguments| trim_rows(arguments, true, false))
}

/// `rtrim(text [, characters])`.
pub fn rtrim() -> Arc<ScalarUDF> {
    trim("rtrim", |arguments| trim_rows(arguments, false, true))
}

fn pad_rows(arguments: &Arguments<'_>, before: bool) -> Result<ArrayRef, FunctionError> {
    let (text, length) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
    let fill = (arguments.len() > 2).then(|| TextArgument::of(arguments, 2)).transpose()?;
    text_rows(arguments, |row, out| {
        let text = text.get(row);
        let length = usize::try_from(length.get(row).max(0)).unwrap_or(0);
        if length > TEXT_BYTES_MAX {
            return Err(too_long());
        }
        let have = text.chars().count();
        if length <= have {
            out.push_str(&text[..byte_of(text, length)]);
            return Ok(());
        }
        let fill = fill.as_ref().map_or(" ", |fill| fill.get(row));
        if !before {
            out.push_str(text);
        }
        if !fill.is_empty() {
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
            let mut rest = text;
            while let Some((before, after)) = rest.split_once(from) {
                out.push_str(before);
                out.push_str(to);
                rest = after;
            }
            out.push_str(rest);
            Ok(())
        })
    })
}

/// `translate(text, from, to)`: characters of `from` without a partner in `to` disappear.
pub fn translate() -> Arc<ScalarUDF> {
    Scalar::strict("translate", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let (from, to) = (TextArgument::of(arguments, 1)?, TextArgument::of(arguments, 2)?);
        text_rows(arguments, |row, out| {
            let (from, to) = (from.get(row), to.get(row));
            for one in text.get(row).chars() {
                match from.chars().position(|candidate| candidate == one) {
                    None => out.push(one),
                    Some(index) => out.extend(to.chars().nth(index)),
                }
            }
            Ok(())
        })
    })
}

/// `repeat(text, times)`.
pub fn repeat() -> Arc<ScalarUDF> {
    Scalar::strict("repeat", DataType::Utf8View, |arguments| {
        let (text, times) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
        text_rows(arguments, |row, out| {
            let text = text.get(row);
            let times = usize::try_from(times.get(row).max(0)).unwrap_or(0);
            if text.len().saturating_mul(times) > TEXT_BYTES_MAX {
                return Err(too_long());
            }
            for _ in 0..times {
                out.push_str(text);
            }
            Ok(())
        })
    })
}

/// `split_part(text, delimiter, n)`: a negative `n` counts from the end.
pub fn split_part() -> Arc<ScalarUDF> {
    Scalar::strict("split_part", DataType::Utf8View, |arguments| {
        let (text, delimiter) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let field = IntegerArgument::of(arguments, 2)?;
        slice_rows(arguments, |row| {
            let (text, delimiter, field) = (text.get(row), delimiter.get(row), field.get(row));
            let index = usize::try_from(field.unsigned_abs()).unwrap_or(usize::MAX);
            if index == 0 {
                return Err(FunctionError::invalid_parameter("field position must not be zero"));
            }
            if delimiter.is_empty() {
                return Ok(if index == 1 { text } else { "" });
            }
            let part = if field > 0 {
                text.split(delimiter).nth(index - 1)
            } else {
                text.rsplit(delimiter).nth(index - 1)
            };
            Ok(part.unwrap_or(""))
        })
    })
}

/// `left(text, n)`: a negative `n` leaves that many off the end.
pub fn left() -> Arc<ScalarUDF> {
    Scalar::strict("left", DataType::Utf8View, |arguments| {
        let (text, many) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
        slice_rows(arguments, |row| {
            let (text, many) = (text.get(row), many.get(row));
            if many == 0 {
                return Ok("");
            }
            Ok(&text[..byte_of(text, from_start(text, many))])
        })
    })
}

/// `right(text, n)`: a negative `n` leaves that many off the start.
pub fn right() -> Arc<ScalarUDF> {
    Scalar::strict("right", DataType::Utf8View, |arguments| {
        let (text, many) = (TextArgument::of(arguments, 0)?, IntegerArgument::of(arguments, 1)?);
        slice_rows(arguments, |row| {
            let (text, many) = (text.get(row), many.get(row));
            if many == 0 {
                return Ok("");
            }
            Ok(&text[byte_of(text, from_start(text, -many))..])
        })
    })
}

/// How many characters lie before the place that `many`, which is not 0, counts to: from the start, or from the end.
fn from_start(text: &str, many: i64) -> usize {
    let length = text.chars().count();
    if many > 0 {
        usize::try_from(many).unwrap_or(usize::MAX).min(length)
    } else {
        length.saturating_sub(usize::try_from(many.unsigned_abs()).unwrap_or(usize::MAX))
    }
}

/// `ascii(text)`: the first character's code point, 0 of an empty text.
pub fn ascii() -> Arc<ScalarUDF> {
    Scalar::strict("ascii", DataType::Int32, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        integer_rows(arguments, |row| {
            count(text.get(row).chars().next().map_or(0, |one| usize::try_from(u32::from(one)).unwrap_or(0)))
        })
    })
}

/// `chr(code point)`.
pub fn chr() -> Arc<ScalarUDF> {
    Scalar::strict("chr", DataType::Utf8View, |arguments| {
        let code = IntegerArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            let code = code.get(row);
            if code == 0 {
                let message = "null character not permitted";
                return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message));
            }
            if code < 0 {
                let message = "character number must be positive";
                return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message));
            }
            let one = u32::try_from(code).ok().and_then(char::from_u32).ok_or_else(|| {
                let message = format!("requested character too large for encoding: {code}");
                FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message)
            })?;
            out.push(one);
            Ok(())
        })
    })
}

/// `to_hex(integer)`: negative numbers in two's complement.
pub fn to_hex_int4() -> Arc<ScalarUDF> {
    Scalar::strict("to_hex_int4", DataType::Utf8View, |arguments| {
        let (values, step) = arguments.typed::<Int32Array>(0)?;
        text_rows(arguments, |row, out| {
            out.push_str(&format!("{:x}", values.value(row * step)));
            Ok(())
        })
    })
}

/// `to_hex(bigint)`.
pub fn to_hex_int8() -> Arc<ScalarUDF> {
    Scalar::strict("to_hex_int8", DataType::Utf8View, |arguments| {
        let (values, step) = arguments.typed::<Int64Array>(0)?;
        text_rows(arguments, |row, out| {
            out.push_str(&format!("{:x}", values.value(row * step)));
            Ok(())
        })
    })
}

/// `starts_with(text, prefix)` and `^@`.
pub fn starts_with() -> Arc<ScalarUDF> {
    Scalar::strict("starts_with", DataType::Boolean, |arguments| {
        let (text, prefix) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        boolean_rows(arguments, |row| Ok(text.get(row).starts_with(prefix.get(row))))
    })
}

/// `quote_ident(text)`, for names that are not reserved words: those are the SQL layer's knowledge.
pub fn quote_ident() -> Arc<ScalarUDF> {
    Scalar::strict("quote_ident", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            write_identifier(text.get(row), out);
            Ok(())
        })
    })
}

/// Writes a name in double quotes where it needs them.
pub(crate) fn write_identifier(name: &str, out: &mut String) {
    let plain = name.starts_with(|one: char| one.is_ascii_lowercase() || one == '_')
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
    if plain {
        out.push_str(name);
    } else {
        out.push('"');
        out.push_str(&name.replace('"', "\"\""));
        out.push('"');
    }
}

/// Writes a literal in single quotes, as `E'…'` if it holds a backslash.
pub(crate) fn write_literal(text: &str, out: &mut String) {
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for one in text.chars() {
        if one == '\'' || one == '\\' {
            out.push(one);
        }
        out.push(one);
    }
    out.push('\'');
}

/// `quote_literal(text)`.
pub fn quote_literal() -> Arc<ScalarUDF> {
    Scalar::strict("quote_literal", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            write_literal(text.get(row), out);
            Ok(())
        })
    })
}

/// `quote_nullable(text)`: NULL is the word.
pub fn quote_nullable() -> Arc<ScalarUDF> {
    Scalar::called_on_null("quote_nullable", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut builder = StringViewBuilder::with_capacity(arguments.rows);
        let mut value = String::new();
        for row in 0..arguments.rows {
            value.clear();
            match text.get_opt(row) {
                Some(text) => write_literal(text, &mut value),
                None => value.push_str("NULL"),
            }
            builder.append_value(&value);
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `text || text`.
pub fn textcat() -> Arc<ScalarUDF> {
    Scalar::strict("textcat", DataType::Utf8View, |arguments| {
        let (left, right) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        text_rows(arguments, |row, out| {
            out.push_str(left.get(row));
            out.push_str(right.get(row));
            Ok(())
        })
    })
}

/// `concat(…)`: arguments are text already, nulls are left out.
pub fn concat() -> Arc<ScalarUDF> {
    Scalar::called_on_null("concat", DataType::Utf8View, |arguments| {
        let texts = texts_from(arguments, 0)?;
        let mut builder = StringViewBuilder::with_capacity(arguments.rows);
        let mut value = String::new();
        for row in 0..arguments.rows {
            value.clear();
            value.extend(texts.iter().filter_map(|text| text.get_opt(row)));
            builder.append_value(&value);
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `concat_ws(separator, …)`: null if the separator is.
pub fn concat_ws() -> Arc<ScalarUDF> {
    Scalar::called_on_null("concat_ws", DataType::Utf8View, |arguments| {
        let separator = TextArgument::of(arguments, 0)?;
        let texts = texts_from(arguments, 1)?;
        let mut builder = StringViewBuilder::with_capacity(arguments.rows);
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
                value.push_str(text);
            }
            builder.append_value(&value);
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

/// `string_to_array(text, delimiter [, null text])`: a null delimiter splits into characters, an empty one not at all.
pub fn string_to_array() -> Arc<ScalarUDF> {
    Scalar::called_on_null("string_to_array", text_array_type(), |arguments| {
        let (text, delimiter) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let null = (arguments.len() > 2).then(|| TextArgument::of(arguments, 2)).transpose()?;
        let mut builder = text_array_builder();
        for row in 0..arguments.rows {
            let Some(text) = text.get_opt(row) else {
                builder.append_null();
                continue;
            };
            let null = null.as_ref().and_then(|null| null.get_opt(row));
            let mut push =
                |part: &str| builder.values().append_option(Some(part).filter(|part| null != Some(*part)));
            match delimiter.get_opt(row) {
                _ if text.is_empty() => {}
                Some("") => push(text),
                Some(delimiter) => text.split(delimiter).for_each(&mut push),
                None => text.chars().for_each(|one| push(one.encode_utf8(&mut [0; 4]))),
            }
            builder.append(true);
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// `encode(bytea, format)`; `escape` writes what is not printable in octal.
pub fn encode() -> Arc<ScalarUDF> {
    Scalar::strict("encode", DataType::Utf8View, |arguments| {
        let (bytes, step) = arguments.typed::<BinaryViewArray>(0)?;
        let format = TextArgument::of(arguments, 1)?;
        text_rows(arguments, |row, out| {
            let bytes = bytes.value(row * step);
            match format.get(row) {
                "hex" => out.extend(bytes.iter().flat_map(|byte| hex_digits(*byte))),
                "escape" => {
                    for byte in bytes {
                        match byte {
                            0 | 0x80.. => out.push_str(&format!("\\{byte:03o}")),
                            b'\\' => out.push_str("\\\\"),
                            _ => out.push(char::from(*byte)),
                        }
                    }
                }
                other => return Err(unrecognized_encoding(other)),
            }
            Ok(())
        })
    })
}

fn hex_digits(byte: u8) -> [char; 2] {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    [digit(byte >> 4), digit(byte & 15)]
}

fn unrecognized_encoding(name: &str) -> FunctionError {
    FunctionError::invalid_parameter(format!("unrecognized encoding: \"{name}\""))
}

/// `decode(text, format)`.
pub fn decode() -> Arc<ScalarUDF> {
    Scalar::strict("decode", DataType::BinaryView, |arguments| {
        let (text, format) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let nulls = arguments.nulls();
        let mut builder = BinaryViewBuilder::with_capacity(arguments.rows);
        for row in 0..arguments.rows {
            if nulls.is_null(row) {
                builder.append_null();
                continue;
            }
            match format.get(row) {
                "hex" => builder.append_value(crate::text_input::parse_hex(text.get(row).as_bytes())?),
                other => return Err(unrecognized_encoding(other)),
            }
        }
        Ok(Arc::new(builder.finish()))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::{
        common::ScalarValue,
        logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
    };

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

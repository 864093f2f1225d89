//! Characters and their codes, numbers and their hexadecimal digits. An array of short texts that is made from parts is
//! looked through text by text, whether each is UTF-8; so these kernels take texts that are known to be.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{
        Array, ArrayRef, BinaryViewArray, BooleanArray, Int32Array, Int64Array, StringArray, StringViewArray,
    },
    buffer::OffsetBuffer,
    datatypes::DataType,
};
use datafusion::logical_expr::ScalarUDF;

use super::of_views;
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Int4, map_text},
    results::{BATCH_BYTES_MAX, out_of_memory},
    scalar::{Arguments, Scalar},
};

type Done = Result<ArrayRef, FunctionError>;

/// `ascii(text)`: the first character's code point, 0 of an empty text.
pub fn ascii() -> Arc<ScalarUDF> {
    Scalar::strict("ascii", DataType::Int32, |arguments| {
        of_views(arguments, |view, texts, row| {
            // The first bytes stand in the view of short and long texts alike.
            let [_, _, _, _, first, ..] = view.to_le_bytes();
            if first.is_ascii() {
                return first.into();
            }
            texts.value(row).chars().next().map_or(0, |one| u32::from(one).cast_signed())
        })
    })
}

/// The characters of up to two bytes, each at its code.
static CHARACTERS: LazyLock<StringViewArray> =
    LazyLock::new(|| (0..CHARACTERS_COUNT).filter_map(char::from_u32).map(String::from).map(Some).collect());
/// How many there are: a power of two.
const CHARACTERS_COUNT: u32 = 0x800;

/// `chr(code point)`.
pub fn chr() -> Arc<ScalarUDF> {
    Scalar::strict("chr", DataType::Utf8View, |arguments| {
        let (codes, step) = arguments.typed::<Int32Array>(0)?;
        let (mut bits, mut zeros) = (0, 0);
        for code in codes.values() {
            bits |= code.cast_unsigned();
            zeros += usize::from(*code == 0);
        }
        // A null is mostly stored as zero.
        let only_nulls_are_zero =
            || zeros <= codes.null_count() && !codes.iter().flatten().any(|code| code == 0);
        if step == 1 && bits < CHARACTERS_COUNT && (zeros == 0 || only_nulls_are_zero()) {
            return Ok(arrow::compute::take(&*CHARACTERS, codes, None)?);
        }
        map_text::<(Int4,)>(arguments, |(code,), out| {
            out.push(character(code)?);
            Ok(())
        })
    })
}

fn character(code: i32) -> Result<char, FunctionError> {
    if code == 0 {
        let message = "null character not permitted";
        return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message));
    }
    if code < 0 {
        return Err(FunctionError::invalid_parameter("character number must be positive"));
    }
    u32::try_from(code).ok().and_then(char::from_u32).ok_or_else(|| {
        let message = format!("requested character too large for encoding: {code}");
        FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message)
    })
}

/// `to_hex(integer)`: negative numbers in two's complement.
pub fn to_hex_int4() -> Arc<ScalarUDF> {
    Scalar::strict("to_hex_int4", DataType::Utf8View, |arguments| {
        let (values, _) = arguments.typed::<Int32Array>(0)?;
        hexadecimal(arguments, values.values().iter().map(|value| (0, value.cast_unsigned())))
    })
}

/// `to_hex(bigint)`.
pub fn to_hex_int8() -> Arc<ScalarUDF> {
    Scalar::strict("to_hex_int8", DataType::Utf8View, |arguments| {
        let (values, _) = arguments.typed::<Int64Array>(0)?;
        let half = |bits: u64| u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
        let halves = |value: u64| (half(value >> 32), half(value));
        hexadecimal(arguments, values.values().iter().map(|value| halves(value.cast_unsigned())))
    })
}

/// Numbers, given as halves, in hexadecimal, one behind the other; they are known to be text after one look.
fn hexadecimal(arguments: &Arguments<'_>, values: impl Iterator<Item = (u32, u32)>) -> Done {
    const DIGITS: usize = 8;
    let mut digits = vec![0; 2 * DIGITS * arguments.rows + DIGITS];
    let mut offsets = Vec::with_capacity(arguments.rows + 1);
    let mut end = 0_usize;
    offsets.push(0);
    // Always eight are written: what is too much is written over.
    let mut write = |at: usize, eight: u64| {
        if let Some(place) = digits.get_mut(at..at + DIGITS) {
            place.copy_from_slice(&eight.to_le_bytes());
        }
    };
    let zeros = |half: u32| usize::try_from((half | 1).leading_zeros() / 4).unwrap_or(0);
    for (high, low) in values {
        let first = if high == 0 { low } else { high };
        write(end, eight_digits(first) >> (8 * zeros(first)));
        end += DIGITS - zeros(first);
        if high != 0 {
            write(end, eight_digits(low));
            end += DIGITS;
        }
        offsets.push(i32::try_from(end).map_err(|_| out_of_memory(end))?);
    }
    digits.truncate(end);
    joined(arguments, digits, offsets)
}

/// Bytes in hexadecimal: nothing if it is too much for a batch. All are put one behind the other first, since a loop
/// writes the digits of several bytes at a time.
pub(crate) fn hexadecimal_bytes(arguments: &Arguments<'_>) -> Result<Option<ArrayRef>, FunctionError> {
    let (values, step) = arguments.typed::<BinaryViewArray>(0)?;
    // A view begins with the length.
    let length = |view: &u128| usize::try_from(view & u128::from(u32::MAX)).unwrap_or(0);
    let total = values.views().iter().map(length).sum::<usize>();
    if step == 0 || 2 * total > BATCH_BYTES_MAX {
        return Ok(None);
    }
    let mut bytes: Vec<u8> = Vec::with_capacity(total);
    let mut offsets = Vec::with_capacity(arguments.rows + 1);
    offsets.push(0);
    for row in 0..values.len() {
        if values.is_valid(row) {
            bytes.extend_from_slice(values.value(row));
        }
        let end = 2 * bytes.len();
        offsets.push(i32::try_from(end).map_err(|_| out_of_memory(end))?);
    }
    let digit = |four_bits: u8| four_bits + if four_bits > 9 { b'a' - 10 } else { b'0' };
    let digits: Vec<_> = bytes.iter().map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    joined(arguments, digits.into_flattened(), offsets).map(Some)
}

/// Texts that lie one behind the other.
fn joined(arguments: &Arguments<'_>, digits: Vec<u8>, offsets: Vec<i32>) -> Done {
    let texts = StringArray::try_new(OffsetBuffer::new(offsets.into()), digits.into(), None)?;
    let texts = StringViewArray::from(&texts);
    match arguments.nulls().into_buffer(arguments.rows) {
        None => Ok(Arc::new(texts)),
        Some(nulls) => Ok(arrow::compute::nullif(&texts, &BooleanArray::new(!nulls.inner(), None))?),
    }
}

/// The eight hexadecimal digits of a number, the first in the lowest byte.
pub(crate) fn eight_digits(value: u32) -> u64 {
    // Four bits to a byte, in three steps that each halve the distance.
    let mut nibbles = u64::from(value);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // Nothing carries over into the next byte: the digits from 10 on get the distance to the letters.
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + letters * 0x27).swap_bytes()
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use datafusion::logical_expr::ColumnarValue;

    use super::*;

    fn texts(function: &ScalarUDF, column: impl Array + 'static) -> Vec<Option<String>> {
        let rows = column.len();
        let arguments = datafusion::logical_expr::ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(Arc::new(column))],
            arg_fields: Vec::new(),
            number_rows: rows,
            return_field: Arc::new(arrow::datatypes::Field::new("result", DataType::Utf8View, true)),
            config_options: Arc::default(),
        };
        let result = function.invoke_with_args(arguments).unwrap().into_array(rows).unwrap();
        result.as_string_view().iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn hexadecimal_digits_as_the_standard_library_writes_them() {
        let small = [0, 1, 9, 10, 15, 16, 255, 4096, 0xabc_def, 0xffff_ffff];
        let large = [i64::MAX, i64::MIN, -1, 0x0123_4567_89ab_cdef, 1 << 32, 0xfedc_ba98_7654];
        for numbers in [small.to_vec(), small.into_iter().chain(large).collect()] {
            let column = Int64Array::from_iter(numbers.iter().map(|number| Some(*number)).chain([None]));
            let expected = numbers.iter().map(|number| Some(format!("{number:x}"))).chain([None]);
            assert_eq!(texts(&to_hex_int8(), column), expected.collect::<Vec<_>>());
        }
        let column = Int32Array::from(vec![Some(-1), None, Some(26)]);
        assert_eq!(texts(&to_hex_int4(), column), [Some("ffffffff".into()), None, Some("1a".into())]);
    }

    #[test]
    fn characters_of_their_codes() {
        let column = Int32Array::from(vec![Some(65), None, Some(0xe5)]);
        assert_eq!(texts(&chr(), column), [Some("A".into()), None, Some("å".into())]);
        let column = Int32Array::from(vec![Some(65), None, Some(0x1f600)]);
        assert_eq!(texts(&chr(), column), [Some("A".into()), None, Some("😀".into())]);
        for wrong in [0, -1, 0xd800, 0x0011_0000] {
            let arguments = vec![ColumnarValue::Array(Arc::new(Int32Array::from(vec![65, wrong])))];
            let kernel = |values| {
                let arguments = Arguments::new(values, 2, &DataType::Utf8View).unwrap();
                let (codes, _) = arguments.typed::<Int32Array>(0).unwrap();
                codes.iter().flatten().try_for_each(|code| character(code).map(drop))
            };
            assert!(kernel(arguments).is_err(), "{wrong}");
        }
    }
}

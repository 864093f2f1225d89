//! Loops that kernels share: read the arguments of a row as Rust values, compute, write. A kernel names the types of
//! its arguments as a tuple and gives a closure:
//!
//! ```text
//! map::<(Text,), Int4>(arguments, |(text,)| Ok(length(text)))
//! ```
//!
//! The loops are strict: a row with a null argument gives null and the closure is not called for it.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BinaryViewArray, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray,
        FixedSizeBinaryBuilder, PrimitiveArray, StringViewArray,
    },
    buffer::ScalarBuffer,
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int16Type,
        Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
        UInt32Type,
    },
    util::bit_chunk_iterator::BitChunks,
};

use crate::{
    error::FunctionError,
    interrupt,
    results::{BytesColumn, TextArrays, TextColumn},
    scalar::{Arguments, Nulls},
};

/// How an argument is read.
pub trait Read {
    /// The array it is in.
    type Array: Array + 'static;
    /// The value.
    type Value<'a>;
    /// Reads a row that is not null.
    fn read(array: &Self::Array, row: usize) -> Self::Value<'_>;
}

/// Any text-like type.
#[derive(Debug)]
pub struct Text;
/// `bytea`.
#[derive(Debug)]
pub struct Bytes;
/// `boolean`.
#[derive(Debug)]
pub struct Bool;
/// `uuid`.
#[derive(Debug)]
pub struct Uuid;
/// `smallint`.
pub type Int2 = Int16Type;
/// `integer`.
pub type Int4 = Int32Type;
/// `bigint`.
pub type Int8 = Int64Type;
/// `real`.
pub type Float4 = Float32Type;
/// `double precision`.
pub type Float8 = Float64Type;
/// `oid` and its like.
pub type Oid = UInt32Type;
/// `date`.
pub type Date = Date32Type;
/// `time`.
pub type Time = Time64MicrosecondType;
/// `timestamp` and `timestamptz`.
pub type Timestamp = TimestampMicrosecondType;
/// `interval`.
pub type Interval = IntervalMonthDayNanoType;
/// `numeric`, unscaled.
pub type Numeric = Decimal128Type;

impl<T: ArrowPrimitiveType> Read for T {
    type Array = PrimitiveArray<T>;
    type Value<'a> = T::Native;
    #[inline]
    fn read(array: &PrimitiveArray<T>, row: usize) -> T::Native {
        array.value(row)
    }
}

impl Read for Text {
    type Array = StringViewArray;
    type Value<'a> = &'a str;
    #[inline]
    fn read(array: &StringViewArray, row: usize) -> &str {
        array.value(row)
    }
}

impl Read for Bytes {
    type Array = BinaryViewArray;
    type Value<'a> = &'a [u8];
    #[inline]
    fn read(array: &BinaryViewArray, row: usize) -> &[u8] {
        array.value(row)
    }
}

impl Read for Bool {
    type Array = BooleanArray;
    type Value<'a> = bool;
    #[inline]
    fn read(array: &BooleanArray, row: usize) -> bool {
        array.value(row)
    }
}

impl Read for Uuid {
    type Array = FixedSizeBinaryArray;
    type Value<'a> = &'a [u8];
    #[inline]
    fn read(array: &FixedSizeBinaryArray, row: usize) -> &[u8] {
        array.value(row)
    }
}

/// A column and how far to step in it for each row: 0 for a constant.
type Stepped<'a, A> = (&'a A, usize);

/// The types of a call's first arguments.
pub trait ReadRow {
    /// The columns.
    type Columns<'a>;
    /// The values of a row.
    type Values<'a>;
    /// Finds the columns.
    fn columns<'a>(arguments: &'a Arguments<'_>) -> Result<Self::Columns<'a>, FunctionError>;
    /// Reads a row in which nothing is null.
    fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Self::Values<'a>;
}

macro_rules! read_row {
    ($($type:ident $index:tt),*) => {
        impl<$($type: Read),*> ReadRow for ($($type,)*) {
            type Columns<'a> = ($(Stepped<'a, $type::Array>,)*);
            type Values<'a> = ($($type::Value<'a>,)*);
            fn columns<'a>(arguments: &'a Arguments<'_>) -> Result<Self::Columns<'a>, FunctionError> {
                Ok(($(arguments.typed::<$type::Array>($index)?,)*))
            }
            #[inline]
            fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Self::Values<'a> {
                ($($type::read(columns.$index.0, row * columns.$index.1),)*)
            }
        }
    };
}
read_row!(A 0);
read_row!(A 0, B 1);
read_row!(A 0, B 1, C 2);
read_row!(A 0, B 1, C 2, D 3);
read_row!(A 0, B 1, C 2, D 3, E 4);
read_row!(A 0, B 1, C 2, D 3, E 4, F 5);
read_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);

/// The one loop: calls back for each row, with nothing where an argument is null.
#[inline]
fn over_rows(
    rows: usize,
    nulls: &Nulls,
    mut each: impl FnMut(Option<usize>) -> Result<(), FunctionError>,
) -> Result<(), FunctionError> {
    const BETWEEN_CHECKS: usize = 256;
    /// Rows that a word of the null bitmap tells of.
    const WORD: usize = 64;
    let words = match nulls {
        Nulls::Some(nulls) => Some(nulls.inner().bit_chunks()),
        Nulls::None | Nulls::All => None,
    };
    let mut words = words.as_ref().map(BitChunks::iter_padded);
    for start in (0..rows).step_by(BETWEEN_CHECKS) {
        interrupt::check()?;
        let mut some = start..rows.min(start + BETWEEN_CHECKS);
        match (nulls, &mut words) {
            (Nulls::None, _) => some.try_for_each(|row| each(Some(row)))?,
            (Nulls::All, _) => some.try_for_each(|_| each(None))?,
            (Nulls::Some(_), words) => {
                for start in some.clone().step_by(WORD) {
                    let mut valid = words.as_mut().and_then(Iterator::next).unwrap_or(0);
                    for row in start..some.end.min(start + WORD) {
                        each((valid & 1 == 1).then_some(row))?;
                        valid >>= 1;
                    }
                }
            }
        }
    }
    Ok(())
}

/// An argument, read row by row by kernels whose arguments differ in number.
#[derive(Debug)]
pub(crate) struct Argument<'a, A>(&'a A, usize);

/// A text argument.
pub(crate) type TextArgument<'a> = Argument<'a, StringViewArray>;
/// An `integer` argument.
pub(crate) type IntegerArgument<'a> = Argument<'a, PrimitiveArray<Int32Type>>;

impl<'a, A: Array + 'static> Argument<'a, A> {
    pub(crate) fn of(arguments: &'a Arguments<'_>, index: usize) -> Result<Self, FunctionError> {
        arguments.typed(index).map(|(array, step)| Self(array, step))
    }

    /// The argument, if the call has it.
    pub(crate) fn optional(
        arguments: &'a Arguments<'_>,
        index: usize,
    ) -> Result<Option<Self>, FunctionError> {
        (index < arguments.len()).then(|| Self::of(arguments, index)).transpose()
    }
}

impl<'a> TextArgument<'a> {
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

impl IntegerArgument<'_> {
    #[inline]
    pub(crate) fn get(&self, row: usize) -> i64 {
        i64::from(self.0.value(row * self.1))
    }
}

/// A value of a primitive type for each row.
pub(crate) fn primitive_rows<O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(usize) -> Result<O::Native, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let mut values = Vec::with_capacity(arguments.rows);
    over_rows(arguments.rows, &nulls, |row| {
        values.push(match row {
            Some(row) => compute(row)?,
            None => O::Native::default(),
        });
        Ok(())
    })?;
    primitive::<O>(values, nulls.into_buffer(arguments.rows), arguments)
}

/// Computes a value of a primitive type for each row.
pub fn map<I: ReadRow, O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<O::Native, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    primitive_rows::<O>(arguments, |row| compute(I::read(&columns, row)))
}

/// As [`map`], where the result may be null.
pub fn map_nullable<I: ReadRow, O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<Option<O::Native>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let mut values = Vec::with_capacity(arguments.rows);
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        values.push(match row {
            Some(row) => compute(I::read(&columns, row))?,
            None => None,
        });
        Ok(())
    })?;
    let array = PrimitiveArray::<O>::from_iter(values).with_data_type(arguments.result.clone());
    Ok(Arc::new(array))
}

/// An array of a primitive type from its values.
pub fn primitive<O: ArrowPrimitiveType>(
    values: Vec<O::Native>,
    nulls: Option<arrow::buffer::NullBuffer>,
    arguments: &Arguments<'_>,
) -> Result<ArrayRef, FunctionError> {
    let array = PrimitiveArray::<O>::try_new(ScalarBuffer::from(values), nulls)?;
    Ok(Arc::new(array.with_data_type(arguments.result.clone())))
}

/// A boolean for each row.
pub(crate) fn boolean_rows(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(usize) -> Result<bool, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls();
    let mut values = BooleanBufferBuilder::new(arguments.rows);
    over_rows(arguments.rows, &nulls, |row| {
        values.append(match row {
            Some(row) => compute(row)?,
            None => false,
        });
        Ok(())
    })?;
    Ok(Arc::new(BooleanArray::new(values.finish(), nulls.into_buffer(arguments.rows))))
}

/// Computes a boolean for each row.
pub fn map_bool<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<bool, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    boolean_rows(arguments, |row| compute(I::read(&columns, row)))
}

/// A text for each row, written into a buffer that is empty at first; nothing for null.
fn text_rows_nullable(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(usize, &mut String) -> Result<Option<()>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        out.clear();
        match row.map(|row| write(row, &mut out)).transpose()?.flatten() {
            Some(()) => builder.append_value(&out),
            None => {
                builder.append_null();
                Ok(())
            }
        }
    })?;
    Ok(Arc::new(builder.finish()))
}

/// A text for each row, written into a buffer that is empty at first.
pub(crate) fn text_rows(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(usize, &mut String) -> Result<(), FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    text_rows_nullable(arguments, |row, out| write(row, out).map(Some))
}

/// Writes a text for each row into a buffer, which is empty at first.
pub fn map_text<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>, &mut String) -> Result<(), FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    map_text_nullable::<I>(arguments, |values, out| compute(values, out).map(Some))
}

/// As [`map_text`], where the result may be null.
pub fn map_text_nullable<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>, &mut String) -> Result<Option<()>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    text_rows_nullable(arguments, |row, out| compute(I::read(&columns, row), out))
}

/// A part of an argument's text for each row, or null.
pub(crate) fn slice_rows_nullable<'a>(
    arguments: &Arguments<'_>,
    mut slice: impl FnMut(usize) -> Result<Option<&'a str>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let mut builder = TextColumn::with_capacity(arguments.rows);
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        builder.append_option(row.map(&mut slice).transpose()?.flatten())?;
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

/// A part of an argument's text for each row.
pub(crate) fn slice_rows<'a>(
    arguments: &Arguments<'_>,
    mut slice: impl FnMut(usize) -> Result<&'a str, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    slice_rows_nullable(arguments, |row| slice(row).map(Some))
}

/// Picks a part of an argument's text for each row: nothing is copied but the part.
pub fn map_slice<'a, I: ReadRow>(
    arguments: &'a Arguments<'_>,
    mut compute: impl FnMut(I::Values<'a>) -> Result<&'a str, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    slice_rows(arguments, |row| compute(I::read(&columns, row)))
}

/// Writes text as bytes (the output functions' way) for each row.
pub fn map_written<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(I::Values<'_>, &mut Vec<u8>),
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        let Some(row) = row else {
            builder.append_null();
            return Ok(());
        };
        out.clear();
        write(I::read(&columns, row), &mut out);
        let text = std::str::from_utf8(&out).map_err(|error| FunctionError::internal(error.to_string()))?;
        builder.append_value(text)?;
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

/// Writes bytes for each row into a buffer, which is empty at first.
pub fn map_bytes<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>, &mut Vec<u8>) -> Result<(), FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let mut builder = BytesColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        let Some(row) = row else {
            builder.append_null();
            return Ok(());
        };
        out.clear();
        compute(I::read(&columns, row), &mut out)?;
        builder.append_value(&out)?;
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

/// Computes a uuid for each row.
pub fn map_uuid<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<[u8; 16], FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let mut builder = FixedSizeBinaryBuilder::with_capacity(arguments.rows, 16);
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        match row {
            Some(row) => builder.append_value(compute(I::read(&columns, row))?)?,
            None => builder.append_null(),
        }
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

/// A `text[]` for each row, whose elements are pushed; false for null.
pub(crate) fn text_array_rows(
    arguments: &Arguments<'_>,
    mut fill: impl FnMut(usize, &mut TextArrays) -> Result<bool, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let mut arrays = TextArrays::with_capacity(arguments.rows);
    over_rows(arguments.rows, &arguments.nulls(), |row| {
        let valid = row.map_or(Ok(false), |row| fill(row, &mut arrays))?;
        arrays.end(valid);
        Ok(())
    })?;
    Ok(Arc::new(arrays.finish()?))
}

/// `text[]`.
pub fn text_array_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true)))
}

/// The scale of a `numeric` argument.
pub fn scale_of(arguments: &Arguments<'_>, index: usize) -> Result<i8, FunctionError> {
    match arguments.array(index)?.data_type() {
        DataType::Decimal128(_, scale) => Ok(*scale),
        other => Err(FunctionError::internal(format!("argument {index} is not numeric but {other}"))),
    }
}

/// Precision and scale of a `numeric` result.
pub fn result_scale(arguments: &Arguments<'_>) -> Result<(u8, i8), FunctionError> {
    match arguments.result {
        DataType::Decimal128(precision, scale) => Ok((*precision, *scale)),
        other => Err(FunctionError::internal(format!("the result is not numeric but {other}"))),
    }
}

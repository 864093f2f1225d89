//! Loops that kernels share: read the arguments of a row as Rust values, compute, write. A kernel names the types of
//! its arguments as a tuple and gives a closure:
//!
//! ```ignore
//! map::<(Text,), Int4>(arguments, |(text,)| Ok(length(text)))
//! ```
//!
//! The loops are strict: a row with a null argument gives null and the closure is not called for it.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BinaryViewArray, BinaryViewBuilder, BooleanArray, BooleanBuilder,
        FixedSizeBinaryArray, FixedSizeBinaryBuilder, PrimitiveArray, StringViewArray, StringViewBuilder,
    },
    buffer::ScalarBuffer,
    datatypes::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
    },
};

use crate::{error::FunctionError, scalar::Arguments};

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

/// Computes a value of a primitive type for each row.
pub fn map<I: ReadRow, O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<O::Native, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut values = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        values.push(if nulls.is_null(row) { O::Native::default() } else { compute(I::read(&columns, row))? });
    }
    primitive::<O>(values, nulls.into_buffer(arguments.rows), arguments)
}

/// As [`map`], where the result may be null.
pub fn map_nullable<I: ReadRow, O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<Option<O::Native>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut values = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        values.push(if nulls.is_null(row) { None } else { compute(I::read(&columns, row))? });
    }
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

/// Computes a boolean for each row.
pub fn map_bool<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<bool, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = BooleanBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(compute(I::read(&columns, row))?);
        }
    }
    Ok(Arc::new(builder.finish()))
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
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        match compute(I::read(&columns, row), &mut out)? {
            Some(()) => builder.append_value(&out),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Picks a part of an argument's text for each row: nothing is copied but the part.
pub fn map_slice<'a, I: ReadRow>(
    arguments: &'a Arguments<'_>,
    mut compute: impl FnMut(I::Values<'a>) -> Result<&'a str, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(compute(I::read(&columns, row))?);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Writes text as bytes (the output functions' way) for each row.
pub fn map_written<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(I::Values<'_>, &mut Vec<u8>),
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = StringViewBuilder::with_capacity(arguments.rows);
    let mut out = Vec::new();
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        write(I::read(&columns, row), &mut out);
        let text = std::str::from_utf8(&out).map_err(|error| FunctionError::internal(error.to_string()))?;
        builder.append_value(text);
    }
    Ok(Arc::new(builder.finish()))
}

/// Computes bytes for each row.
pub fn map_bytes<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<Vec<u8>, FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = BinaryViewBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(compute(I::read(&columns, row))?);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Computes a uuid for each row.
pub fn map_uuid<I: ReadRow>(
    arguments: &Arguments<'_>,
    mut compute: impl FnMut(I::Values<'_>) -> Result<[u8; 16], FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = FixedSizeBinaryBuilder::with_capacity(arguments.rows, 16);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(compute(I::read(&columns, row))?)?;
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The scale of a `numeric` argument.
pub fn scale_of(arguments: &Arguments<'_>, index: usize) -> Result<i8, FunctionError> {
    match arguments.array(index)?.data_type() {
        arrow::datatypes::DataType::Decimal128(_, scale) => Ok(*scale),
        other => Err(FunctionError::internal(format!("argument {index} is not numeric but {other}"))),
    }
}

/// Precision and scale of a `numeric` result.
pub fn result_scale(arguments: &Arguments<'_>) -> Result<(u8, i8), FunctionError> {
    match arguments.result {
        arrow::datatypes::DataType::Decimal128(precision, scale) => Ok((*precision, *scale)),
        other => Err(FunctionError::internal(format!("the result is not numeric but {other}"))),
    }
}

//! Arrays as Arrow lists, with their shapes beside them where they may have several dimensions or other lower bounds than
//! 1 ([`shape`]). What does not ask for dimensions works on the elements alone. `int2vector` and `oidvector` count from
//! 0; the binder moves their subscripts.

pub mod assignment;
mod collector;
pub mod dimensions;
pub mod exclusive_or;
mod quantifiers;
mod search;
pub mod shape;

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Int32Builder, ListArray, StringViewArray, UInt64Builder, new_empty_array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    compute::{SortOptions, take},
    datatypes::{DataType, Field},
    row::{RowConverter, SortField},
};
use datafusion::common::ScalarValue;

use self::{collector::Collector, shape::Arrays};
pub use self::{quantifiers::*, search::*};
use crate::{
    casts::styles_argument,
    collation::by_value,
    error::FunctionError,
    kernels::Int4,
    results::{TextColumn, check_length},
    scalar::Arguments,
    text_output as output,
};

type Done = Result<ArrayRef, FunctionError>;

/// An argument that is an integer, for each row; `None` for null.
fn integer_argument<'a>(
    arguments: &'a Arguments<'_>,
    index: usize,
) -> Result<impl Fn(usize) -> Option<i64> + use<'a>, FunctionError> {
    let (array, step) = arguments.typed::<arrow::array::PrimitiveArray<Int4>>(index)?;
    Ok(move |row: usize| (!array.is_null(row * step)).then(|| i64::from(array.value(row * step))))
}

fn list_of(values: ArrayRef, lengths: Vec<usize>, nulls: Option<NullBuffer>) -> Done {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls)?))
}

/// The values of any type as their output functions write them: a column of text.
pub fn texts(values: &ArrayRef, styles: output::Styles) -> Result<StringViewArray, FunctionError> {
    use arrow::datatypes as t;
    let mut builder = TextColumn::with_capacity(values.len());
    let mut out = Vec::new();
    macro_rules! write_each {
        ($array:expr, |$value:ident| $write:expr) => {{
            let array = $array;
            for row in 0..array.len() {
                if array.is_null(row) {
                    builder.append_null();
                    continue;
                }
                out.clear();
                let $value = array.value(row);
                $write;
                let text =
                    std::str::from_utf8(&out).map_err(|error| FunctionError::internal(error.to_string()))?;
                builder.append_value(text)?;
            }
        }};
    }
    match values.data_type() {
        DataType::Boolean => write_each!(values.as_boolean(), |value| output::write_bool(value, &mut out)),
        DataType::Int16 => {
            write_each!(values.as_primitive::<t::Int16Type>(), |value| output::write_integer(
                value.into(),
                &mut out
            ));
        }
        DataType::Int32 => {
            write_each!(values.as_primitive::<t::Int32Type>(), |value| output::write_integer(
                value.into(),
                &mut out
            ));
        }
        DataType::Int64 => {
            write_each!(values.as_primitive::<t::Int64Type>(), |value| output::write_integer(
                value, &mut out
            ));
        }
        DataType::UInt32 => {
            write_each!(values.as_primitive::<t::UInt32Type>(), |value| output::write_unsigned(
                value.into(),
                &mut out
            ));
        }
        DataType::Float32 => {
            write_each!(values.as_primitive::<t::Float32Type>(), |value| output::write_float4(
                value, &mut out
            ));
        }
        DataType::Float64 => {
            write_each!(values.as_primitive::<t::Float64Type>(), |value| output::write_float8(
                value, &mut out
            ));
        }
        DataType::Decimal128(_, scale) => {
            write_each!(values.as_primitive::<t::Decimal128Type>(), |value| output::write_numeric(
                value, *scale, &mut out
            ));
        }
        DataType::Date32 => {
            write_each!(values.as_primitive::<t::Date32Type>(), |value| styles.write_date(value, &mut out));
        }
        DataType::Time64(_) => {
            write_each!(values.as_primitive::<t::Time64MicrosecondType>(), |value| output::write_time(
                value, &mut out
            ));
        }
        DataType::Timestamp(_, None) => {
            write_each!(values.as_primitive::<t::TimestampMicrosecondType>(), |value| {
                styles.write_timestamp(value, &mut out)
            });
        }
        DataType::Timestamp(_, Some(_)) => {
            write_each!(values.as_primitive::<t::TimestampMicrosecondType>(), |value| {
                styles.write_timestamptz(value, &mut out)
            });
        }
        DataType::Interval(_) => {
            write_each!(values.as_primitive::<t::IntervalMonthDayNanoType>(), |value| {
                let parts = crate::dates::interval_parts(value);
                styles.write_interval(parts.months, parts.days, parts.microseconds, &mut out);
            });
        }
        DataType::FixedSizeBinary(crate::timetz::WIDTH) => {
            write_each!(values.as_fixed_size_binary(), |value| {
                let (time, offset) = crate::timetz::decode(value);
                output::write_timetz(time, offset, &mut out);
            });
        }
        DataType::FixedSizeBinary(_) => {
            write_each!(values.as_fixed_size_binary(), |value| output::write_uuid(value, &mut out));
        }
        DataType::BinaryView => {
            write_each!(values.as_binary_view(), |value| output::write_bytea(value, &mut out));
        }
        DataType::Utf8View => return Ok(values.as_string_view().clone()),
        DataType::Utf8 | DataType::LargeUtf8 => {
            return Ok(arrow::compute::cast(values, &DataType::Utf8View)?.as_string_view().clone());
        }
        other => return Err(FunctionError::not_supported(format!("text of {other} is not supported"))),
    }
    Ok(builder.finish())
}

/// `array::text`: array, zone
pub fn array_to_text(arguments: &Arguments<'_>) -> Done {
    let arrays = Arrays::argument(arguments, 0, 1)?;
    let elements = texts(arrays.elements(), styles_argument(arguments, 1)?)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    for row in 0..arguments.rows {
        if arrays.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        let (dimensions, start) = (arrays.dimensions(row), arrays.range(row).start);
        shape::write_bounds(&dimensions, &mut out);
        shape::write_nested(&dimensions, [b"{", b",", b"}"], &mut out, &mut |number, out| {
            if elements.is_null(start + number) {
                out.extend_from_slice(b"NULL");
            } else {
                output::write_array_element(elements.value(start + number).as_bytes(), out);
            }
            check_length(out.len())
        })?;
        builder.append_value(String::from_utf8_lossy(&out))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// `int2vector::text`, `oidvector::text`: vector, zone
pub fn vector_to_text(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let elements = texts(lists.elements(), output::Styles::plain(chrono_tz::Tz::UTC))?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if lists.is_null(row) {
            builder.append_null();
        } else {
            let parts: Vec<&str> = lists.range(row).map(|at| elements.value(at)).collect();
            builder.append_value(parts.join(" "))?;
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Any array → `text[]` of the same form: array, zone
pub fn elements_to_text(arguments: &Arguments<'_>) -> Done {
    let array = arguments.full_array(0)?;
    let styles = styles_argument(arguments, 1)?;
    map_elements(&array, |elements| Ok(Arc::new(texts(elements, styles)?)))
}

/// Text as shaped arrays of text. Strict.
pub fn array_of_text(arguments: &Arguments<'_>) -> Done {
    let (texts, step) = arguments.typed::<StringViewArray>(0)?;
    let mut values = TextColumn::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    let mut shapes = Vec::with_capacity(arguments.rows);
    let nulls: NullBuffer = (0..arguments.rows).map(|row| !texts.is_null(row * step)).collect();
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            lengths.push(0);
            shapes.push(Vec::new());
            continue;
        }
        let array = crate::text_input::parse_array(texts.value(row * step))?;
        lengths.push(array.elements.len());
        shapes.push(array.dimensions);
        for element in array.elements {
            values.append_option(element)?;
        }
    }
    shape::assemble(Arc::new(values.finish()), lengths, &shapes, Some(nulls), arguments.result)
}

/// The same arrays over other elements.
pub fn map_elements(
    array: &ArrayRef,
    of_elements: impl FnOnce(&ArrayRef) -> Result<ArrayRef, FunctionError>,
) -> Done {
    let arrays = Arrays::of(array.as_ref(), 1)?;
    let elements = of_elements(arrays.lists.values())?;
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let offsets = arrays.lists.offsets().clone();
    let lists = ListArray::try_new(field, offsets, elements, arrays.lists.nulls().cloned())?;
    if !shape::is_shaped(array.data_type()) {
        return Ok(Arc::new(lists));
    }
    let shapes: Vec<_> = (0..lists.len()).map(|row| arrays.dimensions(row)).collect();
    shape::with_shapes(lists, &shapes)
}

fn range(lists: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    let at = |index: usize| offsets.get(index).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    at(row)..at(row + 1)
}

/// `array[index]`; a third argument is the lower bound (0 for the vector types, else 1).
pub fn subscript(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let index = integer_argument(arguments, 1)?;
    let lower = integer_argument(arguments, 2)?;
    let mut indices = UInt64Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let found = index(row).zip(lower(row)).filter(|_| !lists.is_null(row)).and_then(|(index, lower)| {
            let offset = usize::try_from(index - lower).ok()?;
            lists.range(row).nth(offset)
        });
        indices.append_option(found.and_then(|at| u64::try_from(at).ok()));
    }
    Ok(take(lists.elements(), &indices.finish(), None)?)
}

/// `array[lower:upper]` of a list: array, lower, upper, lower bound of the array. A null bound makes the result null; one
/// that is left out is beyond every array.
pub fn slice(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let (from, to) = (integer_argument(arguments, 1)?, integer_argument(arguments, 2)?);
    let first = integer_argument(arguments, 3)?;
    let sources = [lists.elements().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let Some((from, to)) = from(row).zip(to(row)).filter(|_| !lists.is_null(row)) else {
            collector.null();
            continue;
        };
        let first = first(row).unwrap_or(1);
        let (from, to) = (from.max(first), to.min(first + lists.length(row) - 1));
        let all = lists.range(row);
        let start = all.start + usize::try_from(from - first).unwrap_or(0);
        let count = usize::try_from(to - from + 1).unwrap_or(0);
        collector.run(0, start..start + count);
        collector.end(Vec::new())?;
    }
    collector.finish()
}

/// `ARRAY[…]` of arguments of one type.
pub fn make_array(arguments: &Arguments<'_>) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("an array constructor must give a list"));
    };
    if arguments.is_empty() {
        return list_of(new_empty_array(field.data_type()), vec![0; arguments.rows], None);
    }
    let columns = (0..arguments.len()).map(|index| arguments.array(index)).collect::<Result<Vec<_>, _>>()?;
    let sources: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
    let steps: Vec<_> =
        (0..arguments.len()).map(|index| usize::from(!arguments.is_constant(index))).collect();
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        for (source, step) in (0..).zip(&steps) {
            collector.run(source, row * step..row * step + 1);
        }
        collector.end(Vec::new())?;
    }
    collector.finish()
}

fn integers(arguments: &Arguments<'_>, compute: impl Fn(usize) -> Option<i64>) -> Done {
    let mut builder = Int32Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        builder.append_option(compute(row).and_then(|value| i32::try_from(value).ok()));
    }
    Ok(Arc::new(builder.finish()))
}

/// A list's elements without repetitions, in order: `array_agg(DISTINCT …)` where Arrow does not know what is equal.
/// Whether the order is descending, and whether nulls come first.
pub fn distinct_in_order<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let list = Arrays::argument(arguments, 0, 1)?;
    let flag = |index: usize| -> Result<bool, FunctionError> {
        Ok(arguments.typed::<arrow::array::BooleanArray>(index)?.0.value(0))
    };
    let options = SortOptions { descending: flag(1)?, nulls_first: flag(2)? };
    let keys = by_value(list.elements(), JSONB)?;
    let converter = RowConverter::new(vec![SortField::new_with_options(keys.data_type().clone(), options)])?;
    let keys = converter.convert_columns(&[keys])?;
    let sources = [list.elements().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        if list.is_null(row) {
            collector.null();
            continue;
        }
        let mut elements: Vec<usize> = list.range(row).collect();
        elements.sort_by(|one, other| keys.row(*one).cmp(&keys.row(*other)));
        elements.dedup_by(|one, other| keys.row(*one) == keys.row(*other));
        elements.into_iter().for_each(|at| collector.element(0, at));
        collector.end(Vec::new())?;
    }
    collector.finish()
}

/// `array_to_string(array, delimiter, null text, zone)`: the null text may be null, and then nulls are left out.
pub fn array_to_string(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let (delimiters, delimiter_step) = arguments.typed::<StringViewArray>(1)?;
    let (nulls, null_step) = arguments.typed::<StringViewArray>(2)?;
    let elements = texts(lists.elements(), styles_argument(arguments, 3)?)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        if lists.is_null(row) || delimiters.is_null(row * delimiter_step) {
            builder.append_null();
            continue;
        }
        out.clear();
        let mut first = true;
        for at in lists.range(row) {
            let text = if elements.is_null(at) {
                let at = row * null_step;
                if nulls.is_null(at) {
                    continue;
                }
                nulls.value(at)
            } else {
                elements.value(at)
            };
            if !first {
                out.push_str(delimiters.value(row * delimiter_step));
            }
            first = false;
            check_length(out.len() + text.len())?;
            out.push_str(text);
        }
        builder.append_value(&out)?;
    }
    Ok(Arc::new(builder.finish()))
}

/// `string_to_array(text, delimiter, null text)`: a null delimiter splits into characters.
pub fn string_to_array(arguments: &Arguments<'_>) -> Done {
    let (strings, step) = arguments.typed::<StringViewArray>(0)?;
    let (delimiters, delimiter_step) = arguments.typed::<StringViewArray>(1)?;
    let (nulls, null_step) = arguments.typed::<StringViewArray>(2)?;
    let mut values = TextColumn::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    let mut valid = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let at = row * step;
        valid.push(!strings.is_null(at));
        if strings.is_null(at) {
            lengths.push(0);
            continue;
        }
        let text = strings.value(at);
        let delimiter = row * delimiter_step;
        let null_text = (!nulls.is_null(row * null_step)).then(|| nulls.value(row * null_step));
        let mut buffer = [0_u8; 4];
        let mut count = 0;
        let mut push = |part: &str| {
            count += 1;
            values.append_option((Some(part) != null_text).then_some(part))
        };
        if text.is_empty() {
            // No element at all.
        } else if delimiters.is_null(delimiter) {
            for one in text.chars() {
                push(one.encode_utf8(&mut buffer))?;
            }
        } else if delimiters.value(delimiter).is_empty() {
            push(text)?;
        } else {
            for part in text.split(delimiters.value(delimiter)) {
                push(part)?;
            }
        }
        lengths.push(count);
    }
    list_of(Arc::new(values.finish()), lengths, Some(NullBuffer::from(valid)))
}

/// A constant list's values, for those who want to make an IN list of it.
pub fn constant_elements(value: &ScalarValue) -> Option<Vec<ScalarValue>> {
    let list = match value {
        ScalarValue::List(list) => ListArray::clone(list),
        ScalarValue::Struct(shaped) => Arrays::of(shaped.as_ref(), 1).ok()?.lists,
        _ => return None,
    };
    if list.is_null(0) {
        return None;
    }
    let elements = list.value(0);
    (0..elements.len()).map(|row| ScalarValue::try_from_array(&elements, row).ok()).collect()
}

fn counted(arguments: &Arguments<'_>, nulls: bool) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    integers(arguments, |row| {
        let count = lists.range(row).filter(|at| lists.elements().is_null(*at) == nulls).count();
        (!lists.is_null(row)).then(|| i64::try_from(count).unwrap_or(i64::MAX))
    })
}

/// `num_nulls(VARIADIC array)`
pub fn num_nulls(arguments: &Arguments<'_>) -> Done {
    counted(arguments, true)
}

/// `num_nonnulls(VARIADIC array)`
pub fn num_nonnulls(arguments: &Arguments<'_>) -> Done {
    counted(arguments, false)
}

/// A value's text, whatever its type: value, zone. Strict.
pub fn value_to_text(arguments: &Arguments<'_>) -> Done {
    let value = arguments.full_array(0)?;
    Ok(Arc::new(texts(&value, styles_argument(arguments, 1)?)?))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Int32Type;
    use datafusion::logical_expr::ColumnarValue;

    use super::*;

    pub(in crate::arrays) fn list(rows: Vec<Option<Vec<Option<i32>>>>) -> ColumnarValue {
        ColumnarValue::Array(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows)))
    }

    pub(in crate::arrays) fn call(
        kernel: crate::scalar::Kernel,
        values: Vec<ColumnarValue>,
        rows: usize,
        result: &DataType,
    ) -> ArrayRef {
        kernel(&Arguments::new(values, rows, result).unwrap()).unwrap()
    }

    #[test]
    fn parts_of_arrays() {
        let arrays = list(vec![Some(vec![Some(10), None, Some(30)]), None]);
        let integer = |value: i32| ColumnarValue::Scalar(ScalarValue::Int32(Some(value)));
        let third = call(subscript, vec![arrays.clone(), integer(3), integer(1)], 2, &DataType::Int32);
        assert_eq!(third.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(30), None]);
        let zone = ColumnarValue::Scalar(ScalarValue::Utf8View(Some("UTC".to_owned())));
        let text = call(array_to_text, vec![arrays.clone(), zone], 2, &DataType::Utf8View);
        assert_eq!(text.as_string_view().iter().collect::<Vec<_>>(), [Some("{10,NULL,30}"), None]);
        let list_type = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
        let part = call(slice, vec![arrays, integer(2), integer(9), integer(1)], 2, &list_type);
        assert_eq!(part.as_list::<i32>().value(0).len(), 2);
    }
}

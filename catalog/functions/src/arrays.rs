//! Arrays as Arrow lists, with their shapes beside them where they may have several dimensions or other lower bounds than
//! 1 ([`shape`]). What does not ask for dimensions works on the elements alone. `int2vector` and `oidvector` count from
//! 0; the binder moves their subscripts.

pub mod assignment;
pub mod dimensions;
pub mod exclusive_or;
pub mod shape;

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanBuilder, Int32Builder, ListArray, StringViewArray, UInt64Builder,
        make_comparator, new_empty_array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    compute::{SortOptions, take},
    datatypes::{DataType, Field},
    row::{RowConverter, SortField},
};
use datafusion::common::ScalarValue;

use self::shape::Arrays;
use crate::{
    casts::styles_argument,
    collation::by_value,
    error::{FunctionError, FunctionErrorKind},
    interrupt,
    kernels::Int4,
    results::{TextColumn, check_length},
    scalar::Arguments,
    text_output as output,
};

type Done = Result<ArrayRef, FunctionError>;

/// The elements of an argument that is an array, with as many rows as the result.
fn list_argument(arguments: &Arguments<'_>, index: usize) -> Result<ListArray, FunctionError> {
    Ok(Arrays::of(arguments.full_array(index)?.as_ref(), 1)?.lists)
}

/// The arrays of an argument, where those of a constant stand once, however many rows there are: a subquery's array may
/// be long.
struct Lists {
    lists: ListArray,
    /// How far to step for each row: 0 for a constant.
    step: usize,
}

impl Lists {
    fn of(arguments: &Arguments<'_>, index: usize) -> Result<Self, FunctionError> {
        let lists = Arrays::of(arguments.array(index)?.as_ref(), 1)?.lists;
        Ok(Self { lists, step: usize::from(!arguments.is_constant(index)) })
    }

    fn is_constant(&self) -> bool {
        self.step == 0
    }

    fn is_null(&self, row: usize) -> bool {
        self.lists.is_null(row * self.step)
    }

    /// Where a row's elements are among [all](Self::elements).
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        range(&self.lists, row * self.step)
    }

    fn elements(&self) -> &ArrayRef {
        self.lists.values()
    }
}

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
    let arrays = Arrays::of(arguments.full_array(0)?.as_ref(), 1)?;
    let lists = &arrays.lists;
    let elements = texts(lists.values(), styles_argument(arguments, 1)?)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    for row in 0..lists.len() {
        if lists.is_null(row) {
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
    let lists = list_argument(arguments, 0)?;
    let elements = texts(lists.values(), output::Styles::plain(chrono_tz::Tz::UTC))?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    for row in 0..lists.len() {
        if lists.is_null(row) {
            builder.append_null();
        } else {
            let parts: Vec<&str> = range(&lists, row).map(|at| elements.value(at)).collect();
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

fn length(lists: &ListArray, row: usize) -> i64 {
    i64::try_from(range(lists, row).len()).unwrap_or(i64::MAX)
}

/// `array[index]`; a third argument is the lower bound (0 for the vector types, else 1).
pub fn subscript(arguments: &Arguments<'_>) -> Done {
    let lists = Lists::of(arguments, 0)?;
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
    let lists = list_argument(arguments, 0)?;
    let (from, to) = (integer_argument(arguments, 1)?, integer_argument(arguments, 2)?);
    let first = integer_argument(arguments, 3)?;
    let sliced = select_elements(&lists, arguments.rows, |row| {
        let Some((from, to)) = from(row).zip(to(row)) else { return Vec::new() };
        let first = first(row).unwrap_or(1);
        let last = first + length(&lists, row) - 1;
        let (from, to) = (from.max(first), to.min(last));
        let all = range(&lists, row);
        let start = usize::try_from(from - first).unwrap_or(0);
        let count = usize::try_from(to - from + 1).unwrap_or(0);
        all.skip(start).take(count).collect()
    })?;
    if (0..arguments.rows).all(|row| from(row).and(to(row)).is_some()) {
        return Ok(sliced);
    }
    let bounded = NullBuffer::from_iter((0..arguments.rows).map(|row| from(row).and(to(row)).is_some()));
    let nulls = NullBuffer::union(sliced.nulls(), Some(&bounded));
    Ok(arrow::array::make_array(sliced.to_data().into_builder().nulls(nulls).build()?))
}

/// A list of some of each row's elements, by their positions in the values.
fn select_elements(lists: &ListArray, rows: usize, choose: impl Fn(usize) -> Vec<usize>) -> Done {
    let mut indices = UInt64Builder::new();
    let mut lengths = Vec::with_capacity(rows);
    for row in 0..rows {
        let chosen = if lists.is_null(row) { Vec::new() } else { choose(row) };
        lengths.push(chosen.len());
        for at in chosen {
            indices.append_option(u64::try_from(at).ok());
        }
    }
    list_of(take(lists.values(), &indices.finish(), None)?, lengths, lists.nulls().cloned())
}

/// `ARRAY[…]` of arguments of one type.
pub fn make_array(arguments: &Arguments<'_>) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("an array constructor must give a list"));
    };
    if arguments.is_empty() {
        return list_of(new_empty_array(field.data_type()), vec![0; arguments.rows], None);
    }
    let columns: Vec<ArrayRef> =
        (0..arguments.len()).map(|index| arguments.full_array(index)).collect::<Result<_, _>>()?;
    let parts: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
    let indices: Vec<(usize, usize)> =
        (0..arguments.rows).flat_map(|row| (0..columns.len()).map(move |column| (column, row))).collect();
    let values = arrow::compute::interleave(&parts, &indices)?;
    list_of(values, vec![columns.len(); arguments.rows], None)
}

fn integers(arguments: &Arguments<'_>, compute: impl Fn(usize) -> Option<i64>) -> Done {
    let mut builder = Int32Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        builder.append_option(compute(row).and_then(|value| i32::try_from(value).ok()));
    }
    Ok(Arc::new(builder.finish()))
}

/// The elements of two lists by one number each, equal elements having equal numbers: Arrow's row format is the key.
struct Keys {
    rows: arrow::row::Rows,
}

impl Keys {
    fn of_both(one: &ArrayRef, two: &ArrayRef, are_jsonb: bool) -> Result<(Self, Self), FunctionError> {
        let (one, two) = (by_value(one, are_jsonb)?, by_value(two, are_jsonb)?);
        let converter = RowConverter::new(vec![SortField::new(one.data_type().clone())])?;
        let of = |values| Ok::<_, FunctionError>(Self { rows: converter.convert_columns(&[values])? });
        Ok((of(one)?, of(two)?))
    }
}

/// A list's elements without repetitions, in order: `array_agg(DISTINCT …)` where Arrow does not know what is equal.
/// Whether the order is descending, and whether nulls come first.
pub fn distinct_in_order<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let list = list_argument(arguments, 0)?;
    let flag = |index: usize| -> Result<bool, FunctionError> {
        Ok(arguments.typed::<arrow::array::BooleanArray>(index)?.0.value(0))
    };
    let options = SortOptions { descending: flag(1)?, nulls_first: flag(2)? };
    let keys = by_value(list.values(), JSONB)?;
    let converter = RowConverter::new(vec![SortField::new_with_options(keys.data_type().clone(), options)])?;
    let keys = converter.convert_columns(&[keys])?;
    select_elements(&list, arguments.rows, |row| {
        let mut elements: Vec<usize> = range(&list, row).collect();
        elements.sort_by(|one, other| keys.row(*one).cmp(&keys.row(*other)));
        elements.dedup_by(|one, other| keys.row(*one) == keys.row(*other));
        elements
    })
}

/// Up to so many comparisons for one row, comparing is quicker than hashing.
const COMPARISONS_MAX: usize = 256;

/// Whether the left array holds all elements of the right one, or any.
fn compare_sets(arguments: &Arguments<'_>, quantifier: Quantifier) -> Done {
    let (left, right) = (Lists::of(arguments, 0)?, Lists::of(arguments, 1)?);
    let (one, two) = Keys::of_both(left.elements(), right.elements(), false)?;
    // The left elements of one row, hashed, and where they begin: a constant's are hashed once.
    let mut hashed = (usize::MAX, HashSet::new());
    let mut builder = BooleanBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        interrupt::check()?;
        if left.is_null(row) || right.is_null(row) {
            builder.append_null();
            continue;
        }
        let (held, mut wanted) = (left.range(row), right.range(row));
        let elements = held.clone().filter(|at| !left.elements().is_null(*at)).map(|at| one.rows.row(at));
        let few = held.len().saturating_mul(wanted.len()) <= COMPARISONS_MAX;
        if !few && hashed.0 != held.start {
            hashed = (held.start, elements.clone().collect());
        }
        // Null is not equal to null here.
        let is_held = |at: usize| {
            let wanted = two.rows.row(at);
            !right.elements().is_null(at)
                && if few { elements.clone().any(|held| held == wanted) } else { hashed.1.contains(&wanted) }
        };
        builder.append_value(match quantifier {
            Quantifier::All => wanted.all(is_held),
            Quantifier::Any => wanted.any(is_held),
        });
    }
    Ok(Arc::new(builder.finish()))
}

/// `array @> array`
pub fn array_contains(arguments: &Arguments<'_>) -> Done {
    compare_sets(arguments, Quantifier::All)
}

/// `array && array`
pub fn array_overlaps(arguments: &Arguments<'_>) -> Done {
    compare_sets(arguments, Quantifier::Any)
}

/// For each row the positions (from 0) of the elements that equal the second argument; null equals null here.
fn matches<const JSONB: bool>(arguments: &Arguments<'_>) -> Result<(Arrays, Vec<Vec<usize>>), FunctionError> {
    let arrays = Arrays::of(arguments.full_array(0)?.as_ref(), 1)?;
    let wanted = arguments.full_array(1)?;
    let (one, two) = Keys::of_both(arrays.lists.values(), &wanted, JSONB)?;
    let found = (0..arguments.rows)
        .map(|row| {
            interrupt::check()?;
            let positions = arrays.range(row).enumerate();
            let found = positions.filter(|(_, at)| one.rows.row(*at) == two.rows.row(row));
            Ok(found.map(|(position, _)| position).collect())
        })
        .collect::<Result<_, FunctionError>>()?;
    Ok((arrays, found))
}

/// The lower bound of a row's array, which must have one dimension.
fn only_lower(arrays: &Arrays, row: usize, doing: &str) -> Result<i64, FunctionError> {
    match arrays.dimensions(row).as_slice() {
        [] => Ok(1),
        [only] => Ok(i64::from(only.lower)),
        _ => Err(FunctionError::not_supported(format!("{doing} multidimensional arrays is not supported"))),
    }
}

/// `array_position(array, element)`, `array_position(array, element, from)`
pub fn array_position<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let (arrays, found) = matches::<JSONB>(arguments)?;
    let start = (arguments.len() > 2).then(|| integer_argument(arguments, 2)).transpose()?;
    let mut builder = Int32Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if arrays.lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let lower = only_lower(&arrays, row, "searching for elements in")?;
        let from = match &start {
            None => lower,
            Some(start) => start(row).ok_or_else(|| {
                FunctionError::new(
                    FunctionErrorKind::NullValueNotAllowed,
                    "initial position must not be null",
                )
            })?,
        };
        let positions = found.get(row).map(Vec::as_slice).unwrap_or_default();
        let position = positions
            .iter()
            .map(|position| lower + i64::try_from(*position).unwrap_or(i64::MAX - lower))
            .find(|position| *position >= from);
        builder.append_option(position.and_then(|position| i32::try_from(position).ok()));
    }
    Ok(Arc::new(builder.finish()))
}

/// `array_positions(array, element)`
pub fn array_positions<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let (arrays, found) = matches::<JSONB>(arguments)?;
    let mut values = Int32Builder::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    for (row, positions) in found.iter().enumerate() {
        let lower = only_lower(&arrays, row, "searching for elements in")?;
        for position in positions {
            values.append_option(
                i32::try_from(*position).ok().zip(i32::try_from(lower).ok()).map(|(a, b)| a + b),
            );
        }
        lengths.push(positions.len());
    }
    list_of(Arc::new(values.finish()), lengths, arrays.lists.nulls().cloned())
}

/// `array_replace(array, from, to)`
pub fn array_replace<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let (arrays, found) = matches::<JSONB>(arguments)?;
    let replacement = arguments.full_array(2)?;
    dimensions::each_row(arguments, &[arrays.lists.values(), &replacement], |row| {
        if arrays.lists.is_null(row) {
            return Ok(None);
        }
        let gone = found.get(row).map(Vec::as_slice).unwrap_or_default();
        let items = arrays.range(row).enumerate();
        let items = items.map(|(at, item)| if gone.contains(&at) { (1, row) } else { (0, item) }).collect();
        Ok(Some((items, arrays.dimensions(row))))
    })
}

/// `array_remove(array, element)`
pub fn array_remove<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let (arrays, found) = matches::<JSONB>(arguments)?;
    dimensions::each_row(arguments, &[arrays.lists.values()], |row| {
        if arrays.lists.is_null(row) {
            return Ok(None);
        }
        only_lower(&arrays, row, "removing elements from")?;
        let gone = found.get(row).map(Vec::as_slice).unwrap_or_default();
        let items: Vec<_> = arrays
            .range(row)
            .enumerate()
            .filter(|(at, _)| !gone.contains(at))
            .map(|(_, item)| (0, item))
            .collect();
        let mut shape = arrays.dimensions(row);
        match shape.first_mut() {
            Some(only) if !items.is_empty() => only.length = items.len(),
            _ => shape.clear(),
        }
        Ok(Some((items, shape)))
    })
}

/// `array_to_string(array, delimiter, null text, zone)`: the null text may be null, and then nulls are left out.
pub fn array_to_string(arguments: &Arguments<'_>) -> Done {
    let lists = Lists::of(arguments, 0)?;
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

/// How an element is compared by `= ANY` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `ANY`
    Any,
    /// `ALL`
    All,
}

/// `value = ANY (array)` over columns, by three-valued logic.
pub fn equals_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_eq())
}

/// `value <> ALL (array)`
pub fn differs_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_ne())
}

/// `value < ANY (array)`
pub fn less_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_lt())
}

/// `value > ANY (array)`
pub fn greater_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_gt())
}

/// `value <= ANY (array)`
pub fn at_most_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_le())
}

/// `value >= ANY (array)`
pub fn at_least_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_ge())
}

/// `value <> ANY (array)`
pub fn differs_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_ne())
}

/// `value = ALL (array)`
pub fn equals_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_eq())
}

/// `value < ALL (array)`
pub fn less_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_lt())
}

/// `value > ALL (array)`
pub fn greater_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_gt())
}

/// `value <= ALL (array)`
pub fn at_most_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_le())
}

/// `value >= ALL (array)`
pub fn at_least_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_ge())
}

fn quantified(arguments: &Arguments<'_>, quantifier: Quantifier, holds: impl Fn(Ordering) -> bool) -> Done {
    let value = by_value(&arguments.full_array(0)?, false)?;
    let lists = Lists::of(arguments, 1)?;
    let elements = by_value(lists.elements(), false)?;
    let compare = make_comparator(&value, &elements, SortOptions::default())?;
    let decisive = quantifier == Quantifier::Any;
    let decides = |ordering| holds(ordering) == decisive;
    let against_all = (lists.is_constant() && lists.range(0).len() > ELEMENTS_MAX && !lists.is_null(0))
        .then(|| Extent::of(&elements, lists.range(0), decides(Ordering::Equal)))
        .transpose()?;
    let keys = match &against_all {
        Some(extent) if extent.members.is_some() => {
            Some(extent.converter.convert_columns(&[Arc::clone(&value)])?)
        }
        _ => None,
    };
    let mut builder = BooleanBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let mut unknown = value.is_null(row) && !lists.range(row).is_empty();
        let decided = if value.is_null(row) {
            false
        } else if let Some(extent) = &against_all {
            unknown = extent.nulls;
            let beyond = |at: Option<usize>, wanted: Ordering| {
                decides(wanted) && at.is_some_and(|at| compare(row, at) == wanted)
            };
            beyond(extent.largest, Ordering::Less)
                || beyond(extent.smallest, Ordering::Greater)
                || extent
                    .members
                    .as_ref()
                    .zip(keys.as_ref())
                    .is_some_and(|(members, keys)| members.contains(keys.row(row).as_ref()))
        } else {
            lists.range(row).any(|at| {
                let is_null = elements.is_null(at);
                unknown |= is_null;
                !is_null && decides(compare(row, at))
            })
        };
        builder.append_option(match (decided, unknown) {
            (true, _) => Some(decisive),
            (false, true) => None,
            (false, false) => Some(!decisive),
        });
    }
    Ok(Arc::new(builder.finish()))
}

/// A constant array of up to so many elements is compared element by element.
const ELEMENTS_MAX: usize = 16;

/// What there is to know of one long array to compare any value with all of its elements at once: whether one is larger
/// than the value, or smaller, its largest and smallest say; whether one is equal, the set of them.
struct Extent {
    smallest: Option<usize>,
    largest: Option<usize>,
    nulls: bool,
    converter: RowConverter,
    members: Option<HashSet<Box<[u8]>>>,
}

impl Extent {
    fn of(
        elements: &ArrayRef,
        range: std::ops::Range<usize>,
        with_members: bool,
    ) -> Result<Self, FunctionError> {
        let compare = make_comparator(elements, elements, SortOptions::default())?;
        let converter = RowConverter::new(vec![SortField::new(elements.data_type().clone())])?;
        let mut known = range.clone().filter(|at| !elements.is_null(*at));
        let first = known.next();
        let (mut smallest, mut largest) = (first, first);
        for at in known {
            if smallest.is_some_and(|smallest| compare(at, smallest).is_lt()) {
                smallest = Some(at);
            }
            if largest.is_some_and(|largest| compare(at, largest).is_gt()) {
                largest = Some(at);
            }
        }
        let members = if with_members {
            let rows = converter.convert_columns(&[elements.slice(range.start, range.len())])?;
            let offsets = range.clone().enumerate().filter(|(_, at)| !elements.is_null(*at));
            Some(offsets.map(|(offset, _)| rows.row(offset).as_ref().into()).collect())
        } else {
            None
        };
        let nulls = range.clone().any(|at| elements.is_null(at));
        Ok(Self { smallest, largest, nulls, converter, members })
    }
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
    let lists = list_argument(arguments, 0)?;
    integers(arguments, |row| {
        let count = range(&lists, row).filter(|at| lists.values().is_null(*at) == nulls).count();
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
    use arrow::{array::Int32Array, datatypes::Int32Type};
    use datafusion::logical_expr::ColumnarValue;

    use super::*;

    fn list(rows: Vec<Option<Vec<Option<i32>>>>) -> ColumnarValue {
        ColumnarValue::Array(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows)))
    }

    fn call(
        kernel: crate::scalar::Kernel,
        values: Vec<ColumnarValue>,
        rows: usize,
        result: &DataType,
    ) -> ArrayRef {
        kernel(&Arguments::new(values, rows, result).unwrap()).unwrap()
    }

    #[test]
    fn quantifiers_know_null() {
        let value = ColumnarValue::Array(
            Arc::new(Int32Array::from(vec![Some(1), Some(1), Some(1), None])) as ArrayRef
        );
        let arrays = list(vec![
            Some(vec![Some(2), Some(1)]),
            Some(vec![Some(2), None]),
            Some(vec![]),
            Some(vec![Some(1)]),
        ]);
        let any = call(equals_any, vec![value.clone(), arrays.clone()], 4, &DataType::Boolean);
        let any = any.as_boolean();
        assert_eq!(any.iter().collect::<Vec<_>>(), [Some(true), None, Some(false), None]);
        let all = call(differs_all, vec![value, arrays], 4, &DataType::Boolean);
        assert_eq!(all.as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, Some(true), None]);
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

//! Elements that equal a value: where they are, and arrays without them or with another in their place. Null equals null
//! here.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayBuilder, ArrayRef, BooleanArray, BooleanBufferBuilder, DynComparator, Int32Array,
        Int32Builder, ListArray, Scalar, make_comparator,
    },
    buffer::{BooleanBuffer, OffsetBuffer},
    compute::{
        SortOptions, filter,
        kernels::{cmp::not_distinct, zip::zip},
    },
    datatypes::Field,
};

use super::{
    Done,
    collector::Collector,
    integer_argument, list_of,
    shape::{Arrays, is_shaped},
};
use crate::{
    collation::by_value,
    error::{FunctionError, FunctionErrorKind},
    interrupt,
    scalar::Arguments,
};

/// Which elements equal the second argument of their row.
struct Matches {
    arrays: Arrays,
    found: Found,
}

enum Found {
    /// Those of all elements that do.
    Bits(BooleanBuffer),
    /// One array stands for all rows: whether an element equals what is wanted in a row.
    InRow(DynComparator),
}

impl Matches {
    fn of<const JSONB: bool>(arguments: &Arguments<'_>) -> Result<Self, FunctionError> {
        let arrays = Arrays::argument(arguments, 0, 1)?;
        let elements = by_value(arrays.elements(), JSONB)?;
        let wanted = by_value(arguments.array(1)?, JSONB)?;
        if arguments.is_constant(1) && !elements.data_type().is_nested() {
            // All at once.
            let (bits, _) = not_distinct(&elements, &Scalar::new(wanted))?.into_parts();
            return Ok(Self { arrays, found: Found::Bits(bits) });
        }
        let step = usize::from(!arguments.is_constant(1));
        let compare = make_comparator(&elements, &wanted, SortOptions::default())?;
        if arrays.is_constant() && step == 1 {
            return Ok(Self { arrays, found: Found::InRow(compare) });
        }
        let mut bits = BooleanBufferBuilder::new(elements.len());
        bits.append_n(elements.len(), false);
        for row in 0..arguments.rows {
            interrupt::check()?;
            for at in arrays.range(row).filter(|at| compare(*at, row * step).is_eq()) {
                bits.set_bit(at, true);
            }
        }
        Ok(Self { arrays, found: Found::Bits(bits.finish()) })
    }

    /// The elements of a row's array that are equal, as places among all elements.
    fn in_row(&self, row: usize) -> impl Iterator<Item = usize> {
        self.arrays.range(row).filter(move |at| match &self.found {
            Found::Bits(bits) => bits.value(*at),
            Found::InRow(compare) => compare(*at, row).is_eq(),
        })
    }

    /// What was found, where each row has a list of its own and a null one has no elements; the result is lists too.
    fn in_lists(&self, arguments: &Arguments<'_>) -> Option<(&ListArray, &BooleanBuffer)> {
        let Found::Bits(bits) = &self.found else { return None };
        let lists = &self.arrays.lists;
        let plain = self.arrays.is_plain() && !is_shaped(arguments.result) && !self.arrays.is_constant();
        let empty = |row: usize| super::range(lists, row).is_empty();
        let sound = lists.null_count() == 0 || (0..lists.len()).all(|row| lists.is_valid(row) || empty(row));
        (plain && sound).then_some((lists, bits))
    }

    /// The lower bound of a row's array, which must have one dimension.
    fn only_lower(&self, row: usize, doing: &str) -> Result<i64, FunctionError> {
        if self.arrays.is_plain() {
            return Ok(1);
        }
        match self.arrays.dimensions(row).as_slice() {
            [] => Ok(1),
            [only] => Ok(i64::from(only.lower)),
            _ => {
                Err(FunctionError::not_supported(format!("{doing} multidimensional arrays is not supported")))
            }
        }
    }
}

/// `array_position(array, element)`, `array_position(array, element, from)`
pub fn array_position<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let matches = Matches::of::<JSONB>(arguments)?;
    let start = (arguments.len() > 2).then(|| integer_argument(arguments, 2)).transpose()?;
    if let (Some((lists, bits)), None) = (matches.in_lists(arguments), &start) {
        return Ok(Arc::new(first_positions(lists, bits)));
    }
    let mut builder = Int32Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if matches.arrays.is_null(row) {
            builder.append_null();
            continue;
        }
        let lower = matches.only_lower(row, "searching for elements in")?;
        let from = match &start {
            None => lower,
            Some(start) => start(row).ok_or_else(|| {
                FunctionError::new(
                    FunctionErrorKind::NullValueNotAllowed,
                    "initial position must not be null",
                )
            })?,
        };
        let first = matches.arrays.range(row).start;
        let position = matches
            .in_row(row)
            .map(|at| lower + i64::try_from(at - first).unwrap_or(i64::MAX - lower))
            .find(|position| *position >= from);
        builder.append_option(position.and_then(|position| i32::try_from(position).ok()));
    }
    Ok(Arc::new(builder.finish()))
}

/// The first place in each list, from 1, at which something was found. Lists lie one behind the other, as the bits do.
fn first_positions(lists: &ListArray, bits: &BooleanBuffer) -> Int32Array {
    let mut found = bits.set_indices().filter_map(|at| i32::try_from(at).ok());
    let mut next = found.next();
    let bounds = lists.value_offsets().iter().zip(lists.value_offsets().iter().skip(1));
    bounds
        .map(|(start, end)| {
            while next.is_some_and(|at| at < *start) {
                next = found.next();
            }
            next.filter(|at| at < end).map(|at| at - start + 1)
        })
        .collect()
}

/// `array_positions(array, element)`
pub fn array_positions<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let matches = Matches::of::<JSONB>(arguments)?;
    let mut values = Int32Builder::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let lower = matches.only_lower(row, "searching for elements in")?;
        let (first, before) = (matches.arrays.range(row).start, values.len());
        for at in matches.in_row(row) {
            let position = i64::try_from(at - first).ok().map(|position| position + lower);
            values.append_option(position.and_then(|position| i32::try_from(position).ok()));
        }
        lengths.push(values.len() - before);
    }
    let nulls = (0..arguments.rows).map(|row| !matches.arrays.is_null(row)).collect();
    list_of(Arc::new(values.finish()), lengths, Some(nulls))
}

/// `array_replace(array, from, to)`
pub fn array_replace<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let matches = Matches::of::<JSONB>(arguments)?;
    let replacement = arguments.array(2)?;
    if let (Some((lists, bits)), true) = (matches.in_lists(arguments), arguments.is_constant(2)) {
        let mask = BooleanArray::new(bits.clone(), None);
        let values = zip(&mask, &Scalar::new(Arc::clone(replacement)), lists.values())?;
        return with_values(lists, lists.offsets().clone(), values);
    }
    let step = usize::from(!arguments.is_constant(2));
    let sources = [matches.arrays.elements().as_ref(), replacement.as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        interrupt::check()?;
        if matches.arrays.is_null(row) {
            collector.null();
            continue;
        }
        let all = matches.arrays.range(row);
        let mut next = all.start;
        for at in matches.in_row(row) {
            collector.run(0, next..at);
            collector.run(1, row * step..row * step + 1);
            next = at + 1;
        }
        collector.run(0, next..all.end);
        collector.end(matches.arrays.dimensions(row))?;
    }
    collector.finish()
}

/// `array_remove(array, element)`
pub fn array_remove<const JSONB: bool>(arguments: &Arguments<'_>) -> Done {
    let matches = Matches::of::<JSONB>(arguments)?;
    if let Some((lists, bits)) = matches.in_lists(arguments) {
        let all = match (lists.value_offsets().first(), lists.value_offsets().last()) {
            (Some(first), Some(last)) => {
                usize::try_from(*first).unwrap_or(0)..usize::try_from(*last).unwrap_or(0)
            }
            _ => 0..0,
        };
        let kept = BooleanArray::new(!&bits.slice(all.start, all.len()), None);
        let values = filter(&lists.values().slice(all.start, all.len()), &kept)?;
        let lengths =
            (0..lists.len()).map(|row| super::range(lists, row).len() - matches.in_row(row).count());
        return with_values(lists, OffsetBuffer::from_lengths(lengths), values);
    }
    let sources = [matches.arrays.elements().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        interrupt::check()?;
        if matches.arrays.is_null(row) {
            collector.null();
            continue;
        }
        matches.only_lower(row, "removing elements from")?;
        let all = matches.arrays.range(row);
        let (mut next, mut length) = (all.start, all.len());
        for at in matches.in_row(row) {
            collector.run(0, next..at);
            next = at + 1;
            length -= 1;
        }
        collector.run(0, next..all.end);
        let mut shape = matches.arrays.dimensions(row);
        match shape.first_mut() {
            Some(only) if length > 0 => only.length = length,
            _ => shape.clear(),
        }
        collector.end(shape)?;
    }
    collector.finish()
}

/// Lists of other elements that are null where these are.
fn with_values(lists: &ListArray, offsets: OffsetBuffer<i32>, values: ArrayRef) -> Done {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, lists.nulls().cloned())?))
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{AsArray, Int32Array},
        datatypes::{DataType, Int32Type},
    };
    use datafusion::{common::ScalarValue, logical_expr::ColumnarValue};

    use super::*;

    type Lists = Vec<Option<Vec<Option<i32>>>>;

    fn shown(array: &ArrayRef) -> Lists {
        let values = |list: ArrayRef| list.as_primitive::<Int32Type>().iter().collect();
        array.as_list::<i32>().iter().map(|list| list.map(values)).collect()
    }

    /// The same of a column, of a part of one and of a constant, and with what is looked for in a column.
    #[test]
    fn columns_and_constants_agree() {
        let rows: Lists = vec![
            Some(vec![Some(1), None, Some(3), Some(3)]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
            Some(vec![None]),
        ];
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(rows.clone());
        let result = lists.data_type().clone();
        let scalar = |value: Option<i32>| ColumnarValue::Scalar(ScalarValue::Int32(value));
        let column = |value: Option<i32>, rows: usize| {
            ColumnarValue::Array(Arc::new(Int32Array::from(vec![value; rows])) as ArrayRef)
        };
        for (start, rows) in [(0, &rows[..]), (1, &rows[1..]), (3, &rows[3..4])] {
            let count = rows.len();
            let array = Arc::new(lists.slice(start, count)) as ArrayRef;
            let mut given = vec![ColumnarValue::Array(Arc::clone(&array))];
            if count == 1 {
                given.push(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0).unwrap()));
            }
            for (wanted, new, array) in [Some(3), None, Some(7)].into_iter().flat_map(|wanted| {
                let given = given.clone();
                [Some(9), None]
                    .into_iter()
                    .flat_map(move |new| given.clone().into_iter().map(move |array| (wanted, new, array)))
            }) {
                let replaced: Lists = rows
                    .iter()
                    .map(|row| {
                        let row = row.as_ref()?;
                        Some(row.iter().map(|item| if *item == wanted { new } else { *item }).collect())
                    })
                    .collect();
                let removed: Lists = rows
                    .iter()
                    .map(|row| Some(row.as_ref()?.iter().copied().filter(|item| *item != wanted).collect()))
                    .collect();
                for (wanted, new) in [
                    (scalar(wanted), scalar(new)),
                    (column(wanted, count), column(new, count)),
                    (scalar(wanted), column(new, count)),
                ] {
                    let given = vec![array.clone(), wanted, new];
                    let arguments = Arguments::new(given.clone(), count, &result).unwrap();
                    assert_eq!(shown(&array_replace::<false>(&arguments).unwrap()), replaced);
                    let arguments = Arguments::new(given[..2].to_vec(), count, &result).unwrap();
                    assert_eq!(shown(&array_remove::<false>(&arguments).unwrap()), removed);
                    let positions = Arguments::new(given[..2].to_vec(), count, &DataType::Int32).unwrap();
                    let positions = array_position::<false>(&positions).unwrap();
                    let expected: Vec<_> = rows
                        .iter()
                        .map(|row| {
                            let same = |item: &Option<i32>| *item == wanted_of(&given[1]);
                            row.as_ref()?.iter().position(same).and_then(|at| i32::try_from(at + 1).ok())
                        })
                        .collect();
                    assert_eq!(positions.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), expected);
                }
            }
        }
    }

    fn wanted_of(value: &ColumnarValue) -> Option<i32> {
        let array = value.to_array(1).unwrap();
        let array = array.as_primitive::<Int32Type>();
        array.is_valid(0).then(|| array.value(0))
    }
}

//! What asks for an array's dimensions or makes them: subscripts, slices, bounds, concatenation, constructors. Each takes
//! arrays of both forms of [`super::shape`] and gives the form that the binder has written as its result.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ListArray, UInt64Builder},
    compute::take,
};

use super::{
    Done,
    collector::Collector,
    integer_argument, integers,
    shape::{
        Arrays, DIMENSIONS_MAX, Dimension, ELEMENTS_MAX, bounds_text, integers_of, is_plain, is_shaped,
        too_large, too_many_dimensions, with_shapes,
    },
};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    results::TextColumn,
    scalar::Arguments,
};

fn arrays(arguments: &Arguments<'_>, index: usize) -> Result<Arrays, FunctionError> {
    Arrays::argument(arguments, index, 1)
}

fn with_bound(arguments: &Arguments<'_>, bound_at: usize) -> Result<Arrays, FunctionError> {
    let bound = integer_argument(arguments, bound_at)?;
    let lower = bound(0).and_then(|bound| i32::try_from(bound).ok()).unwrap_or(1);
    Arrays::argument(arguments, 0, lower)
}

fn incompatible(detail: impl Into<String>) -> FunctionError {
    FunctionError::new(FunctionErrorKind::ArraySubscriptError, "cannot concatenate incompatible arrays")
        .with_detail(detail)
}

fn data_error(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::DataException, message)
}

fn null_error(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::NullValueNotAllowed, message)
}

fn subscript_error(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::ArraySubscriptError, message)
}

/// How many elements an array of these dimensions has.
fn count(dimensions: &[Dimension]) -> usize {
    if dimensions.is_empty() { 0 } else { dimensions.iter().map(|dimension| dimension.length).product() }
}

/// A list as a shaped array.
pub fn to_shaped(arguments: &Arguments<'_>) -> Done {
    let given = Arrays::of(arguments.full_array(0)?.as_ref(), 1)?;
    let shapes: Vec<_> = (0..arguments.rows).map(|row| given.dimensions(row)).collect();
    with_shapes(given.lists, &shapes)
}

/// A shaped array as a list, where a list can hold it; 0A000 otherwise.
pub fn to_plain(arguments: &Arguments<'_>) -> Done {
    plain(&arguments.full_array(0)?)
}

/// A column of arrays as lists: see [`to_plain`].
pub fn plain(array: &ArrayRef) -> Done {
    let given = Arrays::of(array.as_ref(), 1)?;
    if (0..given.lists.len()).any(|row| !is_plain(&given.dimensions(row))) {
        return Err(not_stored());
    }
    Ok(Arc::new(given.lists))
}

/// What is wrong with an array that a list cannot hold.
pub(super) fn not_stored() -> FunctionError {
    FunctionError::not_supported(
        "arrays of several dimensions or with lower bounds other than 1 cannot be stored in a table",
    )
}

/// An array's elements as a list, whatever its dimensions.
pub fn items(arguments: &Arguments<'_>) -> Done {
    Ok(Arc::new(Arrays::of(arguments.full_array(0)?.as_ref(), 1)?.lists))
}

/// `array[i][j]…`: null where there is no such element, or there are more or fewer dimensions.
pub fn subscripts(arguments: &Arguments<'_>) -> Done {
    let given = arrays(arguments, 0)?;
    let wanted = (1..arguments.len())
        .map(|index| integer_argument(arguments, index))
        .collect::<Result<Vec<_>, _>>()?;
    let mut indices = UInt64Builder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let dimensions = given.dimensions(row);
        let found = (dimensions.len() == wanted.len())
            .then(|| {
                let mut offset = 0;
                for (dimension, wanted) in dimensions.iter().zip(&wanted) {
                    let at = usize::try_from(wanted(row)? - i64::from(dimension.lower)).ok()?;
                    if at >= dimension.length {
                        return None;
                    }
                    offset = offset * dimension.length + at;
                }
                given.range(row).nth(offset)
            })
            .flatten();
        indices.append_option(found.and_then(|at| u64::try_from(at).ok()));
    }
    Ok(take(given.lists.values(), &indices.finish(), None)?)
}

/// `array[l:u][l:u]…`: array, lower and upper bound of each slice. A null bound makes the result null.
pub fn slices(arguments: &Arguments<'_>) -> Done {
    let given = arrays(arguments, 0)?;
    let bounds = (1..arguments.len())
        .map(|index| integer_argument(arguments, index))
        .collect::<Result<Vec<_>, _>>()?;
    let sources = [given.lists.values().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let limits: Option<Vec<(i64, i64)>> = bounds
            .chunks(2)
            .map(|pair| match pair {
                [lower, upper] => lower(row).zip(upper(row)),
                _ => None,
            })
            .collect();
        let Some(limits) = limits.filter(|_| !given.is_null(row)) else {
            collector.null();
            continue;
        };
        match chosen(&given.dimensions(row), &limits) {
            Some((offsets, shape)) => {
                let start = given.range(row).start;
                offsets.into_iter().for_each(|offset| collector.element(0, start + offset));
                collector.end(shape)?;
            }
            None => collector.end(Vec::new())?,
        }
    }
    collector.finish()
}

/// The elements within limits of the first dimensions, and their shape; `None` if there are none.
fn chosen(dimensions: &[Dimension], limits: &[(i64, i64)]) -> Option<(Vec<usize>, Vec<Dimension>)> {
    if dimensions.is_empty() || limits.len() > dimensions.len() {
        return None;
    }
    let mut offsets = vec![0];
    let mut shape = Vec::with_capacity(dimensions.len());
    for (index, dimension) in dimensions.iter().enumerate() {
        let (lower, upper) = limits.get(index).copied().unwrap_or((i64::MIN, i64::MAX));
        let lower = lower.max(i64::from(dimension.lower));
        let upper = upper.min(dimension.upper());
        let first = usize::try_from(lower - i64::from(dimension.lower)).ok()?;
        let length = usize::try_from(upper - lower + 1).ok().filter(|length| *length > 0)?;
        offsets = offsets
            .iter()
            .flat_map(|outer| (first..first + length).map(move |inner| outer * dimension.length + inner))
            .collect();
        shape.push(Dimension { lower: 1, length });
    }
    Some((offsets, shape))
}

/// The dimension of a number from 1.
fn numbered(given: &Arrays, row: usize, number: Option<i64>) -> Option<Dimension> {
    let index = usize::try_from(number?.checked_sub(1)?).ok()?;
    given.dimensions(row).get(index).copied()
}

/// `array_length(array, dimension)`: null where there is no such dimension.
pub fn array_length(arguments: &Arguments<'_>) -> Done {
    let (given, number) = (arrays(arguments, 0)?, integer_argument(arguments, 1)?);
    integers(arguments, |row| {
        numbered(&given, row, number(row)).and_then(|one| i64::try_from(one.length).ok())
    })
}

/// `array_lower(array, dimension, bound)`: the binder gives the bound of a list, 0 for the vector types.
pub fn array_lower(arguments: &Arguments<'_>) -> Done {
    let (given, number) = (with_bound(arguments, 2)?, integer_argument(arguments, 1)?);
    integers(arguments, |row| numbered(&given, row, number(row)).map(|one| i64::from(one.lower)))
}

/// `array_upper(array, dimension, bound)`
pub fn array_upper(arguments: &Arguments<'_>) -> Done {
    let (given, number) = (with_bound(arguments, 2)?, integer_argument(arguments, 1)?);
    integers(arguments, |row| numbered(&given, row, number(row)).map(Dimension::upper))
}

/// `cardinality`
pub fn cardinality(arguments: &Arguments<'_>) -> Done {
    let given = arrays(arguments, 0)?;
    integers(arguments, |row| {
        (!given.is_null(row)).then(|| i64::try_from(given.range(row).len()).unwrap_or(i64::MAX))
    })
}

/// `array_ndims`
pub fn array_ndims(arguments: &Arguments<'_>) -> Done {
    let given = arrays(arguments, 0)?;
    integers(arguments, |row| i64::try_from(given.dimensions(row).len()).ok().filter(|count| *count > 0))
}

/// `array_dims(array, bound)`: `[1:2][1:3]`
pub fn array_dims(arguments: &Arguments<'_>) -> Done {
    let given = with_bound(arguments, 1)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let dimensions = given.dimensions(row);
        builder.append_option((!dimensions.is_empty()).then(|| bounds_text(&dimensions)))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// `generate_subscripts(array, dimension, reverse, bound)` as a list.
pub fn generate_subscripts(arguments: &Arguments<'_>) -> Done {
    let given = with_bound(arguments, 3)?;
    let number = integer_argument(arguments, 1)?;
    let (reverse, reverse_step) = arguments.typed::<arrow::array::BooleanArray>(2)?;
    let mut values = arrow::array::Int32Builder::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let at = row * reverse_step;
        let Some(dimension) = numbered(&given, row, number(row)).filter(|_| !reverse.is_null(at)) else {
            lengths.push(0);
            continue;
        };
        let subscripts = i64::from(dimension.lower)..=dimension.upper();
        let mut append = |value: i64| values.append_option(i32::try_from(value).ok());
        if reverse.value(at) {
            subscripts.rev().for_each(&mut append);
        } else {
            subscripts.for_each(&mut append);
        }
        lengths.push(dimension.length);
    }
    super::list_of(Arc::new(values.finish()), lengths, None)
}

/// `array || array`: of as many dimensions each, or one an element of the other. A null array is nothing.
pub fn array_cat(arguments: &Arguments<'_>) -> Done {
    let (left, right) = (arrays(arguments, 0)?, arrays(arguments, 1)?);
    let shapeless = left.is_plain() && right.is_plain() && !is_shaped(arguments.result);
    let sources = [left.lists.values().as_ref(), right.lists.values().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        if left.is_null(row) && right.is_null(row) {
            collector.null();
            continue;
        }
        let shape = if shapeless { Vec::new() } else { joined(left.dimensions(row), right.dimensions(row))? };
        collector.run(0, left.range(row));
        collector.run(1, right.range(row));
        collector.end(shape)?;
    }
    collector.finish()
}

/// The dimensions of two arrays one after the other.
fn joined(left: Vec<Dimension>, right: Vec<Dimension>) -> Result<Vec<Dimension>, FunctionError> {
    if left.is_empty() {
        return Ok(right);
    }
    if right.is_empty() {
        return Ok(left);
    }
    let differing = |of: &str| {
        incompatible(format!("Arrays with differing {of} dimensions are not compatible for concatenation."))
    };
    let (mut shape, added) = if left.len() == right.len() {
        if left.get(1..) != right.get(1..) {
            return Err(differing("element"));
        }
        let added = right.first().map_or(0, |first| first.length);
        (left, added)
    } else if left.len() == right.len() + 1 {
        if left.get(1..) != Some(right.as_slice()) {
            return Err(incompatible(
                "Arrays with differing dimensions are not compatible for concatenation.",
            ));
        }
        (left, 1)
    } else if right.len() == left.len() + 1 {
        if right.get(1..) != Some(left.as_slice()) {
            return Err(incompatible(
                "Arrays with differing dimensions are not compatible for concatenation.",
            ));
        }
        (right, 1)
    } else {
        return Err(incompatible(format!(
            "Arrays of {} and {} dimensions are not compatible for concatenation.",
            left.len(),
            right.len()
        )));
    };
    if let Some(first) = shape.first_mut() {
        first.length += added;
    }
    if count(&shape) > ELEMENTS_MAX {
        return Err(too_large());
    }
    Ok(shape)
}

fn with_element(arguments: &Arguments<'_>, array_at: usize, element_first: bool) -> Done {
    let given = arrays(arguments, array_at)?;
    let elements = arguments.array(1 - array_at)?;
    let step = usize::from(!arguments.is_constant(1 - array_at));
    let shapeless = given.is_plain() && !is_shaped(arguments.result);
    let sources = [given.lists.values().as_ref(), elements.as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let mut shape = if shapeless { Vec::new() } else { given.dimensions(row) };
        match shape.as_mut_slice() {
            [] if shapeless => {}
            [] => shape.push(Dimension { lower: 1, length: 1 }),
            [only] => only.length += 1,
            _ => return Err(data_error("argument must be empty or one-dimensional array")),
        }
        let element = row * step..row * step + 1;
        if element_first {
            collector.run(1, element.clone());
        }
        collector.run(0, given.range(row));
        if !element_first {
            collector.run(1, element);
        }
        collector.end(shape)?;
    }
    collector.finish()
}

/// `array || element`, `array_append`
pub fn array_append(arguments: &Arguments<'_>) -> Done {
    with_element(arguments, 0, false)
}

/// `element || array`, `array_prepend`
pub fn array_prepend(arguments: &Arguments<'_>) -> Done {
    with_element(arguments, 1, true)
}

/// `trim_array(array, n)`: without the last of the outermost dimension.
pub fn trim_array(arguments: &Arguments<'_>) -> Done {
    let (given, cut) = (arrays(arguments, 0)?, integer_argument(arguments, 1)?);
    let sources = [given.lists.values().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let Some(cut) = cut(row).filter(|_| !given.is_null(row)) else {
            collector.null();
            continue;
        };
        let mut shape = given.dimensions(row);
        let length = shape.first().map_or(0, |first| first.length);
        let Some(keep) = usize::try_from(cut).ok().and_then(|cut| length.checked_sub(cut)) else {
            return Err(subscript_error(&format!(
                "number of elements to trim must be between 0 and {length}"
            )));
        };
        let within = count(&shape).checked_div(length).unwrap_or(0);
        for (index, dimension) in shape.iter_mut().enumerate() {
            dimension.lower = 1;
            if index == 0 {
                dimension.length = keep;
            }
        }
        if keep == 0 {
            shape.clear();
        }
        let start = given.range(row).start;
        collector.run(0, start..start + keep * within);
        collector.end(shape)?;
    }
    collector.finish()
}

/// `array_fill(value, lengths)`, `array_fill(value, lengths, lower bounds)`
pub fn array_fill(arguments: &Arguments<'_>) -> Done {
    let value = arguments.array(0)?;
    let step = usize::from(!arguments.is_constant(0));
    let lengths = arrays(arguments, 1)?;
    let lowers = if arguments.len() > 2 { Some(arrays(arguments, 2)?) } else { None };
    let sources = [value.as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let shape = filled(&lengths, lowers.as_ref(), row)?;
        let times = u32::try_from(count(&shape)).map_err(|_| too_large())?;
        collector.repeat(0, row * step..row * step + 1, times);
        collector.end(shape)?;
    }
    collector.finish()
}

fn filled(lengths: &Arrays, lowers: Option<&Arrays>, row: usize) -> Result<Vec<Dimension>, FunctionError> {
    if lengths.is_null(row) || lowers.is_some_and(|lowers| lowers.is_null(row)) {
        return Err(null_error("dimension array or low bound array cannot be null"));
    }
    let wrong = |detail: &str| subscript_error("wrong number of array subscripts").with_detail(detail);
    if lengths.dimensions(row).len() > 1 {
        return Err(wrong("Dimension array must be one dimensional."));
    }
    let null = || null_error("dimension values cannot be null");
    let sizes = integers_of(lengths, row).ok_or_else(null)?;
    if sizes.len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(sizes.len()));
    }
    let firsts = match lowers {
        None => vec![1; sizes.len()],
        Some(lowers) => {
            if lowers.dimensions(row).len() > 1 {
                return Err(wrong("Dimension array must be one dimensional."));
            }
            let firsts = integers_of(lowers, row).ok_or_else(null)?;
            if firsts.len() != sizes.len() {
                return Err(wrong("Low bound array has different size than dimensions array."));
            }
            firsts
        }
    };
    let mut shape = Vec::with_capacity(sizes.len());
    let mut total: usize = 1;
    for (size, lower) in sizes.into_iter().zip(firsts) {
        let length = usize::try_from(size).map_err(|_| too_large())?;
        total = total.checked_mul(length).filter(|total| *total <= ELEMENTS_MAX).ok_or_else(too_large)?;
        let dimension = Dimension { lower, length };
        if dimension.upper() > i64::from(i32::MAX) {
            return Err(FunctionError::new(
                FunctionErrorKind::ProgramLimitExceeded,
                format!("array lower bound is too large: {lower}"),
            ));
        }
        shape.push(dimension);
    }
    Ok(if total == 0 { Vec::new() } else { shape })
}

/// `ARRAY[…]` of arrays of one type: one dimension more.
pub fn stack(arguments: &Arguments<'_>) -> Done {
    let columns =
        (0..arguments.len()).map(|index| arrays(arguments, index)).collect::<Result<Vec<_>, _>>()?;
    let mismatch =
        || subscript_error("multidimensional arrays must have array expressions with matching dimensions");
    let sources: Vec<&dyn Array> = columns.iter().map(|column| column.lists.values().as_ref()).collect();
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..arguments.rows {
        let inner: Vec<_> = columns.iter().map(|column| column.dimensions(row)).collect();
        let shape = stacked(&inner, mismatch)?;
        if !shape.is_empty() {
            for (source, column) in (0..).zip(&columns) {
                collector.run(source, column.range(row));
            }
        }
        collector.end(shape)?;
    }
    collector.finish()
}

/// The dimensions of arrays of the same dimensions put together; none if all are empty.
fn stacked(
    inner: &[Vec<Dimension>],
    mismatch: impl Fn() -> FunctionError,
) -> Result<Vec<Dimension>, FunctionError> {
    let Some(first) = inner.first() else { return Ok(Vec::new()) };
    if inner.iter().any(|other| other != first) {
        return Err(mismatch());
    }
    if first.is_empty() {
        return Ok(Vec::new());
    }
    if first.len() >= DIMENSIONS_MAX {
        return Err(too_many_dimensions(first.len() + 1));
    }
    let mut shape = vec![Dimension { lower: 1, length: inner.len() }];
    shape.extend_from_slice(first);
    if count(&shape) > ELEMENTS_MAX {
        return Err(too_large());
    }
    Ok(shape)
}

fn different_dimensions() -> FunctionError {
    subscript_error("cannot accumulate arrays of different dimensionality")
}

/// A list of arrays, as `array_agg` collects them, as one array of one dimension more.
pub fn stack_list(arguments: &Arguments<'_>) -> Done {
    let collected = arguments.full_array(0)?;
    let lists: &ListArray = arrow::array::AsArray::as_list_opt::<i32>(&collected)
        .ok_or_else(|| FunctionError::internal("collected arrays are a list"))?;
    let inner = Arrays::of(lists.values().as_ref(), 1)?;
    let sources = [inner.lists.values().as_ref()];
    let mut collector = Collector::new(arguments, &sources);
    for row in 0..lists.len() {
        if lists.is_null(row) {
            collector.null();
            continue;
        }
        let members = super::range(lists, row);
        // In their order: the first that does not fit says how.
        let mut shapes: Vec<Vec<Dimension>> = Vec::with_capacity(members.len());
        for member in members.clone() {
            if inner.is_null(member) {
                return Err(null_error("cannot accumulate null arrays"));
            }
            let shape = inner.dimensions(member);
            if shape.is_empty() {
                return Err(subscript_error("cannot accumulate empty arrays"));
            }
            if shapes.first().is_some_and(|first| *first != shape) {
                return Err(different_dimensions());
            }
            shapes.push(shape);
        }
        let shape = stacked(&shapes, different_dimensions)?;
        members.for_each(|member| collector.run(0, inner.range(member)));
        collector.end(shape)?;
    }
    collector.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(lengths: &[usize]) -> Vec<Dimension> {
        lengths.iter().map(|length| Dimension { lower: 1, length: *length }).collect()
    }

    #[test]
    fn concatenation_keeps_dimensions() {
        assert_eq!(joined(shape(&[2]), shape(&[3])).unwrap(), shape(&[5]));
        assert_eq!(joined(shape(&[2, 2]), shape(&[3, 2])).unwrap(), shape(&[5, 2]));
        assert_eq!(joined(shape(&[2]), shape(&[3, 2])).unwrap(), shape(&[4, 2]));
        assert_eq!(joined(shape(&[3, 2]), shape(&[2])).unwrap(), shape(&[4, 2]));
        assert!(joined(shape(&[3, 2]), shape(&[3])).is_err());
        assert!(joined(shape(&[3, 2, 1]), shape(&[1])).is_err());
    }

    #[test]
    fn slices_are_cut_to_what_is_there() {
        let (offsets, cut) = chosen(&shape(&[2, 3]), &[(2, 9), (0, 2)]).unwrap();
        assert_eq!((offsets, cut), (vec![3, 4], shape(&[1, 2])));
        let (offsets, cut) = chosen(&shape(&[2, 3]), &[(1, 1)]).unwrap();
        assert_eq!((offsets, cut), (vec![0, 1, 2], shape(&[1, 3])));
        assert!(chosen(&shape(&[2]), &[(2, 1)]).is_none());
        assert!(chosen(&shape(&[2]), &[(1, 2), (1, 1)]).is_none());
    }
}

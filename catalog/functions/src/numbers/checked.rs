//! The loops of arithmetic that can fail. Trouble is gathered in a flag for 64 rows at a time, as many as a word of the
//! null bitmap tells of, so that the loops stay vectorised; which row it was is found again only when there was some.
//!
//! What stands under nulls does not count: a zero there is no division by zero. Once such a value has raised the flag,
//! the values under nulls are replaced by ones before they are computed with.

use std::{ops::AddAssign, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::ArrowPrimitiveType,
    util::bit_chunk_iterator::BitChunks,
};

use crate::{error::FunctionError, kernels::primitive, scalar::Arguments};

/// Rows in a block.
const BLOCK: usize = 64;

/// An argument: a column, or the constant as often as a block has rows.
enum Side<'a, N> {
    Column(&'a [N]),
    Constant([N; BLOCK]),
}

impl<'a, N: ArrowNativeTypeOp> Side<'a, N> {
    fn of<T: ArrowPrimitiveType<Native = N>>(
        arguments: &'a Arguments<'_>,
        index: usize,
    ) -> Result<Self, FunctionError> {
        let array = arguments.array(index)?;
        let typed = array.as_primitive_opt::<T>().ok_or_else(|| {
            FunctionError::internal(format!("argument {index} has the unexpected type {}", array.data_type()))
        })?;
        Ok(if arguments.is_constant(index) {
            Self::Constant([typed.value(0); BLOCK])
        } else {
            Self::Column(typed.values())
        })
    }

    fn block(&self, start: usize, count: usize) -> &[N] {
        match self {
            Self::Column(values) => values.get(start..start + count).unwrap_or_default(),
            Self::Constant(values) => values.get(..count).unwrap_or_default(),
        }
    }
}

/// A copy of a block with ones where something is null.
fn without_nulls<'a, N: ArrowNativeTypeOp>(values: &[N], valid: u64, copy: &'a mut [N; BLOCK]) -> &'a [N] {
    let Some(copy) = copy.get_mut(..values.len()) else { return &[] };
    copy.copy_from_slice(values);
    let mut nulls = !valid;
    while nulls != 0 {
        let row = usize::try_from(nulls.trailing_zeros()).unwrap_or(BLOCK);
        let Some(place) = copy.get_mut(row) else { break };
        *place = N::ONE;
        nulls &= nulls - 1;
    }
    copy
}

/// The first error of a block's rows that are not null.
fn first_trouble<N: ArrowNativeTypeOp>(
    one: &[N],
    two: &[N],
    valid: u64,
    trouble: impl Fn(N, N) -> Option<FunctionError>,
) -> Result<(), FunctionError> {
    let pairs = one.iter().zip(two).enumerate().filter(|(row, _)| valid >> row & 1 == 1);
    match pairs.into_iter().find_map(|(_, (one, two))| trouble(*one, *two)) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Combines two columns value by value. `compute` may be called on the values under nulls, so it reports trouble by its
/// flag. It may also do so without need: `trouble` decides, and names it.
pub(super) fn combine<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native, T::Native) -> (T::Native, bool),
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (left, right) = (Side::of::<T>(arguments, 0)?, Side::of::<T>(arguments, 1)?);
    in_blocks::<T>(arguments, &left, &right, compute, trouble)
}

/// Combines two columns value by value where nothing can go wrong: what stands under nulls is computed too.
pub(super) fn combine_freely<A: ArrowPrimitiveType, B: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(A::Native, B::Native) -> A::Native,
) -> Result<ArrayRef, FunctionError> {
    let (left, _) = arguments.typed::<PrimitiveArray<A>>(0)?;
    let (right, _) = arguments.typed::<PrimitiveArray<B>>(1)?;
    let result: PrimitiveArray<A> = match (arguments.is_constant(0), arguments.is_constant(1)) {
        (_, true) if left.len() == arguments.rows => {
            let right = right.value(0);
            left.unary(|left| compute(left, right))
        }
        (true, false) => {
            let left = left.value(0);
            right.unary(|right| compute(left, right))
        }
        _ => arrow::compute::binary(left, right, compute)?,
    };
    Ok(Arc::new(result.with_data_type(arguments.result.clone())))
}

/// As [`combine_freely`], of one column.
pub(super) fn convert_freely<A: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(A::Native) -> A::Native,
) -> Result<ArrayRef, FunctionError> {
    let (values, _) = arguments.typed::<PrimitiveArray<A>>(0)?;
    Ok(Arc::new(values.unary::<_, A>(compute).with_data_type(arguments.result.clone())))
}

/// Floats, and how their unusual results are counted.
pub(super) trait Float: ArrowNativeTypeOp {
    /// What there is of NaNs.
    const NAN: Self;
    /// A number as wide as the float: a loop can count several at a time.
    type Count: Default + AddAssign + From<bool> + Into<u64>;
    /// Whether it is infinite or a NaN: then it is not zero to subtract it from itself, which takes least.
    #[inline]
    fn is_not_finite(self) -> bool {
        self.sub_wrapping(self) != Self::ZERO
    }
}

impl Float for f32 {
    const NAN: Self = f32::NAN;
    type Count = u32;
}

impl Float for f64 {
    const NAN: Self = f64::NAN;
    type Count = u64;
}

/// As [`combine`], of floats, whose result tells of trouble: `unusual` says what may be some. What is unusual is counted,
/// and what of it is under nulls is counted again; only if there is more is each row looked at.
pub(super) fn combine_floats<T: ArrowPrimitiveType<Native: Float>>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native, T::Native, T::Native) -> bool,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (left, left_step) = arguments.typed::<PrimitiveArray<T>>(0)?;
    let (right, right_step) = arguments.typed::<PrimitiveArray<T>>(1)?;
    floats::<T>(
        arguments,
        (left.values(), left_step),
        (right.values(), right_step),
        compute,
        unusual,
        trouble,
    )
}

/// As [`combine_floats`], of a column and a constant.
pub(super) fn combine_with<T: ArrowPrimitiveType<Native: Float>>(
    arguments: &Arguments<'_>,
    constant: T::Native,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native, T::Native, T::Native) -> bool,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (column, step) = arguments.typed::<PrimitiveArray<T>>(0)?;
    floats::<T>(arguments, (column.values(), step), (&[constant], 0), compute, unusual, trouble)
}

fn floats<T: ArrowPrimitiveType<Native: Float>>(
    arguments: &Arguments<'_>,
    (ones, left_step): (&[T::Native], usize),
    (twos, right_step): (&[T::Native], usize),
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native, T::Native, T::Native) -> bool,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let mut found = <T::Native as Float>::Count::default();
    let mut one_value = |one: T::Native, two: T::Native| {
        let value = compute(one, two);
        found += unusual(one, two, value).into();
        value
    };
    let mut values: Vec<T::Native> = match (left_step, right_step, ones, twos) {
        (0, 1, [one, ..], twos) => twos.iter().map(|two| one_value(*one, *two)).collect(),
        (1, 0, ones, [two, ..]) => ones.iter().map(|one| one_value(*one, *two)).collect(),
        _ => ones.iter().zip(twos).map(|(one, two)| one_value(*one, *two)).collect(),
    };
    let (found, nulls) = (found.into(), arguments.nulls().into_buffer(arguments.rows));
    if found > 0 {
        let pair = |row: usize| Some((*ones.get(row * left_step)?, *twos.get(row * right_step)?));
        let is_unusual = |row: usize| {
            pair(row).zip(values.get(row)).is_some_and(|((one, two), value)| unusual(one, two, *value))
        };
        let under_nulls = nulls.as_ref().map_or(0, |nulls| count_nulls(nulls, is_unusual));
        if found > under_nulls {
            let valid =
                (0..arguments.rows).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)));
            let mut suspects = valid.filter(|row| is_unusual(*row)).filter_map(pair);
            if let Some(error) = suspects.find_map(|(one, two)| trouble(one, two)) {
                return Err(error);
            }
            // The processor gives NaNs of either sign, which would differ, and sort first.
            #[expect(clippy::eq_op, reason = "a NaN is what differs from itself")]
            values.iter_mut().filter(|value| **value != **value).for_each(|value| *value = T::Native::NAN);
        }
    }
    primitive::<T>(values, nulls, arguments)
}

/// How many of the rows that are null are such.
fn count_nulls(nulls: &NullBuffer, is_such: impl Fn(usize) -> bool) -> u64 {
    let words = nulls.inner().bit_chunks();
    let mut count = 0;
    for (index, word) in words.iter_padded().enumerate() {
        let start = index * BLOCK;
        let Some(rows) = nulls.len().checked_sub(start + 1) else { break };
        // The bits behind the last row say nothing.
        let mut nulls = !word & u64::MAX >> (BLOCK - 1 - rows.min(BLOCK - 1));
        while nulls != 0 {
            count += u64::from(is_such(start + nulls.trailing_zeros() as usize));
            nulls &= nulls - 1;
        }
    }
    count
}

/// As [`combine_floats`], of what takes long. What is under nulls is not computed at all. Results are looked at a block at
/// a time, since to do so between two calls would hold both up.
pub(super) fn combine_slowly<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native) -> u64,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (left, right) = (Side::of::<T>(arguments, 0)?, Side::of::<T>(arguments, 1)?);
    slowly::<T>(arguments, &left, &right, compute, unusual, trouble)
}

/// As [`combine_slowly`], of one column.
pub(super) fn convert_slowly<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native) -> T::Native,
    unusual: impl Fn(T::Native) -> u64,
    trouble: impl Fn(T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (side, nothing) = (Side::of::<T>(arguments, 0)?, Side::Constant([T::Native::ONE; BLOCK]));
    slowly::<T>(arguments, &side, &nothing, |one, _| compute(one), unusual, |one, _| trouble(one))
}

fn slowly<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    left: &Side<'_, T::Native>,
    right: &Side<'_, T::Native>,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native) -> u64,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls().into_buffer(arguments.rows);
    let words = nulls.as_ref().map(|nulls| nulls.inner().bit_chunks());
    let mut words = words.as_ref().map(BitChunks::iter_padded);
    let mut values = Vec::with_capacity(arguments.rows);
    for start in (0..arguments.rows).step_by(BLOCK) {
        let count = BLOCK.min(arguments.rows - start);
        let (one, two) = (left.block(start, count), right.block(start, count));
        let valid = words.as_mut().map_or(u64::MAX, |words| words.next().unwrap_or(0));
        let pairs = one.iter().zip(two);
        if valid == u64::MAX {
            values.extend(pairs.map(|(one, two)| compute(*one, *two)));
        } else {
            let mut left = valid;
            values.extend(pairs.map(|(one, two)| {
                let is_valid = left & 1 == 1;
                left >>= 1;
                if is_valid { compute(*one, *two) } else { T::Native::ONE }
            }));
        }
        let results = values.get(start..).unwrap_or_default();
        if results.iter().map(|value| unusual(*value)).sum::<u64>() > 0 {
            first_trouble(one, two, valid, &trouble)?;
        }
    }
    primitive::<T>(values, nulls.clone(), arguments)
}

/// As [`combine`], of one column. Mostly nothing fails, not even under nulls: that is tried first.
pub(super) fn convert<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native) -> (T::Native, bool),
    trouble: impl Fn(T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (array, _) = arguments.typed::<PrimitiveArray<T>>(0)?;
    let mut failed = false;
    let each = |value: &T::Native| {
        let (value, flag) = compute(*value);
        failed |= flag;
        value
    };
    let values: Vec<T::Native> = array.values().iter().map(each).collect();
    if !failed && values.len() == arguments.rows {
        return primitive::<T>(values, array.nulls().cloned(), arguments);
    }
    let (side, nothing) = (Side::of::<T>(arguments, 0)?, Side::Constant([T::Native::ONE; BLOCK]));
    in_blocks::<T>(arguments, &side, &nothing, |one, _| compute(one), |one, _| trouble(one))
}

fn in_blocks<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    left: &Side<'_, T::Native>,
    right: &Side<'_, T::Native>,
    compute: impl Fn(T::Native, T::Native) -> (T::Native, bool),
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let nulls = arguments.nulls().into_buffer(arguments.rows);
    let words = nulls.as_ref().map(|nulls| nulls.inner().bit_chunks());
    let mut words = words.as_ref().map(BitChunks::iter_padded);
    let mut values = Vec::with_capacity(arguments.rows);
    let mut replace = false;
    let mut copies = ([T::Native::ONE; BLOCK], [T::Native::ONE; BLOCK]);
    for start in (0..arguments.rows).step_by(BLOCK) {
        let count = BLOCK.min(arguments.rows - start);
        let (one, two) = (left.block(start, count), right.block(start, count));
        let valid = words.as_mut().map_or(u64::MAX, |words| words.next().unwrap_or(0));
        let mut append = |one: &[T::Native], two: &[T::Native]| {
            let mut failed = false;
            values.truncate(start);
            values.extend(one.iter().zip(two).map(|(one, two)| {
                let (value, flag) = compute(*one, *two);
                failed |= flag;
                value
            }));
            failed
        };
        let some_null = valid != u64::MAX;
        let mut failed = !(replace && some_null) && append(one, two);
        if some_null && (replace || failed) {
            replace = true;
            failed =
                append(without_nulls(one, valid, &mut copies.0), without_nulls(two, valid, &mut copies.1));
        }
        if failed {
            let rows = (0..count).filter(|row| valid >> row & 1 == 1);
            let pairs = rows.filter_map(|row| Some((*one.get(row)?, *two.get(row)?)));
            let mut failing = pairs.filter(|(one, two)| compute(*one, *two).1);
            if let Some(error) = failing.find_map(|(one, two)| trouble(one, two)) {
                return Err(error);
            }
        }
    }
    primitive::<T>(values, nulls.clone(), arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_that_are_null() {
        let of = |valid: Vec<bool>| {
            let rows = std::cell::RefCell::new(Vec::new());
            let count = count_nulls(&NullBuffer::from(valid), |row| {
                rows.borrow_mut().push(row);
                row > 1
            });
            (rows.into_inner(), count)
        };
        assert_eq!(of(vec![true, false, true]), (vec![1], 0));
        assert_eq!(of((0..130).map(|row| row % 64 != 1).collect()), (vec![1, 65, 129], 2));
        assert_eq!(of(vec![false; 64]).1, 62);
        let sliced = NullBuffer::from(vec![false, true, true, false]).slice(1, 3);
        assert_eq!(count_nulls(&sliced, |row| row == 2), 1);
    }
}

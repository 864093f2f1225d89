//! The loops of arithmetic that can fail. Trouble is gathered in a flag for 64 rows at a time, as many as a word of the
//! null bitmap tells of, so that the loops stay vectorised; which row it was is found again only when there was some.
//!
//! What stands under nulls does not count: a zero there is no division by zero. Once such a value has raised the flag,
//! the values under nulls are replaced by ones before they are computed with.

use arrow::{
    array::{ArrayRef, ArrowNativeTypeOp, AsArray},
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

/// The flags of a block, the first in the lowest bit.
fn as_bits(flags: impl Iterator<Item = bool>) -> u64 {
    let mut bytes = [0; BLOCK];
    bytes.iter_mut().zip(flags).for_each(|(byte, flag)| *byte = u8::from(flag));
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, word| {
        // The product moves the lowest bit of each byte into the highest byte.
        bits << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
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

/// As [`combine`], of floats, whose result tells of trouble, so that finding out in which rows costs little.
pub(super) fn combine_floats<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
    unusual: impl Fn(T::Native, T::Native, T::Native) -> bool,
    trouble: impl Fn(T::Native, T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
    let (left, right) = (Side::of::<T>(arguments, 0)?, Side::of::<T>(arguments, 1)?);
    let nulls = arguments.nulls().into_buffer(arguments.rows);
    let words = nulls.as_ref().map(|nulls| nulls.inner().bit_chunks());
    let mut words = words.as_ref().map(BitChunks::iter_padded);
    let mut values = Vec::with_capacity(arguments.rows);
    for start in (0..arguments.rows).step_by(BLOCK) {
        let count = BLOCK.min(arguments.rows - start);
        let (one, two) = (left.block(start, count), right.block(start, count));
        let valid = words.as_mut().map_or(u64::MAX, |words| words.next().unwrap_or(0));
        values.extend(one.iter().zip(two).map(|(one, two)| compute(*one, *two)));
        let results = values.get(start..).unwrap_or_default();
        let flags =
            || one.iter().zip(two).zip(results).map(|((one, two), result)| unusual(*one, *two, *result));
        if flags().fold(false, |any, flag| any | flag) {
            let mut rows = as_bits(flags()) & valid;
            while rows != 0 {
                let row = usize::try_from(rows.trailing_zeros()).unwrap_or(BLOCK);
                if let Some((one, two)) = one.get(row).zip(two.get(row))
                    && let Some(error) = trouble(*one, *two)
                {
                    return Err(error);
                }
                rows &= rows - 1;
            }
        }
    }
    primitive::<T>(values, nulls.clone(), arguments)
}

/// As [`combine`], of one column.
pub(super) fn convert<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    compute: impl Fn(T::Native) -> (T::Native, bool),
    trouble: impl Fn(T::Native) -> Option<FunctionError>,
) -> Result<ArrayRef, FunctionError> {
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
    fn bits_stand_where_their_flags_do() {
        for row in [0, 1, 7, 8, 30, 63] {
            assert_eq!(as_bits((0..BLOCK).map(|other| other == row)), 1 << row);
        }
        assert_eq!(as_bits([true, false, true].into_iter()), 0b101);
    }
}

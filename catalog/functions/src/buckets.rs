//! `width_bucket(value, thresholds)`: how many of an ascending array's values are not greater than a value, of any type
//! that can be sorted.

use arrow::{
    array::{Array, ArrayRef},
    compute::SortOptions,
    datatypes::Int32Type,
};

use crate::{
    arrays::shape::Arrays,
    error::{FunctionError, FunctionErrorKind},
    kernels::primitive_rows,
    scalar::Arguments,
};

/// `width_bucket(anyelement, anyarray)`: a binary search, as in PostgreSQL, so that an array that does not ascend gives
/// some answer and no error.
pub fn width_bucket(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let values = arguments.full_array(0)?;
    let given = Arrays::of(arguments.array(1)?.as_ref(), 1)?;
    if (0..given.lists.len()).any(|row| given.dimensions(row).len() > 1) {
        let message = "thresholds must be one-dimensional array";
        return Err(FunctionError::new(FunctionErrorKind::ArraySubscriptError, message));
    }
    let lists = &given.lists;
    let step = usize::from(!arguments.is_constant(1));
    let compare = arrow::array::make_comparator(lists.values(), &values, SortOptions::default())?;
    primitive_rows::<Int32Type>(arguments, |row| {
        let at = |index: usize| lists.value_offsets().get(index).and_then(|at| usize::try_from(*at).ok());
        let (Some(begin), Some(end)) = (at(row * step), at(row * step + 1)) else {
            return Err(FunctionError::internal("an array without an end"));
        };
        if (begin..end).any(|threshold| lists.values().is_null(threshold)) {
            let message = "thresholds array must not contain NULLs";
            return Err(FunctionError::new(FunctionErrorKind::NullValueNotAllowed, message));
        }
        let (mut low, mut high) = (begin, end);
        while low < high {
            let middle = low + (high - low) / 2;
            if compare(middle, row).is_gt() {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        i32::try_from(low - begin).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use std::sync::Arc;

    use arrow::{
        array::{Int32Array, ListArray},
        datatypes::DataType,
    };
    use datafusion::logical_expr::ColumnarValue;

    use super::*;

    #[test]
    fn counts_what_is_not_greater() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), Some(1), Some(5), Some(9), None]));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([1, 5, 7].map(Some))]);
        let thresholds = datafusion::common::ScalarValue::List(Arc::new(list));
        let arguments = Arguments::new(
            vec![ColumnarValue::Array(values), ColumnarValue::Scalar(thresholds)],
            5,
            &DataType::Int32,
        )
        .unwrap();
        let buckets = width_bucket(&arguments).unwrap();
        let buckets: Vec<_> = buckets.as_primitive::<Int32Type>().iter().collect();
        assert_eq!(buckets, [Some(0), Some(1), Some(2), Some(3), None]);
    }
}

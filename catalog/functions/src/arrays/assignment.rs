//! Assignment to an element or a slice of an array (`SET a[2] = …`), as tables hold arrays: of one dimension, from 1.
//! Positions behind the end are filled with nulls; what would begin elsewhere than at 1 is refused like any such array.

use arrow::{
    array::{Array, ArrayRef, UInt64Builder},
    buffer::NullBuffer,
    compute::{concat, take},
};

use super::{Done, integer_argument, list_of, shape::Arrays};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    scalar::Arguments,
};

/// How many elements an array can have (PostgreSQL's own limit).
const ELEMENTS_MAX: i64 = 134_217_727;

/// What a row's array becomes: its own elements, with others from a position on.
struct Change {
    /// Counted from 0.
    at: i64,
    /// The places of the new elements among the values that are given.
    new: std::ops::Range<usize>,
}

/// Array, index, element.
pub fn assign_element(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let index = integer_argument(arguments, 1)?;
    let values = arguments.full_array(2)?;
    assigned(&lists, &values, arguments.rows, |row| {
        let at = index(row).ok_or_else(null_subscript)? - 1;
        Ok(Some(Change { at, new: row..row + 1 }))
    })
}

/// Array, lower bound, upper bound, the array that is assigned to what is between. A bound that is left out is the smallest
/// or the largest integer.
pub fn assign_slice(arguments: &Arguments<'_>) -> Done {
    let lists = Arrays::argument(arguments, 0, 1)?;
    let (lower, upper) = (integer_argument(arguments, 1)?, integer_argument(arguments, 2)?);
    let given = Arrays::argument(arguments, 3, 1)?;
    assigned(&lists, given.elements(), arguments.rows, |row| {
        if given.is_null(row) {
            return Ok(None);
        }
        let lower = lower(row).ok_or_else(null_subscript)?;
        let upper = match upper(row).ok_or_else(null_subscript)? {
            // A bound that is left out is the array's own, of which an empty one has none.
            bound if bound == i64::from(i32::MAX) => {
                if lists.is_null(row) || lists.length(row) == 0 {
                    return Err(array_error("array slice subscript must provide both boundaries"));
                }
                lists.length(row)
            }
            bound => bound,
        };
        let lower = if lower == i64::from(i32::MIN) { 1 } else { lower };
        if upper + 1 < lower {
            return Err(array_error("upper bound cannot be less than lower bound"));
        }
        let count = usize::try_from(upper + 1 - lower).unwrap_or(0);
        let new = given.range(row);
        if new.len() < count {
            return Err(array_error("source array too small"));
        }
        Ok(Some(Change { at: lower - 1, new: new.start..new.start + count }))
    })
}

fn null_subscript() -> FunctionError {
    let message = "array subscript in assignment must not be null";
    FunctionError::new(FunctionErrorKind::NullValueNotAllowed, message)
}

fn array_error(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::ArraySubscriptError, message)
}

fn assigned(
    lists: &Arrays,
    given: &ArrayRef,
    rows: usize,
    change: impl Fn(usize) -> Result<Option<Change>, FunctionError>,
) -> Done {
    let old = lists.elements().len();
    let all = concat(&[lists.elements().as_ref(), given.as_ref()])?;
    let mut indices = UInt64Builder::new();
    let mut lengths = Vec::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    for row in 0..rows {
        let own = lists.range(row);
        let Some(Change { at, new }) = change(row)? else {
            valid.push(!lists.is_null(row));
            lengths.push(own.len());
            own.for_each(|place| indices.append_option(u64::try_from(place).ok()));
            continue;
        };
        let end = at + i64::try_from(new.len()).unwrap_or(i64::MAX);
        if end > ELEMENTS_MAX {
            let message = format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})");
            return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message));
        }
        let (Ok(at), Ok(end)) = (usize::try_from(at), usize::try_from(end)) else {
            return Err(super::dimensions::not_stored());
        };
        if own.is_empty() && at > 0 && !new.is_empty() {
            return Err(super::dimensions::not_stored());
        }
        let length = if new.is_empty() { own.len() } else { own.len().max(end) };
        for place in 0..length {
            let from = if (at..end).contains(&place) {
                Some(old + new.start + (place - at))
            } else {
                own.clone().nth(place)
            };
            indices.append_option(from.and_then(|from| u64::try_from(from).ok()));
        }
        lengths.push(length);
        valid.push(true);
    }
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    list_of(take(&all, &indices.finish(), None)?, lengths, nulls)
}

//! Functions over `bytea`.

use arrow::array::ArrayRef;

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Bytes, Int4, map, map_bytes},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// `bytea || bytea`
pub fn concatenate(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Bytes)>(arguments, |(left, right)| Ok([left, right].concat()))
}

/// `substring(bytea, start, length)`
pub fn substring(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int4, Int4)>(arguments, |(bytes, start, length)| {
        if length < 0 {
            return Err(FunctionError::new(
                FunctionErrorKind::SubstringError,
                "negative substring length not allowed",
            ));
        }
        Ok(part(bytes, i64::from(start), i64::from(start) + i64::from(length)).to_vec())
    })
}

/// `substring(bytea, start)`
pub fn substring_from(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int4)>(arguments, |(bytes, start)| {
        Ok(part(bytes, i64::from(start), i64::MAX).to_vec())
    })
}

/// The bytes from `start` (from 1) up to `end`, which is not in it.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let at = |position: i64| usize::try_from((position - 1).max(0)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(at(start)..at(end).max(at(start))).unwrap_or_default()
}

/// `get_byte(bytea, index)`
pub fn get_byte(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes, Int4), Int4>(arguments, |(bytes, index)| {
        usize::try_from(index)
            .ok()
            .and_then(|index| bytes.get(index))
            .map(|byte| i32::from(*byte))
            .ok_or_else(|| {
                FunctionError::new(
                    FunctionErrorKind::ArraySubscriptError,
                    format!(
                        "index {index} out of valid range, 0..{}",
                        i64::try_from(bytes.len()).unwrap_or(0) - 1
                    ),
                )
            })
    })
}

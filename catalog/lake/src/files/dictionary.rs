//! Which columns of a file get a dictionary. Parquet's writer begins one for every column, looks every value up in it,
//! and gives it up when it has grown too large: for a column whose values hardly repeat that is most of the work of
//! writing it, and more bytes than without. How often values repeat is judged by the first rows of a file.

use std::collections::HashSet;

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    datatypes::DataType,
};
use datafusion::common::hash_utils::{RandomState, create_hashes};

/// Rows that are looked at.
const SAMPLE_ROWS_MAX: usize = 8192;
/// With fewer rows nothing is judged.
const SAMPLE_ROWS_MIN: usize = 1024;
/// Bytes of a value's length in a page of text.
const LENGTH_BYTES: f64 = 4.0;

/// Whether a dictionary of a column, of which these are some values, takes more room in a row group than it saves.
pub(super) fn is_useless(values: &ArrayRef, row_group_rows: usize) -> bool {
    let sample = values.slice(0, values.len().min(SAMPLE_ROWS_MAX));
    if sample.len() < SAMPLE_ROWS_MIN || sample.null_count() > 0 {
        return false;
    }
    let Some(value_bytes) = value_bytes(&sample) else { return false };
    let mut hashes = vec![0; sample.len()];
    if create_hashes([&sample], &RandomState::with_seed(0), &mut hashes).is_err() {
        return false;
    }
    // Equal values that stand together say how often a value repeats; scattered ones, of how many there are.
    let stretches = 1 + hashes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let distinct = hashes.into_iter().collect::<HashSet<_>>().len();
    let (rows, group) = (sample.len() as f64, row_group_rows as f64);
    let expected = if stretches == distinct {
        distinct as f64 / rows * group
    } else {
        drawn(distinct_of(distinct as f64, rows), group)
    };
    let index_bytes = expected.max(2.0).log2().ceil() / 8.0;
    expected * value_bytes + group * index_bytes >= group * value_bytes
}

/// How many different ones come when `rows` are drawn from `distinct`.
fn drawn(distinct: f64, rows: f64) -> f64 {
    distinct * (1.0 - (-rows / distinct).exp())
}

/// Of how many it is that `rows` drawn ones came to be `seen`.
fn distinct_of(seen: f64, rows: f64) -> f64 {
    let (mut low, mut high) = (seen, 1e10);
    for _ in 0..64 {
        let middle = low.midpoint(high);
        if drawn(middle, rows) < seen {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Bytes of a value without a dictionary; `None` where there is never one.
fn value_bytes(values: &ArrayRef) -> Option<f64> {
    match values.data_type() {
        DataType::Boolean | DataType::List(_) => None,
        DataType::Decimal128(precision, _) => Some(match precision {
            ..=9 => 4.0,
            10..=18 => 8.0,
            _ => 16.0,
        }),
        DataType::Utf8View => {
            let bytes: u32 = values.as_string_view().lengths().sum();
            Some(LENGTH_BYTES + f64::from(bytes) / values.len() as f64)
        }
        DataType::BinaryView => {
            let bytes: u32 = values.as_binary_view().lengths().sum();
            Some(LENGTH_BYTES + f64::from(bytes) / values.len() as f64)
        }
        DataType::FixedSizeBinary(bytes) => Some(f64::from(*bytes)),
        // Parquet has no smaller numbers than of four bytes.
        data_type => data_type.primitive_width().map(|bytes| bytes.max(4) as f64),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};

    use super::*;

    fn integers(value: impl Fn(i64) -> i64) -> ArrayRef {
        Arc::new((0..8000).map(|row| Some(value(row))).collect::<Int64Array>())
    }

    #[test]
    fn what_repeats_has_a_dictionary_and_what_does_not_has_none() {
        let scattered = |row: i64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> 8;
        assert!(is_useless(&integers(scattered), 131_072));
        assert!(is_useless(&integers(|row| row), 131_072));
        assert!(is_useless(&integers(|row| scattered(row).rem_euclid(1_000_000)), 131_072));
        assert!(!is_useless(&integers(|row| scattered(row).rem_euclid(10_000)), 131_072));
        assert!(!is_useless(&integers(|row| row / 4), 131_072));
        assert!(!is_useless(&integers(|row| row % 7), 131_072));
        let text = |value: &dyn Fn(i64) -> String| -> ArrayRef {
            Arc::new((0..8000).map(|row| Some(value(row))).collect::<StringViewArray>())
        };
        assert!(is_useless(&text(&|row| format!("a comment that is like no other, {row}")), 131_072));
        assert!(!is_useless(&text(&|row| format!("{:<25}", row % 4)), 131_072));
        // Too few to tell.
        assert!(!is_useless(&integers(scattered).slice(0, 100), 131_072));
    }
}

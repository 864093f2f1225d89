//! `pg_column_size`: how many bytes PostgreSQL would store a value in, without compression. Values of variable length
//! have a header of four bytes, and of one where a table stores them and they are short.

use arrow::array::{ArrayRef, AsArray};

use crate::{
    error::FunctionError,
    kernels::{Int4, primitive_rows, scale_of},
    scalar::Arguments,
};

/// The longest value with a header of one byte, that included.
const SHORT_MAX: usize = 127;

/// The size of text, `bytea` or `numeric`; the second argument says whether a table stores it.
pub fn column_size(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let values = arguments.array(0)?;
    let stored =
        arguments.array(1)?.as_boolean_opt().is_some_and(|stored| !stored.is_empty() && stored.value(0));
    let step = usize::from(!arguments.is_constant(0));
    let (texts, bytes) = (values.as_string_view_opt(), values.as_binary_view_opt());
    let numbers = values.as_primitive_opt::<arrow::datatypes::Decimal128Type>();
    let scale = if numbers.is_some() { scale_of(arguments, 0)? } else { 0 };
    primitive_rows::<Int4>(arguments, |row| {
        let row = row * step;
        let content = match (texts, bytes, numbers) {
            (Some(texts), ..) => texts.value(row).len(),
            (_, Some(bytes), _) => bytes.value(row).len(),
            (.., Some(numbers)) => 2 + 2 * groups(numbers.value(row), scale),
            _ => return Err(FunctionError::internal("a value of variable length has a size")),
        };
        let header = if stored && content < SHORT_MAX { 1 } else { 4 };
        i32::try_from(content + header).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

/// How many groups of four digits, counted from the point, a number has without those that are zero at its ends.
fn groups(value: i128, scale: i8) -> usize {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let whole = format!("{whole:0>width$}", width = whole.len().next_multiple_of(4));
    let fraction = format!("{fraction:0<width$}", width = scale.next_multiple_of(4));
    let all = whole + &fraction;
    let groups: Vec<bool> = all.as_bytes().chunks(4).map(|group| group != b"0000").collect();
    let first = groups.iter().position(|group| *group);
    let last = groups.iter().rposition(|group| *group);
    first.zip(last).map_or(0, |(first, last)| last - first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_in_groups_of_four_digits() {
        let cases =
            [(15, 1, 2), (0, 0, 0), (10_000, 0, 1), (-123_456_789, 3, 3), (1, 4, 1), (100_000_001, 0, 3)];
        for (value, scale, expected) in cases {
            assert_eq!(groups(value, scale), expected, "{value} at {scale}");
        }
    }
}

//! How many digits quotients, averages and texts show, and values written with so many.
//!
//! A number of digits from [`CUT`] on is that of a quotient: the value has more, which PostgreSQL does not have.

use arrow::{array::ArrayRef, datatypes::Int64Type};
use lis_functions::{
    error::FunctionError,
    kernels::{Int8, Numeric, Text, map, map_written, scale_of},
    scalar::Arguments,
    text_input::{parse_decimal, rescale},
    text_output::write_numeric_at,
};
use lis_lake::types::Shown;

use crate::operators::quotient_scale;

/// What is added to the digits of a quotient.
pub(super) const CUT: i64 = 64;

type Done = Result<ArrayRef, FunctionError>;

/// The text of a value with so many digits after the point.
pub(super) fn shown_text(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map_written::<(Numeric, Int8)>(arguments, |(value, digits), out| {
        write_numeric_at(value, scale, shown(value, scale, digits), out);
    })
}

/// The digits that a value shows, if so many were said: never fewer than it has, save a quotient's.
fn shown(value: i128, scale: i8, digits: i64) -> i8 {
    let said = i8::try_from((digits % CUT).min(38)).unwrap_or(scale);
    if digits >= CUT {
        // What a quotient has beyond its column's scale is not known unless it ends before.
        return if said <= scale || value % 10 == 0 { said } else { scale };
    }
    let back =
        rescale(value, scale.into(), said.into()).and_then(|fewer| rescale(fewer, said.into(), scale.into()));
    if said >= scale || back == Some(value) { said } else { Shown::needed(said.into()).digits(value, scale) }
}

/// The digits of `left / right`, whose operands show at most so many.
pub(super) fn quotient_digits(arguments: &Arguments<'_>) -> Done {
    let (left_scale, right_scale) = (scale_of(arguments, 0)?, scale_of(arguments, 1)?);
    map::<(Numeric, Numeric, Int8), Int64Type>(arguments, |(left, right, least)| {
        let scale =
            quotient_scale((left, left_scale), (right, right_scale), i32::try_from(least).unwrap_or(0));
        Ok(CUT + i64::from(scale))
    })
}

/// The digits of an average of so many rows, whose values show at most so many: those of the quotient of sum and count.
pub(super) fn average_digits(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric, Int8, Int8), Int64Type>(arguments, |(value, operands, rows)| {
        Ok(CUT + i64::from(of_average(value, scale, operands, rows)))
    })
}

fn of_average(value: i128, scale: i8, operands: i64, rows: i64) -> i32 {
    let least = i32::try_from(operands).unwrap_or(0);
    // The sum has the digits of the operands; the average was rounded.
    let sum = value.checked_mul(rows.into()).and_then(|sum| rescale(sum, scale.into(), least));
    match (sum, i8::try_from(operands)) {
        (Some(sum), Ok(operands)) => quotient_scale((sum, operands), (rows.into(), 0), least),
        _ => Shown::quotient(least).digits(value, scale).into(),
    }
}

/// The digits that a text has after the point.
pub(super) fn text_digits(arguments: &Arguments<'_>) -> Done {
    map::<(Text,), Int64Type>(arguments, |(text,)| {
        Ok(parse_decimal(text).map_or(0, |decimal| i64::from(decimal.scale)))
    })
}

#[cfg(test)]
mod tests {
    use super::{CUT, of_average, shown};

    #[test]
    fn averages_show_what_the_quotient_of_sum_and_count_does() {
        let one = 10_i128.pow(16);
        assert_eq!(of_average(12_450 * one, 16, 2, 1), 16);
        assert_eq!(of_average(16_050 * one, 16, 2, 2), 12);
        assert_eq!(of_average(i128::MAX / 10, 16, 2, 7), 2);
    }

    #[test]
    fn digits_never_hide_a_value() {
        assert_eq!(shown(1050, 2, 1), 1);
        assert_eq!(shown(1055, 2, 1), 2);
        assert_eq!(shown(1000, 2, 0), 0);
        assert_eq!(shown(1000, 2, 4), 4);
        assert_eq!(shown(3_333_333, 6, CUT + 4), 4);
        assert_eq!(shown(3_333_333, 6, CUT + 8), 6);
    }
}

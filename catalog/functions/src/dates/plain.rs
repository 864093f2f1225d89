//! Fields and starts of units of whole columns: one loop per unit, without a decision in it, for columns in which
//! nothing is infinite or near the ends of the calendar. `fields.rs` does the rest row by row.

use arrow::{
    array::{ArrayRef, PrimitiveArray},
    datatypes::ArrowPrimitiveType,
};

use super::fields::{Field, constant_text, first_day, iso_day_of_week, iso_week, shown_year};
use crate::{
    calendar::{self, DAY, HOUR, MINUTE, SECOND},
    error::FunctionError,
    kernels::{Numeric, primitive, result_scale},
    scalar::Arguments,
};

/// Days from which no unit reaches back beyond the calendar, and which no infinite timestamp in any zone has.
const PLAIN_DAYS: std::ops::Range<i64> = calendar::DATE_MIN + 1000 * 366..i64::MAX / DAY - 2;

/// A whole number of each row, whatever it is: `days` gives the day and the time of a value. Nothing if a value lies
/// outside of [`PLAIN_DAYS`], as infinity does, or the field is one that takes more care.
fn plain_field<N: Copy>(values: &[N], field: Field, split: impl Fn(N) -> (i64, i64)) -> Option<Vec<i128>> {
    /// The loop for one field.
    fn each<N: Copy>(
        values: &[N],
        split: impl Fn(N) -> (i64, i64),
        of: impl Fn(i64, i64) -> i64,
    ) -> Option<Vec<i128>> {
        let mut outside = false;
        let numbers = values.iter().map(|value| {
            let (days, time) = split(*value);
            outside |= !PLAIN_DAYS.contains(&days);
            i128::from(of(days, time))
        });
        let numbers = numbers.collect();
        (!outside).then_some(numbers)
    }
    match field {
        Field::Year => each(values, split, |days, _| shown_year(calendar::civil_from_days(days).0)),
        Field::Quarter => each(values, split, |days, _| (calendar::civil_from_days(days).1 + 2) / 3),
        Field::Month => each(values, split, |days, _| calendar::civil_from_days(days).1),
        Field::Week => each(values, split, |days, _| iso_week(days).1),
        Field::Day => each(values, split, |days, _| calendar::civil_from_days(days).2),
        Field::DayOfWeek => each(values, split, |days, _| iso_day_of_week(days) % 7),
        Field::IsoDayOfWeek => each(values, split, |days, _| iso_day_of_week(days)),
        Field::DayOfYear => each(values, split, |days, _| {
            days - calendar::days_from_civil(calendar::civil_from_days(days).0, 1, 1) + 1
        }),
        Field::Hour => each(values, split, |_, time| time / HOUR),
        Field::Minute => each(values, split, |_, time| time / MINUTE % 60),
        Field::Second | Field::Milliseconds | Field::Microseconds => {
            each(values, split, |_, time| time % MINUTE)
        }
        _ => None,
    }
}

/// A plain field of a whole column, if it is one.
pub(super) fn plain_column<T: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    split: impl Fn(T::Native) -> (i64, i64),
) -> Option<Result<ArrayRef, FunctionError>> {
    let field = constant_text(arguments, 0).and_then(Field::by_name)?;
    let (_, scale) = result_scale(arguments).ok()?;
    let (values, step) = arguments.typed::<PrimitiveArray<T>>(1).ok()?;
    if scale != field.scale() || step == 0 {
        return None;
    }
    let numbers = plain_field(values.values(), field, split)?;
    Some(primitive::<Numeric>(numbers, arguments.nulls().into_buffer(arguments.rows), arguments))
}

/// The start of a unit for each row, if no value lies outside of [`PLAIN_DAYS`], as infinity does.
pub(super) fn plain_starts(values: &[i64], unit: Field) -> Option<Vec<i64>> {
    fn each(values: &[i64], of: impl Fn(i64, i64) -> i64) -> Option<Vec<i64>> {
        let mut outside = false;
        let starts = values.iter().map(|value| {
            let (days, time) = calendar::split_timestamp(*value);
            outside |= !PLAIN_DAYS.contains(&days);
            of(days, time)
        });
        let starts = starts.collect();
        (!outside).then_some(starts)
    }
    match unit {
        Field::Second => each(values, |days, time| days * DAY + time / SECOND * SECOND),
        Field::Minute => each(values, |days, time| days * DAY + time / MINUTE * MINUTE),
        Field::Hour => each(values, |days, time| days * DAY + time / HOUR * HOUR),
        Field::Day => each(values, |days, _| days * DAY),
        Field::Week => each(values, |days, _| (days - iso_day_of_week(days) + 1) * DAY),
        Field::Month => each(values, |days, _| (days - calendar::civil_from_days(days).2 + 1) * DAY),
        unit => {
            first_day(unit, 0)?;
            each(values, |days, _| first_day(unit, days).unwrap_or(days) * DAY)
        }
    }
}

//! Ordered-set aggregates: `percentile_cont`, `percentile_disc`, `mode`. They keep all values and sort at the end; the
//! direction is that of `WITHIN GROUP (ORDER BY …)`. Intervals are ordered by what they are worth. Fractions are constants of the call where they are constants in SQL;
//! otherwise they are the call's first argument, of which the first row counts.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, IntervalMonthDayNanoArray},
    compute::{SortOptions, concat, sort},
    datatypes::{DataType, Field, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType},
};
use datafusion::{
    common::{Result, ScalarValue, utils::SingleRowListArrayBuilder},
    logical_expr::{Accumulator, AggregateUDF},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    dates::{combine_intervals, interval_native, interval_parts, interval_value, scale_interval},
    error::{FunctionError, FunctionErrorKind},
    text_input::intervals::interval_out_of_range,
};

/// Which value is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pick {
    /// Between the values at a fraction: `percentile_cont(fraction)`.
    Continuous(Fractions),
    /// The value at a fraction: `percentile_disc(fraction)`.
    Discrete(Fractions),
    /// The first of the most frequent: `mode()`.
    MostFrequent,
}

/// Where a percentile's fractions come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fractions {
    /// The first argument.
    Argument,
    /// One constant.
    One(Fraction),
    /// `percentile_…(array)`: as many results.
    Many(Vec<Fraction>),
    /// A null array.
    NullArray,
}

/// A fraction, or null, as a part of a function's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fraction(Option<u64>);

impl Fraction {
    /// Keeps a number.
    pub fn new(value: Option<f64>) -> Self {
        Self(value.map(f64::to_bits))
    }

    fn value(self) -> Option<f64> {
        self.0.map(f64::from_bits)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OrderedSet {
    pick: Pick,
    element: DataType,
}

/// An ordered-set aggregate over values of this type.
pub fn ordered_set(pick: Pick, element: DataType) -> Arc<AggregateUDF> {
    aggregate(OrderedSet { pick, element })
}

impl Aggregation for OrderedSet {
    fn name(&self) -> &'static str {
        match self.pick {
            Pick::Continuous(_) => "percentile_cont_exact",
            Pick::Discrete(_) => "percentile_disc",
            Pick::MostFrequent => "mode",
        }
    }

    fn result(&self) -> DataType {
        match &self.pick {
            Pick::Continuous(Fractions::Many(_) | Fractions::NullArray)
            | Pick::Discrete(Fractions::Many(_) | Fractions::NullArray) => {
                DataType::List(Arc::new(Field::new_list_field(self.element.clone(), true)))
            }
            _ => self.element.clone(),
        }
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        let values = DataType::List(Arc::new(Field::new_list_field(self.element.clone(), true)));
        vec![("values", values), ("fraction", DataType::Float64)]
    }

    fn accumulator(&self, inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Values {
            pick: self.pick.clone(),
            element: self.element.clone(),
            result: self.result(),
            descending: inputs.descending,
            fraction: None,
            values: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct Values {
    pick: Pick,
    element: DataType,
    result: DataType,
    descending: bool,
    fraction: Option<f64>,
    values: Vec<ArrayRef>,
}

impl Values {
    fn all(&self) -> Result<ArrayRef> {
        if self.values.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.element));
        }
        let parts: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        Ok(concat(&parts)?)
    }

    fn keep(&mut self, values: &ArrayRef) -> Result<()> {
        if values.null_count() == values.len() {
            return Ok(());
        }
        let kept = if values.null_count() == 0 {
            Arc::clone(values)
        } else {
            arrow::compute::filter(values, &arrow::compute::is_not_null(values)?)?
        };
        self.values.push(kept);
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a fraction of a number of rows, both far below 2^52"
)]
fn place(fraction: f64, count: usize) -> (usize, usize, f64) {
    let exact = fraction * (count as f64 - 1.0);
    let (low, high) = (exact.floor(), exact.ceil());
    (low as usize, high as usize, exact - low)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a fraction of a number of rows, both far below 2^52"
)]
fn discrete_place(fraction: f64, count: usize) -> usize {
    ((fraction * count as f64).ceil() as usize).saturating_sub(1)
}

/// What values are ordered by: themselves, but for intervals, which Arrow compares part by part.
fn keys_of(values: &ArrayRef) -> ArrayRef {
    match values.as_primitive_opt::<IntervalMonthDayNanoType>() {
        Some(intervals) => {
            let worth = |value| interval_value(interval_parts(value));
            Arc::new(intervals.unary::<_, arrow::datatypes::Decimal128Type>(worth))
        }
        None => Arc::clone(values),
    }
}

fn in_order(values: &ArrayRef, options: SortOptions) -> Result<ArrayRef> {
    if !matches!(values.data_type(), DataType::Interval(_)) {
        return Ok(sort(values, Some(options))?);
    }
    let order = arrow::compute::sort_to_indices(&keys_of(values), Some(options), None)?;
    Ok(arrow::compute::take(values, &order, None)?)
}

/// The interval at a fraction of the way through intervals in order.
fn between(
    intervals: &IntervalMonthDayNanoArray,
    fraction: f64,
) -> Result<IntervalMonthDayNano, FunctionError> {
    let (low, high, part) = place(fraction, intervals.len());
    let low = intervals.value(low);
    if part == 0.0 {
        return Ok(low);
    }
    let overflow = interval_out_of_range;
    let way = combine_intervals(intervals.value(high), low, true).ok_or_else(overflow)?;
    let way = interval_native(scale_interval(interval_parts(way), part)?)?;
    combine_intervals(low, way, false).ok_or_else(overflow)
}

/// 22003 for what is no fraction.
fn checked(fraction: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&fraction) {
        return Ok(fraction);
    }
    let mut shown = Vec::new();
    crate::text_output::write_float8(fraction, &mut shown);
    let message = format!("percentile value {} is not between 0 and 1", String::from_utf8_lossy(&shown));
    Err(FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, message).into())
}

impl Values {
    /// The first of the most frequent of sorted values.
    fn most_frequent(sorted: &ArrayRef) -> Result<usize> {
        let keys = keys_of(sorted);
        let compare = arrow::array::make_comparator(&keys, &keys, SortOptions::default())?;
        let (mut best, mut best_length, mut start) = (0, 0, 0);
        for row in 0..sorted.len() {
            if compare(start, row).is_ne() {
                start = row;
            }
            if row - start + 1 > best_length {
                (best, best_length) = (start, row - start + 1);
            }
        }
        Ok(best)
    }

    /// The values at fractions of sorted values.
    fn at_fractions(&self, sorted: &ArrayRef, fractions: &[Option<f64>]) -> Result<ArrayRef> {
        if !matches!(self.pick, Pick::Continuous(_)) {
            let places: arrow::array::UInt64Array = fractions
                .iter()
                .map(|fraction| fraction.map(|fraction| discrete_place(fraction, sorted.len()) as u64))
                .collect();
            return Ok(arrow::compute::take(sorted, &places, None)?);
        }
        if let Some(intervals) = sorted.as_primitive_opt::<IntervalMonthDayNanoType>() {
            let values = fractions
                .iter()
                .map(|fraction| fraction.map(|fraction| between(intervals, fraction)).transpose())
                .collect::<Result<IntervalMonthDayNanoArray, FunctionError>>()?;
            return Ok(Arc::new(values));
        }
        let floats = sorted.as_primitive::<Float64Type>();
        let values: Float64Array = fractions
            .iter()
            .map(|fraction| {
                fraction.map(|fraction| {
                    let (low, high, part) = place(fraction, sorted.len());
                    let (low, high) = (floats.value(low), floats.value(high));
                    if part == 0.0 { low } else { low + (high - low) * part }
                })
            })
            .collect();
        Ok(Arc::new(values))
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(last) = values.last() else {
            return Err(FunctionError::internal("an ordered-set aggregate without an argument").into());
        };
        if self.fraction.is_none()
            && values.len() > 1
            && let Some(fractions) = values.first().and_then(|first| first.as_primitive_opt::<Float64Type>())
        {
            self.fraction = fractions.iter().next().flatten();
        }
        self.keep(last)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let null = || ScalarValue::try_from(&self.result);
        let (fractions, many): (Vec<Option<f64>>, bool) = match &self.pick {
            Pick::MostFrequent => (Vec::new(), false),
            Pick::Continuous(fractions) | Pick::Discrete(fractions) => match fractions {
                Fractions::Argument => (vec![self.fraction], false),
                Fractions::One(fraction) => (vec![fraction.value()], false),
                Fractions::Many(fractions) => (fractions.iter().map(|one| one.value()).collect(), true),
                Fractions::NullArray => return null(),
            },
        };
        // PostgreSQL looks at an array's fractions only when there are rows, and at a single one always.
        let values = self.all()?;
        if many && values.is_empty() {
            return null();
        }
        for fraction in fractions.iter().flatten() {
            checked(*fraction)?;
        }
        if values.is_empty() || (!many && fractions.first().is_some_and(Option::is_none)) {
            return null();
        }
        let options = SortOptions { descending: self.descending, nulls_first: false };
        let sorted = in_order(&values, options)?;
        if self.pick == Pick::MostFrequent {
            return ScalarValue::try_from_array(&sorted, Self::most_frequent(&sorted)?);
        }
        let picked = self.at_fractions(&sorted, &fractions)?;
        if many {
            let list = SingleRowListArrayBuilder::new(picked).build_list_array();
            return Ok(ScalarValue::List(Arc::new(list)));
        }
        ScalarValue::try_from_array(&picked, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.all()?;
        let list = SingleRowListArrayBuilder::new(values).build_list_array();
        Ok(vec![ScalarValue::List(Arc::new(list)), ScalarValue::Float64(self.fraction)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [lists, fractions] = values else {
            return Err(FunctionError::internal("an ordered-set aggregate's state has two parts").into());
        };
        for values in lists.as_list::<i32>().iter().flatten() {
            self.keep(&values)?;
        }
        if self.fraction.is_none() {
            self.fraction = fractions.as_primitive::<Float64Type>().iter().flatten().next();
        }
        Ok(())
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>()
            + self.values.iter().map(|values| values.get_array_memory_size()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks() {
        let run = |pick: Pick, descending: bool| {
            let inputs = Inputs { types: vec![DataType::Float64], descending };
            let mut values = OrderedSet { pick, element: DataType::Float64 }.accumulator(&inputs).unwrap();
            let column: ArrayRef =
                Arc::new(Float64Array::from(vec![Some(10.0), Some(1.0), None, Some(2.0), Some(2.0)]));
            values.update_batch(&[column]).unwrap();
            values.evaluate()
        };
        let one = |fraction: f64| Fractions::One(Fraction::new(Some(fraction)));
        let float = |value: f64| ScalarValue::Float64(Some(value));
        assert_eq!(run(Pick::Continuous(one(0.25)), false).unwrap(), float(1.75));
        assert_eq!(run(Pick::Discrete(one(0.5)), false).unwrap(), float(2.0));
        assert_eq!(run(Pick::Discrete(one(0.0)), true).unwrap(), float(10.0));
        assert_eq!(run(Pick::MostFrequent, false).unwrap(), float(2.0));
        assert!(run(Pick::Continuous(one(1.5)), false).is_err());
        let many = Fractions::Many(vec![Fraction::new(Some(1.0)), Fraction::new(None)]);
        let ScalarValue::List(list) = run(Pick::Discrete(many), false).unwrap() else { panic!("a list") };
        assert_eq!(
            list.value(0).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(10.0), None]
        );
    }
}

//! `stddev` and `variance` of integers and `numeric`: exact sums of values and squares, so that the result has all its
//! digits, unlike a computation in floats.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray},
    datatypes::{DataType, Decimal256Type, Int64Type, i256},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    aggregates::each_value,
    error::FunctionError,
    numbers::{square_root_of_ratio, wide_ratio},
};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// `var_samp`, `variance`
    SampleVariance,
    /// `var_pop`
    PopulationVariance,
    /// `stddev_samp`, `stddev`
    SampleDeviation,
    /// `stddev_pop`
    PopulationDeviation,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NumericStatistic {
    statistic: Statistic,
    result: DataType,
}

/// The aggregate over integers or `numeric`, whose result has this type.
pub fn numeric_statistic_aggregate(statistic: Statistic, result: DataType) -> Arc<AggregateUDF> {
    aggregate(NumericStatistic { statistic, result })
}

impl Aggregation for NumericStatistic {
    fn name(&self) -> &'static str {
        match self.statistic {
            Statistic::SampleVariance => "numeric_var_samp",
            Statistic::PopulationVariance => "numeric_var_pop",
            Statistic::SampleDeviation => "numeric_stddev_samp",
            Statistic::PopulationDeviation => "numeric_stddev_pop",
        }
    }

    fn result(&self) -> DataType {
        self.result.clone()
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("count", DataType::Int64),
            ("sum", DataType::Decimal256(76, 0)),
            ("squares", DataType::Decimal256(76, 0)),
        ]
    }

    fn accumulator(&self, inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sums {
            statistic: self.statistic,
            from: inputs.scale(0),
            result: self.result.clone(),
            count: 0,
            sum: i256::ZERO,
            squares: i256::ZERO,
        }))
    }
}

/// Unscaled sums.
#[derive(Debug)]
struct Sums {
    statistic: Statistic,
    from: i8,
    result: DataType,
    count: i64,
    sum: i256,
    squares: i256,
}

/// The root of a variance: PostgreSQL takes it of the variance with the digits that it would show.
fn deviation(numerator: i256, denominator: i256, shift: i32, scale: i32) -> Option<i128> {
    const SIGNIFICANT: i32 = 16;
    let of_shown = || {
        let rough = wide_ratio(numerator, denominator, shift, SIGNIFICANT)?;
        let exponent = i32::try_from(rough.unsigned_abs().checked_ilog10()?).ok()? - SIGNIFICANT;
        let digits = (SIGNIFICANT - 4 * exponent.div_euclid(4)).max(shift);
        let shown = wide_ratio(numerator, denominator, shift, digits)?;
        square_root_of_ratio(i256::from_i128(shown), i256::ONE, digits, scale)
    };
    of_shown().or_else(|| square_root_of_ratio(numerator, denominator, shift, scale))
}

fn overflow() -> datafusion::common::DataFusionError {
    FunctionError::numeric_overflow().into()
}

impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else {
            return Err(FunctionError::internal("an aggregate without an argument").into());
        };
        let mut overflowed = false;
        each_value(values, |_, value| {
            let value = i256::from_i128(value);
            self.count += 1;
            let sum = self.sum.checked_add(value);
            let squares = value.checked_mul(value).and_then(|square| self.squares.checked_add(square));
            match sum.zip(squares) {
                Some((sum, squares)) => (self.sum, self.squares) = (sum, squares),
                None => overflowed = true,
            }
        })?;
        if overflowed { Err(overflow()) } else { Ok(()) }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (precision, scale) = match self.result {
            DataType::Decimal128(precision, scale) => (precision, scale),
            _ => (38, 16),
        };
        let is_sample = matches!(self.statistic, Statistic::SampleVariance | Statistic::SampleDeviation);
        if self.count == 0 || (is_sample && self.count == 1) {
            return Ok(ScalarValue::Decimal128(None, precision, scale));
        }
        // (n Σx² − (Σx)²) / (n · n or n − 1), over 10^(2 scale).
        let count = i256::from_i128(i128::from(self.count));
        let numerator = count
            .checked_mul(self.squares)
            .zip(self.sum.checked_mul(self.sum))
            .and_then(|(one, two)| one.checked_sub(two))
            .ok_or_else(overflow)?;
        let other = if is_sample { i128::from(self.count) - 1 } else { i128::from(self.count) };
        let denominator = count.checked_mul(i256::from_i128(other)).ok_or_else(overflow)?;
        let shift = i32::from(self.from) * 2;
        let value = match self.statistic {
            Statistic::SampleVariance | Statistic::PopulationVariance => {
                wide_ratio(numerator, denominator, shift, i32::from(scale))
            }
            Statistic::SampleDeviation | Statistic::PopulationDeviation => {
                deviation(numerator, denominator, shift, i32::from(scale))
            }
        };
        Ok(ScalarValue::Decimal128(Some(value.ok_or_else(overflow)?), precision, scale))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Int64(Some(self.count)),
            ScalarValue::Decimal256(Some(self.sum), 76, 0),
            ScalarValue::Decimal256(Some(self.squares), 76, 0),
        ])
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [counts, sums, squares] = values else {
            return Err(FunctionError::internal("a statistic's state has three parts").into());
        };
        let add = |total: i256, array: &ArrayRef| {
            array
                .as_primitive::<Decimal256Type>()
                .iter()
                .flatten()
                .try_fold(total, |total, part| total.checked_add(part))
                .ok_or_else(overflow)
        };
        self.count += counts.as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        self.sum = add(self.sum, sums)?;
        self.squares = add(self.squares, squares)?;
        Ok(())
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal128Array;

    use super::*;

    #[test]
    fn digits_as_postgresql_has_them() {
        let run = |statistic: Statistic| {
            let result = DataType::Decimal128(38, 16);
            let mut sums =
                Sums { statistic, from: 0, result, count: 0, sum: i256::ZERO, squares: i256::ZERO };
            let values = Decimal128Array::from(vec![1, 2, 4]).with_precision_and_scale(10, 0).unwrap();
            sums.update_batch(&[Arc::new(values)]).unwrap();
            match sums.evaluate().unwrap() {
                ScalarValue::Decimal128(value, _, _) => value.unwrap(),
                other => panic!("{other}"),
            }
        };
        assert_eq!(run(Statistic::SampleDeviation), 15_275_252_316_519_467);
        assert_eq!(run(Statistic::PopulationVariance), 15_555_555_555_555_556);
    }
}

//! Aggregates that fold one value after another into a small state: over intervals, which DataFusion does not add up
//! (and compares part by part, where PostgreSQL counts a month as 30 days), and `sum(real)`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray},
    datatypes::{
        ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int64Type, IntervalMonthDayNanoType,
    },
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    aggregates::passes,
    dates::{interval_native, interval_parts, scale_interval},
    error::FunctionError,
    numbers::float_overflow,
    text_input::{Interval, intervals::interval_out_of_range},
};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// `sum(interval)`
    IntervalSum,
    /// `avg(interval)`
    IntervalAverage,
    /// `min(interval)`
    IntervalMinimum,
    /// `max(interval)`
    IntervalMaximum,
    /// `sum(real)`, in that precision
    Float4Sum,
    /// `sum(double precision)`
    Float8Sum,
}

/// The aggregate.
pub fn fold(fold: Fold) -> Arc<AggregateUDF> {
    aggregate(fold)
}

impl Aggregation for Fold {
    fn name(&self) -> &'static str {
        match self {
            Fold::IntervalSum => "interval_sum",
            Fold::IntervalAverage => "interval_avg",
            Fold::IntervalMinimum => "interval_min",
            Fold::IntervalMaximum => "interval_max",
            Fold::Float4Sum => "float4_sum",
            Fold::Float8Sum => "float8_sum",
        }
    }

    fn result(&self) -> DataType {
        match self {
            Fold::Float4Sum => DataType::Float32,
            Fold::Float8Sum => DataType::Float64,
            _ => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        }
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        match self {
            Fold::Float4Sum => vec![("sum", DataType::Float32)],
            Fold::Float8Sum => vec![("sum", DataType::Float64)],
            _ => ["months", "days", "microseconds", "count"]
                .into_iter()
                .map(|part| (part, DataType::Int64))
                .collect(),
        }
    }

    fn accumulator(&self, _inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(match self {
            Fold::Float4Sum => Box::new(FloatSum::<Float32Type> { sum: None }),
            Fold::Float8Sum => Box::new(FloatSum::<Float64Type> { sum: None }),
            fold => Box::new(Intervals { fold: *fold, months: 0, days: 0, microseconds: 0, count: 0 }),
        })
    }

    fn groups(&self, _inputs: &Inputs) -> Option<Box<dyn GroupsAccumulator>> {
        match self {
            Fold::Float4Sum => Some(Box::new(FloatSums::<Float32Type>::default())),
            Fold::Float8Sum => Some(Box::new(FloatSums::<Float64Type>::default())),
            _ => None,
        }
    }

    fn ignores_duplicates(&self) -> bool {
        matches!(self, Fold::IntervalMinimum | Fold::IntervalMaximum)
    }
}

/// A type with infinities.
trait Float: ArrowPrimitiveType + std::fmt::Debug {
    /// Whether a value is one of them.
    fn is_infinite(value: Self::Native) -> bool;

    /// A value, and the one NaN instead of another: the processor makes them of either sign.
    fn one_nan(value: Self::Native) -> Self::Native;
}

impl Float for Float32Type {
    fn is_infinite(value: f32) -> bool {
        value.is_infinite()
    }

    fn one_nan(value: f32) -> f32 {
        if value.is_nan() { f32::NAN } else { value }
    }
}

impl Float for Float64Type {
    fn is_infinite(value: f64) -> bool {
        value.is_infinite()
    }

    fn one_nan(value: f64) -> f64 {
        if value.is_nan() { f64::NAN } else { value }
    }
}

/// `sum`, which is 22003 where finite values add up to infinity.
#[derive(Debug)]
struct FloatSum<T: Float> {
    sum: Option<T::Native>,
}

/// One after the other, as PostgreSQL does: adding pairwise would be faster and round otherwise.
fn add<T: Float>(sum: Option<T::Native>, value: T::Native) -> Result<T::Native> {
    let Some(sum) = sum else { return Ok(value) };
    let next = sum.add_wrapping(value);
    if T::is_infinite(next) && !T::is_infinite(sum) && !T::is_infinite(value) {
        return Err(float_overflow().into());
    }
    Ok(next)
}

impl<T: Float> Accumulator for FloatSum<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values.iter().flat_map(|array| array.as_primitive::<T>()).flatten() {
            self.sum = Some(add::<T>(self.sum, value)?);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::new_primitive::<T>(self.sum.map(T::one_nan), &T::DATA_TYPE)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>()
    }
}

/// As [`FloatSum`], group by group.
#[derive(Debug)]
struct FloatSums<T: Float> {
    sums: Vec<Option<T::Native>>,
}

impl<T: Float> Default for FloatSums<T> {
    fn default() -> Self {
        Self { sums: Vec::new() }
    }
}

impl<T: Float> GroupsAccumulator for FloatSums<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, None);
        let Some(values) = values.first() else {
            return Err(FunctionError::internal("an aggregate without an argument").into());
        };
        for (row, (value, group)) in values.as_primitive::<T>().iter().zip(group_indices).enumerate() {
            if let (Some(value), true, Some(sum)) =
                (value, passes(opt_filter, row), self.sums.get_mut(*group))
            {
                *sum = Some(add::<T>(*sum, value)?);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        Ok(Arc::new(PrimitiveArray::<T>::from_iter(sums.into_iter().map(|sum| sum.map(T::one_nan)))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(values) = values.first() else {
            return Err(FunctionError::internal("an aggregate without an argument").into());
        };
        let Some(filter) = opt_filter else { return Ok(vec![Arc::clone(values)]) };
        let dropped = arrow::compute::not(&arrow::compute::prep_null_mask_filter(filter))?;
        Ok(vec![arrow::compute::nullif(values, &dropped)?])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * std::mem::size_of::<Option<T::Native>>()
    }
}

/// Wide parts: they are narrowed at the end.
#[derive(Debug)]
struct Intervals {
    fold: Fold,
    months: i64,
    days: i64,
    microseconds: i64,
    count: i64,
}

impl Intervals {
    fn current(&self) -> Result<Interval> {
        Ok(Interval {
            months: i32::try_from(self.months).map_err(|_| interval_out_of_range())?,
            days: i32::try_from(self.days).map_err(|_| interval_out_of_range())?,
            microseconds: self.microseconds,
        })
    }

    fn take(&mut self, months: i64, days: i64, microseconds: i64, count: i64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let value = |months: i64, days: i64, microseconds: i64| {
            i128::from(months) * 30 * i128::from(crate::calendar::DAY)
                + i128::from(days) * i128::from(crate::calendar::DAY)
                + i128::from(microseconds)
        };
        let replaces = match self.fold {
            Fold::IntervalMinimum => {
                value(months, days, microseconds) < value(self.months, self.days, self.microseconds)
            }
            Fold::IntervalMaximum => {
                value(months, days, microseconds) > value(self.months, self.days, self.microseconds)
            }
            _ => {
                let sums = self
                    .months
                    .checked_add(months)
                    .zip(self.days.checked_add(days))
                    .zip(self.microseconds.checked_add(microseconds));
                let ((months, days), microseconds) = sums.ok_or_else(interval_out_of_range)?;
                (self.months, self.days, self.microseconds) = (months, days, microseconds);
                self.count += count;
                return Ok(());
            }
        };
        if self.count == 0 || replaces {
            (self.months, self.days, self.microseconds) = (months, days, microseconds);
        }
        self.count += count;
        Ok(())
    }
}

impl Accumulator for Intervals {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in
            values.iter().flat_map(|array| array.as_primitive::<IntervalMonthDayNanoType>()).flatten()
        {
            let parts = interval_parts(value);
            self.take(parts.months.into(), parts.days.into(), parts.microseconds, 1)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        let mut parts = self.current()?;
        if self.fold == Fold::IntervalAverage {
            #[expect(clippy::cast_precision_loss, reason = "a number of rows is far below 2^53")]
            let factor = 1.0 / self.count as f64;
            parts = scale_interval(parts, factor)?;
        }
        Ok(ScalarValue::IntervalMonthDayNano(Some(interval_native(parts)?)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok([self.months, self.days, self.microseconds, self.count]
            .into_iter()
            .map(|part| ScalarValue::Int64(Some(part)))
            .collect())
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [months, days, microseconds, counts] = values else {
            return Err(FunctionError::internal("an interval aggregate's state has four parts").into());
        };
        let part = |array: &ArrayRef, row: usize| {
            let array = array.as_primitive::<Int64Type>();
            if array.is_null(row) { 0 } else { array.value(row) }
        };
        for row in 0..months.len() {
            self.take(part(months, row), part(days, row), part(microseconds, row), part(counts, row))?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>()
    }
}

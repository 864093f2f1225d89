//! Aggregates that fold one value after another into a small state: over intervals, which DataFusion does not add up
//! (and compares part by part, where PostgreSQL counts a month as 30 days), and `sum(real)`.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type, Int64Type, IntervalMonthDayNanoType},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use crate::{
    dates::{interval_native, interval_parts, scale_interval},
    error::FunctionError,
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
    /// `sum(real)`
    Float4Sum,
}

#[derive(Debug)]
struct FoldAggregate {
    fold: Fold,
    result: DataType,
    signature: Signature,
}

impl PartialEq for FoldAggregate {
    fn eq(&self, other: &Self) -> bool {
        self.fold == other.fold
    }
}

impl Eq for FoldAggregate {}

impl Hash for FoldAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fold.hash(state);
    }
}

/// The aggregate.
pub fn fold(fold: Fold, result: DataType) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(FoldAggregate { fold, result, signature }))
}

impl AggregateUDFImpl for FoldAggregate {
    fn name(&self) -> &str {
        match self.fold {
            Fold::IntervalSum => "interval_sum",
            Fold::IntervalAverage => "interval_avg",
            Fold::IntervalMinimum => "interval_min",
            Fold::IntervalMaximum => "interval_max",
            Fold::Float4Sum => "float4_sum",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, data_type: DataType| -> FieldRef {
            Arc::new(Field::new(format!("{}[{part}]", arguments.name), data_type, true))
        };
        Ok(match self.fold {
            Fold::Float4Sum => vec![field("sum", DataType::Float64), field("count", DataType::Int64)],
            _ => ["months", "days", "microseconds", "count"]
                .into_iter()
                .map(|part| field(part, DataType::Int64))
                .collect(),
        })
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let matters = !matches!(self.fold, Fold::IntervalMinimum | Fold::IntervalMaximum);
        FunctionError::refuse_distinct(self.name(), arguments.is_distinct && matters)?;
        Ok(match self.fold {
            Fold::Float4Sum => Box::new(Float4Sum { sum: 0.0, count: 0 }),
            fold => Box::new(Intervals { fold, months: 0, days: 0, microseconds: 0, count: 0 }),
        })
    }
}

#[derive(Debug)]
struct Float4Sum {
    sum: f64,
    count: i64,
}

impl Accumulator for Float4Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values.iter().flat_map(|array| array.as_primitive::<Float32Type>()).flatten() {
            self.sum += f64::from(value);
            self.count += 1;
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest real is the point")]
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float32((self.count > 0).then_some(self.sum as f32)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Float64(Some(self.sum)), ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [sums, counts] = values else {
            return Err(FunctionError::internal("a sum's state has two parts").into());
        };
        self.sum += sums.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
        self.count += counts.as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>()
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

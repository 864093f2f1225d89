//! Aggregates of our own where DataFusion's give other types or digits: `avg` of integers and `numeric` (16 digits after
//! the point, rounded), `sum` of `numeric` that notices when 38 digits are not enough, and `sum` of `bigint` as
//! `numeric`. All keep a sum in 128 bits, and an average a count, so a group costs 24 bytes and no allocation.

mod sums;

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray},
    buffer::{NullBuffer, ScalarBuffer},
    datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Int16Type, Int32Type, Int64Type},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    error::FunctionError,
    numbers::divide_decimal,
    text_input::NUMERIC_MAX,
};

use self::sums::Sums;

/// What is made of a sum and a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The sum.
    Sum,
    /// The average.
    Average,
}

/// `sum` or `avg` over `smallint`, `integer`, `bigint` or `numeric`, as `numeric`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NumericAggregate {
    outcome: Outcome,
    result: DataType,
}

/// The aggregate whose result has this type, a `Decimal128`.
pub fn numeric_aggregate(outcome: Outcome, result: DataType) -> Arc<AggregateUDF> {
    aggregate(NumericAggregate { outcome, result })
}

impl NumericAggregate {
    fn finisher(&self, inputs: &Inputs) -> Finisher {
        let (precision, to) = match self.result {
            DataType::Decimal128(precision, scale) => (precision, scale),
            _ => (38, 0),
        };
        Finisher { outcome: self.outcome, from: inputs.scale(0), precision, to }
    }
}

impl Aggregation for NumericAggregate {
    fn name(&self) -> &'static str {
        match self.outcome {
            Outcome::Sum => "numeric_sum",
            Outcome::Average => "numeric_avg",
        }
    }

    fn result(&self) -> DataType {
        self.result.clone()
    }

    fn state(&self, inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        let scale = match inputs.first() {
            Some(DataType::Decimal128(_, scale)) => *scale,
            _ => 0,
        };
        let sum = ("sum", DataType::Decimal128(38, scale));
        match self.outcome {
            Outcome::Sum => vec![sum],
            Outcome::Average => vec![sum, ("count", DataType::Int64)],
        }
    }

    fn accumulator(&self, inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup { sum: 0, count: 0, overflow: false, finisher: self.finisher(inputs) }))
    }

    fn groups(&self, inputs: &Inputs) -> Option<Box<dyn GroupsAccumulator>> {
        let finisher = self.finisher(inputs);
        Some(match self.outcome {
            Outcome::Sum => Box::new(Sums::new(finisher)),
            Outcome::Average => {
                Box::new(Groups { sums: Vec::new(), counts: Vec::new(), overflow: false, finisher })
            }
        })
    }
}

/// From a sum and a count to a result.
#[derive(Debug, Clone, Copy)]
struct Finisher {
    outcome: Outcome,
    from: i8,
    precision: u8,
    to: i8,
}

impl Finisher {
    fn finish(self, sum: i128, count: i64) -> Result<Option<i128>> {
        if count == 0 {
            return Ok(None);
        }
        let value = match self.outcome {
            Outcome::Sum => crate::numbers::fit(sum, i32::from(self.from), i32::from(self.to)),
            Outcome::Average => divide_decimal(sum, self.from, i128::from(count), 0, self.to),
        };
        value.map(Some).ok_or_else(|| FunctionError::numeric_overflow().into())
    }

    fn state_arrays(self, sums: impl Into<ScalarBuffer<i128>>, counts: Vec<i64>) -> Result<Vec<ArrayRef>> {
        let sums = Decimal128Array::try_new(sums.into(), None)?.with_precision_and_scale(38, self.from)?;
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }
}

/// Calls back with the row and value of each row that is not null.
pub(crate) fn each_value(values: &ArrayRef, mut each: impl FnMut(usize, i128)) -> Result<()> {
    fn over<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, each: &mut impl FnMut(usize, i128))
    where
        T::Native: Into<i128>,
    {
        if array.null_count() == 0 {
            for (row, value) in array.values().iter().enumerate() {
                each(row, (*value).into());
            }
        } else {
            for (row, value) in array.iter().enumerate() {
                if let Some(value) = value {
                    each(row, value.into());
                }
            }
        }
    }
    match values.data_type() {
        DataType::Int16 => over(values.as_primitive::<Int16Type>(), &mut each),
        DataType::Int32 => over(values.as_primitive::<Int32Type>(), &mut each),
        DataType::Int64 => over(values.as_primitive::<Int64Type>(), &mut each),
        DataType::Decimal128(..) => over(values.as_primitive::<Decimal128Type>(), &mut each),
        other => return Err(FunctionError::internal(format!("no numeric aggregate of {other}")).into()),
    }
    Ok(())
}

/// The rows that count: their value is not null, and the FILTER takes them; nothing if that is all.
fn counting(values: &ArrayRef, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let passing = filter.map(|filter| {
        let taken = match filter.nulls() {
            Some(known) => filter.values() & known.inner(),
            None => filter.values().clone(),
        };
        NullBuffer::new(taken)
    });
    NullBuffer::union(values.nulls(), passing.as_ref()).filter(|counting| counting.null_count() > 0)
}

/// Calls back with the group and value of each row that counts.
fn each_in_group(
    values: &ArrayRef,
    groups: &[usize],
    filter: Option<&BooleanArray>,
    mut each: impl FnMut(usize, i128),
) -> Result<()> {
    fn over<T: ArrowPrimitiveType<Native: Into<i128>>>(
        values: &PrimitiveArray<T>,
        groups: &[usize],
        counting: Option<&NullBuffer>,
        mut each: impl FnMut(usize, i128),
    ) {
        let pairs = values.values().iter().zip(groups);
        match counting {
            None => pairs.for_each(|(value, group)| each(*group, (*value).into())),
            Some(counting) => {
                let counted = pairs.zip(counting).filter(|(_, counts)| *counts);
                counted.for_each(|((value, group), _)| each(*group, (*value).into()));
            }
        }
    }
    let counting = counting(values, filter);
    let counting = counting.as_ref();
    match values.data_type() {
        DataType::Int16 => over(values.as_primitive::<Int16Type>(), groups, counting, &mut each),
        DataType::Int32 => over(values.as_primitive::<Int32Type>(), groups, counting, &mut each),
        DataType::Int64 => over(values.as_primitive::<Int64Type>(), groups, counting, &mut each),
        DataType::Decimal128(..) => {
            over(values.as_primitive::<Decimal128Type>(), groups, counting, &mut each)
        }
        other => return Err(FunctionError::internal(format!("no numeric aggregate of {other}")).into()),
    }
    Ok(())
}

/// Values as 128 bits, with nothing where a row does not count.
fn widened(
    values: &ArrayRef,
    filter: Option<&BooleanArray>,
) -> Result<(ScalarBuffer<i128>, Option<NullBuffer>)> {
    let wide = match values.as_primitive_opt::<Decimal128Type>() {
        Some(values) => values.values().clone(),
        None => {
            let mut wide = vec![0; values.len()];
            each_value(values, |row, value| {
                if let Some(place) = wide.get_mut(row) {
                    *place = value;
                }
            })?;
            ScalarBuffer::from(wide)
        }
    };
    Ok((wide, counting(values, filter)))
}

fn only(values: &[ArrayRef]) -> Result<&ArrayRef> {
    values.first().ok_or_else(|| FunctionError::internal("an aggregate without an argument").into())
}

fn states(values: &[ArrayRef]) -> Result<(&Decimal128Array, &Int64Array)> {
    match values {
        [sums, counts] => Ok((sums.as_primitive::<Decimal128Type>(), counts.as_primitive::<Int64Type>())),
        _ => Err(FunctionError::internal("an aggregate's state has two parts").into()),
    }
}

#[derive(Debug)]
struct OneGroup {
    sum: i128,
    count: i64,
    overflow: bool,
    finisher: Finisher,
}

impl OneGroup {
    fn check(&self) -> Result<()> {
        if self.overflow || self.sum.unsigned_abs() > NUMERIC_MAX.unsigned_abs() {
            return Err(FunctionError::numeric_overflow().into());
        }
        Ok(())
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = only(values)?;
        let (mut sum, mut overflow) = (self.sum, self.overflow);
        each_value(values, |_, value| {
            let (next, over) = sum.overflowing_add(value);
            sum = next;
            overflow |= over;
        })?;
        (self.sum, self.overflow) = (sum, overflow);
        self.count += i64::try_from(values.len() - values.null_count()).unwrap_or(0);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = only(values)?;
        let mut sum = self.sum;
        each_value(values, |_, value| sum = sum.wrapping_sub(value))?;
        self.sum = sum;
        self.count -= i64::try_from(values.len() - values.null_count()).unwrap_or(0);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.check()?;
        let value = self.finisher.finish(self.sum, self.count)?;
        Ok(ScalarValue::Decimal128(value, self.finisher.precision, self.finisher.to))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.check()?;
        let sum = |sum| ScalarValue::Decimal128(sum, 38, self.finisher.from);
        Ok(match self.finisher.outcome {
            Outcome::Sum => vec![sum((self.count > 0).then_some(self.sum))],
            Outcome::Average => vec![sum(Some(self.sum)), ScalarValue::Int64(Some(self.count))],
        })
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.finisher.outcome == Outcome::Sum {
            // A sum that is there counts for one value.
            return self.update_batch(values);
        }
        let (sums, counts) = states(values)?;
        for (sum, count) in sums.iter().flatten().zip(counts.iter().flatten()) {
            let (next, over) = self.sum.overflowing_add(sum);
            self.sum = next;
            self.overflow |= over;
            self.count += count;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// The averages of all groups.
#[derive(Debug)]
struct Groups {
    sums: Vec<i128>,
    counts: Vec<i64>,
    overflow: bool,
    finisher: Finisher,
}

impl Groups {
    fn grow(&mut self, total: usize) {
        self.sums.resize(total, 0);
        self.counts.resize(total, 0);
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<(Vec<i128>, Vec<i64>)> {
        if self.overflow {
            return Err(FunctionError::numeric_overflow().into());
        }
        Ok((emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.counts)))
    }
}

/// Whether an aggregate's FILTER, if it has one, takes a row.
pub(crate) fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let (sums, counts, mut overflow) = (&mut self.sums, &mut self.counts, self.overflow);
        each_in_group(only(values)?, group_indices, opt_filter, |group, value| {
            if let (Some(sum), Some(count)) = (sums.get_mut(group), counts.get_mut(group)) {
                let (next, over) = sum.overflowing_add(value);
                *sum = next;
                overflow |= over;
                *count += 1;
            }
        })?;
        self.overflow = overflow;
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = self.take(emit_to)?;
        let values = sums
            .into_iter()
            .zip(counts)
            .map(|(sum, count)| self.finisher.finish(sum, count))
            .collect::<Result<Vec<_>>>()?;
        let array = Decimal128Array::from(values)
            .with_precision_and_scale(self.finisher.precision, self.finisher.to)?;
        Ok(Arc::new(array))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = self.take(emit_to)?;
        self.finisher.state_arrays(sums, counts)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let (sums, counts) = states(values)?;
        for (row, group) in group_indices.iter().enumerate() {
            if sums.is_valid(row)
                && counts.is_valid(row)
                && let (Some(sum), Some(count)) = (self.sums.get_mut(*group), self.counts.get_mut(*group))
            {
                let (next, over) = sum.overflowing_add(sums.value(row));
                *sum = next;
                self.overflow |= over;
                *count += counts.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = only(values)?;
        let (sums, counting) = widened(values, opt_filter)?;
        let counts = match &counting {
            None => vec![1; values.len()],
            Some(counting) => counting.iter().map(i64::from).collect(),
        };
        // What does not count adds nothing.
        let sums = match &counting {
            None => sums,
            Some(counting) => {
                sums.iter().zip(counting).map(|(sum, counts)| if counts { *sum } else { 0 }).collect()
            }
        };
        self.finisher.state_arrays(sums, counts)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_round_and_sums_fit() {
        let average = Finisher { outcome: Outcome::Average, from: 0, precision: 38, to: 4 };
        assert_eq!(average.finish(2, 3).unwrap(), Some(6667));
        assert_eq!(average.finish(-2, 3).unwrap(), Some(-6667));
        assert_eq!(average.finish(0, 0).unwrap(), None);
        let mut groups = Groups { sums: Vec::new(), counts: Vec::new(), overflow: false, finisher: average };
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(2)]));
        groups.update_batch(&[values], &[0, 1, 0], None, 2).unwrap();
        let result = groups.evaluate(EmitTo::All).unwrap();
        assert_eq!(result.as_primitive::<Decimal128Type>().value(0), 15_000);
        assert!(result.is_null(1));
    }
}

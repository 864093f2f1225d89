//! `sum` as `numeric` for many groups side by side. Unlike an average it needs no counts: a group is null until it has
//! met a value, and that is only kept where a null or a filter has made a difference.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Decimal128Array},
    buffer::{NullBuffer, ScalarBuffer},
};
use datafusion::{
    common::Result,
    logical_expr::{EmitTo, GroupsAccumulator},
};

use super::{Finisher, each_in_group, only, widened};
use crate::{error::FunctionError, numbers::fit, text_input::NUMERIC_MAX};

/// The sums of all groups.
#[derive(Debug)]
pub(super) struct Sums {
    sums: Vec<i128>,
    /// Which groups have met a value; all of them as long as there is nothing here.
    seen: Option<Vec<bool>>,
    overflow: bool,
    finisher: Finisher,
}

impl Sums {
    pub(super) fn new(finisher: Finisher) -> Self {
        Self { sums: Vec::new(), seen: None, overflow: false, finisher }
    }

    fn add(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        // A group that is new in this batch has a row in it.
        let complete = filter.is_none() && values.null_count() == 0;
        if !complete && self.seen.is_none() {
            self.seen = Some(vec![true; self.sums.len()]);
        }
        self.sums.resize(total, 0);
        let (sums, mut overflow) = (&mut self.sums, self.overflow);
        let mut add = |group: usize, value: i128| {
            if let Some(sum) = sums.get_mut(group) {
                let (next, over) = sum.overflowing_add(value);
                *sum = next;
                overflow |= over;
            }
        };
        match &mut self.seen {
            None => each_in_group(values, groups, None, add)?,
            Some(seen) => {
                seen.resize(total, false);
                each_in_group(values, groups, filter, |group, value| {
                    if let Some(seen) = seen.get_mut(group) {
                        *seen = true;
                    }
                    add(group, value);
                })?;
            }
        }
        self.overflow = overflow;
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<(Vec<i128>, Option<NullBuffer>)> {
        if self.overflow {
            return Err(FunctionError::numeric_overflow().into());
        }
        let seen = self.seen.as_mut().map(|seen| NullBuffer::from(emit_to.take_needed(seen)));
        Ok((emit_to.take_needed(&mut self.sums), seen.filter(|seen| seen.null_count() > 0)))
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.add(only(values)?, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let Finisher { from, precision, to, .. } = self.finisher;
        let (mut sums, seen) = self.take(emit_to)?;
        if from == to {
            let most = NUMERIC_MAX.unsigned_abs();
            if sums.iter().any(|sum| sum.unsigned_abs() > most) {
                return Err(FunctionError::numeric_overflow().into());
            }
        } else {
            for sum in &mut sums {
                *sum =
                    fit(*sum, i32::from(from), i32::from(to)).ok_or_else(FunctionError::numeric_overflow)?;
            }
        }
        let array = Decimal128Array::try_new(ScalarBuffer::from(sums), seen)?;
        Ok(Arc::new(array.with_precision_and_scale(precision, to)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, seen) = self.take(emit_to)?;
        let array = Decimal128Array::try_new(ScalarBuffer::from(sums), seen)?;
        Ok(vec![Arc::new(array.with_precision_and_scale(38, self.finisher.from)?)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.add(only(values)?, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let (sums, counting) = widened(only(values)?, opt_filter)?;
        let array = Decimal128Array::try_new(sums, counting)?;
        Ok(vec![Arc::new(array.with_precision_and_scale(38, self.finisher.from)?)])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.seen.as_ref().map_or(0, Vec::capacity)
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{AsArray, Int32Array},
        datatypes::Decimal128Type,
    };

    use super::{super::Outcome, *};

    fn sums(scale: i8) -> Sums {
        Sums::new(Finisher { outcome: Outcome::Sum, from: 0, precision: 38, to: scale })
    }

    fn values(values: &[Option<i32>]) -> Vec<ArrayRef> {
        vec![Arc::new(Int32Array::from(values.to_vec()))]
    }

    fn shown(array: &ArrayRef) -> Vec<Option<i128>> {
        array.as_primitive::<Decimal128Type>().iter().collect()
    }

    #[test]
    fn groups_without_a_value_are_null() {
        let mut all = sums(0);
        all.update_batch(&values(&[Some(1), Some(2), Some(3)]), &[0, 1, 0], None, 2).unwrap();
        assert_eq!(shown(&all.evaluate(EmitTo::First(1)).unwrap()), [Some(4)]);
        // Group 1 is now group 0; a null and a filter leave two new ones without a value.
        all.update_batch(&values(&[None, Some(5)]), &[1, 0], None, 2).unwrap();
        let filter = BooleanArray::from(vec![Some(false), Some(true), None]);
        all.update_batch(&values(&[Some(7), Some(8), Some(9)]), &[2, 0, 1], Some(&filter), 3).unwrap();
        let state = all.state(EmitTo::All).unwrap();
        assert_eq!(shown(&state[0]), [Some(15), None, None]);
        let mut merged = sums(2);
        merged.merge_batch(&state, &[0, 1, 1], 2).unwrap();
        assert_eq!(shown(&merged.evaluate(EmitTo::All).unwrap()), [Some(1500), None]);
    }

    #[test]
    fn rows_become_states() {
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(false)]);
        let state = sums(0).convert_to_state(&values(&[Some(1), None, Some(3)]), Some(&filter)).unwrap();
        assert_eq!(shown(&state[0]), [Some(1), None, None]);
        let mut merged = sums(0);
        merged.merge_batch(&state, &[0, 0, 1], 2).unwrap();
        assert_eq!(shown(&merged.evaluate(EmitTo::All).unwrap()), [Some(1), None]);
    }

    #[test]
    fn a_sum_beyond_38_digits_is_an_error() {
        let most: ArrayRef =
            Arc::new(Decimal128Array::from(vec![NUMERIC_MAX, 1]).with_precision_and_scale(38, 0).unwrap());
        let mut beyond = sums(0);
        beyond.update_batch(&[most], &[0, 0], None, 1).unwrap();
        assert!(beyond.evaluate(EmitTo::All).is_err());
    }
}

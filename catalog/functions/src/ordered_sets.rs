//! Ordered-set aggregates: `percentile_cont`, `percentile_disc`, `mode`. They keep all values and sort at the end; the
//! direction is that of `WITHIN GROUP (ORDER BY …)`.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::{SortOptions, concat, sort},
    datatypes::{DataType, Field, FieldRef, Float64Type},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use crate::error::{FunctionError, FunctionErrorKind};

/// Which value is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pick {
    /// Between the values at a fraction: `percentile_cont(fraction)`.
    Continuous,
    /// The value at a fraction: `percentile_disc(fraction)`.
    Discrete,
    /// The first of the most frequent: `mode()`.
    MostFrequent,
}

/// The arguments are the fraction (not for `mode`) and the value.
#[derive(Debug)]
struct OrderedSet {
    pick: Pick,
    result: DataType,
    signature: Signature,
}

impl PartialEq for OrderedSet {
    fn eq(&self, other: &Self) -> bool {
        self.pick == other.pick && self.result == other.result
    }
}

impl Eq for OrderedSet {}

impl Hash for OrderedSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pick.hash(state);
        self.result.hash(state);
    }
}

/// An ordered-set aggregate over values of the result's type.
pub fn ordered_set(pick: Pick, result: DataType) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(OrderedSet { pick, result, signature }))
}

impl AggregateUDFImpl for OrderedSet {
    fn name(&self) -> &str {
        match self.pick {
            Pick::Continuous => "percentile_cont_exact",
            Pick::Discrete => "percentile_disc",
            Pick::MostFrequent => "mode",
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
        let values = Field::new_list_field(self.result.clone(), true);
        Ok(vec![
            Arc::new(Field::new_list(format!("{}[values]", arguments.name), values, true)),
            Arc::new(Field::new(format!("{}[fraction]", arguments.name), DataType::Float64, true)),
        ])
    }

    /// The values are sorted here, whatever order they come in.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let descending = arguments.order_bys.first().is_some_and(|sort| sort.options.descending);
        Ok(Box::new(Values {
            pick: self.pick,
            result: self.result.clone(),
            descending,
            fraction: None,
            values: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct Values {
    pick: Pick,
    result: DataType,
    descending: bool,
    fraction: Option<f64>,
    values: Vec<ArrayRef>,
}

impl Values {
    fn all(&self) -> Result<ArrayRef> {
        if self.values.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.result));
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

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(last) = values.last() else {
            return Err(FunctionError::internal("an ordered-set aggregate without an argument").into());
        };
        if self.pick != Pick::MostFrequent
            && self.fraction.is_none()
            && let Some(fractions) = values.first().and_then(|first| first.as_primitive_opt::<Float64Type>())
        {
            self.fraction = fractions.iter().next().flatten();
            if let Some(fraction) = self.fraction.filter(|fraction| !(0.0..=1.0).contains(fraction)) {
                return Err(FunctionError::new(
                    FunctionErrorKind::NumericValueOutOfRange,
                    format!("percentile value {fraction} is not between 0 and 1"),
                )
                .into());
            }
        }
        self.keep(last)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let values = self.all()?;
        let null = || ScalarValue::try_from(&self.result);
        if values.is_empty() {
            return null();
        }
        let options = SortOptions { descending: self.descending, nulls_first: false };
        let sorted = sort(&values, Some(options))?;
        let at = |index: usize| ScalarValue::try_from_array(&sorted, index);
        match (self.pick, self.fraction) {
            (Pick::MostFrequent, _) => {
                let compare = arrow::array::make_comparator(&sorted, &sorted, SortOptions::default())?;
                let (mut best, mut best_length, mut start) = (0, 0, 0);
                for row in 0..sorted.len() {
                    if compare(start, row).is_ne() {
                        start = row;
                    }
                    if row - start + 1 > best_length {
                        (best, best_length) = (start, row - start + 1);
                    }
                }
                at(best)
            }
            (_, None) => null(),
            (Pick::Discrete, Some(fraction)) => at(discrete_place(fraction, sorted.len())),
            (Pick::Continuous, Some(fraction)) => {
                let (low, high, part) = place(fraction, sorted.len());
                let floats = sorted.as_primitive::<Float64Type>();
                let (low, high) = (floats.value(low), floats.value(high));
                Ok(ScalarValue::Float64(Some(if part == 0.0 { low } else { low + (high - low) * part })))
            }
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.all()?;
        let list = datafusion::common::utils::SingleRowListArrayBuilder::new(values).build_list_array();
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
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn picks() {
        let run = |pick: Pick, fraction: f64, descending: bool| {
            let mut values =
                Values { pick, result: DataType::Float64, descending, fraction: None, values: Vec::new() };
            let fractions: ArrayRef = Arc::new(Float64Array::from(vec![fraction; 5]));
            let column: ArrayRef =
                Arc::new(Float64Array::from(vec![Some(10.0), Some(1.0), None, Some(2.0), Some(2.0)]));
            values.update_batch(&[fractions, column]).unwrap();
            values.evaluate().unwrap()
        };
        assert_eq!(run(Pick::Continuous, 0.25, false), ScalarValue::Float64(Some(1.75)));
        assert_eq!(run(Pick::Discrete, 0.5, false), ScalarValue::Float64(Some(2.0)));
        assert_eq!(run(Pick::Discrete, 0.0, true), ScalarValue::Float64(Some(10.0)));
        assert_eq!(run(Pick::MostFrequent, 0.0, false), ScalarValue::Float64(Some(2.0)));
    }
}

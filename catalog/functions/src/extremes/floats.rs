//! `min` and `max` of floats: the engine's, but group by group. There the engine begins with the largest or the least
//! finite value, so that a group of infinities has none, and takes a NaN for less than what comes after it. Here groups are
//! the engine's over integers that have the order of the floats, NaN last.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray},
    datatypes::{
        ArrowPrimitiveType, DataType, Field, FieldRef, Float32Type, Float64Type, Int32Type, Int64Type,
    },
};
use datafusion::{
    common::{Result, ScalarValue},
    functions_aggregate::min_max::{max_udaf, min_udaf},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
        SetMonotonicity, Signature, StatisticsArgs, function::AccumulatorArgs,
        utils::AggregateOrderSensitivity,
    },
};

use crate::error::FunctionError;

/// The largest of floats, or the smallest.
pub fn float_extreme(largest: bool) -> Arc<AggregateUDF> {
    let engine = if largest { max_udaf() } else { min_udaf() };
    Arc::new(AggregateUDF::from(FloatExtreme { engine }))
}

#[derive(Debug, PartialEq, Eq)]
struct FloatExtreme {
    engine: Arc<AggregateUDF>,
}

impl Hash for FloatExtreme {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.engine.name().hash(state);
    }
}

impl AggregateUDFImpl for FloatExtreme {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engine.return_type(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.engine.coerce_types(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.engine.accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.engine.create_sliding_accumulator(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        matches!(arguments.return_type(), DataType::Float32 | DataType::Float64)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let form = match arguments.return_type() {
            DataType::Float32 => Form::Four,
            _ => Form::Eight,
        };
        let return_field: FieldRef = Arc::new(Field::new(arguments.name, form.integer(), true));
        let integers = AccumulatorArgs { return_field, ..arguments };
        Ok(Box::new(Groups { form, integers: self.engine.create_groups_accumulator(integers)? }))
    }

    fn is_descending(&self) -> Option<bool> {
        self.engine.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engine.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.engine.value_from_stats(statistics)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engine.inner().set_monotonicity(data_type)
    }
}

/// The floats' width.
#[derive(Debug, Clone, Copy)]
enum Form {
    Four,
    Eight,
}

impl Form {
    fn integer(self) -> DataType {
        match self {
            Form::Four => DataType::Int32,
            Form::Eight => DataType::Int64,
        }
    }

    /// Integers in the floats' order. All that are not a number are one.
    fn to_integers(self, floats: &ArrayRef) -> ArrayRef {
        match self {
            Form::Four => mapped::<Float32Type, Int32Type>(floats, |float| {
                turned_four(if float.is_nan() { f32::NAN } else { float }.to_bits().cast_signed())
            }),
            Form::Eight => mapped::<Float64Type, Int64Type>(floats, |float| {
                turned_eight(if float.is_nan() { f64::NAN } else { float }.to_bits().cast_signed())
            }),
        }
    }

    fn to_floats(self, integers: &ArrayRef) -> ArrayRef {
        match self {
            Form::Four => mapped::<Int32Type, Float32Type>(integers, |integer| {
                f32::from_bits(turned_four(integer).cast_unsigned())
            }),
            Form::Eight => mapped::<Int64Type, Float64Type>(integers, |integer| {
                f64::from_bits(turned_eight(integer).cast_unsigned())
            }),
        }
    }
}

fn mapped<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    values: &ArrayRef,
    map: impl Fn(F::Native) -> T::Native,
) -> ArrayRef {
    Arc::new(values.as_primitive::<F>().unary::<_, T>(map))
}

/// The bits of a negative float are the larger the smaller it is: all but the sign are turned, and turned back.
fn turned_four(bits: i32) -> i32 {
    if bits < 0 { bits ^ i32::MAX } else { bits }
}

fn turned_eight(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

struct Groups {
    form: Form,
    integers: Box<dyn GroupsAccumulator>,
}

impl Groups {
    fn to_integers(&self, values: &[ArrayRef]) -> Result<[ArrayRef; 1]> {
        let [floats] = values else {
            return Err(FunctionError::internal("an extreme has one argument").into());
        };
        Ok([self.form.to_integers(floats)])
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = self.to_integers(values)?;
        self.integers.update_batch(&values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.form.to_floats(&self.integers.evaluate(emit_to)?))
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
        let values = self.to_integers(values)?;
        self.integers.merge_batch(&values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let states = self.integers.convert_to_state(&self.to_integers(values)?, opt_filter)?;
        Ok(states.iter().map(|state| self.form.to_floats(state)).collect())
    }

    fn size(&self) -> usize {
        self.integers.size()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, AsArray, Float64Array},
        datatypes::{Float64Type, Int64Type},
    };

    use super::Form;

    #[test]
    fn integers_have_the_order_of_the_floats() {
        let floats =
            [f64::NEG_INFINITY, f64::MIN, -1.5, -1.0, 0.0, 1e-300, 2.0, f64::MAX, f64::INFINITY, f64::NAN];
        let array: ArrayRef = Arc::new(Float64Array::from(floats.to_vec()));
        let integers = Form::Eight.to_integers(&array);
        assert!(integers.as_primitive::<Int64Type>().values().is_sorted());
        let back = Form::Eight.to_floats(&integers);
        let bits = |array: &ArrayRef| -> Vec<u64> {
            array.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&back), bits(&array));
        let negative: ArrayRef = Arc::new(Float64Array::from(vec![-f64::NAN]));
        assert_eq!(
            Form::Eight.to_integers(&negative).as_primitive::<Int64Type>().value(0),
            integers.as_primitive::<Int64Type>().value(9)
        );
    }
}

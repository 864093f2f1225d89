//! The aggregate behind a scalar subquery: its one value, null for no row, and 21000 for a second row.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use lis_functions::error::{FunctionError, FunctionErrorKind};

/// The aggregate.
pub(crate) fn single_value() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(SingleValue { signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SingleValue {
    signature: Signature,
}

impl AggregateUDFImpl for SingleValue {
    fn name(&self) -> &str {
        "single_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let value = ScalarValue::try_from(args.return_field.data_type())?;
        Ok(Box::new(SingleValueAccumulator { value, found: false }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new("value", args.return_field.data_type().clone(), true)),
            Arc::new(Field::new("found", DataType::Boolean, false)),
        ])
    }
}

#[derive(Debug)]
struct SingleValueAccumulator {
    value: ScalarValue,
    found: bool,
}

impl SingleValueAccumulator {
    fn take(&mut self, values: &ArrayRef, index: usize) -> Result<()> {
        if self.found {
            return Err(DataFusionError::External(Box::new(FunctionError {
                kind: FunctionErrorKind::CardinalityViolation,
                message: "more than one row returned by a subquery used as an expression".to_owned(),
                detail: None,
            })));
        }
        self.value = ScalarValue::try_from_array(values, index)?;
        self.value.compact();
        self.found = true;
        Ok(())
    }
}

impl Accumulator for SingleValueAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for values in values {
            // Two are enough to know.
            for index in 0..values.len().min(2) {
                self.take(values, index)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) - size_of_val(&self.value) + self.value.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::Boolean(Some(self.found))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, found] = states else {
            return Err(DataFusionError::Internal("single_value has two state columns".to_owned()));
        };
        let found: &BooleanArray = found.as_boolean();
        for index in 0..found.len() {
            if found.is_valid(index) && found.value(index) {
                self.take(values, index)?;
            }
        }
        Ok(())
    }
}

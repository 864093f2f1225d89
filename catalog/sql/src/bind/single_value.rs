//! What stands behind a scalar subquery that may have several rows: the aggregate that is its one value, null for no row,
//! and 21000 for a second row; and the same as a function of the first value and the number of rows, for values that are
//! computed for groups of which some may be asked for by nobody.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    datatypes::{DataType, Field, FieldRef, Int64Type},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF,
        ScalarUDFImpl, Signature, Volatility,
        expr::ScalarFunction,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use lis_functions::error::{FunctionError, FunctionErrorKind};

/// The aggregate's name.
pub(crate) const NAME: &str = "single_value";

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
        NAME
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

fn several_rows() -> DataFusionError {
    let message = "more than one row returned by a subquery used as an expression";
    DataFusionError::from(FunctionError::new(FunctionErrorKind::CardinalityViolation, message))
}

/// `value`, unless there are more rows than one.
pub(crate) fn one_row_only(value: Expr, rows: Expr) -> Expr {
    let function = ScalarUDF::from(OneRowOnly { signature: Signature::any(2, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value, rows]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneRowOnly {
    signature: Signature,
}

impl ScalarUDFImpl for OneRowOnly {
    fn name(&self) -> &str {
        "one_row_only"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, rows] = args.args.as_slice() else {
            return Err(DataFusionError::Internal("one_row_only has two arguments".to_owned()));
        };
        let several = match rows {
            ColumnarValue::Scalar(ScalarValue::Int64(rows)) => rows.is_some_and(|rows| rows > 1),
            ColumnarValue::Scalar(_) => false,
            ColumnarValue::Array(rows) => {
                rows.as_primitive::<Int64Type>().iter().flatten().any(|rows| rows > 1)
            }
        };
        if several { Err(several_rows()) } else { Ok(value.clone()) }
    }
}

/// The value itself, of which the engine is to know nothing more than that it may be null: of a scalar subquery, that has
/// no row perhaps, whatever its column says; of a running minimum or maximum, whose first rows may be null.
pub(crate) fn nullable(value: Expr) -> Expr {
    let function = ScalarUDF::from(Nullable { signature: Signature::any(1, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Nullable {
    signature: Signature,
}

impl ScalarUDFImpl for Nullable {
    fn name(&self) -> &str {
        "nullable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value @ ColumnarValue::Array(_)) => Ok(value),
            // As a constant it would not be null.
            Some(value) => lis_functions::scalar::stays_a_call().map(|()| value),
            None => Err(DataFusionError::Internal("nullable has one argument".to_owned())),
        }
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
            return Err(several_rows());
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

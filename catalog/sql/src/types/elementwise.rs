//! Casts of arrays, element by element: whatever casts the element, applied to all the elements of a batch at once.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use lis_functions::{
    arrays::{map_elements, shape},
    error::FunctionError,
};

/// One step: a function of the element and constants, or a cast that cannot fail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Call(Arc<ScalarUDF>, Vec<ScalarValue>, DataType),
    Cast(DataType),
}

/// The function. Its argument and result are arrays of one form.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Elementwise {
    steps: Vec<Step>,
    result: DataType,
    signature: Signature,
}

/// The name of the column that stands for an element while its cast is built.
pub(super) const ELEMENT: &str = "element";

/// Makes the function of arrays of a type out of the expression that casts one element; `None` if the expression is not a chain of casts.
pub(super) fn elementwise(
    expr: &Expr,
    array: &DataType,
    result_element: &DataType,
) -> Option<Arc<ScalarUDF>> {
    let mut steps = Vec::new();
    let mut at = expr;
    let mut gives = result_element.clone();
    loop {
        match at {
            Expr::Column(column) if column.name == ELEMENT => break,
            Expr::Cast(cast) => {
                steps.push(Step::Cast(cast.field.data_type().clone()));
                at = &cast.expr;
                gives = DataType::Null;
            }
            Expr::ScalarFunction(call) => {
                let (first, others) = call.args.split_first()?;
                let constants = others
                    .iter()
                    .map(|other| match other {
                        Expr::Literal(value, _) => Some(value.clone()),
                        _ => None,
                    })
                    .collect::<Option<Vec<_>>>()?;
                let own = match call.func.return_type(&[]) {
                    Ok(data_type) => data_type,
                    Err(_) => gives.clone(),
                };
                steps.push(Step::Call(Arc::clone(&call.func), constants, own));
                at = first;
            }
            _ => return None,
        }
    }
    steps.reverse();
    let result = shape::with_element(array, result_element.clone());
    let signature = Signature::user_defined(Volatility::Immutable);
    Some(Arc::new(ScalarUDF::from(Elementwise { steps, result, signature })))
}

impl ScalarUDFImpl for Elementwise {
    fn name(&self) -> &str {
        "array_cast"
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

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let Some(argument) = args.args.into_iter().next() else {
            return Err(DataFusionError::Internal("array_cast without an argument".to_owned()));
        };
        let array = argument.into_array(rows)?;
        let cast = map_elements(&array, |elements| {
            let mut values = Arc::clone(elements);
            for step in &self.steps {
                values = take_step(step, values, &args.config_options).map_err(FunctionError::from)?;
            }
            Ok(values)
        })?;
        if all_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(cast)))
    }
}

fn take_step(
    step: &Step,
    values: ArrayRef,
    config_options: &Arc<datafusion::common::config::ConfigOptions>,
) -> Result<ArrayRef> {
    match step {
        Step::Cast(wanted) => Ok(arrow::compute::cast(&values, wanted)?),
        Step::Call(function, constants, gives) => {
            let rows = values.len();
            let field = |data_type: DataType| -> FieldRef { Arc::new(Field::new(ELEMENT, data_type, true)) };
            let arg_fields = std::iter::once(field(values.data_type().clone()))
                .chain(constants.iter().map(|constant| field(constant.data_type())))
                .collect();
            let args = std::iter::once(ColumnarValue::Array(values))
                .chain(constants.iter().cloned().map(ColumnarValue::Scalar))
                .collect();
            let done = function.invoke_with_args(ScalarFunctionArgs {
                args,
                arg_fields,
                number_rows: rows,
                return_field: field(gives.clone()),
                config_options: Arc::clone(config_options),
            })?;
            done.into_array(rows)
        }
    }
}

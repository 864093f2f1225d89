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

/// What is computed of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    /// The element itself.
    Element,
    Constant(ScalarValue),
    /// A function, and the type that it gives.
    Call(Arc<ScalarUDF>, Vec<Node>, DataType),
    /// A cast that cannot fail.
    Cast(Box<Node>, DataType),
}

/// The function. Its argument and result are arrays of one form.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Elementwise {
    node: Node,
    result: DataType,
    signature: Signature,
}

/// The name of the column that stands for an element while its cast is built.
pub(super) const ELEMENT: &str = "element";

/// Makes the function of arrays of a type out of the expression that casts one element; `None` if the expression is
/// made of anything but functions, casts and constants.
pub(super) fn elementwise(
    expr: &Expr,
    array: &DataType,
    result_element: &DataType,
) -> Option<Arc<ScalarUDF>> {
    let node = node_of(expr, result_element)?;
    let result = shape::with_element(array, result_element.clone());
    let signature = Signature::user_defined(Volatility::Immutable);
    Some(Arc::new(ScalarUDF::from(Elementwise { node, result, signature })))
}

/// `gives` is what the expression gives, where it does not say so itself.
fn node_of(expr: &Expr, gives: &DataType) -> Option<Node> {
    Some(match expr {
        Expr::Column(column) if column.name == ELEMENT => Node::Element,
        Expr::Literal(value, _) => Node::Constant(value.clone()),
        Expr::Cast(cast) => {
            Node::Cast(Box::new(node_of(&cast.expr, &DataType::Null)?), cast.field.data_type().clone())
        }
        Expr::ScalarFunction(call) => {
            let arguments = call.args.iter().map(|argument| node_of(argument, &DataType::Null));
            let own = call.func.return_type(&[]).unwrap_or_else(|_| gives.clone());
            Node::Call(Arc::clone(&call.func), arguments.collect::<Option<Vec<_>>>()?, own)
        }
        _ => return None,
    })
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
            let values = evaluate(&self.node, elements, &args.config_options).map_err(FunctionError::from)?;
            values.into_array(elements.len()).map_err(FunctionError::from)
        })?;
        if all_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(cast)))
    }
}

fn evaluate(
    node: &Node,
    elements: &ArrayRef,
    config_options: &Arc<datafusion::common::config::ConfigOptions>,
) -> Result<ColumnarValue> {
    match node {
        Node::Element => Ok(ColumnarValue::Array(Arc::clone(elements))),
        Node::Constant(value) => Ok(ColumnarValue::Scalar(value.clone())),
        Node::Cast(inner, wanted) => evaluate(inner, elements, config_options)?.cast_to(wanted, None),
        Node::Call(function, arguments, gives) => {
            let field = |data_type: DataType| -> FieldRef { Arc::new(Field::new(ELEMENT, data_type, true)) };
            let args = arguments
                .iter()
                .map(|argument| evaluate(argument, elements, config_options))
                .collect::<Result<Vec<_>>>()?;
            function.invoke_with_args(ScalarFunctionArgs {
                arg_fields: args.iter().map(|value| field(value.data_type())).collect(),
                args,
                number_rows: elements.len(),
                return_field: field(gives.clone()),
                config_options: Arc::clone(config_options),
            })
        }
    }
}

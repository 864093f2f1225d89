//! From typed arguments to a typed call. A call of constants is computed at once where that works; where it fails it
//! stays a call, so that the error comes only if the value is really needed (`CASE WHEN x <> 0 THEN 1 / x …`).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::config::ConfigOptions,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, Volatility, expr::ScalarFunction, lit,
    },
};
use lis_functions::scalar::{Kernel, Scalar, with_short_constants};
use lis_lake::types::ColumnType;

use crate::{
    error::SqlError,
    types::{Typed, collation},
};

/// A strict function of ours.
pub(crate) fn apply(
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    column_type: ColumnType,
    arrow_type: DataType,
) -> Result<Typed, SqlError> {
    call_as(&Scalar::strict(name, arrow_type.clone(), kernel), arguments, column_type, arrow_type)
}

/// A function of ours that sees its nulls.
pub(crate) fn apply_on_null(
    name: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    column_type: ColumnType,
    arrow_type: DataType,
) -> Result<Typed, SqlError> {
    call_as(&Scalar::called_on_null(name, arrow_type.clone(), kernel), arguments, column_type, arrow_type)
}

/// Any function that gives its type's canonical Arrow type.
pub(crate) fn call(
    function: &Arc<ScalarUDF>,
    arguments: Vec<Typed>,
    column_type: ColumnType,
) -> Result<Typed, SqlError> {
    call_as(function, arguments, column_type, column_type.to_arrow())
}

/// Any function.
pub(crate) fn call_as(
    function: &Arc<ScalarUDF>,
    arguments: Vec<Typed>,
    column_type: ColumnType,
    arrow_type: DataType,
) -> Result<Typed, SqlError> {
    let position = arguments.iter().find_map(|argument| argument.position);
    let collation = collation::derived(&arguments)?;
    if let Some(expr) = fold(function, &arguments, &arrow_type) {
        return Ok(Typed::new(expr, column_type, arrow_type).collated(collation).at(position));
    }
    let arguments = arguments.into_iter().map(|argument| argument.expr).collect();
    let expr = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), arguments));
    Ok(Typed::new(expr, column_type, arrow_type).collated(collation).at(position))
}

fn fold(function: &Arc<ScalarUDF>, arguments: &[Typed], arrow_type: &DataType) -> Option<Expr> {
    if arguments.is_empty() || function.signature().volatility != Volatility::Immutable {
        return None;
    }
    let mut values = Vec::with_capacity(arguments.len());
    let mut fields = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let value = argument.value()?;
        fields.push(Arc::new(Field::new("argument", value.data_type(), true)));
        values.push(ColumnarValue::Scalar(value.clone()));
    }
    let call = ScalarFunctionArgs {
        args: values,
        arg_fields: fields,
        number_rows: 1,
        return_field: Arc::new(Field::new("result", arrow_type.clone(), true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    let result = with_short_constants(|| function.invoke_with_args(call)).ok()?;
    match result {
        ColumnarValue::Scalar(value) if value.data_type() == *arrow_type => Some(lit(value)),
        _ => None,
    }
}

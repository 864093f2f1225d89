//! Numbers of rows that LIMIT and OFFSET compute: the number itself, unless it is negative.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, Int64Type},
};
use datafusion::logical_expr::{Expr, expr::ScalarFunction};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    scalar::{Arguments, Kernel, Scalar},
};

/// The bigint that an expression gives, checked as OFFSET's or as LIMIT's.
pub fn checked(offset: bool, rows: Expr) -> Expr {
    let limit_kernel: Kernel = |arguments| {
        let kind = FunctionErrorKind::InvalidRowCountInLimitClause;
        not_negative(arguments, kind, "LIMIT must not be negative")
    };
    let offset_kernel: Kernel = |arguments| {
        let kind = FunctionErrorKind::InvalidRowCountInResultOffsetClause;
        not_negative(arguments, kind, "OFFSET must not be negative")
    };
    let (name, kernel) = if offset { ("offset_rows", offset_kernel) } else { ("limit_rows", limit_kernel) };
    let function = Scalar::strict(name, DataType::Int64, kernel);
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![rows]))
}

fn not_negative(
    arguments: &Arguments<'_>,
    kind: FunctionErrorKind,
    message: &str,
) -> Result<Arc<dyn Array>, FunctionError> {
    let rows = arguments.full_array(0)?;
    if rows.as_primitive::<Int64Type>().iter().flatten().any(|rows| rows < 0) {
        return Err(FunctionError::new(kind, message));
    }
    Ok(rows)
}

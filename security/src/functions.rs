//! `lis.my_administrations()` and `lis.my_administrations(area)`: constants of the statement, made from the context that
//! it is bound with.

use std::sync::Arc;

use arrow::{
    array::{ListBuilder, StringViewBuilder},
    datatypes::{DataType, Field},
};
use datafusion::{
    common::{Result, ScalarValue},
    error::DataFusionError,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use lis_functions::error::FunctionError;
use lis_lake::types::PgType;
use lis_pg_catalog::registry::{FunctionSet, ViewContext};
use lis_sql::catalog::CatalogFunction;

use crate::administrations::ORDINARY;

/// Security's functions.
#[derive(Debug)]
pub(crate) struct SecurityFunctions;

impl FunctionSet for SecurityFunctions {
    fn functions(&self, schema: &str, name: &str, context: &ViewContext) -> Vec<CatalogFunction> {
        if (schema, name) != ("lis", "my_administrations") {
            return Vec::new();
        }
        let codes = &context.bind.administrations;
        let by_area: Vec<(String, Vec<String>)> =
            codes.iter().map(|(area, codes)| (area.clone(), codes.clone())).collect();
        [vec![], vec![PgType::Text]]
            .into_iter()
            .map(|arguments| CatalogFunction {
                implementation: Arc::new(ScalarUDF::from(MyAdministrations {
                    signature: signature(arguments.len()),
                    by_area: by_area.clone(),
                })),
                arguments,
                result: PgType::Array(&PgType::Text),
                leakproof: false,
            })
            .collect()
    }
}

fn signature(arguments: usize) -> Signature {
    if arguments == 0 {
        Signature::nullary(Volatility::Immutable)
    } else {
        Signature::string(arguments, Volatility::Immutable)
    }
}

/// Immutable, since the codes are part of the value: another user's function is another function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MyAdministrations {
    signature: Signature,
    by_area: Vec<(String, Vec<String>)>,
}

impl ScalarUDFImpl for MyAdministrations {
    fn name(&self) -> &'static str {
        "my_administrations"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let area = match arguments.args.first() {
            None => Some(ORDINARY.to_owned()),
            Some(ColumnarValue::Scalar(area)) => match area.try_as_str() {
                Some(area) => area.map(str::to_owned),
                None => return Err(invalid("lis.my_administrations takes the name of an area")),
            },
            Some(ColumnarValue::Array(_)) => {
                return Err(invalid("lis.my_administrations takes a constant"));
            }
        };
        let mut list = ListBuilder::new(StringViewBuilder::new());
        // Null in, null out: a policy on it shows nothing.
        let Some(area) = area else {
            list.append(false);
            return Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(list.finish()))));
        };
        let Some((_, codes)) = self.by_area.iter().find(|(other, _)| *other == area) else {
            // Never the ordinary areas in its place.
            return Err(invalid(format!("area \"{area}\" does not exist")));
        };
        for code in codes {
            list.values().append_value(code);
        }
        list.append(true);
        Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(list.finish()))))
    }
}

fn invalid(message: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(FunctionError::invalid_parameter(message)))
}

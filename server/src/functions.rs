//! The server's own functions: `pg_cancel_backend` and `pg_terminate_backend`. As in PostgreSQL one may stop one's own
//! sessions; others' only as a superuser or a member of `lis_operator`.

use std::sync::Arc;

use arrow::{
    array::{AsArray, BooleanArray},
    datatypes::{DataType, Int32Type},
};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use lis_lake::{names::Identifier, types::PgType};
use lis_pg_catalog::registry::{FunctionSet, ViewContext};
use lis_sql::catalog::CatalogFunction;

use crate::{
    error::{CancelReason, Condition, ServerError},
    relations::OPERATOR,
    session::{activity::ActivityTable, cancel::CancelTable},
};

/// The functions about sessions.
#[derive(Debug)]
pub(crate) struct SessionFunctions {
    /// Whose session is whose.
    pub(crate) activity: Arc<ActivityTable>,
    /// How to stop them.
    pub(crate) cancel: Arc<CancelTable>,
}

impl FunctionSet for SessionFunctions {
    fn functions(&self, schema: &str, name: &str, context: &ViewContext) -> Vec<CatalogFunction> {
        let terminate = match (schema, name) {
            ("pg_catalog", "pg_cancel_backend") => false,
            ("pg_catalog", "pg_terminate_backend") => true,
            _ => return Vec::new(),
        };
        let operator = Identifier::exact(OPERATOR);
        let everybody =
            context.viewer.is_superuser() || context.viewer.has_role(None, &operator, "USAGE") == Some(true);
        let stop = Stop {
            activity: Arc::clone(&self.activity),
            cancel: Arc::clone(&self.cancel),
            user: context.bind.session_user.clone(),
            everybody,
            terminate,
            signature: Signature::exact(vec![DataType::Int32], Volatility::Volatile),
        };
        vec![CatalogFunction {
            arguments: vec![PgType::Int4],
            result: PgType::Bool,
            implementation: Arc::new(ScalarUDF::new_from_impl(stop)),
            leakproof: false,
        }]
    }
}

/// Stops a session's statement, or the session.
#[derive(Debug)]
struct Stop {
    activity: Arc<ActivityTable>,
    cancel: Arc<CancelTable>,
    user: Identifier,
    everybody: bool,
    terminate: bool,
    signature: Signature,
}

impl PartialEq for Stop {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && self.everybody == other.everybody && self.terminate == other.terminate
    }
}

impl Eq for Stop {}

impl std::hash::Hash for Stop {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.user, self.everybody, self.terminate).hash(state);
    }
}

impl Stop {
    fn stop(&self, pid: i32) -> std::result::Result<bool, ServerError> {
        let Some(activity) = self.activity.of(pid) else { return Ok(false) };
        if !self.everybody && activity.user != self.user {
            let what = if self.terminate { "terminate process" } else { "cancel query" };
            return Err(ServerError::new(
                Condition::InsufficientPrivilege,
                format!("permission denied to {what}"),
            )
            .with_detail("Only members of lis_operator may stop other users' sessions."));
        }
        let Some(handle) = self.cancel.handle(pid) else { return Ok(false) };
        if self.terminate {
            handle.end_session(CancelReason::Shutdown);
        } else {
            handle.cancel_statement(CancelReason::User);
        }
        Ok(true)
    }
}

impl ScalarUDFImpl for Stop {
    fn name(&self) -> &str {
        if self.terminate { "pg_terminate_backend" } else { "pg_cancel_backend" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let Some(argument) = arguments.args.into_iter().next() else {
            return Err(DataFusionError::Internal("no argument".to_owned()));
        };
        let array = argument.into_array(rows)?;
        let stopped = array
            .as_primitive::<Int32Type>()
            .iter()
            .map(|pid| pid.map(|pid| self.stop(pid)).transpose())
            .collect::<std::result::Result<BooleanArray, _>>()
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(ColumnarValue::Array(Arc::new(stopped)))
    }
}

//! `pg_cancel_backend` and `pg_terminate_backend`. As in PostgreSQL one may stop one's own sessions; others' only as a
//! superuser or a member of `lis_operator`.

use std::sync::Arc;

use arrow::{
    array::{AsArray, BooleanArray},
    datatypes::{DataType, Int32Type},
};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use lis_lake::names::Identifier;
use lis_pg_catalog::registry::ViewContext;

use super::SessionFunctions;
use crate::{
    error::{CancelReason, Condition, ServerError},
    relations::OPERATOR,
    session::{activity::ActivityTable, cancel::CancelTable},
};

/// Stops a session's statement, or the session.
#[derive(Debug)]
pub(super) struct Stop {
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
    /// The function for the session's statement.
    pub(super) fn new(sessions: &SessionFunctions, context: &ViewContext, terminate: bool) -> Self {
        let operator = Identifier::exact(OPERATOR);
        let everybody =
            context.viewer.is_superuser() || context.viewer.has_role(None, &operator, "USAGE") == Some(true);
        Self {
            activity: Arc::clone(&sessions.activity),
            cancel: Arc::clone(&sessions.cancel),
            user: context.bind.session_user.clone(),
            everybody,
            terminate,
            signature: Signature::exact(vec![DataType::Int32], Volatility::Volatile),
        }
    }

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

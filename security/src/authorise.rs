//! The one door. A bound plan goes in, is judged by what it touches and rewritten so that every scan of a table with
//! row security becomes a scan of a secured table; an [`Authorised`] plan comes out, and only that can be executed. A
//! path round the check does not compile.
//!
//! Judged is the plan and never the text: aliases, CTEs, views and search paths have all been resolved by then.

use std::sync::Arc;

use datafusion::{
    common::Result as EngineResult,
    execution::{SendableRecordBatchStream, SessionState, TaskContext},
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, execute_stream},
};
use lis_lake::ids::Oid;
use lis_sql::{
    catalog::Catalog,
    context::BindContext,
    output::{BoundQuery, OutputColumn},
};

use crate::{error::SecurityError, principal::Principal, rights::Rights};

/// Something that has passed the door. Its field is private: only [`authorise`] makes one.
#[derive(Debug, Clone)]
pub struct Authorised<T>(T);

/// A query that may run.
#[derive(Debug, Clone)]
pub struct AuthorisedQuery {
    /// The plan, with secured tables in the place of tables with row security.
    pub plan: Authorised<LogicalPlan>,
    /// The output columns.
    pub outputs: Vec<OutputColumn>,
    /// What was touched, for the audit.
    pub access: Access,
    /// EXPLAIN's text: see [`AuthorisedQuery::explain`].
    bound: LogicalPlan,
}

/// What a statement touches, for the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Tables and views.
    pub relations: Vec<Oid>,
    /// Policies that were applied.
    pub policies: Vec<Oid>,
}

/// Judges a bound query and rewrites it. The rights must be the statement's own: see [`crate::Security::rights`].
pub fn authorise(
    _rights: &Arc<Rights>,
    _principal: &Principal,
    _query: BoundQuery,
    _catalog: &dyn Catalog,
    _context: &BindContext,
) -> Result<AuthorisedQuery, SecurityError> {
    Err(SecurityError::internal("not yet"))
}

impl AuthorisedQuery {
    /// EXPLAIN: the bound plan as it was before policies were put in. No files, estimates or metrics, and none of the
    /// policies' constants.
    pub fn explain(&self) -> String {
        self.bound.display_indent().to_string()
    }
}

impl Authorised<LogicalPlan> {
    /// Optimises and plans. `state` must come from [`crate::session_state`].
    pub async fn plan(self, state: &SessionState) -> EngineResult<Authorised<Arc<dyn ExecutionPlan>>> {
        state.create_physical_plan(&self.0).await.map(Authorised)
    }
}

impl Authorised<Arc<dyn ExecutionPlan>> {
    /// Runs the plan.
    pub fn execute(&self, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        execute_stream(Arc::clone(&self.0), context)
    }
}

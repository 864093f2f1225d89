//! The one door. A bound plan goes in, is judged by what it touches and rewritten so that every scan of a table with
//! row security becomes a scan of a secured table; an [`Authorised`] plan comes out, and only that can be executed. A
//! path round the check does not compile.
//!
//! Judged is the plan and never the text: aliases, CTEs, views and search paths have all been resolved by then.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::{
    catalog::TableProvider,
    common::{Result as EngineResult, tree_node::Transformed},
    datasource::provider_as_source,
    error::DataFusionError,
    execution::{SendableRecordBatchStream, SessionState, TaskContext},
    logical_expr::{Expr, LogicalPlan},
    physical_plan::{ExecutionPlan, displayable, execute_stream},
};
use lis_lake::{ids::Oid, table::Table};
use lis_sql::{
    output::{BoundQuery, OutputColumn},
    statement::PolicyCommand,
};

use crate::{
    context::StatementContext,
    error::SecurityError,
    grants::Privilege,
    policy,
    privileges::{require_relation, require_schema},
    requirements::{self, Source},
    secured_table::SecuredTable,
};

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
    /// The plan before policies were put in: see [`AuthorisedQuery::explain`].
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

/// Judges a bound query and rewrites it.
pub fn authorise(
    query: BoundQuery,
    context: &StatementContext<'_>,
) -> Result<AuthorisedQuery, SecurityError> {
    let tables = requirements::tables(&query.plan)?;
    let mut access = Access::default();
    for view in &query.views {
        require_relation(context, *view, Privilege::Select)?;
        access.relations.push(*view);
    }
    // The predicate of each table that has row security for this user.
    let mut predicates: BTreeMap<Oid, Expr> = BTreeMap::new();
    for table in &tables {
        let oid = table.id.oid();
        require_relation(context, oid, Privilege::Select)?;
        access.relations.push(oid);
        if let Some(bound) = row_policy(context, table, PolicyCommand::Select)? {
            access.policies.extend(bound.used);
            predicates.insert(oid, bound.predicate);
        }
    }
    let plan =
        if predicates.is_empty() { query.plan.clone() } else { secure(query.plan.clone(), &predicates)? };
    Ok(AuthorisedQuery { plan: Authorised(plan), outputs: query.outputs, access, bound: query.plan })
}

/// What a table's row security comes to for the current user and a command; `None` where it does not apply.
pub(crate) fn row_policy(
    context: &StatementContext<'_>,
    table: &Table,
    command: PolicyCommand,
) -> Result<Option<policy::BoundPolicy>, SecurityError> {
    let oid = table.id.oid();
    let rights = context.rights;
    let row_security = rights.policies().row_security(oid);
    if !row_security.enabled || rights.bypasses_row_security(context.role()) {
        return Ok(None);
    }
    if !row_security.forced && rights.owns(context.principal, table.owner) {
        return Ok(None);
    }
    if context.bind.settings.get("row_security").is_some_and(|value| is_off(value)) {
        return Err(SecurityError::denied(format!(
            "query would be affected by row-level security policy for table \"{}\"",
            table.name.as_str()
        )));
    }
    let used = rights.used(context.principal);
    let Some(relation) = context.catalog.relation_by_oid(oid) else {
        return Err(SecurityError::internal("a table that the catalogue does not have"));
    };
    policy::bind(rights.policies(), &used, command, &relation, context.catalog, context.bind).map(Some)
}

fn is_off(value: &str) -> bool {
    ["off", "false", "no", "0"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// Puts secured tables in the place of scans. Every scan was judged already; one that cannot be judged here stops it.
fn secure(plan: LogicalPlan, predicates: &BTreeMap<Oid, Expr>) -> Result<LogicalPlan, SecurityError> {
    plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let source =
            requirements::source(&scan).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let Source::Table(table, provider) = source else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let Some(predicate) = predicates.get(&table.id.oid()) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let secured: Arc<dyn TableProvider> = Arc::new(SecuredTable::new(provider, predicate.clone()));
        scan.source = provider_as_source(secured);
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })
    .map(|transformed| transformed.data)
    .map_err(|error| SecurityError::internal(error.to_string()))
}

impl AuthorisedQuery {
    /// EXPLAIN: the bound plan as it was before policies were put in. No files, estimates or metrics, and none of the
    /// policies' constants.
    pub fn explain(&self) -> String {
        self.bound.display_indent().to_string()
    }
}

impl Authorised<LogicalPlan> {
    /// Optimises and plans. `state` must come from [`crate::session_state()`].
    pub async fn plan(self, state: &SessionState) -> EngineResult<Authorised<Arc<dyn ExecutionPlan>>> {
        state.create_physical_plan(&self.0).await.map(Authorised)
    }

    /// The plan behind the door, for tests and for who debugs the server: never for a client.
    pub fn text(&self) -> String {
        self.0.display_indent().to_string()
    }
}

impl Authorised<Arc<dyn ExecutionPlan>> {
    /// Runs the plan.
    pub fn execute(&self, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        execute_stream(Arc::clone(&self.0), context)
    }

    /// The plan behind the door, for tests and for who debugs the server: never for a client, since it shows files and
    /// the policies' constants.
    pub fn text(&self) -> String {
        displayable(self.0.as_ref()).indent(false).to_string()
    }
}

/// Describing a statement (its columns' names are information too) needs the same rights as running it.
pub fn require_described(query: &BoundQuery, context: &StatementContext<'_>) -> Result<(), SecurityError> {
    for view in &query.views {
        require_relation(context, *view, Privilege::Select)?;
    }
    for table in requirements::tables(&query.plan)? {
        require_schema(context, table.schema_id.oid(), Privilege::Usage)?;
        require_relation(context, table.id.oid(), Privilege::Select)?;
    }
    Ok(())
}

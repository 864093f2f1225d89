//! The one door. A bound plan goes in, is judged by what it touches and rewritten so that every scan of a table with
//! row security becomes a scan of a secured table; an [`Authorised`] plan comes out, and only that can be executed. A
//! path round the check does not compile.
//!
//! Judged is the plan and never the text: aliases, CTEs, views and search paths have all been resolved by then.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::SchemaRef;
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
    error::{SecurityError, SecurityErrorKind},
    grants::Privilege,
    judged_view::JudgedView,
    policy::{self, PolicyUse},
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
    /// What the transaction is to rely on: the tables that FOR UPDATE or FOR SHARE names.
    pub relies_on: Vec<Oid>,
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
    authorise_with(query, None, context)
}

/// Judges a bound query. `target` is the predicate of the rows that a modification may see in the table that it changes,
/// whose privileges are judged by the caller; without it the query may change nothing.
pub(crate) fn authorise_with(
    query: BoundQuery,
    target: Option<TargetRows>,
    context: &StatementContext<'_>,
) -> Result<AuthorisedQuery, SecurityError> {
    judge_plan(query, target, context, context)
}

/// Judges a plan in the rights of `context`, which are not the asker's within a view of somebody else's rights.
fn judge_plan(
    query: BoundQuery,
    target: Option<TargetRows>,
    context: &StatementContext<'_>,
    asker: &StatementContext<'_>,
) -> Result<AuthorisedQuery, SecurityError> {
    let scanned = match &target {
        Some(_) => requirements::scanned(&query.plan)?,
        None => {
            let read = |table| requirements::Scanned { table, target: false };
            requirements::tables(&query.plan)?.into_iter().map(read).collect()
        }
    };
    let mut access = Access::default();
    for view in &query.views {
        require_relation(context, *view, Privilege::Select)?;
        access.relations.push(*view);
    }
    for locked in &query.locks {
        require_relation(context, *locked, Privilege::Update)?;
    }
    let mut predicates = Predicates::default();
    if let Some(target) = target {
        access.relations.push(target.relation);
        if let Some(bound) = target.policy {
            access.policies.extend(bound.used);
            predicates.target = Some((target.relation, bound.predicate));
        }
    }
    for requirements::Scanned { table, target } in scanned {
        let oid = table.id.oid();
        if target {
            if !access.relations.contains(&oid) {
                return Err(SecurityError::internal("a modification of another table"));
            }
            continue;
        }
        require_relation(context, oid, Privilege::Select)?;
        access.relations.push(oid);
        if table.materialized.as_ref().is_some_and(|view| !view.populated) {
            return Err(SecurityError::new(
                SecurityErrorKind::ObjectNotInPrerequisiteState,
                format!("materialized view \"{}\" has not been populated", table.name.as_str()),
            )
            .with_hint("Use the REFRESH MATERIALIZED VIEW command."));
        }
        let mut policy = row_policy(context, &table, PolicyCommand::Select, PolicyUse::Seen)?;
        // What may not be changed is not locked, and then not shown either.
        if query.locks.contains(&oid)
            && let Some(own) = row_policy(context, &table, PolicyCommand::Update, PolicyUse::Seen)?
        {
            policy = Some(match policy {
                Some(mut select) => {
                    select.predicate = select.predicate.and(own.predicate);
                    select.used.extend(own.used);
                    select
                }
                None => own,
            });
        }
        if let Some(bound) = policy {
            access.policies.extend(bound.used);
            predicates.read.insert(oid, bound.predicate);
        }
    }
    let mut plan =
        if predicates.is_empty() { query.plan.clone() } else { secure(query.plan.clone(), &predicates)? };
    if !requirements::views(&plan)?.is_empty() {
        plan = with_judged_views(plan, asker, &mut access)?;
    }
    // The tables under a view that is locked are among those that are read.
    let of_view =
        query.locks.iter().any(|locked| context.relation(*locked).is_none_or(|it| it.as_table().is_none()));
    let relies_on = if of_view { access.relations.clone() } else { query.locks };
    Ok(AuthorisedQuery {
        plan: Authorised(plan),
        outputs: query.outputs,
        access,
        relies_on,
        bound: query.plan,
    })
}

/// Puts judged views in the place of those that are read in other rights than the plan. `asker` are the rights of who
/// asks, in which views within them may be read again.
fn with_judged_views(
    plan: LogicalPlan,
    asker: &StatementContext<'_>,
    access: &mut Access,
) -> Result<LogicalPlan, SecurityError> {
    let mut refused = None;
    let replaced = plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        match requirements::source(&scan).and_then(|source| match source {
            Source::View(view) => judged_view(&*view, asker, access).map(Some),
            Source::Table(..) | Source::Target(..) | Source::Own => Ok(None),
        }) {
            Ok(None) => Ok(Transformed::no(LogicalPlan::TableScan(scan))),
            Ok(Some(judged)) => {
                scan.source = provider_as_source(Arc::new(judged));
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            Err(error) => {
                refused.get_or_insert(error);
                Err(DataFusionError::Internal("a view was refused".to_owned()))
            }
        }
    });
    match (replaced, refused) {
        (_, Some(error)) => Err(error),
        (Ok(replaced), None) => Ok(replaced.data),
        (Err(error), None) => Err(SecurityError::internal(error.to_string())),
    }
}

/// A view's plan, judged in the rights that it reads in.
fn judged_view(
    view: &dyn TableProvider,
    asker: &StatementContext<'_>,
    access: &mut Access,
) -> Result<JudgedView, SecurityError> {
    let rows = requirements::view_rows(view)?;
    let query = BoundQuery {
        plan: rows.plan.clone(),
        outputs: Vec::new(),
        parameters: Vec::new(),
        views: rows.views.clone(),
        dependencies: Vec::new(),
        locks: Vec::new(),
    };
    let judge = |context: &StatementContext<'_>| judge_plan(query, None, context, asker);
    let judged = match rows.owner {
        Some(owner) => asker.in_rights_of(owner, judge)?,
        None => judge(asker)?,
    };
    access.relations.extend(judged.access.relations);
    access.policies.extend(judged.access.policies);
    Ok(JudgedView::new(judged.plan.0))
}

/// Which rows a modification may see in the table that it changes.
#[derive(Debug)]
pub(crate) struct TargetRows {
    pub(crate) relation: Oid,
    /// `None`: row security does not apply.
    pub(crate) policy: Option<policy::BoundPolicy>,
}

/// The predicate of each table that has row security for this user.
#[derive(Debug, Default)]
struct Predicates {
    read: BTreeMap<Oid, Expr>,
    target: Option<(Oid, Expr)>,
}

impl Predicates {
    fn is_empty(&self) -> bool {
        self.read.is_empty() && self.target.is_none()
    }
}

/// What a table's row security comes to for the current user and a command; `None` where it does not apply.
pub(crate) fn row_policy(
    context: &StatementContext<'_>,
    table: &Table,
    command: PolicyCommand,
    asked: PolicyUse,
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
    policy::bind(rights.policies(), &used, command, asked, &relation, context.catalog, context.bind).map(Some)
}

/// Whether row security hides rows of a table from the current user, or might: where that cannot be said, it does.
pub fn row_security_applies(context: &StatementContext<'_>, table: &Table) -> Result<bool, SecurityError> {
    Ok(row_policy(context, table, PolicyCommand::Select, PolicyUse::Seen)?.is_some())
}

fn is_off(value: &str) -> bool {
    ["off", "false", "no", "0"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// Puts secured tables in the place of scans. Every scan was judged already; one that cannot be judged here stops it.
fn secure(plan: LogicalPlan, predicates: &Predicates) -> Result<LogicalPlan, SecurityError> {
    plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let source =
            requirements::source(&scan).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let (provider, predicate) = match source {
            Source::View(_) | Source::Own => {
                return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
            }
            Source::Table(table, provider) => (provider, predicates.read.get(&table.id.oid())),
            Source::Target(table, provider) => {
                let of_target = predicates.target.as_ref().filter(|(oid, _)| *oid == table.id.oid());
                (provider, of_target.map(|(_, predicate)| predicate))
            }
        };
        let Some(predicate) = predicate else {
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
    /// The plan as it was bound, before policies were put in.
    pub(crate) fn bound(&self) -> &LogicalPlan {
        &self.bound
    }

    /// The columns of the plan, of the types that its rows really have.
    pub fn plan_schema(&self) -> SchemaRef {
        Arc::clone(self.bound.schema().inner())
    }

    /// EXPLAIN: the bound plan as it was before policies were put in. No files, estimates or metrics, and none of the
    /// policies' constants.
    pub fn explain(&self) -> String {
        self.bound.display_indent().to_string()
    }

    /// The same of the plan as it is made fit to be read.
    pub(crate) fn explain_with(
        &self,
        shown: impl FnOnce(LogicalPlan) -> EngineResult<LogicalPlan>,
    ) -> Result<String, SecurityError> {
        let shown = shown(self.bound.clone()).map_err(|error| SecurityError::internal(error.to_string()))?;
        Ok(shown.display_indent().to_string())
    }
}

impl Authorised<LogicalPlan> {
    /// Optimises and plans. `state` must come from [`crate::session_state()`].
    pub async fn plan(self, state: &SessionState) -> EngineResult<Authorised<Arc<dyn ExecutionPlan>>> {
        let plan = lis_sql::engine::share(self.0)?;
        lis_sql::engine::physical_plan(&plan, state).await.map(Authorised)
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
    require_read(&query.plan, &query.views, context, context)
}

fn require_read(
    plan: &LogicalPlan,
    views: &[Oid],
    context: &StatementContext<'_>,
    asker: &StatementContext<'_>,
) -> Result<(), SecurityError> {
    for view in views {
        require_relation(context, *view, Privilege::Select)?;
    }
    for table in requirements::tables(plan)? {
        require_schema(context, table.schema_id.oid(), Privilege::Usage)?;
        require_relation(context, table.id.oid(), Privilege::Select)?;
    }
    for view in requirements::views(plan)? {
        let rows = requirements::view_rows(&*view)?;
        let judge = |context: &StatementContext<'_>| require_read(&rows.plan, &rows.views, context, asker);
        match rows.owner {
            Some(owner) => asker.in_rights_of(owner, judge)?,
            None => judge(asker)?,
        }
    }
    Ok(())
}

//! A bound plan to what it touches. Exhaustive over the engine's plan nodes without a catch-all: a node that a new
//! version adds stops the build until somebody decides, and a node or a source of rows that is not known is refused.
//! Plans inside expressions (subqueries) are part of the plan.

use std::{any::Any, sync::Arc};

use datafusion::{
    catalog::{TableProvider, cte_worktable::CteWorkTable},
    common::tree_node::TreeNodeRecursion,
    datasource::{MemTable, empty::EmptyTable, source_as_provider},
    logical_expr::{LogicalPlan, TableScan},
};
use lis_lake::{provider::LakeTable, table::Table};
use lis_pg_catalog::SystemTable;
use lis_sql::engine::SharedPlan;
use lis_sql::returned::ReturnedRows;
use lis_sql::view_rows::ViewRows;

use crate::error::{SecurityError, SecurityErrorKind};

/// What rows come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A table of the lake: needs SELECT, and its row security applies.
    Table(Arc<Table>, Arc<dyn TableProvider>),
    /// The table that a modification changes, scanned with row identity: the command's privileges and policies apply.
    Target(Arc<Table>, Arc<dyn TableProvider>),
    /// A view that is read in other rights ([`ViewRows`]): its plan is judged in those.
    View(Arc<dyn TableProvider>),
    /// Rows that are the asker's already: a system relation, constants, a recursive query's own rows, rows that the
    /// statement wrote.
    Own,
}

/// A table that a plan scans.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    pub(crate) table: Arc<Table>,
    /// Whether the scan is of the rows that a modification changes.
    pub(crate) target: bool,
}

/// The tables that a query reads, each once, in order of appearance. A query changes nothing.
pub(crate) fn tables(plan: &LogicalPlan) -> Result<Vec<Arc<Table>>, SecurityError> {
    let scanned = scanned(plan)?;
    if scanned.iter().any(|scanned| scanned.target) {
        return Err(unknown("scan with row identity"));
    }
    Ok(scanned.into_iter().map(|scanned| scanned.table).collect())
}

/// The tables that a plan scans, each once for each way, in order of appearance.
pub(crate) fn scanned(plan: &LogicalPlan) -> Result<Vec<Scanned>, SecurityError> {
    let mut tables: Vec<Scanned> = Vec::new();
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        match judge(node) {
            Ok(Some(found)) => {
                let same = |other: &Scanned| other.table.id == found.table.id && other.target == found.target;
                if !tables.iter().any(same) {
                    tables.push(found);
                }
            }
            Ok(None) => {}
            Err(error) => {
                refused = Some(error);
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if let Some(error) = refused {
        return Err(error);
    }
    walked.map_err(|error| SecurityError::internal(error.to_string()))?;
    Ok(tables)
}

/// The views in a plan that are read in other rights.
pub(crate) fn views(plan: &LogicalPlan) -> Result<Vec<Arc<dyn TableProvider>>, SecurityError> {
    let mut views = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(Source::View(view)) = source(scan)
        {
            views.push(view);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| SecurityError::internal(error.to_string()))?;
    Ok(views)
}

/// What a provider of [`Source::View`] is.
pub(crate) fn view_rows(provider: &dyn TableProvider) -> Result<&ViewRows, SecurityError> {
    (provider as &dyn Any).downcast_ref::<ViewRows>().ok_or_else(|| unknown("table provider"))
}

fn judge(node: &LogicalPlan) -> Result<Option<Scanned>, SecurityError> {
    match node {
        LogicalPlan::TableScan(scan) => match source(scan)? {
            Source::Table(table, _) => Ok(Some(Scanned { table, target: false })),
            Source::Target(table, _) => Ok(Some(Scanned { table, target: true })),
            // Judged by itself: see `views`.
            Source::View(_) | Source::Own => Ok(None),
        },
        // Nodes that only work on the rows of their inputs.
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Ok(None),
        // A mark over a plan, which is walked like any other.
        LogicalPlan::Extension(extension) if SharedPlan::of(extension).is_some() => Ok(None),
        // The engine's own statements: the binder makes none, and they would go round every check of ours.
        LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_) => Err(unknown("plan node")),
    }
}

/// Where a scan's rows come from.
pub(crate) fn source(scan: &TableScan) -> Result<Source, SecurityError> {
    let provider = source_as_provider(&scan.source).map_err(|_| unknown("table source"))?;
    let any = provider.as_ref() as &dyn Any;
    if let Some(table) = any.downcast_ref::<LakeTable>() {
        let target = table.has_row_identity();
        let table = Arc::clone(table.table());
        return Ok(if target { Source::Target(table, provider) } else { Source::Table(table, provider) });
    }
    if any.is::<ViewRows>() {
        return Ok(Source::View(provider));
    }
    let own = any.is::<SystemTable>()
        || any.is::<CteWorkTable>()
        || any.is::<MemTable>()
        || any.is::<EmptyTable>()
        || any.is::<ReturnedRows>();
    if own { Ok(Source::Own) } else { Err(unknown("table provider")) }
}

fn unknown(what: &str) -> SecurityError {
    SecurityError::new(SecurityErrorKind::FeatureNotSupported, format!("this {what} cannot be authorised"))
}

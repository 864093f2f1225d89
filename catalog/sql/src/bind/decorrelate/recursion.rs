//! A recursive query for all combinations of a domain at once: the domain's columns go through its work table.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::{
    catalog::cte_worktable::CteWorkTable,
    common::{Column, TableReference},
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlan, RecursiveQuery, TableScanBuilder},
};

use super::{Dependent, Domain};
use crate::{
    bind::{Binder, plan_error, project},
    error::SqlError,
};

/// The work table of a recursive query that is computed for a domain.
#[derive(Debug, Clone)]
pub(super) struct WorkTable {
    pub(super) name: TableReference,
    /// Its scan: the columns that it had, and then the domain's.
    pub(super) scan: LogicalPlan,
    pub(super) keys: Vec<Column>,
}

impl Binder<'_> {
    /// Both terms for every combination, the second from the work table's rows of its own combination.
    pub(super) fn dependent_recursion(
        &self,
        query: &RecursiveQuery,
        domain: &Domain,
    ) -> Result<Dependent, SqlError> {
        let Dependent { plan, keys: first_keys } = self.dependent(&query.static_term, domain)?;
        let columns = query.static_term.schema().columns();
        let keys: Vec<Column> = domain.columns.iter().map(|(_, own)| self.fresh_column(&own.name)).collect();
        let mut exprs: Vec<Expr> = columns.iter().cloned().map(Expr::Column).collect();
        exprs.extend(keys.iter().zip(first_keys).map(|(key, own)| Expr::Column(own).alias(&key.name)));
        let first = project(plan, exprs)?;
        let fields: Vec<Field> = first
            .schema()
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), field.data_type().clone(), true))
            .collect();
        let name = TableReference::bare(query.name.clone());
        let table = CteWorkTable::new(&query.name, Arc::new(Schema::new(fields)));
        let scan = TableScanBuilder::new(name.clone(), provider_as_source(Arc::new(table)))
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;
        let scanned = keys.iter().map(|key| Column::new(Some(name.clone()), &key.name)).collect();
        let mut work_tables = domain.work_tables.clone();
        work_tables.push(WorkTable { name, scan, keys: scanned });
        let inner = Domain { plan: domain.plan.clone(), columns: domain.columns.clone(), work_tables };
        let Dependent { plan, keys: second_keys } = self.dependent(&query.recursive_term, &inner)?;
        let mut exprs: Vec<Expr> = query
            .recursive_term
            .schema()
            .columns()
            .into_iter()
            .zip(&columns)
            .map(|(column, target)| Expr::Column(column).alias(&target.name))
            .collect();
        exprs.extend(keys.iter().zip(second_keys).map(|(key, own)| Expr::Column(own).alias(&key.name)));
        let second = project(plan, exprs)?;
        let plan =
            RecursiveQuery::try_new(query.name.clone(), Arc::new(first), Arc::new(second), query.is_distinct)
                .map(LogicalPlan::RecursiveQuery)
                .map_err(plan_error)?;
        Ok(Dependent { plan, keys })
    }
}

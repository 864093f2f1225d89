//! CHECK constraints of a table, ready to be evaluated over rows that a statement writes. A row for which one is false is
//! refused (23514); null passes, as in PostgreSQL. An error inside an expression is the statement's error.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{Array as _, BooleanArray},
    record_batch::RecordBatch,
};
use datafusion::{
    common::{DFSchema, cast::as_boolean_array},
    execution::context::ExecutionProps,
    logical_expr::physical_planning_context::PhysicalPlanningContext,
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use lis_lake::{
    error::LakeError,
    hooks::RowCheck,
    provider::table_schema,
    table::{ConstraintKind, Table},
};

use super::Request;
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    wire::error::Report,
};

/// The checks of one table.
#[derive(Debug, Clone)]
pub(crate) struct CheckConstraints {
    table: String,
    checks: Vec<(String, Arc<dyn PhysicalExpr>)>,
}

impl CheckConstraints {
    /// Binds the checks of a table, which need only be in the request's snapshot; `None` if it has none.
    pub(crate) fn bind(server: &Server, request: &Request, table: &Table) -> Result<Option<Self>> {
        let mut checks = Vec::new();
        for constraint in &table.constraints {
            if let ConstraintKind::Check { expression } = &constraint.kind {
                let check = Self::bind_one(server, request, table, expression)?;
                checks.push((constraint.name.as_str().to_owned(), check));
            }
        }
        Ok((!checks.is_empty()).then(|| Self { table: table.name.as_str().to_owned(), checks }))
    }

    /// Binds one expression over a table's columns.
    pub(crate) fn bind_one(
        server: &Server,
        request: &Request,
        table: &Table,
        expression: &str,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let bound = request.judge(server, |context| {
            lis_security::policy::bind_check(expression, table.id.oid(), context.catalog, context.bind)
        })?;
        let schema = DFSchema::try_from(table_schema(table))?;
        Ok(create_physical_expr(
            &bound,
            &schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?)
    }

    /// The rows that a check refuses, in order, and what is wrong with each. A row that a check cannot judge (it divides by
    /// nought, say) is refused too.
    fn refusals(&self, rows: &RecordBatch) -> Vec<(usize, String)> {
        let mut refused: BTreeMap<usize, String> = BTreeMap::new();
        for (name, check) in &self.checks {
            if let Ok(passed) = evaluated(check, rows) {
                for row in (0..rows.num_rows()).filter(|row| passed.is_valid(*row) && !passed.value(*row)) {
                    refused.entry(row).or_insert_with(|| self.message(name));
                }
                continue;
            }
            // Which row it was is not said: one after the other.
            for row in 0..rows.num_rows() {
                let message = match evaluated(check, &rows.slice(row, 1)) {
                    Ok(passed) if passed.is_null(0) || passed.value(0) => continue,
                    Ok(_) => self.message(name),
                    Err(error) => Report::from(&error).message,
                };
                refused.entry(row).or_insert(message);
            }
        }
        refused.into_iter().collect()
    }

    fn message(&self, name: &str) -> String {
        format!("new row for relation \"{}\" violates check constraint \"{name}\"", self.table)
    }

    /// The first row that a check refuses, and what is wrong with it. Rows are of the table's columns in order; more may
    /// follow.
    pub(crate) fn first_violation(&self, rows: &RecordBatch) -> Result<Option<(usize, &str, ServerError)>> {
        let mut first: Option<(usize, &str)> = None;
        for (name, check) in &self.checks {
            let passed = evaluated(check, rows)?;
            if passed.true_count() + passed.null_count() == rows.num_rows() {
                continue;
            }
            let refused = (0..rows.num_rows()).find(|row| passed.is_valid(*row) && !passed.value(*row));
            if let Some(row) = refused
                && first.is_none_or(|(earlier, _)| row < earlier)
            {
                first = Some((row, name));
            }
        }
        Ok(first
            .map(|(row, name)| (row, name, ServerError::new(Condition::CheckViolation, self.message(name)))))
    }
}

fn evaluated(check: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<BooleanArray> {
    let value = check.evaluate(rows)?.into_array(rows.num_rows())?;
    Ok(as_boolean_array(&value)?.clone())
}

impl RowCheck for CheckConstraints {
    fn refused(&self, rows: &RecordBatch) -> std::result::Result<Vec<(usize, String)>, LakeError> {
        Ok(self.refusals(rows))
    }
}

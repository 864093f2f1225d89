//! WITH CHECK: what row security says of rows that are written. The server binds one per writing statement and gives it
//! every batch before it is staged; a row that it refuses fails the statement, and nothing of it is written.

use std::sync::Arc;

use arrow::{array::BooleanArray, record_batch::RecordBatch};
use datafusion::{
    common::{DFSchema, cast::as_boolean_array},
    error::DataFusionError,
    execution::context::ExecutionProps,
    logical_expr::physical_planning_context::PhysicalPlanningContext,
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use lis_lake::{provider::table_schema, table::Table};
use lis_sql::statement::PolicyCommand;

use crate::{authorise::row_policy, context::StatementContext, error::SecurityError};

/// The check of the rows that a statement writes into a table.
#[derive(Debug)]
pub struct RowCheck {
    predicate: Arc<dyn PhysicalExpr>,
    table: String,
}

impl RowCheck {
    /// Binds the policies for INSERT that apply to the current user; `None` where row security does not apply.
    pub fn bind(context: &StatementContext<'_>, table: &Table) -> Result<Option<Self>, SecurityError> {
        let Some(bound) = row_policy(context, table, PolicyCommand::Insert)? else { return Ok(None) };
        let plan = || {
            let schema = DFSchema::try_from(table_schema(table))?;
            create_physical_expr(
                &bound.predicate,
                &schema,
                &ExecutionProps::new(),
                &PhysicalPlanningContext::default(),
            )
        };
        let predicate =
            plan().map_err(|error: DataFusionError| SecurityError::internal(error.to_string()))?;
        Ok(Some(Self { predicate, table: table.name.as_str().to_owned() }))
    }

    /// Checks rows of the table's columns in order. A row for which the check is false or null is refused.
    pub fn verify(&self, rows: &RecordBatch) -> Result<(), SecurityError> {
        let evaluate = || -> Result<BooleanArray, DataFusionError> {
            let value = self.predicate.evaluate(rows)?.into_array(rows.num_rows())?;
            Ok(as_boolean_array(&value)?.clone())
        };
        let admitted = evaluate().map_err(|error| SecurityError::internal(error.to_string()))?;
        if admitted.true_count() == rows.num_rows() {
            return Ok(());
        }
        Err(SecurityError::denied(format!(
            "new row violates row-level security policy for table \"{}\"",
            self.table
        )))
    }
}

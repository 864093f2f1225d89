//! WITH CHECK: what row security says of rows that are written, and, in MERGE, of rows that a clause may not touch. The
//! server binds one per writing statement and gives it every batch before it is staged; a row that it refuses fails the
//! statement, and nothing of it is written.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::{
    common::{DFSchema, cast::as_boolean_array},
    error::DataFusionError,
    execution::context::ExecutionProps,
    logical_expr::{Expr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use lis_lake::{provider::table_schema, table::Table};
use lis_sql::statement::PolicyCommand;

use crate::{authorise::row_policy, context::StatementContext, error::SecurityError, policy::PolicyUse};

/// The check of the rows that a statement writes into a table.
#[derive(Debug)]
pub struct RowCheck {
    predicate: Arc<dyn PhysicalExpr>,
    refusal: String,
}

impl RowCheck {
    /// Binds the policies for INSERT that apply to the current user; `None` where row security does not apply.
    pub fn bind(context: &StatementContext<'_>, table: &Table) -> Result<Option<Self>, SecurityError> {
        Self::written(context, table, PolicyCommand::Insert, false)
    }

    /// The check of rows that a command writes, which must also be visible if the statement reads the table's rows.
    pub(crate) fn written(
        context: &StatementContext<'_>,
        table: &Table,
        command: PolicyCommand,
        visible: bool,
    ) -> Result<Option<Self>, SecurityError> {
        let Some(bound) = row_policy(context, table, command, PolicyUse::Written)? else { return Ok(None) };
        let seen =
            if visible { row_policy(context, table, PolicyCommand::Select, PolicyUse::Seen)? } else { None };
        let predicate = match seen {
            Some(seen) => bound.predicate.and(seen.predicate),
            None => bound.predicate,
        };
        let name = table.name.as_str();
        let refusal = format!("new row violates row-level security policy for table \"{name}\"");
        Self::of(&predicate, table, refusal).map(Some)
    }

    /// The check of rows that a clause of MERGE is about to change: those that the statement sees and the command does
    /// not.
    pub(crate) fn touched(
        context: &StatementContext<'_>,
        table: &Table,
        command: PolicyCommand,
    ) -> Result<Option<Self>, SecurityError> {
        let Some(bound) = row_policy(context, table, command, PolicyUse::Seen)? else { return Ok(None) };
        let name = table.name.as_str();
        let refusal =
            format!("target row violates row-level security policy (USING expression) for table \"{name}\"");
        Self::of(&bound.predicate, table, refusal).map(Some)
    }

    fn of(predicate: &Expr, table: &Table, refusal: String) -> Result<Self, SecurityError> {
        let plan = || {
            let schema = DFSchema::try_from(table_schema(table))?;
            create_physical_expr(
                predicate,
                &schema,
                &ExecutionProps::new(),
                &PhysicalPlanningContext::default(),
            )
        };
        let predicate =
            plan().map_err(|error: DataFusionError| SecurityError::internal(error.to_string()))?;
        Ok(Self { predicate, refusal })
    }

    /// The first of some rows, of the table's columns in order, for which the check is false or null. An error of a
    /// policy's expression is the statement's error.
    pub fn first_refused(&self, rows: &RecordBatch) -> Result<Option<usize>, DataFusionError> {
        let value = self.predicate.evaluate(rows)?.into_array(rows.num_rows())?;
        let admitted = as_boolean_array(&value)?;
        if admitted.true_count() == rows.num_rows() {
            return Ok(None);
        }
        Ok(admitted.iter().position(|admitted| admitted != Some(true)))
    }

    /// What a refused row fails the statement with.
    pub fn refusal(&self) -> SecurityError {
        SecurityError::denied(self.refusal.clone())
    }
}

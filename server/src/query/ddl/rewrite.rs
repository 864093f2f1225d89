//! Writing every row of a table anew, for a column whose new type the files cannot be read as. The rows keep the snapshot
//! and the number that they came with, so that their batches can still be undone.

use std::{any::Any, sync::Arc};

use datafusion::{
    common::Column as ColumnName,
    datasource::{provider_as_source, source_as_provider},
    error::{DataFusionError, Result as EngineResult},
    logical_expr::{Expr, LogicalPlan, Projection, TableScanBuilder},
};
use futures::StreamExt;
use lis_lake::{
    provider::LakeTable,
    row_lineage,
    table::{Collation, Column, Table},
    types::ColumnType,
};
use lis_sql::{error::SqlErrorKind, expression_text, keywords::quote_identifier};

use super::{Ddl, constraints::unplaced, rows::target};
use crate::{
    error::{Condition, Result, ServerError},
    query::{self, check_constraints::CheckConstraints},
};

impl Ddl<'_> {
    /// Writes every row anew with one column of another type: by an ordinary query in the rights of who alters.
    pub(super) async fn rewrite(
        &mut self,
        table: &Arc<Table>,
        column: &Column,
        column_type: ColumnType,
        collation: Collation,
        using: Option<&str>,
    ) -> Result<()> {
        self.require_all_rows(table)?;
        if using.map(expression_text::has_subquery).transpose()?.is_some_and(|has| has) {
            return Err(ServerError::not_supported("cannot use subquery in transform expression"));
        }
        let values: Vec<String> = table
            .columns
            .iter()
            .map(|other| match using.filter(|_| other.id == column.id) {
                Some(using) => format!("({using})"),
                None => quote_identifier(other.name.as_str()),
            })
            .collect();
        let targets: Vec<_> = table
            .columns
            .iter()
            .map(|other| {
                target(&other.name, if other.id == column.id { column_type } else { other.column_type })
            })
            .collect();
        let text = format!("SELECT {} FROM {}", values.join(", "), self.sql_name(table));
        let mut bound =
            self.bind_assigned(&text, &targets).map_err(unplaced).map_err(|error| match error {
                ServerError::Sql(error)
                    if error.kind == SqlErrorKind::DatatypeMismatch && using.is_some() =>
                {
                    let message = format!(
                        "result of USING clause for column \"{}\" cannot be cast automatically to type {}",
                        column.name.as_str(),
                        lis_sql::types::type_name(column_type.pg_type)
                    );
                    ServerError::new(Condition::DatatypeMismatch, message)
                        .with_hint("You might need to add an explicit cast.")
                }
                other => other,
            })?;
        bound.plan = with_lineage(bound.plan).map_err(|error| match error {
            DataFusionError::NotImplemented(message) => ServerError::not_supported(message),
            other => other.into(),
        })?;
        let query = self.request.judge(&self.server, |context| lis_security::authorise(bound, context))?;
        let intent = self.server.lake.intend_rewrite(table.id).await;
        let staged = self.staged().await?;
        let altered = staged.set_column_type(table.id, column.id, column_type, collation)?;
        self.see_staged().await?;
        let checks = CheckConstraints::bind(&self.server, &self.request, &altered)?;
        let mut stream = query::execute(&self.server, query).await?;
        let mut writer = self.server.lake.rewriter(&altered).await?;
        while let Some(batch) = stream.next().await {
            let batch = query::dml::fit(&writer, &batch?)?;
            if let Some(checks) = &checks
                && let Some((_, _, error)) = checks.first_violation(&batch)?
            {
                return Err(error);
            }
            writer.write(batch).await?;
        }
        let files = writer.finish().await?;
        self.staged().await?.replace_files(table.id, files)?;
        self.session.transaction.intend(intent);
        Ok(())
    }
}

/// The same rows with their lineage behind them. Only a scan with projections over it can tell it.
fn with_lineage(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let input = with_lineage(Arc::unwrap_or_clone(projection.input))?;
            let mut expressions = projection.expr;
            for field in row_lineage::fields() {
                let (qualifier, field) =
                    input.schema().qualified_field_with_unqualified_name(field.name())?;
                expressions.push(Expr::Column(ColumnName::from((qualifier, field))));
            }
            Projection::try_new(expressions, Arc::new(input)).map(LogicalPlan::Projection)
        }
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source)?;
            let Some(table) = (provider.as_ref() as &dyn Any).downcast_ref::<LakeTable>() else {
                return Err(DataFusionError::Internal("a scan of something that is no table".to_owned()));
            };
            let lake = LakeTable::new(Arc::clone(table.lake()), Arc::clone(table.table()));
            let source = provider_as_source(Arc::new(lake.with_row_lineage()));
            TableScanBuilder::new(scan.table_name, source).build().map(LogicalPlan::TableScan)
        }
        _ => Err(DataFusionError::NotImplemented(
            "a transform expression can use only the row's columns and constants".to_owned(),
        )),
    }
}

//! A system relation as DataFusion scans it: its rows are computed when the scan is planned, for one viewer, and are
//! then a table in memory. So the optimizer knows how many there are, and a plan is never run for another viewer.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions, UInt32Array},
    datatypes::SchemaRef,
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider, memory::MemorySourceConfig},
    common::Result,
    logical_expr::{Expr, TableType},
    physical_plan::ExecutionPlan,
};
use lis_lake::types::PgType;

use crate::{
    registry::{SystemRelation, ViewContext},
    rows::arrow_schema,
    shapes::{Shape, SystemColumn, column},
};

/// A system relation, for one viewer. Its rows are already only what the viewer may see.
#[derive(Debug)]
pub struct SystemTable {
    relation: Arc<dyn SystemRelation>,
    context: Arc<ViewContext>,
    schema: SchemaRef,
}

impl SystemTable {
    /// A relation as this viewer sees it.
    pub fn new(relation: Arc<dyn SystemRelation>, context: Arc<ViewContext>) -> Self {
        let mut columns = relation.shape().columns.to_vec();
        columns.extend(hidden_column(relation.shape()));
        let schema = arrow_schema(&columns);
        Self { relation, context, schema }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<dyn SystemRelation> {
        &self.relation
    }
}

/// `tableoid`, which every table has after its own columns; a view has none.
pub(crate) fn hidden_column(shape: &Shape) -> Option<SystemColumn> {
    let column = SystemColumn { not_null: true, ..column("tableoid", PgType::Oid) };
    (!shape.is_view).then_some(column)
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        if self.relation.shape().is_view { TableType::View } else { TableType::Base }
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.relation.rows(&self.context).await?;
        // The relation's crate may have made its arrays under a schema of its own; names and types are this one's.
        let mut arrays = rows.columns().to_vec();
        if hidden_column(self.relation.shape()).is_some() {
            arrays.push(Arc::new(UInt32Array::from_value(self.relation.shape().oid.get(), rows.num_rows())));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], Arc::clone(&self.schema), projection.cloned())?)
    }
}

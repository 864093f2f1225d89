//! The rows that a modification has written, as RETURNING reads them: a table whose rows are supplied between binding and
//! execution, by the server that wrote them. They are the user's own: everything in them was written or deleted by the
//! statement under the policies of its command.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::Result,
    datasource::TableType,
    error::DataFusionError,
    logical_expr::Expr,
    physical_plan::{
        ExecutionPlan,
        streaming::{PartitionStream, StreamingTableExec},
    },
};

/// See the module.
#[derive(Debug)]
pub struct ReturnedRows {
    schema: SchemaRef,
    rows: OnceLock<Arc<dyn PartitionStream>>,
}

impl ReturnedRows {
    /// Rows that are to be supplied.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, rows: OnceLock::new() }
    }

    /// Supplies the rows: of this schema, and readable any number of times. Only the first call counts.
    pub fn supply(&self, rows: Arc<dyn PartitionStream>) {
        let _first = self.rows.get_or_init(|| rows);
    }
}

#[async_trait]
impl TableProvider for ReturnedRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self
            .rows
            .get()
            .ok_or_else(|| DataFusionError::Internal("rows that were not supplied are read".to_owned()))?;
        let scan = StreamingTableExec::try_new(
            Arc::clone(&self.schema),
            vec![Arc::clone(rows)],
            projection,
            None,
            false,
            limit,
        )?;
        Ok(Arc::new(scan))
    }
}

//! A system relation as DataFusion scans it: its rows are computed when the scan is planned, for one viewer, and are
//! then a table in memory. So the optimizer knows how many there are, and a plan is never run for another viewer.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider, memory::MemorySourceConfig},
    common::Result,
    logical_expr::{Expr, TableType},
    physical_plan::ExecutionPlan,
};

use crate::{
    registry::{SystemRelation, ViewContext},
    rows::arrow_schema,
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
        let schema = arrow_schema(relation.columns());
        Self { relation, context, schema }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<dyn SystemRelation> {
        &self.relation
    }
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        if self.relation.is_view() { TableType::View } else { TableType::Base }
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
        let rows = rows.with_schema(Arc::clone(&self.schema))?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], Arc::clone(&self.schema), projection.cloned())?)
    }
}

//! The rows of a view that are read in other rights than what surrounds it: those of the view's owner, where
//! `security_invoker = false` was written out, and within such a view those of the asker again, for a view that obeys the
//! asker. The binder makes one; security judges the plan inside in the rights that it names and puts a provider that can
//! be read in its place. This one cannot be.

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Result, internal_err},
    datasource::TableType,
    logical_expr::{Expr, LogicalPlan},
    physical_plan::ExecutionPlan,
};
use std::sync::Arc;

use lis_lake::ids::Oid;

/// See the module.
#[derive(Debug)]
pub struct ViewRows {
    /// In whose rights the plan reads; `None`: the asker's.
    pub owner: Option<Oid>,
    /// The view's rows, their columns under names of their own.
    pub plan: LogicalPlan,
    /// Views that were expanded in it, outermost first: whoever's rights it reads in needs SELECT on each.
    pub views: Vec<Oid>,
}

#[async_trait]
impl TableProvider for ViewRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        internal_err!("a view that nobody has judged is read")
    }
}

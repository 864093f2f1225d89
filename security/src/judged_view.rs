//! A view in its owner's rights, judged: what stands in the plan for [`ViewRows`]. Its rows were chosen by the view and by
//! what its owner may see, so nothing that the asker wrote may come below: as over a secured table there is a barrier over
//! it, and only leakproof predicates go through.
//!
//! The plan inside is planned here without the physical rules: they run once, over the whole, where the barriers inside
//! and above still stand.
//!
//! [`ViewRows`]: lis_sql::view_rows::ViewRows

use std::{fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{Column, Result, internal_err},
    datasource::{TableProvider, TableType},
    execution::{SessionState, SessionStateBuilder},
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown},
    physical_plan::{
        ExecutionPlan,
        projection::{ProjectionExec, ProjectionExpr},
    },
};

use crate::{
    barrier::{Barrier, BarrierExec},
    leakproof::is_leakproof,
    secured_table::unqualified,
};

/// See the module.
pub(crate) struct JudgedView {
    plan: LogicalPlan,
}

impl JudgedView {
    /// A view's plan, with secured tables in it where the owner's rights ask for them.
    pub(crate) fn new(plan: LogicalPlan) -> Self {
        Self { plan }
    }
}

impl fmt::Debug for JudgedView {
    /// Without the plan, which holds policies.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JudgedView").finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for JudgedView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let place = |filter: &&Expr| {
            if is_leakproof(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(place).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !filters.iter().all(is_leakproof) {
            return internal_err!("a predicate that is not leakproof reached a view of another's rights");
        }
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return internal_err!("a view is planned without a session");
        };
        let schema = self.schema();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let mut plan = LogicalPlanBuilder::from(self.plan.clone());
        for filter in filters {
            plan = plan.filter(unqualified(filter.clone())?)?;
        }
        // Without any column the rows still count.
        let read = if wanted.is_empty() { all.get(..1).unwrap_or_default() } else { wanted.as_slice() };
        let columns = read
            .iter()
            .map(|column| Expr::Column(Column::new_unqualified(schema.field(*column).name().clone())));
        let plan = lis_sql::engine::share(plan.project(columns)?.build()?)?;
        let inside = SessionStateBuilder::new_from_existing(state.clone())
            .with_physical_optimizer_rules(Vec::new())
            .build();
        let mut rows = lis_sql::engine::physical_plan(&plan, &inside).await?;
        if wanted.is_empty() {
            rows = Arc::new(ProjectionExec::try_new(Vec::<ProjectionExpr>::new(), rows)?);
        }
        Ok(BarrierExec::over(rows, Barrier))
    }
}

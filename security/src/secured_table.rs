//! The table that stands in for one with row security. Its scan is *scan → policy (and leakproof predicates) →
//! projection → barrier*, planned here and not by the optimiser, so nothing that a user wrote can be merged into it.
//!
//! The engine asks per predicate what may go below ([`SecuredTable::supports_filters_pushdown`]). Only what is judged
//! leakproof may: expressions that can neither fail nor tell on a row that is then thrown away. Those are evaluated in
//! one filter with the policy and need not be evaluated again above; everything else stays above the barrier.
//!
//! It tells no statistics, constraints or defaults of its own.

use std::{collections::BTreeSet, fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{Column, DFSchema, Result, ScalarValue, internal_err, tree_node::TreeNode},
    datasource::{TableProvider, TableType},
    logical_expr::{
        Expr, TableProviderFilterPushDown,
        utils::{conjunction, split_conjunction},
    },
    physical_plan::{ExecutionPlan, empty::EmptyExec, filter::FilterExecBuilder},
};

use crate::{
    barrier::{Barrier, BarrierExec},
    leakproof::is_leakproof,
};

/// See the module.
pub struct SecuredTable {
    inner: Arc<dyn TableProvider>,
    /// True for the rows that may be seen; over the inner table's columns by unqualified name.
    policy: Expr,
}

impl SecuredTable {
    /// Secures a table with a predicate over its columns.
    pub fn new(inner: Arc<dyn TableProvider>, policy: Expr) -> Self {
        Self { inner, policy }
    }
}

impl fmt::Debug for SecuredTable {
    /// Without the policy: its constants are nobody's business in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecuredTable").finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for SecuredTable {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if is_leakproof(filter) {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The engine hands over what it was told it may; this is where a mistake would leak, so it is judged again.
        if !filters.iter().all(is_leakproof) {
            return internal_err!("a predicate that is not leakproof reached a secured table");
        }
        let schema = self.schema();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        if matches!(self.policy, Expr::Literal(ScalarValue::Boolean(Some(false) | None), _)) {
            let nothing = Arc::new(EmptyExec::new(Arc::new(schema.project(wanted)?)));
            return Ok(BarrierExec::over(nothing, Barrier));
        }

        let conjuncts: Vec<Expr> = split_conjunction(&self.policy)
            .into_iter()
            .cloned()
            .chain(filters.iter().cloned().map(unqualified).collect::<Result<Vec<_>>>()?)
            .collect();
        let Some(predicate) = conjunction(conjuncts.iter().cloned()) else {
            return internal_err!("a policy without a predicate");
        };

        // Read what is wanted and what the predicates need; give on what is wanted.
        let mut needed: BTreeSet<usize> = wanted.iter().copied().collect();
        for column in predicate.column_refs() {
            needed.insert(schema.index_of(column.name())?);
        }
        let needed: Vec<usize> = needed.into_iter().collect();
        let scan = self.inner.scan(state, Some(&needed), &conjuncts, None).await?;

        let read = DFSchema::try_from(scan.schema())?;
        let predicate = state.create_physical_expr(predicate, &read)?;
        let output = if wanted == &needed {
            None
        } else {
            let place = |column: &usize| needed.binary_search(column).unwrap_or_default();
            Some(wanted.iter().map(place).collect())
        };
        let filter = FilterExecBuilder::new(predicate, scan)
            .apply_projection(output)?
            .with_batch_size(state.config().batch_size())
            .with_fetch(limit)
            .build()?;
        Ok(BarrierExec::over(Arc::new(filter), Barrier))
    }
}

/// Columns by name alone: the inner table knows nothing of the query's aliases.
pub(crate) fn unqualified(expression: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::Transformed;
    expression
        .transform(|expression| {
            Ok(match expression {
                Expr::Column(Column { name, relation: Some(_), .. }) => {
                    Transformed::yes(Expr::Column(Column::new_unqualified(name)))
                }
                other => Transformed::no(other),
            })
        })
        .map(|transformed| transformed.data)
}

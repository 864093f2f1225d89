//! What a statement that changes rows does before its own part: the queries of WITH that change rows too, in the order
//! in which they are written. All see the rows as they were when the statement began. What one returns is computed
//! once, to its end, and kept ([`ReturnedRows`]), whoever reads it and how often.
//!
//! A plain query of WITH is part of the plans that read it, like any other, unless several steps do: then it is a step
//! itself, so that all of them see the same rows.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::{
    common::{Column, TableReference},
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlan, TableScanBuilder},
};

use lis_lake::types::PgType;

use super::{
    super::{Binder, Bound, BoundColumn, Surroundings, plan_error, project},
    Affected, BoundModification,
};
use crate::{
    engine::{SharedPlan, reads_shared, without_shared},
    error::{SqlError, SqlErrorKind},
    modification::{Modification, ModificationKind},
    output::BoundQuery,
    returned::ReturnedRows,
};

/// A statement that changes rows, ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundStatement {
    /// What runs first, in this order.
    pub before: Vec<BoundStep>,
    /// The statement's own part.
    pub last: BoundPart,
}

/// A part of a statement.
#[derive(Debug, Clone)]
pub enum BoundPart {
    /// It reads.
    Query(Box<BoundQuery>),
    /// It changes a table.
    Modification(Box<BoundModification>),
}

/// A part whose rows others may read.
#[derive(Debug, Clone)]
pub struct BoundStep {
    /// What it does.
    pub part: BoundPart,
    /// Where its rows (of RETURNING, for a modification) are to be put; `None` if it returns none.
    pub rows: Option<Arc<ReturnedRows>>,
}

impl BoundStatement {
    /// The types of `$1`, `$2`, …
    pub fn parameters(&self) -> &[PgType] {
        match &self.last {
            BoundPart::Query(query) => &query.parameters,
            BoundPart::Modification(modification) => &modification.query.parameters,
        }
    }
}

impl BoundPart {
    fn plans(&mut self) -> Vec<&mut LogicalPlan> {
        match self {
            Self::Query(query) => vec![&mut query.plan],
            Self::Modification(modification) => {
                let returning = modification.returning.as_mut().map(|returning| &mut returning.query.plan);
                std::iter::once(&mut modification.query.plan).chain(returning).collect()
            }
        }
    }
}

/// The queries of WITH while a statement is bound.
#[derive(Debug, Default)]
pub(in crate::bind) struct Steps {
    /// Whether the statement changes rows; otherwise nothing is noted.
    noting: bool,
    noted: Vec<Noted>,
}

#[derive(Debug)]
enum Noted {
    /// A query that others may read, under its mark.
    Query(LogicalPlan),
    Modification(Box<Affected>, Option<Arc<ReturnedRows>>),
}

impl Steps {
    /// The statement changes rows.
    pub(super) fn note(&mut self) {
        self.noting = true;
    }

    /// Notes a plain query of the statement's WITH.
    pub(in crate::bind) fn note_query(&mut self, plan: &LogicalPlan) {
        if self.noting {
            self.noted.push(Noted::Query(plan.clone()));
        }
    }

    /// The steps before the last part.
    pub(super) fn finish(
        self,
        binder: &Binder<'_>,
        last: &mut BoundPart,
        query: impl Fn(Bound) -> BoundQuery,
        modification: impl Fn(Affected) -> BoundModification,
    ) -> Result<Vec<BoundStep>, SqlError> {
        let mut before: Vec<BoundStep> = Vec::new();
        // A query is read only by what comes after it.
        for noted in self.noted.into_iter().rev() {
            match noted {
                Noted::Modification(affected, rows) => {
                    let part = BoundPart::Modification(Box::new(modification(*affected)));
                    before.push(BoundStep { part, rows });
                }
                Noted::Query(LogicalPlan::Extension(extension)) => {
                    let Some(shared) = SharedPlan::of(&extension) else { continue };
                    let parts =
                        before.iter_mut().map(|step| &mut step.part).chain(std::iter::once(&mut *last));
                    let mut readers = Vec::new();
                    for plan in parts.flat_map(BoundPart::plans) {
                        if reads_shared(plan, shared.id()).map_err(plan_error)? {
                            readers.push(plan);
                        }
                    }
                    if readers.len() < 2 {
                        continue;
                    }
                    let schema = Arc::clone(shared.input().schema().inner());
                    let rows = Arc::new(ReturnedRows::new(schema));
                    for plan in readers {
                        *plan = without_shared(plan.clone(), shared.id(), |plan| {
                            let name = TableReference::bare(binder.fresh("step"));
                            let source = provider_as_source(Arc::clone(&rows) as Arc<_>);
                            let scan = TableScanBuilder::new(name.clone(), source).build()?;
                            let columns = plan.schema().columns().into_iter();
                            let exprs = columns.map(|column| {
                                Expr::Column(Column::new(Some(name.clone()), &column.name))
                                    .alias_qualified(column.relation, column.name)
                            });
                            let scan = Arc::new(LogicalPlan::TableScan(scan));
                            let projection =
                                datafusion::logical_expr::Projection::try_new(exprs.collect(), scan)?;
                            Ok(LogicalPlan::Projection(projection))
                        })
                        .map_err(plan_error)?;
                    }
                    let bound = Bound { plan: shared.input().clone(), columns: Vec::new() };
                    before
                        .push(BoundStep { part: BoundPart::Query(Box::new(query(bound))), rows: Some(rows) });
                }
                Noted::Query(_) => {}
            }
        }
        before.reverse();
        Ok(before)
    }
}

impl Binder<'_> {
    /// Binds a query of WITH that changes rows. What it returns, as others read it; `None` without RETURNING.
    pub(in crate::bind) fn modifying_step(
        &self,
        modification: &Modification,
        surroundings: Surroundings<'_>,
        position: Option<usize>,
    ) -> Result<Option<Bound>, SqlError> {
        if matches!(modification.kind, ModificationKind::Merge(_)) {
            let message = "MERGE not supported in WITH query";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        let affected = self.affected(modification, surroundings)?;
        let Some(returning) = &affected.returning else {
            self.shared.steps.borrow_mut().noted.push(Noted::Modification(Box::new(affected), None));
            return Ok(None);
        };
        let returned = &returning.bound.columns;
        let fields =
            returned.iter().map(|column| Field::new(&column.column.name, column.arrow_type.clone(), true));
        let rows = Arc::new(ReturnedRows::new(Arc::new(Schema::new(fields.collect::<Vec<_>>()))));
        let name = TableReference::bare(self.fresh("with"));
        let scan = TableScanBuilder::new(name.clone(), provider_as_source(Arc::clone(&rows) as Arc<_>))
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;
        let mut exprs = Vec::with_capacity(returned.len());
        let mut columns = Vec::with_capacity(returned.len());
        for column in returned {
            let own = self.fresh_column(&column.name);
            exprs.push(Expr::Column(Column::new(Some(name.clone()), &column.column.name)).alias(&own.name));
            columns.push(BoundColumn { column: own, ..column.clone() });
        }
        self.shared.steps.borrow_mut().noted.push(Noted::Modification(Box::new(affected), Some(rows)));
        Ok(Some(Bound { plan: project(scan, exprs)?, columns }))
    }
}

//! Views: the definition is bound again, in a scope of its own, wherever the view is named. A view that reads in other
//! rights than what surrounds it becomes a source of its own (`view_rows.rs`).

use std::{rc::Rc, sync::Arc};

use datafusion::{
    common::{Column, TableReference},
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScanBuilder},
};
use lis_lake::{ids::Oid, table::ViewRead};

use super::{Binder, Surroundings, Unknowns, from::Joined, plan_error};
use crate::{
    catalog::CatalogRelation,
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    names::{Namespace, ScopeColumn, ScopeTable, Whole},
    output::Origin,
    parse::parse_query,
    types::Binding,
    view_rows::ViewRows,
};

/// How many views may be defined over each other.
const VIEW_DEPTH_MAX: usize = 64;

impl Binder<'_> {
    /// The view's rows under its columns' names.
    pub(crate) fn view(
        &self,
        relation: &CatalogRelation,
        definition: &str,
        reads: Option<&[ViewRead]>,
        rights: Option<Oid>,
        position: Option<usize>,
    ) -> Result<Joined, SqlError> {
        let expanding = self.shared.expanding.borrow();
        if expanding.contains(&relation.oid) {
            let message = format!(
                "infinite recursion detected in rules for relation \"{}\"",
                relation.name.name.as_str()
            );
            return Err(SqlError::new(SqlErrorKind::InvalidRecursion, message).at(position));
        }
        if expanding.len() >= VIEW_DEPTH_MAX {
            let message = format!("views are nested more than {VIEW_DEPTH_MAX} deep");
            return Err(SqlError::new(SqlErrorKind::StatementTooComplex, message).at(position));
        }
        drop(expanding);
        if !self.shared.views.borrow().contains(&relation.oid) {
            self.shared.views.borrow_mut().push(relation.oid);
        }
        self.shared.expanding.borrow_mut().push(relation.oid);
        let around = self.shared.rights.get();
        let plan = if rights == around {
            self.view_definition(relation, definition, reads)
        } else {
            // Whoever's rights it reads in needs those on the views inside, and not who names it.
            let views_around = self.shared.views.take();
            self.shared.rights.set(rights);
            let plan = self.view_definition(relation, definition, reads);
            self.shared.rights.set(around);
            let views = self.shared.views.replace(views_around);
            plan.and_then(|(plan, columns)| self.apart(relation, rights, views, plan, columns))
        };
        self.shared.expanding.borrow_mut().pop();
        // A position in the definition is none in the statement.
        let (plan, columns) = plan.map_err(|mut error| {
            error.position = position;
            error
        })?;
        let table = ScopeTable {
            schema: Some(relation.name.schema.clone()),
            name: relation.name.name.clone(),
            relation: Some(self.hidden_name(relation)),
            key: Vec::new(),
            columns,
            hidden: Vec::new(),
            whole: Whole::default(),
        };
        Ok(Joined { plan, namespace: Namespace::of(table) })
    }

    /// A view's rows as a source of their own, which security judges in the rights that it reads in.
    fn apart(
        &self,
        relation: &CatalogRelation,
        owner: Option<Oid>,
        views: Vec<Oid>,
        plan: LogicalPlan,
        columns: Vec<Rc<ScopeColumn>>,
    ) -> Result<(LogicalPlan, Vec<Rc<ScopeColumn>>), SqlError> {
        let name = |position: usize| format!("c{position}");
        let named =
            columns.iter().enumerate().map(|(position, column)| column.expr.clone().alias(name(position)));
        let plan = LogicalPlanBuilder::from(plan)
            .project(named)
            .and_then(LogicalPlanBuilder::build)
            .map_err(plan_error)?;
        let qualifier = TableReference::bare(self.fresh(relation.name.name.as_str()));
        let source = provider_as_source(Arc::new(ViewRows { owner, plan, views }));
        let plan = TableScanBuilder::new(qualifier.clone(), source)
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;
        let columns = columns.iter().enumerate().map(|(position, column)| {
            let expr = Expr::Column(Column::new(Some(qualifier.clone()), name(position)));
            Rc::new(ScopeColumn { expr, ..column.as_ref().clone() })
        });
        Ok((plan, columns.collect()))
    }

    fn view_definition(
        &self,
        relation: &CatalogRelation,
        definition: &str,
        reads: Option<&[ViewRead]>,
    ) -> Result<(LogicalPlan, Vec<Rc<ScopeColumn>>), SqlError> {
        let query = parse_query(definition)?;
        let context = BindContext { search_path: Vec::new(), ..self.binding.context.clone() };
        let binding =
            Binding { catalog: self.binding.catalog, context: &context, parameters: self.binding.parameters };
        let binder = Binder::new(definition, binding, self.shared).with_reads(reads);
        let bound = binder.query(&query, Surroundings::default(), Unknowns::AsText)?;
        if bound.columns.len() < relation.columns.len() {
            let message = format!("view \"{}\" does not fit its definition", relation.name);
            return Err(SqlError::new(SqlErrorKind::Internal, message));
        }
        let columns = relation
            .columns
            .iter()
            .zip(&bound.columns)
            .map(|(column, bound)| {
                Rc::new(ScopeColumn {
                    name: column.name.clone(),
                    expr: Expr::Column(bound.column.clone()),
                    column_type: bound.column_type,
                    arrow_type: bound.arrow_type.clone(),
                    collation: bound.collation,
                    origin: Some(Origin { relation: relation.oid, column: column.number }),
                })
            })
            .collect();
        Ok((bound.plan, columns))
    }
}

//! Views: the definition is bound again, in a scope of its own, wherever the view is named.

use std::rc::Rc;

use datafusion::logical_expr::{Expr, LogicalPlan};
use lis_lake::table::ViewRead;

use super::{Binder, Surroundings, Unknowns, from::Joined};
use crate::{
    catalog::CatalogRelation,
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    names::{Namespace, ScopeColumn, ScopeTable, Whole},
    output::Origin,
    parse::parse_query,
    types::Binding,
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
        let plan = self.view_definition(relation, definition, reads);
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

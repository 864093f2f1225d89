//! A query whose columns are assigned to columns of a table: ALTER TYPE … USING, DEFAULT. As in INSERT, a value is
//! converted without a cast being written where PostgreSQL assigns it, and its type's limits hold.

use sqlparser::ast;

use super::{Binder, Bound, BoundColumn, Shared, Surroundings, Unknowns, project, settled};
use crate::{
    catalog::{Catalog, CatalogColumn},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    output::BoundQuery,
    types::{Binding, Parameters},
};

/// Binds a query with as many columns as there are targets.
pub fn bind_assigned(
    query: &ast::Query,
    text: &str,
    targets: &[CatalogColumn],
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundQuery, SqlError> {
    let parameters = Parameters::new(&[]);
    let shared = Shared::default();
    let binder = Binder::new(text, Binding { catalog, context, parameters: &parameters }, &shared);
    let bound = binder.query(query, Surroundings::default(), Unknowns::Keep)?;
    if bound.columns.len() != targets.len() {
        return Err(SqlError::new(SqlErrorKind::SyntaxError, "as many expressions are needed as columns"));
    }
    let mut exprs = Vec::with_capacity(targets.len());
    let mut columns = Vec::with_capacity(targets.len());
    for (column, target) in bound.columns.iter().zip(targets) {
        let typed = binder.assigned(column.typed(), target)?;
        let output = binder.fresh_column(target.name.as_str());
        exprs.push(typed.expr.alias(&output.name));
        columns.push(BoundColumn {
            name: target.name.as_str().to_owned(),
            column: output,
            column_type: typed.column_type,
            arrow_type: typed.arrow_type,
            collation: typed.collation.of_column(),
            origin: None,
            unknown: None,
            position: column.position,
        });
    }
    let parameters = settled(&parameters)?;
    Ok(shared.finish(Bound { plan: project(bound.plan, exprs)?, columns }, parameters))
}

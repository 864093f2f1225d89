//! VALUES.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::{
    common::DFSchema,
    logical_expr::{Expr, LogicalPlan, Union, Values},
};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings, Unknowns,
    attachments::Attachments,
    one_row,
    place::{Clause, Place},
    plan_error, project,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope},
    types::{Typed, common_type},
};

impl Binder<'_> {
    /// Binds VALUES.
    pub(crate) fn values(
        &self,
        values: &ast::Values,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        let mut rows = Vec::with_capacity(values.rows.len());
        let attachments = Attachments::default();
        for row in &values.rows {
            let nothing = Namespace::default();
            let place = Place {
                scope: Scope::new(&nothing, surroundings.outer),
                ctes: surroundings.ctes,
                clause: Clause::Values,
                calls: None,
                attachments: Some(&attachments),
            };
            let bound = row
                .content
                .iter()
                .map(|value| self.expression(value, place))
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(bound);
        }
        self.rows(rows, &attachments, unknowns)
    }

    /// Rows of bound expressions as a query: each column of its values' common type.
    pub(crate) fn rows(
        &self,
        rows: Vec<Vec<Typed>>,
        attachments: &Attachments,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        let width = rows.first().map_or(0, Vec::len);
        if let Some(other) = rows.iter().find(|row| row.len() != width) {
            let position = other.first().and_then(|value| value.position);
            return Err(SqlError::new(SqlErrorKind::SyntaxError, "VALUES lists must all be the same length")
                .at(position));
        }
        let height = rows.len();
        let mut by_column: Vec<Vec<Typed>> = (0..width).map(|_| Vec::with_capacity(height)).collect();
        for row in rows {
            for (values, value) in by_column.iter_mut().zip(row) {
                values.push(value);
            }
        }
        let mut columns = Vec::with_capacity(width);
        for (index, values) in by_column.iter_mut().enumerate() {
            let name = format!("column{}", index + 1);
            let position = values.first().and_then(|value| value.position);
            // One row of a constant without type may still become what the caller needs.
            let unknown = match values.as_slice() {
                [only] if only.is_unknown() && unknowns == Unknowns::Keep => Some(only.clone()),
                _ => None,
            };
            let common = common_type(&self.binding, values, "VALUES")?;
            columns.push(BoundColumn {
                column: self.fresh_column(&name),
                name,
                column_type: common.column_type,
                arrow_type: common.arrow_type,
                collation: common.collation.of_column(),
                origin: None,
                unknown,
                position,
            });
        }
        let mut by_column: Vec<_> = by_column.into_iter().map(Vec::into_iter).collect();
        let rows: Vec<Vec<Expr>> = (0..height)
            .map(|_| {
                by_column.iter_mut().filter_map(|values| values.next().map(|value| value.expr)).collect()
            })
            .collect();
        let plan = self.values_plan(rows, &columns, attachments)?;
        Ok(Bound { plan, columns })
    }

    fn values_plan(
        &self,
        rows: Vec<Vec<Expr>>,
        columns: &[BoundColumn],
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        // DataFusion's VALUES takes constants only; anything else is a projection of one row for each row.
        if attachments.is_empty() && rows.iter().flatten().all(is_constant) {
            let fields: Vec<Field> = columns
                .iter()
                .map(|column| Field::new(&column.column.name, column.arrow_type.clone(), true))
                .collect();
            let schema = DFSchema::try_from(Schema::new(fields)).map_err(plan_error)?;
            return Ok(LogicalPlan::Values(Values { schema: Arc::new(schema), values: rows }));
        }
        let base = self.attached(one_row(), attachments)?;
        let mut inputs = Vec::with_capacity(rows.len());
        for row in rows {
            let exprs =
                row.into_iter().zip(columns).map(|(expr, column)| expr.alias(&column.column.name)).collect();
            inputs.push(Arc::new(project(base.clone(), exprs)?));
        }
        match inputs.as_slice() {
            [only] => Ok(only.as_ref().clone()),
            _ => Union::try_new(inputs).map(LogicalPlan::Union).map_err(plan_error),
        }
    }
}

fn is_constant(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    !expr
        .exists(|node| {
            Ok(matches!(
                node,
                Expr::Column(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
            ))
        })
        .unwrap_or(true)
}

//! Values for a table's columns: assignment casts, DEFAULT, and SET.

use datafusion::logical_expr::{Expr, cast};
use lis_lake::types::{ColumnType, NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT, PgType};
use sqlparser::ast;

use super::super::{
    Binder, Shared,
    place::{Clause, Place},
};
use crate::{
    catalog::{Catalog, CatalogColumn, CatalogRelation},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    modification::{AssignedColumn, Assignment},
    names::{Namespace, Scope, identifier},
    parse::parse_expression,
    resolve,
    types::{self, Binding, CastContext, Parameters, Typed, coerce},
};

/// A column's default, as an expression over nothing.
pub fn bind_default(
    column: &CatalogColumn,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    let parameters = Parameters::new(&[]);
    let shared = Shared::default();
    let binder = Binder::new("", Binding { catalog, context, parameters: &parameters }, &shared);
    Ok(binder.default_of(column)?.expr)
}

/// What SET gives a column.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) number: i16,
    pub(super) value: Typed,
    /// Whether only parts of the column are named.
    is_part: bool,
}

impl Binder<'_> {
    /// The column of a relation that a name means where values are assigned.
    pub(super) fn target_column(
        &self,
        ident: &ast::Ident,
        relation: &CatalogRelation,
    ) -> Result<CatalogColumn, SqlError> {
        let name = identifier(ident);
        let position = self.position(ident.span);
        let found = relation.columns.iter().find(|column| !column.hidden && column.name == name);
        found.cloned().ok_or_else(|| {
            let message = format!(
                "column \"{}\" of relation \"{}\" does not exist",
                name.as_str(),
                relation.name.name.as_str()
            );
            SqlError::new(SqlErrorKind::UndefinedColumn, message).at(position)
        })
    }

    /// The columns that a list names; an empty list names all. Where a part of a column is named it has the part's type.
    pub(super) fn target_columns(
        &self,
        written: &[AssignedColumn],
        relation: &CatalogRelation,
    ) -> Result<Vec<CatalogColumn>, SqlError> {
        if written.is_empty() {
            return Ok(relation.columns.iter().filter(|column| !column.hidden).cloned().collect());
        }
        let mut targets: Vec<CatalogColumn> = Vec::with_capacity(written.len());
        for (index, assigned) in written.iter().enumerate() {
            let column = self.target_part(assigned, relation)?;
            let whole_before = |(other, earlier): (&CatalogColumn, &AssignedColumn)| {
                other.number == column.number
                    && (earlier.subscripts.is_empty() || assigned.subscripts.is_empty())
            };
            if targets.iter().zip(written.iter().take(index)).any(whole_before) {
                let message = format!("column \"{}\" specified more than once", column.name.as_str());
                let position = self.position(assigned.name.span);
                return Err(SqlError::new(SqlErrorKind::DuplicateColumn, message).at(position));
            }
            targets.push(column);
        }
        Ok(targets)
    }

    /// A column, with the type of the part of it that is assigned to.
    fn target_part(
        &self,
        assigned: &AssignedColumn,
        relation: &CatalogRelation,
    ) -> Result<CatalogColumn, SqlError> {
        let column = self.target_column(&assigned.name, relation)?;
        if assigned.subscripts.is_empty() {
            return Ok(column);
        }
        let pg_type = column.column_type.pg_type;
        if pg_type == PgType::Jsonb {
            let message = "assignment to an element of a jsonb value is not supported";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message)
                .with_hint("Assign what jsonb_set gives.")
                .at(self.position(assigned.name.span)));
        }
        let Some(element) = pg_type.element() else {
            let message = format!(
                "cannot subscript type {} because it does not support subscripting",
                pg_type.facts().sql_name
            );
            let position = self.position(assigned.name.span);
            return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(position));
        };
        let sliced = assigned.subscripts.iter().any(|step| matches!(step, ast::Subscript::Slice { .. }));
        let part = if sliced { pg_type } else { element };
        Ok(CatalogColumn { column_type: column.column_type.with_type(part), default: None, ..column })
    }

    /// An array with something else in the part that is assigned to.
    pub(super) fn with_part(
        &self,
        array: Typed,
        assigned: &AssignedColumn,
        value: Typed,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let position = self.position(assigned.name.span);
        let [only] = assigned.subscripts.as_slice() else {
            let message = "assignment to an element of an array of several dimensions is not supported";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        };
        let step = self.subscript(only, position, place)?;
        resolve::assigned(&self.binding, array, step, value, position)
    }

    /// The value of a target that [`Self::target_part`] gave.
    pub(super) fn value_for_part(
        &self,
        value: &ast::Expr,
        assigned: Option<&AssignedColumn>,
        target: &CatalogColumn,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let is_part = assigned.is_some_and(|assigned| !assigned.subscripts.is_empty());
        if is_part && is_default(value) {
            let message = "cannot set an array element to DEFAULT";
            let position = assigned.and_then(|assigned| self.position(assigned.name.span));
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        self.value_for(value, target, place).map_err(|error| match error.kind {
            SqlErrorKind::DatatypeMismatch if is_part => {
                let found = error.message.rsplit(" is of type ").next().unwrap_or_default().to_owned();
                let message = format!(
                    "subscripted assignment to \"{}\" requires type {} but expression is of type {found}",
                    target.name.as_str(),
                    target.column_type.pg_type.facts().sql_name
                );
                let position = assigned.and_then(|assigned| self.position(assigned.name.span));
                SqlError { message, position, ..error }
            }
            _ => error,
        })
    }

    /// SET: the value of each column that it names. `own` gives the value that a column has.
    pub(super) fn assignments(
        &self,
        assignments: &[Assignment],
        relation: &CatalogRelation,
        place: Place<'_>,
    ) -> Result<Vec<Assigned>, SqlError> {
        let mut assigned: Vec<Assigned> = Vec::new();
        for assignment in assignments {
            let columns = assignment
                .columns
                .iter()
                .map(|column| self.target_part(column, relation))
                .collect::<Result<Vec<_>, _>>()?;
            let values = self.assigned_values(assignment, &columns, place)?;
            for ((value, column), written) in values.into_iter().zip(&columns).zip(&assignment.columns) {
                let earlier = assigned.iter().position(|other| other.number == column.number);
                let is_part = !written.subscripts.is_empty();
                match earlier.and_then(|index| assigned.get_mut(index)) {
                    Some(earlier) if earlier.is_part && is_part => {
                        earlier.value = self.with_part(earlier.value.clone(), written, value, place)?;
                    }
                    Some(_) => {
                        let message =
                            format!("multiple assignments to same column \"{}\"", column.name.as_str());
                        return Err(SqlError::new(SqlErrorKind::SyntaxError, message));
                    }
                    None => {
                        let value = if is_part {
                            let own = self.own_value(&written.name, relation, place)?;
                            self.with_part(own, written, value, place)?
                        } else {
                            value
                        };
                        assigned.push(Assigned { number: column.number, value, is_part });
                    }
                }
            }
        }
        Ok(assigned)
    }

    /// The value that a column of the target has before it gets another.
    fn own_value(
        &self,
        name: &ast::Ident,
        relation: &CatalogRelation,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let column = self.target_column(name, relation)?;
        let targets = place.scope.namespace.tables.iter();
        let own = targets.flat_map(|table| &table.columns).find(|other| {
            other.name == column.name
                && other
                    .origin
                    .is_some_and(|origin| origin.relation == relation.oid && origin.column == column.number)
        });
        let own = own.ok_or_else(|| {
            SqlError::new(SqlErrorKind::Internal, "the target of an assignment is not in sight")
        })?;
        Ok(Typed::new(own.expr.clone(), column.column_type, own.arrow_type.clone()))
    }

    fn assigned_values(
        &self,
        assignment: &Assignment,
        columns: &[CatalogColumn],
        place: Place<'_>,
    ) -> Result<Vec<Typed>, SqlError> {
        let part = |column: &CatalogColumn| {
            assignment
                .columns
                .iter()
                .zip(columns)
                .find(|(_, other)| std::ptr::eq(*other, column))
                .map(|(part, _)| part)
        };
        let one = |value: &ast::Expr, column: &CatalogColumn| {
            self.value_for_part(value, part(column), column, place)
        };
        if !assignment.several {
            return columns.iter().map(|column| one(&assignment.value, column)).collect();
        }
        let position = match &assignment.value {
            ast::Expr::Subquery(query) => self.opening_of(query),
            value => self.start_of(value),
        };
        let check = |width: usize| {
            if width == columns.len() {
                return Ok(());
            }
            let message = "number of columns does not match number of values";
            Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position))
        };
        match &assignment.value {
            value if let Some(written) = row_of(value) => {
                let values = self.row_values(written, place)?;
                check(values.len())?;
                values
                    .into_iter()
                    .zip(columns)
                    .map(|(value, column)| match value {
                        RowValue::Written(value) => one(&value, column),
                        RowValue::Of(value) => self.assigned(value, column),
                    })
                    .collect()
            }
            ast::Expr::Subquery(query) => {
                let values = self.row_subquery(query, place)?;
                check(values.len())?;
                values
                    .into_iter()
                    .zip(columns)
                    .map(|(value, column)| self.assigned(value.at(position), column))
                    .collect()
            }
            // Parentheses round one value are none round a row, in PostgreSQL too.
            value if columns.len() == 1 && !matches!(value, ast::Expr::Nested(_)) => {
                columns.iter().map(|column| one(value, column)).collect()
            }
            _ => {
                let message =
                    "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position))
            }
        }
    }

    fn row_values(&self, written: Vec<ast::Expr>, place: Place<'_>) -> Result<Vec<RowValue>, SqlError> {
        let mut values = Vec::with_capacity(written.len());
        for value in written {
            match &value {
                ast::Expr::QualifiedWildcard(table, _) => {
                    let columns = self.row_of(table, place)?;
                    values.extend(columns.into_iter().map(|(_, value)| RowValue::Of(value)));
                }
                _ => values.push(RowValue::Written(value)),
            }
        }
        Ok(values)
    }

    /// A written value or DEFAULT for a column.
    pub(super) fn value_for(
        &self,
        value: &ast::Expr,
        column: &CatalogColumn,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        if is_default(value) {
            self.default_of(column)
        } else {
            self.assigned(self.expression(value, place)?, column)
        }
    }

    /// A value as assignment to a column gives it.
    pub(in crate::bind) fn assigned(&self, typed: Typed, target: &CatalogColumn) -> Result<Typed, SqlError> {
        let position = typed.position;
        let found = typed.pg_type();
        // A column without scale has the default one, or that of the query which made it.
        let column_type = match target.column_type.as_held() {
            plain if plain.pg_type == PgType::Numeric && plain.precision_scale().is_none() => {
                ColumnType::numeric(NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT)
            }
            held => held,
        };
        let coerced =
            |typed, column_type| coerce(&self.binding, typed, column_type, CastContext::Assignment, position);
        let typed = match target.column_type.held_scale {
            // No digits are lost unseen.
            Some(scale) => coerced(typed, ColumnType::plain(PgType::Numeric))
                .and_then(|typed| coerced(types::shown::without_loss(typed, scale)?, column_type)),
            None => coerced(typed, column_type),
        };
        let typed = typed.map_err(|error| {
            if error.kind != SqlErrorKind::CannotCoerce && error.kind != SqlErrorKind::DatatypeMismatch {
                return error;
            }
            let message = format!(
                "column \"{}\" is of type {} but expression is of type {}",
                target.name.as_str(),
                target.column_type.pg_type.facts().sql_name,
                found.facts().sql_name
            );
            SqlError::new(SqlErrorKind::DatatypeMismatch, message)
                .with_hint("You will need to rewrite or cast the expression.")
                .at(position)
        })?;
        let canonical = target.column_type.to_arrow();
        if typed.arrow_type == canonical {
            return Ok(Typed { column_type: target.column_type, ..typed });
        }
        let expr = cast(typed.expr, canonical.clone());
        Ok(Typed { expr, arrow_type: canonical, column_type: target.column_type, ..typed })
    }

    /// A column's default.
    pub(super) fn default_of(&self, column: &CatalogColumn) -> Result<Typed, SqlError> {
        let Some(text) = &column.default else { return Ok(Typed::null(column.column_type)) };
        let expr = parse_expression(text)?;
        let binding = Binding {
            catalog: self.binding.catalog,
            context: self.binding.context,
            parameters: self.binding.parameters,
        };
        let binder = Binder::new(text, binding, self.shared);
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, None),
            ctes: None,
            clause: Clause::Values,
            calls: None,
            attachments: None,
        };
        let typed = binder.expression(&expr, place).and_then(|typed| binder.assigned(typed, column));
        // A position in the default is none in the statement.
        typed.map(|typed| Typed { position: None, ..typed }).map_err(|mut error| {
            error.position = None;
            error
        })
    }
}

/// `DEFAULT` in place of a value: sqlparser reads it as a column.
pub(super) fn is_default(value: &ast::Expr) -> bool {
    matches!(value, ast::Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// What is written in `(…)` and in `ROW(…)`, which sqlparser reads as a call.
fn row_of(value: &ast::Expr) -> Option<Vec<ast::Expr>> {
    let call = match value {
        ast::Expr::Tuple(values) => return Some(values.clone()),
        ast::Expr::Function(call) => call,
        _ => return None,
    };
    let [ast::ObjectNamePart::Identifier(ident)] = call.name.0.as_slice() else { return None };
    if ident.quote_style.is_some() || !ident.value.eq_ignore_ascii_case("row") {
        return None;
    }
    let ast::FunctionArguments::List(list) = &call.args else { return Some(Vec::new()) };
    let values = list.args.iter().filter_map(|argument| match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    Some(values.collect())
}

/// A value of `ROW(…)`.
enum RowValue {
    Written(ast::Expr),
    /// A column of `t.*`.
    Of(Typed),
}

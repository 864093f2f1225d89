//! INSERT: the rows, coerced to the table's columns as assignment does it.

use datafusion::logical_expr::cast;
use lis_lake::{
    ids::Oid,
    names::Identifier,
    types::{ColumnType, NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT, PgType},
};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Shared, Surroundings, Unknowns,
    attachments::Attachments,
    expressions::{Clause, Place},
    not_postgresql, project, settled, unsupported,
};
use crate::{
    catalog::{Catalog, CatalogColumn, CatalogRelation, RelationSource},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, identifier},
    output::{BoundQuery, Dependency},
    parse::parse_expression,
    types::{Binding, CastContext, Parameters, Typed, coerce},
};

/// An INSERT ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundInsert {
    /// The table.
    pub relation: Oid,
    /// The rows: one column for each of the table's columns, in the table's order and of its canonical Arrow types.
    pub query: BoundQuery,
    /// `attnum` of the columns that the statement gives values for.
    pub columns: Vec<i16>,
}

/// Binds an INSERT … VALUES or SELECT. Columns that are not mentioned get their default.
pub fn bind_insert(
    insert: &ast::Insert,
    text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundInsert, SqlError> {
    let parameters = Parameters::new(&context.parameter_types);
    let shared = Shared::default();
    let binder = Binder::new(text, Binding { catalog, context, parameters: &parameters }, &shared);
    let (relation, targets, bound) = binder.insert(insert)?;
    let parameters = settled(&parameters)?;
    Ok(BoundInsert {
        relation: relation.oid,
        query: shared.finish(bound, parameters),
        columns: targets.iter().map(|target| target.number).collect(),
    })
}

impl Binder<'_> {
    fn insert(&self, insert: &ast::Insert) -> Result<(CatalogRelation, Vec<CatalogColumn>, Bound), SqlError> {
        let ast::TableObject::TableName(name) = &insert.table else {
            return Err(not_postgresql("(", None));
        };
        let position = self.name_position(name);
        if insert.on.is_some() {
            return Err(unsupported("ON CONFLICT", position));
        }
        if insert.returning.is_some() {
            return Err(unsupported("RETURNING", position));
        }
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        let relation = self.find_relation(&parts, position)?;
        self.depends(Dependency::Relation(relation.oid));
        if matches!(relation.source, RelationSource::View { .. }) {
            let message = format!("cannot insert into view \"{}\"", relation.name.name.as_str());
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        let mut targets = self.targets(insert, &relation)?;
        // Without a list of columns, the last ones may be left out.
        let shorter = insert.columns.is_empty();
        let bound = match insert.source.as_deref() {
            None => Bound { plan: super::one_row(), columns: Vec::new() },
            Some(query) => match (query.body.as_ref(), query.with.is_none() && query.order_by.is_none()) {
                (ast::SetExpr::Values(values), true) if query.limit_clause.is_none() => {
                    self.inserted_values(values, &mut targets, shorter)?
                }
                _ => self.inserted_query(query, &mut targets, shorter)?,
            },
        };
        let bound = self.as_table(&relation, &targets, bound)?;
        Ok((relation, targets, bound))
    }

    /// The columns that get values.
    fn targets(
        &self,
        insert: &ast::Insert,
        relation: &CatalogRelation,
    ) -> Result<Vec<CatalogColumn>, SqlError> {
        let visible = relation.columns.iter().filter(|column| !column.hidden);
        if insert.columns.is_empty() {
            let targets: Vec<_> = visible.cloned().collect();
            return Ok(if insert.source.is_none() { Vec::new() } else { targets });
        }
        let mut targets: Vec<CatalogColumn> = Vec::new();
        for written in &insert.columns {
            let Some(ident) = written.0.first().and_then(ast::ObjectNamePart::as_ident) else {
                return Err(not_postgresql("(", None));
            };
            let name = identifier(ident);
            let position = self.position(ident.span);
            let Some(column) = visible.clone().find(|column| column.name == name) else {
                let message = format!(
                    "column \"{}\" of relation \"{}\" does not exist",
                    name.as_str(),
                    relation.name.name.as_str()
                );
                return Err(SqlError::new(SqlErrorKind::UndefinedColumn, message).at(position));
            };
            if targets.iter().any(|target| target.number == column.number) {
                let message = format!("column \"{}\" specified more than once", name.as_str());
                return Err(SqlError::new(SqlErrorKind::DuplicateColumn, message).at(position));
            }
            targets.push(column.clone());
        }
        Ok(targets)
    }

    fn inserted_values(
        &self,
        values: &ast::Values,
        targets: &mut Vec<CatalogColumn>,
        shorter: bool,
    ) -> Result<Bound, SqlError> {
        if let Some(first) = values.rows.first().filter(|_| shorter) {
            targets.truncate(first.content.len());
        }
        let attachments = Attachments::default();
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, None),
            ctes: None,
            clause: Clause::Values,
            calls: None,
            attachments: Some(&attachments),
        };
        let mut rows = Vec::with_capacity(values.rows.len());
        for written in &values.rows {
            self.check_width(written.content.len(), targets, written.content.first())?;
            let mut row = Vec::with_capacity(targets.len());
            for (value, target) in written.content.iter().zip(targets.iter()) {
                let typed = if is_default(value) {
                    self.default_of(target)?
                } else {
                    self.assigned(self.expression(value, place)?, target)?
                };
                row.push(typed);
            }
            rows.push(row);
        }
        self.rows(rows, &attachments, Unknowns::AsText)
    }

    fn inserted_query(
        &self,
        query: &ast::Query,
        targets: &mut Vec<CatalogColumn>,
        shorter: bool,
    ) -> Result<Bound, SqlError> {
        let bound = self.query(query, Surroundings::default(), Unknowns::Keep)?;
        if shorter {
            targets.truncate(bound.columns.len());
        }
        self.check_width(bound.columns.len(), targets, None)?;
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for (column, target) in bound.columns.iter().zip(targets.iter()) {
            let typed = self.assigned(column.typed(), target)?;
            let output = self.fresh_column(target.name.as_str());
            exprs.push(typed.expr.alias(&output.name));
            columns.push(BoundColumn {
                name: target.name.as_str().to_owned(),
                column: output,
                column_type: typed.column_type,
                arrow_type: typed.arrow_type,
                origin: None,
                unknown: None,
                position: column.position,
            });
        }
        Ok(Bound { plan: project(bound.plan, exprs)?, columns })
    }

    fn check_width(
        &self,
        width: usize,
        targets: &[CatalogColumn],
        first: Option<&ast::Expr>,
    ) -> Result<(), SqlError> {
        let position = first.and_then(|first| self.start_of(first));
        if width > targets.len() {
            let message = "INSERT has more expressions than target columns";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        if width < targets.len() {
            let message = "INSERT has more target columns than expressions";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        Ok(())
    }

    /// A value as assignment to a column gives it.
    fn assigned(&self, typed: Typed, target: &CatalogColumn) -> Result<Typed, SqlError> {
        let position = typed.position;
        let found = typed.pg_type();
        // A column without scale has the default one.
        let column_type = match target.column_type.pg_type {
            PgType::Numeric if target.column_type.precision_scale().is_none() => {
                ColumnType::numeric(NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT)
            }
            _ => target.column_type,
        };
        let typed = coerce(&self.binding, typed, column_type, CastContext::Assignment, position).map_err(
            |error| {
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
            },
        )?;
        let canonical = target.column_type.to_arrow();
        if typed.arrow_type == canonical {
            return Ok(Typed { column_type: target.column_type, ..typed });
        }
        let expr = cast(typed.expr, canonical.clone());
        Ok(Typed { expr, arrow_type: canonical, column_type: target.column_type, ..typed })
    }

    /// A column's default.
    fn default_of(&self, column: &CatalogColumn) -> Result<Typed, SqlError> {
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

    /// All of the table's columns, those without values with their defaults.
    fn as_table(
        &self,
        relation: &CatalogRelation,
        targets: &[CatalogColumn],
        bound: Bound,
    ) -> Result<Bound, SqlError> {
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for column in relation.columns.iter().filter(|column| !column.hidden) {
            let given = targets
                .iter()
                .position(|target| target.number == column.number)
                .and_then(|index| bound.columns.get(index));
            let typed = match given {
                Some(given) => given.typed(),
                None => self.default_of(column)?,
            };
            let output = self.fresh_column(column.name.as_str());
            exprs.push(typed.expr.alias(&output.name));
            columns.push(BoundColumn {
                name: column.name.as_str().to_owned(),
                column: output,
                column_type: column.column_type,
                arrow_type: typed.arrow_type,
                origin: None,
                unknown: None,
                position: None,
            });
        }
        Ok(Bound { plan: project(bound.plan, exprs)?, columns })
    }
}

/// `DEFAULT` in place of a value: sqlparser reads it as a column.
fn is_default(value: &ast::Expr) -> bool {
    matches!(value, ast::Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

//! INSERT: the rows, coerced to the table's columns as assignment does it.

use sqlparser::ast;

use super::{
    super::{
        Binder, Bound, BoundColumn, Surroundings, Unknowns, attachments::Attachments, one_row, place::Clause,
        project,
    },
    Affected, AffectedColumns, Command, Layout, place,
    returning::Seen,
};
use crate::{
    catalog::{CatalogColumn, CatalogRelation},
    error::{SqlError, SqlErrorKind},
    modification::{AssignedColumn, Insert},
    names::{Namespace, identifier},
    types::{Derived, Typed},
};

impl Binder<'_> {
    pub(super) fn insert(
        &self,
        insert: &Insert,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        let relation = self.target_relation(&insert.target, "insert into")?;
        let mut targets = self.target_columns(&insert.columns, &relation)?;
        // Without a list of columns, the last ones may be left out.
        let shorter = insert.columns.is_empty();
        let bound = match insert.source.as_deref() {
            None => {
                targets.clear();
                Bound { plan: one_row(), columns: Vec::new() }
            }
            Some(query) => match (query.body.as_ref(), query.with.is_none() && query.order_by.is_none()) {
                (ast::SetExpr::Values(values), true) if query.limit_clause.is_none() => {
                    self.inserted_values(values, &mut targets, &insert.columns, surroundings)?
                }
                _ => self.inserted_query(query, &mut targets, shorter, surroundings)?,
            },
        };
        let (bound, width) = self.as_table(&relation, &targets, &insert.columns, bound, surroundings)?;
        if let Some(on_conflict) = &insert.on_conflict {
            let keys = self.arbiters(&on_conflict.target, &relation)?;
            if !keys.is_empty() {
                return self.insert_or(insert, &relation, &keys, &targets, bound, surroundings);
            }
        }
        let name = insert.target.alias.as_ref().map_or_else(|| relation.name.name.clone(), identifier);
        let row = Seen::row_of(&relation, name, insert.target.alias.is_some());
        let returning = self.returning(&insert.returning, row, &Namespace::default(), surroundings)?;
        let layout = Layout { width, new: Some(0), others: width, ..Layout::default() };
        Ok(Affected {
            command: Command::Insert,
            relation: relation.oid,
            bound,
            layout,
            columns: targets.iter().map(|target| target.number).collect(),
            reads_target: false,
            steps: Vec::new(),
            returning: returning.map(|(returning, _)| returning),
        })
    }

    fn inserted_values(
        &self,
        values: &ast::Values,
        targets: &mut Vec<CatalogColumn>,
        columns: &[AssignedColumn],
        surroundings: Surroundings<'_>,
    ) -> Result<Bound, SqlError> {
        if let Some(first) = values.rows.first().filter(|_| columns.is_empty()) {
            targets.truncate(first.content.len());
        }
        let attachments = Attachments::default();
        let nothing = Namespace::default();
        let place = place(&nothing, surroundings, Clause::Values, Some(&attachments));
        let mut rows = Vec::with_capacity(values.rows.len());
        for written in &values.rows {
            if values.rows.first().is_some_and(|first| first.content.len() != written.content.len()) {
                let position = written.content.first().and_then(|value| self.start_of(value));
                return Err(SqlError::new(
                    SqlErrorKind::SyntaxError,
                    "VALUES lists must all be the same length",
                )
                .at(position));
            }
            self.check_width(&written.content, targets, columns)?;
            let mut row = Vec::with_capacity(targets.len());
            for (index, (value, target)) in written.content.iter().zip(targets.iter()).enumerate() {
                row.push(self.value_for_part(value, columns.get(index), target, place)?);
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
        surroundings: Surroundings<'_>,
    ) -> Result<Bound, SqlError> {
        let bound = self.query(query, surroundings, Unknowns::Keep)?;
        if shorter {
            targets.truncate(bound.columns.len());
        }
        let excess = bound.columns.get(targets.len()).and_then(|column| column.position);
        width_is(bound.columns.len(), targets.len(), excess)?;
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
                collation: Derived::default(),
                origin: None,
                unknown: None,
                position: column.position,
            });
        }
        Ok(Bound { plan: project(bound.plan, exprs)?, columns })
    }

    /// Refuses a row with more or fewer values than columns, at the value or column that is too many.
    pub(super) fn check_width(
        &self,
        values: &[ast::Expr],
        targets: &[CatalogColumn],
        written: &[AssignedColumn],
    ) -> Result<(), SqlError> {
        let position = match (values.get(targets.len()), written.get(values.len())) {
            (Some(value), _) => self.start_of(value),
            (None, Some(column)) => self.position(column.name.span),
            (None, None) => None,
        };
        width_is(values.len(), targets.len(), position)
    }

    /// All of the table's columns, those without values with their defaults; and how many.
    fn as_table(
        &self,
        relation: &CatalogRelation,
        targets: &[CatalogColumn],
        written: &[AssignedColumn],
        bound: Bound,
        surroundings: Surroundings<'_>,
    ) -> Result<(Bound, usize), SqlError> {
        let nothing = Namespace::default();
        let place = place(&nothing, surroundings, Clause::Values, None);
        let mut affected = AffectedColumns::default();
        for column in relation.columns.iter().filter(|column| !column.hidden) {
            let mut typed: Option<Typed> = None;
            for (index, given) in bound.columns.iter().enumerate() {
                if targets.get(index).is_none_or(|target| target.number != column.number) {
                    continue;
                }
                typed = Some(match written.get(index).filter(|written| !written.subscripts.is_empty()) {
                    Some(part) => {
                        let array = typed.unwrap_or_else(|| Typed::null(column.column_type));
                        self.with_part(array, part, given.typed(), place)?
                    }
                    None => given.typed(),
                });
            }
            let typed = typed.map_or_else(|| self.default_of(column), Ok)?;
            affected.push(self, column.name.as_str(), typed);
        }
        let width = affected.len();
        Ok((affected.over(bound.plan)?, width))
    }
}

fn width_is(values: usize, targets: usize, position: Option<usize>) -> Result<(), SqlError> {
    let message = match values.cmp(&targets) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => "INSERT has more expressions than target columns",
        std::cmp::Ordering::Less => "INSERT has more target columns than expressions",
    };
    Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position))
}

//! Keys and checks: what a statement says of them as the lake wants it.

use std::sync::Arc;

use lis_lake::{
    names::Identifier,
    staged::{NewConstraint, NewConstraintKind},
    table::{Collation, Constraint, ConstraintKind, Relation, Table},
};
use lis_sql::{
    expression_text,
    keywords::quote_identifier,
    statement::{ColumnDefinition, ObjectName, TableConstraint, TableConstraintKind, Written},
};

use super::{Ddl, find_relation, no_column, no_relation};
use crate::{
    error::{Condition, Result, ServerError},
    query::check_constraints::CheckConstraints,
};

impl Ddl<'_> {
    /// What a column's definition says of the table's own keys.
    pub(super) fn column_keys(column: &ColumnDefinition) -> Vec<NewConstraint> {
        let only = || vec![column.name.clone()];
        let mut constraints = Vec::new();
        if column.primary_key {
            let kind = NewConstraintKind::PrimaryKey;
            constraints.push(NewConstraint { name: None, kind, columns: only() });
        }
        if column.unique {
            let kind = NewConstraintKind::Unique;
            constraints.push(NewConstraint { name: None, kind, columns: only() });
        }
        constraints
    }

    /// What a column's definition says of another table's key, or of one of its own table, which must be there.
    pub(super) fn column_reference(
        &self,
        own: &Table,
        column: &ColumnDefinition,
    ) -> Result<Option<NewConstraint>> {
        let Some((table, referenced)) = &column.references else { return Ok(None) };
        let referenced: Vec<_> = referenced.iter().cloned().collect();
        self.foreign_key(own, None, vec![column.name.clone()], table, &referenced).map(Some)
    }

    /// A key; `None` is a check or a foreign key, which can be made only over a table that is there.
    pub(super) fn key(&self, constraint: &TableConstraint) -> Result<Option<NewConstraint>> {
        let name = constraint.name.clone();
        Ok(Some(match &constraint.kind {
            TableConstraintKind::PrimaryKey(key) => NewConstraint {
                name,
                kind: NewConstraintKind::PrimaryKey,
                columns: distinct(key, "primary key")?,
            },
            TableConstraintKind::Unique(key) => {
                NewConstraint { name, kind: NewConstraintKind::Unique, columns: distinct(key, "unique")? }
            }
            TableConstraintKind::ForeignKey { .. } | TableConstraintKind::Check(_) => return Ok(None),
        }))
    }

    /// A check over a table that the statement sees, bound so that what cannot be one is refused now.
    pub(super) fn check(
        &self,
        table: &Table,
        name: Option<Identifier>,
        written: &Written,
    ) -> Result<NewConstraint> {
        let expression = written.text.as_str();
        CheckConstraints::bind_one(&self.server, &self.request, table, expression)
            .map_err(|error| placed(error, written.position))?;
        let named = expression_text::names_in(expression)?;
        let columns = table.columns.iter().map(|column| column.name.clone());
        Ok(NewConstraint {
            name,
            kind: NewConstraintKind::Check { expression: expression.to_owned() },
            columns: columns.filter(|column| named.contains(column)).collect(),
        })
    }

    fn foreign_key(
        &self,
        own: &Table,
        name: Option<Identifier>,
        columns: Vec<Identifier>,
        table: &ObjectName,
        referenced: &[Identifier],
    ) -> Result<NewConstraint> {
        let relation = find_relation(&self.request, table)?.ok_or_else(|| no_relation("relation", table))?;
        let Relation::Table(target) = relation else {
            return Err(ServerError::new(
                Condition::WrongObjectType,
                format!("referenced relation \"{}\" is not a table", table.written()),
            ));
        };
        // A reference tells that the table and its columns are there, as in PostgreSQL.
        self.request.judge(&self.server, |context| {
            lis_security::privileges::require_relation(
                context,
                target.id.oid(),
                lis_sql::statement::Privilege::References,
            )
        })?;
        let snapshot = &self.request.snapshot;
        let temporary = snapshot.relation(own.id).is_some_and(|own| snapshot.is_temporary(own));
        if snapshot.is_temporary(relation) != temporary {
            let kind = if temporary { "temporary" } else { "permanent" };
            return Err(ServerError::new(
                Condition::InvalidTableDefinition,
                format!("constraints on {kind} tables may reference only {kind} tables"),
            ));
        }
        let referenced_columns = if referenced.is_empty() {
            let key = target.constraints.iter().find(|it| it.kind == ConstraintKind::PrimaryKey);
            let key = key.ok_or_else(|| {
                ServerError::new(
                    Condition::UndefinedObject,
                    format!("there is no primary key for referenced table \"{}\"", target.name.as_str()),
                )
            })?;
            let named =
                |id| target.columns.iter().find(|column| column.id == id).map(|column| column.name.clone());
            key.columns.iter().filter_map(|id| named(*id)).collect()
        } else {
            referenced.to_vec()
        };
        if let Some(missing) = referenced_columns.iter().find(|name| target.column_named(name).is_none()) {
            return Err(ServerError::new(
                Condition::UndefinedColumn,
                format!(
                    "column \"{}\" referenced in foreign key constraint does not exist",
                    missing.as_str()
                ),
            ));
        }
        if referenced_columns.len() != columns.len() {
            return Err(ServerError::new(
                Condition::InvalidForeignKey,
                "number of referencing and referenced columns for foreign key disagree",
            ));
        }
        let is_key = |constraint: &&Constraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
                && constraint.columns.len() == referenced_columns.len()
                && referenced_columns.iter().all(|name| {
                    target.column_named(name).is_some_and(|column| constraint.columns.contains(&column.id))
                })
        };
        if target.constraints.iter().find(is_key).is_none() {
            let name = table.name.as_str();
            return Err(ServerError::new(
                Condition::InvalidForeignKey,
                format!("there is no unique constraint matching given keys for referenced table \"{name}\""),
            ));
        }
        Ok(NewConstraint {
            name,
            kind: NewConstraintKind::ForeignKey { references: target.id, referenced_columns },
            columns,
        })
    }

    /// ADD CONSTRAINT to a table that may have rows: a check and the NOT NULL and uniqueness of a key must hold for them.
    pub(super) async fn add_constraint(
        &mut self,
        table: &Arc<Table>,
        constraint: &TableConstraint,
    ) -> Result<()> {
        let new = match &constraint.kind {
            // As in PostgreSQL, ALTER TABLE does not tell the place.
            TableConstraintKind::Check(expression) => {
                self.check(table, constraint.name.clone(), &Written { position: None, ..expression.clone() })?
            }
            TableConstraintKind::ForeignKey { columns, table: other, referenced } => {
                self.foreign_key(table, constraint.name.clone(), columns.clone(), other, referenced)?
            }
            _ => match self.key(constraint)? {
                Some(key) => key,
                None => return Ok(()),
            },
        };
        self.add_new_constraint(table, new).await
    }

    /// Adds a constraint that was understood already.
    pub(super) async fn add_new_constraint(&mut self, table: &Arc<Table>, new: NewConstraint) -> Result<()> {
        for column in &new.columns {
            if table.column_named(column).is_none() {
                return Err(ServerError::new(
                    Condition::UndefinedColumn,
                    match new.kind {
                        NewConstraintKind::ForeignKey { .. } => {
                            format!(
                                "column \"{}\" referenced in foreign key constraint does not exist",
                                column.as_str()
                            )
                        }
                        _ => format!("column \"{}\" named in key does not exist", column.as_str()),
                    },
                ));
            }
        }
        if let Some(name) = &new.name
            && table.constraints.iter().any(|constraint| constraint.name == *name)
        {
            return Err(taken(name, table));
        }
        let has_primary = table.constraints.iter().any(|key| key.kind == ConstraintKind::PrimaryKey);
        if has_primary && matches!(new.kind, NewConstraintKind::PrimaryKey) {
            return Err(several_primary_keys(&table.name));
        }
        let kind = new.kind.clone();
        let columns = new.columns.clone();
        if !matches!(kind, NewConstraintKind::ForeignKey { .. }) {
            self.require_all_rows(table)?;
        }
        let with = self.staged().await?.add_constraint(table.id, new).await?;
        let name = with.constraints.last().map_or("", |constraint| constraint.name.as_str()).to_owned();
        match kind {
            NewConstraintKind::Check { expression } => {
                if self.any_row(table, &format!("WHERE NOT ({expression})")).await? {
                    return Err(ServerError::new(
                        Condition::CheckViolation,
                        format!(
                            "check constraint \"{name}\" of relation \"{}\" is violated by some row",
                            table.name.as_str()
                        ),
                    ));
                }
            }
            NewConstraintKind::PrimaryKey | NewConstraintKind::Unique => {
                self.check_key(table, &kind, &columns, &name).await?;
            }
            NewConstraintKind::ForeignKey { .. } => {}
        }
        self.see_staged().await
    }

    async fn check_key(
        &mut self,
        table: &Arc<Table>,
        kind: &NewConstraintKind,
        columns: &[Identifier],
        name: &str,
    ) -> Result<()> {
        let quoted: Vec<String> = columns.iter().map(|column| quote_identifier(column.as_str())).collect();
        if matches!(kind, NewConstraintKind::PrimaryKey) {
            for column in columns {
                self.check_no_null(table, column).await?;
            }
        }
        let without_nulls: Vec<String> =
            quoted.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        // Whoever gets here may see every row.
        let shown: Vec<String> = quoted.iter().map(|column| format!("{column}::text")).collect();
        let shown = format!("concat_ws(', ', {})", shown.join(", "));
        let repeated = format!(
            "WHERE {} GROUP BY {} HAVING count(*) > 1",
            without_nulls.join(" AND "),
            quoted.join(", ")
        );
        let Some(repeated) = self.any_of(table, &shown, &repeated).await? else { return Ok(()) };
        Err(ServerError::new(Condition::UniqueViolation, format!("could not create unique index \"{name}\""))
            .with_detail(format!("Key ({})=({repeated}) is duplicated.", quoted.join(", "))))
    }

    /// Refuses a column in which some row has a null.
    pub(super) async fn check_no_null(&mut self, table: &Arc<Table>, column: &Identifier) -> Result<()> {
        let found = table.column_named(column).ok_or_else(|| no_column(column, &table.name))?;
        if found.not_null {
            return Ok(());
        }
        let condition = format!("WHERE {} IS NULL", quote_identifier(column.as_str()));
        if self.any_row(table, &condition).await? {
            return Err(ServerError::new(
                Condition::NotNullViolation,
                format!(
                    "column \"{}\" of relation \"{}\" contains null values",
                    column.as_str(),
                    table.name.as_str()
                ),
            ));
        }
        Ok(())
    }
}

/// What a column stores for a collation's name.
pub(super) fn collation(name: Option<&Identifier>) -> Result<Collation> {
    let Some(name) = name.map(Identifier::as_str) else { return Ok(Collation::C) };
    let Some(collation) = lis_sql::types::Collation::by_name(name) else {
        return Err(ServerError::new(
            Condition::UndefinedObject,
            format!("collation \"{name}\" for encoding \"UTF8\" does not exist"),
        ));
    };
    let stored = lis_sql::types::Derived::Implicit(collation).to_lake();
    if collation.locale().is_some() && stored == Collation::C {
        return Err(ServerError::not_supported(format!("a column of collation \"{name}\" is not supported"))
            .with_hint("A table's columns are of collation \"C\" or \"sv-x-icu\"."));
    }
    Ok(stored)
}

pub(super) fn several_primary_keys(table: &Identifier) -> ServerError {
    ServerError::new(
        Condition::InvalidTableDefinition,
        format!("multiple primary keys for table \"{}\" are not allowed", table.as_str()),
    )
}

pub(super) fn taken(name: &Identifier, table: &Table) -> ServerError {
    ServerError::new(
        Condition::DuplicateObject,
        format!("constraint \"{}\" for relation \"{}\" already exists", name.as_str(), table.name.as_str()),
    )
}

fn distinct(columns: &[Identifier], what: &str) -> Result<Vec<Identifier>> {
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].contains(column) {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" appears twice in {what} constraint", column.as_str()),
            ));
        }
    }
    Ok(columns.to_vec())
}

/// A position in an expression is none in the statement.
pub(super) fn unplaced(error: ServerError) -> ServerError {
    moved(error, |_| None)
}

/// An error in an expression that stands at a position of the statement.
pub(super) fn placed(error: ServerError, position: Option<usize>) -> ServerError {
    moved(error, |within| position.map(|position| position + within.saturating_sub(1)))
}

/// An error with its position, if it has one, as one of another text.
pub(in crate::query) fn moved(error: ServerError, to: impl Fn(usize) -> Option<usize>) -> ServerError {
    match error {
        ServerError::Sql(mut inner) => {
            inner.position = inner.position.and_then(to);
            ServerError::Sql(inner)
        }
        ServerError::Security(mut inner) => {
            if let Some(sql) = &mut inner.sql {
                sql.position = sql.position.and_then(to);
            }
            ServerError::Security(inner)
        }
        other => other,
    }
}

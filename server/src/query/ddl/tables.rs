//! CREATE TABLE.

use lis_lake::{
    names::{Identifier, QualifiedName},
    staged::{NewColumn, NewConstraint, NewConstraintKind, NewTable},
    table::{ConstraintKind, Relation, Schema, Table},
    types::PgType,
};
use lis_security::privileges;
use lis_sql::statement::{
    ColumnDefinition, ObjectName, OnCommit, Privilege, TableConstraint, TableConstraintKind, TableLike,
    Written,
};

use super::{
    Ddl, check_column_name,
    constraints::{collation, several_primary_keys},
    find_relation, no_relation,
};
use crate::error::{Condition, Result, ServerError};

/// What CREATE TABLE says in its parentheses.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewDefinition<'a> {
    pub(super) columns: &'a [ColumnDefinition],
    pub(super) likes: &'a [TableLike],
    pub(super) constraints: &'a [TableConstraint],
}

impl Ddl<'_> {
    pub(super) async fn create_table(
        &mut self,
        name: &ObjectName,
        temporary: Option<OnCommit>,
        if_not_exists: bool,
        definition: &NewDefinition<'_>,
    ) -> Result<()> {
        let schema = self.schema_for(name, temporary).await?;
        self.require_create(&schema)?;
        if if_not_exists && self.existing(&schema, &name.name, true)? {
            return Ok(());
        }
        let mut new = NewTable {
            schema_id: schema.id,
            name: name.name.clone(),
            owner: self.request.principal.current_oid(),
            comment: None,
            columns: Vec::with_capacity(definition.columns.len()),
            constraints: Vec::new(),
            materialized: None,
            sort_order: Vec::new(),
        };
        let mut checks: Vec<(Option<Identifier>, Written)> = Vec::new();
        for place in 0..=definition.columns.len() {
            for like in definition.likes.iter().filter(|like| like.after == place) {
                self.columns_like(like, &mut new, &mut checks)?;
            }
            if let Some(column) = definition.columns.get(place) {
                add_column(&mut new, self.new_column(column)?)?;
                new.constraints.extend(Self::column_keys(column));
            }
        }
        for constraint in definition.constraints {
            match &constraint.kind {
                TableConstraintKind::Check(expression) => {
                    checks.push((constraint.name.clone(), expression.clone()));
                }
                // Below: it may be to this table.
                TableConstraintKind::ForeignKey { .. } => {}
                _ => new.constraints.extend(self.key(constraint)?),
            }
        }
        check_constraints(&mut new)?;
        self.existing(&schema, &name.name, false)?;
        let table = self.staged().await?.create_table(new).await?;
        if let Some(on_commit) = temporary {
            self.session.transaction.note_on_commit(table.id, on_commit);
        }
        self.see_staged().await?;
        for (name, expression) in checks {
            let table = self.present(&table)?;
            let check = self.check(&table, name, &expression)?;
            if let Some(name) = &check.name
                && table.constraints.iter().any(|constraint| constraint.name == *name)
            {
                return Err(super::constraints::taken(name, &table));
            }
            self.staged().await?.add_constraint(table.id, check).await?;
            self.see_staged().await?;
        }
        for column in definition.columns {
            let table = self.present(&table)?;
            if let Some(reference) = self.column_reference(&table, column)? {
                self.add_new_constraint(&table, reference).await?;
            }
        }
        for constraint in definition.constraints {
            if matches!(constraint.kind, TableConstraintKind::ForeignKey { .. }) {
                let table = self.present(&table)?;
                self.add_constraint(&table, constraint).await?;
            }
        }
        Ok(())
    }

    /// A column as its definition says. Its keys are the caller's.
    pub(super) fn new_column(&self, column: &ColumnDefinition) -> Result<NewColumn> {
        if !column.column_type.pg_type.can_be_stored() {
            return Err(ServerError::not_supported(format!(
                "column \"{}\" cannot have the type {}",
                column.name.as_str(),
                column.column_type.pg_type.facts().sql_name
            )));
        }
        check_collatable(column.collation.as_ref(), column.column_type.pg_type)?;
        if let Some(default) = &column.default {
            self.check_default(&column.name, column.column_type, default, column.default_position)?;
        }
        let mut new = NewColumn::new(column.name.clone(), column.column_type);
        new.not_null = column.not_null || column.primary_key;
        new.default.clone_from(&column.default);
        new.collation = collation(column.collation.as_ref())?;
        Ok(new)
    }

    /// The columns of LIKE, and what it includes.
    fn columns_like(
        &self,
        like: &TableLike,
        new: &mut NewTable,
        checks: &mut Vec<(Option<Identifier>, Written)>,
    ) -> Result<()> {
        let relation = find_relation(&self.request, &like.source)?
            .ok_or_else(|| no_relation("relation", &like.source))?;
        self.request.judge(&self.server, |context| {
            privileges::require_relation(context, relation.id().oid(), Privilege::Select)
        })?;
        for column in relation.columns() {
            let mut copy = NewColumn::new(column.name.clone(), column.column_type);
            copy.not_null = column.not_null;
            copy.collation = column.collation;
            copy.default = column.default.clone().filter(|_| like.defaults);
            copy.comment = column.comment.clone().filter(|_| like.comments);
            add_column(new, copy)?;
        }
        let Relation::Table(table) = relation else { return Ok(()) };
        let names = |columns: &[lis_lake::ids::ColumnId]| {
            columns.iter().filter_map(|id| Some(table.column(*id)?.name.clone())).collect()
        };
        for constraint in &table.constraints {
            match &constraint.kind {
                ConstraintKind::Check { expression } if like.constraints => {
                    checks.push((
                        Some(constraint.name.clone()),
                        Written { text: expression.clone(), position: None },
                    ));
                }
                ConstraintKind::PrimaryKey if like.indexes => new.constraints.push(NewConstraint {
                    name: None,
                    kind: NewConstraintKind::PrimaryKey,
                    columns: names(&constraint.columns),
                }),
                ConstraintKind::Unique if like.indexes => new.constraints.push(NewConstraint {
                    name: None,
                    kind: NewConstraintKind::Unique,
                    columns: names(&constraint.columns),
                }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the name is taken and that is fine.
    pub(super) fn existing(
        &mut self,
        schema: &Schema,
        name: &Identifier,
        if_not_exists: bool,
    ) -> Result<bool> {
        let qualified = QualifiedName { schema: schema.name.clone(), name: name.clone() };
        if self.request.snapshot.relation_in(schema.id, name).is_none()
            && self.server.registry.relation(&qualified).is_none()
        {
            return Ok(false);
        }
        if if_not_exists {
            self.skip(Condition::DuplicateTable, format!("relation \"{}\"", name.as_str()))?;
            return Ok(true);
        }
        Err(ServerError::new(
            Condition::DuplicateTable,
            format!("relation \"{}\" already exists", name.as_str()),
        ))
    }
}

fn add_column(new: &mut NewTable, column: NewColumn) -> Result<()> {
    check_column_name(&column.name)?;
    if new.columns.iter().any(|other| other.name == column.name) {
        return Err(ServerError::new(
            Condition::DuplicateColumn,
            format!("column \"{}\" specified more than once", column.name.as_str()),
        ));
    }
    new.columns.push(column);
    Ok(())
}

/// Keys name columns of the table, no name comes twice, and there is one primary key at most.
fn check_constraints(new: &mut NewTable) -> Result<()> {
    let mut primary = false;
    for (index, constraint) in new.constraints.iter().enumerate() {
        let mut missing =
            constraint.columns.iter().filter(|name| !new.columns.iter().any(|column| column.name == **name));
        if let Some(missing) = missing.next() {
            let what = match constraint.kind {
                NewConstraintKind::ForeignKey { .. } => "referenced in foreign key constraint",
                _ => "named in key",
            };
            return Err(ServerError::new(
                Condition::UndefinedColumn,
                format!("column \"{}\" {what} does not exist", missing.as_str()),
            ));
        }
        if constraint.name.is_some()
            && new.constraints[..index].iter().any(|other| other.name == constraint.name)
        {
            return Err(ServerError::new(
                Condition::DuplicateTable,
                format!(
                    "relation \"{}\" already exists",
                    constraint.name.as_ref().map_or("", Identifier::as_str)
                ),
            ));
        }
        if matches!(constraint.kind, NewConstraintKind::PrimaryKey) && std::mem::replace(&mut primary, true) {
            return Err(several_primary_keys(&new.name));
        }
    }
    Ok(())
}

/// Only text has a collation.
pub(super) fn check_collatable(collation: Option<&Identifier>, pg_type: PgType) -> Result<()> {
    let element = pg_type.element().unwrap_or(pg_type);
    let collatable = matches!(element, PgType::Text | PgType::Varchar | PgType::Bpchar);
    if collation.is_none() || collatable {
        return Ok(());
    }
    Err(ServerError::new(
        Condition::DatatypeMismatch,
        format!("collations are not supported by type {}", lis_sql::types::type_name(pg_type)),
    ))
}

/// Refuses to change the rows of what has none of its own.
pub(crate) fn require_plain_table(table: &Table) -> Result<()> {
    if table.materialized.is_some() {
        return Err(ServerError::new(
            Condition::WrongObjectType,
            format!("cannot change materialized view \"{}\"", table.name.as_str()),
        ));
    }
    Ok(())
}

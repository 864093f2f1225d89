//! ALTER TABLE, VIEW and MATERIALIZED VIEW. The actions of one statement are staged in order, each over what the ones
//! before have made; an error undoes the statement.

use std::sync::Arc;

use lis_lake::{
    ids::{Oid, RelationId},
    names::{Identifier, QualifiedName},
    retention::can_rule,
    staged::{can_be_initial_default, widens},
    table::{Column, ConstraintKind, Relation, Table},
    types::ColumnType,
};
use lis_pg_catalog::format_type::format_type;
use lis_security::privileges;
use lis_sql::{
    expression_text,
    keywords::quote_identifier,
    statement::{AlterAction, ColumnDefinition, ObjectName, Privilege, RelationKind, TableConstraint},
};

use super::{
    Ddl, check_column_name,
    constraints::{collation, taken},
    find_relation, kind_of, no_column, no_relation, no_schema,
    tables::check_collatable,
};
use crate::{
    error::{Condition, Result, ServerError},
    query,
};

impl Ddl<'_> {
    pub(super) async fn alter_relation(
        &mut self,
        kind: RelationKind,
        name: &ObjectName,
        if_exists: bool,
        actions: &[AlterAction],
    ) -> Result<()> {
        let Some(relation) = find_relation(&self.request, name)?.cloned() else {
            if if_exists {
                let name = name.name.as_str();
                return self.notice(format!("relation \"{name}\" does not exist, skipping"));
            }
            return Err(no_relation("relation", name));
        };
        // ALTER TABLE also renames, moves and gives away what is no table.
        let lenient = actions.iter().all(|action| {
            matches!(
                action,
                AlterAction::RenameTo(_)
                    | AlterAction::SetSchema(_)
                    | AlterAction::OwnerTo(_)
                    | AlterAction::RenameColumn { .. }
                    | AlterAction::SetSecurityInvoker(_)
            )
        });
        if !(kind == RelationKind::Table && lenient) {
            if let (RelationKind::Table, Some(first)) = (kind, actions.first()) {
                check_action(first, &relation)?;
            }
            super::check_kind(kind, &relation)?;
        }
        self.require_owner(relation.id().oid())?;
        for action in actions {
            self.alter(&relation, action).await?;
            self.see_staged().await?;
        }
        Ok(())
    }

    async fn alter(&mut self, relation: &Relation, action: &AlterAction) -> Result<()> {
        let id = relation.id();
        match action {
            AlterAction::RenameTo(name) => self.rename_relation(relation, name).await,
            AlterAction::SetSchema(schema) => self.set_schema(relation, schema).await,
            AlterAction::OwnerTo(role) => {
                let owner = self.new_owner(role)?;
                self.give_away(relation, owner).await
            }
            AlterAction::RenameColumn { from, to } => self.rename_column(id, from, to).await,
            AlterAction::SetSecurityInvoker(value) => self.set_security_invoker(relation, *value).await,
            AlterAction::AddColumn { column, constraints, if_not_exists } => {
                let table = self.table(id)?;
                self.add_column(&table, column, constraints, *if_not_exists).await
            }
            AlterAction::DropColumn { column, if_exists, cascade } => {
                let table = self.table(id)?;
                self.drop_column(&table, column, *if_exists, *cascade).await
            }
            AlterAction::SetType { column, column_type, collation, using } => {
                let table = self.table(id)?;
                self.set_type(&table, column, *column_type, collation.as_ref(), using.as_deref()).await
            }
            AlterAction::SetDefault { column, default } => {
                let table = self.table(id)?;
                let found = column_of(&table, column)?;
                if let Some(default) = default {
                    self.check_default(column, found.column_type, default, None)?;
                }
                let found = found.id;
                self.staged().await?.set_default(id, found, default.clone())?;
                Ok(())
            }
            AlterAction::SetNotNull { column, not_null } => self.set_not_null(id, column, *not_null).await,
            AlterAction::AddConstraint(constraint) => {
                let table = self.table(id)?;
                self.add_constraint(&table, constraint).await
            }
            AlterAction::DropConstraint { name, if_exists, cascade } => {
                let table = self.table(id)?;
                self.drop_constraint(&table, name, *if_exists, *cascade).await
            }
            AlterAction::RenameConstraint { from, to } => {
                let table = self.table(id)?;
                let found = table.constraints.iter().find(|constraint| constraint.name == *from);
                let mut constraint = found.cloned().ok_or_else(|| no_constraint(from, &table, "table"))?;
                if table.constraints.iter().any(|other| other.name == *to) {
                    return Err(taken(to, &table));
                }
                constraint.name = to.clone();
                self.staged().await?.replace_constraint(id, constraint)?;
                Ok(())
            }
        }
    }

    async fn rename_relation(&mut self, relation: &Relation, name: &Identifier) -> Result<()> {
        let schema = self.request.snapshot.schema(relation.schema_id()).cloned();
        let schema = schema.ok_or_else(|| ServerError::new(Condition::InternalError, "no schema"))?;
        self.require_create(&schema)?;
        self.existing(&schema, name, false)?;
        self.staged().await?.rename_relation(relation.id(), name.clone())?;
        Ok(())
    }

    async fn set_schema(&mut self, relation: &Relation, schema: &Identifier) -> Result<()> {
        let target = self.request.snapshot.schema_named(schema).cloned();
        let target = target.ok_or_else(|| match schema.as_str() {
            "pg_catalog" | "information_schema" => ServerError::new(
                Condition::InsufficientPrivilege,
                format!("permission denied for schema {}", schema.as_str()),
            ),
            _ => no_schema(schema),
        })?;
        if target.id == relation.schema_id() {
            return Ok(());
        }
        if target.temporary || self.request.snapshot.is_temporary(relation) {
            return Err(ServerError::not_supported("cannot move objects into or out of temporary schemas"));
        }
        self.require_create(&target)?;
        let qualified = QualifiedName { schema: target.name.clone(), name: relation.name().clone() };
        if self.request.snapshot.relation_named(&qualified).is_some() {
            return Err(ServerError::new(
                Condition::DuplicateTable,
                format!(
                    "relation \"{}\" already exists in schema \"{}\"",
                    relation.name().as_str(),
                    schema.as_str()
                ),
            ));
        }
        self.staged().await?.set_schema(relation.id(), target.id)?;
        Ok(())
    }

    /// OWNER TO. The new owner must be able to make such an object where it is.
    async fn give_away(&mut self, relation: &Relation, owner: Oid) -> Result<()> {
        if relation.owner() == owner {
            return Ok(());
        }
        let rights = &self.request.rights;
        if rights.is_restricted(relation.id().oid())
            && !rights.manages_security(self.request.principal.current_oid())
        {
            return Err(ServerError::new(
                Condition::InsufficientPrivilege,
                format!("table \"{}\" was made from secured tables", relation.name().as_str()),
            )
            .with_hint("A security administrator can release it."));
        }
        if let Some(schema) = self.request.snapshot.schema(relation.schema_id())
            && !schema.temporary
        {
            self.request.judge(&self.server, |context| {
                privileges::require_schema_for(context, owner, schema.id.oid(), Privilege::Create)
            })?;
        }
        self.staged().await?.set_owner(relation.id(), owner)?;
        Ok(())
    }

    async fn set_security_invoker(&mut self, relation: &Relation, value: bool) -> Result<()> {
        if kind_of(relation) != RelationKind::View {
            return Err(ServerError::new(
                Condition::WrongObjectType,
                format!("\"{}\" is not a view", relation.name().as_str()),
            ));
        }
        self.staged().await?.set_security_invoker(relation.id(), value)?;
        Ok(())
    }

    async fn rename_column(&mut self, id: RelationId, from: &Identifier, to: &Identifier) -> Result<()> {
        let Some(relation) = self.request.snapshot.relation(id).cloned() else {
            return Err(ServerError::new(Condition::UndefinedTable, "the relation does not exist any more"));
        };
        let column = relation.columns().iter().find(|column| column.name == *from);
        let column = column.ok_or_else(|| {
            let message = format!("column \"{}\" does not exist", from.as_str());
            ServerError::new(Condition::UndefinedColumn, message)
        })?;
        let column = column.id;
        check_column_name(to)?;
        if relation.columns().iter().any(|other| other.name == *to) {
            return Err(column_exists(to, relation.name()));
        }
        let policies = self.request.rights.policies_with_column_renamed(id.oid(), from, to)?;
        let staged = self.staged().await?;
        staged.rename_column(id, column, to.clone())?;
        if let Relation::Table(table) = &relation {
            for constraint in &table.constraints {
                if let ConstraintKind::Check { expression } = &constraint.kind {
                    let mut renamed = constraint.clone();
                    let expression = expression_text::with_column_renamed(expression, from, to)?;
                    renamed.kind = ConstraintKind::Check { expression };
                    staged.replace_constraint(id, renamed)?;
                }
            }
        }
        if !policies.is_empty() {
            self.session.transaction.add_security(policies, &self.parsed.text);
        }
        Ok(())
    }

    async fn add_column(
        &mut self,
        table: &Arc<Table>,
        column: &ColumnDefinition,
        constraints: &[TableConstraint],
        if_not_exists: bool,
    ) -> Result<()> {
        if table.column_named(&column.name).is_some() {
            if if_not_exists {
                let (column, table) = (column.name.as_str(), table.name.as_str());
                let what = format!("column \"{column}\" of relation \"{table}\"");
                return self.skip(Condition::DuplicateColumn, what);
            }
            return Err(column_exists(&column.name, &table.name));
        }
        check_column_name(&column.name)?;
        // As in PostgreSQL, ALTER TABLE does not tell the place of what is wrong in an expression.
        let mut new = self.new_column(&ColumnDefinition { default_position: None, ..column.clone() })?;
        let keys = Self::column_keys(column).into_iter().chain(self.column_reference(table, column)?);
        let keys: Vec<_> = keys.collect();
        let primary = column.primary_key
            || constraints.iter().any(|constraint| {
                matches!(constraint.kind, lis_sql::statement::TableConstraintKind::PrimaryKey(_))
            });
        new.not_null |= primary;
        let mut initial = None;
        if let Some(default) = &column.default {
            if self.check_default(&column.name, column.column_type, default, None)? && !table.files.is_empty()
            {
                return Err(ServerError::not_supported(
                    "a new column of a table with rows cannot have a volatile default",
                )
                .with_hint("Add the column without it, update the rows, and set the default then."));
            }
            initial = self.default_value(&column.name, column.column_type, default).await?;
            if let Some(value) = &initial
                && !can_be_initial_default(value)
            {
                return Err(ServerError::not_supported(format!(
                    "a new column of the type {} cannot have this default for the rows that exist",
                    format_type(column.column_type.pg_type.oid(), Some(column.column_type.typmod))
                ))
                .with_hint("Add the column without it, update the rows, and set the default then."));
            }
        }
        if new.not_null && initial.is_none() {
            self.require_all_rows(table)?;
            if self.any_row(table, "").await? {
                return Err(ServerError::new(
                    Condition::NotNullViolation,
                    format!(
                        "column \"{}\" of relation \"{}\" contains null values",
                        column.name.as_str(),
                        table.name.as_str()
                    ),
                ));
            }
        }
        new.initial_default = initial;
        self.staged().await?.add_column(table.id, new)?;
        self.see_staged().await?;
        for key in keys {
            let table = self.table(table.id)?;
            self.add_new_constraint(&table, key).await?;
        }
        for constraint in constraints {
            let table = self.table(table.id)?;
            self.add_constraint(&table, constraint).await?;
        }
        Ok(())
    }

    async fn set_not_null(&mut self, id: RelationId, column: &Identifier, not_null: bool) -> Result<()> {
        let table = self.table(id)?;
        let found = column_of(&table, column)?.clone();
        if found.not_null == not_null {
            return Ok(());
        }
        if not_null {
            self.require_all_rows(&table)?;
            self.check_no_null(&table, column).await?;
        } else if table.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintKind::PrimaryKey && constraint.columns.contains(&found.id)
        }) {
            return Err(ServerError::new(
                Condition::InvalidTableDefinition,
                format!("column \"{}\" is in a primary key", column.as_str()),
            ));
        }
        self.staged().await?.set_not_null(id, found.id, not_null)?;
        Ok(())
    }

    /// ALTER TYPE. Where the files can be read as the new type they stay; otherwise every row is written anew.
    async fn set_type(
        &mut self,
        table: &Arc<Table>,
        name: &Identifier,
        column_type: ColumnType,
        collate: Option<&Identifier>,
        using: Option<&str>,
    ) -> Result<()> {
        let column = column_of(table, name)?.clone();
        if !column_type.pg_type.can_be_stored() {
            return Err(ServerError::not_supported(format!(
                "column \"{}\" cannot have the type {}",
                name.as_str(),
                column_type.pg_type.facts().sql_name
            )));
        }
        check_collatable(collate, column_type.pg_type)?;
        let collation = match collate {
            Some(_) => collation(collate)?,
            None => column.collation,
        };
        if column.column_type == column_type && column.collation == collation && using.is_none() {
            return Ok(());
        }
        self.refuse_if_typed_elsewhere(table, &column)?;
        if !can_rule(column_type.pg_type) {
            let what = format!("alter the type of column {}", name.as_str());
            self.refuse_if_ruled(table, column.id, &what).await?;
        }
        let from = column.column_type.pg_type;
        if using.is_none() && !lis_sql::types::can_assign(from, column_type.pg_type) {
            let sql_type = format_type(column_type.pg_type.oid(), Some(column_type.typmod));
            return Err(ServerError::new(
                Condition::DatatypeMismatch,
                format!(
                    "column \"{}\" cannot be cast automatically to type {}",
                    name.as_str(),
                    lis_sql::types::type_name(column_type.pg_type)
                ),
            )
            .with_hint(format!(
                "You might need to specify \"USING {}::{sql_type}\".",
                quote_identifier(name.as_str())
            )));
        }
        let sorted = table.sort_order.contains(&column.id);
        let files_stay = using.is_none()
            && (widens(column.column_type, column_type) || table.files.is_empty())
            && !(sorted && column.collation != collation);
        if let Some(default) = &column.default {
            self.check_default_of_type(&column, column_type, default)?;
        }
        if files_stay {
            self.staged().await?.set_column_type(table.id, column.id, column_type, collation)?;
        } else {
            self.rewrite(table, &column, column_type, collation, using).await?;
        }
        self.see_staged().await?;
        // Checks must mean something over the new type, and still hold.
        let table = self.table(table.id)?;
        query::check_constraints::CheckConstraints::bind(&self.server, &self.request, &table)?;
        Ok(())
    }

    async fn drop_constraint(
        &mut self,
        table: &Arc<Table>,
        name: &Identifier,
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let Some(constraint) = table.constraints.iter().find(|constraint| constraint.name == *name) else {
            if if_exists {
                return self.notice(format!(
                    "constraint \"{}\" of relation \"{}\" does not exist, skipping",
                    name.as_str(),
                    table.name.as_str()
                ));
            }
            return Err(no_constraint(name, table, "relation"));
        };
        let oid = constraint.oid;
        self.drop_references_to(table, constraint, cascade).await?;
        self.staged().await?.drop_constraint(table.id, oid)?;
        Ok(())
    }
}

/// Refuses an action that only a table takes, as PostgreSQL calls it.
fn check_action(action: &AlterAction, relation: &Relation) -> Result<()> {
    let (kind, named) = match kind_of(relation) {
        RelationKind::Table => return Ok(()),
        kind => (kind, relation.name().as_str()),
    };
    let action = match action {
        AlterAction::AddColumn { .. } => "ADD COLUMN",
        AlterAction::DropColumn { .. } => "DROP COLUMN",
        AlterAction::SetType { .. } => "ALTER COLUMN ... SET DATA TYPE",
        AlterAction::SetNotNull { not_null: true, .. } => "ALTER COLUMN ... SET NOT NULL",
        AlterAction::SetNotNull { not_null: false, .. } => "ALTER COLUMN ... DROP NOT NULL",
        AlterAction::AddConstraint(_) => "ADD CONSTRAINT",
        AlterAction::DropConstraint { .. } => "DROP CONSTRAINT",
        AlterAction::RenameTo(_)
        | AlterAction::SetSchema(_)
        | AlterAction::OwnerTo(_)
        | AlterAction::RenameColumn { .. }
        | AlterAction::RenameConstraint { .. }
        | AlterAction::SetDefault { .. }
        | AlterAction::SetSecurityInvoker(_) => return Ok(()),
    };
    Err(ServerError::new(
        Condition::WrongObjectType,
        format!("ALTER action {action} cannot be performed on relation \"{named}\""),
    )
    .with_detail(format!("This operation is not supported for {}s.", kind.name())))
}

fn column_of<'t>(table: &'t Table, name: &Identifier) -> Result<&'t Column> {
    table.column_named(name).ok_or_else(|| no_column(name, &table.name))
}

fn column_exists(column: &Identifier, relation: &Identifier) -> ServerError {
    ServerError::new(
        Condition::DuplicateColumn,
        format!("column \"{}\" of relation \"{}\" already exists", column.as_str(), relation.as_str()),
    )
}

fn no_constraint(name: &Identifier, table: &Table, kind: &str) -> ServerError {
    ServerError::new(
        Condition::UndefinedObject,
        format!("constraint \"{}\" for {kind} \"{}\" does not exist", name.as_str(), table.name.as_str())
            .replace("for relation", "of relation"),
    )
}

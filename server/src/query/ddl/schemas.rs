//! CREATE, ALTER and DROP SCHEMA.

use std::sync::Arc;

use lis_lake::{ids::RelationId, names::Identifier, staged::NewSchema, table::Relation, table::Schema};
use lis_security::privileges;
use lis_sql::statement::{AlterSchemaAction, ParsedStatement, RoleName, Statement, UtilityStatement};

use super::{Ddl, no_schema};
use crate::error::{Condition, Result, ServerError};

/// Where system relations live beside an installation's own: it stays what it is called.
const SYSTEM_SCHEMA: &str = "lis";

impl Ddl<'_> {
    pub(super) async fn create_schema(
        &mut self,
        name: Option<&Identifier>,
        if_not_exists: bool,
        owner: Option<&RoleName>,
    ) -> Result<()> {
        self.request.judge(&self.server, privileges::require_create_schema)?;
        let owner = self.new_owner(owner.unwrap_or(&RoleName::CurrentUser))?;
        let owners = self.request.rights.role(owner).map(|role| role.name.clone());
        let Some(name) = name.or(owners.as_ref()) else {
            return Err(ServerError::new(Condition::UndefinedObject, "the owner does not exist any more"));
        };
        check_name(name)?;
        if self.request.snapshot.schema_named(name).is_some() {
            if if_not_exists {
                let schema = format!("schema \"{}\"", name.as_str());
                return self.skip(Condition::DuplicateSchema, schema);
            }
            return Err(taken(name));
        }
        let staged = self.staged().await?;
        staged.create_schema(NewSchema { name: name.clone(), owner, comment: None }).await?;
        Ok(())
    }

    /// What is made with a schema, in it: names without a schema mean its own first.
    pub(super) async fn create_elements(
        &mut self,
        name: &Identifier,
        elements: &[UtilityStatement],
    ) -> Result<()> {
        // Views may be written before the tables that they read.
        let is_table = |element: &&UtilityStatement| matches!(element, UtilityStatement::CreateTable { .. });
        let tables = elements.iter().filter(is_table);
        for element in tables.chain(elements.iter().filter(|element| !is_table(element))) {
            self.see_staged().await?;
            let mut request = self.request.clone();
            Arc::make_mut(&mut request.bind).search_path.insert(0, name.clone());
            let parsed = ParsedStatement {
                statement: Statement::Utility(element.clone()),
                text: self.parsed.text.clone(),
                offset: self.parsed.offset,
            };
            Box::pin(super::run(self.session, &request, element, &Arc::new(parsed))).await?;
        }
        Ok(())
    }

    pub(super) async fn alter_schema(&mut self, name: &Identifier, action: &AlterSchemaAction) -> Result<()> {
        let schema = self.request.snapshot.schema_named(name).cloned().ok_or_else(|| no_schema(name))?;
        self.request
            .judge(&self.server, |context| privileges::require_schema_owner(context, schema.id.oid()))?;
        if schema.temporary {
            return Err(ServerError::not_supported("a temporary schema cannot be altered"));
        }
        let altered = match action {
            AlterSchemaAction::RenameTo(new) => {
                self.request.judge(&self.server, privileges::require_create_schema)?;
                check_name(new)?;
                if schema.name.as_str() == SYSTEM_SCHEMA {
                    return Err(ServerError::new(
                        Condition::InsufficientPrivilege,
                        format!("permission denied: \"{SYSTEM_SCHEMA}\" is a system schema"),
                    ));
                }
                if self.request.snapshot.schema_named(new).is_some() {
                    return Err(taken(new));
                }
                Schema { name: new.clone(), ..Schema::clone(&schema) }
            }
            AlterSchemaAction::OwnerTo(role) => {
                let owner = self.new_owner(role)?;
                self.request.judge(&self.server, privileges::require_create_schema)?;
                Schema { owner, ..Schema::clone(&schema) }
            }
        };
        self.staged().await?.alter_schema(altered)?;
        Ok(())
    }

    pub(super) async fn drop_schemas(
        &mut self,
        names: &[Identifier],
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let mut schemas = Vec::new();
        for name in names {
            let Some(schema) = self.request.snapshot.schema_named(name).cloned() else {
                if if_exists {
                    self.notice(format!("schema \"{}\" does not exist, skipping", name.as_str()))?;
                    continue;
                }
                return Err(no_schema(name));
            };
            self.request
                .judge(&self.server, |context| privileges::require_schema_owner(context, schema.id.oid()))?;
            if schema.temporary {
                return Err(ServerError::not_supported("a temporary schema cannot be dropped")
                    .with_hint("DISCARD TEMP drops what is in it."));
            }
            schemas.push(schema);
        }
        let inside: Vec<RelationId> = self
            .request
            .snapshot
            .relations()
            .filter(|relation| schemas.iter().any(|schema| relation.schema_id() == schema.id))
            .map(Relation::id)
            .collect();
        self.drop_with_schemas(&schemas, &inside, cascade).await?;
        let staged = self.staged().await?;
        for schema in schemas {
            staged.drop_schema(schema.id)?;
        }
        Ok(())
    }
}

fn check_name(name: &Identifier) -> Result<()> {
    if name.as_str().starts_with("pg_") || name.as_str() == "information_schema" {
        return Err(ServerError::new(
            Condition::ReservedName,
            format!("unacceptable schema name \"{}\"", name.as_str()),
        )
        .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    Ok(())
}

fn taken(name: &Identifier) -> ServerError {
    ServerError::new(Condition::DuplicateSchema, format!("schema \"{}\" already exists", name.as_str()))
}

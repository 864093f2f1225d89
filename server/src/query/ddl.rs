//! Statements about schemas, tables and views: checked by security, staged over the transaction's snapshot. What CASCADE
//! and IF EXISTS mean is decided here; what a table may look like is the lake's knowledge. Existing rows are looked at
//! and written anew by ordinary queries in the rights of who alters, so that no row is evaluated that the user may not
//! see; where row security would hide rows from that user, such a statement is refused whole ([`rows`]).
//!
//! One subject a file: `schemas`, `tables` (CREATE TABLE), `constraints`, `alter`, `views`, `comments`, and `drop` with
//! what depends on what.

mod alter;
mod comments;
mod constraints;
mod drop;
mod materialized;
mod rewrite;
mod rows;
mod schemas;
mod tables;
mod views;

pub(super) use constraints::moved;
pub(crate) use tables::require_plain_table;

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    snapshot::TEMPORARY_SCHEMA,
    staged::StagedChanges,
    table::{Relation, Schema, Table, ViewRead},
};
use lis_security::privileges;
use lis_sql::statement::{
    ObjectName, OnCommit, ParsedStatement, Privilege, RelationKind, RoleName, UtilityStatement,
};

use super::Request;
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    session::Session,
    wire::error::Report,
};

/// Runs a statement about objects. The tag where it is not the statement's usual one.
pub(crate) async fn run(
    session: &mut Session,
    request: &Request,
    utility: &UtilityStatement,
    parsed: &Arc<ParsedStatement>,
) -> Result<Option<String>> {
    let server = Arc::clone(&session.server);
    let mut ddl = Ddl { session, server, request: request.clone(), parsed };
    match utility {
        UtilityStatement::CreateSchema { name, if_not_exists, owner, elements } => {
            ddl.create_schema(name.as_ref(), *if_not_exists, owner.as_ref()).await?;
            match name {
                Some(name) => ddl.create_elements(name, elements).await,
                None => Ok(()),
            }
        }
        UtilityStatement::AlterSchema { name, action } => ddl.alter_schema(name, action).await,
        UtilityStatement::DropSchema { names, if_exists, cascade } => {
            ddl.drop_schemas(names, *if_exists, *cascade).await
        }
        UtilityStatement::CreateTable { name, temporary, if_not_exists, columns, likes, constraints } => {
            let new = tables::NewDefinition { columns, likes, constraints };
            ddl.create_table(name, *temporary, *if_not_exists, &new).await
        }
        UtilityStatement::CreateTableAs { .. } => return ddl.create_table_as(utility).await,
        UtilityStatement::RefreshMaterializedView { name, concurrently: _, with_data } => {
            ddl.refresh(name, *with_data).await
        }
        UtilityStatement::CreateView { .. } => ddl.create_view(utility).await,
        UtilityStatement::AlterRelation { kind, name, if_exists, actions } => {
            ddl.alter_relation(*kind, name, *if_exists, actions).await
        }
        UtilityStatement::DropRelation { kind, names, if_exists, cascade } => {
            ddl.drop_relations(*kind, names, *if_exists, *cascade).await
        }
        UtilityStatement::Comment { target, comment } => ddl.comment_on(target, comment.clone()).await,
        _ => Err(ServerError::not_supported("this statement is not supported")),
    }?;
    Ok(None)
}

/// DISCARD TEMP.
pub(crate) async fn discard_temporary(session: &mut Session, text: &str) -> Result<()> {
    let relations = session.transaction.temporary_relations();
    if relations.is_empty() {
        return Ok(());
    }
    let server = Arc::clone(&session.server);
    let staged = session.transaction.staged(&server.lake, text).await?;
    for id in relations {
        if staged.snapshot().relation(id).is_some() {
            staged.drop_relation(id)?;
        }
    }
    Ok(())
}

/// A statement about objects while it runs.
struct Ddl<'a> {
    session: &'a mut Session,
    server: Arc<Server>,
    /// What the statement sees: its own changes so far over what the transaction sees.
    request: Request,
    parsed: &'a Arc<ParsedStatement>,
}

impl Ddl<'_> {
    /// The transaction's staged changes.
    async fn staged(&mut self) -> Result<&mut StagedChanges> {
        self.session.transaction.staged(&self.server.lake, &self.parsed.text).await
    }

    /// Lets the statement see what it has staged.
    async fn see_staged(&mut self) -> Result<()> {
        let staged = self.staged().await?.snapshot();
        self.request.snapshot = match self.request.snapshot.redefined() {
            redefined if redefined.is_empty() => staged,
            redefined => Arc::new(staged.with_redefined(redefined.clone())),
        };
        Ok(())
    }

    /// The schema in which a new relation goes; the session's own for a temporary one, made if need be.
    async fn schema_for(&mut self, name: &ObjectName, temporary: Option<OnCommit>) -> Result<Arc<Schema>> {
        let own = self.request.snapshot.temporary_schema().map(|schema| schema.name.clone());
        let in_own = name
            .schema
            .as_ref()
            .is_some_and(|schema| schema.as_str() == TEMPORARY_SCHEMA || own.as_ref() == Some(schema));
        if temporary.is_none() && !in_own {
            return creation_schema(&self.request, name);
        }
        if name.schema.is_some() && !in_own {
            return Err(ServerError::new(
                Condition::InvalidTableDefinition,
                "cannot create temporary relation in non-temporary schema",
            )
            .at(name.position));
        }
        let number = self.server.lake.allocate_schema_id().await?;
        let owner = self.request.principal.session_oid();
        let data = self.server.lake.directory().to_owned();
        let schema = self.session.transaction.temporary_schema(&data, number, owner);
        self.staged().await?.put_temporary_schema(&schema);
        self.see_staged().await?;
        if !self.request.bind.search_path.contains(&schema.name) {
            Arc::make_mut(&mut self.request.bind).search_path.insert(0, schema.name.clone());
        }
        Ok(schema)
    }

    /// Refuses what lasts over what does not.
    fn refuse_temporary_reads(&self, reads: &[ViewRead]) -> Result<()> {
        if self.reads_temporary(reads) {
            return Err(ServerError::not_supported(
                "materialized views must not use temporary tables or views",
            ));
        }
        Ok(())
    }

    fn reads_temporary(&self, reads: &[ViewRead]) -> bool {
        let snapshot = &self.request.snapshot;
        reads.iter().any(|read| {
            let relation = snapshot.relation_by_oid(Oid::new(read.relation));
            relation.is_some_and(|relation| snapshot.is_temporary(relation))
        })
    }

    fn notice(&mut self, message: impl Into<String>) -> Result<()> {
        self.session.notice(&Report::notice(message))
    }

    /// IF NOT EXISTS of what exists.
    fn skip(&mut self, condition: Condition, what: impl std::fmt::Display) -> Result<()> {
        self.session.notice(&Report::notice_of(condition, format!("{what} already exists, skipping")))
    }

    fn require_create(&self, schema: &Schema) -> Result<()> {
        if schema.temporary {
            return Ok(());
        }
        self.request.judge(&self.server, |context| {
            privileges::require_schema(context, schema.id.oid(), Privilege::Create)
        })
    }

    fn require_owner(&self, relation: Oid) -> Result<()> {
        self.request
            .judge(&self.server, |context| privileges::require_relation_owner(context, relation, false))
    }

    /// A role that objects are given to.
    fn new_owner(&self, role: &RoleName) -> Result<Oid> {
        let request = &self.request;
        match role {
            RoleName::CurrentUser => Ok(request.principal.current_oid()),
            RoleName::SessionUser => Ok(request.principal.session_oid()),
            RoleName::Named(role) => {
                let oid = request.rights.role_named(role).map(|role| role.oid).ok_or_else(|| {
                    ServerError::new(
                        Condition::UndefinedObject,
                        format!("role \"{}\" does not exist", role.as_str()),
                    )
                })?;
                request.judge(&self.server, |context| privileges::require_set_role(context, oid))?;
                Ok(oid)
            }
            RoleName::Public => {
                Err(ServerError::new(Condition::ReservedName, "role name \"public\" is reserved"))
            }
        }
    }

    /// The table that a statement alters, as it is now.
    fn table(&self, id: lis_lake::ids::RelationId) -> Result<Arc<Table>> {
        match self.request.snapshot.relation(id) {
            Some(Relation::Table(table)) => Ok(Arc::clone(table)),
            _ => Err(ServerError::new(Condition::UndefinedTable, "the table does not exist any more")),
        }
    }
}

fn kind_of(relation: &Relation) -> RelationKind {
    match relation {
        Relation::View(_) => RelationKind::View,
        Relation::Table(table) if table.materialized.is_some() => RelationKind::MaterializedView,
        Relation::Table(_) => RelationKind::Table,
    }
}

/// Refuses a relation of another kind than was written.
fn check_kind(kind: RelationKind, relation: &Relation) -> Result<()> {
    if kind_of(relation) == kind {
        return Ok(());
    }
    Err(ServerError::new(
        Condition::WrongObjectType,
        format!("\"{}\" is not a {}", relation.name().as_str(), kind.name()),
    ))
}

fn no_schema(name: &Identifier) -> ServerError {
    ServerError::new(Condition::UndefinedSchema, format!("schema \"{}\" does not exist", name.as_str()))
}

fn no_column(column: &Identifier, relation: &Identifier) -> ServerError {
    ServerError::new(
        Condition::UndefinedColumn,
        format!("column \"{}\" of relation \"{}\" does not exist", column.as_str(), relation.as_str()),
    )
}

/// The schema in which a new object goes.
fn creation_schema(request: &Request, name: &ObjectName) -> Result<Arc<Schema>> {
    if let Some(schema) = &name.schema {
        let found = request.snapshot.schema_named(schema);
        return found.cloned().ok_or_else(|| match schema.as_str() {
            "pg_catalog" | "information_schema" => ServerError::new(
                Condition::InsufficientPrivilege,
                format!("permission denied for schema {}", schema.as_str()),
            ),
            _ => no_schema(schema).at(name.position),
        });
    }
    request
        .bind
        .search_path
        .iter()
        .filter_map(|schema| request.snapshot.schema_named(schema))
        .find(|schema| !schema.temporary)
        .cloned()
        .ok_or_else(|| {
            ServerError::new(Condition::UndefinedSchema, "no schema has been selected to create in")
                .at(name.position)
        })
}

/// A relation by a name as it was written. 42501 of a schema that the user may not use, whatever is in it.
pub(crate) fn find_relation<'a>(request: &'a Request, name: &ObjectName) -> Result<Option<&'a Relation>> {
    match &name.schema {
        Some(schema) if !request.may_use_schema(schema) => {
            let message = format!("permission denied for schema {}", schema.as_str());
            Err(ServerError::new(Condition::InsufficientPrivilege, message).at(name.position))
        }
        Some(schema) => {
            let name = QualifiedName { schema: schema.clone(), name: name.name.clone() };
            Ok(request.snapshot.relation_named(&name))
        }
        None => Ok(request.snapshot.relation_on_path(&request.bind.search_path, &name.name)),
    }
}

/// The columns that PostgreSQL's tables have beside their own.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"];

/// Refuses a column that is called as one that every table of PostgreSQL has.
fn check_column_name(name: &Identifier) -> Result<()> {
    if !SYSTEM_COLUMNS.contains(&name.as_str()) {
        return Ok(());
    }
    Err(ServerError::new(
        Condition::DuplicateColumn,
        format!("column name \"{}\" conflicts with a system column name", name.as_str()),
    ))
}

/// 42P01
pub(super) fn no_relation(kind: &str, name: &ObjectName) -> ServerError {
    ServerError::new(Condition::UndefinedTable, format!("{kind} \"{}\" does not exist", name.written()))
}

/// A relation's name as PostgreSQL shows it: with its schema unless the search path finds it.
pub(crate) fn shown_name(request: &Request, relation: &Relation) -> String {
    let found = request.snapshot.relation_on_path(&request.bind.search_path, relation.name());
    let visible = found.is_some_and(|found| found.id() == relation.id());
    match request.snapshot.qualified_name(relation) {
        Some(qualified) if !visible => qualified.to_string(),
        _ => relation.name().to_string(),
    }
}

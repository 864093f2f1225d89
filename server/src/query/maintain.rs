//! ANALYZE, VACUUM, REINDEX, CLUSTER and DROP INDEX, as tools and scripts send them. Each does what it promises as far as
//! there is something to do: ANALYZE makes a table's statistics anew, VACUUM makes small files into sorted ones. A
//! table has no indexes: there is nothing to rebuild, and none to cluster by or to drop.

use std::sync::Arc;

use lis_lake::{
    names::Identifier,
    table::{ConstraintKind, Relation, Table},
};
use lis_security::{Access, privileges};
use lis_sql::statement::{MaintenanceWork, ObjectName, ParsedStatement};

use super::{Request, ddl, record::StatementRecord};
use crate::{
    error::{Condition, Result, ServerError},
    maintenance,
    server::Server,
    session::Session,
    wire::error::Report,
};

/// The tables with the columns that are named.
type Named = [(ObjectName, Vec<Identifier>)];

/// Runs a statement of maintenance and gives its tag. VACUUM commits by itself and is not for a transaction block.
pub(crate) async fn maintain(
    session: &mut Session,
    parsed: &ParsedStatement,
    work: MaintenanceWork,
    named: &Named,
) -> Result<&'static str> {
    let tag = match work {
        MaintenanceWork::Analyze => "ANALYZE",
        MaintenanceWork::Vacuum { .. } => "VACUUM",
        MaintenanceWork::Reindex | MaintenanceWork::ReindexIndex => "REINDEX",
        MaintenanceWork::Cluster => "CLUSTER",
    };
    let alone = matches!(work, MaintenanceWork::Vacuum { .. });
    if alone && session.transaction.is_block() {
        return Err(ServerError::new(
            Condition::ActiveSqlTransaction,
            format!("{tag} cannot run inside a transaction block"),
        ));
    }
    let server = Arc::clone(&session.server);
    let request = session.request(Vec::new()).await?;
    let record = StatementRecord::begin(&server, &request, &parsed.text, &Access::default()).await?;
    let done = match work {
        MaintenanceWork::Analyze => each(session, &server, &request, named, false, true).await,
        MaintenanceWork::Vacuum { analyze } => each(session, &server, &request, named, true, analyze).await,
        MaintenanceWork::Reindex => reindex(session, &server, &request, named),
        MaintenanceWork::ReindexIndex => reindex_index(&server, &request, named),
        MaintenanceWork::Cluster => cluster(&server, &request, named),
    };
    match done {
        Ok(()) => Ok(tag),
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

/// Compacts or analyses the tables that are named, or all that the user owns. Who does not own one is told that it is
/// passed over, as in PostgreSQL.
async fn each(
    session: &mut Session,
    server: &Arc<Server>,
    request: &Request,
    named: &Named,
    compact: bool,
    analyze: bool,
) -> Result<()> {
    let verb = if compact { "vacuum" } else { "analyze" };
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for (name, columns) in named {
        let relation =
            ddl::find_relation(request, name)?.ok_or_else(|| ddl::no_relation("relation", name))?;
        let shown = relation.name().as_str().to_owned();
        let Relation::Table(table) = relation else {
            let message =
                format!("skipping \"{shown}\" --- cannot {verb} non-tables or special system tables");
            session.notice(&Report::warning(Condition::Warning, message))?;
            continue;
        };
        if owned(server, request, relation).is_err() {
            let message = format!("skipping \"{shown}\" --- only table or database owner can {verb} it");
            session.notice(&Report::warning(Condition::Warning, message))?;
            continue;
        }
        for column in columns {
            if !table.columns.iter().any(|own| own.name == *column) {
                let column = column.as_str();
                let message = format!("column \"{column}\" of relation \"{shown}\" does not exist");
                return Err(ServerError::new(Condition::UndefinedColumn, message));
            }
        }
        tables.push(Arc::clone(table));
    }
    if named.is_empty() {
        let all = request.snapshot.relations().filter(|relation| owned(server, request, relation).is_ok());
        tables.extend(all.filter_map(Relation::as_table).cloned());
    }
    let author = request.principal.session_user().as_str().to_owned();
    for table in tables {
        // What is not committed yet is in one piece, with statistics that are right.
        if session.transaction.has_created(table.id.oid())
            || request.snapshot.is_temporary(&Relation::Table(Arc::clone(&table)))
        {
            continue;
        }
        if compact {
            maintenance::compact(server, table.id, &author).await?;
        }
        if analyze {
            server.lake.refresh_statistics(table.id).await?;
        }
    }
    Ok(())
}

/// REINDEX of tables: there is nothing to rebuild.
fn reindex(session: &mut Session, server: &Server, request: &Request, named: &Named) -> Result<()> {
    for (name, _) in named {
        let relation =
            ddl::find_relation(request, name)?.ok_or_else(|| ddl::no_relation("relation", name))?;
        let shown = relation.name().as_str();
        let Some(table) = relation.as_table() else {
            let message = format!("\"{shown}\" is not a table or materialized view");
            return Err(ServerError::new(Condition::WrongObjectType, message));
        };
        owned(server, request, relation)?;
        if !table.constraints.iter().any(|constraint| is_key(&constraint.kind)) {
            session.notice(&Report::notice(format!("table \"{shown}\" has no indexes to reindex")))?;
        }
    }
    Ok(())
}

/// REINDEX of the index that a key shows.
fn reindex_index(server: &Server, request: &Request, named: &Named) -> Result<()> {
    for (name, _) in named {
        if let Some(relation) = ddl::find_relation(request, name)? {
            let message = format!("\"{}\" is not an index", relation.name().as_str());
            return Err(ServerError::new(Condition::WrongObjectType, message));
        }
        let table = table_of_key(request, name).ok_or_else(|| ddl::no_relation("relation", name))?;
        owned(server, request, &Relation::Table(table))?;
    }
    Ok(())
}

/// CLUSTER: no table was ever clustered by an index.
fn cluster(server: &Server, request: &Request, named: &Named) -> Result<()> {
    let Some((name, index)) = named.first() else { return Ok(()) };
    let relation = ddl::find_relation(request, name)?.ok_or_else(|| ddl::no_relation("relation", name))?;
    owned(server, request, relation)?;
    let shown = relation.name().as_str();
    let message = match index.first() {
        None => format!("there is no previously clustered index for table \"{shown}\""),
        Some(index) => {
            let is_index = |table: &Arc<Table>| {
                table.constraints.iter().any(|key| key.name == *index && is_key(&key.kind))
            };
            if relation.as_table().is_some_and(is_index) {
                return Err(ServerError::not_supported("CLUSTER by a key is not supported")
                    .with_hint("VACUUM makes a table's files into sorted ones."));
            }
            format!("index \"{}\" for table \"{shown}\" does not exist", index.as_str())
        }
    };
    Err(ServerError::new(Condition::UndefinedObject, message))
}

/// DROP INDEX: there is none but those that keys show, which go with their constraints.
pub(crate) async fn drop_indexes(session: &mut Session, names: &[ObjectName], if_exists: bool) -> Result<()> {
    session.check_writable("DROP INDEX")?;
    let request = session.request(Vec::new()).await?;
    for name in names {
        let shown = name.name.as_str();
        if let Some(relation) = ddl::find_relation(&request, name)? {
            let (what, command) = match relation {
                Relation::Table(table) if table.materialized.is_some() => {
                    ("materialized view", "DROP MATERIALIZED VIEW")
                }
                Relation::Table(_) => ("table", "DROP TABLE"),
                Relation::View(_) => ("view", "DROP VIEW"),
            };
            let message = format!("\"{shown}\" is not an index");
            return Err(ServerError::new(Condition::WrongObjectType, message)
                .with_hint(format!("Use {command} to remove a {what}.")));
        }
        if let Some(table) = table_of_key(&request, name) {
            let relation = Relation::Table(table);
            if owned(&session.server, &request, &relation).is_err() {
                let message = format!("must be owner of index {shown}");
                return Err(ServerError::new(Condition::InsufficientPrivilege, message));
            }
            let table = ddl::shown_name(&request, &relation);
            // The index is where its table is.
            let index = match table.strip_suffix(relation.name().as_str()) {
                Some(schema) => format!("{schema}{shown}"),
                None => shown.to_owned(),
            };
            let message =
                format!("cannot drop index {index} because constraint {shown} on table {table} requires it");
            return Err(ServerError::new(Condition::DependentObjectsStillExist, message)
                .with_hint(format!("You can drop constraint {shown} on table {table} instead.")));
        }
        if !if_exists {
            let message = format!("index \"{shown}\" does not exist");
            return Err(ServerError::new(Condition::UndefinedObject, message));
        }
        session.notice(&Report::notice(format!("index \"{shown}\" does not exist, skipping")))?;
    }
    Ok(())
}

fn owned(server: &Server, request: &Request, relation: &Relation) -> Result<()> {
    let oid = relation.id().oid();
    request.judge(server, |context| privileges::require_relation_owner(context, oid, false))
}

fn is_key(kind: &ConstraintKind) -> bool {
    matches!(kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
}

/// The table with a key of this name, where the name is looked for.
fn table_of_key(request: &Request, name: &ObjectName) -> Option<Arc<Table>> {
    let has_key = |table: &&Arc<Table>| {
        table.constraints.iter().any(|constraint| constraint.name == name.name && is_key(&constraint.kind))
    };
    let in_schema = |schema: &Identifier| {
        let schema = request.snapshot.schema_named(schema)?.id;
        let mut tables = request.snapshot.relations().filter(|relation| relation.schema_id() == schema);
        tables.find_map(|relation| relation.as_table().filter(has_key).cloned())
    };
    match &name.schema {
        Some(schema) => Some(schema).filter(|schema| request.may_use_schema(schema)).and_then(in_schema),
        None => request.bind.search_path.iter().find_map(in_schema),
    }
}

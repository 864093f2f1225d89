//! TRUNCATE and LOCK TABLE.
//!
//! TRUNCATE is no matter of row security, in PostgreSQL as here: who has the privilege may empty the table. Foreign keys
//! are told of and not enforced on rows, but a table that another refers to is not emptied alone, as in PostgreSQL.
//!
//! LOCK: a transaction reads one snapshot, so what it reads stays as it is without a lock. The modes from SHARE on, which
//! keep those out that change rows, make the transaction rely on the table: nobody waits, but if somebody else has
//! changed it, the transaction cannot commit changes (40001).

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    table::{ConstraintKind, Relation, Table},
};
use lis_security::{Access, privileges};
use lis_sql::statement::{ObjectName, ParsedStatement, Privilege};

use super::{Request, ddl, dml, record::StatementRecord};
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    session::Session,
    wire::error::Report,
};

/// TRUNCATE.
pub(crate) async fn truncate(
    session: &mut Session,
    parsed: &ParsedStatement,
    names: &[ObjectName],
    cascade: bool,
) -> Result<()> {
    session.check_writable("TRUNCATE TABLE")?;
    let server = Arc::clone(&session.server);
    let request = session.request(Vec::new()).await?;
    let chosen = chosen(&server, &request, names, cascade);
    let (tables, notices) = match chosen {
        Ok(chosen) => chosen,
        Err(error) => {
            super::record::refused(&server, &request, &parsed.text, &error).await?;
            return Err(error);
        }
    };
    let access =
        Access { relations: tables.iter().map(|table| table.id.oid()).collect(), ..Access::default() };
    let _record = StatementRecord::begin(&server, &request, &parsed.text, &access).await?;
    for notice in notices {
        session.notice(&Report::notice(notice))?;
    }
    let staged = session.transaction.staged(&server.lake, &parsed.text).await?;
    for table in tables {
        staged.replace_files(table.id, [])?;
    }
    Ok(())
}

/// The tables to be emptied, and what CASCADE has to say.
fn chosen(
    server: &Server,
    request: &Request,
    names: &[ObjectName],
    cascade: bool,
) -> Result<(Vec<Arc<Table>>, Vec<String>)> {
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for name in names {
        let relation =
            ddl::find_relation(request, name)?.ok_or_else(|| ddl::no_relation("relation", name))?;
        if matches!(relation, Relation::View(_))
            || relation.as_table().is_some_and(|table| table.materialized.is_some())
        {
            let message = format!("\"{}\" is not a table", relation.name().as_str());
            return Err(ServerError::new(Condition::WrongObjectType, message));
        }
        let table = dml::writable_table(server, request, relation.id().oid(), Privilege::Truncate)?;
        if !tables.iter().any(|other| other.id == table.id) {
            tables.push(table);
        }
    }
    let mut notices = Vec::new();
    let mut next = 0;
    while let Some(table) = tables.get(next).cloned() {
        next += 1;
        for referring in request.snapshot.relations().filter_map(Relation::as_table) {
            let refers = referring.constraints.iter().any(|constraint| {
                matches!(constraint.kind, ConstraintKind::ForeignKey { references, .. } if references == table.id)
            });
            if !refers || tables.iter().any(|other| other.id == referring.id) {
                continue;
            }
            let (name, other) = (table.name.as_str(), referring.name.as_str());
            if !cascade {
                return Err(ServerError::not_supported(
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_detail(format!("Table \"{other}\" references \"{name}\"."))
                .with_hint(format!(
                    "Truncate table \"{other}\" at the same time, or use TRUNCATE ... CASCADE."
                )));
            }
            notices.push(format!("truncate cascades to table \"{other}\""));
            tables.push(dml::writable_table(server, request, referring.id.oid(), Privilege::Truncate)?);
        }
    }
    Ok((tables, notices))
}

/// LOCK TABLE.
pub(crate) async fn lock(session: &mut Session, names: &[ObjectName], mode: &str) -> Result<()> {
    if !session.transaction.is_block() {
        return Err(ServerError::new(
            Condition::NoActiveSqlTransaction,
            "LOCK TABLE can only be used in transaction blocks",
        ));
    }
    let server = Arc::clone(&session.server);
    let request = session.request(Vec::new()).await?;
    let keeps_others_out = matches!(mode, "share" | "share row exclusive" | "exclusive" | "access exclusive");
    let enough: &[Privilege] = match mode {
        "access share" => &[Privilege::Select],
        "row exclusive" => &[Privilege::Insert, Privilege::Update, Privilege::Delete, Privilege::Truncate],
        _ => &[Privilege::Update, Privilege::Delete, Privilege::Truncate],
    };
    for name in names {
        let relation =
            ddl::find_relation(&request, name)?.ok_or_else(|| ddl::no_relation("relation", name))?;
        let mut locked = vec![relation.id().oid()];
        // What a view in its owner's rights reads is the owner's to lock.
        let mut asked = locked.clone();
        let mut next = 0;
        while let Some(oid) = locked.get(next).copied() {
            next += 1;
            let in_own_rights = asked.contains(&oid);
            if in_own_rights {
                require_any(&server, &request, oid, enough)?;
            }
            let Some(Relation::View(view)) = request.snapshot.relation_by_oid(oid) else { continue };
            for read in view.reads.iter().flat_map(|reads| reads.iter()) {
                let read = Oid::new(read.relation);
                if in_own_rights && view.security_invoker && !asked.contains(&read) {
                    asked.push(read);
                    // It may have been passed already, as what another view reads.
                    require_any(&server, &request, read, enough)?;
                }
                if !locked.contains(&read) {
                    locked.push(read);
                }
            }
        }
        if keeps_others_out {
            session.transaction.reliance().note(&[], &locked);
        }
    }
    Ok(())
}

/// Refuses who has none of some privileges.
fn require_any(server: &Server, request: &Request, relation: Oid, enough: &[Privilege]) -> Result<()> {
    let mut refused = None;
    for privilege in enough {
        match request.judge(server, |context| privileges::require_relation(context, relation, *privilege)) {
            Ok(()) => return Ok(()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map_or(Ok(()), Err)
}

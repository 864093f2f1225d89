//! INSERT, UPDATE, DELETE, MERGE, alone and in WITH: the affected rows stream out of their plan, pass the checks
//! (`modify/work.rs`), and go into new data files; files that rows were touched in are replaced by others that hold the
//! rest of their rows too (`modify/change.rs`). Nothing is seen by anybody else before the commit, and what a failed
//! statement wrote is removed.
//!
//! The statement runs to its end before the first row of RETURNING is given, as in PostgreSQL; the rows are kept until
//! then in a [`Spool`]. So do the parts of WITH that change rows, in the order in which they are written: all read the
//! snapshot that the statement began with, whatever the others do.

mod change;
mod proposals;
mod work;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::StreamExt as _;
use lis_lake::ids::RelationId;
use lis_security::{AuthorisedModification, AuthorisedPart, AuthorisedQuery, AuthorisedStatement};
use lis_sql::{
    modification::Modification, output::OutputColumn, returned::ReturnedRows, statement::ParsedStatement,
};

use self::{change::TableChange, work::Work};
use super::{
    Outcome, Request, RowsTag, check_constraints::CheckConstraints, cursor::Cursor, in_task,
    record::StatementRecord, spool::Spool,
};
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    session::Session,
    wire::encode::{ObjectNames, OutputOptions},
};

/// Binds a modification and judges it.
pub(crate) async fn authorise(
    server: &Arc<Server>,
    request: &Request,
    modification: &Modification,
    text: &str,
) -> Result<(AuthorisedStatement, Vec<lis_lake::types::PgType>)> {
    let (shared, request, modification, text) =
        (Arc::clone(server), request.clone(), modification.clone(), text.to_owned());
    in_task(server, "authorise", async move {
        let catalog = request.catalog(&shared);
        let bound = lis_sql::bind_modification(&modification, &text, &catalog, &request.bind)?;
        let parameters = bound.parameters().to_vec();
        let authorised =
            request.judge(&shared, |context| lis_security::authorise_statement(bound, context))?;
        Ok((authorised, parameters))
    })
    .await
}

/// Runs a modification and stages what it did.
pub(crate) async fn run(
    session: &mut Session,
    request: &Request,
    modification: &Modification,
    parsed: &Arc<ParsedStatement>,
) -> Result<Outcome> {
    let server = Arc::clone(&session.server);
    let mut authorised = authorise(&server, request, modification, &parsed.text).await;
    let mut newer = None;
    let rewritten: Vec<RelationId> = authorised.as_ref().map_or_else(
        |_| Vec::new(),
        |(statement, _)| {
            let modifications = statement.modifications();
            let looks = |part: &&AuthorisedModification| {
                part.layout.identity.is_some() || part.layout.proposed.is_some()
            };
            modifications.filter(looks).map(|part| part.table.id).collect()
        },
    );
    let mut again = false;
    for table in rewritten {
        again |= session.transaction.intend(server.lake.intend_rewrite(table).await);
    }
    if again {
        let asked = session.request(Vec::new()).await?;
        if !Arc::ptr_eq(&asked.snapshot, &request.snapshot) {
            let bind = &request.bind;
            let asked = asked.with_values(bind.parameter_types.clone(), bind.parameter_values.clone());
            authorised = authorise(&server, &asked, modification, &parsed.text).await;
            newer = Some(asked);
        }
    }
    let request = newer.as_ref().unwrap_or(request);
    let authorised = authorised
        .and_then(|(authorised, parameters)| super::check_parameters(request, &parameters, authorised));
    let authorised = match authorised {
        Ok(authorised) => authorised,
        Err(error) => {
            super::record::refused(&server, request, &parsed.text, &error).await?;
            return Err(error);
        }
    };
    let access = authorised.access();
    request.reliance.note(&access.relations, &authorised.relies_on());
    let mut record = StatementRecord::begin(&server, request, &parsed.text, &access).await?;
    let output = OutputOptions::new(&session.settings);
    let changes = match Changes::begin(&server, request, output, &authorised).await {
        Ok(changes) => changes,
        Err(error) => {
            record.fail(&error);
            return Err(error);
        }
    };
    let done = match changes.run(authorised).await {
        Ok(done) => done,
        Err(error) => {
            record.fail(&error);
            return Err(error);
        }
    };
    let staged = session.transaction.staged(&server.lake, &parsed.text).await?;
    for table in done.looked {
        staged.look_at_rows(table);
    }
    for (table, changed) in done.changed {
        if changed.replaced.is_empty() {
            staged.append_files(table, changed.added)?;
        } else {
            staged.rewrite_files(table, &changed.replaced, changed.added)?;
        }
    }
    let Some(query) = done.query else {
        if let RowsTag::Modified(_, rows) = done.tag {
            record.add_rows(rows);
        }
        return Ok(Outcome::Complete(done.tag.complete(0)));
    };
    let outputs: Arc<[OutputColumn]> = query.outputs.clone().into();
    let names = ObjectNames::of(&outputs, || request.catalog(&server));
    match super::execute(&server, query).await {
        Ok(stream) => {
            let cursor = Cursor::new(outputs, stream, Some(record)).with_names(names);
            Ok(Outcome::Rows(Box::new(cursor), done.tag))
        }
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

/// The changes of a statement while it runs.
struct Changes<'r> {
    server: Arc<Server>,
    request: &'r Request,
    output: OutputOptions,
    /// One for each table, whichever parts change it.
    tables: BTreeMap<RelationId, TableChange>,
}

/// What a statement did.
struct Done {
    changed: BTreeMap<RelationId, change::Changed>,
    /// The tables in which rows were looked for that are not there.
    looked: BTreeSet<RelationId>,
    /// What gives the client its rows, over what was kept.
    query: Option<AuthorisedQuery>,
    tag: RowsTag,
}

impl<'r> Changes<'r> {
    async fn begin(
        server: &Arc<Server>,
        request: &'r Request,
        output: OutputOptions,
        statement: &AuthorisedStatement,
    ) -> Result<Self> {
        let mut moving: BTreeMap<RelationId, (&AuthorisedModification, bool)> = BTreeMap::new();
        for part in statement.modifications() {
            moving.entry(part.table.id).or_insert((part, false)).1 |= part.layout.identity.is_some();
        }
        let mut tables = BTreeMap::new();
        for (id, (part, moves)) in moving {
            tables.insert(id, TableChange::begin(server, &part.table, moves).await?);
        }
        Ok(Self { server: Arc::clone(server), request, output, tables })
    }

    async fn run(mut self, statement: AuthorisedStatement) -> Result<Done> {
        let proposes = |part: &&AuthorisedModification| part.layout.proposed.is_some();
        let looked = statement.modifications().filter(proposes).map(|part| part.table.id).collect();
        for step in statement.before {
            let query = match step.part {
                AuthorisedPart::Query(query) => Some(*query),
                AuthorisedPart::Modification(modification) => self.modify(*modification).await?.1,
            };
            if let (Some(query), Some(rows)) = (query, step.rows) {
                keep(&self.server, query, &rows).await?;
            }
        }
        let (query, tag) = match statement.last {
            AuthorisedPart::Query(query) => (Some(*query), RowsTag::Select),
            AuthorisedPart::Modification(modification) => {
                let command = modification.command;
                let (rows, query) = self.modify(*modification).await?;
                (query, RowsTag::Modified(command, rows))
            }
        };
        let mut changed = BTreeMap::new();
        for (id, table) in self.tables {
            changed.insert(id, table.finish(&self.server).await?);
        }
        Ok(Done { changed, looked, query, tag })
    }

    /// Runs one modification. How many rows it affected, and the query of RETURNING over what was kept for it.
    async fn modify(
        &mut self,
        mut modification: AuthorisedModification,
    ) -> Result<(u64, Option<AuthorisedQuery>)> {
        let returning = modification.returning.take();
        let spool = returning.as_ref().map(|(_, rows)| spool(&self.server, rows));
        let constraints = CheckConstraints::bind(&self.server, self.request, &modification.table)?;
        let schema = self.request.schema_of(&modification.table);
        let change = self.tables.get_mut(&modification.table.id);
        let change = change.ok_or_else(|| defect("a change of a table that was not begun"))?;
        let pool = &self.server.state.runtime_env().memory_pool;
        let (work, affected) =
            Work::new(change, modification, constraints, schema, self.output.clone(), spool, pool)?;
        let (rows, spool) = work.run(&self.server, affected).await?;
        let query = returning.zip(spool).map(|((query, rows), spool)| {
            rows.supply(Arc::new(spool.finish()));
            query
        });
        Ok((rows, query))
    }
}

/// Runs a query to its end and keeps its rows where others read them.
async fn keep(server: &Arc<Server>, query: AuthorisedQuery, rows: &ReturnedRows) -> Result<()> {
    let mut spool = spool(server, rows);
    let mut stream = super::execute(server, query).await?;
    while let Some(batch) = stream.next().await {
        spool.push(&batch?)?;
    }
    rows.supply(Arc::new(spool.finish()));
    Ok(())
}

fn spool(server: &Server, rows: &ReturnedRows) -> Spool {
    use datafusion::catalog::TableProvider as _;
    Spool::new(Arc::clone(server.state.runtime_env()), rows.schema())
}

fn defect(what: &str) -> ServerError {
    ServerError::new(Condition::InternalError, what)
}

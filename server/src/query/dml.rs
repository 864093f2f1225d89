//! Writing new rows and committing. They become data files beside the live data, staged in the transaction; a commit
//! publishes the lake's changes and security's in one metadata transaction. Statements that change rows are in
//! `modify.rs`.

use std::{sync::Arc, time::Duration};

use arrow::record_batch::RecordBatch;
use lis_lake::{
    data_file::StagedFile,
    files::{TableWriter, WriterOptions},
    ids::Oid,
    lake::CommitInfo,
    metadata::CommitPart,
    table::{Relation, Table},
};
use lis_security::{RowCheck, SecurityChanges, SecurityError, forget_object, grants::Object, privileges};
use lis_sql::statement::Privilege;

use super::{Request, check_constraints::CheckConstraints, row_checks::RowChecks};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    server::Server,
    session::{Session, transaction::Ended},
    wire::encode::OutputOptions,
};

/// Checks that the user may add rows to a table, and gives the table.
pub(crate) fn insert_target(server: &Server, request: &Request, relation: Oid) -> Result<Arc<Table>> {
    writable_table(server, request, relation, Privilege::Insert)
}

/// Checks that the user has a privilege that changes a table, and gives the table.
pub(crate) fn writable_table(
    server: &Server,
    request: &Request,
    relation: Oid,
    privilege: Privilege,
) -> Result<Arc<Table>> {
    let table = match request.snapshot.relation_by_oid(relation) {
        Some(Relation::Table(table)) => Arc::clone(table),
        Some(Relation::View(view)) => {
            return Err(ServerError::new(
                Condition::ObjectNotInPrerequisiteState,
                format!("cannot insert into view \"{}\"", view.name.as_str()),
            ));
        }
        None => {
            return Err(ServerError::new(
                Condition::InsufficientPrivilege,
                "permission denied: system relations cannot be changed",
            ));
        }
    };
    request.judge(server, |context| privileges::require_relation(context, relation, privilege))?;
    super::ddl::require_plain_table(&table)?;
    Ok(table)
}

/// Where new rows go: checked, then written beside the live data.
pub(crate) struct RowSink {
    writer: TableWriter,
    checks: RowChecks,
}

impl RowSink {
    /// For a table, as the user of a request, who gives values for the columns at these places.
    pub(crate) async fn new(
        server: &Server,
        request: &Request,
        table: &Table,
        given: &[usize],
        output: OutputOptions,
    ) -> Result<Self> {
        let policies = request.judge(server, |context| RowCheck::bind(context, table))?;
        let shown = request.judge(server, |context| {
            Ok::<_, SecurityError>(lis_security::shown_columns(context, table, given))
        })?;
        let checks = RowChecks::new(table, policies, output)
            .with_constraints(CheckConstraints::bind(server, request, table)?)
            .showing(shown)
            .in_schema(request.schema_of(table));
        Ok(Self { writer: server.lake.writer(table, WriterOptions::default()).await?, checks })
    }

    /// The first of some rows that may not be written, and why.
    pub(crate) fn first_bad(&self, batch: &RecordBatch) -> Result<Option<(usize, ServerError)>> {
        self.checks.first_bad(&fit(&self.writer, batch)?)
    }

    /// Adds rows in which [`Self::first_bad`] found nothing.
    pub(crate) async fn write_checked(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = fit(&self.writer, batch)?;
        Ok(self.writer.write(batch).await?)
    }

    /// Makes the rows durable.
    pub(crate) async fn finish(self) -> Result<Vec<StagedFile>> {
        Ok(self.writer.finish().await?)
    }
}

/// Gives a batch the table's names; its columns are in the table's order and of its types already.
pub(crate) fn fit(writer: &TableWriter, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = Arc::clone(writer.schema());
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                arrow::compute::cast(column, field.data_type())
            }
        })
        .collect::<Result<_, _>>()?;
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let nullable = arrow::datatypes::Schema::new(
        schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    );
    // NOT NULL is checked with the rows, by name; Arrow's own check would not name it.
    Ok(RecordBatch::try_new_with_options(Arc::new(nullable), columns, &options)?)
}

/// Stages new files of a table.
pub(crate) async fn append(
    session: &mut Session,
    table: &Table,
    files: Vec<StagedFile>,
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    let staged = session.transaction.staged(&server.lake, text).await?;
    staged.append_files(table.id, files)?;
    Ok(())
}

/// Commits what a transaction leaves. Runs as a task that nothing stops half-way; `wait_max` is how long it may wait for
/// its turn.
pub(crate) async fn commit(
    server: &Arc<Server>,
    ended: Ended,
    author: String,
    wait_max: Option<Duration>,
) -> Result<()> {
    let Ended { staged, security, message, begin: _, temporary: _, intents } = ended;
    if staged.is_none() && security.iter().all(SecurityChanges::is_empty) {
        return Ok(());
    }
    let staged = match staged {
        Some(staged) => staged,
        None => server.lake.stage(server.lake.snapshot().await?),
    };
    let mut parts: Vec<Box<dyn CommitPart>> =
        security.into_iter().flat_map(SecurityChanges::into_parts).collect();
    for dropped in staged.dropped() {
        let object = if staged.base().relation_by_oid(dropped).is_some() {
            Object::relation(dropped)
        } else {
            Object::schema(dropped)
        };
        parts.extend(forget_object(object).into_parts());
    }
    let lake = Arc::clone(&server.lake);
    let info = CommitInfo { author, message, batch: None, wait_max };
    let committing = server.tasks.spawn("commit", async move {
        let committed = lake.commit(staged, parts, info).await;
        drop(intents);
        committed
    });
    match committing.await {
        Ok(committed) => {
            committed?;
            Ok(())
        }
        Err(error) if error.is_panic() => Err(ServerError::Panicked(error.to_string())),
        Err(_) => Err(ServerError::Cancelled(CancelReason::Shutdown)),
    }
}

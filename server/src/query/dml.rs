//! Writing new rows and committing. They become data files beside the live data, staged in the transaction; a commit
//! publishes the lake's changes and security's in one metadata transaction. Statements that change rows are in
//! `modify.rs`.

use std::sync::Arc;

use arrow::{
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};
use datafusion::common::ScalarValue;
use lis_lake::{
    data_file::StagedFile,
    files::{TableWriter, WriterOptions},
    ids::Oid,
    lake::CommitInfo,
    metadata::CommitPart,
    table::{Relation, Table},
};
use lis_security::{RowCheck, SecurityChanges, forget_object, grants::Object, privileges};
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
    /// For a table, as the user of a request.
    pub(crate) async fn new(
        server: &Server,
        request: &Request,
        table: &Table,
        output: OutputOptions,
    ) -> Result<Self> {
        let policies = request.judge(server, |context| RowCheck::bind(context, table))?;
        let checks = RowChecks::new(table, policies, output)
            .with_constraints(CheckConstraints::bind(server, request, table)?);
        Ok(Self { writer: server.lake.writer(table, WriterOptions::default()).await?, checks })
    }

    /// Adds rows: the table's columns in order, of its types.
    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = fit(&self.writer, batch)?;
        self.checks.verify(&batch)?;
        Ok(self.writer.write(batch).await?)
    }

    /// Makes the rows durable.
    pub(crate) async fn finish(self) -> Result<Vec<StagedFile>> {
        Ok(self.writer.finish().await?)
    }
}

/// The DEFAULT of each column that a statement does not give; one value for all of its rows. `None` where the column is
/// given or has no default.
pub(crate) async fn defaults(
    server: &Arc<Server>,
    request: &Request,
    table: &Table,
    given: &[bool],
) -> Result<Vec<Option<ScalarValue>>> {
    let mut defaults = Vec::with_capacity(table.columns.len());
    for (column, given) in table.columns.iter().zip(given) {
        let Some(default) = column.default.as_ref().filter(|_| !given) else {
            defaults.push(None);
            continue;
        };
        let text =
            format!("SELECT CAST(({default}) AS {})", super::utility::sql_name(column.column_type.pg_type));
        let parsed = lis_sql::parse(&text)?
            .pop()
            .map(Arc::new)
            .ok_or_else(|| ServerError::new(Condition::InternalError, "a default without an expression"))?;
        let mut cursor = super::open(server, request, &parsed).await?;
        let row = cursor.next(1).await?;
        defaults.push(match row.as_ref().and_then(|row| row.columns().first()) {
            Some(value) => Some(ScalarValue::try_from_array(value, 0)?),
            None => None,
        });
    }
    Ok(defaults)
}

/// Puts defaults in the place of columns that were not given.
pub(crate) fn with_defaults(batch: &RecordBatch, defaults: &[Option<ScalarValue>]) -> Result<RecordBatch> {
    if defaults.iter().all(Option::is_none) {
        return Ok(batch.clone());
    }
    let columns = batch
        .columns()
        .iter()
        .zip(defaults)
        .map(|(column, default)| match default {
            Some(value) => value.to_array_of_size(batch.num_rows()),
            None => Ok(Arc::clone(column)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| Field::new(format!("c{index}"), column.data_type().clone(), true))
        .collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
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

/// Commits what a transaction leaves. Runs as a task that nothing stops half-way.
pub(crate) async fn commit(server: &Arc<Server>, ended: Ended, author: String) -> Result<()> {
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
    let info = CommitInfo { author, message, batch: None };
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

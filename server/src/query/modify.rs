//! INSERT, UPDATE, DELETE, MERGE: the affected rows stream out of their plan, pass the checks, and go into new data
//! files; files that rows were touched in are replaced by others that hold the rest of their rows too. Nothing is seen
//! by anybody else before the commit, and what a failed statement wrote is removed.
//!
//! The statement runs to its end before the first row of RETURNING is given, as in PostgreSQL; the rows are kept until
//! then in a [`Spool`].

use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::{Field, Int32Type, Int64Type, Schema, SchemaRef},
};
use futures::StreamExt as _;
use lis_lake::{
    data_file::StagedFile,
    dml::{LINEAGE_COLUMNS, TouchedRows},
    files::{TableWriter, WriterOptions},
    ids::FileId,
    provider::IDENTITY_COLUMNS,
    table::Table,
};
use lis_security::{AuthorisedModification, RowCheck};
use lis_sql::{
    bind::{Command, Layout, MergeStep},
    modification::Modification,
    output::OutputColumn,
    statement::ParsedStatement,
};

use super::{
    Outcome, Request, RowsTag, check_constraints::CheckConstraints, cursor::Cursor, in_task,
    record::StatementRecord, row_checks::RowChecks, spool::Spool,
};
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    session::Session,
    wire::encode::{ObjectNames, OutputOptions},
};

/// Bytes of new rows that wait, so that in a table without a sort order they stand behind those that stay, as they do
/// in PostgreSQL. More than this is written as it comes.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Binds a modification and judges it.
pub(crate) async fn authorise(
    server: &Arc<Server>,
    request: &Request,
    modification: &Modification,
    text: &str,
) -> Result<(AuthorisedModification, Vec<lis_lake::types::PgType>)> {
    let (shared, request, modification, text) =
        (Arc::clone(server), request.clone(), modification.clone(), text.to_owned());
    in_task(server, "authorise", async move {
        let catalog = request.catalog(&shared);
        let bound = lis_sql::bind_modification(&modification, &text, &catalog, &request.bind)?;
        let parameters = bound.query.parameters.clone();
        let authorised =
            request.judge(&shared, |context| lis_security::authorise_modification(bound, context))?;
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
    if let Ok((rewriting, _)) = &authorised
        && rewriting.command != Command::Insert
        && session.transaction.intend(server.lake.intend_rewrite(rewriting.table.id).await)
    {
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
    let mut authorised = match authorised {
        Ok(authorised) => authorised,
        Err(error) => {
            super::record::refused(&server, request, &parsed.text, &error).await?;
            return Err(error);
        }
    };
    let mut access = authorised.rows.access.clone();
    if let Some((returning, _)) = &authorised.returning {
        access.relations.extend(&returning.access.relations);
        access.policies.extend(&returning.access.policies);
    }
    let mut record = StatementRecord::begin(&server, request, &parsed.text, &access).await?;
    let returning = authorised.returning.take();
    let command = authorised.command;
    let table = Arc::clone(&authorised.table);
    let spool = returning.as_ref().map(|(_, rows)| {
        use datafusion::catalog::TableProvider as _;
        Spool::new(Arc::clone(server.state.runtime_env()), rows.schema())
    });
    let output = OutputOptions::new(&session.settings);
    let constraints = CheckConstraints::bind(&server, request, &authorised.table)?;
    let mut done = match Work::new(&server, authorised, constraints, output, spool).await {
        Ok(work) => match work.run().await {
            Ok(done) => done,
            Err(error) => {
                record.fail(&error);
                return Err(error);
            }
        },
        Err(error) => {
            record.fail(&error);
            return Err(error);
        }
    };
    let staged = session.transaction.staged(&server.lake, &parsed.text).await?;
    if done.replaced.is_empty() {
        staged.append_files(table.id, std::mem::take(&mut done.added))?;
    } else {
        staged.rewrite_files(table.id, &done.replaced, std::mem::take(&mut done.added))?;
    }
    let tag = RowsTag::Modified(command, done.rows);
    let (Some((query, rows)), Some(spool)) = (returning, done.spool) else {
        record.add_rows(done.rows);
        return Ok(Outcome::Complete(tag.complete(0)));
    };
    rows.supply(Arc::new(spool.finish()));
    let outputs: Arc<[OutputColumn]> = query.outputs.clone().into();
    let names = ObjectNames::of(&outputs, || request.catalog(&server));
    match super::execute(&server, query).await {
        Ok(stream) => {
            let cursor = Cursor::new(outputs, stream, Some(record)).with_names(names);
            Ok(Outcome::Rows(Box::new(cursor), tag))
        }
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

/// What a modification did.
struct Done {
    rows: u64,
    /// Files to be replaced, and what replaces them.
    replaced: BTreeSet<FileId>,
    added: Vec<StagedFile>,
    spool: Option<Spool>,
}

/// A modification that runs.
struct Work {
    server: Arc<Server>,
    table: Arc<Table>,
    plan: Option<lis_security::AuthorisedQuery>,
    command: Command,
    layout: Layout,
    steps: Vec<MergeStep>,
    inserted: RowChecks,
    updated: RowChecks,
    updatable: Option<RowCheck>,
    deletable: Option<RowCheck>,
    touched: TouchedRows,
    writer: TableWriter,
    /// What the writer takes; all columns nullable, since the checks have been made.
    written: SchemaRef,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    inserted_rows: u64,
    spool: Option<Spool>,
}

impl Work {
    async fn new(
        server: &Arc<Server>,
        authorised: AuthorisedModification,
        constraints: Option<CheckConstraints>,
        output: OutputOptions,
        spool: Option<Spool>,
    ) -> Result<Self> {
        let AuthorisedModification { command, table, rows, layout, steps, checks, .. } = authorised;
        let writer = match command {
            Command::Insert => server.lake.writer(&table, WriterOptions::default()).await?,
            Command::Update | Command::Delete | Command::Merge => server.lake.rewriter(&table).await?,
        };
        let nullable =
            writer.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let written = Arc::new(Schema::new(nullable.collect::<Vec<Field>>()));
        Ok(Self {
            server: Arc::clone(server),
            plan: Some(rows),
            command,
            layout,
            steps,
            inserted: RowChecks::new(&table, checks.inserted, output.clone())
                .with_constraints(constraints.clone()),
            updated: RowChecks::new(&table, checks.updated, output).with_constraints(constraints),
            updatable: checks.updatable,
            deletable: checks.deletable,
            touched: TouchedRows::new(Arc::clone(&table)),
            table,
            writer,
            written,
            waiting: Vec::new(),
            waiting_bytes: 0,
            inserted_rows: 0,
            spool,
        })
    }

    async fn run(mut self) -> Result<Done> {
        if let Some(plan) = self.plan.take() {
            let mut affected = super::execute(&self.server, plan).await?;
            while let Some(batch) = affected.next().await {
                let batch = batch?;
                if batch.num_rows() == 0 {
                    continue;
                }
                match self.command {
                    Command::Insert => self.insert(&batch).await?,
                    Command::Update => self.update(&batch).await?,
                    Command::Delete => self.delete(&batch)?,
                    Command::Merge => self.merge(&batch).await?,
                }
            }
        }
        let Self { server, touched, mut writer, waiting, inserted_rows, spool, .. } = self;
        touched.write_rest(&server.lake, &server.state, &mut writer).await?;
        for batch in waiting {
            writer.write(batch).await?;
        }
        Ok(Done {
            rows: touched.rows() + inserted_rows,
            replaced: touched.files(),
            added: writer.finish().await?,
            spool,
        })
    }

    async fn insert(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = self.columns_at(batch, self.layout.new)?;
        self.inserted.verify(&rows)?;
        self.inserted_rows += rows.num_rows() as u64;
        self.returned(batch, self.layout.new)?;
        let rows = self.fit(&rows, None)?;
        Ok(self.writer.write(rows).await?)
    }

    async fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        // Of several rows of FROM that match one row, the first counts.
        let first = self.touch(batch, |_| Ok(()))?;
        let batch = kept(batch, &first)?;
        let rows = self.columns_at(&batch, self.layout.new)?;
        self.updated.verify(&rows)?;
        self.returned(&batch, self.layout.new)?;
        let rows = self.fit(&rows, Some(&batch))?;
        self.write_later(rows).await
    }

    fn delete(&mut self, batch: &RecordBatch) -> Result<()> {
        let first = self.touch(batch, |_| Ok(()))?;
        if self.spool.is_some() {
            self.returned(&kept(batch, &first)?, self.layout.old)?;
        }
        Ok(())
    }

    async fn merge(&mut self, batch: &RecordBatch) -> Result<()> {
        let step = self.layout.step.and_then(|at| batch.columns().get(at));
        let Some(step) = step.and_then(|column| column.as_primitive_opt::<Int32Type>()) else {
            return Err(defect("a MERGE without steps"));
        };
        let of = |wanted: MergeStep| -> BooleanArray {
            step.iter()
                .map(|step| {
                    let step = step.and_then(|step| usize::try_from(step).ok());
                    Some(step.and_then(|step| self.steps.get(step)) == Some(&wanted))
                })
                .collect()
        };
        let (updates, deletes, inserts) =
            (of(MergeStep::Update), of(MergeStep::Delete), of(MergeStep::Insert));
        let twice = |new: bool| {
            if new {
                return Ok(());
            }
            Err(ServerError::new(
                Condition::CardinalityViolation,
                "MERGE command cannot affect row a second time",
            )
            .with_hint("Ensure that not more than one source row matches any one target row."))
        };
        if updates.true_count() > 0 {
            let batch = kept(batch, &updates)?;
            if let Some(check) = &self.updatable {
                check.verify(&self.columns_at(&batch, self.layout.old)?)?;
            }
            self.touch(&batch, twice)?;
            let rows = self.columns_at(&batch, self.layout.new)?;
            self.updated.verify(&rows)?;
            let rows = self.fit(&rows, Some(&batch))?;
            self.write_later(rows).await?;
        }
        if deletes.true_count() > 0 {
            let batch = kept(batch, &deletes)?;
            if let Some(check) = &self.deletable {
                check.verify(&self.columns_at(&batch, self.layout.old)?)?;
            }
            self.touch(&batch, twice)?;
        }
        if inserts.true_count() > 0 {
            let rows = self.columns_at(&kept(batch, &inserts)?, self.layout.new)?;
            self.inserted.verify(&rows)?;
            self.inserted_rows += rows.num_rows() as u64;
            let rows = self.fit(&rows, None)?;
            self.write_later(rows).await?;
        }
        Ok(())
    }

    /// Touches every row of a batch. Which of them were not touched before; `judge` is told of each.
    fn touch(&mut self, batch: &RecordBatch, judge: impl Fn(bool) -> Result<()>) -> Result<BooleanArray> {
        let places = IDENTITY_COLUMNS.len() - LINEAGE_COLUMNS;
        let at = self.layout.identity.map(|at| at + LINEAGE_COLUMNS);
        let columns = at.and_then(|at| batch.columns().get(at..at + places)).unwrap_or_default();
        let [files, rows] = columns else { return Err(defect("affected rows without places")) };
        let integers = |column: &arrow::array::ArrayRef| column.as_primitive_opt::<Int64Type>().cloned();
        let (Some(files), Some(rows)) = (integers(files), integers(rows)) else {
            return Err(defect("places of rows that are no numbers"));
        };
        let mut first = Vec::with_capacity(batch.num_rows());
        for (file, row) in files.values().iter().zip(rows.values()) {
            let new = self.touched.touch(*file, *row)?;
            judge(new)?;
            first.push(new);
        }
        Ok(BooleanArray::from(first))
    }

    /// The table's columns from a place in the layout on.
    fn columns_at(&self, batch: &RecordBatch, at: Option<usize>) -> Result<RecordBatch> {
        let at = at.ok_or_else(|| defect("affected rows without the table's columns"))?;
        let columns: Vec<usize> = (at..at + self.layout.width).collect();
        let rows = batch.project(&columns)?;
        let schema = Arc::new(Schema::new(
            self.table
                .columns
                .iter()
                .zip(rows.columns())
                .map(|(column, array)| Field::new(column.name.as_str(), array.data_type().clone(), true))
                .collect::<Vec<_>>(),
        ));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, rows.columns().to_vec(), &options)?)
    }

    /// Rows as the writer takes them. `moved` has the identity of rows that were there before; new ones have none.
    fn fit(&self, rows: &RecordBatch, moved: Option<&RecordBatch>) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.written.fields().len());
        for (column, field) in rows.columns().iter().zip(self.written.fields()) {
            columns.push(if column.data_type() == field.data_type() {
                Arc::clone(column)
            } else {
                arrow::compute::cast(column, field.data_type())?
            });
        }
        for index in 0..self.written.fields().len() - columns.len() {
            let identity = self.layout.identity.zip(moved);
            columns.push(match identity.and_then(|(at, moved)| moved.columns().get(at + index)) {
                Some(column) => Arc::clone(column),
                None => arrow::array::new_null_array(&arrow::datatypes::DataType::Int64, rows.num_rows()),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.written), columns, &options)?)
    }

    async fn write_later(&mut self, rows: RecordBatch) -> Result<()> {
        self.waiting_bytes += rows.get_array_memory_size();
        self.waiting.push(rows);
        if self.waiting_bytes > WAITING_BYTES_MAX {
            self.waiting_bytes = 0;
            for rows in self.waiting.drain(..) {
                self.writer.write(rows).await?;
            }
        }
        Ok(())
    }

    /// Keeps rows for RETURNING: the row that it sees, which begins at `at`, and the columns of others.
    fn returned(&mut self, batch: &RecordBatch, at: Option<usize>) -> Result<()> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        let at = at.ok_or_else(|| defect("RETURNING without rows"))?;
        let own = at..at + self.layout.width;
        let columns: Vec<usize> = own.chain(self.layout.others..batch.num_columns()).collect();
        let rows = batch.project(&columns)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::clone(spool.schema());
        spool.push(RecordBatch::try_new_with_options(schema, rows.columns().to_vec(), &options)?)
    }
}

fn kept(batch: &RecordBatch, mask: &BooleanArray) -> Result<RecordBatch> {
    if mask.true_count() == batch.num_rows() {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, mask)?)
}

fn defect(what: &str) -> ServerError {
    ServerError::new(Condition::InternalError, what)
}

//! One modification at work: its affected rows pass the checks and become changes of the table.

use std::sync::Arc;

use arrow::{
    array::{AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::{Field, Int32Type, Int64Type, Schema},
};
use datafusion::execution::memory_pool::MemoryPool;
use futures::StreamExt as _;
use lis_security::{AuthorisedModification, AuthorisedQuery, RowCheck};
use lis_sql::bind::{Command, Layout, MergeStep};

use super::{
    super::{check_constraints::CheckConstraints, execute, row_checks::RowChecks, spool::Spool},
    change::TableChange,
    defect,
    proposals::{Proposals, second_time},
};
use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    wire::encode::OutputOptions,
};

/// A modification that runs.
pub(super) struct Work<'c> {
    change: &'c mut TableChange,
    command: Command,
    layout: Layout,
    steps: Vec<MergeStep>,
    inserted: RowChecks,
    updated: RowChecks,
    updatable: Option<RowCheck>,
    deletable: Option<RowCheck>,
    /// INSERT … ON CONFLICT: what was proposed so far.
    proposals: Option<Proposals>,
    spool: Option<Spool>,
    rows: u64,
}

impl<'c> Work<'c> {
    /// The work, and the query that gives it the affected rows. `spool` keeps rows for RETURNING.
    pub(super) fn new(
        change: &'c mut TableChange,
        authorised: AuthorisedModification,
        constraints: Option<CheckConstraints>,
        schema: Option<String>,
        output: OutputOptions,
        spool: Option<Spool>,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<(Self, AuthorisedQuery)> {
        let AuthorisedModification { command, rows, layout, steps, shown, checks, .. } = authorised;
        let table = change.table();
        let proposals = match layout.proposed {
            Some(_) => Some(Proposals::new(&layout, table, steps.contains(&MergeStep::Update), pool)?),
            None => None,
        };
        let work = Self {
            command,
            layout,
            steps,
            inserted: RowChecks::new(table, checks.inserted, output.clone())
                .with_constraints(constraints.clone())
                .showing(shown.clone())
                .in_schema(schema.clone()),
            updated: RowChecks::new(table, checks.updated, output)
                .with_constraints(constraints)
                .showing(shown)
                .in_schema(schema),
            updatable: checks.updatable,
            deletable: checks.deletable,
            change,
            proposals,
            spool,
            rows: 0,
        };
        Ok((work, rows))
    }

    /// Works through the affected rows. How many were changed, and what was kept of them.
    pub(super) async fn run(
        mut self,
        server: &Arc<Server>,
        affected: AuthorisedQuery,
    ) -> Result<(u64, Option<Spool>)> {
        let mut affected = execute(server, affected).await?;
        while let Some(batch) = affected.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            match self.command {
                Command::Insert if self.proposals.is_some() => self.insert_or(&batch).await?,
                Command::Insert => self.insert(&batch).await?,
                Command::Update => self.update(&batch).await?,
                Command::Delete => self.delete(&batch)?,
                Command::Merge => self.merge(&batch).await?,
            }
        }
        Ok((self.rows, self.spool))
    }

    async fn insert(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = self.columns_at(batch, self.layout.new)?;
        self.inserted.verify(&rows)?;
        self.rows += rows.num_rows() as u64;
        self.returned(batch, self.layout.new)?;
        self.change.write(&rows, None).await
    }

    async fn insert_or(&mut self, batch: &RecordBatch) -> Result<()> {
        let proposed = self.columns_at(batch, self.layout.proposed)?;
        self.inserted.verify(&proposed)?;
        let inserts = self.doing(batch, MergeStep::Insert)?;
        let updates = self.doing(batch, MergeStep::Update)?;
        let new = self.columns_at(batch, self.layout.new)?;
        let Some(proposals) = &mut self.proposals else { return Err(defect("no proposals")) };
        let ordinals = self.layout.ordinal.and_then(|at| batch.columns().get(at));
        let ordinals = ordinals.and_then(|column| column.as_primitive_opt::<Int64Type>());
        let ordinals = ordinals.ok_or_else(|| defect("rows without numbers"))?;
        let inserted = proposals.judge(ordinals, &new, &inserts, &updates)?;
        let done = arrow::compute::or(&inserted, &updates)?;
        let done = kept(batch, &done)?;
        let updates = kept(batch, &updates)?;
        if updates.num_rows() > 0 {
            self.check_touched(self.updatable.as_ref(), &updates)?;
            self.touch(&updates, |new| if new { Ok(()) } else { Err(second_time()) })?;
            let rows = self.columns_at(&updates, self.layout.new)?;
            self.updated.verify(&rows)?;
            self.move_rows(&rows, &updates).await?;
        }
        let inserts = kept(&proposed, &inserted)?;
        self.rows += inserts.num_rows() as u64;
        self.change.write(&inserts, None).await?;
        self.returned(&done, self.layout.new)
    }

    async fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        // Of several rows of FROM that match one row, the first counts.
        let batch = self.touch(batch, |_| Ok(()))?;
        let rows = self.columns_at(&batch, self.layout.new)?;
        self.updated.verify(&rows)?;
        self.returned(&batch, self.layout.new)?;
        self.move_rows(&rows, &batch).await
    }

    fn delete(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.touch(batch, |_| Ok(()))?;
        self.returned(&batch, self.layout.old)
    }

    async fn merge(&mut self, batch: &RecordBatch) -> Result<()> {
        let updates = kept(batch, &self.doing(batch, MergeStep::Update)?)?;
        let deletes = kept(batch, &self.doing(batch, MergeStep::Delete)?)?;
        let inserts = kept(batch, &self.doing(batch, MergeStep::Insert)?)?;
        let once = |new: bool| {
            if new {
                return Ok(());
            }
            Err(ServerError::new(
                Condition::CardinalityViolation,
                "MERGE command cannot affect row a second time",
            )
            .with_hint("Ensure that not more than one source row matches any one target row."))
        };
        if updates.num_rows() > 0 {
            self.check_touched(self.updatable.as_ref(), &updates)?;
            self.touch(&updates, once)?;
            let rows = self.columns_at(&updates, self.layout.new)?;
            self.updated.verify(&rows)?;
            self.move_rows(&rows, &updates).await?;
        }
        if deletes.num_rows() > 0 {
            self.check_touched(self.deletable.as_ref(), &deletes)?;
            self.touch(&deletes, once)?;
        }
        if inserts.num_rows() > 0 {
            let rows = self.columns_at(&inserts, self.layout.new)?;
            self.inserted.verify(&rows)?;
            self.rows += rows.num_rows() as u64;
            self.change.write(&rows, None).await?;
        }
        Ok(())
    }

    /// Which rows a kind of clause applies to.
    fn doing(&self, batch: &RecordBatch, wanted: MergeStep) -> Result<BooleanArray> {
        let step = self.layout.step.and_then(|at| batch.columns().get(at));
        let Some(step) = step.and_then(|column| column.as_primitive_opt::<Int32Type>()) else {
            return Err(defect("rows without steps"));
        };
        Ok(step
            .iter()
            .map(|step| {
                let step = step.and_then(|step| usize::try_from(step).ok());
                Some(step.and_then(|step| self.steps.get(step)) == Some(&wanted))
            })
            .collect())
    }

    /// Refuses rows that the statement sees and its command may not touch.
    fn check_touched(&self, check: Option<&RowCheck>, batch: &RecordBatch) -> Result<()> {
        match check {
            Some(check) => check_rows(check, &self.columns_at(batch, self.layout.old)?),
            None => Ok(()),
        }
    }

    /// Touches the rows of a batch and counts those that were not touched before, which are given back; `judge` is told
    /// of each whether it is one.
    fn touch(&mut self, batch: &RecordBatch, judge: impl Fn(bool) -> Result<()>) -> Result<RecordBatch> {
        let first = self.change.touch(batch, self.layout.identity, judge)?;
        self.rows += first.true_count() as u64;
        kept(batch, &first)
    }

    /// Writes rows in the place of those that a batch has the identity of.
    async fn move_rows(&mut self, rows: &RecordBatch, batch: &RecordBatch) -> Result<()> {
        let moved = self.layout.identity.map(|at| (batch, at));
        self.change.write(rows, moved).await
    }

    /// The table's columns from a place in the layout on.
    fn columns_at(&self, batch: &RecordBatch, at: Option<usize>) -> Result<RecordBatch> {
        let at = at.ok_or_else(|| defect("affected rows without the table's columns"))?;
        let columns: Vec<usize> = (at..at + self.layout.width).collect();
        let rows = batch.project(&columns)?;
        let table = self.change.table();
        let schema = Arc::new(Schema::new(
            table
                .columns
                .iter()
                .zip(rows.columns())
                .map(|(column, array)| Field::new(column.name.as_str(), array.data_type().clone(), true))
                .collect::<Vec<_>>(),
        ));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, rows.columns().to_vec(), &options)?)
    }

    /// Keeps rows for RETURNING: the row that it sees, which begins at `at`, and the columns of others.
    fn returned(&mut self, batch: &RecordBatch, at: Option<usize>) -> Result<()> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        let at = at.ok_or_else(|| defect("RETURNING without rows"))?;
        let own = at..at + self.layout.width;
        let columns: Vec<usize> = own.chain(self.layout.others..batch.num_columns()).collect();
        spool.push(&batch.project(&columns)?)
    }
}

fn check_rows(check: &RowCheck, rows: &RecordBatch) -> Result<()> {
    match check.first_refused(rows)? {
        None => Ok(()),
        Some(_) => Err(check.refusal().into()),
    }
}

fn kept(batch: &RecordBatch, mask: &BooleanArray) -> Result<RecordBatch> {
    if mask.true_count() == batch.num_rows() {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, mask)?)
}

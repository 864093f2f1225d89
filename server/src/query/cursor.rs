//! Rows on their way to a client: a stream that is pulled a batch at a time, wherever it is asked for – a simple query, a
//! portal with a row limit, FETCH. Nothing is collected: what the client does not ask for is not computed. Only a SCROLL
//! cursor keeps what it has passed, up to a limit.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{ArrayRef, RecordBatch, StringViewArray},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatchOptions,
};
use datafusion::{execution::SendableRecordBatchStream, physical_plan::stream::RecordBatchStreamAdapter};
use futures::StreamExt;
use lis_lake::{
    snapshot::Snapshot,
    types::{ColumnType, PgType},
};
use lis_sql::{output::OutputColumn, statement::FetchDirection, types::Derived};

use super::record::StatementRecord;
use crate::{
    error::{Condition, Result, ServerError},
    wire::{
        encode::{ObjectNames, OutputOptions, RowEncoder},
        types::Format,
    },
};

/// What a SCROLL cursor may keep of the rows that it has passed.
const SCROLL_BYTES_MAX: usize = 64 << 20;
/// What a cursor keeps that was declared neither SCROLL nor NO SCROLL. Beyond it, the cursor only goes forward.
const PASSED_BYTES_MAX: usize = 2 << 20;

/// Rows, forward.
pub(crate) struct Cursor {
    outputs: Arc<[OutputColumn]>,
    names: ObjectNames,
    /// In a lock that is never taken: a stream need not be `Sync`, a session must be.
    stream: Option<Mutex<SendableRecordBatchStream>>,
    rest: Option<RecordBatch>,
    history: Option<History>,
    record: Option<StatementRecord>,
    /// What is read, which must not expire while it is.
    snapshot: Option<Arc<Snapshot>>,
}

/// Passed rows of a SCROLL cursor, and where it stands among them: 0 is before the first row.
#[derive(Debug, Default)]
struct History {
    batches: Vec<RecordBatch>,
    rows: u64,
    bytes: usize,
    position: u64,
    /// Whether it stands after the last row.
    after_end: bool,
    /// Whether SCROLL was asked for: then it is an error if there is too much to keep.
    promised: bool,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cursor").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

impl Cursor {
    /// Over a running query.
    pub(crate) fn new(
        outputs: Arc<[OutputColumn]>,
        stream: SendableRecordBatchStream,
        record: Option<StatementRecord>,
    ) -> Self {
        Self {
            outputs,
            names: ObjectNames::default(),
            stream: Some(Mutex::new(stream)),
            rest: None,
            history: None,
            record,
            snapshot: None,
        }
    }

    /// Over rows of a snapshot.
    pub(crate) fn of_snapshot(mut self, snapshot: Arc<Snapshot>) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Over a few rows of text: SHOW, EXPLAIN.
    pub(crate) fn of_text(names: &[&str], rows: Vec<Vec<Option<String>>>) -> Result<Self> {
        Self::of_values(names.iter().map(|name| text_column(name)).collect(), rows)
    }

    /// The same of columns whose types are written as text is.
    pub(crate) fn of_values(outputs: Vec<OutputColumn>, rows: Vec<Vec<Option<String>>>) -> Result<Self> {
        let outputs: Arc<[OutputColumn]> = outputs.into();
        let columns: Vec<ArrayRef> = (0..outputs.len())
            .map(|index| {
                let values = rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
                Arc::new(values.collect::<StringViewArray>()) as ArrayRef
            })
            .collect();
        let fields: Vec<Field> = (0..outputs.len())
            .map(|index| Field::new(format!("c{index}"), DataType::Utf8View, true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let stream = RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(batch)]));
        Ok(Self::new(outputs, Box::pin(stream), None))
    }

    /// With the functions that tell objects' names.
    pub(crate) fn with_names(mut self, names: ObjectNames) -> Self {
        self.names = names;
        self
    }

    /// Writes its rows.
    pub(crate) fn encoder(&self, formats: &[Format], options: OutputOptions) -> RowEncoder {
        RowEncoder::new(&self.outputs, formats, options).with_names(&self.names)
    }

    /// Makes it a SCROLL cursor; if that is not `promised`, one that goes back as long as there is little to keep.
    pub(crate) fn scrollable(mut self, promised: bool) -> Self {
        self.history = Some(History { promised, ..History::default() });
        self
    }

    /// Whether it can go back.
    pub(crate) fn is_scrollable(&self) -> bool {
        self.history.is_some()
    }

    /// Its columns.
    pub(crate) fn outputs(&self) -> &Arc<[OutputColumn]> {
        &self.outputs
    }

    /// The next rows: at most `limit` and never an empty batch; `None` at the end. Cancellation safe.
    pub(crate) async fn next(&mut self, limit: u64) -> Result<Option<RecordBatch>> {
        if limit == 0 {
            return Ok(None);
        }
        if let Some(batch) = self.again(limit) {
            return Ok(Some(batch));
        }
        while self.rest.is_none() {
            let Some(stream) = &mut self.stream else {
                if let Some(history) = &mut self.history {
                    history.after_end = true;
                }
                return Ok(None);
            };
            let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
            match stream.next().await {
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(Ok(batch)) => self.rest = Some(batch),
                Some(Err(error)) => {
                    self.stream = None;
                    let error = ServerError::from(error);
                    if let Some(record) = &mut self.record {
                        record.note(&error);
                    }
                    return Err(error);
                }
                None => {
                    self.stream = None;
                    self.record = None;
                }
            }
        }
        let Some(batch) = self.rest.take() else { return Ok(None) };
        let batch = match usize::try_from(limit) {
            Ok(limit) if limit < batch.num_rows() => {
                self.rest = Some(batch.slice(limit, batch.num_rows() - limit));
                batch.slice(0, limit)
            }
            _ => batch,
        };
        if let Some(record) = &mut self.record {
            record.add_rows(batch.num_rows() as u64);
        }
        self.remember(&batch)?;
        Ok(Some(batch))
    }

    fn remember(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(history) = &mut self.history else { return Ok(()) };
        history.bytes += batch.get_array_memory_size();
        if !history.promised && history.bytes > PASSED_BYTES_MAX {
            self.history = None;
            return Ok(());
        }
        if history.bytes > SCROLL_BYTES_MAX {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("a scrollable cursor can pass at most {} MiB of rows", SCROLL_BYTES_MAX >> 20),
            )
            .with_hint("Declare the cursor with NO SCROLL, which has no limit."));
        }
        history.rows += batch.num_rows() as u64;
        history.position = history.rows;
        history.batches.push(batch.clone());
        Ok(())
    }

    /// Rows that were passed already and lie ahead again.
    fn again(&mut self, limit: u64) -> Option<RecordBatch> {
        let history = self.history.as_mut()?;
        if history.position >= history.rows {
            return None;
        }
        let batch = history.rows_from(history.position, limit)?;
        history.position += batch.num_rows() as u64;
        Some(batch)
    }

    /// Turns a direction into what to give: forward, or rows already passed.
    pub(crate) async fn seek(&mut self, direction: FetchDirection) -> Result<Seek> {
        match direction {
            FetchDirection::Forward(0) => Ok(Seek::Rows(self.current()?)),
            FetchDirection::Forward(count) => Ok(Seek::Forward(count)),
            FetchDirection::ForwardAll => Ok(Seek::Forward(u64::MAX)),
            FetchDirection::Backward(0) => Ok(Seek::Rows(self.current()?)),
            FetchDirection::Backward(count) => self.backward(count).map(Seek::Rows),
            FetchDirection::BackwardAll => self.backward(u64::MAX).map(Seek::Rows),
            FetchDirection::Relative(0) => Ok(Seek::Rows(self.current()?)),
            FetchDirection::Relative(steps) if steps > 0 => {
                self.skip(steps.unsigned_abs() - 1).await?;
                Ok(Seek::Forward(1))
            }
            FetchDirection::Relative(steps) => {
                let rows = self.backward(steps.unsigned_abs())?;
                Ok(Seek::Rows(
                    rows.last().map(|last| last.slice(last.num_rows() - 1, 1)).into_iter().collect(),
                ))
            }
            FetchDirection::Absolute(row) => self.absolute(row).await,
        }
    }

    async fn absolute(&mut self, row: i64) -> Result<Seek> {
        if row > 0 && self.history.is_none() && self.rest.is_none() {
            return Err(only_forward());
        }
        let target = if row >= 0 {
            row.unsigned_abs()
        } else {
            self.skip(u64::MAX).await?;
            let rows = self.scroll()?.rows;
            (rows + 1).saturating_sub(row.unsigned_abs())
        };
        let history = self.scroll()?;
        history.after_end = false;
        history.position = history.rows.min(target.saturating_sub(1));
        if target == 0 {
            return Ok(Seek::Rows(Vec::new()));
        }
        let missing = target - 1 - history.position;
        self.skip(missing).await?;
        Ok(Seek::Forward(1))
    }

    /// Passes rows over.
    async fn skip(&mut self, count: u64) -> Result<()> {
        self.pass(count).await.map(|_| ())
    }

    /// Passes rows over and counts them: MOVE.
    pub(crate) async fn pass(&mut self, count: u64) -> Result<u64> {
        let mut passed = 0;
        while passed < count {
            let Some(batch) = self.next(count - passed).await? else { break };
            passed += batch.num_rows() as u64;
        }
        Ok(passed)
    }

    fn scroll(&mut self) -> Result<&mut History> {
        self.history.as_mut().ok_or_else(only_forward)
    }

    fn current(&mut self) -> Result<Vec<RecordBatch>> {
        let history = self.scroll()?;
        let Some(before) = history.position.checked_sub(1).filter(|_| !history.after_end) else {
            return Ok(Vec::new());
        };
        Ok(history.rows_from(before, 1).into_iter().collect())
    }

    /// Rows before the current one, nearest first.
    fn backward(&mut self, count: u64) -> Result<Vec<RecordBatch>> {
        let history = self.scroll()?;
        // After the last row the last row itself is the first one backward.
        let after_end = std::mem::take(&mut history.after_end);
        let upper = if after_end { history.rows } else { history.position.saturating_sub(1) };
        let lower = upper.saturating_sub(count);
        let rows = (lower..upper).rev().filter_map(|row| history.rows_from(row, 1)).collect::<Vec<_>>();
        history.position = if upper - lower < count { 0 } else { lower + 1 };
        Ok(rows)
    }
}

impl History {
    /// Up to `limit` rows of one batch from row number `from` (from 0).
    fn rows_from(&self, from: u64, limit: u64) -> Option<RecordBatch> {
        let mut first = 0;
        for batch in &self.batches {
            let rows = batch.num_rows() as u64;
            if from < first + rows {
                let Range { start, end } = (from - first)..(from - first).saturating_add(limit).min(rows);
                let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                return Some(batch.slice(start, end - start));
            }
            first += rows;
        }
        None
    }
}

/// What a FETCH gives.
#[derive(Debug)]
pub(crate) enum Seek {
    /// So many rows from [`Cursor::next`].
    Forward(u64),
    /// These.
    Rows(Vec<RecordBatch>),
}

fn only_forward() -> ServerError {
    ServerError::new(Condition::ObjectNotInPrerequisiteState, "cursor can only scan forward")
        .with_hint("Declare it with SCROLL option to enable backward scan.")
}

/// An output column of type text.
pub(crate) fn text_column(name: &str) -> OutputColumn {
    OutputColumn {
        name: name.to_owned(),
        column_type: ColumnType::plain(PgType::Text),
        collation: Derived::default(),
        origin: None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    fn cursor() -> Cursor {
        let rows = (1..=5).map(|number| vec![Some(number.to_string())]).collect();
        Cursor::of_text(&["n"], rows).unwrap()
    }

    fn values(batches: &[RecordBatch]) -> Vec<String> {
        batches
            .iter()
            .flat_map(|batch| {
                batch
                    .column(0)
                    .as_string_view()
                    .iter()
                    .map(|value| value.unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    async fn fetch(cursor: &mut Cursor, direction: FetchDirection) -> Vec<String> {
        match cursor.seek(direction).await.unwrap() {
            Seek::Rows(rows) => values(&rows),
            Seek::Forward(mut count) => {
                let mut all = Vec::new();
                while let Some(batch) = cursor.next(count).await.unwrap() {
                    count -= batch.num_rows() as u64;
                    all.push(batch);
                }
                values(&all)
            }
        }
    }

    #[tokio::test]
    async fn a_batch_is_given_in_pieces_of_the_limit() {
        let mut cursor = cursor();
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(2)).await, ["1", "2"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::ForwardAll).await, ["3", "4", "5"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(1)).await, [""; 0]);
        assert!(cursor.seek(FetchDirection::Backward(1)).await.is_err());
    }

    #[tokio::test]
    async fn a_scroll_cursor_goes_back_and_forth() {
        let mut cursor = cursor().scrollable(true);
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(3)).await, ["1", "2", "3"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Backward(1)).await, ["2"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(0)).await, ["2"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(2)).await, ["3", "4"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Absolute(-1)).await, ["5"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Absolute(1)).await, ["1"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::ForwardAll).await, ["2", "3", "4", "5"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::BackwardAll).await, ["5", "4", "3", "2", "1"]);
        assert_eq!(fetch(&mut cursor, FetchDirection::Forward(1)).await, ["1"]);
    }
}

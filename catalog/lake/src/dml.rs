//! Changing rows in place. Files never change, so UPDATE, DELETE and MERGE note which rows of which files they touch
//! ([`TouchedRows`]: one bit a row), and then only those files are replaced: by a writer that gets the rows of them that
//! were not touched ([`TouchedRows::write_rest`]), and from the caller the rows as they have become. A file none of whose
//! rows is left is not read again; a file that no row was touched in stays as it is.
//!
//! The rest is carried over by the system: no expression of a user sees it. It streams, and memory is bounded by the
//! writer's runs and by the bits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{AsArray as _, BooleanArray},
    compute::filter_record_batch,
    datatypes::Int64Type,
    record_batch::RecordBatch,
};
use datafusion::{
    catalog::{Session, TableProvider as _},
    physical_plan::execute_stream,
};
use futures::StreamExt as _;

use crate::{
    error::LakeError,
    files::{TableWriter, WriterOptions},
    ids::FileId,
    lake::Lake,
    provider::{IDENTITY_COLUMNS, LakeTable},
    table::Table,
};

/// The columns of row identity that a moved row keeps ([`crate::row_lineage`]): the first of them.
pub const LINEAGE_COLUMNS: usize = 2;

/// The rows of a table that a statement changes.
#[derive(Debug)]
pub struct TouchedRows {
    table: Arc<Table>,
    files: BTreeMap<FileId, FileRows>,
    rows: u64,
}

#[derive(Debug)]
struct FileRows {
    bits: Vec<u64>,
    count: u64,
    of: u64,
}

impl FileRows {
    /// Whether the row was not touched before; `None` if the file has no such row.
    fn touch(&mut self, row: u64) -> Option<bool> {
        let word = self.bits.get_mut(usize::try_from(row / 64).ok()?).filter(|_| row < self.of)?;
        let bit = 1_u64 << (row % 64);
        let new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(new);
        Some(new)
    }

    fn has(&self, row: i64) -> bool {
        let word = u64::try_from(row / 64).ok().and_then(|word| usize::try_from(word).ok());
        word.and_then(|word| self.bits.get(word)).is_some_and(|word| word & (1_u64 << (row % 64)) != 0)
    }
}

impl TouchedRows {
    /// None of a table's rows.
    pub fn new(table: Arc<Table>) -> Self {
        Self { table, files: BTreeMap::new(), rows: 0 }
    }

    /// How many rows were touched.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The files that they are in: to be replaced.
    pub fn files(&self) -> BTreeSet<FileId> {
        self.files.keys().copied().collect()
    }

    /// Touches a row, said as [`IDENTITY_COLUMNS`] say it. False if it was touched before.
    pub fn touch(&mut self, file: i64, row: i64) -> Result<bool, LakeError> {
        let id = FileId::new(file);
        let unknown = || LakeError::Unknown { kind: "data file", name: id.to_string() };
        let rows = match self.files.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let file = self.table.files.iter().find(|file| file.id == id).ok_or_else(unknown)?;
                let of = file.record_count;
                let words = usize::try_from(of.div_ceil(64)).map_err(|_| unknown())?;
                new.insert(FileRows { bits: vec![0; words], count: 0, of })
            }
        };
        let row = u64::try_from(row).map_err(|_| unknown())?;
        let new = rows.touch(row).ok_or_else(unknown)?;
        self.rows += u64::from(new);
        Ok(new)
    }

    /// Gives a writer, which must take lineage, the rows of the touched files that were not touched, in their order.
    pub async fn write_rest(
        &self,
        lake: &Arc<Lake>,
        state: &dyn Session,
        writer: &mut TableWriter,
    ) -> Result<(), LakeError> {
        for (id, touched) in self.files.iter().filter(|(_, touched)| touched.count < touched.of) {
            let file = LakeTable::new(Arc::clone(lake), Arc::clone(&self.table))
                .of_files(&BTreeSet::from([*id]))
                .with_row_identity();
            let scan = file.scan(state, None, &[], None).await.map_err(LakeError::Engine)?;
            let mut rows = execute_stream(scan, state.task_ctx()).map_err(LakeError::Engine)?;
            while let Some(batch) = rows.next().await {
                let rest = untouched(&batch.map_err(LakeError::Engine)?, touched)?;
                writer.write(rest).await?;
            }
        }
        Ok(())
    }
}

/// The rows of a batch with identity that were not touched, with their lineage.
fn untouched(batch: &RecordBatch, touched: &FileRows) -> Result<RecordBatch, LakeError> {
    let failed = |error: arrow::error::ArrowError| LakeError::Engine(error.into());
    let places = batch
        .columns()
        .last()
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| LakeError::damaged("a scan without places of rows".to_owned()))?;
    let kept: BooleanArray = places.values().iter().map(|row| Some(!touched.has(*row))).collect();
    let width = batch.num_columns() - (IDENTITY_COLUMNS.len() - LINEAGE_COLUMNS);
    let wanted: Vec<usize> = (0..width).collect();
    let rows = batch.project(&wanted).map_err(failed)?;
    if kept.true_count() == kept.len() {
        return Ok(rows);
    }
    filter_record_batch(&rows, &kept).map_err(failed)
}

impl Lake {
    /// Begins to write rows that were in a table before and keep their lineage: a table's columns, and behind them the
    /// first [`LINEAGE_COLUMNS`] of [`IDENTITY_COLUMNS`], null in new rows.
    pub async fn rewriter(self: &Arc<Self>, table: &Table) -> Result<TableWriter, LakeError> {
        self.writer(table, WriterOptions { row_lineage: true, ..WriterOptions::default() }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_touched_once_and_only_where_there_is_one() {
        let mut rows = FileRows { bits: vec![0; 2], count: 0, of: 70 };
        assert_eq!(rows.touch(69), Some(true));
        assert_eq!(rows.touch(69), Some(false));
        assert_eq!(rows.touch(70), None);
        assert_eq!(rows.touch(1_000_000), None);
        assert!(rows.has(69) && !rows.has(68) && !rows.has(5_000));
        assert_eq!(rows.count, 1);
    }
}

//! Which snapshot a row came with, and which row it is, after it was moved to another file.
//!
//! A file that an INSERT or a load wrote says both by itself: its rows came with the snapshot that shows it first, and
//! their numbers count up from `row_id_start`. A file that a rewrite or compaction made holds rows of many snapshots, so
//! it carries both per row, in the two columns that DuckLake has for it. Without them a batch could not be taken out
//! any more once its rows stand beside others.
//!
//! An UPDATE keeps both of a row that it changes: the row still came with its batch and goes when that is undone. A value
//! that is null means "as the file says": that is how a row is written whose snapshot is still to come (rows that a
//! transaction added and then changed, new rows written into one file with old ones).

use arrow::{
    array::{Array as _, AsArray as _, RecordBatch},
    compute::{max, min},
    datatypes::{DataType, Field, FieldRef, Int64Type},
};
use datafusion::{
    common::Result,
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Column as ColumnExpr, case, is_not_null},
    },
    scalar::ScalarValue,
};
use parquet::{
    arrow::RowNumber,
    basic::{Repetition, Type as PhysicalType},
    errors::ParquetError,
    schema::types::{Type, TypePtr},
};
use std::sync::Arc;

use crate::{data_file::DataFile, ids::SnapshotId};

/// The column with the number of the snapshot that a row came with.
pub const SNAPSHOT_COLUMN: &str = "_ducklake_internal_snapshot_id";
/// The column with a row's number, which it keeps for life.
pub const ROW_ID_COLUMN: &str = "_ducklake_internal_row_id";
/// What no column of a table may begin with.
const RESERVED_PREFIX: &str = "_ducklake_internal_";
const BEGIN_COLUMN: &str = "_ducklake_internal_begin_snapshot";
const ROW_ID_START_COLUMN: &str = "_ducklake_internal_row_id_start";
/// The place of a row in its file, from 0.
pub(crate) const ROW_NUMBER_COLUMN: &str = "_ducklake_internal_row_number";
/// The number of the file that a row is in.
pub(crate) const FILE_COLUMN: &str = "_ducklake_internal_data_file_id";

/// The Parquet field ids by which DuckLake finds the two columns.
const SNAPSHOT_FIELD_ID: i32 = 2_147_483_539;
const ROW_ID_FIELD_ID: i32 = 2_147_483_540;

/// Whether a table's column may not have the name.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX))
}

/// The two columns as a scan gives them and a writer takes them, after the table's own: snapshot, then row number.
/// Both are null where the file has to say it.
pub fn fields() -> [Field; 2] {
    [SNAPSHOT_COLUMN, ROW_ID_COLUMN].map(|name| Field::new(name, DataType::Int64, true))
}

/// The two columns in a Parquet file.
pub(crate) fn parquet_fields() -> Result<[TypePtr; 2], ParquetError> {
    let field = |name, id| {
        Type::primitive_type_builder(name, PhysicalType::INT64)
            .with_repetition(Repetition::OPTIONAL)
            .with_id(Some(id))
            .build()
            .map(Arc::new)
    };
    Ok([field(SNAPSHOT_COLUMN, SNAPSHOT_FIELD_ID)?, field(ROW_ID_COLUMN, ROW_ID_FIELD_ID)?])
}

/// The snapshots that the rows of a file with lineage came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowSnapshots {
    /// The first and the last of those that are written with a row.
    pub range: Option<(SnapshotId, SnapshotId)>,
    /// Whether some rows came with the snapshot that shows the file first.
    pub with_own: bool,
}

impl RowSnapshots {
    /// Takes in rows with lineage: their snapshots stand in column `position`.
    pub(crate) fn add(&mut self, batch: &RecordBatch, position: usize) {
        let Some(snapshots) =
            batch.columns().get(position).and_then(|column| column.as_primitive_opt::<Int64Type>())
        else {
            return;
        };
        self.with_own |= snapshots.null_count() > 0;
        let bounds = min(snapshots).zip(max(snapshots));
        if let Some((least, greatest)) = bounds.map(|(a, b)| (SnapshotId::new(a), SnapshotId::new(b))) {
            let (a, b) = self.range.unwrap_or((least, greatest));
            self.range = Some((a.min(least), b.max(greatest)));
        }
    }

    /// The first and the last snapshot of rows of a file that begins with `begin`.
    pub(crate) fn bounds(self, begin: SnapshotId) -> (SnapshotId, SnapshotId) {
        match self.range {
            Some((least, greatest)) if self.with_own => (least.min(begin), greatest.max(begin)),
            Some(range) => range,
            None => (begin, begin),
        }
    }
}

impl DataFile {
    /// Whether the file may hold rows that came with the snapshot.
    pub fn may_hold_rows_of(&self, snapshot: SnapshotId) -> bool {
        match self.row_snapshots {
            Some(snapshots) => {
                let (least, greatest) = snapshots.bounds(self.begin_snapshot);
                (least..=greatest).contains(&snapshot)
            }
            // What another program wrote may carry rows that it moved.
            None if self.checksum.is_none() => snapshot <= self.begin_snapshot,
            None => snapshot == self.begin_snapshot,
        }
    }
}

/// What a file says about its rows, as columns of a scan that are the same for all of them.
pub(crate) fn constant_fields() -> Vec<FieldRef> {
    [BEGIN_COLUMN, ROW_ID_START_COLUMN, FILE_COLUMN]
        .map(|name| Arc::new(Field::new(name, DataType::Int64, true)))
        .to_vec()
}

/// The values of [`constant_fields`]: of a file that no snapshot shows yet only its number is known.
pub(crate) fn constants(file: &DataFile) -> Vec<ScalarValue> {
    let known = |number: i64| ScalarValue::Int64((file.id.get() >= 0).then_some(number));
    vec![known(file.begin_snapshot.get()), known(file.row_id_start), ScalarValue::Int64(Some(file.id.get()))]
}

/// The position of a row in its file, which the Parquet reader counts.
pub(crate) fn row_number_field() -> FieldRef {
    Arc::new(Field::new(ROW_NUMBER_COLUMN, DataType::Int64, false).with_extension_type(RowNumber))
}

/// The snapshot of a row: from the row, or else from the file. `at` gives the place of a column by its name.
pub(crate) fn snapshot_expression(
    at: impl Fn(&str) -> Option<usize>,
) -> Option<Result<Arc<dyn PhysicalExpr>>> {
    let column = |name| Some(Arc::new(ColumnExpr::new(name, at(name)?)) as Arc<dyn PhysicalExpr>);
    Some(otherwise(column(SNAPSHOT_COLUMN)?, column(BEGIN_COLUMN)?))
}

/// The number of a row: from the row, or else counted in the file.
pub(crate) fn row_id_expression(at: impl Fn(&str) -> Option<usize>) -> Option<Result<Arc<dyn PhysicalExpr>>> {
    let column = |name| Some(Arc::new(ColumnExpr::new(name, at(name)?)) as Arc<dyn PhysicalExpr>);
    let counted =
        Arc::new(BinaryExpr::new(column(ROW_ID_START_COLUMN)?, Operator::Plus, column(ROW_NUMBER_COLUMN)?));
    Some(otherwise(column(ROW_ID_COLUMN)?, counted))
}

fn otherwise(
    value: Arc<dyn PhysicalExpr>,
    otherwise: Arc<dyn PhysicalExpr>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let known = is_not_null(Arc::clone(&value))?;
    case(None, vec![(known, value)], Some(otherwise))
}

/// The columns that a scan must read for [`snapshot_expression`].
pub(crate) const SNAPSHOT_SOURCES: [&str; 2] = [SNAPSHOT_COLUMN, BEGIN_COLUMN];
/// The columns that a scan must read for [`row_id_expression`].
pub(crate) const ROW_ID_SOURCES: [&str; 3] = [ROW_ID_COLUMN, ROW_ID_START_COLUMN, ROW_NUMBER_COLUMN];

#[cfg(test)]
mod tests;

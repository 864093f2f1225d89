//! The rows that INSERT … ON CONFLICT proposes, one after the other: which of them get in each other's way. That a row of
//! the table is in the way, the plan has found out; what the statement itself has inserted or updated is kept here, as
//! keys, against the query's memory.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, BooleanArray, Int64Array, RecordBatch},
    datatypes::DataType,
    row::{RowConverter, SortField},
};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use lis_lake::table::Table;
use lis_sql::bind::Layout;

use super::defect;
use crate::error::{Condition, Result, ServerError};

/// What a key takes beside its bytes.
const KEY_OVERHEAD_BYTES: usize = 48;

/// See the module.
pub(super) struct Proposals {
    keys: Vec<Key>,
    /// Whether rows that are there are updated: then none may be hit twice.
    updates: bool,
    /// The last proposed row that has updated one.
    updated: Option<i64>,
    reservation: MemoryReservation,
}

struct Key {
    columns: Vec<usize>,
    types: Vec<DataType>,
    converter: RowConverter,
    taken: HashSet<Box<[u8]>>,
}

impl Proposals {
    pub(super) fn new(
        layout: &Layout,
        table: &Table,
        updates: bool,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Self> {
        let key = |columns: &Vec<usize>| -> Result<Key> {
            let own = columns.iter().filter_map(|column| table.columns.get(*column));
            let types: Vec<DataType> = own.map(|column| column.column_type.to_arrow()).collect();
            let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
            Ok(Key { columns: columns.clone(), types, converter, taken: HashSet::new() })
        };
        Ok(Self {
            keys: layout.keys.iter().map(key).collect::<Result<_>>()?,
            updates,
            updated: None,
            reservation: MemoryConsumer::new("keys of ON CONFLICT").register(pool),
        })
    }

    /// Which of the rows that are not in the table yet are inserted. `ordinals` number the proposed rows, `rows` are what
    /// they become.
    pub(super) fn judge(
        &mut self,
        ordinals: &Int64Array,
        rows: &RecordBatch,
        inserts: &BooleanArray,
        updates: &BooleanArray,
    ) -> Result<BooleanArray> {
        let mut given = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let columns = key
                .columns
                .iter()
                .zip(&key.types)
                .map(|(column, wanted)| {
                    let column = rows.columns().get(*column);
                    let column = column.ok_or_else(|| defect("a key without a column"))?;
                    Ok(arrow::compute::cast(column, wanted)?)
                })
                .collect::<Result<Vec<ArrayRef>>>()?;
            given.push((key.converter.convert_columns(&columns)?, columns));
        }
        let mut inserted = Vec::with_capacity(rows.num_rows());
        for row in 0..rows.num_rows() {
            let (inserts, updates) = (inserts.value(row), updates.value(row));
            if updates && self.updated.replace(ordinals.value(row)) == Some(ordinals.value(row)) {
                let message = "more than one row of the table has the key of a row proposed for insertion";
                return Err(ServerError::new(Condition::CardinalityViolation, message).with_hint(
                    "Keys are not enforced on rows that are written. Delete the duplicates first.",
                ));
            }
            let mut free = true;
            // A null is equal to nothing.
            let own = |index: usize| {
                given.get(index).filter(|(_, columns)| columns.iter().all(|column| column.is_valid(row)))
            };
            if inserts {
                for (index, key) in self.keys.iter().enumerate() {
                    free &= own(index).is_none_or(|(keys, _)| !key.taken.contains(keys.row(row).data()));
                }
            }
            if !free && self.updates {
                return Err(second_time());
            }
            if inserts && free || updates {
                for (index, key) in self.keys.iter_mut().enumerate() {
                    let Some((keys, _)) = own(index) else { continue };
                    let bytes: Box<[u8]> = keys.row(row).data().into();
                    self.reservation.try_grow(bytes.len() + KEY_OVERHEAD_BYTES)?;
                    key.taken.insert(bytes);
                }
            }
            inserted.push(inserts && free);
        }
        Ok(BooleanArray::from(inserted))
    }
}

/// What a row that is hit twice fails the statement with.
pub(super) fn second_time() -> ServerError {
    ServerError::new(
        Condition::CardinalityViolation,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    )
    .with_hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
    )
}

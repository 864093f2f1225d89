//! Sorting a run in memory.

use std::sync::Arc;

use arrow::{
    array::UInt32Array,
    compute::{SortOptions, concat_batches, take_record_batch},
    datatypes::SchemaRef,
    error::ArrowError,
    record_batch::RecordBatch,
    row::{RowConverter, SortField},
};

/// Rows that are put into order at a time: small enough to stay in the processor's cache with a few columns.
const CHUNK_ROWS: usize = 16_384;

/// The rows of `batches` in order of the columns `sort` (ascending, nulls last, equal rows as they came), in chunks.
pub(super) fn sorted(
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    sort: &[usize],
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>>, ArrowError> {
    let run = concat_batches(schema, &batches)?;
    drop(batches);
    let order = order(&run, sort)?;
    let rows = run.num_rows();
    Ok((0..rows).step_by(CHUNK_ROWS).map(move |start| {
        let length = CHUNK_ROWS.min(rows - start);
        match &order {
            None => Ok(run.slice(start, length)),
            Some(order) => take_record_batch(&run, &order.slice(start, length)),
        }
    }))
}

/// The positions of the rows in order; `None` if they are in order already, as deliveries often are.
fn order(run: &RecordBatch, sort: &[usize]) -> Result<Option<UInt32Array>, ArrowError> {
    let options = SortOptions { descending: false, nulls_first: false };
    let columns: Vec<_> = sort.iter().map(|position| Arc::clone(run.column(*position))).collect();
    let fields = columns
        .iter()
        .map(|column| SortField::new_with_options(column.data_type().clone(), options))
        .collect();
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    if (1..rows.num_rows()).all(|row| rows.row(row - 1) <= rows.row(row)) {
        return Ok(None);
    }
    let count = u32::try_from(rows.num_rows())
        .map_err(|_| ArrowError::ComputeError("a run has too many rows".to_owned()))?;
    let mut positions: Vec<u32> = (0..count).collect();
    let key = |position: u32| rows.row(usize::try_from(position).unwrap_or(0));
    positions.sort_by(|a, b| key(*a).cmp(&key(*b)));
    Ok(Some(UInt32Array::from(positions)))
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Int32Array, StringViewArray},
        datatypes::{DataType, Field, Schema},
    };

    use super::*;

    #[test]
    fn equal_rows_keep_their_order_and_nulls_come_last() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("key", DataType::Utf8View, true),
            Field::new("value", DataType::Int32, false),
        ]));
        let batch = |keys: Vec<Option<&str>>, values: Vec<i32>| {
            let columns: Vec<arrow::array::ArrayRef> =
                vec![Arc::new(StringViewArray::from(keys)), Arc::new(Int32Array::from(values))];
            RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
        };
        let batches =
            vec![batch(vec![Some("b"), None, Some("a")], vec![1, 2, 3]), batch(vec![Some("a")], vec![4])];
        let chunks: Vec<_> = sorted(&schema, batches, &[0]).unwrap().collect::<Result<_, _>>().unwrap();
        let values = chunks[0].column(1).as_any().downcast_ref::<Int32Array>().unwrap().values().to_vec();
        assert_eq!(values, [3, 4, 1, 2]);
    }

    #[test]
    fn rows_in_order_are_not_moved() {
        let schema = Arc::new(Schema::new(vec![Field::new("key", DataType::Int32, false)]));
        let column: arrow::array::ArrayRef = Arc::new(Int32Array::from(vec![1, 1, 2]));
        let run = RecordBatch::try_new(schema, vec![column]).unwrap();
        assert!(order(&run, &[0]).unwrap().is_none());
    }
}

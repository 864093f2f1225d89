//! What a row holds may be long: an array of a million elements, a text of megabytes. Rows are copied by the thousand,
//! and the engine takes memory for a batch of copies before anybody can say that there is none; such an allocation does
//! not fail, it ends the server. Texts share their bytes and arrays do not, so
//!
//! - an array that goes into a join, a window or an unnesting, which may repeat it for each row of a batch, must fit there
//!   so often;
//! - the texts by which a batch of rows is sorted or merged are written out: they must fit once.
//!
//! What does not is 53200. Where an array is only computed from, or goes out as it came in, it may be as long as any value.
//!
//! A nested loop that finds no memory for its left side reads it again, to the disk. The engine's nodes that hand rows to
//! several readers cannot be read again as they are, so the guard over that side begins anew.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Schema},
};
use datafusion::{
    common::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{LexOrdering, utils::collect_columns},
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan,
        execution_plan::reset_plan_states,
        joins::NestedLoopJoinExec,
        sorts::{sort::SortExec, sort_preserving_merge::SortPreservingMergeExec},
        stream::RecordBatchStreamAdapter,
        unnest::UnnestExec,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};
use futures::StreamExt as _;
use lis_functions::error::{FunctionError, FunctionErrorKind};

use super::{
    hands_on::{HandsOn, HandsOnExec, with_inputs},
    yielding_joins::is_join,
};

/// The longest array that is repeated, in bytes: a batch of them is a gibibyte.
const REPEATED_BYTES_MAX: usize = 128 << 10;
/// The most bytes of the texts by which a batch is sorted.
const SORTED_BYTES_MAX: usize = 512 << 20;

/// The inputs of a node under guards; `None` if they need none.
pub(super) fn guarded(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let repeats = repeats(node.as_ref());
    if !repeats && !node.is::<SortExec>() && !node.is::<SortPreservingMergeExec>() {
        return Ok(None);
    }
    with_inputs(node, ChildrenPropertiesMode::Keep, |side, input| {
        let columns = guarded_columns(node.as_ref(), repeats, &input.schema());
        let is_read_again = side == 0 && node.is::<NestedLoopJoinExec>();
        let guarded = !columns.is_empty() || is_read_again;
        Ok(guarded
            .then(|| HandsOnExec::over(Arc::clone(input), WideRows::new(columns.into(), is_read_again))))
    })
}

/// Whether a node may write out a row of an input more than once.
fn repeats(node: &dyn ExecutionPlan) -> bool {
    is_join(node)
        || node.is::<UnnestExec>()
        || node.is::<WindowAggExec>()
        || node.is::<BoundedWindowAggExec>()
}

/// The columns of an input that this node could write out too often.
fn guarded_columns(node: &dyn ExecutionPlan, repeats: bool, schema: &Schema) -> Vec<usize> {
    if repeats {
        let mut columns: Vec<usize> = (0..schema.fields().len()).collect();
        columns.retain(|index| has_list(schema.field(*index).data_type()));
        if let Some(unnest) = node.downcast_ref::<UnnestExec>() {
            // What is unnested is not repeated.
            let unnested = unnest.list_column_indices();
            columns.retain(|index| unnested.iter().all(|list| list.index_in_input_schema != *index));
        }
        return columns;
    }
    let keys = |order: &LexOrdering| -> Vec<usize> {
        let columns = order.iter().flat_map(|key| collect_columns(&key.expr));
        columns
            .map(|column| column.index())
            .filter(|index| is_text(schema.field(*index).data_type()))
            .collect()
    };
    if let Some(sort) = node.downcast_ref::<SortExec>() {
        keys(sort.expr())
    } else if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() {
        keys(merge.expr())
    } else {
        Vec::new()
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

fn has_list(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(_) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_list(field.data_type())),
        _ => false,
    }
}

/// The bytes of a column's longest array.
fn longest_list(column: &ArrayRef) -> Result<usize> {
    if let Some(record) = column.as_struct_opt() {
        return record.columns().iter().map(longest_list).try_fold(0, |most, one| Ok(most.max(one?)));
    }
    let Some(lists) = column.as_list_opt::<i32>() else { return Ok(0) };
    let longest = lists.offsets().lengths().max().unwrap_or(0);
    let elements = lists.values();
    if longest == 0 || elements.is_empty() {
        return Ok(0);
    }
    // Texts in an array share their bytes with each other's copies.
    let width = match elements.data_type() {
        DataType::Utf8View | DataType::BinaryView => size_of::<u128>(),
        _ => elements.to_data().get_slice_memory_size()?.div_ceil(elements.len()),
    };
    Ok(longest.saturating_mul(width))
}

/// The bytes of a column of texts, written out.
fn written_out(column: &ArrayRef) -> usize {
    // A view begins with its text's length.
    #[expect(clippy::cast_possible_truncation, reason = "the length is the lower half of the lower half")]
    let sum = |views: &[u128]| views.iter().map(|view| u64::from(*view as u32)).sum::<u64>();
    let bytes = match column.data_type() {
        DataType::Utf8View => sum(column.as_string_view().views()),
        DataType::BinaryView => sum(column.as_binary_view().views()),
        _ => 0,
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn check(batch: &RecordBatch, columns: &[usize]) -> Result<()> {
    let mut texts = 0_usize;
    for index in columns {
        let column = batch.column(*index);
        if is_text(column.data_type()) {
            texts = texts.saturating_add(written_out(column));
        } else if longest_list(column)? > REPEATED_BYTES_MAX {
            return exhausted("an array", REPEATED_BYTES_MAX);
        }
    }
    if texts > SORTED_BYTES_MAX { exhausted("the texts to sort by", SORTED_BYTES_MAX) } else { Ok(()) }
}

fn exhausted(what: &str, bytes: usize) -> Result<()> {
    // Not the engine's own error of that kind, which some of its nodes take for a reason to go to the disk.
    let detail = format!(
        "Copies of {what} for the rows of a batch would take too much: it has more than {bytes} bytes."
    );
    let error = FunctionError::new(FunctionErrorKind::OutOfMemory, "out of memory").with_detail(detail);
    Err(DataFusionError::from(error))
}

/// Rows as they are, or an error if they are too wide for what is done with them above.
#[derive(Debug)]
struct WideRows {
    columns: Arc<[usize]>,
    /// Whether a partition may be read more than once.
    is_read_again: bool,
    was_read: AtomicBool,
}

impl WideRows {
    fn new(columns: Arc<[usize]>, is_read_again: bool) -> Self {
        Self { columns, is_read_again, was_read: AtomicBool::new(false) }
    }
}

/// Over another plan nothing was read yet.
impl Clone for WideRows {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.columns), self.is_read_again)
    }
}

impl HandsOn for WideRows {
    const NAME: &'static str = "WideRowsExec";
    const KEEPS_ORDER: bool = true;

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let columns = Arc::clone(&self.columns);
        let rows = if self.is_read_again && self.was_read.swap(true, Ordering::Relaxed) {
            reset_plan_states(Arc::clone(input))?.execute(partition, context)?
        } else {
            input.execute(partition, context)?
        };
        let schema = rows.schema();
        let checked = rows.map(move |batch| {
            let batch = batch?;
            check(&batch, &columns)?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, checked)))
    }
}

//! A statement can be cancelled where it waits, and the engine sees to it that what reads data waits now and then. A join
//! can make very much of a little that it read: without anything to wait for it would go on to its end. Here every join
//! counts the batches that it gives, too. (One that finds no pair for a very long time still does so unasked.)

use std::sync::Arc;

use datafusion::{
    common::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        ExecutionPlan,
        coop::make_cooperative,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
    },
};

use super::hands_on::HandsOn;

/// Whether a node joins two inputs.
pub(super) fn is_join(node: &dyn ExecutionPlan) -> bool {
    node.is::<HashJoinExec>()
        || node.is::<NestedLoopJoinExec>()
        || node.is::<CrossJoinExec>()
        || node.is::<SortMergeJoinExec>()
}

/// Rows as they are, between which others run. Unlike the engine's own node of that kind it tells exactly what its input
/// tells: what is above need not be made anew.
#[derive(Debug, Clone)]
pub(super) struct Yields;

impl HandsOn for Yields {
    const NAME: &'static str = "YieldsExec";
    const KEEPS_ORDER: bool = true;

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        input.execute(partition, context).map(make_cooperative)
    }
}

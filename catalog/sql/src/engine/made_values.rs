//! What functions make of rows is counted in the memory that statements share, or a few statements that make long values
//! would end the server together. A node whose expressions make values of no fixed length runs within an account
//! (`lis_functions::account`), and its inputs close it: when the node asks for more rows, it has handed on, or has let
//! go, what it made of those before.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Result,
        tree_node::{TreeNode as _, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::ScalarFunctionExpr,
    physical_plan::{ChildrenPropertiesMode, ExecutionPlan, stream::RecordBatchStreamAdapter},
};
use futures::{StreamExt as _, stream};
use lis_functions::account::Account;

use super::hands_on::{HandsOn, HandsOnExec, with_inputs};

/// Whether a function makes values of no fixed length in a node.
pub(super) fn is_made_in(node: &dyn ExecutionPlan) -> Result<bool> {
    let mut is_made = false;
    node.apply_expressions(&mut |root| {
        root.apply(|expr| {
            is_made =
                expr.downcast_ref::<ScalarFunctionExpr>().is_some_and(|call| is_long(call.return_type()));
            Ok(if is_made { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(is_made)
}

fn is_long(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| is_long(field.data_type())),
        other => other.primitive_width().is_none() && *other != DataType::Boolean,
    }
}

/// The node within an account.
pub(super) fn counted(node: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let closed = with_inputs(node, ChildrenPropertiesMode::Keep, |_, input| {
        Ok(Some(HandsOnExec::over(Arc::clone(input), Closes)))
    })?;
    Ok(HandsOnExec::over(closed.unwrap_or_else(|| Arc::clone(node)), Counts))
}

/// Rows as they are, made within an account.
#[derive(Debug, Clone)]
struct Counts;

impl HandsOn for Counts {
    const NAME: &'static str = "CountsExec";
    const KEEPS_ORDER: bool = true;

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let account = Account::open(context.memory_pool());
        let mut rows = account.within(|| input.execute(partition, context))?;
        let schema = rows.schema();
        let counted = stream::poll_fn(move |context| account.within(|| rows.poll_next_unpin(context)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }
}

/// Rows as they are. Whoever asks for them has done with what it made of others.
#[derive(Debug, Clone)]
struct Closes;

impl HandsOn for Closes {
    const NAME: &'static str = "ClosesExec";
    const KEEPS_ORDER: bool = true;

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut rows = input.execute(partition, context)?;
        let schema = rows.schema();
        let closing = stream::poll_fn(move |context| {
            if let Some(account) = Account::current() {
                account.close();
            }
            rows.poll_next_unpin(context)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, closing)))
    }
}

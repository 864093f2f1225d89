//! The last of our rules but for the barriers': guards in a plan of which nothing else is changed any more. Inputs whose
//! rows must not be too long are checked (`wide_rows`), joins let others run (`yielding_joins`), what functions make is
//! counted (`made_values`).

use std::sync::Arc;

use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{ChildrenPropertiesMode, ExecutionPlan},
};

use super::{
    hands_on::{HandsOnExec, rewritten},
    made_values, wide_rows,
    yielding_joins::{Yields, is_join},
};

/// The rule, for the end of the list.
#[derive(Debug, Default)]
pub struct Guards;

impl PhysicalOptimizerRule for Guards {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let guarded = rewritten(&plan, ChildrenPropertiesMode::Keep, &mut |node| {
            let mut guarded = wide_rows::guarded(node)?;
            if made_values::is_made_in(node.as_ref())? {
                guarded = Some(made_values::counted(guarded.as_ref().unwrap_or(node))?);
            }
            if !is_join(node.as_ref()) {
                return Ok(guarded);
            }
            let join = guarded.unwrap_or_else(|| Arc::clone(node));
            Ok(Some(HandsOnExec::over(join, Yields)))
        })?;
        Ok(guarded.unwrap_or(plan))
    }

    fn name(&self) -> &'static str {
        "Guards"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

//! `bool_and` and `bool_or` as the engine has them, and over frames that lose rows at their beginning, which the engine's
//! cannot.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    datatypes::{DataType, FieldRef},
};
use datafusion::{
    common::{Result, ScalarValue},
    functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use crate::error::FunctionError;

/// Whether all are true, or any.
pub fn truth(all: bool) -> Arc<AggregateUDF> {
    let engine = if all { bool_and_udaf() } else { bool_or_udaf() };
    Arc::new(AggregateUDF::from(Truth { engine, all }))
}

#[derive(Debug, PartialEq, Eq)]
struct Truth {
    engine: Arc<AggregateUDF>,
    all: bool,
}

impl Hash for Truth {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.all.hash(state);
    }
}

impl AggregateUDFImpl for Truth {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engine.return_type(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.engine.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.engine.accumulator(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.engine.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.engine.create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, _arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts { all: self.all, trues: 0, falses: 0 }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engine.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// How many rows of a frame are true, and how many false.
#[derive(Debug)]
struct Counts {
    all: bool,
    trues: usize,
    falses: usize,
}

fn booleans(values: &[ArrayRef]) -> Result<&BooleanArray> {
    values
        .first()
        .and_then(|values| values.as_boolean_opt())
        .ok_or_else(|| FunctionError::internal("an aggregate of booleans has one argument").into())
}

/// Trues and falses of an array.
fn counted(values: &BooleanArray) -> (usize, usize) {
    let trues = values.true_count();
    (trues, values.len() - values.null_count() - trues)
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (trues, falses) = counted(booleans(values)?);
        self.trues += trues;
        self.falses += falses;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (trues, falses) = counted(booleans(values)?);
        self.trues = self.trues.saturating_sub(trues);
        self.falses = self.falses.saturating_sub(falses);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let any = self.trues + self.falses > 0;
        Ok(ScalarValue::Boolean(any.then_some(if self.all { self.falses == 0 } else { self.trues > 0 })))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(FunctionError::internal("a window frame has no partial state").into())
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(FunctionError::internal("a window frame has no partial state").into())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

//! `min` and `max` of values that are ordered by keys and cannot be had back from them: arrays. Those of floats are
//! in `extremes/floats.rs`.

mod floats;

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::DataType,
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF},
};

pub use self::floats::float_extreme;
use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    error::FunctionError,
};

/// Which of the values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extreme {
    /// The largest, and not the smallest.
    pub largest: bool,
    /// The values' type.
    pub value: DataType,
}

/// The aggregate of values and their keys.
pub fn extreme(how: Extreme) -> Arc<AggregateUDF> {
    aggregate(how)
}

impl Aggregation for Extreme {
    fn name(&self) -> &'static str {
        if self.largest { "max_by_key" } else { "min_by_key" }
    }

    fn result(&self) -> DataType {
        self.value.clone()
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("value", self.value.clone()), ("key", DataType::BinaryView)]
    }

    fn accumulator(&self, _inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        let value = ScalarValue::try_from(&self.value)?;
        Ok(Box::new(Best { largest: self.largest, value, key: None }))
    }

    fn ignores_duplicates(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Best {
    largest: bool,
    value: ScalarValue,
    key: Option<Vec<u8>>,
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, keys, ..] = values else {
            return Err(FunctionError::internal("an extreme has a value and a key").into());
        };
        let keys = keys
            .as_binary_view_opt()
            .ok_or_else(|| FunctionError::internal("the key of an extreme is bytes"))?;
        let mut best: Option<usize> = None;
        for row in 0..keys.len() {
            if keys.is_null(row) || values.is_null(row) {
                continue;
            }
            let known = best.map(|best| keys.value(best)).or(self.key.as_deref());
            let better = known.is_none_or(|known| {
                if self.largest { keys.value(row) > known } else { keys.value(row) < known }
            });
            if better {
                best = Some(row);
            }
        }
        if let Some(best) = best {
            self.key = Some(keys.value(best).to_vec());
            self.value = ScalarValue::try_from_array(values, best)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::BinaryView(self.key.clone())])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.key.as_ref().map_or(0, Vec::capacity) + self.value.size()
    }
}

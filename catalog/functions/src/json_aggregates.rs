//! `json_agg`, `json_object_agg` and their `jsonb` forms. The arguments are json text already; order comes with the
//! rows (the caller sorts for `ORDER BY`).

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringViewArray},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use crate::{error::FunctionError, json};

/// One of the four.
#[derive(Debug)]
struct JsonAggregate {
    object: bool,
    binary: bool,
    signature: Signature,
}

impl PartialEq for JsonAggregate {
    fn eq(&self, other: &Self) -> bool {
        (self.object, self.binary) == (other.object, other.binary)
    }
}

impl Eq for JsonAggregate {}

impl Hash for JsonAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.object, self.binary).hash(state);
    }
}

fn make(object: bool, binary: bool) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(JsonAggregate { object, binary, signature }))
}

/// `json_agg`, or `jsonb_agg` if `binary`.
pub fn json_agg(binary: bool) -> Arc<AggregateUDF> {
    make(false, binary)
}

/// `json_object_agg`, or `jsonb_object_agg` if `binary`.
pub fn json_object_agg(binary: bool) -> Arc<AggregateUDF> {
    make(true, binary)
}

impl AggregateUDFImpl for JsonAggregate {
    fn name(&self) -> &str {
        match (self.object, self.binary) {
            (false, false) => "json_agg",
            (false, true) => "jsonb_agg",
            (true, false) => "json_object_agg",
            (true, true) => "jsonb_object_agg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[members]", arguments.name), DataType::Utf8View, true))])
    }

    /// Rows must come in the order that is asked for: there is no sorting afterwards.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::HardRequirement
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        FunctionError::refuse_distinct(self.name(), arguments.is_distinct)?;
        Ok(Box::new(Members { members: String::new(), object: self.object, binary: self.binary }))
    }
}

/// The members so far, without the braces.
#[derive(Debug)]
struct Members {
    members: String,
    object: bool,
    binary: bool,
}

fn column(values: &[ArrayRef], index: usize) -> Result<&StringViewArray> {
    values
        .get(index)
        .and_then(|array| array.as_string_view_opt())
        .ok_or_else(|| FunctionError::internal("json aggregates take text").into())
}

impl Members {
    fn separate(&mut self) {
        if !self.members.is_empty() {
            self.members.push_str(", ");
        }
    }
}

impl Accumulator for Members {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let held = column(values, usize::from(self.object))?;
        let keys = if self.object { Some(column(values, 0)?) } else { None };
        for row in 0..held.len() {
            let value = if held.is_null(row) { "null" } else { held.value(row) };
            self.separate();
            if let Some(keys) = keys {
                if keys.is_null(row) {
                    return Err(FunctionError::invalid_parameter("field name must not be null").into());
                }
                json::write_string(keys.value(row), &mut self.members);
                self.members.push_str(" : ");
            }
            self.members.push_str(value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.members.is_empty() {
            return Ok(ScalarValue::Utf8View(None));
        }
        let text =
            if self.object { format!("{{ {} }}", self.members) } else { format!("[{}]", self.members) };
        let text = if self.binary { json::normalise(&text)? } else { text };
        Ok(ScalarValue::Utf8View(Some(text)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let members = (!self.members.is_empty()).then(|| self.members.clone());
        Ok(vec![ScalarValue::Utf8View(members)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for members in column(values, 0)?.iter().flatten() {
            self.separate();
            self.members.push_str(members);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        std::mem::size_of::<Self>() + self.members.capacity()
    }
}

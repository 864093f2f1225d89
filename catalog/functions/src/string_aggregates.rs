//! `string_agg` of text and of bytes: each value after the first is preceded by the delimiter of its own row. Nulls are
//! left out; a null delimiter is empty. DataFusion's own does what has one constant delimiter; this does the rest.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::DataType,
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    error::{FunctionError, FunctionErrorKind},
    strings::TEXT_BYTES_MAX,
};

/// What is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Joined {
    /// `string_agg(text, text)`
    Text,
    /// `string_agg(bytea, bytea)`
    Bytes,
}

/// The aggregate.
pub fn string_agg(joined: Joined) -> Arc<AggregateUDF> {
    aggregate(joined)
}

impl Aggregation for Joined {
    fn name(&self) -> &'static str {
        match self {
            Joined::Text => "string_agg_text",
            Joined::Bytes => "string_agg_bytea",
        }
    }

    fn result(&self) -> DataType {
        match self {
            Joined::Text => DataType::Utf8View,
            Joined::Bytes => DataType::BinaryView,
        }
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        // What two states are joined by is the delimiter of the second one's first row.
        vec![("joined", DataType::BinaryView), ("delimiter", DataType::BinaryView)]
    }

    fn accumulator(&self, _inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Joining { joined: *self, so_far: None, first_delimiter: Vec::new() }))
    }

    fn is_ordered(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Joining {
    joined: Joined,
    so_far: Option<Vec<u8>>,
    first_delimiter: Vec<u8>,
}

impl Joining {
    fn add(&mut self, value: &[u8], delimiter: &[u8]) -> Result<()> {
        let Some(so_far) = &mut self.so_far else {
            self.so_far = Some(value.to_vec());
            self.first_delimiter = delimiter.to_vec();
            return Ok(());
        };
        if so_far.len() + delimiter.len() + value.len() > TEXT_BYTES_MAX {
            let message = "requested length too large";
            return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, message).into());
        }
        so_far.extend_from_slice(delimiter);
        so_far.extend_from_slice(value);
        Ok(())
    }
}

fn bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8View => Some(array.as_string_view().value(row).as_bytes()),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        _ => None,
    }
}

impl Accumulator for Joining {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Behind the arguments may stand what the rows are ordered by.
        let [values, delimiters, ..] = values else {
            return Err(FunctionError::internal("string_agg has two arguments").into());
        };
        for row in 0..values.len() {
            if let Some(value) = bytes_at(values, row) {
                self.add(value, bytes_at(delimiters, row).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.joined {
            Joined::Bytes => ScalarValue::BinaryView(self.so_far.clone()),
            Joined::Text => {
                let text = self.so_far.clone().map(String::from_utf8).transpose();
                ScalarValue::Utf8View(text.map_err(|error| FunctionError::internal(error.to_string()))?)
            }
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::BinaryView(self.so_far.clone()),
            ScalarValue::BinaryView(Some(self.first_delimiter.clone())),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.so_far.as_ref().map_or(0, Vec::capacity) + self.first_delimiter.capacity()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;

    #[test]
    fn each_row_has_its_delimiter() {
        let mut joining = Joining { joined: Joined::Text, so_far: None, first_delimiter: Vec::new() };
        let values: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None, Some("b"), Some("c")]));
        let delimiters: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("1"), Some("2"), Some("3"), None]));
        joining.update_batch(&[values, delimiters]).unwrap();
        assert_eq!(joining.evaluate().unwrap(), ScalarValue::Utf8View(Some("a3bc".into())));
    }
}

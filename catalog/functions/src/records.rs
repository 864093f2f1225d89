//! Records, held as structs: making them, their fields, their text.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, StringViewArray, StructArray, make_array},
    buffer::NullBuffer,
    datatypes::DataType,
};
use datafusion::common::ScalarValue;

use crate::{
    results::TextColumn,
    {error::FunctionError, scalar::Arguments, text_output as output},
};

type Done = Result<ArrayRef, FunctionError>;

/// `ROW(…)` of values of the result's fields' types.
pub fn make_record(arguments: &Arguments<'_>) -> Done {
    let DataType::Struct(fields) = arguments.result else {
        return Err(FunctionError::internal("a row must be a struct"));
    };
    if fields.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(arguments.rows, None)));
    }
    let columns =
        (0..arguments.len()).map(|index| arguments.full_array(index)).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
}

fn record(arguments: &Arguments<'_>) -> Result<StructArray, FunctionError> {
    let array = arguments.full_array(0)?;
    array.as_struct_opt().cloned().ok_or_else(|| FunctionError::internal("a record is wanted here"))
}

/// record, number of a field from 0 → the field's value: null in a null record.
pub fn field(arguments: &Arguments<'_>) -> Done {
    let record = record(arguments)?;
    let number = match ScalarValue::try_from_array(arguments.array(1)?, 0)? {
        ScalarValue::Int32(Some(number)) => usize::try_from(number).unwrap_or(usize::MAX),
        _ => return Err(FunctionError::internal("a field's number is wanted")),
    };
    let column =
        record.columns().get(number).ok_or_else(|| FunctionError::internal("a record has fewer fields"))?;
    if record.null_count() == 0 {
        return Ok(Arc::clone(column));
    }
    let nulls = NullBuffer::union(record.nulls(), column.logical_nulls().as_ref());
    Ok(make_array(column.to_data().into_builder().nulls(nulls).build()?))
}

/// record, text of each field → `(1,"a b",)`
pub fn record_to_text(arguments: &Arguments<'_>) -> Done {
    let record = record(arguments)?;
    let fields = (1..arguments.len())
        .map(|index| arguments.typed::<StringViewArray>(index))
        .collect::<Result<Vec<_>, _>>()?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    for row in 0..arguments.rows {
        if record.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        out.push(b'(');
        for (index, (texts, step)) in fields.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if !texts.is_null(row * step) {
                output::write_record_field(texts.value(row * step).as_bytes(), &mut out);
            }
        }
        out.push(b')');
        let text = std::str::from_utf8(&out).map_err(|error| FunctionError::internal(error.to_string()))?;
        builder.append_value(text)?;
    }
    Ok(Arc::new(builder.finish()))
}

//! Functions that return sets, as lists to be unnested: one list per row.

pub mod series;

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field},
};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    json::{self, Json},
    kernels::{ReadRow, Text},
    results::TextColumn,
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// The most values that one call for a batch of rows may make: they are all held in memory.
const SERIES_MAX: usize = 20_000_000;

fn too_many() -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::ProgramLimitExceeded,
        format!("a set of more than {SERIES_MAX} values is not supported"),
    )
    .with_detail("The values of a set are all held in memory.")
}

fn list(field: Arc<Field>, values: ArrayRef, lengths: Vec<usize>) -> Done {
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, None)?))
}

/// `information_schema._pg_expandarray(array)`: its elements and their numbers, from 1.
pub fn expand_array(arguments: &Arguments<'_>) -> Done {
    let array = arguments.full_array(0)?;
    let lists =
        array.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("an array is wanted here"))?;
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(FunctionError::internal("a set of records must be a list of structs"));
    };
    let mut lengths = Vec::with_capacity(lists.len());
    let mut parts = Vec::with_capacity(lists.len());
    let mut numbers = Vec::new();
    for row in 0..lists.len() {
        if lists.is_null(row) {
            lengths.push(0);
            continue;
        }
        let values = lists.value(row);
        lengths.push(values.len());
        numbers.extend((1..).take(values.len()));
        parts.push(values);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        arrow::array::new_empty_array(lists.values().data_type())
    } else {
        arrow::compute::concat(&parts)?
    };
    let records =
        StructArray::try_new(fields.clone(), vec![values, Arc::new(Int32Array::from(numbers))], None)?;
    list(Arc::clone(field), Arc::new(records), lengths)
}

/// Text lists: `fill` appends the elements of a row.
fn text_lists(
    arguments: &Arguments<'_>,
    mut fill: impl FnMut(&str, &mut TextColumn) -> Result<usize, FunctionError>,
) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let columns = <(Text,)>::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut values = TextColumn::new();
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let count = if nulls.is_null(row) { 0 } else { fill(<(Text,)>::read(&columns, row).0, &mut values)? };
        lengths.push(count);
    }
    list(Arc::clone(field), Arc::new(values.finish()), lengths)
}

fn refused(message: &str) -> FunctionError {
    FunctionError::invalid_parameter(message)
}

/// What a value is, for a message.
fn shape(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'[') => "array",
        Some(b'{') => "object",
        _ => "scalar",
    }
}

fn json_elements_of<'a>(text: &'a str, function: &str) -> Result<Vec<&'a str>, FunctionError> {
    json::elements(text)?.ok_or_else(|| {
        refused(&match shape(text) {
            "object" => format!("cannot call {function} on a non-array"),
            _ => format!("cannot call {function} on a scalar"),
        })
    })
}

fn jsonb_elements_of(text: &str) -> Result<Vec<&str>, FunctionError> {
    json::elements(text)?.ok_or_else(|| {
        refused(match shape(text) {
            "object" => "cannot extract elements from an object",
            _ => "cannot extract elements from a scalar",
        })
    })
}

fn push_elements(elements: &[&str], values: &mut TextColumn) -> Result<usize, FunctionError> {
    for element in elements {
        values.append_value(element)?;
    }
    Ok(elements.len())
}

fn push_text(text: &str, values: &mut TextColumn) -> Result<(), FunctionError> {
    match json::parse(text)? {
        Json::Null => {
            values.append_null();
            Ok(())
        }
        Json::String(text) => values.append_value(text),
        _ => values.append_value(text),
    }
}

fn push_texts(elements: &[&str], values: &mut TextColumn) -> Result<usize, FunctionError> {
    for element in elements {
        push_text(element, values)?;
    }
    Ok(elements.len())
}

/// `json_array_elements`
pub fn json_elements(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| {
        push_elements(&json_elements_of(text, "json_array_elements")?, values)
    })
}

/// `jsonb_array_elements`
pub fn jsonb_elements(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| push_elements(&jsonb_elements_of(text)?, values))
}

/// `json_array_elements_text`
pub fn json_elements_text(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| {
        push_texts(&json_elements_of(text, "json_array_elements_text")?, values)
    })
}

/// `jsonb_array_elements_text`
pub fn jsonb_elements_text(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| push_texts(&jsonb_elements_of(text)?, values))
}

fn keys(arguments: &Arguments<'_>, function: &str) -> Done {
    text_lists(arguments, |text, values| match json::raw_members(text)? {
        Some(members) => {
            for (key, _) in &members {
                values.append_value(key)?;
            }
            Ok(members.len())
        }
        None => Err(refused(&match shape(text) {
            "array" => format!("cannot call {function} on an array"),
            _ => format!("cannot call {function} on a scalar"),
        })),
    })
}

/// `json_object_keys`
pub fn json_keys(arguments: &Arguments<'_>) -> Done {
    keys(arguments, "json_object_keys")
}

/// `jsonb_object_keys`
pub fn jsonb_keys(arguments: &Arguments<'_>) -> Done {
    keys(arguments, "jsonb_object_keys")
}

/// Lists of keys and values.
fn members(arguments: &Arguments<'_>, as_text: bool, refuse: impl Fn(&str) -> FunctionError) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(FunctionError::internal("a set of records must be a list of structs"));
    };
    let columns = <(Text,)>::columns(arguments)?;
    let nulls = arguments.nulls();
    let (mut keys, mut values) = (TextColumn::new(), TextColumn::new());
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            lengths.push(0);
            continue;
        }
        let text = <(Text,)>::read(&columns, row).0;
        let members = json::raw_members(text)?.ok_or_else(|| refuse(text))?;
        for (key, value) in &members {
            keys.append_value(key)?;
            if as_text { push_text(value, &mut values)? } else { values.append_value(value)? }
        }
        lengths.push(members.len());
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(keys.finish()), Arc::new(values.finish())];
    let records = StructArray::try_new(fields.clone(), columns, None)?;
    list(Arc::clone(field), Arc::new(records), lengths)
}

fn json_members(arguments: &Arguments<'_>, as_text: bool) -> Done {
    members(arguments, as_text, |text| {
        refused(match shape(text) {
            "array" => "cannot deconstruct an array as an object",
            _ => "cannot deconstruct a scalar",
        })
    })
}

/// `json_each`
pub fn json_each(arguments: &Arguments<'_>) -> Done {
    json_members(arguments, false)
}

/// `json_each_text`
pub fn json_each_text(arguments: &Arguments<'_>) -> Done {
    json_members(arguments, true)
}

/// `jsonb_each`
pub fn jsonb_each(arguments: &Arguments<'_>) -> Done {
    members(arguments, false, |_| refused("cannot call jsonb_each on a non-object"))
}

/// `jsonb_each_text`
pub fn jsonb_each_text(arguments: &Arguments<'_>) -> Done {
    members(arguments, true, |_| refused("cannot call jsonb_each_text on a non-object"))
}

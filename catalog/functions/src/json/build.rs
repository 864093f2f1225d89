//! What makes json of other things: `json_object`, and the line feeds of the pretty forms of `row_to_json` and
//! `array_to_json`.

use arrow::array::{Array, ArrayRef, AsArray};

use super::{elements, write_string};
use crate::{
    arrays::shape::Arrays,
    error::{FunctionError, FunctionErrorKind},
    kernels::{Bool, Text, map_text},
    results::TextColumn,
    scalar::Arguments,
};
use std::sync::Arc;

type Done = Result<ArrayRef, FunctionError>;

fn arrays(arguments: &Arguments<'_>, index: usize) -> Result<Arrays, FunctionError> {
    Arrays::of(arguments.full_array(index)?.as_ref(), 1)
}

fn wrong(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::ArraySubscriptError, message)
}

fn null_key() -> FunctionError {
    FunctionError::new(FunctionErrorKind::NullValueNotAllowed, "null value not allowed for object key")
}

fn texts(values: &ArrayRef) -> Result<Vec<Option<&str>>, FunctionError> {
    let values = values
        .as_string_view_opt()
        .ok_or_else(|| FunctionError::not_supported("json_object of this array is not supported"))?;
    Ok(values.iter().collect())
}

fn write_object(pairs: &[(Option<&str>, Option<&str>)], out: &mut String) -> Result<(), FunctionError> {
    out.push('{');
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_string(key.ok_or_else(null_key)?, out);
        out.push_str(" : ");
        match value {
            Some(value) => write_string(value, out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(())
}

/// `json_object(text[])`: keys and values in turn, or pairs of them.
pub fn object_of_texts(arguments: &Arguments<'_>) -> Done {
    let given = arrays(arguments, 0)?;
    each(arguments, |row, out| {
        if given.lists.is_null(row) {
            return Ok(false);
        }
        match given.dimensions(row).as_slice() {
            [_, second] if second.length != 2 => return Err(wrong("array must have two columns")),
            [] | [_] | [_, _] => {}
            _ => return Err(wrong("wrong number of array subscripts")),
        }
        let values = given.lists.value(row);
        let texts = texts(&values)?;
        if texts.len() % 2 == 1 {
            return Err(wrong("array must have even number of elements"));
        }
        let pairs: Vec<_> = texts
            .chunks(2)
            .map(|pair| (pair.first().copied().flatten(), pair.get(1).copied().flatten()))
            .collect();
        write_object(&pairs, out)?;
        Ok(true)
    })
}

/// `json_object(keys text[], values text[])`
pub fn object_of_two(arguments: &Arguments<'_>) -> Done {
    let (keys, values) = (arrays(arguments, 0)?, arrays(arguments, 1)?);
    each(arguments, |row, out| {
        if keys.lists.is_null(row) || values.lists.is_null(row) {
            return Ok(false);
        }
        if keys.dimensions(row).len() > 1 || values.dimensions(row).len() > 1 {
            return Err(wrong("wrong number of array subscripts"));
        }
        let (keys, values) = (keys.lists.value(row), values.lists.value(row));
        if keys.len() != values.len() {
            return Err(wrong("mismatched array dimensions"));
        }
        let pairs: Vec<_> = texts(&keys)?.into_iter().zip(texts(&values)?).collect();
        write_object(&pairs, out)?;
        Ok(true)
    })
}

/// `json_build_object(VARIADIC array)`: keys as texts, and the same elements as json. Keys and values take turns.
pub fn object_of(arguments: &Arguments<'_>) -> Done {
    let (keys, values) = (arrays(arguments, 0)?, arrays(arguments, 1)?);
    each(arguments, |row, out| {
        if keys.lists.is_null(row) {
            return Ok(false);
        }
        let (keys, values) = (keys.lists.value(row), values.lists.value(row));
        let (keys, values) = (texts(&keys)?, texts(&values)?);
        if keys.len() % 2 == 1 {
            return Err(FunctionError::invalid_parameter("argument list must have even number of elements"));
        }
        out.push('{');
        for index in (0..keys.len()).step_by(2) {
            if index > 0 {
                out.push_str(", ");
            }
            let key = keys.get(index).copied().flatten().ok_or_else(|| {
                let number = index + 1;
                FunctionError::invalid_parameter(format!("argument {number}: key must not be null"))
            })?;
            write_string(key, out);
            out.push_str(" : ");
            out.push_str(values.get(index + 1).copied().flatten().unwrap_or("null"));
        }
        out.push('}');
        Ok(true)
    })
}

/// A text for each row; `false` is null.
fn each(
    arguments: &Arguments<'_>,
    mut write: impl FnMut(usize, &mut String) -> Result<bool, FunctionError>,
) -> Done {
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        out.clear();
        builder.append_option(write(row, &mut out)?.then_some(out.as_str()))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// A record as a json object: the record, then name and value, which is json already, of each field.
pub fn record(arguments: &Arguments<'_>) -> Done {
    let records = arguments.full_array(0)?;
    let columns = (1..arguments.len())
        .map(|index| arguments.typed::<arrow::array::StringViewArray>(index))
        .collect::<Result<Vec<_>, _>>()?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        if records.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        out.push('{');
        for (index, pair) in columns.chunks(2).enumerate() {
            let [(names, _), (values, step)] = pair else {
                return Err(FunctionError::internal("a field without a value"));
            };
            if index > 0 {
                out.push(',');
            }
            write_string(names.value(0), &mut out);
            out.push(':');
            let at = row * step;
            out.push_str(if values.is_null(at) { "null" } else { values.value(at) });
        }
        out.push('}');
        builder.append_value(&out)?;
    }
    Ok(Arc::new(builder.finish()))
}

/// A json array, whether each element has a line of its own.
pub fn array_lines(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Bool)>(arguments, |(text, wanted), out| {
        match (wanted, elements(text)?) {
            (true, Some(elements)) => {
                out.push('[');
                out.push_str(&elements.join(",\n "));
                out.push(']');
            }
            _ => out.push_str(text),
        }
        Ok(())
    })
}

/// A json object, whether each member has a line of its own.
pub fn object_lines(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Bool)>(arguments, |(text, wanted), out| {
        match (wanted, super::raw_members(text)?) {
            (true, Some(members)) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(",\n ");
                    }
                    write_string(key, out);
                    out.push(':');
                    out.push_str(value);
                }
                out.push('}');
            }
            _ => out.push_str(text),
        }
        Ok(())
    })
}

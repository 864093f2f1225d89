//! Functions that return sets, as lists to be unnested: one list per row.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Int32Array, ListArray, PrimitiveBuilder, StringViewBuilder, StructArray,
    },
    buffer::OffsetBuffer,
    datatypes::{ArrowPrimitiveType, DataType, Field},
};

use crate::{
    casts::zone_argument,
    dates::{add_interval, interval_parts},
    error::{FunctionError, FunctionErrorKind},
    json::{self, Json},
    kernels::{Int4, Int8, Interval, Numeric, ReadRow, Text, Timestamp, scale_of},
    scalar::Arguments,
    text_input::Interval as Parts,
};

type Done = Result<ArrayRef, FunctionError>;

/// The most values that one call may make: they are all held in memory.
pub const SERIES_MAX: usize = 20_000_000;

fn too_many() -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::ProgramLimitExceeded,
        format!("a set of more than {SERIES_MAX} values is not supported"),
    )
    .with_detail("The values of a set are all held in memory.")
}

fn zero_step() -> FunctionError {
    FunctionError::invalid_parameter("step size cannot equal zero")
}

/// A list per row; a row with a null argument gives an empty one.
fn lists<I: ReadRow, O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    mut fill: impl FnMut(I::Values<'_>, &mut PrimitiveBuilder<O>) -> Result<(), FunctionError>,
) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let columns = I::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut values = PrimitiveBuilder::<O>::new().with_data_type(field.data_type().clone());
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let before = arrow::array::ArrayBuilder::len(&values);
        if !nulls.is_null(row) {
            fill(I::read(&columns, row), &mut values)?;
        }
        lengths.push(arrow::array::ArrayBuilder::len(&values) - before);
    }
    list(Arc::clone(field), Arc::new(values.finish()), lengths)
}

fn list(field: Arc<Field>, values: ArrayRef, lengths: Vec<usize>) -> Done {
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, None)?))
}

/// Calls back with each value from `start` to `stop`, both included.
fn steps(start: i128, stop: i128, step: i128, mut each: impl FnMut(i128)) -> Result<(), FunctionError> {
    if step == 0 {
        return Err(zero_step());
    }
    let mut value = start;
    let mut count = 0;
    while (step > 0 && value <= stop) || (step < 0 && value >= stop) {
        count += 1;
        if count > SERIES_MAX {
            return Err(too_many());
        }
        each(value);
        match value.checked_add(step) {
            Some(next) => value = next,
            None => break,
        }
    }
    Ok(())
}

/// `generate_series(integer, integer, integer)`
pub fn int4_series(arguments: &Arguments<'_>) -> Done {
    lists::<(Int4, Int4, Int4), Int4>(arguments, |(start, stop, step), values| {
        steps(start.into(), stop.into(), step.into(), |value| {
            values.append_option(i32::try_from(value).ok());
        })
    })
}

/// `generate_series(bigint, bigint, bigint)`
pub fn int8_series(arguments: &Arguments<'_>) -> Done {
    lists::<(Int8, Int8, Int8), Int8>(arguments, |(start, stop, step), values| {
        steps(start.into(), stop.into(), step.into(), |value| {
            values.append_option(i64::try_from(value).ok());
        })
    })
}

/// `generate_series(numeric, numeric, numeric)`: the arguments have the result's scale.
pub fn numeric_series(arguments: &Arguments<'_>) -> Done {
    for index in 1..arguments.len() {
        if scale_of(arguments, index)? != scale_of(arguments, 0)? {
            return Err(FunctionError::internal("a series of numerics has several scales"));
        }
    }
    lists::<(Numeric, Numeric, Numeric), Numeric>(arguments, |(start, stop, step), values| {
        steps(start, stop, step, |value| values.append_value(value))
    })
}

fn sign_of(parts: Parts) -> i128 {
    crate::dates::interval_value(parts).signum()
}

fn moments(
    start: i64,
    stop: i64,
    step: Parts,
    next: impl Fn(i64) -> Result<i64, FunctionError>,
    mut each: impl FnMut(i64),
) -> Result<(), FunctionError> {
    let sign = sign_of(step);
    if sign == 0 {
        return Err(zero_step());
    }
    let mut value = start;
    let mut count = 0;
    while (sign > 0 && value <= stop) || (sign < 0 && value >= stop) {
        count += 1;
        if count > SERIES_MAX {
            return Err(too_many());
        }
        each(value);
        value = next(value)?;
    }
    Ok(())
}

/// `generate_series(timestamp, timestamp, interval)`
pub fn timestamp_series(arguments: &Arguments<'_>) -> Done {
    lists::<(Timestamp, Timestamp, Interval), Timestamp>(arguments, |(start, stop, step), values| {
        let step = interval_parts(step);
        moments(start, stop, step, |value| add_interval(value, step, 1), |value| values.append_value(value))
    })
}

/// `generate_series(timestamptz, timestamptz, interval)`, zone
pub fn timestamptz_series(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 3)?;
    lists::<(Timestamp, Timestamp, Interval), Timestamp>(arguments, |(start, stop, step), values| {
        let step = interval_parts(step);
        let next = |value: i64| crate::dates::add_interval_in_zone(value, step, 1, zone);
        moments(start, stop, step, next, |value| values.append_value(value))
    })
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
    mut fill: impl FnMut(&str, &mut StringViewBuilder) -> Result<usize, FunctionError>,
) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let columns = <(Text,)>::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut values = StringViewBuilder::new();
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

fn push_elements(elements: &[&str], values: &mut StringViewBuilder) -> usize {
    for element in elements {
        values.append_value(element);
    }
    elements.len()
}

fn push_text(text: &str, values: &mut StringViewBuilder) -> Result<(), FunctionError> {
    match json::parse(text)? {
        Json::Null => values.append_null(),
        Json::String(text) => values.append_value(text),
        _ => values.append_value(text),
    }
    Ok(())
}

fn push_texts(elements: &[&str], values: &mut StringViewBuilder) -> Result<usize, FunctionError> {
    for element in elements {
        push_text(element, values)?;
    }
    Ok(elements.len())
}

/// `json_array_elements`
pub fn json_elements(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| {
        Ok(push_elements(&json_elements_of(text, "json_array_elements")?, values))
    })
}

/// `jsonb_array_elements`
pub fn jsonb_elements(arguments: &Arguments<'_>) -> Done {
    text_lists(arguments, |text, values| Ok(push_elements(&jsonb_elements_of(text)?, values)))
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
                values.append_value(key);
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
    let (mut keys, mut values) = (StringViewBuilder::new(), StringViewBuilder::new());
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            lengths.push(0);
            continue;
        }
        let text = <(Text,)>::read(&columns, row).0;
        let members = json::raw_members(text)?.ok_or_else(|| refuse(text))?;
        for (key, value) in &members {
            keys.append_value(key);
            if as_text { push_text(value, &mut values)? } else { values.append_value(value) }
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

#[cfg(test)]
mod tests {
    use datafusion::{common::ScalarValue, logical_expr::ColumnarValue};

    use super::*;

    #[test]
    fn series_stop_where_they_should() {
        let collect = |start: i128, stop: i128, step: i128| {
            let mut values = Vec::new();
            steps(start, stop, step, |value| values.push(value)).map(|()| values)
        };
        assert_eq!(collect(1, 3, 1).unwrap(), [1, 2, 3]);
        assert_eq!(collect(3, 1, -2).unwrap(), [3, 1]);
        assert_eq!(collect(3, 1, 1).unwrap(), []);
        assert!(collect(1, 2, 0).is_err());
    }

    #[test]
    fn a_null_gives_an_empty_set() {
        let result = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
        let integer = |value: Option<i32>| ColumnarValue::Scalar(ScalarValue::Int32(value));
        let call = |stop: Option<i32>| {
            let values = vec![integer(Some(1)), integer(stop), integer(Some(1))];
            int4_series(&Arguments::new(values, 1, &result).unwrap()).unwrap()
        };
        assert_eq!(call(Some(4)).as_list::<i32>().value(0).len(), 4);
        assert_eq!(call(None).as_list::<i32>().value(0).len(), 0);
    }
}

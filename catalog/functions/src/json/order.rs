//! The order of `jsonb`, as keys whose bytes compare as PostgreSQL compares the values: null, strings, numbers,
//! booleans, arrays, objects; the longer array or object is larger, then member by member; the empty array of all comes
//! first. Equal keys mean equal values: 1 and 1.0 are one number.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::{Json, members_in_order, parse};
use crate::{
    error::FunctionError,
    kernels::{ReadRow, Text},
    results::BytesColumn,
    scalar::Arguments,
};

/// `jsonb` → its key.
pub fn order_key(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let columns = <(Text,)>::columns(arguments)?;
    let nulls = arguments.nulls();
    let mut builder = BytesColumn::with_capacity(arguments.rows);
    let mut key = Vec::new();
    for row in 0..arguments.rows {
        if nulls.is_null(row) {
            builder.append_null();
            continue;
        }
        key.clear();
        let value = parse(<(Text,)>::read(&columns, row).0)?;
        match &value {
            Json::Array(elements) if elements.is_empty() => key.push(0),
            _ => write_key(value, &mut key),
        }
        builder.append_value(&key)?;
    }
    Ok(Arc::new(builder.finish()))
}

fn write_key(value: Json<'_>, key: &mut Vec<u8>) {
    match value {
        Json::Null => key.push(1),
        Json::String(text) => write_text(&text, key),
        Json::Number(text) => {
            key.push(3);
            write_number(text, key);
        }
        Json::Bool(value) => key.extend([4, u8::from(value)]),
        Json::Array(elements) => {
            key.push(5);
            write_count(elements.len(), key);
            elements.into_iter().for_each(|element| write_key(element, key));
        }
        Json::Object(members) => {
            let members = members_in_order(members);
            key.push(6);
            write_count(members.len(), key);
            for (name, value) in members {
                write_text(&name, key);
                write_key(value, key);
            }
        }
    }
}

fn write_count(count: usize, key: &mut Vec<u8>) {
    key.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

/// No string of `jsonb` holds a zero byte, so one ends it.
fn write_text(text: &str, key: &mut Vec<u8>) {
    key.push(2);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
}

/// Whether two numbers are one, however they are written.
pub(super) fn same_number(one: &str, two: &str) -> bool {
    let key = |text: &str| {
        let mut key = Vec::new();
        write_number(text, &mut key);
        key
    };
    key(one) == key(two)
}

/// Sign, the exponent of the first digit, the digits without zeros at either end; of a negative number the complement.
fn write_number(text: &str, key: &mut Vec<u8>) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    let Some(last) = digits.iter().rposition(|digit| *digit != b'0') else {
        key.push(1);
        return;
    };
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX) - i64::try_from(leading).unwrap_or(0);
    let exponent = exponent.parse::<i64>().unwrap_or(0).saturating_add(point);
    let biased = exponent.clamp(-(1 << 40), 1 << 40).saturating_add(1 << 41).unsigned_abs();
    let mut number = biased.to_be_bytes().to_vec();
    number.extend_from_slice(digits.get(leading..=last).unwrap_or_default());
    number.push(0);
    if negative {
        key.push(0);
        key.extend(number.iter().map(|byte| !byte));
    } else {
        key.push(2);
        key.extend(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Vec<u8> {
        let mut key = Vec::new();
        match parse(text).unwrap() {
            Json::Array(elements) if elements.is_empty() => key.push(0),
            value => write_key(value, &mut key),
        }
        key
    }

    #[test]
    fn values_are_ordered() {
        let ordered = [
            "[]",
            "null",
            "\"\"",
            "\"a\"",
            "\"ab\"",
            "\"b\"",
            "-1e9",
            "-10",
            "-2",
            "-1.5",
            "-0.01",
            "0",
            "1e-7",
            "0.5",
            "1",
            "1.5",
            "2",
            "10",
            "1e30",
            "false",
            "true",
            "[1]",
            "[2]",
            "[[]]",
            "[1, 2]",
            "{}",
            "{\"a\": 1}",
            "{\"a\": 2}",
            "{\"b\": 0}",
            "{\"a\": 1, \"b\": 0}",
        ];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(key("1"), key("1.00"));
        assert_eq!(key("0"), key("-0.0"));
        assert_eq!(key("{\"a\": 1, \"b\": 2}"), key("{\"b\": 2, \"a\": 1e0}"));
    }
}

//! The numbers that `.keyvalue()` gives to objects. In PostgreSQL they say where in the binary form of `jsonb` an object
//! begins, so this computes where it would: a container is a header of four bytes, four bytes for each element (of an
//! object for each key and each value), then keys, then values; strings as they are, numbers and containers at multiples
//! of four bytes, numbers as `numeric` is stored, nothing for the other scalars.

use std::collections::HashMap;

use super::values::{Entry, Value};
use crate::json::Json;

/// Where the objects and arrays of a value begin, by their addresses.
pub(super) type Offsets = HashMap<usize, usize>;

/// The key of a part of a value.
pub(super) fn address(json: &Json<'_>) -> usize {
    std::ptr::from_ref(json).addr()
}

/// Where the containers in a value begin.
pub(super) fn offsets(json: &Json<'_>) -> Offsets {
    let mut offsets = Offsets::new();
    place(json, 0, &mut offsets);
    offsets
}

/// Where the containers in an entry's value begin.
pub(super) fn offsets_in_entry(entry: &Entry<'_>) -> Offsets {
    let mut offsets = Offsets::new();
    // Three members: id, key, value.
    let keys = 4 + 6 * 4 + "id".len() + "key".len() + "value".len();
    let id = numeric_end(&entry.id.to_string(), keys);
    if let Value::Json(json) = &entry.value {
        place(json, id + entry.key.len(), &mut offsets);
    }
    offsets
}

const fn aligned(at: usize) -> usize {
    at.next_multiple_of(4)
}

/// Puts a value at a place and gives the place after it.
fn place(json: &Json<'_>, at: usize, offsets: &mut Offsets) -> usize {
    match json {
        Json::Null | Json::Bool(_) => at,
        Json::String(text) => at + text.len(),
        Json::Number(text) => numeric_end(text, at),
        Json::Array(elements) => {
            let start = aligned(at);
            offsets.insert(address(json), start);
            let first = start + 4 + 4 * elements.len();
            elements.iter().fold(first, |at, element| place(element, at, offsets))
        }
        Json::Object(members) => {
            let start = aligned(at);
            offsets.insert(address(json), start);
            let keys: usize = members.iter().map(|(key, _)| key.len()).sum();
            let first = start + 4 + 8 * members.len() + keys;
            members.iter().fold(first, |at, (_, value)| place(value, at, offsets))
        }
    }
}

/// The place after a number: digits in base 10,000 behind a header.
fn numeric_end(text: &str, at: usize) -> usize {
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = fraction.len();
    // Zeros at either end, so that both parts are whole groups.
    let before = (4 - whole.len() % 4) % 4;
    let digits: Vec<u8> = std::iter::repeat_n(b'0', before)
        .chain(whole.bytes())
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', (4 - scale % 4) % 4))
        .collect();
    let is_set = |group: &[u8]| group.iter().any(|digit| *digit != b'0');
    let groups: Vec<&[u8]> = digits.chunks(4).collect();
    let first = groups.iter().position(|group| is_set(group));
    let last = groups.iter().rposition(|group| is_set(group));
    let (count, leading) = match (first, last) {
        (Some(first), Some(last)) => (last - first + 1, first),
        _ => (0, 0),
    };
    let point = (before + whole.len()) / 4;
    // The short header has room for scales and weights up to 63.
    let is_short = scale <= 63 && point <= 64 + leading && leading <= 63 + point;
    aligned(at) + 4 + if is_short { 2 } else { 4 } + 2 * count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    /// The expectations are PostgreSQL's ids.
    #[test]
    fn objects_have_their_places() {
        let places = |text: &str| {
            let json = parse(text).unwrap();
            let Json::Array(elements) = &json else { panic!("an array is wanted") };
            let offsets = offsets(&json);
            elements.iter().filter_map(|element| offsets.get(&address(element)).copied()).collect::<Vec<_>>()
        };
        assert_eq!(places("[{\"a\": 1}, {\"b\": {\"c\": 2}}]"), [12, 36]);
        assert_eq!(places("[{\"a\": 1, \"b\": [1, 2]}, {\"c\": {\"a\": \"bbb\"}}]"), [12, 72]);
    }
}

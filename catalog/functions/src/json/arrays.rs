//! JSON arrays as PostgreSQL's: members of an object that become columns of an array type.

use arrow::array::{ArrayRef, StringViewArray};

use super::{as_text, elements, member};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Text, map_bool, map_slice, map_text_nullable, text_array_rows},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// The member of an object, by its key, as the text of an array whose elements are text and the like.
pub fn member_as_array(arguments: &Arguments<'_>) -> Done {
    of_member(arguments, false)
}

/// As [`member_as_array`], of elements that are JSON.
pub fn member_as_json_array(arguments: &Arguments<'_>) -> Done {
    of_member(arguments, true)
}

fn of_member(arguments: &Arguments<'_>, as_json: bool) -> Done {
    map_text_nullable::<(Text, Text)>(arguments, |(text, key), out| {
        let Some(raw) = member(text, key)? else { return Ok(None) };
        match raw.as_bytes().first() {
            Some(b'n') => return Ok(None),
            Some(b'[') => {
                let mut lengths = Vec::new();
                measure(raw, &mut lengths)?;
                write(raw, as_json, &lengths, out)?;
            }
            // A string is read as arrays are.
            Some(b'"') => return as_text(raw, out),
            _ => {
                return Err(FunctionError::new(
                    FunctionErrorKind::InvalidTextRepresentation,
                    "expected JSON array",
                )
                .with_hint(format!("See the value of key \"{key}\".")));
            }
        }
        Ok(Some(()))
    })
}

/// A member as JSON, where JSON's null is none.
pub fn member_not_null(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text,)>(arguments, |(text,), out| {
        if text.trim() == "null" {
            return Ok(None);
        }
        out.push_str(text);
        Ok(Some(()))
    })
}

fn is_object(raw: &str) -> bool {
    raw.trim_start().starts_with('{')
}

/// A text that must be an object to become a record.
pub fn record(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| {
        let shape = match text.trim_start().as_bytes().first() {
            Some(b'{') => return Ok(text),
            Some(b'[') => "an array",
            _ => "a scalar",
        };
        Err(FunctionError::invalid_parameter(format!("cannot call populate_composite on {shape}")))
    })
}

/// Whether an object has a member of this key.
pub fn has_member(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text, Text)>(arguments, |(text, key)| Ok(member(text, key)?.is_some()))
}

/// The objects of an array, which become records: json, the name of the function.
pub fn records(arguments: &Arguments<'_>) -> Done {
    text_array_rows(arguments, |row, values| {
        let (texts, step) = arguments.typed::<StringViewArray>(0)?;
        let (names, _) = arguments.typed::<StringViewArray>(1)?;
        let (text, name) = (texts.value(row * step), names.value(0));
        let Some(objects) = elements(text)? else {
            let shape = match is_object(text) {
                _ if name.starts_with("jsonb") => "a non-array",
                true => "an object",
                false => "a scalar",
            };
            return Err(FunctionError::invalid_parameter(format!("cannot call {name} on {shape}")));
        };
        for object in objects {
            if !is_object(object) {
                let message = format!("argument of {name} must be an array of objects");
                return Err(FunctionError::invalid_parameter(message));
            }
            values.push(Some(object))?;
        }
        Ok(true)
    })
}

/// The lengths of an array's dimensions: those of the first arrays in it.
fn measure(raw: &str, lengths: &mut Vec<usize>) -> Result<(), FunctionError> {
    let Some(inside) = elements(raw)? else { return Ok(()) };
    lengths.push(inside.len());
    inside.first().map_or(Ok(()), |first| measure(first, lengths))
}

fn write(raw: &str, as_json: bool, lengths: &[usize], out: &mut String) -> Result<(), FunctionError> {
    let Some((length, inner)) = lengths.split_first() else { return write_element(raw, as_json, out) };
    let inside = elements(raw)?.filter(|inside| inside.len() == *length).ok_or_else(|| {
        FunctionError::new(FunctionErrorKind::InvalidTextRepresentation, "malformed JSON array")
            .with_detail("Multidimensional arrays must have sub-arrays with matching dimensions.")
    })?;
    out.push('{');
    for (index, element) in inside.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(element, as_json, inner, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_element(raw: &str, as_json: bool, out: &mut String) -> Result<(), FunctionError> {
    let mut text = String::new();
    if as_json && !raw.starts_with('n') {
        text.push_str(raw);
    } else if as_text(raw, &mut text)?.is_none() {
        out.push_str("NULL");
        return Ok(());
    }
    out.push('"');
    for one in text.chars() {
        if matches!(one, '"' | '\\') {
            out.push('\\');
        }
        out.push(one);
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(raw: &str, as_json: bool) -> Result<String, String> {
        let (mut lengths, mut out) = (Vec::new(), String::new());
        measure(raw, &mut lengths)
            .and_then(|()| write(raw, as_json, &lengths, &mut out))
            .map_err(|error| error.message)?;
        Ok(out)
    }

    #[test]
    fn arrays_are_written_as_text() {
        assert_eq!(literal("[1, null, \"a\\\"b\"]", false).as_deref(), Ok("{\"1\",NULL,\"a\\\"b\"}"));
        assert_eq!(literal("[\"x\", [1]]", true).as_deref(), Ok("{\"\\\"x\\\"\",\"[1]\"}"));
        assert_eq!(literal("[[1, 2], [3, 4]]", false).as_deref(), Ok("{{\"1\",\"2\"},{\"3\",\"4\"}}"));
        assert_eq!(literal("[]", false).as_deref(), Ok("{}"));
        assert_eq!(literal("[[1, 2], [3]]", false), Err("malformed JSON array".to_owned()));
    }
}

//! Splitting at a delimiter.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::{
    error::FunctionError,
    kernels::{IntegerArgument, TextArgument, slice_rows, text_array_type},
    results::TextArrays,
    scalar::{Scalar, by_datafusion},
};

/// `split_part(text, delimiter, n)`: a negative `n` counts from the end.
pub fn split_part() -> Arc<ScalarUDF> {
    Scalar::strict("split_part", DataType::Utf8View, |arguments| {
        let (text, delimiter) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let field = IntegerArgument::of(arguments, 2)?;
        // Field 0 is an error of its row, which nothing else has.
        if arguments.is_constant(1)
            && arguments.is_constant(2)
            && !arguments.is_constant(0)
            && field.get(0) != 0
        {
            return by_datafusion(&datafusion::functions::string::split_part(), arguments);
        }
        slice_rows(arguments, |row| {
            let (text, delimiter, field) = (text.get(row), delimiter.get(row), field.get(row));
            let index = usize::try_from(field.unsigned_abs()).unwrap_or(usize::MAX);
            if index == 0 {
                return Err(FunctionError::invalid_parameter("field position must not be zero"));
            }
            if delimiter.is_empty() {
                return Ok(if index == 1 { text } else { "" });
            }
            // A single byte is looked for many at a time.
            let part = match (delimiter.as_bytes(), field > 0) {
                ([only], true) => text.split(char::from(*only)).nth(index - 1),
                (_, true) => text.split(delimiter).nth(index - 1),
                (_, false) => text.rsplit(delimiter).nth(index - 1),
            };
            Ok(part.unwrap_or(""))
        })
    })
}

/// `string_to_array(text, delimiter [, null text])`: a null delimiter splits into characters, an empty one not at all.
pub fn string_to_array() -> Arc<ScalarUDF> {
    Scalar::called_on_null("string_to_array", text_array_type(), |arguments| {
        let (text, delimiter) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
        let null = (arguments.len() > 2).then(|| TextArgument::of(arguments, 2)).transpose()?;
        let mut arrays = TextArrays::with_capacity(arguments.rows);
        for row in 0..arguments.rows {
            let Some(text) = text.get_opt(row) else {
                arrays.end(false);
                continue;
            };
            let null = null.as_ref().and_then(|null| null.get_opt(row));
            let mut push = |part: &str| arrays.push(Some(part).filter(|part| null != Some(*part)));
            match delimiter.get_opt(row) {
                _ if text.is_empty() => {}
                Some("") => push(text)?,
                Some(delimiter) => text.split(delimiter).try_for_each(&mut push)?,
                None => text.chars().try_for_each(|one| push(one.encode_utf8(&mut [0; 4])))?,
            }
            arrays.end(true);
        }
        Ok(Arc::new(arrays.finish()?))
    })
}

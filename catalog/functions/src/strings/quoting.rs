//! Names and literals as SQL writes them.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::{
    kernels::{TextArgument, text_rows},
    results::TextColumn,
    scalar::Scalar,
};

/// `quote_ident(text)`, for names that are not reserved words: those are the SQL layer's knowledge.
pub fn quote_ident() -> Arc<ScalarUDF> {
    Scalar::strict("quote_ident", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            write_identifier(text.get(row), out);
            Ok(())
        })
    })
}

/// Writes a name in double quotes where it needs them.
pub(crate) fn write_identifier(name: &str, out: &mut String) {
    let plain = name.starts_with(|one: char| one.is_ascii_lowercase() || one == '_')
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
    if plain {
        out.push_str(name);
    } else {
        out.push('"');
        out.push_str(&name.replace('"', "\"\""));
        out.push('"');
    }
}

/// Writes a literal in single quotes, as `E'…'` if it holds a backslash.
pub(crate) fn write_literal(text: &str, out: &mut String) {
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for one in text.chars() {
        if one == '\'' || one == '\\' {
            out.push(one);
        }
        out.push(one);
    }
    out.push('\'');
}

/// `quote_literal(text)`.
pub fn quote_literal() -> Arc<ScalarUDF> {
    Scalar::strict("quote_literal", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            write_literal(text.get(row), out);
            Ok(())
        })
    })
}

/// `quote_nullable(text)`: NULL is the word.
pub fn quote_nullable() -> Arc<ScalarUDF> {
    Scalar::called_on_null("quote_nullable", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        let mut builder = TextColumn::with_capacity(arguments.rows);
        let mut value = String::new();
        for row in 0..arguments.rows {
            value.clear();
            match text.get_opt(row) {
                Some(text) => write_literal(text, &mut value),
                None => value.push_str("NULL"),
            }
            builder.append_value(&value)?;
        }
        Ok(Arc::new(builder.finish()))
    })
}

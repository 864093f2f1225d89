//! Upper and lower case, which are Unicode's, as with an ICU or UTF-8 locale: one character stays one character.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::{
    kernels::{TextArgument, text_rows},
    scalar::Scalar,
};

/// `upper(text)`.
pub fn upper() -> Arc<ScalarUDF> {
    Scalar::strict("upper", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            // One to one as towupper does: ß stays ß.
            out.extend(text.get(row).chars().map(|one| single(one.to_uppercase(), one)));
            Ok(())
        })
    })
}

/// `lower(text)`.
pub fn lower() -> Arc<ScalarUDF> {
    Scalar::strict("lower", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            out.extend(text.get(row).chars().map(|one| single(one.to_lowercase(), one)));
            Ok(())
        })
    })
}

fn single(mut mapped: impl ExactSizeIterator<Item = char>, original: char) -> char {
    if mapped.len() == 1 { mapped.next().unwrap_or(original) } else { original }
}

/// `initcap(text)`: words are runs of letters and digits.
pub fn initcap() -> Arc<ScalarUDF> {
    Scalar::strict("initcap", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            let mut inside = false;
            for one in text.get(row).chars() {
                out.push(if inside {
                    single(one.to_lowercase(), one)
                } else {
                    single(one.to_uppercase(), one)
                });
                inside = one.is_alphanumeric();
            }
            Ok(())
        })
    })
}

/// `reverse(text)`.
pub fn reverse() -> Arc<ScalarUDF> {
    Scalar::strict("reverse", DataType::Utf8View, |arguments| {
        let text = TextArgument::of(arguments, 0)?;
        text_rows(arguments, |row, out| {
            out.extend(text.get(row).chars().rev());
            Ok(())
        })
    })
}

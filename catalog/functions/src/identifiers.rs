//! Texts that are written like SQL or like a setting: `parse_ident`, `pg_size_bytes`.

use arrow::array::ArrayRef;

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Int8, Text, TextArgument, map, text_array_rows},
    scalar::Arguments,
    text_input::{parse_decimal, rescale, trim},
};

type Done = Result<ArrayRef, FunctionError>;

/// `parse_ident(text)`
pub fn parse_ident(arguments: &Arguments<'_>) -> Done {
    let text = TextArgument::of(arguments, 0)?;
    text_array_rows(arguments, |row, values| {
        parts(text.get(row), true)?.iter().try_for_each(|part| values.push(Some(part)))?;
        Ok(true)
    })
}

/// `parse_ident(text, strict)`: not strict, what follows the name is left alone.
pub fn parse_ident_strict(arguments: &Arguments<'_>) -> Done {
    let text = TextArgument::of(arguments, 0)?;
    let (strict, step) = arguments.typed::<arrow::array::BooleanArray>(1)?;
    text_array_rows(arguments, |row, values| {
        let strict = strict.value(row * step);
        parts(text.get(row), strict)?.iter().try_for_each(|part| values.push(Some(part)))?;
        Ok(true)
    })
}

fn not_valid(text: &str, detail: Option<String>) -> FunctionError {
    let error = FunctionError::invalid_parameter(format!("string is not a valid identifier: \"{text}\""));
    match detail {
        Some(detail) => error.with_detail(detail),
        None => error,
    }
}

/// The parts of a name with dots, folded where they are not quoted.
fn parts(text: &str, strict: bool) -> Result<Vec<String>, FunctionError> {
    let blank = |one: char| matches!(one, ' ' | '\t' | '\n' | '\r' | '\u{c}');
    let begins = |one: char| one == '_' || one.is_ascii_alphabetic() || !one.is_ascii();
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    let mut after_dot = false;
    loop {
        let part = if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut ahead = quoted;
            loop {
                let Some((before, after)) = ahead.split_once('"') else {
                    return Err(not_valid(text, Some("String has unclosed double quotes.".to_owned())));
                };
                part.push_str(before);
                ahead = after;
                match ahead.strip_prefix('"') {
                    Some(after) => {
                        part.push('"');
                        ahead = after;
                    }
                    None => break,
                }
            }
            rest = ahead;
            if part.is_empty() {
                return Err(not_valid(text, Some("Quoted identifier must not be empty.".to_owned())));
            }
            part
        } else if rest.starts_with(begins) {
            let end = rest
                .find(|one: char| !(begins(one) || one.is_ascii_digit() || one == '$'))
                .unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            rest = after;
            part.to_ascii_lowercase()
        } else {
            let detail = match (rest.starts_with('.'), after_dot) {
                (true, _) => Some("No valid identifier before \".\".".to_owned()),
                (false, true) => Some("No valid identifier after \".\".".to_owned()),
                (false, false) => None,
            };
            return Err(not_valid(text, detail));
        };
        found.push(part);
        rest = rest.trim_start_matches(blank);
        match rest.strip_prefix('.') {
            Some(after) => {
                after_dot = true;
                rest = after.trim_start_matches(blank);
            }
            None if rest.is_empty() || !strict => return Ok(found),
            None => return Err(not_valid(text, None)),
        }
    }
}

/// `pg_size_bytes(text)`
pub fn size_bytes(arguments: &Arguments<'_>) -> Done {
    map::<(Text,), Int8>(arguments, |(text,)| bytes_of(text))
}

fn bytes_of(text: &str) -> Result<i64, FunctionError> {
    const UNITS: &[(&str, u32)] = &[("bytes", 0), ("kB", 10), ("MB", 20), ("GB", 30), ("TB", 40), ("PB", 50)];
    let invalid = || FunctionError::invalid_parameter(format!("invalid size: \"{text}\""));
    let trimmed = trim(text);
    let mut end = trimmed
        .find(|one: char| !(one.is_ascii_digit() || matches!(one, '.' | '-' | '+')))
        .unwrap_or(trimmed.len());
    // An exponent, if a number follows.
    if let Some(after) = trimmed.get(end..).and_then(|after| after.strip_prefix(['e', 'E'])) {
        let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            end = trimmed.len() - digits.len() + count;
        }
    }
    let (number, unit) = trimmed.split_at(end);
    if !number.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let unit = trim(unit);
    let factor = match UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
        Some((_, power)) => 1_i128 << power,
        None if unit.is_empty() => 1,
        None => {
            return Err(invalid().with_detail(format!("Invalid size unit: \"{unit}\".")));
        }
    };
    let decimal = parse_decimal(number)?;
    decimal
        .unscaled
        .checked_mul(factor)
        .and_then(|scaled| rescale(scaled, decimal.scale.into(), 0))
        .and_then(|bytes| i64::try_from(bytes).ok())
        .ok_or_else(|| FunctionError::new(FunctionErrorKind::NumericValueOutOfRange, "bigint out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let shown = |text: &str| parts(text, true).map(|parts| parts.join("|")).map_err(|error| error.detail);
        assert_eq!(shown("Foo.\"Ba\"\"r\" . baz$1"), Ok("foo|Ba\"r|baz$1".to_owned()));
        assert_eq!(shown("a..b"), Err(Some("No valid identifier before \".\".".to_owned())));
        assert_eq!(shown("a."), Err(Some("No valid identifier after \".\".".to_owned())));
        assert_eq!(shown("1a"), Err(None));
        assert_eq!(shown("a()"), Err(None));
        assert_eq!(parts("a()", false), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn sizes_are_read() {
        for (text, expected) in [
            ("1 kB", 1024),
            (" 1.5 GB ", 1_610_612_736),
            ("12345", 12_345),
            ("-1 TB", -1_099_511_627_776),
            ("1e3mb", 1_048_576_000),
        ] {
            assert_eq!(bytes_of(text), Ok(expected), "{text}");
        }
        for text in ["", "abc", "1 XB", "1 B", "."] {
            assert!(bytes_of(text).is_err(), "{text}");
        }
    }
}

//! Unicode: `unistr`, `normalize` and what is normal.

use arrow::array::ArrayRef;
use unicode_normalization::{UnicodeNormalization, is_nfc, is_nfd, is_nfkc, is_nfkd};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Text, map_bool, map_text},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

fn unknown_form(form: &str) -> FunctionError {
    FunctionError::invalid_parameter(format!("invalid normalization form: {form}"))
}

/// `normalize(text, form)`
pub fn normalize(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Text)>(arguments, |(text, form), out| {
        match form.to_ascii_uppercase().as_str() {
            "NFC" => out.extend(text.nfc()),
            "NFD" => out.extend(text.nfd()),
            "NFKC" => out.extend(text.nfkc()),
            "NFKD" => out.extend(text.nfkd()),
            _ => return Err(unknown_form(form)),
        }
        Ok(())
    })
}

/// `is_normalized(text, form)`
pub fn is_normalized(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text, Text)>(arguments, |(text, form)| {
        Ok(match form.to_ascii_uppercase().as_str() {
            "NFC" => is_nfc(text),
            "NFD" => is_nfd(text),
            "NFKC" => is_nfkc(text),
            "NFKD" => is_nfkd(text),
            _ => return Err(unknown_form(form)),
        })
    })
}

/// `unistr(text)`: `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX`; a pair of surrogates is one character.
pub fn unistr(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| write_unescaped(text, out))
}

fn write_unescaped(text: &str, out: &mut String) -> Result<(), FunctionError> {
    let syntax = |message: &str| FunctionError::new(FunctionErrorKind::SyntaxError, message);
    let pair = || syntax("invalid Unicode surrogate pair");
    let mut rest = text;
    let mut first_half: Option<u32> = None;
    while let Some(one) = rest.chars().next() {
        let after = &rest[one.len_utf8()..];
        if one != '\\' || after.starts_with('\\') {
            if first_half.is_some() {
                return Err(pair());
            }
            out.push(one);
            rest = if one == '\\' { &after[1..] } else { after };
            continue;
        }
        let (digits, skip) = match after.chars().next() {
            Some('u') => (4, 1),
            Some('U') => (8, 1),
            Some('+') => (6, 1),
            _ => (4, 0),
        };
        let hex = after
            .get(skip..skip + digits)
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(|| syntax("invalid Unicode escape"))?;
        let code = u32::from_str_radix(hex, 16).map_err(|_| syntax("invalid Unicode escape"))?;
        rest = &after[skip + digits..];
        let whole = match (first_half.take(), code) {
            (Some(high), 0xDC00..=0xDFFF) => 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00),
            (Some(_), _) | (None, 0xDC00..=0xDFFF) => return Err(pair()),
            (None, 0xD800..=0xDBFF) => {
                first_half = Some(code);
                continue;
            }
            (None, code) => code,
        };
        let one = char::from_u32(whole).filter(|one| *one != '\0').ok_or_else(|| {
            FunctionError::invalid_parameter(format!("invalid Unicode code point: {whole:04X}"))
        })?;
        out.push(one);
    }
    if first_half.is_some() { Err(pair()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let unescaped = |text: &str| {
            let mut out = String::new();
            write_unescaped(text, &mut out).map(|()| out)
        };
        assert_eq!(unescaped("d\\0061t\\+000061").unwrap(), "data");
        assert_eq!(unescaped("\\u0441\\U0000043B").unwrap(), "сл");
        assert_eq!(unescaped("\\\\").unwrap(), "\\");
        assert_eq!(unescaped("\\D83D\\DE00").unwrap(), "😀");
        for wrong in ["\\", "\\00zz", "\\D83D", "\\DE00", "\\D83Dx"] {
            assert!(unescaped(wrong).is_err(), "{wrong}");
        }
    }
}

//! Functions over `bytea`, and its written forms: hex, base64 and escaped.

use arrow::array::{ArrayRef, StringViewArray};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    kernels::{Bytes, Int4, Int8, Text, map, map_bool, map_bytes, map_text},
    results::check_length,
    scalar::Arguments,
    strings::{eight_digits, hexadecimal_bytes},
    text_input::{parse_escaped, parse_hex},
};

type Done = Result<ArrayRef, FunctionError>;

/// How many characters of base64 stand in a line.
const BASE64_LINE: usize = 76;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytea || bytea`
pub fn concatenate(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Bytes)>(arguments, |(left, right), out| {
        out.extend_from_slice(left);
        out.extend_from_slice(right);
        Ok(())
    })
}

/// `bytea LIKE bytea`: `_` is one byte, `\` the escape.
pub fn like(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Bytes, Bytes)>(arguments, |(bytes, pattern)| is_like(bytes, pattern))
}

/// `bytea NOT LIKE bytea`
pub fn not_like(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Bytes, Bytes)>(arguments, |(bytes, pattern)| Ok(!is_like(bytes, pattern)?))
}

/// Goes back to the last `%` where the bytes do not fit, and lets it take one byte more.
fn is_like(bytes: &[u8], pattern: &[u8]) -> Result<bool, FunctionError> {
    let (mut at, mut in_pattern) = (0, 0);
    let mut last_percent: Option<(usize, usize)> = None;
    loop {
        let here = bytes.get(at);
        let step = match (pattern.get(in_pattern), here) {
            (Some(b'%'), _) => {
                last_percent = Some((at, in_pattern + 1));
                in_pattern += 1;
                continue;
            }
            (None, None) => return Ok(true),
            (Some(b'\\'), Some(byte)) => match pattern.get(in_pattern + 1) {
                Some(escaped) => (escaped == byte).then_some(2),
                None => {
                    let message = "LIKE pattern must not end with escape character";
                    return Err(FunctionError::new(FunctionErrorKind::InvalidEscapeSequence, message));
                }
            },
            (Some(b'_'), Some(_)) => Some(1),
            (Some(wanted), Some(byte)) => (wanted == byte).then_some(1),
            (None, Some(_)) => None,
            (Some(_), None) => return Ok(false),
        };
        match (step, last_percent) {
            (Some(step), _) => {
                at += 1;
                in_pattern += step;
            }
            (None, Some((from, after))) => {
                last_percent = Some((from + 1, after));
                (at, in_pattern) = (from + 1, after);
            }
            (None, None) => return Ok(false),
        }
    }
}

fn negative_length() -> FunctionError {
    FunctionError::new(FunctionErrorKind::SubstringError, "negative substring length not allowed")
}

/// `substring(bytea, start, length)`
pub fn substring(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int4, Int4)>(arguments, |(bytes, start, length), out| {
        if length < 0 {
            return Err(negative_length());
        }
        out.extend_from_slice(part(bytes, i64::from(start), i64::from(start) + i64::from(length)));
        Ok(())
    })
}

/// `substring(bytea, start)`
pub fn substring_from(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int4)>(arguments, |(bytes, start), out| {
        out.extend_from_slice(part(bytes, i64::from(start), i64::MAX));
        Ok(())
    })
}

/// The bytes from `start` (from 1) up to `end`, which is not in it.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let at = |position: i64| usize::try_from((position - 1).max(0)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(at(start)..at(end).max(at(start))).unwrap_or_default()
}

fn overlaid(
    bytes: &[u8],
    new: &[u8],
    start: i32,
    length: i32,
    out: &mut Vec<u8>,
) -> Result<(), FunctionError> {
    if start <= 0 {
        return Err(negative_length());
    }
    let resume = start.checked_add(length).ok_or_else(|| FunctionError::out_of_range("integer"))?;
    out.extend_from_slice(part(bytes, 1, start.into()));
    out.extend_from_slice(new);
    out.extend_from_slice(part(bytes, resume.into(), i64::MAX));
    Ok(())
}

/// `overlay(bytea, bytea, start)`
pub fn overlay(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Bytes, Int4)>(arguments, |(bytes, new, start), out| {
        overlaid(bytes, new, start, i32::try_from(new.len()).unwrap_or(i32::MAX), out)
    })
}

/// `overlay(bytea, bytea, start, length)`
pub fn overlay_length(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Bytes, Int4, Int4)>(arguments, |(bytes, new, start, length), out| {
        overlaid(bytes, new, start, length, out)
    })
}

/// `position(bytea, part)`: from 1; 0 if it is not there.
pub fn position(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes, Bytes), Int4>(arguments, |(bytes, part)| {
        let found = if part.is_empty() {
            Some(0)
        } else {
            bytes.windows(part.len()).position(|window| window == part)
        };
        i32::try_from(found.map_or(0, |at| at + 1)).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

fn trimmed(arguments: &Arguments<'_>, start: bool, end: bool) -> Done {
    map_bytes::<(Bytes, Bytes)>(arguments, |(mut bytes, set), out| {
        while let [first, rest @ ..] = bytes
            && start
            && set.contains(first)
        {
            bytes = rest;
        }
        while let [rest @ .., last] = bytes
            && end
            && set.contains(last)
        {
            bytes = rest;
        }
        out.extend_from_slice(bytes);
        Ok(())
    })
}

/// `btrim(bytea, bytes)`
pub fn btrim(arguments: &Arguments<'_>) -> Done {
    trimmed(arguments, true, true)
}

/// `ltrim(bytea, bytes)`
pub fn ltrim(arguments: &Arguments<'_>) -> Done {
    trimmed(arguments, true, false)
}

/// `rtrim(bytea, bytes)`
pub fn rtrim(arguments: &Arguments<'_>) -> Done {
    trimmed(arguments, false, true)
}

/// Where a byte or bit is; 2202E outside.
fn index_within(index: i64, length: usize) -> Result<usize, FunctionError> {
    usize::try_from(index).ok().filter(|index| *index < length).ok_or_else(|| {
        let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
        let message = format!("index {index} out of valid range, 0..{last}");
        FunctionError::new(FunctionErrorKind::ArraySubscriptError, message)
    })
}

/// `get_byte(bytea, index)`
pub fn get_byte(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes, Int4), Int4>(arguments, |(bytes, index)| {
        let index = index_within(index.into(), bytes.len())?;
        Ok(bytes.get(index).copied().unwrap_or_default().into())
    })
}

/// `set_byte(bytea, index, value)`: of the value the lowest eight bits.
pub fn set_byte(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int4, Int4)>(arguments, |(bytes, index, value), out| {
        let index = index_within(index.into(), bytes.len())?;
        out.extend_from_slice(bytes);
        if let Some(byte) = out.get_mut(index) {
            *byte = value.to_le_bytes()[0];
        }
        Ok(())
    })
}

/// `get_bit(bytea, index)`: the lowest bit of the first byte is number 0.
pub fn get_bit(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes, Int8), Int4>(arguments, |(bytes, index)| {
        let index = index_within(index, bytes.len().saturating_mul(8))?;
        let byte = bytes.get(index / 8).copied().unwrap_or_default();
        Ok(i32::from(byte >> (index % 8) & 1))
    })
}

/// `set_bit(bytea, index, bit)`
pub fn set_bit(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Bytes, Int8, Int4)>(arguments, |(bytes, index, bit), out| {
        let index = index_within(index, bytes.len().saturating_mul(8))?;
        if !(0..=1).contains(&bit) {
            return Err(FunctionError::invalid_parameter("new bit must be 0 or 1"));
        }
        out.extend_from_slice(bytes);
        if let Some(byte) = out.get_mut(index / 8) {
            let mask = 1 << (index % 8);
            *byte = if bit == 1 { *byte | mask } else { *byte & !mask };
        }
        Ok(())
    })
}

/// `bit_count(bytea)`
pub fn bit_count(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes,), Int8>(arguments, |(bytes,)| {
        Ok(bytes.iter().map(|byte| i64::from(byte.count_ones())).sum())
    })
}

/// `bit_length(bytea)`
pub fn bit_length(arguments: &Arguments<'_>) -> Done {
    map::<(Bytes,), Int4>(arguments, |(bytes,)| {
        i32::try_from(bytes.len().saturating_mul(8)).map_err(|_| FunctionError::out_of_range("integer"))
    })
}

/// How bytes are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Hex,
    Base64,
    Escape,
}

fn form_of(name: &str) -> Result<Form, FunctionError> {
    [("hex", Form::Hex), ("base64", Form::Base64), ("escape", Form::Escape)]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, form)| form)
        .ok_or_else(|| FunctionError::invalid_parameter(format!("unrecognized encoding: \"{name}\"")))
}

/// `encode(bytea, form)`
pub fn encode(arguments: &Arguments<'_>) -> Done {
    let (forms, _) = arguments.typed::<StringViewArray>(1)?;
    if arguments.is_constant(1)
        && matches!(form_of(forms.value(0))?, Form::Hex)
        && let Some(encoded) = hexadecimal_bytes(arguments)?
    {
        return Ok(encoded);
    }
    let mut digits = Vec::new();
    map_text::<(Bytes, Text)>(arguments, |(bytes, form), out| {
        // The shortest form of the three has a third more characters than bytes.
        check_length(bytes.len() / 3 * 4)?;
        match form_of(form)? {
            Form::Hex => {
                check_length(bytes.len() * 2)?;
                digits.clear();
                let (fours, rest) = bytes.as_chunks::<4>();
                for four in fours {
                    digits.extend_from_slice(&eight_digits(u32::from_be_bytes(*four)).to_le_bytes());
                }
                for byte in rest {
                    let [.., first, second] = eight_digits((*byte).into()).to_le_bytes();
                    digits.extend_from_slice(&[first, second]);
                }
                out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
            }
            Form::Base64 => write_base64(bytes, out),
            Form::Escape => {
                for byte in bytes {
                    match byte {
                        0 | 0x80.. => out.push_str(&format!("\\{byte:03o}")),
                        b'\\' => out.push_str("\\\\"),
                        _ => out.push(char::from(*byte)),
                    }
                }
            }
        }
        Ok(())
    })
}

/// `decode(text, form)`
pub fn decode(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Text, Text)>(arguments, |(text, form), out| {
        *out = match form_of(form)? {
            Form::Hex => parse_hex(text.as_bytes())?,
            Form::Base64 => parse_base64(text)?,
            Form::Escape => parse_escaped(text.as_bytes())?,
        };
        Ok(())
    })
}

/// Base64 with `=` at the end, in lines of 76 characters.
fn write_base64(bytes: &[u8], out: &mut String) {
    let begin = out.len();
    let mut lines = 0;
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = BASE64[(bits >> shift & 63) as usize];
            out.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
        if out.len() - begin - lines >= BASE64_LINE * (lines + 1) {
            out.push('\n');
            lines += 1;
        }
    }
}

fn parse_base64(text: &str) -> Result<Vec<u8>, FunctionError> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits, mut padding) = (0_u32, 0, 0);
    for one in text.chars().filter(|one| !matches!(one, ' ' | '\t' | '\n' | '\r')) {
        let value = if one == '=' {
            if padding == 0 {
                if digits < 2 {
                    let message = "unexpected \"=\" while decoding base64 sequence";
                    return Err(FunctionError::invalid_parameter(message));
                }
                padding = 4 - digits;
            }
            0
        } else {
            let digit = u8::try_from(one).ok().and_then(|one| BASE64.iter().position(|digit| *digit == one));
            digit.and_then(|digit| u32::try_from(digit).ok()).ok_or_else(|| {
                let message = format!("invalid symbol \"{one}\" found while decoding base64 sequence");
                FunctionError::invalid_parameter(message)
            })?
        };
        bits = bits << 6 | value;
        digits += 1;
        if digits == 4 {
            let [_, group @ ..] = bits.to_be_bytes();
            bytes.extend(group.into_iter().take(3 - padding.min(2)));
            (bits, digits) = (0, 0);
        }
    }
    if digits != 0 {
        return Err(FunctionError::invalid_parameter("invalid base64 end sequence"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways() {
        for length in [0_u8, 1, 2, 3, 56, 57, 58, 200] {
            let bytes: Vec<u8> = (0..length).collect();
            let mut text = String::new();
            write_base64(&bytes, &mut text);
            assert!(text.lines().all(|line| line.len() <= BASE64_LINE), "{text}");
            assert_eq!(parse_base64(&text).unwrap(), bytes);
        }
        assert_eq!(parse_base64("YWI=").unwrap(), b"ab");
        assert!(parse_base64("Y").is_err());
        assert!(parse_base64("=").is_err());
    }
}

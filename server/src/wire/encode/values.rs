//! Values whose form on the wire is neither Arrow's nor a text of the functions: binary dates, times and `numeric`, `bytea`
//! in the escape format, floating-point numbers with fewer digits.

use lis_functions::text_output;

/// Days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

pub(super) fn date_binary(days: i32) -> i32 {
    if days == i32::MAX || days == i32::MIN { days } else { days.saturating_sub(EPOCH_DAYS) }
}

pub(super) fn timestamp_binary(microseconds: i64) -> i64 {
    if microseconds == i64::MAX || microseconds == i64::MIN {
        microseconds
    } else {
        microseconds.saturating_sub(EPOCH_MICROSECONDS)
    }
}

/// PostgreSQL's binary `numeric`: groups of four decimal digits round the decimal point.
pub(super) fn numeric_binary(value: i128, scale: i8, out: &mut Vec<u8>) {
    let magnitude = value.unsigned_abs();
    let scale_digits = u32::from(scale.max(0).unsigned_abs());
    if let (0..=POINT_MAX, Ok(small)) = (scale, u64::try_from(magnitude)) {
        return small_numeric_binary(value < 0, small, scale_digits, out);
    }
    let power = |exponent: u32| 10_u128.checked_pow(exponent).unwrap_or(u128::MAX);
    let (mut whole, fraction) = if scale < 0 {
        (magnitude.saturating_mul(power(u32::from(scale.unsigned_abs()))), 0)
    } else {
        (magnitude / power(scale_digits), magnitude % power(scale_digits))
    };
    // At most ten groups on each side of the point.
    let mut groups = [0_u16; 20];
    let group = |number: u128| u16::try_from(number % 10_000).unwrap_or(0);
    let mut whole_groups = 0;
    while whole > 0 {
        groups[whole_groups] = group(whole);
        whole /= 10_000;
        whole_groups += 1;
    }
    groups[..whole_groups].reverse();
    let mut count = whole_groups;
    let mut left = scale_digits;
    while left > 0 {
        let shown = left.min(4);
        left -= shown;
        groups[count] = group((fraction / power(left)) % power(shown) * power(4 - shown));
        count += 1;
    }
    put_groups(value < 0, &groups[..count], whole_groups, scale_digits, out);
}

/// The scale up to which the fraction, in whole groups of four digits, is an unsigned integer of 64 bits.
const POINT_MAX: i8 = 16;

/// [`numeric_binary`] in arithmetic of 64 bits, which is much faster.
fn small_numeric_binary(negative: bool, magnitude: u64, scale: u32, out: &mut Vec<u8>) {
    let group = |number: u64| u16::try_from(number % 10_000).unwrap_or(0);
    let one = 10_u64.pow(scale);
    let fraction_groups = usize::try_from(scale.div_ceil(4)).unwrap_or(0);
    let mut whole = magnitude / one;
    let mut fraction = magnitude % one * 10_u64.pow(scale.next_multiple_of(4) - scale);
    // Outward from the point: at most five groups before it, four behind it.
    let mut groups = [0; 9];
    let mut first = 5;
    while whole > 0 {
        first -= 1;
        groups[first] = group(whole);
        whole /= 10_000;
    }
    let end = 5 + fraction_groups;
    for place in groups[5..end].iter_mut().rev() {
        *place = group(fraction);
        fraction /= 10_000;
    }
    put_groups(negative, &groups[first..end], 5 - first, scale, out);
}

/// Groups of four digits, of which so many stand before the point, without the zeros at both ends.
fn put_groups(negative: bool, groups: &[u16], whole_groups: usize, scale: u32, out: &mut Vec<u8>) {
    let count = groups.len();
    let mut first = 0;
    let mut weight = i16::try_from(whole_groups).unwrap_or(0) - 1;
    while first < count && groups[first] == 0 {
        first += 1;
        weight -= 1;
    }
    let kept = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let digits = &groups[first..kept];
    if digits.is_empty() {
        weight = 0;
    }
    let sign: u16 = if negative { 0x4000 } else { 0 };
    out.extend_from_slice(&u16::try_from(digits.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&u16::try_from(scale).unwrap_or(0).to_be_bytes());
    for digit in digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

/// `bytea_output = escape`.
pub(super) fn bytea_escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(*byte),
            _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
}

/// C's `%.{digits}g`, which `extra_float_digits` of zero and below asks for.
pub(super) fn general_float(value: f64, digits: i32, out: &mut Vec<u8>) {
    if !value.is_finite() || value == 0.0 {
        text_output::write_float8(value, out);
        return;
    }
    let digits = usize::try_from(digits.max(1)).unwrap_or(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    let whole_digits = i32::try_from(digits).unwrap_or(i32::MAX);
    let text = if exponent < -4 || exponent >= whole_digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
    } else {
        let decimals = usize::try_from(whole_digits - 1 - exponent).unwrap_or(0);
        trimmed(&format!("{value:.decimals$}"))
    };
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_is_written_in_groups_of_four_digits() {
        let check = |value: i128, scale: i8, expected: &[u16]| {
            let mut out = Vec::new();
            numeric_binary(value, scale, &mut out);
            let expected: Vec<u8> = expected.iter().flat_map(|word| word.to_be_bytes()).collect();
            assert_eq!(out, expected, "{value} at scale {scale}");
        };
        check(0, 2, &[0, 0, 0, 2]);
        check(12345, 2, &[2, 0, 0, 2, 123, 4500]);
        check(-12_345_678, 0, &[2, 1, 0x4000, 0, 1234, 5678]);
        check(-1_234_567_890_123_456_789, 15, &[5, 0, 0x4000, 15, 1234, 5678, 9012, 3456, 7890]);
        check(-1_234_567_890_123_456_789, 17, &[6, 0, 0x4000, 17, 12, 3456, 7890, 1234, 5678, 9000]);
        check(i128::from(u64::MAX), 1, &[6, 4, 0, 1, 184, 4674, 4073, 7095, 5161, 5000]);
        check(1, 5, &[1, 0xfffe, 0, 5, 1000]);
        check(10_000, 0, &[1, 1, 0, 0, 1]);
        let largest = 10_i128.pow(38) - 1;
        check(largest, 38, &[10, 0xffff, 0, 38, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900]);
    }

    #[test]
    fn general_floats_are_c_s() {
        for (value, digits, expected) in [
            (0.1 + 0.2, 15, "0.3"),
            (1e20, 15, "1e+20"),
            (123_456_789.125, 6, "1.23457e+08"),
            (1.5e-7, 15, "1.5e-07"),
            (100.0, 15, "100"),
        ] {
            let mut out = Vec::new();
            general_float(value, digits, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

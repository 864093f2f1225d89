//! Values as text, exactly as PostgreSQL's output functions write them with `DateStyle` ISO, `IntervalStyle` postgres,
//! `bytea_output` hex and `extra_float_digits` 1. Plain functions that append to a buffer: the wire's encoder, COPY and
//! casts to text all come here.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "single digits and calendar fields, in range by construction"
)]

mod floats;
mod styles;

use chrono_tz::Tz;

pub use self::{
    floats::{write_float4, write_float8},
    styles::{DateLayout, IntervalStyle, Styles},
};
use crate::calendar::{self, HOUR, MINUTE, SECOND};

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `t` or `f`.
pub fn write_bool(value: bool, out: &mut Vec<u8>) {
    out.push(if value { b't' } else { b'f' });
}

/// An integer of up to 64 bits.
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    write_decimal(value < 0, value.unsigned_abs(), 0, out);
}

/// An unsigned integer.
pub fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    write_decimal(false, value, 0, out);
}

/// The digits behind the point that [`write_decimal`] has room for; all those of a `numeric` of 38 digits.
const PLACES_MAX: u8 = 40;

/// A number of which so many digits stand behind the point, no more than [`PLACES_MAX`].
fn write_decimal(negative: bool, mut value: u64, places: u8, out: &mut Vec<u8>) {
    // A sign, a point, and a digit before as many as there can be behind it.
    let mut buffer = [b'0'; 3 + PLACES_MAX as usize];
    let mut at = buffer.len();
    if places > 0 {
        for _ in 0..places / 2 {
            at -= 2;
            buffer[at..at + 2].copy_from_slice(pair(value));
            value /= 100;
        }
        if places % 2 == 1 {
            at -= 1;
            buffer[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        at -= 1;
        buffer[at] = b'.';
    }
    while value >= 100 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(pair(value));
        value /= 100;
    }
    if value >= 10 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(pair(value));
    } else {
        at -= 1;
        buffer[at] = b'0' + value as u8;
    }
    if negative {
        at -= 1;
        buffer[at] = b'-';
    }
    out.extend_from_slice(&buffer[at..]);
}

/// The last two digits of a number.
fn pair(value: u64) -> &'static [u8] {
    let at = (value % 100) as usize * 2;
    &PAIRS[at..at + 2]
}

/// A `numeric` with another number of digits after the point than its scale.
pub fn write_numeric_at(unscaled: i128, scale: i8, shown: i8, out: &mut Vec<u8>) {
    match crate::text_input::rescale(unscaled, scale.into(), shown.into()) {
        Some(value) => write_numeric(value, shown, out),
        None => write_numeric(unscaled, scale, out),
    }
}

/// A `numeric`: `unscaled` · 10^-`scale`, with `scale` digits after the point.
pub fn write_numeric(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    let magnitude = unscaled.unsigned_abs();
    if let (Ok(small), Ok(places @ 0..=PLACES_MAX)) = (u64::try_from(magnitude), u8::try_from(scale)) {
        return write_decimal(unscaled < 0, small, places, out);
    }
    if unscaled < 0 {
        out.push(b'-');
    }
    if scale <= 0 {
        write_u128(magnitude, out);
        if magnitude != 0 {
            out.extend(std::iter::repeat_n(b'0', usize::from(scale.unsigned_abs())));
        }
        return;
    }
    let scale = scale as usize;
    let start = out.len();
    write_u128(magnitude, out);
    let digits = out.len() - start;
    if digits <= scale {
        let missing = scale + 1 - digits;
        out.splice(start..start, std::iter::repeat_n(b'0', missing));
    }
    let point = out.len() - scale;
    out.insert(point, b'.');
}

fn write_u128(value: u128, out: &mut Vec<u8>) {
    const CHUNK: u128 = 10_000_000_000_000_000_000;
    if let Ok(small) = u64::try_from(value) {
        write_unsigned(small, out);
        return;
    }
    write_u128(value / CHUNK, out);
    let start = out.len();
    write_unsigned((value % CHUNK) as u64, out);
    let missing = 19 - (out.len() - start);
    out.splice(start..start, std::iter::repeat_n(b'0', missing));
}

/// A `date` (days since 1970): `2026-11-23`, `0044-03-15 BC`.
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    if calendar::is_infinite_date(days) {
        return write_infinity(days < 0, out);
    }
    let before_christ = write_day(i64::from(days), out);
    write_era(before_christ, out);
}

/// `infinity`, `-infinity`
fn write_infinity(negative: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if negative { b"-infinity" } else { b"infinity" });
}

/// Writes year, month and day; says whether the year is before Christ.
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = calendar::civil_from_days(days);
    let shown = if year > 0 { year as u64 } else { (1 - year) as u64 };
    let mut text = *b"0000-00-00";
    text[5..7].copy_from_slice(pair(month as u64));
    text[8..].copy_from_slice(pair(day as u64));
    if shown < 10_000 {
        text[..2].copy_from_slice(pair(shown / 100));
        text[2..4].copy_from_slice(pair(shown));
        out.extend_from_slice(&text);
    } else {
        write_unsigned(shown, out);
        out.extend_from_slice(&text[4..]);
    }
    year <= 0
}

fn write_era(before_christ: bool, out: &mut Vec<u8>) {
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

fn write_pair(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(pair(value));
}

/// A `time` (microseconds since midnight): `13:05:00`, `13:05:00.25`.
pub fn write_time(microseconds: i64, out: &mut Vec<u8>) {
    let microseconds = microseconds.unsigned_abs();
    let (hour, minute, second, micro) =
        (HOUR.unsigned_abs(), MINUTE.unsigned_abs(), SECOND.unsigned_abs(), microseconds % 1_000_000);
    let hours = microseconds / hour;
    let mut text = *b"00:00:00";
    text[3..5].copy_from_slice(pair(microseconds / minute % 60));
    text[6..].copy_from_slice(pair(microseconds / second % 60));
    if hours < 100 {
        text[..2].copy_from_slice(pair(hours));
        out.extend_from_slice(&text);
    } else {
        write_unsigned(hours, out);
        out.extend_from_slice(&text[2..]);
    }
    write_fraction(micro, out);
}

fn write_fraction(micro: u64, out: &mut Vec<u8>) {
    if micro != 0 {
        out.push(b'.');
        write_pair(micro / 10_000, out);
        write_pair(micro / 100, out);
        write_pair(micro, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// A `timetz`: microseconds since midnight and seconds east of UTC.
pub fn write_timetz(microseconds: i64, offset_seconds: i64, out: &mut Vec<u8>) {
    write_time(microseconds, out);
    write_offset(offset_seconds, out);
}

/// A `timestamp` (microseconds since 1970): `2026-11-23 13:05:00.25`.
pub fn write_timestamp(timestamp: i64, out: &mut Vec<u8>) {
    if calendar::is_infinite_timestamp(timestamp) {
        return write_infinity(timestamp < 0, out);
    }
    let before_christ = write_moment(timestamp, out);
    write_era(before_christ, out);
}

fn write_moment(timestamp: i64, out: &mut Vec<u8>) -> bool {
    let (days, time) = calendar::split_timestamp(timestamp);
    let before_christ = write_day(days, out);
    out.push(b' ');
    write_time(time, out);
    before_christ
}

/// A `timestamptz` (microseconds since 1970 UTC) as a zone shows it: `2026-11-23 14:05:00+01`.
pub fn write_timestamptz(timestamp: i64, zone: Tz, out: &mut Vec<u8>) {
    if calendar::is_infinite_timestamp(timestamp) {
        return write_infinity(timestamp < 0, out);
    }
    let offset = calendar::offset_at(zone, timestamp);
    let before_christ = write_moment(timestamp.saturating_add(offset * SECOND), out);
    write_offset(offset, out);
    write_era(before_christ, out);
}

fn write_offset(seconds: i64, out: &mut Vec<u8>) {
    out.push(if seconds < 0 { b'-' } else { b'+' });
    let seconds = seconds.unsigned_abs();
    write_pair(seconds / 3600, out);
    if !seconds.is_multiple_of(3600) {
        out.push(b':');
        write_pair(seconds / 60 % 60, out);
        if !seconds.is_multiple_of(60) {
            out.push(b':');
            write_pair(seconds % 60, out);
        }
    }
}

/// An `interval`: `1 year 2 mons -3 days +04:05:06.7`.
pub fn write_interval(months: i32, days: i32, microseconds: i64, out: &mut Vec<u8>) {
    let start = out.len();
    let mut before = false;
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if before && value > 0 {
            out.push(b'+');
        }
        write_integer(i64::from(value), out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.push(b's');
        }
        before = value < 0;
    }
    if out.len() == start || microseconds != 0 {
        if out.len() > start {
            out.push(b' ');
        }
        if microseconds < 0 {
            out.push(b'-');
        } else if before {
            out.push(b'+');
        }
        write_time(microseconds, out);
    }
}

/// A `uuid`.
pub fn write_uuid(value: &[u8], out: &mut Vec<u8>) {
    out.reserve(2 * value.len() + 4);
    for (index, byte) in value.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        write_hex(*byte, out);
    }
}

/// A `bytea` in hex: `\x00ff`.
pub fn write_bytea(value: &[u8], out: &mut Vec<u8>) {
    out.reserve(2 * value.len() + 2);
    out.extend_from_slice(b"\\x");
    for byte in value {
        write_hex(*byte, out);
    }
}

fn write_hex(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// Writes one value's text.
pub type WriteValue<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// One-dimensional array text: open it, write each element, close it.
#[derive(Debug)]
pub struct ArrayWriter {
    first: bool,
    scratch: Vec<u8>,
}

impl ArrayWriter {
    /// Writes the opening brace.
    pub fn open(out: &mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { first: true, scratch: Vec::new() }
    }

    /// Writes an element: `None` is null, otherwise the closure writes its text, which is then quoted if it must be.
    pub fn element(&mut self, out: &mut Vec<u8>, write: Option<WriteValue<'_>>) {
        if !self.first {
            out.push(b',');
        }
        self.first = false;
        match write {
            None => out.extend_from_slice(b"NULL"),
            Some(write) => {
                self.scratch.clear();
                write(&mut self.scratch);
                write_array_element(&self.scratch, out);
            }
        }
    }

    /// Writes the closing brace.
    pub fn close(self, out: &mut Vec<u8>) {
        out.push(b'}');
    }
}

/// The text of an element, quoted where array syntax needs it.
pub fn write_array_element(text: &[u8], out: &mut Vec<u8>) {
    let must_quote = text.is_empty()
        || text.eq_ignore_ascii_case(b"null")
        || text.iter().any(|byte| {
            matches!(byte, b'{' | b'}' | b'"' | b'\\' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
        });
    if !must_quote {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// The text of a record's field, quoted where record syntax needs it: quotes and backslashes are doubled.
pub fn write_record_field(text: &[u8], out: &mut Vec<u8>) {
    let must_quote = text.is_empty()
        || text.iter().any(|byte| {
            matches!(byte, b'"' | b'\\' | b'(' | b')' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
        });
    if !must_quote {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(*byte);
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for value in [0, 7, 10, 99, 100, -1, i64::MAX, i64::MIN] {
            assert_eq!(text(|out| write_integer(value, out)), value.to_string());
        }
        for (unscaled, scale, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-150, 2, "-1.50"),
            (12, -3, "12000"),
            (i128::from(u64::MAX), 0, "18446744073709551615"),
            (-7, 38, "-0.00000000000000000000000000000000000007"),
            (12, 41, "0.00000000000000000000000000000000000000012"),
            (i128::from(u64::MAX) * 100 + 7, 3, "1844674407370955161.507"),
            (10_i128.pow(37), 10, "1000000000000000000000000000.0000000000"),
        ] {
            assert_eq!(text(|out| write_numeric(unscaled, scale, out)), expected);
        }
    }

    #[test]
    fn floats() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1.5e-4, "0.00015"),
            (1.5e-5, "1.5e-05"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1e20, "1e+20"),
            (123_456.789, "123456.789"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|out| write_float8(value, out)), expected);
        }
        for (value, expected) in
            [(100_000.0_f32, "100000"), (1e6, "1e+06"), (0.1, "0.1"), (1_234_567.0, "1.234567e+06")]
        {
            assert_eq!(text(|out| write_float4(value, out)), expected);
        }
    }

    #[test]
    fn dates_and_times() {
        assert_eq!(text(|out| write_date(0, out)), "1970-01-01");
        assert_eq!(text(|out| write_date(-719_529, out)), "0002-12-31 BC");
        assert_eq!(text(|out| write_date(2_932_897, out)), "10000-01-01");
        assert_eq!(text(|out| write_timestamp(-1, out)), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|out| write_timestamp(1_500_000, out)), "1970-01-01 00:00:01.5");
        assert_eq!(text(|out| write_timestamptz(0, Tz::Europe__Stockholm, out)), "1970-01-01 01:00:00+01");
        assert_eq!(text(|out| write_timestamptz(0, Tz::Asia__Kolkata, out)), "1970-01-01 05:30:00+05:30");
    }

    #[test]
    fn intervals() {
        for (months, days, microseconds, expected) in [
            (0, 0, 0, "00:00:00"),
            (14, 3, 4 * HOUR, "1 year 2 mons 3 days 04:00:00"),
            (-1, 0, 0, "-1 mons"),
            (0, -1, 2 * HOUR, "-1 days +02:00:00"),
            (-13, 1, -SECOND, "-1 years -1 mons +1 day -00:00:01"),
            (0, 0, 100 * HOUR + 1, "100:00:00.000001"),
        ] {
            assert_eq!(text(|out| write_interval(months, days, microseconds, out)), expected);
        }
    }

    #[test]
    fn arrays_quote_what_they_must() {
        let written = text(|out| {
            let mut array = ArrayWriter::open(out);
            for element in ["a", "", "null", "a b", "q\"\\"] {
                array.element(out, Some(&mut |scratch| scratch.extend_from_slice(element.as_bytes())));
            }
            array.element(out, None);
            array.close(out);
        });
        assert_eq!(written, r#"{a,"","null","a b","q\"\\",NULL}"#);
    }
}

//! COPY's fields to columns of the table's types. Forms that nearly all values have (plain integers, decimals, ISO dates,
//! text) are read straight from the input's bytes; a column in which any value has another form is read by the same
//! casts as text anywhere else, which also say what is wrong. So the quick way decides nothing.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, ArrowPrimitiveType, BooleanBuilder, NullBufferBuilder, PrimitiveArray, StringViewBuilder,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema, TimeUnit,
        TimestampMicrosecondType,
    },
    record_batch::RecordBatch,
};
use datafusion::physical_expr::PhysicalExpr;
use lis_lake::types::{ColumnType, PgType};

use super::records::{Field, Records, Text, shown};
use crate::{
    error::{Condition, Result, ServerError},
    session::encoding::ClientEncoding,
};

/// Days from the first of March of the year 0 to 1970.
const DAYS_TO_EPOCH: i32 = 719_468;

/// How a field becomes a value of its column.
#[derive(Debug, Clone)]
pub(super) struct ColumnReader {
    /// The column's name, for errors.
    pub(super) name: String,
    column_type: ColumnType,
    arrow_type: DataType,
    /// From text, over the one column of `text_schema`.
    cast: Arc<dyn PhysicalExpr>,
    text_schema: Arc<Schema>,
}

/// A value that cannot be read.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) row: usize,
    pub(super) error: ServerError,
}

impl ColumnReader {
    /// `cast` reads the column from text.
    pub(super) fn new(
        name: String,
        column_type: ColumnType,
        cast: Arc<dyn PhysicalExpr>,
        text_schema: Arc<Schema>,
    ) -> Self {
        Self { name, arrow_type: column_type.to_arrow(), column_type, cast, text_schema }
    }

    /// Reads a column's fields.
    pub(super) fn read(
        &self,
        chunk: &[u8],
        text: Option<Text<'_>>,
        records: &Records,
        fields: &[Field],
    ) -> Result<ArrayRef, Wrong> {
        if let Some(column) = self.quickly(chunk, text, records, fields) {
            return Ok(column);
        }
        let mut text = StringViewBuilder::with_capacity(fields.len());
        for (row, field) in fields.iter().enumerate() {
            match records.bytes(chunk, *field) {
                None => text.append_null(),
                Some(bytes) => {
                    // PostgreSQL finds this before it knows of columns.
                    let value = self
                        .text(bytes)
                        .map_err(|error| Wrong { row, error: error.in_context(String::new) })?;
                    text.append_value(value);
                }
            }
        }
        let text: ArrayRef = Arc::new(text.finish());
        let cast = |text: ArrayRef| -> Result<ArrayRef> {
            let rows = text.len();
            let batch = RecordBatch::try_new(Arc::clone(&self.text_schema), vec![text])?;
            let values = self.cast.evaluate(&batch)?.into_array(rows)?;
            // A `numeric` without a declared scale has more digits as an expression than as a column.
            if *values.data_type() == self.arrow_type {
                return Ok(values);
            }
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(&values, &self.arrow_type, &strict)?)
        };
        cast(Arc::clone(&text)).map_err(|error| {
            // Which it was is looked for only now.
            let first = (0..text.len()).find_map(|row| Some((row, cast(text.slice(row, 1)).err()?)));
            let (row, error) = first.unwrap_or((0, error));
            let bytes = fields.get(row).and_then(|field| records.bytes(chunk, *field));
            self.wrong(row, bytes, error)
        })
    }

    fn wrong(&self, row: usize, bytes: Option<&[u8]>, error: ServerError) -> Wrong {
        let value = bytes.map_or_else(|| " null input".to_owned(), |bytes| format!(" {}", shown(bytes)));
        Wrong { row, error: error.in_context(|| format!(", column {}:{value}", self.name)) }
    }

    fn text<'b>(&self, bytes: &'b [u8]) -> Result<&'b str> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| ClientEncoding::Utf8.decode(bytes).err().unwrap_or_else(not_utf8))?;
        if text.contains('\0') {
            return Err(not_utf8());
        }
        Ok(text)
    }

    /// The column, if all of its values have a plain form.
    fn quickly(
        &self,
        chunk: &[u8],
        text: Option<Text<'_>>,
        records: &Records,
        fields: &[Field],
    ) -> Option<ArrayRef> {
        let values = fields.iter().map(|field| records.bytes(chunk, *field));
        Some(match (self.column_type.pg_type, &self.arrow_type) {
            (PgType::Bool, _) => {
                let mut column = BooleanBuilder::with_capacity(fields.len());
                for value in values {
                    column.append_option(match value {
                        None => None,
                        Some(b"t" | b"true") => Some(true),
                        Some(b"f" | b"false") => Some(false),
                        Some(_) => return None,
                    });
                }
                Arc::new(column.finish())
            }
            (PgType::Int2, _) => {
                Arc::new(numbers::<Int16Type>(values, |bytes| integer(bytes)?.try_into().ok())?)
            }
            (PgType::Int4, _) => {
                Arc::new(numbers::<Int32Type>(values, |bytes| integer(bytes)?.try_into().ok())?)
            }
            (PgType::Int8, _) => Arc::new(numbers::<Int64Type>(values, integer)?),
            (PgType::Float8, _) => Arc::new(numbers::<Float64Type>(values, float)?),
            (PgType::Numeric, DataType::Decimal128(precision, scale)) => {
                let (precision, scale) = (*precision, *scale);
                let limit = 10_i128.pow(u32::from(precision));
                let places = usize::try_from(scale).ok()?;
                let column = numbers::<Decimal128Type>(values, |bytes| {
                    decimal(bytes, places).filter(|unscaled| unscaled.abs() < limit)
                })?;
                Arc::new(column.with_precision_and_scale(precision, scale).ok()?)
            }
            (PgType::Date, _) => Arc::new(numbers::<Date32Type>(values, date)?),
            (PgType::Timestamp, DataType::Timestamp(TimeUnit::Microsecond, None)) => {
                Arc::new(numbers::<TimestampMicrosecondType>(values, timestamp)?)
            }
            (PgType::Text | PgType::Varchar, _) => {
                // What has no more bytes than characters are allowed has no more characters.
                let limit = self.column_type.length().unwrap_or(usize::MAX);
                let text = text?;
                let mut column = StringViewBuilder::with_capacity(fields.len());
                for field in fields {
                    match text.of(*field)? {
                        None => column.append_null(),
                        Some(value) if value.len() <= limit => column.append_value(value),
                        Some(_) => return None,
                    }
                }
                Arc::new(column.finish())
            }
            (PgType::Bpchar, _) => {
                let length = self.column_type.length()?;
                let text = text?;
                let mut column = StringViewBuilder::with_capacity(fields.len());
                let mut padded = String::with_capacity(length);
                for field in fields {
                    let Some(value) = text.of(*field)? else {
                        column.append_null();
                        continue;
                    };
                    let characters = if text.ascii { value.len() } else { value.chars().count() };
                    let missing = length.checked_sub(characters)?;
                    if missing == 0 {
                        column.append_value(value);
                    } else {
                        padded.clear();
                        padded.push_str(value);
                        padded.extend(std::iter::repeat_n(' ', missing));
                        column.append_value(&padded);
                    }
                }
                Arc::new(column.finish())
            }
            _ => return None,
        })
    }
}

/// A column of numbers, if all of its values have a plain form.
fn numbers<'a, T: ArrowPrimitiveType>(
    values: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    read: impl Fn(&[u8]) -> Option<T::Native>,
) -> Option<PrimitiveArray<T>> {
    let mut column = Vec::with_capacity(values.len());
    let mut nulls = NullBufferBuilder::new(values.len());
    for value in values {
        match value {
            None => {
                column.push(T::Native::default());
                nulls.append_null();
            }
            Some(bytes) => {
                column.push(read(bytes)?);
                nulls.append_non_null();
            }
        }
    }
    Some(PrimitiveArray::new(column.into(), nulls.finish()))
}

fn not_utf8() -> ServerError {
    ServerError::new(Condition::CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00")
}

/// `-?[0-9]{1,18}`
fn integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The powers of ten that 64 bits hold.
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// `-?[0-9]+(\.[0-9]*)?` with no more decimals than `places`, in units of the last place.
fn decimal(bytes: &[u8], places: usize) -> Option<i128> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 37 || !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let mut value = 0_i128;
    let mut decimals = None;
    // In parts that 64 bits hold; most are one.
    for part in digits.chunks(18) {
        let mut number = 0_u64;
        let mut point = None;
        for (at, byte) in part.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                number = number * 10 + u64::from(digit);
            } else if *byte == b'.' && decimals.is_none() && point.is_none() {
                point = Some(at);
            } else {
                return None;
            }
        }
        let count = part.len() - usize::from(point.is_some());
        value = value * i128::from(*POWERS_OF_TEN.get(count)?) + i128::from(number);
        decimals = match (decimals, point) {
            (None, None) => None,
            (None, Some(point)) => Some(part.len() - 1 - point),
            (Some(decimals), _) => Some(decimals + count),
        };
    }
    let missing = places.checked_sub(decimals.unwrap_or(0))?;
    let value = match POWERS_OF_TEN.get(missing) {
        Some(power) => value.checked_mul(i128::from(*power))?,
        None => value.checked_mul(10_i128.checked_pow(u32::try_from(missing).ok()?)?)?,
    };
    Some(if negative { -value } else { value })
}

/// A number of digits, sign, point and exponent that is neither too large nor too small for the type.
fn float(bytes: &[u8]) -> Option<f64> {
    if !bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    let value: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    let zero =
        bytes.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| !matches!(byte, b'1'..=b'9'));
    (value.is_normal() || (value == 0.0 && zero)).then_some(value)
}

/// `YYYY-MM-DD`
fn date(bytes: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    let (month, day) = (two_digits(m1, m2)?, two_digits(d1, d2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || day == 0 || day > days_in_month {
        return None;
    }
    // Years begin in March, so that the day that comes every four years is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_TO_EPOCH)
}

/// `YYYY-MM-DD HH:MM:SS`, with up to six decimals, in microseconds.
fn timestamp(bytes: &[u8]) -> Option<i64> {
    let (day, time) = bytes.split_at_checked(10)?;
    let [b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2, decimals @ ..] = time else { return None };
    let (hour, minute, second) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, two_digits(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match decimals {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            integer(digits)? * i64::try_from(*POWERS_OF_TEN.get(6 - digits.len())?).ok()?
        }
        _ => return None,
    };
    let seconds = i64::from(date(day)?) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * 1_000_000 + micros)
}

fn two_digits(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i32::from(tens) * 10 + i32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_number() {
        let mut number = date(b"0001-01-01").unwrap();
        assert_eq!(number, -719_162);
        for year in 1..=2400 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = date(format!("{year:04}-{month:02}-{day:02}").as_bytes()) {
                        assert_eq!(found, number, "{year}-{month}-{day}");
                        number += 1;
                    }
                }
            }
        }
        assert_eq!(date(b"9999-12-31"), Some(2_932_896));
    }

    #[test]
    fn plain_forms_are_read_and_others_left_to_the_casts() {
        assert_eq!(integer(b"-120"), Some(-120));
        assert_eq!([integer(b""), integer(b" 1"), integer(b"+1"), integer(b"1e2"), integer(b"-")], [None; 5]);
        assert_eq!(decimal(b"12.5", 2), Some(1250));
        assert_eq!(decimal(b"-0.05", 2), Some(-5));
        assert_eq!(decimal(b"7.", 0), Some(7));
        assert_eq!(decimal(b"123456789012345678901234.5", 1), Some(1_234_567_890_123_456_789_012_345));
        assert_eq!(
            [decimal(b"1.234", 2), decimal(b".5", 2), decimal(b"1.2.3", 5), decimal(b"NaN", 2)],
            [None; 4]
        );
        assert_eq!(decimal(b"1234567890123456.78", 2), Some(123_456_789_012_345_678));
        assert_eq!(decimal(b"12345678901234567.891234", 6), Some(12_345_678_901_234_567_891_234));
        assert_eq!(decimal(b"123456789012345678.", 1), Some(1_234_567_890_123_456_780));
        assert_eq!(decimal(b"7", 30), Some(7 * 10_i128.pow(30)));
        assert_eq!([decimal(b"123456789012345678..", 1), decimal(b"1.23456789012345678.", 20)], [None; 2]);
        assert_eq!(timestamp(b"1970-01-01 00:00:01.5"), Some(1_500_000));
        assert_eq!(timestamp(b"1969-12-31T23:59:59.999999"), Some(-1));
        assert_eq!(
            [
                timestamp(b"1970-01-01"),
                timestamp(b"1970-01-01 24:00:00"),
                timestamp(b"1970-01-01 00:00:00+01"),
                timestamp(b"1970-01-01 00:00:00.")
            ],
            [None; 4]
        );
        assert_eq!(date(b"1970-01-02"), Some(1));
        assert_eq!(date(b"1969-12-31"), Some(-1));
        assert_eq!(
            [date(b"2023-02-29"), date(b"0000-01-01"), date(b"23-2-1"), date(b"2023-01-01 ")],
            [None; 4]
        );
        assert_eq!(float(b"1.5e3"), Some(1500.0));
        assert_eq!(float(b"0.00"), Some(0.0));
        assert_eq!([float(b"1e400"), float(b"1e-400"), float(b"NaN"), float(b""), float(b"0x1")], [None; 5]);
    }
}

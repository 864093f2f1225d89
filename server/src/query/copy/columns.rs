//! COPY's fields to columns of the table's types. Forms that nearly all values have (plain integers, decimals, ISO dates,
//! text) are read straight from the input's bytes; a column in which any value has another form is read by the same
//! casts as text anywhere else, which also say what is wrong. So the quick way decides nothing.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, Date32Builder, Decimal128Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
        StringViewBuilder,
    },
    datatypes::{DataType, Schema},
    record_batch::RecordBatch,
};
use chrono::{Datelike as _, NaiveDate};
use datafusion::physical_expr::PhysicalExpr;
use lis_lake::types::{ColumnType, PgType};

use super::records::{Field, Records, shown};
use crate::{
    error::{Condition, Result, ServerError},
    session::encoding::ClientEncoding,
};

/// Days from the year 1 to 1970.
const EPOCH_FROM_CE: i32 = 719_163;

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
    pub(super) fn read(&self, chunk: &[u8], records: &Records, fields: &[Field]) -> Result<ArrayRef, Wrong> {
        if let Some(column) = self.quickly(chunk, records, fields) {
            return Ok(column);
        }
        let mut text = StringViewBuilder::with_capacity(fields.len());
        for (row, field) in fields.iter().enumerate() {
            match records.bytes(chunk, *field) {
                None => text.append_null(),
                Some(bytes) => {
                    let value = self.text(bytes).map_err(|error| self.wrong(row, Some(bytes), error))?;
                    text.append_value(value);
                }
            }
        }
        let text: ArrayRef = Arc::new(text.finish());
        let cast = |text: ArrayRef| -> Result<ArrayRef> {
            let rows = text.len();
            let batch = RecordBatch::try_new(Arc::clone(&self.text_schema), vec![text])?;
            Ok(self.cast.evaluate(&batch)?.into_array(rows)?)
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
    fn quickly(&self, chunk: &[u8], records: &Records, fields: &[Field]) -> Option<ArrayRef> {
        let values = fields.iter().map(|field| records.bytes(chunk, *field));
        match (self.column_type.pg_type, &self.arrow_type) {
            (PgType::Int2, _) => {
                let mut column = Int16Builder::with_capacity(fields.len());
                for value in values {
                    column.append_option(plain(value, |bytes| integer(bytes)?.try_into().ok())?);
                }
                Some(Arc::new(column.finish()))
            }
            (PgType::Int4, _) => {
                let mut column = Int32Builder::with_capacity(fields.len());
                for value in values {
                    column.append_option(plain(value, |bytes| integer(bytes)?.try_into().ok())?);
                }
                Some(Arc::new(column.finish()))
            }
            (PgType::Int8, _) => {
                let mut column = Int64Builder::with_capacity(fields.len());
                for value in values {
                    column.append_option(plain(value, integer)?);
                }
                Some(Arc::new(column.finish()))
            }
            (PgType::Float8, _) => {
                let mut column = Float64Builder::with_capacity(fields.len());
                for value in values {
                    column.append_option(plain(value, float)?);
                }
                Some(Arc::new(column.finish()))
            }
            (PgType::Numeric, DataType::Decimal128(precision, scale)) => {
                let (precision, scale) = (*precision, *scale);
                let limit = 10_i128.pow(u32::from(precision));
                let places = usize::try_from(scale).ok()?;
                let mut column = Decimal128Builder::with_capacity(fields.len());
                for value in values {
                    let unscaled = plain(value, |bytes| {
                        decimal(bytes, places).filter(|unscaled| unscaled.abs() < limit)
                    })?;
                    column.append_option(unscaled);
                }
                Some(Arc::new(column.with_precision_and_scale(precision, scale).ok()?.finish()))
            }
            (PgType::Date, _) => {
                let mut column = Date32Builder::with_capacity(fields.len());
                for value in values {
                    column.append_option(plain(value, date)?);
                }
                Some(Arc::new(column.finish()))
            }
            (PgType::Text | PgType::Varchar, _) => {
                // What has no more bytes than characters are allowed has no more characters.
                let limit = self.column_type.length().unwrap_or(usize::MAX);
                let mut column = StringViewBuilder::with_capacity(fields.len());
                for value in values {
                    match value {
                        None => column.append_null(),
                        Some(bytes) if bytes.len() <= limit => column.append_value(self.text(bytes).ok()?),
                        Some(_) => return None,
                    }
                }
                Some(Arc::new(column.finish()))
            }
            _ => None,
        }
    }
}

fn not_utf8() -> ServerError {
    ServerError::new(Condition::CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00")
}

/// A null, a value, or (`None`) something that has no plain form.
#[expect(clippy::option_option, reason = "a null is a value here")]
fn plain<T>(value: Option<&[u8]>, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(bytes) => read(bytes).map(Some),
    }
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
    // Most have fewer digits than a 64-bit number.
    let mut part = 0_u64;
    let mut part_digits = 0_u32;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                if part_digits == 18 {
                    value = value * 10_i128.pow(part_digits) + i128::from(part);
                    (part, part_digits) = (0, 0);
                }
                part = part * 10 + u64::from(byte - b'0');
                part_digits += 1;
                if let Some(decimals) = &mut decimals {
                    *decimals += 1;
                }
            }
            b'.' if decimals.is_none() => decimals = Some(0_usize),
            _ => return None,
        }
    }
    value = value * 10_i128.pow(part_digits) + i128::from(part);
    let missing = places.checked_sub(decimals.unwrap_or(0))?;
    let value = value.checked_mul(10_i128.checked_pow(u32::try_from(missing).ok()?)?)?;
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
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0'))
        })
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    if year == 0 {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    Some(day.num_days_from_ce() - EPOCH_FROM_CE)
}

#[cfg(test)]
mod tests {
    use super::*;

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

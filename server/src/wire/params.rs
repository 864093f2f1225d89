//! Parameters of Bind to values. Text goes through the same input routines as a literal in SQL; binary is read as
//! PostgreSQL's receive functions read it, and every length is checked (22P03).

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ListArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, IntervalMonthDayNano},
};
use bytes::{Buf, Bytes};
use datafusion::common::ScalarValue;
use lis_functions::{
    arrays::shape::{self, DIMENSIONS_MAX, Dimension, is_plain},
    calendar,
    error::{FunctionError, FunctionErrorKind},
    json, timetz,
};
use lis_lake::types::{ColumnType, NUMERIC_PRECISION_MAX, PgType};

use super::types::Format;
use crate::{
    error::{Condition, Result, ServerError},
    session::encoding::ClientEncoding,
};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
/// A zone is less than so many seconds away from UTC.
const ZONE_SECONDS_END: i64 = 16 * 3600;
/// The most elements of an array in a parameter.
const ARRAY_ELEMENTS_MAX: i32 = 1_000_000;

/// The null of a type.
pub(crate) fn null_of(pg_type: PgType) -> ScalarValue {
    ScalarValue::try_from(&ColumnType::plain(pg_type).to_arrow()).unwrap_or(ScalarValue::Null)
}

/// Reads one parameter. `number` counts from 1; `parse` reads text as a literal of the type.
pub(crate) fn decode(
    value: Option<&Bytes>,
    format: Format,
    pg_type: PgType,
    number: usize,
    encoding: ClientEncoding,
    parse: &dyn Fn(&str, PgType) -> Result<ScalarValue>,
) -> Result<ScalarValue> {
    let Some(bytes) = value else { return Ok(null_of(pg_type)) };
    match format {
        Format::Text => {
            let text = encoding.decode(bytes)?;
            if text.contains('\0') {
                return Err(ServerError::new(
                    Condition::CharacterNotInRepertoire,
                    "invalid byte sequence for encoding \"UTF8\": 0x00",
                ));
            }
            parse(&text, pg_type)
        }
        Format::Binary => {
            let mut reader = Reader { bytes: bytes.clone(), number };
            let value = reader.value(pg_type, bytes.len(), encoding)?;
            if reader.bytes.is_empty() { Ok(value) } else { Err(reader.wrong()) }
        }
    }
}

/// A value in a type's binary form, as COPY reads it.
pub(crate) fn binary(value: Option<Bytes>, pg_type: PgType, encoding: ClientEncoding) -> Result<ScalarValue> {
    let Some(bytes) = value else { return Ok(null_of(pg_type)) };
    let length = bytes.len();
    let mut reader = Reader { bytes, number: 0 };
    let value = reader.value(pg_type, length, encoding)?;
    if reader.bytes.is_empty() { Ok(value) } else { Err(reader.wrong()) }
}

struct Reader {
    bytes: Bytes,
    number: usize,
}

impl Reader {
    fn wrong(&self) -> ServerError {
        ServerError::new(
            Condition::InvalidBinaryRepresentation,
            format!("incorrect binary data format in bind parameter {}", self.number),
        )
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let array = *self.bytes.first_chunk::<N>().ok_or_else(|| self.wrong())?;
        self.bytes.advance(N);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<Bytes> {
        if length > self.bytes.len() {
            return Err(self.wrong());
        }
        Ok(self.bytes.split_to(length))
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn value(&mut self, pg_type: PgType, length: usize, encoding: ClientEncoding) -> Result<ScalarValue> {
        Ok(match pg_type {
            PgType::Bool => ScalarValue::Boolean(Some(self.array::<1>()? != [0])),
            PgType::Int2 => ScalarValue::Int16(Some(self.i16()?)),
            PgType::Int4 => ScalarValue::Int32(Some(self.i32()?)),
            PgType::Int8 => ScalarValue::Int64(Some(self.i64()?)),
            PgType::Oid
            | PgType::Xid
            | PgType::Regproc
            | PgType::Regclass
            | PgType::Regtype
            | PgType::Regnamespace
            | PgType::Regrole => ScalarValue::UInt32(Some(u32::from_be_bytes(self.array()?))),
            PgType::Float4 => ScalarValue::Float32(Some(f32::from_be_bytes(self.array()?))),
            PgType::Float8 => ScalarValue::Float64(Some(f64::from_be_bytes(self.array()?))),
            PgType::Text
            | PgType::Varchar
            | PgType::Bpchar
            | PgType::Name
            | PgType::Unknown
            | PgType::Char => {
                let bytes = self.take(length)?;
                if bytes.contains(&0) && pg_type != PgType::Char {
                    return Err(ServerError::new(
                        Condition::CharacterNotInRepertoire,
                        "invalid byte sequence for encoding \"UTF8\": 0x00",
                    ));
                }
                ScalarValue::Utf8View(Some(encoding.decode(&bytes)?))
            }
            // A client may send what it likes; a table holds only what the type's input would take.
            PgType::Json => {
                let text = encoding.decode(&self.take(length)?)?;
                json::check(&text)?;
                ScalarValue::Utf8View(Some(text))
            }
            PgType::Jsonb => {
                if self.array::<1>()? != [1] {
                    return Err(self.wrong());
                }
                let text = encoding.decode(&self.take(length.saturating_sub(1))?)?;
                ScalarValue::Utf8View(Some(json::normalise(&text)?))
            }
            PgType::Jsonpath => {
                if self.array::<1>()? != [1] {
                    return Err(self.wrong());
                }
                let text = encoding.decode(&self.take(length.saturating_sub(1))?)?;
                ScalarValue::Utf8View(Some(json::path::normalise(&text)?))
            }
            PgType::Bytea => ScalarValue::BinaryView(Some(self.take(length)?.to_vec())),
            PgType::Uuid => ScalarValue::FixedSizeBinary(16, Some(self.array::<16>()?.to_vec())),
            PgType::Date => {
                let days = self.i32()?;
                if calendar::is_infinite_date(days) {
                    return Ok(ScalarValue::Date32(Some(days)));
                }
                let days = i64::from(days) + i64::from(EPOCH_DAYS);
                if !(calendar::DATE_MIN..calendar::DATE_END).contains(&days) {
                    return Err(calendar::date_out_of_range().into());
                }
                ScalarValue::Date32(i32::try_from(days).ok())
            }
            PgType::Time => ScalarValue::Time64Microsecond(Some(self.time()?)),
            PgType::Timestamp => ScalarValue::TimestampMicrosecond(Some(self.timestamp()?), None),
            PgType::Timestamptz => {
                ScalarValue::TimestampMicrosecond(Some(self.timestamp()?), Some(Arc::from("UTC")))
            }
            PgType::Interval => {
                let microseconds = self.i64()?;
                let days = self.i32()?;
                let months = self.i32()?;
                let nanoseconds = microseconds.checked_mul(1000).ok_or_else(|| {
                    ServerError::new(Condition::DatetimeFieldOverflow, "interval out of range")
                })?;
                ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanoseconds)))
            }
            PgType::Numeric => self.numeric()?,
            PgType::Array(element) => self.list(*element, encoding)?,
            PgType::Int2Vector => self.list(PgType::Int2, encoding)?,
            PgType::OidVector => self.list(PgType::Oid, encoding)?,
            PgType::Timetz => {
                let time = self.time()?;
                let offset = -i64::from(self.i32()?);
                if offset.abs() >= ZONE_SECONDS_END {
                    let message = "time zone displacement out of range";
                    let kind = FunctionErrorKind::InvalidTimeZoneDisplacement;
                    return Err(FunctionError::new(kind, message).into());
                }
                ScalarValue::FixedSizeBinary(timetz::WIDTH, Some(timetz::encode(time, offset).to_vec()))
            }
            PgType::Aclitem | PgType::Record | PgType::Void | PgType::PgNodeTree => {
                return Err(ServerError::not_supported(format!(
                    "binary parameters of type {} are not supported",
                    pg_type.facts().sql_name
                )));
            }
        })
    }

    fn timestamp(&mut self) -> Result<i64> {
        let microseconds = self.i64()?;
        if calendar::is_infinite_timestamp(microseconds) {
            return Ok(microseconds);
        }
        microseconds
            .checked_add(EPOCH_MICROSECONDS)
            .filter(|timestamp| (calendar::TIMESTAMP_MIN..calendar::TIMESTAMP_END).contains(timestamp))
            .ok_or_else(|| calendar::timestamp_out_of_range().into())
    }

    /// Microseconds since midnight: 24:00 is one.
    fn time(&mut self) -> Result<i64> {
        let microseconds = self.i64()?;
        if !(0..=calendar::DAY).contains(&microseconds) {
            return Err(ServerError::new(Condition::DatetimeFieldOverflow, "time out of range"));
        }
        Ok(microseconds)
    }

    fn numeric(&mut self) -> Result<ScalarValue> {
        let too_large = || {
            ServerError::new(Condition::NumericValueOutOfRange, "a numeric parameter has more than 38 digits")
        };
        let count = self.i16()?;
        let weight = self.i16()?;
        let sign = self.i16()?.cast_unsigned();
        let shown = self.i16()?;
        if sign >= 0xc000 {
            return Err(ServerError::not_supported("numeric NaN and infinity are not supported"));
        }
        let scale = i8::try_from(shown).map_err(|_| too_large())?;
        if !(0..=NUMERIC_PRECISION_MAX.cast_signed()).contains(&scale) {
            return Err(too_large());
        }
        let mut unscaled: i128 = 0;
        for index in 0..count {
            let digit = self.i16()?;
            if !(0..10_000).contains(&digit) {
                return Err(self.wrong());
            }
            // The group stands for digit × 10000^(weight - index); at this scale that is × 10^exponent.
            let exponent = 4 * (i32::from(weight) - i32::from(index)) + i32::from(scale);
            let part = match u32::try_from(exponent) {
                Ok(exponent) => 10_i128
                    .checked_pow(exponent)
                    .and_then(|power| power.checked_mul(i128::from(digit)))
                    .or((digit == 0).then_some(0))
                    .ok_or_else(too_large)?,
                Err(_) => i128::from(digit) / 10_i128.pow(exponent.unsigned_abs().min(4)),
            };
            unscaled = unscaled.checked_add(part).ok_or_else(too_large)?;
        }
        if unscaled >= 10_i128.pow(u32::from(NUMERIC_PRECISION_MAX)) {
            return Err(too_large());
        }
        if sign == 0x4000 {
            unscaled = -unscaled;
        }
        Ok(ScalarValue::Decimal128(Some(unscaled), NUMERIC_PRECISION_MAX, scale))
    }

    fn list(&mut self, element: PgType, encoding: ClientEncoding) -> Result<ScalarValue> {
        let dimensions = self.i32()?;
        let _has_nulls = self.i32()?;
        let sent_type = u32::from_be_bytes(self.array()?);
        if sent_type != element.oid().get() {
            return Err(ServerError::new(
                Condition::DatatypeMismatch,
                format!(
                    "binary data has array element type {sent_type} instead of expected {}",
                    element.oid().get()
                ),
            ));
        }
        if !(0..=DIMENSIONS_MAX).contains(&usize::try_from(dimensions).map_err(|_| self.wrong())?) {
            let message = format!(
                "number of array dimensions ({dimensions}) exceeds the maximum allowed ({DIMENSIONS_MAX})"
            );
            return Err(ServerError::new(Condition::ProgramLimitExceeded, message));
        }
        let mut shape = Vec::new();
        let mut count = i32::from(dimensions > 0);
        for _ in 0..dimensions {
            let (length, lower) = (self.i32()?, self.i32()?);
            count = count.checked_mul(length).ok_or_else(|| self.wrong())?;
            shape.push(Dimension { lower, length: usize::try_from(length).map_err(|_| self.wrong())? });
        }
        if !(0..=ARRAY_ELEMENTS_MAX).contains(&count) {
            return Err(self.wrong());
        }
        let mut items = Vec::new();
        for _ in 0..count {
            let length = self.i32()?;
            items.push(match usize::try_from(length) {
                Ok(length) => {
                    let mut item = Reader { bytes: self.take(length)?, number: self.number };
                    let value = item.value(element, length, encoding)?;
                    if !item.bytes.is_empty() {
                        return Err(self.wrong());
                    }
                    value
                }
                Err(_) if length == -1 => null_of(element),
                Err(_) => return Err(self.wrong()),
            });
        }
        if items.is_empty() {
            shape.clear();
        }
        list_of(element, items, shape)
    }
}

/// An array of these dimensions.
fn list_of(element: PgType, items: Vec<ScalarValue>, dimensions: Vec<Dimension>) -> Result<ScalarValue> {
    let arrow_type = ColumnType::plain(element).to_arrow();
    let length = items.len();
    let values: ArrayRef = if items.is_empty() {
        arrow::array::new_empty_array(&arrow_type)
    } else {
        ScalarValue::iter_to_array(one_scale(items))?
    };
    if !is_plain(&dimensions) {
        let shaped = shape::one(values, dimensions).map_err(datafusion::common::DataFusionError::from)?;
        return Ok(ScalarValue::try_from_array(&shaped, 0)?);
    }
    let field = Field::new_list_field(values.data_type().clone(), true);
    debug_assert!(matches!(arrow_type, DataType::Decimal128(..)) || *values.data_type() == arrow_type);
    let list = ListArray::try_new(Arc::new(field), OffsetBuffer::from_lengths([length]), values, None)?;
    Ok(ScalarValue::List(Arc::new(list)))
}

/// Brings decimals to one scale, since an array has one.
fn one_scale(items: Vec<ScalarValue>) -> Vec<ScalarValue> {
    let widest = items
        .iter()
        .filter_map(
            |item| if let ScalarValue::Decimal128(Some(_), _, scale) = item { Some(*scale) } else { None },
        )
        .max();
    let Some(widest) = widest else { return items };
    items
        .into_iter()
        .map(|item| match item {
            ScalarValue::Decimal128(value, precision, scale) => {
                let factor = 10_i128.pow(u32::from((widest - scale).max(0).unsigned_abs()));
                let rescaled =
                    if value.is_none() { None } else { value.and_then(|it| it.checked_mul(factor)) };
                ScalarValue::Decimal128(rescaled, precision, widest)
            }
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(pg_type: PgType, bytes: &[u8]) -> Result<ScalarValue> {
        let bytes = Bytes::copy_from_slice(bytes);
        let parse = |_: &str, _: PgType| Err(ServerError::not_supported("text"));
        decode(Some(&bytes), Format::Binary, pg_type, 1, ClientEncoding::Utf8, &parse)
    }

    fn words(words: &[i16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn binary_values_are_read_and_wrong_lengths_refused() {
        assert_eq!(binary(PgType::Int4, &[0, 0, 1, 0]).unwrap(), ScalarValue::Int32(Some(256)));
        assert!(binary(PgType::Int4, &[0, 0, 1]).is_err());
        assert!(binary(PgType::Int4, &[0, 0, 1, 0, 0]).is_err());
        assert_eq!(binary(PgType::Date, &[0, 0, 0, 0]).unwrap(), ScalarValue::Date32(Some(EPOCH_DAYS)));
        assert!(binary(PgType::Text, b"a\0b").is_err());
    }

    #[test]
    fn binary_values_have_the_limits_of_their_types() {
        let json = |text: &[u8]| binary(PgType::Jsonb, &[&[1], text].concat());
        assert_eq!(
            json(b"{\"b\":1, \"a\":[ ]}").unwrap(),
            ScalarValue::Utf8View(Some("{\"a\": [], \"b\": 1}".into()))
        );
        assert!(json(b"{not json").is_err());
        assert!(binary(PgType::Json, b"{not json").is_err());
        assert!(binary(PgType::Time, &86_400_000_000_i64.to_be_bytes()).is_ok());
        for time in [-1, 86_400_000_001] {
            assert!(binary(PgType::Time, &i64::to_be_bytes(time)).is_err(), "{time}");
        }
        for (time, zone, fits) in [(0, 57_599, true), (0, 57_600, false), (-1, 0, false)] {
            let bytes = [i64::to_be_bytes(time).as_slice(), &i32::to_be_bytes(zone)].concat();
            assert_eq!(binary(PgType::Timetz, &bytes).is_ok(), fits, "{time} {zone}");
        }
        for (days, fits) in [(i32::MAX, true), (i32::MAX - 1, false), (i32::MIN + 1, false), (0, true)] {
            assert_eq!(binary(PgType::Date, &days.to_be_bytes()).is_ok(), fits, "{days}");
        }
        for (timestamp, fits) in [(i64::MIN, true), (i64::MIN + 1, false), (i64::MAX - 1, false), (0, true)] {
            assert_eq!(binary(PgType::Timestamptz, &timestamp.to_be_bytes()).is_ok(), fits, "{timestamp}");
        }
    }

    #[test]
    fn numeric_keeps_its_scale() {
        let decimal = |value, scale| ScalarValue::Decimal128(Some(value), 38, scale);
        assert_eq!(binary(PgType::Numeric, &words(&[2, 0, 0, 2, 123, 4500])).unwrap(), decimal(12345, 2));
        assert_eq!(binary(PgType::Numeric, &words(&[1, -2, 0x4000, 5, 1000])).unwrap(), decimal(-1, 5));
        assert_eq!(binary(PgType::Numeric, &words(&[0, 0, 0, 0])).unwrap(), decimal(0, 0));
        assert!(binary(PgType::Numeric, &words(&[1, 30, 0, 0, 1])).is_err());
    }

    #[test]
    fn arrays_are_read_with_nulls() {
        let mut bytes = Vec::new();
        for word in [1_i32, 1, 23, 2, 1, 4, 7, -1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        let ScalarValue::List(list) = binary(PgType::Int4.array().unwrap(), &bytes).unwrap() else {
            panic!("not a list")
        };
        assert_eq!(list.value(0).len(), 2);
        assert_eq!(list.value(0).null_count(), 1);
    }
}

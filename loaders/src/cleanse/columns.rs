//! One loop per type over the cells of a column: text → Arrow array, with the rules about single values judged on the way.

use std::{cmp::Ordering, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryViewBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder,
        PrimitiveBuilder, StringViewBuilder,
    },
    datatypes::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type,
        Time64MicrosecondType, TimestampMicrosecondType,
    },
};
use lis_functions::{
    error::FunctionError,
    text_input::{parse_bool, parse_bytea, parse_uuid},
};
use lis_lake::types::{ColumnType, NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT, PgType};

use super::{Problem, Reading, numbers, text::prepare};
use crate::{
    config::ColumnSpec,
    dates,
    error::LoadError,
    rules::{Bound, Broken, Range, Rule},
    text::cut,
};

/// The most of a refused value that a reject keeps.
const VALUE_BYTES_MAX: usize = 1000;

/// Precision and scale of a numeric column.
fn precision_scale(column_type: ColumnType) -> (u8, i8) {
    column_type.as_held().precision_scale().unwrap_or((NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT))
}

/// Reads a column. `cells` has `count` cells.
pub(super) fn read<'a>(
    number: usize,
    column: &'a ColumnSpec,
    reading: &'a Reading,
    count: usize,
    cells: impl Iterator<Item = &'a str>,
    problems: &mut Vec<Problem>,
) -> Result<ArrayRef, LoadError> {
    let loop_over = Loop { number, column, reading, problems };
    let number_format = reading.number;
    let range = &column.rules.range;
    Ok(match column.column_type.pg_type {
        PgType::Int2 => loop_over
            .primitives::<Int16Type>(count, cells, |text| numbers::whole(text, number_format, "smallint")),
        PgType::Int4 => loop_over
            .primitives::<Int32Type>(count, cells, |text| numbers::whole(text, number_format, "integer")),
        PgType::Int8 => loop_over
            .primitives::<Int64Type>(count, cells, |text| numbers::whole(text, number_format, "bigint")),
        PgType::Numeric => {
            let (precision, scale) = precision_scale(column.column_type);
            let unsigned_scale = u8::try_from(scale).unwrap_or(0);
            let mut builder = PrimitiveBuilder::<Decimal128Type>::with_capacity(count)
                .with_data_type(arrow::datatypes::DataType::Decimal128(precision, scale));
            loop_over.values(cells, |text| {
                let parse = |text: &str| numbers::decimal(text, number_format, precision, unsigned_scale);
                put_primitive(&mut builder, text, parse, range)
            });
            Arc::new(builder.finish())
        }
        PgType::Date => loop_over.primitives::<Date32Type>(count, cells, |text| {
            read_date(reading, text).map(|moment| moment.days)
        }),
        PgType::Time => loop_over.primitives::<Time64MicrosecondType>(count, cells, |text| {
            dates::parse_time(text.as_bytes())
                .ok_or_else(|| Broken::new(Rule::Type, "not a time HH:MI[:SS[.F]]"))
        }),
        PgType::Timestamp => loop_over
            .primitives::<TimestampMicrosecondType>(count, cells, |text| read_timestamp(reading, text)),
        PgType::Timestamptz => {
            let mut builder = PrimitiveBuilder::<TimestampMicrosecondType>::with_capacity(count)
                .with_data_type(column.column_type.to_arrow());
            loop_over.values(cells, |text| {
                let parse = |text: &str| {
                    dates::parse_timestamp(text.as_bytes(), true)
                        .ok_or_else(|| Broken::new(Rule::Type, "not a timestamp with an offset"))
                };
                put_primitive(&mut builder, text, parse, range)
            });
            Arc::new(builder.finish())
        }
        PgType::Float8 => {
            let mut builder = Float64Builder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| numbers::real(text, number_format),
                    |builder, value| {
                        builder.append_option(value);
                        value.and_then(|value| check_real(range, value))
                    },
                )
            });
            Arc::new(builder.finish())
        }
        PgType::Float4 => {
            let mut builder = Float32Builder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| read_real4(text, number_format),
                    |builder, value| {
                        builder.append_option(value);
                        value.and_then(|value| check_real(range, f64::from(value)))
                    },
                )
            });
            Arc::new(builder.finish())
        }
        PgType::Bool => {
            let mut builder = BooleanBuilder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| as_postgres(parse_bool(text)),
                    |builder, value| {
                        builder.append_option(value);
                        None
                    },
                )
            });
            Arc::new(builder.finish())
        }
        PgType::Uuid => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(count, 16);
            let mut failure = None;
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| as_postgres(parse_uuid(text)),
                    |builder, value| {
                        match value {
                            Some(bytes) => failure = builder.append_value(bytes).err().or(failure.take()),
                            None => builder.append_null(),
                        }
                        None
                    },
                )
            });
            match failure {
                Some(error) => return Err(error.into()),
                None => Arc::new(builder.finish()),
            }
        }
        PgType::Bytea => {
            let mut builder = BinaryViewBuilder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| as_postgres(parse_bytea(text)),
                    |builder, value| {
                        builder.append_option(value);
                        None
                    },
                )
            });
            Arc::new(builder.finish())
        }
        PgType::Json => {
            let mut builder = StringViewBuilder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(text, &mut builder, read_json, |builder, value| {
                    builder.append_option(value);
                    None
                })
            });
            Arc::new(builder.finish())
        }
        PgType::Bpchar => {
            let length = column.column_type.length().unwrap_or(1);
            let mut builder = StringViewBuilder::with_capacity(count);
            loop_over.values(cells, |text| {
                put(
                    text,
                    &mut builder,
                    |text| Ok(padded(text, length)),
                    |builder, value| {
                        let broken = value.as_ref().and_then(|value| check_text(range, value));
                        builder.append_option(value);
                        broken
                    },
                )
            });
            Arc::new(builder.finish())
        }
        // Every other type that a source can name is text; config/type_name.rs names no others.
        _ => {
            let mut builder = StringViewBuilder::with_capacity(count);
            let ranged = !range.is_unlimited();
            loop_over.values(cells, |text| {
                builder.append_option(text);
                text.filter(|_| ranged).and_then(|text| check_text(range, text))
            });
            Arc::new(builder.finish())
        }
    })
}

/// What the loops over a column's cells share.
struct Loop<'a, 'p> {
    number: usize,
    column: &'a ColumnSpec,
    reading: &'a Reading,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Loop<'a, '_> {
    /// Hands each cell's text to `put`, which appends a value or a null and says what is wrong. Rules about texts are judged here.
    #[inline]
    fn values(
        self,
        cells: impl Iterator<Item = &'a str>,
        mut put: impl FnMut(Option<&'a str>) -> Option<Broken>,
    ) {
        let rules = &self.column.rules;
        let free = rules.text_is_free();
        for (row, cell) in cells.enumerate() {
            let broken = match prepare(self.reading, cell) {
                Ok(Some(text)) => match if free { None } else { rules.check_text(text) } {
                    None => put(Some(text)),
                    broken => put(None).or(broken),
                },
                Ok(None) if rules.required => {
                    put(None).or_else(|| Some(Broken::new(Rule::Required, "a value is required")))
                }
                Ok(None) => put(None),
                Err(broken) => put(None).or(Some(broken)),
            };
            if let Some(broken) = broken {
                let value = Some(cut(cell, VALUE_BYTES_MAX).to_owned());
                self.problems.push(Problem { row, column: Some(self.number), broken, value });
            }
        }
    }

    fn primitives<T: ArrowPrimitiveType<Native: Into<i128>>>(
        self,
        count: usize,
        cells: impl Iterator<Item = &'a str>,
        parse: impl Fn(&str) -> Result<T::Native, Broken>,
    ) -> ArrayRef {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(count);
        let range = &self.column.rules.range;
        self.values(cells, |text| put_primitive(&mut builder, text, &parse, range));
        Arc::new(builder.finish())
    }
}

/// Appends the value that `parse` finds, or a null.
#[inline]
fn put<'a, B, V>(
    text: Option<&'a str>,
    builder: &mut B,
    parse: impl Fn(&'a str) -> Result<V, Broken>,
    append: impl FnOnce(&mut B, Option<V>) -> Option<Broken>,
) -> Option<Broken> {
    match text.map(parse) {
        None => append(builder, None),
        Some(Ok(value)) => append(builder, Some(value)),
        Some(Err(broken)) => append(builder, None).or(Some(broken)),
    }
}

#[inline]
fn put_primitive<T: ArrowPrimitiveType<Native: Into<i128>>>(
    builder: &mut PrimitiveBuilder<T>,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T::Native, Broken>,
    range: &Range,
) -> Option<Broken> {
    match text.map(parse) {
        None => builder.append_null(),
        Some(Ok(value)) => {
            builder.append_value(value);
            if !range.is_unlimited() {
                return check_whole(range, value.into());
            }
        }
        Some(Err(broken)) => {
            builder.append_null();
            return Some(broken);
        }
    }
    None
}

fn check_whole(range: &Range, value: i128) -> Option<Broken> {
    range.check(|bound| match bound {
        Bound::Whole(bound) => value.cmp(bound),
        Bound::Real(_) | Bound::Text(_) => Ordering::Equal,
    })
}

fn check_real(range: &Range, value: f64) -> Option<Broken> {
    range.check(|bound| match bound {
        Bound::Real(bound) => value.total_cmp(bound),
        Bound::Whole(_) | Bound::Text(_) => Ordering::Equal,
    })
}

fn check_text(range: &Range, value: &str) -> Option<Broken> {
    range.check(|bound| match bound {
        Bound::Text(bound) => value.cmp(bound.as_str()),
        Bound::Whole(_) | Bound::Real(_) => Ordering::Equal,
    })
}

/// An end of a range, read as the column's type. It is written in TOML, so with a decimal point and ISO dates.
pub(crate) fn typed_bound(column_type: ColumnType, text: &str) -> Result<Bound, String> {
    let own = Reading::own();
    let message = |broken: Broken| format!("\"{text}\": {}", broken.message);
    match column_type.pg_type {
        PgType::Int2 | PgType::Int4 | PgType::Int8 => {
            numbers::whole(text, own.number, "bigint").map(Bound::Whole).map_err(message)
        }
        PgType::Numeric => {
            let (precision, scale) = precision_scale(column_type);
            numbers::decimal(text, own.number, precision, u8::try_from(scale).unwrap_or(0))
                .map(Bound::Whole)
                .map_err(message)
        }
        PgType::Float4 | PgType::Float8 => numbers::real(text, own.number).map(Bound::Real).map_err(message),
        PgType::Date => read_date(&own, text).map(|moment| Bound::Whole(moment.days.into())).map_err(message),
        PgType::Timestamp => {
            read_timestamp(&own, text).map(|timestamp| Bound::Whole(timestamp.into())).map_err(message)
        }
        PgType::Time => dates::parse_time(text.as_bytes())
            .map(|time| Bound::Whole(time.into()))
            .ok_or_else(|| format!("\"{text}\": not a time")),
        PgType::Timestamptz => dates::parse_timestamp(text.as_bytes(), true)
            .map(|timestamp| Bound::Whole(timestamp.into()))
            .ok_or_else(|| format!("\"{text}\": not a timestamp with an offset")),
        PgType::Text | PgType::Varchar | PgType::Bpchar => Ok(Bound::Text(text.to_owned())),
        _ => Err("values of this type have no range".to_owned()),
    }
}

fn read_date(reading: &Reading, text: &str) -> Result<dates::Moment, Broken> {
    reading.dates.iter().find_map(|format| format.parse(text.as_bytes())).ok_or_else(|| {
        let formats: Vec<&str> = reading.dates.iter().map(dates::DateFormat::text).collect();
        Broken::new(Rule::Type, format!("not a date {}", formats.join(" or ")))
    })
}

fn read_timestamp(reading: &Reading, text: &str) -> Result<i64, Broken> {
    match reading.dates.iter().find_map(|format| format.parse(text.as_bytes())) {
        Some(moment) => Ok(i64::from(moment.days) * dates::DAY_US + moment.time_us),
        None => dates::parse_timestamp(text.as_bytes(), false)
            .ok_or_else(|| Broken::new(Rule::Type, "not a timestamp YYYY-MM-DD HH:MI[:SS[.F]]")),
    }
}

fn read_real4(text: &str, format: numbers::NumberFormat) -> Result<f32, Broken> {
    let wide = numbers::real(text, format)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to real is what the type means; overflow is refused"
    )]
    let narrow = wide as f32;
    if narrow.is_finite() { Ok(narrow) } else { Err(Broken::new(Rule::Type, "out of range for real")) }
}

/// What PostgreSQL's own input function makes of a text.
fn as_postgres<T>(value: Result<T, FunctionError>) -> Result<T, Broken> {
    value.map_err(|error| Broken::new(Rule::Type, error.message))
}

/// `json` keeps its text.
fn read_json(text: &str) -> Result<&str, Broken> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Broken::new(Rule::Type, format!("not json: {error}"))),
    }
}

/// A text padded with blanks to the length of its `char(n)`.
fn padded(text: &str, length: usize) -> String {
    let characters = text.chars().count();
    let mut padded = text.to_owned();
    padded.extend(std::iter::repeat_n(' ', length.saturating_sub(characters)));
    padded
}

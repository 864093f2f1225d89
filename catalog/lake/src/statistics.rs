//! Column statistics between Parquet's footer, DuckLake's text and DataFusion's typed values, and their use to leave
//! out files before any is opened.
//!
//! Bounds are kept honest at every step: what cannot be written or read exactly becomes a wider bound or none. Text is
//! cut at [`BOUND_BYTES_MAX`], so its bounds are never called exact (MIN and MAX must read the rows); nor are those of
//! floating-point columns (DuckLake leaves NaN out of them, PostgreSQL holds it the greatest) and of files that another
//! program wrote (the format allows loose bounds).

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, OnceLock},
};

use arrow::{
    array::{Array, ArrayRef, AsArray as _, BooleanArray, UInt64Array},
    compute::{concat, max_boolean, min_boolean},
    datatypes::{
        DataType, Decimal128Type, DecimalType, Float32Type, Float64Type, Schema, SchemaRef, TimeUnit,
    },
};
use chrono::{Datelike as _, NaiveDate, NaiveTime, Timelike as _};
use datafusion::common::{
    Column as ColumnName, ColumnStatistics as TypedColumn, ScalarValue, Statistics,
    pruning::PruningStatistics, stats::Precision,
};
use parquet::{
    arrow::arrow_reader::statistics::StatisticsConverter, errors::ParquetError,
    file::metadata::ParquetMetaData,
};
use uuid::Uuid;

use crate::{
    data_file::{ColumnStatistics, DataFile},
    ids::ColumnId,
    table::Column,
    types::PgType,
};

/// Longest bound of a text or binary column, in bytes; longer ones are cut to a looser bound.
pub(crate) const BOUND_BYTES_MAX: usize = 128;

/// Whether bounds are kept for the type. An array's are its elements' business, which nobody prunes by.
pub(crate) fn has_statistics(pg_type: PgType) -> bool {
    !matches!(pg_type, PgType::Array(_))
}

/// Statistics of a file from its Parquet footer. `schema` has the file's columns with canonical types under their
/// physical names; `floats` is what was gathered about floating-point columns.
pub(crate) fn from_parquet(
    metadata: &ParquetMetaData,
    schema: &Schema,
    columns: &[Column],
    floats: &BTreeMap<ColumnId, FloatFacts>,
) -> Result<Vec<ColumnStatistics>, ParquetError> {
    let mut sizes: BTreeMap<&str, i64> = BTreeMap::new();
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let root = column.column_path().parts().first().map_or("", String::as_str);
        *sizes.entry(root).or_default() += column.compressed_size();
    }
    let rows = metadata.file_metadata().num_rows();
    let mut statistics = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(schema.fields()) {
        if !has_statistics(column.column_type.pg_type) {
            continue;
        }
        if let Some(facts) = floats.get(&column.id) {
            statistics.push(ColumnStatistics {
                column_id: column.id,
                size_bytes: sizes.get(field.name().as_str()).copied(),
                value_count: Some(rows - facts.nulls),
                null_count: Some(facts.nulls),
                min: facts.bound(field.data_type(), false),
                max: facts.bound(field.data_type(), true),
                contains_nan: Some(facts.with_nan),
            });
            continue;
        }
        let converter =
            StatisticsConverter::try_new(field.name(), schema, metadata.file_metadata().schema_descr())?;
        let nulls = converter.row_group_null_counts(metadata.row_groups())?;
        let null_count = (nulls.null_count() == 0)
            .then(|| nulls.values().iter().sum::<u64>())
            .and_then(|nulls| i64::try_from(nulls).ok());
        let groups = metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        let all_null: Vec<bool> = groups.zip(&nulls).map(|(rows, nulls)| nulls == Some(rows)).collect();
        let min = extreme(&converter.row_group_mins(metadata.row_groups())?, &all_null, false);
        let max = extreme(&converter.row_group_maxes(metadata.row_groups())?, &all_null, true);
        statistics.push(ColumnStatistics {
            column_id: column.id,
            size_bytes: sizes.get(field.name().as_str()).copied(),
            value_count: null_count.map(|nulls| rows - nulls),
            null_count,
            min: min.and_then(|value| to_text(&value, Bound::Lower)),
            max: max.and_then(|value| to_text(&value, Bound::Upper)),
            contains_nan: None,
        });
    }
    Ok(statistics)
}

/// The least or greatest of the row groups' bounds; none when a row group with values has none.
fn extreme(bounds: &ArrayRef, all_null: &[bool], greatest: bool) -> Option<ScalarValue> {
    if all_null.iter().enumerate().any(|(row, all_null)| !all_null && bounds.is_null(row)) {
        return None;
    }
    if let Some(booleans) = bounds.as_any().downcast_ref::<BooleanArray>() {
        let found = if greatest { max_boolean(booleans) } else { min_boolean(booleans) };
        return found.map(|found| ScalarValue::Boolean(Some(found)));
    }
    (0..bounds.len())
        .filter(|row| bounds.is_valid(*row))
        .filter_map(|row| ScalarValue::try_from_array(bounds, row).ok())
        .reduce(|best, next| {
            let better = if greatest { next > best } else { next < best };
            if better { next } else { best }
        })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Lower,
    Upper,
}

/// A value as DuckLake writes it, or a looser bound; `None` if neither can be written.
fn to_text(value: &ScalarValue, bound: Bound) -> Option<String> {
    match value {
        ScalarValue::Boolean(Some(value)) => Some(if *value { "1" } else { "0" }.to_owned()),
        ScalarValue::Int16(Some(value)) => Some(value.to_string()),
        ScalarValue::Int32(Some(value)) => Some(value.to_string()),
        ScalarValue::Int64(Some(value)) => Some(value.to_string()),
        // Rust's Debug form of a float is the shortest that reads back as itself, with an exponent where it is long.
        ScalarValue::Float32(Some(value)) => (!value.is_nan()).then(|| format!("{value:?}")),
        ScalarValue::Float64(Some(value)) => (!value.is_nan()).then(|| format!("{value:?}")),
        ScalarValue::Decimal128(Some(value), precision, scale) => {
            Some(Decimal128Type::format_decimal(*value, *precision, *scale))
        }
        ScalarValue::Date32(Some(days)) => date_text(i64::from(*days)),
        ScalarValue::Time64Microsecond(Some(microseconds)) => time_text(*microseconds),
        ScalarValue::TimestampMicrosecond(Some(microseconds), zone) => {
            let day = microseconds.div_euclid(DAY_MICROSECONDS);
            let date = date_text(day)?;
            let time = time_text(microseconds.rem_euclid(DAY_MICROSECONDS))?;
            Some(format!("{date} {time}{}", if zone.is_some() { "+00" } else { "" }))
        }
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => cut_text(text, bound),
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes)) => (bytes.len() <= BOUND_BYTES_MAX)
            .then(|| crate::metadata::sqlite::hexadecimal(bytes).to_ascii_uppercase()),
        ScalarValue::FixedSizeBinary(16, Some(bytes)) => {
            Uuid::from_slice(bytes).ok().map(|uuid| uuid.hyphenated().to_string())
        }
        _ => None,
    }
}

/// A column's initial default as the format writes it: like a bound, but never cut.
pub(crate) fn initial_default_text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(text.clone()),
        // Other programs read the text of a binary value otherwise than that of a bound.
        ScalarValue::Binary(_) | ScalarValue::BinaryView(_) | ScalarValue::LargeBinary(_) => None,
        other => to_text(other, Bound::Lower),
    }
}

/// Reads [`initial_default_text`].
pub(crate) fn initial_default_value(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    from_text(text, data_type)
}

const DAY_MICROSECONDS: i64 = 86_400_000_000;
const SECOND_MICROSECONDS: i64 = 1_000_000;

/// Years 1 to 9999 only: beyond them programs differ in how they write a date.
fn date_text(days_since_1970: i64) -> Option<String> {
    let days_from_ce = i32::try_from(days_since_1970.checked_add(719_163)?).ok()?;
    let date = NaiveDate::from_num_days_from_ce_opt(days_from_ce)?;
    (1..=9999).contains(&date.year()).then(|| date.format("%Y-%m-%d").to_string())
}

fn time_text(microseconds: i64) -> Option<String> {
    if !(0..=DAY_MICROSECONDS).contains(&microseconds) {
        return None;
    }
    let (seconds, fraction) = (microseconds / SECOND_MICROSECONDS, microseconds % SECOND_MICROSECONDS);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    Some(text)
}

/// A prefix is a lower bound; for an upper bound its last character that can be is made the next one.
fn cut_text(text: &str, bound: Bound) -> Option<String> {
    if text.len() <= BOUND_BYTES_MAX {
        return Some(text.to_owned());
    }
    let mut end = BOUND_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut prefix = text[..end].to_owned();
    if bound == Bound::Lower {
        return Some(prefix);
    }
    while let Some(last) = prefix.pop() {
        // The order of UTF-8's bytes is the order of code points.
        if let Some(next) = char::from_u32(u32::from(last) + 1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

/// Reads DuckLake's text as a value of `data_type`; `None` for what cannot be read: no bound then.
fn from_text(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Boolean => match text {
            "0" | "false" => Some(ScalarValue::Boolean(Some(false))),
            "1" | "true" => Some(ScalarValue::Boolean(Some(true))),
            _ => None,
        },
        DataType::Int16 => text.parse().ok().map(|value| ScalarValue::Int16(Some(value))),
        DataType::Int32 => text.parse().ok().map(|value| ScalarValue::Int32(Some(value))),
        DataType::Int64 => text.parse().ok().map(|value| ScalarValue::Int64(Some(value))),
        DataType::Float32 => text
            .parse::<f32>()
            .ok()
            .filter(|value| !value.is_nan())
            .map(|value| ScalarValue::new_primitive::<Float32Type>(Some(value), data_type))?
            .ok(),
        DataType::Float64 => text
            .parse::<f64>()
            .ok()
            .filter(|value| !value.is_nan())
            .map(|value| ScalarValue::new_primitive::<Float64Type>(Some(value), data_type))?
            .ok(),
        DataType::Decimal128(precision, scale) => {
            let value = decimal(text, *scale)?;
            Decimal128Type::validate_decimal_precision(value, *precision, *scale).ok()?;
            Some(ScalarValue::Decimal128(Some(value), *precision, *scale))
        }
        DataType::Date32 => {
            let days = days(text)?;
            Some(ScalarValue::Date32(Some(i32::try_from(days).ok()?)))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            Some(ScalarValue::Time64Microsecond(Some(microseconds(text)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let local = match zone {
                Some(_) => text.strip_suffix("+00").or_else(|| text.strip_suffix("+00:00"))?,
                None => text,
            };
            let (date, time) = local.split_once(' ').unwrap_or((local, "00:00:00"));
            let value = days(date)?.checked_mul(DAY_MICROSECONDS)?.checked_add(microseconds(time)?)?;
            Some(ScalarValue::TimestampMicrosecond(Some(value), zone.clone()))
        }
        DataType::Utf8View => Some(ScalarValue::Utf8View(Some(text.to_owned()))),
        DataType::BinaryView => {
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            let pairs = text.as_bytes().chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return None;
            }
            Some(ScalarValue::BinaryView(Some(pairs.map(byte).collect::<Option<_>>()?)))
        }
        DataType::FixedSizeBinary(16) => {
            let uuid = Uuid::try_parse(text).ok()?;
            Some(ScalarValue::FixedSizeBinary(16, Some(uuid.as_bytes().to_vec())))
        }
        _ => None,
    }
}

/// A decimal number with at most `scale` digits after the point, as a whole number of units. Never rounds.
fn decimal(text: &str, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::try_from(scale).ok()?;
    let (fraction, beyond) = fraction.split_at_checked(scale).unwrap_or((fraction, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty()
        || !all_digits(whole)
        || !all_digits(fraction)
        || beyond.bytes().any(|byte| byte != b'0')
    {
        return None;
    }
    let units: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    Some(if negative { -units } else { units })
}

fn days(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    Some(date.signed_duration_since(epoch).num_days())
}

fn microseconds(text: &str) -> Option<i64> {
    if text == "24:00:00" {
        return Some(DAY_MICROSECONDS);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()?;
    Some(
        i64::from(time.num_seconds_from_midnight()) * SECOND_MICROSECONDS
            + i64::from(time.nanosecond() / 1000),
    )
}

/// How many bytes of text or of a list become one in a file, about.
const PACKED: usize = 2;

/// A file's statistics, in the order of `columns`.
pub(crate) fn file_statistics(file: &DataFile, columns: &[Column]) -> Statistics {
    let ours = file.checksum.is_some();
    let rows = usize::try_from(file.record_count).unwrap_or(usize::MAX);
    let stored = file.statistics.columns();
    let ours = ours && stored.is_some();
    let stored = stored.unwrap_or_default();
    let column_statistics = columns
        .iter()
        .map(|column| {
            let found = stored.iter().find(|found| found.column_id == column.id);
            match (found, &column.initial_default) {
                (Some(found), _) => {
                    let byte_size = unpacked_bytes(column, rows, found.size_bytes);
                    TypedColumn { byte_size, ..typed_column(found, column, ours) }
                }
                (None, Some(value)) if file.lacks(column) => TypedColumn {
                    null_count: Precision::Exact(0),
                    min_value: Precision::Inexact(value.clone()),
                    max_value: Precision::Inexact(value.clone()),
                    ..TypedColumn::new_unknown()
                },
                // A file of ours without the column is older than the column: every value is null.
                (None, None) if ours && has_statistics(column.column_type.pg_type) => {
                    TypedColumn { null_count: Precision::Exact(rows), ..TypedColumn::new_unknown() }
                }
                (None, _) => TypedColumn::new_unknown(),
            }
        })
        .collect();
    Statistics {
        num_rows: Precision::Exact(rows),
        // A file does not tell what its rows take in memory, and the engine would heed such a number before how many rows
        // it expects, though behind a filter it still counts what only the filter reads. Of columns of fixed widths the
        // engine works it out by itself.
        total_byte_size: Precision::Absent,
        column_statistics,
    }
}

/// The bytes of a column, about: by them the engine may choose the side of a join that it makes a table of. It reckons
/// text by what a file holds unpacked, and compares that with others' text.
fn unpacked_bytes(column: &Column, rows: usize, stored_bytes: Option<i64>) -> Precision<usize> {
    if let Some(width) = column.column_type.to_arrow().primitive_width() {
        return Precision::Exact(rows.saturating_mul(width));
    }
    let stored_bytes = stored_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    stored_bytes.map_or(Precision::Absent, |bytes| Precision::Inexact(bytes.saturating_mul(PACKED)))
}

fn typed_column(found: &ColumnStatistics, column: &Column, ours: bool) -> TypedColumn {
    let data_type = column.column_type.to_arrow();
    let exact = ours
        && !matches!(
            data_type,
            DataType::Utf8View | DataType::BinaryView | DataType::Float32 | DataType::Float64
        );
    let is_float = matches!(data_type, DataType::Float32 | DataType::Float64);
    // DuckLake's bounds leave NaN out; where there may be one, nothing bounds the column.
    let bounded = !is_float || found.contains_nan == Some(false);
    let precision = |text: &Option<String>, greatest: bool| {
        let value = text.as_deref().filter(|_| bounded).and_then(|text| from_text(text, &data_type));
        let value = value.map(|value| once_shorter(value, greatest));
        match value {
            Some(value) if exact => Precision::Exact(value),
            Some(value) => Precision::Inexact(value),
            None => Precision::Absent,
        }
    };
    let null_count = found.null_count.and_then(|nulls| usize::try_from(nulls).ok());
    TypedColumn {
        null_count: null_count.map_or(Precision::Absent, Precision::Exact),
        min_value: precision(&found.min, false),
        max_value: precision(&found.max, true),
        ..TypedColumn::new_unknown()
    }
}

/// A bound of a column that may have been `real` when the file was written: its text is then the shortest of that type,
/// which as `double precision` is another number. The looser of the two readings bounds both.
fn once_shorter(value: ScalarValue, greatest: bool) -> ScalarValue {
    let ScalarValue::Float64(Some(wide)) = value else { return value };
    #[expect(clippy::cast_possible_truncation, reason = "the nearest shorter number is what is asked for")]
    let shorter = f64::from(wide as f32);
    let looser = if greatest { wide.max(shorter) } else { wide.min(shorter) };
    ScalarValue::Float64(Some(looser))
}

/// The statistics of several files together, in the order of `columns`.
pub(crate) fn merge<'a>(
    files: impl IntoIterator<Item = &'a Arc<DataFile>>,
    columns: &[Column],
) -> Statistics {
    let mut files = files.into_iter();
    let Some(first) = files.next() else {
        return Statistics {
            num_rows: Precision::Exact(0),
            total_byte_size: Precision::Exact(0),
            column_statistics: vec![TypedColumn::new_unknown(); columns.len()],
        };
    };
    let mut merged = Statistics::clone(first.typed(columns));
    files.for_each(|file| merge_into(&mut merged, file.typed(columns)));
    merged
}

/// Widens statistics by more.
pub(crate) fn merge_into(merged: &mut Statistics, next: &Statistics) {
    merged.num_rows = merged.num_rows.add(&next.num_rows);
    merged.total_byte_size = merged.total_byte_size.add(&next.total_byte_size);
    for (total, next) in merged.column_statistics.iter_mut().zip(&next.column_statistics) {
        total.null_count = total.null_count.add(&next.null_count);
        total.byte_size = total.byte_size.add(&next.byte_size);
        total.min_value = total.min_value.min(&next.min_value);
        total.max_value = total.max_value.max(&next.max_value);
    }
}

/// Widens a column's statistics over a whole table, as DuckLake keeps them in text, by a file's.
pub(crate) fn widen(total: &mut ColumnStatistics, file: &ColumnStatistics, column: &Column) {
    let data_type = column.column_type.to_arrow();
    let wider = |total: Option<String>, next: &Option<String>, greatest: bool| {
        let (total, next) = (total?, next.clone()?);
        let better = match (from_text(&total, &data_type)?, from_text(&next, &data_type)?) {
            (a, b) if greatest => b > a,
            (a, b) => b < a,
        };
        Some(if better { next } else { total })
    };
    // A file of nothing but nulls has no bounds and changes none.
    if file.value_count != Some(0) {
        if total.value_count == Some(0) {
            (total.min, total.max) = (file.min.clone(), file.max.clone());
        } else {
            total.min = wider(total.min.take(), &file.min, false);
            total.max = wider(total.max.take(), &file.max, true);
        }
    }
    let sum = |a: Option<i64>, b: Option<i64>| Some(a? + b?);
    total.value_count = sum(total.value_count, file.value_count);
    total.null_count = sum(total.null_count, file.null_count);
    total.contains_nan = match (total.contains_nan, file.contains_nan) {
        (Some(a), Some(b)) => Some(a || b),
        _ => None,
    };
}

/// Statistics of many files by column, made into arrays when a predicate first asks for the column.
#[derive(Debug)]
pub(crate) struct PruningIndex {
    files: Vec<Arc<Statistics>>,
    total: Statistics,
    row_counts: OnceLock<ArrayRef>,
    bounds: Vec<OnceLock<Option<Bounds>>>,
}

/// What all files say of one column, a value for each file.
#[derive(Debug, Clone)]
struct Bounds {
    min: ArrayRef,
    max: ArrayRef,
    nulls: ArrayRef,
}

impl PruningIndex {
    /// The index of `files`. `before` is the index of the first of them, if there is one: what it has is not made again,
    /// so that a night's batch costs what is new.
    pub(crate) fn new(files: &[Arc<DataFile>], columns: &[Column], before: Option<&Self>) -> Self {
        let typed = |file: &Arc<DataFile>| Arc::clone(file.typed(columns));
        let Some(before) = before.filter(|before| !before.files.is_empty()) else {
            return Self {
                total: merge(files, columns),
                files: files.iter().map(typed).collect(),
                row_counts: OnceLock::new(),
                bounds: columns.iter().map(|_| OnceLock::new()).collect(),
            };
        };
        let added: Vec<_> = files.iter().skip(before.files.len()).map(typed).collect();
        let mut total = before.total.clone();
        added.iter().for_each(|next| merge_into(&mut total, next));
        let bounds = before.bounds.iter().enumerate().map(|(column, bounds)| {
            let widened =
                bounds.get().and_then(Option::as_ref).and_then(|bounds| bounds.with(&added, column));
            widened.map_or_else(OnceLock::new, |bounds| OnceLock::from(Some(bounds)))
        });
        Self {
            bounds: bounds.collect(),
            total,
            row_counts: OnceLock::new(),
            files: before.files.iter().cloned().chain(added).collect(),
        }
    }

    /// The statistics of all files together.
    pub(crate) fn total(&self) -> &Statistics {
        &self.total
    }

    fn bounds(&self, column: usize, data_type: &DataType) -> Option<&Bounds> {
        self.bounds.get(column)?.get_or_init(|| Bounds::of(&self.files, column, data_type)).as_ref()
    }

    fn row_counts(&self) -> &ArrayRef {
        self.row_counts.get_or_init(|| {
            let rows = self.files.iter().map(|file| u64::try_from(*file.num_rows.get_value()?).ok());
            Arc::new(rows.collect::<UInt64Array>())
        })
    }
}

impl Bounds {
    fn of(files: &[Arc<Statistics>], column: usize, data_type: &DataType) -> Option<Self> {
        let null = ScalarValue::try_from(data_type).ok()?;
        let found = |file: &'_ Arc<Statistics>| file.column_statistics.get(column).cloned();
        let array = |pick: fn(TypedColumn) -> Precision<ScalarValue>| {
            let values = files.iter().map(|file| {
                let value = found(file).and_then(|found| pick(found).get_value().cloned());
                value.unwrap_or_else(|| null.clone())
            });
            ScalarValue::iter_to_array(values).ok()
        };
        let nulls = files
            .iter()
            .map(|file| u64::try_from(*file.column_statistics.get(column)?.null_count.get_value()?).ok());
        Some(Self {
            nulls: Arc::new(nulls.collect::<UInt64Array>()),
            min: array(|found| found.min_value)?,
            max: array(|found| found.max_value)?,
        })
    }

    /// These bounds and behind them those of more files.
    fn with(&self, added: &[Arc<Statistics>], column: usize) -> Option<Self> {
        if added.is_empty() {
            return Some(self.clone());
        }
        let more = Self::of(added, column, self.min.data_type())?;
        let both = |a: &ArrayRef, b: &ArrayRef| concat(&[a.as_ref(), b.as_ref()]).ok();
        Some(Self {
            min: both(&self.min, &more.min)?,
            max: both(&self.max, &more.max)?,
            nulls: both(&self.nulls, &more.nulls)?,
        })
    }
}

/// [`PruningIndex`] under the names of a schema whose fields are the table's columns in order.
#[derive(Debug)]
pub(crate) struct NamedIndex<'a> {
    pub(crate) index: &'a PruningIndex,
    pub(crate) schema: SchemaRef,
}

impl NamedIndex<'_> {
    fn bounds(&self, column: &ColumnName) -> Option<&Bounds> {
        let (position, field) = self.schema.column_with_name(&column.name)?;
        self.index.bounds(position, field.data_type())
    }
}

impl PruningStatistics for NamedIndex<'_> {
    fn min_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        self.bounds(column).map(|bounds| Arc::clone(&bounds.min))
    }

    fn max_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        self.bounds(column).map(|bounds| Arc::clone(&bounds.max))
    }

    fn num_containers(&self) -> usize {
        self.index.files.len()
    }

    fn null_counts(&self, column: &ColumnName) -> Option<ArrayRef> {
        self.bounds(column).map(|bounds| Arc::clone(&bounds.nulls))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::clone(self.index.row_counts()))
    }

    fn contained(&self, _column: &ColumnName, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// What is gathered about a floating-point column while its file is written. Parquet's own statistics leave NaN out, and
/// DataFusion would prune row groups by them as if there were none; so they are not written for such columns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FloatFacts {
    nulls: i64,
    bounds: Option<(f64, f64)>,
    with_nan: bool,
}

impl FloatFacts {
    /// Whether these are gathered for the type.
    pub(crate) fn apply_to(data_type: &DataType) -> bool {
        matches!(data_type, DataType::Float32 | DataType::Float64)
    }

    /// Takes in the values of an array.
    pub(crate) fn add(&mut self, array: &ArrayRef) {
        let mut take = |value: Option<f64>| match value {
            None => self.nulls += 1,
            Some(value) if value.is_nan() => self.with_nan = true,
            Some(value) => {
                let (least, greatest) = self.bounds.unwrap_or((value, value));
                self.bounds = Some((least.min(value), greatest.max(value)));
            }
        };
        if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
            floats.iter().for_each(take);
        } else if let Some(floats) = array.as_primitive_opt::<Float32Type>() {
            floats.iter().for_each(|value| take(value.map(f64::from)));
        }
    }

    fn bound(self, data_type: &DataType, greatest: bool) -> Option<String> {
        let (least, most) = self.bounds?;
        // Zero has two signs, and programs differ in whether they tell them apart.
        let value = match (if greatest { most } else { least }, greatest) {
            (0.0, true) => 0.0,
            (0.0, false) => -0.0,
            (value, _) => value,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the value was widened from this type")]
        let value = match data_type {
            DataType::Float32 => ScalarValue::Float32(Some(value as f32)),
            _ => ScalarValue::Float64(Some(value)),
        };
        to_text(&value, if greatest { Bound::Upper } else { Bound::Lower })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &ScalarValue) -> (String, Option<ScalarValue>) {
        let text = to_text(value, Bound::Lower).unwrap();
        let back = from_text(&text, &value.data_type());
        (text, back)
    }

    #[test]
    fn values_are_written_as_ducklake_does_and_read_back() {
        let utc: Arc<str> = Arc::from("UTC");
        for (value, text) in [
            (ScalarValue::Boolean(Some(true)), "1"),
            (ScalarValue::Int16(Some(-7)), "-7"),
            (ScalarValue::Int64(Some(i64::MIN)), "-9223372036854775808"),
            (ScalarValue::Float64(Some(1e300)), "1e300"),
            (ScalarValue::Float32(Some(f32::NEG_INFINITY)), "-inf"),
            (ScalarValue::Decimal128(Some(-5), 12, 2), "-0.05"),
            (ScalarValue::Decimal128(Some(12_345), 5, 0), "12345"),
            (
                ScalarValue::Decimal128(Some(10_i128.pow(38) - 1), 38, 38),
                "0.99999999999999999999999999999999999999",
            ),
            (ScalarValue::Date32(Some(-1)), "1969-12-31"),
            (ScalarValue::Time64Microsecond(Some(86_400_000_000)), "24:00:00"),
            (ScalarValue::Time64Microsecond(Some(36_000_500_000)), "10:00:00.5"),
            (ScalarValue::TimestampMicrosecond(Some(-1), None), "1969-12-31 23:59:59.999999"),
            (ScalarValue::TimestampMicrosecond(Some(0), Some(utc)), "1970-01-01 00:00:00+00"),
            (ScalarValue::Utf8View(Some("åäö".to_owned())), "åäö"),
            (ScalarValue::BinaryView(Some(vec![0, 255])), "00FF"),
            (ScalarValue::FixedSizeBinary(16, Some(vec![1; 16])), "01010101-0101-0101-0101-010101010101"),
        ] {
            assert_eq!(round_trip(&value), (text.to_owned(), Some(value)));
        }
    }

    #[test]
    fn what_programs_write_differently_has_no_bound() {
        let infinity = ScalarValue::Date32(Some(i32::MAX));
        let early = ScalarValue::Date32(Some(-719_163));
        assert_eq!(to_text(&infinity, Bound::Upper), None);
        assert_eq!(to_text(&early, Bound::Lower), None);
        assert_eq!(to_text(&ScalarValue::Float64(Some(f64::NAN)), Bound::Upper), None);
        for (text, data_type) in [
            ("infinity", DataType::Date32),
            ("1.005", DataType::Decimal128(10, 2)),
            ("99999", DataType::Decimal128(3, 0)),
            ("nan", DataType::Float64),
            ("2024-01-01 00:00:00+01", DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))),
            ("ABC", DataType::BinaryView),
        ] {
            assert_eq!(from_text(text, &data_type), None, "{text}");
        }
        assert_eq!(
            from_text("1.50000", &DataType::Decimal128(10, 2)),
            Some(ScalarValue::Decimal128(Some(150), 10, 2))
        );
    }

    #[test]
    fn long_text_is_cut_to_a_looser_bound() {
        let long = "å".repeat(BOUND_BYTES_MAX);
        let (lower, upper) = (cut_text(&long, Bound::Lower).unwrap(), cut_text(&long, Bound::Upper).unwrap());
        assert!(lower.len() <= BOUND_BYTES_MAX && lower.as_str() < long.as_str());
        assert!(upper.len() <= BOUND_BYTES_MAX && upper.as_str() > long.as_str());
        let greatest = char::MAX.to_string().repeat(BOUND_BYTES_MAX);
        assert_eq!(cut_text(&greatest, Bound::Upper), None);
        // The code points between are no characters.
        let before_gap = format!("{}\u{d7ff}", "x".repeat(BOUND_BYTES_MAX - 3)) + "zzz";
        assert!(cut_text(&before_gap, Bound::Upper).unwrap() > before_gap);
    }

    #[test]
    fn floats_are_bounded_without_nan_and_zero_has_both_signs() {
        let mut facts = FloatFacts::default();
        let values: ArrayRef =
            Arc::new(arrow::array::Float64Array::from(vec![Some(0.0), None, Some(f64::NAN)]));
        facts.add(&values);
        assert_eq!(facts.bound(&DataType::Float64, false).as_deref(), Some("-0.0"));
        assert_eq!(facts.bound(&DataType::Float64, true).as_deref(), Some("0.0"));
        assert!(facts.with_nan && facts.nulls == 1);
    }
}

//! Cleansing ("tvätt"): rows of raw text → columns of typed values. A value that cannot be read, or that breaks a rule about
//! single values, is a `Problem` of its row; the row is rejected later, when every problem is known. Nothing is guessed:
//! a number with more decimals than its column keeps is refused, not rounded.
//!
//! - `cleanse/text.rs`: trimming, null tokens, extraction, mapping.
//! - `cleanse/numbers.rs`: decimal signs, thousands separators, signs on either side.
//! - `cleanse/columns.rs`: one loop per type, over the cells of one column.
//! - dates are in `dates.rs`.

mod columns;
pub mod numbers;
mod text;

use std::{collections::HashMap, sync::Arc};

use arrow::{
    datatypes::{Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};
use regex::Regex;

use crate::{
    batch::Batch,
    config::{ColumnSpec, FileNameParts, TableSpec, ValueOrigin},
    dates::DateFormat,
    error::LoadError,
    formats::rows::{BadRow, RawRows},
    read::Learnt,
    rules::Broken,
    source::{Source, SourceFile},
    stage::{Delivery, Staged},
};
pub(crate) use columns::typed_bound;
use numbers::NumberFormat;

/// The state of a batch whose rows come out typed: they are read when they are judged, so that no more than a few blocks
/// are in memory at a time.
#[derive(Debug)]
pub(crate) struct Cleansed {
    delivery: Delivery,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) learnt: Arc<Learnt>,
}

impl Cleansed {
    /// The files of a table (by position in the source's tables).
    pub(crate) fn files_of(&self, table: usize) -> Option<&[(Arc<SourceFile>, FileNameParts)]> {
        self.delivery.by_table.get(&table).map(Vec::as_slice)
    }
}

impl Batch<Staged> {
    /// Has the batch's files read and cleansed from here.
    pub(crate) fn cleanse(self, source: Arc<dyn Source>) -> Batch<Cleansed> {
        self.with(|staged| Cleansed { delivery: staged.delivery, source, learnt: Arc::default() })
    }
}

/// How text becomes a value.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Whether blanks are taken from both ends.
    pub trim: bool,
    /// Whether an empty text is null.
    pub null_empty: bool,
    /// The other texts that are null.
    pub null_tokens: Vec<String>,
    /// What of the text is the value.
    pub extract: Option<(Regex, String)>,
    /// Values that stand for others.
    pub map: Option<HashMap<String, String>>,
    /// How numbers are written.
    pub number: NumberFormat,
    /// How dates are written.
    pub dates: Vec<DateFormat>,
}

/// A value that breaks a rule.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The row within its block.
    pub(crate) row: usize,
    /// The column within its table.
    pub(crate) column: Option<usize>,
    pub(crate) broken: Broken,
    /// The text that was refused.
    pub(crate) value: Option<String>,
}

/// A block of a file, typed, with its rows' problems. Row `n` of `batch` is row `n` of `raw`; in a row with a problem the
/// value at fault is null, and the row must not be written.
#[derive(Debug)]
pub(crate) struct CleansedRows {
    pub(crate) batch: RecordBatch,
    pub(crate) raw: RawRows,
    /// In the order of rows, then columns.
    pub(crate) problems: Vec<Problem>,
}

/// Where each column of a table stands in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CellPlace {
    /// A field of the row.
    Field(usize),
    /// The same text in every row, read as the file's values are.
    Constant(String),
    /// The same text in every row, in the program's own form (ISO date, plain number).
    Own(String),
    /// The row's line.
    LineNumber,
}

/// What is known about a file before its rows are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileFacts {
    pub(crate) name: String,
    pub(crate) business_date: String,
    pub(crate) batch_number: String,
    pub(crate) parts: std::collections::BTreeMap<String, String>,
}

/// Finds each column's place in a file with this header, or says which is missing. Also gives the header's columns that
/// nothing reads and nobody said to ignore.
pub(crate) fn layout(
    table: &TableSpec,
    header: &[String],
    facts: &FileFacts,
) -> Result<(Vec<CellPlace>, Vec<String>), String> {
    let folded: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    let mut places = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        places.push(match &column.origin {
            ValueOrigin::Header(names) => CellPlace::Field(header_position(&folded, header, names)?),
            ValueOrigin::Position(position) if *position < header.len() => CellPlace::Field(*position),
            ValueOrigin::Position(position) => {
                return Err(format!("there is no column {}: the file has {}", position + 1, header.len()));
            }
            ValueOrigin::Constant(text) => CellPlace::Constant(text.clone()),
            ValueOrigin::FilePart(part) => match facts.parts.get(part) {
                Some(text) => CellPlace::Constant(text.clone()),
                None => return Err(format!("the file's name has no part {{{part}}}")),
            },
            ValueOrigin::BusinessDate => CellPlace::Own(facts.business_date.clone()),
            ValueOrigin::FileName => CellPlace::Own(facts.name.clone()),
            ValueOrigin::BatchNumber => CellPlace::Own(facts.batch_number.clone()),
            ValueOrigin::LineNumber => CellPlace::LineNumber,
        });
    }
    let ignored =
        |name: &String| table.ignore_columns.iter().any(|ignored| ignored == "*" || ignored == name);
    let unread = folded
        .iter()
        .enumerate()
        .filter(|(position, name)| {
            !name.is_empty() && !ignored(name) && !places.contains(&CellPlace::Field(*position))
        })
        .map(|(position, _)| header[position].clone())
        .collect();
    Ok((places, unread))
}

fn header_position(folded: &[String], header: &[String], names: &[String]) -> Result<usize, String> {
    for name in names {
        let wanted = name.trim().to_lowercase();
        let mut found = folded.iter().enumerate().filter(|(_, name)| **name == wanted);
        if let Some((position, _)) = found.next() {
            if found.next().is_some() {
                return Err(format!("the header has the column \"{name}\" twice"));
            }
            return Ok(position);
        }
    }
    let wanted = names.first().map_or("", String::as_str);
    let suggestion = crate::config::nearest(wanted, header.iter().map(String::as_str)).map_or_else(
        || format!("; it has {}", header.join(", ")),
        |near| format!("; did \"{near}\" take its place?"),
    );
    Err(format!("the header has no column \"{wanted}\"{suggestion}"))
}

/// The schema of a table's cleansed rows: every column nullable, since rejected rows are still among them.
pub(crate) fn schema(table: &TableSpec) -> SchemaRef {
    let field = |column: &ColumnSpec| Field::new(column.name.as_str(), column.column_type.to_arrow(), true);
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

/// Types every column of a block.
pub(crate) fn cleanse(
    table: &TableSpec,
    schema: &SchemaRef,
    places: &[CellPlace],
    raw: RawRows,
) -> Result<CleansedRows, LoadError> {
    let mut problems = Vec::new();
    let mut arrays = Vec::with_capacity(places.len());
    for (number, (column, place)) in table.columns.iter().zip(places).enumerate() {
        arrays.push(read_column(number, column, place, &raw, &mut problems)?);
    }
    problems.sort_by_key(|problem| (problem.row, problem.column));
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays)?;
    Ok(CleansedRows { batch, raw, problems })
}

fn read_column(
    number: usize,
    column: &ColumnSpec,
    place: &CellPlace,
    raw: &RawRows,
    problems: &mut Vec<Problem>,
) -> Result<arrow::array::ArrayRef, LoadError> {
    let count = raw.rows.len();
    match place {
        CellPlace::Field(field) => {
            let width = raw.width;
            let spans = raw.fields.iter().skip(*field).step_by(width.max(1));
            columns::read(number, column, &column.reading, count, spans.map(|span| raw.get(*span)), problems)
        }
        CellPlace::Constant(text) => {
            let cells = std::iter::repeat_n(text.as_str(), count);
            columns::read(number, column, &column.reading, count, cells, problems)
        }
        CellPlace::Own(text) => {
            let cells = std::iter::repeat_n(text.as_str(), count);
            columns::read(number, column, &Reading::own(), count, cells, problems)
        }
        CellPlace::LineNumber => {
            let lines: Vec<String> = raw.rows.iter().map(|row| raw.line(*row).to_string()).collect();
            let cells = lines.iter().map(String::as_str);
            columns::read(number, column, &Reading::own(), count, cells, problems)
        }
    }
}

impl Reading {
    /// The program's own form: ISO dates, decimal points, nothing trimmed.
    fn own() -> Self {
        Self {
            number: NumberFormat { decimal: b'.', ..NumberFormat::default() },
            dates: DateFormat::new("YYYY-MM-DD").into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Rejects that the format found, as problems of no column.
pub(crate) fn bad_row_text<'a>(raw: &'a RawRows, bad: &BadRow) -> &'a str {
    raw.get(bad.place.raw)
}

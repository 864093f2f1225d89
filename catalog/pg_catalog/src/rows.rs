//! Rows of a system relation, written column by name, made into Arrow arrays at the end. What a row does not mention is
//! null, or nought, false or empty where PostgreSQL's column is NOT NULL.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int16Builder, Int32Array, Int64Array,
        ListBuilder, RecordBatch, RecordBatchOptions, StringViewArray, StringViewBuilder,
        TimestampMicrosecondArray, UInt32Array, UInt32Builder, new_null_array,
    },
    datatypes::{DataType, Field, Schema, TimeUnit},
};
use datafusion::common::{Result, internal_err};
use lis_lake::{ids::Oid, names::Identifier, types::PgType};

use crate::shapes::{Shape, SystemColumn};

/// A value of a system relation.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL
    Null,
    /// A boolean.
    Bool(bool),
    /// Any whole number, also an oid or a timestamp in microseconds.
    Integer(i64),
    /// A floating-point number.
    Float(f64),
    /// Text of any kind.
    Text(String),
    /// An array of numbers.
    Integers(Vec<i64>),
    /// An array of text.
    Texts(Vec<String>),
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Self::Integer(i64::from(value))
    }
}
impl From<i16> for Cell {
    fn from(value: i16) -> Self {
        Self::Integer(i64::from(value))
    }
}
impl From<Oid> for Cell {
    fn from(value: Oid) -> Self {
        Self::Integer(i64::from(value.get()))
    }
}
impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}
impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<&Identifier> for Cell {
    fn from(value: &Identifier) -> Self {
        Self::Text(value.as_str().to_owned())
    }
}
impl From<Vec<i64>> for Cell {
    fn from(value: Vec<i64>) -> Self {
        Self::Integers(value)
    }
}
impl From<Vec<String>> for Cell {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The rows of one relation.
#[derive(Debug)]
pub struct Rows {
    shape: &'static Shape,
    rows: Vec<Vec<Cell>>,
    unknown: Option<String>,
}

impl Rows {
    /// No rows yet.
    pub fn new(shape: &'static Shape) -> Self {
        Self { shape, rows: Vec::new(), unknown: None }
    }

    /// Adds a row.
    pub fn add<const N: usize>(&mut self, cells: [(&str, Cell); N]) {
        let mut row: Vec<Cell> = self
            .shape
            .columns
            .iter()
            .map(|column| if column.not_null { neutral(column.column_type.pg_type) } else { Cell::Null })
            .collect();
        for (name, cell) in cells {
            match self.shape.columns.iter().position(|column| column.name == name) {
                Some(index) => row[index] = cell,
                None => self.unknown = Some(name.to_owned()),
            }
        }
        self.rows.push(row);
    }

    /// The rows as Arrow arrays.
    pub fn into_batch(self) -> Result<RecordBatch> {
        if let Some(column) = self.unknown {
            return internal_err!("{} has no column {column}", self.shape.name);
        }
        to_batch(self.shape.columns, &self.rows)
    }
}

/// What a NOT NULL column holds when there is nothing to say.
fn neutral(pg_type: PgType) -> Cell {
    match pg_type {
        PgType::Bool => Cell::Bool(false),
        PgType::Float4 | PgType::Float8 => Cell::Float(0.0),
        PgType::Int2Vector | PgType::OidVector => Cell::Integers(Vec::new()),
        PgType::Array(_) => Cell::Texts(Vec::new()),
        other => match other.facts().length {
            1 | 64 | -1 => Cell::Text(String::new()),
            _ => Cell::Integer(0),
        },
    }
}

/// The Arrow schema of a system relation.
pub(crate) fn arrow_schema(columns: &[SystemColumn]) -> Arc<Schema> {
    Arc::new(Schema::new(
        columns
            .iter()
            .map(|column| Field::new(column.name, column.column_type.to_arrow(), true))
            .collect::<Vec<_>>(),
    ))
}

/// Makes arrays of rows of cells, by the columns' types.
pub fn to_batch(columns: &[SystemColumn], rows: &[Vec<Cell>]) -> Result<RecordBatch> {
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(index, column)| array(column, rows.iter().map(|row| row.get(index).unwrap_or(&Cell::Null))))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(arrow_schema(columns), arrays, &options)?)
}

fn array<'c>(column: &SystemColumn, cells: impl ExactSizeIterator<Item = &'c Cell>) -> Result<ArrayRef> {
    let integer = |cell: &Cell| match cell {
        Cell::Integer(value) => Some(*value),
        _ => None,
    };
    let float = |cell: &Cell| match cell {
        Cell::Float(value) => Some(*value),
        _ => None,
    };
    let data_type = column.column_type.to_arrow();
    Ok(match &data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(cells.map(|cell| match cell {
            Cell::Bool(value) => Some(*value),
            _ => None,
        }))),
        DataType::Int16 => Arc::new(Int16Array::from_iter(cells.map(|cell| integer(cell)?.try_into().ok()))),
        DataType::Int32 => Arc::new(Int32Array::from_iter(cells.map(|cell| integer(cell)?.try_into().ok()))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(cells.map(integer))),
        DataType::UInt32 => {
            Arc::new(UInt32Array::from_iter(cells.map(|cell| integer(cell)?.try_into().ok())))
        }
        #[expect(clippy::cast_possible_truncation, reason = "float4 has that precision")]
        DataType::Float32 => {
            Arc::new(Float32Array::from_iter(cells.map(|cell| float(cell).map(|value| value as f32))))
        }
        DataType::Float64 => Arc::new(Float64Array::from_iter(cells.map(float))),
        DataType::Utf8View => Arc::new(StringViewArray::from_iter(cells.map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        }))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(TimestampMicrosecondArray::from_iter(cells.map(integer)).with_timezone_opt(zone.clone()))
        }
        DataType::List(item) => list(item.data_type(), cells),
        other => new_null_array(other, cells.len()),
    })
}

fn list<'c>(item: &DataType, cells: impl ExactSizeIterator<Item = &'c Cell>) -> ArrayRef {
    match item {
        DataType::Int16 => {
            let mut builder = ListBuilder::new(Int16Builder::new());
            for cell in cells {
                if let Cell::Integers(values) = cell {
                    values.iter().for_each(|value| builder.values().append_option((*value).try_into().ok()));
                }
                builder.append(matches!(cell, Cell::Integers(_)));
            }
            Arc::new(builder.finish())
        }
        DataType::UInt32 => {
            let mut builder = ListBuilder::new(UInt32Builder::new());
            for cell in cells {
                if let Cell::Integers(values) = cell {
                    values.iter().for_each(|value| builder.values().append_option((*value).try_into().ok()));
                }
                builder.append(matches!(cell, Cell::Integers(_)));
            }
            Arc::new(builder.finish())
        }
        DataType::Utf8View => {
            let mut builder = ListBuilder::new(StringViewBuilder::new());
            for cell in cells {
                if let Cell::Texts(values) = cell {
                    values.iter().for_each(|value| builder.values().append_value(value));
                }
                builder.append(matches!(cell, Cell::Texts(_)));
            }
            Arc::new(builder.finish())
        }
        other => new_null_array(&lis_lake::types::list(other.clone()), cells.len()),
    }
}

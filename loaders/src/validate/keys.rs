//! Keys: whether a row's unique key occurred before, and whether what a row refers to exists. Keys of any columns are
//! compared in Arrow's row format, byte for byte.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef},
    compute::cast,
    datatypes::DataType,
    record_batch::RecordBatch,
    row::{RowConverter, Rows, SortField},
};
use datafusion::{
    functions_aggregate::min_max::{MaxAccumulator, MinAccumulator},
    logical_expr::{Accumulator, Expr, col, lit},
    scalar::ScalarValue,
};

use crate::{
    cleanse::Problem,
    config::TableSpec,
    error::LoadError,
    rules::{Broken, Rule, TableReference},
};

/// Turns columns of a table into comparable keys.
#[derive(Debug)]
pub(crate) struct KeyEncoder {
    columns: Vec<usize>,
    types: Vec<DataType>,
    converter: RowConverter,
}

/// The keys of a block's rows; `None` where a part is null.
#[derive(Debug)]
pub(crate) struct Keys {
    rows: Rows,
    columns: Vec<ArrayRef>,
}

impl Keys {
    /// The key of a row.
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        if self.columns.iter().any(|column| column.is_null(row)) {
            return None;
        }
        Some(self.rows.row(row).data())
    }

    pub(crate) fn columns(&self) -> &[ArrayRef] {
        &self.columns
    }
}

impl KeyEncoder {
    /// Keys of these columns (positions in the batches), compared as these types.
    pub(crate) fn new(columns: Vec<usize>, types: Vec<DataType>) -> Result<Self, LoadError> {
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        Ok(Self { columns, types, converter })
    }

    /// The keys of a batch.
    pub(crate) fn encode(&self, batch: &RecordBatch) -> Result<Keys, LoadError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, data_type) in self.columns.iter().zip(&self.types) {
            let array = batch.column(*column);
            columns.push(if array.data_type() == data_type {
                Arc::clone(array)
            } else {
                cast(array, data_type)?
            });
        }
        let rows = self.converter.convert_columns(&columns)?;
        Ok(Keys { rows, columns })
    }
}

/// The place where a key of the delivery occurred first.
#[derive(Debug, Clone)]
pub(crate) struct FirstPlace {
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
}

/// The keys of a delivery under one unique key.
#[derive(Debug)]
pub(crate) struct UniqueKey {
    pub(crate) encoder: Arc<KeyEncoder>,
    pub(crate) columns: Vec<usize>,
    /// The names of the columns, for people.
    label: String,
    delivered: HashMap<Box<[u8]>, FirstPlace>,
    /// Keys that rows of the table have already.
    existing: HashSet<Box<[u8]>>,
    bounds: Vec<Bounds>,
}

/// The smallest and largest value of a column of the key.
#[derive(Debug)]
struct Bounds {
    min: MinAccumulator,
    max: MaxAccumulator,
}

impl UniqueKey {
    pub(crate) fn new(table: &TableSpec, columns: &[usize]) -> Result<Self, LoadError> {
        let types: Vec<DataType> =
            columns.iter().map(|column| table.columns[*column].column_type.to_arrow()).collect();
        let names: Vec<&str> = columns.iter().map(|column| table.columns[*column].name.as_str()).collect();
        let bounds = types
            .iter()
            .map(|data_type| {
                Ok(Bounds {
                    min: MinAccumulator::try_new(data_type)?,
                    max: MaxAccumulator::try_new(data_type)?,
                })
            })
            .collect::<Result<_, _>>()
            .map_err(|source| LoadError::Reading { table: table.name.to_string(), source })?;
        Ok(Self {
            encoder: Arc::new(KeyEncoder::new(columns.to_vec(), types)?),
            columns: columns.to_vec(),
            label: names.join(", "),
            delivered: HashMap::new(),
            existing: HashSet::new(),
            bounds,
        })
    }

    /// Forgets the delivery but remembers which of its keys exist already, to read it once more.
    pub(crate) fn begin_again(&mut self, existing: HashSet<Box<[u8]>>) {
        self.delivered.clear();
        self.existing = existing;
    }

    /// Widens the range of the delivery's keys. In most tables this prunes nearly every file that need not be compared.
    pub(crate) fn widen(&mut self, keys: &Keys) -> Result<(), datafusion::error::DataFusionError> {
        for (bounds, column) in self.bounds.iter_mut().zip(keys.columns()) {
            bounds.min.update_batch(std::slice::from_ref(column))?;
            bounds.max.update_batch(std::slice::from_ref(column))?;
        }
        Ok(())
    }

    /// Takes a row's key; says if the row must be rejected.
    pub(crate) fn take(&mut self, key: &[u8], file: &Arc<str>, line: u64) -> Option<Broken> {
        if self.existing.contains(key) {
            return Some(Broken::new(
                Rule::Unique,
                format!("the table has a row with this ({}) already", self.label),
            ));
        }
        if let Some(first) = self.delivered.get(key) {
            let message = format!("same ({}) as line {} of {}", self.label, first.line, first.file);
            return Some(Broken::new(Rule::Unique, message));
        }
        self.delivered.insert(key.into(), FirstPlace { file: Arc::clone(file), line });
        None
    }

    /// Whether the delivery has a key.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.delivered.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.delivered.is_empty()
    }

    /// Filters that hold for every row whose key the delivery may have.
    pub(crate) fn filters(
        &mut self,
        table: &TableSpec,
    ) -> Result<Vec<Expr>, datafusion::error::DataFusionError> {
        let mut filters = Vec::new();
        for (bounds, column) in self.bounds.iter_mut().zip(&self.columns) {
            let (min, max): (ScalarValue, ScalarValue) = (bounds.min.evaluate()?, bounds.max.evaluate()?);
            if !min.is_null() && !max.is_null() {
                let name = format!("\"{}\"", table.columns[*column].name.as_str().replace('"', "\"\""));
                filters.push(col(name.as_str()).gt_eq(lit(min)));
                filters.push(col(name.as_str()).lt_eq(lit(max)));
            }
        }
        Ok(filters)
    }
}

/// The values that rows may refer to.
#[derive(Debug)]
pub(crate) struct ReferenceSet {
    encoder: KeyEncoder,
    keys: Arc<HashSet<Box<[u8]>>>,
    reference: TableReference,
    /// The column that a reject names: the first of the key.
    column: usize,
}

impl ReferenceSet {
    /// `columns` of the table that is loaded refer to `keys`, which were encoded as `types`.
    pub(crate) fn new(
        columns: Vec<usize>,
        types: Vec<DataType>,
        keys: Arc<HashSet<Box<[u8]>>>,
        reference: TableReference,
    ) -> Result<Self, LoadError> {
        let column = columns.first().copied().unwrap_or_default();
        Ok(Self { encoder: KeyEncoder::new(columns, types)?, keys, reference, column })
    }

    /// Finds the rows that refer to nothing.
    pub(crate) fn judge(&self, batch: &RecordBatch, problems: &mut Vec<Problem>) -> Result<(), LoadError> {
        let keys = self.encoder.encode(batch)?;
        // Neighbouring rows mostly refer to the same thing.
        let mut last: Option<(&[u8], bool)> = None;
        for row in 0..batch.num_rows() {
            let Some(key) = keys.get(row) else { continue };
            let found = match last {
                Some((known, found)) if known == key => found,
                _ => self.keys.contains(key),
            };
            last = Some((key, found));
            if !found {
                problems.push(Problem {
                    row,
                    column: Some(self.column),
                    broken: Broken::new(Rule::Reference, format!("does not occur in {}", self.reference)),
                    value: value_text(&keys, row),
                });
            }
        }
        Ok(())
    }
}

/// A key as text, for a reject.
fn value_text(keys: &Keys, row: usize) -> Option<String> {
    let options = arrow::util::display::FormatOptions::default();
    let parts: Result<Vec<String>, _> = keys
        .columns()
        .iter()
        .map(|column| {
            arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options)
                .map(|formatter| formatter.value(row).to_string())
        })
        .collect();
    parts.ok().map(|parts| parts.join(", "))
}

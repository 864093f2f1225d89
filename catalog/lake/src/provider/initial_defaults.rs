//! Columns that are younger than some of a table's files: rows of those files have the column's initial default, which a
//! scan of the file cannot tell from null. Such files are scanned by themselves, and a constant is laid over their rows:
//! ordinary nodes, as everything here.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::Schema;
use datafusion::{
    common::ScalarValue,
    error::Result,
    physical_expr::{
        PhysicalExpr,
        expressions::{Column as ColumnExpr, Literal},
    },
    physical_plan::{
        ExecutionPlan,
        projection::{ProjectionExec, ProjectionExpr},
    },
};

use crate::{
    data_file::{DataFile, TableFiles},
    table::Table,
};

/// Files of a table that lack the same columns, as a table of its own: there the columns are nullable, since the files
/// have nothing in them.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) table: Arc<Table>,
    /// Position and value of each column that the files lack.
    pub(super) constants: BTreeMap<usize, ScalarValue>,
}

/// The parts of a table when some of `files` lack a column with an initial default; `None` where all are alike.
pub(super) fn parts(table: &Table, files: &[&Arc<DataFile>]) -> Option<Vec<Part>> {
    let with_default: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .filter_map(|(position, column)| Some((position, column, column.initial_default.clone()?)))
        .collect();
    if with_default.is_empty() {
        return None;
    }
    let mut by_columns: BTreeMap<Vec<usize>, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in files {
        let lacking = with_default.iter().filter(|(_, column, _)| file.lacks(column));
        let lacking = lacking.map(|(position, ..)| *position).collect();
        by_columns.entry(lacking).or_default().push(Arc::clone(file));
    }
    if by_columns.keys().all(Vec::is_empty) {
        return None;
    }
    let part = |(lacking, files): (Vec<usize>, Vec<Arc<DataFile>>)| {
        let mut part = Table { files: Arc::new(TableFiles::new(files)), ..table.clone() };
        for position in &lacking {
            let column = &mut part.columns[*position];
            (column.not_null, column.initial_default) = (false, None);
        }
        let constants = with_default.iter().filter(|(position, ..)| lacking.contains(position));
        Part {
            table: Arc::new(part),
            constants: constants.map(|(position, _, value)| (*position, value.clone())).collect(),
        }
    };
    Some(by_columns.into_iter().map(part).collect())
}

/// Lays the constants over a scan whose columns are those of `projection`.
pub(super) fn filled(
    scan: Arc<dyn ExecutionPlan>,
    constants: &BTreeMap<usize, ScalarValue>,
    projection: &[usize],
    output: &Schema,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !projection.iter().any(|position| constants.contains_key(position)) {
        return Ok(scan);
    }
    let expressions = projection.iter().zip(output.fields()).enumerate().map(|(place, (position, field))| {
        let expr: Arc<dyn PhysicalExpr> = match constants.get(position) {
            Some(value) => Arc::new(Literal::new(value.clone())),
            None => Arc::new(ColumnExpr::new(field.name(), place)),
        };
        ProjectionExpr { expr, alias: field.name().clone() }
    });
    Ok(Arc::new(ProjectionExec::try_new(expressions, scan)?))
}

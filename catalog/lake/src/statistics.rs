//! Column statistics between DuckLake's text and DataFusion's typed values.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::Statistics;

use crate::{data_file::DataFile, table::Column};

/// A file's statistics, in the order of `columns`.
pub(crate) fn file_statistics(_file: &DataFile, _columns: &[Column]) -> Statistics {
    Statistics::new_unknown(&Schema::empty())
}

/// Statistics of many files by column.
#[derive(Debug)]
pub(crate) struct PruningIndex;

impl PruningIndex {
    pub(crate) fn new(_files: &[Arc<DataFile>], _columns: &[Column]) -> Self {
        Self
    }
}

//! A table as DataFusion scans it: an ordinary Parquet scan over the files of one snapshot, so that every optimizer rule
//! and every worker knows what to do with it.
//!
//! - Files that the filters rule out by the catalogue's statistics are left out before any is opened; what is left has
//!   exact counts and bounds for the planner. Filters stay above the scan (`Inexact`): statistics only ever leave out
//!   what cannot match, and DataFusion's own rule hands the filter to the scan for row groups and pages.
//! - Footers are kept in the runtime's cache of file metadata. Files never change, so the cache never goes stale.
//! - A column's name in the files may differ from its name now; an alias is then laid over the scan, which DataFusion
//!   folds into the scan's own projection.
//!
//! No ordering is declared, though files are sorted: an order across files would keep DataFusion from splitting them
//! evenly over its partitions.

use std::{collections::VecDeque, path::Path, sync::Arc};

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, Statistics, project_schema},
    config::TableParquetOptions,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{
            FileGroup, FileScanConfigBuilder, ParquetSource, parquet::CachedParquetFileReaderFactory,
        },
        source::DataSourceExec,
    },
    error::{DataFusionError, Result},
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::expressions::Column as ColumnExpr,
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{
        ExecutionPlan,
        empty::EmptyExec,
        projection::{ProjectionExec, ProjectionExpr},
    },
};
use object_store::{ObjectMeta, path::Path as StorePath};

use crate::{
    data_file::DataFile,
    files::file_schema,
    lake::Lake,
    statistics::{self, NamedIndex},
    table::Table,
};

/// Values of an `IN` list, such as a user's administrations, that are compared with files' bounds one by one; a longer
/// list leaves all files in.
const PRUNING_LIST_MAX: usize = 500;

/// A table's columns as DataFusion sees them: names now, canonical types.
pub fn table_schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(
        table
            .columns
            .iter()
            .map(|column| Field::new(column.name.as_str(), column.column_type.to_arrow(), !column.not_null))
            .collect::<Vec<_>>(),
    ))
}

/// A table of one snapshot as DataFusion's provider.
#[derive(Debug)]
pub struct LakeTable {
    lake: Arc<Lake>,
    table: Arc<Table>,
    schema: SchemaRef,
}

impl LakeTable {
    /// A table of a snapshot of this lake.
    pub fn new(lake: Arc<Lake>, table: Arc<Table>) -> Self {
        let schema = table_schema(&table);
        Self { lake, table, schema }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// The files that may hold rows for which every filter is true.
    fn matching_files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&Arc<DataFile>>> {
        let mut kept = vec![true; self.table.files.len()];
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let index = NamedIndex {
            index: self.table.files.index(&self.table.columns),
            schema: Arc::clone(&self.schema),
        };
        for filter in filters {
            // A filter that cannot be judged by statistics leaves everything in.
            let Ok(filter) = state.create_physical_expr(filter.clone(), &schema) else { continue };
            let builder = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&self.schema))
                .with_max_in_list_size(PRUNING_LIST_MAX);
            let Ok(predicate) = builder.try_build(filter) else { continue };
            let Ok(may_match) = predicate.prune(&index) else { continue };
            kept.iter_mut().zip(may_match).for_each(|(kept, may_match)| *kept &= may_match);
        }
        Ok(self.table.files.iter().zip(kept).filter(|(_, kept)| *kept).map(|(file, _)| file).collect())
    }

    fn partitioned(&self, directory: &StorePath, file: &DataFile) -> PartitionedFile {
        let name = file.path.split('/').filter(|part| !part.is_empty());
        let location = name.fold(directory.clone(), |path, part| path.join(part));
        let mut partitioned = PartitionedFile::new_from_meta(ObjectMeta {
            location,
            // The same for ever, so that what is cached about the file stays valid.
            last_modified: DateTime::UNIX_EPOCH,
            size: file.file_size_bytes,
            e_tag: None,
            version: None,
        });
        let trailer_bytes = 8;
        if let Ok(footer) = usize::try_from(file.footer_size_bytes)
            && footer > 0
        {
            partitioned = partitioned.with_metadata_size_hint(footer + trailer_bytes);
        }
        partitioned.with_statistics(Arc::clone(file.typed(&self.table.columns)))
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.table.files.index(&self.table.columns).total().clone())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.matching_files(state, filters)?;
        let output = project_schema(&self.schema, projection)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(output)));
        }
        let columns = &self.table.columns;
        let total = if files.len() == self.table.files.len() {
            self.table.files.index(columns).total().clone()
        } else {
            statistics::merge(files.iter().copied(), columns)
        };
        let directory = store_path(&self.lake.data_directory().join(&self.table.path))?;
        let groups = split(&files, state.config().target_partitions())
            .into_iter()
            .map(|group| {
                let statistics = Arc::new(statistics::merge(group.iter().copied(), columns));
                let files = group.into_iter().map(|file| self.partitioned(&directory, file)).collect();
                FileGroup::new(files).with_statistics(statistics)
            })
            .collect();
        let store_url = ObjectStoreUrl::local_filesystem();
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&store_url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let source = ParquetSource::new(file_schema(&self.table))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let scan = FileScanConfigBuilder::new(store_url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(total)
            .with_projection_indices(projection.cloned())?
            // Rows are filtered above: a limit below the filter would be wrong.
            .with_limit(limit.filter(|_| filters.is_empty()))
            .build();
        renamed(DataSourceExec::from_data_source(scan), &output)
    }
}

/// Lays the names that columns have now over a scan by the names that they have in the files.
fn renamed(scan: Arc<dyn ExecutionPlan>, output: &Schema) -> Result<Arc<dyn ExecutionPlan>> {
    let physical = scan.schema();
    let same = physical.fields().iter().zip(output.fields()).all(|(from, to)| from.name() == to.name());
    if same {
        return Ok(scan);
    }
    let aliases = physical.fields().iter().zip(output.fields()).enumerate().map(|(position, (from, to))| {
        ProjectionExpr { expr: Arc::new(ColumnExpr::new(from.name(), position)), alias: to.name().clone() }
    });
    Ok(Arc::new(ProjectionExec::try_new(aliases, scan)?))
}

/// Files in groups of about equally many rows, neighbours together.
fn split<'a>(files: &[&'a Arc<DataFile>], groups_max: usize) -> Vec<Vec<&'a Arc<DataFile>>> {
    let groups_max = groups_max.clamp(1, files.len().max(1));
    let mut left: u64 = files.iter().map(|file| file.record_count).sum();
    let mut files: VecDeque<_> = files.iter().copied().collect();
    let mut groups = Vec::with_capacity(groups_max);
    for remaining in (1..=groups_max).rev() {
        let share = left / u64::try_from(remaining).unwrap_or(1);
        let (mut group, mut rows) = (Vec::new(), 0);
        // Every group that is still to come gets at least one file.
        while files.len() >= remaining && (group.is_empty() || remaining == 1 || rows < share) {
            let Some(file) = files.pop_front() else { break };
            rows += file.record_count;
            group.push(file);
        }
        left -= rows;
        groups.push(group);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn store_path(path: &Path) -> Result<StorePath> {
    StorePath::from_absolute_path(path).map_err(|error| DataFusionError::External(Box::new(error)))
}

#[cfg(test)]
mod tests;

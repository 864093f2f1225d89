//! A table as DataFusion scans it: an ordinary Parquet scan over the files of one snapshot, so that every optimizer rule
//! and every worker knows what to do with it.
//!
//! - Files that the filters rule out by the catalogue's statistics are left out before any is opened; what is left has
//!   exact counts and bounds for the planner. Filters stay above the scan (`Inexact`): statistics only ever leave out
//!   what cannot match, and DataFusion's own rule hands the filter to the scan for row groups and pages.
//! - What is read is compared with the checksums that the catalogue has (`files/verified.rs`).
//! - Footers are kept in the runtime's cache of file metadata. Files never change, so the cache never goes stale.
//! - A column's name in the files may differ from its name now; an alias is then laid over the scan, which DataFusion
//!   folds into the scan's own projection.
//!
//! No ordering is declared, though files are sorted: an order across files would keep DataFusion from splitting them
//! evenly over its partitions.

mod initial_defaults;

use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, Statistics, project_schema, stats::Precision},
    config::TableParquetOptions,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result},
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::{PhysicalExpr, expressions::Column as ColumnExpr},
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{
        ExecutionPlan,
        empty::EmptyExec,
        projection::{ProjectionExec, ProjectionExpr},
        union::UnionExec,
    },
};
use object_store::{ObjectMeta, path::Path as StorePath};

use crate::{
    data_file::{DataFile, TableFiles},
    files::{
        file_schema,
        verified::{VerifiedFiles, VerifiedReaders},
    },
    ids::FileId,
    lake::Lake,
    row_lineage,
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

/// A table's columns and behind them the two of the rows' lineage ([`row_lineage::fields`]).
pub fn schema_with_lineage(table: &Table) -> SchemaRef {
    let own = table_schema(table);
    let lineage = row_lineage::fields().map(Arc::new);
    Arc::new(Schema::new(own.fields().iter().cloned().chain(lineage).collect::<Vec<_>>()))
}

/// The columns that say where a row is, behind the table's own, all 8-byte integers: the two of its lineage, the number
/// of its file, and its place in the file from 0. See [`LakeTable::with_row_identity`].
pub const IDENTITY_COLUMNS: [&str; 4] = [
    row_lineage::SNAPSHOT_COLUMN,
    row_lineage::ROW_ID_COLUMN,
    row_lineage::FILE_COLUMN,
    row_lineage::ROW_NUMBER_COLUMN,
];

/// Which columns a scan has behind the table's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// [`row_lineage::fields`]
    Lineage,
    /// [`IDENTITY_COLUMNS`]
    Identity,
}

/// A table of one snapshot as DataFusion's provider.
#[derive(Debug)]
pub struct LakeTable {
    lake: Arc<Lake>,
    table: Arc<Table>,
    schema: SchemaRef,
    beside: Beside,
}

impl LakeTable {
    /// A table of a snapshot of this lake.
    pub fn new(lake: Arc<Lake>, table: Arc<Table>) -> Self {
        let schema = table_schema(&table);
        Self { lake, table, schema, beside: Beside::Nothing }
    }

    /// Only some files of the table. The numbers of files that it does not have are ignored.
    #[must_use]
    pub fn of_files(self, files: &BTreeSet<FileId>) -> Self {
        let kept = self.table.files.iter().filter(|file| files.contains(&file.id)).cloned().collect();
        let table = Table { files: Arc::new(TableFiles::new(kept)), ..Table::clone(&self.table) };
        Self { table: Arc::new(table), ..self }
    }

    /// With two more columns behind the table's: the snapshot that a row came with, and its number. For programs that
    /// move rows to other files, which must write both again ([`crate::files::WriterOptions::row_lineage`]); null for
    /// rows of a file that is only staged.
    #[must_use]
    pub fn with_row_lineage(self) -> Self {
        Self { schema: schema_with_lineage(&self.table), beside: Beside::Lineage, ..self }
    }

    /// The same table with [`IDENTITY_COLUMNS`] behind its own: what UPDATE, DELETE and MERGE read.
    #[must_use]
    pub fn with_row_identity(&self) -> Self {
        let own = table_schema(&self.table);
        let identity = IDENTITY_COLUMNS.map(|name| Arc::new(Field::new(name, DataType::Int64, true)));
        Self {
            lake: Arc::clone(&self.lake),
            table: Arc::clone(&self.table),
            schema: Arc::new(Schema::new(own.fields().iter().cloned().chain(identity).collect::<Vec<_>>())),
            beside: Beside::Identity,
        }
    }

    /// Whether its rows say where they are.
    pub fn has_row_identity(&self) -> bool {
        self.beside == Beside::Identity
    }

    /// The same scan of another version of the table.
    fn of_table(&self, table: Arc<Table>) -> Self {
        let scan = Self::new(Arc::clone(&self.lake), table);
        match self.beside {
            Beside::Nothing => scan,
            Beside::Lineage => scan.with_row_lineage(),
            Beside::Identity => scan.with_row_identity(),
        }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// The files that may hold rows for which every filter is true, by the catalogue's statistics.
    pub fn matching_files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&Arc<DataFile>>> {
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
        let mut partitioned = PartitionedFile::new_from_meta(ObjectMeta {
            location: location(directory, file),
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
        match self.beside {
            Beside::Nothing => partitioned.with_statistics(Arc::clone(file.typed(&self.table.columns))),
            Beside::Lineage | Beside::Identity => {
                partitioned.with_partition_values(row_lineage::constants(file))
            }
        }
    }

    /// The scan of these files, by the columns' physical names; `projection` counts the columns of the files' schema.
    fn files_scan(
        &self,
        state: &dyn Session,
        schema: TableSchema,
        files: &[&Arc<DataFile>],
        projection: Option<Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = &self.table.columns;
        let directory = store_path(&self.lake.data_directory().join(&self.table.path))?;
        let mut total = None;
        let groups = split(files, state.config().target_partitions())
            .into_iter()
            .map(|group| {
                let files = group.iter().map(|file| self.partitioned(&directory, file)).collect();
                if self.beside != Beside::Nothing {
                    return FileGroup::new(files);
                }
                let statistics = statistics::merge(group, columns);
                match &mut total {
                    None => total = Some(statistics.clone()),
                    Some(total) => statistics::merge_into(total, &statistics),
                }
                FileGroup::new(files).with_statistics(Arc::new(statistics))
            })
            .collect();
        let store_url = ObjectStoreUrl::local_filesystem();
        let places = files.iter().map(|file| (location(&directory, file), *file));
        let store = VerifiedFiles::new(
            Arc::clone(&self.lake),
            &self.lake.data_directory().join(&self.table.path),
            places,
        );
        let reader = VerifiedReaders::new(store, state.runtime_env().cache_manager.get_file_metadata_cache());
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        // What the columns beside hold is not known, but how many rows there are is: a join needs it.
        let total = total.unwrap_or_else(|| {
            let rows = files.iter().map(|file| usize::try_from(file.record_count).unwrap_or(usize::MAX));
            Statistics::new_unknown(schema.table_schema())
                .with_num_rows(Precision::Exact(rows.fold(0, usize::saturating_add)))
        });
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let scan = FileScanConfigBuilder::new(store_url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(total)
            .with_projection_indices(projection)?
            .with_limit(limit);
        Ok(DataSourceExec::from_data_source(scan.build()))
    }

    /// A scan that also tells the rows' lineage, and where they are.
    fn lineage_scan(
        &self,
        state: &dyn Session,
        files: &[&Arc<DataFile>],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = TableSchema::builder(file_schema(&self.table, true))
            .with_table_partition_cols(row_lineage::constant_fields())
            .with_virtual_columns(vec![row_lineage::row_number_field()])
            .build();
        let own = self.table.columns.len();
        let asked: Vec<usize> =
            projection.map_or_else(|| (0..self.schema.fields().len()).collect(), Clone::clone);
        let all = Arc::clone(schema.table_schema());
        let mut read: Vec<usize> = asked.iter().copied().filter(|position| *position < own).collect();
        let mut sources: Vec<&str> = Vec::new();
        if asked.contains(&own) {
            sources.extend(row_lineage::SNAPSHOT_SOURCES);
        }
        if asked.contains(&(own + 1)) {
            sources.extend(row_lineage::ROW_ID_SOURCES);
        }
        if asked.contains(&(own + 2)) {
            sources.push(row_lineage::FILE_COLUMN);
        }
        if asked.contains(&(own + 3)) {
            sources.push(row_lineage::ROW_NUMBER_COLUMN);
        }
        for source in sources {
            let position = all.index_of(source)?;
            if !read.contains(&position) {
                read.push(position);
            }
        }
        let scan = self.files_scan(state, schema, files, Some(read), limit)?;
        let found = scan.schema();
        let at = |name: &str| found.index_of(name).ok();
        let missing = || DataFusionError::Internal("a scan without its lineage".to_owned());
        let expressions = asked
            .iter()
            .map(|position| {
                let plain = |name: &str| {
                    at(name)
                        .map(|at| Arc::new(ColumnExpr::new(name, at)) as Arc<dyn PhysicalExpr>)
                        .ok_or_else(missing)
                };
                let expr = match position.checked_sub(own) {
                    None => plain(all.field(*position).name())?,
                    Some(0) => row_lineage::snapshot_expression(at).ok_or_else(missing)??,
                    Some(1) => row_lineage::row_id_expression(at).ok_or_else(missing)??,
                    Some(2) => plain(row_lineage::FILE_COLUMN)?,
                    Some(_) => plain(row_lineage::ROW_NUMBER_COLUMN)?,
                };
                Ok(ProjectionExpr { expr, alias: self.schema.field(*position).name().clone() })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(expressions, scan)?))
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
        (self.beside == Beside::Nothing).then(|| self.table.files.index(&self.table.columns).total().clone())
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
        // Rows are filtered above: a limit below the filter would be wrong.
        let limit = limit.filter(|_| filters.is_empty());
        if let Some(parts) = initial_defaults::parts(&self.table, &files) {
            let all: Vec<usize> = (0..self.schema.fields().len()).collect();
            let mut scans = Vec::with_capacity(parts.len());
            for part in parts {
                let scan = self.of_table(part.table).scan(state, projection, &[], limit).await?;
                let wanted = projection.unwrap_or(&all);
                scans.push(initial_defaults::filled(scan, &part.constants, wanted, &output)?);
            }
            return UnionExec::try_new(scans);
        }
        if self.beside != Beside::Nothing {
            return self.lineage_scan(state, &files, projection, limit);
        }
        let schema = file_schema(&self.table, false).into();
        let scan = self.files_scan(state, schema, &files, projection.cloned(), limit)?;
        renamed(scan, &output)
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

/// A file's place in the store of its scan.
fn location(directory: &StorePath, file: &DataFile) -> StorePath {
    let name = file.path.split('/').filter(|part| !part.is_empty());
    name.fold(directory.clone(), |path, part| path.join(part))
}

fn store_path(path: &Path) -> Result<StorePath> {
    StorePath::from_absolute_path(path).map_err(|error| DataFusionError::External(Box::new(error)))
}

#[cfg(test)]
mod tests;

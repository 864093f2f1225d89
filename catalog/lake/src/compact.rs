//! Compaction: many small files become few, sorted by the table's order (administration first on secured tables).
//!
//! Rows carry what they came with into the new files (`row_lineage.rs`). The old files stay for the snapshots before, so
//! every past state is read from the very files that it was made of, until it expires; what compaction saves in disk it
//! saves then.
//!
//! Memory is bounded by the engine's pool: rows are sorted outside of it where they do not fit, and written as they come.
//! Compaction never gets in anybody's way: it commits only when nobody is about to rewrite the table
//! (`rewriting.rs`), and when another commit has touched its files meanwhile, it gives its own work up and begins anew.

use std::{collections::BTreeSet, sync::Arc};

use arrow::compute::SortOptions;
use datafusion::{
    catalog::TableProvider as _,
    execution::SessionState,
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column as ColumnExpr},
    physical_plan::{
        ExecutionPlan, coalesce_partitions::CoalescePartitionsExec, execute_stream, sorts::sort::SortExec,
        sorts::sort_preserving_merge::SortPreservingMergeExec,
    },
};
use futures::StreamExt as _;

use crate::{
    data_file::{DataFile, StagedFile},
    error::LakeError,
    files::WriterOptions,
    ids::{FileId, RelationId},
    lake::{CommitInfo, Lake},
    provider::LakeTable,
    rewriting::RewriteIntent,
    statistics,
    table::{Relation, Table},
};

/// How often compaction begins anew when others got in its way.
const TRIES_MAX: u32 = 5;

/// Which files are compacted into what.
#[derive(Debug, Clone, Copy)]
pub struct CompactOptions {
    /// Files smaller than this are merged.
    pub small_bytes: u64,
    /// Bytes of rows (in Arrow's form) after which a new file is begun.
    pub target_bytes: usize,
    /// Bytes of files that are merged in one commit.
    pub commit_bytes_max: u64,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self { small_bytes: 64 << 20, target_bytes: 256 << 20, commit_bytes_max: 4 << 30 }
    }
}

/// What a compaction has done to a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were merged.
    pub files_before: u64,
    /// Files that they became.
    pub files_after: u64,
    /// Rows in them.
    pub rows: u64,
}

impl Lake {
    /// Says that a table is about to be rewritten. Take it before the snapshot that the new rows are made from, and keep
    /// it until they are committed: compaction then stays away from the table.
    pub async fn intend_rewrite(&self, table: RelationId) -> RewriteIntent {
        self.rewriting.intend(table).await
    }

    /// Merges a table's small files. Does nothing when there are fewer than two, when the table is gone, or when others
    /// kept writing to it.
    pub async fn compact(
        self: &Arc<Self>,
        state: &SessionState,
        id: RelationId,
        options: CompactOptions,
        author: &str,
    ) -> Result<Compacted, LakeError> {
        for _ in 0..TRIES_MAX {
            let base = self.snapshot().await?;
            let Some(table) = base.relation(id).and_then(Relation::as_table) else { break };
            let small = small_files(table, options);
            let bytes: u64 = small.iter().map(|file| file.file_size_bytes).sum();
            if small.len() < 2 {
                break;
            }
            tracing::debug!(table = %table.name, files = small.len(), bytes, "compacting");
            let removed: BTreeSet<FileId> = small.iter().map(|file| file.id).collect();
            let added = self.moved(state, table, &removed, options).await?;
            if added.len() >= removed.len() {
                break;
            }
            let done = Compacted {
                files_before: small.len() as u64,
                files_after: added.len() as u64,
                rows: added.iter().map(StagedFile::record_count).sum(),
            };
            let before: u64 = small.iter().map(|file| file.record_count).sum();
            if done.rows != before {
                return Err(LakeError::damaged(format!(
                    "the files of {} hold {} rows, the catalogue says {before}",
                    table.name, done.rows
                )));
            }
            let message = format!("compact {}", table.name);
            let mut staged = self.stage(Arc::clone(&base));
            staged.compact_files(id, &removed, added)?;
            let Some(_gate) = self.rewriting.shut_out(id).await else { continue };
            let info = CommitInfo { author: author.to_owned(), message, ..CommitInfo::default() };
            match self.commit(staged, Vec::new(), info).await {
                Ok(_) => return Ok(done),
                Err(LakeError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Compacted::default())
    }

    /// The rows of some files in new ones, sorted over all of them.
    async fn moved(
        self: &Arc<Self>,
        state: &SessionState,
        table: &Arc<Table>,
        files: &BTreeSet<FileId>,
        options: CompactOptions,
    ) -> Result<Vec<StagedFile>, LakeError> {
        let source = LakeTable::new(Arc::clone(self), Arc::clone(table)).of_files(files).with_row_lineage();
        let scan = source.scan(state, None, &[], None).await.map_err(LakeError::Engine)?;
        let plan = sorted(scan, table)?;
        let mut rows = execute_stream(plan, state.task_ctx()).map_err(LakeError::Engine)?;
        let layout = WriterOptions {
            row_lineage: true,
            run_bytes_max: options.target_bytes,
            ..WriterOptions::default()
        };
        let mut writer = self.writer(table, layout).await?;
        while let Some(batch) = rows.next().await {
            writer.write(batch.map_err(LakeError::Engine)?).await?;
        }
        writer.finish().await
    }
}

/// The files to merge: the small ones in their order, up to the limit of a commit.
fn small_files(table: &Table, options: CompactOptions) -> Vec<Arc<DataFile>> {
    let mut bytes = 0;
    table
        .files
        .iter()
        .filter(|file| file.file_size_bytes < options.small_bytes)
        .take_while(|file| {
            bytes += file.file_size_bytes;
            bytes <= options.commit_bytes_max
        })
        .cloned()
        .collect()
}

/// One stream of the rows in the table's order; in the files' order where it has none.
fn sorted(scan: Arc<dyn ExecutionPlan>, table: &Table) -> Result<Arc<dyn ExecutionPlan>, LakeError> {
    let options = SortOptions { descending: false, nulls_first: false };
    let by = table
        .sort_order
        .iter()
        .filter_map(|id| {
            let position = table.columns.iter().position(|column| column.id == *id)?;
            Some((position, &table.columns[position]))
        })
        .take_while(|(_, column)| statistics::has_statistics(column.column_type.pg_type))
        .map(|(position, column)| {
            PhysicalSortExpr::new(Arc::new(ColumnExpr::new(column.name.as_str(), position)), options)
        });
    let Some(ordering) = LexOrdering::new(by) else {
        return Ok(Arc::new(CoalescePartitionsExec::new(scan)));
    };
    let sorted = SortExec::new(ordering.clone(), scan).with_preserve_partitioning(true);
    Ok(Arc::new(SortPreservingMergeExec::new(ordering, Arc::new(sorted))))
}

#[cfg(test)]
mod tests;

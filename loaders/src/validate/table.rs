//! One table of a batch: its rows are read, judged and written to data files.

use std::{
    collections::{BTreeSet, HashSet},
    pin::pin,
    sync::Arc,
};

use arrow::{
    array::{BooleanArray, RecordBatch, new_null_array},
    compute::filter_record_batch,
    datatypes::{DataType, SchemaRef},
};
use datafusion::logical_expr::Expr;
use futures::StreamExt;
use lis_lake::{
    data_file::TableFiles as LakeFiles,
    files::{TableWriter, WriterOptions},
    hooks::RowCheck,
    ids::FileId,
    names::Identifier,
    staged::StagedChanges,
    table::Table,
};

use super::{
    Environment, LoadedTable,
    keys::{KeyEncoder, Keys, ReferenceSet, UniqueKey},
    lay_over,
};
use crate::{
    batch::BatchHeader,
    cleanse::{Cleansed, CleansedRows, Problem},
    config::{FileNameParts, LoadMode, TableSpec},
    error::LoadError,
    read::{ReadBlock, TableFiles, read_table},
    rejects::Rejects,
    report::{LoadEvent, TableReport},
    source::SourceFile,
    target::{self, Target, find_table},
};

/// A file of a table, and what its name says.
pub(crate) type NamedFile = (Arc<SourceFile>, FileNameParts);

/// A batch that is being judged, table after table.
pub(super) struct Judging<'a> {
    pub(super) environment: &'a Environment,
    pub(super) header: &'a BatchHeader,
    pub(super) cleansed: &'a Cleansed,
    pub(super) changes: StagedChanges,
    pub(super) rejects: Rejects,
}

/// What judges the rows of a table one by one.
struct TableJudge {
    target: Target,
    references: Vec<ReferenceSet>,
    checks: Option<Arc<dyn RowCheck>>,
}

/// A judged block: problems of references are among the rows' own; unique keys are judged in the order of lines later.
struct JudgedRows {
    rows: CleansedRows,
    keys: Vec<Keys>,
    slice: Option<Keys>,
}

/// One reading of a table's files.
struct Reading {
    writer: TableWriter,
    rejects: Rejects,
    rows_in: u64,
    rows_rejected: u64,
}

impl Judging<'_> {
    /// Reads, judges and writes a table, and lays its files over the staged snapshot.
    pub(super) async fn load_table(
        &mut self,
        spec: &Arc<TableSpec>,
        files: &[NamedFile],
    ) -> Result<LoadedTable, LoadError> {
        let name = spec.name.to_string();
        self.environment.progress.event(&LoadEvent::TableBegan { table: &name });
        let target = target::prepare(&mut self.changes, spec).await?;
        let checks = self.environment.checks.checks(self.changes.snapshot(), &target.table).await?;
        let judge =
            Arc::new(TableJudge { target: target.clone(), references: self.references(spec).await?, checks });
        let mut uniques = Vec::new();
        for key in spec.primary_key.iter().chain(&spec.unique) {
            uniques.push(UniqueKey::new(spec, key)?);
        }
        let mut slice = match &spec.mode {
            LoadMode::ReplaceBy(columns) => Some(UniqueKey::new(spec, columns)?),
            LoadMode::Append | LoadMode::Replace => None,
        };
        let mut reading = self.read(spec, &judge, files, &mut uniques, slice.as_mut()).await?;
        if spec.mode != LoadMode::Replace {
            let mut found = Vec::with_capacity(uniques.len());
            for unique in &mut uniques {
                found.push(self.existing_keys(spec, &target, unique, slice.as_ref()).await?);
            }
            if found.iter().any(|keys| !keys.is_empty()) {
                for (unique, keys) in uniques.iter_mut().zip(found) {
                    unique.begin_again(keys);
                }
                // Dropping the first writer removes its files.
                reading = self.read(spec, &judge, files, &mut uniques, slice.as_mut()).await?;
            }
        }
        let (removed, kept) = match &mut slice {
            Some(slice) => self.keep_others(spec, &target, slice, &mut reading.writer).await?,
            None => (BTreeSet::new(), 0),
        };
        let files_written = reading.writer.finish().await?;
        let in_files: u64 = files_written.iter().map(lis_lake::data_file::StagedFile::record_count).sum();
        let table = LoadedTable {
            spec: Arc::clone(spec),
            target,
            files: files_written,
            removed,
            report: TableReport {
                table: name,
                files: files.len(),
                rows_in: reading.rows_in,
                rows_written: in_files.saturating_sub(kept),
                rows_rejected: reading.rows_rejected,
            },
        };
        self.check_account(&table.report)?;
        lay_over(&mut self.changes, &table)?;
        self.rejects.append(reading.rejects);
        Ok(table)
    }

    /// Rows in = rows written + rows rejected.
    fn check_account(&self, report: &TableReport) -> Result<(), LoadError> {
        if report.rows_in == report.rows_written + report.rows_rejected {
            return Ok(());
        }
        Err(LoadError::Accounting {
            batch: self.header.number.unwrap_or(lis_lake::ids::BatchId::new(0)),
            table: report.table.clone(),
            rows_in: report.rows_in,
            rows_written: report.rows_written,
            rows_rejected: report.rows_rejected,
        })
    }

    /// What the table's rows may refer to, as the tables are with what this batch has laid over them.
    async fn references(&self, spec: &TableSpec) -> Result<Vec<ReferenceSet>, LoadError> {
        let snapshot = self.changes.snapshot();
        let mut sets = Vec::with_capacity(spec.foreign_keys.len());
        for key in &spec.foreign_keys {
            let referred = &key.references;
            let missing = |what: String| LoadError::Target { table: spec.name.to_string(), message: what };
            let Some(table) = find_table(&snapshot, &referred.table)? else {
                return Err(missing(format!("it refers to {}, which does not exist yet", referred.table)));
            };
            let mut positions = Vec::with_capacity(referred.columns.len());
            for column in &referred.columns {
                let position = position(&table, column).ok_or_else(|| {
                    missing(format!("it refers to {}.{column}, which does not exist", referred.table))
                })?;
                positions.push(position);
            }
            let types = types(&table, &positions);
            let mut keys = HashSet::new();
            let mut rows = self.environment.existing.scan(&table, Some(&positions), &[]).await?;
            let encoder = KeyEncoder::new((0..positions.len()).collect(), types.clone())?;
            while let Some(batch) = rows.next().await? {
                let encoded = encoder.encode(&batch)?;
                for row in 0..batch.num_rows() {
                    if let Some(key) = encoded.get(row)
                        && !keys.contains(key)
                    {
                        keys.insert(Box::from(key));
                    }
                }
            }
            sets.push(ReferenceSet::new(key.columns.clone(), types, Arc::new(keys), referred.clone())?);
        }
        Ok(sets)
    }

    async fn read(
        &self,
        spec: &Arc<TableSpec>,
        judge: &Arc<TableJudge>,
        files: &[NamedFile],
        uniques: &mut [UniqueKey],
        mut slice: Option<&mut UniqueKey>,
    ) -> Result<Reading, LoadError> {
        // Rows that stay of a file are moved, and carry what they came with; the new ones beside them carry nothing.
        let options = WriterOptions { row_lineage: slice.is_some(), ..WriterOptions::default() };
        let writer = self.environment.lake.writer(&judge.target.table, options).await?;
        let mut reading = Reading { writer, rejects: Rejects::default(), rows_in: 0, rows_rejected: 0 };
        let name: Arc<str> = Arc::from(spec.name.to_string());
        let encoders: Vec<_> = uniques.iter().map(|unique| Arc::clone(&unique.encoder)).collect();
        let slice_encoder = slice.as_ref().map(|slice| Arc::clone(&slice.encoder));
        let table_judge = Arc::clone(judge);
        let judge_rows = move |mut rows: CleansedRows| -> Result<JudgedRows, LoadError> {
            for reference in &table_judge.references {
                reference.judge(&rows.batch, &mut rows.problems)?;
            }
            table_judge.target.judge(&mut rows, table_judge.checks.as_deref())?;
            rows.problems.sort_by_key(|problem| (problem.row, problem.column));
            let keys =
                encoders.iter().map(|encoder| encoder.encode(&rows.batch)).collect::<Result<_, _>>()?;
            let slice = slice_encoder.as_ref().map(|encoder| encoder.encode(&rows.batch)).transpose()?;
            Ok(JudgedRows { rows, keys, slice })
        };
        let mut blocks = pin!(read_table(
            TableFiles {
                source: Arc::clone(&self.cleansed.source),
                table: Arc::clone(spec),
                files: files.to_vec(),
                business_date: self.header.key.business_date.to_string(),
                batch_number: self.header.number.map_or_else(|| "0".to_owned(), |number| number.to_string()),
                learnt: Arc::clone(&self.cleansed.learnt),
            },
            Arc::new(judge_rows),
        ));
        while let Some(block) = blocks.next().await.transpose()? {
            let ReadBlock { file, bytes, rows: judged } = block;
            let JudgedRows { mut rows, keys, slice: slice_keys } = judged;
            let good = take_keys(&file, &mut rows, &keys, uniques)?;
            for (unique, keys) in uniques.iter_mut().zip(&keys) {
                unique.widen(keys).map_err(|source| reading_failed(spec, source))?;
            }
            if let (Some(slice), Some(keys)) = (slice.as_deref_mut(), &slice_keys) {
                slice.widen(keys).map_err(|source| reading_failed(spec, source))?;
                for row in 0..rows.batch.num_rows() {
                    if let Some(key) = keys.get(row).filter(|key| good.value(row) && !slice.has(key)) {
                        slice.take(key, &file, 0);
                    }
                }
            }
            let rejected = rows.raw.count() - good.true_count();
            reading.rejects.add_block(spec, &name, &file, &rows);
            reading.rows_in += rows.raw.count() as u64;
            reading.rows_rejected += rejected as u64;
            self.environment.progress.event(&LoadEvent::Read {
                bytes,
                rows: rows.raw.count() as u64,
                rejected: rejected as u64,
            });
            if good.true_count() > 0 {
                let batch = if good.true_count() == rows.batch.num_rows() {
                    rows.batch
                } else {
                    filter_record_batch(&rows.batch, &good)?
                };
                let rows = new_rows(judge.target.rows(&batch)?, reading.writer.schema())?;
                reading.writer.write(rows).await?;
            }
        }
        Ok(reading)
    }

    /// The delivery's keys that rows of the table have which will stay.
    async fn existing_keys(
        &self,
        spec: &TableSpec,
        target: &Target,
        unique: &mut UniqueKey,
        slice: Option<&UniqueKey>,
    ) -> Result<HashSet<Box<[u8]>>, LoadError> {
        let mut found = HashSet::new();
        if unique.is_empty() || target.table.files.is_empty() {
            return Ok(found);
        }
        let filters = unique.filters(spec).map_err(|source| reading_failed(spec, source))?;
        let projection = Projection::new(spec, &target.table, unique, slice)?;
        let mut rows =
            self.environment.existing.scan(&target.table, Some(&projection.columns), &filters).await?;
        while let Some(batch) = rows.next().await? {
            let keys = projection.key.encode(&batch)?;
            let slices = projection.slice.as_ref().map(|encoder| encoder.encode(&batch)).transpose()?;
            for row in 0..batch.num_rows() {
                let goes = slices.as_ref().is_some_and(|slices| {
                    slices.get(row).is_some_and(|key| slice.is_some_and(|slice| slice.has(key)))
                });
                if let Some(key) = keys.get(row).filter(|key| !goes && unique.has(key)) {
                    found.insert(Box::from(key));
                }
            }
        }
        Ok(found)
    }

    /// With `replace_by`: finds the files with rows that the delivery replaces and writes their other rows anew. Gives those
    /// files and the number of rows kept.
    async fn keep_others(
        &self,
        spec: &TableSpec,
        target: &Target,
        slice: &mut UniqueKey,
        writer: &mut TableWriter,
    ) -> Result<(BTreeSet<FileId>, u64), LoadError> {
        let mut removed = BTreeSet::new();
        let mut kept = 0;
        if slice.is_empty() {
            return Ok((removed, kept));
        }
        let filters: Vec<Expr> = slice.filters(spec).map_err(|source| reading_failed(spec, source))?;
        let projection = Projection::new(spec, &target.table, slice, None)?;
        let whole_row =
            KeyEncoder::new(projection.columns.clone(), types(&target.table, &projection.columns))?;
        for file in target.table.files.iter() {
            let alone = Arc::new(Table {
                files: Arc::new(LakeFiles::new(vec![Arc::clone(file)])),
                ..Table::clone(&target.table)
            });
            let existing = &self.environment.existing;
            let mut rows = existing.scan(&alone, Some(&projection.columns), &filters).await?;
            let mut touched = false;
            while let Some(batch) = rows.next().await?.filter(|_| !touched) {
                let keys = projection.key.encode(&batch)?;
                touched = (0..batch.num_rows()).any(|row| keys.get(row).is_some_and(|key| slice.has(key)));
            }
            if !touched {
                continue;
            }
            removed.insert(file.id);
            let mut rows = existing.scan_with_lineage(&alone).await?;
            while let Some(batch) = rows.next().await? {
                let keys = whole_row.encode(&batch)?;
                let stays: BooleanArray = (0..batch.num_rows())
                    .map(|row| Some(!keys.get(row).is_some_and(|key| slice.has(key))))
                    .collect();
                let others = filter_record_batch(&batch, &stays)?;
                kept += others.num_rows() as u64;
                if others.num_rows() > 0 {
                    writer.write(others).await?;
                }
            }
        }
        Ok((removed, kept))
    }
}

/// New rows beside moved ones: what they came with is what their file says, so the columns for it are null.
fn new_rows(rows: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LoadError> {
    if rows.num_columns() == schema.fields().len() {
        return Ok(rows);
    }
    let mut columns = rows.columns().to_vec();
    for field in schema.fields().iter().skip(columns.len()) {
        columns.push(new_null_array(field.data_type(), rows.num_rows()));
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Judges the unique keys of a block's rows in the order of lines; gives the rows that are good.
fn take_keys(
    file: &Arc<str>,
    rows: &mut CleansedRows,
    keys: &[Keys],
    uniques: &mut [UniqueKey],
) -> Result<BooleanArray, LoadError> {
    let count = rows.batch.num_rows();
    let mut good = vec![true; count];
    for problem in &rows.problems {
        if let Some(good) = good.get_mut(problem.row) {
            *good = false;
        }
    }
    let mut found = Vec::new();
    if !uniques.is_empty() {
        for (row, is_good) in good.iter_mut().enumerate().filter(|(_, good)| **good) {
            let Some(place) = rows.raw.rows.get(row) else { continue };
            let line = rows.raw.line(*place);
            for (unique, keys) in uniques.iter_mut().zip(keys) {
                let broken = keys.get(row).and_then(|key| unique.take(key, file, line));
                if let Some(broken) = broken {
                    found.push(Problem { row, column: unique.columns.first().copied(), broken, value: None });
                    *is_good = false;
                    break;
                }
            }
        }
    }
    if !found.is_empty() {
        rows.problems.append(&mut found);
        rows.problems.sort_by_key(|problem| (problem.row, problem.column));
    }
    Ok(BooleanArray::from(good))
}

/// The columns that must be read of existing rows to compare a key, and whether the rows stay.
struct Projection {
    columns: Vec<usize>,
    key: KeyEncoder,
    slice: Option<KeyEncoder>,
}

impl Projection {
    fn new(
        spec: &TableSpec,
        table: &Table,
        key: &UniqueKey,
        slice: Option<&UniqueKey>,
    ) -> Result<Self, LoadError> {
        let mut columns: Vec<usize> = Vec::new();
        let mut encoder = |key: &UniqueKey| {
            let mut places = Vec::with_capacity(key.columns.len());
            let mut data_types = Vec::with_capacity(key.columns.len());
            for column in &key.columns {
                let Some(column) = spec.columns.get(*column) else { continue };
                let Some(position) = position(table, &column.name) else { continue };
                let place = columns.iter().position(|known| *known == position).unwrap_or_else(|| {
                    columns.push(position);
                    columns.len() - 1
                });
                places.push(place);
                data_types.push(column.column_type.to_arrow());
            }
            KeyEncoder::new(places, data_types)
        };
        let key = encoder(key)?;
        let slice = slice.map(&mut encoder).transpose()?;
        Ok(Self { columns, key, slice })
    }
}

fn position(table: &Table, name: &Identifier) -> Option<usize> {
    table.columns.iter().position(|column| column.name == *name)
}

fn types(table: &Table, columns: &[usize]) -> Vec<DataType> {
    columns
        .iter()
        .filter_map(|column| table.columns.get(*column))
        .map(|column| column.column_type.to_arrow())
        .collect()
}

fn reading_failed(spec: &TableSpec, source: datafusion::error::DataFusionError) -> LoadError {
    LoadError::Reading { table: spec.name.to_string(), source }
}

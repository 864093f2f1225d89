//! Rows are moved between files and keep what they are.

use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array},
    compute::concat_batches,
};
use datafusion::{
    logical_expr::{col, lit},
    prelude::{SessionConfig, SessionContext},
};

use super::*;
use crate::{
    files::WriterOptions,
    ids::FileId,
    provider::{LakeTable, schema_with_lineage},
    table::Table,
    testing::{TestLake, new_column, rows},
    types::{ColumnType, PgType},
};

/// (line, snapshot, row number) of every row, by line.
async fn lineage(test: &TestLake, table: &Table) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let batch = read(test, table).await;
    let numbers = |name: &str| -> Vec<Option<i64>> {
        batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter().collect()
    };
    let lines = numbers("line").into_iter().map(Option::unwrap);
    lines
        .zip(numbers(SNAPSHOT_COLUMN))
        .zip(numbers(ROW_ID_COLUMN))
        .map(|((line, snapshot), id)| (line, snapshot, id))
        .collect()
}

async fn read(test: &TestLake, table: &Table) -> RecordBatch {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let table = test.table(table).await;
    let schema = schema_with_lineage(&table);
    let provider = LakeTable::new(Arc::clone(&test.lake), table).with_row_lineage();
    let frame = context.read_table(Arc::new(provider)).unwrap();
    let batches = frame.sort_by(vec![col("line")]).unwrap().collect().await.unwrap();
    concat_batches(&schema, &batches).unwrap()
}

/// Moves all rows into one new file, with a row that is new.
async fn rewrite(test: &TestLake, table: &Table, new_line: i64) {
    let before = test.table(table).await;
    let mut moved = read(test, table).await;
    let new = rows(table, &[(Some("a"), 0, 0, new_line)]);
    let mut columns = new.columns().to_vec();
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    columns.extend([Arc::clone(&nulls), nulls]);
    let new = RecordBatch::try_new(moved.schema(), columns).unwrap();
    moved = concat_batches(&moved.schema(), &[moved.clone(), new]).unwrap();
    let options = WriterOptions { row_lineage: true, ..WriterOptions::default() };
    let mut writer = test.lake.writer(&before, options).await.unwrap();
    assert_eq!(*writer.schema(), moved.schema());
    writer.write(moved).await.unwrap();
    let files = writer.finish().await.unwrap();
    let mut staged = test.stage().await;
    let removed: BTreeSet<FileId> = before.files.iter().map(|file| file.id).collect();
    staged.rewrite_files(table.id, &removed, files).unwrap();
    test.commit(staged).await;
}

#[tokio::test]
async fn rows_keep_their_snapshot_and_number_when_they_are_moved() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    test.append(&table, rows(&table, &[(Some("c"), 9, -5, 3)])).await;
    // Files are sorted: line 2 stands before line 1.
    assert_eq!(
        lineage(&test, &table).await,
        [(1, Some(2), Some(1)), (2, Some(2), Some(0)), (3, Some(3), Some(2))]
    );
    rewrite(&test, &table, 4).await;
    let moved = test.table(&table).await;
    assert_eq!(moved.files.len(), 1);
    let (least, greatest) = (SnapshotId::new(2), SnapshotId::new(4));
    assert_eq!(moved.files[0].row_snapshots.unwrap().bounds(SnapshotId::new(4)), (least, greatest));
    let holds = |snapshot| moved.files[0].may_hold_rows_of(SnapshotId::new(snapshot));
    assert!(!holds(1) && holds(2) && holds(3) && holds(4) && !holds(5));
    let after = lineage(&test, &table).await;
    assert_eq!(&after[..3], [(1, Some(2), Some(1)), (2, Some(2), Some(0)), (3, Some(3), Some(2))]);
    assert_eq!((after[3].0, after[3].1), (4, Some(4)));
    let new_row = after[3].2.unwrap();
    assert!(new_row > 2);
    // Once more: what was null is now told by the file that it is moved from.
    rewrite(&test, &table, 5).await;
    let again = lineage(&test, &table).await;
    assert_eq!(again[..4], after[..4]);
    assert_eq!((again[4].0, again[4].1), (5, Some(5)));
    assert_ne!(again[4].2, Some(new_row));
    // A lake that is opened anew knows the same.
    let opened = crate::lake::Lake::open(test.directory.path(), &[]).await.unwrap();
    let reopened = crate::testing::table_of(&opened, &table).await;
    assert_eq!(reopened.files[0].row_snapshots.unwrap().range, Some((least, SnapshotId::new(5))));
}

#[tokio::test]
async fn a_scan_gives_any_part_of_the_lineage_in_any_order() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    rewrite(&test, &table, 3).await;
    test.append(&table, rows(&table, &[(Some("c"), 9, -5, 4)])).await;
    let context = SessionContext::new();
    let table = test.table(&table).await;
    let only: BTreeSet<FileId> = table.files.iter().map(|file| file.id).take(1).collect();
    for (provider, found) in [
        (LakeTable::new(Arc::clone(&test.lake), Arc::clone(&table)), 3),
        (LakeTable::new(Arc::clone(&test.lake), Arc::clone(&table)).of_files(&only), 2),
    ] {
        let frame = context.read_table(Arc::new(provider.with_row_lineage())).unwrap();
        let filtered = frame.clone().filter(col("line").gt(lit(1_i64))).unwrap();
        let picked = filtered.select(vec![col(ROW_ID_COLUMN), col("day"), col(SNAPSHOT_COLUMN)]).unwrap();
        let rows: usize = picked.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, found);
        let by_snapshot = frame.filter(col(SNAPSHOT_COLUMN).eq(lit(2_i64))).unwrap();
        let lines = by_snapshot.select(vec![col("line")]).unwrap().collect().await.unwrap();
        assert_eq!(lines.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    }
}

#[tokio::test]
async fn rows_of_a_staged_file_have_no_lineage_yet() {
    let (test, table) = TestLake::with_table().await;
    let files = test.write(&table, vec![rows(&table, &[(Some("b"), 2, 100, 1)])]).await;
    let mut staged = test.stage().await;
    staged.append_files(table.id, files).unwrap();
    let snapshot = staged.snapshot();
    let staged_table = snapshot.relation(table.id).and_then(crate::table::Relation::as_table).unwrap();
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(staged_table)).with_row_lineage();
    let frame = SessionContext::new().read_table(Arc::new(provider)).unwrap();
    let batches = frame.collect().await.unwrap();
    assert_eq!(batches[0].column_by_name(SNAPSHOT_COLUMN).unwrap().null_count(), 1);
    assert_eq!(batches[0].column_by_name(ROW_ID_COLUMN).unwrap().null_count(), 1);
}

#[tokio::test]
async fn the_names_are_reserved() {
    let (test, table) = TestLake::with_table().await;
    let mut staged = test.stage().await;
    let name = "_DuckLake_internal_snapshot_id";
    let added = staged.add_column(table.id, new_column(name, ColumnType::plain(PgType::Int8)));
    assert!(matches!(added, Err(crate::error::LakeError::ReservedColumn { .. })));
    let renamed = crate::names::Identifier::exact("_ducklake_internal_x");
    assert!(staged.rename_column(table.id, table.columns[0].id, renamed).is_err());
}

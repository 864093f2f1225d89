//! One commit is taken out of history.

use arrow::{
    array::{ArrayRef, Int64Array},
    compute::filter_record_batch,
};
use datafusion::{execution::SessionStateBuilder, logical_expr::col, prelude::SessionContext};

use super::*;
use crate::{
    compact::CompactOptions,
    files::WriterOptions,
    provider::LakeTable,
    testing::{TestLake, rows},
};

fn state() -> SessionState {
    SessionStateBuilder::new().with_default_features().build()
}

async fn lines_at(test: &TestLake, table: &Table, snapshot: &Snapshot) -> Vec<i64> {
    let table = snapshot.relation(table.id).and_then(Relation::as_table).unwrap();
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(table));
    let frame = SessionContext::new().read_table(Arc::new(provider)).unwrap();
    let batches = frame.select(vec![col("line")]).unwrap().collect().await.unwrap();
    let mut lines: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    lines.sort_unstable();
    lines
}

async fn lines(test: &TestLake, table: &Table) -> Vec<i64> {
    lines_at(test, table, &test.lake.snapshot().await.unwrap()).await
}

async fn append(test: &TestLake, table: &Table, lines: &[i64]) -> SnapshotId {
    let new: Vec<_> = lines.iter().map(|line| (Some("a"), 0, 0, *line)).collect();
    test.append(table, rows(table, &new)).await;
    test.lake.snapshot().await.unwrap().id()
}

async fn replace(test: &TestLake, table: &Table, lines: &[i64]) -> SnapshotId {
    let new: Vec<_> = lines.iter().map(|line| (Some("a"), 0, 0, *line)).collect();
    let files = test.write(table, vec![rows(table, &new)]).await;
    let mut staged = test.stage().await;
    staged.replace_files(table.id, files).unwrap();
    test.commit(staged).await;
    test.lake.snapshot().await.unwrap().id()
}

/// Replaces the rows for which `goes` is true by others, as a load with `replace_by` does.
async fn replace_some(test: &TestLake, table: &Table, goes: impl Fn(i64) -> bool, new: &[i64]) -> SnapshotId {
    let now = test.table(table).await;
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(&now)).with_row_lineage();
    let frame = SessionContext::new().read_table(Arc::new(provider)).unwrap();
    let options = WriterOptions { row_lineage: true, ..WriterOptions::default() };
    let mut writer = test.lake.writer(&now, options).await.unwrap();
    for batch in frame.collect().await.unwrap() {
        let lines = batch.column_by_name("line").unwrap().as_primitive::<Int64Type>();
        let stay: BooleanArray = lines.iter().map(|line| line.map(|line| !goes(line))).collect();
        writer.write(filter_record_batch(&batch, &stay).unwrap()).await.unwrap();
    }
    let new: Vec<_> = new.iter().map(|line| (Some("a"), 0, 0, *line)).collect();
    let nulls: ArrayRef = Arc::new(Int64Array::new_null(new.len()));
    let mut columns = rows(table, &new).columns().to_vec();
    columns.extend([Arc::clone(&nulls), nulls]);
    let schema = Arc::clone(writer.schema());
    writer.write(RecordBatch::try_new(schema, columns).unwrap()).await.unwrap();
    let removed = now.files.iter().map(|file| file.id).collect();
    let mut staged = test.stage().await;
    staged.rewrite_files(table.id, &removed, writer.finish().await.unwrap()).unwrap();
    test.commit(staged).await;
    test.lake.snapshot().await.unwrap().id()
}

async fn undo_without(
    test: &TestLake,
    undone: SnapshotId,
    without: &[SnapshotId],
) -> Result<Vec<(u64, u64)>, LakeError> {
    let mut staged = test.stage().await;
    let without = without.iter().copied().collect();
    let done = test.lake.stage_undo(&state(), &mut staged, undone, &without).await?;
    test.commit(staged).await;
    Ok(done.iter().map(|table| (table.rows_removed, table.rows_restored)).collect())
}

async fn undo(test: &TestLake, undone: SnapshotId) -> Result<Vec<(u64, u64)>, LakeError> {
    undo_without(test, undone, &[]).await
}

#[tokio::test]
async fn a_commit_in_the_middle_of_history_is_taken_out_and_both_states_stay() {
    let (test, table) = TestLake::with_table().await;
    append(&test, &table, &[1]).await;
    let middle = append(&test, &table, &[2, 3]).await;
    let last = append(&test, &table, &[4]).await;
    assert_eq!(undo(&test, middle).await.unwrap(), [(2, 0)]);
    assert_eq!(lines(&test, &table).await, [1, 4]);
    let before = test.lake.snapshot_at(last).await.unwrap();
    assert_eq!(lines_at(&test, &table, &before).await, [1, 2, 3, 4]);
    // There is nothing left of it.
    assert_eq!(undo(&test, middle).await.unwrap(), []);
}

#[tokio::test]
async fn it_works_after_compaction_and_keeps_what_others_brought() {
    let (test, table) = TestLake::with_table().await;
    append(&test, &table, &[1]).await;
    let middle = append(&test, &table, &[2, 3]).await;
    append(&test, &table, &[4]).await;
    test.lake.compact(&state(), table.id, CompactOptions::default(), "anna").await.unwrap();
    assert!(test.lake.dependents(middle).await.unwrap().is_empty());
    assert_eq!(undo(&test, middle).await.unwrap(), [(2, 0)]);
    assert_eq!(lines(&test, &table).await, [1, 4]);
    let undone_at = test.lake.snapshot().await.unwrap().id();
    assert_eq!(
        test.lake.dependents(middle).await.unwrap(),
        [Dependent { table: table.id, snapshot: undone_at }]
    );
}

#[tokio::test]
async fn replaced_rows_come_back() {
    let (test, table) = TestLake::with_table().await;
    append(&test, &table, &[1, 2]).await;
    let replacing = replace(&test, &table, &[10]).await;
    append(&test, &table, &[11]).await;
    assert_eq!(undo(&test, replacing).await.unwrap(), [(1, 2)]);
    assert_eq!(lines(&test, &table).await, [1, 2, 11]);
}

#[tokio::test]
async fn of_a_slice_only_what_was_replaced_comes_back() {
    let (test, table) = TestLake::with_table().await;
    let first = append(&test, &table, &[1, 2, 3]).await;
    let replacing = replace_some(&test, &table, |line| line < 3, &[10, 20]).await;
    assert_eq!(lines(&test, &table).await, [3, 10, 20]);
    assert_eq!(undo(&test, replacing).await.unwrap(), [(2, 2)]);
    assert_eq!(lines(&test, &table).await, [1, 2, 3]);
    // What came back is still what it was: it goes with its own commit.
    assert_eq!(undo(&test, first).await.unwrap(), [(3, 0)]);
    assert_eq!(lines(&test, &table).await, Vec::<i64>::new());
}

#[tokio::test]
async fn what_was_replaced_again_cannot_be_undone() {
    let (test, table) = TestLake::with_table().await;
    append(&test, &table, &[1, 2]).await;
    let second = replace(&test, &table, &[10, 20]).await;
    let third = replace_some(&test, &table, |line| line == 10, &[100]).await;
    let refused = undo(&test, second).await;
    assert!(matches!(refused, Err(LakeError::NotUndoable { .. })), "{refused:?}");
    assert_eq!(lines(&test, &table).await, [20, 100]);
    // In the other order it can.
    undo(&test, third).await.unwrap();
    assert_eq!(lines(&test, &table).await, [10, 20]);
    undo(&test, second).await.unwrap();
    assert_eq!(lines(&test, &table).await, [1, 2]);
}

#[tokio::test]
async fn what_was_undone_does_not_come_back_with_another() {
    let (test, table) = TestLake::with_table().await;
    let first = append(&test, &table, &[1]).await;
    append(&test, &table, &[2]).await;
    let replacing = replace(&test, &table, &[10]).await;
    assert_eq!(undo(&test, first).await.unwrap(), []);
    assert_eq!(undo_without(&test, replacing, &[first]).await.unwrap(), [(1, 1)]);
    assert_eq!(lines(&test, &table).await, [2]);
}

#[tokio::test]
async fn what_has_expired_is_not_forgotten_silently() {
    let (test, table) = TestLake::with_table().await;
    append(&test, &table, &[1]).await;
    let replacing = replace(&test, &table, &[10]).await;
    append(&test, &table, &[11]).await;
    // Without the state before there would be nothing to bring back.
    let mut tx = test.lake.metadata().write().await.unwrap();
    tx.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id = ?", &[(replacing.get() - 1).into()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    test.lake.forget_past();
    assert!(matches!(undo(&test, replacing).await, Err(LakeError::NotUndoable { .. })));
}

//! Many files become few, and nobody notices.

use arrow::{array::AsArray as _, datatypes::Int64Type};
use datafusion::{execution::SessionStateBuilder, logical_expr::col, prelude::SessionContext};

use super::*;
use crate::{
    ids::SnapshotId,
    row_lineage::SNAPSHOT_COLUMN,
    snapshot::Snapshot,
    testing::{TestLake, rows},
};

fn state() -> SessionState {
    SessionStateBuilder::new().with_default_features().build()
}

/// (line, snapshot) of the rows in the order of the files.
async fn lines(test: &TestLake, snapshot: &Snapshot, table: &Table) -> Vec<(i64, i64)> {
    let table = snapshot.relation(table.id).and_then(Relation::as_table).unwrap();
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(table)).with_row_lineage();
    let frame = SessionContext::new().read_table(Arc::new(provider)).unwrap();
    let batches = frame.select(vec![col("line"), col(SNAPSHOT_COLUMN)]).unwrap().collect().await.unwrap();
    let mut lines = Vec::new();
    for batch in batches {
        let column = |position| batch.column(position).as_primitive::<Int64Type>().values().to_vec();
        lines.extend(column(0).into_iter().zip(column(1)));
    }
    lines
}

async fn compacted(test: &TestLake, table: &Table) -> Compacted {
    test.lake.compact(&state(), table.id, CompactOptions::default(), "anna").await.unwrap()
}

#[tokio::test]
async fn small_files_become_one_that_is_sorted_and_the_past_stays() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    test.append(&table, rows(&table, &[(None, 0, 0, 3), (Some("a"), 0, 0, 4)])).await;
    let before = test.lake.snapshot().await.unwrap();
    let done = compacted(&test, &table).await;
    assert_eq!(done, Compacted { files_before: 2, files_after: 1, rows: 4 });
    let after = test.lake.snapshot().await.unwrap();
    assert_eq!(lines(&test, &after, &table).await, [(4, 3), (2, 2), (1, 2), (3, 3)]);
    let history = test.lake.snapshots().await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.author.as_deref(), last.message.as_deref()), (Some("anna"), Some("compact t")));
    assert_eq!(last.changes, format!("compacted_table:{}", table.id));
    // The state before is read from the files that it was made of.
    let mut past = lines(&test, &test.lake.snapshot_at(before.id()).await.unwrap(), &table).await;
    past.sort_unstable();
    assert_eq!(past, [(1, 2), (2, 2), (3, 3), (4, 3)]);
    // There is nothing left to do.
    assert_eq!(compacted(&test, &table).await, Compacted::default());
    assert_eq!(test.lake.snapshot().await.unwrap().id(), after.id());
}

#[tokio::test]
async fn compaction_stays_away_from_a_table_that_is_being_rewritten() {
    let (test, table) = TestLake::with_table().await;
    for line in 1..4 {
        test.append(&table, rows(&table, &[(Some("b"), 2, 100, line)])).await;
    }
    let intent = test.lake.intend_rewrite(table.id).await;
    let mut staged = test.stage().await;
    let removed = test.table(&table).await.files.iter().take(1).map(|file| file.id).collect();
    staged.rewrite_files(table.id, &removed, []).unwrap();
    assert_eq!(compacted(&test, &table).await, Compacted::default());
    test.commit(staged).await;
    drop(intent);
    assert_eq!(compacted(&test, &table).await, Compacted { files_before: 2, files_after: 1, rows: 2 });
    assert_eq!(test.lake.snapshot().await.unwrap().id(), SnapshotId::new(6));
}

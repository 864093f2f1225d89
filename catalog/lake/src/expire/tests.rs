//! What may be forgotten and what not.

use std::sync::Arc;

use datafusion::prelude::SessionContext;

use super::*;
use crate::{
    provider::LakeTable,
    table::{Relation, Table},
    testing::{TestLake, rows},
};

const AT_ONCE: Duration = Duration::ZERO;

async fn expire(test: &TestLake) -> Expired {
    test.lake.expire_snapshots(AT_ONCE, &NoFloor).await.unwrap()
}

async fn numbers(test: &TestLake) -> Vec<i64> {
    test.lake.snapshots().await.unwrap().iter().map(|snapshot| snapshot.id.get()).collect()
}

/// Replaces every row by one of this line.
async fn replace(test: &TestLake, table: &Table, line: i64) {
    let files = test.write(table, vec![rows(table, &[(Some("a"), 0, 0, line)])]).await;
    let mut staged = test.stage().await;
    staged.replace_files(table.id, files).unwrap();
    test.commit(staged).await;
}

fn files_on_disk(test: &TestLake, table: &Table) -> usize {
    std::fs::read_dir(test.lake.data_directory().join(&table.path)).unwrap().count()
}

#[tokio::test]
async fn what_nobody_needs_is_forgotten_and_then_removed() {
    let (test, table) = TestLake::with_table().await;
    for line in 1..=4 {
        replace(&test, &table, line).await;
    }
    test.lake.name_snapshot("kvar", SnapshotId::new(3), "anna").await.unwrap();
    assert_eq!(
        test.lake.expire_snapshots(Duration::from_secs(3600), &NoFloor).await.unwrap(),
        Expired::default()
    );
    let expired = expire(&test).await;
    assert_eq!((expired.snapshots, expired.files), (4, 2));
    assert_eq!(numbers(&test).await, [3, 5]);
    assert_eq!(files_on_disk(&test, &table), 4);
    assert!(test.lake.remove_scheduled(Duration::from_secs(3600)).await.unwrap().is_empty());
    assert!(test.lake.remove_orphans(AT_ONCE).await.unwrap().is_empty());
    assert_eq!(test.lake.remove_scheduled(AT_ONCE).await.unwrap().len(), 2);
    assert_eq!(files_on_disk(&test, &table), 2);
    assert!(test.lake.remove_scheduled(AT_ONCE).await.unwrap().is_empty());
    // The named state is read as before.
    let named = test.lake.snapshot_at(SnapshotId::new(3)).await.unwrap();
    let past = named.relation(table.id).and_then(Relation::as_table).unwrap();
    let context = SessionContext::new();
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(past));
    assert_eq!(context.read_table(Arc::new(provider)).unwrap().count().await.unwrap(), 1);
    drop(named);
    assert!(matches!(
        test.lake.resolve(&crate::time_travel::PointInTime::Snapshot(SnapshotId::new(4))).await,
        Err(LakeError::Expired { .. })
    ));
    test.lake.drop_snapshot_name("kvar").await.unwrap();
    assert_eq!(expire(&test).await.snapshots, 1);
}

#[tokio::test]
async fn a_snapshot_that_is_read_stays_here_and_in_other_processes() {
    let (test, table) = TestLake::with_table().await;
    replace(&test, &table, 1).await;
    let reader = test.lake.snapshot().await.unwrap();
    replace(&test, &table, 2).await;
    replace(&test, &table, 3).await;
    expire(&test).await;
    assert_eq!(numbers(&test).await, [2, 4]);
    drop(reader);
    // Another process sees a lease in the catalogue.
    let lease = test.lake.lease(SnapshotId::new(2), "backup", Duration::from_secs(60)).await.unwrap();
    expire(&test).await;
    assert_eq!(numbers(&test).await, [2, 4]);
    lease.renew(AT_ONCE).await.unwrap();
    expire(&test).await;
    assert_eq!(numbers(&test).await, [4]);
    lease.release().await.unwrap();
    assert!(test.lake.lease(SnapshotId::new(2), "backup", AT_ONCE).await.is_err());
}

#[tokio::test]
async fn another_process_that_missed_it_all_reads_what_is_there() {
    let (test, table) = TestLake::with_table().await;
    replace(&test, &table, 1).await;
    let other = Lake::open(test.directory.path(), &[]).await.unwrap();
    assert_eq!(crate::testing::table_of(&other, &table).await.files.record_count(), 1);
    replace(&test, &table, 2).await;
    expire(&test).await;
    let seen = crate::testing::table_of(&other, &table).await;
    assert_eq!((seen.files.len(), seen.files.record_count()), (1, 1));
}

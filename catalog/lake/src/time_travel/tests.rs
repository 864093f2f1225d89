//! The past through today's eyes.

use super::*;
use crate::{
    names::{Identifier, QualifiedName},
    snapshot::Snapshot,
    testing::{TestLake, create_table, new_column, rows},
    types::{ColumnType, PgType},
};

fn rows_of(snapshot: &Snapshot, name: &str) -> Option<u64> {
    let relation = snapshot.relation_named(&QualifiedName::new("s", name))?;
    Some(relation.as_table()?.files.record_count())
}

#[tokio::test]
async fn rows_are_of_then_and_definitions_of_today() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 1)])).await;
    let then = test.lake.snapshot().await.unwrap().id();
    test.append(&table, rows(&table, &[(Some("b"), 1, 250, 2)])).await;
    let mut staged = test.stage().await;
    staged.rename_column(table.id, table.columns[0].id, Identifier::exact("förvaltning")).unwrap();
    staged.add_column(table.id, new_column("senare", ColumnType::plain(PgType::Int4))).unwrap();
    staged.rename_relation(table.id, Identifier::exact("u")).unwrap();
    test.commit(staged).await;
    let past = test.lake.as_of(then, false).await.unwrap();
    assert_eq!(past.id(), then);
    assert_eq!((rows_of(&past, "t"), rows_of(&past, "u")), (None, Some(1)));
    let seen = past.relation(table.id).unwrap();
    assert_eq!(seen.columns()[0].name.as_str(), "förvaltning");
    assert_eq!(seen.columns().len(), table.columns.len() + 1);
    assert!(past.schema_version() < 0);
    // The same state is put together once, until something changes.
    assert!(Arc::ptr_eq(&past, &test.lake.as_of(then, false).await.unwrap()));
    test.append(&table, rows(&table, &[(Some("c"), 1, 250, 3)])).await;
    assert!(!Arc::ptr_eq(&past, &test.lake.as_of(then, false).await.unwrap()));
}

#[tokio::test]
async fn a_dropped_table_is_there_for_who_has_all_rights() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 1)])).await;
    let then = test.lake.snapshot().await.unwrap().id();
    let mut staged = test.stage().await;
    staged.drop_relation(table.id).unwrap();
    test.commit(staged).await;
    let seen = async |with_dropped| rows_of(&test.lake.as_of(then, with_dropped).await.unwrap(), "t");
    assert_eq!((seen(false).await, seen(true).await), (None, Some(1)));
    // Another one under the same name was not there then; the old one is still not everybody's.
    let mut staged = test.stage().await;
    let schema = table.schema_id;
    staged.drop_schema(schema).unwrap();
    test.commit(staged).await;
    let mut staged = test.stage().await;
    let again = create_table(&mut staged).await;
    assert_ne!(again.id, table.id);
    test.commit(staged).await;
    test.append(&again, rows(&again, &[(Some("a"), 1, 1, 1), (Some("a"), 1, 1, 2)])).await;
    assert_eq!(seen(false).await, None);
}

#[tokio::test]
async fn a_point_in_time_is_a_number_a_time_or_a_name() {
    let (test, table) = TestLake::with_table().await;
    let times = || async {
        let history = test.lake.snapshots().await.unwrap();
        history.iter().map(|line| line.committed_at_us).collect::<Vec<_>>()
    };
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 1)])).await;
    test.append(&table, rows(&table, &[(Some("b"), 1, 250, 2)])).await;
    let times = times().await;
    let resolve = async |point| test.lake.resolve(&point).await;
    let number = |id| PointInTime::Snapshot(SnapshotId::new(id));
    assert_eq!(resolve(number(2)).await.unwrap().get(), 2);
    assert!(matches!(resolve(number(4)).await, Err(LakeError::NoPointInTime { .. })));
    assert!(matches!(resolve(number(-1)).await, Err(LakeError::NoPointInTime { .. })));
    assert_eq!(resolve(PointInTime::Time(times[2])).await.unwrap().get(), 2);
    assert_eq!(resolve(PointInTime::Time(times[3] - 1)).await.unwrap().get(), 2);
    assert_eq!(resolve(PointInTime::Time(i64::from(u32::MAX) * 4_000_000)).await.unwrap().get(), 3);
    assert!(matches!(resolve(PointInTime::Time(times[0] - 1)).await, Err(LakeError::NoPointInTime { .. })));
    let bokslut = || PointInTime::Name("bokslut-2025".to_owned());
    assert!(resolve(bokslut()).await.is_err());
    test.lake.name_snapshot("bokslut-2025", SnapshotId::new(2), "anna").await.unwrap();
    assert_eq!(resolve(bokslut()).await.unwrap().get(), 2);
    let again = test.lake.name_snapshot("bokslut-2025", SnapshotId::new(3), "anna").await;
    assert!(matches!(again, Err(LakeError::Duplicate { kind: "snapshot", .. })));
    assert!(test.lake.name_snapshot("", SnapshotId::new(3), "anna").await.is_err());
    assert_eq!(test.lake.named_snapshots().await.unwrap()[0].author, "anna");
    assert!(test.lake.drop_snapshot_name("bokslut-2025").await.unwrap());
    assert!(!test.lake.drop_snapshot_name("bokslut-2025").await.unwrap());
}

#[tokio::test]
async fn whoever_holds_a_snapshot_is_known() {
    let (test, table) = TestLake::with_table().await;
    let held = || test.lake.presences.held();
    let first = test.lake.snapshot().await.unwrap();
    let staged = test.stage().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 1)])).await;
    let id = first.id();
    drop(first);
    // A transaction that has staged something holds it too.
    assert!(held().contains(&id));
    drop(staged);
    assert!(!held().contains(&id));
    let past = test.lake.as_of(SnapshotId::new(0), true).await.unwrap();
    assert!(held().contains(&past.id()));
}

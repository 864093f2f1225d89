//! Commits and snapshots as the other crates use them, with everything on disk.

use std::os::unix::fs::PermissionsExt as _;

use async_trait::async_trait;

use super::*;
use crate::{
    metadata::{MetadataTx, Migration},
    names::{Identifier, QualifiedName},
    staged::{CommentTarget, NewConstraint, NewConstraintKind, NewSchema, NewView},
    testing::{TestLake, create_table, new_column, rows, table_of, write},
    types::{ColumnType, PgType},
};

#[tokio::test]
async fn what_is_committed_is_there_after_opening_again() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2), (None, 3, 1, 3)]))
        .await;
    let before = test.lake.snapshot().await.unwrap();
    let again = Lake::open(test.directory.path(), &[]).await.unwrap();
    let after = again.snapshot().await.unwrap();
    assert_eq!(before.id(), after.id());
    let (old, new) = (test.table(&table).await, table_of(&again, &table).await);
    assert_eq!(old, new);
    assert_eq!(new.comment.as_deref(), Some("rows"));
    assert_eq!(new.sort_order.len(), 2);
    assert_eq!(new.files.len(), 1);
    assert_eq!(new.files[0].record_count, 3);
    let statistics = new.files[0].statistics.columns().unwrap();
    assert_eq!((statistics[0].min.as_deref(), statistics[0].max.as_deref()), (Some("a"), Some("b")));
    assert_eq!((statistics[0].null_count, statistics[0].value_count), (Some(1), Some(2)));
    assert_eq!(
        (statistics[1].min.as_deref(), statistics[1].max.as_deref()),
        (Some("1970-01-02"), Some("1970-01-04"))
    );
    assert_eq!((statistics[2].min.as_deref(), statistics[2].max.as_deref()), (Some("0.01"), Some("2.50")));
    assert_eq!(
        std::fs::metadata(test.directory.path().join(CATALOG_FILE)).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_definition_survives_with_everything_it_says() {
    let test = TestLake::new().await;
    let mut staged = test.stage().await;
    let table = create_table(&mut staged).await;
    let mut tags = new_column("taggar", ColumnType::plain(PgType::Array(&PgType::Varchar)));
    tags.comment = Some("fria ord".to_owned());
    staged.add_column(table.id, tags).unwrap();
    staged.add_column(table.id, new_column("after", ColumnType::plain(PgType::Uuid))).unwrap();
    for (kind, column) in [(NewConstraintKind::PrimaryKey, "line"), (NewConstraintKind::Unique, "day")] {
        let columns = vec![Identifier::exact(column)];
        staged.add_constraint(table.id, NewConstraint { name: None, kind, columns }).await.unwrap();
    }
    let kind = NewConstraintKind::ForeignKey { references: table.id, referenced_columns: Vec::new() };
    let columns = vec![Identifier::exact("line")];
    staged.add_constraint(table.id, NewConstraint { name: None, kind, columns }).await.unwrap();
    staged.rename_column(table.id, crate::ids::ColumnId::new(2), Identifier::exact("dag")).unwrap();
    staged
        .comment(CommentTarget::Column(table.id, crate::ids::ColumnId::new(3)), Some("kronor".to_owned()))
        .unwrap();
    let view = staged
        .create_view(NewView {
            schema_id: table.schema_id,
            name: Identifier::exact("v"),
            owner: Oid::new(99),
            comment: Some("en vy".to_owned()),
            reads: None,
            definition: "SELECT administration FROM s.t".to_owned(),
            columns: vec![new_column("administration", ColumnType::varchar(3))],
            security_invoker: true,
        })
        .await
        .unwrap();
    let expected = staged.snapshot();
    test.commit(staged).await;
    let again = Lake::open(test.directory.path(), &[]).await.unwrap().snapshot().await.unwrap();
    let by_name = again.relation_named(&QualifiedName::new("s", "t")).unwrap();
    assert_eq!(Some(by_name), expected.relation(table.id));
    assert_eq!(again.relation(view.id), expected.relation(view.id));
    let names: Vec<_> = by_name.as_table().unwrap().constraints.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["t_pkey", "t_day_key", "t_line_fkey"]);
    // An array takes two numbers.
    assert_eq!(
        by_name.columns().iter().map(|column| column.id.get()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 7]
    );
    assert_eq!(by_name.columns()[1].physical_name, "day");
}

#[tokio::test]
async fn a_transaction_reads_its_own_changes_and_nobody_else_does() {
    let (test, table) = TestLake::with_table().await;
    let files = test.write(&table, vec![rows(&table, &[(Some("a"), 1, 1, 1)])]).await;
    let mut staged = test.stage().await;
    let mark = staged.savepoint();
    staged.append_files(table.id, files).unwrap();
    let own = staged.snapshot();
    assert_eq!(own.relation(table.id).unwrap().as_table().unwrap().files.record_count(), 1);
    assert_eq!(test.table(&table).await.files.record_count(), 0);
    staged.rollback_to(mark);
    assert!(staged.is_empty());
    assert_eq!(staged.snapshot().relation(table.id).unwrap().as_table().unwrap().files.len(), 0);
}

#[tokio::test]
async fn files_of_a_rolled_back_transaction_are_removed() {
    let (test, table) = TestLake::with_table().await;
    let files = test.write(&table, vec![rows(&table, &[(Some("a"), 1, 1, 1)])]).await;
    let path = test.lake.data_directory().join(&table.path).join(files[0].path());
    assert!(path.exists());
    let mut staged = test.stage().await;
    staged.append_files(table.id, files).unwrap();
    drop(staged);
    assert!(!path.exists());
}

#[derive(Debug)]
struct Part {
    fails: bool,
}

#[async_trait]
impl CommitPart for Part {
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError> {
        tx.execute("INSERT INTO part(snapshot) VALUES (?)", &[context.snapshot_id.get().into()]).await?;
        if self.fails { Err(LakeError::part("refused")) } else { Ok(()) }
    }
}

const PARTS: Component = Component {
    name: "parts",
    migrations: &[Migration { version: 1, sql: "CREATE TABLE part(snapshot INTEGER PRIMARY KEY)" }],
};

#[tokio::test]
async fn a_part_that_fails_undoes_the_whole_commit() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::create(directory.path(), &[PARTS]).await.unwrap();
    let commit = async |fails: bool| {
        let mut staged = lake.stage(lake.snapshot().await.unwrap());
        let new = NewSchema { name: Identifier::exact("s"), owner: Oid::ADMINISTRATOR, comment: None };
        staged.create_schema(new).await.unwrap();
        lake.commit(staged, vec![Box::new(Part { fails })], CommitInfo::default()).await
    };
    let before = lake.snapshot().await.unwrap().id();
    assert_eq!(commit(true).await.unwrap_err().to_string(), "refused");
    assert_eq!(lake.snapshot().await.unwrap().id(), before);
    assert_eq!(lake.snapshot().await.unwrap().schemas().count(), 0);
    let after = commit(false).await.unwrap();
    let written =
        lake.metadata().read().await.unwrap().query("SELECT snapshot FROM part", &[]).await.unwrap();
    assert_eq!(written[0].integer(0).unwrap(), after.id().get());
}

#[tokio::test]
async fn parts_alone_make_no_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::create(directory.path(), &[PARTS]).await.unwrap();
    let before = lake.snapshot().await.unwrap();
    let staged = lake.stage(Arc::clone(&before));
    lake.commit(staged, vec![Box::new(Part { fails: false })], CommitInfo::default()).await.unwrap();
    assert!(Arc::ptr_eq(&before, &lake.snapshot().await.unwrap()));
}

#[tokio::test]
async fn appends_do_not_conflict_and_replacing_does() {
    let (test, table) = TestLake::with_table().await;
    let batch = rows(&table, &[(Some("a"), 1, 1, 1)]);
    let mut first = test.stage().await;
    let mut second = test.stage().await;
    let mut third = test.stage().await;
    first.append_files(table.id, test.write(&table, vec![batch.clone()]).await).unwrap();
    second.append_files(table.id, test.write(&table, vec![batch.clone()]).await).unwrap();
    third.replace_files(table.id, test.write(&table, vec![batch.clone()]).await).unwrap();
    test.commit(first).await;
    test.commit(second).await;
    assert_eq!(test.table(&table).await.files.record_count(), 2);
    let lost = test.lake.commit(third, Vec::new(), CommitInfo::default()).await.unwrap_err();
    assert!(matches!(lost, LakeError::Conflict { .. }), "{lost}");
    let mut fourth = test.stage().await;
    fourth.replace_files(table.id, test.write(&table, vec![batch]).await).unwrap();
    test.commit(fourth).await;
    assert_eq!(test.table(&table).await.files.record_count(), 1);
}

#[tokio::test]
async fn a_table_dropped_meanwhile_takes_no_rows() {
    let (test, table) = TestLake::with_table().await;
    let mut rows_staged = test.stage().await;
    rows_staged
        .append_files(table.id, test.write(&table, vec![rows(&table, &[(Some("a"), 1, 1, 1)])]).await)
        .unwrap();
    let mut dropping = test.stage().await;
    dropping.drop_relation(table.id).unwrap();
    assert_eq!(dropping.dropped(), [table.id.oid()]);
    test.commit(dropping).await;
    let lost = test.lake.commit(rows_staged, Vec::new(), CommitInfo::default()).await.unwrap_err();
    assert!(lost.is_retryable(), "{lost}");
}

#[tokio::test]
async fn two_creators_of_one_name_conflict() {
    let test = TestLake::new().await;
    let (mut first, mut second) = (test.stage().await, test.stage().await);
    create_table(&mut first).await;
    create_table(&mut second).await;
    test.commit(first).await;
    let lost = test.lake.commit(second, Vec::new(), CommitInfo::default()).await.unwrap_err();
    assert!(matches!(lost, LakeError::Conflict { .. }), "{lost}");
}

#[tokio::test]
async fn another_process_sees_a_commit_at_its_next_question() {
    let (test, table) = TestLake::with_table().await;
    let other = Lake::open(test.directory.path(), &[]).await.unwrap();
    assert_eq!(table_of(&other, &table).await.files.len(), 0);
    test.append(&table, rows(&table, &[(Some("a"), 1, 1, 1)])).await;
    assert_eq!(table_of(&other, &table).await.files.len(), 1);
    let files = write(&other, &table, vec![rows(&table, &[(Some("b"), 1, 1, 1)])]).await;
    let mut staged = other.stage(other.snapshot().await.unwrap());
    staged.append_files(table.id, files).unwrap();
    other.commit(staged, Vec::new(), CommitInfo::default()).await.unwrap();
    assert_eq!(test.table(&table).await.files.len(), 2);
    let unchanged = test.lake.snapshot().await.unwrap();
    assert!(Arc::ptr_eq(&unchanged, &test.lake.snapshot().await.unwrap()));
}

#[tokio::test]
async fn numbers_of_two_processes_never_meet() {
    let test = TestLake::new().await;
    let other = Lake::open(test.directory.path(), &[]).await.unwrap();
    let mut numbers = Vec::new();
    for lake in [&test.lake, &other, &test.lake, &other] {
        numbers.push(lake.allocate_oid().await.unwrap());
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 4);
}

#[tokio::test]
async fn the_past_stays_as_it_was() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 1, 1)])).await;
    let then = test.lake.snapshot().await.unwrap();
    let mut staged = test.stage().await;
    staged.rename_relation(table.id, Identifier::exact("u")).unwrap();
    staged.replace_files(table.id, Vec::new()).unwrap();
    test.commit(staged).await;
    let past = Lake::open(test.directory.path(), &[]).await.unwrap().snapshot_at(then.id()).await.unwrap();
    let old = past.relation(table.id).unwrap();
    assert_eq!(old.name().as_str(), "t");
    assert_eq!(old.as_table().unwrap().files.record_count(), 1);
    assert_eq!(test.table(&table).await.files.len(), 0);
    let history = test.lake.snapshots().await.unwrap();
    assert_eq!(history.len(), 4);
    assert!(history[3].changes.contains(&format!("altered_table:{}", table.id)), "{history:?}");
    assert!(history.windows(2).all(|pair| pair[0].committed_at_us < pair[1].committed_at_us));
    let missing = test.lake.snapshot_at(SnapshotId::new(77)).await.unwrap_err();
    assert!(matches!(missing, LakeError::NoSnapshot(_)), "{missing}");
}

#[tokio::test]
async fn orphans_go_after_the_grace_period_and_nothing_else() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 1, 1)])).await;
    let mut staged = test.stage().await;
    staged.replace_files(table.id, Vec::new()).unwrap();
    test.commit(staged).await;
    let left = test.lake.data_directory().join("gone-1/t-2/left.parquet");
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, b"half a file").unwrap();
    let waiting = test.write(&table, vec![rows(&table, &[(Some("a"), 1, 1, 1)])]).await;
    assert!(test.lake.remove_orphans(Duration::from_secs(3600)).await.unwrap().is_empty());
    // The file of the past snapshot and the one that waits for its commit stay.
    assert_eq!(test.lake.remove_orphans(Duration::ZERO).await.unwrap(), std::slice::from_ref(&left));
    assert!(!left.parent().unwrap().exists());
    drop(waiting);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Lake::open(directory.path(), &[]).await.unwrap_err();
    assert!(matches!(missing, LakeError::NotFound { .. }), "{missing}");
    let file = directory.path().join(CATALOG_FILE);
    std::fs::write(&file, vec![b'x'; 8192]).unwrap();
    let nonsense = Lake::open(directory.path(), &[]).await.unwrap_err();
    assert!(matches!(nonsense, LakeError::Damaged { .. }), "{nonsense}");
    std::fs::write(&file, b"").unwrap();
    let empty = Lake::open(directory.path(), &[]).await.unwrap_err();
    assert!(matches!(empty, LakeError::Damaged { .. }), "{empty}");
    // What an interrupted start leaves is taken up again, what was finished is not.
    Lake::create(directory.path(), &[]).await.unwrap();
    let taken = Lake::create(directory.path(), &[]).await.unwrap_err();
    assert!(matches!(taken, LakeError::AlreadyExists { .. }), "{taken}");
}

#[tokio::test]
async fn a_truncated_catalogue_is_refused() {
    let (test, _) = TestLake::with_table().await;
    let TestLake { lake, directory } = test;
    drop(lake);
    let source = directory.path().join(CATALOG_FILE);
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join(DATA_DIRECTORY)).unwrap();
    // What a copy without its log looks like after a checkpoint that was cut short.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&source);
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
    let bytes = std::fs::read(&source).unwrap();
    std::fs::write(copy.path().join(CATALOG_FILE), &bytes[..bytes.len() / 2]).unwrap();
    let refused = Lake::open(copy.path(), &[]).await.unwrap_err();
    assert!(matches!(refused, LakeError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn newer_and_altered_catalogues_are_refused() {
    const NEWER: Component = Component {
        name: "parts",
        migrations: &[PARTS.migrations[0], Migration { version: 2, sql: "CREATE TABLE more(x)" }],
    };
    const ALTERED: Component = Component {
        name: "parts",
        migrations: &[Migration { version: 1, sql: "CREATE TABLE part(other INTEGER PRIMARY KEY)" }],
    };
    let directory = tempfile::tempdir().unwrap();
    Lake::create(directory.path(), &[PARTS]).await.unwrap();
    Lake::open(directory.path(), &[NEWER]).await.unwrap();
    let newer = Lake::open(directory.path(), &[PARTS]).await.unwrap_err();
    assert!(newer.to_string().contains("upgrade the program"), "{newer}");
    let altered = Lake::open(directory.path(), &[ALTERED]).await.unwrap_err();
    assert!(matches!(altered, LakeError::AlteredMigration { version: 1, .. }), "{altered}");
    let lake = Lake::open(directory.path(), &[NEWER]).await.unwrap();
    let mut tx = lake.metadata().write().await.unwrap();
    tx.execute("UPDATE ducklake_metadata SET value = '2.0' WHERE key = 'version'", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let format = Lake::open(directory.path(), &[NEWER]).await.unwrap_err();
    assert!(matches!(format, LakeError::Newer { .. }), "{format}");
}

#[tokio::test]
async fn what_the_format_allows_and_we_do_not_read_is_refused() {
    let (test, table) = TestLake::with_table().await;
    let mut tx = test.lake.metadata().write().await.unwrap();
    tx.execute(
        "INSERT INTO ducklake_delete_file(delete_file_id, table_id, begin_snapshot, path) VALUES (1, ?, 1, 'd')",
        &[table.id.get().into()],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let lake = Lake::open(test.directory.path(), &[]).await.unwrap();
    let refused = lake.snapshot().await.unwrap_err();
    assert!(matches!(refused, LakeError::UnsupportedFeature { .. }), "{refused}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_names_its_place() {
    let (test, table) = TestLake::with_table().await;
    let directory = test.lake.data_directory();
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::write(&directory, b"in the way").unwrap();
    let mut writer = test.lake.writer(&table, WriterOptions::default()).await.unwrap();
    writer.write(rows(&table, &[(Some("a"), 1, 1, 1)])).await.unwrap();
    let failed = writer.finish().await.unwrap_err();
    assert!(failed.to_string().contains("lis-"), "{failed}");
}

#[tokio::test]
async fn a_closed_catalogue_is_one_file() {
    let (test, _) = TestLake::with_table().await;
    test.lake.close().await.unwrap();
    let log = test.directory.path().join(format!("{CATALOG_FILE}-wal"));
    assert!(!log.exists() || std::fs::metadata(&log).unwrap().len() == 0);
    assert!(test.lake.snapshot().await.is_err());
    let again = Lake::open(test.directory.path(), &[]).await.unwrap();
    assert_eq!(again.snapshot().await.unwrap().relations().count(), 1);
}

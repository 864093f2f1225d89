//! What goes, what stays, and from where.

use std::path::Path;

use arrow::array::AsArray as _;
use datafusion::prelude::SessionContext;

use super::*;
use crate::{
    expire::NoFloor,
    names::Identifier,
    staged::NewColumn,
    testing::{TestLake, new_column, rows},
    types::ColumnType,
};

const DAY: i64 = 86_400_000_000;
/// The day that it is in these tests.
const TODAY: i64 = 20_000;
const AT_ONCE: Span = Span { months: 0, days: 0, microseconds: 0 };

fn noon() -> Moment {
    let us = TODAY * DAY + DAY / 2;
    Moment { utc_us: us, local_us: us }
}

fn days(days: i32) -> Span {
    Span { months: 0, days, microseconds: 0 }
}

/// Rows of `day` older than 100 days go, from history `grace` later.
async fn rule(test: &TestLake, table: &Table, grace: Span) -> RetentionRule {
    let rule = RetentionRule {
        table: table.id,
        column: table.columns[1].id,
        age: days(100),
        grace,
        author: "anna".to_owned(),
        set_us: noon().utc_us - DAY,
    };
    test.lake.set_retention(&rule).await.unwrap();
    rule
}

async fn apply(test: &TestLake, rule: &RetentionRule) -> Retained {
    let state = SessionContext::new().state();
    test.lake.apply_retention(&state, rule, noon(), "anna").await.unwrap()
}

/// A row that many days old with this line; the amount is the line too.
async fn add(test: &TestLake, table: &Table, lines: &[(i32, i64)]) {
    let now = i32::try_from(TODAY).unwrap();
    let batch: Vec<_> =
        lines.iter().map(|(age, line)| (Some("a"), now - age, i128::from(*line), *line)).collect();
    test.append(table, rows(table, &batch)).await;
}

async fn lines_of(test: &TestLake, table: Option<&Table>) -> Vec<i64> {
    let Some(table) = table else { return Vec::new() };
    let context = SessionContext::new();
    let position = table.columns.iter().position(|column| column.name.as_str() == "line").unwrap();
    let provider = LakeTable::new(Arc::clone(&test.lake), Arc::new(table.clone()));
    let frame = context.read_table(Arc::new(provider)).unwrap();
    let mut lines = Vec::new();
    for batch in frame.collect().await.unwrap() {
        lines.extend(batch.column(position).as_primitive::<arrow::datatypes::Int64Type>().values().iter());
    }
    lines.sort_unstable();
    lines
}

async fn lines_at(test: &TestLake, table: &Table, snapshot: i64) -> Vec<i64> {
    let then = test.lake.snapshot_at(SnapshotId::new(snapshot)).await.unwrap();
    lines_of(test, then.relation(table.id).and_then(Relation::as_table).map(|table| &**table)).await
}

/// The lines in every Parquet file on the disk, whoever refers to it.
fn lines_on_disk(test: &TestLake) -> BTreeSet<i64> {
    fn read(directory: &Path, found: &mut BTreeSet<i64>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, found);
                continue;
            }
            let file = std::fs::File::open(&path).unwrap();
            let reader =
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                let lines = batch.column_by_name("line").unwrap();
                found.extend(lines.as_primitive::<arrow::datatypes::Int64Type>().values().iter());
            }
        }
    }
    let mut found = BTreeSet::new();
    read(&test.lake.data_directory(), &mut found);
    found
}

#[tokio::test]
async fn old_rows_go_from_the_table_and_after_the_grace_period_from_everywhere() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (105, 2), (200, 3)]).await; // snapshot 2
    add(&test, &table, &[(101, 4), (99, 5), (100, 6)]).await; // snapshot 3
    test.lake.name_snapshot("bokslut", SnapshotId::new(3), "anna").await.unwrap();
    let patient = RetentionRule { set_us: noon().utc_us - 60 * DAY, ..rule(&test, &table, days(50)).await };
    assert_eq!(apply(&test, &patient).await, Retained { removed: 3, files_erased: 1, files_unjudged: 0 });
    let now = test.table(&table).await;
    assert_eq!(lines_of(&test, Some(&now)).await, [1, 5, 6]);
    // 200 days are too old for history too, 105 days are not yet.
    assert_eq!(lines_at(&test, &table, 2).await, [1, 2]);
    assert_eq!(lines_at(&test, &table, 3).await, [1, 2, 4, 5, 6]);
    assert_eq!(lines_on_disk(&test), BTreeSet::from([1, 2, 4, 5, 6]));
    assert_eq!(apply(&test, &patient).await, Retained::default());

    assert_eq!(apply(&test, &rule(&test, &table, AT_ONCE).await).await.files_erased, 2);
    assert_eq!(lines_at(&test, &table, 3).await, [1, 5, 6]);
    assert_eq!(lines_on_disk(&test), BTreeSet::from([1, 5, 6]));
    assert!(test.lake.verify(None).await.unwrap().damaged.is_empty());
    let messages: Vec<_> = test.lake.snapshots().await.unwrap().into_iter().map(|it| it.message).collect();
    let told = messages.iter().flatten().filter(|message| message.starts_with("retention of")).count();
    assert_eq!(told, 3, "{messages:?}");
    // What the catalogue keeps of the files holds nothing of the rows either.
    let mut read = test.lake.metadata().read().await.unwrap();
    for rows in ["ducklake_file_column_stats", "ducklake_table_column_stats"] {
        let sql = format!(
            "SELECT count(*) FROM {rows} WHERE column_id = 4 AND (min_value IN (2, 3, 4) OR max_value IN (2, 3, 4))"
        );
        assert_eq!(read.query(&sql, &[]).await.unwrap()[0].integer(0).unwrap(), 0, "{rows}");
    }
}

#[tokio::test]
async fn a_run_that_was_killed_after_its_commits_leaves_its_bounds_to_the_next() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1)]).await;
    add(&test, &table, &[(105, 777_777)]).await;
    let rule = rule(&test, &table, AT_ONCE).await;
    let state = SessionContext::new().state();
    let erasing = Erasing { lake: &test.lake, state: &state, rule: &rule, until: noon() };
    assert_eq!(test.lake.leave_out(&state, &rule, noon(), "anna").await.unwrap(), 1);
    assert_eq!(erasing.erase("anna").await.unwrap(), (1, 0));
    let bounds = async || {
        let sql = "SELECT max(max_value) FROM ducklake_table_column_stats WHERE max_value LIKE '777777%'";
        let rows = test.lake.metadata().read().await.unwrap().query(sql, &[]).await.unwrap();
        rows[0].text_opt(0).unwrap().is_some()
    };
    assert!(bounds().await, "a commit leaves bounds as they are");
    assert_eq!(apply(&test, &rule).await, Retained::default());
    assert!(!bounds().await, "a value of a row that was erased");
}

#[tokio::test]
async fn a_rule_that_was_just_set_erases_nothing() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (1000, 2)]).await;
    let hasty = rule(&test, &table, days(30)).await;
    assert_eq!(apply(&test, &hasty).await, Retained { removed: 1, files_erased: 0, files_unjudged: 0 });
    assert_eq!(lines_at(&test, &table, 2).await, [1, 2]);
    assert_eq!(test.lake.retention_rules().await.unwrap(), [hasty]);
    assert!(test.lake.drop_retention(table.id).await.unwrap());
    assert!(!test.lake.drop_retention(table.id).await.unwrap());
}

#[tokio::test]
async fn nulls_stay_and_infinity_counts() {
    let (test, table) = TestLake::with_table().await;
    let batch = rows(&table, &[(None, i32::MIN, 0, 1), (None, i32::MAX, 0, 2), (None, 0, 0, 3)]);
    let days = arrow::array::Date32Array::from(vec![Some(i32::MIN), Some(i32::MAX), None]);
    let mut columns = batch.columns().to_vec();
    columns[1] = Arc::new(days);
    test.append(&table, RecordBatch::try_new(batch.schema(), columns).unwrap()).await;
    assert_eq!(apply(&test, &rule(&test, &table, AT_ONCE).await).await.removed, 1);
    assert_eq!(lines_on_disk(&test), BTreeSet::from([2, 3]));
}

#[tokio::test]
async fn whoever_reads_the_past_keeps_its_files_until_done() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (1000, 2)]).await;
    let reader = test.lake.snapshot().await.unwrap();
    let held = reader.relation(table.id).and_then(Relation::as_table).cloned().unwrap();
    let lease = test.lake.lease(SnapshotId::new(2), "a load", Duration::from_secs(60)).await.unwrap();
    let rule = rule(&test, &table, AT_ONCE).await;
    assert_eq!(apply(&test, &rule).await.files_erased, 1);
    assert_eq!(lines_of(&test, Some(&held)).await, [1, 2]);
    drop(reader);
    // Not after any grace period: somebody reads it in another process.
    assert!(test.lake.remove_scheduled(Duration::ZERO).await.unwrap().is_empty());
    // A process that was killed leaves the row of its lease, and no locked file.
    drop(lease);
    assert!(lines_on_disk(&test).contains(&2));
    apply(&test, &rule).await;
    assert_eq!(lines_on_disk(&test), BTreeSet::from([1]));
    // What was erased is no orphan in the meantime, and nothing is left to remove.
    assert!(test.lake.remove_scheduled(Duration::ZERO).await.unwrap().is_empty());
    assert!(test.lake.remove_orphans(Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test]
async fn undo_brings_nothing_back_that_was_erased_and_works_otherwise() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (1000, 2)]).await; // snapshot 2
    let files = {
        let now = i32::try_from(TODAY).unwrap();
        let batch = rows(&table, &[(Some("a"), now, 0, 7), (Some("a"), now - 1000, 0, 8)]);
        test.write(&table, vec![batch]).await
    };
    let mut staged = test.stage().await;
    staged.replace_files(table.id, files).unwrap();
    test.commit(staged).await; // snapshot 3
    apply(&test, &rule(&test, &table, AT_ONCE).await).await;
    let state = SessionContext::new().state();
    let mut staged = test.stage().await;
    let done = test.lake.stage_undo(&state, &mut staged, SnapshotId::new(3), &BTreeSet::new()).await.unwrap();
    assert_eq!((done[0].rows_removed, done[0].rows_restored), (1, 1));
    test.commit(staged).await;
    let now = test.table(&table).await;
    assert_eq!(lines_of(&test, Some(&now)).await, [1]);
}

#[tokio::test]
async fn columns_of_then_stay_in_the_past() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (1000, 2)]).await; // snapshot 2
    let mut staged = test.stage().await;
    staged.drop_column(table.id, table.columns[2].id).unwrap();
    let added = NewColumn {
        initial_default: Some(ScalarValue::Int64(Some(9))),
        ..new_column("later", ColumnType::plain(PgType::Int8))
    };
    staged.add_column(table.id, added).unwrap();
    test.commit(staged).await; // snapshot 3
    apply(&test, &rule(&test, &table, AT_ONCE).await).await;
    let read = async |snapshot: i64, column: &str| {
        let then = test.lake.snapshot_at(SnapshotId::new(snapshot)).await.unwrap();
        let then = then.relation(table.id).and_then(Relation::as_table).unwrap();
        let provider = LakeTable::new(Arc::clone(&test.lake), Arc::clone(then));
        let frame = SessionContext::new().read_table(Arc::new(provider)).unwrap();
        let batches = frame.select_columns(&[column]).unwrap().collect().await.unwrap();
        ScalarValue::try_from_array(batches[0].column(0), 0).unwrap()
    };
    assert_eq!(read(2, "amount").await, ScalarValue::Decimal128(Some(1), 12, 2));
    assert_eq!(read(3, "later").await, ScalarValue::Int64(Some(9)));
    assert_eq!(lines_at(&test, &table, 3).await, [1]);
}

#[tokio::test]
async fn the_past_of_a_dropped_table_is_erased_and_then_the_rule_goes() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1000, 1)]).await;
    add(&test, &table, &[(1, 2)]).await;
    let rule = rule(&test, &table, AT_ONCE).await;
    let mut staged = test.stage().await;
    staged.drop_relation(table.id).unwrap();
    test.commit(staged).await;
    assert_eq!(apply(&test, &rule).await, Retained { removed: 0, files_erased: 1, files_unjudged: 0 });
    assert_eq!(lines_on_disk(&test), BTreeSet::from([2]));
    assert_eq!(lines_at(&test, &table, 3).await, [2]);
    assert_eq!(test.lake.retention_rules().await.unwrap().len(), 1);
    test.lake.expire_snapshots(Duration::ZERO, &NoFloor).await.unwrap();
    apply(&test, &rule).await;
    assert_eq!(test.lake.retention_rules().await.unwrap(), []);
}

#[tokio::test]
async fn batches_are_still_undone_after_their_rows_were_moved() {
    let (test, table) = TestLake::with_table().await;
    add(&test, &table, &[(1, 1), (1000, 2)]).await; // snapshot 2
    add(&test, &table, &[(2, 3), (1000, 4)]).await; // snapshot 3
    apply(&test, &rule(&test, &table, AT_ONCE).await).await;
    let state = SessionContext::new().state();
    let mut staged = test.stage().await;
    let done = test.lake.stage_undo(&state, &mut staged, SnapshotId::new(3), &BTreeSet::new()).await.unwrap();
    assert_eq!((done[0].rows_removed, done[0].rows_restored), (1, 0));
    test.commit(staged).await;
    let now = test.table(&table).await;
    assert_eq!(lines_of(&test, Some(&now)).await, [1]);
}

#[tokio::test]
async fn a_rule_needs_a_column_of_dates() {
    let (test, table) = TestLake::with_table().await;
    let wrong = RetentionRule { column: table.columns[0].id, ..rule(&test, &table, AT_ONCE).await };
    assert!(matches!(test.lake.set_retention(&wrong).await, Err(LakeError::Unknown { .. })));
    assert_eq!(Identifier::exact("day"), table.columns[1].name);
}

#[test]
fn a_span_goes_back_by_the_calendar() {
    let back = |span: Span, from: &str| {
        let from = from.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        span.before(from).map(|us| DateTime::from_timestamp_micros(us).unwrap().to_rfc3339())
    };
    let months = |months| Span { months, days: 0, microseconds: 0 };
    assert_eq!(back(months(120), "2026-11-23T12:00:00Z").unwrap(), "2016-11-23T12:00:00+00:00");
    assert_eq!(back(months(1), "2026-03-31T12:00:00Z").unwrap(), "2026-02-28T12:00:00+00:00");
    assert_eq!(
        back(Span { months: 0, days: 1, microseconds: 1 }, "2026-03-01T00:00:00Z").unwrap(),
        "2026-02-27T23:59:59.999999+00:00"
    );
    assert_eq!(back(months(i32::MAX), "2026-03-01T00:00:00Z"), None);
    let text = |months, days, microseconds| Span { months, days, microseconds }.to_string();
    assert_eq!(text(121, 1, 0), "10 years 1 mon 1 day");
    assert_eq!(text(0, 2, 3_723_450_000), "2 days 01:02:03.45");
    assert_eq!(text(0, 0, 0), "00:00:00");
    assert_eq!(text(14, 1, 0).len(), "1 year 2 mons 1 day".len());
    assert_eq!(
        Span { months: 1, days: 1, microseconds: 0 }.as_duration(),
        Some(Duration::from_secs(31 * 86_400))
    );
    assert!(!Span { months: 1, days: -1, microseconds: 0 }.is_forward());
}

//! Loads into a real lake in a temporary directory.

use arrow::{array::AsArray, datatypes::Int64Type, util::display::array_value_to_string};
use lis_lake::{
    error::LakeError,
    hooks::TableSecurity,
    ids::ColumnId,
    metadata::{CommitPart, Value},
    names::QualifiedName,
    table::Table,
};

use super::*;
use crate::{COMPONENT, report::NoProgress, target::find_table};

/// Remembers what it was asked to secure.
#[derive(Debug, Default)]
struct Remembering(std::sync::Mutex<Vec<(String, i64, String)>>);

impl TableSecurity for Remembering {
    fn secure(
        &self,
        table: &Table,
        column: ColumnId,
        area: &str,
    ) -> Result<Vec<Box<dyn CommitPart>>, LakeError> {
        self.0.lock().unwrap().push((table.name.as_str().to_owned(), column.get(), area.to_owned()));
        Ok(Vec::new())
    }
}

/// Tables without CHECK constraints.
#[derive(Debug)]
struct NoChecks;

#[async_trait::async_trait]
impl TableChecks for NoChecks {
    async fn checks(
        &self,
        _: Arc<lis_lake::snapshot::Snapshot>,
        _: &Table,
    ) -> Result<Option<Arc<dyn lis_lake::hooks::RowCheck>>, LakeError> {
        Ok(None)
    }
}

struct Warehouse {
    directory: tempfile::TempDir,
    lake: Arc<Lake>,
    security: Arc<Remembering>,
}

const LEDGER: &str = r#"
[source]
rejects_max = 0.5
[format]
thousands = " "
[[table]]
name = "ekonomi.rad"
comment = "Lines"
files = ["rad_{date:YYYYMM}.csv", "rad_*_{date:YYYYMM}.csv", "rad_{date:YYYYMM}-{sequence}.csv"]
primary_key = ["forvaltning", "nr"]
administration = { column = "forvaltning", area = "ekonomi" }
[[table.column]]
name = "forvaltning"
type = "varchar(3)"
[[table.column]]
name = "nr"
type = "bigint"
[[table.column]]
name = "belopp"
type = "numeric(12,2)"
required = true
[[table.column]]
name = "batch"
type = "bigint"
derived = "batch_number"
"#;

impl Warehouse {
    async fn new(source: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lake = Lake::create(directory.path(), &[COMPONENT]).await.unwrap();
        let this = Self { directory, lake, security: Arc::default() };
        fs::create_dir_all(this.directory.path().join("sources.d")).unwrap();
        fs::create_dir_all(this.directory.path().join("inbox/s")).unwrap();
        this.describe(source);
        this
    }

    fn describe(&self, source: &str) {
        fs::write(self.directory.path().join("sources.d/s.toml"), source).unwrap();
    }

    fn deliver(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join("inbox/s").join(name), text).unwrap();
    }

    fn request(&self) -> LoadRequest {
        LoadRequest {
            lake: Arc::clone(&self.lake),
            spec: Arc::new(LoadSpec::named(self.directory.path(), "s").unwrap()),
            files: Vec::new(),
            date: None,
            dry_run: false,
            correction: false,
            author: "loader".to_owned(),
            security: Arc::clone(&self.security) as Arc<dyn TableSecurity>,
            checks: Arc::new(NoChecks),
            progress: Arc::new(NoProgress),
        }
    }

    async fn load(&self) -> LoadReport {
        load(self.request()).await.unwrap()
    }

    /// The rows of a table as text, sorted.
    async fn rows(&self, table: &str) -> Vec<String> {
        let (schema, name) = table.split_once('.').unwrap();
        let snapshot = self.lake.snapshot().await.unwrap();
        let Some(table) = find_table(&snapshot, &QualifiedName::new(schema, name)).unwrap() else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        let mut batches = Existing::new(Arc::clone(&self.lake)).scan(&table, None, &[]).await.unwrap();
        while let Some(batch) = batches.next().await.unwrap() {
            for row in 0..batch.num_rows() {
                let values: Vec<String> = batch
                    .columns()
                    .iter()
                    .map(|column| array_value_to_string(column, row).unwrap())
                    .collect();
                rows.push(values.join(" "));
            }
        }
        rows.sort();
        rows
    }

    async fn query(&self, sql: &str) -> Vec<String> {
        let mut read = self.lake.metadata().read().await.unwrap();
        let rows = read.query(sql, &[]).await.unwrap();
        let text = |value: &Value| match value {
            Value::Null => "null".to_owned(),
            Value::Integer(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::Text(value) => value.clone(),
            Value::Blob(_) => "bytes".to_owned(),
        };
        rows.iter().map(|row| row.0.iter().map(text).collect::<Vec<_>>().join(" ")).collect()
    }

    /// Parquet files on disk.
    fn data_files(&self) -> usize {
        fn count(directory: &Path) -> usize {
            fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(&self.lake.data_directory())
    }
}

fn published(report: &LoadReport) -> bool {
    report.batches.iter().all(|batch| matches!(batch.outcome, BatchOutcome::Published { .. }))
}

fn reason(report: &LoadReport) -> &str {
    match &report.batches[0].outcome {
        BatchOutcome::Failed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_delivery_is_published_with_its_ledger_and_rejects() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse
        .deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1 000,50\n103;2;x\n103;1;2\n104;1;-5\n");
    warehouse.deliver("rad_b_202401.csv", "nr;forvaltning;belopp\n3;103;7\n");
    warehouse.deliver("readme.txt", "hello");
    let report = warehouse.load().await;
    assert!(published(&report) && report.is_success(), "{report:?}");
    assert_eq!(report.unclaimed, ["readme.txt"]);
    let batch = &report.batches[0];
    assert_eq!(batch.key.to_string(), "s 2024-01-31");
    let table = &batch.tables[0];
    assert_eq!((table.files, table.rows_in, table.rows_written, table.rows_rejected), (2, 5, 3, 2));
    assert_eq!(warehouse.rows("ekonomi.rad").await, ["103 1 1000.50 1", "103 3 7.00 1", "104 1 -5.00 1"]);
    assert_eq!(
        warehouse.query("SELECT state, rows_in, rows_written, rows_rejected FROM lis_batch").await,
        ["published 5 3 2"]
    );
    assert_eq!(
        warehouse.query("SELECT file, line, column_name, rule, message, value, raw FROM lis_reject").await,
        [
            "rad_202401.csv 3 belopp type not a number x 103;2;x",
            "rad_202401.csv 4 forvaltning unique same (forvaltning, nr) as line 2 of rad_202401.csv null 103;1;2"
        ]
    );
    assert_eq!(*warehouse.security.0.lock().unwrap(), [("rad".to_owned(), 1, "ekonomi".to_owned())]);
    assert_eq!(warehouse.query("SELECT COUNT(*) FROM lis_batch_file").await, ["2"]);
}

#[tokio::test]
async fn the_same_again_does_nothing_and_other_files_are_refused() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    assert!(published(&warehouse.load().await));
    let before = warehouse.lake.snapshot().await.unwrap().id();
    let again = warehouse.load().await;
    assert_eq!(again.batches[0].outcome, BatchOutcome::AlreadyLoaded { batch: BatchId::new(1) });
    assert!(again.is_success());
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;2\n");
    let other = warehouse.load().await;
    assert_eq!(other.batches[0].outcome, BatchOutcome::Refused { batch: BatchId::new(1) });
    assert!(!other.is_success());
    assert_eq!(warehouse.lake.snapshot().await.unwrap().id(), before);
    assert_eq!(warehouse.query("SELECT COUNT(*) FROM lis_batch").await, ["1"]);
}

#[tokio::test]
async fn a_failing_batch_publishes_nothing_but_keeps_its_rejects() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;x\n103;2;y\n103;3;1\n");
    let report = warehouse.load().await;
    assert_eq!(reason(&report), "ekonomi.rad: 2 of 3 rows were rejected (66.67 %), at most 50.00 % may be");
    assert_eq!(report.batches[0].rejects[0].count, 2);
    assert_eq!(warehouse.rows("ekonomi.rad").await, Vec::<String>::new());
    assert_eq!(warehouse.data_files(), 0);
    assert_eq!(
        warehouse.query("SELECT state, rows_in, rows_written, rows_rejected FROM lis_batch").await,
        ["failed 3 0 2"]
    );
    assert_eq!(warehouse.query("SELECT COUNT(*) FROM lis_reject").await, ["2"]);
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    assert!(published(&warehouse.load().await));
    assert_eq!(
        warehouse.query("SELECT state FROM lis_batch ORDER BY batch_id").await,
        ["failed", "published"]
    );
}

#[tokio::test]
async fn keys_of_earlier_deliveries_count() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n103;2;2\n");
    warehouse.deliver("rad_202402.csv", "forvaltning;nr;belopp\n103;2;1\n103;3;1\n104;1;1\n103;3;9\n");
    let report = warehouse.load().await;
    assert!(published(&report), "{report:?}");
    assert_eq!(report.batches[1].tables[0].rows_rejected, 2);
    assert_eq!(
        warehouse.query("SELECT batch_id, line, message FROM lis_reject").await,
        [
            "2 2 the table has a row with this (forvaltning, nr) already",
            "2 5 same (forvaltning, nr) as line 3 of rad_202402.csv"
        ]
    );
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 4);
    warehouse.deliver("rad_202402-2.csv", "forvaltning;nr;belopp\n103;3;1\n104;1;1\n");
    let twice = load(LoadRequest { date: "2024-02-15".parse().ok(), ..warehouse.request() }).await.unwrap();
    assert_eq!(twice.batches.len(), 2, "only the month asked for");
    assert!(matches!(twice.batches[0].outcome, BatchOutcome::AlreadyLoaded { .. }));
    assert!(matches!(twice.batches[1].outcome, BatchOutcome::Failed { .. }), "every row is a duplicate");
}

const DIMENSION: &str = r#"
[source]
rejects_max = 0.5
[[table]]
name = "x.rad"
files = ["rad_{date:YYYYMMDD}.csv"]
mode = "replace"
replace_by = ["period"]
primary_key = ["nr"]
[[table.column]]
name = "nr"
type = "integer"
[[table.column]]
name = "period"
type = "integer"
[[table.column]]
name = "konto"
type = "varchar(5)"
references = "x.konto.konto"
[[table]]
name = "x.konto"
files = ["konto_{date:YYYYMMDD}.csv"]
mode = "replace"
primary_key = ["konto"]
[[table.column]]
name = "konto"
type = "text"
"#;

#[tokio::test]
async fn references_within_a_delivery_and_replacing() {
    let warehouse = Warehouse::new(DIMENSION).await;
    warehouse.deliver("konto_20260101.csv", "konto\n1910\n3010\n");
    warehouse.deliver("rad_20260101.csv", "nr;period;konto\n1;1;1910\n2;1;\n3;2;3010\n4;2;9999\n");
    let report = warehouse.load().await;
    assert!(published(&report), "{report:?}");
    assert_eq!(warehouse.rows("x.rad").await, ["1 1 1910", "2 1 ", "3 2 3010"]);
    assert_eq!(
        warehouse.query("SELECT rule, message, value FROM lis_reject").await,
        ["reference does not occur in x.konto (konto) 9999"]
    );
    // Period 2 is replaced; nr 1 stays and is not free.
    warehouse.deliver("rad_20260102.csv", "nr;period;konto\n3;2;1910\n5;2;1910\n1;2;1910\n");
    warehouse.deliver("konto_20260102.csv", "konto\n1910\n");
    let report = warehouse.load().await;
    assert!(report.is_success(), "{report:?}");
    assert_eq!(warehouse.rows("x.rad").await, ["1 1 1910", "2 1 ", "3 2 1910", "5 2 1910"]);
    assert_eq!(warehouse.rows("x.konto").await, ["1910"]);
    // A table is not replaced by nothing.
    warehouse.deliver("konto_20260103.csv", "konto\n");
    let empty = load(LoadRequest { date: "2026-01-03".parse().ok(), ..warehouse.request() }).await.unwrap();
    assert!(reason(&empty).contains("would empty the table"));
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n103;2;x\n");
    let before = warehouse.lake.snapshot().await.unwrap().id();
    let report = load(LoadRequest { dry_run: true, ..warehouse.request() }).await.unwrap();
    assert_eq!(report.batches[0].outcome, BatchOutcome::WouldPublish);
    assert_eq!(report.batches[0].rejects[0].example, "rad_202401.csv:3: not a number");
    assert_eq!(warehouse.lake.snapshot().await.unwrap().id(), before);
    assert_eq!(warehouse.data_files(), 0);
    assert_eq!(warehouse.query("SELECT COUNT(*) FROM lis_batch").await, ["0"]);
}

#[tokio::test]
async fn what_a_killed_load_left_is_closed_and_done_again() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    let spec = LoadSpec::named(warehouse.directory.path(), "s").unwrap();
    let metadata = warehouse.lake.metadata();
    ledger::enter_source(&**metadata, &spec).await.unwrap();
    let key = crate::batch::BatchKey {
        source: "s".to_owned(),
        business_date: "2024-01-31".parse().unwrap(),
        sequence: 1,
    };
    ledger::begin(&**metadata, &key, "loader").await.unwrap();
    assert!(published(&warehouse.load().await));
    assert_eq!(
        warehouse.query("SELECT state FROM lis_batch ORDER BY batch_id").await,
        ["failed", "published"]
    );
}

#[tokio::test]
async fn one_load_of_a_source_at_a_time() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    let held = lock(warehouse.directory.path(), "s").unwrap();
    assert!(matches!(load(warehouse.request()).await, Err(LoadError::Busy { .. })));
    drop(held);
    assert!(published(&warehouse.load().await));
}

#[tokio::test]
async fn a_file_that_is_not_what_it_should_be_fails_its_batch_only() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;beloppp\n103;1;1\n");
    warehouse.deliver("rad_202402.csv", "forvaltning;nr;belopp\n103;1;1\n");
    let report = warehouse.load().await;
    assert_eq!(
        reason(&report),
        "rad_202401.csv:1: the header has no column \"belopp\"; did \"beloppp\" take its place?"
    );
    assert!(matches!(report.batches[1].outcome, BatchOutcome::Published { .. }));
    assert!(!report.is_success());
    let message = warehouse.query("SELECT message FROM lis_batch WHERE batch_id = 1").await;
    assert_eq!(message, [reason(&report)]);
}

#[tokio::test]
async fn a_table_that_differs_from_its_description_is_refused() {
    let warehouse = Warehouse::new(LEDGER).await;
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    assert!(published(&warehouse.load().await));
    warehouse.describe(&LEDGER.replace("numeric(12,2)", "numeric(14,2)"));
    warehouse.deliver("rad_202402.csv", "forvaltning;nr;belopp\n103;2;1\n");
    let report = load(LoadRequest { date: "2024-02-29".parse().ok(), ..warehouse.request() }).await.unwrap();
    assert!(reason(&report).contains("column belopp has another type"), "{}", reason(&report));
}

#[tokio::test]
async fn nothing_to_load_is_said() {
    let warehouse = Warehouse::new(LEDGER).await;
    let error = load(warehouse.request()).await.unwrap_err();
    assert!(error.to_string().starts_with("no file of source \"s\" in "), "{error}");
    warehouse.deliver("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n");
    let request = LoadRequest { date: "2026-01-01".parse().ok(), ..warehouse.request() };
    let error = load(request).await.unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("There are files of 2024-01-31."));
}

#[tokio::test]
async fn rows_are_numbered_by_their_batch() {
    let warehouse = Warehouse::new(LEDGER).await;
    for month in 1..=3 {
        warehouse
            .deliver(&format!("rad_20240{month}.csv"), &format!("forvaltning;nr;belopp\n103;{month};1\n"));
    }
    assert!(published(&warehouse.load().await));
    let snapshot = warehouse.lake.snapshot().await.unwrap();
    let table = find_table(&snapshot, &QualifiedName::new("ekonomi", "rad")).unwrap().unwrap();
    let existing = Existing::new(Arc::clone(&warehouse.lake));
    let mut rows = existing.scan(&table, Some(&vec![3]), &[]).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await.unwrap() {
        batches.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    batches.sort_unstable();
    assert_eq!(batches, [1, 2, 3]);
}

#[path = "undo_tests.rs"]
mod undo;

/// Has a table's files compacted while the load reads: another process does that between any two steps of it.
#[derive(Debug)]
struct Compacting {
    lake: Arc<Lake>,
    done: std::sync::atomic::AtomicBool,
}

impl Progress for Compacting {
    fn event(&self, event: &LoadEvent<'_>) {
        if !matches!(event, LoadEvent::Read { .. })
            || self.done.swap(true, std::sync::atomic::Ordering::SeqCst)
        {
            return;
        }
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let snapshot = self.lake.snapshot().await.unwrap();
                let state = Existing::new(Arc::clone(&self.lake)).state().clone();
                let table = find_table(&snapshot, &QualifiedName::new("x", "rad")).unwrap().unwrap();
                let done = self
                    .lake
                    .compact(&state, table.id, lis_lake::compact::CompactOptions::default(), "driften")
                    .await
                    .unwrap();
                assert_eq!(done.files_before, 2);
            });
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_replaces_is_judged_again_when_its_files_were_compacted() {
    let warehouse = Warehouse::new(DIMENSION).await;
    for (date, rows) in [("20260101", "1;1;1910\n2;2;1910\n"), ("20260102", "3;3;1910\n")] {
        warehouse.deliver(&format!("konto_{date}.csv"), "konto\n1910\n");
        warehouse.deliver(&format!("rad_{date}.csv"), &format!("nr;period;konto\n{rows}"));
    }
    assert!(published(&warehouse.load().await));
    warehouse.deliver("konto_20260103.csv", "konto\n1910\n");
    warehouse.deliver("rad_20260103.csv", "nr;period;konto\n4;1;1910\n5;1;9999\n");
    let progress = Arc::new(Compacting { lake: Arc::clone(&warehouse.lake), done: false.into() });
    let report = load(LoadRequest { progress, ..warehouse.request() }).await.unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(warehouse.rows("x.rad").await, ["2 2 1910", "3 3 1910", "4 1 1910"]);
    assert_eq!(warehouse.query("SELECT count(*) FROM lis_batch").await, ["3"]);
    assert_eq!(warehouse.query("SELECT count(*) FROM lis_reject").await, ["1"]);
    // No lease is left, and what the first try wrote is gone.
    assert_eq!(warehouse.query("SELECT count(*) FROM lis_snapshot_lease").await, ["0"]);
    assert!(warehouse.lake.remove_orphans(std::time::Duration::ZERO).await.unwrap().is_empty());
}

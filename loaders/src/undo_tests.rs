//! Batches are taken out and corrected, with what the ledger says of it.

use datafusion::execution::{SessionState, SessionStateBuilder};
use lis_lake::{compact::CompactOptions, ids::BatchId, table::Relation};

use super::*;
use crate::{
    night::last_complete_night,
    undo::{LedgerFloor, Undone, running_loads, undo_batch},
};

fn state() -> SessionState {
    SessionStateBuilder::new().with_default_features().build()
}

async fn undo(warehouse: &Warehouse, batch: i64) -> Result<Undone, LoadError> {
    undo_batch(&warehouse.lake, &state(), BatchId::new(batch), "driften").await
}

async fn states(warehouse: &Warehouse) -> Vec<String> {
    warehouse
        .query(
            "SELECT batch_id, state, rows_in = rows_written + rows_rejected, undone_us IS NOT NULL, undone_by, corrected_by \
             FROM lis_batch ORDER BY batch_id",
        )
        .await
}

async fn three_months() -> Warehouse {
    let warehouse = Warehouse::new(LEDGER).await;
    for (name, text) in [
        ("rad_202401.csv", "forvaltning;nr;belopp\n103;1;1\n104;1;2\n"),
        ("rad_202402.csv", "forvaltning;nr;belopp\n103;2;1\n103;3;x\n"),
        ("rad_202403.csv", "forvaltning;nr;belopp\n103;4;1\n"),
    ] {
        warehouse.deliver(name, text);
    }
    assert!(published(&warehouse.load().await));
    warehouse
}

#[tokio::test]
async fn a_batch_in_the_middle_goes_and_its_key_is_free() {
    let warehouse = three_months().await;
    let before = warehouse.lake.snapshot().await.unwrap();
    assert_eq!(
        undo(&warehouse, 2).await.unwrap(),
        Undone::Now { tables: vec![("ekonomi.rad".to_owned(), 1, 0)] }
    );
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 3);
    assert_eq!(warehouse.lake.snapshot().await.unwrap().id().get(), before.id().get() + 1);
    let history = warehouse.lake.snapshots().await.unwrap();
    assert_eq!(history.last().unwrap().message.as_deref(), Some("undo batch 2"));
    // Twice is nothing more.
    assert_eq!(undo(&warehouse, 2).await.unwrap(), Undone::Already);
    assert_eq!(warehouse.lake.snapshot().await.unwrap().id().get(), before.id().get() + 1);
    assert_eq!(
        states(&warehouse).await,
        ["1 published 1 0 null null", "2 published 1 1 driften null", "3 published 1 0 null null"]
    );
    // The rejects are still there to be looked at, and the same delivery can come again.
    assert_eq!(warehouse.query("SELECT count(*) FROM lis_reject WHERE batch_id = 2").await, ["1"]);
    assert!(warehouse.load().await.is_success());
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 4);
    assert!(matches!(undo(&warehouse, 77).await, Err(LoadError::NoBatch { .. })));
    assert_eq!(running_loads(&**warehouse.lake.metadata()).await.unwrap(), (false, 4));
}

#[tokio::test]
async fn a_batch_goes_after_compaction_too() {
    let warehouse = three_months().await;
    let snapshot = warehouse.lake.snapshot().await.unwrap();
    let tables: Vec<_> = snapshot.relations().filter_map(Relation::as_table).cloned().collect();
    let options = CompactOptions::default();
    let done = warehouse.lake.compact(&state(), tables[0].id, options, "driften").await.unwrap();
    assert_eq!((done.files_before, done.files_after), (3, 1));
    undo(&warehouse, 1).await.unwrap();
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 2);
}

#[tokio::test]
async fn what_a_batch_replaced_comes_back_unless_it_was_replaced_again() {
    let warehouse = Warehouse::new(DIMENSION).await;
    for (name, text) in [
        ("konto_20260101.csv", "konto\n1910\n3010\n"),
        ("rad_20260101.csv", "nr;period;konto\n1;1;1910\n2;1;\n3;2;3010\n"),
    ] {
        warehouse.deliver(name, text);
    }
    assert!(published(&warehouse.load().await));
    warehouse.deliver("rad_20260102.csv", "nr;period;konto\n3;2;1910\n5;2;1910\n");
    warehouse.deliver("konto_20260102.csv", "konto\n1910\n");
    assert!(warehouse.load().await.is_success());
    let floor = LedgerFloor { undoable: std::time::Duration::from_secs(3600) };
    let expired = warehouse.lake.expire_snapshots(std::time::Duration::ZERO, &floor).await.unwrap();
    assert_eq!(expired.files, 0, "what may be brought back stays");
    undo(&warehouse, 2).await.unwrap();
    assert_eq!(warehouse.rows("x.rad").await, ["1 1 1910", "2 1 ", "3 2 3010"]);
    assert_eq!(warehouse.rows("x.konto").await, ["1910", "3010"]);
    // Replaced twice: the first replacement cannot go alone.
    warehouse.deliver("rad_20260103.csv", "nr;period;konto\n7;1;1910\n8;2;1910\n");
    warehouse.deliver("konto_20260103.csv", "konto\n1910\n");
    assert!(warehouse.load().await.is_success());
    warehouse.deliver("rad_20260104.csv", "nr;period;konto\n9;2;1910\n");
    warehouse.deliver("konto_20260104.csv", "konto\n1910\n");
    assert!(warehouse.load().await.is_success());
    let batches = warehouse.query("SELECT max(batch_id) FROM lis_batch").await[0].parse::<i64>().unwrap();
    let refused = undo(&warehouse, batches - 1).await;
    assert!(matches!(refused, Err(LoadError::NotUndoable { .. })), "{refused:?}");
    undo(&warehouse, batches).await.unwrap();
    undo(&warehouse, batches - 1).await.unwrap();
    assert_eq!(warehouse.rows("x.konto").await, ["1910"]);
}

#[tokio::test]
async fn a_correction_takes_the_place_of_what_it_corrects_in_one_snapshot() {
    let warehouse = three_months().await;
    let before = warehouse.lake.snapshot().await.unwrap().id().get();
    // The key (103, 2) is the corrected batch's own and therefore free.
    warehouse.deliver("rad_202402.csv", "forvaltning;nr;belopp\n103;2;7\n103;3;8\n103;4;9\n");
    let february = || LoadRequest { date: "2024-02-29".parse().ok(), ..warehouse.request() };
    let refused = load(february()).await.unwrap();
    assert!(matches!(refused.batches[0].outcome, BatchOutcome::Refused { .. }));
    let report = load(LoadRequest { correction: true, ..february() }).await.unwrap();
    assert!(published(&report), "{report:?}");
    assert_eq!(report.batches[0].corrects, Some(BatchId::new(2)));
    // (103, 4) came with March.
    assert_eq!((report.batches[0].tables[0].rows_written, report.batches[0].tables[0].rows_rejected), (2, 1));
    assert_eq!(warehouse.lake.snapshot().await.unwrap().id().get(), before + 1);
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 5);
    assert_eq!(
        states(&warehouse).await,
        [
            "1 published 1 0 null null",
            "2 published 1 1 loader 4",
            "3 published 1 0 null null",
            "4 published 1 0 null null"
        ]
    );
    // The same files once more are the same delivery.
    let again = load(LoadRequest { correction: true, ..february() }).await.unwrap();
    assert!(matches!(again.batches[0].outcome, BatchOutcome::AlreadyLoaded { .. }));
    // Taking the correction out does not bring back what it corrected.
    undo(&warehouse, 4).await.unwrap();
    assert_eq!(warehouse.rows("ekonomi.rad").await.len(), 3);
}

#[tokio::test]
async fn a_night_is_the_last_publish_and_moves_with_an_undo() {
    let warehouse = three_months().await;
    let night = async || last_complete_night(&**warehouse.lake.metadata()).await.unwrap();
    let newest = async || Some(warehouse.lake.snapshot().await.unwrap().id());
    assert_eq!(night().await, newest().await);
    undo(&warehouse, 3).await.unwrap();
    assert_eq!(night().await, newest().await);
}

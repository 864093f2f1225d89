//! Batches are taken out again and corrected: through the socket and by the command line, after maintenance and changes.

use std::sync::Arc;

use anyhow::{Result, ensure};
use lis_tests::{
    TestServer, Warehouse,
    raw::RawConnection,
    server::{must_fail, one_value, run_lis, text_rows},
};

/// One source that appends, and one that replaces what it delivers of a month.
const APPENDING: &str = r#"
[source]
role = "laddaren"

[[table]]
name = "ekonomi.rad"
files = ["rad_{date:YYYYMMDD}.csv"]

[[table.column]]
name = "nr"
type = "integer"

[[table.column]]
name = "namn"
type = "varchar(20)"
"#;
const REPLACING: &str = r#"
[source]
comment = "A month at a time"

[[table]]
name = "ekonomi.manad"
files = ["manad_{date:YYYYMMDD}.csv"]
mode = "replace"
replace_by = ["manad"]

[[table.column]]
name = "manad"
type = "integer"

[[table.column]]
name = "belopp"
type = "integer"
"#;

struct Ledger {
    server: TestServer,
    admin: RawConnection,
}

impl Ledger {
    fn new() -> Result<Self> {
        let warehouse = Warehouse::init()?;
        warehouse.write("sources.d/rad.toml", APPENDING)?;
        warehouse.write("sources.d/manad.toml", REPLACING)?;
        let server = TestServer::over(Arc::new(warehouse))?;
        let mut admin = server.connect_admin()?;
        admin.must("CREATE ROLE laddaren LOGIN PASSWORD 'prov'")?;
        admin.must("CREATE ROLE driften LOGIN PASSWORD 'prov'")?;
        admin.must("GRANT lis_operator TO driften")?;
        admin.must("CREATE ROLE anna LOGIN PASSWORD 'prov'")?;
        Ok(Self { server, admin })
    }

    fn deliver(&self, source: &str, day: u32, text: &str, arguments: &[&str]) -> Result<()> {
        let warehouse = self.server.warehouse();
        warehouse.write(&format!("inbox/{source}/{source}_202601{day:02}.csv"), text)?;
        let date = format!("2026-01-{day:02}");
        let arguments: Vec<&str> = ["--date", &date].into_iter().chain(arguments.iter().copied()).collect();
        warehouse.load(source, &arguments)?.succeeded()?;
        Ok(())
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<String>> {
        Ok(text_rows(&self.admin.must(sql)?).into_iter().map(|row| row.join(" ")).collect())
    }

    fn expect(&mut self, sql: &str, expected: &[&str]) -> Result<()> {
        let found = self.rows(sql)?;
        ensure!(found == expected, "{sql}: {found:?} and not {expected:?}");
        Ok(())
    }

    fn snapshots(&mut self) -> Result<String> {
        one_value(&mut self.admin, "SELECT max(snapshot_id) FROM lis.snapshots")
    }
}

const ROWS: &str = "SELECT nr, namn FROM ekonomi.rad ORDER BY nr";
const MONTHS: &str = "SELECT manad, belopp FROM ekonomi.manad ORDER BY manad, belopp";

pub(crate) fn what_was_built_on_a_batch_is_told_to_who_may_know() -> Result<()> {
    let mut ledger = Ledger::new()?;
    ledger.deliver("manad", 1, "manad;belopp\n1;10\n2;20\n", &[])?;
    ledger.deliver("manad", 2, "manad;belopp\n1;11\n", &[])?;
    ledger.deliver("rad", 3, "nr;namn\n1;ett\n2;två\n", &[])?;
    ledger.admin.must("UPDATE ekonomi.rad SET namn = 'TVÅ' WHERE nr = 2")?;
    ledger.admin.must("CALL lis.compact()")?;
    let of = |batch: u32| {
        format!(
            "SELECT table_name, what, dependent_batch FROM lis.batch_dependents({batch}) ORDER BY snapshot"
        )
    };
    ledger.expect(&of(1), &["ekonomi.manad replaced by a batch 2"])?;
    ledger.expect(&of(2), &[])?;
    ledger.expect(&of(3), &["ekonomi.rad changed by a statement NULL"])?;
    ledger.expect(&of(77), &[])?;
    // An operator is told; the source's own role of its own; others of nothing, and not whether there is anything.
    for (user, batch, lines) in [("driften", 1, 1), ("laddaren", 1, 0), ("laddaren", 3, 1), ("anna", 3, 0)] {
        let mut connection = RawConnection::open(&ledger.server.target(user, "prov"))?;
        let told = text_rows(&connection.must(&of(batch))?).len();
        ensure!(told == lines, "{user} is told of {told} dependents of batch {batch}");
    }
    let mut anna = RawConnection::open(&ledger.server.target("anna", "prov"))?;
    let (there, not_there) = (
        must_fail(&mut anna, "42501", "CALL lis.undo_batch(3)")?,
        must_fail(&mut anna, "42501", "CALL lis.undo_batch(77)")?,
    );
    ensure!(there == not_there, "{there} tells more than {not_there}");
    let mut loader = RawConnection::open(&ledger.server.target("laddaren", "prov"))?;
    must_fail(&mut loader, "42501", "CALL lis.undo_batch(1)")?;
    loader.must("CALL lis.undo_batch(3)")?;
    ledger.expect(ROWS, &[])
}

pub(crate) fn a_batch_goes_after_compaction_and_updates_and_only_once() -> Result<()> {
    let mut ledger = Ledger::new()?;
    ledger.deliver("rad", 1, "nr;namn\n1;ett\n2;två\n", &[])?;
    ledger.deliver("rad", 2, "nr;namn\n3;tre\n4;fyra\n", &[])?;
    ledger.deliver("rad", 3, "nr;namn\n5;fem\n", &[])?;
    ledger.admin.must("INSERT INTO ekonomi.rad VALUES (9, 'för hand')")?;
    ledger.admin.must("CALL lis.compact('ekonomi.rad')")?;
    ledger.admin.must("UPDATE ekonomi.rad SET namn = upper(namn) WHERE nr IN (2, 3, 5)")?;
    ledger.admin.must("DELETE FROM ekonomi.rad WHERE nr = 4")?;
    ledger.admin.must("CALL lis.compact('ekonomi.rad')")?;
    let before = ledger.snapshots()?;
    let data = ledger.server.warehouse().path().to_owned();
    let command = |arguments: &[&str]| {
        let mut all: Vec<std::ffi::OsString> = vec!["batch".into()];
        all.extend(arguments.iter().map(Into::into));
        all.extend(["--data".into(), data.clone().into_os_string()]);
        run_lis(all)
    };
    ensure!(
        command(&["undo", "2"])?.succeeded()?.stdout.contains("batch 2 is undone"),
        "what the command says"
    );
    ledger.expect(ROWS, &["1 ett", "2 TVÅ", "5 FEM", "9 för hand"])?;
    // Again: nothing is done, also by the other way.
    let after = ledger.snapshots()?;
    ensure!(
        command(&["undo", "2"])?.succeeded()?.stdout.contains("undone before"),
        "what it says the second time"
    );
    ledger.admin.must("CALL lis.undo_batch(2)")?;
    ensure!(ledger.snapshots()? == after, "undoing twice made a snapshot");
    ensure!(
        command(&["undo", "77"])?.failed()?.contains("batch 77 does not exist"),
        "a batch that never was"
    );
    let states = "SELECT batch, state, undone_by FROM lis.batches ORDER BY batch";
    ledger.expect(states, &["1 published NULL", "2 undone lis_admin", "3 published NULL"])?;
    // Both states can be read.
    ledger.admin.must(&format!("SET lis.as_of = '{before}'"))?;
    ledger.expect(ROWS, &["1 ett", "2 TVÅ", "3 TRE", "5 FEM", "9 för hand"])?;
    ledger.admin.must("SET lis.as_of = ''")?;
    // Its key is free again.
    ledger.deliver("rad", 2, "nr;namn\n3;tre\n4;fyra\n", &[])?;
    ledger.expect(ROWS, &["1 ett", "2 TVÅ", "3 tre", "4 fyra", "5 FEM", "9 för hand"])
}

pub(crate) fn a_correction_is_one_snapshot() -> Result<()> {
    let mut ledger = Ledger::new()?;
    ledger.deliver("rad", 1, "nr;namn\n1;ett\n2;två\n", &[])?;
    ledger.deliver("rad", 2, "nr;namn\n3;tre\n", &[])?;
    ledger.admin.must("CALL lis.compact('ekonomi.rad')")?;
    let before = ledger.snapshots()?.parse::<u64>()?;
    // Without being declared it is refused, and nothing changes.
    let warehouse = Arc::clone(ledger.server.warehouse());
    warehouse.write("inbox/rad/rad_20260101.csv", "nr;namn\n1;ETT\n7;sju\n")?;
    let refused = warehouse.load("rad", &["--date", "2026-01-01"])?.failed()?;
    ensure!(refused.contains("refused") || ledger.snapshots()? == before.to_string(), "{refused}");
    ledger.expect(ROWS, &["1 ett", "2 två", "3 tre"])?;
    ledger.deliver("rad", 1, "nr;namn\n1;ETT\n7;sju\n", &["--correction"])?;
    ledger.expect(ROWS, &["1 ETT", "3 tre", "7 sju"])?;
    ensure!(ledger.snapshots()?.parse::<u64>()? == before + 1, "a correction is one snapshot");
    let states = "SELECT state, corrected_by FROM lis.batches ORDER BY batch";
    ledger.expect(states, &["corrected 3", "published NULL", "published NULL"])?;
    ledger.admin.must(&format!("SET lis.as_of = '{before}'"))?;
    ledger.expect(ROWS, &["1 ett", "2 två", "3 tre"])
}

pub(crate) fn what_was_replaced_comes_back() -> Result<()> {
    let mut ledger = Ledger::new()?;
    ledger.deliver("manad", 1, "manad;belopp\n1;10\n2;20\n", &[])?;
    ledger.deliver("manad", 2, "manad;belopp\n2;21\n2;22\n", &[])?;
    ledger.expect(MONTHS, &["1 10", "2 21", "2 22"])?;
    ledger.admin.must("CALL lis.compact('ekonomi.manad')")?;
    ledger.admin.must("CALL lis.undo_batch(2)")?;
    ledger.expect(MONTHS, &["1 10", "2 20"])?;
    // What later changes took away cannot come back whole.
    ledger.deliver("manad", 3, "manad;belopp\n1;12\n1;13\n", &[])?;
    ledger.admin.must("DELETE FROM ekonomi.manad WHERE belopp = 12")?;
    let refused = must_fail(&mut ledger.admin, "55000", "CALL lis.undo_batch(3)")?;
    ensure!(refused.contains("3"), "{refused}");
    ledger.expect(MONTHS, &["1 13", "2 20"])
}

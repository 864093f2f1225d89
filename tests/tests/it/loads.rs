//! Loads through the command line: what is let in, what is refused and where it is kept, and what a bad source says.

use std::{fs, process::Command, sync::Arc};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    TestServer, Warehouse,
    server::{one_value, text_rows},
};
use tempfile::TempDir;

const SOURCE: &str = r#"
[source]
comment = "Invoices"
rejects_max = 0.7

[format]
encoding = "windows-1252"
thousands = " "
null = ["", "NULL"]

[[table]]
name = "ekonomi.faktura"
comment = "Invoices as delivered"
files = ["faktura_{date:YYYYMMDD}.csv"]
primary_key = ["nummer"]

[[table.column]]
name = "nummer"
type = "integer"

[[table.column]]
name = "leverantor"
from = "leverantör"
type = "varchar(20)"
required = true

[[table.column]]
name = "datum"
type = "date"

[[table.column]]
name = "belopp"
type = "numeric(12,2)"
required = true
min = -100000
"#;

/// Windows-1252: five good rows and a bad one of each kind.
const DELIVERY: &[u8] = b"nummer;leverant\xF6r;datum;belopp\r\n\
    1;\xC5kerbruket AB   ;2026-01-31;1 234,50\r\n\
    2;\"Sn\xF6 & \"\"Grus\"\"; AB\";2026-02-28;12\xA0345,00-\r\n\
    3;NULL;2026-02-28;1,00\r\n\
    4;F\xF6retaget;2026-02-30;1,00\r\n\
    5;F\xF6retaget;;-99999,99\r\n\
    6;F\xF6retaget;2026-03-01;1,005\r\n\
    7;Ett namn som \xE4r alldeles f\xF6r l\xE5ngt;2026-03-01;1,00\r\n\
    5;F\xF6retaget;2026-03-01;2,00\r\n\
    8;F\xF6retaget;2026-03-01;-100000,01\r\n\
    9;F\xF6retaget;2026-03-01\r\n\
    10;\x80uro AB;2026-03-01;0,10\r\n\
    elva;F\xF6retaget;2026-03-01;1,00\r\n\
    12;S\xE4ljaren;2026-03-02;3\r\n";

fn delivered() -> Result<Warehouse> {
    let warehouse = Warehouse::init()?;
    warehouse.write("sources.d/fakturor.toml", SOURCE)?;
    warehouse.write("inbox/fakturor/faktura_20260331.csv", DELIVERY)?;
    Ok(warehouse)
}

pub(crate) fn a_delivery_becomes_rows_and_rejects() -> Result<()> {
    let warehouse = delivered()?;
    // A trial run publishes nothing.
    warehouse.load("fakturor", &["--dry-run"])?.succeeded()?;
    let server = TestServer::over(Arc::new(warehouse))?;
    let mut connection = server.connect_admin()?;
    let tables = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'faktura'";
    ensure!(one_value(&mut connection, tables)? == "0", "a trial run made a table");
    // Beside the running server, which sees it with its next statement.
    server.warehouse().load("fakturor", &[])?.succeeded()?;
    let rows =
        connection.must("SELECT nummer, leverantor, datum, belopp FROM ekonomi.faktura ORDER BY nummer")?;
    let expected = [
        ["1", "Åkerbruket AB", "2026-01-31", "1234.50"],
        ["2", "Snö & \"Grus\"; AB", "2026-02-28", "-12345.00"],
        ["5", "Företaget", "NULL", "-99999.99"],
        ["10", "€uro AB", "2026-03-01", "0.10"],
        ["12", "Säljaren", "2026-03-02", "3.00"],
    ];
    ensure!(text_rows(&rows) == expected, "{:?}", text_rows(&rows));
    let rejects =
        connection.must("SELECT line_number, column_name, rule FROM lis.rejects ORDER BY line_number")?;
    let expected = [
        ["4", "leverantor", "required"],
        ["5", "datum", "type"],
        ["7", "belopp", "type"],
        ["8", "leverantor", "length"],
        ["9", "nummer", "unique"],
        ["10", "belopp", "range"],
        ["11", "NULL", "fields"],
        ["13", "nummer", "type"],
    ];
    ensure!(text_rows(&rejects) == expected, "{:?}", text_rows(&rejects));
    let raw = "SELECT raw_text FROM lis.rejects WHERE line_number = 5";
    ensure!(one_value(&mut connection, raw)?.contains("4;Företaget;2026-02-30"), "the raw line is kept");
    let file = "SELECT DISTINCT file_name FROM lis.rejects";
    ensure!(one_value(&mut connection, file)?.ends_with("faktura_20260331.csv"), "and the file's name");
    let batch = connection
        .must("SELECT state, business_date, rows_in, rows_written, rows_rejected FROM lis.batches")?;
    ensure!(text_rows(&batch) == [["published", "2026-03-31", "13", "5", "8"]], "{:?}", text_rows(&batch));
    let comment = "SELECT obj_description('ekonomi.faktura'::regclass)";
    ensure!(one_value(&mut connection, comment)? == "Invoices as delivered", "the comment");
    Ok(())
}

pub(crate) fn the_same_delivery_again_does_nothing() -> Result<()> {
    let warehouse = delivered()?;
    warehouse.load("fakturor", &[])?.succeeded()?;
    warehouse.load("fakturor", &[])?.succeeded()?;
    warehouse.write("inbox/fakturor/faktura_20260331.csv", [DELIVERY, b"13;Ny AB;;1,00\r\n"].concat())?;
    let refused = warehouse.load("fakturor", &[])?.failed()?;
    ensure!(
        refused.contains("fakturor") && refused.contains("2026-03-31"),
        "it names the batch that stands: {refused}"
    );
    let server = TestServer::over(Arc::new(warehouse))?;
    let mut connection = server.connect_admin()?;
    ensure!(one_value(&mut connection, "SELECT count(*) FROM ekonomi.faktura")? == "5", "nothing is doubled");
    let published = "SELECT count(*) FROM lis.batches WHERE state = 'published'";
    ensure!(one_value(&mut connection, published)? == "1", "one batch");
    Ok(())
}

pub(crate) fn bad_configuration_is_refused_with_its_place() -> Result<()> {
    let warehouse = delivered()?;
    let path = warehouse.path().join("sources.d/fakturor.toml");
    for (right, wrong, parts) in [
        ("required = true", "requierd = true", &[":25:", "requierd", "required"][..]),
        ("type = \"date\"", "type = \"dat\"", &[":29:", "dat"][..]),
        ("encoding = \"windows-1252\"", "encoding = \"windows-1253\"", &[":7:", "windows-1253"][..]),
        ("primary_key = [\"nummer\"]", "primary_key = [\"numer\"]", &["numer"][..]),
        ("[format]", "[format", &[":6:"][..]),
    ] {
        let broken = SOURCE.replacen(right, wrong, 1);
        ensure!(broken != SOURCE, "{right} is not in the source");
        fs::write(&path, broken)?;
        let stderr = warehouse.load("fakturor", &[])?.failed()?;
        for part in parts.iter().copied().chain([path.display().to_string().as_str()]) {
            ensure!(stderr.contains(part), "{wrong}: it does not say {part:?}: {stderr}");
        }
    }
    fs::write(&path, SOURCE)?;
    let stderr = warehouse.load("fakturer", &[])?.failed()?;
    ensure!(
        stderr.contains("fakturer") && stderr.contains("fakturor"),
        "an unknown source lists the known: {stderr}"
    );
    warehouse.load("fakturor", &[])?.succeeded()?;
    Ok(())
}

pub(crate) fn what_a_table_demands_is_demanded() -> Result<()> {
    let source = r#"
[source]
rejects_max = 0.9

[[table]]
name = "ekonomi.krav"
files = ["krav_{date:YYYYMMDD}.csv"]

[[table.column]]
name = "nr"
type = "integer"

[[table.column]]
name = "belopp"
type = "numeric(8,2)"

[[table.column]]
name = "kod"
type = "varchar(4)"
"#;
    let warehouse = Warehouse::init()?;
    warehouse.write("sources.d/krav.toml", source)?;
    let delivery = "nr;belopp;kod\n1;10;ab\n2;-1;ab\n3;;ab\n;5;ab\n5;0;ab\n6;x;ab\n7;7;abc\n8;8;AB\n9;9;\n";
    warehouse.write("inbox/krav/krav_20260131.csv", delivery)?;
    let server = TestServer::over(Arc::new(warehouse))?;
    let mut admin = server.connect_admin()?;
    admin.must("CREATE SCHEMA ekonomi")?;
    admin.must(
        "CREATE TABLE ekonomi.krav (kod varchar(4), nr int NOT NULL, belopp numeric(8,2), \
         CONSTRAINT positivt CHECK (100 / belopp > 0), CONSTRAINT liten CHECK (kod = lower(kod) AND length(kod) = 2))",
    )?;
    server.warehouse().load("krav", &[])?.succeeded()?;
    let rows = admin.must("SELECT nr, belopp, kod FROM ekonomi.krav ORDER BY nr")?;
    let expected = [["1", "10.00", "ab"], ["3", "NULL", "ab"], ["9", "9.00", "NULL"]];
    ensure!(text_rows(&rows) == expected, "{:?}", text_rows(&rows));
    let rejects = admin.must(
        "SELECT line_number, column_name, rule, message FROM lis.rejects \
         WHERE file_name LIKE '%krav_20260131.csv' ORDER BY line_number",
    )?;
    let violates = |name: &str| format!("new row for relation \"krav\" violates check constraint \"{name}\"");
    let expected = [
        ["3", "NULL", "check", &violates("positivt")],
        ["5", "nr", "required", "a value is required"],
        ["6", "NULL", "check", "division by zero"],
        ["7", "belopp", "type", "not a number"],
        ["8", "NULL", "check", &violates("liten")],
        ["9", "NULL", "check", &violates("liten")],
    ];
    ensure!(text_rows(&rejects) == expected, "{:?}", text_rows(&rejects));
    // A check that is as wide as the rows lets them all in.
    admin.must(
        "ALTER TABLE ekonomi.krav DROP CONSTRAINT positivt, DROP CONSTRAINT liten, ALTER nr DROP NOT NULL",
    )?;
    admin.must("CALL lis.undo_batch(1)")?;
    server.warehouse().load("krav", &[])?.succeeded()?;
    ensure!(
        one_value(&mut admin, "SELECT count(*) FROM ekonomi.krav")? == "8",
        "all but the one that is no number"
    );
    Ok(())
}

pub(crate) fn too_many_rejects_publish_nothing() -> Result<()> {
    let warehouse = delivered()?;
    warehouse.write("sources.d/fakturor.toml", SOURCE.replace("rejects_max = 0.7", "rejects_max = 0.1"))?;
    let stderr = warehouse.load("fakturor", &[])?.failed()?;
    ensure!(stderr.contains("ekonomi.faktura") && stderr.contains("8"), "{stderr}");
    let server = TestServer::over(Arc::new(warehouse))?;
    let mut connection = server.connect_admin()?;
    let made = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'faktura'";
    ensure!(one_value(&mut connection, made)? == "0", "nothing is published");
    let batch = connection.must("SELECT state, rows_in, rows_rejected FROM lis.batches")?;
    ensure!(text_rows(&batch) == [["failed", "13", "8"]], "{:?}", text_rows(&batch));
    ensure!(one_value(&mut connection, "SELECT count(*) FROM lis.rejects")? == "8", "the rejects are kept");
    Ok(())
}

pub(crate) fn a_missing_file_is_named() -> Result<()> {
    let warehouse = delivered()?;
    let stderr = warehouse.load("fakturor", &["/no/such/faktura_20260331.csv"])?.failed()?;
    ensure!(stderr.contains("/no/such/faktura_20260331.csv"), "{stderr}");
    let other = warehouse.write("inbox/fakturor/faktura_20260430.csv", "nummer;datum;belopp\r\n1;;1\r\n")?;
    let stderr = warehouse.load("fakturor", &[&other.display().to_string()])?.failed()?;
    ensure!(
        stderr.contains("faktura_20260430.csv") && stderr.contains("leverantör"),
        "a missing column: {stderr}"
    );
    Ok(())
}

/// A file system of a few megabytes, for as long as this lives.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    pub(crate) fn mount() -> Result<Self> {
        let place = TempDir::with_prefix("lis-test-")?;
        let mut command = Command::new("mount");
        let mounted =
            command.args(["-t", "tmpfs", "-o", "size=8m", "lis-test"]).arg(place.path()).output()?;
        ensure!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        Ok(Self(place))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

/// Whether this machine lets us mount a file system.
pub(crate) fn can_mount() -> bool {
    SmallDisk::mount().is_ok()
}

pub(crate) fn a_full_disk_loads_nothing() -> Result<()> {
    let disk = SmallDisk::mount()?;
    let data = disk.0.path().join("data").display().to_string();
    lis_tests::server::run_lis(["init", "--data", &data])?.succeeded().context("init on a small disk")?;
    let inbox = tempfile::tempdir()?;
    let file = |rows: u32, date: &str| -> Result<String> {
        let path = inbox.path().join(format!("faktura_{date}.csv"));
        let mut text = String::from("nummer;leverantör;datum;belopp\n");
        let first = if rows > 100 { 1000 } else { 0 };
        for row in 0..rows {
            // Text that does not compress.
            let noise = u64::from(row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            text.push_str(&format!(
                "{};{noise:020};2026-01-01;{},{:02}\n",
                first + row,
                noise % 90_000,
                noise % 100
            ));
        }
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    fs::create_dir_all(format!("{data}/sources.d"))?;
    fs::write(format!("{data}/sources.d/fakturor.toml"), SOURCE.replace("windows-1252", "utf-8"))?;
    let load = |file: &str| lis_tests::server::run_lis(["load", "fakturor", "--data", &data, file]);
    load(&file(10, "20260101")?)?.succeeded().context("a small delivery")?;
    let stderr = load(&file(600_000, "20260102")?)?.failed()?;
    ensure!(stderr.contains("no space left on the disk") && stderr.contains(&data), "{stderr}");
    // What was there is there, and there is room again for what fits.
    load(&file(10, "20260101")?)?.succeeded().context("the first delivery again")?;
    fs::write(inbox.path().join("faktura_20260103.csv"), "nummer;leverantör;datum;belopp\n77;Liten;;1\n")?;
    let last = inbox.path().join("faktura_20260103.csv").display().to_string();
    load(&last)?.succeeded().context("a small delivery after a full disk")?;
    Ok(())
}

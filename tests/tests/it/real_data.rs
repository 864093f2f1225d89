//! A real delivery that nobody here wrote: a municipality's supplier invoices of one month. Every board is an
//! administration, and each board's user sees its rows and no others, through psql and through ODBC.
//!
//! The file is not part of the project; `LIS_REAL_DATA` names the directory that it lies in.

use std::{path::PathBuf, process::Command, sync::Arc};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    TestServer, Warehouse, clients,
    raw::RawConnection,
    server::{Finished, one_value, text_rows},
    trials::{CLIENTS, REAL_DATA, is_set},
};

/// The delivery as it is, every row of which is let in; and the companies' numbers, judged strictly.
const SOURCE: &str = r#"
[source]
comment = "Supplier invoices, March 2016"

[format]
encoding = "windows-1252"
null = ["", "NULL", "SAKNAS"]

[[table]]
name = "ekonomi.leverantorsfaktura"
comment = "Supplier invoices as paid"
files = ["orebro-2016-03.masked.csv"]
administration = { column = "namnd" }
sort = ["namnd", "konto"]

[[table.column]]
name = "namnd"
from = "RN1/FÖRVALTNING"
type = "varchar(3)"
extract = '^(\S{3}) '
required = true

[[table.column]]
name = "namnd_namn"
from = "RN1/FÖRVALTNING"
type = "varchar(40)"
extract = '^\S{3} (.*)$'
collation = "sv"

[[table.column]]
name = "leverantor"
from = "LEVERANTÖR"
type = "varchar(40)"
required = true
collation = "sv"

[[table.column]]
name = "organisationsnummer"
from = "ORGANISATIO"
type = "varchar(40)"

[[table.column]]
name = "fakturanummer"
from = "FAKT NR"
type = "bigint"
required = true

[[table.column]]
name = "konto"
type = "varchar(5)"
extract = '^(\d{5})'
required = true

[[table.column]]
name = "belopp"
from = "UTFALL"
type = "numeric(14,2)"
required = true

[[table]]
name = "ekonomi.organisationsnummer"
comment = "Companies' numbers of the same delivery, well formed"
files = ["orebro-2016-03.masked.csv"]
administration = { column = "namnd" }
ignore_columns = ["*"]

[[table.column]]
name = "namnd"
from = "RN1/FÖRVALTNING"
type = "varchar(3)"
extract = '^(\S{3}) '
required = true

[[table.column]]
name = "organisationsnummer"
from = "ORGANISATIO"
type = "varchar(11)"
required = true
pattern = '\d{6}-\d{4}'
"#;

const ROWS: &str = "68021";
/// 450.19 million kronor.
const ORE: &str = "45018728339";
const BOARDS: usize = 31;

fn load() -> Result<TestServer> {
    let directory = std::env::var_os(REAL_DATA).map(PathBuf::from).context("LIS_REAL_DATA")?;
    let file = directory.join("supplier_invoices/orebro-2016-03.masked.csv");
    let warehouse = Warehouse::init()?;
    warehouse.write("sources.d/leverantorsfakturor.toml", SOURCE)?;
    let file = file.display().to_string();
    warehouse.load("leverantorsfakturor", &["--date", "2016-03-31", &file])?.succeeded()?;
    TestServer::over(Arc::new(warehouse))
}

/// Makes an administration and a user for every board. The users' names are without å, ä and ö.
fn boards(server: &TestServer) -> Result<Vec<(String, u64)>> {
    let mut admin = server.connect_admin()?;
    let sql = "SELECT namnd, min(namnd_namn), count(*) FROM ekonomi.leverantorsfaktura GROUP BY namnd ORDER BY count(*) DESC";
    let boards = text_rows(&admin.must(sql)?);
    let mut credentials = format!("lis_admin {}\n", server.warehouse().password("lis_admin")?);
    admin.must("CREATE ROLE lasare")?;
    admin.must("GRANT USAGE ON SCHEMA ekonomi TO lasare")?;
    admin.must("GRANT SELECT ON ekonomi.leverantorsfaktura, ekonomi.organisationsnummer TO lasare")?;
    let mut counts = Vec::new();
    for (index, board) in boards.iter().enumerate() {
        let (code, name, user) = (&board[0], &board[1], format!("namnd{index}"));
        admin.must(&format!("CALL lis.create_administration('{code}', '{name}')"))?;
        admin.must(&format!("CREATE ROLE {user} LOGIN PASSWORD 'prov'"))?;
        admin.must(&format!("GRANT \"adm_{}\", lasare TO {user}", code.to_lowercase()))?;
        credentials.push_str(&format!("{user} prov\n"));
        counts.push((user, board[2].parse()?));
    }
    server.warehouse().write("demo-credentials.txt", credentials)?;
    Ok(counts)
}

pub(crate) fn every_board_sees_its_invoices() -> Result<()> {
    let server = load()?;
    let mut admin = server.connect_admin()?;
    let counts = boards(&server)?;
    ensure!(counts.len() == BOARDS, "{} boards", counts.len());
    let (largest, smallest) = (counts[0].clone(), counts[BOARDS - 1].clone());
    ensure!(largest.1 == 16_571 && smallest.1 == 1, "{largest:?} {smallest:?}");

    let totals = "SELECT count(*), CAST(sum(belopp) * 100 AS bigint), count(DISTINCT namnd), count(*) FILTER (WHERE belopp < 0) \
                  FROM ekonomi.leverantorsfaktura";
    let row = text_rows(&admin.must(totals)?).pop().context("a row")?;
    ensure!(row == [ROWS, ORE, "31", "2696"], "{row:?}");
    let invoices = "SELECT count(*) FROM (SELECT DISTINCT leverantor, fakturanummer FROM ekonomi.leverantorsfaktura) AS f";
    ensure!(one_value(&mut admin, invoices)? == "22859", "invoices");
    // What is no company's number is refused with its reason, and counted.
    let tables =
        "SELECT table_name, rows_in, rows_written, rows_rejected FROM lis.batch_tables ORDER BY table_name";
    let tables = text_rows(&admin.must(tables)?);
    let expected = [
        ["ekonomi.leverantorsfaktura", ROWS, ROWS, "0"],
        ["ekonomi.organisationsnummer", ROWS, "67972", "49"],
    ];
    ensure!(tables == expected, "{tables:?}");
    let rejects = text_rows(&admin.must(
        "SELECT CASE WHEN rule IN ('pattern', 'length') THEN 'form' ELSE rule END AS r, count(DISTINCT line_number) \
         FROM lis.rejects GROUP BY 1 ORDER BY 1",
    )?);
    ensure!(rejects == [["form", "27"], ["required", "22"]], "{rejects:?}");

    for (user, rows) in &counts {
        let mut board = server.connect(user)?;
        let seen = one_value(&mut board, "SELECT count(*) FROM ekonomi.leverantorsfaktura")?;
        ensure!(seen == rows.to_string(), "{user} sees {seen} rows, not {rows}");
    }
    only_own_rows(&server, &largest.0, "BGR", 16_571, "1096219662")?;
    only_own_rows(&server, &smallest.0, "ÖVA", 1, "8071")?;
    if is_set(CLIENTS) {
        through_clients(&server, &largest.0, &smallest.0)?;
    }
    Ok(())
}

/// In joins, subqueries, CTEs, set operations, aggregates, EXPLAIN and prepared statements.
fn only_own_rows(server: &TestServer, user: &str, code: &str, rows: u64, ore: &str) -> Result<()> {
    let mut board: RawConnection = server.connect(user)?;
    let rows = rows.to_string();
    for sql in [
        "SELECT count(*) FROM ekonomi.leverantorsfaktura f WHERE f.namnd = '{code}'",
        "SELECT count(*) FROM ekonomi.leverantorsfaktura WHERE namnd = '{code}' OR true",
        "SELECT count(*) FROM ekonomi.leverantorsfaktura f JOIN (SELECT DISTINCT namnd FROM ekonomi.leverantorsfaktura) AS n ON n.namnd = f.namnd",
        "SELECT count(f.namnd) FROM (SELECT 1 AS a) AS e LEFT JOIN ekonomi.leverantorsfaktura f ON true",
        "SELECT count(*) FROM ekonomi.leverantorsfaktura WHERE konto IN (SELECT konto FROM ekonomi.leverantorsfaktura)",
        "SELECT count(*) FROM ekonomi.leverantorsfaktura f WHERE EXISTS (SELECT 1 FROM ekonomi.leverantorsfaktura g WHERE g.namnd = f.namnd)",
        "WITH f AS (SELECT * FROM ekonomi.leverantorsfaktura) SELECT count(*) FROM f",
        "SELECT count(*) FROM (SELECT * FROM ekonomi.leverantorsfaktura UNION ALL SELECT * FROM ekonomi.leverantorsfaktura WHERE false) AS u",
        "SELECT sum(n)::bigint FROM (SELECT konto, count(*) AS n FROM ekonomi.leverantorsfaktura GROUP BY konto) AS k",
        "SELECT max(n) FROM (SELECT count(*) OVER () AS n FROM ekonomi.leverantorsfaktura) AS w",
        "SELECT (SELECT count(*) FROM ekonomi.leverantorsfaktura)",
    ] {
        let sql = sql.replace("{code}", code);
        ensure!(one_value(&mut board, &sql)? == rows, "{user}: {sql}");
    }
    for (sql, expected) in [
        ("SELECT DISTINCT namnd FROM ekonomi.leverantorsfaktura", code),
        ("SELECT CAST(sum(belopp) * 100 AS bigint) FROM ekonomi.leverantorsfaktura", ore),
        ("SELECT count(*) FROM ekonomi.leverantorsfaktura WHERE namnd <> '{code}'", "0"),
        (
            "SELECT count(*) FROM (SELECT namnd FROM ekonomi.leverantorsfaktura EXCEPT SELECT '{code}') AS e",
            "0",
        ),
    ] {
        ensure!(one_value(&mut board, &sql.replace("{code}", code))? == expected, "{user}: {sql}");
    }
    board.must("PREPARE antal AS SELECT count(*) FROM ekonomi.leverantorsfaktura WHERE belopp > $1")?;
    let all = one_value(&mut board, "EXECUTE antal(-1000000000)")?;
    ensure!(all == rows, "{user}: prepared: {all}");
    let bound = board.extended(
        "SELECT count(*) FROM ekonomi.leverantorsfaktura WHERE namnd >= $1",
        &[Some("")],
        false,
    )?;
    ensure!(text_rows(&bound) == [[rows.clone()]], "{user}: with parameters: {bound:?}");
    let plan =
        text_rows(&board.must("EXPLAIN SELECT * FROM ekonomi.leverantorsfaktura")?).concat().join("\n");
    ensure!(!plan.is_empty() && !plan.contains(".parquet") && !plan.contains(ROWS), "{plan}");
    Ok(())
}

fn through_clients(server: &TestServer, largest: &str, smallest: &str) -> Result<()> {
    let sql = "SELECT count(*), CAST(sum(belopp) * 100 AS bigint) FROM ekonomi.leverantorsfaktura";
    ensure!(clients::psql_rows(server, "lis_admin", sql)? == format!("{ROWS}|{ORE}"), "psql as lis_admin");
    ensure!(
        clients::psql_rows(server, largest, sql)? == "16571|1096219662",
        "psql as the largest board's user"
    );
    ensure!(clients::psql_rows(server, smallest, sql)? == "1|8071", "psql as the smallest board's user");
    for (user, rows, ore) in
        [("lis_admin", ROWS, ORE), (largest, "16571", "1096219662"), (smallest, "1", "8071")]
    {
        let finished: Finished = clients::python_program(server, user, "invoices.py")?;
        let expected = format!("{rows} {ore}");
        ensure!(
            finished.stdout.trim() == expected,
            "ODBC as {user}: {} instead of {expected}",
            finished.stdout
        );
    }
    // A bulk extract has every row that its user may see, and a header.
    let path = server.warehouse().scratch().join("ut.csv");
    let copy = format!(
        "\\copy (SELECT * FROM ekonomi.leverantorsfaktura) TO '{}' WITH (FORMAT csv, HEADER)",
        path.display()
    );
    clients::psql_script(server, largest, &copy)?;
    let lines = Command::new("wc").arg("-l").arg(&path).output()?;
    ensure!(String::from_utf8_lossy(&lines.stdout).starts_with("16572 "), "{:?}", lines.stdout);
    Ok(())
}

//! Exempelstad, loaded by the loaders and read through the socket. The tests share one city and one server.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    Shared, TestServer, Warehouse, clients,
    raw::RawConnection,
    server::{Finished, must_fail, one_value, text_rows},
};

/// How long a million lines may take.
const MINUTE: Duration = Duration::from_secs(60);

/// The city that these tests share.
pub(crate) static CITY: Shared = Shared::new(|| TestServer::demo("0.01"));

fn number(connection: &mut RawConnection, sql: &str) -> Result<i64> {
    one_value(connection, sql)?.parse().with_context(|| sql.to_owned())
}

pub(crate) fn each_head_sees_the_own_administration() -> Result<()> {
    let server = CITY.get()?;
    let mut admin = server.connect_admin()?;
    for table in ["ekonomi.verifikationsrad", "ekonomi.budget"] {
        let all = number(&mut admin, &format!("SELECT count(*) FROM {table}"))?;
        ensure!(all > 5_000, "{table}: {all}");
        ensure!(
            number(&mut server.connect("finans")?, &format!("SELECT count(*) FROM {table}"))? == all,
            "finans: {table}"
        );
        ensure!(
            number(&mut server.connect("utan")?, &format!("SELECT count(*) FROM {table}"))? == 0,
            "utan: {table}"
        );
        let mut seen = 0;
        for code in ["101", "107", "114", "201", "206", "212", "216"] {
            let own =
                number(&mut admin, &format!("SELECT count(*) FROM {table} WHERE forvaltning = '{code}'"))?;
            let mut head = server.connect(&format!("chef_{code}"))?;
            ensure!(
                number(&mut head, &format!("SELECT count(*) FROM {table}"))? == own && own > 0,
                "chef_{code}: {table}"
            );
            let whose = text_rows(&head.must(&format!("SELECT DISTINCT forvaltning FROM {table}"))?);
            ensure!(whose == [[code]], "chef_{code}: {whose:?}");
            seen += own;
        }
        ensure!(seen < all, "{table}");
        // The head of the merged district sees the history of the two that became it.
        let merged = server
            .connect("chef_115")?
            .must(&format!("SELECT DISTINCT forvaltning FROM {table} ORDER BY 1"))?;
        ensure!(text_rows(&merged) == [["108"], ["109"], ["115"]], "{:?}", text_rows(&merged));
    }
    let mut head = server.connect("chef_101")?;
    must_fail(&mut head, "42501", "INSERT INTO ekonomi.budget (forvaltning) VALUES ('101')")?;
    must_fail(&mut head, "42501", "CREATE TABLE ekonomi.egen (a integer)")?;
    must_fail(&mut head, "42501", "GRANT adm_102 TO chef_101")?;
    must_fail(&mut head, "42501", "ALTER TABLE ekonomi.budget DISABLE ROW LEVEL SECURITY")?;
    ensure!(number(&mut head, "SELECT count(*) FROM org.forvaltning")? == 31, "dimensions are for everybody");
    let boards = "SELECT DISTINCT namnd FROM rapport.budgetuppfoljning";
    ensure!(text_rows(&head.must(boards)?) == [["51"]], "the report shows the own board");
    ensure!(server.connect("utan")?.must(boards)?.rows.is_empty(), "and nothing to who belongs nowhere");
    ensure!(
        number(
            &mut server.connect("finans")?,
            "SELECT count(DISTINCT namnd) FROM rapport.budgetuppfoljning"
        )? == 31,
        "31 boards"
    );
    Ok(())
}

pub(crate) fn the_books_are_in_order() -> Result<()> {
    let mut finance = CITY.get()?.connect("finans")?;
    let unbalanced = "SELECT count(*) FROM (SELECT forvaltning, verifikationsnummer FROM ekonomi.verifikationsrad \
                      GROUP BY forvaltning, verifikationsnummer HAVING sum(belopp) <> 0) AS v";
    ensure!(number(&mut finance, unbalanced)? == 0, "every voucher balances");
    let open = "SELECT count(*) FROM (SELECT v.forvaltning, k.ar FROM ekonomi.verifikationsrad v \
                JOIN org.kalender k ON k.period = v.period WHERE v.konto >= '3' \
                GROUP BY v.forvaltning, k.ar HAVING sum(v.belopp) <> 0) AS a";
    ensure!(number(&mut finance, open)? == 0, "every year is closed");
    let wages = "SELECT CAST(100 * sum(belopp) FILTER (WHERE konto LIKE '5%') / sum(belopp) AS integer) \
                 FROM ekonomi.verifikationsrad WHERE konto >= '4' AND konto < '8'";
    let wages = number(&mut finance, wages)?;
    ensure!((45..=55).contains(&wages), "wages are {wages} % of the cost");
    let keys = "SELECT count(*) - count(DISTINCT (forvaltning || ' ' || verifikationsnummer::text || ' ' || rad::text)) \
                FROM ekonomi.verifikationsrad";
    ensure!(number(&mut finance, keys)? == 0, "the primary key is unique");
    let before = "SELECT count(*) FROM ekonomi.verifikationsrad WHERE forvaltning IN ('108', '109') AND period > 202506";
    ensure!(number(&mut finance, before)? == 0, "merged administrations are over");
    let after =
        "SELECT count(*) FROM ekonomi.verifikationsrad WHERE forvaltning = '115' AND period <= 202506";
    ensure!(number(&mut finance, after)? == 0, "the new one has just begun");
    Ok(())
}

pub(crate) fn the_ledger_of_batches_agrees() -> Result<()> {
    let server = CITY.get()?;
    let mut admin = server.connect_admin()?;
    let lost = "SELECT count(*) FROM lis.batches WHERE state = 'published' AND rows_in <> rows_written + rows_rejected";
    ensure!(number(&mut admin, lost)? == 0, "rows in = rows written + rows rejected");
    let written =
        "SELECT sum(rows_written)::bigint FROM lis.batches WHERE source = 'agresso' AND state = 'published'";
    let rows = number(&mut admin, "SELECT count(*) FROM ekonomi.verifikationsrad")?;
    ensure!(number(&mut admin, written)? == rows, "the ledger says what is in the table");
    let rejected =
        "SELECT sum(rows_rejected)::bigint FROM lis.batches WHERE source = 'agresso' AND state = 'published'";
    let rejected = number(&mut admin, rejected)?;
    let share = rejected * 1000 / (rows + rejected);
    ensure!((5..15).contains(&share), "{share} in a thousand are rejected");
    let kept = "SELECT count(*) FROM lis.rejects r JOIN lis.batches b ON b.batch = r.batch \
                WHERE b.source = 'agresso' AND b.state = 'published'";
    ensure!(number(&mut admin, kept)? >= rejected, "every rejected row is kept");
    let rules = text_rows(&admin.must("SELECT DISTINCT rule FROM lis.rejects ORDER BY 1")?);
    for rule in ["fields", "one_of", "reference", "required", "type", "unique"] {
        ensure!(rules.iter().any(|row| row[0] == rule), "no reject by {rule}: {rules:?}");
    }
    ensure!(
        server.connect("chef_101")?.must("SELECT * FROM lis.rejects")?.rows.is_empty(),
        "rejects are not for everybody"
    );
    // The whole inbox again: nothing new.
    let again = server.warehouse().load("budget", &[])?.succeeded()?;
    ensure!(
        number(&mut admin, "SELECT count(*) FROM lis.batches WHERE source = 'budget'")? == 2,
        "{}",
        again.stdout
    );
    Ok(())
}

pub(crate) fn the_report_is_signed_as_reports_are() -> Result<()> {
    let mut finance = CITY.get()?.connect("finans")?;
    let wrong = "SELECT count(*) FROM rapport.budgetuppfoljning WHERE avvikelse <> utfall - budget";
    ensure!(number(&mut finance, wrong)? == 0, "the deviation is outcome less budget");
    let net =
        "SELECT count(*) FROM rapport.budgetuppfoljning WHERE namnd = '02' AND (utfall >= 0 OR budget >= 0)";
    ensure!(number(&mut finance, net)? == 0, "schools cost more than they earn: cost is negative");
    let booked = "SELECT CAST(-sum(v.belopp) AS numeric(15,2)) FROM ekonomi.verifikationsrad v JOIN org.konto k ON k.konto = v.konto \
                  WHERE v.namnd = '61' AND v.period BETWEEN 202501 AND 202506 AND k.typ IN ('I', 'K')";
    let shown = "SELECT utfall FROM rapport.budgetuppfoljning WHERE namnd = '61' AND period = 202506";
    ensure!(
        one_value(&mut finance, booked)? == one_value(&mut finance, shown)?,
        "accumulated within the year, of two administrations"
    );
    Ok(())
}

pub(crate) fn the_stories_are_there() -> Result<()> {
    let server = CITY.get()?;
    let mut finance = server.connect("finans")?;
    let worst = "SELECT namnd FROM rapport.budgetuppfoljning WHERE period = 202512 \
                 ORDER BY avvikelse / budget DESC LIMIT 1";
    ensure!(one_value(&mut finance, worst)? == "57", "Stenbrottet overspends most");
    let wages = text_rows(&finance.must(
        "SELECT k.period, count(v.belopp) FROM org.kalender k LEFT JOIN ekonomi.verifikationsrad v \
         ON v.period = k.period AND v.forvaltning = '212' AND v.konto LIKE '5%' \
         WHERE k.ar = 2025 GROUP BY k.period HAVING count(v.belopp) = 0",
    )?);
    ensure!(wages == [["202510", "0"]], "the payroll of October is missing: {wages:?}");
    let mut admin = server.connect_admin()?;
    let twice = text_rows(&admin.must(
        "SELECT sequence, state, rows_written FROM lis.batches \
         WHERE source = 'agresso' AND business_date = DATE '2025-03-31' ORDER BY sequence",
    )?);
    ensure!(
        twice.len() == 2 && twice[0][1] == "published" && twice[1][1] == "failed" && twice[1][2] == "0",
        "{twice:?}"
    );
    Ok(())
}

pub(crate) fn comments_and_keys_are_shown() -> Result<()> {
    let mut head = CITY.get()?.connect("chef_101")?;
    let comments = "SELECT count(*) FROM pg_catalog.pg_description d JOIN pg_catalog.pg_class c ON c.oid = d.objoid \
                    WHERE c.relname = 'verifikationsrad'";
    ensure!(number(&mut head, comments)? == 16, "a comment on the table and on each of its 15 columns");
    let key = "SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_catalog.pg_constraint k \
               JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey) \
               WHERE c.relname = 'verifikationsrad' AND k.contype = 'p'";
    ensure!(one_value(&mut head, key)? == "forvaltning,verifikationsnummer,rad", "the primary key");
    let secured =
        "SELECT relname FROM pg_catalog.pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY 1";
    ensure!(text_rows(&head.must(secured)?) == [["budget"], ["verifikationsrad"]], "row security, forced");
    Ok(())
}

pub(crate) fn a_million_lines_load_in_a_minute() -> Result<()> {
    let begun = Instant::now();
    let warehouse = Warehouse::demo("1")?;
    let took = begun.elapsed();
    let server = TestServer::over(warehouse.into())?;
    let rows = number(&mut server.connect("finans")?, "SELECT count(*) FROM ekonomi.verifikationsrad")?;
    ensure!(rows > 950_000, "{rows} rows");
    ensure!(took < MINUTE, "it took {took:?}");
    Ok(())
}

/// An outside reader of the format (DuckDB) sees as many rows as LIS does, in every table.
pub(crate) fn duckdb_reads_the_lake() -> Result<()> {
    let server = CITY.get()?;
    let mut admin = server.connect_admin()?;
    // A table that was altered in every way that leaves its files as they are.
    for statement in [
        "CREATE SCHEMA utlast",
        "CREATE TABLE utlast.t (a smallint, b varchar(3), c numeric(6,2), d real, borta integer)",
        "INSERT INTO utlast.t VALUES (1, 'abc', 1.25, 0.1, 1), (-2, NULL, -7, 1e10, 2)",
        "ALTER TABLE utlast.t ADD COLUMN e integer DEFAULT 7 NOT NULL, ADD f text DEFAULT 'ny', DROP COLUMN borta",
        "ALTER TABLE utlast.t ALTER a TYPE bigint, ALTER b TYPE text, ALTER c TYPE numeric(12,4), \
         ALTER d TYPE double precision",
        "ALTER TABLE utlast.t RENAME COLUMN b TO bb",
        "INSERT INTO utlast.t VALUES (3000000000, 'längre', 123456.7891, 0.3, 8, NULL)",
        "CREATE SCHEMA annan",
        "ALTER TABLE utlast.t SET SCHEMA annan",
    ] {
        admin.must(statement)?;
    }
    let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/duckdb_outside_reader.py");
    let mut command = Command::new(clients::python()?);
    command.arg(&program).arg(server.warehouse().path());
    let tables = [
        "ekonomi.verifikationsrad",
        "ekonomi.budget",
        "org.forvaltning",
        "org.namnd",
        "org.konto",
        "org.kalender",
        "annan.t",
    ];
    for table in tables {
        let rows = number(&mut admin, &format!("SELECT count(*) FROM {table}"))?;
        ensure!(rows > 0, "{table} is empty");
        command.arg(format!("{table}={rows}"));
    }
    let finished = Finished::from(command.output()?).succeeded()?;
    for table in tables {
        ensure!(finished.stdout.contains(table), "{table} was not read: {}", finished.stdout);
    }
    Ok(())
}

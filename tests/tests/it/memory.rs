//! Nothing takes more memory than statements are given: what is made without end is made a batch at a time or is 53200,
//! and the server goes on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use lis_tests::{
    TestServer,
    raw::RawConnection,
    server::{Warehouse, must_fail, one_value},
};

/// What the statements get, and what the server may keep when they are over.
const MEMORY: &str = "[limits]\nmemory_mebibytes = 64\n";
const RESIDENT_KIB_MAX: u64 = 256 << 10;
/// And what it may take while they run: what grows is counted when it has grown, and before that stands there twice.
const PEAK_KIB_MAX: u64 = 640 << 10;
/// The allocator keeps what is freed for some seconds.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(60);

fn small_server() -> Result<TestServer> {
    TestServer::with_configuration(Arc::new(Warehouse::init()?), MEMORY)
}

/// Waits until the server holds no more than it may between statements. It gives memory back while it works.
fn memory_is_given_back(server: &TestServer, connection: &mut RawConnection) -> Result<()> {
    let peak = server.peak_kib()?;
    ensure!(peak < PEAK_KIB_MAX, "{peak} KiB at its most");
    let begun = Instant::now();
    loop {
        let resident = server.resident_kib()?;
        if resident < RESIDENT_KIB_MAX {
            return Ok(());
        }
        ensure!(begun.elapsed() < GIVEN_BACK_WITHIN, "{resident} KiB are not given back");
        one_value(connection, "SELECT count(*) FROM generate_series(1, 100000)")?;
    }
}

/// A series is not held: neither one that is longer than memory, nor one for each of many rows.
pub(crate) fn series_are_streams() -> Result<()> {
    let server = small_server()?;
    let mut connection = server.connect_admin()?;
    for (sql, expected) in [
        ("SELECT count(*) FROM generate_series(1, 25000000)", "25000000"),
        ("SELECT sum(g) FROM generate_series(25000000::bigint, 1, -5) g", "62500012500000"),
        (
            "SELECT max(g) FROM generate_series(timestamp '2000-01-01', '2000-08-01', '1 s') g",
            "2000-08-01 00:00:00",
        ),
        (
            "SELECT count(*) FROM (VALUES (9000000), (9000000), (9000000)) v(n), generate_series(1, n)",
            "27000000",
        ),
        ("SELECT count(*) FROM (SELECT generate_series(1, 25000000)) t", "25000000"),
        ("SELECT sum(g) FROM (SELECT g FROM generate_series(1, 1000000000000000) g LIMIT 3) t", "6"),
    ] {
        let got = one_value(&mut connection, sql)?;
        ensure!(got == expected, "{sql}: {got}");
    }
    memory_is_given_back(&server, &mut connection)
}

/// Recursion that grows without end, and what has to be held.
pub(crate) fn too_much_is_an_error_of_the_statement() -> Result<()> {
    let server = small_server()?;
    let mut connection = server.connect_admin()?;
    for sql in [
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r, generate_series(1, 10)) SELECT count(*) FROM r",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n * 10 + g FROM r, generate_series(0, 9) g WHERE n < 100000000) \
            SELECT count(*) FROM r",
        "SELECT array_length(array_agg(g), 1) FROM generate_series(1, 30000000) g",
        "SELECT count(DISTINCT g) FROM generate_series(1, 30000000) g",
        "WITH w AS MATERIALIZED (SELECT g FROM generate_series(1, 30000000) g) SELECT count(*) FROM w a, w b \
            WHERE a.g = b.g",
    ] {
        must_fail(&mut connection, "53200", sql)?;
        ensure!(one_value(&mut connection, "SELECT 1")? == "1", "after {sql}");
    }
    memory_is_given_back(&server, &mut connection)
}

/// What functions make of a batch of rows has to fit beside everything else, and is gone when the next batch comes.
pub(crate) fn made_values_are_counted() -> Result<()> {
    let server = small_server()?;
    let mut connection = server.connect_admin()?;
    for sql in [
        "SELECT length(repeat('x', 10000000 + g)) FROM generate_series(1, 10) g",
        "SELECT g FROM generate_series(1, 10) g WHERE repeat('x', 10000000 + g) <> ''",
        "SELECT max(length(repeat('x', 100000000 - g))) FROM generate_series(1, 1) g",
        "SELECT cardinality(array_fill(g, ARRAY[20000])) FROM generate_series(1, 1000) g",
        "SELECT count(string_to_array(repeat('x,', 10000 + g), ',')) FROM generate_series(1, 1000) g",
    ] {
        must_fail(&mut connection, "53200", sql)?;
        ensure!(one_value(&mut connection, "SELECT 1")? == "1", "after {sql}");
    }
    for (sql, expected) in [
        ("SELECT sum(length(repeat('x', 1000 + g % 2))) FROM generate_series(1, 200000) g", "200100000"),
        ("SELECT count(*) FROM generate_series(1, 200000) g WHERE repeat('x', 1000 + g % 2) <> ''", "200000"),
        (
            "SELECT count(*) FROM (SELECT repeat('x', 1000 + g % 2) t FROM generate_series(1, 200000) g) t",
            "200000",
        ),
        (
            "SELECT max(t) FROM (SELECT repeat('x', 1000) || g % 2 t FROM generate_series(1, 200000) g) t",
            &format!("{}1", "x".repeat(1000)),
        ),
        ("SELECT length(repeat('x', 20000000))", "20000000"),
    ] {
        let got = one_value(&mut connection, sql)?;
        ensure!(got == expected, "{sql}: {got}");
    }
    memory_is_given_back(&server, &mut connection)
}

/// What functions and aggregates make of little is refused before it is made.
pub(crate) fn long_values_are_refused() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    for (code, sql) in [
        ("53200", "SELECT sum(length(repeat('x', 1000000) || i)) FROM generate_series(1, 100000) g(i)"),
        ("53200", "SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 100000)"),
        (
            "53200",
            "SELECT i % 2, string_agg(repeat('x', 1000000), '') FROM generate_series(1, 100000) g(i) GROUP BY 1",
        ),
        ("54000", "SELECT length(replace(repeat('a', 1000000), 'a', repeat('b', 10000)))"),
        ("54000", "SELECT length(array_fill(repeat('x', 100000), ARRAY[1000000])::text)"),
        ("54000", "SELECT array_agg(repeat('x', 1000000)) FROM generate_series(1, 2000)"),
    ] {
        must_fail(&mut connection, code, sql)?;
        ensure!(one_value(&mut connection, "SELECT 1")? == "1", "after {sql}");
    }
    Ok(())
}

/// What stands once and would be copied for each row: by joins, windows, unnesting, subscripts and sorts.
pub(crate) fn long_values_are_not_copied_for_each_row() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let long = "(SELECT array_agg(i) a FROM generate_series(1, 1000000) i) x";
    for from in [
        format!("count(a) FROM {long}, generate_series(1, 100000) g WHERE cardinality(a) > g"),
        format!("count(a) FROM {long} JOIN generate_series(1, 100000) g ON a[1] = g % 2"),
        format!("count(b) FROM (SELECT a || g AS b FROM {long}, generate_series(1, 100000) g) y"),
        format!("count(b) FROM (SELECT lag(a) OVER (ORDER BY a[1]) b FROM {long}) y"),
        format!("count(b) FROM (SELECT a b, unnest(a) FROM {long}) y"),
        format!("array_agg(a) FROM {long}, generate_series(1, 10000)"),
        "count(*) FROM (SELECT t, g FROM (SELECT repeat('x', 1000000) t) x, generate_series(1, 100000) g \
         ORDER BY t, g OFFSET 1) y"
            .to_owned(),
    ] {
        let sql = format!("SELECT {from}");
        must_fail(&mut connection, "53200", &sql)?;
        ensure!(one_value(&mut connection, "SELECT 1")? == "1", "after {sql}");
    }
    for (sql, expected) in [
        (
            "SELECT sum((SELECT array_agg(i ORDER BY i) FROM generate_series(1, 1000000) i)[g]) FROM generate_series(1, 9) g",
            "45",
        ),
        (
            "SELECT count(*) FROM (SELECT unnest(array_agg(i)) FROM generate_series(1, 1000000) i) y",
            "1000000",
        ),
        (
            "SELECT count(a) FROM (SELECT array_agg(i) a FROM generate_series(1, 9000) i) x, generate_series(1, 9000)",
            "9000",
        ),
        (
            "SELECT sum(length(t)) FROM (SELECT t FROM (SELECT repeat('x', 50000) t) x, generate_series(1, 9000) g \
             ORDER BY t, g OFFSET 1000) y",
            "400000000",
        ),
        (
            "SELECT max(length(t)) FROM (SELECT t, g FROM (SELECT repeat('x', 1000000) t) x, generate_series(1, 100000) g \
             ORDER BY t, g DESC LIMIT 3) y",
            "1000000",
        ),
    ] {
        let got = one_value(&mut connection, sql)?;
        ensure!(got == expected, "{sql}: {got}");
    }
    Ok(())
}

/// A session's own parameters, by whatever way and however often they are set, and with a mark of them in each
/// savepoint, take little.
pub(crate) fn settings_are_few_and_short() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let before = server.resident_kib()?;
    let many = "SELECT count(set_config('a.x' || i, repeat('v', 1000), false)) FROM generate_series(1, 1000000) g(i)";
    must_fail(&mut connection, "54000", many)?;
    let kept = "SELECT current_setting('a.x1', true) IS NULL";
    ensure!(one_value(&mut connection, kept)? == "t", "a failed statement has set something");
    let one = "SELECT count(set_config('a.x', i::text, false)) FROM generate_series(1, 300000) g(i)";
    ensure!(one_value(&mut connection, one)? == "300000", "{one}");
    let is_one_of_them = "SELECT current_setting('a.x')::int BETWEEN 1 AND 300000";
    ensure!(one_value(&mut connection, is_one_of_them)? == "t", "{is_one_of_them}");
    for parameter in 0..4 {
        connection.must(&format!("SET a.y{parameter} = '{}'", "v".repeat(16_000)))?;
    }
    let value = "v".repeat(2_000);
    must_fail(&mut connection, "54000", &format!("SET a.y4 = '{value}'"))?;
    must_fail(&mut connection, "54000", &format!("SELECT set_config('a.y4', '{value}', true)"))?;
    connection.must("BEGIN")?;
    for savepoint in 0..5_000 {
        connection.must(&format!("SAVEPOINT s{savepoint}"))?;
    }
    connection.must("ROLLBACK")?;
    let taken = server.peak_kib()?.saturating_sub(before);
    ensure!(taken < 250 << 10, "{taken} KiB");
    Ok(())
}

/// A union of many arms is one union: planning it takes neither depth nor the square of its length.
pub(crate) fn a_union_of_many_arms() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    for between in [" UNION ALL ", " UNION "] {
        let arms: Vec<String> = (0..1500).map(|arm| format!("SELECT {} AS n", arm % 700)).collect();
        let sql = format!("SELECT count(*) FROM ({}) u", arms.join(between));
        let expected = if between == " UNION " { "700" } else { "1500" };
        let got = one_value(&mut connection, &sql)?;
        ensure!(got == expected, "{between}: {got}");
    }
    Ok(())
}

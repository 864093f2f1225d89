//! Statements that write, stopped at any moment by their time limit or by who asked: what is answered is what happened,
//! and files that were begun are removed.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::{Bytes, BytesMut};
use lis_tests::{
    TestServer,
    raw::{RawConnection, Response, responses},
    server::{one_value, pause, text_rows},
};
use postgres_protocol::message::frontend;

use crate::wire::cancel;

/// Rows of the table.
const ROWS: u32 = 30_000;
/// A statement is stopped so many milliseconds after its beginning; the last lets it end.
const MOMENTS: [u32; 6] = [1, 5, 20, 60, 150, 60_000];

/// Statements of which each changes the table whenever it ends.
const CHANGES: &[&str] = &[
    "UPDATE public.t SET n = n + 1",
    "UPDATE public.t SET n = n + v.m FROM (VALUES (1), (2)) AS v (m) WHERE t.n % 3 = v.m",
    "DELETE FROM public.t WHERE n % 11 = 5",
    "MERGE INTO public.t USING generate_series(1, 100000) AS s (m) ON t.n = s.m \
     WHEN MATCHED AND m % 2 = 0 THEN UPDATE SET b = b || 'm' \
     WHEN NOT MATCHED THEN INSERT VALUES (s.m, 'ny')",
    "INSERT INTO public.t SELECT n + 1000000, b FROM public.t WHERE n < 20000",
    "WITH borta AS (DELETE FROM public.t WHERE n % 5 = 1 RETURNING n) \
     INSERT INTO public.t SELECT n % 977, 'åter' FROM borta",
    "ALTER TABLE public.t ALTER n TYPE bigint USING n + 1",
    "ALTER TABLE public.t ALTER n TYPE integer USING n + 1",
];

/// What the table holds, in a line.
fn state(connection: &mut RawConnection) -> Result<Vec<String>> {
    let sql = "SELECT count(*), sum(n), sum(length(b)) FROM public.t";
    text_rows(&connection.must(sql)?).pop().context("a row")
}

/// Whether a statement was stopped. Any other error is one of the test.
fn stopped(answers: &[Response], what: &str) -> Result<bool> {
    match answers.iter().find_map(|answer| answer.error.as_ref()) {
        None => Ok(false),
        Some(error) if error.sqlstate() == "57014" => Ok(true),
        Some(error) => Err(anyhow!("{what}: {error:?}")),
    }
}

fn files_below(directory: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        count += if path.is_dir() { files_below(&path)? } else { 1 };
    }
    Ok(count)
}

/// Nothing is left of what was stopped, and what is referred to is there and whole.
fn nothing_is_left(server: &TestServer, admin: &mut RawConnection) -> Result<()> {
    admin.must("CALL lis.expire_snapshots(interval '0')")?;
    admin.must("CALL lis.remove_orphans(interval '0')")?;
    admin.must("CALL lis.verify()")?;
    let said: String = admin.notices.iter().map(|notice| notice.message().to_owned()).collect();
    let files = files_below(&server.warehouse().path().join("lake"))?;
    ensure!(said.starts_with(&format!("{files} data files are whole")), "{files} files: {said}");
    Ok(())
}

fn filled() -> Result<(TestServer, RawConnection)> {
    let server = TestServer::start()?;
    let mut admin = server.connect_admin()?;
    admin.must("CREATE TABLE public.t (n integer, b text)")?;
    for half in 0..2 {
        admin.must(&format!(
            "INSERT INTO public.t SELECT i, md5(i::text) FROM generate_series({}, {}) AS g(i)",
            half * ROWS / 2 + 1,
            (half + 1) * ROWS / 2
        ))?;
    }
    Ok((server, admin))
}

pub(crate) fn a_statement_that_is_stopped_leaves_nothing() -> Result<()> {
    let (server, mut admin) = filled()?;
    let mut writer = server.connect_admin()?;
    let csv: String = (0..ROWS).map(|row| format!("{row},rad {row}\n")).collect();
    let (mut cut, mut ended) = (0, 0);
    for moment in MOMENTS {
        writer.must(&format!("SET statement_timeout = {moment}"))?;
        for change in CHANGES {
            let before = state(&mut admin)?;
            let was_stopped = stopped(&writer.simple(change)?, change)?;
            let unchanged = state(&mut admin)? == before;
            ensure!(unchanged == was_stopped, "{change} after {moment} ms: stopped: {was_stopped}");
            if was_stopped { cut += 1 } else { ended += 1 }
        }
        let before = state(&mut admin)?;
        let answers = writer.copy_in("COPY public.t FROM STDIN (FORMAT csv)", csv.as_bytes())?;
        let was_stopped = stopped(&answers, "COPY")?;
        ensure!((state(&mut admin)? == before) == was_stopped, "COPY after {moment} ms");
        let before = state(&mut admin)?;
        for maintenance in ["CALL lis.compact('public.t')", "CALL lis.refresh_statistics('public.t')"] {
            stopped(&writer.simple(maintenance)?, maintenance)?;
            ensure!(state(&mut admin)? == before, "{maintenance} after {moment} ms changed rows");
        }
    }
    ensure!(cut > 0 && ended > 0, "{cut} were stopped and {ended} ended");
    nothing_is_left(&server, &mut admin)
}

pub(crate) fn a_statement_that_is_cancelled_leaves_nothing() -> Result<()> {
    let (server, mut admin) = filled()?;
    let mut cancelled = 0;
    for (number, change) in CHANGES.iter().cycle().take(2 * CHANGES.len()).enumerate() {
        let before = state(&mut admin)?;
        let mut writer = server.connect_admin()?;
        let mut out = BytesMut::new();
        frontend::query(change, &mut out)?;
        writer.send(&out)?;
        pause(Duration::from_millis(7 * u64::try_from(number)?));
        cancel(&server, &writer)?;
        let was_stopped = stopped(&responses(writer.until_ready()?), change)?;
        cancelled += u32::from(was_stopped);
        ensure!((state(&mut admin)? == before) == was_stopped, "{change}: stopped: {was_stopped}");
        ensure!(one_value(&mut writer, "SELECT 1")? == "1", "the connection is not usable");
    }
    ensure!(cancelled > 0, "nothing was cancelled");
    nothing_is_left(&server, &mut admin)
}

/// A client that goes away in the middle of what it sends or of its transaction.
pub(crate) fn a_client_that_goes_leaves_nothing() -> Result<()> {
    let (server, mut admin) = filled()?;
    let before = state(&mut admin)?;
    for change in ["COPY public.t FROM STDIN (FORMAT csv)", "BEGIN; UPDATE public.t SET n = 0"] {
        let mut writer = server.connect_admin()?;
        let mut out = BytesMut::new();
        frontend::query(change, &mut out)?;
        writer.send(&out)?;
        if change.starts_with("COPY") {
            let line = format!("1,{}\n", "x".repeat(2000));
            out.clear();
            for _ in 0..500 {
                frontend::CopyData::new(Bytes::copy_from_slice(line.as_bytes()))?.write(&mut out);
            }
            writer.send(&out)?;
        }
        let process = writer.key.context("no key")?.0;
        drop(writer);
        // Its session ends when the server has noticed.
        let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
        while one_value(&mut admin, &there)? != "0" {
            thread::yield_now();
        }
        ensure!(state(&mut admin)? == before, "{change} by who has gone");
    }
    nothing_is_left(&server, &mut admin)
}

/// What compares each part of one long value with each of another: no row comes to an end between which the statement
/// could be stopped.
const LONG_VALUES: &[&str] = &[
    "SELECT j @> j FROM (SELECT jsonb_agg(i) j FROM generate_series(1, 200000) i) t",
    "SELECT j ?& a FROM (SELECT jsonb_agg(i::text) j, array_agg((-i)::text) || array_agg(i::text) a FROM \
     generate_series(1, 300000) i) t",
    "SELECT j ?| a FROM (SELECT jsonb_agg(i::text) j, array_agg((-i)::text) a FROM generate_series(1, 300000) i) t",
    "SELECT repeat('a', 3000000) LIKE '%' || repeat('a_', 100000) || 'b%'",
    "SELECT sum(array_position(a, -i)) FROM generate_series(1, 8000) i, \
     (SELECT array_agg(j) a FROM generate_series(1, 10000) j) t",
];

/// And what would do so, but does not need to.
const SETS: &[(&str, &str)] = &[
    ("SELECT a <@ a AND a && a FROM (SELECT array_agg(i) a FROM generate_series(1, 300000) i) t", "t"),
    ("SELECT t LIKE '%' || repeat('a%', 10000) || 'b' FROM (SELECT repeat('a', 3000000) t) t", "f"),
    ("SELECT length(btrim(repeat('a', 3000000), repeat('b', 3000000) || 'a'))", "0"),
    (
        "SELECT length((j - a)::text) FROM (SELECT jsonb_agg(i::text) j, array_agg(i::text) a FROM \
      generate_series(1, 300000) i) t",
        "2",
    ),
    (
        "SELECT count(*) FROM generate_series(1, 300000) i WHERE i = ANY ((SELECT array_agg(j) FROM \
      generate_series(-300000, 10) j)::int[])",
        "10",
    ),
    (
        "SELECT count(*) FROM generate_series(1, 300000) i WHERE i > ALL ((SELECT array_agg(j) FROM \
      generate_series(-300000, 10) j)::int[])",
        "299990",
    ),
];

/// More statements than there are threads for them: were they not stopped, nobody would be answered any more.
const STOPPED: usize = 40;

pub(crate) fn long_values_are_stopped_or_quick() -> Result<()> {
    let server = TestServer::start()?;
    let mut session = server.connect_admin()?;
    session.must("SET statement_timeout = '200ms'")?;
    for turn in 0..STOPPED {
        let sql = LONG_VALUES[turn % LONG_VALUES.len()];
        stopped(&session.simple(sql)?, sql)?;
    }
    session.must("SET statement_timeout = 0")?;
    for (sql, expected) in SETS {
        ensure!(one_value(&mut session, sql)? == *expected, "{sql}");
    }
    Ok(())
}

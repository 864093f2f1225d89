//! The protocol: statements and their status, errors with their place, cancel, portals, limits, flat memory.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use lis_tests::{
    TestServer,
    raw::{RawConnection, Target, responses},
    server::{Warehouse, must_fail, one_value, pause, text_rows},
};
use postgres_protocol::message::frontend;

/// A statement that runs far longer than any test.
const ENDLESS: &str = "SELECT sum(a.i::bigint * b.i) FROM generate_series(1, 3000000) AS a(i), generate_series(1, 3000000) AS b(i) \
                       WHERE a.i % 7 <> b.i % 5";
/// How soon a cancelled statement must have ended.
const CANCELLED_WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn a_wrong_password_is_refused() -> Result<()> {
    let server = TestServer::start()?;
    let wrong = |user: &str| -> Result<_> {
        let refused = RawConnection::try_open(&server.target(user, "fel"), &[])?;
        let error = refused.err().context("a wrong password was taken")?;
        Ok((error.sqlstate().to_owned(), error.message().replace(user, "USER")))
    };
    let known = wrong("lis_admin")?;
    ensure!(known.0 == "28P01" && known.1.contains("password authentication failed"), "{known:?}");
    ensure!(known == wrong("finns_inte")?, "an unknown user looks like a wrong password");
    server.connect_admin()?.must("SELECT 1")?;
    let nowhere = lis_tests::raw::Target { database: "annan".to_owned(), ..server.admin()? };
    let refused = RawConnection::try_open(&nowhere, &[])?.err().context("a database that does not exist")?;
    ensure!(refused.sqlstate() == "3D000", "{refused:?}");
    let alias = lis_tests::raw::Target { database: "flis".to_owned(), ..server.admin()? };
    RawConnection::open(&alias)?.must("SELECT 1")?;
    Ok(())
}

pub(crate) fn statements_in_one_message() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let answers = connection
        .simple("SELECT 1 AS a; SET statement_timeout = 0; ; SELECT 'x;y' -- ;\n, 2; /* ; */ SELECT 3")?;
    let tags: Vec<&str> = answers.iter().filter_map(|answer| answer.tag.as_deref()).collect();
    ensure!(tags == ["SELECT 1", "SET", "SELECT 1", "SELECT 1"], "{tags:?}");
    ensure!(text_rows(&answers[2]) == [["x;y", "2"]], "{answers:?}");
    // One that fails ends the message; what is before it in the message was one transaction.
    connection.must("CREATE TABLE public.t (a integer)")?;
    let answers =
        connection.simple("INSERT INTO public.t VALUES (1); SELECT 1/0; INSERT INTO public.t VALUES (2)")?;
    ensure!(
        answers.len() == 2 && answers[1].error.as_ref().is_some_and(|error| error.sqlstate() == "22012"),
        "{answers:?}"
    );
    ensure!(
        one_value(&mut connection, "SELECT count(*) FROM public.t")? == "0",
        "a message is one transaction"
    );
    let empty = connection.simple("")?;
    ensure!(empty.len() == 1 && empty[0].error.is_none(), "EmptyQueryResponse: {empty:?}");
    Ok(())
}

pub(crate) fn the_transaction_status_is_true() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let mut step = |sql: &str, status: u8, sqlstate: Option<&str>| -> Result<()> {
        let answers = connection.simple(sql)?;
        let error =
            answers.iter().find_map(|answer| answer.error.as_ref()).map(|error| error.sqlstate().to_owned());
        ensure!(error.as_deref() == sqlstate, "{sql}: {answers:?}");
        let got = char::from(connection.status);
        ensure!(connection.status == status, "{sql}: status {got}, not {}", char::from(status));
        Ok(())
    };
    step("SELECT 1", b'I', None)?;
    step("BEGIN", b'T', None)?;
    step("CREATE TABLE public.t (a integer)", b'T', None)?;
    step("INSERT INTO public.t VALUES (1)", b'T', None)?;
    step("SELECT a FROM public.t", b'T', None)?;
    step("SELECT nothing FROM public.t", b'E', Some("42703"))?;
    step("SELECT 1", b'E', Some("25P02"))?;
    step("COMMIT", b'I', None)?;
    step("SELECT a FROM public.t", b'I', Some("42P01"))?;
    step("BEGIN", b'T', None)?;
    step("SAVEPOINT one", b'T', None)?;
    step("SELECT 1/0", b'E', Some("22012"))?;
    step("ROLLBACK TO one", b'T', None)?;
    step("SELECT 1", b'T', None)?;
    step("RELEASE one", b'T', None)?;
    step("ROLLBACK TO one", b'E', Some("3B001"))?;
    step("ROLLBACK", b'I', None)?;
    let tag = connection.simple("BEGIN; SELECT 1/0")?;
    ensure!(connection.status == b'E', "{tag:?}");
    let rolled_back = connection.simple("COMMIT")?;
    ensure!(rolled_back[0].tag.as_deref() == Some("ROLLBACK"), "{rolled_back:?}");
    Ok(())
}

pub(crate) fn errors_say_what_and_where() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    connection.must("CREATE TABLE public.tabell (kolumn integer)")?;
    for (sql, sqlstate, names, position) in [
        ("SELECT 1 +", "42601", "", Some("11")),
        ("SELEC 1", "42601", "SELEC", Some("1")),
        ("SELECT 'åäö', saknas FROM public.tabell", "42703", "saknas", Some("15")),
        ("SELECT * FROM public.finns_inte", "42P01", "public.finns_inte", Some("15")),
        ("SELECT * FROM ingen.tabell", "42P01", "ingen.tabell", Some("15")),
        ("SELECT okand(1)", "42883", "okand(integer)", Some("8")),
        ("SELECT 1 + 'x'", "22P02", "x", Some("12")),
        ("SELECT date '2024-02-30'", "22008", "2024-02-30", Some("13")),
        ("SELECT 2147483647 + 1", "22003", "integer", None),
        ("SELECT 1/0", "22012", "", None),
        ("SELECT kolumn, count(*) FROM public.tabell", "42803", "kolumn", Some("8")),
        ("CREATE TABLE public.tabell (a integer)", "42P07", "tabell", None),
        ("SET finns_inte = 1", "42704", "finns_inte", None),
        ("FETCH 1 FROM ingen", "34000", "ingen", None),
        ("EXECUTE ingen", "26000", "ingen", None),
        ("SELECT 1 FROM public.tabell GROUP BY 2", "42P10", "2", Some("38")),
        ("LISTEN kanal", "0A000", "LISTEN", None),
    ] {
        let answers = connection.simple(sql)?;
        let error = answers
            .iter()
            .find_map(|answer| answer.error.clone())
            .with_context(|| format!("{sql}: {answers:?}"))?;
        ensure!(error.sqlstate() == sqlstate, "{sql}: {error:?}");
        ensure!(error.message().contains(names), "{sql}: {error:?}");
        ensure!(
            position.is_none() || error.field('P') == position,
            "{sql}: position {:?}: {error:?}",
            error.field('P')
        );
        // No capital at the beginning, unless it is a keyword's.
        let first = error.message().split(' ').next().unwrap_or_default();
        let is_small = first == first.to_uppercase() || !first.starts_with(char::is_uppercase);
        ensure!(is_small && !error.message().ends_with('.'), "{sql}: {}", error.message());
        ensure!(error.field('S') == Some("ERROR") && error.field('V') == Some("ERROR"), "{sql}: {error:?}");
        ensure!(one_value(&mut connection, "SELECT 1")? == "1", "usable after {sql}");
    }
    Ok(())
}

/// Sends a cancel request for a connection, as `PQcancel` does.
pub(crate) fn cancel(server: &TestServer, connection: &RawConnection) -> Result<()> {
    let (process, secret) = connection.key.context("no BackendKeyData")?;
    let mut stream = TcpStream::connect(server.address())?;
    let mut out = BytesMut::new();
    frontend::cancel_request(process.cast_signed(), secret.cast_signed(), &mut out);
    stream.write_all(&out)?;
    // The server closes the connection when it has acted on it.
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Waits until the server says that the connection's statement runs.
fn until_it_runs(server: &TestServer, process: u32) -> Result<()> {
    let mut watcher = server.connect_admin()?;
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process} AND state = 'active'");
    let begun = Instant::now();
    while one_value(&mut watcher, &sql)? != "1" {
        ensure!(begun.elapsed() < Duration::from_secs(30), "it never runs");
    }
    Ok(())
}

pub(crate) fn a_running_statement_can_be_cancelled() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let mut out = BytesMut::new();
    frontend::query(ENDLESS, &mut out)?;
    connection.send(&out)?;
    until_it_runs(&server, connection.key.context("no key")?.0)?;
    let begun = Instant::now();
    cancel(&server, &connection)?;
    let answers = responses(connection.until_ready()?);
    let error = answers.iter().find_map(|answer| answer.error.as_ref()).context("it was not cancelled")?;
    ensure!(error.sqlstate() == "57014", "{error:?}");
    ensure!(begun.elapsed() < CANCELLED_WITHIN, "it took {:?}", begun.elapsed());
    ensure!(one_value(&mut connection, "SELECT 1")? == "1", "the connection is usable");
    // A wrong secret does nothing.
    connection.send(&out)?;
    until_it_runs(&server, connection.key.context("no key")?.0)?;
    let right = connection.key;
    connection.key = right.map(|(process, secret)| (process, secret.wrapping_add(1)));
    cancel(&server, &connection)?;
    until_it_runs(&server, right.context("no key")?.0)?;
    connection.key = right;
    cancel(&server, &connection)?;
    connection.until_ready()?;
    // The time limit is the same thing by another road.
    connection.must("SET statement_timeout = '200ms'")?;
    must_fail(&mut connection, "57014", ENDLESS)?;
    Ok(())
}

pub(crate) fn a_streaming_result_can_be_cancelled() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let mut out = BytesMut::new();
    frontend::query(
        "SELECT a.i, repeat('x', 100) FROM generate_series(1, 100000) AS a(i), generate_series(1, 100000) AS b(i)",
        &mut out,
    )?;
    connection.send(&out)?;
    while connection.receive()?.tag != b'D' {}
    cancel(&server, &connection)?;
    let begun = Instant::now();
    loop {
        let message = connection.receive()?;
        if message.tag == b'Z' {
            break;
        }
        ensure!(message.tag != b'C', "it ran to its end");
        ensure!(begun.elapsed() < CANCELLED_WITHIN, "it goes on for {:?}", begun.elapsed());
    }
    ensure!(one_value(&mut connection, "SELECT 1")? == "1", "the connection is usable");
    Ok(())
}

pub(crate) fn portals_suspend() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    connection.must("BEGIN")?;
    let mut out = BytesMut::new();
    frontend::parse("s", "SELECT i FROM generate_series(1, $1) AS g(i)", [23], &mut out)?;
    let bound = frontend::bind(
        "p",
        "s",
        [0],
        [b"10"],
        |value: &[u8; 2], buffer| {
            buffer.extend_from_slice(value);
            Ok(postgres_protocol::IsNull::No)
        },
        [0],
        &mut out,
    );
    ensure!(bound.is_ok(), "Bind");
    for rows in [4, 4, 4] {
        frontend::execute("p", rows, &mut out)?;
    }
    frontend::sync(&mut out);
    connection.send(&out)?;
    let tags: String = connection.until_ready()?.iter().map(|message| char::from(message.tag)).collect();
    ensure!(tags == "12DDDDsDDDDsDDCZ", "{tags}");
    ensure!(connection.status == b'T', "in a transaction");
    connection.must("COMMIT")?;
    // After an error everything is skipped up to Sync, and the connection lives.
    out.clear();
    frontend::parse("", "SELECT 1/0", [], &mut out)?;
    let bound = frontend::bind(
        "",
        "",
        [],
        std::iter::empty::<()>(),
        |(), _| Ok(postgres_protocol::IsNull::Yes),
        [0],
        &mut out,
    );
    ensure!(bound.is_ok(), "Bind");
    frontend::execute("", 0, &mut out)?;
    frontend::parse("", "SELECT 2", [], &mut out)?;
    frontend::sync(&mut out);
    connection.send(&out)?;
    let tags: String = connection.until_ready()?.iter().map(|message| char::from(message.tag)).collect();
    ensure!(matches!(tags.as_str(), "12EZ" | "1EZ" | "EZ"), "{tags}");
    ensure!(one_value(&mut connection, "SELECT 1")? == "1", "the connection is usable");
    Ok(())
}

pub(crate) fn a_message_too_large_is_refused() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    let before = server.resident_kib()?;
    // A query of 1 GiB, of which only the head is ever sent.
    connection.send(&[b'Q', 0x40, 0, 0, 0])?;
    let message = connection.receive().context("no answer to a message that is too large")?;
    ensure!(message.tag == b'E', "{message:?}");
    let error = responses(vec![message]).pop().and_then(|answer| answer.error).context("no error")?;
    ensure!(matches!(error.sqlstate(), "54000" | "08P01"), "{error:?}");
    ensure!(server.resident_kib()? < before + 100 * 1024, "memory was taken for a message that is refused");
    server.connect_admin()?.must("SELECT 1")?;
    Ok(())
}

pub(crate) fn foreign_bytes_do_no_harm() -> Result<()> {
    let server = TestServer::start()?;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: lis\r\n\r\n"[..],
        &[0, 0, 0, 8, 4, 210, 22, 47, 0x16, 3, 1][..],
        &[0, 0, 0, 4][..],
        &[0xFF; 64][..],
        &[0, 0, 0, 9, 0, 3, 0, 0, 0][..],
        &[0, 0, 0, 20, 0, 3, 0, 0, b'u', b's', b'e', b'r'][..],
    ] {
        let mut stream = TcpStream::connect(server.address())?;
        stream.write_all(bytes)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        stream.set_read_timeout(Some(Duration::from_secs(70)))?;
        let mut answer = Vec::new();
        // A reset is as good an end as any; what matters is that it ends.
        drop(stream.read_to_end(&mut answer));
        ensure!(!String::from_utf8_lossy(&answer).contains("panicked"), "{bytes:?}");
    }
    // Messages that are no messages, after a good start.
    for bytes in [&[b'Q', 0, 0, 0, 3][..], &[b'?', 0, 0, 0, 4][..], &[b'B', 0, 0, 0, 6, 0, 0][..]] {
        let mut connection = server.connect_admin()?;
        connection.send(bytes)?;
        let first = connection.receive();
        ensure!(first.as_ref().map_or(true, |message| message.tag == b'E'), "{first:?}");
    }
    ensure!(!server.log().contains("panicked"), "{}", server.log());
    server.connect_admin()?.must("SELECT 1")?;
    Ok(())
}

/// Sockets that say nothing, more than there is room for, keep no user out, and the last sessions are an administrator's.
pub(crate) fn there_is_room_for_those_who_have_business() -> Result<()> {
    let server = TestServer::with_configuration(Arc::new(Warehouse::init()?), "[limits]\nconnections = 5\n")?;
    let mut admin = server.connect_admin()?;
    ensure!(one_value(&mut admin, "SHOW superuser_reserved_connections")? == "3", "as PostgreSQL's default");
    admin.must("CREATE ROLE anna LOGIN PASSWORD 'hemligt'")?;
    let anna = server.target("anna", "hemligt");
    let silent: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(server.address())).collect::<std::io::Result<_>>()?;
    let mut session = RawConnection::open(&anna)?;
    session.must("SELECT 1")?;
    let refused = |target: &Target, why: &str| -> Result<()> {
        let error = RawConnection::try_open(target, &[])?.err().context("there was room")?;
        ensure!(error.sqlstate() == "53300" && error.message().contains(why), "{}", error.message());
        Ok(())
    };
    refused(&anna, "reserved for non-replication superuser")?;
    let others: Vec<RawConnection> = (0..3).map(|_| server.connect_admin()).collect::<Result<_>>()?;
    refused(&server.admin()?, "too many clients already")?;
    drop((others, session));
    let begun = Instant::now();
    while RawConnection::open(&anna).is_err() {
        ensure!(
            begun.elapsed() < Duration::from_secs(60),
            "the room of sessions that have ended is not given back"
        );
    }
    drop(silent);
    Ok(())
}

pub(crate) fn a_slow_client_costs_no_memory() -> Result<()> {
    slow_client(1_000_000, 120)
}

pub(crate) fn ten_million_rows_to_a_slow_client() -> Result<()> {
    slow_client(10_000_000, 120)
}

/// Reads a result in pieces with pauses, during which the server could run ahead, and looks at its memory all the time.
/// `growth_mib` is far below the size of the result.
fn slow_client(rows: u64, growth_mib: u64) -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    connection.must("SELECT 1")?;
    // A product of two series: one long series is itself a list in memory.
    let sql = format!(
        "SELECT i, i::text || repeat('x', 120) AS text \
         FROM generate_series(1, {}) AS g(i) CROSS JOIN generate_series(1, 1000) AS h(j)",
        rows / 1000
    );
    let mut out = BytesMut::new();
    frontend::query(&sql, &mut out)?;
    let before = server.resident_kib()?;
    connection.send(&out)?;
    let (mut seen, mut bytes, mut largest) = (0_u64, 0_u64, before);
    let pause_every = rows / 40;
    loop {
        let message = connection.receive()?;
        bytes += message.body.len() as u64 + 5;
        match message.tag {
            b'D' => seen += 1,
            b'E' => anyhow::bail!("{:?}", responses(vec![message])),
            b'Z' => break,
            _ => {}
        }
        if seen % pause_every == 1 {
            pause(Duration::from_millis(50));
            largest = largest.max(server.resident_kib()?);
        }
    }
    ensure!(seen == rows, "{seen} rows of {rows}");
    let growth = largest.saturating_sub(before) / 1024;
    ensure!(bytes / 1024 / 1024 > growth_mib, "a result of {bytes} bytes proves nothing");
    ensure!(growth < growth_mib, "memory grew by {growth} MiB while {} MiB were sent", bytes / 1024 / 1024);
    Ok(())
}

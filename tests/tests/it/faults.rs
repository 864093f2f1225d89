//! kill -9 at random moments of a publish. Afterwards a reader sees the old rows or the new ones in all tables of the
//! batch, the ledger agrees with the tables, and the same load again completes or has nothing to do.

use std::{
    process::Stdio,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    TestServer, Warehouse,
    raw::RawConnection,
    server::{one_value, pause, text_rows},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

const ROWS: u32 = 20_000;

const SOURCE: &str = r#"
[source]
comment = "Two tables that belong together"

[[table]]
name = "fel.ett"
files = ["ett_{date:YYYYMMDD}.csv"]
mode = "replace"

[[table.column]]
name = "version"
type = "integer"
required = true

[[table.column]]
name = "text"
type = "varchar(40)"

[[table]]
name = "fel.tva"
files = ["tva_{date:YYYYMMDD}.csv"]
mode = "replace"

[[table.column]]
name = "version"
type = "integer"
required = true
"#;

pub(crate) fn a_kill_leaves_old_or_new() -> Result<()> {
    kills(8)
}

pub(crate) fn fifty_kills_leave_old_or_new() -> Result<()> {
    kills(50)
}

/// The delivery of a version: two files of one date, every row of which has the version.
fn deliver(warehouse: &Warehouse, version: u32) -> Result<String> {
    let date = format!("{}{:02}{:02}", 2020 + version / 300, version / 25 % 12 + 1, version % 25 + 1);
    let mut one = String::from("version;text\n");
    let mut two = String::from("version\n");
    for row in 0..ROWS {
        one.push_str(&format!("{version};rad {row} av version {version}\n"));
        two.push_str(&format!("{version}\n"));
    }
    warehouse.write(&format!("inbox/fel/ett_{date}.csv"), one)?;
    warehouse.write(&format!("inbox/fel/tva_{date}.csv"), two)?;
    Ok(format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]))
}

/// The version that a reader sees, which must be one and the same in every row of both tables.
fn version(connection: &mut RawConnection) -> Result<u32> {
    let sql = "SELECT min(version), max(version), count(*) FROM (SELECT version FROM fel.ett UNION ALL SELECT version FROM fel.tva) AS v";
    let row = text_rows(&connection.must(sql)?).pop().context("a row")?;
    ensure!(row[0] == row[1] && row[2] == (2 * ROWS).to_string(), "half a batch: {row:?}");
    row[0].parse().context("a version")
}

fn published(connection: &mut RawConnection, date: &str) -> Result<u32> {
    let sql = format!(
        "SELECT count(*) FROM lis.batches WHERE source = 'fel' AND state = 'published' AND business_date = DATE '{date}'"
    );
    one_value(connection, &sql)?.parse().context("a count")
}

fn kills(rounds: u32) -> Result<()> {
    let warehouse = Warehouse::init()?;
    warehouse.write("sources.d/fel.toml", SOURCE)?;
    deliver(&warehouse, 1)?;
    warehouse.load("fel", &[])?.succeeded()?;
    let warehouse = Arc::new(warehouse);
    let mut server = TestServer::over(Arc::clone(&warehouse))?;
    server.connect_admin()?.must("CREATE TABLE fel.skrivet (runda integer, rad integer)")?;
    server.connect_admin()?.must("CREATE TABLE fel.ocksa (runda integer, rad integer)")?;
    // How long a load takes here and now: moments are drawn from a little more than that.
    let date = deliver(&warehouse, 2)?;
    let begun = Instant::now();
    warehouse.load("fel", &["--date", &date])?.succeeded()?;
    let usual = begun.elapsed();
    let mut rng = StdRng::seed_from_u64(11);
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds {
        let next = round + 3;
        let date = deliver(&warehouse, next)?;
        let mut command = warehouse.load_command("fel", &["--date", &date])?;
        let mut load = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Two of three kills in the last two thirds, where it writes and publishes.
        let from = if round % 3 == 0 { 0 } else { usual.as_micros() / 3 };
        let until = usual.as_micros() * 11 / 10;
        let moment = Duration::from_micros(rng.random_range(u64::try_from(from)?..u64::try_from(until)?));
        pause(moment);
        load.kill()?;
        load.wait()?;
        if round % 4 == 3 {
            server.kill()?;
            server = TestServer::over(Arc::clone(&warehouse))?;
        }
        let mut reader = server.connect_admin()?;
        let told = format!("round {round}, killed after {moment:?} of {usual:?}");
        let seen = version(&mut reader).with_context(|| told.clone())?;
        ensure!(seen == next || seen == next - 1, "{told}: version {seen}");
        let ledger = published(&mut reader, &date)?;
        ensure!(
            ledger == u32::from(seen == next),
            "{told}: version {seen}, and the ledger has {ledger} batches of it"
        );
        if seen == next {
            new += 1
        } else {
            old += 1
        }
        // The same again, beside the running server.
        warehouse.load("fel", &["--date", &date])?.succeeded().with_context(|| told.clone())?;
        ensure!(version(&mut reader)? == next, "{told}: the load again completes");
        ensure!(published(&mut reader, &date)? == 1, "{told}: once");
        drop(reader);
        server = transaction(server, &warehouse, round, &mut rng)?;
    }
    ensure!(old > 0, "no kill was in time: {new} came after the end");
    Ok(())
}

/// A transaction over two tables through the socket; the server is killed while it commits. What was acknowledged is
/// there, and both tables have it or none.
fn transaction(
    mut server: TestServer,
    warehouse: &Arc<Warehouse>,
    round: u32,
    rng: &mut StdRng,
) -> Result<TestServer> {
    let target = server.admin()?;
    let (begin, begun) = mpsc::channel();
    let writer = thread::spawn(move || -> Result<bool> {
        let mut connection = RawConnection::open(&target)?;
        connection.must("BEGIN")?;
        for table in ["fel.skrivet", "fel.ocksa"] {
            connection.must(&format!(
                "INSERT INTO {table} SELECT {round}, i FROM generate_series(1, 1000) AS g(i)"
            ))?;
        }
        begin.send(())?;
        Ok(connection.simple("COMMIT").is_ok_and(|answer| answer.iter().all(|answer| answer.error.is_none())))
    });
    begun.recv().context("the writer did not get to its COMMIT")?;
    pause(Duration::from_micros(rng.random_range(0..20_000)));
    server.kill()?;
    let acknowledged = writer.join().map_err(|_| anyhow::anyhow!("the writer"))??;
    drop(server);
    let server = TestServer::over(Arc::clone(warehouse))?;
    let mut reader = server.connect_admin()?;
    let count = |reader: &mut RawConnection, table: &str| {
        one_value(reader, &format!("SELECT count(*) FROM {table} WHERE runda = {round}"))
    };
    let (one, two) = (count(&mut reader, "fel.skrivet")?, count(&mut reader, "fel.ocksa")?);
    ensure!(one == two && (one == "0" || one == "1000"), "round {round}: {one} and {two} rows");
    ensure!(!acknowledged || one == "1000", "round {round}: what was acknowledged is lost");
    Ok(server)
}

//! kill -9 at random moments under a mixed load: transactions over several tables, INSERT, COPY, UPDATE, DELETE, tables
//! dropped and made again, loads by another process and their undoing, compaction, expiry and retention, readers. The test
//! keeps a model of every row. After each restart everything that was acknowledged is there, nothing else is but commits
//! that were in doubt when the server died, and those are whole. In the end no file of the warehouse holds a row that was
//! too old.
//!
//! The moments and the work come from a seed, which is printed when a round fails; `LIS_CRASH_SEED` sets it. What the
//! operating system does between the threads is not repeated with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use lis_tests::{
    TestServer, Warehouse, clients,
    raw::{RawConnection, Target},
    server::{Finished, one_value, pause, text_rows},
    trials::{CLIENTS, is_set},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

const WRITERS: u64 = 3;
/// What stands in every row that is too old from the beginning, and nowhere else.
const OLD_ROW: &str = "utgallrad";
/// Rows of one delivery.
const DELIVERY_ROWS: usize = 200;
/// A writer's table is emptied when it has more rows than this, so that checking it stays quick.
const ROWS_MAX: usize = 1500;
/// The server is killed so long after its clients began, at the latest.
const LIFE_MAX: Duration = Duration::from_millis(400);

const SOURCE: &str = r#"
[source]
comment = "A delivery a day"

[[table]]
name = "krasch.leverans"
files = ["leverans_{date:YYYYMMDD}.csv"]
mode = "append"

[[table.column]]
name = "version"
type = "integer"
required = true

[[table.column]]
name = "text"
type = "varchar(40)"
"#;

pub(crate) fn thirty_kills_lose_nothing() -> Result<()> {
    kills(30)
}

pub(crate) fn four_hundred_kills_lose_nothing() -> Result<()> {
    kills(400)
}

fn kills(rounds: u32) -> Result<()> {
    let seed = match std::env::var("LIS_CRASH_SEED") {
        Ok(seed) => seed.parse().context("LIS_CRASH_SEED")?,
        Err(_) => 20_261_123,
    };
    let mut harness = Harness::new(seed)?;
    for round in 0..rounds {
        harness.round().with_context(|| format!("round {round}; LIS_CRASH_SEED={seed}"))?;
    }
    harness.end().with_context(|| format!("after {rounds} rounds; LIS_CRASH_SEED={seed}"))
}

struct Harness {
    rng: StdRng,
    warehouse: Arc<Warehouse>,
    /// Between two rounds.
    server: Option<TestServer>,
    writers: Vec<Writer>,
    deliveries: Deliveries,
    acknowledged: u64,
    in_doubt: u64,
}

impl Harness {
    fn new(seed: u64) -> Result<Self> {
        let warehouse = Warehouse::init()?;
        warehouse.write("sources.d/krasch.toml", SOURCE)?;
        let warehouse = Arc::new(warehouse);
        let server = TestServer::over(Arc::clone(&warehouse))?;
        let mut admin = server.connect_admin()?;
        admin.must("CREATE SCHEMA krasch")?;
        for side in ["a", "b"] {
            admin.must(&format!("CREATE TABLE krasch.par_{side} (skrivare bigint, nummer bigint)"))?;
        }
        admin.must(
            "CREATE TABLE krasch.gallring (skrivare bigint, nummer bigint, dag date, text varchar(30))",
        )?;
        admin.must("CALL lis.set_retention('krasch.gallring', 'dag', interval '1 year', interval '0')")?;
        for writer in 0..WRITERS {
            admin.must(&create_table(writer))?;
        }
        let writers = (0..WRITERS).map(|id| Writer::new(id, seed)).collect();
        let mut harness = Self {
            rng: StdRng::seed_from_u64(seed),
            deliveries: Deliveries::default(),
            warehouse,
            server: Some(server),
            writers,
            acknowledged: 0,
            in_doubt: 0,
        };
        harness.deliveries.deliver(&harness.warehouse)?.wait_with_output()?;
        harness.deliveries.resolve(harness.server.as_ref().context("a server")?)?;
        Ok(harness)
    }

    fn round(&mut self) -> Result<()> {
        let mut server = self.server.take().context("a server")?;
        let target = server.admin()?;
        let (begin, begun) = channel();
        let writers: Vec<JoinHandle<Result<Writer>>> = self
            .writers
            .drain(..)
            .map(|writer| {
                let (target, begin) = (target.clone(), begin.clone());
                thread::spawn(move || writer.work(&target, begin))
            })
            .collect();
        let readers = [spawn(read, &target, &begin), spawn(maintain, &target, &begin)];
        let undo = self.deliveries.undo(&mut self.rng, &target, &begin);
        drop(begin);
        // Every client is connected; one that failed to is found when it is joined.
        while begun.recv().is_ok() {}
        let mut load = self.deliveries.deliver(&self.warehouse)?;
        let life = u64::try_from(LIFE_MAX.as_micros())?;
        pause(Duration::from_micros(self.rng.random_range(0..life)));
        server.kill()?;
        if self.rng.random_bool(0.5) {
            pause(Duration::from_micros(self.rng.random_range(0..life)));
            load.kill()?;
        }
        self.deliveries.ended(load.wait_with_output()?.status.success());
        for writer in writers {
            self.writers.push(writer.join().map_err(|_| anyhow!("a writer panicked"))??);
        }
        for reader in readers {
            reader.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        if let Some(undo) = undo {
            self.deliveries.undoing = Some(undo.join().map_err(|_| anyhow!("who undoes panicked"))??);
        }
        drop(server);
        let server = TestServer::over(Arc::clone(&self.warehouse)).context("after the kill")?;
        let mut admin = server.connect_admin()?;
        for writer in &mut self.writers {
            self.in_doubt += u64::from(writer.resolve(&mut admin)?);
            self.acknowledged += std::mem::take(&mut writer.acknowledged);
        }
        self.deliveries.resolve(&server)?;
        self.server = Some(server);
        Ok(())
    }

    /// After the last round: the kills came in time to mean something, and other programs see the same.
    fn end(mut self) -> Result<()> {
        ensure!(self.acknowledged > 0, "nothing was ever acknowledged");
        ensure!(self.in_doubt > 0, "no kill met a commit: {} were acknowledged", self.acknowledged);
        let server = self.server.take().context("a server")?;
        let mut admin = server.connect_admin()?;
        admin.must("CALL lis.apply_retention()")?;
        // What statements that were cut had written.
        admin.must("CALL lis.remove_orphans(interval '0')")?;
        let left =
            one_value(&mut admin, "SELECT count(*) FROM krasch.gallring WHERE dag < DATE '2001-01-01'")?;
        ensure!(left == "0", "{left} rows are too old");
        let mut tables: Vec<String> =
            ["par_a", "par_b", "leverans", "gallring"].map(|table| format!("krasch.{table}")).into();
        tables.extend((0..WRITERS).map(|writer| format!("krasch.egen_{writer}")));
        let mut counts = Vec::new();
        for table in &tables {
            counts.push(format!(
                "{table}={}",
                one_value(&mut admin, &format!("SELECT count(*) FROM {table}"))?
            ));
        }
        drop(admin);
        let status = server.terminate()?;
        ensure!(status.code() == Some(0), "{status}");
        for path in [self.warehouse.path().join("lake"), self.warehouse.path().join("catalog.sqlite")] {
            if let Some((found, around)) = file_with(&path, OLD_ROW.as_bytes())? {
                bail!("{} holds a row that is too old: {around}", found.display());
            }
        }
        if is_set(CLIENTS) {
            let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/duckdb_outside_reader.py");
            let mut command = Command::new(clients::python()?);
            let read = command.arg(&program).arg(self.warehouse.path()).args(&counts).output()?;
            Finished::from(read).succeeded().context("the outside reader")?;
        }
        Ok(())
    }
}

/// A file that is, or is below, `path` and holds these bytes, and what stands around them.
fn file_with(path: &Path, bytes: &[u8]) -> Result<Option<(PathBuf, String)>> {
    if !path.is_dir() {
        let all = std::fs::read(path)?;
        let at = all.windows(bytes.len()).position(|window| window == bytes);
        return Ok(at.map(|at| {
            let around = &all[at.saturating_sub(200)..(at + 200).min(all.len())];
            (path.to_owned(), around.escape_ascii().to_string())
        }));
    }
    for entry in std::fs::read_dir(path)? {
        if let Some(found) = file_with(&entry?.path(), bytes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

type Client = fn(&mut RawConnection) -> Result<()>;

/// A client that works until the server dies. What it finds wrong is its error; that the server died is not.
fn spawn(client: Client, target: &Target, begin: &Sender<()>) -> JoinHandle<Result<()>> {
    let (target, begin) = (target.clone(), begin.clone());
    thread::spawn(move || {
        let mut connection = RawConnection::open(&target)?;
        drop(begin);
        client(&mut connection)
    })
}

/// Reads again and again; what belongs together is never seen apart.
fn read(connection: &mut RawConnection) -> Result<()> {
    let sql = "SELECT (SELECT count(*) FROM krasch.par_a), (SELECT count(*) FROM krasch.par_b), \
               (SELECT count(*) FROM krasch.gallring WHERE dag > DATE '2001-01-01')";
    let deliveries = "SELECT count(*) FROM (SELECT version FROM krasch.leverans GROUP BY version \
                      HAVING count(*) <> 200) AS halva";
    loop {
        for sql in [sql, deliveries] {
            let Ok(answers) = connection.simple(sql) else { return Ok(()) };
            let answer = answers.into_iter().next().context("an answer")?;
            if let Some(error) = &answer.error {
                // The server has a moment between the signal and its end in none of its threads.
                bail!("a reader got {} {}", error.sqlstate(), error.message());
            }
            let rows = text_rows(&answer);
            let row = rows.first().context("a row")?;
            let whole = if row.len() == 3 { row[0] == row[1] && row[1] == row[2] } else { row[0] == "0" };
            ensure!(whole, "a reader saw half a commit: {sql}: {row:?}");
        }
    }
}

/// Maintenance, as often as it goes. It changes what the catalogue says, never what a query answers. A commit of it that
/// loses against a writer is no failure.
fn maintain(connection: &mut RawConnection) -> Result<()> {
    let statements = [
        "CALL lis.compact('krasch.par_a')",
        "CALL lis.compact('krasch.egen_0')",
        "CALL lis.expire_snapshots('0 seconds')",
        "CALL lis.remove_orphans()",
        "CALL lis.apply_retention()",
    ];
    loop {
        for sql in statements {
            let Ok(answers) = connection.simple(sql) else { return Ok(()) };
            for error in answers.iter().filter_map(|answer| answer.error.as_ref()) {
                // A lost race; and the writer may have dropped its table to make it again.
                let expected = ["40001", "55P03", "42P01"].contains(&error.sqlstate());
                ensure!(expected, "{sql}: {} {}", error.sqlstate(), error.message());
            }
        }
    }
}

/// How an attempt to commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    /// An error, or the server died before it was asked to commit: nothing may be there.
    Nothing,
    InDoubt,
}

/// What a writer's tables hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    /// Of its own table: number and value.
    rows: BTreeMap<u64, u64>,
    /// Its numbers in the tables that belong together.
    pairs: BTreeSet<u64>,
}

/// One client that changes a table of its own, and two that it shares.
struct Writer {
    id: u64,
    rng: StdRng,
    next: u64,
    model: Model,
    /// What the tables hold if the commit in doubt happened.
    doubt: Option<Model>,
    acknowledged: u64,
}

fn create_table(writer: u64) -> String {
    format!("CREATE TABLE krasch.egen_{writer} (id bigint NOT NULL, varde bigint, text varchar(30))")
}

impl Writer {
    fn new(id: u64, seed: u64) -> Self {
        Self {
            id,
            rng: StdRng::seed_from_u64(seed ^ (id + 1)),
            next: 0,
            model: Model::default(),
            doubt: None,
            acknowledged: 0,
        }
    }

    fn work(mut self, target: &Target, begin: Sender<()>) -> Result<Self> {
        let mut connection = RawConnection::open(target)?;
        drop(begin);
        loop {
            let mut after = self.model.clone();
            match self.change(&mut connection, &mut after)? {
                Outcome::Acknowledged => {
                    self.model = after;
                    self.acknowledged += 1;
                }
                Outcome::Nothing if connection.simple("ROLLBACK").is_err() => return Ok(self),
                Outcome::Nothing => {}
                Outcome::InDoubt => {
                    self.doubt = Some(after);
                    return Ok(self);
                }
            }
        }
    }

    /// One change, chosen by chance; `after` becomes what the tables hold if it is committed.
    fn change(&mut self, connection: &mut RawConnection, after: &mut Model) -> Result<Outcome> {
        let table = format!("krasch.egen_{}", self.id);
        let count = self.rng.random_range(1..=30);
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        let part = self.rng.random_range(0..3_u64);
        let values = |numbers: std::ops::Range<u64>| {
            let rows: Vec<String> = numbers.map(|id| format!("({id}, {}, 'rad {id}')", id * 2)).collect();
            rows.join(", ")
        };
        let add = |after: &mut Model| after.rows.extend(numbers.clone().map(|id| (id, id * 2)));
        if after.rows.len() > ROWS_MAX {
            after.rows.clear();
            let statements = [format!("DROP TABLE {table}"), create_table(self.id)];
            return transaction(connection, &statements, "COMMIT");
        }
        match self.rng.random_range(0..100) {
            0..35 => {
                add(after);
                after.pairs.insert(numbers.start);
                let pair = |side: &str| {
                    format!("INSERT INTO krasch.par_{side} VALUES ({}, {})", self.id, numbers.start)
                };
                let rows = format!("INSERT INTO {table} VALUES {}", values(numbers.clone()));
                let (id, first) = (self.id, numbers.start);
                let ages = format!(
                    "INSERT INTO krasch.gallring VALUES ({id}, {first}, current_date, 'ung'), \
                     ({id}, {first}, DATE '2000-01-01', '{OLD_ROW} {id} {first}')"
                );
                transaction(connection, &[rows, pair("a"), ages, pair("b")], "COMMIT")
            }
            35..50 => {
                add(after);
                one(connection.simple(&format!("INSERT INTO {table} VALUES {}", values(numbers.clone()))))
            }
            50..70 => {
                add(after);
                let lines: Vec<String> =
                    numbers.clone().map(|id| format!("{id}\t{}\trad {id}\n", id * 2)).collect();
                one(connection.copy_in(&format!("COPY {table} FROM STDIN"), lines.concat().as_bytes()))
            }
            70..82 => {
                let changed = after.rows.iter_mut().filter(|(id, _)| *id % 3 == part);
                changed.for_each(|(_, value)| *value += 1000);
                one(connection
                    .simple(&format!("UPDATE {table} SET varde = varde + 1000 WHERE id % 3 = {part}")))
            }
            82..94 => {
                after.rows.retain(|id, _| id % 7 != part);
                one(connection.simple(&format!("DELETE FROM {table} WHERE id % 7 = {part}")))
            }
            _ => {
                let rows = format!("INSERT INTO {table} VALUES {}", values(numbers.clone()));
                let outcome = transaction(connection, &[rows], "ROLLBACK")?;
                Ok(if outcome == Outcome::InDoubt { Outcome::Nothing } else { outcome })
            }
        }
    }

    /// Compares the tables with the model, and learns whether the commit in doubt happened. Tells if there was one.
    fn resolve(&mut self, admin: &mut RawConnection) -> Result<bool> {
        let number = |text: &String| text.parse::<u64>().with_context(|| format!("{text} is no number"));
        let table = format!("krasch.egen_{}", self.id);
        let mut found = Model::default();
        for row in text_rows(&admin.must(&format!("SELECT id, varde, text FROM {table}"))?) {
            ensure!(row[2] == format!("rad {}", row[0]), "a row of {table} is not what was written: {row:?}");
            let twice = found.rows.insert(number(&row[0])?, number(&row[1])?);
            ensure!(twice.is_none(), "a row of {table} is there twice: {row:?}");
        }
        for place in ["par_a", "par_b", "gallring"] {
            let young = if place == "gallring" { " AND dag > DATE '2001-01-01'" } else { "" };
            let sql = format!("SELECT nummer FROM krasch.{place} WHERE skrivare = {}{young}", self.id);
            let rows = text_rows(&admin.must(&sql)?);
            let pairs = rows.iter().map(|row| number(&row[0])).collect::<Result<BTreeSet<_>>>()?;
            ensure!(pairs.len() == rows.len(), "a row of krasch.{place} is there twice");
            let whole = place == "par_a" || pairs == found.pairs;
            ensure!(whole, "half a transaction of writer {} is there", self.id);
            found.pairs = pairs;
        }
        let doubt = self.doubt.take();
        let was_in_doubt = doubt.is_some();
        if doubt.as_ref() == Some(&found) {
            self.model = found;
        } else if self.model != found {
            let lost = |model: &Model| {
                let rows: Vec<_> =
                    model.rows.iter().filter(|row| found.rows.get(row.0) != Some(row.1)).collect();
                let more: Vec<_> =
                    found.rows.iter().filter(|row| model.rows.get(row.0) != Some(row.1)).collect();
                let pairs: Vec<_> = model.pairs.symmetric_difference(&found.pairs).collect();
                format!("missing {rows:?}, unexpected {more:?}, pairs {pairs:?}")
            };
            bail!(
                "writer {}: {}; if the commit in doubt had happened: {}",
                self.id,
                lost(&self.model),
                doubt.as_ref().map_or_else(|| "there was none".to_owned(), lost)
            );
        }
        Ok(was_in_doubt)
    }
}

/// Statements in a transaction. Only what happens after its end was asked for can be in doubt.
fn transaction(connection: &mut RawConnection, statements: &[String], end: &str) -> Result<Outcome> {
    for statement in std::iter::once("BEGIN").chain(statements.iter().map(String::as_str)) {
        match one(connection.simple(statement))? {
            Outcome::Acknowledged => {}
            Outcome::Nothing | Outcome::InDoubt => return Ok(Outcome::Nothing),
        }
    }
    one(connection.simple(end))
}

/// What became of a statement by itself.
fn one(answers: Result<Vec<lis_tests::raw::Response>>) -> Result<Outcome> {
    let Ok(answers) = answers else { return Ok(Outcome::InDoubt) };
    match answers.iter().find_map(|answer| answer.error.as_ref()) {
        None => Ok(Outcome::Acknowledged),
        // A lost race; and a load holds its source while somebody wants to undo.
        Some(error) if ["40001", "55P03", "55006"].contains(&error.sqlstate()) => Ok(Outcome::Nothing),
        Some(error) => bail!("a writer got {} {}", error.sqlstate(), error.message()),
    }
}

/// The business date of a delivery.
fn date(version: u32) -> String {
    format!("{}-{:02}-{:02}", 2020 + version / 300, version / 25 % 12 + 1, version % 25 + 1)
}

/// Loads by another process, beside the server and through its death; sometimes it is killed too.
#[derive(Debug, Default)]
struct Deliveries {
    published: BTreeSet<u32>,
    /// The one under way, and whether its load said that it succeeded.
    last: Option<(u32, bool)>,
    /// The one that was undone meanwhile, and how that ended.
    undoing: Option<(u32, Outcome)>,
    next: u32,
}

impl Deliveries {
    /// Begins to load the next delivery, or once more the one before.
    fn deliver(&mut self, warehouse: &Warehouse) -> Result<Child> {
        if self.published.contains(&self.next) || self.next == 0 {
            self.next += 1;
        }
        let version = self.next;
        let date = date(version);
        let lines = (0..DELIVERY_ROWS).map(|row| format!("{version};rad {row} av {version}\n"));
        let text = format!("version;text\n{}", lines.collect::<String>());
        warehouse.write(&format!("inbox/krasch/leverans_{}.csv", date.replace('-', "")), text)?;
        self.last = Some((version, false));
        let mut command = warehouse.load_command("krasch", &["--date", &date])?;
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    /// Sometimes takes out a delivery that was published before, also one in the middle.
    fn undo(
        &self,
        rng: &mut StdRng,
        target: &Target,
        begin: &Sender<()>,
    ) -> Option<JoinHandle<Result<(u32, Outcome)>>> {
        let old: Vec<u32> = self.published.iter().copied().filter(|version| *version < self.next).collect();
        if old.is_empty() || !rng.random_bool(0.4) {
            return None;
        }
        let version = old[rng.random_range(0..old.len())];
        let (target, begin) = (target.clone(), begin.clone());
        Some(thread::spawn(move || {
            let mut connection = RawConnection::open(&target)?;
            let sql = format!(
                "SELECT batch FROM lis.batches WHERE state = 'published' AND source = 'krasch' \
                 AND business_date = DATE '{}'",
                date(version)
            );
            let batch = one_value(&mut connection, &sql)?;
            drop(begin);
            Ok((version, one(connection.simple(&format!("CALL lis.undo_batch({batch})")))?))
        }))
    }

    fn ended(&mut self, succeeded: bool) {
        if let Some((_, acknowledged)) = &mut self.last {
            *acknowledged = succeeded;
        }
    }

    /// Whole deliveries only, those that were acknowledged among them, and the ledger agrees.
    fn resolve(&mut self, server: &TestServer) -> Result<()> {
        let mut admin = server.connect_admin()?;
        let mut found = BTreeSet::new();
        for row in text_rows(&admin.must("SELECT version, count(*) FROM krasch.leverans GROUP BY version")?) {
            ensure!(row[1] == DELIVERY_ROWS.to_string(), "a part of delivery {}: {} rows", row[0], row[1]);
            found.insert(row[0].parse::<u32>()?);
        }
        let mut expected = self.published.clone();
        if let Some((version, acknowledged)) = self.last.take()
            && (acknowledged || found.contains(&version))
        {
            expected.insert(version);
        }
        match self.undoing.take() {
            Some((version, Outcome::Acknowledged)) => _ = expected.remove(&version),
            Some((version, Outcome::InDoubt)) if !found.contains(&version) => _ = expected.remove(&version),
            _ => {}
        }
        ensure!(found == expected, "deliveries {found:?} and not {expected:?}");
        let ledger = "SELECT count(*) FROM lis.batches WHERE source = 'krasch' AND state = 'published'";
        ensure!(
            one_value(&mut admin, ledger)? == found.len().to_string(),
            "the ledger disagrees with the rows"
        );
        self.published = found;
        Ok(())
    }
}

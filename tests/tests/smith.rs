//! `sqlsmith` (Debian's package of that name) against LIS over the demo city: it reads the catalogue, makes valid
//! queries of great depth from it, and sends them. Nothing is compared here; what may not happen is a server that
//! stops, a statement that hangs, or an error that only a defect gives (class XX).
//!
//! What sqlsmith was answered it writes to a database of its own choosing: the reference PostgreSQL. The quick tier
//! sends a few hundred queries; `LIS_TEST_LONG` sends them for an hour. `LIS_SMITH_SEED` and `LIS_SMITH_MINUTES` say
//! otherwise.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use lis_tests::{
    TestServer,
    raw::{RawConnection, Target},
    reference::Reference,
    server::{one_value, text_rows},
    trials::{CLIENTS, LONG, Trials, is_set},
};

/// Queries in the quick tier.
const QUICK: &str = "400";
/// Minutes in the long tier.
const MINUTES: u64 = 60;
/// The server ends a statement of sqlsmith after so long.
const STATEMENT_TIMEOUT: &str = "20s";
/// sqlsmith writes one character for each answer: silence for so long is a statement that nothing ends.
const SILENCE: Duration = Duration::from_secs(120);

/// The tables into which sqlsmith logs. The seed is text: its generator's whole state goes there.
const LOG: [&str; 3] = [
    "create table instance (id bigserial primary key, rev text, target text, hostname text, version text, seed text)",
    "create table error (id bigint, msg text, query text, sqlstate text)",
    "create table stat (id bigint primary key, generated bigint, level float, nodes float, updated timestamptz, \
     retries float, impedance json)",
];

fn main() -> ExitCode {
    Trials::new()
        .only_if(is_set(CLIENTS), "sqlsmith, which tests/run installs", "smith::queries", queries)
        .run()
}

fn queries() -> Result<()> {
    let reference = Reference::start()?;
    let mut log = RawConnection::open(&reference.target())?;
    for table in LOG {
        log.must(table)?;
    }
    let server = TestServer::demo("0.01")?;
    let mut smith = Smith::start(&server.admin()?, &reference.target())?;
    let ended = smith.run().and_then(|()| smith.stop());

    let errors = text_rows(
        &log.must("select coalesce(sqlstate, ''), count(*)::text from error group by 1 order by 1")?,
    );
    let sent = one_value(&mut log, "select coalesce(max(generated), 0) from stat")?;
    let counted: BTreeMap<&str, &str> = errors.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    note(&format!("about {sent} queries; errors by SQLSTATE: {counted:?}"));
    ended?;

    let mut alive = server.connect_admin().context("the server has gone")?;
    ensure!(one_value(&mut alive, "select 1")? == "1");
    ensure!(!server.log().contains("panicked"), "a panic: {}", server.log());
    let defects = text_rows(&log.must(
        "select coalesce(sqlstate, '-'), msg, query from error \
         where sqlstate is null or sqlstate like 'XX%' or sqlstate like '08%' order by length(query) limit 5",
    )?);
    ensure!(
        defects.is_empty(),
        "{}",
        defects.iter().map(|row| row.join("\n")).collect::<Vec<_>>().join("\n----\n")
    );
    Ok(())
}

/// A running sqlsmith.
struct Smith {
    child: Child,
    /// One message for each piece that it wrote.
    said: Receiver<usize>,
    /// When it has run long enough; none when it ends by itself.
    until: Option<Instant>,
}

impl Smith {
    fn start(target: &Target, log: &Target) -> Result<Self> {
        let seed = std::env::var("LIS_SMITH_SEED").unwrap_or_else(|_| "1".to_owned());
        let minutes = match std::env::var("LIS_SMITH_MINUTES") {
            Ok(minutes) => Some(minutes.parse()?),
            Err(_) => is_set(LONG).then_some(MINUTES),
        };
        let mut command = Command::new("sqlsmith");
        command
            .arg(format!("--target={}", conninfo(target)?))
            .arg(format!("--log-to={}", conninfo(log)?))
            .arg(format!("--seed={seed}"))
            .arg("--verbose")
            .env("PGOPTIONS", format!("-c statement_timeout={STATEMENT_TIMEOUT}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if minutes.is_none() {
            command.arg(format!("--max-queries={QUICK}"));
        }
        let mut child = command.spawn().context("sqlsmith: install Debian's sqlsmith (tests/run does)")?;
        let mut output = BufReader::new(child.stderr.take().context("no standard error")?);
        let (sender, said) = mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0_u8; 4096];
            while let Ok(length) = output.read(&mut piece)
                && length > 0
                && sender.send(length).is_ok()
            {}
        });
        let until = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        Ok(Self { child, said, until })
    }

    /// Until it has ended, or its time has; an error when it falls silent.
    fn run(&self) -> Result<()> {
        loop {
            match self.said.recv_timeout(SILENCE) {
                Ok(_) if self.until.is_some_and(|until| Instant::now() > until) => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) if self.until.is_none() => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => bail!("sqlsmith ended before its time"),
                Err(RecvTimeoutError::Timeout) => bail!("no answer to sqlsmith for {} s", SILENCE.as_secs()),
            }
        }
    }

    /// Its end: by itself, and well, in the quick tier, which counts queries; by us in the long one.
    fn stop(&mut self) -> Result<()> {
        if self.until.is_some() {
            self.child.kill()?;
            self.child.wait()?;
            return Ok(());
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "sqlsmith: {status}");
        Ok(())
    }
}

impl Drop for Smith {
    fn drop(&mut self) {
        // One that has ended already is no error worth telling.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

fn conninfo(target: &Target) -> Result<String> {
    let (host, port) = target.address.rsplit_once(':').context("no port")?;
    Ok(format!(
        "host={host} port={port} user={} password={} dbname={}",
        target.user, target.password, target.database
    ))
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever runs the test")]
fn note(text: &str) {
    eprintln!("sqlsmith: {text}");
}

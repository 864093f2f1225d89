//! COPY FROM STDIN of TPC-H's `lineitem` as CSV: rows per second into LIS and into an unlogged table of PostgreSQL 15, in
//! one run, and the most memory that the LIS server held.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release -p lis-tests --example copy_in -- [SCALE]
//! ```
//!
//! Best of three, in turns. The rows are made before the clock starts, and both get them by the same code. Beside the
//! time stands the processor time of the server (of PostgreSQL's backend), which a busy machine does not change.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{fmt::Write as _, fs, time::Instant};

use anyhow::{Context, Result, ensure};
use lis_tests::{TestServer, raw::RawConnection, reference::Reference, server::one_value};
use tpchgen::{csv::LineItemCsv, generators::LineItemGenerator};

const RUNS: usize = 3;
const COLUMNS: &str = "l_orderkey bigint, l_partkey integer, l_suppkey integer, l_linenumber integer, \
    l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), \
    l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, \
    l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)";

fn main() -> Result<()> {
    let scale: f64 = std::env::args().nth(1).map_or(Ok(1.0), |scale| scale.parse())?;
    let (mut csv, mut rows) = (String::new(), 0_u32);
    for row in LineItemGenerator::new(scale, 1, 1).iter() {
        writeln!(csv, "{}", LineItemCsv::new(row))?;
        rows += 1;
    }
    println!("{rows} rows, {} MB", csv.len() / 1_000_000);
    let server = TestServer::start()?;
    let reference = Reference::start()?;
    let mut lis = server.connect_admin()?;
    let mut postgres = RawConnection::open(&reference.target())?;
    let backend = one_value(&mut postgres, "SELECT pg_backend_pid()")?.parse()?;
    let (mut ours, mut theirs) = (Seconds::MAX, Seconds::MAX);
    for _ in 0..RUNS {
        ours = ours.best(copy(&mut lis, server.process_id(), "CREATE TABLE", csv.as_bytes(), rows)?);
        theirs = theirs.best(copy(&mut postgres, backend, "CREATE UNLOGGED TABLE", csv.as_bytes(), rows)?);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id()))?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    for (name, seconds, more) in
        [("LIS", ours, peak.replace("VmHWM:", ";") + " at most"), ("PostgreSQL", theirs, String::new())]
    {
        println!(
            "{name:<11} {:7.2} s, {:9.0} rows/s; {:6.2} s of processor time{more}",
            seconds.elapsed,
            f64::from(rows) / seconds.elapsed,
            seconds.processor,
        );
    }
    println!("LIS takes in {:.2} times the rows per second", theirs.elapsed / ours.elapsed);
    Ok(())
}

/// What one COPY took.
#[derive(Clone, Copy)]
struct Seconds {
    elapsed: f64,
    processor: f64,
}

impl Seconds {
    const MAX: Self = Self { elapsed: f64::INFINITY, processor: f64::INFINITY };

    fn best(self, other: Self) -> Self {
        Self { elapsed: self.elapsed.min(other.elapsed), processor: self.processor.min(other.processor) }
    }
}

/// Seconds of processor time that a process has used.
fn processor_time(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold blanks. Ticks are hundredths of a second.
    let (_, fields) = stat.rsplit_once(')').context("stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

/// Seconds for one COPY into a new table.
fn copy(
    connection: &mut RawConnection,
    process: u32,
    create: &str,
    csv: &[u8],
    rows: u32,
) -> Result<Seconds> {
    connection.must("DROP TABLE IF EXISTS lineitem")?;
    connection.must(&format!("{create} lineitem ({COLUMNS})"))?;
    let (started, before) = (Instant::now(), processor_time(process)?);
    let answers = connection.copy_in("COPY lineitem FROM STDIN (FORMAT csv)", csv)?;
    let seconds =
        Seconds { elapsed: started.elapsed().as_secs_f64(), processor: processor_time(process)? - before };
    if let Some(error) = answers.iter().find_map(|answer| answer.error.as_ref()) {
        anyhow::bail!("{} {}", error.sqlstate(), error.message());
    }
    let count = one_value(connection, "SELECT count(*) FROM lineitem")?;
    ensure!(count == rows.to_string(), "{count} of {rows} rows");
    Ok(seconds)
}

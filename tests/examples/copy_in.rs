//! COPY FROM STDIN of TPC-H's `lineitem` as CSV: rows per second into LIS and into an unlogged table of PostgreSQL 15, in
//! one run, and the most memory that the LIS server held.
//!
//! ```text
//! cargo build --release --workspace && cargo run --release -p lis-tests --example copy_in -- [SCALE]
//! ```
//!
//! Best of three, in turns. The rows are made before the clock starts, and both get them by the same code.

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
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..RUNS {
        ours = ours.min(copy(&mut lis, "CREATE TABLE", csv.as_bytes(), rows)?);
        theirs = theirs.min(copy(&mut postgres, "CREATE UNLOGGED TABLE", csv.as_bytes(), rows)?);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id()))?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    println!(
        "LIS:        {ours:7.2} s, {:9.0} rows/s;{}",
        f64::from(rows) / ours,
        peak.replace("VmHWM:", " at most")
    );
    println!("PostgreSQL: {theirs:7.2} s, {:9.0} rows/s", f64::from(rows) / theirs);
    println!("LIS takes in {:.2} times the rows per second", theirs / ours);
    Ok(())
}

/// Seconds for one COPY into a new table.
fn copy(connection: &mut RawConnection, create: &str, csv: &[u8], rows: u32) -> Result<f64> {
    connection.must("DROP TABLE IF EXISTS lineitem")?;
    connection.must(&format!("{create} lineitem ({COLUMNS})"))?;
    let started = Instant::now();
    let answers = connection.copy_in("COPY lineitem FROM STDIN (FORMAT csv)", csv)?;
    let seconds = started.elapsed().as_secs_f64();
    if let Some(error) = answers.iter().find_map(|answer| answer.error.as_ref()) {
        anyhow::bail!("{} {}", error.sqlstate(), error.message());
    }
    let count = one_value(connection, "SELECT count(*) FROM lineitem")?;
    ensure!(count == rows.to_string(), "{count} of {rows} rows");
    Ok(seconds)
}

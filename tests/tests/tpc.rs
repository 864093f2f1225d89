//! TPC-H and TPC-DS: whole queries with answers to hold on to. Both servers get the same rows and must answer alike.
//!
//! - `tpc::h`: the 22 queries at scale 0.01 (`LIS_TPC_SCALE` says another).
//! - `tpc::ds`: the 99 queries; rows and texts come from DuckDB's extension and are not part of the project. Long tier.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use lis_tests::{
    TestServer, clients,
    differential::parse_corpus,
    raw::RawConnection,
    reference::Reference,
    server::Finished,
    tpc::{TPCH_TABLES, copy_in, difference, tpch_rows},
    trials::{CLIENTS, LONG, Trials, is_set},
};

fn main() -> ExitCode {
    let reference = "PostgreSQL 15, which tests/run installs";
    Trials::new()
        .only_if(is_set(CLIENTS), reference, "tpc::h", tpch)
        .only_if(is_set(CLIENTS) && is_set(LONG), &format!("{LONG} and {reference}"), "tpc::ds", tpcds)
        .run()
}

/// The two servers, each with a schema of this name in its path.
struct Servers {
    lis: RawConnection,
    judge: RawConnection,
    _server: TestServer,
    _reference: Reference,
}

impl Servers {
    fn start(schema: &str) -> Result<Self> {
        let reference = Reference::start()?;
        let server = TestServer::start()?;
        let mut lis = server.connect_admin()?;
        let mut judge = RawConnection::open(&reference.target())?;
        for connection in [&mut lis, &mut judge] {
            connection.must(&format!("create schema {schema}"))?;
            connection.must(&format!("set search_path = {schema}"))?;
            connection.must("set statement_timeout = '120s'")?;
        }
        Ok(Self { lis, judge, _server: server, _reference: reference })
    }

    fn load(&mut self, table: &str, definition: &str, rows: &[u8]) -> Result<()> {
        for connection in [&mut self.lis, &mut self.judge] {
            connection.must(definition)?;
            copy_in(connection, &format!("copy {table} from stdin (format csv)"), rows)?;
        }
        Ok(())
    }

    fn compare(&mut self, queries: &BTreeMap<String, String>) -> Result<()> {
        let mut differences = Vec::new();
        for (name, sql) in queries {
            let theirs = self.judge.simple(sql)?.pop().unwrap_or_default();
            let ours = self.lis.simple(sql)?.pop().unwrap_or_default();
            if let Some(error) = &theirs.error {
                // Over so few rows one of them divides by nothing, and so it must for us.
                if ours.error.as_ref().map(|ours| ours.sqlstate()) != Some(error.sqlstate()) {
                    differences.push(format!(
                        "{name} on PostgreSQL: {} {}",
                        error.sqlstate(),
                        error.message()
                    ));
                }
                continue;
            }
            if let Some(difference) = difference(&ours, &theirs) {
                differences.push(format!("{name}: {difference}"));
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        bail!("{} of {} differ\n{}", differences.len(), queries.len(), differences.join("\n"))
    }
}

fn tpch() -> Result<()> {
    let scale = std::env::var("LIS_TPC_SCALE").unwrap_or_else(|_| "0.01".to_owned()).parse()?;
    let mut servers = Servers::start("tpch")?;
    for (table, columns) in TPCH_TABLES {
        let rows = tpch_rows(table, scale)?;
        servers.load(table, &format!("create table {table} ({columns})"), rows.as_bytes())?;
    }
    // Two of the queries take PostgreSQL minutes without it.
    servers.judge.must("create index on lineitem (l_partkey, l_suppkey)")?;
    servers.judge.must("analyze")?;
    let text = include_str!("../tpch.sql");
    let queries = parse_corpus(text)
        .into_iter()
        .enumerate()
        .map(|(index, statement)| (format!("Q{:02}", index + 1), statement.sql))
        .collect();
    servers.compare(&queries)
}

fn tpcds() -> Result<()> {
    let mut servers = Servers::start("tpcds")?;
    let directory = tempfile::tempdir()?;
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/tpcds.py");
    let mut command = std::process::Command::new(clients::python()?);
    let output = command.arg(program).arg(directory.path()).arg("0.02").output().context("tpcds.py")?;
    Finished::from(output).succeeded().context("tpcds.py")?;
    let tables = std::fs::read_to_string(directory.path().join("tables.sql"))?;
    for definition in tables.lines() {
        let table = definition.split(' ').nth(2).context("a table without a name")?;
        let rows = std::fs::read(directory.path().join(format!("{table}.csv")))?;
        servers.load(table, definition, &rows)?;
    }
    servers.judge.must("analyze")?;
    let mut queries = BTreeMap::new();
    for number in 1..=99 {
        let name = format!("{number:02}");
        let sql = std::fs::read_to_string(directory.path().join(format!("{name}.sql")))?;
        queries.insert(format!("DS{name}"), sql);
    }
    servers.compare(&queries)
}

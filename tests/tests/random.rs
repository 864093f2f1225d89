//! Random queries against PostgreSQL, and LIS against itself.
//!
//! - `random::queries`: a few hundred queries that both servers must answer alike; `LIS_TEST_LONG` makes it 100,000.
//!   Some are asked with parameters and answered in binary, some by a cursor. `LIS_RANDOM_SEED` begins elsewhere, `LIS_RANDOM_COUNT` says how many; of 1 the query is shown.
//! - `random::changes`: the same of statements that change tables, in transactions with savepoints; after each of them the
//!   tables hold the same rows on both.
//! - `random::partitions`: for a random predicate, the rows where it is true, false and unknown are all rows, and counting
//!   where it is true gives as many as summing it up over all rows; so are the values of an expression over them, plain
//!   and distinct. These need no reference.
//! - `random::secured`: a user of two administrations of four sees in secured tables of many files what an administrator
//!   sees in copies of those rows.

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use lis_tests::{
    TestServer,
    random::{Generator, Outcome, Query, SETUP, Way, compare, compare_by, compare_over, shrink},
    raw::RawConnection,
    reference::Reference,
    server::one_value,
    trials::{CLIENTS, LONG, Trials, is_set},
};

/// How many queries are compared in the quick tier.
const QUICK: u64 = 200;
/// And in the long tier.
const THOROUGH: u64 = 100_000;
/// How many statements change tables in one transaction.
const CHANGES: usize = 5;
/// At most so many failures are reported.
const FAILURES_MAX: usize = 40;

fn main() -> ExitCode {
    Trials::new()
        .only_if(is_set(CLIENTS), "PostgreSQL 15, which tests/run installs", "random::queries", queries)
        .only_if(is_set(CLIENTS), "PostgreSQL 15, which tests/run installs", "random::changes", changes)
        .quick("random::partitions", partitions)
        .quick("random::secured", secured)
        .run()
}

fn number(variable: &str, default: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}

fn set_up(connection: &mut RawConnection) -> Result<()> {
    for statement in SETUP {
        connection.must(statement)?;
    }
    connection.must("set statement_timeout = '30s'")?;
    connection.must("set timezone = 'Europe/Stockholm'")?;
    Ok(())
}

fn queries() -> Result<()> {
    let reference = Reference::start()?;
    let server = TestServer::start()?;
    let mut lis = server.connect_admin()?;
    let mut judge = RawConnection::open(&reference.target())?;
    set_up(&mut lis)?;
    set_up(&mut judge)?;
    judge.must("analyze")?;
    let seed = number("LIS_RANDOM_SEED", 1)?;
    let count = number("LIS_RANDOM_COUNT", if is_set(LONG) { THOROUGH } else { QUICK })?;
    let mut tally = Tally::default();
    for seed in seed..seed + count {
        let query = Generator::new(seed).query();
        if count == 1 {
            note(&query.sql());
        }
        let way = Way::of(seed);
        let outcome = compare_by(way, &query, &mut lis, &mut judge)?;
        if let Outcome::Differs(difference) = &outcome {
            let compared = |candidate: &Query| compare_by(way, candidate, &mut lis, &mut judge);
            tally.differs(explained(seed, &query, difference, compared)?);
        }
        if tally.add(seed, outcome) {
            break;
        }
    }
    tally.judged()
}

/// What came of a run.
#[derive(Debug, Default)]
struct Tally {
    same: u64,
    refused: u64,
    failures: Vec<String>,
}

impl Tally {
    fn differs(&mut self, failure: String) {
        note(&failure);
        self.failures.push(failure);
    }

    /// Counts an outcome; true if it is enough.
    fn add(&mut self, seed: u64, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Same | Outcome::BothFailed => self.same += 1,
            Outcome::Refused(reason) => {
                self.refused += 1;
                note(&format!("seed {seed}: {reason}"));
            }
            Outcome::Differs(_) => {}
        }
        self.failures.len() == FAILURES_MAX
    }

    fn judged(self) -> Result<()> {
        let Self { same, refused, failures } = self;
        note(&format!("{same} agree, {refused} refused, {} differ", failures.len()));
        if !failures.is_empty() {
            bail!("{}", failures.join("\n\n"));
        }
        ensure!(same > refused * 9, "more than a tenth is refused: {refused} of {}", same + refused);
        Ok(())
    }
}

/// A failing query made small, with what differs.
fn explained(
    seed: u64,
    query: &Query,
    difference: &str,
    mut compared: impl FnMut(&Query) -> Result<Outcome>,
) -> Result<String> {
    let kind = |text: &str| text.split([' ', ',']).next().unwrap_or_default().parse::<u64>().is_ok();
    let mut last = difference.to_owned();
    let small = shrink(query, |candidate| match compared(candidate) {
        Ok(Outcome::Differs(found)) if kind(&found) == kind(difference) => {
            last = found;
            true
        }
        _ => false,
    });
    Ok(format!("seed {seed}: {}\n    {last}", small.sql()))
}

/// Tables changed in the same way on both.
fn changes() -> Result<()> {
    let reference = Reference::start()?;
    let server = TestServer::start()?;
    let mut lis = server.connect_admin()?;
    let mut judge = RawConnection::open(&reference.target())?;
    set_up(&mut lis)?;
    set_up(&mut judge)?;
    let seed = number("LIS_RANDOM_SEED", 1)?;
    let count = number("LIS_RANDOM_COUNT", if is_set(LONG) { THOROUGH / 10 } else { QUICK / 10 })?;
    let mut tally = Tally::default();
    for seed in seed..seed + count {
        let mut generator = Generator::new(seed);
        let mut done: Vec<String> = Vec::new();
        begin_again(&mut lis, &mut judge, &done)?;
        for _ in 0..CHANGES {
            let change = generator.change();
            let outcome = changed(&change, &mut lis, &mut judge)?;
            match &outcome {
                Outcome::Same => done.push(change.sql()),
                Outcome::Differs(difference) => {
                    let compared = |candidate: &Query| {
                        begin_again(&mut lis, &mut judge, &done)?;
                        changed(candidate, &mut lis, &mut judge)
                    };
                    let failure = explained(seed, &change, difference, compared)?;
                    tally.differs(format!("after {}\n{failure}", done.join("; ")));
                }
                Outcome::BothFailed | Outcome::Refused(_) => {}
            }
            let differs = matches!(outcome, Outcome::Differs(_));
            if tally.add(seed, outcome) || differs {
                break;
            }
        }
        if tally.failures.len() == FAILURES_MAX {
            break;
        }
    }
    tally.judged()
}

/// A transaction in which some statements were executed.
fn begin_again(lis: &mut RawConnection, judge: &mut RawConnection, done: &[String]) -> Result<()> {
    for connection in [lis, judge] {
        connection.must("rollback")?;
        connection.must("begin")?;
        for statement in done {
            connection.must(statement)?;
        }
    }
    Ok(())
}

/// Executes a change on both, and compares what it returns and what is in the tables then. One that fails is undone.
fn changed(change: &Query, lis: &mut RawConnection, judge: &mut RawConnection) -> Result<Outcome> {
    for connection in [&mut *lis, &mut *judge] {
        connection.must("savepoint before_it")?;
    }
    let outcome = compare(change, lis, judge)?;
    if outcome != Outcome::Same {
        for connection in [lis, judge] {
            connection.must("rollback to savepoint before_it")?;
        }
        return Ok(outcome);
    }
    for table in ["ett", "tva", "tre", "tom", "fyra"] {
        let rows = Query::written(format!("select * from slump.{table}"));
        match compare(&rows, lis, judge)? {
            Outcome::Same => {}
            Outcome::Differs(difference) => {
                return Ok(Outcome::Differs(format!("{difference} in {table}")));
            }
            other => return Ok(other),
        }
    }
    Ok(Outcome::Same)
}

/// The tables with the administration that each row belongs to: each row belongs to one, and once more to another.
const ADMINISTRATIONS: &[&str] = &[
    "call lis.create_administration('1', 'Ett')",
    "call lis.create_administration('2', 'Två')",
    "call lis.create_administration('3', 'Tre')",
    "create role anna login password 'prov'",
    "grant adm_1, adm_3 to anna",
    "grant usage on schema slump to anna",
    "create schema kopia",
];

/// Random queries by a user who sees two administrations of four, and by an administrator over copies of their rows.
fn secured() -> Result<()> {
    let server = TestServer::start()?;
    let mut all = server.connect_admin()?;
    set_up(&mut all)?;
    for statement in ADMINISTRATIONS {
        all.must(statement)?;
    }
    for (table, columns) in [
        ("ett", "ea, eb, ec, ed, ee, ef, eg"),
        ("tva", "ta, tb, tc, td, te, tf, tg"),
        ("tre", "ta, tb, tc, td, te, tf, tg"),
        ("tom", "ea, ec"),
        ("fyra", "fa, fj, fz, fs, fc"),
    ] {
        let first = columns.split(',').next().unwrap_or_default();
        for statement in [
            format!("alter table slump.{table} add column adm varchar(3)"),
            format!("update slump.{table} set adm = case when {first} is null then null else '1' end"),
            format!("insert into slump.{table} select {columns}, '2' from slump.{table}"),
            format!(
                "insert into slump.{table} select {columns}, '3' from slump.{table} where {first} <= 2 and adm = '2'"
            ),
            format!("call lis.secure_table('slump.{table}', 'adm')"),
            format!("grant select on slump.{table} to anna"),
            format!("create table kopia.{table} as select * from slump.{table} where adm in ('1', '3')"),
        ] {
            all.must(&statement)?;
        }
    }
    let mut anna = RawConnection::open(&server.target("anna", "prov"))?;
    anna.must("set statement_timeout = '30s'")?;
    anna.must("set timezone = 'Europe/Stockholm'")?;
    let seed = number("LIS_RANDOM_SEED", 1)?;
    let count = number("LIS_RANDOM_COUNT", if is_set(LONG) { THOROUGH / 5 } else { QUICK / 2 })?;
    let mut tally = Tally::default();
    for seed in seed..seed + count {
        let query = Generator::new(seed).query();
        let outcome = compare_over(&query, &mut anna, &mut all, "kopia")?;
        if let Outcome::Differs(difference) = &outcome {
            let compared = |candidate: &Query| compare_over(candidate, &mut anna, &mut all, "kopia");
            tally.differs(explained(seed, &query, difference, compared)?);
        }
        if tally.add(seed, outcome) {
            break;
        }
    }
    tally.judged()
}

fn partitions() -> Result<()> {
    let server = TestServer::start()?;
    let mut lis = server.connect_admin()?;
    set_up(&mut lis)?;
    for seed in 1..=if is_set(LONG) { 5_000 } else { 40 } {
        let predicate = Generator::new(seed).predicate().sql();
        let parts = format!(
            "select (select count(*) from slump.ett where {predicate}) \
             + (select count(*) from slump.ett where not {predicate}) \
             + (select count(*) from slump.ett where {predicate} is null) \
             - (select count(*) from slump.ett)"
        );
        let counts = format!(
            "select (select count(*) from slump.ett where {predicate}) \
             - (select coalesce(sum(case when {predicate} then 1 else 0 end), 0) from slump.ett)"
        );
        let (value, kind) = Generator::new(seed + 1_000_000).value();
        let value = format!("({})::{kind}", value.sql());
        let values = |distinct: &str, ways: &[String]| {
            let arms: Vec<String> = ways
                .iter()
                .map(|way| format!("select {distinct} {value} as x from slump.ett where {way}"))
                .collect();
            let union = if distinct.is_empty() { " union all " } else { " union " };
            format!(
                "(select coalesce(array_agg(x::text order by x::text), '{{}}') from ({}) q)",
                arms.join(union)
            )
        };
        let ways = [predicate.clone(), format!("not {predicate}"), format!("{predicate} is null")];
        let same = |distinct: &str| {
            format!(
                "select ({} is distinct from {})::integer",
                values(distinct, &ways),
                values(distinct, &["true".to_owned()])
            )
        };
        for sql in [parts, counts, same(""), same("distinct")] {
            let refused = lis
                .simple(&sql)?
                .pop()
                .and_then(|response| response.error)
                .is_some_and(|error| error.sqlstate() == "0A000");
            if !refused {
                let difference = one_value(&mut lis, &sql)?;
                ensure!(difference == "0", "seed {seed}: {difference}: {sql}");
            }
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a run says beside pass or fail")]
fn note(text: &str) {
    if is_set("LIS_TESTS_REPORT") {
        println!("{text}");
    }
}

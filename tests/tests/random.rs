//! Random queries against PostgreSQL, and LIS against itself.
//!
//! - `random::queries`: a few hundred queries that both servers must answer alike; `LIS_TEST_LONG` makes it 100,000.
//!   `LIS_RANDOM_SEED` begins elsewhere, `LIS_RANDOM_COUNT` says how many.
//! - `random::partitions`: for a random predicate, the rows where it is true, false and unknown are all rows, and counting
//!   where it is true gives as many as summing it up over all rows. These need no reference.

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use lis_tests::{
    TestServer,
    random::{Generator, Outcome, Query, SETUP, compare, shrink},
    raw::RawConnection,
    reference::Reference,
    server::one_value,
    trials::{CLIENTS, LONG, Trials, is_set},
};

/// How many queries are compared in the quick tier.
const QUICK: u64 = 200;
/// And in the long tier.
const THOROUGH: u64 = 100_000;
/// At most so many failures are reported.
const FAILURES_MAX: usize = 40;

fn main() -> ExitCode {
    Trials::new()
        .only_if(is_set(CLIENTS), "PostgreSQL 15, which tests/run installs", "random::queries", queries)
        .quick("random::partitions", partitions)
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
    let (mut same, mut refused) = (0_u64, 0_u64);
    let mut failures = Vec::new();
    for seed in seed..seed + count {
        let query = Generator::new(seed).query();
        match compare(&query, &mut lis, &mut judge)? {
            Outcome::Same | Outcome::BothFailed => same += 1,
            Outcome::Refused(reason) => {
                refused += 1;
                note(&format!("seed {seed}: {reason}"));
            }
            Outcome::Differs(difference) => {
                let failure = explained(seed, &query, &difference, &mut lis, &mut judge)?;
                note(&failure);
                failures.push(failure);
                if failures.len() == FAILURES_MAX {
                    break;
                }
            }
        }
    }
    note(&format!("{same} agree, {refused} refused, {} differ", failures.len()));
    if !failures.is_empty() {
        bail!("{}", failures.join("\n\n"));
    }
    ensure!(same > refused * 9, "more than a tenth is refused: {refused} of {}", same + refused);
    Ok(())
}

/// A failing query made small, with what differs.
fn explained(
    seed: u64,
    query: &Query,
    difference: &str,
    lis: &mut RawConnection,
    judge: &mut RawConnection,
) -> Result<String> {
    let kind = |text: &str| text.split([' ', ',']).next().unwrap_or_default().parse::<u64>().is_ok();
    let mut last = difference.to_owned();
    let small = shrink(query, |candidate| match compare(candidate, lis, judge) {
        Ok(Outcome::Differs(found)) if kind(&found) == kind(difference) => {
            last = found;
            true
        }
        _ => false,
    });
    Ok(format!("seed {seed}: {}\n    {last}", small.sql()))
}

fn partitions() -> Result<()> {
    let server = TestServer::start()?;
    let mut lis = server.connect_admin()?;
    set_up(&mut lis)?;
    for seed in 1..=if is_set(LONG) { 5_000 } else { 60 } {
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
        for sql in [parts, counts] {
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

//! Every operator, function, cast, aggregate and window function of PostgreSQL's catalogue over the supported types, on
//! LIS and on the real PostgreSQL 15, held against the published list: see `lis_tests::matrix`. One test per family. The
//! quick tier makes every n-th call, the long tier all of them.
//!
//! `LIS_MATRIX_WRITE=1` makes all calls and writes the list and the page anew; with a word (`LIS_MATRIX_SHOW=date_trunc`)
//! it prints the calls of the signatures that contain it, and writes nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Result, bail};
use lis_tests::{
    TestServer,
    matrix::{
        calls,
        compare::Verdict,
        list::{self, List, NO_REASON, Tally},
        run::{self, Outcome},
        signatures::{self, LeftOut, Signature},
    },
    raw::{RawConnection, Target},
    reference::Reference,
    trials::{CLIENTS, LONG, Trials, is_set},
};

/// In the quick tier, one call in so many is made.
const QUICK: usize = 12;
/// How many surprises a family's failure shows.
const SHOWN: usize = 40;
const WRITE: &str = "LIS_MATRIX_WRITE";
const SHOW: &str = "LIS_MATRIX_SHOW";

fn main() -> Result<ExitCode> {
    let mut trials = Trials::new();
    if !is_set(CLIENTS) {
        return Ok(trials
            .only_if(false, "PostgreSQL 15, which tests/run installs", "matrix", || Ok(()))
            .run());
    }
    let reference = Reference::start()?;
    let server = TestServer::start()?;
    let targets = [server.admin()?, reference.target()];
    let (signatures, left_out) = signatures::read(&mut open(&targets[1])?)?;
    if is_set(WRITE) || is_set(SHOW) {
        whole(&signatures, &left_out, &targets)?;
        return Ok(ExitCode::SUCCESS);
    }
    let known = Arc::new(list::read(&std::fs::read_to_string(list_path())?));
    let mut families: BTreeMap<&'static str, Vec<Signature>> = BTreeMap::new();
    for signature in signatures {
        families.entry(signature.family).or_default().push(signature);
    }
    for (name, signatures) in families {
        let (targets, known) = (targets.clone(), Arc::clone(&known));
        trials.push(format!("matrix::{}", name.replace(' ', "_")), move || {
            family(&signatures, &known, &targets)
        });
    }
    let listed = Arc::clone(&known);
    trials.push("matrix::every_difference_has_a_reason".into(), move || reasons(&listed));
    let code = trials.run();
    drop((server, reference));
    Ok(code)
}

fn list_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("matrix/differences.txt")
}

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog/functions/docs/agreement.md")
}

fn open(target: &Target) -> Result<RawConnection> {
    RawConnection::open_with(target, &[("TimeZone", "Europe/Stockholm")])
}

/// Sorting for a GROUP BY changes the order of the rows, and with it the last digit of a sum of floats.
fn open_reference(target: &Target) -> Result<RawConnection> {
    RawConnection::open_with(target, &[("TimeZone", "Europe/Stockholm"), ("enable_sort", "off")])
}

fn family(signatures: &[Signature], known: &List, [lis, reference]: &[Target; 2]) -> Result<()> {
    let (mut lis, mut reference) = (open(lis)?, open_reference(reference)?);
    let step = if is_set(LONG) { 1 } else { QUICK };
    let (mut made, mut surprises) = (0, Vec::new());
    for (index, signature) in signatures.iter().enumerate() {
        let id = signature.id();
        let calls: Vec<_> = calls::of(signature)
            .into_iter()
            .enumerate()
            .filter_map(|(number, call)| ((number + index) % step == 0).then_some(call))
            .collect();
        made += calls.len();
        for outcome in run::signature(signature, &calls, &mut lis, &mut reference)? {
            surprises.extend(list::unexpected(&id, known.get(&id), &outcome));
        }
    }
    if !surprises.is_empty() {
        let shown = surprises.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
        bail!("{} of {made} calls are not as the list says:\n{shown}", surprises.len());
    }
    Ok(())
}

/// A difference that nobody has explained is a defect that somebody has put on the list.
fn reasons(known: &List) -> Result<()> {
    let unexplained: Vec<String> = known
        .iter()
        .flat_map(|(signature, known)| known.differing.iter().map(move |entry| (signature, entry)))
        .filter(|(_, (_, difference))| difference.reason == NO_REASON)
        .map(|(signature, ((path, call), _))| format!("{signature} [{path}] {call}"))
        .collect();
    if !unexplained.is_empty() {
        bail!("{} differences without a reason:\n{}", unexplained.len(), unexplained.join("\n"));
    }
    Ok(())
}

/// Makes all calls, and writes the list and the page, or shows what a word is in.
#[expect(clippy::print_stdout, reason = "the report is asked for")]
fn whole(signatures: &[Signature], left_out: &LeftOut, targets: &[Target; 2]) -> Result<()> {
    let word = std::env::var(SHOW).unwrap_or_default();
    let (mut list, mut tallies): (List, BTreeMap<&'static str, Tally>) = (List::new(), BTreeMap::new());
    let chosen: Vec<&Signature> =
        signatures.iter().filter(|signature| signature.id().contains(&word)).collect();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let outcomes: Vec<Vec<Outcome>> = std::thread::scope(|scope| {
        let running: Vec<_> = chosen
            .chunks(chosen.len().div_ceil(workers).max(1))
            .map(|part| {
                scope.spawn(move || -> Result<Vec<Vec<Outcome>>> {
                    let (mut lis, mut reference) = (open(&targets[0])?, open_reference(&targets[1])?);
                    part.iter()
                        .map(|signature| {
                            run::signature(signature, &calls::of(signature), &mut lis, &mut reference)
                                .map_err(|error| error.context(signature.id()))
                        })
                        .collect()
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a worker panicked")))
            .collect::<Result<Vec<_>>>()
            .map(|parts| parts.into_iter().flatten().collect())
    })?;
    for (signature, outcomes) in chosen.iter().zip(outcomes) {
        let id = signature.id();
        tallies.entry(signature.family).or_default().add(&outcomes);
        if !word.is_empty() {
            for outcome in outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Agree) {
                println!(
                    "[{}] {}\n    LIS: {}\n    PG:  {}",
                    outcome.path, outcome.text, outcome.ours, outcome.theirs
                );
            }
        }
        let known = list::known(&id, &outcomes);
        if known != list::Known::default() {
            list.insert(id, known);
        }
    }
    println!("{}", list::table(&tallies));
    if is_set(WRITE) {
        std::fs::write(list_path(), list::write(&list))?;
        std::fs::write(page_path(), list::page(&tallies, &list, signatures, left_out))?;
    }
    Ok(())
}

//! PostgreSQL as the judge: every statement of `corpus/` runs on LIS and on the real PostgreSQL 15, and must agree but
//! for the differences that the corpus names. One test per file. `LIS_TESTS_REPORT=1` prints the agreement by family and
//! every difference instead of failing: what one looks at while widening the binder.

#[path = "differential/copying.rs"]
mod copying;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use lis_tests::{
    TestServer,
    differential::{Verdict, compare, parse_corpus},
    raw::{RawConnection, Target},
    reference::Reference,
    trials::{CLIENTS, Trials, is_set},
};

fn main() -> Result<ExitCode> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut trials = Trials::new();
    if !is_set(CLIENTS) {
        return Ok(trials
            .only_if(false, "PostgreSQL 15, which tests/run installs", "corpus", || Ok(()))
            .run());
    }
    let reference = Reference::start()?;
    let server = TestServer::start()?;
    let targets = [server.admin()?, reference.target()];
    set_up(&corpus.join("setup.sql"), &targets)?;
    for path in families(&corpus)? {
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let targets = targets.clone();
        trials.push(format!("corpus::{name}"), move || family(&path, &targets));
    }
    trials.push("copy::from_stdin".to_owned(), move || copying::agree(&targets));
    let code = trials.run();
    drop((server, reference));
    Ok(code)
}

fn set_up(script: &Path, targets: &[Target]) -> Result<()> {
    let statements = parse_corpus(&std::fs::read_to_string(script)?);
    for target in targets {
        let mut connection = RawConnection::open(target)?;
        for statement in &statements {
            connection.must(&statement.sql)?;
        }
    }
    Ok(())
}

fn families(corpus: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(corpus)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") && !path.ends_with("setup.sql") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn family(path: &Path, [lis, reference]: &[Target; 2]) -> Result<()> {
    let statements = parse_corpus(&std::fs::read_to_string(path)?);
    // No statement of the corpus is long: one that does not end is a difference.
    let settings = [("TimeZone", "Europe/Stockholm"), ("statement_timeout", "20s")];
    let mut lis = RawConnection::open_with(lis, &settings)?;
    let mut reference = RawConnection::open_with(reference, &settings)?;
    let mut differences = Vec::new();
    for statement in &statements {
        let verdict = compare(statement, &mut lis, &mut reference)
            .with_context(|| format!("{}:{}: {}", path.display(), statement.line, statement.sql))?;
        if let Verdict::Unexpected(difference) = verdict {
            differences.push(format!("line {}: {}\n    {difference}", statement.line, statement.sql));
        }
    }
    let agreed = statements.len() - differences.len();
    let summary = format!(
        "{}: {agreed} of {} as expected\n{}",
        path.display(),
        statements.len(),
        differences.join("\n")
    );
    if is_set("LIS_TESTS_REPORT") {
        report(&summary);
        return Ok(());
    }
    if !differences.is_empty() {
        bail!("{summary}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is asked for")]
fn report(text: &str) {
    println!("{text}");
}

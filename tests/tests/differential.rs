//! PostgreSQL as the judge: every statement of `corpus/` runs on LIS and on the real PostgreSQL 15, and must agree.
//! One trial per file. `LIS_TESTS_REPORT=1` prints the agreement by family and every difference, and fails nothing else.

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use lis_tests::{
    TestServer,
    differential::{Verdict, compare, parse_corpus},
    raw::{RawConnection, Target},
    reference::Reference,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let setup = std::fs::read_to_string(corpus.join("setup.sql"))?;
    let mut families: Vec<_> =
        std::fs::read_dir(&corpus)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    families.retain(|path| {
        path.extension().is_some_and(|extension| extension == "sql") && !path.ends_with("setup.sql")
    });
    families.sort();

    let reference = Reference::start()?;
    let server = TestServer::start()?;
    for target in [reference.target(), server.admin()?] {
        let mut connection = RawConnection::open(&target)?;
        for statement in parse_corpus(&setup) {
            connection.must(&statement.sql)?;
        }
    }
    let admin = server.admin()?;
    let trials = families
        .into_iter()
        .map(|path| {
            let (lis, reference) = (admin.clone(), reference.target());
            let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            Trial::test(format!("corpus::{name}"), move || {
                family(&path, &lis, &reference).map_err(Failed::from)
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop((server, reference));
    conclusion.exit();
}

fn family(path: &Path, lis: &Target, reference: &Target) -> Result<(), String> {
    let describe = |error: anyhow::Error| format!("{error:#}");
    let statements = parse_corpus(&std::fs::read_to_string(path).map_err(|error| error.to_string())?);
    let zone = [("TimeZone", "Europe/Stockholm")];
    let mut lis_connection = RawConnection::open_with(lis, &zone).map_err(describe)?;
    let mut reference_connection = RawConnection::open_with(reference, &zone).map_err(describe)?;
    let mut failures = Vec::new();
    for statement in &statements {
        let verdict =
            compare(statement, &mut lis_connection, &mut reference_connection).map_err(|error| {
                format!("{}:{}: {}: {error:#}", path.display(), statement.line, statement.sql)
            })?;
        if let Verdict::Unexpected(difference) = verdict {
            failures.push(format!("line {}: {}\n    {difference}", statement.line, statement.sql));
        }
    }
    let agreed = statements.len() - failures.len();
    if std::env::var_os("LIS_TESTS_REPORT").is_some() {
        println!("{}: {agreed} of {} agree\n{}", path.display(), statements.len(), failures.join("\n"));
        return Ok(());
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!("{agreed} of {} agree\n{}", statements.len(), failures.join("\n")))
    }
}

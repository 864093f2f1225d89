//! House rules that a machine can check: the edges between crates, how files begin, what must not be in them, what lies
//! at the top level, one version of the engine. A rule that is broken says which file and why it is a rule.

#![expect(clippy::expect_used, reason = "a rule that cannot be checked is broken")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A file with its path from the top of the tree.
struct File {
    name: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent directory").to_owned()
}

/// Every text file of the project; nothing that tools make.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    assert!(found.len() > 100, "only {} files found: is this the right place?", found.len());
    found
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let entry = entry.expect("a readable entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{prefix}{name}");
        if matches!(path.as_str(), ".git" | "target" | "lis-data") {
            continue;
        }
        if entry.file_type().expect("a file type").is_dir() {
            walk(&entry.path(), &format!("{path}/"), found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.push(File { name: path, text });
        }
    }
}

fn rust_files() -> impl Iterator<Item = File> {
    files().into_iter().filter(|file| file.name.ends_with(".rs"))
}

fn report(broken: &[String], why: &str) {
    assert!(broken.is_empty(), "{why}\n  {}", broken.join("\n  "));
}

/// What each crate may depend on, as DESIGN and README draw it.
const EDGES: [(&str, &str, &[&str]); 8] = [
    ("catalog/functions", "lis-functions", &[]),
    ("catalog/lake", "lis-lake", &[]),
    ("catalog/sql", "lis-sql", &["lis-functions", "lis-lake"]),
    ("catalog/pg_catalog", "lis-pg-catalog", &["lis-functions", "lis-lake", "lis-sql"]),
    ("security", "lis-security", &["lis-functions", "lis-lake", "lis-sql", "lis-pg-catalog"]),
    ("loaders", "lis-loaders", &["lis-functions", "lis-lake", "lis-sql", "lis-pg-catalog"]),
    (
        "server",
        "lis-server",
        &["lis-functions", "lis-lake", "lis-sql", "lis-pg-catalog", "lis-security", "lis-loaders"],
    ),
    ("tests", "lis-tests", &[]),
];

#[test]
fn crates_depend_on_nothing_but_what_they_may() {
    let mut broken = Vec::new();
    for (directory, package, allowed) in EDGES {
        let manifest = fs::read_to_string(root().join(directory).join("Cargo.toml")).expect(directory);
        assert!(manifest.contains(&format!("name = \"{package}\"")), "{directory} is not {package}");
        for line in manifest.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if name.starts_with("lis-") && !allowed.contains(&name) {
                broken.push(format!("{directory}: {name}"));
            }
        }
    }
    report(&broken, "an edge that README.md does not draw:");
}

#[test]
fn the_tests_link_no_engine() {
    let manifest = fs::read_to_string(root().join("tests/Cargo.toml")).expect("tests/Cargo.toml");
    for engine in ["datafusion", "arrow", "parquet", "sqlx"] {
        assert!(
            !manifest.contains(engine),
            "tests talk to LIS through its socket and its files, not through {engine}"
        );
    }
}

#[test]
fn wire_and_console_are_known_to_the_server_only() {
    let mut broken = Vec::new();
    for (directory, _, _) in EDGES.iter().filter(|(directory, ..)| !matches!(*directory, "server" | "tests"))
    {
        let manifest = fs::read_to_string(root().join(directory).join("Cargo.toml")).expect(directory);
        for name in ["pgwire", "axum", "clap", "tokio-rustls"] {
            if manifest.lines().any(|line| line.starts_with(name)) {
                broken.push(format!("{directory}: {name}"));
            }
        }
    }
    report(&broken, "only server/ knows the wire, HTTP and the command line:");
}

#[test]
fn every_member_takes_versions_and_lints_from_the_workspace() {
    let mut broken = Vec::new();
    for (directory, _, _) in EDGES {
        let manifest = fs::read_to_string(root().join(directory).join("Cargo.toml")).expect(directory);
        if !manifest.contains("[lints]\nworkspace = true") {
            broken.push(format!("{directory}: no [lints] workspace = true"));
        }
        for line in manifest.lines().filter(|line| line.contains("version = \"")) {
            broken.push(format!("{directory}: {line}"));
        }
    }
    report(&broken, "one table of versions and one of lints, in the top Cargo.toml:");
}

#[test]
fn one_version_of_the_engine() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("name = \"").map(|name| name.trim_end_matches('"')) else {
            continue;
        };
        let version = lines.next().unwrap_or_default();
        versions.entry(name).or_default().insert(version);
    }
    for name in
        ["arrow", "arrow-array", "datafusion", "parquet", "object_store", "sqlparser", "pgwire", "rustls"]
    {
        let found = versions.get(name).map_or(0, BTreeSet::len);
        assert_eq!(found, 1, "{name}: {:?}", versions.get(name));
    }
}

#[test]
fn every_file_says_what_it_is() {
    let broken: Vec<String> =
        rust_files().filter(|file| !file.text.starts_with("//!")).map(|file| file.name).collect();
    report(
        &broken,
        "a file opens with //! that says why it is there, what it promises, where it can go wrong:",
    );
}

#[test]
fn files_are_short_enough_to_be_read() {
    // One family of functions, each a few lines: long, and read one by one.
    let tables = ["catalog/functions/src/numbers.rs"];
    let broken: Vec<String> = rust_files()
        .filter(|file| !tables.contains(&file.name.as_str()))
        .map(|file| (file.text.lines().count(), file.name))
        .filter(|(lines, _)| *lines > 1000)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    report(&broken, "about 250 lines a file; 600 is a question, 1000 is an answer:");
}

#[test]
fn nothing_that_hides_a_fault() {
    // Written in two parts, so that this file does not find itself.
    let forbidden = [
        (concat!("#[ig", "nore"), "a test that does not run says so by itself (trials.rs)"),
        (concat!("#[should", "_panic"), "check the error"),
        (
            concat!("#[al", "low("),
            "#[expect(…, reason = \"…\")] says why and goes away when it is no longer needed",
        ),
        (concat!("thread::sl", "eep("), "wait for what you wait for"),
        (concat!("dbg", "!("), "left over"),
    ];
    let mut broken = Vec::new();
    for file in rust_files() {
        for (number, line) in file.text.lines().enumerate() {
            for (text, why) in forbidden {
                // A comment on the line above can name an exception; it begins with this word.
                let excepted = number > 0
                    && file.text.lines().nth(number - 1).is_some_and(|before| before.contains("tidy: "));
                if line.contains(text) && !excepted {
                    broken.push(format!("{}:{}: {text}: {why}", file.name, number + 1));
                }
            }
        }
    }
    report(&broken, "not in this tree:");
}

#[test]
fn one_place_for_each_thing() {
    let rules = [
        (
            concat!("tokio::sp", "awn("),
            // A publish runs to its end though its caller is gone; the command line waits for one signal.
            &["server/src/task.rs", "server/src/cli.rs", "loaders/src/publish.rs"][..],
            "tasks are named, and drained when the server stops",
        ),
        (concat!("env::v", "ar("), &["server/src/config.rs"][..], "the environment is read in one place"),
        (
            concat!("SessionContext", "::new"),
            &[][..],
            "plans are made by the binder and run through the one door",
        ),
    ];
    let mut broken = Vec::new();
    let is_product = |file: &File| {
        file.name.contains("/src/") && !file.name.starts_with("tests/") && !file.name.ends_with("tests.rs")
    };
    for file in rust_files().filter(is_product) {
        // Unit tests stand at the end of a file and are not the server.
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (text, places, why) in rules {
            if code.contains(text) && !places.contains(&file.name.as_str()) {
                broken.push(format!("{}: {text} belongs into {places:?}: {why}", file.name));
            }
        }
    }
    report(&broken, "elsewhere:");
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let forbidden = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("npmjs", ".com"),
        concat!("deb.debian", ".org"),
    ];
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| file.name != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(text) = forbidden.iter().find(|text| line.contains(**text)) {
                broken.push(format!("{}:{}: {text}", file.name, number + 1));
            }
        }
    }
    report(&broken, "a path of one machine, or a registry's host:");
}

#[test]
fn the_top_level_stays_small() {
    let expected = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "catalog",
        "docker",
        "loaders",
        "security",
        "server",
        "tests",
    ];
    let mut found: Vec<String> = fs::read_dir(root())
        .expect("the top level")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && !matches!(name.as_str(), "target" | "lis-data"))
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_scripts_are_programs() {
    use std::os::unix::fs::PermissionsExt as _;
    for script in ["tests/run", ".ci/run"] {
        let mode = fs::metadata(root().join(script)).expect(script).permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} is not executable");
    }
}

#[test]
fn what_the_documents_link_to_is_there() {
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| file.name.ends_with(".md")) {
        let directory = root().join(&file.name).parent().expect("a directory").to_owned();
        for link in file.text.split("](").skip(1) {
            let link = link.split([')', '#', ' ']).next().unwrap_or_default();
            if !link.is_empty() && !link.contains("://") && !directory.join(link).exists() {
                broken.push(format!("{}: {link}", file.name));
            }
        }
    }
    report(&broken, "a link to nothing:");
}

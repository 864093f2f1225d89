//! Deliveries as data: every directory of `testdata/` has a source (`source.toml`), files (`input/`) and what becomes of
//! them (`expected.txt`): each row typed, each reject with its place and rule. `LIS_REWRITE=1` writes the expectations
//! anew, to be reviewed like code.

use std::{fmt::Write, fs, path::Path, pin::pin};

use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::{
    config::LoadSpec,
    rejects::Rejects,
    sources::directory::DirectorySource,
    stage::{Wanted, plan},
};

/// What becomes of a directory's files.
async fn told(directory: &Path) -> String {
    let text = fs::read_to_string(directory.join("source.toml")).unwrap();
    let spec = LoadSpec::parse(Path::new("test.toml"), &text).unwrap();
    let source: Arc<dyn Source> = Arc::new(DirectorySource::Directory(directory.join("input")));
    let files = source.discover().await.unwrap();
    let dated = text.contains("{date:");
    let date = "2026-01-31".parse().ok().filter(|_| !dated);
    let planned = plan(&spec, files, Wanted { date, named: false }).unwrap();
    let mut told = String::new();
    for delivery in planned.deliveries {
        for (number, files) in delivery.by_table {
            tell_table(
                &mut told,
                &spec.tables[number],
                &source,
                files,
                &delivery.key.business_date.to_string(),
            )
            .await;
        }
    }
    told
}

async fn tell_table(
    told: &mut String,
    table: &Arc<TableSpec>,
    source: &Arc<dyn Source>,
    files: Vec<(Arc<SourceFile>, FileNameParts)>,
    business_date: &str,
) {
    let learnt = Arc::new(Learnt::default());
    let files = TableFiles {
        source: Arc::clone(source),
        table: Arc::clone(table),
        files,
        business_date: business_date.to_owned(),
        batch_number: "7".to_owned(),
        learnt: Arc::clone(&learnt),
    };
    let mut blocks = pin!(read_table(files, Arc::new(Ok)));
    while let Some(block) = blocks.next().await {
        let ReadBlock { file, rows, .. } = match block {
            Ok(block) => block,
            Err(error) => {
                writeln!(told, "error: {error}").unwrap();
                break;
            }
        };
        tell_rows(told, table, &file, &rows);
    }
    for warning in learnt.warnings() {
        writeln!(told, "warning: {warning}").unwrap();
    }
}

fn tell_rows(told: &mut String, table: &TableSpec, file: &Arc<str>, rows: &CleansedRows) {
    let options = FormatOptions::default().with_null("null");
    let columns: Vec<ArrayFormatter<'_>> = rows
        .batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    for (row, place) in rows.raw.rows.iter().enumerate() {
        if rows.problems.iter().any(|problem| problem.row == row) {
            continue;
        }
        let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
        writeln!(told, "{file}:{}: {:?}", rows.raw.line(*place), values).unwrap();
    }
    let mut rejects = Rejects::default();
    rejects.add_block(table, &Arc::from(table.name.to_string()), file, rows);
    for reject in rejects.kept {
        writeln!(
            told,
            "{}:{}: reject {} {}: {}, value {:?}, raw {:?}",
            reject.file,
            reject.line,
            reject.rule,
            reject.column.as_deref().unwrap_or("-"),
            reject.message,
            reject.value.as_deref().unwrap_or(""),
            reject.raw
        )
        .unwrap();
    }
}

#[tokio::test]
async fn deliveries() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let rewrite = std::env::var_os("LIS_REWRITE").is_some();
    let mut cases: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut differing = Vec::new();
    for case in cases {
        let told = told(&case).await;
        let path = case.join("expected.txt");
        if rewrite {
            fs::write(&path, &told).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != told {
            differing.push(format!("{}:\n{told}", case.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_delivery_is_known_by_names_and_contents() {
    let sum = |checksum: &str| FileSum { bytes: 1, checksum: checksum.to_owned() };
    let one = BTreeMap::from([("a".to_owned(), sum("1")), ("b".to_owned(), sum("2"))]);
    let other = BTreeMap::from([("a".to_owned(), sum("2")), ("b".to_owned(), sum("1"))]);
    assert_eq!(delivery_checksum(&one), delivery_checksum(&one.clone()));
    assert_ne!(delivery_checksum(&one), delivery_checksum(&other));
}

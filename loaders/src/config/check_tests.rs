//! Tests of sources' descriptions: what is refused, where, and with which advice; and that the documentation is true.

use super::*;

const COLUMN: &str = "[[table.column]]\nname = \"a\"\ntype = \"text\"\n";

fn parse(text: &str) -> Result<LoadSpec, LoadError> {
    LoadSpec::parse(Path::new("sources.d/test.toml"), text)
}

/// A source with one table: keys of the source, keys of the table, columns.
fn source(of_source: &str, of_table: &str, columns: &str) -> String {
    format!(
        "[source]\n{of_source}\n[[table]]\nname = \"s.t\"\nfiles = [\"*_{{part}}.csv\"]\n{of_table}\n{columns}"
    )
}

fn refused(text: &str) -> (String, String) {
    let error = parse(text).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn the_documented_example_is_a_source() {
    let page = include_str!("../../docs/add-a-source.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let spec = LoadSpec::parse(Path::new("agresso.toml"), example).unwrap();
    assert_eq!(spec.name, "agresso");
    assert_eq!(spec.origin_path(), Path::new("inbox/agresso"));
    let table = &spec.tables[0];
    assert_eq!(table.name.to_string(), "ekonomi.verifikationsrad");
    assert_eq!(table.primary_key.as_deref(), Some(&[0, 1, 3, 4][..]));
    assert!(table.columns[0].not_null, "keys and administration columns are required");
    assert_eq!(table.foreign_keys.len(), 2);
    assert!(matches!(table.columns[3].origin, ValueOrigin::Header(ref names) if names.len() == 2));
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../docs/add-a-source.md");
    let raw = include_str!("raw.rs");
    for line in raw.lines() {
        let Some(name) = line.trim().strip_prefix("pub(super) ").and_then(|rest| rest.split(':').next())
        else {
            continue;
        };
        let is_field = line.contains(": ") && !name.contains(['(', ' ']);
        let key = if name == "type_name" { "type" } else { name };
        if is_field {
            let written = [
                format!("{key} = "),
                format!("`{key}`"),
                format!("`[{key}]`"),
                format!("[[{key}]]"),
                format!("[[table.{key}]]"),
            ];
            assert!(written.iter().any(|form| page.contains(form)), "{key} is not in docs/add-a-source.md");
        }
    }
}

#[test]
fn unknown_keys_have_a_place_and_a_suggestion() {
    let (message, hint) = refused("[source]\ncommment = \"x\"\n[[table]]\n");
    assert_eq!(message, "sources.d/test.toml:2:1: unknown key \"commment\"");
    assert_eq!(hint, "Did you mean \"comment\"?");
    let (message, hint) =
        refused(&source("", "", "[[table.column]]\nname = \"a\"\ntype = \"text\"\nrequierd = true\n"));
    assert_eq!(message, "sources.d/test.toml:10:1: unknown key \"requierd\"");
    assert_eq!(hint, "Did you mean \"required\"?");
    let (_, hint) = refused("[sources]\n");
    assert_eq!(hint, "Did you mean \"source\"?");
}

#[test]
fn mistakes_have_a_place() {
    let column = |keys: &str| format!("[[table.column]]\nname = \"a\"\n{keys}");
    for (text, line, part) in [
        (source("rejects_max = 3", "", COLUMN), 2, "0 to 1"),
        (source("kind = \"sftp\"", "", COLUMN), 2, "no kind of source"),
        (source("name = \"other\"", "", COLUMN), 2, "file named \"test\""),
        (source("", "mode = \"upsert\"", COLUMN), 6, "neither"),
        (source("", "primary_key = [\"b\"]", COLUMN), 6, "no column \"b\""),
        (source("", "replace_by = [\"a\"]", COLUMN), 6, "replace_by"),
        (source("", "", &column("type = \"varchr(3)\"")), 9, "varchr"),
        (source("", "", &column("type = \"text\"\npattern = \"(\"")), 10, "no regular expression"),
        (source("", "", &column("type = \"integer\"\nmin = \"x\"")), 10, "not a number"),
        (source("", "", &column("type = \"date\"\ndates = [\"DD.MM\"]")), 10, "needs one year"),
        (source("", "", &column("type = \"text\"\nderived = \"today\"")), 10, "nothing called"),
        (source("", "", &column("type = \"text\"\nfile_part = \"no\"")), 10, "no part {no}"),
        (source("", "", &column("type = \"text\"\nreferences = \"konto\"")), 10, "schema.table.column"),
        (source("", "", &column("type = \"text\"\ncollation = \"de\"")), 10, "collation"),
        (source("", "", &column("type = \"text\"\nfrom = 0")), 10, "count from 1"),
        (source("", "", &column("type = \"integer\"\nlength_max = 3")), 8, "only texts"),
        (source("", "[table.format]\ndelimiter = \";;\"", COLUMN), 7, "one ASCII character"),
        (source("", "[table.format]\nencoding = \"utf8\"", COLUMN), 7, "no encoding"),
        (source("", "[table.format]\ndecimal = \",\"\nthousands = \",\"", COLUMN), 8, "the same"),
        (source("", "", &column("type = \"text\"\nfrom = \"x\"\nconstant = \"y\"")), 8, "more than one"),
        (source("", "", &format!("{COLUMN}{COLUMN}")), 11, "described twice"),
        (source("", "", &column("type = \"text\"\nreferences = \"s.t.a\"")), 4, "refers to itself"),
        ("[source]\ntable = []\n".to_owned(), 2, "unknown key"),
        ("[source".to_owned(), 1, ""),
    ] {
        let (message, _) = refused(&text);
        assert!(
            message.starts_with(&format!("sources.d/test.toml:{line}:")),
            "{message} (line {line} expected)"
        );
        assert!(message.contains(part), "{message} ({part} expected)");
    }
}

#[test]
fn formats_are_inherited() {
    let text = format!(
        "[source]\n[format]\nencoding = \"CP437\"\ndecimal = \".\"\n[[table]]\nname = \"s.t\"\nfiles = [\"*\"]\n\
         [table.format]\ndelimiter = \"\\t\"\n{COLUMN}dates = [\"YYMMDD\"]\n"
    );
    let spec = parse(&text).unwrap();
    let table = &spec.tables[0];
    assert_eq!((table.format.encoding, table.format.delimiter), (Encoding::Cp437, b'\t'));
    assert_eq!(table.columns[0].reading.number.decimal, b'.');
    assert_eq!(table.columns[0].reading.dates[0].text(), "YYMMDD");
    assert!(table.columns[0].reading.null_empty && table.columns[0].reading.trim);
}

#[test]
fn tables_that_others_refer_to_come_first() {
    let table = |name: &str, reference: &str| {
        format!("[[table]]\nname = \"s.{name}\"\nfiles = [\"*\"]\n{COLUMN}{reference}\n")
    };
    let one = table("one", "references = \"s.two.a\"");
    let spec = parse(&format!("[source]\n{one}{}", table("two", ""))).unwrap();
    let names: Vec<&str> = spec.tables.iter().map(|table| table.name.name.as_str()).collect();
    assert_eq!(names, ["two", "one"]);
    let circle = format!("[source]\n{one}{}", table("two", "references = \"s.one.a\""));
    assert!(refused(&circle).0.contains("refers to itself"));
}

#[test]
fn an_unknown_source_lists_the_known_ones() {
    let directory = tempfile::tempdir().unwrap();
    let sources = directory.path().join("sources.d");
    std::fs::create_dir(&sources).unwrap();
    std::fs::write(sources.join("agresso.toml"), "").unwrap();
    std::fs::write(sources.join("notes.txt"), "").unwrap();
    let error = LoadSpec::named(directory.path(), "agreso").unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("The sources are agresso."));
}

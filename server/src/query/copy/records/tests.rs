//! Records of text and CSV, whole and in any pieces: what the options mean, and what is refused with its place.

use lis_sql::statement::{CopyFormat, CopyHeader, CopyOptions};

use super::*;
use crate::session::encoding::ClientEncoding;

fn options(format: CopyFormat) -> CopyOptions {
    CopyOptions { format, ..CopyOptions::default() }
}

fn splitter(options: &CopyOptions, names: &[&str]) -> Splitter {
    let dialect = Dialect::new(options, ClientEncoding::Utf8).unwrap();
    Splitter::new(dialect, names.iter().map(|name| (*name).to_owned()).collect())
}

/// The rows of an input that comes in pieces of `size` bytes.
fn rows_in_pieces(
    options: &CopyOptions,
    names: &[&str],
    input: &[u8],
    size: usize,
) -> Vec<Vec<Option<String>>> {
    let mut splitter = splitter(options, names);
    let mut rows = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut pieces = input.chunks(size).peekable();
    while let Some(piece) = pieces.next() {
        pending.extend_from_slice(piece);
        let (records, used, result) = splitter.split(&pending, pieces.peek().is_none());
        result.unwrap();
        for row in 0..records.places.len() {
            let text = |column: &Vec<Field>| {
                records.bytes(&pending, column[row]).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
            };
            rows.push(records.columns.iter().map(text).collect());
        }
        pending.drain(..used);
    }
    assert!(pending.is_empty());
    rows
}

fn rows(options: &CopyOptions, names: &[&str], input: &str) -> Vec<Vec<Option<String>>> {
    let whole = rows_in_pieces(options, names, input.as_bytes(), input.len().max(1));
    for size in 1..8 {
        assert_eq!(rows_in_pieces(options, names, input.as_bytes(), size), whole, "pieces of {size}");
    }
    whole
}

fn error(options: &CopyOptions, names: &[&str], input: &str) -> String {
    let (_, _, result) = splitter(options, names).split(input.as_bytes(), true);
    result.unwrap_err().to_string()
}

fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

#[test]
fn csv_keeps_quoted_delimiters_and_line_breaks_and_tells_null_from_empty() {
    let csv = options(CopyFormat::Csv);
    assert_eq!(
        rows(&csv, &["a", "b", "c"], "a,\"b,\"\"c\"\"\",\r\n\"x\ny\",\"\",z\r\n"),
        [row(&[Some("a"), Some("b,\"c\""), None]), row(&[Some("x\ny"), Some(""), Some("z")])]
    );
    // Quotes in the middle, no line break at the end.
    assert_eq!(rows(&csv, &["a", "b"], "a\"b,c\"d,e"), [row(&[Some("ab,cd"), Some("e")])]);
    assert_eq!(rows(&csv, &["a"], "x\n\n\\.\nnever read"), [row(&[Some("x")]), row(&[None])]);
    assert_eq!(error(&csv, &["a"], "\"a\nb"), "unterminated CSV quoted field");
    assert_eq!(error(&csv, &["a", "b"], "1\n"), "missing data for column \"b\"");
    assert_eq!(error(&csv, &["a"], "1,2\n"), "extra data after last expected column");
    assert_eq!(error(&csv, &["a"], "a\rb\n"), "unquoted carriage return found in data");
}

#[test]
fn an_escape_of_its_own_and_forced_nulls() {
    let csv = CopyOptions {
        escape: Some('\\'),
        force_null: vec!["a".into()],
        force_not_null: vec!["b".into()],
        ..options(CopyFormat::Csv)
    };
    assert_eq!(
        rows(&csv, &["a", "b"], "\"\",\n\"q\\\"\\\\\",\"\"\n"),
        [row(&[None, Some("")]), row(&[Some("q\"\\"), Some("")])]
    );
}

#[test]
fn a_header_is_passed_over_or_compared() {
    let csv = CopyOptions { header: CopyHeader::Skip, ..options(CopyFormat::Csv) };
    assert_eq!(rows(&csv, &["a"], "anything,at all\n1\n"), [row(&[Some("1")])]);
    let csv = CopyOptions { header: CopyHeader::Match, ..options(CopyFormat::Csv) };
    assert_eq!(rows(&csv, &["a", "b"], "a,\"b\"\n1,2\n"), [row(&[Some("1"), Some("2")])]);
    assert_eq!(
        error(&csv, &["a", "b"], "a,c\n"),
        "column name mismatch in header line field 2: got \"c\", expected \"b\""
    );
    assert_eq!(error(&csv, &["a"], "a,b\n"), "wrong number of fields in header line: got 2, expected 1");
}

#[test]
fn text_is_unescaped() {
    let text = options(CopyFormat::Text);
    assert_eq!(
        rows(&text, &["a", "b", "c", "d", "e"], "a\\tb\t\\N\tc\\\\\t\\101\\x42\tx\\\ny\n"),
        [row(&[Some("a\tb"), None, Some("c\\"), Some("AB"), Some("x\ny")])]
    );
    assert_eq!(rows(&text, &["a"], "1\r\n\r\n"), [row(&[Some("1")]), row(&[Some("")])]);
    assert_eq!(error(&text, &["a"], "1\n2\r\n"), "literal carriage return found in data");
}

#[test]
fn lines_are_counted_through_quotes_and_records_of_every_kind() {
    let csv = options(CopyFormat::Csv);
    let input = b"1,a\n2,\"b\nb\"\n3,\"c\"\"c\"\n4,\n\"5\",\"\"\n6,d\"d\"\n7,e";
    let mut splitter = splitter(&csv, &["a", "b"]);
    let (records, used, result) = splitter.split(input, true);
    result.unwrap();
    assert_eq!(used, input.len());
    assert_eq!(records.places.iter().map(|place| place.line).collect::<Vec<_>>(), [1, 3, 4, 5, 6, 7, 8]);
    let second: Vec<_> = records.columns[1].iter().map(|field| records.bytes(input, *field)).collect();
    let text = |text: &'static str| Some(text.as_bytes());
    assert_eq!(second, [text("a"), text("b\nb"), text("c\"c"), None, text(""), text("dd"), text("e")]);
    // A wrong record leaves nothing of itself behind the right ones.
    let mut splitter = super::tests::splitter(&csv, &["a", "b"]);
    let (records, _, result) = splitter.split(b"1,2\n3\n", true);
    assert!(result.is_err());
    assert_eq!(records.columns.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

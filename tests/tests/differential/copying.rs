//! COPY FROM STDIN against PostgreSQL: the same bytes into the same table, and then the same rows, or the same error at
//! the same line and column. Each input is sent as it is, some also behind many plain records, so that they meet the end of
//! a chunk.

use anyhow::{Result, ensure};
use lis_tests::raw::{RawConnection, Target};

const TABLE: &str = "CREATE TABLE copying (i integer, n numeric(12,3), t text, v varchar(4), c char(3), d date, \
    ts timestamp, b boolean, f double precision, s smallint, u numeric)";

/// The columns, the options and the input.
const CASES: &[(&str, &str, &[u8])] = &[
    ("i, n, t", "FORMAT csv", b"1,2.5,plain\n-2,-0.001,\"quoted, with comma\"\n,,\n3,7.,\"\"\n"),
    ("i, t", "FORMAT csv", b"1,\"two\nlines\"\n2,\"say \"\"hi\"\"\"\n3,a\"b,c\"d\n4,\"a\"b\n5, x \n"),
    ("i, t", "FORMAT csv", b"1,a\r\n2,\r\n3,\"b\"\r\n4,\"c\r\nd\"\r\n"),
    ("i, t", "FORMAT csv", b"1,a\n2,b\r\n"),
    ("i, t", "FORMAT csv", b"1,a\n\n"),
    ("i, t", "FORMAT csv", b"1,a\n2\n3,c\n"),
    ("i, t", "FORMAT csv", b"1,a\n2,b,c\n"),
    ("i, t", "FORMAT csv", b"1,a\n2,\"b\n3,c\n"),
    ("i, t", "FORMAT csv", b"1,a\n\\.\n2,b\n"),
    ("i, t", "FORMAT csv, NULL 'NULL'", b"1,NULL\n2,\"NULL\"\n3,\nNULL,x\n"),
    ("i, t", "FORMAT csv, NULL '', FORCE_NULL (t)", b"1,\"\"\n2,\n3,\"x\"\n"),
    ("i, t", "FORMAT csv, FORCE_NOT_NULL (t)", b"1,\"\"\n2,\n3,x\n"),
    ("i, t", "FORMAT csv, QUOTE '''', ESCAPE '\\'", b"1,'a,b'\n2,'it\\'s'\n3,'a\\\\b'\n4,a\\b\n"),
    ("i, t", "FORMAT csv, DELIMITER ';'", b"1;a,b\n2;\"a;b\"\n"),
    ("i, t", "FORMAT csv, HEADER", b"whatever\n1,a\n"),
    ("i, t", "FORMAT csv, HEADER match", b"i,t\n1,a\n"),
    ("i, t", "FORMAT csv, HEADER match", b"i,x\n1,a\n"),
    ("i, t", "FORMAT csv, HEADER match", b"i\n1,a\n"),
    ("i, t", "FORMAT csv, HEADER match", b"i,t,n\n1,a\n"),
    ("i, t", "FORMAT csv, HEADER match", b""),
    ("i, t", "FORMAT csv, HEADER", b""),
    ("i, t", "FORMAT text, HEADER 'match'", b"i\tt\n1\ta\n"),
    ("i, t", "FORMAT text, HEADER match", b"i\t\\N\n1\ta\n"),
    ("i, t", "FORMAT csv, ENCODING 'sql_ascii'", b"1,\xc3\xa5\n"),
    ("i, t", "FORMAT csv", b"1,\xc3\xa5\xc3\xa4\xc3\xb6\n2,\"\xf0\x9f\x8c\xb3\"\n"),
    ("i, t", "FORMAT csv", b"1,a\n2,\xc3(\n"),
    ("i, t", "FORMAT csv", b"1,a\n2,b\0c\n"),
    ("i, v, c", "FORMAT csv", b"1,abcd,abc\n2,\xc3\xa5\xc3\xa4\xc3\xb6\xc3\xa5,\xc3\xa5\n3,,\n4,ab,\n5,\"\",\"\"\n"),
    ("i, v", "FORMAT csv", b"1,abcd   \n2,abcde\n"),
    ("i, c", "FORMAT csv", b"1,ab  \n2,abcd\n"),
    ("i, c", "FORMAT csv", b"1,abc   \n2,\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5\n"),
    ("i, n", "FORMAT csv", b"1,123456789.123\n2,-123456789.1235\n3,1e3\n4, 5 \n5,+6\n"),
    ("i, u", "FORMAT csv", b"1,1.5\n2,1e3\n3,-0.25\n4,\n"),
    ("i, n", "FORMAT csv", b"1,1\n2,1234567890\n"),
    ("i, n", "FORMAT csv", b"1,1\n2,12x\n"),
    ("i, s", "FORMAT csv", b" 1 ,32767\n+2,-32768\n3,32768\n"),
    ("i", "FORMAT csv", b"1\n2147483648\n"),
    ("i, d", "FORMAT csv", b"1,2024-02-29\n2,1/2/2023\n3,J2451187\n4,0001-01-01\n5,9999-12-31\n6,2023-2-1\n"),
    ("i, d", "FORMAT csv", b"1,2024-02-28\n2,2023-02-29\n"),
    ("i, d", "FORMAT csv", b"1,2024-04-30\n2,2024-04-31\n"),
    ("i, d", "FORMAT csv", b"1,0000-01-01\n"),
    ("i, ts", "FORMAT csv", b"1,2024-02-29 23:59:59\n2,2024-01-01T00:00:00.5\n3,1969-12-31 23:59:59.999999\n\
        4,2024-01-01\n5,2024-01-01 24:00:00\n6,2024-01-01 00:00:60\n7,2024-01-01 1:2:3\n8,0001-01-01 00:00:00\n\
        9,2024-01-01 00:00:00.1234567\n10,2024-01-01 00:00:00.\n"),
    ("i, ts", "FORMAT csv", b"1,2024-01-01 00:00:00\n2,2024-01-01 25:00:00\n"),
    ("i, b", "FORMAT csv", b"1,t\n2,f\n3,true\n4,no\n5,ON\n6,1\n7,\n"),
    ("i, b", "FORMAT csv", b"1,t\n2,maybe\n"),
    ("i, f", "FORMAT csv", b"1,1.5\n3,1e308\n4,NaN\n5,-Infinity\n6,4.9e-324\n7,.5\n"),
    ("i, f", "FORMAT csv", b"1,1\n2,1e400\n"),
    ("i, t, n", "FORMAT text", b"1\ta\t2.5\n\\N\t\\N\t\\N\n3\t\t4\n4\ta\\tb\\\\c\t5\n5\t\\NN\t6\n6\tx\\\ny\t7\n"),
    ("i, t", "FORMAT text", b"1\t\\N\r\n2\tb\r\n"),
    ("i, t", "FORMAT text", b"1\ta\r\n2\tb\n"),
    ("i, t", "FORMAT text", b"1\ta\n2\tb\rc\n"),
    ("i, t", "FORMAT text", b"1\ta\n\\.\n2\tb\n"),
    ("i, t", "FORMAT text", b"1\ta\n\\.x\n"),
    ("i, t", "FORMAT text, NULL ''", b"1\t\n2\t\\N\n"),
    ("i, t", "FORMAT text", b"1\ta\n2\n"),
    ("t, i", "FORMAT text", b"\\N\t1\n\\141\t2\n\\x62\t3\n"),
    ("t", "FORMAT text, DELIMITER '|'", b"a\tb\n\n\\|\n"),
];

/// One case of so many also comes behind plain records: a megabyte takes its time.
const LONG_EVERY: usize = 4;

/// Records that are plain, more than one chunk of them.
fn plain(columns: &str, options: &str) -> Vec<u8> {
    let delimiter = match options {
        _ if options.contains("';'") => ";",
        _ if options.contains("'|'") => "|",
        _ if options.contains("csv") => ",",
        _ => "\t",
    };
    let record = columns.split(", ").map(|column| match column {
        "i" | "s" => "120",
        "n" | "f" => "2.5",
        "d" => "2024-02-29",
        "ts" => "2024-02-29 12:13:14",
        "b" => "t",
        "t" => "a text that is as long as a comment",
        _ => "abc",
    });
    let record = record.collect::<Vec<_>>().join(delimiter);
    let mut records = if options.contains("HEADER") { b"header\n".to_vec() } else { Vec::new() };
    while records.len() < (1 << 20) - 100 {
        records.extend_from_slice(record.as_bytes());
        records.push(b'\n');
    }
    records
}

/// What became of a COPY: the rows, or the error with its context.
fn outcome(connection: &mut RawConnection, columns: &str, options: &str, input: &[u8]) -> Result<String> {
    connection.must("TRUNCATE copying")?;
    let sql = format!("COPY copying ({columns}) FROM STDIN ({options})");
    let responses = connection.copy_in(&sql, input)?;
    if let Some(error) = responses.iter().find_map(|response| response.error.as_ref()) {
        return Ok(format!(
            "{} {} [{}]",
            error.sqlstate(),
            error.message(),
            error.field('W').unwrap_or_default()
        ));
    }
    let rows = connection
        .must(&format!("SELECT count(*), {columns} FROM copying GROUP BY {columns} ORDER BY {columns}"))?;
    let tag = responses.last().and_then(|response| response.tag.clone());
    Ok(format!("{tag:?} {:?}", rows.rows))
}

pub(crate) fn agree([lis, reference]: &[Target; 2]) -> Result<()> {
    let mut lis = RawConnection::open(lis)?;
    let mut reference = RawConnection::open(reference)?;
    lis.must(TABLE)?;
    reference.must(TABLE)?;
    let mut differences = Vec::new();
    for (number, (columns, options, input)) in CASES.iter().enumerate() {
        let mut long = plain(columns, options);
        long.extend_from_slice(input.strip_prefix(b"whatever\n").unwrap_or(input));
        let mut inputs = vec![input.to_vec()];
        if number % LONG_EVERY == 0 {
            inputs.push(long);
        }
        for (index, input) in inputs.iter().enumerate() {
            let ours = outcome(&mut lis, columns, options, input)?;
            let theirs = outcome(&mut reference, columns, options, input)?;
            if ours != theirs {
                differences.push(format!("({columns}) {options}, input {index}:\n  {theirs}\n  {ours}"));
            }
        }
    }
    ensure!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

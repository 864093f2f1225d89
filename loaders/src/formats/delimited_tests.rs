//! Tests of delimited text that are not data (`testdata/` has those): random files, written and read back, cut anywhere.

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    super::blocks::{BlockCutter, FormatError},
    *,
};

/// Rows and rejects of a file, as text with lines.
#[derive(Debug, PartialEq, Eq, Default)]
struct Parsed {
    rows: Vec<(u64, Vec<String>)>,
    bad: Vec<(u64, Rule, String)>,
}

/// Parses a file that comes in pieces of `piece_bytes` and is cut into blocks of `block_bytes`.
fn parse_file(
    bytes: &[u8],
    format: &DelimitedFormat,
    width: usize,
    piece_bytes: usize,
    block_bytes: usize,
) -> Result<Parsed, FormatError> {
    let mut cutter = BlockCutter::with_block_bytes(format.clone(), block_bytes);
    let mut blocks = Vec::new();
    for piece in bytes.chunks(piece_bytes) {
        blocks.extend(cutter.push(piece)?);
    }
    blocks.extend(cutter.finish()?);
    let mut parsed = Parsed::default();
    for block in blocks {
        let rows = parse(block, format, width);
        for (row, place) in rows.rows.iter().enumerate() {
            let fields = &rows.fields[row * width..(row + 1) * width];
            let fields = fields.iter().map(|span| rows.get(*span).to_owned()).collect();
            parsed.rows.push((rows.line(*place), fields));
        }
        for bad in &rows.bad {
            parsed.bad.push((rows.line(bad.place), bad.broken.rule, rows.get(bad.place.raw).to_owned()));
        }
    }
    Ok(parsed)
}

fn comma() -> DelimitedFormat {
    DelimitedFormat { delimiter: b',', header: false, ..DelimitedFormat::default() }
}

fn whole(bytes: &[u8], format: &DelimitedFormat, width: usize) -> Parsed {
    parse_file(bytes, format, width, usize::MAX, usize::MAX).unwrap()
}

fn fields(parsed: &Parsed) -> Vec<Vec<&str>> {
    parsed.rows.iter().map(|(_, fields)| fields.iter().map(String::as_str).collect()).collect()
}

#[test]
fn line_ends() {
    for text in [
        "a,b\nc,d\n",
        "a,b\r\nc,d\r\n",
        "a,b\rc,d\r",
        "a,b\nc,d",
        "a,b\r\nc,d",
        "\n\na,b\n\nc,d\n\n",
        "a,b\nc,d\n\x1a",
    ] {
        let parsed = whole(text.as_bytes(), &comma(), 2);
        assert_eq!(fields(&parsed), [["a", "b"], ["c", "d"]], "{text:?}");
        assert_eq!(parsed.bad, []);
    }
}

#[test]
fn quotes() {
    let text = "\"a,1\",\"b\"\"2\"\n\"c\n3\",\nd,5\" pipe\n\"\",\"\"\n";
    let parsed = whole(text.as_bytes(), &comma(), 2);
    assert_eq!(fields(&parsed), [["a,1", "b\"2"], ["c\n3", ""], ["d", "5\" pipe"], ["", ""]]);
    let lines: Vec<u64> = parsed.rows.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 2, 4, 5]);
}

#[test]
fn a_stray_quote_costs_one_line() {
    let text = "a,b\n\"c,d\ne,f\n\"g\"x,h\ni,j\n";
    let parsed = whole(text.as_bytes(), &comma(), 2);
    assert_eq!(fields(&parsed), [["a", "b"], ["e", "f"], ["i", "j"]]);
    let bad: Vec<(u64, Rule)> = parsed.bad.iter().map(|(line, rule, _)| (*line, *rule)).collect();
    assert_eq!(bad, [(2, Rule::Quote), (4, Rule::Quote)]);
    let never = whole(b"a,b\n\"c,d\ne,f\n", &comma(), 2);
    assert_eq!((never.rows.len(), never.bad.len()), (2, 1));
}

#[test]
fn escapes() {
    let format = DelimitedFormat { escape: Some(b'\\'), ..comma() };
    let parsed = whole(b"\"a\\\"b\",\"c\\\\\"\n\"d\"\"e\",f\\g\n", &format, 2);
    assert_eq!(fields(&parsed)[0], ["a\"b", "c\\"]);
    assert_eq!(fields(&parsed)[1][1], "f\\g");
}

#[test]
fn ragged_rows_are_rejected_with_their_lines() {
    let parsed = whole(b"a,b\nc\nd,e,f\ng,h\n", &comma(), 2);
    assert_eq!(parsed.rows.len(), 2);
    assert_eq!(parsed.bad, [(2, Rule::Fields, "c".to_owned()), (3, Rule::Fields, "d,e,f".to_owned())]);
}

#[test]
fn undecodable_rows_are_rejected_and_shown() {
    let format = DelimitedFormat { encoding: Encoding::Windows1252, ..comma() };
    let parsed = whole(b"\xe5,b\nc\x81,d\ne,f\n", &format, 2);
    assert_eq!(fields(&parsed), [["å", "b"], ["e", "f"]]);
    assert_eq!(parsed.bad, [(2, Rule::Encoding, "c\\x81,d".to_owned())]);
}

#[test]
fn byte_order_marks() {
    let utf8 = comma();
    assert_eq!(fields(&whole(b"\xef\xbb\xbfa,b\n", &utf8, 2)), [["a", "b"]]);
    let latin = DelimitedFormat { encoding: Encoding::Windows1252, ..comma() };
    let error = parse_file(b"\xef\xbb\xbfa,b\n", &latin, 2, 1, 1).unwrap_err();
    assert!(error.message.contains("utf-8"), "{}", error.message);
    let error = parse_file(b"\xff\xfea\0", &utf8, 2, 10, 10).unwrap_err();
    assert!(error.message.contains("utf-16le"), "{}", error.message);
}

#[test]
fn what_is_no_text_is_refused() {
    let bytes = vec![b'x'; 3 * RECORD_BYTES_MAX];
    let error = parse_file(&bytes, &comma(), 2, 64 * 1024, 1024).unwrap_err();
    assert_eq!(error.line, 1);
    assert!(error.message.contains("longer than"), "{}", error.message);
}

#[test]
fn header_and_skipped_lines() {
    let format = DelimitedFormat { skip_lines: 2, header: true, ..comma() };
    let mut cutter = BlockCutter::new(format.clone());
    assert!(cutter.push(b"Report\nof today\n\n\"na\nme\", B \n1,2\n").unwrap().is_none());
    let mut block = cutter.finish().unwrap().unwrap();
    assert_eq!(take_header(&mut block, &format), Some(Ok(vec!["na\nme".to_owned(), "B".to_owned()])));
    assert_eq!((block.first_line, block.bytes.as_slice()), (6, &b"1,2\n"[..]));
}

/// Random bytes of the kind that parsers stumble over.
fn random_bytes(random: &mut StdRng, length: usize) -> Vec<u8> {
    const ALPHABET: &[u8] = b"aab,,\"\"\n\n\r\\ \xe5\x81\x00";
    (0..length).map(|_| ALPHABET[random.random_range(0..ALPHABET.len())]).collect()
}

#[test]
fn cutting_changes_nothing() {
    for seed in 0..3000 {
        let mut random = StdRng::seed_from_u64(seed);
        let length = random.random_range(0..200);
        let bytes = random_bytes(&mut random, length);
        let format = DelimitedFormat {
            escape: (seed % 3 == 0).then_some(b'\\'),
            quote: (seed % 5 != 0).then_some(b'"'),
            encoding: if seed % 2 == 0 { Encoding::Windows1252 } else { Encoding::Utf8 },
            ..comma()
        };
        let expected = whole(&bytes, &format, 2);
        let piece = random.random_range(1..40);
        let block = random.random_range(1..60);
        let cut = parse_file(&bytes, &format, 2, piece, block).unwrap();
        assert_eq!(cut, expected, "seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn what_is_written_is_read() {
    const CHARACTERS: &[char] = &['a', 'ö', ',', '"', '\n', ' ', '1', '😀'];
    for seed in 0..500 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut expected = Vec::new();
        let mut text = String::new();
        for _ in 0..random.random_range(1..20) {
            let row: Vec<String> = (0..3)
                .map(|_| {
                    let length = random.random_range(0..6);
                    (0..length).map(|_| CHARACTERS[random.random_range(0..CHARACTERS.len())]).collect()
                })
                .collect();
            let quoted: Vec<String> = row
                .iter()
                .map(|field| {
                    let needs = field.contains([',', '"', '\n']) || random.random_bool(0.2);
                    if needs { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.clone() }
                })
                .collect();
            text.push_str(&quoted.join(","));
            text.push_str(if seed % 2 == 0 { "\n" } else { "\r\n" });
            expected.push(row);
        }
        // The first line end decides; one inside quotes before it would be taken for it.
        let text = format!("x,y,z{}{text}", if seed % 2 == 0 { "\n" } else { "\r\n" });
        let (encoding, bytes) = if seed % 3 == 0 {
            (Encoding::Utf16Le, text.encode_utf16().flat_map(u16::to_le_bytes).collect())
        } else {
            (Encoding::Utf8, text.into_bytes())
        };
        let parsed = parse_file(&bytes, &DelimitedFormat { encoding, ..comma() }, 3, 7, 16).unwrap();
        assert_eq!(parsed.bad, [], "seed {seed}");
        let read: Vec<Vec<String>> = parsed.rows.into_iter().skip(1).map(|(_, fields)| fields).collect();
        assert_eq!(read, expected, "seed {seed}");
    }
}

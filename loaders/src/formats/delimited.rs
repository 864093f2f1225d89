//! Delimited text (CSV and its kin): blocks of bytes → rows of raw text.
//!
//! A quote counts only at the beginning of a field. What is quoted may hold delimiters and line ends; a quote inside is
//! doubled (or escaped). A record in which a quote never ends, or in which text follows the closing quote, is rejected,
//! and reading goes on with the *next line*, so that one stray quote costs one line and not the rest of the file.
//!
//! `BlockCutter` cuts a stream at ends of records, so blocks can be parsed side by side. Blocks without
//! any quote, which are nearly all, take a path that looks at eight bytes at a time.

use super::{
    blocks::Block,
    encoding::{Encoding, decode},
    rows::{BadRow, RawRows, RowPlace, Span},
};
use crate::rules::{Broken, Rule};

/// The longest record, in bytes. What is longer is no delimited text, or a quote that never ends.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// How a delimited file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelimitedFormat {
    /// Bytes to characters.
    pub encoding: Encoding,
    /// Between fields; ASCII.
    pub delimiter: u8,
    /// Around fields; ASCII.
    pub quote: Option<u8>,
    /// Before a quote inside a quoted field, where it is not doubled; ASCII.
    pub escape: Option<u8>,
    /// Whether the first line names the columns.
    pub header: bool,
    /// The columns' names of a file without a header.
    pub columns: Option<Vec<String>>,
    /// Lines to pass over at the beginning.
    pub skip_lines: u32,
}

impl Default for DelimitedFormat {
    fn default() -> Self {
        Self {
            encoding: Encoding::Utf8,
            delimiter: b';',
            quote: Some(b'"'),
            escape: None,
            header: true,
            columns: None,
            skip_lines: 0,
        }
    }
}

/// How a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// At a line end (or the end of the text); the next record begins at `next`.
    Record { end: usize, next: usize },
    /// It breaks the rules of quotes; its first line is rejected and reading goes on at `next`.
    Malformed { end: usize, next: usize, why: &'static str },
    /// The text ended first, and more may come.
    Incomplete,
}

/// A field of a record: its text without the quotes, and whether quotes inside must be undone.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    escaped: bool,
}

/// Finds the ends of fields and records in text or bytes of an encoding that agrees with ASCII.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walker<'a> {
    pub(super) text: &'a [u8],
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) line_end: u8,
    /// Whether nothing follows the text.
    pub(super) complete: bool,
}

enum QuoteEnd {
    Closed { at: usize, escaped: bool },
    Never,
    Incomplete,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a [u8], format: &DelimitedFormat, line_end: u8, complete: bool) -> Self {
        Self {
            text,
            delimiter: format.delimiter,
            quote: format.quote,
            escape: format.escape,
            line_end,
            complete,
        }
    }

    /// Walks over the record at `start`, without a care for its fields.
    pub(super) fn skip_record(&self, start: usize) -> Ended {
        self.record(start, |_| {})
    }

    /// Walks over the record at `start`, telling its fields.
    fn record(&self, start: usize, mut tell: impl FnMut(Field)) -> Ended {
        let mut at = start;
        loop {
            let mut field = Field { start: at, end: at, escaped: false };
            let quoted = self.quote.is_some() && self.text.get(at).copied() == self.quote;
            if quoted {
                match self.quote_end(at + 1) {
                    QuoteEnd::Closed { at: end, escaped } => {
                        field = Field { start: at + 1, end, escaped };
                        at = end + 1;
                    }
                    QuoteEnd::Never => return self.malformed(start, "a quote that never ends"),
                    QuoteEnd::Incomplete => return Ended::Incomplete,
                }
                // A carriage return before the line feed belongs to the line end.
                let returned = usize::from(self.text.get(at) == Some(&b'\r') && self.line_end == b'\n');
                match self.text.get(at + returned) {
                    Some(byte) if *byte == self.delimiter && returned == 0 => {
                        tell(field);
                        at += 1;
                        continue;
                    }
                    Some(byte) if *byte == self.line_end => {
                        tell(field);
                        return Ended::Record { end: at, next: at + returned + 1 };
                    }
                    None if self.complete => {
                        tell(field);
                        return Ended::Record { end: at, next: self.text.len() };
                    }
                    None => return Ended::Incomplete,
                    Some(_) => return self.malformed(start, "text after a closing quote"),
                }
            }
            let rest = self.text.get(at..).unwrap_or_default();
            match memchr::memchr2(self.delimiter, self.line_end, rest) {
                Some(length) if rest[length] == self.delimiter => {
                    field.end = at + length;
                    tell(field);
                    at += length + 1;
                }
                Some(length) => {
                    field.end = self.before_return(at, at + length);
                    tell(field);
                    return Ended::Record { end: field.end, next: at + length + 1 };
                }
                None if self.complete => {
                    field.end = self.before_return(at, self.text.len());
                    tell(field);
                    return Ended::Record { end: field.end, next: self.text.len() };
                }
                None => return Ended::Incomplete,
            }
        }
    }

    /// The end of a field before a line feed: without the carriage return, if there is one.
    fn before_return(&self, start: usize, end: usize) -> usize {
        if self.line_end == b'\n' && end > start && self.text[end - 1] == b'\r' { end - 1 } else { end }
    }

    fn quote_end(&self, start: usize) -> QuoteEnd {
        let Some(quote) = self.quote else { return QuoteEnd::Never };
        let escape = self.escape.unwrap_or(quote);
        let mut escaped = false;
        let mut at = start;
        let limit = start.saturating_add(RECORD_BYTES_MAX);
        loop {
            let rest = self.text.get(at..self.text.len().min(limit)).unwrap_or_default();
            let Some(found) = memchr::memchr2(quote, escape, rest) else {
                return if self.complete || self.text.len() >= limit {
                    QuoteEnd::Never
                } else {
                    QuoteEnd::Incomplete
                };
            };
            let place = at + found;
            let next = self.text.get(place + 1);
            if next.is_none() && !self.complete {
                return QuoteEnd::Incomplete;
            }
            let is_escape = self.text[place] == escape && escape != quote;
            if is_escape || next == Some(&quote) {
                escaped = true;
                at = place + 2;
            } else {
                return QuoteEnd::Closed { at: place, escaped };
            }
        }
    }

    fn malformed(&self, start: usize, why: &'static str) -> Ended {
        let rest = self.text.get(start..).unwrap_or_default();
        match memchr::memchr(self.line_end, rest) {
            Some(length) => Ended::Malformed {
                end: self.before_return(start, start + length),
                next: start + length + 1,
                why,
            },
            None if self.complete => Ended::Malformed { end: self.text.len(), next: self.text.len(), why },
            None => Ended::Incomplete,
        }
    }
}

/// Parses a block into rows of `width` fields.
pub(crate) fn parse(block: Block, format: &DelimitedFormat, width: usize) -> RawRows {
    let decoded = decode(format.encoding, block.bytes);
    let mut reader = RowReader::new(decoded.text.as_bytes(), block.line_end, width);
    let quoted = format.quote.is_some_and(|quote| memchr::memchr(quote, decoded.text.as_bytes()).is_some());
    let mut unquoted = String::new();
    if quoted {
        reader.read_quoted(format, &decoded.text, &mut unquoted);
    } else {
        reader.read_plain(format.delimiter);
    }
    let RowReader { fields, rows, bad, .. } = reader;
    let mut text = decoded.text;
    text.push_str(&unquoted);
    let mut rows = RawRows { text, first_line: block.first_line, width, fields, rows, bad };
    reject_undecodable(&mut rows, &decoded.undecodable, format.encoding);
    rows
}

/// A position as a [`Span`] holds it; blocks are far smaller than 4 GiB.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Gathers the rows of one block.
struct RowReader<'a> {
    bytes: &'a [u8],
    line_end: u8,
    width: usize,
    fields: Vec<Span>,
    rows: Vec<RowPlace>,
    bad: Vec<BadRow>,
    /// Where the current field and row begin, the row's first field, and the line.
    field_start: usize,
    row_start: usize,
    row_fields: usize,
    line: u32,
}

const LOW_SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const EVERY_BYTE: u64 = 0x0101_0101_0101_0101;

/// The top bit of each byte of `word` that equals the byte that `pattern` repeats.
#[inline]
fn equal_bytes(word: u64, pattern: u64) -> u64 {
    let difference = word ^ pattern;
    !(((difference & LOW_SEVEN) + LOW_SEVEN) | difference | LOW_SEVEN)
}

impl<'a> RowReader<'a> {
    fn new(bytes: &'a [u8], line_end: u8, width: usize) -> Self {
        // A guess that is seldom too small: fields of eight bytes.
        let fields = bytes.len() / 8 + width;
        Self {
            bytes,
            line_end,
            width,
            fields: Vec::with_capacity(fields),
            rows: Vec::with_capacity(fields / width.max(1)),
            bad: Vec::new(),
            field_start: 0,
            row_start: 0,
            row_fields: 0,
            line: 0,
        }
    }

    fn read_plain(&mut self, delimiter: u8) {
        let delimiters = EVERY_BYTE * u64::from(delimiter);
        let line_ends = EVERY_BYTE * u64::from(self.line_end);
        let (words, tail) = self.bytes.as_chunks::<8>();
        for (number, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut found = equal_bytes(word, delimiters) | equal_bytes(word, line_ends);
            while found != 0 {
                self.separator(number * 8 + (found.trailing_zeros() / 8) as usize);
                found &= found - 1;
            }
        }
        let tail_start = self.bytes.len() - tail.len();
        for (offset, byte) in tail.iter().enumerate() {
            if *byte == delimiter || *byte == self.line_end {
                self.separator(tail_start + offset);
            }
        }
        if self.row_start < self.bytes.len() {
            self.end_line(self.bytes.len());
        }
    }

    /// A delimiter or a line end outside quotes.
    #[inline]
    fn separator(&mut self, place: usize) {
        if self.bytes[place] == self.line_end {
            self.end_line(place);
        } else {
            self.fields.push(Span { start: narrow(self.field_start), end: narrow(place) });
            self.field_start = place + 1;
        }
    }

    #[inline]
    fn end_line(&mut self, place: usize) {
        let returned = self.line_end == b'\n' && place > self.field_start && self.bytes[place - 1] == b'\r';
        let end = place - usize::from(returned);
        self.fields.push(Span { start: narrow(self.field_start), end: narrow(end) });
        self.end_row(end, place + 1, 1);
    }

    /// Ends the current row at `end`; the next begins at `next`, `lines` further down.
    #[inline]
    fn end_row(&mut self, end: usize, next: usize, lines: u32) {
        let count = self.fields.len() - self.row_fields;
        let place =
            RowPlace { line: self.line, raw: Span { start: narrow(self.row_start), end: narrow(end) } };
        if end == self.row_start {
            // An empty line is no row.
            self.fields.truncate(self.row_fields);
        } else if count == self.width {
            self.rows.push(place);
        } else {
            self.fields.truncate(self.row_fields);
            let message = format!("{count} fields, {} expected", self.width);
            self.bad.push(BadRow { place, broken: Broken::new(Rule::Fields, message) });
        }
        self.row_fields = self.fields.len();
        self.row_start = next;
        self.field_start = next;
        self.line += lines;
    }

    fn read_quoted(&mut self, format: &DelimitedFormat, text: &str, unquoted: &mut String) {
        let bytes = self.bytes;
        let walker = Walker::new(bytes, format, self.line_end, true);
        let escape = format.escape.or(format.quote).map(char::from);
        while self.row_start < bytes.len() {
            let start = self.row_start;
            let fields = &mut self.fields;
            let ended = walker.record(start, |field| {
                fields.push(if field.escaped {
                    let from = bytes.len() + unquoted.len();
                    let inside = text.get(field.start..field.end).unwrap_or_default();
                    undo_escapes(inside, escape, unquoted);
                    Span { start: narrow(from), end: narrow(bytes.len() + unquoted.len()) }
                } else {
                    Span { start: narrow(field.start), end: narrow(field.end) }
                });
            });
            match ended {
                Ended::Record { end, next } => {
                    let inside = memchr::memchr_iter(self.line_end, &bytes[start..end]).count();
                    self.end_row(end, next, narrow(inside) + 1);
                }
                Ended::Malformed { end, next, why } => {
                    self.fields.truncate(self.row_fields);
                    let raw = Span { start: narrow(start), end: narrow(end) };
                    let place = RowPlace { line: self.line, raw };
                    self.bad.push(BadRow { place, broken: Broken::new(Rule::Quote, why) });
                    self.row_start = next;
                    self.field_start = next;
                    self.line += 1;
                }
                // The walker was told that the text is complete.
                Ended::Incomplete => break,
            }
        }
    }
}

/// Writes what stands between quotes with its escapes undone: the character after an escape stands for itself.
fn undo_escapes(inside: &str, escape: Option<char>, output: &mut String) {
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            output.extend(characters.next());
        } else {
            output.push(character);
        }
    }
}

/// Moves the rows in which a byte could not be decoded to the bad ones.
fn reject_undecodable(rows: &mut RawRows, undecodable: &[(usize, u8)], encoding: Encoding) {
    if undecodable.is_empty() {
        return;
    }
    let mut kept_rows = Vec::with_capacity(rows.rows.len());
    let mut kept_fields = Vec::with_capacity(rows.fields.len());
    let mut marks = undecodable.iter().copied().peekable();
    for (row, place) in std::mem::take(&mut rows.rows).into_iter().enumerate() {
        let range = place.raw.range();
        while marks.next_if(|(mark, _)| *mark < range.start).is_some() {}
        if let Some((_, byte)) = marks.next_if(|(mark, _)| *mark < range.end) {
            let message = if byte == 0 {
                "the row has the character 0".to_owned()
            } else {
                format!("byte 0x{byte:02X} is no character in {}", encoding.name())
            };
            rows.bad.push(BadRow { place, broken: Broken::new(Rule::Encoding, message) });
        } else {
            kept_rows.push(place);
            let first = row * rows.width;
            kept_fields.extend_from_slice(&rows.fields[first..first + rows.width]);
        }
    }
    rows.rows = kept_rows;
    rows.fields = kept_fields;
    rows.bad.sort_by_key(|bad| bad.place.line);
}

/// The first record of a file: the header's fields, and the block without it. Empty lines before it are passed over.
/// `None` if the block holds no record.
pub(crate) fn take_header(
    block: &mut Block,
    format: &DelimitedFormat,
) -> Option<Result<Vec<String>, Broken>> {
    loop {
        let walker = Walker::new(&block.bytes, format, block.line_end, true);
        if block.bytes.is_empty() {
            return None;
        }
        let (end, next, malformed) = match walker.skip_record(0) {
            Ended::Record { end, next } => (end, next, None),
            Ended::Malformed { end, next, why } => (end, next, Some(why)),
            Ended::Incomplete => return None,
        };
        let after = block.bytes.split_off(next);
        let mut record = std::mem::replace(&mut block.bytes, after);
        let first_line = block.first_line;
        block.first_line += memchr::memchr_iter(block.line_end, &record).count() as u64;
        record.truncate(end);
        if record.is_empty() {
            continue;
        }
        if let Some(why) = malformed {
            return Some(Err(Broken::new(Rule::Quote, why)));
        }
        let header = Block { bytes: record, first_line, line_end: block.line_end };
        let width = count_fields(&header, format);
        let mut rows = parse(header, format, width);
        return Some(match (rows.rows.pop(), rows.bad.pop()) {
            (Some(_), _) => Ok(rows.fields.iter().map(|span| rows.get(*span).trim().to_owned()).collect()),
            (None, Some(bad)) => Err(bad.broken),
            (None, None) => return None,
        });
    }
}

/// The number of fields in a block's first record.
pub(crate) fn count_fields(block: &Block, format: &DelimitedFormat) -> usize {
    let mut count = 0;
    Walker::new(&block.bytes, format, block.line_end, true).record(0, |_| count += 1);
    count
}

#[cfg(test)]
#[path = "delimited_tests.rs"]
mod tests;

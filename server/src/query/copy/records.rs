//! COPY's text and CSV formats: bytes into records of fields. A field is a place in the input, so that plain ones are
//! copied nowhere; what escapes or quotes change is put together beside. Nothing here knows types or tables.
//!
//! The input comes in chunks that end anywhere: a record that is not complete stays for the next chunk.

mod plain;

use lis_sql::statement::CopyFormat;
use memchr::{memchr2, memchr3};

use crate::{
    error::{Condition, Result, ServerError},
    wire::copy::Dialect,
};

/// A field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The null string.
    Null,
    /// As the input has it: from, to.
    Plain(u32, u32),
    /// As it was put together: from, to.
    Made(u32, u32),
}

/// How lines end, by the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    NewLine,
    ReturnNewLine,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line that it ends in, from 1.
    pub(super) line: u64,
    /// Its bytes in the chunk, without the line's end.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Records of one chunk, by column.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) columns: Vec<Vec<Field>>,
    pub(super) places: Vec<Place>,
    made: Vec<u8>,
}

impl Records {
    /// None, of so many fields.
    pub(super) fn empty(fields: usize) -> Self {
        Self { columns: vec![Vec::new(); fields], places: Vec::new(), made: Vec::new() }
    }

    /// A field of a text that is put together.
    pub(super) fn make(&mut self, text: Option<&str>) -> Field {
        let Some(text) = text else { return Field::Null };
        let begin = self.made.len();
        self.made.extend_from_slice(text.as_bytes());
        Field::Made(narrow(begin), narrow(self.made.len()))
    }

    /// The first records.
    pub(super) fn first(&self, count: usize) -> Self {
        let some = |column: &Vec<Field>| column.iter().copied().take(count).collect();
        Self {
            columns: self.columns.iter().map(some).collect(),
            places: self.places.iter().copied().take(count).collect(),
            made: self.made.clone(),
        }
    }

    /// The input and what was put together, as text; `None` if a part of it is none that a database takes.
    pub(super) fn text<'a>(&'a self, chunk: &'a [u8]) -> Option<Text<'a>> {
        let used = self.places.last().map_or(0, |place| place.end as usize);
        let text = |bytes: &'a [u8]| {
            std::str::from_utf8(bytes).ok().filter(|text| memchr::memchr(0, text.as_bytes()).is_none())
        };
        let plain = text(chunk.get(..used)?)?;
        Some(Text { plain, made: text(&self.made)?, ascii: plain.is_ascii() && self.made.is_ascii() })
    }

    /// A field's bytes.
    pub(super) fn bytes<'a>(&'a self, chunk: &'a [u8], field: Field) -> Option<&'a [u8]> {
        let range = |from: u32, to: u32| from as usize..to as usize;
        match field {
            Field::Null => None,
            Field::Plain(from, to) => chunk.get(range(from, to)),
            Field::Made(from, to) => self.made.get(range(from, to)),
        }
    }
}

/// A chunk's records as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    plain: &'a str,
    made: &'a str,
    /// Whether every character is a byte.
    pub(super) ascii: bool,
}

impl<'a> Text<'a> {
    /// A field's text: `Some(None)` is null, `None` what begins or ends within a character.
    #[expect(clippy::option_option, reason = "a null is a value here")]
    pub(super) fn of(&self, field: Field) -> Option<Option<&'a str>> {
        match field {
            Field::Null => Some(None),
            Field::Plain(from, to) => self.plain.get(from as usize..to as usize).map(Some),
            Field::Made(from, to) => self.made.get(from as usize..to as usize).map(Some),
        }
    }
}

/// Cuts the input into records.
#[derive(Debug)]
pub(super) struct Splitter {
    dialect: Dialect,
    /// By field: CSV's FORCE_NOT_NULL and FORCE_NULL.
    force_not_null: Vec<bool>,
    force_null: Vec<bool>,
    /// The columns' names, by field.
    names: Vec<String>,
    line: u64,
    line_end: Option<LineEnd>,
    header_is_to_come: bool,
    /// `\.` was read.
    ended: bool,
    row: Vec<Field>,
    made: Vec<u8>,
    /// What records were in that are not needed any more, for the next.
    spare: Vec<Vec<Field>>,
}

/// A record that was found, and where the next one begins.
struct Found {
    end: usize,
    next: usize,
}

impl Splitter {
    /// For a dialect and the names of the fields.
    pub(super) fn new(dialect: Dialect, names: Vec<String>) -> Self {
        let forced = |columns: &[String]| names.iter().map(|name| columns.contains(name)).collect();
        Self {
            force_not_null: forced(&dialect.force_not_null),
            force_null: forced(&dialect.force_null),
            header_is_to_come: dialect.header,
            dialect,
            names,
            line: 0,
            line_end: None,
            ended: false,
            row: Vec::new(),
            made: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// The complete records of a chunk, how many bytes they take, and what ended it before its end. `last`: nothing
    /// follows the chunk.
    pub(super) fn split(&mut self, chunk: &[u8], last: bool) -> (Records, usize, Result<()>) {
        let mut columns = std::mem::take(&mut self.spare);
        columns.resize_with(self.names.len(), Vec::new);
        let mut places = Vec::with_capacity(columns.first().map_or(0, Vec::capacity));
        let mut used = 0;
        let result = loop {
            if !self.ended {
                used = self.plain(chunk, used, &mut columns, &mut places);
            }
            if self.ended || used >= chunk.len() {
                used = chunk.len();
                // No input at all is a header of one field with nothing in it.
                if last && self.header_is_to_come && self.dialect.match_header {
                    self.header_is_to_come = false;
                    let nothing = if self.dialect.null.is_empty() { Field::Null } else { Field::Plain(0, 0) };
                    self.row = vec![nothing];
                    break self
                        .check_header(chunk)
                        .map_err(|error| error.in_context(|| self.context(1, &[])));
                }
                break Ok(());
            }
            let line_before = self.line;
            let made_before = self.made.len();
            let found = match self.record(chunk, used, last) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.line = line_before;
                    self.made.truncate(made_before);
                    break Ok(());
                }
                Err(error) => break Err(error),
            };
            let place = Place { line: self.line, start: narrow(used), end: narrow(found.end) };
            let record = &chunk[used..found.end];
            used = found.next;
            if self.ended {
                continue;
            }
            if self.header_is_to_come {
                self.header_is_to_come = false;
                if self.dialect.match_header
                    && let Err(error) = self.check_header(chunk)
                {
                    break Err(error.in_context(|| self.context(place.line, record)));
                }
                self.made.truncate(made_before);
                continue;
            }
            if self.row.len() != columns.len() {
                break Err(self.wrong_width().in_context(|| self.context(place.line, record)));
            }
            for (column, field) in columns.iter_mut().zip(&self.row) {
                column.push(*field);
            }
            places.push(place);
        };
        (Records { columns, places, made: std::mem::take(&mut self.made) }, used, result)
    }

    /// Takes back what records were in.
    pub(super) fn recycle(&mut self, mut columns: Vec<Vec<Field>>) {
        columns.iter_mut().for_each(Vec::clear);
        self.spare = columns;
    }

    /// CONTEXT of an error that PostgreSQL finds before it has the record.
    fn line_only(&self) -> String {
        format!(", line {}", self.line)
    }

    fn wrong_width(&self) -> ServerError {
        match self.names.get(self.row.len()) {
            Some(missing) => wrong(format!("missing data for column \"{missing}\"")),
            None => wrong("extra data after last expected column"),
        }
    }

    /// HEADER MATCH.
    fn check_header(&self, chunk: &[u8]) -> Result<()> {
        if self.row.len() != self.names.len() {
            return Err(wrong(format!(
                "wrong number of fields in header line: got {}, expected {}",
                self.row.len(),
                self.names.len()
            )));
        }
        for (number, (field, name)) in (1..).zip(self.row.iter().zip(&self.names)) {
            let got = match *field {
                Field::Null => {
                    return Err(wrong(format!(
                        "column name mismatch in header line field {number}: got null value (\"{}\"), expected \"{name}\"",
                        String::from_utf8_lossy(&self.dialect.null)
                    )));
                }
                Field::Plain(from, to) => &chunk[from as usize..to as usize],
                Field::Made(from, to) => &self.made[from as usize..to as usize],
            };
            if got != name.as_bytes() {
                return Err(wrong(format!(
                    "column name mismatch in header line field {number}: got \"{}\", expected \"{name}\"",
                    String::from_utf8_lossy(got)
                )));
            }
        }
        Ok(())
    }

    /// CONTEXT of an error in a record.
    fn context(&self, line: u64, record: &[u8]) -> String {
        format!(", line {line}: {}", shown(record))
    }

    /// Reads the record that begins at `start` into `row`; `None` if the chunk ends before it.
    fn record(&mut self, chunk: &[u8], start: usize, last: bool) -> Result<Option<Found>> {
        self.row.clear();
        self.line += 1;
        if chunk[start..].starts_with(b"\\.") {
            let rest = &chunk[start + 2..];
            let ends = match rest.first() {
                None if !last => return Ok(None),
                None | Some(b'\n') => Some(start + 3),
                Some(b'\r') if rest.get(1).is_none() && !last => return Ok(None),
                Some(b'\r') => Some(start + 4),
                Some(_) if self.dialect.format == CopyFormat::Text => {
                    let error = wrong("end-of-copy marker corrupt");
                    return Err(error.in_context(|| self.line_only()));
                }
                Some(_) => None,
            };
            if let Some(next) = ends {
                self.ended = true;
                return Ok(Some(Found { end: start + 2, next: next.min(chunk.len()) }));
            }
        }
        match self.dialect.format {
            CopyFormat::Csv => self.csv(chunk, start, last),
            CopyFormat::Text | CopyFormat::Binary => self.text(chunk, start, last),
        }
    }

    /// Where the record that ends in a line break (or the input's end) at `at` ends without it.
    fn ended_at(&mut self, chunk: &[u8], start: usize, at: usize) -> Result<usize> {
        let carriage = at > start && chunk[at - 1] == b'\r';
        let kind =
            *self.line_end.get_or_insert(if carriage { LineEnd::ReturnNewLine } else { LineEnd::NewLine });
        match kind {
            LineEnd::ReturnNewLine if carriage => Ok(at - 1),
            LineEnd::ReturnNewLine if at < chunk.len() => {
                let error = if self.dialect.format == CopyFormat::Csv {
                    wrong("unquoted newline found in data")
                        .with_hint("Use quoted CSV field to represent newline.")
                } else {
                    wrong("literal newline found in data").with_hint("Use \"\\n\" to represent newline.")
                };
                Err(error.in_context(|| self.line_only()))
            }
            _ => Ok(at),
        }
    }

    fn text(&mut self, chunk: &[u8], start: usize, last: bool) -> Result<Option<Found>> {
        let delimiter = self.dialect.delimiter;
        let (mut from, mut at, mut escaped) = (start, start, false);
        loop {
            let Some(found) = memchr3(delimiter, b'\n', b'\\', &chunk[at..]).map(|found| at + found) else {
                if !last {
                    return Ok(None);
                }
                let end = self.ended_at(chunk, from, chunk.len())?;
                self.check_returns(chunk, start, end)?;
                self.push_text(chunk, from, end, escaped);
                return Ok(Some(Found { end, next: chunk.len() }));
            };
            match chunk[found] {
                b'\\' if delimiter != b'\\' => {
                    if found + 1 >= chunk.len() && !last {
                        return Ok(None);
                    }
                    // An escaped line break is data, and a line.
                    if chunk.get(found + 1) == Some(&b'\n') {
                        self.line += 1;
                    }
                    escaped = true;
                    at = (found + 2).min(chunk.len());
                }
                b'\n' => {
                    let end = self.ended_at(chunk, from, found)?;
                    self.check_returns(chunk, start, end)?;
                    self.push_text(chunk, from, end, escaped);
                    return Ok(Some(Found { end, next: found + 1 }));
                }
                _ => {
                    self.push_text(chunk, from, found, escaped);
                    from = found + 1;
                    at = from;
                    escaped = false;
                }
            }
        }
    }

    fn check_returns(&self, chunk: &[u8], start: usize, end: usize) -> Result<()> {
        let csv = self.dialect.format == CopyFormat::Csv;
        let mut bytes = chunk[start..end].iter().copied();
        let mut previous = 0;
        let literal = bytes.any(|byte| {
            let wrong = byte == b'\r' && (csv || previous != b'\\');
            previous = if previous == b'\\' && byte == b'\\' { 0 } else { byte };
            wrong
        });
        if !literal {
            return Ok(());
        }
        Err(if csv {
            wrong("unquoted carriage return found in data")
                .with_hint("Use quoted CSV field to represent carriage return.")
        } else {
            wrong("literal carriage return found in data")
                .with_hint("Use \"\\r\" to represent carriage return.")
        })
        .map_err(|error| error.in_context(|| self.line_only()))
    }

    fn push_text(&mut self, chunk: &[u8], from: usize, to: usize, escaped: bool) {
        let raw = &chunk[from..to];
        self.row.push(if raw == self.dialect.null {
            Field::Null
        } else if escaped {
            let begin = self.made.len();
            unescape(raw, &mut self.made);
            Field::Made(narrow(begin), narrow(self.made.len()))
        } else {
            Field::Plain(narrow(from), narrow(to))
        });
    }

    fn csv(&mut self, chunk: &[u8], start: usize, last: bool) -> Result<Option<Found>> {
        let (delimiter, quote) = (self.dialect.delimiter, self.dialect.quote);
        let mut from = start;
        loop {
            // A field without quotes is most of them.
            let found = memchr3(delimiter, b'\n', quote, &chunk[from..]).map(|found| from + found);
            let (quoted, begin, at) = match found {
                Some(at) if chunk[at] == quote => {
                    let begin = self.made.len();
                    let Some(at) = self.quoted(chunk, start, from, last)? else { return Ok(None) };
                    (true, begin, at)
                }
                Some(at) => (false, 0, at),
                None if last => (false, 0, chunk.len()),
                None => return Ok(None),
            };
            let ends = at >= chunk.len() || chunk[at] == b'\n';
            let end = if ends { self.ended_at(chunk, from, at)? } else { at };
            if quoted {
                // The return of a line's end was taken for data.
                if end < at && self.made.last() == Some(&b'\r') {
                    self.made.pop();
                }
                self.push_made(begin);
            } else {
                if memchr::memchr(b'\r', &chunk[from..end]).is_some() {
                    self.check_returns(chunk, from, end)?;
                }
                let number = self.row.len();
                let forced = self.force_not_null.get(number).copied().unwrap_or(false);
                let null = !forced && chunk[from..end] == *self.dialect.null;
                self.row.push(if null { Field::Null } else { Field::Plain(narrow(from), narrow(end)) });
            }
            if ends {
                return Ok(Some(Found { end, next: (at + 1).min(chunk.len()) }));
            }
            from = at + 1;
        }
    }

    fn push_made(&mut self, begin: usize) {
        let number = self.row.len();
        let forced = self.force_null.get(number).copied().unwrap_or(false);
        let null = forced && self.made[begin..] == *self.dialect.null;
        self.row.push(if null { Field::Null } else { Field::Made(narrow(begin), narrow(self.made.len())) });
    }

    /// Puts a field with quotes together; where its delimiter or line break stands, or the input's end.
    fn quoted(&mut self, chunk: &[u8], start: usize, from: usize, last: bool) -> Result<Option<usize>> {
        let (delimiter, quote, escape) = (self.dialect.delimiter, self.dialect.quote, self.dialect.escape);
        let mut at = from;
        let mut inside = false;
        loop {
            if inside {
                let Some(found) = memchr2(quote, escape, &chunk[at..]).map(|found| at + found) else {
                    if !last {
                        return Ok(None);
                    }
                    self.line += lines_in(&chunk[at..]);
                    let error = wrong("unterminated CSV quoted field");
                    return Err(error.in_context(|| self.context(self.line, &chunk[start..])));
                };
                self.line += lines_in(&chunk[at..found]);
                self.made.extend_from_slice(&chunk[at..found]);
                let next = chunk.get(found + 1).copied();
                if next.is_none() && !last {
                    return Ok(None);
                }
                if chunk[found] == escape && next.is_some_and(|next| next == quote || next == escape) {
                    self.made.extend(next);
                    at = found + 2;
                } else if chunk[found] == quote {
                    inside = false;
                    at = found + 1;
                } else {
                    self.made.push(chunk[found]);
                    at = found + 1;
                }
                continue;
            }
            match memchr3(delimiter, b'\n', quote, &chunk[at..]).map(|found| at + found) {
                Some(found) if chunk[found] == quote => {
                    self.made.extend_from_slice(&chunk[at..found]);
                    inside = true;
                    at = found + 1;
                }
                Some(found) => {
                    self.made.extend_from_slice(&chunk[at..found]);
                    return Ok(Some(found));
                }
                None if last => {
                    self.made.extend_from_slice(&chunk[at..]);
                    return Ok(Some(chunk.len()));
                }
                None => return Ok(None),
            }
        }
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Bytes of a chunk are counted in 32 bits: see `CHUNK_BYTES` and `RECORD_BYTES_MAX`.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// An input that is not what COPY expects.
pub(super) fn wrong(message: impl Into<String>) -> ServerError {
    ServerError::new(Condition::BadCopyFileFormat, message)
}

/// Bytes of the input that an error shows (PostgreSQL's `MAX_COPY_DATA_DISPLAY`).
const SHOWN_BYTES_MAX: usize = 100;

/// Input as an error shows it.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.len() <= SHOWN_BYTES_MAX {
        format!("\"{text}\"")
    } else {
        format!("\"{}...\"", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)])
    }
}

/// Takes the backslashes out of a field of the text format.
fn unescape(raw: &[u8], value: &mut Vec<u8>) {
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'b') => value.push(0x08),
            Some(b'f') => value.push(0x0c),
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b't') => value.push(b'\t'),
            Some(b'v') => value.push(0x0b),
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(|next| (b'0'..=b'7').contains(next)) {
                        code = code * 8 + u32::from(digit - b'0');
                    }
                }
                value.push(u8::try_from(code & 0xff).unwrap_or(0));
            }
            Some(b'x') if bytes.peek().is_some_and(u8::is_ascii_hexdigit) => {
                let mut code = 0;
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                        code = code * 16 + char::from(digit).to_digit(16).unwrap_or(0);
                    }
                }
                value.push(u8::try_from(code & 0xff).unwrap_or(0));
            }
            Some(other) => value.push(other),
            None => value.push(b'\\'),
        }
    }
}

#[cfg(test)]
mod tests;

//! The quick way through records as nearly all are: fields that stand in the input as they are, or in one pair of quotes.
//! The bytes that mean something are looked for eight at a time. Whatever else comes (escapes, odd quotes and returns,
//! a wrong number of fields, an end that is not there) is left untouched to [`Splitter::record`], which alone decides.

use memchr::memchr;

use super::{Field, LineEnd, Place, Splitter, narrow};
use crate::wire::copy::Dialect;
use lis_sql::statement::CopyFormat;

/// Eight times a byte.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const LOW_BITS: u64 = eight(0x7f);

/// Places of four kinds of bytes, in order.
struct Marks<'a> {
    bytes: &'a [u8],
    kinds: [u8; 4],
    patterns: [u64; 4],
    /// Where the word that is being looked at begins.
    base: usize,
    /// The highest bit of each of its bytes that is of a kind and was not given yet, the first byte lowest.
    found: u64,
}

impl<'a> Marks<'a> {
    fn new(bytes: &'a [u8], start: usize, kinds: [u8; 4]) -> Self {
        let mut marks = Self { bytes, kinds, patterns: kinds.map(eight), base: start, found: 0 };
        marks.found = marks.look();
        marks
    }

    /// What is found in the word at `base`.
    #[inline]
    fn look(&self) -> u64 {
        match self.bytes.get(self.base..).and_then(<[u8]>::first_chunk) {
            Some(word) => {
                let word = u64::from_le_bytes(*word);
                // The highest bit of a byte stays clear where the byte is the pattern's.
                let differs = self.patterns.iter().fold(u64::MAX, |differs, pattern| {
                    let other = word ^ pattern;
                    differs & (((other & LOW_BITS) + LOW_BITS) | other)
                });
                !differs & !LOW_BITS
            }
            None => {
                let rest = self.bytes.get(self.base..).unwrap_or_default();
                (0..)
                    .zip(rest)
                    .filter(|(_, byte)| self.kinds.contains(byte))
                    .fold(0, |found, (at, _): (u32, _)| found | 0x80 << (8 * at))
            }
        }
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.base += 8;
            if self.base >= self.bytes.len() {
                return None;
            }
            self.found = self.look();
        }
        let at = self.base + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(at)
    }
}

impl Splitter {
    /// The bytes that mean something, if the dialect has four of them.
    fn kinds(dialect: &Dialect) -> Option<[u8; 4]> {
        let special = if dialect.format == CopyFormat::Csv { dialect.quote } else { b'\\' };
        let kinds = [dialect.delimiter, b'\n', b'\r', special];
        let distinct = (1..4).all(|index| !kinds[..index].contains(&kinds[index]));
        distinct.then_some(kinds)
    }

    /// Takes records from `used` on as long as they are plain, and says where the first one begins that is not.
    pub(super) fn plain(
        &mut self,
        chunk: &[u8],
        mut used: usize,
        columns: &mut [Vec<Field>],
        places: &mut Vec<Place>,
    ) -> usize {
        let Some(kinds) = Self::kinds(&self.dialect).filter(|_| !self.header_is_to_come) else { return used };
        let mut marks = Marks::new(chunk, used, kinds);
        loop {
            match self.plain_record(&mut marks, chunk, used, columns) {
                Some((end, next, lines)) => {
                    self.line += lines;
                    places.push(Place { line: self.line, start: narrow(used), end: narrow(end) });
                    used = next;
                }
                None => {
                    columns.iter_mut().for_each(|column| column.truncate(places.len()));
                    return used;
                }
            }
        }
    }

    /// The end of one plain record, where the next begins, and how many lines it takes. Columns may have grown by part of
    /// a record that is not plain.
    #[inline]
    fn plain_record(
        &mut self,
        marks: &mut Marks<'_>,
        chunk: &[u8],
        start: usize,
        columns: &mut [Vec<Field>],
    ) -> Option<(usize, usize, u64)> {
        let [delimiter, _, _, special] = marks.kinds;
        let csv = self.dialect.format == CopyFormat::Csv;
        if chunk.get(start..)?.starts_with(b"\\.") {
            return None;
        }
        let (mut from, mut lines) = (start, 1);
        let mut columns = columns.iter_mut().enumerate();
        loop {
            let mut at = marks.next()?;
            let mut field = None;
            if chunk[at] == special {
                if at != from {
                    return None;
                }
                if csv {
                    let close = loop {
                        let at = marks.next()?;
                        match chunk[at] {
                            quote if quote == special => break at,
                            b'\n' => lines += 1,
                            _ => {}
                        }
                    };
                    if !self.is_plain_inside(&chunk[from + 1..close], columns.len()) {
                        return None;
                    }
                    field = Some(Field::Plain(narrow(from + 1), narrow(close)));
                } else if *self.dialect.null != *b"\\N" || chunk.get(from + 1) != Some(&b'N') {
                    return None;
                }
                at = marks.next()?;
                // Nothing stands between the quotes or the null and the field's end.
                if at != field.map_or(from + 2, |field| end_of(field) + 1) {
                    return None;
                }
            }
            let field = match field {
                Some(quoted) => quoted,
                None => {
                    let null = chunk[from..at] == *self.dialect.null;
                    if null && !(csv && self.is_forced_not_null(columns.len())) {
                        Field::Null
                    } else {
                        Field::Plain(narrow(from), narrow(at))
                    }
                }
            };
            columns.next()?.1.push(field);
            if chunk[at] == delimiter {
                from = at + 1;
                continue;
            }
            // Not the special byte: that stands only where a field begins.
            let (next, kind) = match chunk[at] {
                b'\n' => (at + 1, LineEnd::NewLine),
                b'\r' if marks.next()? == at + 1 && chunk[at + 1] == b'\n' => {
                    (at + 2, LineEnd::ReturnNewLine)
                }
                _ => return None,
            };
            if columns.len() > 0 {
                return None;
            }
            if *self.line_end.get_or_insert(kind) != kind {
                return None;
            }
            return Some((at, next, lines));
        }
    }

    /// Whether quotes hold a value as it is; `left`: how many fields are to come.
    fn is_plain_inside(&self, value: &[u8], left: usize) -> bool {
        let forced = self.force_null.get(self.names.len() - left).copied().unwrap_or(false);
        let escape = self.dialect.escape;
        !forced && (escape == self.dialect.quote || memchr(escape, value).is_none())
    }

    fn is_forced_not_null(&self, left: usize) -> bool {
        self.force_not_null.get(self.names.len() - left).copied().unwrap_or(false)
    }
}

fn end_of(field: Field) -> usize {
    match field {
        Field::Plain(_, end) | Field::Made(_, end) => end as usize,
        Field::Null => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_stand() {
        let bytes = b"a,b\xac,\x0a\x8a\"\x2d,,,\r\n0123456789,,";
        let expected: Vec<usize> = (0..bytes.len()).filter(|at| b",\n\r\"".contains(&bytes[*at])).collect();
        for start in 0..bytes.len() {
            let mut marks = Marks::new(bytes, start, *b",\n\r\"");
            let found: Vec<usize> = std::iter::from_fn(|| marks.next()).collect();
            let expected: Vec<usize> = expected.iter().copied().filter(|at| *at >= start).collect();
            assert_eq!(found, expected, "from {start}");
        }
    }
}

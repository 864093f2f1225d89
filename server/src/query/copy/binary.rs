//! COPY's binary format: a signature, then rows of values in the binary forms of their types.

use bytes::Bytes;
use datafusion::common::ScalarValue;
use lis_lake::types::{ColumnType, PgType};

use super::records::{Place, Records, wrong};
use crate::{
    error::{Condition, Result, ServerError, StatementError},
    session::encoding::ClientEncoding,
    wire::params,
};

/// PostgreSQL's signature.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader must know (the upper half), of which there are none.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// How the values of a field come.
#[derive(Debug)]
pub(super) enum Values {
    /// As text, since a modifier or a check is the cast's to apply: in the records, by field.
    Text,
    /// As they are.
    Typed(Vec<ScalarValue>),
}

/// Reads rows.
#[derive(Debug)]
pub(super) struct BinaryReader {
    types: Vec<ColumnType>,
    names: Vec<String>,
    encoding: ClientEncoding,
    begun: bool,
    ended: bool,
    row: u64,
}

impl BinaryReader {
    /// For fields of these names and types.
    pub(super) fn new(names: Vec<String>, types: Vec<ColumnType>, encoding: ClientEncoding) -> Self {
        Self { types, names, encoding, begun: false, ended: false, row: 0 }
    }

    /// The complete rows of a chunk, how many bytes they take, and what ended it before its end.
    pub(super) fn split(&mut self, chunk: &[u8], last: bool) -> (Records, Vec<Values>, usize, Result<()>) {
        let mut values: Vec<Values> = self
            .types
            .iter()
            .map(
                |column_type| {
                    if by_text(column_type.pg_type) { Values::Text } else { Values::Typed(Vec::new()) }
                },
            )
            .collect();
        let mut records = Records::empty(self.types.len());
        let mut used = 0;
        let result = loop {
            if self.ended {
                break if used < chunk.len() {
                    Err(wrong("received copy data after EOF marker"))
                } else {
                    Ok(())
                };
            }
            match self.step(&chunk[used..], &mut records, &mut values) {
                Ok(Some(taken)) => used += taken,
                Ok(None) if !last => break Ok(()),
                Ok(None) if used == chunk.len() && self.begun => {
                    // PostgreSQL takes the end of the input for the end of the rows, too.
                    break Ok(());
                }
                Ok(None) => {
                    break Err(if self.begun {
                        wrong("unexpected EOF in COPY data")
                    } else {
                        wrong("COPY file signature not recognized")
                    });
                }
                Err(error) => break Err(error),
            }
        };
        (records, values, used, result)
    }

    /// The header or one row. How many bytes it takes; `None` if it is not complete.
    fn step(&mut self, bytes: &[u8], records: &mut Records, values: &mut [Values]) -> Result<Option<usize>> {
        if !self.begun {
            return self.header(bytes);
        }
        let mut input = Input { bytes, at: 0 };
        let Some(count) = input.i16() else { return Ok(None) };
        if count == -1 {
            self.ended = true;
            return Ok(Some(input.at));
        }
        let line = self.row + 1;
        if usize::try_from(count) != Ok(self.types.len()) {
            return Err(wrong(format!("row field count is {count}, expected {}", self.types.len()))
                .in_context(|| format!(", line {line}")));
        }
        // The whole row must be there before any of it is kept.
        let mut fields: Vec<Option<&[u8]>> = Vec::with_capacity(self.types.len());
        for name in &self.names {
            let Some(length) = input.i32() else { return Ok(None) };
            fields.push(match usize::try_from(length) {
                Ok(length) => match input.take(length) {
                    Some(field) => Some(field),
                    None => return Ok(None),
                },
                Err(_) if length == -1 => None,
                Err(_) => {
                    return Err(
                        wrong("invalid field size").in_context(|| format!(", line {line}, column {name}"))
                    );
                }
            });
        }
        self.row = line;
        // And every value of it must be read: what came before a damaged one would make columns of different lengths.
        let mut row = Vec::with_capacity(fields.len());
        for ((field, name), column_type) in fields.into_iter().zip(&self.names).zip(&self.types) {
            let value = params::binary(field.map(Bytes::copy_from_slice), column_type.pg_type, self.encoding)
                .map_err(|error| of_format(error).in_context(|| format!(", line {line}, column {name}")))?;
            row.push(value);
        }
        for (index, (value, values)) in row.into_iter().zip(values).enumerate() {
            match values {
                Values::Typed(values) => values.push(value),
                Values::Text => {
                    let field = records.make(text_of(&value).as_deref());
                    if let Some(column) = records.columns.get_mut(index) {
                        column.push(field);
                    }
                }
            }
        }
        records.places.push(Place { line, start: 0, end: 0 });
        Ok(Some(input.at))
    }

    fn header(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let mut input = Input { bytes, at: 0 };
        match input.take(SIGNATURE.len()) {
            None if SIGNATURE.starts_with(bytes) => return Ok(None),
            Some(SIGNATURE) => {}
            _ => return Err(wrong("COPY file signature not recognized")),
        }
        let (Some(flags), Some(extension)) = (input.i32(), input.i32()) else { return Ok(None) };
        let flags = flags.cast_unsigned();
        if flags & (1 << 16) != 0 {
            return Err(wrong("invalid COPY file header (WITH OIDS)"));
        }
        if flags & CRITICAL_FLAGS != 0 {
            return Err(wrong("unrecognized critical flags in COPY file header"));
        }
        let Ok(extension) = usize::try_from(extension) else {
            return Err(wrong("invalid COPY file header (missing length)"));
        };
        if input.take(extension).is_none() {
            return Ok(None);
        }
        self.begun = true;
        Ok(Some(input.at))
    }
}

/// Whether a type's values are handed on as text.
fn by_text(pg_type: PgType) -> bool {
    matches!(
        pg_type,
        PgType::Numeric
            | PgType::Text
            | PgType::Varchar
            | PgType::Bpchar
            | PgType::Json
            | PgType::Jsonb
            | PgType::Jsonpath
            | PgType::Name
            | PgType::Char
    )
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8View(text) => text.clone(),
        ScalarValue::Decimal128(unscaled, _, scale) => {
            let unscaled = (*unscaled)?;
            let places = usize::try_from(*scale).unwrap_or(0);
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = places + 1);
            let (whole, decimals) = digits.split_at(digits.len() - places);
            let sign = if unscaled < 0 { "-" } else { "" };
            let point = if places > 0 { "." } else { "" };
            Some(format!("{sign}{whole}{point}{decimals}"))
        }
        _ => None,
    }
}

/// A parameter's error in the words of a file.
fn of_format(error: ServerError) -> ServerError {
    match error {
        ServerError::Statement(inner) if inner.condition == Condition::InvalidBinaryRepresentation => {
            ServerError::Statement(Box::new(StatementError {
                message: "incorrect binary data format".to_owned(),
                ..*inner
            }))
        }
        other => other,
    }
}

struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Input<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take(2)?.first_chunk().map(|bytes| i16::from_be_bytes(*bytes))
    }

    fn i32(&mut self) -> Option<i32> {
        self.take(4)?.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> BinaryReader {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let types = vec![ColumnType::plain(PgType::Int4), ColumnType::plain(PgType::Text)];
        BinaryReader::new(names, types, ClientEncoding::Utf8)
    }

    fn file() -> Vec<u8> {
        let mut file = SIGNATURE.to_vec();
        file.extend([0; 8]);
        file.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 1, b'x']);
        file.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 8, 255, 255, 255, 255]);
        file.extend([255, 255]);
        file
    }

    #[test]
    fn rows_come_in_any_pieces() {
        let file = file();
        for size in 1..=file.len() {
            let mut reader = reader();
            let (mut pending, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
            let mut pieces = file.chunks(size).peekable();
            while let Some(piece) = pieces.next() {
                pending.extend_from_slice(piece);
                let (records, values, used, result) = reader.split(&pending, pieces.peek().is_none());
                result.unwrap();
                if let Values::Typed(values) = &values[0] {
                    numbers.extend(values.clone());
                }
                for field in &records.columns[1] {
                    texts.push(records.bytes(&pending, *field).map(<[u8]>::to_vec));
                }
                pending.drain(..used);
            }
            assert_eq!(numbers, [ScalarValue::Int32(Some(7)), ScalarValue::Int32(Some(8))]);
            assert_eq!(texts, [Some(b"x".to_vec()), None]);
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let error = |bytes: &[u8]| reader().split(bytes, true).3.unwrap_err().to_string();
        assert_eq!(error(b"1,2\n"), "COPY file signature not recognized");
        let file = file();
        assert_eq!(error(&file[..file.len() - 8]), "unexpected EOF in COPY data");
        let mut wide = file.clone();
        wide[20] = 3;
        assert_eq!(error(&wide), "row field count is 3, expected 2");
        let mut long = file.clone();
        long.push(0);
        assert_eq!(error(&long), "received copy data after EOF marker");
    }

    #[test]
    fn nothing_is_kept_of_a_damaged_row() {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let mut reader =
            BinaryReader::new(names, vec![ColumnType::plain(PgType::Int4); 2], ClientEncoding::Utf8);
        let mut file = SIGNATURE.to_vec();
        file.extend([0; 8]);
        file.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 8]);
        file.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0]);
        let (records, values, _, result) = reader.split(&file, true);
        assert!(result.unwrap_err().to_string().starts_with("incorrect binary data format"));
        let lengths = values.iter().map(|values| match values {
            Values::Typed(values) => values.len(),
            Values::Text => 0,
        });
        assert_eq!((records.places.len(), lengths.collect::<Vec<_>>()), (1, vec![1, 1]));
    }

    #[test]
    fn numbers_are_written_out() {
        let decimal = |unscaled, scale| text_of(&ScalarValue::Decimal128(Some(unscaled), 38, scale)).unwrap();
        assert_eq!([decimal(-5, 2), decimal(1234, 2), decimal(7, 0)], ["-0.05", "12.34", "7"]);
    }
}

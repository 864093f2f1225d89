//! COPY over the wire: rows out as text, CSV or binary, written by the same column writers as DataRow; rows in as text
//! or CSV, cut into fields here and made a table's rows by `query/copy.rs`.

use std::sync::Arc;

use lis_sql::{
    output::OutputColumn,
    statement::{CopyFormat, CopyHeader, CopyOptions},
};
use pgwire::messages::{
    PgWireBackendMessage as Message,
    copy::{CopyDone, CopyInResponse, CopyOutResponse},
};
use tokio::sync::mpsc;

use super::{
    Inbound,
    codec::Frontend,
    encode::{Column, OutputOptions, patch_length},
    outbox::CHUNK_BYTES,
    types::Format,
};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    query::{copy::CopyTarget, cursor::Cursor},
    session::{Session, encoding::ClientEncoding},
};

/// PostgreSQL's signature of binary COPY, flags and extension length.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// COPY's options with their defaults.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) format: CopyFormat,
    pub(crate) delimiter: u8,
    pub(crate) null: Vec<u8>,
    pub(crate) header: bool,
    pub(crate) match_header: bool,
    pub(crate) quote: u8,
    pub(crate) escape: u8,
    pub(crate) encoding: ClientEncoding,
    /// Names of columns; `*` is all of them.
    pub(crate) force_quote: Vec<String>,
    pub(crate) force_quote_all: bool,
    pub(crate) force_not_null: Vec<String>,
    pub(crate) force_null: Vec<String>,
}

impl Dialect {
    /// Checks the options.
    pub(crate) fn new(options: &CopyOptions, encoding: ClientEncoding) -> Result<Self> {
        let csv = options.format == CopyFormat::Csv;
        let byte = |given: Option<char>, default: u8, what: &str| match given {
            None => Ok(default),
            Some(character) => u8::try_from(character).ok().filter(u8::is_ascii).ok_or_else(|| {
                ServerError::not_supported(format!("COPY {what} must be a single one-byte character"))
            }),
        };
        let quote = byte(options.quote, b'"', "quote")?;
        let encoding = match &options.encoding {
            None => encoding,
            // Bytes as they are, which must be UTF-8 here.
            Some(name) if name.eq_ignore_ascii_case("sql_ascii") => ClientEncoding::Utf8,
            Some(name) => ClientEncoding::by_name(name).ok_or_else(|| {
                ServerError::new(
                    Condition::InvalidParameterValue,
                    "argument to option \"encoding\" must be a valid encoding name",
                )
            })?,
        };
        Ok(Self {
            format: options.format,
            delimiter: byte(options.delimiter, if csv { b',' } else { b'\t' }, "delimiter")?,
            null: match &options.null {
                Some(null) => null.clone().into_bytes(),
                None if csv => Vec::new(),
                None => b"\\N".to_vec(),
            },
            header: options.header != CopyHeader::None,
            match_header: options.header == CopyHeader::Match,
            quote,
            escape: byte(options.escape, quote, "escape")?,
            encoding,
            force_quote: options.force_quote.clone(),
            force_quote_all: options.force_quote_all,
            force_not_null: options.force_not_null.clone(),
            force_null: options.force_null.clone(),
        })
    }

    fn code(&self) -> i16 {
        i16::from(self.format == CopyFormat::Binary)
    }
}

/// COPY … TO STDOUT. The tag.
pub(crate) async fn send(session: &mut Session, mut cursor: Cursor, options: &CopyOptions) -> Result<String> {
    let dialect = Dialect::new(options, session.settings.encoding())?;
    let outputs = Arc::clone(cursor.outputs());
    let columns = i16::try_from(outputs.len())
        .map_err(|_| ServerError::new(Condition::ProgramLimitExceeded, "too many columns"))?;
    let code = dialect.code();
    let forced = forced(&outputs, &dialect)?;
    session.outbox.put(&Message::CopyOutResponse(CopyOutResponse::new(
        i8::from(code == 1),
        columns,
        vec![code; outputs.len()],
    )))?;
    let binary = dialect.format == CopyFormat::Binary;
    let format = if binary { Format::Binary } else { Format::Text };
    let output_options = OutputOptions::new(&session.settings).with_encoding(dialect.encoding);
    let encoder = cursor.encoder(&vec![format; outputs.len()], output_options);
    // The binary header stands before the first row, in its message, as in PostgreSQL.
    let mut lead = if binary { BINARY_HEADER } else { &[] };
    if !binary && dialect.header {
        session.outbox.write(|out| header(&outputs, &dialect, out))?;
    }
    let mut rows = 0;
    while let Some(batch) = cursor.next(u64::MAX).await? {
        let mut start = 0;
        while start < batch.num_rows() {
            let mut casts = Vec::new();
            let writers = encoder.columns(&batch, &mut casts)?;
            // As DataRow's, the rows of a chunk.
            start = session.outbox.write(|out| {
                for row in start..batch.num_rows() {
                    copy_data(out, |out| {
                        if binary {
                            out.extend_from_slice(std::mem::take(&mut lead));
                            binary_row(&writers, row, columns, out)
                        } else {
                            text_row(&writers, row, &dialect, &forced, out)
                        }
                    })?;
                    if out.len() >= CHUNK_BYTES {
                        return Ok(row + 1);
                    }
                }
                Ok(batch.num_rows())
            })?;
            drop(writers);
            session.outbox.flush_if_full().await?;
        }
        rows += batch.num_rows();
    }
    if binary {
        session.outbox.write(|out| {
            copy_data(out, |out| {
                out.extend_from_slice(lead);
                out.extend_from_slice(&(-1_i16).to_be_bytes());
                Ok(())
            })
        })?;
    }
    session.outbox.put(&Message::CopyDone(CopyDone::new()))?;
    Ok(format!("COPY {rows}"))
}

fn copy_data(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    out.push(b'd');
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    patch_length(out, at, at)
}

fn binary_row(columns: &[Column<'_>], row: usize, count: i16, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&count.to_be_bytes());
    columns.iter().try_for_each(|column| column.put_with_length(row, out))
}

/// Which columns are always quoted; empty for none.
fn forced(outputs: &[OutputColumn], dialect: &Dialect) -> Result<Vec<bool>> {
    if dialect.force_quote_all {
        return Ok(vec![true; outputs.len()]);
    }
    if let Some(missing) = dialect.force_quote.iter().find(|name| !outputs.iter().any(|it| it.name == **name))
    {
        return Err(ServerError::new(
            Condition::UndefinedColumn,
            format!("column \"{missing}\" does not exist"),
        ));
    }
    if dialect.force_quote.is_empty() {
        return Ok(Vec::new());
    }
    Ok(outputs.iter().map(|output| dialect.force_quote.contains(&output.name)).collect())
}

fn text_row(
    columns: &[Column<'_>],
    row: usize,
    dialect: &Dialect,
    forced: &[bool],
    out: &mut Vec<u8>,
) -> Result<()> {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(dialect.delimiter);
        }
        if column.is_null(row) {
            out.extend_from_slice(&dialect.null);
            continue;
        }
        let start = out.len();
        column.put(row, out)?;
        if forced.get(index) == Some(&true) {
            put_in_quotes(start, dialect, out);
            continue;
        }
        let plain_delimiter = matches!(dialect.delimiter, b'\t' | b',' | b';' | b'|');
        let plain =
            column.is_plain() && plain_delimiter && dialect.null.is_empty() | (dialect.null == b"\\N");
        if !plain {
            quote(start, columns.len() == 1, dialect, out);
        }
    }
    out.push(b'\n');
    Ok(())
}

/// Makes what was written from `start` readable again: backslashes in text, quotes in CSV.
fn quote(start: usize, only: bool, dialect: &Dialect, out: &mut Vec<u8>) {
    let written = &out[start..];
    if dialect.format == CopyFormat::Csv {
        let needs = written == dialect.null
            || (only && written == b"\\.")
            || written.iter().any(|byte| {
                *byte == dialect.delimiter || *byte == dialect.quote || matches!(byte, b'\n' | b'\r')
            });
        if !needs {
            return;
        }
        put_in_quotes(start, dialect, out);
        return;
    }
    let special = |byte: u8| byte < 0x20 || byte == b'\\' || byte == dialect.delimiter;
    if !written.iter().any(|byte| special(*byte)) {
        return;
    }
    let plain = out.split_off(start);
    for byte in plain {
        let letter = match byte {
            0x08 => Some(b'b'),
            0x0c => Some(b'f'),
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            0x0b => Some(b'v'),
            b'\\' => Some(b'\\'),
            byte if byte == dialect.delimiter => Some(byte),
            _ => None,
        };
        match letter {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.push(byte),
        }
    }
}

fn put_in_quotes(start: usize, dialect: &Dialect, out: &mut Vec<u8>) {
    let plain = out.split_off(start);
    out.push(dialect.quote);
    for byte in plain {
        if byte == dialect.quote || byte == dialect.escape {
            out.push(dialect.escape);
        }
        out.push(byte);
    }
    out.push(dialect.quote);
}

fn header(outputs: &[OutputColumn], dialect: &Dialect, out: &mut Vec<u8>) -> Result<()> {
    copy_data(out, |out| {
        for (index, output) in outputs.iter().enumerate() {
            if index > 0 {
                out.push(dialect.delimiter);
            }
            let start = out.len();
            dialect.encoding.encode(&output.name, out)?;
            quote(start, outputs.len() == 1, dialect, out);
        }
        out.push(b'\n');
        Ok(())
    })
}

/// COPY … FROM STDIN. The tag.
pub(crate) async fn receive(
    session: &mut Session,
    inbox: &mut mpsc::Receiver<Inbound>,
    mut target: CopyTarget,
) -> Result<String> {
    let columns = i16::try_from(target.columns())
        .map_err(|_| ServerError::new(Condition::ProgramLimitExceeded, "too many columns"))?;
    let code = i8::from(target.is_binary());
    session.outbox.put(&Message::CopyInResponse(CopyInResponse::new(
        code,
        columns,
        vec![i16::from(code); target.columns()],
    )))?;
    session.outbox.flush().await?;
    let encoding = session.settings.encoding();
    loop {
        let frame = match inbox.recv().await {
            Some(Inbound::Frame(frame)) => frame,
            Some(Inbound::InvalidLength(_)) | None => {
                return Err(ServerError::Cancelled(CancelReason::Disconnected));
            }
        };
        match Frontend::decode(&frame, encoding)? {
            Frontend::CopyData(data) => target.feed(data).await?,
            Frontend::CopyDone => break,
            Frontend::CopyFail(reason) => {
                return Err(ServerError::new(
                    Condition::QueryCanceled,
                    format!("COPY from stdin failed: {reason}"),
                ));
            }
            Frontend::Flush | Frontend::Sync => {}
            _ => {
                return Err(ServerError::new(
                    Condition::ProtocolViolation,
                    format!("unexpected message type 0x{:02X} during COPY from stdin", frame.kind),
                ));
            }
        }
    }
    let rows = target.finish(session).await?;
    Ok(format!("COPY {rows}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(format: CopyFormat) -> Dialect {
        let options = CopyOptions { format, ..CopyOptions::default() };
        Dialect::new(&options, ClientEncoding::Utf8).unwrap()
    }

    fn quoted(format: CopyFormat, value: &str) -> String {
        let mut out = value.as_bytes().to_vec();
        quote(0, false, &dialect(format), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_not_be_read_back_is_quoted() {
        assert_eq!(quoted(CopyFormat::Text, "a\tb\\c\nd"), "a\\tb\\\\c\\nd");
        assert_eq!(quoted(CopyFormat::Text, "plain, text"), "plain, text");
        assert_eq!(quoted(CopyFormat::Csv, "say \"hi\", you"), "\"say \"\"hi\"\", you\"");
        assert_eq!(quoted(CopyFormat::Csv, ""), "\"\"");
        assert_eq!(quoted(CopyFormat::Csv, "plain"), "plain");
    }
}

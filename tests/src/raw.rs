//! The PostgreSQL protocol spoken by hand: everything that a server says, as it says it. Client libraries hide what these
//! tests are about (type numbers, tags, the order of messages), so they use this. It knows SCRAM and plain sockets only.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::{
    IsNull,
    authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
    message::frontend,
};

/// A server that says nothing for this long is taken to hang.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// `host:port`
    pub address: String,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The letter.
    pub tag: u8,
    /// What follows the length.
    pub body: Bytes,
}

/// A column of a RowDescription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The table that it comes from, or 0.
    pub table_oid: u32,
    /// The column's number there, or 0.
    pub attribute: i16,
    /// Its type.
    pub type_oid: u32,
    /// Its type's length.
    pub type_length: i16,
    /// Its type's modifier.
    pub typmod: i32,
    /// 0 is text, 1 is binary.
    pub format: i16,
}

/// An ErrorResponse or NoticeResponse, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerError {
    /// The fields, by letter, in the order sent.
    pub fields: Vec<(char, String)>,
}

impl ServerError {
    /// A field by its letter.
    pub fn field(&self, letter: char) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == letter).map(|(_, value)| value.as_str())
    }

    /// The SQLSTATE.
    pub fn sqlstate(&self) -> &str {
        self.field('C').unwrap_or("")
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        self.field('M').unwrap_or("")
    }
}

/// A row: each value's bytes, or NULL.
pub type Row = Vec<Option<Bytes>>;

/// What one statement gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The columns, if it returns rows.
    pub columns: Option<Vec<Column>>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The command tag; absent after an error.
    pub tag: Option<String>,
    /// The error.
    pub error: Option<ServerError>,
    /// The parameters' types, where the statement was described.
    pub parameters: Vec<u32>,
}

impl Response {
    /// The same answer with one form for each NaN among binary floats: its sign and the rest of its bits are the
    /// processor's, and no value of SQL.
    #[must_use]
    pub fn with_one_nan(mut self) -> Self {
        let columns = self.columns.as_deref().unwrap_or_default();
        for row in &mut self.rows {
            for (column, cell) in columns.iter().zip(row.iter_mut()) {
                let Some(bytes) = cell else { continue };
                let is_nan = match (column.type_oid, bytes.as_ref()) {
                    (700, &[a, b, c, d]) => f32::from_be_bytes([a, b, c, d]).is_nan(),
                    (701, &[a, b, c, d, e, f, g, h]) => f64::from_be_bytes([a, b, c, d, e, f, g, h]).is_nan(),
                    _ => false,
                };
                if is_nan {
                    *bytes = Bytes::from_static(b"NaN");
                }
            }
        }
        self
    }
}

/// A connection.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    buffer: BytesMut,
    /// The transaction status of the last ReadyForQuery: `I`, `T` or `E`.
    pub status: u8,
    /// ParameterStatus as sent, newest value last.
    pub parameters: Vec<(String, String)>,
    /// BackendKeyData.
    pub key: Option<(u32, u32)>,
    /// Notices since the last statement began.
    pub notices: Vec<ServerError>,
}

impl RawConnection {
    /// Connects and authenticates.
    pub fn open(target: &Target) -> Result<Self> {
        Self::open_with(target, &[])
    }

    /// Connects with further start-up parameters.
    pub fn open_with(target: &Target, options: &[(&str, &str)]) -> Result<Self> {
        match Self::try_open(target, options)? {
            Ok(connection) => Ok(connection),
            Err(error) => bail!("{} {}", error.sqlstate(), error.message()),
        }
    }

    /// Connects; a refusal by the server is the inner error.
    pub fn try_open(target: &Target, options: &[(&str, &str)]) -> Result<Result<Self, ServerError>> {
        let stream =
            TcpStream::connect(&target.address).with_context(|| format!("connect to {}", target.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let mut connection = Self {
            stream,
            buffer: BytesMut::new(),
            status: b'I',
            parameters: Vec::new(),
            key: None,
            notices: Vec::new(),
        };
        let mut out = BytesMut::new();
        let base = [("user", target.user.as_str()), ("database", target.database.as_str())];
        frontend::startup_message(base.iter().chain(options).copied(), &mut out)?;
        connection.send(&out)?;
        let mut scram = ScramSha256::new(target.password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let mut message = connection.receive()?;
            out.clear();
            match message.tag {
                b'R' => match message.body.get_i32() {
                    0 => {}
                    10 => frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out)?,
                    11 => {
                        scram.update(&message.body)?;
                        frontend::sasl_response(scram.message(), &mut out)?;
                    }
                    12 => scram.finish(&message.body)?,
                    other => bail!("authentication method {other}"),
                },
                b'K' => connection.key = Some((message.body.get_u32(), message.body.get_u32())),
                b'E' => return Ok(Err(error_fields(&message.body))),
                b'Z' => return Ok(Ok(connection)),
                b'S' | b'N' => {}
                other => bail!("message {:?} during start-up", char::from(other)),
            }
            if !out.is_empty() {
                connection.send(&out)?;
            }
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("send")
    }

    /// The next message. ParameterStatus, notices and the transaction status are noted on the way.
    pub fn receive(&mut self) -> Result<Message> {
        loop {
            if self.buffer.len() >= 5 {
                let length =
                    u32::from_be_bytes([self.buffer[1], self.buffer[2], self.buffer[3], self.buffer[4]])
                        as usize;
                if self.buffer.len() > length {
                    let tag = self.buffer.get_u8();
                    self.buffer.advance(4);
                    let body = self.buffer.split_to(length - 4).freeze();
                    match tag {
                        b'S' => {
                            let mut fields = body
                                .split(|byte| *byte == 0)
                                .map(|field| String::from_utf8_lossy(field).into_owned());
                            self.parameters
                                .push((fields.next().unwrap_or_default(), fields.next().unwrap_or_default()));
                        }
                        b'N' => self.notices.push(error_fields(&body)),
                        b'Z' => self.status = body[0],
                        _ => {}
                    }
                    return Ok(Message { tag, body });
                }
            }
            let mut chunk = [0; 1 << 16];
            let read = self.stream.read(&mut chunk).context("receive")?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }

    /// Every message up to and including ReadyForQuery.
    pub fn until_ready(&mut self) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let message = self.receive()?;
            let ready = message.tag == b'Z';
            messages.push(message);
            if ready {
                return Ok(messages);
            }
        }
    }

    /// Runs a simple query; one response per statement in it.
    pub fn simple(&mut self, sql: &str) -> Result<Vec<Response>> {
        self.notices.clear();
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out)?;
        self.send(&out)?;
        Ok(responses(self.until_ready()?))
    }

    /// Runs a simple query of one statement that must succeed.
    pub fn must(&mut self, sql: &str) -> Result<Response> {
        let mut responses = self.simple(sql)?;
        let response = responses.pop().unwrap_or_default();
        if let Some(error) = &response.error {
            bail!("{sql}: {} {}", error.sqlstate(), error.message());
        }
        Ok(response)
    }

    /// Runs a COPY … FROM STDIN with these bytes; the response is the statement's.
    pub fn copy_in(&mut self, sql: &str, data: &[u8]) -> Result<Vec<Response>> {
        self.notices.clear();
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out)?;
        self.send(&out)?;
        loop {
            let message = self.receive()?;
            match message.tag {
                b'G' => break,
                b'E' => {
                    let mut messages = vec![message];
                    messages.extend(self.until_ready()?);
                    return Ok(responses(messages));
                }
                b'Z' => bail!("{sql}: no COPY"),
                _ => {}
            }
        }
        out.clear();
        for chunk in data.chunks(1 << 16) {
            frontend::CopyData::new(Bytes::copy_from_slice(chunk))?.write(&mut out);
        }
        frontend::copy_done(&mut out);
        self.send(&out)?;
        Ok(responses(self.until_ready()?))
    }

    /// Parse, Describe, Bind, Execute and Sync with text parameters.
    pub fn extended(&mut self, sql: &str, parameters: &[Option<&str>], binary: bool) -> Result<Response> {
        self.notices.clear();
        let mut out = BytesMut::new();
        frontend::parse("", sql, [], &mut out)?;
        frontend::describe(b'S', "", &mut out)?;
        let bound = frontend::bind(
            "",
            "",
            [0],
            parameters.iter(),
            |parameter, buffer| {
                Ok(match parameter {
                    Some(text) => {
                        buffer.extend_from_slice(text.as_bytes());
                        IsNull::No
                    }
                    None => IsNull::Yes,
                })
            },
            [i16::from(binary)],
            &mut out,
        );
        if bound.is_err() {
            bail!("cannot write Bind");
        }
        frontend::execute("", 0, &mut out)?;
        frontend::sync(&mut out);
        self.send(&out)?;
        Ok(responses(self.until_ready()?).pop().unwrap_or_default())
    }
}

/// Groups a run of messages into one response per statement.
pub fn responses(messages: Vec<Message>) -> Vec<Response> {
    let mut all = Vec::new();
    let mut response = Response::default();
    for mut message in messages {
        match message.tag {
            b't' => {
                let count = message.body.get_u16();
                response.parameters = (0..count).map(|_| message.body.get_u32()).collect();
            }
            b'T' => response.columns = Some(columns(message.body)),
            b'D' => {
                let count = message.body.get_u16();
                let row = (0..count)
                    .map(|_| {
                        let length = message.body.get_i32();
                        usize::try_from(length).ok().map(|length| message.body.split_to(length))
                    })
                    .collect();
                response.rows.push(row);
            }
            b'C' | b'I' | b's' => {
                let text = message.body.split(|byte| *byte == 0).next().unwrap_or_default();
                response.tag = Some(String::from_utf8_lossy(text).into_owned());
                all.push(std::mem::take(&mut response));
            }
            b'E' => {
                response.error = Some(error_fields(&message.body));
                all.push(std::mem::take(&mut response));
            }
            _ => {}
        }
    }
    all
}

fn columns(mut body: Bytes) -> Vec<Column> {
    let count = body.get_u16();
    (0..count)
        .map(|_| {
            let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
            let name = String::from_utf8_lossy(&body.split_to(end)).into_owned();
            body.advance(1);
            Column {
                name,
                table_oid: body.get_u32(),
                attribute: body.get_i16(),
                type_oid: body.get_u32(),
                type_length: body.get_i16(),
                typmod: body.get_i32(),
                format: body.get_i16(),
            }
        })
        .collect()
}

fn error_fields(body: &[u8]) -> ServerError {
    let fields = body
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .map(|field| (char::from(field[0]), String::from_utf8_lossy(&field[1..]).into_owned()))
        .collect();
    ServerError { fields }
}

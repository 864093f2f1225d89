//! Frames and frontend messages. pgwire's own decoders read past a short body (a panic), replace bytes that are not
//! UTF-8 silently and fix the size limit at 1 GiB; so a frame is cut out here after its size was checked, and its fields
//! are read by a reader that cannot leave the frame. Text is decoded later than the frame is cut, by the session, since
//! `SET client_encoding` may stand in a message before it.

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;

use crate::{
    error::{Condition, Result, ServerError},
    session::encoding::ClientEncoding,
};

/// The longest message before the client has proved who it is, as PostgreSQL's `PG_MAX_AUTH_TOKEN_LENGTH`.
pub(crate) const UNAUTHENTICATED_MESSAGE_BYTES_MAX: usize = 65_535;

/// One message of a client, still undecoded.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The message's type byte.
    pub(crate) kind: u8,
    /// What follows the length.
    pub(crate) body: Bytes,
}

/// What a look at the read buffer found.
#[derive(Debug)]
pub(crate) enum Cut {
    /// A whole message.
    Frame(Frame),
    /// More bytes are needed.
    Incomplete,
    /// The length is impossible or over the limit: the stream cannot be followed any further.
    InvalidLength(i32),
}

/// Cuts the first message off the buffer.
pub(crate) fn cut_frame(buffer: &mut BytesMut, message_bytes_max: usize) -> Cut {
    let Some(header) = buffer.first_chunk::<5>() else { return Cut::Incomplete };
    let [kind, length @ ..] = *header;
    let length = i32::from_be_bytes(length);
    let Some(body_bytes) = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(4))
        .filter(|it| *it <= message_bytes_max)
    else {
        return Cut::InvalidLength(length);
    };
    if buffer.len() < 5 + body_bytes {
        buffer.reserve(5 + body_bytes - buffer.len());
        return Cut::Incomplete;
    }
    buffer.advance(5);
    Cut::Frame(Frame { kind, body: buffer.split_to(body_bytes).freeze() })
}

/// A statement or a portal: what Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// `S`
    Statement,
    /// `P`
    Portal,
}

/// A decoded message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frontend {
    /// Simple query.
    Query(String),
    /// Parse.
    Parse {
        /// The statement's name; empty is the unnamed one.
        name: String,
        /// Its text.
        query: String,
        /// Declared parameter types; 0 is undeclared.
        parameter_types: Vec<u32>,
    },
    /// Bind.
    Bind {
        /// The portal to make.
        portal: String,
        /// The statement to make it from.
        statement: String,
        /// Format codes of the parameters: none, one for all, or one each.
        parameter_formats: Vec<i16>,
        /// The parameters.
        parameters: Vec<Option<Bytes>>,
        /// Format codes of the result's columns: none, one for all, or one each.
        result_formats: Vec<i16>,
    },
    /// Describe.
    Describe(Target, String),
    /// Execute.
    Execute {
        /// The portal.
        portal: String,
        /// The row limit; 0 is none.
        rows_max: i32,
    },
    /// Close.
    Close(Target, String),
    /// Flush.
    Flush,
    /// Sync.
    Sync,
    /// Terminate.
    Terminate,
    /// CopyData.
    CopyData(Bytes),
    /// CopyDone.
    CopyDone,
    /// CopyFail, with the client's reason.
    CopyFail(String),
    /// The fast-path function call, which is refused.
    FunctionCall,
}

impl Frontend {
    /// Decodes a frame. A type that is not known is an error that ends the connection, as in PostgreSQL.
    pub(crate) fn decode(frame: &Frame, encoding: ClientEncoding) -> Result<Self> {
        let mut reader = Reader { body: frame.body.clone(), encoding };
        let message = match frame.kind {
            b'Q' => Self::Query(reader.text()?),
            b'P' => {
                let name = reader.text()?;
                let query = reader.text()?;
                let count = reader.u16()?;
                let parameter_types = (0..count).map(|_| reader.u32()).collect::<Result<_>>()?;
                Self::Parse { name, query, parameter_types }
            }
            b'B' => {
                let portal = reader.text()?;
                let statement = reader.text()?;
                let parameter_formats = reader.formats()?;
                let count = reader.u16()?;
                let parameters = (0..count).map(|_| reader.value()).collect::<Result<_>>()?;
                let result_formats = reader.formats()?;
                Self::Bind { portal, statement, parameter_formats, parameters, result_formats }
            }
            b'D' => Self::Describe(reader.target("DESCRIBE")?, reader.text()?),
            b'C' => Self::Close(reader.target("CLOSE")?, reader.text()?),
            b'E' => Self::Execute { portal: reader.text()?, rows_max: reader.i32()? },
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'd' => return Ok(Self::CopyData(reader.body)),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(reader.text()?),
            b'F' => return Ok(Self::FunctionCall),
            other => {
                return Err(ServerError::new(
                    Condition::ProtocolViolation,
                    format!("invalid frontend message type {other}"),
                )
                .fatal());
            }
        };
        if reader.body.is_empty() { Ok(message) } else { Err(malformed()) }
    }

    /// Whether the message belongs to the extended protocol: after an error these are skipped up to Sync.
    pub(crate) fn is_extended(kind: u8) -> bool {
        matches!(kind, b'P' | b'B' | b'D' | b'C' | b'E' | b'H')
    }
}

fn malformed() -> ServerError {
    ServerError::new(Condition::ProtocolViolation, "invalid message format")
}

/// Reads a message's fields and never past its end.
struct Reader {
    body: Bytes,
    encoding: ClientEncoding,
}

impl Reader {
    fn text(&mut self) -> Result<String> {
        let end = self.body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let bytes = self.body.split_to(end);
        self.body.advance(1);
        self.encoding.decode(&bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = *self.body.first_chunk::<N>().ok_or_else(malformed)?;
        self.body.advance(N);
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn formats(&mut self) -> Result<Vec<i16>> {
        let count = self.u16()?;
        (0..count).map(|_| Ok(i16::from_be_bytes(self.array()?))).collect()
    }

    fn value(&mut self) -> Result<Option<Bytes>> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| malformed())?;
        if length > self.body.len() {
            return Err(malformed());
        }
        Ok(Some(self.body.split_to(length)))
    }

    fn target(&mut self, message: &str) -> Result<Target> {
        match self.array::<1>()? {
            [b'S'] => Ok(Target::Statement),
            [b'P'] => Ok(Target::Portal),
            [other] => Err(ServerError::new(
                Condition::ProtocolViolation,
                format!("invalid {message} message subtype {other}"),
            )),
        }
    }
}

/// Appends a backend message to the outgoing bytes.
pub(crate) fn put_message(buffer: &mut BytesMut, message: &PgWireBackendMessage) -> Result<()> {
    message
        .encode(buffer)
        .map_err(|error| ServerError::new(Condition::ProtocolViolation, format!("message too long: {error}")))
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;

    fn frame(kind: u8, body: &[u8]) -> BytesMut {
        let mut buffer = BytesMut::new();
        buffer.put_u8(kind);
        buffer.put_i32(i32::try_from(body.len()).unwrap() + 4);
        buffer.put_slice(body);
        buffer
    }

    fn decode(kind: u8, body: &[u8]) -> Result<Frontend> {
        let frame = Frame { kind, body: Bytes::copy_from_slice(body) };
        Frontend::decode(&frame, ClientEncoding::Utf8)
    }

    #[test]
    fn a_frame_is_cut_only_when_whole() {
        let whole = frame(b'Q', b"select 1\0");
        for length in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..length]);
            assert!(matches!(cut_frame(&mut part, 100), Cut::Incomplete), "{length}");
        }
        let mut buffer = whole;
        buffer.put_slice(b"rest");
        assert!(matches!(cut_frame(&mut buffer, 100), Cut::Frame(Frame { kind: b'Q', .. })));
        assert_eq!(&buffer[..], b"rest");
    }

    #[test]
    fn a_length_over_the_limit_or_below_four_is_refused_before_anything_is_allocated() {
        for length in [i32::MAX, 105, 3, 0, -1, i32::MIN] {
            let mut buffer = BytesMut::from(&b"Q"[..]);
            buffer.put_i32(length);
            assert!(matches!(cut_frame(&mut buffer, 100), Cut::InvalidLength(it) if it == length));
        }
    }

    #[test]
    fn a_short_body_is_a_protocol_violation_and_never_a_panic() {
        let mut bind = Vec::new();
        bind.extend_from_slice(b"portal\0statement\0");
        bind.extend_from_slice(&[0, 1, 0, 1, 0, 1, 0, 0, 0, 2, b'4', b'2', 0, 1, 0, 0]);
        assert!(decode(b'B', &bind).is_ok());
        for length in 0..bind.len() {
            assert!(decode(b'B', &bind[..length]).is_err(), "{length}");
        }
        bind.push(0);
        assert!(decode(b'B', &bind).is_err());
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(decode(b'Q', b"select '\xe5'\0").is_err());
        assert!(decode(b'Q', b"select 1").is_err());
        assert_eq!(decode(b'Q', b"select 1\0").unwrap(), Frontend::Query("select 1".to_owned()));
    }
}

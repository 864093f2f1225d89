//! From the first byte to an authenticated user: TLS (asked for, direct or refused), cancel requests, the start-up packet,
//! SCRAM-SHA-256 over stored verifiers. An unknown user goes through the same exchange with a made-up verifier, so that
//! names cannot be tried out. What is wrong with the start-up packet's settings or database is found later, by the
//! session, when the client has proved who it is.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use lis_security::principal::Principal;
use pgwire::{
    api::auth::sasl::scram::{ScramSecret, ScramServerAuth},
    messages::{
        PgWireBackendMessage,
        startup::{Authentication, NegotiateProtocolVersion},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;

use super::{
    Stream,
    codec::{self, Cut, UNAUTHENTICATED_MESSAGE_BYTES_MAX},
    error::Report,
};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    server::Server,
    session::{encoding::ClientEncoding, settings::clean_ascii},
};

const CANCEL_REQUEST: i32 = 80_877_102;
const SSL_REQUEST: i32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: i32 = 80_877_104;
const TLS_HANDSHAKE: u8 = 0x16;
/// As PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`.
const STARTUP_PACKET_BYTES_MAX: usize = 10_000;
const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// A connection whose client has proved who it is.
pub(crate) struct Established {
    /// The socket.
    pub(crate) stream: Box<dyn Stream>,
    /// What was read beyond the last message.
    pub(crate) unread: BytesMut,
    /// Who it is and what it asked for.
    pub(crate) login: Login,
    /// The session's room, until the connection ends.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// Who logged in, from where, and what the start-up packet asked for.
#[derive(Debug)]
pub(crate) struct Login {
    /// Who.
    pub(crate) principal: Principal,
    /// The database that was named.
    pub(crate) database: String,
    /// Settings of the start-up packet, in order.
    pub(crate) settings: Vec<(String, String)>,
    /// From where.
    pub(crate) peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) encrypted: bool,
}

/// The start-up packet.
#[derive(Debug, Default, PartialEq, Eq)]
struct StartupPacket {
    user: String,
    database: Option<String>,
    settings: Vec<(String, String)>,
    /// `_pq_.` options that are not known here.
    unknown_options: Vec<String>,
    minor_version: u16,
}

/// Takes a connection through start-up. `None` is one that has done what it came for (a cancel request) or was refused.
pub(crate) async fn start(
    server: &Server,
    socket: TcpStream,
    peer: SocketAddr,
) -> Result<Option<Established>> {
    let mut connection = Connection { socket: Socket::Plain(socket), buffer: BytesMut::new() };
    match connection.start(server, peer).await {
        Ok(Some((login, permit))) => {
            let stream: Box<dyn Stream> = match connection.socket {
                Socket::Plain(socket) => Box::new(socket),
                Socket::Encrypted(stream) => stream,
                Socket::Gone => return Ok(None),
            };
            Ok(Some(Established { stream, unread: connection.buffer, login, permit }))
        }
        Ok(None) => {
            connection.close().await;
            Ok(None)
        }
        Err(error) => {
            let report = Report::from(&error);
            tracing::info!(%peer, state = report.state.code(), %error, "connection refused");
            connection.send(&report.as_fatal().to_message()).await?;
            connection.close().await;
            Ok(None)
        }
    }
}

/// The socket while it is not decided whether it is encrypted.
enum Socket {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
    /// A handshake failed and took the socket with it.
    Gone,
}

struct Connection {
    socket: Socket,
    buffer: BytesMut,
}

fn violation(message: impl Into<String>) -> ServerError {
    ServerError::new(Condition::ProtocolViolation, message).fatal()
}

impl Connection {
    async fn start(
        &mut self,
        server: &Server,
        peer: SocketAddr,
    ) -> Result<Option<(Login, OwnedSemaphorePermit)>> {
        let Some(packet) = self.negotiate(server).await? else { return Ok(None) };
        let encrypted = matches!(self.socket, Socket::Encrypted(_));
        if server.config.tls_required && !encrypted {
            return Err(ServerError::new(
                Condition::InvalidAuthorizationSpecification,
                "this server accepts encrypted connections only",
            )
            .with_hint("Connect with sslmode=require.")
            .fatal());
        }
        if packet.minor_version > 0 || !packet.unknown_options.is_empty() {
            let message = NegotiateProtocolVersion::new(0, packet.unknown_options.clone());
            self.send(&PgWireBackendMessage::NegotiateProtocolVersion(message)).await?;
        }
        let principal = self.authenticate(server, &packet, peer).await?;
        let superuser = server.security.rights().await?.is_superuser(principal.current_oid());
        let permit = server.admission.session(superuser)?;
        self.send(&PgWireBackendMessage::Authentication(Authentication::Ok)).await?;
        let login = Login {
            principal,
            database: packet.database.unwrap_or(packet.user),
            settings: packet.settings,
            peer,
            encrypted,
        };
        Ok(Some((login, permit)))
    }

    /// Reads requests until the start-up packet itself. `None` after a cancel request or a silent close.
    async fn negotiate(&mut self, server: &Server) -> Result<Option<StartupPacket>> {
        if let Socket::Plain(socket) = &self.socket {
            let mut first = [0];
            let read = socket.peek(&mut first).await.map_err(ServerError::io("reading"))?;
            if read == 1 && first == [TLS_HANDSHAKE] {
                self.encrypt(server).await?;
            }
        }
        let mut asked_for_gss = false;
        loop {
            let Some(mut body) = self.startup_packet().await? else { return Ok(None) };
            match body.get_i32() {
                CANCEL_REQUEST => {
                    if body.len() == 8 {
                        server.cancel.request(body.get_i32(), body.get_i32());
                    }
                    return Ok(None);
                }
                SSL_REQUEST if matches!(self.socket, Socket::Plain(_)) => {
                    // Bytes behind the request would be taken for encrypted ones (CVE-2021-23222).
                    if !self.buffer.is_empty() {
                        return Err(violation("received unencrypted data after SSL request"));
                    }
                    if server.tls.is_some() {
                        self.write(b"S").await?;
                        self.encrypt(server).await?;
                    } else {
                        self.write(b"N").await?;
                    }
                }
                GSS_ENCRYPTION_REQUEST if !asked_for_gss => {
                    asked_for_gss = true;
                    self.write(b"N").await?;
                }
                version => return parse_startup(version, &body).map(Some),
            }
        }
    }

    async fn encrypt(&mut self, server: &Server) -> Result<()> {
        let Some(acceptor) = &server.tls else {
            return Err(violation("this server has no certificate for encrypted connections"));
        };
        if let Socket::Plain(socket) = std::mem::replace(&mut self.socket, Socket::Gone) {
            let stream = acceptor.accept(socket).await.map_err(ServerError::io("TLS handshake"))?;
            self.socket = Socket::Encrypted(Box::new(stream));
        }
        Ok(())
    }

    /// SCRAM-SHA-256, or a cleartext-free refusal.
    async fn authenticate(
        &mut self,
        server: &Server,
        packet: &StartupPacket,
        peer: SocketAddr,
    ) -> Result<Principal> {
        let mechanisms = vec![SCRAM_SHA_256.to_owned()];
        self.send(&PgWireBackendMessage::Authentication(Authentication::SASL(mechanisms))).await?;
        let Some(mut initial) = self.password_message().await? else { return Err(gone()) };
        let (mechanism, first) = split_initial_response(&mut initial)?;
        if mechanism != SCRAM_SHA_256 {
            return Err(violation("client selected an invalid SASL authentication mechanism"));
        }
        let login = server.begin_login(&packet.user).await?;
        let secret = ScramSecret::Verifier {
            salt: login.verifier().salt.clone(),
            iterations: login.verifier().iterations as usize,
            stored_key: login.verifier().stored_key.clone(),
            server_key: login.verifier().server_key.clone(),
        };
        let (server_first, exchange) = ScramServerAuth::new()
            .on_client_first_message_with_secret(&first, secret)
            .map_err(|error| violation(format!("malformed SCRAM message: {error}")))?;
        self.send(&PgWireBackendMessage::Authentication(Authentication::SASLContinue(server_first.into())))
            .await?;
        let Some(client_final) = self.password_message().await? else { return Err(gone()) };
        let proof = exchange.on_client_final_message(&client_final);
        let principal = server.finish_login(login, proof.is_ok(), peer).await?;
        let server_final = proof.map_err(|error| violation(format!("malformed SCRAM message: {error}")))?;
        self.send(&PgWireBackendMessage::Authentication(Authentication::SASLFinal(server_final.into())))
            .await?;
        Ok(principal)
    }

    /// Reads more bytes. Whether there were any.
    async fn fill(&mut self) -> Result<bool> {
        let read = match &mut self.socket {
            Socket::Plain(socket) => socket.read_buf(&mut self.buffer).await,
            Socket::Encrypted(stream) => stream.read_buf(&mut self.buffer).await,
            Socket::Gone => Ok(0),
        };
        read.map(|bytes| bytes > 0).map_err(ServerError::io("reading from the client"))
    }

    /// A packet without a type byte: its length is checked before anything else. At least the code is in it.
    async fn startup_packet(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
                if !(8..=STARTUP_PACKET_BYTES_MAX).contains(&length) {
                    return Err(violation("invalid length of startup packet"));
                }
                if self.buffer.len() >= length {
                    self.buffer.advance(4);
                    return Ok(Some(self.buffer.split_to(length - 4).freeze()));
                }
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    async fn password_message(&mut self) -> Result<Option<Bytes>> {
        loop {
            match codec::cut_frame(&mut self.buffer, UNAUTHENTICATED_MESSAGE_BYTES_MAX) {
                Cut::Frame(frame) if frame.kind == b'p' => return Ok(Some(frame.body)),
                Cut::Frame(frame) if frame.kind == b'X' => return Ok(None),
                Cut::Frame(frame) => {
                    return Err(violation(format!(
                        "expected SASL response, got message type {}",
                        frame.kind
                    )));
                }
                Cut::InvalidLength(_) => return Err(violation("invalid message length")),
                Cut::Incomplete => {
                    if !self.fill().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Says goodbye, so that an encrypted client sees an end and not a break.
    async fn close(&mut self) {
        let closed = match &mut self.socket {
            Socket::Plain(socket) => socket.shutdown().await,
            Socket::Encrypted(stream) => stream.shutdown().await,
            Socket::Gone => Ok(()),
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "the client was gone first");
        }
    }

    async fn send(&mut self, message: &PgWireBackendMessage) -> Result<()> {
        let mut bytes = BytesMut::new();
        codec::put_message(&mut bytes, message)?;
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.socket {
            Socket::Plain(socket) => socket.write_all(bytes).await,
            Socket::Encrypted(stream) => match stream.write_all(bytes).await {
                Ok(()) => stream.flush().await,
                Err(error) => Err(error),
            },
            Socket::Gone => Ok(()),
        };
        written.map_err(ServerError::io("writing to the client"))
    }
}

/// The client left in the middle of the exchange, as psql does to ask its user for the password.
fn gone() -> ServerError {
    ServerError::Cancelled(CancelReason::Disconnected)
}

/// The mechanism's name and the client's first message.
fn split_initial_response(body: &mut Bytes) -> Result<(String, Bytes)> {
    let malformed = || violation("malformed SASL response");
    let end = body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
    let mechanism = String::from_utf8_lossy(&body.split_to(end)).into_owned();
    body.advance(1);
    let length = body.first_chunk::<4>().map(|length| i32::from_be_bytes(*length)).ok_or_else(malformed)?;
    body.advance(4);
    let length = usize::try_from(length).map_err(|_| malformed())?;
    if length != body.len() {
        return Err(malformed());
    }
    Ok((mechanism, body.clone()))
}

/// Reads the start-up packet's version and name/value pairs.
fn parse_startup(version: i32, body: &[u8]) -> Result<StartupPacket> {
    let [major_high, major_low, minor_high, minor_low] = version.to_be_bytes();
    let major = u16::from_be_bytes([major_high, major_low]);
    let minor_version = u16::from_be_bytes([minor_high, minor_low]);
    if major != 3 {
        return Err(ServerError::not_supported(format!(
            "unsupported frontend protocol {major}.{minor_version}: server supports 3.0 to 3.0"
        ))
        .fatal());
    }
    let mut packet = StartupPacket { minor_version, ..StartupPacket::default() };
    let mut fields = body.split(|byte| *byte == 0);
    let mut terminated = false;
    while let Some(name) = fields.next() {
        let name = ClientEncoding::Utf8.decode(name)?;
        if name.is_empty() {
            terminated = true;
            break;
        }
        let Some(value) = fields.next() else { break };
        // A program tells its name in whatever encoding it has.
        if name == "application_name" {
            packet.settings.push((name, clean_ascii(value)));
            continue;
        }
        let value = ClientEncoding::Utf8.decode(value)?;
        match name.as_str() {
            "user" => packet.user = value,
            "database" => packet.database = Some(value).filter(|database| !database.is_empty()),
            "options" => packet.settings.extend(parse_options(&value)?),
            "replication" => {
                if !matches!(value.to_ascii_lowercase().as_str(), "false" | "off" | "no" | "0" | "f" | "n") {
                    return Err(
                        ServerError::not_supported("replication connections are not supported").fatal()
                    );
                }
            }
            _ if name.starts_with("_pq_.") => packet.unknown_options.push(name),
            _ => packet.settings.push((name, value)),
        }
    }
    if !terminated {
        return Err(violation("invalid startup packet layout: expected terminator as last byte"));
    }
    if packet.user.is_empty() {
        return Err(ServerError::new(
            Condition::InvalidAuthorizationSpecification,
            "no PostgreSQL user name specified in startup packet",
        )
        .fatal());
    }
    Ok(packet)
}

/// `-c name=value` and `--name=value`, as in PostgreSQL's command line; a backslash keeps the next character.
fn parse_options(options: &str) -> Result<Vec<(String, String)>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            word.get_or_insert_default().extend(characters.next());
        } else if character.is_ascii_whitespace() {
            words.extend(word.take());
        } else {
            word.get_or_insert_default().push(character);
        }
    }
    words.extend(word);
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let assignment = if word == "-c" {
            words.next()
        } else {
            word.strip_prefix("--").or_else(|| word.strip_prefix("-c")).map(str::to_owned)
        };
        let setting = assignment.as_deref().and_then(|it| it.split_once('='));
        let Some((name, value)) = setting else {
            return Err(ServerError::new(
                Condition::SyntaxError,
                format!("invalid command-line argument for server process: {word}"),
            )
            .fatal());
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION_3_0: i32 = 3 << 16;

    #[test]
    fn a_startup_packet_is_read_to_its_terminator() {
        let packet =
            parse_startup(VERSION_3_0, b"user\0anna\0database\0lis\0options\0-c statement_timeout=5s\0\0")
                .unwrap();
        assert_eq!((packet.user.as_str(), packet.database.as_deref()), ("anna", Some("lis")));
        assert_eq!(packet.settings, [("statement_timeout".to_owned(), "5s".to_owned())]);
        assert!(parse_startup(VERSION_3_0, b"user\0anna\0").is_ok());
        let packet = parse_startup(VERSION_3_0, b"user\0anna\0application_name\0\xc5rsbok\0\0").unwrap();
        assert_eq!(packet.settings, [("application_name".to_owned(), "?rsbok".to_owned())]);
        assert!(parse_startup(VERSION_3_0, b"user\0\xc5sa\0\0").is_err());
        assert!(parse_startup(VERSION_3_0, b"user\0anna").is_err());
        assert!(parse_startup(VERSION_3_0, b"\0").is_err());
        assert!(parse_startup(2 << 16, b"user\0anna\0\0").is_err());
    }

    #[test]
    fn options_are_split_as_a_shell_would() {
        let settings = parse_options("-c search_path=a,\\ b --client-encoding=UTF8 -cwork=1").unwrap();
        let expected = [("search_path", "a, b"), ("client_encoding", "UTF8"), ("work", "1")];
        assert_eq!(settings, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(parse_options("-x").is_err());
    }

    #[test]
    fn an_initial_response_must_have_the_length_that_it_says() {
        let mut body = Bytes::from_static(b"SCRAM-SHA-256\0\0\0\0\x03n,,");
        assert_eq!(split_initial_response(&mut body).unwrap().1, "n,,");
        for wrong in [&b"SCRAM-SHA-256"[..], b"SCRAM-SHA-256\0\0\0", b"SCRAM-SHA-256\0\xff\xff\xff\xff"] {
            assert!(split_initial_response(&mut Bytes::copy_from_slice(wrong)).is_err());
        }
    }
}

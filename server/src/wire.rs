//! The wire: a connection's bytes. Each connection is two tasks on two runtimes. The one here moves bytes: it cuts frames
//! off the socket and writes finished messages to it. The session's (`wire/dispatch.rs`) does everything else on the
//! runtime of the queries. Between them are two short queues, and they are the back-pressure: a client that does not
//! read stops its query after a few chunks, a client that floods is not read. Since the socket is always watched, a
//! client that goes away ends its query.
//!
//! Nothing above this directory knows pgwire.

pub(crate) mod codec;
pub(crate) mod copy;
pub(crate) mod dispatch;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod extended;
pub(crate) mod outbox;
pub(crate) mod params;
pub(crate) mod portal;
pub(crate) mod simple;
pub(crate) mod startup;
pub(crate) mod types;

use std::{net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::{admission::Newcomer, error::CancelReason, server::Server};

use self::codec::{Cut, Frame};

/// Messages of a client that wait for its session.
const FRAMES_IN_FLIGHT_MAX: usize = 16;
/// Chunks of finished messages that wait for the socket.
const CHUNKS_IN_FLIGHT_MAX: usize = 3;
/// What is asked of the socket at least in one read.
const READ_BYTES: usize = 8 * 1024;

/// A socket, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What the reading side hands to the session.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A message.
    Frame(Frame),
    /// A length that cannot be followed; nothing comes after it.
    InvalidLength(i32),
}

/// A connection from its first byte to its last.
pub(crate) async fn serve(server: Arc<Server>, socket: TcpStream, peer: SocketAddr, newcomer: Newcomer) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "the connection ended at once");
        return;
    }
    let limit = server.config.timeouts.authentication;
    let started = tokio::select! {
        started = tokio::time::timeout(limit, startup::start(&server, socket, peer)) => started,
        () = newcomer.dismissed() => {
            tracing::info!(%peer, "the client had not authenticated when others needed the room");
            return;
        }
    };
    drop(newcomer);
    match started {
        Ok(Ok(Some(established))) => run(server, established).await,
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the connection ended during start-up"),
        Err(_) => tracing::info!(%peer, "the client did not authenticate in time"),
    }
}

/// The life of a connection after authentication.
async fn run(server: Arc<Server>, established: startup::Established) {
    let startup::Established { stream, unread, login, permit: _permit } = established;
    let (reader, writer) = tokio::io::split(stream);
    let (frames, inbox) = mpsc::channel(FRAMES_IN_FLIGHT_MAX);
    let (outbox, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT_MAX);
    let registration = server.cancel.register();
    let handle = Arc::clone(&registration.handle);
    let session = server.tasks.spawn_on(
        "session",
        &server.query_runtime,
        dispatch::run(Arc::clone(&server), registration, login, inbox, outbox::Outbox::new(outbox)),
    );
    let reading = read(reader, unread, frames, server.config.limits.message_bytes);
    let writing = write(writer, chunks);
    tokio::pin!(reading, writing);
    // The session ends by closing its queue of chunks, or because the client is gone: told by the reading side's end of
    // file or by a write that fails.
    let mut read_done = false;
    loop {
        tokio::select! {
            ended = &mut reading, if !read_done => {
                read_done = true;
                if ended == ReadEnd::Closed {
                    handle.end_session(CancelReason::Disconnected);
                }
            }
            written = &mut writing => {
                if let Err(error) = written {
                    tracing::debug!(%error, "the client is gone");
                    handle.end_session(CancelReason::Disconnected);
                }
                break;
            }
        }
    }
    if let Err(error) = session.await {
        tracing::error!(%error, "a session ended without saying why");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum ReadEnd {
    /// The client closed its side, or the connection broke.
    Closed,
    /// The session takes no more, or was told that the stream cannot be followed.
    Finished,
}

async fn read<R: AsyncRead + Unpin>(
    mut reader: R,
    mut buffer: BytesMut,
    frames: mpsc::Sender<Inbound>,
    message_bytes_max: usize,
) -> ReadEnd {
    loop {
        loop {
            let inbound = match codec::cut_frame(&mut buffer, message_bytes_max) {
                Cut::Frame(frame) => Inbound::Frame(frame),
                Cut::Incomplete => break,
                Cut::InvalidLength(length) => {
                    return match frames.send(Inbound::InvalidLength(length)).await {
                        Ok(()) | Err(_) => ReadEnd::Finished,
                    };
                }
            };
            if frames.send(inbound).await.is_err() {
                return ReadEnd::Finished;
            }
        }
        if buffer.is_empty() {
            // An idle connection keeps no buffer of the last large message.
            buffer = BytesMut::new();
        }
        buffer.reserve(READ_BYTES);
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return ReadEnd::Closed,
            Ok(_) => {}
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut chunks: mpsc::Receiver<Bytes>,
) -> std::io::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        writer.write_all(&chunk).await?;
        if chunks.is_empty() {
            writer.flush().await?;
        }
    }
    writer.shutdown().await
}

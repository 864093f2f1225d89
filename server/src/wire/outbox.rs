//! What goes out. Messages gather in one buffer; whole messages leave it in chunks. A chunk waits for a place in the
//! queue before it leaves the buffer, so a statement that is cancelled while the client does not read loses nothing
//! that was said before.

use bytes::{Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::sync::mpsc;

use super::codec::put_message;
use crate::error::{CancelReason, Result, ServerError};

/// From this size on a chunk is sent without being asked for.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// The session's end of the outgoing queue.
#[derive(Debug)]
pub(crate) struct Outbox {
    buffer: Vec<u8>,
    chunks: mpsc::Sender<Bytes>,
}

impl Outbox {
    /// Wraps the queue.
    pub(crate) fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        Self { buffer: Vec::new(), chunks }
    }

    /// Adds a message.
    pub(crate) fn put(&mut self, message: &PgWireBackendMessage) -> Result<()> {
        let mut encoded = BytesMut::new();
        put_message(&mut encoded, message)?;
        self.buffer.extend_from_slice(&encoded);
        Ok(())
    }

    /// The buffer, for a writer of finished messages.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Sends what has gathered if it is a chunk's worth. Cancellation safe.
    pub(crate) async fn flush_if_full(&mut self) -> Result<()> {
        if self.buffer.len() >= CHUNK_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Sends what has gathered. Cancellation safe: nothing leaves the buffer before there is a place for it.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let place =
            self.chunks.reserve().await.map_err(|_| ServerError::Cancelled(CancelReason::Disconnected))?;
        place.send(std::mem::take(&mut self.buffer).into());
        Ok(())
    }

    /// Gives the buffer's memory back: between statements.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
    }
}

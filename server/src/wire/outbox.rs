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
    /// How much of the buffer is whole messages. What lies behind was left by a writer that failed or panicked.
    complete: usize,
    chunks: mpsc::Sender<Bytes>,
}

impl Outbox {
    /// Wraps the queue.
    pub(crate) fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        Self { buffer: Vec::new(), complete: 0, chunks }
    }

    /// Adds a message.
    pub(crate) fn put(&mut self, message: &PgWireBackendMessage) -> Result<()> {
        let mut encoded = BytesMut::new();
        put_message(&mut encoded, message)?;
        self.write(|buffer| {
            buffer.extend_from_slice(&encoded);
            Ok(())
        })
    }

    /// Lends the buffer to a writer of whole messages. What a failing one wrote is taken back.
    pub(crate) fn write<T>(&mut self, writer: impl FnOnce(&mut Vec<u8>) -> Result<T>) -> Result<T> {
        self.buffer.truncate(self.complete);
        let written = writer(&mut self.buffer)?;
        self.complete = self.buffer.len();
        Ok(written)
    }

    /// Forgets what has gathered.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.complete = 0;
    }

    /// Sends what has gathered if it is a chunk's worth. Cancellation safe.
    pub(crate) async fn flush_if_full(&mut self) -> Result<()> {
        if self.complete >= CHUNK_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Sends what has gathered. Cancellation safe: nothing leaves the buffer before there is a place for it.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if self.complete == 0 {
            return Ok(());
        }
        let place =
            self.chunks.reserve().await.map_err(|_| ServerError::Cancelled(CancelReason::Disconnected))?;
        self.buffer.truncate(self.complete);
        self.complete = 0;
        place.send(std::mem::take(&mut self.buffer).into());
        Ok(())
    }

    /// Gives the buffer's memory back: between statements.
    pub(crate) fn shrink(&mut self) {
        if self.complete == 0 {
            self.buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Condition;

    #[tokio::test]
    async fn a_writer_that_fails_leaves_no_half_message() {
        let (chunks, mut sent) = mpsc::channel(1);
        let mut outbox = Outbox::new(chunks);
        let failed: Result<()> = outbox.write(|out| {
            out.extend_from_slice(b"half");
            Err(ServerError::new(Condition::UntranslatableCharacter, "no such character"))
        });
        assert!(failed.is_err());
        outbox
            .write(|out| {
                out.extend_from_slice(b"whole");
                Ok(())
            })
            .unwrap();
        outbox.flush().await.unwrap();
        assert_eq!(sent.recv().await.unwrap(), "whole");
        assert_eq!(outbox.complete, 0);
    }
}

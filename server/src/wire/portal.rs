//! Portals, and sending a cursor's rows: a batch at a time, in chunks; what is not ready yet is not waited for before
//! the rows that are have gone out.

use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use lis_lake::names::Identifier;
use lis_sql::{
    output::OutputColumn,
    statement::{FetchDirection, ParsedStatement},
};
use std::sync::Arc;

use super::{
    encode::{OutputOptions, RowEncoder},
    outbox::Outbox,
    types::Format,
};
use crate::{
    error::Result,
    query::{
        RowsTag,
        cursor::{Cursor, Seek},
        utility::no_cursor,
    },
    session::{NamedCursor, Session},
};

/// A portal of Bind.
#[derive(Debug)]
pub(crate) struct Portal {
    /// The statement; `None` is an empty one.
    pub(crate) statement: Option<Arc<ParsedStatement>>,
    /// Its parameters' types.
    pub(crate) types: Vec<lis_lake::types::PgType>,
    /// Their values.
    pub(crate) values: Vec<ScalarValue>,
    /// The result's columns, as they were described.
    pub(crate) outputs: Option<Arc<[OutputColumn]>>,
    /// The result's formats.
    pub(crate) formats: Vec<Format>,
    /// How far it is.
    pub(crate) state: PortalState,
}

/// How far a portal is.
#[derive(Debug)]
pub(crate) enum PortalState {
    /// Not executed yet.
    Ready,
    /// Rows are left.
    Rows(Box<Cursor>, RowsTag),
    /// Rows of a named cursor are left: so many.
    Fetching(Identifier, u64),
    /// Nothing is left; executing it again gives this tag with no rows.
    Done(RowsTag),
    /// A statement without rows was executed.
    Completed,
}

/// Sends up to `limit` rows (0 is all). How many, and whether the limit stopped it.
pub(crate) async fn send_rows(
    outbox: &mut Outbox,
    cursor: &mut Cursor,
    encoder: &RowEncoder,
    limit: u64,
) -> Result<(u64, bool)> {
    let limit = if limit == 0 { u64::MAX } else { limit };
    let mut sent = 0;
    while sent < limit {
        let ready = tokio::select! {
            biased;
            batch = cursor.next(limit - sent) => Some(batch?),
            () = std::future::ready(()) => None,
        };
        let batch = match ready {
            Some(batch) => batch,
            None => {
                outbox.flush().await?;
                cursor.next(limit - sent).await?
            }
        };
        let Some(batch) = batch else { return Ok((sent, false)) };
        send_batch(outbox, encoder, &batch).await?;
        sent += batch.num_rows() as u64;
    }
    Ok((sent, true))
}

async fn send_batch(outbox: &mut Outbox, encoder: &RowEncoder, batch: &RecordBatch) -> Result<()> {
    let mut row = 0;
    while row < batch.num_rows() {
        row = outbox.write(|out| encoder.encode(batch, row..batch.num_rows(), out))?;
        outbox.flush_if_full().await?;
    }
    Ok(())
}

/// Sends the rows of a FETCH. `limit` of 0 is all that the direction says. How many, and how many are left for a portal.
pub(crate) async fn send_fetch(
    session: &mut Session,
    name: &Identifier,
    direction: FetchDirection,
    formats: &[Format],
    limit: u64,
) -> Result<(u64, Option<u64>)> {
    let options = OutputOptions::new(&session.settings);
    let Session { cursors, outbox, .. } = session;
    let named = cursors.get_mut(name).ok_or_else(|| no_cursor(name))?;
    let encoder = named.cursor.encoder(formats, options);
    match named.cursor.seek(direction).await? {
        Seek::Forward(count) => {
            let wanted = if limit == 0 { count } else { count.min(limit) };
            let (sent, stopped) = send_rows(outbox, &mut named.cursor, &encoder, wanted).await?;
            let left = (stopped && wanted < count).then_some(count - sent);
            Ok((sent, left))
        }
        Seek::Rows(batches) => {
            let mut sent = 0;
            for batch in &batches {
                send_batch(outbox, &encoder, batch).await?;
                sent += batch.num_rows() as u64;
            }
            Ok((sent, None))
        }
    }
}

/// The formats of a FETCH's columns in the simple protocol: binary if the cursor was declared so.
pub(crate) fn cursor_formats(named: &NamedCursor) -> Vec<Format> {
    let format = if named.binary { Format::Binary } else { Format::Text };
    vec![format; named.cursor.outputs().len()]
}

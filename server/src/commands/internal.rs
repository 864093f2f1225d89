//! SQL of the commands: run by a session without a socket, through the same pipeline as everybody's.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use lis_lake::{names::Identifier, snapshot::Snapshot};
use lis_security::authenticate::service_principal;
use lis_sql::statement::Statement;
use tokio::sync::mpsc;

use crate::{
    error::{Condition, Result, ServerError},
    query::{self, Outcome, Request},
    server::Server,
    session::{Session, initial_settings},
    wire::{Inbound, encode::OutputOptions, outbox::Outbox, simple, startup::Login},
};

/// A session of the program itself.
pub(crate) struct InternalSession {
    session: Session,
    inbox: mpsc::Receiver<Inbound>,
    _frames: mpsc::Sender<Inbound>,
    chunks: mpsc::Receiver<Bytes>,
}

impl InternalSession {
    /// A session as a role.
    pub(crate) async fn new(server: &Arc<Server>, role: &str) -> Result<Self> {
        let rights = server.security.rights().await?;
        let login = Login {
            principal: service_principal(&rights, &Identifier::exact(role))?,
            database: "lis".to_owned(),
            settings: vec![("application_name".to_owned(), "lis".to_owned())],
            peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            encrypted: false,
        };
        let settings = initial_settings(server, &login).await?;
        let (frames, inbox) = mpsc::channel(1);
        let (outbox, chunks) = mpsc::channel(1);
        let registration = server.cancel.register();
        let session = Session::new(Arc::clone(server), registration, login, settings, Outbox::new(outbox));
        Ok(Self { session, inbox, _frames: frames, chunks })
    }

    /// What a statement over a snapshot, which may be staged, would be bound with and judged by.
    pub(crate) async fn request_over(&mut self, snapshot: Arc<Snapshot>) -> Result<Request> {
        Ok(Request { snapshot, ..self.session.request(Vec::new()).await? })
    }

    /// Runs statements whose result nobody reads.
    pub(crate) async fn run(&mut self, text: &str) -> Result<()> {
        let done = {
            let run = simple::run(&mut self.session, &mut self.inbox, text);
            tokio::pin!(run);
            loop {
                tokio::select! {
                    done = &mut run => break done,
                    Some(_) = self.chunks.recv() => {}
                }
            }
        };
        self.session.outbox.clear();
        self.session.end_statement();
        done
    }

    /// The rows of one query, as text.
    pub(crate) async fn query(&mut self, text: &str) -> Result<Vec<Vec<Option<String>>>> {
        self.session.begin_statement(text);
        let parsed = lis_sql::parse(text)?
            .into_iter()
            .find(|parsed| matches!(parsed.statement, Statement::Query(_)))
            .ok_or_else(|| ServerError::new(Condition::InternalError, "not a query"))?;
        let outcome = query::start(&mut self.session, &Arc::new(parsed), &[], Vec::new()).await?;
        let Outcome::Rows(mut cursor, _) = outcome else { return Ok(Vec::new()) };
        let encoder = cursor.encoder(&[], OutputOptions::new(&self.session.settings));
        let mut rows = Vec::new();
        while let Some(batch) = cursor.next(u64::MAX).await? {
            let mut casts = Vec::new();
            let columns = encoder.columns(&batch, &mut casts)?;
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|column| {
                    if column.is_null(row) {
                        return Ok(None);
                    }
                    let mut cell = Vec::new();
                    column.put(row, &mut cell)?;
                    Ok(Some(String::from_utf8_lossy(&cell).into_owned()))
                });
                rows.push(cells.collect::<Result<_>>()?);
            }
        }
        Ok(rows)
    }
}

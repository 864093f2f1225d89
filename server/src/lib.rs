//! The server: who asks, over what. The only crate that knows the wire protocol, SQLSTATEs and the command line.
//!
//! # The life of a connection
//!
//! 1. `listener.rs` accepts it, `admission.rs` says whether there is room.
//! 2. `wire/startup.rs` takes it through TLS, the start-up packet and SCRAM; a cancel request ends there.
//! 3. `wire.rs` moves its bytes: `wire/codec.rs` cuts frames off the socket, `wire/outbox.rs` gathers what goes out. The
//!    socket's tasks have a runtime of their own, so that no query can starve them.
//! 4. `wire/dispatch.rs` is the session's loop, on the runtime of the queries. `session.rs` holds who the client is, its
//!    settings, prepared statements, portals, cursors and transaction (`session/`).
//! 5. `wire/simple.rs` and `wire/extended.rs` are the two protocols; `wire/portal.rs` sends rows, `wire/encode.rs` writes
//!    them a batch at a time, `wire/params.rs` reads parameters, `wire/copy.rs` is COPY.
//!
//! # The life of a statement
//!
//! `query.rs` is THE pipeline, used by everybody: parse → bind (`lis_sql`) → authorise (`lis_security`) → plan → execute.
//! `query/utility.rs` runs statements that are not queries, `query/ddl.rs` those about objects, `query/dml.rs` writes
//! rows and commits, `query/cursor.rs` is rows on their way out.
//!
//! # The rest
//!
//! `cli.rs` is the command line, `commands/` what it does, `config.rs` the configuration, `server.rs` what connections
//! share, `maintenance.rs` what is done in the service window, `relations.rs` the system relations about settings and sessions. Every error becomes what a client sees in
//! `wire/error.rs`.
//!
//! To debug a statement: `LIS_LOG=debug lis serve …`; an internal error's number is in the client's message and the log.

mod admission;
pub mod cli;
mod commands;
pub mod config;
pub mod error;
mod functions;
mod listener;
mod maintenance;
mod query;
mod relations;
mod server;
mod session;
mod task;
pub mod telemetry;
mod tls;
mod wire;

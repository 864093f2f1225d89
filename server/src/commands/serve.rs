//! `lis serve`: open, listen, say so, serve until told to stop, drain.

use std::{process::ExitCode, sync::Arc};

use datafusion::common::runtime::set_join_set_tracer;
use tokio::net::TcpListener;

use super::{address as noted, print};
use crate::{
    config::Config,
    error::{Result, ServerError},
    listener, maintenance,
    query::CarriesInterrupt,
    server::Server,
    task,
};

/// The threads that move bytes.
const WIRE_THREADS: usize = 2;

/// Serves the warehouse that the configuration names.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    let listener = listener::bind(server.config.listen).await?;
    until_stopped(server, listener).await
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn until_stopped(server: Arc<Server>, listener: TcpListener) -> Result<ExitCode> {
    if set_join_set_tracer(&CarriesInterrupt).is_err() {
        tracing::debug!("the engine's tasks carry interrupts already");
    }
    let address = listener.local_addr().map_err(ServerError::io("asking for the port"))?;
    let wire = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WIRE_THREADS)
        .thread_name("wire")
        .enable_all()
        .build()
        .map_err(ServerError::io("starting the threads of the connections"))?;
    let standard = listener.into_std().map_err(ServerError::io("preparing the port"))?;
    let listener = {
        // A socket belongs to the runtime that it is made on.
        let _entered = wire.enter();
        TcpListener::from_std(standard).map_err(ServerError::io("preparing the port"))?
    };
    // The signals are awaited before anybody is told that the server is ready.
    let signal = server.tasks.spawn("signals", task::stop_signal());
    server.tasks.spawn("maintenance", maintenance::on_schedule(Arc::clone(&server)));
    let accepting =
        server.tasks.spawn_on("accept", wire.handle(), listener::accept(Arc::clone(&server), listener));
    noted::note(&server.config.data, address);
    print(&format!("ready to accept connections on {address}"))?;
    tracing::info!(%address, data = %server.config.data.display(), "serving");
    let stopped = match signal.await {
        Ok(stopped) => stopped.map_err(ServerError::io("waiting for signals")),
        Err(error) => Err(ServerError::Panicked(error.to_string())),
    };
    if let Ok(signal) = &stopped {
        tracing::info!(signal, "stopping");
    }
    noted::remove(&server.config.data);
    server.tasks.drain();
    if !server.tasks.finished_within(server.config.timeouts.shutdown).await {
        server.cancel.end_all();
        let grace = std::time::Duration::from_secs(2);
        if !server.tasks.finished_within(grace).await {
            tracing::warn!("some connections did not end in time");
        }
    }
    if let Err(error) = accepting.await {
        tracing::error!(%error, "the listener failed");
    }
    wire.shutdown_background();
    server.lake.close().await?;
    stopped.map(|_| ExitCode::SUCCESS)
}

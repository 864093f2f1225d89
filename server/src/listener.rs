//! The port: binding it, and handing each connection to a task of its own. Who may stay is `admission.rs`'s.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
    wire,
};

/// The longest pause after `accept` failed, as it does when file descriptors run out.
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// Binds the port. The message says what to do.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let failed =
            |what: &str| ServerError::new(Condition::IoError, format!("cannot listen on {address}: {what}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => failed("the port is in use").with_hint(
                "Is another server running? Stop it, or choose another port with --listen HOST:PORT.",
            ),
            std::io::ErrorKind::PermissionDenied => {
                failed("permission denied").with_hint("Choose a port from 1024 with --listen HOST:PORT.")
            }
            std::io::ErrorKind::AddrNotAvailable => failed("this machine does not have that address")
                .with_hint("Choose another with --listen HOST:PORT."),
            _ => failed(&error.to_string()),
        }
    })
}

/// Accepts until the server drains.
pub(crate) async fn accept(server: Arc<Server>, listener: TcpListener) {
    let mut back_off = Duration::from_millis(1);
    loop {
        let accepted = tokio::select! {
            () = server.tasks.draining() => return,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => {
                back_off = Duration::from_millis(1);
                accepted
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::select! {
                    () = server.tasks.draining() => return,
                    () = tokio::time::sleep(back_off) => {}
                }
                back_off = (back_off * 2).min(BACK_OFF_MAX);
                continue;
            }
        };
        let newcomer = server.admission.newcomer();
        let shared = Arc::clone(&server);
        server.tasks.spawn("connection", wire::serve(shared, socket, peer, newcomer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_to_do() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = first.local_addr().unwrap();
        let Err(ServerError::Statement(error)) = bind(address).await else { panic!("bound twice") };
        assert_eq!(error.message, format!("cannot listen on {address}: the port is in use"));
        assert!(error.hint.unwrap().contains("--listen"));
    }
}

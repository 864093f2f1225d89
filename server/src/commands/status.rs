//! `lis status`: is it up, and what came in last. The exit status is for a monitor: 0 when the server answers and the last
//! batch is in, 1 when not.

use std::{process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{address, batch, internal::InternalSession, print};
use crate::{config::Config, error::Result, server::Server};

/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Batches that are shown.
const BATCHES_SHOWN: usize = 5;

/// Runs the command.
pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    let listen = address::noted(&config.data).unwrap_or(config.listen);
    let up = matches!(tokio::time::timeout(ANSWER_WITHIN, answers(listen)).await, Ok(Ok(())));
    print(&if up {
        format!("the server answers on {listen}")
    } else {
        format!("no server answers on {listen}")
    })?;
    let server = Server::open(config).await?;
    let mut session = InternalSession::new(&server, "lis_admin").await?;
    let batches = batch::lines(&mut session, "").await?;
    for line in batches.iter().take(BATCHES_SHOWN) {
        print(line)?;
    }
    if batches.is_empty() {
        print("no batch has been loaded")?;
    }
    let failed = batches.first().is_some_and(|line| line.contains(": failed: "));
    Ok(if up && !failed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks whether TLS is spoken, which every server of the protocol answers with one byte.
async fn answers(address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
    socket.read_u8().await.map(|_| ())
}

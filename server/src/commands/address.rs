//! The note in the data directory that says where its server listens, so that `lis status` asks the right port whatever the
//! server was started with. It is a hint: a server that was killed leaves it behind, and who reads it asks the address.

use std::{fs, io::ErrorKind, net::SocketAddr, path::Path};

/// The note's name in the data directory.
const FILE: &str = "listening";

/// Notes where the server listens. A directory that cannot be written to is no reason not to serve.
pub(crate) fn note(data: &Path, address: SocketAddr) {
    if let Err(error) = fs::write(data.join(FILE), format!("{address}\n")) {
        tracing::warn!(%error, "`lis status` will not know where this server listens");
    }
}

/// Takes the note away again.
pub(crate) fn remove(data: &Path) {
    match fs::remove_file(data.join(FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, "`lis status` will ask a server that is gone");
        }
        _ => (),
    }
}

/// Where a server says that it listens.
pub(crate) fn noted(data: &Path) -> Option<SocketAddr> {
    fs::read_to_string(data.join(FILE)).ok()?.trim().parse().ok()
}

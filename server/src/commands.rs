//! What the commands do. Results go to standard output, progress to standard error: a bar when it is a terminal, a line
//! per step when it is not.

mod address;
pub(crate) mod backup;
pub(crate) mod batch;
pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod internal;
pub(crate) mod load;
pub(crate) mod progress;
pub(crate) mod serve;
pub(crate) mod status;

use std::{io::Write, process::ExitCode};

use crate::error::{Result, ServerError};

/// The stack of a thread that binds and plans: deep queries recurse.
pub(crate) const STACK_BYTES: usize = 16 << 20;

/// Writes a line to standard output.
pub(crate) fn print(line: &str) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(ServerError::io("writing to standard output"))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a step to standard error.
pub(crate) fn step(line: &str) {
    // A closed standard error is no reason to stop working.
    if let Err(error) = writeln!(std::io::stderr(), "{line}") {
        tracing::debug!(%error, "standard error is closed");
    }
}

//! `lis`: arguments to exit code; everything else is in the library.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use lis_server::cli::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(message) => {
            // Nothing more can be done when standard error is closed.
            let written = writeln!(std::io::stderr(), "lis: {message}");
            ExitCode::from(if written.is_ok() { 1 } else { 2 })
        }
    }
}

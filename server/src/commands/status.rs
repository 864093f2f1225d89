//! `lis status`.

use std::process::ExitCode;

use crate::{config::Config, error::{Result, ServerError}};

pub(crate) async fn run(_config: Config) -> Result<ExitCode> {
    Err(ServerError::not_supported("lis status"))
}

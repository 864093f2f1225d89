//! `lis load`.

use std::process::ExitCode;

use crate::{cli::LoadArguments, config::Config, error::{Result, ServerError}};

pub(crate) async fn run(_config: Config, _arguments: LoadArguments) -> Result<ExitCode> {
    Err(ServerError::not_supported("lis load"))
}

//! `lis demo`.

use std::process::ExitCode;

use crate::{cli::DemoArguments, config::Config, error::{Result, ServerError}};

pub(crate) async fn run(_config: Config, _arguments: DemoArguments) -> Result<ExitCode> {
    Err(ServerError::not_supported("lis demo"))
}

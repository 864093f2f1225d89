//! `lis batch`.

use std::process::ExitCode;

use crate::{config::Config, error::{Result, ServerError}};

pub(crate) async fn list(_config: Config) -> Result<ExitCode> {
    Err(ServerError::not_supported("lis batch"))
}

pub(crate) async fn show(_config: Config, _batch: i64) -> Result<ExitCode> {
    Err(ServerError::not_supported("lis batch"))
}

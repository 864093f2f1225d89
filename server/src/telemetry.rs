//! The log: `tracing` to standard error, as text or JSON. Fields carry ids, never SQL values or secrets. Levels say who
//! must act: error – somebody now; warn – somebody this week; info – what happened; debug – whoever looks into it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogFormat};

/// Starts the log. A filter that cannot be read is an error, not silence.
pub fn start(filter: &str, format: LogFormat) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        ConfigError::Value(format!("the log filter \"{filter}\" cannot be read: {error}"))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| ConfigError::Value(format!("the log cannot be started: {error}")))
}

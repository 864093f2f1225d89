//! The command line: a contract, since scripts depend on it. Here are its words; what they do is in `commands/`.

use std::{path::PathBuf, process::ExitCode};

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::{
    commands,
    config::{self, Config, ConfigError, DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_LOG_FILTER, LogFormat},
    error::ServerError,
    telemetry,
    wire::error::Report,
};

/// Threads that run statements, for each processor. A function over one long value holds its thread until it is done;
/// the statements of others then share the processors through the operating system.
const THREADS_PER_PROCESSOR: usize = 4;

/// LIS: a warehouse server that speaks PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "lis", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the fictional city Exempelstad, load it and serve it
    Demo(DemoArguments),
    /// Make a new warehouse; the administrator's password comes from LIS_ADMIN_PASSWORD, or is made and printed once
    Init {
        /// The warehouse's directory
        #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA)]
        data: PathBuf,
    },
    /// Serve a warehouse
    Serve {
        #[command(flatten)]
        place: Place,
        /// Where to listen
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
    },
    /// Load a source's deliveries
    Load(LoadArguments),
    /// Back up a warehouse, also while it is served
    Backup {
        /// The directory of the backups
        directory: PathBuf,
        #[command(flatten)]
        place: Place,
        /// How many backups stay; older ones are removed
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        keep: Option<u16>,
    },
    /// Bring a backup back into an empty directory
    Restore {
        /// The directory of the backups
        directory: PathBuf,
        /// The new warehouse's directory: empty, or not there yet
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Which backup, as in DIR/backups [default: the newest]
        #[arg(long, value_name = "NAME")]
        backup: Option<String>,
    },
    /// Is it up, what runs, what came in last
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Look at batches, release, drop and undo them
    Batch {
        #[command(subcommand)]
        command: BatchCommand,
    },
    /// Check a configuration file
    CheckConfig {
        /// The file
        file: PathBuf,
    },
}

/// Which warehouse.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The warehouse's directory [default: ./lis-data]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// A configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    fn config(&self, listen: Option<&str>) -> Result<Config, ConfigError> {
        match &self.config {
            Some(file) => Config::read(file, listen),
            None => Config::of_directory(self.data.as_deref().unwrap_or(DEFAULT_DATA.as_ref()), listen),
        }
    }
}

/// `lis demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The warehouse's directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA)]
    pub(crate) data: PathBuf,
    /// How large: 1 is about a million ledger lines
    #[arg(long, value_name = "N", default_value_t = 0.1)]
    pub(crate) scale: f64,
    /// Another seed makes other amounts
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    pub(crate) listen: String,
    /// Make and load the city, and stop there
    #[arg(long)]
    pub(crate) no_serve: bool,
}

/// `lis load`
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// The source's name: DIR/sources.d/SOURCE.toml
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The business date, where the files' names do not say it
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<NaiveDate>,
    /// Read and check everything, publish nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A delivery whose key is published already takes the place of what was delivered then
    #[arg(long)]
    pub(crate) correction: bool,
    /// The files; without any, those that the source finds
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    /// The last batches, newest first
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Take a batch out of all its tables
    Undo {
        /// The batch's number
        batch: i64,
        #[command(flatten)]
        place: Place,
    },
    /// One batch with its tables
    Show {
        /// The batch's number
        batch: i64,
        #[command(flatten)]
        place: Place,
    },
}

/// Runs a command. The error is what the user reads.
pub fn run(cli: Cli) -> Result<ExitCode, String> {
    let config =
        match &cli.command {
            Command::Demo(arguments) => Config::of_directory(&arguments.data, Some(&arguments.listen)),
            Command::Init { data } | Command::Restore { data, .. } => Config::of_directory(data, None),
            Command::Serve { place, listen } => place.config(listen.as_deref()),
            Command::Load(LoadArguments { place, .. })
            | Command::Backup { place, .. }
            | Command::Status { place }
            | Command::Batch {
                command:
                    BatchCommand::List { place }
                    | BatchCommand::Show { place, .. }
                    | BatchCommand::Undo { place, .. },
            } => place.config(None),
            Command::CheckConfig { file } => Config::read(file, None),
        }
        .map_err(|error| error.to_string())?;
    start_log(&cli.command, &config).map_err(|error| error.to_string())?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("query")
        .worker_threads(processors * THREADS_PER_PROCESSOR)
        .thread_stack_size(commands::STACK_BYTES)
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(async {
        // The work runs on the runtime's own threads, which have the large stack.
        let work = tokio::spawn(dispatch(cli.command, config));
        match work.await {
            Ok(done) => done,
            Err(error) => Err(ServerError::Panicked(error.to_string())),
        }
    });
    // Whatever still runs has had its time.
    runtime.shutdown_background();
    done.map_err(|error| describe(&error))
}

fn start_log(command: &Command, config: &Config) -> Result<(), ConfigError> {
    // A command that prints what it does needs no log beside it, unless asked for.
    let quiet = !matches!(command, Command::Serve { .. });
    let filter = match config::log_filter() {
        None if quiet && config.log_filter == DEFAULT_LOG_FILTER => "warn",
        _ => &config.log_filter,
    };
    telemetry::start(filter, if quiet { LogFormat::Text } else { config.log_format })
}

async fn dispatch(command: Command, config: Config) -> Result<ExitCode, ServerError> {
    match command {
        Command::Demo(arguments) => commands::demo::run(config, arguments).await,
        Command::Init { .. } => commands::init::run(&config).await,
        Command::Serve { .. } => commands::serve::run(config).await,
        Command::Load(arguments) => commands::load::run(config, arguments).await,
        Command::Backup { directory, keep, .. } => {
            commands::backup::backup(&config, &directory, keep.map(usize::from)).await
        }
        Command::Restore { directory, data, backup } => {
            commands::backup::restore(directory, backup, data).await
        }
        Command::Status { .. } => commands::status::run(config).await,
        Command::Batch { command: BatchCommand::List { .. } } => commands::batch::list(config).await,
        Command::Batch { command: BatchCommand::Show { batch, .. } } => {
            commands::batch::show(config, batch).await
        }
        Command::Batch { command: BatchCommand::Undo { batch, .. } } => {
            commands::batch::undo(config, batch).await
        }
        Command::CheckConfig { file } => commands::print(&format!("{}: fine", file.display())),
    }
}

/// An error as somebody at a terminal reads it: what, and what to do.
fn describe(error: &ServerError) -> String {
    let report = Report::from(error);
    let mut text = report.message;
    for more in [report.detail, report.hint].into_iter().flatten() {
        text.push_str("\n     ");
        text.push_str(&more);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        for words in [
            &["lis", "demo", "--scale", "0.01", "--seed", "3", "--listen", "127.0.0.1:0", "--no-serve"][..],
            &["lis", "init", "--data", "x"],
            &["lis", "serve", "--config", "lis.toml", "--listen", "0.0.0.0:5433"],
            &["lis", "load", "agresso", "--data", "x", "--date", "2025-01-31", "--dry-run", "a.txt", "b.txt"],
            &["lis", "backup", "x", "--data", "y", "--keep", "14"],
            &["lis", "restore", "x", "--data", "y", "--backup", "z"],
            &["lis", "status"],
            &["lis", "load", "agresso", "--correction"],
            &["lis", "batch", "show", "7"],
            &["lis", "batch", "undo", "7"],
            &["lis", "check-config", "lis.toml"],
        ] {
            assert!(Cli::try_parse_from(words).is_ok(), "{words:?}");
        }
        assert!(Cli::try_parse_from(["lis", "serve", "--data", "x", "--config", "y"]).is_err());
        assert!(Cli::try_parse_from(["lis", "restore", "x"]).is_err());
        assert!(Cli::try_parse_from(["lis", "backup", "x", "--keep", "0"]).is_err());
    }
}

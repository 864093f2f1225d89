//! Configuration: a raw file, then a checked [`Config`] that everything else sees. An unknown key is refused with its
//! line. This file is the only one that reads the environment.
//!
//! `docker/lis.toml` is the documented example; a test parses it.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use croner::Cron;
use secrecy::SecretString;
use serde::Deserialize;

/// Where a server listens unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:5433";
/// Where a warehouse is unless told otherwise.
pub const DEFAULT_DATA: &str = "./lis-data";

const MEBIBYTE: u64 = 1024 * 1024;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A value from the command line or the environment.
    #[error("{0}")]
    Value(String),
}

/// The file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConfig {
    data: Option<PathBuf>,
    listen: Option<String>,
    tls: RawTls,
    limits: RawLimits,
    timeouts: RawTimeouts,
    maintenance: RawMaintenance,
    log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    required: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    connections: Option<usize>,
    message_mebibytes: Option<u64>,
    memory_mebibytes: Option<u64>,
    spill_mebibytes: Option<u64>,
    temporary_mebibytes: Option<u64>,
    prepared_statements: Option<usize>,
    portals: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTimeouts {
    authentication_seconds: Option<u64>,
    shutdown_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawMaintenance {
    schedule: Option<String>,
    window_minutes: Option<u64>,
    expire_after_days: Option<u64>,
    undoable_days: Option<u64>,
    grace_hours: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    filter: Option<String>,
    format: Option<LogFormat>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Temporary tables of one session, unless the configuration says otherwise.
const TEMPORARY_MEBIBYTES_DEFAULT: u64 = 4096;

/// The limits of a server. Everything that can grow has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections: usize,
    /// Bytes of one message of a client.
    pub message_bytes: usize,
    /// Bytes that all statements together may hold before they spill.
    pub memory_bytes: usize,
    /// Bytes of temporary files of all statements together.
    pub spill_bytes: u64,
    /// Bytes of the temporary tables of one session.
    pub temporary_bytes: u64,
    /// Prepared statements of one session.
    pub prepared_statements: usize,
    /// Portals and cursors of one session.
    pub portals: usize,
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From the connection to the end of authentication.
    pub authentication: Duration,
    /// From SIGTERM until statements that still run are cancelled.
    pub shutdown: Duration,
}

/// When maintenance runs, as `cron` writes it.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: Box<Cron>,
}

impl Schedule {
    fn parse(text: &str) -> Result<Self, String> {
        let cron = text.parse().map_err(|error| {
            format!("maintenance.schedule = \"{text}\" is not a time as cron writes it, as in \"{DEFAULT_SCHEDULE}\": {error}")
        })?;
        Ok(Self { text: text.to_owned(), cron: Box::new(cron) })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it comes.
    pub fn cron(&self) -> &Cron {
        &self.cron
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

/// Keeping the warehouse in shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// When; `None` is never.
    pub schedule: Option<Schedule>,
    /// How long after its beginning a new step may begin.
    pub window: Duration,
    /// Snapshots that have not been the newest for longer are forgotten.
    pub expire_after: Duration,
    /// How long a batch that replaced rows can be undone.
    pub undoable: Duration,
    /// How long a file that nothing needs any more stays on disk.
    pub grace: Duration,
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The warehouse's directory.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate that clients see; made by `lis init`.
    pub tls_certificate: PathBuf,
    /// Its private key.
    pub tls_key: PathBuf,
    /// Whether a connection without TLS is refused.
    pub tls_required: bool,
    /// Limits.
    pub limits: Limits,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Maintenance.
    pub maintenance: Maintenance,
    /// What is logged, in `tracing`'s filter language.
    pub log_filter: String,
    /// How.
    pub log_format: LogFormat,
}

impl Config {
    /// The configuration of a single machine: a directory and the defaults.
    pub fn of_directory(data: &Path, listen: Option<&str>) -> Result<Self, ConfigError> {
        check(RawConfig { data: Some(data.to_owned()), ..RawConfig::default() }, listen)
            .map_err(ConfigError::Value)
    }

    /// Reads and checks a file. Paths in it are relative to the file's directory.
    pub fn read(path: &Path, listen: Option<&str>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let invalid = |message: String| ConfigError::Invalid { path: path.to_owned(), message };
        let mut raw: RawConfig =
            toml::from_str(&text).map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        for relative in [&mut raw.data, &mut raw.tls.certificate, &mut raw.tls.key].into_iter().flatten() {
            *relative = base.join(&*relative);
        }
        check(raw, listen).map_err(invalid)
    }
}

/// Parses `HOST:PORT`; names are looked up.
fn parse_listen(listen: &str) -> Result<SocketAddr, String> {
    use std::net::ToSocketAddrs;
    listen.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| {
        format!("\"{listen}\" is not an address to listen on; write HOST:PORT, as in {DEFAULT_LISTEN}")
    })
}

fn at_least<T: PartialOrd + std::fmt::Display>(name: &str, value: T, least: T) -> Result<T, String> {
    if value < least {
        Err(format!("{name} = {value} is too small; the least is {least}"))
    } else {
        Ok(value)
    }
}

fn bytes(name: &str, mebibytes: u64) -> Result<u64, String> {
    mebibytes.checked_mul(MEBIBYTE).ok_or_else(|| format!("{name} = {mebibytes} is too large"))
}

fn check(raw: RawConfig, listen: Option<&str>) -> Result<Config, String> {
    let data = raw.data.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
    let listen = parse_listen(listen.or(raw.listen.as_deref()).unwrap_or(DEFAULT_LISTEN))?;
    if raw.tls.certificate.is_some() != raw.tls.key.is_some() {
        return Err("tls.certificate and tls.key belong together: give both or neither".to_owned());
    }
    let message_mebibytes =
        at_least("limits.message_mebibytes", raw.limits.message_mebibytes.unwrap_or(64), 1)?;
    if message_mebibytes > 1023 {
        return Err("limits.message_mebibytes can be at most 1023".to_owned());
    }
    let memory_mebibytes = match raw.limits.memory_mebibytes {
        Some(mebibytes) => at_least("limits.memory_mebibytes", mebibytes, 64)?,
        None => default_memory_mebibytes(),
    };
    let to_usize = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(Config {
        listen,
        tls_certificate: raw.tls.certificate.unwrap_or_else(|| data.join("server.crt")),
        tls_key: raw.tls.key.unwrap_or_else(|| data.join("server.key")),
        tls_required: raw.tls.required.unwrap_or(false),
        limits: Limits {
            connections: at_least("limits.connections", raw.limits.connections.unwrap_or(200), 1)?,
            message_bytes: to_usize(bytes("limits.message_mebibytes", message_mebibytes)?),
            memory_bytes: to_usize(bytes("limits.memory_mebibytes", memory_mebibytes)?),
            spill_bytes: bytes("limits.spill_mebibytes", raw.limits.spill_mebibytes.unwrap_or(100 * 1024))?,
            temporary_bytes: at_least(
                "limits.temporary_mebibytes",
                raw.limits.temporary_mebibytes.unwrap_or(TEMPORARY_MEBIBYTES_DEFAULT),
                1,
            )?
            .saturating_mul(1 << 20),
            prepared_statements: at_least(
                "limits.prepared_statements",
                raw.limits.prepared_statements.unwrap_or(2000),
                1,
            )?,
            portals: at_least("limits.portals", raw.limits.portals.unwrap_or(200), 1)?,
        },
        timeouts: Timeouts {
            authentication: Duration::from_secs(at_least(
                "timeouts.authentication_seconds",
                raw.timeouts.authentication_seconds.unwrap_or(60),
                1,
            )?),
            shutdown: Duration::from_secs(raw.timeouts.shutdown_seconds.unwrap_or(10)),
        },
        maintenance: maintenance(&raw.maintenance)?,
        log_filter: log_filter().or(raw.log.filter).unwrap_or_else(|| DEFAULT_LOG_FILTER.to_owned()),
        log_format: raw.log.format.unwrap_or_default(),
        data,
    })
}

/// When maintenance runs unless told otherwise: after the night's loads, before people come.
pub const DEFAULT_SCHEDULE: &str = "30 5 * * *";

fn maintenance(raw: &RawMaintenance) -> Result<Maintenance, String> {
    const HOUR_SECONDS: u64 = 3600;
    let seconds = |name: &str, value: u64, unit: u64| {
        let seconds = value.checked_mul(unit).ok_or_else(|| format!("{name} = {value} is too large"))?;
        Ok::<_, String>(Duration::from_secs(seconds))
    };
    let schedule = raw.schedule.as_deref().unwrap_or(DEFAULT_SCHEDULE);
    let grace_hours = at_least("maintenance.grace_hours", raw.grace_hours.unwrap_or(24), 1)?;
    Ok(Maintenance {
        schedule: if schedule.is_empty() { None } else { Some(Schedule::parse(schedule)?) },
        window: seconds(
            "maintenance.window_minutes",
            at_least("maintenance.window_minutes", raw.window_minutes.unwrap_or(90), 1)?,
            60,
        )?,
        expire_after: seconds(
            "maintenance.expire_after_days",
            raw.expire_after_days.unwrap_or(30),
            24 * HOUR_SECONDS,
        )?,
        undoable: seconds("maintenance.undoable_days", raw.undoable_days.unwrap_or(90), 24 * HOUR_SECONDS)?,
        grace: seconds("maintenance.grace_hours", grace_hours, HOUR_SECONDS)?,
    })
}

/// What is logged unless told otherwise.
pub const DEFAULT_LOG_FILTER: &str = "warn,lis_server=info";

/// Half of the machine's memory, or 1 GiB where that cannot be known.
fn default_memory_mebibytes() -> u64 {
    std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(1024, |kibibytes| (kibibytes / 1024 / 2).max(256))
}

/// `LIS_LOG`: the log's filter.
pub fn log_filter() -> Option<String> {
    env::var("LIS_LOG").ok().filter(|value| !value.is_empty())
}

/// `LIS_ADMIN_PASSWORD`: the password of `lis_admin` for `lis init`.
pub fn administrator_password() -> Result<Option<SecretString>, ConfigError> {
    match env::var("LIS_ADMIN_PASSWORD") {
        Ok(password) if password.is_empty() => Err(ConfigError::Value(
            "LIS_ADMIN_PASSWORD is empty; give a password, or unset it to have one made".to_owned(),
        )),
        Ok(password) => Ok(Some(password.into())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(ConfigError::Value("LIS_ADMIN_PASSWORD is not valid UTF-8".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lis.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path, None)
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse("[limits]\nconections = 5\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("conections"), "{error}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (text, part) in [
            ("listen = \"nowhere\"", "HOST:PORT"),
            ("[limits]\nconnections = 0", "limits.connections = 0"),
            ("[limits]\nmessage_mebibytes = 5000", "at most 1023"),
            ("[tls]\nkey = \"x\"", "belong together"),
            ("[maintenance]\nschedule = \"at night\"", "maintenance.schedule"),
            ("[maintenance]\ngrace_hours = 0", "maintenance.grace_hours"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_documented_example_is_read() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/lis.toml");
        let config = Config::read(&example, None).unwrap();
        assert!(config.tls_required);
    }

    #[test]
    fn maintenance_has_a_time_unless_it_is_turned_off() {
        assert_eq!(parse("").unwrap().maintenance.schedule.unwrap().text(), DEFAULT_SCHEDULE);
        assert_eq!(parse("[maintenance]\nschedule = \"\"").unwrap().maintenance.schedule, None);
        let often = parse("[maintenance]\nschedule = \"*/5 * * * *\"\nwindow_minutes = 2").unwrap();
        assert_eq!(often.maintenance.window, Duration::from_secs(120));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = parse("data = \"warehouse\"").unwrap();
        assert!(config.data.is_absolute() && config.data.ends_with("warehouse"));
        assert_eq!(config.tls_certificate, config.data.join("server.crt"));
    }
}

//! Every setting that a client can name, as a table: its type, its built-in value, and what `pg_settings` says of it. What
//! LIS does not do is not here (42704), or takes only the values that are true of it ([`Kind::OnlyBool`],
//! [`Kind::Choice`]).

use std::sync::LazyLock;

use super::{
    quantities::{Unit, general, parse_real, parse_whole},
    tuning::TUNING,
};
use crate::error::{Condition, Result, ServerError};

/// The version of PostgreSQL whose behaviour is the reference, as clients read it.
const SERVER_VERSION: &str = "15.18";
const SERVER_VERSION_NUM: &str = "150018";

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Set by the server; a client can only read it.
    Preset,
    Bool,
    /// A boolean of which only this value is done.
    OnlyBool(bool),
    /// A whole number between two bounds, written with a unit or without; of milliseconds 0 is none.
    Quantity(Unit, i32, i32),
    /// A number with a fraction between two bounds, likewise.
    Real(Unit, f64, f64),
    /// One of these. Those after the first list are PostgreSQL's and refused.
    Choice(&'static [&'static str], &'static [&'static str]),
    /// Any text, of which the printable characters of ASCII are kept.
    Ascii,
    /// A point in time, which is judged when it is used.
    AsOf,
    DateStyle,
    TimeZone,
    Encoding,
    SearchPath,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The name as PostgreSQL writes it (`DateStyle`).
    pub(crate) name: &'static str,
    /// What values it takes.
    pub(super) kind: Kind,
    /// The built-in value.
    pub(crate) default: &'static str,
    /// Whether a change is told to the client by ParameterStatus.
    pub(super) report: bool,
    /// `pg_settings.short_desc`.
    pub(crate) description: &'static str,
}

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    report: bool,
    description: &'static str,
) -> Definition {
    Definition { name, kind, default, report, description }
}

/// The levels of messages, the least first.
pub(super) const LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];
const ISOLATION: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];
const MILLISECONDS: Kind = Kind::Quantity(Unit::Milliseconds, 0, i32::MAX);

/// Every setting, in the order of `SHOW ALL`.
pub(crate) static DEFINITIONS: LazyLock<Vec<&'static Definition>> = LazyLock::new(|| {
    let mut all: Vec<_> = OBEYED.iter().chain(TUNING).collect();
    all.sort_by_key(|definition| definition.name.to_ascii_lowercase());
    all
});

/// The settings that mean something here.
static OBEYED: &[Definition] = &[
    row(
        "application_name",
        Kind::Ascii,
        "",
        true,
        "Sets the application name to be reported in statistics and logs.",
    ),
    row("block_size", Kind::Preset, "8192", false, "Shows the size of a disk block."),
    row(
        "bytea_output",
        Kind::Choice(&["escape", "hex"], &[]),
        "hex",
        false,
        "Sets the output format for bytea.",
    ),
    row("client_encoding", Kind::Encoding, "UTF8", true, "Sets the client's character set encoding."),
    row(
        "client_min_messages",
        Kind::Choice(LEVELS, &[]),
        "notice",
        false,
        "Sets the message levels that are sent to the client.",
    ),
    row("DateStyle", Kind::DateStyle, "ISO, MDY", true, "Sets the display format for date and time values."),
    row(
        "default_transaction_deferrable",
        Kind::OnlyBool(false),
        "off",
        false,
        "Sets the default deferrable status of new transactions.",
    ),
    row(
        "default_transaction_isolation",
        Kind::Choice(ISOLATION, &[]),
        "read committed",
        false,
        "Sets the transaction isolation level of each new transaction.",
    ),
    row(
        "default_transaction_read_only",
        Kind::Bool,
        "off",
        true,
        "Sets the default read-only status of new transactions.",
    ),
    row(
        "extra_float_digits",
        Kind::Quantity(Unit::Plain, -15, 3),
        "1",
        false,
        "Sets the number of digits displayed for floating-point values.",
    ),
    row(
        "idle_in_transaction_session_timeout",
        MILLISECONDS,
        "0",
        false,
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    row(
        "idle_session_timeout",
        MILLISECONDS,
        "0",
        false,
        "Sets the maximum allowed idle time between queries, when not in a transaction.",
    ),
    row("in_hot_standby", Kind::Preset, "off", true, "Shows whether hot standby is currently active."),
    row("integer_datetimes", Kind::Preset, "on", true, "Shows whether datetimes are integer based."),
    row(
        "IntervalStyle",
        Kind::Choice(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"], &[]),
        "postgres",
        true,
        "Sets the display format for interval values.",
    ),
    row("is_superuser", Kind::Preset, "off", true, "Shows whether the current user is a superuser."),
    row("lc_collate", Kind::Preset, "C", false, "Shows the collation order locale."),
    row(
        "lc_ctype",
        Kind::Preset,
        "C.UTF-8",
        false,
        "Shows the character classification and case conversion locale.",
    ),
    row(
        "lc_messages",
        Kind::Choice(&["C"], &[]),
        "C",
        false,
        "Sets the language in which messages are displayed.",
    ),
    row(
        "lc_monetary",
        Kind::Choice(&["C"], &[]),
        "C",
        false,
        "Sets the locale for formatting monetary amounts.",
    ),
    row("lc_numeric", Kind::Choice(&["C"], &[]), "C", false, "Sets the locale for formatting numbers."),
    row(
        "lc_time",
        Kind::Choice(&["C"], &[]),
        "C",
        false,
        "Sets the locale for formatting date and time values.",
    ),
    row(
        "lis.as_of",
        Kind::AsOf,
        "",
        false,
        "Sets the point in time whose rows are read: a snapshot's number or name, a time, or night.",
    ),
    row(
        "lock_timeout",
        MILLISECONDS,
        "0",
        false,
        "Sets the maximum allowed duration of any wait for a lock.",
    ),
    row("max_connections", Kind::Preset, "200", false, "Sets the maximum number of concurrent connections."),
    row("max_identifier_length", Kind::Preset, "63", false, "Shows the maximum identifier length."),
    row("max_index_keys", Kind::Preset, "32", false, "Shows the maximum number of index keys."),
    row("port", Kind::Preset, "5433", false, "Sets the TCP port the server listens on."),
    row("row_security", Kind::Bool, "on", false, "Enables row security."),
    row(
        "search_path",
        Kind::SearchPath,
        "\"$user\", public",
        true,
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    row("server_encoding", Kind::Preset, "UTF8", true, "Shows the server (database) character set encoding."),
    row("server_version", Kind::Preset, SERVER_VERSION, true, "Shows the server version."),
    row(
        "server_version_num",
        Kind::Preset,
        SERVER_VERSION_NUM,
        false,
        "Shows the server version as an integer.",
    ),
    row("ssl", Kind::Preset, "on", false, "Enables SSL connections."),
    row(
        "standard_conforming_strings",
        Kind::OnlyBool(true),
        "on",
        true,
        "Causes '...' strings to treat backslashes literally.",
    ),
    row("statement_timeout", MILLISECONDS, "0", false, "Sets the maximum allowed duration of any statement."),
    row(
        "superuser_reserved_connections",
        Kind::Preset,
        "3",
        false,
        "Sets the number of connection slots reserved for superusers.",
    ),
    row(
        "synchronous_commit",
        Kind::Choice(&["on"], &["off", "local", "remote_write", "remote_apply"]),
        "on",
        false,
        "Sets the current transaction's synchronization level.",
    ),
    row(
        "TimeZone",
        Kind::TimeZone,
        "Europe/Stockholm",
        true,
        "Sets the time zone for displaying and interpreting time stamps.",
    ),
    row(
        "transaction_deferrable",
        Kind::OnlyBool(false),
        "off",
        false,
        "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures.",
    ),
    row(
        "transaction_isolation",
        Kind::Choice(ISOLATION, &[]),
        "read committed",
        false,
        "Sets the current transaction's isolation level.",
    ),
    row(
        "transaction_read_only",
        Kind::Bool,
        "off",
        false,
        "Sets the current transaction's read-only status.",
    ),
];

impl Definition {
    /// Whether a client can only read it.
    pub(crate) fn is_preset(&self) -> bool {
        matches!(self.kind, Kind::Preset)
    }

    /// A value in the unit in which `pg_settings` tells it, and that unit, if it has one.
    pub(crate) fn in_unit(&self, value: &str) -> (String, Option<&'static str>) {
        let (number, unit) = match self.kind {
            Kind::Quantity(unit, least, most) => {
                (parse_whole(self.name, unit, (least, most), value).map(|it| it.to_string()), unit.name())
            }
            Kind::Real(unit, least, most) => {
                (parse_real(self.name, unit, (least, most), value).map(general), unit.name())
            }
            _ => return (value.to_owned(), None),
        };
        (number.unwrap_or_else(|_| value.to_owned()), unit)
    }

    /// `pg_settings.vartype`.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Bool | Kind::OnlyBool(_) => "bool",
            Kind::Quantity(..) => "integer",
            Kind::Real(..) => "real",
            Kind::Choice(..) => "enum",
            Kind::Preset
            | Kind::Ascii
            | Kind::AsOf
            | Kind::DateStyle
            | Kind::TimeZone
            | Kind::Encoding
            | Kind::SearchPath => "string",
        }
    }

    /// `pg_settings.min_val` and `max_val`.
    pub(crate) fn bounds(&self) -> Option<(String, String)> {
        match self.kind {
            Kind::Quantity(_, least, most) => Some((least.to_string(), most.to_string())),
            Kind::Real(_, least, most) => Some((general(least), general(most))),
            _ => None,
        }
    }

    /// `pg_settings.enumvals`: those that are done.
    pub(crate) fn choices(&self) -> Option<&'static [&'static str]> {
        match self.kind {
            Kind::Choice(done, _) => Some(done),
            _ => None,
        }
    }
}

/// The definition of a setting, by its name in any case.
pub(crate) fn definition(name: &str) -> Result<&'static Definition> {
    let found = OBEYED.iter().chain(TUNING).find(|definition| definition.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        ServerError::new(
            Condition::UndefinedObject,
            format!("unrecognized configuration parameter \"{name}\""),
        )
    })
}

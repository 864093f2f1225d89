//! A session's settings. Every one that a client can name is typed, and either obeyed or refused: 22023 for a value that
//! makes no sense, 0A000 for one that PostgreSQL has and LIS does not do, 42704 for a name that nobody knows. Nothing is
//! answered "SET" to please a client.
//!
//! Layers, the later over the earlier: built in, the role's, the start-up packet's (together what RESET goes back to),
//! SET, SET LOCAL. A transaction that rolls back, or a savepoint, takes the last two back with it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono_tz::TZ_VARIANTS;
use lis_functions::calendar;
use lis_lake::time_travel::SNAPSHOT_NAME_CHARACTERS_MAX;

use super::encoding::ClientEncoding;
use crate::error::{Condition, Result, ServerError};

/// The version of PostgreSQL whose behaviour is the reference, as clients read it.
pub(crate) const SERVER_VERSION: &str = "15.18";
const SERVER_VERSION_NUM: &str = "150018";

/// The longest value of a setting.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// Settings that only a client knows, of one session.
const CUSTOM_MAX: usize = 200;
/// And what their names and values may take together.
const CUSTOM_BYTES_MAX: usize = 64 * 1024;

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Set by the server; a client can only read it.
    Preset,
    Bool,
    /// A boolean of which only this value is done.
    OnlyBool(bool),
    /// A whole number between two bounds.
    Integer(i32, i32),
    /// Milliseconds, written with a unit or without; 0 is none.
    Milliseconds,
    /// One of these. Those after the first list are PostgreSQL's and refused.
    Choice(&'static [&'static str], &'static [&'static str]),
    /// Any text.
    Text,
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
    kind: Kind,
    /// The built-in value.
    pub(crate) default: &'static str,
    /// Whether a change is told to the client by ParameterStatus.
    report: bool,
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

const LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];
const ISOLATION: &[&str] = &["serializable", "read committed", "repeatable read", "read uncommitted"];

/// Every setting, in the order of `SHOW ALL`.
pub(crate) static DEFINITIONS: &[Definition] = &[
    row(
        "application_name",
        Kind::Text,
        "",
        true,
        "Sets the application name to be reported in statistics and logs.",
    ),
    row("block_size", Kind::Preset, "8192", false, "Shows the size of a disk block."),
    row(
        "bytea_output",
        Kind::Choice(&["hex", "escape"], &[]),
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
        Kind::Integer(-15, 3),
        "1",
        false,
        "Sets the number of digits displayed for floating-point values.",
    ),
    row(
        "idle_in_transaction_session_timeout",
        Kind::Milliseconds,
        "0",
        false,
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    row(
        "idle_session_timeout",
        Kind::Milliseconds,
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
        Kind::Milliseconds,
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
    row(
        "statement_timeout",
        Kind::Milliseconds,
        "0",
        false,
        "Sets the maximum allowed duration of any statement.",
    ),
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

/// The definition of a setting, by its name in any case.
pub(crate) fn definition(name: &str) -> Result<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        ServerError::new(
            Condition::UndefinedObject,
            format!("unrecognized configuration parameter \"{name}\""),
        )
    })
}

/// A value as a setting would have it, or why it cannot; `before` are all settings by lower-case name, and `asked` those
/// that the same statement has asked for.
pub(crate) fn normalised<'a>(
    name: &str,
    value: &str,
    before: &'a BTreeMap<String, String>,
    asked: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String> {
    if is_custom(name) {
        let before = before.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        check_room(name, value, before.chain(asked))?;
        return Ok(value.to_owned());
    }
    let definition = definition(name)?;
    let before = before.get(&definition.name.to_ascii_lowercase()).map_or("", String::as_str);
    definition.normalise(value, before)
}

fn invalid(name: &str, value: &str) -> ServerError {
    ServerError::new(
        Condition::InvalidParameterValue,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
}

fn check_length(name: &str, value: &str) -> Result<()> {
    if name.len() + value.len() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    let name: String = name.chars().take(63).collect();
    Err(ServerError::new(
        Condition::InvalidParameterValue,
        format!("value for parameter \"{name}\" is longer than {VALUE_BYTES_MAX} bytes"),
    ))
}

/// Whether a session that has these parameters can have one more of its own. Every savepoint can hold them all once more,
/// and every statement reads them, so they are few and short. A name that comes several times counts once, with its last
/// value.
fn check_room<'a>(
    name: &str,
    value: &str,
    known: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    let others: BTreeMap<&str, usize> = known
        .into_iter()
        .filter(|(known, _)| is_custom(known) && !known.eq_ignore_ascii_case(name))
        .map(|(known, value)| (known, known.len() + value.len()))
        .collect();
    check_length(name, value)?;
    let refused = |what| Err(ServerError::new(Condition::ProgramLimitExceeded, what));
    if others.len() >= CUSTOM_MAX {
        return refused(format!("a session can have at most {CUSTOM_MAX} parameters of its own"));
    }
    if others.values().sum::<usize>() + name.len() + value.len() > CUSTOM_BYTES_MAX {
        return refused(format!("a session's own parameters can take at most {CUSTOM_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn refused(name: &str, value: &str) -> ServerError {
    ServerError::not_supported(format!("setting \"{name}\" to \"{value}\" is not supported"))
}

/// PostgreSQL's `parse_bool`: any unambiguous prefix.
fn parse_bool(value: &str) -> Option<bool> {
    let value = value.trim().to_ascii_lowercase();
    let prefix = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    if prefix("true", 1) || prefix("yes", 1) || value == "on" || value == "1" {
        Some(true)
    } else if prefix("false", 1) || prefix("no", 1) || prefix("off", 2) || value == "0" {
        Some(false)
    } else {
        None
    }
}

fn bool_name(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// Milliseconds from a number with one of PostgreSQL's units.
fn parse_milliseconds(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits =
        value.find(|character: char| !character.is_ascii_digit() && character != '-').unwrap_or(value.len());
    let number: i64 = value[..digits].parse().ok()?;
    let factor = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor).filter(|it| (0..=i64::from(i32::MAX)).contains(it))
}

/// Milliseconds as SHOW writes them: the largest unit that divides them.
fn show_milliseconds(milliseconds: i64) -> String {
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)] {
        if milliseconds != 0 && milliseconds % factor == 0 {
            return format!("{}{unit}", milliseconds / factor);
        }
    }
    if milliseconds == 0 { "0".to_owned() } else { format!("{milliseconds}ms") }
}

/// The layout and the order of `DateStyle`: either may be given alone, and then the other stays as it was.
fn date_style(value: &str, before: &str) -> Result<String> {
    let (mut layout, mut order) = before.split_once(", ").unwrap_or(("ISO", "MDY"));
    let (mut layout_given, mut order_given) = (None, None);
    for word in value.split(',').map(|word| word.trim().to_ascii_uppercase()) {
        let (new_layout, new_order) = match word.as_str() {
            "ISO" => (Some("ISO"), None),
            "SQL" => (Some("SQL"), None),
            "POSTGRES" => (Some("Postgres"), None),
            // German dates are written day first; reading them so too is what it is for.
            "GERMAN" => (Some("German"), None),
            "YMD" => (None, Some("YMD")),
            "DMY" | "EURO" | "EUROPEAN" => (None, Some("DMY")),
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => (None, Some("MDY")),
            "DEFAULT" => (Some("ISO"), Some("MDY")),
            _ => return Err(invalid("DateStyle", value)),
        };
        let conflict =
            |given: Option<&str>, new: Option<&str>| given.is_some() && new.is_some() && given != new;
        if conflict(layout_given, new_layout) || conflict(order_given, new_order) {
            return Err(invalid("DateStyle", value));
        }
        layout_given = new_layout.or(layout_given);
        order_given = new_order.or(order_given);
    }
    if layout_given == Some("German") && order_given.is_none() {
        order = "DMY";
    }
    layout = layout_given.unwrap_or(layout);
    order = order_given.unwrap_or(order);
    Ok(format!("{layout}, {order}"))
}

fn time_zone(value: &str) -> Result<String> {
    let wanted = value.trim();
    if wanted.eq_ignore_ascii_case("utc") || wanted.eq_ignore_ascii_case("gmt") || wanted == "0" {
        return Ok(if wanted == "0" { "UTC".to_owned() } else { wanted.to_ascii_uppercase() });
    }
    if wanted.eq_ignore_ascii_case("default") || wanted.eq_ignore_ascii_case("local") {
        return Ok("Europe/Stockholm".to_owned());
    }
    // A number is hours east of Greenwich; PostgreSQL names such a zone as POSIX does.
    if let Ok(hours) = wanted.parse::<f64>() {
        return fixed_zone(hours).ok_or_else(|| refused("TimeZone", value));
    }
    if wanted.starts_with('<') && calendar::zone_by_name(wanted).is_some() {
        return Ok(wanted.to_owned());
    }
    TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(wanted))
        .map(|zone| zone.name().to_owned())
        .ok_or_else(|| invalid("TimeZone", value))
}

/// `<+03>-03`: a zone of whole hours from Greenwich.
#[expect(clippy::cast_possible_truncation, reason = "a number of hours below 15")]
fn fixed_zone(hours: f64) -> Option<String> {
    if hours.fract() != 0.0 || !(-12.0..=14.0).contains(&hours) {
        return None;
    }
    let hours = hours as i32;
    let (sign, opposite) = if hours < 0 { ('-', '+') } else { ('+', '-') };
    let hours = hours.abs();
    Some(format!("<{sign}{hours:02}>{opposite}{hours:02}"))
}

/// Splits a list of identifiers: `"$user", public`.
fn identifier_list(value: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = value.trim();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let mut name = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut characters = quoted.char_indices().peekable();
            let mut end = None;
            while let Some((at, character)) = characters.next() {
                if character != '"' {
                    name.push(character);
                } else if characters.peek().is_some_and(|(_, next)| *next == '"') {
                    name.push('"');
                    characters.next();
                } else {
                    end = Some(at + 1);
                    break;
                }
            }
            rest = quoted[end?..].trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            name = rest[..end].trim().to_ascii_lowercase();
            if name.is_empty() || name.contains(char::is_whitespace) {
                return None;
            }
            rest = &rest[end..];
        }
        names.push(name);
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return rest.trim().is_empty().then_some(names),
        }
    }
}

impl Definition {
    /// Whether a client can only read it.
    pub(crate) fn is_preset(&self) -> bool {
        matches!(self.kind, Kind::Preset)
    }

    /// `pg_settings.vartype`.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Bool | Kind::OnlyBool(_) => "bool",
            Kind::Integer(..) | Kind::Milliseconds => "integer",
            Kind::Choice(..) => "enum",
            Kind::Preset
            | Kind::Text
            | Kind::AsOf
            | Kind::DateStyle
            | Kind::TimeZone
            | Kind::Encoding
            | Kind::SearchPath => "string",
        }
    }

    /// The value as it is stored and shown, or why it cannot be.
    fn normalise(&self, value: &str, before: &str) -> Result<String> {
        check_length(self.name, value)?;
        match self.kind {
            Kind::Preset => Err(ServerError::new(
                Condition::CantChangeRuntimeParam,
                format!("parameter \"{}\" cannot be changed", self.name),
            )),
            Kind::Bool | Kind::OnlyBool(_) => {
                let parsed = parse_bool(value).ok_or_else(|| {
                    ServerError::new(
                        Condition::InvalidParameterValue,
                        format!("parameter \"{}\" requires a Boolean value", self.name),
                    )
                })?;
                if let Kind::OnlyBool(only) = self.kind
                    && parsed != only
                {
                    return Err(refused(self.name, value));
                }
                Ok(bool_name(parsed).to_owned())
            }
            Kind::Integer(least, most) => {
                let number: i32 = value.trim().parse().map_err(|_| invalid(self.name, value))?;
                if !(least..=most).contains(&number) {
                    return Err(ServerError::new(
                        Condition::InvalidParameterValue,
                        format!(
                            "{number} is outside the valid range for parameter \"{}\" ({least} .. {most})",
                            self.name
                        ),
                    ));
                }
                Ok(number.to_string())
            }
            Kind::Milliseconds => {
                parse_milliseconds(value).map(show_milliseconds).ok_or_else(|| invalid(self.name, value))
            }
            Kind::Choice(done, known) => {
                let lower = value.trim().to_ascii_lowercase();
                if let Some(choice) = done.iter().find(|choice| choice.eq_ignore_ascii_case(&lower)) {
                    Ok((*choice).to_owned())
                } else if known.contains(&lower.as_str()) {
                    Err(refused(self.name, value))
                } else {
                    Err(invalid(self.name, value))
                }
            }
            Kind::Text => Ok(value.chars().map(|it| if it.is_ascii_control() { '?' } else { it }).collect()),
            Kind::AsOf => {
                let value = value.trim();
                let too_long = value.chars().count() > SNAPSHOT_NAME_CHARACTERS_MAX;
                if too_long || value.chars().any(char::is_control) {
                    return Err(invalid(self.name, value));
                }
                Ok(value.to_owned())
            }
            Kind::DateStyle => date_style(value, before),
            Kind::TimeZone => time_zone(value),
            Kind::Encoding => match ClientEncoding::by_name(value) {
                Some(encoding) => Ok(encoding.name().to_owned()),
                None => Err(invalid(self.name, value)),
            },
            Kind::SearchPath => match identifier_list(value) {
                Some(_) => Ok(value.trim().to_owned()),
                None => Err(ServerError::new(
                    Condition::InvalidParameterValue,
                    "invalid list syntax in parameter \"search_path\"",
                )),
            },
        }
    }
}

/// The values that a transaction or savepoint goes back to.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingsMark {
    session: Arc<BTreeMap<String, String>>,
    local: Arc<BTreeMap<String, String>>,
}

/// A session's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What RESET goes back to, where that is not the built-in value; by lower-case name.
    reset: BTreeMap<String, String>,
    /// What was SET, shared with the marks of savepoints until one of them changes.
    session: Arc<BTreeMap<String, String>>,
    /// What was SET LOCAL, likewise.
    local: Arc<BTreeMap<String, String>>,
    /// The values last told to the client.
    reported: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Settings with the presets of this server and session.
    pub(crate) fn new(presets: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let reset = presets.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self { reset, session: Arc::default(), local: Arc::default(), reported: BTreeMap::new() }
    }

    /// Sets the value that RESET goes back to: a role's, the start-up packet's.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) -> Result<()> {
        let value = self.checked(name, value)?;
        self.reset.insert(name.to_ascii_lowercase(), value);
        Ok(())
    }

    /// Changes what the server itself says (`is_superuser`).
    pub(crate) fn set_preset(&mut self, name: &'static str, value: String) {
        self.reset.insert(name.to_ascii_lowercase(), value);
    }

    fn checked(&self, name: &str, value: &str) -> Result<String> {
        if is_custom(name) {
            let layers = [&self.reset, &*self.session, &*self.local].into_iter().flatten();
            check_room(name, value, layers.map(|(name, value)| (name.as_str(), value.as_str())))?;
            return Ok(value.to_owned());
        }
        let definition = definition(name)?;
        definition.normalise(value, &self.get(definition.name))
    }

    /// SET and SET LOCAL.
    pub(crate) fn set(&mut self, name: &str, value: &str, local: bool) -> Result<()> {
        let value = self.checked(name, value)?;
        let name = name.to_ascii_lowercase();
        if local {
            Arc::make_mut(&mut self.local).insert(name, value);
        } else {
            Arc::make_mut(&mut self.local).remove(&name);
            Arc::make_mut(&mut self.session).insert(name, value);
        }
        Ok(())
    }

    /// SET … TO DEFAULT, RESET name.
    pub(crate) fn reset(&mut self, name: &str, local: bool) -> Result<()> {
        if !is_custom(name) {
            let definition = definition(name)?;
            if matches!(definition.kind, Kind::Preset) {
                return Err(ServerError::new(
                    Condition::CantChangeRuntimeParam,
                    format!("parameter \"{}\" cannot be changed", definition.name),
                ));
            }
        }
        let name = name.to_ascii_lowercase();
        if local {
            if let Some(definition) = DEFINITIONS.iter().find(|it| it.name.eq_ignore_ascii_case(&name)) {
                let value = self.reset.get(&name).cloned().unwrap_or_else(|| definition.default.to_owned());
                Arc::make_mut(&mut self.local).insert(name, value);
            }
        } else {
            Arc::make_mut(&mut self.local).remove(&name);
            Arc::make_mut(&mut self.session).remove(&name);
        }
        Ok(())
    }

    /// RESET ALL.
    pub(crate) fn reset_all(&mut self) {
        let keep = |name: &String, _: &mut String| name.starts_with("transaction_");
        Arc::make_mut(&mut self.local).retain(keep);
        Arc::make_mut(&mut self.session).retain(keep);
    }

    fn layered(&self, lower: &str) -> Option<&String> {
        self.local.get(lower).or_else(|| self.session.get(lower)).or_else(|| self.reset.get(lower))
    }

    fn value(&self, definition: &'static Definition) -> String {
        self.layered(&definition.name.to_ascii_lowercase())
            .map_or(definition.default, String::as_str)
            .to_owned()
    }

    /// SHOW: the name as PostgreSQL writes it and the value.
    pub(crate) fn show(&self, name: &str) -> Result<(String, String)> {
        if is_custom(name) {
            let lower = name.to_ascii_lowercase();
            return match self.layered(&lower) {
                Some(value) => Ok((lower, value.clone())),
                None => Err(ServerError::new(
                    Condition::UndefinedObject,
                    format!("unrecognized configuration parameter \"{name}\""),
                )),
            };
        }
        let definition = definition(name)?;
        Ok((definition.name.to_owned(), self.value(definition)))
    }

    /// The value of a setting that exists.
    pub(crate) fn get(&self, name: &'static str) -> String {
        definition(name).map(|definition| self.value(definition)).unwrap_or_default()
    }

    /// Every setting by lower-case name, for `current_setting`.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = DEFINITIONS
            .iter()
            .map(|definition| (definition.name.to_ascii_lowercase(), self.value(definition)))
            .collect();
        for layer in [&self.reset, &*self.session, &*self.local] {
            all.extend(layer.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        all
    }

    /// A boolean setting.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        self.get(name) == "on"
    }

    /// A duration; `None` is no limit.
    pub(crate) fn duration(&self, name: &'static str) -> Option<Duration> {
        parse_milliseconds(&self.get(name))
            .and_then(|milliseconds| u64::try_from(milliseconds).ok())
            .filter(|milliseconds| *milliseconds > 0)
            .map(Duration::from_millis)
    }

    /// `client_encoding`.
    pub(crate) fn encoding(&self) -> ClientEncoding {
        ClientEncoding::by_name(&self.get("client_encoding")).unwrap_or_default()
    }

    /// `extra_float_digits`.
    pub(crate) fn extra_float_digits(&self) -> i32 {
        self.get("extra_float_digits").parse().unwrap_or(1)
    }

    /// `search_path` with `"$user"` replaced.
    pub(crate) fn search_path(&self, user: &str) -> Vec<String> {
        identifier_list(&self.get("search_path"))
            .unwrap_or_default()
            .into_iter()
            .map(|name| if name == "$user" { user.to_owned() } else { name })
            .collect()
    }

    /// Whether messages of this level are sent (`client_min_messages`); `notice` and `warning` are what there is.
    pub(crate) fn sends(&self, level: &str) -> bool {
        let rank = |name: &str| LEVELS.iter().position(|it| *it == name).unwrap_or(0);
        rank(level) >= rank(&self.get("client_min_messages"))
    }

    /// Where a transaction or savepoint begins.
    pub(crate) fn mark(&self) -> SettingsMark {
        SettingsMark { session: Arc::clone(&self.session), local: Arc::clone(&self.local) }
    }

    /// ROLLBACK \[TO\].
    pub(crate) fn back_to(&mut self, mark: SettingsMark) {
        self.session = mark.session;
        self.local = mark.local;
    }

    /// The end of a transaction: what was LOCAL ends.
    pub(crate) fn end_transaction(&mut self) {
        self.local = Arc::default();
        Arc::make_mut(&mut self.session).retain(|name, _| !name.starts_with("transaction_"));
    }

    /// What has changed since the client was last told.
    pub(crate) fn unreported(&mut self) -> Vec<(&'static str, String)> {
        let changed: Vec<_> = DEFINITIONS
            .iter()
            .filter(|definition| definition.report)
            .map(|definition| (definition.name, self.value(definition)))
            .filter(|(name, value)| self.reported.get(name) != Some(value))
            .collect();
        self.reported.extend(changed.iter().cloned());
        changed
    }
}

/// A setting of somebody's own, `prefix.name`, as PostgreSQL allows any. Those of `lis` are not anybody's.
fn is_custom(name: &str) -> bool {
    name.split_once('.').is_some_and(|(prefix, rest)| {
        !prefix.eq_ignore_ascii_case("lis") && !prefix.is_empty() && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new([("port", "5433".to_owned())])
    }

    #[test]
    fn values_are_checked_and_written_as_postgresql_writes_them() {
        let mut settings = settings();
        for (name, value, shown) in [
            ("datestyle", "sql, dmy", "SQL, DMY"),
            ("datestyle", "iso", "ISO, DMY"),
            ("datestyle", "german", "German, DMY"),
            ("datestyle", "mdy, iso", "ISO, MDY"),
            ("intervalstyle", "iso_8601", "iso_8601"),
            ("statement_timeout", "90000", "90s"),
            ("statement_timeout", "2min", "2min"),
            ("timezone", "europe/stockholm", "Europe/Stockholm"),
            ("TimeZone", "utc", "UTC"),
            ("client_encoding", "utf-8", "UTF8"),
            ("client_encoding", "win1252", "WIN1252"),
            ("default_transaction_read_only", "t", "on"),
            ("extra_float_digits", "3", "3"),
            ("my.own", "x", "x"),
        ] {
            settings.set(name, value, false).unwrap();
            assert_eq!(settings.show(name).unwrap().1, shown, "{name}");
        }
        assert_eq!(settings.show("datestyle").unwrap().0, "DateStyle");
    }

    #[test]
    fn what_is_not_done_is_refused() {
        let mut settings = settings();
        let condition = |result: Result<()>| match result {
            Err(ServerError::Statement(error)) => Some(error.condition),
            _ => None,
        };
        for (name, value, expected) in [
            ("DateStyle", "nonsense", Condition::InvalidParameterValue),
            ("DateStyle", "SQL, German", Condition::InvalidParameterValue),
            ("IntervalStyle", "nonsense", Condition::InvalidParameterValue),
            ("standard_conforming_strings", "off", Condition::FeatureNotSupported),
            ("TimeZone", "Mars/Olympus", Condition::InvalidParameterValue),
            ("statement_timeout", "-1", Condition::InvalidParameterValue),
            ("server_version", "1", Condition::CantChangeRuntimeParam),
            ("no_such_thing", "1", Condition::UndefinedObject),
            ("lis.no_such_thing", "1", Condition::UndefinedObject),
        ] {
            assert_eq!(condition(settings.set(name, value, false)), Some(expected), "{name}");
        }
    }

    #[test]
    fn local_values_end_with_the_transaction_and_marks_take_both_back() {
        let mut settings = settings();
        settings.set("application_name", "a", false).unwrap();
        let mark = settings.mark();
        settings.set("application_name", "b", true).unwrap();
        assert_eq!(settings.get("application_name"), "b");
        settings.end_transaction();
        assert_eq!(settings.get("application_name"), "a");
        settings.set("application_name", "c", false).unwrap();
        settings.back_to(mark);
        assert_eq!(settings.get("application_name"), "a");
        settings.reset("application_name", false).unwrap();
        assert_eq!(settings.get("application_name"), "");
    }

    #[test]
    fn a_search_path_is_split_at_commas_outside_quotes() {
        let mut settings = settings();
        settings.set("search_path", "\"$user\", Ekonomi, \"a,\"\"b\"", false).unwrap();
        assert_eq!(settings.search_path("anna"), ["anna", "ekonomi", "a,\"b"]);
        assert!(settings.set("search_path", "a b", false).is_err());
    }

    #[test]
    fn only_changes_are_reported() {
        let mut settings = settings();
        assert!(settings.unreported().iter().any(|(name, _)| *name == "server_version"));
        assert!(settings.unreported().is_empty());
        settings.set("application_name", "x", false).unwrap();
        assert_eq!(settings.unreported(), [("application_name", "x".to_owned())]);
    }
}

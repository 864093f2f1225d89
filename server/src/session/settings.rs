//! A session's settings. Every one that a client can name is typed, and either obeyed or refused: 22023 for a value that
//! makes no sense, 0A000 for one that PostgreSQL has and LIS does not do, 42704 for a name that nobody knows. Nothing is
//! answered "SET" to please a client.
//!
//! Layers, the later over the earlier: built in, the role's, the start-up packet's (together what RESET goes back to),
//! SET, SET LOCAL. A transaction that rolls back, or a savepoint, takes the last two back with it.

mod definitions;
mod quantities;
mod tuning;
mod values;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

pub(crate) use self::definitions::{DEFINITIONS, Definition, definition};
pub(crate) use self::values::clean_ascii;
use self::{
    definitions::LEVELS,
    quantities::{Unit, parse_whole},
    values::{check_length, identifier_list},
};
use super::encoding::ClientEncoding;
use crate::error::{Condition, Result, ServerError};

/// Settings that only a client knows, of one session.
const CUSTOM_MAX: usize = 200;
/// And what their names and values may take together.
const CUSTOM_BYTES_MAX: usize = 64 * 1024;

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
    /// Every value, as it was last asked for; empty after a change.
    all: OnceLock<Arc<BTreeMap<String, String>>>,
    /// The values last told to the client.
    reported: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Settings with the presets of this server and session.
    pub(crate) fn new(presets: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let reset = presets.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self {
            reset,
            session: Arc::default(),
            local: Arc::default(),
            all: OnceLock::new(),
            reported: BTreeMap::new(),
        }
    }

    /// Sets the value that RESET goes back to: a role's, the start-up packet's.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) -> Result<()> {
        let value = self.checked(name, value)?;
        self.all.take();
        self.reset.insert(name.to_ascii_lowercase(), value);
        Ok(())
    }

    /// Changes what the server itself says (`is_superuser`).
    pub(crate) fn set_preset(&mut self, name: &'static str, value: String) {
        self.all.take();
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
        let name = self.known(name);
        if local {
            Arc::make_mut(&mut self.local).insert(name, value);
        } else {
            Arc::make_mut(&mut self.local).remove(&name);
            Arc::make_mut(&mut self.session).insert(name, value);
        }
        Ok(())
    }

    /// A name as the layers have it. A parameter of the session's own is empty from its first SET on, also after RESET.
    fn known(&mut self, name: &str) -> String {
        self.all.take();
        let name = name.to_ascii_lowercase();
        if is_custom(&name) && !self.reset.contains_key(&name) {
            self.reset.insert(name.clone(), String::new());
        }
        name
    }

    /// SET … TO DEFAULT, RESET name.
    pub(crate) fn reset(&mut self, name: &str, local: bool) -> Result<()> {
        if is_custom(name) {
            self.checked(name, "")?;
        } else {
            let definition = definition(name)?;
            if definition.is_preset() {
                return Err(ServerError::new(
                    Condition::CantChangeRuntimeParam,
                    format!("parameter \"{}\" cannot be changed", definition.name),
                ));
            }
        }
        let name = self.known(name);
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
        self.all.take();
        let keep = |name: &String, _: &mut String| name.starts_with("transaction_");
        Arc::make_mut(&mut self.local).retain(keep);
        Arc::make_mut(&mut self.session).retain(keep);
    }

    fn layered(&self, lower: &str) -> Option<&String> {
        self.local.get(lower).or_else(|| self.session.get(lower)).or_else(|| self.reset.get(lower))
    }

    fn value(&self, definition: &Definition) -> String {
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
    pub(crate) fn all(&self) -> Arc<BTreeMap<String, String>> {
        let all = self.all.get_or_init(|| {
            let mut all: BTreeMap<String, String> = DEFINITIONS
                .iter()
                .map(|definition| (definition.name.to_ascii_lowercase(), self.value(definition)))
                .collect();
            for layer in [&self.reset, &*self.session, &*self.local] {
                all.extend(layer.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            Arc::new(all)
        });
        Arc::clone(all)
    }

    /// A boolean setting.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        self.get(name) == "on"
    }

    /// A duration; `None` is no limit.
    pub(crate) fn duration(&self, name: &'static str) -> Option<Duration> {
        parse_whole(name, Unit::Milliseconds, (0, i32::MAX), &self.get(name))
            .ok()
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
        self.all.take();
        self.session = mark.session;
        self.local = mark.local;
    }

    /// The end of a transaction: what was LOCAL ends.
    pub(crate) fn end_transaction(&mut self) {
        self.all.take();
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
            ("work_mem", "65536", "64MB"),
            ("jit", "off", "off"),
            ("random_page_cost", "1.10", "1.1"),
            ("timezone", "interval '-03:00'", "<-03>+03"),
            ("timezone", "europe/stockholm", "Europe/Stockholm"),
            ("TimeZone", "utc", "UTC"),
            ("client_encoding", "utf-8", "UTF8"),
            ("client_encoding", "win1252", "WIN1252"),
            ("default_transaction_read_only", "t", "on"),
            ("extra_float_digits", "3", "3"),
            ("application_name", "Å\tx", "???x"),
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
        settings.set("my.own", "x", true).unwrap();
        assert_eq!(settings.all().get("my.own").unwrap(), "x");
        settings.end_transaction();
        assert_eq!(settings.show("my.own").unwrap().1, "");
        assert_eq!(settings.all().get("my.own").unwrap(), "");
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

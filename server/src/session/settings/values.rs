//! How the values of settings are read, and written as SHOW gives them back: booleans, `DateStyle`, time zones,
//! lists of names. A value that makes no sense is 22023; one that PostgreSQL takes and LIS does not do is 0A000.

use chrono_tz::TZ_VARIANTS;
use lis_functions::calendar;
use lis_lake::time_travel::SNAPSHOT_NAME_CHARACTERS_MAX;

use super::{
    super::encoding::ClientEncoding,
    definitions::{Definition, Kind},
    quantities::{parse_real, parse_whole, show_real, show_whole},
};
use crate::error::{Condition, Result, ServerError};

/// The longest value of a setting.
const VALUE_BYTES_MAX: usize = 16 * 1024;
impl Definition {
    /// The value as it is stored and shown, or why it cannot be.
    pub(super) fn normalise(&self, value: &str, before: &str) -> Result<String> {
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
            Kind::Quantity(unit, least, most) => {
                parse_whole(self.name, unit, (least, most), value).map(|number| show_whole(unit, number))
            }
            Kind::Real(unit, least, most) => {
                parse_real(self.name, unit, (least, most), value).map(|number| show_real(unit, number))
            }
            Kind::Choice(done, known) => {
                let lower = value.trim().to_ascii_lowercase();
                if let Some(choice) = done.iter().find(|choice| choice.eq_ignore_ascii_case(&lower)) {
                    Ok((*choice).to_owned())
                } else if known.contains(&lower.as_str()) {
                    Err(refused(self.name, value))
                } else {
                    let choices = [done, known].concat().join(", ");
                    Err(invalid(self.name, value).with_hint(format!("Available values: {choices}.")))
                }
            }
            Kind::Ascii => Ok(clean_ascii(value.as_bytes())),
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

/// PostgreSQL's `pg_clean_ascii`: every byte that is no printable character of ASCII becomes a question mark.
pub(crate) fn clean_ascii(text: &[u8]) -> String {
    text.iter().map(|byte| if matches!(byte, 32..=126) { char::from(*byte) } else { '?' }).collect()
}

/// 22023 of a name or value that is too long to be kept.
pub(super) fn check_length(name: &str, value: &str) -> Result<()> {
    if name.len() + value.len() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    let name: String = name.chars().take(63).collect();
    Err(ServerError::new(
        Condition::InvalidParameterValue,
        format!("value for parameter \"{name}\" is longer than {VALUE_BYTES_MAX} bytes"),
    ))
}

pub(super) fn invalid(name: &str, value: &str) -> ServerError {
    ServerError::new(
        Condition::InvalidParameterValue,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
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
    if wanted.len() > 8 && wanted.is_char_boundary(8) && wanted[..8].eq_ignore_ascii_case("interval") {
        return interval_zone(value, &wanted[8..]);
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

/// `INTERVAL '+02:00'`, as SET TIME ZONE hands it on.
fn interval_zone(whole: &str, quoted: &str) -> Result<String> {
    let text = quoted.trim().trim_matches('\'');
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = unsigned.split(':').map(|part| part.parse::<u8>().map(f64::from));
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(hours)), Some(Ok(minutes)), None) => fixed_zone(sign * (hours + minutes / 60.0)),
        _ => return Err(invalid("TimeZone", whole)),
    }
    .ok_or_else(|| refused("TimeZone", whole))
}

/// Splits a list of identifiers: `"$user", public`.
pub(super) fn identifier_list(value: &str) -> Option<Vec<String>> {
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

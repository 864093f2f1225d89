//! Where in a TOML file something stands, and the nearest of the names that would have been right there.

use std::{ops::Range, path::Path};

use crate::error::LoadError;

/// The most edits between a mistyped name and one that is suggested for it.
const EDITS_MAX: usize = 3;

/// A TOML file's path and text, to say where an error is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Place<'_> {
    /// An error at these bytes of the text.
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> LoadError {
        self.error_with_hint(span, message, None)
    }

    /// An error at these bytes of the text, and what to do.
    pub(super) fn error_with_hint(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> LoadError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        LoadError::Config { path: self.path.to_owned(), line, column, message: message.into(), hint }
    }

    /// The TOML reader's own error. Of an unknown key it says which key is nearest.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> LoadError {
        let message = error.message();
        let hint = message.starts_with("unknown field").then(|| unknown_field_hint(message)).flatten();
        let first_line = message.lines().next().unwrap_or(message);
        let message = match first_line.split_once(", expected") {
            Some((what, _)) if first_line.starts_with("unknown field") => {
                what.replacen("unknown field", "unknown key", 1)
            }
            _ => first_line.to_owned(),
        };
        self.error_with_hint(error.span().unwrap_or(0..0), message.replace('`', "\""), hint)
    }
}

/// serde's message is "unknown field `a`, expected one of `b`, `c`": the names stand between back quotes.
fn unknown_field_hint(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    let known: Vec<&str> = names.collect();
    Some(match nearest(wrong, known.iter().copied()) {
        Some(right) => format!("Did you mean \"{right}\"?"),
        None => format!("The keys here are {}.", known.join(", ")),
    })
}

/// The name nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name))
        .filter(|(edits, name)| *edits <= EDITS_MAX.min(name.chars().count() / 2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

//! Patterns of file names: which files feed a table, and what their names say (business date, sequence, parts that become
//! values). A pattern becomes a regular expression over the whole name; case does not count.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use regex::{Regex, RegexBuilder};

use crate::dates::DateFormat;

/// The placeholder of the business date.
const DATE: &str = "date";
/// The placeholder of the delivery's number for its date.
const SEQUENCE: &str = "sequence";

/// A pattern of file names.
#[derive(Debug, Clone)]
pub struct FilePattern {
    text: String,
    regex: Regex,
    date: Option<DateFormat>,
    parts: Vec<String>,
}

/// What a file's name says under a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileNameParts {
    /// The text in the place of the business date.
    pub date_text: Option<String>,
    /// The business date; `None` also if the text is no date that exists.
    pub date: Option<NaiveDate>,
    /// The delivery's number for its date.
    pub sequence: Option<u32>,
    /// The named parts.
    pub values: BTreeMap<String, String>,
}

impl FilePattern {
    /// Reads a pattern, or says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut expression = String::from("^");
        let mut date = None;
        let mut parts: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            match character {
                '*' => expression.push_str(".*"),
                '?' => expression.push('.'),
                '{' => {
                    let (placeholder, after) =
                        rest.split_once('}').ok_or_else(|| format!("\"{text}\": a \"{{\" is not closed"))?;
                    rest = after;
                    let (name, format) = match placeholder.split_once(':') {
                        Some((name, format)) => (name, Some(format)),
                        None => (placeholder, None),
                    };
                    let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
                    if !valid {
                        return Err(format!("\"{text}\": \"{name}\" cannot name a part of a file name"));
                    }
                    if parts.iter().any(|part| part == name) {
                        return Err(format!("\"{text}\": \"{{{name}}}\" occurs twice"));
                    }
                    let inner = match (name, format) {
                        (DATE, Some(format)) => {
                            let format = DateFormat::new(format)?;
                            let inner = format.regex();
                            date = Some(format);
                            inner
                        }
                        (DATE, None) => {
                            return Err(format!(
                                "\"{text}\": {{date}} needs a format, such as {{date:YYYYMMDD}}"
                            ));
                        }
                        (_, Some(_)) => return Err(format!("\"{text}\": only {{date:…}} takes a format")),
                        (SEQUENCE, None) => r"\d{1,9}".to_owned(),
                        (_, None) => ".+?".to_owned(),
                    };
                    expression.push_str(&format!("(?P<{name}>{inner})"));
                    parts.push(name.to_owned());
                }
                '/' | '\\' => {
                    return Err(format!("\"{text}\": a pattern is of a file's name, without directories"));
                }
                other => expression.push_str(&regex::escape(&other.to_string())),
            }
        }
        expression.push('$');
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(true)
            .build()
            .map_err(|error| format!("\"{text}\": {error}"))?;
        parts.retain(|part| part != DATE && part != SEQUENCE);
        Ok(Self { text: text.to_owned(), regex, date, parts })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the parts that columns can take.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The format of the business date in the name.
    pub fn date_format(&self) -> Option<&DateFormat> {
        self.date.as_ref()
    }

    /// What a file's name says, if it fits.
    pub fn matches(&self, file_name: &str) -> Option<FileNameParts> {
        let captures = self.regex.captures(file_name)?;
        let part = |name: &str| captures.name(name).map(|found| found.as_str().to_owned());
        let date_text = part(DATE);
        let date = match (&self.date, &date_text) {
            (Some(format), Some(text)) => format.parse_date(text),
            _ => None,
        };
        Some(FileNameParts {
            date_text,
            date,
            sequence: part(SEQUENCE).and_then(|digits| digits.parse().ok()),
            values: self.parts.iter().filter_map(|name| Some((name.clone(), part(name)?))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        let pattern = FilePattern::new("GL_{forvaltning}_{date:YYYYMM}_{sequence}.csv").unwrap();
        let parts = pattern.matches("gl_103_202402_2.CSV").unwrap();
        assert_eq!(parts.date, NaiveDate::from_ymd_opt(2024, 2, 29));
        assert_eq!(parts.sequence, Some(2));
        assert_eq!(parts.values["forvaltning"], "103");
        assert_eq!(pattern.parts(), ["forvaltning"]);
        assert_eq!(pattern.matches("GL_103_2024.csv"), None);
        assert_eq!(pattern.matches("GL_103_202402_2.csv.tmp"), None);
    }

    #[test]
    fn impossible_date_is_told_apart_from_no_date() {
        let pattern = FilePattern::new("a{date:YYYYMM}*").unwrap();
        let parts = pattern.matches("a202413.csv").unwrap();
        assert_eq!((parts.date_text.as_deref(), parts.date), (Some("202413"), None));
    }

    #[test]
    fn refused() {
        for bad in ["{date}.csv", "{a}{a}", "{a:YYYY}", "{", "{}", "{å}", "x/y.csv", "{date:YYYY}"] {
            assert!(FilePattern::new(bad).is_err(), "{bad}");
        }
    }
}

//! The TOML of a source as it is written: what serde reads, unknown keys refused. `check.rs` makes a
//! [`LoadSpec`](super::LoadSpec) of it. The keys are explained in `docs/add-a-source.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpec {
    pub(super) source: RawSource,
    #[serde(default)]
    pub(super) format: RawFormat,
    pub(super) table: Vec<RawTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) name: Option<Spanned<String>>,
    pub(super) comment: Option<String>,
    pub(super) role: Option<Spanned<String>>,
    pub(super) kind: Option<Spanned<String>>,
    pub(super) path: Option<String>,
    pub(super) rejects_max: Option<Spanned<f64>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFormat {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) encoding: Option<Spanned<String>>,
    pub(super) delimiter: Option<Spanned<String>>,
    pub(super) quote: Option<Spanned<String>>,
    pub(super) escape: Option<Spanned<String>>,
    pub(super) header: Option<bool>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) skip_lines: Option<u32>,
    pub(super) decimal: Option<Spanned<String>>,
    pub(super) thousands: Option<Spanned<String>>,
    pub(super) dates: Option<Vec<Spanned<String>>>,
    pub(super) null: Option<Vec<String>>,
    pub(super) trim: Option<bool>,
}

impl RawFormat {
    /// These keys, and the other's where these say nothing.
    pub(super) fn over(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            kind: self.kind.or(other.kind),
            encoding: self.encoding.or(other.encoding),
            delimiter: self.delimiter.or(other.delimiter),
            quote: self.quote.or(other.quote),
            escape: self.escape.or(other.escape),
            header: self.header.or(other.header),
            columns: self.columns.or(other.columns),
            skip_lines: self.skip_lines.or(other.skip_lines),
            decimal: self.decimal.or(other.decimal),
            thousands: self.thousands.or(other.thousands),
            dates: self.dates.or(other.dates),
            null: self.null.or(other.null),
            trim: self.trim.or(other.trim),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub(super) name: Spanned<String>,
    pub(super) comment: Option<String>,
    pub(super) files: Vec<Spanned<String>>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) replace_by: Option<Vec<Spanned<String>>>,
    pub(super) primary_key: Option<Vec<Spanned<String>>>,
    pub(super) unique: Option<Vec<Vec<Spanned<String>>>>,
    pub(super) sort: Option<Vec<Spanned<String>>>,
    pub(super) administration: Option<RawAdministration>,
    pub(super) rejects_max: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) ignore_columns: Vec<String>,
    #[serde(default)]
    pub(super) format: RawFormat,
    #[serde(default)]
    pub(super) foreign_key: Vec<RawForeignKey>,
    pub(super) column: Vec<RawColumn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdministration {
    pub(super) column: Spanned<String>,
    pub(super) area: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForeignKey {
    pub(super) columns: Vec<Spanned<String>>,
    pub(super) references: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumn {
    pub(super) name: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) type_name: Spanned<String>,
    pub(super) comment: Option<String>,
    pub(super) collation: Option<Spanned<String>>,
    pub(super) from: Option<Spanned<RawFrom>>,
    pub(super) constant: Option<String>,
    pub(super) derived: Option<Spanned<String>>,
    pub(super) file_part: Option<Spanned<String>>,
    pub(super) trim: Option<bool>,
    pub(super) null: Option<Vec<String>>,
    pub(super) decimal: Option<Spanned<String>>,
    pub(super) thousands: Option<Spanned<String>>,
    pub(super) dates: Option<Vec<Spanned<String>>>,
    pub(super) extract: Option<Spanned<String>>,
    pub(super) map: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) length_min: Option<usize>,
    pub(super) length_max: Option<usize>,
    pub(super) min: Option<Spanned<RawBound>>,
    pub(super) max: Option<Spanned<RawBound>>,
    pub(super) one_of: Option<Vec<String>>,
    pub(super) pattern: Option<Spanned<String>>,
    pub(super) references: Option<Spanned<String>>,
}

/// Where a column's value stands in the file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawFrom {
    Position(usize),
    Name(String),
    Names(Vec<String>),
}

/// An end of a range: a number, a date or a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawBound {
    Integer(i64),
    Float(f64),
    Text(String),
    Date(toml::value::Datetime),
}

impl RawBound {
    /// As a file would have it, with a decimal point and ISO dates.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Date(value) => value.to_string().replace('T', " "),
        }
    }
}

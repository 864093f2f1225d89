//! The rules that a row must keep, and the reports of those that it breaks. Rules about one value are judged here, on its
//! text or its typed form; rules about several rows or tables are in `validate.rs`.

use std::fmt;

use lis_lake::names::{Identifier, QualifiedName};
use regex::Regex;

/// The name under which a row is rejected: `lis.rejects.rule`. Scripts depend on the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The row has another number of fields than the header.
    Fields,
    /// A quote never ends, or text follows its end.
    Quote,
    /// A byte that the encoding does not have.
    Encoding,
    /// The value has no match for `extract`.
    Extract,
    /// The value cannot be read as the column's type.
    Type,
    /// The text is too long or too short.
    Length,
    /// There is no value, and there must be one.
    Required,
    /// The value is below `min` or above `max`.
    Range,
    /// The text is not one of those allowed.
    OneOf,
    /// The text does not match `pattern`.
    Pattern,
    /// The value does not occur in the table referred to.
    Reference,
    /// The key occurs already.
    Unique,
    /// A CHECK constraint of the table is false.
    Check,
}

impl Rule {
    /// Its name in `lis.rejects`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fields => "fields",
            Self::Quote => "quote",
            Self::Encoding => "encoding",
            Self::Extract => "extract",
            Self::Type => "type",
            Self::Length => "length",
            Self::Required => "required",
            Self::Range => "range",
            Self::OneOf => "one_of",
            Self::Pattern => "pattern",
            Self::Reference => "reference",
            Self::Unique => "unique",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A broken rule: which, and what was found. The message is for people and names what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// What is wrong: lower case, no full stop.
    pub message: String,
}

impl Broken {
    /// A broken rule.
    pub fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }
}

/// A column that others refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReference {
    /// The table.
    pub table: QualifiedName,
    /// Its columns.
    pub columns: Vec<Identifier>,
}

impl fmt::Display for TableReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (", self.table)?;
        for (position, column) in self.columns.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(formatter, "{comma}{column}")?;
        }
        formatter.write_str(")")
    }
}

/// An end of a range in the form that the column's values have in Arrow.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Whole numbers, decimals as their unscaled value, dates as days, times as microseconds.
    Whole(i128),
    /// Floating point.
    Real(f64),
    /// Text, compared bytewise.
    Text(String),
}

/// Both ends of a range, and how they were written.
#[derive(Debug, Clone, Default)]
pub struct Range {
    /// The smallest value allowed.
    pub min: Option<(Bound, String)>,
    /// The largest value allowed.
    pub max: Option<(Bound, String)>,
}

impl Range {
    /// Whether any value is allowed.
    pub fn is_unlimited(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// Judges a value whose order against a bound is known.
    pub(crate) fn check(&self, compare: impl Fn(&Bound) -> std::cmp::Ordering) -> Option<Broken> {
        if let Some((bound, text)) = &self.min
            && compare(bound).is_lt()
        {
            return Some(Broken::new(Rule::Range, format!("smaller than {text}")));
        }
        if let Some((bound, text)) = &self.max
            && compare(bound).is_gt()
        {
            return Some(Broken::new(Rule::Range, format!("larger than {text}")));
        }
        None
    }
}

/// What a column's values must be.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Not null.
    pub required: bool,
    /// Characters of a text.
    pub length_min: Option<usize>,
    /// Characters of a text: the smaller of the type's and the source's.
    pub length_max: Option<usize>,
    /// The texts allowed.
    pub one_of: Option<Vec<String>>,
    /// What the whole text must match, and how it was written.
    pub pattern: Option<(Regex, String)>,
    /// Smallest and largest.
    pub range: Range,
    /// The column in which the value must occur.
    pub reference: Option<TableReference>,
}

impl Rules {
    /// Whether [`Rules::check_text`] has nothing to do.
    pub(crate) fn text_is_free(&self) -> bool {
        self.length_min.is_none()
            && self.length_max.is_none()
            && self.one_of.is_none()
            && self.pattern.is_none()
    }

    /// Judges a value's text, after extraction and mapping.
    pub(crate) fn check_text(&self, text: &str) -> Option<Broken> {
        if let Some(length_max) = self.length_max
            // A text has at most as many characters as bytes, so most are not counted.
            && text.len() > length_max
        {
            let length = text.chars().count();
            if length > length_max {
                return Some(Broken::new(
                    Rule::Length,
                    format!("{length} characters, at most {length_max} allowed"),
                ));
            }
        }
        if let Some(length_min) = self.length_min {
            let length = text.chars().count();
            if length < length_min {
                return Some(Broken::new(
                    Rule::Length,
                    format!("{length} characters, at least {length_min} needed"),
                ));
            }
        }
        if let Some(allowed) = &self.one_of
            && !allowed.iter().any(|allowed| allowed == text)
        {
            return Some(Broken::new(Rule::OneOf, format!("not one of {}", allowed.join(", "))));
        }
        if let Some((pattern, written)) = &self.pattern
            && !pattern.is_match(text)
        {
            return Some(Broken::new(Rule::Pattern, format!("does not match {written}")));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let rules = Rules {
            length_min: Some(2),
            length_max: Some(3),
            one_of: Some(vec!["åäö".to_owned(), "ab".to_owned(), "x1".to_owned()]),
            pattern: Some((Regex::new("^(?:[a-zåäö]+)$").unwrap(), "[a-zåäö]+".to_owned())),
            ..Rules::default()
        };
        let rule = |text| rules.check_text(text).map(|broken| broken.rule);
        assert_eq!(rule("åäö"), None);
        assert_eq!(rule("åäöå"), Some(Rule::Length));
        assert_eq!(rule("a"), Some(Rule::Length));
        assert_eq!(rule("ba"), Some(Rule::OneOf));
        assert_eq!(rule("x1"), Some(Rule::Pattern));
    }

    #[test]
    fn ranges() {
        let range = Range {
            min: Some((Bound::Whole(1), "1".to_owned())),
            max: Some((Bound::Whole(3), "3".to_owned())),
        };
        let check = |value: i128| {
            range.check(|bound| match bound {
                Bound::Whole(bound) => value.cmp(bound),
                Bound::Real(_) | Bound::Text(_) => std::cmp::Ordering::Equal,
            })
        };
        assert_eq!(check(0).map(|broken| broken.message).as_deref(), Some("smaller than 1"));
        assert_eq!(check(1), None);
        assert_eq!(check(3), None);
        assert!(check(4).is_some());
    }
}

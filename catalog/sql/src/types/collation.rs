//! Collations: which there are, and which one an expression has (PostgreSQL's "Collation Support", 24.2).
//!
//! A collation decides about order only: `<` and its like, ORDER BY, MIN and MAX, window order. Equality, and with it
//! GROUP BY, DISTINCT and joins, is bytewise under every collation (all of ours are deterministic), so that nothing
//! there depends on it. `ordering.rs` makes the keys by which text is ordered.
//!
//! The database's default collation is bytewise, which is `C`. Columns of collation `C` count as having the default:
//! beside a column of names they do not conflict but give way. (PostgreSQL gives way only where nothing is declared.)

use lis_functions::collation::Locale;
use lis_lake::{table, types::PgType};

use super::Typed;
use crate::error::{SqlError, SqlErrorKind};

/// A collation by its name in `pg_collation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Collation {
    /// The database's: bytewise.
    #[default]
    Default,
    /// `C`
    C,
    /// `POSIX`
    Posix,
    /// `ucs_basic`
    UcsBasic,
    /// One of ICU's, such as `sv-x-icu`.
    Icu(Locale),
}

impl Collation {
    /// The collation of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "default" => Self::Default,
            "C" => Self::C,
            "POSIX" => Self::Posix,
            "ucs_basic" => Self::UcsBasic,
            // The names of the operating system's collation, where it is installed.
            "sv" | "sv_SE" | "sv_SE.utf8" => Self::Icu(Locale::SWEDISH),
            other => Self::Icu(Locale::by_tag(other.strip_suffix("-x-icu")?)?),
        })
    }

    /// `pg_collation.collname`
    pub fn name(self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::C => "C".to_owned(),
            Self::Posix => "POSIX".to_owned(),
            Self::UcsBasic => "ucs_basic".to_owned(),
            Self::Icu(locale) => format!("{}-x-icu", locale.tag()),
        }
    }

    /// The locale whose keys order text; `None` is bytewise.
    pub fn locale(self) -> Option<Locale> {
        match self {
            Self::Icu(locale) => Some(locale),
            Self::Default | Self::C | Self::Posix | Self::UcsBasic => None,
        }
    }
}

/// The collation of an expression and how it came by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derived {
    /// From a column or a type.
    Implicit(Collation),
    /// Two columns disagree: nothing that depends on order can be done.
    Conflict(Collation, Collation),
    /// By COLLATE.
    Explicit(Collation),
}

impl Default for Derived {
    fn default() -> Self {
        Self::Implicit(Collation::Default)
    }
}

impl Derived {
    /// A table column's.
    pub fn of_lake(collation: table::Collation) -> Self {
        match collation {
            table::Collation::C => Self::default(),
            table::Collation::Swedish => Self::Implicit(Collation::Icu(Locale::SWEDISH)),
        }
    }

    /// What a table made of such a column stores.
    pub fn to_lake(self) -> table::Collation {
        match self {
            Self::Implicit(Collation::Icu(locale)) | Self::Explicit(Collation::Icu(locale))
                if matches!(locale.tag(), "sv" | "sv-SE") =>
            {
                table::Collation::Swedish
            }
            _ => table::Collation::C,
        }
    }

    /// What is left of it in a result of this type.
    pub(crate) fn of_type(self, pg_type: PgType) -> Self {
        if is_collatable(pg_type) { self } else { Self::default() }
    }

    /// Outside of the query that made it a column's collation is implicit.
    pub(crate) fn of_column(self) -> Self {
        match self {
            Self::Explicit(collation) => Self::Implicit(collation),
            other => other,
        }
    }

    /// The collation to order by: 42P22 if columns disagree.
    pub(crate) fn settled(self) -> Result<Collation, SqlError> {
        match self {
            Self::Implicit(collation) | Self::Explicit(collation) => Ok(collation),
            Self::Conflict(..) => Err(SqlError::new(
                SqlErrorKind::IndeterminateCollation,
                "could not determine which collation to use for string comparison",
            )
            .with_hint("Use the COLLATE clause to set the collation explicitly.")),
        }
    }

    fn with(self, other: Self) -> Result<Self, SqlError> {
        Ok(match (self, other) {
            (Self::Explicit(one), Self::Explicit(two)) if one != two => {
                let message = format!(
                    "collation mismatch between explicit collations \"{}\" and \"{}\"",
                    one.name(),
                    two.name()
                );
                return Err(SqlError::new(SqlErrorKind::CollationMismatch, message));
            }
            (explicit @ Self::Explicit(_), _) | (_, explicit @ Self::Explicit(_)) => explicit,
            (conflict @ Self::Conflict(..), _) | (_, conflict @ Self::Conflict(..)) => conflict,
            (Self::Implicit(Collation::Default), other) => other,
            (one, Self::Implicit(Collation::Default)) => one,
            (Self::Implicit(one), Self::Implicit(two)) if one == two => Self::Implicit(one),
            (Self::Implicit(one), Self::Implicit(two)) => Self::Conflict(one, two),
        })
    }
}

/// The types that have a collation.
pub fn is_collatable(pg_type: PgType) -> bool {
    match pg_type {
        PgType::Text | PgType::Varchar | PgType::Bpchar | PgType::Name | PgType::Unknown => true,
        PgType::Array(element) => is_collatable(*element),
        _ => false,
    }
}

/// What expressions together give: 42P21 if COLLATE says two different things.
pub(crate) fn derived(several: &[Typed]) -> Result<Derived, SqlError> {
    let mut result = Derived::default();
    for one in several {
        result = result.with(one.collation).map_err(|error| error.at(one.position))?;
    }
    Ok(result)
}

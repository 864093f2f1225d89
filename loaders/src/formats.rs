//! Formats: bytes → rows of raw text with their places, as pure functions. They know no column types and no rules.
//!
//! - `encoding.rs`: bytes → text, with what could not be decoded marked, never replaced silently.
//! - `delimited.rs`: text with separators and quotes → `RawRows`.
//! - `rows.rs`: what every format gives.

pub(crate) mod blocks;
pub mod delimited;
pub mod encoding;
pub(crate) mod rows;

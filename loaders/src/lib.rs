//! How data gets in: from the files of a source system to rows that readers see, or to rejects that say why not.
//!
//! ```text
//! source ─ stage ─ cleanse ─ validate ─ publish
//! ```
//!
//! - `config.rs`: a source's TOML, checked into a [`config::LoadSpec`]; `docs/add-a-source.md` explains every key.
//! - `source.rs`, `sources/`: where bytes come from.
//! - `formats/`: bytes → rows of raw text, as pure functions.
//! - `cleanse.rs`: raw text → typed columns. `rules.rs`: what values must be.
//!
//! This crate does not know users, rights, sockets or the command line; it prints nothing.

pub mod city;
pub mod cleanse;
pub mod config;
mod dates;
pub mod error;
pub mod formats;
pub mod rules;
pub mod source;
pub mod sources;

pub use dates::DateFormat;

/// The name of the source that reads a directory.
pub const DIRECTORY: &str = "directory";

/// The kinds of sources that there are: a literal list, so that one finds them here.
pub const fn registry() -> &'static [&'static str] {
    &[DIRECTORY]
}

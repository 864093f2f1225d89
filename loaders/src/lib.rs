//! How data gets in: from the files of a source system to rows that readers see, or to rejects that say why not.
//!
//! # The life of a load
//!
//! ```text
//! source ─ stage ─ cleanse ─ validate ─ publish
//! ```
//!
//! 1. `config.rs`: a source is a TOML file, checked into a [`config::LoadSpec`]. `docs/add-a-source.md` explains every key.
//! 2. `load.rs`: [`load()`] locks the source and takes its batches one after the other.
//! 3. `source.rs`, `sources/`: where bytes come from. They know no formats, columns or rules.
//! 4. `stage.rs`: files become batches: all of one business date and sequence are one.
//! 5. `read.rs`: a table's files are read and cut into blocks, which are worked on side by side and come out in order.
//!    - `formats/`: bytes → rows of raw text, as pure functions.
//!    - `cleanse.rs`: raw text → typed columns ("tvätt"). `rules.rs`: what single values must be. `dates.rs`: dates.
//! 6. `validate.rs`: keys, references, the share of rejects; good rows into data files that nobody sees yet.
//!    `target.rs`: the table that they are for. `rejects.rs`: the others, with place, rule and raw text.
//! 7. `publish.rs`: one commit: files, `ledger.rs`, rejects, security of new tables.
//!
//! `batch.rs` makes the steps types: publishing takes a `Batch<Validated>` and nothing else does. `report.rs` is what the command line
//! shows, `relations.rs` what SQL shows (`lis.batches`, `lis.batch_tables`, `lis.rejects`, `lis.sources`).
//! `city.rs` makes the fictional city of `lis demo`: extracts in each source system's own format.
//!
//! # Invariants
//!
//! - A value that could not be read is in the rejects with its place and reason; nothing is guessed, cut or rounded.
//! - Rows in = rows written + rows rejected, for every table of every batch.
//! - The same delivery is published once: same key and same files do nothing, same key and other files are refused,
//!   unless they are declared a correction, which takes the old batch out in the same commit (`undo.rs`).
//! - A crash at any point leaves the old state or the new one, and files that maintenance removes.
//!
//! # What this crate does not know
//!
//! Users and rights (tables are secured through [`lis_lake::hooks::TableSecurity`]), sockets, the command line; it prints nothing.

pub mod batch;
pub mod city;
pub mod cleanse;
pub mod config;
mod dates;
pub mod error;
pub mod formats;
mod ledger;
mod load;
mod night;
mod publish;
mod read;
pub mod rejects;
mod relations;
pub mod report;
pub mod rules;
pub mod source;
pub mod sources;
mod stage;
mod target;
mod text;
pub mod undo;
mod validate;

pub use dates::DateFormat;
pub use error::LoadError;
pub use ledger::COMPONENT;
pub use load::{LoadRequest, load};
pub use night::last_complete_night;
pub use relations::register;
pub use report::{BatchOutcome, BatchReport, LoadEvent, LoadReport, NoProgress, Progress};

/// The name of the source that reads a directory.
pub const DIRECTORY: &str = "directory";

/// The kinds of sources that there are: a literal list, so that one finds them here.
pub const fn registry() -> &'static [&'static str] {
    &[DIRECTORY]
}

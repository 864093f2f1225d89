//! The lake: tables, snapshots and commits in the DuckLake format.

pub mod error;
pub mod ids;
pub mod metadata;
pub mod names;
pub mod snapshot;
pub mod table;
pub mod types;

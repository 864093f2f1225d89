//! The lake: tables, snapshots and commits in the DuckLake format.

mod allocator;
mod commit;
pub mod data_file;
pub mod error;
pub mod files;
mod format;
pub mod hooks;
pub mod ids;
pub mod lake;
pub mod metadata;
pub mod names;
mod orphans;
pub mod provider;
pub mod snapshot;
pub mod staged;
mod statistics;
pub mod table;
pub mod types;

#[cfg(test)]
mod testing;

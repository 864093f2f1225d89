//! The lake: what tables exist, what is in them, and how that changes. It knows no users (an owner is a number), no SQL
//! (a view is text, a default is text), no wire and no sources.
//!
//! The format is DuckLake 1.0: an SQL database holds every definition, every data file with its statistics and every
//! snapshot; rows are in Parquet files that never change. `format.rs` is the only place that names DuckLake, so that
//! the rest reads as what it means.
//!
//! # The story of one change
//!
//! 1. A reader takes the newest [`snapshot::Snapshot`] from [`lake::Lake::snapshot`]: immutable, shared, cached until the
//!    metadata database's change counter moves (`metadata/sqlite.rs`), then brought up to date by what is new
//!    (`format/load.rs`).
//! 2. A writer lays [`staged::StagedChanges`] over it. New schemas and relations get their final numbers at once
//!    (`allocator.rs`), so that grants and policies staged beside can refer to them.
//! 3. Rows go through a [`files::TableWriter`] into Parquet files beside the live data: sorted by the table's sort
//!    order, with statistics and a checksum, on disk before anybody refers to them.
//!    Rows that are moved from other files carry what they came with (`row_lineage.rs`).
//! 4. [`lake::Lake::commit`] takes the difference between base and outcome (`commit.rs`), checks that nothing it builds on
//!    has changed meanwhile, and writes it with the other crates' [`metadata::CommitPart`]s in one transaction.
//! 5. [`provider::LakeTable`] gives DataFusion an ordinary Parquet scan of one snapshot's files, less those that the
//!    statistics (`statistics.rs`) rule out.
//!
//! A reader of the past takes a state from `time_travel.rs`: the rows of then in today's definitions. Whoever reads a
//! snapshot keeps it from expiry (`pins.rs`).
//!
//! Small files are merged (`compact.rs`), old snapshots forgotten and their files removed (`expire.rs`), each in one
//! commit, beside readers and writers.
//!
//! One commit is taken out of the middle of history by `undo.rs`. Rows that are too old by a table's rule go from the
//! live table and then from history altogether (`retention.rs`).
//!
//! # What holds
//!
//! - A snapshot, once read, never changes; a reader sees all of a commit or nothing.
//! - A commit that was acknowledged is on disk: the files were synced first, then the database's log.
//! - A crash leaves the old state or the new one, and files that nothing refers to, which `orphans.rs` removes.
//! - A number of an object is never given twice, also after a restart and to another process.
//! - Statistics bound the values; where that cannot be said exactly, they are looser or absent.
//!
//! # Where to look when something is wrong
//!
//! `sqlite3 catalog.sqlite` and the tables `ducklake_snapshot_changes`, `ducklake_data_file` and `lis_…` tell what was
//! committed; any Parquet tool reads the files. `examples/layout.rs` measures layouts, `examples/outside_reader.rs` makes
//! a lake for the test that reads it with DuckDB.

mod allocator;
pub mod backup;
mod commit;
pub mod compact;
pub mod data_file;
pub mod dml;
pub mod error;
pub mod expire;
pub mod files;
mod format;
pub mod hooks;
pub mod ids;
pub mod lake;
pub mod metadata;
mod moved_rows;
pub mod names;
mod orphans;
pub mod pins;
pub mod provider;
pub mod retention;
pub mod rewriting;
pub mod row_lineage;
pub mod snapshot;
pub mod staged;
mod statistics;
pub mod table;
pub mod time_travel;
pub mod types;
pub mod undo;
pub mod verify;

#[cfg(test)]
mod testing;

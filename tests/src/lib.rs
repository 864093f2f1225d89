//! What the tests share. They start the built program `lis` and talk to it through its command line and its socket, as
//! users do; this package knows no other crate of the project, so that nothing can be tested by a way that users do
//! not have.
//!
//! - `server`: a warehouse in a temporary directory, and a server on a free port over it
//! - `raw`: the protocol by hand; `reference`: a real PostgreSQL beside; `differential`: one statement, both
//! - `matrix`: everything that PostgreSQL's catalogue offers over our types, generated, on both
//! - `random`: queries that are made up, for both; failing ones are made small
//! - `tpc`: the tables of TPC-H, and answers that may differ in their last digits
//! - `slt`: files of statements and expected rows, spoken by several users
//! - `clients`: psql, isql and Python programs with the drivers that people use
//! - `trials`: lists of tests, some of which need something (real data, time) and say so when they do not run
//!
//! `run` beside this directory starts all of it. By hand: `cargo build --release --workspace`, then
//! `cargo test --release --workspace`.

pub mod clients;
pub mod differential;
pub mod matrix;
pub mod random;
pub mod raw;
pub mod redact;
pub mod reference;
pub mod server;
pub mod slt;
pub mod tpc;
pub mod trials;

pub use server::{Shared, TestServer, Warehouse};

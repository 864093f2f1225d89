//! From text to a bound plan: the one binder of LIS. Queries, policies, views, CHECK constraints, models and loaders'
//! assertions all become DataFusion plans here, with PostgreSQL's meaning.
//!
//! The way of a statement:
//!
//! 1. `parse.rs` splits a message at its semicolons. Queries and what changes rows are read by sqlparser; everything else by
//!    `utility.rs` on the same tokens. `statement.rs` is the closed list of what there is.
//! 2. `bind/` makes a plan of a query ([`bind_query`]; its `mod.rs` tells how), looking names up in `names.rs` and in the
//!    [`catalog::Catalog`], with the constants of `context.rs`.
//! 3. Types come from `types.rs` (literals, casts, common types) and `resolve.rs` (which operator or function is meant,
//!    by the tables of `operators.rs` and `functions.rs`).
//! 4. `output.rs` is what comes out: a plan whose column names are internal and unique, and beside it PostgreSQL's names,
//!    types and the origin of every column, the views that were expanded and what the query depends on.
//!
//! 5. `engine.rs` is what the engine's optimizer and planner need so that the plan keeps this meaning.
//!
//! What this crate does **not** know: users and rights, sessions, the wire, files. A plan that it makes is not allowed
//! yet; `security` decides that. Nothing here waits: binding is synchronous and asks nobody.
//!
//! To see what a query becomes: `EXPLAIN`, or a case in `testdata/bind/*.txt`. Errors carry a kind that stands for one SQLSTATE
//! and a position in characters; [`error::SqlErrorKind::Internal`] is a defect.

pub mod bind;
mod build;
pub mod catalog;
pub mod context;
pub mod deparse;
mod dialect;
pub mod digits;
pub mod engine;
pub mod error;
pub mod expression_text;
mod functions;
pub mod keywords;
pub mod modification;
mod names;
pub mod operators;
pub mod output;
pub mod parse;
pub mod positions;
pub mod resolve;
pub mod returned;
pub mod statement;
pub mod stored_text;
pub mod types;
pub mod utility;
pub mod view_rows;

pub use bind::{
    BoundModification, BoundPart, BoundReturning, BoundStatement, BoundStep, bind_assigned, bind_check,
    bind_copy_condition, bind_default, bind_modification, bind_predicate, bind_query, bind_stored, constant,
    qualify_query,
};
pub use operators::is_leakproof;
pub use parse::parse;
pub use utility::recursive_view_text;

//! From text to a bound plan.

pub mod bind;
pub mod catalog;
pub mod context;
pub mod error;
pub mod keywords;
pub mod operators;
pub mod output;
pub mod parse;
pub mod positions;
pub mod resolve;
pub mod runner;
pub mod statement;
pub mod types;
pub mod utility;

pub use bind::{BoundInsert, bind_insert, bind_predicate, bind_query};
pub use operators::is_leakproof;
pub use parse::parse;

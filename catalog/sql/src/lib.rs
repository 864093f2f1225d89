//! From text to a bound plan.

pub mod catalog;
pub mod context;
pub mod error;
pub mod operators;
pub mod output;
pub mod resolve;
pub mod runner;
pub mod statement;
pub mod types;
pub mod utility;

//! From text to a bound plan.

pub mod catalog;
pub mod context;
pub mod error;
pub mod output;
pub mod runner;
pub mod statement;
pub mod utility;

//! The generated matrix: every operator, function, cast, aggregate and window function that PostgreSQL's own catalogue
//! knows over the supported types, called with ordinary, boundary and null arguments, on LIS and on the real PostgreSQL.
//!
//! - `samples`: the values of each type, and those of arguments that are a little language (formats, patterns, fields);
//! - `signatures`: what the reference's catalogue offers, by family, and what is left out and why;
//! - `calls`: the calls of a signature; the same ones every time, so that a list can name them;
//! - `answers`: what a server answers, many calls to a round trip, every error still one call's own;
//! - `compare`: when two answers agree, and by which agreed rule;
//! - `list`: the published list of what is refused and what differs, and the page for people.
//!
//! Every call is made with constants and over a column. PostgreSQL computes both with the same function, so its one
//! answer is the expectation of both; LIS folds the first and runs its vectorised kernels for the second. A column is a
//! VALUES list of several rows: neither server folds through it.

pub mod answers;
pub mod calls;
pub mod compare;
pub mod list;
pub mod run;
pub mod samples;
pub mod signatures;

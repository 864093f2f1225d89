//! PostgreSQL's functions and operators over Arrow: the results, errors and null handling of PostgreSQL, a batch at a
//! time. One family per file. Knows Arrow and DataFusion's function traits only: no types of the catalogue, no session,
//! no SQL text. What a function needs of these (a time zone, a scale) it gets as an argument or in its result type.
//!
//! - [`error`]: what can go wrong, and how to find it again in a DataFusion error;
//! - [`scalar`], [`aggregate`]: the shapes that all scalar and all aggregate functions share;
//! - [`text_input`], [`text_output`]: every type from and to text; the server's encoder and the loaders use them too;
//! - [`calendar`]: days, microseconds and time zones;
//! - [`interrupt`]: how long work hears that nobody waits for it;
//! - [`kernels`]: the loops that kernels share;
//! - [`collation`]: keys that order text, arrays and records;
//! - the families: [`casts`], [`numbers`], [`dates`], [`strings`], [`patterns`], ….

pub mod account;
pub mod aggregate;
pub mod aggregates;
pub mod arrays;
pub mod buckets;
pub mod bytes;
pub mod calendar;
pub mod casts;
pub mod collation;
pub mod column_size;
pub mod dates;
pub mod encodings;
pub mod error;
pub mod extremes;
pub mod folds;
pub mod formatting;
pub mod hashes;
pub mod identifiers;
pub mod interrupt;
pub mod json;
pub mod kernels;
mod logarithms;
pub mod moments;
pub mod numbers;
pub mod ordered_sets;
pub mod patterns;
pub mod random;
pub mod records;
pub mod results;
pub mod row_counts;
pub mod scalar;
pub mod sets;
pub mod statistics;
pub mod string_aggregates;
pub mod strings;
pub mod text_input;
pub mod text_output;
pub mod timetz;
pub mod truth;
pub mod windows;

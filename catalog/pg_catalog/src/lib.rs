//! The registry of system relations and functions, pg_catalog and information_schema.

pub mod registry;

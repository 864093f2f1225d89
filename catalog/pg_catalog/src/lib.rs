//! What exists, told in PostgreSQL's words: `pg_catalog` and `information_schema` as ordinary relations, so that a
//! client's catalogue query is bound, authorised and run like any other; no query is known by its text.
//!
//! `registry.rs` holds every system relation and function of every crate; `shapes.rs` the columns of PostgreSQL 15's
//! own; `relations/` one file each for what has rows, `functions/` the functions that know the catalogue.
//! `session_catalog.rs` is what the binder asks, `system_table.rs` what DataFusion scans, `namespaces.rs` who may know
//! of what: every listing goes through it.
//!
//! It knows no roles, policies, sessions or batches: the crates that do register relations of their own, and decide
//! through [`registry::Viewer`] what may be seen. Row counts and sizes of tables with row security are never told.

pub mod format_type;
mod functions;
mod namespaces;
pub mod registry;
mod relations;
pub mod rows;
mod session_catalog;
pub mod shapes;
mod system_table;

pub use self::{
    relations::{builtin, register_snapshots},
    session_catalog::SessionCatalog,
    system_table::SystemTable,
};

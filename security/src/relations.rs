//! Security's system relations.

use std::path::Path;

use lis_pg_catalog::registry::Registry;

/// Registers them all.
pub(crate) fn register(_registry: &mut Registry, _audit: &Path) {}

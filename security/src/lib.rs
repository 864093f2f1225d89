//! Who may see it.

pub mod administrations;
pub mod audit;
pub mod authenticate;
pub mod authorise;
pub mod change;
pub mod error;
pub mod grants;
pub mod policy;
pub mod principal;
pub mod rights;
pub mod roles;
pub mod session_state;
pub mod utility;
pub mod viewer;

use std::{path::Path, sync::Arc};

use lis_lake::{
    ids::{ColumnId, Oid},
    metadata::{CommitPart, Component, Metadata, Migration},
    names::Identifier,
};
use lis_pg_catalog::registry::Registry;
use secrecy::SecretString;

pub use audit::{Audit, AuditEvent};
pub use authorise::{Access, Authorised, AuthorisedQuery, authorise};
pub use change::{SecurityChange, SecurityChanges};
pub use error::{SecurityError, SecurityErrorKind};
pub use principal::Principal;
pub use rights::Rights;
pub use session_state::session_state;
pub use utility::{UtilityContext, plan_utility};

/// Security's tables in the metadata database.
pub const COMPONENT: Component = Component {
    name: "security",
    migrations: &[Migration { version: 1, sql: include_str!("../migrations/0001_security.sql") }],
};

/// Security of one open warehouse.
#[derive(Debug)]
pub struct Security {
    _metadata: Arc<dyn Metadata>,
    audit: Audit,
}

impl Security {
    /// Opens it over the lake's metadata database; the audit is written below `directory`.
    pub async fn open(metadata: Arc<dyn Metadata>, directory: &Path) -> Result<Self, SecurityError> {
        Ok(Self { _metadata: metadata, audit: Audit::open(&directory.join("audit")).await? })
    }

    /// The rights as of now: asked anew for every statement, read again only when they have changed.
    pub async fn rights(&self) -> Result<Arc<Rights>, SecurityError> {
        Ok(Arc::default())
    }

    /// The audit.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Adds security's system relations and functions: `pg_roles`, `pg_policies`, `lis.administrations`,
    /// `lis.my_administrations`, ….
    pub fn register(&self, _registry: &mut Registry) {}
}

/// The parts of a new warehouse's first commit: the predefined roles, and `lis_admin` with its verifier (see
/// [`authenticate::scram::scram_verifier`]). `public_schema` is the number of the schema `public`, on which everybody
/// has USAGE.
pub fn initialise(_admin_verifier: SecretString, _public_schema: Option<Oid>) -> Vec<Box<dyn CommitPart>> {
    Vec::new()
}

/// Secures a table by its administration column: row security enabled and forced, and the policy of the area. For
/// `lis.secure_table` (which [`plan_utility`] judges) and the loaders' hook, which makes table and policy in one commit.
/// Doing it again changes nothing.
pub fn secure_table(
    _rights: &Rights,
    _table: Oid,
    _column: (ColumnId, &Identifier),
    _area: &str,
) -> Result<SecurityChanges, SecurityError> {
    Ok(SecurityChanges::default())
}

/// What must go in the commit that drops an object: its grants, policies and row security.
pub fn forget_object(object: grants::Object) -> SecurityChanges {
    SecurityChanges::unconditional(vec![SecurityChange::ForgetObject(object)])
}

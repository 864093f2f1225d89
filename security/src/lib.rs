//! Who may see it.

pub mod administrations;
pub mod audit;
pub mod authenticate;
pub mod authorise;
pub mod barrier;
pub mod change;
pub mod context;
pub mod error;
mod functions;
pub mod grants;
mod leakproof;
mod load;
pub mod policy;
pub mod principal;
pub mod privileges;
mod relations;
mod requirements;
pub mod rights;
pub mod roles;
pub mod row_check;
pub mod secured_table;
pub mod session_state;
pub mod utility;
pub mod viewer;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use lis_lake::{
    ids::{ColumnId, Oid},
    metadata::{CommitPart, Component, Metadata, Migration},
    names::Identifier,
};
use lis_pg_catalog::registry::Registry;
use secrecy::SecretString;

use grants::{Grant, Object, PUBLIC, Privilege};
use roles::Role;

pub use audit::{Audit, AuditEvent};
pub use authorise::{Access, Authorised, AuthorisedQuery, authorise, require_described};
pub use change::{SecurityChange, SecurityChanges};
pub use context::StatementContext;
pub use error::{SecurityError, SecurityErrorKind};
pub use principal::Principal;
pub use rights::Rights;
pub use row_check::RowCheck;
pub use session_state::session_state;
pub use utility::{NewAdministration, create_administration, create_area, plan_utility};

/// The bootstrap superuser.
pub const ADMINISTRATOR: &str = "lis_admin";

/// Security's tables in the metadata database.
pub const COMPONENT: Component = Component {
    name: "security",
    migrations: &[Migration { version: 1, sql: include_str!("../migrations/0001_security.sql") }],
};

/// Security of one open warehouse.
#[derive(Debug)]
pub struct Security {
    metadata: Arc<dyn Metadata>,
    audit: Audit,
    cache: Mutex<Cache>,
}

/// The rights that were read last.
#[derive(Debug, Default)]
struct Cache {
    /// The metadata's change counter that they were found current at.
    counter: Option<i64>,
    rights: Arc<Rights>,
}

impl Security {
    /// Opens it over the lake's metadata database; the audit is written below `directory`.
    pub async fn open(metadata: Arc<dyn Metadata>, directory: &Path) -> Result<Self, SecurityError> {
        let audit = Audit::open(&directory.join("audit")).await?;
        let security = Self { metadata, audit, cache: Mutex::default() };
        security.rights().await?;
        Ok(security)
    }

    /// The rights as of now: asked anew for every statement, read again only when they have changed.
    pub async fn rights(&self) -> Result<Arc<Rights>, SecurityError> {
        // Asked before reading: a change in between is then found at the next statement, never missed.
        let counter = self.metadata.change_counter().await?;
        {
            let cache = self.cache();
            if cache.counter == Some(counter) {
                return Ok(Arc::clone(&cache.rights));
            }
        }
        let mut read = self.metadata.read().await?;
        let version = load::version(read.as_mut()).await?;
        let known = Arc::clone(&self.cache().rights);
        // A load changes the counter and no rights.
        let rights = if version == known.version && version != 0 {
            known
        } else {
            Arc::new(load::rights(read.as_mut()).await?)
        };
        let mut cache = self.cache();
        // Of two that read at the same time the newer stays.
        if cache.counter.is_none_or(|other| other <= counter) {
            *cache = Cache { counter: Some(counter), rights: Arc::clone(&rights) };
        }
        Ok(rights)
    }

    /// The audit.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Adds security's system relations and functions: `pg_roles`, `pg_policies`, `lis.administrations`,
    /// `lis.my_administrations`, ….
    pub fn register(&self, registry: &mut Registry) {
        relations::register(registry, self.audit.directory());
        registry.register_functions(Arc::new(functions::SecurityFunctions));
    }

    /// A poisoned lock holds what a panic left: a cache is as good as empty then, and it is refilled.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(|poisoned| {
            let mut cache = poisoned.into_inner();
            cache.counter = None;
            cache
        })
    }
}

/// The parts of a new warehouse's first commit: the predefined roles, and `lis_admin` with its verifier (see
/// [`authenticate::scram::scram_verifier`]). `public_schema` is the number of the schema `public`, on which everybody
/// has USAGE.
pub fn initialise(admin_verifier: SecretString, public_schema: Option<Oid>) -> Vec<Box<dyn CommitPart>> {
    let mut administrator = Role::new(Oid::ADMINISTRATOR, Identifier::exact(ADMINISTRATOR));
    administrator.superuser = true;
    administrator.create_role = true;
    administrator.create_db = true;
    administrator.login = true;
    administrator.replication = true;
    administrator.bypass_rls = true;
    administrator.verifier = Some(admin_verifier);
    let predefined = roles::PREDEFINED.iter().map(|(oid, name)| Role::new(*oid, Identifier::exact(name)));
    let mut changes: Vec<SecurityChange> =
        std::iter::once(administrator).chain(predefined).map(SecurityChange::CreateRole).collect();
    if let Some(schema) = public_schema {
        changes.push(SecurityChange::PutGrant(Grant {
            object: Object::schema(schema),
            grantee: PUBLIC,
            grantor: Oid::ADMINISTRATOR,
            privilege: Privilege::Usage,
            grantable: false,
        }));
    }
    let mut parts: Vec<Box<dyn CommitPart>> = vec![Box::new(change::FirstState)];
    parts.extend(SecurityChanges::unconditional(changes).into_parts());
    parts
}

/// Secures a table by its administration column: row security enabled and forced, and the policy of the area. For the
/// hook of loaders, which make table and policy in one commit; `lis.secure_table` is judged by [`plan_utility`]. An area
/// that does not exist is made, not sensitive. Doing it again changes nothing.
pub fn secure_table(
    rights: &Rights,
    table: Oid,
    column: (ColumnId, &Identifier),
    area: &str,
) -> Result<SecurityChanges, SecurityError> {
    let area = area.to_lowercase();
    let area = area.as_str();
    let mut changes = Vec::new();
    if area != administrations::ORDINARY && rights.all_administrations().area(area).is_none() {
        changes = create_area(rights, area, false)?.changes;
    }
    let made = rights.with(&changes);
    changes.extend(utility::secure_table(&made, table, column, area)?.changes);
    Ok(SecurityChanges::unconditional(changes))
}

/// What must go in the commit that drops an object: its grants, policies and row security.
pub fn forget_object(object: Object) -> SecurityChanges {
    SecurityChanges::unconditional(vec![SecurityChange::ForgetObject(object)])
}

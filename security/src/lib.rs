//! Who may see it: authentication, roles, grants, policies, the one door to execution, the audit. Bound plans and numbers
//! in, plans and verdicts out. This crate knows no sockets, no wire protocol, no SQLSTATE and no sources.
//!
//! # The story of one statement
//!
//! 1. `authenticate.rs` made a [`Principal`] when the connection was opened; SET ROLE made another (`principal.rs`).
//! 2. [`Security::rights`] gives the [`Rights`] as of now (`rights.rs`, read by `load.rs`, changed by `change.rs`). They
//!    are taken anew for every statement: a right that was revoked is gone at the next one, in an open transaction too,
//!    and going back to an old snapshot of the data never gives back a right.
//! 3. A query comes bound. [`authorise()`] asks `requirements.rs` what the plan touches (every node, every subquery),
//!    `grants.rs` whether the user may, and `policy.rs` which rows of each table; it puts a `secured_table.rs` in the
//!    place of each table with row security. Only its result can be executed.
//! 4. The engine plans it with the rules of `session_state.rs`. The secured table plans its own scan, with `barrier.rs`
//!    on top, which no predicate of the user's crosses unless `leakproof.rs` says so.
//! 5. A statement about rights goes to [`plan_utility`] (`utility/`) instead, which judges it and gives changes for the
//!    commit. Rows that are written go through a [`RowCheck`].
//! 6. `audit.rs` records it: before the first byte of the result, and after the last.
//!
//! # What we promise
//!
//! - **No policy, no rows.** A table with row security shows nothing to who no permissive policy applies to; a user
//!   without grants sees nothing; a plan node, table provider or statement that is not known is refused.
//! - No query returns, counts, orders by, fails on, explains or otherwise tells of a row that the user may not see. What a
//!   user writes is evaluated on hidden rows only if it can neither fail nor tell (comparisons of columns and constants).
//! - EXPLAIN shows the plan as it was bound: no files, row counts, metrics or constants of policies.
//! - An unknown user and a wrong password look alike and cost the same; passwords are never stored, logged or audited.
//! - Rights of administrations hold for roles that are reached through INHERIT alone; who has ADMIN on a role without
//!   INHERIT gives it and does not have it, until it gives it to itself, which the audit shows.
//!
//! # What we do not promise
//!
//! - **Time.** How long a query takes may depend on how many rows there are that the user may not see, as it may depend on
//!   what others run. The order of rows without ORDER BY may depend on the plan, and the plan on the order of magnitude
//!   of what is read.
//! - **That a table was changed.** Two transactions that change one table can conflict because of rows that one of them may
//!   not see (rows lie together in files; ON CONFLICT looks keys up). The second is told so (40001) in words that name
//!   the table and nothing else: it learns that somebody changed the table, and not what, whose or how many.
//! - A role that is SET stays SET when the membership that allowed it is revoked, as in PostgreSQL, until the session
//!   resets it or ends; what the role itself is granted and denied is as of now.
//! - Superusers and roles with BYPASSRLS see everything; owners see their tables unless row security is forced.
//! - Who may set a user's password (`lis_security_admin`, or ADMIN on the role with CREATEROLE) can log in as that user;
//!   the audit shows it.
//! - Values that reached a user once: what was exported, or inserted into a table that the user owns. (A table that is
//!   made from secured ones by CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW is secured in its turn:
//!   `derivation.rs`.)
//! - Who can read the warehouse's directory reads everything: the files are not encrypted.
//!
//! # To debug
//!
//! `tests/rewrite.rs` runs statements over a small lake and shows the logical and physical plan per role
//! (`tests/cases/`); `lis.audit` shows which policies a statement was run with; `pg_policies` shows what they say.

pub mod administrations;
pub mod audit;
pub mod authenticate;
pub mod authorise;
pub mod barrier;
pub mod change;
pub mod context;
pub mod derivation;
pub mod error;
mod functions;
pub mod grants;
mod judged_view;
mod leakproof;
mod lineage;
mod load;
pub mod modification;
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
pub use authorise::{
    Access, Authorised, AuthorisedQuery, authorise, require_described, row_security_applies,
};
pub use change::{SecurityChange, SecurityChanges};
pub use context::StatementContext;
pub use derivation::{Derived, derivation};
pub use error::{SecurityError, SecurityErrorKind};
pub use modification::{
    AuthorisedModification, AuthorisedPart, AuthorisedStatement, AuthorisedStep, ModificationChecks,
    authorise_statement, shown_columns,
};
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
    migrations: &[
        Migration { version: 1, sql: include_str!("../migrations/0001_security.sql") },
        Migration { version: 2, sql: include_str!("../migrations/0002_derived_tables.sql") },
    ],
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

/// The parts of a new warehouse's first commit: see [`first_changes`].
pub fn initialise(admin_verifier: SecretString, public_schema: Option<Oid>) -> Vec<Box<dyn CommitPart>> {
    let mut parts: Vec<Box<dyn CommitPart>> = vec![Box::new(change::FirstState)];
    parts.extend(SecurityChanges::unconditional(first_changes(admin_verifier, public_schema)).into_parts());
    parts
}

/// A new warehouse's first rights: the predefined roles, and `lis_admin` with its verifier (see
/// [`authenticate::scram::scram_verifier`]). `public_schema` is the number of the schema `public`, on which everybody
/// has USAGE.
pub fn first_changes(admin_verifier: SecretString, public_schema: Option<Oid>) -> Vec<SecurityChange> {
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
    changes
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

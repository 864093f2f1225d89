//! Everything that decides who may do what, as of one moment: roles, grants, policies, administrations. Immutable; taken
//! anew for every statement, shared by all of them until the metadata changes. In an open transaction the changes that
//! it has staged are laid over it with [`Rights::with`], so that it sees its own new roles and grants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lis_lake::{ids::Oid, names::Identifier, snapshot::Snapshot};
use lis_pg_catalog::registry::Viewer;

use crate::{
    administrations::Administrations,
    change::SecurityChange,
    derivation::Derived,
    grants::{Grants, Object, ObjectKind, Privilege},
    policy::Policies,
    principal::Principal,
    roles::{Role, Roles, SECURITY_ADMIN},
    viewer::RightsViewer,
};

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    pub(crate) version: i64,
    pub(crate) next_oid: u32,
    pub(crate) roles: Roles,
    pub(crate) grants: Grants,
    pub(crate) policies: Policies,
    pub(crate) administrations: Administrations,
    /// Tables that were made from secured ones.
    pub(crate) derived: BTreeMap<Oid, Derived>,
    /// `ALTER ROLE … SET`, by role.
    pub(crate) settings: BTreeMap<Oid, BTreeMap<String, String>>,
    pub(crate) mock_secret: Arc<[u8]>,
}

impl Rights {
    /// A number that grows with every change of rights: a key for plans and results that are kept.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The graph of roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The grants.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The policies.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The administrations and areas.
    pub fn all_administrations(&self) -> &Administrations {
        &self.administrations
    }

    /// A role by number.
    pub fn role(&self, oid: Oid) -> Option<&Role> {
        self.roles.role(oid)
    }

    /// A role by name.
    pub fn role_named(&self, name: &Identifier) -> Option<&Role> {
        self.roles.named(name)
    }

    /// Whether a role is a superuser.
    pub fn is_superuser(&self, role: Oid) -> bool {
        self.roles.is_superuser(role)
    }

    /// Whether policies do not apply to a role at all: a superuser, or BYPASSRLS (an attribute, never inherited).
    pub fn bypasses_row_security(&self, role: Oid) -> bool {
        self.roles.role(role).is_some_and(|role| role.superuser || role.bypass_rls)
    }

    /// Whether a role may manage every role and grant: superuser or `lis_security_admin`.
    pub fn manages_security(&self, role: Oid) -> bool {
        self.roles.uses(role, SECURITY_ADMIN)
    }

    /// The codes of `lis.my_administrations(area)` by area, for [`lis_sql::context::BindContext::administrations`].
    pub fn administrations(&self, principal: &Principal) -> BTreeMap<String, Vec<String>> {
        self.administrations.of(&self.roles, principal.current_oid())
    }

    /// `ALTER ROLE … SET` of a user, to be applied when it logs in.
    pub fn settings_of(&self, role: Oid) -> BTreeMap<String, String> {
        self.settings.get(&role).cloned().unwrap_or_default()
    }

    /// Whether the current role of a principal has a privilege.
    pub fn has(&self, principal: &Principal, object: Object, owner: Oid, privilege: Privilege) -> bool {
        self.holds(principal.current_oid(), object, owner, privilege)
    }

    /// Whether a role has a privilege, which nobody but the owner has on a table that is restricted to it.
    pub(crate) fn holds(&self, role: Oid, object: Object, owner: Oid, privilege: Privilege) -> bool {
        !self.withholds(role, object, owner) && self.grants.has(&self.roles, role, object, owner, privilege)
    }

    /// Whether an object is a table that is kept from everybody but its owner, and from this role.
    pub(crate) fn withholds(&self, role: Oid, object: Object, owner: Oid) -> bool {
        object.kind == ObjectKind::Relation && self.is_restricted(object.oid) && !self.roles.uses(role, owner)
    }

    /// Whether the current role owns an object or uses the rights of its owner.
    pub fn owns(&self, principal: &Principal, owner: Oid) -> bool {
        self.roles.uses(principal.current_oid(), owner)
    }

    /// The viewer of system relations. It decides over the relations of one snapshot.
    pub fn viewer(self: &Arc<Self>, principal: &Principal, snapshot: Arc<Snapshot>) -> Arc<dyn Viewer> {
        Arc::new(RightsViewer::new(Arc::clone(self), principal.clone(), snapshot))
    }

    /// These rights with staged changes over them.
    #[must_use]
    pub fn with(&self, changes: &[SecurityChange]) -> Self {
        let mut rights = self.clone();
        for change in changes {
            change.apply_to(&mut rights);
        }
        rights
    }

    /// The roles whose rights the principal uses.
    pub(crate) fn used(&self, principal: &Principal) -> BTreeSet<Oid> {
        self.roles.used_by(principal.current_oid())
    }
}

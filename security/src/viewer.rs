//! What system relations may show: the registry's [`Viewer`] over one statement's rights, one principal and one
//! snapshot. Who has no privilege on a relation does not learn from the catalogue that it exists.

use std::{collections::BTreeSet, sync::Arc};

use lis_lake::{ids::Oid, names::Identifier, snapshot::Snapshot};
use lis_pg_catalog::registry::Viewer;

use crate::{
    grants::{Object, ObjectKind, Privilege, privilege_named},
    principal::Principal,
    rights::Rights,
};

/// See the module.
#[derive(Debug)]
pub struct RightsViewer {
    rights: Arc<Rights>,
    principal: Principal,
    snapshot: Arc<Snapshot>,
    superuser: bool,
    used: BTreeSet<Oid>,
}

impl RightsViewer {
    pub(crate) fn new(rights: Arc<Rights>, principal: Principal, snapshot: Arc<Snapshot>) -> Self {
        let used = rights.used(&principal);
        let superuser = rights.is_superuser(principal.current_oid());
        Self { rights, principal, snapshot, superuser, used }
    }

    /// The rights that it decides by.
    pub fn rights(&self) -> &Arc<Rights> {
        &self.rights
    }

    /// Who looks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the viewer uses the rights of a role.
    pub fn uses(&self, role: Oid) -> bool {
        self.superuser || self.used.contains(&role)
    }

    fn relation_owner(&self, relation: Oid) -> Option<Oid> {
        self.snapshot.relation_by_oid(relation).map(lis_lake::table::Relation::owner)
    }

    fn schema_owner(&self, schema: Oid) -> Option<Oid> {
        self.snapshot.schemas().find(|other| other.id.oid() == schema).map(|schema| schema.owner)
    }

    /// System objects have no owner in the lake: everybody reads them, and they filter themselves.
    fn has(&self, role: Option<&Identifier>, object: Object, privilege: &str) -> Option<bool> {
        let role = match role {
            Some(name) => self.rights.role_named(name)?.oid,
            None => self.principal.current_oid(),
        };
        let owner = match object.kind {
            ObjectKind::Relation => self.relation_owner(object.oid),
            ObjectKind::Schema => self.schema_owner(object.oid),
        };
        // PostgreSQL takes a list: any one of them is enough.
        let mut any = false;
        for part in privilege.split(',') {
            let part = part.trim().to_ascii_uppercase();
            let (name, option) = match part.strip_suffix(" WITH GRANT OPTION") {
                Some(name) => (name.trim().to_owned(), true),
                None => (part, false),
            };
            // MAINTAIN and RULE are names that PostgreSQL knows and nobody has here.
            if name == "RULE" || name == "MAINTAIN" {
                continue;
            }
            let privilege = privilege_named(&name)?;
            if !object.kind.privileges().contains(&privilege) {
                return None;
            }
            any |= match owner {
                None => !option && matches!(privilege, Privilege::Select | Privilege::Usage),
                Some(owner) if option => self
                    .rights
                    .grants()
                    .grantor(self.rights.roles(), role, object, owner, privilege)
                    .is_some(),
                Some(owner) => self.rights.holds(role, object, owner, privilege),
            };
        }
        Some(any)
    }
}

impl Viewer for RightsViewer {
    fn user(&self) -> Oid {
        self.principal.current_oid()
    }

    fn is_superuser(&self) -> bool {
        self.superuser
    }

    fn may_see_relation(&self, relation: Oid) -> bool {
        if self.superuser {
            return true;
        }
        let Some(owner) = self.relation_owner(relation) else { return true };
        let object = Object::relation(relation);
        if self.rights.withholds(self.principal.current_oid(), object, owner) {
            return false;
        }
        ObjectKind::Relation
            .privileges()
            .iter()
            .any(|privilege| self.rights.grants().has_among(&self.used, object, owner, *privilege))
    }

    fn may_see_schema(&self, schema: Oid) -> bool {
        if self.superuser {
            return true;
        }
        let Some(owner) = self.schema_owner(schema) else { return true };
        self.rights.grants().has_among(&self.used, Object::schema(schema), owner, Privilege::Usage)
    }

    fn has_table_privilege(&self, role: Option<&Identifier>, relation: Oid, privilege: &str) -> Option<bool> {
        self.has(role, Object::relation(relation), privilege)
    }

    fn has_schema_privilege(&self, role: Option<&Identifier>, schema: Oid, privilege: &str) -> Option<bool> {
        self.has(role, Object::schema(schema), privilege)
    }

    fn has_role(&self, role: Option<&Identifier>, of: &Identifier, privilege: &str) -> Option<bool> {
        let roles = self.rights.roles();
        let role = match role {
            Some(name) => roles.named(name)?.oid,
            None => self.principal.current_oid(),
        };
        let of = roles.named(of)?.oid;
        let mut any = false;
        for part in privilege.split(',') {
            let part = part.trim().to_ascii_uppercase();
            any |= match part.as_str() {
                "MEMBER" => roles.is_member(role, of),
                "USAGE" => roles.uses(role, of),
                "SET" => roles.can_set(role, of),
                "MEMBER WITH ADMIN OPTION"
                | "MEMBER WITH GRANT OPTION"
                | "USAGE WITH ADMIN OPTION"
                | "USAGE WITH GRANT OPTION"
                | "SET WITH ADMIN OPTION"
                | "SET WITH GRANT OPTION" => roles.administers(role, of),
                _ => return None,
            };
        }
        Some(any)
    }

    fn role_name(&self, role: Oid) -> Option<Identifier> {
        self.rights.role(role).map(|role| role.name.clone())
    }

    fn role_oid(&self, role: &Identifier) -> Option<Oid> {
        self.rights.role_named(role).map(|role| role.oid)
    }

    fn relation_acl(&self, relation: Oid) -> Option<Vec<String>> {
        let owner = self.relation_owner(relation)?;
        self.rights.grants().acl(self.rights.roles(), Object::relation(relation), owner)
    }

    fn schema_acl(&self, schema: Oid) -> Option<Vec<String>> {
        let owner = self.schema_owner(schema)?;
        self.rights.grants().acl(self.rights.roles(), Object::schema(schema), owner)
    }

    fn row_security(&self, relation: Oid) -> (bool, bool) {
        let row_security = self.rights.policies().row_security(relation);
        (row_security.enabled, row_security.forced)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

//! The graph of roles: who is a member of whom, with PostgreSQL 16's options of a membership (ADMIN, INHERIT, SET), and
//! the closures that every decision asks for. *Using* a role's rights goes through memberships with INHERIT only;
//! *becoming* it through those with SET; *administering* needs ADMIN on the role itself, held by oneself or by a role
//! whose rights one uses. A superuser is taken for a member of every role, as in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};

use lis_lake::{ids::Oid, names::Identifier};
use secrecy::SecretString;

/// The predefined roles and the administrator: numbers below 16384, never reused, and names that cannot be made.
pub const PREDEFINED: &[(Oid, &str)] = &[
    (OPERATOR, "lis_operator"),
    (SECURITY_ADMIN, "lis_security_admin"),
    (AUDITOR, "lis_auditor"),
    (LOADER, "lis_loader"),
];
/// `lis_operator`: sessions, cancel, maintenance, backup; no rows.
pub const OPERATOR: Oid = Oid::new(4301);
/// `lis_security_admin`: users, grants, policies; no rows.
pub const SECURITY_ADMIN: Oid = Oid::new(4302);
/// `lis_auditor`: the audit and the policies; no rows.
pub const AUDITOR: Oid = Oid::new(4303);
/// `lis_loader`: may push batches.
pub const LOADER: Oid = Oid::new(4304);

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its number.
    pub oid: Oid,
    /// Its name.
    pub name: Identifier,
    /// SUPERUSER
    pub superuser: bool,
    /// INHERIT: the default of new memberships' INHERIT option.
    pub inherit: bool,
    /// CREATEROLE
    pub create_role: bool,
    /// CREATEDB
    pub create_db: bool,
    /// LOGIN
    pub login: bool,
    /// REPLICATION
    pub replication: bool,
    /// BYPASSRLS
    pub bypass_rls: bool,
    /// CONNECTION LIMIT; -1 is none.
    pub connection_limit: i32,
    /// The SCRAM verifier, if it has a password.
    pub verifier: Option<SecretString>,
    /// VALID UNTIL, in microseconds since 1970 UTC.
    pub valid_until_us: Option<i64>,
}

impl Role {
    /// A role with CREATE ROLE's defaults.
    pub fn new(oid: Oid, name: Identifier) -> Self {
        Self {
            oid,
            name,
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: false,
            replication: false,
            bypass_rls: false,
            connection_limit: -1,
            verifier: None,
            valid_until_us: None,
        }
    }
}

/// `member` is a member of `role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Its number.
    pub oid: Oid,
    /// The role that was granted.
    pub role: Oid,
    /// To whom.
    pub member: Oid,
    /// By whom.
    pub grantor: Oid,
    /// ADMIN
    pub admin: bool,
    /// INHERIT
    pub inherit: bool,
    /// SET
    pub set: bool,
}

/// Every role and membership.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    by_oid: BTreeMap<Oid, Role>,
    by_name: BTreeMap<Identifier, Oid>,
    /// By member.
    memberships: BTreeMap<Oid, Vec<Membership>>,
}

impl Roles {
    /// A role by number.
    pub fn role(&self, oid: Oid) -> Option<&Role> {
        self.by_oid.get(&oid)
    }

    /// A role by name.
    pub fn named(&self, name: &Identifier) -> Option<&Role> {
        self.by_oid.get(self.by_name.get(name)?)
    }

    /// Every role, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.by_oid.values()
    }

    /// Every membership.
    pub fn memberships(&self) -> impl Iterator<Item = &Membership> {
        self.memberships.values().flatten()
    }

    /// The memberships that a role holds itself.
    pub fn memberships_of(&self, member: Oid) -> &[Membership] {
        self.memberships.get(&member).map_or(&[], Vec::as_slice)
    }

    /// Adds a role or puts another in its place.
    pub(crate) fn put(&mut self, role: Role) {
        if let Some(old) = self.by_oid.get(&role.oid) {
            self.by_name.remove(&old.name);
        }
        self.by_name.insert(role.name.clone(), role.oid);
        self.by_oid.insert(role.oid, role);
    }

    /// Removes a role and the memberships that it is part of.
    pub(crate) fn remove(&mut self, oid: Oid) {
        if let Some(role) = self.by_oid.remove(&oid) {
            self.by_name.remove(&role.name);
        }
        self.memberships.remove(&oid);
        for held in self.memberships.values_mut() {
            held.retain(|membership| membership.role != oid);
        }
    }

    /// Adds a membership or puts another in its place: there is one per role, member and grantor.
    pub(crate) fn put_membership(&mut self, membership: Membership) {
        self.remove_membership(membership.role, membership.member, membership.grantor);
        self.memberships.entry(membership.member).or_default().push(membership);
    }

    /// Removes a membership.
    pub(crate) fn remove_membership(&mut self, role: Oid, member: Oid, grantor: Oid) {
        if let Some(held) = self.memberships.get_mut(&member) {
            held.retain(|membership| !(membership.role == role && membership.grantor == grantor));
        }
    }

    /// Whether the role is a superuser.
    pub fn is_superuser(&self, oid: Oid) -> bool {
        self.role(oid).is_some_and(|role| role.superuser)
    }

    /// The roles whose rights `oid` uses: itself and everything reached through INHERIT.
    pub fn used_by(&self, oid: Oid) -> BTreeSet<Oid> {
        self.closure(oid, |membership| membership.inherit)
    }

    /// The roles that `oid` can become: itself and everything reached through SET.
    pub fn settable_by(&self, oid: Oid) -> BTreeSet<Oid> {
        self.closure(oid, |membership| membership.set)
    }

    /// The roles that `oid` is a member of in any way, itself included.
    pub fn member_of(&self, oid: Oid) -> BTreeSet<Oid> {
        self.closure(oid, |_| true)
    }

    /// Whether `oid` uses the rights of `role`: PostgreSQL's `has_privs_of_role`.
    pub fn uses(&self, oid: Oid, role: Oid) -> bool {
        oid == role || self.is_superuser(oid) || self.used_by(oid).contains(&role)
    }

    /// Whether SET ROLE is allowed: PostgreSQL's `member_can_set_role`.
    pub fn can_set(&self, oid: Oid, role: Oid) -> bool {
        oid == role || self.is_superuser(oid) || self.settable_by(oid).contains(&role)
    }

    /// Whether `oid` is a member in any way: `pg_has_role(…, 'MEMBER')`.
    pub fn is_member(&self, oid: Oid, role: Oid) -> bool {
        oid == role || self.is_superuser(oid) || self.member_of(oid).contains(&role)
    }

    /// Whether `oid` may grant `role`: ADMIN held by itself or by a role whose rights it uses.
    pub fn administers(&self, oid: Oid, role: Oid) -> bool {
        self.admin_through(oid, role).is_some()
    }

    /// The role through which `oid` administers `role`, which is the grantor that PostgreSQL records: oneself if
    /// possible; for a superuser the bootstrap superuser.
    pub fn admin_through(&self, oid: Oid, role: Oid) -> Option<Oid> {
        if self.is_superuser(oid) {
            return Some(Oid::ADMINISTRATOR);
        }
        let holds_admin = |holder: &Oid| {
            self.memberships_of(*holder).iter().any(|membership| membership.role == role && membership.admin)
        };
        if holds_admin(&oid) {
            return Some(oid);
        }
        self.used_by(oid).into_iter().find(holds_admin)
    }

    fn closure(&self, oid: Oid, follow: impl Fn(&Membership) -> bool) -> BTreeSet<Oid> {
        let mut reached = BTreeSet::from([oid]);
        let mut open = vec![oid];
        while let Some(member) = open.pop() {
            for membership in self.memberships_of(member) {
                if follow(membership) && reached.insert(membership.role) {
                    open.push(membership.role);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(u32, u32, bool, bool, bool)]) -> Roles {
        let mut roles = Roles::default();
        for (number, (member, role, admin, inherit, set)) in edges.iter().enumerate() {
            for oid in [*member, *role] {
                roles.put(Role::new(Oid::new(oid), Identifier::exact(&format!("r{oid}"))));
            }
            roles.put_membership(Membership {
                oid: Oid::new(u32::try_from(number).unwrap()),
                role: Oid::new(*role),
                member: Oid::new(*member),
                grantor: Oid::ADMINISTRATOR,
                admin: *admin,
                inherit: *inherit,
                set: *set,
            });
        }
        roles
    }

    #[test]
    fn rights_flow_through_inherit_and_identity_through_set() {
        let roles =
            graph(&[(1, 2, false, true, false), (2, 3, false, false, true), (1, 4, false, false, true)]);
        let oid = Oid::new;
        assert!(roles.uses(oid(1), oid(2)));
        assert!(!roles.uses(oid(1), oid(3)), "the second step does not inherit");
        assert!(!roles.can_set(oid(1), oid(2)));
        assert!(!roles.can_set(oid(1), oid(3)), "the first step does not set");
        assert!(roles.can_set(oid(1), oid(4)));
        assert!(roles.is_member(oid(1), oid(3)));
    }

    #[test]
    fn admin_may_be_held_through_a_role_that_one_uses() {
        let roles =
            graph(&[(1, 2, false, true, false), (2, 3, true, false, false), (4, 2, false, false, true)]);
        let oid = Oid::new;
        assert_eq!(roles.admin_through(oid(2), oid(3)), Some(oid(2)));
        assert_eq!(roles.admin_through(oid(1), oid(3)), Some(oid(2)));
        assert_eq!(roles.admin_through(oid(4), oid(3)), None, "SET alone does not use rights");
    }

    #[test]
    fn removing_a_role_removes_its_memberships() {
        let mut roles = graph(&[(1, 2, false, true, true), (2, 3, false, true, true)]);
        roles.remove(Oid::new(2));
        assert_eq!(roles.memberships().count(), 0);
    }
}

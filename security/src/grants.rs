//! Privileges on schemas and relations: who was granted what by whom, the owner's implicit rights, PUBLIC, and ACLs in
//! PostgreSQL's text form. An owner has every privilege with grant option without a row here; default deny for the rest.

use std::collections::{BTreeMap, BTreeSet};

use lis_lake::ids::Oid;
pub use lis_sql::statement::Privilege;

use crate::roles::Roles;

/// What kind of object a grant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A schema.
    Schema,
    /// A table or view.
    Relation,
}

impl ObjectKind {
    /// The privileges that exist on it, in the order of an ACL's letters.
    pub fn privileges(self) -> &'static [Privilege] {
        match self {
            Self::Schema => &[Privilege::Usage, Privilege::Create],
            Self::Relation => &[
                Privilege::Insert,
                Privilege::Select,
                Privilege::Update,
                Privilege::Delete,
                Privilege::Truncate,
                Privilege::References,
                Privilege::Trigger,
            ],
        }
    }

    pub(crate) fn stored(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Relation => "relation",
        }
    }
}

/// An object that has an owner and grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its number.
    pub oid: Oid,
}

impl Object {
    /// A schema.
    pub fn schema(oid: Oid) -> Self {
        Self { kind: ObjectKind::Schema, oid }
    }

    /// A table or view.
    pub fn relation(oid: Oid) -> Self {
        Self { kind: ObjectKind::Relation, oid }
    }
}

/// The grantee that stands for everybody.
pub const PUBLIC: Oid = Oid::INVALID;

/// A privilege's name in SQL.
pub fn privilege_name(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Select => "SELECT",
        Privilege::Insert => "INSERT",
        Privilege::Update => "UPDATE",
        Privilege::Delete => "DELETE",
        Privilege::Truncate => "TRUNCATE",
        Privilege::References => "REFERENCES",
        Privilege::Trigger => "TRIGGER",
        Privilege::Usage => "USAGE",
        Privilege::Create => "CREATE",
    }
}

/// A privilege by its name in any case.
pub fn privilege_named(name: &str) -> Option<Privilege> {
    const ALL: [Privilege; 9] = [
        Privilege::Select,
        Privilege::Insert,
        Privilege::Update,
        Privilege::Delete,
        Privilege::Truncate,
        Privilege::References,
        Privilege::Trigger,
        Privilege::Usage,
        Privilege::Create,
    ];
    ALL.into_iter().find(|privilege| privilege_name(*privilege).eq_ignore_ascii_case(name.trim()))
}

fn letter(privilege: Privilege) -> char {
    match privilege {
        Privilege::Select => 'r',
        Privilege::Insert => 'a',
        Privilege::Update => 'w',
        Privilege::Delete => 'd',
        Privilege::Truncate => 'D',
        Privilege::References => 'x',
        Privilege::Trigger => 't',
        Privilege::Usage => 'U',
        Privilege::Create => 'C',
    }
}

/// One granted privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// On what.
    pub object: Object,
    /// To whom: [`PUBLIC`] is everybody.
    pub grantee: Oid,
    /// By whom.
    pub grantor: Oid,
    /// What.
    pub privilege: Privilege,
    /// WITH GRANT OPTION
    pub grantable: bool,
}

/// Every grant.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    by_object: BTreeMap<Object, Vec<Grant>>,
}

impl Grants {
    /// The grants on an object.
    pub fn on(&self, object: Object) -> &[Grant] {
        self.by_object.get(&object).map_or(&[], Vec::as_slice)
    }

    /// Every grant.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.by_object.values().flatten()
    }

    /// Adds a grant; the grant option is kept if it was there.
    pub(crate) fn put(&mut self, grant: Grant) {
        let held = self.by_object.entry(grant.object).or_default();
        match held.iter_mut().find(|other| same(other, &grant)) {
            Some(other) => other.grantable |= grant.grantable,
            None => held.push(grant),
        }
    }

    /// Removes a grant, or only its grant option.
    pub(crate) fn remove(&mut self, grant: &Grant, option_only: bool) {
        if let Some(held) = self.by_object.get_mut(&grant.object) {
            if option_only {
                held.iter_mut().filter(|other| same(other, grant)).for_each(|other| other.grantable = false);
            } else {
                held.retain(|other| !same(other, grant));
            }
            if held.is_empty() {
                self.by_object.remove(&grant.object);
            }
        }
    }

    /// Removes everything about an object.
    pub(crate) fn forget(&mut self, object: Object) {
        self.by_object.remove(&object);
    }

    /// Removes everything that was granted to a role.
    pub(crate) fn forget_grantee(&mut self, role: Oid) {
        self.by_object.values_mut().for_each(|held| held.retain(|grant| grant.grantee != role));
        self.by_object.retain(|_, held| !held.is_empty());
    }

    /// Whether `role` has the privilege: as owner, by a grant to a role whose rights it uses, or through PUBLIC.
    pub fn has(&self, roles: &Roles, role: Oid, object: Object, owner: Oid, privilege: Privilege) -> bool {
        roles.is_superuser(role) || self.has_among(&roles.used_by(role), object, owner, privilege)
    }

    /// [`Grants::has`] with the closure at hand.
    pub fn has_among(&self, used: &BTreeSet<Oid>, object: Object, owner: Oid, privilege: Privilege) -> bool {
        used.contains(&owner)
            || self.on(object).iter().any(|grant| {
                grant.privilege == privilege && (grant.grantee == PUBLIC || used.contains(&grant.grantee))
            })
    }

    /// Whether `role` may grant the privilege, and as whom: as the owner where it can, else as the role that holds the
    /// grant option. PostgreSQL records the owner as grantor where a superuser grants.
    pub fn grantor(
        &self,
        roles: &Roles,
        role: Oid,
        object: Object,
        owner: Oid,
        privilege: Privilege,
    ) -> Option<Oid> {
        if roles.uses(role, owner) {
            return Some(owner);
        }
        let used = roles.used_by(role);
        let holders: Vec<Oid> = self
            .on(object)
            .iter()
            .filter(|grant| grant.privilege == privilege && grant.grantable && used.contains(&grant.grantee))
            .map(|grant| grant.grantee)
            .collect();
        holders.iter().copied().find(|holder| *holder == role).or(holders.first().copied())
    }

    /// The ACL in PostgreSQL's text form, or `None` where nothing was ever granted.
    pub fn acl(&self, roles: &Roles, object: Object, owner: Oid) -> Option<Vec<String>> {
        let grants = self.on(object);
        if grants.is_empty() {
            return None;
        }
        let mut pairs: Vec<(Oid, Oid)> = vec![(owner, owner)];
        for grant in grants {
            if !pairs.contains(&(grant.grantee, grant.grantor)) {
                pairs.push((grant.grantee, grant.grantor));
            }
        }
        let name = |oid: Oid| match roles.role(oid) {
            Some(role) => role.name.to_string(),
            None if oid == PUBLIC => String::new(),
            None => oid.to_string(),
        };
        let items = pairs.into_iter().map(|(grantee, grantor)| {
            let mut letters = String::new();
            for privilege in object.kind.privileges() {
                let granted = grants.iter().find(|grant| {
                    grant.grantee == grantee && grant.grantor == grantor && grant.privilege == *privilege
                });
                let owns = grantee == owner && grantor == owner;
                if owns || granted.is_some() {
                    letters.push(letter(*privilege));
                }
                if !owns && granted.is_some_and(|grant| grant.grantable) {
                    letters.push('*');
                }
            }
            format!("{}={letters}/{}", name(grantee), name(grantor))
        });
        Some(items.collect())
    }
}

fn same(one: &Grant, other: &Grant) -> bool {
    one.grantee == other.grantee && one.grantor == other.grantor && one.privilege == other.privilege
}

#[cfg(test)]
mod tests {
    use lis_lake::names::Identifier;

    use super::*;
    use crate::roles::Role;

    #[test]
    fn owner_public_and_acl() {
        let mut roles = Roles::default();
        roles.put(Role::new(Oid::new(10), Identifier::exact("lis_admin")));
        roles.put(Role::new(Oid::new(20000), Identifier::exact("Anna")));
        let table = Object::relation(Oid::new(16390));
        let (owner, anna) = (Oid::new(10), Oid::new(20000));
        let mut grants = Grants::default();
        assert!(grants.has(&roles, owner, table, owner, Privilege::Delete));
        assert!(!grants.has(&roles, anna, table, owner, Privilege::Select));
        assert_eq!(grants.acl(&roles, table, owner), None);
        let grant = Grant {
            object: table,
            grantee: anna,
            grantor: owner,
            privilege: Privilege::Select,
            grantable: true,
        };
        grants.put(grant);
        grants.put(Grant { grantee: PUBLIC, grantable: false, ..grant });
        assert!(grants.has(&roles, anna, table, owner, Privilege::Select));
        assert_eq!(grants.grantor(&roles, anna, table, owner, Privilege::Select), Some(anna));
        assert_eq!(grants.grantor(&roles, anna, table, owner, Privilege::Insert), None);
        assert_eq!(
            grants.acl(&roles, table, owner).unwrap(),
            ["lis_admin=arwdDxt/lis_admin", "\"Anna\"=r*/lis_admin", "=r/lis_admin"]
        );
    }
}

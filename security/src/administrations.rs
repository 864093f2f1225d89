//! Administrations as roles. `adm_<code>` is an ordinary role; a child is granted to its parent with INHERIT and
//! without SET in the same commit that makes it, so belonging to a parent is belonging to its children. An **area** that
//! is marked sensitive has roles of its own, `adm_<code>_<area>`, under the same tree.
//!
//! `lis.my_administrations(area)` is a constant by the time that a statement is bound: the codes whose role the current
//! user *uses*, that is, reaches through INHERIT alone. A name of an area that does not exist is an error rather than
//! the ordinary areas, since a misspelt area must never widen what is seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use lis_lake::{
    ids::{ColumnId, Oid},
    names::Identifier,
};

use crate::roles::Roles;

/// The name under which the ordinary areas stand.
pub const ORDINARY: &str = "";

/// An administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    /// Its code, as the data has it.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The code of its parent.
    pub parent: Option<String>,
    /// The first day on which it exists.
    pub valid_from: Option<NaiveDate>,
    /// The last.
    pub valid_to: Option<NaiveDate>,
    /// Its role for the ordinary areas.
    pub role: Oid,
}

/// A subject area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its name, lower case.
    pub name: String,
    /// Whether belonging to an administration is not enough to see it.
    pub sensitive: bool,
}

/// What `lis.secure_table` recorded of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecuredBy {
    /// The administration column.
    pub column: ColumnId,
    /// The area; [`ORDINARY`] for none.
    pub area: String,
}

/// Every administration, area and secured table.
#[derive(Debug, Clone, Default)]
pub struct Administrations {
    pub(crate) by_code: BTreeMap<String, Administration>,
    pub(crate) areas: BTreeMap<String, Area>,
    pub(crate) secured: BTreeMap<Oid, SecuredBy>,
}

impl Administrations {
    /// Every administration, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Administration> {
        self.by_code.values()
    }

    /// An administration.
    pub fn get(&self, code: &str) -> Option<&Administration> {
        self.by_code.get(code)
    }

    /// Every area, by name.
    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// An area.
    pub fn area(&self, name: &str) -> Option<&Area> {
        self.areas.get(name)
    }

    /// How a table was secured.
    pub fn secured(&self, relation: Oid) -> Option<&SecuredBy> {
        self.secured.get(&relation)
    }

    /// The codes by area of which `role` uses the administration's role. Superusers use them all.
    pub fn of(&self, roles: &Roles, role: Oid) -> BTreeMap<String, Vec<String>> {
        let superuser = roles.is_superuser(role);
        let used = roles.used_by(role);
        let ordinary: Vec<String> = self
            .iter()
            .filter(|administration| superuser || used.contains(&administration.role))
            .map(|administration| administration.code.clone())
            .collect();
        let mut by_area: BTreeMap<String, Vec<String>> = self
            .areas()
            .map(|area| {
                let codes = if area.sensitive {
                    self.sensitive(roles, &used, superuser, &area.name)
                } else {
                    ordinary.clone()
                };
                (area.name.clone(), codes)
            })
            .collect();
        by_area.insert(ORDINARY.to_owned(), ordinary);
        by_area
    }

    fn sensitive(&self, roles: &Roles, used: &BTreeSet<Oid>, superuser: bool, area: &str) -> Vec<String> {
        self.iter()
            .filter(|administration| {
                superuser
                    || roles
                        .named(&role_name(&administration.code, area))
                        .is_some_and(|role| used.contains(&role.oid))
            })
            .map(|administration| administration.code.clone())
            .collect()
    }
}

/// The name of an administration's role; `area` is [`ORDINARY`] or a sensitive area's name. Codes fold to lower case.
pub fn role_name(code: &str, area: &str) -> Identifier {
    let code = code.to_lowercase();
    if area.is_empty() {
        Identifier::exact(&format!("adm_{code}"))
    } else {
        Identifier::exact(&format!("adm_{code}_{area}"))
    }
}

/// The policy that `lis.secure_table` writes.
pub fn policy_expression(column: &Identifier, area: &str) -> String {
    format!("{column} = ANY (lis.my_administrations('{}'))", area.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::{Membership, Role};

    #[test]
    fn a_parent_sees_its_children_and_sensitive_areas_need_their_own_role() {
        let oid = Oid::new;
        let mut roles = Roles::default();
        for (number, name) in [(1, "adm_100"), (2, "adm_103"), (3, "adm_103_social"), (9, "anna")] {
            roles.put(Role::new(oid(number), Identifier::exact(name)));
        }
        let member = |number, role, member, inherit| Membership {
            oid: oid(number),
            role: oid(role),
            member: oid(member),
            grantor: Oid::ADMINISTRATOR,
            admin: false,
            inherit,
            set: false,
        };
        roles.put_membership(member(50, 2, 1, true));
        roles.put_membership(member(51, 1, 9, true));
        let mut administrations = Administrations::default();
        for (code, role) in [("100", 1), ("103", 2)] {
            administrations.by_code.insert(
                code.to_owned(),
                Administration {
                    code: code.to_owned(),
                    name: code.to_owned(),
                    parent: None,
                    valid_from: None,
                    valid_to: None,
                    role: oid(role),
                },
            );
        }
        for (name, sensitive) in [("social", true), ("ekonomi", false)] {
            administrations.areas.insert(name.to_owned(), Area { name: name.to_owned(), sensitive });
        }
        let mine = administrations.of(&roles, oid(9));
        assert_eq!(mine[ORDINARY], ["100", "103"]);
        assert_eq!(mine["ekonomi"], ["100", "103"]);
        assert!(mine["social"].is_empty());
        roles.put_membership(member(52, 3, 9, true));
        assert_eq!(administrations.of(&roles, oid(9))["social"], ["103"]);
        roles.put_membership(member(51, 1, 9, false));
        assert!(administrations.of(&roles, oid(9))[ORDINARY].is_empty(), "without INHERIT it is not mine");
    }
}

//! Who may see the city, and its one report: users, administrations as a tree, and SQL that is run once after the
//! loads, by `lis_admin`.

use super::{
    Administration, User,
    organisation::{CITY, GROUPS, UNITS},
};

/// The role that every reader has: it may read the tables. Which rows is a matter of administrations.
const READERS: &str = "lasare";

/// The tree of administrations, parents first.
pub(crate) fn administrations() -> Vec<Administration> {
    let groups = GROUPS.iter().map(|(code, name, parent)| Administration {
        code: (*code).to_owned(),
        name: (*name).to_owned(),
        parent: parent.map(str::to_owned),
    });
    let mut units: Vec<_> = UNITS.iter().collect();
    // The merged ones are children of the one that they became, which so sees their history.
    units.sort_by_key(|unit| unit.successor.is_some());
    let units = units.into_iter().map(|unit| Administration {
        code: unit.code.to_owned(),
        name: unit.name.to_owned(),
        parent: Some(unit.parent().to_owned()),
    });
    groups.chain(units).collect()
}

/// The users beside `lis_admin`.
pub(crate) fn users() -> Vec<User> {
    let user = |name: String, administrations: &[&str]| User {
        name,
        administrations: administrations.iter().map(|code| (*code).to_owned()).collect(),
    };
    let mut users = vec![user("finans".to_owned(), &[CITY]), user("utan".to_owned(), &[])];
    users.extend(UNITS.iter().map(|unit| user(format!("chef_{}", unit.code), &[unit.code])));
    users
}

/// What is run after the loads, in order, by `lis_admin`.
pub(crate) fn statements() -> Vec<String> {
    let mut statements: Vec<String> = [
        "COMMENT ON SCHEMA ekonomi IS 'Ledger and budget'",
        "COMMENT ON SCHEMA org IS 'Organisation, chart of accounts and calendar'",
        "CREATE SCHEMA rapport",
        "COMMENT ON SCHEMA rapport IS 'Reports'",
        include_str!("sources/budgetuppfoljning.sql"),
        "COMMENT ON VIEW rapport.budgetuppfoljning IS \
         'Budget follow-up per board and period, accumulated within the year; income positive, cost negative'",
    ]
    .iter()
    .map(|statement| statement.trim().trim_end_matches(';').to_owned())
    .collect();
    statements.push(format!("CREATE ROLE {READERS}"));
    statements.push(format!("GRANT USAGE ON SCHEMA ekonomi, org, rapport TO {READERS}"));
    statements.push(format!(
        "GRANT SELECT ON ekonomi.verifikationsrad, ekonomi.budget, org.forvaltning, org.namnd, org.konto, \
         org.kalender, rapport.budgetuppfoljning TO {READERS}"
    ));
    let names: Vec<String> = users().into_iter().map(|user| user.name).collect();
    statements.push(format!("GRANT {READERS} TO {}", names.join(", ")));
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_children() {
        let tree = administrations();
        assert_eq!(tree.len(), GROUPS.len() + UNITS.len());
        for (index, node) in tree.iter().enumerate() {
            let known = |parent: &String| tree[..index].iter().any(|before| before.code == *parent);
            assert!(node.parent.as_ref().is_none_or(known), "{}", node.code);
        }
        assert_eq!(tree.iter().filter(|node| node.parent.is_none()).count(), 1);
    }

    #[test]
    fn every_administration_has_a_head() {
        let users = users();
        assert!(users.iter().any(|user| user.name == "utan" && user.administrations.is_empty()));
        assert!(UNITS.iter().all(|unit| users.iter().any(|user| user.administrations == [unit.code])));
    }
}

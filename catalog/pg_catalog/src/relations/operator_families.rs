//! `pg_opfamily`, `pg_opclass` and `pg_amop`: which operators order the values of which types, as PostgreSQL 15's B-trees
//! have them (`operator_families.txt`). Programs read it to find the operators of keys.

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

const BTREE: Oid = Oid::new(403);
const SCHEMA: Oid = Oid::new(11);

/// The words of the lines of one kind.
fn lines(kind: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = include_str!("operator_families.txt").lines();
    lines.filter_map(move |line| {
        let mut words = line.split(' ');
        (words.next() == Some(kind)).then(|| words.collect())
    })
}

fn number(word: &str) -> Oid {
    Oid::new(word.parse().unwrap_or_default())
}

pub(super) fn families(_: &ViewContext, rows: &mut Rows) {
    for words in lines("family") {
        let [oid, name] = words.as_slice() else { continue };
        rows.add([
            ("oid", number(oid).into()),
            ("opfmethod", BTREE.into()),
            ("opfname", (*name).into()),
            ("opfnamespace", SCHEMA.into()),
            ("opfowner", Oid::ADMINISTRATOR.into()),
        ]);
    }
}

pub(super) fn classes(_: &ViewContext, rows: &mut Rows) {
    for words in lines("class") {
        let [oid, name, family, input, default] = words.as_slice() else { continue };
        rows.add([
            ("oid", number(oid).into()),
            ("opcmethod", BTREE.into()),
            ("opcname", (*name).into()),
            ("opcnamespace", SCHEMA.into()),
            ("opcowner", Oid::ADMINISTRATOR.into()),
            ("opcfamily", number(family).into()),
            ("opcintype", number(input).into()),
            ("opcdefault", (*default == "t").into()),
        ]);
    }
}

/// PostgreSQL numbers these rows too; nothing refers to the numbers, so they count from where its own begin.
pub(super) fn operators(_: &ViewContext, rows: &mut Rows) {
    for (oid, words) in (10_000..).zip(lines("operator")) {
        let [family, left, right, strategy, operator] = words.as_slice() else { continue };
        rows.add([
            ("oid", Oid::new(oid).into()),
            ("amopfamily", number(family).into()),
            ("amoplefttype", number(left).into()),
            ("amoprighttype", number(right).into()),
            ("amopstrategy", strategy.parse::<i64>().unwrap_or_default().into()),
            ("amoppurpose", "s".into()),
            ("amopopr", number(operator).into()),
            ("amopmethod", BTREE.into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_operators_are_of_families() {
        let families: Vec<&str> = lines("family").filter_map(|words| words.first().copied()).collect();
        assert!(lines("class").all(|words| words.len() == 5 && families.contains(&words[2])));
        assert!(lines("operator").all(|words| words.len() == 5 && families.contains(&words[0])));
    }
}

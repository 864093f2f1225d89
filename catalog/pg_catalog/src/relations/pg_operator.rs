//! `pg_operator`: the operators that the SQL layer has, with PostgreSQL 15's facts (`operators.txt`). Clients read it for
//! completion, and programs that make up queries read it for what they may write.

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

pub(super) fn fill(_: &ViewContext, rows: &mut Rows) {
    for line in include_str!("operators.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [oid, name, kind, merges, hashes, left, right, result, commutator, negator, code] =
            words.as_slice()
        else {
            continue;
        };
        let number = |word: &str| Oid::new(word.parse().unwrap_or_default());
        rows.add([
            ("oid", number(oid).into()),
            ("oprname", (*name).into()),
            ("oprnamespace", Oid::new(11).into()),
            ("oprowner", Oid::ADMINISTRATOR.into()),
            ("oprkind", (*kind).into()),
            ("oprcanmerge", (*merges == "t").into()),
            ("oprcanhash", (*hashes == "t").into()),
            ("oprleft", number(left).into()),
            ("oprright", number(right).into()),
            ("oprresult", number(result).into()),
            ("oprcom", number(commutator).into()),
            ("oprnegate", number(negator).into()),
            ("oprcode", number(code).into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_has_its_words() {
        assert!(include_str!("operators.txt").lines().all(|line| line.split(' ').count() == 11));
    }
}

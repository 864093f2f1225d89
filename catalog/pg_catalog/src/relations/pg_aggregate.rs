//! `pg_aggregate`: the aggregates that the SQL layer has, with PostgreSQL 15's facts (`aggregates.txt`). How they are
//! computed is nobody's function: the columns that would name one are zero, which is written `-`.

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

pub(super) fn fill(_: &ViewContext, rows: &mut Rows) {
    for line in include_str!("aggregates.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [function, kind, direct, sort_operator, transition_type, final_modify, moving_modify] =
            words.as_slice()
        else {
            continue;
        };
        let number = |word: &str| Oid::new(word.parse().unwrap_or_default());
        rows.add([
            ("aggfnoid", number(function).into()),
            ("aggkind", (*kind).into()),
            ("aggnumdirectargs", direct.parse::<i64>().unwrap_or_default().into()),
            ("aggfinalmodify", (*final_modify).into()),
            ("aggmfinalmodify", (*moving_modify).into()),
            ("aggsortop", number(sort_operator).into()),
            ("aggtranstype", number(transition_type).into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use crate::relations::pg_proc::procedures;

    #[test]
    fn every_line_is_a_function() {
        for line in include_str!("aggregates.txt").lines() {
            assert_eq!(line.split(' ').count(), 7, "{line}");
            let function = line.split(' ').next().and_then(|word| word.parse::<u32>().ok()).unwrap();
            assert!(procedures().iter().any(|known| known.oid.get() == function), "{line}");
        }
    }
}

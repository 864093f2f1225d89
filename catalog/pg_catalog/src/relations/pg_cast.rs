//! `pg_cast`: the casts between types that the SQL layer has, with PostgreSQL 15's facts (`casts.txt`: number, source,
//! target, function, context, method). A cast that the SQL layer has not, or has in another context, is not shown.

use lis_lake::{ids::Oid, types::PgType};
use lis_sql::types::{CastContext, cast_context};

use crate::{registry::ViewContext, rows::Rows};

pub(super) fn fill(_: &ViewContext, rows: &mut Rows) {
    for line in include_str!("casts.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [oid, source, target, function, context, method] = words.as_slice() else { continue };
        let number = |word: &str| Oid::new(word.parse().unwrap_or_default());
        if !is_here(number(source), number(target), context) {
            continue;
        }
        rows.add([
            ("oid", number(oid).into()),
            ("castsource", number(source).into()),
            ("casttarget", number(target).into()),
            ("castfunc", number(function).into()),
            ("castcontext", (*context).into()),
            ("castmethod", (*method).into()),
        ]);
    }
}

fn is_here(source: Oid, target: Oid, context: &str) -> bool {
    let (Some(source), Some(target)) = (PgType::from_oid(source), PgType::from_oid(target)) else {
        return false;
    };
    let letter = cast_context(source, target).map(|widest| match widest {
        CastContext::Implicit => "i",
        CastContext::Assignment => "a",
        CastContext::Explicit => "e",
    });
    letter == Some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sql_layer_has_nearly_all_of_them() {
        let lines: Vec<&str> = include_str!("casts.txt").lines().collect();
        assert!(lines.iter().all(|line| line.split(' ').count() == 6));
        let here = lines.iter().filter(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            is_here(Oid::new(words[1].parse().unwrap()), Oid::new(words[2].parse().unwrap()), words[4])
        });
        let (here, all) = (here.count(), lines.len());
        assert!(here * 10 > all * 9, "{here} of {all}");
    }
}

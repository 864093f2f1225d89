//! `pg_proc`: the input and output functions of the types, which drivers look up by name, and the functions that the
//! SQL layer has, with PostgreSQL 15's facts (`procedures.txt`). Nobody can own, grant or drop one.

use std::sync::LazyLock;

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

/// A row of `procedures.txt`.
#[derive(Debug)]
pub(crate) struct Procedure {
    pub(crate) oid: Oid,
    pub(crate) name: &'static str,
    kind: &'static str,
    strict: bool,
    returns_set: bool,
    volatility: &'static str,
    parallel: &'static str,
    leakproof: bool,
    pub(crate) result: Oid,
    pub(crate) arguments: Vec<i64>,
}

/// Every function.
pub(crate) fn procedures() -> &'static [Procedure] {
    static PROCEDURES: LazyLock<Vec<Procedure>> =
        LazyLock::new(|| include_str!("procedures.txt").lines().filter_map(read).collect());
    &PROCEDURES
}

fn read(line: &'static str) -> Option<Procedure> {
    let words: Vec<&'static str> = line.split(' ').collect();
    let [oid, name, kind, strict, returns_set, volatility, parallel, leakproof, result, _count, arguments] =
        words.as_slice()
    else {
        return None;
    };
    Some(Procedure {
        oid: Oid::new(oid.parse().ok()?),
        name,
        kind,
        strict: *strict == "t",
        returns_set: *returns_set == "t",
        volatility,
        parallel,
        leakproof: *leakproof == "t",
        result: Oid::new(result.parse().ok()?),
        arguments: arguments.split(',').filter_map(|argument| argument.parse().ok()).collect(),
    })
}

pub(super) fn fill(_: &ViewContext, rows: &mut Rows) {
    for procedure in procedures() {
        rows.add([
            ("oid", procedure.oid.into()),
            ("proname", procedure.name.into()),
            ("pronamespace", Oid::new(11).into()),
            ("proowner", Oid::ADMINISTRATOR.into()),
            ("prolang", Oid::new(12).into()),
            ("procost", 1.0.into()),
            ("prokind", procedure.kind.into()),
            ("proleakproof", procedure.leakproof.into()),
            ("proisstrict", procedure.strict.into()),
            ("proretset", procedure.returns_set.into()),
            ("provolatile", procedure.volatility.into()),
            ("proparallel", procedure.parallel.into()),
            ("pronargs", i64::try_from(procedure.arguments.len()).unwrap_or_default().into()),
            ("prorettype", procedure.result.into()),
            ("proargtypes", procedure.arguments.clone().into()),
            ("prosrc", procedure.name.into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(procedures().len(), include_str!("procedures.txt").lines().count());
        assert!(procedures().iter().any(|procedure| procedure.name == "array_recv"));
    }
}

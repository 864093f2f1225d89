//! `pg_type`: the types of `lis_lake::types`, with the facts that only clients ask for, from PostgreSQL 15
//! (`types.txt`).

use std::{collections::BTreeMap, sync::LazyLock};

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

/// A row of `types.txt`.
#[derive(Debug)]
pub(crate) struct TypeRow {
    pub(crate) name: &'static str,
    pub(crate) length: i16,
    pub(crate) by_value: bool,
    pub(crate) kind: &'static str,
    pub(crate) category: &'static str,
    pub(crate) preferred: bool,
    pub(crate) delimiter: &'static str,
    /// typsubscript, typelem, typarray, typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze
    pub(crate) numbers: [Oid; 10],
    pub(crate) align: &'static str,
    pub(crate) storage: &'static str,
    pub(crate) collation: Oid,
}

/// Every type by number.
pub(crate) fn rows() -> &'static BTreeMap<Oid, TypeRow> {
    static ROWS: LazyLock<BTreeMap<Oid, TypeRow>> =
        LazyLock::new(|| include_str!("types.txt").lines().filter_map(read).collect());
    &ROWS
}

/// A type by number.
pub(crate) fn row(oid: Oid) -> Option<&'static TypeRow> {
    rows().get(&oid)
}

fn read(line: &'static str) -> Option<(Oid, TypeRow)> {
    let words: Vec<&'static str> = line.split(' ').collect();
    let [
        oid,
        name,
        length,
        by_value,
        kind,
        category,
        preferred,
        delimiter,
        numbers @ ..,
        align,
        storage,
        collation,
    ] = words.as_slice()
    else {
        return None;
    };
    let number = |word: &str| word.parse().ok().map(Oid::new);
    let numbers: Vec<Oid> = numbers.iter().filter_map(|word| number(word)).collect();
    let row = TypeRow {
        name,
        length: length.parse().ok()?,
        by_value: *by_value == "t",
        kind,
        category,
        preferred: *preferred == "t",
        delimiter,
        numbers: numbers.try_into().ok()?,
        align,
        storage,
        collation: number(collation)?,
    };
    Some((number(oid)?, row))
}

pub(super) fn fill(_: &ViewContext, out: &mut Rows) {
    for (oid, row) in rows() {
        let [subscript, element, array, input, output, receive, send, modifier_in, modifier_out, analyze] =
            row.numbers;
        out.add([
            ("oid", (*oid).into()),
            ("typname", row.name.into()),
            ("typnamespace", Oid::new(11).into()),
            ("typowner", Oid::ADMINISTRATOR.into()),
            ("typlen", row.length.into()),
            ("typbyval", row.by_value.into()),
            ("typtype", row.kind.into()),
            ("typcategory", row.category.into()),
            ("typispreferred", row.preferred.into()),
            ("typisdefined", true.into()),
            ("typdelim", row.delimiter.into()),
            ("typsubscript", subscript.into()),
            ("typelem", element.into()),
            ("typarray", array.into()),
            ("typinput", input.into()),
            ("typoutput", output.into()),
            ("typreceive", receive.into()),
            ("typsend", send.into()),
            ("typmodin", modifier_in.into()),
            ("typmodout", modifier_out.into()),
            ("typanalyze", analyze.into()),
            ("typalign", row.align.into()),
            ("typstorage", row.storage.into()),
            ("typtypmod", (-1).into()),
            ("typcollation", row.collation.into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use lis_lake::types::PgType;

    use super::*;

    #[test]
    fn every_type_of_the_lake_is_here_and_agrees() {
        assert_eq!(rows().len(), include_str!("types.txt").lines().count());
        let arrays = PgType::SCALARS.iter().filter_map(|scalar| scalar.array());
        for pg_type in PgType::SCALARS.iter().copied().chain(arrays) {
            let row = row(pg_type.oid()).unwrap_or_else(|| panic!("{pg_type:?}"));
            assert_eq!(row.name, pg_type.name());
            assert_eq!(row.length, pg_type.facts().length, "{pg_type:?}");
            if pg_type != PgType::Array(&PgType::Record) {
                assert_eq!(row.category, pg_type.facts().category.letter(), "{pg_type:?}");
            }
            assert_eq!(row.preferred, pg_type.facts().preferred, "{pg_type:?}");
            assert_eq!(row.numbers[2], pg_type.facts().array_oid, "{pg_type:?}");
        }
    }
}

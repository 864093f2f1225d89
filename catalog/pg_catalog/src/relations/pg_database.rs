//! `pg_database`: the one database, under its name and, where the client named it so, under the older one.

use lis_lake::ids::Oid;

use super::small::UTF8;
use crate::{registry::ViewContext, rows::Rows};

/// The database's name.
pub(crate) const DATABASE: &str = "lis";

/// The database's numbers: by its own name, and by the name that the client connected with.
const NUMBERS: [u32; 2] = [5, 4];

/// The databases with their numbers.
pub(crate) fn databases(context: &ViewContext) -> impl Iterator<Item = (Oid, &str)> {
    let connected = context.bind.database.as_str();
    [Some(DATABASE), (connected != DATABASE).then_some(connected)]
        .into_iter()
        .zip(NUMBERS)
        .filter_map(|(name, number)| Some((Oid::new(number), name?)))
}

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for (oid, name) in databases(context) {
        rows.add([
            ("oid", oid.into()),
            ("datname", name.into()),
            ("datdba", Oid::ADMINISTRATOR.into()),
            ("encoding", UTF8.into()),
            ("datlocprovider", "c".into()),
            ("datallowconn", true.into()),
            ("datconnlimit", (-1).into()),
            ("dattablespace", Oid::new(1663).into()),
            ("datcollate", "C".into()),
            ("datctype", "C".into()),
        ]);
    }
}

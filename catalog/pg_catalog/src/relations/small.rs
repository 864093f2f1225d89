//! Relations of a few fixed rows: access methods, tablespaces, collations, languages.

use lis_functions::collation::Locale;
use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

/// `UTF8` among PostgreSQL's encodings.
pub(crate) const UTF8: i32 = 6;
/// The first of ICU's collations.
const FIRST_ICU: u32 = 13_000;

/// `pg_collation.oid` of one of ICU's.
pub(crate) fn icu_collation(locale: Locale) -> Oid {
    let place = Locale::ALL.iter().position(|one| *one == locale).and_then(|place| u32::try_from(place).ok());
    Oid::new(FIRST_ICU + place.unwrap_or(0))
}

pub(super) fn access_methods(_: &ViewContext, rows: &mut Rows) {
    for (oid, name, handler, kind) in [(2, "heap", 3, "t"), (403, "btree", 330, "i")] {
        rows.add([
            ("oid", oid.into()),
            ("amname", name.into()),
            ("amhandler", handler.into()),
            ("amtype", kind.into()),
        ]);
    }
}

pub(super) fn tablespaces(_: &ViewContext, rows: &mut Rows) {
    for (oid, name) in [(1663, "pg_default"), (1664, "pg_global")] {
        rows.add([("oid", oid.into()), ("spcname", name.into()), ("spcowner", Oid::ADMINISTRATOR.into())]);
    }
}

pub(super) fn collations(_: &ViewContext, rows: &mut Rows) {
    let built_in = [
        (Oid::new(100), "default", "d", None),
        (Oid::new(950), "C", "c", Some("C")),
        (Oid::new(951), "POSIX", "c", Some("POSIX")),
        (Oid::new(12_346), "ucs_basic", "c", Some("C")),
    ];
    let built_in =
        built_in.map(|(oid, name, provider, locale)| (oid, name.to_owned(), provider, locale, None));
    let icu = Locale::ALL.iter().map(|locale| {
        let name = format!("{}-x-icu", locale.tag());
        (icu_collation(*locale), name, "i", None, Some(locale.tag()))
    });
    for (oid, name, provider, locale, icu_locale) in built_in.into_iter().chain(icu) {
        rows.add([
            ("oid", oid.into()),
            ("collname", name.into()),
            ("collnamespace", Oid::new(11).into()),
            ("collowner", Oid::ADMINISTRATOR.into()),
            ("collprovider", provider.into()),
            ("collisdeterministic", true.into()),
            ("collencoding", (-1).into()),
            ("collcollate", locale.into()),
            ("collctype", locale.into()),
            ("colliculocale", icu_locale.into()),
        ]);
    }
}

pub(super) fn languages(_: &ViewContext, rows: &mut Rows) {
    for (oid, name, trusted) in [(12, "internal", false), (14, "sql", true)] {
        rows.add([
            ("oid", oid.into()),
            ("lanname", name.into()),
            ("lanowner", Oid::ADMINISTRATOR.into()),
            ("lanpltrusted", trusted.into()),
        ]);
    }
}

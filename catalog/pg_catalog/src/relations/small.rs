//! Relations of a few fixed rows: access methods, tablespaces, collations, languages.

use lis_lake::ids::Oid;

use crate::{registry::ViewContext, rows::Rows};

/// `UTF8` among PostgreSQL's encodings.
pub(crate) const UTF8: i32 = 6;
/// `sv-x-icu`
pub(crate) const SWEDISH: Oid = Oid::new(13048);

pub(super) fn access_methods(_: &ViewContext, rows: &mut Rows<'_>) {
    for (oid, name, handler, kind) in [(2, "heap", 3, "t"), (403, "btree", 330, "i")] {
        rows.add([
            ("oid", oid.into()),
            ("amname", name.into()),
            ("amhandler", handler.into()),
            ("amtype", kind.into()),
        ]);
    }
}

pub(super) fn tablespaces(_: &ViewContext, rows: &mut Rows<'_>) {
    for (oid, name) in [(1663, "pg_default"), (1664, "pg_global")] {
        rows.add([("oid", oid.into()), ("spcname", name.into()), ("spcowner", Oid::ADMINISTRATOR.into())]);
    }
}

pub(super) fn collations(_: &ViewContext, rows: &mut Rows<'_>) {
    let collations = [
        (Oid::new(100), "default", "d", None, None),
        (Oid::new(950), "C", "c", Some("C"), None),
        (Oid::new(951), "POSIX", "c", Some("POSIX"), None),
        (SWEDISH, "sv-x-icu", "i", None, Some("sv")),
    ];
    for (oid, name, provider, locale, icu_locale) in collations {
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

pub(super) fn languages(_: &ViewContext, rows: &mut Rows<'_>) {
    for (oid, name, trusted) in [(12, "internal", false), (14, "sql", true)] {
        rows.add([
            ("oid", oid.into()),
            ("lanname", name.into()),
            ("lanowner", Oid::ADMINISTRATOR.into()),
            ("lanpltrusted", trusted.into()),
        ]);
    }
}

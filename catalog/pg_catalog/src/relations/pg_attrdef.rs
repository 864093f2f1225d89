//! `pg_attrdef`: columns' defaults. `adbin` holds the SQL text, which `pg_get_expr` gives back.

use lis_lake::types::{ColumnType, PgType};

use lis_sql::deparse;

use crate::{
    format_type::format_type,
    namespaces::{default_oid, visible_relations},
    registry::ViewContext,
    rows::Rows,
    session_catalog::attribute_number,
};

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for (_, relation) in visible_relations(context) {
        for column in relation.columns() {
            if let Some(default) = &column.default {
                let (oid, number) = (relation.id().oid(), attribute_number(column));
                rows.add([
                    ("oid", default_oid(oid, number).into()),
                    ("adrelid", oid.into()),
                    ("adnum", number.into()),
                    ("adbin", default_text(default, column.column_type).into()),
                ]);
            }
        }
    }
}

/// A default as PostgreSQL shows it. Of one that cannot be typed here a string at least says of which type it is.
pub(crate) fn default_text(default: &str, column_type: ColumnType) -> String {
    if let Some(shown) = deparse::over_columns(default, &[], Some(column_type), false) {
        return shown;
    }
    let quoted = default.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_string = quoted.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    let says_type = matches!(
        column_type.pg_type,
        PgType::Text
            | PgType::Varchar
            | PgType::Bpchar
            | PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::Timestamptz
            | PgType::Uuid
            | PgType::Bytea
            | PgType::Json
            | PgType::Jsonb
            | PgType::Array(_)
    );
    if is_string && says_type {
        return format!("{}::{}", default.trim(), format_type(column_type.pg_type.oid(), Some(-1)));
    }
    default.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_say_their_type() {
        let varchar = ColumnType::varchar(5);
        assert_eq!(default_text("'it''s'", varchar), "'it''s'::character varying");
        assert_eq!(default_text("'x'", ColumnType::plain(PgType::Bpchar)), "'x'::bpchar");
        assert_eq!(default_text("'a' || 'b'", varchar), "('a'::text || 'b'::text)");
        assert_eq!(default_text("'yesterday'", ColumnType::plain(PgType::Date)), "'yesterday'::date");
        assert_eq!(default_text("no_such_function()", varchar), "no_such_function()");
        assert_eq!(default_text("''", ColumnType::plain(PgType::Text)), "''::text");
        assert_eq!(default_text("3", ColumnType::plain(PgType::Int4)), "3");
    }
}

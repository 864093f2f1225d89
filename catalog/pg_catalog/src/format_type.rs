//! How a type with its modifier is written in SQL: PostgreSQL's `format_type`.

use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};
use lis_sql::keywords::quote_identifier;

use crate::relations::pg_type;

/// `format_type(oid, typmod)`: `None` of a modifier is SQL's NULL, which asks for the bare name.
pub fn format_type(oid: Oid, typmod: Option<i32>) -> String {
    if oid == Oid::INVALID {
        return "-".to_owned();
    }
    let Some(pg_type) = PgType::from_oid(oid) else {
        // A pseudo-type, such as `anyelement`.
        return pg_type::row(oid).map_or_else(|| "???".to_owned(), |row| quote_identifier(row.name));
    };
    let (element, suffix) = match pg_type {
        PgType::Array(element) => (*element, "[]"),
        scalar => (scalar, ""),
    };
    format!("{}{suffix}", scalar(element, typmod))
}

fn scalar(pg_type: PgType, typmod: Option<i32>) -> String {
    let name = pg_type.facts().sql_name;
    let column_type = ColumnType::new(pg_type, typmod.unwrap_or(-1));
    match pg_type {
        // A `char` of unknown length is not `character`, which would be `character(1)`.
        PgType::Bpchar if typmod == Some(-1) => "bpchar".to_owned(),
        PgType::Bpchar | PgType::Varchar => match column_type.length() {
            Some(length) => format!("{name}({length})"),
            None => name.to_owned(),
        },
        PgType::Numeric => match column_type.precision_scale() {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => name.to_owned(),
        },
        PgType::Time | PgType::Timetz | PgType::Timestamp | PgType::Timestamptz => {
            match (typmod, name.split_once(' ')) {
                (Some(digits @ 0..), Some((first, rest))) => format!("{first}({digits}) {rest}"),
                _ => name.to_owned(),
            }
        }
        PgType::Interval => match typmod {
            Some(fields @ 0..) => lis_sql::types::interval_type_name(fields),
            _ => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_postgresql_writes_them() {
        for (oid, typmod, text) in [
            (1043, Some(24), "character varying(20)"),
            (1043, Some(-1), "character varying"),
            (1042, Some(14), "character(10)"),
            (1042, Some(-1), "bpchar"),
            (1042, None, "character"),
            (1700, Some(786_438), "numeric(12,2)"),
            (1231, Some(786_438), "numeric(12,2)[]"),
            (1114, Some(3), "timestamp(3) without time zone"),
            (1186, Some(2_147_418_114), "interval(2)"),
            (1186, Some(67_698_687), "interval day to hour"),
            (1186, Some(-1), "interval"),
            (18, Some(-1), "\"char\""),
            (0, None, "-"),
            (2283, None, "anyelement"),
            (2276, None, "\"any\""),
            (99, None, "???"),
        ] {
            assert_eq!(format_type(Oid::new(oid), typmod), text);
        }
    }
}

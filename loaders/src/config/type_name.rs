//! The names of PostgreSQL's types as a source writes them: `varchar(25)`, `numeric(15,2)`, `timestamp with time zone`.

use lis_lake::types::{ColumnType, NUMERIC_PRECISION_MAX, PgType};

use super::place::nearest;

/// PostgreSQL's largest length of `varchar(n)` and `char(n)`.
const LENGTH_MAX: i32 = 10_485_760;

const NAMES: &[(&str, PgType)] = &[
    ("boolean", PgType::Bool),
    ("bool", PgType::Bool),
    ("smallint", PgType::Int2),
    ("int2", PgType::Int2),
    ("integer", PgType::Int4),
    ("int", PgType::Int4),
    ("int4", PgType::Int4),
    ("bigint", PgType::Int8),
    ("int8", PgType::Int8),
    ("numeric", PgType::Numeric),
    ("decimal", PgType::Numeric),
    ("dec", PgType::Numeric),
    ("real", PgType::Float4),
    ("float4", PgType::Float4),
    ("double precision", PgType::Float8),
    ("float8", PgType::Float8),
    ("float", PgType::Float8),
    ("date", PgType::Date),
    ("time", PgType::Time),
    ("time without time zone", PgType::Time),
    ("timestamp", PgType::Timestamp),
    ("timestamp without time zone", PgType::Timestamp),
    ("timestamptz", PgType::Timestamptz),
    ("timestamp with time zone", PgType::Timestamptz),
    ("text", PgType::Text),
    ("varchar", PgType::Varchar),
    ("character varying", PgType::Varchar),
    ("char", PgType::Bpchar),
    ("character", PgType::Bpchar),
    ("bpchar", PgType::Bpchar),
    ("uuid", PgType::Uuid),
    ("json", PgType::Json),
    ("bytea", PgType::Bytea),
];

/// The type of this name, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<ColumnType, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (name, arguments) = match lower.split_once('(') {
        None => (lower.as_str(), Vec::new()),
        Some((name, rest)) => {
            let inside =
                rest.trim_end().strip_suffix(')').ok_or_else(|| format!("\"{text}\" lacks a \")\""))?;
            let arguments: Result<Vec<i32>, _> =
                inside.split(',').map(|argument| argument.trim().parse::<i32>()).collect();
            (name.trim(), arguments.map_err(|_| format!("\"{text}\": a modifier must be a whole number"))?)
        }
    };
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((_, pg_type)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let suggestion = nearest(&name, NAMES.iter().map(|(known, _)| *known))
            .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        return Err(format!("type \"{text}\" is not one that a column can have{suggestion}"));
    };
    match (*pg_type, arguments.as_slice()) {
        (PgType::Bpchar, []) => Ok(length_type(PgType::Bpchar, 1)),
        (pg_type, []) => Ok(ColumnType::plain(pg_type)),
        (pg_type @ (PgType::Bpchar | PgType::Varchar), [length]) if (1..=LENGTH_MAX).contains(length) => {
            Ok(length_type(pg_type, *length))
        }
        (PgType::Numeric, [precision]) => numeric(text, *precision, 0),
        (PgType::Numeric, [precision, scale]) => numeric(text, *precision, *scale),
        _ => Err(format!("\"{text}\" has a modifier that the type does not take")),
    }
}

fn length_type(pg_type: PgType, characters: i32) -> ColumnType {
    ColumnType::new(pg_type, ColumnType::varchar(characters).typmod)
}

fn numeric(text: &str, precision: i32, scale: i32) -> Result<ColumnType, String> {
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=NUMERIC_PRECISION_MAX), Ok(scale))
            if scale >= 0 && i32::from(scale) <= i32::from(precision) =>
        {
            Ok(ColumnType::numeric(precision, scale))
        }
        _ => Err(format!(
            "\"{text}\": the precision must be 1 to {NUMERIC_PRECISION_MAX} and the scale 0 to the precision"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_modifiers() {
        assert_eq!(parse("varchar(25)"), Ok(ColumnType::varchar(25)));
        assert_eq!(parse(" Character  Varying (25)"), Ok(ColumnType::varchar(25)));
        assert_eq!(parse("numeric(15, 2)"), Ok(ColumnType::numeric(15, 2)));
        assert_eq!(parse("numeric(5)"), Ok(ColumnType::numeric(5, 0)));
        assert_eq!(parse("numeric"), Ok(ColumnType::plain(PgType::Numeric)));
        assert_eq!(parse("char").map(ColumnType::length), Ok(Some(1)));
        assert_eq!(parse("timestamp with time zone"), Ok(ColumnType::plain(PgType::Timestamptz)));
    }

    #[test]
    fn refused() {
        for bad in
            ["varchar(0)", "varchar(x)", "varchar(3", "numeric(39,2)", "numeric(3,4)", "int(4)", "money"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("varchr").is_err_and(|message| message.contains("\"varchar\"")));
    }
}

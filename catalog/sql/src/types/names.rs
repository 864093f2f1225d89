//! The types that names in SQL stand for: `integer`, `varchar(20)`, `pg_catalog.regclass`, `text[]`, …

use lis_lake::types::{ColumnType, NUMERIC_PRECISION_MAX, PgType};
use sqlparser::ast::{ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

use super::intervals::IntervalFields;
use crate::error::{SqlError, SqlErrorKind};

/// See [`super::type_by_name`].
pub(super) fn type_by_name(data_type: &DataType, position: Option<usize>) -> Result<ColumnType, SqlError> {
    use PgType as T;
    let plain = |pg_type: PgType| Ok(ColumnType::plain(pg_type));
    match data_type {
        DataType::Boolean | DataType::Bool => plain(T::Bool),
        DataType::SmallInt(None) | DataType::Int2(None) => plain(T::Int2),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => plain(T::Int4),
        DataType::BigInt(None) | DataType::Int8(None) => plain(T::Int8),
        // Words of the grammar take nothing in parentheses; other names of types take no modifier.
        DataType::SmallInt(Some(_))
        | DataType::Int(Some(_))
        | DataType::Integer(Some(_))
        | DataType::BigInt(Some(_)) => {
            let written = data_type.to_string();
            let word = written.find('(').unwrap_or_default();
            let message = "syntax error at or near \"(\"";
            Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position.map(|at| at + word)))
        }
        DataType::Int2(Some(_)) | DataType::Int4(Some(_)) | DataType::Int8(Some(_)) => {
            let written = data_type.to_string().to_lowercase();
            let name = written.split('(').next().unwrap_or_default();
            let message = format!("type modifier is not allowed for type \"{name}\"");
            Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position))
        }
        DataType::Real | DataType::Float4 => plain(T::Float4),
        DataType::Float8 | DataType::DoublePrecision | DataType::Double(ExactNumberInfo::None) => {
            plain(T::Float8)
        }
        DataType::Float(ExactNumberInfo::None) => plain(T::Float8),
        DataType::Float(ExactNumberInfo::Precision(bits)) => match bits {
            1..=24 => plain(T::Float4),
            25..=53 => plain(T::Float8),
            0 => Err(invalid("precision for type float must be at least 1 bit", position)),
            _ => Err(invalid("precision for type float must be less than 54 bits", position)),
        },
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info, position),
        DataType::Text => plain(T::Text),
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            character(T::Varchar, length.as_ref(), position)
        }
        // CHAR without a length is CHAR(1).
        DataType::Char(None) | DataType::Character(None) => Ok(ColumnType::new(T::Bpchar, 5)),
        DataType::Char(length) | DataType::Character(length) => {
            character(T::Bpchar, length.as_ref(), position)
        }
        DataType::Bytea => plain(T::Bytea),
        DataType::Uuid => plain(T::Uuid),
        DataType::Date => plain(T::Date),
        DataType::Time(precision, zone) => {
            let pg_type = if has_zone(zone) { T::Timetz } else { T::Time };
            temporal(pg_type, *precision, position)
        }
        DataType::Timestamp(precision, zone) => {
            let pg_type = if has_zone(zone) { T::Timestamptz } else { T::Timestamp };
            temporal(pg_type, *precision, position)
        }
        DataType::Interval { fields, precision } => {
            Ok(IntervalFields::of_type(fields.as_ref(), *precision).column_type())
        }
        DataType::JSON => plain(T::Json),
        DataType::JSONB => plain(T::Jsonb),
        DataType::Regclass => plain(T::Regclass),
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => {
            let element = type_by_name(element, position)?;
            // Arrays of arrays have the type of their elements' arrays.
            if matches!(element.pg_type, T::Array(_)) {
                return Ok(element);
            }
            match element.pg_type.array() {
                Some(array) => Ok(element.with_type(array)),
                None => Err(unknown(&data_type.to_string(), position)),
            }
        }
        DataType::Custom(name, modifiers) => {
            let parts: Vec<_> = name.0.iter().filter_map(|part| part.as_ident()).collect();
            let (schema, last) = match parts.as_slice() {
                [name] => (None, name),
                [schema, name] => (Some(schema), name),
                _ => return Err(unknown(&data_type.to_string(), position)),
            };
            let fold = |ident: &sqlparser::ast::Ident| {
                if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
            };
            let (schema, quoted, name) =
                (schema.map(|ident| fold(ident)), last.quote_style.is_some(), fold(last));
            custom(schema.as_deref(), &name, quoted, modifiers, position)
        }
        _ => Err(unknown(&data_type.to_string().to_lowercase(), position)),
    }
}

fn has_zone(zone: &TimezoneInfo) -> bool {
    matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz)
}

fn custom(
    schema: Option<&str>,
    name: &str,
    quoted: bool,
    modifiers: &[String],
    position: Option<usize>,
) -> Result<ColumnType, SqlError> {
    if schema == Some("information_schema") {
        let pg_type = match name {
            "sql_identifier" => PgType::Name,
            "cardinal_number" => PgType::Int4,
            "character_data" | "yes_or_no" => PgType::Varchar,
            "time_stamp" => PgType::Timestamptz,
            _ => return Err(unknown(&format!("information_schema.{name}"), position)),
        };
        return Ok(ColumnType::plain(pg_type));
    }
    if let Some(schema) = schema.filter(|schema| *schema != "pg_catalog") {
        return Err(unknown(&format!("{schema}.{name}"), position));
    }
    let numbers: Vec<u64> = modifiers.iter().filter_map(|modifier| modifier.trim().parse().ok()).collect();
    let pg_type = match name {
        "integer" | "int" if !quoted => PgType::Int4,
        "bigint" if !quoted => PgType::Int8,
        "smallint" if !quoted => PgType::Int2,
        "boolean" if !quoted => PgType::Bool,
        "real" if !quoted => PgType::Float4,
        "decimal" | "dec" if !quoted => PgType::Numeric,
        // Quoted, "char" is the catalogue's one-byte type.
        "char" if quoted || schema.is_some() => PgType::Char,
        _ => match find(name) {
            Some(found) => found,
            None => {
                return Err(unknown(
                    &schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}")),
                    position,
                ));
            }
        },
    };
    match (pg_type, numbers.as_slice()) {
        (_, []) => Ok(ColumnType::plain(pg_type)),
        (PgType::Numeric, [precision]) => numeric(&ExactNumberInfo::Precision(*precision), position),
        (PgType::Numeric, [precision, scale]) => numeric(
            &ExactNumberInfo::PrecisionAndScale(*precision, i64::try_from(*scale).unwrap_or(i64::MAX)),
            position,
        ),
        (PgType::Varchar | PgType::Bpchar, [length]) => character(
            pg_type,
            Some(&CharacterLength::IntegerLength { length: *length, unit: None }),
            position,
        ),
        (PgType::Timestamp | PgType::Timestamptz | PgType::Time | PgType::Timetz, [digits]) => {
            temporal(pg_type, Some(*digits), position)
        }
        (PgType::Interval, [digits]) => Ok(IntervalFields::of_type(None, Some(*digits)).column_type()),
        _ => Err(invalid(&format!("type modifier is not allowed for type \"{name}\""), position)),
    }
}

fn find(name: &str) -> Option<PgType> {
    if let Some(element) = name.strip_prefix('_') {
        return find(element)?.array();
    }
    PgType::SCALARS
        .iter()
        .copied()
        .find(|scalar| scalar.facts().name == name && !matches!(scalar, PgType::Unknown))
        .or_else(|| (name == "unknown").then_some(PgType::Unknown))
}

fn numeric(info: &ExactNumberInfo, position: Option<usize>) -> Result<ColumnType, SqlError> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(ColumnType::plain(PgType::Numeric)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    if precision == 0 || precision > 1000 {
        return Err(invalid(&format!("NUMERIC precision {precision} must be between 1 and 1000"), position));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(invalid(&format!("NUMERIC scale {scale} must be between -1000 and 1000"), position));
    }
    let (Ok(small_precision), Ok(small_scale)) = (u8::try_from(precision), i8::try_from(scale)) else {
        return Err(too_precise(precision, scale, position));
    };
    if small_precision > NUMERIC_PRECISION_MAX
        || small_scale < 0
        || small_scale.unsigned_abs() > small_precision
    {
        return Err(too_precise(precision, scale, position));
    }
    Ok(ColumnType::numeric(small_precision, small_scale))
}

fn too_precise(precision: u64, scale: i64, position: Option<usize>) -> SqlError {
    SqlError::new(
        SqlErrorKind::FeatureNotSupported,
        format!("type numeric({precision},{scale}) is not supported"),
    )
    .with_detail("Precision is at most 38, and scale lies between 0 and the precision.")
    .at(position)
}

fn character(
    pg_type: PgType,
    length: Option<&CharacterLength>,
    position: Option<usize>,
) -> Result<ColumnType, SqlError> {
    const LENGTH_MAX: u64 = 10_485_760;
    match length {
        None => Ok(ColumnType::plain(pg_type)),
        Some(CharacterLength::IntegerLength { length, .. }) => {
            let name = if pg_type == PgType::Varchar { "varchar" } else { "char" };
            if *length == 0 {
                return Err(invalid(&format!("length for type {name} must be at least 1"), position));
            }
            if *length > LENGTH_MAX {
                return Err(invalid(&format!("length for type {name} cannot exceed {LENGTH_MAX}"), position));
            }
            let typmod = i32::try_from(*length).unwrap_or(i32::MAX - 4) + 4;
            Ok(ColumnType::new(pg_type, typmod))
        }
        Some(CharacterLength::Max) => {
            Err(SqlError::new(SqlErrorKind::SyntaxError, "syntax error at or near \"max\"").at(position))
        }
    }
}

fn temporal(pg_type: PgType, digits: Option<u64>, position: Option<usize>) -> Result<ColumnType, SqlError> {
    let Some(digits) = digits else { return Ok(ColumnType::plain(pg_type)) };
    match i32::try_from(digits) {
        // More than microseconds is cut with a warning in PostgreSQL.
        Ok(digits) => Ok(ColumnType::new(pg_type, digits.min(6))),
        Err(_) => Err(invalid("precision out of range", position)),
    }
}

fn invalid(message: &str, position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::InvalidParameterValue, message).at(position)
}

/// Types that PostgreSQL has and that are not here.
const NOT_SUPPORTED: &[&str] = &[
    "any",
    "anyarray",
    "anycompatible",
    "anycompatiblearray",
    "anyelement",
    "bit",
    "bit varying",
    "box",
    "cidr",
    "circle",
    "cstring",
    "datemultirange",
    "daterange",
    "inet",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "internal",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "nummultirange",
    "numrange",
    "path",
    "point",
    "polygon",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "varbit",
    "xml",
];

fn unknown(name: &str, position: Option<usize>) -> SqlError {
    let bare = name.split(['(', '[']).next().unwrap_or_default().trim().to_ascii_lowercase();
    if NOT_SUPPORTED.contains(&bare.as_str()) {
        let message = format!("type {name} is not supported");
        return SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position);
    }
    SqlError::new(SqlErrorKind::UndefinedObject, format!("type \"{name}\" does not exist")).at(position)
}

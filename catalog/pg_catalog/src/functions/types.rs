//! Types and functions by name and number, encodings, and information_schema's functions of types.

use lis_functions::encodings::CharacterSet;
use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};
use lis_sql::error::{SqlError, SqlErrorKind};
use sqlparser::{
    ast::DataType,
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use super::{integer, names, oid, text};
use crate::{
    format_type,
    registry::ViewContext,
    relations::{information_schema, pg_proc},
    rows::Cell,
};

type Answer = Result<Cell, SqlError>;

/// `format_type(oid, typmod)`
pub(super) fn format_type(_: &ViewContext, cells: &[Cell]) -> Answer {
    if cells.first() == Some(&Cell::Null) {
        return Ok(Cell::Null);
    }
    let typmod = match cells.get(1) {
        Some(Cell::Integer(typmod)) => i32::try_from(*typmod).ok(),
        _ => None,
    };
    Ok(format_type::format_type(oid(cells, 0), typmod).into())
}

/// A type by its name in SQL or in `pg_type`.
fn type_named(text: &str) -> Option<Oid> {
    if let Some(pg_type) = crate::shapes::type_named(text) {
        return Some(pg_type.oid());
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().ok()?;
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens(tokens);
    let data_type: DataType = parser.parse_data_type().ok()?;
    if parser.peek_token().token != Token::EOF {
        return None;
    }
    Some(lis_sql::types::type_by_name(&data_type, None).ok()?.pg_type.oid())
}

pub(super) fn regtype_in(_: &ViewContext, cells: &[Cell]) -> Answer {
    let written = text(cells, 0);
    match names::number(written).or_else(|| type_named(written)) {
        Some(oid) => Ok(oid.into()),
        None => {
            Err(SqlError::new(SqlErrorKind::UndefinedObject, format!("type \"{written}\" does not exist")))
        }
    }
}

pub(super) fn to_regtype(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(type_named(text(cells, 0)).into())
}

pub(super) fn regtype_out(_: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(match PgType::from_oid(number) {
        None if number != Oid::INVALID => number.to_string(),
        _ => format_type::format_type(number, None),
    }
    .into())
}

fn procedure_named(written: &str) -> Option<Oid> {
    let (schema, name) = names::split(written)?;
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return None;
    }
    pg_proc::procedures().iter().find(|procedure| procedure.name == name).map(|procedure| procedure.oid)
}

/// A function by its name and the types of its arguments, `lower(text)`.
pub(super) fn function_with_arguments(written: &str) -> Result<Oid, SqlError> {
    let error = |kind, message: &str| SqlError::new(kind, message.to_owned());
    let Some((name, types)) = written.split_once('(') else {
        return Err(error(SqlErrorKind::InvalidTextRepresentation, "expected a left parenthesis"));
    };
    let Some(types) = types.trim_end().strip_suffix(')') else {
        return Err(error(SqlErrorKind::InvalidTextRepresentation, "expected a right parenthesis"));
    };
    let mut arguments = Vec::new();
    for written in types.split(',').map(str::trim).filter(|written| !written.is_empty()) {
        let Some(found) = type_named(written) else {
            return Err(error(SqlErrorKind::UndefinedObject, &format!("type \"{written}\" does not exist")));
        };
        arguments.push(i64::from(found.get()));
    }
    let found = names::split(name.trim_end())
        .filter(|(schema, _)| schema.as_ref().is_none_or(|schema| schema == "pg_catalog"))
        .and_then(|(_, name)| {
            let is_it = |it: &&pg_proc::Procedure| it.name == name && it.arguments == arguments;
            pg_proc::procedures().iter().find(is_it)
        });
    found.map(|procedure| procedure.oid).ok_or_else(|| {
        error(SqlErrorKind::UndefinedFunction, &format!("function \"{written}\" does not exist"))
    })
}

pub(super) fn regproc_in(_: &ViewContext, cells: &[Cell]) -> Answer {
    let written = text(cells, 0);
    match names::number(written).or_else(|| procedure_named(written)) {
        Some(oid) => Ok(oid.into()),
        None => Err(SqlError::new(
            SqlErrorKind::UndefinedFunction,
            format!("function \"{written}\" does not exist"),
        )),
    }
}

pub(super) fn to_regproc(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(procedure_named(text(cells, 0)).into())
}

pub(super) fn regproc_out(_: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(match pg_proc::procedures().iter().find(|procedure| procedure.oid == number) {
        Some(procedure) => procedure.name.to_owned(),
        None if number == Oid::INVALID => "-".to_owned(),
        None => number.to_string(),
    }
    .into())
}

/// `pg_encoding_to_char`
pub(super) fn encoding_to_char(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(CharacterSet::by_number(integer(cells, 0)).map_or("", |set| set.name).into())
}

/// `pg_char_to_encoding`
pub(super) fn char_to_encoding(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(CharacterSet::by_name(text(cells, 0)).map_or(-1, |set| i64::from(set.number)).into())
}

pub(super) fn database_encoding(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok("UTF8".into())
}

pub(super) fn encoding_max_length(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(CharacterSet::by_number(integer(cells, 0)).and_then(CharacterSet::bytes_max).into())
}

/// The type and modifier that information_schema's functions are given.
fn column_type(cells: &[Cell]) -> Option<ColumnType> {
    let typmod = i32::try_from(integer(cells, 1)).ok()?;
    Some(ColumnType::new(PgType::from_oid(oid(cells, 0))?, typmod))
}

fn of_type(cells: &[Cell], fact: impl Fn(ColumnType) -> Option<i64>) -> Answer {
    Ok(column_type(cells).and_then(fact).into())
}

pub(super) fn char_max_length(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, |column_type| i64::try_from(column_type.length()?).ok())
}

pub(super) fn char_octet_length(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, information_schema::octet_length)
}

pub(super) fn numeric_precision(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, |column_type| information_schema::numeric_facts(column_type).0)
}

pub(super) fn numeric_precision_radix(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, |column_type| information_schema::numeric_facts(column_type).1)
}

pub(super) fn numeric_scale(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, |column_type| information_schema::numeric_facts(column_type).2)
}

pub(super) fn datetime_precision(_: &ViewContext, cells: &[Cell]) -> Answer {
    of_type(cells, |column_type| {
        information_schema::datetime_precision(column_type.pg_type, column_type.typmod)
    })
}

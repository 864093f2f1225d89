//! `has_table_privilege` and its relatives. What a privilege allows is the viewer's knowledge; here are PostgreSQL's forms
//! of the question: by name or number, for oneself or another role, one privilege or several.

use lis_lake::{ids::Oid, names::Identifier};
use lis_sql::error::{SqlError, SqlErrorKind};

use super::{
    names::{namespace_argument, no_role, relation_argument},
    types,
};
use crate::{
    namespaces::{system_relation, visible_relation},
    registry::ViewContext,
    relations::pg_database,
    rows::Cell,
    session_catalog::attribute_number,
};

type Answer = Result<Cell, SqlError>;

/// What one can do with a table.
const ON_TABLES: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
/// What one can do with a schema.
const ON_SCHEMAS: [&str; 2] = ["USAGE", "CREATE"];
/// What one can do with a database.
const ON_DATABASES: [&str; 4] = ["CONNECT", "CREATE", "TEMPORARY", "TEMP"];
/// What one can do with a role.
const ON_ROLES: [&str; 3] = ["MEMBER", "USAGE", "SET"];

/// The role that is asked about, if another than the viewer.
fn role_argument(context: &ViewContext, cell: &Cell) -> Result<Identifier, SqlError> {
    match cell {
        Cell::Text(name) => {
            let name = Identifier::exact(name);
            match context.viewer.role_oid(&name) {
                Some(_) => Ok(name),
                None => Err(no_role(name.as_str())),
            }
        }
        Cell::Integer(number) => context
            .viewer
            .role_name(Oid::new(u32::try_from(*number).unwrap_or_default()))
            .ok_or_else(|| no_role(&number.to_string())),
        _ => Err(no_role("")),
    }
}

/// Splits `[role,] object…, privileges`.
fn arguments<'c>(
    context: &ViewContext,
    cells: &'c [Cell],
    objects: usize,
) -> Result<(Option<Identifier>, &'c [Cell], &'c str), SqlError> {
    let (object_cells, privileges) = match cells.split_last() {
        Some((Cell::Text(privileges), rest)) => (rest, privileges.as_str()),
        _ => (cells, ""),
    };
    if object_cells.len() > objects {
        let role = role_argument(context, &object_cells[0])?;
        return Ok((Some(role), &object_cells[1..], privileges));
    }
    Ok((None, object_cells, privileges))
}

/// Whether one of several privileges, separated by commas, is there. An unknown one is 22023.
fn any(privileges: &str, known: &[&str], mut has: impl FnMut(&str) -> Option<bool>) -> Answer {
    let mut answer = Some(false);
    for privilege in privileges.split(',') {
        let privilege = privilege.trim().to_ascii_uppercase();
        let base = privilege
            .strip_suffix(" WITH GRANT OPTION")
            .or_else(|| privilege.strip_suffix(" WITH ADMIN OPTION"))
            .unwrap_or(&privilege);
        if !known.contains(&base) {
            return Err(SqlError::new(
                SqlErrorKind::InvalidParameterValue,
                format!("unrecognized privilege type: \"{}\"", privilege.to_lowercase()),
            ));
        }
        match has(&privilege) {
            Some(true) => return Ok(true.into()),
            Some(false) => {}
            None => answer = None,
        }
    }
    Ok(answer.into())
}

/// `has_table_privilege`, and `has_any_column_privilege`, since a privilege is on all columns.
pub(super) fn table(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (role, objects, privileges) = arguments(context, cells, 1)?;
    let relation = relation_argument(context, &objects[0])?;
    any(privileges, &ON_TABLES, |privilege| on_relation(context, role.as_ref(), relation, privilege))
}

/// `None` is a relation that does not exist.
fn on_relation(
    context: &ViewContext,
    role: Option<&Identifier>,
    relation: Oid,
    privilege: &str,
) -> Option<bool> {
    if system_relation(context, relation).is_some() {
        // Everybody reads system relations, each seeing what they may; nobody writes them.
        return Some(privilege == "SELECT");
    }
    context.snapshot.relation_by_oid(relation)?;
    context.viewer.has_table_privilege(role, relation, privilege)
}

/// `has_column_privilege`
pub(super) fn column(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (role, objects, privileges) = arguments(context, cells, 2)?;
    let relation = relation_argument(context, &objects[0])?;
    if !column_exists(context, relation, &objects[1])? {
        return Ok(Cell::Null);
    }
    any(privileges, &["SELECT", "INSERT", "UPDATE", "REFERENCES"], |privilege| {
        on_relation(context, role.as_ref(), relation, privilege)
    })
}

/// A column that is named must exist (42703); one by number need not.
fn column_exists(context: &ViewContext, relation: Oid, column: &Cell) -> Result<bool, SqlError> {
    let names: Vec<(String, i16)> =
        match (system_relation(context, relation), visible_relation(context, relation)) {
            (Some(system), _) => system
                .columns
                .iter()
                .zip(1..)
                .map(|(column, number)| (column.name.to_owned(), number))
                .collect(),
            (None, Some((_, relation))) => relation
                .columns()
                .iter()
                .map(|column| (column.name.as_str().to_owned(), attribute_number(column)))
                .collect(),
            (None, None) => return Ok(false),
        };
    match column {
        Cell::Text(name) if names.iter().any(|(known, _)| known == name) => Ok(true),
        Cell::Text(name) => Err(SqlError::new(
            SqlErrorKind::UndefinedColumn,
            format!("column \"{name}\" of relation does not exist"),
        )),
        Cell::Integer(number) => Ok(names.iter().any(|(_, known)| i64::from(*known) == *number)),
        _ => Ok(false),
    }
}

/// `has_schema_privilege`
pub(super) fn schema(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (role, objects, privileges) = arguments(context, cells, 1)?;
    let namespace = namespace_argument(context, &objects[0])?;
    any(privileges, &ON_SCHEMAS, |privilege| {
        if namespace.get() < Oid::FIRST_NORMAL {
            return Some(privilege == "USAGE");
        }
        context.viewer.has_schema_privilege(role.as_ref(), namespace, privilege)
    })
}

/// `has_database_privilege`: everybody who is here may connect; there are no temporary tables.
pub(super) fn database(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (_, objects, privileges) = arguments(context, cells, 1)?;
    if let Cell::Text(name) = &objects[0]
        && !pg_database::databases(context).any(|(_, known)| known == name)
    {
        return Err(SqlError::new(
            SqlErrorKind::UndefinedObject,
            format!("database \"{name}\" does not exist"),
        ));
    }
    any(privileges, &ON_DATABASES, |privilege| {
        Some(privilege == "CONNECT" || (context.viewer.is_superuser() && privilege.starts_with("CREATE")))
    })
}

/// `has_function_privilege`: every function is everybody's to call.
pub(super) fn function(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (_, objects, privileges) = arguments(context, cells, 1)?;
    if let Cell::Text(written) = &objects[0] {
        types::function_with_arguments(written)?;
    }
    any(privileges, &["EXECUTE"], |privilege| Some(privilege == "EXECUTE"))
}

/// `pg_has_role`
pub(super) fn role(context: &ViewContext, cells: &[Cell]) -> Answer {
    let (role, objects, privileges) = arguments(context, cells, 1)?;
    let of = role_argument(context, &objects[0])?;
    any(privileges, &ON_ROLES, |privilege| context.viewer.has_role(role.as_ref(), &of, privilege))
}

/// `row_security_active`: whether policies apply to the viewer.
pub(super) fn row_security_active(context: &ViewContext, cells: &[Cell]) -> Answer {
    let relation = relation_argument(context, &cells[0])?;
    let (enabled, _) = context.viewer.row_security(relation);
    Ok((enabled && !context.viewer.is_superuser()).into())
}

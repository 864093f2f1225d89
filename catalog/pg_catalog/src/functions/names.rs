//! Relations, schemas and roles by name and number: `regclass` and its like, visibility, the search path.

use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
};
use lis_sql::{
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
};

use super::{oid, text};
use crate::{
    namespaces::{
        self, index_oid, is_found_without_schema, namespace_name, namespace_oid, system_relation,
        visible_constraints,
    },
    registry::ViewContext,
    relations::{pg_proc, pg_type},
    rows::Cell,
};

type Answer = Result<Cell, SqlError>;

/// A name with or without schema, folded where it is not quoted: `schema.name`, `"Schema"."Name"`.
pub(super) fn split(written: &str) -> Option<(Option<String>, String)> {
    let mut parts = Vec::new();
    let mut rest = written.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (mut part, mut quoted) = (String::new(), quoted);
                loop {
                    let end = quoted.find('"')?;
                    part.push_str(&quoted[..end]);
                    quoted = &quoted[end + 1..];
                    match quoted.strip_prefix('"') {
                        Some(after) => {
                            part.push('"');
                            quoted = after;
                        }
                        None => break,
                    }
                }
                (Identifier::exact(&part).as_str().to_owned(), quoted)
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (Identifier::fold(rest[..end].trim()).as_str().to_owned(), &rest[end..])
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => break,
            None => return None,
        }
    }
    let name = parts.pop()?;
    let schema = parts.pop();
    // What stands before the schema is the database.
    (parts.len() <= 1).then_some((schema, name))
}

/// A number written as text; `-` is none.
pub(super) fn number(written: &str) -> Option<Oid> {
    if written == "-" { Some(Oid::INVALID) } else { written.parse().ok().map(Oid::new) }
}

/// Schemas in which a name without one is looked for.
fn path(context: &ViewContext) -> impl Iterator<Item = Identifier> + '_ {
    std::iter::once(Identifier::exact(namespaces::PG_CATALOG)).chain(context.bind.search_path.iter().cloned())
}

/// A relation or an index by name.
pub(super) fn relation_named(context: &ViewContext, written: &str) -> Option<Oid> {
    let (schema, name) = split(written)?;
    let find = |schema: Identifier| {
        let name = QualifiedName { schema, name: Identifier::exact(&name) };
        if let Some(relation) = context.registry.relation(&name) {
            return Some(relation.shape().oid);
        }
        if let Some(relation) = context.snapshot.relation_named(&name) {
            return Some(relation.id().oid());
        }
        visible_constraints(context)
            .filter(|(.., constraint)| namespaces::has_index(constraint))
            .find(|(schema, _, constraint)| schema.name == name.schema && constraint.name == name.name)
            .map(|(.., constraint)| index_oid(constraint))
    };
    match schema {
        Some(schema) => Some(Identifier::exact(&schema))
            .filter(|schema| context.viewer.may_use_schema(&context.snapshot, schema))
            .and_then(find),
        None => path(context).find_map(find),
    }
}

/// A relation as an argument: by name (42P01 if there is none) or by number.
pub(super) fn relation_argument(context: &ViewContext, cell: &Cell) -> Result<Oid, SqlError> {
    match cell {
        Cell::Text(written) => relation_named(context, written).ok_or_else(|| {
            if !written.contains('"') && written.split('.').count() > 3 {
                let message = format!("improper relation name (too many dotted names): {written}");
                return SqlError::new(SqlErrorKind::SyntaxError, message);
            }
            SqlError::new(SqlErrorKind::UndefinedTable, format!("relation \"{written}\" does not exist"))
        }),
        Cell::Integer(number) => Ok(Oid::new(u32::try_from(*number).unwrap_or_default())),
        _ => Ok(Oid::INVALID),
    }
}

pub(super) fn regclass_in(context: &ViewContext, cells: &[Cell]) -> Answer {
    if let Some(number) = number(text(cells, 0)) {
        return Ok(number.into());
    }
    relation_argument(context, &cells[0]).map(Into::into)
}

pub(super) fn to_regclass(context: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(relation_named(context, text(cells, 0)).into())
}

/// A relation's or an index's full name. A name that the viewer may not know of is not told.
fn name_of(context: &ViewContext, oid: Oid) -> Option<QualifiedName> {
    if let Some(relation) = system_relation(context, oid) {
        return Some(QualifiedName::new(relation.schema, relation.name));
    }
    if let Some((schema, relation)) = namespaces::visible_relation(context, oid) {
        return Some(QualifiedName { schema: schema.name.clone(), name: relation.name().clone() });
    }
    visible_constraints(context)
        .filter(|(.., constraint)| namespaces::has_index(constraint))
        .find(|(.., constraint)| index_oid(constraint) == oid)
        .map(|(schema, _, constraint)| QualifiedName {
            schema: schema.name.clone(),
            name: constraint.name.clone(),
        })
}

pub(super) fn regclass_out(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(match name_of(context, number) {
        Some(name) if is_visible(context, number, &name) => quote_identifier(name.name.as_str()),
        Some(name) => qualified(&name),
        None if number == Oid::INVALID => "-".to_owned(),
        None => number.to_string(),
    }
    .into())
}

/// A name with its schema, quoted where it needs to be.
pub(super) fn qualified(name: &QualifiedName) -> String {
    format!("{}.{}", quote_identifier(name.schema.as_str()), quote_identifier(name.name.as_str()))
}

/// Whether a name without schema finds this and nothing else. Indexes' names never clash with relations' here.
fn is_visible(context: &ViewContext, oid: Oid, name: &QualifiedName) -> bool {
    if oid.get() & 0x4000_0000 != 0 {
        return path(context).any(|schema| schema == name.schema);
    }
    is_found_without_schema(context, name)
}

/// `pg_table_is_visible`; null for what does not exist.
pub(super) fn table_is_visible(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(name_of(context, number).map(|name| is_visible(context, number, &name)).into())
}

pub(super) fn type_is_visible(_: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(pg_type::row(oid(cells, 0)).map(|_| true).into())
}

pub(super) fn function_is_visible(_: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(pg_proc::procedures().iter().find(|procedure| procedure.oid == number).map(|_| true).into())
}

/// Objects of these kinds exist in `pg_catalog` only.
pub(super) fn always_visible(_: &ViewContext, _: &[Cell]) -> Answer {
    Ok(true.into())
}

fn namespace_named(context: &ViewContext, written: &str) -> Option<Oid> {
    match split(written)? {
        (None, name) => namespace_oid(context, &Identifier::exact(&name)),
        (Some(_), _) => None,
    }
}

/// A schema as an argument: by name (3F000 if there is none) or by number.
pub(super) fn namespace_argument(context: &ViewContext, cell: &Cell) -> Result<Oid, SqlError> {
    match cell {
        // Here the name is taken as it stands, without quotes.
        Cell::Text(name) => namespace_oid(context, &Identifier::exact(name)).ok_or_else(|| no_schema(name)),
        Cell::Integer(number) => Ok(Oid::new(u32::try_from(*number).unwrap_or_default())),
        _ => Ok(Oid::INVALID),
    }
}

fn no_schema(name: &str) -> SqlError {
    SqlError::new(SqlErrorKind::InvalidSchemaName, format!("schema \"{name}\" does not exist"))
}

pub(super) fn regnamespace_in(context: &ViewContext, cells: &[Cell]) -> Answer {
    let written = text(cells, 0);
    match number(written).or_else(|| namespace_named(context, written)) {
        Some(oid) => Ok(oid.into()),
        None => Err(no_schema(written)),
    }
}

pub(super) fn to_regnamespace(context: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(namespace_named(context, text(cells, 0)).into())
}

pub(super) fn regnamespace_out(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(match namespace_name(context, number) {
        Some(name) => quote_identifier(name.as_str()),
        None if number == Oid::INVALID => "-".to_owned(),
        None => number.to_string(),
    }
    .into())
}

fn role_named(context: &ViewContext, written: &str) -> Option<Oid> {
    match split(written)? {
        (None, name) => context.viewer.role_oid(&Identifier::exact(&name)),
        (Some(_), _) => None,
    }
}

/// 42704
pub(super) fn no_role(name: &str) -> SqlError {
    SqlError::new(SqlErrorKind::UndefinedObject, format!("role \"{name}\" does not exist"))
}

pub(super) fn regrole_in(context: &ViewContext, cells: &[Cell]) -> Answer {
    let written = text(cells, 0);
    match number(written).or_else(|| role_named(context, written)) {
        Some(oid) => Ok(oid.into()),
        None => Err(no_role(written)),
    }
}

pub(super) fn to_regrole(context: &ViewContext, cells: &[Cell]) -> Answer {
    Ok(role_named(context, text(cells, 0)).into())
}

pub(super) fn regrole_out(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(match context.viewer.role_name(number) {
        Some(name) => quote_identifier(name.as_str()),
        None if number == Oid::INVALID => "-".to_owned(),
        None => number.to_string(),
    }
    .into())
}

pub(super) fn user_by_id(context: &ViewContext, cells: &[Cell]) -> Answer {
    let number = oid(cells, 0);
    Ok(context
        .viewer
        .role_name(number)
        .map_or_else(|| Cell::Text(format!("unknown (OID={number})")), |name| Cell::from(&name)))
}

/// The schemas of the search path that exist and that the viewer may use.
fn effective_path(context: &ViewContext) -> impl Iterator<Item = &Identifier> {
    // The temporary schema comes first in every path without being part of it.
    let temporary =
        |name: &&Identifier| context.snapshot.temporary_schema().is_some_and(|schema| schema.name == **name);
    context.bind.search_path.iter().filter(move |name| !temporary(name)).filter(|name| {
        match namespace_oid(context, name) {
            Some(oid) => {
                context.viewer.is_superuser()
                    || oid.get() < Oid::FIRST_NORMAL
                    || context.viewer.has_schema_privilege(None, oid, "USAGE") == Some(true)
            }
            None => false,
        }
    })
}

pub(super) fn current_schema(context: &ViewContext, _: &[Cell]) -> Answer {
    Ok(effective_path(context).next().map_or(Cell::Null, Cell::from))
}

pub(super) fn current_schemas(context: &ViewContext, cells: &[Cell]) -> Answer {
    let mut schemas: Vec<String> = effective_path(context).map(|name| name.as_str().to_owned()).collect();
    if cells.first() == Some(&Cell::Bool(true)) && !schemas.iter().any(|name| name == namespaces::PG_CATALOG)
    {
        schemas.insert(0, namespaces::PG_CATALOG.to_owned());
    }
    Ok(schemas.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_identifiers() {
        let split = |text| split(text).map(|(schema, name)| (schema.unwrap_or_default(), name));
        let pair = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
        assert_eq!(split("Ekonomi.Budget"), pair("ekonomi", "budget"));
        assert_eq!(split("\"Eko.nomi\".\"Bud\"\"get\""), pair("Eko.nomi", "Bud\"get"));
        assert_eq!(split("lis.public.t"), pair("public", "t"));
        assert_eq!(split("t"), pair("", "t"));
        for broken in ["", "a.", "\"a", "\"a\"b", "a.b.c.d"] {
            assert_eq!(split(broken), None, "{broken}");
        }
    }
}

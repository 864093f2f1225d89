//! Privileges on tables and columns, read from access lists in PostgreSQL's text form (`anna=r*w/lis_admin`). A row is
//! shown to those whom it concerns: the one who granted, the one who got it, and everybody for PUBLIC.

use lis_lake::names::Identifier;

use super::{database, role_name, yes_or_no};
use crate::{
    namespaces::visible_relations,
    registry::ViewContext,
    rows::{Cell, Rows},
};

/// The letters of an access list on a table, and which of them are also about single columns.
const PRIVILEGES: [(char, &str, bool); 7] = [
    ('a', "INSERT", true),
    ('r', "SELECT", true),
    ('w', "UPDATE", true),
    ('d', "DELETE", false),
    ('D', "TRUNCATE", false),
    ('x', "REFERENCES", true),
    ('t', "TRIGGER", false),
];

/// One privilege of one grantee.
#[derive(Debug, PartialEq)]
struct Granted {
    /// Empty is PUBLIC.
    grantee: String,
    grantor: String,
    privilege: &'static str,
    on_columns: bool,
    grantable: bool,
}

/// Reads one entry of an access list.
fn read(item: &str) -> Vec<Granted> {
    let (grantee, rest) = name(item);
    let Some((letters, grantor)) = rest.strip_prefix('=').and_then(|rest| rest.split_once('/')) else {
        return Vec::new();
    };
    let (grantor, _) = name(grantor);
    let mut granted: Vec<Granted> = Vec::new();
    for letter in letters.chars() {
        if letter == '*' {
            if let Some(last) = granted.last_mut() {
                last.grantable = true;
            }
        } else if let Some((_, privilege, on_columns)) =
            PRIVILEGES.iter().find(|(known, ..)| *known == letter)
        {
            granted.push(Granted {
                grantee: grantee.clone(),
                grantor: grantor.clone(),
                privilege,
                on_columns: *on_columns,
                grantable: false,
            });
        }
    }
    granted
}

/// A role's name at the start, in quotes or not, and what follows.
fn name(text: &str) -> (String, &str) {
    let Some(mut quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut name = String::new();
    while let Some(end) = quoted.find('"') {
        name.push_str(&quoted[..end]);
        quoted = &quoted[end + 1..];
        match quoted.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                quoted = after;
            }
            None => break,
        }
    }
    (name, quoted)
}

/// What is granted on every relation that the viewer may know of, with the names of schema, relation and columns.
fn granted(context: &ViewContext, public_too: bool) -> Vec<(Cell, Cell, Vec<Cell>, Granted)> {
    let mut all = Vec::new();
    let is_mine = |role: &str| {
        context.viewer.is_superuser()
            || context.viewer.has_role(None, &Identifier::exact(role), "USAGE") == Some(true)
    };
    for (schema, relation) in visible_relations(context) {
        let items = context.viewer.relation_acl(relation.id().oid());
        let entries = match items {
            Some(items) => items.iter().flat_map(|item| read(item)).collect::<Vec<_>>(),
            // No list is the default: everything to the owner.
            None => match role_name(context, relation.owner()) {
                Cell::Text(owner) => read(&format!("{owner}=a*r*w*d*D*x*t*/{owner}")),
                _ => Vec::new(),
            },
        };
        for entry in entries {
            let shown = match entry.grantee.as_str() {
                "" => public_too || is_mine(&entry.grantor),
                grantee => is_mine(grantee) || is_mine(&entry.grantor),
            };
            if shown {
                let columns = relation.columns().iter().map(|column| Cell::from(&column.name)).collect();
                all.push(((&schema.name).into(), relation.name().into(), columns, entry));
            }
        }
    }
    all
}

fn grantee(entry: &Granted) -> Cell {
    if entry.grantee.is_empty() { "PUBLIC" } else { &entry.grantee }.into()
}

pub(in crate::relations) fn table_privileges(context: &ViewContext, rows: &mut Rows) {
    on_tables(context, rows, true);
}

pub(in crate::relations) fn role_table_grants(context: &ViewContext, rows: &mut Rows) {
    on_tables(context, rows, false);
}

fn on_tables(context: &ViewContext, rows: &mut Rows, public_too: bool) {
    for (schema, table, _, entry) in granted(context, public_too) {
        rows.add([
            ("grantor", entry.grantor.as_str().into()),
            ("grantee", grantee(&entry)),
            ("table_catalog", database(context)),
            ("table_schema", schema),
            ("table_name", table),
            ("privilege_type", entry.privilege.into()),
            ("is_grantable", yes_or_no(entry.grantable)),
            ("with_hierarchy", yes_or_no(entry.privilege == "SELECT")),
        ]);
    }
}

pub(in crate::relations) fn column_privileges(context: &ViewContext, rows: &mut Rows) {
    on_columns(context, rows, true);
}

pub(in crate::relations) fn role_column_grants(context: &ViewContext, rows: &mut Rows) {
    on_columns(context, rows, false);
}

fn on_columns(context: &ViewContext, rows: &mut Rows, public_too: bool) {
    for (schema, table, columns, entry) in granted(context, public_too) {
        for column in columns.into_iter().filter(|_| entry.on_columns) {
            rows.add([
                ("grantor", entry.grantor.as_str().into()),
                ("grantee", grantee(&entry)),
                ("table_catalog", database(context)),
                ("table_schema", schema.clone()),
                ("table_name", table.clone()),
                ("column_name", column),
                ("privilege_type", entry.privilege.into()),
                ("is_grantable", yes_or_no(entry.grantable)),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_lists_are_read() {
        let read: Vec<_> = read("\"An\"\"na\"=r*w/lis_admin")
            .into_iter()
            .map(|entry| (entry.grantee, entry.grantor, entry.privilege, entry.grantable))
            .collect();
        let expected =
            |privilege, grantable| ("An\"na".to_owned(), "lis_admin".to_owned(), privilege, grantable);
        assert_eq!(read, [expected("SELECT", true), expected("UPDATE", false)]);
        assert_eq!(super::read("=r/lis_admin")[0].grantee, "");
        assert_eq!(super::read("nonsense"), []);
    }
}

//! A stored query's text as it would be written now: its names mean what they meant when it was stored, and those that
//! have changed since are shown as they are, under an alias of the old name. For people and clients who read definitions;
//! binding goes by the numbers ([`lis_lake::table::ViewRead`]) and needs none of this.

use std::{convert::Infallible, ops::ControlFlow};

use lis_lake::{
    names::{Identifier, QualifiedName},
    table::ViewRead,
};
use sqlparser::ast::{self, Visit as _};

use crate::{keywords::quote_identifier, names::identifier, parse::parse_query, positions::TextPositions};

/// What a relation is called now: its name, and its columns by number in order.
pub type Present = (QualifiedName, Vec<(i64, Identifier)>);

/// The text under the names of now. `present` tells them by the relation's number; what it does not know, and a text that
/// cannot be read, stays as it is.
pub fn as_of_now(text: &str, reads: &[ViewRead], present: impl Fn(u32) -> Option<Present>) -> String {
    let changed: Vec<(&ViewRead, Present)> = reads
        .iter()
        .filter_map(|read| Some((read, present(read.relation)?)))
        .filter(|(read, present)| is_changed(read, present))
        .collect();
    if changed.is_empty() {
        return text.to_owned();
    }
    let Ok(query) = parse_query(text) else { return text.to_owned() };
    let mut edits = Edits { positions: TextPositions::new(text), changed: &changed, places: Vec::new() };
    let ControlFlow::Continue(()): ControlFlow<Infallible> = query.visit(&mut edits);
    let mut places = edits.places;
    places.sort();
    let characters: Vec<char> = text.chars().collect();
    let mut written = String::with_capacity(text.len());
    let mut at = 1;
    for (start, end, replacement) in places {
        written.extend(characters.get(at - 1..start - 1).unwrap_or_default());
        written.push_str(&replacement);
        at = end;
    }
    written.extend(characters.get(at - 1..).unwrap_or_default());
    written
}

fn is_changed(read: &ViewRead, (name, columns): &Present) -> bool {
    name.schema.as_str() != read.schema || name.name.as_str() != read.name || columns_changed(read, columns)
}

/// Whether a column that the query may name has another name now. Columns that came later stand behind those.
fn columns_changed(read: &ViewRead, columns: &[(i64, Identifier)]) -> bool {
    let mut pairs = read.columns.iter().zip(columns);
    read.columns.len() > columns.len()
        || pairs.any(|((then, name, _), (now, now_name))| then != now || name != now_name.as_str())
}

struct Edits<'a> {
    positions: TextPositions,
    changed: &'a [(&'a ViewRead, Present)],
    /// From where to before where (characters from 1), and what stands there instead.
    places: Vec<(usize, usize, String)>,
}

impl ast::Visitor for Edits<'_> {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<Infallible> {
        let ast::TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let idents: Vec<&ast::Ident> = name.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect();
        let [schema, relation] = idents.as_slice() else { return ControlFlow::Continue(()) };
        let found = self.changed.iter().find(|(read, _)| {
            read.schema == identifier(schema).as_str() && read.name == identifier(relation).as_str()
        });
        let Some((read, (name, columns))) = found else { return ControlFlow::Continue(()) };
        let (Some(start), Some(end)) =
            (self.positions.of_span(schema.span), self.positions.of(relation.span.end))
        else {
            return ControlFlow::Continue(());
        };
        let names = columns_changed(read, columns).then(|| {
            let names = columns.iter().map(|(number, now)| {
                let then = read.columns.iter().find(|(then, ..)| then == number);
                quote_identifier(then.map_or(now.as_str(), |(_, name, _)| name.as_str()))
            });
            format!("({})", names.collect::<Vec<_>>().join(", "))
        });
        let mut replacement =
            format!("{}.{}", quote_identifier(name.schema.as_str()), quote_identifier(name.name.as_str()));
        match alias {
            None => {
                if name.name.as_str() != read.name || names.is_some() {
                    replacement.push_str(&format!(" AS {}", quote_identifier(&read.name)));
                }
                replacement.push_str(names.as_deref().unwrap_or_default());
            }
            Some(alias) if alias.columns.is_empty() => {
                if let (Some(names), Some(after)) = (names, self.positions.of(alias.name.span.end)) {
                    self.places.push((after, after, names));
                }
            }
            Some(_) => {}
        }
        self.places.push((start, end, replacement));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(columns: &[(i64, &str)]) -> ViewRead {
        let columns = columns.iter().map(|(number, name)| (*number, (*name).to_owned(), true)).collect();
        ViewRead { schema: "s".to_owned(), name: "t".to_owned(), relation: 7, columns }
    }

    fn now(schema: &str, name: &str, columns: &[(i64, &str)]) -> Present {
        let columns = columns.iter().map(|(number, name)| (*number, Identifier::exact(name)));
        (QualifiedName::new(schema, name), columns.collect())
    }

    #[test]
    fn changed_names_are_shown_under_the_old_ones() {
        let text = "SELECT t.a, å.b FROM s.t, s.t AS å WHERE 's.t' <> ''";
        let reads = [read(&[(1, "a"), (2, "b")])];
        let shown = |present: Present| as_of_now(text, &reads, |_| Some(present.clone()));
        assert_eq!(shown(now("s", "t", &[(1, "a"), (2, "b"), (3, "c")])), text);
        assert_eq!(
            shown(now("S2", "u", &[(1, "a"), (2, "b")])),
            "SELECT t.a, å.b FROM \"S2\".u AS t, \"S2\".u AS å WHERE 's.t' <> ''"
        );
        assert_eq!(
            shown(now("s", "t", &[(1, "x"), (2, "b"), (3, "c")])),
            "SELECT t.a, å.b FROM s.t AS t(a, b, c), s.t AS å(a, b, c) WHERE 's.t' <> ''"
        );
        assert_eq!(as_of_now(text, &reads, |_| None), text);
    }
}

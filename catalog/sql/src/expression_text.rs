//! Stored expressions over one table (CHECK constraints, policies) as text: which columns they name, and what they are
//! after a column was renamed. Such an expression has no subqueries, so a name in it means one thing.

use std::{collections::BTreeSet, convert::Infallible, ops::ControlFlow};

use lis_lake::names::Identifier;
use sqlparser::ast;

use crate::{
    error::SqlError, keywords::quote_identifier, names::identifier, parse::parse_expression,
    positions::TextPositions,
};

/// The names in an expression that may be columns.
pub fn names_in(text: &str) -> Result<BTreeSet<Identifier>, SqlError> {
    let mut names = BTreeSet::new();
    each_name(text, |ident| {
        names.insert(identifier(ident));
    })?;
    Ok(names)
}

/// The expression after a column's name has changed.
pub fn with_column_renamed(text: &str, from: &Identifier, to: &Identifier) -> Result<String, SqlError> {
    let positions = TextPositions::new(text);
    let mut places = BTreeSet::new();
    each_name(text, |ident| {
        if identifier(ident) == *from
            && let Some(start) = positions.of_span(ident.span)
            && let Some(end) = positions.of(ident.span.end)
        {
            places.insert((start, end));
        }
    })?;
    let mut characters = (1..).zip(text.chars()).peekable();
    let mut renamed = String::with_capacity(text.len());
    for (start, end) in places {
        while let Some((_, character)) = characters.next_if(|(position, _)| *position < start) {
            renamed.push(character);
        }
        while characters.next_if(|(position, _)| *position < end).is_some() {}
        renamed.push_str(&quote_identifier(to.as_str()));
    }
    renamed.extend(characters.map(|(_, character)| character));
    Ok(renamed)
}

/// Whether an expression has a query in it.
pub fn has_subquery(text: &str) -> Result<bool, SqlError> {
    let expression = parse_expression(text)?;
    let found = ast::visit_expressions(&expression, |part| match part {
        ast::Expr::Subquery(_) | ast::Expr::InSubquery { .. } | ast::Expr::Exists { .. } => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    Ok(found.is_break())
}

fn each_name(text: &str, mut take: impl FnMut(&ast::Ident)) -> Result<(), SqlError> {
    let expression = parse_expression(text)?;
    let ControlFlow::Continue(()): ControlFlow<Infallible> = ast::visit_expressions(&expression, |part| {
        match part {
            ast::Expr::Identifier(ident) => take(ident),
            ast::Expr::CompoundIdentifier(idents) => idents.iter().last().into_iter().for_each(&mut take),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Identifier {
        Identifier::exact(text)
    }

    #[test]
    fn a_renamed_column_is_renamed_everywhere_and_nothing_else_is() {
        let text = "åa > 1 and (t.\"åa\" < length('åa') or lower(b) = 'x') and åaa is null";
        assert_eq!(
            with_column_renamed(text, &name("åa"), &name("New")).unwrap(),
            "\"New\" > 1 and (t.\"New\" < length('åa') or lower(b) = 'x') and åaa is null"
        );
        assert_eq!(with_column_renamed("a=1", &name("b"), &name("c")).unwrap(), "a=1");
        assert_eq!(with_column_renamed("b", &name("b"), &name("c d")).unwrap(), "\"c d\"");
    }

    #[test]
    fn names_are_found() {
        let names = names_in("a + t.b > 0 and c in (1, 2) and d between e and 4").unwrap();
        assert_eq!(names.iter().map(Identifier::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
    }
}

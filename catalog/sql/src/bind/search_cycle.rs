//! SEARCH and CYCLE of WITH RECURSIVE, rewritten as PostgreSQL's documentation describes: the query gets columns more,
//! a record or an array of records of the columns named, which both terms compute and the second term carries on.

use lis_lake::names::Identifier;
use sqlparser::ast;

use super::{Binder, BoundColumn, Surroundings, Unknowns};
use crate::{
    dialect::marks::{CYCLE, SEARCH_BREADTH, SEARCH_DEPTH, is_mark},
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
    names::identifier,
    parse::parse_query,
};

/// The clauses behind one query of WITH.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct RecursionClauses<'w> {
    search: Option<&'w ast::Cte>,
    cycle: Option<&'w ast::Cte>,
}

impl<'w> RecursionClauses<'w> {
    /// Those that stand first in what follows a query of WITH.
    pub(crate) fn of(following: &'w [ast::Cte]) -> Self {
        let mut clauses = Self::default();
        for cte in following.iter().take_while(|cte| is_clause(cte)) {
            match is_mark(&cte.alias.name, CYCLE) {
                true => clauses.cycle = Some(cte),
                false => clauses.search = Some(cte),
            }
        }
        clauses
    }

    pub(crate) fn is_written(&self) -> bool {
        self.search.is_some() || self.cycle.is_some()
    }
}

/// Whether what sqlparser read as a query of WITH is a clause of the one before it.
pub(crate) fn is_clause(cte: &ast::Cte) -> bool {
    [SEARCH_BREADTH, SEARCH_DEPTH, CYCLE].into_iter().any(|name| is_mark(&cte.alias.name, name))
}

/// What a clause adds to both terms: a column's name, and what it is in the first and in the second.
struct Added {
    name: Identifier,
    first: String,
    second: String,
}

impl Binder<'_> {
    /// The query of WITH with its clauses written out. `inside` is what surrounds it.
    pub(crate) fn with_recursion_clauses(
        &self,
        written: &ast::Cte,
        clauses: RecursionClauses<'_>,
        inside: Surroundings<'_>,
    ) -> Result<ast::Cte, SqlError> {
        let position = self.position(written.alias.name.span);
        let refused = |what: &str| {
            let message = format!("with a SEARCH or CYCLE clause, {what}");
            SqlError::new(SqlErrorKind::FeatureNotSupported, message)
        };
        let ast::SetExpr::SetOperation { op: ast::SetOperator::Union, set_quantifier, left, right } =
            written.query.body.as_ref()
        else {
            // Another error of the query itself.
            return Ok(written.clone());
        };
        if matches!(left.as_ref(), ast::SetExpr::SetOperation { .. }) {
            return Err(refused("the left side of the UNION must be a SELECT"));
        }
        let ast::SetExpr::Select(second) = right.as_ref() else {
            return Err(refused("the right side of the UNION must be a SELECT"));
        };
        let name = identifier(&written.alias.name);
        let Some(reference) = second.from.iter().find_map(|item| reference_in(item, &name)) else {
            let what = format!(
                "the recursive reference to WITH query \"{}\" must be at the top level of its right-hand SELECT",
                name.as_str()
            );
            return Err(refused(&what));
        };
        let first = ast::Query { body: left.clone(), ..written.query.as_ref().clone() };
        let columns = self.query(&first, inside, Unknowns::AsText)?.columns;
        let columns = self.renamed(columns, &written.alias, "WITH query")?;
        let mut added = Vec::new();
        added.extend(clauses.search.map(|clause| self.search_column(clause, &columns)).transpose()?);
        if let Some(clause) = clauses.cycle {
            let position = clauses.search.and_then(|search| self.position(search.alias.name.span));
            added.extend(self.cycle_columns(clause, &columns, added.first(), position)?);
        }
        let stop = match clauses.cycle.zip(added.get(added.len().saturating_sub(2))) {
            Some((clause, mark)) => {
                let (cycling, _) = cycle_values(clause);
                format!("WHERE r.{} <> ({cycling})", quote_identifier(mark.name.as_str()))
            }
            None => String::new(),
        };
        let names: Vec<String> = columns.iter().map(|column| quote_identifier(&column.name)).collect();
        let added_names: Vec<String> =
            added.iter().map(|added| quote_identifier(added.name.as_str())).collect();
        let mut second = second.as_ref().clone();
        for added in &added {
            let item = ast::Ident::with_quote('"', added.name.as_str());
            let expr = ast::Expr::CompoundIdentifier(vec![reference.clone(), item]);
            second.projection.push(ast::SelectItem::UnnamedExpr(expr));
        }
        let shown = |value: fn(&Added) -> &String| {
            added.iter().map(|added| value(added).as_str()).collect::<Vec<_>>().join(", ")
        };
        let own_names = names.join(", ");
        let all_names = names.iter().chain(&added_names).cloned().collect::<Vec<_>>().join(", ");
        let own =
            |alias: &str| names.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
        let first_text = format!(
            "SELECT {}, {} FROM (SELECT 1) AS l ({own_names})",
            own("l"),
            shown(|added| &added.first)
        );
        let second_text = format!(
            "SELECT {}, {} FROM (SELECT 1) AS r ({all_names}) {stop}",
            own("r"),
            shown(|added| &added.second)
        );
        let body = ast::SetExpr::SetOperation {
            op: ast::SetOperator::Union,
            set_quantifier: *set_quantifier,
            left: over(&first_text, left.as_ref().clone())?,
            right: over(&second_text, ast::SetExpr::Select(Box::new(second)))?,
        };
        let mut alias = written.alias.clone();
        alias.columns = columns
            .iter()
            .map(|column| column.name.as_str())
            .chain(added.iter().map(|added| added.name.as_str()))
            .map(|name| ast::TableAliasColumnDef { name: ast::Ident::with_quote('"', name), data_type: None })
            .collect();
        if alias.columns.len() > names.len() + added.len() {
            return Err(refused("there are too many columns").at(position));
        }
        let query = ast::Query { body: Box::new(body), ..written.query.as_ref().clone() };
        Ok(ast::Cte { alias, query: Box::new(query), ..written.clone() })
    }

    fn search_column(&self, clause: &ast::Cte, columns: &[BoundColumn]) -> Result<Added, SqlError> {
        let position = self.position(clause.alias.name.span);
        let (names, listed) = clause.alias.columns.split_at(1.min(clause.alias.columns.len()));
        let name = self.added_name(names.first(), "search sequence", position, columns)?;
        let listed = self.listed(listed, "search", position, columns)?;
        let of =
            |alias: &str| listed.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
        let own = quote_identifier(name.as_str());
        let (first, second) = if is_mark(&clause.alias.name, SEARCH_BREADTH) {
            (format!("ROW(0::int8, {})", of("l")), format!("ROW((r.{own}).f1 + 1, {})", of("r")))
        } else {
            (format!("ARRAY[ROW({})]", of("l")), format!("r.{own} || ROW({})", of("r")))
        };
        Ok(Added { name, first, second })
    }

    fn cycle_columns(
        &self,
        clause: &ast::Cte,
        columns: &[BoundColumn],
        search: Option<&Added>,
        search_position: Option<usize>,
    ) -> Result<[Added; 2], SqlError> {
        let position = self.position(clause.alias.name.span);
        let (names, listed) = clause.alias.columns.split_at(2.min(clause.alias.columns.len()));
        let mark = self.added_name(names.first(), "cycle mark", position, columns)?;
        let path = self.added_name(names.last(), "cycle path", position, columns)?;
        let listed = self.listed(listed, "cycle", position, columns)?;
        let same = |one: &str, other: &str| {
            let message = format!("{one} column name and {other} column name are the same");
            let clause = if one == "search sequence" { search_position } else { position };
            Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(clause))
        };
        if mark == path {
            return same("cycle mark", "cycle path");
        }
        if search.is_some_and(|search| search.name == mark) {
            return same("search sequence", "cycle mark");
        }
        if search.is_some_and(|search| search.name == path) {
            return same("search sequence", "cycle path");
        }
        let of =
            |alias: &str| listed.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
        let (cycling, going) = cycle_values(clause);
        let own = quote_identifier(path.as_str());
        let seen = format!("ROW({}) = ANY (r.{own})", of("r"));
        let marked = Added {
            name: mark,
            first: format!("CASE WHEN false THEN {cycling} ELSE {going} END"),
            second: format!("CASE WHEN {seen} THEN {cycling} ELSE {going} END"),
        };
        let walked = Added {
            name: path,
            first: format!("ARRAY[ROW({})]", of("l")),
            second: format!("r.{own} || ROW({})", of("r")),
        };
        Ok([marked, walked])
    }

    /// The name of a column that a clause adds.
    fn added_name(
        &self,
        written: Option<&ast::TableAliasColumnDef>,
        what: &str,
        position: Option<usize>,
        columns: &[BoundColumn],
    ) -> Result<Identifier, SqlError> {
        let Some(written) = written else {
            return Err(SqlError::new(SqlErrorKind::Internal, "a clause without a name"));
        };
        let name = identifier(&written.name);
        if columns.iter().any(|column| column.name == name.as_str()) {
            let message =
                format!("{what} column name \"{}\" already used in WITH query column list", name.as_str());
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        Ok(name)
    }

    /// The query's columns that a clause lists, quoted.
    fn listed(
        &self,
        written: &[ast::TableAliasColumnDef],
        what: &str,
        position: Option<usize>,
        columns: &[BoundColumn],
    ) -> Result<Vec<String>, SqlError> {
        let mut names: Vec<String> = Vec::new();
        for column in written {
            let name = identifier(&column.name);
            let error = |kind: SqlErrorKind, message: String| Err(SqlError::new(kind, message).at(position));
            if !columns.iter().any(|known| known.name == name.as_str()) {
                let message = format!("{what} column \"{}\" not in WITH query column list", name.as_str());
                return error(SqlErrorKind::SyntaxError, message);
            }
            let quoted = quote_identifier(name.as_str());
            if names.contains(&quoted) {
                let message = format!("{what} column \"{}\" specified more than once", name.as_str());
                return error(SqlErrorKind::DuplicateColumn, message);
            }
            names.push(quoted);
        }
        Ok(names)
    }
}

/// What CYCLE marks rows with: those that close a cycle, and the others.
fn cycle_values(clause: &ast::Cte) -> (String, String) {
    let ast::SetExpr::Select(select) = clause.query.body.as_ref() else { return Default::default() };
    let mut values = select.projection.iter().map(ToString::to_string);
    (values.next().unwrap_or_default(), values.next().unwrap_or_default())
}

/// What stands for the query of this name in an item of FROM.
fn reference_in(item: &ast::TableWithJoins, name: &Identifier) -> Option<ast::Ident> {
    let factors = std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation));
    factors.into_iter().find_map(|factor| match factor {
        ast::TableFactor::Table { name: written, alias, args: None, .. } => match written.0.as_slice() {
            [ast::ObjectNamePart::Identifier(only)] if identifier(only) == *name => {
                Some(alias.as_ref().map_or_else(|| only.clone(), |alias| alias.name.clone()))
            }
            _ => None,
        },
        ast::TableFactor::NestedJoin { table_with_joins, .. } => reference_in(table_with_joins, name),
        _ => None,
    })
}

/// The SELECT that `text` writes, over `term` in place of its only subquery.
fn over(text: &str, term: ast::SetExpr) -> Result<Box<ast::SetExpr>, SqlError> {
    let mut query = parse_query(text)?;
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && let Some(item) = select.from.first_mut()
        && let ast::TableFactor::Derived { subquery, .. } = &mut item.relation
    {
        *subquery.body = term;
    }
    Ok(query.body)
}

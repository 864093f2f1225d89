//! A view's query as PostgreSQL's `get_query_def` lays it out: one output column a line, joins in brackets, every column
//! under its table's name. One SELECT over tables and their joins; what else a query may have leaves it as it was written.

use std::fmt::Write as _;

use lis_lake::{names::Identifier, types::ColumnType};
use sqlparser::ast;

use super::{Kind, Node, print::Printer, typing::Typing};
use crate::{keywords::quote_identifier, names::identifier, parse::parse_query};

/// The spaces that the parts of a query stand in.
const LEVEL: usize = 8;

/// A relation that a query reads: its name as it is to be written, and its columns.
#[derive(Debug, Clone)]
pub struct Read {
    /// With its schema where it needs one.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<(Identifier, ColumnType)>,
}

/// A stored query as PostgreSQL shows it; `relation` tells what a qualified name is now, if the asker may know, and
/// `names` are the names of its output columns.
pub fn query(
    text: &str,
    relation: &dyn Fn(&Identifier, &Identifier) -> Option<Read>,
    names: &[&Identifier],
    pretty: bool,
) -> Option<String> {
    let query = parse_query(text).ok()?;
    let ast::SetExpr::Select(select) = query.body.as_ref() else { return None };
    if query.with.is_some() || query.fetch.is_some() || !query.locks.is_empty() || !is_plain(select) {
        return None;
    }
    let mut tables = Tables { relation, read: Vec::new(), merged: Vec::new(), pretty };
    let mut from = Vec::new();
    for item in &select.from {
        from.push(tables.joined(item)?);
    }
    let writer = Writer { tables: &tables, pretty };
    let mut out = " SELECT".to_owned();
    if select.distinct.is_some() {
        out.push_str(" DISTINCT");
    }
    let targets = writer.targets(&select.projection)?;
    if targets.len() != names.len() {
        return None;
    }
    for (index, ((node, _), name)) in targets.iter().zip(names).enumerate() {
        let shown = writer.text(node);
        match (index, shown.starts_with('\n')) {
            (0, false) => out.push(' '),
            (0, true) => {}
            (_, false) => out.push_str(",\n    "),
            (_, true) => out.push(','),
        }
        out.push_str(&shown);
        let own = matches!(&node.kind, Kind::Word(word) if word.rsplit('.').next() == Some(&quote_identifier(name.as_str())));
        if !own && name.as_str() != "?column?" {
            write!(out, " AS {}", quote_identifier(name.as_str())).ok()?;
        }
    }
    if !from.is_empty() {
        write!(out, "\n   FROM {}", from.join(",\n    ")).ok()?;
    }
    if let Some(condition) = &select.selection {
        write!(out, "\n  WHERE {}", writer.text(&writer.typed(false, |typing| typing.condition(condition))?))
            .ok()?;
    }
    if let ast::GroupByExpr::Expressions(keys, modifiers) = &select.group_by
        && !keys.is_empty()
    {
        if !modifiers.is_empty() {
            return None;
        }
        let keys: Option<Vec<String>> = keys.iter().map(|key| writer.key(key, &targets, false)).collect();
        write!(out, "\n  GROUP BY {}", keys?.join(", ")).ok()?;
    }
    if let Some(condition) = &select.having {
        write!(out, "\n HAVING {}", writer.text(&writer.typed(true, |typing| typing.condition(condition))?))
            .ok()?;
    }
    if let Some(order) = &query.order_by {
        let ast::OrderByKind::Expressions(keys) = &order.kind else { return None };
        let keys: Option<Vec<String>> = keys.iter().map(|key| writer.sorted(key, &targets)).collect();
        write!(out, "\n  ORDER BY {}", keys?.join(", ")).ok()?;
    }
    if let Some(clause) = &query.limit_clause {
        let ast::LimitClause::LimitOffset { limit, offset, limit_by } = clause else { return None };
        if !limit_by.is_empty() {
            return None;
        }
        if let Some(offset) = offset {
            write!(out, "\n OFFSET {}", number(&offset.value)?).ok()?;
        }
        if let Some(limit) = limit {
            write!(out, "\n LIMIT {}", number(limit)?).ok()?;
        }
    }
    Some(out)
}

/// Whether a SELECT has only the clauses that are written here.
fn is_plain(select: &ast::Select) -> bool {
    matches!(&select.distinct, None | Some(ast::Distinct::Distinct))
        && select.into.is_none()
        && select.named_window.is_empty()
        && matches!(select.group_by, ast::GroupByExpr::Expressions(..))
}

fn number(expr: &ast::Expr) -> Option<String> {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(number, _) => number.to_string().parse::<i32>().ok().map(|it| it.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// A table of FROM under the name by which its columns are called.
struct Named {
    alias: Identifier,
    columns: Vec<(Identifier, ColumnType)>,
}

struct Tables<'a> {
    relation: &'a dyn Fn(&Identifier, &Identifier) -> Option<Read>,
    read: Vec<Named>,
    /// Columns that USING made one of two: whose they are then.
    merged: Vec<(Identifier, usize)>,
    pretty: bool,
}

impl Tables<'_> {
    /// An item of FROM with its joins.
    fn joined(&mut self, item: &ast::TableWithJoins) -> Option<String> {
        let first = self.read.len();
        let mut text = self.table(&item.relation)?;
        for join in &item.joins {
            let right = self.table(&join.relation)?;
            use ast::JoinOperator as J;
            let (words, constraint) = match &join.join_operator {
                J::Join(constraint) | J::Inner(constraint) => ("JOIN", constraint),
                J::Left(constraint) | J::LeftOuter(constraint) => ("LEFT JOIN", constraint),
                J::Right(constraint) | J::RightOuter(constraint) => ("RIGHT JOIN", constraint),
                J::FullOuter(constraint) => ("FULL JOIN", constraint),
                J::CrossJoin(constraint) => ("CROSS JOIN", constraint),
                _ => return None,
            };
            let condition = match constraint {
                ast::JoinConstraint::On(condition) => {
                    let writer = Writer { tables: self, pretty: self.pretty };
                    let node = writer.typed(false, |typing| typing.condition(condition))?;
                    let condition = Printer::indented(&node, self.pretty, LEVEL);
                    if self.pretty { format!(" ON {condition}") } else { format!(" ON ({condition})") }
                }
                ast::JoinConstraint::Using(names) if matches!(words, "JOIN" | "LEFT JOIN") => {
                    let mut columns = Vec::new();
                    for name in names {
                        let [ast::ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return None };
                        let name = identifier(name);
                        let has = |table: &Named| table.columns.iter().any(|(column, _)| *column == name);
                        let owner = first + self.read[first..].iter().position(has)?;
                        columns.push(quote_identifier(name.as_str()));
                        self.merged.push((name, owner));
                    }
                    format!(" USING ({})", columns.join(", "))
                }
                ast::JoinConstraint::None if words == "CROSS JOIN" => String::new(),
                _ => return None,
            };
            text = format!("{text}\n     {words} {right}{condition}");
            if !self.pretty {
                text = format!("({text})");
            }
        }
        Some(text)
    }

    fn table(&mut self, factor: &ast::TableFactor) -> Option<String> {
        let ast::TableFactor::Table { name, alias, args: None, with_ordinality: false, sample: None, .. } =
            factor
        else {
            return None;
        };
        let [ast::ObjectNamePart::Identifier(schema), ast::ObjectNamePart::Identifier(name)] =
            name.0.as_slice()
        else {
            return None;
        };
        let (schema, name) = (identifier(schema), identifier(name));
        let Read { name: mut text, columns } = (self.relation)(&schema, &name)?;
        let alias = match alias {
            Some(alias) if alias.columns.is_empty() => {
                let alias = identifier(&alias.name);
                if alias != name {
                    write!(text, " {}", quote_identifier(alias.as_str())).ok()?;
                }
                alias
            }
            Some(_) => return None,
            None => name,
        };
        self.read.push(Named { alias, columns });
        Some(text)
    }

    /// What a column is called, and its type.
    fn column(&self, table: Option<&Identifier>, name: &Identifier) -> Option<(String, ColumnType)> {
        let owner = match table {
            Some(table) => self.read.iter().find(|read| read.alias == *table)?,
            None => match self.merged.iter().find(|(merged, _)| merged == name) {
                Some((_, owner)) => self.read.get(*owner)?,
                None => {
                    self.read.iter().find(|read| read.columns.iter().any(|(column, _)| column == name))?
                }
            },
        };
        let (_, column_type) = owner.columns.iter().find(|(column, _)| column == name)?;
        let (table, name) = (quote_identifier(owner.alias.as_str()), quote_identifier(name.as_str()));
        Some((format!("{table}.{name}"), *column_type))
    }
}

struct Writer<'a> {
    tables: &'a Tables<'a>,
    pretty: bool,
}

impl Writer<'_> {
    fn typed<T>(&self, grouped: bool, with: impl FnOnce(&Typing<'_>) -> T) -> T {
        with(&Typing::new(&|table, name| self.tables.column(table, name), grouped))
    }

    fn text(&self, node: &Node) -> String {
        Printer::indented(node, self.pretty, LEVEL)
    }

    /// The SELECT list, each with its alias.
    fn targets(&self, items: &[ast::SelectItem]) -> Option<Vec<(Node, Option<Identifier>)>> {
        let mut targets = Vec::new();
        let all_of = |table: &Named| -> Option<Vec<(Node, Option<Identifier>)>> {
            let columns = table.columns.iter().map(|(name, _)| {
                let (text, column_type) = self.tables.column(Some(&table.alias), name)?;
                Some((Node::new(Kind::Word(text), column_type.pg_type), None))
            });
            columns.collect()
        };
        for item in items {
            match item {
                ast::SelectItem::UnnamedExpr(expr) => {
                    targets.push((self.typed(true, |typing| typing.expression(expr))?.settled()?, None))
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    targets.push((
                        self.typed(true, |typing| typing.expression(expr))?.settled()?,
                        Some(identifier(alias)),
                    ));
                }
                ast::SelectItem::Wildcard(_) if self.tables.merged.is_empty() => {
                    for table in &self.tables.read {
                        targets.extend(all_of(table)?);
                    }
                }
                ast::SelectItem::QualifiedWildcard(
                    ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let [ast::ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return None };
                    let name = identifier(name);
                    targets.extend(all_of(self.tables.read.iter().find(|read| read.alias == name)?)?);
                }
                _ => return None,
            }
        }
        Some(targets)
    }

    /// A key of GROUP BY or ORDER BY: a place in the SELECT list, an output column's name, or an expression.
    fn key(
        &self,
        expr: &ast::Expr,
        targets: &[(Node, Option<Identifier>)],
        by_output: bool,
    ) -> Option<String> {
        let place = number(expr).and_then(|place| place.parse::<usize>().ok());
        let output = match expr {
            ast::Expr::Identifier(name) => {
                let name = identifier(name);
                let is_column = self.tables.column(None, &name).is_some();
                let found = targets.iter().find(|(_, alias)| alias.as_ref() == Some(&name));
                // ORDER BY means the output column first, GROUP BY the input column.
                found.filter(|_| by_output || !is_column)
            }
            _ => None,
        };
        let node = match (place, output) {
            (Some(place), _) => targets.get(place.checked_sub(1)?)?.0.clone(),
            (None, Some((node, _))) => node.clone(),
            (None, None) => self.typed(true, |typing| typing.expression(expr))?,
        };
        if node.is_constant() {
            return None;
        }
        let shown = self.text(&node);
        let bracketed = match &node.kind {
            Kind::Word(_) => false,
            Kind::Call { name, .. } => {
                self.pretty || !matches!(name.as_str(), "COALESCE" | "GREATEST" | "LEAST" | "NULLIF")
            }
            Kind::Syntax { .. } => true,
            Kind::Cast { .. } => self.pretty,
            _ => self.pretty,
        };
        Some(if bracketed { format!("({shown})") } else { shown })
    }

    fn sorted(&self, item: &ast::OrderByExpr, targets: &[(Node, Option<Identifier>)]) -> Option<String> {
        let mut text = self.key(&item.expr, targets, true)?;
        let descending = item.options.asc == Some(false);
        if descending {
            text.push_str(" DESC");
        }
        match item.options.nulls_first {
            Some(true) if !descending => text.push_str(" NULLS FIRST"),
            Some(false) if descending => text.push_str(" NULLS LAST"),
            _ => {}
        }
        Some(text)
    }
}

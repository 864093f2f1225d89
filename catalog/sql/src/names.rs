//! Names and what they stand for inside a query: which columns and tables a FROM clause makes visible, to which level of
//! an enclosing query a name reaches, what is ambiguous, and what the asker may have meant.
//!
//! A [`Namespace`] is what one FROM clause shows; a [`Scope`] is a namespace with the enclosing queries' scopes. A column
//! of an enclosing query becomes an `OuterReferenceColumn`, which `bind/decorrelate.rs` later turns into a join.

use std::{rc::Rc, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Column,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::Expr,
};
use lis_lake::{names::Identifier, types::ColumnType};
use sqlparser::ast;

use crate::{
    bind::Aggregating,
    error::{SqlError, SqlErrorKind},
    output::Origin,
    types::{Derived, Typed},
};

/// The name that a written identifier means.
pub(crate) fn identifier(ident: &ast::Ident) -> Identifier {
    if ident.quote_style.is_some() { Identifier::exact(&ident.value) } else { Identifier::fold(&ident.value) }
}

/// A column that a name can mean.
#[derive(Debug, Clone)]
pub(crate) struct ScopeColumn {
    pub(crate) name: Identifier,
    /// A column of the plan; for a column that FULL JOIN USING merges, an expression over two.
    pub(crate) expr: Expr,
    pub(crate) column_type: ColumnType,
    pub(crate) arrow_type: DataType,
    pub(crate) collation: Derived,
    pub(crate) origin: Option<Origin>,
}

impl ScopeColumn {
    fn typed(&self, level: usize, position: Option<usize>) -> Typed {
        let expr = if level == 0 { self.expr.clone() } else { outer(&self.expr, &self.arrow_type) };
        Typed {
            expr,
            column_type: self.column_type,
            arrow_type: self.arrow_type.clone(),
            collation: self.collation,
            origin: self.origin,
            position,
        }
    }
}

/// The expression seen from an inner query. An outer reference carries its type, since the inner plan's schema does not
/// know it: that of the whole, which is a column, or several that a join has merged; another only below a cast.
fn outer(expr: &Expr, data_type: &DataType) -> Expr {
    let transformed = expr.clone().transform_down(|node| {
        Ok(match node {
            Expr::Column(column) => {
                let field = Arc::new(Field::new(&column.name, data_type.clone(), true));
                Transformed::yes(Expr::OuterReferenceColumn(field, column))
            }
            Expr::Cast(mut cast) => {
                cast.expr = Box::new(outer(&cast.expr, &DataType::Null));
                Transformed::new(Expr::Cast(cast), true, TreeNodeRecursion::Jump)
            }
            other => Transformed::no(other),
        })
    });
    transformed.map_or_else(|_| expr.clone(), |result| result.data)
}

/// The name of a relation that an alias may hide.
#[derive(Debug, Clone)]
pub(crate) struct HiddenName {
    pub(crate) schema: Identifier,
    pub(crate) name: Identifier,
    /// Whether the search path finds it without its schema.
    pub(crate) visible: bool,
}

/// A table, or anything else with a name, in a FROM clause.
#[derive(Debug, Clone)]
pub(crate) struct ScopeTable {
    /// The schema, when no alias hides it.
    pub(crate) schema: Option<Identifier>,
    pub(crate) name: Identifier,
    /// The relation's own name, for hints where an alias hides it.
    pub(crate) relation: Option<HiddenName>,
    /// The plan's columns of its primary key.
    pub(crate) key: Vec<Column>,
    pub(crate) columns: Vec<Rc<ScopeColumn>>,
    /// Columns that `*` does not show.
    pub(crate) hidden: Vec<Rc<ScopeColumn>>,
    /// What its name means as a value.
    pub(crate) whole: Whole,
}

/// What a table's name means as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Whole {
    /// The row.
    #[default]
    Row,
    /// The row, or null where an outer join found none.
    OuterRow,
    /// The value of the only column: what a function that gives no record shows.
    Value,
}

/// What a table's name means as a value, and its columns.
pub(crate) type WholeRow = (Whole, Vec<(Identifier, Typed)>);

/// What a FROM clause, or a part of it, makes visible.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    /// By name, for qualified references.
    pub(crate) tables: Vec<Rc<ScopeTable>>,
    /// In the order of `*`, for unqualified references: columns merged by USING occur once.
    pub(crate) columns: Vec<Rc<ScopeColumn>>,
}

impl Namespace {
    /// What one table shows.
    pub(crate) fn of(table: ScopeTable) -> Self {
        let columns = table.columns.clone();
        Self { tables: vec![Rc::new(table)], columns }
    }

    /// The same, at the nullable side of an outer join.
    pub(crate) fn nullable(mut self) -> Self {
        for table in &mut self.tables {
            if table.whole == Whole::Row {
                let mut own = ScopeTable::clone(table);
                own.whole = Whole::OuterRow;
                *table = Rc::new(own);
            }
        }
        self
    }

    /// Whether something visible is made of the plan's column.
    pub(crate) fn has_column(&self, column: &Column) -> bool {
        self.columns
            .iter()
            .chain(self.tables.iter().flat_map(|table| table.columns.iter().chain(&table.hidden)))
            .any(|visible| visible.expr.column_refs().contains(column))
    }

    /// Both side by side.
    pub(crate) fn and(mut self, other: Namespace) -> Self {
        self.tables.extend(other.tables);
        self.columns.extend(other.columns);
        self
    }

    /// `JOIN … USING (…) AS name`: the first `count` columns, which USING merged, under a name of their own.
    pub(crate) fn add_using_alias(&mut self, name: Identifier, count: usize) -> Result<(), SqlError> {
        let columns = self.columns.iter().take(count).cloned().collect();
        let table = ScopeTable {
            schema: None,
            name,
            relation: None,
            key: Vec::new(),
            columns,
            hidden: Vec::new(),
            whole: Whole::default(),
        };
        let alias = Namespace { tables: vec![Rc::new(table)], columns: Vec::new() };
        self.check_distinct(&alias)?;
        self.tables.extend(alias.tables);
        Ok(())
    }

    /// Refuses two tables of one name. Those of `other` are about to be added.
    pub(crate) fn check_distinct(&self, other: &Namespace) -> Result<(), SqlError> {
        for table in &other.tables {
            let same = |one: &Rc<ScopeTable>| {
                one.name == table.name
                    && match (&one.schema, &table.schema) {
                        // Two tables of one name in different schemas are told apart by their schema.
                        (Some(left), Some(right)) => left == right,
                        _ => true,
                    }
            };
            if self.tables.iter().any(same) {
                return Err(SqlError::new(
                    SqlErrorKind::DuplicateAlias,
                    format!("table name \"{}\" specified more than once", table.name.as_str()),
                ));
            }
        }
        Ok(())
    }
}

/// A namespace within those of the enclosing queries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) parent: Option<&'a Scope<'a>>,
    /// Where in its query an expression stands, of whose subqueries this is the parent: an aggregate of its columns there
    /// belongs to it. `None` elsewhere.
    pub(crate) aggregating: Option<Aggregating<'a>>,
}

/// What a name with dots turned out to be.
#[derive(Debug, Clone, Copy)]
struct Qualifier<'n> {
    schema: Option<&'n Identifier>,
    table: &'n Identifier,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(namespace: &'a Namespace, parent: Option<&'a Scope<'a>>) -> Self {
        Self { namespace, parent, aggregating: None }
    }

    /// The scope so many levels up.
    pub(crate) fn ancestor(&self, level: usize) -> Option<Scope<'a>> {
        (0..level).try_fold(*self, |scope, _| scope.parent.copied())
    }

    /// How many levels up the plan's column belongs.
    pub(crate) fn level_of(&self, column: &Column) -> Option<usize> {
        self.levels().find(|(_, namespace)| namespace.has_column(column)).map(|(level, _)| level)
    }

    fn levels(&self) -> impl Iterator<Item = (usize, &'a Namespace)> {
        let mut next = Some(*self);
        let mut level = 0;
        std::iter::from_fn(move || {
            let scope = next?;
            next = scope.parent.copied();
            level += 1;
            Some((level - 1, scope.namespace))
        })
    }

    /// The column that an unqualified name means, if there is one.
    pub(crate) fn find(&self, name: &Identifier, position: Option<usize>) -> Result<Option<Typed>, SqlError> {
        for (level, namespace) in self.levels() {
            let mut matching = namespace.columns.iter().filter(|column| column.name == *name);
            if let Some(column) = matching.next() {
                if matching.next().is_some() {
                    return Err(ambiguous(name, position));
                }
                return Ok(Some(column.typed(level, position)));
            }
            let mut hidden =
                namespace.tables.iter().flat_map(|table| &table.hidden).filter(|column| column.name == *name);
            if let Some(column) = hidden.next() {
                if hidden.next().is_some() {
                    return Err(ambiguous(name, position));
                }
                return Ok(Some(column.typed(level, position)));
            }
        }
        Ok(None)
    }

    /// The column that an unqualified name means.
    pub(crate) fn column(&self, name: &Identifier, position: Option<usize>) -> Result<Typed, SqlError> {
        if let Some(found) = self.find(name, position)? {
            return Ok(found);
        }
        let error = SqlError::new(
            SqlErrorKind::UndefinedColumn,
            format!("column \"{}\" does not exist", name.as_str()),
        )
        .at(position);
        Err(self.with_column_hint(error, None, name))
    }

    /// The column that `[schema.]table.column` means.
    pub(crate) fn qualified_column(
        &self,
        schema: Option<&Identifier>,
        table: &Identifier,
        name: &Identifier,
        position: Option<usize>,
    ) -> Result<Typed, SqlError> {
        let Some((level, found)) = self.table(schema, table)? else {
            return Err(self.missing_table(Qualifier { schema, table }, position));
        };
        let mut matching = found.columns.iter().chain(&found.hidden).filter(|column| column.name == *name);
        let Some(column) = matching.next() else {
            let message = format!("column {}.{} does not exist", table.as_str(), name.as_str());
            let error = SqlError::new(SqlErrorKind::UndefinedColumn, message).at(position);
            return Err(self.with_column_hint(error, Some(table), name));
        };
        if matching.next().is_some() {
            return Err(ambiguous(name, position));
        }
        Ok(column.typed(level, position))
    }

    /// The table that a name means, and at which level.
    pub(crate) fn table(
        &self,
        schema: Option<&Identifier>,
        name: &Identifier,
    ) -> Result<Option<(usize, &'a Rc<ScopeTable>)>, SqlError> {
        for (level, namespace) in self.levels() {
            let mut matching = namespace.tables.iter().filter(|table| {
                table.name == *name && schema.is_none_or(|schema| table.schema.as_ref() == Some(schema))
            });
            if let Some(table) = matching.next() {
                if matching.next().is_some() {
                    return Err(SqlError::new(
                        SqlErrorKind::AmbiguousAlias,
                        format!("table reference \"{}\" is ambiguous", name.as_str()),
                    ));
                }
                return Ok(Some((level, table)));
            }
        }
        Ok(None)
    }

    /// The columns of the table that a name means, and what the name means as a value.
    pub(crate) fn whole_row(
        &self,
        schema: Option<&Identifier>,
        name: &Identifier,
        position: Option<usize>,
    ) -> Result<Option<WholeRow>, SqlError> {
        let Some((level, found)) = self.table(schema, name)? else { return Ok(None) };
        let columns =
            found.columns.iter().map(|column| (column.name.clone(), column.typed(level, position))).collect();
        Ok(Some((found.whole, columns)))
    }

    /// The columns of `table.*`, which must be of this query.
    pub(crate) fn table_columns(
        &self,
        schema: Option<&Identifier>,
        table: &Identifier,
        position: Option<usize>,
    ) -> Result<Vec<(Identifier, Typed)>, SqlError> {
        let Some((level, found)) = self.table(schema, table)? else {
            return Err(self.missing_table(Qualifier { schema, table }, position));
        };
        Ok(found.columns.iter().map(|column| (column.name.clone(), column.typed(level, position))).collect())
    }

    /// The columns of `*`.
    pub(crate) fn all_columns(&self, position: Option<usize>) -> Vec<(Identifier, Typed)> {
        self.namespace.columns.iter().map(|column| (column.name.clone(), column.typed(0, position))).collect()
    }

    fn missing_table(&self, qualifier: Qualifier<'_>, position: Option<usize>) -> SqlError {
        let name = qualifier.table.as_str();
        let written = match qualifier.schema {
            Some(schema) => format!("{}.{name}", schema.as_str()),
            None => name.to_owned(),
        };
        let hidden = self.levels().find_map(|(_, namespace)| {
            namespace.tables.iter().find(|table| {
                table.relation.as_ref().is_some_and(|relation| {
                    relation.name == *qualifier.table
                        && qualifier.schema.map_or(relation.visible, |schema| *schema == relation.schema)
                })
            })
        });
        match hidden {
            Some(alias) => SqlError::new(
                SqlErrorKind::UndefinedTable,
                format!("invalid reference to FROM-clause entry for table \"{written}\""),
            )
            .with_hint(format!(
                "Perhaps you meant to reference the table alias \"{}\".",
                alias.name.as_str()
            )),
            None => SqlError::new(
                SqlErrorKind::UndefinedTable,
                format!("missing FROM-clause entry for table \"{written}\""),
            ),
        }
        .at(position)
    }

    /// Adds the names that come nearest, as PostgreSQL does: at most two, and none that is too far.
    fn with_column_hint(&self, error: SqlError, table: Option<&Identifier>, name: &Identifier) -> SqlError {
        const DISTANCE_MAX: usize = 3;
        let mut nearest = usize::MAX;
        let mut found: Vec<String> = Vec::new();
        for (_, namespace) in self.levels() {
            for one in &namespace.tables {
                // A wrong table name costs something, so that the right table's columns come first.
                let penalty = table.map_or(0, |table| strsim::levenshtein(table.as_str(), one.name.as_str()));
                for column in &one.columns {
                    let distance = strsim::levenshtein(column.name.as_str(), name.as_str()) + penalty;
                    if distance > DISTANCE_MAX || distance > name.as_str().chars().count() / 2 + penalty {
                        continue;
                    }
                    let qualified = format!("{}.{}", one.name.as_str(), column.name.as_str());
                    if distance < nearest {
                        nearest = distance;
                        found = vec![qualified];
                    } else if distance == nearest && !found.contains(&qualified) {
                        found.push(qualified);
                    }
                }
            }
        }
        match found.as_slice() {
            [one] => error.with_hint(format!("Perhaps you meant to reference the column \"{one}\".")),
            [one, two] => error.with_hint(format!(
                "Perhaps you meant to reference the column \"{one}\" or the column \"{two}\"."
            )),
            _ => error,
        }
    }
}

fn ambiguous(name: &Identifier, position: Option<usize>) -> SqlError {
    SqlError::new(
        SqlErrorKind::AmbiguousColumn,
        format!("column reference \"{}\" is ambiguous", name.as_str()),
    )
    .at(position)
}

//! Syntax trees to bound plans. One query is bound like this:
//!
//! 1. `query`: WITH, then the body: SELECT (`select`), VALUES (`values`), a set operation (`set_operations`); then
//!    ORDER BY and LIMIT (`order`).
//! 2. A SELECT begins with FROM (`from`, `joins`, `ctes`, `views`, `table_functions`), which gives a plan and the
//!    names that it shows. Every expression (`expressions`, `calls`) is bound against them into a
//!    [`Typed`].
//! 3. Aggregates, window functions and sets that an expression contains are taken out while it is bound: a column stands
//!    for each, and `calls::Calls` remembers what it is. `aggregates` and `windows` then put the nodes under the
//!    projection.
//! 4. Subqueries (`subqueries`) stay in the expression where DataFusion can plan them; otherwise a column stands for
//!    them too, which `attachments` joins to the plan: by the conditions that refer to the outside (`pull_up`), or, where
//!    more than conditions do, by computing the subquery for all outer rows at once (`decorrelate`).
//!
//! Every plan column has a name that occurs nowhere else in the statement: a table's scan is qualified by `table#n`, and
//! everything else is called `name#n`. What the client sees is kept beside the plan in `BoundColumn::name`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::datatypes::DataType;
use datafusion::{
    common::{Column, DFSchema, DataFusionError},
    logical_expr::{EmptyRelation, Expr, Filter, LogicalPlan, Projection},
};
use lis_functions::error::FunctionError;
use lis_lake::{
    ids::Oid,
    names::Identifier,
    table::ViewRead,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use crate::{
    catalog::{Catalog, CatalogRelation},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
    names::Scope,
    output::{BoundQuery, Dependency, Origin, OutputColumn},
    parse::parse_query,
    positions::TextPositions,
    types::{Binding, Derived, Parameters, Typed, statement_error},
};

mod aggregates;
mod assigned;
mod attachments;
mod calls;
mod comparisons;
mod ctes;
mod decorrelate;
mod expressions;
mod from;
mod hypothetical;
mod interval_fields;
mod joins;
mod json_aggregates;
mod json_populate;
mod json_records;
mod lifted_order;
mod locks;
mod modify;
mod order;
mod outer_aggregates;
mod place;
mod predicate;
mod pull_up;
mod query;
mod recursion;
mod rows;
mod sample;
mod search_cycle;
mod select;
mod set_operations;
mod single_value;
mod subqueries;
mod table_functions;
mod values;
mod views;
mod window_frames;
mod windows;

pub use assigned::bind_assigned;
pub use modify::{
    BoundModification, BoundPart, BoundReturning, BoundStatement, BoundStep, Command, Layout, MergeStep,
    bind_default, bind_modification,
};
pub use order::constant;
pub(crate) use order::constant_value;
pub(crate) use place::Aggregating;
pub use predicate::{bind_check, bind_copy_condition, bind_predicate};

/// Binds a query. `text` is the statement's text, which positions refer to.
pub fn bind_query(
    query: &ast::Query,
    text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundQuery, SqlError> {
    let parameters = Parameters::new(&context.parameter_types);
    let shared = Shared::default();
    let binder = Binder::new(text, Binding { catalog, context, parameters: &parameters }, &shared);
    let bound = binder.query(query, Surroundings::default(), Unknowns::AsText)?;
    let parameters = settled_by_number(&parameters)
        .map_err(|(number, error)| error.at(binder.find_from(0, &format!("${number}"))))?;
    Ok(shared.finish(bound, parameters))
}

/// A view's definition as it is stored.
#[derive(Debug, Clone)]
pub struct StoredQuery {
    /// The text with every relation's schema written out.
    pub text: String,
    /// The relations of the lake that it names, with their columns.
    pub reads: Vec<ViewRead>,
}

/// A view's definition as it is stored: `query_text`, which is a part of `text`, with every relation's schema written
/// out, so that it keeps its meaning under another search path, and what its names mean, so that it keeps that when they
/// change. `query` is what was read there, its positions those of `text`.
pub fn qualify_query(
    query: &ast::Query,
    text: &str,
    query_text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<StoredQuery, SqlError> {
    let parameters = Parameters::new(&[]);
    let shared = Shared::default();
    let binder = Binder::new(text, Binding { catalog, context, parameters: &parameters }, &shared);
    binder.query(query, Surroundings::default(), Unknowns::AsText)?;
    let unqualified = binder.unqualified.borrow();
    let begin = text.rfind(query_text).unwrap_or(0);
    let mut qualified = String::with_capacity(query_text.len());
    let first = text[..begin].chars().count() + 1;
    for (position, character) in (first..).zip(query_text.chars()) {
        if let Some(schema) = unqualified.get(&position) {
            qualified.push_str(&quote_identifier(schema.as_str()));
            qualified.push('.');
        }
        qualified.push(character);
    }
    let used = binder.used.borrow();
    let reads = binder.named.take().into_values().map(|relation| {
        let columns = relation.columns.iter().filter(|column| !column.hidden).map(|column| {
            let origin = Origin { relation: relation.oid, column: column.number };
            (i64::from(column.number), column.name.as_str().to_owned(), used.contains(&origin))
        });
        ViewRead {
            schema: relation.name.schema.as_str().to_owned(),
            name: relation.name.name.as_str().to_owned(),
            relation: relation.oid.get(),
            columns: columns.collect(),
        }
    });
    Ok(StoredQuery { text: qualified, reads: reads.collect() })
}

/// Binds a stored query by itself: a materialized view's.
pub fn bind_stored(
    definition: &str,
    reads: &[ViewRead],
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundQuery, SqlError> {
    let query = parse_query(definition)?;
    let context = BindContext { search_path: Vec::new(), ..context.clone() };
    let parameters = Parameters::new(&[]);
    let shared = Shared::default();
    let binding = Binding { catalog, context: &context, parameters: &parameters };
    let binder = Binder::new(definition, binding, &shared).with_reads(Some(reads));
    let bound = binder.query(&query, Surroundings::default(), Unknowns::AsText)?;
    Ok(shared.finish(bound, settled(&parameters)?))
}

/// The types of all parameters, or what is wrong with one.
fn settled(parameters: &Parameters) -> Result<Vec<PgType>, SqlError> {
    settled_by_number(parameters).map_err(|(_, error)| error)
}

/// The same, with the number of the parameter that has no type.
fn settled_by_number(parameters: &Parameters) -> Result<Vec<PgType>, (usize, SqlError)> {
    let mut types = Vec::new();
    for (index, pg_type) in parameters.types().into_iter().enumerate() {
        types.push(pg_type.ok_or_else(|| {
            let message = format!("could not determine data type of parameter ${}", index + 1);
            (index + 1, SqlError::new(SqlErrorKind::IndeterminateDatatype, message))
        })?);
    }
    Ok(types)
}

/// What everything that is bound for one statement has in common, whichever text it comes from.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    next_name: Cell<usize>,
    views: RefCell<Vec<Oid>>,
    /// The owner of the view in whose rights is read what is being bound; `None`: the asker's rights.
    rights: Cell<Option<Oid>>,
    dependencies: RefCell<BTreeSet<Dependency>>,
    /// What FOR UPDATE and FOR SHARE name.
    locks: RefCell<BTreeSet<Oid>>,
    /// The views that are being expanded, outermost first.
    expanding: RefCell<Vec<Oid>>,
    /// What the statement does beside its last part, if it changes rows.
    steps: RefCell<modify::Steps>,
}

impl Shared {
    /// The columns that a client sees.
    fn outputs(columns: Vec<BoundColumn>) -> Vec<OutputColumn> {
        columns
            .into_iter()
            .map(|column| OutputColumn {
                name: column.name,
                column_type: column.column_type,
                collation: column.collation,
                origin: column.origin,
            })
            .collect()
    }

    fn finish(&self, bound: Bound, parameters: Vec<PgType>) -> BoundQuery {
        BoundQuery {
            outputs: Self::outputs(bound.columns),
            plan: bound.plan,
            parameters,
            views: self.views.take(),
            dependencies: self.dependencies.take().into_iter().collect(),
            locks: self.locks.take().into_iter().collect(),
        }
    }
}

/// What surrounds a query.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings<'s> {
    /// The scope of the enclosing query, for correlated references.
    pub(crate) outer: Option<&'s Scope<'s>>,
    /// The WITH queries in sight.
    pub(crate) ctes: Option<&'s ctes::CteFrame<'s>>,
}

/// What becomes of output columns that nothing has given a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknowns {
    /// They become `text`.
    AsText,
    /// The caller settles them: a set operation's arms, INSERT … SELECT.
    Keep,
}

/// A bound query.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) plan: LogicalPlan,
    /// One for each column of the plan, in order.
    pub(crate) columns: Vec<BoundColumn>,
}

/// A column of a bound query.
#[derive(Debug, Clone)]
pub(crate) struct BoundColumn {
    /// The name that PostgreSQL gives it.
    pub(crate) name: String,
    /// The plan's column.
    pub(crate) column: Column,
    pub(crate) column_type: ColumnType,
    pub(crate) arrow_type: DataType,
    pub(crate) collation: Derived,
    pub(crate) origin: Option<Origin>,
    /// The constant of no type that it is, kept under [`Unknowns::Keep`].
    pub(crate) unknown: Option<Typed>,
    pub(crate) position: Option<usize>,
}

impl BoundColumn {
    /// As an expression over the bound query's plan.
    pub(crate) fn typed(&self) -> Typed {
        if let Some(unknown) = &self.unknown {
            return unknown.clone();
        }
        Typed {
            expr: Expr::Column(self.column.clone()),
            column_type: self.column_type,
            arrow_type: self.arrow_type.clone(),
            collation: self.collation,
            origin: self.origin,
            position: self.position,
        }
    }
}

/// Binds one text: a statement, a view's definition or a policy's predicate.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) binding: Binding<'a>,
    pub(crate) shared: &'a Shared,
    text: &'a str,
    positions: TextPositions,
    /// Where relations stand in the text without their schema, and in which they were found.
    unqualified: RefCell<BTreeMap<usize, Identifier>>,
    /// Relations of the lake that the text names, and the columns that it uses.
    named: RefCell<BTreeMap<Oid, CatalogRelation>>,
    used: RefCell<BTreeSet<Origin>>,
    /// What the names in a stored query mean.
    reads: Option<&'a [ViewRead]>,
    /// The names in the FROM clauses of the query that is being bound and of those around it, visible or not.
    from_names: RefCell<Vec<Vec<Identifier>>>,
    /// The WITH queries that come after the one that is being bound, and itself.
    later_ctes: RefCell<Vec<Identifier>>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(text: &'a str, binding: Binding<'a>, shared: &'a Shared) -> Self {
        let positions = TextPositions::new(text);
        Self {
            binding,
            shared,
            text,
            positions,
            unqualified: RefCell::default(),
            from_names: RefCell::default(),
            later_ctes: RefCell::default(),
            named: RefCell::default(),
            used: RefCell::default(),
            reads: None,
        }
    }

    /// The same for a stored query, whose names mean what they meant when it was stored.
    pub(crate) fn with_reads(self, reads: Option<&'a [ViewRead]>) -> Self {
        Self { reads, ..self }
    }

    /// What a name in a stored query means.
    pub(crate) fn stored_meaning(&self, schema: &Identifier, name: &Identifier) -> Option<&'a ViewRead> {
        let mut reads = self.reads?.iter();
        reads.find(|read| read.schema == schema.as_str() && read.name == name.as_str())
    }

    /// Notes that the text names a relation of the lake.
    pub(crate) fn names(&self, relation: &CatalogRelation) {
        if relation.oid.get() >= Oid::FIRST_NORMAL {
            self.named.borrow_mut().insert(relation.oid, relation.clone());
        }
    }

    /// Notes that a name without schema means a relation of `schema`.
    pub(crate) fn found_in(&self, position: Option<usize>, schema: &Identifier) {
        if let Some(position) = position {
            self.unqualified.borrow_mut().insert(position, schema.clone());
        }
    }

    /// A number that occurs nowhere else in the statement.
    pub(crate) fn fresh_number(&self) -> usize {
        let number = self.shared.next_name.get() + 1;
        self.shared.next_name.set(number);
        number
    }

    /// A name that occurs nowhere else in the statement.
    pub(crate) fn fresh(&self, name: &str) -> String {
        format!("{name}#{}", self.fresh_number())
    }

    /// A column of a name that occurs nowhere else.
    pub(crate) fn fresh_column(&self, name: &str) -> Column {
        Column::new_unqualified(self.fresh(name))
    }

    /// Where something begins.
    pub(crate) fn position(&self, span: sqlparser::tokenizer::Span) -> Option<usize> {
        self.positions.of_span(span)
    }

    /// Where `token` stands after the end of something, with nothing but white space and parentheses between.
    pub(crate) fn position_after(&self, span: sqlparser::tokenizer::Span, token: &str) -> Option<usize> {
        // A span's end is inclusive in some of sqlparser's spans and exclusive in others: either finds the token.
        let end = self.positions.of(span.end)?;
        self.find_from(end.saturating_sub(2), token)
    }

    /// How many characters come before the end of an expression, or one or two fewer.
    pub(crate) fn positions_end(&self, expr: &ast::Expr) -> Option<usize> {
        let end = sqlparser::ast::Spanned::span(expr).end;
        self.positions.of(end).map(|end| end.saturating_sub(2))
    }

    /// Where a word or sign stands after the first `from` characters.
    pub(crate) fn find_from(&self, from: usize, token: &str) -> Option<usize> {
        let rest: String = self.text.chars().skip(from).collect();
        let found = rest.to_ascii_lowercase().find(&token.to_ascii_lowercase())?;
        Some(from + rest[..found].chars().count() + 1)
    }

    /// Where the parenthesis before a subquery stands.
    pub(crate) fn opening_of(&self, query: &ast::Query) -> Option<usize> {
        let start = self.position(sqlparser::ast::Spanned::span(query))?;
        self.find_backwards(start, "(")
    }

    /// Adds to the error of a name without an entry in FROM that there is one, but out of sight.
    pub(crate) fn with_hidden_entry(
        &self,
        error: SqlError,
        schema: Option<&Identifier>,
        table: &Identifier,
    ) -> SqlError {
        let known = schema.is_none() && self.from_names.borrow().iter().flatten().any(|name| name == table);
        if error.kind != SqlErrorKind::UndefinedTable || error.hint.is_some() || !known {
            return error;
        }
        let name = table.as_str();
        SqlError::new(
            SqlErrorKind::UndefinedTable,
            format!("invalid reference to FROM-clause entry for table \"{name}\""),
        )
        .with_hint(format!(
            "There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."
        ))
        .at(error.position)
    }

    /// Where a word or sign stands last before a position.
    pub(crate) fn find_backwards(&self, position: usize, token: &str) -> Option<usize> {
        let before: String = self.text.chars().take(position.saturating_sub(1)).collect();
        let found = before.to_ascii_lowercase().rfind(token)?;
        Some(before[..found].chars().count() + 1)
    }

    /// Notes that the query needs something.
    pub(crate) fn depends(&self, dependency: Dependency) {
        self.shared.dependencies.borrow_mut().insert(dependency);
    }

    /// Notes a reference to a column.
    pub(crate) fn refers(&self, typed: Typed) -> Typed {
        if let Some(origin) = typed.origin {
            self.used.borrow_mut().insert(origin);
            self.depends(Dependency::Column(origin));
        }
        typed
    }
}

/// A construct that is not supported.
pub(crate) fn unsupported(construct: &str, position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::FeatureNotSupported, format!("{construct} is not supported")).at(position)
}

/// Something that PostgreSQL's grammar does not have, but sqlparser's has.
pub(crate) fn not_postgresql(construct: &str, position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::SyntaxError, format!("syntax error at or near \"{construct}\"")).at(position)
}

/// An error of DataFusion's while a plan is put together. Our functions' errors keep their kind; what is left is a defect.
pub(crate) fn plan_error(error: DataFusionError) -> SqlError {
    match error.find_root() {
        DataFusionError::External(source) => {
            if let Some(function) = source.downcast_ref::<FunctionError>() {
                return statement_error(function.clone(), None);
            }
            if let Some(statement) = source.downcast_ref::<SqlError>() {
                return statement.clone();
            }
        }
        DataFusionError::NotImplemented(message) => {
            return SqlError::new(SqlErrorKind::FeatureNotSupported, message.clone());
        }
        _ => {}
    }
    SqlError::new(SqlErrorKind::Internal, error.to_string())
}

/// One row without columns: SELECT without FROM.
pub(crate) fn one_row() -> LogicalPlan {
    LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema: Arc::new(DFSchema::empty()) })
}

/// A projection.
pub(crate) fn project(plan: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan, SqlError> {
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection).map_err(plan_error)
}

/// A filter; the predicate must be boolean.
pub(crate) fn filter(plan: LogicalPlan, predicate: Expr) -> Result<LogicalPlan, SqlError> {
    Filter::try_new(predicate, Arc::new(plan)).map(LogicalPlan::Filter).map_err(plan_error)
}

/// Every column of a plan, as expressions.
pub(crate) fn all_columns(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}

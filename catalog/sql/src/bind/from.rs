//! FROM: relations by name, derived tables, their aliases, and what is put side by side.

use std::{rc::Rc, sync::Arc};

use datafusion::{
    common::{Column, NullEquality, ScalarValue, TableReference},
    logical_expr::{Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, TableScanBuilder, lit},
};
use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    table::ViewRead,
    types::{ColumnType, PgType},
};
use recursive::recursive;
use sqlparser::ast;

use super::{
    Binder, Surroundings, Unknowns, decorrelate::outer_references, not_postgresql, one_row, plan_error,
    table_functions::TableFunction, unsupported,
};
use crate::{
    catalog::{CatalogColumn, CatalogRelation, RelationSource},
    error::{SqlError, SqlErrorKind},
    keywords::{KeywordClass, keyword_class},
    names::{HiddenName, Namespace, Scope, ScopeColumn, ScopeTable, Whole, identifier},
    output::{Dependency, Origin},
    types::Derived,
};

/// A plan and the names that it shows.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) plan: LogicalPlan,
    pub(crate) namespace: Namespace,
}

/// An item of a FROM clause.
#[derive(Debug)]
pub(crate) enum Source {
    Plan(Joined),
    /// A function's rows: put over the plan at its left, whose columns its arguments may name.
    Function(TableFunction),
}

impl Binder<'_> {
    /// Binds a FROM clause; without one there is one row without columns.
    pub(crate) fn sources(
        &self,
        from: &[ast::TableWithJoins],
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        let mut all: Option<Joined> = None;
        for item in from {
            all = Some(match all {
                None => {
                    let nothing = Namespace::default();
                    let scope = Scope::new(&nothing, surroundings.outer);
                    self.table_with_joins(item, &scope, surroundings)?.into_joined()?
                }
                Some(left) => {
                    let scope = Scope::new(&left.namespace, surroundings.outer);
                    let right = self.table_with_joins(item, &scope, surroundings)?;
                    self.side_by_side(left, right)?
                }
            });
        }
        Ok(all.unwrap_or_else(|| Joined { plan: one_row(), namespace: Namespace::default() }))
    }

    /// A comma or a CROSS JOIN.
    pub(crate) fn side_by_side(&self, left: Joined, right: Source) -> Result<Joined, SqlError> {
        let right = match right {
            Source::Function(function) => {
                left.namespace.check_distinct(&function.namespace)?;
                return function.over(left, false);
            }
            Source::Plan(right) => right,
        };
        left.namespace.check_distinct(&right.namespace)?;
        let plan = if outer_references(&right.plan, left.plan.schema()).is_empty() {
            cross_join(left.plan, right.plan)?
        } else {
            self.lateral(left.plan, right.plan, JoinType::Inner)?
        };
        Ok(Joined { plan, namespace: left.namespace.and(right.namespace) })
    }

    /// One item with its joins. `lateral` is what LATERAL items can refer to.
    #[recursive]
    pub(crate) fn table_with_joins(
        &self,
        item: &ast::TableWithJoins,
        lateral: &Scope<'_>,
        surroundings: Surroundings<'_>,
    ) -> Result<Source, SqlError> {
        let first = self.factor(&item.relation, lateral, surroundings)?;
        if item.joins.is_empty() {
            return Ok(first);
        }
        let mut left = first.into_joined()?;
        for join in &item.joins {
            let scope = Scope::new(&left.namespace, Some(lateral));
            let right = self.factor(&join.relation, &scope, surroundings)?;
            let position = self.factor_position(&join.relation);
            left = self.join(left, right, &join.join_operator, position, surroundings)?;
        }
        Ok(Source::Plan(left))
    }

    /// Binds an item of FROM and notes its names.
    fn factor(
        &self,
        factor: &ast::TableFactor,
        lateral: &Scope<'_>,
        surroundings: Surroundings<'_>,
    ) -> Result<Source, SqlError> {
        let source = self.unnoted_factor(factor, lateral, surroundings)?;
        let namespace = match &source {
            Source::Plan(joined) => &joined.namespace,
            Source::Function(function) => &function.namespace,
        };
        if let Some(names) = self.from_names.borrow_mut().last_mut() {
            names.extend(namespace.tables.iter().map(|table| table.name.clone()));
        }
        Ok(source)
    }

    fn unnoted_factor(
        &self,
        factor: &ast::TableFactor,
        lateral: &Scope<'_>,
        surroundings: Surroundings<'_>,
    ) -> Result<Source, SqlError> {
        let position = self.factor_position(factor);
        match factor {
            ast::TableFactor::Table {
                name,
                alias,
                args,
                with_ordinality,
                with_hints,
                version,
                partitions,
                json_path,
                sample,
                ..
            } => {
                if !with_hints.is_empty()
                    || version.is_some()
                    || !partitions.is_empty()
                    || json_path.is_some()
                {
                    return Err(not_postgresql("with", position));
                }
                if let (Some(sample), None) = (sample, args) {
                    let Joined { plan, namespace } = self.relation(name, alias.as_ref(), surroundings)?;
                    let has_rows = self.has_rows(name, surroundings)?;
                    let plan = self.sampled(plan, &namespace, has_rows, sample, position, surroundings)?;
                    return Ok(Source::Plan(Joined { plan, namespace }));
                }
                match args {
                    Some(args) => {
                        if let Some(number) = self.number_asked_for(name, &args.args) {
                            let all = self.relation(name, alias.as_ref(), surroundings)?;
                            return about(all, number).map(Source::Plan);
                        }
                        let call = function_of(name, &args.args);
                        self.table_function(&call, alias.as_ref(), *with_ordinality, lateral, surroundings)
                            .map(Source::Function)
                    }
                    None => self.relation(name, alias.as_ref(), surroundings).map(Source::Plan),
                }
            }
            ast::TableFactor::Function { name, args, with_ordinality, alias, .. } => {
                let call = function_of(name, args);
                self.table_function(&call, alias.as_ref(), *with_ordinality, lateral, surroundings)
                    .map(Source::Function)
            }
            ast::TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => self
                .unnest_in_from(array_exprs, alias.as_ref(), *with_ordinality, lateral, surroundings)
                .map(Source::Function),
            ast::TableFactor::Derived { lateral: is_lateral, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(unsupported("TABLESAMPLE", position));
                }
                let outer = if *is_lateral { Some(lateral) } else { surroundings.outer };
                let inside = Surroundings { outer, ..surroundings };
                let bound = self.query(subquery, inside, Unknowns::AsText)?;
                let columns = bound
                    .columns
                    .iter()
                    .map(|column| {
                        Rc::new(ScopeColumn {
                            name: Identifier::exact(&column.name),
                            expr: Expr::Column(column.column.clone()),
                            column_type: column.column_type,
                            arrow_type: column.arrow_type.clone(),
                            collation: column.collation,
                            origin: column.origin,
                        })
                    })
                    .collect();
                let namespace = match alias {
                    Some(_) => {
                        let table = ScopeTable {
                            schema: None,
                            name: Identifier::exact(""),
                            relation: None,
                            key: Vec::new(),
                            columns,
                            hidden: Vec::new(),
                            whole: Whole::default(),
                        };
                        Namespace::of(table)
                    }
                    None => {
                        return Err(SqlError::new(
                            SqlErrorKind::SyntaxError,
                            "subquery in FROM must have an alias",
                        )
                        .with_hint("For example, FROM (SELECT ...) [AS] foo.")
                        .at(self.opening_of(subquery)));
                    }
                };
                let namespace = self.aliased(namespace, alias.as_ref())?;
                Ok(Source::Plan(Joined { plan: bound.plan, namespace }))
            }
            ast::TableFactor::NestedJoin { table_with_joins, alias } => {
                let joined = self.table_with_joins(table_with_joins, lateral, surroundings)?.into_joined()?;
                let Some(alias) = alias else { return Ok(Source::Plan(joined)) };
                // An alias over a join hides the tables inside.
                let table = ScopeTable {
                    schema: None,
                    name: identifier(&alias.name),
                    relation: None,
                    key: Vec::new(),
                    columns: joined.namespace.columns,
                    hidden: Vec::new(),
                    whole: Whole::default(),
                };
                let namespace = self.aliased(Namespace::of(table), Some(alias))?;
                Ok(Source::Plan(Joined { plan: joined.plan, namespace }))
            }
            other => Err(unsupported(&format!("{other} in FROM"), position)),
        }
    }

    /// Where an item of FROM begins.
    pub(crate) fn factor_position(&self, factor: &ast::TableFactor) -> Option<usize> {
        match factor {
            ast::TableFactor::Table { name, .. } | ast::TableFactor::Function { name, .. } => {
                self.name_position(name)
            }
            ast::TableFactor::Derived { alias, .. } | ast::TableFactor::NestedJoin { alias, .. } => {
                alias.as_ref().and_then(|alias| self.position(alias.name.span))
            }
            _ => None,
        }
    }

    pub(crate) fn name_position(&self, name: &ast::ObjectName) -> Option<usize> {
        let first = name.0.first().and_then(ast::ObjectNamePart::as_ident)?;
        self.position(first.span)
    }

    /// A namespace of one table under an alias.
    pub(crate) fn aliased(
        &self,
        namespace: Namespace,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Namespace, SqlError> {
        let Some(alias) = alias else { return Ok(namespace) };
        let Some(table) = namespace.tables.first() else { return Ok(namespace) };
        let name = identifier(&alias.name);
        if alias.columns.len() > table.columns.len() {
            let message = format!(
                "table \"{}\" has {} columns available but {} columns specified",
                name.as_str(),
                table.columns.len(),
                alias.columns.len()
            );
            return Err(SqlError::new(SqlErrorKind::InvalidColumnReference, message));
        }
        if let Some(typed) = alias.columns.iter().find(|column| column.data_type.is_some()) {
            return Err(SqlError::new(
                SqlErrorKind::SyntaxError,
                "a column definition list is only allowed for functions returning \"record\"",
            )
            .at(self.position(typed.name.span)));
        }
        let mut names = alias.columns.iter();
        let columns = table
            .columns
            .iter()
            .map(|column| match names.next() {
                Some(name) => {
                    Rc::new(ScopeColumn { name: identifier(&name.name), ..column.as_ref().clone() })
                }
                None => Rc::clone(column),
            })
            .collect();
        Ok(Namespace::of(ScopeTable {
            schema: None,
            name,
            relation: table.relation.clone(),
            key: table.key.clone(),
            columns,
            hidden: table.hidden.clone(),
            whole: table.whole,
        }))
    }

    /// A relation by its name: a WITH query, a table or a view.
    pub(crate) fn relation(
        &self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        let position = self.name_position(name);
        // sqlparser takes some words for names that PostgreSQL reserves.
        if let Some(ident) = name.0.first().and_then(ast::ObjectNamePart::as_ident)
            && ident.quote_style.is_none()
            && keyword_class(&ident.value.to_ascii_lowercase()) == Some(KeywordClass::Reserved)
        {
            return Err(not_postgresql(&ident.value, position));
        }
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        if let [only] = parts.as_slice()
            && let Some(joined) = self.cte_reference(only, position, surroundings)?
        {
            let namespace = self.aliased(joined.namespace, alias)?;
            return Ok(Joined { plan: joined.plan, namespace });
        }
        let relation = self.find_relation(&parts, position)?;
        self.depends(Dependency::Relation(relation.oid));
        self.names(&relation);
        let mut joined = match &relation.source {
            RelationSource::Scan(source) => self.scan(&relation, source)?,
            RelationSource::View { definition, reads, security_invoker, owner } => {
                let rights = (!security_invoker).then_some(*owner);
                self.view(&relation, definition, reads.as_deref(), rights, position)?
            }
        };
        if let [schema, name] = parts.as_slice()
            && let Some(read) = self.stored_meaning(schema, name)
        {
            joined.namespace = as_stored(joined.namespace, read);
        }
        let namespace = self.aliased(joined.namespace, alias)?;
        Ok(Joined { plan: joined.plan, namespace })
    }

    /// `lis.relation(7)` stands for the rows of a system relation that are about number 7: those with it in the first
    /// column. Only with a number written out, and only where there is such a relation.
    fn number_asked_for(&self, name: &ast::ObjectName, arguments: &[ast::FunctionArg]) -> Option<i64> {
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        let [schema, relation] = parts.as_slice() else { return None };
        let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Value(value)))] = arguments
        else {
            return None;
        };
        let ast::Value::Number(number, _) = &value.value else { return None };
        if schema.as_str() != "lis" {
            return None;
        }
        let name = QualifiedName { schema: schema.clone(), name: relation.clone() };
        let found = self.binding.catalog.relation(&name)?;
        let first = found.columns.first()?.column_type.pg_type;
        if first == PgType::Int8 { number.parse().ok() } else { None }
    }

    /// Whether a name means something that has rows of its own: a table.
    fn has_rows(&self, name: &ast::ObjectName, surroundings: Surroundings<'_>) -> Result<bool, SqlError> {
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        if parts.len() == 1 && self.is_cte(parts.first(), surroundings) {
            return Ok(false);
        }
        let relation = self.find_relation(&parts, self.name_position(name))?;
        Ok(matches!(relation.source, RelationSource::Scan(_)))
    }

    /// A relation's own name, and whether it would do without its schema.
    pub(crate) fn hidden_name(&self, relation: &CatalogRelation) -> HiddenName {
        let name = relation.name.name.clone();
        let found = self.on_search_path(&name);
        HiddenName {
            schema: relation.name.schema.clone(),
            visible: found.is_some_and(|found| found.oid == relation.oid),
            name,
        }
    }

    /// The first relation of a name on the search path, whose schemas without a right to their use are passed over.
    fn on_search_path(&self, name: &Identifier) -> Option<CatalogRelation> {
        let context = self.binding.context;
        // pg_catalog comes first unless the path says where it comes.
        let system = Identifier::exact("pg_catalog");
        let implicit = (!context.search_path.contains(&system)).then_some(&system);
        let path = implicit.into_iter().chain(&context.search_path);
        let mut usable =
            path.filter(|schema| self.reads.is_some() || self.binding.catalog.may_use_schema(schema));
        usable.find_map(|schema| {
            self.binding.catalog.relation(&QualifiedName { schema: schema.clone(), name: name.clone() })
        })
    }

    /// The relation that a name means, by the search path.
    pub(crate) fn find_relation(
        &self,
        parts: &[Identifier],
        position: Option<usize>,
    ) -> Result<CatalogRelation, SqlError> {
        let catalog = self.binding.catalog;
        let context = self.binding.context;
        let (schema, name) = match parts {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            [database, schema, name] if database.as_str() == context.database => (Some(schema), name),
            _ => {
                let written: Vec<&str> = parts.iter().map(Identifier::as_str).collect();
                let message =
                    format!("cross-database references are not implemented: \"{}\"", written.join("."));
                return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
            }
        };
        let found = match schema {
            Some(schema) if self.stored_meaning(schema, name).is_some() => {
                let oid = self.stored_meaning(schema, name).map(|read| Oid::new(read.relation));
                oid.and_then(|oid| catalog.relation_by_oid(oid))
            }
            // A stored query is bound in its owner's rights, who may use what it names.
            Some(schema) if self.reads.is_none() && !catalog.may_use_schema(schema) => {
                let message = format!("permission denied for schema {}", schema.as_str());
                return Err(SqlError::new(SqlErrorKind::InsufficientPrivilege, message).at(position));
            }
            Some(schema) => catalog.relation(&QualifiedName { schema: schema.clone(), name: name.clone() }),
            None => {
                let found = self.on_search_path(name);
                if let Some(relation) = &found {
                    self.found_in(position, &relation.name.schema);
                }
                found
            }
        };
        if let Some(relation) = &found
            && self.reads.is_none()
            && !catalog.may_see(relation.oid)
        {
            let kind = match relation.source {
                RelationSource::Scan(_) => "table",
                RelationSource::View { .. } => "view",
            };
            let message = format!("permission denied for {kind} {}", relation.name.name.as_str());
            return Err(SqlError::new(SqlErrorKind::InsufficientPrivilege, message));
        }
        found.ok_or_else(|| {
            let written = match schema {
                Some(schema) => format!("{}.{}", schema.as_str(), name.as_str()),
                None => name.as_str().to_owned(),
            };
            let message = format!("relation \"{written}\" does not exist");
            let error = SqlError::new(SqlErrorKind::UndefinedTable, message).at(position);
            if schema.is_some() || !self.later_ctes.borrow().contains(name) {
                return error;
            }
            error
                .with_detail(format!(
                    "There is a WITH item named \"{}\", but it cannot be referenced from this part of the query.",
                    name.as_str()
                ))
                .with_hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
        })
    }

    pub(super) fn scan(
        &self,
        relation: &CatalogRelation,
        source: &Arc<dyn datafusion::logical_expr::TableSource>,
    ) -> Result<Joined, SqlError> {
        let qualifier = TableReference::bare(self.fresh(relation.name.name.as_str()));
        let plan = TableScanBuilder::new(qualifier.clone(), Arc::clone(source))
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;
        let schema = source.schema();
        let column = |column: &CatalogColumn| {
            // What the provider really has: numeric columns may have more exact types than the canonical one.
            let arrow_type = schema
                .field_with_name(column.name.as_str())
                .map_or_else(|_| column.column_type.to_arrow(), |field| field.data_type().clone());
            Rc::new(ScopeColumn {
                name: column.name.clone(),
                expr: Expr::Column(Column::new(Some(qualifier.clone()), column.name.as_str())),
                column_type: column.column_type.as_read(),
                arrow_type,
                collation: Derived::of_lake(column.collation),
                origin: Some(Origin { relation: relation.oid, column: column.number }),
            })
        };
        let (hidden, shown): (Vec<_>, Vec<_>) = relation.columns.iter().partition(|column| column.hidden);
        let key = relation
            .columns
            .iter()
            .filter(|column| relation.primary_key.contains(&column.number))
            .map(|column| Column::new(Some(qualifier.clone()), column.name.as_str()))
            .collect();
        let mut hidden: Vec<_> = hidden.into_iter().map(column).collect();
        if !relation.columns.iter().any(|column| column.name.as_str() == "tableoid") {
            hidden.push(Rc::new(ScopeColumn {
                name: Identifier::exact("tableoid"),
                expr: lit(relation.oid.get()),
                column_type: ColumnType::plain(PgType::Oid),
                arrow_type: ColumnType::plain(PgType::Oid).to_arrow(),
                collation: Derived::default(),
                origin: None,
            }));
        }
        let table = ScopeTable {
            schema: Some(relation.name.schema.clone()),
            name: relation.name.name.clone(),
            relation: Some(self.hidden_name(relation)),
            key,
            columns: shown.into_iter().map(column).collect(),
            hidden,
            whole: Whole::default(),
        };
        Ok(Joined { plan, namespace: Namespace::of(table) })
    }
}

impl Source {
    /// By itself, with nothing at its left.
    pub(crate) fn into_joined(self) -> Result<Joined, SqlError> {
        match self {
            Self::Plan(joined) => Ok(joined),
            Self::Function(function) => {
                let nothing = Joined { plan: one_row(), namespace: Namespace::default() };
                function.over(nothing, false)
            }
        }
    }
}

/// A relation as a stored query knows it: under the names of then, with the columns of then. A column that is gone, which
/// the query does not use, keeps its place.
fn as_stored(namespace: Namespace, read: &ViewRead) -> Namespace {
    let Some(table) = namespace.tables.first() else { return namespace };
    let columns = read.columns.iter().map(|(number, name, _)| {
        let now = table
            .columns
            .iter()
            .find(|column| column.origin.is_some_and(|origin| i64::from(origin.column) == *number));
        let name = Identifier::exact(name);
        Rc::new(match now {
            Some(now) => ScopeColumn { name, ..now.as_ref().clone() },
            None => {
                let column_type = ColumnType::plain(PgType::Text);
                ScopeColumn {
                    name,
                    expr: Expr::Literal(ScalarValue::Utf8View(None), None),
                    column_type,
                    arrow_type: column_type.to_arrow(),
                    collation: Derived::default(),
                    origin: None,
                }
            }
        })
    });
    let name = Identifier::exact(&read.name);
    Namespace::of(ScopeTable {
        schema: Some(Identifier::exact(&read.schema)),
        relation: None,
        name,
        key: table.key.clone(),
        columns: columns.collect(),
        hidden: table.hidden.clone(),
        whole: table.whole,
    })
}

/// The rows with a number in the first column.
fn about(all: Joined, number: i64) -> Result<Joined, SqlError> {
    let (qualifier, field) = all.plan.schema().qualified_field(0);
    let first = Expr::Column(Column::from((qualifier, field)));
    let filter = Filter::try_new(first.eq(lit(number)), Arc::new(all.plan)).map_err(plan_error)?;
    Ok(Joined { plan: LogicalPlan::Filter(filter), namespace: all.namespace })
}

/// A call as FROM has it, as an expression would have it.
fn function_of(name: &ast::ObjectName, args: &[ast::FunctionArg]) -> ast::Function {
    ast::Function {
        name: name.clone(),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.to_vec(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

/// Every row of one with every row of the other.
pub(crate) fn cross_join(left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    Join::try_new(
        Arc::new(left),
        Arc::new(right),
        Vec::new(),
        None,
        JoinType::Inner,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )
    .map(LogicalPlan::Join)
    .map_err(plan_error)
}

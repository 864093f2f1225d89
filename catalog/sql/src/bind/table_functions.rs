//! Functions in FROM. A set arrives as a list and is unnested, over the rows at its left when its arguments name their
//! columns: `FROM t, unnest(t.a)` needs no join. Several arrays of one `unnest`, and WITH ORDINALITY, advance together.

use std::{rc::Rc, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Column, DFSchema, ExprSchema, NullHandling, UnnestOptions,
        tree_node::{Transformed, TreeNode},
    },
    functions::core::expr_fn::{get_field, greatest},
    functions_nested::expr_fn::{array_length, gen_series},
    logical_expr::{Expr, LogicalPlan, Unnest, cast, lit},
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    Binder, Surroundings, all_columns,
    calls::take_variadic,
    from::{Joined, cross_join},
    json_populate::JsonPopulate,
    json_records::JsonRecord,
    not_postgresql, one_row,
    place::{Clause, Place},
    plan_error, project, unsupported,
};
use crate::{
    dialect::marks::{NO_ALIAS, ROWS_FROM, is_mark, is_mark_name},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, ScopeColumn, ScopeTable, Whole, identifier},
    resolve::{Argument, FunctionCall, ResolvedFunction, ResolvedSet, SetColumn, function},
    types::{Derived, Typed},
};

/// A function in FROM, before it is put over a plan.
#[derive(Debug)]
pub(crate) struct TableFunction {
    /// What it shows.
    pub(crate) namespace: Namespace,
    rows: Rows,
}

#[derive(Debug)]
pub(super) enum Rows {
    /// One row of one value.
    One { value: Expr, column: Column },
    /// The elements of lists, side by side.
    Lists(Vec<List>),
    /// What is computed of the elements of lists.
    Computed { lists: Vec<List>, exprs: Vec<(Expr, Column)> },
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) list: Expr,
    /// The column of the elements.
    pub(super) element: Column,
    /// The fields to take out of the elements, and the column of each; empty if the element itself is the column.
    pub(super) fields: Vec<(String, Column)>,
}

/// A set or value, and the columns that it shows.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) columns: Vec<(SetColumn, Column)>,
    pub(super) rows: Rows,
}

impl Binder<'_> {
    /// Binds `f(…) [WITH ORDINALITY] [AS alias (columns)]` and `ROWS FROM (f(…), …)`.
    pub(crate) fn table_function(
        &self,
        call: &ast::Function,
        alias: Option<&ast::TableAlias>,
        with_ordinality: bool,
        lateral: &Scope<'_>,
        surroundings: Surroundings<'_>,
    ) -> Result<TableFunction, SqlError> {
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, Some(lateral)),
            ctes: surroundings.ctes,
            clause: Clause::FromFunction,
            calls: None,
            attachments: None,
        };
        if let Some(function) = JsonRecord::of(&call.name) {
            let shown = self.json_record(function, call, alias, place)?;
            if with_ordinality {
                let message = "WITH ORDINALITY cannot be used with a column definition list";
                return Err(SqlError::new(SqlErrorKind::SyntaxError, message)
                    .with_hint("Put the column definition list inside ROWS FROM().")
                    .at(self.name_position(&call.name)));
            }
            let name = call.name.0.last().and_then(ast::ObjectNamePart::as_ident).map(identifier);
            let name = name.unwrap_or_else(|| Identifier::exact(""));
            // The definitions have been read.
            let mut plain = alias.cloned();
            if let Some(alias) = &mut plain {
                alias.columns = Vec::new();
                if is_mark(&alias.name, NO_ALIAS) {
                    plain = None;
                }
            }
            return self.named(shown, &name, plain.as_ref(), false);
        }
        if let Some(function) = JsonPopulate::of(&call.name) {
            if with_ordinality {
                return Err(unsupported("WITH ORDINALITY here", self.name_position(&call.name)));
            }
            let shown = self.json_populated(function, call, place)?;
            let name = call.name.0.last().and_then(ast::ObjectNamePart::as_ident).map(identifier);
            return self.named(shown, &name.unwrap_or_else(|| Identifier::exact("")), alias, false);
        }
        if !is_mark_name(&call.name, ROWS_FROM) {
            let (shown, name) = self.called(call, place)?;
            return self.named(shown, &name, alias, with_ordinality);
        }
        let position = self.name_position(&call.name);
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(not_postgresql("from", position));
        };
        let mut first_name = None;
        let mut columns = Vec::new();
        let mut lists = Vec::new();
        for argument in &list.args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Function(function))) =
                argument
            else {
                return Err(not_postgresql("from", position));
            };
            let (shown, name) = self.called(function, place)?;
            columns.extend(shown.columns);
            lists.extend(shown.rows.into_lists());
            first_name.get_or_insert(name);
        }
        let name = first_name.unwrap_or_else(|| Identifier::exact(""));
        let shown = Shown { columns, rows: Rows::Lists(lists) };
        self.named(shown, &name, alias, with_ordinality)
    }

    /// A call in FROM, and the function's name.
    fn called(&self, call: &ast::Function, place: Place<'_>) -> Result<(Shown, Identifier), SqlError> {
        let idents: Vec<&ast::Ident> = call.name.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect();
        let position = idents.first().and_then(|ident| self.position(ident.span));
        let (schema, name) = match idents.as_slice() {
            [name] => (None, identifier(name)),
            [schema, name] => (Some(identifier(schema)), identifier(name)),
            _ => return Err(unsupported("a function of another database", position)),
        };
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(not_postgresql(name.as_str(), position));
        };
        let (mut arguments, star) = self.arguments(&list.args, name.as_str(), position, place)?;
        let variadic = take_variadic(&mut arguments);
        if schema.is_none() && name.as_str() == "unnest" && arguments.len() > 1 {
            return Ok((self.several_arrays(arguments, position)?, name));
        }
        let resolved = function(
            &self.binding,
            FunctionCall {
                schema: schema.map(|schema| schema.as_str().to_owned()),
                name: name.as_str().to_owned(),
                arguments,
                star,
                distinct: false,
                variadic,
                within_group: Vec::new(),
                over: false,
                position,
            },
        )?;
        let shown = match resolved {
            ResolvedFunction::Set(set) => self.shown_set(set),
            ResolvedFunction::Scalar(value) => self.shown_value(value, name.as_str()),
            ResolvedFunction::Aggregate(_) => {
                let message = "aggregate functions are not allowed in functions in FROM";
                return Err(SqlError::new(SqlErrorKind::GroupingError, message).at(position));
            }
            ResolvedFunction::Window(_) => {
                let message = "window functions are not allowed in functions in FROM";
                return Err(SqlError::new(SqlErrorKind::WindowingError, message).at(position));
            }
        };
        Ok((shown, name))
    }

    /// Binds `unnest(a, b, …)`, which sqlparser keeps apart from other functions.
    pub(crate) fn unnest_in_from(
        &self,
        arrays: &[ast::Expr],
        alias: Option<&ast::TableAlias>,
        with_ordinality: bool,
        lateral: &Scope<'_>,
        surroundings: Surroundings<'_>,
    ) -> Result<TableFunction, SqlError> {
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, Some(lateral)),
            ctes: surroundings.ctes,
            clause: Clause::FromFunction,
            calls: None,
            attachments: None,
        };
        let first = arrays.first().and_then(|array| self.start_of(array));
        let position = first.and_then(|first| self.find_backwards(first, "unnest"));
        let arguments = arrays
            .iter()
            .map(|array| self.expression(array, place).map(super::calls::positional))
            .collect::<Result<Vec<_>, _>>()?;
        let shown = self.several_arrays(arguments, position)?;
        self.named(shown, &Identifier::exact("unnest"), alias, with_ordinality)
    }

    /// `unnest` of several arrays: each is a list of its own.
    fn several_arrays(&self, arrays: Vec<Argument>, position: Option<usize>) -> Result<Shown, SqlError> {
        let mut columns = Vec::new();
        let mut lists = Vec::new();
        for array in arrays {
            let call = FunctionCall {
                schema: None,
                name: "unnest".to_owned(),
                arguments: vec![array],
                star: false,
                distinct: false,
                variadic: false,
                within_group: Vec::new(),
                over: false,
                position,
            };
            let ResolvedFunction::Set(set) = function(&self.binding, call)? else {
                return Err(unsupported("unnest of this argument", position));
            };
            let shown = self.shown_set(set);
            columns.extend(shown.columns);
            lists.extend(shown.rows.into_lists());
        }
        Ok(Shown { columns, rows: Rows::Lists(lists) })
    }

    fn shown_set(&self, set: ResolvedSet) -> Shown {
        let element = self.fresh_column(set.columns.first().map_or("set", |column| column.name.as_str()));
        if !set.record {
            let columns = set.columns.into_iter().take(1).map(|column| (column, element.clone())).collect();
            return Shown {
                columns,
                rows: Rows::Lists(vec![List { list: set.list, element, fields: Vec::new() }]),
            };
        }
        let columns: Vec<(SetColumn, Column)> = set
            .columns
            .into_iter()
            .map(|column| {
                let own = self.fresh_column(&column.name);
                (column, own)
            })
            .collect();
        let fields = columns.iter().map(|(column, own)| (column.name.clone(), own.clone())).collect();
        Shown { columns, rows: Rows::Lists(vec![List { list: set.list, element, fields }]) }
    }

    fn shown_value(&self, value: Typed, name: &str) -> Shown {
        let column = self.fresh_column(name);
        let shown = SetColumn {
            name: name.to_owned(),
            column_type: value.column_type,
            arrow_type: value.arrow_type,
            collation: value.collation,
        };
        Shown { columns: vec![(shown, column.clone())], rows: Rows::One { value: value.expr, column } }
    }

    fn named(
        &self,
        shown: Shown,
        function: &Identifier,
        alias: Option<&ast::TableAlias>,
        with_ordinality: bool,
    ) -> Result<TableFunction, SqlError> {
        let Shown { mut columns, mut rows } = shown;
        let name = alias.map_or_else(|| function.clone(), |alias| identifier(&alias.name));
        // A function of one plain column calls it as the function is called here.
        if let [(only, _)] = columns.as_mut_slice()
            && !matches!(&rows, Rows::Lists(lists) if lists.iter().any(|list| !list.fields.is_empty()))
            // The name of an output argument stays.
            && only.name == function.as_str()
        {
            only.name = name.as_str().to_owned();
        }
        if with_ordinality {
            let mut lists = rows.into_lists();
            let ordinality = self.fresh_column("ordinality");
            let list = numbers(lists.iter().map(|list| &list.list));
            lists.push(List { list, element: ordinality.clone(), fields: Vec::new() });
            rows = Rows::Lists(lists);
            let shown = SetColumn {
                name: "ordinality".to_owned(),
                column_type: ColumnType::plain(PgType::Int8),
                arrow_type: DataType::Int64,
                collation: Derived::default(),
            };
            columns.push((shown, ordinality));
        }
        let is_record =
            matches!(&rows, Rows::Lists(lists) if lists.iter().any(|list| !list.fields.is_empty()));
        let whole = if columns.len() == 1 && !is_record { Whole::Value } else { Whole::Row };
        let columns = columns
            .into_iter()
            .map(|(shown, column)| {
                Rc::new(ScopeColumn {
                    name: Identifier::exact(&shown.name),
                    expr: Expr::Column(column),
                    column_type: shown.column_type,
                    arrow_type: shown.arrow_type,
                    collation: shown.collation,
                    origin: None,
                })
            })
            .collect();
        let table = ScopeTable {
            schema: None,
            name,
            relation: None,
            key: Vec::new(),
            columns,
            hidden: Vec::new(),
            whole,
        };
        let namespace = self.aliased(Namespace::of(table), alias)?;
        Ok(TableFunction { namespace, rows })
    }
}

impl TableFunction {
    /// Whether its arguments name columns of a plan at its left.
    pub(crate) fn refers_to(&self, schema: &DFSchema) -> bool {
        let refers = |expr: &Expr| {
            expr.exists(|node| {
                Ok(matches!(node, Expr::OuterReferenceColumn(_, column) if schema.has_column(column)))
            })
            .unwrap_or(true)
        };
        match &self.rows {
            Rows::One { value, .. } => refers(value),
            Rows::Lists(lists) | Rows::Computed { lists, .. } => lists.iter().any(|list| refers(&list.list)),
        }
    }

    /// Its rows beside those at its left. With `keep`, a row at the left without any gets nulls (LEFT JOIN).
    pub(crate) fn over(self, left: Joined, keep: bool) -> Result<Joined, SqlError> {
        let correlated = self.refers_to(left.plan.schema());
        let alone = left.namespace.tables.is_empty() && left.plan.schema().fields().is_empty();
        let (base, beside) =
            if correlated || alone { (left.plan, None) } else { (one_row(), Some(left.plan)) };
        let plan = self.rows.over(base, keep)?;
        let plan = match beside {
            None => plan,
            Some(beside) => cross_join(beside, plan)?,
        };
        Ok(Joined { plan, namespace: left.namespace.and(self.namespace) })
    }
}

impl Rows {
    /// As lists: one value is a list of one.
    fn into_lists(self) -> Vec<List> {
        match self {
            Self::One { value, column } => {
                let list = datafusion::functions_nested::expr_fn::make_array(vec![value]);
                vec![List { list, element: column, fields: Vec::new() }]
            }
            // What is computed is shown only by itself, never beside other lists.
            Self::Lists(lists) | Self::Computed { lists, .. } => lists,
        }
    }

    fn over(self, base: LogicalPlan, keep: bool) -> Result<LogicalPlan, SqlError> {
        let mut exprs = all_columns(&base);
        let schema = Arc::clone(base.schema());
        match self {
            Self::One { value, column } => {
                exprs.push(seen_from_outside(value, &schema)?.alias(&column.name));
                project(base, exprs)
            }
            Self::Computed { lists, exprs: computed } => {
                let plan = Self::Lists(lists).over(base, keep)?;
                exprs.extend(computed.into_iter().map(|(expr, column)| expr.alias(&column.name)));
                project(plan, exprs)
            }
            Self::Lists(lists) => {
                let kept = exprs.clone();
                let mut elements = Vec::new();
                for list in &lists {
                    exprs.push(seen_from_outside(list.list.clone(), &schema)?.alias(&list.element.name));
                    elements.push(list.element.clone());
                }
                let plan = unnested(project(base, exprs)?, elements, keep)?;
                if lists.iter().all(|list| list.fields.is_empty()) {
                    return Ok(plan);
                }
                let mut exprs = kept;
                for list in lists {
                    if list.fields.is_empty() {
                        exprs.push(Expr::Column(list.element));
                        continue;
                    }
                    for (field, column) in list.fields {
                        let element = Expr::Column(list.element.clone());
                        exprs.push(get_field(element, field).alias(&column.name));
                    }
                }
                project(plan, exprs)
            }
        }
    }
}

/// The numbers of the elements of lists that advance together.
pub(super) fn numbers<'l>(lists: impl Iterator<Item = &'l Expr>) -> Expr {
    let lengths = lists.map(|list| cast(array_length(list.clone()), DataType::Int64));
    // The longest; a null list has no length.
    gen_series(lit(1_i64), greatest(lengths.collect()), lit(1_i64))
}

/// The rows of a plan, once for each element of its list columns.
pub(crate) fn unnested(plan: LogicalPlan, lists: Vec<Column>, keep: bool) -> Result<LogicalPlan, SqlError> {
    let null_handling = if keep { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
    let options = UnnestOptions { null_handling, recursions: Vec::new() };
    Unnest::try_new(Arc::new(plan), lists, options).map(LogicalPlan::Unnest).map_err(plan_error)
}

/// An expression of an inner scope, evaluated over the plan whose columns were outer ones to it.
pub(crate) fn seen_from_outside(expr: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    let transformed = expr.transform(|node| match node {
        Expr::OuterReferenceColumn(_, column) if schema.has_column(&column) => {
            Ok(Transformed::yes(Expr::Column(column)))
        }
        other => Ok(Transformed::no(other)),
    });
    transformed.map(|result| result.data).map_err(plan_error)
}

/// The reverse of [`seen_from_outside`].
pub(crate) fn seen_from_inside(expr: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    let transformed = expr.transform(|node| match node {
        Expr::Column(column) => match schema.field_from_column(&column) {
            Ok(field) => {
                let field = Field::new(&column.name, field.data_type().clone(), true);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::new(field), column)))
            }
            Err(_) => Ok(Transformed::no(Expr::Column(column))),
        },
        other => Ok(Transformed::no(other)),
    });
    transformed.map(|result| result.data).map_err(plan_error)
}

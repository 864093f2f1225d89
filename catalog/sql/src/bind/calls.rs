//! Function calls, and where those go that are not plain expressions: aggregates, window functions and functions that
//! return sets are replaced by a column while their SELECT is bound, and [`Calls`] says what each column stands for.

use std::cell::RefCell;

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{
        Expr, cast,
        expr::{AggregateFunction, AggregateFunctionParams, NullTreatment, Sort},
        lit,
    },
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType, record_field},
};
use sqlparser::ast::{self, Spanned};

use super::{
    Binder,
    attachments::Attachments,
    hypothetical::Hypothetical,
    json_aggregates::is_json_of_distinct,
    not_postgresql,
    place::{Clause, Place, SeenFrom},
    unsupported,
};
use crate::{
    dialect::marks::{VARIADIC, is_mark},
    error::{SqlError, SqlErrorKind},
    functions::aggregates::{distinct_by_key, exclusive_or_of_distinct, sorted_aggregate},
    names::identifier,
    resolve::{
        Argument, Finish, FunctionCall, ResolvedAggregate, ResolvedFunction, ResolvedSet, SetColumn, function,
    },
    types::{
        Typed,
        casts::canonical_text,
        coerce_to_boolean,
        ordering::{check_equality, has_collation_key, one_zero, order_key},
        records::row,
        settle_unknown, string_literal,
    },
};

/// What PostgreSQL says where a set cannot be.
pub(crate) const LATERAL_HINT: &str =
    "You might be able to move the set-returning function into a LATERAL FROM item.";

/// What a column stands for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The call.
    pub(crate) expr: Expr,
    /// The column.
    pub(crate) column: Column,
    /// Where the call stands.
    pub(crate) position: Option<usize>,
}

/// A set in a SELECT list.
#[derive(Debug, Clone)]
pub(crate) struct SetCall {
    /// The list that holds the set.
    pub(crate) list: Expr,
    /// The column of its elements.
    pub(crate) column: Column,
    /// The fields of its elements, if they are records.
    pub(crate) fields: Option<Vec<SetColumn>>,
    /// Where the call stands.
    pub(crate) position: Option<usize>,
}

/// A reference to a column, for "must appear in the GROUP BY clause".
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) column: Column,
    pub(crate) position: Option<usize>,
}

/// `GROUPING(…)`: the expressions, and the column that stands for it.
#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    /// Each with its place.
    pub(crate) exprs: Vec<(Expr, Option<usize>)>,
    pub(crate) column: Column,
}

/// What a window function gives.
#[derive(Debug)]
pub(crate) struct WindowResult {
    pub(crate) column_type: ColumnType,
    /// The Arrow type of the call itself.
    pub(crate) arrow_type: DataType,
    /// The Arrow type that it must be cast to.
    pub(crate) cast: Option<DataType>,
}

/// The calls of one SELECT.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) aggregates: RefCell<Vec<Call>>,
    pub(crate) groupings: RefCell<Vec<Grouping>>,
    pub(crate) windows: RefCell<Vec<Call>>,
    pub(crate) sets: RefCell<Vec<SetCall>>,
    /// The WINDOW clause.
    pub(crate) named_windows: Vec<ast::NamedWindowDefinition>,
    /// Direct arguments of hypothetical-set aggregates: they must be grouped.
    pub(crate) direct: RefCell<Vec<Expr>>,
    /// Subqueries in arguments of aggregates and in GROUP BY: joined before the aggregation.
    pub(crate) before: Attachments,
    /// Where columns of this SELECT are referred to outside of aggregates.
    pub(crate) references: RefCell<Vec<Reference>>,
}

impl Calls {
    /// The column for a call; the same call twice has one column.
    pub(crate) fn column_of(
        calls: &RefCell<Vec<Call>>,
        expr: Expr,
        position: Option<usize>,
        fresh: impl FnOnce() -> Column,
    ) -> Column {
        let mut calls = calls.borrow_mut();
        if let Some(known) = calls.iter().find(|known| known.expr == expr) {
            return known.column.clone();
        }
        let column = fresh();
        calls.push(Call { expr, column: column.clone(), position });
        column
    }

    /// Takes out the sets that expressions are made of.
    pub(crate) fn take_sets(&self, exprs: &[Expr]) -> Vec<SetCall> {
        let mut needed: Vec<Column> = exprs.iter().flat_map(Expr::column_refs).cloned().collect();
        let mut sets = self.sets.borrow_mut();
        // Inner sets come before outer ones.
        let mut taken: Vec<SetCall> = Vec::new();
        for index in (0..sets.len()).rev() {
            if sets.get(index).is_some_and(|set| needed.contains(&set.column)) {
                let set = sets.remove(index);
                needed.extend(set.list.column_refs().into_iter().cloned());
                taken.push(set);
            }
        }
        taken
    }

    /// The fields of the records that a column holds, if it stands for a set of records.
    pub(crate) fn fields_of(&self, column: &Column) -> Option<Vec<SetColumn>> {
        self.sets.borrow().iter().find(|set| set.column == *column)?.fields.clone()
    }
}

/// The name that an argument after VARIADIC has until [`take_variadic`] takes it off. No name is empty.
const VARIADIC_ARGUMENT: &str = "";

/// Whether the last argument is VARIADIC, which then is one without a name.
pub(crate) fn take_variadic(arguments: &mut [Argument]) -> bool {
    match arguments.last_mut() {
        Some(last) if last.name.as_deref() == Some(VARIADIC_ARGUMENT) => {
            last.name = None;
            true
        }
        _ => false,
    }
}

/// Named arguments come last, and each name once.
fn check_order(before: &[Argument], name: Option<&str>, position: Option<usize>) -> Result<(), SqlError> {
    let wrong = |message: String| Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
    match name {
        Some(VARIADIC_ARGUMENT) => Ok(()),
        Some(name) if before.iter().any(|argument| argument.name.as_deref() == Some(name)) => {
            wrong(format!("argument name \"{name}\" used more than once"))
        }
        None if before.iter().any(|argument| argument.name.is_some()) => {
            wrong("positional argument cannot follow named argument".to_owned())
        }
        _ => Ok(()),
    }
}

/// A plain argument.
pub(crate) fn positional(value: Typed) -> Argument {
    Argument { name: None, value }
}

/// A call with nulls for arguments: enough to see what there is of that name.
fn without_expressions(call: &FunctionCall) -> FunctionCall {
    let bare = |typed: &Typed| {
        Typed::new(lit(ScalarValue::Null), typed.column_type, typed.arrow_type.clone()).at(typed.position)
    };
    FunctionCall {
        schema: call.schema.clone(),
        name: call.name.clone(),
        arguments: call
            .arguments
            .iter()
            .map(|argument| Argument { name: argument.name.clone(), value: bare(&argument.value) })
            .collect(),
        star: call.star,
        distinct: call.distinct,
        variadic: call.variadic,
        within_group: call.within_group.iter().map(bare).collect(),
        over: call.over,
        position: call.position,
    }
}

/// How much of everything there was before a call's arguments were bound.
#[derive(Debug)]
pub(crate) struct Marks {
    aggregates: usize,
    windows: usize,
    sets: usize,
    pub(crate) references: usize,
    pub(crate) attachments: usize,
}

impl Marks {
    fn of(place: Place<'_>) -> Self {
        Self {
            aggregates: place.calls.map_or(0, |calls| calls.aggregates.borrow().len()),
            windows: place.calls.map_or(0, |calls| calls.windows.borrow().len()),
            sets: place.calls.map_or(0, |calls| calls.sets.borrow().len()),
            references: place.calls.map_or(0, |calls| calls.references.borrow().len()),
            attachments: place.attachments.map_or(0, Attachments::len),
        }
    }
}

/// Where a call is bound.
#[derive(Debug, Clone, Copy)]
struct CallPlace<'p> {
    marks: &'p Marks,
    position: Option<usize>,
    from: SeenFrom,
    place: Place<'p>,
}

/// The clauses that may stand inside the parentheses and after them.
#[derive(Debug, Default)]
struct CallClauses<'f> {
    order_by: &'f [ast::OrderByExpr],
    distinct: bool,
}

/// The calls of the SELECT that an aggregate stands in, if one may stand here: neither in another clause, nor around
/// another aggregate, a window function or a set.
pub(crate) fn aggregating<'p>(
    marks: &Marks,
    position: Option<usize>,
    place: Place<'p>,
) -> Result<&'p Calls, SqlError> {
    let grouping_error =
        |message: String| Err(SqlError::new(SqlErrorKind::GroupingError, message).at(position));
    let Some(calls) = place.calls.filter(|_| place.clause.allows_aggregates()) else {
        return match place.clause {
            Clause::AggregateArgument => {
                grouping_error("aggregate function calls cannot be nested".to_owned())
            }
            clause => grouping_error(format!("aggregate functions are not allowed in {}", clause.name())),
        };
    };
    let inner = |calls: &RefCell<Vec<Call>>, before: usize, message: &str| {
        let error = |call: &Call| SqlError::new(SqlErrorKind::GroupingError, message).at(call.position);
        calls.borrow().get(before).map_or(Ok(()), |call| Err(error(call)))
    };
    inner(&calls.aggregates, marks.aggregates, "aggregate function calls cannot be nested")?;
    inner(&calls.windows, marks.windows, "aggregate function calls cannot contain window function calls")?;
    if calls.sets.borrow().len() > marks.sets {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            "aggregate function calls cannot contain set-returning function calls",
        )
        .with_hint(LATERAL_HINT)
        .at(calls.sets.borrow().get(marks.sets).and_then(|set| set.position)));
    }
    Ok(calls)
}

/// Words of the grammar that name types and no functions: what follows in parentheses is their modifier.
const TYPE_WORDS: &[&str] = &[
    "bigint",
    "boolean",
    "character",
    "dec",
    "decimal",
    "float",
    "int",
    "integer",
    "numeric",
    "real",
    "smallint",
    "time",
    "timestamp",
    "varchar",
];

impl Binder<'_> {
    /// Binds a call.
    pub(crate) fn call(&self, call: &ast::Function, place: Place<'_>) -> Result<Typed, SqlError> {
        self.call_seen_from(call, SeenFrom::Here, place)
    }

    /// Binds a call of the query that `place` is in, which may be written in a subquery of it.
    pub(crate) fn call_seen_from(
        &self,
        call: &ast::Function,
        from: SeenFrom,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let idents: Vec<&ast::Ident> = call.name.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect();
        let position = idents.first().and_then(|ident| self.position(ident.span));
        let (schema, name) = match idents.as_slice() {
            [name] => (None, identifier(name)),
            [schema, name] => (Some(identifier(schema)), identifier(name)),
            _ => return Err(unsupported("a function of another database", position)),
        };
        let quantifier = matches!(name.as_str(), "any" | "some" | "all")
            && idents.iter().all(|ident| ident.quote_style.is_none());
        if quantifier && schema.is_none() {
            return Err(not_postgresql(name.as_str(), position));
        }
        if let [only] = idents.as_slice()
            && only.quote_style.is_none()
            && TYPE_WORDS.contains(&name.as_str())
        {
            return Err(not_postgresql("(", self.position_after(only.span, "(")));
        }
        if call.uses_odbc_syntax || !matches!(call.parameters, ast::FunctionArguments::None) {
            return Err(not_postgresql(name.as_str(), position));
        }
        if let ast::FunctionArguments::Subquery(query) = &call.args {
            return match (schema.is_none(), name.as_str()) {
                (true, "array") => self.array_subquery(query, place),
                _ => Err(not_postgresql(name.as_str(), position)),
            };
        }
        if schema.is_none() && name.as_str() == "grouping" {
            return self.grouping(call, position, from, place);
        }
        if schema.is_none() && name.as_str() == "row" {
            let ast::FunctionArguments::List(list) = &call.args else {
                return Err(not_postgresql("row", position));
            };
            let (arguments, _) = self.arguments(&list.args, "row", position, place)?;
            let values = arguments.into_iter().map(|argument| argument.value).collect();
            return Ok(row(&self.binding, values)?.at(position));
        }
        // Arguments of an aggregate may not contain aggregates; that a call is one is known only when its arguments'
        // types are. So they are bound with a note of how many calls there were before.
        let marks = Marks::of(place);
        let mut arguments = Vec::new();
        let mut star = false;
        let mut clauses = CallClauses::default();
        let mut variadic = false;
        if let ast::FunctionArguments::List(list) = &call.args {
            clauses.distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
            for clause in &list.clauses {
                match clause {
                    ast::FunctionArgumentClause::OrderBy(order_by) => clauses.order_by = order_by,
                    _ => return Err(not_postgresql(name.as_str(), position)),
                }
            }
            (arguments, star) = self.arguments(&list.args, name.as_str(), position, place)?;
            variadic = take_variadic(&mut arguments);
            if clauses.distinct && name.as_str() == "count" {
                for argument in &mut arguments {
                    argument.value = one_zero(argument.value.clone())?;
                }
            }
            if star && clauses.distinct {
                let star = position.and_then(|position| self.find_from(position, "*"));
                return Err(not_postgresql("*", star));
            }
        }
        let mut within_group = Vec::new();
        for item in &call.within_group {
            within_group.push(self.expression(&item.expr, place)?);
        }
        if let Some(kind) = Hypothetical::of(schema.as_ref(), &name)
            && !within_group.is_empty()
            && !arguments.is_empty()
        {
            let row = arguments.into_iter().map(|argument| argument.value).collect();
            return self.hypothetical(kind, row, within_group, call, &marks, place);
        }
        let equality = match clauses.distinct {
            true => arguments.iter().try_for_each(|argument| check_equality(&argument.value)),
            false => Ok(()),
        };
        let json_of_distinct = clauses.distinct
            && call.over.is_none()
            && schema.as_ref().is_none_or(|schema| schema.as_str() == "pg_catalog")
            && is_json_of_distinct(name.as_str(), &arguments);
        let resolved = self.resolved(FunctionCall {
            schema: schema.as_ref().map(|schema| schema.as_str().to_owned()),
            name: if json_of_distinct { "array_agg" } else { name.as_str() }.to_owned(),
            arguments,
            star,
            distinct: clauses.distinct,
            variadic,
            within_group,
            over: call.over.is_some(),
            position,
        })?;
        match resolved {
            ResolvedFunction::Scalar(typed) => {
                let refuse = |what: &str| {
                    let message =
                        format!("{what} specified, but {} is not an aggregate function", name.as_str());
                    Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position))
                };
                if call.over.is_some() {
                    let message = format!(
                        "OVER specified, but {} is not a window function nor an aggregate function",
                        name.as_str()
                    );
                    return Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position));
                }
                if clauses.distinct {
                    return refuse("DISTINCT");
                }
                if call.filter.is_some() {
                    return refuse("FILTER");
                }
                if !clauses.order_by.is_empty() {
                    return refuse("ORDER BY");
                }
                Ok(typed.at(position))
            }
            ResolvedFunction::Aggregate(aggregate) => match &call.over {
                Some(over) => self.window_aggregate(aggregate, call, over, clauses.distinct, position, place),
                None => {
                    let seen = CallPlace { marks: &marks, position, from, place };
                    equality?;
                    let aggregated = self.aggregate(aggregate, call, &clauses, seen)?;
                    // That of an outer query is json already.
                    if json_of_distinct {
                        self.json_of_array(name.as_str(), aggregated)
                    } else {
                        Ok(aggregated)
                    }
                }
            },
            ResolvedFunction::Window(window) => match &call.over {
                Some(over) => self.window_function(window, call, over, position, place),
                None => {
                    let message = format!("window function {} requires an OVER clause", name.as_str());
                    Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position))
                }
            },
            ResolvedFunction::Set(set) => self.set(set, position, place),
        }
    }

    /// What a call means. A window function without OVER is found too, so that the error can say what it lacks.
    fn resolved(&self, call: FunctionCall) -> Result<ResolvedFunction, SqlError> {
        // What the error depends on, without the arguments' expressions, which may be large.
        let probe = without_expressions(&call);
        let error = match function(&self.binding, call) {
            Err(error) if error.kind == SqlErrorKind::UndefinedFunction => error,
            other => return other,
        };
        let call = probe;
        if let Some(schema) = &call.schema
            && !self.binding.catalog.has_schema(&Identifier::exact(schema))
            && schema != "pg_catalog"
        {
            let message = format!("schema \"{schema}\" does not exist");
            return Err(SqlError::new(SqlErrorKind::InvalidSchemaName, message).at(call.position));
        }
        // Forms of PostgreSQL's grammar rather than functions.
        let arguments = call.arguments.len();
        let wrong_form = match call.name.as_str() {
            "coalesce" | "greatest" | "least" => arguments == 0,
            "nullif" => arguments != 2,
            _ => false,
        };
        if wrong_form && call.schema.is_none() {
            let end = call.position.and_then(|position| self.find_from(position, ")"));
            return Err(not_postgresql(")", end));
        }
        if arguments == 0 && !call.star {
            let starred = FunctionCall { star: true, ..call.clone() };
            if let Ok(ResolvedFunction::Aggregate(_)) = function(&self.binding, starred) {
                let message =
                    format!("{}(*) must be used to call a parameterless aggregate function", call.name);
                return Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(call.position));
            }
        }
        if !call.over
            && let Ok(found @ ResolvedFunction::Window(_)) =
                function(&self.binding, FunctionCall { over: true, ..call })
        {
            return Ok(found);
        }
        Err(error)
    }

    /// The arguments between a call's parentheses, and whether they are `*`.
    pub(crate) fn arguments(
        &self,
        written: &[ast::FunctionArg],
        function: &str,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<(Vec<Argument>, bool), SqlError> {
        let mut arguments = Vec::new();
        let mut star = false;
        for argument in written {
            if let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::BinaryOp {
                left,
                op: ast::BinaryOperator::Assignment,
                right,
            })) = argument
                && let ast::Expr::Identifier(name) = left.as_ref()
            {
                let name = Some(identifier(name).as_str().to_owned());
                arguments.push(Argument { name, value: self.expression(right, place)? });
                continue;
            }
            let (name, value) = match argument {
                ast::FunctionArg::Unnamed(value) => (None, value),
                ast::FunctionArg::Named { name, arg, .. }
                | ast::FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg, .. }
                    if is_mark(name, VARIADIC) =>
                {
                    (Some(VARIADIC_ARGUMENT.to_owned()), arg)
                }
                ast::FunctionArg::Named { name, arg, .. }
                | ast::FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg, .. } => {
                    (Some(identifier(name).as_str().to_owned()), arg)
                }
                ast::FunctionArg::ExprNamed { .. } => return Err(not_postgresql(function, position)),
            };
            let place_of = match (argument, value) {
                (
                    ast::FunctionArg::Named { name, .. }
                    | ast::FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), .. },
                    _,
                ) => self.position(name.span),
                (_, ast::FunctionArgExpr::Expr(value)) => self.start_of(value),
                _ => position,
            };
            check_order(&arguments, name.as_deref(), place_of)?;
            // The form of normalisation is a word of the grammar.
            if let ast::FunctionArgExpr::Expr(ast::Expr::Identifier(form)) = value
                && function == "normalize"
                && arguments.len() == 1
                && form.quote_style.is_none()
                && ["nfc", "nfd", "nfkc", "nfkd"].iter().any(|known| form.value.eq_ignore_ascii_case(known))
            {
                let value = string_literal(&form.value.to_lowercase(), place_of);
                arguments.push(Argument { name, value });
                continue;
            }
            match value {
                ast::FunctionArgExpr::Expr(value) => {
                    arguments.push(Argument { name, value: self.expression(value, place)? });
                }
                ast::FunctionArgExpr::Wildcard | ast::FunctionArgExpr::WildcardWithOptions(_) => star = true,
                ast::FunctionArgExpr::QualifiedWildcard(table) => {
                    arguments.push(Argument { name, value: self.whole_row_of(table, place)?.at(position) });
                }
            }
        }
        Ok((arguments, star))
    }

    /// The first argument of a call, if it is an expression.
    fn first_argument(&self, call: &ast::Function, place: Place<'_>) -> Result<Option<Typed>, SqlError> {
        let ast::FunctionArguments::List(list) = &call.args else { return Ok(None) };
        let Some(ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(first))) = list.args.first() else {
            return Ok(None);
        };
        settle_unknown(&self.binding, self.expression(first, place)?).map(Some)
    }

    fn aggregate(
        &self,
        aggregate: ResolvedAggregate,
        call: &ast::Function,
        clauses: &CallClauses<'_>,
        CallPlace { marks, position, from, place }: CallPlace<'_>,
    ) -> Result<Typed, SqlError> {
        let inside = place.within(Clause::AggregateArgument);
        let filter = match &call.filter {
            Some(filter) => Some(Box::new(self.boolean(filter, "FILTER", place.within(Clause::Filter))?)),
            None => None,
        };
        let mut aggregate = aggregate;
        let mut order_by = self.sorts(clauses.order_by, inside)?;
        if !aggregate.within_group.is_empty() {
            order_by = Vec::new();
            for (expr, item) in aggregate.within_group.iter().zip(&call.within_group) {
                order_by.push(super::order::sort_of(expr.clone(), &item.options));
            }
        }
        let parts = aggregate.arguments.iter().chain(filter.as_deref());
        let parts = parts.chain(order_by.iter().map(|sort| &sort.expr));
        let level = self.aggregate_level(parts, marks, position, place)?;
        if level > 0 {
            return self.outer_call(call, level, "aggregate functions", marks, position, place);
        }
        let calls = aggregating(marks, position, place)?;
        if clauses.distinct && aggregate.function.name() == "bit_xor" {
            aggregate = exclusive_or_of_distinct(aggregate);
        }
        if clauses.distinct
            && aggregate.function.name() == "array_agg"
            && aggregate.finish.is_none()
            && let PgType::Array(element) = aggregate.result.pg_type
            && aggregate.collation.settled().is_ok_and(|collation| collation.locale().is_none())
        {
            // What is equal is only known to the type, and several such aggregates may differ in their order.
            let order = match (clauses.order_by, order_by.as_slice()) {
                ([], _) => Some((false, false)),
                ([only], [sort]) => {
                    let typed = self.expression(&only.expr, inside)?;
                    let same = aggregate.arguments.first() == Some(&typed.expr);
                    same.then_some((!sort.asc, sort.nulls_first))
                }
                _ => None,
            };
            if let Some((descending, nulls_first)) = order {
                let are_jsonb = *element == PgType::Jsonb;
                aggregate.finish = Some(Finish::DistinctValues { are_jsonb, descending, nulls_first });
                order_by.clear();
            }
        }
        if clauses.distinct && !matches!(aggregate.finish, Some(Finish::DistinctValues { .. })) {
            // Text of a collation of ICU's is ordered by its key: then it is the key that is collected.
            if let ([only], [sort]) = (clauses.order_by, order_by.as_slice()) {
                let typed = settle_unknown(&self.binding, self.expression(&only.expr, inside)?)?;
                let plain = canonical_text(typed.clone());
                if sort.expr != typed.expr
                    && aggregate.arguments.first() == Some(&plain.expr)
                    && let Some(by_key) = distinct_by_key(&aggregate, &order_key(typed)?)
                {
                    aggregate = by_key;
                }
            }
            for (sort, item) in order_by.iter().zip(clauses.order_by) {
                if !aggregate.arguments.contains(&sort.expr) {
                    return Err(SqlError::new(
                        SqlErrorKind::InvalidColumnReference,
                        "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                    )
                    .at(self.start_of(&item.expr)));
                }
            }
        }
        if clauses.distinct
            && order_by.is_empty()
            && let Some(typed) = self.first_argument(call, inside)?
            && has_collation_key(&typed)
            && aggregate.arguments.first() == Some(&canonical_text(typed.clone()).expr)
        {
            let key = order_key(typed)?;
            if let Some(by_key) = distinct_by_key(&aggregate, &key) {
                aggregate = by_key;
                order_by.push(key.expr.sort(true, false));
            }
        }
        // PostgreSQL sorts to find duplicates, so what is left comes in order.
        if clauses.distinct
            && order_by.is_empty()
            && !matches!(aggregate.finish, Some(Finish::DistinctValues { .. }))
            && matches!(aggregate.function.name(), "array_agg" | "string_agg_text" | "string_agg_bytea")
            && let Some(value) = aggregate.arguments.first()
        {
            order_by.push(value.clone().sort(true, false));
        }
        let mut distinct = clauses.distinct;
        if !order_by.is_empty()
            && let Some(sorted) = sorted_aggregate(&aggregate, &order_by, distinct)
        {
            aggregate = sorted;
            (order_by, distinct) = (Vec::new(), false);
        }
        // What stands inside an aggregate need not be grouped, and is computed before the grouping.
        calls.references.borrow_mut().truncate(marks.references);
        if let Some(attachments) = place.attachments {
            attachments.move_to(&calls.before, marks.attachments);
        }
        let mut arguments = Vec::with_capacity(aggregate.arguments.len());
        for argument in aggregate.arguments {
            arguments.push(self.without_native(argument, &calls.before)?);
        }
        let name = aggregate.function.name().to_owned();
        let expr = Expr::AggregateFunction(AggregateFunction {
            func: aggregate.function,
            params: AggregateFunctionParams {
                args: arguments,
                distinct,
                filter,
                order_by,
                null_treatment: None,
            },
        });
        let column = Calls::column_of(&calls.aggregates, expr, position, || self.fresh_column(&name));
        // A function's result has no modifier.
        let column_type = aggregate.result.without_modifier();
        let call = from.column(column, &aggregate.arrow_type);
        let call = Typed::new(call, column_type, aggregate.arrow_type);
        let done = match aggregate.finish {
            Some(finish) => finish.apply(call, column_type)?,
            None => call,
        };
        Ok(done.collated(aggregate.collation).at(position))
    }

    /// Notes a window function and gives the column that stands for it.
    pub(crate) fn window(
        &self,
        expr: Expr,
        name: &str,
        position: Option<usize>,
        result: WindowResult,
        calls: &Calls,
    ) -> Typed {
        let column = Calls::column_of(&calls.windows, expr, position, || self.fresh_column(name));
        let expr = Expr::Column(column);
        match result.cast {
            Some(target) => Typed::new(cast(expr, target.clone()), result.column_type, target),
            None => Typed::new(expr, result.column_type, result.arrow_type),
        }
    }

    fn set(&self, set: ResolvedSet, position: Option<usize>, place: Place<'_>) -> Result<Typed, SqlError> {
        let Some(calls) = place.calls.filter(|_| place.clause.allows_sets()) else {
            let message = format!("set-returning functions are not allowed in {}", place.clause.name());
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        };
        let name = set.columns.first().map_or("set", |column| column.name.as_str()).to_owned();
        let mut sets = calls.sets.borrow_mut();
        let column = match sets.iter().find(|known| known.list == set.list) {
            Some(known) => known.column.clone(),
            None => {
                let column = self.fresh_column(&name);
                sets.push(SetCall {
                    list: set.list.clone(),
                    column: column.clone(),
                    fields: set.record.then(|| set.columns.clone()),
                    position,
                });
                column
            }
        };
        let expr = Expr::Column(column);
        match set.columns.as_slice() {
            [only] if !set.record => Ok(Typed::new(expr, only.column_type, only.arrow_type.clone())
                .collated(only.collation)
                .at(position)),
            fields => {
                let fields: Vec<Field> = fields
                    .iter()
                    .map(|field| record_field(&field.name, field.column_type, field.arrow_type.clone()))
                    .collect();
                let arrow_type = DataType::Struct(fields.into());
                Ok(Typed::new(expr, ColumnType::plain(PgType::Record), arrow_type).at(position))
            }
        }
    }

    fn grouping(
        &self,
        call: &ast::Function,
        position: Option<usize>,
        from: SeenFrom,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let marks = Marks::of(place);
        let mut exprs = Vec::new();
        if let ast::FunctionArguments::List(list) = &call.args {
            for argument in &list.args {
                let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument)) = argument else {
                    return Err(not_postgresql("grouping", position));
                };
                exprs.push((self.expression(argument, place)?.expr, self.start_of(argument)));
            }
        }
        if exprs.is_empty() {
            return Err(not_postgresql(")", self.position_after(call.name.span(), ")")));
        }
        let level = self.aggregate_level(exprs.iter().map(|(expr, _)| expr), &marks, position, place)?;
        if level > 0 {
            return self.outer_call(call, level, "grouping operations", &marks, position, place);
        }
        let Some(calls) = place.calls.filter(|_| place.clause.allows_aggregates()) else {
            let message = format!("grouping operations are not allowed in {}", place.clause.name());
            return Err(SqlError::new(SqlErrorKind::GroupingError, message).at(position));
        };
        calls.references.borrow_mut().truncate(marks.references);
        let column = self.fresh_column("grouping");
        calls.groupings.borrow_mut().push(Grouping { exprs, column: column.clone() });
        let value = from.column(column, &DataType::Int32);
        Ok(Typed::canonical(value, ColumnType::plain(PgType::Int4)).at(position))
    }

    /// The sort keys of ORDER BY inside a call or a window definition: expressions, never ordinals.
    pub(crate) fn sorts(&self, items: &[ast::OrderByExpr], place: Place<'_>) -> Result<Vec<Sort>, SqlError> {
        items
            .iter()
            .map(|item| {
                let typed = settle_unknown(&self.binding, self.expression(&item.expr, place)?)?;
                Ok(super::order::sort_of(order_key(typed)?.expr, &item.options))
            })
            .collect()
    }

    /// The boolean of a FILTER clause.
    pub(crate) fn filter_of(
        &self,
        call: &ast::Function,
        place: Place<'_>,
    ) -> Result<Option<Box<Expr>>, SqlError> {
        let Some(filter) = &call.filter else { return Ok(None) };
        let typed = self.expression(filter, place.within(Clause::Filter))?;
        Ok(Some(Box::new(coerce_to_boolean(&self.binding, typed, "FILTER")?.expr)))
    }

    /// RESPECT NULLS is the default; PostgreSQL refuses IGNORE NULLS.
    pub(crate) fn null_treatment(
        &self,
        call: &ast::Function,
        position: Option<usize>,
    ) -> Result<Option<NullTreatment>, SqlError> {
        match call.null_treatment {
            None | Some(ast::NullTreatment::RespectNulls) => Ok(None),
            Some(ast::NullTreatment::IgnoreNulls) => Err(unsupported("IGNORE NULLS", position)),
        }
    }
}

impl Clause {
    /// Whether aggregates of the same SELECT may stand here.
    pub(crate) fn allows_aggregates(self) -> bool {
        matches!(
            self,
            Self::SelectList | Self::Having | Self::OrderBy | Self::DistinctOn | Self::WindowDefinition
        )
    }

    /// Whether sets may stand here.
    pub(crate) fn allows_sets(self) -> bool {
        matches!(self, Self::SelectList | Self::GroupBy | Self::OrderBy | Self::DistinctOn)
    }

    /// Whether window functions of the same SELECT may stand here.
    pub(crate) fn allows_windows(self) -> bool {
        matches!(self, Self::SelectList | Self::OrderBy | Self::DistinctOn)
    }
}

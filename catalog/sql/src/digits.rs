//! The digits that each value of `numeric` shows to a client, where values of one column show different numbers of them.
//! PostgreSQL keeps that number with each value; a column of decimals has one scale. `lis_lake::types::Shown` says what
//! follows from a value alone; here the number is reckoned beside the value, from where the value came from: the rows of
//! VALUES, the arms of a UNION, the branches of CASE, the operands of arithmetic.
//!
//! [`for_output`] looks at each output column that is `numeric`. If all its values show the column's digits, nothing is
//! done. If they differ, the plan gets a hidden column with the digits (or an expression gives them), and a projection at
//! the top writes the value as the text that the client sees: the column stays a `numeric` to everyone, its Arrow type
//! alone is text. Where the digits cannot be told, the column stays as it was. Values never change: digits that say less
//! than a value has are not believed, save for quotients, which PostgreSQL cuts there too.
//!
//! Tables have one scale a column, so nothing is added to what reads them but expressions above the topmost aggregate;
//! hidden columns go through aggregates and DISTINCT only where the rows come from constants.

use std::{collections::BTreeSet, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::{
    common::{
        Column, DFSchema, ExprSchema, ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    functions::core::greatest,
    functions_aggregate::{count::count_udaf, first_last::first_value_udaf, min_max::max_udaf},
    logical_expr::{
        Aggregate, Case, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, Projection, Union, Values,
        Window, WindowFunctionDefinition, binary_expr,
        expr::{AggregateFunction, AggregateFunctionParams, NullTreatment, ScalarFunction, Sort},
        lit,
    },
};
use lis_functions::scalar::{Kernel, Scalar};
use lis_lake::types::{NUMERIC_PRECISION_MAX, PgType};

use crate::{engine::without_single, output::BoundQuery, types::casts::CAST_SCALE};

mod kernels;

/// How many digits the values of an expression show.
#[derive(Debug, Clone)]
enum Digits {
    /// There are no values.
    None,
    /// All of them so many.
    Same(i64),
    /// What an expression over the same rows says, as [`kernels`] reads it.
    Rows(Expr),
}

impl Digits {
    fn expr(self) -> Expr {
        match self {
            Self::None => lit(0_i64),
            Self::Same(digits) => lit(digits),
            Self::Rows(expr) => expr,
        }
    }

    /// The digits of what reckons with the values: those of quotients are digits like others.
    fn plain(self) -> Self {
        match self {
            Self::Rows(expr) => Self::Rows(binary_expr(expr, Operator::Modulo, lit(kernels::CUT))),
            other => other,
        }
    }
}

/// A query whose rows are for a client: values of `numeric` that show digits of their own become the text that they show.
#[must_use]
pub fn for_output(mut query: BoundQuery) -> BoundQuery {
    let columns: Vec<Column> = query.plan.schema().columns();
    if columns.len() != query.outputs.len() {
        return query;
    }
    if let Ok(plan) = without_single(query.plan.clone()) {
        query.plan = plan;
    }
    if let Some(plan) = with_texts(&query.plan) {
        query.plan = plan;
    }
    let mut plan = query.plan.clone();
    let mut outputs: Vec<Expr> = Vec::with_capacity(columns.len());
    let mut is_changed = false;
    for (column, output) in columns.into_iter().zip(&query.outputs) {
        let scale = match plan.schema().field_from_column(&column).map(|field| field.data_type()) {
            Ok(DataType::Decimal128(_, scale))
                if output.column_type.pg_type == PgType::Numeric && output.column_type.typmod < 0 =>
            {
                i64::from(*scale)
            }
            _ => {
                outputs.push(Expr::Column(column));
                continue;
            }
        };
        let digits = match of_column(&mut plan, &column) {
            None | Some(Digits::None) => None,
            Some(Digits::Same(digits)) if digits == scale => None,
            Some(digits) => Some(digits.expr()),
        };
        outputs.push(match digits {
            None => Expr::Column(column),
            Some(digits) => {
                is_changed = true;
                let name = column.name.clone();
                let arguments = vec![Expr::Column(column), digits];
                text(arguments).alias(name)
            }
        });
    }
    if is_changed && let Ok(shown) = Projection::try_new(outputs, Arc::new(plan)) {
        query.plan = LogicalPlan::Projection(shown);
    }
    query
}

fn call(name: &'static str, result: DataType, kernel: Kernel, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Scalar::strict(name, result, kernel), arguments))
}

/// The text of a value with digits of its own.
fn text(arguments: Vec<Expr>) -> Expr {
    call("numeric_shown_out", DataType::Utf8View, kernels::shown_text, arguments)
}

/// A plan whose outputs' texts of values (`numeric::text`) have the digits that each value shows, if that changes it.
fn with_texts(plan: &LogicalPlan) -> Option<LogicalPlan> {
    let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
    let mut exprs = plan.expressions();
    let mut is_changed = false;
    match plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => {
            let input = inputs.first_mut()?;
            for expr in &mut exprs {
                // Whatever has no name of its own would get another one.
                if matches!(expr, Expr::Alias(_)) {
                    let rewritten = expr.clone().transform_up(|expr| text_of_call(input, expr)).ok()?;
                    is_changed |= rewritten.transformed;
                    *expr = rewritten.data;
                }
            }
        }
        LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => {}
        _ => return None,
    }
    for input in &mut inputs {
        if let Some(changed) = with_texts(input) {
            is_changed = true;
            *input = changed;
        }
    }
    if is_changed { plan.with_new_exprs(exprs, inputs).ok() } else { None }
}

/// A call of `numeric`'s output function with the digits of each value, if they are not the column's.
fn text_of_call(input: &mut LogicalPlan, expr: Expr) -> datafusion::common::Result<Transformed<Expr>> {
    let Expr::ScalarFunction(function) = &expr else { return Ok(Transformed::no(expr)) };
    let ("numeric_out" | "text", [value, ..]) = (function.name(), function.args.as_slice()) else {
        return Ok(Transformed::no(expr));
    };
    let DataType::Decimal128(_, scale) = value.get_type(input.schema())? else {
        return Ok(Transformed::no(expr));
    };
    Ok(match of_expr(input, value) {
        None | Some(Digits::None) => Transformed::no(expr),
        Some(Digits::Same(digits)) if digits == i64::from(scale) => Transformed::no(expr),
        Some(digits) => Transformed::yes(text(vec![value.clone(), digits.expr()])),
    })
}

fn digits_call(name: &'static str, kernel: Kernel, arguments: Vec<Expr>) -> Digits {
    Digits::Rows(call(name, DataType::Int64, kernel, arguments))
}

/// The larger of two numbers of digits.
fn larger(left: Digits, right: Digits) -> Digits {
    match (left, right) {
        (Digits::None, other) | (other, Digits::None) => other,
        (Digits::Same(left), Digits::Same(right)) => Digits::Same(left.max(right)),
        (left, right) => Digits::Rows(greatest().call(vec![left.expr(), right.expr()])),
    }
}

/// The digits of an output column of a plan, which may get a hidden column for them.
fn of_column(plan: &mut LogicalPlan, column: &Column) -> Option<Digits> {
    let index = plan.schema().maybe_index_of_column(column)?;
    let hidden = Column::from_name(format!("{}#digits", column.name));
    if plan.schema().has_column(&hidden) {
        return Some(Digits::Rows(Expr::Column(hidden)));
    }
    match plan {
        LogicalPlan::Projection(projection) => {
            let mut input = projection.input.as_ref().clone();
            let digits = of_expr(&mut input, projection.expr.get(index)?)?;
            let (digits, more) = settle(digits, hidden);
            let exprs = projection.expr.iter().cloned().chain(more).collect();
            *plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input)).ok()?);
            Some(digits)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let mut input = alias.input.as_ref().clone();
            let inner = Column::from(input.schema().qualified_field(index));
            let digits = of_column(&mut input, &inner)?;
            let name = alias.alias.clone();
            *plan = plan.with_new_exprs(Vec::new(), vec![input]).ok()?;
            Some(match digits {
                Digits::Rows(expr) => Digits::Rows(
                    expr.transform(|expr| match expr {
                        Expr::Column(inner) => {
                            Ok(Transformed::yes(Expr::Column(Column::new(Some(name.clone()), inner.name))))
                        }
                        other => Ok(Transformed::no(other)),
                    })
                    .ok()?
                    .data,
                ),
                other => other,
            })
        }
        LogicalPlan::Values(values) => {
            let digits = values.values.iter().map(|row| of_constant(row.get(index)?));
            let digits: Vec<Digits> = digits.collect::<Option<_>>()?;
            if let Some(same) = all_same(&digits) {
                return Some(same);
            }
            let rows = values.values.iter().zip(digits).map(|(row, digits)| {
                let mut row = row.clone();
                row.push(digits.expr());
                row
            });
            let field = Field::new(&hidden.name, DataType::Int64, true);
            let schema = Arc::new(with_field(&values.schema, field)?);
            *plan = LogicalPlan::Values(Values { schema, values: rows.collect() });
            Some(Digits::Rows(Expr::Column(hidden)))
        }
        LogicalPlan::Union(union) => {
            let mut inputs = Vec::with_capacity(union.inputs.len());
            let mut digits = Vec::with_capacity(union.inputs.len());
            for input in &union.inputs {
                let mut input = input.as_ref().clone();
                let columns = input.schema().columns();
                digits.push(of_column(&mut input, columns.get(index)?)?);
                inputs.push((input, columns));
            }
            if let Some(same) = all_same(&digits) {
                return Some(same);
            }
            let inputs = inputs.into_iter().zip(digits).map(|((input, columns), digits)| {
                let columns = columns.into_iter().map(Expr::Column);
                let exprs = columns.chain([digits.expr().alias(&hidden.name)]).collect();
                let projection = Projection::try_new(exprs, Arc::new(input)).ok()?;
                Some(Arc::new(LogicalPlan::Projection(projection)))
            });
            *plan = LogicalPlan::Union(Union::try_new(inputs.collect::<Option<_>>()?).ok()?);
            Some(Digits::Rows(Expr::Column(hidden)))
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
            let mut input = input.as_ref().clone();
            let digits = of_column(&mut input, column)?;
            if !matches!(digits, Digits::Rows(_)) {
                return Some(digits);
            }
            if reads_tables(&input) {
                return None;
            }
            let first = aggregate(first_value_udaf(), vec![digits.expr()], None, Vec::new());
            let exprs = vec![first.alias(&hidden.name)];
            *plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), columns, exprs).ok()?);
            Some(Digits::Rows(Expr::Column(hidden)))
        }
        LogicalPlan::Aggregate(_) => of_aggregate(plan, index, hidden),
        LogicalPlan::Window(window) => {
            if let Some(own) = index.checked_sub(window.input.schema().fields().len()) {
                return of_window(plan, own, column);
            }
            through(plan, column)
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Join(_) => {
            through(plan, column)
        }
        LogicalPlan::Unnest(unnest) => {
            let list = *unnest.dependency_indices.get(index)?;
            let LogicalPlan::Projection(lists) = unnest.input.as_ref() else { return None };
            let mut list = lists.expr.get(list)?;
            while let Expr::Alias(alias) = list {
                list = &alias.expr;
            }
            of_series(list, Expr::Column(column.clone()))
        }
        LogicalPlan::TableScan(scan) => {
            // All digits there are: a column without a declared scale, as those of a table that a query made.
            match scan.projected_schema.field(index).data_type() {
                DataType::Decimal128(precision, scale) if *precision < NUMERIC_PRECISION_MAX => {
                    Some(Digits::Same((*scale).into()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The digits of a value of a series: its first shows those of the start, the others those of the step too.
fn of_series(list: &Expr, value: Expr) -> Option<Digits> {
    let Expr::ScalarFunction(series) = list else { return None };
    let ("generate_series_numeric", [start, _, step]) = (series.name(), series.args.as_slice()) else {
        return None;
    };
    let (first, others) = (of_constant(start)?, larger(of_constant(start)?, of_constant(step)?));
    let is_first = value.eq(start.clone());
    Some(of_one_of(vec![first, others], |digits| choose([is_first, lit(true)].into_iter().zip(digits))))
}

/// The digits of a column that a plan takes over from one of its inputs.
fn through(plan: &mut LogicalPlan, column: &Column) -> Option<Digits> {
    let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
    let from = inputs.iter_mut().find(|input| input.schema().has_column(column))?;
    let digits = of_column(from, column)?;
    *plan = plan.with_new_exprs(plan.expressions(), inputs).ok()?;
    Some(digits)
}

/// Digits that come from a hidden column, and the expression for it if there must be one.
fn settle(digits: Digits, hidden: Column) -> (Digits, Option<Expr>) {
    match digits {
        Digits::Rows(expr) => {
            let expr = expr.alias(&hidden.name);
            (Digits::Rows(Expr::Column(hidden)), Some(expr))
        }
        other => (other, None),
    }
}

fn with_field(schema: &DFSchema, field: Field) -> Option<DFSchema> {
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(field);
    DFSchema::try_from(Schema::new(fields)).ok()
}

/// What all of several show, if that is the same.
fn all_same(several: &[Digits]) -> Option<Digits> {
    let mut same = Digits::None;
    for one in several {
        match (&same, one) {
            (_, Digits::None) => {}
            (Digits::None, Digits::Same(digits)) => same = Digits::Same(*digits),
            (Digits::Same(digits), Digits::Same(other)) if digits == other => {}
            _ => return None,
        }
    }
    Some(same)
}

/// Whether rows come from anything but constants.
fn reads_tables(plan: &LogicalPlan) -> bool {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::TableScan(_) | LogicalPlan::Extension(_))))
        .unwrap_or(true)
}

fn aggregate(
    function: Arc<datafusion::logical_expr::AggregateUDF>,
    arguments: Vec<Expr>,
    filter: Option<Box<Expr>>,
    order: Vec<Sort>,
) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(function, arguments, false, filter, order, None))
}

fn of_aggregate(plan: &mut LogicalPlan, index: usize, hidden: Column) -> Option<Digits> {
    let LogicalPlan::Aggregate(node) = plan else { return None };
    if node.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return None;
    }
    let mut input = node.input.as_ref().clone();
    let reads_tables = reads_tables(&input);
    let value = Expr::Column(Column::from(node.schema.qualified_field(index)));
    let mut exprs = node.aggr_expr.clone();
    let mut add = |expr: Expr, name: &str| -> Expr {
        exprs.push(expr.alias(name));
        Expr::Column(Column::from_name(name))
    };
    let digits = if let Some(group) = node.group_expr.get(index) {
        match of_expr(&mut input, group)? {
            Digits::Rows(_) if reads_tables => return None,
            Digits::Rows(digits) => {
                let first = aggregate(first_value_udaf(), vec![digits], None, Vec::new());
                Digits::Rows(add(first, &hidden.name))
            }
            other => return Some(other),
        }
    } else {
        let (function, params) = aggregated(node.aggr_expr.get(index - node.group_expr.len())?)?;
        let (argument, filter) = (params.args.first()?, params.filter.clone());
        match (function, of_expr(&mut input, argument)?) {
            ("numeric_sum" | "min" | "max", digits @ (Digits::None | Digits::Same(_))) => {
                return Some(digits);
            }
            ("numeric_avg", digits) => {
                let operands = match digits {
                    Digits::None => return None,
                    Digits::Same(digits) => lit(digits),
                    Digits::Rows(_) if reads_tables => return None,
                    digits => {
                        let largest =
                            aggregate(max_udaf(), vec![digits.plain().expr()], filter.clone(), Vec::new());
                        add(largest, &format!("{}#operands", hidden.name))
                    }
                };
                let rows = match counted(node, argument, filter.as_deref()) {
                    Some(rows) => Expr::Column(rows),
                    None => {
                        let count = aggregate(count_udaf(), vec![argument.clone()], filter, Vec::new());
                        add(count, &format!("{}#rows", hidden.name))
                    }
                };
                of_average(value, operands, rows)
            }
            (_, Digits::Rows(_)) if reads_tables => return None,
            ("numeric_sum", Digits::Rows(digits)) => {
                let largest = aggregate(max_udaf(), vec![digits], filter, Vec::new());
                Digits::Rows(add(largest, &hidden.name))
            }
            ("min" | "max", Digits::Rows(digits)) => {
                let order = vec![Sort::new(argument.clone(), function == "min", false)];
                let first = aggregate(first_value_udaf(), vec![digits], filter, order);
                Digits::Rows(add(first, &hidden.name))
            }
            _ => return None,
        }
    };
    // What is asked for twice is there already.
    let mut names = BTreeSet::new();
    exprs.retain(|expr| names.insert(expr.schema_name().to_string()));
    let groups = node.group_expr.clone();
    *plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, exprs).ok()?);
    Some(digits)
}

/// The number of an average's rows, if the query has counted them.
fn counted(node: &Aggregate, argument: &Expr, filter: Option<&Expr>) -> Option<Column> {
    let has_nulls = argument.nullable(node.input.schema()).unwrap_or(true);
    let at = node.aggr_expr.iter().position(|expr| {
        aggregated(expr).is_some_and(|(function, params)| {
            let counts = params.args.as_slice();
            function == "count"
                && !params.distinct
                && params.filter.as_deref() == filter
                && (counts == std::slice::from_ref(argument)
                    || (!has_nulls && matches!(counts, [Expr::Literal(value, _)] if !value.is_null())))
        })
    })?;
    Some(Column::from(node.schema.qualified_field(node.group_expr.len() + at)))
}

/// The digits of an average of so many rows, whose values show at most so many.
fn of_average(value: Expr, operands: Expr, rows: Expr) -> Digits {
    digits_call("numeric_avg_digits", kernels::average_digits, vec![value, operands, rows])
}

fn aggregated(expr: &Expr) -> Option<(&str, &AggregateFunctionParams)> {
    match expr {
        Expr::Alias(alias) => aggregated(&alias.expr),
        Expr::AggregateFunction(call) if !call.params.distinct || call.func.name() != "numeric_avg" => {
            Some((call.func.name(), &call.params))
        }
        _ => None,
    }
}

/// The digits of a window function's values. Where those of its argument differ, another one looks at them in the same
/// frames.
fn of_window(plan: &mut LogicalPlan, own: usize, column: &Column) -> Option<Digits> {
    let LogicalPlan::Window(window) = plan else { return None };
    let mut expr = window.window_expr.get(own)?;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(call) = expr else { return None };
    if call.params.null_treatment == Some(NullTreatment::IgnoreNulls) {
        return None;
    }
    let mut input = window.input.as_ref().clone();
    let reads_tables = reads_tables(&input);
    let digits = of_expr(&mut input, call.params.args.first()?)?;
    let mut beside = call.clone();
    let (name, digits) = match (call.fun.name(), digits) {
        ("numeric_sum" | "min" | "max", digits @ Digits::Same(_)) => return Some(digits),
        ("numeric_avg", Digits::Same(digits)) => {
            beside.fun = WindowFunctionDefinition::AggregateUDF(count_udaf());
            let name = format!("{}#rows", column.name);
            let rows = Expr::Column(Column::from_name(&name));
            (name, of_average(Expr::Column(column.clone()), lit(digits), rows))
        }
        ("numeric_sum", Digits::Rows(digits)) if !reads_tables => {
            beside.fun = WindowFunctionDefinition::AggregateUDF(max_udaf());
            beside.params.args = vec![digits];
            let name = format!("{}#digits", column.name);
            let column = Expr::Column(Column::from_name(&name));
            (name, Digits::Rows(column))
        }
        ("lag" | "lead" | "first_value" | "last_value" | "nth_value", digits) => {
            let default = call.params.args.get(2).map(of_constant);
            let default = match default {
                Some(default) => default?,
                None => Digits::None,
            };
            if let Some(same) = all_same(&[digits.clone(), default.clone()]) {
                return Some(same);
            }
            if reads_tables && matches!(digits, Digits::Rows(_)) {
                return None;
            }
            *beside.params.args.first_mut()? = digits.expr();
            if let Some(of_default) = beside.params.args.get_mut(2) {
                *of_default = default.expr();
            }
            let name = format!("{}#digits", column.name);
            let column = Expr::Column(Column::from_name(&name));
            (name, Digits::Rows(column))
        }
        _ => return None,
    };
    if !window.schema.has_column(&Column::from_name(&name)) {
        let beside = Expr::WindowFunction(beside).alias(name);
        // Hidden columns of the input stand before those of the window: its own are known by their names.
        let exprs = window.window_expr.iter().cloned().chain([beside]).collect();
        *plan = LogicalPlan::Window(Window::try_new(exprs, Arc::new(input)).ok()?);
    }
    Some(digits)
}

/// The digits of a constant.
fn of_constant(expr: &Expr) -> Option<Digits> {
    match expr {
        Expr::Literal(value, _) if value.is_null() => Some(Digits::None),
        Expr::Literal(ScalarValue::Decimal128(_, _, scale), _) => Some(Digits::Same((*scale).into())),
        Expr::Literal(value, _) if value.data_type().is_integer() => Some(Digits::Same(0)),
        Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Decimal128(..)) => {
            of_constant(&cast.expr)
        }
        _ => None,
    }
}

/// The digits of several expressions of which a row shows one: `choose` makes the expression of theirs.
fn of_one_of(several: Vec<Digits>, choose: impl FnOnce(Vec<Expr>) -> Expr) -> Digits {
    match all_same(&several) {
        Some(same) => same,
        None => Digits::Rows(choose(several.into_iter().map(Digits::expr).collect())),
    }
}

/// The digits of an expression over a plan's rows.
fn of_expr(input: &mut LogicalPlan, expr: &Expr) -> Option<Digits> {
    if let Some(digits) = of_constant(expr) {
        return Some(digits);
    }
    match expr {
        Expr::Alias(alias) => of_expr(input, &alias.expr),
        Expr::Column(column) => of_column(input, column),
        // Casts among decimals bring values together; one that was asked for is `numeric()`.
        Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Decimal128(..)) => {
            match cast.expr.get_type(input.schema()).ok()? {
                DataType::Decimal128(..) => of_expr(input, &cast.expr),
                found if found.is_integer() => Some(Digits::Same(0)),
                _ => None,
            }
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            let digits: Vec<Digits> = results.map(|result| of_expr(input, result)).collect::<Option<_>>()?;
            if all_same(&digits).is_none() && expr.is_volatile() {
                return None;
            }
            Some(of_one_of(digits, |mut digits| {
                let otherwise = case.else_expr.as_ref().and_then(|_| digits.pop()).map(Box::new);
                let whens = case.when_then_expr.iter().map(|(when, _)| when.clone());
                let branches = whens.zip(digits.into_iter().map(Box::new)).collect();
                Expr::Case(Case { expr: case.expr.clone(), when_then_expr: branches, else_expr: otherwise })
            }))
        }
        Expr::ScalarFunction(function) => of_function(input, expr, function),
        _ => None,
    }
}

fn of_function(input: &mut LogicalPlan, expr: &Expr, function: &ScalarFunction) -> Option<Digits> {
    let arguments = function.args.as_slice();
    let scale = match expr.get_type(input.schema()).ok()? {
        DataType::Decimal128(_, scale) => i64::from(scale),
        _ => return None,
    };
    match (function.name(), arguments) {
        ("numeric_add" | "numeric_sub" | "numeric_mod", [left, right]) => {
            Some(larger(of_expr(input, left)?.plain(), of_expr(input, right)?.plain()))
        }
        ("numeric_mul", [left, right]) => {
            match (of_expr(input, left)?.plain(), of_expr(input, right)?.plain()) {
                (Digits::Same(left), Digits::Same(right)) if left + right <= scale => {
                    Some(Digits::Same(left + right))
                }
                (Digits::Same(_), Digits::Same(_)) => None,
                (left, right) => Some(Digits::Rows(binary_expr(left.expr(), Operator::Plus, right.expr()))),
            }
        }
        ("numeric_div", [left, right]) if !expr.is_volatile() => {
            let digits = larger(of_expr(input, left)?.plain(), of_expr(input, right)?.plain()).expr();
            let arguments = vec![left.clone(), right.clone(), digits];
            Some(digits_call("numeric_div_digits", kernels::quotient_digits, arguments))
        }
        ("numeric_uminus" | "numeric_uplus" | "numeric_abs", [operand]) => of_expr(input, operand),
        // A quotient that is reckoned with was cut to its digits.
        ("numeric_shown", [operand, _]) => of_expr(input, operand).map(Digits::plain),
        ("numeric_round" | "numeric_trunc", [_, Expr::Literal(ScalarValue::Int32(Some(digits)), _)]) => {
            Some(Digits::Same((*digits).max(0).into()))
        }
        ("numeric_ceil" | "numeric_floor" | "numeric_sign", _) => Some(Digits::Same(0)),
        ("numeric", [operand]) => match operand.get_type(input.schema()).ok()? {
            DataType::Decimal128(..) => Some(Digits::Same(scale)),
            found if found.is_integer() => Some(Digits::Same(scale)),
            DataType::Utf8View if scale == i64::from(CAST_SCALE) && !expr.is_volatile() => {
                Some(digits_call("numeric_in_digits", kernels::text_digits, vec![operand.clone()]))
            }
            _ => None,
        },
        ("coalesce", _) => {
            let digits: Vec<Digits> =
                arguments.iter().map(|one| of_expr(input, one)).collect::<Option<_>>()?;
            if expr.is_volatile() {
                return None;
            }
            Some(of_one_of(digits, |digits| {
                choose(arguments.iter().map(|one| one.clone().is_not_null()).zip(digits))
            }))
        }
        // Of equal ones, it is the first.
        ("greatest" | "least", _) => {
            let digits: Vec<Digits> =
                arguments.iter().map(|one| of_expr(input, one)).collect::<Option<_>>()?;
            if expr.is_volatile() {
                return None;
            }
            Some(of_one_of(digits, |digits| {
                choose(arguments.iter().map(|one| one.clone().eq(expr.clone())).zip(digits))
            }))
        }
        _ => None,
    }
}

/// CASE WHEN for each of several conditions and what it gives.
fn choose(several: impl Iterator<Item = (Expr, Expr)>) -> Expr {
    let branches = several.map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    Expr::Case(Case { expr: None, when_then_expr: branches, else_expr: None })
}

//! Window functions: definitions, named windows, frames, and the nodes that compute them.

use std::sync::Arc;

use datafusion::{
    common::{Column, tree_node::TreeNode},
    logical_expr::{
        Expr, LogicalPlan, SetMonotonicity, Window, WindowFrame, WindowFunctionDefinition,
        expr::{Sort, WindowFunction, WindowFunctionParams},
    },
};
use lis_functions::windows::{Exclusion, Shape};
use lis_lake::{names::Identifier, types::PgType};
use sqlparser::ast;

use super::{
    Binder,
    calls::{Call, Calls, LATERAL_HINT, WindowResult},
    order::constant_value,
    place::{Clause, Place},
    plan_error,
    single_value::nullable,
    window_frames::by_groups,
};
use crate::{
    dialect::marks::{EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES, is_mark_expression},
    error::{SqlError, SqlErrorKind},
    functions::{aggregates::sorted_aggregate, windows::over_shape},
    names::identifier,
    resolve::{ResolvedAggregate, ResolvedWindow},
    types::{
        Typed,
        ordering::{is_keyed, partition_key},
        settle_unknown,
    },
};

/// A window definition with its names looked up.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) partition_by: Vec<Expr>,
    pub(super) order_by: Vec<Sort>,
    /// The first ORDER BY expression, of which RANGE with an offset wants one only.
    pub(super) order_type: Option<Typed>,
    /// Whether something is ordered by a key that stands for it, or by bytes or times, of which DataFusion has no ranges
    /// either.
    pub(super) keyed: bool,
    pub(super) frame: WindowFrame,
    /// What the frame cannot say.
    pub(super) shape: Shape,
    /// The offsets and values that are computed for each row.
    pub(super) offsets: Vec<Expr>,
}

/// A window definition as written, after named windows are put in.
#[derive(Debug, Default)]
struct Written<'w> {
    partition_by: &'w [ast::Expr],
    order_by: &'w [ast::OrderByExpr],
    frame: Option<&'w ast::WindowFrame>,
    exclusion: Option<Exclusion>,
}

impl Binder<'_> {
    /// An aggregate with OVER.
    pub(crate) fn window_aggregate(
        &self,
        aggregate: ResolvedAggregate,
        call: &ast::Function,
        over: &ast::WindowType,
        distinct: bool,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        if distinct {
            let message = "DISTINCT is not implemented for window functions";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        if !aggregate.within_group.is_empty() {
            let name = call.name.0.last().and_then(ast::ObjectNamePart::as_ident).map(identifier);
            let message = format!(
                "OVER is not supported for ordered-set aggregate {}",
                name.as_ref().map_or("", Identifier::as_str)
            );
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        if let ast::FunctionArguments::List(list) = &call.args
            && list.clauses.iter().any(|clause| matches!(clause, ast::FunctionArgumentClause::OrderBy(_)))
        {
            let message = "aggregate ORDER BY is not implemented for window functions";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        // Over a growing frame min and max go one way, and the engine takes their rows for ordered; but they begin with
        // nulls, which it then takes for last. Behind a function it does not.
        // The engine may turn a window round; an array would show it.
        let aggregate = match aggregate.function.name() {
            "array_agg" => sorted_aggregate(&aggregate, &[], false).unwrap_or(aggregate),
            _ => aggregate,
        };
        let taken_for_ordered = aggregate.function.is_nullable()
            && aggregate.function.inner().set_monotonicity(&aggregate.arrow_type)
                != SetMonotonicity::NotMonotonic;
        let function = WindowFunctionDefinition::AggregateUDF(aggregate.function);
        let resolved = ResolvedWindow {
            function,
            arguments: aggregate.arguments,
            result: aggregate.result,
            arrow_type: aggregate.arrow_type,
            cast: None,
            finish: aggregate.finish,
            collation: aggregate.collation,
        };
        let mut typed = self.window_function(resolved, call, over, position, place)?;
        if taken_for_ordered {
            typed.expr = nullable(typed.expr);
        }
        Ok(typed)
    }

    /// A call with OVER.
    pub(crate) fn window_function(
        &self,
        window: ResolvedWindow,
        call: &ast::Function,
        over: &ast::WindowType,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let windowing_error =
            |message: String| Err(SqlError::new(SqlErrorKind::WindowingError, message).at(position));
        let Some(calls) = place.calls.filter(|_| place.clause.allows_windows()) else {
            return match place.clause {
                Clause::WindowDefinition | Clause::Filter | Clause::WindowFrame => {
                    windowing_error("window functions are not allowed in window definitions".to_owned())
                }
                clause => windowing_error(format!("window functions are not allowed in {}", clause.name())),
            };
        };
        if let Some(inner) = window.arguments.iter().find_map(|argument| window_in(argument, calls)) {
            return Err(windowing("window function calls cannot be nested".to_owned(), inner));
        }
        if call.filter.is_some() && !matches!(window.function, WindowFunctionDefinition::AggregateUDF(_)) {
            let message = "FILTER is not implemented for non-aggregate window functions";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        let set = calls
            .sets
            .borrow()
            .iter()
            .find(|set| window.arguments.iter().any(|argument| argument.column_refs().contains(&set.column)))
            .map(|set| set.position);
        if let Some(set) = set {
            let message = "window function calls cannot contain set-returning function calls";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message)
                .with_hint(LATERAL_HINT)
                .at(set));
        }
        let definition = self.definition(over, position, place, calls)?;
        let name = window.function.name().to_owned();
        let mut filter = self.filter_of(call, place)?;
        let window = match definition.shape {
            Shape::PLAIN if slides(&window.function) || definition.frame.start_bound.is_unbounded() => window,
            shape => over_shape(window, shape, filter.take(), definition.offsets),
        };
        let expr = Expr::from(WindowFunction {
            fun: window.function,
            params: WindowFunctionParams {
                args: window.arguments,
                partition_by: definition.partition_by,
                order_by: definition.order_by,
                window_frame: definition.frame,
                filter,
                null_treatment: self.null_treatment(call, position)?,
                distinct: false,
            },
        });
        let result = WindowResult {
            // A function's result has no modifier.
            column_type: window.result.without_modifier(),
            arrow_type: window.arrow_type,
            cast: window.cast,
        };
        let column_type = result.column_type;
        let call = self.window(expr, &name, position, result, calls);
        let done = match window.finish {
            Some(finish) => finish.apply(call, column_type)?,
            None => call,
        };
        Ok(done.collated(window.collation).at(position))
    }

    fn definition(
        &self,
        over: &ast::WindowType,
        position: Option<usize>,
        place: Place<'_>,
        calls: &Calls,
    ) -> Result<Definition, SqlError> {
        let written = match over {
            ast::WindowType::NamedWindow(name) => {
                self.named_window(&identifier(name), self.position(name.span), calls, 0)?
            }
            ast::WindowType::WindowSpec(spec) => {
                let opening = position.and_then(|position| self.over_position(position));
                self.window_spec(spec, opening, calls, 0)?
            }
        };
        let place = place.within(Clause::WindowDefinition);
        let exclusion = written.exclusion.unwrap_or(Exclusion::NoOthers);
        let mut partition_by = Vec::new();
        for expr in written.partition_by {
            let typed = settle_unknown(&self.binding, self.expression(expr, place)?)?;
            partition_by.push(partition_key(typed)?.expr);
        }
        let order_by = self.sorts(written.order_by, place)?;
        let mut keyed = false;
        let mut order_type = None;
        for item in written.order_by {
            let ordering = self.expression(&item.expr, place)?;
            order_type.get_or_insert(ordering.clone());
            keyed |= is_keyed(&ordering)
                || matches!(ordering.pg_type(), PgType::Bytea | PgType::Uuid | PgType::Time | PgType::Timetz);
        }
        // What was said before orders nothing.
        let mut order: Vec<Sort> = Vec::with_capacity(order_by.len());
        for key in order_by {
            if order.iter().all(|known| known.expr != key.expr) {
                order.push(key);
            }
        }
        let mut definition = Definition {
            partition_by,
            order_by: order,
            order_type,
            keyed,
            frame: WindowFrame::new(None),
            shape: Shape { exclusion, ..Shape::PLAIN },
            offsets: Vec::new(),
        };
        definition.frame = match written.frame {
            None if definition.order_by.is_empty() => WindowFrame::new(None),
            None => WindowFrame::new(Some(false)),
            Some(frame) => self.frame(frame, &mut definition, position, place)?,
        };
        if definition.keyed {
            definition.frame = by_groups(definition.frame, position)?;
        }
        definition
            .frame
            .regularize_order_bys(&mut definition.order_by)
            .map_err(|error| windowing(error.strip_backtrace(), position))?;
        Ok(definition)
    }

    fn named_window<'w>(
        &self,
        name: &Identifier,
        position: Option<usize>,
        calls: &'w Calls,
        depth: usize,
    ) -> Result<Written<'w>, SqlError> {
        for (index, definition) in calls.named_windows.iter().enumerate() {
            let defined = identifier(&definition.0);
            if calls.named_windows.iter().take(index).any(|earlier| identifier(&earlier.0) == defined) {
                let message = format!("window \"{}\" is already defined", defined.as_str());
                return Err(windowing(message, self.position_after(definition.0.span, "(")));
            }
        }
        let undefined = || {
            let message = format!("window \"{}\" does not exist", name.as_str());
            SqlError::new(SqlErrorKind::UndefinedObject, message).at(position)
        };
        if depth > calls.named_windows.len() {
            return Err(undefined());
        }
        let found = calls.named_windows.iter().find(|definition| identifier(&definition.0) == *name);
        match found.map(|definition| &definition.1).ok_or_else(undefined)? {
            ast::NamedWindowExpr::NamedWindow(other) => {
                self.named_window(&identifier(other), self.position(other.span), calls, depth + 1)
            }
            ast::NamedWindowExpr::WindowSpec(spec) => {
                let after = found.and_then(|definition| self.position_after(definition.0.span, "("));
                self.window_spec(spec, after, calls, depth + 1)
            }
        }
    }

    fn window_spec<'w>(
        &self,
        spec: &'w ast::WindowSpec,
        opening: Option<usize>,
        calls: &'w Calls,
        depth: usize,
    ) -> Result<Written<'w>, SqlError> {
        let (partition_by, partition_exclusion) = without_mark(&spec.partition_by, |expr| expr);
        let (order_by, order_exclusion) = without_mark(&spec.order_by, |item| &item.expr);
        let own = Written {
            partition_by,
            order_by,
            frame: spec.window_frame.as_ref(),
            exclusion: partition_exclusion.or(order_exclusion),
        };
        let Some(base_name) = &spec.window_name else { return Ok(own) };
        let position = self.position(base_name.span);
        let name = identifier(base_name);
        let base = self.named_window(&name, position, calls, depth)?;
        let refuse = |what: &str| {
            let message = format!("cannot override {what} clause of window \"{}\"", name.as_str());
            Err(windowing(message, opening))
        };
        if !own.partition_by.is_empty() {
            return refuse("PARTITION BY");
        }
        if !own.order_by.is_empty() && !base.order_by.is_empty() {
            return refuse("ORDER BY");
        }
        if base.frame.is_some() {
            let message = format!("cannot copy window \"{}\" because it has a frame clause", name.as_str());
            let error = windowing(message, opening);
            let bare = own.order_by.is_empty() && own.frame.is_none();
            return Err(if bare {
                error.with_hint("Omit the parentheses in this OVER clause.")
            } else {
                error
            });
        }
        Ok(Written {
            partition_by: base.partition_by,
            order_by: if own.order_by.is_empty() { base.order_by } else { own.order_by },
            frame: own.frame,
            exclusion: own.exclusion,
        })
    }

    /// Where the parenthesis after a call's OVER stands.
    pub(super) fn over_position(&self, call: usize) -> Option<usize> {
        let over = self.find_from(call, "over")?;
        self.find_from(over, "(")
    }
}

/// Whether rows can be taken out of an aggregate again, as the engine wants of a frame whose beginning moves.
fn slides(function: &WindowFunctionDefinition) -> bool {
    !matches!(function.name(), "bit_and" | "bit_or")
}

/// A list without the mark of a frame that leaves out rows, which stands last, and what it says.
fn without_mark<T>(list: &[T], expr: impl Fn(&T) -> &ast::Expr) -> (&[T], Option<Exclusion>) {
    let Some((last, rest)) = list.split_last() else { return (list, None) };
    let exclusion = [
        (EXCLUDE_CURRENT_ROW, Exclusion::CurrentRow),
        (EXCLUDE_GROUP, Exclusion::Group),
        (EXCLUDE_TIES, Exclusion::Ties),
    ]
    .into_iter()
    .find(|(name, _)| is_mark_expression(expr(last), name));
    match exclusion {
        Some((_, exclusion)) => (rest, Some(exclusion)),
        None => (list, None),
    }
}

pub(super) fn windowing(message: String, position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::WindowingError, message).at(position)
}

/// Where the window function stands that an expression contains, if it contains one.
fn window_in(expr: &Expr, calls: &Calls) -> Option<Option<usize>> {
    let windows = calls.windows.borrow();
    let columns = expr.column_refs();
    windows.iter().find(|window| columns.contains(&window.column)).map(|window| window.position)
}

/// Whether an expression's value can be known before there are rows.
pub(super) fn is_constant(expr: &Expr) -> bool {
    let known = |node: &Expr| {
        !matches!(
            node,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
        )
    };
    !expr.is_volatile() && expr.exists(|node| Ok(!known(node))).is_ok_and(|unknown| !unknown)
}

/// A plan that has what windows are partitioned and ordered by as columns, each computed once for all of them; and of which
/// expressions. Over expressions, the engine loses track of how its input is sorted ("Expects PARTITION BY expression to be
/// ordered").
pub(crate) fn with_keys(
    plan: LogicalPlan,
    windows: &mut [Call],
) -> Result<(LogicalPlan, Vec<(Expr, Column)>), SqlError> {
    let mut keys: Vec<(Expr, Column)> = Vec::new();
    for window in windows {
        let Expr::WindowFunction(function) = &mut window.expr else { continue };
        let params = &mut function.params;
        // All rows have the same constant. (The engine would take it for a column that its input is not sorted by.)
        let (constants, varying): (Vec<Expr>, Vec<Expr>) =
            std::mem::take(&mut params.partition_by).into_iter().partition(is_constant);
        for key in &constants {
            constant_value(key)?;
        }
        params.partition_by = varying;
        let sorted = params.order_by.iter_mut().map(|sort| &mut sort.expr);
        for key in params.partition_by.iter_mut().chain(sorted) {
            if matches!(key, Expr::Column(_) | Expr::Literal(..)) {
                continue;
            }
            let column = match keys.iter().find(|(known, _)| known == key) {
                Some((_, column)) => column.clone(),
                // A window's column has a name that occurs nowhere else.
                None => {
                    let name = format!("{}#{}", window.column.name, keys.len());
                    let column = Column::new_unqualified(name);
                    keys.push((key.clone(), column.clone()));
                    column
                }
            };
            *key = Expr::Column(column);
        }
    }
    if keys.is_empty() {
        return Ok((plan, keys));
    }
    let mut exprs = super::all_columns(&plan);
    exprs.extend(keys.iter().map(|(key, column)| key.clone().alias(&column.name)));
    Ok((super::project(plan, exprs)?, keys))
}

/// Puts the windows over a plan: one node for each partitioning and order, the finest order innermost.
pub(crate) fn windowed(plan: LogicalPlan, mut windows: Vec<Call>) -> Result<LogicalPlan, SqlError> {
    let (mut plan, _) = with_keys(plan, &mut windows)?;
    type Partitioning = (Vec<Expr>, Vec<Sort>);
    let mut groups: Vec<(Partitioning, Vec<Expr>)> = Vec::new();
    for window in windows {
        let Expr::WindowFunction(function) = &window.expr else { continue };
        let key = (function.params.partition_by.clone(), function.params.order_by.clone());
        let aliased = window.expr.clone().alias(&window.column.name);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some(group) => group.1.push(aliased),
            None => groups.push((key, vec![aliased])),
        }
    }
    groups.sort_by_key(|((partition_by, order_by), _)| {
        std::cmp::Reverse((partition_by.len() + order_by.len(), partition_by.len()))
    });
    for (_, exprs) in groups {
        plan = Window::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Window).map_err(plan_error)?;
    }
    Ok(plan)
}

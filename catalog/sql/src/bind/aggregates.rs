//! GROUP BY: the grouping node under a SELECT's expressions, grouping sets, and the rule that what is not grouped must
//! stand inside an aggregate.

use std::{cell::RefCell, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Column, DFSchemaRef,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, cast, lit},
};
use sqlparser::ast;

use super::{
    Binder, all_columns, attachments::Attachment, calls::Calls, decorrelate::visit_outer_references,
    not_postgresql, place::Place, plan_error, project, select::Item, set_operations::first_of_partition,
    single_value::nullable, subqueries::first,
};
use crate::{
    dialect::marks::{DISTINCT_SETS, is_mark_expression},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, identifier},
    types::{
        Typed,
        ordering::{check_equality, equality_key},
        settle_unknown,
    },
};

/// How many grouping sets a query may have (PostgreSQL's own limit).
const GROUPING_SETS_MAX: usize = 4096;

/// A GROUP BY clause: the sets to group by, one of them without ROLLUP and its like.
#[derive(Debug, Default)]
pub(crate) struct GroupBy {
    sets: Option<Vec<Vec<Expr>>>,
    /// What is grouped by although its equal values may differ, with the key that they share.
    keyed: Vec<(Expr, Expr)>,
    /// Columns of the SELECT list that are grouped by although an equal one is already.
    twins: Vec<Twin>,
}

/// A column of the SELECT list that is grouped by beside an equal one. Each is null in other sets, so they are two things
/// to group by; a column of its own stands for the second. So it does for a constant, where there are sets: what is equal
/// to it elsewhere in the query stays what it is.
#[derive(Debug)]
pub(crate) struct Twin {
    /// Which of the SELECT list's columns.
    pub(crate) item: usize,
    expr: Expr,
    pub(crate) column: Column,
}

/// What the items of a GROUP BY clause have in common while they are bound.
#[derive(Debug, Default)]
struct Grouping {
    keyed: Vec<(Expr, Expr)>,
    twins: Vec<Twin>,
    /// The columns of the SELECT list that are grouped by.
    outputs: Vec<usize>,
    /// Whether the clause has GROUPING SETS, ROLLUP or CUBE.
    has_sets: bool,
}

impl GroupBy {
    pub(crate) fn is_written(&self) -> bool {
        self.sets.is_some()
    }

    /// Whether there is more than one set: then what is grouped by is null in some groups.
    pub(crate) fn has_several_sets(&self) -> bool {
        self.sets.as_ref().is_some_and(|sets| sets.len() > 1)
    }

    /// What is grouped by.
    pub(crate) fn exprs(&self) -> Vec<Expr> {
        let twins = self.twins.iter().map(|twin| &twin.expr);
        self.sets.iter().flatten().flatten().chain(twins).cloned().collect()
    }

    /// See [`Twin`].
    pub(crate) fn twins(&self) -> &[Twin] {
        &self.twins
    }

    /// With the columns that are referred to and depend on a primary key that is grouped by: they need not be written.
    pub(crate) fn with_dependent_columns(mut self, namespace: &Namespace, calls: &Calls) -> Self {
        let Some([set]) = self.sets.as_deref_mut() else { return self };
        let grouped = |column: &Column, set: &[Expr]| {
            set.iter().any(|expr| matches!(expr, Expr::Column(known) if known == column))
        };
        for table in &namespace.tables {
            if table.key.is_empty() || !table.key.iter().all(|column| grouped(column, set.as_slice())) {
                continue;
            }
            for reference in calls.references.borrow().iter() {
                let own = table
                    .columns
                    .iter()
                    .any(|column| matches!(&column.expr, Expr::Column(known) if *known == reference.column));
                if own && !grouped(&reference.column, set.as_slice()) {
                    set.push(Expr::Column(reference.column.clone()));
                }
            }
        }
        self
    }
}

/// A grouped plan, and how expressions over its input become expressions over it.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub(crate) plan: LogicalPlan,
    input: DFSchemaRef,
    groups: Vec<(Expr, Column)>,
}

impl Binder<'_> {
    /// Binds GROUP BY. An item is an input column, else an output column by name or ordinal, else an expression.
    pub(crate) fn group_by(
        &self,
        group_by: &ast::GroupByExpr,
        items: &[Item],
        place: Place<'_>,
    ) -> Result<GroupBy, SqlError> {
        let ast::GroupByExpr::Expressions(elements, modifiers) = group_by else {
            return Err(not_postgresql("all", None));
        };
        let (distinct, elements) = match elements.split_first() {
            Some((first, rest)) if is_mark_expression(first, DISTINCT_SETS) => (true, rest),
            _ => (false, elements.as_slice()),
        };
        if !modifiers.is_empty() {
            return Err(not_postgresql("with", None));
        }
        if elements.is_empty() {
            return Ok(GroupBy::default());
        }
        let mut sets: Vec<Vec<Expr>> = vec![Vec::new()];
        let has_sets = elements.iter().any(|element| {
            matches!(element, ast::Expr::GroupingSets(_) | ast::Expr::Rollup(_) | ast::Expr::Cube(_))
        });
        let grouping = RefCell::new(Grouping { has_sets, ..Grouping::default() });
        for element in elements {
            let choices = self.grouping_element(element, items, &grouping, place)?;
            if sets.len().saturating_mul(choices.len()) > GROUPING_SETS_MAX {
                return Err(SqlError::new(
                    SqlErrorKind::StatementTooComplex,
                    format!("too many grouping sets present (maximum {GROUPING_SETS_MAX})"),
                ));
            }
            let mut product = Vec::with_capacity(sets.len() * choices.len());
            for set in &sets {
                for choice in &choices {
                    let mut both = set.clone();
                    for expr in choice {
                        if !both.contains(expr) {
                            both.push(expr.clone());
                        }
                    }
                    product.push(both);
                }
            }
            sets = product;
        }
        if distinct {
            let mut kept: Vec<Vec<Expr>> = Vec::with_capacity(sets.len());
            for set in sets {
                let same = |other: &Vec<Expr>| {
                    other.len() == set.len() && set.iter().all(|expr| other.contains(expr))
                };
                if !kept.iter().any(same) {
                    kept.push(set);
                }
            }
            sets = kept;
        }
        let Grouping { keyed, twins, .. } = grouping.into_inner();
        Ok(GroupBy { sets: Some(sets), keyed, twins })
    }

    /// The sets that one element of GROUP BY stands for.
    fn grouping_element(
        &self,
        element: &ast::Expr,
        items: &[Item],
        grouping: &RefCell<Grouping>,
        place: Place<'_>,
    ) -> Result<Vec<Vec<Expr>>, SqlError> {
        let item = |expr: &ast::Expr| -> Result<Expr, SqlError> {
            let typed = self.grouping_item(expr, items, grouping, place)?;
            if let Some(key) = equality_key(&typed)? {
                grouping.borrow_mut().keyed.push((typed.expr.clone(), key.expr));
            }
            Ok(typed.expr)
        };
        let part = |exprs: &Vec<ast::Expr>| exprs.iter().map(item).collect::<Result<Vec<_>, _>>();
        match element {
            ast::Expr::GroupingSets(sets) => {
                let mut all = Vec::new();
                for set in sets {
                    match set.as_slice() {
                        [only] => all.extend(self.grouping_element(only, items, grouping, place)?),
                        _ => all.push(part(set)?),
                    }
                }
                Ok(all)
            }
            ast::Expr::Rollup(parts) => {
                let parts = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
                Ok((0..=parts.len())
                    .rev()
                    .map(|count| parts.iter().take(count).flatten().cloned().collect())
                    .collect())
            }
            ast::Expr::Cube(parts) => {
                let parts = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
                if parts.len() > 12 {
                    return Err(SqlError::new(
                        SqlErrorKind::StatementTooComplex,
                        "CUBE is limited to 12 elements",
                    ));
                }
                let subsets = 1_usize << parts.len();
                Ok((0..subsets)
                    .rev()
                    .map(|mask| {
                        let width = parts.len();
                        parts
                            .iter()
                            .enumerate()
                            .filter(|(index, _)| mask >> (width - 1 - index) & 1 == 1)
                            .flat_map(|(_, part)| part.iter().cloned())
                            .collect()
                    })
                    .collect())
            }
            ast::Expr::Tuple(exprs) => Ok(vec![part(exprs)?]),
            // Inside GROUPING SETS sqlparser takes ROLLUP and CUBE for functions.
            ast::Expr::Function(call) => match nested_sets(call) {
                Some(element) => self.grouping_element(&element, items, grouping, place),
                None => Ok(vec![vec![item(element)?]]),
            },
            plain => Ok(vec![vec![item(plain)?]]),
        }
    }

    fn grouping_item(
        &self,
        item: &ast::Expr,
        items: &[Item],
        grouping: &RefCell<Grouping>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let mut inner = item;
        while let ast::Expr::Nested(nested) = inner {
            inner = nested;
        }
        let typed = if let Some(index) = self.ordinal(inner, items.len(), "GROUP BY")? {
            self.output_to_group(index, item, items, grouping, place)?
        } else if let ast::Expr::Identifier(ident) = inner {
            let name = identifier(ident);
            let own = Scope::new(place.scope.namespace, None);
            let output = items.iter().position(|output| output.name == name.as_str());
            match (own.find(&name, self.position(ident.span))?, output) {
                (None, Some(output)) => self.output_to_group(output, item, items, grouping, place)?,
                _ => self.expression_to_group(inner, items, grouping, place)?,
            }
        } else {
            self.expression_to_group(inner, items, grouping, place)?
        };
        check_equality(&typed)?;
        settle_unknown(&self.binding, typed)
    }

    /// An expression is the first column of the SELECT list that is equal to it, if there is one.
    fn expression_to_group(
        &self,
        expr: &ast::Expr,
        items: &[Item],
        grouping: &RefCell<Grouping>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let typed = self.expression(expr, place)?;
        let equal = items.iter().position(|output| output.typed.expr == typed.expr);
        let has_sets = grouping.borrow().has_sets;
        if let (true, Some(index), Expr::Literal(..)) = (has_sets, equal, &typed.expr) {
            // The grouped plan could not tell it from any other constant.
            return self.output_to_group(index, expr, items, grouping, place);
        }
        grouping.borrow_mut().outputs.extend(equal);
        Ok(typed)
    }

    /// An output column that is grouped by: it may not hold an aggregate.
    fn output_to_group(
        &self,
        index: usize,
        item: &ast::Expr,
        items: &[Item],
        grouping: &RefCell<Grouping>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let Some(output) = items.get(index) else {
            return Err(SqlError::new(SqlErrorKind::Internal, "an ordinal beyond the output columns"));
        };
        if let Some(calls) = place.calls {
            let stands_for = |known: &[super::calls::Call], column: &Column| {
                known.iter().any(|call| call.column == *column)
            };
            for column in output.typed.expr.column_refs() {
                let (kind, what) = if stands_for(&calls.aggregates.borrow(), column) {
                    (SqlErrorKind::GroupingError, "aggregate functions")
                } else if stands_for(&calls.windows.borrow(), column) {
                    (SqlErrorKind::WindowingError, "window functions")
                } else {
                    continue;
                };
                let message = format!("{what} are not allowed in GROUP BY");
                return Err(SqlError::new(kind, message).at(output.typed.position.or(self.start_of(item))));
            }
        }
        let mut grouping = grouping.borrow_mut();
        if let Some(twin) = grouping.twins.iter().find(|twin| twin.item == index) {
            return Ok(Typed { expr: Expr::Column(twin.column.clone()), ..output.typed.clone() });
        }
        let is_grouped = |other: &usize| {
            *other != index && items.get(*other).is_some_and(|other| other.typed.expr == output.typed.expr)
        };
        let constant = matches!(output.typed.expr, Expr::Literal(..));
        let second = grouping.outputs.iter().any(is_grouped) && !grouping.outputs.contains(&index);
        if if constant { grouping.has_sets } else { second } {
            let column = self.fresh_column(&output.name);
            let typed = settle_unknown(&self.binding, output.typed.clone())?;
            let twin = Twin { item: index, expr: typed.expr.clone(), column: column.clone() };
            grouping.twins.push(twin);
            return Ok(Typed { expr: Expr::Column(column), ..typed });
        }
        grouping.outputs.push(index);
        Ok(output.typed.clone())
    }

    /// Puts the grouping node over a plan.
    pub(crate) fn grouped(
        &self,
        plan: LogicalPlan,
        group_by: GroupBy,
        calls: &Calls,
    ) -> Result<Grouped, SqlError> {
        let twins = group_by.twins;
        let plan = if twins.is_empty() {
            plan
        } else {
            let mut exprs = all_columns(&plan);
            // The engine must not know that they are equal: after the grouping they are not.
            exprs.extend(twins.iter().map(|twin| nullable(twin.expr.clone()).alias(&twin.column.name)));
            project(plan, exprs)?
        };
        let plan = self.with_order_shown(plan, &mut calls.aggregates.borrow_mut())?;
        let input = Arc::clone(plan.schema());
        let sets = group_by.sets.unwrap_or_else(|| vec![Vec::new()]);
        // In one set a key is grouped by as any expression, and an aggregate gives the value to show. A set without the key
        // has to show null, so with several sets the value is made a column to group by beforehand.
        let several = sets.len() > 1;
        let (keys, keyed) = if several { (Vec::new(), group_by.keyed) } else { (group_by.keyed, Vec::new()) };
        let (plan, representatives) = self.representatives(plan, &keyed)?;
        let mut shown: Vec<(Expr, Expr, Column)> = Vec::with_capacity(keys.len());
        for (expr, key) in keys {
            if !shown.iter().any(|(known, ..)| *known == expr) {
                // Under its own name a column is found by subqueries that refer to it.
                let column = match &expr {
                    Expr::Column(column) => column.clone(),
                    _ => self.fresh_column("group"),
                };
                // Columns of two tables may share a name; their keys may not.
                let key = key.alias(self.fresh_column("key").name);
                shown.push((expr, key, column));
            }
        }
        let mut groups: Vec<(Expr, Column)> = Vec::new();
        let mut computed = Vec::new();
        for expr in sets.iter().flatten() {
            if groups.iter().any(|(known, _)| known == expr) {
                continue;
            }
            let column = match expr {
                known if let Some((_, column)) = representatives.iter().find(|(expr, _)| expr == known) => {
                    column.clone()
                }
                known if let Some((.., column)) = shown.iter().find(|(expr, ..)| expr == known) => {
                    column.clone()
                }
                Expr::Column(column) => column.clone(),
                other => {
                    let column = self.fresh_column("group");
                    // The engine must not know a constant: in a set without it, it is null.
                    let value =
                        if other.column_refs().is_empty() { nullable(other.clone()) } else { other.clone() };
                    computed.push(value.alias(&column.name));
                    column
                }
            };
            groups.push((expr.clone(), column));
        }
        // Grouping sets compare expressions, so they get plain columns; one set can hold its expressions itself.
        let plan = if several && !computed.is_empty() {
            let mut exprs = all_columns(&plan);
            exprs.extend(computed);
            project(plan, exprs)?
        } else {
            plan
        };
        let member = |expr: &Expr| {
            groups.iter().find(|(known, _)| known == expr).map(|(_, column)| match expr {
                _ if representatives.iter().any(|(known, _)| known == expr) => Expr::Column(column.clone()),
                _ if let Some((_, key, _)) = shown.iter().find(|(known, ..)| known == expr) => key.clone(),
                Expr::Column(_) => expr.clone(),
                _ if several => Expr::Column(column.clone()),
                other => other.clone().alias(&column.name),
            })
        };
        let group_exprs: Vec<Expr> = if several {
            let sets = sets.iter().map(|set| set.iter().filter_map(member).collect()).collect();
            vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
        } else {
            sets.iter().flatten().filter_map(member).collect()
        };
        let mut aggregates: Vec<Expr> =
            calls.aggregates.borrow().iter().map(|call| call.expr.clone().alias(&call.column.name)).collect();
        // A column of a table has the table's name too.
        let named = |(expr, _, column): (Expr, Expr, Column)| {
            first(expr).alias_qualified(column.relation, column.name)
        };
        aggregates.extend(shown.into_iter().map(named));
        if group_exprs.is_empty() && aggregates.is_empty() {
            // HAVING alone: one group of everything, of which nothing is asked.
            let nothing = self.fresh_column("count");
            aggregates.push(datafusion::functions_aggregate::expr_fn::count(lit(1_i64)).alias(&nothing.name));
        }
        let node = Aggregate::try_new(Arc::new(plan), group_exprs, aggregates).map_err(plan_error)?;
        let plan = self.with_groupings(node, &groups, &twins, calls)?;
        let plan = under_own_names(plan, &representatives, &mut groups)?;
        Ok(Grouped { plan, input, groups })
    }

    /// Adds a column for each keyed expression: of the values with one key the first, so that grouping by the column is
    /// grouping by the key and shows a value that was there.
    fn representatives(
        &self,
        plan: LogicalPlan,
        keyed: &[(Expr, Expr)],
    ) -> Result<(LogicalPlan, Vec<(Expr, Column)>), SqlError> {
        let mut representatives: Vec<(Expr, Column)> = Vec::with_capacity(keyed.len());
        let mut windows = Vec::with_capacity(keyed.len());
        for (expr, key) in keyed {
            if representatives.iter().any(|(known, _)| known == expr) {
                continue;
            }
            let column = self.fresh_column("group");
            let window = first_of_partition(expr.clone(), vec![key.clone()]);
            windows.push(super::calls::Call { expr: window, column: column.clone(), position: None });
            representatives.push((expr.clone(), column));
        }
        let plan = if windows.is_empty() { plan } else { super::windows::windowed(plan, windows)? };
        Ok((plan, representatives))
    }

    /// Adds the columns that stand for `GROUPING(…)`: bits of DataFusion's grouping id, in which the first grouping
    /// column is the highest and a set bit means "not grouped by".
    fn with_groupings(
        &self,
        node: Aggregate,
        groups: &[(Expr, Column)],
        twins: &[Twin],
        calls: &Calls,
    ) -> Result<LogicalPlan, SqlError> {
        let several = matches!(node.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        let schema = Arc::clone(&node.schema);
        let plan = LogicalPlan::Aggregate(node);
        let groupings = calls.groupings.borrow();
        if !several && groupings.is_empty() {
            return Ok(plan);
        }
        let id_name = Aggregate::INTERNAL_GROUPING_ID;
        let mut exprs: Vec<Expr> = all_columns(&plan)
            .into_iter()
            .filter(|expr| !matches!(expr, Expr::Column(column) if column.name == id_name))
            .collect();
        for grouping in groupings.iter() {
            let mut value = lit(0_i64);
            for argument in &grouping.exprs {
                let (argument, position) = argument;
                // A constant is grouped by as a column of its own.
                let twin = twins.iter().find(|twin| twin.expr == *argument).map(|twin| &twin.column);
                let is_meant = |known: &Expr| match known {
                    Expr::Column(column) if twin == Some(column) => true,
                    known => known == argument,
                };
                let Some((_, column)) = groups.iter().find(|(known, _)| is_meant(known)) else {
                    return Err(SqlError::new(
                        SqlErrorKind::GroupingError,
                        "arguments to GROUPING must be grouping expressions of the associated query level",
                    )
                    .at(*position));
                };
                let bit = match schema.index_of_column(column) {
                    Ok(index) if several => {
                        let shift = groups.len() - 1 - index.min(groups.len() - 1);
                        let id = cast(Expr::Column(Column::new_unqualified(id_name)), DataType::Int64);
                        let shift = i64::try_from(shift).unwrap_or_default();
                        (id >> lit(shift)) & lit(1_i64)
                    }
                    _ => lit(0_i64),
                };
                value = value * lit(2_i64) + bit;
            }
            exprs.push(cast(value, DataType::Int32).alias(&grouping.column.name));
        }
        project(plan, exprs)
    }

    /// The expression over the grouped plan; an input column that is left in it is not grouped.
    pub(crate) fn over_groups(
        &self,
        grouped: &Grouped,
        expr: Expr,
        namespace: &Namespace,
        calls: &Calls,
    ) -> Result<Expr, SqlError> {
        let output = grouped.plan.schema();
        let rewritten = expr
            .transform_down(|node| {
                let group = grouped
                    .groups
                    .iter()
                    .find(|(known, _)| *known == node && !matches!(known, Expr::Literal(..)));
                Ok(match group {
                    Some((_, column)) => {
                        Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump)
                    }
                    None => Transformed::no(node),
                })
            })
            .map_err(plan_error)?
            .data;
        let ungrouped = |column: &Column| grouped.input.has_column(column) && !output.has_column(column);
        let mut wrong = None;
        // The closure never fails.
        let _visited = rewritten.apply(|node| {
            match node {
                Expr::Column(column) if ungrouped(column) => wrong = Some((column.clone(), false)),
                Expr::ScalarSubquery(subquery) => {
                    wrong = wrong.take().or(inside(&subquery.subquery, &ungrouped))
                }
                Expr::Exists(exists) => {
                    wrong = wrong.take().or(inside(&exists.subquery.subquery, &ungrouped));
                }
                Expr::InSubquery(subquery) => {
                    wrong = wrong.take().or(inside(&subquery.subquery.subquery, &ungrouped));
                }
                _ => {}
            }
            Ok(if wrong.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        match wrong {
            None => Ok(rewritten),
            Some((column, in_subquery)) => Err(ungrouped_error(&column, in_subquery, namespace, calls)),
        }
    }

    /// Checks that a subquery refers only to grouped columns.
    pub(crate) fn check_subquery_over_groups(
        &self,
        grouped: &Grouped,
        attachment: &Attachment,
        namespace: &Namespace,
        calls: &Calls,
    ) -> Result<(), SqlError> {
        let output = grouped.plan.schema();
        let ungrouped = |column: &Column| grouped.input.has_column(column) && !output.has_column(column);
        let mut wrong = None;
        attachment.visit_outer_references(&mut |column| {
            if ungrouped(column) {
                wrong = Some(column.clone());
                return TreeNodeRecursion::Stop;
            }
            TreeNodeRecursion::Continue
        });
        match wrong {
            None => Ok(()),
            Some(column) => Err(ungrouped_error(&column, true, namespace, calls)),
        }
    }
}

/// Groups of which columns that were put in place of others have the names of these again, by which subqueries refer to them.
fn under_own_names(
    plan: LogicalPlan,
    representatives: &[(Expr, Column)],
    groups: &mut [(Expr, Column)],
) -> Result<LogicalPlan, SqlError> {
    let own = |column: &Column| {
        representatives.iter().find_map(|(expr, stand_in)| match expr {
            Expr::Column(own) if stand_in == column => Some(own.clone()),
            _ => None,
        })
    };
    if !representatives.iter().any(|(_, stand_in)| own(stand_in).is_some()) {
        return Ok(plan);
    }
    let named = |column: Column| match own(&column) {
        Some(own) => Expr::Column(column).alias_qualified(own.relation, own.name),
        None => Expr::Column(column),
    };
    let exprs = plan.schema().columns().into_iter().map(named).collect();
    for (_, column) in groups {
        if let Some(own) = own(column) {
            *column = own;
        }
    }
    project(plan, exprs)
}

/// `ROLLUP (…)` and `CUBE (…)` that were read as calls.
fn nested_sets(call: &ast::Function) -> Option<ast::Expr> {
    let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
    let ast::FunctionArguments::List(list) = &call.args else { return None };
    if name.quote_style.is_some() {
        return None;
    }
    let mut parts = Vec::with_capacity(list.args.len());
    for argument in &list.args {
        let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument)) = argument else { return None };
        parts.push(match argument {
            ast::Expr::Tuple(exprs) => exprs.clone(),
            other => vec![other.clone()],
        });
    }
    match name.value.to_ascii_lowercase().as_str() {
        "rollup" => Some(ast::Expr::Rollup(parts)),
        "cube" => Some(ast::Expr::Cube(parts)),
        _ => None,
    }
}

fn inside(plan: &LogicalPlan, ungrouped: &dyn Fn(&Column) -> bool) -> Option<(Column, bool)> {
    let mut wrong = None;
    visit_outer_references(plan, &mut |column| {
        if ungrouped(column) {
            wrong = Some((column.clone(), true));
            return TreeNodeRecursion::Stop;
        }
        TreeNodeRecursion::Continue
    });
    wrong
}

fn ungrouped_error(column: &Column, in_subquery: bool, namespace: &Namespace, calls: &Calls) -> SqlError {
    let written = namespace
        .tables
        .iter()
        .find_map(|table| {
            let own = table
                .columns
                .iter()
                .chain(&table.hidden)
                .find(|visible| matches!(&visible.expr, Expr::Column(known) if known == column))?;
            Some(format!("{}.{}", table.name.as_str(), own.name.as_str()))
        })
        .unwrap_or_else(|| column.name.split('#').next().unwrap_or_default().to_owned());
    let message = if in_subquery {
        format!("subquery uses ungrouped column \"{written}\" from outer query")
    } else {
        format!("column \"{written}\" must appear in the GROUP BY clause or be used in an aggregate function")
    };
    let references = calls.references.borrow();
    let position = references
        .iter()
        .find(|reference| reference.column == *column)
        .and_then(|reference| reference.position);
    SqlError::new(SqlErrorKind::GroupingError, message).at(position)
}

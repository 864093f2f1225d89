//! Correlated subqueries as joins. DataFusion plans the plain ones by itself; everything else is rewritten here, before
//! the plan leaves the binder, so that any subquery works: over LIMIT, set operations, windows, outer joins, with
//! predicates of any kind, in any clause, and LATERAL.
//!
//! The method is that of Neumann and Kemper ("Unnesting Arbitrary Queries"): the *domain* is the distinct combinations
//! of the outer columns that the subquery refers to; the subquery is computed once for all of them, by pushing the
//! domain down its plan until nothing refers to the outside any more ([`Binder::dependent`]); the result is joined to
//! the outer plan by those columns. Nulls must find each other in that join; see [`key_pairs`] for why it does not use
//! `NullEqualsNull`.
//!
//! Where the outside is referred to only in conditions that can be taken out of the plan (`pull_up`), a plain join does.
//!
//! Inner queries are rewritten before outer ones, so a reference to a query further out simply stays in the plan until
//! that query's turn comes.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Column, DFSchema, ExprSchema, NullEquality, ScalarValue, TableReference,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    functions::core::expr_fn::coalesce,
    logical_expr::{
        Aggregate, Distinct, Expr, Filter, Join, JoinConstraint, JoinType, Limit, LogicalPlan, Projection,
        Sort, SubqueryAlias, Union, Unnest, Window,
        expr::{Exists, InSubquery},
        lit,
    },
};
use recursive::recursive;

use self::recursion::WorkTable;
use super::{
    Binder, all_columns, attachments::own_columns, calls::Call, ctes::is_volatile, filter, order::sorted,
    plan_error, project, pull_up::Need, set_operations::row_number, unsupported, windows::windowed,
};
use crate::{
    engine::SharedPlan,
    error::{SqlError, SqlErrorKind},
};

mod grouping_sets;
mod recursion;

/// An outer side of more nodes is computed once, and read by the domain and by the join.
const NODES_MAX: usize = 100;

/// The combinations of outer columns that a subquery is computed for.
#[derive(Debug)]
struct Domain {
    plan: LogicalPlan,
    /// The outer columns and the domain's columns for them.
    columns: Vec<(Column, Column)>,
    /// The work tables of recursive queries that are computed for the domain.
    work_tables: Vec<WorkTable>,
}

impl Domain {
    fn names(&self, column: &Column) -> bool {
        self.columns.iter().any(|(outer, _)| outer == column)
    }

    /// The work table of this name, with the domain's columns.
    fn work_table(&self, name: &TableReference) -> Option<&WorkTable> {
        self.work_tables.iter().find(|table| table.name == *name)
    }
}

/// A plan that has been computed for a domain, and its columns that say for which combination.
#[derive(Debug)]
struct Dependent {
    plan: LogicalPlan,
    /// In the order of the domain's columns.
    keys: Vec<Column>,
}

impl Binder<'_> {
    /// Joins a plan that may refer to the columns of `left`: LATERAL. `join_type` is Inner or Left; a condition of the join
    /// must be a filter of `right`.
    pub(crate) fn lateral(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        join_type: JoinType,
    ) -> Result<LogicalPlan, SqlError> {
        let outer = outer_references(&right, left.schema());
        if outer.is_empty() {
            if join_type == JoinType::Inner {
                return super::from::cross_join(left, right);
            }
            return join(left, right, Vec::new(), Some(lit(true)), join_type);
        }
        if let Some(pulled) = self.pull_up(&right, Need::Rows)? {
            let mut columns = left.schema().columns();
            columns.extend(right.schema().columns());
            let conditions = pulled
                .conditions
                .into_iter()
                .map(|condition| own_columns(condition, left.schema()))
                .collect::<Result<Vec<_>, _>>()?;
            let condition = conditions.into_iter().reduce(Expr::and);
            let joined = join(left, pulled.plan, Vec::new(), condition, join_type)?;
            return project(joined, columns.into_iter().map(Expr::Column).collect());
        }
        if let Some(computed) = computed_columns(&right) {
            let mut columns = all_columns(&left);
            for expr in computed {
                columns.push(own_columns(expr, left.schema())?);
            }
            return project(left, columns);
        }
        // The outer side is computed for the domain too, and must be the same rows.
        let source = source_of(&left, &outer);
        let (left, domain) = if is_repeatable(source)? && !is_large(source)? {
            let domain = self.domain(source, outer)?;
            (left, domain)
        } else {
            let left = self.shared_plan(left, false);
            let domain = self.domain(&left, outer)?;
            (left, domain)
        };
        let right = self.dependent(&right, &domain)?;
        let outer = domain.columns.iter().map(|(outer, _)| outer.clone()).collect::<Vec<_>>();
        let on = key_pairs(left.schema(), &outer, right.plan.schema(), &right.keys)?;
        join(left, right.plan, on, None, join_type)
    }

    fn domain(&self, left: &LogicalPlan, outer: Vec<Column>) -> Result<Domain, SqlError> {
        let columns: Vec<(Column, Column)> = outer
            .into_iter()
            .map(|column| {
                let own = self.fresh_column(&column.name);
                (column, own)
            })
            .collect();
        let exprs = columns.iter().map(|(outer, own)| Expr::Column(outer.clone()).alias(&own.name)).collect();
        let plan = LogicalPlan::Distinct(Distinct::All(Arc::new(project(left.clone(), exprs)?)));
        Ok(Domain { plan, columns, work_tables: Vec::new() })
    }

    /// The domain under names that occur nowhere else, since it may stand in a plan several times.
    fn instance(&self, domain: &Domain) -> Result<Dependent, SqlError> {
        let keys: Vec<Column> = domain.columns.iter().map(|(_, own)| self.fresh_column(&own.name)).collect();
        let exprs = domain
            .columns
            .iter()
            .zip(&keys)
            .map(|((_, own), key)| Expr::Column(own.clone()).alias(&key.name))
            .collect();
        Ok(Dependent { plan: project(domain.plan.clone(), exprs)?, keys })
    }

    /// `plan` computed for every combination in the domain: the plan's columns and then the domain's.
    #[recursive]
    fn dependent(&self, plan: &LogicalPlan, domain: &Domain) -> Result<Dependent, SqlError> {
        if !refers(plan, domain) {
            let instance = self.instance(domain)?;
            let plan = join(instance.plan, plan.clone(), Vec::new(), None, JoinType::Inner)?;
            return Ok(Dependent { plan, keys: instance.keys });
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let Dependent { plan, keys } = self.dependent(&projection.input, domain)?;
                let mut exprs = replace_all(&projection.expr, domain, &keys)?;
                exprs.extend(keys.iter().cloned().map(Expr::Column));
                Ok(Dependent { plan: project(plan, exprs)?, keys })
            }
            LogicalPlan::Filter(node) => {
                let Dependent { plan, keys } = self.dependent(&node.input, domain)?;
                let predicate = replace(&node.predicate, domain, &keys)?;
                Ok(Dependent { plan: filter(plan, predicate)?, keys })
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Dependent { plan, keys } = self.dependent(&alias.input, domain)?;
                let plan = SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone())
                    .map(LogicalPlan::SubqueryAlias)
                    .map_err(plan_error)?;
                let keys =
                    keys.into_iter().map(|key| Column::new(Some(alias.alias.clone()), key.name)).collect();
                Ok(Dependent { plan, keys })
            }
            // Every place gets a plan of its own: the domain stands in it under other names.
            LogicalPlan::Extension(extension) => match SharedPlan::of(extension) {
                Some(shared) => self.dependent(shared.input(), domain),
                None => Err(unsupported("a correlated subquery over this", None)),
            },
            LogicalPlan::Sort(sort) => {
                let Dependent { plan, keys } = self.dependent(&sort.input, domain)?;
                let mut order = sort.expr.clone();
                for key in &mut order {
                    key.expr = replace(&key.expr, domain, &keys)?;
                }
                Ok(Dependent { plan: sorted(plan, order), keys })
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let Dependent { plan, keys } = self.dependent(input, domain)?;
                Ok(Dependent { plan: LogicalPlan::Distinct(Distinct::All(Arc::new(plan))), keys })
            }
            LogicalPlan::Unnest(unnest) => {
                let Dependent { plan, keys } = self.dependent(&unnest.input, domain)?;
                let columns = unnest.exec_columns.clone();
                let plan = Unnest::try_new(Arc::new(plan), columns, unnest.options.clone())
                    .map(LogicalPlan::Unnest)
                    .map_err(plan_error)?;
                Ok(Dependent { plan, keys })
            }
            LogicalPlan::Window(window) => {
                let Dependent { plan, keys } = self.dependent(&window.input, domain)?;
                let exprs = replace_all(&window.window_expr, domain, &keys)?
                    .into_iter()
                    .map(|expr| partitioned(expr, &keys))
                    .collect::<Result<Vec<_>, _>>()?;
                let plan =
                    Window::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Window).map_err(plan_error)?;
                Ok(Dependent { plan, keys })
            }
            LogicalPlan::Aggregate(aggregate) => self.dependent_aggregate(aggregate, domain),
            LogicalPlan::Limit(limit) => self.dependent_limit(limit, domain),
            LogicalPlan::Union(union) => self.dependent_union(union, domain),
            LogicalPlan::Join(join) => self.dependent_join(join, domain),
            LogicalPlan::RecursiveQuery(query) => self.dependent_recursion(query, domain),
            LogicalPlan::TableScan(scan) if let Some(table) = domain.work_table(&scan.table_name) => {
                Ok(Dependent { plan: table.scan.clone(), keys: table.keys.clone() })
            }
            other => Err(unsupported(&format!("a correlated subquery over {}", node_name(other)), None)),
        }
    }

    fn dependent_aggregate(&self, aggregate: &Aggregate, domain: &Domain) -> Result<Dependent, SqlError> {
        let below = self.dependent(&aggregate.input, domain)?;
        if let [Expr::GroupingSet(set)] = aggregate.group_expr.as_slice() {
            return self.dependent_grouping_sets(aggregate, set, below, domain);
        }
        let Dependent { plan, keys } = below;
        let mut group = replace_all(&aggregate.group_expr, domain, &keys)?;
        let calls = replace_all(&aggregate.aggr_expr, domain, &keys)?;
        if group.is_empty() {
            return self.dependent_row(aggregate, plan, &keys, calls, domain);
        }
        group.extend(keys.iter().cloned().map(Expr::Column));
        let plan = Aggregate::try_new(Arc::new(plan), group, calls)
            .map(LogicalPlan::Aggregate)
            .map_err(plan_error)?;
        Ok(Dependent { plan, keys })
    }

    /// The one row of an aggregation without groups for each combination, also where nothing is aggregated. Of the
    /// aggregation's columns it has those of its calls.
    fn dependent_row(
        &self,
        aggregate: &Aggregate,
        below: LogicalPlan,
        keys: &[Column],
        calls: Vec<Expr>,
        domain: &Domain,
    ) -> Result<Dependent, SqlError> {
        let group = keys.iter().cloned().map(Expr::Column).collect();
        let grouped = Aggregate::try_new(Arc::new(below), group, calls)
            .map(LogicalPlan::Aggregate)
            .map_err(plan_error)?;
        let instance = self.instance(domain)?;
        let on = key_pairs(instance.plan.schema(), &instance.keys, grouped.schema(), keys)?;
        let mut exprs = Vec::new();
        let groups = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
        for (call, (qualifier, field)) in aggregate.aggr_expr.iter().zip(aggregate.schema.iter().skip(groups))
        {
            let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
            let default = default_of(call, field.data_type())?;
            exprs.push(match default {
                None => column,
                Some(value) => coalesce(vec![column, lit(value)]).alias(field.name()),
            });
        }
        exprs.extend(instance.keys.iter().cloned().map(Expr::Column));
        let joined = join(instance.plan, grouped, on, None, JoinType::Left)?;
        Ok(Dependent { plan: project(joined, exprs)?, keys: instance.keys })
    }

    /// LIMIT for each combination: by row number, in the order of the sort below.
    fn dependent_limit(&self, limit: &Limit, domain: &Domain) -> Result<Dependent, SqlError> {
        let below = |input: &Arc<LogicalPlan>| {
            Arc::new(LogicalPlan::Limit(Limit {
                skip: limit.skip.clone(),
                fetch: limit.fetch.clone(),
                input: Arc::clone(input),
            }))
        };
        let (input, order): (&LogicalPlan, _) = match limit.input.as_ref() {
            LogicalPlan::Projection(projection) => {
                let moved = Projection::try_new_with_schema(
                    projection.expr.clone(),
                    below(&projection.input),
                    Arc::clone(&projection.schema),
                )
                .map_err(plan_error)?;
                return self.dependent(&LogicalPlan::Projection(moved), domain);
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let moved =
                    SubqueryAlias::try_new(below(&alias.input), alias.alias.clone()).map_err(plan_error)?;
                return self.dependent(&LogicalPlan::SubqueryAlias(moved), domain);
            }
            LogicalPlan::Sort(Sort { expr, input, .. }) => (input, expr.clone()),
            other => (other, Vec::new()),
        };
        let columns = all_columns(input);
        let Dependent { plan, keys } = self.dependent(input, domain)?;
        let mut order = order;
        for key in &mut order {
            key.expr = replace(&key.expr, domain, &keys)?;
        }
        let number = self.fresh_column("row_number");
        let window = row_number(keys.iter().cloned().map(Expr::Column).collect(), order);
        let numbered = windowed(plan, vec![Call { expr: window, column: number.clone(), position: None }])?;
        let skip = row_count(limit.skip.as_deref())?.unwrap_or(0);
        let number = Expr::Column(number);
        let mut predicate = number.clone().gt(lit(skip));
        if let Some(fetch) = row_count(limit.fetch.as_deref())? {
            predicate = predicate.and(number.lt_eq(lit(skip.saturating_add(fetch))));
        }
        let kept = filter(numbered, predicate)?;
        let exprs = columns.into_iter().chain(keys.iter().cloned().map(Expr::Column)).collect();
        Ok(Dependent { plan: project(kept, exprs)?, keys })
    }

    fn dependent_union(&self, union: &Union, domain: &Domain) -> Result<Dependent, SqlError> {
        let keys: Vec<Column> = domain.columns.iter().map(|(_, own)| self.fresh_column(&own.name)).collect();
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            let columns = all_columns(input);
            let Dependent { plan, keys: own } = self.dependent(input, domain)?;
            let mut exprs: Vec<Expr> = columns
                .into_iter()
                .zip(union.schema.fields())
                .map(|(column, field)| column.alias(field.name()))
                .collect();
            exprs.extend(own.into_iter().zip(&keys).map(|(own, key)| Expr::Column(own).alias(&key.name)));
            inputs.push(Arc::new(project(plan, exprs)?));
        }
        let plan = Union::try_new(inputs).map(LogicalPlan::Union).map_err(plan_error)?;
        Ok(Dependent { plan, keys })
    }

    fn dependent_join(&self, node: &Join, domain: &Domain) -> Result<Dependent, SqlError> {
        let left_refers = refers(&node.left, domain);
        let right_refers = refers(&node.right, domain);
        use JoinType as J;
        let (left_needed, right_needed) = match node.join_type {
            J::Inner => (left_refers || !right_refers, right_refers),
            J::Left | J::LeftSemi | J::LeftAnti | J::LeftMark => (true, right_refers),
            J::Right | J::RightSemi | J::RightAnti | J::RightMark => (left_refers, true),
            J::Full => (true, true),
        };
        let side = |input: &Arc<LogicalPlan>, needed: bool| {
            if needed {
                self.dependent(input, domain).map(|side| (side.plan, Some(side.keys)))
            } else {
                Ok((input.as_ref().clone(), None))
            }
        };
        let (left, left_keys) = side(&node.left, left_needed)?;
        let (right, right_keys) = side(&node.right, right_needed)?;
        let from_right = matches!(node.join_type, J::Right | J::RightSemi | J::RightAnti | J::RightMark);
        let keys = match (&left_keys, &right_keys) {
            (_, Some(keys)) if from_right => keys.clone(),
            (Some(keys), _) | (None, Some(keys)) => keys.clone(),
            (None, None) => {
                return Err(SqlError::new(SqlErrorKind::Internal, "a join without domain"));
            }
        };
        let mut on = Vec::new();
        for (left_expr, right_expr) in &node.on {
            on.push((replace(left_expr, domain, &keys)?, replace(right_expr, domain, &keys)?));
        }
        if let (Some(left_keys), Some(right_keys)) = (&left_keys, &right_keys) {
            on.extend(key_pairs(left.schema(), left_keys, right.schema(), right_keys)?);
        }
        let condition = node.filter.as_ref().map(|filter| replace(filter, domain, &keys)).transpose()?;
        let full = (node.join_type == J::Full).then(|| (left_keys.clone(), right_keys.clone()));
        let plan = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            condition,
            node.join_type,
            node.join_constraint,
            node.null_equality,
            node.null_aware,
        )
        .map(LogicalPlan::Join)
        .map_err(plan_error)?;
        if let Some((Some(left_keys), Some(right_keys))) = full {
            // A row of a full join may come from either side.
            let merged: Vec<Column> = keys.iter().map(|key| self.fresh_column(&key.name)).collect();
            let mut exprs = all_columns(&plan);
            for ((left, right), key) in left_keys.into_iter().zip(right_keys).zip(&merged) {
                exprs.push(coalesce(vec![Expr::Column(left), Expr::Column(right)]).alias(&key.name));
            }
            return Ok(Dependent { plan: project(plan, exprs)?, keys: merged });
        }
        Ok(Dependent { plan, keys })
    }
}

/// The columns of a plan that computes them of nothing: one row, whatever is outside.
fn computed_columns(plan: &LogicalPlan) -> Option<Vec<Expr>> {
    let (projection, schema) = match plan {
        LogicalPlan::Projection(projection) => (projection, &projection.schema),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Projection(projection) => (projection, &alias.schema),
            _ => return None,
        },
        _ => return None,
    };
    if !matches!(projection.input.as_ref(), LogicalPlan::EmptyRelation(empty) if empty.produce_one_row)
        || projection.expr.iter().any(contains_subquery)
    {
        return None;
    }
    let named = projection
        .expr
        .iter()
        .zip(schema.iter())
        .map(|(expr, (qualifier, field))| {
            expr.clone().unalias().alias_qualified(qualifier.cloned(), field.name())
        })
        .collect();
    Some(named)
}

fn contains_subquery(expr: &Expr) -> bool {
    // The closure does not fail.
    expr.exists(|node| {
        Ok(matches!(
            node,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
        ))
    })
    .unwrap_or(true)
}

/// The part of a plan that has all combinations of these columns: what only adds columns to rows is left out. (The outer
/// side of each subquery of a list has those before it: with all of that in every domain, a plan would double each time.)
fn source_of<'p>(plan: &'p LogicalPlan, columns: &[Column]) -> &'p LogicalPlan {
    let has_all = |plan: &LogicalPlan| columns.iter().all(|column| plan.schema().has_column(column));
    let mut source = plan;
    loop {
        let below = match source {
            LogicalPlan::Join(join) if join.join_type == JoinType::Left => &join.left,
            LogicalPlan::Window(window) => &window.input,
            LogicalPlan::Projection(projection)
                if columns.iter().all(|column| {
                    projection.expr.iter().any(|expr| matches!(expr, Expr::Column(own) if own == column))
                }) =>
            {
                &projection.input
            }
            _ => return source,
        };
        if !has_all(below) {
            return source;
        }
        source = below;
    }
}

/// Whether a plan is too large to have it twice: where each of many subqueries does so, that would have no end.
fn is_large(plan: &LogicalPlan) -> Result<bool, SqlError> {
    let mut nodes = 0_usize;
    plan.apply(|node| {
        nodes += 1;
        Ok(match node {
            _ if nodes > NODES_MAX => TreeNodeRecursion::Stop,
            LogicalPlan::Extension(_) => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    })
    .map_err(plan_error)?;
    Ok(nodes > NODES_MAX)
}

/// Whether a plan gives the same rows whenever it is computed: not if it takes some rows of many, or numbers them.
fn is_repeatable(plan: &LogicalPlan) -> Result<bool, SqlError> {
    let by_number = plan
        .exists(|node| Ok(matches!(node, LogicalPlan::Limit(_) | LogicalPlan::Window(_))))
        .map_err(plan_error)?;
    Ok(!by_number && !is_volatile(plan)?)
}

/// Pairs of expressions that are equal when the keys are, nulls included, and that are never null themselves.
///
/// A join with `NullEqualsNull` would be shorter, but DataFusion may move an ordinary equality into its keys later (it
/// pushes filters into inner joins and turns their equalities into keys), which then would find nulls equal too.
fn key_pairs(
    left_schema: &DFSchema,
    left: &[Column],
    right_schema: &DFSchema,
    right: &[Column],
) -> Result<Vec<(Expr, Expr)>, SqlError> {
    let mut pairs = Vec::new();
    for (left, right) in left.iter().zip(right) {
        let left_field = left_schema.field_from_column(left).map_err(plan_error)?;
        let right_field = right_schema.field_from_column(right).map_err(plan_error)?;
        let (left, right) = (Expr::Column(left.clone()), Expr::Column(right.clone()));
        if !left_field.is_nullable() && !right_field.is_nullable() {
            pairs.push((left, right));
            continue;
        }
        let filler = filler(left_field.data_type())?;
        let filled = |expr: &Expr| coalesce(vec![expr.clone(), lit(filler.clone())]);
        pairs.push((filled(&left), filled(&right)));
        pairs.push((Expr::IsNull(Box::new(left)), Expr::IsNull(Box::new(right))));
    }
    Ok(pairs)
}

/// Any value of a type: it stands for null in a key.
fn filler(data_type: &DataType) -> Result<ScalarValue, SqlError> {
    ScalarValue::new_default(data_type).map_err(plan_error)
}

pub(super) fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    on: Vec<(Expr, Expr)>,
    filter: Option<Expr>,
    join_type: JoinType,
) -> Result<LogicalPlan, SqlError> {
    Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        filter,
        join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )
    .map(LogicalPlan::Join)
    .map_err(plan_error)
}

/// The columns of `schema` that a plan refers to as outer columns, each once.
pub(crate) fn outer_references(plan: &LogicalPlan, schema: &DFSchema) -> Vec<Column> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    visit_outer_references(plan, &mut |column| {
        if schema.has_column(column) && seen.insert(column.clone()) {
            found.push(column.clone());
        }
        TreeNodeRecursion::Continue
    });
    found
}

/// Whether a plan refers to any outer column.
pub(crate) fn is_correlated(plan: &LogicalPlan) -> bool {
    let mut correlated = false;
    visit_outer_references(plan, &mut |_| {
        correlated = true;
        TreeNodeRecursion::Stop
    });
    correlated
}

fn refers(plan: &LogicalPlan, domain: &Domain) -> bool {
    // The closure does not fail.
    let mut refers = !domain.work_tables.is_empty()
        && plan
            .exists(|node| {
                Ok(matches!(node, LogicalPlan::TableScan(scan) if domain.work_table(&scan.table_name).is_some()))
            })
            .unwrap_or(false);
    visit_outer_references(plan, &mut |column| {
        if domain.names(column) {
            refers = true;
            return TreeNodeRecursion::Stop;
        }
        TreeNodeRecursion::Continue
    });
    refers
}

/// Calls `visit` for every outer reference of a plan: those of the subqueries in its expressions included, unless they
/// refer to the plan itself.
pub(crate) fn visit_outer_references(
    plan: &LogicalPlan,
    visit: &mut dyn FnMut(&Column) -> TreeNodeRecursion,
) {
    // No closure fails.
    let _visited = plan.apply(|node| {
        let mut next = TreeNodeRecursion::Continue;
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                match part {
                    Expr::OuterReferenceColumn(_, column) => next = visit(column),
                    Expr::ScalarSubquery(subquery)
                    | Expr::Exists(Exists { subquery, .. })
                    | Expr::InSubquery(InSubquery { subquery, .. }) => {
                        visit_outer_references(&subquery.subquery, &mut |column| {
                            if node.inputs().iter().any(|input| input.schema().has_column(column)) {
                                return TreeNodeRecursion::Continue;
                            }
                            next = visit(column);
                            next
                        });
                    }
                    _ => {}
                }
                Ok(next)
            })
        })?;
        Ok(next)
    });
}

/// The expression with the domain's outer columns replaced by the keys.
fn replace(expr: &Expr, domain: &Domain, keys: &[Column]) -> Result<Expr, SqlError> {
    let transformed = expr.clone().transform(|node| {
        if let Expr::OuterReferenceColumn(_, column) = &node
            && let Some(index) = domain.columns.iter().position(|(outer, _)| outer == column)
            && let Some(key) = keys.get(index)
        {
            return Ok(Transformed::yes(Expr::Column(key.clone())));
        }
        Ok(Transformed::no(node))
    });
    transformed.map(|result| result.data).map_err(plan_error)
}

fn replace_all(exprs: &[Expr], domain: &Domain, keys: &[Column]) -> Result<Vec<Expr>, SqlError> {
    exprs.iter().map(|expr| replace(expr, domain, keys)).collect()
}

/// A window expression with the keys added to its partitioning.
fn partitioned(expr: Expr, keys: &[Column]) -> Result<Expr, SqlError> {
    let transformed = expr.transform(|node| match node {
        Expr::WindowFunction(mut window) => {
            window.params.partition_by.extend(keys.iter().cloned().map(Expr::Column));
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        other => Ok(Transformed::no(other)),
    });
    transformed.map(|result| result.data).map_err(plan_error)
}

/// What an aggregate gives for no rows, if that is not null.
pub(super) fn default_of(call: &Expr, data_type: &DataType) -> Result<Option<ScalarValue>, SqlError> {
    let mut inner = call;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    let Expr::AggregateFunction(function) = inner else { return Ok(None) };
    let value = function.func.default_value(data_type).map_err(plan_error)?;
    Ok((!value.is_null()).then_some(value))
}

fn row_count(expr: Option<&Expr>) -> Result<Option<u64>, SqlError> {
    match expr {
        None => Ok(None),
        Some(Expr::Literal(ScalarValue::Int64(rows), _)) => Ok(rows.map(i64::unsigned_abs)),
        Some(_) => Err(SqlError::new(SqlErrorKind::Internal, "a limit that is no constant")),
    }
}

fn node_name(plan: &LogicalPlan) -> String {
    let shown = plan.display().to_string();
    shown.split([':', ' ']).next().unwrap_or_default().to_lowercase()
}

/// Whether a predicate has an outer column.
pub(crate) fn has_outer(expr: &Expr) -> bool {
    expr.contains_outer()
}

/// The filter at the top of a plan, for those who look at what is below.
pub(crate) fn as_filter(plan: &LogicalPlan) -> Option<&Filter> {
    match plan {
        LogicalPlan::Filter(filter) => Some(filter),
        _ => None,
    }
}

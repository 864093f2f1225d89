//! TPC-H's queries as plain DataFusion plans them, for a comparison. Its SQL front end is no part of the server, so what
//! that makes of these queries is made here: integers are `Int64`, `0.06` is a `Float64`, a date is a cast of text, a
//! list of tables is cross joins, and all the rest is its optimizer's. Only what the 22 queries use is understood.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{compute::kernels::cast_utils::parse_interval_month_day_nano, datatypes::DataType};
use datafusion::{
    catalog::TableProvider,
    common::{
        Column, ScalarValue,
        tree_node::{Transformed, TransformedResult as _, TreeNode as _},
    },
    datasource::provider_as_source,
    functions::{datetime::expr_fn::date_part, unicode::expr_fn::substring},
    functions_aggregate::{
        count::count_all,
        expr_fn::{avg, count, count_distinct, max, min, sum},
    },
    logical_expr::{
        Case, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, cast, exists,
        expr::Sort, in_list, in_subquery, lit, not, not_exists, not_in_subquery, scalar_subquery,
        utils::find_aggregate_exprs,
    },
};
use sqlparser::ast;

use crate::warehouse::Outcome;

/// Tables by name.
pub(crate) type Tables = BTreeMap<&'static str, Arc<dyn TableProvider>>;

/// What a name of a table may mean in a query, and what the columns of the queries around it are.
#[derive(Clone)]
struct Scope<'a> {
    tables: &'a Tables,
    with: BTreeMap<String, LogicalPlan>,
    outer: Vec<LogicalPlan>,
}

/// The logical plan of a query, not optimised.
pub(crate) fn plan(query: &ast::Query, tables: &Tables) -> Outcome<LogicalPlan> {
    Scope { tables, with: BTreeMap::new(), outer: Vec::new() }.query(query)
}

impl Scope<'_> {
    fn query(&self, query: &ast::Query) -> Outcome<LogicalPlan> {
        let mut scope = self.clone();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let plan = aliased(scope.query(&table.query)?, &table.alias)?;
            scope.with.insert(table.alias.name.value.clone(), plan);
        }
        let ast::SetExpr::Select(select) = query.body.as_ref() else { return unknown(&query.body) };
        let mut plan = LogicalPlanBuilder::from(scope.select(select)?);
        if let Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(keys), .. }) = &query.order_by {
            let keys = keys.iter().map(|key| {
                let ascending = key.options.asc.unwrap_or(true);
                Ok(Sort::new(scope.expr(&key.expr, plan.plan())?, ascending, !ascending))
            });
            let keys = keys.collect::<Outcome<Vec<_>>>()?;
            plan = plan.sort(keys)?;
        }
        if let Some(ast::LimitClause::LimitOffset { limit: Some(limit), .. }) = &query.limit_clause {
            plan = plan.limit(0, Some(limit.to_string().parse()?))?;
        }
        Ok(plan.build()?)
    }

    fn select(&self, select: &ast::Select) -> Outcome<LogicalPlan> {
        let mut from: Option<LogicalPlanBuilder> = None;
        for item in &select.from {
            let mut plan = LogicalPlanBuilder::from(self.table(&item.relation)?);
            for join in &item.joins {
                let (ast::JoinOperator::LeftOuter(on) | ast::JoinOperator::Left(on)) = &join.join_operator
                else {
                    return unknown(&join.relation);
                };
                let ast::JoinConstraint::On(condition) = on else { return unknown(&join.relation) };
                let right = self.table(&join.relation)?;
                let both = plan.clone().cross_join(right.clone())?.build()?;
                plan = plan.join_on(right, JoinType::Left, [self.expr(condition, &both)?])?;
            }
            from = Some(match from {
                None => plan,
                Some(before) => before.cross_join(plan.build()?)?,
            });
        }
        let mut plan = from.ok_or("no table")?;
        if let Some(condition) = &select.selection {
            let condition = self.expr(condition, plan.plan())?;
            plan = plan.filter(condition)?;
        }
        let base = plan.plan().clone();
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                ast::SelectItem::UnnamedExpr(expr) => columns.push(self.expr(expr, &base)?),
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push(self.expr(expr, &base)?.alias(alias.value.clone()));
                }
                _ => columns.extend(base.schema().columns().into_iter().map(Expr::Column)),
            }
        }
        let having = select.having.as_ref().map(|having| self.expr(having, &base)).transpose()?;
        let ast::GroupByExpr::Expressions(groups, _) = &select.group_by else { return unknown(select) };
        let groups =
            groups.iter().map(|expr| self.group(expr, &base, &columns)).collect::<Outcome<Vec<_>>>()?;
        let aggregates = find_aggregate_exprs(columns.iter().chain(&having));
        if groups.is_empty() && aggregates.is_empty() {
            return Ok(plan.project(columns)?.build()?);
        }
        let plan = plan.aggregate(groups.clone(), aggregates.clone())?.build()?;
        // What was computed is read from the aggregation.
        let computed: Vec<Expr> = groups.into_iter().chain(aggregates).collect();
        let read = |expr: Expr| {
            expr.transform_down(|expr| match computed.iter().position(|known| *known == expr) {
                Some(index) => Ok(Transformed::yes(Expr::Column(plan.schema().columns()[index].clone()))),
                None => Ok(Transformed::no(expr)),
            })
            .data()
        };
        let columns = columns.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut above = LogicalPlanBuilder::from(plan.clone());
        if let Some(having) = having {
            above = above.filter(read(having)?)?;
        }
        Ok(above.project(columns)?.build()?)
    }

    /// A group's expression, which may be the name of an output column.
    fn group(&self, expr: &ast::Expr, base: &LogicalPlan, columns: &[Expr]) -> Outcome<Expr> {
        match self.expr(expr, base) {
            Ok(expr) => Ok(expr),
            Err(error) => {
                let name = expr.to_string();
                let named = columns.iter().find_map(|column| match column {
                    Expr::Alias(alias) if alias.name == name => Some(alias.expr.as_ref().clone()),
                    _ => None,
                });
                named.ok_or(error)
            }
        }
    }

    fn table(&self, table: &ast::TableFactor) -> Outcome<LogicalPlan> {
        match table {
            ast::TableFactor::Table { name, alias, .. } => {
                let name = name.to_string();
                let plan = match (self.with.get(&name), self.tables.get(name.as_str())) {
                    (Some(plan), _) => plan.clone(),
                    (None, Some(provider)) => {
                        let source = provider_as_source(Arc::clone(provider));
                        LogicalPlanBuilder::scan(name, source, None)?.build()?
                    }
                    (None, None) => return unknown(table),
                };
                alias.as_ref().map_or_else(|| Ok(plan.clone()), |alias| aliased(plan.clone(), alias))
            }
            ast::TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                aliased(self.query(subquery)?, alias)
            }
            _ => unknown(table),
        }
    }

    fn subquery(&self, query: &ast::Query, input: &LogicalPlan) -> Outcome<Arc<LogicalPlan>> {
        let mut scope = self.clone();
        scope.outer.push(input.clone());
        Ok(Arc::new(scope.query(query)?))
    }

    fn column(&self, column: &Column, input: &LogicalPlan) -> Outcome<Expr> {
        let find = |plan: &LogicalPlan| {
            match &column.relation {
                Some(relation) => plan.schema().qualified_field_with_name(Some(relation), &column.name).ok(),
                None => plan.schema().qualified_field_with_unqualified_name(&column.name).ok(),
            }
            .map(|(relation, field)| (Column::new(relation.cloned(), field.name()), Arc::clone(field)))
        };
        if let Some((column, _)) = find(input) {
            return Ok(Expr::Column(column));
        }
        match self.outer.iter().rev().find_map(find) {
            Some((column, field)) => Ok(Expr::OuterReferenceColumn(field, column)),
            None => unknown(column),
        }
    }

    fn expr(&self, expr: &ast::Expr, input: &LogicalPlan) -> Outcome<Expr> {
        let of = |expr: &ast::Expr| self.expr(expr, input);
        Ok(match expr {
            ast::Expr::Identifier(name) => self.column(&Column::from_name(&name.value), input)?,
            ast::Expr::CompoundIdentifier(names) => match names.as_slice() {
                [relation, name] => {
                    self.column(&Column::new(Some(relation.value.as_str()), &name.value), input)?
                }
                _ => return unknown(expr),
            },
            ast::Expr::Value(value) => match &value.value {
                ast::Value::Number(number, _) => match number.parse::<i64>() {
                    Ok(number) => lit(number),
                    Err(_) => lit(number.parse::<f64>()?),
                },
                ast::Value::SingleQuotedString(text) => lit(text.as_str()),
                _ => return unknown(expr),
            },
            ast::Expr::TypedString(typed) => match &typed.value.value {
                ast::Value::SingleQuotedString(text) => cast(lit(text.as_str()), DataType::Date32),
                _ => return unknown(expr),
            },
            ast::Expr::Interval(interval) => {
                let unit = interval.leading_field.as_ref().ok_or("an interval without a unit")?;
                let ast::Expr::Value(value) = interval.value.as_ref() else { return unknown(expr) };
                let ast::Value::SingleQuotedString(number) = &value.value else { return unknown(expr) };
                let value = parse_interval_month_day_nano(&format!("{number} {unit}"))?;
                lit(ScalarValue::IntervalMonthDayNano(Some(value)))
            }
            ast::Expr::Nested(inner) => of(inner)?,
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => match of(expr)? {
                Expr::Exists(known) if !known.negated => not_exists(known.subquery.subquery),
                other => not(other),
            },
            ast::Expr::BinaryOp { left, op, right } => {
                let op = match op {
                    ast::BinaryOperator::Plus => Operator::Plus,
                    ast::BinaryOperator::Minus => Operator::Minus,
                    ast::BinaryOperator::Multiply => Operator::Multiply,
                    ast::BinaryOperator::Divide => Operator::Divide,
                    ast::BinaryOperator::Eq => Operator::Eq,
                    ast::BinaryOperator::NotEq => Operator::NotEq,
                    ast::BinaryOperator::Lt => Operator::Lt,
                    ast::BinaryOperator::LtEq => Operator::LtEq,
                    ast::BinaryOperator::Gt => Operator::Gt,
                    ast::BinaryOperator::GtEq => Operator::GtEq,
                    ast::BinaryOperator::And => Operator::And,
                    ast::BinaryOperator::Or => Operator::Or,
                    _ => return unknown(expr),
                };
                binary_expr(of(left)?, op, of(right)?)
            }
            ast::Expr::Between { expr, negated: false, low, high } => of(expr)?.between(of(low)?, of(high)?),
            ast::Expr::InList { expr, list, negated } => {
                in_list(of(expr)?, list.iter().map(of).collect::<Outcome<_>>()?, *negated)
            }
            ast::Expr::Like { negated, expr, pattern, .. } => {
                let (expr, pattern) = (of(expr)?, of(pattern)?);
                if *negated { expr.not_like(pattern) } else { expr.like(pattern) }
            }
            ast::Expr::Case { operand: None, conditions, else_result, .. } => Expr::Case(Case {
                expr: None,
                when_then_expr: conditions
                    .iter()
                    .map(|when| Ok((Box::new(of(&when.condition)?), Box::new(of(&when.result)?))))
                    .collect::<Outcome<_>>()?,
                else_expr: else_result.as_ref().map(|expr| of(expr).map(Box::new)).transpose()?,
            }),
            ast::Expr::Extract { field, expr, .. } => date_part(lit(field.to_string()), of(expr)?),
            ast::Expr::Substring { expr, substring_from: Some(from), substring_for: Some(count), .. } => {
                substring(of(expr)?, of(from)?, of(count)?)
            }
            ast::Expr::Subquery(query) => scalar_subquery(self.subquery(query, input)?),
            ast::Expr::InSubquery { expr, subquery, negated } => {
                let subquery = self.subquery(subquery, input)?;
                if *negated { not_in_subquery(of(expr)?, subquery) } else { in_subquery(of(expr)?, subquery) }
            }
            ast::Expr::Exists { subquery, negated } => {
                let subquery = self.subquery(subquery, input)?;
                if *negated { not_exists(subquery) } else { exists(subquery) }
            }
            ast::Expr::Function(function) => return self.function(function, input),
            _ => return unknown(expr),
        })
    }

    fn function(&self, function: &ast::Function, input: &LogicalPlan) -> Outcome<Expr> {
        let ast::FunctionArguments::List(list) = &function.args else { return unknown(function) };
        let [ast::FunctionArg::Unnamed(argument)] = list.args.as_slice() else { return unknown(function) };
        let distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        let argument = match argument {
            ast::FunctionArgExpr::Expr(expr) => self.expr(expr, input)?,
            _ => return Ok(count_all()),
        };
        Ok(match (function.name.to_string().as_str(), distinct) {
            ("count", true) => count_distinct(argument),
            ("count", false) => count(argument),
            ("sum", false) => sum(argument),
            ("avg", false) => avg(argument),
            ("min", false) => min(argument),
            ("max", false) => max(argument),
            _ => return unknown(function),
        })
    }
}

fn aliased(plan: LogicalPlan, alias: &ast::TableAlias) -> Outcome<LogicalPlan> {
    let mut plan = LogicalPlanBuilder::from(plan);
    if !alias.columns.is_empty() {
        let columns = plan.schema().columns().into_iter().zip(&alias.columns);
        let named: Vec<Expr> =
            columns.map(|(column, name)| Expr::Column(column).alias(name.name.value.clone())).collect();
        plan = plan.project(named)?;
    }
    Ok(plan.alias(alias.name.value.clone())?.build()?)
}

fn unknown<T>(what: &(impl std::fmt::Debug + ?Sized)) -> Outcome<T> {
    Err(format!("not understood: {what:?}").into())
}

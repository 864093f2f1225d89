//! Whether each row of a query is made of the rows of one administration alone, so that its administration says who may
//! see the whole of it. This looks at the bound plan's form and knows nothing of values: what it is not sure of is not so.
//!
//! One scan of the table is one administration's row each. What brings several rows together keeps administrations apart
//! if the administration column is among what it groups or partitions by. A second scan of the table (a self-join, a
//! subquery) may bring another administration's row to it, and a view in others' rights or a recursion any.

use datafusion::{
    common::{Column, tree_node::TreeNodeRecursion},
    logical_expr::{Expr, LogicalPlan},
};
use lis_lake::ids::Oid;

use crate::requirements::{Source, source};

/// The administration column of a table, as plans name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdministrationColumn<'a> {
    /// The table.
    pub(crate) table: Oid,
    /// The column's name.
    pub(crate) name: &'a str,
}

impl AdministrationColumn<'_> {
    /// Whether no row of a query has values of two administrations.
    pub(crate) fn keeps_rows_apart(self, plan: &LogicalPlan) -> bool {
        let (mut scans, mut apart) = (0, true);
        let walked = plan.apply_with_subqueries(|node| {
            match node {
                LogicalPlan::TableScan(scan) => match source(scan) {
                    Ok(Source::Table(table, _) | Source::Target(table, _)) => {
                        scans += usize::from(table.id.oid() == self.table);
                    }
                    Ok(Source::Own) => {}
                    Ok(Source::View(_)) | Err(_) => apart = false,
                },
                LogicalPlan::RecursiveQuery(_) => apart = false,
                LogicalPlan::Aggregate(aggregate) if self.is_read(&aggregate.input) => {
                    apart &= self.is_among(&aggregate.group_expr, &aggregate.input);
                }
                LogicalPlan::Window(window) if self.is_read(&window.input) => {
                    apart &= window.window_expr.iter().all(|expr| match expr.clone().unalias_nested().data {
                        Expr::WindowFunction(call) => self.is_among(&call.params.partition_by, &window.input),
                        _ => false,
                    });
                }
                _ => {}
            }
            Ok(if apart { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        walked.is_ok() && apart && scans == 1
    }

    /// Whether a plan or a subquery of it reads the table.
    fn is_read(self, plan: &LogicalPlan) -> bool {
        let found = |node: &LogicalPlan| match node {
            LogicalPlan::TableScan(scan) => match source(scan) {
                Ok(Source::Own) => false,
                Ok(Source::Table(table, _)) => table.id.oid() == self.table,
                _ => true,
            },
            _ => false,
        };
        let mut read = false;
        let walked = plan.apply_with_subqueries(|node| {
            read |= found(node);
            Ok(if read { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        read || walked.is_err()
    }

    fn is_among(self, exprs: &[Expr], input: &LogicalPlan) -> bool {
        exprs.iter().any(|expr| self.is_it(expr, input))
    }

    /// Whether an expression over a plan's rows is the column and nothing else.
    fn is_it(self, expr: &Expr, input: &LogicalPlan) -> bool {
        match expr {
            Expr::Alias(alias) => self.is_it(&alias.expr, input),
            Expr::Column(column) => self.comes_through(column, input),
            _ => false,
        }
    }

    /// Whether a column of a plan is the administration column.
    fn comes_through(self, column: &Column, plan: &LogicalPlan) -> bool {
        let Ok(index) = plan.schema().index_of_column(column) else { return false };
        let below = |input: &LogicalPlan| {
            let (qualifier, field) = input.schema().qualified_field(index);
            self.comes_through(&Column::new(qualifier.cloned(), field.name()), input)
        };
        match plan {
            LogicalPlan::TableScan(scan) => {
                column.name == self.name
                    && matches!(source(scan), Ok(Source::Table(table, _)) if table.id.oid() == self.table)
            }
            LogicalPlan::Projection(projection) => {
                projection.expr.get(index).is_some_and(|expr| self.is_it(expr, &projection.input))
            }
            LogicalPlan::Aggregate(aggregate) => {
                aggregate.group_expr.get(index).is_some_and(|expr| self.is_it(expr, &aggregate.input))
            }
            LogicalPlan::SubqueryAlias(alias) => below(&alias.input),
            LogicalPlan::Filter(filter) => self.comes_through(column, &filter.input),
            LogicalPlan::Sort(sort) => self.comes_through(column, &sort.input),
            LogicalPlan::Limit(limit) => self.comes_through(column, &limit.input),
            LogicalPlan::Window(window) => self.comes_through(column, &window.input),
            LogicalPlan::Join(join) => {
                [&join.left, &join.right].into_iter().any(|side| self.comes_through(column, side))
            }
            _ => false,
        }
    }
}

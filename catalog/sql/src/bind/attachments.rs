//! What subqueries become when the engine cannot plan them where they stand: columns of the plan under the expression.
//! An expression notes an [`Attachment`] while it is bound and uses its columns; [`Binder::attached`] joins what was noted
//! to the plan before the expression is evaluated.
//!
//! The cheapest kind that fits is chosen by `subqueries`: a mark join for EXISTS and quantifiers, groups for values that
//! equalities relate to the outside, and only then a dependent join (`decorrelate`).

use std::{cell::RefCell, collections::HashSet, sync::Arc};

use datafusion::{
    common::{
        Column, DFSchema, TableReference,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, JoinType, LogicalPlan, SubqueryAlias, lit},
};

use super::{
    Binder, all_columns,
    decorrelate::{join, visit_outer_references},
    plan_error, project,
};
use crate::error::SqlError;

/// Something that is joined to a plan so that expressions over the plan can use its columns.
#[derive(Debug, Clone)]
pub(crate) enum Attachment {
    /// An expression over the outer plan that a later attachment refers to by this column.
    Operand {
        /// The expression.
        expr: Expr,
        /// Its column.
        column: Column,
    },
    /// A subquery of one column and at most one row for each outer row. The column's name is what expressions refer to.
    Value {
        /// The subquery.
        query: LogicalPlan,
    },
    /// The different values of a column, of which the operand is one or none.
    Match {
        /// The outer column.
        operand: Column,
        /// The values, each once.
        query: LogicalPlan,
        /// The values' column.
        key: Column,
    },
    /// Rows that are found by equalities, at most one for each outer row.
    Groups {
        /// The rows, without outer references.
        query: LogicalPlan,
        /// Expressions in which the outside is seen as outer references, and the columns that they equal.
        on: Vec<(Expr, Expr)>,
    },
    /// Whether the query has a row for which the condition holds.
    Mark {
        /// The rows, without outer references.
        query: LogicalPlan,
        /// Over the query's columns and, as outer references, the outer plan's.
        condition: Expr,
        /// The answer's column: never null.
        mark: Column,
    },
}

impl Attachment {
    /// Calls `visit` for every outer reference.
    pub(crate) fn visit_outer_references(&self, visit: &mut dyn FnMut(&Column) -> TreeNodeRecursion) {
        let mut in_expr = |expr: &Expr| {
            // The closure does not fail.
            let _visited = expr.apply(|part| {
                Ok(match part {
                    Expr::OuterReferenceColumn(_, column) => visit(column),
                    _ => TreeNodeRecursion::Continue,
                })
            });
        };
        match self {
            Self::Operand { expr, .. } => in_expr(expr),
            Self::Mark { condition, .. } => in_expr(condition),
            Self::Groups { on, .. } => on.iter().for_each(|(outer, _)| in_expr(outer)),
            Self::Value { .. } | Self::Match { .. } => {}
        }
        match self {
            Self::Operand { .. } => {}
            Self::Value { query }
            | Self::Match { query, .. }
            | Self::Groups { query, .. }
            | Self::Mark { query, .. } => visit_outer_references(query, visit),
        }
    }

    /// The columns that it adds to the plan.
    fn columns(&self) -> Vec<Column> {
        match self {
            Self::Operand { column, .. } => vec![column.clone()],
            Self::Value { query } | Self::Match { query, .. } | Self::Groups { query, .. } => {
                query.schema().columns()
            }
            Self::Mark { mark, .. } => vec![mark.clone()],
        }
    }
}

/// The subqueries to be joined to a plan before the expressions over it are evaluated.
#[derive(Debug, Default)]
pub(crate) struct Attachments(RefCell<Vec<Attachment>>);

impl Attachments {
    pub(crate) fn push(&self, attachment: Attachment) {
        self.0.borrow_mut().push(attachment);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Calls `visit` for each column that those from `begin` on refer to: of the plan that they are joined to, or outside.
    pub(crate) fn visit_since(&self, begin: usize, visit: &dyn Fn(&Column)) {
        for attachment in self.0.borrow().iter().skip(begin) {
            match attachment {
                Attachment::Operand { expr, .. } => expr.column_refs().into_iter().for_each(visit),
                Attachment::Match { operand, .. } => visit(operand),
                _ => {}
            }
            attachment.visit_outer_references(&mut |column| {
                visit(column);
                TreeNodeRecursion::Continue
            });
        }
    }

    /// Forgets those from `begin` on.
    pub(crate) fn truncate(&self, begin: usize) {
        self.0.borrow_mut().truncate(begin);
    }

    /// Moves those from `begin` on to another list.
    pub(crate) fn move_to(&self, other: &Attachments, begin: usize) {
        let mut own = self.0.borrow_mut();
        if begin < own.len() {
            other.0.borrow_mut().extend(own.drain(begin..));
        }
    }

    pub(crate) fn map(
        &self,
        mut change: impl FnMut(Attachment) -> Result<Attachment, SqlError>,
    ) -> Result<(), SqlError> {
        let taken = self.0.take();
        let changed = taken.into_iter().map(&mut change).collect::<Result<Vec<_>, _>>()?;
        self.0.replace(changed);
        Ok(())
    }

    /// Moves to another list what `exprs` need of this one.
    pub(crate) fn move_needed(&self, other: &Attachments, exprs: &[Expr]) {
        let mut needed: HashSet<Column> = exprs.iter().flat_map(Expr::column_refs).cloned().collect();
        let (mut moved, mut kept) = (Vec::new(), Vec::new());
        for attachment in self.0.take().into_iter().rev() {
            if attachment.columns().iter().any(|column| needed.contains(column)) {
                attachment.visit_outer_references(&mut |column| {
                    needed.insert(column.clone());
                    TreeNodeRecursion::Continue
                });
                moved.push(attachment);
            } else {
                kept.push(attachment);
            }
        }
        kept.reverse();
        moved.reverse();
        self.0.replace(kept);
        other.0.borrow_mut().extend(moved);
    }

    /// Those that refer to the one side of a join (or to neither), and those that refer to the other. `None` if one refers
    /// to both.
    pub(crate) fn by_side(&self, left: &DFSchema, right: &DFSchema) -> Option<(Self, Self)> {
        let (to_left, to_right) = (Self::default(), Self::default());
        for attachment in self.0.borrow().iter().cloned() {
            let mut needed: HashSet<Column> = HashSet::new();
            attachment.visit_outer_references(&mut |column| {
                needed.insert(column.clone());
                TreeNodeRecursion::Continue
            });
            match &attachment {
                Attachment::Operand { expr, .. } => needed.extend(expr.column_refs().into_iter().cloned()),
                Attachment::Match { operand, .. } => {
                    needed.insert(operand.clone());
                }
                _ => {}
            }
            let refers = |schema: &DFSchema, attached: &Self| {
                let attached: Vec<Column> =
                    attached.0.borrow().iter().flat_map(Attachment::columns).collect();
                needed.iter().any(|column| schema.has_column(column) || attached.contains(column))
            };
            match (refers(left, &to_left), refers(right, &to_right)) {
                (true, true) => return None,
                (false, true) => to_right.push(attachment),
                _ => to_left.push(attachment),
            }
        }
        Some((to_left, to_right))
    }

    /// Those of `predicates` that need nothing attached, and those that do. The first kind is better evaluated before the
    /// joining: there are fewer rows then, and a subquery is not computed for rows that are thrown away.
    pub(crate) fn apart(&self, predicates: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
        let columns: Vec<Column> = self.0.borrow().iter().flat_map(Attachment::columns).collect();
        predicates.into_iter().partition(|predicate| {
            !predicate.is_volatile() && !predicate.column_refs().iter().any(|column| columns.contains(column))
        })
    }
}

impl Binder<'_> {
    /// The plan with its subqueries joined to it: a column more for each.
    pub(crate) fn attached(
        &self,
        plan: LogicalPlan,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        let mut plan = plan;
        for attachment in attachments.0.borrow().iter() {
            plan = match attachment {
                Attachment::Operand { expr, column } => {
                    let mut exprs = all_columns(&plan);
                    exprs.push(expr.clone().alias(&column.name));
                    project(plan, exprs)?
                }
                Attachment::Value { query } => self.lateral(plan, query.clone(), JoinType::Left)?,
                Attachment::Match { operand, query, key } => {
                    let on = vec![(Expr::Column(operand.clone()), Expr::Column(key.clone()))];
                    join(plan, query.clone(), on, None, JoinType::Left)?
                }
                Attachment::Groups { query, on } => {
                    let on = on
                        .iter()
                        .map(|(outer, key)| Ok((own_columns(outer.clone(), plan.schema())?, key.clone())))
                        .collect::<Result<_, SqlError>>()?;
                    join(plan, query.clone(), on, None, JoinType::Left)?
                }
                Attachment::Mark { query, condition, mark } => self.marked(plan, query, condition, mark)?,
            };
        }
        Ok(plan)
    }

    fn marked(
        &self,
        plan: LogicalPlan,
        query: &LogicalPlan,
        condition: &Expr,
        mark: &Column,
    ) -> Result<LogicalPlan, SqlError> {
        // The engine names a mark after the relation at the right, so the right side gets one name.
        let alias = TableReference::bare(self.fresh("mark"));
        let mut names: Vec<(Column, Column)> = Vec::new();
        for column in condition.column_refs() {
            if query.schema().has_column(column) && !names.iter().any(|(known, _)| known == column) {
                names.push((column.clone(), Column::new(Some(alias.clone()), self.fresh(&column.name))));
            }
        }
        names.sort();
        let mut exprs: Vec<Expr> =
            names.iter().map(|(column, renamed)| Expr::Column(column.clone()).alias(&renamed.name)).collect();
        if exprs.is_empty() {
            exprs.push(lit(true).alias(self.fresh("row")));
        }
        let right = SubqueryAlias::try_new(Arc::new(project(query.clone(), exprs)?), alias.clone())
            .map(LogicalPlan::SubqueryAlias)
            .map_err(plan_error)?;
        let condition = own_columns(condition.clone(), plan.schema())?
            .transform(|node| {
                Ok(match node {
                    Expr::Column(column) => match names.iter().find(|(known, _)| *known == column) {
                        Some((_, renamed)) => Transformed::yes(Expr::Column(renamed.clone())),
                        None => Transformed::no(Expr::Column(column)),
                    },
                    other => Transformed::no(other),
                })
            })
            .map(|transformed| transformed.data)
            .map_err(plan_error)?;
        let mut exprs = all_columns(&plan);
        exprs.push(Expr::Column(Column::new(Some(alias), "mark")).alias(&mark.name));
        let joined = join(plan, right, Vec::new(), Some(condition), JoinType::LeftMark)?;
        project(joined, exprs)
    }
}

/// An expression with the outer references to columns of `schema` made columns.
pub(crate) fn own_columns(expr: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    expr.transform(|node| {
        Ok(match node {
            Expr::OuterReferenceColumn(_, column) if schema.has_column(&column) => {
                Transformed::yes(Expr::Column(column))
            }
            other => Transformed::no(other),
        })
    })
    .map(|transformed| transformed.data)
    .map_err(plan_error)
}

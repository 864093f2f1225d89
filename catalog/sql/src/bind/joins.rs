//! JOIN: ON, USING, NATURAL, and the columns that USING merges.

use std::{rc::Rc, sync::Arc};

use datafusion::{
    common::{Column, NullEquality},
    functions::core::expr_fn::coalesce,
    logical_expr::{Expr, Join, JoinConstraint, JoinType, LogicalPlan, Operator, lit},
};
use lis_lake::names::Identifier;
use sqlparser::ast;

use super::{
    Binder, Surroundings,
    attachments::{Attachment, Attachments},
    calls::Call,
    decorrelate::{join, outer_references},
    expressions::{balanced, chain},
    filter,
    from::{Joined, Source},
    not_postgresql,
    place::{Clause, Place},
    plan_error,
    set_operations::row_number,
    subqueries::filtered,
    windows::windowed,
};
use crate::{
    dialect::marks::{USING_ALIAS, is_mark},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, ScopeColumn, identifier},
    resolve::{self, conditional::is_engines_coalesce},
    types::{Typed, common_type},
};

impl Binder<'_> {
    /// Joins an item of FROM to what is at its left.
    pub(crate) fn join(
        &self,
        left: Joined,
        right: Source,
        operator: &ast::JoinOperator,
        position: Option<usize>,
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        use ast::JoinOperator as J;
        let (join_type, constraint) = match operator {
            J::Join(constraint) | J::Inner(constraint) => (JoinType::Inner, constraint),
            J::Left(constraint) | J::LeftOuter(constraint) => (JoinType::Left, constraint),
            J::Right(constraint) | J::RightOuter(constraint) => (JoinType::Right, constraint),
            J::FullOuter(constraint) => (JoinType::Full, constraint),
            J::CrossJoin(ast::JoinConstraint::None) => return self.side_by_side(left, right),
            _ => return Err(not_postgresql("join", position)),
        };
        let right = match right {
            Source::Plan(right) => right,
            Source::Function(function) => {
                let always = matches!(
                    constraint,
                    ast::JoinConstraint::On(ast::Expr::Value(value))
                        if value.value == ast::Value::Boolean(true)
                );
                match join_type {
                    // The function's rows beside each row at the left: no join is needed.
                    JoinType::Inner | JoinType::Left if always && function.refers_to(left.plan.schema()) => {
                        left.namespace.check_distinct(&function.namespace)?;
                        return function.over(left, join_type == JoinType::Left);
                    }
                    _ => Source::Function(function).into_joined()?,
                }
            }
        };
        left.namespace.check_distinct(&right.namespace)?;
        let (mut left, mut right) = (left, right);
        if matches!(join_type, JoinType::Left | JoinType::Full) {
            right.namespace = right.namespace.nullable();
        }
        if matches!(join_type, JoinType::Right | JoinType::Full) {
            left.namespace = left.namespace.nullable();
        }
        let lateral = !outer_references(&right.plan, left.plan.schema()).is_empty();
        match constraint {
            ast::JoinConstraint::On(condition) => {
                self.join_on(left, right, join_type, condition, lateral, position, surroundings)
            }
            ast::JoinConstraint::Using(names) => {
                let mut columns = Vec::new();
                let mut alias = None;
                for name in names {
                    let idents: Vec<&ast::Ident> =
                        name.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect();
                    match idents.as_slice() {
                        [ident] => columns.push((identifier(ident), self.position(ident.span))),
                        [mark, ident] if is_mark(mark, USING_ALIAS) => alias = Some(identifier(ident)),
                        _ => return Err(not_postgresql("using", position)),
                    }
                }
                let mut joined =
                    self.join_using(left, right, join_type, columns.as_slice(), lateral, position)?;
                if let Some(name) = alias {
                    joined.namespace.add_using_alias(name, columns.len())?;
                }
                Ok(joined)
            }
            ast::JoinConstraint::Natural => {
                let mut columns = Vec::new();
                for column in &left.namespace.columns {
                    if right.namespace.columns.iter().any(|other| other.name == column.name) {
                        columns.push((column.name.clone(), position));
                    }
                }
                self.join_using(left, right, join_type, &columns, lateral, position)
            }
            ast::JoinConstraint::None => Err(not_postgresql("join", position)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one join, taken apart once")]
    fn join_on(
        &self,
        left: Joined,
        right: Joined,
        join_type: JoinType,
        condition: &ast::Expr,
        lateral: bool,
        position: Option<usize>,
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        let namespace = left.namespace.and(right.namespace);
        let attachments = Attachments::default();
        let place = Place {
            scope: Scope::new(&namespace, surroundings.outer),
            ctes: surroundings.ctes,
            clause: Clause::JoinOn,
            calls: None,
            attachments: Some(&attachments),
        };
        let mut predicates = Vec::new();
        for one in chain(condition, &ast::BinaryOperator::And) {
            predicates.push(self.boolean(one, "JOIN/ON", place)?);
        }
        if join_type == JoinType::Full && !(attachments.is_empty() || lateral) {
            let plan = self.full_attached(left.plan, right.plan, predicates, &attachments)?;
            return Ok(Joined { plan, namespace });
        }
        if !(attachments.is_empty() || lateral && matches!(join_type, JoinType::Right | JoinType::Full)) {
            let (left, right) = (left.plan, right.plan);
            let plan = self.join_attached(left, right, join_type, predicates, &attachments)?;
            return Ok(Joined { plan, namespace });
        }
        if lateral {
            let plan = self.lateral_on(left.plan, right.plan, join_type, predicates, position)?;
            return Ok(Joined { plan, namespace });
        }
        let condition = balanced(predicates, Operator::And);
        let plan = self.join_plan(left.plan, right.plan, join_type, condition)?;
        Ok(Joined { plan, namespace })
    }

    /// A FULL JOIN whose condition has subqueries that must be joined to the plan, each to the side that it refers to.
    fn full_attached(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        predicates: Vec<Expr>,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        let mut columns = left.schema().columns();
        columns.extend(right.schema().columns());
        let Some((to_left, to_right)) = attachments.by_side(left.schema(), right.schema()) else {
            return self.full_by_pairs(left, right, predicates, attachments);
        };
        let left = self.attached(left, &to_left)?;
        let right = self.attached(right, &to_right)?;
        let plan = self.join_plan(left, right, JoinType::Full, balanced(predicates, Operator::And))?;
        super::project(plan, columns.into_iter().map(Expr::Column).collect())
    }

    /// A FULL JOIN whose condition has a subquery that refers to both sides: the numbers of the rows that belong together
    /// are found first.
    fn full_by_pairs(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        predicates: Vec<Expr>,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        let mut columns = left.schema().columns();
        columns.extend(right.schema().columns());
        let (left, left_number) = self.numbered_rows(left)?;
        let (right, right_number) = self.numbered_rows(right)?;
        let (plain, attaching) = attachments.apart(predicates);
        let crossed = filtered(super::from::cross_join(left.clone(), right.clone())?, plain)?;
        let matching = filtered(self.attached(crossed, attachments)?, attaching)?;
        let (of_left, of_right) = (self.fresh_column("left"), self.fresh_column("right"));
        let pairs = vec![
            Expr::Column(left_number.clone()).alias(&of_left.name),
            Expr::Column(right_number.clone()).alias(&of_right.name),
        ];
        let pairs = super::project(matching, pairs)?;
        let equal = |one: Column, other: Column| vec![(Expr::Column(one), Expr::Column(other))];
        let left = join(left, pairs, equal(left_number, of_left), None, JoinType::Left)?;
        let plan = join(left, right, equal(of_right, right_number), None, JoinType::Full)?;
        super::project(plan, columns.into_iter().map(Expr::Column).collect())
    }

    /// A plan whose rows are numbered, the same wherever it is read.
    fn numbered_rows(&self, plan: LogicalPlan) -> Result<(LogicalPlan, Column), SqlError> {
        let number = self.fresh_column("row_number");
        let call = Call { expr: row_number(Vec::new(), Vec::new()), column: number.clone(), position: None };
        Ok((self.shared_plan(windowed(plan, vec![call])?, false), number))
    }

    /// A join by a condition; DataFusion finds the equalities in it.
    fn join_plan(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        join_type: JoinType,
        condition: Expr,
    ) -> Result<LogicalPlan, SqlError> {
        if condition == lit(true) && join_type == JoinType::Inner {
            return super::from::cross_join(left, right);
        }
        if !has_subquery(&condition) {
            return conditional_join(left, right, join_type, condition);
        }
        if join_type == JoinType::Inner {
            return filter(super::from::cross_join(left, right)?, condition);
        }
        // The engine has no subqueries in an outer join. What is the same for all rows becomes a column of one side.
        let mut columns = left.schema().columns();
        columns.extend(right.schema().columns());
        let values = Attachments::default();
        let condition = self.with_values(condition, &values)?;
        let left = self.attached(left, &values)?;
        let plan = conditional_join(left, right, join_type, condition)?;
        super::project(plan, columns.into_iter().map(Expr::Column).collect())
    }

    /// A join whose condition has subqueries that must be joined to the plan. For an outer join that is done at the side
    /// that may be null, where the other side's columns are outer ones.
    fn join_attached(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        join_type: JoinType,
        predicates: Vec<Expr>,
        attachments: &Attachments,
    ) -> Result<LogicalPlan, SqlError> {
        // Both also where the right side is LATERAL.
        if join_type == JoinType::Inner {
            let (plain, attaching) = attachments.apart(predicates);
            let crossed = filtered(self.lateral(left, right, JoinType::Inner)?, plain)?;
            return filtered(self.attached(crossed, attachments)?, attaching);
        }
        let mut columns = left.schema().columns();
        columns.extend(right.schema().columns());
        let (kept, other) = if join_type == JoinType::Left { (left, right) } else { (right, left) };
        let outside = |expr: Expr| super::table_functions::seen_from_inside(expr, kept.schema());
        attachments.map(|attachment| match attachment {
            Attachment::Operand { expr, column } => Ok(Attachment::Operand { expr: outside(expr)?, column }),
            other => Ok(other),
        })?;
        let condition = outside(balanced(predicates, Operator::And))?;
        let other = filter(self.attached(other, attachments)?, condition)?;
        let joined = self.lateral(kept, other, JoinType::Left)?;
        super::project(joined, columns.into_iter().map(Expr::Column).collect())
    }

    /// LATERAL with a condition: the condition moves into the right side, where the left side's columns are outer ones.
    fn lateral_on(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        join_type: JoinType,
        predicates: Vec<Expr>,
        position: Option<usize>,
    ) -> Result<LogicalPlan, SqlError> {
        match join_type {
            JoinType::Inner => {
                let joined = self.lateral(left, right, JoinType::Inner)?;
                filtered(joined, predicates)
            }
            JoinType::Left => {
                let condition = balanced(predicates, Operator::And);
                let condition = super::table_functions::seen_from_inside(condition, left.schema())?;
                self.lateral(left, filter(right, condition)?, JoinType::Left)
            }
            _ => Err(SqlError::new(
                SqlErrorKind::InvalidColumnReference,
                "invalid reference to FROM-clause entry: the combining JOIN type must be INNER or LEFT for a \
                 LATERAL reference",
            )
            .at(position)),
        }
    }

    fn join_using(
        &self,
        left: Joined,
        right: Joined,
        join_type: JoinType,
        names: &[(Identifier, Option<usize>)],
        lateral: bool,
        position: Option<usize>,
    ) -> Result<Joined, SqlError> {
        let mut predicates = Vec::new();
        let mut merged = Vec::new();
        for (name, place) in names {
            if merged.iter().any(|column: &Rc<ScopeColumn>| column.name == *name) {
                let message =
                    format!("column name \"{}\" appears more than once in USING clause", name.as_str());
                return Err(SqlError::new(SqlErrorKind::DuplicateColumn, message));
            }
            let left_column = using_column(&left.namespace, name, "left")?;
            let right_column = using_column(&right.namespace, name, "right")?;
            let test = resolve::operator(
                &self.binding,
                None,
                "=",
                Some(self.refers(typed(&left_column, *place))),
                self.refers(typed(&right_column, *place)),
                *place,
            )?;
            predicates.push(test.expr);
            merged.push(self.merged(&left_column, &right_column, join_type, *place)?);
        }
        let used = |column: &Rc<ScopeColumn>| names.iter().any(|(name, _)| *name == column.name);
        let mut columns = merged;
        columns.extend(left.namespace.columns.iter().filter(|column| !used(column)).cloned());
        columns.extend(right.namespace.columns.iter().filter(|column| !used(column)).cloned());
        let mut tables = left.namespace.tables;
        tables.extend(right.namespace.tables);
        let plan = if lateral {
            self.lateral_on(left.plan, right.plan, join_type, predicates, position)?
        } else {
            self.join_plan(left.plan, right.plan, join_type, balanced(predicates, Operator::And))?
        };
        Ok(Joined { plan, namespace: Namespace { tables, columns } })
    }

    /// The one column that USING makes of two.
    fn merged(
        &self,
        left: &Rc<ScopeColumn>,
        right: &Rc<ScopeColumn>,
        join_type: JoinType,
        position: Option<usize>,
    ) -> Result<Rc<ScopeColumn>, SqlError> {
        let same = left.column_type == right.column_type && left.arrow_type == right.arrow_type;
        match join_type {
            JoinType::Right if same => return Ok(Rc::clone(right)),
            JoinType::Full => {}
            _ if same => return Ok(Rc::clone(left)),
            _ => {}
        }
        let mut both = [typed(left, position), typed(right, position)];
        let common = common_type(&self.binding, &mut both, "JOIN/USING")?;
        let [left_typed, right_typed] = both;
        let expr = match join_type {
            JoinType::Full => merged_value(left_typed.expr, right_typed.expr),
            JoinType::Right => right_typed.expr,
            _ => left_typed.expr,
        };
        Ok(Rc::new(ScopeColumn {
            name: left.name.clone(),
            expr,
            column_type: common.column_type,
            arrow_type: common.arrow_type,
            collation: common.collation,
            origin: None,
        }))
    }
}

/// The first that is not null, of all columns that a chain of FULL JOINs merges.
fn merged_value(left: Expr, right: Expr) -> Expr {
    match left {
        Expr::ScalarFunction(mut call) if is_engines_coalesce(&call) => {
            call.args.push(right);
            Expr::ScalarFunction(call)
        }
        left => coalesce(vec![left, right]),
    }
}

fn typed(column: &ScopeColumn, position: Option<usize>) -> Typed {
    Typed {
        expr: column.expr.clone(),
        column_type: column.column_type,
        arrow_type: column.arrow_type.clone(),
        collation: column.collation,
        origin: column.origin,
        position,
    }
}

fn using_column(namespace: &Namespace, name: &Identifier, side: &str) -> Result<Rc<ScopeColumn>, SqlError> {
    let mut found = namespace.columns.iter().filter(|column| column.name == *name);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(Rc::clone(only)),
        (Some(_), Some(_)) => {
            let message =
                format!("common column name \"{}\" appears more than once in {side} table", name.as_str());
            Err(SqlError::new(SqlErrorKind::AmbiguousColumn, message))
        }
        _ => {
            let message = format!(
                "column \"{}\" specified in USING clause does not exist in {side} table",
                name.as_str()
            );
            Err(SqlError::new(SqlErrorKind::UndefinedColumn, message))
        }
    }
}

fn conditional_join(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    condition: Expr,
) -> Result<LogicalPlan, SqlError> {
    Join::try_new(
        Arc::new(left),
        Arc::new(right),
        Vec::new(),
        Some(condition),
        join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )
    .map(LogicalPlan::Join)
    .map_err(plan_error)
}

fn has_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|node| Ok(matches!(node, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
        .unwrap_or(true)
}

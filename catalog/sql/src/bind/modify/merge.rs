//! MERGE: the source beside the target rows that it matches, the number of the clause that applies to each pair, and
//! the values that the clause gives. CASE keeps the expressions of a clause away from the rows of the others.

use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{Case, Expr, lit},
};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{
    super::{
        Binder, Surroundings, all_columns, attachments::Attachments, from::Source, place::Clause, project,
        unsupported,
    },
    Affected, AffectedColumns, Command, Layout, TargetTable,
    assign::Assigned,
    place,
    update::unchanged,
};
use crate::{
    catalog::CatalogColumn,
    error::{SqlError, SqlErrorKind},
    modification::{Merge, MergeAction, MergeClause},
    names::{Namespace, Scope},
    types::Typed,
};

/// What a clause of MERGE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStep {
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// INSERT
    Insert,
    /// DO NOTHING
    Nothing,
}

impl Binder<'_> {
    pub(super) fn merge(&self, merge: &Merge, surroundings: Surroundings<'_>) -> Result<Affected, SqlError> {
        check_reachable(&merge.clauses)?;
        let target = self.target_table(&merge.target, "merge into")?;
        let nothing = Namespace::default();
        let lateral = Scope::new(&nothing, surroundings.outer);
        let source = self.table_with_joins(&merge.source, &lateral, surroundings)?.into_joined()?;
        let source_names = source.namespace.clone();
        let target_name = target.name();
        if source_names.tables.iter().any(|table| table.name == target_name) {
            let message = format!("name \"{}\" specified more than once", target_name.as_str());
            return Err(SqlError::new(SqlErrorKind::DuplicateAlias, message)
                .with_detail("The name is used both as MERGE target table and data source."));
        }
        let constraint = ast::JoinConstraint::On(merge.condition.clone());
        let operator = if merge.clauses.iter().any(|clause| !clause.matched) {
            ast::JoinOperator::LeftOuter(constraint)
        } else {
            ast::JoinOperator::Inner(constraint)
        };
        let position = self.name_position(&merge.target.name);
        let right = Source::Plan(target.joined.clone());
        let joined = self.join(source, right, &operator, position, surroundings)?;

        // The target is there and cannot be named where nothing matched.
        self.from_names.borrow_mut().push(vec![target_name]);

        // Which clause applies.
        let attachments = Attachments::default();
        let mut conditions = Vec::with_capacity(merge.clauses.len());
        for clause in &merge.clauses {
            let names = if clause.matched { &joined.namespace } else { &source_names };
            let place = place(names, surroundings, Clause::MergeWhen, Some(&attachments));
            conditions.push(match &clause.condition {
                None => lit(true),
                Some(condition) => self.boolean(condition, "WHEN", place)?,
            });
        }
        let plan = self.attached(joined.plan, &attachments)?;
        let step = self.fresh_column("step");
        let mut exprs = all_columns(&plan);
        exprs.push(applying(&target, &merge.clauses, conditions).alias(&step.name));
        let plan = project(plan, exprs)?;

        // What it does.
        let attachments = Attachments::default();
        let mut steps = Vec::with_capacity(merge.clauses.len());
        let mut given: Vec<Vec<Typed>> = Vec::with_capacity(merge.clauses.len());
        let mut columns: Vec<i16> = Vec::new();
        for clause in &merge.clauses {
            let names = if clause.matched { &joined.namespace } else { &source_names };
            let (what, values) = match &clause.action {
                MergeAction::Update(assignments) => {
                    let place = place(names, surroundings, Clause::Update, Some(&attachments));
                    let assigned = self.assignments(assignments, &target.relation, place)?;
                    columns.extend(assigned.iter().map(|assigned| assigned.number));
                    (MergeStep::Update, updated(&target, assigned))
                }
                MergeAction::Insert { columns: written, values } => {
                    let place = place(names, surroundings, Clause::Values, Some(&attachments));
                    let mut targets = self.target_columns(written, &target.relation)?;
                    if let Some(part) = written.iter().find(|column| !column.subscripts.is_empty()) {
                        let position = self.position(part.name.span);
                        return Err(unsupported("assignment to an element of an array in MERGE", position));
                    }
                    let values = values.as_deref().unwrap_or_default();
                    if written.is_empty() {
                        targets.truncate(values.len());
                    }
                    if !values.is_empty() || !written.is_empty() {
                        self.check_width(values, &targets, written)?;
                    }
                    let mut row = Vec::with_capacity(target.columns.len());
                    for column in &target.columns {
                        let index = targets.iter().position(|other| other.number == column.number);
                        row.push(match index.and_then(|index| values.get(index)) {
                            Some(value) => self.value_for(value, column, place)?,
                            None => self.default_of(column)?,
                        });
                    }
                    columns.extend(targets.iter().map(|target| target.number));
                    (MergeStep::Insert, row)
                }
                MergeAction::Delete => (MergeStep::Delete, Vec::new()),
                MergeAction::Nothing => (MergeStep::Nothing, Vec::new()),
            };
            steps.push(what);
            given.push(values);
        }
        let plan = self.attached(plan, &attachments)?;
        self.from_names.borrow_mut().pop();

        let mut affected = AffectedColumns::default();
        let identity = affected.push_identity(self, &target);
        let number = ColumnType::plain(PgType::Int4);
        let at = affected.push(self, "step", Typed::canonical(Expr::Column(step.clone()), number));
        let old = affected.len();
        for own in target.own() {
            affected.push(self, own.name.as_str(), unchanged(&own));
        }
        let new = affected.len();
        for (index, column) in target.columns.iter().enumerate() {
            affected.push(self, column.name.as_str(), chosen(&step, &given, index, column));
        }
        let others = affected.len();
        Ok(Affected {
            command: Command::Merge,
            relation: target.relation.oid,
            bound: affected.over(plan)?,
            layout: Layout {
                width: target.columns.len(),
                identity: Some(identity),
                step: Some(at),
                old: Some(old),
                new: Some(new),
                others,
                ..Layout::default()
            },
            columns,
            reads_target: false,
            steps,
            returning: None,
        })
    }
}

fn check_reachable(clauses: &[MergeClause]) -> Result<(), SqlError> {
    for matched in [true, false] {
        let mut same = clauses.iter().filter(|clause| clause.matched == matched);
        if same.any(|clause| clause.condition.is_none()) && same.next().is_some() {
            let message = "unreachable WHEN clause specified after unconditional WHEN clause";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message));
        }
    }
    Ok(())
}

/// The number of the first clause that applies to a row, or null.
fn applying(target: &TargetTable, clauses: &[MergeClause], conditions: Vec<Expr>) -> Expr {
    let none = || lit(ScalarValue::Int32(None));
    let (mut matched, mut not_matched) = (Vec::new(), Vec::new());
    for ((number, clause), condition) in (0_i32..).zip(clauses).zip(conditions) {
        let branches = if clause.matched { &mut matched } else { &mut not_matched };
        branches.push((Box::new(condition), Box::new(lit(number))));
    }
    let of = |branches: Vec<_>| {
        if branches.is_empty() {
            none()
        } else {
            Expr::Case(Case { expr: None, when_then_expr: branches, else_expr: Some(Box::new(none())) })
        }
    };
    let Some(is_there) = target.is_there() else { return none() };
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(is_there), Box::new(of(matched)))],
        else_expr: Some(Box::new(of(not_matched))),
    })
}

/// A row of the target with what SET gives.
fn updated(target: &TargetTable, assigned: Vec<Assigned>) -> Vec<Typed> {
    target
        .columns
        .iter()
        .zip(target.own())
        .map(|(column, own)| {
            let value = assigned.iter().find(|assigned| assigned.number == column.number);
            value.map_or_else(|| unchanged(&own), |assigned| assigned.value.clone())
        })
        .collect()
}

/// A column's value by the clause that applies.
fn chosen(step: &Column, given: &[Vec<Typed>], index: usize, column: &CatalogColumn) -> Typed {
    let nothing = Typed::null(column.column_type);
    let branches: Vec<_> = (0_i32..)
        .zip(given)
        .filter_map(|(number, values)| {
            let value = values.get(index)?;
            let applies = Expr::Column(step.clone()).eq(lit(number));
            Some((Box::new(applies), Box::new(value.expr.clone())))
        })
        .collect();
    if branches.is_empty() {
        return nothing;
    }
    let expr =
        Expr::Case(Case { expr: None, when_then_expr: branches, else_expr: Some(Box::new(nothing.expr)) });
    Typed::canonical(expr, column.column_type)
}

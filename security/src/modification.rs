//! INSERT, UPDATE, DELETE and MERGE at the one door. As in PostgreSQL:
//!
//! - The command's privilege on the table is needed, and SELECT if values of its rows are used anywhere.
//! - Of the table that is changed, UPDATE and DELETE see the rows that the command's policies let through, and, if values
//!   are used, those for SELECT too: rows that they hide are passed over in silence. MERGE and ON CONFLICT see what SELECT
//!   sees; a row that a clause may not touch then fails the statement. A hidden row is in nobody's way: its key is free.
//! - Rows that are written must pass WITH CHECK of the command's policies, and be visible if the statement reads.
//!
//! Everything that the user wrote is evaluated above the barrier over the table that is changed, as in a query.

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    common::{
        Column, DFSchema, Result as EngineResult,
        tree_node::{Transformed, TreeNode as _},
    },
    logical_expr::{Expr, LogicalPlan, Projection},
};
use lis_lake::{
    provider::IDENTITY_COLUMNS,
    table::{Relation, Table},
};
use lis_sql::{
    BoundModification, BoundPart, BoundReturning, BoundStatement, BoundStep,
    bind::{Command, Layout, MergeStep},
    output::OutputColumn,
    returned::ReturnedRows,
    statement::PolicyCommand,
};

use crate::{
    authorise::{Access, AuthorisedQuery, TargetRows, authorise, authorise_with, row_policy},
    context::StatementContext,
    error::{SecurityError, SecurityErrorKind},
    grants::Privilege,
    policy::PolicyUse,
    privileges::require_relation,
    row_check::RowCheck,
};

/// A statement that changes rows and may run.
#[derive(Debug)]
pub struct AuthorisedStatement {
    /// What runs first, in this order.
    pub before: Vec<AuthorisedStep>,
    /// The statement's own part.
    pub last: AuthorisedPart,
}

/// A part of a statement.
#[derive(Debug)]
pub enum AuthorisedPart {
    /// It reads.
    Query(Box<AuthorisedQuery>),
    /// It changes a table.
    Modification(Box<AuthorisedModification>),
}

/// A part whose rows others may read.
#[derive(Debug)]
pub struct AuthorisedStep {
    /// What it does.
    pub part: AuthorisedPart,
    /// Where its rows are to be put.
    pub rows: Option<Arc<ReturnedRows>>,
}

/// Judges every part of a bound statement and rewrites it.
pub fn authorise_statement(
    bound: BoundStatement,
    context: &StatementContext<'_>,
) -> Result<AuthorisedStatement, SecurityError> {
    let part = |part| -> Result<AuthorisedPart, SecurityError> {
        Ok(match part {
            BoundPart::Query(query) => AuthorisedPart::Query(Box::new(authorise(*query, context)?)),
            BoundPart::Modification(modification) => {
                AuthorisedPart::Modification(Box::new(authorise_modification(*modification, context)?))
            }
        })
    };
    let step = |step: BoundStep| Ok(AuthorisedStep { part: part(step.part)?, rows: step.rows });
    let before = bound.before.into_iter().map(step).collect::<Result<_, SecurityError>>()?;
    Ok(AuthorisedStatement { before, last: part(bound.last)? })
}

impl AuthorisedStatement {
    /// All parts, in the order in which they run.
    pub fn parts(&self) -> impl Iterator<Item = &AuthorisedPart> {
        self.before.iter().map(|step| &step.part).chain(std::iter::once(&self.last))
    }

    /// The parts that change tables.
    pub fn modifications(&self) -> impl Iterator<Item = &AuthorisedModification> {
        self.parts().filter_map(|part| match part {
            AuthorisedPart::Query(_) => None,
            AuthorisedPart::Modification(modification) => Some(modification.as_ref()),
        })
    }

    /// What the client sees of the rows; `None` if there are none.
    pub fn outputs(&self) -> Option<&[OutputColumn]> {
        match &self.last {
            AuthorisedPart::Query(query) => Some(&query.outputs),
            AuthorisedPart::Modification(modification) => {
                modification.returning.as_ref().map(|(query, _)| query.outputs.as_slice())
            }
        }
    }

    /// What the statement touches.
    pub fn access(&self) -> Access {
        let mut access = Access::default();
        let mut add = |query: &AuthorisedQuery| {
            access.relations.extend(&query.access.relations);
            access.policies.extend(&query.access.policies);
        };
        for part in self.parts() {
            match part {
                AuthorisedPart::Query(query) => add(query),
                AuthorisedPart::Modification(modification) => {
                    add(&modification.rows);
                    modification.returning.iter().for_each(|(query, _)| add(query));
                }
            }
        }
        access
    }

    /// What the transaction is to rely on: see [`AuthorisedQuery::relies_on`].
    pub fn relies_on(&self) -> Vec<lis_lake::ids::Oid> {
        self.parts()
            .flat_map(|part| match part {
                AuthorisedPart::Query(query) => query.relies_on.clone(),
                AuthorisedPart::Modification(modification) => modification.rows.relies_on.clone(),
            })
            .collect()
    }

    /// EXPLAIN: the bound plan of every part, under the command's name where it changes a table.
    pub fn explain(&self) -> Result<String, SecurityError> {
        let parts: Vec<String> = self
            .parts()
            .map(|part| match part {
                AuthorisedPart::Query(query) => Ok(query.explain()),
                AuthorisedPart::Modification(modification) => modification.explain(),
            })
            .collect::<Result<_, _>>()?;
        Ok(parts.join("\n"))
    }
}

/// A modification that may run.
#[derive(Debug)]
pub struct AuthorisedModification {
    /// What it does.
    pub command: Command,
    /// The table.
    pub table: Arc<Table>,
    /// The affected rows.
    pub rows: AuthorisedQuery,
    /// Their columns.
    pub layout: Layout,
    /// MERGE: what its clauses do.
    pub steps: Vec<MergeStep>,
    /// The columns of a row that an error may show, by their place in the table: without the right to read the table,
    /// those that the statement gives values for. `None` is all.
    pub shown: Option<Vec<usize>>,
    /// What is to be checked.
    pub checks: ModificationChecks,
    /// RETURNING: the query, and where the written rows are to be put before it runs.
    pub returning: Option<(AuthorisedQuery, Arc<ReturnedRows>)>,
}

/// What row security has to say of rows while they are written; `None` where it does not apply.
#[derive(Debug, Default)]
pub struct ModificationChecks {
    /// Rows that are added.
    pub inserted: Option<RowCheck>,
    /// Rows as they become.
    pub updated: Option<RowCheck>,
    /// MERGE, ON CONFLICT: rows before they are updated.
    pub updatable: Option<RowCheck>,
    /// MERGE: rows before they are deleted.
    pub deletable: Option<RowCheck>,
}

/// Judges a bound modification and rewrites it.
fn authorise_modification(
    bound: BoundModification,
    context: &StatementContext<'_>,
) -> Result<AuthorisedModification, SecurityError> {
    let BoundModification { command, relation, query, layout, columns, reads_target, steps, returning } =
        bound;
    let table = match context.relation(relation) {
        Some(Relation::Table(table)) if table.materialized.is_some() => {
            let message = format!("cannot change materialized view \"{}\"", table.name.as_str());
            return Err(SecurityError::new(SecurityErrorKind::WrongObjectType, message));
        }
        Some(Relation::Table(table)) => Arc::clone(table),
        Some(Relation::View(view)) => {
            let message = format!("cannot change view \"{}\"", view.name.as_str());
            return Err(SecurityError::new(SecurityErrorKind::WrongObjectType, message));
        }
        None => return Err(SecurityError::denied("permission denied: system relations cannot be changed")),
    };
    let has = |step| steps.contains(&step);
    let (inserts, updates, deletes) = match command {
        Command::Insert => (true, has(MergeStep::Update), false),
        Command::Update => (false, true, false),
        Command::Delete => (false, false, true),
        Command::Merge => (has(MergeStep::Insert), has(MergeStep::Update), has(MergeStep::Delete)),
    };
    // MERGE and ON CONFLICT look for rows, and then change them or not.
    let looks = command == Command::Merge || layout.proposed.is_some();
    for (needed, privilege) in [
        (reads_target, Privilege::Select),
        (inserts, Privilege::Insert),
        (updates, Privilege::Update),
        (deletes, Privilege::Delete),
    ] {
        if needed {
            require_relation(context, relation, privilege)?;
        }
    }
    let policy = match command {
        Command::Insert if !looks => None,
        Command::Update => seen(context, &table, PolicyCommand::Update, reads_target)?,
        Command::Delete => seen(context, &table, PolicyCommand::Delete, reads_target)?,
        Command::Insert | Command::Merge => seen(context, &table, PolicyCommand::Select, false)?,
    };
    let checks = ModificationChecks {
        inserted: wanted(inserts, || {
            RowCheck::written(
                context,
                &table,
                PolicyCommand::Insert,
                reads_target && command == Command::Insert,
            )
        })?,
        updated: wanted(updates, || RowCheck::written(context, &table, PolicyCommand::Update, reads_target))?,
        updatable: wanted(looks && updates, || RowCheck::touched(context, &table, PolicyCommand::Update))?,
        deletable: wanted(looks && deletes, || RowCheck::touched(context, &table, PolicyCommand::Delete))?,
    };
    let place = |number: &i16| table.columns.iter().position(|column| column.id.get() == i64::from(*number));
    let given: Vec<usize> = columns.iter().filter_map(place).collect();
    let shown = shown_columns(context, &table, &given);
    let rows = authorise_with(query, Some(TargetRows { relation, policy }), context)?;
    let returning = match returning {
        Some(BoundReturning { query, rows }) => Some((authorise(query, context)?, rows)),
        None => None,
    };
    Ok(AuthorisedModification { command, table, rows, layout, steps, shown, checks, returning })
}

/// The columns of a row that an error may show to a user, who gives values for those at some places; `None` is all of
/// them.
pub fn shown_columns(context: &StatementContext<'_>, table: &Table, given: &[usize]) -> Option<Vec<usize>> {
    let reads = require_relation(context, table.id.oid(), Privilege::Select).is_ok();
    (!reads).then(|| (0..table.columns.len()).filter(|place| given.contains(place)).collect())
}

fn wanted(
    wanted: bool,
    check: impl FnOnce() -> Result<Option<RowCheck>, SecurityError>,
) -> Result<Option<RowCheck>, SecurityError> {
    if wanted { check() } else { Ok(None) }
}

/// The rows of the changed table that a command sees.
fn seen(
    context: &StatementContext<'_>,
    table: &Table,
    command: PolicyCommand,
    reads: bool,
) -> Result<Option<crate::policy::BoundPolicy>, SecurityError> {
    let Some(mut own) = row_policy(context, table, command, PolicyUse::Seen)? else { return Ok(None) };
    if reads && let Some(select) = row_policy(context, table, PolicyCommand::Select, PolicyUse::Seen)? {
        own.predicate = own.predicate.and(select.predicate);
        own.used.extend(select.used);
    }
    Ok(Some(own))
}

impl AuthorisedModification {
    /// EXPLAIN: the bound plan under the command's name.
    fn explain(&self) -> Result<String, SecurityError> {
        let command = match self.command {
            Command::Insert => "Insert",
            Command::Update => "Update",
            Command::Delete => "Delete",
            Command::Merge => "Merge",
        };
        let mut text = format!("{command} on {}", self.table.name.as_str());
        for line in self.rows.explain_with(without_identity)?.lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
        Ok(text)
    }
}

/// A plan for people to read: without the columns that say where a row is, which are the lake's own. Where an expression
/// asks for one, it is called what PostgreSQL calls the place of a row.
fn without_identity(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    let is_identity = |expr: &Expr| match expr {
        Expr::Column(column) => IDENTITY_COLUMNS.contains(&column.name.as_str()),
        _ => false,
    };
    let renamed = |expr: Expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        if !is_identity(&expr) {
            return Ok(Transformed::no(expr));
        }
        Ok(Transformed::yes(Expr::Column(Column::new(column.relation.clone(), "ctid"))))
    };
    plan.transform_up(|node| {
        let LogicalPlan::Projection(projection) = &node else { return Ok(Transformed::no(node)) };
        let kept = projection.expr.iter().zip(projection.schema.iter()).filter(|(expr, _)| {
            !is_identity(match expr {
                Expr::Alias(alias) => &alias.expr,
                other => other,
            })
        });
        let mut exprs = Vec::new();
        let mut fields = Vec::new();
        for (expr, (qualifier, field)) in kept {
            exprs.push(expr.clone().transform(renamed)?.data);
            fields.push((qualifier.cloned(), Arc::clone(field)));
        }
        let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
        let input = Arc::clone(&projection.input);
        Projection::try_new_with_schema(exprs, input, schema)
            .map(LogicalPlan::Projection)
            .map(Transformed::yes)
    })
    .map(|transformed| transformed.data)
}

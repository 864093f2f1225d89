//! INSERT, UPDATE, DELETE and MERGE to plans. A modification is bound to two queries: one gives the rows that are
//! affected, in a [`Layout`] that the server writes from, and, with RETURNING, another computes what is returned over the
//! rows that were written (`returning.rs`).
//!
//! Rows of the table that is changed come from a scan with row identity ([`LakeTable::with_row_identity`]): which file a
//! row is in and where. Security puts the policies of the command round that scan, so that everything that the user
//! wrote is evaluated only over rows that the command may touch.
//!
//! A WITH before it may change rows too: `steps.rs` says how the parts of a statement make one.

mod assign;
mod conflict;
mod delete;
mod insert;
mod merge;
mod returning;
mod steps;
mod update;

use std::sync::Arc;

use datafusion::{
    common::Column,
    datasource::{provider_as_source, source_as_provider},
    logical_expr::{Expr, LogicalPlan, TableSource},
};
use lis_lake::{
    dml::LINEAGE_COLUMNS,
    ids::Oid,
    names::Identifier,
    provider::{IDENTITY_COLUMNS, LakeTable},
};
use sqlparser::ast;

use self::returning::Returning;
pub(super) use self::steps::Steps;
pub use self::{
    assign::bind_default,
    merge::MergeStep,
    steps::{BoundPart, BoundStatement, BoundStep},
};
use super::{
    Binder, Bound, BoundColumn, Shared, Surroundings, Unknowns,
    attachments::Attachments,
    from::Joined,
    place::{Clause, Place},
    settled,
};
use crate::{
    catalog::{Catalog, CatalogColumn, CatalogRelation, RelationSource},
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    modification::{Modification, ModificationKind, Target},
    names::{Namespace, Scope, ScopeColumn, identifier},
    output::{BoundQuery, Dependency},
    returned::ReturnedRows,
    types::{Binding, Parameters, Typed},
};

/// What a modification does to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// MERGE
    Merge,
}

/// Where things stand in the columns of the affected rows. `width` columns each for the table's columns in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The table's columns, without hidden ones.
    pub width: usize,
    /// The first of the columns that say where the row is ([`IDENTITY_COLUMNS`]); null for a row that MERGE or ON
    /// CONFLICT inserts.
    pub identity: Option<usize>,
    /// MERGE: the number of the clause that applies, null for none. INSERT … ON CONFLICT: insert, update, or neither.
    pub step: Option<usize>,
    /// ON CONFLICT: the number of the proposed row, in whose order the rows come. A row of the table that several rows
    /// there have the key of comes several times.
    pub ordinal: Option<usize>,
    /// The first column of the row as it was.
    pub old: Option<usize>,
    /// ON CONFLICT: the first column of the row as it was proposed.
    pub proposed: Option<usize>,
    /// The first column of the row as it will be.
    pub new: Option<usize>,
    /// ON CONFLICT: of each key that counts, which of the table's columns it has.
    pub keys: Vec<Vec<usize>>,
    /// The first of the columns of other tables, which RETURNING may name.
    pub others: usize,
}

/// RETURNING.
#[derive(Debug, Clone)]
pub struct BoundReturning {
    /// The query over the rows that were written.
    pub query: BoundQuery,
    /// Where these are to be put before the query runs: the row that RETURNING sees (as written, or as deleted) and
    /// then the columns from [`Layout::others`] on.
    pub rows: Arc<ReturnedRows>,
}

/// A modification ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundModification {
    /// What it does.
    pub command: Command,
    /// The table.
    pub relation: Oid,
    /// The affected rows.
    pub query: BoundQuery,
    /// Their columns.
    pub layout: Layout,
    /// `attnum` of the columns that INSERT gives values for or UPDATE sets.
    pub columns: Vec<i16>,
    /// Whether values of the table's rows are used: needs SELECT, and rows must be visible to it.
    pub reads_target: bool,
    /// MERGE: what its clauses do, in order. ON CONFLICT: what can become of a proposed row.
    pub steps: Vec<MergeStep>,
    /// RETURNING.
    pub returning: Option<BoundReturning>,
}

/// Binds a modification. `text` is the statement's text, which positions refer to.
pub fn bind_modification(
    modification: &Modification,
    text: &str,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundStatement, SqlError> {
    let parameters = Parameters::new(&context.parameter_types);
    let shared = Shared::default();
    shared.steps.borrow_mut().note();
    let binder = Binder::new(text, Binding { catalog, context, parameters: &parameters }, &shared);
    let last = match &modification.kind {
        ModificationKind::Query(query) => Last::Query(Box::new(match &modification.with {
            None => binder.query(query, Surroundings::default(), Unknowns::AsText)?,
            Some(with) => {
                binder.with_ctes(with, &modification.modifying, Surroundings::default(), |surroundings| {
                    binder.query(query, surroundings, Unknowns::AsText)
                })?
            }
        })),
        _ => Last::Modification(Box::new(binder.affected(modification, Surroundings::default())?)),
    };
    let parameters = settled(&parameters)?;
    let views = shared.views.borrow().clone();
    let dependencies: Vec<Dependency> = shared.dependencies.borrow().iter().copied().collect();
    let locks: Vec<Oid> = shared.locks.borrow().iter().copied().collect();
    let query = |bound: Bound| BoundQuery {
        outputs: Shared::outputs(bound.columns),
        plan: bound.plan,
        parameters: parameters.clone(),
        views: views.clone(),
        dependencies: dependencies.clone(),
        locks: locks.clone(),
    };
    let bound = |affected: Affected| BoundModification {
        command: affected.command,
        relation: affected.relation,
        query: query(affected.bound),
        layout: affected.layout,
        columns: affected.columns,
        reads_target: affected.reads_target,
        steps: affected.steps,
        returning: affected
            .returning
            .map(|returning| BoundReturning { query: query(returning.bound), rows: returning.rows }),
    };
    let mut last = match last {
        Last::Query(last) => BoundPart::Query(Box::new(query(*last))),
        Last::Modification(affected) => BoundPart::Modification(Box::new(bound(*affected))),
    };
    let before = shared.steps.take().finish(&binder, &mut last, query, bound)?;
    Ok(BoundStatement { before, last })
}

/// The last part of a statement, bound.
enum Last {
    Query(Box<Bound>),
    Modification(Box<Affected>),
}

/// Whether columns of a relation are among what a statement needs.
fn reads<'d>(dependencies: impl IntoIterator<Item = &'d Dependency>, relation: Oid) -> bool {
    dependencies
        .into_iter()
        .any(|dependency| matches!(dependency, Dependency::Column(origin) if origin.relation == relation))
}

/// What the four commands come to.
#[derive(Debug)]
struct Affected {
    command: Command,
    relation: Oid,
    bound: Bound,
    layout: Layout,
    columns: Vec<i16>,
    /// See [`BoundModification::reads_target`].
    reads_target: bool,
    steps: Vec<MergeStep>,
    returning: Option<Returning>,
}

/// The table that is changed, in a plan with row identity.
#[derive(Debug)]
struct TargetTable {
    relation: CatalogRelation,
    /// The table's columns that can have values, in order.
    columns: Vec<CatalogColumn>,
    joined: Joined,
    identity: Vec<Column>,
}

impl TargetTable {
    /// The name that it has in the statement.
    fn name(&self) -> Identifier {
        let shown = self.joined.namespace.tables.first();
        shown.map_or_else(|| self.relation.name.name.clone(), |table| table.name.clone())
    }

    /// Whether there is a row of the table: beside an outer join's other side there may be none. What says where a row
    /// came from does not do: what the transaction itself wrote has come from nowhere yet.
    fn is_there(&self) -> Option<Expr> {
        self.identity.get(LINEAGE_COLUMNS).map(|file| Expr::Column(file.clone()).is_not_null())
    }

    /// The table's columns as its rows have them, as the scope knows them.
    fn own(&self) -> Vec<std::rc::Rc<ScopeColumn>> {
        self.joined.namespace.tables.first().map(|table| table.columns.clone()).unwrap_or_default()
    }
}

impl Binder<'_> {
    /// A modification with the WITH before it.
    fn affected(
        &self,
        modification: &Modification,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        match &modification.with {
            None => self.without_with(modification, surroundings),
            Some(with) => self.with_ctes(with, &modification.modifying, surroundings, |surroundings| {
                self.without_with(modification, surroundings)
            }),
        }
    }

    fn without_with(
        &self,
        modification: &Modification,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        let before = self.shared.dependencies.take();
        let mut affected = self.command(modification, surroundings)?;
        affected.reads_target = match &affected.returning {
            // Other rows of the table are read through a scan of their own.
            returning if affected.command == Command::Insert => {
                affected.layout.proposed.is_some()
                    || returning.as_ref().is_some_and(|returning| returning.reads_row)
            }
            _ => reads(self.shared.dependencies.borrow().iter(), affected.relation),
        };
        self.shared.dependencies.borrow_mut().extend(before);
        Ok(affected)
    }

    fn command(
        &self,
        modification: &Modification,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        match &modification.kind {
            ModificationKind::Insert(insert) => self.insert(insert, surroundings),
            ModificationKind::Update(update) => self.update(update, surroundings),
            ModificationKind::Delete(delete) => self.delete(delete, surroundings),
            ModificationKind::Merge(merge) => self.merge(merge, surroundings),
            ModificationKind::Query(_) => {
                Err(SqlError::new(SqlErrorKind::Internal, "a query is bound as a change of a table"))
            }
        }
    }

    /// The relation that is changed: `verb` is what a view refuses ("insert into").
    fn target_relation(&self, target: &Target, verb: &str) -> Result<CatalogRelation, SqlError> {
        let position = self.name_position(&target.name);
        let parts: Vec<Identifier> =
            target.name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        let relation = self.find_relation(&parts, position)?;
        self.depends(Dependency::Relation(relation.oid));
        if matches!(relation.source, RelationSource::View { .. }) {
            let message = format!("cannot {verb} view \"{}\"", relation.name.name.as_str());
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        Ok(relation)
    }

    /// The table whose rows are changed, under its alias.
    fn target_table(&self, target: &Target, verb: &str) -> Result<TargetTable, SqlError> {
        let relation = self.target_relation(target, verb)?;
        let source = with_row_identity(&relation)?;
        let joined = self.scan(&relation, &source)?;
        let identity = match &joined.plan {
            LogicalPlan::TableScan(scan) => IDENTITY_COLUMNS
                .iter()
                .map(|name| Column::new(Some(scan.table_name.clone()), *name))
                .collect(),
            _ => return Err(SqlError::new(SqlErrorKind::Internal, "the table to be changed is no scan")),
        };
        let alias = target.alias.as_ref().map(|name| ast::TableAlias {
            explicit: true,
            name: name.clone(),
            columns: Vec::new(),
            at: None,
        });
        let namespace = self.aliased(joined.namespace, alias.as_ref())?;
        let columns = relation.columns.iter().filter(|column| !column.hidden).cloned().collect();
        Ok(TargetTable { relation, columns, joined: Joined { plan: joined.plan, namespace }, identity })
    }

    /// The target beside the rows of FROM or USING, which cannot refer to it.
    fn beside(
        &self,
        target: &TargetTable,
        others: &[ast::TableWithJoins],
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        if others.is_empty() {
            return Ok(target.joined.clone());
        }
        let others = self.sources(others, surroundings)?;
        self.side_by_side(target.joined.clone(), super::from::Source::Plan(others))
    }

    /// WHERE of a modification.
    fn affected_by(
        &self,
        joined: Joined,
        condition: Option<&ast::Expr>,
        surroundings: Surroundings<'_>,
    ) -> Result<Joined, SqlError> {
        let Joined { plan, namespace } = joined;
        let place = place(&namespace, surroundings, Clause::Where, None);
        let plan = self.where_clause(plan, condition, place)?;
        Ok(Joined { plan, namespace })
    }
}

/// A place in a modification.
fn place<'s>(
    namespace: &'s Namespace,
    surroundings: Surroundings<'s>,
    clause: Clause,
    attachments: Option<&'s Attachments>,
) -> Place<'s> {
    Place {
        scope: Scope::new(namespace, surroundings.outer),
        ctes: surroundings.ctes,
        clause,
        calls: None,
        attachments,
    }
}

/// The relation's scan with the columns that say where each row is.
fn with_row_identity(relation: &CatalogRelation) -> Result<Arc<dyn TableSource>, SqlError> {
    let table = match &relation.source {
        RelationSource::Scan(source) => lake_table(source),
        RelationSource::View { .. } => None,
    };
    match table {
        Some(table) => Ok(provider_as_source(Arc::new(table))),
        None => Err(system_catalog(relation)),
    }
}

/// The table of the lake that a source is, with row identity.
fn lake_table(source: &Arc<dyn TableSource>) -> Option<LakeTable> {
    let provider = source_as_provider(source).ok()?;
    let any = provider.as_ref() as &dyn std::any::Any;
    any.downcast_ref::<LakeTable>().map(LakeTable::with_row_identity)
}

fn system_catalog(relation: &CatalogRelation) -> SqlError {
    let message = format!("permission denied: \"{}\" is a system catalog", relation.name.name.as_str());
    SqlError::new(SqlErrorKind::InsufficientPrivilege, message)
}

/// The columns of the affected rows while they are put together.
#[derive(Debug, Default)]
struct AffectedColumns {
    exprs: Vec<Expr>,
    columns: Vec<BoundColumn>,
}

impl AffectedColumns {
    /// Adds a column under a name of its own, and says which it is.
    fn push(&mut self, binder: &Binder<'_>, name: &str, typed: Typed) -> usize {
        let column = binder.fresh_column(name);
        self.exprs.push(typed.expr.alias(&column.name));
        self.columns.push(BoundColumn {
            name: name.to_owned(),
            column,
            column_type: typed.column_type,
            arrow_type: typed.arrow_type,
            collation: typed.collation,
            origin: None,
            unknown: None,
            position: None,
        });
        self.columns.len() - 1
    }

    fn len(&self) -> usize {
        self.columns.len()
    }

    /// Adds where the target's rows are. The position of the first.
    fn push_identity(&mut self, binder: &Binder<'_>, target: &TargetTable) -> usize {
        let first = self.len();
        for column in &target.identity {
            let big = lis_lake::types::ColumnType::plain(lis_lake::types::PgType::Int8);
            self.push(binder, &column.name, Typed::canonical(Expr::Column(column.clone()), big));
        }
        first
    }

    fn over(self, plan: LogicalPlan) -> Result<Bound, SqlError> {
        Ok(Bound { plan: super::project(plan, self.exprs)?, columns: self.columns })
    }
}

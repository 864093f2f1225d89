//! WITH queries. Each is bound once, where it is defined; every reference gets the plan under an alias of its own.
//! A recursive one is DataFusion's recursive query over a work table.

use std::{collections::BTreeMap, ops::ControlFlow, rc::Rc, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::{
    catalog::cte_worktable::CteWorkTable,
    common::{
        Column, TableReference,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlan, RecursiveQuery, SubqueryAlias, TableScanBuilder, cast},
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings, Unknowns,
    from::Joined,
    order::order_items,
    plan_error, project,
    search_cycle::{RecursionClauses, is_clause},
    single_value::nullable,
};
use crate::{
    engine::SharedPlan,
    error::{SqlError, SqlErrorKind},
    modification::{Modification, ModificationKind},
    names::{HiddenName, Namespace, ScopeColumn, ScopeTable, Whole, identifier},
    parse::not_at_the_top,
    types::{CastContext, coerce},
};

/// The most nodes that the plan of a WITH query may have, those of queries that it refers to counted every time.
const PARTS_MAX: usize = 20_000;

/// A WITH query.
#[derive(Debug)]
pub(crate) struct Cte {
    name: Identifier,
    /// `None`: it changes rows and returns none.
    plan: Option<LogicalPlan>,
    columns: Vec<BoundColumn>,
    /// Whether it is a recursive one seen from its second term.
    is_work_table: bool,
}

/// The WITH queries in sight, innermost first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CteFrame<'s> {
    ctes: &'s [Rc<Cte>],
    parent: Option<&'s CteFrame<'s>>,
}

impl CteFrame<'_> {
    fn find(&self, name: &Identifier) -> Option<&Rc<Cte>> {
        self.ctes
            .iter()
            .rev()
            .find(|cte| cte.name == *name)
            .or_else(|| self.parent.and_then(|parent| parent.find(name)))
    }
}

impl Binder<'_> {
    /// Binds WITH's queries, of which `modifying` change rows, and then, with them in sight, what follows.
    pub(crate) fn with_ctes<T>(
        &self,
        with: &ast::With,
        modifying: &BTreeMap<usize, Modification>,
        surroundings: Surroundings<'_>,
        follow: impl FnOnce(Surroundings<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut ctes: Vec<Rc<Cte>> = Vec::new();
        for (index, written) in self.in_order(with, modifying)? {
            let following = with.cte_tables.get(index + 1..).unwrap_or_default();
            let clauses = RecursionClauses::of(following);
            let name = identifier(&written.alias.name);
            if ctes.iter().any(|cte| cte.name == name) {
                let message = format!("WITH query name \"{}\" specified more than once", name.as_str());
                let position = self.position(written.alias.name.span);
                return Err(SqlError::new(SqlErrorKind::DuplicateAlias, message).at(position));
            }
            let frame = CteFrame { ctes: &ctes, parent: surroundings.ctes };
            let inside = Surroundings { ctes: Some(&frame), ..surroundings };
            let later = with.cte_tables.iter().skip(index).map(|cte| identifier(&cte.alias.name));
            let around = self.later_ctes.replace(later.collect());
            if let Some(modification) = modifying.get(&index) {
                let position = self.position(written.alias.name.span);
                if with.recursive && modification_mentions(modification, &name) {
                    let message = format!(
                        "recursive query \"{}\" must not contain data-modifying statements",
                        name.as_str()
                    );
                    return Err(SqlError::new(SqlErrorKind::InvalidRecursion, message).at(position));
                }
                let returned = self.modifying_step(modification, inside, position)?;
                self.later_ctes.replace(around);
                let (plan, columns) = match returned {
                    Some(bound) => {
                        let columns = self.renamed(bound.columns, &written.alias, "WITH query")?;
                        (Some(self.shared_plan(bound.plan, false)), columns)
                    }
                    None => (None, Vec::new()),
                };
                ctes.push(Rc::new(Cte { name, plan, columns, is_work_table: false }));
                continue;
            }
            if changes_rows(&written.query) {
                return Err(not_at_the_top().at(self.position(written.alias.name.span)));
            }
            let recursive = with.recursive && mentions(&*written.query, &name);
            if clauses.is_written() && !recursive {
                let position = self.position(written.alias.name.span);
                return Err(
                    SqlError::new(SqlErrorKind::SyntaxError, "WITH query is not recursive").at(position)
                );
            }
            let rewritten;
            let written = if clauses.is_written() {
                rewritten = self.with_recursion_clauses(written, clauses, inside)?;
                &rewritten
            } else {
                written
            };
            let bound = if recursive {
                self.recursive_cte(written, &name, &ctes, surroundings)?
            } else {
                self.query(&written.query, inside, Unknowns::AsText)?
            };
            self.later_ctes.replace(around);
            check_parts(&bound.plan).map_err(|error| error.at(self.position(written.alias.name.span)))?;
            let columns = self.renamed(bound.columns, &written.alias, "WITH query")?;
            // Where it is referred to more than once it is evaluated once all the same.
            let plan = match written.materialized {
                Some(ast::CteAsMaterialized::NotMaterialized) if !is_volatile(&bound.plan)? && !recursive => {
                    bound.plan
                }
                Some(ast::CteAsMaterialized::Materialized) => self.shared_plan(bound.plan, true),
                _ => self.shared_plan(bound.plan, false),
            };
            if surroundings.outer.is_none() {
                self.shared.steps.borrow_mut().note_query(&plan);
            }
            ctes.push(Rc::new(Cte { name, plan: Some(plan), columns, is_work_table: false }));
        }
        let frame = CteFrame { ctes: &ctes, parent: surroundings.ctes };
        follow(Surroundings { ctes: Some(&frame), ..surroundings })
    }

    /// A plan that is evaluated once, wherever the result is put; with `fence`, apart from what is around it even where
    /// that is one place.
    pub(crate) fn shared_plan(&self, plan: LogicalPlan, fence: bool) -> LogicalPlan {
        SharedPlan::over(self.fresh_number(), fence, plan)
    }

    /// WITH's queries in an order in which each comes after those that it reads from: with RECURSIVE they may stand in
    /// any. Two that read from each other are refused.
    fn in_order<'w>(
        &self,
        with: &'w ast::With,
        modifying: &BTreeMap<usize, Modification>,
    ) -> Result<Vec<(usize, &'w ast::Cte)>, SqlError> {
        let mut open: Vec<(usize, &ast::Cte)> =
            with.cte_tables.iter().enumerate().filter(|(_, cte)| !is_clause(cte)).collect();
        if !with.recursive || open.len() < 2 {
            return Ok(open);
        }
        let reads = |(index, cte): &(usize, &ast::Cte), other: &(usize, &ast::Cte)| {
            let name = identifier(&other.1.alias.name);
            *index != other.0
                && match modifying.get(index) {
                    Some(modification) => modification_mentions(modification, &name),
                    None => mentions(&*cte.query, &name),
                }
        };
        let mut ordered = Vec::with_capacity(open.len());
        while let Some(first) = open.first() {
            let ready = open.iter().position(|cte| !open.iter().any(|other| reads(cte, other)));
            let Some(ready) = ready else {
                let message = "mutual recursion between WITH items is not implemented";
                let position = self.position(first.1.alias.name.span);
                return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
            };
            ordered.push(open.remove(ready));
        }
        Ok(ordered)
    }

    /// Whether a SELECT reads, itself, from the recursive query whose second term it is in.
    pub(crate) fn reads_work_table(
        &self,
        from: &[ast::TableWithJoins],
        surroundings: Surroundings<'_>,
    ) -> bool {
        fn of_factor(factor: &ast::TableFactor, is_work: &dyn Fn(&Identifier) -> bool) -> bool {
            match factor {
                ast::TableFactor::Table { name, args: None, .. } => {
                    matches!(name.0.as_slice(), [ast::ObjectNamePart::Identifier(only)] if is_work(&identifier(only)))
                }
                ast::TableFactor::NestedJoin { table_with_joins, .. } => of_join(table_with_joins, is_work),
                _ => false,
            }
        }
        fn of_join(item: &ast::TableWithJoins, is_work: &dyn Fn(&Identifier) -> bool) -> bool {
            of_factor(&item.relation, is_work)
                || item.joins.iter().any(|join| of_factor(&join.relation, is_work))
        }
        let Some(frame) = surroundings.ctes else { return false };
        let is_work = |name: &Identifier| frame.find(name).is_some_and(|cte| cte.is_work_table);
        from.iter().any(|item| of_join(item, &is_work))
    }

    /// Whether a name means a WITH query.
    pub(crate) fn is_cte(&self, name: Option<&Identifier>, surroundings: Surroundings<'_>) -> bool {
        name.is_some_and(|name| surroundings.ctes.is_some_and(|frame| frame.find(name).is_some()))
    }

    /// A reference to a WITH query, if the name is one's.
    pub(crate) fn cte_reference(
        &self,
        name: &Identifier,
        position: Option<usize>,
        surroundings: Surroundings<'_>,
    ) -> Result<Option<Joined>, SqlError> {
        let Some(cte) = surroundings.ctes.and_then(|frame| frame.find(name)) else { return Ok(None) };
        let Some(plan) = &cte.plan else {
            let message = format!("WITH query \"{}\" does not have a RETURNING clause", name.as_str());
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        };
        // Every reference has column names of its own: where two meet in a join, the engine's physical rules tell columns
        // apart by name.
        let alias = TableReference::bare(self.fresh(name.as_str()));
        let mut exprs = Vec::with_capacity(cte.columns.len());
        let mut columns = Vec::with_capacity(cte.columns.len());
        for column in &cte.columns {
            let own = self.fresh(&column.name);
            columns.push(Rc::new(ScopeColumn {
                name: Identifier::exact(&column.name),
                expr: Expr::Column(Column::new(Some(alias.clone()), &own)),
                column_type: column.column_type,
                arrow_type: column.arrow_type.clone(),
                collation: column.collation,
                origin: column.origin,
            }));
            exprs.push(Expr::Column(column.column.clone()).alias(own));
        }
        let plan = SubqueryAlias::try_new(Arc::new(project(plan.clone(), exprs)?), alias)
            .map(LogicalPlan::SubqueryAlias)
            .map_err(plan_error)?;
        let table = ScopeTable {
            schema: None,
            name: name.clone(),
            relation: Some(HiddenName { schema: Identifier::exact(""), visible: true, name: name.clone() }),
            key: Vec::new(),
            columns,
            hidden: Vec::new(),
            whole: Whole::default(),
        };
        Ok(Some(Joined { plan, namespace: Namespace::of(table) }))
    }

    /// Output columns under an alias's column names.
    pub(crate) fn renamed(
        &self,
        columns: Vec<BoundColumn>,
        alias: &ast::TableAlias,
        what: &str,
    ) -> Result<Vec<BoundColumn>, SqlError> {
        if alias.columns.len() > columns.len() {
            let message = format!(
                "{what} \"{}\" has {} columns available but {} columns specified",
                identifier(&alias.name).as_str(),
                columns.len(),
                alias.columns.len()
            );
            let position = self.position(alias.name.span);
            return Err(SqlError::new(SqlErrorKind::InvalidColumnReference, message).at(position));
        }
        let mut names = alias.columns.iter();
        Ok(columns
            .into_iter()
            .map(|column| match names.next() {
                Some(name) => BoundColumn { name: identifier(&name.name).as_str().to_owned(), ..column },
                None => column,
            })
            .collect())
    }

    fn recursive_cte(
        &self,
        written: &ast::Cte,
        name: &Identifier,
        earlier: &[Rc<Cte>],
        surroundings: Surroundings<'_>,
    ) -> Result<Bound, SqlError> {
        let position = self.position(written.alias.name.span);
        let query = &written.query;
        let shape_error = || {
            let message = format!(
                "recursive query \"{}\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                name.as_str()
            );
            SqlError::new(SqlErrorKind::InvalidRecursion, message).at(position)
        };
        let not_implemented = |clause: &str, expr: Option<&ast::Expr>| {
            let message = format!("{clause} in a recursive query is not implemented");
            let position = expr.and_then(|expr| self.start_of(expr)).or(position);
            Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position))
        };
        if let Some(order_by) = &query.order_by {
            return not_implemented("ORDER BY", order_items(Some(order_by))?.first().map(|item| &item.expr));
        }
        match &query.limit_clause {
            Some(ast::LimitClause::LimitOffset { offset: Some(offset), .. }) => {
                return not_implemented("OFFSET", Some(&offset.value));
            }
            Some(ast::LimitClause::LimitOffset { limit, .. }) => {
                return not_implemented("LIMIT", limit.as_ref());
            }
            _ => {}
        }
        if !query.locks.is_empty() {
            let message = "FOR UPDATE/SHARE in a recursive query is not implemented";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
        }
        if let Some(with) = &query.with {
            // Its queries are in sight of both terms.
            let frame = CteFrame { ctes: earlier, parent: surroundings.ctes };
            let around = Surroundings { ctes: Some(&frame), ..surroundings };
            let bare = ast::Cte {
                query: Box::new(ast::Query { with: None, ..query.as_ref().clone() }),
                ..written.clone()
            };
            return self.with_ctes(with, &BTreeMap::new(), around, |inside| {
                self.recursive_cte(&bare, name, &[], inside)
            });
        }
        let ast::SetExpr::SetOperation { op: ast::SetOperator::Union, set_quantifier, left, right } =
            query.body.as_ref()
        else {
            return Err(shape_error());
        };
        self.check_recursion(left, right, name)?;
        let distinct = !matches!(set_quantifier, ast::SetQuantifier::All);
        let frame = CteFrame { ctes: earlier, parent: surroundings.ctes };
        let inside = Surroundings { ctes: Some(&frame), ..surroundings };
        let first = self.set_expression(left, inside, Unknowns::AsText)?;
        let (mut work_name, mut second) = self.second_term(right, &first, written, earlier, surroundings)?;
        // What the second term makes of a numeric column can have more digits than the first term gives.
        let (first, widened) = self.widened(first, &second)?;
        if widened {
            (work_name, second) = self.second_term(right, &first, written, earlier, surroundings)?;
        }
        if second.columns.len() != first.columns.len() {
            return Err(SqlError::new(
                SqlErrorKind::SyntaxError,
                "each UNION query must have the same number of columns",
            )
            .at(position));
        }
        let mut exprs = Vec::new();
        for (index, (target, column)) in first.columns.iter().zip(&second.columns).enumerate() {
            let typed = column.typed();
            let found = typed.column_type.pg_type;
            let coerced = coerce(&self.binding, typed, target.column_type, CastContext::Implicit, position)
                .map_err(|_| {
                let message = format!(
                    "recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall",
                    name.as_str(),
                    index + 1,
                    target.column_type.pg_type.facts().sql_name,
                    found.facts().sql_name
                );
                SqlError::new(SqlErrorKind::DatatypeMismatch, message)
                    .with_hint("Cast the output of the non-recursive term to the correct type.")
                    .at(target.position.or(position))
            })?;
            let expr = if coerced.arrow_type == target.arrow_type {
                coerced.expr
            } else {
                cast(coerced.expr, target.arrow_type.clone())
            };
            exprs.push(expr.alias(&target.column.name));
        }
        let recursive_term = project(second.plan, exprs)?;
        let first = self.nullable_columns(first)?;
        let plan =
            RecursiveQuery::try_new(work_name, Arc::new(first.plan), Arc::new(recursive_term), distinct)
                .map(LogicalPlan::RecursiveQuery)
                .map_err(plan_error)?;
        Ok(Bound { plan, columns: first.columns })
    }

    /// The first term with columns that may all be null: the work table's may be, and what the engine simplifies in the
    /// second term can turn out so where it did not seem to.
    fn nullable_columns(&self, first: Bound) -> Result<Bound, SqlError> {
        let schema = first.plan.schema();
        if schema.fields().iter().all(|field| field.is_nullable()) {
            return Ok(first);
        }
        let exprs = first
            .columns
            .iter()
            .map(|column| nullable(Expr::Column(column.column.clone())).alias(&column.column.name))
            .collect();
        Ok(Bound { plan: project(first.plan, exprs)?, columns: first.columns })
    }

    /// Binds the second term of a recursive query over a work table, whose name comes first: it has the columns of the
    /// first term, under the names of its plan.
    fn second_term(
        &self,
        term: &ast::SetExpr,
        first: &Bound,
        written: &ast::Cte,
        earlier: &[Rc<Cte>],
        surroundings: Surroundings<'_>,
    ) -> Result<(String, Bound), SqlError> {
        let name = identifier(&written.alias.name);
        let work_name = self.fresh(name.as_str());
        let fields: Vec<Field> = first
            .columns
            .iter()
            .map(|column| Field::new(&column.column.name, column.arrow_type.clone(), true))
            .collect();
        let work_table = CteWorkTable::new(&work_name, Arc::new(Schema::new(fields)));
        let source = provider_as_source(Arc::new(work_table));
        let scan = TableScanBuilder::new(TableReference::bare(work_name.clone()), source)
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;
        let columns = self.renamed(first.columns.clone(), &written.alias, "WITH query")?;
        let mut ctes = earlier.to_vec();
        ctes.push(Rc::new(Cte { name, plan: Some(scan), columns, is_work_table: true }));
        let frame = CteFrame { ctes: &ctes, parent: surroundings.ctes };
        let inside = Surroundings { ctes: Some(&frame), ..surroundings };
        Ok((work_name, self.set_expression(term, inside, Unknowns::Keep)?))
    }

    /// The first term with all digits that there are in its numeric columns, and whether that changes it. The scale is
    /// the first term's; where the second term has a larger one, which may grow with each round, it has room to.
    fn widened(&self, first: Bound, second: &Bound) -> Result<(Bound, bool), SqlError> {
        let mut exprs = Vec::with_capacity(first.columns.len());
        let mut columns = Vec::with_capacity(first.columns.len());
        let mut widened = false;
        for (index, column) in first.columns.iter().enumerate() {
            let scale = |column: &BoundColumn| match column.arrow_type {
                DataType::Decimal128(_, scale) => scale,
                _ => 0,
            };
            let own = scale(column);
            let other = second.columns.get(index).map_or(0, scale);
            let room = if other > own { other.max(GROWING_SCALE) } else { own };
            let wide = DataType::Decimal128(NUMERIC_DIGITS, room);
            let same = |other: &BoundColumn| {
                other.column_type == column.column_type && other.arrow_type == column.arrow_type
            };
            if column.column_type.pg_type != PgType::Numeric
                || column.arrow_type == wide
                || second.columns.get(index).is_some_and(same)
            {
                exprs.push(Expr::Column(column.column.clone()));
                columns.push(column.clone());
                continue;
            }
            widened = true;
            let output = self.fresh_column(&column.name);
            exprs.push(cast(Expr::Column(column.column.clone()), wide.clone()).alias(&output.name));
            let column_type = ColumnType::plain(PgType::Numeric);
            columns.push(BoundColumn { column: output, arrow_type: wide, column_type, ..column.clone() });
        }
        if !widened {
            return Ok((first, false));
        }
        Ok((Bound { plan: project(first.plan, exprs)?, columns }, true))
    }
}

/// The digits that a numeric can have.
const NUMERIC_DIGITS: u8 = 38;
/// The scale of a recursive query's numeric column that gets more digits with each round.
const GROWING_SCALE: i8 = 16;

/// Whether computing a plan twice may give different rows.
pub(crate) fn is_volatile(plan: &LogicalPlan) -> Result<bool, SqlError> {
    plan.exists(|node| {
        let mut volatile = false;
        node.apply_expressions(|expr| {
            volatile |= expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(volatile)
    })
    .map_err(plan_error)
}

/// Refuses a WITH query of too many parts (54001). It is evaluated once, but walked through at every reference to it: where
/// each refers twice to the one before, every further one doubles that.
fn check_parts(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut parts = 0;
    plan.apply_with_subqueries(|_| {
        parts += 1;
        Ok(if parts > PARTS_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .map_err(plan_error)?;
    if parts > PARTS_MAX {
        let message = "statement too complex: WITH queries that refer to one another have too many parts";
        return Err(SqlError::new(SqlErrorKind::StatementTooComplex, message));
    }
    Ok(())
}

/// The same of what a modification reads its rows from.
fn modification_mentions(modification: &Modification, name: &Identifier) -> bool {
    match &modification.kind {
        ModificationKind::Insert(insert) => {
            insert.source.as_deref().is_some_and(|query| mentions(query, name))
        }
        ModificationKind::Update(update) => mentions(&update.from, name) || mentions(&update.selection, name),
        ModificationKind::Delete(delete) => {
            mentions(&delete.using, name) || mentions(&delete.selection, name)
        }
        ModificationKind::Merge(merge) => mentions(&merge.source, name),
        ModificationKind::Query(query) => mentions(&**query, name),
    }
}

/// Whether a query is no query: sqlparser reads the commands that change rows in the place of one.
fn changes_rows(query: &ast::Query) -> bool {
    use ast::SetExpr as S;
    matches!(*query.body, S::Insert(_) | S::Update(_) | S::Delete(_) | S::Merge(_))
}

/// Whether something reads from a relation of this unqualified name, wherever in it; not where a WITH inside gives the
/// name to another query.
fn mentions(read: &impl ast::Visit, name: &Identifier) -> bool {
    let mut mentions = Mentions { name, hidden: 0 };
    read.visit(&mut mentions).is_break()
}

struct Mentions<'n> {
    name: &'n Identifier,
    /// How many of the queries around have a WITH query of that name.
    hidden: usize,
}

impl Mentions<'_> {
    fn hides(&self, query: &ast::Query) -> bool {
        let mut names = query.with.iter().flat_map(|with| &with.cte_tables).map(|cte| &cte.alias.name);
        names.any(|name| identifier(name) == *self.name)
    }
}

impl ast::Visitor for Mentions<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        self.hidden += usize::from(self.hides(query));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        self.hidden -= usize::from(self.hides(query));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
        match relation.0.as_slice() {
            [ast::ObjectNamePart::Identifier(only)] if self.hidden == 0 && identifier(only) == *self.name => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

//! INSERT … ON CONFLICT: the proposed rows, in their order, beside the rows of the table that have the same key, and
//! which way each takes. Keys are declared and not enforced, so a key is looked up among the rows that the user sees;
//! two proposed rows with one key are told apart where the rows are written.

use arrow::datatypes::DataType;
use datafusion::{
    common::Column,
    logical_expr::{Case, Expr, LogicalPlan, cast, expr::Sort, lit},
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    super::{
        Binder, Bound, Surroundings, all_columns,
        attachments::Attachments,
        calls::Call,
        from::{Joined, Source},
        order::sorted,
        place::Clause,
        project,
        set_operations::row_number,
        windows::windowed,
    },
    Affected, AffectedColumns, Command, Layout, MergeStep, TargetTable, place,
    returning::Seen,
    update::unchanged,
};
use crate::{
    catalog::{CatalogColumn, CatalogRelation, UniqueKey},
    error::{SqlError, SqlErrorKind},
    modification::{ConflictAction, ConflictTarget, Insert, OnConflict},
    names::{Namespace, ScopeColumn, ScopeTable, Whole, identifier},
    types::Typed,
};

/// The name that the proposed row has.
const EXCLUDED: &str = "excluded";

/// What a proposed row comes to: inserted, updating the row that is there, or nothing.
const STEPS: [MergeStep; 3] = [MergeStep::Insert, MergeStep::Update, MergeStep::Nothing];

impl Binder<'_> {
    /// `keys` are those over which rows conflict, at least one; `proposed` the rows, of all of the table's columns;
    /// `given` the columns that the statement names.
    pub(super) fn insert_or(
        &self,
        insert: &Insert,
        relation: &CatalogRelation,
        keys: &[UniqueKey],
        given: &[CatalogColumn],
        proposed: Bound,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        let Some(OnConflict { action, .. }) = &insert.on_conflict else {
            return Err(SqlError::new(SqlErrorKind::Internal, "an INSERT without ON CONFLICT"));
        };
        let width = proposed.columns.len();
        let position = self.name_position(&insert.target.name);
        let (excluded, ordinal) = self.excluded(relation, proposed)?;
        let values = excluded.namespace.columns.clone();

        // The rows that are there.
        let mut plan = excluded.plan;
        let mut found = Vec::with_capacity(keys.len());
        let mut target = self.target_table(&insert.target, "insert into")?;
        for key in keys {
            target = self.target_table(&insert.target, "insert into")?;
            let columns = key.columns.iter().filter_map(|number| {
                let column = relation.columns.iter().find(|column| column.number == *number)?;
                Some(ast::ObjectName::from(vec![ast::Ident::with_quote('"', column.name.as_str())]))
            });
            let operator = ast::JoinOperator::LeftOuter(ast::JoinConstraint::Using(columns.collect()));
            let left = Joined { plan, namespace: excluded.namespace.clone() };
            let right = Source::Plan(target.joined.clone());
            plan = self.join(left, right, &operator, position, surroundings)?.plan;
            found.extend(target.is_there());
        }
        let names = target.joined.namespace.clone().nullable().and(excluded.namespace);

        // Which way each row takes.
        let attachments = Attachments::default();
        let updates = match action {
            ConflictAction::Nothing => lit(2_i32),
            ConflictAction::Update { condition: None, .. } => lit(1_i32),
            ConflictAction::Update { condition: Some(condition), .. } => {
                let place = place(&names, surroundings, Clause::Where, Some(&attachments));
                either(self.boolean(condition, "WHERE", place)?, lit(1_i32), lit(2_i32))
            }
        };
        let found = found.into_iter().reduce(Expr::or);
        let plan = self.attached(plan, &attachments)?;
        let step = self.fresh_column("step");
        let mut exprs = all_columns(&plan);
        let way = found.map_or_else(|| lit(0_i32), |found| either(found, updates, lit(0_i32)));
        exprs.push(way.alias(&step.name));
        let plan = project(plan, exprs)?;

        // What an updated row becomes.
        let attachments = Attachments::default();
        let place = place(&names, surroundings, Clause::Update, Some(&attachments));
        let assigned = match action {
            ConflictAction::Nothing => None,
            ConflictAction::Update { assignments, .. } => {
                Some(self.assignments(assignments, relation, place)?)
            }
        };
        let plan = self.attached(plan, &attachments)?;

        let mut affected = AffectedColumns::default();
        let number = ColumnType::plain(PgType::Int4);
        let step_at = affected.push(self, "step", Typed::canonical(Expr::Column(step.clone()), number));
        let big = ColumnType::plain(PgType::Int8);
        let ordinal = Typed::canonical(Expr::Column(ordinal), big);
        let ordinal_at = affected.push(self, "ordinal", ordinal);
        let proposed = affected.len();
        for value in &values {
            affected.push(self, value.name.as_str(), unchanged(value));
        }
        let mut layout = Layout {
            width,
            step: Some(step_at),
            ordinal: Some(ordinal_at),
            proposed: Some(proposed),
            new: Some(proposed),
            keys: keys.iter().map(|key| places(key, &target)).collect(),
            ..Layout::default()
        };
        if let Some(assigned) = &assigned {
            layout.identity = Some(affected.push_identity(self, &target));
            layout.old = Some(affected.len());
            for own in target.own() {
                affected.push(self, own.name.as_str(), unchanged(&own));
            }
            layout.new = Some(affected.len());
            for ((column, own), value) in target.columns.iter().zip(target.own()).zip(&values) {
                let set = assigned.iter().find(|assigned| assigned.number == column.number);
                let becomes = match set {
                    Some(set) => set.value.expr.clone(),
                    None => cast(own.expr.clone(), value.arrow_type.clone()),
                };
                let updated = Expr::Column(step.clone()).eq(lit(1_i32));
                let expr = either(updated, becomes, value.expr.clone());
                affected.push(self, column.name.as_str(), Typed::canonical(expr, column.column_type));
            }
        }
        layout.others = affected.len();
        let mut bound = affected.over(plan)?;
        let by = bound.columns.get(ordinal_at).map(|column| Expr::Column(column.column.clone()));
        let by = by.map(|expr| Sort { expr, asc: true, nulls_first: false });
        bound.plan = sorted(bound.plan, by.into_iter().collect());

        let name = insert.target.alias.as_ref().map_or_else(|| relation.name.name.clone(), identifier);
        let row = Seen::row_of(relation, name, insert.target.alias.is_some());
        self.from_names.borrow_mut().push(vec![Identifier::exact(EXCLUDED)]);
        let returning = self.returning(&insert.returning, row, &Namespace::default(), surroundings);
        self.from_names.borrow_mut().pop();
        let returning = returning?;
        let given = given.iter().map(|column| column.number);
        let set = assigned.iter().flatten().map(|assigned| assigned.number);
        let columns = given.chain(set).collect();
        Ok(Affected {
            command: Command::Insert,
            relation: relation.oid,
            bound,
            layout,
            columns,
            reads_target: false,
            steps: if assigned.is_some() { STEPS.to_vec() } else { STEPS[..1].to_vec() },
            returning: returning.map(|(returning, _)| returning),
        })
    }

    /// The keys over which rows conflict.
    pub(super) fn arbiters(
        &self,
        target: &ConflictTarget,
        relation: &CatalogRelation,
    ) -> Result<Vec<UniqueKey>, SqlError> {
        let keys: Vec<UniqueKey> = match target {
            ConflictTarget::Any => relation.unique_keys.clone(),
            ConflictTarget::Constraint(name) => {
                let wanted = identifier(name);
                let key = relation.unique_keys.iter().find(|key| key.name == wanted).cloned();
                vec![key.ok_or_else(|| {
                    let message = format!(
                        "constraint \"{}\" for table \"{}\" does not exist",
                        wanted.as_str(),
                        relation.name.name.as_str()
                    );
                    SqlError::new(SqlErrorKind::UndefinedObject, message)
                })?]
            }
            ConflictTarget::Columns { items, condition } => {
                let nothing = Namespace::default();
                let table = self.scope_of(relation, relation.name.name.clone());
                let names = Namespace::of(table).and(nothing);
                let mut wanted: Vec<i16> = Vec::with_capacity(items.len());
                let mut plain = true;
                for item in items {
                    match item {
                        ast::Expr::Identifier(ident) => {
                            wanted.push(self.conflict_column(ident, relation)?.number);
                        }
                        // There is no index of an expression; what is wrong with it is said first.
                        other => {
                            let place = place(&names, Surroundings::default(), Clause::Where, None);
                            self.expression(other, place)?;
                            plain = false;
                        }
                    }
                }
                if let Some(condition) = condition {
                    let place = place(&names, Surroundings::default(), Clause::Where, None);
                    self.boolean(condition, "WHERE", place)?;
                }
                wanted.sort_unstable();
                wanted.dedup();
                let matches = |key: &&UniqueKey| {
                    let mut columns = key.columns.clone();
                    columns.sort_unstable();
                    columns == wanted
                };
                let key = relation.unique_keys.iter().filter(|_| plain).find(matches).cloned();
                vec![key.ok_or_else(|| {
                    let message =
                        "there is no unique or exclusion constraint matching the ON CONFLICT specification";
                    SqlError::new(SqlErrorKind::InvalidColumnReference, message)
                })?]
            }
        };
        for column in keys.iter().flat_map(|key| &key.columns) {
            let column = relation.columns.iter().find(|other| other.number == *column);
            if let Some(column) = column.filter(|column| !is_equal_by_bytes(column.column_type.pg_type)) {
                let message = format!(
                    "ON CONFLICT over a key of type {} is not supported",
                    column.column_type.pg_type.facts().sql_name
                );
                return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
            }
        }
        Ok(keys)
    }

    fn conflict_column<'r>(
        &self,
        ident: &ast::Ident,
        relation: &'r CatalogRelation,
    ) -> Result<&'r CatalogColumn, SqlError> {
        let name = identifier(ident);
        relation.columns.iter().find(|column| !column.hidden && column.name == name).ok_or_else(|| {
            let message = format!("column \"{}\" does not exist", name.as_str());
            let opening = self.position(ident.span).and_then(|start| self.find_backwards(start, "("));
            SqlError::new(SqlErrorKind::UndefinedColumn, message).at(opening)
        })
    }

    /// The names of a relation's columns, over no plan.
    fn scope_of(&self, relation: &CatalogRelation, name: Identifier) -> ScopeTable {
        Seen::row_of(relation, name, true).into_table()
    }

    /// The proposed rows under their name, and the column that numbers them.
    fn excluded(&self, relation: &CatalogRelation, proposed: Bound) -> Result<(Joined, Column), SqlError> {
        let number = self.fresh_column("row_number");
        let call = Call { expr: row_number(Vec::new(), Vec::new()), column: number.clone(), position: None };
        let plan = windowed(proposed.plan, vec![call])?;
        let ordinal = self.fresh_column("ordinal");
        let mut exprs: Vec<Expr> =
            proposed.columns.iter().map(|column| Expr::Column(column.column.clone())).collect();
        exprs.push(cast(Expr::Column(number), DataType::Int64).alias(&ordinal.name));
        let plan: LogicalPlan = project(plan, exprs)?;
        let columns = proposed.columns.iter().map(|column| {
            std::rc::Rc::new(ScopeColumn {
                name: Identifier::exact(&column.name),
                expr: Expr::Column(column.column.clone()),
                column_type: column.column_type,
                arrow_type: column.arrow_type.clone(),
                collation: column.collation,
                origin: None,
            })
        });
        let table = ScopeTable {
            schema: None,
            key: Vec::new(),
            columns: columns.collect(),
            hidden: Vec::new(),
            whole: Whole::default(),
            ..self.scope_of(relation, Identifier::exact(EXCLUDED))
        };
        Ok((Joined { plan, namespace: Namespace::of(table) }, ordinal))
    }
}

/// Where a key's columns stand among the table's.
fn places(key: &UniqueKey, target: &TargetTable) -> Vec<usize> {
    let columns = &target.columns;
    key.columns
        .iter()
        .filter_map(|number| columns.iter().position(|column| column.number == *number))
        .collect()
}

/// Whether values are equal when their stored bytes are.
fn is_equal_by_bytes(pg_type: PgType) -> bool {
    use PgType as T;
    matches!(
        pg_type,
        T::Bool
            | T::Int2
            | T::Int4
            | T::Int8
            | T::Numeric
            | T::Text
            | T::Varchar
            | T::Bytea
            | T::Date
            | T::Time
            | T::Timestamp
            | T::Timestamptz
            | T::Uuid
    )
}

fn either(condition: Expr, then: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(condition), Box::new(then))],
        else_expr: Some(Box::new(otherwise)),
    })
}

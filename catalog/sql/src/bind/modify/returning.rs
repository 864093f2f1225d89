//! RETURNING: a query of its own over the rows that were written, which are put where it can read them
//! ([`ReturnedRows`]). It sees the table under its name or alias, with the new values (DELETE: the old ones), and the
//! tables of FROM or USING beside it, whose columns are carried along in the affected rows.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use arrow::datatypes::{Field, Schema};
use datafusion::{
    common::{Column, TableReference},
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlan, TableScanBuilder, lit},
};
use lis_lake::{
    ids::Oid,
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    super::{
        Binder, Bound, BoundColumn, Surroundings, attachments::Attachments, place::Clause, plan_error,
        project,
    },
    TargetTable, place,
};
use crate::{
    catalog::CatalogRelation,
    error::SqlError,
    names::{HiddenName, Namespace, ScopeColumn, ScopeTable, Whole},
    output::Origin,
    returned::ReturnedRows,
    types::{Derived, Typed, settle_unknown},
};

/// RETURNING, bound.
#[derive(Debug)]
pub(super) struct Returning {
    pub(super) bound: Bound,
    pub(super) rows: Arc<ReturnedRows>,
    /// Whether columns of the changed table are named.
    pub(super) reads_row: bool,
}

/// The changed row as RETURNING names it.
#[derive(Debug)]
pub(super) struct Seen {
    relation: Oid,
    table: ScopeTable,
}

impl Seen {
    /// A row of the table, as INSERT writes it.
    pub(super) fn row_of(relation: &CatalogRelation, name: Identifier, aliased: bool) -> Self {
        let columns = relation.columns.iter().filter(|column| !column.hidden).map(|column| {
            Rc::new(ScopeColumn {
                name: column.name.clone(),
                expr: Expr::Column(Column::new_unqualified(column.name.as_str())),
                column_type: column.column_type.as_read(),
                arrow_type: column.column_type.to_arrow(),
                collation: Derived::of_lake(column.collation),
                origin: Some(Origin { relation: relation.oid, column: column.number }),
            })
        });
        let tableoid = Rc::new(ScopeColumn {
            name: Identifier::exact("tableoid"),
            expr: lit(relation.oid.get()),
            column_type: ColumnType::plain(PgType::Oid),
            arrow_type: ColumnType::plain(PgType::Oid).to_arrow(),
            collation: Derived::default(),
            origin: None,
        });
        Self {
            relation: relation.oid,
            table: ScopeTable {
                schema: (!aliased).then(|| relation.name.schema.clone()),
                name,
                relation: Some(HiddenName {
                    schema: relation.name.schema.clone(),
                    name: relation.name.name.clone(),
                    visible: true,
                }),
                key: Vec::new(),
                columns: columns.collect(),
                hidden: vec![tableoid],
                whole: Whole::default(),
            },
        }
    }

    /// Its names.
    pub(super) fn into_table(self) -> ScopeTable {
        self.table
    }

    /// A row of the table that UPDATE or DELETE changes.
    pub(super) fn target(target: &TargetTable) -> Self {
        let shown = target.joined.namespace.tables.first();
        let name = shown.map_or_else(|| target.relation.name.name.clone(), |table| table.name.clone());
        let aliased = shown.is_some_and(|table| table.schema.is_none());
        Self::row_of(&target.relation, name, aliased)
    }
}

impl Binder<'_> {
    /// Binds RETURNING. `namespace` is what the statement saw: the changed table first, then the others. Also gives the
    /// values of the others that the affected rows must carry. `None` without RETURNING.
    pub(super) fn returning(
        &self,
        items: &[ast::SelectItem],
        row: Seen,
        namespace: &Namespace,
        surroundings: Surroundings<'_>,
    ) -> Result<Option<(Returning, Vec<Typed>)>, SqlError> {
        if items.is_empty() {
            return Ok(None);
        }
        let qualifier = TableReference::bare(self.fresh("returned"));
        let mut rows =
            RowsColumns { qualifier, fields: Vec::new(), others: Vec::new(), known: HashMap::new() };
        let Seen { relation, table } = row;
        let columns: Vec<_> = table.columns.iter().map(|column| rows.changed(column)).collect();
        let own: HashMap<_, _> = namespace
            .tables
            .first()
            .map(|shown| shown.columns.iter().map(Rc::as_ptr).zip(columns.iter().cloned()).collect())
            .unwrap_or_default();
        rows.known.extend(own);
        let changed = Rc::new(ScopeTable { columns, ..table });
        let others = namespace.tables.iter().skip(1).map(|table| {
            let columns = table.columns.iter().map(|column| rows.carried(column)).collect();
            Rc::new(ScopeTable { columns, key: Vec::new(), ..table.as_ref().clone() })
        });
        let tables: Vec<_> = std::iter::once(Rc::clone(&changed)).chain(others).collect();
        let shown = if namespace.tables.is_empty() {
            changed.columns.clone()
        } else {
            namespace.columns.iter().map(|column| rows.carried(column)).collect()
        };
        let seen = Namespace { tables, columns: shown };
        let provider = Arc::new(ReturnedRows::new(Arc::new(Schema::new(rows.fields))));
        let source = provider_as_source(Arc::clone(&provider) as Arc<_>);
        let plan = TableScanBuilder::new(rows.qualifier, source)
            .build()
            .map(LogicalPlan::TableScan)
            .map_err(plan_error)?;

        let attachments = Attachments::default();
        let place = place(&seen, surroundings, Clause::Returning, Some(&attachments));
        let before = self.shared.dependencies.take();
        let items = self.items(items, place)?;
        let reads_row = super::reads(self.shared.dependencies.borrow().iter(), relation);
        self.shared.dependencies.borrow_mut().extend(before);
        let plan = self.attached(plan, &attachments)?;
        let mut exprs = Vec::with_capacity(items.len());
        let mut columns = Vec::with_capacity(items.len());
        for item in items {
            let typed = settle_unknown(&self.binding, item.typed)?;
            let column = self.fresh_column(&item.name);
            exprs.push(typed.expr.alias(&column.name));
            columns.push(BoundColumn {
                name: item.name,
                column,
                column_type: typed.column_type,
                arrow_type: typed.arrow_type,
                collation: typed.collation.of_column(),
                origin: typed.origin,
                unknown: None,
                position: typed.position,
            });
        }
        let bound = Bound { plan: project(plan, exprs)?, columns };
        Ok(Some((Returning { bound, rows: provider, reads_row }, rows.others)))
    }
}

/// The columns of the rows that RETURNING reads, while they are gathered.
struct RowsColumns {
    qualifier: TableReference,
    fields: Vec<Field>,
    others: Vec<Typed>,
    /// What stands for a column of the statement, by the column's identity: one that USING merges is shown twice.
    known: HashMap<*const ScopeColumn, Rc<ScopeColumn>>,
}

impl RowsColumns {
    fn changed(&mut self, column: &Rc<ScopeColumn>) -> Rc<ScopeColumn> {
        self.push(column)
    }

    fn carried(&mut self, column: &Rc<ScopeColumn>) -> Rc<ScopeColumn> {
        if let Some(known) = self.known.get(&Rc::as_ptr(column)) {
            return Rc::clone(known);
        }
        self.others.push(Typed::new(column.expr.clone(), column.column_type, column.arrow_type.clone()));
        let pushed = self.push(column);
        self.known.insert(Rc::as_ptr(column), Rc::clone(&pushed));
        pushed
    }

    fn push(&mut self, column: &Rc<ScopeColumn>) -> Rc<ScopeColumn> {
        let name = format!("{}#{}", column.name.as_str(), self.fields.len());
        self.fields.push(Field::new(&name, column.arrow_type.clone(), true));
        let expr = Expr::Column(Column::new(Some(self.qualifier.clone()), name));
        Rc::new(ScopeColumn { expr, ..column.as_ref().clone() })
    }
}

//! What a statement about a table asks of its rows. The questions are ordinary queries in the rights of who asks, over
//! what the statement has staged. A user from whom row security hides rows gets no answer at all, since it would tell of
//! the hidden ones.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::{
    common::{ScalarValue, tree_node::TreeNodeRecursion},
    logical_expr::{Expr, LogicalPlan},
};
use futures::StreamExt;
use lis_lake::{
    names::Identifier,
    table::{Column, Relation, Table},
    types::ColumnType,
};
use lis_pg_catalog::format_type::format_type;
use lis_security::AuthorisedQuery;
use lis_sql::{
    catalog::CatalogColumn,
    error::{SqlError, SqlErrorKind},
    expression_text,
    keywords::quote_identifier,
    output::BoundQuery,
    statement::ParsedStatement,
};

use super::{Ddl, constraints::moved};
use crate::{
    error::{Condition, Result, ServerError},
    query,
};

impl Ddl<'_> {
    /// Refuses to look at the rows of a table for someone who may not see all of them.
    pub(super) fn require_all_rows(&self, table: &Table) -> Result<()> {
        let hides =
            self.request.judge(&self.server, |context| lis_security::row_security_applies(context, table))?;
        if !hides {
            return Ok(());
        }
        Err(ServerError::new(
            Condition::InsufficientPrivilege,
            format!("row-level security hides rows of table \"{}\"", table.name.as_str()),
        )
        .with_detail(
            "The existing rows must be checked or changed, and the current role may not see all of them.",
        )
        .with_hint("A role that bypasses row-level security can do it."))
    }

    /// Whether any row of a table satisfies a condition, which is SQL text over its columns.
    pub(super) async fn any_row(&mut self, table: &Table, rest: &str) -> Result<bool> {
        Ok(self.any_of(table, "1", rest).await?.is_some())
    }

    /// An expression's value for any row or group that satisfies a condition.
    pub(super) async fn any_of(
        &mut self,
        table: &Table,
        expression: &str,
        rest: &str,
    ) -> Result<Option<ScalarValue>> {
        let text = format!("SELECT {expression} FROM {} {rest} LIMIT 1", self.sql_name(table));
        self.first_value(&text).await
    }

    /// A table's name in SQL that finds it whatever the search path is.
    pub(super) fn sql_name(&self, table: &Table) -> String {
        let schema = self.request.snapshot.schema(table.schema_id);
        let schema = schema.map_or("", |schema| schema.name.as_str());
        format!("{}.{}", quote_identifier(schema), quote_identifier(table.name.as_str()))
    }

    /// The value in the first row and column of a query that the server wrote.
    async fn first_value(&mut self, text: &str) -> Result<Option<ScalarValue>> {
        let parsed = one_statement(text)?;
        let mut cursor = query::open(&self.server, &self.request, &parsed).await?;
        first_of(cursor.next(1).await?.as_ref())
    }

    /// Binds a query that the server wrote, its columns assigned to a table's, and judges it as the user's own.
    pub(super) fn assigned(&self, text: &str, columns: &[CatalogColumn]) -> Result<AuthorisedQuery> {
        let bound = self.bind_assigned(text, columns)?;
        self.request.judge(&self.server, |context| lis_security::authorise(bound, context))
    }

    pub(super) fn bind_assigned(&self, text: &str, columns: &[CatalogColumn]) -> Result<BoundQuery> {
        let parsed = one_statement(text)?;
        let query = query::query_of(&parsed.statement)
            .ok_or_else(|| ServerError::new(Condition::SyntaxError, "an expression is needed"))?;
        let catalog = self.request.catalog(&self.server);
        Ok(lis_sql::bind_assigned(query, text, columns, &catalog, &self.request.bind)?)
    }

    /// A DEFAULT as a value of a column; `None` is null.
    pub(super) async fn default_value(
        &mut self,
        column: &Identifier,
        column_type: ColumnType,
        default: &str,
    ) -> Result<Option<ScalarValue>> {
        let target = target(column, column_type);
        let query = self.assigned(&format!("SELECT ({default})"), &[target]).map_err(of_default)?;
        let mut stream = query::execute(&self.server, query).await?;
        let first = stream.next().await.transpose()?;
        let Some(value) = first_of(first.as_ref())?.filter(|value| !value.is_null()) else { return Ok(None) };
        Ok(Some(value.cast_to(&column_type.to_arrow())?))
    }

    /// Binds a DEFAULT, so that what cannot be one is refused when it is said, and tells whether it is volatile.
    pub(super) fn check_default(
        &self,
        column: &Identifier,
        column_type: ColumnType,
        default: &str,
        position: Option<usize>,
    ) -> Result<bool> {
        if expression_text::has_subquery(default)? {
            return Err(ServerError::not_supported("cannot use subquery in DEFAULT expression"));
        }
        let target = target(column, column_type);
        let within = |error| {
            let lead = "SELECT (".len();
            moved(error, |found| position.map(|position| (position + found).saturating_sub(lead + 1)))
        };
        let bound = self
            .bind_assigned(&format!("SELECT ({default})"), &[target])
            .map_err(within)
            .map_err(of_default)?;
        let (mut volatile, mut refused) = (false, None);
        bound.plan.apply_with_subqueries(|node| {
            let found = match node {
                LogicalPlan::Projection(_) | LogicalPlan::EmptyRelation(_) => None,
                LogicalPlan::Aggregate(_) => Some((SqlErrorKind::GroupingError, "aggregate")),
                LogicalPlan::Window(_) => Some((SqlErrorKind::WindowingError, "window")),
                _ => Some((SqlErrorKind::FeatureNotSupported, "set-returning")),
            };
            refused = refused.or(found);
            volatile |= node.expressions().iter().any(Expr::is_volatile);
            Ok(TreeNodeRecursion::Continue)
        })?;
        if let Some((error, kind)) = refused {
            let message = format!("{kind} functions are not allowed in DEFAULT expressions");
            return Err(SqlError::new(error, message).into());
        }
        Ok(volatile)
    }

    /// The same for a column that becomes of another type: its default is cast as its values are.
    pub(super) fn check_default_of_type(
        &self,
        column: &Column,
        column_type: ColumnType,
        default: &str,
    ) -> Result<()> {
        let old = column.column_type;
        let old_name = format_type(old.pg_type.oid(), Some(old.typmod));
        let target = target(&column.name, column_type);
        match self.bind_assigned(&format!("SELECT CAST(({default}) AS {old_name})"), &[target]) {
            Ok(_) => Ok(()),
            Err(ServerError::Sql(error)) if error.kind == SqlErrorKind::DatatypeMismatch => {
                let message = format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    column.name.as_str(),
                    lis_sql::types::type_name(column_type.pg_type)
                );
                Err(ServerError::new(Condition::DatatypeMismatch, message))
            }
            Err(error) => Err(of_default(error)),
        }
    }

    /// A table as it is in the statement's snapshot.
    pub(super) fn present(&self, table: &Table) -> Result<Arc<Table>> {
        match self.request.snapshot.relation(table.id) {
            Some(Relation::Table(table)) => Ok(Arc::clone(table)),
            _ => Err(ServerError::new(Condition::InternalError, "a table that is not there")),
        }
    }
}

fn one_statement(text: &str) -> Result<Arc<ParsedStatement>> {
    let parsed = lis_sql::parse(text)?.pop().map(Arc::new);
    parsed.ok_or_else(|| ServerError::new(Condition::InternalError, "a query without a statement"))
}

fn first_of(rows: Option<&RecordBatch>) -> Result<Option<ScalarValue>> {
    match rows.filter(|rows| rows.num_rows() > 0).and_then(|rows| rows.columns().first()) {
        Some(value) => Ok(Some(ScalarValue::try_from_array(value, 0)?)),
        None => Ok(None),
    }
}

/// A column to be assigned to.
pub(super) fn target(name: &Identifier, column_type: ColumnType) -> CatalogColumn {
    CatalogColumn {
        name: name.clone(),
        column_type,
        number: 1,
        collation: lis_lake::table::Collation::C,
        not_null: false,
        default: None,
        hidden: false,
    }
}

/// What is wrong with a default, without a position: its text is only a part of the statement's.
fn of_default(error: ServerError) -> ServerError {
    match error {
        ServerError::Sql(inner) => {
            if inner.kind == lis_sql::error::SqlErrorKind::UndefinedColumn {
                return ServerError::not_supported("cannot use column reference in DEFAULT expression")
                    .at(inner.position);
            }
            if inner.kind == lis_sql::error::SqlErrorKind::DatatypeMismatch {
                let message = inner.message.replace("but expression is", "but default expression is");
                return ServerError::new(Condition::DatatypeMismatch, message)
                    .with_hint("You will need to rewrite or cast the expression.");
            }
            ServerError::Sql(inner)
        }
        other => other,
    }
}

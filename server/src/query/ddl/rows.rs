//! What a statement about a table asks of its rows. The questions are ordinary queries in the rights of who asks, over
//! what the statement has staged. A user from whom row security hides rows gets no answer at all, since it would tell of
//! the hidden ones.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::{
    common::{ScalarValue, tree_node::TreeNodeRecursion},
    logical_expr::Expr,
};
use futures::StreamExt;
use lis_lake::{
    names::Identifier,
    table::{Relation, Table},
    types::ColumnType,
};
use lis_security::AuthorisedQuery;
use lis_sql::{
    catalog::CatalogColumn, keywords::quote_identifier, output::BoundQuery, statement::ParsedStatement,
};

use super::Ddl;
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
        let text = format!("SELECT 1 FROM {} {rest} LIMIT 1", self.sql_name(table));
        Ok(self.first_value(&text).await?.is_some())
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
    ) -> Result<bool> {
        let target = target(column, column_type);
        let bound = self.bind_assigned(&format!("SELECT ({default})"), &[target]).map_err(of_default)?;
        let mut volatile = false;
        bound.plan.apply_with_subqueries(|node| {
            volatile |= node.expressions().iter().any(Expr::is_volatile);
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(volatile)
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
        ServerError::Sql(mut inner) => {
            inner.position = None;
            if inner.kind == lis_sql::error::SqlErrorKind::UndefinedColumn {
                return ServerError::not_supported("cannot use column reference in DEFAULT expression");
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

//! CREATE [OR REPLACE] VIEW.

use std::sync::Arc;

use lis_lake::{
    names::Identifier,
    staged::{NewColumn, NewView},
    table::Relation,
};
use lis_sql::{
    error::{SqlError, SqlErrorKind},
    output::OutputColumn,
    statement::{OnCommit, UtilityStatement},
};

use super::Ddl;
use crate::{
    error::{Condition, Result, ServerError},
    query,
};

impl Ddl<'_> {
    pub(super) async fn create_view(&mut self, utility: &UtilityStatement) -> Result<()> {
        let UtilityStatement::CreateView {
            name,
            or_replace,
            temporary,
            columns,
            security_invoker,
            query,
            text,
            recursive,
        } = utility
        else {
            return Ok(());
        };
        let mut schema = self.schema_for(name, temporary.then(OnCommit::default)).await?;
        self.require_create(&schema)?;
        let (authorised, parameters) = query::authorise(&self.server, &self.request, self.parsed).await?;
        if !parameters.is_empty() {
            let message = "there is no parameter $1";
            return Err(SqlError::new(SqlErrorKind::UndefinedParameter, message).into());
        }
        if columns.len() > authorised.outputs.len() {
            return Err(ServerError::new(
                Condition::SyntaxError,
                "CREATE VIEW specifies more column names than columns",
            ));
        }
        let new_columns = output_columns(&authorised.outputs, columns)?;
        let catalog = self.request.catalog(&self.server);
        let stored = lis_sql::qualify_query(query, &self.parsed.text, text, &catalog, &self.request.bind)?;
        if !schema.temporary && self.reads_temporary(&stored.reads) {
            self.notice(format!("view \"{}\" will be a temporary view", name.name.as_str()))?;
            if name.schema.is_some() {
                return Err(ServerError::new(
                    Condition::InvalidTableDefinition,
                    "cannot create temporary relation in non-temporary schema",
                ));
            }
            schema = self.schema_for(name, Some(OnCommit::default())).await?;
        }
        let definition = match recursive {
            true => lis_sql::recursive_view_text(&name.name, columns, &stored.text),
            false => stored.text,
        };
        let new = NewView {
            schema_id: schema.id,
            name: name.name.clone(),
            owner: self.request.principal.current_oid(),
            comment: None,
            definition,
            columns: new_columns,
            reads: Some(stored.reads.into()),
            security_invoker: security_invoker.unwrap_or(true),
        };
        let replaced = match self.request.snapshot.relation_in(schema.id, &name.name) {
            Some(Relation::View(view)) if *or_replace => Some(Arc::clone(view)),
            Some(Relation::Table(_)) if *or_replace => {
                return Err(ServerError::new(
                    Condition::WrongObjectType,
                    format!("\"{}\" is not a view", name.name.as_str()),
                ));
            }
            _ => None,
        };
        if let Some(view) = replaced {
            self.require_owner(view.id.oid())?;
            check_replacement(&view.columns, &new.columns)?;
            let new = NewView { comment: view.comment.clone(), ..new };
            self.staged().await?.replace_view(view.id, new)?;
            return Ok(());
        }
        self.existing(&schema, &name.name, false)?;
        self.staged().await?.create_view(new).await?;
        Ok(())
    }
}

/// The columns that a query's output makes, under the names that were written.
pub(super) fn output_columns(outputs: &[OutputColumn], names: &[Identifier]) -> Result<Vec<NewColumn>> {
    let mut columns: Vec<NewColumn> = Vec::with_capacity(outputs.len());
    for (index, output) in outputs.iter().enumerate() {
        let name = names.get(index).cloned().unwrap_or_else(|| Identifier::exact(&output.name));
        if columns.iter().any(|other| other.name == name) {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" specified more than once", name.as_str()),
            ));
        }
        let mut column_type = output.column_type;
        column_type.pg_type = crate::wire::types::client_type(column_type.pg_type);
        let mut column = NewColumn::new(name, column_type);
        column.collation = output.collation.to_lake();
        columns.push(column);
    }
    Ok(columns)
}

/// OR REPLACE keeps the columns that are there, and may add more behind them.
fn check_replacement(old: &[lis_lake::table::Column], new: &[NewColumn]) -> Result<()> {
    let invalid = |message: String| ServerError::new(Condition::InvalidTableDefinition, message);
    if old.len() > new.len() {
        return Err(invalid("cannot drop columns from view".to_owned()));
    }
    for (old, new) in old.iter().zip(new) {
        if old.name != new.name {
            return Err(invalid(format!(
                "cannot change name of view column \"{}\" to \"{}\"",
                old.name.as_str(),
                new.name.as_str()
            ))
            .with_hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        let declared = |column_type: lis_lake::types::ColumnType| (column_type.pg_type, column_type.typmod);
        if declared(old.column_type) != declared(new.column_type) {
            let shown = |column_type: lis_lake::types::ColumnType| {
                lis_pg_catalog::format_type::format_type(column_type.pg_type.oid(), Some(column_type.typmod))
            };
            return Err(invalid(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name.as_str(),
                shown(old.column_type),
                shown(new.column_type)
            )));
        }
    }
    Ok(())
}

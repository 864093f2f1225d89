//! CREATE TABLE AS, SELECT INTO, CREATE and REFRESH MATERIALIZED VIEW: tables made from queries. What is made from
//! secured tables is secured in its turn (`lis_security::derivation`), in the same commit.

use std::sync::Arc;

use arrow::{
    compute::{CastOptions, cast_with_options},
    datatypes::DataType,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use futures::StreamExt;
use lis_functions::arrays::{dimensions::plain, shape};
use lis_lake::{
    data_file::StagedFile,
    files::{TableWriter, WriterOptions},
    names::Identifier,
    staged::NewTable,
    table::{MaterializedView, Relation, Table},
    types::{ColumnType, NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT, PgType},
};
use lis_security::AuthorisedQuery;
use lis_sql::statement::{ObjectName, RelationKind, UtilityStatement};

use super::{Ddl, find_relation, kind_of, no_relation, views::output_columns};
use crate::{
    error::{Condition, Result, ServerError},
    query::{self, record::StatementRecord},
};

impl Ddl<'_> {
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW. The tag, where it is not the statement's usual one.
    pub(super) async fn create_table_as(&mut self, utility: &UtilityStatement) -> Result<Option<String>> {
        let UtilityStatement::CreateTableAs {
            kind,
            name,
            temporary,
            if_not_exists,
            columns,
            query,
            text,
            with_data,
        } = utility
        else {
            return Ok(None);
        };
        let schema = self.schema_for(name, *temporary).await?;
        self.require_create(&schema)?;
        if self.existing(&schema, &name.name, *if_not_exists)? {
            return Ok(None);
        }
        let (authorised, parameters) = query::authorise(&self.server, &self.request, self.parsed).await?;
        if !parameters.is_empty() {
            return Err(ServerError::new(Condition::UndefinedObject, "there is no parameter $1"));
        }
        if columns.len() > authorised.outputs.len() {
            return Err(ServerError::new(Condition::SyntaxError, "too many column names were specified"));
        }
        let materialized = match kind {
            RelationKind::MaterializedView => {
                let catalog = self.request.catalog(&self.server);
                let stored =
                    lis_sql::qualify_query(query, &self.parsed.text, text, &catalog, &self.request.bind)?;
                self.refuse_temporary_reads(&stored.reads)?;
                let reads: Arc<[_]> = stored.reads.into();
                Some(MaterializedView { definition: stored.text, reads, populated: *with_data })
            }
            RelationKind::Table | RelationKind::View => None,
        };
        let mut new_columns = output_columns(&authorised.outputs, columns)?;
        let fields = authorised.plan_schema();
        for (column, field) in new_columns.iter_mut().zip(fields.fields()) {
            column.column_type = stored_type(&column.name, column.column_type, field.data_type())?;
        }
        let new = NewTable {
            schema_id: schema.id,
            name: name.name.clone(),
            owner: self.request.principal.current_oid(),
            comment: None,
            columns: new_columns,
            constraints: Vec::new(),
            materialized,
            sort_order: Vec::new(),
        };
        let mut table = self.staged().await?.create_table(new).await?;
        if let Some(on_commit) = temporary {
            self.session.transaction.note_on_commit(table.id, *on_commit);
        }
        if !schema.temporary {
            self.derive(&table, &authorised).await?;
            // It may have got an order.
            self.see_staged().await?;
            table = self.present(&table)?;
        }
        if !with_data {
            return Ok(None);
        }
        let (rows, files) = self.filled(&table, authorised).await?;
        self.staged().await?.append_files(table.id, files)?;
        Ok(Some(format!("SELECT {rows}")))
    }

    /// REFRESH MATERIALIZED VIEW, in the rights of its owner. CONCURRENTLY says nothing: readers never wait.
    pub(super) async fn refresh(&mut self, name: &ObjectName, with_data: bool) -> Result<()> {
        let relation =
            find_relation(&self.request, name)?.ok_or_else(|| no_relation("relation", name))?.clone();
        match kind_of(&relation) {
            RelationKind::MaterializedView => {}
            RelationKind::Table => {
                let message = format!("\"{}\" is not a materialized view", relation.name().as_str());
                return Err(ServerError::not_supported(message));
            }
            RelationKind::View => {
                let name = relation.name().as_str();
                let message = format!("\"{name}\" is not a table or materialized view");
                return Err(ServerError::new(Condition::WrongObjectType, message));
            }
        }
        self.require_owner(relation.id().oid())?;
        let Relation::Table(table) = relation else { return Ok(()) };
        let Some(materialized) = table.materialized.clone() else { return Ok(()) };
        let files = if with_data {
            let asked = self.request.clone();
            let principal = asked.principal.as_owner(&asked.rights, table.owner)?;
            let bind = Arc::make_mut(&mut self.request.bind);
            bind.current_user = principal.current_user().clone();
            bind.current_user_oid = principal.current_oid();
            bind.administrations = asked.rights.administrations(&principal);
            self.request.principal = principal;
            let filled = self.refreshed(&table, &materialized).await;
            self.request = asked;
            filled?
        } else {
            Vec::new()
        };
        let staged = self.staged().await?;
        staged.replace_files(table.id, files)?;
        let view = MaterializedView { populated: with_data, ..MaterializedView::clone(&materialized) };
        staged.set_materialized(table.id, view)?;
        Ok(())
    }

    async fn refreshed(
        &mut self,
        table: &Arc<Table>,
        materialized: &MaterializedView,
    ) -> Result<Vec<StagedFile>> {
        let catalog = self.request.catalog(&self.server);
        let bound = lis_sql::bind_stored(
            &materialized.definition,
            &materialized.reads,
            &catalog,
            &self.request.bind,
        )?;
        let authorised =
            self.request.judge(&self.server, |context| lis_security::authorise(bound, context))?;
        self.derive(table, &authorised).await?;
        Ok(self.filled(table, authorised).await?.1)
    }

    /// Secures a table that is made from others as they are.
    async fn derive(&mut self, table: &Table, query: &AuthorisedQuery) -> Result<()> {
        let changes =
            self.request.judge(&self.server, |context| lis_security::derivation(context, table, query))?;
        if !changes.is_empty() {
            let transaction = &mut self.session.transaction;
            transaction.sort_secured(&self.server.lake, &changes, &self.parsed.text).await?;
            self.session.transaction.add_security(changes, &self.parsed.text);
        }
        Ok(())
    }

    /// The query's rows in files of the table.
    async fn filled(&mut self, table: &Table, query: AuthorisedQuery) -> Result<(u64, Vec<StagedFile>)> {
        let mut record =
            StatementRecord::begin(&self.server, &self.request, &self.parsed.text, &query.access).await?;
        let server = Arc::clone(&self.server);
        let work = async {
            let mut stream = query::execute(&server, query).await?;
            let mut writer = server.lake.writer(table, WriterOptions::default()).await?;
            let mut rows = 0;
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                rows += batch.num_rows() as u64;
                writer.write(converted(&writer, &batch)?).await?;
            }
            Ok((rows, writer.finish().await?))
        };
        let filled: Result<(u64, Vec<StagedFile>)> = work.await;
        match &filled {
            Ok((rows, _)) => record.add_rows(*rows),
            Err(error) => record.note(error),
        }
        filled
    }
}

/// The type in which a query's column is stored. A `numeric` without a modifier keeps the scale that its values have, and
/// how they are shown: a sum of amounts like the amounts, an average with the digits that PostgreSQL gives it.
fn stored_type(name: &Identifier, column_type: ColumnType, found: &DataType) -> Result<ColumnType> {
    if !column_type.pg_type.can_be_stored() {
        return Err(ServerError::not_supported(format!(
            "column \"{}\" cannot have the type {}",
            name.as_str(),
            lis_sql::types::type_name(column_type.pg_type)
        )));
    }
    let stored = ColumnType::new(column_type.pg_type, column_type.typmod);
    let DataType::Decimal128(_, scale) = shape::element_type(found).unwrap_or(found) else {
        return Ok(stored);
    };
    Ok(match column_type.pg_type {
        PgType::Numeric if stored.typmod < 0 => ColumnType::held_at(*scale, column_type.shown),
        // The elements of an array have no place for more than a modifier.
        PgType::Array(PgType::Numeric) if stored.typmod < 0 && *scale != NUMERIC_SCALE_DEFAULT => {
            ColumnType::numeric(NUMERIC_PRECISION_MAX, *scale).with_type(column_type.pg_type)
        }
        _ => stored,
    })
}

/// Rows as the table has them. A value that does not fit is an error and never a null.
fn converted(writer: &TableWriter, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = Arc::clone(writer.schema());
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            let column = if shape::is_shaped(column.data_type()) { &plain(column)? } else { column };
            cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                if matches!(field.data_type(), DataType::Decimal128(..)) {
                    ServerError::new(Condition::NumericValueOutOfRange, "numeric field overflow")
                } else {
                    error.into()
                }
            })
        })
        .collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

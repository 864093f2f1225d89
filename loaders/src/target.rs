//! The table in the lake that a source feeds: made by the first delivery as the source describes it, compared with the
//! description by every later one.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, BooleanArray, new_null_array},
    compute::filter_record_batch,
    datatypes::SchemaRef,
    record_batch::RecordBatch,
};
use lis_lake::{
    hooks::RowCheck,
    ids::{Oid, SchemaId},
    names::{Identifier, QualifiedName},
    provider::table_schema,
    snapshot::Snapshot,
    staged::{NewColumn, NewConstraint, NewConstraintKind, NewSchema, NewTable, StagedChanges},
    table::{Relation, Table},
};

use crate::{
    cleanse::{CleansedRows, Problem},
    config::TableSpec,
    error::LoadError,
    rules::{Broken, Rule},
};

/// A table and how rows of its source fit it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) table: Arc<Table>,
    /// For each column of the table, the source's column; `None` is null.
    columns: Vec<Option<usize>>,
    schema: SchemaRef,
}

impl Target {
    /// Cleansed rows, without those rejected, as rows of the table.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch, LoadError> {
        let arrays: Vec<ArrayRef> = self
            .columns
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| match column {
                Some(column) => Arc::clone(batch.column(*column)),
                None => new_null_array(field.data_type(), batch.num_rows()),
            })
            .collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }

    /// Finds the rows that the table refuses and the source's own rules let through: NOT NULL, then `checks`. A row that
    /// has a problem already is not judged.
    pub(crate) fn judge(
        &self,
        rows: &mut CleansedRows,
        checks: Option<&dyn RowCheck>,
    ) -> Result<(), LoadError> {
        let mut sound = vec![true; rows.batch.num_rows()];
        for problem in &rows.problems {
            if let Some(sound) = sound.get_mut(problem.row) {
                *sound = false;
            }
        }
        for (column, position) in self.table.columns.iter().zip(&self.columns) {
            let Some(position) = position.filter(|_| column.not_null) else { continue };
            let Some(nulls) = rows.batch.column(position).logical_nulls() else { continue };
            for (row, sound) in
                sound.iter_mut().enumerate().filter(|(row, sound)| **sound && nulls.is_null(*row))
            {
                let broken = Broken::new(Rule::Required, "a value is required");
                rows.problems.push(Problem { row, column: Some(position), broken, value: None });
                *sound = false;
            }
        }
        let Some(checks) = checks else { return Ok(()) };
        let places: Vec<usize> = (0..sound.len()).filter(|row| sound[*row]).collect();
        let judged = filter_record_batch(&rows.batch, &BooleanArray::from(sound))?;
        for (row, message) in checks.refused(&self.rows(&judged)?)? {
            let Some(row) = places.get(row) else { continue };
            let broken = Broken::new(Rule::Check, message);
            rows.problems.push(Problem { row: *row, column: None, broken, value: None });
        }
        Ok(())
    }

    /// The name of one of the table's columns that the source fills.
    pub(crate) fn table_column(&self, spec: &TableSpec, column: usize) -> Option<lis_lake::ids::ColumnId> {
        let name = &spec.columns.get(column)?.name;
        self.table.columns.iter().find(|column| column.name == *name).map(|column| column.id)
    }
}

/// A table of a snapshot by name.
pub(crate) fn find_table(snapshot: &Snapshot, name: &QualifiedName) -> Result<Option<Arc<Table>>, LoadError> {
    match snapshot.relation_named(name) {
        None => Ok(None),
        Some(Relation::Table(table)) if table.materialized.is_some() => {
            Err(mismatch(name, "it is a materialized view"))
        }
        Some(Relation::Table(table)) => Ok(Some(Arc::clone(table))),
        Some(Relation::View(_)) => Err(mismatch(name, "it is a view")),
    }
}

fn mismatch(table: &QualifiedName, message: impl Into<String>) -> LoadError {
    LoadError::Target { table: table.to_string(), message: message.into() }
}

/// The table of a source, made if there is none.
pub(crate) async fn prepare(changes: &mut StagedChanges, spec: &TableSpec) -> Result<Target, LoadError> {
    let table = match find_table(&changes.snapshot(), &spec.name)? {
        Some(table) => table,
        None => create(changes, spec).await?,
    };
    let columns = compare(spec, &table)?;
    Ok(Target { schema: table_schema(&table), table, columns })
}

async fn create(changes: &mut StagedChanges, spec: &TableSpec) -> Result<Arc<Table>, LoadError> {
    let schema_id = schema(changes, &spec.name.schema).await?;
    let names = |columns: &[usize]| -> Vec<Identifier> {
        columns
            .iter()
            .filter_map(|column| spec.columns.get(*column))
            .map(|column| column.name.clone())
            .collect()
    };
    let mut constraints = Vec::new();
    let mut add = |kind, columns: &[usize]| {
        constraints.push(NewConstraint { name: None, kind, columns: names(columns) });
    };
    if let Some(key) = &spec.primary_key {
        add(NewConstraintKind::PrimaryKey, key);
    }
    for key in &spec.unique {
        add(NewConstraintKind::Unique, key);
    }
    for key in &spec.foreign_keys {
        let referred = &key.references.table;
        let Some(table) = find_table(&changes.snapshot(), referred)? else {
            return Err(mismatch(&spec.name, format!("it refers to {referred}, which does not exist yet")));
        };
        add(
            NewConstraintKind::ForeignKey {
                references: table.id,
                referenced_columns: key.references.columns.clone(),
            },
            &key.columns,
        );
    }
    let table = NewTable {
        schema_id,
        name: spec.name.name.clone(),
        owner: Oid::ADMINISTRATOR,
        comment: spec.comment.clone(),
        columns: spec
            .columns
            .iter()
            .map(|column| NewColumn {
                name: column.name.clone(),
                column_type: column.column_type,
                not_null: column.not_null,
                collation: column.collation,
                default: None,
                initial_default: None,
                comment: column.comment.clone(),
            })
            .collect(),
        constraints,
        materialized: None,
        sort_order: names(&spec.sort),
    };
    Ok(changes.create_table(table).await?)
}

async fn schema(changes: &mut StagedChanges, name: &Identifier) -> Result<SchemaId, LoadError> {
    if let Some(schema) = changes.snapshot().schema_named(name) {
        return Ok(schema.id);
    }
    let new = NewSchema { name: name.clone(), owner: Oid::ADMINISTRATOR, comment: None };
    Ok(changes.create_schema(new).await?.id)
}

/// Finds the source's column for each of the table's. Types must be equal: a source that writes wider values than a table
/// keeps would be rejected row by row, and a narrower one would let clients see a type that nobody declared.
fn compare(spec: &TableSpec, table: &Table) -> Result<Vec<Option<usize>>, LoadError> {
    for column in &spec.columns {
        if !table.columns.iter().any(|other| other.name == column.name) {
            return Err(mismatch(
                &spec.name,
                format!("it has no column {}, which the source fills", column.name),
            ));
        }
    }
    let mut positions = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let position = spec.columns.iter().position(|other| other.name == column.name);
        match position.and_then(|position| spec.columns.get(position)) {
            Some(other) if other.column_type != column.column_type => {
                return Err(mismatch(
                    &spec.name,
                    format!("column {} has another type than in the source", column.name),
                ));
            }
            None if column.not_null => {
                let message = format!("column {} is NOT NULL, and the source does not fill it", column.name);
                return Err(mismatch(&spec.name, message));
            }
            Some(_) | None => positions.push(position),
        }
    }
    Ok(positions)
}

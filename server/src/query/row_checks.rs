//! The checks of rows that are written, in one place: INSERT, UPDATE, MERGE, COPY and whatever else adds rows to a table
//! give every batch to [`RowChecks::verify`] before it is staged. In PostgreSQL's order: WITH CHECK of the row policies,
//! NOT NULL, CHECK; and by row, so that a statement fails with its first bad row. Type limits (22001, 22003) are the
//! casts' that made the values.
//!
//! A row is shown in an error only where PostgreSQL shows it: not where row security applies, and to who may not read the
//! table only the columns that the statement itself gives values for.

use arrow::record_batch::RecordBatch;
use lis_lake::table::Table;
use lis_security::RowCheck;
use lis_sql::output::OutputColumn;

use super::check_constraints::CheckConstraints;
use crate::{
    error::{Condition, Result, ServerError, Subject},
    wire::{
        encode::{OutputOptions, RowEncoder},
        types::Format,
    },
};

/// Bytes of a value that an error shows (PostgreSQL's `maxfieldlen`).
const SHOWN_BYTES_MAX: usize = 64;

/// What is checked of the rows that a statement writes into a table.
#[derive(Debug)]
pub(crate) struct RowChecks {
    table: String,
    /// The table's schema, where it is known.
    schema: Option<String>,
    columns: Vec<OutputColumn>,
    not_null: Vec<usize>,
    policies: Option<RowCheck>,
    constraints: Option<CheckConstraints>,
    /// The columns that errors show, by their place; `None` is all.
    shown: Option<Vec<usize>>,
    output: OutputOptions,
}

impl RowChecks {
    /// For a table. `policies` is what row security says, `None` where it does not apply; `output` writes values in
    /// errors.
    pub(crate) fn new(table: &Table, policies: Option<RowCheck>, output: OutputOptions) -> Self {
        let columns = table.columns.iter().map(|column| OutputColumn {
            name: column.name.as_str().to_owned(),
            column_type: column.column_type,
            collation: lis_sql::types::Derived::of_lake(column.collation),
            origin: None,
        });
        let not_null = table.columns.iter().enumerate().filter(|(_, column)| column.not_null);
        Self {
            table: table.name.as_str().to_owned(),
            schema: None,
            columns: columns.collect(),
            not_null: not_null.map(|(position, _)| position).collect(),
            policies,
            constraints: None,
            shown: None,
            output,
        }
    }

    /// With the table's CHECK constraints.
    #[must_use]
    pub(crate) fn with_constraints(self, constraints: Option<CheckConstraints>) -> Self {
        Self { constraints, ..self }
    }

    /// With the name of the table's schema, for errors.
    #[must_use]
    pub(crate) fn in_schema(self, schema: Option<String>) -> Self {
        Self { schema, ..self }
    }

    /// For a user who may not read the table: errors show these columns only.
    #[must_use]
    pub(crate) fn showing(self, shown: Option<Vec<usize>>) -> Self {
        Self { shown, ..self }
    }

    /// Checks rows: the table's columns in order (more may follow).
    pub(crate) fn verify(&self, rows: &RecordBatch) -> Result<()> {
        self.first_bad(rows)?.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// The first row that may not be written, and why.
    pub(crate) fn first_bad(&self, rows: &RecordBatch) -> Result<Option<(usize, ServerError)>> {
        let mut first: Option<(usize, ServerError)> = None;
        // The kinds come in order, so that of two complaints about one row the earlier kind wins.
        let mut complain = |row: usize, error: ServerError| match &first {
            Some((earlier, _)) if *earlier <= row => {}
            _ => first = Some((row, error)),
        };
        if let Some(policies) = &self.policies
            && let Some(row) = policies.first_refused(rows)?
        {
            complain(row, policies.refusal().into());
        }
        for position in &self.not_null {
            let Some(nulls) = rows.columns().get(*position).and_then(|column| column.logical_nulls()) else {
                continue;
            };
            if let Some(row) = (0..rows.num_rows()).find(|row| nulls.is_null(*row)) {
                let column = self.columns.get(*position).map_or("", |column| column.name.as_str());
                let message = format!(
                    "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
                    self.table
                );
                let subject = Subject { column: Some(column.to_owned()), ..self.subject() };
                let error = ServerError::new(Condition::NotNullViolation, message).about(subject);
                complain(row, self.with_row(error, rows, row));
            }
        }
        // PostgreSQL does not come to a row's checks when a null or a policy has refused it before.
        let sound = first.as_ref().map_or(rows.num_rows(), |(row, _)| *row);
        if let Some(constraints) = &self.constraints
            && let Some((row, name, error)) = constraints.first_violation(&rows.slice(0, sound))?
        {
            let error = error.about(Subject { constraint: Some(name.to_owned()), ..self.subject() });
            return Ok(Some((row, self.with_row(error, rows, row))));
        }
        Ok(first)
    }

    fn subject(&self) -> Subject {
        Subject { schema: self.schema.clone(), table: Some(self.table.clone()), ..Subject::default() }
    }

    /// Adds the row to an error, if the user may see it.
    fn with_row(&self, error: ServerError, rows: &RecordBatch, row: usize) -> ServerError {
        if self.policies.is_some() {
            return error;
        }
        match self.shown(&rows.slice(row, 1)) {
            Some(shown) => error.with_detail(format!("Failing row contains {shown}.")),
            None => error,
        }
    }

    fn shown(&self, row: &RecordBatch) -> Option<String> {
        let own: Vec<usize> = match &self.shown {
            None => (0..self.columns.len()).collect(),
            Some(shown) if shown.is_empty() => return None,
            Some(shown) => shown.clone(),
        };
        let row = row.project(&own).ok()?;
        let described: Vec<OutputColumn> =
            own.iter().filter_map(|column| self.columns.get(*column)).cloned().collect();
        let formats = vec![Format::Text; described.len()];
        let encoder = RowEncoder::new(&described, &formats, self.output.clone());
        let mut casts = Vec::new();
        let columns = encoder.columns(&row, &mut casts).ok()?;
        let mut shown: Vec<String> = Vec::with_capacity(columns.len());
        for column in &columns {
            if column.is_null(0) {
                shown.push("null".to_owned());
                continue;
            }
            let mut text = Vec::new();
            column.put(0, &mut text).ok()?;
            let text = String::from_utf8_lossy(&text);
            shown.push(match text.len() {
                ..=SHOWN_BYTES_MAX => text.into_owned(),
                _ => format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]),
            });
        }
        let values = shown.join(", ");
        if self.shown.is_none() {
            return Some(format!("({values})"));
        }
        let names: Vec<&str> = described.iter().map(|column| column.name.as_str()).collect();
        Some(format!("({}) = ({values})", names.join(", ")))
    }
}

//! COPY t FROM STDIN: lines are cut into fields, fields become text columns, and the same casts as anywhere else make
//! them the table's types, a batch at a time; the rows are appended in the transaction. An error names the line.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringViewBuilder, new_null_array},
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};
use datafusion::{
    common::{DFSchema, DataFusionError, ScalarValue},
    logical_expr::{
        col, execution_props::ExecutionProps, physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use lis_functions::error::FunctionError;
use lis_lake::{
    names::Identifier,
    table::Table,
    types::{ColumnType, PgType},
};
use lis_sql::{
    statement::{CopyFormat, CopyOptions, ObjectName, ParsedStatement},
    types::{self, Binding, CastContext, Parameters, Typed},
};

use super::{
    Request, ddl,
    dml::{self, RowSink},
    record::StatementRecord,
};
use crate::{
    error::{Condition, Result, ServerError},
    session::Session,
    wire::{copy::Dialect, encode::OutputOptions},
};

/// Rows that become one batch.
const BATCH_ROWS: usize = 8192;
/// The longest line.
const LINE_BYTES_MAX: usize = 64 << 20;

/// A COPY that is being fed.
pub(crate) struct CopyTarget {
    table: Arc<Table>,
    dialect: Dialect,
    /// Field number in the input of each column of the table.
    fields: Vec<Option<usize>>,
    given: usize,
    casts: Vec<Option<Arc<dyn PhysicalExpr>>>,
    text_schema: SchemaRef,
    sink: RowSink,
    defaults: Vec<Option<ScalarValue>>,
    record: StatementRecord,
    text: String,
    pending: Vec<u8>,
    builders: Vec<StringViewBuilder>,
    batch_rows: usize,
    /// The line of the batch's first row.
    batch_line: u64,
    line: u64,
    rows: u64,
    ended: bool,
}

impl std::fmt::Debug for CopyTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CopyTarget").field("table", &self.table.name).finish_non_exhaustive()
    }
}

/// Checks a COPY FROM and begins it.
pub(crate) async fn target(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    name: &ObjectName,
    columns: &[Identifier],
    options: &CopyOptions,
) -> Result<CopyTarget> {
    let server = Arc::clone(&session.server);
    let request = session.request(Vec::new()).await?;
    let dialect = Dialect::new(options, session.settings.encoding())?;
    if dialect.format == CopyFormat::Binary {
        return Err(ServerError::not_supported("COPY FROM in binary format is not supported")
            .with_hint("Use the text or CSV format."));
    }
    let relation = ddl::find_relation(&request, name).ok_or_else(|| {
        ServerError::new(
            Condition::UndefinedTable,
            format!("relation \"{}\" does not exist", name.name.as_str()),
        )
        .at(name.position)
    })?;
    let table = dml::insert_target(&server, &request, relation.id().oid())?;
    let fields = field_numbers(&table, columns)?;
    let given = fields.iter().flatten().count();
    let record =
        StatementRecord::begin(&server, &request, &parsed.text, &lis_security::Access::default()).await?;
    let text_schema = Arc::new(Schema::new(
        (0..given).map(|index| Field::new(format!("f{index}"), DataType::Utf8View, true)).collect::<Vec<_>>(),
    ));
    let casts = casts(&request, &server, &table, &fields, &text_schema)?;
    let given_columns: Vec<bool> = fields.iter().map(Option::is_some).collect();
    let defaults = dml::defaults(&server, &request, &table, &given_columns).await?;
    let output = OutputOptions::new(&session.settings);
    let sink = RowSink::new(&server, &request, &table, output).await?;
    Ok(CopyTarget {
        dialect,
        given,
        casts,
        builders: (0..given).map(|_| StringViewBuilder::new()).collect(),
        text_schema,
        sink,
        defaults,
        record,
        text: parsed.text.clone(),
        pending: Vec::new(),
        batch_rows: 0,
        batch_line: 0,
        line: 0,
        rows: 0,
        ended: false,
        fields,
        table,
    })
}

fn field_numbers(table: &Table, columns: &[Identifier]) -> Result<Vec<Option<usize>>> {
    if columns.is_empty() {
        return Ok((0..table.columns.len()).map(Some).collect());
    }
    let mut fields = vec![None; table.columns.len()];
    for (number, name) in columns.iter().enumerate() {
        let index = table.columns.iter().position(|column| column.name == *name).ok_or_else(|| {
            ServerError::new(
                Condition::UndefinedColumn,
                format!(
                    "column \"{}\" of relation \"{}\" does not exist",
                    name.as_str(),
                    table.name.as_str()
                ),
            )
        })?;
        if fields[index].replace(number).is_some() {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" specified more than once", name.as_str()),
            ));
        }
    }
    Ok(fields)
}

fn casts(
    request: &Request,
    server: &crate::server::Server,
    table: &Table,
    fields: &[Option<usize>],
    text_schema: &SchemaRef,
) -> Result<Vec<Option<Arc<dyn PhysicalExpr>>>> {
    let catalog = request.catalog(server);
    let parameters = Parameters::default();
    let binding = Binding { catalog: &catalog, context: &request.bind, parameters: &parameters };
    let schema = DFSchema::try_from(Arc::clone(text_schema))?;
    table
        .columns
        .iter()
        .zip(fields)
        .map(|(column, field)| {
            let Some(field) = field else { return Ok(None) };
            let text = Typed::canonical(col(format!("f{field}")), ColumnType::plain(PgType::Text));
            // A cast to a length cuts; input, as an assignment, refuses what is too long.
            let context = match column.column_type.pg_type {
                PgType::Varchar | PgType::Bpchar => CastContext::Assignment,
                _ => CastContext::Explicit,
            };
            let typed = types::coerce(&binding, text, column.column_type, context, None)?;
            let physical = create_physical_expr(
                &typed.expr,
                &schema,
                &ExecutionProps::new(),
                &PhysicalPlanningContext::default(),
            )?;
            Ok(Some(physical))
        })
        .collect()
}

impl CopyTarget {
    /// How many fields a line has.
    pub(crate) fn columns(&self) -> usize {
        self.given
    }

    /// Takes more of the input; lines may be cut anywhere.
    pub(crate) async fn feed(&mut self, data: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(data);
        let mut used = 0;
        while let Some(end) = line_end(&self.pending[used..], &self.dialect) {
            let line = self.pending[used..used + end].to_vec();
            used += end + 1;
            self.take_line(&line).await?;
        }
        self.pending.drain(..used);
        if self.pending.len() > LINE_BYTES_MAX {
            return Err(self.wrong(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn wrong(&self, message: impl Into<String>) -> ServerError {
        ServerError::new(Condition::BadCopyFileFormat, message).with_detail(format!(
            "COPY {}, line {}",
            self.table.name.as_str(),
            self.line
        ))
    }

    async fn take_line(&mut self, line: &[u8]) -> Result<()> {
        self.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.ended || (self.line == 1 && self.dialect.header) {
            return Ok(());
        }
        if line == b"\\." {
            self.ended = true;
            return Ok(());
        }
        let values = match self.dialect.format {
            CopyFormat::Csv => split_csv(line, &self.dialect),
            CopyFormat::Text | CopyFormat::Binary => split_text(line, &self.dialect),
        };
        if values.len() > self.given {
            return Err(self.wrong("extra data after last expected column"));
        }
        for (index, builder) in (0..self.given).zip(self.builders.iter_mut()) {
            match values.get(index) {
                Some(Some(bytes)) => builder.append_value(self.dialect.encoding.decode(bytes)?),
                Some(None) => builder.append_null(),
                None => {
                    let column = self.fields.iter().position(|field| *field == Some(index)).unwrap_or(0);
                    let name = self.table.columns[column].name.as_str().to_owned();
                    return Err(ServerError::new(
                        Condition::BadCopyFileFormat,
                        format!("missing data for column \"{name}\""),
                    )
                    .with_detail(format!(
                        "COPY {}, line {}",
                        self.table.name.as_str(),
                        self.line
                    )));
                }
            }
        }
        if self.batch_rows == 0 {
            self.batch_line = self.line;
        }
        self.batch_rows += 1;
        if self.batch_rows == BATCH_ROWS { self.write_batch().await } else { Ok(()) }
    }

    async fn write_batch(&mut self) -> Result<()> {
        if self.batch_rows == 0 {
            return Ok(());
        }
        let columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let text = RecordBatch::try_new(Arc::clone(&self.text_schema), columns)?;
        let rows = self.batch_rows;
        let columns = self
            .casts
            .iter()
            .zip(&self.table.columns)
            .map(|(cast, column)| match cast {
                Some(cast) => Ok(cast.evaluate(&text)?.into_array(rows)?),
                None => Ok(new_null_array(&column.column_type.to_arrow(), rows)),
            })
            .collect::<Result<Vec<_>>>();
        let columns = match columns {
            Ok(columns) => columns,
            Err(error) => return Err(self.first_wrong(&text).unwrap_or(error)),
        };
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| Field::new(format!("c{index}"), column.data_type().clone(), true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let batch = dml::with_defaults(&batch, &self.defaults)?;
        self.sink.write(&batch).await?;
        self.rows += rows as u64;
        self.batch_rows = 0;
        Ok(())
    }

    /// The first value of a batch that cannot be taken, with its line and column: looked for only once one has failed.
    fn first_wrong(&self, text: &RecordBatch) -> Option<ServerError> {
        (0..text.num_rows()).find_map(|row| {
            let one = text.slice(row, 1);
            self.casts.iter().zip(&self.table.columns).find_map(|(cast, column)| {
                let error = cast.as_ref()?.evaluate(&one).err()?;
                let line = self.batch_line + row as u64;
                let (table, column) = (self.table.name.as_str(), column.name.as_str());
                let place = format!("COPY {table}, line {line}, column {column}");
                Some(match FunctionError::find(&error) {
                    Some(found) => DataFusionError::from(found.clone().with_detail(place)).into(),
                    None => error.into(),
                })
            })
        })
    }

    /// The input is over: writes what is left and stages it. How many rows.
    pub(crate) async fn finish(mut self, session: &mut Session) -> Result<u64> {
        if !self.pending.is_empty() {
            let last = std::mem::take(&mut self.pending);
            self.take_line(&last).await?;
        }
        self.write_batch().await?;
        let files = self.sink.finish().await?;
        self.record.add_rows(self.rows);
        dml::append(session, &self.table, files, &self.text).await?;
        Ok(self.rows)
    }
}

/// The end of the first line: in CSV a line break inside quotes is none, in text one behind a backslash.
fn line_end(bytes: &[u8], dialect: &Dialect) -> Option<usize> {
    if dialect.format != CopyFormat::Csv {
        let mut escaped = false;
        return bytes.iter().position(|byte| {
            let ends = *byte == b'\n' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
    }
    let mut quoted = false;
    bytes.iter().position(|byte| {
        if *byte == dialect.quote {
            quoted = !quoted;
        }
        *byte == b'\n' && !quoted
    })
}

fn split_csv(line: &[u8], dialect: &Dialect) -> Vec<Option<Vec<u8>>> {
    let mut values = Vec::new();
    let mut value = Vec::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if quoted {
            let next_is_special =
                bytes.peek().is_some_and(|next| *next == dialect.quote || *next == dialect.escape);
            if byte == dialect.escape
                && next_is_special
                && (dialect.escape != dialect.quote || bytes.peek() == Some(&dialect.quote))
            {
                value.extend(bytes.next());
            } else if byte == dialect.quote {
                quoted = false;
            } else {
                value.push(byte);
            }
        } else if byte == dialect.quote {
            quoted = true;
            was_quoted = true;
        } else if byte == dialect.delimiter {
            values.push(finished(&mut value, &mut was_quoted, dialect));
        } else {
            value.push(byte);
        }
    }
    values.push(finished(&mut value, &mut was_quoted, dialect));
    values
}

fn finished(value: &mut Vec<u8>, was_quoted: &mut bool, dialect: &Dialect) -> Option<Vec<u8>> {
    let value = std::mem::take(value);
    let null = !std::mem::take(was_quoted) && value == dialect.null;
    (!null).then_some(value)
}

fn split_text(line: &[u8], dialect: &Dialect) -> Vec<Option<Vec<u8>>> {
    let mut values = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        if *byte == dialect.delimiter && !escaped {
            values.push(unescape(&line[start..at], dialect));
            start = at + 1;
        }
        escaped = *byte == b'\\' && !escaped;
    }
    values.push(unescape(&line[start..], dialect));
    values
}

fn unescape(raw: &[u8], dialect: &Dialect) -> Option<Vec<u8>> {
    if raw == dialect.null {
        return None;
    }
    let mut value = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'b') => value.push(0x08),
            Some(b'f') => value.push(0x0c),
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b't') => value.push(b'\t'),
            Some(b'v') => value.push(0x0b),
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(|next| (b'0'..=b'7').contains(next)) {
                        code = code * 8 + u32::from(digit - b'0');
                    }
                }
                value.push(u8::try_from(code & 0xff).unwrap_or(0));
            }
            Some(other) => value.push(other),
            None => value.push(b'\\'),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::encoding::ClientEncoding;

    fn dialect(format: CopyFormat) -> Dialect {
        let options = CopyOptions {
            format,
            delimiter: None,
            null: None,
            header: false,
            quote: None,
            escape: None,
            encoding: None,
        };
        Dialect::new(&options, ClientEncoding::Utf8).unwrap()
    }

    fn texts(values: Vec<Option<Vec<u8>>>) -> Vec<Option<String>> {
        values.into_iter().map(|value| value.map(|value| String::from_utf8(value).unwrap())).collect()
    }

    #[test]
    fn csv_fields_keep_quoted_delimiters_and_tell_null_from_empty() {
        let dialect = dialect(CopyFormat::Csv);
        let values = texts(split_csv(br#"a,"b,""c""",,"""#, &dialect));
        assert_eq!(values[..3], [Some("a".to_owned()), Some("b,\"c\"".to_owned()), None]);
        let values = texts(split_csv(br#"x,"","#, &dialect));
        assert_eq!(values, [Some("x".to_owned()), Some(String::new()), None]);
        assert_eq!(line_end(b"a,\"b\nc\"\nd", &dialect), Some(7));
    }

    #[test]
    fn text_fields_are_unescaped() {
        let dialect = dialect(CopyFormat::Text);
        let values = texts(split_text(b"a\\tb\t\\N\tc\\\\\t\\101", &dialect));
        assert_eq!(values, [Some("a\tb".to_owned()), None, Some("c\\".to_owned()), Some("A".to_owned())]);
    }
}

//! COPY t FROM STDIN. The input goes through three stages that run beside each other, so that memory is bounded by a few
//! chunks: this session receives, a thread cuts a chunk into records and reads its columns (`records.rs`, `columns.rs`,
//! `binary.rs`), and the table's writer sorts and encodes. Rows pass the same checks as everywhere; an error names the
//! line and the column as PostgreSQL's CONTEXT does, and of several errors the one of the first row is told.

mod binary;
mod columns;
mod records;

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, BooleanArray, new_null_array},
    compute::filter_record_batch,
    datatypes::{DataType, Field as ArrowField, Schema, SchemaRef},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use bytes::Bytes;
use datafusion::{
    common::{DFSchema, ScalarValue, cast::as_boolean_array},
    logical_expr::{
        Expr, col, execution_props::ExecutionProps, physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use lis_lake::{
    names::{Identifier, QualifiedName},
    provider::table_schema,
    table::{Relation, Table},
    types::{ColumnType, PgType},
};
use lis_security::Access;
use lis_sql::{
    catalog::Catalog as _,
    error::SqlError,
    statement::{CopyFormat, CopyFrom, ObjectName, ParsedStatement},
    types::{self, Binding, CastContext, Parameters, Typed},
};
use tokio::task::JoinHandle;

use self::{
    binary::{BinaryReader, Values},
    columns::{ColumnReader, Wrong},
    records::{Place, Records, Splitter, shown, wrong},
};
use super::{
    Request, ddl,
    dml::{self, RowSink},
    panic_message,
    record::StatementRecord,
};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    server::Server,
    session::{Session, encoding::ClientEncoding},
    wire::{copy::Dialect, encode::OutputOptions},
};

/// Bytes of input that are read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// The longest record.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// A COPY that is being fed.
pub(crate) struct CopyTarget {
    table: Arc<Table>,
    binary: bool,
    encoding: ClientEncoding,
    given: usize,
    sink: RowSink,
    /// WHERE
    condition: Option<Arc<dyn PhysicalExpr>>,
    record: StatementRecord,
    text: String,
    /// Input that is not handed over yet, and how many bytes it is.
    filling: Vec<Bytes>,
    filling_bytes: usize,
    /// Where a chunk was that is written.
    spare: Vec<u8>,
    reading: Reading,
    rows: u64,
}

impl std::fmt::Debug for CopyTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CopyTarget").field("table", &self.table.name).finish_non_exhaustive()
    }
}

/// The stage that reads chunks.
enum Reading {
    Idle(Box<ChunkReader>),
    Busy(JoinHandle<(Box<ChunkReader>, Chunk)>),
    Failed,
}

/// Checks a COPY FROM and begins it.
pub(crate) async fn target(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    copy: &CopyFrom,
) -> Result<CopyTarget> {
    let server = Arc::clone(&session.server);
    let request = session.request(Vec::new()).await?;
    match begin(session, &server, &request, parsed, copy).await {
        Ok(target) => Ok(target),
        Err(error) => {
            super::record::refused(&server, &request, &parsed.text, &error).await?;
            Err(error)
        }
    }
}

async fn begin(
    session: &Session,
    server: &Arc<Server>,
    request: &Request,
    parsed: &Arc<ParsedStatement>,
    copy: &CopyFrom,
) -> Result<CopyTarget> {
    let name = &copy.table;
    let dialect = Dialect::new(&copy.options, session.settings.encoding())?;
    let relation = match ddl::find_relation(request, name)? {
        Some(relation) => relation,
        None if is_system(server, name) => {
            return Err(ServerError::new(
                Condition::InsufficientPrivilege,
                "permission denied: system relations cannot be changed",
            ));
        }
        None => {
            return Err(ddl::no_relation("relation", name));
        }
    };
    if let Some(kind) = no_table(relation) {
        let message = format!("cannot copy to {kind} \"{}\"", name.name.as_str());
        return Err(ServerError::new(Condition::WrongObjectType, message));
    }
    let table = dml::insert_target(server, request, relation.id().oid())?;
    if copy.options.freeze && !session.transaction.has_created(table.id.oid()) {
        return Err(ServerError::new(
            Condition::ObjectNotInPrerequisiteState,
            "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction",
        ));
    }
    let fields = field_numbers(&table, &copy.columns)?;
    let given = fields.iter().flatten().count();
    check_forced(&table, &fields, &copy.options.force_not_null, "FORCE_NOT_NULL")?;
    check_forced(&table, &fields, &copy.options.force_null, "FORCE_NULL")?;
    let catalog = request.catalog(server);
    let condition = match &copy.condition {
        None => None,
        Some((text, before)) => {
            let relation = catalog.relation_by_oid(table.id.oid()).ok_or_else(|| defect("no such table"))?;
            let predicate = lis_sql::bind_copy_condition(text, &relation, &catalog, &request.bind);
            let predicate = predicate.map_err(|error| {
                let position = error.position.map(|position| position + before);
                SqlError { position, ..error }
            })?;
            Some(physical(&predicate, &table_schema(&table))?)
        }
    };
    let reader = ChunkReader::new(request, server, &table, &fields, dialect.clone())?;
    let access = Access { relations: vec![table.id.oid()], ..Access::default() };
    let record = StatementRecord::begin(server, request, &parsed.text, &access).await?;
    let output = OutputOptions::new(&session.settings);
    let columns: Vec<usize> =
        fields.iter().enumerate().filter(|(_, field)| field.is_some()).map(|(place, _)| place).collect();
    let sink = RowSink::new(server, request, &table, &columns, output).await?;
    Ok(CopyTarget {
        binary: dialect.format == CopyFormat::Binary,
        encoding: dialect.encoding,
        given,
        sink,
        condition,
        record,
        text: parsed.text.clone(),
        filling: Vec::new(),
        filling_bytes: 0,
        spare: Vec::new(),
        reading: Reading::Idle(Box::new(reader)),
        rows: 0,
        table,
    })
}

/// Refuses COPY t TO of what is no table: a view's rows are copied by a query.
pub(crate) fn check_source(request: &Request, name: &ObjectName) -> Result<()> {
    let Some(kind) = ddl::find_relation(request, name)?.and_then(no_table) else { return Ok(()) };
    let message = format!("cannot copy from {kind} \"{}\"", name.name.as_str());
    Err(ServerError::new(Condition::WrongObjectType, message)
        .with_hint("Try the COPY (SELECT ...) TO variant."))
}

fn is_system(server: &Server, name: &ObjectName) -> bool {
    let schema = name.schema.clone().unwrap_or_else(|| Identifier::exact("pg_catalog"));
    server.registry.relation(&QualifiedName { schema, name: name.name.clone() }).is_some()
}

/// What a relation is that is no plain table.
fn no_table(relation: &Relation) -> Option<&'static str> {
    match relation {
        Relation::View(_) => Some("view"),
        Relation::Table(table) => table.materialized.as_ref().map(|_| "materialized view"),
    }
}

/// The number of the field of each of the table's columns.
fn field_numbers(table: &Table, columns: &[Identifier]) -> Result<Vec<Option<usize>>> {
    if columns.is_empty() {
        return Ok((0..table.columns.len()).map(Some).collect());
    }
    let mut fields = vec![None; table.columns.len()];
    for (number, name) in columns.iter().enumerate() {
        let index = column_named(table, name.as_str())?;
        if fields[index].replace(number).is_some() {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" specified more than once", name.as_str()),
            ));
        }
    }
    Ok(fields)
}

fn column_named(table: &Table, name: &str) -> Result<usize> {
    table.columns.iter().position(|column| column.name.as_str() == name).ok_or_else(|| {
        ServerError::new(
            Condition::UndefinedColumn,
            format!("column \"{name}\" of relation \"{}\" does not exist", table.name.as_str()),
        )
    })
}

fn check_forced(table: &Table, fields: &[Option<usize>], names: &[String], option: &str) -> Result<()> {
    for name in names {
        let index = column_named(table, name)?;
        if fields.get(index).is_none_or(Option::is_none) {
            return Err(ServerError::new(
                Condition::InvalidColumnReference,
                format!("{option} column \"{name}\" not referenced by COPY"),
            ));
        }
    }
    Ok(())
}

fn physical(expr: &Expr, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    Ok(create_physical_expr(expr, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?)
}

/// Where a column's values come from.
enum Source {
    /// A field of the input.
    Field(usize, ColumnReader),
    /// DEFAULT, computed for every row.
    Default(Arc<dyn PhysicalExpr>),
    /// There is no default.
    Null,
}

/// Reads chunks: the state that goes from one to the next.
struct ChunkReader {
    schema: SchemaRef,
    sources: Vec<Source>,
    format: Format,
    /// The beginning of a record whose end was not there.
    rest: Vec<u8>,
    /// Where a chunk was that is not needed any more.
    spare: Vec<u8>,
}

enum Format {
    Text(Splitter),
    Binary(BinaryReader),
}

/// What a chunk came to: rows, and what stopped it.
struct Chunk {
    bytes: Vec<u8>,
    places: Vec<Place>,
    rows: Option<RecordBatch>,
    error: Option<ServerError>,
}

impl ChunkReader {
    fn new(
        request: &Request,
        server: &Server,
        table: &Table,
        fields: &[Option<usize>],
        dialect: Dialect,
    ) -> Result<Self> {
        let catalog = request.catalog(server);
        let parameters = Parameters::default();
        let binding = Binding { catalog: &catalog, context: &request.bind, parameters: &parameters };
        let text_schema = Arc::new(Schema::new(vec![ArrowField::new("value", DataType::Utf8View, true)]));
        let relation = catalog.relation_by_oid(table.id.oid()).ok_or_else(|| defect("no such table"))?;
        let mut sources = Vec::with_capacity(table.columns.len());
        let given = fields.iter().flatten().count();
        let mut names = vec![String::new(); given];
        let mut column_types = vec![ColumnType::plain(PgType::Text); given];
        for (column, field) in table.columns.iter().zip(fields) {
            sources.push(match field {
                Some(field) => {
                    let text = Typed::canonical(col("value"), ColumnType::plain(PgType::Text));
                    // A cast to a length cuts; input, as an assignment, refuses what is too long.
                    let context = match column.column_type.pg_type {
                        PgType::Varchar | PgType::Bpchar => CastContext::Assignment,
                        _ => CastContext::Explicit,
                    };
                    let cast = match column.column_type.pg_type {
                        // Elements that are too long are refused too, and more than one dimension.
                        array @ PgType::Array(_) => {
                            let plain = ColumnType::plain(array);
                            let read = types::coerce(&binding, text, plain, context, None)?;
                            types::coerce(&binding, read, column.column_type, CastContext::Assignment, None)?
                        }
                        _ => types::coerce(&binding, text, column.column_type.as_held(), context, None)?,
                    };
                    let cast = physical(&cast.expr, &text_schema)?;
                    let name = column.name.as_str().to_owned();
                    names[*field].clone_from(&name);
                    column_types[*field] = column.column_type;
                    let schema = Arc::clone(&text_schema);
                    Source::Field(*field, ColumnReader::new(name, column.column_type, cast, schema))
                }
                None => {
                    let known = relation.columns.iter().find(|known| known.name == column.name);
                    match known.filter(|known| known.default.is_some()) {
                        Some(known) => {
                            let expr = lis_sql::bind_default(known, &catalog, &request.bind)?;
                            Source::Default(physical(&expr, &Arc::new(Schema::empty()))?)
                        }
                        None => Source::Null,
                    }
                }
            });
        }
        let own = table_schema(table);
        let nullable = own.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
        let encoding = dialect.encoding;
        let format = match dialect.format {
            CopyFormat::Binary => Format::Binary(BinaryReader::new(names, column_types, encoding)),
            CopyFormat::Text | CopyFormat::Csv => Format::Text(Splitter::new(dialect, names)),
        };
        Ok(Self { schema, sources, format, rest: Vec::new(), spare: Vec::new() })
    }

    /// Reads what is complete in a chunk, which comes in pieces.
    fn read(&mut self, pieces: &[Bytes], last: bool) -> Chunk {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        bytes.extend_from_slice(&self.rest);
        self.rest.clear();
        pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
        let (records, values, used, result) = match &mut self.format {
            Format::Text(splitter) => {
                let (records, used, result) = splitter.split(&bytes, last);
                (records, Vec::new(), used, result)
            }
            Format::Binary(reader) => reader.split(&bytes, last),
        };
        let mut error = result.err();
        if error.is_none() {
            self.rest.extend_from_slice(&bytes[used..]);
            if self.rest.len() > RECORD_BYTES_MAX {
                error = Some(wrong(format!("a line is longer than {RECORD_BYTES_MAX} bytes")));
            }
        }
        let rows = match self.columns(&bytes, &records, &values) {
            Ok(rows) => rows,
            Err(wrong) => {
                // The rows before it are still to be checked: one of them may be wrong in another way.
                let line = records.places.get(wrong.row).map_or(0, |place| place.line);
                error = Some(prefixed(wrong.error, &format!(", line {line}")));
                let before = records.first(wrong.row);
                let values =
                    values.into_iter().map(|values| first_values(values, wrong.row)).collect::<Vec<_>>();
                self.columns(&bytes, &before, &values).ok().flatten()
            }
        };
        if let Format::Text(splitter) = &mut self.format {
            splitter.recycle(records.columns);
        }
        Chunk { places: records.places, bytes, rows, error }
    }

    /// The table's columns.
    fn columns(
        &self,
        bytes: &[u8],
        records: &Records,
        values: &[Values],
    ) -> Result<Option<RecordBatch>, Wrong> {
        let rows = records.places.len();
        if rows == 0 {
            return Ok(None);
        }
        let all = |error: ServerError| Wrong { row: 0, error };
        let text = records.text(bytes);
        let mut first: Option<Wrong> = None;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sources.len());
        for (source, field) in self.sources.iter().zip(self.schema.fields()) {
            let column = match source {
                Source::Null => Ok(new_null_array(field.data_type(), rows)),
                Source::Default(expr) => computed(expr, rows).map_err(all),
                Source::Field(number, reader) => match values.get(*number) {
                    Some(Values::Typed(values)) => typed(values, field.data_type()).map_err(all),
                    Some(Values::Text) | None => {
                        let fields = records.columns.get(*number).map(Vec::as_slice).unwrap_or_default();
                        reader.read(bytes, text, records, fields)
                    }
                },
            };
            match column {
                Ok(column) => columns.push(column),
                Err(wrong) => {
                    if first.as_ref().is_none_or(|first| wrong.row < first.row) {
                        first = Some(wrong);
                    }
                }
            }
        }
        if let Some(wrong) = first {
            return Err(wrong);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map(Some)
            .map_err(|error| all(error.into()))
    }
}

/// A default for so many rows: each its own where it is volatile.
fn computed(expr: &Arc<dyn PhysicalExpr>, rows: usize) -> Result<ArrayRef> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let nothing = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    Ok(expr.evaluate(&nothing)?.into_array(rows)?)
}

fn typed(values: &[ScalarValue], data_type: &DataType) -> Result<ArrayRef> {
    let column = ScalarValue::iter_to_array(values.iter().cloned())?;
    if column.data_type() == data_type { Ok(column) } else { Ok(arrow::compute::cast(&column, data_type)?) }
}

fn first_values(values: Values, count: usize) -> Values {
    match values {
        Values::Text => Values::Text,
        Values::Typed(mut values) => {
            values.truncate(count);
            Values::Typed(values)
        }
    }
}

/// The error with more of its context in front.
fn prefixed(error: ServerError, prefix: &str) -> ServerError {
    match error {
        ServerError::At { context, source } => {
            ServerError::At { context: format!("{prefix}{context}"), source }
        }
        other => other.in_context(|| prefix.to_owned()),
    }
}

fn defect(what: &str) -> ServerError {
    ServerError::new(Condition::InternalError, what)
}

impl CopyTarget {
    /// How many fields a record has.
    pub(crate) fn columns(&self) -> usize {
        self.given
    }

    /// Whether the input is binary.
    pub(crate) fn is_binary(&self) -> bool {
        self.binary
    }

    /// Takes more of the input, cut anywhere.
    pub(crate) async fn feed(&mut self, data: Bytes) -> Result<()> {
        let data = if self.binary || self.encoding == ClientEncoding::Utf8 {
            data
        } else {
            // One byte is one character in the other sets, so that a cut is none inside one.
            Bytes::from(self.encoding.decode(&data)?)
        };
        self.filling_bytes += data.len();
        self.filling.push(data);
        if self.filling_bytes >= CHUNK_BYTES { self.hand_over(false).await } else { Ok(()) }
    }

    /// Has the input so far read, and what was read before it written meanwhile.
    async fn hand_over(&mut self, last: bool) -> Result<()> {
        let (mut reader, before) = self.idle().await?;
        reader.spare = std::mem::take(&mut self.spare);
        let pieces = std::mem::take(&mut self.filling);
        self.filling_bytes = 0;
        self.reading = Reading::Busy(tokio::task::spawn_blocking(move || {
            let chunk = reader.read(&pieces, last);
            (reader, chunk)
        }));
        self.write(before).await
    }

    /// The reader, and what it has read.
    async fn idle(&mut self) -> Result<(Box<ChunkReader>, Option<Chunk>)> {
        match std::mem::replace(&mut self.reading, Reading::Failed) {
            Reading::Idle(reader) => Ok((reader, None)),
            Reading::Failed => Err(defect("a COPY that failed goes on")),
            Reading::Busy(task) => match task.await {
                Ok((reader, chunk)) => Ok((reader, Some(chunk))),
                Err(error) => Err(match error.try_into_panic() {
                    Ok(panic) => ServerError::Panicked(panic_message(panic.as_ref())),
                    Err(_) => ServerError::Cancelled(CancelReason::Shutdown),
                }),
            },
        }
    }

    /// CONTEXT begins with the table.
    fn named(&self, error: ServerError) -> ServerError {
        match error {
            error @ ServerError::At { .. } => prefixed(error, &format!("COPY {}", self.table.name.as_str())),
            other => other,
        }
    }

    /// Checks and writes what was read.
    async fn write(&mut self, chunk: Option<Chunk>) -> Result<()> {
        let written = match chunk {
            Some(chunk) => self.write_rows(chunk).await,
            None => Ok(()),
        };
        written.map_err(|error| {
            self.reading = Reading::Failed;
            self.named(error)
        })
    }

    async fn write_rows(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk { bytes, places, rows, error } = chunk;
        if let Some(rows) = rows {
            let at = |row: usize| {
                let place = places.get(row);
                let line = place.map_or(0, |place| place.line);
                let raw = place.and_then(|place| bytes.get(place.start as usize..place.end as usize));
                match raw.filter(|_| !self.binary) {
                    Some(raw) => format!(", line {line}: {}", shown(raw)),
                    None => format!(", line {line}"),
                }
            };
            let (rows, numbers) = match &self.condition {
                None => (rows, None),
                Some(condition) => {
                    let kept =
                        decide(condition, &rows).map_err(|(row, error)| error.in_context(|| at(row)))?;
                    let numbers = kept.values().set_indices().collect::<Vec<_>>();
                    (filter_record_batch(&rows, &kept)?, Some(numbers))
                }
            };
            if let Some((row, error)) = self.sink.first_bad(&rows)? {
                let row = numbers.as_ref().and_then(|numbers| numbers.get(row).copied()).unwrap_or(row);
                return Err(error.in_context(|| at(row)));
            }
            self.rows += rows.num_rows() as u64;
            self.sink.write_checked(&rows).await?;
        }
        self.spare = bytes;
        error.map_or(Ok(()), Err)
    }

    /// The input is over: writes what is left and stages it. How many rows.
    pub(crate) async fn finish(mut self, session: &mut Session) -> Result<u64> {
        self.hand_over(true).await?;
        let (_, read) = self.idle().await?;
        self.write(read).await?;
        let files = self.sink.finish().await?;
        self.record.add_rows(self.rows);
        dml::append(session, &self.table, files, &self.text).await?;
        Ok(self.rows)
    }
}

/// Which rows WHERE lets through, or the first for which that cannot be said.
fn decide(
    condition: &Arc<dyn PhysicalExpr>,
    rows: &RecordBatch,
) -> Result<BooleanArray, (usize, ServerError)> {
    let decide = |rows: &RecordBatch| -> Result<BooleanArray> {
        let value = condition.evaluate(rows)?.into_array(rows.num_rows())?;
        let value = as_boolean_array(&value)?;
        Ok(match value.nulls() {
            None => value.clone(),
            Some(nulls) => BooleanArray::new(value.values() & nulls.inner(), None),
        })
    };
    decide(rows).map_err(|error| {
        (0..rows.num_rows())
            .find_map(|row| Some((row, decide(&rows.slice(row, 1)).err()?)))
            .unwrap_or((0, error))
    })
}

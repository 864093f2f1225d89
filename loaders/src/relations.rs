//! The system relations of the loaders: `lis.batches`, `lis.batch_tables`, `lis.rejects`, `lis.sources`,
//! and `lis.batch_dependents`: what later commits replaced or changed of a batch's rows (`lis.batch_dependents(7)`).
//!
//! Who sees what of a source: superusers and members of the source's role everything; members of `lis_operator` names and
//! counts, but no rejects, since those hold raw rows of all administrations.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, Date32Array, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray},
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use lis_lake::{
    error::LakeError,
    lake::Lake,
    metadata::{Metadata, MetadataRow, Value},
    names::Identifier,
    types::{ColumnType, PgType},
};
use lis_pg_catalog::{
    registry::{Registry, SystemRelation, ViewContext, Viewer},
    shapes::{Shape, SystemColumn, column},
};

use crate::dates::days_of_date;

/// The newest rejects that `lis.rejects` shows.
const REJECTS_SHOWN_MAX: i64 = 1_000_000;
/// Who runs the warehouse without a right to read its data.
const OPERATOR: &str = "lis_operator";

/// Registers the loaders' system relations.
pub fn register(registry: &mut Registry, lake: &Arc<Lake>) {
    for ledger in &RELATIONS {
        registry.register(Arc::new(LedgerRelation { ledger, metadata: Arc::clone(lake.metadata()) }));
    }
}

/// A system relation over the ledger: its first column is hidden and names the source that a row is of.
#[derive(Debug)]
struct Ledger {
    shape: Shape,
    /// Whether operators see it.
    harmless: bool,
    /// Gives the source, then the columns.
    sql: &'static str,
}

/// Texts that people group by, short enough for clients that treat long ones as documents.
const fn short(name: &'static str) -> SystemColumn {
    SystemColumn { column_type: ColumnType::varchar(250), ..column(name, PgType::Varchar) }
}

static RELATIONS: [Ledger; 5] = [
    Ledger {
        shape: Shape::of_lis(
            "sources",
            13_301,
            &[
                short("source"),
                column("comment", PgType::Text),
                short("role"),
                column("first_loaded", PgType::Timestamptz),
                column("last_loaded", PgType::Timestamptz),
            ],
        ),
        harmless: true,
        sql: "SELECT name, name, comment, role, first_loaded_us, last_loaded_us FROM lis_source ORDER BY name",
    },
    Ledger {
        shape: Shape::of_lis(
            "batches",
            13_302,
            &[
                column("batch", PgType::Int8),
                short("source"),
                column("business_date", PgType::Date),
                column("sequence", PgType::Int4),
                short("state"),
                short("author"),
                column("began", PgType::Timestamptz),
                column("ended", PgType::Timestamptz),
                column("snapshot", PgType::Int8),
                column("rows_in", PgType::Int8),
                column("rows_written", PgType::Int8),
                column("rows_rejected", PgType::Int8),
                short("checksum"),
                column("reason", PgType::Text),
                column("undone", PgType::Timestamptz),
                short("undone_by"),
                column("undone_snapshot", PgType::Int8),
                column("corrected_by", PgType::Int8),
            ],
        ),
        harmless: true,
        sql: "SELECT source, batch_id, source, business_date, sequence, \
              CASE WHEN corrected_by IS NOT NULL THEN 'corrected' WHEN undone_us IS NOT NULL THEN 'undone' ELSE state END, \
              author, began_us, ended_us, snapshot_id, rows_in, rows_written, rows_rejected, checksum, message, \
              undone_us, undone_by, undone_snapshot_id, corrected_by FROM lis_batch ORDER BY batch_id",
    },
    Ledger {
        shape: Shape::of_lis(
            "batch_tables",
            13_303,
            &[
                column("batch", PgType::Int8),
                short("table_name"),
                column("rows_in", PgType::Int8),
                column("rows_written", PgType::Int8),
                column("rows_rejected", PgType::Int8),
            ],
        ),
        harmless: true,
        sql: "SELECT source, batch_id, table_name, t.rows_in, t.rows_written, t.rows_rejected \
              FROM lis_batch_table AS t JOIN lis_batch USING (batch_id) ORDER BY batch_id, table_name",
    },
    Ledger {
        shape: Shape::of_lis(
            "batch_dependents",
            13_305,
            &[
                column("batch", PgType::Int8),
                short("table_name"),
                column("snapshot", PgType::Int8),
                short("what"),
                column("dependent_batch", PgType::Int8),
                short("author"),
            ],
        ),
        harmless: true,
        // Files that held rows of a batch and were ended later, but for those whose rows were only moved.
        sql: "SELECT DISTINCT b.source, b.batch_id, (SELECT s.schema_name || '.' || t.table_name FROM ducklake_table t \
              JOIN ducklake_schema s USING (schema_id) WHERE t.table_id = f.table_id \
              ORDER BY t.begin_snapshot DESC, s.begin_snapshot DESC LIMIT 1), f.end_snapshot, \
              CASE WHEN d.batch_id IS NOT NULL THEN 'replaced by a batch' WHEN u.batch_id IS NOT NULL \
              THEN 'undone with a batch' ELSE 'changed by a statement' END, coalesce(d.batch_id, u.batch_id), c.author \
              FROM lis_batch b JOIN ducklake_data_file f ON f.end_snapshot > b.snapshot_id \
              LEFT JOIN lis_data_file l USING (data_file_id) \
              LEFT JOIN ducklake_snapshot_changes c ON c.snapshot_id = f.end_snapshot \
              LEFT JOIN lis_batch d ON d.state = 'published' AND d.snapshot_id = f.end_snapshot \
              LEFT JOIN lis_batch u ON u.undone_snapshot_id = f.end_snapshot \
              WHERE b.state = 'published' AND b.snapshot_id BETWEEN coalesce(l.snapshot_min, f.begin_snapshot) \
              AND coalesce(l.snapshot_max, f.begin_snapshot) AND instr(',' || coalesce(c.changes_made, '') || ',', \
              ',compacted_table:' || f.table_id || ',') = 0 ORDER BY b.batch_id, f.end_snapshot",
    },
    Ledger {
        shape: Shape::of_lis(
            "rejects",
            13_304,
            &[
                column("batch", PgType::Int8),
                short("table_name"),
                short("file_name"),
                column("line_number", PgType::Int8),
                short("column_name"),
                short("rule"),
                column("message", PgType::Text),
                column("value", PgType::Text),
                column("raw_text", PgType::Text),
            ],
        ),
        harmless: false,
        sql: "SELECT source, batch_id, table_name, file, line, column_name, rule, r.message, value, raw \
              FROM (SELECT * FROM lis_reject ORDER BY batch_id DESC, position LIMIT ?) AS r JOIN lis_batch USING (batch_id) \
              ORDER BY batch_id, position",
    },
];

#[derive(Debug)]
struct LedgerRelation {
    ledger: &'static Ledger,
    metadata: Arc<dyn Metadata>,
}

#[async_trait]
impl SystemRelation for LedgerRelation {
    fn shape(&self) -> &'static Shape {
        &self.ledger.shape
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let columns = self.ledger.shape.columns;
        let rows = self.visible_rows(&*context.viewer).await.map_err(external)?;
        let mut arrays = Vec::with_capacity(columns.len());
        for (position, column) in columns.iter().enumerate() {
            arrays.push(array(&rows, position + 1, column).map_err(external)?);
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(column.name, column.column_type.to_arrow(), true))
            .collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

fn external(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl LedgerRelation {
    async fn visible_rows(&self, viewer: &dyn Viewer) -> Result<Vec<MetadataRow>, LakeError> {
        let mut read = self.metadata.read().await?;
        let roles = read.query("SELECT name, role FROM lis_source", &[]).await?;
        let mut visible = BTreeMap::new();
        for row in &roles {
            let role = row.text_opt(1)?.map(Identifier::exact);
            visible.insert(row.text(0)?.to_owned(), self.may_see(viewer, role.as_ref()));
        }
        if !visible.values().any(|visible| *visible) {
            return Ok(Vec::new());
        }
        let limit = [Value::Integer(REJECTS_SHOWN_MAX)];
        let arguments = if self.ledger.sql.contains('?') { &limit[..] } else { &[] };
        let mut rows = read.query(self.ledger.sql, arguments).await?;
        let mut damaged = None;
        rows.retain(|row| match row.text(0) {
            Ok(source) => visible.get(source).copied().unwrap_or(false),
            Err(error) => {
                damaged = Some(error);
                false
            }
        });
        damaged.map_or(Ok(rows), Err)
    }

    fn may_see(&self, viewer: &dyn Viewer, role: Option<&Identifier>) -> bool {
        let uses = |role: &Identifier| viewer.has_role(None, role, "USAGE").unwrap_or(false);
        viewer.is_superuser()
            || role.is_some_and(uses)
            || (self.ledger.harmless && uses(&Identifier::exact(OPERATOR)))
    }
}

/// A column of metadata rows as Arrow has it.
fn array(rows: &[MetadataRow], position: usize, column: &SystemColumn) -> Result<ArrayRef, LakeError> {
    let integers = || rows.iter().map(|row| row.integer_opt(position)).collect::<Result<Vec<_>, _>>();
    Ok(match column.column_type.pg_type {
        PgType::Int8 => Arc::new(Int64Array::from(integers()?)),
        PgType::Int4 => Arc::new(Int32Array::from(
            integers()?
                .into_iter()
                .map(|value| value.and_then(|value| i32::try_from(value).ok()))
                .collect::<Vec<_>>(),
        )),
        PgType::Timestamptz => Arc::new(TimestampMicrosecondArray::from(integers()?).with_timezone("UTC")),
        PgType::Date => {
            let mut days = Vec::with_capacity(rows.len());
            for row in rows {
                let text = row.text(position)?;
                let date = text.parse().map_err(|_| LakeError::damaged(format!("\"{text}\" is no date")))?;
                days.push(days_of_date(date));
            }
            Arc::new(Date32Array::from(days))
        }
        _ => {
            let texts = rows.iter().map(|row| row.text_opt(position)).collect::<Result<Vec<_>, _>>()?;
            Arc::new(StringViewArray::from_iter(texts))
        }
    })
}

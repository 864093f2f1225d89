//! Makes a small lake with every type, for the test that reads it with another program:
//! `tests/clients/duckdb_outside_reader.py DIRECTORY`.
//!
//!     cargo run --release --example outside_reader -- DIRECTORY
#![expect(clippy::print_stdout, reason = "it says what it made")]

use std::{error::Error, path::PathBuf, sync::Arc};

use arrow::{array as a, array::ArrayRef, record_batch::RecordBatch};
use datafusion::prelude::SessionContext;
use lis_lake::{
    files::WriterOptions,
    ids::{Oid, RelationId},
    lake::{CommitInfo, Lake},
    names::Identifier,
    provider::{LakeTable, table_schema},
    snapshot::Snapshot,
    staged::{NewColumn, NewSchema, NewTable, NewView},
    table::Relation,
    types::{ColumnType, PgType},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("name a directory")?);
    let lake = Lake::create(&directory, &[]).await?;
    let mut staged = lake.stage(lake.snapshot().await?);
    let schema = staged
        .create_schema(NewSchema {
            name: Identifier::exact("ekonomi"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
        })
        .await?;
    let plain = |name: &str, pg_type| NewColumn::new(Identifier::exact(name), ColumnType::plain(pg_type));
    let mut columns = vec![
        NewColumn::new(Identifier::exact("förvaltning"), ColumnType::varchar(3)),
        plain("b", PgType::Bool),
        plain("i2", PgType::Int2),
        plain("i4", PgType::Int4),
        plain("i8", PgType::Int8),
        plain("n", PgType::Numeric),
        NewColumn::new(Identifier::exact("n8"), ColumnType::numeric(8, 3)),
        plain("f4", PgType::Float4),
        plain("f8", PgType::Float8),
        plain("d", PgType::Date),
        plain("t", PgType::Time),
        plain("ts", PgType::Timestamp),
        plain("tz", PgType::Timestamptz),
        plain("bytes", PgType::Bytea),
        plain("u", PgType::Uuid),
        plain("j", PgType::Jsonb),
        NewColumn::new(Identifier::exact("tags"), ColumnType::plain(PgType::Array(&PgType::Int4))),
        plain("after", PgType::Text),
    ];
    columns[4].not_null = true;
    columns[0].comment = Some("koden".to_owned());
    let table = staged
        .create_table(NewTable {
            schema_id: schema.id,
            name: Identifier::exact("typer"),
            owner: Oid::ADMINISTRATOR,
            comment: Some("alla typer".to_owned()),
            columns,
            materialized: None,
            constraints: Vec::new(),
            sort_order: vec![Identifier::exact("förvaltning")],
        })
        .await?;
    let uuids = a::FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [254_u8; 16]].into_iter())?;
    let list = a::ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        None,
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(a::StringViewArray::from(vec!["118", "103"])),
        Arc::new(a::BooleanArray::from(vec![true, false])),
        Arc::new(a::Int16Array::from(vec![-3, 7])),
        Arc::new(a::Int32Array::from(vec![-3, 7])),
        Arc::new(a::Int64Array::from(vec![i64::MIN, i64::MAX])),
        Arc::new(
            a::Decimal128Array::from_iter_values([-12_345_678_901_234, 1])
                .with_precision_and_scale(38, 10)?,
        ),
        Arc::new(a::Decimal128Array::from_iter_values([-12_345_678, 1]).with_precision_and_scale(8, 3)?),
        Arc::new(a::Float32Array::from(vec![-0.5, f32::INFINITY])),
        Arc::new(a::Float64Array::from(vec![f64::NAN, 1e300])),
        Arc::new(a::Date32Array::from(vec![-719_162, 19_000])),
        Arc::new(a::Time64MicrosecondArray::from(vec![0, 86_399_000_001])),
        Arc::new(a::TimestampMicrosecondArray::from(vec![-1, 1_700_000_000_123_456])),
        Arc::new(a::TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC")),
        Arc::new(a::BinaryViewArray::from(vec![Some(b"\x00\xff".as_slice()), None])),
        Arc::new(uuids),
        Arc::new(a::StringViewArray::from(vec!["{\"a\": 1}", "null"])),
        Arc::new(list),
        Arc::new(a::StringViewArray::from(vec![Some("åäö"), None])),
    ];
    let batch = RecordBatch::try_new(table_schema(&table), arrays)?;
    for batch in [batch.slice(0, 1), batch.slice(1, 1)] {
        let mut writer = lake.writer(&table, WriterOptions::default()).await?;
        writer.write(batch).await?;
        staged.append_files(table.id, writer.finish().await?)?;
    }
    staged
        .create_view(NewView {
            schema_id: schema.id,
            name: Identifier::exact("vy"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            reads: None,
            definition: "SELECT \"förvaltning\" FROM ekonomi.typer".to_owned(),
            columns: vec![NewColumn::new(Identifier::exact("förvaltning"), ColumnType::varchar(3))],
            security_invoker: true,
        })
        .await?;
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    let mut staged = lake.stage(lake.snapshot().await?);
    staged.rename_column(table.id, table.columns[3].id, Identifier::exact("heltal"))?;
    staged.add_column(table.id, plain("senare", PgType::Int4))?;
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    let snapshot = merge_files(&lake, table.id).await?;
    println!("snapshot {} in {}", snapshot.id(), directory.display());
    Ok(())
}

/// Moves a table's rows into one file, which carries where they come from, so that another program meets such a file.
async fn merge_files(lake: &Arc<Lake>, id: RelationId) -> Result<Arc<Snapshot>, Box<dyn Error>> {
    let snapshot = lake.snapshot().await?;
    let table = snapshot.relation(id).and_then(Relation::as_table).ok_or("the table is gone")?;
    let context = SessionContext::new();
    let rows = LakeTable::new(Arc::clone(lake), Arc::clone(table)).with_row_lineage();
    let options = WriterOptions { row_lineage: true, ..WriterOptions::default() };
    let mut writer = lake.writer(table, options).await?;
    for batch in context.read_table(Arc::new(rows))?.collect().await? {
        writer.write(batch).await?;
    }
    let removed = table.files.iter().map(|file| file.id).collect();
    let mut staged = lake.stage(Arc::clone(&snapshot));
    staged.rewrite_files(id, &removed, writer.finish().await?)?;
    Ok(lake.commit(staged, Vec::new(), CommitInfo::default()).await?)
}

//! Measures layouts of data files: compression by rows per row group, over ledger-like rows sorted by administration and
//! period. The figures in `files.rs` come from here.
//!
//!     cargo run --release --example layout -- [ROWS]
//!
//! Best of five for each query, in milliseconds, footers cached as in a server that is up.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "made-up values within small ranges"
)]

use std::{error::Error, sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringViewArray},
    datatypes::{DataType, SchemaRef},
};
use datafusion::{
    dataframe::DataFrame,
    functions_aggregate::expr_fn::sum,
    logical_expr::{Expr, col, lit},
    prelude::{SessionConfig, SessionContext},
    scalar::ScalarValue,
};
use lis_lake::{
    files::{Compression, WriterOptions},
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::Identifier,
    provider::{LakeTable, table_schema},
    staged::{NewColumn, NewSchema, NewTable},
    table::Table,
    types::{ColumnType, PgType},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ADMINISTRATIONS: u64 = 30;
const PERIODS: u64 = 24;
const BATCH_ROWS: u64 = 8192;
const ATTEMPTS: usize = 5;

#[tokio::main]
async fn main() -> Outcome<()> {
    let rows: u64 = std::env::args().nth(1).map_or(Ok(2_000_000), |rows| rows.parse())?;
    let directory = std::env::temp_dir().join(format!("lis-layout-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let lake = Lake::create(&directory, &[]).await?;
    println!("{rows} rows, {ADMINISTRATIONS} administrations, {PERIODS} periods");
    println!(
        "{:<8} {:>9} {:>6} {:>6} {:>8} {:>8} {:>8} {:>8}",
        "pages", "row group", "write", "MiB", "all", "wide", "one adm", "one row"
    );
    for compression in [Compression::None, Compression::Lz4, Compression::Snappy, Compression::Zstd] {
        for row_group_rows in [32_768, 131_072, 262_144, 524_288, 1_048_576] {
            let options = WriterOptions { compression, row_group_rows, ..WriterOptions::default() };
            measure(&lake, rows, options).await?;
        }
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

async fn measure(lake: &Arc<Lake>, rows: u64, options: WriterOptions) -> Outcome<()> {
    let name = format!("{:?}_{}", options.compression, options.row_group_rows);
    let mut staged = lake.stage(lake.snapshot().await?);
    let schema = staged
        .create_schema(NewSchema { name: Identifier::fold(&name), owner: Oid::ADMINISTRATOR, comment: None })
        .await?;
    let column = |name: &str, column_type| NewColumn::new(Identifier::exact(name), column_type);
    let table = staged
        .create_table(NewTable {
            schema_id: schema.id,
            name: Identifier::exact("rad"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns: vec![
                column("forvaltning", ColumnType::varchar(3)),
                column("period", ColumnType::plain(PgType::Int4)),
                column("datum", ColumnType::plain(PgType::Date)),
                column("konto", ColumnType::plain(PgType::Int4)),
                column("ansvar", ColumnType::varchar(10)),
                column("verifikation", ColumnType::plain(PgType::Int8)),
                column("belopp", ColumnType::numeric(14, 2)),
                column("text", ColumnType::varchar(60)),
            ],
            materialized: None,
            constraints: Vec::new(),
            sort_order: vec![Identifier::exact("forvaltning"), Identifier::exact("period")],
        })
        .await?;
    let (compression, row_group_rows) = (options.compression, options.row_group_rows);
    let arrow = table_schema(&table);
    let started = Instant::now();
    let mut writer = lake.writer(&table, options).await?;
    for start in (0..rows).step_by(BATCH_ROWS as usize) {
        writer.write(batch(&arrow, start, BATCH_ROWS.min(rows - start), rows)?).await?;
    }
    let files = writer.finish().await?;
    let write_s = started.elapsed().as_secs_f64();
    let bytes: u64 = files.iter().map(lis_lake::data_file::StagedFile::file_size_bytes).sum();
    staged.append_files(table.id, files)?;
    let snapshot = lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    let table = snapshot.relation(table.id).and_then(|relation| relation.as_table()).ok_or("no table")?;
    let one = || col("forvaltning").eq(text("117"));
    let all = time(lake, table, None, &["konto"]).await?;
    let wide = time(lake, table, None, &["forvaltning", "period", "ansvar", "text"]).await?;
    let administration = time(lake, table, Some(one()), &["konto"]).await?;
    let narrow = one().and(col("period").eq(lit(202_407))).and(col("konto").eq(lit(3000)));
    let narrow = time(lake, table, Some(narrow), &["ansvar"]).await?;
    println!(
        "{:<8} {row_group_rows:>9} {write_s:>6.2} {:>6.1} {all:>8.1} {wide:>8.1} {administration:>8.2} {narrow:>8.2}",
        format!("{compression:?}"),
        bytes as f64 / f64::from(1 << 20),
    );
    Ok(())
}

/// Milliseconds to add up the amounts of the rows by the keys.
async fn time(lake: &Arc<Lake>, table: &Arc<Table>, condition: Option<Expr>, keys: &[&str]) -> Outcome<f64> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let mut best = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        let provider = LakeTable::new(Arc::clone(lake), Arc::clone(table));
        let frame: DataFrame = context.read_table(Arc::new(provider))?;
        let frame = match &condition {
            Some(condition) => frame.filter(condition.clone())?,
            None => frame,
        };
        let keys = keys.iter().map(|key| col(*key)).collect();
        let started = Instant::now();
        frame.aggregate(keys, vec![sum(col("belopp"))])?.collect().await?;
        best = best.min(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(best)
}

fn text(text: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(text.to_owned())))
}

/// Rows as they come in night by night: by period, administrations mixed.
fn batch(schema: &SchemaRef, start: u64, count: u64, rows: u64) -> Outcome<RecordBatch> {
    let numbers = || start..start + count;
    // A hash that looks like chance and is the same every time.
    let chance = |row: u64, salt: u64| {
        let mixed = (row ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
    };
    let month = |row: u64| row * PERIODS / rows;
    let period = |row: u64| (2024 + month(row) / 12) as i32 * 100 + (month(row) % 12) as i32 + 1;
    let words = ["faktura", "lön", "hyra", "el och vatten", "livsmedel", "inventarier", "resor", "konsulter"];
    let texts = |row: u64| {
        let word = words[chance(row, 7) as usize % words.len()];
        format!("{word} {} {}", chance(row, 8) % 5000, words[chance(row, 9) as usize % words.len()])
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(
            numbers().map(|row| format!("{}", 101 + chance(row, 1) % ADMINISTRATIONS)),
        )),
        Arc::new(Int32Array::from_iter_values(numbers().map(period))),
        Arc::new(Date32Array::from_iter_values(
            numbers().map(|row| 19_723 + month(row) as i32 * 30 + (chance(row, 2) % 30) as i32),
        )),
        Arc::new(Int32Array::from_iter_values(
            numbers().map(|row| 3000 + (chance(row, 3) % 600) as i32 * 10),
        )),
        Arc::new(StringViewArray::from_iter_values(
            numbers().map(|row| format!("A{:05}", chance(row, 4) % 900)),
        )),
        Arc::new(Int64Array::from_iter_values(numbers().map(|row| 4_000_000 + (row / 3) as i64))),
        Arc::new(
            Decimal128Array::from_iter_values(
                numbers().map(|row| i128::from(chance(row, 5) % 10_000_000) - 5_000_000),
            )
            .with_data_type(DataType::Decimal128(14, 2)),
        ),
        Arc::new(StringViewArray::from_iter_values(numbers().map(texts))),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

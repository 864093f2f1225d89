//! Measures our files and our provider against DataFusion's own, over TPC-H's `lineitem`:
//!
//! - scans through [`LakeTable`] against a `ListingTable` over the very same files: what checksums, statistics and the
//!   provider cost;
//! - the same against a `ListingTable` over a file as `tpchgen-cli` writes it (Snappy, row groups of 7 MiB): what the
//!   layout is worth.
//!
//! The full scan, and the aggregations of TPC-H's first and sixth query.
//!
//!     cargo run --release --example scan -- [SCALE [DIRECTORY]]
//!
//! Best of five each, taken in turns, in milliseconds, footers cached as in a server that is up.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

use std::{
    error::Error,
    fmt::Write as _,
    fs::File,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use arrow::csv::ReaderBuilder;
use datafusion::{
    dataframe::DataFrame,
    error::Result as EngineResult,
    functions_aggregate::expr_fn::{avg, count, sum},
    logical_expr::{Expr, col, lit},
    prelude::{ParquetReadOptions, SessionConfig, SessionContext},
    scalar::ScalarValue,
};
use futures::StreamExt as _;
use lis_lake::{
    files::WriterOptions,
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::Identifier,
    provider::{LakeTable, table_schema},
    staged::{NewColumn, NewSchema, NewTable},
    table::Table,
    types::{ColumnType, PgType},
};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::Compression,
    file::properties::WriterProperties,
};
use tpchgen::{csv::LineItemCsv, generators::LineItemGenerator};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ATTEMPTS: usize = 5;
/// Rows that are made at a time.
const PART_ROWS: usize = 1 << 20;
/// As `tpchgen-cli` writes them.
const OTHER_ROW_GROUP_BYTES: usize = 7 << 20;

/// The columns: `k` a key, `i` an integer, `n` a numeric, `d` a date, `t` text.
const COLUMNS: &str = "k l_orderkey k l_partkey k l_suppkey i l_linenumber n l_quantity n l_extendedprice n l_discount \
    n l_tax t l_returnflag t l_linestatus d l_shipdate d l_commitdate d l_receiptdate t l_shipinstruct t l_shipmode \
    t l_comment";

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().map_or(Ok(1.0), |scale| scale.parse())?;
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = place.join(format!("lis-tpch-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let measured = measure(&directory, scale).await;
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &Path, scale: f64) -> Outcome<()> {
    let lake = Lake::create(&directory.join("lake"), &[]).await?;
    let other = directory.join("other.parquet");
    let table = make(&lake, &other, scale).await?;
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let files = lake.data_directory().join(&table.path).display().to_string();
    let options = ParquetReadOptions::default;
    let frames = [
        context.read_table(Arc::new(LakeTable::new(Arc::clone(&lake), Arc::clone(&table))))?,
        context.read_parquet(files, options()).await?,
        context.read_parquet(other.display().to_string(), options()).await?,
    ];
    println!("{:<20} {:>10} {:>24} {:>24}", "", "LIS", "ListingTable, our files", "tpchgen-cli's layout");
    for (name, query) in QUERIES {
        let mut best = [f64::INFINITY; 3];
        for _ in 0..ATTEMPTS {
            // In turns, so that what else the machine does meets all.
            for (best, frame) in best.iter_mut().zip(&frames) {
                *best = best.min(run(query(frame.clone())?).await?);
            }
        }
        let [ours, same, other] = best;
        println!(
            "{name:<20} {ours:>7.1} ms {same:>9.1} ms ({:>5.3} times) {other:>9.1} ms ({:>5.3} times)",
            ours / same,
            ours / other
        );
    }
    Ok(())
}

type Query = fn(DataFrame) -> EngineResult<DataFrame>;

const QUERIES: [(&str, Query); 3] = [
    ("full scan", Ok),
    ("sums by flags (Q1)", |frame| {
        let frame = frame.filter(col("l_shipdate").lt_eq(day(10_471)))?;
        let of = |name| sum(col(name));
        let sums = vec![of("l_quantity"), of("l_extendedprice"), avg(col("l_discount")), count(lit(1))];
        frame.aggregate(vec![col("l_returnflag"), col("l_linestatus")], sums)
    }),
    ("a year's sum (Q6)", |frame| {
        let discount = |hundredths| lit(ScalarValue::Decimal128(Some(hundredths), 15, 2));
        let year = col("l_shipdate").gt_eq(day(8_766)).and(col("l_shipdate").lt(day(9_131)));
        let condition = year
            .and(col("l_discount").between(discount(5), discount(7)))
            .and(col("l_quantity").lt(discount(2400)));
        frame.filter(condition)?.aggregate(vec![], vec![sum(col("l_extendedprice") * col("l_discount"))])
    }),
];

/// Days since 1970.
fn day(number: i32) -> Expr {
    lit(ScalarValue::Date32(Some(number)))
}

async fn run(frame: DataFrame) -> Outcome<f64> {
    let started = Instant::now();
    let mut rows = frame.execute_stream().await?;
    while let Some(batch) = rows.next().await {
        batch?;
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// Makes our table and the other file from the same rows.
async fn make(lake: &Arc<Lake>, other_path: &Path, scale: f64) -> Outcome<Arc<Table>> {
    let words: Vec<&str> = COLUMNS.split_whitespace().collect();
    let columns: Vec<(&str, ColumnType)> = words
        .chunks_exact(2)
        .map(|pair| {
            let column_type = match pair[0] {
                "k" => ColumnType::plain(PgType::Int8),
                "i" => ColumnType::plain(PgType::Int4),
                "n" => ColumnType::numeric(15, 2),
                "d" => ColumnType::plain(PgType::Date),
                _ => ColumnType::plain(PgType::Text),
            };
            (pair[1], column_type)
        })
        .collect();
    let mut staged = lake.stage(lake.snapshot().await?);
    let schema = staged
        .create_schema(NewSchema {
            name: Identifier::exact("tpch"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
        })
        .await?;
    let new =
        |(name, column_type): &(&str, ColumnType)| NewColumn::new(Identifier::exact(name), *column_type);
    let table = staged
        .create_table(NewTable {
            schema_id: schema.id,
            name: Identifier::exact("lineitem"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns: columns.iter().map(new).collect(),
            constraints: Vec::new(),
            sort_order: Vec::new(),
            materialized: None,
        })
        .await?;
    let schema = table_schema(&table);
    let mut ours = lake.writer(&table, WriterOptions::default()).await?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_bytes(Some(OTHER_ROW_GROUP_BYTES))
        .build();
    let file = File::create(other_path)?;
    let mut other = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
    let mut take = |csv: String| -> Outcome<()> {
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(false).build(Cursor::new(csv))?;
        for batch in reader {
            other.write(&batch?)?;
        }
        Ok(())
    };
    let (mut text, mut count) = (String::new(), 0);
    for row in LineItemGenerator::new(scale, 1, 1).iter() {
        writeln!(text, "{}", LineItemCsv::new(row))?;
        count += 1;
        if count % PART_ROWS == 0 {
            take(std::mem::take(&mut text))?;
        }
    }
    take(text)?;
    other.close()?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(other_path)?)?;
    for batch in reader.build()? {
        ours.write(batch?).await?;
    }
    staged.append_files(table.id, ours.finish().await?)?;
    let snapshot = lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    let table = snapshot.relation(table.id).and_then(|relation| relation.as_table()).ok_or("no table")?;
    Ok(Arc::clone(table))
}

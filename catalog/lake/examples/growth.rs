//! Measures what must not grow with the lake: planning over a table of a thousand nightly batches against one of ten,
//! opening a catalogue of ten thousand files in five hundred tables, and a commit at every size.
//!
//!     cargo run --release --example growth -- [DIRECTORY]
//!
//! The lake is made in DIRECTORY (the system's place for temporary files without one) and removed again. A commit waits
//! for the disk, so name a directory on a disk that counts.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use arrow::{
    array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringViewArray},
    datatypes::DataType,
};
use datafusion::{
    logical_expr::{Expr, col, lit},
    prelude::{SessionConfig, SessionContext},
    scalar::ScalarValue,
};
use lis_lake::{
    files::WriterOptions,
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::Identifier,
    provider::{LakeTable, table_schema},
    snapshot::Snapshot,
    staged::{NewColumn, NewSchema, NewTable, StagedChanges},
    table::{Schema, Table},
    types::{ColumnType, PgType},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nights in the small table and in the large one.
const NIGHTS_FEW: i32 = 10;
const NIGHTS_MANY: i32 = 1000;
/// The large catalogue.
const TABLES: usize = 500;
const FILES: i32 = 10_000;
/// Attempts of which the best counts; of commits, the median.
const ATTEMPTS: usize = 25;

#[tokio::main]
async fn main() -> Outcome<()> {
    let place = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = place.join(format!("lis-growth-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let measured = measure(&directory).await;
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &Path) -> Outcome<()> {
    let lake = Lake::create(directory, &[]).await?;
    let mut staged = lake.stage(lake.snapshot().await?);
    let schema = staged
        .create_schema(NewSchema {
            name: Identifier::exact("vaxt"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
        })
        .await?;
    let few = create(&mut staged, &schema, "fa").await?;
    let many = create(&mut staged, &schema, "manga").await?;
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    let mut commits = Vec::new();
    for night in 0..NIGHTS_MANY {
        if night < NIGHTS_FEW {
            append(&lake, &few, &[NIGHTS_MANY - NIGHTS_FEW + night]).await?;
        }
        commits.push(append(&lake, &many, &[night]).await?);
    }
    println!("commit of one file, table of 10 files:    {:8.2} ms", median(&commits[..ATTEMPTS]));
    println!(
        "commit of one file, table of 1,000 files: {:8.2} ms",
        median(&commits[commits.len() - ATTEMPTS..])
    );
    let (few_ms, many_ms) = (plan(&lake, &few).await?, plan(&lake, &many).await?);
    println!("plan of one month, 10 batches:            {few_ms:8.3} ms");
    println!("plan of one month, 1,000 batches:         {many_ms:8.3} ms  ({:.2} times)", many_ms / few_ms);
    append(&lake, &many, &[NIGHTS_MANY]).await?;
    let started = Instant::now();
    plan_once(&lake, &many, &SessionContext::new()).await?;
    println!("the first plan after a commit:            {:8.3} ms", ms(started));

    let mut staged = lake.stage(lake.snapshot().await?);
    let mut tables = Vec::with_capacity(TABLES);
    for number in 0..TABLES {
        tables.push(create(&mut staged, &schema, &format!("tabell_{number}")).await?);
    }
    let started = Instant::now();
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    println!("commit of {TABLES} new tables:               {:8.2} ms", ms(started));
    let per_table = FILES / i32::try_from(TABLES)?;
    for table in &tables {
        append(&lake, table, &(0..per_table).collect::<Vec<_>>()).await?;
    }
    let last = tables.last().ok_or("no tables")?;
    let mut commits = Vec::new();
    for night in 0..i32::try_from(ATTEMPTS)? {
        commits.push(append(&lake, last, &[night]).await?);
    }
    println!("commit of one file, {FILES} files in all:  {:8.2} ms", median(&commits));
    let mut commits = Vec::new();
    for number in 0..ATTEMPTS {
        let mut staged = lake.stage(lake.snapshot().await?);
        create(&mut staged, &schema, &format!("ny_{number}")).await?;
        let started = Instant::now();
        lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
        commits.push(ms(started));
    }
    println!("commit of a new table, {TABLES} tables:      {:8.2} ms", median(&commits));
    lake.close().await?;
    drop(lake);
    let mut opened = Vec::new();
    for _ in 0..ATTEMPTS {
        let started = Instant::now();
        let lake = Lake::open(directory, &[]).await?;
        let snapshot = lake.snapshot().await?;
        opened.push(ms(started));
        let files: usize = snapshot
            .relations()
            .filter_map(|relation| relation.as_table())
            .map(|table| table.files.len())
            .sum();
        if files < usize::try_from(FILES)? {
            return Err(format!("{files} files").into());
        }
        lake.close().await?;
    }
    println!("opening, {FILES} files and {TABLES} tables:  {:8.2} ms", median(&opened));
    Ok(())
}

async fn create(staged: &mut StagedChanges, schema: &Schema, name: &str) -> Outcome<Arc<Table>> {
    let column = |name: &str, column_type| NewColumn::new(Identifier::exact(name), column_type);
    let new = NewTable {
        schema_id: schema.id,
        name: Identifier::exact(name),
        owner: Oid::ADMINISTRATOR,
        comment: None,
        columns: vec![
            column("forvaltning", ColumnType::varchar(3)),
            column("period", ColumnType::plain(PgType::Int4)),
            column("datum", ColumnType::plain(PgType::Date)),
            column("konto", ColumnType::plain(PgType::Int4)),
            column("ansvar", ColumnType::varchar(10)),
            column("verksamhet", ColumnType::varchar(10)),
            column("projekt", ColumnType::varchar(10)),
            column("motpart", ColumnType::varchar(3)),
            column("verifikation", ColumnType::plain(PgType::Int8)),
            column("belopp", ColumnType::numeric(14, 2)),
            column("text", ColumnType::varchar(60)),
        ],
        materialized: None,
        constraints: Vec::new(),
        sort_order: vec![Identifier::exact("forvaltning"), Identifier::exact("datum")],
    };
    Ok(staged.create_table(new).await?)
}

/// Writes one file for each night and commits them; milliseconds of the commit alone.
async fn append(lake: &Arc<Lake>, table: &Table, nights: &[i32]) -> Outcome<f64> {
    let mut staged = lake.stage(lake.snapshot().await?);
    for night in nights {
        let mut writer = lake.writer(table, WriterOptions::default()).await?;
        writer.write(rows_of(table, *night)?).await?;
        staged.append_files(table.id, writer.finish().await?)?;
    }
    let started = Instant::now();
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    Ok(ms(started))
}

/// A night's rows: few, since what is measured does not depend on them.
fn rows_of(table: &Table, night: i32) -> Outcome<RecordBatch> {
    let rows = 0..30_i32;
    let text = |prefix: &str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(rows.clone().map(|row| format!("{prefix}{row:02}"))))
    };
    let number = || rows.clone().map(|row| 3000 + (row * 7 + night) % 600);
    let columns: Vec<ArrayRef> = vec![
        text("1"),
        Arc::new(Int32Array::from_iter_values(rows.clone().map(|_| 202_300 + night / 30))),
        Arc::new(Date32Array::from_iter_values(rows.clone().map(|_| 19_000 + night))),
        Arc::new(Int32Array::from_iter_values(number())),
        text("A"),
        text("V"),
        text("P"),
        text("9"),
        Arc::new(Int64Array::from_iter_values(
            rows.clone().map(|row| i64::from(night) * 1000 + i64::from(row)),
        )),
        Arc::new(
            Decimal128Array::from_iter_values(number().map(i128::from))
                .with_data_type(DataType::Decimal128(14, 2)),
        ),
        text("faktura nr "),
    ];
    Ok(RecordBatch::try_new(table_schema(table), columns)?)
}

/// The best time of planning a query over the last month.
async fn plan(lake: &Arc<Lake>, table: &Table) -> Outcome<f64> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let mut best = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        let started = Instant::now();
        plan_once(lake, table, &context).await?;
        best = best.min(ms(started));
    }
    Ok(best)
}

async fn plan_once(lake: &Arc<Lake>, table: &Table, context: &SessionContext) -> Outcome<()> {
    let snapshot: Arc<Snapshot> = lake.snapshot().await?;
    let table = snapshot.relation(table.id).and_then(|relation| relation.as_table()).ok_or("no table")?;
    let provider = LakeTable::new(Arc::clone(lake), Arc::clone(table));
    let day = |day: i32| -> Expr { lit(ScalarValue::Date32(Some(19_000 + day))) };
    let condition = col("datum")
        .gt_eq(day(NIGHTS_MANY - 30))
        .and(col("datum").lt(day(NIGHTS_MANY)))
        .and(col("konto").gt(lit(0)));
    let frame = context.read_table(Arc::new(provider))?.filter(condition)?;
    let frame = frame.aggregate(
        vec![col("forvaltning")],
        vec![datafusion::functions_aggregate::expr_fn::sum(col("belopp"))],
    )?;
    frame.create_physical_plan().await?;
    Ok(())
}

fn ms(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

//! Scans through DataFusion.

use arrow::{array::AsArray as _, datatypes::Int64Type, util::pretty::pretty_format_batches};
use datafusion::{
    dataframe::DataFrame,
    functions::expr_fn::substr,
    functions_aggregate::expr_fn::{count, max, min},
    logical_expr::{cast, col, lit},
    physical_plan::collect,
    prelude::{SessionConfig, SessionContext, ident},
    scalar::ScalarValue,
};

use super::*;
use crate::{
    names::Identifier,
    testing::{TestLake, new_column, rows},
    types::{ColumnType, PgType},
};

async fn frame(test: &TestLake, table: &Table) -> DataFrame {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let provider = LakeTable::new(Arc::clone(&test.lake), test.table(table).await);
    context.read_table(Arc::new(provider)).unwrap()
}

async fn answer(frame: DataFrame) -> String {
    pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string()
}

async fn row_count(frame: DataFrame) -> usize {
    frame.collect().await.unwrap().iter().map(arrow::array::RecordBatch::num_rows).sum()
}

/// Files that the plan would open.
async fn files_in_plan(frame: DataFrame) -> usize {
    let plan = frame.create_physical_plan().await.unwrap();
    let text = datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    text.matches(".parquet").count()
}

fn text(text: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(text.to_owned())))
}

fn date(days: i32) -> Expr {
    lit(ScalarValue::Date32(Some(days)))
}

#[tokio::test]
async fn rows_come_back_sorted_in_each_file_and_pruned_by_statistics() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    test.append(&table, rows(&table, &[(Some("c"), 9, -5, 3), (None, 8, 7, 4)])).await;
    let frame = frame(&test, &table).await;
    assert_eq!(
        answer(frame.clone().sort(vec![col("line").sort(true, false)]).unwrap()).await,
        "\
+----------------+------------+--------+------+
| administration | day        | amount | line |
+----------------+------------+--------+------+
| b              | 1970-01-03 | 1.00   | 1    |
| a              | 1970-01-02 | 2.50   | 2    |
| c              | 1970-01-10 | -0.05  | 3    |
|                | 1970-01-09 | 0.07   | 4    |
+----------------+------------+--------+------+"
    );
    let administration = || col("administration");
    let zero = ScalarValue::Decimal128(Some(0), 12, 2);
    for (condition, files, rows) in [
        (administration().eq(text("a")), 1, 1),
        (administration().eq(text("c")), 1, 1),
        (administration().in_list(vec![text("a"), text("c")], false), 2, 2),
        (administration().eq(text("x")), 0, 0),
        (administration().is_null(), 1, 1),
        (col("day").gt_eq(date(8)), 1, 2),
        (col("amount").lt(lit(zero)), 1, 1),
        (col("line").gt(lit(2_i64)).and(administration().eq(text("b"))), 0, 0),
        (substr(administration(), lit(1_i64)).eq(text("x")), 2, 0),
    ] {
        let filtered = frame.clone().filter(condition.clone()).unwrap();
        assert_eq!(files_in_plan(filtered.clone()).await, files, "{condition}");
        assert_eq!(row_count(filtered).await, rows, "{condition}");
    }
}

#[tokio::test]
async fn statistics_are_exact_where_they_can_be() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    test.append(&table, rows(&table, &[(None, 9, -5, 3)])).await;
    let frame = frame(&test, &table).await;
    let from_statistics = vec![count(col("administration")), min(col("day")), max(col("line"))];
    let aggregated = frame.clone().aggregate(Vec::new(), from_statistics).unwrap();
    assert_eq!(files_in_plan(aggregated.clone()).await, 0);
    assert!(answer(aggregated.clone()).await.contains("| 1970-01-02"), "{}", answer(aggregated).await);
    // Text is cut in statistics, so its least value must be read.
    let read = frame.aggregate(Vec::new(), vec![min(col("administration"))]).unwrap();
    assert_ne!(files_in_plan(read).await, 0);
}

/// A join builds its table of the side that is smaller in memory, or else that has fewer rows.
#[tokio::test]
async fn what_rows_take_in_memory_is_told_only_of_fixed_widths() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1), (Some("a"), 1, 250, 2)])).await;
    let told = async |read: &str| {
        let plan = frame(&test, &table).await.select(vec![ident(read)]).unwrap();
        let plan = plan.create_physical_plan().await.unwrap();
        let shown = datafusion::physical_plan::displayable(plan.as_ref()).set_show_statistics(true);
        shown.indent(false).to_string()
    };
    let of_text = told("administration").await;
    assert!(of_text.contains("Rows=Exact(2), Bytes=Absent"), "{of_text}");
    let of_dates = told("day").await;
    assert!(of_dates.contains("Rows=Exact(2), Bytes=Exact(8)"), "{of_dates}");
}

#[tokio::test]
async fn a_table_without_rows_is_empty() {
    let (test, table) = TestLake::with_table().await;
    assert_eq!(row_count(frame(&test, &table).await).await, 0);
}

#[tokio::test]
async fn renamed_and_added_columns_read_old_files() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 2)])).await;
    let mut staged = test.stage().await;
    staged.rename_column(table.id, table.columns[0].id, Identifier::exact("förvaltning")).unwrap();
    staged.add_column(table.id, new_column("administration", ColumnType::plain(PgType::Text))).unwrap();
    test.commit(staged).await;
    let frame = frame(&test, &table).await;
    let renamed = || ident("förvaltning");
    let both = frame.clone().filter(renamed().eq(text("a"))).unwrap();
    assert_eq!(
        answer(both.select(vec![col("administration"), renamed()]).unwrap()).await,
        "\
+----------------+-------------+
| administration | förvaltning |
+----------------+-------------+
|                | a           |
+----------------+-------------+"
    );
    assert_eq!(files_in_plan(frame.clone().filter(renamed().eq(text("b"))).unwrap()).await, 0);
    assert_eq!(files_in_plan(frame.filter(col("administration").eq(text("b"))).unwrap()).await, 0);
}

#[tokio::test]
async fn every_type_that_can_be_stored_comes_back() {
    use crate::{
        ids::Oid,
        staged::{NewSchema, NewTable},
    };
    use arrow::array as a;
    let test = TestLake::new().await;
    let mut staged = test.stage().await;
    let new = NewSchema { name: Identifier::exact("s"), owner: Oid::ADMINISTRATOR, comment: None };
    let schema = staged.create_schema(new).await.unwrap();
    let array = PgType::Int4.array().unwrap();
    let types = [
        PgType::Bool,
        PgType::Int2,
        PgType::Int4,
        PgType::Int8,
        PgType::Numeric,
        PgType::Float4,
        PgType::Float8,
        PgType::Date,
        PgType::Time,
        PgType::Timestamp,
        PgType::Timestamptz,
        PgType::Text,
        PgType::Bytea,
        PgType::Uuid,
        PgType::Jsonb,
        array,
    ];
    let mut columns: Vec<_> = types
        .iter()
        .map(|pg_type| new_column(&format!("c_{}", pg_type.name()), ColumnType::plain(*pg_type)))
        .collect();
    columns.push(new_column("small", ColumnType::numeric(8, 3)));
    columns.push(new_column("large", ColumnType::numeric(17, 2)));
    let table = staged
        .create_table(NewTable {
            schema_id: schema.id,
            name: Identifier::exact("t"),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns,
            materialized: None,
            constraints: Vec::new(),
            sort_order: Vec::new(),
        })
        .await
        .unwrap();
    test.commit(staged).await;
    let list = a::ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        None,
    ]);
    let decimal = |values: [i128; 2], precision, scale| -> a::ArrayRef {
        let array = a::Decimal128Array::from_iter_values(values);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    };
    let uuids = a::FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [254_u8; 16]].into_iter()).unwrap();
    let arrays: Vec<a::ArrayRef> = vec![
        Arc::new(a::BooleanArray::from(vec![true, false])),
        Arc::new(a::Int16Array::from(vec![-3, 7])),
        Arc::new(a::Int32Array::from(vec![-3, 7])),
        Arc::new(a::Int64Array::from(vec![i64::MIN, i64::MAX])),
        decimal([-12_345_678_901_234, 1], 38, 10),
        Arc::new(a::Float32Array::from(vec![-0.5, f32::INFINITY])),
        Arc::new(a::Float64Array::from(vec![f64::NAN, 1e300])),
        Arc::new(a::Date32Array::from(vec![-719_162, 19_000])),
        Arc::new(a::Time64MicrosecondArray::from(vec![0, 86_400_000_000])),
        Arc::new(a::TimestampMicrosecondArray::from(vec![-1, 1_700_000_000_123_456])),
        Arc::new(a::TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC")),
        Arc::new(a::StringViewArray::from(vec![Some("åäö"), None])),
        Arc::new(a::BinaryViewArray::from(vec![Some(b"\x00\xff".as_slice()), None])),
        Arc::new(uuids),
        Arc::new(a::StringViewArray::from(vec!["{\"a\": 1}", "null"])),
        Arc::new(list),
        decimal([-12_345_678, 1], 8, 3),
        decimal([-12_345_678_901_234, 1], 17, 2),
    ];
    let batch = a::RecordBatch::try_new(table_schema(&table), arrays).unwrap();
    test.append(&table, batch.clone()).await;
    let frame = frame(&test, &table).await;
    let task = Arc::new(frame.task_ctx());
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let read = collect(plan, task).await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(format!("{:?}", read[0].columns()), format!("{:?}", batch.columns()));
    assert_eq!(read[0].schema().fields(), batch.schema().fields());
    // NaN is greater than everything, and no statistics may say otherwise.
    assert_eq!(row_count(frame.clone().filter(col("c_float8").gt(lit(1e301))).unwrap()).await, 1);
    let epoch =
        cast(date(0), arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None));
    assert_eq!(row_count(frame.clone().filter(col("c_timestamp").lt(epoch)).unwrap()).await, 1);
    let one = lit(ScalarValue::Decimal128(Some(1000), 8, 3));
    assert_eq!(files_in_plan(frame.clone().filter(col("small").gt(one)).unwrap()).await, 0);
    assert_eq!(files_in_plan(frame.filter(col("c_bool").is_null()).unwrap()).await, 0);
}

#[test]
fn files_are_split_into_even_groups() {
    let file = |rows| {
        Arc::new(DataFile {
            id: crate::ids::FileId::new(1),
            path: String::new(),
            record_count: rows,
            file_size_bytes: 0,
            footer_size_bytes: 0,
            begin_snapshot: crate::ids::SnapshotId::new(0),
            row_id_start: 0,
            column_bound: None,
            checksum: None,
            row_snapshots: None,
            statistics: crate::data_file::FileStatistics::Columns(Vec::new()),
            typed: std::sync::OnceLock::new(),
            blocks: std::sync::OnceLock::new(),
            guard: None,
        })
    };
    let sizes = |rows: &[u64], groups_max| {
        let files: Vec<_> = rows.iter().map(|rows| file(*rows)).collect();
        let files: Vec<_> = files.iter().collect();
        let groups = split(&files, groups_max);
        groups
            .iter()
            .map(|group| group.iter().map(|file| file.record_count).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(sizes(&[5], 4), [vec![5]]);
    assert_eq!(sizes(&[5, 5, 5, 5], 2), [vec![5, 5], vec![5, 5]]);
    assert_eq!(sizes(&[100, 1, 1, 1], 2), [vec![100], vec![1, 1, 1]]);
    assert_eq!(sizes(&[1, 1, 1, 100], 3).len(), 3);
}

#[tokio::test]
async fn a_limit_reads_no_more_than_it_must() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 1, 1), (Some("a"), 1, 1, 2)])).await;
    let frame = frame(&test, &table).await;
    let read =
        frame.filter(col("line").gt(lit(1_i64))).unwrap().limit(0, Some(1)).unwrap().collect().await.unwrap();
    assert_eq!(read[0].column_by_name("line").unwrap().as_primitive::<Int64Type>().value(0), 2);
}

/// Whether the query fails with an error of the lake that names the file.
async fn names_the_file(frame: DataFrame, path: &Path) -> bool {
    match frame.collect().await {
        Ok(_) => false,
        Err(error) => match crate::error::LakeError::find(&error) {
            Some(found) => found.to_string().contains(path.to_str().unwrap()),
            None => panic!("another error: {error:?}"),
        },
    }
}

#[tokio::test]
async fn a_flipped_bit_is_caught_wherever_it_is_read() {
    let (test, table) = TestLake::with_table().await;
    let many: Vec<_> = (0..9000).map(|line| (Some("abc"), 1, i128::from(line), line)).collect();
    test.append(&table, rows(&table, &many)).await;
    let file = Arc::clone(&test.table(&table).await.files[0]);
    let path = test.lake.data_directory().join(&table.path).join(&file.path);
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 2 * (64 << 10), "{} bytes", whole.len());
    assert_eq!(row_count(frame(&test, &table).await).await, 9000);
    for at in (0..whole.len()).step_by(whole.len() / 23).chain([3, whole.len() - 1, whole.len() - 9]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        assert!(names_the_file(frame(&test, &table).await, &path).await, "byte {at}");
    }
    // What is not read harms nobody: the last column's bytes stand behind the first column's.
    let mut bytes = whole.clone();
    bytes[100_000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let first = || async { frame(&test, &table).await.select(vec![col("administration")]).unwrap() };
    let last = || async { frame(&test, &table).await.select(vec![col("line")]).unwrap() };
    assert_eq!(row_count(first().await).await, 9000);
    assert!(names_the_file(last().await, &path).await);
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(names_the_file(first().await, &path).await);
    std::fs::remove_file(&path).unwrap();
    assert!(names_the_file(first().await, &path).await);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(row_count(last().await).await, 9000);
}

#[tokio::test]
async fn a_file_without_checksums_is_read_as_it_is() {
    let (test, table) = TestLake::with_table().await;
    test.append(&table, rows(&table, &[(Some("a"), 1, 250, 2)])).await;
    let mut tx = test.lake.metadata().write().await.unwrap();
    tx.execute("DELETE FROM lis_file_blocks", &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(row_count(frame(&test, &table).await).await, 1);
}

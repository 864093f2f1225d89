//! The secured table and its barrier over plain Parquet, without a binder: attempts to make the engine evaluate
//! something on a hidden row, each in plans as the engine's own builder makes them, with Parquet's filter pushdown off
//! and on. A row is hidden whose `x` is 5; every attempt divides by `x - 5` or casts a text that only that row has.

use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringViewArray},
    datatypes::DataType,
    util::pretty::pretty_format_batches,
};
use datafusion::{
    common::{JoinType, ScalarValue},
    datasource::{
        TableProvider,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
        provider_as_source,
    },
    execution::SessionState,
    functions_aggregate::expr_fn::{count, max, min, sum},
    functions_window::expr_fn::row_number,
    logical_expr::{
        Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, in_subquery, lit, when,
    },
    physical_plan::{collect, displayable},
    prelude::SessionConfig,
};
use lis_security::{secured_table::SecuredTable, session_state};

/// Rows of administration A, and hidden ones of B.
fn write(path: &Path, with_hidden: bool) {
    let mut rows: Vec<(&str, i64, &str)> = (10_i64..40).map(|x| ("A", x, "12")).collect();
    if with_hidden {
        rows.extend([("B", 5, "secret"), ("B", 6, "x")]);
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("adm", Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("x", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("s", Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.2)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn state(pushdown_filters: bool) -> SessionState {
    let mut config = SessionConfig::new().with_target_partitions(2).with_collect_statistics(true);
    config.options_mut().execution.parquet.pushdown_filters = pushdown_filters;
    session_state(Arc::default(), config)
}

async fn table(state: &SessionState, path: &Path) -> Arc<dyn TableProvider> {
    let url = ListingTableUrl::parse(path.to_str().unwrap()).unwrap();
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config =
        ListingTableConfig::new(url).with_listing_options(options).infer_schema(state).await.unwrap();
    Arc::new(ListingTable::try_new(config).unwrap())
}

fn scan(table: &Arc<dyn TableProvider>, name: &str) -> LogicalPlanBuilder {
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(table)), None).unwrap()
}

fn secured(inner: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
    Arc::new(SecuredTable::new(inner, col("adm").eq(lit(ScalarValue::Utf8View(Some("A".to_owned()))))))
}

/// Fails on the hidden row alone.
fn division() -> Expr {
    lit(10_i64) / (col("x") - lit(5_i64))
}

/// Fails on the hidden rows alone.
fn conversion() -> Expr {
    cast(col("s"), DataType::Int64)
}

type Attempt = (&'static str, fn(&Arc<dyn TableProvider>) -> LogicalPlanBuilder);

/// Where an expression can stand.
const ATTEMPTS: &[Attempt] = &[
    ("where", |t| scan(t, "t").filter(division().gt(lit(100_i64))).unwrap()),
    ("where cast", |t| scan(t, "t").filter(conversion().gt(lit(0_i64))).unwrap()),
    ("where behind a leakproof predicate", |t| {
        scan(t, "t").filter(col("x").lt(lit(100_i64)).and(division().gt(lit(-100_i64)))).unwrap()
    }),
    ("where before a leakproof predicate", |t| {
        scan(t, "t").filter(division().gt(lit(-100_i64)).and(col("x").lt(lit(100_i64)))).unwrap()
    }),
    ("where or", |t| scan(t, "t").filter(col("x").lt(lit(0_i64)).or(division().gt(lit(0_i64)))).unwrap()),
    ("where the hidden value", |t| {
        scan(t, "t").filter(col("x").eq(lit(5_i64)).and(division().gt(lit(0_i64)))).unwrap()
    }),
    ("select", |t| scan(t, "t").project([division().alias("d"), conversion().alias("c")]).unwrap()),
    ("order by", |t| scan(t, "t").sort([division().sort(true, true), col("x").sort(true, true)]).unwrap()),
    ("order by limit", |t| scan(t, "t").sort_with_limit([division().sort(false, true)], Some(3)).unwrap()),
    ("top-k over a bare column", |t| {
        scan(t, "t").sort_with_limit([col("x").sort(true, true)], Some(3)).unwrap()
    }),
    ("limit", |t| scan(t, "t").filter(col("x").lt(lit(7_i64))).unwrap().limit(0, Some(1)).unwrap()),
    ("join on", |t| {
        let right = scan(t, "r").build().unwrap();
        let left = lit(10_i64) / (col("l.x") - lit(5_i64));
        let right_side = lit(10_i64) / (col("r.x") - lit(5_i64));
        scan(t, "l").join_on(right, JoinType::Inner, [left.eq(right_side)]).unwrap()
    }),
    ("join on bare columns", |t| {
        let right = scan(t, "r").build().unwrap();
        scan(t, "l").join_on(right, JoinType::Inner, [col("l.x").eq(col("r.x"))]).unwrap()
    }),
    ("left join with a residual condition", |t| {
        let right = scan(t, "r").build().unwrap();
        let residual = (lit(10_i64) / (col("r.x") - lit(5_i64))).gt(lit(0_i64));
        scan(t, "l").join_on(right, JoinType::Left, [col("l.x").eq(col("r.x")), residual]).unwrap()
    }),
    ("in subquery", |t| {
        let inner = scan(t, "i").project([lit(10_i64) / (col("i.x") - lit(5_i64))]).unwrap().build().unwrap();
        scan(t, "t").filter(in_subquery(col("t.x"), Arc::new(inner))).unwrap()
    }),
    ("case", |t| {
        let case = when(col("s").eq(lit("secret")), division()).otherwise(lit(0_i64)).unwrap();
        scan(t, "t").filter(case.gt_eq(lit(0_i64))).unwrap()
    }),
    ("count", |t| scan(t, "t").aggregate(Vec::<Expr>::new(), [count(lit(1_i64))]).unwrap()),
    ("min and max", |t| {
        scan(t, "t").aggregate(Vec::<Expr>::new(), [min(col("x")), max(col("s")), min(col("s"))]).unwrap()
    }),
    ("sum of a failing expression", |t| {
        scan(t, "t").aggregate(Vec::<Expr>::new(), [sum(division())]).unwrap()
    }),
    ("group by", |t| scan(t, "t").aggregate([division().alias("d")], [count(lit(1_i64))]).unwrap()),
    ("having", |t| {
        scan(t, "t")
            .aggregate([col("adm")], [sum(division()).alias("d")])
            .unwrap()
            .filter(col("d").gt(lit(-1_000_i64)))
            .unwrap()
    }),
    ("aggregate filter", |t| {
        let filtered = count(col("x")).filter(division().gt(lit(0_i64))).build().unwrap();
        scan(t, "t").aggregate(Vec::<Expr>::new(), [filtered]).unwrap()
    }),
    ("window", |t| {
        let window =
            row_number().partition_by(vec![division()]).order_by(vec![col("x").sort(true, true)]).build();
        scan(t, "t").window([window.unwrap()]).unwrap()
    }),
    ("distinct", |t| scan(t, "t").project([conversion().alias("c")]).unwrap().distinct().unwrap()),
    ("union", |t| {
        let other = scan(t, "o").filter(division().gt(lit(0_i64))).unwrap().build().unwrap();
        scan(t, "t").union(other).unwrap()
    }),
    ("a constant that fails only where there are rows", |t| {
        scan(t, "t").filter(col("adm").eq(lit("B")).and(division().gt(lit(0_i64)))).unwrap()
    }),
];

async fn run(state: &SessionState, plan: &LogicalPlan) -> Result<String, String> {
    let physical = state.create_physical_plan(plan).await.map_err(|error| error.to_string())?;
    let batches = collect(physical, state.task_ctx()).await.map_err(|error| error.to_string())?;
    // Rows in any order: the plan says nothing about it.
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('+')).collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

#[tokio::test]
async fn no_attempt_tells_of_a_hidden_row() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, own) = (directory.path().join("whole.parquet"), directory.path().join("own.parquet"));
    write(&whole, true);
    write(&own, false);
    for pushdown_filters in [false, true] {
        let state = state(pushdown_filters);
        let hiding = secured(table(&state, &whole).await);
        let without = table(&state, &own).await;
        for (name, attempt) in ATTEMPTS {
            let seen = run(&state, &attempt(&hiding).build().unwrap()).await;
            let expected = run(&state, &attempt(&without).build().unwrap()).await;
            assert!(expected.is_ok(), "{name}: fails without hidden rows: {expected:?}");
            assert_eq!(seen, expected, "{name}, pushdown_filters = {pushdown_filters}");
        }
    }
}

/// The attempts are worth something: without a barrier some of them do fail.
#[tokio::test]
async fn a_plain_filter_would_leak() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("whole.parquet");
    write(&path, true);
    let state = state(false);
    let plain = table(&state, &path).await;
    let plan = scan(&plain, "t")
        // Conditions are evaluated in the order of their cost, and a policy may be the dearer one.
        .filter((col("x") - lit(1_i64) - lit(2_i64) - lit(3_i64)).lt(lit(-1000_i64)))
        .unwrap()
        .filter(division().gt(lit(100_i64)))
        .unwrap()
        .build()
        .unwrap();
    assert!(run(&state, &plan).await.unwrap_err().contains("ivide by zero"));
}

async fn physical(state: &SessionState, plan: LogicalPlanBuilder) -> String {
    let plan = state.create_physical_plan(&plan.build().unwrap()).await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

#[tokio::test]
async fn leakproof_predicates_and_dynamic_filters_prune_below_the_barrier_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("whole.parquet");
    write(&path, true);
    let state = state(false);
    let hiding = secured(table(&state, &path).await);

    let plan = physical(&state, scan(&hiding, "t").filter(col("x").lt(lit(20_i64))).unwrap()).await;
    assert!(!plan.contains("BarrierExec"), "removed by the last rule: {plan}");
    assert_eq!(plan.matches("FilterExec").count(), 1, "policy and predicate in one filter: {plan}");
    assert!(plan.contains("pruning_predicate") && plan.contains("x_min"), "{plan}");

    let plan = physical(&state, scan(&hiding, "t").filter(division().gt(lit(0_i64))).unwrap()).await;
    assert_eq!(plan.matches("FilterExec").count(), 2, "the user's predicate stays above: {plan}");
    let below = plan.split("FilterExec").last().unwrap();
    assert!(!below.contains("- 5"), "{plan}");

    let top_k = scan(&hiding, "t").sort_with_limit([col("x").sort(true, true)], Some(3)).unwrap();
    let plan = physical(&state, top_k).await;
    assert!(plan.contains("DynamicFilter"), "{plan}");
    let top_k = scan(&hiding, "t").sort_with_limit([division().sort(true, true)], Some(3)).unwrap();
    let plan = physical(&state, top_k).await;
    assert!(!plan.contains("DynamicFilter"), "{plan}");

    let right = scan(&hiding, "r").build().unwrap();
    let join = scan(&hiding, "l").join_on(right, JoinType::Inner, [col("l.x").eq(col("r.x"))]).unwrap();
    let plan = physical(&state, join).await;
    assert!(plan.contains("DynamicFilter"), "{plan}");
}

#[tokio::test]
async fn a_policy_that_is_false_reads_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("whole.parquet");
    write(&path, true);
    let state = state(false);
    let nothing: Arc<dyn TableProvider> = Arc::new(SecuredTable::new(table(&state, &path).await, lit(false)));
    let plan = physical(&state, scan(&nothing, "t")).await;
    assert_eq!(plan.trim(), "EmptyExec");
}

//! The settings with which PostgreSQL's planner, memory and vacuum are tuned. LIS plans and allots memory in its own way, so
//! none of these changes anything; they are taken because clients send them before a heavy query, and judged as PostgreSQL
//! judges them: types, units, bounds. The page says so (`server/docs/connect.md`), and so does `pg_settings`.

use super::{
    definitions::{Definition, Kind},
    quantities::Unit,
};

const NO_EFFECT: &str = "Taken as PostgreSQL takes it, without effect: LIS plans in its own way.";

const fn row(name: &'static str, kind: Kind, default: &'static str) -> Definition {
    Definition { name, kind, default, report: false, description: NO_EFFECT }
}

const SWITCH: Kind = Kind::Bool;
const COST: Kind = Kind::Real(Unit::Plain, 0.0, f64::MAX);
const JIT_COST: Kind = Kind::Real(Unit::Plain, -1.0, f64::MAX);
const WORKERS: Kind = Kind::Quantity(Unit::Plain, 0, 1024);
const COUNT: Kind = Kind::Quantity(Unit::Plain, 0, i32::MAX);
const LIMIT: Kind = Kind::Quantity(Unit::Plain, 1, i32::MAX);
const PAGE_COST: Kind = Kind::Quantity(Unit::Plain, 0, 10_000);

const fn real(least: f64, most: f64) -> Kind {
    Kind::Real(Unit::Plain, least, most)
}

const fn whole(least: i32, most: i32) -> Kind {
    Kind::Quantity(Unit::Plain, least, most)
}

const fn kilobytes(least: i32) -> Kind {
    Kind::Quantity(Unit::Kilobytes, least, i32::MAX)
}

const fn blocks(least: i32, most: i32) -> Kind {
    Kind::Quantity(Unit::Blocks, least, most)
}

/// All of them, by name.
#[rustfmt::skip]
pub(super) static TUNING: &[Definition] = &[
    row("backend_flush_after", blocks(0, 256), "0"),
    row("constraint_exclusion", Kind::Choice(&["partition", "on", "off"], &[]), "partition"),
    row("cpu_index_tuple_cost", COST, "0.005"),
    row("cpu_operator_cost", COST, "0.0025"),
    row("cpu_tuple_cost", COST, "0.01"),
    row("cursor_tuple_fraction", real(0.0, 1.0), "0.1"),
    row("default_statistics_target", whole(1, 10_000), "100"),
    row("effective_cache_size", blocks(1, i32::MAX), "4GB"),
    row("effective_io_concurrency", whole(0, 1000), "1"),
    row("enable_async_append", SWITCH, "on"),
    row("enable_bitmapscan", SWITCH, "on"),
    row("enable_gathermerge", SWITCH, "on"),
    row("enable_hashagg", SWITCH, "on"),
    row("enable_hashjoin", SWITCH, "on"),
    row("enable_incremental_sort", SWITCH, "on"),
    row("enable_indexonlyscan", SWITCH, "on"),
    row("enable_indexscan", SWITCH, "on"),
    row("enable_material", SWITCH, "on"),
    row("enable_memoize", SWITCH, "on"),
    row("enable_mergejoin", SWITCH, "on"),
    row("enable_nestloop", SWITCH, "on"),
    row("enable_parallel_append", SWITCH, "on"),
    row("enable_parallel_hash", SWITCH, "on"),
    row("enable_partition_pruning", SWITCH, "on"),
    row("enable_partitionwise_aggregate", SWITCH, "off"),
    row("enable_partitionwise_join", SWITCH, "off"),
    row("enable_seqscan", SWITCH, "on"),
    row("enable_sort", SWITCH, "on"),
    row("enable_tidscan", SWITCH, "on"),
    row("force_parallel_mode", Kind::Choice(&["off", "on", "regress"], &[]), "off"),
    row("from_collapse_limit", LIMIT, "8"),
    row("geqo", SWITCH, "on"),
    row("geqo_effort", whole(1, 10), "5"),
    row("geqo_generations", COUNT, "0"),
    row("geqo_pool_size", COUNT, "0"),
    row("geqo_seed", real(0.0, 1.0), "0"),
    row("geqo_selection_bias", real(1.5, 2.0), "2"),
    row("geqo_threshold", whole(2, i32::MAX), "12"),
    row("gin_fuzzy_search_limit", COUNT, "0"),
    row("gin_pending_list_limit", kilobytes(64), "4MB"),
    row("hash_mem_multiplier", real(1.0, 1000.0), "2"),
    row("jit", SWITCH, "on"),
    row("jit_above_cost", JIT_COST, "100000"),
    row("jit_expressions", SWITCH, "on"),
    row("jit_inline_above_cost", JIT_COST, "500000"),
    row("jit_optimize_above_cost", JIT_COST, "500000"),
    row("jit_tuple_deforming", SWITCH, "on"),
    row("join_collapse_limit", LIMIT, "8"),
    row("logical_decoding_work_mem", kilobytes(64), "64MB"),
    row("maintenance_io_concurrency", whole(0, 1000), "10"),
    row("maintenance_work_mem", kilobytes(1024), "64MB"),
    row("max_parallel_maintenance_workers", WORKERS, "2"),
    row("max_parallel_workers", WORKERS, "8"),
    row("max_parallel_workers_per_gather", WORKERS, "2"),
    row("min_parallel_index_scan_size", blocks(0, 715_827_882), "512kB"),
    row("min_parallel_table_scan_size", blocks(0, 715_827_882), "8MB"),
    row("parallel_leader_participation", SWITCH, "on"),
    row("parallel_setup_cost", COST, "1000"),
    row("parallel_tuple_cost", COST, "0.1"),
    row("plan_cache_mode", Kind::Choice(&["auto", "force_generic_plan", "force_custom_plan"], &[]), "auto"),
    row("random_page_cost", COST, "4"),
    row("recursive_worktable_factor", real(0.001, 1_000_000.0), "10"),
    row("seq_page_cost", COST, "1"),
    row("temp_buffers", blocks(100, 1_073_741_823), "8MB"),
    row("vacuum_cost_delay", Kind::Real(Unit::Milliseconds, 0.0, 100.0), "0"),
    row("vacuum_cost_limit", whole(1, 10_000), "200"),
    row("vacuum_cost_page_dirty", PAGE_COST, "20"),
    row("vacuum_cost_page_hit", PAGE_COST, "1"),
    row("vacuum_cost_page_miss", PAGE_COST, "2"),
    row("vacuum_freeze_min_age", whole(0, 1_000_000_000), "50000000"),
    row("vacuum_freeze_table_age", whole(0, 2_000_000_000), "150000000"),
    row("work_mem", kilobytes(64), "4MB"),
];

//! TPC-H's 22 queries, bound and planned as the server does it, over the same rows three times: through our provider, over
//! the very same files by DataFusion's `ListingTable` (what the provider costs), and over files as `tpchgen-cli` writes
//! them (what the layout and our statistics are worth). Beside them what binding and planning take.
//!
//! ```text
//! cargo run --release -p lis-security --example tpch -- [SCALE [sorted [DIRECTORY [QUERY …]]]]
//! ```
//!
//! `sorted` gives `lineitem` and `orders` an order by date, as a table with a time column has it; `plain` does not. Best of
//! seven, in turns, in milliseconds of time and, behind the stroke, of all threads' processor time (whose clock is
//! coarse), which a busy machine does not change. With the numbers of queries their plans are printed, too.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

mod warehouse;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};

use datafusion::{
    execution::SessionState,
    physical_plan::{ExecutionPlan, displayable, execute_stream},
    prelude::{SessionConfig, SessionContext},
};
use futures::StreamExt as _;
use lis_sql::{bind_query, engine::share, parse, statement::Statement};

use self::warehouse::{Kind, Outcome, Relations, Warehouse, bind_context};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 7;
const QUERIES: &str = include_str!("../../../tests/tpch.sql");

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().map_or(Ok(1.0), |scale| scale.parse())?;
    let sorted = arguments.next().is_some_and(|layout| layout == "sorted");
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let shown = arguments.map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
    let directory = place.join(format!("lis-tpch-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let measured = measure(&directory, scale, sorted, &shown).await;
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &std::path::Path, scale: f64, sorted: bool, shown: &[usize]) -> Outcome<()> {
    let config = SessionConfig::new().with_target_partitions(2).with_information_schema(false);
    let state = lis_security::session_state(Arc::default(), config);
    let context = SessionContext::new_with_state(state.clone());
    let warehouse = Warehouse::make(directory, scale, sorted, &context).await?;
    let catalogs = [Kind::Lake, Kind::SameFiles, Kind::Other].map(|kind| warehouse.catalog(kind));
    println!(
        "{:<4} {:>6} {:>6} {:>17} {:>17} {:>17} {:>15} {:>15}",
        "", "bind", "plan", "LIS", "same files", "other files", "to same", "to other"
    );
    let (mut logarithms, mut count) = ([Cost::default(); 2], 0.0);
    for (number, query) in (1..).zip(texts(QUERIES)) {
        if !shown.is_empty() && !shown.contains(&number) {
            continue;
        }
        let (mut bind, mut planning, mut best) = (f64::INFINITY, f64::INFINITY, [Cost::MAX; 3]);
        for run in 0..RUNS {
            // In turns, so that what else the machine does meets all.
            for (index, catalog) in catalogs.iter().enumerate() {
                let before = Cost::now()?;
                let planned = plan(&query, catalog, &state).await?;
                if index == 0 {
                    bind = bind.min(planned.bind);
                    planning = planning.min(planned.plan);
                }
                if run == 0 && !shown.is_empty() {
                    println!("{}", displayable(planned.physical.as_ref()).indent(false));
                }
                execute(planned.physical, &state).await?;
                best[index] = best[index].best(Cost::now()?.since(before));
            }
        }
        let [ours, same, other] = best;
        let ratios = [ours.over(same), ours.over(other)];
        println!(
            "Q{number:<3} {bind:>6.2} {planning:>6.2} {ours} {same} {other} {:.3} {:.3}",
            ratios[0], ratios[1]
        );
        for (sum, ratio) in logarithms.iter_mut().zip(ratios) {
            *sum = Cost { time: sum.time + ratio.time.ln(), processor: sum.processor + ratio.processor.ln() };
        }
        count += 1.0;
    }
    let [same, other] = logarithms
        .map(|sum| Cost { time: (sum.time / count).exp(), processor: (sum.processor / count).exp() });
    println!("geometric mean: {same:.3} times the same files, {other:.3} times the other files");
    Ok(())
}

/// Milliseconds of time, and of processor time.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    time: f64,
    processor: f64,
}

impl Cost {
    const MAX: Self = Self { time: f64::INFINITY, processor: f64::INFINITY };

    /// Up to now.
    fn now() -> Outcome<Self> {
        static START: OnceLock<Instant> = OnceLock::new();
        let time = START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0;
        let mut processor = 0.0;
        for thread in std::fs::read_dir("/proc/self/task")? {
            // A thread may have ended meanwhile.
            let Ok(line) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            processor += line.split_whitespace().next().ok_or("schedstat")?.parse::<f64>()? / 1e6;
        }
        Ok(Self { time, processor })
    }

    fn since(self, before: Self) -> Self {
        Self { time: self.time - before.time, processor: self.processor - before.processor }
    }

    fn best(self, other: Self) -> Self {
        Self { time: self.time.min(other.time), processor: self.processor.min(other.processor) }
    }

    fn over(self, other: Self) -> Self {
        Self { time: self.time / other.time, processor: self.processor / other.processor }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = formatter.precision().unwrap_or(1);
        write!(formatter, "{:>8.digits$}|{:<8.digits$}", self.time, self.processor)
    }
}

fn texts(queries: &str) -> Vec<String> {
    let lines = queries.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

struct Planned {
    bind: f64,
    plan: f64,
    physical: Arc<dyn ExecutionPlan>,
}

async fn plan(text: &str, catalog: &Relations, state: &SessionState) -> Outcome<Planned> {
    let started = Instant::now();
    let parsed = parse(text)?.remove(0);
    let Statement::Query(query) = &parsed.statement else { return Err("no query".into()) };
    let bound = bind_query(query, &parsed.text, catalog, &bind_context())?;
    let bind = started.elapsed().as_secs_f64() * 1000.0;
    let physical = state.create_physical_plan(&share(bound.plan)?).await?;
    Ok(Planned { bind, plan: started.elapsed().as_secs_f64() * 1000.0 - bind, physical })
}

async fn execute(plan: Arc<dyn ExecutionPlan>, state: &SessionState) -> Outcome<()> {
    let mut rows = execute_stream(plan, state.task_ctx())?;
    while let Some(batch) = rows.next().await {
        batch?;
    }
    Ok(())
}

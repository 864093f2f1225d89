//! TPC-H's 22 queries, planned and run four times over the same rows: bound and planned as the server does it over our
//! provider; by plain DataFusion over the very same files (what all of LIS costs); bound and planned as the server does
//! over those files as DataFusion's `ListingTable` (what the provider costs); and so over files as `tpchgen-cli` writes
//! them (what the layout and our statistics are worth). Plain DataFusion has two turns: how far they are apart is what
//! the machine's other work makes of a figure here. Behind them what binding and planning take.
//!
//! ```text
//! cargo run --release -p lis-security --example tpch -- [SCALE [sorted [DIRECTORY [QUERY …]]]]
//! ```
//!
//! The files stay in the directory, for the next time. `sorted` gives `lineitem` and `orders` an order by date, as a table with a time column has it; `plain` does not. Best of
//! eleven (`RUNS` in the environment says another number), in turns, in milliseconds of time and, behind the stroke, of
//! all threads' processor time, which a busy machine changes less. With the numbers of queries their plans are printed,
//! too.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

mod plain;
mod warehouse;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Instant};

use datafusion::{
    execution::SessionState,
    physical_plan::{ExecutionPlan, displayable, execute_stream},
    prelude::{SessionConfig, SessionContext},
};
use futures::StreamExt as _;
use lis_sql::{
    bind_query,
    engine::{physical_plan, share},
    parse,
    statement::Statement,
};

use self::{
    plain::Tables,
    warehouse::{Kind, Outcome, Relations, Warehouse, bind_context},
};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 11;
const CONTENDERS: usize = 5;
const QUERIES: &str = include_str!("../../../tests/tpch.sql");

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().map_or(Ok(1.0), |scale| scale.parse())?;
    let sorted = arguments.next().is_some_and(|layout| layout == "sorted");
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let shown = arguments.map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
    let layout = if sorted { "sorted" } else { "plain" };
    measure(&place.join(format!("lis-tpch-{scale}-{layout}")), scale, sorted, &shown).await
}

async fn measure(directory: &std::path::Path, scale: f64, sorted: bool, shown: &[usize]) -> Outcome<()> {
    let runs = std::env::var("RUNS").map_or(Ok(RUNS), |runs| runs.parse())?;
    let config = SessionConfig::new().with_target_partitions(2);
    let plain = SessionContext::new_with_config(config.clone());
    let state = lis_security::session_state(Arc::default(), config.with_information_schema(false));
    let context = SessionContext::new_with_state(state.clone());
    let warehouse = Warehouse::make(directory, scale, sorted, &context).await?;
    let server = |kind| (By::Server(warehouse.catalog(kind)), state.clone());
    let stock = || (By::Plain(warehouse.providers(Kind::SameFiles).collect()), plain.state());
    // Plain DataFusion twice: how far the two are apart is what a figure here may be wrong by.
    let contenders = [server(Kind::Lake), stock(), server(Kind::SameFiles), server(Kind::Other), stock()];
    println!(
        "{:<4} {:^17} {:^17} {:^17} {:^17} {:^11} {:^11} {:^11} {:^11} {:^17}",
        "",
        "LIS",
        "plain DataFusion",
        "same files",
        "other files",
        "to plain",
        "to same",
        "to other",
        "plain twice",
        "planning, to plain"
    );
    let (mut logarithms, mut planning_logarithms, mut count) = ([Cost::default(); 3], 0.0, 0.0);
    for (number, query) in (1..).zip(texts(QUERIES)) {
        if !shown.is_empty() && !shown.contains(&number) {
            continue;
        }
        let (mut best, mut planning) = ([Cost::MAX; CONTENDERS], [f64::INFINITY; CONTENDERS]);
        for run in 0..runs {
            // In turns, so that what else the machine does meets all, and each comes behind each other, since who
            // comes next gives back the memory that one has left.
            let step = 1 + run / CONTENDERS % (CONTENDERS - 1);
            for turn in 0..CONTENDERS {
                let index = (run + turn * step) % CONTENDERS;
                let (by, state) = &contenders[index];
                let before = Clock::now()?;
                let physical = by.plan(&query, state).await?;
                planning[index] = planning[index].min(before.started.elapsed().as_secs_f64() * 1000.0);
                if run == 0 && !shown.is_empty() {
                    println!("{}", displayable(physical.as_ref()).indent(false));
                }
                execute(physical, state).await?;
                best[index] = best[index].best(before.until_now()?);
            }
        }
        let [ours, rest @ .., again] = best;
        let ratios = rest.map(|other| ours.over(other));
        let [lis, stock, ..] = planning;
        print!("Q{number:<3} {ours}");
        rest.iter().for_each(|cost| print!(" {cost}"));
        ratios.iter().for_each(|ratio| print!(" {:.3}|{:.3}", ratio.time, ratio.processor));
        let twice = again.over(rest[0]);
        println!(" {:.3}|{:.3} {lis:>6.2} {:.3}", twice.time, twice.processor, lis / stock);
        for (sum, ratio) in logarithms.iter_mut().zip(ratios) {
            *sum = Cost { time: sum.time + ratio.time.ln(), processor: sum.processor + ratio.processor.ln() };
        }
        planning_logarithms += (lis / stock).ln();
        count += 1.0;
    }
    let [plain, same, other] = logarithms
        .map(|sum| Cost { time: (sum.time / count).exp(), processor: (sum.processor / count).exp() });
    println!(
        "geometric mean: {plain:.3} times plain DataFusion, {same:.3} times the same files, {other:.3} times the \
         other files; planning {:.3} times plain DataFusion",
        f64::exp(planning_logarithms / count)
    );
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

/// The time, and every thread's processor time.
struct Clock {
    started: Instant,
    threads: BTreeMap<std::ffi::OsString, f64>,
}

impl Clock {
    fn now() -> Outcome<Self> {
        let mut threads = BTreeMap::new();
        for thread in std::fs::read_dir("/proc/self/task")? {
            let thread = thread?;
            // A thread may have ended meanwhile.
            let Ok(line) = std::fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let nanoseconds: f64 = line.split_whitespace().next().ok_or("schedstat")?.parse()?;
            threads.insert(thread.file_name(), nanoseconds / 1e6);
        }
        Ok(Self { started: Instant::now(), threads })
    }

    fn until_now(&self) -> Outcome<Cost> {
        let time = self.started.elapsed().as_secs_f64() * 1000.0;
        let now = Self::now()?.threads;
        let spent = now.iter().map(|(thread, now)| now - self.threads.get(thread).copied().unwrap_or(0.0));
        Ok(Cost { time, processor: spent.sum() })
    }
}

fn texts(queries: &str) -> Vec<String> {
    let lines = queries.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

/// Who binds and plans.
enum By {
    Server(Relations),
    Plain(Tables),
}

impl By {
    async fn plan(&self, text: &str, state: &SessionState) -> Outcome<Arc<dyn ExecutionPlan>> {
        let parsed = parse(text)?.remove(0);
        let Statement::Query(query) = &parsed.statement else { return Err("no query".into()) };
        match self {
            Self::Server(catalog) => {
                let plan = share(bind_query(query, &parsed.text, catalog, &bind_context())?.plan)?;
                Ok(physical_plan(&plan, state).await?)
            }
            Self::Plain(tables) => Ok(state.create_physical_plan(&plain::plan(query, tables)?).await?),
        }
    }
}

async fn execute(plan: Arc<dyn ExecutionPlan>, state: &SessionState) -> Outcome<()> {
    let mut rows = execute_stream(plan, state.task_ctx())?;
    while let Some(batch) = rows.next().await {
        batch?;
    }
    Ok(())
}

//! Keeping the warehouse in shape: small files merged, old snapshots forgotten, files removed that nobody reads, bounds
//! drawn tight again. By command (`query/call/maintenance.rs`) and on a schedule inside the service window.
//!
//! Every step is one commit and can be done again; a kill in between leaves a warehouse that is as good as before. All
//! of it gives way to people: see `lis_lake::compact` and `lis_lake::expire`.

mod wall_clock;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lis_lake::{
    compact::{CompactOptions, Compacted},
    expire::Expired,
    ids::RelationId,
    retention::{Moment, Retained, RetentionRule},
    table::Relation,
};
use lis_loaders::undo::{LedgerFloor, running_loads};

use crate::{
    error::{Condition, Result, ServerError},
    server::Server,
};

/// Who does what the schedule asks for.
const AUTHOR: &str = "lis_admin";

/// Merges a table's small files.
pub(crate) async fn compact(server: &Arc<Server>, table: RelationId, author: &str) -> Result<Compacted> {
    let (shared, author) = (Arc::clone(server), author.to_owned());
    // In a task of its own, so that giving up waiting does not stop it within a commit.
    let compacting = server.tasks.spawn("compact", async move {
        shared.lake.compact(&shared.state, table, CompactOptions::default(), &author).await
    });
    Ok(compacting.await.map_err(|error| ServerError::Panicked(error.to_string()))??)
}

/// Removes the rows that are too old by a table's rule.
pub(crate) async fn apply_retention(
    server: &Arc<Server>,
    rule: RetentionRule,
    author: &str,
) -> Result<Retained> {
    let (shared, author) = (Arc::clone(server), author.to_owned());
    let applying = server.tasks.spawn("retention", async move {
        let now = chrono::Utc::now();
        let moment = Moment { utc_us: now.timestamp_micros(), local_us: wall_clock::local_us(now) };
        shared.lake.apply_retention(&shared.state, &rule, moment, &author).await
    });
    Ok(applying.await.map_err(|error| ServerError::Panicked(error.to_string()))??)
}

/// Forgets the snapshots that have not been the newest for longer than `age` and that nobody needs.
pub(crate) async fn expire(server: &Server, age: Duration) -> Result<Expired> {
    let floor = LedgerFloor { undoable: server.config.maintenance.undoable };
    Ok(server.lake.expire_snapshots(age, &floor).await?)
}

/// Removes files that have been scheduled for deletion, or referred to by nothing, for longer than `grace`. How many.
pub(crate) async fn remove_orphans(server: &Server, grace: Duration) -> Result<usize> {
    let mut removed = server.lake.remove_scheduled(grace).await?.len();
    let metadata = server.lake.metadata();
    let (is_loading, newest) = running_loads(&**metadata).await?;
    // A load in another process writes files that nothing refers to yet. It enters itself before the first of them.
    let covers_loads = grace >= server.config.maintenance.grace;
    if is_loading && !covers_loads {
        return Err(ServerError::new(
            Condition::ObjectInUse,
            "a load is running, whose files nothing refers to yet",
        )
        .with_hint("Wait for it, or leave the grace period at its default."));
    }
    let orphans = server.lake.orphans(grace).await?;
    if !covers_loads && running_loads(&**metadata).await? != (false, newest) {
        return Ok(removed);
    }
    removed += server.lake.remove_files(orphans).await?.len();
    Ok(removed)
}

/// Runs maintenance at the times that the configuration says, until the server drains.
pub(crate) async fn on_schedule(server: Arc<Server>) {
    let Some(schedule) = server.config.maintenance.schedule.clone() else { return };
    loop {
        let now = chrono::Utc::now();
        let Some(next) = wall_clock::next(&schedule, now) else {
            tracing::error!(schedule = schedule.text(), "the schedule of maintenance never comes again");
            return;
        };
        let wait = (next - now).to_std().unwrap_or_default();
        tokio::select! {
            biased;
            () = server.tasks.draining() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if let Err(error) = run(&server).await {
            let report = crate::wire::error::Report::from(&error);
            tracing::error!(message = report.message, detail = report.detail, "maintenance failed");
        }
    }
}

/// Everything, in an order in which each step helps the next; nothing is begun after the end of the service window.
pub(crate) async fn run(server: &Arc<Server>) -> Result<()> {
    let until = Instant::now() + server.config.maintenance.window;
    let snapshot = server.lake.snapshot().await?;
    let tables: Vec<RelationId> =
        snapshot.relations().filter_map(Relation::as_table).map(|table| table.id).collect();
    drop(snapshot);
    let (mut files, mut rows) = (0, 0);
    // First of all: what goes need not be merged.
    let rules = server.lake.retention_rules().await?;
    let has_rules = !rules.is_empty();
    for rule in rules {
        let table = rule.table;
        match apply_retention(server, rule, AUTHOR).await {
            Ok(done) => {
                rows += done.removed;
                if done.files_unjudged > 0 {
                    let files = done.files_unjudged;
                    tracing::warn!(%table, files, "past files hold the column of a retention rule as another type");
                }
            }
            // One table that cannot be must not keep the others from it.
            Err(error) => {
                let report = crate::wire::error::Report::from(&error);
                tracing::error!(%table, message = report.message, "retention failed");
            }
        }
    }
    for table in tables {
        if Instant::now() >= until {
            tracing::warn!("the service window ended before all tables were compacted");
            break;
        }
        let done = compact(server, table, AUTHOR).await?;
        files += done.files_before - done.files_after;
        server.lake.refresh_statistics(table).await?;
    }
    let expired = expire(server, server.config.maintenance.expire_after).await?;
    let removed = remove_orphans(server, server.config.maintenance.grace).await?;
    if has_rules {
        server.lake.scrub_catalog().await?;
    }
    tracing::info!(files, rows, snapshots = expired.snapshots, removed, "maintenance is done");
    Ok(())
}

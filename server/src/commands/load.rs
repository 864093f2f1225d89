//! `lis load`: a source's deliveries into the warehouse, beside a running server or without one. A line per batch on
//! standard output; the exit status says whether every batch is in.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use lis_lake::{
    error::LakeError,
    hooks::{RowCheck, TableChecks, TableSecurity},
    ids::ColumnId,
    metadata::CommitPart,
    snapshot::Snapshot,
    table::{ConstraintKind, Table},
};
use lis_loaders::{BatchOutcome, BatchReport, LoadReport, LoadRequest, Progress, config::LoadSpec};
use lis_security::SecurityChange;

use super::{internal::InternalSession, print, progress};
use crate::{
    cli::LoadArguments, config::Config, error::Result, query::check_constraints::CheckConstraints,
    server::Server,
};

/// The role in whose name the command line loads.
const AUTHOR: &str = "lis_admin";

/// Runs the command.
pub(crate) async fn run(config: Config, arguments: LoadArguments) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    let LoadArguments { source, date, dry_run, correction, files, .. } = arguments;
    let spec = Arc::new(LoadSpec::named(server.lake.directory(), &source)?);
    let request =
        LoadRequest { date, dry_run, correction, files, ..request(&server, spec, progress::of_load()) };
    let report = lis_loaders::load(request).await?;
    server.lake.close().await?;
    print_report(&report)?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A request for everything that a source finds.
pub(crate) fn request(server: &Arc<Server>, spec: Arc<LoadSpec>, progress: Arc<dyn Progress>) -> LoadRequest {
    LoadRequest {
        lake: Arc::clone(&server.lake),
        spec,
        files: Vec::new(),
        date: None,
        dry_run: false,
        correction: false,
        author: AUTHOR.to_owned(),
        checks: Arc::new(LoadChecks { server: Arc::clone(server) }),
        security: Arc::new(LoadSecurity { server: Arc::clone(server), made: Mutex::default() }),
        progress,
    }
}

/// A number with thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// One line about a batch.
pub(crate) fn describe(batch: &BatchReport) -> String {
    let number = batch.number.map(|number| format!("batch {number}: ")).unwrap_or_default();
    let sum = |get: fn(&lis_loaders::report::TableReport) -> u64| batch.tables.iter().map(get).sum();
    let rows = format!(
        "{} rows in, {} written, {} rejected",
        grouped(sum(|table| table.rows_in)),
        grouped(sum(|table| table.rows_written)),
        grouped(sum(|table| table.rows_rejected)),
    );
    let key = &batch.key;
    match &batch.outcome {
        BatchOutcome::Published { .. } => {
            let corrects =
                batch.corrects.map(|old| format!(", in the place of batch {old}")).unwrap_or_default();
            format!("{number}{key}: published{corrects}: {rows} ({:.1} s)", batch.elapsed.as_secs_f64())
        }
        BatchOutcome::WouldPublish => format!("{key}: would be published: {rows}"),
        BatchOutcome::AlreadyLoaded { batch } => {
            format!("{key}: already published as batch {batch}; nothing done")
        }
        BatchOutcome::Refused { batch } => {
            format!("{key}: refused: another delivery with the same key is published as batch {batch}")
        }
        BatchOutcome::Failed { reason } => format!("{number}{key}: failed: {reason} ({rows})"),
    }
}

fn print_report(report: &LoadReport) -> Result<()> {
    for batch in &report.batches {
        print(&describe(batch))?;
        for reject in &batch.rejects {
            let column = reject.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
            print(&format!(
                "  {} rejected: {}{column}: {}, as {}",
                grouped(reject.count),
                reject.table,
                reject.rule,
                reject.example
            ))?;
        }
        for warning in &batch.warnings {
            print(&format!("  warning: {warning}"))?;
        }
    }
    for file in &report.unclaimed {
        print(&format!("no table takes the file {file}"))?;
    }
    Ok(())
}

/// Has security secure the tables that a load makes. What one load has made is remembered, since several tables of one
/// commit must not get the same numbers.
#[derive(Debug)]
struct LoadSecurity {
    server: Arc<Server>,
    made: Mutex<Vec<SecurityChange>>,
}

impl TableSecurity for LoadSecurity {
    fn secure(
        &self,
        table: &Table,
        column: ColumnId,
        area: &str,
    ) -> Result<Vec<Box<dyn CommitPart>>, LakeError> {
        // The hook is not async; loads run on the query runtime, whose threads may block for a moment.
        let rights = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.server.security.rights())
        })
        .map_err(LakeError::part)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let name = table
            .columns
            .iter()
            .find(|candidate| candidate.id == column)
            .map(|candidate| candidate.name.clone())
            .ok_or_else(|| LakeError::Unknown { kind: "column", name: column.to_string() })?;
        let changes = lis_security::secure_table(&rights.with(&made), table.id.oid(), (column, &name), area)
            .map_err(LakeError::part)?;
        made.extend(changes.changes.iter().cloned());
        Ok(changes.into_parts())
    }
}

/// Evaluates the CHECK constraints of the tables that a load fills, as a statement of the loading role would.
#[derive(Debug)]
struct LoadChecks {
    server: Arc<Server>,
}

#[async_trait]
impl TableChecks for LoadChecks {
    async fn checks(
        &self,
        snapshot: Arc<Snapshot>,
        table: &Table,
    ) -> Result<Option<Arc<dyn RowCheck>>, LakeError> {
        if !table.constraints.iter().any(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }))
        {
            return Ok(None);
        }
        let mut session = InternalSession::new(&self.server, AUTHOR).await.map_err(LakeError::part)?;
        let request = session.request_over(snapshot).await.map_err(LakeError::part)?;
        let checks = CheckConstraints::bind(&self.server, &request, table).map_err(LakeError::part)?;
        Ok(checks.map(|checks| Arc::new(checks) as Arc<dyn RowCheck>))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1 234 567");
    }
}

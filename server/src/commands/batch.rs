//! `lis batch list`, `lis batch show` and `lis batch undo`: the ledger, through SQL like everything else.

use std::process::ExitCode;

use super::{internal::InternalSession, print};
use crate::{
    config::Config,
    error::{Condition, Result, ServerError},
    server::Server,
};

/// The last batches, newest first.
pub(crate) async fn list(config: Config) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    let mut session = InternalSession::new(&server, "lis_admin").await?;
    for line in lines(&mut session, "").await? {
        print(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One batch with its tables and rejects.
pub(crate) async fn show(config: Config, batch: i64) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    let mut session = InternalSession::new(&server, "lis_admin").await?;
    let found = lines(&mut session, &format!("WHERE batch = {batch}")).await?;
    let Some(line) = found.first() else {
        return Err(ServerError::new(Condition::UndefinedObject, format!("there is no batch {batch}"))
            .with_hint("See them with lis batch list."));
    };
    print(line)?;
    let tables = session
        .query(&format!(
            "SELECT table_name, rows_in, rows_written, rows_rejected FROM lis.batch_tables WHERE batch = {batch} \
             ORDER BY table_name"
        ))
        .await?;
    for table in tables {
        let [name, rows_in, written, rejected] = cells(table);
        print(&format!("  {name}: {rows_in} rows in, {written} written, {rejected} rejected"))?;
    }
    let rejects = session
        .query(&format!(
            "SELECT table_name, rule, coalesce(column_name, ''), count(*) FROM lis.rejects WHERE batch = {batch} \
             GROUP BY table_name, rule, column_name ORDER BY table_name, rule, column_name"
        ))
        .await?;
    for reject in rejects {
        let [table, rule, column, count] = cells(reject);
        print(&format!("  {count} rejected: {table}.{column}: {rule}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes a batch out of all its tables: `CALL lis.undo_batch`.
pub(crate) async fn undo(config: Config, batch: i64) -> Result<ExitCode> {
    let server = Server::open(config).await?;
    let mut session = InternalSession::new(&server, "lis_admin").await?;
    let query = format!("SELECT state FROM lis.batches WHERE batch = {batch}");
    let before = session.query(&query).await?.into_iter().next().map(cells);
    let before: [String; 1] = before.unwrap_or_default();
    session.run(&format!("CALL lis.undo_batch({batch})")).await?;
    print(&match before[0].as_str() {
        "undone" | "corrected" => format!("batch {batch} was undone before; nothing done"),
        _ => format!("batch {batch} is undone"),
    })?;
    server.lake.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The cells of a row of known width; null is nothing.
fn cells<const N: usize>(row: Vec<Option<String>>) -> [String; N] {
    let mut row = row.into_iter();
    std::array::from_fn(|_| row.next().flatten().unwrap_or_default())
}

/// A line per batch, newest first.
pub(crate) async fn lines(session: &mut InternalSession, condition: &str) -> Result<Vec<String>> {
    let rows = session
        .query(&format!(
            "SELECT batch, source, business_date, sequence, state, rows_in, rows_written, rows_rejected, reason \
             FROM lis.batches {condition} ORDER BY batch DESC LIMIT 50"
        ))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let [batch, source, date, sequence, state, rows_in, written, rejected, reason] = cells(row);
            let sequence = if sequence == "1" { String::new() } else { format!(" sequence {sequence}") };
            let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
            format!(
                "batch {batch}: {source} {date}{sequence}: {state}: {rows_in} rows in, {written} written, {rejected} \
                 rejected{reason}"
            )
        })
        .collect())
}

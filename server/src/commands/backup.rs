//! `lis backup` and `lis restore`. Whoever may read the warehouse's directory may make a backup of it, and nobody else: a
//! backup holds every row of everybody, the users' verifiers and the server's key. So both are in the audit, a backup
//! before its first byte is copied: who cannot be recorded gets none.

use std::{
    future::Future,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use lis_lake::{
    backup::{self, BackupFile, BackupManifest},
    lake::Lake,
};
use lis_security::audit::{Audit, AuditEvent};

use super::{print, step};
use crate::{
    config::Config,
    error::{Result, ServerError},
    server::COMPONENTS,
    wire::error::Report,
};

/// What a warehouse holds beside its catalogue and its data. Deliveries in `inbox` are their sources' to keep.
const OTHERS: &[&str] =
    &["audit", "demo-credentials.txt", "models.d", "server.crt", "server.key", "sources.d"];

/// Makes a backup in `target`, also while the warehouse is served.
pub(crate) async fn backup(config: &Config, target: &Path, keep: Option<usize>) -> Result<ExitCode> {
    let lake = Lake::open(&config.data, COMPONENTS).await?;
    step(&format!("backing up {} to {}", config.data.display(), target.display()));
    let text = format!("lis backup {}", target.display());
    let made = audited(&config.data, text, async {
        let made = backup::backup(&lake, target, OTHERS, keep).await?;
        let files = made.manifest.files.len() as u64;
        Ok((made, files))
    })
    .await?;
    lake.close().await?;
    let (files, bytes) = made.copied;
    print(&format!(
        "backup {}: {}; {files} data files copied ({} KiB), the others were there",
        made.name,
        contents(&made.manifest),
        bytes.div_ceil(1024)
    ))?;
    let (backups, files) = made.pruned;
    if !backups.is_empty() {
        print(&format!("removed {} and {files} data files that only they had", backups.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings a backup back into the directory `data`, which must be empty or new.
pub(crate) async fn restore(from: PathBuf, name: Option<String>, data: PathBuf) -> Result<ExitCode> {
    let target = data.clone();
    let work = move || backup::restore(&from, name.as_deref(), &target);
    let restored = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ServerError::Panicked(error.to_string()))??;
    // Opening brings the tables up to date and writes where the data is now.
    let text = format!("lis restore of {}", restored.name);
    audited(&data, text, async {
        let lake = Lake::open(&data, COMPONENTS).await?;
        lake.snapshot().await?;
        lake.close().await?;
        Ok(((), restored.manifest.files.len() as u64))
    })
    .await?;
    print(&format!("restored backup {}: {}", restored.name, contents(&restored.manifest)))?;
    print(&format!("start it with: lis serve --data {}", data.display()))
}

/// Does something to a whole warehouse between a begin and an end record of its audit. What is done tells how many files
/// it was about.
async fn audited<T>(data: &Path, text: String, work: impl Future<Output = Result<(T, u64)>>) -> Result<T> {
    let audit = Audit::open(&data.join("audit")).await?;
    // There is no user of the warehouse here: the operating system's account it is.
    let account = std::fs::metadata("/proc/self").map_or_else(
        |_| "an account of the operating system".to_owned(),
        |process| format!("account {} of the operating system", process.uid()),
    );
    let statement = audit.next_statement();
    let begun = AuditEvent::StatementBegun {
        backend_pid: i32::try_from(std::process::id()).unwrap_or_default(),
        statement,
        session_user: account.clone(),
        current_user: account,
        text,
        relations: Vec::new(),
        policies: Vec::new(),
    };
    audit.record(begun).await?;
    let done = work.await;
    let report = done.as_ref().err().map(Report::from);
    let ended = AuditEvent::StatementEnded {
        statement,
        rows: done.as_ref().map_or(0, |(_, files)| *files),
        sqlstate: report.as_ref().map(|report| report.state.code().to_owned()),
        error: report.map(|report| report.message),
    };
    audit.record(ended).await?;
    done.map(|(made, _)| made)
}

fn contents(manifest: &BackupManifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file: &BackupFile| file.bytes).sum();
    format!(
        "snapshot {}, {} data files ({} KiB)",
        manifest.snapshot,
        manifest.files.len(),
        bytes.div_ceil(1024)
    )
}

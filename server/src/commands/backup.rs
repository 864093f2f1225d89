//! `lis backup` and `lis restore`. Whoever may read the warehouse's directory may make a backup of it, and nobody else: a
//! backup holds every row of everybody, the users' verifiers and the server's key.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use lis_lake::{
    backup::{self, BackupFile, BackupManifest},
    lake::Lake,
};

use super::{print, step};
use crate::{
    config::Config,
    error::{Result, ServerError},
    server::COMPONENTS,
};

/// What a warehouse holds beside its catalogue and its data. Deliveries in `inbox` are their sources' to keep.
const OTHERS: &[&str] =
    &["audit", "demo-credentials.txt", "models.d", "server.crt", "server.key", "sources.d"];

/// Makes a backup in `target`, also while the warehouse is served.
pub(crate) async fn backup(config: &Config, target: &Path, keep: Option<usize>) -> Result<ExitCode> {
    let lake = Lake::open(&config.data, COMPONENTS).await?;
    step(&format!("backing up {} to {}", config.data.display(), target.display()));
    let made = backup::backup(&lake, target, OTHERS, keep).await?;
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
    let lake = Lake::open(&data, COMPONENTS).await?;
    lake.snapshot().await?;
    lake.close().await?;
    print(&format!("restored backup {}: {}", restored.name, contents(&restored.manifest)))?;
    print(&format!("start it with: lis serve --data {}", data.display()))
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

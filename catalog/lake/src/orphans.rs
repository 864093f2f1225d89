//! Files that no snapshot refers to: left by a crash, by a load that was given up, by a rollback. They harm nobody and
//! are removed after a grace period, which covers loads of other processes that are not committed yet.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::error::LakeError;

/// The ending of every data file.
pub(crate) const DATA_FILE_EXTENSION: &str = "parquet";

/// Files that writers of this process have open.
#[derive(Debug, Default)]
pub(crate) struct UnfinishedFiles(Mutex<HashSet<PathBuf>>);

impl UnfinishedFiles {
    pub(crate) fn insert(&self, path: PathBuf) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    }

    pub(crate) fn remove(&self, path: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    fn contains(&self, path: &Path) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}

/// Data files below `root` that were last written longer than `grace` ago and are not being written.
pub(crate) fn candidates(
    root: &Path,
    grace: Duration,
    unfinished: &UnfinishedFiles,
) -> Result<Vec<PathBuf>, LakeError> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error| LakeError::io(&directory, error);
        for entry in std::fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let facts = match entry.metadata() {
                Ok(facts) => facts,
                // Somebody else removed it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(LakeError::io(path, error)),
            };
            if facts.is_dir() {
                directories.push(path);
                continue;
            }
            let is_data = path.extension().is_some_and(|extension| extension == DATA_FILE_EXTENSION);
            // A file from the future (the clock was set back) has no age yet.
            let age = facts.modified().ok().and_then(|modified| now.duration_since(modified).ok());
            if is_data && age.is_some_and(|age| age >= grace) && !unfinished.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Removes those candidates that are not referred to.
pub(crate) fn remove(
    root: &Path,
    candidates: Vec<PathBuf>,
    referred: &HashSet<String>,
) -> Result<Vec<PathBuf>, LakeError> {
    let is_referred = |path: &Path| {
        let below = path.strip_prefix(root).ok().and_then(Path::to_str);
        below.is_none_or(|below| referred.contains(below))
    };
    let mut removed = Vec::new();
    for path in candidates {
        if is_referred(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(LakeError::io(path, error)),
        }
        // The table's directory, then the schema's, if nothing is left in them: remove_dir refuses a full one.
        for directory in path.ancestors().skip(1).take_while(|directory| *directory != root) {
            if std::fs::remove_dir(directory).is_err() {
                break;
            }
        }
        removed.push(path);
    }
    Ok(removed)
}

//! A file that nothing refers to yet is removed when nobody wants it any more: a load that fails or a transaction that
//! is rolled back leaves no files behind.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::orphans::UnfinishedFiles;

/// Removes its file when dropped, unless it was told to keep it.
#[derive(Debug)]
pub(crate) struct FileGuard {
    path: PathBuf,
    kept: AtomicBool,
    unfinished: Arc<UnfinishedFiles>,
}

impl FileGuard {
    pub(crate) fn new(path: PathBuf, unfinished: Arc<UnfinishedFiles>) -> Self {
        unfinished.insert(path.clone());
        Self { path, kept: AtomicBool::new(false), unfinished }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A commit is about to refer to the file. From here on only maintenance may remove it: whether the commit
    /// happened may never be known.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Acquire)
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "could not remove an unwanted data file");
        }
        self.unfinished.remove(&self.path);
    }
}

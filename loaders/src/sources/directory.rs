//! Files in a directory, or files named one by one. Nothing in the directory is changed: what is loaded is known from the ledger.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{
    error::LoadError,
    source::{Source, SourceFile},
};

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// A directory, or a list of files.
#[derive(Debug, Clone)]
pub enum DirectorySource {
    /// Every file of a directory, without those below it and without hidden ones.
    Directory(PathBuf),
    /// These files.
    Files(Vec<PathBuf>),
}

#[async_trait]
impl Source for DirectorySource {
    async fn discover(&self) -> Result<Vec<SourceFile>, LoadError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || match this {
            Self::Directory(path) => list(&path),
            Self::Files(paths) => {
                let mut files = paths.iter().map(|path| describe(path)).collect::<Result<Vec<_>, _>>()?;
                files.sort();
                files.dedup();
                Ok(files)
            }
        })
        .await?
    }

    fn fetch(&self, file: &SourceFile) -> BoxStream<'static, Result<Bytes, LoadError>> {
        let path = PathBuf::from(&file.location);
        stream::try_unfold(Reading::Closed(path), |reading| async move {
            match reading {
                Reading::Ended => Ok(None),
                reading => tokio::task::spawn_blocking(move || reading.next()).await?,
            }
        })
        .boxed()
    }
}

enum Reading {
    Closed(PathBuf),
    Open(File, PathBuf),
    Ended,
}

impl Reading {
    fn next(self) -> Result<Option<(Bytes, Self)>, LoadError> {
        let (mut file, path) = match self {
            Self::Closed(path) => (File::open(&path).map_err(failed("read", &path))?, path),
            Self::Open(file, path) => (file, path),
            Self::Ended => return Ok(None),
        };
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let limit = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let read = (&mut file).take(limit).read_to_end(&mut piece).map_err(failed("read", &path))?;
        let next = if read < PIECE_BYTES { Self::Ended } else { Self::Open(file, path) };
        Ok(Some((Bytes::from(piece), next)))
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LoadError {
    let path = path.to_owned();
    move |source| LoadError::Io { action, path, source }
}

fn list(directory: &Path) -> Result<Vec<SourceFile>, LoadError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("list", directory))? {
        let entry = entry.map_err(failed("list", directory))?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && fs::metadata(&path).map_err(failed("read", &path))?.is_file() {
            files.push(describe(&path)?);
        }
    }
    files.sort();
    Ok(files)
}

fn describe(path: &Path) -> Result<SourceFile, LoadError> {
    let metadata = fs::metadata(path).map_err(failed("read", path))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(SourceFile { name, location: path.to_string_lossy().into_owned(), bytes: metadata.len() })
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn lists_in_order_and_streams_every_byte() {
        let directory = tempfile::tempdir().unwrap();
        let large: Vec<u8> =
            (0..PIECE_BYTES + 10).map(|number| u8::try_from(number % 251).unwrap()).collect();
        fs::write(directory.path().join("b.csv"), &large).unwrap();
        fs::write(directory.path().join("a.csv"), b"x").unwrap();
        fs::write(directory.path().join(".hidden"), b"x").unwrap();
        fs::create_dir(directory.path().join("old")).unwrap();
        let source = DirectorySource::Directory(directory.path().to_owned());
        let files = source.discover().await.unwrap();
        assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.csv", "b.csv"]);
        let pieces: Vec<Bytes> = source.fetch(&files[1]).try_collect().await.unwrap();
        assert_eq!(pieces.concat(), large);
    }

    #[tokio::test]
    async fn a_missing_directory_is_named() {
        let source = DirectorySource::Directory(PathBuf::from("/nonexistent/inbox"));
        let error = source.discover().await.unwrap_err();
        assert!(error.to_string().starts_with("cannot list /nonexistent/inbox"), "{error}");
        assert!(error.hint().is_some());
    }
}

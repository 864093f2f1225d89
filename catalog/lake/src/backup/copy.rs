//! Copies files into a backup and out of it, and never believes a copy: the bytes' checksum is made on the way and held
//! against the one that is known. A copy gets its name when it is whole and on disk.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{BackupFile, UNFINISHED, make_private_directory, make_private_file};
use crate::{error::LakeError, metadata::sqlite::hexadecimal};

const CHUNK_BYTES: usize = 1 << 20;

/// Copies a file that must have this length, and this checksum if it is known. Tells its checksum.
pub(super) fn file(from: &Path, to: &Path, bytes: u64, sha256: Option<&str>) -> Result<String, LakeError> {
    let parent = to.parent().unwrap_or(Path::new("/"));
    make_private_directory(parent)?;
    let name = to.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let unfinished = parent.join(format!("{UNFINISHED}{name}"));
    let mut target = make_private_file(&unfinished)?;
    let (length, found) =
        digest(from, |chunk| target.write_all(chunk).map_err(|error| LakeError::io(&unfinished, error)))?;
    if length != bytes {
        return Err(damaged(from, format!("it is {length} bytes long and must be {bytes}")));
    }
    if sha256.is_some_and(|expected| expected != found) {
        return Err(damaged(from, "its checksum is wrong".to_owned()));
    }
    let failed = |error| LakeError::io(to, error);
    target.sync_all().map_err(failed)?;
    fs::rename(&unfinished, to).map_err(failed)?;
    Ok(found)
}

/// Copies a file or a directory with everything in it, if it is there; `name` is its path below both. A file that is
/// being added to is copied up to where it was when it was opened.
pub(super) fn tree(
    from: &Path,
    name: &Path,
    to: &Path,
    copied: &mut Vec<BackupFile>,
) -> Result<(), LakeError> {
    let source = from.join(name);
    let Ok(facts) = fs::metadata(&source) else { return Ok(()) };
    if !facts.is_dir() {
        let target = to.join(name);
        if let Some(parent) = target.parent() {
            make_private_directory(parent)?;
        }
        let mut out = make_private_file(&target)?;
        let failed = |error| LakeError::io(&target, error);
        let (bytes, sha256) =
            digest_up_to(&source, facts.len(), |chunk| out.write_all(chunk).map_err(failed))?;
        out.sync_all().map_err(failed)?;
        copied.push(BackupFile { path: text(name)?, bytes, sha256 });
        return Ok(());
    }
    let mut names = super::names_in(&source)?;
    names.sort();
    names.iter().try_for_each(|inner| tree(from, &name.join(inner), to, copied))
}

/// A file as a manifest has it.
pub(super) fn describe(root: &Path, name: &str) -> Result<BackupFile, LakeError> {
    let (bytes, sha256) = digest(&root.join(name), |_| Ok(()))?;
    Ok(BackupFile { path: name.to_owned(), bytes, sha256 })
}

/// The length and the SHA-256 of a file, each chunk of which is given to `take`.
pub(crate) fn digest(
    path: &Path,
    take: impl FnMut(&[u8]) -> Result<(), LakeError>,
) -> Result<(u64, String), LakeError> {
    digest_up_to(path, u64::MAX, take)
}

fn digest_up_to(
    path: &Path,
    bytes_max: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), LakeError>,
) -> Result<(u64, String), LakeError> {
    let failed = |error| LakeError::io(path, error);
    let mut file = File::open(path).map_err(failed)?.take(bytes_max);
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut bytes, mut sha256) = (0, Sha256::new());
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            return Ok((bytes, hexadecimal(&sha256.finalize())));
        }
        sha256.update(&chunk[..read]);
        take(&chunk[..read])?;
        bytes += u64::try_from(read).unwrap_or(0);
    }
}

/// Every file below a directory.
pub(super) fn files_below(root: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let mut found = Vec::new();
    for name in super::names_in(root)? {
        let path = root.join(name);
        if path.is_dir() { found.extend(files_below(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

fn text(path: &Path) -> Result<String, LakeError> {
    path.to_str().map(str::to_owned).ok_or_else(|| LakeError::Missing { path: path.to_owned() })
}

fn damaged(path: &Path, detail: String) -> LakeError {
    LakeError::DamagedFile { path: path.to_owned(), detail }
}

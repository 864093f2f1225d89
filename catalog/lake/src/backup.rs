//! Backups of a whole warehouse while it is served, and what brings them back.
//!
//! A backup directory holds any number of backups, which share the data files that they have in common:
//!
//! ```text
//! DIR/LIS-BACKUP               says what the directory is
//! DIR/files/…                  data files, each once, under the name that it has below the lake's root
//! DIR/backups/NAME/            one backup: manifest.json, catalog.sqlite and the warehouse's own small files
//! ```
//!
//! # How it is consistent
//!
//! The metadata database is copied in one read transaction (`VACUUM INTO`): that is the snapshot. The files that the copy
//! refers to never change, so copying them takes as long as it takes. Maintenance may remove one meanwhile, so all that
//! have to be copied are first given a second name within the warehouse (a hard link), which takes no time and no space;
//! if one is gone even before that, the copy of the database is too old and is made again.
//!
//! # What a cut backup is
//!
//! Everything is written under names that no restore looks at and renamed when it is whole: each file after its bytes are
//! on disk and their checksum is the catalogue's, the backup's directory last. A later backup takes what is usable of a
//! cut one and removes the rest.
//!
//! A file that is in the directory with the length and checksum that an earlier finished backup says is not copied again.

pub(crate) mod copy;
mod manifest;
mod restore;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

pub use manifest::{BackupFile, BackupManifest};
pub use restore::{Restored, restore};

use crate::{
    error::LakeError,
    format,
    lake::{CATALOG_FILE, Lake, blocking, sync_directory},
    metadata::sqlite::SqliteMetadata,
};

/// What says that a directory is for backups, and of which form.
const MARK: &str = "LIS-BACKUP";
const MARK_TEXT: &str = "1\n";
const FILES: &str = "files";
const BACKUPS: &str = "backups";
const MANIFEST: &str = "manifest.json";
/// What a name begins with while its content is not finished.
const UNFINISHED: &str = ".unfinished-";
/// What the name of a finished backup begins with while another of the same snapshot takes its place.
const EARLIER: &str = ".earlier-";
/// Below the warehouse's directory for temporary files: second names of files that are being copied.
const HELD: &str = "tmp/backup-";
/// How often the database is copied again because files went meanwhile.
const ATTEMPTS_MAX: usize = 5;

/// A finished backup.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Its name: the time of its snapshot, and the snapshot's number.
    pub name: String,
    /// What is in it.
    pub manifest: BackupManifest,
    /// Data files that had to be copied, and their bytes.
    pub copied: (usize, u64),
    /// Names of backups that were removed since there were more than were to be kept, and data files that none of those
    /// left refers to.
    pub pruned: (Vec<String>, usize),
}

/// Makes a backup of the lake, and of the files and directories `others` of the warehouse, in `target`. With `keep`, as
/// many of the newest backups stay and older ones go.
pub async fn backup(
    lake: &Lake,
    target: &Path,
    others: &[&str],
    keep: Option<usize>,
) -> Result<Backup, LakeError> {
    let directory = lake.directory().to_owned();
    let place = {
        let (target, directory) = (target.to_owned(), directory.clone());
        blocking(move || Place::open(&target, &directory)).await?
    };
    for attempt in 1..=ATTEMPTS_MAX {
        let unfinished = place.begin()?;
        let catalog = unfinished.join(CATALOG_FILE);
        make_private_file(&catalog)?;
        lake.metadata().copy_to(&catalog).await?;
        let mut read = SqliteMetadata::read_copy(&catalog).await?;
        let head = format::head(&mut *read).await?;
        let files = format::stored_files(&mut *read, None).await?;
        drop(read);
        let made = Making {
            place: place.clone(),
            directory: directory.clone(),
            others: others.iter().map(|other| (*other).to_owned()).collect(),
            snapshot: head.id.get(),
            committed_at_us: head.committed_at_us,
            files,
            unfinished,
            keep,
            is_last: attempt == ATTEMPTS_MAX,
        };
        if let Some(backup) = blocking(move || made.finish()).await? {
            return Ok(backup);
        }
        tracing::info!("files went while they were backed up; beginning again");
    }
    Err(LakeError::Backup {
        detail: "maintenance removes files faster than they can be backed up; try again later".to_owned(),
    })
}

/// A directory for backups, locked for this process.
#[derive(Debug, Clone)]
struct Place {
    path: PathBuf,
    /// Held for as long as the value lives.
    _lock: std::sync::Arc<File>,
}

impl Place {
    fn open(path: &Path, warehouse: &Path) -> Result<Self, LakeError> {
        let failed = |error| LakeError::io(path, error);
        make_private_directory(path)?;
        let path = path.canonicalize().map_err(failed)?;
        if path.starts_with(warehouse) || warehouse.starts_with(&path) {
            let detail = format!("{} is within the warehouse or around it; name another", path.display());
            return Err(LakeError::Backup { detail });
        }
        let mark = path.join(MARK);
        match fs::read_to_string(&mark) {
            Ok(text) if text == MARK_TEXT => {}
            Ok(_) => return Err(foreign(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if fs::read_dir(&path).map_err(failed)?.next().is_some() {
                    return Err(foreign(&path));
                }
                let mut file = make_private_file(&mark)?;
                let written = file.write_all(MARK_TEXT.as_bytes()).and_then(|()| file.sync_all());
                written.map_err(|error| LakeError::io(&mark, error))?;
            }
            Err(error) => return Err(LakeError::io(mark, error)),
        }
        for part in [FILES, BACKUPS] {
            make_private_directory(&path.join(part))?;
        }
        sync_directory(&path)?;
        let lock = File::open(&mark).map_err(|error| LakeError::io(&mark, error))?;
        if lock.try_lock().is_err() {
            let detail = format!("another backup to {} is running", path.display());
            return Err(LakeError::Backup { detail });
        }
        Ok(Self { path, _lock: std::sync::Arc::new(lock) })
    }

    /// An empty directory for a backup to come. What a cut one left goes.
    fn begin(&self) -> Result<PathBuf, LakeError> {
        let backups = self.path.join(BACKUPS);
        for name in names_in(&backups)? {
            if name.starts_with(UNFINISHED) {
                remove_directory(&backups.join(&name))?;
            }
            if let Some(finished) = name.strip_prefix(EARLIER) {
                // What was to take its place is there, or it is the finished one still.
                let (earlier, finished) = (backups.join(&name), backups.join(finished));
                if finished.exists() {
                    remove_directory(&earlier)?;
                } else {
                    fs::rename(&earlier, &finished).map_err(|error| LakeError::io(&earlier, error))?;
                }
            }
        }
        let path = backups.join(format!("{UNFINISHED}{}", std::process::id()));
        make_private_directory(&path)?;
        Ok(path)
    }
}

/// The part of a backup that is work on files.
#[derive(Debug)]
struct Making {
    place: Place,
    directory: PathBuf,
    others: Vec<String>,
    snapshot: i64,
    committed_at_us: i64,
    files: Vec<format::StoredFile>,
    unfinished: PathBuf,
    keep: Option<usize>,
    /// Whether a file that is gone now was lost.
    is_last: bool,
}

impl Making {
    /// None if a file is gone that the copied catalogue refers to.
    fn finish(self) -> Result<Option<Backup>, LakeError> {
        let (earlier, _) = readable(&self.place.path)?;
        let known: BTreeMap<&str, &BackupFile> = earlier
            .iter()
            .flat_map(|(_, manifest)| &manifest.files)
            .map(|file| (file.path.as_str(), file))
            .collect();
        let root = self.place.path.join(FILES);
        let mut listed = Vec::with_capacity(self.files.len());
        let mut missing = Vec::new();
        for file in &self.files {
            let there = known.get(file.path.as_str()).filter(|there| {
                let same = there.bytes == file.bytes
                    && file.checksum.as_ref().is_none_or(|sum| *sum == there.sha256);
                same && fs::metadata(root.join(&file.path)).is_ok_and(|found| found.len() == file.bytes)
            });
            match there {
                Some(there) => listed.push((*there).clone()),
                None => missing.push(file),
            }
        }
        let Some(held) = Held::new(&self.directory, &missing, self.is_last)? else { return Ok(None) };
        let mut bytes = 0;
        for (number, file) in missing.iter().enumerate() {
            let source = held.path(number);
            let sha256 = copy::file(&source, &root.join(&file.path), file.bytes, file.checksum.as_deref())
                .map_err(|error| {
                    error.of_file(&source, &self.directory.join(crate::lake::DATA_DIRECTORY).join(&file.path))
                })?;
            bytes += file.bytes;
            listed.push(BackupFile { path: file.path.clone(), bytes: file.bytes, sha256 });
        }
        drop(held);
        let mut others = Vec::new();
        for other in &self.others {
            copy::tree(&self.directory, Path::new(other), &self.unfinished, &mut others)?;
        }
        let catalog = self.unfinished.join(CATALOG_FILE);
        File::open(&catalog)
            .and_then(|file| file.sync_all())
            .map_err(|error| LakeError::io(&catalog, error))?;
        let manifest = BackupManifest {
            format: manifest::FORMAT,
            program: format!("LIS {}", env!("CARGO_PKG_VERSION")),
            snapshot: self.snapshot,
            committed_at_us: self.committed_at_us,
            catalog: copy::describe(&self.unfinished, CATALOG_FILE)?,
            others,
            files: listed,
        };
        manifest.write(&self.unfinished.join(MANIFEST))?;
        sync_tree(&self.unfinished)?;
        sync_tree(&root)?;
        let name = manifest.name();
        let finished = self.place.path.join(BACKUPS).join(&name);
        let backups = self.place.path.join(BACKUPS);
        let failed = |error| LakeError::io(&finished, error);
        // The same snapshot was backed up before: the newer copy of the other files counts. The older one is only out of
        // the way until the new one is there.
        let aside = backups.join(format!("{EARLIER}{name}"));
        let is_again = finished.exists();
        if is_again {
            fs::rename(&finished, &aside).map_err(failed)?;
        }
        if let Err(error) = fs::rename(&self.unfinished, &finished) {
            if is_again {
                fs::rename(&aside, &finished).map_err(failed)?;
            }
            return Err(failed(error));
        }
        sync_directory(&backups)?;
        if is_again {
            fs::remove_dir_all(&aside).map_err(|error| LakeError::io(&aside, error))?;
        }
        let pruned = match self.keep {
            Some(keep) => prune(&self.place.path, keep.max(1))?,
            None => (Vec::new(), 0),
        };
        Ok(Some(Backup { name, manifest, copied: (missing.len(), bytes), pruned }))
    }
}

/// Second names of files, so that nobody can remove them while they are copied.
struct Held {
    path: PathBuf,
}

impl Held {
    /// None if a file is gone already: it was removed since the catalogue was copied, unless it is so again and again.
    fn new(
        directory: &Path,
        files: &[&format::StoredFile],
        is_last: bool,
    ) -> Result<Option<Self>, LakeError> {
        let temporary = directory.join("tmp");
        make_private_directory(&temporary)?;
        // Of processes that are gone; this one's directory has its number, and nobody else backs up to the same place.
        let held = Self { path: directory.join(format!("{HELD}{}", uuid::Uuid::now_v7())) };
        make_private_directory(&held.path)?;
        for (number, file) in files.iter().enumerate() {
            let source = directory.join(crate::lake::DATA_DIRECTORY).join(&file.path);
            match fs::hard_link(&source, held.path(number)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_last => return Ok(None),
                Err(error) => return Err(LakeError::io(source, error)),
            }
        }
        Ok(Some(held))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.path.join(number.to_string())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove second names of files");
        }
    }
}

/// Removes all but the newest backups, and the data files that no other refers to.
fn prune(place: &Path, keep: usize) -> Result<(Vec<String>, usize), LakeError> {
    let (mut all, unreadable) = readable(place)?;
    if unreadable > 0 {
        tracing::warn!(unreadable, "no backup is removed while the manifest of one cannot be read");
        return Ok((Vec::new(), 0));
    }
    let old = all.len().saturating_sub(keep);
    let left = all.split_off(old);
    for (name, _) in &all {
        remove_directory(&place.join(BACKUPS).join(name))?;
    }
    let referred: BTreeSet<&str> =
        left.iter().flat_map(|(_, manifest)| &manifest.files).map(|file| file.path.as_str()).collect();
    let root = place.join(FILES);
    let mut removed = 0;
    for path in copy::files_below(&root)? {
        let name = path.strip_prefix(&root).ok().and_then(Path::to_str);
        if name.is_some_and(|name| !referred.contains(name)) {
            fs::remove_file(&path).map_err(|error| LakeError::io(&path, error))?;
            removed += 1;
        }
    }
    Ok((all.into_iter().map(|(name, _)| name).collect(), removed))
}

/// The finished backups of a directory with their manifests, oldest first, and how many there are whose manifest cannot
/// be read: a damaged one must not keep anybody from the others.
fn readable(place: &Path) -> Result<(Vec<(String, BackupManifest)>, usize), LakeError> {
    let (mut found, mut unreadable) = (Vec::new(), 0);
    for name in names_in(&place.join(BACKUPS))? {
        if name.starts_with('.') {
            continue;
        }
        match manifest_of(place, &name) {
            Ok(manifest) => found.push((name, manifest)),
            Err(error) => {
                tracing::warn!(backup = name, %error, "a backup cannot be used");
                unreadable += 1;
            }
        }
    }
    found.sort_by_key(|(_, manifest)| (manifest.committed_at_us, manifest.snapshot));
    Ok((found, unreadable))
}

fn manifest_of(place: &Path, name: &str) -> Result<BackupManifest, LakeError> {
    BackupManifest::read(&place.join(BACKUPS).join(name).join(MANIFEST))
}

fn foreign(path: &Path) -> LakeError {
    let detail =
        format!("{} holds something else than backups of this program; name another", path.display());
    LakeError::Backup { detail }
}

fn names_in(directory: &Path) -> Result<Vec<String>, LakeError> {
    let failed = |error| LakeError::io(directory, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}

/// Whoever can read a backup can read around row security.
fn make_private_directory(path: &Path) -> Result<(), LakeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| LakeError::io(path, error))
}

fn make_private_file(path: &Path) -> Result<File, LakeError> {
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    made.map_err(|error| LakeError::io(path, error))
}

/// Renamed first, so that it is never taken for a whole one.
fn remove_directory(path: &Path) -> Result<(), LakeError> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let going = path.with_file_name(format!("{UNFINISHED}{name}"));
    let removed = fs::rename(path, &going).and_then(|()| fs::remove_dir_all(&going));
    removed.map_err(|error| LakeError::io(path, error))
}

fn sync_tree(root: &Path) -> Result<(), LakeError> {
    sync_directory(root)?;
    for name in names_in(root)? {
        let path = root.join(name);
        if path.is_dir() {
            sync_tree(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Brings a backup back, into a directory that holds nothing else. The metadata database gets its name last, so that a
//! restore that was cut is not taken for a warehouse.

use std::{
    fs,
    path::{Component, Path},
};

use super::{
    BACKUPS, BackupFile, BackupManifest, FILES, MARK, copy, foreign, make_private_directory, manifest_of,
    names_in, readable, sync_tree,
};
use crate::{
    error::LakeError,
    lake::{CATALOG_FILE, DATA_DIRECTORY, sync_directory},
};

/// What was brought back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The backup's name.
    pub name: String,
    /// What is in it.
    pub manifest: BackupManifest,
}

/// Restores a backup of the directory `place` (the newest, or the one named) into `target`, which must be empty or not
/// there. Every byte is held against the manifest's checksums. The caller opens the result, which brings its tables up
/// to date.
pub fn restore(place: &Path, name: Option<&str>, target: &Path) -> Result<Restored, LakeError> {
    if !place.join(MARK).is_file() {
        return Err(match fs::metadata(place) {
            Ok(_) => foreign(place),
            Err(error) => LakeError::io(place, error),
        });
    }
    let chosen = match name {
        None => {
            let (mut all, unreadable) = readable(place)?;
            // The newest may be the one that cannot be read: not another for it in silence.
            if unreadable > 0 {
                let detail = format!(
                    "the manifests of {unreadable} backups in {} cannot be read; name a backup with --backup",
                    place.display()
                );
                return Err(LakeError::Backup { detail });
            }
            all.pop()
        }
        Some(name)
            if !name.starts_with('.') && names_in(&place.join(BACKUPS))?.iter().any(|it| it == name) =>
        {
            Some((name.to_owned(), manifest_of(place, name)?))
        }
        Some(_) => None,
    };
    let Some((name, manifest)) = chosen else {
        let detail = match name {
            Some(name) => format!("there is no finished backup \"{name}\" in {}", place.display()),
            None => format!("there is no finished backup in {}", place.display()),
        };
        return Err(LakeError::Backup { detail });
    };
    make_private_directory(target)?;
    if !names_in(target)?.is_empty() {
        let detail = format!("{} is not empty; name a directory that is, or a new one", target.display());
        return Err(LakeError::Backup { detail });
    }
    let data = target.join(DATA_DIRECTORY);
    make_private_directory(&data)?;
    let backup = place.join(BACKUPS).join(&name);
    let all = manifest.files.iter().map(|file| (place.join(FILES), data.clone(), file));
    let others = manifest.others.iter().map(|file| (backup.clone(), target.to_owned(), file));
    for (from, to, file) in all.chain(others) {
        take(&from, &to, file)?;
    }
    sync_tree(target)?;
    take(&backup, target, &BackupFile { path: CATALOG_FILE.to_owned(), ..manifest.catalog.clone() })?;
    sync_directory(target)?;
    Ok(Restored { name, manifest })
}

fn take(from: &Path, to: &Path, file: &BackupFile) -> Result<(), LakeError> {
    let path = Path::new(&file.path);
    // A manifest is only text: it must not lead out of the directories.
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(LakeError::Backup {
            detail: format!("the manifest names a file outside: {}", file.path),
        });
    }
    copy::file(&from.join(path), &to.join(path), file.bytes, Some(&file.sha256)).map(|_| ())
}

//! What a backup says of itself: every file with its length and checksum. Written last, as JSON that people can read.

use std::{fs, io::Write as _, path::Path};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::make_private_file;
use crate::error::LakeError;

/// The form of the manifest and of the directory around it.
pub(super) const FORMAT: u32 = 1;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Its path, below the lake's root or below the warehouse's directory.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// The form of the backup.
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// The newest snapshot in it.
    pub snapshot: i64,
    /// When that was committed, in microseconds since 1970 UTC.
    pub committed_at_us: i64,
    /// The metadata database.
    pub catalog: BackupFile,
    /// Other files of the warehouse.
    pub others: Vec<BackupFile>,
    /// Data files.
    pub files: Vec<BackupFile>,
}

impl BackupManifest {
    /// The backup's name: sorts by time.
    pub(super) fn name(&self) -> String {
        let time = DateTime::from_timestamp_micros(self.committed_at_us).unwrap_or_default();
        format!("{}-snapshot-{}", time.format("%Y%m%dT%H%M%SZ"), self.snapshot)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), LakeError> {
        let text = serde_json::to_vec_pretty(self).map_err(LakeError::part)?;
        let mut file = make_private_file(path)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        written.map_err(|error| LakeError::io(path, error))
    }

    pub(super) fn read(path: &Path) -> Result<Self, LakeError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let text = fs::read(path).map_err(|error| LakeError::io(path, error))?;
        let damaged = |error: serde_json::Error| LakeError::Backup {
            detail: format!("{} is damaged ({error}); choose another backup", path.display()),
        };
        let Form { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(LakeError::Newer {
                component: "backup".to_owned(),
                found: format.to_string(),
                known: FORMAT.to_string(),
            });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }
}

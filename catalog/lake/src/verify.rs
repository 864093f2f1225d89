//! Reads every byte of the data files and compares it with the checksum with which it was written: what a scan does only
//! for what it reads, and only once while a file is not modified.

use crate::{
    backup::copy,
    error::LakeError,
    format,
    ids::RelationId,
    lake::{Lake, blocking},
};

/// What was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files that were looked at.
    pub files: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong, an error for each file.
    pub damaged: Vec<LakeError>,
}

impl Lake {
    /// Verifies the files of every snapshot, of one table or of all. Files that another program wrote have no checksum
    /// here; of them only the length is compared.
    pub async fn verify(&self, table: Option<RelationId>) -> Result<Verified, LakeError> {
        let files = format::stored_files(&mut *self.metadata().read().await?, table).await?;
        let root = self.data_directory();
        let mut verified = Verified { files: files.len(), ..Verified::default() };
        for file in files {
            let path = root.join(&file.path);
            let (bytes, expected) = (file.bytes, file.checksum);
            let checked = blocking(move || {
                let (found, sha256) = copy::digest(&path, |_| Ok(()))?;
                let damaged = |detail| Err(LakeError::DamagedFile { path, detail });
                match expected {
                    _ if found != bytes => damaged(format!("it is {found} bytes long and must be {bytes}")),
                    Some(expected) if expected != sha256 => damaged("its checksum is wrong".to_owned()),
                    _ => Ok(found),
                }
            });
            match checked.await {
                Ok(bytes) => verified.bytes += bytes,
                Err(LakeError::Stopped) => return Err(LakeError::Stopped),
                // A file that is gone because nobody needs it any more since we began is no loss.
                Err(LakeError::Missing { .. }) if !self.is_stored(&file.path, table).await? => {
                    verified.files -= 1
                }
                Err(error) => verified.damaged.push(error),
            }
        }
        Ok(verified)
    }

    async fn is_stored(&self, path: &str, table: Option<RelationId>) -> Result<bool, LakeError> {
        let now = format::stored_files(&mut *self.metadata().read().await?, table).await?;
        Ok(now.iter().any(|file| file.path == path))
    }
}

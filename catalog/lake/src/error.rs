//! What can go wrong in the lake. Variants carry names and facts; the server gives them an SQLSTATE.

use std::path::PathBuf;

/// An error of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The metadata database or a file does not hold what it must.
    #[error("damaged catalogue: {detail}")]
    Damaged {
        /// What was found where.
        detail: String,
    },
    /// The directory holds no warehouse.
    #[error("no warehouse in {}", path.display())]
    NotFound {
        /// The directory.
        path: PathBuf,
    },
}

impl LakeError {
    /// The metadata holds something that it must not.
    pub fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged { detail: detail.into() }
    }
}

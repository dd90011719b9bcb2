//! Why objects were not moved.

use std::io;
use std::path::{Path, PathBuf};

/// Why objects were not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A file or folder of this machine can't be used.
    #[error("could not {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file's name can't be that of an object.
    #[error("the file {} can't be uploaded: {reason}; rename it", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with its name.
        reason: String,
    },
    /// The storage refused or failed.
    #[error("{}", _0.message)]
    Storage(lab::Error),
}

impl TransferError {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TransferError {
        move |source| TransferError::File { doing, path: path.to_owned(), source }
    }
}

impl From<lab::Error> for TransferError {
    fn from(error: lab::Error) -> TransferError {
        TransferError::Storage(error)
    }
}

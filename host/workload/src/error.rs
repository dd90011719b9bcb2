//! Why a workload has no input.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An input that could not be made or taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// No function has that name.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// The function has an event only, and files were given for it.
    #[error("{function} works on no files; `--input` is for thumbnailer and compression")]
    TakesNoFiles {
        /// The function.
        function: String,
    },
    /// The user's folder, or something in it, can't be read.
    #[error("could not read the input {path}: {source}")]
    Unreadable {
        /// What.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The user's folder is something else.
    #[error("the input {path} is not a folder")]
    NotAFolder {
        /// What it is called.
        path: PathBuf,
    },
    /// The user's folder holds no file.
    #[error("the input folder {path} holds no files")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The user's folder holds no image.
    #[error("the input folder {path} holds no image; thumbnailer reads JPEG, PNG, WebP and GIF")]
    NoImages {
        /// The folder.
        path: PathBuf,
    },
    /// A file's name can't be part of an object's key.
    #[error("the input file {path:?} can't be stored as an object: its name {reason}")]
    UnusableName {
        /// The file.
        path: PathBuf,
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// A file was written to while it was copied.
    #[error("the input {path} changed while it was copied; try again when nothing writes to it")]
    Changed {
        /// The folder or file.
        path: PathBuf,
    },
    /// The storage of inputs can't be used.
    #[error("could not {doing} {path} in the storage of inputs: {source}")]
    Storage {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The generated picture could not be encoded.
    #[error("could not encode the generated photograph: {source}")]
    Encoding {
        /// The reason.
        source: image::ImageError,
    },
}

impl WorkloadError {
    /// Whether the user's choice or files are at fault, and not our own storage of inputs.
    pub fn is_users(&self) -> bool {
        match self {
            WorkloadError::UnknownFunction { .. }
            | WorkloadError::TakesNoFiles { .. }
            | WorkloadError::Unreadable { .. }
            | WorkloadError::NotAFolder { .. }
            | WorkloadError::Empty { .. }
            | WorkloadError::NoImages { .. }
            | WorkloadError::UnusableName { .. }
            | WorkloadError::Changed { .. } => true,
            WorkloadError::Storage { .. } | WorkloadError::Encoding { .. } => false,
        }
    }

    pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> WorkloadError + '_ {
        move |source| WorkloadError::Unreadable { path: path.to_owned(), source }
    }

    pub(super) fn storage<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> WorkloadError + 'a {
        move |source| WorkloadError::Storage { doing, path: path.to_owned(), source }
    }
}

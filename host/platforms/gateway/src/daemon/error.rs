//! Why a server in the background could not be started, found or ended.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use platform::{LedgerError, PlatformError};
use thiserror::Error;

/// Why a server in the background could not be started, found or ended.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// Its folder, or a file in it, can't be used.
    #[error("{} can't be used for a server in the background: {reason}", .path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Another command is starting one there.
    #[error("another command has been starting a server in {} for {} s: try again", .folder.display(), .waited.as_secs())]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// There is one already.
    #[error("a server in the background has {} already", .folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// The program could not be run.
    #[error("{} could not be started: {reason}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It ended before it served.
    #[error("the server in the background ended at its start ({status}); its log, {}, ends with:\n{last}", .log.display())]
    Ended {
        /// Its exit status or signal.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        last: String,
    },
    /// It did not serve in time.
    #[error(
        "the server in the background did not serve within {} s and was ended; its log, {}, ends with:\n{last}",
        .waited.as_secs(), .log.display()
    )]
    NotReady {
        /// How long was waited.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        last: String,
    },
    /// It does not end.
    #[error("the server in the background, process {process}, could not be ended: {reason}")]
    Stop {
        /// Its process.
        process: u32,
        /// Why.
        reason: io::Error,
    },
    /// The ledger could not be written, so nothing was started.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl DaemonError {
    /// The same as a platform's error.
    pub fn into_platform_error(self, platform: &str) -> PlatformError {
        match self {
            DaemonError::Ledger(error) => PlatformError::Ledger(error),
            other => PlatformError::Failed {
                platform: platform.to_owned(),
                doing: "running a server in the background".to_owned(),
                reason: other.to_string(),
            },
        }
    }
}

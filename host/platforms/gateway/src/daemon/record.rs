//! The folder of a server in the background: its record with the token, its log, its locks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use process_identity::ProcessIdentity;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::error::DaemonError;

/// A log larger than this is put aside at the next start, bytes.
const LARGE_LOG_BYTES: u64 = 4 << 20;
/// How much of the end of a log is told, bytes.
const LAST_BYTES: u64 = 2000;

/// What is written down of a server that serves. It holds the token, so only its owner may read it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The name that the ledger has.
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) process: ProcessIdentity,
    pub(crate) version: String,
}

/// The folder of a server in the background.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Folder {
        Folder { path: path.into() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    fn record(&self) -> PathBuf {
        self.path.join("server.json")
    }

    fn failed(&self, reason: io::Error) -> DaemonError {
        DaemonError::Folder { path: self.path.clone(), reason }
    }

    /// Makes it, for its owner alone.
    pub(crate) fn create(&self) -> Result<(), DaemonError> {
        let create = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700))
        };
        create().map_err(|reason| self.failed(reason))
    }

    /// The record, whether its server is there or not.
    pub(crate) fn read(&self) -> Result<Option<Record>, DaemonError> {
        let path = self.record();
        match fs::read(&path) {
            // A record that can't be understood is of another version, or of none.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(DaemonError::Folder { path, reason }),
        }
    }

    /// Writes the record whole, or not at all.
    pub(crate) fn write(&self, record: &Record) -> Result<(), DaemonError> {
        let write = || {
            // For its owner alone from the beginning.
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.persist(self.record())?;
            Ok(())
        };
        write().map_err(|reason: io::Error| self.failed(reason))
    }

    /// Removes the record of the server of this name.
    pub(crate) fn forget(&self, name: &str) {
        if self.read().ok().flatten().is_some_and(|record| record.name == name) {
            // What is gone already is no loss; a record of a process that is gone leads nowhere.
            let _ = fs::remove_file(self.record());
        }
    }

    /// Takes a lock that ends with this process or with what this gives; `None` when another process has it.
    pub(crate) fn lock(&self, name: &str) -> Result<Option<File>, DaemonError> {
        let open =
            || OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.path.join(name));
        let file = open().map_err(|reason| self.failed(reason))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    /// Opens the log, to add to it.
    pub(crate) fn open_log(&self) -> Result<File, DaemonError> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LARGE_LOG_BYTES) {
            // One that stays in the way is only added to.
            let _ = fs::rename(&path, self.path.join("log.old"));
        }
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        opened.map_err(|reason| DaemonError::Folder { path, reason })
    }

    /// The end of the log, from `begin` on.
    pub(crate) fn last_of_log(&self, begin: u64) -> String {
        let read = || {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(begin.max(length.saturating_sub(LAST_BYTES)).min(length)))?;
            let mut bytes = Vec::new();
            file.take(LAST_BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        match read() {
            Ok(text) if text.is_empty() => "(nothing)".to_owned(),
            Ok(text) => text,
            Err(error) => {
                let error: io::Error = error;
                format!("(it can't be read: {error})")
            }
        }
    }
}

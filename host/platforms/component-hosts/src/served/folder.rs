//! The folder of a deployment: what is served, its log, and the record of its process.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use process_identity::ProcessIdentity;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// The mode of a private folder.
const PRIVATE: u32 = 0o700;
/// The name of the record in the folder.
const RECORD: &str = "served.json";
/// A log larger than this is begun anew at the next start, bytes.
const LARGE_LOG_BYTES: u64 = 16 << 20;

/// What is written down of a process that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The deployment.
    pub(super) deployment: String,
    /// Its name.
    pub(super) name: String,
    /// Digest of what is served.
    pub(super) image_digest: String,
    /// Where it serves; none before it does.
    pub(super) port: Option<u16>,
    /// Unix time of its start, ns.
    pub(super) started_unix_ns: u64,
    /// Where its part of the log begins, bytes.
    pub(super) log_begin: u64,
    /// Its process.
    pub(super) process: ProcessIdentity,
}

/// The folder of all deployments of a target.
#[derive(Debug, Clone)]
pub(super) struct Root(PathBuf);

impl Root {
    /// That of a platform's target: the named one, or the usual one.
    pub(super) fn new(named: Option<&Path>, platform: &str, target: &str) -> Root {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = named.map(Path::to_path_buf).unwrap_or_else(|| {
            variable("FAASBENCH_STATE")
                .or_else(|| {
                    let runtime = variable("XDG_RUNTIME_DIR").filter(|folder| folder.is_dir());
                    runtime.map(|folder| folder.join("faasbench"))
                })
                .unwrap_or_else(|| PathBuf::from(format!("/tmp/faasbench-{}", rustix::process::geteuid().as_raw())))
        });
        let base = std::path::absolute(&base).unwrap_or(base);
        Root(base.join(format!("{platform}-{target}")))
    }

    #[cfg(test)]
    fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of a deployment, whose identifier is one name of letters and digits.
    pub(super) fn of(&self, deployment: &str) -> Folder {
        Folder(self.0.join(deployment))
    }

    /// All records that are there.
    pub(super) fn records(&self) -> io::Result<Vec<Record>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut records = Vec::new();
        for entry in entries {
            records.extend(Folder(entry?.path()).read()?);
        }
        Ok(records)
    }
}

/// The folder of a deployment.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// One that is known by its path.
    pub(super) fn at(path: &Path) -> Folder {
        Folder(path.to_path_buf())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// Makes it, and what it is in, for its owner alone.
    pub(super) fn create(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(PRIVATE).create(&self.0)?;
        // Below /tmp another user may have made it before.
        for folder in self.0.ancestors().take(2) {
            let found = fs::symlink_metadata(folder)?;
            let is_ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
            if !is_ours || found.mode() & 0o077 != 0 {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("{} is not this user's alone (mode 0700)", folder.display()),
                ));
            }
        }
        Ok(())
    }

    /// Takes the lock of what is started or ended here; `None` when another has it. It ends with what this gives.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.0.join("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a file whole or not at all, for its owner alone.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        file.write_all(bytes)?;
        file.persist(&path)?;
        Ok(path)
    }

    pub(super) fn remember(&self, record: &Record) -> io::Result<()> {
        self.write(RECORD, &serde_json::to_vec_pretty(record)?).map(|_| ())
    }

    /// The record; `None` where there is none, or none of this version.
    pub(super) fn read(&self) -> io::Result<Option<Record>> {
        match fs::read(self.0.join(RECORD)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the log, to add to it, and tells its length.
    pub(super) fn open_log(&self) -> io::Result<(File, u64)> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LARGE_LOG_BYTES) {
            fs::remove_file(&path)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// Removes it with all that is in it; a success when it is gone already.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let root = Root::new(Some(base.path()), "spin", "a");
        fs::create_dir(root.path()).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(root.of("0123").create().unwrap_err().to_string().contains("0700"));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        root.of("0123").create().unwrap();
    }

    #[test]
    fn only_one_at_a_time_works_in_a_folder() {
        let base = tempfile::tempdir().unwrap();
        let folder = Root::new(Some(base.path()), "spin", "a").of("0123");
        folder.create().unwrap();
        let lock = folder.lock().unwrap();
        assert!(lock.is_some() && folder.lock().unwrap().is_none());
        drop(lock);
        assert!(folder.lock().unwrap().is_some());
        folder.remove().unwrap();
        folder.remove().unwrap();
    }
}

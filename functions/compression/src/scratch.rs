//! A directory of one invocation's own below the instance's scratch folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lab::{Error, ErrorKind};

/// A fresh directory that is removed with all that is in it when this value goes, whatever the reason.
#[derive(Debug)]
pub(crate) struct ScratchDirectory {
    path: PathBuf,
}

impl ScratchDirectory {
    /// Creates a directory that did not exist before below `parent`.
    pub(crate) fn create(parent: &Path) -> Result<ScratchDirectory, Error> {
        let path = parent.join(format!("compression-{}", lab::unique_suffix()));
        // Not create_dir_all: a directory that is there already belongs to somebody else.
        fs::create_dir(&path).map_err(|error| on_file("create", &path, error))?;
        let scratch = ScratchDirectory { path };
        let files = scratch.files();
        fs::create_dir(&files).map_err(|error| on_file("create", &files, error))?;
        Ok(scratch)
    }

    /// The directory for the objects' files.
    pub(crate) fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// The archive's path, outside of [`ScratchDirectory::files`]: the archive cannot come to contain itself.
    pub(crate) fn archive(&self) -> PathBuf {
        self.path.join("archive.zip")
    }

    /// Removes the directory and says if that failed, which dropping it cannot.
    pub(crate) fn remove(self) -> Result<(), Error> {
        fs::remove_dir_all(&self.path).map_err(|error| on_file("remove", &self.path, error))
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        // After `remove` there is nothing left; after an error that one is told, not this.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The error of doing `what` to the scratch file at `path`: a full disk is a limit, anything else the platform's fault.
pub(crate) fn on_file(what: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => ErrorKind::Limit,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, format!("could not {what} {}: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_its_value_also_in_a_panic() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().to_owned();
        let panicked = std::panic::catch_unwind(|| {
            let scratch = ScratchDirectory::create(&path).unwrap();
            fs::write(scratch.archive(), "x").unwrap();
            fs::create_dir(scratch.files().join("d")).unwrap();
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}

//! Files that are written whole or not at all.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use super::exit::Failure;

/// A file that will take the place of another: written beside it, and moved when it is whole.
pub(super) struct Replacement<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> Replacement<'a> {
    /// For the file at `path`, which need not be there.
    pub(super) fn of(path: &'a Path) -> Result<Replacement<'a>, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or(PathBuf::from("."), PathBuf::from);
        Ok(Replacement {
            path,
            file: NamedTempFile::new_in(folder).with_context(|| could_not(path)).map_err(Failure::users)?,
        })
    }

    /// Where its contents go.
    pub(super) fn writer(&self) -> Result<File, Failure> {
        self.file.reopen().with_context(|| could_not(self.path)).map_err(Failure::users)
    }

    /// Moves it into place.
    pub(super) fn put(self) -> Result<(), Failure> {
        let Replacement { path, file } = self;
        allow_others_to_read(file.as_file()).with_context(|| could_not(path)).map_err(Failure::users)?;
        file.persist(path).with_context(|| could_not(path)).map_err(Failure::users)?;
        Ok(())
    }
}

/// Writes a whole file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = Replacement::of(path)?;
    io::Write::write_all(&mut file.writer()?, bytes).with_context(|| could_not(path)).map_err(Failure::users)?;
    file.put()
}

fn could_not(path: &Path) -> String {
    format!("could not write {}", path.display())
}

/// Temporary files are their owner's alone; these are files like any other.
fn allow_others_to_read(file: &File) -> io::Result<()> {
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    file.set_permissions(Permissions::from_mode(0o666 & !mask.bits()))
}

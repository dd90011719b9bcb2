//! Scratch folders: how much is in one, and its removal, however a guest nested what it made.
//!
//! `std::fs::remove_dir_all` takes a frame of the stack and a descriptor for each level, so that a guest's chain of folders
//! could end the whole server.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use tempfile::TempDir;

use super::file_counts::ENTRY_BYTES;

/// Folders within each other that are looked into for what they hold.
const LEVELS: usize = 64;

/// An instance's scratch folder. It is removed with its drop, which may take a while.
#[derive(Debug)]
pub struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl From<TempDir> for ScratchFolder {
    fn from(folder: TempDir) -> ScratchFolder {
        ScratchFolder(folder.keep())
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What can't be removed now is tried again with its deployment's folder, which is around it.
        let _ = remove_folder(&self.0);
    }
}

/// What is in a folder, as it counts against an instance's share. `None` when it can't all be seen.
pub(super) fn bytes_in(folder: &Path) -> Option<u64> {
    bytes_within(folder, LEVELS)
}

fn bytes_within(folder: &Path, levels: usize) -> Option<u64> {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        let held =
            if metadata.is_dir() { bytes_within(&entry.path(), levels.checked_sub(1)?)? } else { metadata.len() };
        bytes = bytes.saturating_add(ENTRY_BYTES).saturating_add(held);
    }
    Some(bytes)
}

/// Removes a folder with all that is in it, of any depth: what is within its folders is moved up before they go, so that this
/// takes two descriptors and no recursion.
///
/// # Errors
/// When something can't be removed. A folder that is not there is one that can't.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let root = open_folder(CWD, folder)?;
    let mut next_name = 0_u64;
    loop {
        let mut is_empty = true;
        each_entry(&root, |name| {
            is_empty = false;
            if !remove_file(&root, name)? {
                raise_content(&root, name, &mut next_name)?;
                unlinkat(&root, name, AtFlags::REMOVEDIR)?;
            }
            Ok(())
        })?;
        // What was moved up meanwhile may not have been listed.
        if is_empty {
            return fs::remove_dir(folder);
        }
    }
}

fn open_folder(within: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    openat(within, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn each_entry(folder: &OwnedFd, mut act: impl FnMut(&CStr) -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            act(name)?;
        }
    }
    Ok(())
}

/// Removes what is not a folder; false when it is one.
fn remove_file(within: &OwnedFd, name: &CStr) -> rustix::io::Result<bool> {
    match unlinkat(within, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        // The second is POSIX's answer for a folder.
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Empties one folder of `root`: its files are removed, its folders moved to `root`.
fn raise_content(root: &OwnedFd, name: &CStr, next_name: &mut u64) -> rustix::io::Result<()> {
    let folder = open_folder(root, name)?;
    each_entry(&folder, |inner| {
        if remove_file(&folder, inner)? {
            return Ok(());
        }
        loop {
            let free = format!("raised-{next_name}");
            *next_name += 1;
            match renameat(&folder, inner, root, free) {
                // The guest has such a name too.
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                outcome => return outcome,
            }
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rustix::fs::mkdirat;

    use super::*;

    /// Folders within each other, deeper than any path reaches.
    fn nest(folder: &Path, levels: usize) {
        let mut place = open_folder(CWD, folder).unwrap();
        for _ in 0..levels {
            mkdirat(&place, "d", Mode::RWXU).unwrap();
            place = open_folder(&place, "d").unwrap();
        }
    }

    #[test]
    fn folders_of_any_depth_are_removed_and_links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("scratch");
        fs::create_dir_all(folder.join("a/b/c")).unwrap();
        // Names that are taken when a folder is moved up.
        fs::create_dir_all(folder.join("raised-0/full")).unwrap();
        fs::write(folder.join("raised-1"), "x").unwrap();
        fs::write(folder.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join("a/b/link")).unwrap();
        nest(&folder, 1_500);
        assert_eq!(bytes_in(&folder), None);
        // A stack on which one frame for each level would not fit.
        let removing = std::thread::Builder::new().stack_size(64 << 10);
        let removed = folder.clone();
        removing.spawn(move || remove_folder(&removed)).unwrap().join().unwrap().unwrap();
        assert!(!folder.exists());
        assert!(outside.path().join("kept").exists());
    }

    #[test]
    fn what_a_folder_holds_counts_with_its_entries() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/file"), [0; 10]).unwrap();
        assert_eq!(bytes_in(folder.path()), Some(2 * ENTRY_BYTES + 10));
    }
}

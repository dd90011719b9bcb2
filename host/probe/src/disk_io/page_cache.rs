//! Making the page cache cold: file by file, which needs no rights, or the whole machine's, which needs root.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise, statfs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::residency::{ResidencyMethod, residency};

/// What [`drop_tree`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeDropped {
    /// Files that were written back and dropped.
    pub files: u64,
    /// Their length together, bytes.
    pub bytes: u64,
    /// What of them is still in the page cache afterwards, bytes. Only at 0, and without failures, is the tree cold. Pages
    /// stay when another process has them mapped, and always on a file system that lives in memory. Absent when it couldn't
    /// be found out for some file.
    pub resident_bytes: Option<u64>,
    /// How the residency was found; absent without files.
    pub method: Option<ResidencyMethod>,
    /// What failed, with the reason.
    pub failures: Vec<DropFailure>,
}

impl TreeDropped {
    /// Whether nothing of the tree is in the page cache, as a fact that was checked.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.failures.is_empty() && self.resident_bytes == Some(0)
    }
}

/// A path that couldn't be dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropFailure {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Writes back every regular file at or below `root`, asks the kernel to drop its pages (`posix_fadvise` with
/// `POSIX_FADV_DONTNEED`), and then looks what is still there. Needs no rights beyond reading the files; symbolic links
/// aren't followed. On a virtual machine the host may still have the data in its own memory: cold here means cold in this
/// kernel.
#[must_use]
pub fn drop_tree(root: &Path) -> TreeDropped {
    let mut dropped = TreeDropped::default();
    let mut resident = Some(0);
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let outcome = fs::symlink_metadata(&path).and_then(|metadata| {
            if metadata.is_dir() {
                for entry in fs::read_dir(&path)? {
                    paths.push(entry?.path());
                }
            } else if metadata.is_file() {
                let file = File::open(&path)?;
                drop_file(&file)?;
                dropped.files += 1;
                dropped.bytes += metadata.len();
                match residency(&file) {
                    Ok(found) => {
                        resident = resident.map(|bytes: u64| bytes.saturating_add(found.resident_bytes));
                        dropped.method = Some(found.method);
                    }
                    Err(error) => {
                        resident = None;
                        return Err(error);
                    }
                }
            }
            Ok(())
        });
        if let Err(error) = outcome {
            dropped.failures.push(DropFailure { path, reason: error.to_string() });
        }
    }
    dropped.resident_bytes = resident;
    dropped
}

fn drop_file(file: &File) -> io::Result<()> {
    // Dirty pages can't be dropped: they must be on the device first.
    file.sync_data()?;
    fadvise(file, 0, None, Advice::DontNeed)?;
    Ok(())
}

/// Why the whole machine's page cache couldn't be dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DropError {
    /// The caller isn't root, or the system is a container whose `/proc/sys` is read-only.
    #[error(
        "dropping the whole page cache needs root outside a container ({path}: {source}); files can be dropped one by one \
         without"
    )]
    NotAllowed {
        /// The file written to.
        path: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Another failure.
    #[error("{path} can't be written: {source}")]
    Failed {
        /// The file written to.
        path: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Writes back everything and drops the whole machine's page cache, directory entries and inodes. Everything else on the
/// machine gets slower for a while. What is dirtied meanwhile stays: check the files of interest with
/// [`resident_bytes`].
///
/// # Errors
/// See [`DropError`].
pub fn drop_everything() -> Result<(), DropError> {
    let path = "/proc/sys/vm/drop_caches";
    rustix::fs::sync();
    fs::write(path, "3").map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => DropError::NotAllowed { path, source },
        _ => DropError::Failed { path, source },
    })
}

/// What of the regular files at or below `root` is in the page cache, in bytes, in whole pages.
///
/// # Errors
/// Something of the tree can't be read.
pub fn resident_bytes(root: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(root)?;
    if metadata.is_dir() {
        return fs::read_dir(root)?
            .try_fold(0u64, |sum, entry| Ok(sum.saturating_add(resident_bytes(&entry?.path())?)));
    }
    if metadata.is_file() { Ok(residency(&File::open(root)?)?.resident_bytes) } else { Ok(0) }
}

/// The file system that a path lies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSystem {
    /// Its name as `mount` shows it, or its number in hexadecimal.
    pub name: String,
    /// Why `read_bytes` and `write_bytes` say nothing here (the files live in memory, or on another machine), or may say
    /// nothing (layers over an unknown file system); absent where a local device is behind it.
    pub no_device: Option<String>,
}

/// Magic numbers of `linux/magic.h` and of the file systems' own sources.
const FILE_SYSTEMS: &[(u32, &str, Option<&str>)] = &[
    (0xef53, "ext2/3/4", None),
    (0x5846_5342, "xfs", None),
    (0x9123_683e, "btrfs", None),
    (0xf2f5_2010, "f2fs", None),
    (0x2fc1_2fc1, "zfs", None),
    (0xca45_1a4e, "bcachefs", None),
    (0x4d44, "vfat", None),
    (0x0102_1994, "tmpfs", Some("the files live in memory (or swap): nothing reaches a device")),
    (0x8584_58f6, "ramfs", Some("the files live in memory: nothing reaches a device")),
    (0x794c_7630, "overlay", Some("layers over another file system, which decides whether a device is behind it")),
    (0x6969, "nfs", Some("the device is on another machine")),
    (0xff53_4d42, "cifs", Some("the device is on another machine")),
    (0xfe53_4d42, "smb2", Some("the device is on another machine")),
    (0x0102_1997, "9p", Some("the device belongs to the host")),
    (0x6573_5546, "fuse", Some("a program serves the files; its own reads and writes are counted to it")),
];

/// The kind of the file system on which `path` lies.
///
/// # Errors
/// The path doesn't exist or can't be reached.
pub fn file_system(path: &Path) -> io::Result<FileSystem> {
    // The type's width differs between architectures; the magic numbers have 32 bits.
    let magic = statfs(path)?.f_type as u32;
    let known = FILE_SYSTEMS.iter().find(|(number, ..)| *number == magic);
    Ok(match known {
        Some((_, name, no_device)) => FileSystem { name: (*name).to_owned(), no_device: no_device.map(str::to_owned) },
        None => FileSystem {
            name: format!("{magic:#x}"),
            no_device: Some(
                "a file system that isn't known here: whether a device is behind it isn't known".to_owned(),
            ),
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{IoProbe, residency};
    use super::*;

    fn folder_with_files() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("a"), vec![1; 300_000]).unwrap();
        fs::write(folder.path().join("below/b"), vec![2; 100_000]).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        folder
    }

    fn has_device(path: &Path) -> bool {
        let found = file_system(path).unwrap();
        if let Some(reason) = &found.no_device {
            eprintln!("skipped: {} is on {}: {reason}", path.display(), found.name);
        }
        found.no_device.is_none()
    }

    #[test]
    fn a_dropped_tree_is_cold_and_reading_it_reaches_the_device() {
        let folder = folder_with_files();
        assert!(resident_bytes(folder.path()).unwrap() >= 400_000);
        let dropped = drop_tree(folder.path());
        assert_eq!((dropped.files, dropped.bytes), (2, 400_000));
        assert!(dropped.failures.is_empty());
        if !has_device(folder.path()) {
            return;
        }
        assert!(dropped.is_cold(), "{dropped:?}");
        assert_eq!(resident_bytes(folder.path()).unwrap(), 0);
        let probe = IoProbe::this_thread().unwrap();
        let (data, counters) = probe.around(|| fs::read(folder.path().join("a")).unwrap()).unwrap();
        assert_eq!(data.len(), 300_000);
        assert!(counters.read_bytes >= 300_000, "{counters:?}");
    }

    #[test]
    fn pages_that_are_mapped_stay_and_are_reported() {
        let folder = folder_with_files();
        let path = folder.path().join("a");
        let file = File::open(&path).unwrap();
        // SAFETY: a private read-only mapping of the whole file that isn't cut short while the mapping lives.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                300_000,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_POPULATE,
                std::os::fd::AsRawFd::as_raw_fd(&file),
                0,
            )
        };
        assert_ne!(address, libc::MAP_FAILED);
        let dropped = drop_tree(&path);
        // SAFETY: unmaps what was mapped above.
        unsafe { libc::munmap(address, 300_000) };
        assert!(dropped.resident_bytes.unwrap() > 0);
        assert!(!dropped.is_cold());
        assert!(residency(&file).unwrap().resident_bytes > 0);
    }

    #[test]
    fn what_is_not_there_is_a_failure_and_not_a_cold_file() {
        let dropped = drop_tree(Path::new("/no/such/folder"));
        assert_eq!(dropped.failures.len(), 1);
        assert!(!dropped.is_cold());
        assert!(file_system(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn dropping_everything_without_the_right_says_so() {
        if rustix::process::geteuid().is_root() {
            return eprintln!("skipped: it would be allowed, and would slow the whole machine");
        }
        assert!(matches!(drop_everything(), Err(DropError::NotAllowed { .. })));
    }

    #[test]
    fn file_systems_are_named() {
        assert!(file_system(Path::new("/proc")).unwrap().no_device.is_some());
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.exists() {
            assert_eq!(file_system(shared_memory).unwrap().name, "tmpfs");
        }
    }
}

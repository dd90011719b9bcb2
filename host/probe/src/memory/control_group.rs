//! What a control group says of the memory of all its processes together, page cache and kernel memory included.

use std::io;
use std::path::{Path, PathBuf};

use super::reading::MemoryError;

/// The memory figures of one control group, of version 1 or 2.
#[derive(Debug)]
pub struct ControlGroup {
    peak: PathBuf,
    current: PathBuf,
}

impl ControlGroup {
    /// The group at `relative`, a path below the hierarchies' roots.
    ///
    /// # Errors
    /// No mounted hierarchy accounts memory for that group.
    pub fn new(relative: &str) -> Result<Self, MemoryError> {
        Self::below(Path::new("/sys/fs/cgroup"), relative)
    }

    fn below(root: &Path, relative: &str) -> Result<Self, MemoryError> {
        let relative = relative.trim_start_matches('/');
        // Version 1 has a hierarchy for each controller; version 2 one for all.
        let first = root.join("memory").join(relative);
        let second = root.join(relative);
        if first.join("memory.max_usage_in_bytes").is_file() {
            return Ok(Self {
                peak: first.join("memory.max_usage_in_bytes"),
                current: first.join("memory.usage_in_bytes"),
            });
        }
        if second.join("memory.current").is_file() {
            return Ok(Self { peak: second.join("memory.peak"), current: second.join("memory.current") });
        }
        let source =
            io::Error::new(io::ErrorKind::NotFound, format!("no memory is accounted for the group {relative}"));
        Err(MemoryError::System { file: "/sys/fs/cgroup", source })
    }

    /// The greatest that it ever used, bytes.
    ///
    /// # Errors
    /// The group is gone, or the kernel keeps no peak (version 2 does from Linux 5.19 on).
    pub fn peak_bytes(&self) -> Result<u64, MemoryError> {
        number(&self.peak)
    }

    /// What it uses now, bytes.
    ///
    /// # Errors
    /// The group is gone.
    pub fn current_bytes(&self) -> Result<u64, MemoryError> {
        number(&self.current)
    }
}

fn number(path: &Path) -> Result<u64, MemoryError> {
    let failed = |source| MemoryError::System { file: "a control group's memory", source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    text.trim().parse().map_err(|_| failed(io::Error::other(format!("{} has no number", path.display()))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    fn group(folder: &str, files: [(&str, &str); 2]) -> (tempfile::TempDir, ControlGroup) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(folder)).unwrap();
        for (name, text) in files {
            fs::write(root.path().join(folder).join(name), text).unwrap();
        }
        let group = ControlGroup::below(root.path(), "/some/group").unwrap();
        (root, group)
    }

    #[test]
    fn both_versions_are_read() {
        let first = [("memory.max_usage_in_bytes", "4096\n"), ("memory.usage_in_bytes", "1024\n")];
        let (_root, group) = group_of_version_one(first);
        assert_eq!((group.peak_bytes().unwrap(), group.current_bytes().unwrap()), (4096, 1024));
        let (_root, group) = self::group("some/group", [("memory.peak", "8192\n"), ("memory.current", "2048\n")]);
        assert_eq!((group.peak_bytes().unwrap(), group.current_bytes().unwrap()), (8192, 2048));
    }

    fn group_of_version_one(files: [(&str, &str); 2]) -> (tempfile::TempDir, ControlGroup) {
        group("memory/some/group", files)
    }

    #[test]
    fn a_kernel_without_a_peak_and_a_group_that_is_not_there_are_errors() {
        let (root, group) = group("some/group", [("memory.current", "2048\n"), ("memory.max", "max\n")]);
        assert!(group.peak_bytes().is_err());
        assert!(ControlGroup::below(root.path(), "other").is_err());
    }
}

//! A process's folder under `/proc`, held open so that a process identifier that the kernel has given to another
//! process meanwhile can't be mistaken for the one that was meant.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};

/// An open `/proc/PID`. Once that process is gone every read fails with `ESRCH` or `ENOENT`.
#[derive(Debug)]
pub struct ProcessFiles {
    directory: OwnedFd,
    pid: u32,
}

impl ProcessFiles {
    /// Opens the folder of the process `pid`.
    ///
    /// # Errors
    /// There is no such process, or `/proc` isn't mounted.
    pub fn open(pid: u32) -> io::Result<Self> {
        let path = PathBuf::from(format!("/proc/{pid}"));
        let directory = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { directory, pid })
    }

    /// The folder of this process.
    ///
    /// # Errors
    /// `/proc` isn't mounted.
    pub fn of_this_process() -> io::Result<Self> {
        Self::open(std::process::id())
    }

    /// The process identifier that this was opened for.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The text of one file of the folder.
    ///
    /// # Errors
    /// The file can't be read: the process is gone (`ESRCH`), belongs to another user (`EACCES`, `EPERM`), or the
    /// kernel has no such file (`ENOENT`).
    pub fn read(&self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        self.open_file(name, OFlags::RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Writes `text` to one file of the folder.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        io::Write::write_all(&mut self.open_file(name, OFlags::WRONLY)?, text.as_bytes())
    }

    pub(super) fn open_file(&self, name: &str, access: OFlags) -> io::Result<File> {
        Ok(File::from(rustix::fs::openat(&self.directory, name, access | OFlags::CLOEXEC, Mode::empty())?))
    }
}

/// The number after `name:` in a text of `name:  number [kB]` lines, in the unit the kernel wrote it in.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
}

/// As [`field`], for a value the kernel gives in kB (of 1,024 bytes), in bytes.
pub(super) fn kilobytes_field(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.checked_mul(1024)
}

/// The size of a page of memory, in bytes.
pub(super) fn page_bytes() -> u64 {
    // SAFETY: `sysconf` only reads a constant of the system.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // POSIX requires this value; 4,096 is right on every machine that the counters here know.
    u64::try_from(bytes).unwrap_or(4096)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_the_folder_of_this_process() {
        let files = ProcessFiles::of_this_process().unwrap();
        assert_eq!(files.pid(), std::process::id());
        assert!(files.read("status").unwrap().contains("VmHWM"));
        assert_eq!(files.read("no-such-file").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error_and_not_another_process() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let files = ProcessFiles::open(child.id()).unwrap();
        child.wait().unwrap();
        assert!(files.read("status").is_err());
        assert!(ProcessFiles::open(u32::MAX).is_err());
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "Pss:    12 kB\nPss_Dirty:   7 kB\nRss:\nVmHWM: x kB\nBig: 18446744073709551615 kB\n";
        assert_eq!(kilobytes_field(text, "Pss"), Some(12 * 1024));
        assert_eq!(field(text, "Pss_Dirty"), Some(7));
        assert_eq!(field(text, "Rss"), None);
        assert_eq!(field(text, "VmHWM"), None);
        assert_eq!(kilobytes_field(text, "Big"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,400}", name in "[A-Za-z_]{0,8}") {
            let _ = kilobytes_field(&text, &name);
        }
    }
}

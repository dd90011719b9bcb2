//! Bytes and calls through the system-call layer, and what of it reached a device: `/proc/PID/io`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::process_files::{ProcessFiles, field};

/// The counters of `/proc/PID/io`, in the kernel's order and meaning (proc_pid_io(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IoCounters {
    /// Bytes that read calls gave, from files, pipes, sockets and terminals alike, page cache or not.
    pub rchar: u64,
    /// Bytes that write calls took, likewise.
    pub wchar: u64,
    /// Read calls.
    pub syscr: u64,
    /// Write calls.
    pub syscw: u64,
    /// Bytes that were fetched from a device on this process's behalf, read-ahead included.
    pub read_bytes: u64,
    /// Bytes that this process caused to be sent to a device, counted when it dirties the page, before the write-back.
    pub write_bytes: u64,
    /// Of `write_bytes`, those that never reached the device because the dirty page was thrown away (file deleted or cut).
    pub cancelled_write_bytes: u64,
}

impl IoCounters {
    /// Reads the text of an `io` file. `None` when a counter is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            rchar: field(text, "rchar")?,
            wchar: field(text, "wchar")?,
            syscr: field(text, "syscr")?,
            syscw: field(text, "syscw")?,
            read_bytes: field(text, "read_bytes")?,
            write_bytes: field(text, "write_bytes")?,
            cancelled_write_bytes: field(text, "cancelled_write_bytes")?,
        })
    }

    /// What was added since `earlier`. A counter that went back (another process's) counts as 0.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            rchar: self.rchar.saturating_sub(earlier.rchar),
            wchar: self.wchar.saturating_sub(earlier.wchar),
            syscr: self.syscr.saturating_sub(earlier.syscr),
            syscw: self.syscw.saturating_sub(earlier.syscw),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            write_bytes: self.write_bytes.saturating_sub(earlier.write_bytes),
            cancelled_write_bytes: self.cancelled_write_bytes.saturating_sub(earlier.cancelled_write_bytes),
        }
    }
}

/// A reading of [`IoCounters`], with what the reading itself adds to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IoReading {
    /// As the kernel gave them.
    pub counters: IoCounters,
    /// Bytes that this reading added to `rchar` after the kernel had written the text: the length of that text, when
    /// the reader is among those counted, otherwise 0.
    pub own_bytes: u64,
    /// Calls that this reading added to `syscr`: 1 or 0.
    pub own_calls: u64,
}

impl IoReading {
    /// What happened between `earlier` and this reading, without the reading of `earlier`, which the kernel counts as
    /// `rchar` and `syscr` of the reader. It is known exactly (one call, the length of the text), so an empty bracket gives
    /// zeroes; [`IoProbe::empty_bracket`] shows it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> IoCounters {
        let mut difference = self.counters.since(&earlier.counters);
        difference.rchar = difference.rchar.saturating_sub(earlier.own_bytes);
        difference.syscr = difference.syscr.saturating_sub(earlier.own_calls);
        difference
    }
}

/// Why the counters are absent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IoError {
    /// The file couldn't be opened or read: no such process, another user's, or a kernel without
    /// `CONFIG_TASK_IO_ACCOUNTING`.
    #[error("{path} can't be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The file was read and isn't what is known of it.
    #[error("{path} has not all of the seven counters")]
    Malformed {
        /// The file.
        path: String,
    },
}

/// Reads the I/O counters of a thread or a process, with one call per reading on a file that stays open.
#[derive(Debug)]
pub struct IoProbe {
    file: File,
    path: String,
    counts_itself: bool,
}

impl IoProbe {
    /// Counters of the thread that calls this (not of the one that reads later).
    ///
    /// # Errors
    /// The kernel doesn't keep them.
    pub fn this_thread() -> Result<Self, IoError> {
        let path = "/proc/thread-self/io".to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self { file, path, counts_itself: true }),
            Err(source) => Err(IoError::Unreadable { path, source }),
        }
    }

    /// Counters of this process, threads that ended included.
    ///
    /// # Errors
    /// The kernel doesn't keep them.
    pub fn this_process() -> Result<Self, IoError> {
        Self::process(std::process::id())
    }

    /// Counters of the process `pid`. Readable also when it has ended and its parent hasn't yet collected it.
    ///
    /// # Errors
    /// There is no such process, or it is another user's.
    pub fn process(pid: u32) -> Result<Self, IoError> {
        let path = format!("/proc/{pid}/io");
        match ProcessFiles::open(pid).and_then(|files| files.open_file("io", OFlags::RDONLY)) {
            Ok(file) => Ok(Self { file, path, counts_itself: pid == std::process::id() }),
            Err(source) => Err(IoError::Unreadable { path, source }),
        }
    }

    /// The counters now.
    ///
    /// # Errors
    /// The process is gone, or the text isn't what is known of it.
    pub fn read(&self) -> Result<IoReading, IoError> {
        // Seven names and seven numbers of at most 20 digits are below 300 bytes.
        let mut buffer = [0; 1024];
        let length = self
            .file
            .read_at(&mut buffer, 0)
            .map_err(|source| IoError::Unreadable { path: self.path.clone(), source })?;
        let counters = std::str::from_utf8(&buffer[..length])
            .ok()
            .and_then(IoCounters::parse)
            .ok_or_else(|| IoError::Malformed { path: self.path.clone() })?;
        let (own_bytes, own_calls) = if self.counts_itself { (length as u64, 1) } else { (0, 0) };
        Ok(IoReading { counters, own_bytes, own_calls })
    }

    /// Calls `measured` and tells what was read and written meanwhile, without the probe's own reading.
    ///
    /// # Errors
    /// As for [`Self::read`]; then `measured` may have been called or not.
    pub fn around<T>(&self, measured: impl FnOnce() -> T) -> Result<(T, IoCounters), IoError> {
        let before = self.read()?;
        let value = measured();
        let after = self.read()?;
        Ok((value, after.since(&before)))
    }

    /// What [`Self::around`] says of nothing: all zeroes when no other thread does I/O and the subtraction is right.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn empty_bracket(&self) -> Result<IoCounters, IoError> {
        Ok(self.around(|| ())?.1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;
    use std::io::{Read, Write};

    use super::*;

    const TEXT: &str = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n\
        cancelled_write_bytes: 7\n";

    #[test]
    fn every_counter_has_its_own_line() {
        let counters = IoCounters::parse(TEXT).unwrap();
        let expected = IoCounters {
            rchar: 1,
            wchar: 2,
            syscr: 3,
            syscw: 4,
            read_bytes: 5,
            write_bytes: 6,
            cancelled_write_bytes: 7,
        };
        assert_eq!(counters, expected);
        assert_eq!(IoCounters::parse("rchar: 1\n"), None);
    }

    #[test]
    fn an_empty_bracket_is_empty() {
        let probe = IoProbe::this_thread().unwrap();
        for _ in 0..5 {
            assert_eq!(probe.empty_bracket().unwrap(), IoCounters::default());
        }
    }

    #[test]
    fn calls_and_bytes_of_this_thread_are_counted_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let probe = IoProbe::this_thread().unwrap();
        let mut file = File::create(&path).unwrap();
        let (_, written) = probe.around(|| (0..4).for_each(|_| file.write_all(&[7; 5000]).unwrap())).unwrap();
        assert_eq!((written.wchar, written.syscw, written.rchar, written.syscr), (20_000, 4, 0, 0));
        let mut file = File::open(&path).unwrap();
        let mut buffer = [0; 10_000];
        let (_, read) = probe.around(|| file.read_exact(&mut buffer).unwrap()).unwrap();
        assert_eq!((read.rchar, read.syscr, read.wchar, read.syscw), (10_000, 1, 0, 0));
        assert_eq!(read.read_bytes, 0, "just written, so in the page cache");
    }

    #[test]
    fn deleting_dirty_data_shows_as_cancelled_where_there_is_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let probe = IoProbe::this_thread().unwrap();
        let (_, counters) = probe
            .around(|| {
                fs::write(&path, vec![1; 1 << 20]).unwrap();
                fs::remove_file(&path).unwrap();
            })
            .unwrap();
        assert_eq!(counters.wchar, 1 << 20);
        if counters.write_bytes == 0 {
            eprintln!("skipped: the file system has no device behind it");
        } else {
            assert!(counters.cancelled_write_bytes <= counters.write_bytes);
        }
    }

    #[test]
    fn another_process_is_not_charged_for_being_read() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let probe = IoProbe::process(child.id()).unwrap();
        let reading = probe.read().unwrap();
        assert_eq!((reading.own_bytes, reading.own_calls), (0, 0));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(probe.read().is_err());
        assert!(IoProbe::process(u32::MAX).is_err());
        assert!(IoProbe::this_process().unwrap().read().unwrap().own_bytes > 0);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~\n]{0,300}") {
            let _ = IoCounters::parse(&text);
        }

        #[test]
        fn a_difference_never_wraps(a in proptest::prelude::any::<u64>(), b in proptest::prelude::any::<u64>()) {
            let (a, b) = (IoCounters { rchar: a, ..Default::default() }, IoCounters { rchar: b, ..Default::default() });
            proptest::prop_assert_eq!(a.since(&b).rchar, a.rchar.saturating_sub(b.rchar));
        }
    }
}

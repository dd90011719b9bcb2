//! One reading of a process's memory, from `/proc`.
//!
//! The peak is `VmHWM`, read by a worker itself when its last call has ended (or by its parent while the worker waits):
//! the kernel keeps it exactly, so no stop at the process's exit is needed. `wait4`'s `ru_maxrss` isn't used: it is the
//! greater of the child's peak and that of the parent's address space at the time of `exec`, so a small child of a large
//! parent gets the parent's figure, and `RUSAGE_CHILDREN` is a maximum over all children so far.

use std::fs;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::process_files::{ProcessFiles, kilobytes_field, page_bytes};

/// Why a figure of memory is absent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A file of `/proc` couldn't be read.
    #[error("{file} of process {pid} can't be read: {source}")]
    Unreadable {
        /// The file below `/proc/PID`.
        file: &'static str,
        /// The process asked about.
        pid: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// The file was read and didn't have the figure: the process has ended and awaits its parent, or the kernel doesn't
    /// keep it.
    #[error("{file} of process {pid} has no {field} (the process has ended, or this kernel doesn't keep it)")]
    Missing {
        /// The file below `/proc/PID`.
        file: &'static str,
        /// The process asked about.
        pid: u32,
        /// The field looked for.
        field: &'static str,
    },
    /// A file of the whole system couldn't be read.
    #[error("{file} can't be read: {source}")]
    System {
        /// The file.
        file: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What a process holds, from `smaps_rollup`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holding {
    /// Resident set size: every page that is in memory, shared ones in full.
    pub rss_bytes: u64,
    /// Proportional set size: a page that n processes share counts 1/n.
    pub pss_bytes: u64,
    /// Unique set size: pages that no other process has (private clean, private dirty and private huge pages): what
    /// would come free if the process ended.
    pub uss_bytes: u64,
    /// Of this process's pages, those in swap.
    pub swap_bytes: u64,
}

impl Holding {
    /// Reads a `smaps_rollup` text. `None` when RSS, PSS or the private figures are missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let clean = kilobytes_field(text, "Private_Clean")?;
        let dirty = kilobytes_field(text, "Private_Dirty")?;
        let huge = kilobytes_field(text, "Private_Hugetlb").unwrap_or(0);
        Some(Self {
            rss_bytes: kilobytes_field(text, "Rss")?,
            pss_bytes: kilobytes_field(text, "Pss")?,
            uss_bytes: clean.checked_add(dirty)?.checked_add(huge)?,
            // A kernel without swap leaves the line out, and then there is none.
            swap_bytes: kilobytes_field(text, "Swap").unwrap_or(0),
        })
    }
}

/// Page faults of a process since it began, with those of its threads that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Faults {
    /// Served without a device.
    pub minor: u64,
    /// Waited for a device.
    pub major: u64,
}

impl Faults {
    /// Reads a `/proc/PID/stat` line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The second field is the command in brackets and may itself contain brackets and blanks.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        // `rest` begins with field 3; minflt is field 10, majflt field 12 (proc_pid_stat(5)).
        let minor = fields.nth(7)?.parse().ok()?;
        let major = fields.nth(1)?.parse().ok()?;
        Some(Self { minor, major })
    }
}

/// Reads figures of one process.
#[derive(Debug)]
pub struct MemoryProbe {
    files: ProcessFiles,
}

impl MemoryProbe {
    /// A probe of the process `pid`, held on to: another process with the same number later isn't taken for it.
    ///
    /// # Errors
    /// There is no such process, or `/proc` isn't mounted.
    pub fn new(pid: u32) -> Result<Self, MemoryError> {
        let files = ProcessFiles::open(pid).map_err(|source| MemoryError::Unreadable { file: ".", pid, source })?;
        Ok(Self { files })
    }

    /// RSS, PSS and USS together. Exact, and dear: the kernel walks every page table of the process (about 0.2 ms for a
    /// small one) with its address space locked for reading, so page faults of the process wait for it meanwhile.
    ///
    /// # Errors
    /// The file is unreadable, or the process has ended.
    pub fn holding(&self) -> Result<Holding, MemoryError> {
        let text = self.read("smaps_rollup")?;
        Holding::parse(&text).ok_or_else(|| self.missing("smaps_rollup", "Rss, Pss or Private_*"))
    }

    /// RSS alone, from `statm`: cheap (a few us), but summed from counters that each processor keeps for itself, so up to
    /// some tens of pages off on kernels from 6.2 on.
    ///
    /// # Errors
    /// The file is unreadable, or the process has ended.
    pub fn rss_bytes(&self) -> Result<u64, MemoryError> {
        let text = self.read("statm")?;
        let mut pages = text.split_ascii_whitespace().map(str::parse::<u64>);
        let (size, resident) = (pages.next(), pages.next());
        match (size, resident) {
            // A process that has ended has no address space: all its figures are 0, which means "not known" here.
            (Some(Ok(size)), Some(Ok(resident))) if size > 0 => Ok(resident.saturating_mul(page_bytes())),
            _ => Err(self.missing("statm", "resident")),
        }
    }

    /// The highest RSS since the process began or since [`Self::reset_peak`], in bytes (`VmHWM`).
    ///
    /// # Errors
    /// The file is unreadable, or the process has ended.
    pub fn peak_rss_bytes(&self) -> Result<u64, MemoryError> {
        let text = self.read("status")?;
        kilobytes_field(&text, "VmHWM").ok_or_else(|| self.missing("status", "VmHWM"))
    }

    /// Sets the peak back to the present RSS, so that the next [`Self::peak_rss_bytes`] is of what runs from now on.
    ///
    /// # Errors
    /// The kernel refuses: the process is another user's, or the kernel was built without this file.
    pub fn reset_peak(&self) -> Result<(), MemoryError> {
        let pid = self.files.pid();
        self.files.write("clear_refs", "5").map_err(|source| MemoryError::Unreadable {
            file: "clear_refs",
            pid,
            source,
        })
    }

    /// Page faults so far. Readable also when the process has ended and its parent hasn't yet collected it.
    ///
    /// # Errors
    /// The file is unreadable.
    pub fn faults(&self) -> Result<Faults, MemoryError> {
        Faults::parse(&self.read("stat")?).ok_or_else(|| self.missing("stat", "minflt, majflt"))
    }

    fn read(&self, file: &'static str) -> Result<String, MemoryError> {
        let pid = self.files.pid();
        self.files.read(file).map_err(|source| MemoryError::Unreadable { file, pid, source })
    }

    fn missing(&self, file: &'static str, field: &'static str) -> MemoryError {
        MemoryError::Missing { file, pid: self.files.pid(), field }
    }
}

/// The highest RSS that the process `pid` has had, in bytes. To know a worker's peak the worker asks this of itself at its
/// end.
///
/// # Errors
/// There is no such process, or it has ended.
pub fn peak_rss_bytes(pid: u32) -> Result<u64, MemoryError> {
    MemoryProbe::new(pid)?.peak_rss_bytes()
}

/// The page cache of the whole machine, in bytes (`Cached` of `/proc/meminfo`).
///
/// # Errors
/// The file is unreadable or has no such line.
pub fn page_cache_bytes() -> Result<u64, MemoryError> {
    let file = "/proc/meminfo";
    let text = fs::read_to_string(file).map_err(|source| MemoryError::System { file, source })?;
    kilobytes_field(&text, "Cached").ok_or(MemoryError::System { file, source: io::Error::other("no Cached line") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ROLLUP: &str = "55d0-7fff ---p 00000000 00:00 0   [rollup]\nRss:  884 kB\nPss:  385 kB\nPss_Dirty: 68 kB\n\
        Shared_Clean: 500 kB\nPrivate_Clean:   300 kB\nPrivate_Dirty:   84 kB\nPrivate_Hugetlb:  2048 kB\nSwap: 4 kB\n";

    fn this_process() -> MemoryProbe {
        MemoryProbe::new(std::process::id()).unwrap()
    }

    #[test]
    fn a_rollup_gives_all_figures_in_bytes() {
        let holding = Holding::parse(ROLLUP).unwrap();
        assert_eq!(holding.rss_bytes, 884 * 1024);
        assert_eq!(holding.pss_bytes, 385 * 1024);
        assert_eq!(holding.uss_bytes, (300 + 84 + 2048) * 1024);
        assert_eq!(holding.swap_bytes, 4096);
        assert_eq!(Holding::parse("Rss: 1 kB\nPss: 1 kB\n"), None);
    }

    #[test]
    fn faults_are_found_behind_any_command_name() {
        let line = "7 (a ) (b c) S 1 2 3 4 5 6 1234 9 56 0 1 2 3";
        assert_eq!(Faults::parse(line), Some(Faults { minor: 1234, major: 56 }));
        assert_eq!(Faults::parse("7 (x) S 1"), None);
    }

    #[test]
    fn the_figures_of_this_process_are_in_order_of_size() {
        let probe = this_process();
        let holding = probe.holding().unwrap();
        assert!(holding.uss_bytes > 0 && holding.uss_bytes <= holding.rss_bytes);
        assert!(holding.pss_bytes <= holding.rss_bytes);
        assert!(probe.rss_bytes().unwrap() > 0);
        assert!(probe.peak_rss_bytes().unwrap() >= holding.uss_bytes);
        assert!(probe.faults().unwrap().minor > 0);
        assert!(page_cache_bytes().unwrap() > 0);
        assert!(peak_rss_bytes(u32::MAX).is_err());
    }

    #[test]
    fn memory_that_was_touched_is_seen_in_rss_and_peak() {
        // A process of its own, as other tests take and free memory in this one: `dd` waits for a whole block of 64 MiB and
        // is given 60.
        let mut child = std::process::Command::new("dd")
            .args(["bs=64M", "count=1", "iflag=fullblock", "of=/dev/null", "status=none"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let probe = MemoryProbe::new(child.id()).unwrap();
        let mut input = child.stdin.take().unwrap();
        io::Write::write_all(&mut input, &vec![1; 60 << 20]).unwrap();
        let holding = probe.holding().unwrap();
        assert!(holding.rss_bytes >= 55 << 20, "{holding:?}");
        assert!(holding.uss_bytes >= 55 << 20, "{holding:?}");
        let peak = probe.peak_rss_bytes().unwrap();
        assert!((holding.uss_bytes..80 << 20).contains(&peak), "{peak}");
        assert!(probe.rss_bytes().unwrap() >= 50 << 20);
        drop(input);
        child.wait().unwrap();
    }

    #[test]
    fn the_peak_of_a_child_can_be_reset() {
        // A child of its own, so that other tests don't move the figure.
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let probe = MemoryProbe::new(child.id()).unwrap();
        probe.reset_peak().unwrap();
        assert!(probe.peak_rss_bytes().unwrap() <= probe.rss_bytes().unwrap() + (4 << 20));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_has_ended_has_no_figures_and_not_zeroes() {
        let mut child = std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        let probe = MemoryProbe::new(child.id()).unwrap();
        // Its end closes the pipe; it is a zombie until `wait`.
        io::Read::read_to_end(child.stdout.as_mut().unwrap(), &mut Vec::new()).unwrap();
        while !probe.read("stat").unwrap().contains(") Z") {
            std::thread::yield_now();
        }
        assert!(probe.rss_bytes().is_err());
        assert!(probe.holding().is_err());
        assert!(probe.peak_rss_bytes().is_err());
        assert!(probe.faults().is_ok());
        child.wait().unwrap();
        assert!(probe.faults().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~\n]{0,300}") {
            let _ = Holding::parse(&text);
            let _ = Faults::parse(&text);
        }

        #[test]
        fn what_was_written_is_read(rss in 0u64..1 << 40, pss in 0u64..1 << 40, clean in 0u64..1 << 40, dirty in 0u64..1 << 40) {
            let text = format!("Rss: {rss} kB\nPss: {pss} kB\nPrivate_Clean: {clean} kB\nPrivate_Dirty: {dirty} kB\n");
            let holding = Holding::parse(&text).unwrap();
            proptest::prop_assert_eq!(holding.rss_bytes, rss * 1024);
            proptest::prop_assert_eq!(holding.uss_bytes, (clean + dirty) * 1024);
        }
    }
}

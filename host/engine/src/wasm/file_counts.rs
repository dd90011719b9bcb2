//! What a guest did with each file of its scratch folder, and how much it may still write.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a new file or folder takes of an instance's share, bytes: about what it takes of the disk.
pub(super) const ENTRY_BYTES: u64 = 4096;
/// Paths that are counted each by itself.
const MOST_PATHS: usize = 10_000;
/// Bytes of all these paths together.
const MOST_PATH_BYTES: usize = 2 << 20;
/// What further ones are counted under.
const OTHERS: &str = "(others)";

/// Folders that an instance may have at once. To remove one may take milliseconds, for which its place is not free.
const MOST_FOLDERS: u32 = 10_000;

/// What a guest met the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScratchLimit {
    /// What it may write, bytes.
    Bytes(u64),
    /// How many folders it may have.
    Folders(u32),
}

/// What was done with one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileCount {
    /// Times it was opened.
    pub opens: u64,
    /// Read calls.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Write calls.
    pub writes: u64,
    /// Bytes written.
    pub written_bytes: u64,
}

/// Counts for every file, by its path in the scratch folder; those beyond the first 10,000 together under `(others)`.
pub type FileCounts = BTreeMap<String, FileCount>;

/// The counts of one instance, shared with its open streams.
#[derive(Debug, Clone)]
pub(super) struct FileLedger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    counts: FileCounts,
    /// Of the paths in `counts`.
    path_bytes: usize,
    /// Paths of open descriptors, by their index in the resource table.
    paths: HashMap<u32, String>,
    written_bytes: u64,
    limit_bytes: u64,
    folders: u32,
    limit_reached: Option<ScratchLimit>,
}

impl Entries {
    /// The count of a path. How many paths there are is the guest's choice, so that only so many are kept.
    fn count(&mut self, path: &str) -> &mut FileCount {
        let is_full = self.counts.len() >= MOST_PATHS || self.path_bytes + path.len() > MOST_PATH_BYTES;
        let path = if is_full && !self.counts.contains_key(path) { OTHERS } else { path };
        if !self.counts.contains_key(path) {
            self.path_bytes += path.len();
        }
        self.counts.entry(path.to_owned()).or_default()
    }

    fn take_share(&mut self, bytes: u64) -> Result<(), ()> {
        let total = self.written_bytes.saturating_add(bytes);
        if total > self.limit_bytes {
            self.limit_reached = Some(ScratchLimit::Bytes(self.limit_bytes));
            return Err(());
        }
        self.written_bytes = total;
        Ok(())
    }
}

impl FileLedger {
    pub(super) fn new(limit_bytes: u64) -> FileLedger {
        FileLedger(Arc::new(Mutex::new(Entries { limit_bytes, ..Entries::default() })))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Counts are whole after any panic: each is changed in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> FileCounts {
        let mut entries = self.entries();
        entries.path_bytes = 0;
        std::mem::take(&mut entries.counts)
    }

    /// The limit, when something was refused because of it since this was asked last.
    pub(super) fn take_limit_reached(&self) -> Option<ScratchLimit> {
        self.entries().limit_reached.take()
    }

    /// Counts a folder that is to be made and takes its share, or refuses it.
    pub(super) fn take_folder(&self) -> Result<(), ()> {
        let mut entries = self.entries();
        if entries.folders >= MOST_FOLDERS {
            entries.limit_reached = Some(ScratchLimit::Folders(MOST_FOLDERS));
            return Err(());
        }
        entries.take_share(ENTRY_BYTES)?;
        entries.folders += 1;
        Ok(())
    }

    /// A folder was not made after all, or is removed.
    pub(super) fn folder_is_gone(&self) {
        let mut entries = self.entries();
        entries.folders = entries.folders.saturating_sub(1);
    }

    pub(super) fn opened(&self, descriptor: u32, path: &str) {
        let mut entries = self.entries();
        entries.count(path).opens += 1;
        entries.paths.insert(descriptor, path.to_owned());
    }

    pub(super) fn path(&self, descriptor: u32) -> String {
        self.entries().paths.get(&descriptor).cloned().unwrap_or_default()
    }

    pub(super) fn read(&self, path: &str, bytes: usize) {
        let mut entries = self.entries();
        let count = entries.count(path);
        count.reads += 1;
        count.read_bytes += bytes as u64;
    }

    /// Whether much of the share is taken, so that it is worth a look at what is still there.
    pub(super) fn is_largely_taken(&self) -> bool {
        let entries = self.entries();
        entries.written_bytes > entries.limit_bytes / 4
    }

    /// Says how much is taken, after a look.
    pub(super) fn set_taken(&self, bytes: u64) {
        self.entries().written_bytes = bytes;
    }

    /// Whether a file of that size is more than the instance's whole share; then it counts as refused.
    pub(super) fn is_over(&self, bytes: u64) -> bool {
        let mut entries = self.entries();
        let over = bytes > entries.limit_bytes;
        if over {
            entries.limit_reached = Some(ScratchLimit::Bytes(entries.limit_bytes));
        }
        over
    }

    /// Takes `bytes` of the instance's share, or refuses when it has had it.
    pub(super) fn take_share(&self, bytes: u64) -> Result<(), ()> {
        self.entries().take_share(bytes)
    }

    /// Counts a write, or refuses it when the instance has had its share.
    pub(super) fn write(&self, path: &str, bytes: usize) -> Result<(), ()> {
        let mut entries = self.entries();
        entries.take_share(bytes as u64)?;
        let count = entries.count(path);
        count.writes += 1;
        count.written_bytes += bytes as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_over_the_limit_is_refused_and_remembered() {
        let files = FileLedger::new(10);
        assert_eq!(files.write("a", 10), Ok(()));
        assert_eq!(files.take_limit_reached(), None);
        assert_eq!(files.write("a", 1), Err(()));
        assert_eq!(files.take_limit_reached(), Some(ScratchLimit::Bytes(10)));
        assert_eq!(files.take_limit_reached(), None);
        assert_eq!(files.take()["a"].written_bytes, 10);
    }

    #[test]
    fn folders_are_limited_by_number_too() {
        let files = FileLedger::new(u64::MAX);
        for _ in 0..MOST_FOLDERS {
            assert_eq!(files.take_folder(), Ok(()));
        }
        assert_eq!(files.take_folder(), Err(()));
        assert_eq!(files.take_limit_reached(), Some(ScratchLimit::Folders(MOST_FOLDERS)));
        files.folder_is_gone();
        assert_eq!(files.take_folder(), Ok(()));
    }

    #[test]
    fn paths_without_end_are_counted_together() {
        let files = FileLedger::new(10);
        for number in 0..MOST_PATHS + 5 {
            files.opened(1, &number.to_string());
        }
        files.opened(1, "7");
        let counts = files.take();
        assert_eq!((counts.len(), counts[OTHERS].opens, counts["7"].opens), (MOST_PATHS + 1, 5, 2));
        files.opened(1, &"x".repeat(MOST_PATH_BYTES + 1));
        assert!(files.take().contains_key(OTHERS));
    }
}

//! Watching what nothing else limits: an instance that takes too much is killed within a few tens of milliseconds.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::exit::Cause;
use crate::limits::InstanceLimits;
use crate::monitor::WeakMonitor;
use crate::process_table;

/// How often it is looked at.
const PERIOD: Duration = Duration::from_millis(25);
/// The unit of `st_blocks`, bytes.
const BLOCK_BYTES: u64 = 512;

/// What is watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) pid: u32,
    pub(crate) memory: bool,
    pub(crate) threads: bool,
    /// The scratch folder on the disk.
    pub(crate) scratch: Option<PathBuf>,
}

impl Watched {
    /// Whether there is anything to watch.
    pub(crate) fn is_needed(&self) -> bool {
        self.memory || self.threads || self.scratch.is_some()
    }

    /// The limit that is exceeded now.
    fn exceeded(&self, limits: &InstanceLimits) -> Option<Cause> {
        if self.memory && process_table::memory_bytes(self.pid).is_some_and(|bytes| bytes > limits.memory_bytes) {
            return Some(Cause::Memory);
        }
        if self.threads && process_table::threads(self.pid).is_some_and(|threads| threads > limits.threads()) {
            return Some(Cause::Threads);
        }
        // Files that are removed while it goes through them don't count.
        let scratch = self.scratch.as_ref()?;
        let used = folder_bytes(scratch).unwrap_or(0).saturating_add(deleted_bytes(self.pid, scratch));
        (used > limits.scratch_bytes).then_some(Cause::Scratch)
    }
}

/// Watches until the instance is gone, and kills it when it takes too much.
pub(crate) async fn watch(watched: Watched, limits: InstanceLimits, monitor: WeakMonitor) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if monitor.is_gone() {
            return;
        }
        let look = watched.clone();
        // Going through a folder takes its time.
        let Ok(exceeded) = tokio::task::spawn_blocking(move || look.exceeded(&limits)).await else { return };
        if let Some(cause) = exceeded {
            monitor.kill(cause);
            return;
        }
    }
}

/// Bytes of all files in a folder, as they take place on the disk.
fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut total = 0_u64;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of a link itself, not of what it leads to.
        let Ok(metadata) = entry.metadata() else { continue };
        total = total.saturating_add(metadata.blocks().saturating_mul(BLOCK_BYTES));
        if metadata.is_dir() {
            total = total.saturating_add(folder_bytes(&entry.path()).unwrap_or(0));
        }
    }
    Ok(total)
}

/// Bytes of files of the folder that were deleted and are open still.
fn deleted_bytes(pid: u32, folder: &Path) -> u64 {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let sizes = open.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let is_deleted = target.starts_with(folder) && target.to_string_lossy().ends_with(" (deleted)");
        is_deleted.then(|| fs::metadata(entry.path()).map_or(0, |file| file.blocks().saturating_mul(BLOCK_BYTES)))
    });
    sizes.fold(0, u64::saturating_add)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn all_that_takes_place_in_a_folder_counts() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inside")).unwrap();
        fs::write(folder.path().join("inside/file"), vec![1; 100_000]).unwrap();
        let file = fs::File::create(folder.path().join("deleted")).unwrap();
        io::Write::write_all(&mut &file, &vec![1; 200_000]).unwrap();
        fs::remove_file(folder.path().join("deleted")).unwrap();
        file.sync_all().unwrap();
        let (seen, deleted) = (folder_bytes(folder.path()).unwrap(), deleted_bytes(std::process::id(), folder.path()));
        assert!((100_000..200_000).contains(&seen), "{seen}");
        assert!((200_000..300_000).contains(&deleted), "{deleted}");
    }
}

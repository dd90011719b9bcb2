//! The control group of one instance.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::hierarchies::Hierarchies;
use crate::process_table::kill_if;

/// How long processes that were killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// The period of a share of processors, us: the usual one.
const PERIOD_US: u64 = 100_000;

/// What a group limits; what is `None` is not limited by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GroupLimits {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) cpus: Option<f64>,
    /// Processes and threads.
    pub(crate) processes: Option<u64>,
}

/// The control group of one instance: a folder in each hierarchy.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folders: Vec<PathBuf>,
    memory: Option<PathBuf>,
    is_second_version: bool,
    /// Relative to the hierarchies' roots.
    relative: String,
}

impl Cgroup {
    /// Makes the group `name` in the deployment's groups and sets its limits.
    pub(crate) fn make(
        hierarchies: &Hierarchies,
        deployment: &str,
        name: &str,
        limits: &GroupLimits,
    ) -> io::Result<Cgroup> {
        let place = |parent: &Path| parent.join(deployment).join(name);
        let mut group = Cgroup { folders: Vec::new(), memory: None, is_second_version: false, relative: String::new() };
        let made = match hierarchies {
            Hierarchies::One { memory, cpu, processes } => {
                group.relative = format!("/{deployment}/{name}");
                group.memory = memory.as_deref().map(place);
                group.make_first(cpu.as_deref().map(place), processes.as_deref().map(place), limits)
            }
            Hierarchies::Two { parent, root, .. } => {
                let folder = place(parent);
                group.relative = format!("/{}", folder.strip_prefix(root).unwrap_or(&folder).display());
                group.is_second_version = true;
                group.memory = Some(folder.clone());
                group.make_second(folder, limits)
            }
        };
        if let Err(error) = made {
            // What was made of it; the deployment's removal would find it too.
            let _ = group.remove();
            return Err(error);
        }
        Ok(group)
    }

    fn make_first(&mut self, cpu: Option<PathBuf>, processes: Option<PathBuf>, limits: &GroupLimits) -> io::Result<()> {
        if let Some(folder) = self.memory.clone() {
            self.make_folder(&folder)?;
            if let Some(bytes) = limits.memory_bytes {
                set(&folder, "memory.limit_in_bytes", bytes)?;
                // Memory and swap together; not there where the kernel does not count swap.
                match set(&folder, "memory.memsw.limit_in_bytes", bytes) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        // Without a limit a group of its own would only change how it is scheduled.
        if let (Some(folder), Some(cpus)) = (cpu, limits.cpus) {
            self.make_folder(&folder)?;
            set(&folder, "cpu.cfs_quota_us", quota_us(cpus))?;
        }
        if let Some(folder) = processes {
            self.make_folder(&folder)?;
            if let Some(most) = limits.processes {
                set(&folder, "pids.max", most)?;
            }
        }
        Ok(())
    }

    fn make_second(&mut self, folder: PathBuf, limits: &GroupLimits) -> io::Result<()> {
        self.make_folder(&folder)?;
        if let Some(bytes) = limits.memory_bytes {
            set(&folder, "memory.max", bytes)?;
            // Not there where the kernel has no swap.
            for (file, value) in [("memory.swap.max", 0), ("memory.oom.group", 1)] {
                match set(&folder, file, value) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        if let Some(cpus) = limits.cpus {
            fs::write(folder.join("cpu.max"), format!("{} {PERIOD_US}", quota_us(cpus)))?;
        }
        limits.processes.map_or(Ok(()), |most| set(&folder, "pids.max", most))
    }

    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        // Controllers may share a hierarchy.
        if !self.folders.iter().any(|made| made == folder) {
            fs::create_dir(folder)?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    pub(crate) fn relative(&self) -> &str {
        &self.relative
    }

    /// How many of its processes the kernel killed for want of memory.
    pub(crate) fn memory_kills(&self) -> Option<u64> {
        let file = if self.is_second_version { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.memory.as_ref()?.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    /// Most memory that its processes ever held together, with the files in memory that they wrote or read first, bytes.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        let file = if self.is_second_version { "memory.peak" } else { "memory.max_usage_in_bytes" };
        fs::read_to_string(self.memory.as_ref()?.join(file)).ok()?.trim().parse().ok()
    }

    /// Removes it. Its process has ended; others can only be in it where nothing keeps it from starting any.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| match fs::remove_dir(folder) {
            Ok(()) => Ok(()),
            Err(_) => kill_and_remove(folder),
        })
    }
}

fn quota_us(cpus: f64) -> u64 {
    // The kernel takes no less than 1 ms. The number was checked to be finite and positive.
    ((cpus * PERIOD_US as f64) as u64).max(1_000)
}

fn set(folder: &Path, file: &str, value: u64) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Kills whatever is in a group and in the groups inside it, and removes them all. A group that is not there is removed.
pub(crate) fn kill_and_remove(folder: &Path) -> io::Result<()> {
    let inside = match fs::read_dir(folder) {
        Err(error) if is_gone(&error) => return Ok(()),
        inside => inside?,
    };
    // Whoever runs an instance may remove its group in the same moment.
    for entry in inside.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            kill_and_remove(&entry.path())?;
        }
    }
    kill(folder)?;
    remove_folder(folder)
}

fn kill(folder: &Path) -> io::Result<()> {
    if fs::write(folder.join("cgroup.kill"), "1").is_ok() {
        return Ok(());
    }
    for pid in processes(folder)? {
        // It is killed as what it is: if another process has its number meanwhile, that one is not in this group.
        kill_if(pid, |pid| processes(folder).is_ok_and(|now| now.contains(&pid)));
    }
    Ok(())
}

fn processes(folder: &Path) -> io::Result<Vec<i32>> {
    let text = match fs::read_to_string(folder.join("cgroup.procs")) {
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        text => text?,
    };
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

/// Whether a group has gone; the kernel says so in another way when it went while its file was open.
fn is_gone(error: &io::Error) -> bool {
    const NO_DEVICE: i32 = 19;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_DEVICE)
}

/// Removes an empty group. A process that was killed stays in it for a moment.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    let begin = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        match fs::remove_dir(folder) {
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && begin.elapsed() < PATIENCE => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            removed => return removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_processors_is_a_part_of_the_period() {
        assert_eq!((quota_us(0.5), quota_us(2.0), quota_us(0.0001)), (50_000, 200_000, 1_000));
    }

    #[test]
    fn a_group_that_is_not_there_is_removed() {
        assert!(kill_and_remove(Path::new("/sys/fs/cgroup/faasbench-none-1")).is_ok());
        assert!(remove_folder(Path::new("/sys/fs/cgroup/faasbench-none-1")).is_ok());
    }
}

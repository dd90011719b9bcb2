//! A container's first process, as this machine sees it.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Where control groups are mounted.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// A container's first process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    /// Its control group, relative to the hierarchies' roots; that of memory where each kind has its own.
    pub(crate) control_group: Option<String>,
    /// The file with the most memory that the group ever had.
    peak: Option<PathBuf>,
    /// The file that says how often the kernel ended a process of it for want of memory.
    out_of_memory: Option<PathBuf>,
    handle: Option<OwnedFd>,
}

impl Process {
    /// The process of this id, when it is that of the container: the id may be another's by now.
    pub(crate) fn find(id: u32, container: &str) -> Option<Process> {
        let pid = Pid::from_raw(i32::try_from(id).ok()?)?;
        // First the handle, then the check: what the handle holds is then what was checked.
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok();
        let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
        if !groups.contains(container) {
            return None;
        }
        let (control_group, hierarchy, [peak, out_of_memory]) = match control_group(&groups) {
            Some((path, true)) => (Some(path), "memory", ["memory.max_usage_in_bytes", "memory.oom_control"]),
            Some((path, false)) => (Some(path), "", ["memory.peak", "memory.events"]),
            None => (None, "", [""; 2]),
        };
        let file = |name| control_group.and_then(|path| group_file(path, hierarchy, name));
        Some(Process {
            id,
            peak: file(peak),
            out_of_memory: file(out_of_memory),
            control_group: control_group.map(str::to_owned),
            handle,
        })
    }

    /// Ends it at once, and with it all others of its container. `false` where only the engine may.
    pub(crate) fn kill(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| pidfd_send_signal(handle, Signal::KILL).is_ok())
    }

    /// Whether the kernel ended a process of the container for want of memory. It is known for some milliseconds after the
    /// container's end.
    pub(crate) fn was_out_of_memory(&self) -> bool {
        let text = self.out_of_memory.as_ref().and_then(|path| fs::read_to_string(path).ok());
        text.is_some_and(|text| ended_by_kernel(&text) > 0)
    }

    /// The most memory that the container ever had, bytes; `None` where the kernel does not tell.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        fs::read_to_string(self.peak.as_ref()?).ok()?.trim().parse().ok()
    }
}

/// How often the kernel ended a process of the group, from either version's file.
fn ended_by_kernel(text: &str) -> u64 {
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The memory's control group, and whether it is one of version 1.
fn control_group(groups: &str) -> Option<(&str, bool)> {
    let mut lines = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let version_1 = lines.clone().find(|(kinds, _)| kinds.split(',').any(|kind| kind == "memory"));
    version_1
        .map(|(_, path)| (path, true))
        .or_else(|| lines.find(|(kinds, _)| kinds.is_empty()).map(|(_, path)| (path, false)))
}

fn group_file(group: &str, hierarchy: &str, name: &str) -> Option<PathBuf> {
    // The group of a process of another name space climbs out of ours.
    if group.split('/').any(|part| part == "..") {
        return None;
    }
    let path = Path::new(CONTROL_GROUPS).join(hierarchy).join(group.trim_start_matches('/')).join(name);
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_group_is_found_in_both_versions() {
        let version_1 = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/x\n0::/y\n";
        assert_eq!(control_group(version_1), Some(("/docker/abc", true)));
        assert_eq!(
            control_group("0::/system.slice/docker-abc.scope\n"),
            Some(("/system.slice/docker-abc.scope", false))
        );
        assert_eq!(control_group(""), None);
        assert_eq!(group_file("/../../x", "", "memory.peak"), None);
    }

    #[test]
    fn what_the_kernel_ended_is_counted_in_both_versions() {
        assert_eq!(ended_by_kernel("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
        assert_eq!(ended_by_kernel("low 0\noom 1\noom_kill 1\noom_group_kill 0\n"), 1);
        assert_eq!(ended_by_kernel(""), 0);
    }

    #[test]
    fn a_process_of_no_such_container_is_not_it() {
        assert!(Process::find(std::process::id(), "no-such-container").is_none());
    }
}

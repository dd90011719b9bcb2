//! Processes of this machine, told apart also when the kernel gives an identifier away again.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process: its identifier, and when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: u32,
    /// In the kernel's ticks since the machine's start.
    pub(crate) start_ticks: u64,
}

impl ProcessIdentity {
    /// This process.
    pub(crate) fn own() -> Option<ProcessIdentity> {
        ProcessIdentity::of(std::process::id())
    }

    /// The process that has this identifier now; `None` when there is none, or only what is left of one.
    pub(crate) fn of(pid: u32) -> Option<ProcessIdentity> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        start_ticks(&text).map(|start_ticks| ProcessIdentity { pid, start_ticks })
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(self) -> bool {
        ProcessIdentity::of(self.pid) == Some(self)
    }
}

/// The start in the text of `/proc/PID/stat`. Its second field is the program's name in brackets, which may hold anything.
fn start_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    // The state is the third field, the start the 22nd.
    fields.nth(18)?.parse().ok()
}

/// Kills all processes that were started with this variable, and returns how many those were. Each is held while it is
/// looked at, so that no other can be hit.
pub(crate) fn kill_all_with(variable: &str, value: &str) -> usize {
    let wanted = format!("{variable}={value}");
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| has_variable(*pid, &wanted) && kill_if(*pid, |pid| has_variable(pid, &wanted))).count()
}

fn has_variable(pid: i32, wanted: &str) -> bool {
    let path = format!("/proc/{pid}/environ");
    let environment = fs::read(Path::new(&path)).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Kills a process if `is_it` still says so once the identifier can't be another's.
pub(crate) fn kill_if(pid: i32, is_it: impl Fn(i32) -> bool) -> bool {
    let Some(id) = Pid::from_raw(pid) else { return false };
    let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else { return false };
    is_it(pid) && pidfd_send_signal(process, Signal::KILL).is_ok()
}

/// Most memory that a process ever held, bytes.
pub(crate) fn peak_memory_bytes(pid: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmHWM:")
}

/// Memory that a process holds, bytes.
pub(crate) fn memory_bytes(pid: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:")
}

/// How many threads a process has.
pub(crate) fn threads(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_of_another_start_is_not() {
        let own = ProcessIdentity::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessIdentity { start_ticks: own.start_ticks + 1, ..own }.is_alive());
        assert!(peak_memory_bytes(own.pid) >= memory_bytes(own.pid).map(|bytes| bytes / 2));
    }

    #[test]
    fn a_program_may_have_any_name() {
        let rest = (4..22).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(start_ticks(&format!("7 (a) Z (b) S {rest} 777 1 2")), Some(777));
        assert_eq!(start_ticks(&format!("7 (a) Z {rest} 777 1 2")), None);
        assert_eq!(start_ticks("7 (a"), None);
    }

    #[test]
    fn only_processes_with_the_variable_are_killed() {
        let value = uuid::Uuid::new_v4().to_string();
        let start =
            |value: &str| std::process::Command::new("sleep").arg("60").env("FAASBENCH_TEST", value).spawn().unwrap();
        let (mut ours, mut other) = (start(&value), start("other"));
        assert_eq!(kill_all_with("FAASBENCH_TEST", &value), 1);
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

//! Processes, told apart from later ones of the same number, and ended without a race.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The variable that marks a process from its first moment. Components don't see it: they are given theirs by name.
pub(super) const MARK: &str = "FAASBENCH_COMPONENT_HOST";
/// How long a process may take to be gone after a signal that it can't refuse.
const KILLED: Duration = Duration::from_secs(10);

/// A process that no later one can be taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessIdentity {
    pub(super) process_id: u32,
    /// When it started, clock ticks since boot.
    pub(super) start_ticks: u64,
    /// The boot of the machine.
    pub(super) boot_id: String,
}

impl ProcessIdentity {
    /// That of a process that is there.
    pub(super) fn of(process_id: u32) -> io::Result<ProcessIdentity> {
        let start_ticks = start_ticks(process_id).ok_or(io::ErrorKind::NotFound)?;
        Ok(ProcessIdentity { process_id, start_ticks, boot_id: boot_id()? })
    }

    pub(super) fn is_there(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id) && start_ticks(self.process_id) == Some(self.start_ticks)
    }

    /// A handle of the process, which stays that process's; `None` when it is gone.
    fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = i32::try_from(self.process_id).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at after the handle was opened: from now on the number can't change its meaning.
        Ok(self.is_there().then_some(handle))
    }
}

/// Ends processes, all of them at once, as one may wait for another: asks to finish what they serve, after `patience` asks
/// to end, and then does not ask any more. A success when they are gone, also when they were before. It blocks the thread.
pub(super) fn end_all(processes: &[ProcessIdentity], patience: Duration) -> io::Result<()> {
    let mut left = Vec::new();
    for process in processes {
        left.extend(process.open()?);
    }
    for (asked, patience) in [(Signal::INT, patience), (Signal::TERM, patience), (Signal::KILL, KILLED)] {
        for handle in &left {
            match pidfd_send_signal(handle, asked) {
                // Gone meanwhile.
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let deadline = Instant::now() + patience;
        let mut still = Vec::new();
        for handle in left {
            if !has_ended(&handle, deadline)? {
                still.push(handle);
            }
        }
        left = still;
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} are still there after SIGKILL", left.len())))
}

/// The processes of which the value of the mark is one that `is_ours` takes, with that value.
pub(super) fn marked(is_ours: impl Fn(&str) -> bool) -> io::Result<Vec<(ProcessIdentity, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process_id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Other users' processes can't be read, and are not ours.
        let Ok(environment) = fs::read(format!("/proc/{process_id}/environ")) else { continue };
        let value = environment.split(|&byte| byte == 0).find_map(|variable| {
            let variable = std::str::from_utf8(variable).ok()?;
            variable.strip_prefix(MARK)?.strip_prefix('=').map(str::to_owned)
        });
        if let Some(value) = value.filter(|value| is_ours(value))
            && let Ok(identity) = ProcessIdentity::of(process_id)
        {
            found.push((identity, value));
        }
    }
    Ok(found)
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Field 22 of `/proc/PID/stat`; none when there is no such process, or only what is left of it until its parent looks.
fn start_ticks(process_id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field, the name in brackets, may hold spaces and brackets of its own.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the process ends before `deadline`.
fn has_ended(handle: &OwnedFd, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_found_by_its_mark_and_ended_and_a_namesake_is_not() {
        let name = format!("test/{}", std::process::id());
        let begin = Instant::now();
        let mut child = Command::new("sleep").arg("600").env(MARK, &name).stdin(Stdio::null()).spawn().unwrap();
        // A process has its environment an instant after it is there.
        let found = loop {
            let found = marked(|value| value == name).unwrap();
            if !found.is_empty() || begin.elapsed() > Duration::from_secs(10) {
                break found;
            }
        };
        let identity = ProcessIdentity::of(child.id()).unwrap();
        assert_eq!(found, [(identity.clone(), name.clone())]);
        let namesake = ProcessIdentity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        end_all(&[namesake], Duration::from_secs(5)).unwrap();
        assert!(identity.is_there());
        end_all(std::slice::from_ref(&identity), Duration::from_secs(5)).unwrap();
        assert!(!identity.is_there());
        child.wait().unwrap();
        end_all(std::slice::from_ref(&identity), Duration::from_secs(5)).unwrap();
        assert_eq!(marked(|value| value == name).unwrap(), []);
    }

    #[test]
    fn what_does_not_end_when_asked_is_ended_all_the_same() {
        let script = "trap '' INT TERM; echo; while :; do sleep 0.01; done";
        let mut child =
            Command::new("sh").args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        // It has said something, so it ignores signals by now.
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        end_all(&[ProcessIdentity::of(child.id()).unwrap()], Duration::from_millis(50)).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}

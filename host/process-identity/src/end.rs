//! Ending processes.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use crate::ProcessIdentity;

/// How long a process may take to be gone after a signal that it can't refuse.
const KILLED: Duration = Duration::from_secs(10);

/// Ends processes, all of them at once, as one may wait for another: sends each of the signals in turn and waits `patience` after
/// each, and then does not ask any more. A success when they are gone, also when they were before. It blocks the thread.
///
/// # Errors
/// When one is still there, or may not be ended.
pub fn end_all(processes: &[ProcessIdentity], signals: &[Signal], patience: Duration) -> io::Result<()> {
    let mut left = Vec::new();
    for process in processes {
        left.extend(process.open()?);
    }
    let asking = signals.iter().map(|signal| (*signal, patience));
    for (signal, patience) in asking.chain([(Signal::KILL, KILLED)]) {
        for handle in &left {
            match pidfd_send_signal(handle, signal) {
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

/// Whether the process ends before `deadline`.
pub(crate) fn has_ended(handle: &OwnedFd, deadline: Instant) -> io::Result<bool> {
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
    fn what_does_not_end_when_asked_is_ended_all_the_same() {
        let script = "trap '' INT TERM; echo; while :; do sleep 0.01; done";
        let mut child =
            Command::new("sh").args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        // It has said something, so it ignores signals by now.
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let process = ProcessIdentity::of(child.id()).unwrap();
        end_all(&[process], &[Signal::INT, Signal::TERM], Duration::from_millis(50)).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}

//! Which process.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::end::{end_all, has_ended};

/// A process that no later one can be taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its number.
    pub process_id: u32,
    /// When it started, clock ticks since boot.
    pub start_ticks: u64,
    /// The boot of the machine.
    pub boot_id: String,
}

impl ProcessIdentity {
    /// That of a process that is there.
    ///
    /// # Errors
    /// When there is none of that number.
    pub fn of(process_id: u32) -> io::Result<ProcessIdentity> {
        let start_ticks = start_ticks(process_id).ok_or(io::ErrorKind::NotFound)?;
        Ok(ProcessIdentity { process_id, start_ticks, boot_id: boot_id()? })
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id) && start_ticks(self.process_id) == Some(self.start_ticks)
    }

    /// Ends it: asks, and after `patience` does not ask any more. A success when it is gone, also when it was before. It
    /// blocks the thread.
    ///
    /// # Errors
    /// When it is still there, or may not be ended.
    pub fn end(&self, patience: Duration) -> io::Result<()> {
        end_all(std::slice::from_ref(self), &[Signal::TERM], patience)
    }

    /// Waits until it has ended by itself; whether it did within `patience`. It blocks the thread.
    ///
    /// # Errors
    /// When it can't be watched.
    pub fn wait(&self, patience: Duration) -> io::Result<bool> {
        match self.open()? {
            None => Ok(true),
            Some(handle) => has_ended(&handle, Instant::now() + patience),
        }
    }

    /// A handle of the process, which stays that process's; `None` when it is gone.
    pub(crate) fn open(&self) -> io::Result<Option<OwnedFd>> {
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

//! Counters of another process, read from outside.

use std::io;

use super::error::CounterError;
use super::group::{CounterGroup, Kernel};
use super::plan::Pass;
use super::reading::{GroupCounts, PassValues};

/// Counters of one pass on all threads that a process has, and on those that these start later.
#[derive(Debug)]
pub struct ProcessCounters {
    groups: Vec<CounterGroup>,
}

impl ProcessCounters {
    /// Opens and starts the counters of `pass` on every thread of the process `pid`. Threads that are begun between the
    /// listing and the opening by a thread that is not yet counted are missed: open before there is work to do.
    ///
    /// # Errors
    /// There is no such process, or the kernel refuses a counter.
    pub fn open(pid: u32, pass: &Pass, kernel: Kernel) -> Result<Self, CounterError> {
        let failed = |source| CounterError::Use { action: "attached", source };
        let mut groups = Vec::new();
        for thread in threads(pid).map_err(failed)? {
            match CounterGroup::open_for_thread(pass, kernel, thread) {
                Ok(mut group) => {
                    group.start()?;
                    groups.push(group);
                }
                // A thread that has ended meanwhile has nothing more to count.
                Err(error) if error.errno() == Some(libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        if groups.is_empty() {
            return Err(failed(io::Error::from_raw_os_error(libc::ESRCH)));
        }
        Ok(Self { groups })
    }

    /// The pass that this counts.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        // There is at least one group.
        self.groups[0].pass()
    }

    /// The counts of all threads together.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn read(&mut self) -> Result<GroupCounts, CounterError> {
        let mut total =
            GroupCounts { time_enabled_ns: 0, time_running_ns: 0, counts: vec![0; self.pass().primitives.len()] };
        for group in &mut self.groups {
            let counts = group.read()?;
            total.time_enabled_ns += counts.time_enabled_ns;
            total.time_running_ns += counts.time_running_ns;
            for (sum, count) in total.counts.iter_mut().zip(counts.counts) {
                *sum += count;
            }
        }
        Ok(total)
    }

    /// The values of the pass's events from `counts`, normally a difference of two readings.
    #[must_use]
    pub fn values(&self, counts: &GroupCounts) -> PassValues {
        self.groups[0].values(counts)
    }
}

fn threads(pid: u32) -> io::Result<Vec<u32>> {
    let mut threads = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        threads.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(threads)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::super::names::resolve;
    use super::*;

    #[test]
    fn another_processes_work_is_counted() {
        let event = resolve("task-clock", None).unwrap();
        let primitives = event.terms.iter().map(|term| term.primitive).collect();
        let pass = Pass { index: 0, primitives, events: vec![event] };
        // Waits for a line, works, answers.
        let script = "read line; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read line";
        let mut child =
            Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let counters = ProcessCounters::open(child.id(), &pass, Kernel::Excluded);
        let mut counters = match counters {
            Ok(counters) => counters,
            Err(error) => {
                eprintln!("skipped: {error}");
                child.kill().unwrap();
                child.wait().unwrap();
                return;
            }
        };
        let before = counters.read().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        let counts = counters.read().unwrap().since(&before);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(counters.values(&counts).value("task-clock").unwrap() > 1_000_000, "{counts:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let event = resolve("task-clock", None).unwrap();
        let primitives = event.terms.iter().map(|term| term.primitive).collect();
        let pass = Pass { index: 0, primitives, events: vec![event] };
        assert!(ProcessCounters::open(1 << 23, &pass, Kernel::Excluded).is_err());
    }
}

//! Clocks, and the bracket that the `time` experiment puts around a handler.
//!
//! Durations come from `CLOCK_MONOTONIC`, which every process of a machine shares: two processes may compare their
//! stamps. The wall clock only places a run in time.

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nanoseconds of `CLOCK_MONOTONIC`: comparable between the processes of one machine, not between machines or boots.
#[inline]
#[must_use]
pub fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds since 1970-01-01 00:00 UTC, as the machine's wall clock has it. It may jump; never subtract two of these.
#[must_use]
pub fn unix_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

/// CPU time that the calling thread has used, user and system together, in ns.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

/// CPU time that all threads of this process have used, user and system together, in ns.
#[must_use]
pub fn process_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time that all threads of the process `pid` have used since it began, user and system together, in ns. Any user may
/// ask for any process.
///
/// # Errors
/// There is no such process.
pub fn process_cpu_ns_of(pid: u32) -> io::Result<u64> {
    // The number becomes part of the clock's; above the greatest that Linux gives (2^22) it would be another one's.
    let pid = libc::pid_t::try_from(pid)
        .ok()
        .filter(|pid| *pid <= 1 << 22)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is writable; the call touches nothing else.
    let error = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is a writable `timespec`; the kernel fills it in or the call fails.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled in just above, and all zeroes before.
    let time = unsafe { time.assume_init() };
    Ok(nanoseconds(Timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec }))
}

/// What the kernel states as the resolution of `CLOCK_MONOTONIC`, in ns.
#[must_use]
pub fn stated_resolution_ns() -> u64 {
    nanoseconds(clock_getres(ClockId::Monotonic))
}

/// The smallest step between two different readings of `CLOCK_MONOTONIC` seen in `readings` tries, in ns: what the
/// clock and the call to it really resolve. `None` when the clock never moved.
#[must_use]
pub fn observed_resolution_ns(readings: u32) -> Option<u64> {
    let mut previous = monotonic_ns();
    let mut smallest = None;
    for _ in 0..readings {
        let now = monotonic_ns();
        let step = now.saturating_sub(previous);
        if step > 0 {
            smallest = Some(smallest.map_or(step, |least: u64| least.min(step)));
        }
        previous = now;
    }
    smallest
}

fn nanoseconds(time: Timespec) -> u64 {
    // The clocks read here count from boot, from 1970 or from the thread's start: never negative, and below 2^63 ns
    // until the year 2262.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// Whose resources are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The calling thread alone.
    Thread,
    /// Every thread of this process, those that ended included.
    Process,
}

/// What `getrusage` counts for a thread or a process since it began.
///
/// The kernel knows the sum of user and system time exactly; where it doesn't account at every switch between the two
/// (`CONFIG_VIRT_CPU_ACCOUNTING_GEN`), it divides the sum by where the timer ticks fell. Below some tens of
/// milliseconds trust the sum, not the division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Time in user mode, us.
    pub user_us: u64,
    /// Time in the kernel, us.
    pub system_us: u64,
    /// Page faults served without a device.
    pub minor_faults: u64,
    /// Page faults that waited for a device.
    pub major_faults: u64,
    /// Context switches because the thread waited for something.
    pub voluntary_switches: u64,
    /// Context switches because another thread was given the processor.
    pub involuntary_switches: u64,
}

impl Usage {
    /// The figures of `scope` so far.
    #[must_use]
    pub fn now(scope: Scope) -> Self {
        let who = match scope {
            Scope::Thread => libc::RUSAGE_THREAD,
            Scope::Process => libc::RUSAGE_SELF,
        };
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `usage` is a writable `rusage`; with these two values of `who` the call has no other way to fail, and
        // all zeroes, which it holds before, is a valid `rusage` too.
        let usage = unsafe {
            libc::getrusage(who, usage.as_mut_ptr());
            usage.assume_init()
        };
        let us = |time: libc::timeval| (time.tv_sec as u64) * 1_000_000 + time.tv_usec as u64;
        Self {
            user_us: us(usage.ru_utime),
            system_us: us(usage.ru_stime),
            minor_faults: usage.ru_minflt as u64,
            major_faults: usage.ru_majflt as u64,
            voluntary_switches: usage.ru_nvcsw as u64,
            involuntary_switches: usage.ru_nivcsw as u64,
        }
    }

    /// What was added since `earlier`, which must be of the same scope.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user_us: self.user_us.saturating_sub(earlier.user_us),
            system_us: self.system_us.saturating_sub(earlier.system_us),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
        }
    }
}

/// The times of one call, as [`Bracket::around`] took them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// `CLOCK_MONOTONIC` when the call began, ns.
    pub started_monotonic_ns: u64,
    /// Wall time of the call, ns, with the bracket's own share (see [`Bracket::own_wall_ns`]) still in it.
    pub wall_ns: u64,
    /// CPU time of the call, user and system together, ns, from the scheduler's own clock.
    pub cpu_ns: u64,
    /// User time, system time, page faults and context switches.
    pub usage: Usage,
}

/// Takes wall, user and system time around a call. The wall clock is read last before the call and first after it, so
/// that the dearer readings of CPU time fall outside the wall figure.
#[derive(Clone, Copy, Debug)]
pub struct Bracket {
    scope: Scope,
}

impl Bracket {
    /// A bracket whose CPU figures are those of `scope`.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope }
    }

    /// Calls `measured` and tells what it took.
    pub fn around<T>(&self, measured: impl FnOnce() -> T) -> (T, Times) {
        let usage = Usage::now(self.scope);
        let cpu = self.cpu_ns();
        let start = monotonic_ns();
        let value = measured();
        let end = monotonic_ns();
        let cpu = self.cpu_ns().saturating_sub(cpu);
        let usage = Usage::now(self.scope).since(&usage);
        let times = Times { started_monotonic_ns: start, wall_ns: end.saturating_sub(start), cpu_ns: cpu, usage };
        (value, times)
    }

    /// The part of [`Times::wall_ns`] that is the bracket itself: the median wall time of `rounds` empty brackets, ns.
    /// `None` for no rounds.
    #[must_use]
    pub fn own_wall_ns(&self, rounds: usize) -> Option<u64> {
        median((0..rounds).map(|_| self.around(|| black_box(())).1.wall_ns).collect())
    }

    /// The part of [`Times::cpu_ns`] that is the bracket itself: the median CPU time of `rounds` empty brackets, ns. Of the
    /// user and system time in [`Times::usage`] somewhat more is the bracket's (a few us): they are read outermost. `None`
    /// for no rounds.
    #[must_use]
    pub fn own_cpu_ns(&self, rounds: usize) -> Option<u64> {
        median((0..rounds).map(|_| self.around(|| black_box(())).1.cpu_ns).collect())
    }

    fn cpu_ns(&self) -> u64 {
        match self.scope {
            Scope::Thread => thread_cpu_ns(),
            Scope::Process => process_cpu_ns(),
        }
    }
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn work() -> u64 {
        (0..3_000_000u64).fold(0, |sum, value| black_box(sum ^ value))
    }

    #[test]
    fn clocks_go_forward_and_the_wall_clock_is_in_this_century() {
        let (first, second) = (monotonic_ns(), monotonic_ns());
        assert!(second >= first);
        assert!(unix_ns() > 1_600_000_000_000_000_000);
        assert!(stated_resolution_ns() >= 1);
        assert!(observed_resolution_ns(100_000).unwrap() >= 1);
    }

    #[test]
    fn a_bracket_sees_the_work_in_wall_and_in_cpu_time() {
        for scope in [Scope::Thread, Scope::Process] {
            let (_, times) = Bracket::new(scope).around(work);
            assert!(times.wall_ns > 1_000_000, "{times:?}");
            assert!(times.cpu_ns > 1_000_000, "{times:?}");
        }
    }

    #[test]
    fn another_processes_time_is_read_by_its_number() {
        let before = process_cpu_ns_of(std::process::id()).unwrap();
        work();
        assert!(process_cpu_ns_of(std::process::id()).unwrap() > before + 1_000_000);
        // Above the greatest number that Linux gives a process.
        assert!(process_cpu_ns_of(1 << 23).is_err());
    }

    #[test]
    fn a_thread_that_waits_uses_wall_time_and_no_cpu_time() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (_, times) =
            Bracket::new(Scope::Thread).around(|| receiver.recv_timeout(std::time::Duration::from_millis(30)));
        drop(sender);
        assert!(times.wall_ns >= 30_000_000);
        assert!(times.cpu_ns < times.wall_ns / 2);
        assert!(times.usage.voluntary_switches >= 1);
    }

    #[test]
    fn touching_new_memory_shows_as_minor_faults() {
        let before = Usage::now(Scope::Thread);
        // Above the size (32 MiB) up to which the allocator may give memory that was touched before.
        let mut memory = vec![0u8; 64 << 20];
        for byte in memory.iter_mut().step_by(4096) {
            *byte = 1;
        }
        black_box(&memory);
        assert!(Usage::now(Scope::Thread).since(&before).minor_faults >= 1);
    }

    #[test]
    fn the_empty_bracket_is_measured_and_small() {
        let own = Bracket::new(Scope::Process).own_wall_ns(1001).unwrap();
        // The goal is 200 ns on an optimised build; a debug build on a busy machine gets room.
        assert!(own < 5_000, "{own} ns");
        assert!(Bracket::new(Scope::Thread).own_cpu_ns(101).unwrap() < 1_000_000);
        assert_eq!(Bracket::new(Scope::Process).own_wall_ns(0), None);
    }
}

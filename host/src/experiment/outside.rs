//! Probes on an instance's process, read from outside of it.

use crate::probe::clock::process_cpu_ns_of;
use crate::probe::counters::{GroupCounts, Kernel, Pass, ProcessCounters};
use crate::probe::disk_io::{IoCounters, IoProbe, IoReading};
use crate::probe::memory::{ControlGroup, Faults, Holding, MemoryProbe};
use crate::worker::{CounterReadings, DiskIoReadings, MemoryReadings, PageCacheReport, ProbeRequest, Readings, Unread};

/// Why a cold invocation has no counts.
const COLD_UNCOUNTED: &str = "counters are attached to an instance's process, which this invocation started";
/// Why there is no division of processor time.
const UNDIVIDED: &str = "from outside only the sum of user and system time is exact";

/// An instance's process.
pub(super) struct Outside {
    pid: u32,
    group: Option<ControlGroup>,
    /// Of the pass that was counted last.
    counters: Option<ProcessCounters>,
}

/// What was read just before an invocation.
pub(super) struct Before {
    unread: Unread,
    cpu_ns: Option<u64>,
    holding: Option<Holding>,
    peak_was_reset: bool,
    faults: Option<Faults>,
    io: Option<IoReading>,
    counts: Option<GroupCounts>,
}

impl Outside {
    /// The process `pid`, in the control group at that path below the hierarchies' roots.
    pub(super) fn new(pid: u32, group: Option<&str>) -> Outside {
        Outside { pid, group: group.and_then(|group| ControlGroup::new(group).ok()), counters: None }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Reads what `probe` will be the difference to.
    pub(super) fn before(&mut self, probe: &ProbeRequest) -> Before {
        let mut before = Before {
            unread: Unread::default(),
            cpu_ns: None,
            holding: None,
            peak_was_reset: false,
            faults: None,
            io: None,
            counts: None,
        };
        match probe {
            ProbeRequest::Time => before.cpu_ns = before.unread.keep(process_cpu_ns_of(self.pid)),
            ProbeRequest::Memory => {
                if let Some(memory) = before.unread.keep(MemoryProbe::new(self.pid)) {
                    before.holding = before.unread.keep(memory.holding());
                    before.faults = before.unread.keep(memory.faults());
                    before.peak_was_reset = before.unread.keep(memory.reset_peak()).is_some();
                }
            }
            ProbeRequest::DiskIo { .. } => before.io = self.io(&mut before.unread),
            ProbeRequest::Counters { pass, kernel_included, .. } => {
                before.counts = self.counts(pass, *kernel_included, &mut before.unread);
            }
            ProbeRequest::Simulation => {}
        }
        before
    }

    /// What happened since `before`, in an invocation whose caller waited `wall_ns`.
    pub(super) fn after(
        &mut self,
        probe: &ProbeRequest,
        before: &Before,
        wall_ns: u64,
        page_cache: Option<PageCacheReport>,
    ) -> Readings {
        let mut unread = before.unread.clone();
        match probe {
            ProbeRequest::Time => {
                let now = unread.keep(process_cpu_ns_of(self.pid));
                let cpu_ns = now.zip(before.cpu_ns).map(|(now, before)| now.saturating_sub(before));
                time(wall_ns, cpu_ns, unread)
            }
            ProbeRequest::Memory => Readings::Memory(self.memory(
                before.holding.map(|holding| holding.rss_bytes),
                before.faults,
                before.peak_was_reset,
                unread,
            )),
            ProbeRequest::DiskIo { .. } => {
                let io = self.io(&mut unread).zip(before.io).map(|(now, before)| now.since(&before));
                disk_io(io, page_cache, unread)
            }
            ProbeRequest::Counters { pass, kernel_included, .. } => {
                let now = self.counts(pass, *kernel_included, &mut unread);
                let counts = now.zip(before.counts.as_ref()).map(|(now, before)| now.since(before));
                let values = counts.and_then(|counts| Some(self.counters.as_ref()?.values(&counts)));
                Readings::Counters(CounterReadings { values, series: None, unread: unread.reason })
            }
            ProbeRequest::Simulation => Readings::Simulation,
        }
    }

    /// All that the process did since it began: the readings of the invocation that started it.
    pub(super) fn since_its_start(
        &mut self,
        probe: &ProbeRequest,
        wall_ns: u64,
        page_cache: Option<PageCacheReport>,
    ) -> Readings {
        let mut unread = Unread::default();
        match probe {
            ProbeRequest::Time => {
                let cpu_ns = unread.keep(process_cpu_ns_of(self.pid));
                time(wall_ns, cpu_ns, unread)
            }
            ProbeRequest::Memory => {
                let none = Faults { minor: 0, major: 0 };
                Readings::Memory(self.memory(None, Some(none), true, unread))
            }
            ProbeRequest::DiskIo { .. } => {
                let io = self.io(&mut unread).map(|now| now.counters);
                disk_io(io, page_cache, unread)
            }
            ProbeRequest::Counters { .. } | ProbeRequest::Simulation => {
                Outside::nothing(probe, wall_ns, COLD_UNCOUNTED)
            }
        }
    }

    /// Nothing but the time, and why.
    pub(super) fn nothing(probe: &ProbeRequest, wall_ns: u64, reason: &str) -> Readings {
        let unread = Unread { reason: Some(reason.to_owned()) };
        match probe {
            ProbeRequest::Time => time(wall_ns, None, unread),
            ProbeRequest::Memory => {
                Readings::Memory(MemoryReadings { unread: unread.reason, ..MemoryReadings::default() })
            }
            ProbeRequest::DiskIo { .. } => disk_io(None, None, unread),
            ProbeRequest::Counters { .. } => {
                Readings::Counters(CounterReadings { values: None, series: None, unread: unread.reason })
            }
            ProbeRequest::Simulation => Readings::Simulation,
        }
    }

    fn memory(
        &self,
        rss_before_bytes: Option<u64>,
        faults_before: Option<Faults>,
        peak_is_its: bool,
        mut unread: Unread,
    ) -> MemoryReadings {
        let probe = unread.keep(MemoryProbe::new(self.pid));
        let faults = probe.as_ref().and_then(|probe| unread.keep(probe.faults()));
        // Without the reset the peak is that of the process's life: not this invocation's, so absent.
        let peak = probe.as_ref().filter(|_| peak_is_its).and_then(|probe| unread.keep(probe.peak_rss_bytes()));
        let after = probe.as_ref().and_then(|probe| unread.keep(probe.holding()));
        let since = |now: fn(&Faults) -> u64| {
            faults.as_ref().zip(faults_before.as_ref()).map(|(after, before)| now(after).saturating_sub(now(before)))
        };
        MemoryReadings {
            peak_rss_bytes: peak.map(|peak| peak.max(after.map_or(0, |after| after.rss_bytes))),
            rss_before_bytes,
            rss_after_bytes: after.map(|holding| holding.rss_bytes),
            pss_after_bytes: after.map(|holding| holding.pss_bytes),
            uss_after_bytes: after.map(|holding| holding.uss_bytes),
            linear_memory_peak_bytes: None,
            growth: Vec::new(),
            group_peak_bytes: self.group.as_ref().and_then(|group| unread.keep(group.peak_bytes())),
            minor_faults: since(|faults| faults.minor),
            major_faults: since(|faults| faults.major),
            unread: unread.reason,
        }
    }

    fn io(&self, unread: &mut Unread) -> Option<IoReading> {
        let probe = unread.keep(IoProbe::process(self.pid))?;
        unread.keep(probe.read())
    }

    /// The counts of `pass` now; its counters are opened where they are not yet.
    fn counts(&mut self, pass: &Pass, kernel_included: bool, unread: &mut Unread) -> Option<GroupCounts> {
        if self.counters.as_ref().is_none_or(|counters| counters.pass() != pass) {
            // Counters of another pass would share the processor's with these.
            self.counters = None;
            let kernel = if kernel_included { Kernel::Included } else { Kernel::Excluded };
            self.counters = unread.keep(ProcessCounters::open(self.pid, pass, kernel));
        }
        let counters = self.counters.as_mut()?;
        unread.keep(counters.read())
    }
}

fn time(wall_ns: u64, cpu_ns: Option<u64>, unread: Unread) -> Readings {
    Readings::Time {
        wall_ns,
        user_us: None,
        system_us: None,
        cpu_ns,
        unread: unread.reason.or_else(|| Some(UNDIVIDED.to_owned())),
    }
}

fn disk_io(io: Option<IoCounters>, page_cache: Option<PageCacheReport>, unread: Unread) -> Readings {
    Readings::DiskIo(DiskIoReadings { io, files: None, page_cache, unread: unread.reason })
}

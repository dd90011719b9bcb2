//! The bracket of each probe around an invocation.

use std::path::Path;

use super::counting::Counters;
use super::measured_call::faasbench_measured_call;
use super::message::{DiskIoReadings, MemoryReadings, PageCacheReport, ProbeRequest, Readings};
use super::slots::{Slot, invoke_all};
use super::unread::Unread;
use crate::probe::clock::{Bracket, Scope, Usage, monotonic_ns};
use crate::probe::counters::{Kernel, Pass, Trigger};
use crate::probe::disk_io::{IoProbe, drop_tree};
use crate::probe::memory::MemoryProbe;

type Outcomes = Vec<Result<String, lab::Error>>;

/// What came of one bracketed invocation.
pub(super) struct Around {
    pub(super) start_monotonic_ns: u64,
    pub(super) end_monotonic_ns: u64,
    pub(super) outcomes: Outcomes,
    pub(super) readings: Readings,
}

/// Invokes every instance once with the probe around it.
pub(super) fn around(
    probe: &ProbeRequest,
    event: &str,
    inputs: Option<&Path>,
    slots: &mut [Slot],
    counters: &mut Counters,
) -> Around {
    match probe {
        ProbeRequest::Time => time(event, slots),
        ProbeRequest::Memory => memory(event, slots),
        ProbeRequest::DiskIo { cold_cache } => disk_io(event, slots, inputs.filter(|_| *cold_cache)),
        ProbeRequest::Counters { pass, kernel_included, trigger } => {
            let kernel = if *kernel_included { Kernel::Included } else { Kernel::Excluded };
            counting(event, slots, counters, pass, kernel, *trigger)
        }
        ProbeRequest::Simulation => simulation(event, slots),
    }
}

fn time(event: &str, slots: &mut [Slot]) -> Around {
    // Nested calls run on threads of their own and are not this invocation's; several instances are several threads.
    let scope = if slots.len() == 1 { Scope::Thread } else { Scope::Process };
    let (outcomes, times) = Bracket::new(scope).around(|| invoke_all(event, slots));
    Around {
        start_monotonic_ns: times.started_monotonic_ns,
        end_monotonic_ns: times.started_monotonic_ns + times.wall_ns,
        outcomes,
        readings: Readings::Time {
            wall_ns: times.wall_ns,
            user_us: Some(times.usage.user_us),
            system_us: Some(times.usage.system_us),
            cpu_ns: Some(times.cpu_ns),
            unread: None,
        },
    }
}

fn memory(event: &str, slots: &mut [Slot]) -> Around {
    let mut unread = Unread::default();
    let probe = unread.keep(MemoryProbe::new(std::process::id()));
    for slot in slots.iter_mut() {
        // What instantiation did before the first invocation is not the invocation's.
        slot.instance.take_growth_events();
    }
    let before = probe.as_ref().and_then(|probe| unread.keep(probe.holding()));
    let reset = probe.as_ref().and_then(|probe| unread.keep(probe.reset_peak())).is_some();
    let usage = Usage::now(Scope::Process);
    let start_monotonic_ns = monotonic_ns();
    let outcomes = invoke_all(event, slots);
    let end_monotonic_ns = monotonic_ns();
    let usage = Usage::now(Scope::Process).since(&usage);
    // Without the reset the peak is that of the process's life: not this invocation's, so absent.
    let peak = probe.as_ref().filter(|_| reset).and_then(|probe| unread.keep(probe.peak_rss_bytes()));
    let after = probe.as_ref().and_then(|probe| unread.keep(probe.holding()));
    let readings = MemoryReadings {
        // The kernel sums RSS from counters that each processor keeps for itself; smaps_rollup is exact. The peak was at
        // least what is there now.
        peak_rss_bytes: peak.map(|peak| peak.max(after.map_or(0, |after| after.rss_bytes))),
        rss_before_bytes: before.map(|holding| holding.rss_bytes),
        rss_after_bytes: after.map(|holding| holding.rss_bytes),
        pss_after_bytes: after.map(|holding| holding.pss_bytes),
        uss_after_bytes: after.map(|holding| holding.uss_bytes),
        linear_memory_peak_bytes: slots.iter().filter_map(|slot| slot.instance.linear_memory_peak_bytes()).max(),
        growth: slots.iter_mut().flat_map(|slot| slot.instance.take_growth_events()).collect(),
        group_peak_bytes: None,
        minor_faults: Some(usage.minor_faults),
        major_faults: Some(usage.major_faults),
        unread: unread.reason,
    };
    Around { start_monotonic_ns, end_monotonic_ns, outcomes, readings: Readings::Memory(readings) }
}

fn disk_io(event: &str, slots: &mut [Slot], to_drop: Option<&Path>) -> Around {
    let mut unread = Unread::default();
    let page_cache = to_drop.map(|inputs| {
        let dropped = drop_tree(inputs);
        PageCacheReport::of(&dropped)
    });
    for slot in slots.iter_mut() {
        slot.instance.take_file_counts();
    }
    let probe = unread.keep(IoProbe::this_process());
    let before = probe.as_ref().and_then(|probe| unread.keep(probe.read()));
    let start_monotonic_ns = monotonic_ns();
    let outcomes = invoke_all(event, slots);
    let end_monotonic_ns = monotonic_ns();
    let after = probe.as_ref().and_then(|probe| unread.keep(probe.read()));
    let io = after.zip(before).map(|(after, before)| after.since(&before));
    let files = match slots {
        [slot] => slot.instance.take_file_counts(),
        // Paths of several instances would fall together.
        _ => None,
    };
    let readings = DiskIoReadings { io, files, page_cache, unread: unread.reason };
    Around { start_monotonic_ns, end_monotonic_ns, outcomes, readings: Readings::DiskIo(readings) }
}

fn counting(
    event: &str,
    slots: &mut [Slot],
    counters: &mut Counters,
    pass: &Pass,
    kernel: Kernel,
    trigger: Option<Trigger>,
) -> Around {
    let mut times = (0, 0);
    let mut outcomes = None;
    let mut call = || {
        times.0 = monotonic_ns();
        outcomes = Some(invoke_all(event, slots));
        times.1 = monotonic_ns();
    };
    let readings = match trigger {
        Some(trigger) => counters.series(pass, trigger, kernel, &mut call),
        None => counters.totals(pass, kernel, &mut call),
    };
    let (start_monotonic_ns, end_monotonic_ns) = times;
    // What can't be counted is invoked all the same: its result belongs to the run.
    let outcomes = outcomes.unwrap_or_default();
    Around { start_monotonic_ns, end_monotonic_ns, outcomes, readings: Readings::Counters(readings) }
}

fn simulation(event: &str, slots: &mut [Slot]) -> Around {
    let mut outcomes = Vec::new();
    let start_monotonic_ns = monotonic_ns();
    faasbench_measured_call(&mut || outcomes = invoke_all(event, slots));
    Around { start_monotonic_ns, end_monotonic_ns: monotonic_ns(), outcomes, readings: Readings::Simulation }
}

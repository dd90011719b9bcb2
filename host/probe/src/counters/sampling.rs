//! A series over one call: every N instructions (or, where no processor counter works, every N nanoseconds of CPU time)
//! the kernel writes down the time and all counts of the group.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use perf_event::data::Record;
use perf_event::{Clock, Counter, ReadFormat, SampleFlag, Sampler};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::{EventCode, Primitive, SOFTWARE, Source};
use super::error::CounterError;
use super::group::{GROUP_FORMAT, Kernel, builder};
use super::plan::Pass;
use super::reading::{GroupCounts, evaluate};

/// The ring between kernel and program: the most that a user may lock without rights (`kernel.perf_event_mlock_kb` is 516:
/// this and the page before it).
const RING_BYTES: usize = 512 * 1024;
/// How often the ring is emptied. At 120 bytes a sample it holds some 4,300.
const DRAIN_PERIOD: Duration = Duration::from_millis(20);
/// The `cpu-clock` event's number: it fires by CPU time, on every machine.
const CPU_CLOCK: Primitive = Primitive::of(EventCode::new(SOFTWARE, 0));
/// The kernel's timer fires no more often than that.
const LEAST_CLOCK_PERIOD_NS: u64 = 10_000;

/// What makes the kernel take a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Every so many instructions in user mode.
    Instructions(u64),
    /// Every so many ns of CPU time (at least 10,000): what stands in for instructions where there is no counter for them.
    CpuClockNs(u64),
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterSample {
    /// `CLOCK_MONOTONIC`, ns.
    pub monotonic_ns: u64,
    /// The value of each event of the series since its start, in its order; absent as in
    /// [`CounterValue`](super::CounterValue).
    pub values: Vec<Option<u64>>,
    /// Whether the values are estimates because the counters were shared.
    pub multiplexed: bool,
}

/// A finished series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterSeries {
    /// What made the samples.
    pub trigger: Trigger,
    /// Where the trigger comes from: `hardware` for instructions, `software` for CPU time.
    pub trigger_source: Source,
    /// The names of the events, one for each value of a sample.
    pub events: Vec<String>,
    /// `CLOCK_MONOTONIC` at the start, ns.
    pub started_monotonic_ns: u64,
    /// In order of time.
    pub samples: Vec<CounterSample>,
    /// Samples that the kernel couldn't write because the ring was full.
    pub lost: u64,
    /// Whether `lost` is exact. Before Linux 6.0 the kernel tells of a loss only with the next sample that finds room, so
    /// those at the very end aren't known, and `lost` is the least that there were.
    pub lost_is_exact: bool,
    /// Times that the kernel held samples back because they came too fast (`kernel.perf_event_max_sample_rate`).
    pub throttled: u64,
    /// Records that weren't understood.
    pub unreadable: u64,
}

/// Samples a pass on the thread that opens it. Threads started later aren't counted: the kernel doesn't sample whole
/// groups of inherited counters.
#[derive(Debug)]
pub struct CounterSampler {
    pass: Pass,
    trigger: Trigger,
    ring: Arc<Mutex<Ring>>,
    drain: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    baseline: GroupCounts,
    lost_before: Option<u64>,
    started_monotonic_ns: u64,
}

/// The kernel's side of a series, shared with the thread that empties the ring.
struct Ring {
    sampler: Sampler,
    members: Vec<Counter>,
    raw: Vec<(u64, GroupCounts)>,
    /// From the records that tell of losses.
    lost: u64,
    throttled: u64,
    unreadable: u64,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ring")
            .field("samples", &self.raw.len())
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl CounterSampler {
    /// Opens the counters of `pass`, with `trigger` before them, for the calling thread.
    ///
    /// # Errors
    /// The kernel refuses one of them, or the ring.
    pub fn open(pass: &Pass, trigger: Trigger, kernel: Kernel) -> Result<Self, CounterError> {
        let (first, period) = match trigger {
            Trigger::Instructions(period) => (Primitive::of(EventCode::INSTRUCTIONS), period.max(1)),
            Trigger::CpuClockNs(period) => (CPU_CLOCK, period.max(LEAST_CLOCK_PERIOD_NS)),
        };
        // The trigger leads; the pass's own `instructions` are the same counter.
        let mut primitives = vec![first];
        primitives.extend(pass.primitives.iter().filter(|primitive| primitive.code != first.code));
        // Kernels before 6.0 don't know the flag that makes a read tell the lost samples.
        let (leader, members) = open_all(&primitives, period, kernel, GROUP_FORMAT | ReadFormat::LOST)
            .or_else(|_| open_all(&primitives, period, kernel, GROUP_FORMAT))?;
        let sampler = leader.sampled(RING_BYTES).map_err(|source| CounterError::Use { action: "sampled", source })?;
        let baseline = GroupCounts { time_enabled_ns: 0, time_running_ns: 0, counts: vec![0; primitives.len()] };
        let ring = Ring { sampler, members, raw: Vec::new(), lost: 0, throttled: 0, unreadable: 0 };
        Ok(Self {
            pass: Pass { index: pass.index, primitives, events: pass.events.clone() },
            trigger,
            ring: Arc::new(Mutex::new(ring)),
            drain: None,
            baseline,
            lost_before: None,
            started_monotonic_ns: 0,
        })
    }

    /// Begins a series. A thread empties the ring every 20 ms meanwhile.
    ///
    /// # Errors
    /// The kernel refuses, or gives no thread.
    pub fn start(&mut self) -> Result<(), CounterError> {
        self.end_drain();
        let (stop, stopped) = mpsc::channel();
        let ring = Arc::clone(&self.ring);
        let thread = thread::Builder::new()
            .name("counter-samples".into())
            .spawn(move || {
                while matches!(stopped.recv_timeout(DRAIN_PERIOD), Err(RecvTimeoutError::Timeout)) {
                    lock(&ring).drain();
                }
            })
            .map_err(|source| CounterError::Use { action: "sampled", source })?;
        self.drain = Some((stop, thread));
        let mut ring = lock(&self.ring);
        // What an earlier series left.
        ring.drain();
        ring.raw.clear();
        (ring.lost, ring.throttled, ring.unreadable) = (0, 0, 0);
        (self.baseline, self.lost_before) = ring.read()?;
        self.started_monotonic_ns = super::super::clock::monotonic_ns();
        ring.sampler.enable().map_err(|source| CounterError::Use { action: "started", source })
    }

    /// Ends the series and gives it.
    ///
    /// # Errors
    /// The kernel refuses to stop.
    pub fn stop(&mut self) -> Result<CounterSeries, CounterError> {
        lock(&self.ring).sampler.disable().map_err(|source| CounterError::Use { action: "stopped", source })?;
        self.end_drain();
        let mut ring = lock(&self.ring);
        ring.drain();
        let (_, lost_after) = ring.read()?;
        let lost = match (self.lost_before, lost_after) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => ring.lost,
        };
        let samples = ring
            .raw
            .drain(..)
            .map(|(monotonic_ns, counts)| {
                let counts = counts.since(&self.baseline);
                let values = evaluate(self.pass.index, &self.pass.primitives, &self.pass.events, &counts).values;
                CounterSample {
                    monotonic_ns,
                    values: values.into_iter().map(|value| value.value).collect(),
                    multiplexed: counts.multiplexed(),
                }
            })
            .collect();
        Ok(CounterSeries {
            trigger: self.trigger,
            trigger_source: match self.trigger {
                Trigger::Instructions(_) => Source::Hardware,
                Trigger::CpuClockNs(_) => Source::Software,
            },
            events: self.pass.events.iter().map(|event| event.name.clone()).collect(),
            started_monotonic_ns: self.started_monotonic_ns,
            samples,
            lost,
            lost_is_exact: lost_after.is_some(),
            throttled: ring.throttled,
            unreadable: ring.unreadable,
        })
    }

    fn end_drain(&mut self) {
        if let Some((stop, thread)) = self.drain.take() {
            drop(stop);
            // It can only have failed by a panic, after which the ring is emptied by this thread.
            let _ = thread.join();
        }
    }
}

impl Drop for CounterSampler {
    fn drop(&mut self) {
        self.end_drain();
    }
}

fn open_all(
    primitives: &[Primitive],
    period: u64,
    kernel: Kernel,
    format: ReadFormat,
) -> Result<(Counter, Vec<Counter>), CounterError> {
    let (first, rest) = primitives.split_first().ok_or(CounterError::Empty)?;
    let mut leader = builder(first, kernel)
        .sample_period(period)
        .sample(SampleFlag::TIME | SampleFlag::READ)
        .clockid(Clock::MONOTONIC)
        // Nobody waits for the ring, so nobody need be woken.
        .wakeup_watermark(RING_BYTES / 2)
        .read_format(format)
        .build()
        .map_err(|error| CounterError::open(first, 0, &error))?;
    let mut members = Vec::with_capacity(rest.len());
    for primitive in rest {
        let member = builder(primitive, kernel)
            .read_format(format)
            // The kernel refuses (EINVAL) a member whose clock isn't its leader's.
            .clockid(Clock::MONOTONIC)
            .enabled(true)
            .build_with_group(&mut leader)
            .map_err(|error| CounterError::open(primitive, members.len() + 1, &error))?;
        members.push(member);
    }
    Ok((leader, members))
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    // A panic while it was held leaves whole records only: each is taken or not.
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ring {
    /// The counts, and how many samples were lost so far where the kernel tells.
    fn read(&mut self) -> Result<(GroupCounts, Option<u64>), CounterError> {
        let data = self.sampler.read_group().map_err(|source| CounterError::Use { action: "read", source })?;
        let lost = data.get(self.sampler.as_counter()).and_then(|entry| entry.lost());
        let counts = GroupCounts {
            time_enabled_ns: data.time_enabled().map_or(0, |time| time.as_nanos() as u64),
            time_running_ns: data.time_running().map_or(0, |time| time.as_nanos() as u64),
            counts: std::iter::once(self.sampler.as_counter())
                .chain(&self.members)
                .map(|counter| data.get(counter).map_or(0, |entry| entry.value()))
                .collect(),
        };
        Ok((counts, lost))
    }

    fn drain(&mut self) {
        let ids: Vec<u64> =
            std::iter::once(self.sampler.id()).chain(self.members.iter().map(|member| member.id())).collect();
        while let Some(record) = self.sampler.next_record() {
            match record.parse_record() {
                Ok(Record::Sample(sample)) => {
                    let taken = sample.time().zip(sample.values()).and_then(|(time, values)| {
                        let counts: Option<Vec<u64>> =
                            ids.iter().map(|id| values.get_by_id(*id).map(|entry| entry.value())).collect();
                        let counts = GroupCounts {
                            time_enabled_ns: values.time_enabled()?,
                            time_running_ns: values.time_running()?,
                            counts: counts?,
                        };
                        Some((time, counts))
                    });
                    match taken {
                        Some(sample) => self.raw.push(sample),
                        None => self.unreadable += 1,
                    }
                }
                Ok(Record::Lost(lost)) => self.lost += lost.lost,
                Ok(Record::LostSamples(lost)) => self.lost += lost.lost,
                Ok(Record::Throttle(_)) => self.throttled += 1,
                Ok(_) => {}
                Err(_) => self.unreadable += 1,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::hint::black_box;

    use super::super::super::clock::{monotonic_ns, thread_cpu_ns};
    use super::super::code::Event;
    use super::super::names::resolve;
    use super::*;

    fn pass(names: &[&str]) -> Pass {
        let events: Vec<Event> = names.iter().map(|name| resolve(name, None).unwrap()).collect();
        let primitives = events.iter().flat_map(|event| event.terms.iter().map(|term| term.primitive)).collect();
        Pass { index: 2, primitives, events }
    }

    fn open(names: &[&str], trigger: Trigger) -> Option<CounterSampler> {
        let pass = pass(names);
        for kernel in [Kernel::Included, Kernel::Excluded] {
            match CounterSampler::open(&pass, trigger, kernel) {
                Ok(sampler) => return Some(sampler),
                Err(error) => eprintln!("skipped with the kernel {kernel:?}: {error}"),
            }
        }
        None
    }

    /// Uses `ns` of CPU time, whatever else the machine does.
    fn burn(ns: u64) {
        let end = thread_cpu_ns() + ns;
        while thread_cpu_ns() < end {
            let memory = vec![1u8; 1 << 20];
            black_box(&memory);
        }
    }

    #[test]
    fn cpu_time_makes_samples_with_rising_counts_on_the_monotonic_clock() {
        let trigger = Trigger::CpuClockNs(1_000_000);
        let Some(mut sampler) = open(&["task-clock", "page-faults"], trigger) else { return };
        for _ in 0..2 {
            let before = monotonic_ns();
            sampler.start().unwrap();
            burn(60_000_000);
            let series = sampler.stop().unwrap();
            let after = monotonic_ns();
            assert_eq!((series.events.len(), series.trigger_source), (2, Source::Software));
            assert!(series.samples.len() >= 10, "{} samples", series.samples.len());
            assert!(series.samples.len() <= 200, "{} samples", series.samples.len());
            assert_eq!((series.lost, series.unreadable), (0, 0));
            for pair in series.samples.windows(2) {
                assert!(pair[0].monotonic_ns < pair[1].monotonic_ns);
                assert!(pair[0].values[0] < pair[1].values[0], "{pair:?}");
                assert!(pair[0].values[1] <= pair[1].values[1]);
            }
            let (first, last) = (&series.samples[0], &series.samples[series.samples.len() - 1]);
            assert!(before <= series.started_monotonic_ns && series.started_monotonic_ns <= first.monotonic_ns);
            assert!(last.monotonic_ns <= after);
            assert!(last.values[0].unwrap() <= 200_000_000, "counted from the start of this series");
        }
    }

    #[test]
    fn samples_that_find_the_ring_full_are_counted() {
        let Some(mut sampler) = open(&["task-clock"], Trigger::CpuClockNs(10_000)) else { return };
        sampler.start().unwrap();
        // Without the thread that empties it the ring overflows.
        sampler.end_drain();
        burn(400_000_000);
        let series = sampler.stop().unwrap();
        assert!(series.samples.len() > 1_000, "{}", series.samples.len());
        if series.samples.len() < 5_000 {
            eprintln!("skipped: the kernel's timer was too slow to fill the ring ({})", series.samples.len());
            return;
        }
        assert!(series.lost > 0 || !series.lost_is_exact, "{} samples", series.samples.len());
    }

    #[test]
    fn instructions_make_samples_where_there_are_counters() {
        let Some(mut sampler) = open(&["instructions", "branches"], Trigger::Instructions(1_000_000)) else { return };
        sampler.start().unwrap();
        (0..50_000_000u64).for_each(|turn| {
            black_box(turn);
        });
        let series = sampler.stop().unwrap();
        if series.throttled > 0 {
            return eprintln!("skipped: the kernel held samples back");
        }
        assert!(series.samples.len() + series.lost as usize >= 50);
        let gaps: Vec<u64> =
            series.samples.windows(2).map(|pair| pair[1].values[0].unwrap() - pair[0].values[0].unwrap()).collect();
        assert!(gaps.iter().all(|gap| (900_000..2_100_000).contains(gap)), "{gaps:?}");
    }

    #[test]
    fn dropping_a_running_sampler_ends_it() {
        let Some(mut sampler) = open(&["task-clock"], Trigger::CpuClockNs(100_000)) else { return };
        sampler.start().unwrap();
        drop(sampler);
    }
}

//! A series of memory readings of another process, taken by a thread of its own.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::clock::monotonic_ns;
use super::reading::{MemoryError, MemoryProbe, page_cache_bytes};

/// What is read at each tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// RSS, PSS and USS. The process's page faults wait while its page tables are walked.
    #[default]
    Full,
    /// RSS alone, approximate and nearly free.
    RssOnly,
}

/// How a [`MemorySampler`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SamplerOptions {
    /// The time between two ticks, ns; at least 1.
    pub period_ns: u64,
    /// What is read.
    pub detail: Detail,
}

impl Default for SamplerOptions {
    /// Every 5 ms, in full.
    fn default() -> Self {
        Self { period_ns: 5_000_000, detail: Detail::Full }
    }
}

/// What a process held at one time. An absent figure has its reason in [`MemorySeries::absent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemorySample {
    /// `CLOCK_MONOTONIC` at the begin of the reading, ns.
    pub monotonic_ns: u64,
    /// Resident set size, bytes.
    pub rss_bytes: Option<u64>,
    /// Proportional set size, bytes.
    pub pss_bytes: Option<u64>,
    /// Unique set size, bytes.
    pub uss_bytes: Option<u64>,
    /// Page faults without a device, since the process began.
    pub minor_faults: Option<u64>,
    /// Page faults with a device, since the process began.
    pub major_faults: Option<u64>,
    /// The whole machine's page cache, bytes.
    pub page_cache_bytes: Option<u64>,
}

/// Why a series ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesEnd {
    /// It was asked to.
    Stopped,
    /// The process ended.
    ProcessEnded,
}

/// A finished series, with what is needed to judge it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemorySeries {
    /// In order of time.
    pub samples: Vec<MemorySample>,
    /// The period asked for, ns.
    pub period_ns: u64,
    /// The median time between two samples, ns; absent below two samples.
    pub achieved_period_ns: Option<u64>,
    /// Ticks that were left out because the readings before them, or the processor, came too late.
    pub missed_ticks: u64,
    /// The median time that one reading took, ns; absent without samples.
    pub read_cost_ns: Option<u64>,
    /// Why it ended.
    pub end: SeriesEnd,
    /// For each figure that was absent at least once: the first reason.
    pub absent: BTreeMap<String, String>,
}

/// A thread that reads another process's memory at a period until it is stopped, dropped, or the process ends.
#[derive(Debug)]
pub struct MemorySampler {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<MemorySeries>>,
}

impl MemorySampler {
    /// Begins to sample the process `pid`.
    ///
    /// # Errors
    /// There is no such process.
    pub fn start(pid: u32, options: SamplerOptions) -> Result<Self, MemoryError> {
        Self::start_with(pid, options, |_| ())
    }

    /// As [`Self::start`]; each sample is also given to `on_sample`, on the sampling thread: to keep the period, do no
    /// more there than hand it on.
    ///
    /// # Errors
    /// There is no such process, or the system gives no thread.
    pub fn start_with(
        pid: u32,
        options: SamplerOptions,
        on_sample: impl FnMut(&MemorySample) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let probe = MemoryProbe::new(pid)?;
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("memory-sampler".into())
            .spawn(move || sample(&probe, options, &stopped, on_sample))
            .map_err(|source| MemoryError::System { file: "a thread", source })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Stops, takes one last sample if the process still lives, and gives the series. `None` if `on_sample` panicked.
    #[must_use]
    pub fn stop(mut self) -> Option<MemorySeries> {
        self.end()
    }

    fn end(&mut self) -> Option<MemorySeries> {
        // The thread sees that the other end of the channel is gone.
        drop(self.stop.take());
        self.thread.take()?.join().ok()
    }
}

impl Drop for MemorySampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn sample(
    probe: &MemoryProbe,
    options: SamplerOptions,
    stopped: &mpsc::Receiver<()>,
    mut on_sample: impl FnMut(&MemorySample),
) -> MemorySeries {
    let period = options.period_ns.max(1);
    let mut samples = Vec::new();
    let mut costs = Vec::new();
    let mut absent = BTreeMap::new();
    let mut missed_ticks = 0;
    let mut due = monotonic_ns();
    let mut last = false;
    let end = loop {
        let Some(sample) = read(probe, options.detail, &mut absent) else { break SeriesEnd::ProcessEnded };
        costs.push(monotonic_ns().saturating_sub(sample.monotonic_ns));
        on_sample(&sample);
        samples.push(sample);
        if last {
            break SeriesEnd::Stopped;
        }
        due += period;
        let now = monotonic_ns();
        if now > due {
            // The ticks that are over are left out, not made up for: readings in a row would measure one another.
            let over = (now - due) / period;
            missed_ticks += over;
            due += over * period;
        }
        let wait = Duration::from_nanos(due.saturating_sub(monotonic_ns()));
        last = !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
    };
    let gaps = samples.windows(2).map(|pair| pair[1].monotonic_ns.saturating_sub(pair[0].monotonic_ns)).collect();
    MemorySeries {
        achieved_period_ns: median(gaps),
        read_cost_ns: median(costs),
        samples,
        period_ns: options.period_ns,
        missed_ticks,
        end,
        absent,
    }
}

/// `None` when the process has ended.
fn read(probe: &MemoryProbe, detail: Detail, absent: &mut BTreeMap<String, String>) -> Option<MemorySample> {
    let mut sample = MemorySample { monotonic_ns: monotonic_ns(), ..MemorySample::default() };
    let mut note = |names: &[&str], error: &MemoryError| {
        for name in names {
            absent.entry((*name).to_owned()).or_insert_with(|| error.to_string());
        }
    };
    let mut holding_error = None;
    if detail == Detail::Full {
        match probe.holding() {
            Ok(holding) => {
                sample.rss_bytes = Some(holding.rss_bytes);
                sample.pss_bytes = Some(holding.pss_bytes);
                sample.uss_bytes = Some(holding.uss_bytes);
            }
            Err(error) => holding_error = Some(error),
        }
    }
    if sample.rss_bytes.is_none() {
        // Readable where `smaps_rollup` isn't; an error here means that the process is gone.
        sample.rss_bytes = Some(probe.rss_bytes().ok()?);
    }
    if let Some(error) = holding_error {
        note(&["pss_bytes", "uss_bytes"], &error);
    }
    match probe.faults() {
        Ok(faults) => {
            sample.minor_faults = Some(faults.minor);
            sample.major_faults = Some(faults.major);
        }
        Err(error) => note(&["minor_faults", "major_faults"], &error),
    }
    match page_cache_bytes() {
        Ok(bytes) => sample.page_cache_bytes = Some(bytes),
        Err(error) => note(&["page_cache_bytes"], &error),
    }
    Some(sample)
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that lives until its standard input closes.
    fn waiting_child() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn end(mut child: Child) {
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn samples_come_at_the_period_until_stopped() {
        let child = waiting_child();
        let (sender, receiver) = mpsc::channel();
        let options = SamplerOptions { period_ns: 1_000_000, detail: Detail::Full };
        let sampler = MemorySampler::start_with(child.id(), options, move |sample| {
            let _ = sender.send(*sample);
        })
        .unwrap();
        let seen: Vec<_> = receiver.iter().take(5).collect();
        let series = sampler.stop().unwrap();
        end(child);
        assert!(series.samples.len() >= 5);
        assert_eq!(series.samples[..5], seen[..]);
        assert_eq!(series.end, SeriesEnd::Stopped);
        assert!(series.achieved_period_ns.unwrap() >= 500_000, "{series:?}");
        assert!(series.read_cost_ns.unwrap() > 0);
        assert!(series.samples.windows(2).all(|pair| pair[0].monotonic_ns < pair[1].monotonic_ns));
        let first = series.samples[0];
        assert!(first.rss_bytes.unwrap() >= first.uss_bytes.unwrap());
        assert!(first.minor_faults.unwrap() > 0);
        assert!(series.absent.is_empty(), "{:?}", series.absent);
    }

    #[test]
    fn a_series_ends_with_its_process() {
        let child = waiting_child();
        let (sender, receiver) = mpsc::channel();
        let options = SamplerOptions { period_ns: 200_000, detail: Detail::RssOnly };
        let sampler = MemorySampler::start_with(child.id(), options, move |_| {
            let _ = sender.send(());
        })
        .unwrap();
        receiver.recv().unwrap();
        end(child);
        // The callback, and with it the sender, goes when the sampling thread ends.
        while receiver.recv().is_ok() {}
        let series = sampler.stop().unwrap();
        assert_eq!(series.end, SeriesEnd::ProcessEnded);
        assert!(series.samples.iter().all(|sample| sample.rss_bytes.unwrap() > 0 && sample.pss_bytes.is_none()));
    }

    #[test]
    fn ticks_that_could_not_be_kept_are_counted() {
        let child = waiting_child();
        let (sender, receiver) = mpsc::channel();
        let options = SamplerOptions { period_ns: 100, detail: Detail::Full };
        let sampler = MemorySampler::start_with(child.id(), options, move |_| {
            let _ = sender.send(());
        })
        .unwrap();
        receiver.iter().take(3).for_each(drop);
        let series = sampler.stop().unwrap();
        end(child);
        assert!(series.missed_ticks > 0);
    }

    #[test]
    fn dropping_it_stops_it_and_no_process_is_an_error() {
        let child = waiting_child();
        drop(MemorySampler::start(child.id(), SamplerOptions::default()).unwrap());
        end(child);
        assert!(MemorySampler::start(u32::MAX, SamplerOptions::default()).is_err());
    }
}

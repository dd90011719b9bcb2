//! What came of a load.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::recording::Recording;

/// A request that was taken up later than this was late, ns: as much as a tokio timer is late on the median.
pub const LATE_NS: u64 = 1_000_000;
/// Above this share of late requests the generator, not the server, shaped the load.
const LATE_SHARE: f64 = 0.01;
/// A thread that works more than this share of the time can hardly take up requests as they are due.
const BUSY_SHARE: f64 = 0.9;

/// Why a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All of it was sent.
    Complete,
    /// As many requests were sent as were to be.
    Bound,
    /// It was stopped from outside.
    Stopped,
    /// Too many requests failed.
    TooManyFailures,
}

/// A thread that sent.
#[derive(Debug, Default)]
pub struct Thread {
    /// Its processor time, ns.
    pub cpu_ns: u64,
    /// Of that, looking at the clock and nothing else, ns.
    pub spun_ns: u64,
    pub(crate) error: Option<io::Error>,
}

/// What came of a load.
#[derive(Debug)]
pub struct LoadResult {
    /// Whether requests were sent at times that did not depend on the answers.
    pub is_open: bool,
    /// From the beginning until the last answer.
    pub elapsed: Duration,
    /// Times and counts.
    pub recording: Recording,
    /// Requests that were due and were not sent: no connection was free and too many waited for one.
    pub dropped: u64,
    /// Different instances that have answered.
    pub instances: usize,
    /// Most connections at once.
    pub connections: u32,
    /// The threads that sent.
    pub threads: Vec<Thread>,
    /// Why it ended.
    pub ended: Ended,
}

impl LoadResult {
    /// Requests that were sent and ended, in whatever way.
    pub fn requests(&self) -> u64 {
        self.recording.succeeded() + self.recording.failed()
    }

    /// Ended requests per second.
    pub fn rate(&self) -> f64 {
        self.requests() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Requests that the generator took up more than [`LATE_NS`] after they were due.
    pub fn late(&self) -> u64 {
        self.recording.lateness_ns.count_between(LATE_NS, u64::MAX)
    }

    /// Processor time of all threads for each request, looking at the clock left out, us; `None` without requests.
    pub fn cpu_us_per_request(&self) -> Option<f64> {
        let work_ns: u64 = self.threads.iter().map(|thread| thread.cpu_ns.saturating_sub(thread.spun_ns)).sum();
        (self.requests() > 0).then(|| work_ns as f64 / 1e3 / self.requests() as f64)
    }

    /// Writes the response times in HdrHistogram's log format, in ns; `begin` is when the load began.
    ///
    /// # Errors
    /// When `into` can't be written.
    pub fn write_log(&self, into: &mut impl io::Write, begin: SystemTime) -> io::Result<()> {
        let mut serializer = V2DeflateSerializer::new();
        let mut builder = IntervalLogWriterBuilder::new();
        builder.with_start_time(begin).with_max_value_divisor(1e6);
        let mut writer = builder.begin_log_with(into, &mut serializer)?;
        writer
            .write_histogram(&self.recording.response_ns, Duration::ZERO, self.elapsed, Tag::new("response"))
            .and_then(|()| {
                writer.write_histogram(&self.recording.service_ns, Duration::ZERO, self.elapsed, Tag::new("service"))
            })
            .map_err(|error| io::Error::other(format!("{error:?}")))
    }

    /// Why the figures say more of the generator than of the server; `None` where they don't.
    pub fn bottleneck(&self) -> Option<String> {
        let due = self.recording.lateness_ns.len();
        if self.dropped > 0 && matches!(self.ended, Ended::Complete | Ended::Bound) {
            return Some(format!(
                "{} of {due} requests were dropped: all {} connections were busy and the queue was full; allow more \
                 connections, or send less",
                self.dropped, self.connections
            ));
        }
        let late = self.late();
        if due > 0 && late as f64 > LATE_SHARE * due as f64 {
            return Some(format!(
                "the generator took up {late} of {due} requests more than {} ms late: it had too little processor; send less, \
                 use more threads, or another machine",
                LATE_NS / 1_000_000
            ));
        }
        let elapsed_ns = self.elapsed.as_nanos() as f64;
        let busy = self.threads.iter().map(|thread| thread.cpu_ns.saturating_sub(thread.spun_ns) as f64 / elapsed_ns);
        let busiest = busy.fold(0.0, f64::max);
        (busiest > BUSY_SHARE).then(|| {
            format!(
                "a thread of the generator worked {:.0}% of the time: the server may be able to answer more than it was asked",
                busiest * 100.0
            )
        })
    }
}

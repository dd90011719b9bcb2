//! Carrying out a load: threads that send, and what they report put together.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::watch;

use crate::connection::Connector;
use crate::plan::{LoadPlan, Pace};
use crate::recording::{Recording, RequestRecord};
use crate::result::{Ended, LoadResult, Thread};
use crate::shape::ShapeError;
use crate::target::TargetError;
use crate::worker::{self, MOST_INSTANCES, Report, Work};

/// How often the watcher is told.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Before so many requests a share of failures says nothing.
const LEAST_REQUESTS: u64 = 100;

/// Why a load was not carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The plan can't be carried out.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The target can't be reached that way.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The server's name is not known, or the certificates to trust can't be used.
    #[error("can't send requests to {authority}: {source}")]
    Connector {
        /// Host and port.
        authority: String,
        /// The reason.
        source: io::Error,
    },
    /// A thread could not go on.
    #[error("the load could not be generated: {0}")]
    Generator(io::Error),
}

/// How a load goes on.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Since the watcher was told last.
    pub interval: Duration,
    /// Of that interval.
    pub latest: &'a Recording,
    /// Of all.
    pub total: &'a Recording,
    /// Requests that are under way or wait for a connection.
    pub in_flight: u64,
    /// Requests that were dropped.
    pub dropped: u64,
    /// Different instances that have answered.
    pub instances: usize,
    /// Every request of the interval, where records are kept.
    pub records: &'a [RequestRecord],
}

/// Stops a load from outside.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Stop {
        Stop::new()
    }
}

impl Stop {
    /// One that has not stopped anything.
    pub fn new() -> Stop {
        Stop(watch::Sender::new(false))
    }

    /// No more requests are sent; answers to those under way are still waited for.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }
}

/// Carries out a load on threads of its own and returns when the last answer is there. `watcher` is told four times a second,
/// and once at the end.
///
/// # Errors
/// When the plan can't be carried out. A server that does not answer is a result.
pub fn run(plan: LoadPlan, stop: &Stop, mut watcher: impl FnMut(&Progress<'_>)) -> Result<LoadResult, LoadError> {
    plan.validate()?;
    let (uri, headers) = plan.request.for_target(&plan.target, plan.version)?;
    let connector = Connector::new(&plan.target, plan.version, plan.trusted.as_deref())
        .map_err(|source| LoadError::Connector { authority: plan.target.authority.clone(), source })?;
    let threads = plan.threads();
    let plan = Arc::new(plan);
    let (reports, received) = mpsc::channel();
    let taken = Arc::new(AtomicU64::new(0));
    let user_stop = stop;
    let stop = watch::Sender::new(stop.is_stopped());
    let start = Instant::now();
    let mut handles = Vec::new();
    for index in 0..threads {
        let work = Work {
            plan: plan.clone(),
            connector: connector.clone(),
            uri: uri.clone(),
            headers: headers.clone(),
            index,
            threads,
            start,
            stop: stop.subscribe(),
            taken: taken.clone(),
            reports: reports.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("load-{index}"));
        handles.push(thread.spawn(move || worker::run(work)).map_err(LoadError::Generator)?);
    }
    drop(reports);

    let mut gathered = Gathered::new(threads as usize);
    let mut told = start;
    let mut ended = Ended::Complete;
    loop {
        let is_over = match received.recv_timeout(TELL_EVERY) {
            Ok((index, report)) => {
                gathered.take(index, report);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if ended == Ended::Complete && !is_over {
            if user_stop.is_stopped() {
                ended = Ended::Stopped;
            } else if gathered.fails_more_than(plan.stop_above_failures) {
                ended = Ended::TooManyFailures;
            }
            if ended != Ended::Complete {
                stop.send_replace(true);
            }
        }
        if is_over || told.elapsed() >= TELL_EVERY {
            watcher(&gathered.progress(start.elapsed(), told.elapsed()));
            gathered.told();
            told = Instant::now();
        }
        if is_over {
            break;
        }
    }
    for handle in handles {
        // A thread of ours does not panic.
        let _ = handle.join();
    }
    if let Some(error) = gathered.threads.iter_mut().find_map(|thread| thread.error.take()) {
        return Err(LoadError::Generator(error));
    }
    if ended == Ended::Complete && plan.most_requests.is_some_and(|most| gathered.total_requests() >= most) {
        ended = Ended::Bound;
    }
    Ok(LoadResult {
        is_open: matches!(plan.pace, Pace::Open(_)),
        elapsed: start.elapsed(),
        recording: gathered.total,
        dropped: gathered.dropped,
        instances: gathered.instances.len(),
        connections: plan.connections,
        threads: gathered.threads,
        ended,
    })
}

/// What the threads have reported.
struct Gathered {
    total: Recording,
    latest: Recording,
    records: Vec<RequestRecord>,
    in_flight: Vec<u64>,
    dropped: u64,
    instances: BTreeSet<String>,
    threads: Vec<Thread>,
}

impl Gathered {
    fn new(threads: usize) -> Gathered {
        Gathered {
            total: Recording::new(),
            latest: Recording::new(),
            records: Vec::new(),
            in_flight: vec![0; threads],
            dropped: 0,
            instances: BTreeSet::new(),
            threads: (0..threads).map(|_| Thread::default()).collect(),
        }
    }

    fn take(&mut self, index: u32, report: Report) {
        let index = index as usize;
        self.total.merge(&report.recording);
        self.latest.merge(&report.recording);
        self.dropped += report.dropped;
        self.in_flight[index] = report.in_flight;
        for id in report.instances {
            if self.instances.len() < MOST_INSTANCES {
                self.instances.insert(id);
            }
        }
        self.records.extend(report.records);
        if let Some(end) = report.end {
            self.threads[index] = Thread { cpu_ns: end.cpu_ns, spun_ns: end.spun_ns, error: end.error };
        }
    }

    fn total_requests(&self) -> u64 {
        self.total.succeeded() + self.total.failed()
    }

    fn fails_more_than(&self, share: Option<f64>) -> bool {
        let all = self.total_requests();
        share.is_some_and(|share| all >= LEAST_REQUESTS && self.total.failed() as f64 > share * all as f64)
    }

    fn progress(&self, elapsed: Duration, interval: Duration) -> Progress<'_> {
        Progress {
            elapsed,
            interval,
            latest: &self.latest,
            total: &self.total,
            in_flight: self.in_flight.iter().sum(),
            dropped: self.dropped,
            instances: self.instances.len(),
            records: &self.records,
        }
    }

    fn told(&mut self) {
        self.latest.clear();
        self.records.clear();
    }
}

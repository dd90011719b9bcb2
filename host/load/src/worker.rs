//! A thread that sends its share of a load over connections of its own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hyper::Uri;
use hyper::header::HeaderMap;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;
use tokio::time::Sleep;

use crate::arrivals::Arrivals;
use crate::connection::{Connection, Connector};
use crate::pacer::Pacer;
use crate::plan::{LoadPlan, Pace, part};
use crate::recording::{Recording, RequestRecord};
use crate::request::{Ticket, send};
use crate::shape::Shape;
use crate::target::HttpVersion;

/// How often a thread reports.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// Requests that are taken up in a row, when they are late, before answers are looked at again.
const IN_A_ROW: u32 = 16;
/// Requests at once on one connection of HTTP/2: what servers allow at the least (RFC 9113, 6.5.2).
const STREAMS: u32 = 100;
/// Different instances that are told apart.
pub(crate) const MOST_INSTANCES: usize = 100_000;

/// What a thread saw since its last report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) recording: Recording,
    pub(crate) records: Vec<RequestRecord>,
    /// Instances that were not in an earlier report.
    pub(crate) instances: Vec<String>,
    /// Requests that are under way or wait for a connection.
    pub(crate) in_flight: u64,
    pub(crate) dropped: u64,
    /// In the last report of a thread.
    pub(crate) end: Option<End>,
}

/// What a thread says at its end.
#[derive(Debug)]
pub(crate) struct End {
    /// Processor time of the thread, ns.
    pub(crate) cpu_ns: u64,
    /// Of that, looking at the clock, ns.
    pub(crate) spun_ns: u64,
    /// Why it could not go on.
    pub(crate) error: Option<io::Error>,
}

/// What a thread is given.
pub(crate) struct Work {
    pub(crate) plan: Arc<LoadPlan>,
    pub(crate) connector: Connector,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) index: u32,
    pub(crate) threads: u32,
    pub(crate) start: Instant,
    /// Becomes true when no more is to be sent.
    pub(crate) stop: watch::Receiver<bool>,
    /// Requests that the clients of a closed loop have taken together.
    pub(crate) taken: Arc<AtomicU64>,
    pub(crate) reports: Sender<(u32, Report)>,
}

/// A thread's connections and what it has recorded.
pub(crate) struct Worker {
    pub(crate) work: Work,
    state: RefCell<State>,
    all_done: Notify,
    /// A connection that many share was made, or could not be.
    opened: Notify,
}

#[derive(Default)]
struct State {
    /// Connections that wait for a request.
    idle: Vec<Connection>,
    /// Connections that many requests share.
    shared: Vec<Connection>,
    /// Connections to share that are being made.
    opening: usize,
    next_shared: usize,
    /// Requests under way, each in a place of its own.
    busy: u32,
    waiting: VecDeque<Ticket>,
    recording: Recording,
    records: Vec<RequestRecord>,
    instances: BTreeSet<String>,
    new_instances: Vec<String>,
    dropped: u64,
}

/// Carries out a thread's share.
pub(crate) fn run(work: Work) {
    let (reports, index) = (work.reports.clone(), work.index);
    // Where the kernel does not let us, timers are late by up to 50 us more.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build();
    let (spun_ns, error) = match runtime {
        Ok(runtime) => {
            let worker =
                Rc::new(Worker { work, state: RefCell::default(), all_done: Notify::new(), opened: Notify::new() });
            let local = LocalSet::new();
            let outcome = local.block_on(&runtime, worker.clone().serve());
            // Nobody waits for the last report when the engine is gone.
            let _ = reports.send((index, worker.report()));
            match outcome {
                Ok(spun_ns) => (spun_ns, None),
                Err(error) => (0, Some(error)),
            }
        }
        Err(error) => (0, Some(error)),
    };
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let cpu_ns = (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64;
    let _ = reports.send((index, Report { end: Some(End { cpu_ns, spun_ns, error }), ..Report::default() }));
}

impl Worker {
    async fn serve(self: Rc<Self>) -> io::Result<u64> {
        let reporting = tokio::task::spawn_local({
            let this = self.clone();
            async move {
                let mut ticks = tokio::time::interval(REPORT_EVERY);
                loop {
                    ticks.tick().await;
                    if this.work.reports.send((this.work.index, this.report())).is_err() {
                        return;
                    }
                }
            }
        });
        let spun_ns = match &self.work.plan.clone().pace {
            Pace::Open(shape) => self.clone().open(shape).await?,
            Pace::Closed { clients, think } => {
                self.clone().closed(*clients, *think).await;
                0
            }
        };
        self.drained().await;
        reporting.abort();
        Ok(spun_ns)
    }

    /// Takes up each request when it is due, whatever became of those before.
    async fn open(self: Rc<Self>, shape: &Shape) -> io::Result<u64> {
        let plan = &self.work.plan;
        let mut pacer = Pacer::new(self.work.start)?;
        let mut stop = self.work.stop.clone();
        let (index, threads) = (u64::from(self.work.index), u64::from(self.work.threads));
        let arrivals = (0_u64..).zip(Arrivals::new(shape, plan.length, plan.seed));
        let most = plan.most_requests.unwrap_or(u64::MAX);
        let mut in_a_row = 0;
        for (number, due_ns) in arrivals.take_while(|(number, _)| *number < most) {
            if number % threads != index {
                continue;
            }
            let late_ns = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                late_ns = pacer.until(due_ns) => late_ns?,
            };
            self.state.borrow_mut().recording.add_lateness(late_ns);
            self.clone().dispatch(Ticket { number, intended_ns: due_ns });
            in_a_row += 1;
            if in_a_row == IN_A_ROW {
                in_a_row = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(pacer.spun_ns())
    }

    /// Each client sends when it has its last answer.
    async fn closed(self: Rc<Self>, clients: u32, think: Duration) {
        let clients = part(clients, self.work.index, self.work.threads);
        let tasks: Vec<_> = (0..clients).map(|_| tokio::task::spawn_local(self.clone().client(think))).collect();
        for task in tasks {
            // A client neither panics nor is cancelled.
            let _ = task.await;
        }
    }

    async fn client(self: Rc<Self>, think: Duration) {
        let plan = &self.work.plan;
        let most = plan.most_requests.unwrap_or(u64::MAX);
        let mut connection = None;
        let mut limit = pin!(tokio::time::sleep(plan.timeout));
        loop {
            if *self.work.stop.borrow() || self.work.start.elapsed() >= plan.length {
                return;
            }
            let number = self.work.taken.fetch_add(1, Ordering::Relaxed);
            if number >= most {
                return;
            }
            let ticket = Ticket { number, intended_ns: self.now_ns() };
            self.state.borrow_mut().busy += 1;
            connection = self.send(connection, ticket, limit.as_mut()).await;
            self.state.borrow_mut().busy -= 1;
            if !think.is_zero() {
                let mut stop = self.work.stop.clone();
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(think) => {}
                }
            }
        }
    }

    /// Sends a request at once where there is a place for it, else lets it wait, else drops it.
    fn dispatch(self: Rc<Self>, ticket: Ticket) {
        let mut state = self.state.borrow_mut();
        if state.busy < self.places() {
            state.busy += 1;
            let connection = loop {
                match state.idle.pop() {
                    Some(connection) if !connection.is_usable() => continue,
                    found => break found,
                }
            };
            drop(state);
            tokio::task::spawn_local(self.carry(connection, ticket));
        } else if state.waiting.len() < part(self.work.plan.queue, self.work.index, self.work.threads) as usize {
            state.waiting.push_back(ticket);
        } else {
            state.dropped += 1;
        }
    }

    fn places(&self) -> u32 {
        let connections = part(self.work.plan.connections, self.work.index, self.work.threads);
        match self.work.plan.version {
            HttpVersion::Http1 => connections,
            HttpVersion::Http2 => connections.saturating_mul(STREAMS),
        }
    }

    /// Sends a request, and those that wait for its place.
    async fn carry(self: Rc<Self>, mut connection: Option<Connection>, mut ticket: Ticket) {
        let mut limit = pin!(tokio::time::sleep(self.work.plan.timeout));
        loop {
            connection = self.send(connection, ticket, limit.as_mut()).await;
            let mut state = self.state.borrow_mut();
            if *self.work.stop.borrow() {
                // What was not sent yet is not sent any more.
                state.dropped += state.waiting.len() as u64;
                state.waiting.clear();
            }
            match state.waiting.pop_front() {
                Some(next) => ticket = next,
                None => {
                    state.busy -= 1;
                    state.idle.extend(connection);
                    if state.busy == 0 {
                        self.all_done.notify_waiters();
                    }
                    return;
                }
            }
        }
    }

    /// Sends one request and records it; the connection, where it can be used again.
    async fn send(&self, connection: Option<Connection>, ticket: Ticket, limit: Pin<&mut Sleep>) -> Option<Connection> {
        let connection = match self.work.plan.version {
            HttpVersion::Http1 => connection.filter(Connection::is_usable),
            HttpVersion::Http2 => self.shared().await,
        };
        let opens = connection.is_none();
        let (record, connection) = send(self, connection, ticket, limit).await;
        let mut state = self.state.borrow_mut();
        if opens && self.work.plan.version == HttpVersion::Http2 {
            state.opening -= 1;
            self.opened.notify_waiters();
        }
        state.recording.add(&record);
        if let Some((id, _)) = &record.instance
            && state.instances.len() < MOST_INSTANCES
            && !state.instances.contains(id)
        {
            state.instances.insert(id.clone());
            state.new_instances.push(id.clone());
        }
        if self.work.plan.keep_records {
            state.records.push(record);
        }
        let connection = connection.filter(|connection| self.work.plan.keep_connections && connection.is_usable());
        match connection {
            Some(connection) if self.work.plan.version == HttpVersion::Http2 => {
                let most = part(self.work.plan.connections, self.work.index, self.work.threads) as usize;
                state.shared.retain(Connection::is_usable);
                if state.shared.len() < most && self.work.plan.keep_connections {
                    state.shared.push(connection);
                }
                None
            }
            connection => connection,
        }
    }

    /// A handle of a connection that many share; `None`, and a place for one that is opened, while there are fewer than there
    /// may be.
    async fn shared(&self) -> Option<Connection> {
        let most = part(self.work.plan.connections, self.work.index, self.work.threads) as usize;
        loop {
            let opened = self.opened.notified();
            {
                let mut state = self.state.borrow_mut();
                state.shared.retain(Connection::is_usable);
                // Connections that are not kept are each request's own.
                if !self.work.plan.keep_connections || state.shared.len() + state.opening < most {
                    state.opening += 1;
                    return None;
                }
                if !state.shared.is_empty() {
                    state.next_shared = (state.next_shared + 1) % state.shared.len();
                    let next = state.next_shared;
                    return state.shared[next].share();
                }
            }
            opened.await;
        }
    }

    /// Waits until nothing is under way; each request has its own limit.
    async fn drained(&self) {
        loop {
            let all_done = self.all_done.notified();
            if self.state.borrow().busy == 0 {
                return;
            }
            all_done.await;
        }
    }

    /// Time since the load began, ns.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.work.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What was seen since the last report.
    fn report(&self) -> Report {
        let mut state = self.state.borrow_mut();
        Report {
            recording: std::mem::take(&mut state.recording),
            records: std::mem::take(&mut state.records),
            instances: std::mem::take(&mut state.new_instances),
            in_flight: u64::from(state.busy) + state.waiting.len() as u64,
            dropped: std::mem::take(&mut state.dropped),
            end: None,
        }
    }
}

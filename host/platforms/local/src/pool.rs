//! The instances of one deployment with one image and one set of limits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use platform::{DeploymentSpec, InstanceStatus, Ledger, PlatformError, Scale};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::book::Book;
use crate::driver::{Prepared, Purpose, StartRequest};
use crate::failure::again;
use crate::member::Member;
use crate::schedule::{Place, Rules, Schedule, Todo};

/// The first pause after a start ahead that failed; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whether a pool was seen to work.
#[derive(Clone)]
pub(crate) enum Proof {
    /// Not yet.
    Pending,
    /// Its instances start, and its minimum is there.
    Ready,
    /// The last start failed, and none succeeded before.
    Failed(Arc<PlatformError>),
}

/// The instances of one deployment with one image and one set of limits.
pub(crate) struct Pool {
    pub(crate) platform: &'static str,
    pub(crate) spec: DeploymentSpec,
    pub(crate) book: Arc<Book>,
    prepared: Arc<dyn Prepared>,
    ledger: Arc<dyn Ledger>,
    schedule: Mutex<Schedule<Arc<Member>>>,
    keeper: Notify,
    over: watch::Sender<bool>,
    proof: watch::Sender<Proof>,
    retry: Mutex<Retry>,
    mark: u16,
    started: AtomicU64,
}

/// When another start ahead may be tried.
#[derive(Default)]
struct Retry {
    at: Option<Instant>,
    pause: Duration,
}

impl Pool {
    /// A pool, with the task that keeps its minimum and ends what is idle for too long.
    pub(crate) fn new(
        platform: &'static str,
        spec: DeploymentSpec,
        prepared: Arc<dyn Prepared>,
        ledger: Arc<dyn Ledger>,
        book: Arc<Book>,
    ) -> Arc<Pool> {
        let rules = rules(&spec.scale);
        let pool = Arc::new(Pool {
            platform,
            spec,
            book,
            prepared,
            ledger,
            schedule: Mutex::new(Schedule::new(rules)),
            keeper: Notify::new(),
            over: watch::Sender::new(false),
            proof: watch::Sender::new(Proof::Pending),
            retry: Mutex::default(),
            mark: Uuid::new_v4().as_fields().1,
            started: AtomicU64::new(0),
        });
        tokio::spawn(pool.clone().keep());
        pool
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Schedule<Arc<Member>>> {
        // Nothing in there panics half way.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest invocation.
    pub(crate) fn time_limit(&self) -> Duration {
        self.spec.limits.time.unwrap_or(DEFAULT_TIME_LIMIT)
    }

    /// Does what a change of the schedule left to do.
    pub(crate) fn settle(self: &Arc<Pool>, todo: Todo<Arc<Member>>) {
        if todo.wake_keeper {
            self.keeper.notify_one();
        }
        for member in todo.end {
            let mut ending = Box::pin(self.clone().end(member));
            // Most are gone at once; the others take their time.
            if (&mut ending).now_or_never().is_none() {
                tokio::spawn(ending);
            }
        }
    }

    async fn end(self: Arc<Pool>, member: Arc<Member>) {
        member.left.notify_one();
        member.instance.stop().await;
        self.book.ended(&member.id, member.started.elapsed());
        let todo = self.lock().gone();
        // What `gone` leaves to do ends no further instance.
        if todo.wake_keeper {
            self.keeper.notify_one();
        }
    }

    /// Starts an instance, outside of the schedule.
    pub(crate) async fn start(self: &Arc<Pool>, purpose: Purpose) -> Result<Arc<Member>, PlatformError> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let id: Arc<str> = format!("{}-{:04x}-{number}", self.spec.id, self.mark).into();
        let log = {
            let (book, id) = (self.book.clone(), id.clone());
            Arc::new(move |stream, line: &str| book.journal.write(&id, stream, line))
        };
        let request = StartRequest { id: id.to_string(), log, ledger: self.ledger.clone() };
        let begin = Instant::now();
        let instance = match self.prepared.start_for(request, purpose).await {
            Ok(instance) => instance,
            Err(error) => {
                self.book.accounts.failed_start();
                self.book.remark(&id, &format!("did not start: {error}"));
                return Err(error);
            }
        };
        let member = Arc::new(Member { id, instance, started: Instant::now(), left: Notify::new() });
        self.book.started(&member.id);
        if purpose != Purpose::SingleUse {
            // Of instances that come and go with each invocation there would be nothing else to read.
            self.book.remark(&member.id, &format!("started within {} us", begin.elapsed().as_micros()));
            tokio::spawn(self.clone().watch(member.clone()));
        }
        Ok(member)
    }

    /// Waits for an instance to end by itself.
    async fn watch(self: Arc<Pool>, member: Arc<Member>) {
        let exit = tokio::select! {
            biased;
            () = member.left.notified() => return,
            exit = member.instance.ended() => exit,
        };
        self.book.remark(&member.id, &format!("ended by itself: {}", exit.reason));
        let todo = self.lock().died(|other| Arc::ptr_eq(other, &member));
        self.settle(todo);
    }

    /// Ends what is idle for too long, starts what is missing, until the pool is over.
    async fn keep(self: Arc<Pool>) {
        loop {
            let now = Instant::now();
            let retry = self.retry_at().filter(|at| *at > now);
            let (round, is_over) = {
                let mut schedule = self.lock();
                (schedule.round(now, retry.is_none()), schedule.is_over())
            };
            for member in &round.end {
                self.book.remark(&member.id, "was idle and is ended");
            }
            self.settle(Todo { end: round.end, wake_keeper: false });
            for _ in 0..round.start {
                tokio::spawn(self.clone().start_ahead());
            }
            if is_over {
                self.over.send_replace(true);
                return;
            }
            match round.next.into_iter().chain(retry).min() {
                Some(next) => {
                    tokio::select! {
                        () = self.keeper.notified() => {}
                        () = tokio::time::sleep_until(next) => {}
                    }
                }
                None => self.keeper.notified().await,
            }
        }
    }

    async fn start_ahead(self: Arc<Pool>) {
        let starting = Starting::new(self.clone());
        match self.start(Purpose::Ahead).await {
            Ok(member) => {
                let (todo, is_complete) = {
                    let mut schedule = self.lock();
                    (schedule.started_ahead(starting.done(member)), schedule.has_minimum())
                };
                self.settle(todo);
                *self.retry.lock().unwrap_or_else(PoisonError::into_inner) = Retry::default();
                if is_complete {
                    self.proof.send_replace(Proof::Ready);
                }
            }
            Err(error) => {
                self.pause();
                self.failed(error);
                drop(starting);
            }
        }
    }

    /// An instance was started for somebody who asked: it may be the first, or the last that its minimum lacked.
    pub(crate) fn started_for_one(&self) {
        let (is_complete, wants_keeper) = {
            let schedule = self.lock();
            (schedule.has_minimum(), schedule.wants_keeper())
        };
        if is_complete && !matches!(*self.proof.borrow(), Proof::Ready) {
            self.proof.send_replace(Proof::Ready);
        }
        if wants_keeper {
            self.keeper.notify_one();
        }
    }

    fn failed(&self, error: PlatformError) {
        self.proof.send_modify(|proof| {
            if !matches!(proof, Proof::Ready) {
                *proof = Proof::Failed(Arc::new(error));
            }
        });
    }

    fn retry_at(&self) -> Option<Instant> {
        self.retry.lock().unwrap_or_else(PoisonError::into_inner).at
    }

    fn pause(&self) {
        let mut retry = self.retry.lock().unwrap_or_else(PoisonError::into_inner);
        retry.pause = (retry.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        retry.at = Some(Instant::now() + retry.pause);
    }

    /// Sees whether instances start: with a minimum it waits for that, else it starts one and ends it.
    pub(crate) async fn prove(self: &Arc<Pool>) -> Result<(), PlatformError> {
        if self.lock().rules().minimum == 0 && matches!(*self.proof.borrow(), Proof::Pending) {
            if !self.lock().begin_ahead() {
                // There are as many as may be, so they do start.
                self.proof.send_replace(Proof::Ready);
                return Ok(());
            }
            let starting = Starting::new(self.clone());
            match self.start(Purpose::Ahead).await {
                Ok(member) => {
                    let todo = {
                        let mut schedule = self.lock();
                        let place = schedule.started(starting.done(member));
                        schedule.put_back(place.key, false)
                    };
                    self.settle(todo);
                    self.proof.send_replace(Proof::Ready);
                }
                Err(error) => self.failed(error),
            }
        }
        self.proven().await
    }

    /// Waits until it was seen whether instances start.
    pub(crate) async fn proven(&self) -> Result<(), PlatformError> {
        let mut proof = self.proof.subscribe();
        let seen = proof.wait_for(|proof| !matches!(proof, Proof::Pending)).await;
        match seen.as_deref() {
            Ok(Proof::Failed(error)) => Err(again(error, self.platform)),
            // The sender is ours, so it is not gone.
            _ => Ok(()),
        }
    }

    pub(crate) fn proof(&self) -> Proof {
        self.proof.borrow().clone()
    }

    /// Ends all instances with their present invocations; who asks next gets a new one. Returns when the idle ones are gone.
    pub(crate) async fn force_cold(self: &Arc<Pool>) {
        let todo = self.lock().retire_all();
        self.keeper.notify_one();
        join_all(todo.end.into_iter().map(|member| self.clone().end(member))).await;
        self.keeper.notify_one();
    }

    /// Other numbers of instances from now on.
    pub(crate) fn scale(self: &Arc<Pool>, scale: &Scale) {
        let todo = self.lock().change(rules(scale));
        self.settle(todo);
    }

    /// Takes nobody any more. Who waits is still served, then the instances end.
    pub(crate) fn close(self: &Arc<Pool>) {
        let todo = self.lock().close();
        self.settle(todo);
        self.keeper.notify_one();
    }

    /// Returns when it was closed and nothing is left of it.
    pub(crate) async fn is_over(&self) {
        // The sender is ours, so it is not gone.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// Takes nobody any more, sends away who waits, and ends all instances, whatever they are doing.
    pub(crate) async fn kill(self: &Arc<Pool>) {
        let (todo, members) = {
            let mut schedule = self.lock();
            (schedule.abandon(), schedule.seen())
        };
        self.settle(todo);
        join_all(members.iter().map(|seen| seen.instance.instance.stop())).await;
    }

    pub(crate) fn instances(&self) -> Vec<InstanceStatus> {
        let seen = self.lock().seen();
        let status = |seen: crate::schedule::Seen<Arc<Member>>| InstanceStatus {
            id: seen.instance.id.to_string(),
            age_us: u64::try_from(seen.instance.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            invocations: Some(seen.served),
            active: Some(seen.active),
            processes: seen.instance.instance.processes(),
            cgroup: seen.instance.instance.cgroup(),
        };
        seen.into_iter().map(status).collect()
    }
}

/// The longest invocation where nobody set a limit: an hour, so that nothing runs for ever.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(3600);

/// The rules that a complete scale means.
pub(crate) fn rules(scale: &Scale) -> Rules {
    let maximum = scale.maximum_instances.unwrap_or(1).max(1);
    Rules {
        minimum: scale.minimum_instances.unwrap_or(0).min(maximum),
        maximum,
        concurrency: scale.concurrency.unwrap_or(1),
        keep_alive: scale.keep_alive.unwrap_or_default(),
        queue: scale.queue.unwrap_or(0),
    }
}

/// A leave to start an instance. It is given back when nothing comes of it.
pub(crate) struct Starting(Option<Arc<Pool>>);

impl Starting {
    pub(crate) fn new(pool: Arc<Pool>) -> Starting {
        Starting(Some(pool))
    }

    /// The instance is there; the schedule is to be told.
    pub(crate) fn done(mut self, member: Arc<Member>) -> Arc<Member> {
        self.0 = None;
        member
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            let todo = pool.lock().not_started();
            pool.settle(todo);
        }
    }
}

/// An instance that somebody uses. It goes back with its drop, to be used again only when that was said.
pub(crate) struct Lease {
    pub(crate) pool: Arc<Pool>,
    pub(crate) place: Place<Arc<Member>>,
    pub(crate) is_usable: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let todo = self.pool.lock().put_back(self.place.key, self.is_usable);
        self.pool.settle(todo);
    }
}

//! One invocation: waiting for an instance, starting it where need be, being served.

use std::sync::Arc;
use std::time::Duration;

use native::unix_time_ns;
use platform::{Answer, InstanceIdentity, Invocation, PlatformError, Timings};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::accounts::Entry;
use crate::driver::{Purpose, Served};
use crate::failure::message_of;
use crate::flight::Flight;
use crate::member::Member;
use crate::persistent::Persistent;
use crate::pool::{Lease, Pool, Starting};
use crate::schedule::{Class, Grant, Turn};

/// The longest that a call whose answer is fetched later waits for an instance.
const LATER_PATIENCE: Duration = Duration::from_secs(600);

/// Why a pool did not serve.
pub(crate) enum Refusal {
    /// It takes nobody any more; another may have taken its place.
    Closed,
    /// It failed.
    Failed(PlatformError),
}

/// When a call came.
#[derive(Clone, Copy)]
struct Arrival {
    at: Instant,
    unix_ns: u64,
}

impl Pool {
    /// Invokes the function once.
    ///
    /// The time limit counts from when an instance takes the invocation. Waiting for an instance has the same limit again,
    /// starting one has that of the driver. The caller's patience ends its waiting, for an instance and for the answer; what
    /// an instance has taken it finishes all the same.
    pub(crate) async fn invoke(
        self: &Arc<Pool>,
        invocation: &Invocation,
        class: Class,
        flight: Flight,
    ) -> Result<Answer, Refusal> {
        let arrival = Arrival { at: Instant::now(), unix_ns: unix_time_ns() };
        let patience = invocation.patience.and_then(|patience| arrival.at.checked_add(patience));
        let grant = self.turn(class, arrival, patience).await?;
        let waited = arrival.at.elapsed();
        let serving = Persistent::new(self.clone().serve(grant, invocation.clone(), arrival, waited, flight));
        let outcome = match patience {
            None => serving.await,
            Some(end) => timeout_at(end, serving).await.unwrap_or_else(|_| {
                self.book.accounts.unanswered();
                Err(self.no_answer(arrival))
            }),
        };
        outcome.map_err(Refusal::Failed)
    }

    fn no_answer(&self, arrival: Arrival) -> PlatformError {
        PlatformError::NoAnswer { name: self.spec.name.clone(), waited: arrival.at.elapsed() }
    }

    async fn turn(
        self: &Arc<Pool>,
        class: Class,
        arrival: Arrival,
        patience: Option<Instant>,
    ) -> Result<Grant<Arc<Member>>, Refusal> {
        let turn = self.lock().take(class);
        let (number, granted) = match turn {
            Turn::Now(grant) => return Ok(grant),
            Turn::Closed => return Err(Refusal::Closed),
            Turn::Full(waiting) => {
                self.book.accounts.refused();
                let name = self.spec.name.clone();
                return Err(Refusal::Failed(PlatformError::Overloaded { name, waiting }));
            }
            Turn::Wait(number, granted) => (number, granted),
        };
        let mut waiting = Waiting { pool: self, number, granted, is_over: false };
        let longest = match class {
            Class::Waiting => self.time_limit(),
            Class::Later => LATER_PATIENCE,
        };
        let end = arrival.at + longest;
        let outcome = timeout_at(patience.map_or(end, |patience| patience.min(end)), &mut waiting.granted).await;
        match outcome {
            Ok(Ok(grant)) => {
                waiting.is_over = true;
                Ok(grant)
            }
            Ok(Err(_)) => Err(Refusal::Closed),
            Err(_) => {
                drop(waiting);
                self.book.accounts.unanswered();
                Err(Refusal::Failed(self.no_answer(arrival)))
            }
        }
    }

    async fn serve(
        self: Arc<Pool>,
        grant: Grant<Arc<Member>>,
        invocation: Invocation,
        arrival: Arrival,
        waited: Duration,
        flight: Flight,
    ) -> Result<Answer, PlatformError> {
        let (mut lease, started) = match grant {
            Grant::Instance(place) => (Lease { pool: self.clone(), place, is_usable: false }, None),
            Grant::Start => {
                let starting = Starting::new(self.clone());
                let begin = Instant::now();
                let is_single_use = self.lock().rules().is_single_use();
                let purpose = if is_single_use { Purpose::SingleUse } else { Purpose::OnDemand };
                let member = self.start(purpose).await?;
                let place = self.lock().started(starting.done(member));
                self.started_for_one();
                (Lease { pool: self.clone(), place, is_usable: false }, Some(begin.elapsed()))
            }
        };
        let (member, number) = (lease.place.instance.clone(), lease.place.invocation);
        let deadline = Instant::now() + self.time_limit();
        let served = member.instance.invoke(&invocation, deadline.into_std()).await;
        lease.is_usable = served.is_usable;
        drop(lease);
        let answer = self.answer(&member, number, served, arrival, (waited, started));
        drop(flight);
        Ok(answer)
    }

    fn answer(
        &self,
        member: &Member,
        number: u64,
        served: Served,
        arrival: Arrival,
        (waited, started): (Duration, Option<Duration>),
    ) -> Answer {
        if !served.is_usable {
            let message = message_of(&served.body);
            self.book.remark(&member.id, &format!("is ended after status {}: {message}", served.status));
        }
        let start = match (started, served.start) {
            (None, None) => None,
            (started, put_off) => Some(started.unwrap_or_default() + put_off.unwrap_or_default()),
        };
        // A broken instance does not say who it was.
        let instance = served.instance.unwrap_or_else(|| InstanceIdentity {
            id: member.id.to_string(),
            invocation_index: number,
            age_us: u64::try_from(member.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
        let (call, billing) = self.book.accounts.book(&Entry {
            status: served.status,
            is_cold: instance.is_cold(),
            waited,
            start,
            execution: served.execution,
            memory_bytes: self.spec.limits.memory_bytes,
            peak_memory_bytes: served.peak_memory_bytes,
            ended_instance: !served.is_usable,
        });
        let total_ns = nanoseconds(arrival.at.elapsed());
        Answer {
            status: served.status,
            body: served.body,
            call: Some(call),
            instance: Some(instance),
            timings: Timings {
                start_unix_ns: arrival.unix_ns,
                total_ns,
                connect_ns: None,
                first_byte_ns: None,
                queue_ns: Some(nanoseconds(waited)),
                start_instance_ns: start.map(nanoseconds),
                execution_ns: Some(nanoseconds(served.execution)),
            },
            billing: Some(billing),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Someone who waits for an instance; giving up is its drop.
struct Waiting<'a> {
    pool: &'a Arc<Pool>,
    number: u64,
    granted: oneshot::Receiver<Grant<Arc<Member>>>,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let todo = {
            let mut schedule = self.pool.lock();
            if schedule.give_up(self.number) {
                return;
            }
            // The grant came while this gave up.
            match self.granted.try_recv() {
                Ok(grant) => schedule.return_grant(grant),
                Err(_) => return,
            }
        };
        self.pool.settle(todo);
    }
}

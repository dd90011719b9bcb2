//! Calls at times that were computed beforehand, on any platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use load::Pacer;
use platform::{Deployment, Invocation, Platform};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, watch};

use crate::bench::unix_ns;
use crate::{Call, ExperimentError};

/// What is called, and when.
#[derive(Debug, Clone)]
pub struct SchedulePlan {
    /// When each call is due, ns since the beginning, in rising order.
    pub times_ns: Vec<u64>,
    /// The event of the call with that number.
    pub events: Arc<[Bytes]>,
    /// Calls under way at once; further ones are dropped, and counted.
    pub most_in_flight: u64,
    /// How long an answer is waited for.
    pub patience: Duration,
    /// What the calls are called.
    pub label: String,
}

/// What came of a schedule.
#[derive(Debug, Clone, Default)]
pub struct Scheduled {
    /// The calls that were made, in the order of their ends.
    pub calls: Vec<Call>,
    /// Calls that were not made, as too many were under way.
    pub dropped: u64,
    /// By how much each call was made late, ns: the generator's own error.
    pub lateness_ns: Vec<u64>,
    /// When it began, Unix time, ns.
    pub start_unix_ns: u64,
}

/// Makes the calls. Each is due when the schedule says, whether or not those before were answered. `seen` is told of each call as it
/// ends, and how many were dropped until then.
pub(crate) async fn dispatch(
    platform: Arc<dyn Platform>,
    deployment: &Deployment,
    plan: SchedulePlan,
    mut stop: watch::Receiver<bool>,
    mut seen: impl FnMut(&Call, u64) -> Result<(), ExperimentError>,
) -> Result<Scheduled, ExperimentError> {
    let (sender, mut ended) = mpsc::unbounded_channel();
    let (in_flight, dropped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let deployment = Arc::new(deployment.clone());
    let runtime = Handle::current();
    let start_unix_ns = unix_ns();
    let begin = Instant::now();
    let (dropping, mut stopped) = (dropped.clone(), stop.clone());
    // A thread of its own, which nothing else keeps waiting.
    let sending = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let own = Builder::new_current_thread().enable_all().build()?;
        own.block_on(async move {
            let mut pacer = Pacer::new(begin)?;
            for (number, due_ns) in plan.times_ns.iter().copied().enumerate() {
                tokio::select! {
                    late = pacer.until(due_ns) => late.map(|_| ())?,
                    // A run whose signal's sender is gone is not stopped.
                    Ok(_) = stopped.wait_for(|stopped| *stopped) => break,
                    // Nobody takes the calls any more: they could not be recorded.
                    () = sender.closed() => break,
                }
                if in_flight.load(Ordering::Relaxed) >= plan.most_in_flight {
                    dropping.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                in_flight.fetch_add(1, Ordering::Relaxed);
                let event = plan.events[number % plan.events.len().max(1)].clone();
                let invocation = Invocation { patience: Some(plan.patience), ..Invocation::new(event) };
                let (platform, deployment, in_flight) = (platform.clone(), deployment.clone(), in_flight.clone());
                let (sender, label) = (sender.clone(), plan.label.clone());
                runtime.spawn(async move {
                    let sent = Instant::now();
                    let sent_unix_ns = unix_ns();
                    let outcome = platform.invoke(&deployment, &invocation).await;
                    in_flight.fetch_sub(1, Ordering::Relaxed);
                    let repetition = u32::try_from(number).unwrap_or(u32::MAX);
                    let mut call = Call::new(&label, repetition, sent_unix_ns, sent.elapsed(), outcome);
                    call.intended_ns = Some(due_ns);
                    call.sent_ns = u64::try_from(sent.duration_since(begin).as_nanos()).ok();
                    // Nobody may wait for it any more.
                    let _ = sender.send(call);
                });
            }
            Ok(())
        })
    });
    let mut scheduled = Scheduled { start_unix_ns, ..Scheduled::default() };
    while let Some(call) = ended.recv().await {
        scheduled.lateness_ns.extend(call.sent_ns.zip(call.intended_ns).map(|(sent, due)| sent.saturating_sub(due)));
        seen(&call, dropped.load(Ordering::Relaxed))?;
        scheduled.calls.push(call);
    }
    let failed = |reason: String| ExperimentError::NoAnswer(format!("the calls could not be made in time: {reason}"));
    sending.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    scheduled.dropped = dropped.load(Ordering::Relaxed);
    if *stop.borrow_and_update() {
        return Err(ExperimentError::Stopped);
    }
    Ok(scheduled)
}

//! Leaving instances idle, and looking whether they are kept.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use platform::Deployment;
use tokio::time::Instant;

use super::super::tally::Tally;
use super::bisection::Observation;
use super::survival::Survivors;
use crate::{Bench, ExperimentError};

/// How often something is tried before it is given up: answers may fail, or not say who gave them.
const ATTEMPTS: u32 = 3;

/// What calls a unit's instances.
pub(super) struct Prober<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) event: Bytes,
    pub(super) tally: Mutex<Tally>,
}

impl Prober<'_> {
    /// Leaves one instance of each deployment idle for so long. Those of which nothing could be learnt are not among the
    /// observations.
    ///
    /// # Errors
    /// When it was stopped or could not be recorded.
    pub(super) async fn observe(
        &self,
        deployments: &[Deployment],
        idle: Duration,
        number: u32,
    ) -> Result<Vec<Observation>, ExperimentError> {
        let all = join_all(deployments.iter().map(|deployment| self.observe_one(deployment, idle, number))).await;
        Ok(all.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    async fn observe_one(
        &self,
        deployment: &Deployment,
        idle: Duration,
        number: u32,
    ) -> Result<Option<Observation>, ExperimentError> {
        for _ in 0..ATTEMPTS {
            let Some((instance, primed)) = self.primed(deployment, number).await? else { continue };
            let left = Instant::now();
            self.bench.wait(idle).await?;
            let (asked_s, idle) = (idle.as_secs_f64(), left.elapsed());
            if let Some((again, _)) = self.one_call(deployment, "after idling", number).await? {
                let was_kept = again == instance;
                let (idle_s, idle_most_s) = (idle.as_secs_f64(), (idle + primed).as_secs_f64());
                return Ok(Some(Observation { asked_s, idle_s, idle_most_s, was_kept }));
            }
        }
        Ok(None)
    }

    /// Brings an instance about, and sees it serve a second call, which takes no time for a start: with how long that took.
    async fn primed(
        &self,
        deployment: &Deployment,
        number: u32,
    ) -> Result<Option<(String, Duration)>, ExperimentError> {
        let mut before = None;
        // One more than for a single call, as the first may be of another instance.
        for _ in 0..=ATTEMPTS {
            match self.one_call(deployment, "before idling", number).await? {
                Some((instance, time)) if before.as_ref() == Some(&instance) => return Ok(Some((instance, time))),
                Some((instance, _)) => before = Some(instance),
                None => before = None,
            }
        }
        Ok(None)
    }

    /// Who answered, also with a failure, and how long it took.
    async fn one_call(
        &self,
        deployment: &Deployment,
        label: &str,
        number: u32,
    ) -> Result<Option<(String, Duration)>, ExperimentError> {
        let call = self.bench.call(deployment, self.event.clone(), label, number).await?;
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(&call);
        Ok(call.instance().map(|instance| (instance.id.clone(), Duration::from_nanos(call.total_ns))))
    }

    /// Leaves as many instances as `events` bring about at once idle for so long; `None` where nothing could be learnt.
    ///
    /// # Errors
    /// When it was stopped or could not be recorded.
    pub(super) async fn survivors(
        &self,
        deployment: &Deployment,
        events: &[Bytes],
        idle: Duration,
    ) -> Result<Option<Survivors>, ExperimentError> {
        for _ in 0..ATTEMPTS {
            // Twice: the first time some are started while others serve already.
            let mut before = self.all_at_once(deployment, events, "before idling").await?;
            if let Some(again) = self.all_at_once(deployment, events, "before idling").await? {
                before = Some(again);
            }
            let Some(before) = before else { continue };
            let left = Instant::now();
            self.bench.wait(idle).await?;
            let idle_s = left.elapsed().as_secs_f64();
            if let Some(after) = self.all_at_once(deployment, events, "after idling").await? {
                let kept = before.intersection(&after).count() as u64;
                return Ok(Some(Survivors { idle_s, kept, of: before.len() as u64 }));
            }
        }
        Ok(None)
    }

    /// The instances that answered; `None` when one did not say which it is, or did not serve to its end.
    async fn all_at_once(
        &self,
        deployment: &Deployment,
        events: &[Bytes],
        label: &str,
    ) -> Result<Option<BTreeSet<String>>, ExperimentError> {
        let calls = self.bench.at_once(deployment, events.to_vec(), label).await?;
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().for_each(|call| tally.count(call));
        let who = calls.iter().filter(|call| call.is_success()).map(|call| Some(call.instance()?.id.clone()));
        let instances: Option<Vec<String>> = who.collect();
        Ok(instances.filter(|instances| instances.len() == calls.len()).map(BTreeSet::from_iter))
    }
}
